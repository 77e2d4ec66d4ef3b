-- What people read and set of all that: incidents with their kin and mean times, silences, rules with a preview, channels.

create or replace function public.list_alert_incidents(p jsonb) returns jsonb
language sql stable set search_path = ''
begin atomic
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
        'detect_ms', avg(extract(epoch from i.told_at - i.began_at) * 1000),
        'acknowledge_ms', avg(extract(epoch from i.acknowledged_at - i.told_at) * 1000),
        'resolve_ms', avg(extract(epoch from i.resolved_at - i.began_at) * 1000)
      )
      from public.alert_incidents i
      where i.opened_at > coalesce((p ->> 'as_of')::timestamptz, now()) - interval '30 days' and i.fired_at is not null
        and (p ->> 'entity_type' is null or i.entity_type = p ->> 'entity_type')
    )
  );
end;
comment on function public.list_alert_incidents(jsonb) is
  'Incidents, newest first, by {state?, severity?, entity_type?, tournament_no?}, after the cursor {before_at, before_id}, at most {limit}; and the mean times of the 30 days before {as_of?}.';

create or replace function public.get_alert_incident(p jsonb) returns jsonb
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
    'children', (
      select coalesce(jsonb_agg(jsonb_build_object('id', c.id, 'rule_name', c.rule_name, 'entity_type', c.entity_type,
        'tournament_no', c.tournament_no, 'state', c.state) order by c.opened_at, c.id), '[]')
      from public.alert_incidents c where c.parent_id = i.id
    ),
    'downtime_ms', extract(epoch from coalesce(i.resolved_at, now()) - i.began_at) * 1000
  )
  from public.alert_incidents i where i.id = (p ->> 'id')::uuid;
end;
comment on function public.get_alert_incident(jsonb) is 'One incident {id} with its story and what hangs under it; null when there is none.';

create or replace function public.save_alert_silence(p jsonb, as_of timestamptz default now()) returns jsonb
language plpgsql set search_path = '' as $$
declare
  saved public.alert_silences;
  rule uuid := (p ->> 'rule_id')::uuid;
begin
  if rule is not null and not exists (select from public.alert_rules where id = rule) then
    raise sqlstate 'PT404' using message = format('there is no rule %s', rule), detail = 'NOT_FOUND';
  end if;
  insert into public.alert_silences
    (entity_type, rule_id, severity, tournament_no, starts_at, ends_at, recurs_every, lasts, created_by, reason, created_at)
  values (p ->> 'entity_type', rule, p ->> 'severity', p ->> 'tournament_no', coalesce((p ->> 'starts_at')::timestamptz, as_of),
    (p ->> 'ends_at')::timestamptz, (p ->> 'recurs_every')::interval, (p ->> 'lasts')::interval, p -> 'actor' ->> 'name', p ->> 'reason', as_of)
  returning * into saved;
  perform private.audit(p -> 'actor', 'create-silence', 'silence', saved.id::text, null, to_jsonb(saved), saved.reason, as_of);
  return to_jsonb(saved);
end
$$;
comment on function public.save_alert_silence(jsonb, timestamptz) is
  'Silences by {entity_type?, rule_id?, severity?, tournament_no?} from {starts_at?} to {ends_at}, there all the time or {recurs_every, lasts}, for {reason}. PT404 NOT_FOUND.';

create function private.wanted_rule(before public.alert_rules, changes jsonb, as_of timestamptz) returns public.alert_rules
language plpgsql stable set search_path = '' as $$
declare
  wanted public.alert_rules;
  unknown text;
begin
  -- What is not said stays as it was, or as a new rule has it.
  wanted := jsonb_populate_record(
    before,
    case when before.id is null then jsonb_build_object(
      'id', gen_random_uuid(), 'description', '', 'scope', 'ENTITY', 'notification_channels', '["dashboard"]'::jsonb,
      'escalation_channels', jsonb_build_array(), 'is_active', true, 'minimum_runs', 1, 'for_duration', '0', 'no_data', 'KEEP',
      'repeat_interval', '4 hours', 'created_at', as_of
    ) else '{}' end || changes || jsonb_build_object('updated_at', as_of)
  );
  if wanted.entity_type not in ('all', 'system') and not exists (select from public.sync_status where entity_type = wanted.entity_type) then
    raise sqlstate 'PT404' using message = format('no entity type %L', wanted.entity_type), detail = 'ENTITY_UNKNOWN';
  end if;
  select string_agg(distinct c.name, ', ') into unknown from (
    select jsonb_array_elements_text(wanted.notification_channels) as name
    union all select jsonb_array_elements_text(step) from jsonb_array_elements(wanted.escalation_channels) step
  ) c where not exists (select from public.notification_channels n where n.name = c.name);
  -- Only what is said now: a rule whose channel was deleted can still be changed otherwise.
  if unknown is not null and (changes ? 'notification_channels' or changes ? 'escalation_channels') then
    raise sqlstate 'PT400' using message = format('notification_channels: there is no channel %s', unknown), detail = 'BAD_REQUEST';
  end if;
  return wanted;
end
$$;
comment on function private.wanted_rule(public.alert_rules, jsonb, timestamptz) is
  'A rule, or a new one from null, with changes. PT404 ENTITY_UNKNOWN, PT400 BAD_REQUEST for a channel nobody set up.';

create or replace function public.save_alert_rule(p jsonb, as_of timestamptz default now()) returns jsonb
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
  wanted := private.wanted_rule(before, p -> 'rule', as_of);
  if before.id is null then
    insert into public.alert_rules select wanted.* returning * into after;
  else
    delete from public.alert_incidents where rule_id = before.id and state = 'PENDING';
    update public.alert_rules r set
      (name, description, entity_type, scope, metric, threshold, evaluation_window, severity, notification_channels, escalation_delay,
       escalation_channels, is_active, updated_at, minimum_runs, for_duration, recovery_threshold, error_type, no_data, runbook_url,
       repeat_interval)
      = (wanted.name, wanted.description, wanted.entity_type, wanted.scope, wanted.metric, wanted.threshold, wanted.evaluation_window,
        wanted.severity, wanted.notification_channels, wanted.escalation_delay, wanted.escalation_channels, wanted.is_active,
        wanted.updated_at, wanted.minimum_runs, wanted.for_duration, wanted.recovery_threshold, wanted.error_type, wanted.no_data,
        wanted.runbook_url, wanted.repeat_interval)
    where r.id = before.id returning * into after;
    perform private.close_orphans(after, p -> 'actor' ->> 'name', as_of);
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
  'Creates {rule}, or changes {id} by the fields of {rule}. PT404 NOT_FOUND or ENTITY_UNKNOWN, PT400 BAD_REQUEST, PT409 NAME_TAKEN.';

create function private.close_orphans(rule public.alert_rules, who text, as_of timestamptz) returns void
language plpgsql set search_path = '' as $$
declare
  incident public.alert_incidents;
begin
  -- Nobody would ever end what its rule no longer measures.
  for incident in
    update public.alert_incidents i set state = 'RESOLVED', fired_at = coalesce(fired_at, as_of), resolved_at = as_of, version = version + 1,
      updated_at = as_of
    where i.rule_id = rule.id and i.state <> 'RESOLVED'
      and (not rule.is_active or i.entity_type <> rule.entity_type or i.metric <> rule.metric
        or (i.tournament_no is not null) <> (rule.scope = 'TOURNAMENT'))
    returning i.*
  loop
    insert into public.alert_events (incident_id, at, to_state, severity, reason)
    values (incident.id, as_of, 'RESOLVED', incident.severity, 'its rule was changed, switched off or deleted by ' || who);
    if incident.told_at is not null then
      perform private.tell_resolved(incident, 'its rule was changed, switched off or deleted', as_of);
    end if;
  end loop;
end
$$;
comment on function private.close_orphans(public.alert_rules, text, timestamptz) is
  'Resolves the live incidents that a rule no longer measures: switched off, or of another entity, metric or scope than before.';

create or replace function public.delete_alert_rule(p jsonb, as_of timestamptz default now()) returns boolean
language plpgsql set search_path = '' as $$
declare
  before public.alert_rules;
  off public.alert_rules;
begin
  select * into before from public.alert_rules where id = (p ->> 'id')::uuid for update;
  if not found then
    raise sqlstate 'PT404' using message = format('there is no rule %s', p ->> 'id'), detail = 'NOT_FOUND';
  end if;
  off := before;
  off.is_active := false;
  perform private.close_orphans(off, p -> 'actor' ->> 'name', as_of);
  delete from public.alert_rules where id = before.id;
  perform private.audit(p -> 'actor', 'delete-rule', 'alert-rule', before.id::text, to_jsonb(before), null, p ->> 'reason', as_of);
  return true;
end
$$;
comment on function public.delete_alert_rule(jsonb, timestamptz) is 'Deletes rule {id} and resolves its live incidents; its history stays. PT404 NOT_FOUND.';

create function public.preview_alert_rule(p jsonb, as_of timestamptz default now()) returns jsonb
language plpgsql stable set search_path = '' as $$
declare
  before public.alert_rules;
begin
  if p ->> 'id' is not null then
    select * into before from public.alert_rules where id = (p ->> 'id')::uuid;
    if not found then
      raise sqlstate 'PT404' using message = format('there is no rule %s', p ->> 'id'), detail = 'NOT_FOUND';
    end if;
  end if;
  return private.measure_rules(array[private.wanted_rule(before, coalesce(p -> 'rule', '{}'), as_of)], as_of);
end
$$;
comment on function public.preview_alert_rule(jsonb, timestamptz) is
  'What rule {id}, changed by {rule?}, or a new one measures now; nothing is written. PT404 NOT_FOUND or ENTITY_UNKNOWN, PT400 BAD_REQUEST.';

create or replace function private.channel_without_secrets(channel public.notification_channels) returns jsonb
language sql immutable set search_path = ''
return jsonb_build_object('name', channel.name, 'kind', channel.kind, 'is_active', channel.is_active, 'config', channel.config,
  'group_window', channel.group_window, 'hourly_cap', channel.hourly_cap, 'has_secret', channel.secret is not null,
  'has_previous_secret', channel.previous_secret is not null, 'created_at', channel.created_at, 'updated_at', channel.updated_at);

create or replace function public.save_notification_channel(p jsonb, as_of timestamptz default now()) returns jsonb
language plpgsql set search_path = '' as $$
declare
  before public.notification_channels;
  after public.notification_channels;
  secret_now text;
begin
  select * into before from public.notification_channels where name = p ->> 'name' for update;
  -- Not sent, a secret stays.
  secret_now := coalesce(p ->> 'secret', before.secret);
  if secret_now is null and p ->> 'kind' in ('webhook', 'slack') then
    raise sqlstate 'PT400' using message = format('secret: a %s channel needs one', p ->> 'kind'), detail = 'BAD_REQUEST';
  end if;
  insert into public.notification_channels as c
    (name, kind, is_active, config, secret, group_window, hourly_cap, created_at, updated_at)
  values (p ->> 'name', p ->> 'kind', coalesce((p ->> 'is_active')::boolean, true), coalesce(p -> 'config', '{}'), secret_now,
    coalesce((p ->> 'group_window')::interval, before.group_window, '30 seconds'),
    coalesce((p ->> 'hourly_cap')::integer, before.hourly_cap, 60), as_of, as_of)
  on conflict (name) do update set
    kind = excluded.kind,
    is_active = excluded.is_active,
    config = excluded.config,
    secret = excluded.secret,
    group_window = excluded.group_window,
    hourly_cap = excluded.hourly_cap,
    -- The one before goes on signing beside the new one.
    previous_secret = case when excluded.secret <> before.secret then before.secret else c.previous_secret end,
    updated_at = as_of
  returning * into after;
  perform private.audit(p -> 'actor', case when before.name is null then 'create-channel' else 'change-channel' end, 'channel', after.name,
    case when before.name is not null then private.channel_without_secrets(before) end, private.channel_without_secrets(after), null, as_of);
  return private.channel_without_secrets(after);
end
$$;
comment on function public.save_notification_channel(jsonb, timestamptz) is
  'Creates or replaces channel {name, kind, config, secret?, is_active?, group_window?, hourly_cap?}; the secret before stays as the previous one. PT400 BAD_REQUEST without a needed secret.';

create or replace function public.try_notification_channel(p jsonb, as_of timestamptz default now()) returns jsonb
language plpgsql set search_path = '' as $$
declare
  notification uuid;
begin
  if not exists (select from public.notification_channels where name = p ->> 'name' and is_active) then
    raise sqlstate 'PT404' using message = format('there is no active channel %s', p ->> 'name'), detail = 'NOT_FOUND';
  end if;
  insert into public.alert_notifications (channel, items, next_attempt_at, created_at, due_at)
  values (p ->> 'name', jsonb_build_array(jsonb_build_object(
    'incident_id', gen_random_uuid(), 'kind', 'FIRING', 'rule_name', 'Test of a channel', 'metric', 'test', 'entity_type', 'all',
    'severity', 'LOW', 'message', 'This is a test; nothing is wrong.', 'reason', 'sent by ' || (p -> 'actor' ->> 'name'), 'opened_at', as_of,
    'resolved_at', null, 'runbook_url', null
  )), as_of, as_of, as_of)
  returning id into notification;
  perform private.audit(p -> 'actor', 'test-channel', 'channel', p ->> 'name', null, jsonb_build_object('notification_id', notification), null, as_of);
  perform private.call_function('sync-alert-processor', jsonb_build_object('cause', 'test'));
  return jsonb_build_object('notification_id', notification);
end
$$;

revoke execute on function private.wanted_rule(public.alert_rules, jsonb, timestamptz),
  private.close_orphans(public.alert_rules, text, timestamptz), public.preview_alert_rule(jsonb, timestamptz)
from public, anon, authenticated;
grant execute on function private.wanted_rule(public.alert_rules, jsonb, timestamptz),
  private.close_orphans(public.alert_rules, text, timestamptz), public.preview_alert_rule(jsonb, timestamptz)
to service_role;
