-- Alert transitions, the notifications that they queue, the deliveries, the canaries, the weekly reports, and the watchdog of the alert
-- processor.
-- Over 300 lines, because an incident and the notifications that it queues change together.

create function private.item_of(incident public.alert_incidents, kind text, reason text) returns jsonb
language sql stable set search_path = '' as $$
  select jsonb_build_object(
    'incident_id', incident.id, 'kind', kind, 'rule_name', incident.rule_name, 'metric', incident.metric,
    'entity_type', incident.entity_type, 'tournament_no', incident.tournament_no, 'severity', incident.severity,
    'message', incident.message, 'reason', reason, 'evidence', incident.evidence, 'cause', incident.cause,
    'began_at', incident.began_at, 'opened_at', incident.opened_at, 'resolved_at', incident.resolved_at,
    'runbook_url', (select r.runbook_url from public.alert_rules r where r.id = incident.rule_id)
  );
$$;
comment on function private.item_of(public.alert_incidents, text, text) is 'The state of an incident for a message.';

create function private.queue_canary(incident public.alert_incidents, p jsonb) returns jsonb
language sql set search_path = '' as $$
  -- The message reports an ended incident, so that a receiver does not keep the incident open; no end of a test is queued.
  update public.channel_canaries k set incident_id = incident.id from public.notification_channels c
  where c.name = k.channel and k.channel = p ->> 'channel' and p ->> 'kind' = 'FIRING' and k.proven_at is null and k.failed_at is null
    and coalesce(k.incident_id, incident.id) = incident.id
  returning jsonb_build_object('resolved_at', incident.opened_at,
    'evidence', case c.kind when 'email' then jsonb_build_object('canary_id', k.id) else '{}' end);
$$;
comment on function private.queue_canary(public.alert_incidents, jsonb) is
  'Records the test incident in the open check of {channel}, and returns the different fields of its message; an email has the id for its '
  'link. Null without an open check, and for a {kind} other than FIRING, because a test is neither repeated nor ended.';

create function private.queue_notification(incident public.alert_incidents, p jsonb, as_of timestamptz) returns void
language plpgsql set search_path = '' as $$
declare
  destination bigint;
  canary jsonb := '{}'::jsonb;
begin
  insert into public.notification_destinations (channel, recipient) values (p ->> 'channel', p ->> 'recipient') on conflict do nothing;
  if incident.is_test then
    canary := private.queue_canary(incident, p);
    if canary is null then
      return;
    end if;
  end if;
  select d.id into destination from public.notification_destinations d
  where d.channel = p ->> 'channel' and d.recipient = p ->> 'recipient';
  insert into public.alert_notifications (channel, destination_id, incident_id, group_key, item, created_at)
  values (p ->> 'channel', destination, incident.id,
    concat_ws('/', coalesce(incident.rule_id::text, incident.rule_name), incident.entity_type),
    private.item_of(incident, p ->> 'kind', p ->> 'reason') || canary, as_of);
end
$$;
comment on function private.queue_notification(public.alert_incidents, jsonb, timestamptz) is
  'Queues the state of an incident for {channel, recipient} with {kind, reason}.';

create function private.queue_end(incident public.alert_incidents, reason text, as_of timestamptz) returns void
language sql set search_path = '' as $$
  select private.queue_notification(incident, jsonb_build_object(
    'channel', d.channel, 'recipient', d.recipient, 'kind', 'RESOLVED', 'reason', reason
  ), as_of)
  from public.notification_destinations d
  where d.id in (select n.destination_id from public.alert_notifications n where n.incident_id = incident.id)
  order by d.channel, d.recipient;
$$;
comment on function private.queue_end(public.alert_incidents, text, timestamptz) is
  'Queues the end of an incident for each destination with an earlier state of the incident.';

create function private.queue_acknowledgement(incident public.alert_incidents, reason text, as_of timestamptz) returns void
language sql set search_path = '' as $$
  select private.queue_notification(incident, jsonb_build_object(
    'channel', d.channel, 'recipient', d.recipient, 'kind', 'ACKNOWLEDGED', 'reason', reason
  ), as_of)
  from public.notification_destinations d join public.notification_channels c on c.name = d.channel
  where c.kind = 'pagerduty' and c.is_active and exists (
    select from public.alert_notifications n
    where n.destination_id = d.id and n.incident_id = incident.id and (n.status in ('SENT', 'SENDING') or n.is_perhaps_received)
  )
  order by d.channel, d.recipient;
$$;
comment on function private.queue_acknowledgement(public.alert_incidents, text, timestamptz) is
  'Queues an acknowledgement for each receiver that has its own acknowledgements and may have the incident.';

create function private.can_open(wanted public.alert_incidents) returns boolean
language sql set search_path = '' as $$
  -- A change of the rule waits for this lock, so that it also ends this incident.
  with rule as (
    select from public.alert_rules r
    where r.id = wanted.rule_id and r.is_active and r.entity_type = wanted.entity_type and r.metric = wanted.metric
      and (r.scope = 'TOURNAMENT') = (wanted.tournament_no is not null)
    for share
  )
  select exists (select from rule) and (wanted.state = 'RESOLVED' or not exists (
    select from public.alert_incidents i
    where i.rule_id = wanted.rule_id and i.entity_type = wanted.entity_type and i.tournament_no is not distinct from wanted.tournament_no
      and i.awaits_recovery
  ));
$$;
comment on function private.can_open(public.alert_incidents) is
  'Whether an incident can still open; after the measurement, its rule can have changed, or a person can have resolved an incident.';

create function private.apply_alert_transition(transition jsonb, as_of timestamptz) returns public.alert_incidents
language plpgsql set search_path = '' as $$
declare
  incident public.alert_incidents;
  to_state constant text := transition ->> 'to_state';
  wanted constant public.alert_incidents := jsonb_populate_record(
    null::public.alert_incidents, transition || jsonb_build_object('state', to_state));
  is_over constant boolean := to_state = 'RESOLVED';
  notified_now constant timestamptz := case when jsonb_array_length(transition -> 'notifications') > 0 then as_of end;
  parent constant uuid := (
    select i.id from public.alert_incidents i
    where i.rule_id = (transition -> 'parent' ->> 'rule_id')::uuid and i.entity_type = transition -> 'parent' ->> 'entity_type'
      and i.tournament_no is not distinct from transition -> 'parent' ->> 'tournament_no' and i.state <> 'RESOLVED'
  );
begin
  if transition ->> 'incident_id' is null then
    if not private.can_open(wanted) then
      return null;
    end if;
    insert into public.alert_incidents (
      rule_id, rule_name, metric, entity_type, tournament_no, state, severity, value, threshold, message, evidence, cause, parent_id,
      is_flapping, began_at, opened_at, fired_at, notified_at, last_notified_at, resolved_at, missed_due_at, muted_by,
      unacknowledged_since, met_ms, met_at, updated_at
    ) values (
      wanted.rule_id, wanted.rule_name, wanted.metric, wanted.entity_type, wanted.tournament_no, to_state, wanted.severity, wanted.value,
      wanted.threshold, wanted.message, wanted.evidence, wanted.cause, parent, wanted.is_flapping,
      least(wanted.began_at, as_of), as_of, case when to_state <> 'PENDING' then as_of end, notified_now, notified_now,
      wanted.resolved_at, wanted.missed_due_at, wanted.muted_by, wanted.unacknowledged_since, wanted.met_ms, wanted.met_at, as_of
    )
    on conflict do nothing returning * into incident;
  elsif to_state = 'DISCARDED' then
    delete from public.alert_incidents
    where id = (transition ->> 'incident_id')::uuid and version = wanted.version and state = 'PENDING'
    returning * into incident;
    return incident;
  else
    update public.alert_incidents i set
      state = to_state,
      (severity, value, threshold, message, evidence, cause, escalation_step, is_flapping, unacknowledged_since, met_ms, met_at)
      = (wanted.severity, wanted.value, wanted.threshold, wanted.message, wanted.evidence, wanted.cause, wanted.escalation_step,
         wanted.is_flapping, wanted.unacknowledged_since, wanted.met_ms, wanted.met_at),
      parent_id = case when is_over then i.parent_id else parent end,
      muted_by = case when is_over then i.muted_by else wanted.muted_by end,
      recovered_at = case when is_over then i.recovered_at else wanted.recovered_at end,
      fired_at = case when to_state = 'PENDING' then null else coalesce(i.fired_at, as_of) end,
      escalated_at = case when wanted.severity <> i.severity or wanted.escalation_step > i.escalation_step then as_of
        else i.escalated_at end,
      acknowledged_until = case when to_state = 'ACKNOWLEDGED' then i.acknowledged_until end,
      notified_at = coalesce(i.notified_at, notified_now),
      last_notified_at = coalesce(notified_now, i.last_notified_at),
      resolved_at = case when is_over then as_of end,
      version = i.version + 1, updated_at = as_of
    where i.id = (transition ->> 'incident_id')::uuid and i.version = wanted.version and i.state <> 'RESOLVED'
    returning i.* into incident;
  end if;
  if incident.id is not null and transition ->> 'reason' <> '' then
    insert into public.alert_events (incident_id, at, from_state, to_state, severity, reason)
    values (incident.id, as_of, transition ->> 'from_state', to_state, wanted.severity, transition ->> 'reason');
  end if;
  return incident;
end
$$;
comment on function private.apply_alert_transition(jsonb, timestamptz) is
  'Inserts, updates or deletes (DISCARDED) an incident by compare-and-set on its version, with its event; null when it has changed since.';

create function private.record_coverage(p_incident_id uuid, bad_runs jsonb) returns void
language sql set search_path = '' as $$
  insert into public.alert_coverage as c (incident_id, entity_type, first_run_at, last_run_at)
  select p_incident_id, r.entity_type, r.first_run_at, r.last_run_at
  from jsonb_to_recordset(bad_runs) as r (entity_type text, first_run_at timestamptz, last_run_at timestamptz)
  on conflict (incident_id, entity_type) do update set
    first_run_at = least(c.first_run_at, excluded.first_run_at), last_run_at = greatest(c.last_run_at, excluded.last_run_at);
$$;
comment on function private.record_coverage(uuid, jsonb) is
  'Adds the runs that show the condition of an incident to the runs that the incident covers.';

create function private.close_coverage(p_incident_id uuid, as_of timestamptz) returns void
language sql set search_path = '' as $$
  update public.alert_coverage c set last_run_at = greatest(c.last_run_at, (
    select max(h.execution_start) from public.sync_execution_history h
    where h.entity_type = c.entity_type and h.tournament_no is null and h.success_weight < 1
      and h.execution_start > c.last_run_at and h.execution_start <= as_of
  ))
  where c.incident_id = p_incident_id;
$$;
comment on function private.close_coverage(uuid, timestamptz) is
  'Extends the coverage of a resolved incident to the last failed run, because an evaluation may not have measured that run.';

create function private.mend_parents() returns void
language sql set search_path = '' as $$
  -- A rule that was switched off and on has a new incident with the same scope, which the evaluator compares.
  update public.alert_incidents child set parent_id = successor.id
  from public.alert_incidents parent join public.alert_incidents successor
    on successor.rule_id = parent.rule_id and successor.entity_type = parent.entity_type
    and successor.tournament_no is not distinct from parent.tournament_no and successor.state in ('FIRING', 'ACKNOWLEDGED')
  where parent.id = child.parent_id and parent.state = 'RESOLVED' and child.state <> 'RESOLVED' and child.id <> successor.id;
  -- An evaluation on an older measurement can give a parent to an incident with children; the next evaluation decides again.
  update public.alert_incidents child set parent_id = null
  from public.alert_incidents parent
  where parent.id = child.parent_id and parent.parent_id is not null and parent.state <> 'RESOLVED' and child.state <> 'RESOLVED';
$$;
comment on function private.mend_parents() is
  'Replaces an ended parent by the live incident of its scope, and removes a parent that has a parent.';

create function private.record_broken_rules(broken jsonb, as_of timestamptz) returns void
language sql set search_path = '' as $$
  update public.alert_rules r set
    broken_since = case when b.reason is not null then coalesce(r.broken_since, as_of) end, broken_reason = left(b.reason, 1000)
  from public.alert_rules a left join jsonb_to_recordset(broken) as b (rule_id uuid, reason text) on b.rule_id = a.id
  where a.id = r.id and (b.reason is not null or r.broken_since is not null) and r.broken_reason is distinct from left(b.reason, 1000);
$$;
comment on function private.record_broken_rules(jsonb, timestamptz) is
  'Marks the rules that could not be evaluated with the error, and clears the mark of the other rules.';

create function public.apply_alert_transitions(p jsonb, as_of timestamptz default now()) returns integer
language plpgsql set search_path = '' as $$
declare
  transition jsonb;
  incident public.alert_incidents;
  applied integer := 0;
  broken jsonb := p -> 'broken';
begin
  perform private.refuse_unknown_fields(p, '{transitions,recovered,broken,cause,rules,evaluated_since}');
  -- The lock admits one evaluator at a time, so that the parent of an incident exists before its children.
  perform pg_advisory_xact_lock(hashtext('public.apply_alert_transitions'));
  for transition in select value from jsonb_array_elements(p -> 'transitions') loop
    begin
      incident := private.apply_alert_transition(transition, as_of);
      if incident.id is not null then
        applied := applied + 1;
        perform private.queue_notification(incident, notification, as_of)
        from jsonb_array_elements(transition -> 'notifications') notification;
        if transition ->> 'to_state' <> 'DISCARDED' then
          perform private.record_coverage(incident.id, transition -> 'bad_runs');
        end if;
        if transition ->> 'to_state' = 'RESOLVED' then
          perform private.close_coverage(incident.id, as_of);
        end if;
      end if;
    exception when others then
      -- A broken rule must not stop the transitions of the others.
      broken := broken || jsonb_build_object('rule_id', transition -> 'rule_id', 'reason', sqlerrm);
    end;
  end loop;
  perform private.mend_parents();
  update public.alert_incidents set awaits_recovery = false where id in (select jsonb_array_elements_text(p -> 'recovered')::uuid);
  perform private.record_broken_rules(broken, as_of);
  insert into public.alert_evaluations (evaluated_at, cause, rules, applied, evaluated_since)
  values (as_of, coalesce(p ->> 'cause', 'cron'), coalesce((p ->> 'rules')::integer, 0), applied,
    coalesce((p ->> 'evaluated_since')::timestamptz, as_of));
  return applied;
end
$$;
comment on function public.apply_alert_transitions(jsonb, timestamptz) is
  'Applies {transitions}, queues their notifications, ends the wait of {recovered} incidents, marks {broken} rules, records '
  '{evaluated_since, rules, cause} and returns the number of applied transitions.';

create function private.due_groups(destination_ids bigint[], as_of timestamptz)
returns table (destination_id bigint, group_key varchar, token uuid, over_limit integer)
language sql set search_path = '' set timezone = 'UTC' as $$
  with waiting as (
    select n.destination_id, n.group_key, min(n.created_at) as since, min(n.seq) as seq, count(*)::integer as states,
      bool_or(n.item ->> 'severity' = 'CRITICAL') as is_critical
    from public.alert_notifications n
    where n.destination_id = any (destination_ids) and n.status in ('PENDING', 'SENDING')
    group by n.destination_id, n.group_key
    -- Messages of one group are never in flight together.
    having bool_and(n.status = 'PENDING')
  ),
  paced as (
    select w.*, last_message.sent_at + c.group_window as window_ends_at,
      case when not w.is_critical and messages.count >= c.hourly_limit then messages.first_at + interval '1 hour' end as limit_ends_at,
      case when not w.is_critical and earlier.count >= c.hourly_limit then w.states else 0 end as over_limit
    from waiting w
    join public.notification_destinations d on d.id = w.destination_id
    join public.notification_channels c on c.name = d.channel
    cross join lateral (
      select max(n.sent_at) as sent_at from public.alert_notifications n
      where n.destination_id = w.destination_id and n.group_key = w.group_key and n.status = 'SENT'
    ) last_message
    cross join lateral (
      -- The query reads as many messages of the last hour as the limit allows; the next message can follow an hour after the oldest.
      select count(*) as count, min(m.sent_at) as first_at from (
        select max(n.sent_at) as sent_at from public.alert_notifications n
        where n.destination_id = w.destination_id and n.group_key = w.group_key and n.status = 'SENT'
          and n.sent_at > as_of - interval '1 hour'
        group by n.message_id order by 1 desc limit c.hourly_limit
      ) m
    ) messages
    cross join lateral (
      select count(distinct n.message_id) as count from public.alert_notifications n
      where n.destination_id = w.destination_id and n.group_key = w.group_key and n.status = 'SENT'
        and n.sent_at > w.since - interval '1 hour' and n.sent_at <= w.since
    ) earlier
  )
  select p.destination_id, p.group_key, gen_random_uuid(), p.over_limit from paced p
  where greatest(p.since, p.window_ends_at, p.limit_ends_at) <= as_of
  order by p.is_critical desc, p.since, p.seq;
$$;
comment on function private.due_groups(bigint[], timestamptz) is
  'The groups of these destinations with a due state, outside group windows and hourly limits, CRITICAL first, each with a new token.';

create function public.claim_alert_notifications(p jsonb, as_of timestamptz default now()) returns jsonb
language plpgsql set search_path = '' set timezone = 'UTC' as $$
declare
  free_destinations bigint[];
  claimed_groups jsonb;
begin
  perform private.refuse_unknown_fields(p, '{limit}');
  update public.notification_channels c set
    previous_secret = null, previous_secret_until = null,
    vault_id = case when c.vault_id is not null then private.store_channel_secrets(c.name, private.channel_secrets(c) - 'previous_secret') end
  where c.previous_secret_until <= as_of;
  -- A sender that did not record its outcome may have delivered the message.
  update public.alert_notifications n set
    status = 'PENDING', token = null, lease_expires_at = null, is_perhaps_received = true,
    first_failed_at = coalesce(n.first_failed_at, as_of), last_error = 'the sender did not record the outcome'
  where n.status = 'SENDING' and n.lease_expires_at <= as_of;
  -- The locks keep other senders away from these destinations until the claim is visible to them.
  free_destinations := array(
    select d.id from public.notification_destinations d join public.notification_channels c on c.name = d.channel and c.is_active
    where (d.retry_at is null or d.retry_at <= as_of)
      and exists (select from public.alert_notifications n where n.destination_id = d.id and n.status = 'PENDING')
    order by d.id
    for update of d skip locked
  );
  -- No state of an ended incident is sent to a destination that certainly has none of its states.
  update public.alert_notifications n set
    status = 'SUPERSEDED', settled_at = as_of, last_error = 'the incident ended before a message was delivered'
  from public.alert_notifications e
  where n.destination_id = any (free_destinations) and n.status = 'PENDING'
    and e.destination_id = n.destination_id and e.incident_id = n.incident_id and e.status = 'PENDING' and e.item ->> 'kind' = 'RESOLVED'
    and not exists (
      select from public.alert_notifications o where o.destination_id = n.destination_id and o.incident_id = n.incident_id
        and (o.status in ('SENT', 'SENDING') or o.is_perhaps_received)
    );
  with due as (select * from private.due_groups(free_destinations, as_of) limit (p ->> 'limit')::integer),
  claimed as (
    update public.alert_notifications n set
      status = 'SENDING', token = due.token, lease_expires_at = as_of + interval '60 seconds', attempts = n.attempts + 1
    from due where n.destination_id = due.destination_id and n.group_key = due.group_key and n.status = 'PENDING'
    returning n as state
  )
  select coalesce(jsonb_agg(private.claimed_group(due.token, due.group_key, due.destination_id, due.over_limit, rows.list)), '[]')
  into claimed_groups
  from due cross join lateral (
    select array_agg(c.state order by (c.state).seq) as list from claimed c where (c.state).token = due.token
  ) rows;
  return claimed_groups;
end
$$;
comment on function public.claim_alert_notifications(jsonb, timestamptz) is
  'Claims up to {limit} groups that are due, and returns each with its token, its destination with secrets, and the other firing '
  'incidents; deletes previous secrets whose overlap has ended.';

create function private.item_for(state public.alert_notifications) returns jsonb
language sql stable set search_path = '' as $$
  select state.item || jsonb_build_object('first_severity', coalesce((
    select n.item -> 'severity' from public.alert_notifications n
    where n.incident_id = state.incident_id and n.destination_id = state.destination_id and (n.status = 'SENT' or n.is_perhaps_received)
    order by n.seq limit 1
  ), state.item -> 'severity'));
$$;
comment on function private.item_for(public.alert_notifications) is
  'The item of a state, with the severity of the first state that its destination received or may have received.';

create function private.claimed_group(
  p_token uuid, p_group_key text, p_destination_id bigint, over_limit integer, claimed public.alert_notifications[]
) returns jsonb
language sql stable set search_path = '' as $$
  select private.channel_with_secrets(c) || jsonb_build_object(
    'token', p_token, 'over_limit', over_limit, 'recipient', nullif(d.recipient, ''),
    'group', jsonb_build_object('rule_name', claimed[1].item -> 'rule_name', 'entity_type', claimed[1].item -> 'entity_type'),
    'rows', (
      select jsonb_agg(jsonb_build_object('id', r.id, 'item', private.item_for(r), 'received', (
        select case when bool_or(n.status = 'SENT') then 'YES' when bool_or(n.is_perhaps_received) then 'PERHAPS' else 'NO' end
        from public.alert_notifications n where n.incident_id = r.incident_id and n.destination_id = p_destination_id
      )) order by r.seq)
      from unnest(claimed) r),
    'firing', (
      select coalesce(jsonb_agg(private.item_for(last_sent) order by last_sent.seq), '[]')
      from public.alert_incidents i cross join lateral (
        select n.* from public.alert_notifications n
        where n.incident_id = i.id and n.destination_id = p_destination_id and n.group_key = p_group_key and n.status = 'SENT'
        order by n.seq desc limit 1
      ) last_sent
      where i.state in ('FIRING', 'ACKNOWLEDGED') and not exists (select from unnest(claimed) r where r.incident_id = i.id)
    )
  )
  from public.notification_destinations d join public.notification_channels c on c.name = d.channel where d.id = p_destination_id;
$$;
comment on function private.claimed_group(uuid, text, bigint, integer, public.alert_notifications[]) is
  'The JSON of a claimed group for the sender.';

create function private.record_outcome_at(p_destination_id bigint, p jsonb, is_test boolean, as_of timestamptz) returns void
language sql set search_path = '' set timezone = 'UTC' as $$
  update public.notification_destinations d set
    failures = case when o.is_sent then 0 else d.failures + 1 end,
    -- The backoff is 10 s, 20 s, 40 s and so on up to an hour, with a jitter of ±25 %. A Retry-After above zero replaces it.
    retry_at = case when not o.is_sent then as_of + make_interval(secs => coalesce(
      nullif((p ->> 'retry_after_ms')::double precision, 0) / 1000,
      least(10 * 2 ^ least(d.failures, 20) * (0.75 + random() / 2), 3600))) end,
    last_sent_at = case when o.is_sent and not is_test then as_of else d.last_sent_at end,
    proven_at = case when o.is_sent then as_of else d.proven_at end,
    last_error = left(case when not o.is_sent then coalesce(p ->> 'error', p ->> 'outcome') end, 1000)
  from (select p ->> 'outcome' = 'SENT' as is_sent) o
  where d.id = p_destination_id;
$$;
comment on function private.record_outcome_at(bigint, jsonb, boolean, timestamptz) is
  'Records the {outcome, error?, retry_after_ms?} of an attempt at a destination: its proof, or the backoff for which each message waits.';

create function public.record_alert_delivery(p jsonb, as_of timestamptz default now()) returns boolean
language plpgsql set search_path = '' set timezone = 'UTC' as $$
declare
  outcome constant text := p ->> 'outcome';
  failed_at constant timestamptz := case when outcome <> 'SENT' then as_of end;
  claimed public.alert_notifications[];
begin
  perform private.refuse_unknown_fields(p, '{token,message_id,reported,outcome,is_answered,status_code,error,retry_after_ms,duration_ms}');
  claimed := array(
    select n from public.alert_notifications n where n.token = (p ->> 'token')::uuid and n.status = 'SENDING' order by n.seq for update
  );
  if cardinality(claimed) = 0 then
    return false;
  end if;
  insert into public.alert_deliveries (notification_id, attempt, at, outcome, status_code, error, duration_ms)
  select r.id, r.attempts, as_of, outcome, (p ->> 'status_code')::integer, left(p ->> 'error', 1000),
    coalesce((p ->> 'duration_ms')::numeric, 0)::integer
  from unnest(claimed) r where p -> 'reported' ? r.id::text;
  update public.alert_notifications n set
    status = s.status, token = null, lease_expires_at = null,
    message_id = (p ->> 'message_id')::uuid,
    first_failed_at = s.first_failed_at,
    is_perhaps_received = n.is_perhaps_received or outcome <> 'SENT' and not (p ->> 'is_answered')::boolean,
    last_error = case when outcome <> 'SENT' then left(p ->> 'error', 1000) end,
    sent_at = case when s.status = 'SENT' then as_of end,
    settled_at = case when s.status <> 'PENDING' then as_of end
  from (
    select r.id, h.first_failed_at, case
      when not p -> 'reported' ? r.id::text then 'SUPERSEDED'
      when outcome = 'RETRY' and h.first_failed_at > as_of - interval '3 days' then 'PENDING'
      when outcome = 'SENT' then 'SENT'
      else 'DEAD'
    end as status
    from unnest(claimed) r join (
      select o.incident_id, least(min(o.first_failed_at), failed_at) as first_failed_at from unnest(claimed) o group by 1
    ) h on h.incident_id = r.incident_id
  ) s
  where n.id = s.id;
  perform private.record_outcome_at(
    claimed[1].destination_id, p, exists (select from public.alert_incidents i where i.id = claimed[1].incident_id and i.is_test), as_of);
  return true;
end
$$;
comment on function public.record_alert_delivery(jsonb, timestamptz) is
  'Records the outcome SENT, RETRY (DEAD after three days) or DEAD; a state that is not reported becomes SUPERSEDED. False when {token} is '
  'not current.';

create function private.canary_progress(
  canary public.channel_canaries, out stage varchar, out error text, out is_over boolean, out accepted_at timestamptz
)
language plpgsql stable set search_path = '' as $$
declare
  rows record;
begin
  select count(*) as count, bool_and(n.status = 'SENT') as are_sent, bool_or(n.status = 'DEAD') as are_dead, max(n.sent_at) as sent_at,
    (array_agg(coalesce(n.last_error, d.last_error) order by n.seq) filter (where coalesce(n.last_error, d.last_error) is not null))[1] as error
  into rows
  from public.alert_notifications n left join public.notification_destinations d on d.id = n.destination_id
  where n.incident_id = canary.incident_id and n.channel = canary.channel;
  is_over := false;
  if rows.are_sent then
    stage := 'READER';
    error := 'nobody followed the link of the email';
    accepted_at := rows.sent_at;
  elsif rows.count > 0 then
    stage := 'CHANNEL';
    error := coalesce(rows.error, 'the processor made no attempt');
    is_over := rows.are_dead;
  elsif not exists (select from public.alert_rules r where r.metric = 'canary' and r.is_active and r.for_duration = '0') then
    stage := 'RULE';
    error := 'no active rule with the metric canary fires at once';
  elsif not exists (select from public.alert_evaluations v where v.evaluated_at > canary.opened_at) then
    stage := 'EVALUATION';
    error := 'the rules were not evaluated';
  else
    stage := 'OUTBOX';
    error := coalesce(
      (select r.broken_reason from public.alert_rules r where r.metric = 'canary'), 'the evaluation queued no message for the channel');
  end if;
end
$$;
comment on function private.canary_progress(public.channel_canaries) is
  'The first stage that an open check has not passed, the reason (error), whether that stage cannot pass any more (is_over), and the time '
  'at which the channel accepted the message.';

create function private.settle_canaries(as_of timestamptz) returns void
language sql set search_path = '' set timezone = 'UTC' as $$
  update public.channel_canaries k set
    stage = s.stage, stage_since = s.since, proven_at = s.proven_at, failed_at = case when s.has_failed then as_of end,
    error = case when s.has_failed then left(s.error, 1000) end
  from (
    select o.id, a.*,
      a.proven_at is null and case a.stage
        -- A person can follow the link until the next check is due.
        when 'READER' then o.opened_at + c.canary_every <= as_of
        -- 10 minutes are less than the 15 minutes of the rule "Notifications Undelivered", so the canary names the failed stage first.
        else a.is_over or a.since + interval '10 minutes' <= as_of
      end as has_failed
    from public.channel_canaries o join public.notification_channels c on c.name = o.channel
    cross join lateral private.canary_progress(o) p
    cross join lateral (
      select case when p.stage = 'READER' and c.kind <> 'email' then 'CHANNEL' else p.stage end as stage,
        case when o.stage = p.stage then o.stage_since else as_of end as since,
        case when c.kind <> 'email' then p.accepted_at end as proven_at, p.error, p.is_over
    ) a
    where o.proven_at is null and o.failed_at is null
  ) s
  where k.id = s.id and k.proven_at is null and k.failed_at is null;
$$;
comment on function private.settle_canaries(timestamptz) is
  'Sets the current stage of each open check, and closes the checks that are proven or failed. The acceptance of its message proves a '
  'channel other than email. A stage fails after 10 minutes, and READER when the next check is due.';

create function private.run_canaries(as_of timestamptz default now()) returns void
language plpgsql set search_path = '' set timezone = 'UTC' as $$
begin
  -- The deletion of a channel locks the channel and then its checks. The same order here prevents a deadlock.
  perform from public.notification_channels for key share;
  delete from public.channel_canaries k using public.notification_channels c
  where c.name = k.channel and k.proven_at is null and k.failed_at is null and not (c.is_active and c.canary_every is not null);
  perform private.settle_canaries(as_of);
  insert into public.channel_canaries (channel, opened_at, stage_since)
  select c.name, as_of, as_of
  from public.notification_channels c left join lateral (
    select * from public.channel_canaries l where l.channel = c.name order by l.opened_at desc limit 1
  ) k on true
  where c.is_active and c.canary_every is not null and as_of >= case
    when k.id is null then c.created_at + c.canary_every
    when k.failed_at is null or k.stage = 'READER' then k.opened_at + c.canary_every
    -- The next check of a failed channel is due after a change of the channel, else after an hour.
    when c.updated_at > k.failed_at then c.updated_at
    else k.opened_at + interval '1 hour'
  end
  on conflict do nothing;
  -- The second call sets the stage of the new checks.
  perform private.settle_canaries(as_of);
  update public.alert_notifications n set
    status = 'SUPERSEDED', settled_at = as_of, token = null, lease_expires_at = null,
    last_error = coalesce(n.last_error, 'the check of the channel is over')
  from public.alert_incidents i
  where i.id = n.incident_id and i.is_test and n.status in ('PENDING', 'SENDING') and not exists (
    select from public.channel_canaries k
    where k.channel = n.channel and k.incident_id = n.incident_id and k.proven_at is null and k.failed_at is null
  );
end
$$;
comment on function private.run_canaries(timestamptz) is
  'Settles the open checks, opens a check for each channel whose canary is due, and discards the messages of closed checks.';

create function private.queue_weekly_report(as_of timestamptz) returns void
language plpgsql set search_path = '' set timezone = 'UTC' as $$
declare
  -- The report is due on Monday at 07:00 UTC, when the working day begins in Europe and the last runs of the week have ended.
  report_week constant date := date_trunc('week', as_of - interval '7 days 7 hours');
begin
  -- The report of an older week is not created after a clock was set back.
  if exists (select from public.weekly_reports r where r.week >= report_week) then
    return;
  end if;
  insert into public.weekly_reports (week, facts, created_at)
  values (report_week, public.get_weekly_report(as_of - interval '7 hours'), as_of)
  on conflict do nothing;
  if not found then
    return;
  end if;
  insert into public.notification_destinations (channel, recipient)
  select c.name, r.recipient from public.notification_channels c cross join lateral private.recipients(c, null) r (recipient)
  where c.is_active and c.weekly_report
  on conflict do nothing;
  insert into public.weekly_report_deliveries (week, destination_id)
  select report_week, d.id from public.notification_destinations d where private.wants_weekly_report(d);
end
$$;
comment on function private.queue_weekly_report(timestamptz) is
  'Creates the report of the last week once, from Monday 07:00 UTC on, and queues it for the channels that receive reports. Without such a '
  'channel, the report is created too.';

create function private.wants_weekly_report(destination public.notification_destinations) returns boolean
language sql stable set search_path = '' as $$
  select exists (
    select from public.notification_channels c cross join lateral private.recipients(c, null) r (recipient)
    where c.name = destination.channel and c.is_active and c.weekly_report and r.recipient = destination.recipient
  );
$$;
comment on function private.wants_weekly_report(public.notification_destinations) is
  'Whether the channel is active, receives the report, and has the recipient; recipients of one severity receive no report.';

create function public.claim_weekly_reports(p jsonb, as_of timestamptz default now()) returns jsonb
language plpgsql set search_path = '' set timezone = 'UTC' as $$
declare
  claimed_reports jsonb;
begin
  perform private.refuse_unknown_fields(p, '{limit}');
  perform private.queue_weekly_report(as_of);
  -- A sender that did not record its outcome may have delivered the report.
  update public.weekly_report_deliveries r set
    status = 'DEAD', token = null, lease_expires_at = null, is_perhaps_received = true, last_error = 'the sender did not record the outcome'
  where r.status = 'SENDING' and r.lease_expires_at <= as_of;
  -- After a day a report is too old.
  update public.weekly_report_deliveries r set
    status = 'DEAD', last_error = coalesce(r.last_error, 'the channel was off or did not want the report')
  from public.weekly_reports w
  where r.status = 'PENDING' and w.week = r.week and w.created_at <= as_of - interval '1 day';
  with due as (
    select r.id, gen_random_uuid() as token
    from public.weekly_report_deliveries r join public.notification_destinations d on d.id = r.destination_id
    where r.status = 'PENDING' and (d.retry_at is null or d.retry_at <= as_of) and private.wants_weekly_report(d)
    order by r.week, d.channel, d.recipient
    limit (p ->> 'limit')::integer
    for update of r skip locked
  ),
  claimed as (
    update public.weekly_report_deliveries r set
      status = 'SENDING', token = due.token, lease_expires_at = as_of + interval '60 seconds', attempts = r.attempts + 1
    from due where r.id = due.id
    returning r.*
  )
  select coalesce(jsonb_agg(private.channel_with_secrets(c) || jsonb_build_object(
    'id', r.id, 'token', r.token, 'recipient', nullif(d.recipient, ''), 'facts', w.facts)), '[]')
  into claimed_reports
  from claimed r
  join public.weekly_reports w on w.week = r.week
  join public.notification_destinations d on d.id = r.destination_id
  join public.notification_channels c on c.name = d.channel;
  return claimed_reports;
end
$$;
comment on function public.claim_weekly_reports(jsonb, timestamptz) is
  'Creates the weekly report when it is due, and claims up to {limit} deliveries, each with its token, its destination with secrets, and '
  'the facts of the report. A delivery becomes DEAD after a day, or when its outcome was not recorded.';

create function public.record_weekly_report(p jsonb, as_of timestamptz default now()) returns boolean
language plpgsql set search_path = '' as $$
declare
  outcome constant text := p ->> 'outcome';
  is_answered constant boolean := (p ->> 'is_answered')::boolean;
  destination bigint;
begin
  perform private.refuse_unknown_fields(p, '{token,outcome,is_answered,status_code,error,retry_after_ms}');
  update public.weekly_report_deliveries r set
    status = case when outcome = 'RETRY' then case when is_answered then 'PENDING' else 'DEAD' end else outcome end,
    token = null, lease_expires_at = null,
    is_perhaps_received = outcome <> 'SENT' and not is_answered,
    last_error = case when outcome <> 'SENT' then left(p ->> 'error', 1000) end,
    sent_at = case when outcome = 'SENT' then as_of end
  where r.token = (p ->> 'token')::uuid and r.status = 'SENDING'
  returning r.destination_id into destination;
  if not found then
    return false;
  end if;
  perform private.record_outcome_at(destination, p, false, as_of);
  return true;
end
$$;
comment on function public.record_weekly_report(jsonb, timestamptz) is
  'Records the outcome SENT, RETRY (DEAD without an answer) or DEAD of a report; false when {token} is not current.';

create function public.record_channel_test(p jsonb, as_of timestamptz default now()) returns void
language plpgsql set search_path = '' as $$
begin
  perform private.refuse_unknown_fields(p, '{name,results}');
  insert into public.notification_destinations as d (channel, recipient, proven_at, last_error)
  select c.name, coalesce(r.recipient, ''), case when r.error is null then as_of end, left(r.error, 1000)
  from jsonb_to_recordset(p -> 'results') r (recipient text, error text)
  -- A person can delete the channel during its test.
  join public.notification_channels c on c.name = p ->> 'name'
  order by 2
  on conflict (channel, recipient) do update set
    proven_at = coalesce(excluded.proven_at, d.proven_at), last_error = excluded.last_error;
end
$$;
comment on function public.record_channel_test(jsonb, timestamptz) is
  'Records the {results} of a test of channel {name}: for each {recipient}, the {error}, null when the recipient accepted the messages.';

create function public.get_alertmanager_alerts(as_of timestamptz default now()) returns jsonb
language sql stable set search_path = '' set timezone = 'UTC' as $$
  with receiver as (
    select private.channel_with_secrets(c) || jsonb_build_object('recipient', null) as receiver
    from public.notification_channels c where c.kind = 'alertmanager' and c.is_active
  ),
  alert as (
    select i, coalesce((
      select e.severity from public.alert_events e where e.incident_id = i.id and e.to_state in ('FIRING', 'RESOLVED') order by e.id limit 1
    ), i.severity) as first_severity
    from public.alert_incidents i
    where not i.is_test and (i.state in ('FIRING', 'ACKNOWLEDGED') or i.state = 'RESOLVED' and i.fired_at is not null
      and i.resolved_at > as_of - interval '15 minutes')
  )
  select jsonb_build_object(
    'receivers', (select coalesce(jsonb_agg(r.receiver order by r.receiver ->> 'channel'), '[]') from receiver r),
    'items', (
      -- Ended incidents are before firing ones, because both can have the same labels and Alertmanager keeps the last.
      select coalesce(jsonb_agg(private.item_of(a.i, case when (a.i).state = 'RESOLVED' then 'RESOLVED' else 'FIRING' end, (a.i).message)
        || jsonb_build_object('first_severity', a.first_severity) order by (a.i).state <> 'RESOLVED', (a.i).opened_at), '[]')
      from alert a where exists (select from receiver)));
$$;
comment on function public.get_alertmanager_alerts(timestamptz) is
  'Returns the active channels of Alertmanager with their addresses and headers, and for them every incident that fires or ended within 15 '
  'minutes, each with its first severity.';

create function public.record_alertmanager_post(p jsonb, as_of timestamptz default now()) returns void
language plpgsql set search_path = '' as $$
begin
  perform private.refuse_unknown_fields(p, '{name,error}');
  insert into public.notification_destinations as d (channel, proven_at, last_sent_at, last_error)
  select c.name, outcome.at, outcome.at, left(p ->> 'error', 1000)
  from public.notification_channels c cross join (select case when p ->> 'error' is null then as_of end as at) outcome
  -- A person can delete the channel during the post.
  where c.name = p ->> 'name'
  on conflict (channel, recipient) do update set
    proven_at = coalesce(excluded.proven_at, d.proven_at), last_sent_at = coalesce(excluded.last_sent_at, d.last_sent_at),
    last_error = excluded.last_error;
end
$$;
comment on function public.record_alertmanager_post(jsonb, timestamptz) is
  'Records the outcome of a post of all alerts to channel {name}: the {error}, null when the receiver accepted the post.';

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
  'Posts the status to the URL in the Vault secret watchdog_url, signed with watchdog_secret, if both exist. Security definer, because '
  'only the owner reads Vault.';

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
  'Calls the watchdog URL with the status late each hour while the last evaluation is five minutes old, and once with back after the next '
  'one; returns the status.';
