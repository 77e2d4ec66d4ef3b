import type { Clock } from "../../../services/clock.ts";
import type { ScheduleFacts, SystemFacts } from "../../../services/contract/system.ts";
import type { Rpc } from "../../../services/rpc.ts";
import type { SystemStatusResponse } from "../../../types/history.ts";
import { judgeScheduler } from "../../../services/cron-status.ts";
import { DISPATCH, judgeSchedule } from "./schedule-status.ts";
import { type Component, counted, MINUTE, type Verdict, verdict } from "../../../services/verdict.ts";

function judgeChannel({ kind, is_active, dead_24h, waiting, last_error, last_sent }: SystemFacts["channels"][number]): Verdict {
  if (!is_active) return verdict("OK", "the channel is disabled");
  if (kind === "alertmanager" && last_error) return verdict("FAILED", `the last post of all alerts failed: ${last_error}`);
  const dead = `${counted(dead_24h, "dead notification")} in the last 24 hours`;
  if (dead_24h > 0) return verdict("FAILED", last_error ? `${dead}: ${last_error}` : dead);
  if (waiting > 0 && last_error) return verdict("DEGRADED", `${counted(waiting, "undelivered notification")}: ${last_error}`);
  return verdict("OK", last_sent === null ? "no notification was sent yet" : "notifications are delivered");
}

function judgeProcessor(last: string | null, sinceMs: number, isSchedulerLate: boolean): Verdict {
  if (sinceMs < 5 * MINUTE) return verdict("OK", `the rules were evaluated ${Math.round(sinceMs / 1000)} s ago`);
  if (last === null && !isSchedulerLate) return verdict("UNKNOWN", "no evaluation so far");
  return verdict("FAILED", last === null ? "the rules were never evaluated" : `no evaluation since ${last}`);
}

function judgeDatabase({ schema_version, database }: SystemFacts): Verdict {
  const { in_use, limit, reason } = database.connections;
  const version = `schema version ${schema_version}`;
  if (in_use === null || limit === null) return verdict("OK", `${version}; connections are unknown: ${reason}`);
  return verdict(in_use >= 0.9 * limit ? "DEGRADED" : "OK", `${version}; ${in_use} of ${limit} connections in use`);
}

/** Judges the runs of the last hour, or of the last day when the hour has none. */
function judgeRuns({ runs: { hour, day } }: SystemFacts): Verdict {
  const [{ finished, failed }, period] = hour.finished > 0 ? [hour, "hour"] : [day, "24 hours"];
  if (finished === 0) return verdict("UNKNOWN", "no run finished in the last 24 hours");
  if (failed === 0) return verdict("OK", `no run of the last ${period} failed`);
  if (failed === finished) {
    return verdict("FAILED", finished === 1 ? `the only run of the last ${period} failed` : `every run of the last ${period} failed`);
  }
  return verdict(2 * failed >= finished ? "DEGRADED" : "OK", `${failed} of ${counted(finished, "run")} of the last ${period} failed`);
}

const sentence = (text: string): string => `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;

/** The state of the scheduler and the outcome of the runs, in sentences. */
function summarise(components: Component[]): string {
  const [scheduler, runs] = (["scheduler", "runs"] as const).map((kind) => components.find((component) => component.kind === kind));
  return [scheduler?.status === "OK" ? "the scheduler works" : "the scheduler does not work", runs?.message ?? ""]
    .filter(Boolean).map(sentence).join(" ");
}

/** The facts about an entity, with the cron job and the call that it depends on. */
function scheduleEvidence(schedule: ScheduleFacts, { cron_jobs, missing_secrets }: SystemFacts): Component["evidence"] {
  const job = cron_jobs.find(({ name }) => name === DISPATCH);
  return {
    ...schedule,
    schedule: job?.schedule ?? null,
    is_scheduled: job?.is_active ?? false,
    tick: job?.tick ?? null,
    call: schedule.calls[0] ?? null,
    missing_secrets,
  };
}

/** Judges each component by its facts. */
function judgeSystem(facts: SystemFacts): SystemStatusResponse {
  const now = Date.parse(facts.as_of);
  const { alert_processor, scheduler, upstream, queue, audit } = facts;
  const sinceEvaluation = alert_processor.last_evaluation === null ? Infinity : now - Date.parse(alert_processor.last_evaluation);
  const components: Component[] = [
    { name: "database", kind: "database", ...judgeDatabase(facts), evidence: facts.database },
    {
      name: "scheduler",
      kind: "scheduler",
      ...judgeScheduler(facts),
      evidence: { ...scheduler, cron_jobs: facts.cron_jobs },
    },
    ...facts.schedules.map((schedule): Component => ({
      name: schedule.entity_type,
      kind: "schedule",
      ...judgeSchedule(schedule, facts),
      evidence: scheduleEvidence(schedule, facts),
    })),
    { name: "runs", kind: "runs", ...judgeRuns(facts), evidence: facts.runs },
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
  return { status: worst, summary: summarise(components), as_of: facts.as_of, components };
}

/** Each component with its status and evidence. @throws DatabaseError */
export async function readSystemStatus(rpc: Rpc<"get_system_facts">, clock: Clock): Promise<SystemStatusResponse> {
  return judgeSystem(await rpc("get_system_facts", { as_of: clock.asOf() }));
}
