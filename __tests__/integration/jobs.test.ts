// Over 300 lines, because each transition of a job has a case.
import { assert, assertEquals, assertMatch, assertObjectMatch } from "@std/assert";
import type { Answer } from "../../services/contract/index.ts";
import { WorkerCpu } from "../../services/worker-cpu.ts";
import { createApp } from "../../supabase/functions/sync-admin/app.ts";
import { JobDetailResponse, JobListResponse, ManualSyncResponse, QueueStatusResponse } from "../../types/jobs.ts";
import { openTestDatabase } from "../../testing/database.ts";
import { documented } from "../../testing/openapi.ts";
import { aResult, aRun, aTournament } from "../../testing/factories.ts";
import { testEnv, VIS_URL } from "../../testing/env.ts";
import { createSyncHarness, type SyncHarness } from "../../testing/sync-harness.ts";

const db = await openTestDatabase();
const AUDIT_KEY = "a key of thirty-two bytes or more";
const tokens = Object.fromEntries(
  await Promise.all(["viewer", "operator", "admin"].map(async (role) => [role, await db.token(role)] as const)),
);

async function setUp(start = "2026-06-10T12:00:00.000Z") {
  await db.reset();
  await db.query("truncate sync_jobs, manual_sync_audit cascade");
  await db.query(
    "update sync_queue_settings set slots = 4, emergency_slots = 1, slots_per_entity = 2, triggers_per_minute = 10, max_attempts = 3",
  );
  await db.query("update sync_status set last_attempt = $1, last_sync = $1", [start]);
  const harness = createSyncHarness(db, { start });
  const { clock } = harness;
  const background: Promise<unknown>[] = [];
  const app = documented(
    createApp({ rpc: db.rpc, clock, log: () => {}, env: testEnv({ AUDIT_KEY }), waitUntil: (work) => background.push(work) }),
  );
  const call = async (method: string, path: string, body?: unknown, caller = "operator", headers: Record<string, string> = {}) => {
    if (caller === "service") headers = { ...headers, apikey: db.keys.secret };
    else if (caller !== "nobody") headers = { ...headers, authorization: `Bearer ${tokens[caller] ?? await db.token(null)}` };
    const response = await app.fetch(
      new Request(`http://functions.test/sync-admin${path}`, {
        method,
        headers,
        body: body === undefined ? undefined : JSON.stringify(body),
      }),
    );
    await Promise.all(background.splice(0));
    return { status: response.status, headers: response.headers, body: await response.json() };
  };
  const trigger = (body: object = {}, caller = "operator", headers: Record<string, string> = {}) =>
    call("POST", "/manual-trigger", { entity_type: "matches_schedule", reason: "results are wrong", ...body }, caller, headers);
  /** The calls of sync functions that the database logged since the last call of this function. */
  const dispatched = async () => {
    const calls = await db.query<{ path: string; body: Record<string, unknown> }>(
      "delete from private.call_log where path like '%-sync' returning path, body",
    );
    return calls.map(({ path, body: { correlation_id: _, ...body } }) => ({
      path: path as "match-schedule-sync" | "tournament-master-sync",
      body,
    }));
  };
  /** Runs the dispatched jobs, as the calls of pg_net do. */
  const runDispatched = async () => {
    const calls = await dispatched();
    for (const { path, body } of calls) await harness.run(path, body);
    return calls.length;
  };
  const job = async (id: string) => JobDetailResponse.parse((await call("GET", `/jobs/${id}`)).body);
  const drain = () => db.query("select drain_sync_queue($1)", [clock.asOf()]);
  return { harness, clock, call, trigger, dispatched, runDispatched, job, drain };
}
/** Sets a fault of the stand-in for VIS; null clears it. */
const fault = ({ vis }: SyncHarness, body: object | null) =>
  vis.fetch(new Request(`${VIS_URL}/control`, body ? { method: "POST", body: JSON.stringify(body) } : { method: "DELETE" }));
const outcomes = async (id: string) =>
  (await db.query<{ outcome: string }>(
    "select a.outcome from sync_jobs j cross join private.attempts_of(j) a where j.id = $1 order by a.claimed_at",
    [id],
  )).map((
    attempt,
  ) => attempt.outcome);
const audit = (id: string) =>
  db.query("select triggered_by, priority, trigger_reason, final_status, records_processed from manual_sync_audit where sync_job_id = $1", [
    id,
  ]);

Deno.test("a trigger answers 202, its job is dispatched at once, and the end of the run closes the job and its audit row", async () => {
  const { trigger, runDispatched, job, harness } = await setUp();
  await harness.run("tournament-master-sync");
  const { status, body } = await trigger({ priority: "EMERGENCY" });
  assertEquals(status, 202);
  const triggered = ManualSyncResponse.parse(body);
  assertObjectMatch(triggered, { status: "RUNNING", priority: "EMERGENCY", queue_position: null });
  assertEquals(await runDispatched(), 1);
  const done = await job(triggered.sync_job_id);
  assertObjectMatch(done, { status: "COMPLETED", final_status: "SUCCEEDED", attempts: 1 });
  assert(
    done.progress && done.progress.tournaments_processed > 0 && done.progress.tournaments_processed === done.progress.total_tournaments,
  );
  const [row] = await audit(triggered.sync_job_id);
  assertObjectMatch(row as object, {
    triggered_by: "user@example.com",
    priority: "EMERGENCY",
    trigger_reason: "results are wrong",
    final_status: "SUCCEEDED",
    records_processed: done.records_processed,
  });
  const [run] = await db.query("select trigger, sync_job_id from sync_execution_history where id = $1", [done.execution_id]);
  assertEquals(run, { trigger: "MANUAL", sync_job_id: triggered.sync_job_id });
  const [act] = await db.query("select actor, action, object_id, reason from audit_log order by id desc limit 1");
  assertEquals(act, { actor: "user@example.com", action: "trigger-sync", object_id: triggered.sync_job_id, reason: "results are wrong" });
});

Deno.test("an invalid trigger is refused with every invalid field named, and no job is enqueued", async () => {
  const { call, trigger } = await setUp();
  const { no } = await aTournament(db);
  const bad: [object, string[]][] = [
    [{ entity_type: "Ghosts", priority: "SOON", reason: "x", colour: 1 }, ["colour", "entity_type", "priority", "reason"]],
    [{ tournament_no: "x" }, ["tournament_no"]],
    [{ reason: "y".repeat(501) }, ["reason"]],
    [{ not_before: "2026-06-11T00:00:00Z", expires_at: "2026-06-10T00:00:00Z" }, ["expires_at"]],
    [{ triggered_by: "somebody@example.com" }, ["triggered_by"]],
  ];
  for (const [body, fields] of bad) {
    const answer = await trigger(body);
    assertEquals(answer.status, 400);
    assertEquals(answer.body.details.map((issue: { field: string }) => issue.field).sort(), fields);
  }
  assertEquals((await trigger({ entity_type: "ghosts" })).body.details, [
    { field: "entity_type", message: "ghosts cannot be triggered; the active entities are matches_schedule, tournaments" },
  ]);
  assertMatch((await trigger({ tournament_no: "999999" })).body.message, /^tournament_no: there is no tournament 999999/);
  assertEquals((await trigger({}, "operator", { "idempotency-key": "a b" })).body.details[0].field, "idempotency-key");
  assertEquals((await call("POST", "/manual-trigger")).status, 400);
  await db.query("update sync_status set is_active = false where entity_type = 'tournaments'");
  assertMatch(
    (await trigger({ entity_type: "tournaments" })).body.message,
    /^entity_type: tournaments cannot be triggered; the active entities are matches_schedule$/,
  );
  await db.query("update sync_status set is_active = true where entity_type = 'tournaments'");
  assertEquals(await db.value("select count(*)::int from sync_jobs"), 0);
  const named = await trigger({ triggered_by: "somebody@example.com", tournament_no: no }, "service");
  assertEquals(named.status, 202);
  assertObjectMatch((await audit(named.body.sync_job_id))[0] as object, { triggered_by: "somebody@example.com" });
});

Deno.test("a repeated Idempotency-Key returns its job and refuses a different body; too many triggers answer 429 with Retry-After", async () => {
  const { clock, trigger } = await setUp();
  const key = { "idempotency-key": "once" };
  const first = await trigger({}, "operator", key);
  const again = await trigger({ priority: "NORMAL" }, "operator", key);
  assertEquals([again.status, again.body.sync_job_id], [202, first.body.sync_job_id]);
  const other = await trigger({ priority: "HIGH" }, "operator", key);
  assertEquals([other.status, other.body.code], [409, "IDEMPOTENCY_KEY_REUSED"]);
  assertEquals((await audit(first.body.sync_job_id)).length, 1);
  clock.advance(24 * 3_600_000 + 1);
  for (let count = 0; count < 10; count++) assertEquals((await trigger()).status, 202);
  clock.advance(20_000);
  const refused = await trigger();
  assertEquals([refused.status, refused.body.code, refused.headers.get("retry-after")], [429, "TOO_MANY_TRIGGERS", "40"]);
  assertEquals((await trigger({}, "service")).status, 202, "the limit counts per actor");
  clock.advance(40_001);
  assertEquals((await trigger()).status, 202);
});

Deno.test("a trigger joins a waiting job of its target and raises its priority; each trigger has an audit row, and the end of the job closes all", async () => {
  const { call, trigger, runDispatched, drain, job } = await setUp();
  await call("PATCH", "/entities/matches_schedule", { is_paused: true, reason: "works" }, "admin");
  const first = await trigger();
  const second = await trigger({ priority: "EMERGENCY", reason: "now really" });
  assertEquals(second.body.sync_job_id, first.body.sync_job_id);
  assertObjectMatch(second.body, { status: "QUEUED", priority: "EMERGENCY", queue_position: 1 });
  assertEquals((await job(first.body.sync_job_id)).waits_because, "matches_schedule is paused by user@example.com");
  assertEquals((await trigger({ priority: "NORMAL" })).body.priority, "EMERGENCY", "a trigger never lowers the priority");
  await call("PATCH", "/entities/matches_schedule", { is_paused: false, reason: "done" }, "admin");
  await drain();
  assertEquals(await runDispatched(), 1);
  assertEquals((await audit(first.body.sync_job_id)).map((row) => row.final_status), ["SUCCEEDED", "SUCCEEDED", "SUCCEEDED"]);
});

Deno.test("jobs start by priority and then by age, and one slot is reserved for EMERGENCY", async () => {
  const { clock, trigger, dispatched } = await setUp();
  const nos = await Promise.all(Array.from({ length: 9 }, async () => String((await aTournament(db)).no)));
  await db.query("update sync_queue_settings set slots = 2, slots_per_entity = 9, triggers_per_minute = 100");
  const ids: string[] = [];
  const priorities = ["NORMAL", "NORMAL", "HIGH", "NORMAL", "HIGH", "EMERGENCY", "EMERGENCY"];
  for (const [index, priority] of priorities.entries()) {
    clock.advance(1_000);
    ids.push((await trigger({ tournament_no: nos[index], priority })).body.sync_job_id);
  }
  const order = (await dispatched()).map(({ body }) => ids.indexOf(String(body.sync_job_id)));
  assertEquals(order, [0, 5], "the first job starts at once, then EMERGENCY in the reserved slot");
  while (order.length < priorities.length) {
    clock.advance(1_000);
    const [running] = await db.query<{ id: string; token: string; priority: string }>(
      "select id, token, priority from sync_jobs where status = 'RUNNING' order by priority, rank limit 1",
    );
    const execution_id = crypto.randomUUID();
    const [target] = await db.query<{ tournament_no: string }>("select tournament_no from sync_jobs where id = $1", [running?.id]);
    await db.query("select start_sync_execution($1, $2)", [
      {
        execution_id,
        entity_type: "matches_schedule",
        trigger: "MANUAL",
        wall_clock_ms: 60_000,
        sync_job_id: running?.id,
        job_token: running?.token,
        ...target,
      },
      clock.asOf(),
    ]);
    await db.query("select finish_sync_execution($1, $2)", [
      { execution_id, status: "SUCCEEDED", reason: "ok", counters: {} },
      clock.asOf(),
    ]);
    order.push(...(await dispatched()).map(({ body }) => ids.indexOf(String(body.sync_job_id))));
  }
  assertEquals(order, [0, 5, 6, 2, 4, 1, 3]);
});

Deno.test("a job waits for a live run of its target without spending an attempt, and starts when that run ends", async () => {
  const { clock, trigger, dispatched, job } = await setUp();
  const execution_id = crypto.randomUUID();
  const start = { execution_id, entity_type: "matches_schedule", trigger: "CRON", wall_clock_ms: 60_000 };
  await db.query("select start_sync_execution($1, $2)", [start, clock.asOf()]);
  const { body } = await trigger();
  assertObjectMatch(body, { status: "QUEUED", queue_position: 1 });
  assertEquals(await dispatched(), []);
  await db.query("select finish_sync_execution($1, $2)", [{ execution_id, status: "SUCCEEDED", reason: "ok", counters: {} }, clock.asOf()]);
  assertEquals((await dispatched()).length, 1);
  // A scheduled run starts between the dispatch and the start of the job, so the run of the job is SKIPPED and the job waits again.
  const [claimed] = await db.query<{ token: string }>("select token from sync_jobs where id = $1", [body.sync_job_id]);
  await db.query("select start_sync_execution($1, $2)", [{ ...start, execution_id: crypto.randomUUID() }, clock.asOf()]);
  const late = { ...start, execution_id: crypto.randomUUID(), trigger: "MANUAL", sync_job_id: body.sync_job_id, job_token: claimed?.token };
  assertObjectMatch(await db.value("select start_sync_execution($1, $2)", [late, clock.asOf()]), { outcome: "SKIPPED" });
  assertObjectMatch(await job(body.sync_job_id), { status: "QUEUED", attempts: 0 });
  assertEquals(await outcomes(body.sync_job_id), ["WAITED"]);
});

Deno.test("a job whose worker has too little CPU left waits without spending an attempt, and starts on another worker", async () => {
  const { harness, clock, trigger, dispatched, job, drain } = await setUp();
  const { body } = await trigger();
  const { cpu } = harness.deps;
  harness.deps.cpu = new WorkerCpu({ budgetMs: 0, startUpMs: 0 });
  for (const { path, body } of await dispatched()) assertEquals((await harness.run(path, body)).status, 503);
  assertObjectMatch(await job(body.sync_job_id), { status: "QUEUED", attempts: 0 });
  assertEquals(await outcomes(body.sync_job_id), ["WAITED"]);
  harness.deps.cpu = cpu;
  clock.advance(5_000);
  await drain();
  for (const { path, body } of await dispatched()) assertEquals((await harness.run(path, body)).status, 202);
  assertObjectMatch(await job(body.sync_job_id), { attempts: 1 });
});

/** The calls of the worker of a run, at the time of the clock. */
function worker(clock: { asOf(): string }) {
  const call = <T = Record<string, unknown>>(fn: string, p: object) => db.value<T>(`select to_jsonb(${fn}($1, $2))`, [p, clock.asOf()]);
  return {
    start: (p: object, execution_id: string = crypto.randomUUID()) =>
      call("start_sync_execution", { entity_type: "matches_schedule", trigger: "CRON", wall_clock_ms: 600_000, execution_id, ...p }),
    claim: async (execution_id: unknown, tournament_no: string) => {
      const claim = await call<Answer<"claim_tournament">>("claim_tournament", { upstream: "vis", execution_id, tournament_no });
      return claim.token !== null;
    },
    complete: (execution_id: unknown, tournament_no: string) =>
      call("write_matches", { execution_id, tournament_no, matches: [], present: [], tick_at: clock.asOf() }),
    finish: (execution_id: unknown) => call("finish_sync_execution", { execution_id, status: "SUCCEEDED", reason: "done", counters: {} }),
  };
}

Deno.test("a job for a tournament on which a run works waits without spending an attempt, and starts when the tournament is released", async () => {
  const { clock, trigger, dispatched, job, drain } = await setUp();
  const [no, other] = [String((await aTournament(db)).no), String((await aTournament(db)).no)];
  const { start, claim, complete } = worker(clock);
  const full = await start({});
  assertEquals(await claim(full.execution_id, no), true);
  const { body } = await trigger({ tournament_no: no, priority: "EMERGENCY" });
  assertEquals(body.status, "QUEUED");
  assertEquals((await job(body.sync_job_id)).waits_because, `run ${full.execution_id} works on the same target`);
  assertEquals((await trigger({ entity_type: "tournaments", tournament_no: no })).body.status, "RUNNING", "its runs claim no lease");
  assertEquals((await trigger({ tournament_no: other })).body.status, "RUNNING");
  const calls = await dispatched();
  await complete(full.execution_id, no);
  const [dispatch] = await dispatched();
  assertObjectMatch(dispatch?.body ?? {}, { sync_job_id: body.sync_job_id, tournament_no: no });
  // The full run claims the other tournament between the dispatch of its job and the start of that job.
  const late = calls.find((call) => call.body.tournament_no === other && call.path === "match-schedule-sync");
  await claim(full.execution_id, other);
  assertObjectMatch(await start(late?.body ?? {}), { outcome: "SKIPPED", live_execution_id: full.execution_id });
  const waiting = await job(String(late?.body.sync_job_id));
  assertObjectMatch(waiting, { status: "QUEUED", attempts: 0 });
  assertEquals(await outcomes(waiting.id), ["WAITED"]);
  await drain();
  clock.advance(5_000);
  await drain();
  assertEquals(await dispatched(), []);
  // The lease of a worker that died without a recorded run expires after five minutes.
  await db.query("update tournament_sync_state set lease_holder = gen_random_uuid() where tournament_no = $1", [other]);
  clock.advance(295_000);
  await drain();
  assertEquals((await dispatched()).map((call) => call.body.sync_job_id), [waiting.id]);
});

Deno.test("a run for named tournaments holds their leases from its start, all or none", async () => {
  const { clock } = await setUp();
  const nos = await Promise.all([1, 2, 3].map(async () => String((await aTournament(db)).no)));
  const [first = "", second = "", third = ""] = nos;
  const { start, claim, finish } = worker(clock);
  const holders = () => db.query("select tournament_no, lease_holder from tournament_sync_state where lease_holder is not null order by 1");
  const single = await start({ tournament_no: first });
  assertEquals(await holders(), [{ tournament_no: first, lease_holder: single.execution_id }]);
  assertEquals(await claim(crypto.randomUUID(), first), false);
  const several = { tournament_nos: [third, second, first] };
  const skipped = await start(several);
  assertObjectMatch(skipped, { outcome: "SKIPPED", live_execution_id: single.execution_id });
  assertEquals((await holders()).length, 1, "a skipped run claims none");
  assertObjectMatch(await start(several, String(skipped.execution_id)), { outcome: "SKIPPED" }, "after a lost response");
  await finish(single.execution_id);
  const both = await start(several);
  assertEquals(both.outcome, "STARTED");
  assertEquals(new Set((await holders()).map((row) => row.lease_holder)), new Set([both.execution_id]));
  assertObjectMatch(await start(several, String(both.execution_id)), { outcome: "STARTED" }, "after a lost response");
  await finish(both.execution_id);
  assertEquals(await holders(), []);
  const tournament = await start({ entity_type: "tournaments", tournament_no: first });
  assertEquals([tournament.outcome, await holders()], ["STARTED", []], "a run of tournaments claims no lease");
});

Deno.test("a waiting job is cancelled at once, a running job at the next tournament, and neither completes afterwards", async () => {
  const { call, harness, clock, trigger, dispatched, job } = await setUp();
  await harness.run("tournament-master-sync");
  const waiting = await trigger({ not_before: "2026-06-10T13:00:00Z" });
  assertObjectMatch(waiting.body, { status: "QUEUED" });
  const cancelled = await call("POST", `/jobs/${waiting.body.sync_job_id}/cancel`, { reason: "not needed" });
  assertObjectMatch(cancelled.body, { status: "CANCELLED", cancelled_by: "user@example.com" });
  assertEquals((await call("POST", `/jobs/${waiting.body.sync_job_id}/cancel`)).body.code, "JOB_OVER");
  const { body } = await trigger();
  const [dispatch] = await dispatched();
  // A person cancels during the third request; the answer to the next heartbeat stops the run.
  const heartbeat = Promise.withResolvers<void>();
  let requests = 0;
  harness.deps.env.SYNC_CONCURRENCY = 1;
  harness.deps.rpc = async (fn, args) => {
    const result = await db.rpc(fn, args);
    if (fn === "heartbeat_sync_execution") heartbeat.resolve();
    return result;
  };
  harness.deps.fetch = async (input, init) => {
    if (++requests === 3) {
      await call("POST", `/jobs/${body.sync_job_id}/cancel`);
      clock.advance(5_000);
      await heartbeat.promise;
    }
    return await harness.vis.fetch(new Request(input as string, init));
  };
  await harness.run("match-schedule-sync", dispatch?.body);
  const over = await job(body.sync_job_id);
  assertObjectMatch(over, { status: "CANCELLED", final_status: "CANCELLED" });
  assertEquals(await outcomes(body.sync_job_id), ["CANCELLED"]);
  assert(
    over.progress && over.progress.tournaments_processed < Number(over.progress.total_tournaments),
    "the run stopped before the last tournament",
  );
  assertEquals(await db.value("select status from sync_execution_history where id = $1", [over.execution_id]), "CANCELLED");
});

Deno.test("a retryable failure is retried with a growing delay up to the limit, another failure is not; each attempt is recorded", async () => {
  const { harness, clock, trigger, dispatched, job, drain } = await setUp();
  await harness.run("tournament-master-sync");
  await fault(harness, { kind: "server_error" });
  const { body } = await trigger();
  const delays: number[] = [];
  for (let attempt = 1; attempt <= 3; attempt++) {
    const [dispatch] = await dispatched();
    await harness.run("match-schedule-sync", dispatch?.body);
    const after = await job(body.sync_job_id);
    if (attempt === 3) break;
    assertObjectMatch(after, { status: "QUEUED", attempts: attempt });
    delays.push(Date.parse(after.not_before) - clock.now());
    await drain();
    assertEquals(await dispatched(), [], "the delay is not over");
    clock.moveTo(new Date(Date.parse(after.not_before) + 1).toISOString());
    await drain();
  }
  const [first = 0, second = 0] = delays;
  assert(first >= 22_000 && first <= 38_000 && second >= 44_000 && second <= 76_000, `${delays}`);
  const failed = await job(body.sync_job_id);
  assertObjectMatch(failed, { status: "FAILED", attempts: 3 });
  assertEquals(failed.attempts_made.map(({ outcome }) => outcome), ["FAILED", "FAILED", "FAILED"]);
  assertObjectMatch((await audit(body.sync_job_id))[0] as object, { final_status: "FAILED" });
  await fault(harness, null);
  await fault(harness, { kind: "access_denied" });
  const denied = await trigger();
  await harness.run("match-schedule-sync", (await dispatched())[0]?.body);
  assertObjectMatch(await job(denied.body.sync_job_id), { status: "FAILED", attempts: 1 });
});

Deno.test("a job is retried when the lease of its attempt or run expires; the late worker can neither start, heartbeat nor finish", async () => {
  const { clock, trigger, dispatched, job, drain } = await setUp();
  const { body } = await trigger();
  const [dispatch] = await dispatched();
  clock.advance(31_000);
  await drain();
  assertObjectMatch(await job(body.sync_job_id), { status: "QUEUED" });
  const start = (p: object, execution_id: string) =>
    db.value("select start_sync_execution($1, $2)", [
      { ...p, execution_id, entity_type: "matches_schedule", wall_clock_ms: 60_000 },
      clock.asOf(),
    ])
      .then(() => "started", (error: Error) => error.message);
  assertMatch(await start(dispatch?.body ?? {}, crypto.randomUUID()), /no longer current/);
  clock.advance(60_000);
  await drain();
  const [second] = await dispatched();
  const execution_id = crypto.randomUUID();
  assertEquals(await start(second?.body ?? {}, execution_id), "started");
  clock.advance(61_000);
  await db.query("select reap_sync_executions($1)", [clock.asOf()]);
  assertObjectMatch(await job(body.sync_job_id), { status: "QUEUED", attempts: 2 });
  assertEquals(await outcomes(body.sync_job_id), ["EXPIRED", "FAILED"]);
  const progress = { execution_id, counters: { tournaments_processed: 9 } };
  assertObjectMatch(await db.value("select heartbeat_sync_execution($1, $2)", [progress, clock.asOf()]), { live: false });
  const end = { ...progress, status: "SUCCEEDED", reason: "late" };
  assertObjectMatch(await db.value("select finish_sync_execution($1, $2)", [end, clock.asOf()]), { recorded: false });
  assertEquals((await job(body.sync_job_id)).status, "QUEUED");
});

Deno.test("a finished job is requeued, whole or only its failed tournaments, as a new job that refers to it", async () => {
  const { call, harness, trigger, dispatched, runDispatched, job } = await setUp();
  await harness.run("tournament-master-sync");
  const due = await db.query<{ no: string }>("select t ->> 'no' as no from jsonb_array_elements(list_due_tournaments('{}', $1)) t", [
    harness.clock.asOf(),
  ]);
  const [failing] = due;
  await fault(harness, { kind: "access_denied", tournament_no: failing?.no });
  const { body } = await trigger();
  await runDispatched();
  assertObjectMatch(await job(body.sync_job_id), { status: "COMPLETED", final_status: "PARTIAL" });
  await fault(harness, null);
  const again = await call("POST", `/jobs/${body.sync_job_id}/requeue`, { only_failed: true, reason: "VIS works again" });
  assertEquals(again.status, 202);
  assertObjectMatch(again.body, { tournament_nos: [failing?.no], retried_from: body.sync_job_id, reason: "VIS works again" });
  const [dispatch] = await dispatched();
  assertEquals(dispatch?.body.tournament_nos, [failing?.no]);
  await harness.run("match-schedule-sync", dispatch?.body);
  const done = await job(again.body.id);
  assertObjectMatch(done, { status: "COMPLETED", final_status: "SUCCEEDED", progress: { tournaments_processed: 1 } });
  assertEquals((await job(body.sync_job_id)).requeued_as, [again.body.id]);
  assertEquals((await call("POST", `/jobs/${again.body.id}/requeue`, { only_failed: true })).body.code, "NOTHING_FAILED");
  const whole = await call("POST", `/jobs/${again.body.id}/requeue`);
  assertObjectMatch(whole.body, { tournament_nos: [failing?.no], status: "RUNNING" });
  assertEquals((await call("POST", `/jobs/${whole.body.id}/requeue`)).body.code, "JOB_NOT_OVER");
  assertEquals(await db.value("select consecutive_failures from sync_status where entity_type = 'matches_schedule'"), 0);
});

Deno.test("a job that expires while it waits becomes FAILED with that error", async () => {
  const { clock, trigger, job, drain } = await setUp();
  const { body } = await trigger({ not_before: "2026-06-10T13:00:00Z", expires_at: "2026-06-10T13:30:00Z" });
  await db.query("update sync_status set paused_at = now(), paused_by = 'x' where entity_type = 'matches_schedule'");
  clock.moveTo("2026-06-10T13:30:00Z");
  await drain();
  const expired = await job(body.sync_job_id);
  assertEquals(expired.status, "FAILED");
  assertMatch(String(expired.last_error), /expired at .* before it could start/);
});

Deno.test("queue-status and the pages of the job list agree with the table", async () => {
  const { call, clock, trigger } = await setUp();
  await db.query("update sync_queue_settings set triggers_per_minute = 100");
  for (let index = 0; index < 7; index++) {
    await trigger({ tournament_no: String((await aTournament(db)).no), priority: index % 2 ? "HIGH" : "NORMAL" });
    clock.advance(1_000);
  }
  const state = QueueStatusResponse.parse((await call("GET", "/queue-status", undefined, "viewer")).body);
  assertObjectMatch(state, {
    waiting: { EMERGENCY: 0, HIGH: 2, NORMAL: 3 },
    oldest_wait_ms: 5_000,
    slots: { total: 4, free: 2, per_entity: 2 },
  });
  assertEquals(state.running.length, 2);
  // Finished jobs are read from another index than waiting and running jobs.
  for (const { id } of await db.query<{ id: string }>("select id from sync_jobs order by enqueued_at offset 3 limit 3")) {
    assertEquals((await call("POST", `/jobs/${id}/cancel`, { reason: "Not needed" })).status, 200);
  }
  const seen: string[] = [];
  for (let cursor: string | null = ""; cursor !== null;) {
    const page: { jobs: { id: string }[]; next_cursor: string | null } = JobListResponse.parse(
      (await call("GET", `/jobs?limit=3${cursor && `&cursor=${encodeURIComponent(cursor)}`}`)).body,
    );
    seen.push(...page.jobs.map(({ id }) => id));
    cursor = page.next_cursor;
  }
  assertEquals(seen, (await db.query<{ id: string }>("select id from sync_jobs order by enqueued_at desc")).map(({ id }) => id));
  for (const [status, count] of [["RUNNING", 2], ["QUEUED", 2], ["CANCELLED", 3], ["FAILED", 0]]) {
    assertEquals((await call("GET", `/jobs?status=${status}&entity=matches_schedule`)).body.jobs.length, count);
  }
  assertEquals((await call("GET", "/jobs?status=LOST")).body.details[0].field, "status");
});

Deno.test("an estimate comes from the history of the target; without history it is null", async () => {
  const { clock, trigger, job } = await setUp();
  assertObjectMatch((await trigger()).body, { estimated_completion: null, estimated_completion_p90: null });
  const { no } = await aTournament(db);
  for (let run = 1; run <= 30; run++) {
    const startedAt = new Date(clock.now() - run * 3_600_000).toISOString();
    const row = await aRun(db, { tournament_no: no, execution_start: startedAt, execution_end: startedAt });
    await aResult(db, row, { tournament_no: no, duration_ms: run % 10 === 0 ? 20_000 : 10_000 });
  }
  const { body } = await trigger({ tournament_no: no });
  const { estimated_completion, estimated_completion_p90 } = await job(body.sync_job_id);
  const [median = 0, p90 = 0] = [estimated_completion, estimated_completion_p90].map((at) => Date.parse(String(at)) - clock.now());
  assert(median > 8_000 && median < 12_000 && p90 > median && p90 < 25_000, `${median} ${p90}`);
});

Deno.test("the estimate of a job for several tournaments comes from the durations of each and the concurrency of full runs", async () => {
  const { clock, trigger, job } = await setUp();
  const newTournament = async () => String((await aTournament(db)).no);
  const tournaments = await Promise.all([10, 20, 30].map(async (seconds) => ({ no: await newTournament(), seconds })));
  for (let run = 1; run <= 12; run++) {
    const startedAt = clock.now() - run * 3_600_000;
    // The run does a minute of work in 30 seconds, with two tournaments at a time.
    const times = { execution_start: new Date(startedAt).toISOString(), execution_end: new Date(startedAt + 30_000).toISOString() };
    const row = await aRun(db, times);
    for (const { no, seconds } of tournaments) {
      await aResult(db, row, { tournament_no: no, duration_ms: seconds * 1_000 });
    }
  }
  const { body } = await trigger();
  const estimated = async (nos: (string | undefined)[]) => {
    await db.query("update sync_jobs set tournament_nos = $2 where id = $1", [body.sync_job_id, nos]);
    const { estimated_completion, estimated_completion_p90 } = await job(body.sync_job_id);
    return [estimated_completion, estimated_completion_p90].map((at) => at && Date.parse(at) - clock.now());
  };
  const [ten, twenty, thirty] = tournaments.map(({ no }) => no);
  assertEquals(await estimated([twenty, thirty]), [30_000, 30_000]);
  assertEquals(await estimated([ten, twenty]), [20_000, 20_000]);
  assertEquals(await estimated([ten, twenty, thirty]), [30_000, 30_000]);
  // The average of the other tournaments stands for a tournament without history.
  assertEquals(await estimated([ten, await newTournament()]), [10_000, 10_000]);
  assertEquals(await estimated([await newTournament()]), [null, null]);
});

Deno.test("an estimate samples the newest thirty runs of each kind of target, newest first", async () => {
  const { clock } = await setUp();
  const no = String((await aTournament(db)).no);
  // The n-th newest full run took n seconds, half of them for its tournament.
  for (let run = 1; run <= 31; run++) {
    const startedAt = clock.now() - run * 3_600_000;
    const times = { execution_start: new Date(startedAt).toISOString(), execution_end: new Date(startedAt + run * 1_000).toISOString() };
    await aResult(db, await aRun(db, times), { tournament_no: no, duration_ms: run * 500 });
    await aRun(db, { ...times, entity_type: "tournaments" });
  }
  const cases = [
    ["matches_schedule", "", null, 1_000],
    ["matches_schedule", no, null, 500],
    ["matches_schedule", "*", [no], 500],
    ["tournaments", no, null, 1_000],
  ] as const;
  for (const [entity, target, nos, unit] of cases) {
    const samples = await db.value<number[]>(
      "select private.duration_samples($1, $2, $3::text::jsonb, $4)",
      [entity, target, nos && JSON.stringify(nos), new Date(clock.now()).toISOString()],
    );
    assertEquals(samples, Array.from({ length: 30 }, (_, index) => (index + 1) * unit), `${entity} ${target}`);
  }
});

Deno.test.afterAll(() => db.close());
