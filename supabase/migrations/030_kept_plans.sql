-- What is asked most is planned once a session: a function in SQL is planned anew by each call, which took longer than its work.
-- Past 300 lines, because each is written anew as a whole.

create or replace function private.run_sums(p_from timestamptz, p_until timestamptz, p_entity_type text, step interval, grain text)
returns setof private.run_sums
language plpgsql stable set search_path = '' set plan_cache_mode = force_generic_plan set jit = off as $$
begin
  return query
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
end
$$;

create or replace function private.duration_points(p_from timestamptz, p_until timestamptz, p_entity_type text, step interval, grain text, by_kind boolean)
returns table (at timestamptz, entity_type varchar, trigger varchar, ms double precision, runs bigint)
-- Planned for what is asked: how much there is decides between sorting and hashing, which is a third of the time of a month.
language plpgsql stable set search_path = '' set plan_cache_mode = force_custom_plan set jit = off as $$
begin
  return query
  with merged as materialized (
      select date_bin(step, m.at, '2000-01-01 00:00:00+00') as at, case when by_kind then m.entity_type end as entity_type,
        case when by_kind then m.trigger end as trigger, array_lower(m.duration_histogram, 1) - 1 + b.position as bucket, sum(b.runs)::bigint as runs
      from (
        select h.entity_type, h.trigger, h.hour as at, h.duration_histogram from public.sync_metrics_hourly h
        where grain = 'hours' and h.hour >= p_from and h.hour < p_until and h.is_full_run
          and (p_entity_type is null or h.entity_type = p_entity_type)
        union all
        select d.entity_type, d.trigger, d.day, d.duration_histogram from public.sync_metrics_daily d
        where grain = 'days' and d.day >= p_from and d.day < p_until and d.is_full_run
          and (p_entity_type is null or d.entity_type = p_entity_type)
      ) m cross join unnest(m.duration_histogram) with ordinality b (runs, position)
      where b.runs > 0
      group by 1, 2, 3, 4
    ),
    -- Once a bucket, and not once a row.
    scale as materialized (
      select o.bucket, private.bucket_ms(o.bucket) as ms from (select distinct bucket from merged) o
    )
    select date_bin(step, h.execution_start, '2000-01-01 00:00:00+00'), h.entity_type, h.trigger, (extract(epoch from h.duration) * 1000)::double precision, 1
    from public.sync_execution_history h
    where grain = 'runs' and h.execution_start >= p_from and h.execution_start < p_until and h.success_weight is not null and h.tournament_no is null
      and (p_entity_type is null or h.entity_type = p_entity_type)
    union all
    select g.at, g.entity_type, g.trigger, s.ms, g.runs
    from merged g join scale s on s.bucket = g.bucket;
end
$$;

create or replace function public.get_sync_statistics(p jsonb, as_of timestamptz default now()) returns jsonb
language plpgsql stable set search_path = '' set plan_cache_mode = force_generic_plan set jit = off as $$
begin
  return (
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
    from frame f
  );
end
$$;

create or replace function private.data_version() returns text
language plpgsql stable set search_path = '' set plan_cache_mode = force_generic_plan as $$
begin
  return concat_ws('.',
    (select max(s.updated_at) from public.sync_status s),
    (select max(h.heartbeat_at) from public.sync_execution_history h where h.status = 'RUNNING'),
    (select max(e.id) from public.alert_events e),
    (select max(d.id) from public.alert_deliveries d),
    (select max(a.id) from public.audit_log a)
  );
end
$$;

create or replace function private.active_alerts() returns jsonb
language plpgsql stable set search_path = '' set plan_cache_mode = force_generic_plan as $$
begin
  return (
    select coalesce(jsonb_agg(jsonb_build_object('id', i.id, 'name', i.rule_name, 'entity_type', i.entity_type, 'severity', i.severity,
      'state', i.state, 'opened_at', i.opened_at, 'message', i.message) order by i.opened_at, i.id), '[]')
    from public.alert_incidents i where i.state in ('FIRING', 'ACKNOWLEDGED')
  );
end
$$;

create or replace function private.tournament_json(tournament public.tournaments, as_of timestamptz) returns jsonb
language plpgsql stable set search_path = '' set plan_cache_mode = force_generic_plan as $$
begin
  return (
    with latest as materialized (
      select r.success, r.created_at, r.error_message, r.error_type from public.sync_tournament_results r
      where r.tournament_no = tournament.no and r.entity_type = 'matches_schedule' and r.created_at <= as_of order by r.created_at desc limit 50
    ),
    figures as (
      select count(*) as results, avg(success::integer) as success_rate, max(created_at) filter (where success) as last_success,
        max(created_at) as last_result
      from latest
    ),
    failure as (
      select error_message, error_type from latest where not success order by created_at desc limit 1
    )
    select jsonb_build_object('no', tournament.no, 'name', tournament.name, 'season', tournament.season, 'status', tournament.status,
      'start_date', tournament.start_date, 'end_date', tournament.end_date, 'is_vanished', tournament.vanished_at is not null,
      'synced_at', s.synced_at, 'age_ms', extract(epoch from as_of - s.synced_at) * 1000, 'ttl_ms', extract(epoch from s.ttl) * 1000,
      'ttl_left_ms', extract(epoch from s.synced_at + s.ttl - as_of) * 1000, 'match_count', s.match_count, 'live_count', s.live_count,
      'results', f.results, 'success_rate', round(f.success_rate, 6),
      'failing_streak', (select count(*) from latest l where f.last_success is null or l.created_at > f.last_success),
      'last_success', f.last_success, 'last_result', f.last_result, 'last_error', e.error_message, 'last_error_type', e.error_type)
    from figures f left join failure e on true left join public.tournament_sync_state s on s.tournament_no = tournament.no
  );
end
$$;

create or replace function public.list_tournament_states(p jsonb, as_of timestamptz default now()) returns jsonb
language plpgsql stable set search_path = '' set plan_cache_mode = force_generic_plan set jit = off as $$
begin
  return (
    -- Those with a result or a state come first by trouble; the page is cut before the figures of each are gathered.
    with page as (
      select t.no, coalesce(l.is_failing, false) as is_failing, s.synced_at
      from public.tournaments t
      left join public.tournament_sync_state s on s.tournament_no = t.no
      left join lateral (
        select not r.success as is_failing from public.sync_tournament_results r
        where r.tournament_no = t.no and r.entity_type = 'matches_schedule' and r.created_at <= as_of order by r.created_at desc limit 1
      ) l on true
      where (p ->> 'search' is null or t.name ilike '%' || (p ->> 'search') || '%' or t.no = p ->> 'search')
        and (p ->> 'season' is null or t.season = p ->> 'season')
        and (coalesce((p ->> 'failing')::boolean, false) is false or l.is_failing)
        and (p ->> 'season' is not null or p ->> 'search' is not null or s.synced_at is not null or l.is_failing is not null)
      order by 2 desc, s.synced_at desc nulls last, t.no
      offset coalesce((p ->> 'offset')::integer, 0) limit (p ->> 'limit')::integer
    )
    select coalesce(jsonb_agg(private.tournament_json(t, as_of) order by g.is_failing desc, g.synced_at desc nulls last, g.no), '[]')
    from page g join public.tournaments t on t.no = g.no
  );
end
$$;

create or replace function public.schema_version() returns integer
language sql immutable set search_path = ''
return 30;
