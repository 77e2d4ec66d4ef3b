-- Rules, the incidents they raise, the story of each, and the outbox of what is told about them.

alter table public.alert_rules
  add column minimum_runs integer not null default 1,
  add column for_duration interval not null default '0',
  add column recovery_threshold numeric,
  add column error_type varchar,
  add column no_data varchar not null default 'KEEP',
  add column runbook_url varchar,
  add column repeat_interval interval not null default '4 hours',
  add constraint alert_rules_metric_is_known check (metric in (
    'success_rate', 'consecutive_failures', 'duration_exceeded', 'memory_usage', 'sync_overdue', 'error_rate', 'records_collapse',
    'cache_hit_ratio', 'api_response_time', 'stuck_execution'
  )),
  add constraint alert_rules_threshold_is_not_negative check (threshold >= 0),
  add constraint alert_rules_ratio_is_at_most_one
    check (metric not in ('success_rate', 'cache_hit_ratio', 'records_collapse') or threshold <= 1),
  add constraint alert_rules_minimum_runs_is_not_negative check (minimum_runs >= 0),
  add constraint alert_rules_for_is_not_negative check (for_duration >= interval '0'),
  add constraint alert_rules_escalation_is_positive check (escalation_delay > interval '0'),
  add constraint alert_rules_repeat_is_positive check (repeat_interval > interval '0'),
  add constraint alert_rules_no_data_is_known check (no_data in ('KEEP', 'OK', 'ALERT')),
  add constraint alert_rules_error_type_is_known
    check (error_type in ('NETWORK', 'AUTH', 'API', 'DATABASE', 'TIMEOUT', 'VALIDATION')),
  add constraint alert_rules_error_type_has_its_metric check (error_type is null or metric = 'error_rate');
comment on column public.alert_rules.minimum_runs is 'Finished full runs in the window before the rule may speak.';
comment on column public.alert_rules.for_duration is 'How long the condition must hold before the incident fires; until then it is PENDING.';
comment on column public.alert_rules.recovery_threshold is 'Where the incident resolves; null is the threshold itself.';
comment on column public.alert_rules.no_data is 'What an unknown value does: KEEP the state, count as OK, or ALERT.';
comment on column public.alert_rules.escalation_delay is 'Without acknowledgement for this long the severity rises one step, again and again up to CRITICAL.';

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
  told_at timestamptz,
  last_told_at timestamptz,
  resolved_at timestamptz,
  version integer not null default 1,
  updated_at timestamptz not null,
  constraint alert_incidents_state_is_known check (state in ('PENDING', 'FIRING', 'ACKNOWLEDGED', 'RESOLVED')),
  constraint alert_incidents_severity_is_known check (severity in ('LOW', 'MEDIUM', 'HIGH', 'CRITICAL')),
  constraint alert_incidents_fired_iff_not_pending check ((state = 'PENDING') = (fired_at is null)),
  constraint alert_incidents_resolved_iff_terminal check ((state = 'RESOLVED') = (resolved_at is not null)),
  constraint alert_incidents_acknowledged_has_an_author check (state <> 'ACKNOWLEDGED' or acknowledged_by is not null)
);
comment on table public.alert_incidents is 'A rule that holds for a scope, from opening to resolution; entity_type is all for a rule over every entity.';
comment on column public.alert_incidents.told_at is 'When anybody was first told; null while silenced from the start.';
comment on column public.alert_incidents.version is 'Raised by each change; a change must name the one it was decided on.';
create unique index alert_incidents_one_live_a_scope on public.alert_incidents (rule_id, entity_type) where state <> 'RESOLVED';
comment on index public.alert_incidents_one_live_a_scope is 'Two live incidents of one rule and scope cannot be written.';
create index alert_incidents_opened_idx on public.alert_incidents (opened_at, id);
create index alert_incidents_live_idx on public.alert_incidents (entity_type) where state <> 'RESOLVED';

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

create table public.alert_evaluations (
  id bigint generated always as identity primary key,
  evaluated_at timestamptz not null,
  cause varchar not null,
  rules integer not null,
  applied integer not null
);
comment on table public.alert_evaluations is 'When the rules were last looked at, and what came of it.';
create index alert_evaluations_time_idx on public.alert_evaluations (evaluated_at desc);

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
  constraint alert_silences_end_not_before_start check (ends_at >= starts_at),
  constraint alert_silences_severity_is_known check (severity in ('LOW', 'MEDIUM', 'HIGH', 'CRITICAL')),
  constraint alert_silences_match_is_not_everything check (num_nonnulls(entity_type, rule_id, severity) > 0)
);
comment on table public.alert_silences is 'While one matches, an incident is recorded and nobody is told; what still holds at its end is told then.';
create index alert_silences_rule_idx on public.alert_silences (rule_id);

create table public.notification_channels (
  name varchar primary key,
  kind varchar not null,
  is_active boolean not null default true,
  config jsonb not null default '{}',
  secret text,
  previous_secret text,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint notification_channels_kind_is_known check (kind in ('email', 'webhook', 'slack', 'dashboard')),
  constraint notification_channels_webhook_has_url_and_secret
    check (kind <> 'webhook' or (jsonb_typeof(config -> 'url') = 'string' and secret is not null)),
  constraint notification_channels_slack_has_its_url check (kind <> 'slack' or secret is not null),
  constraint notification_channels_email_has_recipients check (kind <> 'email' or jsonb_typeof(config -> 'to') = 'array')
);
comment on table public.notification_channels is 'Where alerts go: webhook {url} with its signing secret, slack with its URL as the secret, email {to: [...]}, dashboard.';
comment on column public.notification_channels.previous_secret is 'Signs beside the secret while receivers change over.';
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
  constraint alert_notifications_status_is_known check (status in ('PENDING', 'SENDING', 'SENT', 'DEAD')),
  constraint alert_notifications_items_are_a_list check (jsonb_typeof(items) = 'array' and jsonb_array_length(items) > 0),
  constraint alert_notifications_sent_iff_terminal check ((status = 'SENT') = (sent_at is not null)),
  constraint alert_notifications_pending_has_a_time check (status <> 'PENDING' or next_attempt_at is not null),
  constraint alert_notifications_sending_has_a_lease check ((status = 'SENDING') = (token is not null and lease_expires_at is not null))
);
comment on table public.alert_notifications is 'The outbox: one message to one channel about one or more incidents; its id is the idempotency id of every try.';
create index alert_notifications_due_idx on public.alert_notifications (next_attempt_at) where status in ('PENDING', 'SENDING');
create index alert_notifications_items_idx on public.alert_notifications using gin (items jsonb_path_ops);
create index alert_notifications_time_idx on public.alert_notifications (created_at);

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

-- Limits are ones that can happen on the platform: memory under the 256 MB a function may use, durations under its wall clock.
insert into public.alert_rules
  (name, description, entity_type, metric, threshold, evaluation_window, severity, escalation_delay, minimum_runs, recovery_threshold)
values
  ('Tournament Sync Consecutive Failures', 'Full runs failed in a row.', 'tournaments', 'consecutive_failures', 3, '1 hour', 'HIGH', '30 minutes', 0, null),
  ('Match Schedule Consecutive Failures', 'Full runs failed in a row.', 'matches_schedule', 'consecutive_failures', 3, '45 minutes', 'HIGH', '30 minutes', 0, null),
  ('Overall Sync Success Rate Drop', 'Fewer runs of all entities succeed than should.', 'all', 'success_rate', 0.95, '24 hours', 'MEDIUM', null, 4, 0.97),
  ('Tournament Sync Duration Exceeded', 'A run takes longer than its wall clock bears for long.', 'tournaments', 'duration_exceeded', 120, '15 minutes', 'MEDIUM', null, 0, null),
  ('Match Schedule Duration Exceeded', 'A run takes longer than its wall clock bears for long.', 'matches_schedule', 'duration_exceeded', 300, '15 minutes', 'MEDIUM', null, 0, null),
  ('Memory Usage Exceeded', 'A run came near the memory a function may use.', 'all', 'memory_usage', 200, '15 minutes', 'HIGH', null, 0, 180),
  ('Tournament Sync Overdue', 'No run began when one was due.', 'tournaments', 'sync_overdue', 1, '15 minutes', 'HIGH', '30 minutes', 0, null),
  ('Match Schedule Overdue', 'No run began when one was due.', 'matches_schedule', 'sync_overdue', 1, '15 minutes', 'HIGH', '15 minutes', 0, null)
on conflict (name) do nothing;

do $$
declare
  monitored text;
begin
  foreach monitored in array array[
    'alert_incidents', 'alert_events', 'alert_evaluations', 'alert_silences', 'notification_channels', 'alert_notifications', 'alert_deliveries'
  ] loop
    execute format('alter table public.%I enable row level security', monitored);
    execute format('revoke all on public.%I from public, anon, authenticated', monitored);
    execute format('grant select on public.%I to authenticated', monitored);
    execute format('grant all on public.%I to service_role', monitored);
    execute format(
      'create policy "Allow monitoring read" on public.%I for select to authenticated using ((select private.can_read_monitoring()))',
      monitored
    );
    execute format(
      'create policy "Allow service monitoring access" on public.%I for all to service_role using (true) with check (true)', monitored
    );
  end loop;
end
$$;

-- Secrets never leave by the API: readers see every other column.
revoke select on public.notification_channels from authenticated;
grant select (name, kind, is_active, created_at, updated_at) on public.notification_channels to authenticated;
