import type { StartSyncRequest } from "../types/sync.ts";
import { classify } from "./classification.ts";
import { AppError } from "./errors.ts";
import { isolateMemory, MetricsCollector } from "./MetricsCollector.ts";
import { type SyncDeps, SyncRun } from "./SyncRun.ts";

/** The part of the wall clock that a run keeps to record its end. */
const RESERVE_MS = 30_000;

/**
 * Starts a run in the database; {@link SyncRun.perform} then does the work, also after the answer to the caller.
 * Without an answer of the database, a run without a job continues unrecorded, and the failure is logged.
 * @throws AppError RUN_IN_PROGRESS, ALREADY_RUN, ENTITY_UNKNOWN, ENTITY_INACTIVE, ENTITY_PAUSED or LEASE_LOST; DatabaseError for any
 * other refusal, and for the run of a job.
 */
export async function startSync(deps: SyncDeps, entityType: string, request: StartSyncRequest): Promise<SyncRun> {
  const executionId = crypto.randomUUID();
  const wallClock = Math.max(0, deps.wallClockLeft());
  const metrics = new MetricsCollector(deps.memory ?? isolateMemory);
  const rpc = metrics.counting(deps.rpc);
  const base = {
    entityType,
    executionId,
    tournamentNo: request.tournament_no ?? null,
    targets: request.tournament_nos ?? (request.tournament_no ? [request.tournament_no] : null),
    budgetMs: Math.max(0, wallClock - RESERVE_MS),
  };
  try {
    const p = { ...request, execution_id: executionId, entity_type: entityType, wall_clock_ms: wallClock };
    const started = await rpc("start_sync_execution", { p, as_of: deps.clock.asOf() });
    if (started.outcome === "SKIPPED") {
      throw new AppError("RUN_IN_PROGRESS", `a run of ${entityType} is already running`, {
        execution_id: started.live_execution_id,
        skipped_execution_id: started.execution_id,
      });
    }
    deps.log("info", "sync_started", { execution_id: executionId, tournament_no: base.tournamentNo, trigger: request.trigger });
    return new SyncRun({ ...deps, rpc }, metrics, {
      ...base,
      startedAt: started.started_at,
      deadline: started.deadline,
      previousWasCut: started.previous_was_cut,
      isRecorded: true,
    });
  } catch (error) {
    // A refusal of the database ends the run. A run with a job must not continue unrecorded, because the queue dispatches the job again
    // while that run works.
    if (classify(error).code !== "DATABASE_UNREACHABLE" || request.sync_job_id) throw error;
    deps.log("error", "sync_not_recorded", { execution_id: executionId, at: "start", message: String(error) });
    const now = new Date(deps.clock.now()).toISOString();
    return new SyncRun({ ...deps, rpc }, metrics, { ...base, startedAt: now, deadline: null, previousWasCut: false, isRecorded: false });
  }
}
