import { z } from "zod";
import { LEFT_OUT_REASONS, StartSyncRequest } from "../../types/sync.ts";
import { as_of } from "./fields.ts";

const count = z.number().int();

/** The counters of a run since its start, named as the columns of `sync_execution_history`. */
export const Counters = z.strictObject({
  tournaments_total: count.nullable(),
  tournaments_processed: count,
  tournaments_failed: count,
  records_read: count,
  records_inserted: count,
  records_updated: count,
  records_unchanged: count,
  records_removed: count,
  records_rejected: count,
  api_calls: count,
  api_errors: count,
  api_retries: count,
  api_bytes: count,
  api_bytes_saved: count,
  api_full_reads: count,
  api_xml_replies: count,
  api_unchanged_replies: count,
  api_fallbacks: count,
  api_response_ms_total: count,
  api_response_ms_max: count.nullable(),
  cache_hits: count,
  cache_misses: count,
  memory_usage_mb: count.nullable(),
  database_calls: count,
  database_connections_peak: count.nullable(),
  error_count: count,
});
export type Counters = z.infer<typeof Counters>;

/** One row of `sync_tournament_results` before it is written; a result without an error type is a success. */
export const TournamentResult = z.strictObject({
  tournament_no: z.string(),
  records_processed: count.nullable(),
  duration_ms: z.number(),
  error_message: z.string().nullable(),
  error_type: z.string().nullable(),
  error_fingerprint: z.string().nullable(),
  /** The reason why the reply of a success was held back for a second look. */
  warning_code: z.string().nullable(),
  retry_attempt: count,
  /** The requests of a tournament with a retry, each with its start since the start of the work; empty without a retry. */
  attempts: z.array(z.strictObject({ from_ms: count, ms: count })),
  /** The start of the work on the tournament, in ms since the start of the run. */
  started_ms: z.number().nonnegative(),
  /** The bytes of the reply; null without a reply for this tournament alone. */
  reply_bytes: count.nullable(),
});
export type TournamentResult = z.infer<typeof TournamentResult>;

/** One row of `sync_error_log` before it is written. */
export const ErrorRecord = z.strictObject({
  id: z.uuid(),
  tournament_no: z.string().nullable(),
  error_type: z.string(),
  error_code: z.string(),
  error_severity: z.string(),
  retryable: z.boolean(),
  error_message: z.string(),
  error_context: z.record(z.string(), z.unknown()),
  recovery_suggestion: z.string(),
  fingerprint: z.string(),
  occurred_at: z.string(),
});
export type ErrorRecord = z.infer<typeof ErrorRecord>;

/** Tournaments that a run did not sync, for one reason; `nos` are the first of them. */
export const LeftOut = z.strictObject({ reason: z.enum(LEFT_OUT_REASONS), count, nos: z.array(z.string()).max(20) });
export type LeftOut = z.infer<typeof LeftOut>;

/** The progress of a run: its counters since the start, and the results and errors that the database does not have yet. */
const progress = {
  execution_id: z.uuid(),
  counters: z.strictObject({
    ...Counters.partial().shape,
    current_stage: z.string().nullish(),
    cpu_ms: count.nonnegative().optional(),
    left_out: z.array(LeftOut).optional(),
  }),
  results: z.array(TournamentResult),
  errors: z.array(ErrorRecord),
};

export const RUNS = {
  start_sync_execution: {
    args: {
      p: z.strictObject({ ...StartSyncRequest.shape, execution_id: z.uuid(), entity_type: z.string(), wall_clock_ms: z.number() }),
      as_of,
    },
    answer: z.object({
      outcome: z.enum(["STARTED", "SKIPPED"]),
      execution_id: z.uuid(),
      live_execution_id: z.uuid().nullable(),
      started_at: z.string(),
      deadline: z.string().nullable(),
      previous_was_cut: z.boolean(),
    }),
  },
  heartbeat_sync_execution: {
    args: { p: z.strictObject(progress), as_of },
    answer: z.object({ live: z.boolean(), cancel_requested: z.boolean() }),
  },
  finish_sync_execution: {
    args: {
      p: z.strictObject({
        ...progress,
        status: z.enum(["SUCCEEDED", "PARTIAL", "FAILED", "CANCELLED", "TIMED_OUT"]),
        reason: z.string(),
        /** Whether the run ended at its budget, so that one run of the remaining tournaments follows. */
        was_cut: z.boolean(),
        error_details: z.record(z.string(), z.unknown()).nullable(),
        /** Whether the job of the run can be retried. */
        retryable: z.boolean(),
      }),
      as_of,
    },
    answer: z.object({ recorded: z.boolean(), status: z.string().nullable() }),
  },
  reap_sync_executions: { args: { as_of }, answer: z.number() },
};
