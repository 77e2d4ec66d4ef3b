import { PerformanceHistoryResponse } from "../../../types/history.ts";
import type { PerformanceSummary } from "../../../types/monitoring.ts";
import { counted, duration, number, percent } from "../format.ts";
import { useRead } from "../queries.ts";
import { Facts } from "./page.tsx";
import { Trend } from "./trend.tsx";

type Point = PerformanceHistoryResponse["data_points"][number];
/** The number of buckets of the API in an hour; each is 15 minutes wide. */
const BUCKETS_PER_HOUR = 4;

/** The sum or the mean of the buckets of each hour; null for an hour without a value. */
function hourly(points: Point[], valueOf: (point: Point) => number | null, isMean = false): (number | null)[] {
  const hours = Math.ceil(points.length / BUCKETS_PER_HOUR);
  // The newest hour is complete; the oldest hour can be incomplete.
  return Array.from({ length: hours }, (_, index) => {
    const until = points.length - (hours - 1 - index) * BUCKETS_PER_HOUR;
    const values = points.slice(Math.max(until - BUCKETS_PER_HOUR, 0), until).map(valueOf).filter((value) => value !== null);
    const sum = values.reduce((a, b) => a + b, 0);
    return values.length ? (isMean ? sum / values.length : sum) : null;
  });
}

/** The figures of the last 24 hours of all syncs, each with its course by the hour. */
export function LastDay({ totals }: { totals: PerformanceSummary }) {
  const history = useRead("sync-monitoring/performance-history?period=24h", PerformanceHistoryResponse, { every: 60_000 }).data;
  const points = history?.data_points ?? [];
  return (
    <section class="last-day" aria-labelledby="last-day">
      <h2 id="last-day">Last 24 hours, by the hour</h2>
      <Facts
        class="figures"
        of={[
          [
            "Success of the runs",
            <>
              {percent(totals.success_rate)} <small>of {counted(totals.runs, "run")}</small>
              <Trend values={hourly(points, ({ success_rate }) => success_rate, true)} top={1} isShare />
            </>,
          ],
          [
            "Errors",
            <>
              {number(totals.errors)} <small>in {counted(totals.runs, "run")}</small>
              <Trend values={hourly(points, ({ error_count }) => error_count)} isBad />
            </>,
          ],
          [
            "Records written",
            <>
              {number(history?.aggregated_metrics.records_processed)} <small>{number(totals.records_processed_today)} today, UTC</small>
              <Trend values={hourly(points, ({ records_processed }) => records_processed)} />
            </>,
          ],
          [
            "VIS answers in",
            <>
              {duration(totals.average_response_time_ms)} <small>mean of {counted(totals.api_calls, "request")}</small>
              <Trend values={hourly(points, ({ api_response_ms }) => api_response_ms, true)} />
            </>,
          ],
        ]}
      />
    </section>
  );
}
