-- What people do about alerts, each act with its row in the audit log, written in the same transaction.

create table public.audit_log (
  id bigint generated always as identity primary key,
  at timestamptz not null,
  actor varchar not null,
  actor_role varchar not null,
  action varchar not null,
  object_type varchar not null,
  object_id varchar not null,
  before jsonb,
  after jsonb,
  reason text,
  request_id varchar,
  address varchar,
  constraint audit_log_action_is_a_name check (action ~ '^[a-z]+(-[a-z]+)*$'),
  constraint audit_log_act_is_not_empty check (before is not null or after is not null)
);
comment on table public.audit_log is 'Who did what to what, when and why, with the state before and after. Rows are added and never changed.';
create index audit_log_time_idx on public.audit_log (at, id);
create index audit_log_object_idx on public.audit_log (object_type, object_id, id);

create function private.refuse_change() returns trigger
language plpgsql set search_path = '' as $$
begin
  raise exception '% is append-only: % is refused', tg_table_name, tg_op using errcode = '42501';
end
$$;
comment on function private.refuse_change() is 'Refuses what would change history, whoever asks.';
create trigger refuse_change before update or delete on public.audit_log for each row execute function private.refuse_change();
create trigger refuse_truncate before truncate on public.audit_log for each statement execute function private.refuse_change();

create function private.audit(actor jsonb, action text, object_type text, object_id text, before jsonb, after jsonb, reason text, as_of timestamptz)
returns void
language sql set search_path = ''
begin atomic
  insert into public.audit_log (at, actor, actor_role, action, object_type, object_id, before, after, reason, request_id, address)
  values (as_of, actor ->> 'name', actor ->> 'role', action, object_type, object_id, before, after, reason, actor ->> 'request_id',
    actor ->> 'address');
end;
comment on function private.audit(jsonb, text, text, text, jsonb, jsonb, text, timestamptz) is
  'Adds one row for what {name, role, request_id, address} did.';

create function public.change_alert_incident(p jsonb, as_of timestamptz default now()) returns jsonb
language plpgsql set search_path = '' as $$
declare
  action constant text := p ->> 'action';
  before public.alert_incidents;
  after public.alert_incidents;
  is_allowed boolean;
begin
  select * into before from public.alert_incidents where id = (p ->> 'id')::uuid for update;
  if not found then
    raise sqlstate 'PT404' using message = format('there is no alert %s', p ->> 'id'), detail = 'NOT_FOUND';
  end if;
  is_allowed := case action
    when 'acknowledge' then before.state in ('FIRING', 'ACKNOWLEDGED')
    when 'unacknowledge' then before.state = 'ACKNOWLEDGED'
    when 'resolve' then before.state in ('FIRING', 'ACKNOWLEDGED')
  end;
  if is_allowed is not true then
    raise sqlstate 'PT409' using message = format('an alert that is %s cannot be %sd', before.state, action), detail = 'ALERT_STATE';
  end if;
  update public.alert_incidents i set
    state = case action when 'acknowledge' then 'ACKNOWLEDGED' when 'unacknowledge' then 'FIRING' else 'RESOLVED' end,
    acknowledged_at = case action when 'acknowledge' then as_of when 'unacknowledge' then null else i.acknowledged_at end,
    acknowledged_by = case action when 'acknowledge' then p -> 'actor' ->> 'name' when 'unacknowledge' then null else i.acknowledged_by end,
    acknowledged_until = case action when 'acknowledge' then (p ->> 'until')::timestamptz end,
    -- Escalation counts anew from the moment a person let go of it.
    escalated_at = case action when 'unacknowledge' then as_of else i.escalated_at end,
    resolved_at = case action when 'resolve' then as_of end,
    version = i.version + 1,
    updated_at = as_of
  where i.id = before.id
  returning * into after;
  insert into public.alert_events (incident_id, at, from_state, to_state, severity, reason)
  values (after.id, as_of, before.state, after.state, after.severity,
    concat_ws(': ', action || 'd by ' || (p -> 'actor' ->> 'name'), p ->> 'note'));
  if action = 'resolve' and after.told_at is not null then
    perform private.tell_resolved(after, 'resolved by ' || (p -> 'actor' ->> 'name'), as_of);
  end if;
  perform private.audit(p -> 'actor', action, 'alert', after.id::text, jsonb_build_object('state', before.state),
    jsonb_build_object('state', after.state, 'acknowledged_until', after.acknowledged_until), p ->> 'note', as_of);
  return to_jsonb(after);
end
$$;
comment on function public.change_alert_incident(jsonb, timestamptz) is
  'A person acknowledges, unacknowledges or resolves {id, action, note?, until?, actor}. PT404 NOT_FOUND, PT409 ALERT_STATE.';

-- A quoted body: one that is parsed would keep the table as it is (Postgres since 15.20).
create function private.tell_resolved(incident public.alert_incidents, reason text, as_of timestamptz) returns void
language sql set search_path = '' as $$
  -- To whoever was told that it fires.
  insert into public.alert_notifications (channel, items, next_attempt_at, created_at)
  select distinct n.channel, jsonb_build_array(t.item || jsonb_build_object(
    'kind', 'RESOLVED', 'severity', incident.severity, 'message', incident.message, 'reason', reason,
    'resolved_at', incident.resolved_at
  )), as_of, as_of
  from public.alert_notifications n cross join jsonb_array_elements(n.items) as t (item)
  where n.items @> jsonb_build_array(jsonb_build_object('incident_id', incident.id)) and t.item ->> 'incident_id' = incident.id::text
    and n.status <> 'DEAD' and t.item ->> 'kind' = 'FIRING';
$$;
comment on function private.tell_resolved(public.alert_incidents, text, timestamptz) is 'Writes the end of an incident into the outbox of each channel that was told its beginning.';

create function public.save_alert_silence(p jsonb, as_of timestamptz default now()) returns jsonb
language plpgsql set search_path = '' as $$
declare
  saved public.alert_silences;
  rule uuid := (p ->> 'rule_id')::uuid;
begin
  if rule is not null and not exists (select from public.alert_rules where id = rule) then
    raise sqlstate 'PT404' using message = format('there is no rule %s', rule), detail = 'NOT_FOUND';
  end if;
  insert into public.alert_silences (entity_type, rule_id, severity, starts_at, ends_at, created_by, reason, created_at)
  values (p ->> 'entity_type', rule, p ->> 'severity', coalesce((p ->> 'starts_at')::timestamptz, as_of), (p ->> 'ends_at')::timestamptz,
    p -> 'actor' ->> 'name', p ->> 'reason', as_of)
  returning * into saved;
  perform private.audit(p -> 'actor', 'create-silence', 'silence', saved.id::text, null, to_jsonb(saved), saved.reason, as_of);
  return to_jsonb(saved);
end
$$;
comment on function public.save_alert_silence(jsonb, timestamptz) is
  'Silences by {entity_type?, rule_id?, severity?} from {starts_at?} to {ends_at} for {reason}. PT404 NOT_FOUND.';

create function public.end_alert_silence(p jsonb, as_of timestamptz default now()) returns jsonb
language plpgsql set search_path = '' as $$
declare
  before public.alert_silences;
  after public.alert_silences;
begin
  select * into before from public.alert_silences where id = (p ->> 'id')::uuid for update;
  if not found then
    raise sqlstate 'PT404' using message = format('there is no silence %s', p ->> 'id'), detail = 'NOT_FOUND';
  elsif before.ends_at <= as_of then
    raise sqlstate 'PT409' using message = format('the silence ended at %s', before.ends_at), detail = 'SILENCE_OVER';
  end if;
  -- One that has not begun ends as it would have started.
  update public.alert_silences set ends_at = greatest(as_of, starts_at) where id = before.id returning * into after;
  perform private.audit(p -> 'actor', 'end-silence', 'silence', after.id::text, to_jsonb(before), to_jsonb(after), p ->> 'reason', as_of);
  return to_jsonb(after);
end
$$;
comment on function public.end_alert_silence(jsonb, timestamptz) is 'Ends silence {id} now. PT404 NOT_FOUND, PT409 SILENCE_OVER.';

create function public.list_alert_silences(p jsonb, as_of timestamptz default now()) returns jsonb
language sql stable set search_path = ''
return (
  select coalesce(jsonb_agg(to_jsonb(s) order by s.ends_at, s.id), '[]') from (
    select * from public.alert_silences where ends_at > as_of order by ends_at, id limit (p ->> 'limit')::integer
  ) s
);
comment on function public.list_alert_silences(jsonb, timestamptz) is 'Silences that last or are to come, the next to end first, at most {limit}.';

create function public.save_alert_rule(p jsonb, as_of timestamptz default now()) returns jsonb
language plpgsql set search_path = '' as $$
declare
  before public.alert_rules;
  after public.alert_rules;
  wanted public.alert_rules;
begin
  if p ->> 'id' is not null then
    select * into before from public.alert_rules where id = (p ->> 'id')::uuid for update;
    if not found then
      raise sqlstate 'PT404' using message = format('there is no rule %s', p ->> 'id'), detail = 'NOT_FOUND';
    end if;
  end if;
  -- What is not said stays as it was, or as a new rule has it.
  wanted := jsonb_populate_record(
    before,
    case when before.id is null then jsonb_build_object(
      'id', gen_random_uuid(), 'description', '', 'notification_channels', '["dashboard"]'::jsonb, 'is_active', true, 'minimum_runs', 1,
      'for_duration', '0', 'no_data', 'KEEP', 'repeat_interval', '4 hours', 'created_at', as_of
    ) else '{}' end || (p -> 'rule') || jsonb_build_object('updated_at', as_of)
  );
  if wanted.entity_type <> 'all' and not exists (select from public.sync_status where entity_type = wanted.entity_type) then
    raise sqlstate 'PT404' using message = format('no entity type %L', wanted.entity_type), detail = 'ENTITY_UNKNOWN';
  end if;
  if before.id is null then
    insert into public.alert_rules select wanted.* returning * into after;
  else
    delete from public.alert_incidents where rule_id = before.id and state = 'PENDING';
    update public.alert_rules r set
      (name, description, entity_type, metric, threshold, evaluation_window, severity, notification_channels, escalation_delay, is_active,
       updated_at, minimum_runs, for_duration, recovery_threshold, error_type, no_data, runbook_url, repeat_interval)
      = (wanted.name, wanted.description, wanted.entity_type, wanted.metric, wanted.threshold, wanted.evaluation_window, wanted.severity,
        wanted.notification_channels, wanted.escalation_delay, wanted.is_active, wanted.updated_at, wanted.minimum_runs,
        wanted.for_duration, wanted.recovery_threshold, wanted.error_type, wanted.no_data, wanted.runbook_url, wanted.repeat_interval)
    where r.id = before.id returning * into after;
  end if;
  perform private.audit(p -> 'actor', case when before.id is null then 'create-rule' else 'change-rule' end, 'alert-rule', after.id::text,
    case when before.id is not null then to_jsonb(before) end, to_jsonb(after), p ->> 'reason', as_of);
  return to_jsonb(after);
exception
  when unique_violation then
    raise sqlstate 'PT409' using message = format('there is a rule named %L already', wanted.name), detail = 'NAME_TAKEN';
end
$$;
comment on function public.save_alert_rule(jsonb, timestamptz) is
  'Creates {rule}, or changes {id} by the fields of {rule}. PT404 NOT_FOUND or ENTITY_UNKNOWN, PT409 NAME_TAKEN.';

create function public.delete_alert_rule(p jsonb, as_of timestamptz default now()) returns boolean
language plpgsql set search_path = '' as $$
declare
  before public.alert_rules;
  incident public.alert_incidents;
begin
  select * into before from public.alert_rules where id = (p ->> 'id')::uuid for update;
  if not found then
    raise sqlstate 'PT404' using message = format('there is no rule %s', p ->> 'id'), detail = 'NOT_FOUND';
  end if;
  -- Nobody would ever end what its rule no longer measures.
  for incident in
    update public.alert_incidents set state = 'RESOLVED', fired_at = coalesce(fired_at, as_of), resolved_at = as_of, version = version + 1,
      updated_at = as_of
    where rule_id = before.id and state <> 'RESOLVED' returning *
  loop
    insert into public.alert_events (incident_id, at, to_state, severity, reason)
    values (incident.id, as_of, 'RESOLVED', incident.severity, 'its rule was deleted by ' || (p -> 'actor' ->> 'name'));
    if incident.told_at is not null then
      perform private.tell_resolved(incident, 'its rule was deleted', as_of);
    end if;
  end loop;
  delete from public.alert_rules where id = before.id;
  perform private.audit(p -> 'actor', 'delete-rule', 'alert-rule', before.id::text, to_jsonb(before), null, p ->> 'reason', as_of);
  return true;
end
$$;
comment on function public.delete_alert_rule(jsonb, timestamptz) is 'Deletes rule {id} and resolves its live incident; its history stays. PT404 NOT_FOUND.';

create function public.list_alert_rules() returns jsonb
language sql stable set search_path = ''
return (select coalesce(jsonb_agg(to_jsonb(r) order by r.name), '[]') from public.alert_rules r);
comment on function public.list_alert_rules() is 'Every rule by name.';

create function public.list_audit_log(p jsonb) returns jsonb
language sql stable set search_path = ''
return (
  select coalesce(jsonb_agg(to_jsonb(a) order by a.id desc), '[]') from (
    select * from public.audit_log
    where (p ->> 'actor' is null or actor = p ->> 'actor') and (p ->> 'action' is null or action = p ->> 'action')
      and (p ->> 'object_id' is null or object_id = p ->> 'object_id') and (p ->> 'before_id' is null or id < (p ->> 'before_id')::bigint)
    order by id desc limit (p ->> 'limit')::integer
  ) a
);
comment on function public.list_audit_log(jsonb) is 'Acts, newest first, by {actor?, action?, object_id?}, before {before_id}, at most {limit}.';

create or replace function public.schema_version() returns integer
language sql immutable set search_path = ''
return 11;

alter table public.audit_log enable row level security;
revoke all on public.audit_log from public, anon, authenticated, service_role;
grant select on public.audit_log to authenticated;
grant select, insert on public.audit_log to service_role;
create policy "Allow monitoring read" on public.audit_log for select to authenticated using ((select private.can_read_monitoring()));
create policy "Allow service append" on public.audit_log for insert to service_role with check (true);
create policy "Allow service read" on public.audit_log for select to service_role using (true);

revoke execute on function
  private.refuse_change(), private.audit(jsonb, text, text, text, jsonb, jsonb, text, timestamptz),
  private.tell_resolved(public.alert_incidents, text, timestamptz), public.change_alert_incident(jsonb, timestamptz),
  public.save_alert_silence(jsonb, timestamptz), public.end_alert_silence(jsonb, timestamptz),
  public.list_alert_silences(jsonb, timestamptz), public.save_alert_rule(jsonb, timestamptz),
  public.delete_alert_rule(jsonb, timestamptz), public.list_alert_rules(), public.list_audit_log(jsonb)
from public, anon, authenticated;
grant execute on function
  private.refuse_change(), private.audit(jsonb, text, text, text, jsonb, jsonb, text, timestamptz),
  private.tell_resolved(public.alert_incidents, text, timestamptz), public.change_alert_incident(jsonb, timestamptz),
  public.save_alert_silence(jsonb, timestamptz), public.end_alert_silence(jsonb, timestamptz),
  public.list_alert_silences(jsonb, timestamptz), public.save_alert_rule(jsonb, timestamptz),
  public.delete_alert_rule(jsonb, timestamptz), public.list_alert_rules(), public.list_audit_log(jsonb)
to service_role;
