-- Alert rules with their defaults, incidents, events, evaluations, silences, channels and their canaries, the outboxes of notifications and
-- weekly reports, and the watchdog.
-- Over 300 lines, because a table is beside its comments, indexes and access.

create function private.threshold_range(p_metric varchar) returns numrange
language sql immutable set search_path = '' as $$
  select numrange(r.lowest, r.highest, '[]')
  from (values
    ('success_rate', 0.01, 1), ('consecutive_failures', 1, 100), ('duration_exceeded', 1, 3600), ('memory_usage', 1, 16384),
    ('sync_overdue', 1, 2592000), ('error_rate', 0.01, 10000), ('records_collapse', 0.01, 1), ('cache_hit_ratio', 0.01, 1),
    ('api_response_time', 1, 120000), ('stuck_execution', 1, 60), ('shared_failure', 1, 1000), ('undelivered_age', 1, 604800),
    ('unconfirmed_replies', 1, 1000), ('api_fallback_ratio', 0.01, 1), ('tournament_staleness', 1, 604800),
    ('processor_late', 1, 604800), ('queue_age', 1, 604800), ('broken_rules', 1, 1000), ('canary', 1, 1), ('canary_failed', 1, 100),
    ('burn_rate', 0.1, 1000)
  ) as r (metric, lowest, highest)
  where r.metric = p_metric;
$$;
comment on function private.threshold_range(varchar) is
  'The thresholds that the values of a metric can reach, in its unit, as in ALERT_METRICS; null for an unknown metric.';

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
  lowest_priority varchar,
  escalation_channels jsonb not null default '[]',
  broken_since timestamptz,
  broken_reason text,
  objective_id uuid references public.sync_objectives (id) on delete cascade,
  constraint alert_rules_burn_rate_iff_objective check ((metric = 'burn_rate') = (objective_id is not null)),
  constraint alert_rules_severity_is_known check (severity in ('LOW', 'MEDIUM', 'HIGH', 'CRITICAL')),
  constraint alert_rules_window_is_within_limits check (evaluation_window between interval '1 minute' and interval '31 days'),
  constraint alert_rules_channels_are_a_list check (jsonb_typeof(notification_channels) = 'array'),
  constraint alert_rules_channels_are_not_empty check (notification_channels <> '[]'),
  constraint alert_rules_threshold_is_within_its_metric check (threshold <@ private.threshold_range(metric)),
  constraint alert_rules_recovery_is_within_its_metric check (recovery_threshold <@ private.threshold_range(metric)),
  constraint alert_rules_recovery_is_not_beyond_the_threshold check (
    case when metric in ('success_rate', 'cache_hit_ratio') then recovery_threshold >= threshold else recovery_threshold <= threshold end
  ),
  constraint alert_rules_minimum_runs_is_not_negative check (minimum_runs >= 0),
  constraint alert_rules_for_is_within_limits check (for_duration between interval '0' and interval '7 days'),
  constraint alert_rules_escalation_is_within_limits check (escalation_delay between interval '1 second' and interval '7 days'),
  constraint alert_rules_repeat_is_within_limits check (repeat_interval between interval '1 second' and interval '31 days'),
  constraint alert_rules_no_data_is_known check (no_data in ('KEEP', 'OK', 'ALERT')),
  constraint alert_rules_error_type_is_known check (error_type in ('NETWORK', 'AUTH', 'API', 'DATABASE', 'TIMEOUT', 'VALIDATION')),
  constraint alert_rules_error_type_has_its_metric check (error_type is null or metric = 'error_rate'),
  constraint alert_rules_metric_is_known check (private.threshold_range(metric) is not null),
  constraint alert_rules_scope_is_known check (scope in ('ENTITY', 'TOURNAMENT')),
  constraint alert_rules_tournament_scope_has_its_metric check (
    case scope when 'ENTITY' then metric <> 'tournament_staleness'
      else metric in ('success_rate', 'consecutive_failures', 'tournament_staleness') and entity_type <> 'all' end
  ),
  constraint alert_rules_priority_is_known check (lowest_priority in ('LIVE', 'TODAY', 'SOON', 'LATER')),
  constraint alert_rules_priority_is_of_a_tournament check (lowest_priority is null or scope = 'TOURNAMENT'),
  constraint alert_rules_system_metric_iff_system check (
    (metric in ('undelivered_age', 'processor_late', 'queue_age', 'broken_rules', 'canary', 'canary_failed')) = (entity_type = 'system')
  ),
  constraint alert_rules_escalation_channels_are_a_list check (jsonb_typeof(escalation_channels) = 'array'),
  constraint alert_rules_broken_iff_a_reason_is_known check ((broken_since is null) = (broken_reason is null))
);
comment on table public.alert_rules is 'The alert rules; threshold and recovery_threshold are in the unit of the metric.';
comment on column public.alert_rules.entity_type is 'An entity type, all for every entity, or system for the monitoring system.';
comment on column public.alert_rules.escalation_delay is
  'After each delay without acknowledgement the severity rises one step, up to CRITICAL, and the channels of the next step are notified.';
comment on column public.alert_rules.evaluation_window is
  'The period of the value; the value of a metric that is a state, such as consecutive_failures or sync_overdue, does not depend on it.';
comment on column public.alert_rules.minimum_runs is
  'The least number of finished full runs in the window for a known value; metrics that need no runs ignore this number.';
comment on column public.alert_rules.for_duration is
  'The time for which the condition must be met before the incident fires; until then the incident is PENDING.';
comment on column public.alert_rules.recovery_threshold is
  'The threshold at which an incident resolves; null is the threshold of the rule.';
comment on column public.alert_rules.no_data is 'The effect of an unknown value: KEEP the state, count it as OK, or ALERT.';
comment on column public.alert_rules.scope is
  'ENTITY: one incident per entity type, all or system; TOURNAMENT: one incident per tournament of the entity type.';
comment on column public.alert_rules.lowest_priority is
  'The lowest priority of the tournaments that the rule measures, as in private.tournament_priority(); null measures every tournament.';
comment on column public.alert_rules.escalation_channels is
  'A list of channels for each escalation step; a step notifies them in addition to the channels of the rule and of earlier steps.';
comment on column public.alert_rules.objective_id is 'The objective whose budget a burn_rate rule measures.';
comment on column public.alert_rules.broken_since is 'The time since which evaluations cannot measure the rule; null while they can.';
create unique index alert_rules_one_canary on public.alert_rules (metric) where metric = 'canary';
create index alert_rules_objective_idx on public.alert_rules (objective_id) where objective_id is not null;
select private.secure_table('public.alert_rules');

create table public.alert_rule_versions (
  id bigint generated always as identity primary key,
  rule_id uuid not null,
  valid_from timestamptz not null,
  valid_until timestamptz,
  rule jsonb not null,
  changed_by varchar not null,
  constraint alert_rule_versions_end_is_not_before_start check (valid_until >= valid_from),
  constraint alert_rule_versions_rule_is_an_object check (jsonb_typeof(rule) = 'object')
);
comment on table public.alert_rule_versions is
  'Each version of each rule with its period of validity, so that past incidents can be explained and replayed.';
comment on column public.alert_rule_versions.rule_id is 'The rule; its versions stay after its deletion.';
comment on column public.alert_rule_versions.valid_until is
  'The time at which the next version or the deletion ended the version; null for the current version.';
comment on column public.alert_rule_versions.rule is 'The row of alert_rules without broken_since and broken_reason.';
create unique index alert_rule_versions_one_current_per_rule on public.alert_rule_versions (rule_id) where valid_until is null;
create index alert_rule_versions_ended_idx on public.alert_rule_versions (valid_until);
select private.secure_table('public.alert_rule_versions');

create function private.record_rule_version(saved public.alert_rules, changed_by text, as_of timestamptz) returns void
language sql set search_path = '' as $$
  update public.alert_rule_versions v set valid_until = greatest(as_of, v.valid_from) where v.rule_id = saved.id and v.valid_until is null;
  insert into public.alert_rule_versions (rule_id, valid_from, rule, changed_by)
  values (saved.id, as_of, to_jsonb(saved) - '{broken_since,broken_reason}'::text[], changed_by);
$$;
comment on function private.record_rule_version(public.alert_rules, text, timestamptz) is
  'Ends the current version of a rule and records the rule as its next version.';

-- The threshold of the memory is within the limit of a hosted function, 256 MB.
insert into public.alert_rules (
  name, description, entity_type, scope, lowest_priority, metric, threshold, evaluation_window, severity, escalation_delay, minimum_runs,
  recovery_threshold, no_data, runbook_url
)
select rule.*, 'docs/runbook.md#' || replace(lower(rule.name), ' ', '-')
from (values
  ('Overall Sync Success Rate Drop', 'The success rate of the full runs of all syncs is too low.',
    'all', 'ENTITY', null, 'success_rate', 0.95, interval '24 hours', 'MEDIUM', null::interval, 4, 0.97, 'KEEP'),
  ('Memory Usage Exceeded', 'A run comes close to the memory limit of a function.',
    'all', 'ENTITY', null, 'memory_usage', 200, '15 minutes', 'HIGH', null, 0, 180, 'KEEP'),
  ('Tournaments Failing Alike', 'Several tournaments fail for the same reason, for example because VIS is unavailable.',
    'all', 'ENTITY', null, 'shared_failure', 3, '30 minutes', 'HIGH', '30 minutes', 0, null, 'KEEP'),
  ('Records Collapse', 'The last successful run of the tournament sync read far fewer records per request than usual.',
    'tournaments', 'ENTITY', null, 'records_collapse', 0.5, '1 day', 'MEDIUM', null, 0, 0.4, 'KEEP'),
  ('Replies Unconfirmed', 'A reply was held back, and the next one contradicts it or none came within an hour.',
    'all', 'ENTITY', null, 'unconfirmed_replies', 1, '1 hour', 'MEDIUM', null, 0, null, 'KEEP'),
  ('Match Schedule Tournament Failing', 'The match schedule sync of one tournament failed several times in a row.',
    'matches_schedule', 'TOURNAMENT', null, 'consecutive_failures', 3, '6 hours', 'MEDIUM', null, 1, null, 'OK'),
  ('Live Tournament Failing', 'The match schedule sync of a live tournament, or of one of today, failed twice in a row.',
    'matches_schedule', 'TOURNAMENT', 'TODAY', 'consecutive_failures', 2, '6 hours', 'HIGH', '30 minutes', 1, null, 'OK'),
  ('Live Tournament Stale', 'Runs did not read the matches of a live tournament, or of one of today, for some time although they were due.',
    'matches_schedule', 'TOURNAMENT', 'TODAY', 'tournament_staleness', 2700, '6 hours', 'HIGH', '30 minutes', 0, null, 'KEEP'),
  ('Tournament Stale', 'Runs did not read the matches of a tournament for a long time although they were due.',
    'matches_schedule', 'TOURNAMENT', null, 'tournament_staleness', 21600, '6 hours', 'MEDIUM', null, 0, null, 'KEEP'),
  ('API Fallback Excessive', 'Many requests to VIS are retries, forced full reads or answered in XML.',
    'all', 'ENTITY', null, 'api_fallback_ratio', 0.25, '6 hours', 'MEDIUM', null, 4, 0.15, 'KEEP'),
  ('Notifications Undelivered', 'A channel has not delivered the state of an incident for some time.',
    'system', 'ENTITY', null, 'undelivered_age', 900, '1 hour', 'HIGH', null, 0, null, 'OK'),
  ('Alert Processor Late', 'The alert processor did not evaluate the rules for some time.',
    'system', 'ENTITY', null, 'processor_late', 300, '1 hour', 'MEDIUM', null, 0, null, 'OK'),
  ('Sync Queue Waiting', 'A job that could start has waited too long in the queue.',
    'system', 'ENTITY', null, 'queue_age', 1800, '1 hour', 'HIGH', null, 0, 900, 'OK'),
  ('Alert Rules Broken', 'The alert processor cannot measure a rule, so the rule cannot fire.',
    'system', 'ENTITY', null, 'broken_rules', 1, '1 hour', 'HIGH', null, 0, null, 'OK'),
  ('Channel Canary', 'The canary of a channel is due: the rule sends it a test message, about which nothing must be done.',
    'system', 'ENTITY', null, 'canary', 1, '1 hour', 'LOW', null, 0, null, 'OK'),
  ('Channel Not Proven', 'The last canary of a channel failed, so incidents may not reach the channel.',
    'system', 'ENTITY', null, 'canary_failed', 1, '1 hour', 'HIGH', null, 0, null, 'OK')
) as rule (
  name, description, entity_type, scope, lowest_priority, metric, threshold, evaluation_window, severity, escalation_delay, minimum_runs,
  recovery_threshold, no_data
);

select private.record_rule_version(r, 'installation', r.created_at) from public.alert_rules r;

create function private.create_burn_rules(objective public.sync_objectives) returns void
language sql set search_path = '' set timezone = 'UTC' as $$
  -- The threshold is the burn rate that spends this share of the budget in the window (Google, SRE Workbook, chapter 5, table 5-8).
  with created as (
    insert into public.alert_rules (
      name, description, entity_type, metric, objective_id, threshold, evaluation_window, severity, escalation_delay, minimum_runs, runbook_url
    )
    select objective.name || burn.suffix, format('%s loses %s %% of its error budget in %s.', objective.name, round(burn.share * 100),
      private.in_words(burn.long_window)), objective.entity_type, 'burn_rate', objective.id,
      round(burn.share * extract(epoch from objective.rolling_window) / extract(epoch from burn.long_window), 2),
      burn.long_window, burn.severity, burn.escalation_delay, 0, 'docs/runbook.md#error-budget-burn'
    from (values
      (' Burn Fast', 0.02, interval '1 hour', 'HIGH', interval '30 minutes'),
      (' Burn', 0.05, interval '6 hours', 'HIGH', interval '30 minutes'),
      (' Burn Slow', 0.10, interval '3 days', 'MEDIUM', null)
    ) as burn (suffix, share, long_window, severity, escalation_delay)
    returning *
  )
  select private.record_rule_version(c, 'installation', c.created_at) from created c;
$$;
comment on function private.create_burn_rules(public.sync_objectives) is
  'Creates the burn-rate rules of an objective, for 2, 5 and 10 % of its budget in 1 hour, 6 hours and 3 days.';

-- The other objectives have fewer than 100 events in their window, too few for a rate.
select private.create_burn_rules(o) from public.sync_objectives o where o.indicator in ('sync_success', 'timeliness', 'freshness');

create function private.create_default_rules(entity public.sync_status) returns void
language plpgsql set search_path = '' as $$
declare
  rule public.alert_rules;
begin
  for rule in
    insert into public.alert_rules (
      name, description, entity_type, metric, threshold, evaluation_window, severity, escalation_delay, minimum_runs, runbook_url
    )
    select entity.title || ' ' || d.section, format(d.description, entity.title), entity.entity_type, d.metric, d.threshold,
      d.evaluation_window, d.severity, d.escalation_delay, 0, 'docs/runbook.md#' || replace(lower(d.section), ' ', '-')
    from (values
      ('Consecutive Failures', 'Consecutive full runs of %s failed or timed out.', 'consecutive_failures', 3::numeric,
        greatest(least(3 * entity.sync_frequency, interval '1 hour'), interval '1 minute'), 'HIGH', interval '30 minutes'),
      ('Overdue', 'No full run of %s started within the grace period after its due time.', 'sync_overdue', 1,
        interval '15 minutes', 'HIGH', greatest(least(entity.sync_frequency, interval '30 minutes'), interval '15 minutes')),
      -- A hosted function has 150 s of wall clock, of which a run keeps 30 s to record its end.
      ('Duration Exceeded', 'A run of %s takes long and comes close to its limit.', 'duration_exceeded',
        least(100, round(0.8 * extract(epoch from entity.max_runtime))), interval '15 minutes', 'MEDIUM', null)
    ) as d (section, description, metric, threshold, evaluation_window, severity, escalation_delay)
    returning *
  loop
    perform private.record_rule_version(rule, 'installation', rule.created_at);
  end loop;
exception
  when unique_violation then
    raise sqlstate 'PT409' using
      message = format('title: a rule whose name begins with %L exists; choose another title or rename the rule', entity.title),
      detail = 'NAME_TAKEN';
end
$$;
comment on function private.create_default_rules(public.sync_status) is
  'Creates the rules that each entity has: consecutive failures, overdue and duration. PT409 NAME_TAKEN.';

create function private.keep_default_rules() returns trigger
language plpgsql set search_path = '' as $$
declare
  rule public.alert_rules;
begin
  if tg_op = 'INSERT' then
    perform private.create_default_rules(new);
  else
    for rule in select * from public.alert_rules r where r.entity_type = old.entity_type loop
      perform private.delete_rule(rule, 'the deletion of its entity', clock_timestamp());
    end loop;
    delete from public.sync_objectives o where o.entity_type = old.entity_type;
  end if;
  return null;
end
$$;
comment on function private.keep_default_rules() is
  'Creates the default rules of a new entity, and deletes the rules and objectives of a deleted one; a trigger, because people write '
  'entities with SQL.';
create trigger keep_default_rules after insert or delete on public.sync_status
  for each row execute function private.keep_default_rules();

select private.create_default_rules(s) from public.sync_status s;

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
  cause varchar,
  muted_by varchar,
  unacknowledged_since timestamptz,
  met_ms bigint not null default 0,
  met_at timestamptz,
  awaits_recovery boolean not null default false,
  label varchar,
  labelled_by varchar,
  is_test boolean not null generated always as (metric = 'canary') stored,
  constraint alert_incidents_state_is_known check (state in ('PENDING', 'FIRING', 'ACKNOWLEDGED', 'RESOLVED')),
  constraint alert_incidents_severity_is_known check (severity in ('LOW', 'MEDIUM', 'HIGH', 'CRITICAL')),
  constraint alert_incidents_fired_iff_not_pending check ((state = 'PENDING') = (fired_at is null)),
  constraint alert_incidents_resolved_iff_terminal check ((state = 'RESOLVED') = (resolved_at is not null)),
  constraint alert_incidents_acknowledged_has_an_author check (state <> 'ACKNOWLEDGED' or acknowledged_by is not null),
  constraint alert_incidents_parent_is_another check (parent_id <> id),
  constraint alert_incidents_step_is_not_negative check (escalation_step >= 0),
  constraint alert_incidents_mute_is_known check (muted_by in ('SILENCE', 'PARENT', 'COVERAGE')),
  constraint alert_incidents_met_is_not_negative check (met_ms >= 0),
  constraint alert_incidents_clock_is_stopped_unless_firing check (unacknowledged_since is null or state in ('FIRING', 'RESOLVED')),
  constraint alert_incidents_awaits_recovery_is_resolved check (not awaits_recovery or state = 'RESOLVED'),
  constraint alert_incidents_label_is_known check (label in ('USEFUL', 'NOISE')),
  constraint alert_incidents_label_has_an_author check ((label is null) = (labelled_by is null))
);
comment on table public.alert_incidents is
  'One row for each time in which the condition of a rule was met in a scope; entity_type and tournament_no are the scope.';
comment on column public.alert_incidents.notified_at is
  'The time at which the first notification was queued; null while the incident is muted.';
comment on column public.alert_incidents.version is
  'Each change increments the version; a transition applies only to the version on which it was decided.';
comment on column public.alert_incidents.parent_id is
  'The incident with the same cause that inhibits this one; a destination that was notified of the parent is not notified of this '
  'incident.';
comment on column public.alert_incidents.muted_by is
  'The cause that mutes every destination: a SILENCE, the PARENT, or COVERAGE by notified incidents about the same runs; null when a '
  'destination is not muted.';
comment on column public.alert_incidents.cause is
  'The fingerprint of the failures; after a change of the fingerprint, the destinations are notified again. Null for a metric with several '
  'causes.';
comment on column public.alert_incidents.unacknowledged_since is
  'The start of the escalation clock; null while the incident is acknowledged, silenced, inhibited or not notified.';
comment on column public.alert_incidents.met_ms is
  'The time in ms for which the condition of a pending incident has been met, up to met_at; unknown values and gaps in the evaluations do '
  'not count.';
comment on column public.alert_incidents.awaits_recovery is
  'Whether a person resolved the incident while its condition was met, so that no other incident opens until the value recovers.';
comment on column public.alert_incidents.began_at is
  'The time at which the condition began, from the run or the due time; opened_at is the time at which an evaluation first found it.';
comment on column public.alert_incidents.recovered_at is
  'The time at which a flapping incident began to recover; it resolves after a long recovery.';
comment on column public.alert_incidents.missed_due_at is
  'The first due time of the missed runs that the incident reports; these runs started late in a gap of the evaluations.';
comment on column public.alert_incidents.label is 'Whether a person labelled the incident USEFUL or NOISE; null without a label.';
comment on column public.alert_incidents.is_test is
  'Whether the incident sends canaries to channels. No function of the API shows or counts such an incident, and no act changes one.';
create index alert_incidents_opened_idx on public.alert_incidents (opened_at, id) where not is_test;
create index alert_incidents_live_idx on public.alert_incidents (entity_type) where state <> 'RESOLVED';
create unique index alert_incidents_one_live_per_scope
  on public.alert_incidents (rule_id, entity_type, coalesce(tournament_no, '')) where state <> 'RESOLVED';
create unique index alert_incidents_one_per_missed_run
  on public.alert_incidents (rule_id, entity_type, missed_due_at) where missed_due_at is not null;
create index alert_incidents_rule_idx on public.alert_incidents (rule_id, resolved_at);
create index alert_incidents_closed_idx on public.alert_incidents (rule_id) where awaits_recovery;
create index alert_incidents_parent_idx on public.alert_incidents (parent_id) where parent_id is not null;
select private.secure_table('public.alert_incidents');

create table public.alert_coverage (
  incident_id uuid not null references public.alert_incidents (id) on delete cascade,
  entity_type varchar not null,
  first_run_at timestamptz not null,
  last_run_at timestamptz not null,
  primary key (incident_id, entity_type),
  constraint alert_coverage_first_run_is_not_later check (first_run_at <= last_run_at)
);
comment on table public.alert_coverage is
  'The full runs that an incident covers: the runs of the entity that started from first_run_at to last_run_at. A destination that was '
  'notified of the incident is not notified of a rate that only these runs push over its threshold.';
create index alert_coverage_time_idx on public.alert_coverage (last_run_at);
select private.secure_table('public.alert_coverage');

create table public.alert_events (
  id bigint generated always as identity primary key,
  incident_id uuid not null references public.alert_incidents (id) on delete cascade,
  at timestamptz not null,
  from_state varchar,
  to_state varchar not null,
  severity varchar not null,
  reason text not null
);
comment on table public.alert_events is 'The timeline of an incident: each change with its reason.';
create index alert_events_incident_idx on public.alert_events (incident_id, id);
select private.secure_table('public.alert_events');

create table public.alert_evaluations (
  id bigint generated always as identity primary key,
  evaluated_at timestamptz not null,
  cause varchar not null,
  rules integer not null,
  applied integer not null,
  evaluated_since timestamptz
);
comment on table public.alert_evaluations is 'Each evaluation of the rules and the number of transitions that it applied.';
comment on column public.alert_evaluations.evaluated_since is
  'The start of the evaluations without a gap to which this evaluation belongs; five minutes without an evaluation are a gap.';
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
  incident_id uuid references public.alert_incidents (id) on delete cascade,
  constraint alert_silences_end_not_before_start check (ends_at >= starts_at),
  constraint alert_silences_severity_is_known check (severity in ('LOW', 'MEDIUM', 'HIGH', 'CRITICAL')),
  constraint alert_silences_has_a_matcher check (num_nonnulls(entity_type, rule_id, severity, tournament_no, incident_id) > 0),
  constraint alert_silences_recurs_iff_lasts check ((recurs_every is null) = (lasts is null)),
  constraint alert_silences_recurrence_is_within_limits check (recurs_every between interval '1 minute' and interval '366 days'),
  constraint alert_silences_lasts_is_within_limits check (lasts between interval '1 second' and interval '31 days'),
  constraint alert_silences_lasts_is_within_recurrence check (lasts < recurs_every),
  constraint alert_silences_start_is_within_limits check (starts_at - created_at <= interval '366 days'),
  constraint alert_silences_length_is_within_limits
    check (ends_at - starts_at <= case when recurs_every is null then interval '31 days' else interval '366 days' end)
);
comment on table public.alert_silences is
  'A silence mutes the notifications of matching incidents; after its end, the incidents that still fire are notified.';
comment on column public.alert_silences.recurs_every is
  'The interval of a recurring silence: a window of length lasts opens at starts_at and again after every recurs_every (UTC); null for a '
  'silence that does not recur.';
create index alert_silences_end_idx on public.alert_silences (ends_at, id);
create index alert_silences_rule_idx on public.alert_silences (rule_id);
create index alert_silences_incident_idx on public.alert_silences (incident_id) where incident_id is not null;
select private.secure_table('public.alert_silences');

create function private.is_silencing(silence public.alert_silences, as_of timestamptz) returns boolean
language sql immutable set search_path = '' set timezone = 'UTC' as $$
  select silence.starts_at <= as_of
    and silence.ends_at > as_of
    and (silence.recurs_every is null or as_of < private.last_due(silence.starts_at, silence.recurs_every, as_of) + silence.lasts);
$$;
comment on function private.is_silencing(public.alert_silences, timestamptz) is
  'Whether a silence is active at as_of; a recurring silence is active only in its windows.';

create table public.notification_channels (
  name varchar primary key,
  kind varchar not null,
  is_active boolean not null default true,
  config jsonb not null default '{}',
  secret text,
  previous_secret text,
  previous_secret_until timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  group_window interval not null default '30 seconds',
  hourly_limit integer not null default 60,
  vault_id uuid,
  weekly_report boolean not null default false,
  canary_every interval,
  constraint notification_channels_kind_is_known
    check (kind in ('webhook', 'slack', 'teams', 'discord', 'telegram', 'ntfy', 'pagerduty', 'email', 'alertmanager', 'dashboard')),
  constraint notification_channels_webhook_has_its_url
    check (kind <> 'webhook' or vault_id is not null or coalesce(jsonb_typeof(config -> 'url'), '') = 'string'),
  constraint notification_channels_headers_have_a_kind_that_sends_them
    check (config -> 'headers' is null or kind in ('webhook', 'alertmanager') and jsonb_typeof(config -> 'headers') = 'object'),
  constraint notification_channels_slack_has_its_url check (kind <> 'slack' or coalesce(vault_id::text, secret) is not null),
  constraint notification_channels_teams_has_its_url check (kind <> 'teams' or coalesce(vault_id::text, secret) is not null),
  constraint notification_channels_discord_has_its_url check (kind <> 'discord' or coalesce(vault_id::text, secret) is not null),
  constraint notification_channels_telegram_has_its_bot_token check (kind <> 'telegram' or coalesce(vault_id::text, secret) is not null),
  constraint notification_channels_telegram_has_a_chat
    check (kind <> 'telegram' or coalesce(jsonb_typeof(config -> 'chat_id'), '') = 'string'),
  constraint notification_channels_ntfy_has_its_url
    check (kind <> 'ntfy' or vault_id is not null or coalesce(jsonb_typeof(config -> 'url'), '') = 'string'),
  constraint notification_channels_pagerduty_has_its_key check (kind <> 'pagerduty' or coalesce(vault_id::text, secret) is not null),
  constraint notification_channels_pagerduty_host_is_known
    check (kind <> 'pagerduty' or coalesce(config ->> 'host', '') in ('events.pagerduty.com', 'events.eu.pagerduty.com')),
  constraint notification_channels_alertmanager_has_its_url
    check (kind <> 'alertmanager' or vault_id is not null or coalesce(jsonb_typeof(config -> 'url'), '') = 'string'),
  constraint notification_channels_email_has_recipients check (kind <> 'email' or coalesce(jsonb_typeof(config -> 'to'), '') = 'array'),
  constraint notification_channels_group_window_is_short check (group_window between interval '0' and interval '1 hour'),
  constraint notification_channels_hourly_limit_is_positive check (hourly_limit > 0),
  constraint notification_channels_weekly_report_is_not_for_the_dashboard check (not weekly_report or kind <> 'dashboard'),
  constraint notification_channels_weekly_report_is_not_for_pagerduty check (not weekly_report or kind <> 'pagerduty'),
  constraint notification_channels_weekly_report_is_not_for_alertmanager check (not weekly_report or kind <> 'alertmanager'),
  constraint notification_channels_canary_is_within_limits check (canary_every between interval '1 hour' and interval '31 days'),
  constraint notification_channels_canary_is_not_for_the_dashboard check (canary_every is null or kind <> 'dashboard'),
  constraint notification_channels_canary_is_not_for_alertmanager check (canary_every is null or kind <> 'alertmanager'),
  constraint notification_channels_previous_secret_has_an_end check (
    (previous_secret is null) = (previous_secret_until is null) or vault_id is not null and previous_secret is null)
);
comment on table public.notification_channels is
  'Channels by kind: webhook {url, headers?} with a signing secret or none; slack, teams and discord with the URL as the secret; telegram '
  '{chat_id} with its bot token; ntfy {url} with an access token or none; pagerduty {host} with its integration key; email {to: [...], '
  'by_severity?}; alertmanager {url, headers?}, which receives every incident outside the outbox; dashboard.';
comment on column public.notification_channels.vault_id is
  'The secret of Vault with the address, the headers and the secrets. Null for a channel that SQL inserted; config and secret then have '
  'them.';
comment on column public.notification_channels.previous_secret is
  'This secret signs in addition to the current one until previous_secret_until.';
comment on column public.notification_channels.group_window is
  'The time after a message of a group in which further states wait; they are sent together at its end.';
comment on column public.notification_channels.hourly_limit is
  'The number of messages per hour, group and destination; further states wait and are sent together. CRITICAL and its end do not wait.';
comment on column public.notification_channels.weekly_report is 'Whether the channel receives the report of each week.';
comment on column public.notification_channels.canary_every is
  'The interval of canaries, which are test messages through rule, evaluation, outbox and channel; null for a channel without canaries.';
select private.secure_table('public.notification_channels');
-- The REST API must not return the addresses in config or a secret.
revoke select on public.notification_channels from authenticated;
grant select (name, kind, is_active, previous_secret_until, created_at, updated_at, group_window, hourly_limit, weekly_report,
  canary_every)
  on public.notification_channels to authenticated;

insert into public.notification_channels (name, kind) values ('dashboard', 'dashboard');

create function private.channel_secrets(channel public.notification_channels) returns jsonb
language sql stable security definer set search_path = '' as $$
  select case
    when channel.vault_id is not null
      then coalesce((select v.decrypted_secret::jsonb from vault.decrypted_secrets v where v.id = channel.vault_id), '{}')
    else jsonb_strip_nulls(jsonb_build_object(
      'url', channel.config ->> 'url', 'headers', channel.config -> 'headers', 'secret', channel.secret,
      'previous_secret', channel.previous_secret))
  end;
$$;
comment on function private.channel_secrets(public.notification_channels) is
  'The {url?, headers?, secret?, previous_secret?} of a channel; empty when Vault does not have them. Security definer, because only the '
  'owner reads Vault.';

create function private.store_channel_secrets(channel text, secrets jsonb) returns uuid
language plpgsql security definer set search_path = '' as $$
declare
  title constant text := 'notification channel ' || channel;
  stored uuid;
begin
  select s.id into stored from vault.secrets s where s.name = title;
  if stored is null then
    return vault.create_secret(secrets::text, title);
  end if;
  perform vault.update_secret(stored, secrets::text);
  return stored;
end
$$;
comment on function private.store_channel_secrets(text, jsonb) is
  'Stores the secrets of a channel in Vault and returns their id. Security definer, because only the owner writes to Vault.';

create function private.forget_channel_secrets() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  delete from vault.secrets where id = old.vault_id;
  return null;
end
$$;
comment on function private.forget_channel_secrets() is
  'Deletes the secrets of a deleted channel, or of a channel without secrets, from Vault. Security definer, because only the owner deletes '
  'from Vault.';
create trigger forget_channel_secrets after delete on public.notification_channels
  for each row when (old.vault_id is not null) execute function private.forget_channel_secrets();
create trigger forget_replaced_channel_secrets after update of vault_id on public.notification_channels
  for each row when (old.vault_id is distinct from new.vault_id) execute function private.forget_channel_secrets();

create function private.channel_with_secrets(channel public.notification_channels) returns jsonb
language sql stable set search_path = '' as $$
  select jsonb_build_object(
    'channel', channel.name, 'kind', channel.kind,
    'config', channel.config || jsonb_strip_nulls(jsonb_build_object('url', s -> 'url', 'headers', s -> 'headers')),
    'secret', s -> 'secret', 'previous_secret', s -> 'previous_secret', 'hourly_limit', channel.hourly_limit)
  from private.channel_secrets(channel) s;
$$;
comment on function private.channel_with_secrets(public.notification_channels) is
  'A channel with its address, headers and secrets, for its sender.';

create table public.notification_destinations (
  id bigint generated always as identity primary key,
  channel varchar not null references public.notification_channels (name) on update cascade on delete cascade,
  recipient varchar not null default '',
  failures integer not null default 0,
  retry_at timestamptz,
  last_sent_at timestamptz,
  proven_at timestamptz,
  last_error text,
  constraint notification_destinations_is_one_row_each unique (channel, recipient),
  constraint notification_destinations_failures_are_not_negative check (failures >= 0),
  constraint notification_destinations_retry_only_after_a_failure check (retry_at is null or failures > 0)
);
comment on table public.notification_destinations is
  'The destinations of a channel: each recipient of an email channel, or the channel itself (an empty recipient).';
comment on column public.notification_destinations.retry_at is 'No message to the destination is sent before this time.';
comment on column public.notification_destinations.proven_at is
  'The time at which the destination last accepted a notification or a test message.';
comment on column public.notification_destinations.last_error is
  'The error of the last notification or test message; null after a success.';
select private.secure_table('public.notification_destinations');
-- The REST API must not return addresses.
revoke select on public.notification_destinations from authenticated;
grant select (id, channel, failures, retry_at, last_sent_at, proven_at, last_error) on public.notification_destinations to authenticated;

create table public.alert_notifications (
  id uuid primary key default gen_random_uuid(),
  seq bigint not null generated always as identity,
  channel varchar not null,
  destination_id bigint references public.notification_destinations (id) on delete set null,
  incident_id uuid not null references public.alert_incidents (id) on delete cascade,
  group_key varchar not null,
  item jsonb not null,
  status varchar not null default 'PENDING',
  attempts integer not null default 0,
  first_failed_at timestamptz,
  is_perhaps_received boolean not null default false,
  token uuid,
  lease_expires_at timestamptz,
  message_id uuid,
  last_error text,
  discarded_by varchar,
  created_at timestamptz not null,
  sent_at timestamptz,
  settled_at timestamptz,
  constraint alert_notifications_status_is_known check (status in ('PENDING', 'SENDING', 'SENT', 'DEAD', 'SUPERSEDED')),
  constraint alert_notifications_item_is_an_object check (jsonb_typeof(item) = 'object'),
  constraint alert_notifications_sent_at_iff_sent check ((status = 'SENT') = (sent_at is not null)),
  constraint alert_notifications_settled_at_iff_settled check ((status in ('SENT', 'DEAD', 'SUPERSEDED')) = (settled_at is not null)),
  constraint alert_notifications_discarded_is_dead check (discarded_by is null or status = 'DEAD'),
  constraint alert_notifications_sending_has_a_lease check ((status = 'SENDING') = (token is not null and lease_expires_at is not null))
);
comment on table public.alert_notifications is
  'The outbox: a state of an incident for one destination. A message reports the newest state of each incident of a group.';
comment on column public.alert_notifications.group_key is 'The rule and the entity type; a message has the incidents of one group.';
comment on column public.alert_notifications.status is
  'SUPERSEDED: a newer state replaced the state before its delivery, or the state is an end without a delivered opening.';
comment on column public.alert_notifications.first_failed_at is
  'The first failed attempt to deliver a state of the incident to the destination; after three days the state is DEAD.';
comment on column public.alert_notifications.is_perhaps_received is
  'Whether the answer to an attempt was lost, so that the destination may have the message.';
comment on column public.alert_notifications.message_id is 'The id of the last message that reported the state.';
comment on column public.alert_notifications.settled_at is
  'The time at which the notification became SENT, DEAD or SUPERSEDED. A replay reads from it which notifications waited in the past.';
create index alert_notifications_open_idx on public.alert_notifications (destination_id, group_key)
  where status in ('PENDING', 'SENDING', 'DEAD');
create index alert_notifications_sent_idx on public.alert_notifications (destination_id, group_key, sent_at) where status = 'SENT';
create index alert_notifications_incident_idx on public.alert_notifications (incident_id, destination_id);
create index alert_notifications_token_idx on public.alert_notifications (token) where token is not null;
create index alert_notifications_time_idx on public.alert_notifications (created_at);
select private.secure_table('public.alert_notifications');
-- The REST API must not return the tokens, with which a caller can record a delivery.
revoke select on public.alert_notifications from authenticated;
grant select (id, channel, incident_id, group_key, item, status, attempts, first_failed_at, is_perhaps_received, message_id, last_error,
  discarded_by, created_at, sent_at, settled_at) on public.alert_notifications to authenticated;

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
comment on table public.alert_deliveries is 'Each attempt to deliver a notification, with its outcome.';
create index alert_deliveries_notification_idx on public.alert_deliveries (notification_id, id);
select private.secure_table('public.alert_deliveries');

create table public.channel_canaries (
  id uuid primary key default gen_random_uuid(),
  channel varchar not null references public.notification_channels (name) on update cascade on delete cascade,
  opened_at timestamptz not null,
  stage varchar not null default 'EVALUATION',
  stage_since timestamptz not null,
  incident_id uuid references public.alert_incidents (id) on delete set null,
  proven_at timestamptz,
  failed_at timestamptz,
  error text,
  confirmed_by varchar,
  constraint channel_canaries_stage_is_known check (stage in ('RULE', 'EVALUATION', 'OUTBOX', 'CHANNEL', 'READER')),
  constraint channel_canaries_stage_is_not_before_the_opening check (stage_since >= opened_at),
  constraint channel_canaries_is_proven_or_failed check (num_nonnulls(proven_at, failed_at) <= 1),
  constraint channel_canaries_error_iff_failed check ((failed_at is null) = (error is null)),
  constraint channel_canaries_proven_is_at_a_last_stage check (proven_at is null or stage in ('CHANNEL', 'READER')),
  constraint channel_canaries_confirmed_iff_proven_by_a_reader
    check ((confirmed_by is not null) = (proven_at is not null and stage = 'READER'))
);
comment on table public.channel_canaries is
  'Each check of a channel by a test message. A check is open until it proves the channel or fails at a stage.';
comment on column public.channel_canaries.stage is
  'The current stage of an open check, the stage at which a check failed, or the stage that proved the channel. RULE: a rule can send the '
  'message. EVALUATION: the rules were evaluated. OUTBOX: the message was queued. CHANNEL: the channel accepted the message. READER: a '
  'person followed the link in an email.';
comment on column public.channel_canaries.incident_id is
  'The test incident that queued the message; null for a check whose message is not queued.';
comment on column public.channel_canaries.confirmed_by is
  'The name of the person who followed the link in the email; null for a check that no link confirmed.';
create unique index channel_canaries_one_open_per_channel on public.channel_canaries (channel) where proven_at is null and failed_at is null;
create index channel_canaries_channel_idx on public.channel_canaries (channel, opened_at desc);
create index channel_canaries_time_idx on public.channel_canaries (opened_at);
create index channel_canaries_incident_idx on public.channel_canaries (incident_id) where incident_id is not null;
select private.secure_table('public.channel_canaries');

create table public.weekly_reports (
  week date primary key,
  facts jsonb not null,
  created_at timestamptz not null,
  constraint weekly_reports_week_begins_on_a_monday check (extract(isodow from week) = 1),
  constraint weekly_reports_facts_are_an_object check (jsonb_typeof(facts) = 'object'),
  constraint weekly_reports_is_after_its_week check (created_at >= (week + 7)::timestamp at time zone 'UTC')
);
comment on table public.weekly_reports is
  'The facts of the report of each week, by the Monday on which the week begins (UTC); each channel receives these.';
create index weekly_reports_time_idx on public.weekly_reports (created_at);
select private.secure_table('public.weekly_reports');

create table public.weekly_report_deliveries (
  id uuid primary key default gen_random_uuid(),
  week date not null references public.weekly_reports (week) on delete cascade,
  destination_id bigint not null references public.notification_destinations (id) on delete cascade,
  status varchar not null default 'PENDING',
  attempts integer not null default 0,
  is_perhaps_received boolean not null default false,
  token uuid,
  lease_expires_at timestamptz,
  last_error text,
  sent_at timestamptz,
  constraint weekly_report_deliveries_is_one_row_each unique (week, destination_id),
  constraint weekly_report_deliveries_status_is_known check (status in ('PENDING', 'SENDING', 'SENT', 'DEAD')),
  constraint weekly_report_deliveries_sent_at_iff_sent check ((status = 'SENT') = (sent_at is not null)),
  constraint weekly_report_deliveries_sending_has_a_lease
    check ((status = 'SENDING') = (token is not null and lease_expires_at is not null)),
  constraint weekly_report_deliveries_perhaps_received_is_dead check (not is_perhaps_received or status = 'DEAD')
);
comment on table public.weekly_report_deliveries is 'The outbox of the weekly reports: one row per report and destination.';
comment on column public.weekly_report_deliveries.is_perhaps_received is
  'Whether the answer to the attempt was lost; the report is then not sent again, because no recipient should receive it twice.';
create index weekly_report_deliveries_open_idx on public.weekly_report_deliveries (destination_id) where status in ('PENDING', 'SENDING');
create index weekly_report_deliveries_token_idx on public.weekly_report_deliveries (token) where token is not null;
select private.secure_table('public.weekly_report_deliveries');
-- The REST API must not return the tokens, with which a caller can record a delivery.
revoke select on public.weekly_report_deliveries from authenticated;
grant select (id, week, destination_id, status, attempts, is_perhaps_received, last_error, sent_at)
  on public.weekly_report_deliveries to authenticated;

create table private.watchdog (
  id boolean primary key default true,
  late_since timestamptz,
  notified_at timestamptz,
  constraint watchdog_is_one_row check (id)
);
comment on table private.watchdog is
  'One row with the time since which the alert processor is late, and the time of the last call of the watchdog URL.';
alter table private.watchdog enable row level security;
grant select, update on private.watchdog to service_role;

insert into private.watchdog default values;
