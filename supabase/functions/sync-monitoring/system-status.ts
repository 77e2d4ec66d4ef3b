import type { Clock } from "../../../services/clock.ts";
import type { ScheduleFacts, SystemFacts } from "../../../services/contract/system.ts";
import type { Rpc } from "../../../services/rpc.ts";
import type { SystemStatusResponse } from "../../../types/history.ts";

type Component = SystemStatusResponse["components"][number];
type Verdict = Pick<Component, "status" | "message">;

const MINUTE = 60_000;
const verdict = (status: Component["status"], message: string): Verdict => ({ status, message });
const counted = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? "" : "s"}`;

/** Judges a schedule by the first step that failed on the way from cron job to run, or else by its last run. */
export function judgeSchedule(facts: ScheduleFacts, now: number): Verdict {
  const { tick, call, run } = facts;
  if (facts.is_paused) return verdict("OK", "paused");
  if (!facts.is_scheduled) return verdict("FAILED", "not scheduled: run select private.apply_schedules()");
  if (tick?.status === "failed") return verdict("FAILED", `the cron job failed: ${tick.message ?? "no message"}`);
  if (call?.outcome === "NOT_CONFIGURED") return verdict("FAILED", "the call was not sent: the Vault secrets are missing");
  if (call && !call.is_answered && now - Date.parse(call.at) > MINUTE && run?.correlation_id !== call.id) {
    return verdict("FAILED", "the function never answered the request");
  }
  if (call?.is_timed_out || call?.error) return verdict("FAILED", `the request failed: ${call.error ?? "it timed out"}`);
  // 409: another run was live, and the due time was recorded as SKIPPED.
  if (call?.status_code && call.status_code >= 400 && call.status_code !== 409) {
    return verdict("FAILED", `the function refused the request with status ${call.status_code}`);
  }
  if (run?.status === "TIMED_OUT") return verdict("DEGRADED", "the last run was killed or sent no heartbeat");
  return run ? verdict("OK", `the last run has the status ${run.status}`) : verdict("UNKNOWN", "no run yet");
}

function judgeChannel({ is_active, dead_24h, waiting, last_error }: SystemFacts["channels"][number]): Verdict {
  if (!is_active) return verdict("OK", "the channel is disabled");
  const dead = `${counted(dead_24h, "dead notification")} in the last 24 hours`;
  if (dead_24h > 0) return verdict("FAILED", last_error ? `${dead}: ${last_error}` : dead);
  if (waiting > 0 && last_error) return verdict("DEGRADED", `${counted(waiting, "undelivered notification")}: ${last_error}`);
  return verdict("OK", "notifications are delivered");
}

function judgeProcessor(last: string | null, sinceMs: number, isSchedulerLate: boolean): Verdict {
  if (sinceMs < 5 * MINUTE) return verdict("OK", `the rules were evaluated ${Math.round(sinceMs / 1000)} s ago`);
  if (last === null && !isSchedulerLate) return verdict("UNKNOWN", "no evaluation so far");
  return verdict("FAILED", last === null ? "the rules were never evaluated" : `no evaluation since ${last}`);
}

/** Judges each component by its facts. */
function judgeSystem(facts: SystemFacts): SystemStatusResponse {
  const now = Date.parse(facts.as_of);
  const { alert_processor, scheduler, upstream, queue, audit } = facts;
  const sinceEvaluation = alert_processor.last_evaluation === null ? Infinity : now - Date.parse(alert_processor.last_evaluation);
  const components: Component[] = [
    { name: "database", kind: "database", ...verdict("OK", `schema version ${facts.schema_version}`), evidence: facts.database },
    {
      name: "scheduler",
      kind: "scheduler",
      ...(scheduler.is_late
        ? verdict("FAILED", "no cron job started in the last 3 minutes")
        : verdict("OK", counted(scheduler.jobs, "active cron job"))),
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
        ? verdict("DEGRADED", `backoff until ${upstream.backoff_until}: ${upstream.reason ?? ""}`)
        : verdict("OK", "no backoff")),
      evidence: upstream,
    },
    {
      name: "queue",
      kind: "queue",
      ...((queue.oldest_wait_ms ?? 0) > 30 * MINUTE
        ? verdict("DEGRADED", "a job has waited for more than 30 minutes")
        : verdict("OK", counted(queue.running.length, "running job"))),
      evidence: { waiting: queue.waiting, oldest_wait_ms: queue.oldest_wait_ms, slots: queue.slots },
    },
    {
      name: "audit",
      kind: "audit",
      ...(audit.rows_unsealed > 100
        ? verdict("DEGRADED", `${audit.rows_unsealed} rows are not sealed`)
        : verdict("OK", "the audit log is sealed")),
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

/** Each component with its status and evidence. @throws DatabaseError */
export async function readSystemStatus(rpc: Rpc<"get_system_facts">, clock: Clock): Promise<SystemStatusResponse> {
  return judgeSystem(await rpc("get_system_facts", { as_of: clock.asOf() }));
}
