-- A history's points come as columns: a third of the words, and of the time that writing and reading them takes.

create or replace function public.get_performance_history(p jsonb, as_of timestamptz default now()) returns json
language plpgsql stable set search_path = '' set plan_cache_mode = force_generic_plan set jit = off as $$
declare
  entity constant text := p ->> 'entity_type';
  span constant interval := (p ->> 'span')::interval;
  step constant interval := (p ->> 'step')::interval;
  until constant timestamptz := date_bin(step, as_of, '2000-01-01 00:00:00+00') + step;
  is_kept constant boolean := span > interval '24 hours' or span = interval '24 hours' and private.dense_day() < (
    select coalesce(sum(m.runs), 0) from public.sync_metrics_points m
    where (m.entity_type = entity or (entity is null and m.entity_type is null))
      and m.step = '1 hour' and m.at > as_of - interval '25 hours' and m.at <= as_of
  );
begin
  return (
    with point as materialized (
      select k.* from private.points_kept(until - span, until, entity, step) k where is_kept
      union all
      select r.* from private.points_of_runs(until - span, until, entity, step) r where not is_kept
    ),
    -- Runs of the schedule that were due, for the entities that have one; a bucket that begins before an entity was there counts none.
    scheduled as materialized (
      select s.created_at, (extract(epoch from s.schedule_anchor) * 1000000)::bigint as anchor, (extract(epoch from s.sync_frequency) * 1000000)::bigint as every,
        (extract(epoch from as_of - s.grace) * 1000000)::bigint as settled, count(*) as entities
      from public.sync_status s where s.is_active and (entity is null or s.entity_type = entity) group by 1, 2, 3, 4
    ),
    bucket as materialized (
      select b.at, p.runs, p.runs_by_schedule, p.runs_counted, p.success_weight, p.duration_ms, p.p50_ms, p.p95_ms, p.p99_ms, p.records_processed,
        p.api_calls, p.api_response_ms, p.cache_hits, p.cache_misses, p.errors, p.memory_mb,
        case when d.runs is not null then greatest(d.runs - coalesce(p.runs_by_schedule, 0), 0) end as runs_missed
      from generate_series(until - span, until - step, step) b (at)
      cross join lateral (
        select (extract(epoch from b.at) * 1000000)::bigint as begins, (extract(epoch from b.at + step) * 1000000)::bigint as ends
      ) f
      cross join lateral (
        select sum(s.entities * greatest((least(f.ends, s.settled) - s.anchor) / s.every - (f.begins - s.anchor) / s.every, 0)) as runs
        from scheduled s where s.created_at <= b.at
      ) d
      left join point p on p.at = b.at
    )
    select json_build_object(
      'from', until - span, 'until', until, 'step_ms', extract(epoch from step) * 1000,
      'data_points', (
        -- As columns, which name each field once.
        select json_build_object('timestamp', json_agg(b.at), 'success_rate', json_agg(round(b.success_weight / nullif(b.runs_counted, 0), 6)),
          'duration_ms', json_agg(round(b.duration_ms / nullif(b.runs_counted, 0), 1)), 'p50_duration_ms', json_agg(b.p50_ms),
          'p95_duration_ms', json_agg(b.p95_ms), 'p99_duration_ms', json_agg(b.p99_ms), 'records_processed', json_agg(b.records_processed),
          'memory_usage_mb', json_agg(b.memory_mb), 'error_count', json_agg(b.errors), 'runs', json_agg(coalesce(b.runs, 0)),
          'runs_missed', json_agg(b.runs_missed),
          'cache_hit_ratio', json_agg(round(b.cache_hits::numeric / nullif(b.cache_hits + b.cache_misses, 0), 6)),
          'api_response_ms', json_agg(round(b.api_response_ms::numeric / nullif(b.api_calls, 0), 1)))
        from (select * from bucket order by at) b),
      'aggregated_metrics', (
        select json_build_object('runs', coalesce(w.runs, 0), 'success_rate', round(w.success_weight / nullif(w.runs_counted, 0), 6),
          'average_duration_ms', round(w.duration_ms / nullif(w.runs_counted, 0), 1), 'p50_duration_ms', w.p50_ms,
          'p95_duration_ms', w.p95_ms, 'p99_duration_ms', w.p99_ms,
          'records_processed', coalesce(w.records_processed, 0), 'peak_memory_mb', w.memory_mb, 'error_count', coalesce(w.errors, 0),
          'runs_missed', (select sum(b.runs_missed) from bucket b),
          'cache_hit_ratio', round(w.cache_hits::numeric / nullif(w.cache_hits + w.cache_misses, 0), 6), 'api_calls', coalesce(w.api_calls, 0),
          'api_response_ms', round(w.api_response_ms::numeric / nullif(w.api_calls, 0), 1))
        from point w where w.at is null)
    )
  );
end
$$;

create or replace function public.schema_version() returns integer
language sql immutable set search_path = ''
return 45;
