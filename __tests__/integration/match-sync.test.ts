// Over 300 lines, because each fault of the upstream has its case here.
import { assert, assertEquals, assertMatch, assertObjectMatch } from "@std/assert";
import { type ErrorCode, ERRORS } from "../../services/error-table.ts";
import { visOptions } from "../../supabase/functions/_shared/sync-app.ts";
import { testEnv, VIS_URL } from "../../testing/env.ts";
import { aMatch, aTournament } from "../../testing/factories.ts";
import { openTestDatabase } from "../../testing/database.ts";
import { WorkerCpu } from "../../services/worker-cpu.ts";
import { createSyncHarness, type SyncHarness } from "../../testing/sync-harness.ts";

const db = await openTestDatabase();
const SYNC = "match-schedule-sync";

/** A harness after the sync of the season's tournaments. */
async function withSeason(options: Parameters<typeof createSyncHarness>[1] = {}): Promise<SyncHarness> {
  await db.reset();
  const harness = createSyncHarness(db, options);
  assertEquals((await harness.run("tournament-master-sync")).status, 202);
  return harness;
}
const lastRun = async () =>
  (await db.query(
    "select * from sync_execution_history where entity_type = 'matches_schedule' order by execution_start desc, created_at desc limit 1",
  ))[0] as
    & Record<string, unknown>
    & { id: string };

Deno.test("a run writes the matches of every active tournament and counts them", async () => {
  const harness = await withSeason();
  const response = await harness.run(SYNC);
  assertEquals(response.status, 202);
  const { execution_id } = await response.json();
  const run = await lastRun();
  assertObjectMatch(run, { id: execution_id, status: "SUCCEEDED", success: true, trigger: "CRON", cache_hits: 0, error_count: 0 });
  assertEquals(run.api_calls, run.tournaments_processed);
  // The calls are the start, the choice of the tournaments, and two for each tournament; the finish is not counted, because it sends the
  // counters.
  assertEquals(run.database_calls, 2 + 2 * Number(run.tournaments_processed));
  assertEquals(run.tournaments_processed, Number(await db.value("select count(distinct tournament_no) from matches")));
  assertEquals(run.records_inserted, Number(await db.value("select count(*) from matches")));
  assertEquals(
    run.tournaments_processed,
    Number(await db.value("select count(*) from sync_tournament_results where sync_execution_id = $1 and success", [run.id])),
  );
});

Deno.test("the options of the VIS client are those of the environment", () => {
  const env = testEnv({
    VIS_APP_ID: "app",
    VIS_USERNAME: "user",
    VIS_PASSWORD: "password",
    VIS_TIMEOUT_MS: "1001",
    VIS_RETRIES: "2",
    VIS_RETRY_MIN_MS: "3",
  });
  assertEquals(visOptions(env), {
    url: VIS_URL,
    appId: "app",
    username: "user",
    password: "password",
    timeoutMs: 1001,
    retries: 2,
    retryMinMs: 3,
  });
});

Deno.test("the requests in flight stay within the limit at any concurrency", async () => {
  const harness = await withSeason({ env: { SYNC_CONCURRENCY: "5" } });
  await db.query("update upstream_state set in_flight_limit = 2");
  await harness.run(SYNC);
  assertEquals((await lastRun()).status, "SUCCEEDED");
  assert(harness.vis.seen.most_in_flight <= 2, `${harness.vis.seen.most_in_flight} at once`);
});

Deno.test("a fresh tournament costs no request; it is due again at each due time of a schedule that equals its time to live", async () => {
  const harness = await withSeason();
  await harness.run(SYNC);
  harness.clock.advance(60_000);
  await harness.run(SYNC);
  const second = await lastRun();
  assert(Number(second.cache_hits) > 0);
  assertEquals(second.cache_misses, second.api_calls);
  // The time is 100 ms before the end of 15 minutes, because a scheduled run can start a few milliseconds early.
  harness.clock.moveTo("2026-06-10T10:14:59.900Z");
  await harness.run(SYNC);
  const open = Number(await db.value("select count(*) from tournament_sync_state where ttl < '24 hours'"));
  assert(Number((await lastRun()).api_calls) >= open);
});

Deno.test("a fresh tournament saves the bytes of its last full reply, and an unchanged reply those beyond its own", async () => {
  const harness = await withSeason();
  await harness.run(SYNC);
  const first = await lastRun();
  assertEquals(first.api_bytes_saved, 0);
  const stored = () => db.value<number>("select sum(reply_bytes)::int from tournament_sync_state");
  assertEquals(Number(first.api_bytes), await stored());
  harness.clock.advance(60_000);
  await harness.run(SYNC);
  const second = await lastRun();
  const read = "select sum(reply_bytes)::int from tournament_sync_state where synced_at = '2026-06-10T10:01:00Z'";
  assertEquals([Number(second.api_bytes), Number(second.api_bytes_saved)], [
    await db.value(read),
    await stored() - await db.value<number>(read),
  ]);
  const before = await stored();
  harness.vis.faults.add({ kind: "no_changes" });
  harness.clock.advance(60_000);
  await harness.run(SYNC, { trigger: "MANUAL" });
  const third = await lastRun();
  assertEquals(third.api_unchanged_replies, third.api_calls);
  assertEquals(Number(third.api_bytes_saved), before - Number(third.api_bytes));
  assertEquals(await stored(), before, "the size of a full reply stays");
});

Deno.test("time to live is 30 s with a live match, 15 min with open ones, 24 h when all are finished", async () => {
  await db.reset();
  const harness = createSyncHarness(db);
  const ttl = async (...statuses: number[]) => {
    const { no } = await aTournament(db);
    for (const status of statuses) await aMatch(db, no, { status });
    return await db.value<string>("select ttl::text from private.matches_ttl($1, $2)", [no, harness.clock.asOf()]);
  };
  assertEquals(await ttl(15, 5, 1), "00:00:30");
  assertEquals(await ttl(15, 1), "00:15:00");
  assertEquals(await ttl(15, 12, 13), "24:00:00");
  assertEquals(await ttl(), "00:15:00");
  const { no } = await aTournament(db);
  await aMatch(db, no, { status: 5, local_date: "2026-01-01" });
  assertEquals(
    await db.value("select live_count from private.matches_ttl($1, $2)", [no, harness.clock.asOf()]),
    0,
    "an archived match in a live status is not live",
  );
});

Deno.test("live tournaments are first, then those of today, within a day and within a week; others are not due", async () => {
  await db.reset();
  const harness = createSyncHarness(db);
  const week = await aTournament(db, { start_date: "2026-06-16", end_date: "2026-06-18" });
  const tomorrow = await aTournament(db, { start_date: "2026-06-11", end_date: "2026-06-14" });
  await aMatch(db, tomorrow.no, { local_date: "2026-06-12" });
  await db.query("insert into tournament_sync_state (tournament_no, match_count) values ($1, 1)", [tomorrow.no]);
  const today = await aTournament(db);
  const playing = await aTournament(db);
  await aMatch(db, playing.no, { status: 3 });
  await aTournament(db, { start_date: "2026-06-20", end_date: "2026-06-22" });
  await aTournament(db, { start_date: "2019-06-01", end_date: "2019-06-04", status: 6 });
  await aTournament(db, { status: 10 });
  const due = await db.value<{ no: string }[]>("select list_due_tournaments('{}', $1)", [harness.clock.asOf()]);
  assertEquals(due.map((tournament) => tournament.no), [playing.no, today.no, tomorrow.no, week.no]);
});

Deno.test("after the second look at a new draw the old matches are marked as vanished, and versions rise only on a change", async () => {
  const harness = await withSeason({ start: "2026-06-05T03:00:00.000Z" });
  await harness.run(SYNC);
  const no = await db.value<string>(
    "select no from tournaments where start_date = (select min(start_date) from tournaments where start_date > $1) limit 1",
    ["2026-06-05"],
  );
  const before = Number(await db.value("select count(*) from matches where tournament_no = $1 and vanished_at is null", [no]));
  const start = await db.value<string>("select start_date::text from tournaments where no = $1", [no]);
  harness.clock.moveTo(`${start}T00:00:00Z`);
  await harness.run(SYNC, { tournament_no: no });
  assertObjectMatch(await lastRun(), { status: "PARTIAL", records_inserted: 0, records_removed: 0 });
  harness.clock.advance(600_000);
  await harness.run(SYNC, { tournament_no: no });
  const run = await lastRun();
  const after = Number(await db.value("select count(*) from matches where tournament_no = $1 and vanished_at is null", [no]));
  assertEquals([before, after], [48, 44]);
  assertEquals(run.records_removed, 40);
  assertEquals(run.records_inserted, 36);
  assertEquals(
    Number(await db.value("select count(*) from matches where tournament_no = $1 and vanished_at is not null and version = 2", [no])),
    40,
  );
  const versions = () => db.query("select no, version, created_at from matches where vanished_at is null order by no");
  const unchanged = await versions();
  await harness.run(SYNC, { tournament_no: no });
  assertEquals((await lastRun()).records_unchanged, 44);
  assertEquals(await versions(), unchanged);
});

for (const table of ["tournaments", "matches"] as const) {
  Deno.test(`a second sync of the ${table} writes every column of VIS anew`, async () => {
    await db.reset();
    const { no } = await aTournament(db);
    const bookkeeping = ["id", "tournament_no", "vanished_at", "last_synced", "version", "created_at", "updated_at"];
    const columns = await db.query<{ name: string; type: string }>(
      "select column_name as name, data_type as type from information_schema.columns where table_name = $1 and not column_name = any ($2)",
      [table, bookkeeping],
    );
    const valueOf = (type: string, round: number): unknown =>
      ({
        "character varying": `text ${round}`,
        date: `2026-06-0${round}`,
        "time without time zone": `10:00:0${round}`,
        "timestamp with time zone": `2026-06-10T10:00:0${round}+00:00`,
      })[type] ?? round;
    const lease = { tournament_no: no, execution_id: crypto.randomUUID() };
    for (const round of [1, 2]) {
      await db.query("select private.claim_tournaments($1, '2026-06-10T10:00:00Z')", [lease]);
      const record = Object.fromEntries(columns.map(({ name, type }) => [name, name === "no" ? "4711" : valueOf(type, round)]));
      const p = table === "matches"
        ? { ...lease, matches: [record], present: ["4711"], tick_at: "2026-06-10T10:00:00Z" }
        : { tournaments: [record] };
      await db.query(`select ${table === "matches" ? "write_matches" : "upsert_tournaments"}($1, '2026-06-10T10:01:00Z')`, [p]);
      const [row] = await db.query<{ row: Record<string, unknown> }>(`select to_jsonb(t) as row from ${table} t where no = '4711'`);
      assertEquals(Object.fromEntries(columns.map(({ name }) => [name, row?.row[name]])), record);
      assertEquals(row?.row.version, round);
    }
  });
}

Deno.test("a status that moves backwards is written", async () => {
  const harness = await withSeason();
  await harness.run(SYNC);
  const no = await db.value<string>("select tournament_no from matches where status = 1 limit 1");
  await db.query("update matches set status = 15 where tournament_no = $1 and status = 1", [no]);
  await harness.run(SYNC, { tournament_no: no });
  assert(Number((await lastRun()).records_updated) > 0);
  assert(Number(await db.value("select count(*) from matches where tournament_no = $1 and status = 1", [no])) > 0);
});

Deno.test("after a change of its status the matches of a tournament are due at once", async () => {
  const harness = await withSeason();
  await harness.run(SYNC);
  const no = await db.value<string>("select tournament_no from tournament_sync_state order by 1 limit 1");
  await db.query("update tournaments set status = 1 where no = $1", [no]);
  await harness.run("tournament-master-sync", { tournament_no: no });
  assertEquals(await db.value("select synced_at from tournament_sync_state where tournament_no = $1", [no]), null);
});

interface FaultCase {
  kind: string;
  ms?: number;
  code: string;
  type: string;
  severity: string;
}
const FAULT_CASES: FaultCase[] = [
  { kind: "later", code: "VIS_LATER", type: "API", severity: "LOW" },
  { kind: "server_error", code: "VIS_SERVER_ERROR", type: "API", severity: "MEDIUM" },
  { kind: "html", code: "REPLY_NOT_DATA", type: "VALIDATION", severity: "MEDIUM" },
  { kind: "truncated", code: "REPLY_MALFORMED", type: "VALIDATION", severity: "MEDIUM" },
  { kind: "malformed", code: "REPLY_MALFORMED", type: "VALIDATION", severity: "MEDIUM" },
  { kind: "count_mismatch", code: "REPLY_COUNT_MISMATCH", type: "VALIDATION", severity: "MEDIUM" },
  { kind: "whole_table", code: "REPLY_TOO_LARGE", type: "VALIDATION", severity: "HIGH" },
  { kind: "other_rows", code: "REPLY_WRONG_ROWS", type: "VALIDATION", severity: "HIGH" },
  { kind: "implausible", code: "REPLY_IMPLAUSIBLE", type: "VALIDATION", severity: "HIGH" },
  { kind: "access_denied", code: "VIS_ACCESS_DENIED", type: "AUTH", severity: "HIGH" },
  { kind: "token_expired", code: "VIS_TOKEN", type: "AUTH", severity: "HIGH" },
  { kind: "bad_parameter", code: "VIS_BAD_REQUEST", type: "API", severity: "HIGH" },
  { kind: "hang_up", code: "NETWORK_RESET", type: "NETWORK", severity: "MEDIUM" },
];

for (const { kind, code, type, severity } of FAULT_CASES) {
  Deno.test(`${kind} for one tournament is ${code}: its matches are not written, those of the others are, and the next run recovers`, async () => {
    const harness = await withSeason();
    const due = await db.value<{ no: string }[]>("select list_due_tournaments('{}', $1)", [harness.clock.asOf()]);
    const faulty = due[0];
    harness.vis.faults.add({ kind: kind as never, tournament_no: faulty?.no });
    await harness.run(SYNC);
    const run = await lastRun();
    assertObjectMatch(run, { status: "PARTIAL", success: false, tournaments_failed: 1, error_count: 1 });
    const [error] = await db.query("select * from sync_error_log");
    assertObjectMatch(error as object, {
      tournament_no: faulty?.no,
      error_code: code,
      error_type: type,
      error_severity: severity,
      sync_execution_id: run.id,
    });
    assertEquals(Number(await db.value("select count(*) from matches where tournament_no = $1", [faulty?.no])), 0);
    const retries = ERRORS[code as ErrorCode].retry === "now" ? 1 : 0;
    const results = await db.query(
      "select tournament_no, retry_attempt from sync_tournament_results where not success or retry_attempt > 0",
    );
    assertEquals(results, [{ tournament_no: faulty?.no, retry_attempt: retries }]);
    assertEquals(Number(await db.value("select count(distinct tournament_no) from matches")), due.length - 1);
    harness.vis.faults.clear();
    harness.clock.advance(15 * 60_000);
    await harness.run(SYNC);
    assertEquals((await lastRun()).status, "SUCCEEDED");
    assert(Number(await db.value("select count(*) from matches where tournament_no = $1", [faulty?.no])) > 0);
  });
}

for (
  const [kind, code] of [["unavailable", "VIS_UNAVAILABLE"], ["forbidden", "VIS_FORBIDDEN"], ["throttled", "VIS_THROTTLED"]] as const
) {
  Deno.test(`${kind} starts a backoff of 25 minutes for every run, and the first run after it recovers`, async () => {
    const harness = await withSeason({ env: { SYNC_CONCURRENCY: "1" } });
    harness.vis.faults.add({ kind });
    const before = harness.vis.seen.requests;
    await harness.run(SYNC);
    assertObjectMatch(await lastRun(), { status: "FAILED" });
    assertEquals(harness.vis.seen.requests - before, 1, "no request follows a refusal");
    assertEquals(
      (await db.query("select error_code from sync_error_log order by error_code")).map((row) => row.error_code),
      ["UPSTREAM_BACKOFF", code].sort(),
    );
    harness.vis.faults.clear();
    harness.clock.advance(15 * 60_000);
    await harness.run(SYNC);
    assertMatch(String((await lastRun()).status_reason), /upstream backoff/);
    assertEquals(harness.vis.seen.requests - before, 1);
    assertEquals(
      await db.value("select jsonb_agg(distinct fingerprint) from sync_error_log"),
      [`${code}:vis answered http #`],
      "one cause, one fingerprint",
    );
    harness.clock.advance(15 * 60_000);
    await harness.run(SYNC);
    assertEquals((await lastRun()).status, "SUCCEEDED");
  });
}

Deno.test("a reply ten times slower than usual starts a backoff", async () => {
  const harness = await withSeason({ env: { SYNC_CONCURRENCY: "1" } });
  await db.query("update upstream_state set baseline_response_ms = 400");
  harness.vis.faults.add({ kind: "latency", ms: 9_000, times: 1 });
  await harness.run(SYNC);
  assertMatch(String(await db.value("select backoff_reason from upstream_state")), /over ten times the usual 400 ms/);
});

Deno.test("a request without an answer in time is a TIMEOUT", async () => {
  await db.reset();
  const fetch = () => Promise.reject(new DOMException("late", "TimeoutError"));
  await aTournament(db);
  await createSyncHarness(db, { deps: { fetch } }).run(SYNC);
  assertEquals(await db.value("select error_type || ' ' || error_code from sync_error_log"), "TIMEOUT REQUEST_TIMED_OUT");
});

Deno.test("an invalid record is left out and reported, the other records of its tournament are written", async () => {
  const harness = await withSeason();
  const [due] = await db.value<{ no: string }[]>("select list_due_tournaments('{}', $1)", [harness.clock.asOf()]);
  harness.vis.faults.add({ kind: "bad_record", tournament_no: due?.no });
  await harness.run(SYNC, { tournament_no: due?.no });
  assertObjectMatch(await lastRun(), { status: "SUCCEEDED", records_rejected: 1 });
  assertObjectMatch((await db.query("select * from sync_error_log"))[0] as object, {
    error_code: "RECORD_INVALID",
    error_type: "VALIDATION",
    error_severity: "LOW",
  });
  assert(Number(await db.value("select count(*) from matches where tournament_no = $1", [due?.no])) > 20);
});

Deno.test("a match whose record is rejected keeps its row, because VIS still has it", async () => {
  const harness = await withSeason();
  const [due] = await db.value<{ no: string }[]>("select list_due_tournaments('{}', $1)", [harness.clock.asOf()]);
  await harness.run(SYNC, { tournament_no: due?.no });
  harness.clock.advance(60_000);
  harness.vis.faults.add({ kind: "bad_record", tournament_no: due?.no });
  await harness.run(SYNC, { tournament_no: due?.no });
  assertObjectMatch(await lastRun(), { records_rejected: 1, records_removed: 0 });
  assertEquals(await db.value("select count(*)::int from matches where vanished_at is not null"), 0);
});

Deno.test("a manual full run syncs fresh tournaments too, and a run has the correlation id of its request", async () => {
  const harness = await withSeason();
  await harness.run(SYNC, { trigger: "CRON", correlation_id: "from cron" });
  const first = await lastRun();
  harness.clock.advance(1_000);
  await harness.run(SYNC, { trigger: "CRON" });
  assert(Number((await lastRun()).cache_hits) > 0);
  harness.clock.advance(1_000);
  await harness.run(SYNC, { trigger: "MANUAL" });
  assertObjectMatch(await lastRun(), { cache_hits: 0, tournaments_processed: first.tournaments_processed });
  assertEquals(first.correlation_id, "from cron");
});

Deno.test("a run for an unknown tournament fails and names it", async () => {
  await db.reset();
  const harness = createSyncHarness(db);
  assertEquals((await harness.run(SYNC, { tournament_no: "4711" })).status, 202);
  assertObjectMatch(await lastRun(), { status: "FAILED", tournament_no: "4711", status_reason: "the database has no tournament 4711" });
});

Deno.test("a full run passes over a tournament that another run leased, and the lease refuses late writes", async () => {
  const harness = await withSeason();
  const [first] = await db.value<{ no: string }[]>("select list_due_tournaments('{}', $1)", [harness.clock.asOf()]);
  const other = { tournament_no: first?.no, execution_id: crypto.randomUUID() };
  await db.query("select private.claim_tournaments($1, $2)", [other, harness.clock.asOf()]);
  await harness.run(SYNC);
  assertEquals((await lastRun()).status, "SUCCEEDED");
  assertEquals(Number(await db.value("select count(*) from matches where tournament_no = $1", [first?.no])), 0);
  assertEquals(Number(await db.value("select count(*) from upstream_slots where token is not null")), 0);
  const late = { ...other, execution_id: crypto.randomUUID(), matches: [], present: [], tick_at: harness.clock.asOf() };
  const { error } = await (await db.client("service")).rpc("write_matches", { p: late, as_of: harness.clock.asOf() });
  assertObjectMatch(error as object, { code: "PT409", details: "LEASE_LOST" });
});

Deno.test("a run at the end of its budget stops as PARTIAL, and the next run starts with the stalest tournaments", async () => {
  let left = 400_000;
  const harness = await withSeason({ env: { SYNC_CONCURRENCY: "1" }, deps: { wallClockLeft: () => left } });
  left = 31_000;
  harness.vis.faults.add({ kind: "latency", ms: 600 });
  const syncedByRun = async () => {
    await harness.run(SYNC);
    const { id, status, status_reason } = await lastRun();
    assertEquals(status, "PARTIAL");
    assertMatch(String(status_reason), /end of its time budget, \d+ of \d+ tournaments left/);
    return (await db.query("select tournament_no from sync_tournament_results where sync_execution_id = $1", [id])).map((row) =>
      row.tournament_no
    );
  };
  const first = await syncedByRun();
  harness.clock.advance(15 * 60_000);
  const second = await syncedByRun();
  assertEquals([first.length, second.length], [2, 2]);
  assert(!second.some((no) => first.includes(no)));
});

Deno.test("a run ends PARTIAL before its worker has used 1.5 s of CPU, and the next workers sync the rest", async () => {
  // Each measured part takes 40 ms, and a worker has 400 ms when it starts its run.
  let ms = 0;
  const newWorker = () => new WorkerCpu({ now: () => ms += 40, startUpMs: 1_100 });
  const harness = await withSeason({ env: { SYNC_CONCURRENCY: "1" } });
  const synced: string[] = [];
  for (let worker = 1;; worker++) {
    harness.deps.cpu = newWorker();
    assertEquals((await harness.run(SYNC)).status, 202);
    assert(harness.deps.cpu.spentMs <= 1_500, `${harness.deps.cpu.spentMs} ms`);
    const run = await lastRun();
    synced.push(
      ...(await db.query("select tournament_no from sync_tournament_results where sync_execution_id = $1", [run.id]))
        .map(({ tournament_no }) => String(tournament_no)),
    );
    if (run.status === "SUCCEEDED") {
      assert(worker > 1);
      break;
    }
    assertEquals([run.status, run.was_cut], ["PARTIAL", true], "what is left is dispatched again");
    assertMatch(String(run.status_reason), /^stopped at the end of the CPU budget of its worker, \d+ of \d+ tournaments left$/);
    assert(Number(run.tournaments_processed) < Number(run.tournaments_total));
    harness.clock.advance(1_000);
  }
  // Tournaments with a live match are due again at once, and are last in the order.
  assertEquals(new Set(synced).size, Number(await db.value("select count(*) from tournament_sync_state where synced_at is not null")));
});

Deno.test("a worker with under 0.4 s of CPU left answers 503 WORKER_SPENT and starts no run", async () => {
  const harness = await withSeason();
  for (const [leftMs, status] of [[400, 202], [399, 503]] as const) {
    harness.deps.cpu = new WorkerCpu({ budgetMs: leftMs, startUpMs: 0 });
    const response = await harness.run(SYNC);
    assertEquals(response.status, status);
    if (status === 503) assertObjectMatch(await response.json(), { code: "WORKER_SPENT" });
  }
  assertEquals(Number(await db.value("select count(*) from sync_execution_history where entity_type = 'matches_schedule'")), 1);
});

Deno.test("a tournament with live matches has a time to live of 30 seconds", async () => {
  const harness = await withSeason();
  await harness.run(SYNC);
  assert(Number(await db.value("select count(*) from tournament_sync_state where live_count > 0 and ttl = '30 seconds'")) > 0);
});

Deno.test.afterAll(() => db.close());
