import { useMemo } from "preact/hooks";
import { ALERT_METRICS } from "../../../types/alerts.ts";
import { PerformanceHistoryResponse, PERIODS } from "../../../types/history.ts";
import { counted, number } from "../format.ts";
import { useOverview } from "../overview.ts";
import { pathOf, useRead } from "../queries.ts";
import { courseOf, failuresInARow, hasCourse, isCount, periodFor } from "../rule-course.ts";
import { type Fields, thresholdIn } from "../rule-fields.ts";
import { METRIC_NAMES, valueOf } from "../rule-text.ts";
import { Chart } from "./chart.tsx";

const HEIGHT = 132, RATIO_TICKS = [0, 0.5, 1];

/** What the points of the chart are: buckets of a period, or full runs. */
function sourceOf(count: number, period: keyof typeof PERIODS | null, { evaluation_window }: Fields): string {
  if (period === null) return `After each of the last ${counted(count, "full run")}.`;
  const { step, span } = PERIODS[period];
  return `The runs of each ${step.replace(/^1 /, "")} of the last ${span}; the rule measures ${evaluation_window}.`;
}

/** The past values of the metric of the form with its threshold as a line; nothing where the history does not have them. */
export function RuleChart({ fields }: { fields: Fields }) {
  const { metric, entity_type } = fields;
  const isStreak = metric === "consecutive_failures";
  const period = periodFor(fields);
  const history = useRead(pathOf("sync-monitoring/performance-history", { period, entity: entity_type }), PerformanceHistoryResponse, {
    isEnabled: hasCourse(fields) && !isStreak,
    every: 60_000,
  }).data;
  const runs = useOverview().data?.sync_entities[entity_type]?.recent_runs;
  const threshold = thresholdIn(fields.threshold, metric);
  const course = useMemo(() => {
    if (!hasCourse(fields)) return null;
    return isStreak ? runs ? failuresInARow(runs) : null : history ? courseOf(history.data_points, metric) : null;
  }, [metric, fields.scope, entity_type, fields.error_type, history, runs]);
  const plot = useMemo(() => {
    if (!course || typeof threshold !== "number") return null;
    const { times, values } = course;
    return {
      times,
      series: [
        { name: "Value", colour: "--accent", values, isStepped: isStreak },
        { name: "Threshold", colour: "--bad-fill", values: times.map(() => threshold), isDashed: true },
      ],
      bands: [],
      marks: [],
      top: ALERT_METRICS[metric].unit === "ratio" ? 1 : threshold * 1.3,
      range: [times[0] ?? 0, times.at(-1) ?? 0] as [number, number],
      format: (value: number) => valueOf(value, metric),
      height: HEIGHT,
      ...ALERT_METRICS[metric].unit === "ratio" ? { ticks: RATIO_TICKS } : isCount(metric) ? { axisFormat: number } : {},
    };
  }, [course, threshold, metric]);
  if (!plot || plot.times.length < 2) return null;
  return (
    <div class="rule-chart">
      {/* A chart keeps the format of its values, so that another metric is another chart. */}
      <Chart key={metric} title={METRIC_NAMES[metric]} {...plot} />
      <p>
        {sourceOf(plot.times.length, isStreak ? null : period, fields)} The dashed line is the threshold of{" "}
        {valueOf(Number(threshold), metric)}.
      </p>
    </div>
  );
}
