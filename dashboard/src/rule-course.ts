import type { PerformanceDataPoint } from "../../types/history.ts";
import { ALERT_METRICS, type AlertMetric } from "../../types/alerts.ts";
import type { EntityHealthStatus } from "../../types/monitoring.ts";
import type { Fields } from "./rule-fields.ts";
import { msOf } from "./format.ts";

/** The past values of a metric, for the chart beside the form of a rule. */
interface Course {
  /** Seconds since the epoch. */
  times: number[];
  values: (number | null)[];
}

const inSeconds = (ms: number | null): number | null => ms === null ? null : ms / 1_000;

/** The value of each bucket of the history, for the metrics that it has, in the unit of the metric. */
const VALUES: Partial<Record<AlertMetric, (point: PerformanceDataPoint) => number | null>> = {
  success_rate: ({ success_rate }) => success_rate,
  duration_exceeded: ({ p99_duration_ms }) => inSeconds(p99_duration_ms),
  memory_usage: ({ memory_usage_mb }) => memory_usage_mb,
  error_rate: ({ error_count, runs }) => runs ? (error_count ?? 0) / runs : null,
  cache_hit_ratio: ({ cache_hit_ratio }) => cache_hit_ratio,
  api_response_time: ({ api_response_ms }) => api_response_ms,
};
/** The metrics whose value of all syncs is not that of their runs together: the worst sync decides. */
const OF_THE_WORST: AlertMetric[] = ["success_rate", "duration_exceeded", "consecutive_failures"];

type Scope = Pick<Fields, "metric" | "scope" | "entity_type" | "error_type">;

/** Whether the history shows what a rule measures: not of single tournaments, and not of one class of errors. */
export const hasCourse = ({ metric, scope, entity_type, error_type }: Scope): boolean =>
  scope === "ENTITY" && error_type === "" && (metric in VALUES || metric === "consecutive_failures") &&
  !(entity_type === "all" && OF_THE_WORST.includes(metric));

/** A day, or a week for a window of more than 6 hours. */
export const periodFor = ({ evaluation_window }: Pick<Fields, "evaluation_window">): "24h" | "7d" =>
  (msOf(evaluation_window) ?? 0) > 6 * 3_600_000 ? "7d" : "24h";

const secondsOf = (moment: string): number => Date.parse(moment) / 1_000;

/** The metric in each bucket of the history. */
export const courseOf = (points: PerformanceDataPoint[], metric: AlertMetric): Course => ({
  times: points.map(({ timestamp }) => secondsOf(timestamp)),
  values: points.map(VALUES[metric] ?? (() => null)),
});

/** The failures in a row after each of the last full runs; a run that was cancelled or skipped does not count. */
export function failuresInARow(runs: EntityHealthStatus["recent_runs"]): Course {
  let streak = 0;
  const values = runs.map(({ status }) => {
    if (["FAILED", "TIMED_OUT"].includes(status)) streak += 1;
    else if (["SUCCEEDED", "PARTIAL"].includes(status)) streak = 0;
    return streak;
  });
  return { times: runs.map(({ execution_start }) => secondsOf(execution_start)), values };
}

/** Whether the unit of a metric is a count, so that the axis has no fractions. */
export const isCount = (metric: AlertMetric): boolean => !["s", "ms", "ratio"].includes(ALERT_METRICS[metric].unit);
