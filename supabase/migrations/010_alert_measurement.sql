-- The values of the alert rules in one snapshot: on entities, on single tournaments, on failures that tournaments share, and on the
-- monitoring itself. Over 300 lines, because the functions that measure one snapshot are in one file.

create type private.alert_value as (
  rule_id uuid, entity_type varchar, tournament_no varchar, value numeric, runs bigint, threshold numeric, channels jsonb,
  since timestamptz, execution_id uuid, fingerprint varchar, evidence jsonb
);
comment on type private.alert_value is
  'The value of a rule in one scope: since when the condition is met, a run that shows it, and the most frequent error of that run.';

create function private.run_fingerprint(p_execution_id uuid) returns text
language sql stable set search_path = '' as $$
  select coalesce(
    (select r.error_fingerprint from public.sync_tournament_results r
     where r.sync_execution_id = p_execution_id and r.error_fingerprint is not null
     group by 1 order by count(*) desc, 1 limit 1),
    (select l.fingerprint from public.sync_error_log l
     where l.sync_execution_id = p_execution_id
     group by 1 order by count(*) desc, 1 limit 1)
  );
$$;
comment on function private.run_fingerprint(uuid) is 'The most frequent fingerprint among the failures of a run; null without a failure.';

create function private.records_collapse(p_entity_type text, as_of timestamptz) returns numeric
language sql stable set search_path = '' as $$
  -- A full run without a request does not count, because no tournament was due.
  with recent as (
    select h.records_read, h.api_calls, row_number() over (order by h.execution_start desc) as age
    from public.sync_execution_history h
    where h.entity_type = p_entity_type and h.tournament_no is null and h.status = 'SUCCEEDED' and h.api_calls > 0
      and h.execution_start <= as_of
    order by h.execution_start desc limit 21
  ),
  baseline as (
    select percentile_cont(0.5) within group (order by records_read::double precision / api_calls) as records_per_call, count(*) as runs
    from recent where age > 1
  )
  select case when b.runs >= 5 and b.records_per_call > 0
    then greatest(0, 1 - (r.records_read::numeric / r.api_calls) / b.records_per_call::numeric) end
  from recent r cross join baseline b where r.age = 1;
$$;
comment on function private.records_collapse(text, timestamptz) is
  'The drop (0 to 1) in records per request of the last SUCCEEDED full run from the median of up to 20 before it; null for under 5.';

create function private.run_figures(scope varchar, evaluation_window interval, as_of timestamptz) returns table (
  runs bigint, success_rate numeric, max_seconds numeric, max_memory_mb integer, max_heartbeat_age numeric, cache_hit_ratio numeric,
  api_response_ms numeric, longest_run uuid, oldest_heartbeat_run uuid, largest_memory_run uuid, latest_failed_run uuid, by_entity jsonb
)
language sql stable rows 1 set search_path = '' as $$
  -- The window is a parameter and not a column of a join: Postgres estimates that a window from parameters selects 1/200 of the
  -- runs, and a window from columns 1/9.
  with run as materialized (
    select h.*, extract(epoch from coalesce(h.execution_end, as_of) - h.execution_start) as seconds,
      case when h.status = 'RUNNING' then extract(epoch from as_of - h.heartbeat_at) end as heartbeat_age
    from public.sync_status e cross join lateral (
      select w.* from public.sync_execution_history w
      where w.entity_type = e.entity_type and w.execution_start > as_of - evaluation_window and w.execution_start <= as_of
      union all
      -- A condition "in the window or RUNNING" would read the whole history; an index finds the few RUNNING runs.
      select w.* from public.sync_execution_history w
      where w.entity_type = e.entity_type and w.status = 'RUNNING' and w.execution_start <= as_of - evaluation_window
    ) h
    where e.is_active and e.paused_at is null and scope in ('all', e.entity_type) and h.tournament_no is null
  ),
  entity as (
    select entity_type, count(success_weight) as runs, round(avg(success_weight), 4) as success_rate,
      round(max(seconds), 1) as slowest_s, max(memory_usage_mb) as memory_mb
    from run where scope = 'all' group by entity_type
  )
  select count(success_weight), avg(success_weight), max(seconds) filter (where status <> 'SKIPPED'), max(memory_usage_mb),
    max(heartbeat_age),
    sum(cache_hits)::numeric / nullif(sum(cache_hits + cache_misses), 0),
    sum(api_response_ms_total)::numeric / nullif(sum(api_calls), 0),
    (array_agg(id order by seconds desc, id) filter (where status <> 'SKIPPED'))[1],
    (array_agg(id order by heartbeat_age desc, id) filter (where heartbeat_age is not null))[1],
    (array_agg(id order by memory_usage_mb desc, id) filter (where memory_usage_mb is not null))[1],
    (array_agg(id order by execution_start desc, id) filter (where success_weight < 1))[1],
    (select jsonb_object_agg(e.entity_type, to_jsonb(e) - 'entity_type') from entity e)
  from run;
$$;
comment on function private.run_figures(varchar, interval, timestamptz) is
  'The figures of the full runs in the window or RUNNING, of an entity or all that are not paused, and a run that shows each figure.';

create function private.entity_figures(scope varchar, as_of timestamptz) returns table (
  is_active boolean, consecutive_failures integer, overdue_since timestamptz, failure_threshold integer, channels jsonb
)
language sql stable rows 1 set search_path = '' as $$
  select count(*) > 0, max(e.consecutive_failures), min(private.overdue_since(e, as_of)),
    min(e.alert_threshold_failures) filter (where scope <> 'all'),
    (array_agg(e.notification_channels) filter (where scope <> 'all'))[1]
  from public.sync_status e
  where e.is_active and e.paused_at is null and scope in ('all', e.entity_type);
$$;
comment on function private.entity_figures(varchar, timestamptz) is
  'The figures of an active entity with its threshold and channels, or the worst of all; is_active is false when there is none.';

create function private.measure_entities(rules public.alert_rules[], as_of timestamptz) returns setof private.alert_value
language sql stable rows 100 set search_path = '' as $$
  -- The figures are computed once for all rules with the same entity and window.
  with scope as materialized (
    select r.entity_type, r.evaluation_window, array_agg(r) as rules
    from unnest(rules) r where r.scope = 'ENTITY' and r.entity_type <> 'system' and r.metric <> 'shared_failure'
    group by r.entity_type, r.evaluation_window
  ),
  figures as materialized (
    select s.rules, r.*, e.*
    from scope s
    cross join lateral private.run_figures(s.entity_type, s.evaluation_window, as_of) r
    cross join lateral private.entity_figures(s.entity_type, as_of) e
  ),
  measured as materialized (
    select f.*, r as rule, case
      when r.metric = 'duration_exceeded' then f.longest_run
      when r.metric = 'stuck_execution' then f.oldest_heartbeat_run
      when r.metric = 'memory_usage' then f.largest_memory_run
      when r.metric in ('success_rate', 'consecutive_failures', 'error_rate') then f.latest_failed_run
    end as execution_id
    from figures f cross join lateral unnest(f.rules) r
  )
  select (m.rule).id, (m.rule).entity_type, null::varchar,
    case (m.rule).metric
      when 'success_rate' then m.success_rate
      when 'consecutive_failures' then m.consecutive_failures
      when 'duration_exceeded' then m.max_seconds
      when 'memory_usage' then m.max_memory_mb
      when 'sync_overdue' then case when m.is_active then coalesce(extract(epoch from as_of - m.overdue_since), 0) end
      when 'cache_hit_ratio' then m.cache_hit_ratio
      when 'api_response_time' then m.api_response_ms
      when 'stuck_execution' then case when m.is_active then coalesce(m.max_heartbeat_age, 0) end
      when 'error_rate' then (
        select count(*) from public.sync_status e join public.sync_error_log l on l.entity_type = e.entity_type
        where e.is_active and e.paused_at is null and (m.rule).entity_type in ('all', e.entity_type)
          and l.occurred_at > as_of - (m.rule).evaluation_window and l.occurred_at <= as_of
          and ((m.rule).error_type is null or l.error_type = (m.rule).error_type)
      )::numeric / nullif(m.runs, 0)
      when 'records_collapse' then private.records_collapse((m.rule).entity_type, as_of)
    end,
    m.runs,
    case when (m.rule).metric = 'consecutive_failures' then coalesce(m.failure_threshold, (m.rule).threshold) else (m.rule).threshold end,
    coalesce(m.channels, (m.rule).notification_channels),
    case (m.rule).metric
      when 'sync_overdue' then m.overdue_since
      when 'duration_exceeded' then x.execution_start + make_interval(secs => (m.rule).threshold::double precision)
      when 'stuck_execution' then x.heartbeat_at + make_interval(secs => (m.rule).threshold::double precision)
      else x.execution_end
    end,
    m.execution_id,
    case when m.execution_id is not null then private.run_fingerprint(m.execution_id) end,
    case when m.by_entity is null then '{}' else jsonb_build_object('by_entity', m.by_entity) end
  from measured m left join public.sync_execution_history x on x.id = m.execution_id;
$$;
comment on function private.measure_entities(public.alert_rules[], timestamptz) is
  'The values of the rules on the full runs of one entity or of all: seconds, MiB, ms, ratios (0 to 1), errors per run; null is no data.';

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

create function private.measure_tournaments(rules public.alert_rules[], as_of timestamptz) returns setof private.alert_value
language sql stable rows 100 set search_path = '' as $$
  -- Other tournaments are not measured: without a failure in the window and without a live incident, no incident can change.
  with scope as materialized (
    select r as rule, failing.tournament_no
    from unnest(rules) r cross join lateral (
      select t.tournament_no from public.sync_tournament_results t
      where t.entity_type = r.entity_type and not t.success and t.created_at > as_of - r.evaluation_window and t.created_at <= as_of
      union
      select i.tournament_no from public.alert_incidents i
      where i.rule_id = r.id and i.state <> 'RESOLVED' and i.tournament_no is not null
    ) failing
    where r.scope = 'TOURNAMENT'
  )
  select (s.rule).id, e.entity_type, s.tournament_no,
    case when f.runs > 0 then case (s.rule).metric when 'success_rate' then f.success_rate else k.failures end end,
    f.runs,
    case when (s.rule).metric = 'consecutive_failures' then coalesce(e.alert_threshold_failures, (s.rule).threshold)
      else (s.rule).threshold end,
    coalesce(e.notification_channels, (s.rule).notification_channels),
    k.last_failed, k.execution_id, k.fingerprint,
    jsonb_build_object('tournament', t.name, 'error', k.error)
  from scope s
  join public.sync_status e on e.entity_type = (s.rule).entity_type and e.is_active and e.paused_at is null
  left join public.tournaments t on t.no = s.tournament_no
  cross join lateral (
    select count(*) as runs, avg(o.success::integer) as success_rate from public.sync_tournament_results o
    where o.tournament_no = s.tournament_no and o.entity_type = e.entity_type
      and o.created_at > as_of - (s.rule).evaluation_window and o.created_at <= as_of
  ) f
  cross join lateral private.failure_streak(e.entity_type, s.tournament_no, as_of) k;
$$;
comment on function private.measure_tournaments(public.alert_rules[], timestamptz) is
  'The values of the rules on each tournament: failures in a row, at most 100, or the success rate; null without a result in the window.';

create function private.measure_shared_failure(rule public.alert_rules, as_of timestamptz) returns setof private.alert_value
language sql stable rows 1 set search_path = '' as $$
  with latest as materialized (
    select distinct on (t.tournament_no) t.*
    from public.sync_status e
    join public.sync_execution_history h
      on h.entity_type = e.entity_type and h.execution_start > as_of - rule.evaluation_window and h.execution_start <= as_of
    join public.sync_tournament_results t on t.sync_execution_id = h.id
    where e.is_active and e.paused_at is null and rule.entity_type in ('all', e.entity_type)
    order by t.tournament_no, t.created_at desc, t.id
  ),
  largest as (
    select error_fingerprint, count(*) as failed, max(error_message) as error, min(created_at) as since,
      (array_agg(sync_execution_id order by created_at desc, id))[1] as execution_id
    from latest where not success and error_fingerprint is not null
    group by error_fingerprint order by failed desc, error_fingerprint limit 1
  )
  select rule.id, rule.entity_type, null::varchar, case when n.tournaments > 0 then coalesce(l.failed, 0) end,
    n.tournaments, rule.threshold, rule.notification_channels, l.since, l.execution_id, l.error_fingerprint,
    case when l.failed is null then '{}' else jsonb_build_object('error', l.error, 'tournaments', l.failed, 'of', n.tournaments) end
  from (select count(*) as tournaments from latest) n left join largest l on true;
$$;
comment on function private.measure_shared_failure(public.alert_rules, timestamptz) is
  'The most tournaments whose last result in the window failed with the same fingerprint, and their first failure; null without a result.';

create function private.measure_system(rules public.alert_rules[], as_of timestamptz) returns setof private.alert_value
language sql stable rows 10 set search_path = '' as $$
  with rule as (select r.* from unnest(rules) r where r.entity_type = 'system'),
  evaluation as (
    select max(evaluated_at) as last_at from public.alert_evaluations where evaluated_at <= as_of
  ),
  queue as (
    select min(greatest(j.enqueued_at, j.not_before)) as waiting_since, count(*) as jobs
    from public.sync_jobs j join public.sync_status e on e.entity_type = j.entity_type and e.paused_at is null
    where j.status = 'QUEUED' and j.not_before <= as_of
  ),
  undelivered as (
    -- States that an attempt did not deliver, and those given up while their incident is live. A state that waits for a limit is neither.
    select r.id as rule_id, n.channel, count(*) as notifications, min(coalesce(n.first_failed_at, n.created_at)) as since
    from rule r cross join public.alert_notifications n join public.notification_channels c on c.name = n.channel and c.is_active
    join public.alert_incidents i on i.id = n.incident_id
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
  select r.id, r.entity_type, null::varchar,
    case r.metric
      when 'processor_late' then extract(epoch from as_of - e.last_at)
      when 'undelivered_age' then coalesce(extract(epoch from as_of - u.since), 0)
      when 'queue_age' then coalesce(extract(epoch from as_of - q.waiting_since), 0)
    end,
    0::bigint, r.threshold,
    -- A rule about undelivered notifications notifies the channels without such notifications.
    case when u.rule_id is null then r.notification_channels else (
      select coalesce(jsonb_agg(c.name order by c.name), r.notification_channels) from public.notification_channels c
      where c.is_active and not u.channels ? c.name
    ) end,
    case r.metric
      when 'processor_late' then e.last_at + make_interval(secs => r.threshold::double precision)
      when 'queue_age' then q.waiting_since + make_interval(secs => r.threshold::double precision)
      else u.since + make_interval(secs => r.threshold::double precision)
    end,
    null::uuid, null::varchar,
    case when u.rule_id is not null then jsonb_build_object('channels', u.channels)
      when r.metric = 'queue_age' then jsonb_build_object('waiting', q.jobs) else '{}' end
  from rule r cross join evaluation e cross join queue q left join undelivered_total u on u.rule_id = r.id;
$$;
comment on function private.measure_system(public.alert_rules[], timestamptz) is
  'The values of the system rules: seconds since the last evaluation, longest wait, and age of the oldest undelivered state.';

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
  'The due times, of at most 200 and outside pauses, whose full run started late after gap_start, without those that the live incident reports.';

create function private.live_incident_json(incident public.alert_incidents) returns jsonb
language sql stable set search_path = '' as $$
  select to_jsonb(incident) || jsonb_build_object(
    'attempted_channels', (
      -- A channel that was deleted and created again has no destination yet.
      select coalesce(jsonb_agg(distinct n.channel), '[]') from public.alert_notifications n
      where n.incident_id = incident.id and n.destination_id is not null),
    'parent', (
      select jsonb_build_object(
        'rule_id', p.rule_id, 'rule_name', p.rule_name, 'entity_type', p.entity_type, 'tournament_no', p.tournament_no
      )
      from public.alert_incidents p where p.id = incident.parent_id
    )
  );
$$;
comment on function private.live_incident_json(public.alert_incidents) is 'A live incident for the evaluator.';

create function private.active_channels(names jsonb) returns jsonb
language sql stable set search_path = '' as $$
  select coalesce(jsonb_agg(c.name order by c.name), '[]') from public.notification_channels c where c.is_active and names ? c.name;
$$;
comment on function private.active_channels(jsonb) is 'Those of the named channels that exist and are active.';

create function private.measure_rules(rules public.alert_rules[], as_of timestamptz) returns jsonb
language sql stable set search_path = '' as $$
  with measured as (
    select * from private.measure_entities(rules, as_of)
    union all select * from private.measure_tournaments(rules, as_of)
    union all
    select m.* from unnest(rules) r cross join lateral private.measure_shared_failure(r, as_of) m where r.metric = 'shared_failure'
    union all select * from private.measure_system(rules, as_of)
  ),
  evaluation as (
    -- Five minutes or more without an evaluation are a gap; a shorter pause is a cron tick that was late or lost.
    select max(evaluated_at) as last_at, max(evaluated_since) as evaluated_since,
      max(evaluated_at) <= as_of - interval '5 minutes' as is_gap
    from (select * from public.alert_evaluations where evaluated_at <= as_of order by evaluated_at desc, id desc limit 1) last
  ),
  silence as materialized (select s.* from public.alert_silences s where private.is_silencing(s, as_of)),
  measurement as (
    select r.name, m.tournament_no, jsonb_build_object(
      'rule_id', r.id, 'rule_name', r.name, 'metric', r.metric, 'severity', r.severity, 'runbook_url', r.runbook_url,
      'entity_type', r.entity_type, 'tournament_no', m.tournament_no,
      'threshold', m.threshold, 'recovery_threshold', r.recovery_threshold, 'minimum_runs', r.minimum_runs, 'no_data', r.no_data,
      'for_ms', extract(epoch from r.for_duration) * 1000,
      'escalation_ms', extract(epoch from r.escalation_delay) * 1000, 'escalation_channels', (
        select coalesce(jsonb_agg(private.active_channels(step.channels) order by step.no), '[]')
        from jsonb_array_elements(r.escalation_channels) with ordinality step (channels, no)),
      'repeat_ms', extract(epoch from r.repeat_interval) * 1000, 'flap_ms', extract(epoch from f.flap_window) * 1000,
      'channels', private.active_channels(m.channels), 'value', m.value, 'runs', coalesce(m.runs, 0), 'since', m.since,
      'execution_id', m.execution_id, 'fingerprint', m.fingerprint, 'evidence', m.evidence,
      'silenced_by', (
        select s.id from silence s
        where (s.entity_type is null or s.entity_type = r.entity_type) and (s.rule_id is null or s.rule_id = r.id)
          and (s.severity is null or s.severity = coalesce(i.severity, r.severity))
          and (s.tournament_no is null or s.tournament_no = m.tournament_no)
        order by s.ends_at desc limit 1),
      'missed', case
        when e.is_gap and r.metric = 'sync_overdue' and r.entity_type <> 'all'
        then private.missed_runs(r.entity_type, e.last_at, i.began_at, as_of)
        else '[]' end,
      -- Incidents of missed runs do not count.
      'resolved_recently', (
        select count(*) from public.alert_incidents a
        where i.id is null and a.rule_id = r.id and a.entity_type = r.entity_type and a.missed_due_at is null
          and a.tournament_no is not distinct from m.tournament_no and a.resolved_at > as_of - f.flap_window),
      'incident', case when i.id is not null then private.live_incident_json(i) end
    ) as fields
    from evaluation e cross join measured m join unnest(rules) r on r.id = m.rule_id
    left join public.alert_incidents i on i.rule_id = r.id and i.entity_type = r.entity_type
      and coalesce(i.tournament_no, '') = coalesce(m.tournament_no, '') and i.state <> 'RESOLVED'
    cross join lateral (select greatest(interval '1 hour', least(4 * r.evaluation_window, interval '1 day')) as flap_window) f
  )
  select jsonb_build_object(
    'as_of', as_of,
    'evaluated_since', (select case when e.is_gap then as_of else e.evaluated_since end from evaluation e),
    'measurements', (select coalesce(jsonb_agg(m.fields order by m.name, m.tournament_no), '[]') from measurement m)
  );
$$;
comment on function private.measure_rules(public.alert_rules[], timestamptz) is
  'The values of the given rules in each of their scopes, with thresholds, silences and live incidents.';

create function public.measure_alert_rules(as_of timestamptz default now()) returns jsonb
language sql stable set search_path = '' as $$
  select private.measure_rules((select coalesce(array_agg(r), '{}') from public.alert_rules r where r.is_active), as_of);
$$;
comment on function public.measure_alert_rules(timestamptz) is
  'The value of each active rule in each of its scopes, with threshold, silence and live incident; a null value is no data.';
