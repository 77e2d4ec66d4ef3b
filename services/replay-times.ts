import type { PastSilence } from "./contract/replay.ts";

const MINUTE = 60_000;
/** The shortest time without an evaluation that is a gap, as in `private.last_evaluation`. */
const GAP = 5 * MINUTE;

/** The evaluations of the past: the stored ones, and one each minute before the first stored one. Times are in ms since the epoch. */
export class Evaluations {
  /** Each gap, as the evaluations before and after it. */
  readonly gaps: [last: number, next: number][] = [];

  constructor(private readonly kept: number[]) {
    for (const [index, at] of kept.entries()) {
      const last = kept[index - 1];
      if (last !== undefined && at - last >= GAP) this.gaps.push([last, at]);
    }
  }

  /** The first evaluation at a time or after it; Infinity without one. */
  next(at: number): number {
    const minute = Math.ceil(at / MINUTE) * MINUTE, first = this.kept[0] ?? Infinity;
    return minute < first ? minute : this.kept[this.#indexOf(at)] ?? Infinity;
  }

  /** The last evaluation before a time. */
  before(at: number): number {
    return this.kept[this.#indexOf(at) - 1] ?? (Math.ceil(at / MINUTE) - 1) * MINUTE;
  }

  /** The index of the first stored evaluation at a time or after it. */
  #indexOf(at: number): number {
    let low = 0, high = this.kept.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.kept[middle] ?? Infinity) < at) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** The start of the evaluations without a gap up to a time. */
  since(at: number): number {
    return this.gaps.findLast(([, next]) => next <= at)?.[1] ?? -8.64e15;
  }
}

/** The start and end of each window of a silence until a time. */
export function windowsOf(
  { starts_at, ends_at, recurs_ms, lasts_ms }: PastSilence,
  from: number,
  until: number,
): [from: number, until: number][] {
  const start = Date.parse(starts_at), end = Date.parse(ends_at);
  if (recurs_ms === null || lasts_ms === null) return [[start, end]];
  const windows: [number, number][] = [];
  const first = Math.max(0, Math.floor((from - start) / recurs_ms));
  for (let open = start + first * recurs_ms; open < Math.min(end, until); open += recurs_ms) {
    windows.push([open, Math.min(open + lasts_ms, end)]);
  }
  return windows;
}
