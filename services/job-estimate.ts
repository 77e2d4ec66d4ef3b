import { z } from "zod";

const known = z.object({
  entity_type: z.string(),
  target: z.string(),
  /** What is left of it on average; null without history. */
  left_ms: z.number().nullable(),
  variance: z.number(),
});

/** What `job_estimate` says of a job; durations in ms, the newest first. */
export const EstimateFacts = z.object({
  samples: z.array(z.number()).nullable(),
  entity_type: z.string(),
  target: z.string(),
  status: z.string(),
  is_emergency: z.boolean(),
  starts_in_ms: z.number(),
  elapsed_ms: z.number().nullable(),
  slots: z.number(),
  emergency_slots: z.number(),
  slots_per_entity: z.number(),
  running: z.array(known),
  waiting: z.array(known),
});
export type EstimateFacts = z.infer<typeof EstimateFacts>;

/** Milliseconds from now until the job is done: the median, and by when nine of ten are. */
interface Estimate {
  median_ms: number;
  p90_ms: number;
}

/** How much wider a prediction one step past a line through `count` points is than the scatter about it (the prediction interval of linear regression). */
const predictionFactor = (count: number): number => count < 8 ? 1 : Math.sqrt(1 + 1 / count + 3 * (count + 1) / (count * (count - 1)));

/** A busy place: when it is free, by mean and variance. */
interface Place {
  entity_type: string;
  target: string;
  mean: number;
  variance: number;
}

/** The 90th percentile of a normal distribution in standard deviations. */
const Z90 = 1.2816;

/** The value that a next one of the same kind stays under with probability `share`: the order statistic at share × (n + 1). */
function quantile(sorted: number[], share: number): number {
  const position = Math.min(Math.ceil(share * (sorted.length + 1)), sorted.length);
  return sorted[position - 1] ?? NaN;
}

/** The durations as they would be now: the drift, the slope of their logarithms over their age by least squares, is taken out. */
function withoutDrift(samples: number[]): number[] {
  const count = samples.length;
  if (count < 8) return samples;
  const logs = samples.map((ms) => Math.log(Math.max(ms, 1)));
  const meanAge = (count - 1) / 2, meanLog = logs.reduce((sum, log) => sum + log, 0) / count;
  const spread = logs.reduce((sum, _, age) => sum + (age - meanAge) ** 2, 0);
  const slope = logs.reduce((sum, log, age) => sum + (age - meanAge) * (log - meanLog), 0) / spread;
  return samples.map((ms, age) => ms * Math.exp(-slope * (age + 1)));
}

/** Until when, by mean and variance, something cannot begin beside what runs: its target, its entity's places, and all places. */
function earliestStart(
  busy: Place[],
  job: { entity_type: string; target: string },
  places: number,
  placesOfEntity: number,
): { mean: number; variance: number } {
  const freeAfter = (held: Place[], limit: number): Place | undefined =>
    held.length < limit ? undefined : held.toSorted((a, b) => a.mean - b.mean)[held.length - limit];
  const blockers = [
    freeAfter(busy, places),
    freeAfter(busy.filter((place) => place.entity_type === job.entity_type), placesOfEntity),
    freeAfter(busy.filter((place) => place.entity_type === job.entity_type && place.target === job.target), 1),
  ].filter((place) => place !== undefined);
  return blockers.toSorted((a, b) => b.mean - a.mean)[0] ?? { mean: 0, variance: 0 };
}

/** Estimates from the job's own history and what stands before it, played through the places in order; null where a history is missing. */
export function estimate(facts: EstimateFacts): Estimate | null {
  const { elapsed_ms } = facts;
  if (!facts.samples?.length) return null;
  const samples = withoutDrift(facts.samples);
  if (elapsed_ms !== null) {
    const rest = samples.filter((ms) => ms > elapsed_ms).toSorted((a, b) => a - b);
    // It has taken longer than any before: nothing is known of how much longer.
    return rest.length ? { median_ms: quantile(rest, 0.5) - elapsed_ms, p90_ms: quantile(rest, 0.9) - elapsed_ms } : null;
  }
  const sorted = samples.toSorted((a, b) => a - b);
  const own = { median: quantile(sorted, 0.5), p90: quantile(sorted, 0.9) };
  const wait = waitOf(facts);
  if (!wait) return null;
  const spread = Math.hypot((own.p90 - own.median) * predictionFactor(sorted.length), Z90 * Math.sqrt(wait.variance));
  return { median_ms: wait.mean + own.median, p90_ms: wait.mean + own.median + spread };
}

/** How long it waits for a place, by mean and variance; null when it waits for something without history. */
function waitOf(facts: EstimateFacts): { mean: number; variance: number } | null {
  const { running, waiting, slots, emergency_slots, slots_per_entity, is_emergency } = facts;
  // Handed out already: it has its place.
  if (facts.status === "RUNNING") return { mean: 0, variance: 0 };
  const busy: Place[] = running.map(({ left_ms, ...place }) => ({ ...place, mean: left_ms ?? Infinity }));
  const places = is_emergency ? slots : slots - emergency_slots;
  const placesOfEntity = slots_per_entity + (is_emergency ? emergency_slots : 0);
  for (const { entity_type, target, left_ms, variance } of waiting) {
    const begins = earliestStart(busy, { entity_type, target }, places, placesOfEntity);
    busy.push({ entity_type, target, mean: begins.mean + (left_ms ?? Infinity), variance: begins.variance + variance });
  }
  const begins = earliestStart(busy, facts, places, placesOfEntity);
  if (!Number.isFinite(begins.mean)) return null;
  return begins.mean >= facts.starts_in_ms ? begins : { mean: facts.starts_in_ms, variance: 0 };
}
