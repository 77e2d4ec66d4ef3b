import { useMemo } from "preact/hooks";
import { Chart } from "../components/chart.tsx";
import { ALERT_METRICS } from "../../../types/alerts.ts";
import { number, sentence } from "../format.ts";
import { valueOf } from "../rule-text.ts";
import type { Incident } from "./incident.ts";

const secondsOf = (moment: string): number => Date.parse(moment) / 1_000;

/** The value of the metric before and during the incident, with the threshold. */
export function ValueChart({ incident }: { incident: Incident }) {
  const { metric, threshold, began_at, resolved_at } = incident;
  const value_history = incident.value_history ?? [];
  const isCounted = !["s", "ms", "ratio"].includes(ALERT_METRICS[metric].unit);
  const plot = useMemo(() => {
    const began = secondsOf(began_at), until = resolved_at ? secondsOf(resolved_at) : Date.now() / 1_000;
    // The value holds until the next run.
    const last = value_history.at(-1);
    const points = last && secondsOf(last.at) < until
      ? [...value_history, { at: new Date(until * 1_000).toISOString(), value: last.value }]
      : value_history;
    const times = points.map(({ at }) => secondsOf(at));
    const start = Math.max(times[0] ?? 0, began - 1_800);
    return {
      times,
      series: [
        { name: "Value", colour: "--text", values: points.map(({ value }) => value), isStepped: true, hasEnd: true },
        { name: "Threshold", colour: "--bad-fill", values: times.map(() => threshold), isDashed: true, isLimit: true },
      ],
      bands: [{ from: began, until }],
      marks: [],
      isAlone: true,
      top: ALERT_METRICS[metric].unit === "ratio" ? 1 : threshold * 1.3,
      range: [start, until + (until - start) * 0.04] as [number, number],
      format: (value: number) => valueOf(value, metric),
      ...isCounted ? { axisFormat: number } : {},
    };
  }, [incident.value_history, threshold, resolved_at]);
  if (value_history.length < 2) return null;
  const { label, unit } = ALERT_METRICS[metric];
  return <Chart title={`${sentence(label).slice(0, -1)}${isCounted ? `, ${unit}` : ""}`} {...plot} />;
}
