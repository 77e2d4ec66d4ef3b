import { useMemo } from "preact/hooks";
import type { z } from "zod";
import { AlertListResponse } from "../../../types/alerts.ts";
import type { PerformanceHistoryResponse } from "../../../types/history.ts";
import { duration, number, percent } from "../format.ts";
import { pathOf, useRead } from "../queries.ts";
import { Chart } from "./chart.tsx";
import { Facts } from "./page.tsx";

const secondsOf = (moment: string): number => Date.parse(moment) / 1000;

/** The charts of a period; a range selected in one chart zooms all of them. */
export function History({ data, zoom, onZoom, type }: {
  data: z.infer<typeof PerformanceHistoryResponse>;
  zoom: [number, number] | null;
  onZoom: (from: number, until: number) => void;
  type: string;
}) {
  const alerts = useRead(
    pathOf("sync-monitoring/alerts", { entity: type, limit: 100 }),
    AlertListResponse,
    { every: 15_000 },
  ).data?.alerts;
  const bands = useMemo(
    () =>
      (alerts ?? []).filter(({ state }) => state !== "PENDING").map((
        { began_at, resolved_at },
      ) => ({
        from: secondsOf(began_at),
        until: resolved_at ? secondsOf(resolved_at) : secondsOf(data.until),
      })),
    [alerts, data.until],
  );
  const plots = useMemo(() => {
    const values = (
      valueOf: (point: typeof data.data_points[number]) => number | null,
    ) => data.data_points.map(valueOf);
    return {
      times: data.data_points.map(({ timestamp }) => secondsOf(timestamp)),
      marks: data.data_points.filter(({ runs_missed }) => (runs_missed ?? 0) > 0).map(({ timestamp }) => secondsOf(timestamp)),
      duration: [
        {
          name: "Duration, p50",
          colour: "--accent",
          values: values((point) => point.p50_duration_ms),
        },
        {
          name: "Duration, p95",
          colour: "--second",
          values: values((point) => point.p95_duration_ms),
          isDashed: true,
        },
      ],
      success: [{
        name: "Success",
        colour: "--ok-fill",
        values: values((point) => point.success_rate),
      }],
      records: [{
        name: "Records",
        colour: "--accent",
        values: values((point) => point.records_processed),
        isBars: true,
      }],
      errors: [{
        name: "Errors",
        colour: "--bad-fill",
        values: values((point) => point.error_count),
        isBars: true,
      }],
      memory: [{
        name: "Memory, MiB",
        colour: "--second",
        values: values((point) => point.memory_usage_mb),
      }],
      cache: [{
        name: "Cache hits",
        colour: "--ok-fill",
        values: values((point) => point.cache_hit_ratio),
      }],
    };
  }, [data]);
  const totals = data.aggregated_metrics;
  const range: [number, number] = zoom ??
    [secondsOf(data.from), secondsOf(data.until)];
  const shared = {
    times: plots.times,
    bands,
    marks: plots.marks,
    range,
    onZoom,
  };
  return (
    <>
      <Facts
        of={[
          ["Runs", number(totals.runs)],
          ["Missed", number(totals.runs_missed)],
          ["Success", percent(totals.success_rate)],
          [
            "Duration p50 / p95 / p99",
            `${duration(totals.p50_duration_ms)} / ${duration(totals.p95_duration_ms)} / ${duration(totals.p99_duration_ms)}`,
          ],
          ["Records", number(totals.records_processed)],
          ["Errors", number(totals.error_count)],
          [
            "Peak memory",
            totals.peak_memory_mb === null ? "–" : `${number(totals.peak_memory_mb)} MiB`,
          ],
          ["Cache hits", percent(totals.cache_hit_ratio)],
          ["Requests saved", percent(totals.api_call_reduction)],
          ["Bytes saved", percent(totals.api_call_volume_reduction)],
          ["API fallbacks", percent(totals.api_fallback_ratio)],
          ["Database calls", number(totals.database_calls)],
        ]}
      />
      {(bands.length > 0 || plots.marks.length > 0) && (
        <p class="legend">
          <span class="band-key" aria-hidden="true" /> shaded: an incident was live; red marks: a run was missed
        </p>
      )}
      <div class="charts">
        <Chart
          title="Duration"
          series={plots.duration}
          format={duration}
          {...shared}
        />
        <Chart
          title="Success"
          series={plots.success}
          format={percent}
          top={1}
          {...shared}
        />
        <Chart
          title="Records"
          series={plots.records}
          format={number}
          {...shared}
        />
        <Chart
          title="Errors"
          series={plots.errors}
          format={number}
          {...shared}
        />
        <Chart
          title="Memory"
          series={plots.memory}
          format={(value) => `${number(Math.round(value))} MiB`}
          {...shared}
        />
        <Chart
          title="Cache hits"
          series={plots.cache}
          format={percent}
          top={1}
          {...shared}
        />
      </div>
    </>
  );
}
