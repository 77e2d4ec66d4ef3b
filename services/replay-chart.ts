import { ALERT_METRICS, type AlertMetric } from "../types/alerts.ts";
import type { Backtest } from "../types/backtest.ts";
import type { MeasuredValue } from "./contract/replay.ts";

/** The points of a chart: the two extremes of each of its parts. */
const POINTS = 500;
type Point = Backtest["values"][number];

/** A measured value at a later time: the overdue time of a sync grows between two measurements. */
export function valueAt(measured: MeasuredValue, now: number, metric: AlertMetric): MeasuredValue {
  if (metric !== "sync_overdue" || measured.since === null) return measured;
  return { ...measured, value: (now - Date.parse(measured.since)) / 1000 };
}

/** The values over time, thinned so that each extreme stays. */
export function chartOf(values: readonly MeasuredValue[], metric: AlertMetric, until: number): Point[] {
  const point = (at: number, measured: MeasuredValue): Point => {
    const { value, is_paused } = valueAt(measured, at, metric);
    return { at: new Date(at).toISOString(), value: is_paused ? null : value };
  };
  const points = values.flatMap((measured, index) => {
    // An overdue time grows until the next value, so its last point is the extreme.
    const next = values[index + 1]?.at ?? until, isGoingOn = metric === "sync_overdue" && measured.since !== null;
    return [point(measured.at, measured), ...isGoingOn && next > measured.at ? [point(next, measured)] : []];
  });
  return thin(points, ALERT_METRICS[metric].direction === "above" ? 1 : -1);
}

function thin(points: Point[], sign: 1 | -1): Point[] {
  if (points.length <= POINTS) return points;
  const size = points.length / (POINTS / 2);
  return Array.from({ length: POINTS / 2 }, (_, part) => points.slice(Math.floor(part * size), Math.floor((part + 1) * size)))
    .flatMap((part) => {
      const sorted = part.toSorted((a, b) => sign * ((b.value ?? -Infinity * sign) - (a.value ?? -Infinity * sign)));
      const kept = new Set([sorted[0], sorted.at(-1)]);
      return part.filter((each) => kept.has(each));
    });
}
