-- Transitions applied by compare-and-set, the notifications they queue, and the delivery of each.

create function private.newest_items(earlier jsonb, later jsonb) returns jsonb
language sql immutable set search_path = '' as $$
  select jsonb_agg(item order by position) from (
    select distinct on (t.item ->> 'incident_id') t.item, t.position
    from jsonb_array_elements(earlier || later) with ordinality as t (item, position)
    order by t.item ->> 'incident_id', t.position desc
  ) newest;
$$;
comment on function private.newest_items(jsonb, jsonb) is 'Two lists of items as one, with the last word on each incident.';

create function private.queue_notification(p_channel text, p_items jsonb, as_of timestamptz) returns void
language plpgsql set search_path = '' as $$
declare
  channel public.notification_channels;
  grouped_until timestamptz;
  capped_until timestamptz;
begin
  -- The lock lets one teller a channel decide which message is the first of a group.
  select * into channel from public.notification_channels where name = p_channel and is_active for update;
  if not found then
    insert into public.alert_notifications (channel, items, status, last_error, created_at, due_at)
    values (p_channel, p_items, 'DEAD', 'the channel is not set up or not active', as_of, as_of);
    return;
  end if;
  select max(due_at) + channel.group_window into grouped_until
  from public.alert_notifications n where n.channel = p_channel and n.due_at > as_of - channel.group_window and n.due_at <= as_of;
  select n.due_at + interval '1 hour' into capped_until
  from public.alert_notifications n where n.channel = p_channel and n.due_at > as_of - interval '1 hour' and n.due_at <= as_of
  order by n.due_at desc offset channel.hourly_cap - 1 limit 1;
  -- What waits for its first try takes this along.
  update public.alert_notifications n set
    items = private.newest_items(n.items, p_items),
    withheld = n.withheld + (capped_until is not null)::integer
  where n.id = (
    select w.id from public.alert_notifications w
    where w.channel = p_channel and w.status = 'PENDING' and w.attempts = 0 and w.due_at > as_of order by w.due_at limit 1
  ) and n.status = 'PENDING';
  if not found then
    insert into public.alert_notifications (channel, items, next_attempt_at, created_at, due_at, withheld)
    select p_channel, p_items, due.at, as_of, due.at, (capped_until is not null)::integer
    from (select greatest(as_of, grouped_until, capped_until) as at) due;
  end if;
end
$$;
comment on function private.queue_notification(text, jsonb, timestamptz) is
  'Writes items into a channel''s outbox: the first at once, what follows within the group window or is over the cap as one message later, no channel as DEAD.';

create function private.notified_channels(p_incident_id uuid) returns table (channel varchar, item jsonb)
language sql stable set search_path = '' as $$
  select distinct on (n.channel) n.channel, t.item
  from public.alert_notifications n cross join jsonb_array_elements(n.items) as t (item)
  where n.items @> jsonb_build_array(jsonb_build_object('incident_id', p_incident_id)) and t.item ->> 'incident_id' = p_incident_id::text
    and n.status <> 'DEAD' and t.item ->> 'kind' <> 'RESOLVED'
  order by n.channel, n.created_at desc;
$$;
comment on function private.notified_channels(uuid) is 'The channels that were told of an incident, or will be, with the last item each got.';

create function private.queue_resolution(incident public.alert_incidents, reason text, as_of timestamptz) returns void
language plpgsql set search_path = '' as $$
declare
  heard record;
begin
  for heard in select * from private.notified_channels(incident.id) loop
    perform private.queue_notification(heard.channel, jsonb_build_array(heard.item || jsonb_build_object(
      'kind', 'RESOLVED', 'severity', incident.severity, 'message', incident.message, 'reason', reason, 'resolved_at', incident.resolved_at
    )), as_of);
  end loop;
end
$$;
comment on function private.queue_resolution(public.alert_incidents, text, timestamptz) is 'Writes the end of an incident into the outbox of each channel that was told its beginning.';

create function private.apply_alert_step(step jsonb, as_of timestamptz) returns public.alert_incidents
language plpgsql set search_path = '' as $$
declare
  incident public.alert_incidents;
  wanted constant public.alert_incidents := jsonb_populate_record(null::public.alert_incidents, step - 'evidence');
  to_state constant text := step ->> 'to_state';
  is_telling constant boolean := step ->> 'notify' is not null;
  parent uuid := (
    select i.id from public.alert_incidents i
    where i.rule_id = (step -> 'parent' ->> 'rule_id')::uuid and i.entity_type = step -> 'parent' ->> 'entity_type'
      and coalesce(i.tournament_no, '') = coalesce(step -> 'parent' ->> 'tournament_no', '') and i.state <> 'RESOLVED'
  );
begin
  if step ->> 'incident_id' is null then
    insert into public.alert_incidents (rule_id, rule_name, metric, entity_type, tournament_no, state, severity, value, threshold, message,
      evidence, parent_id, is_flapping, began_at, opened_at, fired_at, notified_at, last_notified_at, resolved_at, missed_due_at, updated_at)
    values (wanted.rule_id, wanted.rule_name, wanted.metric, wanted.entity_type, wanted.tournament_no, to_state, wanted.severity,
      wanted.value, wanted.threshold, wanted.message, coalesce(step -> 'evidence', '{}'), parent, coalesce(wanted.is_flapping, false),
      coalesce(wanted.began_at, as_of), as_of, case when to_state <> 'PENDING' then as_of end, case when is_telling then as_of end,
      case when is_telling then as_of end, wanted.resolved_at, wanted.missed_due_at, as_of)
    on conflict do nothing
    returning * into incident;
  elsif to_state = 'DISCARDED' then
    delete from public.alert_incidents
    where id = (step ->> 'incident_id')::uuid and version = wanted.version and state = 'PENDING'
    returning * into incident;
    return incident;
  else
    update public.alert_incidents i set
      state = to_state,
      severity = wanted.severity,
      value = wanted.value,
      message = wanted.message,
      evidence = coalesce(step -> 'evidence', i.evidence),
      parent_id = case when to_state = 'RESOLVED' then i.parent_id else parent end,
      recovered_at = case when to_state = 'RESOLVED' then i.recovered_at else wanted.recovered_at end,
      escalation_step = coalesce(wanted.escalation_step, i.escalation_step),
      fired_at = coalesce(i.fired_at, as_of),
      escalated_at = case when wanted.severity <> i.severity or wanted.escalation_step > i.escalation_step then as_of else i.escalated_at end,
      acknowledged_until = case when to_state = 'ACKNOWLEDGED' then i.acknowledged_until end,
      notified_at = coalesce(i.notified_at, case when is_telling then as_of end),
      last_notified_at = case when is_telling then as_of else i.last_notified_at end,
      resolved_at = case to_state when 'RESOLVED' then as_of end,
      version = i.version + 1,
      updated_at = as_of
    where i.id = (step ->> 'incident_id')::uuid and i.version = wanted.version and i.state <> 'RESOLVED'
    returning i.* into incident;
  end if;
  if incident.id is not null then
    insert into public.alert_events (incident_id, at, from_state, to_state, severity, reason)
    values (incident.id, as_of, step ->> 'from_state', to_state, wanted.severity, step ->> 'reason');
  end if;
  return incident;
end
$$;
comment on function private.apply_alert_step(jsonb, timestamptz) is
  'Opens, moves or resolves one incident, or removes a PENDING one, by compare-and-set on its version, with its event; null when it was too late.';

create function public.apply_alert_transitions(p jsonb, as_of timestamptz default now()) returns integer
language plpgsql set search_path = '' as $$
declare
  step jsonb;
  incident public.alert_incidents;
  told jsonb := jsonb_build_array();
  message record;
  applied integer := 0;
begin
  -- One at a time, so that a parent is there before what hangs under it, whoever opened it.
  perform pg_advisory_xact_lock(hashtext('public.apply_alert_transitions'));
  for step in select value from jsonb_array_elements(p -> 'transitions') loop
    incident := private.apply_alert_step(step, as_of);
    -- Null: another evaluator was quicker, and what it wrote stands.
    if incident.id is not null then
      applied := applied + 1;
      if step ->> 'notify' is not null then
        told := told || jsonb_build_object('channels', case step ->> 'notify'
          when 'RESOLVED' then (select coalesce(jsonb_agg(h.channel), '[]') from private.notified_channels(incident.id) h)
          else step -> 'channels'
        end, 'item', jsonb_build_object(
          'incident_id', incident.id, 'kind', step ->> 'notify', 'rule_name', incident.rule_name, 'metric', incident.metric,
          'entity_type', incident.entity_type, 'tournament_no', incident.tournament_no, 'severity', incident.severity,
          'message', incident.message, 'reason', step ->> 'reason', 'evidence', incident.evidence, 'began_at', incident.began_at,
          'opened_at', incident.opened_at, 'resolved_at', incident.resolved_at, 'runbook_url', step ->> 'runbook_url'
        ));
      end if;
    end if;
  end loop;
  -- One message a channel for all that this evaluation has to tell, in the order of the names, so that two never wait for each other.
  for message in
    select c.name, jsonb_agg(t.entry -> 'item' order by t.position) as items
    from jsonb_array_elements(told) with ordinality as t (entry, position) cross join jsonb_array_elements_text(t.entry -> 'channels') as c (name)
    group by c.name order by c.name
  loop
    perform private.queue_notification(message.name, message.items, as_of);
  end loop;
  insert into public.alert_evaluations (evaluated_at, cause, rules, applied, watched_since)
  values (as_of, coalesce(p ->> 'cause', 'cron'), coalesce((p ->> 'rules')::integer, 0), applied,
    coalesce((p ->> 'watched_since')::timestamptz, as_of));
  return applied;
end
$$;
comment on function public.apply_alert_transitions(jsonb, timestamptz) is
  'Applies {transitions, watched_since, rules, cause}, each by compare-and-set with its event, and writes what is to be told into the outbox, all in one; how many were applied.';

create function public.claim_alert_notifications(p jsonb, as_of timestamptz default now()) returns jsonb
language sql set search_path = '' as $$
  with due as (
    select n.id from public.alert_notifications n
    where (n.status = 'PENDING' and n.next_attempt_at <= as_of) or (n.status = 'SENDING' and n.lease_expires_at <= as_of)
    order by n.created_at limit (p ->> 'limit')::integer
    for update skip locked
  ),
  claimed as (
    update public.alert_notifications n set
      status = 'SENDING', token = gen_random_uuid(), lease_expires_at = as_of + interval '60 seconds', attempts = n.attempts + 1
    from due where n.id = due.id
    returning n.*
  )
  select coalesce(jsonb_agg(jsonb_build_object(
    'id', n.id, 'token', n.token, 'attempt', n.attempts, 'channel', n.channel, 'items', n.items, 'withheld', n.withheld,
    'hourly_cap', c.hourly_cap, 'kind', c.kind, 'config', c.config, 'secret', c.secret, 'previous_secret', c.previous_secret
  ) order by n.created_at, n.id), '[]')
  from claimed n left join public.notification_channels c on c.name = n.channel and c.is_active;
$$;
comment on function public.claim_alert_notifications(jsonb, timestamptz) is
  'Takes up to {limit} notifications that are due, or whose sender''s lease lapsed, for a minute each; the id stays the same for every try.';

create function public.record_alert_delivery(p jsonb, as_of timestamptz default now()) returns boolean
language plpgsql set search_path = '' as $$
declare
  most_attempts constant integer := 8;
  notification public.alert_notifications;
  outcome text := p ->> 'outcome';
begin
  select * into notification from public.alert_notifications
  where id = (p ->> 'id')::uuid and token = (p ->> 'token')::uuid and status = 'SENDING' for update;
  if not found then
    return false;
  end if;
  if outcome = 'RETRY' and notification.attempts >= most_attempts then
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
    -- 10 s, 20 s, 40 s … an hour at most, a quarter of it jitter either way; never before the receiver's own Retry-After.
    next_attempt_at = case outcome when 'RETRY' then as_of + greatest(
      make_interval(secs => coalesce((p ->> 'retry_after_ms')::double precision, 0) / 1000),
      make_interval(secs => least(10 * 2 ^ (notification.attempts - 1), 3600) * (0.75 + random() / 2))
    ) end
  where id = notification.id;
  return true;
end
$$;
comment on function public.record_alert_delivery(jsonb, timestamptz) is
  'Records a try {id, token, outcome: SENT, RETRY or DEAD, status_code?, error?, retry_after_ms?, duration_ms}; the eighth RETRY is DEAD. False for a token that is no longer the one.';

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
  'When nothing was evaluated for five minutes, tells the watchdog URL so, every hour, and once when it is back; what it told.';

select private.secure_functions(
  'private.newest_items', 'private.queue_notification', 'private.notified_channels', 'private.queue_resolution', 'private.apply_alert_step',
  'public.apply_alert_transitions', 'public.claim_alert_notifications', 'public.record_alert_delivery', 'private.post_watchdog',
  'private.watch_processor'
);
