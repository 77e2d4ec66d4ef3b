-- The monitoring tables: runs, their results by tournament, errors, calls of functions, and the rollups of runs.

create function private.success_weight(status text, tournaments_failed integer, tournaments_processed integer) returns numeric
language sql immutable set search_path = '' as $$
  select case status
    when 'SUCCEEDED' then 1
    when 'PARTIAL' then 1 - coalesce(tournaments_failed::numeric / nullif(tournaments_processed, 0), 0)
    when 'FAILED' then 0
    when 'TIMED_OUT' then 0
  end;
$$;
comment on function private.success_weight(text, integer, integer) is
  'The weight of a run in a success rate, 0 to 1; null for RUNNING, CANCELLED and SKIPPED, which no rate counts.';

create table public.sync_execution_history (
  id uuid primary key default gen_random_uuid(),
  entity_type varchar not null references public.sync_status (entity_type) on update cascade on delete restrict,
  tournament_no varchar,
  status varchar not null default 'RUNNING',
  status_reason text,
  trigger varchar not null,
  sync_job_id uuid,
  correlation_id varchar,
  execution_start timestamptz not null,
  execution_end timestamptz,
  duration interval generated always as (execution_end - execution_start) stored,
  success boolean generated always as (
    case when status = 'SUCCEEDED' then true when status in ('PARTIAL', 'FAILED', 'TIMED_OUT') then false end
  ) stored,
  heartbeat_at timestamptz,
  lease_expires_at timestamptz,
  deadline timestamptz,
  cancel_requested_at timestamptz,
  current_stage varchar,
  tournaments_total integer,
  tournaments_processed integer not null default 0,
  tournaments_failed integer not null default 0,
  records_read integer not null default 0,
  records_inserted integer not null default 0,
  records_updated integer not null default 0,
  records_unchanged integer not null default 0,
  records_removed integer not null default 0,
  records_rejected integer not null default 0,
  records_processed integer generated always as (
    records_inserted + records_updated + records_unchanged + records_removed
  ) stored,
  api_calls integer not null default 0,
  api_errors integer not null default 0,
  api_retries integer not null default 0,
  api_bytes bigint not null default 0,
  api_response_ms_total bigint not null default 0,
  api_response_ms_max integer,
  cache_hits integer not null default 0,
  cache_misses integer not null default 0,
  memory_usage_mb integer,
  database_calls integer not null default 0,
  database_connections_peak integer,
  error_count integer not null default 0,
  error_details jsonb,
  created_at timestamptz not null default now(),
  success_weight numeric
    generated always as (private.success_weight(status, tournaments_failed, tournaments_processed)) stored,
  constraint sync_execution_history_status_is_known
    check (status in ('RUNNING', 'SUCCEEDED', 'PARTIAL', 'FAILED', 'TIMED_OUT', 'CANCELLED', 'SKIPPED')),
  constraint sync_execution_history_trigger_is_known check (trigger in ('CRON', 'MANUAL', 'RETRY')),
  constraint sync_execution_history_finished_iff_terminal check ((status = 'RUNNING') = (execution_end is null)),
  constraint sync_execution_history_end_not_before_start check (execution_end >= execution_start),
  constraint sync_execution_history_running_has_a_lease
    check (status <> 'RUNNING' or (heartbeat_at is not null and lease_expires_at is not null and deadline is not null)),
  constraint sync_execution_history_failed_share_is_a_share check (tournaments_failed between 0 and tournaments_processed),
  constraint sync_execution_history_counters_are_not_negative check (
    tournaments_processed >= 0 and records_read >= 0 and records_inserted >= 0 and records_updated >= 0
    and records_unchanged >= 0 and records_removed >= 0 and records_rejected >= 0 and api_calls >= 0 and api_errors >= 0
    and api_retries >= 0 and api_bytes >= 0 and cache_hits >= 0 and cache_misses >= 0 and database_calls >= 0 and error_count >= 0
  )
);
comment on table public.sync_execution_history is 'One row a run; tournament_no is set for the run of a single tournament.';
comment on column public.sync_execution_history.status_reason is 'The reason of the status, for a person.';
comment on column public.sync_execution_history.correlation_id is
  'Connects the cron job, the request, the run, its incidents and its log lines.';
comment on column public.sync_execution_history.lease_expires_at is
  'A heartbeat renews the lease; the reaper closes a run whose lease has expired or whose deadline has passed.';
comment on column public.sync_execution_history.memory_usage_mb is 'Peak memory of the isolate in MiB: heap and external.';
comment on column public.sync_execution_history.database_connections_peak is
  'The most database calls of the run that were open at the same time.';
comment on column public.sync_execution_history.success_weight is
  'private.success_weight() of the run, stored because a call for each row of a day is slow.';
create index sync_execution_history_start_idx on public.sync_execution_history (execution_start);
create unique index sync_execution_history_one_live_run
  on public.sync_execution_history (entity_type, coalesce(tournament_no, '')) where status = 'RUNNING';
comment on index public.sync_execution_history_one_live_run is
  'An entity has at most one live full run, and at most one for a single tournament.';
create index sync_execution_history_uncommon_idx on public.sync_execution_history (status, execution_start desc, id desc)
  where status in ('PARTIAL', 'FAILED', 'TIMED_OUT', 'CANCELLED', 'SKIPPED');
comment on index public.sync_execution_history_uncommon_idx is
  'Lists filtered by a rare status; SUCCEEDED runs are so frequent that the index of the start time finds them.';
create index sync_execution_history_by_hand_idx on public.sync_execution_history (trigger, execution_start desc, id desc)
  where trigger in ('MANUAL', 'RETRY');
comment on index public.sync_execution_history_by_hand_idx is 'Lists filtered by a trigger other than CRON.';
create index sync_execution_history_tournament_idx on public.sync_execution_history (tournament_no, execution_start desc, id desc)
  where tournament_no is not null;
create index idx_sync_execution_history_entity_time on public.sync_execution_history (entity_type, execution_start) include (id);
select private.secure_table('public.sync_execution_history');

create table public.sync_tournament_results (
  id uuid primary key default private.uuid_v7(),
  sync_execution_id uuid not null references public.sync_execution_history (id) on delete cascade,
  tournament_no varchar not null references public.tournaments (no) on delete cascade,
  entity_type varchar not null,
  success boolean not null,
  records_processed integer,
  processing_duration interval,
  error_message text,
  error_type varchar,
  retry_attempt integer not null default 0,
  created_at timestamptz not null default now(),
  error_fingerprint varchar,
  constraint sync_tournament_results_one_a_run unique (sync_execution_id, tournament_no),
  constraint sync_tournament_results_error_iff_failed check (success = (error_type is null)),
  constraint sync_tournament_results_error_type_is_known
    check (error_type in ('NETWORK', 'AUTH', 'API', 'DATABASE', 'TIMEOUT', 'VALIDATION')),
  constraint sync_tournament_results_retries_are_not_negative check (retry_attempt >= 0)
);
comment on table public.sync_tournament_results is 'The result of one tournament in one run; retry_attempt counts its repeated requests.';
comment on column public.sync_tournament_results.error_fingerprint is 'The fingerprint of the error, as in sync_error_log.';
create index idx_sync_tournament_results_tournament_time on public.sync_tournament_results (tournament_no, created_at);
create index sync_tournament_results_failed_idx on public.sync_tournament_results (entity_type, created_at) where not success;
select private.secure_table('public.sync_tournament_results');

create table public.sync_error_log (
  id uuid primary key default gen_random_uuid(),
  sync_execution_id uuid references public.sync_execution_history (id) on delete set null,
  entity_type varchar not null,
  tournament_no varchar,
  error_type varchar not null,
  error_code varchar not null,
  error_severity varchar not null,
  retryable boolean not null,
  error_message text not null,
  error_context jsonb,
  recovery_suggestion text,
  fingerprint varchar not null,
  occurred_at timestamptz not null default now(),
  resolved_at timestamptz,
  resolution_notes text,
  constraint sync_error_log_type_is_known check (error_type in ('NETWORK', 'AUTH', 'API', 'DATABASE', 'TIMEOUT', 'VALIDATION')),
  constraint sync_error_log_severity_is_known check (error_severity in ('LOW', 'MEDIUM', 'HIGH', 'CRITICAL')),
  constraint sync_error_log_context_is_bounded check (pg_column_size(error_context) <= 16384),
  constraint sync_error_log_resolved_after_it_occurred check (resolved_at >= occurred_at)
);
comment on table public.sync_error_log is 'One row an error, classified; it stays when retention deletes its run.';
comment on column public.sync_error_log.error_context is
  'Stack, request and response excerpt; the service redacts it and limits it to 8 kB.';
comment on column public.sync_error_log.fingerprint is 'Groups errors that differ only in ids, numbers, dates, addresses and quoted parts.';
create index idx_sync_error_log_type_severity_time on public.sync_error_log (error_type, error_severity, occurred_at);
create index sync_error_log_execution_idx on public.sync_error_log (sync_execution_id);
create index sync_error_log_entity_time_idx on public.sync_error_log (entity_type, occurred_at);
create index sync_error_log_time_idx on public.sync_error_log (occurred_at, id);
create index sync_error_log_fingerprint_idx on public.sync_error_log (fingerprint, occurred_at, id);
create index sync_error_log_tournament_idx on public.sync_error_log (tournament_no, occurred_at, id);
-- For filters that match few rows; a filter that matches many rows finds them soon in the index of the time.
create index sync_error_log_resolved_idx on public.sync_error_log (occurred_at, id) where resolved_at is not null;
create index sync_error_log_critical_idx on public.sync_error_log (occurred_at, id) where error_severity = 'CRITICAL';
select private.secure_table('public.sync_error_log');

create table private.call_log (
  id uuid primary key default gen_random_uuid(),
  path text not null,
  body jsonb not null,
  net_request_id bigint,
  outcome text not null,
  called_at timestamptz not null default now(),
  constraint call_log_outcome_is_known check (outcome in ('SENT', 'NOT_CONFIGURED'))
);
comment on table private.call_log is
  'One row a call of an edge function by the database; the tables of pg_net are unlogged and pruned after hours.';
create index call_log_time_idx on private.call_log (called_at);
alter table private.call_log enable row level security;

create table public.sync_totals (
  entity_type varchar primary key references public.sync_status (entity_type) on update cascade on delete cascade,
  runs_succeeded bigint not null default 0,
  runs_partial bigint not null default 0,
  runs_failed bigint not null default 0,
  runs_timed_out bigint not null default 0,
  runs_cancelled bigint not null default 0,
  runs_skipped bigint not null default 0,
  duration_ms bigint not null default 0,
  duration_runs bigint not null default 0,
  duration_counts bigint[] not null default '{0,0,0,0,0,0,0,0,0}',
  records_processed bigint not null default 0,
  records_rejected bigint not null default 0,
  api_calls bigint not null default 0,
  api_errors bigint not null default 0,
  errors bigint not null default 0
);
comment on table public.sync_totals is 'What an entity''s runs add up to since the beginning; retention takes nothing from it.';
comment on column public.sync_totals.duration_counts is 'Counted runs that took at most 1, 5, 10, 30, 60, 120, 300, 600 s, and all; cumulative, as Prometheus has it.';
select private.secure_table('public.sync_totals');

create table public.sync_metrics_hourly (
  entity_type varchar not null references public.sync_status (entity_type) on update cascade on delete cascade,
  hour timestamptz not null,
  trigger varchar not null,
  is_full_run boolean not null,
  runs_succeeded integer not null default 0,
  runs_partial integer not null default 0,
  runs_failed integer not null default 0,
  runs_timed_out integer not null default 0,
  runs_cancelled integer not null default 0,
  runs_skipped integer not null default 0,
  runs_counted integer not null default 0,
  success_weight numeric not null default 0,
  duration_ms_total bigint not null default 0,
  duration_runs integer not null default 0,
  duration_histogram integer[] not null default '{}',
  records_read bigint not null default 0,
  records_processed bigint not null default 0,
  records_rejected bigint not null default 0,
  api_calls bigint not null default 0,
  api_errors bigint not null default 0,
  api_retries bigint not null default 0,
  api_bytes bigint not null default 0,
  api_response_ms_total bigint not null default 0,
  cache_hits bigint not null default 0,
  cache_misses bigint not null default 0,
  errors bigint not null default 0,
  memory_usage_mb_peak integer,
  primary key (entity_type, hour, trigger, is_full_run),
  constraint sync_metrics_hourly_hour_is_whole check (extract(epoch from hour)::bigint % 3600 = 0)
);
comment on table public.sync_metrics_hourly is 'A rollup by hour of start, written in the transaction that closes a run.';
comment on column public.sync_metrics_hourly.success_weight is 'Sum over counted runs of private.success_weight(); rate = success_weight / runs_counted.';
comment on column public.sync_metrics_hourly.duration_histogram is 'Runs by private.duration_bucket(); element-wise sums merge it.';
select private.secure_table('public.sync_metrics_hourly');

create table public.sync_metrics_daily (
  entity_type varchar not null references public.sync_status (entity_type) on update cascade on delete cascade,
  day timestamptz not null,
  trigger varchar not null,
  is_full_run boolean not null,
  runs_succeeded integer not null default 0,
  runs_partial integer not null default 0,
  runs_failed integer not null default 0,
  runs_timed_out integer not null default 0,
  runs_cancelled integer not null default 0,
  runs_skipped integer not null default 0,
  runs_counted integer not null default 0,
  success_weight numeric not null default 0,
  duration_ms_total bigint not null default 0,
  duration_runs integer not null default 0,
  duration_histogram integer[] not null default '{}',
  records_read bigint not null default 0,
  records_processed bigint not null default 0,
  records_rejected bigint not null default 0,
  api_calls bigint not null default 0,
  api_errors bigint not null default 0,
  api_retries bigint not null default 0,
  api_bytes bigint not null default 0,
  api_response_ms_total bigint not null default 0,
  cache_hits bigint not null default 0,
  cache_misses bigint not null default 0,
  errors bigint not null default 0,
  memory_usage_mb_peak integer,
  primary key (entity_type, day, trigger, is_full_run),
  constraint sync_metrics_daily_day_is_whole check (extract(epoch from day)::bigint % 86400 = 0)
);
comment on table public.sync_metrics_daily is 'The same by UTC day, so that a year is 365 rows and not 8,760.';
select private.secure_table('public.sync_metrics_daily');

create table public.sync_metrics_points (
  entity_type varchar references public.sync_status (entity_type) on update cascade on delete cascade,
  step interval not null,
  at timestamptz not null,
  runs bigint not null default 0,
  runs_by_schedule bigint not null default 0,
  runs_counted bigint not null default 0,
  success_weight numeric not null default 0,
  duration_ms_total bigint not null default 0,
  runs_upto integer[] not null default '{}',
  records_processed bigint not null default 0,
  api_calls bigint not null default 0,
  api_response_ms_total bigint not null default 0,
  cache_hits bigint not null default 0,
  cache_misses bigint not null default 0,
  errors bigint not null default 0,
  memory_usage_mb_peak integer,
  constraint sync_metrics_points_are_one_a_step unique nulls not distinct (entity_type, step, at),
  constraint sync_metrics_points_step_is_one_of_those_kept check (step in ('15 minutes', '1 hour', '2 hours', '1 day', '30 days'))
);
comment on table public.sync_metrics_points is
  'What began in a step of time: all runs'' counts, and of full runs (runs_by_schedule, runs_counted, weight and durations) what rates are made of.';
comment on column public.sync_metrics_points.entity_type is 'Null: all of them.';
comment on column public.sync_metrics_points.runs_upto is
  'By bucket of private.duration_bucket(), its subscript: the counted full runs that took at most as long; the last is all of them.';
create index sync_metrics_points_step_idx on public.sync_metrics_points (step, at);
select private.secure_table('public.sync_metrics_points');

create table public.sync_errors_hourly (
  hour timestamptz not null,
  entity_type varchar not null,
  fingerprint varchar not null,
  tournament_no varchar not null default '',
  error_type varchar not null,
  error_code varchar not null,
  error_severity varchar not null,
  error_message text not null,
  errors integer not null,
  first_seen timestamptz not null,
  last_seen timestamptz not null,
  resolved integer not null,
  last_resolved timestamptz,
  resolution_ms_total bigint not null,
  resolution_histogram integer[] not null,
  primary key (hour, entity_type, fingerprint, tournament_no, error_type, error_code, error_severity),
  constraint sync_errors_hourly_hour_is_whole check (extract(epoch from hour)::bigint % 3600 = 0),
  constraint sync_errors_hourly_resolved_are_errors check (resolved between 0 and errors and (resolved = 0) = (last_resolved is null))
);
comment on table public.sync_errors_hourly is 'Errors that retention took, by UTC hour and group; those still in sync_error_log are not in it.';
comment on column public.sync_errors_hourly.tournament_no is 'Empty for none.';
comment on column public.sync_errors_hourly.error_message is 'Of the latest of them.';
comment on column public.sync_errors_hourly.resolution_histogram is 'How long resolving took, by private.duration_bucket().';
select private.secure_table('public.sync_errors_hourly');

create table public.tournament_outcomes (
  tournament_no varchar primary key references public.tournaments (no) on delete cascade,
  outcomes varbit not null,
  last_result timestamptz not null,
  last_success timestamptz,
  last_error varchar,
  last_error_type varchar,
  constraint tournament_outcomes_are_fifty_at_most check (length(outcomes) between 1 and 50)
);
comment on table public.tournament_outcomes is
  'What the last fifty results of a tournament''s matches were; those that retention took from sync_tournament_results still count.';
comment on column public.tournament_outcomes.outcomes is 'A bit a result, newest first: 1 is a success. In the order they were recorded in.';
comment on column public.tournament_outcomes.last_error is 'Message of the newest failure, however old.';
select private.secure_table('public.tournament_outcomes');

create materialized view public.sync_health_summary as
select
  entity_type,
  count(*) as total_executions,
  count(*) filter (where success) as successful_executions,
  avg(extract(epoch from duration)) as avg_duration_seconds,
  max(execution_start) as last_execution
from public.sync_execution_history
where execution_start > now() - interval '24 hours'
group by entity_type;
comment on materialized view public.sync_health_summary is
  'Runs of the last 24 hours by entity, for SQL clients; refreshed every 5 minutes.';
create unique index sync_health_summary_entity on public.sync_health_summary (entity_type);
revoke all on public.sync_health_summary from public, anon, authenticated;
grant select on public.sync_health_summary to service_role;

select private.secure_functions('private.success_weight');
