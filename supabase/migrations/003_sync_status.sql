-- The entities with their schedules and counters, freshness and lease of each tournament, and the state of the upstream service.

create function private.last_due(anchor timestamptz, frequency interval, as_of timestamptz) returns timestamptz
language plpgsql immutable set search_path = '' as $$
begin
  return anchor + make_interval(secs => (
    floor(extract(epoch from as_of - anchor) / extract(epoch from frequency)) * extract(epoch from frequency)
  )::double precision);
end
$$;
comment on function private.last_due is 'The latest due time (anchor + n * frequency) until as_of.';

create table public.sync_status (
  entity_type varchar primary key,
  function_name varchar,
  depends_on varchar references public.sync_status (entity_type) on update cascade on delete set null,
  leases_tournaments boolean not null default false,
  is_active boolean not null default true,
  paused_at timestamptz,
  paused_by varchar,
  paused_reason text,
  sync_frequency interval not null,
  schedule_anchor timestamptz not null default '2000-01-01 00:00:00+00',
  grace interval not null,
  max_runtime interval not null,
  last_sync timestamptz,
  last_attempt timestamptz,
  next_sync timestamptz,
  success_count integer not null default 0,
  error_count integer not null default 0,
  consecutive_failures integer not null default 0,
  last_error text,
  last_error_time timestamptz,
  average_duration interval,
  last_duration interval,
  records_processed_last integer,
  records_processed_total bigint not null default 0,
  last_memory_usage integer,
  alert_threshold_failures integer,
  notification_channels jsonb,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint sync_status_entity_type_is_a_name check (entity_type ~ '^[a-z][a-z0-9_]{1,62}$' and entity_type <> 'all'),
  constraint sync_status_frequency_is_positive check (sync_frequency > interval '0'),
  constraint sync_status_grace_is_within_limits check (grace between interval '0' and interval '7 days'),
  constraint sync_status_max_runtime_is_within_limits check (max_runtime between interval '10 seconds' and interval '1 hour'),
  constraint sync_status_pause_has_an_author check (paused_at is null or paused_by is not null),
  constraint sync_status_counters_are_not_negative
    check (success_count >= 0 and error_count >= 0 and consecutive_failures >= 0 and records_processed_total >= 0),
  constraint sync_status_alert_threshold_is_within_its_metric check (alert_threshold_failures between 1 and 100),
  constraint sync_status_channels_are_a_list check (jsonb_typeof(notification_channels) = 'array'),
  constraint sync_status_channels_are_not_empty check (notification_channels <> '[]'),
  constraint sync_status_active_has_a_function check (not is_active or function_name is not null),
  constraint sync_status_entity_type_is_not_system check (entity_type <> 'system')
);
comment on table public.sync_status is 'One row an entity: the schedule, limits and counters of its sync.';
comment on column public.sync_status.function_name is 'The edge function that syncs the entity; null while it has none.';
comment on column public.sync_status.depends_on is 'The entity that must have succeeded once before the first run of this one.';
comment on column public.sync_status.leases_tournaments is 'Its runs claim the lease of each tournament before they write its matches.';
comment on column public.sync_status.schedule_anchor is 'Any due time of the schedule: due times are anchor + n * sync_frequency, in UTC.';
comment on column public.sync_status.grace is 'An entity is overdue when no run started until its due time plus grace.';
comment on column public.sync_status.last_sync is 'Start of the last full run that SUCCEEDED.';
comment on column public.sync_status.last_attempt is 'Start of the last full run, or time of the last call that was SKIPPED.';
comment on column public.sync_status.consecutive_failures is
  'Full runs that ended FAILED or TIMED_OUT since the last one that was SUCCEEDED or PARTIAL.';
comment on column public.sync_status.average_duration is 'Moving average of SUCCEEDED and PARTIAL full runs; the newest has weight 0.2.';
comment on column public.sync_status.last_memory_usage is 'Peak memory of the last run in MiB.';
comment on column public.sync_status.alert_threshold_failures is 'The threshold of the consecutive_failures rules here; null keeps theirs.';
select private.secure_table('public.sync_status');

insert into public.sync_status
  (entity_type, function_name, depends_on, leases_tournaments, is_active, sync_frequency, grace, max_runtime)
values
  ('tournaments', 'tournament-master-sync', null, false, true, '1 day', '15 minutes', '5 minutes'),
  ('matches_schedule', 'match-schedule-sync', 'tournaments', true, true, '15 minutes', '5 minutes', '10 minutes'),
  ('matches_live', null, 'tournaments', true, false, '30 seconds', '1 minute', '1 minute');

create function private.overdue_since(entity public.sync_status, as_of timestamptz) returns timestamptz
language plpgsql immutable set search_path = '' as $$
declare
  -- The latest due time whose grace has passed: a run must have started at or after it.
  last_overdue constant timestamptz := private.last_due(entity.schedule_anchor, entity.sync_frequency, as_of - entity.grace);
begin
  if entity.last_attempt >= last_overdue or entity.last_attempt is null and entity.created_at > last_overdue then
    return null;
  end if;
  return private.last_due(entity.schedule_anchor, entity.sync_frequency, coalesce(entity.last_attempt, entity.created_at))
    + entity.sync_frequency + entity.grace;
end
$$;
comment on function private.overdue_since is 'When the entity became overdue (due time plus grace); null while it is not overdue.';

create table public.tournament_sync_state (
  tournament_no varchar primary key references public.tournaments (no) on delete cascade,
  synced_at timestamptz,
  ttl interval,
  match_count integer not null default 0,
  live_count integer not null default 0,
  lease_holder uuid,
  lease_expires_at timestamptz,
  last_result_at timestamptz,
  last_success_at timestamptz,
  failing_streak integer not null default 0,
  last_error text,
  last_error_type varchar,
  average_duration interval,
  constraint tournament_sync_state_streak_is_not_negative check (failing_streak >= 0),
  constraint tournament_sync_state_failing_has_an_error check (failing_streak = 0 or last_error_type is not null),
  constraint tournament_sync_state_lease_is_whole check ((lease_holder is null) = (lease_expires_at is null)),
  constraint tournament_sync_state_ttl_iff_synced check (synced_at is null or ttl is not null)
);
comment on table public.tournament_sync_state is 'One row a tournament: the freshness of its matches, and the run that holds its lease.';
comment on column public.tournament_sync_state.synced_at is 'Start of the run that last read the matches; null makes it due at once.';
comment on column public.tournament_sync_state.ttl is '30 seconds with a live match, 24 hours when all are finished, else 15 minutes.';
comment on column public.tournament_sync_state.failing_streak is 'Failed results since the last success.';
comment on column public.tournament_sync_state.last_error is 'Message of the newest failed result, however old.';
comment on column public.tournament_sync_state.average_duration is 'Moving average of the time of a sync; the newest has weight 0.2.';
comment on column public.tournament_sync_state.lease_holder is 'The only run that can write, until lease_expires_at.';
select private.secure_table('public.tournament_sync_state');

create table public.upstream_state (
  upstream varchar primary key,
  in_flight_limit integer not null,
  backoff_for interval not null default '25 minutes',
  backoff_until timestamptz,
  backoff_reason text,
  baseline_response_ms numeric,
  updated_at timestamptz not null default now(),
  constraint upstream_state_limit_is_polite check (in_flight_limit between 1 and 5),
  constraint upstream_state_backoff_has_a_reason check ((backoff_until is null) = (backoff_reason is null))
);
comment on table public.upstream_state is 'One row an upstream service: the limit, backoff and usual response time that all runs share.';
comment on column public.upstream_state.in_flight_limit is 'Requests in flight of all runs; VIS has blocked clients with over 4.';
comment on column public.upstream_state.baseline_response_ms is
  'Moving average of the replies that were not throttled; the newest has weight 0.05. A reply ten times slower starts a backoff.';
select private.secure_table('public.upstream_state');

create table public.upstream_slots (
  upstream varchar not null references public.upstream_state (upstream) on delete cascade,
  slot integer not null,
  token uuid,
  expires_at timestamptz,
  primary key (upstream, slot),
  constraint upstream_slots_lease_is_whole check ((token is null) = (expires_at is null))
);
comment on table public.upstream_slots is 'One row for each request that may be in flight; a request claims it with a token and a lease.';
select private.secure_table('public.upstream_slots');
-- The REST API must not return the tokens.
revoke select on public.upstream_slots from authenticated;

insert into public.upstream_state (upstream, in_flight_limit) values ('vis', 4);
insert into public.upstream_slots (upstream, slot) select 'vis', slot from generate_series(1, 5) slot;
