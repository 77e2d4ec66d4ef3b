import { assertEquals, assertMatch } from "@std/assert";
import { createApp } from "../../supabase/functions/sync-monitoring/app.ts";
import { evaluateRules } from "../../supabase/functions/sync-alert-processor/alert-processor.ts";
import { TournamentDetailResponse, TournamentListResponse } from "../../types/history.ts";
import { TestClock } from "../../testing/clock.ts";
import { openTestDatabase } from "../../testing/database.ts";
import { testEnv } from "../../testing/env.ts";
import { aMatch, aResult, aRun, aTournament, insert } from "../../testing/factories.ts";
import { VALID_ROWS } from "../../testing/rows.ts";

const db = await openTestDatabase();
const NOW = "2026-06-10T12:03:00.000Z";
const FAILING = "Match Schedule Tournament Failing", LIVE_FAILING = "Live Tournament Failing";
const STALE = "Tournament Stale", LIVE_STALE = "Live Tournament Stale";

async function setUp(...active: string[]) {
  await db.reset();
  await db.query("truncate alert_incidents, alert_evaluations, alert_notifications, alert_silences cascade");
  await db.query("update alert_rules set is_active = name = any ($1)", [active]);
  await db.query("update upstream_state set backoff_until = null, backoff_reason = null, backoff_fingerprint = null");
  const clock = new TestClock(NOW);
  await db.query("update sync_status set last_attempt = $1, last_sync = $1", [NOW]);
  const app = createApp({ rpc: db.rpc, clock, log: () => {}, env: testEnv() });
  const get = async (path: string): Promise<unknown> =>
    await (await app.fetch(
      new Request(`http://functions.test/sync-monitoring${path}`, { headers: { apikey: db.keys.secret } }),
    )).json();
  return { clock, get, evaluate: () => evaluateRules(db.rpc, clock, () => {}, "cron") };
}
/** Adds a tournament of today whose matches were read at a time of the day. */
async function aTournamentReadAt(time: string, row: Record<string, unknown> = {}): Promise<unknown> {
  const { no } = await aTournament(db, row);
  await db.query("insert into tournament_sync_state (tournament_no, synced_at, ttl) values ($1, $2, '15 minutes')", [no, at(time)]);
  return no;
}
const at = (time: string): string => `2026-06-10T${time}:00Z`;
const read = (no: unknown, time: string) =>
  db.query("update tournament_sync_state set synced_at = $2 where tournament_no = $1", [no, at(time)]);
const incidents = async (): Promise<string[]> =>
  (await db.query<{ line: string }>(
    `select concat_ws(' ', i.rule_name, i.tournament_no, i.state, i.muted_by) as line from alert_incidents i
    order by i.rule_name, i.tournament_no`,
  )).map(({ line }) => line);
const lastReason = () => db.value<string>("select reason from alert_events order by id desc limit 1");
/** The tournaments that a rule on each of them measures. */
const measuredBy = (rule: Record<string, unknown>) =>
  db.value<string[]>(
    `select coalesce(jsonb_agg(m ->> 'tournament_no' order by m ->> 'tournament_no'), '[]')
    from jsonb_array_elements(preview_alert_rule(jsonb_build_object('rule', $1::jsonb), $2) -> 'measurements') m`,
    [{ ...VALID_ROWS.alert_rules, entity_type: "matches_schedule", scope: "TOURNAMENT", ...rule }, NOW],
  );

Deno.test("the list of tournaments, one tournament, the order of a sync and the rules use one priority", async () => {
  const { get } = await setUp();
  const later = await aTournament(db, { start_date: "2026-06-17", end_date: "2026-06-18" });
  const ended = await aTournament(db, { start_date: "2026-06-03", end_date: "2026-06-08" });
  const tomorrow = await aTournament(db, { start_date: "2026-06-11", end_date: "2026-06-14" });
  await aMatch(db, tomorrow.no, { local_date: "2026-06-12" });
  const inABreak = await aTournament(db, { start_date: "2026-06-01", end_date: "2026-06-20" });
  await aMatch(db, inABreak.no, { local_date: "2026-06-13", status: 5 });
  const withoutMatches = await aTournament(db), playing = await aTournament(db), live = await aTournament(db);
  await aMatch(db, playing.no);
  await aMatch(db, live.no, { status: 3 });
  await aMatch(db, playing.no, { status: 3, vanished_at: NOW });
  const gone = await aTournament(db, { start_date: "2019-06-01", end_date: "2019-06-04" });
  const expected = [
    [live, "LIVE"],
    [withoutMatches, "TODAY"],
    [playing, "TODAY"],
    [tomorrow, "SOON"],
    [inABreak, "SOON"],
    [later, "LATER"],
    [ended, "LATER"],
    [gone, null],
  ] as const;
  const { tournaments } = TournamentListResponse.parse(await get("/tournaments?season=2026"));
  const shown = Object.fromEntries(tournaments.map(({ no, priority }) => [no, priority]));
  assertEquals(shown, Object.fromEntries(expected.map(([{ no }, priority]) => [no, priority])));
  for (const [{ no }, priority] of expected) {
    assertEquals(TournamentDetailResponse.parse(await get(`/tournaments/${no}`)).priority, priority);
  }
  const due = await db.value<{ no: string; priority: string }[]>("select list_due_tournaments('{}', $1)", [NOW]);
  const order = ["LIVE", "TODAY", "TODAY", "SOON", "SOON", "LATER", "LATER"];
  assertEquals(due.map(({ priority }) => priority), order);
  assertEquals(due.map(({ no, priority }) => shown[no] === priority), due.map(() => true));
  const run = await aRun(db, { execution_start: at("11:45"), status: "PARTIAL" });
  for (const [{ no }] of expected) await aResult(db, run, { tournament_no: no, error_type: "API", error_fingerprint: "own" });
  const priorities = ["LIVE", "TODAY", "SOON", "LATER"];
  for (const [rank, lowest] of priorities.entries()) {
    const higher = expected.filter(([, priority]) => priority !== null && priorities.indexOf(priority) <= rank);
    assertEquals(await measuredBy({ lowest_priority: lowest }), higher.map(([{ no }]) => no).sort(), lowest);
  }
  assertEquals((await measuredBy({})).length, expected.length);
});

Deno.test("a live tournament that fails is a HIGH incident before the incident of every tournament, which it inhibits", async () => {
  const { evaluate } = await setUp(FAILING, LIVE_FAILING);
  const playing = await aTournament(db), later = await aTournament(db, { start_date: "2026-06-16", end_date: "2026-06-18" });
  const fail = async (time: string) => {
    const run = await aRun(db, { execution_start: at(time), status: "PARTIAL" });
    for (const { no } of [playing, later]) await aResult(db, run, { tournament_no: no, error_type: "API", error_fingerprint: `of ${no}` });
  };
  await fail("11:15");
  await fail("11:30");
  await evaluate();
  assertEquals(await incidents(), [`${LIVE_FAILING} ${playing.no} FIRING`]);
  await fail("11:45");
  await evaluate();
  assertEquals(await incidents(), [
    `${LIVE_FAILING} ${playing.no} FIRING`,
    `${FAILING} ${playing.no} FIRING PARENT`,
    `${FAILING} ${later.no} FIRING`,
  ]);
  const notified = "select jsonb_agg(concat_ws(' ', item ->> 'rule_name', item ->> 'severity') order by seq) from alert_notifications";
  assertEquals(await db.value(notified), [`${LIVE_FAILING} HIGH`, `${FAILING} MEDIUM`]);
});

Deno.test("a tournament that leaves the priority of a rule resolves the incident, which says so", async () => {
  const { clock, evaluate } = await setUp(LIVE_FAILING);
  const { no } = await aTournament(db, { end_date: "2026-06-10" });
  await aMatch(db, no);
  for (const time of ["11:30", "11:45"]) {
    const run = await aRun(db, { execution_start: at(time), status: "PARTIAL" });
    await aResult(db, run, { tournament_no: no, error_type: "API", error_fingerprint: "own" });
  }
  await evaluate();
  assertEquals(await incidents(), [`${LIVE_FAILING} ${no} FIRING`]);
  clock.moveTo("2026-06-12T00:00:00.000Z");
  await evaluate();
  assertEquals(await incidents(), [`${LIVE_FAILING} ${no} RESOLVED`]);
  assertMatch(await lastReason(), /the tournament now has the priority LATER, and the rule is for TODAY or higher/);
  assertEquals(await db.value("select item ->> 'kind' from alert_notifications order by seq desc limit 1"), "RESOLVED");
});

Deno.test("a tournament is stale when a full run that ended did not read it although it was due, until a run reads it", async () => {
  const { clock, evaluate } = await setUp(LIVE_STALE, STALE);
  const due = await aTournamentReadAt("10:45");
  await aTournamentReadAt("11:30");
  await aTournamentReadAt("10:45", { start_date: "2026-06-16", end_date: "2026-06-18" });
  const value = () => db.value("select value::float8 from alert_incidents where state = 'FIRING'");
  await evaluate();
  assertEquals(await incidents(), [], "no run has ended");
  const row = { execution_start: at("11:30"), heartbeat_at: at("11:31"), lease_expires_at: at("12:32"), deadline: at("12:40") };
  const running = await aRun(db, { ...row, status: "RUNNING" });
  await evaluate();
  assertEquals(await incidents(), [], "a run still works");
  await db.query("delete from sync_execution_history where id = $1", [running.id]);
  await aRun(db, { execution_start: at("11:30"), tournament_no: "1" });
  await evaluate();
  assertEquals(await incidents(), [], "only a single run has ended");
  await aRun(db, { execution_start: at("11:30") });
  await evaluate();
  assertEquals(await incidents(), [], "due for 31 minutes");
  await aRun(db, { execution_start: at("11:45") });
  await evaluate();
  assertEquals(await incidents(), [`${LIVE_STALE} ${due} FIRING`]);
  assertEquals(await value(), 46 * 60);
  clock.advance(600_000);
  await evaluate();
  assertEquals(await value(), 46 * 60, "the value is that of the last run");
  await read(due, "12:10");
  await evaluate();
  assertEquals(await incidents(), [`${LIVE_STALE} ${due} RESOLVED`]);
});

Deno.test("a live tournament that the last run read is not stale, although its time to live ended before that run", async () => {
  await setUp();
  await aRun(db, { execution_start: at("11:45"), execution_end: at("11:50") });
  const no = await aTournamentReadAt("11:45");
  await db.query("update tournament_sync_state set ttl = '30 seconds'");
  assertEquals(await measuredBy({ metric: "tournament_staleness" }), []);
  await read(no, "11:30");
  assertEquals(await measuredBy({ metric: "tournament_staleness" }), [no]);
});

Deno.test("every tournament is judged by staleness after 6 hours, a tournament without a read from its change on", async () => {
  const { evaluate } = await setUp(LIVE_STALE, STALE);
  const row = { start_date: "2026-06-16", end_date: "2026-06-18" };
  const later = await aTournamentReadAt("05:30", row);
  const { no: unread } = await aTournament(db, { ...row, updated_at: at("05:45") });
  await aTournament(db, { ...row, updated_at: at("05:47") });
  await aRun(db, { execution_start: at("11:45") });
  await evaluate();
  assertEquals(await incidents(), [later, unread].map((no) => `${STALE} ${no} FIRING`).sort());
});

Deno.test("while no run starts or the upstream backoff stops every run, only the sync is overdue and no tournament becomes stale", async () => {
  const { clock, evaluate } = await setUp(LIVE_STALE, STALE, "Match Schedule Overdue");
  for (let count = 0; count < 5; count++) await aTournamentReadAt("11:45");
  await aRun(db, { execution_start: at("11:45") });
  const stopped = await aRun(db, { execution_start: at("12:00"), status: "FAILED" });
  await insert(db, "sync_error_log", { ...VALID_ROWS.sync_error_log, sync_execution_id: stopped.id, error_code: "UPSTREAM_BACKOFF" });
  clock.moveTo("2026-06-10T20:00:00.000Z");
  const next = await aRun(db, { execution_start: "2026-06-10T19:59:00Z", status: "PARTIAL" });
  await insert(db, "sync_error_log", { ...VALID_ROWS.sync_error_log, sync_execution_id: next.id, error_code: "UPSTREAM_BACKOFF" });
  await evaluate();
  assertEquals(await incidents(), ["Match Schedule Overdue FIRING"]);
});

Deno.test("nothing is stale in a pause, and an incident of before keeps its state until a run after the pause", async () => {
  const { clock, evaluate } = await setUp(LIVE_STALE);
  const no = await aTournamentReadAt("10:45");
  await aRun(db, { execution_start: at("11:45") });
  const pause = (paused_at: string | null) =>
    db.query(
      "update sync_status set paused_at = $1, paused_by = case when $1::timestamptz is not null then 'x' end where entity_type = 'matches_schedule'",
      [
        paused_at,
      ],
    );
  await pause(NOW);
  await evaluate();
  assertEquals(await incidents(), []);
  await pause(null);
  await evaluate();
  assertEquals(await incidents(), [`${LIVE_STALE} ${no} FIRING`]);
  await pause(clock.asOf());
  await read(no, "12:00");
  await evaluate();
  assertEquals(await incidents(), [`${LIVE_STALE} ${no} FIRING SILENCE`]);
  await pause(null);
  await evaluate();
  assertEquals(await incidents(), [`${LIVE_STALE} ${no} RESOLVED SILENCE`]);
});

Deno.test("stale tournaments are inhibited by the incident of the failure that they share, also of runs that failed as a whole", async () => {
  const FAILURES = "Match Schedule Consecutive Failures", ALIKE = "Tournaments Failing Alike";
  const { evaluate } = await setUp(LIVE_STALE, ALIKE, FAILURES);
  const nos = [await aTournamentReadAt("10:45"), await aTournamentReadAt("10:45"), await aTournamentReadAt("10:45")];
  const run = await aRun(db, { execution_start: at("11:45"), status: "FAILED" });
  for (const no of nos) await aResult(db, run, { tournament_no: no, error_type: "NETWORK", error_fingerprint: "down" });
  await evaluate();
  assertEquals(await incidents(), [...nos.map((no) => `${LIVE_STALE} ${no} FIRING PARENT`).sort(), `${ALIKE} FIRING`]);
  await db.query("truncate alert_incidents, alert_notifications cascade");
  await db.query("truncate sync_tournament_results");
  await db.query("update sync_status set consecutive_failures = 3 where entity_type = 'matches_schedule'");
  await insert(db, "sync_error_log", { ...VALID_ROWS.sync_error_log, sync_execution_id: run.id, fingerprint: "no database" });
  await evaluate();
  assertEquals(await incidents(), [...nos.map((no) => `${LIVE_STALE} ${no} FIRING PARENT`).sort(), `${FAILURES} FIRING`]);
});

Deno.test.afterAll(() => db.close());
