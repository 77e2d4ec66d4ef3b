import type { EntityWithPauses } from "../../types/admin.ts";
import type { EntityHealthStatus } from "../../types/monitoring.ts";
import { msOf } from "./format.ts";

/** Whether the data of a sync is older than expected; a paused or idle sync has no expected age. */
export const isDataLate = (
  { last_successful_sync: success, expected_within_ms, is_paused, idle_since }: EntityHealthStatus,
  now: number,
): boolean => success !== null && !is_paused && idle_since === null && now - Date.parse(success) > expected_within_ms;

/** A mark in the strip: a run, or a due time at which no run started. */
type Mark<R> = { at: number; run: R } | { at: number; run: null };

/** The time by which a run can start early and still count for its due time. */
const TOLERANCE_MS = 5_000;
/** The shortest interval with due times; with a shorter one, the next run is due one interval after the last start. */
const SHORTEST_MS = 60_000;
const MAX_DUE_TIMES = 200;

/** The full runs, oldest first, with a mark for each missed due time after the oldest run and outside pauses. */
export function marksOf<R extends { execution_start: string }>(
  runs: readonly R[],
  entity:
    | Pick<EntityWithPauses, "sync_frequency" | "schedule_anchor" | "schedule_changed_at" | "grace" | "pauses">
    | undefined,
  now: number,
): Mark<R>[] {
  const marks: Mark<R>[] = runs.map((run) => ({
    at: Date.parse(run.execution_start),
    run,
  }));
  const interval = entity && msOf(entity.sync_frequency);
  const oldest = Math.max(Math.min(...marks.map(({ at }) => at)), Date.parse(entity?.schedule_changed_at ?? "1970-01-01"));
  const isPause = (at: number) =>
    entity?.pauses.some(({ paused_at, resumed_at }) => Date.parse(paused_at) <= at && (!resumed_at || at < Date.parse(resumed_at)));
  if (entity && interval && interval >= SHORTEST_MS && runs.length) {
    const anchor = Date.parse(entity.schedule_anchor);
    const latest = now - (msOf(entity.grace) ?? 0);
    let due = anchor + Math.floor((latest - anchor) / interval) * interval;
    for (let count = 0; count < MAX_DUE_TIMES && due > oldest; count++, due -= interval) {
      const from = due - TOLERANCE_MS, until = due + interval - TOLERANCE_MS;
      if (!isPause(due) && !marks.some(({ at, run }) => run && at >= from && at < until)) {
        marks.push({ at: due, run: null });
      }
    }
  }
  return marks.sort((a, b) => a.at - b.at);
}
