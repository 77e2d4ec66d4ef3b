// Over 300 lines, because each rule and metric has a case.
import { assert, assertEquals, assertMatch, assertObjectMatch } from "@std/assert";
import { createApp as createProcessor } from "../../supabase/functions/sync-alert-processor/app.ts";
import { createChannels, createHeartbeat } from "../../supabase/functions/sync-alert-processor/notification-service.ts";
import { createApp as createMonitoring } from "../../supabase/functions/sync-monitoring/app.ts";
import { AlertDetailResponse, AlertListResponse } from "../../types/alerts.ts";
import { TestClock } from "../../testing/clock.ts";
import { openTestDatabase } from "../../testing/database.ts";
import { documented } from "../../testing/openapi.ts";
import { aNotification, aResult, aRun, aTournament, insert } from "../../testing/factories.ts";
import { aTransition } from "../../testing/alerts.ts";
import type { Transition } from "../../services/contract/alerts.ts";
import { messageItem } from "../../testing/messages.ts";
import { type Row, STATES } from "../../testing/rows.ts";
import { testEnv } from "../../testing/env.ts";

const db = await openTestDatabase();

async function setUp(now = "2026-06-10T12:03:00.000Z") {
  await db.query("update sync_status set is_active = entity_type <> 'matches_live', updated_at = now()");
  await db.reset();
  await db.query("truncate alert_incidents, alert_evaluations, alert_notifications, alert_silences, sync_jobs cascade");
  await db.query("delete from alert_rules where name like 'Test%'");
  await db.query("delete from notification_channels where name = 'letters'");
  await db.query("update alert_rules set is_active = true, broken_since = null, broken_reason = null");
  await db.query("update sync_status set last_attempt = $1, last_sync = $1", [now]);
  const clock = new TestClock(now);
  let background: Promise<unknown>[] = [];
  const channels = createChannels(testEnv(), clock);
  const beats: string[] = [];
  const heartbeat = createHeartbeat("https://heartbeat.test/ping", () => {}, (input) => {
    beats.push(String(input));
    return Promise.resolve(new Response());
  });
  const deps = {
    rpc: db.rpc,
    clock,
    log: () => {},
    env: testEnv(),
    channels,
    heartbeat,
    waitUntil: (work: Promise<unknown>) => background.push(work),
  };
  const processor = createProcessor(deps);
  const monitoring = documented(createMonitoring(deps));
  const evaluate = async () => {
    const response = await processor.fetch(
      new Request("http://functions.test/sync-alert-processor", {
        method: "POST",
        headers: { apikey: db.keys.secret },
        body: '{"cause":"cron"}',
      }),
    );
    assertEquals(response.status, 202);
    await Promise.all(background);
    background = [];
  };
  const get = (path: string) =>
    monitoring.fetch(new Request(`http://functions.test/sync-monitoring${path}`, { headers: { apikey: db.keys.secret } }));
  const incidents = () =>
    db.query<{ rule_name: string; state: string; severity: string; id: string; rule_id: string }>(
      "select id, rule_id, rule_name, state, severity from alert_incidents order by rule_name",
    );
  return { clock, evaluate, get, incidents, beats };
}
const evaluationOf = (transition: Transition) => ({ transitions: [transition], recovered: [], broken: [] });
const only = (name: string) => db.query("update alert_rules set is_active = name = $1", [name]);

/** Activates matches_live from a time before the test, with other changes. */
const activateLive = (changes: string) =>
  db.query(
    `update sync_status set is_active = true, function_name = 'match-live-sync', updated_at = '2026-06-01T00:00:00Z', ${changes}
    where entity_type = 'matches_live'`,
  );

/** Adds a tournament of today that was last read at a time, and a run at 11:45 that did not read it. */
async function aStaleTournament(synced_at: string): Promise<void> {
  const { no } = await aTournament(db);
  await db.query("insert into tournament_sync_state (tournament_no, synced_at, ttl) values ($1, $2, '15 minutes')", [no, synced_at]);
  await aRun(db, { execution_start: "2026-06-10T11:45:00Z" });
}

/** Rolls up nine quiet days of an indicator until 10:00; later events come from rows. */
const quietDays = async (indicator: string, events: number) => {
  await db.query(
    `insert into sync_indicators (indicator, entity_type, bucket, events, bad_events)
    select $1, 'matches_schedule', hour, $2, 0
    from generate_series(timestamptz '2026-06-01T10:00:00Z', '2026-06-10T09:00:00Z', '1 hour') hour`,
    [indicator, events],
  );
  await db.query("update private.indicator_rollup set rolled_until = '2026-06-10T10:00:00Z'");
};
const burning: Record<string, () => Promise<unknown>> = {
  "Tournament results": async () => {
    await quietDays("sync_success", 20);
    for (const time of ["11:00", "11:15", "11:30", "11:45", "12:00"]) {
      const run = await aRun(db, { execution_start: `2026-06-10T${time}:00Z`, status: "PARTIAL" });
      for (let failing = 0; failing < 8; failing++) {
        const { no } = await aTournament(db);
        await aResult(db, run, { tournament_no: no, error_type: "NETWORK", error_fingerprint: "down" });
      }
    }
  },
  // No run started since 10:00.
  "Match runs on time": () => quietDays("timeliness", 4),
  "Match data fresh": async () => {
    await quietDays("freshness", 60);
    await aTournament(db, { created_at: "2026-06-09T00:00:00Z" });
  },
};
const BURNS = Object.fromEntries(
  Object.entries(burning).flatMap(([name, cause]) => ["Burn Fast", "Burn", "Burn Slow"].map((rule) => [`${name} ${rule}`, cause])),
);

/** The canary of a channel without a mail server. */
async function aCanary(state: Row) {
  const channel = { name: "letters", kind: "email", config: { to: ["a@example.com"] }, canary_every: "1 day" };
  await insert(db, "notification_channels", channel);
  const at = "2026-06-10T11:59:00Z";
  return await insert(db, "channel_canaries", { channel: "letters", opened_at: at, stage_since: at, ...state });
}

/** The acts that meet the condition of each default rule at 12:03 UTC on 10 June 2026. */
const CAUSES: Record<string, () => Promise<unknown>> = {
  ...BURNS,
  "Tournament Sync Consecutive Failures": () =>
    db.query("update sync_status set consecutive_failures = 3 where entity_type = 'tournaments'"),
  "Match Schedule Consecutive Failures": () =>
    db.query("update sync_status set consecutive_failures = 3 where entity_type = 'matches_schedule'"),
  "Overall Sync Success Rate Drop": () =>
    Promise.all(
      [1, 2, 3, 4].map((hour) => aRun(db, { execution_start: `2026-06-10T0${hour}:00:00Z`, status: hour === 4 ? "FAILED" : "SUCCEEDED" })),
    ),
  "Live Matches Consecutive Failures": () => activateLive("consecutive_failures = 3"),
  "Live Matches Overdue": () => activateLive("last_attempt = '2026-06-10T12:01:00Z'"),
  "Live Matches Duration Exceeded": async () => {
    await activateLive("last_attempt = '2026-06-10T12:02:30Z'");
    await aRun(db, { entity_type: "matches_live", execution_start: "2026-06-10T12:02:00Z", execution_end: "2026-06-10T12:02:48Z" });
  },
  "Tournament Sync Duration Exceeded": () =>
    aRun(db, { entity_type: "tournaments", execution_start: "2026-06-10T12:00:00Z", execution_end: "2026-06-10T12:02:00Z" }),
  "Match Schedule Duration Exceeded": () =>
    aRun(db, {
      execution_start: "2026-06-10T11:57:00Z",
      status: "RUNNING",
      execution_end: null,
      heartbeat_at: "2026-06-10T12:02:59Z",
      lease_expires_at: "2026-06-10T12:03:59Z",
      deadline: "2026-06-10T12:07:00Z",
    }),
  "Memory Usage Exceeded": () => aRun(db, { execution_start: "2026-06-10T12:00:00Z", memory_usage_mb: 200 }),
  "Tournament Sync Overdue": () =>
    db.query("update sync_status set last_attempt = '2026-06-09T00:00:00Z' where entity_type = 'tournaments'"),
  "Match Schedule Overdue": () =>
    db.query("update sync_status set last_attempt = '2026-06-10T11:30:00Z' where entity_type = 'matches_schedule'"),
  "Tournaments Failing Alike": async () => {
    const run = await aRun(db, { execution_start: "2026-06-10T12:00:00Z", status: "PARTIAL" });
    for (let failing = 0; failing < 3; failing++) {
      const { no } = await aTournament(db);
      await aResult(db, run, { tournament_no: no, error_type: "NETWORK", error_fingerprint: "down" });
    }
  },
  "Replies Unconfirmed": () =>
    db.query(
      `insert into request_states (request, entity_type, held_at, look_at, warning, digest)
      values ('season 2026', 'tournaments', '2026-06-10T11:03:00Z', '2026-06-10T12:13:00Z', 'REPLY_SHRANK', '{}')`,
    ),
  "Match Schedule Tournament Failing": async () => {
    const { no } = await aTournament(db);
    for (const time of ["11:15", "11:30", "11:45"]) {
      const run = await aRun(db, { execution_start: `2026-06-10T${time}:00Z`, status: "PARTIAL" });
      await aResult(db, run, { tournament_no: no, error_type: "API", error_fingerprint: "own" });
    }
  },
  "Live Tournament Failing": async () => {
    const { no } = await aTournament(db);
    for (const time of ["11:30", "11:45"]) {
      const run = await aRun(db, { execution_start: `2026-06-10T${time}:00Z`, status: "PARTIAL" });
      await aResult(db, run, { tournament_no: no, error_type: "API", error_fingerprint: "own" });
    }
  },
  "Live Tournament Stale": () => aStaleTournament("2026-06-10T10:45:00Z"),
  "Tournament Stale": () => aStaleTournament("2026-06-10T05:30:00Z"),
  "API Fallback Excessive": () =>
    Promise.all([8, 9, 10, 11].map((hour) => {
      const execution_start = `2026-06-10T${String(hour).padStart(2, "0")}:00:00Z`;
      return aRun(db, { execution_start, api_calls: 10, api_fallbacks: hour === 8 ? 4 : 2 });
    })),
  "Records Collapse": async () => {
    const run = (day: number, records_read: number) =>
      aRun(db, { entity_type: "tournaments", execution_start: `2026-06-0${day}T00:00:00Z`, api_calls: 2, records_read });
    for (const day of [3, 4, 5, 6, 7]) await run(day, 700);
    await run(9, 350);
  },
  "Alert Rules Broken": () =>
    db.query(
      `update alert_rules set is_active = true, broken_since = '2026-06-10T12:02:00Z', broken_reason = 'interval out of range'
      where name = 'Memory Usage Exceeded'`,
    ),
  "Notifications Undelivered": () => aNotification(db, { ...STATES.alert_notifications.dead, first_failed_at: "2026-06-10T11:48:00Z" }),
  "Sync Queue Waiting": () =>
    db.query(
      `insert into sync_jobs (entity_type, priority, triggered_by, reason, max_attempts, enqueued_at, rank, not_before)
      values ('tournaments', 'NORMAL', 'operator@example.com', 'test', 3, '2026-06-10T11:33:00Z', '2026-06-10T12:03:00Z', '2026-06-10T11:33:00Z')`,
    ),
  "Channel Canary": () => aCanary({}),
  "Channel Not Proven": () => aCanary({ stage: "OUTBOX", failed_at: "2026-06-10T12:00:00Z", error: "example" }),
  "Alert Processor Late": () =>
    db.query("insert into alert_evaluations (evaluated_at, cause, rules, applied) values ('2026-06-10T11:58:00Z', 'cron', 0, 0)"),
};

Deno.test("each default rule fires when its condition is met, and none fires without a fault", async () => {
  const rules = (await db.query<{ name: string }>("select name from alert_rules where name not like 'Test%' order by name")).map((rule) =>
    rule.name
  );
  assertEquals(rules, Object.keys(CAUSES).sort());
  const healthy = await setUp();
  await aRun(db, { execution_start: "2026-06-10T12:00:00Z", memory_usage_mb: 60 });
  await healthy.evaluate();
  assertEquals(await healthy.incidents(), []);
  for (const name of rules) {
    const { evaluate, incidents } = await setUp();
    await only(name);
    await CAUSES[name]?.();
    const known = (await incidents()).map(({ id }) => id);
    await evaluate();
    const raised = (await incidents()).filter(({ id }) => !known.includes(id));
    assertEquals(raised.map((incident) => `${incident.rule_name} ${incident.state}`), [`${name} FIRING`]);
  }
});

Deno.test("an incident opens once, escalates without acknowledgement and resolves on recovery, and its timeline has each change", async () => {
  const { clock, evaluate, get, incidents } = await setUp();
  await only("Match Schedule Consecutive Failures");
  const bad = await aRun(db, { execution_start: "2026-06-10T12:00:00Z", status: "FAILED", status_reason: "all 2 steps failed" });
  await CAUSES["Match Schedule Consecutive Failures"]?.();
  for (let tick = 0; tick < 3; tick++) await evaluate();
  const [incident] = await incidents();
  assertEquals((await incidents()).length, 1);
  for (let minute = 0; minute < 31; minute++) {
    clock.advance(60_000);
    await evaluate();
  }
  assertObjectMatch((await incidents())[0] as object, { state: "FIRING", severity: "CRITICAL" });
  const overview = await (await get("/health-overview")).json();
  assertObjectMatch(overview.active_alerts[0], {
    id: incident?.id,
    rule_id: incident?.rule_id,
    name: "Match Schedule Consecutive Failures",
    severity: "CRITICAL",
    state: "FIRING",
  });
  await db.query("update sync_status set consecutive_failures = 0");
  clock.advance(60_000);
  await evaluate();
  const detail = AlertDetailResponse.parse(await (await get(`/alerts/${incident?.id}`)).json());
  assertEquals(detail.events.map((event) => `${event.from_state}>${event.to_state} ${event.severity}`), [
    "null>FIRING HIGH",
    "FIRING>FIRING CRITICAL",
    "FIRING>RESOLVED CRITICAL",
  ]);
  assertMatch(String(detail.events[2]?.reason), /recovered to 0 runs after 32 minutes/);
  assertEquals([detail.state, detail.downtime_ms, detail.evidence.execution_id], ["RESOLVED", 34 * 60_000, bad.id]);
  assertEquals((await (await get("/health-overview")).json()).active_alerts, []);
  await CAUSES["Match Schedule Consecutive Failures"]?.();
  await evaluate();
  assertEquals((await incidents()).length, 2, "the same failure after the resolution opens a new incident");
});

Deno.test("an incident of a rule with for is PENDING first, and is deleted if it recovers before it fires", async () => {
  const { clock, evaluate, incidents } = await setUp();
  await only("Match Schedule Consecutive Failures");
  await db.query("update alert_rules set for_duration = '5 minutes' where is_active");
  const fail = CAUSES["Match Schedule Consecutive Failures"] as () => Promise<unknown>;
  await fail();
  await evaluate();
  assertEquals((await incidents())[0]?.state, "PENDING");
  await db.query("update sync_status set consecutive_failures = 0");
  await evaluate();
  assertEquals(await incidents(), []);
  await fail();
  for (let minute = 0; minute <= 5; minute++) {
    await evaluate();
    clock.advance(60_000);
  }
  assertEquals((await incidents())[0]?.state, "FIRING");
  await db.query("update alert_rules set for_duration = '0' where is_active");
});

Deno.test("the threshold of an entity overrides that of the rule, a paused entity is not measured, and an unknown value changes nothing", async () => {
  const { evaluate, incidents } = await setUp();
  await only("Match Schedule Consecutive Failures");
  await db.query("update sync_status set consecutive_failures = 3, alert_threshold_failures = 5 where entity_type = 'matches_schedule'");
  await evaluate();
  assertEquals(await incidents(), []);
  await db.query("update sync_status set consecutive_failures = 5 where entity_type = 'matches_schedule'");
  await evaluate();
  assertEquals((await incidents()).length, 1);
  await db.query(
    "update sync_status set consecutive_failures = 0, paused_at = now(), paused_by = 'a@example.com' where entity_type = 'matches_schedule'",
  );
  await evaluate();
  assertEquals((await incidents())[0]?.state, "FIRING");
});

Deno.test("of two transitions decided on the same version one is applied", async () => {
  const { clock, evaluate, incidents } = await setUp();
  await only("Match Schedule Consecutive Failures");
  await CAUSES["Match Schedule Consecutive Failures"]?.();
  await Promise.all([evaluate(), evaluate(), evaluate()]);
  assertEquals((await incidents()).length, 1);
  assertEquals(Number(await db.value("select count(*) from alert_events")), 1);
  const [incident] = await db.query<{ incident_id: string; version: number; rule_id: string }>(
    "select id as incident_id, version, rule_id from alert_incidents",
  );
  const transition = aTransition({ ...incident, from_state: "FIRING", to_state: "RESOLVED" });
  const apply = () => db.value("select apply_alert_transitions($1, $2)", [evaluationOf(transition), clock.asOf()]);
  assertEquals([await apply(), await apply()], [1, 0]);
  assertEquals(Number(await db.value("select count(*) from alert_events where to_state = 'RESOLVED'")), 1);
});

for (
  const [meanwhile, state, change, decided] of [
    ["another evaluator escalated it", "FIRING", { to_state: "FIRING", severity: "CRITICAL" }, { to_state: "RESOLVED" }],
    ["another evaluator fired it", "PENDING", { to_state: "FIRING" }, { to_state: "DISCARDED" }],
    ["a person acknowledged it", "FIRING", "acknowledge", { to_state: "FIRING", severity: "CRITICAL" }],
    ["a person unacknowledged it", "ACKNOWLEDGED", "unacknowledge", { to_state: "RESOLVED" }],
  ] as const
) {
  Deno.test(`a change of an incident to ${decided.to_state} is refused when ${meanwhile} after the decision`, async () => {
    const { clock } = await setUp();
    const [incident] = await db.query<{ id: string; version: number }>(
      `insert into alert_incidents (rule_name, metric, entity_type, state, severity, threshold, message, began_at, opened_at, fired_at, updated_at, acknowledged_by)
      values ('R', 'error_rate', 'tournaments', $1::text, 'HIGH', 1, 'm', $2, $2, case when $1::text <> 'PENDING' then $2::timestamptz end, $2,
        case when $1::text = 'ACKNOWLEDGED' then 'x' end) returning id, version`,
      [state, "2026-06-10T12:00:00Z"],
    );
    const apply = (changes: Partial<Transition>) => {
      const notifications = [{ channel: "dashboard", recipient: "", kind: "ESCALATED" as const, reason: "r" }];
      const decidedOn = { incident_id: incident?.id ?? null, version: incident?.version ?? null, from_state: state, notifications };
      return db.value("select apply_alert_transitions($1, $2)", [evaluationOf(aTransition({ ...decidedOn, ...changes })), clock.asOf()]);
    };
    if (typeof change === "string") {
      const actor = { name: "operator@example.com", role: "operator" };
      await db.query("select change_alert_incident($1, $2)", [{ id: incident?.id, action: change, actor }, clock.asOf()]);
    } else assertEquals(await apply(change), 1);
    const stored = () =>
      Promise.all(["alert_incidents", "alert_events", "alert_notifications"].map((table) => db.query(`select * from ${table}`)));
    const before = await stored();
    assertEquals(await apply(decided), 0);
    assertEquals(await stored(), before);
  });
}

Deno.test("each metric equals the value that SQL computes from the rows", async () => {
  const { clock } = await setUp();
  for (let run = 0; run < 30; run++) {
    await aRun(db, {
      execution_start: new Date(clock.now() - run * 5 * 60_000 - 1).toISOString(),
      execution_end: new Date(clock.now() - run * 5 * 60_000 + run * 100).toISOString(),
      status: run % 6 === 5 ? "FAILED" : "SUCCEEDED",
      tournament_no: run % 7 === 6 ? "1" : null,
      memory_usage_mb: 50 + run,
      cache_hits: run,
      cache_misses: 2,
      api_calls: 3,
      api_response_ms_total: 30 * run,
      records_read: run === 0 ? 10 : 120,
    });
  }
  for (const day of [1, 2, 3, 4, 5]) await aRun(db, { execution_start: `2026-06-0${day + 3}T00:00:00Z`, api_calls: 3, records_read: 120 });
  await db.query(
    `insert into sync_error_log (entity_type, error_type, error_code, error_severity, retryable, error_message, fingerprint, occurred_at)
    select 'matches_schedule', case i % 2 when 0 then 'API' else 'NETWORK' end, 'X', 'LOW', true, 'x', 'x', $1::timestamptz - i * interval '7 minutes' from generate_series(0, 19) i`,
    [clock.asOf()],
  );
  const metrics = [
    "success_rate",
    "duration_exceeded",
    "memory_usage",
    "cache_hit_ratio",
    "api_response_time",
    "error_rate",
    "records_collapse",
    "stuck_execution",
  ];
  for (const metric of metrics) {
    await db.query(
      "insert into alert_rules (name, entity_type, metric, threshold, evaluation_window, severity, error_type) values ($1, 'matches_schedule', $2, 1, '1 hour', 'LOW', $3)",
      [`Test ${metric}`, metric, metric === "error_rate" ? "API" : null],
    );
  }
  const measured = await db.value<{ measurements: { rule_name: string; value: number; runs: number }[] }>(
    "select measure_alert_rules($1)",
    [clock.asOf()],
  );
  const value = (metric: string) => measured.measurements.find(({ rule_name }) => rule_name === `Test ${metric}`)?.value;
  const [sql] = await db.query<Record<string, number>>(
    `
    select avg((status = 'SUCCEEDED')::int)::float8 as rate, finished.*,
      (sum(cache_hits)::float8 / sum(cache_hits + cache_misses)) as hits, (sum(api_response_ms_total)::float8 / sum(api_calls)) as ms, count(*)::int as runs,
      (select count(*)::int from sync_error_log where error_type = 'API' and occurred_at > $1::timestamptz - interval '1 hour') as errors
    from sync_execution_history cross join (
      select max(extract(epoch from execution_end - execution_start))::float8 as seconds, max(memory_usage_mb) as memory
      from sync_execution_history where tournament_no is null and execution_end > $1::timestamptz - interval '1 hour'
    ) finished
    where tournament_no is null and execution_start > $1::timestamptz - interval '1 hour' group by seconds, memory`,
    [clock.asOf()],
  );
  const close = (actual: number | undefined, expected: number | undefined) =>
    assert(Math.abs((actual ?? NaN) - (expected ?? NaN)) < 1e-6, `${actual} and ${expected}`);
  close(value("success_rate"), sql?.rate);
  close(value("duration_exceeded"), sql?.seconds);
  close(value("memory_usage"), sql?.memory);
  close(value("cache_hit_ratio"), sql?.hits);
  close(value("api_response_time"), sql?.ms);
  close(value("error_rate"), (sql?.errors ?? 0) / (sql?.runs ?? 1));
  close(value("records_collapse"), 1 - 10 / 120);
  close(value("stuck_execution"), 0);
});

const recordsDrop = (entity: string, at: string) =>
  db.value<number | null>("select private.records_collapse($1, array(select e from sync_status e), $2)::float", [entity, at]);

Deno.test("the drop in records compares the last full run that made a request with at least five of the week before", async () => {
  const { clock } = await setUp();
  const drop = () => recordsDrop("matches_schedule", clock.asOf());
  const run = (day: number, row: Record<string, unknown>) =>
    aRun(db, { execution_start: `2026-06-${String(day).padStart(2, "0")}T09:00:00Z`, api_calls: 2, records_read: 100, ...row });
  await run(10, { records_read: 20 });
  await run(1, {});
  for (const day of [3, 4, 5, 6]) await run(day, {});
  await run(7, { api_calls: 0, records_read: 0 });
  await run(7, { tournament_no: "1" });
  await run(7, { status: "FAILED" });
  await aRun(db, { execution_start: "2026-06-09T10:00:00Z", api_calls: 2, records_read: 100 });
  assertEquals(await drop(), null);
  await run(8, { records_read: 120 });
  assertEquals([await drop(), await recordsDrop("all", clock.asOf()), await recordsDrop("tournaments", clock.asOf())], [0.8, 0.8, null]);
  await db.query("update sync_status set runs_during_play = true where entity_type = 'matches_schedule'");
  assertEquals([await drop(), await recordsDrop("all", clock.asOf())], [0.8, null], "replies with only what changed");
  await db.query("update sync_status set runs_during_play = false where entity_type = 'matches_schedule'");
  await db.query("update sync_status set paused_at = now(), paused_by = 'x' where entity_type = 'matches_schedule'");
  assertEquals(await drop(), null);
});

for (const [entity, hours] of [["tournaments", 24], ["matches_schedule", 1]] as const) {
  Deno.test(`a collapse of ${entity}, with a run every ${hours} hours, is a drop for 4 days, and after 5 days it is usual`, async () => {
    await setUp();
    const at = (day: number, hour = 0) => new Date(Date.parse("2026-06-10T00:00:00Z") + day * 86_400_000 + hour * 3_600_000).toISOString();
    const run = (start: string, records_read: number) =>
      aRun(db, { entity_type: entity, execution_start: start, api_calls: 2, records_read });
    for (let day = -9; day < 0; day++) for (let hour = 0; hour < 24; hour += hours) await run(at(day, hour), 700);
    const drops: unknown[] = [];
    for (let day = 0; day <= 5; day++) {
      for (let hour = 0; hour < 24; hour += hours) await run(at(day, hour), 0);
      // A run counts from its end on.
      drops.push(await recordsDrop(entity, at(day, 0.1)));
    }
    assertEquals(drops, [1, 1, 1, 1, 1, 0]);
    await run(at(5, 23.5), 700);
    assertEquals(await recordsDrop(entity, at(5, 23.9)), 0);
  });
}

for (
  const [what, row, expected] of [
    ["that failed since 12:01", { attempts: 1, first_failed_at: "2026-06-10T12:01:00Z" }, 120],
    ["that is being sent again", { ...STATES.alert_notifications.sending, attempts: 2, first_failed_at: "2026-06-10T12:01:00Z" }, 120],
    ["that was never attempted", { attempts: 0 }, 0],
    ["that was sent at the fifth attempt", { ...STATES.alert_notifications.sent, attempts: 5, first_failed_at: "2026-06-10T12:01:00Z" }, 0],
    ["that is DEAD since its first attempt", STATES.alert_notifications.dead, 180],
    ["that is DEAD after three days", { ...STATES.alert_notifications.dead, first_failed_at: "2026-06-07T12:03:00Z" }, 3 * 86_400],
    ["that a person discarded", STATES.alert_notifications.discarded, 0],
    ["that a newer state replaced", { ...STATES.alert_notifications.superseded, attempts: 1 }, 0],
  ] as [string, Record<string, unknown>, number][]
) {
  Deno.test(`a notification of a firing incident ${what} is undelivered for ${expected} seconds`, async () => {
    const { clock } = await setUp();
    await db.query("update alert_rules set is_active = metric = 'undelivered_age'");
    await aNotification(db, { created_at: "2026-06-10T12:00:00Z", ...row });
    const { measurements } = await db.value<{ measurements: { value: number }[] }>("select measure_alert_rules($1)", [clock.asOf()]);
    assertEquals(measurements.map(({ value }) => value), [expected]);
  });
}

Deno.test("the table refuses invalid rules", async () => {
  await setUp();
  const refuses = async (columns: string, values: string, check: string) => {
    const sql =
      `insert into alert_rules (name, entity_type, evaluation_window, severity, ${columns}) values ('Test x', 'all', '1 hour', 'LOW', ${values})`;
    assertMatch(await db.query(sql).then(() => "written", (error: Error) => error.message), new RegExp(check), values);
  };
  await refuses("metric, threshold", "'luck', 1", "metric_is_known");
  await refuses("metric, threshold", "'success_rate', 95", "threshold_is_within_its_metric");
  await refuses("metric, threshold", "'memory_usage', -1", "threshold_is_within_its_metric");
  await refuses("metric, threshold, for_duration", "'memory_usage', 1, '-1 hour'", "for_is_within_limits");
  await refuses("metric, threshold, error_type", "'memory_usage', 1, 'API'", "error_type_has_its_metric");
});

Deno.test("alerts are listed newest first, filtered and paged, and an invalid filter is refused with its name", async () => {
  const { get } = await setUp();
  const [rule] = await db.query<{ id: string }>("select id from alert_rules limit 1");
  for (let incident = 0; incident < 7; incident++) {
    await db.query(
      `insert into alert_incidents (rule_id, rule_name, metric, entity_type, state, severity, threshold, message, began_at, opened_at, fired_at, resolved_at, updated_at)
      values ($1, 'R', 'memory_usage', $2, $3, $4, 1, 'm', $5, $5, $5, $6, $5)`,
      [
        rule?.id,
        incident % 2 ? "tournaments" : "all",
        incident === 6 ? "FIRING" : "RESOLVED",
        incident < 3 ? "LOW" : "HIGH",
        `2026-06-0${1 + (incident >> 1)}T00:00:00Z`,
        incident === 6 ? null : "2026-06-09T00:00:00Z",
      ],
    );
  }
  const page = async (query: string) => AlertListResponse.parse(await (await get(`/alerts?${query}`)).json());
  const all = (await page("")).alerts.map((alert) => alert.id);
  assertEquals(all.length, 7);
  const paged: string[] = [];
  for (let next: string | null = ""; next !== null;) {
    const { alerts, next_cursor }: { alerts: { id: string }[]; next_cursor: string | null } = await page(
      `limit=2${next ? `&cursor=${encodeURIComponent(next)}` : ""}`,
    );
    paged.push(...alerts.map((alert) => alert.id));
    next = next_cursor;
  }
  assertEquals(paged, all);
  assertEquals((await page("state=FIRING")).alerts.length, 1);
  assertEquals((await page("severity=LOW&entity=all")).alerts.length, 2);
  for (
    const [query, field] of [
      ["state=DISCARDED", "state"],
      ["severity=low", "severity"],
      ["limit=0", "limit"],
      ["limit=many", "limit"],
      ["cursor=e30=", "cursor"],
      ["entity=a';--", "entity"],
      ["colour=red", "colour"],
    ] as const
  ) {
    const response = await get(`/alerts?${query}`);
    assertEquals(response.status, 400, query);
    assertEquals((await response.json()).details[0].field, field);
  }
  assertEquals((await get("/alerts/00000000-0000-4000-8000-000000000009")).status, 404);
  assertEquals((await get("/alerts/nine")).status, 400);
});

Deno.test("a missing or failing heartbeat URL is no error, and the log does not contain it", async () => {
  const lines: string[] = [];
  const log = (_level: string, event: string, fields?: object) => lines.push(JSON.stringify({ event, ...fields }));
  await createHeartbeat(undefined, log)();
  await createHeartbeat("https://heartbeat.test/secret", log, () => Promise.reject(new Error("https://heartbeat.test/secret")))();
  await createHeartbeat("https://heartbeat.test/secret", log, () => Promise.resolve(new Response("", { status: 500 })))();
  assertEquals(lines, ['{"event":"heartbeat_not_answered"}', '{"event":"heartbeat_refused","status":500}']);
});

Deno.test("each evaluation is recorded with its cause, and a successful one calls the heartbeat URL", async () => {
  const { evaluate, beats } = await setUp();
  await evaluate();
  assertEquals(beats, ["https://heartbeat.test/ping"]);
  assertObjectMatch((await db.query("select cause, rules, applied from alert_evaluations"))[0] as object, {
    cause: "cron",
    rules: 30,
    applied: 0,
  });
});

Deno.test("after a failed evaluation the due notifications are sent, and the heartbeat URL is not called", async () => {
  const { clock, evaluate, beats } = await setUp();
  await aNotification(db, { created_at: clock.asOf(), item: messageItem() });
  await db.query("alter function public.apply_alert_transitions rename to broken");
  try {
    await evaluate();
  } finally {
    await db.query("alter function public.broken rename to apply_alert_transitions");
  }
  assertEquals(await db.value("select status from alert_notifications"), "SENT");
  assertEquals(beats, []);
});

Deno.test.afterAll(() => db.close());
