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
    const times = value_history.map(({ at }) => secondsOf(at));
    const until = resolved_at ? secondsOf(resolved_at) : times.at(-1) ?? 0;
    return {
      times,
      series: [
        { name: "Value", colour: "--text", values: value_history.map(({ value }) => value) },
        { name: "Threshold", colour: "--bad-fill", values: times.map(() => threshold), isDashed: true },
      ],
      bands: [{ from: secondsOf(began_at), until: Math.max(until, times.at(-1) ?? 0) }],
      marks: [],
      top: ALERT_METRICS[metric].unit === "ratio" ? 1 : threshold * 1.3,
      range: [times[0] ?? 0, Math.max(until, times.at(-1) ?? 0)] as [number, number],
      format: (value: number) => valueOf(value, metric),
      ...isCounted ? { axisFormat: number } : {},
    };
  }, [incident.value_history, threshold, resolved_at]);
  if (value_history.length < 2) return null;
  return <Chart title={sentence(ALERT_METRICS[metric].label).slice(0, -1)} {...plot} />;
}
