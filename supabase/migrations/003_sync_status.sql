-- One row an entity type: its schedule, its limits, its counters. A new entity is a row here and a function, not code elsewhere.

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
  constraint sync_status_active_has_a_function check (not is_active or function_name is not null)
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

alter table public.sync_status enable row level security;
revoke all on public.sync_status from public, anon, authenticated;
grant select on public.sync_status to authenticated;
grant all on public.sync_status to service_role;
create policy "Allow monitoring read" on public.sync_status for select to authenticated using ((select private.can_read_monitoring()));
create policy "Allow service access" on public.sync_status for all to service_role using (true) with check (true);

insert into public.sync_status (entity_type, function_name, depends_on, is_active, sync_frequency, grace, max_runtime) values
  ('tournaments', 'tournament-master-sync', null, true, '1 day', '15 minutes', '5 minutes'),
  ('matches_schedule', 'match-schedule-sync', 'tournaments', true, '15 minutes', '5 minutes', '10 minutes'),
  ('matches_live', null, 'tournaments', false, '30 seconds', '1 minute', '1 minute')
on conflict (entity_type) do nothing;

create function private.last_due(anchor timestamptz, frequency interval, as_of timestamptz) returns timestamptz
language sql immutable set search_path = ''
return anchor + make_interval(secs => (
  floor(extract(epoch from as_of - anchor) / extract(epoch from frequency)) * extract(epoch from frequency)
)::double precision);
comment on function private.last_due(timestamptz, interval, timestamptz) is 'The latest due time at or before as_of.';
revoke execute on function private.last_due(timestamptz, interval, timestamptz) from public, anon, authenticated;
grant execute on function private.last_due(timestamptz, interval, timestamptz) to service_role;
