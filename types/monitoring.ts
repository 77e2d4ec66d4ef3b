import { z } from "zod";
import { AlertIncident } from "./alerts.ts";

export const HealthStatus = z.enum(["HEALTHY", "WARNING", "CRITICAL"]);
export type HealthStatus = z.infer<typeof HealthStatus>;

/** One reason for a status, with its value, the threshold that the value was compared with, and the run that caused it. */
export const HealthReason = z.object({
  code: z.enum([
    "OK",
    "PAUSED",
    "NEVER_RAN",
    "OVERDUE",
    "STUCK",
    "FAILING",
    "PARTIAL",
    "LOW_SUCCESS_RATE",
    "SLOW",
    "UPSTREAM_BACKOFF",
    "REPLY_HELD_BACK",
    "IDLE",
  ]),
  status: HealthStatus,
  message: z.string(),
  value: z.number().nullable(),
  limit: z.number().nullable(),
  execution_id: z.uuid().nullable(),
});
export type HealthReason = z.infer<typeof HealthReason>;

/** A run in progress. */
export const RunningExecution = z.object({
  execution_id: z.uuid(),
  started_at: z.string(),
  current_stage: z.string().nullable(),
  tournaments_processed: z.number().int(),
  tournaments_total: z.number().int().nullable(),
});

/** A full run of the strip on the overview. */
export const RecentRun = z.object({
  id: z.uuid(),
  status: z.string(),
  execution_start: z.string(),
  duration_ms: z.number().nullable(),
  tournaments_failed: z.number().int(),
  tournaments_total: z.number().int().nullable(),
  due_at: z.string().nullable(),
});

/** The health of an entity; rates, durations and streaks count full runs, records every run. Rates are 0 to 1, and null is unknown. */
export const EntityHealthStatus = z.object({
  /** The name of the entity for people. */
  title: z.string(),
  status: HealthStatus,
  because: z.array(HealthReason).min(1),
  last_successful_sync: z.string().nullable(),
  /** The interval plus grace, above which the age of the data is late. */
  expected_within_ms: z.number(),
  success_rate_24h: z.number().min(0).max(1).nullable(),
  consecutive_failures: z.number().int(),
  average_duration: z.string().nullable(),
  average_duration_ms: z.number().nullable(),
  p95_duration_ms: z.number().nullable(),
  /** The duration of the last full run that ended SUCCEEDED, PARTIAL, FAILED or TIMED_OUT. */
  last_duration_ms: z.number().nullable(),
  records_processed_today: z.number().int(),
  runs_24h: z.number().int(),
  last_attempt: z.string().nullable(),
  next_sync: z.string().nullable(),
  overdue_since: z.string().nullable(),
  is_paused: z.boolean(),
  /** The time since which no match is live or starts within 15 minutes; null for an entity that runs at any time. */
  idle_since: z.string().nullable(),
  running: RunningExecution.nullable(),
  /** The newest 48 full runs, with one in progress, the oldest first. */
  recent_runs: z.array(RecentRun),
});
export type EntityHealthStatus = z.infer<typeof EntityHealthStatus>;

/** An incident that is firing or acknowledged; `parent_id` is the incident that inhibits it. */
export const AlertSummary = AlertIncident.pick({
  id: true,
  rule_id: true,
  cause: true,
  scope: true,
  entity_type: true,
  tournament_no: true,
  severity: true,
  began_at: true,
  opened_at: true,
  message: true,
  affected: true,
  execution_id: true,
  parent_id: true,
  muted_by: true,
  acknowledged_by: true,
  acknowledged_until: true,
}).extend({ name: z.string(), state: z.enum(["PENDING", "FIRING", "ACKNOWLEDGED"]) });
export type AlertSummary = z.infer<typeof AlertSummary>;

/** The last 24 hours of all active entities together; null is unknown. */
export const PerformanceSummary = z.object({
  period: z.literal("24 hours"),
  runs: z.number().int(),
  success_rate: z.number().min(0).max(1).nullable(),
  average_duration_ms: z.number().nullable(),
  records_processed_today: z.number().int(),
  api_calls: z.number().int(),
  average_response_time_ms: z.number().nullable(),
  cache_hit_ratio: z.number().min(0).max(1).nullable(),
  peak_memory_mb: z.number().nullable(),
  errors: z.number().int(),
});
export type PerformanceSummary = z.infer<typeof PerformanceSummary>;

/** `GET sync-monitoring/health-overview`; every active row of `sync_status` is a key of `sync_entities`. */
export const SyncHealthResponse = z.object({
  overall_status: HealthStatus,
  sync_entities: z.record(z.string(), EntityHealthStatus),
  active_alerts: z.array(AlertSummary),
  performance_summary: PerformanceSummary,
  last_updated: z.string(),
});
export type SyncHealthResponse = z.infer<typeof SyncHealthResponse>;
