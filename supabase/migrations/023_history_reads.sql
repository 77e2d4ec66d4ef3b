-- Figures over time: a day exactly from its runs, longer periods from the rollups, which are exact but for percentiles (4.8 % at most).

create or replace function private.entity_health(entity public.sync_status, as_of timestamptz) returns jsonb
language sql stable set search_path = ''
begin atomic
  with day as (
    select h.*, h.success_weight as weight
    from public.sync_execution_history h
    where h.entity_type = entity.entity_type and h.execution_start > as_of - interval '24 hours' and h.execution_start <= as_of
  ),
  figures as (
    select
      avg(weight) filter (where tournament_no is null) as success_rate,
      count(weight) filter (where tournament_no is null) as runs,
      avg(extract(epoch from duration) * 1000) filter (where tournament_no is null and weight is not null) as average_duration_ms,
      percentile_cont(0.95) within group (order by extract(epoch from duration) * 1000)
        filter (where tournament_no is null and weight is not null) as p95_duration_ms,
      sum(records_processed) filter (where execution_start >= date_trunc('day', as_of, 'UTC')) as records_processed_today,
      sum(cache_hits) as cache_hits,
      sum(cache_misses) as cache_misses,
      sum(api_calls) as api_calls,
      sum(api_response_ms_total) as api_response_ms_total,
      max(memory_usage_mb) as peak_memory_mb,
      sum(error_count) as errors
    from day
  ),
  latest as (
    select h.id, h.status, h.status_reason, h.execution_start, h.tournaments_failed, h.tournaments_processed, h.tournaments_total,
      extract(epoch from h.duration) * 1000 as duration_ms
    from public.sync_execution_history h
    where h.entity_type = entity.entity_type and h.tournament_no is null and h.status not in ('RUNNING', 'SKIPPED', 'CANCELLED')
      and h.execution_start <= as_of
    order by h.execution_start desc limit 1
  ),
  running as (
    select h.id, h.execution_start, h.deadline, h.lease_expires_at, h.current_stage, h.tournaments_processed, h.tournaments_total
    from public.sync_execution_history h
    where h.entity_type = entity.entity_type and h.tournament_no is null and h.status = 'RUNNING'
  )
  select jsonb_build_object(
    'entity_type', entity.entity_type,
    'is_paused', entity.paused_at is not null,
    'paused_by', entity.paused_by,
    'paused_at', entity.paused_at,
    'paused_reason', entity.paused_reason,
    'created_at', entity.created_at,
    'last_successful_sync', entity.last_sync,
    'last_attempt', entity.last_attempt,
    'next_sync', private.last_due(entity.schedule_anchor, entity.sync_frequency, as_of) + entity.sync_frequency,
    'overdue_since', private.overdue_since(entity, as_of),
    'max_runtime_ms', extract(epoch from entity.max_runtime) * 1000,
    'consecutive_failures', entity.consecutive_failures,
    'failure_threshold', entity.alert_threshold_failures,
    'runs_24h', figures.runs,
    'success_rate_24h', figures.success_rate,
    'average_duration_ms', figures.average_duration_ms,
    'p95_duration_ms', figures.p95_duration_ms,
    'records_processed_today', coalesce(figures.records_processed_today, 0),
    'cache_hits_24h', coalesce(figures.cache_hits, 0),
    'cache_misses_24h', coalesce(figures.cache_misses, 0),
    'api_calls_24h', coalesce(figures.api_calls, 0),
    'api_response_ms_24h', coalesce(figures.api_response_ms_total, 0),
    'peak_memory_mb_24h', figures.peak_memory_mb,
    'errors_24h', coalesce(figures.errors, 0),
    'latest_run', (select to_jsonb(latest) from latest),
    'running', (select to_jsonb(running) from running)
  )
  from figures;
end;

create function private.grain_of(span interval) returns text
language sql immutable set search_path = ''
return case when span <= interval '24 hours' then 'runs' when span <= interval '30 days' then 'hours' else 'days' end;
comment on function private.grain_of(interval) is 'What a period is read from: a day from its runs, a month from the hourly rollup, longer from the daily one.';

create type private.run_sums as (
  at timestamptz,
  entity_type varchar,
  trigger varchar,
  is_full_run boolean,
  runs bigint,
  runs_succeeded bigint,
  runs_partial bigint,
  runs_failed bigint,
  runs_timed_out bigint,
  runs_cancelled bigint,
  runs_skipped bigint,
  runs_counted bigint,
  success_weight numeric,
  duration_ms numeric,
  records_read bigint,
  records_processed bigint,
  records_rejected bigint,
  api_calls bigint,
  api_errors bigint,
  api_retries bigint,
  api_bytes bigint,
  api_response_ms bigint,
  cache_hits bigint,
  cache_misses bigint,
  errors bigint,
  memory_mb integer
);
comment on type private.run_sums is 'What is added up of ended runs that began in a stretch of time; durations are of counted runs.';

create function private.run_sums(p_from timestamptz, p_until timestamptz, p_entity_type text, step interval, grain text)
returns setof private.run_sums
language sql stable set search_path = ''
begin atomic
  select date_bin(step, h.execution_start, '2000-01-01 00:00:00+00'), h.entity_type, h.trigger, h.tournament_no is null, count(*),
    count(*) filter (where h.status = 'SUCCEEDED'), count(*) filter (where h.status = 'PARTIAL'), count(*) filter (where h.status = 'FAILED'),
    count(*) filter (where h.status = 'TIMED_OUT'), count(*) filter (where h.status = 'CANCELLED'), count(*) filter (where h.status = 'SKIPPED'),
    count(h.success_weight), coalesce(sum(h.success_weight), 0),
    coalesce(round(sum(extract(epoch from h.duration) * 1000) filter (where h.success_weight is not null)), 0), sum(h.records_read), sum(h.records_processed),
    sum(h.records_rejected), sum(h.api_calls), sum(h.api_errors), sum(h.api_retries), sum(h.api_bytes)::bigint, sum(h.api_response_ms_total)::bigint,
    sum(h.cache_hits), sum(h.cache_misses), sum(h.error_count), max(h.memory_usage_mb)
  from public.sync_execution_history h
  where grain = 'runs' and h.execution_start >= p_from and h.execution_start < p_until and h.status <> 'RUNNING'
    and (p_entity_type is null or h.entity_type = p_entity_type)
  group by 1, 2, 3, 4
  union all
  select date_bin(step, m.hour, '2000-01-01 00:00:00+00'), m.entity_type, m.trigger, m.is_full_run,
    sum(m.runs_succeeded + m.runs_partial + m.runs_failed + m.runs_timed_out + m.runs_cancelled + m.runs_skipped), sum(m.runs_succeeded),
    sum(m.runs_partial), sum(m.runs_failed), sum(m.runs_timed_out), sum(m.runs_cancelled), sum(m.runs_skipped), sum(m.runs_counted),
    sum(m.success_weight), sum(m.duration_ms_total), sum(m.records_read)::bigint, sum(m.records_processed)::bigint, sum(m.records_rejected)::bigint,
    sum(m.api_calls)::bigint, sum(m.api_errors)::bigint, sum(m.api_retries)::bigint, sum(m.api_bytes)::bigint, sum(m.api_response_ms_total)::bigint,
    sum(m.cache_hits)::bigint, sum(m.cache_misses)::bigint, sum(m.errors)::bigint, max(m.memory_usage_mb_peak)
  from public.sync_metrics_hourly m
  where grain = 'hours' and m.hour >= p_from and m.hour < p_until and (p_entity_type is null or m.entity_type = p_entity_type)
  group by 1, 2, 3, 4
  union all
  select date_bin(step, m.day, '2000-01-01 00:00:00+00'), m.entity_type, m.trigger, m.is_full_run,
    sum(m.runs_succeeded + m.runs_partial + m.runs_failed + m.runs_timed_out + m.runs_cancelled + m.runs_skipped), sum(m.runs_succeeded),
    sum(m.runs_partial), sum(m.runs_failed), sum(m.runs_timed_out), sum(m.runs_cancelled), sum(m.runs_skipped), sum(m.runs_counted),
    sum(m.success_weight), sum(m.duration_ms_total), sum(m.records_read)::bigint, sum(m.records_processed)::bigint, sum(m.records_rejected)::bigint,
    sum(m.api_calls)::bigint, sum(m.api_errors)::bigint, sum(m.api_retries)::bigint, sum(m.api_bytes)::bigint, sum(m.api_response_ms_total)::bigint,
    sum(m.cache_hits)::bigint, sum(m.cache_misses)::bigint, sum(m.errors)::bigint, max(m.memory_usage_mb_peak)
  from public.sync_metrics_daily m
  where grain = 'days' and m.day >= p_from and m.day < p_until and (p_entity_type is null or m.entity_type = p_entity_type)
  group by 1, 2, 3, 4;
end;
comment on function private.run_sums(timestamptz, timestamptz, text, interval, text) is
  'Ended runs that began from p_from to before p_until by step, entity, trigger and scope: exactly from the runs, or from a rollup, whose hours or days the edges must be.';

create function private.duration_points(p_from timestamptz, p_until timestamptz, p_entity_type text, step interval, grain text, by_kind boolean)
returns table (at timestamptz, entity_type varchar, trigger varchar, ms double precision, runs bigint)
language sql stable set search_path = ''
begin atomic
  select date_bin(step, h.execution_start, '2000-01-01 00:00:00+00'), h.entity_type, h.trigger, (extract(epoch from h.duration) * 1000)::double precision, 1
  from public.sync_execution_history h
  where grain = 'runs' and h.execution_start >= p_from and h.execution_start < p_until and h.success_weight is not null and h.tournament_no is null
    and (p_entity_type is null or h.entity_type = p_entity_type)
  union all
  select g.at, g.entity_type, g.trigger, private.bucket_ms(g.bucket), g.runs
  from (
    select date_bin(step, m.at, '2000-01-01 00:00:00+00') as at, case when by_kind then m.entity_type end as entity_type,
      case when by_kind then m.trigger end as trigger, b.bucket, sum(b.runs)::bigint as runs
    from (
      select h.entity_type, h.trigger, h.hour as at, h.duration_histogram from public.sync_metrics_hourly h
      where grain = 'hours' and h.hour >= p_from and h.hour < p_until and h.is_full_run
      union all
      select d.entity_type, d.trigger, d.day, d.duration_histogram from public.sync_metrics_daily d
      where grain = 'days' and d.day >= p_from and d.day < p_until and d.is_full_run
    ) m cross join unnest(m.duration_histogram) with ordinality b (runs, bucket)
    where b.runs > 0
      and (p_entity_type is null or m.entity_type = p_entity_type)
    group by 1, 2, 3, 4
  ) g;
end;
comment on function private.duration_points(timestamptz, timestamptz, text, interval, text, boolean) is
  'Durations in ms of counted full runs with how many had them, {by_kind} by entity and trigger; from the rollup by its histogram''s buckets.';

create function public.get_performance_history(p jsonb, as_of timestamptz default now()) returns jsonb
language sql stable set search_path = ''
begin atomic
  with frame as (
    select s.step, s.grain, date_bin(s.step, as_of, '2000-01-01 00:00:00+00') + s.step as until,
      date_bin(s.step, as_of, '2000-01-01 00:00:00+00') + s.step - (p ->> 'span')::interval as began
    from (select (p ->> 'step')::interval as step, private.grain_of((p ->> 'span')::interval) as grain) s
  ),
  sums as materialized (
    select r.* from frame f cross join lateral private.run_sums(f.began, f.until, p ->> 'entity_type', f.step, f.grain) r
  ),
  points as materialized (
    select d.* from frame f cross join lateral private.duration_points(f.began, f.until, p ->> 'entity_type', f.step, f.grain, false) d
  ),
  percentiles as (
    select at, min(ms) filter (where upto >= 0.5 * total) as p50, min(ms) filter (where upto >= 0.95 * total) as p95,
      min(ms) filter (where upto >= 0.99 * total) as p99
    from (
      select at, ms, sum(runs) over (partition by at order by ms) as upto, sum(runs) over (partition by at) as total from points
      union all
      -- All of them once more, for the whole period.
      select null, ms, sum(runs) over (order by ms), sum(runs) over () from (select ms, sum(runs) as runs from points group by ms) whole
    ) cumulated group by at
  ),
  due as (
    -- Runs of the schedule that were due, for the entities that have one; a bucket that begins before an entity was there counts none.
    select b.at, sum(greatest(
      floor(extract(epoch from least(b.at + f.step, as_of - e.grace) - e.schedule_anchor) / extract(epoch from e.sync_frequency))
      - floor(extract(epoch from b.at - e.schedule_anchor) / extract(epoch from e.sync_frequency)), 0)) as runs_due
    from frame f cross join lateral generate_series(f.began, f.until - f.step, f.step) b (at)
    join public.sync_status e on e.is_active and (p ->> 'entity_type' is null or e.entity_type = p ->> 'entity_type') and e.created_at <= b.at
    group by b.at
  ),
  bucket as (
    select b.at, sum(s.runs) as runs, sum(s.runs) filter (where s.is_full_run and s.trigger = 'CRON') as runs_by_schedule, d.runs_due,
      sum(s.success_weight) filter (where s.is_full_run) / nullif(sum(s.runs_counted) filter (where s.is_full_run), 0) as success_rate,
      sum(s.duration_ms) filter (where s.is_full_run) / nullif(sum(s.runs_counted) filter (where s.is_full_run), 0) as duration_ms,
      sum(s.records_processed) as records_processed, max(s.memory_mb) as memory_usage_mb, sum(s.errors) as error_count,
      sum(s.cache_hits)::numeric / nullif(sum(s.cache_hits + s.cache_misses), 0) as cache_hit_ratio,
      sum(s.api_response_ms)::numeric / nullif(sum(s.api_calls), 0) as api_response_ms
    from frame f cross join lateral generate_series(f.began, f.until - f.step, f.step) b (at)
    left join sums s on s.at = b.at left join due d on d.at = b.at
    group by b.at, d.runs_due
  )
  select jsonb_build_object(
    'from', f.began, 'until', f.until, 'step_ms', extract(epoch from f.step) * 1000,
    'data_points', (
      select jsonb_agg(jsonb_build_object('timestamp', b.at, 'success_rate', round(b.success_rate, 6), 'duration_ms', round(b.duration_ms, 1),
        'p50_duration_ms', round(q.p50::numeric, 1), 'p95_duration_ms', round(q.p95::numeric, 1), 'p99_duration_ms', round(q.p99::numeric, 1),
        'records_processed', b.records_processed, 'memory_usage_mb', b.memory_usage_mb, 'error_count', b.error_count, 'runs', coalesce(b.runs, 0),
        'runs_missed', case when b.runs_due is not null then greatest(b.runs_due - coalesce(b.runs_by_schedule, 0), 0) end,
        'cache_hit_ratio', round(b.cache_hit_ratio, 6), 'api_response_ms', round(b.api_response_ms, 1)) order by b.at)
      from bucket b left join percentiles q on q.at = b.at),
    'aggregated_metrics', (
      select jsonb_build_object('runs', coalesce(sum(s.runs), 0),
        'success_rate', round(sum(s.success_weight) filter (where s.is_full_run) / nullif(sum(s.runs_counted) filter (where s.is_full_run), 0), 6),
        'average_duration_ms', round(sum(s.duration_ms) filter (where s.is_full_run) / nullif(sum(s.runs_counted) filter (where s.is_full_run), 0), 1),
        'p50_duration_ms', (select round(q.p50::numeric, 1) from percentiles q where q.at is null),
        'p95_duration_ms', (select round(q.p95::numeric, 1) from percentiles q where q.at is null),
        'p99_duration_ms', (select round(q.p99::numeric, 1) from percentiles q where q.at is null),
        'records_processed', coalesce(sum(s.records_processed), 0), 'peak_memory_mb', max(s.memory_mb), 'error_count', coalesce(sum(s.errors), 0),
        'runs_missed', (select sum(greatest(b.runs_due - coalesce(b.runs_by_schedule, 0), 0)) from bucket b),
        'cache_hit_ratio', round(sum(s.cache_hits)::numeric / nullif(sum(s.cache_hits + s.cache_misses), 0), 6),
        'api_calls', coalesce(sum(s.api_calls), 0),
        'api_response_ms', round(sum(s.api_response_ms)::numeric / nullif(sum(s.api_calls), 0), 1))
      from sums s)
  )
  from frame f;
end;
comment on function public.get_performance_history(jsonb, timestamptz) is
  'Evenly spaced buckets of {step} over {span}, for {entity_type?} or all: an empty one has no runs and null figures. Rates and durations over full runs, records and errors over every run.';

create function public.get_sync_statistics(p jsonb, as_of timestamptz default now()) returns jsonb
language sql stable set search_path = ''
begin atomic
  with frame as (
    select s.span, s.grain, s.until, s.until - s.span as began, s.until - 2 * s.span as before
    from (
      select (p ->> 'span')::interval as span, private.grain_of((p ->> 'span')::interval) as grain,
        case private.grain_of((p ->> 'span')::interval)
          when 'runs' then as_of + interval '1 microsecond'
          when 'hours' then date_bin('1 hour', as_of, '2000-01-01 00:00:00+00') + interval '1 hour'
          else date_bin('1 day', as_of, '2000-01-01 00:00:00+00') + interval '1 day'
        end as until
    ) s
  ),
  sums as materialized (
    select 'current' as period, r.* from frame f cross join lateral private.run_sums(f.began, f.until, p ->> 'entity_type', '365000 days', f.grain) r
    union all
    select 'previous', r.* from frame f cross join lateral private.run_sums(f.before, f.began, p ->> 'entity_type', '365000 days', f.grain) r
  ),
  points as materialized (
    select 'current' as period, d.* from frame f cross join lateral private.duration_points(f.began, f.until, p ->> 'entity_type', '365000 days', f.grain, true) d
    union all
    select 'previous', d.* from frame f cross join lateral private.duration_points(f.before, f.began, p ->> 'entity_type', '365000 days', f.grain, true) d
  ),
  keyed as (
    select s.*, k.by_entity, k.by_trigger from sums s
    cross join lateral (values (s.entity_type, s.trigger), (s.entity_type, null), (null, null)) k (by_entity, by_trigger)
  ),
  percentiles as (
    select period, by_entity, by_trigger, min(ms) filter (where upto >= 0.5 * total) as p50, min(ms) filter (where upto >= 0.95 * total) as p95,
      min(ms) filter (where upto >= 0.99 * total) as p99
    from (
      select d.period, k.by_entity, k.by_trigger, d.ms,
        sum(d.runs) over (partition by d.period, k.by_entity, k.by_trigger order by d.ms) as upto,
        sum(d.runs) over (partition by d.period, k.by_entity, k.by_trigger) as total
      from points d cross join lateral (values (d.entity_type, d.trigger), (d.entity_type, null), (null, null)) k (by_entity, by_trigger)
    ) cumulated group by period, by_entity, by_trigger
  ),
  stat as (
    select k.by_entity, k.by_trigger, k.period, jsonb_build_object(
      'runs', sum(k.runs), 'succeeded', sum(k.runs_succeeded), 'partial', sum(k.runs_partial), 'failed', sum(k.runs_failed),
      'timed_out', sum(k.runs_timed_out), 'cancelled', sum(k.runs_cancelled), 'skipped', sum(k.runs_skipped),
      'success_rate', round(sum(k.success_weight) filter (where k.is_full_run) / nullif(sum(k.runs_counted) filter (where k.is_full_run), 0), 6),
      'average_duration_ms', round(sum(k.duration_ms) filter (where k.is_full_run) / nullif(sum(k.runs_counted) filter (where k.is_full_run), 0), 1),
      'p50_duration_ms', round(max(q.p50)::numeric, 1), 'p95_duration_ms', round(max(q.p95)::numeric, 1), 'p99_duration_ms', round(max(q.p99)::numeric, 1),
      'records_processed', sum(k.records_processed), 'records_rejected', sum(k.records_rejected),
      'records_per_second', round(sum(k.records_processed) / nullif(sum(k.duration_ms) / 1000, 0), 3),
      'records_per_api_call', round(sum(k.records_processed)::numeric / nullif(sum(k.api_calls), 0), 3),
      'api_calls', sum(k.api_calls), 'api_errors', sum(k.api_errors), 'api_retries', sum(k.api_retries), 'errors', sum(k.errors)
    ) as figures
    from keyed k
    left join percentiles q on q.period = k.period and q.by_entity is not distinct from k.by_entity and q.by_trigger is not distinct from k.by_trigger
    group by k.by_entity, k.by_trigger, k.period
  )
  select jsonb_build_object('from', f.began, 'until', f.until, 'statistics', (
    select coalesce(jsonb_agg(jsonb_build_object('entity_type', g.by_entity, 'trigger', g.by_trigger, 'current', g.now, 'previous', g.before)
      order by g.by_entity nulls first, g.by_trigger nulls first), '[]')
    from (
      select by_entity, by_trigger, (array_agg(figures) filter (where period = 'current'))[1] as now,
        (array_agg(figures) filter (where period = 'previous'))[1] as before
      from stat group by by_entity, by_trigger
    ) g
  ))
  from frame f;
end;
comment on function public.get_sync_statistics(jsonb, timestamptz) is
  'Counts, rates, durations, throughput and retries over {span} and the one before it, in all, by entity, and by entity and trigger; for {entity_type?} or all.';

revoke execute on function private.grain_of(interval), private.run_sums(timestamptz, timestamptz, text, interval, text),
  private.duration_points(timestamptz, timestamptz, text, interval, text, boolean), public.get_performance_history(jsonb, timestamptz),
  public.get_sync_statistics(jsonb, timestamptz) from public, anon, authenticated;
grant execute on function private.grain_of(interval), private.run_sums(timestamptz, timestamptz, text, interval, text),
  private.duration_points(timestamptz, timestamptz, text, interval, text, boolean), public.get_performance_history(jsonb, timestamptz),
  public.get_sync_statistics(jsonb, timestamptz) to service_role;
