import type { RunFacts, ScheduleFacts, SystemFacts } from "../../../services/contract/system.ts";
import { lostCall } from "./call-status.ts";
import { cronProblems } from "../../../services/cron-status.ts";
import { instant, MINUTE, SECOND, type Verdict, verdict } from "../../../services/verdict.ts";

/** The time without a heartbeat that is too long for a delayed request; a run sends a heartbeat every 5 s. */
const MISSED_HEARTBEATS_MS = 10 * SECOND;
/** The longest time until a tick dispatches a due run. */
const DISPATCH_MS = 2 * MINUTE;

export type ScheduleContext = Pick<SystemFacts, "as_of" | "scheduler" | "cron_jobs" | "missing_secrets" | "upstream">;

/** The end of a run in a sentence. */
const ENDS: Record<string, string> = {
  SUCCEEDED: "succeeded",
  PARTIAL: "was partial",
  CANCELLED: "was cancelled",
  FAILED: "failed",
  TIMED_OUT: "timed out",
};
const endOf = ({ status }: RunFacts): string => ENDS[status] ?? `is ${status}`;

/** The cron job that dispatches every entity. */
export const DISPATCH = "dispatch-due-syncs";
const SECRETS: Record<string, string> = { project_url: "https://<ref>.supabase.co", secret_key: "<secret key>" };

function missingSecrets({ calls }: ScheduleFacts, missing: string[]): string | null {
  if (missing.length === 0) return null;
  const unsent = calls.findLast(({ outcome }) => outcome === "NOT_CONFIGURED");
  const effect = unsent ? `no call is sent since ${instant(unsent.at)}` : "the next call cannot be sent";
  const repair = missing.map((name) => `select vault.create_secret('${SECRETS[name]}', '${name}');`).join(" ");
  return `${effect}, because Vault has no ${missing.join(" and no ")}: run ${repair}`;
}

/** The verdict on a run without heartbeats, whose worker was killed; null for any other run. */
function silentRun(run: RunFacts | null, functionName: string, now: number): Verdict | null {
  if (run?.status !== "RUNNING" || run.heartbeat_at === null || run.lease_expires_at === null) return null;
  if (now - Date.parse(run.heartbeat_at) <= MISSED_HEARTBEATS_MS && now < Date.parse(run.lease_expires_at)) return null;
  const silent = `the run of ${instant(run.at)} has sent no heartbeat since ${instant(run.heartbeat_at)}`;
  const read = `read the log of ${functionName} at that time`;
  return now < Date.parse(run.lease_expires_at)
    ? verdict("DEGRADED", `${silent}; its lease ends at ${instant(run.lease_expires_at)}: ${read}`)
    : verdict("FAILED", `${silent}, so it was killed; the cron job reap-dead-runs closes it: ${read}`);
}

function undispatched({ is_open, call_due_at }: ScheduleFacts, now: number): string | null {
  if (!is_open || call_due_at === null || now - Date.parse(call_due_at) <= DISPATCH_MS) return null;
  return `a call is due since ${instant(call_due_at)}, but ${DISPATCH} has sent none: run select private.dispatch_due_syncs();`;
}

function duringBackoff({ due_at, is_open, finished }: ScheduleFacts, upstream: SystemFacts["upstream"]): string | null {
  const hasFailed = finished?.status === "FAILED" || finished?.status === "TIMED_OUT";
  if (upstream.backoff_until === null || !(is_open || hasFailed)) return null;
  const waits = is_open && due_at ? `the due time ${instant(due_at)} waits` : "the next run waits";
  return `${waits} for the end of the upstream backoff at ${instant(upstream.backoff_until)} (${upstream.reason}): ` +
    "an operator can end it with POST sync-admin/upstream/end-backoff";
}

function failedRun({ function_name, finished, failing_since, next_run_at }: ScheduleFacts): string | null {
  if (finished?.status !== "FAILED" && finished?.status !== "TIMED_OUT") return null;
  const since = failing_since && failing_since !== finished.at ? `; every run since ${instant(failing_since)} has failed` : "";
  const next = next_run_at ? `; the next run is due at ${instant(next_run_at)}` : "";
  const advice = finished.status === "TIMED_OUT"
    ? `read the log of ${function_name} at that time`
    : `read GET sync-monitoring/executions/${finished.id}`;
  return `the last run, of ${instant(finished.at)}, ${endOf(finished)} (${finished.reason ?? "no reason"})${since}${next}: ${advice}`;
}

/** The verdict on a healthy entity, with its current activity. */
function sound({ run, finished, frequency_ms, waits_for, idle_since }: ScheduleFacts, { cron_jobs, upstream }: ScheduleContext): Verdict {
  const remarks: string[] = [];
  if (run?.status === "RUNNING") remarks.push(`a run has been in progress since ${instant(run.at)}`);
  if (upstream.backoff_until) remarks.push(`upstream backoff until ${instant(upstream.backoff_until)}`);
  if (
    frequency_ms < MINUTE && cron_jobs.some(({ name, required_schedule }) => name === DISPATCH && !required_schedule.includes("second"))
  ) {
    remarks.push("it runs once a minute, because this version of pg_cron has no seconds");
  }
  const words = (text: string) => [text, ...remarks].join("; ");
  if (idle_since) return verdict("OK", words(`idle since ${instant(idle_since)}: no match is live or starts within 15 minutes`));
  if (finished) return verdict("OK", words(`the last run, of ${instant(finished.at)}, ${endOf(finished)}`));
  if (run) return verdict("OK", words("no run has finished yet"));
  return verdict("UNKNOWN", words(waits_for ? `no run yet: the first waits for the first success of ${waits_for}` : "no run yet"));
}

/** Judges an entity by the first step that failed between the cron job and the end of its run. */
export function judgeSchedule(facts: ScheduleFacts, context: ScheduleContext): Verdict {
  const now = Date.parse(context.as_of);
  if (facts.paused_at) return verdict("OK", `paused by ${facts.paused_by} since ${instant(facts.paused_at)}: it has no due times`);
  const blocked = cronProblems(context, DISPATCH)[0] ?? missingSecrets(facts, context.missing_secrets);
  if (blocked) return verdict("FAILED", blocked);
  const silent = silentRun(facts.run, facts.function_name, now);
  if (silent) return silent;
  const waits = duringBackoff(facts, context.upstream);
  if (waits) return verdict("DEGRADED", waits);
  const lost = (facts.is_open ? lostCall(facts, now) : null) ?? undispatched(facts, now) ?? failedRun(facts);
  return lost ? verdict("FAILED", lost) : sound(facts, context);
}
