import { ALERT_METRICS, type AlertMetric } from "../types/alerts.ts";
import type { Measurement, Scope } from "./contract/alerts.ts";

const DURATION_UNITS = [[86_400_000, "day"], [3_600_000, "hour"], [60_000, "minute"], [1_000, "second"]] as const;
const oneDecimal = (value: number): number => Math.round(value * 10) / 10;

/** A duration in its largest unit: `1 minute`, `1.5 hours`. */
export function inWords(ms: number): string {
  // Rounding to one decimal can complete the next larger unit: 59.98 minutes are 1 hour.
  const [size, unit] = DURATION_UNITS.find(([size], index) => {
    const smaller = DURATION_UNITS[index + 1]?.[0] ?? size;
    return oneDecimal(ms / smaller) * smaller >= size;
  }) ?? [1_000, "second"];
  const count = oneDecimal(ms / size);
  return `${count} ${unit}${count === 1 ? "" : "s"}`;
}

/** A time for people: `2026-06-10 12:00:00 UTC`. */
export const inUtc = (time: string): string => `${new Date(time).toISOString().slice(0, 19).replace("T", " ")} UTC`;

/** A value of a metric with its unit: `95 %`, `26 hours`, `3 runs`. */
export function withUnit(value: number, metric: AlertMetric): string {
  const { unit } = ALERT_METRICS[metric];
  if (unit === "ratio") return `${oneDecimal(value * 100)} %`;
  if (unit === "s") return inWords(value * 1_000);
  const count = oneDecimal(value);
  // "errors per run" becomes "error per run", and "ms" stays.
  return `${count} ${count === 1 ? unit.replace(/^replies$/, "reply").replace(/(\w\w)s\b/, "$1") : unit}`;
}

const scopeText = ({ entity_type, tournament_no }: Scope): string =>
  tournament_no !== null
    ? ` of tournament ${tournament_no} in ${entity_type}`
    : entity_type === "all"
    ? " of all syncs"
    : entity_type === "system"
    ? ""
    : ` of ${entity_type}`;

/** The metric, its value and the threshold in words. */
export function describe(m: Measurement): string {
  const metric = `${ALERT_METRICS[m.metric].label}${scopeText(m)}`;
  if (m.value === null) return `${metric}: unknown (no data)`;
  const side = m.value >= m.threshold ? "at or above" : "below";
  return `${metric}: ${withUnit(m.value, m.metric)}, ${side} the threshold of ${withUnit(m.threshold, m.metric)}`;
}
