-- Rules, the incidents they open, the timeline of each, silences, channels, and the outbox of notifications.

create table public.alert_rules (
  id uuid primary key default gen_random_uuid(),
  name varchar not null unique,
  description text not null default '',
  entity_type varchar not null,
  metric varchar not null,
  threshold numeric not null,
  evaluation_window interval not null,
  severity varchar not null,
  notification_channels jsonb not null default '["dashboard"]',
  escalation_delay interval,
  is_active boolean not null default true,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  minimum_runs integer not null default 1,
  for_duration interval not null default '0',
  recovery_threshold numeric,
  error_type varchar,
  no_data varchar not null default 'KEEP',
  runbook_url varchar,
  repeat_interval interval not null default '4 hours',
  scope varchar not null default 'ENTITY',
  escalation_channels jsonb not null default '[]',
  constraint alert_rules_severity_is_known check (severity in ('LOW', 'MEDIUM', 'HIGH', 'CRITICAL')),
  constraint alert_rules_window_is_positive check (evaluation_window > interval '0'),
  constraint alert_rules_channels_are_a_list check (jsonb_typeof(notification_channels) = 'array'),
  constraint alert_rules_threshold_is_not_negative check (threshold >= 0),
  constraint alert_rules_ratio_is_at_most_one
    check (metric not in ('success_rate', 'cache_hit_ratio', 'records_collapse') or threshold <= 1),
  constraint alert_rules_minimum_runs_is_not_negative check (minimum_runs >= 0),
  constraint alert_rules_for_is_not_negative check (for_duration >= interval '0'),
  constraint alert_rules_escalation_is_positive check (escalation_delay > interval '0'),
  constraint alert_rules_repeat_is_positive check (repeat_interval > interval '0'),
  constraint alert_rules_no_data_is_known check (no_data in ('KEEP', 'OK', 'ALERT')),
  constraint alert_rules_error_type_is_known
    check (error_type in ('NETWORK', 'AUTH', 'API', 'DATABASE', 'TIMEOUT', 'VALIDATION')),
  constraint alert_rules_error_type_has_its_metric check (error_type is null or metric = 'error_rate'),
  constraint alert_rules_metric_is_known check (metric in (
    'success_rate', 'consecutive_failures', 'duration_exceeded', 'memory_usage', 'sync_overdue', 'error_rate', 'records_collapse',
    'cache_hit_ratio', 'api_response_time', 'stuck_execution', 'shared_failure', 'dead_notifications', 'processor_late', 'queue_age'
  )),
  constraint alert_rules_scope_is_known check (scope in ('ENTITY', 'TOURNAMENT')),
  constraint alert_rules_tournament_scope_has_its_metric check (
    scope = 'ENTITY' or (metric in ('success_rate', 'consecutive_failures') and entity_type <> 'all')
  ),
  constraint alert_rules_system_metric_iff_system check (
    (metric in ('dead_notifications', 'processor_late', 'queue_age')) = (entity_type = 'system')
  ),
  constraint alert_rules_escalation_channels_are_a_list check (jsonb_typeof(escalation_channels) = 'array')
);
comment on table public.alert_rules is 'What is watched for; threshold is in the unit of the metric.';
comment on column public.alert_rules.entity_type is 'An entity type, all of them, or system: the monitoring itself.';
comment on column public.alert_rules.escalation_delay is
  'Told but not acknowledged for this long, the severity rises one step up to CRITICAL and the next channels are told, again and again.';
comment on column public.alert_rules.minimum_runs is 'Finished full runs in the window before the rule may speak.';
comment on column public.alert_rules.for_duration is 'How long the condition must hold before the incident fires; until then it is PENDING.';
comment on column public.alert_rules.recovery_threshold is 'Where the incident resolves; null is the threshold itself.';
comment on column public.alert_rules.no_data is 'What an unknown value does: KEEP the state, count as OK, or ALERT.';
comment on column public.alert_rules.scope is 'ENTITY: one incident for the entity type (or all, or system); TOURNAMENT: one for each tournament of it.';
comment on column public.alert_rules.escalation_channels is
  'A list of lists: the channels told from the first escalation step on, from the second, and so on, beside the rule''s own.';
select private.secure_table('public.alert_rules');

-- Limits are ones that can happen on the platform: memory under the 256 MB a function may use, durations under its wall clock.
insert into public.alert_rules (
  name, description, entity_type, scope, metric, threshold, evaluation_window, severity, escalation_delay, minimum_runs,
  recovery_threshold, no_data, runbook_url
) values
('Tournament Sync Consecutive Failures', 'Full runs failed in a row.', 'tournaments', 'ENTITY', 'consecutive_failures', 3, '1 hour', 'HIGH', '30 minutes', 0, null, 'KEEP', 'docs/runbook.md#tournament-sync-consecutive-failures'),
  ('Match Schedule Consecutive Failures', 'Full runs failed in a row.', 'matches_schedule', 'ENTITY', 'consecutive_failures', 3, '45 minutes', 'HIGH', '30 minutes', 0, null, 'KEEP', 'docs/runbook.md#match-schedule-consecutive-failures'),
  ('Overall Sync Success Rate Drop', 'Fewer runs of all entities succeed than should.', 'all', 'ENTITY', 'success_rate', 0.95, '24 hours', 'MEDIUM', null, 4, 0.97, 'KEEP', 'docs/runbook.md#overall-sync-success-rate-drop'),
  ('Tournament Sync Duration Exceeded', 'A run takes longer than its wall clock bears for long.', 'tournaments', 'ENTITY', 'duration_exceeded', 120, '15 minutes', 'MEDIUM', null, 0, null, 'KEEP', 'docs/runbook.md#tournament-sync-duration-exceeded'),
  ('Match Schedule Duration Exceeded', 'A run takes longer than its wall clock bears for long.', 'matches_schedule', 'ENTITY', 'duration_exceeded', 300, '15 minutes', 'MEDIUM', null, 0, null, 'KEEP', 'docs/runbook.md#match-schedule-duration-exceeded'),
  ('Memory Usage Exceeded', 'A run came near the memory a function may use.', 'all', 'ENTITY', 'memory_usage', 200, '15 minutes', 'HIGH', null, 0, 180, 'KEEP', 'docs/runbook.md#memory-usage-exceeded'),
  ('Tournament Sync Overdue', 'No run began when one was due.', 'tournaments', 'ENTITY', 'sync_overdue', 1, '15 minutes', 'HIGH', '30 minutes', 0, null, 'KEEP', 'docs/runbook.md#tournament-sync-overdue'),
  ('Match Schedule Overdue', 'No run began when one was due.', 'matches_schedule', 'ENTITY', 'sync_overdue', 1, '15 minutes', 'HIGH', '15 minutes', 0, null, 'KEEP', 'docs/runbook.md#match-schedule-overdue'),
  ('Tournaments Failing Alike', 'Many tournaments fail for one and the same reason, as when the upstream service fails.', 'all', 'ENTITY', 'shared_failure', 3, '30 minutes', 'HIGH', '30 minutes', 0, null, 'KEEP', 'docs/runbook.md#tournaments-failing-alike'),
  ('Match Schedule Tournament Failing', 'One tournament fails again and again for its own reason.', 'matches_schedule', 'TOURNAMENT', 'consecutive_failures', 3, '6 hours', 'MEDIUM', null, 1, null, 'OK', 'docs/runbook.md#match-schedule-tournament-failing'),
  ('Notifications Undelivered', 'Messages died, or were tried four times in vain.', 'system', 'ENTITY', 'dead_notifications', 1, '1 hour', 'HIGH', null, 0, null, 'OK', 'docs/runbook.md#notifications-undelivered'),
  ('Alert Processor Late', 'Nobody evaluated the rules for a while.', 'system', 'ENTITY', 'processor_late', 300, '1 hour', 'MEDIUM', null, 0, null, 'OK', 'docs/runbook.md#alert-processor-late'),
  ('Sync Queue Waiting', 'A job that may begin waits too long.', 'system', 'ENTITY', 'queue_age', 1800, '1 hour', 'HIGH', null, 0, 900, 'OK', 'docs/runbook.md#sync-queue-waiting')
on conflict (name) do nothing;

create table public.alert_incidents (
  id uuid primary key default gen_random_uuid(),
  rule_id uuid references public.alert_rules (id) on delete set null,
  rule_name varchar not null,
  metric varchar not null,
  entity_type varchar not null,
  state varchar not null,
  severity varchar not null,
  value numeric,
  threshold numeric not null,
  message text not null,
  evidence jsonb not null default '{}',
  opened_at timestamptz not null,
  fired_at timestamptz,
  escalated_at timestamptz,
  acknowledged_at timestamptz,
  acknowledged_by varchar,
  acknowledged_until timestamptz,
  notified_at timestamptz,
  last_notified_at timestamptz,
  resolved_at timestamptz,
  version integer not null default 1,
  updated_at timestamptz not null,
  tournament_no varchar,
  parent_id uuid references public.alert_incidents (id) on delete set null,
  began_at timestamptz not null,
  recovered_at timestamptz,
  missed_due_at timestamptz,
  escalation_step integer not null default 0,
  is_flapping boolean not null default false,
  constraint alert_incidents_state_is_known check (state in ('PENDING', 'FIRING', 'ACKNOWLEDGED', 'RESOLVED')),
  constraint alert_incidents_severity_is_known check (severity in ('LOW', 'MEDIUM', 'HIGH', 'CRITICAL')),
  constraint alert_incidents_fired_iff_not_pending check ((state = 'PENDING') = (fired_at is null)),
  constraint alert_incidents_resolved_iff_terminal check ((state = 'RESOLVED') = (resolved_at is not null)),
  constraint alert_incidents_acknowledged_has_an_author check (state <> 'ACKNOWLEDGED' or acknowledged_by is not null),
  constraint alert_incidents_parent_is_another check (parent_id <> id),
  constraint alert_incidents_step_is_not_negative check (escalation_step >= 0)
);
comment on table public.alert_incidents is 'A rule that holds for a scope, from opening to resolution; entity_type is all for a rule over every entity.';
comment on column public.alert_incidents.notified_at is 'When anybody was first told; null while silenced from the start.';
comment on column public.alert_incidents.version is 'Raised by each change; a change must name the one it was decided on.';
comment on column public.alert_incidents.parent_id is 'The incident that speaks for the same cause; while it does, this one tells nobody.';
comment on column public.alert_incidents.began_at is 'When what holds came to hold, by the time of the run or due time itself; opened_at is when it was noticed.';
comment on column public.alert_incidents.recovered_at is 'Since when a flapping incident has been well; it must stay so for a while to resolve.';
comment on column public.alert_incidents.missed_due_at is 'The first due time that was missed, and made good, while nobody evaluated.';
create index alert_incidents_opened_idx on public.alert_incidents (opened_at, id);
create index alert_incidents_live_idx on public.alert_incidents (entity_type) where state <> 'RESOLVED';
create unique index alert_incidents_one_live_a_scope
  on public.alert_incidents (rule_id, entity_type, coalesce(tournament_no, '')) where state <> 'RESOLVED';
comment on index public.alert_incidents_one_live_a_scope is 'Two live incidents of one rule and scope cannot be written.';
create unique index alert_incidents_one_a_missed_run
  on public.alert_incidents (rule_id, entity_type, missed_due_at) where missed_due_at is not null;
comment on index public.alert_incidents_one_a_missed_run is 'What was missed unwatched is flagged once, however many evaluators find it.';
create index alert_incidents_rule_idx on public.alert_incidents (rule_id, resolved_at);
create index alert_incidents_parent_idx on public.alert_incidents (parent_id) where parent_id is not null;
select private.secure_table('public.alert_incidents');

create table public.alert_events (
  id bigint generated always as identity primary key,
  incident_id uuid not null references public.alert_incidents (id) on delete cascade,
  at timestamptz not null,
  from_state varchar,
  to_state varchar not null,
  severity varchar not null,
  reason text not null
);
comment on table public.alert_events is 'The story of an incident: each step with its reason.';
create index alert_events_incident_idx on public.alert_events (incident_id, id);
select private.secure_table('public.alert_events');

create table public.alert_evaluations (
  id bigint generated always as identity primary key,
  evaluated_at timestamptz not null,
  cause varchar not null,
  rules integer not null,
  applied integer not null,
  watched_since timestamptz
);
comment on table public.alert_evaluations is 'When the rules were last looked at, and what came of it.';
comment on column public.alert_evaluations.watched_since is 'Since when no gap of five minutes or more lay between two evaluations.';
create index alert_evaluations_time_idx on public.alert_evaluations (evaluated_at desc);
select private.secure_table('public.alert_evaluations');

create table public.alert_silences (
  id uuid primary key default gen_random_uuid(),
  entity_type varchar,
  rule_id uuid references public.alert_rules (id) on delete cascade,
  severity varchar,
  starts_at timestamptz not null default now(),
  ends_at timestamptz not null,
  created_by varchar not null,
  reason text not null,
  created_at timestamptz not null default now(),
  tournament_no varchar,
  recurs_every interval,
  lasts interval,
  constraint alert_silences_end_not_before_start check (ends_at >= starts_at),
  constraint alert_silences_severity_is_known check (severity in ('LOW', 'MEDIUM', 'HIGH', 'CRITICAL')),
  constraint alert_silences_match_is_not_everything check (num_nonnulls(entity_type, rule_id, severity, tournament_no) > 0),
  constraint alert_silences_recurrence_has_a_length check ((recurs_every is null) = (lasts is null)),
  constraint alert_silences_length_is_within_recurrence check (lasts > interval '0' and lasts < recurs_every)
);
comment on table public.alert_silences is 'While one matches, an incident is recorded and nobody is told; what still holds at its end is told then.';
comment on column public.alert_silences.recurs_every is 'From starts_at on, every so long (UTC), it holds for lasts; null holds all the time.';
create index alert_silences_rule_idx on public.alert_silences (rule_id);
select private.secure_table('public.alert_silences');

create function private.is_silencing(silence public.alert_silences, as_of timestamptz) returns boolean
language sql immutable set search_path = '' as $$
  select silence.starts_at <= as_of and silence.ends_at > as_of
    and (silence.recurs_every is null or as_of < private.last_due(silence.starts_at, silence.recurs_every, as_of) + silence.lasts);
$$;
comment on function private.is_silencing(public.alert_silences, timestamptz) is 'Whether a silence holds at a moment, recurring ones in their windows.';

create table public.notification_channels (
  name varchar primary key,
  kind varchar not null,
  is_active boolean not null default true,
  config jsonb not null default '{}',
  secret text,
  previous_secret text,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  group_window interval not null default '30 seconds',
  hourly_cap integer not null default 60,
  constraint notification_channels_kind_is_known check (kind in ('email', 'webhook', 'slack', 'dashboard')),
  constraint notification_channels_webhook_has_url_and_secret
    check (kind <> 'webhook' or (jsonb_typeof(config -> 'url') = 'string' and secret is not null)),
  constraint notification_channels_slack_has_its_url check (kind <> 'slack' or secret is not null),
  constraint notification_channels_email_has_recipients check (kind <> 'email' or jsonb_typeof(config -> 'to') = 'array'),
  constraint notification_channels_group_window_is_short check (group_window between interval '0' and interval '1 hour'),
  constraint notification_channels_cap_is_positive check (hourly_cap > 0)
);
comment on table public.notification_channels is 'Where alerts go: webhook {url} with its signing secret, slack with its URL as the secret, email {to: [...]}, dashboard.';
comment on column public.notification_channels.previous_secret is 'Signs beside the secret while receivers change over.';
comment on column public.notification_channels.group_window is 'What opens within this long after a message goes out together at its end.';
comment on column public.notification_channels.hourly_cap is 'Messages an hour; what is over it waits, as one message that says how many were withheld.';
select private.secure_table('public.notification_channels');
-- Secrets never leave by the API: readers see every other column.
revoke select on public.notification_channels from authenticated;
grant select (name, kind, is_active, created_at, updated_at, group_window, hourly_cap) on public.notification_channels to authenticated;

insert into public.notification_channels (name, kind) values ('dashboard', 'dashboard');

create table public.alert_notifications (
  id uuid primary key default gen_random_uuid(),
  channel varchar not null,
  items jsonb not null,
  status varchar not null default 'PENDING',
  attempts integer not null default 0,
  next_attempt_at timestamptz,
  token uuid,
  lease_expires_at timestamptz,
  last_error text,
  created_at timestamptz not null,
  sent_at timestamptz,
  due_at timestamptz not null,
  withheld integer not null default 0,
  constraint alert_notifications_status_is_known check (status in ('PENDING', 'SENDING', 'SENT', 'DEAD')),
  constraint alert_notifications_items_are_a_list check (jsonb_typeof(items) = 'array' and jsonb_array_length(items) > 0),
  constraint alert_notifications_sent_iff_terminal check ((status = 'SENT') = (sent_at is not null)),
  constraint alert_notifications_pending_has_a_time check (status <> 'PENDING' or next_attempt_at is not null),
  constraint alert_notifications_sending_has_a_lease check ((status = 'SENDING') = (token is not null and lease_expires_at is not null)),
  constraint alert_notifications_withheld_is_not_negative check (withheld >= 0)
);
comment on table public.alert_notifications is 'The outbox: one message to one channel about one or more incidents; its id is the idempotency id of every try.';
comment on column public.alert_notifications.due_at is 'When it was first to go out; later than created_at inside a group window or over the cap.';
comment on column public.alert_notifications.withheld is 'How many messages this one stands for beyond the channel''s cap.';
create index alert_notifications_due_idx on public.alert_notifications (next_attempt_at) where status in ('PENDING', 'SENDING');
create index alert_notifications_items_idx on public.alert_notifications using gin (items jsonb_path_ops);
create index alert_notifications_time_idx on public.alert_notifications (created_at);
create index alert_notifications_channel_idx on public.alert_notifications (channel, due_at);
select private.secure_table('public.alert_notifications');

create table public.alert_deliveries (
  id bigint generated always as identity primary key,
  notification_id uuid not null references public.alert_notifications (id) on delete cascade,
  attempt integer not null,
  at timestamptz not null,
  outcome varchar not null,
  status_code integer,
  error text,
  duration_ms integer not null,
  constraint alert_deliveries_outcome_is_known check (outcome in ('SENT', 'RETRY', 'DEAD'))
);
comment on table public.alert_deliveries is 'Each try of a notification and what came of it.';
create index alert_deliveries_notification_idx on public.alert_deliveries (notification_id, id);
select private.secure_table('public.alert_deliveries');

create table private.watchdog (
  id boolean primary key default true,
  late_since timestamptz,
  notified_at timestamptz,
  constraint watchdog_is_one_row check (id)
);
comment on table private.watchdog is 'Since when the alert processor is late, and when the watchdog URL was last told.';
alter table private.watchdog enable row level security;
grant select, update on private.watchdog to service_role;

insert into private.watchdog default values;

select private.secure_functions(
  'private.is_silencing'
);
