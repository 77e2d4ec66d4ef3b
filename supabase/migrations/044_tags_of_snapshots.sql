-- The overview adds up the runs that no point has by their entity at once and sorts what each took by itself: a third less time. A read's tag
-- is of the snapshot it sees, which says of every table whether something changed, and looks at none.

create or replace function public.get_health_overview(as_of timestamptz default now()) returns json
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
          'blocked_until', case when u.blocked_until > as_of then u.blocked_until end,
          'blocked_reason', case when u.blocked_until > as_of then u.blocked_reason end
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

create or replace function public.read_monitoring(p jsonb, as_of timestamptz default now()) returns json
language plpgsql stable set search_path = '' as $$
declare
  fn constant text := p ->> 'fn';
  args constant jsonb := p -> 'p';
  -- What is seen is the same while no transaction began to write and none ended; and health ages by itself: an answer is good for five seconds at most.
  etag constant text := format('W/"%s"', md5(concat_ws('|', pg_current_snapshot(), floor(extract(epoch from as_of) / 5), fn, args)));
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

drop function private.data_version();

create or replace function public.schema_version() returns integer
language sql immutable set search_path = ''
return 44;
