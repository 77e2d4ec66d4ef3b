import { assert, assertEquals, assertObjectMatch, assertStringIncludes } from "@std/assert";
import { createApp } from "../../supabase/functions/sync-monitoring/app.ts";
import { badge } from "../../supabase/functions/sync-monitoring/badge.ts";
import { readSystemStatus } from "../../supabase/functions/sync-monitoring/system-status.ts";
import type { Rpc } from "../../services/rpc.ts";
import { AlertListResponse } from "../../types/alerts.ts";
import {
  ErrorAnalyticsResponse,
  MetricsResponse,
  PerformanceHistoryResponse,
  SyncStatisticsResponse,
  SystemStatusResponse,
} from "../../types/history.ts";
import { TestClock } from "../../testing/clock.ts";
import { openTestDatabase } from "../../testing/database.ts";
import { testEnv } from "../../testing/env.ts";
import { aNotification, aRun, insert } from "../../testing/factories.ts";
import { STATES, VALID_ROWS } from "../../testing/rows.ts";

const db = await openTestDatabase();
const NOW = "2026-06-10T12:00:00.000Z";
const TOKEN = "a-token-for-scrapes-of-thirty-two-bytes";
const env = testEnv({ PROMETHEUS_TOKEN: TOKEN });
const app = createApp({ rpc: db.rpc, clock: new TestClock(NOW), log: () => {}, env });
const viewer = await db.token("viewer");
const get = (path: string, token = viewer) =>
  app.fetch(new Request(`http://functions.test/sync-monitoring${path}`, { headers: { authorization: `Bearer ${token}` } }));
const component = async (name: string) =>
  SystemStatusResponse.parse(await (await get("/system-status")).json()).components.find((part) => part.name === name);

/** Adds two finished runs of matches_schedule, and one in progress. */
async function setUp(): Promise<void> {
  await db.reset();
  await db.query("truncate alert_incidents, alert_evaluations, alert_notifications, notification_destinations, sync_jobs cascade");
  await db.query("delete from notification_channels where name <> 'dashboard'");
  const counters = { records_read: 9, records_inserted: 5, records_unchanged: 2, records_rejected: 2 };
  await aRun(db, {
    ...counters,
    execution_start: "2026-06-10T10:00:00Z",
    api_calls: 4,
    api_errors: 1,
    api_response_ms_total: 800,
    cache_hits: 3,
    cache_misses: 1,
    api_retries: 1,
    api_full_reads: 1,
    api_xml_replies: 1,
    api_unchanged_replies: 2,
    api_fallbacks: 2,
    api_bytes: 4_000,
    api_bytes_saved: 1_000,
    database_calls: 12,
    memory_usage_mb: 120,
    error_count: 1,
  });
  await aRun(db, { execution_start: "2026-06-10T11:00:00Z", status: "FAILED", memory_usage_mb: 90, error_count: 2 });
  await insert(db, "sync_execution_history", {
    ...VALID_ROWS.sync_execution_history,
    ...STATES.sync_execution_history.running,
    entity_type: "matches_schedule",
    execution_start: "2026-06-10T11:59:00Z",
  });
  await db.query(
    "update sync_status set last_memory_usage = 150, consecutive_failures = 2, last_sync = $1, last_attempt = $2, paused_at = $2, paused_by = 'x' where entity_type = 'matches_schedule'",
    ["2026-06-10T10:00:00Z", "2026-06-10T11:59:00Z"],
  );
}
const incident = (row: Record<string, unknown>) => insert(db, "alert_incidents", { ...VALID_ROWS.alert_incidents, rule_id: null, ...row });
const notification = async (row: Record<string, unknown>) => {
  const { id } = await incident(STATES.alert_incidents.resolved);
  return await aNotification(db, { incident_id: id, created_at: "2026-06-10T11:00:00Z", ...row });
};
const job = (minutes: number) => {
  const enqueued = new Date(Date.parse(NOW) - minutes * 60_000).toISOString();
  return insert(db, "sync_jobs", {
    ...VALID_ROWS.sync_jobs,
    priority: "HIGH",
    enqueued_at: enqueued,
    rank: enqueued,
    not_before: enqueued,
  });
};

Deno.test("a scrape has the value of every gauge and counter of known rows, in the unit of its name", async () => {
  await setUp();
  await incident({ severity: "HIGH", state: "FIRING" });
  await incident({ severity: "LOW", ...STATES.alert_incidents.acknowledged });
  await incident({ severity: "LOW", ...STATES.alert_incidents.resolved });
  await notification(STATES.alert_notifications.dead);
  await notification({ ...STATES.alert_notifications.dead, created_at: "2026-06-09T11:59:59Z" });
  await job(5);
  await db.query("update upstream_state set backoff_until = '2026-06-10T12:01:00Z', backoff_reason = '403'");
  await db.query("insert into alert_evaluations (evaluated_at, cause, rules, applied) values ('2026-06-10T11:59:30Z', 'cron', 0, 0)");
  const lines = (await (await get("/prometheus", TOKEN)).text()).split("\n");
  const entity = '{entity_type="matches_schedule"}';
  for (
    const [sample, value] of [
      ['sync_runs_total{entity_type="matches_schedule",status="succeeded"}', 1],
      ['sync_runs_total{entity_type="matches_schedule",status="failed"}', 1],
      [`sync_run_duration_seconds_sum${entity}`, 120],
      [`sync_run_duration_seconds_count${entity}`, 2],
      [`sync_records_processed_total${entity}`, 7],
      [`sync_records_rejected_total${entity}`, 2],
      [`sync_api_calls_total${entity}`, 4],
      [`sync_api_errors_total${entity}`, 1],
      [`sync_api_fallbacks_total${entity}`, 2],
      [`sync_api_retries_total${entity}`, 1],
      [`sync_api_full_reads_total${entity}`, 1],
      [`sync_api_xml_replies_total${entity}`, 1],
      [`sync_api_unchanged_replies_total${entity}`, 2],
      [`sync_api_bytes_total${entity}`, 4_000],
      [`sync_api_bytes_saved_total${entity}`, 1_000],
      [`sync_cache_hits_total${entity}`, 3],
      [`sync_cache_misses_total${entity}`, 1],
      [`sync_database_calls_total${entity}`, 12],
      [`sync_errors_total${entity}`, 3],
      [`sync_consecutive_failures${entity}`, 2],
      [`sync_last_success_timestamp_seconds${entity}`, Date.parse("2026-06-10T10:00:00Z") / 1000],
      [`sync_overdue_seconds${entity}`, 0],
      ['sync_overdue_seconds{entity_type="tournaments"}', Date.parse(NOW) / 1000 - Date.parse("2026-06-02T00:15:00Z") / 1000],
      [`sync_running${entity}`, 1],
      ['sync_running{entity_type="tournaments"}', 0],
      [`sync_paused${entity}`, 1],
      ['sync_paused{entity_type="tournaments"}', 0],
      [`sync_last_memory_bytes${entity}`, 150 * 1024 * 1024],
      ['sync_incidents{severity="high",state="firing"}', 1],
      ['sync_incidents{severity="low",state="acknowledged"}', 1],
      ["sync_alert_evaluation_timestamp_seconds", Date.parse("2026-06-10T11:59:30Z") / 1000],
      ["sync_notifications_dead", 1],
      ["sync_upstream_backoff", 1],
      ['sync_queue_jobs{priority="high"}', 1],
      ['sync_queue_jobs{priority="normal"}', 0],
      ["sync_queue_running", 0],
      // No job can start during the backoff.
      ["sync_queue_oldest_wait_seconds", 0],
    ] as const
  ) {
    const found = lines.filter((line) => line.startsWith(`${sample} `)).map((line) => Number(line.split(" ").at(-1)));
    assertEquals(found, [value], sample);
  }
});

Deno.test("a scrape has the wait of the oldest job that can start, and the age of the oldest state that an active channel did not deliver", async () => {
  await setUp();
  await db.query("update upstream_state set backoff_until = null, backoff_reason = null, backoff_fingerprint = null");
  const [wait, age] = ["sync_queue_oldest_wait_seconds", "sync_notifications_undelivered_seconds"];
  const ages = async () => {
    const lines = (await (await get("/prometheus", TOKEN)).text()).split("\n");
    return [wait, age].map((name) => Number(lines.find((line) => line.startsWith(`${name} `))?.split(" ").at(-1)));
  };
  assertEquals(await ages(), [0, 0]);
  await job(5);
  await insert(db, "notification_channels", { ...VALID_ROWS.notification_channels, name: "off", is_active: false });
  await notification({ attempts: 1, channel: "off", created_at: "2026-06-10T09:00:00Z" });
  await notification({ created_at: "2026-06-10T10:00:00Z" });
  assertEquals(await ages(), [300, 0], "an inactive channel delivers nothing, and the other state was not tried yet");
  await notification({ attempts: 1, first_failed_at: "2026-06-10T11:30:00Z" });
  await notification({ attempts: 2, first_failed_at: "2026-06-10T11:40:00Z" });
  await db.query("update sync_status set paused_at = $1, paused_by = 'x' where entity_type = 'tournaments'", [NOW]);
  assertEquals(await ages(), [0, 1_800], "a job of a paused entity cannot start");
});

Deno.test("a scrape counts the active channels whose last canary failed", async () => {
  await setUp();
  await db.query("delete from channel_canaries");
  const canary = async (channel: string, opened_at: string, state: Record<string, unknown>) =>
    await insert(db, "channel_canaries", { ...VALID_ROWS.channel_canaries, channel, opened_at, stage_since: opened_at, ...state });
  const { failed, proven } = STATES.channel_canaries;
  for (const [name, is_active] of [["lost", true], ["found", true], ["off", false]] as const) {
    await insert(db, "notification_channels", { ...STATES.notification_channels.slack, name, is_active, canary_every: "1 day" });
    await canary(name, "2026-06-08T08:00:00Z", failed);
  }
  await canary("found", "2026-06-09T08:00:00Z", proven);
  const lines = (await (await get("/prometheus", TOKEN)).text()).split("\n");
  assertEquals(lines.filter((line) => line.startsWith("sync_channels_not_proven ")), ["sync_channels_not_proven 1"]);
});

Deno.test("the database has its connections in use and their limit, or the reason why they are unknown", async () => {
  await setUp();
  const found = await component("database");
  const message = found?.message, { in_use, limit, reason } = found?.evidence.connections as Record<string, unknown>;
  if (Deno.env.get("TEST_DATABASE_URL")) {
    const settings = "select current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int";
    assertEquals([limit, reason, message], [await db.value(settings), null, `schema version 15; ${in_use} of ${limit} connections in use`]);
    assert(Number(in_use) >= 1 && Number(in_use) <= Number(limit), `${in_use} of ${limit}`);
  } else {
    assertEquals([in_use, limit, reason], [null, null, "the embedded database has one session"]);
    assertEquals(message, "schema version 15; connections are unknown: the embedded database has one session");
  }
});

for (const [in_use, status] of [[89, "OK"], [90, "DEGRADED"]] as const) {
  Deno.test(`a database with ${in_use} of 100 connections in use is ${status}`, async () => {
    await setUp();
    const facts = await db.rpc("get_system_facts", { as_of: NOW });
    const rpc = () => Promise.resolve({ ...facts, database: { size_bytes: 1, connections: { in_use, limit: 100, reason: null } } });
    const { components } = await readSystemStatus(rpc as Rpc, new TestClock(NOW));
    assertEquals(components.find(({ name }) => name === "database")?.status, status);
  });
}

Deno.test("the runs of the last hour are counted by their outcome, and those of the last 24 hours beside them", async () => {
  await setUp();
  await db.query("truncate sync_execution_history cascade");
  await aRun(db, { execution_start: "2026-06-10T11:30:00Z", status: "FAILED" });
  await aRun(db, { execution_start: "2026-06-10T11:40:00Z", status: "PARTIAL" });
  await aRun(db, { execution_start: "2026-06-10T11:50:00Z", status: "CANCELLED" });
  await aRun(db, { execution_start: "2026-06-10T11:00:00Z", status: "TIMED_OUT" });
  await aRun(db, { execution_start: "2026-06-09T12:00:00Z", status: "FAILED" });
  const { runs } = await db.rpc("get_system_facts", { as_of: NOW });
  assertEquals(runs, { hour: { finished: 2, failed: 1 }, day: { finished: 3, failed: 2 } });
});

const NONE = { finished: 0, failed: 0 };
for (
  const [hour, day, status, message] of [
    [{ finished: 4, failed: 4 }, { finished: 90, failed: 4 }, "FAILED", "every run of the last hour failed"],
    [{ finished: 1, failed: 1 }, { finished: 90, failed: 4 }, "FAILED", "the only run of the last hour failed"],
    [{ finished: 4, failed: 2 }, { finished: 90, failed: 2 }, "DEGRADED", "2 of 4 runs of the last hour failed"],
    [{ finished: 4, failed: 1 }, { finished: 90, failed: 1 }, "OK", "1 of 4 runs of the last hour failed"],
    [{ finished: 4, failed: 0 }, { finished: 90, failed: 3 }, "OK", "no run of the last hour failed"],
    [NONE, { finished: 3, failed: 3 }, "FAILED", "every run of the last 24 hours failed"],
    [NONE, NONE, "UNKNOWN", "no run finished in the last 24 hours"],
  ] as const
) {
  Deno.test(`the system status of the runs is ${status} when ${message}, and its summary says so`, async () => {
    await setUp();
    const facts = await db.rpc("get_system_facts", { as_of: NOW });
    const rpc = () => Promise.resolve({ ...facts, runs: { hour, day } });
    const answer = await readSystemStatus(rpc as Rpc, new TestClock(NOW));
    const found = answer.components.find(({ kind }) => kind === "runs");
    assertEquals([found?.status, found?.message], [status, message]);
    assert(answer.summary.includes(`${message.charAt(0).toUpperCase()}${message.slice(1)}.`), answer.summary);
    if (status === "FAILED") assertEquals(answer.status, "FAILED");
  });
}

Deno.test("the metrics of known rows are the means, ratios and counts that their names say", async () => {
  await setUp();
  await incident({ state: "FIRING", escalated_at: "2026-06-10T11:00:00Z" });
  await incident({ state: "FIRING", escalated_at: "2026-06-09T11:59:59Z" });
  const resolved = STATES.alert_incidents.resolved;
  await incident({ ...resolved, began_at: "2026-06-10T09:00:00Z", resolved_at: "2026-06-10T10:00:00Z" });
  await incident({
    ...resolved,
    began_at: "2026-05-01T09:00:00Z",
    opened_at: "2026-05-01T09:00:00Z",
    fired_at: "2026-05-01T09:00:00Z",
    resolved_at: "2026-05-02T10:00:00Z",
  });
  await insert(db, "sync_error_log", { ...VALID_ROWS.sync_error_log, error_severity: "CRITICAL", occurred_at: "2026-06-10T11:00:00Z" });
  await insert(db, "sync_error_log", { ...VALID_ROWS.sync_error_log, error_severity: "CRITICAL", occurred_at: "2026-06-09T12:00:00Z" });
  const { monitoring, performance, score_parts } = MetricsResponse.parse(await (await get("/metrics")).json());
  assertObjectMatch(monitoring, {
    tournamentSyncSuccessRate: null,
    matchScheduleSyncSuccessRate: 0.5,
    successRateByEntity: { matches_schedule: 0.5 },
    averageSyncDuration: 60_000,
    peakMemoryUsage: 120,
    apiCallVolumeReduction: 0.2,
    errorRateByType: { API: 0.5 },
    consecutiveFailureCount: 2,
    criticalErrorCount: 1,
    activeAlerts: 2,
    alertEscalationCount: 1,
    meanTimeToResolution: 3_600_000,
  });
  assertEquals(performance, {
    cacheHitRatio: 0.75,
    averageResponseTime: 200,
    apiCallReduction: 0.428571,
    apiFallbackRatio: 0.5,
    databaseCalls: 12,
    errorRate: 0.25,
    syncJobSuccessRate: 0.5,
  });
  // Only `tournaments` is not paused, and it is overdue.
  assertEquals(score_parts.map(({ name, value, weight }) => [name, value, weight]), [
    ["success_rate", 0.5, 0.5],
    ["on_time", 0, 0.3],
    ["upstream_calls", 0.75, 0.1],
    ["quiet", 1 / 3, 0.1],
  ]);
});

Deno.test("the entity of a read of a period excludes the runs and errors of the others", async () => {
  await setUp();
  await aRun(db, { entity_type: "tournaments", execution_start: "2026-06-10T09:00:00Z", records_read: 40, records_inserted: 40 });
  for (const [entity_type, fingerprint] of [["tournaments", "a"], ["matches_schedule", "a"], ["matches_schedule", "b"]]) {
    await insert(db, "sync_error_log", { ...VALID_ROWS.sync_error_log, entity_type, fingerprint, occurred_at: "2026-06-10T11:00:00Z" });
  }
  for (
    const [entity, runs, records, errors, groups] of [
      ["tournaments", 1, 40, 1, ["a 1"]],
      ["matches_schedule", 2, 7, 2, ["a 1", "b 1"]],
      ["", 3, 47, 3, ["a 2", "b 1"]],
    ] as const
  ) {
    const read = async (path: string) => await (await get(`/${path}?period=24h${entity && `&entity=${entity}`}`)).json();
    const { aggregated_metrics, data_points } = PerformanceHistoryResponse.parse(await read("performance-history"));
    assertEquals([aggregated_metrics.runs, aggregated_metrics.records_processed], [runs, records]);
    assertEquals(data_points.reduce((sum, point) => sum + point.runs, 0), runs);
    const { statistics } = SyncStatisticsResponse.parse(await read("sync-statistics"));
    const entities = entity ? [entity] : ["matches_schedule", "tournaments"];
    assertEquals(statistics.map(({ entity_type }) => entity_type), [null, ...entities]);
    assertEquals(statistics[0]?.current?.runs, runs);
    const analytics = ErrorAnalyticsResponse.parse(await read("error-analytics"));
    assertEquals([analytics.total, Object.keys(analytics.by_entity).sort()], [errors, [...entities]]);
    assertEquals(analytics.trend.reduce((sum, { count }) => sum + count, 0), errors);
    assertEquals(analytics.groups.map(({ fingerprint, count }) => `${fingerprint} ${count}`), [...groups]);
  }
});

Deno.test("the mean times are those of the incidents of an entity that fired and opened in the last 30 days", async () => {
  await setUp();
  const times = {
    ...STATES.alert_incidents.resolved,
    began_at: "2026-06-10T08:50:00Z",
    opened_at: "2026-06-10T09:00:00Z",
    notified_at: "2026-06-10T09:01:00Z",
    acknowledged_at: "2026-06-10T09:11:00Z",
    resolved_at: "2026-06-10T10:00:00Z",
  };
  await incident(times);
  await incident({ ...times, opened_at: "2026-05-11T12:00:00Z", began_at: "2026-05-01T00:00:00Z", fired_at: "2026-05-11T12:00:00Z" });
  await incident(STATES.alert_incidents.pending);
  await incident({ ...times, entity_type: "matches_schedule", acknowledged_at: null, resolved_at: "2026-06-10T11:00:00Z" });
  const meanTimes = async (query: string) => AlertListResponse.parse(await (await get(`/alerts${query}`)).json()).mean_times;
  const minute = 60_000;
  assertEquals(await meanTimes("?entity=tournaments"), {
    incidents: 1,
    detect_ms: 11 * minute,
    acknowledge_ms: 10 * minute,
    resolve_ms: 70 * minute,
  });
  assertEquals(await meanTimes(""), { incidents: 2, detect_ms: 11 * minute, acknowledge_ms: 10 * minute, resolve_ms: 100 * minute });
});

for (
  const [what, rows, name, status, words] of [
    ["without a notification", [], "dashboard", "OK", "no notification was sent yet"],
    [
      "with a dead notification",
      [{ ...STATES.alert_notifications.dead, last_error: "gone" }],
      "dashboard",
      "FAILED",
      "1 dead notification in the last 24 hours: gone",
    ],
    [
      "with a dead notification of yesterday",
      [{ ...STATES.alert_notifications.dead, created_at: "2026-06-09T12:00:00Z" }],
      "dashboard",
      "OK",
      "no notification was sent yet",
    ],
    [
      "with a failing notification",
      [{ attempts: 1, last_error: "no answer" }],
      "dashboard",
      "DEGRADED",
      "1 undelivered notification: no answer",
    ],
    ["with a waiting notification", [{}], "dashboard", "OK", "no notification was sent yet"],
  ] as [string, Record<string, unknown>[], string, string, string][]
) {
  Deno.test(`the system status of a channel ${what} is ${status}`, async () => {
    await setUp();
    for (const row of rows) await notification(row);
    const found = await component(name);
    assertEquals(found?.status, status);
    assertStringIncludes(found?.message ?? "", words);
  });
}

Deno.test("the system status of a channel with a delivery says that notifications are delivered", async () => {
  await setUp();
  await db.query("insert into notification_destinations (channel, recipient, last_sent_at) values ('dashboard', 'dashboard', $1)", [NOW]);
  assertEquals((await component("dashboard"))?.message, "notifications are delivered");
});

Deno.test("the system status of the queue is DEGRADED after a wait of more than 30 minutes", async () => {
  await setUp();
  await job(30);
  assertEquals((await component("queue"))?.status, "OK");
  await job(31);
  assertEquals((await component("queue"))?.status, "DEGRADED");
});

Deno.test("the system status of the audit log is DEGRADED with more than 100 rows without a seal", async () => {
  await setUp();
  const add = (rows: number) =>
    db.query(
      "select private.audit('{\"name\": \"a\", \"role\": \"b\"}', 'test-act', 'thing', 'x', null, '{}', null, $1) from generate_series(1, $2)",
      [
        NOW,
        rows,
      ],
    );
  await add(100);
  assertEquals((await component("audit"))?.status, "OK");
  await add(1);
  assertObjectMatch(await component("audit") as object, { status: "DEGRADED", message: "101 rows are not sealed" });
});

Deno.test("a badge has the colour of its status: green, amber or red", () => {
  const fillOf = (svg: string) => [...svg.matchAll(/fill="(#\w{6})"/g)].at(-1)?.[1];
  assertEquals((["HEALTHY", "WARNING", "CRITICAL"] as const).map((status) => fillOf(badge("all", status))), [
    "#2e7d32",
    "#b26a00",
    "#c62828",
  ]);
});

Deno.test.afterAll(() => db.close());
