-- The audit log made tamper-evident: each row is sealed by an HMAC over it and the seal before, with a key the database never sees.

create or replace function private.audit(actor jsonb, action text, object_type text, object_id text, before jsonb, after jsonb, reason text, as_of timestamptz)
returns void
language sql set search_path = ''
begin atomic
  -- Under a lock until the end of the transaction: ids come in the order in which rows become visible, so none appears before a sealed one.
  select pg_advisory_xact_lock(hashtext('private.audit'));
  insert into public.audit_log (at, actor, actor_role, action, object_type, object_id, before, after, reason, request_id, address)
  values (as_of, actor ->> 'name', actor ->> 'role', action, object_type, object_id, before, after, reason, actor ->> 'request_id',
    actor ->> 'address');
end;

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
create trigger refuse_change before update or delete on public.audit_seals for each row execute function private.refuse_change();
create trigger refuse_truncate before truncate on public.audit_seals for each statement execute function private.refuse_change();
alter table public.audit_seals enable row level security;
revoke all on public.audit_seals from public, anon, authenticated, service_role;
grant select on public.audit_seals to authenticated;
grant select, insert on public.audit_seals to service_role;
create policy "Allow monitoring read" on public.audit_seals for select to authenticated using ((select private.can_read_monitoring()));
create policy "Allow service append" on public.audit_seals for insert to service_role with check (true);
create policy "Allow service read" on public.audit_seals for select to service_role using (true);

create or replace function private.refuse_change() returns trigger
language plpgsql set search_path = '' as $$
begin
  -- Only private.prune_audit_log sets this, for the length of its own transaction; whoever else sets it still lacks the grant to delete.
  if tg_op = 'DELETE' and current_setting('sync.prunes_audit', true) = 'on' then
    return old;
  end if;
  raise exception '% is append-only: % is refused', tg_table_name, tg_op using errcode = '42501';
end
$$;

create function private.audit_text(entry public.audit_log) returns text
language sql stable set search_path = ''
return jsonb_build_array(entry.id, to_char(entry.at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), entry.actor, entry.actor_role,
  entry.action, entry.object_type, entry.object_id, entry.before, entry.after, entry.reason, entry.request_id, entry.address)::text;
comment on function private.audit_text(public.audit_log) is 'What is sealed of a row: all of it, in one spelling.';

create or replace function public.list_audit_log(p jsonb) returns jsonb
language sql stable set search_path = ''
return (
  select coalesce(jsonb_agg(to_jsonb(a) order by a.id desc), '[]') from (
    select * from public.audit_log
    where (p ->> 'actor' is null or actor = p ->> 'actor') and (p ->> 'action' is null or action = p ->> 'action')
      and (p ->> 'object_type' is null or object_type = p ->> 'object_type')
      and (p ->> 'object_id' is null or object_id = p ->> 'object_id')
      and (p ->> 'from' is null or at >= (p ->> 'from')::timestamptz) and (p ->> 'to' is null or at < (p ->> 'to')::timestamptz)
      and (p ->> 'before_id' is null or id < (p ->> 'before_id')::bigint)
    order by id desc limit (p ->> 'limit')::integer
  ) a
);
comment on function public.list_audit_log(jsonb) is
  'Acts, newest first, by {actor?, action?, object_type?, object_id?, from?, to?}, before {before_id}, at most {limit}.';

create function public.list_unsealed_audit(p jsonb) returns jsonb
language sql stable set search_path = ''
return jsonb_build_object(
  'head', (select jsonb_build_object('id', s.audit_id, 'mac', s.mac) from public.audit_seals s order by s.audit_id desc limit 1),
  'entries', (
    select coalesce(jsonb_agg(jsonb_build_object('id', a.id, 'text', private.audit_text(a)) order by a.id), '[]') from (
      select * from public.audit_log
      where id > coalesce((select max(audit_id) from public.audit_seals), 0) order by id limit (p ->> 'limit')::integer
    ) a
  )
);
comment on function public.list_unsealed_audit(jsonb) is 'The newest seal and up to {limit} rows after it.';

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

create function public.list_sealed_audit(p jsonb) returns jsonb
language sql stable set search_path = ''
begin atomic
  select coalesce(jsonb_agg(jsonb_build_object('id', coalesce(c.audit_id, c.id), 'previous_id', c.previous_id, 'mac', c.mac,
    'text', case when c.id is not null then private.audit_text(c.entry) end, 'is_sealed', c.audit_id is not null) order by coalesce(c.audit_id, c.id)), '[]')
  from (
    select s.audit_id, s.previous_id, s.mac, a.id, a as entry
    from public.audit_log a full join public.audit_seals s on s.audit_id = a.id
    where coalesce(s.audit_id, a.id) > (p ->> 'after')::bigint
    order by coalesce(s.audit_id, a.id) limit (p ->> 'limit')::integer
  ) c;
end;
comment on function public.list_sealed_audit(jsonb) is 'Rows and seals side by side after id {after}, at most {limit}: text is null where a row is missing, mac where a seal is.';

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

insert into public.retention_settings (subject, keep) values ('audit_log', '2 years') on conflict (subject) do nothing;

create function private.process_queue() returns void
language sql set search_path = ''
begin atomic
  select public.drain_sync_queue();
  -- The key of the seals is the function's: it is called only while something waits for one.
  select private.call_function('sync-admin/process-queue')
  where exists (select from public.audit_log where id > coalesce((select max(audit_id) from public.audit_seals), 0));
end;
comment on function private.process_queue() is 'What cron does each minute: hands out what may begin, and has the audit sealed.';

revoke execute on function private.process_queue(), private.audit_text(public.audit_log), public.list_unsealed_audit(jsonb), public.seal_audit(jsonb),
  public.list_sealed_audit(jsonb), private.prune_audit_log(timestamptz) from public, anon, authenticated;
grant execute on function private.process_queue(), private.audit_text(public.audit_log), public.list_unsealed_audit(jsonb), public.seal_audit(jsonb),
  public.list_sealed_audit(jsonb), private.prune_audit_log(timestamptz) to service_role;

select private.apply_schedules();

create or replace function public.schema_version() returns integer
language sql immutable set search_path = ''
return 21;
