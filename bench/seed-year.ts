import type { TestDatabase } from "../testing/database.ts";

/** The number of entities: tournaments, matches_schedule and a third. */
const ENTITIES = 3;

/** Seeds `runs` runs over the last year, of which 5 % failed with an error, and their rollups. */
export async function seedYear(db: TestDatabase, runs: number): Promise<void> {
  await db.reset();
  await db.query("delete from sync_status where entity_type like 'feed_%'");
  await db.query(
    `insert into sync_status (entity_type, title, function_name, sync_frequency, grace, max_runtime, created_at)
    select 'feed_' || i, 'Feed ' || i, 'feed-sync', '15 minutes', '5 minutes', '5 minutes', now() - interval '1 year' from generate_series(3, $1::int) i`,
    [ENTITIES],
  );
  // Without a last run, an entity is dispatched after each successful run of the entity that it depends on.
  await db.query("update sync_status set last_sync = now(), last_attempt = now()");
  await db.query(
    "insert into tournaments (no, name, season, status, start_date, end_date) select (70000 + i)::text, 'Example', '2026', 6, now()::date, now()::date from generate_series(1, 500) i",
  );
  for (let from = 0; from < runs; from += 500_000) {
    await db.query(
      `insert into sync_execution_history (entity_type, trigger, status, execution_start, execution_end, tournaments_processed, tournaments_failed, memory_usage_mb, error_count,
        api_calls, api_response_ms_total, records_read, records_inserted, cache_hits, cache_misses)
      select case i % $4::int when 0 then 'tournaments' when 1 then 'matches_schedule' else 'feed_' || i % $4::int + 1 end, 'CRON',
        case when i % 20 = 0 then 'FAILED' else 'SUCCEEDED' end, s.at,
        s.at + (5 + i % 100) * interval '1 second', 10, 0, 50 + i % 100, (i % 20 = 0)::int, 10, 1000, 400, 400, 5, 5
      from generate_series($1::int + 1, $2::int) i cross join lateral (select now() - i * (interval '365 days' / $3::int) as at) s`,
      [from, Math.min(from + 500_000, runs), runs, ENTITIES],
    );
  }
  await db.query(
    `insert into sync_error_log (sync_execution_id, entity_type, tournament_no, error_type, error_code, error_severity, retryable, error_message, fingerprint, occurred_at)
    select id, entity_type, (70000 + (random() * 499)::int + 1)::text, 'API', 'X', 'LOW', true, 'm', 'f' || (random() * 40)::int, execution_end
    from sync_execution_history where status = 'FAILED'`,
  );
  await db.query(
    `insert into sync_tournament_results (sync_execution_id, tournament_no, entity_type, success, records_processed, processing_duration, created_at)
    select id, (70001 + (random() * 499)::int)::text, 'matches_schedule', true, 40, '1 second', execution_end from sync_execution_history where entity_type <> 'tournaments'`,
  );
  // The rebuild omits the first day, whose runs can be incomplete.
  await db.query("select private.rebuild_metrics(now() - interval '364 days', now() + interval '1 day')");
  await db.query("vacuum analyze");
}
