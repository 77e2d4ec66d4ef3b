-- Rules, the incidents they raise, and the story of each. Measured here in one call, judged in TypeScript, applied here by compare-and-set.

alter table public.alert_rules
  add column minimum_runs integer not null default 1,
  add column for_duration interval not null default '0',
  add column recovery_threshold numeric,
  add column error_type varchar,
  add column no_data varchar not null default 'KEEP',
  add column runbook_url varchar,
  add constraint alert_rules_metric_is_known check (metric in (
    'success_rate', 'consecutive_failures', 'duration_exceeded', 'memory_usage', 'sync_overdue', 'error_rate', 'records_collapse',
    'cache_hit_ratio', 'api_response_time', 'stuck_execution'
  )),
  add constraint alert_rules_threshold_is_not_negative check (threshold >= 0),
  add constraint alert_rules_ratio_is_at_most_one
    check (metric not in ('success_rate', 'cache_hit_ratio', 'records_collapse') or threshold <= 1),
  add constraint alert_rules_minimum_runs_is_not_negative check (minimum_runs >= 0),
  add constraint alert_rules_for_is_not_negative check (for_duration >= interval '0'),
  add constraint alert_rules_escalation_is_positive check (escalation_delay > interval '0'),
  add constraint alert_rules_no_data_is_known check (no_data in ('KEEP', 'OK', 'ALERT')),
  add constraint alert_rules_error_type_is_known
    check (error_type in ('NETWORK', 'AUTH', 'API', 'DATABASE', 'TIMEOUT', 'VALIDATION')),
  add constraint alert_rules_error_type_has_its_metric check (error_type is null or metric = 'error_rate');
comment on column public.alert_rules.minimum_runs is 'Finished full runs in the window before the rule may speak.';
comment on column public.alert_rules.for_duration is 'How long the condition must hold before the incident fires; until then it is PENDING.';
comment on column public.alert_rules.recovery_threshold is 'Where the incident resolves; null is the threshold itself.';
comment on column public.alert_rules.no_data is 'What an unknown value does: KEEP the state, count as OK, or ALERT.';
comment on column public.alert_rules.escalation_delay is 'Without acknowledgement for this long the severity rises one step, again and again up to CRITICAL.';

create table public.alert_incidents (
  id uuid primary key default gen_random_uuid(),
  rule_id uuid references public.alert_rules (id) on delete set null,
  rule_name varchar not null,
  metric varchar not null,
  entity_type varchar not null,
  state varchar not null,
  severity varchar not null,
  value numeric,
  threshold numeric not null,
  message text not null,
  evidence jsonb not null default '{}',
  opened_at timestamptz not null,
  fired_at timestamptz,
  escalated_at timestamptz,
  acknowledged_at timestamptz,
  acknowledged_by varchar,
  acknowledged_until timestamptz,
  resolved_at timestamptz,
  version integer not null default 1,
  updated_at timestamptz not null,
  constraint alert_incidents_state_is_known check (state in ('PENDING', 'FIRING', 'ACKNOWLEDGED', 'RESOLVED')),
  constraint alert_incidents_severity_is_known check (severity in ('LOW', 'MEDIUM', 'HIGH', 'CRITICAL')),
  constraint alert_incidents_fired_iff_not_pending check ((state = 'PENDING') = (fired_at is null)),
  constraint alert_incidents_resolved_iff_terminal check ((state = 'RESOLVED') = (resolved_at is not null)),
  constraint alert_incidents_acknowledged_has_an_author check (state <> 'ACKNOWLEDGED' or acknowledged_by is not null)
);
comment on table public.alert_incidents is 'A rule that holds for a scope, from opening to resolution; entity_type is all for a rule over every entity.';
comment on column public.alert_incidents.version is 'Raised by each change; a change must name the one it was decided on.';
create unique index alert_incidents_one_live_a_scope on public.alert_incidents (rule_id, entity_type) where state <> 'RESOLVED';
comment on index public.alert_incidents_one_live_a_scope is 'Two live incidents of one rule and scope cannot be written.';
create index alert_incidents_opened_idx on public.alert_incidents (opened_at, id);
create index alert_incidents_live_idx on public.alert_incidents (entity_type) where state <> 'RESOLVED';

create table public.alert_events (
  id bigint generated always as identity primary key,
  incident_id uuid not null references public.alert_incidents (id) on delete cascade,
  at timestamptz not null,
  from_state varchar,
  to_state varchar not null,
  severity varchar not null,
  reason text not null
);
comment on table public.alert_events is 'The story of an incident: each step with its reason.';
create index alert_events_incident_idx on public.alert_events (incident_id, id);

create table public.alert_evaluations (
  id bigint generated always as identity primary key,
  evaluated_at timestamptz not null,
  cause varchar not null,
  rules integer not null,
  applied integer not null
);
comment on table public.alert_evaluations is 'When the rules were last looked at, and what came of it.';
create index alert_evaluations_time_idx on public.alert_evaluations (evaluated_at desc);

-- Limits are ones that can happen on the platform: memory under the 256 MB a function may use, durations under its wall clock.
insert into public.alert_rules
  (name, description, entity_type, metric, threshold, evaluation_window, severity, escalation_delay, minimum_runs, recovery_threshold)
values
  ('Tournament Sync Consecutive Failures', 'Full runs failed in a row.', 'tournaments', 'consecutive_failures', 3, '1 hour', 'HIGH', '30 minutes', 0, null),
  ('Match Schedule Consecutive Failures', 'Full runs failed in a row.', 'matches_schedule', 'consecutive_failures', 3, '45 minutes', 'HIGH', '30 minutes', 0, null),
  ('Overall Sync Success Rate Drop', 'Fewer runs of all entities succeed than should.', 'all', 'success_rate', 0.95, '24 hours', 'MEDIUM', null, 4, 0.97),
  ('Tournament Sync Duration Exceeded', 'A run takes longer than its wall clock bears for long.', 'tournaments', 'duration_exceeded', 120, '15 minutes', 'MEDIUM', null, 0, null),
  ('Match Schedule Duration Exceeded', 'A run takes longer than its wall clock bears for long.', 'matches_schedule', 'duration_exceeded', 300, '15 minutes', 'MEDIUM', null, 0, null),
  ('Memory Usage Exceeded', 'A run came near the memory a function may use.', 'all', 'memory_usage', 200, '15 minutes', 'HIGH', null, 0, 180),
  ('Tournament Sync Overdue', 'No run began when one was due.', 'tournaments', 'sync_overdue', 1, '15 minutes', 'HIGH', '30 minutes', 0, null),
  ('Match Schedule Overdue', 'No run began when one was due.', 'matches_schedule', 'sync_overdue', 1, '15 minutes', 'HIGH', '15 minutes', 0, null)
on conflict (name) do nothing;

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
      min(e.alert_threshold_failures) filter (where m.scope <> 'all') as failure_threshold
    from member m join public.sync_status e on e.entity_type = m.entity_type
    group by m.scope, m.evaluation_window
  ),
  measured as (
    select r.*, f.runs, f.slowest_run, f.latest_bad_run,
      case when r.metric = 'consecutive_failures' then coalesce(n.failure_threshold, r.threshold) else r.threshold end as limit_now,
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
    'value', m.value, 'runs', coalesce(m.runs, 0),
    'execution_id', case when m.metric in ('duration_exceeded', 'stuck_execution') then m.slowest_run else m.latest_bad_run end,
    'incident', (
      select jsonb_build_object('id', i.id, 'version', i.version, 'state', i.state, 'severity', i.severity, 'opened_at', i.opened_at,
        'fired_at', i.fired_at, 'escalated_at', i.escalated_at, 'acknowledged_until', i.acknowledged_until)
      from public.alert_incidents i
      where i.rule_id = m.id and i.entity_type = m.entity_type and i.state <> 'RESOLVED'
    )
  ) order by m.name), '[]'))
  from measured m;
end;
comment on function public.measure_alert_rules(timestamptz) is
  'Every active rule''s value with its limits and its live incident, in one snapshot; null is no data. Seconds, MiB, ms, ratios 0 to 1, errors a run.';

create function public.apply_alert_transitions(p jsonb, as_of timestamptz default now()) returns integer
language plpgsql set search_path = '' as $$
declare
  step record;
  incident public.alert_incidents;
  applied integer := 0;
begin
  for step in
    select * from jsonb_to_recordset(p -> 'transitions') as t (
      incident_id uuid, version integer, rule_id uuid, rule_name text, metric text, entity_type text, from_state text, to_state text,
      severity text, value numeric, threshold numeric, message text, reason text, evidence jsonb
    )
  loop
    if step.incident_id is null then
      insert into public.alert_incidents
        (rule_id, rule_name, metric, entity_type, state, severity, value, threshold, message, evidence, opened_at, fired_at, updated_at)
      values (step.rule_id, step.rule_name, step.metric, step.entity_type, step.to_state, step.severity, step.value, step.threshold,
        step.message, coalesce(step.evidence, '{}'), as_of, case step.to_state when 'FIRING' then as_of end, as_of)
      on conflict (rule_id, entity_type) where state <> 'RESOLVED' do nothing
      returning * into incident;
    elsif step.to_state = 'GONE' then
      delete from public.alert_incidents
      where id = step.incident_id and version = step.version and state = 'PENDING' returning * into incident;
    else
      update public.alert_incidents i set
        state = step.to_state,
        severity = step.severity,
        value = step.value,
        message = step.message,
        evidence = coalesce(step.evidence, i.evidence),
        fired_at = coalesce(i.fired_at, as_of),
        escalated_at = case when step.severity <> i.severity then as_of else i.escalated_at end,
        acknowledged_until = case when step.to_state = 'ACKNOWLEDGED' then i.acknowledged_until end,
        resolved_at = case step.to_state when 'RESOLVED' then as_of end,
        version = i.version + 1,
        updated_at = as_of
      where i.id = step.incident_id and i.version = step.version and i.state <> 'RESOLVED'
      returning i.* into incident;
    end if;
    -- Not found: another evaluator was quicker, and what it wrote stands.
    if found then
      applied := applied + 1;
      if step.to_state <> 'GONE' then
        insert into public.alert_events (incident_id, at, from_state, to_state, severity, reason)
        values (incident.id, as_of, step.from_state, step.to_state, step.severity, step.reason);
      end if;
    end if;
  end loop;
  insert into public.alert_evaluations (evaluated_at, cause, rules, applied)
  values (as_of, coalesce(p ->> 'cause', 'cron'), coalesce((p ->> 'rules')::integer, 0), applied);
  return applied;
end
$$;
comment on function public.apply_alert_transitions(jsonb, timestamptz) is
  'Opens, moves, resolves or (PENDING) removes incidents, each by compare-and-set on its version, with its event; how many were applied.';

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
    'events', (select coalesce(jsonb_agg(to_jsonb(e) - 'id' - 'incident_id' order by e.id), '[]') from public.alert_events e where e.incident_id = i.id),
    'downtime_ms', extract(epoch from coalesce(i.resolved_at, now()) - i.opened_at) * 1000
  )
  from public.alert_incidents i where i.id = (p ->> 'id')::uuid;
end;
comment on function public.get_alert_incident(jsonb) is 'One incident {id} with its story; null when there is none.';

create or replace function public.get_health_overview(as_of timestamptz default now()) returns jsonb
language sql stable set search_path = ''
begin atomic
  select jsonb_build_object(
    'as_of', as_of,
    'entities', (
      select coalesce(jsonb_agg(private.entity_health(s, as_of) order by s.entity_type), '[]') from public.sync_status s where s.is_active
    ),
    'upstream', (
      select jsonb_build_object(
        'blocked_until', case when u.blocked_until > as_of then u.blocked_until end,
        'blocked_reason', case when u.blocked_until > as_of then u.blocked_reason end
      )
      from public.upstream_state u where u.upstream = 'vis'
    ),
    'active_alerts', (
      select coalesce(jsonb_agg(jsonb_build_object('id', i.id, 'name', i.rule_name, 'entity_type', i.entity_type, 'severity', i.severity,
        'state', i.state, 'opened_at', i.opened_at, 'message', i.message) order by i.opened_at, i.id), '[]')
      from public.alert_incidents i where i.state in ('FIRING', 'ACKNOWLEDGED')
    )
  );
end;

create or replace function public.schema_version() returns integer
language sql immutable set search_path = ''
return 9;

do $$
declare
  monitored text;
begin
  foreach monitored in array array['alert_incidents', 'alert_events', 'alert_evaluations'] loop
    execute format('alter table public.%I enable row level security', monitored);
    execute format('revoke all on public.%I from public, anon, authenticated', monitored);
    execute format('grant select on public.%I to authenticated', monitored);
    execute format('grant all on public.%I to service_role', monitored);
    execute format(
      'create policy "Allow monitoring read" on public.%I for select to authenticated using ((select private.can_read_monitoring()))',
      monitored
    );
    execute format(
      'create policy "Allow service monitoring access" on public.%I for all to service_role using (true) with check (true)', monitored
    );
  end loop;
end
$$;

revoke execute on function private.records_collapse(text, timestamptz),
  public.measure_alert_rules(timestamptz), public.apply_alert_transitions(jsonb, timestamptz), public.list_alert_incidents(jsonb),
  public.get_alert_incident(jsonb)
from public, anon, authenticated;
grant execute on function private.records_collapse(text, timestamptz),
  public.measure_alert_rules(timestamptz), public.apply_alert_transitions(jsonb, timestamptz), public.list_alert_incidents(jsonb),
  public.get_alert_incident(jsonb)
to service_role;
