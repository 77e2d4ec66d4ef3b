-- Rules on single tournaments, on what many share and on the monitoring itself; causes, flapping, recurring silences, groups and caps.

-- Here already since 005, but for databases that were made before it was there.
alter table public.sync_execution_history add column if not exists success_weight numeric
  generated always as (private.success_weight(status, tournaments_failed, tournaments_processed)) stored;
comment on column public.sync_execution_history.success_weight is 'private.success_weight() of the run, kept because calling it for each row of a day is slow.';

alter table public.sync_tournament_results add column error_fingerprint varchar;
comment on column public.sync_tournament_results.error_fingerprint is 'Equal for failures that differ only in ids and numbers, as in sync_error_log.';
create index sync_tournament_results_failed_idx on public.sync_tournament_results (entity_type, created_at) where not success;

create or replace function private.record_run_items(run public.sync_execution_history, p jsonb, as_of timestamptz) returns void
language sql set search_path = ''
begin atomic
  -- A worker sends an item again when an answer got lost, and a tournament may have gone meanwhile: neither may fail the rest.
  insert into public.sync_tournament_results
    (sync_execution_id, tournament_no, entity_type, success, records_processed, processing_duration, error_message, error_type,
     error_fingerprint, retry_attempt, created_at)
  select run.id, r.tournament_no, run.entity_type, r.error_type is null, r.records_processed,
    make_interval(secs => r.duration_ms / 1000.0), r.error_message, r.error_type, r.error_fingerprint, coalesce(r.retry_attempt, 0), as_of
  from jsonb_to_recordset(coalesce(p -> 'results', '[]')) as r (
    tournament_no text, records_processed integer, duration_ms numeric, error_message text, error_type text, error_fingerprint text,
    retry_attempt integer
  )
  join public.tournaments t on t.no = r.tournament_no
  on conflict (sync_execution_id, tournament_no) do nothing;

  insert into public.sync_error_log
    (id, sync_execution_id, entity_type, tournament_no, error_type, error_code, error_severity, retryable, error_message,
     error_context, recovery_suggestion, fingerprint, occurred_at)
  select e.id, run.id, run.entity_type, e.tournament_no, e.error_type, e.error_code, e.error_severity, e.retryable,
    e.error_message, e.error_context, e.recovery_suggestion, e.fingerprint, least(e.occurred_at, as_of)
  from jsonb_to_recordset(coalesce(p -> 'errors', '[]')) as e (
    id uuid, tournament_no text, error_type text, error_code text, error_severity text, retryable boolean, error_message text,
    error_context jsonb, recovery_suggestion text, fingerprint text, occurred_at timestamptz
  )
  on conflict (id) do nothing;
end;

alter table public.sync_status
  add constraint sync_status_entity_type_is_not_system check (entity_type <> 'system');

alter table public.alert_rules
  add column scope varchar not null default 'ENTITY',
  add column escalation_channels jsonb not null default '[]',
  drop constraint alert_rules_metric_is_known,
  add constraint alert_rules_metric_is_known check (metric in (
    'success_rate', 'consecutive_failures', 'duration_exceeded', 'memory_usage', 'sync_overdue', 'error_rate', 'records_collapse',
    'cache_hit_ratio', 'api_response_time', 'stuck_execution', 'shared_failure', 'dead_notifications', 'processor_late', 'queue_age'
  )),
  add constraint alert_rules_scope_is_known check (scope in ('ENTITY', 'TOURNAMENT')),
  add constraint alert_rules_tournament_scope_has_its_metric check (
    scope = 'ENTITY' or (metric in ('success_rate', 'consecutive_failures') and entity_type <> 'all')
  ),
  add constraint alert_rules_system_metric_iff_system check (
    (metric in ('dead_notifications', 'processor_late', 'queue_age')) = (entity_type = 'system')
  ),
  add constraint alert_rules_escalation_channels_are_a_list check (jsonb_typeof(escalation_channels) = 'array');
comment on column public.alert_rules.scope is 'ENTITY: one incident for the entity type (or all, or system); TOURNAMENT: one for each tournament of it.';
comment on column public.alert_rules.escalation_channels is
  'A list of lists: the channels told from the first escalation step on, from the second, and so on, beside the rule''s own.';
comment on column public.alert_rules.entity_type is 'An entity type, all of them, or system: the monitoring itself.';
comment on column public.alert_rules.escalation_delay is
  'Told but not acknowledged for this long, the severity rises one step up to CRITICAL and the next channels are told, again and again.';

alter table public.alert_incidents
  add column tournament_no varchar,
  add column parent_id uuid references public.alert_incidents (id) on delete set null,
  add column began_at timestamptz,
  add column recovered_at timestamptz,
  add column missed_due_at timestamptz,
  add column escalation_step integer not null default 0,
  add column is_flapping boolean not null default false,
  add constraint alert_incidents_parent_is_another check (parent_id <> id),
  add constraint alert_incidents_step_is_not_negative check (escalation_step >= 0);
update public.alert_incidents set began_at = opened_at;
alter table public.alert_incidents alter column began_at set not null;
comment on column public.alert_incidents.parent_id is 'The incident that speaks for the same cause; while it does, this one tells nobody.';
comment on column public.alert_incidents.began_at is 'When what holds came to hold, by the time of the run or due time itself; opened_at is when it was noticed.';
comment on column public.alert_incidents.recovered_at is 'Since when a flapping incident has been well; it must stay so for a while to resolve.';
comment on column public.alert_incidents.missed_due_at is 'The first due time that was missed, and made good, while nobody evaluated.';
drop index public.alert_incidents_one_live_a_scope;
create unique index alert_incidents_one_live_a_scope
  on public.alert_incidents (rule_id, entity_type, coalesce(tournament_no, '')) where state <> 'RESOLVED';
comment on index public.alert_incidents_one_live_a_scope is 'Two live incidents of one rule and scope cannot be written.';
create unique index alert_incidents_one_a_missed_run
  on public.alert_incidents (rule_id, entity_type, missed_due_at) where missed_due_at is not null;
comment on index public.alert_incidents_one_a_missed_run is 'What was missed unwatched is flagged once, however many evaluators find it.';
create index alert_incidents_rule_idx on public.alert_incidents (rule_id, resolved_at);
create index alert_incidents_parent_idx on public.alert_incidents (parent_id) where parent_id is not null;

alter table public.alert_evaluations add column watched_since timestamptz;
comment on column public.alert_evaluations.watched_since is 'Since when no gap of five minutes or more lay between two evaluations.';

alter table public.alert_silences
  add column tournament_no varchar,
  add column recurs_every interval,
  add column lasts interval,
  drop constraint alert_silences_match_is_not_everything,
  add constraint alert_silences_match_is_not_everything check (num_nonnulls(entity_type, rule_id, severity, tournament_no) > 0),
  add constraint alert_silences_recurrence_has_a_length check ((recurs_every is null) = (lasts is null)),
  add constraint alert_silences_length_is_within_recurrence check (lasts > interval '0' and lasts < recurs_every);
comment on column public.alert_silences.recurs_every is 'From starts_at on, every so long (UTC), it holds for lasts; null holds all the time.';

create function private.is_silencing(silence public.alert_silences, as_of timestamptz) returns boolean
language sql immutable set search_path = ''
return silence.starts_at <= as_of and silence.ends_at > as_of
  and (silence.recurs_every is null or as_of < private.last_due(silence.starts_at, silence.recurs_every, as_of) + silence.lasts);
comment on function private.is_silencing(public.alert_silences, timestamptz) is 'Whether a silence holds at a moment, recurring ones in their windows.';

alter table public.notification_channels
  add column group_window interval not null default '30 seconds',
  add column hourly_cap integer not null default 60,
  add constraint notification_channels_group_window_is_short check (group_window between interval '0' and interval '1 hour'),
  add constraint notification_channels_cap_is_positive check (hourly_cap > 0);
comment on column public.notification_channels.group_window is 'What opens within this long after a message goes out together at its end.';
comment on column public.notification_channels.hourly_cap is 'Messages an hour; what is over it waits, as one message that says how many were withheld.';
grant select (group_window, hourly_cap) on public.notification_channels to authenticated;

alter table public.alert_notifications
  add column due_at timestamptz,
  add column withheld integer not null default 0,
  add constraint alert_notifications_withheld_is_not_negative check (withheld >= 0);
update public.alert_notifications set due_at = created_at;
alter table public.alert_notifications alter column due_at set not null;
comment on column public.alert_notifications.due_at is 'When it was first to go out; later than created_at inside a group window or over the cap.';
comment on column public.alert_notifications.withheld is 'How many messages this one stands for beyond the channel''s cap.';
create index alert_notifications_channel_idx on public.alert_notifications (channel, due_at);

insert into public.alert_rules
  (name, description, entity_type, scope, metric, threshold, evaluation_window, severity, escalation_delay, minimum_runs, no_data)
values
  ('Tournaments Failing Alike', 'Many tournaments fail for one and the same reason, as when the upstream service fails.', 'all', 'ENTITY', 'shared_failure', 3, '30 minutes', 'HIGH', '30 minutes', 0, 'KEEP'),
  ('Match Schedule Tournament Failing', 'One tournament fails again and again for its own reason.', 'matches_schedule', 'TOURNAMENT', 'consecutive_failures', 3, '6 hours', 'MEDIUM', null, 1, 'OK'),
  ('Notifications Undelivered', 'Messages died, or were tried four times in vain.', 'system', 'ENTITY', 'dead_notifications', 1, '1 hour', 'HIGH', null, 0, 'OK'),
  ('Alert Processor Late', 'Nobody evaluated the rules for a while.', 'system', 'ENTITY', 'processor_late', 300, '1 hour', 'MEDIUM', null, 0, 'OK')
on conflict (name) do nothing;

update public.alert_rules set runbook_url = 'docs/runbook.md#' || replace(lower(name), ' ', '-')
where runbook_url is null and name in (
  'Tournament Sync Consecutive Failures', 'Match Schedule Consecutive Failures', 'Overall Sync Success Rate Drop',
  'Tournament Sync Duration Exceeded', 'Match Schedule Duration Exceeded', 'Memory Usage Exceeded', 'Tournament Sync Overdue',
  'Match Schedule Overdue', 'Tournaments Failing Alike', 'Match Schedule Tournament Failing', 'Notifications Undelivered',
  'Alert Processor Late'
);

revoke execute on function private.is_silencing(public.alert_silences, timestamptz) from public, anon, authenticated;
grant execute on function private.is_silencing(public.alert_silences, timestamptz) to service_role;
