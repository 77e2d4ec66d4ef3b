import type { TestDatabase } from "./database.ts";
import { seeded } from "./random.ts";

const HOUR = 3_600_000, DAY = 24 * HOUR;

/**
 * Seeds 120 days of runs of every status with results and errors; the last day has over 1,000 runs, many at the boundary of an hour.
 * The tables `unpruned_runs`, `unpruned_results` and `unpruned_errors` are copies that retention does not prune.
 */
export async function seedRunHistory(db: Pick<TestDatabase, "query" | "reset">, now: string, seed: number): Promise<void> {
  await db.reset();
  await db.query("drop table if exists unpruned_runs, unpruned_errors, unpruned_results");
  await db.query(
    `insert into sync_status (entity_type, title, function_name, sync_frequency, grace, max_runtime)
    values ('never_ran', 'Never Ran', 'never-ran', '1 hour', '5 minutes', '5 minutes') on conflict do nothing`,
  );
  await db.query("update sync_status set created_at = '2025-01-01T00:00:00Z'");
  const random = seeded(seed);
  const end = Date.parse(now);
  const rows: object[] = [];
  for (let at = end - 120 * DAY; at < end - 1_000; at += (at > end - DAY ? 35_000 : 2 * HOUR) * (0.6 + random() * 0.8)) {
    // Each rare status has 5 % of the runs.
    const pick = random();
    const status = (["FAILED", "PARTIAL", "TIMED_OUT", "CANCELLED", "SKIPPED"] as const)[Math.floor(pick / 0.05)] ?? "SUCCEEDED";
    // A tenth of the runs start within a millisecond of a full hour.
    const hour = Math.floor(at / HOUR) * HOUR;
    const start = random() < 0.1 && hour + HOUR < end ? hour + HOUR - 1 + Math.floor(random() * 3) : Math.floor(at);
    rows.push({
      entity_type: random() < 0.3 ? "tournaments" : "matches_schedule",
      tournament_no: random() < 0.15 ? "1" : null,
      trigger: random() < 0.85 ? "CRON" : "MANUAL",
      status,
      start: new Date(start).toISOString(),
      seconds: status === "SKIPPED" ? 0 : 0.5 + random() ** 3 * 900,
      failed: status === "PARTIAL" ? 1 + Math.floor(random() * 9) : 0,
      n: Math.floor(random() * 400),
    });
  }
  await db.query(
    `insert into sync_execution_history
      (entity_type, tournament_no, trigger, status, execution_start, execution_end, tournaments_processed, tournaments_failed,
       memory_usage_mb, error_count, api_calls, api_errors, api_retries, api_bytes, api_response_ms_total,
       api_bytes_saved, api_full_reads, api_xml_replies, api_unchanged_replies, api_fallbacks, database_calls, records_read, records_inserted, records_rejected, cache_hits, cache_misses)
    select r.entity_type, r.tournament_no, r.trigger, r.status, r.start, r.start + make_interval(secs => r.seconds), 10, r.failed,
      30 + r.n, r.n % 3, r.n % 41, r.n % 2, r.n % 5, r.n * 1000, r.n * 90,
      r.n * 700 % 9000, r.n % 3, r.n % 6, r.n % 8, r.n % 9, r.n % 53,
      r.n, r.n, r.n % 7, r.n, 3
    from jsonb_to_recordset($1) as r
      (entity_type text, tournament_no text, trigger text, status text, start timestamptz, seconds float8, failed int, n int)`,
    [rows],
  );
  await db.query("select private.roll_up(array(select id from sync_execution_history))");
  // These runs are RUNNING, so no figure counts them.
  await db.query(
    `insert into sync_execution_history
      (entity_type, tournament_no, trigger, execution_start, heartbeat_at, lease_expires_at, deadline,
       records_read, records_inserted, api_calls)
    select 'matches_schedule', no, 'CRON', at, at, at + interval '1 minute', at + interval '2 hours', 7, 7, 7
    from (values (null, $1::timestamptz - interval '3 minutes'), ('1', $1::timestamptz - interval '70 minutes')) r (no, at)`,
    [now],
  );
  // A tournament with a lower number fails more rarely; each seventh one never fails, and the last one was never synced.
  await db.query(
    `insert into tournaments (no, name, season)
    select i::text, 'Example ' || i, '2026' from generate_series(1, 30) i on conflict do nothing`,
  );
  await db.query(
    `insert into sync_tournament_results (sync_execution_id, tournament_no, entity_type, success, error_type, error_message, created_at)
    select h.id, t.i::text, h.entity_type, o.success, case when not o.success then 'API' end,
      case when not o.success then 'failed at ' || h.execution_end end, h.execution_end
    from sync_execution_history h cross join generate_series(1, 29) t (i)
    cross join lateral (select extract(epoch from h.execution_start)::text as run) k
    cross join lateral (
      select abs(hashtext(k.run || '/' || t.i || '/' || $2)) % 100 >= t.i * 3 - case when t.i % 7 = 0 then 100 else 0 end as success
    ) o
    where h.entity_type = 'matches_schedule' and h.status in ('SUCCEEDED', 'PARTIAL') and h.execution_end <= $1
      and abs(hashtext(k.run)) % t.i < 3
      -- The last three tournaments ended 15 days ago, so that retention prunes some of their results.
      and h.execution_start between $1::timestamptz - case when t.i < 27 then interval '8 days' else '40 days' end
        and $1::timestamptz - case when t.i < 27 then interval '0' else '15 days' end`,
    [now, seed],
  );
  await db.query(
    `insert into tournament_sync_state (tournament_no, last_result_at, last_success_at, failing_streak, last_error, last_error_type)
    select no, last_result_at, last_success_at,
      (select count(*) from sync_tournament_results r where r.tournament_no = no and r.created_at > coalesce(last_success_at, '-infinity')),
      failure.error_message, failure.error_type
    from (
      select tournament_no as no, max(created_at) as last_result_at, max(created_at) filter (where success) as last_success_at
      from sync_tournament_results group by 1
    ) t
    left join lateral (
      select error_message, error_type from sync_tournament_results r
      where r.tournament_no = no and not success order by created_at desc limit 1
    ) failure on true`,
  );
  await db.query("create table unpruned_runs as table sync_execution_history");
  await db.query("create table unpruned_results as table sync_tournament_results");
  // The errors of 120 days are in over 50 groups. Most are resolved within minutes or weeks; in some groups an error occurs again later.
  const errors: object[] = [];
  for (let at = end - 120 * DAY; at < end - 1_000; at += HOUR * random() * 2) {
    const group = Math.floor(random() ** 2 * 60);
    const resolvedAfterMs = random() < 0.7 ? Math.floor(random() ** 4 * 40 * DAY) : null;
    errors.push({
      entity_type: group % 4 ? "matches_schedule" : "tournaments",
      tournament_no: random() < 0.6 ? String(Math.floor(random() * 40)) : null,
      error_type: (["NETWORK", "API", "TIMEOUT"] as const)[group % 3],
      error_code: `C${group}`,
      error_severity: (["LOW", "MEDIUM", "HIGH"] as const)[Math.floor(random() * 3)],
      error_message: `message ${Math.floor(random() * 1_000)}`,
      fingerprint: `f${group}`,
      occurred_at: new Date(Math.floor(at)).toISOString(),
      resolved_at: resolvedAfterMs !== null && at + resolvedAfterMs < end ? new Date(Math.floor(at) + resolvedAfterMs).toISOString() : null,
    });
  }
  await db.query(
    `insert into sync_error_log
      (entity_type, tournament_no, error_type, error_code, error_severity, retryable, error_message, fingerprint, occurred_at, resolved_at)
    select entity_type, tournament_no, error_type, error_code, error_severity, true, error_message, fingerprint, occurred_at, resolved_at
    from jsonb_populate_recordset(null::sync_error_log, $1)`,
    [errors],
  );
  await db.query("create table unpruned_errors as table sync_error_log");
}
