-- Rules measured in one call, judged in TypeScript, applied by compare-and-set; notifications claimed by lease and recorded by token.
-- Past 300 lines, because an evaluation's measure, step and outbox are read together.

create function private.records_collapse(p_entity_type text, as_of timestamptz) returns numeric
language sql stable set search_path = ''
begin atomic
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
end;
comment on function private.records_collapse(text, timestamptz) is
  '0 to 1: how far the records per request of the last full run lie under their median over the twenty before; null under five.';

create function public.measure_alert_rules(as_of timestamptz default now()) returns jsonb
language sql stable set search_path = ''
begin atomic
  with rule as (
    select r.* from public.alert_rules r where r.is_active
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
      private.success_weight(h.status, h.tournaments_failed, h.tournaments_processed) as weight,
      extract(epoch from coalesce(h.execution_end, as_of) - h.execution_start) as seconds,
      case when h.status = 'RUNNING' then extract(epoch from as_of - h.heartbeat_at) end as silent_seconds
    from member m join public.sync_execution_history h on h.entity_type = m.entity_type
    where h.tournament_no is null and h.execution_start <= as_of
      and (h.execution_start > as_of - m.evaluation_window or (h.status = 'RUNNING'))
  ),
  figures as (
    select scope, evaluation_window, count(weight) as runs, avg(weight) as success_rate, max(seconds) filter (where status <> 'SKIPPED') as seconds,
      max(memory_usage_mb) as memory_mb, max(silent_seconds) as silent_seconds,
      sum(cache_hits)::numeric / nullif(sum(cache_hits + cache_misses), 0) as cache_hit_ratio,
      sum(api_response_ms_total)::numeric / nullif(sum(api_calls), 0) as api_response_ms,
      (array_agg(id order by seconds desc) filter (where status <> 'SKIPPED'))[1] as slowest_run,
      (array_agg(id order by execution_start desc) filter (where weight < 1))[1] as latest_bad_run
    from run group by scope, evaluation_window
  ),
  entity as (
    select m.scope, m.evaluation_window, max(e.consecutive_failures) as consecutive_failures,
      max(extract(epoch from as_of - private.overdue_since(e, as_of))) as overdue_seconds,
      min(e.alert_threshold_failures) filter (where m.scope <> 'all') as failure_threshold,
      (array_agg(e.notification_channels) filter (where m.scope <> 'all'))[1] as channels
    from member m join public.sync_status e on e.entity_type = m.entity_type
    group by m.scope, m.evaluation_window
  ),
  measured as (
    select r.*, f.runs, f.slowest_run, f.latest_bad_run,
      case when r.metric = 'consecutive_failures' then coalesce(n.failure_threshold, r.threshold) else r.threshold end as limit_now,
      coalesce(n.channels, r.notification_channels) as channels_now,
      case r.metric
        when 'success_rate' then f.success_rate
        when 'consecutive_failures' then n.consecutive_failures
        when 'duration_exceeded' then f.seconds
        when 'memory_usage' then f.memory_mb
        when 'sync_overdue' then case when n.scope is not null then coalesce(n.overdue_seconds, 0) end
        when 'cache_hit_ratio' then f.cache_hit_ratio
        when 'api_response_time' then f.api_response_ms
        when 'stuck_execution' then case when n.scope is not null then coalesce(f.silent_seconds, 0) end
        when 'error_rate' then (
          select count(*)::numeric / nullif(f.runs, 0) from public.sync_error_log l join member m on m.entity_type = l.entity_type
          where m.scope = r.entity_type and m.evaluation_window = r.evaluation_window and l.occurred_at > as_of - r.evaluation_window
            and l.occurred_at <= as_of and (r.error_type is null or l.error_type = r.error_type)
        )
        when 'records_collapse' then private.records_collapse(r.entity_type, as_of)
      end as value
    from rule r
    left join figures f on f.scope = r.entity_type and f.evaluation_window = r.evaluation_window
    left join entity n on n.scope = r.entity_type and n.evaluation_window = r.evaluation_window
  )
  select jsonb_build_object('as_of', as_of, 'measurements', coalesce(jsonb_agg(jsonb_build_object(
    'rule_id', m.id, 'rule_name', m.name, 'metric', m.metric, 'entity_type', m.entity_type, 'severity', m.severity,
    'threshold', m.limit_now, 'recovery_threshold', m.recovery_threshold, 'minimum_runs', m.minimum_runs, 'no_data', m.no_data,
    'for_ms', extract(epoch from m.for_duration) * 1000, 'escalation_ms', extract(epoch from m.escalation_delay) * 1000,
    'repeat_ms', extract(epoch from m.repeat_interval) * 1000, 'channels', m.channels_now, 'runbook_url', m.runbook_url,
    'silenced_by', (
      select s.id from public.alert_silences s
      where s.starts_at <= as_of and s.ends_at > as_of and (s.entity_type is null or s.entity_type = m.entity_type)
        and (s.rule_id is null or s.rule_id = m.id) and (s.severity is null or s.severity = m.severity)
      order by s.ends_at desc limit 1
    ),
    'value', m.value, 'runs', coalesce(m.runs, 0),
    'execution_id', case when m.metric in ('duration_exceeded', 'stuck_execution') then m.slowest_run else m.latest_bad_run end,
    'incident', (
      select jsonb_build_object('id', i.id, 'version', i.version, 'state', i.state, 'severity', i.severity, 'opened_at', i.opened_at,
        'fired_at', i.fired_at, 'escalated_at', i.escalated_at, 'acknowledged_until', i.acknowledged_until, 'told_at', i.told_at, 'last_told_at', i.last_told_at)
      from public.alert_incidents i
      where i.rule_id = m.id and i.entity_type = m.entity_type and i.state <> 'RESOLVED'
    )
  ) order by m.name), '[]'))
  from measured m;
end;
comment on function public.measure_alert_rules(timestamptz) is
  'Every active rule''s value with its limits and its live incident, in one snapshot; null is no data. Seconds, MiB, ms, ratios 0 to 1, errors a run.';

create function private.apply_alert_step(step jsonb, as_of timestamptz) returns public.alert_incidents
language plpgsql set search_path = '' as $$
declare
  incident public.alert_incidents;
  wanted constant public.alert_incidents := jsonb_populate_record(null::public.alert_incidents, step - 'evidence');
  to_state constant text := step ->> 'to_state';
  is_telling constant boolean := step ->> 'notify' is not null;
begin
  if step ->> 'incident_id' is null then
    insert into public.alert_incidents (rule_id, rule_name, metric, entity_type, state, severity, value, threshold, message, evidence,
      opened_at, fired_at, told_at, last_told_at, updated_at)
    values (wanted.rule_id, wanted.rule_name, wanted.metric, wanted.entity_type, to_state, wanted.severity, wanted.value, wanted.threshold,
      wanted.message, coalesce(step -> 'evidence', '{}'), as_of, case to_state when 'FIRING' then as_of end,
      case when is_telling then as_of end, case when is_telling then as_of end, as_of)
    on conflict (rule_id, entity_type) where state <> 'RESOLVED' do nothing
    returning * into incident;
  elsif to_state = 'GONE' then
    delete from public.alert_incidents
    where id = (step ->> 'incident_id')::uuid and version = wanted.version and state = 'PENDING'
    returning * into incident;
    return incident;
  else
    update public.alert_incidents i set
      state = to_state,
      severity = wanted.severity,
      value = wanted.value,
      message = wanted.message,
      evidence = coalesce(step -> 'evidence', i.evidence),
      fired_at = coalesce(i.fired_at, as_of),
      escalated_at = case when wanted.severity <> i.severity then as_of else i.escalated_at end,
      acknowledged_until = case when to_state = 'ACKNOWLEDGED' then i.acknowledged_until end,
      told_at = coalesce(i.told_at, case when is_telling then as_of end),
      last_told_at = case when is_telling then as_of else i.last_told_at end,
      resolved_at = case to_state when 'RESOLVED' then as_of end,
      version = i.version + 1,
      updated_at = as_of
    where i.id = (step ->> 'incident_id')::uuid and i.version = wanted.version and i.state <> 'RESOLVED'
    returning i.* into incident;
  end if;
  if incident.id is not null then
    insert into public.alert_events (incident_id, at, from_state, to_state, severity, reason)
    values (incident.id, as_of, step ->> 'from_state', to_state, wanted.severity, step ->> 'reason');
  end if;
  return incident;
end
$$;
comment on function private.apply_alert_step(jsonb, timestamptz) is
  'Opens, moves or resolves one incident, or removes a PENDING one, by compare-and-set on its version, with its event; null when it was too late.';

create function public.apply_alert_transitions(p jsonb, as_of timestamptz default now()) returns integer
language plpgsql set search_path = '' as $$
declare
  step record;
  incident public.alert_incidents;
  told jsonb := jsonb_build_array();
  applied integer := 0;
begin
  for step in
    select * from jsonb_to_recordset(p -> 'transitions') as t (
      incident_id uuid, version integer, rule_id uuid, rule_name text, metric text, entity_type text, from_state text, to_state text,
      severity text, value numeric, threshold numeric, message text, reason text, evidence jsonb, notify text, channels jsonb,
      runbook_url text
    )
  loop
    incident := private.apply_alert_step(to_jsonb(step), as_of);
    -- Null: another evaluator was quicker, and what it wrote stands.
    if incident.id is not null then
      applied := applied + 1;
      if step.notify is not null then
        told := told || jsonb_build_object('channels', step.channels, 'item', jsonb_build_object(
          'incident_id', incident.id, 'kind', step.notify, 'rule_name', step.rule_name, 'metric', step.metric,
          'entity_type', step.entity_type, 'severity', step.severity, 'message', incident.message, 'reason', step.reason,
          'opened_at', incident.opened_at, 'resolved_at', incident.resolved_at, 'runbook_url', step.runbook_url
        ));
      end if;
    end if;
  end loop;
  -- One message a channel for all that this evaluation has to tell. A channel nobody set up is not told, and that can be seen.
  insert into public.alert_notifications (channel, items, status, next_attempt_at, last_error, created_at)
  select c.name, jsonb_agg(t.entry -> 'item' order by t.position),
    case when h.name is null then 'DEAD' else 'PENDING' end,
    case when h.name is not null then as_of end,
    case when h.name is null then 'the channel is not set up or not active' end, as_of
  from jsonb_array_elements(told) with ordinality as t (entry, position)
  cross join jsonb_array_elements_text(t.entry -> 'channels') as c (name)
  left join public.notification_channels h on h.name = c.name and h.is_active
  group by c.name, h.name;
  insert into public.alert_evaluations (evaluated_at, cause, rules, applied)
  values (as_of, coalesce(p ->> 'cause', 'cron'), coalesce((p ->> 'rules')::integer, 0), applied);
  return applied;
end
$$;
comment on function public.apply_alert_transitions(jsonb, timestamptz) is
  'Applies {transitions}, each by compare-and-set with its event, and writes what is to be told into the outbox, all in one; how many were applied.';

create function public.claim_alert_notifications(p jsonb, as_of timestamptz default now()) returns jsonb
language sql set search_path = ''
begin atomic
  with due as (
    select n.id from public.alert_notifications n
    where (n.status = 'PENDING' and n.next_attempt_at <= as_of) or (n.status = 'SENDING' and n.lease_expires_at <= as_of)
    order by n.created_at limit (p ->> 'limit')::integer
    for update skip locked
  ),
  claimed as (
    update public.alert_notifications n set
      status = 'SENDING', token = gen_random_uuid(), lease_expires_at = as_of + interval '60 seconds', attempts = n.attempts + 1
    from due where n.id = due.id
    returning n.*
  )
  select coalesce(jsonb_agg(jsonb_build_object(
    'id', n.id, 'token', n.token, 'attempt', n.attempts, 'channel', n.channel, 'items', n.items, 'kind', c.kind, 'config', c.config,
    'secret', c.secret, 'previous_secret', c.previous_secret
  ) order by n.created_at, n.id), '[]')
  from claimed n left join public.notification_channels c on c.name = n.channel and c.is_active;
end;
comment on function public.claim_alert_notifications(jsonb, timestamptz) is
  'Takes up to {limit} notifications that are due, or whose sender''s lease lapsed, for a minute each; the id stays the same for every try.';

create function public.record_alert_delivery(p jsonb, as_of timestamptz default now()) returns boolean
language plpgsql set search_path = '' as $$
declare
  most_attempts constant integer := 8;
  notification public.alert_notifications;
  outcome text := p ->> 'outcome';
begin
  select * into notification from public.alert_notifications
  where id = (p ->> 'id')::uuid and token = (p ->> 'token')::uuid and status = 'SENDING' for update;
  if not found then
    return false;
  end if;
  if outcome = 'RETRY' and notification.attempts >= most_attempts then
    outcome := 'DEAD';
  end if;
  insert into public.alert_deliveries (notification_id, attempt, at, outcome, status_code, error, duration_ms)
  values (notification.id, notification.attempts, as_of, outcome, (p ->> 'status_code')::integer, left(p ->> 'error', 1000),
    coalesce((p ->> 'duration_ms')::numeric, 0)::integer);
  update public.alert_notifications set
    status = case outcome when 'RETRY' then 'PENDING' else outcome end,
    token = null,
    lease_expires_at = null,
    last_error = case when outcome <> 'SENT' then left(p ->> 'error', 1000) end,
    sent_at = case outcome when 'SENT' then as_of end,
    -- 10 s, 20 s, 40 s … an hour at most, a quarter of it jitter either way; never before the receiver's own Retry-After.
    next_attempt_at = case outcome when 'RETRY' then as_of + greatest(
      make_interval(secs => coalesce((p ->> 'retry_after_ms')::double precision, 0) / 1000),
      make_interval(secs => least(10 * 2 ^ (notification.attempts - 1), 3600) * (0.75 + random() / 2))
    ) end
  where id = notification.id;
  return true;
end
$$;
comment on function public.record_alert_delivery(jsonb, timestamptz) is
  'Records a try {id, token, outcome: SENT, RETRY or DEAD, status_code?, error?, retry_after_ms?, duration_ms}; the eighth RETRY is DEAD. False for a token that is no longer the one.';

create function public.list_alert_incidents(p jsonb) returns jsonb
language sql stable set search_path = ''
begin atomic
  select coalesce(jsonb_agg(to_jsonb(i) order by i.opened_at desc, i.id desc), '[]')
  from (
    select * from public.alert_incidents i
    where (p ->> 'state' is null or i.state = p ->> 'state')
      and (p ->> 'severity' is null or i.severity = p ->> 'severity')
      and (p ->> 'entity_type' is null or i.entity_type = p ->> 'entity_type')
      and (p ->> 'before_at' is null or (i.opened_at, i.id) < ((p ->> 'before_at')::timestamptz, (p ->> 'before_id')::uuid)
      )
    order by i.opened_at desc, i.id desc
    limit (p ->> 'limit')::integer
  ) i;
end;
comment on function public.list_alert_incidents(jsonb) is
  'Incidents, newest first, by {state?, severity?, entity_type?}, after the cursor {before_at, before_id}, at most {limit}.';

create function public.get_alert_incident(p jsonb) returns jsonb
language sql stable set search_path = ''
begin atomic
  select to_jsonb(i) || jsonb_build_object(
    'notifications', (
      select coalesce(jsonb_agg(jsonb_build_object('id', n.id, 'channel', n.channel, 'status', n.status, 'attempts', n.attempts,
        'created_at', n.created_at, 'sent_at', n.sent_at, 'last_error', n.last_error, 'kind', t.item ->> 'kind',
        'deliveries', (select coalesce(jsonb_agg(to_jsonb(d) - 'id' - 'notification_id' order by d.id), '[]')
          from public.alert_deliveries d where d.notification_id = n.id)) order by n.created_at, n.channel), '[]')
      from public.alert_notifications n cross join jsonb_array_elements(n.items) as t (item)
      where n.items @> jsonb_build_array(jsonb_build_object('incident_id', i.id)) and t.item ->> 'incident_id' = i.id::text
    ),
    'events', (select coalesce(jsonb_agg(to_jsonb(e) - 'id' - 'incident_id' order by e.id), '[]') from public.alert_events e where e.incident_id = i.id),
    'downtime_ms', extract(epoch from coalesce(i.resolved_at, now()) - i.opened_at) * 1000
  )
  from public.alert_incidents i where i.id = (p ->> 'id')::uuid;
end;
comment on function public.get_alert_incident(jsonb) is 'One incident {id} with its story; null when there is none.';

create or replace function private.active_alerts() returns jsonb
language sql stable set search_path = ''
return (
  select coalesce(jsonb_agg(jsonb_build_object('id', i.id, 'name', i.rule_name, 'entity_type', i.entity_type, 'severity', i.severity,
    'state', i.state, 'opened_at', i.opened_at, 'message', i.message) order by i.opened_at, i.id), '[]')
  from public.alert_incidents i where i.state in ('FIRING', 'ACKNOWLEDGED')
);

create or replace function public.schema_version() returns integer
language sql immutable set search_path = ''
return 10;

revoke execute on function private.records_collapse(text, timestamptz),
  public.measure_alert_rules(timestamptz), public.apply_alert_transitions(jsonb, timestamptz), public.list_alert_incidents(jsonb),
  private.apply_alert_step(jsonb, timestamptz), public.claim_alert_notifications(jsonb, timestamptz),
  public.record_alert_delivery(jsonb, timestamptz),
  public.get_alert_incident(jsonb)
from public, anon, authenticated;
grant execute on function private.records_collapse(text, timestamptz),
  public.measure_alert_rules(timestamptz), public.apply_alert_transitions(jsonb, timestamptz), public.list_alert_incidents(jsonb),
  private.apply_alert_step(jsonb, timestamptz), public.claim_alert_notifications(jsonb, timestamptz),
  public.record_alert_delivery(jsonb, timestamptz),
  public.get_alert_incident(jsonb)
to service_role;
