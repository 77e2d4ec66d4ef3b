import type { Actor } from "../../../services/contract/fields.ts";
import type { Answer, Arguments } from "../../../services/contract/index.ts";
import { AppError } from "../../../services/errors.ts";
import { estimate, overEstimate } from "../../../services/job-estimate.ts";
import type { Rpc } from "../../../services/rpc.ts";
import type { JobDetailResponse, ManualSyncRequest, ManualSyncResponse } from "../../../types/jobs.ts";

/** The job with its estimated end instead of the facts of the estimate. */
export function withEstimate({ as_of, estimate: facts, ...job }: Answer<"enqueue_sync_job">): JobDetailResponse {
  const estimated = facts && estimate(facts);
  const after = (ms: number | undefined) => ms === undefined ? null : new Date(Date.parse(as_of) + ms).toISOString();
  return {
    ...job,
    estimated_completion: after(estimated?.median_ms),
    estimated_completion_p90: after(estimated?.p90_ms),
    over_estimate_ms: facts && overEstimate(facts),
  };
}

/** The SHA-256 of a request, independent of the order of its fields. */
async function hashOf(request: Record<string, unknown>): Promise<string> {
  const text = JSON.stringify(Object.entries(request).filter(([, value]) => value !== undefined).toSorted(([a], [b]) => a < b ? -1 : 1));
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return new Uint8Array(digest).toHex();
}

/**
 * Enqueues a job and dispatches the jobs that may start. A repeated Idempotency-Key returns its earlier job, and a trigger for the target
 * of a waiting job returns that job.
 * @throws AppError
 */
export async function triggerSync(
  rpc: Rpc<"enqueue_sync_job">,
  as_of: string | undefined,
  actor: Actor,
  request: ManualSyncRequest,
  ids: { trigger_id: string; idempotency_key: string | undefined },
): Promise<ManualSyncResponse> {
  const { triggered_by = actor.name } = request;
  const isOther = ![actor.name, actor.id].includes(triggered_by);
  if (isOther && actor.role !== "service") {
    const message = `must be the caller, ${actor.name}: only a service may name another person`;
    throw new AppError("BAD_REQUEST", `triggered_by: ${message}`, [{ field: "triggered_by", message }]);
  }
  const p = { ...request, triggered_by: isOther ? triggered_by : actor.name, actor, ...ids, request_hash: await hashOf(request) };
  const job = withEstimate(await rpc("enqueue_sync_job", { p, as_of }));
  const { id, status, priority, queue_position, estimated_completion, estimated_completion_p90, progress } = job;
  return { sync_job_id: id, status, priority, queue_position, estimated_completion, estimated_completion_p90, progress };
}

/** One job with its queue position, progress, attempts and estimate. @throws AppError NOT_FOUND */
export async function readJob(rpc: Rpc<"get_sync_job">, as_of: string | undefined, id: string): Promise<JobDetailResponse> {
  const found = await rpc("get_sync_job", { p: { id }, as_of });
  if (!found) throw new AppError("NOT_FOUND", `there is no job ${id}`);
  return withEstimate(found);
}

/** A page of jobs, newest first. @throws DatabaseError */
export async function listJobs(
  rpc: Rpc<"list_sync_jobs">,
  { limit, ...filters }: Arguments<"list_sync_jobs">["p"],
): Promise<{ jobs: Answer<"list_sync_jobs">; last: Answer<"list_sync_jobs">[number] | null }> {
  // One row more than the limit shows that there is a next page.
  const found = await rpc("list_sync_jobs", { p: { ...filters, limit: limit + 1 } });
  const jobs = found.slice(0, limit);
  return { jobs, last: found.length > limit ? jobs.at(-1) ?? null : null };
}
