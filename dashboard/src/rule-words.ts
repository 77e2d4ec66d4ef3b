import { ALERT_METRICS, type AlertMetric, type AlertRule } from "../../types/alerts.ts";
import { number, percent, words } from "./format.ts";

/** What a metric measures, for who sets a rule on it. */
export const METRIC_WORDS: Record<AlertMetric, string> = {
  success_rate: "Share of full runs in the window that succeeded; a partial run counts by its share of tournaments.",
  consecutive_failures: "Failed runs in a row, whatever the window.",
  duration_exceeded: "The longest run in the window, in seconds; one that still goes on counts.",
  memory_usage: "The most memory a run in the window used, in MiB.",
  sync_overdue: "Seconds past the time a run was due and its grace.",
  error_rate: "Errors a run in the window; of one type if you name it.",
  records_collapse: "How far the records of the last run fall under what is usual: 1 is no records at all.",
  cache_hit_ratio: "Share of tournaments whose data was fresh enough not to be read again.",
  api_response_time: "Mean answer of the upstream service, in milliseconds.",
  stuck_execution: "Seconds since a run that goes on gave a sign of life.",
  shared_failure: "How many tournaments failed last for one and the same reason.",
  dead_notifications: "Messages that could not be delivered.",
  processor_late: "Seconds between two evaluations of the rules.",
  queue_age: "Seconds the oldest job has been waiting.",
};

const figure = (value: number, metric: AlertMetric): string => {
  const { unit } = ALERT_METRICS[metric];
  return unit === "ratio" ? percent(value) : `${number(value)} ${unit}`;
};

/** When a rule speaks, in words. */
export function limitOf(
  { metric, threshold, evaluation_window, for_duration }: AlertRule,
): string {
  const side = ALERT_METRICS[metric].direction === "above" ? "is at least" : "is under";
  const held = /^0 /.test(for_duration) ? "" : ` for ${for_duration}`;
  return `${words(metric)} ${side} ${figure(threshold, metric)}${held}, over ${evaluation_window}`;
}
