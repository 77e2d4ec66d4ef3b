import { ALERT_METRICS, type AlertMetric, type AlertRule } from "../../types/alerts.ts";
import { number, percent, words } from "./format.ts";

/** The help text of each metric in the rule form. */
export const METRIC_HELP: Record<AlertMetric, string> = {
  success_rate: "Share of full runs in the window that succeeded; a partial run counts as the share of its tournaments that did not fail.",
  consecutive_failures: "Failed full runs in a row, regardless of the window.",
  duration_exceeded: "Duration of the longest run in the window, in seconds; a run in progress counts.",
  memory_usage: "Highest memory use of a run in the window, in MiB.",
  sync_overdue: "Seconds since a due run passed its grace.",
  error_rate: "Errors per run in the window; the error type limits which errors count.",
  records_collapse: "Drop of the last run's records per request below the usual number of the week before, as a share: 1 means no records.",
  cache_hit_ratio: "Share of tournaments whose stored data was fresh enough to skip a request.",
  api_response_time: "Mean response time of the upstream service, in milliseconds.",
  api_fallback_ratio: "Share of requests to the upstream service that were a retry, a forced full read or answered in XML.",
  tournament_staleness:
    "Seconds for which the matches of a tournament had been due when the last full run ended without reading them; needs the scope “each tournament”.",
  stuck_execution: "Seconds since the last heartbeat of a run in progress.",
  shared_failure: "Tournaments whose latest failure has the same fingerprint.",
  unconfirmed_replies:
    "Replies that were held back and that the next reply contradicts in the window, or that nothing confirmed for an hour.",
  undelivered_age: "The age of the oldest notification that was not delivered.",
  processor_late: "Seconds between two evaluations of the rules.",
  queue_age: "Seconds that the oldest job has been waiting.",
  broken_rules: "Active rules that an evaluation cannot measure.",
};

const withUnit = (value: number, metric: AlertMetric): string => {
  const { unit } = ALERT_METRICS[metric];
  const counted = value === 1 ? unit.replace(/^replies$/, "reply").replace(/^(run|tournament|error|rule)s\b/, "$1") : unit;
  return unit === "ratio" ? percent(value) : `${number(value)} ${counted}`;
};

/** The condition of a rule as a sentence. */
export function conditionOf(
  { metric, threshold, evaluation_window, for_duration, lowest_priority }: AlertRule,
): string {
  const side = ALERT_METRICS[metric].direction === "above" ? "is at least" : "is below";
  const forText = /^0 /.test(for_duration) ? "" : ` for ${for_duration}`;
  const window = ALERT_METRICS[metric].uses_window ? `, over ${evaluation_window}` : "";
  const priority = lowest_priority ? `, for tournaments with the priority ${words(lowest_priority)} or a higher one` : "";
  return `${words(metric)} ${side} ${withUnit(threshold, metric)}${forText}${window}${priority}`;
}
