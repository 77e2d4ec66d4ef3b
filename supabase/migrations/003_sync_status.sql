-- What is synced and when: the entities with their schedules and counters, the freshness of each tournament, and the state of the upstream service.

create function private.last_due(anchor timestamptz, frequency interval, as_of timestamptz) returns timestamptz
language plpgsql immutable set search_path = '' as $$
begin
  return anchor + make_interval(secs => (
    floor(extract(epoch from as_of - anchor) / extract(epoch from frequency)) * extract(epoch from frequency)
  )::double precision);
end
$$;
comment on function private.last_due(timestamptz, interval, timestamptz) is 'The latest due time at or before as_of.';

create table public.sync_status (
  entity_type varchar primary key,
  function_name varchar,
  depends_on varchar references public.sync_status (entity_type) on update cascade on delete set null,
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
  constraint sync_status_grace_is_not_negative check (grace >= interval '0'),
  constraint sync_status_max_runtime_is_positive check (max_runtime > interval '0'),
  constraint sync_status_pause_has_an_author check (paused_at is null or paused_by is not null),
  constraint sync_status_counters_are_not_negative
    check (success_count >= 0 and error_count >= 0 and consecutive_failures >= 0 and records_processed_total >= 0),
  constraint sync_status_alert_threshold_is_positive check (alert_threshold_failures >= 1),
  constraint sync_status_channels_are_a_list check (jsonb_typeof(notification_channels) = 'array'),
  constraint sync_status_active_has_a_function check (not is_active or function_name is not null),
  constraint sync_status_entity_type_is_not_system check (entity_type <> 'system')
);
comment on table public.sync_status is 'The entity types that are synced, each with its schedule, limits and counters.';
comment on column public.sync_status.function_name is 'The edge function that syncs it; null while none is built.';
comment on column public.sync_status.depends_on is 'The entity that must have succeeded once before a first run of this one makes sense.';
comment on column public.sync_status.schedule_anchor is 'A moment the schedule goes through; due times are anchor + n * sync_frequency, all in UTC.';
comment on column public.sync_status.grace is 'Due + grace without a run is overdue.';
comment on column public.sync_status.last_sync is 'Start of the last full run that SUCCEEDED.';
comment on column public.sync_status.last_attempt is 'Start of the last full run, or of a tick that found one going.';
comment on column public.sync_status.consecutive_failures is 'Full runs FAILED or TIMED_OUT in a row; PARTIAL neither extends nor ends it.';
comment on column public.sync_status.average_duration is 'Moving average of full runs that read everything, weight 0.2 for the newest.';
comment on column public.sync_status.last_memory_usage is 'Peak MiB of the last run.';
comment on column public.sync_status.alert_threshold_failures is 'Null unless somebody set it; set, it overrides the rules.';
select private.secure_table('public.sync_status');

insert into public.sync_status (entity_type, function_name, depends_on, is_active, sync_frequency, grace, max_runtime) values
  ('tournaments', 'tournament-master-sync', null, true, '1 day', '15 minutes', '5 minutes'),
  ('matches_schedule', 'match-schedule-sync', 'tournaments', true, '15 minutes', '5 minutes', '10 minutes'),
  ('matches_live', null, 'tournaments', false, '30 seconds', '1 minute', '1 minute')
on conflict (entity_type) do nothing;

create function private.overdue_since(entity public.sync_status, as_of timestamptz) returns timestamptz
language plpgsql immutable set search_path = '' as $$
declare
  -- The latest due time whose grace is over: a run must have begun at or after it.
  owed constant timestamptz := private.last_due(entity.schedule_anchor, entity.sync_frequency, as_of - entity.grace);
begin
  if entity.last_attempt >= owed or entity.last_attempt is null and entity.created_at > owed then
    return null;
  end if;
  return private.last_due(entity.schedule_anchor, entity.sync_frequency, coalesce(entity.last_attempt, entity.created_at))
    + entity.sync_frequency + entity.grace;
end
$$;
comment on function private.overdue_since(public.sync_status, timestamptz) is 'Since when an entity owes a run: due plus grace; null while it owes none.';

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
  constraint tournament_sync_state_streak_is_not_negative check (failing_streak >= 0),
  constraint tournament_sync_state_failing_has_an_error check (failing_streak = 0 or last_error_type is not null),
  constraint tournament_sync_state_lease_is_whole check ((lease_holder is null) = (lease_expires_at is null)),
  constraint tournament_sync_state_ttl_iff_synced check (synced_at is null or ttl is not null)
);
comment on table public.tournament_sync_state is 'Per tournament: how fresh its matches are, and which run works on it now.';
comment on column public.tournament_sync_state.synced_at is 'The tick of the run that last read its matches; null makes it due at once.';
comment on column public.tournament_sync_state.ttl is 'Counted from synced_at: 30 s with a live match, 15 min with open ones, 24 h when all are finished.';
comment on column public.tournament_sync_state.failing_streak is 'Failed results since the last success.';
comment on column public.tournament_sync_state.last_error is 'Message of the newest failed result, however old.';
comment on column public.tournament_sync_state.lease_holder is 'The fencing token: writes of any other run are refused until lease_expires_at.';
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
comment on table public.upstream_state is 'What all isolates know together about an upstream service.';
comment on column public.upstream_state.in_flight_limit is 'Requests in flight from all runs together; more than about 4 has been punished by VIS.';
comment on column public.upstream_state.baseline_response_ms is 'Moving average of good replies, weight 0.05; a reply ten times slower is throttling.';
select private.secure_table('public.upstream_state');

create table public.upstream_slots (
  upstream varchar not null references public.upstream_state (upstream) on delete cascade,
  slot integer not null,
  token uuid,
  expires_at timestamptz,
  primary key (upstream, slot),
  constraint upstream_slots_lease_is_whole check ((token is null) = (expires_at is null))
);
comment on table public.upstream_slots is 'A row for each request that may be in flight; taken by a lease with a token.';
alter table public.upstream_slots enable row level security;
revoke all on public.upstream_slots from public, anon, authenticated;
grant all on public.upstream_slots to service_role;
create policy "Allow service access" on public.upstream_slots for all to service_role using (true) with check (true);

insert into public.upstream_state (upstream, in_flight_limit) values ('vis', 4);
insert into public.upstream_slots (upstream, slot) select 'vis', slot from generate_series(1, 5) slot;

select private.secure_functions(
  'private.last_due', 'private.overdue_since'
);
