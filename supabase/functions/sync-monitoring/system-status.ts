import { z } from "zod";
import type { Clock } from "../../../services/clock.ts";
import type { Rpc } from "../../../services/rpc.ts";
import { QueueStatusResponse } from "../../../types/jobs.ts";
import type { SystemStatusResponse } from "../../../types/history.ts";

const moment = z.string().nullable();
const Schedule = z.object({
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
const Facts = z.object({
  as_of: z.string(),
  schema_version: z.number(),
  database: z.object({ size_bytes: z.number(), connections: z.number() }),
  scheduler: z.object({ jobs: z.number(), last_tick: moment, is_late: z.boolean() }),
  schedules: z.array(Schedule),
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
type Facts = z.infer<typeof Facts>;
type Component = SystemStatusResponse["components"][number];
type Verdict = Pick<Component, "status" | "message">;

const MINUTE = 60_000;
const is = (status: Component["status"], message: string): Verdict => ({ status, message });

/** Where the way from tick to run broke: not scheduled, cron failed, not sent, never answered, refused, killed; or what its last run came to. */
export function judgeSchedule(facts: z.infer<typeof Schedule>, now: number): Verdict {
  const { tick, call, run } = facts;
  if (facts.is_paused) return is("OK", "paused");
  if (!facts.is_scheduled) return is("FAILED", "not scheduled: select private.apply_schedules()");
  if (tick?.status === "failed") return is("FAILED", `cron failed: ${tick.message ?? "without a word"}`);
  if (call?.outcome === "NOT_CONFIGURED") return is("FAILED", "the call was not sent: the Vault secrets are missing");
  if (call && !call.is_answered && now - Date.parse(call.at) > MINUTE && run?.correlation_id !== call.id) {
    return is("FAILED", "the request was never answered");
  }
  if (call?.is_timed_out || call?.error) return is("FAILED", `the request failed: ${call.error ?? "no answer in time"}`);
  // 409 says that a run was going on: the tick was recorded as SKIPPED.
  if (call?.status_code && call.status_code >= 400 && call.status_code !== 409) {
    return is("FAILED", `the function refused with ${call.status_code}`);
  }
  if (run?.status === "TIMED_OUT") return is("DEGRADED", "the last run was killed or went silent");
  return run ? is("OK", `the last run is ${run.status}`) : is("UNKNOWN", "no run yet");
}

function judgeChannel({ is_active, dead_24h, waiting, last_error }: Facts["channels"][number]): Verdict {
  if (!is_active) return is("OK", "switched off");
  if (dead_24h > 0) return is("FAILED", `${dead_24h} messages died within a day: ${last_error ?? ""}`);
  return waiting > 0 && last_error ? is("DEGRADED", `${waiting} messages wait: ${last_error}`) : is("OK", "delivers");
}

function judgeProcessor(last: string | null, sinceMs: number, isSchedulerLate: boolean): Verdict {
  if (sinceMs < 5 * MINUTE) return is("OK", `evaluated ${Math.round(sinceMs / 1000)} s ago`);
  if (last === null && !isSchedulerLate) return is("UNKNOWN", "it has not evaluated yet");
  return is("FAILED", last === null ? "it never evaluated" : `nothing evaluated since ${last}`);
}

/** Judges each part by its facts. */
function judgeSystem(facts: Facts): SystemStatusResponse {
  const now = Date.parse(facts.as_of);
  const { alert_processor, scheduler, upstream, queue, audit } = facts;
  const sinceEvaluation = alert_processor.last_evaluation === null ? Infinity : now - Date.parse(alert_processor.last_evaluation);
  const components: Component[] = [
    { name: "database", kind: "database", ...is("OK", `schema ${facts.schema_version}`), evidence: facts.database },
    {
      name: "scheduler",
      kind: "scheduler",
      ...(scheduler.is_late ? is("FAILED", "no job ran for three minutes") : is("OK", `${scheduler.jobs} jobs tick`)),
      evidence: scheduler,
    },
    ...facts.schedules.map((schedule): Component => ({
      name: schedule.entity_type,
      kind: "schedule",
      ...judgeSchedule(schedule, now),
      evidence: schedule,
    })),
    {
      name: "sync-alert-processor",
      kind: "alert_processor",
      ...judgeProcessor(alert_processor.last_evaluation, sinceEvaluation, scheduler.is_late),
      evidence: alert_processor,
    },
    ...facts.channels.map((channel): Component => ({ name: channel.name, kind: "channel", ...judgeChannel(channel), evidence: channel })),
    {
      name: "vis",
      kind: "upstream",
      ...(upstream.backoff_until
        ? is("DEGRADED", `blocked until ${upstream.backoff_until}: ${upstream.reason ?? ""}`)
        : is("OK", "not blocked")),
      evidence: upstream,
    },
    {
      name: "queue",
      kind: "queue",
      ...((queue.oldest_wait_ms ?? 0) > 30 * MINUTE
        ? is("DEGRADED", "a job waits for half an hour")
        : is("OK", `${queue.running.length} running`)),
      evidence: { waiting: queue.waiting, oldest_wait_ms: queue.oldest_wait_ms, slots: queue.slots },
    },
    {
      name: "audit",
      kind: "audit",
      ...(audit.rows_unsealed > 100 ? is("DEGRADED", `${audit.rows_unsealed} rows are not sealed`) : is("OK", "sealed")),
      evidence: audit,
    },
  ];
  const worst = components.some(({ status }) => status === "FAILED")
    ? "FAILED"
    : components.some(({ status }) => status === "DEGRADED")
    ? "DEGRADED"
    : "OK";
  return { status: worst, as_of: facts.as_of, components };
}

/** Each part with its status and evidence. @throws DatabaseError */
export async function readSystemStatus(rpc: Rpc, clock: Clock): Promise<SystemStatusResponse> {
  return judgeSystem(await rpc("get_system_facts", { as_of: clock.asOf() }, Facts));
}
