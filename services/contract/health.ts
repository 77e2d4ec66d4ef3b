import { z } from "zod";
import { IncidentRow } from "../../types/alerts.ts";
import { EntityHealthStatus } from "../../types/monitoring.ts";
import { as_of } from "./fields.ts";
import { Titles } from "./incidents.ts";

const count = z.number().int();
const figure = z.number().nullable();
const moment = z.string().nullable();

/** The facts of one entity from `get_health_overview`. */
export const EntityFacts = z.object({
  entity_type: z.string(),
  title: z.string(),
  expected_within_ms: z.number(),
  is_paused: z.boolean(),
  paused_by: z.string().nullable(),
  paused_at: moment,
  paused_reason: z.string().nullable(),
  /** The time since which no match is played or starts soon, so that an entity that runs during play has no due times. */
  idle_since: moment,
  created_at: z.string(),
  last_successful_sync: moment,
  last_attempt: moment,
  next_sync: moment,
  overdue_since: moment,
  max_runtime_ms: z.number(),
  consecutive_failures: count,
  failure_threshold: count.nullable(),
  runs_24h: count,
  success_rate_24h: figure,
  average_duration_ms: figure,
  p95_duration_ms: figure,
  records_processed_today: count,
  cache_hits_24h: count,
  cache_misses_24h: count,
  api_calls_24h: count,
  api_response_ms_24h: z.number(),
  peak_memory_mb_24h: figure,
  errors_24h: count,
  latest_run: z
    .object({
      id: z.uuid(),
      status: z.string(),
      status_reason: z.string().nullable(),
      execution_start: z.string(),
      tournaments_failed: count,
      tournaments_processed: count,
      tournaments_total: count.nullable(),
      duration_ms: figure,
    })
    .nullable(),
  recent_runs: EntityHealthStatus.shape.recent_runs,
  /** The replies that are held back for a second look; null without one. */
  held_back: z.object({ requests: z.array(z.string()), since: z.string(), warnings: z.array(z.string()) }).nullable(),
  running: z
    .object({
      id: z.uuid(),
      execution_start: z.string(),
      deadline: z.string(),
      lease_expires_at: z.string(),
      current_stage: z.string().nullable(),
      tournaments_processed: count,
      tournaments_total: count.nullable(),
    })
    .nullable(),
});
export type EntityFacts = z.infer<typeof EntityFacts>;

const UpstreamFacts = z.object({ backoff_until: moment, backoff_reason: z.string().nullable() });
export type UpstreamFacts = z.infer<typeof UpstreamFacts>;

export const HEALTH = {
  get_health_overview: {
    args: { as_of },
    answer: z.object({
      as_of: z.string(),
      entities: z.array(EntityFacts),
      upstream: UpstreamFacts,
      titles: Titles,
      active_alerts: z.array(IncidentRow),
    }),
  },
};
