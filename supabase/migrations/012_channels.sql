-- Channels as admins keep them, a message to try one, and sending again what had died. Secrets go in and never come out.

-- Quoted for the same reason as private.tell_resolved().
create function private.channel_without_secrets(channel public.notification_channels) returns jsonb
language sql immutable set search_path = '' as $$
  select jsonb_build_object('name', channel.name, 'kind', channel.kind, 'is_active', channel.is_active, 'config', channel.config,
    'has_secret', channel.secret is not null, 'has_previous_secret', channel.previous_secret is not null,
    'created_at', channel.created_at, 'updated_at', channel.updated_at)
$$;
comment on function private.channel_without_secrets(public.notification_channels) is 'A channel as answers and the audit show it.';

create function public.list_notification_channels() returns jsonb
language sql stable set search_path = ''
return (select coalesce(jsonb_agg(private.channel_without_secrets(c) order by c.name), '[]') from public.notification_channels c);
comment on function public.list_notification_channels() is 'Every channel by name, without its secrets.';

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
  insert into public.notification_channels as c (name, kind, is_active, config, secret, created_at, updated_at)
  values (p ->> 'name', p ->> 'kind', coalesce((p ->> 'is_active')::boolean, true), coalesce(p -> 'config', '{}'), secret_now, as_of, as_of)
  on conflict (name) do update set
    kind = excluded.kind,
    is_active = excluded.is_active,
    config = excluded.config,
    secret = excluded.secret,
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
  'Creates or replaces channel {name, kind, config, secret?, is_active?}; the secret before stays as the previous one. PT400 BAD_REQUEST without a needed secret.';

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
  insert into public.alert_notifications (channel, items, next_attempt_at, created_at)
  values (p ->> 'name', jsonb_build_array(jsonb_build_object(
    'incident_id', gen_random_uuid(), 'kind', 'FIRING', 'rule_name', 'Test of a channel', 'metric', 'test', 'entity_type', 'all',
    'severity', 'LOW', 'message', 'This is a test; nothing is wrong.', 'reason', 'sent by ' || (p -> 'actor' ->> 'name'), 'opened_at', as_of,
    'resolved_at', null, 'runbook_url', null
  )), as_of, as_of)
  returning id into notification;
  perform private.audit(p -> 'actor', 'test-channel', 'channel', p ->> 'name', null, jsonb_build_object('notification_id', notification), null, as_of);
  perform private.call_function('sync-alert-processor', jsonb_build_object('cause', 'test'));
  return jsonb_build_object('notification_id', notification);
end
$$;
comment on function public.try_notification_channel(jsonb, timestamptz) is 'Sends a test message by channel {name}, the way every message goes. PT404 NOT_FOUND.';

create function public.get_alert_notification(p jsonb) returns jsonb
language sql stable set search_path = ''
return (
  select jsonb_build_object('id', n.id, 'channel', n.channel, 'status', n.status, 'attempts', n.attempts, 'created_at', n.created_at,
    'sent_at', n.sent_at, 'last_error', n.last_error)
  from public.alert_notifications n where n.id = (p ->> 'id')::uuid
);
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

create or replace function public.schema_version() returns integer
language sql immutable set search_path = ''
return 12;

revoke execute on function private.channel_without_secrets(public.notification_channels), public.list_notification_channels(),
  public.save_notification_channel(jsonb, timestamptz), public.delete_notification_channel(jsonb, timestamptz),
  public.try_notification_channel(jsonb, timestamptz), public.get_alert_notification(jsonb),
  public.resend_alert_notification(jsonb, timestamptz)
from public, anon, authenticated;
grant execute on function private.channel_without_secrets(public.notification_channels), public.list_notification_channels(),
  public.save_notification_channel(jsonb, timestamptz), public.delete_notification_channel(jsonb, timestamptz),
  public.try_notification_channel(jsonb, timestamptz), public.get_alert_notification(jsonb),
  public.resend_alert_notification(jsonb, timestamptz)
to service_role;
