-- The reads of the API. Each function returns the data of one response; TypeScript derives the statuses from it.
-- Over 300 lines, because the functions of all endpoints share the helpers in this file.

create function public.read_with_etag(p jsonb, as_of timestamptz default now()) returns json
language plpgsql stable set search_path = '' as $$
declare
  fn constant text := p ->> 'fn';
  args constant jsonb := p -> 'p';
  -- The snapshot changes when a writing transaction of any database of the server starts or ends. Health also changes without a write, for
  -- example when an entity becomes overdue, so an ETag is valid for at most 5 seconds.
  etag constant text := format('W/"%s"',
    md5(concat_ws('|', pg_current_snapshot(), floor(extract(epoch from as_of) / 5), fn, args)));
  body json;
begin
  perform private.refuse_unknown_fields(p, '{fn,p,known}');
  if p -> 'known' ? etag then
    return json_build_object('etag', etag, 'is_same', true);
  end if;
  case fn
    when 'get_health_overview' then body := public.get_health_overview(as_of);
    when 'get_performance_history' then body := public.get_performance_history(args, as_of);
    when 'get_sync_statistics' then body := public.get_sync_statistics(args, as_of);
    when 'get_error_analytics' then body := public.get_error_analytics(args, as_of);
    when 'list_errors' then body := public.list_errors(args)::json;
    when 'list_executions' then body := public.list_executions(args)::json;
    when 'get_execution' then body := public.get_execution(args, as_of)::json;
    when 'list_tournament_states' then body := public.list_tournament_states(args, as_of)::json;
    when 'get_tournament_state' then body := public.get_tournament_state(args, as_of)::json;
    when 'list_alert_incidents' then body := public.list_alert_incidents(args, as_of)::json;
    when 'get_alert_incident' then body := public.get_alert_incident(args, as_of)::json;
    when 'get_metrics_facts' then body := public.get_metrics_facts(as_of)::json;
    when 'get_system_facts' then body := public.get_system_facts(as_of)::json;
    when 'list_search_results' then body := public.list_search_results(args)::json;
    when 'list_objectives' then body := public.list_objectives(as_of)::json;
    when 'get_objective' then body := public.get_objective(args, as_of)::json;
    when 'get_alert_quality' then body := public.get_alert_quality(args, as_of)::json;
    when 'get_weekly_report' then body := public.get_weekly_report(as_of)::json;
    else raise sqlstate 'PT404' using message = format('there is no read %s', fn), detail = 'NOT_FOUND';
  end case;
  return json_build_object('etag', etag, 'is_same', false, 'body', body);
end
$$;
comment on function public.read_with_etag(jsonb, timestamptz) is
  'Calls read {fn} with {p} and returns {etag, is_same, body}; does not call it when {known} contains the ETag. PT404 NOT_FOUND.';

create function private.metrics_between(p_from timestamptz, p_until timestamptz, p_entity_type text)
returns setof private.run_metrics
language plpgsql stable rows 100 set search_path = '' set timezone = 'UTC' as $$
declare
  origin constant timestamptz := timestamptz '2000-01-01 00:00:00+00';
  instant constant interval := interval '1 microsecond';
  entities constant text[] := array(
    select s.entity_type from public.sync_status s where p_entity_type is null or s.entity_type = p_entity_type
  );
  -- When no run started at or after p_until, the window ends with the UTC day of p_until, so that whole buckets replace single runs.
  window_until constant timestamptz := case
    when (select max(h.execution_start) from public.sync_execution_history h) >= p_until then p_until
    else date_bin('1 day', p_until, origin) + interval '1 day'
  end;
  -- The whole quarter-hours of the window, the whole hours within them, and the whole days within these.
  quarter_from constant timestamptz := least(date_bin('15 minutes', p_from + interval '15 minutes' - instant, origin), window_until);
  quarter_until constant timestamptz := greatest(date_bin('15 minutes', window_until, origin), quarter_from);
  hour_from constant timestamptz := least(date_bin('1 hour', quarter_from + interval '1 hour' - instant, origin), quarter_until);
  hour_until constant timestamptz := greatest(date_bin('1 hour', quarter_until, origin), hour_from);
  day_from constant timestamptz := least(date_bin('1 day', hour_from + interval '1 day' - instant, origin), hour_until);
  day_until constant timestamptz := greatest(date_bin('1 day', hour_until, origin), day_from);
begin
  -- The bounds are variables and not columns of a join, so that Postgres can estimate the number of rows and uses the indexes.
  return query
    select m.*, null::uuid
    from public.sync_metrics m
    where m.entity_type = any (entities) and (
      m.resolution = interval '1 day' and m.bucket >= day_from and m.bucket < day_until
      or m.resolution = interval '1 hour' and m.bucket >= hour_from and m.bucket < day_from
      or m.resolution = interval '1 hour' and m.bucket >= day_until and m.bucket < hour_until
      or m.resolution = interval '15 minutes' and m.bucket >= quarter_from and m.bucket < hour_from
      or m.resolution = interval '15 minutes' and m.bucket >= hour_until and m.bucket < quarter_until
    )
    union all
    select r.*
    from private.run_metrics r
    where r.entity_type = any (entities)
      and (r.bucket >= p_from and r.bucket < quarter_from or r.bucket >= quarter_until and r.bucket < window_until);
end
$$;
comment on function private.metrics_between(timestamptz, timestamptz, text) is
  'The largest whole buckets within a window [p_from, p_until), and the single runs at its edges, of one entity or of all.';

create function private.metrics_total(p_from timestamptz, p_until timestamptz, p_entity_type text, is_per_entity boolean)
returns setof public.sync_metrics
language sql stable rows 10 set search_path = '' as $$
  with part as materialized (
    select case when is_per_entity then m.entity_type end as entity, m.* from private.metrics_between(p_from, p_until, p_entity_type) m
  ),
  duration as (
    select d.entity, d.bucket, sum(d.runs)::bigint as runs
    from (select p.entity, generate_subscripts(p.durations, 1) as bucket, unnest(p.durations) as runs from part p) d
    group by d.entity, d.bucket
  ),
  histogram as (
    select d.entity, private.histogram(array_agg(d.bucket), array_agg(d.runs)) as durations from duration d group by d.entity
  ),
  total as (
    select p.entity, null::interval, p_from,
      sum(p.runs_succeeded), sum(p.runs_partial), sum(p.runs_failed), sum(p.runs_timed_out), sum(p.runs_cancelled), sum(p.runs_skipped),
      sum(p.runs_cron), sum(p.runs_manual), sum(p.runs_retry), sum(p.run_ms_total),
      sum(p.records_read), sum(p.records_processed), sum(p.records_rejected), sum(p.api_calls), sum(p.api_errors), sum(p.api_retries),
      sum(p.api_bytes), sum(p.api_bytes_saved), sum(p.api_full_reads), sum(p.api_xml_replies), sum(p.api_unchanged_replies),
      sum(p.api_fallbacks), sum(p.api_response_ms_total), sum(p.cache_hits), sum(p.cache_misses), sum(p.database_calls), sum(p.errors),
      max(p.memory_usage_mb_peak),
      sum(p.counted_runs), sum(p.success_weight), sum(p.duration_ms_total)
    from part p
    group by p.entity
  )
  select t.*, coalesce(h.durations, '{}'), private.histogram_percentile(h.durations, 0.5),
    private.histogram_percentile(h.durations, 0.95), private.histogram_percentile(h.durations, 0.99)
  from total t left join histogram h on h.entity is not distinct from t.entity;
$$;
comment on function private.metrics_total(timestamptz, timestamptz, text, boolean) is
  'The sums over a window [p_from, p_until): one row for each entity with runs in it, or one row with a null entity_type for all together.';

create function private.upstream_ratios(total public.sync_metrics) returns jsonb
language sql stable set search_path = '' as $$
  select jsonb_build_object(
    'cache_hit_ratio', round(t.cache_hits::numeric / nullif(t.cache_hits + t.cache_misses, 0), 6),
    'api_call_reduction', round(t.cache_hits::numeric / nullif(t.cache_hits + t.api_calls, 0), 6),
    'api_call_volume_reduction', round(t.api_bytes_saved::numeric / nullif(t.api_bytes_saved + t.api_bytes, 0), 6),
    'api_fallback_ratio', round(t.api_fallbacks::numeric / nullif(t.api_calls, 0), 6)
  )
  from (select (total).*) t;
$$;
comment on function private.upstream_ratios(public.sync_metrics) is
  'The ratios of the sums of a window: fresh tournaments to checked tournaments, saved requests to saved and sent requests, saved bytes to '
  'saved and received bytes, and fallbacks to sent requests. A ratio without a divisor is null.';

create function private.window_start(p_from timestamptz) returns timestamptz
language sql stable set search_path = '' as $$
  with oldest as (
    select m.resolution, min(m.bucket) as bucket
    from public.sync_status s
    cross join unnest(array['15 minutes', '1 hour']::interval[]) r (resolution)
    cross join lateral (
      select k.resolution, k.bucket from public.sync_metrics k
      where k.entity_type = s.entity_type and k.resolution = r.resolution order by k.bucket limit 1
    ) m
    group by m.resolution
  )
  select case
    when p_from >= (select min(h.execution_start) from public.sync_execution_history h) then p_from
    else date_bin(
      coalesce((select min(o.resolution) from oldest o where o.bucket <= p_from), '1 day'), p_from, '2000-01-01 00:00:00+00'
    )
  end;
$$;
comment on function private.window_start(timestamptz) is
  'The start of a window: p_from when the runs since p_from are stored, else the start of the smallest stored bucket that contains p_from.';

create function private.latest_run(p_entity_type text, as_of timestamptz) returns json
language sql stable set search_path = '' as $$
  select json_build_object('id', h.id, 'status', h.status, 'status_reason', h.status_reason, 'execution_start', h.execution_start,
    'tournaments_failed', h.tournaments_failed, 'tournaments_processed', h.tournaments_processed, 'tournaments_total', h.tournaments_total,
    'duration_ms', extract(epoch from h.duration) * 1000)
  from public.sync_execution_history h
  where h.entity_type = p_entity_type and h.execution_start <= as_of
    and h.tournament_no is null and h.status not in ('RUNNING', 'SKIPPED', 'CANCELLED')
  order by h.execution_start desc
  limit 1;
$$;
comment on function private.latest_run(text, timestamptz) is
  'The last full run of an entity that ended SUCCEEDED, PARTIAL, FAILED or TIMED_OUT; null before the first.';

create function private.entity_titles() returns jsonb
language sql stable set search_path = '' as $$
  select coalesce(jsonb_object_agg(s.entity_type, s.title), '{}') from public.sync_status s;
$$;
comment on function private.entity_titles() is 'The name for people of each entity, by its type.';

create function private.recent_runs(p_entity_type text, as_of timestamptz) returns json
language sql stable set search_path = '' as $$
  select coalesce(json_agg(json_build_object(
    'id', h.id, 'status', h.status, 'execution_start', h.execution_start, 'duration_ms', extract(epoch from h.duration) * 1000,
    'tournaments_failed', h.tournaments_failed, 'tournaments_total', h.tournaments_total, 'due_at', h.due_at
  ) order by h.execution_start), '[]')
  from (
    select * from public.sync_execution_history r
    where r.entity_type = p_entity_type and r.tournament_no is null and r.execution_start <= as_of
    order by r.execution_start desc limit 48
  ) h;
$$;
comment on function private.recent_runs(text, timestamptz) is 'The newest 48 full runs of an entity, the oldest first.';

create function public.get_health_overview(as_of timestamptz default now()) returns json
language plpgsql stable set search_path = '' set timezone = 'UTC' as $$
begin
  return (
    with last_24h as materialized (
      select * from private.metrics_total(as_of - interval '24 hours', as_of + interval '1 microsecond', null, true)
    ),
    today as materialized (
      select m.entity_type, sum(m.records_processed) as records_processed
      from private.metrics_between(date_trunc('day', as_of, 'UTC'), as_of + interval '1 microsecond', null) m
      group by m.entity_type
    )
    select json_build_object(
      'as_of', as_of,
      'entities', coalesce(json_agg(json_build_object(
        'entity_type', e.entity_type, 'title', e.title,
        'expected_within_ms', extract(epoch from e.sync_frequency + e.grace) * 1000,
        'is_paused', e.paused_at is not null, 'paused_by', e.paused_by, 'paused_at', e.paused_at, 'paused_reason', e.paused_reason, 'idle_since', e.idle_since,
        'created_at', e.created_at, 'last_successful_sync', e.last_sync, 'last_attempt', e.last_attempt,
        'next_sync', private.next_run(e, as_of),
        'overdue_since', private.overdue_since(e, as_of),
        'max_runtime_ms', extract(epoch from e.max_runtime) * 1000,
        'consecutive_failures', e.consecutive_failures, 'failure_threshold', e.alert_threshold_failures,
        'runs_24h', coalesce(d.counted_runs, 0), 'success_rate_24h', d.success_weight / nullif(d.counted_runs, 0),
        'average_duration_ms', d.duration_ms_total / nullif(d.counted_runs, 0)::numeric, 'p95_duration_ms', d.p95_ms,
        'records_processed_today', coalesce(t.records_processed, 0),
        'cache_hits_24h', coalesce(d.cache_hits, 0), 'cache_misses_24h', coalesce(d.cache_misses, 0),
        'api_calls_24h', coalesce(d.api_calls, 0), 'api_response_ms_24h', coalesce(d.api_response_ms_total, 0),
        'peak_memory_mb_24h', d.memory_usage_mb_peak, 'errors_24h', coalesce(d.errors, 0),
        'latest_run', private.latest_run(e.entity_type, as_of),
        'recent_runs', private.recent_runs(e.entity_type, as_of),
        'held_back', (
          select json_build_object('requests', json_agg(r.request order by r.held_at, r.request), 'since', min(r.held_at),
            'warnings', json_agg(distinct r.warning))
          from public.request_states r where r.entity_type = e.entity_type and r.held_at is not null having count(*) > 0
        ),
        'running', (
          select json_build_object('id', h.id, 'execution_start', h.execution_start, 'deadline', h.deadline,
            'lease_expires_at', h.lease_expires_at, 'current_stage', h.current_stage,
            'tournaments_processed', h.tournaments_processed, 'tournaments_total', h.tournaments_total)
          from public.sync_execution_history h
          where h.entity_type = e.entity_type and h.tournament_no is null and h.status = 'RUNNING'
        )
      ) order by e.entity_type), '[]'),
      'upstream', (
        select json_build_object('backoff_until', b.backoff_until, 'backoff_reason', b.backoff_reason)
        from private.upstream_backoff(as_of) b),
      'titles', private.entity_titles(),
      'active_alerts', (
        select coalesce(json_agg(to_json(i) order by i.opened_at, i.id), '[]')
        from public.alert_incidents i where i.state in ('FIRING', 'ACKNOWLEDGED') and not i.is_test
      )
    )
    from public.sync_status e
    left join last_24h d on d.entity_type = e.entity_type
    left join today t on t.entity_type = e.entity_type
    where e.is_active
  );
end
$$;
comment on function public.get_health_overview(timestamptz) is
  'Returns {as_of, entities, upstream, titles, active_alerts} in one snapshot: each active entity with its state and its last 24 hours.';

create function private.missed_due_times(entity public.sync_status, p_from timestamptz, p_until timestamptz, as_of timestamptz)
returns setof timestamptz
language plpgsql stable rows 100 set search_path = '' set timezone = 'UTC' as $$
declare
  first_due constant timestamptz := private.next_due(
    entity, greatest(p_from, entity.created_at, entity.schedule_changed_at) - interval '5.000001 seconds'
  );
begin
  -- An interval under a minute has no due times, only a last start.
  if not entity.is_active or entity.sync_frequency < interval '1 minute' then
    return;
  end if;
  return query
    -- A due time counts after its grace has passed, because its run can start until then.
    select due.at
    from generate_series(first_due, least(p_until - interval '1 microsecond', as_of - entity.grace), entity.sync_frequency) due (at)
    where not exists (
      select from public.entity_pauses p
      where p.entity_type = entity.entity_type and p.paused_at <= due.at and (p.resumed_at is null or p.resumed_at > due.at)
    )
    except
    select coalesce(h.due_at, private.last_due(entity.schedule_anchor, entity.sync_frequency, h.execution_start + interval '5 seconds'))
    from public.sync_execution_history h
    where h.entity_type = entity.entity_type and h.tournament_no is null
      and h.execution_start >= first_due - interval '5 seconds' and h.execution_start <= as_of;
end
$$;
comment on function private.missed_due_times(public.sync_status, timestamptz, timestamptz, timestamptz) is
  'The due times of an entity in [p_from, p_until) for which no full run started, outside its pauses and after the last change of its '
  'schedule.';

create function private.chart(
  p_step interval, p_from timestamptz, p_until timestamptz, p_entity_type text, as_of timestamptz, out points json, out runs_missed bigint
)
language plpgsql stable set search_path = '' set timezone = 'UTC' as $$
declare
  last constant bigint := extract(epoch from p_until - p_from) / extract(epoch from p_step) - 1;
  -- Before this time, the runs are pruned or no entity existed.
  missed_from constant timestamptz := greatest(
    as_of - (select r.keep from public.retention_settings r where r.subject = 'executions'),
    (select min(s.created_at) from public.sync_status s where s.is_active and (p_entity_type is null or s.entity_type = p_entity_type))
  );
begin
  with point as materialized (
    select date_bin(p_step, m.bucket, p_from) as bucket, sum(m.runs_cron + m.runs_manual + m.runs_retry) as runs,
      sum(m.counted_runs) as counted_runs, sum(m.success_weight) as success_weight,
      sum(m.duration_ms_total)::numeric as duration_ms_total,
      -- The percentiles of several entities cannot be combined. A bucket of the rollup has its own, and a run has its duration.
      percentile_disc(0.5) within group (order by coalesce(m.p50_ms, d.ms)) filter (where p_entity_type is not null) as p50_ms,
      percentile_disc(0.95) within group (order by coalesce(m.p95_ms, d.ms)) filter (where p_entity_type is not null) as p95_ms,
      percentile_disc(0.99) within group (order by coalesce(m.p99_ms, d.ms)) filter (where p_entity_type is not null) as p99_ms,
      sum(m.records_processed) as records_processed, sum(m.api_calls) as api_calls, sum(m.api_response_ms_total) as api_response_ms_total,
      sum(m.cache_hits) as cache_hits, sum(m.cache_misses) as cache_misses, sum(m.errors) as errors,
      max(m.memory_usage_mb_peak) as memory_usage_mb
    from (
      select m.*, null::uuid
      from public.sync_status s
      join public.sync_metrics m
        on m.entity_type = s.entity_type and m.resolution = p_step and m.bucket >= p_from and m.bucket < p_until
      where p_step >= interval '15 minutes' and (p_entity_type is null or s.entity_type = p_entity_type)
      union all
      select r.* from private.run_metrics r
      where p_step < interval '15 minutes' and r.bucket >= p_from and r.bucket < p_until
        and (p_entity_type is null or r.entity_type = p_entity_type)
    ) m
    cross join lateral (select case when m.counted_runs = 1 then m.duration_ms_total::double precision end as ms) d
    group by 1
  ),
  missed as (
    select date_bin(p_step, due.at, p_from) as bucket, count(*) as runs
    from public.sync_status s cross join lateral private.missed_due_times(s, greatest(p_from, missed_from), p_until, as_of) due (at)
    where p_entity_type is null or s.entity_type = p_entity_type
    group by 1
  ),
  bucket as (
    select b.at as timestamp,
      round(p.success_weight / nullif(p.counted_runs, 0), 6) as success_rate,
      round(p.duration_ms_total / nullif(p.counted_runs, 0), 1) as duration_ms,
      round(p.p50_ms::numeric, 1) as p50_duration_ms,
      round(p.p95_ms::numeric, 1) as p95_duration_ms,
      round(p.p99_ms::numeric, 1) as p99_duration_ms,
      p.records_processed, p.memory_usage_mb, p.errors as error_count, coalesce(p.runs, 0) as runs,
      case when b.at >= missed_from then coalesce(d.runs, 0) end as runs_missed,
      round(p.cache_hits / nullif(p.cache_hits + p.cache_misses, 0), 6) as cache_hit_ratio,
      round(p.api_response_ms_total / nullif(p.api_calls, 0), 1) as api_response_ms
    from (select n, p_from + n * p_step as at from generate_series(0, last) n) b
    left join point p on p.bucket = b.at
    left join missed d on d.bucket = b.at
  )
  select json_agg(b order by b.timestamp), sum(b.runs_missed) into points, runs_missed from bucket b;
end
$$;
comment on function private.chart(interval, timestamptz, timestamptz, text, timestamptz) is
  'The points of a chart, from the rollup or, with a step under 15 minutes, from the runs, and the due times for which no run started.';

create function public.get_performance_history(p jsonb, as_of timestamptz default now()) returns json
language plpgsql stable set search_path = '' set timezone = 'UTC' as $$
declare
  origin constant timestamptz := timestamptz '2000-01-01 00:00:00+00';
  entity constant text := p ->> 'entity_type';
  step constant interval := (p ->> 'step')::interval;
  chart_from constant timestamptz := date_bin(step, as_of - (p ->> 'span')::interval, origin);
  chart_until constant timestamptz := date_bin(step, as_of, origin) + step;
  total_from constant timestamptz := private.window_start(as_of - (p ->> 'span')::interval);
  chart constant record := private.chart(step, chart_from, chart_until, entity, as_of);
begin
  perform private.refuse_unknown_fields(p, '{span,step,entity_type}');
  return (
    select json_build_object('from', chart_from, 'until', chart_until, 'step_ms', extract(epoch from step) * 1000,
      'data_points', chart.points,
      'aggregated_metrics', json_build_object(
        'from', total_from, 'until', as_of,
        'runs', coalesce(t.runs_cron + t.runs_manual + t.runs_retry, 0),
        'success_rate', round(t.success_weight / nullif(t.counted_runs, 0), 6),
        'average_duration_ms', round(t.duration_ms_total::numeric / nullif(t.counted_runs, 0), 1),
        'p50_duration_ms', round(t.p50_ms::numeric, 1), 'p95_duration_ms', round(t.p95_ms::numeric, 1),
        'p99_duration_ms', round(t.p99_ms::numeric, 1),
        'records_processed', coalesce(t.records_processed, 0),
        'peak_memory_mb', t.memory_usage_mb_peak, 'error_count', coalesce(t.errors, 0),
        'runs_missed', chart.runs_missed,
        'api_calls', coalesce(t.api_calls, 0), 'api_response_ms', round(t.api_response_ms_total::numeric / nullif(t.api_calls, 0), 1),
        'database_calls', coalesce(t.database_calls, 0)
      )::jsonb || private.upstream_ratios(t))
    from (values (1)) always
    left join private.metrics_total(total_from, as_of + interval '1 microsecond', entity, false) t on true
  );
end
$$;
comment on function public.get_performance_history(jsonb, timestamptz) is
  'Returns a chart of {span} in steps of {step} and its totals, for {entity_type?} or all; rates and durations are of full runs.';

create function private.statistics_json(total public.sync_metrics) returns jsonb
language sql stable set search_path = '' as $$
  select json_build_object(
    'runs', t.runs_cron + t.runs_manual + t.runs_retry,
    'by_trigger', json_build_object('CRON', t.runs_cron, 'MANUAL', t.runs_manual, 'RETRY', t.runs_retry),
    'succeeded', t.runs_succeeded, 'partial', t.runs_partial, 'failed', t.runs_failed,
    'timed_out', t.runs_timed_out, 'cancelled', t.runs_cancelled, 'skipped', t.runs_skipped,
    'success_rate', round(t.success_weight / nullif(t.counted_runs, 0), 6),
    'average_duration_ms', round(t.duration_ms_total::numeric / nullif(t.counted_runs, 0), 1),
    'p50_duration_ms', round(t.p50_ms::numeric, 1), 'p95_duration_ms', round(t.p95_ms::numeric, 1),
    'p99_duration_ms', round(t.p99_ms::numeric, 1),
    'records_processed', t.records_processed, 'records_rejected', t.records_rejected,
    'records_per_second', round(t.records_processed * 1000::numeric / nullif(t.run_ms_total, 0), 3),
    'records_per_api_call', round(t.records_processed::numeric / nullif(t.api_calls, 0), 3),
    'api_calls', t.api_calls, 'api_errors', t.api_errors, 'api_retries', t.api_retries, 'api_full_reads', t.api_full_reads,
    'api_xml_replies', t.api_xml_replies, 'api_unchanged_replies', t.api_unchanged_replies, 'api_fallbacks', t.api_fallbacks,
    'api_bytes', t.api_bytes, 'api_bytes_saved', t.api_bytes_saved, 'database_calls', t.database_calls, 'errors', t.errors
  )::jsonb || private.upstream_ratios(total)
  from (select (total).*) t
  where t.runs_cron + t.runs_manual + t.runs_retry > 0;
$$;
comment on function private.statistics_json(public.sync_metrics) is
  'The JSON of sync-statistics from the sums of a window; null for a window without runs.';

create function public.get_sync_statistics(p jsonb, as_of timestamptz default now()) returns json
language plpgsql stable set search_path = '' set timezone = 'UTC' as $$
declare
  entity constant text := p ->> 'entity_type';
  span constant interval := (p ->> 'span')::interval;
  since constant timestamptz := private.window_start(as_of - span);
  previous_since constant timestamptz := private.window_start(since - span);
begin
  perform private.refuse_unknown_fields(p, '{span,entity_type}');
  return (
    select json_build_object('from', since, 'until', as_of, 'previous_from', previous_since, 'statistics', coalesce(json_agg(
      json_build_object('entity_type', e.entity_type, 'current', e.current, 'previous', e.previous) order by e.entity_type nulls first
    ), '[]'))
    from unnest(array[false, true]) is_per_entity
    cross join lateral (
      select coalesce(recent.entity_type, earlier.entity_type) as entity_type,
        private.statistics_json(recent) as current, private.statistics_json(earlier) as previous
      from private.metrics_total(since, as_of + interval '1 microsecond', entity, is_per_entity) recent
      full join private.metrics_total(previous_since, since, entity, is_per_entity) earlier
        on coalesce(earlier.entity_type, '') = coalesce(recent.entity_type, '')
    ) e
  );
end
$$;
comment on function public.get_sync_statistics(jsonb, timestamptz) is
  'Returns the statistics of {span} and of the span before it, in total and per entity; {entity_type?} limits both to one entity.';

create function public.get_error_analytics(p jsonb, as_of timestamptz default now()) returns json
language plpgsql stable set search_path = '' set timezone = 'UTC' as $$
declare
  step constant interval := (p ->> 'step')::interval;
  kept constant interval := (select s.keep from public.retention_settings s where s.subject = 'resolved_errors');
  until constant timestamptz := date_bin(step, as_of, '2000-01-01 00:00:00+00') + step;
  since constant timestamptz := date_bin(step, as_of - (p ->> 'span')::interval, '2000-01-01 00:00:00+00');
begin
  perform private.refuse_unknown_fields(p, '{span,step,entity_type,error_type,error_code,severity,fingerprint,is_resolved}');
  if (p ->> 'span')::interval > kept then
    raise sqlstate 'PT400' using
      message = format('period: errors are kept for %s; choose a shorter period', private.in_words(kept)), detail = 'BAD_REQUEST';
  end if;
  return (
    with error as materialized (
      select l.fingerprint, l.occurred_at, l.resolved_at, l.resolved_at is null as is_open,
        l.error_type, l.error_code, l.error_severity, l.entity_type, l.tournament_no,
        width_bucket(extract(epoch from l.occurred_at), extract(epoch from since), extract(epoch from until), 24) as slice,
        date_bin(step, l.occurred_at, '2000-01-01 00:00:00+00') as bucket,
        extract(epoch from l.resolved_at - l.occurred_at) * 1000 as resolution_ms
      from public.sync_error_log l
      where l.occurred_at >= since and l.occurred_at < until
        and (p ->> 'entity_type' is null or l.entity_type = p ->> 'entity_type')
        and (p ->> 'error_type' is null or l.error_type = p ->> 'error_type')
        and (p ->> 'error_code' is null or l.error_code = p ->> 'error_code')
        and (p ->> 'severity' is null or l.error_severity = p ->> 'severity')
        and (p ->> 'fingerprint' is null or l.fingerprint = p ->> 'fingerprint')
        and (p ->> 'is_resolved' is null or (l.resolved_at is not null) = (p ->> 'is_resolved')::boolean)
    ),
    slice as (
      select fingerprint, slice, count(*) as errors, min(occurred_at) as first_seen, max(occurred_at) as last_seen,
        count(*) filter (where is_open) as open_errors, max(resolved_at) as last_resolved
      from error
      group by 1, 2
    ),
    grouped as (
      select fingerprint, sum(errors) as errors, min(first_seen) as first_seen, max(last_seen) as last_seen,
        sum(open_errors) as open_errors, max(last_resolved) as last_resolved
      from slice
      group by 1
      order by 2 desc, 1
      limit 50
    )
    select json_build_object('from', since, 'until', until,
      'total', count(*),
      'open', count(*) filter (where e.is_open),
      'by_type', (
        select coalesce(json_object_agg(g.error_type, g.n), '{}') from (select error_type, count(*) as n from error group by 1) g),
      'by_code', (
        select coalesce(json_object_agg(g.error_code, g.n), '{}') from (select error_code, count(*) as n from error group by 1) g),
      'by_severity', (
        select coalesce(json_object_agg(g.error_severity, g.n), '{}') from (select error_severity, count(*) as n from error group by 1) g),
      'by_entity', (
        select coalesce(json_object_agg(g.entity_type, g.n), '{}') from (select entity_type, count(*) as n from error group by 1) g),
      'by_tournament', (
        select coalesce(json_agg(json_build_object(
          'tournament_no', g.tournament_no, 'name', t.name, 'gender', private.gender_of(t.gender), 'count', g.n
        ) order by g.n desc, g.tournament_no), '[]')
        from (select tournament_no, count(*) as n from error where tournament_no is not null group by 1 order by 2 desc, 1 limit 20) g
        left join public.tournaments t on t.no = g.tournament_no),
      'trend', (
        select json_agg(json_build_object(
          'timestamp', b.at, 'count', coalesce(g.n, 0), 'by_code', coalesce(g.by_code, '{}')) order by b.at)
        from generate_series(since, until - step, step) b (at)
        left join (
          select c.bucket, sum(c.n) as n, json_object_agg(c.error_code, c.n) as by_code
          from (select bucket, error_code, count(*) as n from error group by 1, 2) c
          group by 1
        ) g on g.bucket = b.at),
      'groups', (
        select coalesce(json_agg(json_build_object(
          'fingerprint', g.fingerprint, 'count', g.errors, 'first_seen', g.first_seen, 'last_seen', g.last_seen,
          'message', n.error_message, 'error_code', n.error_code, 'error_type', n.error_type, 'severity', n.error_severity,
          'tournament_no', n.tournament_no, 'open', g.open_errors, 'is_regression', coalesce(g.last_seen > g.last_resolved, false),
          'trend', (
            select json_agg(coalesce(s.errors, 0) order by number)
            from generate_series(1, 24) number left join slice s on s.fingerprint = g.fingerprint and s.slice = number)
        ) order by g.errors desc, g.fingerprint), '[]')
        from grouped g
        cross join lateral (
          select l.error_message, l.error_code, l.error_type, l.error_severity, l.tournament_no
          from public.sync_error_log l
          where l.fingerprint = g.fingerprint and l.occurred_at = g.last_seen
            and (p ->> 'entity_type' is null or l.entity_type = p ->> 'entity_type')
          order by l.id
          limit 1
        ) n),
      'resolution_ms', json_build_object('count', count(e.resolution_ms), 'average', round(avg(e.resolution_ms)),
        'p50', round((percentile_disc(0.5) within group (order by e.resolution_ms))),
        'p95', round((percentile_disc(0.95) within group (order by e.resolution_ms))))
    )
    from error e
  );
end
$$;
comment on function public.get_error_analytics(jsonb, timestamptz) is
  'Counts, groups, resolution times and trend of the errors of a span that match the filters. PT400 BAD_REQUEST when retention deleted '
  'errors of the span.';

-- In plpgsql, because Postgres then plans with the values of the filters, and the given filters determine the index.
create function public.list_errors(p jsonb) returns jsonb
language plpgsql stable set search_path = '' as $$
begin
  perform private.refuse_unknown_fields(p,
    '{entity_type,error_type,error_code,severity,tournament_no,fingerprint,is_resolved,from,to,before_at,before_id,limit}');
  return (
    select coalesce(jsonb_agg(to_jsonb(l) || jsonb_build_object(
      'tournament', case when l.tournament_no is not null then private.tournament_label(l.tournament_no, t) end
    ) order by l.occurred_at desc, l.id desc), '[]')
    from (
      select * from public.sync_error_log l
      where (p ->> 'entity_type' is null or l.entity_type = p ->> 'entity_type')
        and (p ->> 'error_type' is null or l.error_type = p ->> 'error_type')
        and (p ->> 'error_code' is null or l.error_code = p ->> 'error_code')
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
    left join public.tournaments t on t.no = l.tournament_no
  );
end
$$;
comment on function public.list_errors(jsonb) is
  'Returns at most {limit} errors with their tournaments that match the filters, newest first, after the cursor {before_at?, before_id?}.';

create function private.execution_json(run public.sync_execution_history) returns jsonb
language sql stable set search_path = '' as $$
  select to_jsonb(run) - 'lease_expires_at' - 'duration' - 'left_out'
    || jsonb_build_object('duration_ms', round(extract(epoch from run.duration) * 1000));
$$;
comment on function private.execution_json(public.sync_execution_history) is 'The JSON of a run for the API, with its duration in ms.';

create function private.gender_of(code smallint) returns text
language sql immutable set search_path = '' as $$
  select (array['MEN', 'WOMEN', 'MEN_AND_WOMEN', 'MIXED'])[code + 1];
$$;
comment on function private.gender_of(smallint) is 'The gender of a tournament by its code of VIS; null when it is unknown.';

create function private.tournament_label(no text, tournament public.tournaments) returns jsonb
language sql stable set search_path = '' as $$
  select jsonb_build_object('no', no, 'name', tournament.name, 'gender', private.gender_of(tournament.gender), 'start_date', tournament.start_date);
$$;
comment on function private.tournament_label(text, public.tournaments) is
  'The number, name, gender and start of a tournament, because a city can have several; nulls when the database no longer has it.';

create function private.results_json(execution_id uuid) returns jsonb
language sql stable set search_path = '' as $$
  select coalesce(jsonb_agg(jsonb_build_object(
    'tournament_no', r.tournament_no, 'name', t.name, 'gender', private.gender_of(t.gender), 'start_date', t.start_date,
    'success', r.success, 'records_processed', r.records_processed, 'started_at', r.started_at,
    'duration_ms', round(extract(epoch from r.processing_duration) * 1000),
    'error_type', r.error_type, 'error_message', r.error_message, 'error_fingerprint', r.error_fingerprint,
    'warning_code', r.warning_code, 'retry_attempt', r.retry_attempt, 'attempts', r.attempts, 'reply_bytes', r.reply_bytes
  ) order by r.success, r.created_at, r.tournament_no), '[]')
  from public.sync_tournament_results r
  left join public.tournaments t on t.no = r.tournament_no
  where r.sync_execution_id = execution_id;
$$;
comment on function private.results_json(uuid) is 'The results of a run by tournament, failures first.';

create function private.left_out_json(left_out jsonb) returns jsonb
language sql stable set search_path = '' as $$
  select coalesce(jsonb_agg(jsonb_build_object('reason', l.reason, 'count', l.count, 'tournaments', (
    select coalesce(jsonb_agg(private.tournament_label(n.no, t) order by n.place), '[]')
    from jsonb_array_elements_text(coalesce(l.nos, '[]')) with ordinality n (no, place)
    left join public.tournaments t on t.no = n.no
  )) order by l.count desc, l.reason), '[]')
  from jsonb_to_recordset(left_out) l (reason text, count integer, nos jsonb);
$$;
comment on function private.left_out_json(jsonb) is
  'The tournaments that a run did not sync, by reason, with the names of the recorded ones.';

create function private.run_error_groups(execution_id uuid) returns jsonb
language sql stable set search_path = '' as $$
  with error as materialized (select * from public.sync_error_log l where l.sync_execution_id = execution_id),
  error_group as (
    select e.fingerprint, count(*) as errors, (array_agg(e.id order by e.occurred_at, e.id))[1] as first_id
    from error e group by e.fingerprint order by errors desc, e.fingerprint limit 50
  )
  select coalesce(jsonb_agg(jsonb_build_object(
    'fingerprint', g.fingerprint, 'count', g.errors, 'error_code', e.error_code, 'error_type', e.error_type, 'severity', e.error_severity,
    'message', e.error_message, 'suggestion', e.recovery_suggestion,
    'tournaments', (
      select coalesce(jsonb_agg(private.tournament_label(n.no, t) order by n.no), '[]')
      from (
        select distinct a.tournament_no as no from error a
        where a.fingerprint = g.fingerprint and a.tournament_no is not null order by 1 limit 20
      ) n
      left join public.tournaments t on t.no = n.no)
  ) order by g.errors desc, g.fingerprint), '[]')
  from error_group g join error e on e.id = g.first_id;
$$;
comment on function private.run_error_groups(uuid) is
  'The 50 most frequent fingerprints of the errors of a run, each with its first error and its first 20 tournaments.';

-- In plpgsql, so that Postgres plans with the start of the run and reads only the runs before it.
create function private.previous_run(run public.sync_execution_history) returns jsonb
language plpgsql stable set search_path = '' as $$
begin
  return (
    select jsonb_build_object('id', h.id, 'status', h.status, 'execution_start', h.execution_start,
      'duration_ms', round(extract(epoch from h.duration) * 1000), 'records_processed', h.records_processed,
      'tournaments_processed', h.tournaments_processed, 'tournaments_failed', h.tournaments_failed,
      'api_calls', h.api_calls, 'api_retries', h.api_retries, 'database_calls', h.database_calls, 'cpu_ms', h.cpu_ms)
    from public.sync_execution_history h
    where h.entity_type = run.entity_type and h.execution_start < run.execution_start and h.tournament_no is null
      and h.status not in ('RUNNING', 'SKIPPED') and run.tournament_no is null
    order by h.execution_start desc
    limit 1
  );
end
$$;
comment on function private.previous_run is 'The full run before a full run; null for a run of named tournaments.';

-- In plpgsql for the same reason as private.previous_run.
create function private.usual_run(run public.sync_execution_history) returns jsonb
language plpgsql stable set search_path = '' set timezone = 'UTC' as $$
begin
  return (
    select jsonb_build_object('runs', count(*),
      'p50_duration_ms', round(percentile_disc(0.5) within group (order by u.duration_ms)),
      'p95_duration_ms', round(percentile_disc(0.95) within group (order by u.duration_ms)),
      'records_processed', percentile_disc(0.5) within group (order by u.records_processed),
      'api_calls', percentile_disc(0.5) within group (order by u.api_calls),
      'api_retries', percentile_disc(0.5) within group (order by u.api_retries),
      'database_calls', percentile_disc(0.5) within group (order by u.database_calls),
      'cpu_ms', percentile_disc(0.5) within group (order by u.cpu_ms))
    from (
      select extract(epoch from h.duration) * 1000 as duration_ms, h.records_processed, h.api_calls, h.api_retries, h.database_calls, h.cpu_ms
      from public.sync_execution_history h
      where h.entity_type = run.entity_type and h.tournament_no is null and h.status in ('SUCCEEDED', 'PARTIAL')
        and h.execution_start < run.execution_start and h.execution_start >= run.execution_start - interval '7 days'
        and run.tournament_no is null
      order by h.execution_start desc
      limit 1000
    ) u
    having count(*) > 0
  );
end
$$;
comment on function private.usual_run is
  'Medians and the p95 of the last full runs, SUCCEEDED or PARTIAL, in the 7 days before a full run, 1000 at most; null without one.';

create function private.dispatch_call(correlation_id text) returns jsonb
language sql stable security definer set search_path = '' as $$
  select jsonb_build_object('id', c.id, 'called_at', c.called_at, 'status_code', n.status_code,
    'answered_ms', round(extract(epoch from n.created - c.called_at) * 1000))
  from private.call_log c left join net._http_response n on n.id = c.net_request_id
  -- The caller of a function chooses the correlation id, which can be no UUID.
  where c.id = case when correlation_id ~* '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' then correlation_id::uuid end;
$$;
comment on function private.dispatch_call(text) is
  'The call of a function with this correlation id, and its answer while pg_net has it. Security definer, because only the owner reads '
  'net.';

create function private.incidents_of(run public.sync_execution_history, as_of timestamptz) returns jsonb
language sql stable set search_path = '' set timezone = 'UTC' as $$
  select coalesce(jsonb_agg(to_jsonb(i) order by i.opened_at, i.id), '[]')
  from public.alert_incidents i
  where i.id in (
    select a.id from public.alert_incidents a
    where not a.is_test and a.opened_at >= run.execution_start and a.opened_at < coalesce(run.execution_end, as_of) + interval '1 day'
      and run.id::text in (a.evidence ->> 'execution_id', a.evidence -> 'at_peak' ->> 'execution_id')
    union
    -- The evidence of an incident names only its newest run; the coverage includes each of its bad runs.
    select c.incident_id from public.alert_coverage c
    where run.tournament_no is null and run.success_weight < 1 and c.entity_type = run.entity_type
      and c.last_run_at >= run.execution_start and c.first_run_at <= run.execution_start
  );
$$;
comment on function private.incidents_of(public.sync_execution_history, timestamptz) is
  'The incidents whose evidence names a run, or that cover the run.';

create function public.get_execution(p jsonb, as_of timestamptz default now()) returns jsonb
language sql stable set search_path = '' set timezone = 'UTC' as $$
  select private.refuse_unknown_fields(p, '{id}');
  select private.execution_json(h) || jsonb_build_object(
    'tournaments', private.results_json(h.id),
    'left_out', private.left_out_json(h.left_out),
    'previous_run', private.previous_run(h),
    'usual', private.usual_run(h),
    'call', private.dispatch_call(h.correlation_id),
    'errors', (
      select coalesce(jsonb_agg(to_jsonb(l) order by l.occurred_at, l.id), '[]')
      from (select * from public.sync_error_log l where l.sync_execution_id = h.id order by l.occurred_at, l.id limit 200) l),
    'error_groups', private.run_error_groups(h.id),
    'job', (
      select jsonb_build_object('id', j.id, 'status', j.status, 'priority', j.priority, 'triggered_by', j.triggered_by,
        'reason', j.reason, 'attempts', j.attempts)
      from public.sync_jobs j where j.id = h.sync_job_id),
    'titles', private.entity_titles(),
    'incidents', private.incidents_of(h, as_of)
  )
  from public.sync_execution_history h where h.id = (p ->> 'id')::uuid;
$$;
comment on function public.get_execution(jsonb, timestamptz) is
  'Returns run {id} with its results, the tournaments that it did not sync, the run before, the usual figures, its call, first 200 errors, '
  'error groups, job and incidents; null when no such run exists.';

-- In plpgsql for the same reason as public.list_errors.
create function public.list_executions(p jsonb) returns jsonb
language plpgsql stable set search_path = '' as $$
begin
  perform private.refuse_unknown_fields(p, '{entity_type,status,trigger,tournament_no,from,to,before_at,before_id,limit}');
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
  'Returns at most {limit} runs that match the filters, newest first, after the cursor {before_at?, before_id?}.';

create function private.tournament_json(tournament public.tournaments, state public.tournament_sync_state, as_of timestamptz) returns jsonb
language sql stable set search_path = '' as $$
  select jsonb_build_object(
    'no', tournament.no, 'name', tournament.name, 'gender', private.gender_of(tournament.gender), 'season', tournament.season, 'status', tournament.status,
    'priority', private.tournament_priority(tournament, as_of),
    'start_date', tournament.start_date, 'end_date', tournament.end_date, 'is_vanished', tournament.vanished_at is not null,
    'synced_at', state.synced_at, 'age_ms', extract(epoch from as_of - state.synced_at) * 1000,
    'ttl_ms', extract(epoch from state.ttl) * 1000, 'ttl_left_ms', extract(epoch from state.synced_at + state.ttl - as_of) * 1000,
    'match_count', state.match_count, 'live_count', state.live_count,
    'results', count(*), 'success_rate', round(avg(r.success::integer), 6),
    'failing_streak', coalesce(state.failing_streak, 0),
    'last_success', state.last_success_at, 'last_result', state.last_result_at,
    'last_error', state.last_error, 'last_error_type', state.last_error_type
  )
  from (
    select l.success from public.sync_tournament_results l
    where l.tournament_no = tournament.no and l.created_at <= as_of order by l.created_at desc limit 50
  ) r;
$$;
comment on function private.tournament_json(public.tournaments, public.tournament_sync_state, timestamptz) is
  'The sync state of a tournament: freshness of its matches, last result, failing streak, and the success rate of its last 50 results.';

create function public.get_tournament_state(p jsonb, as_of timestamptz default now()) returns jsonb
language sql stable set search_path = '' as $$
  select private.refuse_unknown_fields(p, '{no}');
  select private.tournament_json(t, s, as_of) || jsonb_build_object('history', (
    select coalesce(jsonb_agg(jsonb_build_object(
      'execution_id', r.sync_execution_id, 'entity_type', r.entity_type, 'at', r.created_at, 'success', r.success,
      'records_processed', r.records_processed, 'duration_ms', round(extract(epoch from r.processing_duration) * 1000),
      'error_type', r.error_type, 'error_message', r.error_message, 'warning_code', r.warning_code, 'retry_attempt', r.retry_attempt
    ) order by r.created_at desc), '[]')
    from (
      select * from public.sync_tournament_results r
      where r.tournament_no = t.no and r.created_at <= as_of order by r.created_at desc limit 100
    ) r
  ))
  from public.tournaments t left join public.tournament_sync_state s on s.tournament_no = t.no
  where t.no = p ->> 'no';
$$;
comment on function public.get_tournament_state(jsonb, timestamptz) is
  'Returns tournament {no} with its last 100 results; null when no such tournament exists.';

create function public.list_tournament_states(p jsonb, as_of timestamptz default now()) returns jsonb
language sql stable set search_path = '' as $$
  select private.refuse_unknown_fields(p, '{search,season,failing,offset,limit}');
  -- The page is selected first, so that only the results of its tournaments are read.
  with page as (
    select t, s, coalesce(s.failing_streak > 0, false) as is_failing, s.synced_at, t.no
    from public.tournaments t left join public.tournament_sync_state s on s.tournament_no = t.no
    where (p ->> 'search' is null or strpos(lower(t.name), lower(p ->> 'search')) > 0 or t.no = p ->> 'search')
      and (p ->> 'season' is null or t.season = p ->> 'season')
      and (p ->> 'failing' is null or coalesce(s.failing_streak > 0, false) = (p ->> 'failing')::boolean)
      and (p ->> 'season' is not null or p ->> 'search' is not null or s.synced_at is not null or s.last_result_at is not null)
    order by is_failing desc, s.synced_at desc nulls last, t.no
    offset coalesce((p ->> 'offset')::integer, 0)
    limit (p ->> 'limit')::integer
  )
  select coalesce(jsonb_agg(private.tournament_json(g.t, g.s, as_of) order by g.is_failing desc, g.synced_at desc nulls last, g.no), '[]')
  from page g;
$$;
comment on function public.list_tournament_states(jsonb, timestamptz) is
  'Returns {limit} tournaments from {offset?}, failing first; without {search} and {season}, only tournaments with a sync or a result.';

create function public.list_entities() returns jsonb
language sql stable set search_path = '' as $$
  select coalesce(jsonb_agg(private.lengths_in_words(to_jsonb(s)) || jsonb_build_object('pauses', (
    select coalesce(jsonb_agg(jsonb_build_object('paused_at', p.paused_at, 'resumed_at', p.resumed_at) order by p.paused_at), '[]')
    from (
      select * from public.entity_pauses p where p.entity_type = s.entity_type order by p.paused_at desc limit 50
    ) p
  )) order by s.entity_type), '[]')
  from public.sync_status s;
$$;
comment on function public.list_entities() is
  'Returns every entity with its schedule, limits, counters and last 50 pauses, ordered by its type.';

-- In plpgsql for the same reason as list_errors.
create function public.list_sync_jobs(p jsonb) returns jsonb
language plpgsql stable set search_path = '' as $$
begin
  perform private.refuse_unknown_fields(p, '{status,entity_type,tournament_no,before_at,before_id,limit}');
  return (
    select coalesce(
      jsonb_agg(to_jsonb(j) - 'token' - 'claimed_at' - 'lease_expires_at' - 'target' order by j.enqueued_at desc, j.id desc), '[]')
    from (
      select * from public.sync_jobs j
      where (p ->> 'status' is null or j.status = p ->> 'status')
        and (p ->> 'entity_type' is null or j.entity_type = p ->> 'entity_type')
        and (p ->> 'tournament_no' is null or j.tournament_no = p ->> 'tournament_no' or j.tournament_nos ? (p ->> 'tournament_no'))
        and (p ->> 'before_at' is null or (j.enqueued_at, j.id) < ((p ->> 'before_at')::timestamptz, (p ->> 'before_id')::uuid))
      order by j.enqueued_at desc, j.id desc
      limit (p ->> 'limit')::integer
    ) j
  );
end
$$;
comment on function public.list_sync_jobs(jsonb) is
  'Returns {limit} jobs, newest first, after {before_at?, before_id?}, filtered by {status?, entity_type?, tournament_no?}.';

create function public.get_sync_job(p jsonb, as_of timestamptz default now()) returns jsonb
language sql stable set search_path = '' as $$
  select private.refuse_unknown_fields(p, '{id}');
  select private.job_json(j, as_of) from public.sync_jobs j where j.id = (p ->> 'id')::uuid;
$$;
comment on function public.get_sync_job(jsonb, timestamptz) is
  'Returns job {id} with its queue position, progress, attempts and the inputs of its estimate; null when no such job exists.';

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
      from public.sync_status e where e.paused_at is not null),
    'backoff_until', b.backoff_until, 'backoff_reason', b.backoff_reason
  )
  from public.sync_queue_settings s cross join private.upstream_backoff(as_of) b;
$$;
comment on function public.get_queue_status(timestamptz) is
  'Returns the number of waiting jobs by priority, the longest wait in ms, the running jobs, the slots, the paused entities, and the '
  'upstream backoff for which all jobs wait.';

create function private.check_scheduler(as_of timestamptz) returns jsonb
language sql stable security definer set search_path = '' as $$
  -- Before the first tick, the creation of the oldest entity counts as the last tick.
  select jsonb_build_object('jobs', (select count(*) from cron.job where active), 'last_tick', max(d.start_time), 'is_late',
    coalesce(max(d.start_time), (select min(s.created_at) from public.sync_status s)) < as_of - interval '3 minutes')
  from cron.job_run_details d where d.start_time <= as_of;
$$;
comment on function private.check_scheduler(timestamptz) is
  'Returns the number of active cron jobs, the last tick, and whether the next tick is late. Security definer, because only the owner '
  'reads cron.';

-- In plpgsql, because 015 defines the list of the jobs.
create function private.check_cron_jobs(as_of timestamptz) returns jsonb
language plpgsql stable security definer set search_path = '' as $$
begin
  return (
    select jsonb_agg(jsonb_build_object(
      'name', r.name, 'job_id', j.jobid, 'is_active', coalesce(j.active, false), 'schedule', j.schedule, 'required_schedule', r.schedule,
      'has_required_command', coalesce(j.command = r.command, false), 'period_ms', extract(epoch from r.period) * 1000,
      'tick', (
        select jsonb_build_object('at', d.start_time, 'status', d.status, 'message', d.return_message)
        from cron.job_run_details d
        -- A deleted job keeps its ticks, and a new job with the same name gets another id.
        where (d.jobid = j.jobid or j.jobid is null and d.command = r.command) and d.start_time <= as_of
        order by d.runid desc limit 1)
    ) order by r.name)
    from private.cron_jobs() r
    left join cron.job j on j.jobname = r.name and j.username = current_user
  );
end
$$;
comment on function private.check_cron_jobs(timestamptz) is
  'Each required cron job, with its required and its current definition and its last tick. Security definer, because only the owner reads '
  'cron.';

create function private.missing_secrets(names text[]) returns jsonb
language sql stable security definer set search_path = '' as $$
  select coalesce(jsonb_agg(r.name order by r.name), '[]')
  from unnest(names) r (name)
  where not exists (select from vault.decrypted_secrets v where v.name = r.name);
$$;
comment on function private.missing_secrets(text[]) is
  'The secrets of these names that Vault does not have. Security definer, because only the owner reads Vault.';

create function private.run_facts(run public.sync_execution_history) returns jsonb
language sql stable set search_path = '' as $$
  select jsonb_build_object('id', run.id, 'status', run.status, 'reason', run.status_reason, 'trigger', run.trigger,
    'at', run.execution_start, 'ended_at', run.execution_end, 'heartbeat_at', run.heartbeat_at,
    'lease_expires_at', least(run.lease_expires_at, run.deadline), 'due_at', run.due_at, 'attempt', run.attempt,
    'correlation_id', run.correlation_id)
  where run.id is not null;
$$;
comment on function private.run_facts is 'The facts of a run for system-status; null without a run.';

create function private.full_run_facts(p_entity_type text, as_of timestamptz) returns jsonb
language plpgsql stable set search_path = '' as $$
declare
  last_run public.sync_execution_history;
  last_finished public.sync_execution_history;
  good_at timestamptz;
begin
  select * into last_run from public.sync_execution_history h
  where h.entity_type = p_entity_type and h.tournament_no is null and h.status not in ('SKIPPED', 'CANCELLED') and h.execution_start <= as_of
  order by h.execution_start desc limit 1;
  select * into last_finished from public.sync_execution_history h
  where h.entity_type = p_entity_type and h.tournament_no is null and h.status in ('SUCCEEDED', 'PARTIAL', 'FAILED', 'TIMED_OUT')
    and h.execution_start <= as_of
  order by h.execution_start desc limit 1;
  select h.execution_start into good_at from public.sync_execution_history h
  where h.entity_type = p_entity_type and h.tournament_no is null and h.status in ('SUCCEEDED', 'PARTIAL') and h.execution_start <= as_of
  order by h.execution_start desc limit 1;
  return jsonb_build_object('run', private.run_facts(last_run), 'finished', private.run_facts(last_finished), 'good_at', good_at,
    'failing_since', (
      select min(h.execution_start) from public.sync_execution_history h
      where h.entity_type = p_entity_type and h.tournament_no is null and h.status in ('FAILED', 'TIMED_OUT')
        and h.execution_start > coalesce(good_at, '-infinity') and h.execution_start <= as_of));
end
$$;
comment on function private.full_run_facts is
  'The last full run, the last finished full run, and the starts of the last good one (SUCCEEDED or PARTIAL) and of the first failure '
  'after it.';

create function private.scheduled_calls(entity public.sync_status, as_of timestamptz) returns jsonb
language sql stable set search_path = '' as $$
  with call as (
    select c.*, (c.body ->> 'due_at')::timestamptz as due_at, (c.body ->> 'attempt')::integer as attempt
    from private.call_log c
    where c.path = entity.function_name and c.body ->> 'due_at' is not null and c.called_at <= as_of
    order by c.called_at desc limit 2
  )
  select coalesce(jsonb_agg(jsonb_build_object(
    'id', c.id, 'at', c.called_at, 'due_at', c.due_at, 'attempt', c.attempt, 'outcome', c.outcome,
    'is_queued', exists (select from net.http_request_queue q where q.id = c.net_request_id),
    'is_answered', n.id is not null, 'is_timed_out', n.timed_out, 'status_code', n.status_code, 'error', n.error_msg,
    'has_run', exists (
      select from public.sync_execution_history h
      where h.entity_type = entity.entity_type and h.due_at = c.due_at and h.attempt = c.attempt)
  ) order by c.called_at desc), '[]')
  from call c left join net._http_response n on n.id = c.net_request_id;
$$;
comment on function private.scheduled_calls is
  'The last two scheduled calls for an entity, newest first, with their answers and whether each started its run.';

-- In plpgsql, because 015 defines next_call and next_run.
create function private.schedule_chain(as_of timestamptz) returns jsonb
language plpgsql stable security definer set search_path = '' as $$
begin
  return (
    select coalesce(jsonb_agg(jsonb_build_object(
      'entity_type', s.entity_type, 'function_name', s.function_name, 'frequency_ms', extract(epoch from s.sync_frequency) * 1000,
      'is_paused', s.paused_at is not null, 'paused_at', s.paused_at, 'paused_by', s.paused_by, 'idle_since', s.idle_since,
      'waits_for', case when s.last_attempt is null then (
        select d.entity_type from public.sync_status d where d.entity_type = s.depends_on and d.last_sync is null) end,
      'due_at', next_call.due_at, 'is_open', next_call.attempt is not null,
      -- A call waits for the end of a pause and of an upstream backoff.
      'call_due_at', case when next_call.call_at is not null then greatest(next_call.call_at, private.schedule_start(s), (
        select max(u.backoff_until) from public.upstream_state u where u.backoff_until <= as_of)) end,
      'next_run_at', private.next_run(s, as_of),
      'calls', private.scheduled_calls(s, as_of)
    ) || private.full_run_facts(s.entity_type, as_of) order by s.entity_type), '[]')
    from public.sync_status s cross join lateral private.next_call(s, as_of) next_call
    where s.is_active
  );
end
$$;
comment on function private.schedule_chain(timestamptz) is
  'The due time, calls with their answers, and full runs of each active entity. Security definer, because only the owner reads net.';

create function private.connections() returns jsonb
language sql stable set search_path = '' as $$
  -- A server has processes without a database, such as the checkpointer. The embedded database has one process with one session, which
  -- max_connections does not limit.
  select case when not exists (select from pg_catalog.pg_stat_activity where datid is null)
    then jsonb_build_object('in_use', null, 'limit', null, 'reason', 'the embedded database has one session')
    else jsonb_build_object(
      'in_use', (select sum(d.numbackends) from pg_catalog.pg_stat_database d),
      'limit', current_setting('max_connections')::integer - current_setting('superuser_reserved_connections')::integer,
      'reason', null)
  end;
$$;
comment on function private.connections() is
  'The number of connections of all databases of the server, and the largest number for roles that are no superusers; null with {reason}.';

create function private.undelivered(as_of timestamptz) returns setof public.alert_notifications
language sql stable set search_path = '' set timezone = 'UTC' as $$
  select n.* from public.alert_notifications n join public.alert_incidents i on i.id = n.incident_id and not i.is_test
  where n.status in ('PENDING', 'SENDING', 'DEAD') and n.discarded_by is null and (n.status <> 'DEAD' or exists (
    select from public.alert_deliveries d where d.notification_id = n.id and d.at > as_of - interval '1 day' and d.at <= as_of
  ));
$$;
comment on function private.undelivered is 'The states that wait for delivery, and the states that became DEAD in the last 24 hours.';

create function public.get_system_facts(as_of timestamptz default now()) returns jsonb
language sql stable set search_path = '' as $$
  select jsonb_build_object(
    'as_of', as_of,
    'schema_version', public.schema_version() -> 'version',
    'database', jsonb_build_object(
      'size_bytes', pg_catalog.pg_database_size(pg_catalog.current_database()),
      'connections', private.connections()),
    'scheduler', private.check_scheduler(as_of),
    'cron_jobs', private.check_cron_jobs(as_of),
    -- private.call_function needs these secrets.
    'missing_secrets', private.missing_secrets('{project_url,secret_key}'),
    'schedules', private.schedule_chain(as_of),
    'runs', (
      select jsonb_build_object(
        'hour', jsonb_build_object(
          'finished', count(*) filter (where h.is_of_hour), 'failed', count(*) filter (where h.is_of_hour and h.has_failed)),
        'day', jsonb_build_object('finished', count(*), 'failed', count(*) filter (where h.has_failed)))
      from (
        select execution_start > as_of - interval '1 hour' as is_of_hour, status in ('FAILED', 'TIMED_OUT') as has_failed
        from public.sync_execution_history
        where execution_start > as_of - interval '24 hours' and execution_start <= as_of
          and status in ('SUCCEEDED', 'PARTIAL', 'FAILED', 'TIMED_OUT')
      ) h),
    'alert_processor', (
      select jsonb_build_object('last_evaluation', max(e.evaluated_at), 'evaluated_since', max(e.evaluated_since))
      from (select * from public.alert_evaluations where evaluated_at <= as_of order by evaluated_at desc, id desc limit 1) e),
    'channels', (
      select coalesce(jsonb_agg(
        jsonb_build_object('name', c.name, 'kind', c.kind, 'is_active', c.is_active) || to_jsonb(n) order by c.name), '[]')
      from public.notification_channels c cross join lateral (
        select count(*) filter (where n.status = 'DEAD') as dead_24h, count(*) filter (where n.status <> 'DEAD') as waiting,
          (select max(d.last_sent_at) from public.notification_destinations d where d.channel = c.name) as last_sent,
          coalesce(
            (array_agg(n.last_error order by n.seq desc) filter (where n.last_error is not null))[1],
            -- A post to Alertmanager is not in the outbox, so its error is at the destination.
            (select d.last_error from public.notification_destinations d where d.channel = c.name and c.kind = 'alertmanager')) as last_error
        from private.undelivered(as_of) n where n.channel = c.name
      ) n),
    'upstream', (
      select jsonb_build_object(
        'backoff_until', case when u.backoff_until > as_of then u.backoff_until end,
        'reason', u.backoff_reason,
        'usual_response_ms', u.baseline_response_ms, 'in_flight_limit', u.in_flight_limit)
      from public.upstream_state u where u.upstream = 'vis'),
    'queue', public.get_queue_status(as_of),
    'audit', (
      select jsonb_build_object('rows_unsealed', count(*))
      from public.audit_log a where a.id > coalesce((select max(s.audit_id) from public.audit_seals s), 0))
  );
$$;
comment on function public.get_system_facts(timestamptz) is
  'Returns the facts about each part of the system, from which system-status derives the state.';

create function public.get_metrics_facts(as_of timestamptz default now()) returns jsonb
language sql stable set search_path = '' set timezone = 'UTC' as $$
  with error as materialized (
    select error_type, error_severity from public.sync_error_log
    where occurred_at > as_of - interval '24 hours' and occurred_at <= as_of
  )
  select jsonb_build_object('as_of', as_of,
    'success_rates', (
      select coalesce(jsonb_object_agg(d.entity_type, round(d.success_weight / nullif(d.counted_runs, 0), 6)), '{}')
      from private.metrics_total(as_of - interval '24 hours', as_of + interval '1 microsecond', null, true) d),
    'totals', (
      select jsonb_build_object(
        'runs', coalesce(d.counted_runs, 0),
        'success_rate', round(d.success_weight / nullif(d.counted_runs, 0), 6),
        'average_duration_ms', round(d.duration_ms_total::numeric / nullif(d.counted_runs, 0), 1),
        'peak_memory_mb', d.memory_usage_mb_peak, 'api_calls', coalesce(d.api_calls, 0), 'api_errors', coalesce(d.api_errors, 0),
        'api_response_ms', coalesce(d.api_response_ms_total, 0), 'database_calls', coalesce(d.database_calls, 0)
      ) || private.upstream_ratios(d)
      from (values (1)) always
      left join private.metrics_total(as_of - interval '24 hours', as_of + interval '1 microsecond', null, false) d on true),
    'errors_by_type', (
      select coalesce(jsonb_object_agg(e.error_type, e.n), '{}') from (select error_type, count(*) as n from error group by 1) e),
    'critical_errors', (select count(*) from error where error_severity = 'CRITICAL'),
    'consecutive_failures', (select coalesce(max(consecutive_failures), 0) from public.sync_status where is_active),
    'overdue', (
      select count(*) from public.sync_status s
      where s.is_active and s.paused_at is null and private.overdue_since(s, as_of) is not null),
    'entities', (select count(*) from public.sync_status s where s.is_active and s.paused_at is null),
    'active_alerts', (select count(*) from public.alert_incidents where state in ('FIRING', 'ACKNOWLEDGED') and not is_test),
    'escalations', (select count(*) from public.alert_incidents where escalated_at > as_of - interval '24 hours' and not is_test),
    'mean_resolution_ms', (
      select round(avg(extract(epoch from resolved_at - began_at) * 1000)) from public.alert_incidents
      where resolved_at > as_of - interval '30 days' and fired_at is not null and not is_test)
  );
$$;
comment on function public.get_metrics_facts(timestamptz) is
  'Returns the figures of the last 24 hours for the metrics: rates and durations of full runs, counters and errors of all runs.';

create function private.cause_json(p_indicator text, p_cause text, p_bad_events bigint) returns jsonb
language sql stable set search_path = '' as $$
  select jsonb_build_object(
    'fingerprint', case when p_indicator <> 'delivery' then nullif(p_cause, '') end,
    'channel', case when p_indicator = 'delivery' then nullif(p_cause, '') end,
    'bad_events', p_bad_events, 'error_code', l.error_code, 'message', l.error_message
  )
  from (select) found left join lateral (
    select e.error_code, e.error_message from public.sync_error_log e
    where p_indicator <> 'delivery' and e.fingerprint = p_cause order by e.occurred_at desc, e.id desc limit 1
  ) l on true;
$$;
comment on function private.cause_json(text, text, bigint) is
  'The cause of bad events: an error by its fingerprint, or a channel; nulls for an unknown cause.';

create function private.objective_json(objective public.sync_objectives, as_of timestamptz, most_causes integer) returns jsonb
language sql stable set search_path = '' set timezone = 'UTC' as $$
  with point as materialized (
    select i.* from private.indicators_between(
      objective.indicator, date_bin('1 hour', as_of - objective.rolling_window, '2000-01-01 00:00:00+00'), as_of) i
    where objective.entity_type in ('all', i.entity_type)
  ),
  total as (
    select coalesce(sum(p.events), 0)::numeric as events, coalesce(sum(p.bad_events), 0)::numeric as bad_events,
      coalesce(sum(p.events) filter (where p.bucket >= as_of - interval '1 day'), 0)::numeric as day_events,
      coalesce(sum(p.bad_events) filter (where p.bucket >= as_of - interval '1 day'), 0)::numeric as day_bad_events
    from point p
  ),
  budget as (select t.*, (1 - objective.target) * t.events as budget from total t)
  select private.lengths_in_words(to_jsonb(objective)) || jsonb_build_object(
    'from', date_bin('1 hour', as_of - objective.rolling_window, '2000-01-01 00:00:00+00'), 'until', as_of,
    'events', b.events, 'bad_events', b.bad_events, 'attainment', (b.events - b.bad_events) / nullif(b.events, 0),
    'budget_events', b.budget, 'budget_left_events', b.budget - b.bad_events,
    'budget_left', (b.budget - b.bad_events) / nullif(b.budget, 0),
    'burn_rate', b.day_bad_events / nullif(b.day_events, 0) / (1 - objective.target),
    -- No end later than a window is predicted, because the budget returns when bad events leave the window.
    'runs_out_at', case when b.day_bad_events > 0 and b.budget >= b.bad_events
        and (b.budget - b.bad_events) / b.day_bad_events * interval '1 day' <= objective.rolling_window
      then as_of + (b.budget - b.bad_events) / b.day_bad_events * interval '1 day' end,
    'causes', (
      select coalesce(jsonb_agg(private.cause_json(objective.indicator, c.cause, c.bad_events) order by c.bad_events desc, c.cause), '[]')
      from (
        select k.key as cause, sum(k.value::bigint)::bigint as bad_events
        from point p cross join lateral jsonb_each_text(p.causes) k
        group by k.key order by 2 desc, 1 limit most_causes
      ) c
    ),
    'course', (
      select coalesce(jsonb_agg(jsonb_build_object('from', d.day, 'events', d.events, 'bad_events', d.bad_events,
        'budget_left', 1 - d.spent / nullif(b.budget, 0)) order by d.day), '[]')
      from (
        select date_bin('1 day', p.bucket, '2000-01-01 00:00:00+00') as day, sum(p.events) as events, sum(p.bad_events) as bad_events,
          sum(sum(p.bad_events)) over (order by date_bin('1 day', p.bucket, '2000-01-01 00:00:00+00')) as spent
        from point p group by 1
      ) d
    )
  )
  from budget b;
$$;
comment on function private.objective_json(public.sync_objectives, timestamptz, integer) is
  'An objective with its budget in the window that begins at the last hour before as_of - rolling_window, its causes and its days. The '
  'budget is in events; a negative remaining budget is overspent.';

create function public.list_objectives(as_of timestamptz default now()) returns jsonb
language sql stable set search_path = '' as $$
  select coalesce(jsonb_agg(private.objective_json(o, as_of, 3) order by o.created_at, o.name), '[]') from public.sync_objectives o;
$$;
comment on function public.list_objectives(timestamptz) is 'Returns each objective with its budget, its three largest causes and its days.';

create function public.get_objective(p jsonb, as_of timestamptz default now()) returns jsonb
language plpgsql stable set search_path = '' set timezone = 'UTC' as $$
declare
  objective public.sync_objectives;
begin
  perform private.refuse_unknown_fields(p, '{id}');
  select * into objective from public.sync_objectives where id = (p ->> 'id')::uuid;
  if not found then
    return null;
  end if;
  return private.objective_json(objective, as_of, 20) || jsonb_build_object(
    'incidents', (
      select coalesce(jsonb_agg(to_jsonb(i) order by i.began_at desc, i.id), '[]')
      from (
        select i.id, i.rule_name, i.entity_type, i.tournament_no, i.severity, i.state, i.message, i.began_at, i.resolved_at, i.parent_id
        from public.alert_incidents i
        where i.state <> 'PENDING' and not i.is_test and (objective.entity_type = 'all' or i.entity_type in ('all', objective.entity_type))
          and i.began_at <= as_of and coalesce(i.resolved_at, as_of) >= as_of - objective.rolling_window
        order by i.began_at desc, i.id limit 100
      ) i
    ),
    'rules', (
      select coalesce(jsonb_agg(jsonb_build_object('id', r.id, 'name', r.name, 'threshold', r.threshold,
        'evaluation_window', private.in_words(r.evaluation_window), 'severity', r.severity, 'is_active', r.is_active)
        order by r.evaluation_window), '[]')
      from public.alert_rules r where r.objective_id = objective.id
    )
  );
end
$$;
comment on function public.get_objective(jsonb, timestamptz) is
  'Returns objective {id} with 20 causes, its burn-rate rules, and at most 100 incidents of its syncs in the window; null when it does not '
  'exist.';

create function private.lifetime_counters(as_of timestamptz) returns table (entity_type varchar, counters jsonb)
language sql stable set search_path = '' set timezone = 'UTC' as $$
  select t.entity_type, to_jsonb(t) - 'durations' || jsonb_build_object('duration_buckets', (
    -- Every edge from 0.097 s to 3814 s, because in wider buckets an interpolated p95 differs by over 10 % from the p95 of the
    -- histogram. The edges do not depend on the runs, because Prometheus misses the first runs of a bucket that appears later.
    select jsonb_agg(jsonb_build_object('le_s', round((power(1.1::double precision, b.edge) / 1000)::numeric, 3), 'runs', b.runs) order by b.edge)
    from (
      select edge, sum(coalesce(t.durations[edge], 0)) over (order by edge) as runs from generate_series(0, 159) edge
    ) b
    where b.edge >= 48
  ))
  -- The window consists of whole days, so that only daily buckets are read, which retention never deletes.
  from private.metrics_total('2000-01-01 00:00:00+00', date_bin('1 day', as_of, '2000-01-01 00:00:00+00') + interval '1 day', null, true) t;
$$;
comment on function private.lifetime_counters(timestamptz) is
  'The sums over all runs of each entity, and the number of its full runs in each cumulative duration bucket of Prometheus.';

create function private.system_values(as_of timestamptz) returns jsonb
language sql stable set search_path = '' as $$
  -- Each value is the value of a rule with the metric; such a rule need not exist.
  select jsonb_object_agg(r.metric, v.value)
  from (
    select array(
      select jsonb_populate_record(null::public.alert_rules, jsonb_build_object('id', md5(m)::uuid, 'entity_type', 'system', 'metric', m))
      from unnest(array['undelivered_age', 'queue_age', 'canary_failed']) m
    ) as rules
  ) s
  cross join unnest(s.rules) r
  join lateral (
    select * from private.measure_system(s.rules, as_of) union all select * from private.measure_canaries(s.rules, as_of)
  ) v on v.rule_id = r.id;
$$;
comment on function private.system_values(timestamptz) is
  'The age in seconds of the oldest undelivered state of an active channel, the age in seconds of the oldest job that can start, and the '
  'number of channels whose last canary failed. An age without a state or a job is 0.';

create function public.get_prometheus_facts(as_of timestamptz default now()) returns jsonb
language sql stable set search_path = '' as $$
  select jsonb_build_object(
    'entities', (
      select coalesce(jsonb_agg(coalesce(c.counters, '{}') || jsonb_build_object(
        'entity_type', s.entity_type, 'consecutive_failures', s.consecutive_failures, 'is_paused', s.paused_at is not null,
        'last_success_s', extract(epoch from s.last_sync), 'last_memory_mb', s.last_memory_usage,
        'overdue_s', coalesce(extract(epoch from as_of - private.overdue_since(s, as_of)), 0),
        'running', (select count(*) from public.sync_execution_history h where h.status = 'RUNNING' and h.entity_type = s.entity_type)
      ) order by s.entity_type), '[]')
      from public.sync_status s left join private.lifetime_counters(as_of) c on c.entity_type = s.entity_type where s.is_active),
    'incidents', (
      select coalesce(jsonb_agg(jsonb_build_object('severity', severity, 'state', state, 'count', n)), '[]')
      from (
        select severity, state, count(*) as n from public.alert_incidents where state in ('FIRING', 'ACKNOWLEDGED') and not is_test group by 1, 2
      ) i),
    'objectives', (
      select coalesce(jsonb_agg(o.objective - '{causes,course}'::text[] order by o.objective ->> 'name'), '[]')
      from (select private.objective_json(o, as_of, 0) as objective from public.sync_objectives o) o),
    'evaluated_s', (select extract(epoch from max(evaluated_at)) from public.alert_evaluations),
    'dead_notifications', (select count(*) from private.undelivered(as_of) n where n.status = 'DEAD'),
    'system', private.system_values(as_of),
    'upstream_backoff', (select coalesce(max((u.backoff_until > as_of)::integer), 0) from public.upstream_state u),
    'queue', public.get_queue_status(as_of)
  );
$$;
comment on function public.get_prometheus_facts(timestamptz) is
  'Returns the lifetime counters of each active entity and the current gauges for a scrape by Prometheus.';

create function private.connectivity_facts(as_of timestamptz) returns jsonb
language sql stable set search_path = '' as $$
  select jsonb_build_object(
    'scheduler', private.check_scheduler(as_of),
    'functions', (select coalesce(jsonb_agg(distinct s.function_name), '[]') from public.sync_status s where s.is_active),
    'channels', (
      select coalesce(jsonb_agg(jsonb_build_object(
        'name', c.name, 'kind', c.kind, 'url', private.channel_address(c),
        'last_delivery', (
          select jsonb_build_object('at', d.at, 'outcome', d.outcome, 'error', d.error)
          from public.alert_notifications n join public.alert_deliveries d on d.notification_id = n.id
          join public.alert_incidents i on i.id = n.incident_id and not i.is_test
          where n.channel = c.name
          order by d.id desc
          limit 1)
      ) order by c.name), '[]')
      from public.notification_channels c where c.is_active)
  );
$$;
comment on function private.connectivity_facts(timestamptz) is
  'The targets of a connectivity test: scheduler, functions, and the addresses and last deliveries of active channels.';

create function public.get_connectivity_test(as_of timestamptz default now()) returns jsonb
language sql stable set search_path = '' as $$
  select jsonb_build_object(
    'last', t.result || jsonb_build_object('tested_at', t.tested_at),
    'next_test_at', private.next_repetition('test-connectivity', 'system', 'connectivity', as_of))
  from private.connectivity_test t;
$$;
comment on function public.get_connectivity_test(timestamptz) is
  'Returns the last connectivity test, null before the first one, and the time of the next possible test, null when it is possible now.';

create function public.list_alert_incidents(p jsonb, as_of timestamptz default now()) returns jsonb
language sql stable set search_path = '' set timezone = 'UTC' as $$
  select private.refuse_unknown_fields(p, '{state,severity,entity_type,tournament_no,before_at,before_id,limit}');
  select jsonb_build_object(
    'alerts', (
      select coalesce(jsonb_agg(to_jsonb(i) order by i.opened_at desc, i.id desc), '[]')
      from (
        select * from public.alert_incidents i
        where not i.is_test and (p ->> 'state' is null or i.state = p ->> 'state')
          and (p ->> 'severity' is null or i.severity = p ->> 'severity')
          and (p ->> 'entity_type' is null or i.entity_type = p ->> 'entity_type')
          and (p ->> 'tournament_no' is null or i.tournament_no = p ->> 'tournament_no')
          and (p ->> 'before_at' is null or (i.opened_at, i.id) < ((p ->> 'before_at')::timestamptz, (p ->> 'before_id')::uuid))
        order by i.opened_at desc, i.id desc
        limit (p ->> 'limit')::integer
      ) i
    ),
    'titles', private.entity_titles(),
    'mean_times', (
      select jsonb_build_object(
        'incidents', count(*),
        'detect_ms', avg(extract(epoch from i.notified_at - i.began_at) * 1000),
        'acknowledge_ms',
          avg(extract(epoch from i.acknowledged_at - i.notified_at) * 1000) filter (where i.acknowledged_at >= i.notified_at),
        'resolve_ms', avg(extract(epoch from i.resolved_at - i.began_at) * 1000)
      )
      from public.alert_incidents i
      where i.opened_at > as_of - interval '30 days' and i.fired_at is not null and not i.is_test
        and (p ->> 'entity_type' is null or i.entity_type = p ->> 'entity_type')
    )
  );
$$;
comment on function public.list_alert_incidents(jsonb, timestamptz) is
  'Returns at most {limit} incidents that match the filters, newest first, after a cursor, and the mean times of 30 days.';

create function private.incident_extent(incident public.alert_incidents, as_of timestamptz) returns table (
  entities text[], entity_type text, first_at timestamptz, until timestamptz, execution_id uuid, fingerprint text
)
language sql stable rows 1 set search_path = '' as $$
  with fact as (
    -- The evidence of the newest breach while the condition is met; afterwards, the evidence of the worst value.
    select case when incident.state = 'RESOLVED' or incident.recovered_at is not null then coalesce(incident.evidence -> 'at_peak', incident.evidence) else incident.evidence end
      as evidence
  ),
  run as (
    select h.id, h.entity_type, h.execution_start from fact f join public.sync_execution_history h on h.id = (f.evidence ->> 'execution_id')::uuid
  ),
  covered as (
    select array_agg(c.entity_type::text order by c.entity_type) as entities, min(c.first_run_at) as first_run_at
    from public.alert_coverage c where c.incident_id = incident.id
  ),
  named as (
    select case incident.entity_type
      when 'system' then '{}'
      when 'all' then array(
        select r.entity_type from run r union select f.evidence ->> 'lowest' from fact f where f.evidence ? 'lowest'
        union select unnest(c.entities) from covered c
        union select jsonb_array_elements_text(f.evidence -> 'entities') from fact f where jsonb_typeof(f.evidence -> 'entities') = 'array'
        order by 1
      )
      else array[incident.entity_type::text] end as entities
  )
  select n.entities, coalesce(r.entity_type, f.evidence ->> 'lowest', n.entities[1]),
    least(incident.began_at, c.first_run_at, r.execution_start), coalesce(incident.resolved_at, as_of),
    (f.evidence ->> 'execution_id')::uuid, f.evidence ->> 'fingerprint'
  from fact f cross join named n cross join covered c left join run r on true;
$$;
comment on function private.incident_extent(public.alert_incidents, timestamptz) is
  'The entities of an incident and the first of them, the time from its first bad run until its end or now, and the run and fingerprint '
  'that explain it.';

create function private.affected_tournaments(
  incident public.alert_incidents, entities text[], first_at timestamptz, until timestamptz, p_execution_id uuid, p_fingerprint text
) returns jsonb
language sql stable set search_path = '' as $$
  with failed as (
    select r.tournament_no, count(*) as failures
    from public.sync_tournament_results r
    where r.entity_type = any (entities) and not r.success and r.created_at <= until
      and (r.created_at >= first_at or r.sync_execution_id = p_execution_id) and r.created_at >= first_at - interval '1 hour'
      and case when incident.tournament_no is null then r.error_fingerprint = p_fingerprint else r.tournament_no = incident.tournament_no end
      and (incident.state = 'RESOLVED' or not exists (
        select from public.sync_tournament_results later
        where later.tournament_no = r.tournament_no and later.entity_type = r.entity_type and later.success
          and later.created_at > r.created_at and later.created_at <= until
      ))
    group by r.tournament_no
    union all
    -- A tournament that no run read has no failed result.
    select incident.tournament_no, 0 where incident.tournament_no is not null
  )
  select coalesce(jsonb_agg(private.tournament_label(a.tournament_no, t) order by a.failures desc, a.tournament_no), '[]')
  from (
    select f.tournament_no, sum(f.failures) as failures from failed f group by f.tournament_no order by 2 desc, 1 limit 20
  ) a left join public.tournaments t on t.no = a.tournament_no;
$$;
comment on function private.affected_tournaments(public.alert_incidents, text[], timestamptz, timestamptz, uuid, text) is
  'At most 20 tournaments whose last result failed with the fingerprint of a live incident, or that failed with it until its end.';

create function private.last_good_run(p_entity_type text, p_tournament_no text, before timestamptz) returns jsonb
language sql stable set search_path = '' as $$
  select case when p_tournament_no is null then (
    select jsonb_build_object('id', h.id, 'execution_end', h.execution_end, 'records_processed', h.records_processed)
    from public.sync_execution_history h
    where h.entity_type = p_entity_type and h.tournament_no is null and h.status = 'SUCCEEDED'
      and h.execution_start < before and h.execution_end < before
    order by h.execution_start desc limit 1
  ) else (
    select jsonb_build_object('id', h.id, 'execution_end', h.execution_end, 'records_processed', r.records_processed)
    from public.sync_tournament_results r join public.sync_execution_history h on h.id = r.sync_execution_id
    where r.tournament_no = p_tournament_no and r.entity_type = p_entity_type and r.success and r.created_at < before
    order by r.created_at desc limit 1
  ) end;
$$;
comment on function private.last_good_run(text, text, timestamptz) is
  'The last full run of an entity that SUCCEEDED before a time, or the last run that read the given tournament.';

create function private.freshness(p_entity_type text, p_tournament_no text, as_of timestamptz) returns jsonb
language sql stable set search_path = '' set timezone = 'UTC' as $$
  select jsonb_build_object(
    'last_successful_sync', f.synced_at, 'age_ms', extract(epoch from as_of - f.synced_at) * 1000,
    'expected_within_ms', extract(epoch from f.expected_within) * 1000)
  from (
    select e.last_sync as synced_at, e.sync_frequency + e.grace as expected_within
    from public.sync_status e where e.entity_type = p_entity_type and p_tournament_no is null
    union all
    select s.synced_at, s.ttl from public.tournament_sync_state s where s.tournament_no = p_tournament_no and s.ttl is not null
  ) f;
$$;
comment on function private.freshness(text, text, timestamptz) is
  'The age of the data of an entity or of a named tournament, and the age within which the next sync is expected; null for a tournament '
  'that was never read.';

create function private.incident_runs(p_entities text[], first_at timestamptz, until timestamptz) returns jsonb
language sql stable set search_path = '' as $$
  with shown as (
    (select h.* from public.sync_execution_history h
    where h.entity_type = any (p_entities) and h.tournament_no is null and h.execution_start >= first_at and h.execution_start <= until
    order by h.execution_start desc limit 30 - cardinality(p_entities))
    union all
    select b.* from unnest(p_entities) e (entity_type) cross join lateral (
      select h.* from public.sync_execution_history h
      where h.entity_type = e.entity_type and h.tournament_no is null and h.execution_start < first_at
      order by h.execution_start desc limit 1
    ) b
  )
  select coalesce(jsonb_agg(jsonb_build_object(
    'id', s.id, 'entity_type', s.entity_type, 'status', s.status, 'status_reason', s.status_reason, 'execution_start', s.execution_start,
    'duration_ms', round(extract(epoch from s.duration) * 1000), 'tournaments_failed', s.tournaments_failed,
    'tournaments_total', s.tournaments_total
  ) order by s.execution_start), '[]')
  from shown s;
$$;
comment on function private.incident_runs(text[], timestamptz, timestamptz) is
  'The newest full runs of an incident, and the last run of each entity before it: at most 30, the oldest first.';

create function private.incident_silence(incident public.alert_incidents, as_of timestamptz) returns jsonb
language sql stable set search_path = '' set timezone = 'UTC' as $$
  select jsonb_build_object('id', m.id, 'until', m.until, 'by', m.by, 'reason', m.reason)
  from (
    select 1 as rank, s.id, least(s.ends_at, private.last_due(s.starts_at, s.recurs_every, as_of) + s.lasts) as until, s.created_by as by, s.reason
    from public.alert_rules r cross join lateral private.silence_of(r, incident.tournament_no, incident.evidence -> 'entities', incident, as_of) s
    where r.id = incident.rule_id and s.id is not null
    union all
    -- The pause of an entity counts as a silence. A silence that names an incident also covers the incidents that it inhibits.
    select 2, null, null, e.paused_by, e.paused_reason from public.sync_status e
    where e.entity_type = incident.entity_type and e.paused_at is not null
    union all
    select 3, s.id, least(s.ends_at, private.last_due(s.starts_at, s.recurs_every, as_of) + s.lasts), s.created_by, s.reason
    from public.alert_silences s where s.incident_id = incident.parent_id and private.is_silencing(s, as_of)
  ) m
  where incident.state in ('FIRING', 'ACKNOWLEDGED') order by m.rank limit 1;
$$;
comment on function private.incident_silence(public.alert_incidents, timestamptz) is
  'The silence, or the pause of the entity, that mutes a live incident; null without one.';

create function private.opening_deliveries(p_incident_id uuid) returns jsonb
language sql stable set search_path = '' as $$
  with opening as (
    -- The state is the first one that the destination received, else the newest one that was queued for it.
    select distinct on (n.channel, n.destination_id) n.*
    from public.alert_notifications n where n.incident_id = p_incident_id and n.item ->> 'kind' <> 'RESOLVED'
    order by n.channel, n.destination_id, n.status <> 'SENT', case when n.status = 'SENT' then n.seq else -n.seq end
  ),
  summary as (
    select o.channel, c.kind, min(o.sent_at) as sent_at, count(*) filter (where o.status = 'SENT') as recipients_sent,
      count(*) as recipients_total, case
        when bool_or(o.status in ('PENDING', 'SENDING')) then 'PENDING' when bool_or(o.status = 'DEAD') then 'DEAD'
        when bool_or(o.status = 'SENT') then 'SENT' else 'SUPERSEDED' end as status,
      max((select max(d.duration_ms) from public.alert_deliveries d where d.notification_id = o.id and d.outcome = 'SENT')) as duration_ms
    from opening o left join public.notification_channels c on c.name = o.channel
    group by o.channel, c.kind
  )
  select coalesce(jsonb_agg(to_jsonb(s) order by s.sent_at, s.channel), '[]') from summary s;
$$;
comment on function private.opening_deliveries(uuid) is
  'The delivery of the opening of an incident on each channel, with the number of its recipients that received it.';

create function private.run_ends(p_entities text[], p_from timestamptz, p_until timestamptz, most integer) returns setof timestamptz
language sql stable rows 100 set search_path = '' as $$
  select h.execution_end from public.sync_execution_history h
  where h.entity_type = any (p_entities) and h.tournament_no is null and h.success_weight is not null
    and h.execution_start > p_from - interval '1 hour' and h.execution_start <= p_until and h.execution_end between p_from and p_until
  order by h.execution_start desc limit most;
$$;
comment on function private.run_ends(text[], timestamptz, timestamptz, integer) is
  'The end times of the full runs in a window, at most the given number of the newest.';

create function private.failure_history(p_entity_type text, p_tournament_no text, p_from timestamptz, p_until timestamptz)
returns table (at timestamptz, value numeric)
language sql stable rows 100 set search_path = '' as $$
  with outcome as (
    select h.execution_end as at, h.status in ('FAILED', 'TIMED_OUT') as has_failed
    from public.sync_execution_history h
    where p_tournament_no is null and h.entity_type = p_entity_type and h.tournament_no is null and h.success_weight is not null
      and h.execution_start <= p_until and h.execution_end <= p_until and h.execution_start >= coalesce((
        select max(g.execution_start) from public.sync_execution_history g
        where g.entity_type = p_entity_type and g.tournament_no is null and g.status in ('SUCCEEDED', 'PARTIAL') and g.execution_end < p_from
          and g.execution_start < p_from
      ), '-infinity')
    union all
    select r.created_at, not r.success from public.sync_tournament_results r
    where r.tournament_no = p_tournament_no and r.entity_type = p_entity_type and r.created_at <= p_until and r.created_at >= coalesce((
      select max(g.created_at) from public.sync_tournament_results g
      where g.tournament_no = p_tournament_no and g.entity_type = p_entity_type and g.success and g.created_at < p_from
    ), '-infinity')
  ),
  series as (select o.*, count(*) filter (where not o.has_failed) over (order by o.at) as successes from outcome o),
  streak as (select s.at, count(*) filter (where s.has_failed) over (partition by s.successes order by s.at) as failures from series s)
  select s.at, case when p_tournament_no is null then s.failures else least(s.failures, 100) end from streak s where s.at >= p_from;
$$;
comment on function private.failure_history(text, text, timestamptz, timestamptz) is
  'The consecutive failures of an entity or of a tournament after each of its runs in a window.';

create function private.shared_failure_history(rule public.alert_rules, p_fingerprint text, p_from timestamptz, p_until timestamptz)
returns table (at timestamptz, value numeric)
language sql stable rows 100 set search_path = '' set timezone = 'UTC' as $$
  with entity as (
    select array_agg(e.entity_type::text) as names from public.sync_status e where rule.entity_type in ('all', e.entity_type)
  ),
  run_end as materialized (select p.at from entity e cross join lateral private.run_ends(e.names, p_from, p_until, 200) p (at)),
  -- A result counts from its time until the next result of its tournament, or until its run leaves the window of the rule.
  span as materialized (select min(r.at) - rule.evaluation_window - interval '1 hour' as start from run_end r),
  failing as materialized (
    select distinct r.entity_type, r.tournament_no
    from entity e cross join span s join public.sync_tournament_results r
      on r.entity_type = any (e.names) and not r.success and r.created_at > s.start and r.created_at <= p_until
    where r.error_fingerprint = p_fingerprint
  ),
  result as (
    select r.tournament_no, r.created_at, not r.success and r.error_fingerprint = p_fingerprint as has_failed, least(
      lead(r.created_at) over (partition by r.entity_type, r.tournament_no order by r.created_at, r.id),
      h.execution_start + rule.evaluation_window) as counts_until
    from failing f cross join span s join public.sync_tournament_results r
      on r.tournament_no = f.tournament_no and r.entity_type = f.entity_type and r.created_at > s.start and r.created_at <= p_until
    join public.sync_execution_history h on h.id = r.sync_execution_id
  ),
  change as (
    select r.tournament_no, c.at, c.step from result r
    cross join lateral (values (r.created_at, 1), (r.counts_until, -1)) c (at, step) where r.has_failed and r.counts_until > r.created_at
  ),
  -- A tournament that fails in two syncs counts once.
  state as (
    select distinct c.tournament_no, c.at, (sum(c.step) over (partition by c.tournament_no order by c.at) > 0)::integer as fails from change c
  ),
  total as (
    select t.at, t.is_end, sum(t.step) over (order by t.at) as failing
    from (
      select s.at, false as is_end, s.fails - coalesce(lag(s.fails) over (partition by s.tournament_no order by s.at), 0) as step from state s
      union all select e.at, true, 0 from run_end e
    ) t
  )
  select t.at, t.failing::numeric from total t where t.is_end;
$$;
comment on function private.shared_failure_history(public.alert_rules, text, timestamptz, timestamptz) is
  'The tournaments whose last result in the window of a rule failed with a fingerprint, after each full run.';

create function private.success_rate_history(rule public.alert_rules, p_from timestamptz, p_until timestamptz)
returns table (at timestamptz, value numeric)
language sql stable rows 50 set search_path = '' set timezone = 'UTC' as $$
  with entity as (
    select array_agg(e.entity_type::text) as names from public.sync_status e where e.is_active and rule.entity_type in ('all', e.entity_type)
  )
  select p.at, min(f.success_rate)
  from entity e cross join lateral private.run_ends(e.names, p_from, p_until, 50) p (at)
  cross join lateral (
    select avg(h.success_weight) as success_rate from public.sync_execution_history h
    where h.entity_type = any (e.names) and h.tournament_no is null and h.success_weight is not null
      and h.execution_start > p.at - rule.evaluation_window and h.execution_start <= p.at and h.execution_end <= p.at
    group by h.entity_type having count(*) >= rule.minimum_runs
  ) f
  group by p.at;
$$;
comment on function private.success_rate_history(public.alert_rules, timestamptz, timestamptz) is
  'The success rate of a rule after each full run; a rule on all entities has the lowest rate of an entity.';

create function private.value_history(
  incident public.alert_incidents, rule public.alert_rules, entities text[], p_fingerprint text, p_until timestamptz
) returns jsonb
language sql stable set search_path = '' as $$
  with span as (select incident.began_at - interval '2 hours' as start),
  point as materialized (
    select f.* from span s cross join lateral private.failure_history(incident.entity_type, incident.tournament_no, s.start, p_until) f
    where incident.metric = 'consecutive_failures' and incident.entity_type <> 'all'
    union all
    select f.* from span s cross join lateral private.shared_failure_history(rule, p_fingerprint, s.start, p_until) f
    where incident.metric = 'shared_failure' and rule.id is not null
    union all
    select f.* from span s cross join lateral private.success_rate_history(rule, s.start, p_until) f
    where incident.metric = 'success_rate' and incident.tournament_no is null and rule.id is not null
    union all
    select h.execution_end, case incident.metric when 'memory_usage' then h.memory_usage_mb else extract(epoch from h.duration) end
    from span s join public.sync_execution_history h on h.execution_start > s.start - interval '1 hour' and h.execution_start <= p_until
    where incident.metric in ('duration_exceeded', 'memory_usage') and h.entity_type = any (entities) and h.tournament_no is null
      and h.success_weight is not null and h.execution_end between s.start and p_until
  ),
  newest as (select * from point p where p.value is not null order by p.at desc limit 200)
  select jsonb_agg(jsonb_build_object('at', n.at, 'value', round(n.value, 4)) order by n.at) from newest n;
$$;
comment on function private.value_history(public.alert_incidents, public.alert_rules, text[], text, timestamptz) is
  'The newest 200 values of a metric from two hours before an incident until its end; for durations and memory, the value of each run. '
  'Null for a metric whose past values cannot be measured.';

create function private.incident_facts(incident public.alert_incidents, as_of timestamptz) returns jsonb
language plpgsql stable set search_path = '' set timezone = 'UTC' as $$
begin
  return (select jsonb_build_object(
    'affected_tournaments', case when incident.entity_type = 'system' or x.fingerprint is null and incident.tournament_no is null then '[]'
      else private.affected_tournaments(incident, x.entities, x.first_at, x.until, x.execution_id, x.fingerprint) end,
    'last_good_run', case when x.entity_type is not null then
      private.last_good_run(x.entity_type, incident.tournament_no, x.first_at) end,
    'freshness', private.freshness(x.entity_type, incident.tournament_no, as_of),
    'next_run_at', case when e.is_active and e.paused_at is null then private.next_run(e, as_of) end,
    'rule', case when r.id is not null then private.lengths_in_words(to_jsonb(r)) || jsonb_build_object(
      'channels', case when r.entity_type = e.entity_type then coalesce(e.notification_channels, r.notification_channels)
        else r.notification_channels end) end,
    'escalation_ms', extract(epoch from r.escalation_delay) * 1000,
    'silence', private.incident_silence(incident, as_of),
    'notified', private.opening_deliveries(incident.id),
    'runs', private.incident_runs(x.entities, x.first_at, x.until),
    'runs_total', case when x.entity_type is null then 0 else (
      select count(*) from public.sync_execution_history h
      where h.entity_type = any (x.entities) and h.tournament_no is null and h.execution_start between x.first_at and x.until) end,
    'value_history', private.value_history(incident, r, x.entities, x.fingerprint, x.until)
  )
  from private.incident_extent(incident, as_of) x
  left join public.sync_status e on e.entity_type = x.entity_type
  left join public.alert_rules r on r.id = incident.rule_id);
end
$$;
comment on function private.incident_facts(public.alert_incidents, timestamptz) is
  'The facts of an incident for a person: its extent, the runs, the freshness, the current rule, and the notified destinations.';

create function public.get_alert_incident(p jsonb, as_of timestamptz default now()) returns jsonb
language sql stable set search_path = '' as $$
  select private.refuse_unknown_fields(p, '{id}');
  select to_jsonb(i) || jsonb_build_object(
    'notifications', (
      select coalesce(jsonb_agg(jsonb_build_object(
        -- Viewers see the first letter and the domain of an address.
        'recipient', nullif(regexp_replace(d.recipient, '^(.).*(@.*)$', '\1***\2'), ''),
        'id', n.id, 'channel', n.channel, 'status', n.status, 'attempts', n.attempts, 'created_at', n.created_at,
        'sent_at', n.sent_at, 'last_error', n.last_error, 'kind', n.item ->> 'kind',
        'deliveries', (
          select coalesce(jsonb_agg(to_jsonb(a) - 'id' - 'notification_id' order by a.id), '[]')
          from public.alert_deliveries a where a.notification_id = n.id)
      ) order by n.seq), '[]')
      from public.alert_notifications n left join public.notification_destinations d on d.id = n.destination_id
      where n.incident_id = i.id),
    'events', (
      select coalesce(jsonb_agg(to_jsonb(e) - 'id' - 'incident_id' order by e.id), '[]')
      from public.alert_events e where e.incident_id = i.id),
    'children', (
      select coalesce(jsonb_agg(to_jsonb(c) order by c.opened_at, c.id), '[]') from public.alert_incidents c where c.parent_id = i.id),
    'parent', (select to_jsonb(p) from public.alert_incidents p where p.id = i.parent_id),
    'titles', private.entity_titles(),
    'downtime_ms', extract(epoch from coalesce(i.resolved_at, as_of) - i.began_at) * 1000
  ) || private.incident_facts(i, as_of)
  from public.alert_incidents i where i.id = (p ->> 'id')::uuid and not i.is_test;
$$;
comment on function public.get_alert_incident(jsonb, timestamptz) is
  'Returns incident {id} with its timeline, its notifications, its facts and the incidents that it inhibits; null when no such incident '
  'exists.';

create function public.list_alert_rules() returns jsonb
language sql stable set search_path = '' as $$
  select coalesce(jsonb_agg(private.lengths_in_words(to_jsonb(r)) order by r.name), '[]') from public.alert_rules r;
$$;
comment on function public.list_alert_rules() is 'Returns every alert rule, ordered by name.';

create function public.list_alert_silences(p jsonb, as_of timestamptz default now()) returns jsonb
language sql stable set search_path = '' as $$
  select private.refuse_unknown_fields(p, '{after_at,after_id,limit}');
  select coalesce(jsonb_agg(
    private.lengths_in_words(to_jsonb(s)) || jsonb_build_object('is_silencing', private.is_silencing(s, as_of)) order by s.ends_at, s.id
  ), '[]')
  from (
    select * from public.alert_silences
    where ends_at > as_of
      and (p ->> 'after_at' is null or (ends_at, id) > ((p ->> 'after_at')::timestamptz, (p ->> 'after_id')::uuid))
    order by ends_at, id
    limit (p ->> 'limit')::integer
  ) s;
$$;
comment on function public.list_alert_silences(jsonb, timestamptz) is
  'Returns {limit} silences that have not ended, ordered by their end, after the one with {after_at?, after_id?}.';

create function private.channel_proof(channel public.notification_channels) returns jsonb
language sql stable set search_path = '' as $$
  select jsonb_build_object(
    'last_delivery_at', max(d.last_sent_at),
    -- A channel is proven when each of its recipients is proven.
    'proven_at', case when count(d.proven_at) = count(*) then min(d.proven_at) end,
    'last_error', (array_agg(d.last_error order by d.retry_at desc nulls last, d.recipient) filter (where d.last_error is not null))[1])
  from (
    select distinct r.recipient
    from unnest(array['LOW', 'MEDIUM', 'HIGH', 'CRITICAL']) severity cross join lateral private.recipients(channel, severity) r (recipient)
  ) wanted
  left join public.notification_destinations d on d.channel = channel.name and d.recipient = wanted.recipient;
$$;
comment on function private.channel_proof(public.notification_channels) is
  'The time of the last notification that a channel delivered, the time since which all of its recipients are proven, and the last error '
  'of a recipient.';

create function private.channel_canary(channel public.notification_channels) returns jsonb
language sql stable set search_path = '' as $$
  select jsonb_build_object(
    'proven_at', coalesce(proven.proven_at, post.last_sent_at), 'proven_by', coalesce(proven.stage, post.stage),
    'failed_at', last.failed_at, 'failed_stage', case when last.failed_at is not null then last.stage end, 'error', last.error)
  from (values (1)) always
  left join lateral (
    select k.proven_at, k.stage from public.channel_canaries k where k.channel = channel.name and k.proven_at is not null
    order by k.opened_at desc limit 1
  ) proven on true
  left join lateral (
    select k.* from public.channel_canaries k
    where k.channel = channel.name and (k.proven_at is not null or k.failed_at is not null) and channel.canary_every is not null
    order by k.opened_at desc limit 1
  ) last on true
  -- Alertmanager has no canaries, because each accepted post proves it.
  left join lateral (
    select d.last_sent_at, 'CHANNEL' as stage from public.notification_destinations d
    where channel.kind = 'alertmanager' and d.channel = channel.name and d.last_sent_at is not null
  ) post on true;
$$;
comment on function private.channel_canary(public.notification_channels) is
  'The last proof of the channel, with its time and its stage, and the failure of its last canary, with the time, the stage and the error; '
  'null fields without a proof or a failure.';

create function public.list_notification_channels() returns jsonb
language sql stable set search_path = '' as $$
  select coalesce(jsonb_agg(
    private.channel_json(c) || private.channel_proof(c) || jsonb_build_object('canary', private.channel_canary(c)) order by c.name), '[]')
  from public.notification_channels c;
$$;
comment on function public.list_notification_channels() is
  'Returns every channel without its address and secrets, with its last delivery, proof, error and canary, ordered by name.';

create function private.reaching_rules() returns jsonb
language sql stable set search_path = '' as $$
  with rule as (
    select exists (
      select from public.notification_channels c
      where c.is_active and c.kind <> 'dashboard' and (
        -- The measurement of a rule about channels selects the channels to notify, and can select every active channel.
        r.metric in ('undelivered_age', 'canary', 'canary_failed')
        or c.kind = 'alertmanager'
        or coalesce(e.notification_channels, r.notification_channels) ? c.name
        or r.escalation_delay is not null and jsonb_path_query_array(r.escalation_channels, '$[*][*]') ? c.name
      )
    ) as is_reaching
    from public.alert_rules r left join public.sync_status e on e.entity_type = r.entity_type
    where r.is_active and coalesce(e.is_active, true)
  )
  select jsonb_build_object('active', count(*), 'dashboard_only', count(*) filter (where not r.is_reaching))
  from rule r;
$$;
comment on function private.reaching_rules() is
  'The number of active rules of active entities, and the number of those that notify no active channel but the dashboard.';

create function public.get_setup_facts(as_of timestamptz default now()) returns jsonb
language sql stable set search_path = '' as $$
  select jsonb_build_object(
    'as_of', as_of,
    'channels', (
      select coalesce(jsonb_agg(
        jsonb_build_object('name', c.name, 'updated_at', c.updated_at) || private.channel_proof(c) order by c.name), '[]')
      from public.notification_channels c where c.is_active and c.kind <> 'dashboard'),
    'rules', private.reaching_rules(),
    'scheduler', private.check_scheduler(as_of),
    'cron_jobs', private.check_cron_jobs(as_of),
    'missing_secrets', private.missing_secrets('{project_url,secret_key,watchdog_url,watchdog_secret}'),
    'last_evaluation', (select max(e.evaluated_at) from public.alert_evaluations e where e.evaluated_at <= as_of),
    'upstream', (
      select jsonb_build_object('backoff_until', case when u.backoff_until > as_of then u.backoff_until end, 'last_answer', (
        -- The window is 26 hours, because the sync of tournaments runs daily.
        select h.execution_start from public.sync_execution_history h
        where h.execution_start > as_of - interval '26 hours' and h.execution_start <= as_of and h.api_calls > h.api_errors
        order by h.execution_start desc limit 1))
      from public.upstream_state u where u.upstream = 'vis')
  );
$$;
comment on function public.get_setup_facts(timestamptz) is
  'Returns the facts that show whether the installation is complete: channels with their proof, rules, cron jobs, missing secrets, '
  'upstream.';

create function public.list_audit_log(p jsonb) returns jsonb
language sql stable set search_path = '' as $$
  select private.refuse_unknown_fields(p, '{actor,action,object_type,object_id,from,to,before_id,limit}');
  select coalesce(jsonb_agg(to_jsonb(a) - 'voucher' || jsonb_build_object('verdict', s.verdict) order by a.id desc), '[]') from (
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
  ) a
  left join public.audit_seals s on s.audit_id = a.id;
$$;
comment on function public.list_audit_log(jsonb) is
  'Returns {limit} rows with the verdict of their seal, newest first, before {before_id?}, filtered by {actor?, action?, object_type?, '
  'object_id?, from?, to?}.';

create function private.week_of_incidents(p_from timestamptz, p_until timestamptz) returns jsonb
language sql stable set search_path = '' as $$
  with incident as (
    select i as stored, i.severity, i.notified_at, i.began_at, least(i.resolved_at, p_until) - i.began_at as duration,
      case when i.acknowledged_at < p_until then i.acknowledged_at end as acknowledged_at,
      case when i.resolved_at < p_until then i.resolved_at end as resolved_at
    from public.alert_incidents i
    -- Missed runs are recorded after their end.
    where not i.is_test and i.fired_at < p_until and (i.resolved_at is null or greatest(i.resolved_at, i.fired_at) >= p_from)
  )
  select jsonb_build_object(
    'total', count(*), 'open', count(*) filter (where i.resolved_at is null),
    'by_severity', (
      select jsonb_object_agg(s.severity, (select count(*) from incident j where j.severity = s.severity))
      from unnest(array['LOW', 'MEDIUM', 'HIGH', 'CRITICAL']) s (severity)),
    'acknowledge_ms',
      avg(extract(epoch from i.acknowledged_at - i.notified_at) * 1000) filter (where i.acknowledged_at >= i.notified_at),
    'resolve_ms', avg(extract(epoch from i.resolved_at - i.began_at) * 1000),
    'longest', (
      select to_jsonb(j.stored) || jsonb_build_object('duration_ms', extract(epoch from j.duration) * 1000, 'resolved_at', j.resolved_at)
      from incident j order by j.duration desc, j.began_at, (j.stored).id limit 1),
    'titles', private.entity_titles()
  )
  from incident i;
$$;
comment on function private.week_of_incidents(timestamptz, timestamptz) is
  'The incidents that were firing in the period, in their state at its end: their number, their mean times in ms, and the incident that '
  'fired longest.';

create function private.week_of_failures(p_from timestamptz, p_until timestamptz) returns jsonb
language sql stable set search_path = '' as $$
  with failing as (
    select r.tournament_no, count(*) as failed, mode() within group (order by r.error_fingerprint) as fingerprint
    from public.sync_tournament_results r
    where not r.success and r.entity_type = any (array(select s.entity_type from public.sync_status s))
      and r.created_at >= p_from and r.created_at < p_until
    group by r.tournament_no
  )
  select jsonb_build_object('failing', (select count(*) from failing), 'worst', (
    select coalesce(jsonb_agg(private.tournament_label(f.tournament_no, t) || jsonb_build_object(
      'failed', f.failed, 'fingerprint', f.fingerprint, 'results', (
        select count(*) from public.sync_tournament_results r
        where r.tournament_no = f.tournament_no and r.created_at >= p_from and r.created_at < p_until)
      ) order by f.failed desc, f.tournament_no), '[]')
    from (select * from failing order by failed desc, tournament_no limit 5) f join public.tournaments t on t.no = f.tournament_no
  ));
$$;
comment on function private.week_of_failures(timestamptz, timestamptz) is
  'The number of tournaments with a failed result in the period, and the five with the most failed results, each with its most frequent '
  'fingerprint.';

create function private.week_of_rules(p_from timestamptz, p_until timestamptz) returns jsonb
language sql stable set search_path = '' as $$
  with act as (
    select * from public.audit_log a
    where a.object_type = 'alert-rule' and a.action in ('create-rule', 'change-rule', 'delete-rule') and a.at >= p_from and a.at < p_until
  )
  select jsonb_build_object('total', (select count(*) from act), 'newest', (
    select coalesce(jsonb_agg(jsonb_build_object(
      'at', a.at, 'actor', a.actor, 'reason', a.reason, 'rule_name', coalesce(a.after, a.before) -> 'name',
      'change', case
        when a.before is null then 'CREATED' when a.after is null then 'DELETED'
        when a.before -> 'is_active' = a.after -> 'is_active' then 'CHANGED'
        when (a.after ->> 'is_active')::boolean then 'SWITCHED_ON' else 'SWITCHED_OFF' end,
      'fields', (
        select coalesce(jsonb_agg(f.key order by f.key), '[]') from jsonb_each(a.after) f
        where f.value is distinct from a.before -> f.key and f.key not in ('is_active', 'updated_at') and a.before is not null)
    ) order by a.id desc), '[]')
    from (select * from act order by id desc limit 10) a
  ));
$$;
comment on function private.week_of_rules(timestamptz, timestamptz) is
  'The number of changes of rules in the period by the audit log, and the newest ten changes, each with the changed fields.';

create function public.get_weekly_report(as_of timestamptz default now()) returns jsonb
language sql stable set search_path = '' set timezone = 'UTC' as $$
  select jsonb_build_object(
    'from', w.until - interval '7 days', 'until', w.until,
    'objectives', (
      select coalesce(jsonb_agg(private.objective_json(o, w.until, 0) - '{causes,course}'::text[] order by o.created_at, o.name), '[]')
      from public.sync_objectives o),
    'incidents', private.week_of_incidents(w.until - interval '7 days', w.until),
    'tournaments', private.week_of_failures(w.until - interval '7 days', w.until),
    'rules', private.week_of_rules(w.until - interval '7 days', w.until)
  )
  from (select date_trunc('week', as_of) as until) w;
$$;
comment on function public.get_weekly_report(timestamptz) is
  'Returns the facts of the last whole week before as_of, Monday to Monday in UTC: objectives, incidents, failing tournaments, changed '
  'rules.';

create function private.incident_outcomes(p_from timestamptz, p_until timestamptz) returns table (
  rule_id uuid, rule_name varchar, is_flapping boolean, label varchar, is_acknowledged boolean, is_brief boolean,
  acknowledge_ms numeric, resolve_ms numeric
)
language sql stable rows 100 set search_path = '' set timezone = 'UTC' as $$
  select i.rule_id, i.rule_name, i.is_flapping, i.label, act.acknowledged_at is not null,
    -- The incident of missed runs opens after their end, so it is never brief.
    act.first_at is null and i.missed_due_at is null and coalesce(i.resolved_at - i.fired_at <= interval '5 minutes', false),
    extract(epoch from act.acknowledged_at - coalesce(i.notified_at, i.fired_at)) * 1000,
    extract(epoch from i.resolved_at - i.fired_at) * 1000
  from public.alert_incidents i
  cross join lateral (
    select min(a.at) filter (where a.action = 'acknowledge') as acknowledged_at, min(a.at) as first_at
    from (
      select a.at, a.action from public.audit_log a
      where a.object_type = 'alert' and a.object_id = i.id::text and a.action in ('acknowledge', 'resolve')
      union all
      select s.created_at, 'silence' from public.alert_silences s where s.incident_id = i.id
    ) a
  ) act
  where i.fired_at is not null and not i.is_test and i.opened_at >= p_from and i.opened_at < p_until;
$$;
comment on function private.incident_outcomes(timestamptz, timestamptz) is
  'The incidents that opened in the period and fired, with the acts of people; is_brief: the incident resolved within five minutes without '
  'an act or a silence.';

create function private.rule_quality(p_from timestamptz, p_until timestamptz) returns jsonb
language sql stable set search_path = '' as $$
  -- The name of a deleted rule identifies its incidents.
  with outcome as (
    select coalesce(o.rule_id::text, o.rule_name) as rule, count(*) as incidents,
      count(*) filter (where o.is_acknowledged) as acknowledged, count(*) filter (where o.is_brief) as brief,
      count(*) filter (where o.is_flapping) as flapping, count(*) filter (where o.label = 'USEFUL') as useful,
      count(*) filter (where o.label = 'NOISE') as noise,
      percentile_cont(0.5) within group (order by o.acknowledge_ms) as acknowledge_ms,
      percentile_cont(0.5) within group (order by o.resolve_ms) as resolve_ms
    from private.incident_outcomes(p_from, p_until) o
    group by 1
  ),
  message as (
    select coalesce(i.rule_id::text, i.rule_name) as rule, count(distinct n.message_id) as notifications
    from public.alert_notifications n
    join public.alert_incidents i on i.id = n.incident_id and not i.is_test
    left join public.notification_channels c on c.name = n.channel
    -- Notifications of the dashboard and acknowledgements interrupt nobody, so they do not count.
    where n.status = 'SENT' and n.item ->> 'kind' is distinct from 'ACKNOWLEDGED' and n.created_at >= p_from and n.created_at < p_until and c.kind is distinct from 'dashboard'
    group by 1
  )
  select coalesce(jsonb_agg(jsonb_build_object(
    'rule_id', r.id, 'rule_name', coalesce(r.name, rule), 'entity_type', r.entity_type, 'metric', r.metric, 'threshold', r.threshold,
    'severity', r.severity, 'is_active', coalesce(r.is_active, false), 'incidents', coalesce(o.incidents, 0),
    'notifications', coalesce(m.notifications, 0), 'acknowledged', coalesce(o.acknowledged, 0), 'brief', coalesce(o.brief, 0),
    'flapping', coalesce(o.flapping, 0), 'useful', coalesce(o.useful, 0), 'noise', coalesce(o.noise, 0),
    'acknowledge_ms', o.acknowledge_ms, 'resolve_ms', o.resolve_ms
  ) order by coalesce(m.notifications, 0) desc, coalesce(o.incidents, 0) desc, coalesce(r.name, rule)), '[]')
  from outcome o full join message m using (rule) full join (
    select r.id::text as rule, r.* from public.alert_rules r where r.metric <> 'canary'
  ) r using (rule);
$$;
comment on function private.rule_quality(timestamptz, timestamptz) is
  'Each rule, and each deleted rule with an incident, with its incidents and delivered messages of the period; the rules with the most '
  'messages are first, and times are medians in ms.';

create function private.unnoticed_events(p_from timestamptz, as_of timestamptz) returns jsonb
language sql stable set search_path = '' set timezone = 'UTC' as $$
  with firing as materialized (
    -- The incident of missed runs opens after their end.
    select a.entity_type, range_agg(tstzrange(least(a.fired_at, a.resolved_at), coalesce(a.resolved_at, 'infinity'), '[]')) as spans
    from public.alert_incidents a
    where a.fired_at is not null and not a.is_test and coalesce(a.resolved_at, 'infinity') >= p_from
    group by a.entity_type
  )
  select coalesce(jsonb_agg(jsonb_build_object(
    'id', o.id, 'name', o.name, 'events', h.events, 'bad_events', h.bad_events, 'unnoticed_events', h.unnoticed_events,
    'budget_events', h.events * (1 - o.target)
  ) order by o.created_at, o.name), '[]')
  from public.sync_objectives o
  cross join lateral (
    select coalesce(sum(i.events), 0) as events, coalesce(sum(i.bad_events), 0) as bad_events,
      coalesce(sum(i.bad_events) filter (where not exists (
        select from firing f
        where (f.entity_type in ('all', i.entity_type) or i.entity_type in ('all', 'system'))
          and f.spans && tstzrange(i.bucket, i.bucket + interval '1 hour')
      )), 0) as unnoticed_events
    from private.indicators_between(o.indicator, date_bin('1 hour', p_from, '2000-01-01 00:00:00+00'), as_of) i
    where o.entity_type in ('all', i.entity_type)
  ) h;
$$;
comment on function private.unnoticed_events(timestamptz, timestamptz) is
  'The events of each objective since the hour of p_from; unnoticed events are bad events in an hour without a firing incident of their '
  'sync.';

create function public.get_alert_quality(p jsonb, as_of timestamptz default now()) returns jsonb
language plpgsql stable set search_path = '' set timezone = 'UTC' as $$
declare
  since constant timestamptz := as_of - (p ->> 'span')::interval;
begin
  perform private.refuse_unknown_fields(p, '{span}');
  return jsonb_build_object(
    'from', since, 'until', as_of, 'rules', private.rule_quality(since, as_of), 'objectives', private.unnoticed_events(since, as_of));
end
$$;
comment on function public.get_alert_quality(jsonb, timestamptz) is
  'Returns the incidents and messages of the rules in the {span} before as_of, and the bad events of each objective without an incident.';

create function private.matching_incidents(words text[], p jsonb, low uuid, high uuid) returns setof public.alert_incidents
language sql stable rows 20 set search_path = '' as $$
  select i.*
  from public.alert_incidents i
  cross join lateral (
    select lower(concat_ws(' ', i.rule_name, i.message, i.tournament_no, i.evidence ->> 'error', i.evidence #>> '{at_peak,error}',
        i.evidence ->> 'tournament')) as text,
      split_part(coalesce(i.evidence #>> '{at_peak,fingerprint}', i.evidence ->> 'fingerprint'), ':', 1) as error_code
  ) said
  where not i.is_test and (
    i.id between low and high or i.metric = any (array(select jsonb_array_elements_text(p -> 'metrics')))
    or said.error_code = any (array(select jsonb_array_elements_text(p -> 'codes')))
    or (select bool_and(strpos(said.text, word) > 0) from unnest(words) word)
  )
  order by coalesce(i.id between low and high, false) desc, i.state = 'RESOLVED', i.opened_at desc, i.id desc
  limit (p ->> 'limit')::integer;
$$;
comment on function private.matching_incidents(text[], jsonb, uuid, uuid) is
  'At most {limit} incidents with an id between low and high, with one of {metrics}, with one of the error {codes}, or with every word in '
  'their texts; live incidents are first, then the newest.';

create function public.list_search_results(p jsonb) returns jsonb
language plpgsql stable set search_path = '' as $$
declare
  wanted constant text := lower(p ->> 'text');
  words constant text[] := regexp_split_to_array(wanted, '\s+');
  most constant integer := (p ->> 'limit')::integer;
  -- The ids with a prefix of at least four digits are a range of each primary key.
  prefix constant text := substring(replace(wanted, '-', '') from '^[0-9a-f]{4,32}$');
  low constant uuid := rpad(prefix, 32, '0')::uuid;
  high constant uuid := rpad(prefix, 32, 'f')::uuid;
begin
  perform private.refuse_unknown_fields(p, '{text,metrics,codes,limit}');
  return jsonb_build_object(
    'titles', private.entity_titles(),
    'entities', (
      select coalesce(jsonb_agg(jsonb_build_object('entity_type', s.entity_type, 'title', s.title) order by s.title), '[]')
      from (
        select * from public.sync_status s
        where (select bool_and(strpos(lower(concat_ws(' ', s.title, s.entity_type)), word) > 0) from unnest(words) word)
        order by s.title limit most
      ) s),
    'incidents', (
      select coalesce(jsonb_agg(to_jsonb(i) order by i.ordinality), '[]')
      from private.matching_incidents(words, p, low, high) with ordinality i),
    'tournaments', (
      select coalesce(jsonb_agg(jsonb_build_object('no', t.no, 'name', t.name, 'code', t.code, 'season', t.season) order by t.position), '[]')
      from (
        select t.*, row_number() over (order by is_named desc, t.start_date desc nulls last, t.no) as position
        from public.tournaments t cross join lateral (select t.no = wanted or lower(t.code) = wanted as is_named) named
        where is_named
          or (select bool_and(strpos(lower(concat_ws(' ', t.no, t.code, t.name, t.season)), word) > 0) from unnest(words) word)
        order by position limit most
      ) t),
    'rules', (
      select coalesce(jsonb_agg(jsonb_build_object('id', r.id, 'name', r.name, 'entity_type', r.entity_type) order by r.name), '[]')
      from (
        select * from public.alert_rules r
        where r.id between low and high or (select bool_and(strpos(lower(r.name), word) > 0) from unnest(words) word)
        order by r.name limit most
      ) r),
    'jobs', (
      select coalesce(jsonb_agg(jsonb_build_object(
        'id', j.id, 'entity_type', j.entity_type, 'target', j.target, 'status', j.status, 'at', j.enqueued_at) order by j.id), '[]')
      from (select * from public.sync_jobs j where j.id between low and high order by j.id limit most) j),
    'runs', (
      select coalesce(jsonb_agg(jsonb_build_object(
        'id', h.id, 'entity_type', h.entity_type, 'target', coalesce(h.tournament_no, ''), 'status', h.status, 'at', h.execution_start
      ) order by h.id), '[]')
      from (select * from public.sync_execution_history h where h.id between low and high order by h.id limit most) h)
  );
end
$$;
comment on function public.list_search_results(jsonb) is
  'Returns at most {limit} objects of each kind: entities, tournaments and rules with every word of {text} in their name or number, '
  'incidents also of {metrics} and error {codes}, and runs, jobs, rules and incidents whose id begins with {text}.';

create function private.entities_at(rule public.alert_rules, as_of timestamptz) returns public.sync_status[]
language plpgsql stable set search_path = '' as $$
declare
  entity public.sync_status;
  pause public.entity_pauses;
  last_good timestamptz;
  entities public.sync_status[] := '{}'::public.sync_status[];
begin
  for entity in select * from public.sync_status s where rule.entity_type in ('all', s.entity_type) order by s.entity_type loop
    select * into pause from public.entity_pauses p where p.entity_type = entity.entity_type and p.paused_at <= as_of
    order by p.paused_at desc, p.id desc limit 1;
    -- An entity without a pause has the state of its creation.
    if found or exists (select from public.entity_pauses p where p.entity_type = entity.entity_type) then
      entity.is_active := true;
      entity.idle_since := null;
      entity.paused_at := case when pause.resumed_at is null or pause.resumed_at > as_of then pause.paused_at end;
    end if;
    -- Only these metrics need the counters, whose queries take longer than the measurement.
    if rule.metric in ('sync_overdue', 'consecutive_failures') then
      entity.last_attempt := (
        select h.execution_start from public.sync_execution_history h
        where h.entity_type = entity.entity_type and h.tournament_no is null and h.execution_start <= as_of
        order by h.execution_start desc limit 1
      );
      select h.execution_start into last_good from public.sync_execution_history h
      where h.entity_type = entity.entity_type and h.tournament_no is null and h.status in ('SUCCEEDED', 'PARTIAL')
        and h.execution_start <= as_of and h.execution_end <= as_of
      order by h.execution_start desc limit 1;
      entity.consecutive_failures := (
        select count(*) from public.sync_execution_history h
        where h.entity_type = entity.entity_type and h.tournament_no is null and h.status in ('FAILED', 'TIMED_OUT')
          and h.execution_start > coalesce(last_good, '-infinity') and h.execution_start <= as_of and h.execution_end <= as_of
      );
    end if;
    entities := array_append(entities, entity);
  end loop;
  return entities;
end
$$;
comment on function private.entities_at(public.alert_rules, timestamptz) is
  'The entities of a rule with their current schedule and their pause at as_of, and, when the metric needs them, their last start and '
  'consecutive failures.';

create function private.overdue_changes(entity public.sync_status, threshold interval, p_from timestamptz, as_of timestamptz)
returns setof timestamptz
language sql stable rows 100 set search_path = '' set timezone = 'UTC' as $$
  with mark as (
    select h.execution_start as at from public.sync_execution_history h
    where h.entity_type = entity.entity_type and h.tournament_no is null and h.execution_start <= as_of
      and h.execution_start > p_from - entity.sync_frequency - entity.grace - interval '1 day'
    union
    -- A start up to five seconds early counts, also after a pause.
    select p.resumed_at - interval '5.000001 seconds' from public.entity_pauses p
    where p.entity_type = entity.entity_type and p.resumed_at between p_from - entity.sync_frequency - entity.grace and as_of
    union
    select entity.created_at - interval '5 seconds'
  ),
  span as (
    select m.at, lead(m.at) over (order by m.at) as next_at,
      -- An interval under a minute has no anchor: the next run is due one interval after the last start.
      case when entity.sync_frequency < interval '1 minute' then m.at + entity.sync_frequency else private.next_due(entity, m.at) end
        + entity.grace as overdue_at
    from mark m
  ),
  overdue as (select * from span s where s.overdue_at < coalesce(s.next_at, as_of))
  select unnest(array[o.overdue_at, o.overdue_at + threshold, o.next_at]) from overdue o
  union
  select p.resumed_at + entity.grace + delay from public.entity_pauses p cross join unnest(array[interval '0', threshold]) delay
  where p.entity_type = entity.entity_type and p.resumed_at between p_from - entity.grace - threshold and as_of
  union
  -- A due time from before a pause is open after it until the next start.
  select min(h.execution_start) from public.entity_pauses p join public.sync_execution_history h
    on h.entity_type = p.entity_type and h.tournament_no is null and h.execution_start >= p.resumed_at
  where p.entity_type = entity.entity_type and p.resumed_at between p_from - interval '31 days' and as_of group by p.id;
$$;
comment on function private.overdue_changes(public.sync_status, interval, timestamptz, timestamptz) is
  'The times at which an entity can become overdue, can exceed the threshold of the rule, and can stop being overdue.';

create function private.value_changes(rule public.alert_rules, p_from timestamptz, as_of timestamptz) returns setof timestamptz
language sql stable rows 10000 set search_path = '' set timezone = 'UTC' as $$
  with entity as (select e.* from public.sync_status e where rule.entity_type in ('all', e.entity_type)),
  run as materialized (
    select h.execution_start, h.execution_end from entity e join public.sync_execution_history h
      on h.entity_type = e.entity_type and h.execution_start <= as_of
      and h.execution_start > p_from - rule.evaluation_window - interval '1 hour'
    where rule.metric <> 'sync_overdue' and (h.tournament_no is null or rule.metric = 'shared_failure')
  ),
  change as (
    select r.execution_end as at from run r
    union
    select r.execution_start + rule.evaluation_window from run r where rule.metric in (
      'success_rate', 'error_rate', 'cache_hit_ratio', 'api_response_time', 'api_fallback_ratio', 'shared_failure')
    union
    select r.execution_end + rule.evaluation_window from run r where rule.metric in ('duration_exceeded', 'memory_usage')
    union
    select r.execution_start + t.threshold from run r cross join (select make_interval(secs => rule.threshold::double precision) as threshold) t
    where rule.metric = 'duration_exceeded' and coalesce(r.execution_end, as_of) > r.execution_start + t.threshold
    union
    select l.occurred_at + rule.evaluation_window from entity e join public.sync_error_log l on l.entity_type = e.entity_type
    where rule.metric = 'error_rate' and l.occurred_at > p_from - rule.evaluation_window and l.occurred_at <= as_of
    union
    select unnest(array[p.paused_at, p.resumed_at, p.resumed_at + rule.evaluation_window])
    from entity e join public.entity_pauses p on p.entity_type = e.entity_type
    union
    -- The runs that a notification covers change after the evaluation that queued it, after its delivery, and at the end of its incident.
    select unnest(array[n.created_at + interval '1 microsecond', n.settled_at + interval '1 microsecond', i.resolved_at])
    from public.alert_incidents i join public.alert_notifications n on n.incident_id = i.id
    where rule.metric in ('success_rate', 'error_rate') and (i.resolved_at is null or i.resolved_at > p_from - rule.evaluation_window)
      and exists (select from public.alert_coverage c where c.incident_id = i.id and rule.entity_type in ('all', c.entity_type))
    union
    select o.at from entity e cross join lateral private.overdue_changes(
      e, make_interval(secs => rule.threshold::double precision), p_from, as_of) o (at) where rule.metric = 'sync_overdue'
  )
  select p_from union select c.at from change c where c.at > p_from and c.at <= as_of;
$$;
comment on function private.value_changes(public.alert_rules, timestamptz, timestamptz) is
  'The times at which the value of a rule on entities can change, because a run ends or leaves the window, or a pause begins or ends.';

create function private.evaluation_times(changes timestamptz[], rule public.alert_rules, as_of timestamptz) returns setof timestamptz
language sql stable rows 10000 set search_path = '' set timezone = 'UTC' as $$
  -- Retention keeps evaluations for a week. Before that, an evaluation is assumed each minute and after each failed run.
  with kept as (select coalesce(min(v.evaluated_at), 'infinity') as since from public.alert_evaluations v)
  select distinct case
    when c.at >= k.since then (select min(v.evaluated_at) from public.alert_evaluations v where v.evaluated_at >= c.at and v.evaluated_at <= as_of)
    when exists (
      select from public.sync_execution_history h
      where h.execution_end = c.at and h.success_weight < 1 and h.execution_start between c.at - interval '1 hour' and c.at
        and rule.entity_type in ('all', h.entity_type)
    ) then c.at
    else least(date_bin('1 minute', c.at + interval '59.999999 seconds', '2000-01-01 00:00:00+00'), k.since)
  end
  from unnest(changes) c (at) cross join kept k;
$$;
comment on function private.evaluation_times(timestamptz[], public.alert_rules, timestamptz) is
  'The first evaluation after each change; null for a change without one.';

create function private.replayed_values(rule public.alert_rules, times timestamptz[]) returns jsonb
language sql stable set search_path = '' set timezone = 'UTC' as $$
  with measured as (
    select t.at, jsonb_build_object(
      'value', m.value, 'runs', coalesce(m.runs, 0), 'since', m.since, 'execution_id', m.execution_id, 'fingerprint', m.fingerprint,
      'evidence', case when m.evidence ? 'entities' then jsonb_build_object('entities', m.evidence -> 'entities') else '{}' end,
      'is_paused', rule.entity_type <> 'all' and private.cause_of_pause(e.list[1]) is not null,
      'no_data', case when exists (
        select from public.entity_pauses p where p.entity_type = rule.entity_type and p.paused_at <= t.at
          and (p.resumed_at is null or p.resumed_at > t.at - rule.evaluation_window)
      ) then 'KEEP' else rule.no_data end,
      'is_sole_cause', false, 'is_stale', false, 'bad_runs', '[]'::jsonb, 'uncovered', '[]'::jsonb,
      'run_at', run.execution_start, 'run_entity', run.entity_type
    ) || m.facts as fields
    from unnest(times) t (at) cross join lateral (select private.entities_at(rule, t.at) as list) e
    cross join lateral private.measured(array[rule], e.list, t.at) m
    left join public.sync_execution_history run on run.id = m.execution_id
  ),
  change as (select m.*, lag(m.fields) over (order by m.at) as before from measured m)
  select coalesce(jsonb_agg(jsonb_build_object('at', floor(extract(epoch from c.at) * 1000)) || c.fields order by c.at), '[]')
  from change c where c.fields is distinct from c.before;
$$;
comment on function private.replayed_values(public.alert_rules, timestamptz[]) is
  'The live measurement of a rule at each of the times, without the times at which it had not changed.';

create function private.missed_in_gaps(rule public.alert_rules, p_from timestamptz, as_of timestamptz) returns jsonb
language sql stable set search_path = '' set timezone = 'UTC' as $$
  select coalesce(jsonb_agg(jsonb_build_object('at', floor(extract(epoch from g.evaluated_at) * 1000), 'missed', private.missed_runs(
    rule.entity_type, g.last_at, case when extract(epoch from g.last_at - o.since) >= rule.threshold then o.since end, g.evaluated_at
  )) order by g.evaluated_at), '[]')
  from (
    select v.evaluated_at, lag(v.evaluated_at) over (order by v.evaluated_at, v.id) as last_at
    from public.alert_evaluations v where v.evaluated_at between p_from and as_of
  ) g
  cross join lateral (select private.overdue_since((private.entities_at(rule, g.last_at))[1], g.last_at) as since) o
  where rule.metric = 'sync_overdue' and rule.entity_type <> 'all' and g.last_at <= g.evaluated_at - interval '5 minutes';
$$;
comment on function private.missed_in_gaps(public.alert_rules, timestamptz, timestamptz) is
  'The runs of the entity of a rule that were missed in each gap of the evaluations, at the evaluation after the gap.';

create function private.replayed_acts(rule public.alert_rules, p_from timestamptz, as_of timestamptz) returns jsonb
language sql stable set search_path = '' as $$
  select coalesce(jsonb_agg(jsonb_build_object(
    'at', floor(extract(epoch from v.at) * 1000), 'action', substring(v.reason from '^(acknowledge|unacknowledge|resolve)d by '),
    'until', (
      select a.after -> 'acknowledged_until' from public.audit_log a
      where a.object_type = 'alert' and a.object_id = i.id::text and a.action = 'acknowledge' and a.at = v.at limit 1)
  ) order by v.at, v.id), '[]')
  from public.alert_incidents i join public.alert_events v on v.incident_id = i.id
  where i.rule_id = rule.id and i.entity_type = rule.entity_type and i.tournament_no is null and v.at between p_from and as_of
    and v.reason ~ '^(acknowledge|unacknowledge|resolve)d by ';
$$;
comment on function private.replayed_acts(public.alert_rules, timestamptz, timestamptz) is
  'The acts of people on the incidents of a rule; the audit log has the end of an acknowledgement.';

create function private.other_incidents(rule public.alert_rules, p_from timestamptz, as_of timestamptz) returns jsonb
language sql stable set search_path = '' as $$
  select coalesce(jsonb_agg(jsonb_build_object(
    'channels', (select r.notification_channels from public.alert_rules r where r.id = i.rule_id),
    'window_ms', (select extract(epoch from r.evaluation_window) * 1000 from public.alert_rules r where r.id = i.rule_id),
    'rule_id', i.rule_id, 'rule_name', i.rule_name, 'metric', i.metric, 'entity_type', i.entity_type, 'tournament_no', i.tournament_no,
    'severity', i.severity, 'threshold', i.threshold, 'cause', i.cause, 'evidence', i.evidence - 'at_peak',
    'fired_at', i.fired_at, 'notified_at', i.notified_at, 'resolved_at', i.resolved_at,
    'bad_runs', (
      select coalesce(jsonb_agg(to_jsonb(c) - 'incident_id'), '[]') from public.alert_coverage c where c.incident_id = i.id),
    'states', (
      select coalesce(jsonb_agg(jsonb_build_object(
        'at', n.created_at, 'channel', n.channel, 'recipient', d.recipient, 'severity', n.item -> 'severity', 'cause', n.item -> 'cause',
        'dead_at', case when n.status = 'DEAD' then n.settled_at end) order by n.seq), '[]')
      from public.alert_notifications n join public.notification_destinations d on d.id = n.destination_id where n.incident_id = i.id)
  ) order by i.fired_at), '[]')
  from (
    select * from public.alert_incidents o
    where o.rule_id <> rule.id and not o.is_test and o.missed_due_at is null and o.fired_at <= as_of and (o.resolved_at is null or o.resolved_at > p_from)
      and (rule.entity_type = 'all' or o.entity_type in ('all', rule.entity_type))
    order by o.fired_at desc limit 2000
  ) i;
$$;
comment on function private.other_incidents(public.alert_rules, timestamptz, timestamptz) is
  'The recorded incidents of other rules that can inhibit the incidents of this rule, or be inhibited by them.';

create function private.recorded_incidents(p_rule_id uuid, p_from timestamptz, as_of timestamptz) returns jsonb
language sql stable set search_path = '' as $$
  with incident as (
    select i.* from public.alert_incidents i
    where i.rule_id = p_rule_id and i.state <> 'PENDING' and not i.is_test and i.opened_at <= as_of and (i.resolved_at is null or i.resolved_at > p_from)
  )
  select jsonb_build_object(
    'incidents', (
      select coalesce(jsonb_agg(jsonb_build_object(
        'entity_type', i.entity_type, 'tournament_no', i.tournament_no, 'opened_at', i.opened_at, 'resolved_at', i.resolved_at,
        'severity', i.severity, 'peak', i.evidence -> 'peak', 'acknowledged_at', i.acknowledged_at,
        'label', i.label
      ) order by i.opened_at, i.id), '[]') from incident i),
    'notifications', (
      select count(*) from incident i join public.alert_notifications n on n.incident_id = i.id
      where n.created_at between p_from and as_of),
    'messages', (
      select count(distinct n.message_id) from incident i join public.alert_notifications n on n.incident_id = i.id
      where n.status = 'SENT' and n.sent_at between p_from and as_of)
  );
$$;
comment on function private.recorded_incidents(uuid, timestamptz, timestamptz) is
  'The recorded incidents of a rule, with the number of queued states and the number of sent messages.';

create function public.replay_alert_rule(p jsonb, as_of timestamptz default now()) returns jsonb
language plpgsql stable set search_path = '' set timezone = 'UTC' as $$
declare
  before public.alert_rules;
  rule public.alert_rules;
  entity public.sync_status;
  from_at timestamptz;
  times timestamptz[] := '{}'::timestamptz[];
  -- The value of a rule on runs every 30 seconds changes 6,000 times a day, and each change is measured.
  most_times constant integer := 10000;
begin
  perform private.refuse_unknown_fields(p, '{id,rule,since,metrics}');
  select * into before from public.alert_rules r where r.id = (p ->> 'id')::uuid;
  perform private.refuse_missing(found or p ->> 'id' is null, 'rule', p ->> 'id');
  rule := private.rule_with_changes(before, coalesce(p -> 'rule', '{}'), as_of);
  if (p ->> 'since')::timestamptz not between as_of - interval '90 days' and as_of then
    raise sqlstate 'PT400' using message = 'since: must be within the last 90 days', detail = 'BAD_REQUEST';
  end if;
  from_at := greatest((p ->> 'since')::timestamptz, (select min(h.execution_start) from public.sync_execution_history h));
  if rule.scope = 'ENTITY' and p -> 'metrics' ? rule.metric then
    times := array(
      select t.at from private.evaluation_times(array(select private.value_changes(rule, from_at, as_of)), rule, as_of) t (at)
      where t.at <= as_of order by t.at desc limit most_times);
    if cardinality(times) = most_times then
      from_at := times[most_times];
    end if;
  end if;
  select * into entity from public.sync_status e where e.entity_type = rule.entity_type;
  return jsonb_build_object(
    'as_of', as_of, 'from', from_at, 'scope', rule.scope,
    'rule', private.rule_json(rule, private.flap_window(rule.evaluation_window))
      || jsonb_strip_nulls(jsonb_build_object(
        'channels', entity.notification_channels,
        'threshold', case rule.metric when 'consecutive_failures' then entity.alert_threshold_failures end)),
    'recipients', private.recipients_by_severity(),
    'channels', (
      select coalesce(jsonb_object_agg(c.name, jsonb_build_object(
        'group_window_ms', extract(epoch from c.group_window) * 1000, 'hourly_limit', c.hourly_limit)), '{}')
      from public.notification_channels c),
    'evaluations', (
      select coalesce(jsonb_agg(distinct floor(extract(epoch from v.evaluated_at) * 1000)), '[]')
      from public.alert_evaluations v where v.evaluated_at between from_at - interval '1 hour' and as_of and cardinality(times) > 0),
    'values', private.replayed_values(rule, times),
    'missed', private.missed_in_gaps(rule, from_at, as_of),
    'silences', (
      select coalesce(jsonb_agg(to_jsonb(s) || jsonb_build_object(
        'recurs_ms', extract(epoch from s.recurs_every) * 1000, 'lasts_ms', extract(epoch from s.lasts) * 1000) order by s.id), '[]')
      from public.alert_silences s left join public.alert_incidents i on i.id = s.incident_id
      where s.ends_at > from_at and s.starts_at <= as_of and s.tournament_no is null and coalesce(s.rule_id, rule.id) = rule.id
        and (rule.entity_type = 'all' or coalesce(s.entity_type, rule.entity_type) = rule.entity_type)
        and (s.incident_id is null or i.rule_id = rule.id and i.entity_type = rule.entity_type)),
    'acts', private.replayed_acts(rule, from_at, as_of),
    'others', private.other_incidents(rule, from_at, as_of),
    'actual', case when before.id is not null then private.recorded_incidents(rule.id, from_at, as_of) end
  );
end
$$;
comment on function public.replay_alert_rule(jsonb, timestamptz) is
  'The measurements of a changed or new rule at the evaluations since {since}, if its metric is one of {metrics}, with the acts of '
  'people and the recorded incidents; the function writes no row. PT404 NOT_FOUND or ENTITY_UNKNOWN, PT400 BAD_REQUEST.';
