import type { RuleSuggestion } from "../types/alert-quality.ts";
import { ALERT_METRICS, type Metric } from "../types/alerts.ts";
import type { Backtest } from "../types/backtest.ts";
import { replayRule } from "./alert-replay.ts";
import type { ReplayFacts } from "./contract/replay.ts";

/** The number of incidents from which a rule can need tuning. */
const FEWEST_INCIDENTS = 4;
/** The largest number of candidates; each one is a replay of the whole period. */
const MOST_CANDIDATES = 8;
/** The smallest share of the incidents that a suggestion must avoid. */
const LEAST_SHARE = 0.25;

/**
 * The threshold with the fewest incidents in the period that keeps every incident that a person acknowledged or labelled useful; null when
 * no other threshold is clearly better.
 */
export function suggestThreshold(facts: ReplayFacts): RuleSuggestion | null {
  const now = replayRule(facts);
  if (now.incidents.length < FEWEST_INCIDENTS) return null;
  const mattered = (facts.actual?.incidents ?? []).filter(({ acknowledged_at, label }) =>
    label === "USEFUL" || acknowledged_at !== null && label !== "NOISE"
  );
  const [best] = candidatesOf(facts, now)
    .map((threshold) => ({ threshold, then: replayRule({ ...facts, rule: { ...facts.rule, threshold } }) }))
    .filter(({ then }) => mattered.every((incident) => then.incidents.some((other) => overlaps(incident, other))))
    .toSorted((a, b) => a.then.incidents.length - b.then.incidents.length);
  if (!best || now.incidents.length - best.then.incidents.length < now.incidents.length * LEAST_SHARE) return null;
  return {
    threshold: best.threshold,
    from: now.from,
    incidents: now.incidents.length,
    incidents_then: best.then.incidents.length,
    messages: now.notifications.messages,
    messages_then: best.then.notifications.messages,
    kept: mattered.length,
  };
}

type Period = Pick<Backtest["incidents"][number], "opened_at" | "resolved_at">;
const endOf = ({ resolved_at }: Period): number => resolved_at === null ? Infinity : Date.parse(resolved_at);
const overlaps = (a: Period, b: Period): boolean => Date.parse(a.opened_at) <= endOf(b) && Date.parse(b.opened_at) <= endOf(a);

/** Thresholds that exclude some incidents by their worst value, the smallest change first. */
function candidatesOf({ rule: { metric, threshold } }: ReplayFacts, { incidents }: Backtest): number[] {
  const { direction, min, max }: Metric = ALERT_METRICS[metric];
  const peaks = incidents.flatMap(({ peak }) => peak ?? []);
  const isWhole = [threshold, ...peaks].every(Number.isInteger);
  const beyond = new Set(peaks.map((peak) => direction === "above" ? above(peak, isWhole) : below(peak, isWhole)));
  const further = [...beyond].filter((candidate) =>
    candidate >= min && candidate <= max && (direction === "above" ? candidate > threshold : candidate < threshold)
  ).sort((a, b) => Math.abs(a - threshold) - Math.abs(b - threshold));
  const step = Math.max(1, further.length / MOST_CANDIDATES);
  return Array.from({ length: Math.min(further.length, MOST_CANDIDATES) }, (_, index) => further[Math.floor(index * step)] ?? threshold);
}

/** The unit of the second significant digit. */
const unitOf = (value: number, isWhole: boolean): number => {
  const unit = 10 ** (Math.floor(Math.log10(Math.max(Math.abs(value), 1e-6))) - 1);
  return isWhole ? Math.max(1, unit) : unit;
};
const rounded = (value: number): number => Number(value.toPrecision(12));
/** A number with few digits above the value; a value that equals the threshold of such a metric is a breach. */
const above = (value: number, isWhole: boolean): number => {
  const unit = unitOf(value, isWhole);
  return rounded((Math.floor(rounded(value / unit)) + 1) * unit);
};
/** A number with few digits, at most the value. */
const below = (value: number, isWhole: boolean): number => {
  const unit = unitOf(value, isWhole);
  return rounded(Math.floor(rounded(value / unit)) * unit);
};
