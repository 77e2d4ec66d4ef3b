// Over 300 lines, because each figure of each read is compared with its own query.
import { assert, assertEquals } from "@std/assert";
import { createApp } from "../../supabase/functions/sync-monitoring/app.ts";
import { EntityFacts } from "../../services/contract/health.ts";
import {
  ErrorAnalyticsResponse,
  MetricsResponse,
  PerformanceHistoryResponse,
  PERIODS,
  SyncStatisticsResponse,
  TournamentListResponse,
} from "../../types/history.ts";
import { openTestDatabase } from "../../testing/database.ts";
import { seeded } from "../../testing/random.ts";
import { aRun } from "../../testing/factories.ts";
import { seedRunHistory } from "../../testing/run-history.ts";
import { testEnv } from "../../testing/env.ts";
import { createSyncHarness } from "../../testing/sync-harness.ts";

const db = await openTestDatabase();
// The time is between two quarters of an hour and off the hour, so that each kind of part occurs at both ends of a window.
const NOW = "2026-06-10T12:37:30.000Z";
const DAY = 24 * 3_600_000;
const harness = createSyncHarness(db, { start: NOW });
const app = createApp({ rpc: db.rpc, clock: harness.clock, log: () => {}, env: testEnv() });
const viewer = await db.token("viewer");
async function get(path: string): Promise<unknown> {
  const request = new Request(`http://functions.test/sync-monitoring${path}`, { headers: { authorization: `Bearer ${viewer}` } });
  const response = await app.fetch(request);
  assertEquals(response.status, 200, path);
  return await response.json();
}

const RATE = `avg(case status
    when 'SUCCEEDED' then 1
    when 'PARTIAL' then 1 - tournaments_failed::numeric / tournaments_processed
    when 'FAILED' then 0
    when 'TIMED_OUT' then 0
  end) filter (where tournament_no is null)`;
const MS = "extract(epoch from execution_end - execution_start) * 1000";
const HAS_WEIGHT = "status in ('SUCCEEDED', 'PARTIAL', 'FAILED', 'TIMED_OUT')";
const COUNTED = `${HAS_WEIGHT} and tournament_no is null`;
const percentile = (share: number) => `percentile_disc(${share}) within group (order by ${MS}) filter (where ${COUNTED})`;
type Figures = Record<string, number | null>;
const figuresOfRuns = async (figures: string, where: string, values: unknown[]): Promise<Figures> =>
  (await db.query<Figures>(`select ${figures} from unpruned_runs where ${where}`, values))[0] ?? {};

/** Asserts that counts and sums are equal, rates and means equal up to rounding, and percentiles within 5 %. */
function assertFigures(subject: string, shown: Figures, expected: Figures): void {
  for (const [name, value] of Object.entries(shown)) {
    const wanted = expected[name] ?? null;
    if (value === null || wanted === null) assertEquals(value, wanted === null ? null : Number(wanted), `${subject}: ${name}`);
    else {
      const tolerance = name.startsWith("p") && name.endsWith("ms") ? 0.05 : /(rate|ratio|reduction|ms)$/.test(name) ? 1e-3 : 0;
      assert(
        Math.abs(value - Number(wanted)) <= tolerance * Math.abs(Number(wanted)),
        `${subject}: ${name} is ${value}, expected ${wanted}`,
      );
    }
  }
}

/** A microsecond after `time`: the exclusive end of a window that includes `time`. */
const justAfter = (time: string): string => time.replace(/(\.\d{3})?(\d{3})?(Z|\+00:00)$/, (_all, ms = ".000") => `${ms}001Z`);
const WINDOW = "status <> 'RUNNING' and execution_start >= $1 and execution_start < $2 and ($3::text is null or entity_type = $3)";
const RATIOS = `sum(cache_hits)::numeric / nullif(sum(cache_hits + cache_misses), 0) as cache_hit_ratio,
  sum(cache_hits)::numeric / nullif(sum(cache_hits + api_calls), 0) as api_call_reduction,
  sum(api_bytes_saved)::numeric / nullif(sum(api_bytes_saved + api_bytes), 0) as api_call_volume_reduction,
  sum(api_fallbacks)::numeric / nullif(sum(api_calls), 0) as api_fallback_ratio`;
const HISTORY = `count(*) as runs, ${RATE} as success_rate, avg(${MS}) filter (where ${COUNTED}) as average_duration_ms,
  ${percentile(0.5)} as p50_duration_ms, ${percentile(0.95)} as p95_duration_ms, ${percentile(0.99)} as p99_duration_ms,
  coalesce(sum(records_processed), 0) as records_processed,
  max(memory_usage_mb) as peak_memory_mb, coalesce(sum(error_count), 0) as error_count, coalesce(sum(api_calls), 0) as api_calls,
  coalesce(sum(database_calls), 0) as database_calls, ${RATIOS}`;
const PERIOD_NAMES = ["1h", "6h", "24h", "7d", "30d", "90d", "1y"] as const satisfies (keyof typeof PERIODS)[];

async function checkHistory(period: string, entity: string | null): Promise<void> {
  const history = PerformanceHistoryResponse.parse(await get(`/performance-history?period=${period}${entity ? `&entity=${entity}` : ""}`));
  const { from, until, runs_missed: _missed, api_response_ms: _response, ...all } = history.aggregated_metrics;
  assert(
    Date.parse(from) <= Date.parse(NOW) - history.data_points.length * history.step_ms + 2 * history.step_ms,
    `${period} from ${from}`,
  );
  assertEquals(Date.parse(until), Date.parse(NOW));
  const total = await figuresOfRuns(HISTORY, WINDOW, [from, justAfter(until), entity]);
  assertFigures(`${period} ${entity}`, all, total);
  for (const [index, point] of history.data_points.entries()) {
    // The loop checks a sample of the points, and the last three.
    if (index % 12 !== 5 && index < history.data_points.length - 3) continue;
    const until = new Date(Date.parse(point.timestamp) + history.step_ms).toISOString();
    const expected = await figuresOfRuns(HISTORY, WINDOW, [point.timestamp, until, entity]);
    // A point of all entities has no percentiles.
    if (entity === null) Object.assign(expected, { p50_duration_ms: null, p95_duration_ms: null, p99_duration_ms: null });
    assertFigures(`${period} ${entity} at ${point.timestamp}`, {
      runs: point.runs,
      success_rate: point.success_rate,
      average_duration_ms: point.duration_ms,
      p50_duration_ms: point.p50_duration_ms,
      p95_duration_ms: point.p95_duration_ms,
      p99_duration_ms: point.p99_duration_ms,
      records_processed: point.records_processed ?? 0,
      peak_memory_mb: point.memory_usage_mb,
      error_count: point.error_count ?? 0,
      cache_hit_ratio: point.cache_hit_ratio,
    }, expected);
  }
}

const STATISTICS = [
  HISTORY,
  ...["succeeded", "partial", "failed", "timed_out", "cancelled", "skipped"].map((status) =>
    `count(*) filter (where status = '${status.toUpperCase()}') as ${status}`
  ),
  "coalesce(sum(records_rejected), 0) as records_rejected, sum(api_errors) as api_errors, sum(api_retries) as api_retries",
  ...["api_full_reads", "api_xml_replies", "api_unchanged_replies", "api_fallbacks", "api_bytes", "api_bytes_saved"].map((name) =>
    `sum(${name}) as ${name}`
  ),
  "coalesce(sum(error_count), 0) as errors",
  `round(sum(records_processed) / nullif(sum(${MS}) filter (where ${HAS_WEIGHT}) / 1000, 0), 3) as records_rate`,
  "round(sum(records_processed)::numeric / nullif(sum(api_calls), 0), 3) as records_per_api_call",
  ...["CRON", "MANUAL", "RETRY"].map((trigger) => `count(*) filter (where trigger = '${trigger}') as ${trigger.toLowerCase()}`),
].join(", ");

async function checkStatistics(period: keyof typeof PERIODS): Promise<void> {
  const { from, until, previous_from, statistics } = SyncStatisticsResponse.parse(await get(`/sync-statistics?period=${period}`));
  assertEquals(statistics.map(({ entity_type }) => entity_type), [null, "matches_schedule", "tournaments"]);
  for (const { entity_type, current, previous } of statistics) {
    for (const [figures, start, end] of [[current, from, justAfter(until)], [previous, previous_from, from]] as const) {
      if (!figures) continue;
      const { records_per_second, by_trigger, ...shown } = figures;
      const { cron, manual, retry, ...expected } = await figuresOfRuns(STATISTICS, WINDOW, [start, end, entity_type]);
      assertFigures(`${period} ${entity_type} from ${start}`, { ...shown, records_rate: records_per_second }, expected);
      assertEquals(by_trigger, { CRON: Number(cron), MANUAL: Number(manual), RETRY: Number(retry) });
    }
  }
}

async function checkOverview(): Promise<void> {
  const entities = EntityFacts.array().parse(await db.value("select get_health_overview($1) -> 'entities'", [NOW]));
  // matches_schedule has more than 1,000 runs, never_ran none, tournaments fewer than 1,000.
  assertEquals(entities.map(({ runs_24h }) => Math.sign(runs_24h) + Number(runs_24h > 1_000)), [2, 0, 1]);
  for (const entity of entities) {
    const { runs_24h, success_rate_24h, average_duration_ms, p95_duration_ms, records_processed_today, errors_24h, api_calls_24h } = entity;
    const shown = { runs_24h, success_rate_24h, average_duration_ms, p95_duration_ms, records_processed_today, errors_24h, api_calls_24h };
    const expected = await figuresOfRuns(
      `count(*) filter (where ${COUNTED}) as runs_24h, ${RATE} as success_rate_24h,
        avg(${MS}) filter (where ${COUNTED}) as average_duration_ms, ${percentile(0.95)} as p95_duration_ms,
        coalesce(sum(records_processed) filter (where execution_start >= date_trunc('day', $2::timestamptz, 'UTC')), 0)
          as records_processed_today,
        coalesce(sum(error_count), 0) as errors_24h, coalesce(sum(api_calls), 0) as api_calls_24h`,
      "status <> 'RUNNING' and execution_start >= $1 and execution_start <= $2 and entity_type = $3",
      [new Date(Date.parse(NOW) - DAY).toISOString(), NOW, entity.entity_type],
    );
    assertFigures(`overview of ${entity.entity_type}`, shown, expected);
  }
}

/** The figures of the contract's interfaces, and the lifetime counters of a scrape. */
async function checkMetrics(): Promise<void> {
  const { performance, monitoring } = MetricsResponse.parse(await get("/metrics"));
  const shown = {
    cache_hit_ratio: performance.cacheHitRatio,
    api_call_reduction: performance.apiCallReduction,
    api_call_volume_reduction: monitoring.apiCallVolumeReduction,
    api_fallback_ratio: performance.apiFallbackRatio,
    database_calls: performance.databaseCalls,
  };
  const ofDay = [new Date(Date.parse(NOW) - DAY).toISOString(), justAfter(NOW), null];
  assertFigures("metrics", shown, await figuresOfRuns(`${RATIOS}, sum(database_calls) as database_calls`, WINDOW, ofDay));
  assertEquals(new Set(Object.values(shown)).size, 5, "no figure is a copy of another");
  const { entities } = await db.value<{ entities: Figures[] }>("select get_prometheus_facts($1)", [NOW]);
  const counters = ["api_retries", "api_full_reads", "api_xml_replies", "api_unchanged_replies", "api_fallbacks", "api_bytes"];
  counters.push("api_bytes_saved", "cache_hits", "cache_misses", "database_calls");
  for (const entity of entities) {
    const lifetime = Object.fromEntries(counters.map((name) => [name, entity[name] ?? null]));
    const sums = counters.map((name) => `sum(${name}) as ${name}`).join(", ");
    const where = "status <> 'RUNNING' and entity_type = $1";
    assertFigures(`lifetime of ${entity.entity_type}`, lifetime, await figuresOfRuns(sums, where, [entity.entity_type]));
  }
}

/** The number of errors by the value of an SQL expression. */
async function countErrorsBy(expression: string, where: string, values: unknown[]): Promise<Record<string, number>> {
  const rows = await db.query<{ key: string; count: number }>(
    `select ${expression} as key, count(*)::int as count from unpruned_errors where ${where} group by 1`,
    values,
  );
  return Object.fromEntries(rows.map(({ key, count }) => [key, count]));
}

async function checkErrors(period: string, entity: string | null): Promise<void> {
  const shown = ErrorAnalyticsResponse.parse(await get(`/error-analytics?period=${period}${entity ? `&entity=${entity}` : ""}`));
  const where = "occurred_at >= $1 and occurred_at < $2 and ($3::text is null or entity_type = $3)";
  const values = [shown.from, shown.until, entity];
  const [totals] = await db.query<Record<string, number>>(
    `select count(*)::int as total, count(*) filter (where resolved_at is null)::int as open, count(resolved_at)::int as count,
      avg(extract(epoch from resolved_at - occurred_at) * 1000)::float8 as average_ms,
      percentile_disc(0.5) within group (order by extract(epoch from resolved_at - occurred_at) * 1000)::float8 as p50_ms,
      percentile_disc(0.95) within group (order by extract(epoch from resolved_at - occurred_at) * 1000)::float8 as p95_ms
    from unpruned_errors where ${where}`,
    values,
  );
  const { total, open, by_type, by_severity, by_entity, by_tournament, trend, groups, resolution_ms } = shown;
  const { count, average, p50, p95 } = resolution_ms;
  assertFigures(`errors ${period} ${entity}`, { total, open, count, average_ms: average, p50_ms: p50, p95_ms: p95 }, totals ?? {});
  assertEquals(by_type, await countErrorsBy("error_type", where, values));
  assertEquals(shown.by_code, await countErrorsBy("error_code", where, values));
  assertEquals(by_severity, await countErrorsBy("error_severity", where, values));
  assertEquals(by_entity, await countErrorsBy("entity_type", where, values));
  const tournaments = await countErrorsBy("tournament_no", `${where} and tournament_no is not null`, values);
  assertEquals(by_tournament.map(({ count }) => count), Object.values(tournaments).sort((a, b) => b - a).slice(0, 20));
  for (const { tournament_no, count } of by_tournament) {
    assertEquals(count, tournaments[tournament_no], `errors of tournament ${tournament_no}`);
  }
  const step = Date.parse(trend[1]?.timestamp ?? "") - Date.parse(trend[0]?.timestamp ?? "");
  assertEquals(
    Object.fromEntries(trend.flatMap(({ timestamp, count }) => count ? [[Date.parse(timestamp), count]] : [])),
    await countErrorsBy(
      `(floor(extract(epoch from occurred_at - $1::timestamptz) * 1000 / $4) * $4 + extract(epoch from $1::timestamptz) * 1000)::bigint`,
      where,
      [...values, step],
    ),
  );
  for (const code of Object.keys(shown.by_code)) {
    const sum = trend.reduce((sum, { by_code }) => sum + (by_code[code] ?? 0), 0);
    assertEquals(sum, shown.by_code[code], `the trend of ${code}`);
  }
  for (const { timestamp, count, by_code } of trend) {
    assertEquals(Object.values(by_code).reduce((sum, of) => sum + of, 0), count, `the codes at ${timestamp}`);
  }
  const expected = await db.query(
    `select fingerprint, count(*)::int as count, min(occurred_at) as first_seen, max(occurred_at) as last_seen,
      (array_agg(error_message order by occurred_at desc))[1] as message, min(error_code) as error_code, min(error_type) as error_type,
      (array_agg(error_severity order by occurred_at desc))[1] as severity,
      (array_agg(tournament_no order by occurred_at desc))[1] as tournament_no,
      count(*) filter (where resolved_at is null)::int as open, coalesce(max(occurred_at) > max(resolved_at), false) as is_regression
    from unpruned_errors where ${where} group by fingerprint order by 2 desc, 1 limit 50`,
    values,
  );
  const seenInMs = ({ trend: _, ...group }: Record<string, unknown>) => ({
    ...group,
    first_seen: Date.parse(String(group.first_seen)),
    last_seen: Date.parse(String(group.last_seen)),
  });
  assertEquals(groups.map(seenInMs), expected.map(seenInMs), `groups ${period} ${entity}`);
  const part = (Date.parse(shown.until) - Date.parse(shown.from)) / 24;
  for (const group of groups) {
    const partOf = `floor(extract(epoch from occurred_at - $1::timestamptz) * 1000 / ${part})::int`;
    const counts = await countErrorsBy(partOf, `${where} and fingerprint = $4`, [...values, group.fingerprint]);
    assertEquals(Object.fromEntries(group.trend.entries().filter(([, count]) => count > 0)), counts, group.fingerprint);
  }
}

async function checkTournaments(): Promise<void> {
  const { tournaments } = TournamentListResponse.parse(await get("/tournaments?season=2026&limit=100"));
  assertEquals(tournaments.length, 30);
  assert(tournaments.some(({ results }) => results === 50), "no tournament has 50 results or more");
  assert(tournaments.some(({ failing_streak }) => failing_streak > 1), "no tournament failed twice in a row");
  assertEquals(tournaments.filter(({ results }) => results === 0).map(({ no }) => no), ["30"]);
  for (const shown of tournaments) {
    const { no, results, success_rate, failing_streak, last_success, last_result, last_error, last_error_type } = shown;
    const [state] = await db.query(
      `select count(*) filter (where created_at > coalesce(last_success, '-infinity'))::int as failing_streak,
        max(created_at) as last_result, last_success,
        (array_agg(error_message order by created_at desc) filter (where not success))[1] as last_error,
        (array_agg(error_type order by created_at desc) filter (where not success))[1] as last_error_type
      from unpruned_results cross join (
        select max(created_at) filter (where success) as last_success from unpruned_results where tournament_no = $1
      ) s
      where tournament_no = $1 group by last_success`,
      [no],
    );
    const inMs = (row: object) =>
      Object.fromEntries(
        Object.entries(row).map(([key, value]) => [key, value && /^last_(success|result)$/.test(key) ? Date.parse(value) : value]),
      );
    const none = { failing_streak: 0, last_result: null, last_success: null, last_error: null, last_error_type: null };
    assertEquals(inMs({ failing_streak, last_result, last_success, last_error, last_error_type }), inMs(state ?? none), `tournament ${no}`);
    const [kept] = await db.query<Figures>(
      `select count(*)::int as results, avg(success::integer) as success_rate
      from (select success from sync_tournament_results where tournament_no = $1 order by created_at desc limit 50) r`,
      [no],
    );
    assertFigures(`tournament ${no}`, { results, success_rate }, kept ?? {});
  }
}

for (const seed of [1, 2, 3]) {
  Deno.test(`history ${seed}: after retention, every figure of the API equals a query over copies of all rows`, async () => {
    await seedRunHistory(db, NOW, seed);
    assert(
      await db.value<number>("select count(*)::int from unpruned_runs where execution_start > $1::timestamptz - interval '1 day'", [NOW]) >
        1_000,
    );
    const kept = {
      executions: "20 days",
      quarter_hourly_metrics: "25 days",
      hourly_metrics: "50 days",
      resolved_errors: "40 days",
      open_errors: "70 days",
    };
    for (const [subject, keep] of Object.entries(kept)) {
      await db.query("update retention_settings set keep = $2::interval where subject = $1", [subject, keep]);
      while (await db.value<number>("select private.prune_batch($2, $1, 100)", [NOW, subject]) > 0);
    }
    assert(await db.value<boolean>("select (select count(*) from sync_execution_history) < (select count(*) from unpruned_runs) - 500"));
    assert(await db.value<boolean>("select (select count(*) from sync_error_log) < (select count(*) from unpruned_errors) - 300"));
    for (const period of PERIOD_NAMES) {
      for (const entity of [null, "matches_schedule", "tournaments", "never_ran"]) {
        await checkHistory(period, entity);
        if (period !== "90d" && period !== "1y") await checkErrors(period, entity);
      }
      await checkStatistics(period);
    }
    await checkOverview();
    await checkMetrics();
    await checkTournaments();
    // After this run, the open buckets hold more than the window, so that the figures include the single runs at its end.
    await aRun(db, { entity_type: "never_ran", status: "SKIPPED", execution_start: new Date(Date.parse(NOW) + 1_000).toISOString() });
    await checkOverview();
    await checkStatistics("24h");
  });
}

for (const seed of [9, 10, 11]) {
  Deno.test(`history ${seed}: a rebuilt rollup equals the rollup that each finished run updated`, async () => {
    await db.reset();
    const random = seeded(seed);
    const at = (ms: number) => new Date(Date.parse(NOW) - 3 * DAY + ms).toISOString();
    for (let run = 0; run < 240; run++) {
      const execution_id = crypto.randomUUID(), startMs = run * 17 * 60_000 + Math.floor(random() * 1_000);
      const entity_type = run % 3 ? "matches_schedule" : "tournaments";
      const start = { execution_id, entity_type, trigger: run % 5 ? "CRON" : "MANUAL", wall_clock_ms: 900_000 };
      await db.query("select start_sync_execution($1, $2)", [run % 7 ? start : { ...start, tournament_no: "1" }, at(startMs)]);
      const status = ["SUCCEEDED", "SUCCEEDED", "FAILED", "PARTIAL", "CANCELLED", "SUCCEEDED"][run % 6];
      const counters = {
        tournaments_processed: 10,
        tournaments_failed: status === "PARTIAL" ? run % 9 : 0,
        records_read: run,
        records_inserted: run % 50,
        records_rejected: run % 4,
        api_calls: run % 30,
        api_response_ms_total: run * 7,
        api_bytes: run * 100,
        api_bytes_saved: run * 31,
        api_full_reads: run % 5,
        api_xml_replies: run % 6,
        api_unchanged_replies: run % 7,
        api_fallbacks: run % 8,
        database_calls: run % 40,
        cache_hits: run % 11,
        memory_usage_mb: 40 + run % 60,
      };
      await db.query("select finish_sync_execution($1, $2)", [
        { execution_id, status, reason: "finished", counters },
        at(startMs + 200 + Math.floor(random() ** 3 * 800_000)),
      ]);
    }
    const metrics = () =>
      db.query(
        "select to_jsonb(m) as m, array_lower(m.durations, 1) as first_bucket from sync_metrics m order by entity_type, resolution, bucket",
      );
    // rebuild_metrics refuses the day of the oldest run; this run makes an earlier day the oldest.
    await aRun(db, { execution_start: "2026-06-01T10:00:00Z", status: "SKIPPED" });
    const added = await metrics();
    assert(added.length > 300);
    assertEquals(await db.value("select private.rebuild_metrics($1, $2)", [at(0), NOW]), 4);
    assertEquals(await metrics(), added);
  });
}

Deno.test("rebuild_metrics refuses days whose runs retention may have deleted", async () => {
  for (const from of ["2026-05-31T00:00:00Z", "2026-06-01T09:00:00Z"]) {
    const refused = await db.query("select private.rebuild_metrics($1, $2)", [from, NOW]).then(
      () => "rebuilt",
      (error: Error) => error.message,
    );
    assert(refused.includes("rebuild from a later day"), refused);
  }
});

Deno.test.afterAll(() => db.close());
