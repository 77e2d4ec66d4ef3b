import { z } from "zod";
import { AppError } from "../../../services/errors.ts";
import { estimate, EstimateFacts } from "../../../services/job-estimate.ts";
import type { Rpc } from "../../../services/rpc.ts";
import { Job, JobDetailResponse, type JobListResponse, type ManualSyncRequest, type ManualSyncResponse } from "../../../types/jobs.ts";

const JobWithFacts = JobDetailResponse.omit({ estimated_completion: true, estimated_completion_p90: true })
  .extend({ as_of: z.string(), estimate: EstimateFacts.nullable() });
type JobWithFacts = z.infer<typeof JobWithFacts>;

interface Actor {
  name: string;
  id: string | null;
  role: string;
}

function withEstimate({ as_of, estimate: facts, ...job }: JobWithFacts): JobDetailResponse {
  const estimated = facts && estimate(facts);
  const after = (ms: number | undefined) => ms === undefined ? null : new Date(Date.parse(as_of) + ms).toISOString();
  return { ...job, estimated_completion: after(estimated?.median_ms), estimated_completion_p90: after(estimated?.p90_ms) };
}

/** The SHA-256 of a request; the order of its fields does not change it. */
async function hashOf(request: Record<string, unknown>): Promise<string> {
  const text = JSON.stringify(Object.entries(request).filter(([, value]) => value !== undefined).toSorted(([a], [b]) => a < b ? -1 : 1));
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return new Uint8Array(digest).toHex();
}

/**
 * Enqueues a job and dispatches the jobs that may start. It returns the earlier job of a repeated Idempotency-Key, or a waiting job of the same
 * target instead of a new one.
 * @throws AppError
 */
export async function triggerSync(
  rpc: Rpc,
  as_of: string | undefined,
  actor: Actor,
  request: ManualSyncRequest,
  idempotency_key: string | undefined,
): Promise<ManualSyncResponse> {
  const { triggered_by = actor.name } = request;
  const isOther = ![actor.name, actor.id].includes(triggered_by);
  if (isOther && actor.role !== "service") {
    const message = `must be the caller, ${actor.name}: only a service may name another person`;
    throw new AppError("BAD_REQUEST", `triggered_by: ${message}`, [{ field: "triggered_by", message }]);
  }
  const p = { ...request, triggered_by: isOther ? triggered_by : actor.name, actor, idempotency_key, request_hash: await hashOf(request) };
  const job = withEstimate(await rpc("enqueue_sync_job", { p, as_of }, JobWithFacts));
  const { id, status, priority, queue_position, estimated_completion, estimated_completion_p90, progress } = job;
  return { sync_job_id: id, status, priority, queue_position, estimated_completion, estimated_completion_p90, progress };
}

/** One job with its queue position, progress, attempts and estimate. @throws AppError NOT_FOUND */
export async function readJob(rpc: Rpc, as_of: string | undefined, id: string): Promise<JobDetailResponse> {
  const found = await rpc("get_sync_job", { p: { id }, as_of }, JobWithFacts.nullable());
  if (!found) throw new AppError("NOT_FOUND", `there is no job ${id}`);
  return withEstimate(found);
}

/** Cancels a job, or requeues a finished one as a new job. @throws AppError */
export async function changeJob(
  rpc: Rpc,
  as_of: string | undefined,
  fn: "cancel_sync_job" | "requeue_sync_job",
  p: Record<string, unknown>,
): Promise<JobDetailResponse> {
  return withEstimate(await rpc(fn, { p, as_of }, JobWithFacts));
}

/** A page of jobs, newest first. @throws DatabaseError */
export async function listJobs(
  rpc: Rpc,
  { limit, ...filters }: { limit: number } & Record<string, unknown>,
): Promise<Omit<z.infer<typeof JobListResponse>, "next_cursor"> & { last: z.infer<typeof Job> | null }> {
  // One row more than the limit shows that there is a next page.
  const found = await rpc("list_sync_jobs", { p: { ...filters, limit: limit + 1 } }, z.array(Job));
  const jobs = found.slice(0, limit);
  return { jobs, last: found.length > limit ? jobs.at(-1) ?? null : null };
}
