// @ts-types="npm:@types/pg@8.23.1"
import { Client } from "pg";
import { assert, assertEquals } from "@std/assert";
import { openTestDatabase } from "../../testing/database.ts";
import { aRun, aTournament } from "../../testing/factories.ts";
import { until } from "../../testing/wait.ts";

// scripts/test.ts runs this file only on a server, because the embedded database has one session.
const db = await openTestDatabase();
const AS_OF = "2026-06-10T10:00:00Z";
const atOnce = <T>(count: number, work: (index: number) => Promise<T>) =>
  Promise.all(Array.from({ length: count }, (_, index) => work(index)));

Deno.test("of twenty concurrent starts one is STARTED and nineteen are SKIPPED", async () => {
  await db.reset();
  const outcomes = await atOnce(20, () =>
    db.value<string>("select start_sync_execution($1, $2) ->> 'outcome'", [
      { execution_id: crypto.randomUUID(), entity_type: "tournaments", trigger: "CRON", wall_clock_ms: 400_000 },
      AS_OF,
    ]));
  assertEquals(outcomes.filter((outcome) => outcome === "STARTED").length, 1);
  assertEquals(Number(await db.value("select count(*) from sync_execution_history where status = 'SKIPPED'")), 19);
  assertEquals(await db.value("select runs_skipped from sync_metrics where resolution = '1 hour'"), 19);
});

Deno.test("of twenty concurrent claims of a tournament one succeeds, and it alone keeps a slot", async () => {
  await db.reset();
  const { no } = await aTournament(db);
  const claims = await atOnce(20, () =>
    db.value<{ token: string | null }>("select claim_tournament($1, $2)", [
      { upstream: "vis", tournament_no: no, execution_id: crypto.randomUUID() },
      AS_OF,
    ]));
  const tokens = claims.flatMap(({ token }) => token ?? []);
  assertEquals(tokens.length, 1);
  assertEquals(await db.query("select token from upstream_slots where token is not null"), [{ token: tokens[0] }]);
});

Deno.test("claims, writes and starts of runs for the same tournaments end without a deadlock", async () => {
  await db.reset();
  const nos = await Promise.all(Array.from({ length: 6 }, async () => String((await aTournament(db)).no)));
  const call = <T>(fn: string, p: object) => db.value<T>(`select to_jsonb(${fn}($1, $2))`, [p, AS_OF]);
  const sync = async (execution_id: string, tournament_no: string) => {
    const { token } = await call<{ token: string | null }>("claim_tournament", { upstream: "vis", execution_id, tournament_no });
    if (!token) return false;
    const slot = { upstream: "vis", token, response_ms: 300, backoff_reason: null };
    await call("write_matches", { execution_id, tournament_no, matches: [], present: [], tick_at: AS_OF, slot });
    return true;
  };
  const named = async (tournament_nos: string[]) => {
    const execution_id = crypto.randomUUID();
    const start = { execution_id, entity_type: "matches_schedule", trigger: "MANUAL", wall_clock_ms: 400_000, tournament_nos };
    const { outcome } = await call<{ outcome: string }>("start_sync_execution", start);
    if (outcome === "STARTED") {
      await Promise.all(tournament_nos.map((no) => sync(execution_id, no)));
      await call("finish_sync_execution", { execution_id, status: "SUCCEEDED", reason: "done", counters: {} });
    }
  };
  const full = async (index: number) => {
    const execution_id = crypto.randomUUID();
    for (let step = 0; step < nos.length; step++) {
      while (!await sync(execution_id, nos[(index + step) % nos.length] as string));
    }
  };
  await Promise.all([atOnce(8, full), atOnce(20, (index) => named(index % 2 ? nos : nos.toReversed()))]);
  assertEquals(await db.query("select 1 from upstream_slots where token is not null"), []);
  assertEquals(await db.query("select 1 from tournament_sync_state where lease_holder is not null"), []);
});

Deno.test("forty concurrent requests claim each upstream slot once, and a slot is free again when its lease expires", async () => {
  await db.reset();
  const claim = (at: string) => db.value<string | null>("select claim_upstream_slot('vis', $1) ->> 'token'", [at]);
  const tokens = (await atOnce(40, () => claim(AS_OF))).filter((token) => token !== null);
  assertEquals([tokens.length, new Set(tokens).size], [4, 4]);
  assertEquals(await claim("2026-06-10T10:01:29Z"), null);
  assert(await claim("2026-06-10T10:01:31Z"));
});

Deno.test("a finish and ten concurrent reapers close and count a run once", async () => {
  await db.reset();
  const { id } = await aRun(db, {
    status: "RUNNING",
    execution_end: null,
    execution_start: "2026-06-10T09:00:00Z",
    heartbeat_at: "2026-06-10T09:00:00Z",
    lease_expires_at: "2026-06-10T09:01:00Z",
    deadline: "2026-06-10T09:10:00Z",
  });
  const finish = db.value("select finish_sync_execution($1, $2)", [{
    execution_id: id,
    status: "SUCCEEDED",
    reason: "done",
    counters: {},
  }, AS_OF]);
  await Promise.all([finish, atOnce(10, () => db.query("select reap_sync_executions($1)", [AS_OF]))]);
  const [status] = await db.query<{ success_count: number; error_count: number }>(
    "select success_count, error_count from sync_status where entity_type = 'matches_schedule'",
  );
  assertEquals(Number(status?.success_count) + Number(status?.error_count), 1);
  assertEquals(await db.value("select runs_succeeded + runs_timed_out from sync_metrics where resolution = '1 hour'"), 1);
});

Deno.test("the counters and the rollup of twenty runs that finish concurrently add up", async () => {
  await db.reset();
  const runs = await atOnce(20, (index) =>
    aRun(db, {
      status: "RUNNING",
      execution_end: null,
      execution_start: AS_OF,
      tournament_no: String(index),
      heartbeat_at: AS_OF,
      lease_expires_at: "2026-06-10T10:01:00Z",
      deadline: "2026-06-10T10:10:00Z",
    }));
  await Promise.all(
    runs.map(({ id }, index) =>
      db.query("select finish_sync_execution($1, $2)", [{
        execution_id: id,
        status: "SUCCEEDED",
        reason: "done",
        counters: { records_inserted: index },
      }, "2026-06-10T10:00:20Z"])
    ),
  );
  assertEquals(Number(await db.value("select records_processed_total from sync_status where entity_type = 'matches_schedule'")), 190);
  assertEquals(Number(await db.value("select sum(records_processed) from sync_metrics where resolution = '1 hour'")), 190);
});

Deno.test("runs of two entities that finish, are skipped and are reaped concurrently add up in their common rollup without a deadlock", async () => {
  await db.reset();
  const running = await atOnce(40, (index) =>
    aRun(db, {
      entity_type: index % 2 ? "tournaments" : "matches_schedule",
      status: "RUNNING",
      execution_end: null,
      execution_start: AS_OF,
      tournament_no: index < 2 ? null : String(index),
      heartbeat_at: AS_OF,
      lease_expires_at: "2026-06-10T10:01:00Z",
      deadline: "2026-06-10T10:10:00Z",
    }));
  const end = { status: "SUCCEEDED", reason: "done", counters: { records_inserted: 1 } };
  await Promise.all([
    ...running.slice(0, 30).map(({ id }) =>
      db.query("select finish_sync_execution($1, $2)", [{ ...end, execution_id: id }, "2026-06-10T10:00:20Z"])
    ),
    ...["tournaments", "matches_schedule"].map((entity_type, index) =>
      db.query("select start_sync_execution($1, $2)", [
        { execution_id: crypto.randomUUID(), entity_type, trigger: "CRON", tournament_no: String(39 - index), wall_clock_ms: 400_000 },
        "2026-06-10T10:00:20Z",
      ])
    ),
    atOnce(4, () => db.query("select reap_sync_executions($1)", ["2026-06-10T10:01:30Z"])),
  ]);
  await db.query("select reap_sync_executions($1)", ["2026-06-10T10:11:00Z"]);
  const ended = Number(await db.value("select count(*) from sync_execution_history where status <> 'RUNNING'"));
  assert(ended >= 40);
  assertEquals(
    await db.query("select resolution::text, sum(runs_cron)::int as runs from sync_metrics group by resolution order by resolution"),
    ["00:15:00", "01:00:00", "1 day"].map((resolution) => ({ resolution, runs: ended })),
  );
});

Deno.test("a claim waits for a cancellation in progress: the job starts when that is rolled back, else the next one does", async () => {
  const actor = { name: "operator@example.com", role: "operator" };
  for (const isCancelled of [false, true]) {
    await db.reset();
    await db.query("truncate sync_jobs, manual_sync_audit cascade");
    await db.query("update sync_status set paused_at = $1, paused_by = 'x'", [AS_OF]);
    const ids: string[] = [];
    for (const priority of ["HIGH", "NORMAL"]) {
      const { no } = await aTournament(db);
      const p = { entity_type: "matches_schedule", tournament_no: String(no), priority, triggered_by: "x", reason: "race", actor };
      ids.push(await db.value<string>("select enqueue_sync_job($1, $2) ->> 'id'", [p, AS_OF]));
    }
    await db.query("update sync_status set paused_at = null, paused_by = null");
    await db.query("update sync_queue_settings set slots = 2");
    const session = new Client(
      String(Deno.env.get("TEST_DATABASE_URL")).replace(/\/[^/]*$/, `/${await db.value("select current_database()")}`),
    );
    await session.connect();
    await session.query("begin");
    await session.query("select cancel_sync_job($1, $2)", [{ id: ids[0], actor }, AS_OF]);
    const draining = db.query("select drain_sync_queue($1)", [AS_OF]);
    await until(
      "the claim waits",
      async () =>
        (await db.query("select from pg_stat_activity where wait_event_type = 'Lock' and query like '%drain_sync_queue%'")).length,
    );
    await session.query(isCancelled ? "commit" : "rollback");
    await session.end();
    await draining;
    const claimed = await db.query("select id from sync_jobs where status = 'RUNNING'");
    assertEquals(claimed, [{ id: ids[isCancelled ? 1 : 0] }]);
    await db.query("update sync_queue_settings set slots = 4");
  }
});

Deno.test.afterAll(() => db.close());
