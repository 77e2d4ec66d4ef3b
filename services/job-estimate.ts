import type { EstimateFacts, OtherJob } from "./contract/queue.ts";

/** Milliseconds from now until the job finishes: the median and the 90th percentile. */
interface Estimate {
  median_ms: number;
  p90_ms: number;
}

/** A delay from now in ms, as a distribution. */
interface Delay {
  mean: number;
  variance: number;
}

/** A slot in use, and the delay until it is free. */
interface BusySlot extends Delay {
  entity_type: string;
  target: string;
}

/** The ratio of the prediction interval of a linear regression, one step past `count` points, to the scatter of the points. */
const predictionFactor = (count: number): number => count < 8 ? 1 : Math.sqrt(1 + 1 / count + 3 * (count + 1) / (count * (count - 1)));

/** The 90th percentile of a normal distribution in standard deviations. */
const Z90 = 1.2816;

/** The order statistic at share × (n + 1): the next value of the same kind is below it with probability `share`. */
function quantile(sorted: number[], share: number): number {
  const position = Math.min(Math.ceil(share * (sorted.length + 1)), sorted.length);
  return sorted[position - 1] ?? NaN;
}

/** The durations without their drift, which is the least-squares slope of their logarithms over their age. */
function withoutDrift(samples: number[]): number[] {
  const count = samples.length;
  if (count < 8) return samples;
  const logs = samples.map((ms) => Math.log(Math.max(ms, 1)));
  const meanAge = (count - 1) / 2, meanLog = logs.reduce((sum, log) => sum + log, 0) / count;
  const spread = logs.reduce((sum, _, age) => sum + (age - meanAge) ** 2, 0);
  const slope = logs.reduce((sum, log, age) => sum + (age - meanAge) * (log - meanLog), 0) / spread;
  return samples.map((ms, age) => ms * Math.exp(-slope * (age + 1)));
}

/** The delay until a job can start beside the busy slots; its target, a slot of its entity, and a slot of the queue must be free. */
function earliestStart(
  busy: BusySlot[],
  job: { entity_type: string; target: string },
  slots: number,
  slotsOfEntity: number,
): Delay {
  const freeAfter = (used: BusySlot[], limit: number): BusySlot | undefined =>
    used.length < limit ? undefined : used.toSorted((a, b) => a.mean - b.mean)[used.length - limit];
  const blockers = [
    freeAfter(busy, slots),
    freeAfter(busy.filter((slot) => slot.entity_type === job.entity_type), slotsOfEntity),
    freeAfter(busy.filter((slot) => slot.entity_type === job.entity_type && slot.target === job.target), 1),
  ].filter((slot) => slot !== undefined);
  return blockers.toSorted((a, b) => b.mean - a.mean)[0] ?? { mean: 0, variance: 0 };
}

/** Estimates the end of a job from its own history and a simulation of the jobs before it; null when a history is missing. */
export function estimate(facts: EstimateFacts): Estimate | null {
  const { elapsed_ms } = facts;
  if (!facts.samples?.length) return null;
  const samples = withoutDrift(facts.samples);
  if (elapsed_ms !== null) {
    const longer = samples.filter((ms) => ms > elapsed_ms).toSorted((a, b) => a - b);
    // A run that takes longer than every earlier run has no estimate.
    return longer.length ? { median_ms: quantile(longer, 0.5) - elapsed_ms, p90_ms: quantile(longer, 0.9) - elapsed_ms } : null;
  }
  const sorted = samples.toSorted((a, b) => a - b);
  const own = { median: quantile(sorted, 0.5), p90: quantile(sorted, 0.9) };
  const wait = waitOf(facts, variationOf(samples));
  if (!wait) return null;
  const spread = Math.hypot((own.p90 - own.median) * predictionFactor(sorted.length), Z90 * Math.sqrt(wait.variance));
  return { median_ms: wait.mean + own.median, p90_ms: wait.mean + own.median + spread };
}

/** The ms by which a running job exceeds its estimate, the 90th percentile of its durations; null below the estimate, or without one. */
export function overEstimate({ samples, elapsed_ms }: EstimateFacts): number | null {
  if (!samples?.length || elapsed_ms === null) return null;
  const over = elapsed_ms - quantile(withoutDrift(samples).toSorted((a, b) => a - b), 0.9);
  return over > 0 ? over : null;
}

/** The coefficient of variation: the standard deviation over the mean; 0 for a single sample or a mean of 0. */
function variationOf(samples: number[]): number {
  if (samples.length < 2) return 0;
  const mean = samples.reduce((sum, ms) => sum + ms, 0) / samples.length;
  if (mean === 0) return 0;
  return Math.sqrt(samples.reduce((sum, ms) => sum + (ms - mean) ** 2, 0) / (samples.length - 1)) / mean;
}

/** The remaining time of another job: its average less its elapsed time, but at least a quarter of the average. */
function remaining({ elapsed_ms, duration_ms }: OtherJob, variation: number): Delay {
  if (duration_ms === null) return { mean: Infinity, variance: 0 };
  return { mean: Math.max(duration_ms - elapsed_ms, duration_ms / 4), variance: (variation * duration_ms) ** 2 };
}

/** The wait for a slot, if the durations of the other jobs vary as much as those of this job; null when a job before it has no history. */
function waitOf(facts: EstimateFacts, variation: number): Delay | null {
  const { running, waiting, slots, emergency_slots, slots_per_entity, is_emergency, backoff_ms } = facts;
  // A dispatched job has a slot.
  if (facts.status === "RUNNING") return { mean: 0, variance: 0 };
  // No job starts during an upstream backoff, so the queue continues at its end.
  const busy: BusySlot[] = running.map((job) => {
    const { mean, variance } = remaining(job, variation);
    return { ...job, mean: Math.max(mean - backoff_ms, 0), variance };
  });
  const slotsForJob = is_emergency ? slots : slots - emergency_slots;
  const slotsOfEntity = slots_per_entity + (is_emergency ? emergency_slots : 0);
  for (const job of waiting) {
    const start = earliestStart(busy, job, slotsForJob, slotsOfEntity);
    const own = remaining(job, variation);
    busy.push({ ...job, mean: start.mean + own.mean, variance: start.variance + own.variance });
  }
  const { mean, variance } = earliestStart(busy, facts, slotsForJob, slotsOfEntity);
  if (!Number.isFinite(mean)) return null;
  return backoff_ms + mean >= facts.starts_in_ms ? { mean: backoff_ms + mean, variance } : { mean: facts.starts_in_ms, variance: 0 };
}
