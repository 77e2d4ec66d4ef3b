-- What is read from points: performance-history, and the day of an entity with very many runs. Past 300 lines, because both are written anew as a whole.

create type private.history_point as (
  at timestamptz,
  runs bigint,
  runs_by_schedule bigint,
  runs_counted bigint,
  success_weight numeric,
  duration_ms numeric,
  p50_ms numeric,
  p95_ms numeric,
  p99_ms numeric,
  records_processed bigint,
  api_calls bigint,
  api_response_ms bigint,
  cache_hits bigint,
  cache_misses bigint,
  errors bigint,
  memory_mb integer
);
comment on type private.history_point is 'What began in one step of time, or where at is null in the whole period; weight and durations are of counted full runs.';

create function private.points_of_runs(p_from timestamptz, p_until timestamptz, p_entity_type text, p_step interval) returns setof private.history_point
language plpgsql stable set search_path = '' set plan_cache_mode = force_generic_plan set jit = off as $$
begin
  return query
    select r.at, r.runs, r.runs_by_schedule, r.runs_counted, r.success_weight, r.duration_ms, round(r.ms[1], 1), round(r.ms[2], 1), round(r.ms[3], 1), r.records_processed,
      r.api_calls, r.api_response_ms, r.cache_hits, r.cache_misses, r.errors, r.memory_mb
    from (
      select h.at, count(*) as runs, count(*) filter (where h.tournament_no is null and h.trigger = 'CRON') as runs_by_schedule,
        count(h.ms) as runs_counted, sum(h.success_weight) filter (where h.ms is not null) as success_weight, sum(h.ms) as duration_ms,
        percentile_disc(array[0.5, 0.95, 0.99]) within group (order by h.ms) as ms,
        sum(h.records_processed) as records_processed, sum(h.api_calls) as api_calls, sum(h.api_response_ms_total)::bigint as api_response_ms,
        sum(h.cache_hits) as cache_hits, sum(h.cache_misses) as cache_misses, sum(h.error_count) as errors, max(h.memory_usage_mb) as memory_mb
      from (
        select *, date_bin(p_step, execution_start, '2000-01-01 00:00:00+00') as at,
          case when success_weight is not null and tournament_no is null then extract(epoch from duration) * 1000 end as ms
        from public.sync_execution_history
        where execution_start >= p_from and execution_start < p_until and status <> 'RUNNING'
          and (p_entity_type is null or entity_type = p_entity_type)
      ) h
      group by grouping sets ((h.at), ())
    ) r;
end
$$;
comment on function private.points_of_runs(timestamptz, timestamptz, text, interval) is 'The points of a stretch that had a run, and the whole, from the runs.';

create function private.points_kept(p_from timestamptz, p_until timestamptz, p_entity_type text, p_step interval) returns setof private.history_point
language plpgsql stable set search_path = '' set plan_cache_mode = force_generic_plan set jit = off as $$
declare
  -- The whole period's histogram is added up from broader points as far as they lie within it: a tenth of the rows.
  broad constant interval := case p_step
    when '15 minutes' then interval '2 hours' when '1 day' then interval '30 days' else interval '1 day' end;
  broad_from constant timestamptz := date_bin(broad, p_from + broad - interval '1 microsecond', '2000-01-01 00:00:00+00');
  broad_until constant timestamptz := greatest(date_bin(broad, p_until, '2000-01-01 00:00:00+00'), broad_from);
begin
  return query
    with kept as materialized (
      select m.* from public.sync_metrics_points m where p_entity_type is null and m.entity_type is null
        and (m.step = p_step and m.at >= p_from and m.at < p_until or m.step = broad and m.at >= broad_from and m.at < broad_until)
      union all
      select m.* from public.sync_metrics_points m where m.entity_type = p_entity_type
        and (m.step = p_step and m.at >= p_from and m.at < p_until or m.step = broad and m.at >= broad_from and m.at < broad_until)
    ),
    part as (
      select * from kept k where k.step = p_step
    ),
    durations as (
      select d.bucket, sum(d.runs) over (order by d.bucket) as upto, sum(d.runs) over () as total
      from (
        select array_lower(m.runs_upto, 1) - 1 + u.position as bucket, sum(u.upto - u.below) as runs
        from kept m cross join lateral unnest(m.runs_upto, 0 || m.runs_upto) with ordinality u (upto, below, position)
        where u.upto > u.below and (m.step = broad or m.at < broad_from or m.at >= broad_until) group by 1
      ) d
    ),
    -- The first bucket with so many runs in and below it.
    point as materialized (
      select m.at, m.runs, m.runs_by_schedule, m.runs_counted, m.success_weight, m.duration_ms_total, m.records_processed, m.api_calls,
        m.api_response_ms_total, m.cache_hits, m.cache_misses, m.errors, m.memory_usage_mb_peak,
        array_lower(m.runs_upto, 1) + width_bucket(ceil(0.5 * m.runs_counted)::integer - 1, m.runs_upto) as p50,
        array_lower(m.runs_upto, 1) + width_bucket(ceil(0.95 * m.runs_counted)::integer - 1, m.runs_upto) as p95,
        array_lower(m.runs_upto, 1) + width_bucket(ceil(0.99 * m.runs_counted)::integer - 1, m.runs_upto) as p99
      from part m
      union all
      select null, sum(m.runs), sum(m.runs_by_schedule), sum(m.runs_counted), sum(m.success_weight), sum(m.duration_ms_total), sum(m.records_processed),
        sum(m.api_calls), sum(m.api_response_ms_total), sum(m.cache_hits), sum(m.cache_misses), sum(m.errors), max(m.memory_usage_mb_peak),
        (select min(d.bucket) from durations d where d.upto >= 0.5 * d.total), (select min(d.bucket) from durations d where d.upto >= 0.95 * d.total),
        (select min(d.bucket) from durations d where d.upto >= 0.99 * d.total)
      from part m
    ),
    -- Once a bucket, and not once a point.
    scale as materialized (
      select b.bucket, round(private.bucket_ms(b.bucket)::numeric, 1) as ms from (select p50 from point union select p95 from point union select p99 from point) b (bucket)
    )
    select p.at, p.runs::bigint, p.runs_by_schedule::bigint, p.runs_counted::bigint, p.success_weight, p.duration_ms_total, a.ms, b.ms, c.ms,
      p.records_processed::bigint, p.api_calls::bigint, p.api_response_ms_total::bigint, p.cache_hits::bigint, p.cache_misses::bigint, p.errors::bigint,
      p.memory_usage_mb_peak
    from point p left join scale a on a.bucket = p.p50 left join scale b on b.bucket = p.p95 left join scale c on c.bucket = p.p99;
end
$$;
comment on function private.points_kept(timestamptz, timestamptz, text, interval) is 'The same from the points that are kept; percentiles err by at most 4.8 %.';

create function private.dense_day() returns integer
language sql immutable set search_path = ''
return 1000;
comment on function private.dense_day() is
  'With more runs than this in the last day, an entity or all of them are read from points, and from the runs, percentiles exact, up to it.';

-- As json: making a jsonb of hundreds of points took as long as reading them.
drop function public.get_performance_history(jsonb, timestamptz);
create function public.get_performance_history(p jsonb, as_of timestamptz default now()) returns json
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
        select json_agg(json_build_object('timestamp', b.at, 'success_rate', round(b.success_weight / nullif(b.runs_counted, 0), 6),
          'duration_ms', round(b.duration_ms / nullif(b.runs_counted, 0), 1), 'p50_duration_ms', b.p50_ms,
          'p95_duration_ms', b.p95_ms, 'p99_duration_ms', b.p99_ms,
          'records_processed', b.records_processed, 'memory_usage_mb', b.memory_mb, 'error_count', b.errors, 'runs', coalesce(b.runs, 0),
          'runs_missed', b.runs_missed, 'cache_hit_ratio', round(b.cache_hits::numeric / nullif(b.cache_hits + b.cache_misses, 0), 6),
          'api_response_ms', round(b.api_response_ms::numeric / nullif(b.api_calls, 0), 1)) order by b.at)
        from bucket b),
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
comment on function public.get_performance_history(jsonb, timestamptz) is
  'Evenly spaced buckets of {step} over {span}, for {entity_type?} or all: an empty one has no runs and null figures. Rates and durations over full runs, records and errors over every run.';

drop function public.read_monitoring(jsonb, timestamptz);
create function public.read_monitoring(p jsonb, as_of timestamptz default now()) returns json
language plpgsql stable set search_path = '' as $$
declare
  fn constant text := p ->> 'fn';
  args constant jsonb := p -> 'p';
  -- Health ages by itself: an answer is good for five seconds at most.
  etag constant text := format('W/"%s"', md5(concat_ws('|', private.data_version(), floor(extract(epoch from as_of) / 5), fn, args)));
begin
  if p ->> 'known' = etag then
    return json_build_object('etag', etag, 'is_same', true);
  end if;
  return json_build_object('etag', etag, 'is_same', false, 'body', case fn
    when 'get_health_overview' then public.get_health_overview(as_of)::json
    when 'get_performance_history' then public.get_performance_history(args, as_of)
    when 'get_sync_statistics' then public.get_sync_statistics(args, as_of)::json
    when 'get_error_analytics' then public.get_error_analytics(args, as_of)::json
    when 'list_errors' then public.list_errors(args)::json
    when 'list_executions' then public.list_executions(args)::json
    when 'get_execution' then public.get_execution(args)::json
    when 'list_tournament_states' then public.list_tournament_states(args, as_of)::json
    when 'get_tournament_state' then public.get_tournament_state(args, as_of)::json
    when 'list_alert_incidents' then public.list_alert_incidents(args)::json
    when 'get_alert_incident' then public.get_alert_incident(args)::json
    when 'get_metrics_facts' then public.get_metrics_facts(as_of)::json
    when 'get_system_facts' then public.get_system_facts(as_of)::json
  end);
end
$$;
comment on function public.read_monitoring(jsonb, timestamptz) is
  'The read {fn} with {p} and its ETag; without the body when {known} is that tag, so that nothing big is read for it.';

create function private.bucket_end_ms(bucket bigint) returns double precision
language plpgsql immutable set search_path = '' as $$
begin
  return power(1.1, bucket - 1);
end
$$;
comment on function private.bucket_end_ms(bigint) is 'The longest duration in ms of a bucket of private.duration_bucket().';

-- The same in PL/pgSQL, which costs a tenth of a call: the overview asks them for each entity.
create or replace function private.bucket_ms(bucket bigint) returns double precision
language plpgsql immutable set search_path = '' as $$
begin
  return power(1.1, bucket - 2) * 2.2 / 2.1;
end
$$;

create or replace function private.last_due(anchor timestamptz, frequency interval, as_of timestamptz) returns timestamptz
language plpgsql immutable set search_path = '' as $$
begin
  return anchor + make_interval(secs => (
    floor(extract(epoch from as_of - anchor) / extract(epoch from frequency)) * extract(epoch from frequency)
  )::double precision);
end
$$;

create or replace function private.overdue_since(entity public.sync_status, as_of timestamptz) returns timestamptz
language plpgsql immutable set search_path = '' as $$
declare
  -- The latest due time whose grace is over: a run must have begun at or after it.
  owed constant timestamptz := private.last_due(entity.schedule_anchor, entity.sync_frequency, as_of - entity.grace);
begin
  if entity.last_attempt >= owed or entity.last_attempt is null and entity.created_at > owed then
    return null;
  end if;
  return private.last_due(entity.schedule_anchor, entity.sync_frequency, coalesce(entity.last_attempt, entity.created_at))
    + entity.sync_frequency + entity.grace;
end
$$;

create or replace function public.get_health_overview(as_of timestamptz default now()) returns jsonb
language plpgsql stable set search_path = '' set plan_cache_mode = force_generic_plan set jit = off as $$
declare
  began constant timestamptz := as_of - interval '24 hours';
  -- The whole quarters of an hour within the day, and within those the whole hours.
  first_quarter constant timestamptz := date_bin('15 minutes', began, '2000-01-01 00:00:00+00') + interval '15 minutes';
  last_quarter constant timestamptz := date_bin('15 minutes', as_of, '2000-01-01 00:00:00+00');
  first_hour constant timestamptz := date_bin('1 hour', first_quarter + interval '45 minutes', '2000-01-01 00:00:00+00');
  last_hour constant timestamptz := date_bin('1 hour', last_quarter, '2000-01-01 00:00:00+00');
begin
  return (
    with hour as materialized (
      select m.* from public.sync_metrics_points m
      where m.entity_type is not null and m.step = '1 hour' and m.at > as_of - interval '25 hours' and m.at <= as_of
    ),
    entity as materialized (
      select s.*, coalesce(d.runs > private.dense_day(), false) as is_dense, private.overdue_since(s, as_of) as overdue_since
      from public.sync_status s left join (select h.entity_type, sum(h.runs) as runs from hour h group by h.entity_type) d on d.entity_type = s.entity_type
      where s.is_active
    ),
    -- All of a day's runs; or, where they are very many, those at its edges and what runs still. Their ids come from the index alone: else the
    -- runs of all entities would be looked through for those of one.
    run as (
      select h.* from entity e cross join lateral (
        select array(
          select r.id from public.sync_execution_history r where r.entity_type = e.entity_type
            and r.execution_start > began and r.execution_start < case when e.is_dense then first_quarter else as_of + interval '1 microsecond' end
          union all
          select r.id from public.sync_execution_history r where e.is_dense and r.entity_type = e.entity_type
            and r.execution_start >= last_quarter and r.execution_start <= as_of
          union all
          select r.id from public.sync_execution_history r where e.is_dense and r.entity_type = e.entity_type
            and r.status = 'RUNNING' and r.execution_start >= first_quarter and r.execution_start < last_quarter
        ) as ids
      ) i join public.sync_execution_history h on h.id = any (i.ids)
    ),
    part as materialized (
      select r.entity_type, r.execution_start as at, c.is_counted::integer::bigint as runs, case when c.is_counted then r.success_weight end as weight,
        case when c.is_counted then extract(epoch from r.duration) * 1000 end as ms, null::integer[] as runs_upto, r.records_processed::bigint,
        r.cache_hits::bigint, r.cache_misses::bigint, r.api_calls::bigint, r.api_response_ms_total::bigint, r.memory_usage_mb, r.error_count::bigint as errors
      from run r cross join lateral (select r.tournament_no is null and r.success_weight is not null as is_counted) c
      union all
      select m.entity_type, m.at, m.runs_counted, m.success_weight, m.duration_ms_total, m.runs_upto, m.records_processed, m.cache_hits,
        m.cache_misses, m.api_calls, m.api_response_ms_total, m.memory_usage_mb_peak, m.errors
      from entity e join (
        select h.* from hour h where h.at >= first_hour and h.at < last_hour
        union all
        select q.* from public.sync_metrics_points q where q.entity_type is not null and q.step = '15 minutes'
          and (q.at >= first_quarter and q.at < first_hour or q.at >= last_hour and q.at < last_quarter)
      ) m on e.is_dense and m.entity_type = e.entity_type
    ),
    figures as (
      select p.entity_type, sum(p.weight) / nullif(sum(p.runs), 0) as success_rate, sum(p.runs) as runs, sum(p.ms) / nullif(sum(p.runs), 0) as average_ms,
        percentile_cont(0.95) within group (order by p.ms) filter (where p.runs_upto is null) as p95_ms,
        sum(p.records_processed) filter (where p.at >= date_trunc('day', as_of, 'UTC')) as records_processed_today, sum(p.cache_hits) as cache_hits,
        sum(p.cache_misses) as cache_misses, sum(p.api_calls) as api_calls, sum(p.api_response_ms_total) as api_response_ms,
        max(p.memory_usage_mb) as peak_memory_mb, sum(p.errors) as errors
      from part p group by p.entity_type
    ),
    -- The percentile of many histograms lies between the least and the greatest of theirs: only those buckets are counted.
    histogram as materialized (
      select p.entity_type, p.runs, p.runs_upto, array_lower(p.runs_upto, 1) + width_bucket(ceil(0.95 * p.runs)::integer - 1, p.runs_upto) as p95
      from part p where p.runs_upto <> '{}'
    ),
    edge as materialized (
      select p.entity_type, count(p.ms) as runs, array_agg(p.ms::double precision order by p.ms) filter (where p.ms is not null) as sorted_ms,
        private.duration_bucket(make_interval(secs => percentile_disc(0.95) within group (order by p.ms::double precision) / 1000)) as p95
      from part p join entity e on e.entity_type = p.entity_type and e.is_dense where p.runs_upto is null group by p.entity_type
    ),
    bounds as (
      select b.entity_type, min(b.p95) as least, max(b.p95) as greatest, sum(b.runs) as runs
      from (select h.entity_type, h.runs, h.p95 from histogram h union all select e.entity_type, e.runs, e.p95 from edge e) b group by b.entity_type
    ),
    counted as (
      select b.entity_type, b.runs, c.bucket, sum(coalesce(h.runs_upto[c.bucket], case when c.bucket > h.p95 then h.runs else 0 end)) as upto
      from bounds b cross join lateral generate_series(b.least, b.greatest) c (bucket) left join histogram h on h.entity_type = b.entity_type
      group by b.entity_type, b.runs, c.bucket
    ),
    dense as (
      select c.entity_type, private.bucket_ms(min(c.bucket)) as p95_ms
      from counted c left join edge e on e.entity_type = c.entity_type
      where c.upto + coalesce(width_bucket(private.bucket_end_ms(c.bucket), e.sorted_ms), 0) >= 0.95 * c.runs group by c.entity_type
    )
    select jsonb_build_object(
      'as_of', as_of,
      'entities', coalesce(jsonb_agg(jsonb_build_object(
        'entity_type', e.entity_type,
        'is_paused', e.paused_at is not null,
        'paused_by', e.paused_by,
        'paused_at', e.paused_at,
        'paused_reason', e.paused_reason,
        'created_at', e.created_at,
        'last_successful_sync', e.last_sync,
        'last_attempt', e.last_attempt,
        'next_sync', private.last_due(e.schedule_anchor, e.sync_frequency, as_of) + e.sync_frequency,
        'overdue_since', e.overdue_since,
        'max_runtime_ms', extract(epoch from e.max_runtime) * 1000,
        'consecutive_failures', e.consecutive_failures,
        'failure_threshold', e.alert_threshold_failures,
        'runs_24h', coalesce(f.runs, 0),
        'success_rate_24h', f.success_rate,
        'average_duration_ms', f.average_ms,
        'p95_duration_ms', case when e.is_dense then d.p95_ms else f.p95_ms end,
        'records_processed_today', coalesce(f.records_processed_today, 0),
        'cache_hits_24h', coalesce(f.cache_hits, 0),
        'cache_misses_24h', coalesce(f.cache_misses, 0),
        'api_calls_24h', coalesce(f.api_calls, 0),
        'api_response_ms_24h', coalesce(f.api_response_ms, 0),
        'peak_memory_mb_24h', f.peak_memory_mb,
        'errors_24h', coalesce(f.errors, 0),
        'latest_run', to_jsonb(l),
        'running', to_jsonb(g)
      ) order by e.entity_type), '[]'),
      'upstream', (
        select jsonb_build_object(
          'blocked_until', case when u.blocked_until > as_of then u.blocked_until end,
          'blocked_reason', case when u.blocked_until > as_of then u.blocked_reason end
        )
        from public.upstream_state u where u.upstream = 'vis'
      ),
      'active_alerts', private.active_alerts()
    )
    from entity e
    left join figures f on f.entity_type = e.entity_type
    left join dense d on d.entity_type = e.entity_type
    left join lateral (
      select h.id, h.status, h.status_reason, h.execution_start, h.tournaments_failed, h.tournaments_processed, h.tournaments_total,
        extract(epoch from h.duration) * 1000 as duration_ms
      from public.sync_execution_history h
      -- As a range of entity and time, which only the index of both can go through: an entity that never ran costs nothing.
      where (h.entity_type, h.execution_start) <= (e.entity_type, as_of) and h.entity_type >= e.entity_type
        and h.tournament_no is null and h.status not in ('RUNNING', 'SKIPPED', 'CANCELLED')
      order by h.entity_type desc, h.execution_start desc limit 1
    ) l on true
    left join lateral (
      select h.id, h.execution_start, h.deadline, h.lease_expires_at, h.current_stage, h.tournaments_processed, h.tournaments_total
      from public.sync_execution_history h
      where h.entity_type = e.entity_type and h.tournament_no is null and h.status = 'RUNNING'
    ) g on true
  );
end
$$;
drop function private.entity_health(public.sync_status, timestamptz);

create or replace function public.schema_version() returns integer
language sql immutable set search_path = ''
return 34;

revoke execute on function
  private.points_of_runs(timestamptz, timestamptz, text, interval), private.points_kept(timestamptz, timestamptz, text, interval),
  private.dense_day(), private.bucket_end_ms(bigint), public.get_performance_history(jsonb, timestamptz), public.read_monitoring(jsonb, timestamptz)
from public, anon, authenticated;
grant execute on function
  private.points_of_runs(timestamptz, timestamptz, text, interval), private.points_kept(timestamptz, timestamptz, text, interval),
  private.dense_day(), private.bucket_end_ms(bigint), public.get_performance_history(jsonb, timestamptz), public.read_monitoring(jsonb, timestamptz)
to service_role;
