-- Who watches the watcher: plain SQL by cron, that needs no function to be alive.

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

create table private.watchdog (
  id boolean primary key default true,
  late_since timestamptz,
  told_at timestamptz,
  constraint watchdog_is_one_row check (id)
);
comment on table private.watchdog is 'Since when the alert processor is late, and when the watchdog URL was last told.';
insert into private.watchdog default values;
alter table private.watchdog enable row level security;

create function private.post_watchdog(status text, last_evaluation timestamptz, as_of timestamptz) returns bigint
language plpgsql security definer set search_path = '' as $$
declare
  url text;
  secret text;
  message_id constant text := 'msg_' || replace(gen_random_uuid()::text, '-', '');
  seconds constant text := floor(extract(epoch from as_of))::bigint::text;
  body constant jsonb := jsonb_build_object('status', status, 'component', 'sync-alert-processor', 'last_evaluation', last_evaluation, 'at', as_of);
begin
  select decrypted_secret into url from vault.decrypted_secrets where name = 'watchdog_url';
  select decrypted_secret into secret from vault.decrypted_secrets where name = 'watchdog_secret';
  if url is null or secret is null then
    return null;
  end if;
  -- Standard Webhooks: the base64 HMAC over id.timestamp.body, by the key behind whsec_. pg_net sends jsonb as its text.
  return net.http_post(url := url, body := body, headers := jsonb_build_object(
    'Content-Type', 'application/json', 'webhook-id', message_id, 'webhook-timestamp', seconds,
    'webhook-signature', 'v1,' || encode(private.hmac_sha256(
      decode(substr(secret, 7), 'base64'), convert_to(message_id || '.' || seconds || '.' || body::text, 'UTF8')), 'base64')
  ));
end
$$;
comment on function private.post_watchdog(text, timestamptz, timestamptz) is
  'Posts {status: late or back} to the Vault secret watchdog_url, signed with watchdog_secret (whsec_ and base64); null where there are none. Definer: nobody else may read Vault.';

create function private.watch_processor(as_of timestamptz default now()) returns text
language plpgsql set search_path = '' as $$
declare
  state private.watchdog;
  last_evaluation constant timestamptz := coalesce(
    (select max(e.evaluated_at) from public.alert_evaluations e), (select min(s.created_at) from public.sync_status s));
  is_late constant boolean := last_evaluation <= as_of - interval '5 minutes';
begin
  select * into state from private.watchdog for update;
  if is_late and (state.told_at is null or state.told_at <= as_of - interval '1 hour') then
    update private.watchdog set late_since = coalesce(late_since, as_of), told_at = as_of;
    perform private.post_watchdog('late', last_evaluation, as_of);
    return 'late';
  elsif not is_late and state.late_since is not null then
    update private.watchdog set late_since = null, told_at = null;
    perform private.post_watchdog('back', last_evaluation, as_of);
    return 'back';
  end if;
  return null;
end
$$;
comment on function private.watch_processor(timestamptz) is
  'When nothing was evaluated for five minutes, tells the watchdog URL so, every hour, and once when it is back; what it told.';

revoke execute on function private.hmac_sha256(bytea, bytea), private.post_watchdog(text, timestamptz, timestamptz),
  private.watch_processor(timestamptz) from public, anon, authenticated;
grant execute on function private.hmac_sha256(bytea, bytea), private.post_watchdog(text, timestamptz, timestamptz),
  private.watch_processor(timestamptz) to service_role;
grant select, update on private.watchdog to service_role;
