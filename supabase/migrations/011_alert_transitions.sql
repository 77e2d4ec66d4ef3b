-- Alert transitions, the notifications that they queue, the deliveries, and the watchdog of the alert processor.
-- Past 300 lines, because an incident and the notifications that it queues change together.

create function private.queue_notification(p_channel text, p_items jsonb, as_of timestamptz) returns void
language plpgsql set search_path = '' as $$
declare
  channel public.notification_channels;
  group_ends_at timestamptz;
  limit_ends_at timestamptz;
begin
  -- The lock serializes the writers of a channel, so that only one notification is the first of a group.
  select * into channel from public.notification_channels where name = p_channel and is_active for update;
  if not found then
    insert into public.alert_notifications (channel, items, status, last_error, created_at, due_at)
    values (p_channel, p_items, 'DEAD', 'the channel does not exist or is not active', as_of, as_of);
    return;
  end if;
  select max(n.due_at) + channel.group_window into group_ends_at
  from public.alert_notifications n
  where n.channel = p_channel and n.due_at > as_of - channel.group_window and n.due_at <= as_of;
  select n.due_at + interval '1 hour' into limit_ends_at
  from public.alert_notifications n
  where n.channel = p_channel and n.due_at > as_of - interval '1 hour' and n.due_at <= as_of
  order by n.due_at desc offset channel.hourly_limit - 1 limit 1;
  -- A notification that is not due yet receives the items and keeps the last of each incident; otherwise a new one is inserted.
  update public.alert_notifications n set
    items = (
      select jsonb_agg(last.item order by last.position) from (
        select distinct on (i.item ->> 'incident_id') i.item, i.position
        from jsonb_array_elements(n.items || p_items) with ordinality as i (item, position)
        order by i.item ->> 'incident_id', i.position desc
      ) last),
    over_limit = n.over_limit + (limit_ends_at is not null)::integer
  where n.status = 'PENDING' and n.id = (
    select w.id from public.alert_notifications w
    where w.channel = p_channel and w.status = 'PENDING' and w.attempts = 0 and w.due_at > as_of
    order by w.due_at limit 1
  );
  if not found then
    insert into public.alert_notifications (channel, items, next_attempt_at, created_at, due_at, over_limit)
    select p_channel, p_items, due.at, as_of, due.at, (limit_ends_at is not null)::integer
    from (select greatest(as_of, group_ends_at, limit_ends_at) as at) due;
  end if;
end
$$;
comment on function private.queue_notification(text, jsonb, timestamptz) is
  'Queues items for a channel: due at once, or combined at the end of the group window or hourly limit; DEAD without an active channel.';

create function private.notified_channels(p_incident_id uuid) returns table (channel varchar, item jsonb)
language sql stable set search_path = '' as $$
  select distinct on (n.channel) n.channel, i.item
  from public.alert_notifications n cross join jsonb_array_elements(n.items) as i (item)
  where n.items @> jsonb_build_array(jsonb_build_object('incident_id', p_incident_id))
    and i.item ->> 'incident_id' = p_incident_id::text
    and i.item ->> 'kind' <> 'RESOLVED'
    and n.status <> 'DEAD'
  order by n.channel, n.created_at desc;
$$;
comment on function private.notified_channels(uuid) is
  'The channels with a queued or sent notification of an incident, each with the last item before the resolution.';

create function private.queue_resolution(incident public.alert_incidents, reason text, as_of timestamptz) returns void
language plpgsql set search_path = '' as $$
declare
  notified record;
begin
  for notified in select * from private.notified_channels(incident.id) loop
    perform private.queue_notification(notified.channel, jsonb_build_array(notified.item || jsonb_build_object(
      'kind', 'RESOLVED', 'severity', incident.severity, 'message', incident.message, 'reason', reason, 'resolved_at', incident.resolved_at
    )), as_of);
  end loop;
end
$$;
comment on function private.queue_resolution(public.alert_incidents, text, timestamptz) is
  'Queues the resolution of an incident for each channel that was notified of it.';

create function private.live_incident(scope jsonb) returns uuid
language sql stable set search_path = '' as $$
  select i.id from public.alert_incidents i
  where i.rule_id = (scope ->> 'rule_id')::uuid
    and i.entity_type = scope ->> 'entity_type'
    and coalesce(i.tournament_no, '') = coalesce(scope ->> 'tournament_no', '')
    and i.state <> 'RESOLVED';
$$;
comment on function private.live_incident(jsonb) is 'The live incident of scope {rule_id, entity_type, tournament_no}; null without one.';

create function private.apply_alert_transition(transition jsonb, as_of timestamptz) returns public.alert_incidents
language plpgsql set search_path = '' as $$
declare
  incident public.alert_incidents;
  wanted constant public.alert_incidents := jsonb_populate_record(null::public.alert_incidents, transition - 'evidence');
  to_state constant text := transition ->> 'to_state';
  notified_now constant timestamptz := case when transition ->> 'notify' is not null then as_of end;
  parent constant uuid := private.live_incident(transition -> 'parent');
begin
  if transition ->> 'incident_id' is null then
    insert into public.alert_incidents (
      rule_id, rule_name, metric, entity_type, tournament_no, state, severity, value, threshold, message,
      evidence, parent_id, is_flapping, began_at, opened_at,
      fired_at, notified_at, last_notified_at, resolved_at, missed_due_at, updated_at
    ) values (
      wanted.rule_id, wanted.rule_name, wanted.metric, wanted.entity_type, wanted.tournament_no, to_state, wanted.severity, wanted.value,
      wanted.threshold, wanted.message, coalesce(transition -> 'evidence', '{}'), parent, coalesce(wanted.is_flapping, false),
      coalesce(wanted.began_at, as_of), as_of, case when to_state <> 'PENDING' then as_of end, notified_now, notified_now,
      wanted.resolved_at, wanted.missed_due_at, as_of
    )
    on conflict do nothing
    returning * into incident;
  elsif to_state = 'DISCARDED' then
    delete from public.alert_incidents
    where id = (transition ->> 'incident_id')::uuid and version = wanted.version and state = 'PENDING'
    returning * into incident;
    return incident;
  else
    update public.alert_incidents i set
      state = to_state,
      severity = wanted.severity,
      value = wanted.value,
      message = wanted.message,
      evidence = coalesce(transition -> 'evidence', i.evidence),
      parent_id = case when to_state = 'RESOLVED' then i.parent_id else parent end,
      recovered_at = case when to_state = 'RESOLVED' then i.recovered_at else wanted.recovered_at end,
      escalation_step = coalesce(wanted.escalation_step, i.escalation_step),
      fired_at = coalesce(i.fired_at, as_of),
      escalated_at = case
        when wanted.severity <> i.severity or wanted.escalation_step > i.escalation_step then as_of
        else i.escalated_at
      end,
      acknowledged_until = case when to_state = 'ACKNOWLEDGED' then i.acknowledged_until end,
      notified_at = coalesce(i.notified_at, notified_now),
      last_notified_at = coalesce(notified_now, i.last_notified_at),
      resolved_at = case to_state when 'RESOLVED' then as_of end,
      version = i.version + 1,
      updated_at = as_of
    where i.id = (transition ->> 'incident_id')::uuid and i.version = wanted.version and i.state <> 'RESOLVED'
    returning i.* into incident;
  end if;
  if incident.id is not null then
    insert into public.alert_events (incident_id, at, from_state, to_state, severity, reason)
    values (incident.id, as_of, transition ->> 'from_state', to_state, wanted.severity, transition ->> 'reason');
  end if;
  return incident;
end
$$;
comment on function private.apply_alert_transition(jsonb, timestamptz) is
  'Inserts, updates or deletes (DISCARDED) an incident by compare-and-set on its version, with its event; null when it has changed since.';

create function private.notification_item(incident public.alert_incidents, transition jsonb) returns jsonb
language sql stable set search_path = '' as $$
  select jsonb_build_object(
    'incident_id', incident.id, 'kind', transition ->> 'notify', 'rule_name', incident.rule_name, 'metric', incident.metric,
    'entity_type', incident.entity_type, 'tournament_no', incident.tournament_no, 'severity', incident.severity,
    'message', incident.message, 'reason', transition ->> 'reason', 'evidence', incident.evidence, 'began_at', incident.began_at,
    'opened_at', incident.opened_at, 'resolved_at', incident.resolved_at, 'runbook_url', transition ->> 'runbook_url'
  );
$$;
comment on function private.notification_item(public.alert_incidents, jsonb) is 'The item of a notification about a transition.';

create function public.apply_alert_transitions(p jsonb, as_of timestamptz default now()) returns integer
language plpgsql set search_path = '' as $$
declare
  transition jsonb;
  incident public.alert_incidents;
  channels jsonb;
  notices jsonb := jsonb_build_array();
  message record;
  applied integer := 0;
begin
  perform private.refuse_unknown_fields(p, '{transitions,cause,rules,evaluated_since}');
  -- One evaluator at a time: the parent of an incident exists before its children, whichever evaluator opens it.
  perform pg_advisory_xact_lock(hashtext('public.apply_alert_transitions'));
  for transition in select value from jsonb_array_elements(p -> 'transitions') loop
    incident := private.apply_alert_transition(transition, as_of);
    if incident.id is not null then
      applied := applied + 1;
      if transition ->> 'notify' is not null then
        channels := case transition ->> 'notify'
          when 'RESOLVED' then (select coalesce(jsonb_agg(c.channel), '[]') from private.notified_channels(incident.id) c)
          else transition -> 'channels'
        end;
        notices := notices || jsonb_build_object('channels', channels, 'item', private.notification_item(incident, transition));
      end if;
    end if;
  end loop;
  -- One notification per channel; the order by name prevents a deadlock between two transactions that lock several channels.
  for message in
    select c.name, jsonb_agg(n.notice -> 'item' order by n.position) as items
    from jsonb_array_elements(notices) with ordinality as n (notice, position)
      cross join jsonb_array_elements_text(n.notice -> 'channels') as c (name)
    group by c.name order by c.name
  loop
    perform private.queue_notification(message.name, message.items, as_of);
  end loop;
  insert into public.alert_evaluations (evaluated_at, cause, rules, applied, evaluated_since)
  values (as_of, coalesce(p ->> 'cause', 'cron'), coalesce((p ->> 'rules')::integer, 0), applied,
    coalesce((p ->> 'evaluated_since')::timestamptz, as_of));
  return applied;
end
$$;
comment on function public.apply_alert_transitions(jsonb, timestamptz) is
  'Applies {transitions}, queues their notifications, records {evaluated_since, rules, cause} and returns the number that applied.';

create function public.claim_alert_notifications(p jsonb, as_of timestamptz default now()) returns jsonb
language sql set search_path = '' as $$
  select private.refuse_unknown_fields(p, '{limit}');
  with due as (
    select n.id from public.alert_notifications n
    where (n.status = 'PENDING' and n.next_attempt_at <= as_of) or (n.status = 'SENDING' and n.lease_expires_at <= as_of)
    order by n.created_at limit (p ->> 'limit')::integer
    for update skip locked
  ),
  claimed as (
    update public.alert_notifications n set
      status = 'SENDING',
      token = gen_random_uuid(),
      lease_expires_at = as_of + interval '60 seconds',
      attempts = n.attempts + 1
    from due where n.id = due.id
    returning n.*
  )
  select coalesce(jsonb_agg(jsonb_build_object(
    'id', n.id, 'token', n.token, 'attempt', n.attempts, 'channel', n.channel, 'items', n.items, 'over_limit', n.over_limit,
    'hourly_limit', c.hourly_limit, 'kind', c.kind, 'config', c.config, 'secret', c.secret, 'previous_secret', c.previous_secret
  ) order by n.created_at, n.id), '[]')
  from claimed n left join public.notification_channels c on c.name = n.channel and c.is_active;
$$;
comment on function public.claim_alert_notifications(jsonb, timestamptz) is
  'Claims up to {limit} notifications that are due or whose lease expired, and returns them with their tokens, channels and secrets.';

create function public.record_alert_delivery(p jsonb, as_of timestamptz default now()) returns boolean
language plpgsql set search_path = '' as $$
declare
  max_attempts constant integer := 8;
  notification public.alert_notifications;
  outcome text := p ->> 'outcome';
begin
  perform private.refuse_unknown_fields(p, '{id,token,outcome,status_code,error,retry_after_ms,duration_ms}');
  select * into notification from public.alert_notifications
  where id = (p ->> 'id')::uuid and token = (p ->> 'token')::uuid and status = 'SENDING' for update;
  if not found then
    return false;
  end if;
  if outcome = 'RETRY' and notification.attempts >= max_attempts then
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
    -- 10 s, 20 s, 40 s and so on up to an hour, with a jitter of ±25 %; never before the receiver's Retry-After.
    next_attempt_at = case outcome when 'RETRY' then as_of + greatest(
      make_interval(secs => coalesce((p ->> 'retry_after_ms')::double precision, 0) / 1000),
      make_interval(secs => least(10 * 2 ^ (notification.attempts - 1), 3600) * (0.75 + random() / 2))
    ) end
  where id = notification.id;
  return true;
end
$$;
comment on function public.record_alert_delivery(jsonb, timestamptz) is
  'Records a delivery attempt; the eighth RETRY is DEAD. Returns false when the token is not current.';

create function private.post_watchdog(status text, last_evaluation timestamptz, as_of timestamptz) returns bigint
language plpgsql security definer set search_path = '' as $$
declare
  url text;
  secret text;
  message_id constant text := 'msg_' || replace(gen_random_uuid()::text, '-', '');
  seconds constant text := floor(extract(epoch from as_of))::bigint::text;
  body constant jsonb := jsonb_build_object(
    'status', status, 'component', 'sync-alert-processor', 'last_evaluation', last_evaluation, 'at', as_of);
begin
  select decrypted_secret into url from vault.decrypted_secrets where name = 'watchdog_url';
  select decrypted_secret into secret from vault.decrypted_secrets where name = 'watchdog_secret';
  if url is null or secret is null then
    return null;
  end if;
  -- Standard Webhooks signs id.timestamp.body with the base64 key after whsec_; pg_net sends the text of the jsonb.
  return net.http_post(url := url, body := body, headers := jsonb_build_object(
    'Content-Type', 'application/json', 'webhook-id', message_id, 'webhook-timestamp', seconds,
    'webhook-signature', 'v1,' || encode(private.hmac_sha256(
      decode(substr(secret, 7), 'base64'), convert_to(message_id || '.' || seconds || '.' || body::text, 'UTF8')), 'base64')
  ));
end
$$;
comment on function private.post_watchdog(text, timestamptz, timestamptz) is
  'Posts the status (late or back) to the URL in the Vault secret watchdog_url, signed with watchdog_secret; null without these secrets. '
  'Definer: only the owner reads Vault.';

create function private.watch_processor(as_of timestamptz default now()) returns text
language plpgsql set search_path = '' as $$
declare
  state private.watchdog;
  last_evaluation constant timestamptz := coalesce(
    (select max(e.evaluated_at) from public.alert_evaluations e), (select min(s.created_at) from public.sync_status s));
  is_late constant boolean := last_evaluation <= as_of - interval '5 minutes';
begin
  select * into state from private.watchdog for update;
  if is_late and (state.notified_at is null or state.notified_at <= as_of - interval '1 hour') then
    update private.watchdog set late_since = coalesce(late_since, as_of), notified_at = as_of;
    perform private.post_watchdog('late', last_evaluation, as_of);
    return 'late';
  elsif not is_late and state.late_since is not null then
    update private.watchdog set late_since = null, notified_at = null;
    perform private.post_watchdog('back', last_evaluation, as_of);
    return 'back';
  end if;
  return null;
end
$$;
comment on function private.watch_processor(timestamptz) is
  'While the last evaluation is at least five minutes old, calls the watchdog URL once an hour with the status late; once evaluations run '
  'again, calls it once with the status back. Returns late, back or null.';
