-- The audit log with its seals, and what people do: incidents, silences, rules, channels, notifications, entities, errors.

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
alter table public.audit_log enable row level security;
revoke all on public.audit_log from public, anon, authenticated, service_role;
revoke all on sequence public.audit_log_id_seq from public, anon, authenticated;
grant select on public.audit_log to authenticated;
grant select, insert on public.audit_log to service_role;
create policy "Allow monitoring read" on public.audit_log for select to authenticated using ((select private.can_read_monitoring()));
create policy "Allow service read" on public.audit_log for select to service_role using (true);
create policy "Allow service append" on public.audit_log for insert to service_role with check (true);

create table public.audit_seals (
  audit_id bigint primary key,
  previous_id bigint unique,
  mac text not null,
  sealed_at timestamptz not null default now(),
  constraint audit_seals_mac_is_sha256 check (mac ~ '^[0-9a-f]{64}$'),
  constraint audit_seals_previous_is_not_later check (previous_id < audit_id)
);
comment on table public.audit_seals is
  'The HMAC-SHA-256 of each row of audit_log together with the seal before it; previous_id is null for the first. Rows are added and never changed.';
alter table public.audit_seals enable row level security;
revoke all on public.audit_seals from public, anon, authenticated, service_role;
grant select on public.audit_seals to authenticated;
grant select, insert on public.audit_seals to service_role;
create policy "Allow monitoring read" on public.audit_seals for select to authenticated using ((select private.can_read_monitoring()));
create policy "Allow service append" on public.audit_seals for insert to service_role with check (true);
create policy "Allow service read" on public.audit_seals for select to service_role using (true);

create function private.refuse_change() returns trigger
language plpgsql set search_path = '' as $$
begin
  -- Only private.prune_audit_log sets this, for the length of its own transaction; whoever else sets it still lacks the grant to delete.
  if tg_op = 'DELETE' and current_setting('sync.prunes_audit', true) = 'on' then
    return old;
  end if;
  raise exception '% is append-only: % is refused', tg_table_name, tg_op using errcode = '42501';
end
$$;
comment on function private.refuse_change() is 'Refuses what would change history, whoever asks.';

create trigger refuse_change before update or delete on public.audit_log for each row execute function private.refuse_change();
create trigger refuse_change before update or delete on public.audit_seals for each row execute function private.refuse_change();

create trigger refuse_truncate before truncate on public.audit_log for each statement execute function private.refuse_change();
create trigger refuse_truncate before truncate on public.audit_seals for each statement execute function private.refuse_change();

create function private.audit(actor jsonb, action text, object_type text, object_id text, before jsonb, after jsonb, reason text, as_of timestamptz)
returns void
language sql set search_path = '' as $$
  -- Under a lock until the end of the transaction: ids come in the order in which rows become visible, so none appears before a sealed one.
  select pg_advisory_xact_lock(hashtext('private.audit'));
  insert into public.audit_log (at, actor, actor_role, action, object_type, object_id, before, after, reason, request_id, address)
  values (as_of, actor ->> 'name', actor ->> 'role', action, object_type, object_id, before, after, reason, actor ->> 'request_id',
    actor ->> 'address');
$$;
comment on function private.audit(jsonb, text, text, text, jsonb, jsonb, text, timestamptz) is
  'Adds one row for what {name, role, request_id, address} did.';

create function private.audit_text(entry public.audit_log) returns text
language sql stable set search_path = '' as $$
  select jsonb_build_array(entry.id, to_char(entry.at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), entry.actor, entry.actor_role,
    entry.action, entry.object_type, entry.object_id, entry.before, entry.after, entry.reason, entry.request_id, entry.address)::text;
$$;
comment on function private.audit_text(public.audit_log) is 'What is sealed of a row: all of it, in one spelling.';

create function private.hmac_sha256(key bytea, message bytea) returns bytea
language plpgsql immutable set search_path = '' as $$
declare
  block constant bytea := case when length(key) > 64 then sha256(key) else key end;
  padded constant bytea := block || decode(repeat('00', 64 - length(block)), 'hex');
  inner_pad bytea := padded;
  outer_pad bytea := padded;
begin
  for i in 0 .. 63 loop
    inner_pad := set_byte(inner_pad, i, get_byte(padded, i) # 54);
    outer_pad := set_byte(outer_pad, i, get_byte(padded, i) # 92);
  end loop;
  return sha256(outer_pad || sha256(inner_pad || message));
end
$$;
comment on function private.hmac_sha256(bytea, bytea) is
  'RFC 2104 over SHA-256. In SQL, because pgcrypto lies in another schema on each platform, and is not needed for more.';

create function public.list_unsealed_audit(p jsonb) returns jsonb
language sql stable set search_path = '' as $$
  select jsonb_build_object(
    'head', (select jsonb_build_object('id', s.audit_id, 'mac', s.mac) from public.audit_seals s order by s.audit_id desc limit 1),
    'entries', (
      select coalesce(jsonb_agg(jsonb_build_object('id', a.id, 'text', private.audit_text(a)) order by a.id), '[]') from (
        select * from public.audit_log
        where id > coalesce((select max(audit_id) from public.audit_seals), 0) order by id limit (p ->> 'limit')::integer
      ) a
    )
  );
$$;
comment on function public.list_unsealed_audit(jsonb) is 'The newest seal and up to {limit} rows after it.';

create function public.list_sealed_audit(p jsonb) returns jsonb
language sql stable set search_path = '' as $$
  select coalesce(jsonb_agg(jsonb_build_object('id', coalesce(c.audit_id, c.id), 'previous_id', c.previous_id, 'mac', c.mac,
    'text', case when c.id is not null then private.audit_text(c.entry) end, 'is_sealed', c.audit_id is not null) order by coalesce(c.audit_id, c.id)), '[]')
  from (
    select s.audit_id, s.previous_id, s.mac, a.id, a as entry
    from public.audit_log a full join public.audit_seals s on s.audit_id = a.id
    where coalesce(s.audit_id, a.id) > (p ->> 'after')::bigint
    order by coalesce(s.audit_id, a.id) limit (p ->> 'limit')::integer
  ) c;
$$;
comment on function public.list_sealed_audit(jsonb) is 'Rows and seals side by side after id {after}, at most {limit}: text is null where a row is missing, mac where a seal is.';

create function public.seal_audit(p jsonb) returns integer
language plpgsql set search_path = '' as $$
declare
  sealed integer;
begin
  perform pg_advisory_xact_lock(hashtext('public.seal_audit'));
  if (p ->> 'after')::bigint is distinct from (select max(audit_id) from public.audit_seals) then
    return 0;  -- another sealer was quicker, and its seals stand
  end if;
  insert into public.audit_seals (audit_id, previous_id, mac)
  select s.id, s.previous_id, s.mac from jsonb_to_recordset(p -> 'seals') as s (id bigint, previous_id bigint, mac text);
  get diagnostics sealed = row_count;
  return sealed;
end
$$;
comment on function public.seal_audit(jsonb) is 'Adds {seals: [{id, previous_id, mac}]} if {after} still is the newest seal; how many.';

create function private.prune_audit_log(as_of timestamptz default now()) returns integer
language plpgsql security definer set search_path = '' as $$
declare
  kept_from constant timestamptz := as_of - (select keep from public.retention_settings where subject = 'audit_log');
  cut bigint;
  pruned integer;
begin
  -- A whole prefix, and only what is sealed; the last seal of it stays as the anchor that the chain goes on from.
  select max(a.id) into cut
  from public.audit_log a join public.audit_seals s on s.audit_id = a.id
  where a.at < kept_from and a.id < (select min(b.id) from public.audit_log b where b.at >= kept_from);
  if cut is null then
    return 0;
  end if;
  perform set_config('sync.prunes_audit', 'on', true);
  delete from public.audit_log where id <= cut;
  get diagnostics pruned = row_count;
  delete from public.audit_seals where audit_id < cut;
  perform set_config('sync.prunes_audit', 'off', true);
  -- The act is a row of the chain itself, which names the anchor.
  perform private.audit('{"name": "retention", "role": "service"}', 'prune-audit', 'audit-log', cut::text, null,
    jsonb_build_object('rows', pruned, 'anchor_id', cut), 'older than the retention', as_of);
  return pruned;
end
$$;
comment on function private.prune_audit_log(timestamptz) is
  'Deletes sealed rows older than the retention, the oldest first, without a gap; how many. Definer: nobody else may delete from the log.';

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
  if action = 'resolve' and after.notified_at is not null then
    perform private.queue_resolution(after, 'resolved by ' || (p -> 'actor' ->> 'name'), as_of);
  end if;
  perform private.audit(p -> 'actor', action, 'alert', after.id::text, jsonb_build_object('state', before.state),
    jsonb_build_object('state', after.state, 'acknowledged_until', after.acknowledged_until), p ->> 'note', as_of);
  return to_jsonb(after);
end
$$;
comment on function public.change_alert_incident(jsonb, timestamptz) is
  'A person acknowledges, unacknowledges or resolves {id, action, note?, until?, actor}. PT404 NOT_FOUND, PT409 ALERT_STATE.';

create function public.save_alert_silence(p jsonb, as_of timestamptz default now()) returns jsonb
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
comment on function public.save_alert_silence(jsonb, timestamptz) is
  'Silences by {entity_type?, rule_id?, severity?, tournament_no?} from {starts_at?} to {ends_at}, there all the time or {recurs_every, lasts}, for {reason}. PT404 NOT_FOUND.';

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
    if incident.notified_at is not null then
      perform private.queue_resolution(incident, 'its rule was changed, switched off or deleted', as_of);
    end if;
  end loop;
end
$$;
comment on function private.close_orphans(public.alert_rules, text, timestamptz) is
  'Resolves the live incidents that a rule no longer measures: switched off, or of another entity, metric or scope than before.';

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
comment on function public.save_alert_rule(jsonb, timestamptz) is
  'Creates {rule}, or changes {id} by the fields of {rule}. PT404 NOT_FOUND or ENTITY_UNKNOWN, PT400 BAD_REQUEST, PT409 NAME_TAKEN.';

create function public.delete_alert_rule(p jsonb, as_of timestamptz default now()) returns boolean
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

create function private.channel_without_secrets(channel public.notification_channels) returns jsonb
language sql immutable set search_path = '' as $$
  select jsonb_build_object('name', channel.name, 'kind', channel.kind, 'is_active', channel.is_active, 'config', channel.config,
    'group_window', private.in_words(channel.group_window), 'hourly_limit', channel.hourly_limit, 'has_secret', channel.secret is not null,
    'has_previous_secret', channel.previous_secret is not null, 'created_at', channel.created_at, 'updated_at', channel.updated_at);
$$;
comment on function private.channel_without_secrets(public.notification_channels) is 'A channel as answers and the audit show it.';

create function public.save_notification_channel(p jsonb, as_of timestamptz default now()) returns jsonb
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
    (name, kind, is_active, config, secret, group_window, hourly_limit, created_at, updated_at)
  values (p ->> 'name', p ->> 'kind', coalesce((p ->> 'is_active')::boolean, true), coalesce(p -> 'config', '{}'), secret_now,
    coalesce((p ->> 'group_window')::interval, before.group_window, '30 seconds'),
    coalesce((p ->> 'hourly_limit')::integer, before.hourly_limit, 60), as_of, as_of)
  on conflict (name) do update set
    kind = excluded.kind,
    is_active = excluded.is_active,
    config = excluded.config,
    secret = excluded.secret,
    group_window = excluded.group_window,
    hourly_limit = excluded.hourly_limit,
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
  'Creates or replaces channel {name, kind, config, secret?, is_active?, group_window?, hourly_limit?}; the secret before stays as the previous one. PT400 BAD_REQUEST without a needed secret.';

create function public.delete_notification_channel(p jsonb, as_of timestamptz default now()) returns boolean
language plpgsql set search_path = '' as $$
declare
  before public.notification_channels;
begin
  delete from public.notification_channels where name = p ->> 'name' returning * into before;
  if not found then
    raise sqlstate 'PT404' using message = format('there is no channel %s', p ->> 'name'), detail = 'NOT_FOUND';
  end if;
  perform private.audit(p -> 'actor', 'delete-channel', 'channel', before.name, private.channel_without_secrets(before), null, null, as_of);
  return true;
end
$$;
comment on function public.delete_notification_channel(jsonb, timestamptz) is 'Deletes channel {name}; what waits for it ends DEAD. PT404 NOT_FOUND.';

create function public.try_notification_channel(p jsonb, as_of timestamptz default now()) returns jsonb
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
comment on function public.try_notification_channel(jsonb, timestamptz) is 'Sends a test message by channel {name}, the way every message goes. PT404 NOT_FOUND.';

create function public.get_alert_notification(p jsonb) returns jsonb
language sql stable set search_path = '' as $$
  select jsonb_build_object('id', n.id, 'channel', n.channel, 'status', n.status, 'attempts', n.attempts, 'created_at', n.created_at,
    'sent_at', n.sent_at, 'last_error', n.last_error)
  from public.alert_notifications n where n.id = (p ->> 'id')::uuid;
$$;
comment on function public.get_alert_notification(jsonb) is 'Where notification {id} stands; null when there is none.';

create function public.resend_alert_notification(p jsonb, as_of timestamptz default now()) returns jsonb
language plpgsql set search_path = '' as $$
declare
  notification public.alert_notifications;
begin
  update public.alert_notifications set status = 'PENDING', attempts = 0, next_attempt_at = as_of
  where id = (p ->> 'id')::uuid and status = 'DEAD' returning * into notification;
  if not found then
    if exists (select from public.alert_notifications where id = (p ->> 'id')::uuid) then
      raise sqlstate 'PT409' using message = 'only what is DEAD can be sent again', detail = 'NOT_DEAD';
    end if;
    raise sqlstate 'PT404' using message = format('there is no notification %s', p ->> 'id'), detail = 'NOT_FOUND';
  end if;
  perform private.audit(p -> 'actor', 'resend', 'notification', notification.id::text, '{"status": "DEAD"}', '{"status": "PENDING"}', null, as_of);
  perform private.call_function('sync-alert-processor', jsonb_build_object('cause', 'resend'));
  return public.get_alert_notification(p);
end
$$;
comment on function public.resend_alert_notification(jsonb, timestamptz) is 'Puts a DEAD notification {id} back for sending, under its old id. PT404 NOT_FOUND, PT409 NOT_DEAD.';

create function public.change_entity(p jsonb, as_of timestamptz default now()) returns jsonb
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
comment on function public.change_entity(jsonb, timestamptz) is
  'Pauses or resumes {entity_type}, and its jobs with it, or changes grace, max_runtime, alert_threshold_failures or notification_channels, by {changes}. PT404 ENTITY_UNKNOWN.';

create function public.resolve_errors(p jsonb, as_of timestamptz default now()) returns jsonb
language plpgsql set search_path = '' as $$
declare
  error public.sync_error_log;
  resolved integer;
begin
  select * into error from public.sync_error_log where id = (p ->> 'id')::uuid;
  if not found then
    raise sqlstate 'PT404' using message = format('there is no error %s', p ->> 'id'), detail = 'NOT_FOUND';
  end if;
  update public.sync_error_log set resolved_at = greatest(as_of, occurred_at), resolution_notes = p ->> 'note'
  where resolved_at is null and case when (p ->> 'group')::boolean then fingerprint = error.fingerprint else id = error.id end;
  get diagnostics resolved = row_count;
  perform private.audit(p -> 'actor', 'resolve-error', 'error', error.id::text, jsonb_build_object('fingerprint', error.fingerprint),
    jsonb_build_object('resolved', resolved, 'group', coalesce((p ->> 'group')::boolean, false)), p ->> 'note', as_of);
  return jsonb_build_object('resolved', resolved);
end
$$;
comment on function public.resolve_errors(jsonb, timestamptz) is 'Marks error {id}, or with {group} every open one of its fingerprint, as resolved, with {note?}; how many. PT404 NOT_FOUND.';

select private.secure_functions(
  'private.refuse_change', 'private.audit', 'private.audit_text', 'private.hmac_sha256', 'public.list_unsealed_audit',
  'public.list_sealed_audit', 'public.seal_audit', 'private.prune_audit_log', 'public.change_alert_incident',
  'public.save_alert_silence', 'public.end_alert_silence', 'private.wanted_rule', 'private.close_orphans', 'public.save_alert_rule',
  'public.delete_alert_rule', 'public.preview_alert_rule', 'private.channel_without_secrets', 'public.save_notification_channel',
  'public.delete_notification_channel', 'public.try_notification_channel', 'public.get_alert_notification',
  'public.resend_alert_notification', 'public.change_entity', 'public.resolve_errors'
);
