-- The monitoring tables: one row a run, a tournament in a run, an error, an hour; the rules' and the trigger audit's first shape.

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
comment on table public.sync_execution_history is 'One row a run of a sync; tournament_no is set when the run was for one tournament alone.';
comment on column public.sync_execution_history.status_reason is 'Why the run has its status, in words.';
comment on column public.sync_execution_history.correlation_id is 'One id from the cron tick through request, run and log line.';
comment on column public.sync_execution_history.lease_expires_at is 'Moved on by each heartbeat; past it, or past the deadline, the reaper closes the run.';
comment on column public.sync_execution_history.memory_usage_mb is 'Peak MiB of the isolate: heap plus external.';
comment on column public.sync_execution_history.database_connections_peak is 'Most database calls of the run that were open at once.';

create index idx_sync_execution_history_entity_time on public.sync_execution_history (entity_type, execution_start);
create index sync_execution_history_start_idx on public.sync_execution_history (execution_start);
create unique index sync_execution_history_one_live_run
  on public.sync_execution_history (entity_type, coalesce(tournament_no, '')) where status = 'RUNNING';
comment on index public.sync_execution_history_one_live_run is 'Two live runs of one entity and scope cannot be written.';

create table public.sync_tournament_results (
  id uuid primary key default gen_random_uuid(),
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
  constraint sync_tournament_results_one_a_run unique (sync_execution_id, tournament_no),
  constraint sync_tournament_results_error_iff_failed check (success = (error_type is null)),
  constraint sync_tournament_results_error_type_is_known
    check (error_type in ('NETWORK', 'AUTH', 'API', 'DATABASE', 'TIMEOUT', 'VALIDATION')),
  constraint sync_tournament_results_retries_are_not_negative check (retry_attempt >= 0)
);
comment on table public.sync_tournament_results is 'The outcome for one tournament inside one run; retry_attempt counts repeated upstream calls.';
create index idx_sync_tournament_results_tournament_time on public.sync_tournament_results (tournament_no, created_at);

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
comment on table public.sync_error_log is 'Classified errors. It outlives its run: open errors are kept for a year.';
comment on column public.sync_error_log.fingerprint is 'Equal for errors that differ only in ids and numbers.';
comment on column public.sync_error_log.error_context is 'Stack, request and response excerpt; redacted, at most 8 kB as written by the service.';
create index idx_sync_error_log_type_severity_time on public.sync_error_log (error_type, error_severity, occurred_at);
create index sync_error_log_execution_idx on public.sync_error_log (sync_execution_id);
create index sync_error_log_entity_time_idx on public.sync_error_log (entity_type, occurred_at);
create index sync_error_log_time_idx on public.sync_error_log (occurred_at);

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
  constraint alert_rules_severity_is_known check (severity in ('LOW', 'MEDIUM', 'HIGH', 'CRITICAL')),
  constraint alert_rules_window_is_positive check (evaluation_window > interval '0'),
  constraint alert_rules_channels_are_a_list check (jsonb_typeof(notification_channels) = 'array')
);
comment on table public.alert_rules is 'What is watched for; threshold is in the unit of the metric.';

create table public.manual_sync_audit (
  id uuid primary key default gen_random_uuid(),
  sync_job_id uuid not null,
  entity_type varchar not null,
  tournament_no varchar,
  priority varchar not null,
  triggered_by varchar not null,
  trigger_reason text not null,
  trigger_timestamp timestamptz not null default now(),
  completion_timestamp timestamptz,
  final_status varchar,
  records_processed integer,
  error_details jsonb,
  constraint manual_sync_audit_priority_is_known check (priority in ('NORMAL', 'HIGH', 'EMERGENCY')),
  constraint manual_sync_audit_finished_iff_terminal check ((completion_timestamp is null) = (final_status is null))
);
comment on table public.manual_sync_audit is 'One row a manual trigger: who, what, why, and how it ended.';
create index manual_sync_audit_job_idx on public.manual_sync_audit (sync_job_id);

do $$
declare
  monitored text;
begin
  foreach monitored in array array[
    'sync_execution_history', 'sync_tournament_results', 'sync_error_log', 'sync_metrics_hourly', 'alert_rules', 'manual_sync_audit'
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
      'create policy %I on public.%I for all to service_role using (true) with check (true)',
      case monitored when 'manual_sync_audit' then 'Allow admin manual sync' else 'Allow service monitoring access' end,
      monitored
    );
  end loop;
end
$$;
