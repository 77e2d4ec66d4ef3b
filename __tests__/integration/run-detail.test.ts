import { assert, assertEquals, assertObjectMatch } from "@std/assert";
import { SyncError } from "../../services/classification.ts";
import { startSync } from "../../services/SyncRunner.ts";
import type { SyncDeps } from "../../services/SyncRun.ts";
import { WorkerCpu } from "../../services/worker-cpu.ts";
import { createApp } from "../../supabase/functions/sync-monitoring/app.ts";
import { TestClock } from "../../testing/clock.ts";
import { openTestDatabase } from "../../testing/database.ts";
import { testEnv } from "../../testing/env.ts";
import { aMatch, aResult, aRun, aTournament, insert } from "../../testing/factories.ts";
import { documented } from "../../testing/openapi.ts";
import { createSyncHarness } from "../../testing/sync-harness.ts";
import { ExecutionDetailResponse } from "../../types/history.ts";
import { DatabaseError } from "../../services/errors.ts";

const db = await openTestDatabase();
const NOW = "2026-06-10T10:00:00.000Z";

async function setUp(rpc = db.rpc, startUpMs = 250) {
  await db.reset();
  await db.query("truncate alert_incidents cascade");
  await db.query("truncate net._http_response");
  const clock = new TestClock(NOW);
  const cpu = new WorkerCpu({ budgetMs: 10_000, startUpMs });
  const deps: SyncDeps = { rpc, clock, log: () => {}, wallClockLeft: () => 90_000, cpu };
  const app = documented(createApp({ rpc: db.rpc, clock, log: () => {}, env: testEnv() }));
  const detail = async (id: unknown) => {
    const headers = { apikey: db.keys.secret };
    const response = await app.fetch(new Request(`http://functions.test/sync-monitoring/executions/${id}`, { headers }));
    return ExecutionDetailResponse.parse(await response.json());
  };
  const tournaments = async (count: number) => {
    const nos: string[] = [];
    for (let i = 0; i < count; i++) nos.push(String((await aTournament(db, { name: `Open ${i}` })).no));
    return nos;
  };
  return { clock, cpu, detail, tournaments, start: () => startSync(deps, "matches_schedule", { trigger: "CRON" }) };
}
const named = (nos: string[]) => nos.map((no) => ({ no }));

Deno.test("a tournament shows when its work began, its retries and the size of its reply, on the time axis of the run", async () => {
  const { clock, cpu, detail, tournaments, start } = await setUp();
  const nos = await tournaments(3);
  const run = await start();
  await run.perform((open) =>
    open.eachTournament(named(nos), 1, ({ no }) => {
      clock.advance(1_500);
      for (let request = 0; request < 100; request++) cpu.countRequest();
      if (no === nos[2]) return Promise.reject(new SyncError("VIS_LATER", "later", { attempt: 3 }));
      return Promise.resolve({ records: 4, retries: no === nos[1] ? 2 : 0, bytes: 900 });
    })
  );
  const { execution_start, cpu_ms, tournaments: results } = await detail(run.info.executionId);
  const facts = results.map((result) => [
    result.tournament_no,
    Date.parse(String(result.started_at)) - Date.parse(execution_start),
    result.duration_ms,
    result.retry_attempt,
    result.reply_bytes,
    result.error_fingerprint,
  ]);
  assertEquals(facts, [
    [nos[2], 3_000, 1_500, 2, null, "VIS_LATER:later"],
    [nos[0], 0, 1_500, 0, 900, null],
    [nos[1], 1_500, 1_500, 2, 900, null],
  ]);
  assertEquals(cpu_ms, 150, "the CPU before the run is not its own");
});

Deno.test("a tournament with a retry shows each of its requests on its own time axis, and others show none", async () => {
  const { detail } = await setUp();
  const harness = createSyncHarness(db, { start: NOW });
  const faulty = await aTournament(db, { name: "Doha", gender: 1 });
  const other = await aTournament(db, { name: "Doha", gender: 0 });
  for (const { no } of [faulty, other]) await aMatch(db, no);
  harness.vis.faults.add({ kind: "server_error" as never, tournament_no: String(faulty.no) });
  const { execution_id } = await (await harness.run("match-schedule-sync")).json();
  const { tournaments } = await detail(execution_id);
  const attempts = tournaments.map((
    { tournament_no, gender, start_date, attempts },
  ) => [tournament_no, gender, start_date, attempts.length]);
  assertEquals(attempts, [[faulty.no, "WOMEN", "2026-06-09", 2], [other.no, "MEN", "2026-06-09", 0]]);
  const [first, second] = tournaments[0]?.attempts ?? [];
  assert(first && second && first.from_ms >= 0 && second.from_ms >= first.from_ms + first.ms, "the second request follows the first");
});

Deno.test("tournaments at the same time begin at the same time, and a start is recorded within the run whatever the worker's clock says", async () => {
  const { clock, detail, tournaments, start } = await setUp();
  const nos = await tournaments(2);
  const run = await start();
  await run.perform((open) =>
    open.eachTournament(named(nos), 2, async () => {
      await Promise.resolve();
      return { records: 1 };
    })
  );
  const { tournaments: results, execution_start } = await detail(run.info.executionId);
  assertEquals(results.map(({ started_at }) => Date.parse(String(started_at))), [Date.parse(execution_start), Date.parse(execution_start)]);
  const old = await aRun(db, { execution_start: "2026-06-10T08:00:00Z", entity_type: "tournaments" });
  await aResult(db, old, { tournament_no: nos[0], started_ms: 3_600_000 });
  await aResult(db, old, { tournament_no: nos[1], started_ms: -1 });
  const started = (await detail(old.id)).tournaments.map(({ started_at }) => started_at && Date.parse(started_at));
  assertEquals(started, [Date.parse("2026-06-10T08:00:00Z"), null]);
  assertEquals(clock.now(), Date.parse(NOW));
});

Deno.test("a run says which tournaments it left out as fresh or leased", async () => {
  const { detail } = await setUp();
  const harness = createSyncHarness(db, { start: NOW });
  const nos: string[] = [];
  for (let i = 0; i < 25; i++) {
    const { no } = await aTournament(db, { name: `Open ${i}` });
    nos.push(String(no));
    const isFresh = i < 23;
    if (isFresh) await insert(db, "tournament_sync_state", { tournament_no: no, synced_at: NOW, ttl: "15 minutes", match_count: 1 });
  }
  await aMatch(db, nos[24]);
  const holder = await aRun(db, { execution_start: NOW, tournament_no: nos[23] });
  await insert(db, "tournament_sync_state", {
    tournament_no: nos[23],
    lease_holder: holder.id,
    lease_expires_at: "2026-06-10T10:05:00Z",
  });
  const { execution_id } = await (await harness.run("match-schedule-sync")).json();
  const { left_out, cache_hits, tournaments_total } = await detail(execution_id);
  assertEquals(left_out.map(({ reason, count, tournaments }) => [reason, count, tournaments.length]), [["FRESH", 23, 20], [
    "LEASED",
    1,
    1,
  ]]);
  assertEquals(left_out[1]?.tournaments, [{ no: String(nos[23]), name: "Open 23", gender: null, start_date: "2026-06-09" }]);
  assertEquals([cache_hits, tournaments_total], [23, 1]);
});

for (
  const [reason, stop] of [
    ["BUDGET", ({ clock }) => clock.advance(60_000)],
    ["CPU", ({ cpu }) => spend(cpu)],
    ["UPSTREAM_BACKOFF", () => {
      throw new SyncError("UPSTREAM_BACKOFF", "backoff");
    }],
  ] as [string, (at: { clock: TestClock; cpu: WorkerCpu }) => void][]
) {
  Deno.test(`a run that stops early leaves the rest out as ${reason}`, async () => {
    const { clock, cpu, detail, tournaments, start } = await setUp();
    const nos = await tournaments(3);
    const run = await start();
    await run.perform((open) =>
      open.eachTournament(named(nos), 1, ({ no }) => {
        if (no === nos[1] || reason !== "UPSTREAM_BACKOFF") stop({ clock, cpu });
        return Promise.resolve({ records: 1 });
      })
    );
    const { left_out, tournaments_total, tournaments_processed } = await detail(run.info.executionId);
    const rest = nos.slice(1);
    assertEquals(left_out.map(({ tournaments, ...facts }) => [facts, tournaments.map(({ no }) => no)]), [[{ reason, count: 2 }, rest]]);
    assertEquals((tournaments_total ?? 0) - tournaments_processed, 2);
  });
}

/** Counts requests until the CPU of the worker is spent. */
function spend(cpu: WorkerCpu): void {
  while (!cpu.isSpent) cpu.countRequest();
}

Deno.test("a run whose worker died says how many tournaments it left, beside those that it had left out itself", async () => {
  let isAway = false;
  const { clock, detail, tournaments, start } = await setUp((fn, args) =>
    isAway ? Promise.reject(new DatabaseError(fn, "", "connection refused")) : db.rpc(fn, args)
  );
  const nos = await tournaments(3);
  const run = await start();
  await run.perform(async (open) => {
    open.leaveOut("FRESH", ["70001"]);
    open.expectTournaments(nos);
    open.recordTournament(String(nos[0]), clock.monotonic(), { records: 1 });
    await open.sendHeartbeat();
    isAway = true;
  });
  clock.advance(120_000);
  assertEquals(await db.value("select reap_sync_executions($1)", [clock.asOf()]), 1);
  const { left_out, status } = await detail(run.info.executionId);
  assertEquals(status, "TIMED_OUT");
  assertEquals(left_out, [
    { reason: "TIMED_OUT", count: 2, tournaments: [] },
    { reason: "FRESH", count: 1, tournaments: [{ no: "70001", name: null, gender: null, start_date: null }] },
  ]);
});

Deno.test("a full run is shown beside the full run before and the medians of the good ones of the 7 days before", async () => {
  const { detail } = await setUp();
  const at = (hoursBefore: number) => new Date(Date.parse(NOW) - hoursBefore * 3_600_000).toISOString();
  const end = (hoursBefore: number, seconds: number) => new Date(Date.parse(NOW) - hoursBefore * 3_600_000 + seconds * 1000).toISOString();
  const past = (hours: number, seconds: number, row: Record<string, unknown> = {}) =>
    aRun(db, { execution_start: at(hours), execution_end: end(hours, seconds), records_updated: seconds, api_calls: 2, cpu_ms: 7, ...row });
  await past(200, 1_000);
  for (const [hours, seconds] of [[100, 10], [50, 20], [30, 30], [20, 90]] as const) await past(hours, seconds);
  await past(10, 5_000, { entity_type: "tournaments" });
  await past(9, 400, { tournament_no: "70001" });
  await past(8, 0, { status: "SKIPPED" });
  const failed = await past(7, 500, { status: "FAILED", tournaments_processed: 4, tournaments_failed: 4, database_calls: 3 });
  const run = await past(6, 25);
  await past(5, 9_000);
  const { previous_run, usual } = await detail(run.id);
  assertEquals(previous_run && { ...previous_run, execution_start: Date.parse(previous_run.execution_start) }, {
    id: String(failed.id),
    status: "FAILED",
    execution_start: Date.parse(at(7)),
    duration_ms: 500_000,
    records_processed: 500,
    tournaments_processed: 4,
    tournaments_failed: 4,
    api_calls: 2,
    api_retries: 0,
    database_calls: 3,
    cpu_ms: 7,
  });
  assertEquals(usual, {
    runs: 4,
    p50_duration_ms: 20_000,
    p95_duration_ms: 90_000,
    records_processed: 20,
    api_calls: 2,
    api_retries: 0,
    database_calls: 0,
    cpu_ms: 7,
  });
  const single = await past(4, 1, { tournament_no: "70001" });
  const first = await past(1_000, 1);
  for (const { id } of [single, first]) assertObjectMatch(await detail(id), { previous_run: null, usual: null });
});

Deno.test("the errors of a run are grouped by fingerprint, with the tournaments of each group and what to do", async () => {
  const { clock, detail, tournaments, start } = await setUp();
  const nos = await tournaments(25);
  const run = await start();
  await run.perform(async (open) => {
    await open.eachTournament(named(nos), 1, () => {
      clock.advance(10);
      return Promise.reject(new SyncError("VIS_LATER", "VIS answered HTTP 404"));
    });
    open.reject(new SyncError("RECORD_INVALID", "record 1"));
  });
  await db.query("update sync_error_log set recovery_suggestion = null where error_code = 'RECORD_INVALID'");
  const { error_groups, tournaments: results } = await detail(run.info.executionId);
  assertEquals(error_groups.map(({ error_code, count, tournaments }) => [error_code, count, tournaments.length]), [
    ["VIS_LATER", 25, 20],
    ["RECORD_INVALID", 1, 0],
  ]);
  assertObjectMatch(error_groups[0] ?? {}, { message: "VIS answered HTTP 404", error_type: "API" });
  assertEquals(error_groups[0]?.tournaments[0], { no: String(nos[0]), name: "Open 0", gender: null, start_date: "2026-06-09" });
  for (const { suggestion } of error_groups) {
    assertEquals(typeof suggestion, "string", "a group without stored advice has that of its code");
  }
  assertEquals(new Set(results.map(({ error_fingerprint }) => error_fingerprint)), new Set([String(error_groups[0]?.fingerprint)]));
});

Deno.test("a run names the call that started it and its answer while they are kept, and no call of another caller", async () => {
  const { detail } = await setUp();
  const id = "0f0e0d0c-1111-4222-8333-444455556666";
  await insert(db, "private.call_log", {
    id,
    path: "match-schedule-sync",
    body: {},
    outcome: "SENT",
    net_request_id: 7,
    called_at: "2026-06-10T08:59:59.500Z",
  });
  const run = await aRun(db, { correlation_id: id });
  assertObjectMatch(await detail(run.id), { call: { id, status_code: null, answered_ms: null } });
  await insert(db, "net._http_response", { id: 7, status_code: 202, timed_out: false, created: "2026-06-10T09:00:00.250Z" });
  assertObjectMatch(await detail(run.id), { call: { id, status_code: 202, answered_ms: 750 } });
  for (const correlation_id of [null, "a-request-of-a-person", crypto.randomUUID()]) {
    assertEquals((await detail((await aRun(db, { correlation_id })).id)).call, null);
  }
});

Deno.test.afterAll(() => db.close());
