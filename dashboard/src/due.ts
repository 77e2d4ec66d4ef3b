import type { Entity } from "../../types/admin.ts";
import { msOf } from "./format.ts";

/** What a strip of runs shows: a run, or a due time at which none began. */
type Mark<R> = { at: number; run: R } | { at: number; run: null };

/** A tick may begin a moment before its time. */
const TOLERANCE_MS = 60_000;
/** Looked at this many due times back. */
const MOST = 200;

/** Full runs, oldest first, with a gap at each due time between the oldest and now at which none began. */
export function marksOf<R extends { execution_start: string }>(
  runs: readonly R[],
  entity:
    | Pick<Entity, "sync_frequency" | "schedule_anchor" | "grace" | "paused_at">
    | undefined,
  now: number,
): Mark<R>[] {
  const marks: Mark<R>[] = runs.map((run) => ({
    at: Date.parse(run.execution_start),
    run,
  }));
  const every = entity && msOf(entity.sync_frequency);
  const oldest = Math.min(...marks.map(({ at }) => at));
  if (entity && every && entity.paused_at === null && runs.length) {
    const anchor = Date.parse(entity.schedule_anchor);
    const overdue = now - (msOf(entity.grace) ?? 0);
    let due = anchor + Math.floor((overdue - anchor) / every) * every;
    for (let count = 0; count < MOST && due > oldest; count++, due -= every) {
      const begins = due - TOLERANCE_MS, ends = due + every - TOLERANCE_MS;
      if (!marks.some(({ at, run }) => run && at >= begins && at < ends)) {
        marks.push({ at: due, run: null });
      }
    }
  }
  return marks.sort((a, b) => a.at - b.at);
}
