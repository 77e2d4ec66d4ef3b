import { z } from "zod";
import { cursor } from "./cursor.ts";
import { moment } from "./moment.ts";
import { reason } from "./reason.ts";
import { TournamentNo } from "./sync.ts";

export const PRIORITIES = ["NORMAL", "HIGH", "EMERGENCY"] as const;
export const JOB_STATUSES = ["QUEUED", "RUNNING", "COMPLETED", "FAILED", "CANCELLED"] as const;

/** `POST sync-admin/manual-trigger`; only a service may name another person than the caller in `triggered_by`. */
export const ManualSyncRequest = z.strictObject({
  /** The entity; the database refuses an inactive entity, and names the active ones. */
  entity_type: z.string().regex(/^[a-z][a-z0-9_]{1,62}$/, "must be an entity type"),
  tournament_no: TournamentNo.optional(),
  priority: z.enum(PRIORITIES).default("NORMAL"),
  triggered_by: z.string().trim().min(1).max(200).optional(),
  reason,
  /** The earliest start of the job. */
  not_before: moment.optional(),
  /** The time at which a waiting job becomes FAILED. */
  expires_at: moment.optional(),
  /** Whether the run accepts its replies at once and holds none back for a second look. */
  confirm_removal: z.boolean().optional(),
}).refine((request) => !request.expires_at || !request.not_before || Date.parse(request.not_before) < Date.parse(request.expires_at), {
  path: ["expires_at"],
  message: "must be after not_before",
});
export type ManualSyncRequest = z.infer<typeof ManualSyncRequest>;

/** The header `Idempotency-Key`; for 24 hours the same key returns the same job. */
export const IdempotencyKey = z.string().regex(/^[\x21-\x7e]{1,200}$/, "must be 1 to 200 visible ASCII characters").optional();

/** The progress of the run of a job; null until its worker reports it. */
export const JobProgress = z.object({
  tournaments_processed: z.number().int(),
  total_tournaments: z.number().int().nullable(),
  current_stage: z.string().nullable(),
  tournaments_failed: z.number().int(),
  records_processed: z.number().int(),
});

const estimates = {
  /** The median of the estimate, from earlier runs and the jobs before this one; null without history. */
  estimated_completion: z.string().nullable(),
  /** The 90th percentile of the estimate. */
  estimated_completion_p90: z.string().nullable(),
};

/** The 202 of `manual-trigger`. */
export const ManualSyncResponse = z.object({
  sync_job_id: z.uuid(),
  status: z.enum(JOB_STATUSES),
  priority: z.enum(PRIORITIES),
  /** The position in the queue, 1 for the next job; null when the job does not wait. */
  queue_position: z.number().int().nullable(),
  ...estimates,
  progress: JobProgress.nullable(),
});
export type ManualSyncResponse = z.infer<typeof ManualSyncResponse>;

/** A job in a list. */
export const Job = z.object({
  id: z.uuid(),
  entity_type: z.string(),
  tournament_no: z.string().nullable(),
  tournament_nos: z.array(z.string()).nullable(),
  priority: z.enum(PRIORITIES),
  status: z.enum(JOB_STATUSES),
  triggered_by: z.string(),
  reason: z.string(),
  retried_from: z.uuid().nullable(),
  attempts: z.number().int(),
  max_attempts: z.number().int(),
  enqueued_at: z.string(),
  not_before: z.string(),
  expires_at: z.string().nullable(),
  confirm_removal: z.boolean(),
  started_at: z.string().nullable(),
  finished_at: z.string().nullable(),
  cancel_requested_at: z.string().nullable(),
  cancelled_by: z.string().nullable(),
  execution_id: z.uuid().nullable(),
  final_status: z.string().nullable(),
  records_processed: z.number().int().nullable(),
  last_error: z.string().nullable(),
});
export const JobListResponse = z.object({ jobs: z.array(Job), next_cursor: z.string().nullable() });

/** An attempt of a job; a WAITED attempt started no run and does not count, an EXPIRED attempt did not start its run in time. */
export const JobAttempt = z.object({
  claimed_at: z.string(),
  execution_id: z.uuid().nullable(),
  ended_at: z.string().nullable(),
  outcome: z.enum(["COMPLETED", "FAILED", "CANCELLED", "EXPIRED", "WAITED"]).nullable(),
  error: z.string().nullable(),
});

/** `GET sync-admin/jobs/:id`. */
export const JobDetailResponse = Job.extend({
  queue_position: z.number().int().nullable(),
  /** The reason besides its rank why the job does not start; null without one. */
  waits_because: z.string().nullable(),
  ...estimates,
  /** The time by which the run exceeds the 90th percentile of earlier runs; null below it. */
  over_estimate_ms: z.number().nullable(),
  progress: JobProgress.nullable(),
  attempts_made: z.array(JobAttempt),
  requeued_as: z.array(z.uuid()),
});
export type JobDetailResponse = z.infer<typeof JobDetailResponse>;

/** `GET sync-admin/queue-status`. */
export const QueueStatusResponse = z.object({
  as_of: z.string(),
  waiting: z.object({ EMERGENCY: z.number().int(), HIGH: z.number().int(), NORMAL: z.number().int() }),
  oldest_wait_ms: z.number().nullable(),
  running: z.array(z.object({
    id: z.uuid(),
    entity_type: z.string(),
    tournament_no: z.string().nullable(),
    priority: z.enum(PRIORITIES),
    started_at: z.string(),
    execution_id: z.uuid().nullable(),
  })),
  slots: z.object({
    total: z.number().int(),
    for_emergency: z.number().int(),
    per_entity: z.number().int(),
    free: z.number().int(),
  }),
  paused: z.array(z.object({ entity_type: z.string(), paused_by: z.string(), since: z.string() })),
  /** The end and the reason of the upstream backoff for which every job waits; null without one. */
  backoff_until: z.string().nullable(),
  backoff_reason: z.string().nullable(),
});

/** `POST sync-admin/jobs/:id/cancel`. */
export const CancelJobRequest = z.strictObject({ reason: reason.optional() });
/** `POST sync-admin/jobs/:id/requeue`: the whole job, or only the tournaments that failed in its last attempt. */
export const RequeueJobRequest = z.strictObject({
  only_failed: z.boolean().default(false),
  priority: z.enum(PRIORITIES).optional(),
  reason: reason.optional(),
});

/** The query of `GET sync-admin/jobs`. */
export const JobQuery = z.strictObject({
  status: z.enum(JOB_STATUSES).optional(),
  entity: z.string().regex(/^[a-z][a-z0-9_]{1,62}$/, "is not an entity type").optional(),
  tournament_no: TournamentNo.optional(),
  limit: z.coerce.number().int().min(1).max(200).default(50),
  cursor: cursor.optional(),
});
/** `POST sync-admin/process-queue`. */
export const DrainResponse = z.object({ dispatched: z.number().int(), returned: z.number().int() });
