-- The values of the alert rules in one snapshot: on entities, on single tournaments, on failures that tournaments share, and on the
-- monitoring itself. Over 300 lines, because the functions that measure one snapshot are in one file.

create type private.alert_value as (
  rule_id uuid, tournament_no varchar, value numeric, runs bigint, since timestamptz, execution_id uuid, fingerprint varchar,
  evidence jsonb, facts jsonb
);
comment on type private.alert_value is
  'The value of a rule in one scope, the time since which its condition is met, a run that shows it, and the most frequent error of that '
  'run. The facts are fields of the measurement that differ from their defaults.';

create function private.was_live(incident public.alert_incidents, as_of timestamptz) returns boolean
language plpgsql immutable set search_path = '' as $$
begin
  return incident.opened_at <= as_of and (incident.resolved_at is null or incident.resolved_at > as_of);
end
$$;
comment on function private.was_live(public.alert_incidents, timestamptz) is 'Whether an incident had opened and not ended at as_of.';

create function private.records_collapse(p_entity_type text, entities public.sync_status[], as_of timestamptz) returns numeric
language sql stable set search_path = '' set timezone = 'UTC' as $$
  -- A full run without a request does not count, because no tournament was due. A lasting drop becomes the median after 5 days, when most
  -- runs of the 7 days that end a day ago have it. The value of all is the largest drop of an entity.
  with last_run as (
    select e.entity_type, h.execution_start, h.records_read::numeric / h.api_calls as records_per_call
    from unnest(entities) e cross join lateral (
      select * from public.sync_execution_history w
      where w.entity_type = e.entity_type and w.tournament_no is null and w.status = 'SUCCEEDED' and w.api_calls > 0
        and w.execution_start <= as_of and w.execution_end <= as_of
      order by w.execution_start desc limit 1
    ) h
    -- The replies of a live sync have changed matches only, so the value of all excludes it.
    where private.cause_of_pause(e) is null and (p_entity_type = e.entity_type or p_entity_type = 'all' and not e.runs_during_play)
  ),
  baseline as (
    select l.records_per_call, count(*) as runs,
      percentile_cont(0.5) within group (order by h.records_read::double precision / h.api_calls)::numeric as usual_records_per_call
    from last_run l join public.sync_execution_history h
      on h.entity_type = l.entity_type and h.tournament_no is null and h.status = 'SUCCEEDED' and h.api_calls > 0
      and h.execution_start between l.execution_start - interval '8 days' and l.execution_start - interval '1 day'
    group by l.entity_type, l.records_per_call
  )
  select max(case when b.usual_records_per_call > 0 then greatest(0, 1 - b.records_per_call / b.usual_records_per_call) else 0 end)
  from baseline b where b.runs >= 5;
$$;
comment on function private.records_collapse(text, public.sync_status[], timestamptz) is
  'The drop (0 to 1) in records per request of the last SUCCEEDED full run from the median of 1 to 8 days before; null with under 5 runs.';

create function private.run_figures(scope varchar, evaluation_window interval, entities public.sync_status[], as_of timestamptz) returns table (
  entity_type varchar, runs bigint, success_rate numeric, slowest_s numeric, memory_mb integer, latest_failed_run uuid,
  cache_hits bigint, cache_lookups bigint, api_ms numeric, api_calls bigint, api_fallbacks bigint
)
language plpgsql stable rows 3 set search_path = '' set timezone = 'UTC' as $$
#variable_conflict use_column
begin
  return query
  -- The window is a parameter and not a column of a join: Postgres estimates that a window from parameters selects 1/200 of the
  -- runs, and a window from columns 1/9.
  select h.entity_type, count(h.success_weight), avg(h.success_weight),
    round(max(extract(epoch from h.duration)) filter (where h.success_weight is not null), 1), max(h.memory_usage_mb),
    (array_agg(h.id order by h.execution_start desc, h.id) filter (where h.success_weight < 1))[1],
    sum(h.cache_hits), sum(h.cache_hits + h.cache_misses), sum(h.api_response_ms_total), sum(h.api_calls), sum(h.api_fallbacks)
  from unnest(entities) e join public.sync_execution_history h
    on h.entity_type = e.entity_type and h.execution_start > as_of - evaluation_window and h.execution_start <= as_of
  where private.cause_of_pause(e) is null and scope in ('all', e.entity_type) and h.tournament_no is null
    and (h.execution_end is null or h.execution_end <= as_of)
  group by h.entity_type;
end
$$;
comment on function private.run_figures(varchar, interval, public.sync_status[], timestamptz) is
  'The figures of the full runs that started in the window, for one entity or for each that is active and not paused.';

create function private.run_peaks(scope varchar, evaluation_window interval, entities public.sync_status[], as_of timestamptz) returns table (
  seconds numeric, longest_run uuid, memory_mb integer, largest_run uuid, is_stale boolean,
  running_seconds numeric, running_memory_mb integer, running_run uuid, silent_seconds numeric, silent_run uuid
)
language plpgsql stable rows 1 set search_path = '' set timezone = 'UTC' as $$
#variable_conflict use_column
begin
  return query
  with entity as materialized (
    select e.entity_type from unnest(entities) e where private.cause_of_pause(e) is null and scope in ('all', e.entity_type)
  ),
  finished as materialized (
    select f.*, f.execution_end > as_of - evaluation_window as is_recent,
      row_number() over (order by f.execution_end desc, f.id) = 1 as is_last
    from entity e cross join lateral (
      -- A hosted function ends after 400 seconds, so a run that ended in the window started less than an hour before the window.
      select h.id, h.execution_end, h.duration, h.memory_usage_mb from public.sync_execution_history h
      where h.entity_type = e.entity_type and h.tournament_no is null and h.success_weight is not null
        and h.execution_start > as_of - evaluation_window - interval '1 hour' and h.execution_start <= as_of and h.execution_end <= as_of
      union
      (select h.id, h.execution_end, h.duration, h.memory_usage_mb from public.sync_execution_history h
      where h.entity_type = e.entity_type and h.tournament_no is null and h.success_weight is not null and h.execution_start <= as_of
        and h.execution_end <= as_of
      order by h.execution_start desc limit 1)
    ) f
  ),
  peak as (
    select max(extract(epoch from duration)) as seconds, (array_agg(id order by duration desc, id))[1] as longest_run,
      max(memory_usage_mb) as memory_mb, (array_agg(id order by memory_usage_mb desc nulls last, id))[1] as largest_run,
      not coalesce(bool_or(is_recent), true) as is_stale
    from finished where is_recent or is_last and not exists (select from finished where is_recent)
  ),
  newest as materialized (
    select h.*
    from entity e cross join lateral (
      -- The row of a run that ended after as_of has the memory usage at its end, not at as_of.
      select h.id, case when h.execution_end > as_of then 'RUNNING' else h.status end as status, h.execution_start, h.heartbeat_at,
        h.lease_expires_at, h.deadline, case when h.status = 'RUNNING' then h.memory_usage_mb end as memory_usage_mb
      from public.sync_execution_history h
      where h.entity_type = e.entity_type and h.tournament_no is null and h.status <> 'SKIPPED' and h.execution_start <= as_of
      order by h.execution_start desc limit 1
    ) h
  ),
  silent as (
    -- The reaper closes a run whose lease expired; until the next run starts, its silence is the length of the lease.
    select n.id, extract(epoch from case when n.status = 'RUNNING' then as_of else n.lease_expires_at end - n.heartbeat_at) as seconds
    from newest n where n.status = 'RUNNING' or n.status = 'TIMED_OUT' and n.lease_expires_at < n.deadline
    order by seconds desc limit 1
  ),
  running as (
    select extract(epoch from as_of - n.execution_start) as seconds, n.memory_usage_mb, n.id
    from newest n where n.status = 'RUNNING' order by n.execution_start limit 1
  )
  select p.seconds, p.longest_run, p.memory_mb, p.largest_run, p.is_stale, r.seconds, r.memory_usage_mb, r.id,
    case when exists (select from entity) then coalesce(s.seconds, 0) end, s.id
  from peak p left join running r on true left join silent s on true;
end
$$;
comment on function private.run_peaks(varchar, interval, public.sync_status[], timestamptz) is
  'The longest duration in seconds and the largest memory in MiB of the full runs that finished in the window; without such a run, those '
  'of the last run, with is_stale. The duration and the memory of the oldest RUNNING run. The longest time without a heartbeat. Each value '
  'has the id of its run.';

create function private.bad_runs(p_entity_type varchar, p_execution_id uuid, streak integer, as_of timestamptz) returns jsonb
language sql stable set search_path = '' as $$
  select coalesce(jsonb_agg(jsonb_build_object('entity_type', p_entity_type, 'first_run_at', r.first_run_at, 'last_run_at', r.last_run_at)), '[]')
  from (
    select min(f.execution_start) as first_run_at, max(f.execution_start) as last_run_at
    from (
      select h.execution_start from public.sync_execution_history h
      where h.entity_type = p_entity_type and h.tournament_no is null and h.execution_start <= as_of
        and (h.status in ('FAILED', 'TIMED_OUT') and h.execution_end <= as_of and p_execution_id is null or h.id = p_execution_id)
      order by h.execution_start desc limit streak
    ) f
  ) r where r.first_run_at is not null;
$$;
comment on function private.bad_runs(varchar, uuid, integer, timestamptz) is
  'The span of the last failed full runs of an entity, as many as its streak, or of the named run: [{entity_type, first_run_at, '
  'last_run_at}].';

create function private.error_count(rule public.alert_rules, entities public.sync_status[], as_of timestamptz) returns bigint
language sql stable set search_path = '' set timezone = 'UTC' as $$
  select count(*) from unnest(entities) e join public.sync_error_log l on l.entity_type = e.entity_type
  where private.cause_of_pause(e) is null and rule.entity_type in ('all', e.entity_type)
    and l.occurred_at > as_of - rule.evaluation_window and l.occurred_at <= as_of
    and (rule.error_type is null or l.error_type = rule.error_type)
    and not exists (select from public.sync_execution_history h where h.id = l.sync_execution_id and h.execution_end > as_of);
$$;
comment on function private.error_count(public.alert_rules, public.sync_status[], timestamptz) is
  'The number of errors in the window of a rule, of its error type if the rule names one.';

create function private.severity_rank(severity text) returns integer
language sql immutable set search_path = '' as $$
  select array_position(array['LOW', 'MEDIUM', 'HIGH', 'CRITICAL'], severity);
$$;
comment on function private.severity_rank(text) is 'The rank of a severity, from 1 for LOW to 4 for CRITICAL.';

create function private.uncovered_rates(rule public.alert_rules, entities public.sync_status[], as_of timestamptz) returns jsonb
language sql stable set search_path = '' set timezone = 'UTC' as $$
  with rate as (
    select coalesce(min(i.opened_at), as_of) as opened_at from public.alert_incidents i
    where i.rule_id = rule.id and private.was_live(i, as_of)
  ),
  covered as materialized (
    -- A message about a live incident also covers the later runs, until the incident ends.
    select distinct n.destination_id, v.entity_type, v.first_run_at, case when private.was_live(i, as_of) then as_of else v.last_run_at end
      as last_run_at
    from rate cross join public.alert_coverage v join public.alert_incidents i on i.id = v.incident_id
    join public.alert_notifications n on n.incident_id = v.incident_id
    -- A destination whose runs were covered at the opening of the rate incident stays inhibited after these runs have left the window.
    where (v.last_run_at > rate.opened_at - rule.evaluation_window or private.was_live(i, as_of))
      and rule.entity_type in ('all', v.entity_type) and n.created_at < as_of
      -- An evaluation measures before it queues notifications, and a DEAD or SUPERSEDED notification was waiting before it was settled.
      and (n.status = 'SENT' or coalesce(n.settled_at, 'infinity') >= as_of)
      and n.destination_id is not null and n.item ->> 'kind' <> 'RESOLVED'
      and private.severity_rank(n.item ->> 'severity') >= private.severity_rank(rule.severity)
  ),
  rest as (
    select d.destination_id, h.entity_type, count(*) as runs, avg(h.success_weight) as success_rate, sum((
      select count(*) from public.sync_error_log l
      where rule.metric = 'error_rate' and l.sync_execution_id = h.id and (rule.error_type is null or l.error_type = rule.error_type)
    )) as errors
    from (select distinct destination_id from covered) d
    join unnest(entities) e on private.cause_of_pause(e) is null and rule.entity_type in ('all', e.entity_type)
    join public.sync_execution_history h on h.entity_type = e.entity_type and h.execution_end <= as_of
      and h.execution_start > as_of - rule.evaluation_window and h.execution_start <= as_of
    where h.tournament_no is null and h.success_weight is not null and not exists (
      select from covered c where c.destination_id = d.destination_id and c.entity_type = h.entity_type
        and h.execution_start between c.first_run_at and c.last_run_at
    )
    group by d.destination_id, h.entity_type
  ),
  figure as (
    select d.destination_id, case rule.metric when 'success_rate' then f.success_rate else f.errors / f.runs end as value,
      coalesce(f.runs, 0) as runs
    from (select distinct destination_id from covered) d
    cross join lateral (
      select sum(r.errors) as errors, sum(r.runs) as runs,
        min(r.success_rate) filter (where rule.entity_type <> 'all' or r.runs >= rule.minimum_runs) as success_rate
      from rest r where r.destination_id = d.destination_id
    ) f
  )
  select coalesce(jsonb_agg(jsonb_build_object(
    'channel', d.channel, 'recipient', d.recipient, 'value', f.value, 'runs', f.runs
  )), '[]')
  from figure f join public.notification_destinations d on d.id = f.destination_id;
$$;
comment on function private.uncovered_rates(public.alert_rules, public.sync_status[], timestamptz) is
  'The success rate or error rate at each destination, without the runs of incidents that it was notified of at the same or a higher '
  'severity.';

create function private.measure_rates(rules public.alert_rules[], entities public.sync_status[], as_of timestamptz) returns setof private.alert_value
language plpgsql stable rows 100 set search_path = '' set timezone = 'UTC' as $$
begin
  return query
  with rule as (
    select r.* from unnest(rules) r
    where r.scope = 'ENTITY' and r.metric in ('success_rate', 'error_rate', 'cache_hit_ratio', 'api_response_time', 'api_fallback_ratio')
  ),
  -- The figures are computed once for all rules with the same entity and window.
  figures as materialized (
    select s.entity_type as scope, s.evaluation_window, f.*
    from (select distinct r.entity_type, r.evaluation_window from rule r) s
    cross join lateral private.run_figures(s.entity_type, s.evaluation_window, entities, as_of) f
  ),
  total as (
    select f.scope, f.evaluation_window, sum(f.runs)::bigint as runs, sum(f.cache_hits) / nullif(sum(f.cache_lookups), 0) as cache_hit_ratio,
      sum(f.api_ms) / nullif(sum(f.api_calls), 0) as api_ms, sum(f.api_fallbacks) / nullif(sum(f.api_calls), 0) as api_fallback_ratio,
      jsonb_object_agg(f.entity_type, jsonb_build_object(
        'runs', f.runs, 'success_rate', round(f.success_rate, 4), 'slowest_s', f.slowest_s, 'memory_mb', f.memory_mb)) as by_entity,
      coalesce(jsonb_agg(f.entity_type order by f.entity_type) filter (where f.latest_failed_run is not null), '[]') as failing
    from figures f group by f.scope, f.evaluation_window
  )
  select r.id, null::varchar, m.value, case r.metric when 'success_rate' then coalesce(lowest.runs, 0) else coalesce(t.runs, 0) end,
    run.execution_end, run.id, failure.fingerprint,
    case when r.entity_type = 'all' and t.scope is not null then jsonb_build_object('by_entity', t.by_entity, 'entities', t.failing)
      || case r.metric when 'success_rate' then jsonb_build_object('lowest', lowest.entity_type) else '{}' end
    else '{}' end,
    jsonb_build_object('is_sole_cause', coalesce(failure.is_sole, false), 'uncovered', case
      when r.metric = 'success_rate' and m.value < r.threshold or r.metric = 'error_rate' and m.value >= r.threshold
        or r.metric in ('success_rate', 'error_rate')
          and exists (select from public.alert_incidents i where i.rule_id = r.id and private.was_live(i, as_of))
      then private.uncovered_rates(r, entities, as_of) else '[]' end)
  from rule r
  left join total t on t.scope = r.entity_type and t.evaluation_window = r.evaluation_window
  -- The rate of all entities is the lowest rate of an entity with enough runs, because a frequent sync must not hide a rare one. The rates
  -- are rounded, because equal means of thirds differ in their last digits.
  left join lateral (
    select f.* from figures f where f.scope = r.entity_type and f.evaluation_window = r.evaluation_window
    order by f.runs >= r.minimum_runs desc, round(f.success_rate, 9), f.entity_type limit 1
  ) lowest on true
  left join lateral (
    select f.latest_failed_run as id from figures f join public.sync_execution_history h on h.id = f.latest_failed_run
    where f.scope = r.entity_type and f.evaluation_window = r.evaluation_window and r.metric in ('success_rate', 'error_rate')
      and (r.metric = 'error_rate' or f.entity_type = lowest.entity_type)
    order by h.execution_start desc, h.id limit 1
  ) latest on true
  left join public.sync_execution_history run on run.id = latest.id
  left join lateral private.run_fingerprint(run.id) failure on true
  cross join lateral (select case r.metric
    when 'success_rate' then lowest.success_rate
    when 'error_rate' then private.error_count(r, entities, as_of)::numeric / nullif(t.runs, 0)
    when 'cache_hit_ratio' then t.cache_hit_ratio
    when 'api_response_time' then t.api_ms
    when 'api_fallback_ratio' then t.api_fallback_ratio
  end as value) m;
end
$$;
comment on function private.measure_rates(public.alert_rules[], public.sync_status[], timestamptz) is
  'The values of the rules on rates of full runs in their window: success rate, errors per run, cache hit ratio, mean API response time in '
  'ms, share of fallbacks in requests.';

create function private.measure_peaks(rules public.alert_rules[], entities public.sync_status[], as_of timestamptz) returns setof private.alert_value
language plpgsql stable rows 100 set search_path = '' as $$
begin
  return query
  with rule as (
    select r.* from unnest(rules) r
    where r.scope = 'ENTITY' and r.metric in ('duration_exceeded', 'memory_usage', 'stuck_execution')
  ),
  figures as materialized (
    select s.entity_type as scope, s.evaluation_window, p.*
    from (select distinct r.entity_type, r.evaluation_window from rule r) s
    cross join lateral private.run_peaks(s.entity_type, s.evaluation_window, entities, as_of) p
  ),
  -- A RUNNING run can raise a value, but never lowers it.
  peak as (
    select r as rule, p.*, case r.metric
      when 'duration_exceeded' then case when p.running_seconds >= greatest(r.threshold, p.seconds) then p.running_run end
      when 'memory_usage' then case when p.running_memory_mb >= greatest(r.threshold, p.memory_mb) then p.running_run end
      when 'stuck_execution' then p.silent_run
    end as live_run
    from rule r join figures p on p.scope = r.entity_type and p.evaluation_window = r.evaluation_window
  )
  select (p.rule).id, null::varchar, case (p.rule).metric
      when 'duration_exceeded' then case when p.live_run is null then p.seconds else p.running_seconds end
      when 'memory_usage' then case when p.live_run is null then p.memory_mb else p.running_memory_mb end
      when 'stuck_execution' then p.silent_seconds
    end,
    0::bigint,
    case (p.rule).metric
      when 'duration_exceeded' then run.execution_start + make_interval(secs => (p.rule).threshold::double precision)
      when 'stuck_execution' then run.heartbeat_at + make_interval(secs => (p.rule).threshold::double precision)
      else run.execution_end
    end,
    run.id, failure.fingerprint,
    case when (p.rule).entity_type = 'all' and run.id is not null then jsonb_build_object('entities', array[run.entity_type]) else '{}' end,
    jsonb_build_object('is_stale', p.is_stale and p.live_run is null and (p.rule).metric <> 'stuck_execution', 'bad_runs',
      case when (p.rule).metric = 'stuck_execution' and run.id is not null then private.bad_runs(run.entity_type, run.id, 1, as_of) else '[]' end)
  from peak p
  left join public.sync_execution_history run on run.id = coalesce(p.live_run, case (p.rule).metric
    when 'duration_exceeded' then p.longest_run when 'memory_usage' then p.largest_run end)
  left join lateral private.run_fingerprint(run.id) failure on (p.rule).metric = 'stuck_execution';
end
$$;
comment on function private.measure_peaks(public.alert_rules[], public.sync_status[], timestamptz) is
  'The values of the rules on single full runs: the longest in seconds, the largest in MiB, and the longest time without a heartbeat in '
  'seconds.';

create function private.measure_states(rules public.alert_rules[], entities public.sync_status[], as_of timestamptz) returns setof private.alert_value
language plpgsql stable rows 100 set search_path = '' as $$
begin
  return query
  with rule as (
    select r.* from unnest(rules) r
    where r.scope = 'ENTITY' and r.metric in ('consecutive_failures', 'sync_overdue', 'records_collapse')
  ),
  entity as materialized (
    select e.*, private.overdue_since(e, as_of) as overdue_since from unnest(entities) e where private.cause_of_pause(e) is null
  )
  select r.id, null::varchar, m.value, 0::bigint,
    case r.metric when 'sync_overdue' then worst.overdue_since else run.execution_end end,
    run.id, coalesce(failure.fingerprint, backoff.backoff_fingerprint),
    case when r.entity_type = 'all' and m.value > 0 then jsonb_build_object('entities', array[worst.entity_type]) else '{}' end
      || case when backoff.upstream is not null
        then jsonb_build_object('backoff_until', backoff.backoff_until, 'backoff_reason', backoff.backoff_reason) else '{}' end,
    jsonb_build_object('is_sole_cause', coalesce(failure.is_sole, false), 'bad_runs',
      case when r.metric = 'consecutive_failures' then private.bad_runs(worst.entity_type, null, worst.consecutive_failures, as_of)
      else '[]' end)
  from rule r
  left join lateral (
    select e.* from entity e where r.entity_type in ('all', e.entity_type)
    order by case r.metric when 'consecutive_failures' then e.consecutive_failures end desc, e.overdue_since, e.entity_type limit 1
  ) worst on true
  left join lateral (
    select h.id, h.execution_end from public.sync_execution_history h
    where r.metric = 'consecutive_failures' and worst.consecutive_failures > 0 and h.entity_type = worst.entity_type
      and h.tournament_no is null and h.status in ('FAILED', 'TIMED_OUT') and h.execution_start <= as_of and h.execution_end <= as_of
    order by h.execution_start desc limit 1
  ) run on true
  left join lateral private.run_fingerprint(run.id) failure on true
  -- No run is dispatched in an upstream backoff, so an overdue entity then has the fingerprint of the refusal.
  left join lateral private.upstream_backoff(as_of) backoff on r.metric = 'sync_overdue' and worst.overdue_since is not null
  cross join lateral (select case r.metric
    when 'consecutive_failures' then worst.consecutive_failures
    when 'sync_overdue' then case when worst.entity_type is not null then coalesce(extract(epoch from as_of - worst.overdue_since), 0) end
    when 'records_collapse' then private.records_collapse(r.entity_type, entities, as_of)
  end as value) m;
end
$$;
comment on function private.measure_states(public.alert_rules[], public.sync_status[], timestamptz) is
  'The values of the rules on the state of an entity, or of the worst entity for all: consecutive failures, seconds overdue, drop in '
  'records (0 to 1).';

create function private.failure_streak(p_entity_type varchar, p_tournament_no varchar, as_of timestamptz) returns table (
  failures bigint, last_failed timestamptz, execution_id uuid, fingerprint varchar, error text
)
language sql stable rows 1 set search_path = '' as $$
  select count(*), max(o.created_at),
    (array_agg(o.sync_execution_id order by o.created_at desc))[1],
    (array_agg(o.error_fingerprint order by o.created_at desc))[1],
    (array_agg(o.error_message order by o.created_at desc))[1]
  from (
    select l.*, count(*) filter (where l.success) over (order by l.created_at desc) as successes_since
    from (
      select * from public.sync_tournament_results l
      where l.tournament_no = p_tournament_no and l.entity_type = p_entity_type and l.created_at <= as_of
      order by l.created_at desc limit 100
    ) l
  ) o where o.successes_since = 0;
$$;
comment on function private.failure_streak(varchar, varchar, timestamptz) is
  'The number of failed results of a tournament since its last success, at most 100, with the time, run and error of the latest.';

create function private.stale_tournaments(p_entity_type varchar, as_of timestamptz) returns table (
  tournament_no varchar, seconds numeric, stale_since timestamptz, execution_id uuid, fingerprint varchar
)
language sql stable rows 10 set search_path = '' as $$
  -- Only a run that has ended proves that a tournament was due and not read. A run that an upstream backoff stopped proves nothing.
  with run as materialized (
    select h.id, h.status, h.execution_start, h.execution_end
    from public.sync_status e join public.sync_execution_history h using (entity_type)
    where e.entity_type = p_entity_type and e.leases_tournaments and private.cause_of_pause(e) is null
      and h.tournament_no is null and h.success_weight is not null and h.execution_start <= as_of and h.execution_end <= as_of
      and not exists (select from public.sync_error_log l where l.sync_execution_id = h.id and l.error_code = 'UPSTREAM_BACKOFF')
    order by h.execution_start desc limit 1
  )
  select t.no, round(extract(epoch from r.execution_end - f.fresh_until), 1), f.fresh_until, r.id,
    -- A run that failed as a whole read no tournament.
    case when r.status in ('FAILED', 'TIMED_OUT') then (select c.fingerprint from private.run_fingerprint(r.id) c) end
  from run r cross join public.tournaments t left join public.tournament_sync_state s on s.tournament_no = t.no
  -- A new tournament, and one whose status changed, is due at once.
  cross join lateral (select coalesce(s.synced_at + s.ttl, t.updated_at) as fresh_until) f
  where private.is_synced(t, private.utc_date(as_of)) and f.fresh_until <= r.execution_start + interval '60 seconds'
    and (s.synced_at is null or s.synced_at < r.execution_start);
$$;
comment on function private.stale_tournaments(varchar, timestamptz) is
  'The tournaments that were due at the start of the last finished full run and that it did not read, with the seconds from their due time '
  'to its end; none for an entity whose runs read no tournaments.';

create function private.failing_tournaments(rule public.alert_rules, as_of timestamptz) returns table (
  tournament_no varchar, has_incident boolean
)
language sql stable rows 10 set search_path = '' set timezone = 'UTC' as $$
  select r.tournament_no, false
  from public.sync_tournament_results r join public.sync_status e on e.entity_type = r.entity_type
  where rule.metric <> 'tournament_staleness' and r.entity_type = rule.entity_type and not r.success
    and r.created_at > as_of - rule.evaluation_window and r.created_at <= as_of and private.cause_of_pause(e) is null
  union all
  select i.tournament_no, true from public.alert_incidents i
  where i.rule_id = rule.id and (i.state <> 'RESOLVED' or i.awaits_recovery) and i.tournament_no is not null;
$$;
comment on function private.failing_tournaments(public.alert_rules, timestamptz) is
  'The tournaments with a failed result in the window of a rule, and those with an incident of the rule that is live or awaits a recovery.';

create function private.measure_tournaments(rules public.alert_rules[], as_of timestamptz) returns setof private.alert_value
language sql stable rows 100 set search_path = '' set timezone = 'UTC' as $$
  -- Only a tournament that fails, is stale or has an incident is measured, because no other tournament can change an incident.
  with stale as materialized (
    select e.entity_type, f.* from (select distinct r.entity_type from unnest(rules) r where r.metric = 'tournament_staleness') e
    cross join lateral private.stale_tournaments(e.entity_type, as_of) f
  ),
  scope as materialized (
    select r as rule, m.* from unnest(rules) r cross join lateral (
      select n.tournament_no, bool_or(n.has_incident) as has_incident
      from (
        select * from private.failing_tournaments(r, as_of)
        union all
        select f.tournament_no, false from stale f where r.metric = 'tournament_staleness' and f.entity_type = r.entity_type
      ) n group by n.tournament_no
    ) m where r.scope = 'TOURNAMENT'
  )
  select (s.rule).id, s.tournament_no,
    case (s.rule).metric
      when 'tournament_staleness' then coalesce(f.seconds, 0)
      when 'success_rate' then o.success_rate
      else case when o.runs > 0 then k.failures end
    end,
    o.runs, coalesce(f.stale_since + make_interval(secs => (s.rule).threshold::double precision), k.last_failed),
    coalesce(k.execution_id, f.execution_id), coalesce(k.fingerprint, f.fingerprint),
    jsonb_strip_nulls(jsonb_build_object('tournament', t.name, 'error', k.error, 'priority', p.priority)),
    jsonb_build_object('ended', case
      when case when e.leases_tournaments then private.is_synced(t, private.utc_date(as_of)) else t.vanished_at is null end is not true
        then 'the tournament is no longer synced'
      when p.is_below then format('the tournament now has the priority %s, and the rule is for %s or higher', p.priority,
        (s.rule).lowest_priority)
    end)
  from scope s
  join public.sync_status e on e.entity_type = (s.rule).entity_type
  left join public.tournaments t on t.no = s.tournament_no
  left join lateral (
    select q.priority, private.priority_rank(q.priority) <= private.priority_rank((s.rule).lowest_priority) is not true as is_below
    from (select private.tournament_priority(t, as_of) as priority) q where (s.rule).lowest_priority is not null
  ) p on true
  left join stale f
    on (s.rule).metric = 'tournament_staleness' and f.entity_type = (s.rule).entity_type and f.tournament_no = s.tournament_no
  cross join lateral (
    select count(*) as runs, avg(o.success::integer) as success_rate from public.sync_tournament_results o
    where o.tournament_no = s.tournament_no and o.entity_type = (s.rule).entity_type
      and o.created_at > as_of - (s.rule).evaluation_window and o.created_at <= as_of
  ) o
  cross join lateral private.failure_streak((s.rule).entity_type, s.tournament_no, as_of) k
  where s.has_incident or p.is_below is not true;
$$;
comment on function private.measure_tournaments(public.alert_rules[], timestamptz) is
  'The values of the rules on each tournament of their priorities: consecutive failures, at most 100, or the success rate, null without a '
  'result in the window; or the seconds for which its matches were due.';

create function private.measure_shared_failure(rule public.alert_rules, entities public.sync_status[], as_of timestamptz) returns setof private.alert_value
language plpgsql stable rows 1 set search_path = '' set timezone = 'UTC' as $$
begin
  return query
  with run as materialized (
    select h.id, h.entity_type, h.tournament_no, h.execution_start, case when h.execution_end <= as_of then h.success_weight end as success_weight
    from unnest(entities) e join public.sync_execution_history h
      on h.entity_type = e.entity_type and h.execution_start > as_of - rule.evaluation_window and h.execution_start <= as_of
    where private.cause_of_pause(e) is null and rule.entity_type in ('all', e.entity_type)
  ),
  latest as materialized (
    select distinct on (r.entity_type, t.tournament_no) t.*, r.execution_start
    from run r join public.sync_tournament_results t on t.sync_execution_id = r.id and t.created_at <= as_of
    order by r.entity_type, t.tournament_no, t.created_at desc, t.id
  ),
  largest as (
    select error_fingerprint, count(distinct tournament_no) as failed, max(error_message) as error, min(created_at) as since,
      (array_agg(sync_execution_id order by created_at desc, id))[1] as execution_id, array_agg(distinct entity_type) as entities
    from latest where not success and error_fingerprint is not null
    group by error_fingerprint order by failed desc, error_fingerprint limit 1
  ),
  bad as (
    select f.entity_type, min(f.execution_start) as first_run_at, max(f.execution_start) as last_run_at
    from (
      select l.entity_type, l.execution_start from latest l join largest g on g.error_fingerprint = l.error_fingerprint where not l.success
      union all
      -- Full runs of any sync that failed with the same fingerprint, with or without a result of a tournament.
      select r.entity_type, r.execution_start from run r join public.sync_error_log e on e.sync_execution_id = r.id
      join largest g on g.error_fingerprint = e.fingerprint where r.tournament_no is null and r.success_weight < 1
    ) f
    group by f.entity_type
  )
  select rule.id, null::varchar,
    -- A full run without a due tournament has no failing tournament, so the value is 0 and not unknown.
    case when n.tournaments > 0 or exists (select from run where tournament_no is null and success_weight is not null)
      then coalesce(g.failed, 0)::numeric end,
    n.tournaments, g.since, g.execution_id, g.error_fingerprint,
    case when g.failed is null then '{}' else jsonb_build_object('error', g.error, 'tournaments', g.failed, 'of', (
      select count(distinct l.tournament_no) from latest l where l.entity_type = any (g.entities)
    )) || case rule.entity_type when 'all' then jsonb_build_object('entities', g.entities) else '{}' end end,
    jsonb_build_object('bad_runs', (select coalesce(jsonb_agg(to_jsonb(b) order by b.entity_type), '[]') from bad b))
  from (select count(distinct tournament_no) as tournaments from latest) n left join largest g on true;
end
$$;
comment on function private.measure_shared_failure(public.alert_rules, public.sync_status[], timestamptz) is
  'The largest number of tournaments whose last result in the window failed with the same fingerprint, and their first failure; null '
  'without a run.';

create function private.measure_unconfirmed_replies(rule public.alert_rules, as_of timestamptz) returns setof private.alert_value
language sql stable rows 1 set search_path = '' set timezone = 'UTC' as $$
  with reply as (
    select s.*,
      case when s.contradicted_at > as_of - rule.evaluation_window then s.contradicted_at else s.held_at + interval '1 hour' end as since
    from public.request_states s join public.sync_status e on e.entity_type = s.entity_type
    where rule.entity_type in ('all', e.entity_type) and private.cause_of_pause(e) is null
      and (s.contradicted_at > as_of - rule.evaluation_window and s.contradicted_at <= as_of or s.held_at <= as_of - interval '1 hour')
  )
  select rule.id, null::varchar, count(*)::numeric, 0::bigint, min(r.since),
    (array_agg(r.execution_id order by r.since desc, r.request))[1], null::varchar,
    case when count(*) = 0 then '{}' else jsonb_build_object('requests', jsonb_agg(r.request order by r.request)) end
      || case when count(*) > 0 and rule.entity_type = 'all' then jsonb_build_object('entities', jsonb_agg(distinct r.entity_type)) else '{}' end,
    '{}'::jsonb
  from reply r;
$$;
comment on function private.measure_unconfirmed_replies(public.alert_rules, timestamptz) is
  'The number of requests whose held-back reply was contradicted in the window of the rule, or has waited an hour for its second look.';

create function private.measure_system(rules public.alert_rules[], as_of timestamptz) returns setof private.alert_value
language sql stable rows 10 set search_path = '' as $$
  with rule as (select r.* from unnest(rules) r where r.entity_type = 'system' and r.metric not in ('canary', 'canary_failed')),
  evaluation as (
    select max(evaluated_at) as last_at from public.alert_evaluations where evaluated_at <= as_of
  ),
  queue as (
    -- A job cannot start in an upstream backoff.
    select min(greatest(j.enqueued_at, j.not_before, backoff.until)) as waiting_since, count(*) as jobs
    from public.sync_jobs j join public.sync_status e on e.entity_type = j.entity_type and e.paused_at is null
    cross join (select max(u.backoff_until) as until from public.upstream_state u) backoff
    where j.status = 'QUEUED' and greatest(j.not_before, backoff.until) <= as_of
  ),
  broken as (
    select count(*) as rules, min(a.broken_since) as since, coalesce(jsonb_agg(a.name order by a.name), '[]') as names
    from public.alert_rules a where a.is_active and a.broken_since is not null
  ),
  undelivered as (
    -- A state is undelivered after a failed attempt, and when it is DEAD while its incident is live. A state that waits for an hourly limit
    -- is not.
    select r.id as rule_id, n.channel, count(*) as notifications, min(coalesce(n.first_failed_at, n.created_at)) as since
    from rule r cross join public.alert_notifications n join public.notification_channels c on c.name = n.channel and c.is_active
    join public.alert_incidents i on i.id = n.incident_id and not i.is_test
    where r.metric = 'undelivered_age' and n.status in ('PENDING', 'SENDING', 'DEAD') and (
      n.status in ('PENDING', 'SENDING') and n.attempts > 0
      or n.status = 'DEAD' and n.discarded_by is null and i.state in ('FIRING', 'ACKNOWLEDGED')
    )
    group by r.id, n.channel
  ),
  undelivered_total as (
    select rule_id, sum(notifications) as notifications, min(since) as since, jsonb_object_agg(channel, notifications) as channels
    from undelivered group by rule_id
  )
  select r.id, null::varchar,
    case r.metric
      when 'processor_late' then extract(epoch from as_of - e.last_at)
      when 'undelivered_age' then coalesce(extract(epoch from as_of - u.since), 0)
      when 'queue_age' then coalesce(extract(epoch from as_of - q.waiting_since), 0)
      when 'broken_rules' then b.rules
    end,
    0::bigint,
    case r.metric
      when 'processor_late' then e.last_at + make_interval(secs => r.threshold::double precision)
      when 'broken_rules' then b.since
      when 'queue_age' then q.waiting_since + make_interval(secs => r.threshold::double precision)
      else u.since + make_interval(secs => r.threshold::double precision)
    end,
    null::uuid, null::varchar,
    case when u.rule_id is not null then jsonb_build_object('channels', u.channels)
      when r.metric = 'queue_age' then jsonb_build_object('waiting', q.jobs)
      when r.metric = 'broken_rules' and b.rules > 0 then jsonb_build_object('rules', b.names) else '{}' end,
    -- A rule about undelivered notifications notifies the channels without such notifications.
    case when u.rule_id is null then '{}' else jsonb_build_object('channels', (
      select coalesce(jsonb_agg(c.name order by c.name), r.notification_channels) from public.notification_channels c
      where c.is_active and c.kind <> 'alertmanager' and not u.channels ? c.name
    )) end
  from rule r cross join evaluation e cross join queue q cross join broken b left join undelivered_total u on u.rule_id = r.id;
$$;
comment on function private.measure_system(public.alert_rules[], timestamptz) is
  'The values of the system rules: seconds since the last evaluation, longest wait, age of the oldest undelivered state, broken rules.';

create function private.measure_canaries(rules public.alert_rules[], as_of timestamptz) returns setof private.alert_value
language sql stable rows 2 set search_path = '' as $$
  with channel as (select c.* from public.notification_channels c where c.is_active),
  due as (
    select count(*) as checks, min(k.opened_at) as since, jsonb_agg(k.channel order by k.channel) as channels
    from public.channel_canaries k join channel c on c.name = k.channel and c.canary_every is not null
    where k.proven_at is null and k.failed_at is null and k.incident_id is null and k.opened_at <= as_of
  ),
  failed as (
    select count(*) as checks, min(k.failed_at) as since,
      jsonb_object_agg(k.channel, jsonb_build_object('stage', k.stage, 'error', k.error)) as channels
    from channel c cross join lateral (
      (select l.channel, l.stage, l.failed_at, l.error from public.channel_canaries l
      where c.canary_every is not null and l.channel = c.name and (l.proven_at is not null or l.failed_at is not null)
        and l.opened_at <= as_of
      order by l.opened_at desc limit 1)
      union all
      -- Alertmanager has no canaries, because each accepted post proves it.
      select d.channel, 'CHANNEL', coalesce(d.last_sent_at, c.created_at) + interval '10 minutes', d.last_error
      from public.notification_destinations d
      where c.kind = 'alertmanager' and d.channel = c.name and d.last_error is not null
        and coalesce(d.last_sent_at, c.created_at) <= as_of - interval '10 minutes'
    ) k
    where k.failed_at is not null
  )
  select r.id, null::varchar, m.checks, 0::bigint, m.since, null::uuid, null::varchar,
    case when r.metric = 'canary_failed' and m.checks > 0 then jsonb_build_object('failed', f.channels) else '{}' end,
    case when m.checks = 0 then '{}' when r.metric = 'canary' then jsonb_build_object('channels', d.channels)
      -- The incident of a failed canary notifies the other channels.
      else jsonb_build_object('channels', (
        select coalesce(jsonb_agg(c.name order by c.name), r.notification_channels) from public.notification_channels c
        where c.is_active and c.kind <> 'alertmanager' and not f.channels ? c.name
      )) end
  from unnest(rules) r cross join due d cross join failed f
  cross join lateral (
    select case r.metric when 'canary' then d.checks else f.checks end as checks,
      case r.metric when 'canary' then d.since else f.since end as since
  ) m
  where r.metric in ('canary', 'canary_failed');
$$;
comment on function private.measure_canaries(public.alert_rules[], timestamptz) is
  'The values of the rules about canaries. For canary, the number of channels whose canary is due and not queued; the rule notifies these '
  'channels. For canary_failed, the number of channels whose last canary failed, and of Alertmanagers whose posts failed for 10 minutes.';

create function private.measure_burn_rates(rules public.alert_rules[], as_of timestamptz) returns setof private.alert_value
language sql stable rows 10 set search_path = '' set timezone = 'UTC' as $$
  -- A widened window has a larger part of the error budget, so its rate is converted to the window of the rule.
  with rule as (
    select r.* from unnest(rules) r join public.sync_objectives o on o.id = r.objective_id
    -- An indicator has no typical rate in its first day.
    where r.metric = 'burn_rate' and exists (
      select from public.sync_indicators i
      where i.indicator = o.indicator and o.entity_type in ('all', i.entity_type) and i.bucket <= as_of - interval '1 day'
    )
  ),
  wanted as (select array_agg(r.objective_id) as objectives, array_agg(r.evaluation_window) as windows from rule r),
  burn as materialized (
    select b.* from wanted w cross join lateral private.burn_rates(w.objectives, w.windows, as_of) b where w.objectives is not null
  )
  select r.id, null::varchar,
    -- Fewer than 100 events are too few for a rate, and fewer than 3 bad events are no reason for a HIGH or CRITICAL incident.
    case when b.window_events < 100 then null when r.severity in ('HIGH', 'CRITICAL') and b.bad_events < 3 then 0
      else round(least(b.long_rate, b.short_rate) * extract(epoch from b.long_burn) / extract(epoch from b.long_window), 4) end,
    b.events, null::timestamptz, null::uuid, case when o.indicator not in ('detection', 'delivery') then b.cause end,
    jsonb_strip_nulls(jsonb_build_object(
      'objective_id', o.id, 'objective', o.name, 'target', o.target, 'events', b.events, 'bad_events', b.bad_events,
      'long_window', private.in_words(b.long_burn), 'short_window', private.in_words(b.short_burn),
      'long_rate', round(b.long_rate, 4), 'short_rate', round(b.short_rate, 4)
    )), '{}'::jsonb
  from unnest(rules) r join public.sync_objectives o on o.id = r.objective_id
  left join (select distinct * from burn) b on b.objective_id = r.objective_id and b.long_window = r.evaluation_window;
$$;
comment on function private.measure_burn_rates(public.alert_rules[], timestamptz) is
  'The burn rate of the objective of each rule: the lower rate of the long and the short window. Null without an event in one of them, '
  'with fewer than 100 events in the window of the objective, and in the first day of its indicator.';

create function private.missed_runs(p_entity_type varchar, gap_start timestamptz, began_at timestamptz, as_of timestamptz) returns jsonb
language sql stable set search_path = '' set timezone = 'UTC' as $$
  select coalesce(jsonb_agg(jsonb_build_object(
    'due_at', due.at, 'overdue_at', due.at + e.grace, 'started_at', next_run.started_at
  ) order by due.at), '[]')
  from public.sync_status e
  -- A live incident already reports the due times up to the first run that started after the incident began.
  cross join lateral (
    select greatest(gap_start, min(h.execution_start)) as since
    from public.sync_execution_history h
    where h.entity_type = e.entity_type and h.tournament_no is null and h.execution_start >= began_at
  ) gap
  cross join lateral (
    select private.due_of_start(e, gap.since - e.grace) + step * e.sync_frequency as at
    from generate_series(1, 200) step
  ) due
  cross join lateral (
    select min(h.execution_start) as started_at
    from public.sync_execution_history h
    where h.entity_type = e.entity_type and h.tournament_no is null and h.execution_start >= due.at - interval '5 seconds'
      and h.execution_start <= as_of
  ) next_run
  where e.entity_type = p_entity_type and e.is_active and e.sync_frequency >= interval '1 minute'
    and due.at + e.grace <= as_of and due.at > greatest(e.created_at, e.schedule_changed_at) and next_run.started_at > due.at + e.grace
    and not private.was_paused(e.entity_type, due.at);
$$;
comment on function private.missed_runs(varchar, timestamptz, timestamptz, timestamptz) is
  'The due times after gap_start whose full run started late: outside pauses, among at most 200, and without those that the live incident '
  'reports.';

create function private.live_incident_json(incident public.alert_incidents) returns jsonb
language sql stable set search_path = '' as $$
  select to_jsonb(incident) || jsonb_build_object(
    'destinations', (
      -- A channel that was deleted and created again has no destination yet.
      select coalesce(jsonb_agg(jsonb_build_object(
        'channel', n.channel, 'recipient', d.recipient, 'severity', n.item -> 'severity', 'cause', n.item -> 'cause',
        'is_dead', n.status = 'DEAD'
      ) order by n.channel, d.recipient), '[]')
      from (
        select distinct on (o.destination_id) o.* from public.alert_notifications o
        where o.incident_id = incident.id and o.destination_id is not null
        order by o.destination_id, o.seq desc
      ) n join public.notification_destinations d on d.id = n.destination_id),
    'bad_runs', (
      select coalesce(jsonb_agg(to_jsonb(c) - 'incident_id' order by c.entity_type), '[]')
      from public.alert_coverage c where c.incident_id = incident.id),
    'parent', (
      select jsonb_build_object(
        'rule_id', p.rule_id, 'rule_name', p.rule_name, 'entity_type', p.entity_type, 'tournament_no', p.tournament_no
      )
      from public.alert_incidents p where p.id = incident.parent_id and p.rule_id is not null
    )
  );
$$;
comment on function private.live_incident_json(public.alert_incidents) is
  'A live incident for the evaluator, with the newest state that was queued for each destination.';

create function private.recipients(channel public.notification_channels, severity text) returns setof text
language sql stable set search_path = '' as $$
  select distinct jsonb_array_elements_text(case channel.kind
    when 'email' then coalesce(channel.config -> 'by_severity' -> severity, channel.config -> 'to') else '[""]' end);
$$;
comment on function private.recipients(public.notification_channels, text) is
  'The recipients of a channel at a severity; one empty recipient when the channel itself is the destination.';

create function private.recipients_by_severity() returns jsonb
language sql stable set search_path = '' as $$
  select coalesce(jsonb_object_agg(c.name, (
    select jsonb_object_agg(severity, array(select private.recipients(c, severity) order by 1))
    from unnest(array['LOW', 'MEDIUM', 'HIGH', 'CRITICAL']) severity
  )), '{}') from public.notification_channels c where c.is_active and c.kind <> 'alertmanager';
$$;
comment on function private.recipients_by_severity() is
  'The recipients of each active channel by severity; Alertmanager receives every incident outside the outbox.';

create function private.silence_of(
  rule public.alert_rules, p_tournament_no text, entities jsonb, incident public.alert_incidents, as_of timestamptz
) returns public.alert_silences
language sql stable set search_path = '' as $$
  select s.* from public.alert_silences s
  where private.is_silencing(s, as_of)
    -- A silence of an entity also covers an incident of all entities whose failing runs are all its own.
    and (s.entity_type is null or s.entity_type = rule.entity_type
      or rule.entity_type = 'all' and entities = jsonb_build_array(s.entity_type))
    and (s.rule_id is null or s.rule_id = rule.id)
    and (s.severity is null or s.severity = coalesce(incident.severity, rule.severity))
    and (s.tournament_no is null or s.tournament_no = p_tournament_no)
    and (s.incident_id is null or s.incident_id = incident.id)
    -- A silence does not mute canaries, because a canary proves the channel at any time.
    and rule.metric <> 'canary'
  order by s.incident_id is not null, s.ends_at desc, s.id limit 1;
$$;
comment on function private.silence_of(public.alert_rules, text, jsonb, public.alert_incidents, timestamptz) is
  'The active silence of a scope; a silence that names the incident is selected only if no other matches. The argument entities has the '
  'entities of the failing runs.';

create function private.measured(rules public.alert_rules[], entities public.sync_status[], as_of timestamptz) returns setof private.alert_value
language plpgsql stable rows 100 set search_path = '' as $$
declare
  metrics constant text[] := array(select r.metric from unnest(rules) r);
begin
  -- A replay measures one rule thousands of times, so a function without a rule to measure is not called, and plpgsql keeps the plans.
  if metrics && array['success_rate', 'error_rate', 'cache_hit_ratio', 'api_response_time', 'api_fallback_ratio'] then
    return query select * from private.measure_rates(rules, entities, as_of);
  end if;
  if metrics && array['duration_exceeded', 'memory_usage', 'stuck_execution'] then
    return query select * from private.measure_peaks(rules, entities, as_of);
  end if;
  if metrics && array['consecutive_failures', 'sync_overdue', 'records_collapse'] then
    return query select * from private.measure_states(rules, entities, as_of);
  end if;
  if 'shared_failure' = any (metrics) then
    return query select m.* from unnest(rules) r cross join lateral private.measure_shared_failure(r, entities, as_of) m
      where r.metric = 'shared_failure';
  end if;
  if 'unconfirmed_replies' = any (metrics) then
    return query select m.* from unnest(rules) r cross join lateral private.measure_unconfirmed_replies(r, as_of) m
      where r.metric = 'unconfirmed_replies';
  end if;
  if 'burn_rate' = any (metrics) then
    return query select * from private.measure_burn_rates(rules, as_of);
  end if;
  if exists (select from unnest(rules) r where r.scope = 'TOURNAMENT') then
    return query select * from private.measure_tournaments(rules, as_of);
  end if;
  if exists (select from unnest(rules) r where r.entity_type = 'system') then
    return query select * from private.measure_system(rules, as_of);
  end if;
  if metrics && array['canary', 'canary_failed'] then
    return query select * from private.measure_canaries(rules, as_of);
  end if;
end
$$;
comment on function private.measured(public.alert_rules[], public.sync_status[], timestamptz) is
  'The values of the given rules in each of their scopes, with the entities as they were at as_of.';

create function private.flap_window(evaluation_window interval) returns interval
language sql immutable set search_path = '' as $$
  select greatest(interval '1 hour', least(4 * evaluation_window, interval '1 day'));
$$;
comment on function private.flap_window(interval) is 'The time in which resolved incidents of a scope make the next one flapping.';

create function private.rule_json(r public.alert_rules, flap_window interval) returns jsonb
language sql stable set search_path = '' set timezone = 'UTC' as $$
  select jsonb_build_object(
    'rule_id', r.id, 'rule_name', r.name, 'metric', r.metric, 'severity', r.severity, 'entity_type', r.entity_type,
    'threshold', r.threshold, 'recovery_threshold', r.recovery_threshold, 'minimum_runs', r.minimum_runs, 'no_data', r.no_data,
    'for_ms', extract(epoch from r.for_duration) * 1000, 'repeat_ms', extract(epoch from r.repeat_interval) * 1000,
    'escalation_ms', extract(epoch from r.escalation_delay) * 1000, 'escalation_channels', r.escalation_channels,
    'flap_ms', extract(epoch from flap_window) * 1000, 'channels', r.notification_channels
  );
$$;
comment on function private.rule_json(public.alert_rules, interval) is 'The settings of a rule for the evaluator; durations in ms.';

create function private.last_evaluation(as_of timestamptz) returns table (last_at timestamptz, evaluated_since timestamptz, is_gap boolean)
language sql stable rows 1 set search_path = '' as $$
  -- Five minutes or more without an evaluation are a gap; a shorter pause is a cron tick that was late or lost.
  select max(e.evaluated_at), case when max(e.evaluated_at) <= as_of - interval '5 minutes' then as_of else max(e.evaluated_since) end,
    max(e.evaluated_at) <= as_of - interval '5 minutes'
  from (select * from public.alert_evaluations where evaluated_at <= as_of order by evaluated_at desc, id desc limit 1) e;
$$;
comment on function private.last_evaluation(timestamptz) is
  'The time of the last evaluation, the start of the evaluations without a gap, and whether the time since the last one is a gap.';

create function private.measurements(rules public.alert_rules[], as_of timestamptz) returns jsonb
language sql stable set search_path = '' set timezone = 'UTC' as $$
  with evaluation as (select * from private.last_evaluation(as_of)),
  measurement as (
    select r.name, m.tournament_no, private.rule_json(r, f.flap_window) || jsonb_strip_nulls(jsonb_build_object(
      'channels', e.notification_channels,
      'threshold', case r.metric when 'consecutive_failures' then e.alert_threshold_failures end,
      -- A window can be empty because of a pause, so no_data must not alert.
      'no_data', case when exists (
        select from public.entity_pauses p
        where p.entity_type = r.entity_type and (p.resumed_at is null or p.resumed_at > as_of - r.evaluation_window)
      ) then 'KEEP' end
    )) || jsonb_build_object(
      'tournament_no', m.tournament_no, 'value', m.value, 'runs', coalesce(m.runs, 0), 'since', m.since, 'execution_id', m.execution_id,
      'fingerprint', m.fingerprint, 'evidence', m.evidence, 'is_sole_cause', false, 'is_stale', false,
      'is_paused', e.paused_at is not null or e.idle_since is not null,
      'ended', null, 'bad_runs', '[]'::jsonb, 'uncovered', '[]'::jsonb,
      'silenced_by', silence.id, 'is_silenced_by_name', silence.incident_id is not null,
      'missed', case
        when evaluation.is_gap and r.metric = 'sync_overdue' and r.entity_type <> 'all'
        then private.missed_runs(r.entity_type, evaluation.last_at, i.began_at, as_of) else '[]' end,
      'closed_incident', closed.id, 'resolved_recently', ended.incidents,
      'incident', case when i.id is not null then private.live_incident_json(i) end
    ) || m.facts
      || case when not e.is_active then jsonb_build_object('ended', 'the entity was deactivated') else '{}' end as fields
    from private.measured(rules, (select array_agg(e) from public.sync_status e), as_of) m join unnest(rules) r on r.id = m.rule_id
    cross join evaluation
    left join public.sync_status e on e.entity_type = r.entity_type
    left join public.alert_incidents i on i.rule_id = r.id and i.entity_type = r.entity_type
      and coalesce(i.tournament_no, '') = coalesce(m.tournament_no, '') and i.state <> 'RESOLVED'
    left join lateral private.silence_of(
      r, m.tournament_no, coalesce(nullif(m.evidence -> 'entities', '[]'), i.evidence -> 'entities'), i, as_of) silence on true
    cross join lateral (select private.flap_window(r.evaluation_window) as flap_window) f
    -- Incidents of missed runs and incidents without a notification do not count.
    cross join lateral (
      select count(*) as incidents from public.alert_incidents a
      where a.rule_id = r.id and a.entity_type = r.entity_type and a.tournament_no is not distinct from m.tournament_no
        and a.missed_due_at is null and a.notified_at is not null and not a.is_test and a.resolved_at > as_of - f.flap_window
    ) ended
    left join lateral (
      select a.id from public.alert_incidents a
      where a.rule_id = r.id and a.entity_type = r.entity_type and a.tournament_no is not distinct from m.tournament_no
        and a.awaits_recovery order by a.resolved_at desc limit 1
    ) closed on true
  )
  select coalesce(jsonb_agg(m.fields order by m.name, m.tournament_no), '[]') from measurement m;
$$;
comment on function private.measurements(public.alert_rules[], timestamptz) is
  'The values of the given rules in each of their scopes, with thresholds, silences and live incidents.';

create function private.measure_rules(rules public.alert_rules[], as_of timestamptz) returns jsonb
language plpgsql stable set search_path = '' as $$
declare
  rule public.alert_rules;
  measured jsonb := '[]'::jsonb;
  broken jsonb := '[]'::jsonb;
begin
  begin
    measured := private.measurements(rules, as_of);
  exception when others then
    -- A broken rule must not stop the evaluation of the others.
    foreach rule in array rules loop
      begin
        measured := measured || private.measurements(array[rule], as_of);
      exception when others then
        broken := broken || jsonb_build_object('rule_id', rule.id, 'reason', sqlerrm);
      end;
    end loop;
  end;
  return jsonb_build_object(
    'as_of', as_of, 'evaluated_since', (select e.evaluated_since from private.last_evaluation(as_of) e),
    'recipients', private.recipients_by_severity(), 'broken', broken, 'measurements', measured
  );
end
$$;
comment on function private.measure_rules(public.alert_rules[], timestamptz) is
  'The measurements of the given rules, and the broken rules, whose measurement raised an error, with that error.';

create function public.measure_alert_rules(as_of timestamptz default now()) returns jsonb
language sql stable set search_path = '' as $$
  select private.measure_rules((select coalesce(array_agg(r), '{}') from public.alert_rules r where r.is_active), as_of);
$$;
comment on function public.measure_alert_rules(timestamptz) is
  'The value of each active rule in each of its scopes, with threshold, silence and live incident; a null value is no data.';
