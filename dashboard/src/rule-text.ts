import { ALERT_METRICS, type AlertMetric, type AlertRule, type Metric } from "../../types/alerts.ts";
import { SEVERITIES } from "../../types/sync.ts";
import { capitalised, counted, duration, msOf, number, percent, title, words } from "./format.ts";
import { isShare } from "./rule-fields.ts";

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
  unconfirmed_replies: "Held-back replies that the next reply contradicts in the window, or that no reply confirmed for an hour.",
  undelivered_age: "The age of the oldest notification that was not delivered.",
  processor_late: "Seconds between two evaluations of the rules.",
  queue_age: "Seconds that the oldest job has been waiting.",
  burn_rate:
    "The speed at which the error budget of an objective is spent, in the window and in a twelfth of it. At 1 the budget lasts exactly as long as the objective's window.",
  broken_rules: "Active rules that an evaluation cannot measure.",
  canary: "Channels whose test message is due.",
  canary_failed: "Channels whose last test message failed.",
};

/** The name of each metric in the rule form. */
export const METRIC_NAMES = Object.fromEntries(
  Object.entries(ALERT_METRICS).map(([metric, { label }]) => [metric, capitalised(label)]),
) as Record<AlertMetric, string>;

/** The unit behind a threshold in the rule form. */
export const unitOf = (metric: AlertMetric): string => isShare(metric) ? "%" : ALERT_METRICS[metric].unit;

/** The thresholds that a metric allows, in the unit of the rule form, and the reason of the upper limit. */
export function rangeOf(metric: AlertMetric): string {
  const { min, max, limit }: Metric = ALERT_METRICS[metric];
  const scale = isShare(metric) ? 100 : 1;
  const range = min === max ? number(min) : `${number(min * scale)} to ${number(max * scale)}`;
  return `${range} ${unitOf(metric)}${limit ? `, because ${limit}` : ""}`;
}

/** Replaces the range in a message of the API, whose ratios are percentages in the form. */
export const rangeRefusal = (metric: AlertMetric) => (message: string): string =>
  message.startsWith("must be between") ? `must be ${rangeOf(metric)}` : message;

const seconds = (value: number): string => duration(value * 1_000);

const withUnit = (value: number, metric: AlertMetric): string => {
  const { unit } = ALERT_METRICS[metric];
  const counted = value === 1 ? unit.replace(/^replies$/, "reply").replace(/^(run|tournament|error|rule|channel)s\b/, "$1") : unit;
  return unit === "ratio" ? percent(value) : `${number(value)} ${counted}`;
};

/** A value of a metric with its unit; a time is in its largest units. */
export function valueOf(value: number | null, metric: AlertMetric): string {
  if (value === null) return "unknown";
  const { unit } = ALERT_METRICS[metric];
  if (unit === "s") return seconds(value);
  return unit === "ms" ? duration(value) : withUnit(value, metric);
}

type Condition = Pick<AlertRule, "metric" | "threshold" | "evaluation_window" | "for_duration" | "scope"> & {
  /** The name of the objective of a burn-rate rule, if it is known. */
  objective?: string | undefined;
};

/** The condition of each metric as a clause that follows `When`. */
const EVENTS: Record<AlertMetric, (value: number, rule: Condition) => string> = {
  success_rate: (value, { scope, evaluation_window }) =>
    scope === "TOURNAMENT"
      ? `fewer than ${percent(value)} of the syncs of a tournament succeed in ${evaluation_window}`
      : `fewer than ${percent(value)} of the full runs in ${evaluation_window} succeed`,
  consecutive_failures: (value, { scope }) =>
    scope === "TOURNAMENT"
      ? value === 1 ? "the sync of a tournament fails" : `the sync of a tournament fails ${number(value)} times in a row`
      : value === 1
      ? "a full run fails"
      : `${number(value)} full runs in a row fail`,
  duration_exceeded: (value) => `a run takes ${seconds(value)} or longer`,
  memory_usage: (value) => `a run uses ${number(value)} MiB of memory or more`,
  sync_overdue: (value) => value <= 1 ? "a run is overdue" : `a run is overdue by ${seconds(value)} or longer`,
  error_rate: (value, { evaluation_window }) => `runs have ${number(value)} errors or more on average in ${evaluation_window}`,
  records_collapse: (value) => `the last run reads fewer records per request than usual by ${percent(value)} or more`,
  cache_hit_ratio: (value, { evaluation_window }) => `fewer than ${percent(value)} of the tournaments are fresh in ${evaluation_window}`,
  api_response_time: (value, { evaluation_window }) =>
    `VIS takes ${duration(value)} or longer to answer on average in ${evaluation_window}`,
  api_fallback_ratio: (value, { evaluation_window }) =>
    `${percent(value)} or more of the requests in ${evaluation_window} are retries, forced full reads or answered in XML`,
  tournament_staleness: (value) => `the matches of a tournament are due for ${seconds(value)} and no run reads them`,
  stuck_execution: (value) => `a run sends no heartbeat for ${seconds(value)}`,
  shared_failure: (value) => `${counted(value, "tournament")} or more fail for the same reason`,
  unconfirmed_replies: (value) =>
    value === 1
      ? "a held-back reply is not confirmed"
      : `${counted(value, "held-back reply").replace(/replys$/, "replies")} or more are not confirmed`,
  undelivered_age: (value) => `a notification is not delivered for ${seconds(value)}`,
  processor_late: (value) => `no rules are evaluated for ${seconds(value)}`,
  queue_age: (value) => `a job waits in the queue for ${seconds(value)}`,
  burn_rate: (value, { evaluation_window, objective }) =>
    // The window and the rate differ between the rules of an objective, so they come first: a list cuts the end of the text.
    `over ${evaluation_window} the error budget of ${objective ?? "an objective"} is spent ${number(value)} times faster than evenly`,
  broken_rules: (value) => value === 1 ? "a rule cannot be measured" : `${counted(value, "rule")} or more cannot be measured`,
  canary: () => "the test of a channel is due",
  canary_failed: (value) => value === 1 ? "a channel is not proven" : `${counted(value, "channel")} or more are not proven`,
};

const isZero = (length: string | null): boolean => length === null || !(msOf(length) ?? 1);

/** A part of a sentence; the name of a channel is emphasised. */
type Phrase = string | { channel: string };
const channelsOf = (names: string[]): Phrase[] =>
  names.flatMap((name, index) => [...index === 0 ? [] : [index === names.length - 1 ? " and " : ", "], { channel: name }]);

/** The change of the severity by a step of the escalation: one step above the severity of the steps before it. */
export const raisedBy = (severity: AlertRule["severity"], step = 0): string => {
  const next = SEVERITIES[SEVERITIES.indexOf(severity) + step + 1];
  return next ? `raise to ${title(next)}` : "notify again";
};

/** The condition of a rule as a clause. */
function clauseOf(rule: Condition & Pick<AlertRule, "lowest_priority">): string {
  const lasting = isZero(rule.for_duration) ? "" : ` for ${rule.for_duration}`;
  const priority = rule.lowest_priority ? ` (priority ${words(rule.lowest_priority)} or higher)` : "";
  return `${EVENTS[rule.metric](rule.threshold, rule)}${priority}${lasting}`;
}

/** The condition of a rule as a sentence. */
export const conditionOf = (rule: Parameters<typeof clauseOf>[0]): string => `${capitalised(clauseOf(rule))}.`;

/** A rule as a sentence: its condition, its channels, and its escalation. */
export function sentenceOf(
  rule: Condition & Pick<AlertRule, "notification_channels" | "escalation_delay" | "escalation_channels" | "severity" | "lowest_priority">,
): Phrase[] {
  const channels = rule.notification_channels.filter((name) => name !== "dashboard");
  const steps = rule.escalation_channels.flat();
  const condition = clauseOf(rule);
  return [
    ...channels.length ? [`When ${condition}, notify `, ...channelsOf(channels)] : [`When ${condition}, show it on this page`],
    ...isZero(rule.escalation_delay) ? [] : [
      `; after ${rule.escalation_delay} without acknowledgement ${raisedBy(rule.severity)}`,
      ...steps.length ? [" and add ", ...channelsOf([...new Set(steps)])] : [],
    ],
    ".",
  ];
}
