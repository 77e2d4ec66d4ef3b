-- The statistics of a day with very many runs take its whole hours from the hourly rollup, and those of a week or a month their whole days from the
-- daily one: what is read no longer grows with the runs.

drop function private.run_sums(timestamptz, timestamptz, text, interval, text);
drop function private.duration_points(timestamptz, timestamptz, text, interval, text, boolean);
drop function private.grain_of(interval);
drop type private.run_sums;

create type private.run_sums as (
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
  records_processed bigint,
  records_rejected bigint,
  api_calls bigint,
  api_errors bigint,
  api_retries bigint,
  errors bigint
);
comment on type private.run_sums is 'What is added up of ended runs that began in a stretch of time; durations are of counted runs.';

create function private.whole_within(
  p_from timestamptz, p_until timestamptz, is_kept boolean,
  out hour_from timestamptz, out day_from timestamptz, out day_until timestamptz, out hour_until timestamptz
)
language plpgsql immutable set search_path = '' as $$
begin
  hour_from := case
    when is_kept then least(date_bin('1 hour', p_from + interval '1 hour' - interval '1 microsecond', '2000-01-01 00:00:00+00'), p_until)
    else p_until
  end;
  hour_until := greatest(date_bin('1 hour', p_until, '2000-01-01 00:00:00+00'), hour_from);
  day_from := least(date_bin('1 day', hour_from + interval '1 day' - interval '1 microsecond', '2000-01-01 00:00:00+00'), hour_until);
  day_until := greatest(date_bin('1 day', hour_until, '2000-01-01 00:00:00+00'), day_from);
end
$$;
comment on function private.whole_within(timestamptz, timestamptz, boolean) is
  'The whole hours within a stretch of time, and the whole days within those; none of either where it is to be read from the runs.';

create function private.run_sums(p_from timestamptz, p_until timestamptz, p_entity_type text, is_kept boolean) returns setof private.run_sums
language plpgsql stable set search_path = '' set plan_cache_mode = force_generic_plan set jit = off as $$
declare
  w constant record := private.whole_within(p_from, p_until, is_kept);
begin
  return query
    select h.entity_type, h.trigger, h.tournament_no is null, count(*),
      count(*) filter (where h.status = 'SUCCEEDED'), count(*) filter (where h.status = 'PARTIAL'), count(*) filter (where h.status = 'FAILED'),
      count(*) filter (where h.status = 'TIMED_OUT'), count(*) filter (where h.status = 'CANCELLED'), count(*) filter (where h.status = 'SKIPPED'),
      count(h.success_weight), coalesce(sum(h.success_weight), 0),
      coalesce(round(sum(extract(epoch from h.duration) * 1000) filter (where h.success_weight is not null)), 0), sum(h.records_processed),
      sum(h.records_rejected), sum(h.api_calls), sum(h.api_errors), sum(h.api_retries), sum(h.error_count)
    from public.sync_execution_history h
    where (h.execution_start >= p_from and h.execution_start < w.hour_from or h.execution_start >= w.hour_until and h.execution_start < p_until)
      and h.status <> 'RUNNING' and (p_entity_type is null or h.entity_type = p_entity_type)
    group by 1, 2, 3
    union all
    select m.entity_type, m.trigger, m.is_full_run,
      sum(m.runs_succeeded + m.runs_partial + m.runs_failed + m.runs_timed_out + m.runs_cancelled + m.runs_skipped)::bigint, sum(m.runs_succeeded)::bigint,
      sum(m.runs_partial)::bigint, sum(m.runs_failed)::bigint, sum(m.runs_timed_out)::bigint, sum(m.runs_cancelled)::bigint, sum(m.runs_skipped)::bigint,
      sum(m.runs_counted)::bigint, sum(m.success_weight), sum(m.duration_ms_total), sum(m.records_processed)::bigint, sum(m.records_rejected)::bigint,
      sum(m.api_calls)::bigint, sum(m.api_errors)::bigint, sum(m.api_retries)::bigint, sum(m.errors)::bigint
    from (
      select o.* from public.sync_metrics_hourly o
      where o.entity_type = any (array(select s.entity_type from public.sync_status s))
        and (o.hour >= w.hour_from and o.hour < w.day_from or o.hour >= w.day_until and o.hour < w.hour_until)
      union all
      select d.* from public.sync_metrics_daily d
      where d.entity_type = any (array(select s.entity_type from public.sync_status s)) and d.day >= w.day_from and d.day < w.day_until
    ) m
    where p_entity_type is null or m.entity_type = p_entity_type
    group by 1, 2, 3;
end
$$;
comment on function private.run_sums(timestamptz, timestamptz, text, boolean) is
  'Ended runs of a stretch of time added up by entity, trigger and kind, from the rollups as far as there are whole hours where it is kept.';

create function private.duration_points(p_from timestamptz, p_until timestamptz, p_entity_type text, is_kept boolean)
returns table (entity_type varchar, trigger varchar, ms double precision, runs bigint)
language plpgsql stable set search_path = '' set plan_cache_mode = force_generic_plan set jit = off as $$
declare
  w constant record := private.whole_within(p_from, p_until, is_kept);
begin
  return query
    with alone as materialized (
      select h.entity_type, h.trigger, date_part('epoch', h.duration) * 1000 as ms
      from public.sync_execution_history h
      where (h.execution_start >= p_from and h.execution_start < w.hour_from or h.execution_start >= w.hour_until and h.execution_start < p_until)
        and h.success_weight is not null and h.tournament_no is null and (p_entity_type is null or h.entity_type = p_entity_type)
    ),
    merged as materialized (
      select g.entity_type, g.trigger, g.bucket, sum(g.runs)::bigint as runs
      from (
        -- As private.duration_bucket() has it, but in doubles: in numerics it would take longer than all else here.
        select a.entity_type, a.trigger, 1 + ceil(ln(greatest(a.ms, 1)) / ln(1.1::double precision))::integer as bucket, 1 as runs from alone a where is_kept
        union all
        select m.entity_type, m.trigger, array_lower(m.duration_histogram, 1) - 1 + b.position::integer, b.runs
        from (
          select o.entity_type, o.trigger, o.is_full_run, o.duration_histogram from public.sync_metrics_hourly o
          where o.entity_type = any (array(select s.entity_type from public.sync_status s))
            and (o.hour >= w.hour_from and o.hour < w.day_from or o.hour >= w.day_until and o.hour < w.hour_until)
          union all
          select d.entity_type, d.trigger, d.is_full_run, d.duration_histogram from public.sync_metrics_daily d
          where d.entity_type = any (array(select s.entity_type from public.sync_status s)) and d.day >= w.day_from and d.day < w.day_until
        ) m cross join unnest(m.duration_histogram) with ordinality b (runs, position)
        where m.is_full_run and b.runs > 0 and (p_entity_type is null or m.entity_type = p_entity_type)
      ) g group by 1, 2, 3
    ),
    -- Once a bucket, and not once a row.
    scale as materialized (
      select o.bucket, private.bucket_ms(o.bucket) as ms from (select distinct bucket from merged) o
    )
    select a.entity_type, a.trigger, a.ms, 1::bigint from alone a where not is_kept
    union all
    select g.entity_type, g.trigger, s.ms, g.runs from merged g join scale s on s.bucket = g.bucket;
end
$$;
comment on function private.duration_points(timestamptz, timestamptz, text, boolean) is
  'How long counted full runs took, by entity and trigger: each one, or where it is kept so many of each bucket.';

create or replace function public.get_sync_statistics(p jsonb, as_of timestamptz default now()) returns jsonb
language plpgsql stable set search_path = '' set plan_cache_mode = force_generic_plan set jit = off as $$
declare
  entity constant text := p ->> 'entity_type';
  span constant interval := (p ->> 'span')::interval;
  -- A month ends with the hour, and longer with the day; a day ends now.
  until constant timestamptz := case
    when span <= interval '24 hours' then as_of + interval '1 microsecond'
    when span <= interval '30 days' then date_bin('1 hour', as_of, '2000-01-01 00:00:00+00') + interval '1 hour'
    else date_bin('1 day', as_of, '2000-01-01 00:00:00+00') + interval '1 day'
  end;
  began constant timestamptz := until - span;
  is_kept constant boolean := span > interval '24 hours' or private.dense_day() < (
    select coalesce(sum(m.runs), 0) from public.sync_metrics_points m
    where (m.entity_type = entity or (entity is null and m.entity_type is null))
      and m.step = '1 hour' and m.at > began - interval '1 hour' and m.at <= as_of
  );
begin
  return (
    with sums as materialized (
      select 'current' as period, r.* from private.run_sums(began, until, entity, is_kept) r
      union all
      select 'previous', r.* from private.run_sums(began - span, began, entity, is_kept) r
    ),
    points as materialized (
      select 'current' as period, d.* from private.duration_points(began, until, entity, is_kept) d
      union all
      select 'previous', d.* from private.duration_points(began - span, began, entity, is_kept) d
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
    select jsonb_build_object('from', began, 'until', until, 'statistics', (
      select coalesce(jsonb_agg(jsonb_build_object('entity_type', g.by_entity, 'trigger', g.by_trigger, 'current', g.now, 'previous', g.before)
        order by g.by_entity nulls first, g.by_trigger nulls first), '[]')
      from (
        select by_entity, by_trigger, (array_agg(figures) filter (where period = 'current'))[1] as now,
          (array_agg(figures) filter (where period = 'previous'))[1] as before
        from stat group by by_entity, by_trigger
      ) g
    ))
  );
end
$$;

create or replace function public.schema_version() returns integer
language sql immutable set search_path = ''
return 46;

revoke execute on function private.whole_within(timestamptz, timestamptz, boolean), private.run_sums(timestamptz, timestamptz, text, boolean),
  private.duration_points(timestamptz, timestamptz, text, boolean) from public, anon, authenticated;
grant execute on function private.whole_within(timestamptz, timestamptz, boolean), private.run_sums(timestamptz, timestamptz, text, boolean),
  private.duration_points(timestamptz, timestamptz, text, boolean) to service_role;
