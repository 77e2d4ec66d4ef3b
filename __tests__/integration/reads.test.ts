// Over 300 lines, because each read is compared with its own query.
import { assert, assertEquals, assertObjectMatch, assertRejects } from "@std/assert";
import { AppError } from "../../services/errors.ts";
import { createApp as createAdmin } from "../../supabase/functions/sync-admin/app.ts";
import { createApp } from "../../supabase/functions/sync-monitoring/app.ts";
import {
  ErrorAnalyticsResponse,
  ErrorListResponse,
  ExecutionDetailResponse,
  ExecutionListResponse,
  MetricsResponse,
  PerformanceHistoryResponse,
  PERIODS,
  SyncStatisticsResponse,
  SystemStatusResponse,
  TournamentDetailResponse,
  TournamentListResponse,
} from "../../types/history.ts";
import { openTestDatabase } from "../../testing/database.ts";
import { documented } from "../../testing/openapi.ts";
import { aResult, aRun, aTournament, insert } from "../../testing/factories.ts";
import { NO_PROMTOOL, promtool } from "../../testing/promtool.ts";
import { seeded } from "../../testing/random.ts";
import { VALID_ROWS } from "../../testing/rows.ts";
import { testEnv } from "../../testing/env.ts";
import { createSyncHarness } from "../../testing/sync-harness.ts";

const db = await openTestDatabase();
const NOW = "2026-06-10T12:07:30.000Z";
const harness = createSyncHarness(db, { start: NOW });
const TOKENS = { PROMETHEUS_TOKEN: "a-token-for-scrapes-of-thirty-two-bytes", BADGE_TOKEN: "a-token-for-badges-of-thirty-two-bytes" };
const app = documented(createApp({ rpc: db.rpc, clock: harness.clock, log: () => {}, env: testEnv(TOKENS) }));
const viewer = await db.token("viewer");

async function get(path: string, headers: Record<string, string> = { authorization: `Bearer ${viewer}` }) {
  const response = await app.fetch(new Request(`http://functions.test/sync-monitoring${path}`, { headers }));
  return { status: response.status, body: await response.json() };
}

/** Inserts 400 days of runs of two entities at a tenth of the usual density, and rolls them up with the function of the product. */
async function aYear(): Promise<void> {
  await db.reset();
  await db.query("truncate alert_incidents, alert_notifications, sync_jobs cascade");
  await db.query("update alert_rules set is_active = false");
  await db.query("update sync_status set created_at = '2025-01-01T00:00:00Z'");
  const random = seeded(5);
  const rows: object[] = [];
  const end = Date.parse(NOW);
  for (let at = end - 400 * 86_400_000; at < end - 60_000; at += (at > end - 3 * 86_400_000 ? 15 : 600) * 60_000 * (0.7 + random() * 0.6)) {
    const pick = random();
    const status = pick < 0.05
      ? "FAILED"
      : pick < 0.08
      ? "PARTIAL"
      : pick < 0.09
      ? "TIMED_OUT"
      : pick < 0.1
      ? "CANCELLED"
      : pick < 0.11
      ? "SKIPPED"
      : "SUCCEEDED";
    rows.push({
      entity_type: random() < 0.2 ? "tournaments" : "matches_schedule",
      tournament_no: random() < 0.1 ? "1" : null,
      trigger: random() < 0.85 ? "CRON" : "MANUAL",
      status,
      start: new Date(at).toISOString(),
      seconds: status === "SKIPPED" ? 0 : 5 + random() * 120,
      failed: status === "PARTIAL" ? 2 : 0,
      memory: Math.round(40 + random() * 150),
      errors: status === "SUCCEEDED" ? 0 : 1,
      calls: Math.round(random() * 40),
      records: Math.round(random() * 500),
    });
  }
  await db.query(
    `insert into sync_execution_history (entity_type, tournament_no, trigger, status, execution_start, execution_end, tournaments_processed, tournaments_failed,
        memory_usage_mb, error_count, api_calls, api_response_ms_total, records_read, records_inserted, cache_hits, cache_misses)
      select r.entity_type, r.tournament_no, r.trigger, r.status, r.start, r.start + make_interval(secs => r.seconds), 10, r.failed, r.memory, r.errors, r.calls,
        r.calls * 100, r.records, r.records, r.calls, 3
      from jsonb_to_recordset($1) as r (entity_type text, tournament_no text, trigger text, status text, start timestamptz, seconds float8, failed int, memory int,
        errors int, calls int, records int)`,
    [rows],
  );
  await db.query("select private.roll_up(array(select id from sync_execution_history))");
}
await aYear();

const RATE =
  "avg(case status when 'SUCCEEDED' then 1 when 'PARTIAL' then 1 - coalesce(tournaments_failed::numeric / nullif(tournaments_processed, 0), 0) when 'FAILED' then 0 when 'TIMED_OUT' then 0 end) filter (where tournament_no is null)";
const SECONDS = "extract(epoch from execution_end - execution_start) * 1000";
const COUNTED = "status in ('SUCCEEDED', 'PARTIAL', 'FAILED', 'TIMED_OUT') and tournament_no is null";
/** The end of a window that includes the moment. */
const after = (moment: string): string => new Date(Date.parse(moment) + 1).toISOString();
const near = (actual: number | null, expected: unknown, tolerance: number, what: string) => {
  if (actual === null || expected === null) return assertEquals(actual, expected, what);
  assert(Math.abs(actual - Number(expected)) <= tolerance * Math.max(1, Math.abs(Number(expected))), `${what}: ${actual} and ${expected}`);
};

for (const period of Object.keys(PERIODS) as (keyof typeof PERIODS)[]) {
  for (const entity of [undefined, "matches_schedule"]) {
    Deno.test(`performance-history of ${period} for ${entity ?? "all"} is evenly spaced and equals a query over the runs`, async () => {
      const { body } = await get(`/performance-history?period=${period}${entity ? `&entity=${entity}` : ""}`);
      const history = PerformanceHistoryResponse.parse(body);
      const points = history.data_points;
      points.forEach((point, index) =>
        assertEquals(Date.parse(point.timestamp), Date.parse(history.from) + index * history.step_ms, "evenly spaced")
      );
      assertEquals(Date.parse(history.from) + points.length * history.step_ms, Date.parse(history.until));
      assert(points.length <= 750 && Date.parse(history.until) > Date.parse(NOW));
      const where = `execution_start >= $1 and execution_start < $2 ${entity ? "and entity_type = 'matches_schedule'" : ""}`;
      const figures =
        `count(*)::int as runs, ${RATE} as rate, avg(${SECONDS}) filter (where ${COUNTED}) as duration, coalesce(sum(records_processed), 0)::int as records,
        max(memory_usage_mb) as memory, coalesce(sum(error_count), 0)::int as errors,
        percentile_disc(0.5) within group (order by ${SECONDS}) filter (where ${COUNTED}) as p50,
        percentile_disc(0.95) within group (order by ${SECONDS}) filter (where ${COUNTED}) as p95`;
      const sql = async (from: string, until: string) =>
        (await db.query<Record<string, number | null>>(`select ${figures} from sync_execution_history where ${where}`, [from, until]))[0] ??
          {};
      const isExact = ["1h", "6h"].includes(period);
      const { aggregated_metrics: all } = history;
      const total = await sql(all.from, after(all.until));
      assertEquals([all.runs, all.records_processed, all.error_count, all.peak_memory_mb], [
        total.runs,
        total.records,
        total.errors,
        total.memory,
      ]);
      near(all.success_rate, total.rate, 1e-5, "rate");
      near(all.average_duration_ms, total.duration, 1e-3, "average");
      near(all.p50_duration_ms, total.p50, 0.05, "p50");
      near(all.p95_duration_ms, total.p95, 0.05, "p95");
      // The loop checks every bucket of a short period, and 40 buckets of a long one.
      for (let index = 0; index < points.length; index += Math.ceil(points.length / 40)) {
        const point = points[index];
        if (!point) continue;
        const expected = await sql(point.timestamp, new Date(Date.parse(point.timestamp) + history.step_ms).toISOString());
        assertEquals(
          [point.runs, point.memory_usage_mb, point.records_processed ?? 0],
          [expected.runs, expected.memory, expected.records],
          point.timestamp,
        );
        near(point.success_rate, expected.rate, 1e-5, "rate");
        near(point.p95_duration_ms, entity ? expected.p95 : null, isExact ? 1e-3 : 0.05, "p95");
      }
    });
  }
}

Deno.test("an empty bucket is present, its figures are null, and it counts the missed runs", async () => {
  await db.query(
    "delete from sync_execution_history where execution_start > '2026-06-10T10:00:00Z' and execution_start < '2026-06-10T11:00:00Z'",
  );
  await db.query("select private.rebuild_metrics('2026-06-10T00:00:00Z', $1)", [NOW]);
  const { body } = await get("/performance-history?period=24h&entity=matches_schedule");
  const gap = PerformanceHistoryResponse.parse(body).data_points.filter(({ timestamp }) =>
    timestamp >= "2026-06-10T10:00" && timestamp < "2026-06-10T11:00"
  );
  assertEquals(
    gap.map((
      { runs, success_rate, duration_ms, records_processed, runs_missed },
    ) => [runs, success_rate, duration_ms, records_processed, runs_missed]),
    Array.from({ length: 4 }, () => [0, null, null, null, 1]),
  );
});

Deno.test("a run that starts when it is due is not missed, in buckets of any width", async () => {
  await db.reset();
  await db.query("update sync_status set created_at = '2026-06-01T00:00:00Z'");
  const dues = Array.from({ length: 100 }, (_, index) => Date.parse("2026-06-10T12:00:00Z") - index * 900_000);
  for (const due of dues) {
    if (due !== Date.parse("2026-06-10T11:30:00Z")) await aRun(db, { execution_start: new Date(due + 400).toISOString() });
  }
  for (const period of ["1h", "6h", "24h"]) {
    const { body } = await get(`/performance-history?period=${period}&entity=matches_schedule`);
    const missed = PerformanceHistoryResponse.parse(body).data_points.filter(({ runs_missed }) => runs_missed);
    assertEquals(missed.map(({ timestamp, runs_missed }) => [Date.parse(timestamp), runs_missed]), [[
      Date.parse("2026-06-10T11:30:00Z"),
      1,
    ]], period);
  }
  await aYear();
});

Deno.test("a read does not depend on the time zone of its session, over a change of the clocks", async () => {
  const reads = {
    "get_performance_history($1, $2)": { span: "365 days", step: "1 day" },
    "get_sync_statistics($1, $2)": { span: "90 days" },
    "get_error_analytics($1, $2)": { span: "90 days", step: "1 day" },
  };
  // Summer time begins in Berlin on 29 March 2026.
  for (const [call, p] of Object.entries(reads)) {
    const [utc, berlin] = await Promise.all(["UTC", "Europe/Berlin"].map(async (zone) => {
      const [row] = await db.query<{ answer: unknown }>(`select set_config('timezone', $3, true), ${call} as answer`, [p, NOW, zone]);
      const moment = /"(\d{4}-\d\d-\d\dT[\d:.]+[+-]\d\d:\d\d)"/g;
      return JSON.stringify(row?.answer).replace(moment, (_all, text) => `"${Date.parse(text)}"`);
    }));
    assertEquals(berlin, utc, call);
  }
});

Deno.test("sync-statistics equal a query for all entities and for each, also for the period before", async () => {
  const { from, until, previous_from, statistics } = SyncStatisticsResponse.parse((await get("/sync-statistics?period=24h")).body);
  for (const { entity_type, current, previous } of statistics) {
    for (const [figures, since, end] of [[current, from, after(until)], [previous, previous_from, from]] as const) {
      const [row] = await db.query<Record<string, number | null>>(
        `select count(*)::int as runs, count(*) filter (where status = 'FAILED')::int as failed, ${RATE} as rate, sum(records_processed)::int as records,
          sum(api_calls)::int as calls, count(*) filter (where trigger = 'MANUAL')::int as manual,
          percentile_disc(0.95) within group (order by ${SECONDS}) filter (where ${COUNTED}) as p95
        from sync_execution_history where execution_start >= $1 and execution_start < $2 and ($3::text is null or entity_type = $3)`,
        [since, end, entity_type],
      );
      assert(figures && row);
      assertEquals(
        [figures.runs, figures.failed, figures.records_processed, figures.api_calls, figures.by_trigger.MANUAL],
        [row.runs, row.failed, row.records, row.calls, row.manual],
      );
      near(figures.success_rate, row.rate ?? null, 1e-5, "rate");
      near(figures.p95_duration_ms, row.p95 ?? null, 0.05, "p95");
    }
  }
  assertEquals(statistics.map(({ entity_type }) => entity_type), [null, "matches_schedule", "tournaments"]);
});

Deno.test("error-analytics counts errors by type, severity and fingerprint, with trend, regressions and the time to resolve", async () => {
  await db.query("truncate sync_error_log");
  await db.query(
    `insert into sync_error_log (entity_type, tournament_no, error_type, error_code, error_severity, retryable, error_message, fingerprint, occurred_at, resolved_at)
    select 'matches_schedule', case when i % 3 = 0 then (i % 5)::text end, case when i % 2 = 0 then 'API' else 'NETWORK' end, 'C' || i % 4, case when i % 7 = 0 then 'HIGH' else 'LOW' end, true,
      'm' || i % 4, 'f' || i % 4, $1::timestamptz - i * interval '20 minutes', case when i % 4 = 1 and i > 40 then $1::timestamptz - i * interval '20 minutes' + interval '10 minutes' end
    from generate_series(1, 71) i`,
    [NOW],
  );
  const analytics = ErrorAnalyticsResponse.parse((await get("/error-analytics?period=24h")).body);
  assertEquals([analytics.total, analytics.by_type.API, analytics.by_type.NETWORK, analytics.by_severity.HIGH], [71, 35, 36, 10]);
  assertEquals(analytics.trend.reduce((sum, { count }) => sum + count, 0), 71);
  assertEquals(analytics.groups.map(({ fingerprint, count }) => `${fingerprint} ${count}`), ["f1 18", "f2 18", "f3 18", "f0 17"]);
  assertEquals(analytics.groups.map(({ is_regression }) => is_regression), [true, false, false, false]);
  assertObjectMatch(analytics.resolution_ms, { count: 8, average: 600_000, p95: 600_000 });
  // The fingerprint f1 has an error every 80 minutes, and the parts are about an hour long.
  assertEquals(analytics.groups[0]?.trend.join(""), "011101110111101110111011");
  for (
    const [filter, total, groups] of [
      ["type=API", 35, ["f2 18", "f0 17"]],
      ["code=C1", 18, ["f1 18"]],
      ["fingerprint=f2", 18, ["f2 18"]],
      ["severity=HIGH", 10, ["f2 3", "f3 3", "f0 2", "f1 2"]],
      ["resolved=true", 8, ["f1 8"]],
      ["code=C1&resolved=false&severity=LOW", 9, ["f1 9"]],
    ] as const
  ) {
    const filtered = ErrorAnalyticsResponse.parse((await get(`/error-analytics?period=24h&${filter}`)).body);
    const found = filtered.groups.map(({ fingerprint, count }) => `${fingerprint} ${count}`);
    assertEquals([filter, filtered.total, found, filtered.trend.reduce((sum, { count }) => sum + count, 0)], [
      filter,
      total,
      groups,
      total,
    ]);
    assertEquals(filtered.groups.flatMap(({ trend }) => trend).reduce((sum, count) => sum + count, 0), total);
  }
  const tooLong = await get("/error-analytics?period=1y");
  assertEquals([tooLong.status, tooLong.body.message], [400, "period: errors are kept for 90 days; choose a shorter period"]);
  const seen: string[] = [];
  for (let cursor: string | null = ""; cursor !== null;) {
    const page: { errors: { id: string }[]; next_cursor: string | null } = ErrorListResponse.parse(
      (await get(`/errors?limit=30&type=NETWORK${cursor && `&cursor=${encodeURIComponent(cursor)}`}`)).body,
    );
    seen.push(...page.errors.map(({ id }) => id));
    cursor = page.next_cursor;
  }
  assertEquals([seen.length, new Set(seen).size], [36, 36]);
  assertEquals(ErrorListResponse.parse((await get("/errors?resolved=true")).body).errors.length, 8);
  const admin = createAdmin({ rpc: db.rpc, clock: harness.clock, log: () => {}, env: testEnv(), waitUntil: () => {} });
  const resolve = async (id: string | undefined, body: object) => {
    const request = { method: "POST", headers: { authorization: `Bearer ${await db.token("operator")}` }, body: JSON.stringify(body) };
    const response = await admin.fetch(new Request(`http://functions.test/sync-admin/errors/${id}/resolve`, request));
    return { status: response.status, body: await response.json() };
  };
  const [open] = ErrorListResponse.parse((await get("/errors?fingerprint=f2&resolved=false")).body).errors;
  assertEquals((await resolve(open?.id, { group: true, note: "fixed upstream" })).body, { resolved: 18 });
  assertEquals((await resolve(open?.id, {})).body, { resolved: 0 });
  assertEquals((await resolve(crypto.randomUUID(), {})).status, 404);
});

Deno.test("an error of a list has the name of its tournament, and without a tournament none", async () => {
  await db.query("truncate sync_error_log");
  const { no } = await insert(db, "tournaments", { ...VALID_ROWS.tournaments, no: "9901", name: "Gstaad", gender: 1 });
  for (const tournament_no of [no, "9902", null]) await insert(db, "sync_error_log", { ...VALID_ROWS.sync_error_log, tournament_no });
  const { errors } = ErrorListResponse.parse((await get("/errors")).body);
  const names = Object.fromEntries(errors.map(({ tournament_no, tournament }) => [tournament_no ?? "none", tournament]));
  assertEquals(names.none, null);
  assertObjectMatch(names, { 9901: { no: "9901", name: "Gstaad", gender: "WOMEN" }, 9902: { no: "9902", name: null, gender: null } });
});

Deno.test("a page of errors reads an index for every filter and every cursor", async () => {
  await db.query("truncate sync_error_log");
  await db.query(
    `insert into sync_error_log (entity_type, tournament_no, error_type, error_code, error_severity, retryable, error_message, fingerprint, occurred_at)
    select 'matches_schedule', (i % 500)::text, 'API', 'C', 'LOW', true, 'a message of some length', 'f' || i % 40, $1::timestamptz - i * interval '1 minute'
    from generate_series(1, 20000) i
    union all
    select 'tournaments', '600', 'AUTH', 'C', 'CRITICAL', true, 'm', 'rare', $1::timestamptz - interval '10 days'`,
    [NOW],
  );
  await db.query("analyze sync_error_log");
  const pages = async (p: object) => {
    const [row] = await db.query<Record<string, unknown>>("explain (analyze, buffers, format json) select list_errors($1)", [{
      limit: 51,
      ...p,
    }]);
    const [plan] = row?.["QUERY PLAN"] as [{ Plan: Record<string, number> }];
    return Number(plan.Plan["Shared Hit Blocks"]) + Number(plan.Plan["Shared Read Blocks"]);
  };
  const table = await db.value<number>("select pg_relation_size('sync_error_log')::int / 8192");
  for (
    const p of [
      {},
      { entity_type: "tournaments" },
      { error_type: "AUTH" },
      { severity: "CRITICAL" },
      { tournament_no: "600" },
      { tournament_no: "7" },
      { fingerprint: "rare" },
      { fingerprint: "f7" },
      { is_resolved: "true" },
      { is_resolved: "false" },
      { before_at: "2026-05-30T00:00:00Z", before_id: crypto.randomUUID() },
      { from: "2026-05-29T00:00:00Z", to: "2026-05-30T00:00:00Z" },
    ]
  ) {
    await pages(p);
    const read = await pages(p);
    assert(read < table / 2, `${JSON.stringify(p)} reads ${read} of ${table} pages`);
  }
});

Deno.test("runs are listed by filter and page, and a run shows its tournaments, errors, job and incidents", async () => {
  const all = (await db.query<{ id: string }>(
    "select id from sync_execution_history where status = 'FAILED' and entity_type = 'matches_schedule' order by execution_start desc, id desc",
  )).map(({ id }) => id);
  const seen: string[] = [];
  for (let cursor: string | null = ""; cursor !== null;) {
    const page: { executions: { id: string }[]; next_cursor: string | null } = ExecutionListResponse.parse(
      (await get(`/executions?limit=20&status=FAILED&entity=matches_schedule${cursor && `&cursor=${encodeURIComponent(cursor)}`}`)).body,
    );
    seen.push(...page.executions.map(({ id }) => id));
    cursor = page.next_cursor;
  }
  assertEquals(seen, all);
  const { no } = await aTournament(db, { name: "Example Open" });
  const run = await aRun(db, { execution_start: "2026-06-10T12:01:00Z", status: "PARTIAL" });
  await aResult(db, run, { tournament_no: no, error_type: "API", error_message: "no" });
  await db.query(
    "insert into sync_error_log (sync_execution_id, entity_type, tournament_no, error_type, error_code, error_severity, retryable, error_message, fingerprint, occurred_at) values ($1, 'matches_schedule', $2, 'API', 'VIS_NO_DATA', 'LOW', false, 'no', 'x', '2026-06-10T12:01:30Z')",
    [run.id, no],
  );
  await db.query(
    "insert into alert_incidents (rule_name, metric, entity_type, state, severity, threshold, message, evidence, began_at, opened_at, fired_at, updated_at) values ('R', 'error_rate', 'matches_schedule', 'FIRING', 'LOW', 1, 'm', jsonb_build_object('execution_id', $1::text), $2, $2, $2, $2)",
    [run.id, "2026-06-10T12:03:00Z"],
  );
  const detail = ExecutionDetailResponse.parse((await get(`/executions/${run.id}`)).body);
  assertObjectMatch(detail.tournaments[0] as object, { tournament_no: no, name: "Example Open", success: false, error_type: "API" });
  assertEquals([detail.errors.length, detail.incidents.length, detail.job, detail.duration_ms], [1, 1, null, 60_000]);
  assertEquals((await get(`/executions/${crypto.randomUUID()}`)).status, 404);
  await db.query("truncate alert_incidents cascade");
});

Deno.test("tournaments show freshness, streak and last error, the failing ones first", async () => {
  const [well, bad] = [await aTournament(db, { name: "Well" }), await aTournament(db, { name: "Bad" })];
  for (const [index, time] of ["11:15", "11:30", "11:45", "12:00"].entries()) {
    const run = await aRun(db, { execution_start: `2026-06-10T${time}:00Z` });
    await aResult(db, run, { tournament_no: well.no });
    await aResult(db, run, {
      tournament_no: bad.no,
      ...(index ? { error_type: "API", error_message: `bad ${index}` } : {}),
    });
  }
  await db.query(
    "insert into tournament_sync_state (tournament_no, synced_at, ttl) values ($1, '2026-06-10T12:00:00Z', '15 minutes'), ($2, '2026-06-10T11:15:00Z', '15 minutes') on conflict (tournament_no) do update set synced_at = excluded.synced_at, ttl = excluded.ttl",
    [well.no, bad.no],
  );
  const { tournaments } = TournamentListResponse.parse((await get("/tournaments")).body);
  const found = (name: string) => tournaments.find((tournament) => tournament.name === name);
  assertObjectMatch(found("Bad") as object, {
    failing_streak: 3,
    success_rate: 0.25,
    last_error: "bad 3",
    last_error_type: "API",
    ttl_left_ms: -2_250_000,
  });
  assertObjectMatch(found("Well") as object, { failing_streak: 0, success_rate: 1, last_error: null, ttl_left_ms: 450_000 });
  assert(tournaments.findIndex(({ name }) => name === "Bad") < tournaments.findIndex(({ name }) => name === "Well"));
  assertEquals(TournamentListResponse.parse((await get("/tournaments?search=bad&failing=true")).body).tournaments.map(({ name }) => name), [
    "Bad",
  ]);
  const searched = async (search: string) =>
    TournamentListResponse.parse((await get(`/tournaments?search=${encodeURIComponent(search)}`)).body).tournaments.map(({ name }) => name);
  assertEquals([await searched("BAD"), await searched("%"), await searched("b_d")], [["Bad"], [], []], "% and _ are characters");
  assertEquals([await searched(String(bad.no)), await searched(String(bad.no).slice(1))], [["Bad"], []], "a number is searched whole");
  const listed = async (failing: boolean) =>
    TournamentListResponse.parse((await get(`/tournaments?failing=${failing}&limit=200`)).body).tournaments.map(({ name }) => name);
  assertEquals([(await listed(true)).includes("Bad"), (await listed(true)).includes("Well")], [true, false]);
  assertEquals([(await listed(false)).includes("Bad"), (await listed(false)).includes("Well")], [false, true]);
  assertEquals(TournamentDetailResponse.parse((await get(`/tournaments/${bad.no}`)).body).history.map(({ success }) => success), [
    false,
    false,
    false,
    true,
  ]);
  assertEquals((await get("/tournaments/999999")).status, 404);
});

Deno.test("the rate of a tournament covers its last 50 kept results; its streak and last error outlive retention", async () => {
  const { no } = await aTournament(db, { name: "Long" });
  for (let index = 0; index < 60; index++) {
    const run = await aRun(db, { execution_start: new Date(Date.parse("2026-06-01T00:00:00Z") + index * 900_000).toISOString() });
    // The first two results fail, then every fifteenth: 15, 30 and 45 are among the last 50.
    const success = index % 15 > 0 && index > 1;
    await aResult(db, run, { tournament_no: no, ...(success ? {} : { error_type: "API", error_message: `bad ${index}` }) });
  }
  const shown = async () => TournamentListResponse.parse((await get("/tournaments?search=Long")).body).tournaments[0];
  const before = await shown();
  assertObjectMatch(before as object, { results: 50, success_rate: 0.94, failing_streak: 0, last_error: "bad 45" });
  // The first 50 of the 60 runs are pruned.
  await db.query("delete from sync_execution_history where execution_start < '2026-06-01T12:30:00Z'");
  assertEquals<unknown>(await shown(), { ...before, results: 10, success_rate: 1 });
  const again = await aRun(db, { execution_start: "2026-06-01T16:00:00Z" });
  await aResult(db, again, { tournament_no: no, error_type: "API", error_message: "bad again" });
  assertObjectMatch(await shown() as object, { results: 11, success_rate: 0.909091, failing_streak: 1, last_error: "bad again" });
});

Deno.test("metrics equal a query over the runs, and the health score is the weighted mean of its parts", async () => {
  const { monitoring, performance, score_parts } = MetricsResponse.parse((await get("/metrics")).body);
  const [row] = await db.query<Record<string, number>>(
    `select ${RATE} as rate, sum(cache_hits)::float8 / sum(cache_hits + cache_misses) as hits from sync_execution_history
    where execution_start > $1::timestamptz - interval '24 hours' and execution_start <= $1`,
    [NOW],
  );
  near(performance.syncJobSuccessRate, row?.rate ?? null, 1e-5, "rate");
  near(performance.cacheHitRatio, row?.hits ?? null, 1e-5, "hits");
  const known = score_parts.filter((part) => part.value !== null);
  const score = 100 * known.reduce((sum, { value, weight }) => sum + (value ?? 0) * weight, 0) /
    known.reduce((sum, { weight }) => sum + weight, 0);
  near(monitoring.overallSyncHealthScore, score, 1e-9, "score");
});

Deno.test("system-status judges each component and shows when the alert processor last ran", async () => {
  await db.query("truncate alert_evaluations");
  const component = async (name: string) =>
    SystemStatusResponse.parse((await get("/system-status")).body).components.find((component) => component.name === name);
  assertObjectMatch(await component("sync-alert-processor") as object, { status: "FAILED", message: "the rules were never evaluated" });
  await db.query(
    "insert into alert_evaluations (evaluated_at, cause, rules, applied) values ($1::timestamptz - interval '30 seconds', 'cron', 0, 0)",
    [NOW],
  );
  assertObjectMatch(await component("sync-alert-processor") as object, { status: "OK", message: "the rules were evaluated 30 s ago" });
  assertObjectMatch(await component("vis") as object, { status: "OK" });
  await db.query("update upstream_state set backoff_until = $1::timestamptz + interval '5 minutes', backoff_reason = '403'", [NOW]);
  assertObjectMatch(await component("vis") as object, { status: "DEGRADED" });
});

const ROUTES = [
  "/performance-history",
  "/sync-statistics",
  "/error-analytics",
  "/errors",
  "/executions",
  "/tournaments",
  "/metrics",
  "/system-status",
  "/openapi.json",
  "/executions/00000000-0000-4000-8000-000000000001",
  "/tournaments/1",
];
Deno.test("each read needs a viewer or the secret key, and names an invalid filter", async () => {
  for (const route of ROUTES) {
    assertEquals((await get(route, {})).status, 401, route);
    assertEquals((await get(route, { authorization: `Bearer ${await db.token(null)}` })).status, 403, route);
    assertEquals((await get(route, { authorization: `Bearer ${await db.token("viewer", { expires: "-1h" })}` })).status, 401, route);
    assert([200, 404].includes((await get(route, { apikey: db.keys.secret })).status), route);
  }
  for (
    const [path, field] of [
      ["/performance-history?period=2h", "period"],
      ["/performance-history?entity=A;", "entity"],
      ["/sync-statistics?colour=red", "colour"],
      ["/executions?status=DONE", "status"],
      ["/executions?from=yesterday", "from"],
      ["/errors?type=LUCK", "type"],
      ["/errors?cursor=x", "cursor"],
      ["/tournaments?failing=perhaps", "failing"],
      ["/tournaments/abc", "no"],
      ["/executions/abc", "id"],
      ["/system-status?x=1", "x"],
    ] as const
  ) {
    const { status, body } = await get(path);
    assertEquals([status, body.details?.[0]?.field], [400, field], path);
  }
});

Deno.test("openapi.json describes every read with the schemas of its validation", async () => {
  const { body } = await get("/openapi.json");
  assertEquals(body.openapi, "3.1.0");
  const paths = Object.keys(body.paths).map((path) => path.replace("/sync-monitoring", ""));
  for (const route of ["/health-overview", "/performance-history", "/executions/{id}", "/tournaments/{no}", "/alerts", "/system-status"]) {
    assert(paths.includes(route), `${route} of ${paths}`);
  }
});

/** The reads that the dashboard polls. */
const POLLED = [
  "/health-overview",
  "/performance-history?period=30d",
  "/executions",
  "/errors",
  "/tournaments",
  "/alerts",
  "/metrics",
  "/system-status",
];
/** A read, and a change of the data that it shows. */
const CHANGES = [
  ["/health-overview", "update sync_status set updated_at = updated_at + interval '1 second' where entity_type = 'tournaments'"],
  ["/health-overview", "update upstream_state set in_flight_limit = 3"],
  ["/tournaments", "update tournaments set name = name || '.'"],
  ["/errors", "update sync_error_log set resolution_notes = 'changed'"],
] as const;
const ask = (path: string, tag?: string) =>
  app.fetch(
    new Request(`http://functions.test/sync-monitoring${path}`, {
      headers: { authorization: `Bearer ${viewer}`, ...(tag ? { "if-none-match": tag } : {}) },
    }),
  );

Deno.test("each read carries an ETag and answers 304 to it until the data changes or 5 seconds pass", async () => {
  await aTournament(db);
  await db.query(
    `insert into sync_error_log (entity_type, error_type, error_code, error_severity, retryable, error_message, fingerprint, occurred_at)
    values ('tournaments', 'API', 'VIS_LATER', 'LOW', true, 'later', 'later', $1)`,
    [NOW],
  );
  for (const path of POLLED) {
    const first = await ask(path);
    const tag = String(first.headers.get("etag"));
    await first.body?.cancel();
    assert(/^W\/"[0-9a-f]{32}"$/.test(tag), `${path} ${tag}`);
    assertEquals(first.headers.get("cache-control"), "private, no-cache", "no shared cache keeps it");
    const again = await ask(path, tag);
    assertEquals([again.status, again.headers.get("etag"), await again.text()], [304, tag, ""], path);
    assertEquals((await ask(`${path}${path.includes("?") ? "&" : "?"}limit=0`, tag)).status, 400, path);
  }
  for (const [path, change] of CHANGES) {
    const tag = String((await ask(path)).headers.get("etag"));
    await db.query(change);
    assertEquals((await ask(path, tag)).status, 200, change);
  }
  for (const path of POLLED) {
    const fresh = String((await ask(path)).headers.get("etag"));
    harness.clock.advance(5_000);
    assertEquals((await ask(path, fresh)).status, 200, `${path} 5 seconds later`);
  }
});

Deno.test("If-None-Match takes a list of tags, strong or weak, and * for a resource that exists", async () => {
  const path = "/performance-history?period=1h";
  const tag = String((await ask(path)).headers.get("etag"));
  const strong = tag.replace("W/", "");
  const answers: [header: string, status: number][] = [
    [`"a", ${tag}`, 304],
    [`${strong},W/"b"`, 304],
    [strong, 304],
    ["*", 304],
    [`"a", "b"`, 200],
    [strong.replaceAll('"', ""), 200],
    [`W/"${"0".repeat(32)}"`, 200],
  ];
  for (const [header, status] of answers) {
    const response = await ask(path, header);
    assertEquals(response.status, status, header);
    assertEquals(response.headers.get("etag"), tag, header);
    await response.body?.cancel();
  }
  assertEquals((await ask(`/executions/${crypto.randomUUID()}`, "*")).status, 404, "there is nothing that * could match");
});

Deno.test("a read that read_with_etag does not list is refused by name", async () => {
  const ask = () => db.rpc("read_with_etag", { p: { fn: "get_nothing" as never, p: {}, known: [] } });
  assertObjectMatch(await assertRejects(ask, AppError, "there is no read get_nothing"), { code: "NOT_FOUND", status: 404 });
});

Deno.test("a scrape needs its own token, and its counters equal the runs and survive retention", async () => {
  const scrape = (token?: string) =>
    app.fetch(
      new Request("http://functions.test/sync-monitoring/prometheus", { headers: token ? { authorization: `Bearer ${token}` } : {} }),
    );
  assertEquals((await scrape()).status, 401);
  assertEquals((await scrape(viewer)).status, 401);
  await db.query("truncate sync_metrics");
  await db.query("select private.roll_up(array(select id from sync_execution_history))");
  const response = await scrape(TOKENS.PROMETHEUS_TOKEN);
  assertEquals([response.status, response.headers.get("content-type")], [200, "text/plain; version=0.0.4; charset=utf-8"]);
  const text = await response.text();
  const value = (line: string) => Number(text.split("\n").find((sample) => sample.startsWith(`${line} `))?.split(" ").at(-1));
  const counted = await db.query<{ entity_type: string; status: string; runs: number }>(
    "select entity_type, lower(status) as status, count(*)::int as runs from sync_execution_history where status <> 'RUNNING' group by 1, 2",
  );
  for (const { entity_type, status, runs } of counted) {
    assertEquals(value(`sync_runs_total{entity_type="${entity_type}",status="${status}"}`), runs);
  }
  const [slow] = await db.query<{ slow: number; all: number }>(
    `select count(*) filter (where extract(epoch from execution_end - execution_start) * 1000 <= power(1.1, 115))::int as slow, count(*)::int as all
    from sync_execution_history where entity_type = 'matches_schedule' and tournament_no is null and status in ('SUCCEEDED', 'PARTIAL', 'FAILED', 'TIMED_OUT')`,
  );
  assertEquals(value('sync_run_duration_seconds_bucket{entity_type="matches_schedule",le="57.565"}'), slow?.slow);
  assertEquals(value('sync_run_duration_seconds_bucket{entity_type="matches_schedule",le="+Inf"}'), slow?.all);
  await db.query("delete from sync_execution_history where entity_type = 'tournaments'");
  await db.query("delete from sync_metrics where resolution < '1 day'");
  assertEquals(await (await scrape(TOKENS.PROMETHEUS_TOKEN)).text(), text, "retention does not change a counter");
});

const readScrape = async () => {
  const headers = { authorization: `Bearer ${TOKENS.PROMETHEUS_TOKEN}` };
  return await (await app.fetch(new Request("http://functions.test/sync-monitoring/prometheus", { headers }))).text();
};

Deno.test("no label of a scrape has an unbounded set of values", async () => {
  const labels = new Set([...(await readScrape()).matchAll(/([a-z_]+)="/g)].map(([, label]) => label));
  assertEquals(
    [...labels].sort(),
    ["entity_type", "indicator", "le", "objective", "priority", "status"].filter((label) => labels.has(label)),
  );
});

Deno.test({
  name: "promtool accepts a scrape",
  ignore: NO_PROMTOOL,
  fn: async () => assertEquals(await promtool(["check", "metrics"], await readScrape()), { code: 0, text: "" }),
});

Deno.test("the Grafana dashboard queries exactly the metrics of a scrape, and the alerts for Prometheus no other", async () => {
  const known = new Set([...(await readScrape()).matchAll(/^# TYPE (\S+)/gm)].map(([, name]) => name));
  const askedBy = async (path: string) =>
    [...(await Deno.readTextFile(path)).matchAll(/\bsync_[a-z_]+/g)].map(([name]) => name.replace(/_(bucket|sum|count)$/, ""));
  const asked = await askedBy("docs/grafana/dashboard.json");
  assertEquals([...asked, ...await askedBy("docs/prometheus/alerts.yml")].filter((name) => !known.has(name)), []);
  assertEquals([...known].filter((name) => !asked.includes(String(name))), [], "every metric is queried");
});

Deno.test("a badge needs its own token and shows the status as text", async () => {
  const badge = (path: string) => app.fetch(new Request(`http://functions.test/sync-monitoring/badge/${path}`));
  assertEquals((await badge("tournaments.svg")).status, 401);
  assertEquals((await badge("tournaments.svg?token=x")).status, 401);
  const token = encodeURIComponent(TOKENS.BADGE_TOKEN);
  const response = await badge(`tournaments.svg?token=${token}`);
  assertEquals([response.status, response.headers.get("content-type")], [200, "image/svg+xml"]);
  assert(/aria-label="tournaments: (healthy|warning|critical)"/.test(await response.text()));
  assertEquals((await badge(`all.svg?token=${token}`)).status, 200);
  for (const path of ["ghosts.svg", "tournaments.png", "A%3C.svg"]) assertEquals((await badge(`${path}?token=${token}`)).status, 404, path);
  const closed = createApp({ rpc: db.rpc, clock: harness.clock, log: () => {}, env: testEnv() });
  assertEquals((await closed.fetch(new Request(`http://functions.test/sync-monitoring/badge/all.svg?token=${token}`))).status, 401);
});

Deno.test.afterAll(() => db.close());
