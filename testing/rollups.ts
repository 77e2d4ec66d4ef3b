import type { TestDatabase } from "./database.ts";

/** Rebuilds the rollups from the stored runs, with 15-minute buckets from `quarters` on; in the product each run adds itself. */
export async function rebuildRollups({ query }: Pick<TestDatabase, "query">, quarters = "-infinity"): Promise<void> {
  for (const [table, column, unit] of [["sync_metrics_hourly", "hour", "hour"], ["sync_metrics_daily", "day", "day"]]) {
    await query(`truncate ${table}`);
    await query(
      `insert into ${table} (entity_type, ${column}, trigger, is_full_run, runs_succeeded, runs_partial, runs_failed, runs_timed_out, runs_cancelled,
        runs_skipped, runs_counted, success_weight, duration_ms_total, duration_runs, duration_histogram, records_read, records_processed,
        records_rejected, api_calls, api_errors, api_retries, api_bytes, api_response_ms_total, cache_hits, cache_misses, errors, memory_usage_mb_peak)
      select g.entity_type, g.at, g.trigger, g.is_full_run, sum(g.succeeded), sum(g.partial), sum(g.failed), sum(g.timed_out), sum(g.cancelled),
        sum(g.skipped), sum(g.counted), sum(g.weight), sum(g.ms), sum(g.counted),
        coalesce((
          select format('[%s:%s]=%s', min(b), max(b), array_agg(coalesce(h.runs, 0) order by b))::integer[]
          from generate_series(min(g.bucket), max(g.bucket)) b
          left join unnest(array_agg(g.bucket), array_agg(g.counted::integer)) h (bucket, runs) on h.bucket = b having count(*) > 0
        ), '{}'),
        sum(g.read), sum(g.processed), sum(g.rejected), sum(g.calls), sum(g.api_errors), sum(g.retries), sum(g.bytes), sum(g.response_ms),
        sum(g.hits), sum(g.misses), sum(g.errors), max(g.memory)
      from (
        select entity_type, date_trunc('${unit}', execution_start, 'UTC') as at, trigger, tournament_no is null as is_full_run,
          case when success_weight is not null then private.duration_bucket(duration) end as bucket,
          count(*) filter (where status = 'SUCCEEDED') as succeeded, count(*) filter (where status = 'PARTIAL') as partial,
          count(*) filter (where status = 'FAILED') as failed, count(*) filter (where status = 'TIMED_OUT') as timed_out,
          count(*) filter (where status = 'CANCELLED') as cancelled, count(*) filter (where status = 'SKIPPED') as skipped,
          count(success_weight) as counted, coalesce(sum(success_weight), 0) as weight,
          coalesce(sum(round(extract(epoch from duration) * 1000)) filter (where success_weight is not null), 0) as ms,
          sum(records_read) as read, sum(records_processed) as processed, sum(records_rejected) as rejected, sum(api_calls) as calls,
          sum(api_errors) as api_errors, sum(api_retries) as retries, sum(api_bytes) as bytes, sum(api_response_ms_total) as response_ms,
          sum(cache_hits) as hits, sum(cache_misses) as misses, sum(error_count) as errors, max(memory_usage_mb) as memory
        from sync_execution_history where status <> 'RUNNING' group by 1, 2, 3, 4, 5
      ) g group by 1, 2, 3, 4`,
    );
  }
  await query("truncate sync_metrics_points");
  await query(
    `with part as materialized (
      select entity_type, date_bin(case when execution_start >= $1 then '15 minutes' else '1 hour' end::interval, execution_start, '2000-01-01 00:00:00+00') as at,
        case when success_weight is not null and tournament_no is null then private.duration_bucket(duration) end as bucket, count(*) as runs,
        count(*) filter (where trigger = 'CRON' and tournament_no is null) as scheduled, sum(success_weight) as weight,
        sum(round(extract(epoch from duration) * 1000)) as ms, sum(records_processed) as processed, sum(api_calls) as calls,
        sum(api_response_ms_total) as response_ms, sum(cache_hits) as hits, sum(cache_misses) as misses, sum(error_count) as errors,
        max(memory_usage_mb) as memory
      from sync_execution_history where status <> 'RUNNING' group by 1, 2, 3
    ),
    point as (
      select e.whose, s.step, date_bin(s.step, p.at, '2000-01-01 00:00:00+00') as at, p.bucket, sum(runs) as runs, sum(scheduled) as scheduled,
        sum(weight) as weight, sum(ms) as ms, sum(processed) as processed, sum(calls) as calls, sum(response_ms) as response_ms, sum(hits) as hits,
        sum(misses) as misses, sum(errors) as errors, max(memory) as memory
      from part p join unnest(array['15 minutes', '1 hour', '2 hours', '1 day', '30 days']::interval[]) s (step) on s.step > '15 minutes' or p.at >= $1
      cross join lateral (values (p.entity_type), (null)) e (whose) group by 1, 2, 3, 4
    )
    insert into sync_metrics_points (entity_type, step, at, runs, runs_by_schedule, runs_counted, success_weight, duration_ms_total, runs_upto,
      records_processed, api_calls, api_response_ms_total, cache_hits, cache_misses, errors, memory_usage_mb_peak)
    select g.whose, g.step, g.at, sum(g.runs), sum(g.scheduled), coalesce(sum(g.runs) filter (where g.bucket is not null), 0),
      coalesce(sum(g.weight) filter (where g.bucket is not null), 0), coalesce(sum(g.ms) filter (where g.bucket is not null), 0),
      coalesce((
        select format('[%s:%s]=%s', min(u.b), max(u.b), array_agg(u.runs order by u.b))::integer[]
        from (
          select b, sum(coalesce(h.runs, 0)) over (order by b) as runs from generate_series(min(g.bucket), max(g.bucket)) b
          left join unnest(array_agg(g.bucket), array_agg(g.runs)) h (bucket, runs) on h.bucket = b
        ) u having count(*) > 0
      ), '{}'), sum(g.processed), sum(g.calls), sum(g.response_ms), sum(g.hits), sum(g.misses), sum(g.errors), max(g.memory)
    from point g group by 1, 2, 3`,
    [quarters],
  );
}
