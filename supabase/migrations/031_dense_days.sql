-- A day with very many runs is read from the rollup too, so that what is looked at most costs about the same at any density.

create function private.is_dense(p_entity_type text, as_of timestamptz) returns boolean
language plpgsql stable set search_path = '' set plan_cache_mode = force_generic_plan as $$
begin
  return (
    select coalesce(sum(m.runs_counted + m.runs_cancelled + m.runs_skipped), 0) > 1000
    from public.sync_metrics_hourly m
    where m.entity_type = p_entity_type and m.hour > as_of - interval '25 hours' and m.hour <= as_of
  );
end
$$;
comment on function private.is_dense(text, timestamptz) is
  'Whether an entity had over a thousand runs in the last day: then it is read from the rollup, and from the runs, percentiles exact, below that.';

create type private.day_part as (
  at timestamptz,
  is_full_run boolean,
  runs bigint,
  weight numeric,
  duration_ms numeric,
  duration_histogram integer[],
  records_processed bigint,
  cache_hits bigint,
  cache_misses bigint,
  api_calls bigint,
  api_response_ms bigint,
  memory_mb integer,
  errors bigint
);
comment on type private.day_part is 'One run, or one hour of the rollup, which alone has a histogram; runs and durations are of counted runs.';

create function private.day_parts(entity public.sync_status, as_of timestamptz) returns setof private.day_part
language plpgsql stable set search_path = '' set plan_cache_mode = force_generic_plan set jit = off as $$
begin
  return query with bounds as materialized (
    select private.is_dense(entity.entity_type, as_of) as is_dense, as_of - interval '24 hours' as began,
      date_trunc('hour', as_of - interval '24 hours', 'UTC') + interval '1 hour' as first_hour, date_trunc('hour', as_of, 'UTC') as last_hour
  ),
  -- All of them; or those of the broken hours at the edges, and what runs still.
  run as (
    select h.* from bounds b join public.sync_execution_history h
      on h.entity_type = entity.entity_type and h.execution_start > b.began
      and h.execution_start < case when b.is_dense then b.first_hour else as_of + interval '1 microsecond' end
    union all
    select h.* from bounds b join public.sync_execution_history h
      on b.is_dense and h.entity_type = entity.entity_type and h.execution_start >= b.last_hour and h.execution_start <= as_of
    union all
    select h.* from bounds b join public.sync_execution_history h
      on b.is_dense and h.entity_type = entity.entity_type and h.status = 'RUNNING'
      and h.execution_start >= b.first_hour and h.execution_start < b.last_hour
  )
  select r.execution_start, r.tournament_no is null, (r.success_weight is not null)::integer::bigint, r.success_weight,
    case when r.success_weight is not null then extract(epoch from r.duration) * 1000 end, null::integer[], r.records_processed::bigint,
    r.cache_hits::bigint, r.cache_misses::bigint, r.api_calls::bigint, r.api_response_ms_total::bigint, r.memory_usage_mb, r.error_count::bigint
  from run r
  union all
  select m.hour, m.is_full_run, m.runs_counted, m.success_weight, m.duration_ms_total, m.duration_histogram, m.records_processed, m.cache_hits,
    m.cache_misses, m.api_calls, m.api_response_ms_total, m.memory_usage_mb_peak, m.errors
  from bounds b join public.sync_metrics_hourly m
    on b.is_dense and m.entity_type = entity.entity_type and m.hour >= b.first_hour and m.hour < b.last_hour;
end
$$;
comment on function private.day_parts(public.sync_status, timestamptz) is
  'What an entity''s last 24 hours are made of: its runs, or where they are many whole hours of the rollup and the runs at the edges.';

create or replace function private.entity_health(entity public.sync_status, as_of timestamptz) returns jsonb
language plpgsql stable set search_path = '' set plan_cache_mode = force_generic_plan set jit = off as $$
begin
  return (with part as materialized (
    select * from private.day_parts(entity, as_of)
  ),
  figures as (
    select
      sum(weight) filter (where is_full_run) / nullif(sum(runs) filter (where is_full_run), 0) as success_rate,
      coalesce(sum(runs) filter (where is_full_run), 0) as runs,
      sum(duration_ms) filter (where is_full_run) / nullif(sum(runs) filter (where is_full_run), 0) as average_duration_ms,
      case when count(duration_histogram) = 0
        then percentile_cont(0.95) within group (order by duration_ms) filter (where is_full_run)
        else (
          select min(s.ms) from (
            select ms, sum(n) over (order by ms) as upto, sum(n) over () as total from (
              select duration_ms::double precision as ms, 1::bigint as n from part where is_full_run and duration_histogram is null and duration_ms is not null
              union all
              select private.bucket_ms(bucket), n from (
                select array_lower(p.duration_histogram, 1) - 1 + h.position as bucket, sum(h.n)::bigint as n
                from part p cross join unnest(p.duration_histogram) with ordinality h (n, position)
                where p.is_full_run group by 1
              ) merged
            ) points
          ) s where s.upto >= 0.95 * s.total)
      end as p95_duration_ms,
      sum(records_processed) filter (where at >= date_trunc('day', as_of, 'UTC')) as records_processed_today,
      sum(cache_hits) as cache_hits,
      sum(cache_misses) as cache_misses,
      sum(api_calls) as api_calls,
      sum(api_response_ms) as api_response_ms_total,
      max(memory_mb) as peak_memory_mb,
      sum(errors) as errors
    from part
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
  from figures);
end
$$;

create or replace function public.schema_version() returns integer
language sql immutable set search_path = ''
return 31;

revoke execute on function private.is_dense(text, timestamptz), private.day_parts(public.sync_status, timestamptz) from public, anon, authenticated;
grant execute on function private.is_dense(text, timestamptz), private.day_parts(public.sync_status, timestamptz) to service_role;
