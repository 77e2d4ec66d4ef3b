import { useMemo } from "preact/hooks";
import type { z } from "zod";
import { type AlertIncident, AlertListResponse } from "../../../types/alerts.ts";
import type { PerformanceHistoryResponse } from "../../../types/history.ts";
import { barsOf } from "../charts/bars.ts";
import { durationLines } from "../charts/durations.ts";
import { DURATION_STEPS } from "../charts/scale.ts";
import { duration, number, percent } from "../format.ts";
import { useNarrow } from "../narrow.ts";
import { pathOf, useRead } from "../queries.ts";
import { Chart } from "./chart.tsx";
import { Empty } from "./states.tsx";

const secondsOf = (moment: string): number => Date.parse(moment) / 1000;
const mib = (value: number): string => `${number(Math.round(value))} MiB`;
const RATIO_TICKS = [0, 0.25, 0.5, 0.75, 1], FEW_RATIO_TICKS = [0, 0.5, 1];
const LARGE = 240, SMALL = 112;

/** The meaning of the marks in the charts, and the effects of a pointer. */
export const Legend = () => (
  <ul class="legend">
    <li class="shaded">Incident</li>
    <li class="missed">Missed run</li>
    <li>Select a point to see its runs; drag to zoom.</li>
  </ul>
);

/**
 * The charts of a period: duration and success are large, and the others are small, or on a narrow screen shown on demand. A selected range
 * zooms all charts, a click opens the runs of a bucket, and a shaded period is a link to its incident.
 */
export function History({ data, zoom, onZoom, onOpen, type }: {
  data: z.infer<typeof PerformanceHistoryResponse>;
  zoom: [number, number] | null;
  onZoom: (from: number, until: number) => void;
  onOpen: (from: number, until: number) => void;
  type: string;
}) {
  const alerts = useRead(
    pathOf("sync-monitoring/alerts", { entity: type, limit: 100 }),
    AlertListResponse,
    { every: 15_000 },
  ).data?.alerts;
  const bands = useMemo(() => {
    const ids = new Set(alerts?.map(({ id }) => id));
    // A parent outside the list is an incident of all syncs, so the inhibited incident of this sync is shown in its place.
    const isTop = ({ parent_id, tournament_no }: AlertIncident) => parent_id === null || (tournament_no === null && !ids.has(parent_id));
    return (alerts ?? []).filter((incident) => incident.state !== "PENDING" && isTop(incident)).map(
      ({ id, cause, began_at, resolved_at }) => ({
        from: secondsOf(began_at),
        until: resolved_at ? secondsOf(resolved_at) : secondsOf(data.until),
        label: cause,
        href: `#/alerts/${id}`,
      }),
    );
  }, [alerts, data.until]);
  const range: [number, number] = zoom ?? [secondsOf(data.from), secondsOf(data.until)];
  const series = useMemo(() => {
    const points = data.data_points;
    const values = (valueOf: (point: typeof points[number]) => number | null) => points.map(valueOf);
    const line = (name: string, colour: string, valueOf: (point: typeof points[number]) => number | null) => ({
      name,
      colour,
      values: values(valueOf),
    });
    const times = points.map(({ timestamp }) => secondsOf(timestamp));
    const bars = (name: string, colour: string, valueOf: (point: typeof points[number]) => number | null) => {
      const bars = barsOf(times, values(valueOf), range);
      return { times: bars.times, series: [{ name, colour, values: bars.values, isBars: true }] };
    };
    return {
      times,
      marks: points.filter(({ runs_missed }) => (runs_missed ?? 0) > 0).map(({ timestamp }) => secondsOf(timestamp)),
      duration: durationLines(points),
      success: [line("Success", "--ok-fill", (point) => point.success_rate)],
      records: bars("Records", "--accent", (point) => point.records_processed),
      errors: bars("Errors", "--bad-fill", (point) => point.error_count),
      memory: [line("Memory", "--second", (point) => point.memory_usage_mb)],
      fresh: [line("Fresh", "--accent", (point) => point.cache_hit_ratio)],
    };
  }, [data, range[0], range[1]]);
  // Only the large charts have links to the incidents, so that the Tab key reaches each link at most twice.
  const shaded = useMemo(() => bands.map(({ from, until }) => ({ from, until })), [bands]);
  const isNarrow = useNarrow();
  const totals = data.aggregated_metrics;
  if (totals.runs === 0 && !series.marks.length) return <Empty>No run started in this period.</Empty>;
  const lastSuccess = data.data_points.findLast(({ success_rate }) => success_rate !== null)?.success_rate ?? null;
  const minor = { times: series.times, bands: shaded, marks: series.marks, range, onZoom, onOpen, height: SMALL };
  const shared = { times: series.times, bands, marks: series.marks, range, onZoom, onOpen };
  const small = (
    <div class="charts minor">
      <Chart
        title="Records"
        totals={[[data.period, number(totals.records_processed)]]}
        format={number}
        least={1}
        {...minor}
        {...series.records}
      />
      <Chart title="Errors" totals={[[data.period, number(totals.error_count)]]} format={number} least={1} {...minor} {...series.errors} />
      <Chart
        title="Peak memory"
        totals={[[data.period, totals.peak_memory_mb === null ? "–" : mib(totals.peak_memory_mb)]]}
        series={series.memory}
        format={mib}
        least={1}
        {...minor}
      />
      <Chart
        title="Fresh"
        totals={[[data.period, percent(totals.cache_hit_ratio)]]}
        series={series.fresh}
        format={percent}
        ticks={FEW_RATIO_TICKS}
        {...minor}
      />
    </div>
  );
  return (
    <>
      <div class="charts">
        <Chart
          title="Duration"
          totals={[[`${data.period} p50`, duration(totals.p50_duration_ms)], ["p95", duration(totals.p95_duration_ms)]]}
          series={series.duration}
          format={duration}
          steps={DURATION_STEPS}
          cutsPeaks
          height={LARGE}
          {...shared}
        />
        <Chart
          title="Success"
          totals={[[data.period, percent(totals.success_rate)], ["last", percent(lastSuccess)]]}
          series={series.success}
          format={percent}
          ticks={RATIO_TICKS}
          height={LARGE}
          {...shared}
        />
      </div>
      {isNarrow
        ? (
          <details>
            <summary>Records, errors, memory and fresh tournaments</summary>
            {small}
          </details>
        )
        : small}
    </>
  );
}
