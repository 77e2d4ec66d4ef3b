// Over 200 lines, because all facts of the view of an incident are tested, while it fires and after its end.
import { assert, assertEquals, assertObjectMatch } from "@std/assert";
import { createLog } from "../../services/log.ts";
import { evaluateRules } from "../../supabase/functions/sync-alert-processor/alert-processor.ts";
import { createApp } from "../../supabase/functions/sync-monitoring/app.ts";
import { TestClock } from "../../testing/clock.ts";
import { openTestDatabase } from "../../testing/database.ts";
import { testEnv } from "../../testing/env.ts";
import { aResult, aRun, aTournament } from "../../testing/factories.ts";
import { documented } from "../../testing/openapi.ts";
import { AlertDetailResponse, AlertListResponse } from "../../types/alerts.ts";
import { ExecutionDetailResponse } from "../../types/history.ts";
import { SyncHealthResponse } from "../../types/monitoring.ts";

const db = await openTestDatabase();
const SHIPPED = await db.value("select jsonb_agg(r) from alert_rules r");
const ALIKE = "Tournaments Failing Alike", FAILURES = "Match Schedule Consecutive Failures", RATE = "Overall Sync Success Rate Drop";
const TOURNAMENT = "Match Schedule Tournament Failing";
const actor = { name: "operator@example.com", role: "operator" };
const at = (time: string): string => `2026-06-10T${time}:00.000Z`;
const HTTP_500 = { error_message: "VIS answered HTTP 500", error_type: "API", error_fingerprint: "VIS_SERVER_ERROR:vis answered http #" };
const NO_DATA = { error_message: "VIS has no data", error_type: "API", error_fingerprint: "VIS_NO_DATA:vis has no data" };

/** Activates only the given rules, with ten tournaments in play that a run read at 11:45. */
async function setUp(...rules: string[]) {
  await db.reset();
  await db.query("truncate alert_incidents, alert_evaluations, alert_notifications, alert_silences, notification_destinations cascade");
  await db.query("delete from notification_channels where name <> 'dashboard'");
  await db.query("delete from alert_rules");
  await db.query("insert into alert_rules select * from jsonb_populate_recordset(null::alert_rules, $1)", [SHIPPED]);
  await db.query(`update alert_rules set is_active = name = any ($1), notification_channels = '["dashboard"]'`, [rules]);
  const nos: string[] = [];
  for (let index = 0; index < 10; index++) nos.push(String((await aTournament(db, { name: `Open ${index}` })).no));
  const clock = new TestClock(at("11:45"));
  const app = documented(createApp({ env: testEnv(), rpc: db.rpc, clock, log: createLog({}, () => {}) }));
  const get = async (path: string) => {
    const response = await app.fetch(new Request(`http://test/sync-monitoring${path}`, { headers: { apikey: db.keys.secret } }));
    return await response.json();
  };
  const evaluate = () => evaluateRules(db.rpc, clock, () => {}, "cron");
  /** Adds a full run of one minute in which the first tournaments fail with one fingerprint, and evaluates the rules at its end. */
  const run = async (time: string, status: string, failing = 0, failure = HTTP_500) => {
    const row = await aRun(db, {
      execution_start: at(time),
      status,
      tournaments_total: 10,
      tournaments_processed: 10,
      tournaments_failed: failing,
      records_inserted: 48,
    });
    for (const [index, tournament_no] of nos.entries()) {
      await aResult(db, row, { tournament_no, records_processed: 5, ...(index < failing ? failure : {}) });
    }
    await db.query(
      `update sync_status set last_attempt = $1, last_sync = case $2 when 'SUCCEEDED' then $1 else last_sync end,
        consecutive_failures = case $2 when 'FAILED' then consecutive_failures + 1 else 0 end where entity_type = 'matches_schedule'`,
      [at(time), status],
    );
    clock.advance(Date.parse(at(time)) + 60_000 - clock.now());
    await evaluate();
    return String(row.id);
  };
  const detail = async (rule: string) => {
    const id = await db.value("select id from alert_incidents where rule_name = $1 order by opened_at desc limit 1", [rule]);
    return AlertDetailResponse.parse(await get(`/alerts/${id}`));
  };
  return { clock, get, evaluate, run, detail, nos, good: await run("11:45", "SUCCEEDED") };
}

Deno.test("a live incident says what is broken, how much of it, since when, the last good run, its runs, the rule and the next step", async () => {
  const { run, detail, nos, good, get } = await setUp(ALIKE);
  const [first, second] = [await run("12:00", "FAILED", 10), await run("12:15", "PARTIAL", 8)];
  const incident = await detail(ALIKE);
  assertObjectMatch(incident, {
    cause: "VIS answered HTTP 500: 8 of 10 tournaments",
    scope: "All syncs",
    affected: { count: 8, of: 10, unit: "tournaments" },
    peak: 10,
    peak_at: "2026-06-10T12:01:00.000Z",
    error_code: "VIS_SERVER_ERROR",
    execution_id: second,
    last_good_run: { id: good, records_processed: 48 },
    freshness: { age_ms: 31 * 60_000, expected_within_ms: 20 * 60_000 },
    escalates_to: { severity: "CRITICAL", channels: [] },
    runbook_anchor: "tournaments-failing-alike",
    runs_total: 2,
    silence: null,
    parent: null,
  });
  // The rules were not evaluated between the runs, and such a gap restarts the escalation clock.
  assertEquals(Date.parse(incident.escalates_at ?? ""), Date.parse(at("12:46")));
  assertEquals(incident.next_run_at, SyncHealthResponse.parse(await get("/health-overview")).sync_entities.matches_schedule?.next_sync);
  assertEquals(incident.affected_tournaments.map(({ no }) => no).sort(), nos.slice(0, 8).sort());
  assertEquals(incident.affected_tournaments[0]?.name?.slice(0, 4), "Open");
  assertEquals(incident.runs.map(({ id, status, tournaments_failed }) => `${id} ${status} ${tournaments_failed}`), [
    `${good} SUCCEEDED 0`,
    `${first} FAILED 10`,
    `${second} PARTIAL 8`,
  ]);
  assertEquals(incident.value_history?.map(({ value }) => value), [0, 10, 8]);
  assertObjectMatch(incident.rule as object, {
    name: ALIKE,
    threshold: 3,
    evaluation_window: "30 minutes",
    escalation_delay: "30 minutes",
    channels: ["dashboard"],
  });
  const { alerts } = AlertListResponse.parse(await get("/alerts"));
  assertObjectMatch(alerts[0] as object, { cause: incident.cause, affected: incident.affected, peak: 10, execution_id: second });
});

/** The ways in which an incident ends while fewer failures are left than at its worst value. */
const ENDS: Record<string, (at: string, run: (time: string, status: string) => Promise<string>) => Promise<unknown>> = {
  "recovers": (_now, run) => run("12:30", "SUCCEEDED"),
  "is resolved by hand": (now) =>
    db.query(
      "select change_alert_incident(jsonb_build_object('id', i.id, 'action', 'resolve', 'actor', $1::jsonb), $2) from alert_incidents i",
      [
        actor,
        now,
      ],
    ),
  "ends because its rule is switched off": (now) =>
    db.query(
      "select save_alert_rule(jsonb_build_object('id', r.id, 'rule', '{\"is_active\": false}'::jsonb, 'actor', $1::jsonb), $2) from alert_rules r where r.name = $3",
      [actor, now, ALIKE],
    ),
  "ends because its rule gets another metric": (now) =>
    db.query(
      `select save_alert_rule(jsonb_build_object('id', r.id, 'rule', '{"metric": "success_rate", "threshold": 0.5}'::jsonb, 'actor', $1::jsonb), $2)
      from alert_rules r where r.name = $3`,
      [actor, now, ALIKE],
    ),
  "ends because its rule is deleted": (now) =>
    db.query("select delete_alert_rule(jsonb_build_object('id', r.id, 'actor', $1::jsonb), $2) from alert_rules r where r.name = $3", [
      actor,
      now,
      ALIKE,
    ]),
};
for (const [name, end] of Object.entries(ENDS)) {
  Deno.test(`an incident that ${name} still says why it fired: cause, worst value, failing run and tournaments`, async () => {
    const { clock, run, detail, nos, good } = await setUp(ALIKE);
    const first = await run("12:00", "FAILED", 10);
    await run("12:15", "PARTIAL", 4, NO_DATA);
    assertObjectMatch(await detail(ALIKE), {
      cause: "VIS has no data: 4 of 10 tournaments",
      value: 4,
      peak: 10,
      error_code: "VIS_NO_DATA",
    });
    await end(clock.asOf(), run);
    const incident = await detail(ALIKE);
    assertObjectMatch(incident, {
      state: "RESOLVED",
      cause: "VIS answered HTTP 500: 10 of 10 tournaments",
      affected: { count: 10, of: 10 },
      peak: 10,
      peak_at: "2026-06-10T12:01:00.000Z",
      error_code: "VIS_SERVER_ERROR",
      execution_id: first,
      last_good_run: { id: good },
      escalates_at: null,
      escalates_to: null,
    });
    assertEquals(incident.affected_tournaments.map(({ no }) => no).sort(), nos.toSorted());
    assertEquals(incident.rule === null, name.endsWith("deleted"));
  });
}

Deno.test("the failures in a row of an entity and of a tournament are given after each run, and a good run sets them to 0", async () => {
  const { run, detail, nos } = await setUp(FAILURES, TOURNAMENT);
  for (const time of ["12:00", "12:15", "12:30"]) await run(time, "FAILED", 10);
  const [entity, tournament] = [await detail(FAILURES), await detail(TOURNAMENT)];
  assertObjectMatch(entity, {
    cause: "VIS failed with a server error: 3 runs failed in a row",
    scope: "Match Schedule",
    affected: { count: 3, of: null, unit: "runs" },
    runs_total: 3,
  });
  assertEquals(entity.value_history?.map(({ value }) => value), [0, 1, 2, 3]);
  assertEquals(tournament.value_history?.map(({ value }) => value), [0, 1, 2, 3]);
  assert(nos.includes(tournament.tournament_no ?? ""));
  assertEquals(tournament.affected_tournaments.map(({ no }) => no), [tournament.tournament_no]);
  assertEquals(tournament.scope, `Match Schedule, tournament ${tournament.tournament_no} ${tournament.affected_tournaments[0]?.name}`);
  assertObjectMatch(tournament, {
    last_good_run: { records_processed: 5 },
    parent: { id: entity.id, cause: entity.cause },
    muted_by: "PARENT",
  });
  assertEquals(entity.children.length, 10);
  assertObjectMatch(entity.children[0] as object, {
    severity: "MEDIUM",
    state: "FIRING",
    cause: "VIS answered HTTP 500: 3 runs failed in a row",
    began_at: tournament.began_at,
  });
});

Deno.test("the history of a shared failure counts each tournament by its last result, until its run leaves the window", async () => {
  const { run, detail } = await setUp(ALIKE);
  await db.query("update alert_rules set evaluation_window = '20 minutes' where name = $1", [ALIKE]);
  for (const [time, failing] of [["12:00", 10], ["12:10", 4]] as const) await run(time, "PARTIAL", failing);
  // The runs sync no tournament, and at the second one the results of 12:10 have left the window.
  for (const time of ["12:25", "12:40"]) await aRun(db, { execution_start: at(time) });
  const { id } = await detail(ALIKE);
  const history = await db.value<{ value: number }[]>(
    "select private.value_history(i, r, '{matches_schedule}', $2, $3) from alert_incidents i join alert_rules r on r.id = i.rule_id where i.id = $1",
    [id, HTTP_500.error_fingerprint, at("13:00")],
  );
  assertEquals(history.map(({ value }) => value), [0, 10, 4, 4, 0]);
});

Deno.test("the success rate of a rule is given after each run, of the entity with the lowest one", async () => {
  const { run, detail } = await setUp(RATE);
  await db.query("update alert_rules set minimum_runs = 2 where name = $1", [RATE]);
  await run("12:00", "FAILED", 10);
  await run("12:15", "PARTIAL", 5);
  const incident = await detail(RATE);
  assertEquals(incident.value_history?.map(({ value }) => value), [0.5, 0.5]);
  assertEquals(incident.cause, "Success rate of Match Schedule fell below 95 %, last failure: VIS failed with a server error");
});

Deno.test("an opening says for each channel how many recipients have it, and nothing escalates while it is silenced", async () => {
  const { clock, run, detail, evaluate } = await setUp(ALIKE);
  await db.query("insert into notification_channels (name, kind, config) values ('mail', 'email', $1)", [{
    to: ["a@test.net", "b@test.net"],
  }]);
  await db.query(
    `update alert_rules set notification_channels = '["dashboard", "mail"]', escalation_channels = '[["mail"]]' where name = $1`,
    [ALIKE],
  );
  await run("12:00", "FAILED", 10);
  const claimed = await db.value<{ token: string; recipient: string | null; rows: { id: string }[] }[]>(
    "select claim_alert_notifications('{\"limit\": 10}', $1)",
    [clock.asOf()],
  );
  for (const { token, recipient, rows } of claimed) {
    const outcome = recipient === "b@test.net" ? "RETRY" : "SENT";
    const delivery = {
      token,
      message_id: crypto.randomUUID(),
      reported: rows.map(({ id }) => id),
      outcome,
      is_answered: true,
      duration_ms: 120,
    };
    await db.query("select record_alert_delivery($1, $2)", [delivery, clock.asOf()]);
  }
  const incident = await detail(ALIKE);
  assertObjectMatch(incident.notified.find(({ channel }) => channel === "dashboard") as object, {
    kind: "dashboard",
    status: "SENT",
    recipients_sent: 1,
    recipients_total: 1,
    duration_ms: 120,
  });
  assertObjectMatch(incident.notified.find(({ channel }) => channel === "mail") as object, {
    kind: "email",
    status: "PENDING",
    recipients_sent: 1,
    recipients_total: 2,
  });
  assertEquals(incident.escalates_to, { severity: "CRITICAL", channels: ["mail"] });
  await db.query(
    "insert into alert_silences (incident_id, starts_at, ends_at, created_by, reason) values ($1, $2, $3, 'a@test.net', 'deploy')",
    [
      incident.id,
      clock.asOf(),
      at("14:00"),
    ],
  );
  await evaluate();
  const silenced = await detail(ALIKE);
  assertObjectMatch(silenced, { muted_by: "SILENCE", escalates_at: null, escalates_to: null });
  assertObjectMatch(silenced.silence as object, { by: "a@test.net", reason: "deploy" });
  assertEquals(Date.parse(silenced.silence?.until ?? ""), Date.parse(at("14:00")));
});

Deno.test("health-overview has each incident in words, and each entity with its measure of freshness and its newest runs", async () => {
  const { run, get, good } = await setUp(ALIKE);
  const failed = await run("12:00", "FAILED", 10);
  const overview = SyncHealthResponse.parse(await get("/health-overview"));
  assertObjectMatch(overview.active_alerts[0] as object, {
    name: ALIKE,
    cause: "VIS answered HTTP 500: 10 of 10 tournaments",
    scope: "All syncs",
    tournament_no: null,
    affected: { count: 10, of: 10 },
    execution_id: failed,
    parent_id: null,
    muted_by: null,
    acknowledged_by: null,
    acknowledged_until: null,
  });
  const entity = overview.sync_entities.matches_schedule;
  assertObjectMatch(entity as object, { title: "Match Schedule", expected_within_ms: 20 * 60_000, last_duration_ms: 60_000 });
  assertEquals(entity?.recent_runs.map(({ id, status }) => `${id} ${status}`), [`${good} SUCCEEDED`, `${failed} FAILED`]);
});

Deno.test("each run that explains an incident names it, also after its evidence has a newer run", async () => {
  const { run, get, good } = await setUp(ALIKE);
  const failed = [await run("12:00", "FAILED", 10), await run("12:15", "PARTIAL", 8), await run("12:30", "PARTIAL", 7)];
  for (const id of failed) {
    const { incidents } = ExecutionDetailResponse.parse(await get(`/executions/${id}`));
    assertEquals(incidents.map(({ cause, scope }) => `${cause} (${scope})`), ["VIS answered HTTP 500: 7 of 10 tournaments (All syncs)"]);
  }
  assertEquals(ExecutionDetailResponse.parse(await get(`/executions/${good}`)).incidents, []);
});

Deno.test("every section of the runbook that an incident links to exists", async () => {
  const { runbookAnchorOf } = await import("../../services/incident-view.ts");
  const { ALERT_METRICS } = await import("../../types/alerts.ts");
  const runbook = await Deno.readTextFile(new URL("../../docs/runbook.md", import.meta.url));
  const sections = [...runbook.matchAll(/^## (.+)$/gm)].map(([, title = ""]) => title.toLowerCase().replaceAll(" ", "-"));
  for (const metric of Object.keys(ALERT_METRICS)) {
    for (const tournament_no of [null, "1"]) {
      const anchor = runbookAnchorOf({ metric, tournament_no } as Parameters<typeof runbookAnchorOf>[0], null);
      assert(anchor === null || sections.includes(anchor), `${metric}: ${anchor}`);
    }
  }
});

Deno.test.afterAll(() => db.close());
