import { z } from "zod";
import { QueueStatusResponse } from "../../types/jobs.ts";
import { as_of } from "./fields.ts";

const MetricsFacts = z.object({
  success_rates: z.record(z.string(), z.number().nullable()),
  totals: z.object({
    runs: z.number(),
    success_rate: z.number().nullable(),
    average_duration_ms: z.number().nullable(),
    peak_memory_mb: z.number().nullable(),
    cache_hit_ratio: z.number().nullable(),
    api_call_reduction: z.number().nullable(),
    api_call_volume_reduction: z.number().nullable(),
    api_fallback_ratio: z.number().nullable(),
    database_calls: z.number(),
    api_calls: z.number(),
    api_errors: z.number(),
    api_response_ms: z.number(),
  }),
  errors_by_type: z.record(z.string(), z.number()),
  critical_errors: z.number(),
  consecutive_failures: z.number(),
  overdue: z.number(),
  entities: z.number(),
  active_alerts: z.number(),
  escalations: z.number(),
  mean_resolution_ms: z.number().nullable(),
});

/** A figure that is missing before the first run of an entity. */
const many = z.number().nullish();
const PrometheusFacts = z.object({
  entities: z.array(z.object({
    entity_type: z.string(),
    runs_succeeded: many,
    runs_partial: many,
    runs_failed: many,
    runs_timed_out: many,
    runs_cancelled: many,
    runs_skipped: many,
    duration_ms_total: many,
    counted_runs: many,
    duration_buckets: z.array(z.object({ le_s: z.number(), runs: z.number() })).nullish(),
    records_processed: many,
    records_rejected: many,
    api_calls: many,
    api_errors: many,
    api_retries: many,
    api_full_reads: many,
    api_xml_replies: many,
    api_unchanged_replies: many,
    api_fallbacks: many,
    api_bytes: many,
    api_bytes_saved: many,
    cache_hits: many,
    cache_misses: many,
    database_calls: many,
    errors: many,
    consecutive_failures: z.number(),
    is_paused: z.boolean(),
    last_success_s: many,
    last_memory_mb: many,
    overdue_s: z.number(),
    running: z.number(),
  })),
  incidents: z.array(z.object({ severity: z.string(), state: z.string(), count: z.number() })),
  objectives: z.array(z.object({
    name: z.string(),
    indicator: z.string(),
    entity_type: z.string(),
    target: z.number(),
    attainment: many,
    budget_left: many,
    burn_rate: many,
  })),
  evaluated_s: many,
  dead_notifications: z.number(),
  /** The ages are in seconds. */
  system: z.object({ undelivered_age: z.number(), queue_age: z.number(), canary_failed: z.number() }),
  upstream_backoff: z.number(),
  queue: QueueStatusResponse,
});
export type PrometheusFacts = z.infer<typeof PrometheusFacts>;

export const METRICS = {
  get_metrics_facts: { args: { as_of }, answer: MetricsFacts },
  get_prometheus_facts: { args: { as_of }, answer: PrometheusFacts },
};
