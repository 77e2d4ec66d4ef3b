-- Settings that are lengths of time, read in the words they are set in: "15 minutes", not "00:15:00".

create function private.in_words(length interval) returns text
language sql immutable set search_path = ''
return (
  select case when count % per = 0 then concat(count / per, ' ', unit, case when count / per <> 1 then 's' end) end
  from (select extract(epoch from length)::bigint as count) l
  cross join (values (86400, 'day'), (3600, 'hour'), (60, 'minute'), (1, 'second')) u (per, unit)
  where count % per = 0 and (count > 0 or per = 1) order by per desc limit 1
);
comment on function private.in_words(interval) is 'A length of time in its largest whole unit; parts of a second are dropped.';

create function private.lengths_in_words(shown jsonb) returns jsonb
language sql immutable set search_path = ''
return shown || (
  select coalesce(jsonb_object_agg(key, private.in_words(value::interval)), '{}') from jsonb_each_text(shown)
  where value is not null and key in ('evaluation_window', 'for_duration', 'repeat_interval', 'escalation_delay', 'recurs_every', 'lasts',
    'group_window', 'grace', 'max_runtime', 'sync_frequency')
);
comment on function private.lengths_in_words(jsonb) is 'A row as it is shown, with the lengths of time that a person set in words.';

create or replace function public.list_alert_rules() returns jsonb
language sql stable set search_path = ''
return (select coalesce(jsonb_agg(private.lengths_in_words(to_jsonb(r)) order by r.name), '[]') from public.alert_rules r);

-- The body of a SQL function keeps the columns that "select *" meant when it was made: tournament and recurrence came later.
create or replace function public.list_alert_silences(p jsonb, as_of timestamptz default now()) returns jsonb
language sql stable set search_path = ''
return (
  select coalesce(jsonb_agg(private.lengths_in_words(to_jsonb(s)) || jsonb_build_object('is_silencing', private.is_silencing(s, as_of))
    order by s.ends_at, s.id), '[]')
  from public.alert_silences s
  where s.id in (select n.id from public.alert_silences n where n.ends_at > as_of order by n.ends_at, n.id limit (p ->> 'limit')::integer)
);

create or replace function public.list_entities() returns jsonb
language sql stable set search_path = ''
return (select coalesce(jsonb_agg(private.lengths_in_words(to_jsonb(s)) order by s.entity_type), '[]') from public.sync_status s);

create or replace function private.channel_without_secrets(channel public.notification_channels) returns jsonb
language sql immutable set search_path = ''
return jsonb_build_object('name', channel.name, 'kind', channel.kind, 'is_active', channel.is_active, 'config', channel.config,
  'group_window', private.in_words(channel.group_window), 'hourly_cap', channel.hourly_cap, 'has_secret', channel.secret is not null,
  'has_previous_secret', channel.previous_secret is not null, 'created_at', channel.created_at, 'updated_at', channel.updated_at);

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
  return private.lengths_in_words(to_jsonb(after));
exception
  when unique_violation then
    raise sqlstate 'PT409' using message = format('there is a rule named %L already', wanted.name), detail = 'NAME_TAKEN';
end
$$;

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
  return private.lengths_in_words(to_jsonb(saved));
end
$$;

create or replace function public.change_entity(p jsonb, as_of timestamptz default now()) returns jsonb
language plpgsql set search_path = '' as $$
declare
  before public.sync_status;
  after public.sync_status;
  wanted public.sync_status;
  changes constant jsonb := p -> 'changes';
begin
  select * into before from public.sync_status where entity_type = p ->> 'entity_type' for no key update;
  if not found then
    raise sqlstate 'PT404' using message = format('no entity type %L', p ->> 'entity_type'), detail = 'ENTITY_UNKNOWN';
  end if;
  wanted := jsonb_populate_record(before, changes - 'is_paused');
  update public.sync_status s set
    paused_at = case (changes ->> 'is_paused')::boolean when true then coalesce(s.paused_at, as_of) when false then null else s.paused_at end,
    paused_by = case (changes ->> 'is_paused')::boolean when true then coalesce(s.paused_by, p -> 'actor' ->> 'name') when false then null else s.paused_by end,
    paused_reason = case (changes ->> 'is_paused')::boolean when true then p ->> 'reason' when false then null else s.paused_reason end,
    grace = wanted.grace,
    max_runtime = wanted.max_runtime,
    alert_threshold_failures = wanted.alert_threshold_failures,
    notification_channels = nullif(wanted.notification_channels, 'null'),
    updated_at = as_of
  where s.entity_type = before.entity_type returning s.* into after;
  perform private.audit(p -> 'actor', 'change-entity', 'entity', after.entity_type, to_jsonb(before), to_jsonb(after), p ->> 'reason', as_of);
  perform public.drain_sync_queue(as_of);
  return private.lengths_in_words(to_jsonb(after));
end
$$;

create or replace function public.schema_version() returns integer
language sql immutable set search_path = ''
return 26;

revoke execute on function private.in_words(interval), private.lengths_in_words(jsonb) from public, anon, authenticated;
grant execute on function private.in_words(interval), private.lengths_in_words(jsonb) to service_role;
