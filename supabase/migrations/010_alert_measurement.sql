-- What every rule measures, in one snapshot: entities over their runs, single tournaments, what tournaments share, and the monitoring itself.

create type private.alert_value as (
  rule_id uuid,
  entity_type varchar,
  tournament_no varchar,
  value numeric,
  runs bigint,
  limit_now numeric,
  channels jsonb,
  since timestamptz,
  execution_id uuid,
  fingerprint varchar,
  evidence jsonb
);
comment on type private.alert_value is
  'What a rule measures of one scope: since when it may have held, the run that shows it, and the fingerprint of that run''s failure.';

create function private.run_fingerprint(p_execution_id uuid) returns text
language sql stable set search_path = '' as $$
  select coalesce(
    (select r.error_fingerprint from public.sync_tournament_results r
     where r.sync_execution_id = p_execution_id and r.error_fingerprint is not null
     group by 1 order by count(*) desc, 1 limit 1),
    (select l.fingerprint from public.sync_error_log l where l.sync_execution_id = p_execution_id group by 1 order by count(*) desc, 1 limit 1)
  );
$$;
comment on function private.run_fingerprint(uuid) is 'The most frequent failure of a run; null when nothing in it failed.';

create function private.records_collapse(p_entity_type text, as_of timestamptz) returns numeric
language sql stable set search_path = '' as $$
  -- How far the last full run's yield lies under the median of the twenty before it; nothing was due when it asked for nothing.
  with recent as (
    select h.records_read, h.api_calls, row_number() over (order by h.execution_start desc) as age
    from public.sync_execution_history h
    where h.entity_type = p_entity_type and h.tournament_no is null and h.status = 'SUCCEEDED' and h.api_calls > 0
      and h.execution_start <= as_of
    order by h.execution_start desc limit 21
  ),
  usual as (
    select percentile_cont(0.5) within group (order by records_read::double precision / api_calls) as yield, count(*) as runs
    from recent where age > 1
  )
  select case when usual.runs >= 5 and usual.yield > 0
    then greatest(0, 1 - (recent.records_read::numeric / recent.api_calls) / usual.yield::numeric) end
  from recent, usual where recent.age = 1;
$$;
comment on function private.records_collapse(text, timestamptz) is
  '0 to 1: how far the records per request of the last full run lie under their median over the twenty before; null under five.';

create function private.measure_entities(rules public.alert_rules[], as_of timestamptz) returns setof private.alert_value
language sql stable set search_path = '' as $$
  -- Materialized: an array of rules looks like one row to the planner, which would do each part again for every rule.
  with rule as (
    select r.* from unnest(rules) r where r.scope = 'ENTITY' and r.entity_type <> 'system' and r.metric <> 'shared_failure'
  ),
  scope as (
    select distinct r.entity_type, r.evaluation_window from rule r
  ),
  member as (
    select s.entity_type as scope, e.entity_type, s.evaluation_window
    from scope s join public.sync_status e
      on e.is_active and e.paused_at is null and (s.entity_type = 'all' or e.entity_type = s.entity_type)
  ),
  run as (
    select m.scope, m.evaluation_window, h.id, h.entity_type, h.status, h.memory_usage_mb, h.cache_hits, h.cache_misses, h.api_calls,
      h.api_response_ms_total, h.execution_start,
      h.success_weight as weight,
      extract(epoch from coalesce(h.execution_end, as_of) - h.execution_start) as seconds,
      case when h.status = 'RUNNING' then extract(epoch from as_of - h.heartbeat_at) end as silent_seconds
    from member m join public.sync_execution_history h on h.entity_type = m.entity_type
    where h.tournament_no is null and h.execution_start <= as_of
      and (h.execution_start > as_of - m.evaluation_window or (h.status = 'RUNNING'))
  ),
  figures as materialized (
    select scope, evaluation_window, count(weight) as runs, avg(weight) as success_rate, max(seconds) filter (where status <> 'SKIPPED') as seconds,
      max(memory_usage_mb) as memory_mb, max(silent_seconds) as silent_seconds,
      sum(cache_hits)::numeric / nullif(sum(cache_hits + cache_misses), 0) as cache_hit_ratio,
      sum(api_response_ms_total)::numeric / nullif(sum(api_calls), 0) as api_response_ms,
      (array_agg(id order by seconds desc, id) filter (where status <> 'SKIPPED'))[1] as slowest_run,
      (array_agg(id order by silent_seconds desc, id) filter (where silent_seconds is not null))[1] as quietest_run,
      (array_agg(id order by memory_usage_mb desc, id) filter (where memory_usage_mb is not null))[1] as heaviest_run,
      (array_agg(id order by execution_start desc, id) filter (where weight < 1))[1] as latest_bad_run
    from run group by scope, evaluation_window
  ),
  by_entity as materialized (
    select scope, evaluation_window, jsonb_object_agg(entity_type, jsonb_build_object('runs', runs, 'success_rate', round(rate, 4),
      'slowest_s', round(seconds, 1), 'memory_mb', memory_mb)) as entities
    from (
      select scope, evaluation_window, entity_type, count(weight) as runs, avg(weight) as rate, max(seconds) as seconds, max(memory_usage_mb) as memory_mb
      from run where scope = 'all' group by scope, evaluation_window, entity_type
    ) each group by scope, evaluation_window
  ),
  entity as materialized (
    select m.scope, m.evaluation_window, max(e.consecutive_failures) as consecutive_failures,
      min(private.overdue_since(e, as_of)) as overdue_since,
      min(e.alert_threshold_failures) filter (where m.scope <> 'all') as failure_threshold,
      (array_agg(e.notification_channels) filter (where m.scope <> 'all'))[1] as channels
    from member m join public.sync_status e on e.entity_type = m.entity_type
    group by m.scope, m.evaluation_window
  ),
  pointed as materialized (
    select r.id as rule_id, case
      when r.metric = 'duration_exceeded' then f.slowest_run
      when r.metric = 'stuck_execution' then f.quietest_run
      when r.metric = 'memory_usage' then f.heaviest_run
      when r.metric in ('success_rate', 'consecutive_failures', 'error_rate') then f.latest_bad_run
    end as execution_id
    from rule r join figures f on f.scope = r.entity_type and f.evaluation_window = r.evaluation_window
  ),
  cause as materialized (
    select execution_id, private.run_fingerprint(execution_id) as fingerprint
    from (select distinct execution_id from pointed where execution_id is not null) p
  )
  select r.id, r.entity_type, null::varchar,
    case r.metric
      when 'success_rate' then f.success_rate
      when 'consecutive_failures' then n.consecutive_failures
      when 'duration_exceeded' then f.seconds
      when 'memory_usage' then f.memory_mb
      when 'sync_overdue' then case when n.scope is not null then coalesce(extract(epoch from as_of - n.overdue_since), 0) end
      when 'cache_hit_ratio' then f.cache_hit_ratio
      when 'api_response_time' then f.api_response_ms
      when 'stuck_execution' then case when n.scope is not null then coalesce(f.silent_seconds, 0) end
      when 'error_rate' then (
        select count(*)::numeric / nullif(f.runs, 0) from public.sync_error_log l join member m on m.entity_type = l.entity_type
        where m.scope = r.entity_type and m.evaluation_window = r.evaluation_window and l.occurred_at > as_of - r.evaluation_window
          and l.occurred_at <= as_of and (r.error_type is null or l.error_type = r.error_type)
      )
      when 'records_collapse' then private.records_collapse(r.entity_type, as_of)
    end,
    f.runs,
    case when r.metric = 'consecutive_failures' then coalesce(n.failure_threshold, r.threshold) else r.threshold end,
    coalesce(n.channels, r.notification_channels),
    case
      when r.metric = 'sync_overdue' then n.overdue_since
      when r.metric = 'duration_exceeded' then x.execution_start + make_interval(secs => r.threshold::double precision)
      when r.metric = 'stuck_execution' then x.heartbeat_at + make_interval(secs => r.threshold::double precision)
      else x.execution_end
    end,
    p.execution_id, c.fingerprint,
    case when b.entities is null then '{}' else jsonb_build_object('by_entity', b.entities) end
  from rule r
  left join figures f on f.scope = r.entity_type and f.evaluation_window = r.evaluation_window
  left join entity n on n.scope = r.entity_type and n.evaluation_window = r.evaluation_window
  left join by_entity b on b.scope = r.entity_type and b.evaluation_window = r.evaluation_window
  left join pointed p on p.rule_id = r.id
  left join cause c on c.execution_id = p.execution_id
  left join public.sync_execution_history x on x.id = p.execution_id;
$$;
comment on function private.measure_entities(public.alert_rules[], timestamptz) is
  'The rules over an entity''s full runs, or over those of all. Seconds, MiB, ms, ratios 0 to 1, errors a run; null is no data.';

create function private.measure_tournaments(rules public.alert_rules[], as_of timestamptz) returns setof private.alert_value
language sql stable set search_path = '' as $$
  with rule as (
    select r.* from unnest(rules) r where r.scope = 'TOURNAMENT'
  ),
  suspect as (
    -- Whatever did not fail and has no live incident is well, and need not be measured.
    select r.id as rule_id, t.tournament_no from rule r join public.sync_tournament_results t
      on t.entity_type = r.entity_type and not t.success and t.created_at > as_of - r.evaluation_window and t.created_at <= as_of
    union
    select r.id, i.tournament_no from rule r join public.alert_incidents i on i.rule_id = r.id and i.state <> 'RESOLVED'
    where i.tournament_no is not null
  )
  select r.id, r.entity_type, s.tournament_no,
    case when f.runs > 0 then case r.metric when 'success_rate' then f.success_rate else k.streak end end,
    f.runs,
    case when r.metric = 'consecutive_failures' then coalesce(e.alert_threshold_failures, r.threshold) else r.threshold end,
    coalesce(e.notification_channels, r.notification_channels),
    k.last_failed, k.execution_id, k.fingerprint,
    jsonb_build_object('tournament', t.name, 'error', k.error)
  from rule r
  join suspect s on s.rule_id = r.id
  join public.sync_status e on e.entity_type = r.entity_type and e.is_active and e.paused_at is null
  left join public.tournaments t on t.no = s.tournament_no
  cross join lateral (
    select count(*) as runs, avg(o.success::integer) as success_rate from public.sync_tournament_results o
    where o.tournament_no = s.tournament_no and o.entity_type = r.entity_type
      and o.created_at > as_of - r.evaluation_window and o.created_at <= as_of
  ) f
  cross join lateral (
    select count(*) as streak, max(o.created_at) as last_failed,
      (array_agg(o.sync_execution_id order by o.created_at desc))[1] as execution_id,
      (array_agg(o.error_fingerprint order by o.created_at desc))[1] as fingerprint,
      (array_agg(o.error_message order by o.created_at desc))[1] as error
    from (
      select l.*, count(*) filter (where l.success) over (order by l.created_at desc) as successes_since
      from (
        select * from public.sync_tournament_results l
        where l.tournament_no = s.tournament_no and l.entity_type = r.entity_type and l.created_at <= as_of
        order by l.created_at desc limit 100
      ) l
    ) o where o.successes_since = 0
  ) k;
$$;
comment on function private.measure_tournaments(public.alert_rules[], timestamptz) is
  'The rules over each tournament: failures in a row (counted up to 100), or the success rate in the window; null without a result in the window.';

create function private.measure_shared_failures(rules public.alert_rules[], as_of timestamptz) returns setof private.alert_value
language sql stable set search_path = '' as $$
  with rule as (
    select r.* from unnest(rules) r where r.metric = 'shared_failure'
  ),
  latest as (
    select distinct on (r.id, t.tournament_no) r.id as rule_id, t.*
    from rule r
    join public.sync_status e on e.is_active and e.paused_at is null and r.entity_type in ('all', e.entity_type)
    join public.sync_execution_history h
      on h.entity_type = e.entity_type and h.execution_start > as_of - r.evaluation_window and h.execution_start <= as_of
    join public.sync_tournament_results t on t.sync_execution_id = h.id
    order by r.id, t.tournament_no, t.created_at desc, t.id
  ),
  cause as (
    select rule_id, error_fingerprint, count(*) as tournaments, max(error_message) as error, min(created_at) as since,
      (array_agg(sync_execution_id order by created_at desc, id))[1] as execution_id
    from latest where not success and error_fingerprint is not null group by rule_id, error_fingerprint
  ),
  most as (
    select distinct on (rule_id) * from cause order by rule_id, tournaments desc, error_fingerprint
  )
  select r.id, r.entity_type, null::varchar, case when a.tournaments > 0 then coalesce(m.tournaments, 0) end, a.tournaments, r.threshold,
    r.notification_channels, m.since, m.execution_id, m.error_fingerprint,
    case when m.rule_id is null then '{}' else jsonb_build_object('error', m.error, 'tournaments', m.tournaments, 'of', a.tournaments) end
  from rule r
  cross join lateral (select count(*) as tournaments from latest l where l.rule_id = r.id) a
  left join most m on m.rule_id = r.id;
$$;
comment on function private.measure_shared_failures(public.alert_rules[], timestamptz) is
  'The most tournaments whose last result in the window failed with one and the same fingerprint; null without any result.';

create function private.measure_system(rules public.alert_rules[], as_of timestamptz) returns setof private.alert_value
language sql stable set search_path = '' as $$
  with rule as (
    select r.* from unnest(rules) r where r.entity_type = 'system'
  ),
  evaluation as (
    select max(evaluated_at) as last_at from public.alert_evaluations where evaluated_at <= as_of
  ),
  queue as (
    select min(greatest(j.enqueued_at, j.not_before)) as waits_since, count(*) as jobs
    from public.sync_jobs j join public.sync_status e on e.entity_type = j.entity_type and e.paused_at is null
    where j.status = 'QUEUED' and j.not_before <= as_of
  ),
  undelivered as (
    select r.id as rule_id, n.channel, count(*) as notifications, min(n.created_at) as since
    from rule r join public.alert_notifications n
      on n.created_at > as_of - r.evaluation_window and (n.status = 'DEAD' or (n.status <> 'SENT' and n.attempts >= 4))
    where r.metric = 'dead_notifications' and n.items -> 0 ->> 'metric' is distinct from 'test'
    group by r.id, n.channel
  ),
  undelivered_total as (
    select rule_id, sum(notifications) as notifications, min(since) as since, jsonb_object_agg(channel, notifications) as channels
    from undelivered group by rule_id
  )
  select r.id, r.entity_type, null::varchar,
    case r.metric
      when 'processor_late' then extract(epoch from as_of - e.last_at)
      when 'dead_notifications' then coalesce(u.notifications, 0)
      when 'queue_age' then coalesce(extract(epoch from as_of - q.waits_since), 0)
    end,
    0::bigint, r.threshold,
    -- A channel that keeps failing is reported on the others.
    case when u.rule_id is null then r.notification_channels else (
      select coalesce(jsonb_agg(c.name order by c.name), r.notification_channels) from public.notification_channels c
      where c.is_active and not u.channels ? c.name
    ) end,
    case r.metric
      when 'processor_late' then e.last_at + make_interval(secs => r.threshold::double precision)
      when 'queue_age' then q.waits_since + make_interval(secs => r.threshold::double precision)
      else u.since
    end,
    null::uuid, null::varchar,
    case
      when u.rule_id is not null then jsonb_build_object('channels', u.channels)
      when r.metric = 'queue_age' then jsonb_build_object('waiting', q.jobs)
      else '{}'
    end
  from rule r cross join evaluation e cross join queue q left join undelivered_total u on u.rule_id = r.id;
$$;
comment on function private.measure_system(public.alert_rules[], timestamptz) is
  'The rules on the monitoring itself: seconds between the last evaluation and this one, the longest wait in the queue, notifications that died or keep failing.';

create function private.missed_runs(entity public.sync_status, unwatched_since timestamptz, as_of timestamptz) returns jsonb
language sql stable set search_path = '' as $$
  select coalesce(jsonb_agg(jsonb_build_object('due_at', due.at, 'overdue_at', due.at + entity.grace, 'started_at', late.began) order by due.at), '[]')
  from (
    select private.last_due(entity.schedule_anchor, entity.sync_frequency, unwatched_since - entity.grace) + step * entity.sync_frequency as at
    from generate_series(1, 200) step
  ) due
  cross join lateral (
    select min(h.execution_start) as began, bool_or(h.execution_start <= due.at + entity.grace) as is_punctual
    from public.sync_execution_history h
    where h.entity_type = entity.entity_type and h.tournament_no is null and h.execution_start >= due.at and h.execution_start <= as_of
  ) late
  where due.at + entity.grace <= as_of and due.at > entity.created_at and late.began is not null and not late.is_punctual;
$$;
comment on function private.missed_runs(public.sync_status, timestamptz, timestamptz) is
  'Due times whose grace ended after unwatched_since without a run, which a later run has made good; at most 200 due times are looked at.';

create function private.measure_rules(rules public.alert_rules[], as_of timestamptz) returns jsonb
language sql stable set search_path = '' as $$
  with rule as (
    select r.* from unnest(rules) r
  ),
  measured as (
    select * from private.measure_entities(rules, as_of)
    union all select * from private.measure_tournaments(rules, as_of)
    union all select * from private.measure_shared_failures(rules, as_of)
    union all select * from private.measure_system(rules, as_of)
  ),
  evaluation as (
    -- A cron tick may be late or lost; five minutes without one is a gap in which nobody looked.
    select max(evaluated_at) as last_at, max(evaluated_since) as evaluated_since, max(evaluated_at) <= as_of - interval '5 minutes' as is_gap
    from (select * from public.alert_evaluations where evaluated_at <= as_of order by evaluated_at desc, id desc limit 1) last
  )
  select jsonb_build_object(
    'as_of', as_of,
    'evaluated_since', case when e.is_gap then as_of else e.evaluated_since end,
    'measurements', coalesce(jsonb_agg(
      jsonb_build_object(
        'rule_id', r.id, 'rule_name', r.name, 'metric', r.metric, 'entity_type', r.entity_type, 'tournament_no', m.tournament_no,
        'severity', r.severity, 'threshold', m.limit_now, 'recovery_threshold', r.recovery_threshold, 'minimum_runs', r.minimum_runs,
        'no_data', r.no_data, 'for_ms', extract(epoch from r.for_duration) * 1000, 'escalation_ms', extract(epoch from r.escalation_delay) * 1000,
        'escalation_channels', r.escalation_channels, 'repeat_ms', extract(epoch from r.repeat_interval) * 1000,
        'flap_ms', extract(epoch from greatest(interval '1 hour', least(4 * r.evaluation_window, interval '1 day'))) * 1000,
        'channels', m.channels, 'runbook_url', r.runbook_url, 'value', m.value, 'runs', coalesce(m.runs, 0), 'since', m.since,
        'execution_id', m.execution_id, 'fingerprint', m.fingerprint, 'evidence', m.evidence,
        'silenced_by', (
          select s.id from public.alert_silences s
          where private.is_silencing(s, as_of) and (s.entity_type is null or s.entity_type = r.entity_type)
            and (s.rule_id is null or s.rule_id = r.id) and (s.severity is null or s.severity = coalesce(i.severity, r.severity))
            and (s.tournament_no is null or s.tournament_no = m.tournament_no)
          order by s.ends_at desc limit 1
        ),
        'missed', case when e.is_gap and r.metric = 'sync_overdue' and r.entity_type <> 'all' then (
          -- What a live incident told of lasts until the first run after it began: those due times are not missed once more.
          select private.missed_runs(s, greatest(e.last_at, (
            select min(h.execution_start) from public.sync_execution_history h
            where h.entity_type = s.entity_type and h.tournament_no is null and h.execution_start >= i.began_at)), as_of)
          from public.sync_status s where s.entity_type = r.entity_type
        ) else jsonb_build_array() end
      ) || jsonb_build_object(
        'resolved_recently', case when i.id is null then (
          select count(*) from public.alert_incidents o
          where o.rule_id = r.id and o.entity_type = r.entity_type and o.tournament_no is not distinct from m.tournament_no
            and o.missed_due_at is null
            and o.resolved_at > as_of - greatest(interval '1 hour', least(4 * r.evaluation_window, interval '1 day'))
        ) else 0 end,
        'incident', case when i.id is not null then jsonb_build_object('id', i.id, 'version', i.version, 'state', i.state,
          'severity', i.severity, 'opened_at', i.opened_at, 'began_at', i.began_at, 'fired_at', i.fired_at, 'escalated_at', i.escalated_at,
          'escalation_step', i.escalation_step, 'acknowledged_until', i.acknowledged_until, 'notified_at', i.notified_at,
          'last_notified_at', i.last_notified_at, 'notified_channels', (
            -- Those that could not be told too: they are not tried again each minute.
            select coalesce(jsonb_agg(distinct n.channel), '[]') from public.alert_notifications n
            where n.items @> jsonb_build_array(jsonb_build_object('incident_id', i.id))),
          'is_flapping', i.is_flapping, 'recovered_at', i.recovered_at,
          'parent', case when u.id is not null then jsonb_build_object('rule_id', u.rule_id, 'rule_name', u.rule_name,
            'entity_type', u.entity_type, 'tournament_no', u.tournament_no) end
        ) end
      ) order by r.name, m.tournament_no) filter (where m.rule_id is not null), '[]')
  )
  from evaluation e
  left join measured m on true
  left join rule r on r.id = m.rule_id
  left join public.alert_incidents i on i.rule_id = r.id and i.entity_type = r.entity_type
    and coalesce(i.tournament_no, '') = coalesce(m.tournament_no, '') and i.state <> 'RESOLVED'
  left join public.alert_incidents u on u.id = i.parent_id
  group by e.is_gap, e.evaluated_since;
$$;
comment on function private.measure_rules(public.alert_rules[], timestamptz) is
  'What the given rules measure with their limits and live incidents, in one snapshot.';

create function public.measure_alert_rules(as_of timestamptz default now()) returns jsonb
language sql stable set search_path = '' as $$
  select private.measure_rules((select coalesce(array_agg(r), '{}') from public.alert_rules r where r.is_active), as_of);
$$;
comment on function public.measure_alert_rules(timestamptz) is
  'Every active rule''s value for each of its scopes with its limits and its live incident, in one snapshot; null is no data.';

select private.secure_functions(
  'private.run_fingerprint', 'private.records_collapse', 'private.measure_entities', 'private.measure_tournaments',
  'private.measure_shared_failures', 'private.measure_system', 'private.missed_runs', 'private.measure_rules',
  'public.measure_alert_rules'
);
