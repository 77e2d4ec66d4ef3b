-- The entities with their schedules, counters and due times, the freshness and lease of each tournament, and the state of the upstream
-- service. Over 300 lines, because due, overdue and missed times all depend on the schedule and the pauses in this file.

create function private.last_due(anchor timestamptz, frequency interval, as_of timestamptz) returns timestamptz
language plpgsql immutable set search_path = '' as $$
begin
  return anchor + make_interval(secs => (
    floor(extract(epoch from as_of - anchor) / extract(epoch from frequency)) * extract(epoch from frequency)
  )::double precision);
end
$$;
comment on function private.last_due is 'The latest due time (anchor + n * frequency) at or before as_of.';

create table public.sync_status (
  entity_type varchar primary key,
  title varchar not null,
  function_name varchar,
  depends_on varchar references public.sync_status (entity_type) on update cascade on delete set null,
  leases_tournaments boolean not null default false,
  runs_during_play boolean not null default false,
  is_active boolean not null default true,
  paused_at timestamptz,
  paused_by varchar,
  paused_reason text,
  idle_since timestamptz,
  sync_frequency interval not null,
  schedule_anchor timestamptz not null default '2000-01-01 00:00:00+00',
  schedule_changed_at timestamptz,
  dispatched_due_at timestamptz,
  dispatched_at timestamptz,
  dispatch_attempt integer,
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
  constraint sync_status_title_is_unique unique (title),
  constraint sync_status_title_is_a_name check (title ~ '^[A-Z][A-Za-z0-9]*( [A-Za-z0-9]+)*$' and length(title) <= 60),
  constraint sync_status_frequency_is_within_limits check (sync_frequency between interval '10 seconds' and interval '31 days'),
  constraint sync_status_anchor_is_within_limits
    check (schedule_anchor between timestamptz '2000-01-01 00:00:00+00' and timestamptz '2100-01-01 00:00:00+00'),
  constraint sync_status_grace_is_within_limits check (grace between interval '0' and interval '7 days'),
  constraint sync_status_max_runtime_is_within_limits check (max_runtime between interval '10 seconds' and interval '1 hour'),
  constraint sync_status_pause_has_an_author check (paused_at is null or paused_by is not null),
  constraint sync_status_idle_is_for_runs_during_play check (idle_since is null or runs_during_play),
  constraint sync_status_counters_are_not_negative
    check (success_count >= 0 and error_count >= 0 and consecutive_failures >= 0 and records_processed_total >= 0),
  constraint sync_status_alert_threshold_is_within_its_metric check (alert_threshold_failures between 1 and 100),
  constraint sync_status_channels_are_a_list check (jsonb_typeof(notification_channels) = 'array'),
  constraint sync_status_channels_are_not_empty check (notification_channels <> '[]'),
  constraint sync_status_active_has_a_function check (not is_active or function_name is not null),
  constraint sync_status_entity_type_is_not_system check (entity_type <> 'system'),
  constraint sync_status_dispatch_is_whole check (num_nulls(dispatched_due_at, dispatched_at, dispatch_attempt) in (0, 3)),
  constraint sync_status_dispatch_attempt_is_positive check (dispatch_attempt > 0)
);
comment on table public.sync_status is 'One row per entity: the schedule, limits and counters of its sync.';
comment on column public.sync_status.title is 'The name of the entity for people; the names of its default rules begin with it.';
comment on column public.sync_status.function_name is 'The edge function that syncs the entity; null while it has none.';
comment on column public.sync_status.depends_on is 'The entity that must have succeeded once before the first run of this one.';
comment on column public.sync_status.leases_tournaments is
  'Whether the runs of the entity claim the lease of each tournament before they write its matches.';
comment on column public.sync_status.runs_during_play is
  'Whether the runs of the entity fall due only while matches are played or start soon.';
comment on column public.sync_status.idle_since is
  'The time since which an entity that runs during play has no due times, because no match is played or starts soon; null while it has '
  'some.';
comment on column public.sync_status.schedule_anchor is
  'Any due time of the schedule: due times are anchor + n * sync_frequency, in UTC. An interval under a minute has no anchor: '
  'the next due time is one interval after the last start.';
comment on column public.sync_status.schedule_changed_at is
  'The last change of sync_frequency or schedule_anchor; due times before it or the creation do not count.';
comment on column public.sync_status.dispatched_due_at is
  'The due time of the last scheduled call, with dispatched_at, the time of that call, and dispatch_attempt, its attempt number.';
comment on column public.sync_status.grace is 'An entity is overdue when no run started before its due time plus grace.';
comment on column public.sync_status.last_sync is 'Start of the last full run that SUCCEEDED.';
comment on column public.sync_status.last_attempt is 'Start of the last full run, or time of the last call that was SKIPPED.';
comment on column public.sync_status.consecutive_failures is
  'Full runs that ended FAILED or TIMED_OUT since the last one that was SUCCEEDED or PARTIAL.';
comment on column public.sync_status.average_duration is 'Moving average of SUCCEEDED and PARTIAL full runs; the newest has weight 0.2.';
comment on column public.sync_status.last_memory_usage is 'Peak memory of the last run in MiB.';
comment on column public.sync_status.alert_threshold_failures is
  'The threshold of the consecutive_failures rules for this entity; null keeps the threshold of the rule.';
select private.secure_table('public.sync_status');

insert into public.sync_status
  (entity_type, title, function_name, depends_on, leases_tournaments, runs_during_play, is_active, sync_frequency, grace, max_runtime)
values
  ('tournaments', 'Tournament Sync', 'tournament-master-sync', null, false, false, true, '1 day', '15 minutes', '5 minutes'),
  ('matches_schedule', 'Match Schedule', 'match-schedule-sync', 'tournaments', true, false, true, '15 minutes', '5 minutes', '10 minutes'),
  ('matches_live', 'Live Matches', 'match-live-sync', 'tournaments', true, true, false, '30 seconds', '1 minute', '1 minute');

create table public.entity_pauses (
  id bigint primary key generated always as identity,
  entity_type varchar not null references public.sync_status (entity_type) on update cascade on delete cascade,
  paused_at timestamptz not null,
  resumed_at timestamptz,
  paused_by varchar,
  reason text,
  constraint entity_pauses_resumed_not_before_the_pause check (resumed_at >= paused_at)
);
comment on table public.entity_pauses is 'One row for each period in which an entity was paused, inactive or idle; no run falls due in it.';
comment on column public.entity_pauses.paused_by is 'Null when the entity was inactive or idle.';
create unique index entity_pauses_one_open on public.entity_pauses (entity_type) where resumed_at is null;
create index entity_pauses_time_idx on public.entity_pauses (entity_type, paused_at);
select private.secure_table('public.entity_pauses');

create function private.cause_of_pause(entity public.sync_status) returns text
language plpgsql immutable set search_path = '' as $$
begin
  return case
    when not entity.is_active then 'INACTIVE'
    when entity.paused_at is not null then 'PAUSED'
    when entity.idle_since is not null then 'IDLE'
  end;
end
$$;
comment on function private.cause_of_pause is
  'The reason why no run of the entity falls due now: INACTIVE, PAUSED or IDLE; null while due times count.';

create function private.record_schedule_change() returns trigger
language plpgsql set search_path = '' as $$
declare
  before constant text := private.cause_of_pause(old);
  after constant text := private.cause_of_pause(new);
  -- A function that changes an entity sets updated_at; a person who changes it with SQL can omit updated_at.
  changed_at constant timestamptz := case when new.updated_at <> old.updated_at then new.updated_at else clock_timestamp() end;
begin
  if before is not null and after is distinct from before then
    update public.entity_pauses set resumed_at = greatest(changed_at, paused_at) where entity_type = old.entity_type and resumed_at is null;
    if not found then
      -- The entity was created inactive.
      insert into public.entity_pauses (entity_type, paused_at, resumed_at)
      values (old.entity_type, least(old.created_at, changed_at), changed_at);
    end if;
  end if;
  if after is not null and after is distinct from before then
    insert into public.entity_pauses (entity_type, paused_at, paused_by, reason)
    -- A pause that follows another pause begins at the end of the earlier one.
    values (old.entity_type, coalesce(case when before is null then coalesce(new.paused_at, new.idle_since) end, changed_at),
      new.paused_by, case after when 'IDLE' then 'no match is live or starts within 15 minutes' else new.paused_reason end);
  end if;
  if (new.sync_frequency, new.schedule_anchor) <> (old.sync_frequency, old.schedule_anchor) then
    new.schedule_changed_at := changed_at;
  end if;
  return new;
end
$$;
comment on function private.record_schedule_change is
  'Keeps entity_pauses and schedule_changed_at; a trigger, because people change entities with SQL.';
create trigger record_schedule_change before update on public.sync_status
  for each row execute function private.record_schedule_change();

create function private.was_paused(p_entity_type text, at_time timestamptz) returns boolean
language plpgsql stable set search_path = '' as $$
begin
  -- Pauses do not overlap, so only the last pause that began before the time can include it. An entity that is idle each night has many.
  return coalesce((
    select p.resumed_at is null or p.resumed_at > at_time from public.entity_pauses p
    where p.entity_type = p_entity_type and p.paused_at <= at_time
    order by p.paused_at desc, p.id desc limit 1
  ), false);
end
$$;
comment on function private.was_paused is 'Whether the entity was paused, inactive or idle at a time.';

create function private.schedule_start(entity public.sync_status) returns timestamptz
language plpgsql stable set search_path = '' as $$
begin
  return greatest(entity.created_at, entity.schedule_changed_at, (
    select p.resumed_at from public.entity_pauses p
    where p.entity_type = entity.entity_type and p.resumed_at is not null order by p.paused_at desc, p.id desc limit 1
  ));
end
$$;
comment on function private.schedule_start is
  'The latest of creation, change of the schedule and end of a pause; the first run is due at that time.';

create function private.due_of_start(entity public.sync_status, started_at timestamptz) returns timestamptz
language plpgsql stable set search_path = '' as $$
begin
  -- A start up to five seconds early counts for its due time.
  return private.last_due(
    case when entity.sync_frequency < interval '1 minute' then greatest(entity.last_attempt, private.schedule_start(entity))
      else entity.schedule_anchor end,
    entity.sync_frequency, started_at + interval '5 seconds'
  );
end
$$;
comment on function private.due_of_start is 'The due time for which a run that starts at this time counts.';

create function private.current_due(entity public.sync_status, as_of timestamptz) returns timestamptz
language plpgsql stable set search_path = '' as $$
declare
  due constant timestamptz := private.due_of_start(entity, as_of);
begin
  return case
    when private.cause_of_pause(entity) is not null then null
    when entity.sync_frequency < interval '1 minute' and due <= entity.last_attempt then null
    when due >= greatest(entity.created_at, entity.schedule_changed_at) and not private.was_paused(entity.entity_type, due) then due
    when entity.last_attempt is null then private.schedule_start(entity)
  end;
end
$$;
comment on function private.current_due is
  'The latest due time of an entity; null while the entity is paused, inactive or idle, and when the due time was in a pause or before the '
  'last change of the schedule. A first run is due at once.';

create function private.next_due(entity public.sync_status, as_of timestamptz) returns timestamptz
language plpgsql stable set search_path = '' set timezone = 'UTC' as $$
begin
  return private.due_of_start(entity, as_of) + entity.sync_frequency;
end
$$;
comment on function private.next_due is 'The first due time after the current one.';

create function private.overdue_since(entity public.sync_status, as_of timestamptz) returns timestamptz
language plpgsql stable set search_path = '' set timezone = 'UTC' as $$
declare
  -- Before the first start, the first due time after the creation counts.
  due timestamptz := greatest(
    private.next_due(entity, coalesce(entity.last_attempt, entity.created_at - interval '5 seconds')),
    private.next_due(entity, entity.schedule_changed_at - interval '5.000001 seconds')
  );
  pause public.entity_pauses;
  overdue_at timestamptz;
begin
  if private.cause_of_pause(entity) is not null then
    return null;
  end if;
  for pause in
    select * from public.entity_pauses p
    where p.entity_type = entity.entity_type and p.resumed_at > due and p.paused_at <= as_of order by p.paused_at
  loop
    -- A due time before the pause stays open after it, unless a later due time fell in the pause. Its grace begins again after the pause.
    if due >= pause.paused_at or due + entity.sync_frequency < pause.resumed_at then
      due := private.next_due(entity, pause.resumed_at - interval '5.000001 seconds');
    end if;
  end loop;
  overdue_at := greatest(due, pause.resumed_at) + entity.grace;
  return case when overdue_at <= as_of then overdue_at end;
end
$$;
comment on function private.overdue_since is
  'The time at which the entity became overdue: the first due time without a start, plus grace. Null while it is not overdue, or is '
  'paused, inactive or idle.';

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
  vis_version bigint,
  full_read_at timestamptz,
  version_missed_at timestamptz,
  reply_bytes integer,
  constraint tournament_sync_state_streak_is_not_negative check (failing_streak >= 0),
  constraint tournament_sync_state_failing_has_an_error check (failing_streak = 0 or last_error_type is not null),
  constraint tournament_sync_state_lease_is_whole check ((lease_holder is null) = (lease_expires_at is null)),
  constraint tournament_sync_state_ttl_iff_synced check (synced_at is null or ttl is not null)
);
comment on table public.tournament_sync_state is 'One row per tournament: the freshness of its matches, and the run that holds its lease.';
comment on column public.tournament_sync_state.synced_at is
  'Start of the run that last read the matches; null makes the tournament due at once.';
comment on column public.tournament_sync_state.ttl is
  '10 minutes after a reply that was held back, 30 seconds with a live match, 24 hours when all are finished, else 15 minutes.';
comment on column public.tournament_sync_state.failing_streak is 'Failed results since the last success.';
comment on column public.tournament_sync_state.last_error is 'Message of the newest failed result, of any age.';
comment on column public.tournament_sync_state.average_duration is
  'Moving average of the time that a sync of the tournament takes; the newest has weight 0.2.';
comment on column public.tournament_sync_state.reply_bytes is
  'Bytes of the last full reply: the bytes that a fresh tournament or an unchanged reply saves. Null before the first full reply.';
comment on column public.tournament_sync_state.lease_holder is 'The only run that can write the matches, until lease_expires_at.';
comment on column public.tournament_sync_state.vis_version is
  'The version of the last reply of which every row was written; an incremental reply has the changes after this version.';
comment on column public.tournament_sync_state.full_read_at is 'The time at which a reply with all matches was last written.';
comment on column public.tournament_sync_state.version_missed_at is
  'The time at which a full reply last showed a change that an incremental reply omits: a row whose version was not above vis_version.';
select private.secure_table('public.tournament_sync_state');

create function private.second_look_after() returns interval
language sql immutable set search_path = '' as $$
  select interval '10 minutes';
$$;
comment on function private.second_look_after is 'The delay after which another reply can confirm a held-back reply.';

create table public.request_states (
  request varchar primary key,
  entity_type varchar not null references public.sync_status (entity_type) on update cascade on delete cascade,
  tournament_no varchar references public.tournaments (no) on delete cascade,
  confirmed_at timestamptz,
  held_at timestamptz,
  look_at timestamptz,
  warning varchar,
  digest jsonb,
  execution_id uuid,
  contradicted_at timestamptz,
  constraint request_states_held_is_whole check (num_nulls(held_at, look_at, warning, digest) in (0, 4)),
  constraint request_states_warning_is_known check (warning in ('REPLY_SHRANK', 'REPLY_BLANKED', 'REPLY_MOVED')),
  constraint request_states_digest_is_an_object check (jsonb_typeof(digest) = 'object'),
  constraint request_states_look_is_after_the_hold check (look_at >= held_at)
);
comment on table public.request_states is
  'One row for each season that a sync listed, and for each tournament with a reply that was held back for a second look.';
comment on column public.request_states.request is 'The request of VIS: tournament and its number (its matches), or season and its name.';
comment on column public.request_states.confirmed_at is
  'The time at which a reply was last accepted; from then on the rows of the request are known.';
comment on column public.request_states.held_at is 'The time at which a reply was held back; null when the last reply was accepted.';
comment on column public.request_states.look_at is
  'The time at which a run for the second look is dispatched; it moves by ten minutes while no reply confirms or contradicts the first.';
comment on column public.request_states.digest is
  'The changes that the held-back reply would make: the numbers it lacks, the columns it blanks, and the dates it moves, by number.';
comment on column public.request_states.execution_id is 'The run that last held a reply back.';
comment on column public.request_states.contradicted_at is 'The time at which a later reply last contradicted the held-back reply.';
create index request_states_held_idx on public.request_states (entity_type, look_at) where held_at is not null;
select private.secure_table('public.request_states');

create table public.upstream_state (
  upstream varchar primary key,
  in_flight_limit integer not null,
  backoff_for interval not null default '25 minutes',
  backoff_until timestamptz,
  backoff_reason text,
  backoff_fingerprint varchar,
  baseline_response_ms numeric(12, 3),
  updated_at timestamptz not null default now(),
  constraint upstream_state_limit_is_polite check (in_flight_limit between 1 and 5),
  constraint upstream_state_backoff_has_a_reason check ((backoff_until is null) = (backoff_reason is null)),
  constraint upstream_state_fingerprint_is_of_a_backoff check (backoff_fingerprint is null or backoff_until is not null)
);
comment on table public.upstream_state is 'One row per upstream service: the limit, backoff and usual response time that all runs share.';
comment on column public.upstream_state.in_flight_limit is
  'The maximum number of requests in flight of all runs; VIS has blocked clients with over 4.';
comment on column public.upstream_state.backoff_fingerprint is
  'The fingerprint of the refusal; errors during the backoff have the same one. Null when a slow reply started the backoff.';
comment on column public.upstream_state.baseline_response_ms is
  'Moving average of the replies that were not throttled; the newest has weight 0.05. A reply ten times slower starts a backoff.';
select private.secure_table('public.upstream_state');

create function private.upstream_backoff(as_of timestamptz) returns public.upstream_state
language plpgsql stable set search_path = '' as $$
declare
  state public.upstream_state;
begin
  select * into state from public.upstream_state u where u.backoff_until > as_of order by u.backoff_until desc limit 1;
  return state;
end
$$;
comment on function private.upstream_backoff is
  'The upstream that is in a backoff; no scheduled run and no job starts before its end. All columns are null without a backoff.';

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
