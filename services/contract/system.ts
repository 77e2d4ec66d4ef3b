import { z } from "zod";
import { ConnectivityResponse, LastConnectivityResponse } from "../../types/admin.ts";
import { ChannelProof, NotificationChannel } from "../../types/alerts.ts";
import { QueueStatusResponse } from "../../types/jobs.ts";
import { Actor, as_of } from "./fields.ts";

const moment = z.string().nullable();
const Scheduler = z.object({ jobs: z.number(), last_tick: moment, is_late: z.boolean() });

/** A required cron job: its required and its current settings. */
const CronJobFacts = z.object({
  name: z.string(),
  job_id: z.number().nullable(),
  is_active: z.boolean(),
  schedule: z.string().nullable(),
  required_schedule: z.string(),
  has_required_command: z.boolean(),
  /** The longest time between two ticks. */
  period_ms: z.number(),
  tick: z.object({ at: z.string(), status: z.string(), message: z.string().nullable() }).nullable(),
});
export type CronJobFacts = z.infer<typeof CronJobFacts>;

const CallFacts = z.object({
  id: z.uuid(),
  at: z.string(),
  due_at: z.string(),
  attempt: z.number(),
  outcome: z.enum(["SENT", "NOT_CONFIGURED"]),
  /** Whether pg_net has not yet sent the request. */
  is_queued: z.boolean(),
  is_answered: z.boolean(),
  is_timed_out: z.boolean().nullable(),
  status_code: z.number().nullable(),
  error: z.string().nullable(),
  has_run: z.boolean(),
});
export type CallFacts = z.infer<typeof CallFacts>;

const RunFacts = z.object({
  id: z.uuid(),
  status: z.string(),
  reason: z.string().nullable(),
  trigger: z.string(),
  at: z.string(),
  ended_at: moment,
  heartbeat_at: moment,
  lease_expires_at: moment,
  due_at: moment,
  attempt: z.number().nullable(),
  correlation_id: z.string().nullable(),
});
export type RunFacts = z.infer<typeof RunFacts>;

/** The due time of an entity, its last two scheduled calls, and its full runs. */
const ScheduleFacts = z.object({
  entity_type: z.string(),
  function_name: z.string(),
  frequency_ms: z.number(),
  is_paused: z.boolean(),
  paused_at: moment,
  paused_by: z.string().nullable(),
  idle_since: moment,
  /** The entity that must succeed once before the first run. */
  waits_for: z.string().nullable(),
  due_at: moment,
  /** Whether the due time has neither a live run nor a run that settled it. */
  is_open: z.boolean(),
  call_due_at: moment,
  next_run_at: moment,
  calls: z.array(CallFacts),
  run: RunFacts.nullable(),
  finished: RunFacts.nullable(),
  good_at: moment,
  failing_since: moment,
});
export type ScheduleFacts = z.infer<typeof ScheduleFacts>;

/** The database connections; each number is null when the database does not report it, for the `reason`. */
const Connections = z.object({ in_use: z.number().nullable(), limit: z.number().nullable(), reason: z.string().nullable() });

const RunCounts = z.object({ finished: z.number(), failed: z.number() });

const SystemFacts = z.object({
  as_of: z.string(),
  schema_version: z.number(),
  database: z.object({ size_bytes: z.number(), connections: Connections }),
  scheduler: Scheduler,
  cron_jobs: z.array(CronJobFacts),
  /** The secrets that calls need and that Vault does not have. */
  missing_secrets: z.array(z.string()),
  schedules: z.array(ScheduleFacts),
  /** The runs that ended SUCCEEDED, PARTIAL, FAILED or TIMED_OUT, by their start; FAILED and TIMED_OUT count as failed. */
  runs: z.object({ hour: RunCounts, day: RunCounts }),
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
  channels: z.array(z.object({
    name: z.string(),
    kind: NotificationChannel.shape.kind,
    url: z.string().nullable(),
    last_delivery: z.object({ at: z.string(), outcome: z.string(), error: z.string().nullable() }).nullable(),
  })),
});
export type ConnectivityFacts = z.infer<typeof ConnectivityFacts>;

/** The facts from which the setup is judged; the channels are the active ones besides the dashboard. */
const SetupFacts = z.object({
  as_of: z.string(),
  channels: z.array(z.object({ name: z.string(), updated_at: z.string(), ...ChannelProof.shape })),
  rules: z.object({ active: z.number(), dashboard_only: z.number() }),
  scheduler: Scheduler,
  cron_jobs: z.array(CronJobFacts),
  missing_secrets: z.array(z.string()),
  last_evaluation: moment,
  /** The backoff and the last answer of VIS; `last_answer` is null when VIS has not answered for 26 hours. */
  upstream: z.object({ backoff_until: moment, last_answer: moment }),
});
export type SetupFacts = z.infer<typeof SetupFacts>;

export const SYSTEM = {
  schema_version: { args: {}, answer: z.object({ version: z.number().int(), min_code_version: z.number().int() }) },
  get_system_facts: { args: { as_of }, answer: SystemFacts },
  get_setup_facts: { args: { as_of }, answer: SetupFacts },
  start_connectivity_test: { args: { p: z.strictObject({ actor: Actor }), as_of }, answer: ConnectivityFacts },
  record_connectivity_test: { args: { p: z.strictObject({ result: ConnectivityResponse }), as_of }, answer: z.boolean() },
  get_connectivity_test: { args: { as_of }, answer: LastConnectivityResponse },
};
