import { z } from "zod";
import { DrainResponse, Job, JobDetailResponse, ManualSyncRequest, PRIORITIES, QueueStatusResponse } from "../../types/jobs.ts";
import { Actor, as_of, page } from "./fields.ts";

const OtherJob = z.object({
  entity_type: z.string(),
  target: z.string(),
  elapsed_ms: z.number(),
  /** The average duration of the runs of the job; null without history. */
  duration_ms: z.number().nullable(),
});
export type OtherJob = z.infer<typeof OtherJob>;

/** The answer of `private.estimate_facts`: durations in ms, the newest first. */
export const EstimateFacts = z.object({
  samples: z.array(z.number()).nullable(),
  entity_type: z.string(),
  target: z.string(),
  status: z.string(),
  is_emergency: z.boolean(),
  starts_in_ms: z.number(),
  /** The rest of the upstream backoff: no job starts before its end. */
  backoff_ms: z.number(),
  elapsed_ms: z.number().nullable(),
  slots: z.number(),
  emergency_slots: z.number(),
  slots_per_entity: z.number(),
  running: z.array(OtherJob),
  waiting: z.array(OtherJob),
});
export type EstimateFacts = z.infer<typeof EstimateFacts>;

/** A job with the facts from which its end is estimated. */
const JobWithFacts = JobDetailResponse.omit({ estimated_completion: true, estimated_completion_p90: true, over_estimate_ms: true })
  .extend({ as_of: z.string(), estimate: EstimateFacts.nullable() });

export const QUEUE = {
  enqueue_sync_job: {
    args: {
      p: z.strictObject({
        ...ManualSyncRequest.shape,
        triggered_by: z.string(),
        actor: Actor,
        idempotency_key: z.string().optional(),
        request_hash: z.string(),
        trigger_id: z.uuid(),
      }),
      as_of,
    },
    answer: JobWithFacts,
  },
  cancel_sync_job: {
    args: { p: z.strictObject({ id: z.uuid(), reason: z.string().optional(), actor: Actor }), as_of },
    answer: JobWithFacts,
  },
  requeue_sync_job: {
    args: {
      p: z.strictObject({
        id: z.uuid(),
        only_failed: z.boolean(),
        priority: z.enum(PRIORITIES).optional(),
        reason: z.string().optional(),
        trigger_id: z.uuid(),
        actor: Actor,
      }),
      as_of,
    },
    answer: JobWithFacts,
  },
  postpone_sync_job: {
    args: { p: z.strictObject({ sync_job_id: z.uuid(), job_token: z.uuid(), reason: z.string() }), as_of },
    answer: z.null(),
  },
  drain_sync_queue: { args: { as_of }, answer: DrainResponse },
  get_sync_job: { args: { p: z.strictObject({ id: z.uuid() }), as_of }, answer: JobWithFacts.nullable() },
  list_sync_jobs: {
    args: {
      p: z.strictObject({
        status: z.string().optional(),
        entity_type: z.string().optional(),
        tournament_no: z.string().optional(),
        ...page,
      }),
    },
    answer: z.array(Job),
  },
  get_queue_status: { args: { as_of }, answer: QueueStatusResponse },
};
