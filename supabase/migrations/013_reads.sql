-- The reads of the API. Each function returns the numbers and rows of one answer; TypeScript judges them.

create function public.read_with_etag(p jsonb, as_of timestamptz default now()) returns json
language plpgsql stable set search_path = '' as $$
declare
  fn constant text := p ->> 'fn';
  args constant jsonb := p -> 'p';
  -- The snapshot changes when a writing transaction starts or ends. Health also changes without a write (a run becomes overdue): a tag
  -- is valid for 5 seconds at most.
  etag constant text := format('W/"%s"',
    md5(concat_ws('|', pg_current_snapshot(), floor(extract(epoch from as_of) / 5), fn, args)));
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
comment on function public.read_with_etag(jsonb, timestamptz) is
  'Calls the read {fn} with {p} and returns its body and ETag; where {known} equals the ETag, it returns no body and skips the read.';

create function private.active_alerts() returns jsonb
language plpgsql stable set search_path = '' set plan_cache_mode = force_generic_plan as $$
begin
  return (
    select coalesce(jsonb_agg(jsonb_build_object(
      'id', i.id, 'name', i.rule_name, 'entity_type', i.entity_type, 'severity', i.severity,
      'state', i.state, 'opened_at', i.opened_at, 'message', i.message
    ) order by i.opened_at, i.id), '[]')
    from public.alert_incidents i where i.state in ('FIRING', 'ACKNOWLEDGED')
  );
end
$$;
comment on function private.active_alerts() is 'Returns the firing and the acknowledged incidents, the oldest first.';

create function private.dense_day() returns integer
language sql immutable set search_path = '' as $$
  select 1000;
$$;
comment on function private.dense_day() is
  'With more runs than this in the last day, an entity or all of them are read from points, and from the runs, percentiles exact, up to it.';

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

create function public.get_health_overview(as_of timestamptz default now()) returns json
language plpgsql stable set search_path = '' set plan_cache_mode = force_generic_plan set jit = off as $$
declare
  began constant timestamptz := as_of - interval '24 hours';
  midnight constant timestamptz := date_trunc('day', as_of, 'UTC');
  -- The whole quarters of an hour within the day, within those the whole hours, and within those every second: the fewest points that are the day.
  first_quarter constant timestamptz := date_bin('15 minutes', began, '2000-01-01 00:00:00+00') + interval '15 minutes';
  -- While nothing began after as_of, the points of now are up to it, the broadest too.
  last_quarter constant timestamptz := case
    when (select max(h.execution_start) from public.sync_execution_history h) > as_of then date_bin('15 minutes', as_of, '2000-01-01 00:00:00+00')
    else date_bin('2 hours', as_of, '2000-01-01 00:00:00+00') + interval '2 hours'
  end;
  first_hour constant timestamptz := date_bin('1 hour', first_quarter + interval '45 minutes', '2000-01-01 00:00:00+00');
  last_hour constant timestamptz := date_bin('1 hour', last_quarter, '2000-01-01 00:00:00+00');
  first_pair constant timestamptz := date_bin('2 hours', first_hour + interval '1 hour', '2000-01-01 00:00:00+00');
  last_pair constant timestamptz := date_bin('2 hours', last_hour, '2000-01-01 00:00:00+00');
begin
  return (
    with recursive two_hours as materialized (
      select m.* from public.sync_metrics_points m
      where m.entity_type is not null and m.step = '2 hours' and m.at > as_of - interval '26 hours' and m.at <= as_of
    ),
    entity as materialized (
      select s.*, coalesce(d.runs > private.dense_day(), false) as is_dense, private.overdue_since(s, as_of) as overdue_since
      from public.sync_status s left join (select h.entity_type, sum(h.runs) as runs from two_hours h group by h.entity_type) d on d.entity_type = s.entity_type
      where s.is_active
    ),
    -- All of a day's runs; or, where they are very many, those at its edges and what runs still.
    run as (
      select h.* from entity e cross join lateral (
        -- As a range of entity and time in its order, which only the index of both has: else the runs of all would be looked through for those of
        -- one. There are no more than make a day dense, and those that run still.
        select r.* from public.sync_execution_history r
        where (r.entity_type, r.execution_start) > (e.entity_type, began) and (r.entity_type, r.execution_start) <= (e.entity_type, as_of)
        order by r.entity_type, r.execution_start limit 2 * private.dense_day()
      ) h
      where not e.is_dense
      union all
      -- By time: most of what ran then is theirs, and it stands together.
      select r.* from public.sync_execution_history r
      where r.entity_type = any (array(select e.entity_type from entity e where e.is_dense))
        and (r.execution_start > began and r.execution_start < first_quarter or r.execution_start >= last_quarter and r.execution_start <= as_of)
      union all
      select r.* from public.sync_execution_history r
      where r.entity_type = any (array(select e.entity_type from entity e where e.is_dense))
        and r.status = 'RUNNING' and r.execution_start >= first_quarter and r.execution_start < last_quarter
    ),
    -- Runs one by one, added up; and how long those that count took.
    alone as materialized (
      select s.*, array(select ms from unnest(s.durations) ms order by ms) as sorted_ms
      from (
        select r.entity_type, count(*) filter (where c.is_counted) as runs, sum(r.success_weight) filter (where c.is_counted) as weight,
          sum(extract(epoch from r.duration) * 1000) filter (where c.is_counted) as ms,
          array_agg(date_part('epoch', r.duration) * 1000) filter (where c.is_counted) as durations,
          sum(r.records_processed) filter (where r.execution_start >= midnight) as records_processed_today, sum(r.cache_hits) as cache_hits,
          sum(r.cache_misses) as cache_misses, sum(r.api_calls) as api_calls, sum(r.api_response_ms_total) as api_response_ms,
          max(r.memory_usage_mb) as memory_usage_mb, sum(r.error_count) as errors
        from run r cross join lateral (select r.tournament_no is null and r.success_weight is not null as is_counted) c
        group by r.entity_type
      ) s
    ),
    point as materialized (
      select m.* from (
        select t.* from two_hours t where t.at >= first_pair and t.at < last_pair
        union all
        select h.* from public.sync_metrics_points h where h.entity_type is not null and h.step = '1 hour'
          and (h.at >= first_hour and h.at < first_pair or h.at >= last_pair and h.at < last_hour)
        union all
        select q.* from public.sync_metrics_points q where q.entity_type is not null and q.step = '15 minutes'
          and (q.at >= first_quarter and q.at < first_hour or q.at >= last_hour and q.at < last_quarter)
      ) m where m.entity_type = any (array(select e.entity_type from entity e where e.is_dense))
    ),
    figures as (
      select p.entity_type, sum(p.weight) / nullif(sum(p.runs), 0) as success_rate, sum(p.runs) as runs, sum(p.ms) / nullif(sum(p.runs), 0) as average_ms,
        sum(p.records_processed_today) as records_processed_today, sum(p.cache_hits) as cache_hits,
        sum(p.cache_misses) as cache_misses, sum(p.api_calls) as api_calls, sum(p.api_response_ms) as api_response_ms,
        max(p.memory_usage_mb) as peak_memory_mb, sum(p.errors) as errors
      from (
        select a.entity_type, a.runs, a.weight, a.ms, a.records_processed_today, a.cache_hits, a.cache_misses, a.api_calls, a.api_response_ms,
          a.memory_usage_mb, a.errors
        from alone a
        union all
        select m.entity_type, m.runs_counted, m.success_weight, m.duration_ms_total, case when m.at >= midnight then m.records_processed end,
          m.cache_hits, m.cache_misses, m.api_calls, m.api_response_ms_total, m.memory_usage_mb_peak, m.errors
        from point m
      ) p group by p.entity_type
    ),
    -- The percentile of many histograms lies between the least and the greatest of theirs: only there it is looked for.
    histogram as materialized (
      select p.entity_type, p.runs_counted as runs, p.runs_upto,
        array_lower(p.runs_upto, 1) + width_bucket(ceil(0.95 * p.runs_counted)::integer - 1, p.runs_upto) as p95
      from point p where p.runs_upto <> '{}'
    ),
    bounds as (
      select b.entity_type, min(b.least) as least, max(b.greatest) as greatest, sum(b.runs) as runs
      from (
        select h.entity_type, h.runs, h.p95 as least, h.p95 as greatest from histogram h
        union all
        -- As a bucket theirs is a bound, one either way: the exact one is reckoned in numerics, which takes longer than all else here.
        select a.entity_type, a.runs, c.p95 - 1, c.p95 + 1
        from entity e join alone a on a.entity_type = e.entity_type
        cross join lateral (select 1 + ceil(ln(greatest(a.sorted_ms[ceil(0.95 * a.runs)::integer], 1)) / ln(1.1::double precision))::integer as p95) c
        where e.is_dense and a.runs > 0
      ) b group by b.entity_type
    ),
    -- Halved until one bucket is left: the first up to which 95 of a hundred runs lie.
    search as (
      select b.entity_type, b.runs, b.least - 1 as below, b.greatest as reached from bounds b
      union all
      select s.entity_type, s.runs, case when t.is_reached then s.below else t.bucket end, case when t.is_reached then t.bucket else s.reached end
      from search s
      cross join lateral (
        select m.bucket, sum(coalesce(h.runs_upto[m.bucket], case when m.bucket > h.p95 then h.runs else 0 end))
          + coalesce((select width_bucket(private.bucket_end_ms(m.bucket), a.sorted_ms) from alone a where a.entity_type = s.entity_type), 0)
          >= 0.95 * s.runs as is_reached
        from (select (s.below + s.reached) / 2 as bucket) m left join histogram h on h.entity_type = s.entity_type
        group by m.bucket
      ) t
      where s.reached - s.below > 1
    ),
    percentile as (
      select s.entity_type, private.bucket_ms(s.reached)::double precision as p95_ms from search s where s.reached - s.below = 1
      union all
      -- As percentile_cont() has it: between the two runs it lies between.
      select a.entity_type, v.low + (r.place - floor(r.place)) * (v.high - v.low)
      from entity e join alone a on a.entity_type = e.entity_type
      cross join lateral (select 0.95::double precision * (a.runs - 1) as place) r
      cross join lateral (
        select a.sorted_ms[1 + floor(r.place)::integer] as low, a.sorted_ms[1 + ceil(r.place)::integer] as high
      ) v
      where not e.is_dense and a.runs > 0
    )
    select json_build_object(
      'as_of', as_of,
      'entities', coalesce(json_agg(json_build_object(
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
        'p95_duration_ms', d.p95_ms,
        'records_processed_today', coalesce(f.records_processed_today, 0),
        'cache_hits_24h', coalesce(f.cache_hits, 0),
        'cache_misses_24h', coalesce(f.cache_misses, 0),
        'api_calls_24h', coalesce(f.api_calls, 0),
        'api_response_ms_24h', coalesce(f.api_response_ms, 0),
        'peak_memory_mb_24h', f.peak_memory_mb,
        'errors_24h', coalesce(f.errors, 0),
        'latest_run', to_json(l),
        'running', to_json(g)
      ) order by e.entity_type), '[]'),
      'upstream', (
        select json_build_object(
          'backoff_until', case when u.backoff_until > as_of then u.backoff_until end,
          'backoff_reason', case when u.backoff_until > as_of then u.backoff_reason end
        )
        from public.upstream_state u where u.upstream = 'vis'
      ),
      'active_alerts', private.active_alerts()
    )
    from entity e
    left join figures f on f.entity_type = e.entity_type
    left join percentile d on d.entity_type = e.entity_type
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
comment on function public.get_health_overview(timestamptz) is
  'One snapshot of every active entity with its figures of 24 hours, the upstream and the active alerts; numbers only.';

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
comment on function public.get_performance_history(jsonb, timestamptz) is
  'Evenly spaced buckets of {step} over {span}, for {entity_type?} or all: an empty one has no runs and null figures. Rates and durations over full runs, records and errors over every run.';

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

create function public.get_sync_statistics(p jsonb, as_of timestamptz default now()) returns jsonb
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
comment on function public.get_sync_statistics(jsonb, timestamptz) is
  'Counts, rates, durations, throughput and retries over {span} and the one before it, in all, by entity, and by entity and trigger; for {entity_type?} or all.';

create function public.get_error_analytics(p jsonb, as_of timestamptz default now()) returns json
language plpgsql stable set search_path = '' set plan_cache_mode = force_generic_plan set jit = off as $$
declare
  entity constant text := p ->> 'entity_type';
  step constant interval := (p ->> 'step')::interval;
  until constant timestamptz := date_bin(step, as_of, '2000-01-01 00:00:00+00') + step;
  began constant timestamptz := until - (p ->> 'span')::interval;
begin
  return (
    with tally as materialized (
      select l.fingerprint, l.error_type, l.error_severity, l.entity_type, date_bin(step, l.occurred_at, '2000-01-01 00:00:00+00') as at,
        count(*) as errors, min(l.occurred_at) as first_seen, max(l.occurred_at) as last_seen, count(l.resolved_at) as resolved,
        max(l.resolved_at) as last_resolved, grouping(date_bin(step, l.occurred_at, '2000-01-01 00:00:00+00')) as by
      from public.sync_error_log l
      where l.occurred_at >= began and l.occurred_at < until and (entity is null or l.entity_type = entity)
      group by grouping sets ((1, 2, 3, 4), (5))
      union all
      select m.fingerprint, m.error_type, m.error_severity, m.entity_type, date_bin(step, m.first_seen, '2000-01-01 00:00:00+00'),
        sum(m.errors), min(m.first_seen), max(m.last_seen), sum(m.resolved),
        max(m.last_resolved), grouping(date_bin(step, m.first_seen, '2000-01-01 00:00:00+00'))
      from public.sync_errors_hourly m
      where m.hour >= began and m.hour < until and (entity is null or m.entity_type = entity)
      group by grouping sets ((1, 2, 3, 4), (5))
    ),
    hit as (
      select l.tournament_no, 1 as errors from public.sync_error_log l
      where l.occurred_at >= began and l.occurred_at < until and (entity is null or l.entity_type = entity) and l.tournament_no is not null
      union all
      select m.tournament_no, m.errors from public.sync_errors_hourly m
      where m.hour >= began and m.hour < until and (entity is null or m.entity_type = entity) and m.tournament_no <> ''
    ),
    cause as materialized (select * from tally t where t.by = 1),
    fault as materialized (
      select c.fingerprint, sum(c.errors) as errors, min(c.first_seen) as first_seen, max(c.last_seen) as last_seen,
        sum(c.errors - c.resolved) as open_errors, max(c.last_resolved) as last_resolved
      from cause c group by 1 order by 2 desc, 1 limit 50
    ),
    -- How long resolving took: each there is, and the buckets of those that retention took, the exact sum beside the first of them.
    resolved as materialized (
      select extract(epoch from l.resolved_at - l.occurred_at) * 1000 as ms, 1::bigint as n, extract(epoch from l.resolved_at - l.occurred_at) * 1000 as total_ms
      from public.sync_error_log l
      where l.occurred_at >= began and l.occurred_at < until and (entity is null or l.entity_type = entity) and l.resolved_at is not null
        and exists (select from cause c where c.resolved > 0)
      union all
      select private.bucket_ms(array_lower(m.resolution_histogram, 1) - 1 + h.position)::numeric, h.n, case h.position when 1 then m.resolution_ms_total end
      from public.sync_errors_hourly m cross join unnest(m.resolution_histogram) with ordinality h (n, position)
      where m.hour >= began and m.hour < until and (entity is null or m.entity_type = entity)
    ),
    resolution as (
      select r.ms, sum(r.n) over (order by r.ms) as upto, sum(r.n) over () as total from resolved r where r.n > 0
    )
    select json_build_object('from', began, 'until', until,
      'total', (select coalesce(sum(errors), 0) from cause),
      'open', (select coalesce(sum(errors - resolved), 0) from cause),
      'by_type', (select coalesce(json_object_agg(g.error_type, g.errors), '{}') from (select error_type, sum(errors) as errors from cause group by 1) g),
      'by_severity', (select coalesce(json_object_agg(g.error_severity, g.errors), '{}') from (select error_severity, sum(errors) as errors from cause group by 1) g),
      'by_entity', (select coalesce(json_object_agg(g.entity_type, g.errors), '{}') from (select entity_type, sum(errors) as errors from cause group by 1) g),
      'by_tournament', (
        select coalesce(json_agg(json_build_object('tournament_no', g.tournament_no, 'count', g.errors) order by g.errors desc, g.tournament_no), '[]')
        from (select tournament_no, sum(errors) as errors from hit group by 1 order by 2 desc, 1 limit 20) g),
      'trend', (
        select json_agg(json_build_object('timestamp', b.at, 'count', coalesce(n.errors, 0)) order by b.at)
        from generate_series(began, until - step, step) b (at)
        left join (select t.at, sum(t.errors) as errors from tally t where t.by = 0 group by 1) n on n.at = b.at),
      'groups', (
        -- As columns, which name each field once.
        select case count(*) when 0 then '{}' else json_build_object('fingerprint', json_agg(g.fingerprint), 'count', json_agg(g.errors),
          'first_seen', json_agg(g.first_seen), 'last_seen', json_agg(g.last_seen), 'message', json_agg(g.message), 'error_code', json_agg(g.error_code),
          'error_type', json_agg(g.error_type), 'severity', json_agg(g.severity), 'tournament_no', json_agg(g.tournament_no), 'open', json_agg(g.open_errors),
          'is_regression', json_agg(coalesce(g.last_seen > g.last_resolved, false))) end
        from (
          select f.*, n.* from fault f cross join lateral (
            select min(l.error_message) as message, min(l.error_code) as error_code, min(l.error_type) as error_type, min(l.error_severity) as severity,
              min(l.tournament_no) as tournament_no
            from (
              select error_message, error_code, error_type, error_severity, tournament_no from public.sync_error_log
              where occurred_at = f.last_seen and fingerprint = f.fingerprint and (entity is null or entity_type = entity)
              union all
              select error_message, error_code, error_type, error_severity, nullif(tournament_no, '') from public.sync_errors_hourly
              where hour = date_trunc('hour', f.last_seen, 'UTC') and last_seen = f.last_seen and fingerprint = f.fingerprint
                and (entity is null or entity_type = entity)
            ) l
          ) n order by f.errors desc, f.fingerprint
        ) g),
      'resolution_ms', (
        select json_build_object('count', coalesce(sum(r.n), 0), 'average', round(sum(r.total_ms) / nullif(sum(r.n), 0)),
          'p50', (select round(min(r.ms)) from resolution r where r.upto >= 0.5 * r.total),
          'p95', (select round(min(r.ms)) from resolution r where r.upto >= 0.95 * r.total))
        from resolved r))
  );
end
$$;
comment on function public.get_error_analytics(jsonb, timestamptz) is
  'Errors of {span} in buckets of {step}, for {entity_type?} or all, those that retention took too: totals, trend, the fifty most frequent groups by fingerprint, and how long resolving took.';

create function private.error_json(error public.sync_error_log) returns jsonb
language sql immutable set search_path = '' as $$
  select to_jsonb(error);
$$;
comment on function private.error_json(public.sync_error_log) is
  'An error as the API returns it; the sync redacted its context before it was stored.';

create function public.list_errors(p jsonb) returns jsonb
-- A custom plan: the filters that are given decide which index serves the page.
language plpgsql stable set search_path = '' set plan_cache_mode = force_custom_plan as $$
begin
  return (
    select coalesce(jsonb_agg(private.error_json(l) order by l.occurred_at desc, l.id desc), '[]') from (
      select * from public.sync_error_log l
      where (p ->> 'entity_type' is null or l.entity_type = p ->> 'entity_type')
        and (p ->> 'error_type' is null or l.error_type = p ->> 'error_type')
        and (p ->> 'severity' is null or l.error_severity = p ->> 'severity')
        and (p ->> 'tournament_no' is null or l.tournament_no = p ->> 'tournament_no')
        and (p ->> 'fingerprint' is null or l.fingerprint = p ->> 'fingerprint')
        and (p ->> 'is_resolved' is null or (l.resolved_at is not null) = (p ->> 'is_resolved')::boolean)
        and (p ->> 'from' is null or l.occurred_at >= (p ->> 'from')::timestamptz)
        and (p ->> 'to' is null or l.occurred_at < (p ->> 'to')::timestamptz)
        and (p ->> 'before_at' is null or (l.occurred_at, l.id) < ((p ->> 'before_at')::timestamptz, (p ->> 'before_id')::uuid))
      order by l.occurred_at desc, l.id desc
      limit (p ->> 'limit')::integer
    ) l
  );
end
$$;
comment on function public.list_errors(jsonb) is
  'Returns at most {limit} errors, newest first, after the cursor {before_at?, before_id?}, filtered by '
  '{entity_type?, error_type?, severity?, tournament_no?, fingerprint?, is_resolved?, from?, to?}.';

create function private.execution_json(run public.sync_execution_history) returns jsonb
language sql stable set search_path = '' as $$
  select to_jsonb(run) - 'lease_expires_at' - 'duration' - 'success_weight' || jsonb_build_object(
    'duration_ms', round(extract(epoch from run.duration) * 1000),
    'success_weight', run.success_weight);
$$;
comment on function private.execution_json(public.sync_execution_history) is
  'A run as the API returns it, with its duration in ms and without its lease.';

create function public.get_execution(p jsonb) returns jsonb
language sql stable set search_path = '' as $$
  select private.execution_json(h) || jsonb_build_object(
    'tournaments', (
      select coalesce(jsonb_agg(jsonb_build_object(
        'tournament_no', r.tournament_no, 'name', t.name, 'success', r.success, 'records_processed', r.records_processed,
        'duration_ms', round(extract(epoch from r.processing_duration) * 1000), 'error_type', r.error_type,
        'error_message', r.error_message, 'retry_attempt', r.retry_attempt
      ) order by r.success, r.created_at, r.tournament_no), '[]')
      from public.sync_tournament_results r
      left join public.tournaments t on t.no = r.tournament_no
      where r.sync_execution_id = h.id),
    'errors', (
      select coalesce(jsonb_agg(private.error_json(l) order by l.occurred_at, l.id), '[]')
      from (select * from public.sync_error_log l where l.sync_execution_id = h.id order by l.occurred_at, l.id limit 200) l),
    'job', (
      select jsonb_build_object('id', j.id, 'status', j.status, 'priority', j.priority, 'triggered_by', j.triggered_by,
        'reason', j.reason, 'attempts', j.attempts)
      from public.sync_jobs j where j.id = h.sync_job_id),
    'incidents', (
      select coalesce(jsonb_agg(jsonb_build_object(
        'id', i.id, 'rule_name', i.rule_name, 'severity', i.severity, 'state', i.state, 'opened_at', i.opened_at
      ) order by i.opened_at, i.id), '[]')
      from public.alert_incidents i
      where i.opened_at >= h.execution_start and i.opened_at < coalesce(h.execution_end, now()) + interval '1 day'
        and i.evidence ->> 'execution_id' = h.id::text)
  )
  from public.sync_execution_history h where h.id = (p ->> 'id')::uuid;
$$;
comment on function public.get_execution(jsonb) is
  'Returns run {id} with its tournaments, first 200 errors, job and the incidents whose evidence names it; null where no such run exists.';

create function public.list_executions(p jsonb) returns jsonb
-- A custom plan: the filters that are given decide which index serves the page.
language plpgsql stable set search_path = '' set plan_cache_mode = force_custom_plan as $$
begin
  return (
    select coalesce(jsonb_agg(private.execution_json(h) order by h.execution_start desc, h.id desc), '[]') from (
      select * from public.sync_execution_history h
      where (p ->> 'entity_type' is null or h.entity_type = p ->> 'entity_type')
        and (p ->> 'status' is null or h.status = p ->> 'status')
        and (p ->> 'trigger' is null or h.trigger = p ->> 'trigger')
        and (p ->> 'tournament_no' is null or h.tournament_no = p ->> 'tournament_no')
        and (p ->> 'from' is null or h.execution_start >= (p ->> 'from')::timestamptz)
        and (p ->> 'to' is null or h.execution_start < (p ->> 'to')::timestamptz)
        and (p ->> 'before_at' is null or (h.execution_start, h.id) < ((p ->> 'before_at')::timestamptz, (p ->> 'before_id')::uuid))
      order by h.execution_start desc, h.id desc
      limit (p ->> 'limit')::integer
    ) h
  );
end
$$;
comment on function public.list_executions(jsonb) is
  'Returns at most {limit} runs, newest first, after the cursor {before_at?, before_id?}, filtered by '
  '{entity_type?, status?, trigger?, tournament_no?, from?, to?}.';

create function private.tournament_json(
  tournament public.tournaments, state public.tournament_sync_state, kept public.tournament_outcomes, as_of timestamptz
) returns jsonb
language plpgsql stable set search_path = '' as $$
declare
  -- Failures since the newest success, which is one of the fifty; else all of them.
  streak constant integer := coalesce(nullif(position(B'1' in kept.outcomes), 0) - 1, length(kept.outcomes), 0);
  has_success constant boolean := streak < length(kept.outcomes);
  has_failure constant boolean := bit_count(kept.outcomes) < length(kept.outcomes);
begin
  return jsonb_build_object('no', tournament.no, 'name', tournament.name, 'season', tournament.season, 'status', tournament.status,
    'start_date', tournament.start_date, 'end_date', tournament.end_date, 'is_vanished', tournament.vanished_at is not null,
    'synced_at', state.synced_at, 'age_ms', extract(epoch from as_of - state.synced_at) * 1000, 'ttl_ms', extract(epoch from state.ttl) * 1000,
    'ttl_left_ms', extract(epoch from state.synced_at + state.ttl - as_of) * 1000, 'match_count', state.match_count,
    'live_count', state.live_count, 'results', coalesce(length(kept.outcomes), 0),
    'success_rate', round(bit_count(kept.outcomes)::numeric / length(kept.outcomes), 6), 'failing_streak', streak,
    'last_success', case when has_success then kept.last_success end, 'last_result', kept.last_result,
    'last_error', case when has_failure then kept.last_error end, 'last_error_type', case when has_failure then kept.last_error_type end);
end
$$;
comment on function private.tournament_json(public.tournaments, public.tournament_sync_state, public.tournament_outcomes, timestamptz) is
  'A tournament''s state: how fresh its matches are, and of its last fifty results how many were well, the failing streak and the last error.';

create function public.get_tournament_state(p jsonb, as_of timestamptz default now()) returns jsonb
language plpgsql stable set search_path = '' set plan_cache_mode = force_generic_plan as $$
begin
  return (
    select private.tournament_json(t, s, o, as_of) || jsonb_build_object('history', (
      select coalesce(jsonb_agg(jsonb_build_object('execution_id', r.sync_execution_id, 'entity_type', r.entity_type, 'at', r.created_at, 'success', r.success,
        'records_processed', r.records_processed, 'duration_ms', round(extract(epoch from r.processing_duration) * 1000), 'error_type', r.error_type,
        'error_message', r.error_message, 'retry_attempt', r.retry_attempt) order by r.created_at desc), '[]')
      from (select * from public.sync_tournament_results r where r.tournament_no = t.no and r.created_at <= as_of order by r.created_at desc limit 100) r
    ))
    from public.tournaments t
    left join public.tournament_sync_state s on s.tournament_no = t.no
    left join public.tournament_outcomes o on o.tournament_no = t.no
    where t.no = p ->> 'no'
  );
end
$$;
comment on function public.get_tournament_state(jsonb, timestamptz) is 'Tournament {no} with its last hundred results; null when there is none.';

create function public.list_tournament_states(p jsonb, as_of timestamptz default now()) returns jsonb
language plpgsql stable set search_path = '' set plan_cache_mode = force_generic_plan set jit = off as $$
begin
  return (
    -- Those with a result or a state come first by trouble; the page is cut before the figures of each are put together.
    with page as (
      select t, s, o, coalesce(get_bit(o.outcomes, 0) = 0, false) as is_failing, s.synced_at, t.no
      from public.tournaments t
      left join public.tournament_sync_state s on s.tournament_no = t.no
      left join public.tournament_outcomes o on o.tournament_no = t.no
      where (p ->> 'search' is null or t.name ilike '%' || (p ->> 'search') || '%' or t.no = p ->> 'search')
        and (p ->> 'season' is null or t.season = p ->> 'season')
        and (coalesce((p ->> 'failing')::boolean, false) is false or get_bit(o.outcomes, 0) = 0)
        and (p ->> 'season' is not null or p ->> 'search' is not null or s.synced_at is not null or o.tournament_no is not null)
      order by 4 desc, s.synced_at desc nulls last, t.no
      offset coalesce((p ->> 'offset')::integer, 0) limit (p ->> 'limit')::integer
    )
    select coalesce(jsonb_agg(private.tournament_json(g.t, g.s, g.o, as_of) order by g.is_failing desc, g.synced_at desc nulls last, g.no), '[]')
    from page g
  );
end
$$;
comment on function public.list_tournament_states(jsonb, timestamptz) is
  'Tournaments that are synced, or found by {search?, season?}, those in trouble first, {failing?} alone, from {offset} on, at most {limit}.';

create function public.list_entities() returns jsonb
language sql stable set search_path = '' as $$
  select coalesce(jsonb_agg(private.lengths_in_words(to_jsonb(s)) order by s.entity_type), '[]') from public.sync_status s;
$$;
comment on function public.list_entities() is 'Returns every entity with its schedule, limits and counters, ordered by its type.';

create function public.list_sync_jobs(p jsonb) returns jsonb
language sql stable set search_path = '' as $$
  select (
    with request as (
      select p ->> 'status' as status, p ->> 'entity_type' as entity_type, p ->> 'tournament_no' as tournament_no,
        (p ->> 'limit')::integer as page_size,
        -- The first page has an upper bound as well, so that the planner reads each page along the index.
        coalesce((p ->> 'before_at')::timestamptz, 'infinity') as before_at,
        coalesce((p ->> 'before_id')::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff') as before_id
    )
    select coalesce(
      jsonb_agg(to_jsonb(j) - 'token' - 'claimed_at' - 'lease_expires_at' - 'target' order by j.enqueued_at desc, j.id desc), '[]')
    from request q cross join lateral (
      select a.* from (
        select * from public.sync_jobs where status = 'QUEUED'
        union all
        select * from public.sync_jobs where status = 'RUNNING'
        union all
        (
          -- The filters are repeated here, so that the limit counts only finished jobs that match.
          select * from public.sync_jobs o
          where o.finished_at is not null and (o.enqueued_at, o.id) < (q.before_at, q.before_id)
            and (q.status is null or q.status not in ('QUEUED', 'RUNNING'))
            and (q.status is null or o.status = q.status)
            and (q.entity_type is null or o.entity_type = q.entity_type)
            and (q.tournament_no is null or o.tournament_no = q.tournament_no or o.tournament_nos ? q.tournament_no)
          order by o.enqueued_at desc, o.id desc limit q.page_size
        )
      ) a
      where (a.enqueued_at, a.id) < (q.before_at, q.before_id)
        and (q.status is null or a.status = q.status)
        and (q.entity_type is null or a.entity_type = q.entity_type)
        and (q.tournament_no is null or a.tournament_no = q.tournament_no or a.tournament_nos ? q.tournament_no)
      order by a.enqueued_at desc, a.id desc limit q.page_size
    ) j
  );
$$;
comment on function public.list_sync_jobs(jsonb) is
  'Returns at most {limit} jobs, newest first, after the cursor {before_at?, before_id?}, filtered by '
  '{status?, entity_type?, tournament_no?}.';

create function public.get_sync_job(p jsonb, as_of timestamptz default now()) returns jsonb
language sql stable set search_path = '' as $$
  select private.job_json(j, as_of) from public.sync_jobs j where j.id = (p ->> 'id')::uuid;
$$;
comment on function public.get_sync_job(jsonb, timestamptz) is
  'Returns job {id} with its queue position, progress, attempts and the inputs of its estimate; null where no such job exists.';

create function public.get_queue_status(as_of timestamptz default now()) returns jsonb
language sql stable set search_path = '' as $$
  select jsonb_build_object(
    'as_of', as_of,
    'waiting', (
      select jsonb_object_agg(p.priority,
        (select count(*) from public.sync_jobs j where j.status = 'QUEUED' and j.priority = p.priority))
      from unnest(array['EMERGENCY', 'HIGH', 'NORMAL']) p (priority)),
    'oldest_wait_ms', (
      select extract(epoch from as_of - min(greatest(j.enqueued_at, j.not_before))) * 1000
      from public.sync_jobs j where j.status = 'QUEUED' and j.not_before <= as_of),
    'running', (
      select coalesce(jsonb_agg(jsonb_build_object(
        'id', j.id, 'entity_type', j.entity_type, 'tournament_no', j.tournament_no, 'priority', j.priority,
        'started_at', j.started_at, 'execution_id', j.execution_id
      ) order by j.started_at, j.id), '[]')
      from public.sync_jobs j where j.status = 'RUNNING'),
    'slots', jsonb_build_object('total', s.slots, 'for_emergency', s.emergency_slots, 'per_entity', s.slots_per_entity,
      'free', greatest(s.slots - (select count(*) from public.sync_jobs j where j.status = 'RUNNING'), 0)),
    'paused', (
      select coalesce(jsonb_agg(jsonb_build_object(
        'entity_type', e.entity_type, 'paused_by', e.paused_by, 'since', e.paused_at
      ) order by e.entity_type), '[]')
      from public.sync_status e where e.paused_at is not null)
  )
  from public.sync_queue_settings s;
$$;
comment on function public.get_queue_status(timestamptz) is
  'Returns the number of waiting jobs by priority, the longest wait in ms, the running jobs, the slots and the paused entities.';

create function private.check_scheduler(as_of timestamptz) returns jsonb
language plpgsql security definer set search_path = '' as $$
declare
  jobs integer;
  last_tick timestamptz;
begin
  select count(*) into jobs from cron.job where active;
  select max(start_time) into last_tick from cron.job_run_details;
  -- Until the first tick, the time since the first entity was created decides.
  return jsonb_build_object('jobs', jobs, 'last_tick', last_tick,
    'is_late', coalesce(last_tick, (select min(s.created_at) from public.sync_status s)) < as_of - interval '3 minutes');
end
$$;
comment on function private.check_scheduler(timestamptz) is
  'Returns the number of active cron jobs, the last tick and whether it is late; a definer, because the schema cron belongs to the owner.';

create function private.schedule_chain(as_of timestamptz) returns jsonb
language sql stable security definer set search_path = '' as $$
  select coalesce(jsonb_agg(jsonb_build_object(
    'entity_type', s.entity_type,
    'is_paused', s.paused_at is not null,
    'schedule', j.schedule,
    'is_scheduled', j.jobid is not null and j.active,
    'tick', (
      select jsonb_build_object('at', d.start_time, 'status', d.status, 'message', d.return_message)
      from cron.job_run_details d
      where d.jobid = j.jobid and d.start_time <= as_of
      order by d.start_time desc limit 1),
    'call', (
      select jsonb_build_object('id', c.id, 'at', c.called_at, 'outcome', c.outcome, 'status_code', n.status_code, 'error', n.error_msg,
        'is_answered', n.id is not null, 'is_timed_out', n.timed_out)
      from private.call_log c
      left join net._http_response n on n.id = c.net_request_id
      where c.path = s.function_name and c.called_at <= as_of
      order by c.called_at desc limit 1),
    'run', (
      select jsonb_build_object('id', h.id, 'status', h.status, 'at', h.execution_start, 'correlation_id', h.correlation_id)
      from public.sync_execution_history h
      where h.entity_type = s.entity_type and h.execution_start <= as_of
      order by h.execution_start desc limit 1)
  ) order by s.entity_type), '[]')
  from public.sync_status s
  left join cron.job j on j.jobname = 'sync-' || s.entity_type
  where s.is_active;
$$;
comment on function private.schedule_chain(timestamptz) is
  'Returns for each active entity its last tick, the last call of its function with the response, and its last run; a definer, because '
  'the schemas cron and net belong to the owner.';

create function public.get_system_facts(as_of timestamptz default now()) returns jsonb
language sql stable set search_path = '' as $$
  select jsonb_build_object(
    'as_of', as_of,
    'schema_version', public.schema_version(),
    'database', jsonb_build_object(
      'size_bytes', pg_catalog.pg_database_size(pg_catalog.current_database()),
      'connections', (select count(*) from pg_catalog.pg_stat_activity where datname = pg_catalog.current_database())),
    'scheduler', private.check_scheduler(as_of),
    'schedules', private.schedule_chain(as_of),
    'alert_processor', (
      select jsonb_build_object('last_evaluation', max(e.evaluated_at), 'evaluated_since', (array_agg(e.evaluated_since order by e.id desc))[1])
      from (select * from public.alert_evaluations where evaluated_at <= as_of order by evaluated_at desc, id desc limit 1) e),
    'channels', (
      select coalesce(jsonb_agg(jsonb_build_object(
        'name', c.name,
        'kind', c.kind,
        'is_active', c.is_active,
        'dead_24h', (
          select count(*) from public.alert_notifications n
          where n.channel = c.name and n.status = 'DEAD' and n.created_at > as_of - interval '1 day'),
        'waiting', (select count(*) from public.alert_notifications n where n.channel = c.name and n.status in ('PENDING', 'SENDING')),
        'last_error', (
          select n.last_error from public.alert_notifications n
          where n.channel = c.name and n.last_error is not null and n.created_at > as_of - interval '1 day'
          order by n.created_at desc limit 1),
        'last_sent', (select max(n.sent_at) from public.alert_notifications n where n.channel = c.name)
      ) order by c.name), '[]')
      from public.notification_channels c),
    'upstream', (
      select jsonb_build_object(
        'backoff_until', case when u.backoff_until > as_of then u.backoff_until end,
        'reason', u.backoff_reason,
        'usual_response_ms', u.baseline_response_ms,
        'in_flight_limit', u.in_flight_limit)
      from public.upstream_state u where u.upstream = 'vis'),
    'queue', public.get_queue_status(as_of),
    'audit', (
      select jsonb_build_object('rows_unsealed', count(*))
      from public.audit_log a where a.id > coalesce((select max(s.audit_id) from public.audit_seals s), 0))
  );
$$;
comment on function public.get_system_facts(timestamptz) is 'Returns the state of each part of the system; system-status judges it.';

create function public.get_metrics_facts(as_of timestamptz default now()) returns jsonb
language sql stable set search_path = '' as $$
  select jsonb_build_object('as_of', as_of,
    'success_rates', (
      select coalesce(jsonb_object_agg(entity_type, rate), '{}') from (
        select h.entity_type, round(avg(h.success_weight), 6) as rate from public.sync_execution_history h
        where h.execution_start > as_of - interval '24 hours' and h.execution_start <= as_of and h.tournament_no is null group by 1) r),
    'totals', (
      select jsonb_build_object('runs', count(h.success_weight), 'success_rate', round(avg(h.success_weight), 6),
        'average_duration_ms', round(avg(extract(epoch from h.duration) * 1000) filter (where h.success_weight is not null), 1),
        'peak_memory_mb', max(h.memory_usage_mb), 'cache_hits', coalesce(sum(h.cache_hits), 0), 'cache_misses', coalesce(sum(h.cache_misses), 0),
        'api_calls', coalesce(sum(h.api_calls), 0), 'api_errors', coalesce(sum(h.api_errors), 0), 'api_response_ms', coalesce(sum(h.api_response_ms_total), 0))
      from public.sync_execution_history h
      where h.execution_start > as_of - interval '24 hours' and h.execution_start <= as_of and h.tournament_no is null),
    'errors_by_type', (
      select coalesce(jsonb_object_agg(error_type, n), '{}') from (
        select error_type, count(*) as n from public.sync_error_log where occurred_at > as_of - interval '24 hours' and occurred_at <= as_of group by 1) e),
    'critical_errors', (
      select count(*) from public.sync_error_log where occurred_at > as_of - interval '24 hours' and occurred_at <= as_of and error_severity = 'CRITICAL'),
    'consecutive_failures', (select coalesce(max(consecutive_failures), 0) from public.sync_status where is_active),
    'overdue', (select count(*) from public.sync_status s where s.is_active and s.paused_at is null and private.overdue_since(s, as_of) is not null),
    'entities', (select count(*) from public.sync_status s where s.is_active and s.paused_at is null),
    'active_alerts', (select count(*) from public.alert_incidents where state in ('FIRING', 'ACKNOWLEDGED')),
    'escalations', (select count(*) from public.alert_incidents where escalated_at > as_of - interval '24 hours'),
    'mean_resolution_ms', (
      select round(avg(extract(epoch from resolved_at - began_at) * 1000)) from public.alert_incidents
      where resolved_at > as_of - interval '30 days' and fired_at is not null)
  );
$$;
comment on function public.get_metrics_facts(timestamptz) is 'The figures of the last 24 hours behind metrics; over full runs, errors over every run.';

create function public.get_prometheus_facts(as_of timestamptz default now()) returns jsonb
language sql stable set search_path = '' as $$
  select jsonb_build_object(
    'entities', (
      select coalesce(jsonb_agg(coalesce(to_jsonb(t), '{}') || jsonb_build_object('entity_type', s.entity_type, 'consecutive_failures', s.consecutive_failures,
        'is_paused', s.paused_at is not null, 'last_success_s', extract(epoch from s.last_sync), 'last_memory_mb', s.last_memory_usage,
        'overdue_s', coalesce(extract(epoch from as_of - private.overdue_since(s, as_of)), 0),
        'running', (select count(*) from public.sync_execution_history h where h.status = 'RUNNING' and h.entity_type = s.entity_type)) order by s.entity_type), '[]')
      from public.sync_status s left join public.sync_totals t on t.entity_type = s.entity_type where s.is_active),
    'incidents', (
      select coalesce(jsonb_agg(jsonb_build_object('severity', severity, 'state', state, 'count', n)), '[]')
      from (select severity, state, count(*) as n from public.alert_incidents where state in ('FIRING', 'ACKNOWLEDGED') group by 1, 2) i),
    'evaluated_s', (select extract(epoch from max(evaluated_at)) from public.alert_evaluations),
    'dead_notifications', (select count(*) from public.alert_notifications where status = 'DEAD' and created_at > as_of - interval '1 day'),
    'upstream_backoff', (select coalesce(max((u.backoff_until > as_of)::integer), 0) from public.upstream_state u),
    'queue', public.get_queue_status(as_of)
  );
$$;
comment on function public.get_prometheus_facts(timestamptz) is 'Counters since the beginning and gauges of now, for a scrape.';

create function public.get_connectivity_facts(as_of timestamptz default now()) returns jsonb
language sql stable set search_path = '' as $$
  select jsonb_build_object(
    'scheduler', private.check_scheduler(as_of),
    'functions', (select coalesce(jsonb_agg(distinct s.function_name), '[]') from public.sync_status s where s.is_active),
    'backoff_until', (select u.backoff_until from public.upstream_state u where u.upstream = 'vis' and u.backoff_until > as_of),
    'channels', (
      select coalesce(jsonb_agg(jsonb_build_object(
        'name', c.name, 'kind', c.kind, 'url', coalesce(c.config ->> 'url', case c.kind when 'slack' then c.secret end)
      ) order by c.name), '[]')
      from public.notification_channels c where c.is_active)
  );
$$;
comment on function public.get_connectivity_facts(timestamptz) is
  'Returns the targets of a connectivity test: the scheduler, the functions, the end of an upstream backoff, and the active channels with '
  'their addresses.';

create function public.list_alert_incidents(p jsonb) returns jsonb
language sql stable set search_path = '' as $$
  select jsonb_build_object(
    'alerts', (
      select coalesce(jsonb_agg(to_jsonb(i) order by i.opened_at desc, i.id desc), '[]')
      from (
        select * from public.alert_incidents i
        where (p ->> 'state' is null or i.state = p ->> 'state')
          and (p ->> 'severity' is null or i.severity = p ->> 'severity')
          and (p ->> 'entity_type' is null or i.entity_type = p ->> 'entity_type')
          and (p ->> 'tournament_no' is null or i.tournament_no = p ->> 'tournament_no')
          and (p ->> 'before_at' is null or (i.opened_at, i.id) < ((p ->> 'before_at')::timestamptz, (p ->> 'before_id')::uuid))
        order by i.opened_at desc, i.id desc
        limit (p ->> 'limit')::integer
      ) i
    ),
    'mean_times', (
      select jsonb_build_object(
        'incidents', count(*),
        'detect_ms', avg(extract(epoch from i.notified_at - i.began_at) * 1000),
        'acknowledge_ms', avg(extract(epoch from i.acknowledged_at - i.notified_at) * 1000),
        'resolve_ms', avg(extract(epoch from i.resolved_at - i.began_at) * 1000)
      )
      from public.alert_incidents i
      where i.opened_at > coalesce((p ->> 'as_of')::timestamptz, now()) - interval '30 days' and i.fired_at is not null
        and (p ->> 'entity_type' is null or i.entity_type = p ->> 'entity_type')
    )
  );
$$;
comment on function public.list_alert_incidents(jsonb) is
  'Returns at most {limit} incidents, newest first, after the cursor {before_at?, before_id?}, filtered by '
  '{state?, severity?, entity_type?, tournament_no?}, and the mean times of the 30 days before {as_of?}.';

create function public.get_alert_incident(p jsonb) returns jsonb
language sql stable set search_path = '' as $$
  select to_jsonb(i) || jsonb_build_object(
    'notifications', (
      select coalesce(jsonb_agg(jsonb_build_object(
        'id', n.id, 'channel', n.channel, 'status', n.status, 'attempts', n.attempts, 'created_at', n.created_at,
        'sent_at', n.sent_at, 'last_error', n.last_error, 'kind', t.item ->> 'kind',
        'deliveries', (
          select coalesce(jsonb_agg(to_jsonb(d) - 'id' - 'notification_id' order by d.id), '[]')
          from public.alert_deliveries d where d.notification_id = n.id)
      ) order by n.created_at, n.channel), '[]')
      from public.alert_notifications n cross join jsonb_array_elements(n.items) as t (item)
      where n.items @> jsonb_build_array(jsonb_build_object('incident_id', i.id)) and t.item ->> 'incident_id' = i.id::text
    ),
    'events', (
      select coalesce(jsonb_agg(to_jsonb(e) - 'id' - 'incident_id' order by e.id), '[]')
      from public.alert_events e where e.incident_id = i.id
    ),
    'children', (
      select coalesce(jsonb_agg(jsonb_build_object(
        'id', c.id, 'rule_name', c.rule_name, 'entity_type', c.entity_type, 'tournament_no', c.tournament_no, 'state', c.state
      ) order by c.opened_at, c.id), '[]')
      from public.alert_incidents c where c.parent_id = i.id
    ),
    'downtime_ms', extract(epoch from coalesce(i.resolved_at, now()) - i.began_at) * 1000
  )
  from public.alert_incidents i where i.id = (p ->> 'id')::uuid;
$$;
comment on function public.get_alert_incident(jsonb) is
  'Returns incident {id} with its timeline, its notifications and the incidents that it inhibits; null where no such incident exists.';

create function public.list_alert_rules() returns jsonb
language sql stable set search_path = '' as $$
  select coalesce(jsonb_agg(private.lengths_in_words(to_jsonb(r)) order by r.name), '[]') from public.alert_rules r;
$$;
comment on function public.list_alert_rules() is 'Returns every alert rule, ordered by name.';

create function public.list_alert_silences(p jsonb, as_of timestamptz default now()) returns jsonb
language sql stable set search_path = '' as $$
  select coalesce(jsonb_agg(
    private.lengths_in_words(to_jsonb(s)) || jsonb_build_object('is_silencing', private.is_silencing(s, as_of)) order by s.ends_at, s.id
  ), '[]')
  from (select * from public.alert_silences where ends_at > as_of order by ends_at, id limit (p ->> 'limit')::integer) s;
$$;
comment on function public.list_alert_silences(jsonb, timestamptz) is
  'Returns at most {limit} silences that are active or start later, ordered by their end.';

create function public.list_notification_channels() returns jsonb
language sql stable set search_path = '' as $$
  select coalesce(jsonb_agg(private.channel_without_secrets(c) order by c.name), '[]') from public.notification_channels c;
$$;
comment on function public.list_notification_channels() is 'Returns every channel without its secrets, ordered by name.';

create function public.list_audit_log(p jsonb) returns jsonb
language sql stable set search_path = '' as $$
  select coalesce(jsonb_agg(to_jsonb(a) order by a.id desc), '[]') from (
    select * from public.audit_log
    where (p ->> 'actor' is null or actor = p ->> 'actor')
      and (p ->> 'action' is null or action = p ->> 'action')
      and (p ->> 'object_type' is null or object_type = p ->> 'object_type')
      and (p ->> 'object_id' is null or object_id = p ->> 'object_id')
      and (p ->> 'from' is null or at >= (p ->> 'from')::timestamptz)
      and (p ->> 'to' is null or at < (p ->> 'to')::timestamptz)
      and (p ->> 'before_id' is null or id < (p ->> 'before_id')::bigint)
    order by id desc
    limit (p ->> 'limit')::integer
  ) a;
$$;
comment on function public.list_audit_log(jsonb) is
  'Returns at most {limit} rows of the audit log, newest first, before row {before_id?}, filtered by '
  '{actor?, action?, object_type?, object_id?, from?, to?}.';

select private.secure_functions(
  'public.read_with_etag', 'private.active_alerts', 'private.dense_day', 'private.points_of_runs', 'private.points_kept',
  'public.get_health_overview', 'public.get_performance_history', 'private.whole_within', 'private.run_sums', 'private.duration_points',
  'public.get_sync_statistics', 'public.get_error_analytics', 'private.error_json', 'public.list_errors', 'private.execution_json',
  'public.get_execution', 'public.list_executions', 'private.tournament_json', 'public.get_tournament_state',
  'public.list_tournament_states', 'public.list_entities', 'public.list_sync_jobs', 'public.get_sync_job', 'public.get_queue_status',
  'private.check_scheduler', 'private.schedule_chain', 'public.get_system_facts', 'public.get_metrics_facts',
  'public.get_prometheus_facts', 'public.get_connectivity_facts', 'public.list_alert_incidents', 'public.get_alert_incident',
  'public.list_alert_rules', 'public.list_alert_silences', 'public.list_notification_channels', 'public.list_audit_log'
);
