import { z } from "zod";
import { NotificationChannel } from "../../types/alerts.ts";
import { QueueStatusResponse } from "../../types/jobs.ts";
import { as_of } from "./fields.ts";

const moment = z.string().nullable();
const Scheduler = z.object({ jobs: z.number(), last_tick: moment, is_late: z.boolean() });

/** The way of an entity from its cron job to its last run. */
const ScheduleFacts = z.object({
  entity_type: z.string(),
  is_paused: z.boolean(),
  schedule: z.string().nullable(),
  is_scheduled: z.boolean(),
  tick: z.object({ at: z.string(), status: z.string(), message: z.string().nullable() }).nullable(),
  call: z.object({
    id: z.uuid(),
    at: z.string(),
    outcome: z.enum(["SENT", "NOT_CONFIGURED"]),
    status_code: z.number().nullable(),
    error: z.string().nullable(),
    is_answered: z.boolean(),
    is_timed_out: z.boolean().nullable(),
  }).nullable(),
  run: z.object({ id: z.uuid(), status: z.string(), at: z.string(), correlation_id: z.string().nullable() }).nullable(),
});
export type ScheduleFacts = z.infer<typeof ScheduleFacts>;

const SystemFacts = z.object({
  as_of: z.string(),
  schema_version: z.number(),
  database: z.object({ size_bytes: z.number(), connections: z.number() }),
  scheduler: Scheduler,
  schedules: z.array(ScheduleFacts),
  alert_processor: z.object({ last_evaluation: moment, evaluated_since: moment }),
  channels: z.array(z.object({
    name: z.string(),
    kind: z.string(),
    is_active: z.boolean(),
    dead_24h: z.number(),
    waiting: z.number(),
    last_error: z.string().nullable(),
    last_sent: moment,
  })),
  upstream: z.object({
    backoff_until: moment,
    reason: z.string().nullable(),
    usual_response_ms: z.number().nullable(),
    in_flight_limit: z.number(),
  }),
  queue: QueueStatusResponse,
  audit: z.object({ rows_unsealed: z.number() }),
});
export type SystemFacts = z.infer<typeof SystemFacts>;

const ConnectivityFacts = z.object({
  scheduler: Scheduler,
  functions: z.array(z.string()),
  backoff_until: z.string().nullable(),
  channels: z.array(z.object({
    name: z.string(),
    kind: NotificationChannel.shape.kind,
    url: z.string().nullable(),
    last_delivery: z.object({ at: z.string(), outcome: z.string(), error: z.string().nullable() }).nullable(),
  })),
});
export type ConnectivityFacts = z.infer<typeof ConnectivityFacts>;

export const SYSTEM = {
  schema_version: { args: {}, answer: z.number().int() },
  get_system_facts: { args: { as_of }, answer: SystemFacts },
  get_connectivity_facts: { args: { as_of }, answer: ConnectivityFacts },
};
