import { assertEquals } from "@std/assert";
import type { CallFacts, CronJobFacts, RunFacts, ScheduleFacts } from "../../../../services/contract/system.ts";
import { lossOf } from "../call-status.ts";
import { cronProblems } from "../../../../services/cron-status.ts";
import { judgeSchedule, type ScheduleContext } from "../schedule-status.ts";

const ID = "00000000-0000-4000-8000-000000000001";
const NOON = "2026-06-10T12:00:00+00:00";
const JOB: CronJobFacts = {
  name: "dispatch-due-syncs",
  job_id: 1,
  is_active: true,
  schedule: "* * * * *",
  required_schedule: "* * * * *",
  has_required_command: true,
  period_ms: 60_000,
  tick: { at: NOON, status: "succeeded", message: null },
};
const CONTEXT: ScheduleContext = {
  as_of: "2026-06-10T12:01:00+00:00",
  scheduler: { jobs: 7, last_tick: NOON, is_late: false },
  cron_jobs: [JOB],
  missing_secrets: [],
  upstream: { backoff_until: null, reason: null, usual_response_ms: null, in_flight_limit: 4 },
};
const FACTS: ScheduleFacts = {
  entity_type: "tournaments",
  function_name: "tournament-master-sync",
  frequency_ms: 86_400_000,
  is_paused: false,
  idle_since: null,
  paused_at: null,
  paused_by: null,
  waits_for: null,
  due_at: NOON,
  is_open: false,
  call_due_at: null,
  next_run_at: "2026-06-11T12:00:00+00:00",
  calls: [],
  run: null,
  finished: null,
  good_at: null,
  failing_since: null,
};
const RUN: RunFacts = {
  id: ID,
  status: "SUCCEEDED",
  reason: null,
  trigger: "CRON",
  at: NOON,
  ended_at: "2026-06-10T12:00:20+00:00",
  heartbeat_at: "2026-06-10T12:00:55+00:00",
  lease_expires_at: "2026-06-10T12:01:55+00:00",
  due_at: NOON,
  attempt: 1,
  correlation_id: ID,
};
const WORKING: RunFacts = { ...RUN, status: "RUNNING", ended_at: null };
const CALL: CallFacts = {
  id: ID,
  at: NOON,
  due_at: NOON,
  attempt: 1,
  outcome: "SENT",
  is_queued: false,
  is_answered: true,
  is_timed_out: false,
  status_code: 503,
  error: null,
  has_run: false,
};
const LATE: RunFacts = { ...WORKING, heartbeat_at: "2026-06-10T12:00:49+00:00" };
const BACKOFF = { ...CONTEXT.upstream, backoff_until: "2026-06-10T12:25:00+00:00", reason: "VIS answered HTTP 403" };
const FAILED: Partial<ScheduleFacts> = { run: { ...RUN, status: "FAILED" }, finished: { ...RUN, status: "FAILED" }, failing_since: NOON };

for (
  const [what, facts, status, words, context] of [
    ["that never ran", {}, "UNKNOWN", "no run yet", {}],
    ["that waits for another", { waits_for: "tournaments" }, "UNKNOWN", "the first waits for the first success of tournaments", {}],
    ["whose first run works", { run: WORKING }, "OK", "no run has finished yet; a run has been in progress since 2026-06-10T12:00:00Z", {}],
    ["whose last run was partial", { run: RUN, finished: { ...RUN, status: "PARTIAL" } }, "OK", "was partial", {}],
    ["whose next run works after a failure", { ...FAILED, run: WORKING }, "FAILED", "failed (no reason)", {}],
    ["whose run misses heartbeats", { run: LATE, finished: RUN }, "DEGRADED", "has sent no heartbeat since 2026-06-10T12:00:49Z", {}],
    ["whose run is past its deadline", { run: { ...WORKING, lease_expires_at: NOON } }, "FAILED", "so it was killed", {}],
    ["with a lost call of a settled due time", { run: RUN, finished: RUN, calls: [CALL] }, "OK", "succeeded", {}],
    ["with a lost call", { is_open: true, run: RUN, finished: RUN, calls: [CALL] }, "FAILED", "answered 503", {}],
    ["with a lost call before a good run", { is_open: true, finished: RUN, calls: [CALL], good_at: "2026-06-10T12:00:10Z" }, "OK", "", {}],
    ["with a lost call that has its run", { is_open: true, ...FAILED, calls: [{ ...CALL, has_run: true }] }, "FAILED", "the last run", {}],
    ["with an open due time in a backoff", { is_open: true, finished: RUN, calls: [CALL] }, "DEGRADED", "backoff", { upstream: BACKOFF }],
    ["with a failed run in a backoff", FAILED, "DEGRADED", "the next run waits for the end", { upstream: BACKOFF }],
    ["with a settled due time in a backoff", { finished: RUN }, "OK", "upstream backoff until 2026-06-10T12:25:00Z", { upstream: BACKOFF }],
    ["that is paused without cron job", { paused_at: NOON, paused_by: "x" }, "OK", "paused by x", {
      cron_jobs: [{ ...JOB, job_id: null }],
    }],
    ["that is idle after a good run", { idle_since: NOON, finished: RUN }, "OK", "idle since", {}],
    ["that is idle before its first run", { idle_since: NOON }, "OK", "no match is live or starts within 15 minutes", {}],
    ["that is idle without cron job", { idle_since: NOON }, "FAILED", "cron", { cron_jobs: [{ ...JOB, job_id: null }] }],
    ["without both secrets", {}, "FAILED", "Vault has no a and no b", { missing_secrets: ["a", "b"] }],
    ["of 30 s without seconds in pg_cron", { frequency_ms: 30_000, finished: RUN }, "OK", "it runs once a minute", {}],
    ["of 30 s with seconds", { frequency_ms: 30_000, finished: RUN }, "OK", "succeeded", {
      cron_jobs: [{ ...JOB, schedule: "30 seconds", required_schedule: "30 seconds" }],
    }],
  ] as [string, Partial<ScheduleFacts>, string, string, Partial<ScheduleContext>][]
) {
  Deno.test(`the schedule of an entity ${what} is ${status}`, () => {
    const found = judgeSchedule({ ...FACTS, ...facts }, { ...CONTEXT, ...context });
    assertEquals([found.status, found.message.includes(words) || found.message], [status, true]);
  });
}

Deno.test("an answer other than 2xx says what to do; a call can wait 15 seconds for its answer", () => {
  const loss = (changes: Partial<CallFacts>, seconds = 60) => lossOf({ ...CALL, ...changes }, "f", Date.parse(NOON) + seconds * 1000);
  const words = (status_code: number) => loss({ status_code })?.split(": ")[1];
  assertEquals(words(409), "f answered 409");
  assertEquals(words(302), "f answered 302");
  assertEquals(words(500), "f answered 500");
  assertEquals(loss({ is_answered: false }, 15), null);
  assertEquals(loss({ is_answered: false }, 16), "the call of 2026-06-10T12:00:00Z has no answer: read the log of f and of pg_net");
});

Deno.test("a cron job that never ran is said to have never run, and pg_cron that never ran too", () => {
  const job = { ...JOB, tick: null };
  assertEquals(cronProblems({ ...CONTEXT, cron_jobs: [job] }), []);
  const [missing, stopped] = cronProblems({
    ...CONTEXT,
    scheduler: { jobs: 0, last_tick: null, is_late: true },
    cron_jobs: [{ ...job, job_id: null }],
  });
  assertEquals(missing, "the cron job dispatch-due-syncs is missing; it has never run: run select private.apply_schedules();");
  assertEquals(stopped?.split(":")[0], "pg_cron has never started a job");
});

Deno.test("a tick may be late by three minutes more than its period", () => {
  const problems = (tick: string) =>
    cronProblems({ ...CONTEXT, cron_jobs: [{ ...JOB, tick: { at: tick, status: "running", message: null } }] });
  assertEquals(problems("2026-06-10T11:57:00Z"), []);
  assertEquals(problems("2026-06-10T11:56:59Z").length, 1);
});
