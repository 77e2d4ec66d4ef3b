-- The audit log with its seals, and the audited actions of people: on incidents, silences, rules, objectives, channels, notifications,
-- entities and errors. Over 300 lines, because the audit log and the actions that it records are in one file.

create table public.audit_log (
  id bigint generated always as identity primary key,
  at timestamptz not null,
  recorded_at timestamptz not null default clock_timestamp(),
  actor varchar not null,
  actor_role varchar not null,
  action varchar not null,
  object_type varchar not null,
  object_id varchar not null,
  before jsonb,
  after jsonb,
  reason text,
  request_id varchar,
  correlation_id varchar,
  address varchar,
  address_is_claimed boolean not null default true,
  voucher varchar,
  constraint audit_log_action_is_a_name check (action ~ '^[a-z]+(-[a-z]+)*$'),
  constraint audit_log_act_is_not_empty check (before is not null or after is not null),
  constraint audit_log_voucher_is_sha256 check (voucher ~ '^[0-9a-f]{64}$')
);
comment on table public.audit_log is
  'One row per act of a person or a service, with the state before and after. Append-only; only SQL functions write rows, also for the '
  'service.';
comment on column public.audit_log.at is 'The time of the act, which the caller of a SQL function can choose.';
comment on column public.audit_log.recorded_at is 'The time of the database, which no caller can choose.';
comment on column public.audit_log.correlation_id is 'The correlation id that the caller sent.';
comment on column public.audit_log.address_is_claimed is
  'Whether the address is from a header that callers can set, and not from the trusted header.';
comment on column public.audit_log.voucher is
  'The HMAC of sync-admin over request id, actor, action and object. An act without a voucher did not come through sync-admin.';
create index audit_log_time_idx on public.audit_log (at, id);
create index audit_log_object_idx on public.audit_log (object_type, object_id, id);
-- A voucher is for one act, so the index refuses a copy.
create unique index audit_log_one_act_per_voucher on public.audit_log (voucher) where voucher is not null;
select private.secure_table('public.audit_log');
revoke insert, update, delete, truncate, references, trigger on public.audit_log from service_role;

create table public.audit_seals (
  audit_id bigint primary key,
  previous_id bigint unique,
  previous_mac text not null,
  digest text not null,
  verdict varchar not null,
  sealed_at timestamptz not null,
  mac text not null,
  constraint audit_seals_digest_is_sha256 check (digest ~ '^[0-9a-f]{64}$'),
  constraint audit_seals_mac_is_sha256 check (mac ~ '^[0-9a-f]{64}$'),
  constraint audit_seals_verdict_is_known check (verdict in ('VOUCHED', 'DATABASE', 'UNVOUCHED')),
  constraint audit_seals_previous_is_not_later check (previous_id < audit_id),
  constraint audit_seals_first_has_no_previous_mac check ((previous_id is null) = (previous_mac = ''))
);
comment on table public.audit_seals is
  'One seal per row of audit_log: an HMAC-SHA-256 over the other columns, so that a seal can be verified without its row. Append-only.';
comment on column public.audit_seals.digest is 'The SHA-256 of the text of the row.';
comment on column public.audit_seals.verdict is
  'VOUCHED: the row has a valid voucher. DATABASE: the act of retention, which has no voucher. UNVOUCHED: any other row.';
select private.secure_table('public.audit_seals');
revoke insert, update, delete, truncate, references, trigger on public.audit_seals from service_role;

create function private.refuse_change() returns trigger
language plpgsql set search_path = '' as $$
begin
  -- private.prune_audit_log sets this parameter for its transaction. Another role can set it, but has no grant to delete.
  if tg_op = 'DELETE' and current_setting('sync.prunes_audit', true) = 'on' then
    return null;
  end if;
  raise exception '% is append-only: % is refused', tg_table_name, tg_op using errcode = '42501';
end
$$;
comment on function private.refuse_change() is
  'Refuses update, delete and truncate for every role, including the owner; only retention can delete.';

create trigger audit_log_refuse_change before update or delete or truncate on public.audit_log
  for each statement execute function private.refuse_change();
create trigger audit_seals_refuse_change before update or delete or truncate on public.audit_seals
  for each statement execute function private.refuse_change();

create function private.audit(
  actor jsonb, action text, object_type text, object_id text, before jsonb, after jsonb, reason text, as_of timestamptz
) returns void
language sql security definer set search_path = '' as $$
  -- The lock lasts until commit, so that rows become visible in the order of their ids and the sealer skips none.
  select pg_advisory_xact_lock(hashtext('private.audit'));
  insert into public.audit_log
    (at, actor, actor_role, action, object_type, object_id, before, after, reason, request_id, correlation_id, address,
     address_is_claimed, voucher)
  values (as_of, actor ->> 'name', actor ->> 'role', action, object_type, object_id, before, after, reason, actor ->> 'request_id',
    actor ->> 'correlation_id', actor ->> 'address', coalesce((actor ->> 'address_is_claimed')::boolean, true),
    actor -> 'vouchers' ->> action);
$$;
comment on function private.audit(jsonb, text, text, text, jsonb, jsonb, text, timestamptz) is
  'Writes the audit row of an action by actor {name, role, request_id?, correlation_id?, address?, address_is_claimed?, vouchers?: '
  '{action: voucher}}. Security definer, because the service must not insert rows: each row then has the action and object of a function.';

create function private.audit_text(entry public.audit_log) returns text
language sql stable set search_path = '' set timezone = 'UTC' as $$
  select jsonb_build_object(
    'id', entry.id, 'at', entry.at, 'recorded_at', entry.recorded_at, 'actor', entry.actor, 'actor_role', entry.actor_role,
    'action', entry.action, 'object_type', entry.object_type, 'object_id', entry.object_id, 'before', entry.before, 'after', entry.after,
    'reason', entry.reason, 'request_id', entry.request_id, 'correlation_id', entry.correlation_id, 'address', entry.address,
    'address_is_claimed', entry.address_is_claimed, 'voucher', entry.voucher
  )::text;
$$;
comment on function private.audit_text(public.audit_log) is 'The text that a seal covers: every column of the row, as one JSON object.';

create function private.seal_json(seal public.audit_seals) returns jsonb
language sql stable set search_path = '' as $$
  select to_jsonb(seal) - 'audit_id' || jsonb_build_object('id', seal.audit_id);
$$;
comment on function private.seal_json(public.audit_seals) is 'A seal with the id of its row, for the sealer and the verifier.';

create function private.hmac_sha256(key bytea, message bytea) returns bytea
language plpgsql immutable set search_path = '' as $$
declare
  block constant bytea := case when length(key) > 64 then sha256(key) else key end;
  inner_pad bytea := block || decode(repeat('00', 64 - length(block)), 'hex');
  outer_pad bytea := inner_pad;
begin
  -- In RFC 2104 the bytes of the inner pad are 0x36 (54), and those of the outer pad are 0x5c (92).
  for i in 0 .. 63 loop
    inner_pad := set_byte(inner_pad, i, get_byte(inner_pad, i) # 54);
    outer_pad := set_byte(outer_pad, i, get_byte(outer_pad, i) # 92);
  end loop;
  return sha256(outer_pad || sha256(inner_pad || message));
end
$$;
comment on function private.hmac_sha256(bytea, bytea) is
  'HMAC (RFC 2104) with SHA-256. pgcrypto is not used, because its schema differs between platforms.';

create function public.list_unsealed_audit(p jsonb) returns jsonb
language sql stable set search_path = '' as $$
  select private.refuse_unknown_fields(p, '{limit}');
  select jsonb_build_object(
    'head', (select private.seal_json(s) from public.audit_seals s order by s.audit_id desc limit 1),
    'entries', (
      select coalesce(jsonb_agg(to_jsonb(u) order by u.id), '[]') from (
        select a.id, private.audit_text(a) as text from public.audit_log a
        where a.id > coalesce((select max(s.audit_id) from public.audit_seals s), 0) order by a.id limit (p ->> 'limit')::integer
      ) u)
  );
$$;
comment on function public.list_unsealed_audit(jsonb) is 'Returns the newest seal as head and up to {limit} rows after it as entries.';

create function public.list_sealed_audit(p jsonb) returns jsonb
language sql stable set search_path = '' as $$
  select private.refuse_unknown_fields(p, '{after,limit}');
  with newest as (select max(s.audit_id) as id from public.audit_seals s),
  -- Each of the two branches reads at most {limit} rows by its index, which a full join does not.
  ids as (
    (select a.id from public.audit_log a, newest n
      where a.id > (p ->> 'after')::bigint and a.id <= n.id order by a.id limit (p ->> 'limit')::integer)
    union
    (select s.audit_id from public.audit_seals s
      where s.audit_id > (p ->> 'after')::bigint order by s.audit_id limit (p ->> 'limit')::integer)
    order by id limit (p ->> 'limit')::integer
  )
  select jsonb_build_object(
    'rows', (
      select coalesce(jsonb_agg(jsonb_build_object(
        'id', i.id, 'seal', case when s.audit_id is not null then private.seal_json(s) end,
        'text', case when a.id is not null then private.audit_text(a) end
      ) order by i.id), '[]')
      from ids i left join public.audit_log a on a.id = i.id left join public.audit_seals s on s.audit_id = i.id),
    'unsealed', (select count(*) from public.audit_log a where a.id > coalesce((select n.id from newest n), 0))
  );
$$;
comment on function public.list_sealed_audit(jsonb) is
  'Returns up to {limit} rows after id {after} and up to the newest seal as rows, each with its seal; text is null when the row is '
  'missing, seal when the seal is missing. unsealed counts the rows after the newest seal.';

create function private.add_seals(after_id bigint, seals jsonb) returns integer
language plpgsql security definer set search_path = '' as $$
declare
  sealed integer;
begin
  perform pg_advisory_xact_lock(hashtext('private.add_seals'));
  -- The seals of this call are not written when another sealer has written newer ones.
  if after_id is distinct from (select max(s.audit_id) from public.audit_seals s) then
    return 0;
  end if;
  -- The ids and their order are from the log and not from the caller, because the sealer begins after the newest seal, and a wrong id ends
  -- the sealing.
  insert into public.audit_seals (audit_id, previous_id, previous_mac, digest, verdict, sealed_at, mac)
  select e.id, coalesce(lag(e.id) over (order by e.id), after_id),
    coalesce(lag(s.seal ->> 'mac') over (order by e.id), (select h.mac from public.audit_seals h where h.audit_id = after_id), ''),
    s.seal ->> 'digest', s.seal ->> 'verdict', (s.seal ->> 'sealed_at')::timestamptz, s.seal ->> 'mac'
  from (select a.id, row_number() over (order by a.id) as position from public.audit_log a where a.id > coalesce(after_id, 0)) e
  join jsonb_array_elements(seals) with ordinality s (seal, position) on s.position = e.position;
  get diagnostics sealed = row_count;
  return sealed;
end
$$;
comment on function private.add_seals(bigint, jsonb) is
  'Writes the seals of the rows that follow the newest seal, in their order. Security definer, because the service must not insert seals.';

create function public.seal_audit(p jsonb) returns integer
language sql set search_path = '' as $$
  select private.refuse_unknown_fields(p, '{after,seals}');
  select private.add_seals((p ->> 'after')::bigint, p -> 'seals');
$$;
comment on function public.seal_audit(jsonb) is
  'Writes {seals: [{digest, verdict, sealed_at, mac}]} of the next rows if {after} is still the newest seal, and returns their number.';

create function private.prune_audit_log() returns integer
language plpgsql set search_path = '' set timezone = 'UTC' as $$
declare
  -- This function has the limit of 90 days too, because a person who can change the setting must not be able to erase the log.
  kept_from constant timestamptz := clock_timestamp() - (
    select greatest(r.keep, interval '90 days') from public.retention_settings r where r.subject = 'audit_log');
  anchor_id bigint;
  pruned integer;
begin
  -- Only sealed rows at the start are deleted, so that the chain has no gap. The seal of the last deleted row stays as the anchor, because
  -- the next seal was computed from it, and its time shows that retention was allowed to delete.
  select max(a.id) into anchor_id from public.audit_log a
  where a.id < (
    select min(b.id) from public.audit_log b left join public.audit_seals s on s.audit_id = b.id
    where b.recorded_at >= kept_from or s.sealed_at is null or s.sealed_at >= kept_from);
  if anchor_id is null or kept_from is null then
    return 0;
  end if;
  perform set_config('sync.prunes_audit', 'on', true);
  delete from public.audit_log where id <= anchor_id;
  get diagnostics pruned = row_count;
  delete from public.audit_seals where audit_id < anchor_id;
  perform set_config('sync.prunes_audit', 'off', true);
  -- Verification accepts the missing rows, because this audit row names the anchor. No other function writes its action and object type.
  perform private.audit('{"name": "retention", "role": "database"}', 'prune-audit', 'audit-log', anchor_id::text, null,
    jsonb_build_object('rows', pruned, 'anchor_id', anchor_id, 'kept_from', kept_from), 'older than the retention', clock_timestamp());
  return pruned;
end
$$;
comment on function private.prune_audit_log() is
  'Deletes the sealed rows whose retention has ended by the clock of the database, never of the last 90 days, and returns their number. '
  'Only the owner may call it.';

create function private.refuse_missing(is_found boolean, what text, id text) returns void
language plpgsql immutable set search_path = '' as $$
begin
  if not is_found then
    raise sqlstate 'PT404' using message = format('there is no %s %s', what, id), detail = 'NOT_FOUND';
  end if;
end
$$;
comment on function private.refuse_missing(boolean, text, text) is 'Raises PT404 NOT_FOUND for an object that does not exist.';

create function private.refuse_over_limit(p_subject text, as_of timestamptz) returns void
language plpgsql set search_path = '' as $$
declare
  allowed constant integer := (select l.maximum from public.limit_settings l where l.subject = p_subject);
  existing integer;
begin
  -- The lock lasts until commit, so that two callers cannot both create the last allowed row.
  perform pg_advisory_xact_lock(hashtext('private.refuse_over_limit:' || p_subject));
  existing := case p_subject
    when 'alert_rules' then (select count(*) from public.alert_rules)
    when 'objectives' then (select count(*) from public.sync_objectives)
    when 'notification_channels' then (select count(*) from public.notification_channels)
    when 'silences' then (select count(*) from public.alert_silences where ends_at > as_of)
    when 'waiting_jobs' then (select count(*) from public.sync_jobs where status = 'QUEUED')
  end;
  if existing >= allowed then
    raise sqlstate 'PT409' using
      message = format('there are %s %s, and at most %s are allowed', existing, replace(p_subject, '_', ' '), allowed),
      detail = 'LIMIT_REACHED';
  end if;
end
$$;
comment on function private.refuse_over_limit(text, timestamptz) is
  'Raises PT409 LIMIT_REACHED when the number of rows of the subject has reached its limit in limit_settings.';

create function private.next_repetition(p_action text, p_object_type text, p_object_id text, as_of timestamptz) returns timestamptz
language sql stable set search_path = '' as $$
  select case when a.at + interval '1 minute' > as_of then a.at + interval '1 minute' end
  from public.audit_log a
  where a.object_type = p_object_type and a.object_id = p_object_id and a.action = p_action
  order by a.id desc
  limit 1;
$$;
comment on function private.next_repetition(text, text, text, timestamptz) is
  'The time at which an act that sends requests may be repeated on its object, a minute after the last one; null when it may be repeated '
  'now.';

create function private.refuse_repetition(p_action text, p_object_type text, p_object_id text, as_of timestamptz) returns void
language plpgsql set search_path = '' as $$
declare
  next_at timestamptz;
begin
  -- The lock lasts until commit, so that the audit row of one act is visible to the next act.
  perform pg_advisory_xact_lock(hashtext(concat_ws(':', 'private.refuse_repetition', p_action, p_object_id)));
  next_at := private.next_repetition(p_action, p_object_type, p_object_id, as_of);
  if next_at is not null then
    raise sqlstate 'PT429' using
      message = format('%s is allowed once a minute, and again at %s', p_action, to_jsonb(next_at) #>> '{}'),
      detail = 'TOO_SOON', hint = ceil(extract(epoch from next_at - as_of))::text;
  end if;
end
$$;
comment on function private.refuse_repetition(text, text, text, timestamptz) is
  'Raises PT429 TOO_SOON, with the seconds to wait as hint, within a minute after the last audited act of this kind on the object.';
create function private.refuse_unknown_action(action text, known text[]) returns void
language plpgsql immutable set search_path = '' as $$
begin
  if action is null or action <> all (known) then
    raise sqlstate 'PT400' using message = 'action: must be one of ' || array_to_string(known, ', '), detail = 'BAD_REQUEST';
  end if;
end
$$;
comment on function private.refuse_unknown_action(text, text[]) is
  'Raises PT400 BAD_REQUEST for an action that a function does not have, so that no caller chooses the action of an audit row.';

create function public.change_alert_incident(p jsonb, as_of timestamptz default now()) returns jsonb
language plpgsql set search_path = '' as $$
declare
  action constant text := p ->> 'action';
  actor_name constant text := p -> 'actor' ->> 'name';
  before public.alert_incidents;
  after public.alert_incidents;
begin
  perform private.refuse_unknown_fields(p, '{id,action,note,until,actor}');
  perform private.refuse_unknown_action(action, '{acknowledge,unacknowledge,resolve}');
  select * into before from public.alert_incidents where id = (p ->> 'id')::uuid and not is_test for update;
  perform private.refuse_missing(found, 'incident', p ->> 'id');
  if before.state not in ('FIRING', 'ACKNOWLEDGED') or action = 'unacknowledge' and before.state = 'FIRING' then
    raise sqlstate 'PT409' using message = format('the incident is %s and cannot be %sd', before.state, action), detail = 'ALERT_STATE';
  end if;
  update public.alert_incidents i set
    state = case action when 'acknowledge' then 'ACKNOWLEDGED' when 'unacknowledge' then 'FIRING' when 'resolve' then 'RESOLVED' end,
    acknowledged_at = case action when 'acknowledge' then as_of when 'unacknowledge' then null else i.acknowledged_at end,
    acknowledged_by = case action when 'acknowledge' then actor_name when 'unacknowledge' then null else i.acknowledged_by end,
    acknowledged_until = case action when 'acknowledge' then (p ->> 'until')::timestamptz end,
    unacknowledged_since = null,
    awaits_recovery = action = 'resolve',
    resolved_at = case action when 'resolve' then as_of end,
    version = i.version + 1, updated_at = as_of
  where i.id = before.id returning * into after;
  insert into public.alert_events (incident_id, at, from_state, to_state, severity, reason)
  values (after.id, as_of, before.state, after.state, after.severity, concat_ws(': ', action || 'd by ' || actor_name, p ->> 'note'));
  if action = 'resolve' and after.notified_at is not null then
    perform private.queue_end(after, 'resolved by ' || actor_name, as_of);
  elsif action = 'acknowledge' then
    perform private.queue_acknowledgement(after, concat_ws(': ', 'acknowledged by ' || actor_name, p ->> 'note'), as_of);
  end if;
  perform private.audit(p -> 'actor', action, 'alert', after.id::text, jsonb_build_object('state', before.state),
    jsonb_build_object('state', after.state, 'acknowledged_until', after.acknowledged_until), p ->> 'note', as_of);
  return to_jsonb(after);
end
$$;
comment on function public.change_alert_incident(jsonb, timestamptz) is
  'Acknowledges, unacknowledges or resolves an incident and returns it; PT404 NOT_FOUND, PT409 ALERT_STATE.';

create function public.label_alert_incident(p jsonb, as_of timestamptz default now()) returns jsonb
language plpgsql set search_path = '' as $$
declare
  before public.alert_incidents;
  after public.alert_incidents;
begin
  perform private.refuse_unknown_fields(p, '{id,label,actor}');
  select * into before from public.alert_incidents where id = (p ->> 'id')::uuid and not is_test for update;
  perform private.refuse_missing(found, 'incident', p ->> 'id');
  if before.state = 'PENDING' then
    raise sqlstate 'PT409' using message = 'the incident is PENDING and cannot be labelled', detail = 'ALERT_STATE';
  end if;
  update public.alert_incidents i set
    label = p ->> 'label', labelled_by = case when p ->> 'label' is not null then p -> 'actor' ->> 'name' end
  where i.id = before.id returning * into after;
  perform private.audit(p -> 'actor', 'label', 'alert', after.id::text, jsonb_build_object('label', before.label),
    jsonb_build_object('label', after.label), null, as_of);
  return to_jsonb(after);
end
$$;
comment on function public.label_alert_incident(jsonb, timestamptz) is
  'Labels an incident USEFUL or NOISE, or with null removes the label, and returns the incident; PT404 NOT_FOUND, PT409 ALERT_STATE.';

create function private.refuse_unknown_scope(p_entity_type text) returns void
language plpgsql stable set search_path = '' as $$
begin
  perform from public.sync_status where entity_type = p_entity_type;
  if not found and p_entity_type not in ('all', 'system') then
    raise sqlstate 'PT404' using message = format('there is no entity %L', p_entity_type), detail = 'ENTITY_UNKNOWN';
  end if;
end
$$;
comment on function private.refuse_unknown_scope(text) is 'Raises PT404 ENTITY_UNKNOWN unless the type is an entity, all or system.';

create function private.refuse_invalid_silence(p jsonb, as_of timestamptz) returns void
language plpgsql stable set search_path = '' as $$
declare
  starts_at constant timestamptz := coalesce((p ->> 'starts_at')::timestamptz, as_of);
  ends_at constant timestamptz := (p ->> 'ends_at')::timestamptz;
  problem text;
begin
  problem := case
    when ends_at <= as_of then 'ends_at: must be in the future'
    when starts_at - as_of > interval '366 days' then 'starts_at: must be within 366 days'
    when p ->> 'recurs_every' is null and ends_at - starts_at > interval '31 days' then 'ends_at: must be at most 31 days after the start'
    when ends_at - starts_at > interval '366 days' then 'ends_at: must be at most 366 days after the start of a recurring silence'
  end;
  if problem is not null then
    raise sqlstate 'PT400' using message = problem, detail = 'BAD_REQUEST';
  end if;
end
$$;
comment on function private.refuse_invalid_silence(jsonb, timestamptz) is
  'Raises PT400 BAD_REQUEST, which names the field, for a silence that has ended, starts too late or is too long.';

create function public.save_alert_silence(p jsonb, as_of timestamptz default now()) returns jsonb
language plpgsql set search_path = '' set timezone = 'UTC' as $$
declare
  saved public.alert_silences;
begin
  perform private.refuse_unknown_fields(p,
    '{id,entity_type,rule_id,severity,tournament_no,incident_id,starts_at,ends_at,recurs_every,lasts,reason,actor}');
  perform private.refuse_invalid_silence(p, as_of);
  perform private.refuse_unknown_scope(p ->> 'entity_type');
  perform from public.alert_rules where id = (p ->> 'rule_id')::uuid;
  perform private.refuse_missing(found or p ->> 'rule_id' is null, 'rule', p ->> 'rule_id');
  perform from public.alert_incidents where id = (p ->> 'incident_id')::uuid and not is_test;
  perform private.refuse_missing(found or p ->> 'incident_id' is null, 'incident', p ->> 'incident_id');
  perform private.refuse_over_limit('silences', as_of);
  insert into public.alert_silences
  select s.* from jsonb_populate_record(null::public.alert_silences, jsonb_build_object('starts_at', as_of) || p || jsonb_build_object(
    'id', coalesce((p ->> 'id')::uuid, gen_random_uuid()), 'created_by', p -> 'actor' ->> 'name', 'created_at', as_of)) s
  returning * into saved;
  if not private.is_silencing(saved, as_of) and saved.starts_at <= as_of
    and private.last_due(saved.starts_at, saved.recurs_every, as_of) + saved.recurs_every >= saved.ends_at then
    raise sqlstate 'PT400' using message = 'ends_at: must be after the next recurrence', detail = 'BAD_REQUEST';
  end if;
  perform private.audit(p -> 'actor', 'create-silence', 'silence', saved.id::text, null, to_jsonb(saved), saved.reason, as_of);
  return private.lengths_in_words(to_jsonb(saved));
end
$$;
comment on function public.save_alert_silence(jsonb, timestamptz) is
  'Creates a silence and returns it; {lasts} and {recurs_every} make it recurring. PT404 NOT_FOUND or ENTITY_UNKNOWN, PT400 BAD_REQUEST, '
  'PT409 LIMIT_REACHED.';

create function public.end_alert_silence(p jsonb, as_of timestamptz default now()) returns jsonb
language plpgsql set search_path = '' as $$
declare
  before public.alert_silences;
  after public.alert_silences;
begin
  perform private.refuse_unknown_fields(p, '{id,reason,actor}');
  select * into before from public.alert_silences where id = (p ->> 'id')::uuid for update;
  perform private.refuse_missing(found, 'silence', p ->> 'id');
  if before.ends_at <= as_of then
    raise sqlstate 'PT409' using message = format('the silence ended at %s', before.ends_at), detail = 'SILENCE_OVER';
  end if;
  -- A silence that starts in the future ends at its start, because a check forbids an earlier end.
  update public.alert_silences set ends_at = greatest(as_of, starts_at) where id = before.id returning * into after;
  perform private.audit(p -> 'actor', 'end-silence', 'silence', after.id::text, to_jsonb(before), to_jsonb(after), p ->> 'reason', as_of);
  return to_jsonb(after);
end
$$;
comment on function public.end_alert_silence(jsonb, timestamptz) is
  'Ends silence {id} now, with {reason?}, and returns it; PT404 NOT_FOUND, PT409 SILENCE_OVER.';

create function private.refuse_unknown_channels(field text, names jsonb) returns void
language plpgsql stable set search_path = '' as $$
declare
  unknown_names constant text := (
    select string_agg(distinct named.name, ', ') from jsonb_array_elements_text(names) named (name)
    where not exists (select from public.notification_channels c where c.name = named.name)
  );
  alertmanagers constant text := (
    select string_agg(c.name, ', ' order by c.name) from public.notification_channels c where c.kind = 'alertmanager' and names ? c.name
  );
begin
  if unknown_names is not null then
    raise sqlstate 'PT400' using message = format('%s: there is no channel %s', field, unknown_names), detail = 'BAD_REQUEST';
  elsif alertmanagers is not null then
    raise sqlstate 'PT400' using
      message = format('%s: must not name %s, which receives every incident', field, alertmanagers), detail = 'BAD_REQUEST';
  end if;
end
$$;
comment on function private.refuse_unknown_channels(text, jsonb) is
  'Raises PT400 BAD_REQUEST for a name that is no channel, or that is a channel of the kind alertmanager.';

create function private.refuse_invalid_rule(rule public.alert_rules) returns void
language plpgsql stable set search_path = '' as $$
declare
  allowed constant numrange := private.threshold_range(rule.metric);
  is_system constant boolean := rule.metric in (
    'undelivered_age', 'processor_late', 'queue_age', 'broken_rules', 'canary', 'canary_failed');
  is_below constant boolean := rule.metric in ('success_rate', 'cache_hit_ratio');
  range constant text := format('must be between %s and %s for the metric %s', lower(allowed), upper(allowed), rule.metric);
  problem text;
begin
  -- sync-admin has checked the request. These are the fields of a stored rule that a change makes invalid.
  problem := case
    when not rule.threshold <@ allowed then 'threshold: ' || range
    when not rule.recovery_threshold <@ allowed then 'recovery_threshold: ' || range
    when is_below and rule.recovery_threshold < rule.threshold then 'recovery_threshold: must be at least the threshold'
    when not is_below and rule.recovery_threshold > rule.threshold then 'recovery_threshold: must be at most the threshold'
    when rule.metric = 'canary' and exists (select from public.alert_rules r where r.metric = 'canary' and r.id <> rule.id)
      then 'metric: can be canary for one rule only'
    when rule.metric = 'burn_rate' and rule.objective_id is null then 'objective_id: must be set for the metric burn_rate'
    when rule.metric <> 'burn_rate' and rule.objective_id is not null then 'objective_id: can be set only for the metric burn_rate'
    when rule.objective_id is not null and not exists (
      select from public.sync_objectives o where o.id = rule.objective_id and o.entity_type = rule.entity_type
    ) then 'objective_id: must be an objective of the same entity_type'
    when rule.error_type is not null and rule.metric <> 'error_rate' then 'error_type: can be set only for the metric error_rate'
    when is_system and rule.entity_type <> 'system' then 'entity_type: must be system for the metric ' || rule.metric
    when not is_system and rule.entity_type = 'system' then 'entity_type: cannot be system for the metric ' || rule.metric
    when rule.scope = 'TOURNAMENT'
      and (rule.metric not in ('success_rate', 'consecutive_failures', 'tournament_staleness') or rule.entity_type = 'all')
      then format('scope: cannot be TOURNAMENT for the metric %s of %s', rule.metric, rule.entity_type)
    when rule.scope = 'ENTITY' and rule.metric = 'tournament_staleness' then 'scope: must be TOURNAMENT for the metric ' || rule.metric
    when rule.scope = 'ENTITY' and rule.lowest_priority is not null then 'lowest_priority: can be set only for the scope TOURNAMENT'
  end;
  if problem is not null then
    raise sqlstate 'PT400' using message = problem, detail = 'BAD_REQUEST';
  end if;
  perform private.refuse_unknown_scope(rule.entity_type);
end
$$;
comment on function private.refuse_invalid_rule(public.alert_rules) is
  'Raises PT400 BAD_REQUEST, which names the field, for a rule that its checks refuse; PT404 ENTITY_UNKNOWN.';

create function private.rule_with_changes(before public.alert_rules, changes jsonb, as_of timestamptz) returns public.alert_rules
language plpgsql stable set search_path = '' as $$
declare
  defaults constant jsonb := jsonb_build_object(
    'id', gen_random_uuid(), 'description', '', 'scope', 'ENTITY', 'notification_channels', '["dashboard"]'::jsonb,
    'escalation_channels', jsonb_build_array(), 'is_active', true, 'minimum_runs', 1, 'for_duration', '0', 'no_data', 'KEEP',
    'repeat_interval', '4 hours', 'created_at', as_of
  );
  rule public.alert_rules;
begin
  rule := jsonb_populate_record(
    before, case when before.id is null then defaults else '{}' end || changes || jsonb_build_object('updated_at', as_of));
  perform private.refuse_invalid_rule(rule);
  -- The channels are checked only when this request sets them, so that the other fields of a rule with a deleted channel can change.
  if changes ? 'notification_channels' then
    perform private.refuse_unknown_channels('notification_channels', rule.notification_channels);
  end if;
  if changes ? 'escalation_channels' then
    perform private.refuse_unknown_channels('escalation_channels', jsonb_path_query_array(rule.escalation_channels, '$[*][*]'));
  end if;
  return rule;
end
$$;
comment on function private.rule_with_changes(public.alert_rules, jsonb, timestamptz) is
  'The rule with the changes; a new rule starts from the defaults. PT404 ENTITY_UNKNOWN, PT400 BAD_REQUEST with the field.';

create function private.resolve_unmeasured_incidents(
  before public.alert_rules, after public.alert_rules, changed_by text, as_of timestamptz
) returns void
language plpgsql set search_path = '' as $$
declare
  incident public.alert_incidents;
begin
  -- A pending incident has no notification, so it is discarded when the condition of its rule changed.
  delete from public.alert_incidents i
  where i.rule_id = after.id and i.state = 'PENDING' and (not after.is_active
    or (before.metric, before.entity_type, before.scope, before.evaluation_window, before.threshold, before.recovery_threshold,
        before.error_type, before.objective_id)
      is distinct from (after.metric, after.entity_type, after.scope, after.evaluation_window, after.threshold, after.recovery_threshold,
        after.error_type, after.objective_id));
  -- An evaluation resolves only incidents that a rule measures, so this function resolves the others.
  for incident in
    update public.alert_incidents i set state = 'RESOLVED', resolved_at = as_of, version = i.version + 1, updated_at = as_of
    where i.rule_id = after.id and i.state in ('FIRING', 'ACKNOWLEDGED')
      and (not after.is_active or i.entity_type <> after.entity_type or i.metric <> after.metric
        or (i.tournament_no is not null) <> (after.scope = 'TOURNAMENT'))
    returning i.*
  loop
    insert into public.alert_events (incident_id, at, to_state, severity, reason)
    values (incident.id, as_of, 'RESOLVED', incident.severity, 'the rule was changed, switched off or deleted by ' || changed_by);
    if incident.notified_at is not null then
      perform private.queue_end(incident, 'the rule was changed, switched off or deleted', as_of);
    end if;
  end loop;
end
$$;
comment on function private.resolve_unmeasured_incidents(public.alert_rules, public.alert_rules, text, timestamptz) is
  'Discards the pending and resolves the firing incidents that a changed rule no longer measures.';

create function public.save_alert_rule(p jsonb, as_of timestamptz default now()) returns jsonb
language plpgsql set search_path = '' as $$
declare
  before public.alert_rules;
  after public.alert_rules;
  changed public.alert_rules;
begin
  perform private.refuse_unknown_fields(p, '{id,new_id,rule,reason,actor}');
  select * into before from public.alert_rules where id = (p ->> 'id')::uuid for update;
  perform private.refuse_missing(found or p ->> 'id' is null, 'rule', p ->> 'id');
  changed := private.rule_with_changes(before, p -> 'rule', as_of);
  if before.id is null then
    perform private.refuse_over_limit('alert_rules', as_of);
    changed.id := coalesce((p ->> 'new_id')::uuid, changed.id);
    insert into public.alert_rules select changed.* returning * into after;
  else
    update public.alert_rules r set
      (name, description, entity_type, scope, lowest_priority, metric, threshold, evaluation_window, severity, notification_channels,
       escalation_delay, escalation_channels, is_active, updated_at, minimum_runs, for_duration, recovery_threshold, error_type, no_data,
       runbook_url, repeat_interval, objective_id)
      = (changed.name, changed.description, changed.entity_type, changed.scope, changed.lowest_priority, changed.metric,
        changed.threshold, changed.evaluation_window, changed.severity, changed.notification_channels, changed.escalation_delay,
        changed.escalation_channels, changed.is_active, changed.updated_at, changed.minimum_runs, changed.for_duration,
        changed.recovery_threshold, changed.error_type, changed.no_data, changed.runbook_url, changed.repeat_interval, changed.objective_id)
    where r.id = before.id returning * into after;
    perform private.resolve_unmeasured_incidents(before, after, p -> 'actor' ->> 'name', as_of);
  end if;
  perform private.record_rule_version(after, p -> 'actor' ->> 'name', as_of);
  perform private.audit(p -> 'actor', case when before.id is null then 'create-rule' else 'change-rule' end, 'alert-rule', after.id::text,
    case when before.id is not null then to_jsonb(before) end, to_jsonb(after), p ->> 'reason', as_of);
  return private.lengths_in_words(to_jsonb(after));
exception
  when unique_violation then
    raise sqlstate 'PT409' using message = format('another rule already has the name %L', changed.name), detail = 'NAME_TAKEN';
end
$$;
comment on function public.save_alert_rule(jsonb, timestamptz) is
  'Creates a rule, with {new_id?}, or changes rule {id} and returns it; PT404 NOT_FOUND or ENTITY_UNKNOWN, PT400 BAD_REQUEST, PT409 '
  'NAME_TAKEN or LIMIT_REACHED.';

create function private.delete_rule(rule public.alert_rules, changed_by text, as_of timestamptz) returns void
language plpgsql set search_path = '' as $$
declare
  switched_off public.alert_rules := rule;
begin
  switched_off.is_active := false;
  perform private.resolve_unmeasured_incidents(rule, switched_off, changed_by, as_of);
  delete from public.alert_rules where id = rule.id;
  update public.alert_rule_versions v set valid_until = greatest(as_of, v.valid_from) where v.rule_id = rule.id and v.valid_until is null;
end
$$;
comment on function private.delete_rule(public.alert_rules, text, timestamptz) is
  'Deletes a rule, discards its pending and resolves its firing incidents, and ends its current version.';

create function public.delete_alert_rule(p jsonb, as_of timestamptz default now()) returns boolean
language plpgsql set search_path = '' as $$
declare
  before public.alert_rules;
begin
  perform private.refuse_unknown_fields(p, '{id,reason,actor}');
  select * into before from public.alert_rules where id = (p ->> 'id')::uuid for update;
  perform private.refuse_missing(found, 'rule', p ->> 'id');
  perform private.delete_rule(before, p -> 'actor' ->> 'name', as_of);
  perform private.audit(p -> 'actor', 'delete-rule', 'alert-rule', before.id::text, to_jsonb(before), null, p ->> 'reason', as_of);
  return true;
end
$$;
comment on function public.delete_alert_rule(jsonb, timestamptz) is
  'Deletes rule {id}, with {reason?}, discards its pending and resolves its firing incidents, and returns true; PT404 NOT_FOUND.';

create function public.preview_alert_rule(p jsonb, as_of timestamptz default now()) returns jsonb
language plpgsql stable set search_path = '' as $$
declare
  before public.alert_rules;
begin
  perform private.refuse_unknown_fields(p, '{id,rule}');
  select * into before from public.alert_rules where id = (p ->> 'id')::uuid;
  perform private.refuse_missing(found or p ->> 'id' is null, 'rule', p ->> 'id');
  return private.measure_rules(array[private.rule_with_changes(before, coalesce(p -> 'rule', '{}'), as_of)], as_of);
end
$$;
comment on function public.preview_alert_rule(jsonb, timestamptz) is
  'The measurements of a changed or new rule, without writing; PT404 NOT_FOUND or ENTITY_UNKNOWN, PT400 BAD_REQUEST.';

create function private.refuse_invalid_objective(objective public.sync_objectives, before public.sync_objectives) returns void
language plpgsql stable set search_path = '' as $$
declare
  problem text;
begin
  problem := case
    when before.id is not null and objective.indicator <> before.indicator then 'indicator: cannot change; create another objective'
    when before.id is not null and objective.entity_type <> before.entity_type then 'entity_type: cannot change; create another objective'
    when before.id is not null and objective.rolling_window <> before.rolling_window
      then 'rolling_window: cannot change; create another objective'
    when objective.entity_type = 'system' then 'entity_type: cannot be system'
  end;
  if problem is not null then
    raise sqlstate 'PT400' using message = problem, detail = 'BAD_REQUEST';
  end if;
  perform private.refuse_unknown_scope(objective.entity_type);
end
$$;
comment on function private.refuse_invalid_objective(public.sync_objectives, public.sync_objectives) is
  'Refuses an objective of an unknown entity, and a change of its entity, indicator or window, because the past of the objective then '
  'changes too. PT400 BAD_REQUEST.';

create function public.save_objective(p jsonb, as_of timestamptz default now()) returns jsonb
language plpgsql set search_path = '' as $$
declare
  before public.sync_objectives;
  after public.sync_objectives;
  defaults constant jsonb := jsonb_build_object('id', gen_random_uuid(), 'description', '', 'rolling_window', '28 days', 'owner', '',
    'created_at', as_of);
begin
  perform private.refuse_unknown_fields(p, '{id,new_id,objective,reason,actor}');
  select * into before from public.sync_objectives where id = (p ->> 'id')::uuid for update;
  perform private.refuse_missing(found or p ->> 'id' is null, 'objective', p ->> 'id');
  after := jsonb_populate_record(
    before, case when before.id is null then defaults else '{}' end || (p -> 'objective') || jsonb_build_object('updated_at', as_of));
  perform private.refuse_invalid_objective(after, before);
  if before.id is null then
    perform private.refuse_over_limit('objectives', as_of);
    after.id := coalesce((p ->> 'new_id')::uuid, after.id);
    insert into public.sync_objectives select after.*;
    if (private.objective_json(after, as_of, 0) ->> 'events')::bigint >= 100 then
      perform private.create_burn_rules(after);
    end if;
  else
    update public.sync_objectives o set name = after.name, description = after.description, target = after.target, owner = after.owner,
      updated_at = after.updated_at
    where o.id = before.id;
  end if;
  perform private.audit(p -> 'actor', case when before.id is null then 'create-objective' else 'change-objective' end, 'objective',
    after.id::text, case when before.id is not null then to_jsonb(before) end, to_jsonb(after), p ->> 'reason', as_of);
  return private.lengths_in_words(to_jsonb(after));
exception
  when unique_violation then
    raise sqlstate 'PT409' using
      message = format('another objective, or a rule named after it, already has the name %L', after.name), detail = 'NAME_TAKEN';
end
$$;
comment on function public.save_objective(jsonb, timestamptz) is
  'Creates an objective, or changes objective {id}, with the fields in {objective} and {reason?}. A new objective with 100 events in its '
  'window gets burn-rate rules. PT404 NOT_FOUND, PT400 BAD_REQUEST, PT409 NAME_TAKEN.';

create function public.delete_objective(p jsonb, as_of timestamptz default now()) returns boolean
language plpgsql set search_path = '' as $$
declare
  before public.sync_objectives;
  rule public.alert_rules;
begin
  perform private.refuse_unknown_fields(p, '{id,reason,actor}');
  select * into before from public.sync_objectives where id = (p ->> 'id')::uuid for update;
  perform private.refuse_missing(found, 'objective', p ->> 'id');
  for rule in select * from public.alert_rules r where r.objective_id = before.id loop
    perform private.delete_rule(rule, p -> 'actor' ->> 'name', as_of);
  end loop;
  delete from public.sync_objectives where id = before.id;
  perform private.audit(p -> 'actor', 'delete-objective', 'objective', before.id::text, to_jsonb(before), null, p ->> 'reason', as_of);
  return true;
end
$$;
comment on function public.delete_objective(jsonb, timestamptz) is
  'Deletes objective {id} and its burn-rate rules, with {reason?}, and resolves their incidents. PT404 NOT_FOUND.';

create table private.digest_key (
  id boolean primary key default true,
  key bytea not null default sha256(convert_to(gen_random_uuid()::text || gen_random_uuid()::text, 'UTF8')),
  constraint digest_key_is_one_row check (id)
);
comment on table private.digest_key is
  'The key of private.digest. Neither viewers nor the service read it, because with the key a person can find out an address by guessing.';
alter table private.digest_key enable row level security;

insert into private.digest_key default values;

create function private.digest(value text) returns text
language sql stable security definer set search_path = '' as $$
  select left(encode(private.hmac_sha256(k.key, convert_to(value, 'UTF8')), 'hex'), 16) from private.digest_key k;
$$;
comment on function private.digest(text) is
  'A keyed digest that shows a change of a value without the value. Security definer, because only the owner reads the key.';

create function private.masked_email(address text) returns text
language sql stable set search_path = '' as $$
  select case when address ~ '^.+@' then regexp_replace(address, '^(.).*(@.*)$', '\1***\2') else '***' end
    || ' (' || private.digest(address) || ')';
$$;
comment on function private.masked_email(text) is 'The first letter and the domain of an email address, with its digest.';

create function private.channel_address(channel public.notification_channels) returns text
language sql stable set search_path = '' as $$
  select case
    when channel.kind in ('webhook', 'ntfy', 'alertmanager') then s ->> 'url'
    when channel.kind in ('slack', 'teams', 'discord') then s ->> 'secret'
    when channel.kind = 'telegram' then 'https://api.telegram.org/'
    when channel.kind = 'pagerduty' then 'https://' || (channel.config ->> 'host') || '/'
  end
  from private.channel_secrets(channel) s;
$$;
comment on function private.channel_address(public.notification_channels) is
  'The URL to which a channel posts; a key outside the URL is not included. The whole URL is a secret, because its path can be the only '
  'key.';

create function private.channel_json(channel public.notification_channels) returns jsonb
language sql stable set search_path = '' as $$
  select private.lengths_in_words(to_jsonb(channel) - '{secret,previous_secret,vault_id}'::text[]) || jsonb_build_object(
    'has_secret', s ? 'secret', 'has_previous_secret', s ? 'previous_secret',
    'config', channel.config - '{url,headers}'::text[] || jsonb_strip_nulls(jsonb_build_object(
      -- The pattern excludes a user name and a password before the host.
      'host', substring(private.channel_address(channel) from '^[^:]+://(?:[^/?#]*@)?([^/?#]*)'),
      'digest', private.digest(coalesce(s ->> 'url', s ->> 'secret')),
      'header_digests', (select jsonb_object_agg(h.key, private.digest(h.value)) from jsonb_each_text(s -> 'headers') h))))
  from private.channel_secrets(channel) s;
$$;
comment on function private.channel_json(public.notification_channels) is
  'A channel for an admin: the host of its address, a digest of the address or the key and of each header, and whether it has secrets.';

create function private.channel_for_audit(channel public.notification_channels) returns jsonb
language sql stable set search_path = '' as $$
  with shown as (select private.channel_json(channel) as j),
  masked as (
    select m.severity, jsonb_agg(private.masked_email(m.address)) as addresses
    from shown cross join lateral (
      select null as severity, t.address from jsonb_array_elements_text(coalesce(j -> 'config' -> 'to', '[]')) t (address)
      union all
      select s.severity, t.address
      from jsonb_each(coalesce(j -> 'config' -> 'by_severity', '{}')) s (severity, list) cross join jsonb_array_elements_text(s.list) t (address)
    ) m
    group by m.severity
  )
  select j || jsonb_build_object('config', (j -> 'config') - '{to,by_severity}'::text[] || jsonb_strip_nulls(jsonb_build_object(
    'to', (select m.addresses from masked m where m.severity is null),
    'by_severity', (select jsonb_object_agg(m.severity, m.addresses) from masked m where m.severity is not null))))
  from shown;
$$;
comment on function private.channel_for_audit(public.notification_channels) is
  'A channel for the audit log: as for an admin, but with masked recipients, because viewers read the log.';

create function private.changed_headers(kept jsonb, wanted jsonb) returns jsonb
language sql immutable set search_path = '' as $$
  select case when wanted is null then kept
    else (select jsonb_object_agg(h.key, coalesce(nullif(h.value, 'null'), kept -> h.key)) from jsonb_each(wanted) h) end;
$$;
comment on function private.changed_headers(jsonb, jsonb) is
  'The headers of a webhook after a request: null keeps the stored value of a name, absent headers keep all.';

create function private.changed_secrets(before public.notification_channels, p jsonb) returns jsonb
language plpgsql stable set search_path = '' as $$
declare
  kind constant text := p ->> 'kind';
  -- A request without an address or a secret keeps the stored one, because the form cannot show it. A change of the kind keeps none.
  kept constant jsonb := case when before.kind = p ->> 'kind' then private.channel_secrets(before) else '{}' end;
  headers constant jsonb := private.changed_headers(kept -> 'headers', p -> 'config' -> 'headers');
  without_value constant text := (select min(h.key) from jsonb_each(headers) h where h.value = 'null');
  secrets jsonb;
begin
  if kind in ('email', 'dashboard') then
    return null;
  elsif without_value is not null then
    raise sqlstate 'PT400' using message = format('config.headers: must have a value for %s', without_value), detail = 'BAD_REQUEST';
  end if;
  secrets := jsonb_strip_nulls(jsonb_build_object(
    'url', coalesce(p -> 'config' -> 'url', kept -> 'url'), 'headers', headers,
    'secret', case when p ? 'secret' then p -> 'secret' else kept -> 'secret' end));
  if kind in ('webhook', 'ntfy', 'alertmanager') and not secrets ? 'url' then
    raise sqlstate 'PT400' using message = 'config.url: is required', detail = 'BAD_REQUEST';
  elsif kind not in ('webhook', 'ntfy', 'alertmanager') and not secrets ? 'secret' then
    raise sqlstate 'PT400' using message = 'secret: is required', detail = 'BAD_REQUEST';
  elsif kind = 'webhook' and secrets ? 'secret' then
    -- The sender signs messages with both secrets, so that a receiver with the previous secret accepts them.
    return secrets || jsonb_strip_nulls(jsonb_build_object('previous_secret',
      case when secrets -> 'secret' <> kept -> 'secret' then kept -> 'secret' else kept -> 'previous_secret' end));
  end if;
  return secrets;
end
$$;
comment on function private.changed_secrets(public.notification_channels, jsonb) is
  'The address, headers and secrets of a channel after the request p; a replaced secret of a webhook becomes the previous one. Null for a '
  'kind without secrets. PT400 BAD_REQUEST.';

create function private.recipients_of(config jsonb) returns setof text
language sql immutable set search_path = '' as $$
  select jsonb_path_query(config, '$.to[*]') #>> '{}' union select jsonb_path_query(config, '$.by_severity.*[*]') #>> '{}';
$$;
comment on function private.recipients_of(jsonb) is 'Each recipient of an email channel, once.';

create function private.refuse_too_many_recipients(config jsonb) returns void
language plpgsql stable set search_path = '' as $$
declare
  allowed constant integer := (select l.maximum from public.limit_settings l where l.subject = 'recipients');
begin
  if (select count(*) from private.recipients_of(config)) > allowed then
    raise sqlstate 'PT400' using
      message = format('config: must have at most %s different recipients', allowed), detail = 'BAD_REQUEST';
  end if;
end
$$;
comment on function private.refuse_too_many_recipients(jsonb) is
  'Raises PT400 BAD_REQUEST for more recipients of a channel than limit_settings allows.';

create function public.save_notification_channel(p jsonb, as_of timestamptz default now()) returns jsonb
language plpgsql set search_path = '' set timezone = 'UTC' as $$
declare
  before public.notification_channels;
  after public.notification_channels;
  audited_before jsonb;
  secrets jsonb;
  overlap_ends timestamptz;
begin
  perform private.refuse_unknown_fields(p, 
    '{name,kind,config,secret,is_active,group_window,hourly_limit,weekly_report,canary_every,actor}');
  select * into before from public.notification_channels where name = p ->> 'name' for update;
  perform private.refuse_too_many_recipients(p -> 'config');
  if before.name is null then
    perform private.refuse_over_limit('notification_channels', as_of);
  end if;
  audited_before := case when before.name is not null then private.channel_for_audit(before) end;
  secrets := private.changed_secrets(before, p);
  overlap_ends := case
    when secrets -> 'previous_secret' is distinct from private.channel_secrets(before) -> 'previous_secret' then as_of + interval '24 hours'
    else before.previous_secret_until
  end;
  after := jsonb_populate_record(before, jsonb_build_object(
    'is_active', coalesce(before.is_active, true), 'group_window', coalesce(before.group_window, '30 seconds'),
    'hourly_limit', coalesce(before.hourly_limit, 60), 'created_at', coalesce(before.created_at, as_of),
    'weekly_report', coalesce(before.weekly_report, false) and p ->> 'kind' not in ('dashboard', 'pagerduty', 'alertmanager'),
    'canary_every', case when p ->> 'kind' not in ('dashboard', 'alertmanager') then case
      when before.kind not in ('dashboard', 'alertmanager') then before.canary_every
      -- An email needs a person who follows its link, so its canaries are less frequent.
      when p ->> 'kind' = 'email' then interval '7 days' else interval '1 day' end end
  ) || p || jsonb_build_object(
    'config', coalesce(p -> 'config', '{}') - '{url,headers}'::text[], 'secret', null, 'previous_secret', null, 'updated_at', as_of,
    'previous_secret_until', case when secrets ? 'previous_secret' then overlap_ends end,
    'vault_id', case when secrets is not null then private.store_channel_secrets(p ->> 'name', secrets) end));
  insert into public.notification_channels as c select after.*
  on conflict (name) do update set
    (kind, is_active, config, secret, previous_secret, previous_secret_until, group_window, hourly_limit, vault_id, weekly_report,
      canary_every, updated_at)
    = (excluded.kind, excluded.is_active, excluded.config, null, null, excluded.previous_secret_until, excluded.group_window,
      excluded.hourly_limit, excluded.vault_id, excluded.weekly_report, excluded.canary_every, as_of);
  -- A corrected channel has no backoff.
  update public.notification_destinations set failures = 0, retry_at = null where channel = after.name;
  perform private.audit(p -> 'actor', case when before.name is null then 'create-channel' else 'change-channel' end, 'channel', after.name,
    audited_before, private.channel_for_audit(after), null, as_of);
  return private.channel_json(after);
end
$$;
comment on function public.save_notification_channel(jsonb, timestamptz) is
  'Creates or replaces a channel, keeps a replaced secret as the previous one for 24 hours, and returns it without address and secrets; '
  'PT400 BAD_REQUEST, PT409 LIMIT_REACHED.';

create function private.channel_dependents(channel text) returns text
language sql stable set search_path = '' as $$
  select string_agg(owner.name, ', ' order by owner.name collate "C")
  from (
    select r.name, r.notification_channels as channels from public.alert_rules r
    union all select e.entity_type, e.notification_channels from public.sync_status e
  ) owner
  where owner.channels ? channel
    and not exists (select from public.notification_channels c where c.name <> channel and owner.channels ? c.name);
$$;
comment on function private.channel_dependents(text) is
  'The rules and entities that name no other channel than this one; null without any.';

create function public.delete_notification_channel(p jsonb, as_of timestamptz default now()) returns boolean
language plpgsql set search_path = '' as $$
declare
  before public.notification_channels;
  audited_before jsonb;
  owners constant text := private.channel_dependents(p ->> 'name');
begin
  perform private.refuse_unknown_fields(p, '{name,actor}');
  -- Without their only channel, the incidents of these rules and entities notify nobody.
  if owners is not null then
    raise sqlstate 'PT409' using
      message = format('%s is the only channel of %s', p ->> 'name', owners), detail = 'CHANNEL_IN_USE';
  end if;
  update public.alert_notifications set
    status = 'DEAD', settled_at = as_of, token = null, lease_expires_at = null, last_error = 'the channel was deleted',
    discarded_by = p -> 'actor' ->> 'name'
  where channel = p ->> 'name' and status in ('PENDING', 'SENDING');
  select * into before from public.notification_channels where name = p ->> 'name' for update;
  perform private.refuse_missing(found, 'channel', p ->> 'name');
  audited_before := private.channel_for_audit(before);
  delete from public.notification_channels where name = before.name;
  perform private.audit(p -> 'actor', 'delete-channel', 'channel', before.name, audited_before, null, null, as_of);
  return true;
end
$$;
comment on function public.delete_notification_channel(jsonb, timestamptz) is
  'Deletes channel {name} and discards its undelivered states; returns true. PT404 NOT_FOUND, PT409 CHANNEL_IN_USE.';

create function public.test_notification_channel(p jsonb, as_of timestamptz default now()) returns jsonb
language plpgsql set search_path = '' as $$
declare
  channel public.notification_channels;
  destinations jsonb;
begin
  perform private.refuse_unknown_fields(p, '{name,actor}');
  select * into channel from public.notification_channels where name = p ->> 'name' and is_active;
  perform private.refuse_missing(found, 'active channel', p ->> 'name');
  perform private.refuse_repetition('test-channel', 'channel', channel.name, as_of);
  select coalesce(jsonb_agg(private.channel_with_secrets(channel) || jsonb_build_object('recipient', r.recipient) order by r.recipient), '[]')
  into destinations
  from (
    select null as recipient where channel.kind <> 'email'
    union select private.recipients_of(channel.config) where channel.kind = 'email'
  ) as r;
  perform private.audit(p -> 'actor', 'test-channel', 'channel', channel.name, null,
    jsonb_build_object('destinations', jsonb_array_length(destinations)), null, as_of);
  return destinations;
end
$$;
comment on function public.test_notification_channel(jsonb, timestamptz) is
  'Audits a test of channel {name} and returns its destinations with their secrets, one for each recipient of an email channel; PT404 '
  'NOT_FOUND, PT429 TOO_SOON.';

create function public.confirm_canary(p jsonb, as_of timestamptz default now()) returns jsonb
language plpgsql set search_path = '' as $$
declare
  canary public.channel_canaries;
  actor_name constant text := p -> 'actor' ->> 'name';
begin
  perform private.refuse_unknown_fields(p, '{id,actor}');
  select k.* into canary from public.channel_canaries k join public.notification_channels c on c.name = k.channel
  where k.id = (p ->> 'id')::uuid and c.kind = 'email' for update of k;
  perform private.refuse_missing(found, 'test of a channel by email', p ->> 'id');
  if canary.proven_at is null then
    -- A person can follow the link after the check failed; the link then still proves the channel.
    update public.channel_canaries k set
      stage = 'READER', stage_since = as_of, proven_at = as_of, confirmed_by = actor_name, failed_at = null, error = null
    where k.id = canary.id returning * into canary;
    perform private.audit(p -> 'actor', 'confirm-canary', 'canary', canary.id::text, null,
      jsonb_build_object('channel', canary.channel, 'opened_at', canary.opened_at), null, as_of);
  end if;
  return jsonb_build_object('id', canary.id, 'channel', canary.channel, 'opened_at', canary.opened_at, 'proven_at', canary.proven_at,
    'confirmed_by', canary.confirmed_by);
end
$$;
comment on function public.confirm_canary(jsonb, timestamptz) is
  'Confirms canary {id} for the person who followed its link in an email, and returns the canary. Only the first call changes the canary. '
  'PT404 NOT_FOUND.';

create function public.get_alert_notification(p jsonb) returns jsonb
language sql stable set search_path = '' as $$
  select private.refuse_unknown_fields(p, '{id}');
  select jsonb_build_object(
    'id', n.id, 'channel', n.channel, 'status', n.status, 'attempts', n.attempts, 'created_at', n.created_at, 'sent_at', n.sent_at,
    'last_error', n.last_error)
  from public.alert_notifications n join public.alert_incidents i on i.id = n.incident_id and not i.is_test
  where n.id = (p ->> 'id')::uuid;
$$;
comment on function public.get_alert_notification(jsonb) is 'Returns the state of notification {id}; null when it does not exist.';

create function public.change_alert_notification(p jsonb, as_of timestamptz default now()) returns jsonb
language plpgsql set search_path = '' as $$
declare
  action constant text := p ->> 'action';
  actor_name constant text := p -> 'actor' ->> 'name';
  before public.alert_notifications;
begin
  perform private.refuse_unknown_fields(p, '{id,action,actor}');
  perform private.refuse_unknown_action(action, '{resend,discard}');
  select n.* into before from public.alert_notifications n join public.alert_incidents i on i.id = n.incident_id and not i.is_test
  where n.id = (p ->> 'id')::uuid for update of n;
  perform private.refuse_missing(found, 'notification', p ->> 'id');
  if action = 'resend' and before.status <> 'DEAD' then
    raise sqlstate 'PT409' using
      message = format('the notification is %s: only a DEAD one can be sent again', before.status), detail = 'NOT_DEAD';
  elsif action = 'discard' and before.status <> 'PENDING' and (before.status <> 'DEAD' or before.discarded_by is not null) then
    raise sqlstate 'PT409' using
      message = format('the notification is %s: only one that waits or is DEAD can be discarded', before.status),
      detail = 'NOTIFICATION_OVER';
  elsif action = 'resend' and (before.destination_id is null or exists (
    select from public.alert_notifications n
    where n.incident_id = before.incident_id and n.destination_id = before.destination_id and n.seq > before.seq
  ) or before.item ->> 'kind' not in ('RESOLVED', 'MISSED') and exists (
    select from public.alert_incidents i where i.id = before.incident_id and i.state = 'RESOLVED'
  )) then
    raise sqlstate 'PT409' using
      message = 'the incident has a newer state, or the channel was deleted: this one is out of date', detail = 'NOTIFICATION_OVER';
  end if;
  if action = 'resend' then
    perform private.refuse_repetition('resend', 'notification', before.id::text, as_of);
    update public.alert_notifications set status = 'PENDING', settled_at = null, attempts = 0, first_failed_at = null, discarded_by = null
    where id = before.id;
    update public.notification_destinations set failures = 0, retry_at = null where id = before.destination_id;
  else
    -- An older state must not be sent in place of the discarded one.
    update public.alert_notifications set status = 'SUPERSEDED', settled_at = as_of
    where incident_id = before.incident_id and destination_id = before.destination_id and seq < before.seq and status = 'PENDING';
    update public.alert_notifications set status = 'DEAD', settled_at = coalesce(settled_at, as_of), discarded_by = actor_name
    where id = before.id;
  end if;
  perform private.audit(p -> 'actor', action, 'notification', before.id::text,
    jsonb_build_object('status', before.status, 'incident_id', before.incident_id),
    (select jsonb_build_object('status', n.status) from public.alert_notifications n where n.id = before.id), null, as_of);
  if action = 'resend' then
    perform private.call_function('sync-alert-processor', jsonb_build_object('cause', 'resend'));
  end if;
  return public.get_alert_notification(jsonb_build_object('id', before.id));
end
$$;
comment on function public.change_alert_notification(jsonb, timestamptz) is
  'Resends or discards notification {id} and returns it; PT404 NOT_FOUND, PT409 NOT_DEAD or NOTIFICATION_OVER, PT429 TOO_SOON.';

create function public.change_entity(p jsonb, as_of timestamptz default now()) returns jsonb
language plpgsql set search_path = '' as $$
declare
  changes constant jsonb := p -> 'changes';
  is_paused constant boolean := (changes ->> 'is_paused')::boolean;
  before public.sync_status;
  changed public.sync_status;
  after public.sync_status;
begin
  perform private.refuse_unknown_fields(p, '{entity_type,changes,reason,actor}');
  select * into before from public.sync_status where entity_type = p ->> 'entity_type' for no key update;
  if not found then
    raise sqlstate 'PT404' using message = format('there is no entity %L', p ->> 'entity_type'), detail = 'ENTITY_UNKNOWN';
  end if;
  perform private.refuse_unknown_channels('notification_channels', nullif(changes -> 'notification_channels', 'null'));
  if (changes ->> 'is_active')::boolean and before.function_name is null then
    raise sqlstate 'PT409' using
      message = format('%s has no function that syncs it, so that it cannot be active', before.entity_type), detail = 'FUNCTION_MISSING';
  end if;
  changed := jsonb_populate_record(before, changes - 'is_paused');
  update public.sync_status s set
    paused_at = case is_paused when true then coalesce(s.paused_at, as_of) when false then null else s.paused_at end,
    paused_by = case is_paused when true then coalesce(s.paused_by, p -> 'actor' ->> 'name') when false then null else s.paused_by end,
    paused_reason = case is_paused when true then p ->> 'reason' when false then null else s.paused_reason end,
    is_active = changed.is_active,
    sync_frequency = changed.sync_frequency,
    schedule_anchor = changed.schedule_anchor,
    grace = changed.grace,
    max_runtime = changed.max_runtime,
    alert_threshold_failures = changed.alert_threshold_failures,
    notification_channels = nullif(changed.notification_channels, 'null'),
    updated_at = as_of
  where s.entity_type = before.entity_type returning s.* into after;
  -- The waiting jobs of a resumed entity start at once.
  perform public.drain_sync_queue(as_of);
  perform private.audit(p -> 'actor', 'change-entity', 'entity', after.entity_type,
    to_jsonb(before), to_jsonb(after), p ->> 'reason', as_of);
  return private.lengths_in_words(to_jsonb(after));
end
$$;
comment on function public.change_entity(jsonb, timestamptz) is
  'Changes an entity, dispatches jobs that waited for a resume, and returns the entity; PT404 ENTITY_UNKNOWN, PT400 BAD_REQUEST, PT409 '
  'FUNCTION_MISSING.';

create function public.resolve_errors(p jsonb, as_of timestamptz default now()) returns jsonb
language plpgsql set search_path = '' as $$
declare
  error public.sync_error_log;
  resolved integer;
begin
  perform private.refuse_unknown_fields(p, '{id,group,note,actor}');
  select * into error from public.sync_error_log where id = (p ->> 'id')::uuid;
  perform private.refuse_missing(found, 'error', p ->> 'id');
  update public.sync_error_log set resolved_at = greatest(as_of, occurred_at), resolution_notes = p ->> 'note'
  where resolved_at is null and case when (p ->> 'group')::boolean then fingerprint = error.fingerprint else id = error.id end;
  get diagnostics resolved = row_count;
  perform private.audit(p -> 'actor', 'resolve-error', 'error', error.id::text, jsonb_build_object('fingerprint', error.fingerprint),
    jsonb_build_object('resolved', resolved, 'group', coalesce((p ->> 'group')::boolean, false)), p ->> 'note', as_of);
  return jsonb_build_object('resolved', resolved);
end
$$;
comment on function public.resolve_errors(jsonb, timestamptz) is
  'Resolves an error, or with {group} every open error of its fingerprint, and returns their number; PT404 NOT_FOUND.';

create function public.end_upstream_backoff(p jsonb, as_of timestamptz default now()) returns jsonb
language plpgsql set search_path = '' as $$
declare
  before public.upstream_state;
  dispatched integer;
begin
  perform private.refuse_unknown_fields(p, '{reason,actor}');
  select * into before from public.upstream_state u where u.backoff_until > as_of for update;
  if not found then
    raise sqlstate 'PT409' using message = 'no upstream backoff is running: the syncs send requests', detail = 'NO_BACKOFF';
  end if;
  update public.upstream_state set backoff_until = null, backoff_reason = null, backoff_fingerprint = null, updated_at = as_of
  where upstream = before.upstream;
  dispatched := private.dispatch_due_syncs(as_of) + (public.drain_sync_queue(as_of) ->> 'dispatched')::integer;
  perform private.audit(p -> 'actor', 'end-backoff', 'upstream', before.upstream,
    jsonb_build_object('backoff_until', before.backoff_until, 'backoff_reason', before.backoff_reason),
    jsonb_build_object('backoff_until', null, 'dispatched', dispatched), p ->> 'reason', as_of);
  return jsonb_build_object('upstream', before.upstream, 'backoff_until', before.backoff_until, 'backoff_reason', before.backoff_reason,
    'dispatched', dispatched);
end
$$;
comment on function public.end_upstream_backoff(jsonb, timestamptz) is
  'Ends the running upstream backoff, dispatches the runs and jobs that waited for its end, and returns the backoff; PT409 NO_BACKOFF.';

create table private.connectivity_test (
  id boolean primary key default true,
  tested_at timestamptz,
  result jsonb,
  constraint connectivity_test_is_one_row check (id),
  constraint connectivity_test_has_a_time_iff_a_result check ((tested_at is null) = (result is null))
);
comment on table private.connectivity_test is 'One row with the last connectivity test; nulls before the first test.';
alter table private.connectivity_test enable row level security;
grant select, update on private.connectivity_test to service_role;

insert into private.connectivity_test default values;

create function public.start_connectivity_test(p jsonb, as_of timestamptz default now()) returns jsonb
language plpgsql set search_path = '' as $$
begin
  perform private.refuse_unknown_fields(p, '{actor}');
  perform private.refuse_repetition('test-connectivity', 'system', 'connectivity', as_of);
  perform private.audit(p -> 'actor', 'test-connectivity', 'system', 'connectivity', null, '{}', null, as_of);
  return private.connectivity_facts(as_of);
end
$$;
comment on function public.start_connectivity_test(jsonb, timestamptz) is
  'Audits a connectivity test and returns its targets, once a minute for all callers; PT429 TOO_SOON with the seconds to wait as hint.';

create function public.record_connectivity_test(p jsonb, as_of timestamptz default now()) returns boolean
language plpgsql set search_path = '' as $$
begin
  perform private.refuse_unknown_fields(p, '{result}');
  update private.connectivity_test set tested_at = as_of, result = p -> 'result';
  return found;
end
$$;
comment on function public.record_connectivity_test(jsonb, timestamptz) is 'Stores {result} as the last connectivity test.';

create table private.people_claim (
  id boolean primary key default true,
  token uuid,
  expires_at timestamptz,
  act jsonb,
  constraint people_claim_is_one_row check (id),
  constraint people_claim_is_whole check (num_nonnulls(token, expires_at, act) in (0, 3))
);
comment on table private.people_claim is
  'One row with the change of a person that is in progress in Auth; only one at a time, so that two admins cannot remove each other. The '
  'claim expires.';
alter table private.people_claim enable row level security;
grant select, update on private.people_claim to service_role;

insert into private.people_claim default values;

create function private.person_for_audit(person jsonb) returns jsonb
language sql stable set search_path = '' as $$
  select nullif(person, 'null') || case when person ->> 'email' is null then '{}'::jsonb
    else jsonb_build_object('email', private.masked_email(person ->> 'email')) end;
$$;
comment on function private.person_for_audit(jsonb) is
  'A person for the audit log, with a masked email address, because viewers read the log.';

create function private.audit_people_act(act jsonb, object_id text, before jsonb, after jsonb, as_of timestamptz) returns void
language sql set search_path = '' as $$
  select private.audit(act -> 'actor', act ->> 'action', 'person', coalesce(object_id, act ->> 'object_id'),
    private.person_for_audit(before), private.person_for_audit(after), act ->> 'reason', as_of);
$$;
comment on function private.audit_people_act(jsonb, text, jsonb, jsonb, timestamptz) is 'Writes the audit row of a change of a person.';

create function private.expire_people_claim(as_of timestamptz default now()) returns boolean
language plpgsql set search_path = '' as $$
declare
  expired private.people_claim;
begin
  select * into expired from private.people_claim where expires_at <= as_of for update;
  if not found then
    return false;
  end if;
  update private.people_claim set token = null, expires_at = null, act = null where id;
  perform private.audit_people_act(expired.act, null, null, (expired.act -> 'changes') || '{"outcome": "unknown"}', as_of);
  return true;
end
$$;
comment on function private.expire_people_claim(timestamptz) is
  'Frees an expired claim, whose worker ended without an answer of Auth, and audits the requested change with the outcome unknown.';

create function public.claim_people_change(p jsonb, as_of timestamptz default now()) returns jsonb
language plpgsql set search_path = '' as $$
declare
  new_token constant uuid := gen_random_uuid();
begin
  perform private.refuse_unknown_fields(p, '{action,object_id,changes,reason,actor}');
  perform private.refuse_unknown_action(p ->> 'action', '{create-person,invite-person,change-person}');
  perform private.expire_people_claim(as_of);
  -- The service ends its requests to Auth 30 s after the claim, so that none is in flight when the claim expires.
  update private.people_claim set token = new_token, expires_at = as_of + interval '1 minute', act = p where token is null;
  if not found then
    raise sqlstate 'PT409' using message = 'another change of a person is under way: repeat the request', detail = 'PEOPLE_BUSY';
  end if;
  return jsonb_build_object('token', new_token);
end
$$;
comment on function public.claim_people_change(jsonb, timestamptz) is
  'Claims the right to change a person in Auth, for a minute, and returns its token; PT409 PEOPLE_BUSY.';

create function public.finish_people_change(p jsonb, as_of timestamptz default now()) returns boolean
language plpgsql set search_path = '' as $$
declare
  finished private.people_claim;
begin
  perform private.refuse_unknown_fields(p, '{token,object_id,before,after,voucher}');
  select * into finished from private.people_claim where token = (p ->> 'token')::uuid for update;
  if not found then
    raise sqlstate 'PT409' using message = 'the claim expired before the change of the person ended', detail = 'LEASE_LOST';
  end if;
  update private.people_claim set token = null, expires_at = null, act = null where id;
  if p ? 'after' then
    -- The voucher of the claim was made before Auth returned the id of a new person.
    finished.act := jsonb_set(finished.act, '{actor,vouchers}', jsonb_build_object(finished.act ->> 'action', p -> 'voucher'));
    perform private.audit_people_act(finished.act, p ->> 'object_id', p -> 'before', p -> 'after', as_of);
  end if;
  return true;
end
$$;
comment on function public.finish_people_change(jsonb, timestamptz) is
  'Frees the claim {token} and, with {after}, writes the audit row of the change with its {voucher?}; PT409 LEASE_LOST.';
