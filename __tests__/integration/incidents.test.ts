// Over 300 lines, because each way in which an incident can be lost, doubled or outlive its cause has a case.
import { assert, assertEquals, assertMatch, assertObjectMatch } from "@std/assert";
import { evaluateRules } from "../../supabase/functions/sync-alert-processor/alert-processor.ts";
import { TestClock } from "../../testing/clock.ts";
import { openTestDatabase } from "../../testing/database.ts";
import { aRun, aTournament } from "../../testing/factories.ts";

const db = await openTestDatabase();
const SHIPPED = await db.value("select jsonb_agg(r) from alert_rules r");
const FAILURES = "Match Schedule Consecutive Failures", RATE = "Overall Sync Success Rate Drop", ALIKE = "Tournaments Failing Alike";
const TOURNAMENT = "Match Schedule Tournament Failing", DURATION = "Match Schedule Duration Exceeded";
const actor = { name: "operator@example.com", role: "operator" };

interface RunOptions {
  entity?: string;
  /** The fingerprint of the failure of each tournament, null for a success; without tournaments, the run itself has the failure. */
  results?: Record<string, string | null>;
  fingerprint?: string;
  minutes?: number;
}

/** Activates the given rules with the dashboard as their channel, after a day of good runs of each entity. */
async function setUp(...rules: string[]) {
  await db.reset();
  await db.query("truncate alert_incidents, alert_evaluations, alert_notifications, alert_silences cascade");
  await db.query("delete from alert_rules where name like 'Test%'");
  await db.query(
    `update alert_rules r set is_active = r.name = any ($2), notification_channels = '["dashboard"]', escalation_channels = '[]',
      broken_since = null, broken_reason = null, severity = s.severity, escalation_delay = s.escalation_delay, no_data = s.no_data
    from jsonb_populate_recordset(null::alert_rules, $1) s where s.id = r.id`,
    [SHIPPED, rules],
  );
  const clock = new TestClock("2026-06-10T00:00:00.000Z");
  await db.query("update sync_status set created_at = $1", [clock.asOf()]);
  const evaluate = () => evaluateRules(db.rpc, clock, () => {}, "cron");
  /** Waits some minutes, and evaluates the rules every four minutes, which is no gap, and at the end. */
  const wait = async (minutes: number) => {
    for (let left = minutes; left > 0; left -= 4) {
      clock.advance(Math.min(left, 4) * 60_000);
      await evaluate();
    }
  };
  /** Plays a full run that starts now and takes some minutes, with an evaluation in each. */
  const run = async (status: string, { entity = "matches_schedule", results = {}, fingerprint, minutes = 1 }: RunOptions = {}) => {
    const execution_id = crypto.randomUUID();
    const start = { execution_id, entity_type: entity, trigger: "CRON", wall_clock_ms: 600_000 };
    await db.query("select start_sync_execution($1, $2)", [start, clock.asOf()]);
    for (let minute = 0; minute < minutes; minute++) {
      clock.advance(30_000);
      await db.query("select heartbeat_sync_execution($1, $2)", [{ execution_id, counters: {} }, clock.asOf()]);
      await evaluate();
      clock.advance(30_000);
      await db.query("select heartbeat_sync_execution($1, $2)", [{ execution_id, counters: {} }, clock.asOf()]);
    }
    const outcomes = Object.entries(results).map(([tournament_no, error_fingerprint]) => ({
      tournament_no,
      records_processed: 1,
      duration_ms: 1,
      ...(error_fingerprint === null ? {} : { error_message: error_fingerprint, error_type: "API", error_fingerprint }),
    }));
    const failed = outcomes.filter((outcome) => "error_type" in outcome).length;
    const errors = fingerprint === undefined ? [] : [{
      id: crypto.randomUUID(),
      error_type: "API",
      error_code: "X",
      error_severity: "LOW",
      retryable: true,
      error_message: fingerprint,
      fingerprint,
      occurred_at: clock.asOf(),
    }];
    const counters = { tournaments_total: outcomes.length, tournaments_processed: outcomes.length, tournaments_failed: failed };
    await db.query("select finish_sync_execution($1, $2)", [
      { execution_id, status, reason: "test", retryable: false, counters, results: outcomes, errors },
      clock.asOf(),
    ]);
    await evaluate();
  };
  /** Plays a run each quarter of an hour. */
  const runs = async (count: number, status: string, options: RunOptions = {}) => {
    for (let index = 0; index < count; index++) {
      await run(status, options);
      await wait(14 - (options.minutes ?? 1));
      clock.advance(60_000);
    }
  };
  return { clock, evaluate, wait, run, runs };
}
/** Adds successful runs of the twelve hours before the first evaluation. */
async function goodRuns() {
  for (let index = 1; index <= 50; index++) {
    await aRun(db, { execution_start: new Date(Date.parse("2026-06-10T00:00:00Z") - index * 900_000).toISOString() });
  }
}
/** The notifications since the last call, each as `KIND rule`. */
let read = 0;
async function notified() {
  const rows = await db.query<{ seq: number; line: string }>(
    `select seq::int as seq, concat_ws(' ', item ->> 'kind', item ->> 'rule_name', item ->> 'tournament_no') as line
    from alert_notifications where seq > $1 order by seq`,
    [read],
  );
  read = rows.at(-1)?.seq ?? read;
  return rows.map(({ line }) => line);
}
const incident = async (rule: string) =>
  (await db.query<Record<string, unknown> & { id: string; evidence: Record<string, unknown>; value: number }>(
    "select *, value::float as value from alert_incidents where rule_name = $1 order by opened_at desc limit 1",
    [rule],
  ))[0];
const change = (id: unknown, action: string, as_of: string, more: object = {}) =>
  db.query("select change_alert_incident($1, $2)", [{ id, action, actor, ...more }, as_of]);

Deno.test("each outage of a day is notified, although the success rate of the day keeps firing, acknowledged or not", async () => {
  const { clock, runs } = await setUp(FAILURES, RATE);
  await notified();
  await goodRuns();
  for (const outage of [1, 2, 3]) {
    await runs(3, "FAILED", { fingerprint: "down" });
    assertEquals(await notified(), [`FIRING ${FAILURES}`], `outage ${outage}`);
    await runs(3, "SUCCEEDED");
    assertEquals(await notified(), [`RESOLVED ${FAILURES}`], `outage ${outage}`);
    assertObjectMatch(await incident(RATE) as object, { state: outage === 1 ? "FIRING" : "ACKNOWLEDGED", muted_by: "COVERAGE" });
    if (outage === 1) await change((await incident(RATE))?.id, "acknowledge", clock.asOf());
  }
});

Deno.test("failures in single runs that no other incident notified open the success rate, also after an outage that was notified", async () => {
  const { runs } = await setUp(FAILURES, RATE);
  await notified();
  await goodRuns();
  await runs(3, "FAILED", { fingerprint: "down" });
  await runs(1, "SUCCEEDED");
  assertEquals(await notified(), [`FIRING ${FAILURES}`, `RESOLVED ${FAILURES}`]);
  for (let index = 0; index < 3; index++) {
    await runs(1, "FAILED", { fingerprint: "bad data" });
    await runs(1, "SUCCEEDED");
  }
  assertEquals(await notified(), [`FIRING ${RATE}`]);
});

Deno.test("an entity that fails after another one has healed is notified of its own cause", async () => {
  const { run, runs, wait } = await setUp("Tournament Sync Consecutive Failures", FAILURES, RATE);
  await notified();
  await goodRuns();
  await runs(3, "FAILED", { fingerprint: "down" });
  await runs(4, "SUCCEEDED");
  assertEquals(await notified(), [`FIRING ${FAILURES}`, `RESOLVED ${FAILURES}`]);
  for (let index = 0; index < 3; index++) {
    await run("FAILED", { entity: "tournaments", fingerprint: "AccessDenied" });
    await wait(5);
  }
  assertEquals(await notified(), ["FIRING Tournament Sync Consecutive Failures"]);
});

Deno.test("one outage with one tournament playing is notified by its entity, and not by the tournament again", async () => {
  const { runs } = await setUp(FAILURES, TOURNAMENT, RATE);
  await notified();
  const [no = ""] = await tournaments();
  await goodRuns();
  await runs(4, "FAILED", { results: { [no]: "down" } });
  assertEquals(await notified(), [`FIRING ${FAILURES}`]);
  await runs(2, "SUCCEEDED", { results: { [no]: null } });
  assertEquals(await notified(), [`RESOLVED ${FAILURES}`]);
});

/** Adds ten tournaments of this week. */
const tournaments = () =>
  Promise.all(
    Array.from({ length: 10 }, async () => String((await aTournament(db, { start_date: "2026-06-08", end_date: "2026-06-14" })).no)),
  );
const all = (nos: string[], fingerprint: string | null, failing = nos.length) =>
  Object.fromEntries(nos.map((no, index) => [no, index < failing ? fingerprint : null]));

Deno.test("a shared failure whose cause changes is notified again, follows its value, and keeps its peak and its cause to the end", async () => {
  const { runs } = await setUp(ALIKE, TOURNAMENT);
  await db.query("update alert_rules set escalation_delay = null where name = $1", [ALIKE]);
  const nos = await tournaments();
  await notified();
  await runs(1, "PARTIAL", { results: all(nos, "VIS_UNAVAILABLE", 8) });
  assertEquals(await notified(), [`FIRING ${ALIKE}`]);
  await runs(1, "FAILED", { results: all(nos, "VIS_UNAVAILABLE") });
  assertObjectMatch(await incident(ALIKE) as object, { value: 10, evidence: { tournaments: 10, of: 10, peak: 10 } });
  assertMatch(String((await incident(ALIKE))?.message), /10 tournaments/);
  assertEquals(await notified(), []);
  await runs(1, "PARTIAL", { results: all(nos, "DATABASE_FULL", 6) });
  assertEquals(await notified(), [`FIRING ${ALIKE}`]);
  assertObjectMatch(await incident(ALIKE) as object, { cause: "DATABASE_FULL", value: 6, evidence: { error: "DATABASE_FULL", peak: 10 } });
  await runs(1, "SUCCEEDED", { results: all(nos, null) });
  assertEquals(await notified(), [`RESOLVED ${ALIKE}`]);
  const { evidence } = await incident(ALIKE) ?? {};
  assertObjectMatch(evidence as object, { fingerprint: "DATABASE_FULL", error: "DATABASE_FULL", peak: 10 });
  assert(evidence?.execution_id);
});

Deno.test("a shared failure ends when its tournaments leave the due ones, although none of them succeeded", async () => {
  const { runs } = await setUp(ALIKE);
  const nos = await tournaments();
  await notified();
  await runs(1, "PARTIAL", { results: all(nos, "down", 4) });
  assertEquals(await notified(), [`FIRING ${ALIKE}`]);
  await runs(3, "SUCCEEDED");
  assertEquals(await notified(), [`RESOLVED ${ALIKE}`]);
});

Deno.test("an acknowledgement that expires starts the escalation clock from zero", async () => {
  const { clock, runs, wait } = await setUp(FAILURES);
  await notified();
  await runs(3, "FAILED", { fingerprint: "down" });
  await change((await incident(FAILURES))?.id, "acknowledge", clock.asOf(), { until: new Date(clock.now() + 7_200_000).toISOString() });
  await wait(120);
  assertEquals(await notified(), [`FIRING ${FAILURES}`, `FIRING ${FAILURES}`]);
  await wait(29);
  assertEquals((await incident(FAILURES))?.severity, "HIGH");
  await wait(1);
  assertEquals(await notified(), [`ESCALATED ${FAILURES}`]);
  assertMatch(await db.value("select reason from alert_events order by id desc limit 1"), /^not acknowledged for 30 minutes$/);
});

Deno.test("a silence and an outage of the processor restart the escalation clock", async () => {
  const { clock, runs, wait, evaluate } = await setUp(FAILURES);
  await notified();
  await runs(3, "FAILED", { fingerprint: "down" });
  assertEquals(await notified(), [`FIRING ${FAILURES}`]);
  const ends_at = new Date(clock.now() + 3_600_000).toISOString();
  await db.query("select save_alert_silence($1, $2)", [{ entity_type: "matches_schedule", ends_at, reason: "test", actor }, clock.asOf()]);
  await wait(89);
  assertEquals(await notified(), [], "29 minutes after the silence");
  clock.advance(3_600_000);
  await evaluate();
  await wait(29);
  assertEquals(await notified(), [], "29 minutes after the outage of the processor");
  await wait(1);
  assertEquals(await notified(), [`ESCALATED ${FAILURES}`]);
});

Deno.test("a paused entity neither escalates nor repeats, no_data ALERT does not fire, and its incident ends when it recovers after the pause", async () => {
  const { clock, runs, wait } = await setUp(FAILURES, ALIKE);
  await db.query(
    `insert into alert_rules (name, entity_type, metric, threshold, evaluation_window, severity, no_data)
    values ('Test silence', 'matches_schedule', 'success_rate', 0.1, '1 hour', 'LOW', 'ALERT')`,
  );
  await notified();
  await runs(1, "SUCCEEDED");
  await runs(3, "FAILED", { fingerprint: "down" });
  assertEquals((await notified()).filter((line) => !line.includes("Test")), [`FIRING ${FAILURES}`]);
  const pause = (is_paused: boolean) =>
    db.query("select change_entity($1, $2)", [
      { entity_type: "matches_schedule", changes: { is_paused }, reason: "test", actor },
      clock.asOf(),
    ]);
  await pause(true);
  await wait(300);
  assertEquals(await notified(), []);
  assertObjectMatch(await incident(FAILURES) as object, { state: "FIRING", severity: "HIGH", muted_by: "SILENCE" });
  await pause(false);
  await wait(1);
  assertEquals(await notified(), [`REPEAT ${FAILURES}`], "the repeat interval has passed");
  await runs(1, "SUCCEEDED");
  assertEquals(await notified(), [`RESOLVED ${FAILURES}`]);
});

Deno.test("an idle entity neither escalates nor repeats, and its incident ends when it recovers after play has begun", async () => {
  const { clock, runs, wait } = await setUp(FAILURES);
  await runs(1, "SUCCEEDED");
  await runs(3, "FAILED", { fingerprint: "down" });
  await notified();
  const setIdle = (idle_since: string | null) =>
    db.query("update sync_status set runs_during_play = true, idle_since = $1, updated_at = $2 where entity_type = 'matches_schedule'", [
      idle_since,
      clock.asOf(),
    ]);
  try {
    await setIdle(clock.asOf());
    await wait(300);
    assertEquals(await notified(), []);
    assertObjectMatch(await incident(FAILURES) as object, { state: "FIRING", severity: "HIGH", muted_by: "SILENCE" });
    await setIdle(null);
    await wait(1);
    assertEquals(await notified(), [`REPEAT ${FAILURES}`], "the repeat interval has passed");
    await runs(1, "SUCCEEDED");
    assertEquals(await notified(), [`RESOLVED ${FAILURES}`]);
  } finally {
    await db.query("update sync_status set idle_since = null, runs_during_play = false where entity_type = 'matches_schedule'");
  }
});

Deno.test("an incident of an entity that is deactivated, and of a tournament that is no longer synced, resolves and says so", async () => {
  const { runs, wait } = await setUp(FAILURES, TOURNAMENT);
  await db.query("update alert_rules set no_data = 'KEEP' where name = $1", [TOURNAMENT]);
  const [no = ""] = await tournaments();
  await notified();
  await runs(3, "PARTIAL", { results: { [no]: "bad data" } });
  assertEquals(await notified(), [`FIRING ${TOURNAMENT} ${no}`]);
  await db.query("update tournaments set end_date = '2026-06-07', start_date = '2026-06-05' where no = $1", [no]);
  await wait(1);
  assertEquals(await notified(), [`RESOLVED ${TOURNAMENT} ${no}`]);
  assertEquals(await db.value("select reason from alert_events order by id desc limit 1"), "the tournament is no longer synced");
  await runs(3, "FAILED", { fingerprint: "down" });
  await db.query("update sync_status set is_active = false where entity_type = 'matches_schedule'");
  await wait(1);
  await db.query("update sync_status set is_active = true where entity_type = 'matches_schedule'");
  assertEquals(await notified(), [`FIRING ${FAILURES}`, `RESOLVED ${FAILURES}`]);
  assertEquals(await db.value("select reason from alert_events order by id desc limit 1"), "the entity was deactivated");
});

Deno.test("twelve slow runs in a row are one incident, which the next quick run ends", async () => {
  const { runs } = await setUp(DURATION);
  await notified();
  await runs(12, "SUCCEEDED", { minutes: 6 });
  assertEquals(await notified(), [`FIRING ${DURATION}`]);
  await runs(1, "SUCCEEDED");
  assertEquals(await notified(), [`RESOLVED ${DURATION}`]);
});

Deno.test("one slow run of the daily sync is notified once, and the run of the next day ends its incident", async () => {
  const { run, wait } = await setUp("Tournament Sync Duration Exceeded");
  await notified();
  await run("SUCCEEDED", { entity: "tournaments", minutes: 3 });
  await wait(600);
  assertEquals(await notified(), ["FIRING Tournament Sync Duration Exceeded"]);
  await run("SUCCEEDED", { entity: "tournaments" });
  assertEquals(await notified(), ["RESOLVED Tournament Sync Duration Exceeded"]);
});

Deno.test("a silence of the only failing entity covers the incidents of all entities, and that of another one does not", async () => {
  for (const [silenced, expected] of [["matches_schedule", []], ["tournaments", [`FIRING ${ALIKE}`]]] as const) {
    const { clock, runs } = await setUp(ALIKE, RATE);
    const nos = await tournaments();
    await runs(4, "SUCCEEDED", { results: all(nos, null) });
    await notified();
    await db.query("select save_alert_silence($1, $2)", [
      { entity_type: silenced, ends_at: "2026-06-11T00:00:00Z", reason: "test", actor },
      clock.asOf(),
    ]);
    await runs(2, "FAILED", { results: all(nos, "down") });
    assertEquals(await notified(), [...expected], silenced);
    assertEquals((await incident(RATE))?.state, "FIRING");
  }
});

Deno.test("a silence that names an incident mutes it and what it inhibits, until it ends", async () => {
  const { clock, runs } = await setUp(ALIKE, FAILURES);
  const nos = await tournaments();
  await notified();
  await runs(1, "FAILED", { results: all(nos, "down") });
  assertEquals(await notified(), [`FIRING ${ALIKE}`]);
  await db.query(
    `insert into alert_silences (incident_id, starts_at, ends_at, created_by, reason) values ($1, $2, $3, 'operator@example.com', 'test')`,
    [(await incident(ALIKE))?.id, clock.asOf(), new Date(clock.now() + 7_200_000).toISOString()],
  );
  await runs(4, "FAILED", { results: all(nos, "down") });
  assertEquals(await notified(), []);
  assertObjectMatch(await incident(FAILURES) as object, { state: "FIRING", muted_by: "SILENCE" });
  await runs(5, "FAILED", { results: all(nos, "down") });
  assertEquals((await notified()).filter((line) => line.startsWith("FIRING")), [], "the destination knows the parent");
  await runs(1, "SUCCEEDED", { results: all(nos, null) });
  assertEquals(await notified(), [`RESOLVED ${ALIKE}`]);
});

Deno.test("a silence that names an incident mutes no incident of another cause", async () => {
  const { clock, run, runs } = await setUp(FAILURES, "Tournament Sync Consecutive Failures");
  await notified();
  await runs(3, "FAILED", { fingerprint: "down" });
  await db.query(
    `insert into alert_silences (incident_id, starts_at, ends_at, created_by, reason) values ($1, $2, $3, 'operator@example.com', 'test')`,
    [(await incident(FAILURES))?.id, clock.asOf(), new Date(clock.now() + 7_200_000).toISOString()],
  );
  for (let index = 0; index < 3; index++) await run("FAILED", { entity: "tournaments", fingerprint: "AccessDenied" });
  assertEquals(await notified(), [`FIRING ${FAILURES}`, "FIRING Tournament Sync Consecutive Failures"]);
});

Deno.test("an incident that a person resolves while its condition is met stays closed until the value has recovered once", async () => {
  const { clock, runs } = await setUp(FAILURES);
  await notified();
  await runs(3, "FAILED", { fingerprint: "down" });
  await change((await incident(FAILURES))?.id, "resolve", clock.asOf());
  await runs(4, "FAILED", { fingerprint: "down" });
  assertEquals(await notified(), [`FIRING ${FAILURES}`, `RESOLVED ${FAILURES}`]);
  await runs(1, "SUCCEEDED");
  await runs(3, "FAILED", { fingerprint: "down" });
  assertEquals(await notified(), [`FIRING ${FAILURES}`]);
});

Deno.test("a closed incident of a tournament keeps the next one from opening only until the tournament was synced without a failure", async () => {
  const { clock, runs, wait } = await setUp(TOURNAMENT);
  const [no = ""] = await tournaments();
  await notified();
  await runs(3, "PARTIAL", { results: { [no]: "bad data" } });
  await change((await incident(TOURNAMENT))?.id, "resolve", clock.asOf());
  await runs(2, "PARTIAL", { results: { [no]: "bad data" } });
  assertEquals(await notified(), [`FIRING ${TOURNAMENT} ${no}`, `RESOLVED ${TOURNAMENT} ${no}`]);
  await wait(370);
  await runs(1, "PARTIAL", { results: { [no]: "bad data" } });
  assertEquals(await notified(), [`FIRING ${TOURNAMENT} ${no}`], "no result for six hours counts as recovered");
});

Deno.test("a PARTIAL run ends a streak of failures, and does not begin one", async () => {
  const { runs } = await setUp(FAILURES);
  const nos = await tournaments();
  await notified();
  await runs(3, "FAILED", { fingerprint: "down" });
  await runs(1, "PARTIAL", { results: all(nos, "bad data", 1) });
  assertEquals(await notified(), [`FIRING ${FAILURES}`, `RESOLVED ${FAILURES}`]);
  await runs(3, "PARTIAL", { results: all(nos, "bad data", 1) });
  assertEquals(await notified(), []);
});

Deno.test("a higher severity and an added channel of a rule reach its live incident", async () => {
  const { runs, wait } = await setUp(FAILURES);
  await db.query("update alert_rules set escalation_delay = null where name = $1", [FAILURES]);
  await notified();
  await runs(3, "FAILED", { fingerprint: "down" });
  await db.query("update alert_rules set severity = 'CRITICAL' where name = $1", [FAILURES]);
  await wait(1);
  assertEquals(await notified(), [`FIRING ${FAILURES}`, `ESCALATED ${FAILURES}`]);
});

Deno.test("a rule that cannot be evaluated is marked broken with the error, stops no other rule, and is repaired by an edit", async () => {
  const { runs, evaluate } = await setUp(FAILURES);
  await db.query(
    `insert into alert_rules (name, entity_type, metric, threshold, evaluation_window, severity)
    values ('Test broken', 'matches_schedule', 'success_rate', 0.5, '1 hour', 'LOW')`,
  );
  await notified();
  await db.query(
    "create or replace function private.error_count(rule public.alert_rules, entities public.sync_status[], as_of timestamptz) returns bigint language plpgsql as 'begin return 1/0; end'",
  );
  await db.query("update alert_rules set metric = 'error_rate' where name = 'Test broken'");
  await runs(3, "FAILED", { fingerprint: "down" });
  assertEquals(await notified(), [`FIRING ${FAILURES}`]);
  assertEquals(await db.query("select name, broken_reason from alert_rules where broken_since is not null"), [
    { name: "Test broken", broken_reason: "division by zero" },
  ]);
  await db.query("update alert_rules set metric = 'success_rate' where name = 'Test broken'");
  await evaluate();
  assertEquals(await db.query("select name from alert_rules where broken_since is not null"), []);
});

Deno.test.afterAll(() => db.close());
