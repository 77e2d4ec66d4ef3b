// Past 300 lines, because each misbehaviour of the upstream has its case here.
import { assert, assertEquals, assertMatch, assertObjectMatch } from "@std/assert";
import { ERROR_CLASSES, type ErrorCode } from "../../services/classification.ts";
import { aMatch, aTournament } from "../../testing/factories.ts";
import { openTestDatabase } from "../../testing/database.ts";
import { createSyncHarness, type SyncHarness } from "../../testing/sync-harness.ts";

const db = await openTestDatabase();
const SYNC = "match-schedule-sync";

/** A harness in which the season's tournaments are known already. */
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

Deno.test("a run brings the matches of every active tournament and counts them", async () => {
  const harness = await withSeason();
  const response = await harness.run(SYNC);
  assertEquals(response.status, 202);
  const { execution_id } = await response.json();
  const run = await lastRun();
  assertObjectMatch(run, { id: execution_id, status: "SUCCEEDED", success: true, trigger: "CRON", cache_hits: 0, error_count: 0 });
  assertEquals(run.api_calls, run.tournaments_processed);
  assertEquals(run.tournaments_processed, Number(await db.value("select count(distinct tournament_no) from matches")));
  assertEquals(run.records_inserted, Number(await db.value("select count(*) from matches")));
  assertEquals(
    run.tournaments_processed,
    Number(await db.value("select count(*) from sync_tournament_results where sync_execution_id = $1 and success", [run.id])),
  );
});

Deno.test("at most the limit of requests is in flight, whatever the concurrency", async () => {
  const harness = await withSeason({ env: { SYNC_CONCURRENCY: "5" } });
  await db.query("update upstream_state set in_flight_limit = 2");
  await harness.run(SYNC);
  assertEquals((await lastRun()).status, "SUCCEEDED");
  assert(harness.vis.seen.most_in_flight <= 2, `${harness.vis.seen.most_in_flight} at once`);
});

Deno.test("a tournament still fresh costs no call; at every tick of its time to live it is due again", async () => {
  const harness = await withSeason();
  await harness.run(SYNC);
  harness.clock.advance(60_000);
  await harness.run(SYNC);
  const second = await lastRun();
  assert(Number(second.cache_hits) > 0);
  assertEquals(second.cache_misses, second.api_calls);
  // A tick comes a few milliseconds early or late: 15 minutes still means every tick.
  harness.clock.moveTo("2026-06-10T10:14:59.900Z");
  await harness.run(SYNC);
  const open = Number(await db.value("select count(*) from tournament_sync_state where ttl < '24 hours'"));
  assert(Number((await lastRun()).api_calls) >= open);
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
    "an archived live status is not live",
  );
});

Deno.test("live tournaments come first, then today's, then those within a day, then within a week; others not at all", async () => {
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

Deno.test("matches move through their states, a remade draw marks the vanished, and versions rise only on change", async () => {
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

Deno.test("a status that goes backwards is taken as it comes", async () => {
  const harness = await withSeason();
  await harness.run(SYNC);
  const no = await db.value<string>("select tournament_no from matches where status = 1 limit 1");
  await db.query("update matches set status = 15 where tournament_no = $1 and status = 1", [no]);
  await harness.run(SYNC, { tournament_no: no });
  assert(Number((await lastRun()).records_updated) > 0);
  assert(Number(await db.value("select count(*) from matches where tournament_no = $1 and status = 1", [no])) > 0);
});

Deno.test("a change of a tournament's status ends the time to live of its matches at once", async () => {
  const harness = await withSeason();
  await harness.run(SYNC);
  const no = await db.value<string>("select tournament_no from tournament_sync_state order by 1 limit 1");
  await db.query("update tournaments set status = 1 where no = $1", [no]);
  await harness.run("tournament-master-sync", { tournament_no: no });
  assertEquals(await db.value("select synced_at from tournament_sync_state where tournament_no = $1", [no]), null);
});

interface Misbehaviour {
  kind: string;
  ms?: number;
  code: string;
  type: string;
  severity: string;
}
const MISBEHAVIOURS: Misbehaviour[] = [
  { kind: "later", code: "VIS_LATER", type: "API", severity: "LOW" },
  { kind: "server_error", code: "VIS_SERVER_ERROR", type: "API", severity: "MEDIUM" },
  { kind: "throttled", code: "VIS_THROTTLED", type: "API", severity: "MEDIUM" },
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

for (const { kind, code, type, severity } of MISBEHAVIOURS) {
  Deno.test(`${kind} of one tournament is ${code}: nothing of it is written, the others are untouched, the next run recovers`, async () => {
    const harness = await withSeason();
    const due = await db.value<{ no: string }[]>("select list_due_tournaments('{}', $1)", [harness.clock.asOf()]);
    const sick = due[0];
    harness.vis.faults.add({ kind: kind as never, tournament_no: sick?.no });
    await harness.run(SYNC);
    const run = await lastRun();
    assertObjectMatch(run, { status: "PARTIAL", success: false, tournaments_failed: 1, error_count: 1 });
    const [error] = await db.query("select * from sync_error_log");
    assertObjectMatch(error as object, {
      tournament_no: sick?.no,
      error_code: code,
      error_type: type,
      error_severity: severity,
      sync_execution_id: run.id,
    });
    assertEquals(Number(await db.value("select count(*) from matches where tournament_no = $1", [sick?.no])), 0);
    const tries = ERROR_CLASSES[code as ErrorCode].retry === "now" ? 1 : 0;
    const results = await db.query(
      "select tournament_no, retry_attempt from sync_tournament_results where not success or retry_attempt > 0",
    );
    assertEquals(results, [{ tournament_no: sick?.no, retry_attempt: tries }]);
    assertEquals(Number(await db.value("select count(distinct tournament_no) from matches")), due.length - 1);
    harness.vis.faults.clear();
    harness.clock.advance(15 * 60_000);
    await harness.run(SYNC);
    assertEquals((await lastRun()).status, "SUCCEEDED");
    assert(Number(await db.value("select count(*) from matches where tournament_no = $1", [sick?.no])) > 0);
  });
}

for (const [kind, code] of [["unavailable", "VIS_UNAVAILABLE"], ["forbidden", "VIS_FORBIDDEN"]] as const) {
  Deno.test(`${kind} keeps every run away from the upstream for 25 minutes, and the first one after recovers`, async () => {
    const harness = await withSeason({ env: { SYNC_CONCURRENCY: "1" } });
    harness.vis.faults.add({ kind });
    const before = harness.vis.seen.requests;
    await harness.run(SYNC);
    assertObjectMatch(await lastRun(), { status: "FAILED" });
    assertEquals(harness.vis.seen.requests - before, 1, "one refusal is enough");
    assertEquals(
      (await db.query("select error_code from sync_error_log order by error_code")).map((row) => row.error_code),
      ["UPSTREAM_BACKOFF", code].sort(),
    );
    harness.vis.faults.clear();
    harness.clock.advance(15 * 60_000);
    await harness.run(SYNC);
    assertMatch(String((await lastRun()).status_reason), /blocked/);
    assertEquals(harness.vis.seen.requests - before, 1);
    harness.clock.advance(15 * 60_000);
    await harness.run(SYNC);
    assertEquals((await lastRun()).status, "SUCCEEDED");
  });
}

Deno.test("a reply ten times slower than usual is throttling: the upstream is left alone", async () => {
  const harness = await withSeason({ env: { SYNC_CONCURRENCY: "1" } });
  await db.query("update upstream_state set baseline_response_ms = 400");
  harness.vis.faults.add({ kind: "latency", ms: 9_000, times: 1 });
  await harness.run(SYNC);
  assertMatch(String(await db.value("select backoff_reason from upstream_state")), /over ten times the usual 400 ms/);
});

Deno.test("an answer that does not come in time is a TIMEOUT", async () => {
  await db.reset();
  const fetch = () => Promise.reject(new DOMException("late", "TimeoutError"));
  await aTournament(db);
  await createSyncHarness(db, { deps: { fetch } }).run(SYNC);
  assertEquals(await db.value("select error_type || ' ' || error_code from sync_error_log"), "TIMEOUT REQUEST_TIMED_OUT");
});

Deno.test("one bad record is left out and reported, the rest of its tournament is written", async () => {
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

Deno.test("an unknown tournament is a failed run that says so", async () => {
  await db.reset();
  const harness = createSyncHarness(db);
  assertEquals((await harness.run(SYNC, { tournament_no: "4711" })).status, 202);
  assertObjectMatch(await lastRun(), { status: "FAILED", tournament_no: "4711", status_reason: "no tournament 4711 is known here" });
});

Deno.test("a tournament another run works on is passed over, and its lease keeps late writes out", async () => {
  const harness = await withSeason();
  const [first] = await db.value<{ no: string }[]>("select list_due_tournaments('{}', $1)", [harness.clock.asOf()]);
  const other = { tournament_no: first?.no, execution_id: crypto.randomUUID() };
  await db.query("select claim_tournament($1, $2)", [other, harness.clock.asOf()]);
  await harness.run(SYNC);
  assertEquals((await lastRun()).status, "SUCCEEDED");
  assertEquals(Number(await db.value("select count(*) from matches where tournament_no = $1", [first?.no])), 0);
  const late = { tournament_no: first?.no, execution_id: crypto.randomUUID(), matches: [] };
  const { error } = await (await db.client("service")).rpc("upsert_matches", { p: late, as_of: harness.clock.asOf() });
  assertObjectMatch(error as object, { code: "PT409", details: "LEASE_LOST" });
});

Deno.test("a run at the end of its budget stops as PARTIAL and the next one begins with the stalest tournaments", async () => {
  let left = 400_000;
  const harness = await withSeason({ env: { SYNC_CONCURRENCY: "1" }, deps: { wallClockLeft: () => left } });
  left = 31_000;
  harness.vis.faults.add({ kind: "latency", ms: 600 });
  const doneIn = async () => {
    await harness.run(SYNC);
    const { id, status, status_reason } = await lastRun();
    assertEquals(status, "PARTIAL");
    assertMatch(String(status_reason), /end of its time budget, \d+ of \d+ tournaments left/);
    return (await db.query("select tournament_no from sync_tournament_results where sync_execution_id = $1", [id])).map((row) =>
      row.tournament_no
    );
  };
  const first = await doneIn();
  harness.clock.advance(15 * 60_000);
  const second = await doneIn();
  assertEquals([first.length, second.length], [2, 2]);
  assert(!second.some((no) => first.includes(no)));
});

Deno.test("live matches are seen as live", async () => {
  const harness = await withSeason();
  await harness.run(SYNC);
  assert(Number(await db.value("select count(*) from tournament_sync_state where live_count > 0 and ttl = '30 seconds'")) > 0);
});

Deno.test.afterAll(() => db.close());
