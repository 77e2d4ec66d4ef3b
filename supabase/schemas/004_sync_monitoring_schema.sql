-- The monitoring tables: runs, their results by tournament, errors, calls of edge functions, the rollup of runs, and objectives
-- with the rollup of their events.
-- Over 300 lines, because each table is followed by its comments, indexes and grants.

create function private.success_weight(status text, tournaments_failed integer, tournaments_processed integer) returns numeric
language sql immutable set search_path = '' as $$
  select case status
    when 'SUCCEEDED' then 1
    when 'PARTIAL' then 1 - coalesce(tournaments_failed::numeric / nullif(tournaments_processed, 0), 0)
    when 'FAILED' then 0
    when 'TIMED_OUT' then 0
  end;
$$;
comment on function private.success_weight is
  'The weight (0 to 1) of a run in a success rate; null for RUNNING, CANCELLED and SKIPPED runs, which a rate does not count.';

create table public.sync_execution_history (
  id uuid primary key default gen_random_uuid(),
  entity_type varchar not null references public.sync_status (entity_type) on update cascade on delete restrict,
  tournament_no varchar,
  status varchar not null default 'RUNNING',
  status_reason text,
  trigger varchar not null,
  sync_job_id uuid,
  correlation_id varchar,
  due_at timestamptz,
  attempt integer,
  was_cut boolean not null default false,
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
  api_bytes_saved bigint not null default 0,
  api_full_reads integer not null default 0,
  api_xml_replies integer not null default 0,
  api_unchanged_replies integer not null default 0,
  api_fallbacks integer not null default 0,
  api_response_ms_total bigint not null default 0,
  api_response_ms_max integer,
  cache_hits integer not null default 0,
  cache_misses integer not null default 0,
  memory_usage_mb integer,
  database_calls integer not null default 0,
  database_connections_peak integer,
  cpu_ms integer,
  left_out jsonb not null default '[]',
  error_count integer not null default 0,
  error_details jsonb,
  created_at timestamptz not null default now(),
  success_weight numeric
    generated always as (private.success_weight(status, tournaments_failed, tournaments_processed)) stored,
  constraint sync_execution_history_status_is_known
    check (status in ('RUNNING', 'SUCCEEDED', 'PARTIAL', 'FAILED', 'TIMED_OUT', 'CANCELLED', 'SKIPPED')),
  constraint sync_execution_history_trigger_is_known check (trigger in ('CRON', 'MANUAL', 'RETRY')),
  constraint sync_execution_history_due_time_has_an_attempt check ((due_at is null) = (attempt is null) and attempt > 0),
  constraint sync_execution_history_due_is_a_full_run check (due_at is null or tournament_no is null),
  constraint sync_execution_history_cut_is_partial check (not was_cut or status = 'PARTIAL'),
  constraint sync_execution_history_finished_iff_terminal check ((status = 'RUNNING') = (execution_end is null)),
  constraint sync_execution_history_end_not_before_start check (execution_end >= execution_start),
  constraint sync_execution_history_running_has_a_lease
    check (status <> 'RUNNING' or (heartbeat_at is not null and lease_expires_at is not null and deadline is not null)),
  constraint sync_execution_history_failed_share_is_a_share check (tournaments_failed between 0 and tournaments_processed),
  constraint sync_execution_history_counters_are_not_negative check (
    tournaments_processed >= 0 and records_read >= 0 and records_inserted >= 0 and records_updated >= 0
    and records_unchanged >= 0 and records_removed >= 0 and records_rejected >= 0 and api_calls >= 0 and api_errors >= 0
    and api_retries >= 0 and api_bytes >= 0 and api_bytes_saved >= 0 and api_full_reads >= 0 and api_xml_replies >= 0
    and api_unchanged_replies >= 0 and api_fallbacks >= 0 and cache_hits >= 0
    and cache_misses >= 0 and database_calls >= 0 and cpu_ms >= 0 and error_count >= 0
  ),
  constraint sync_execution_history_left_out_is_a_bounded_list
    check (jsonb_typeof(left_out) = 'array' and pg_column_size(left_out) <= 8192)
);
comment on table public.sync_execution_history is 'One row per run; tournament_no is null for a full run, * for several tournaments.';
comment on column public.sync_execution_history.status_reason is 'The reason of the status, for a person.';
comment on column public.sync_execution_history.correlation_id is 'Connects the cron job, the request, the run and its log lines.';
comment on column public.sync_execution_history.due_at is
  'The due time of a scheduled run; attempt is the number of the call that started the run. Both are null for other runs.';
comment on column public.sync_execution_history.was_cut is
  'Whether the run ended at its budget, so that one run of the remaining tournaments follows.';
comment on column public.sync_execution_history.lease_expires_at is
  'A heartbeat renews the lease; the reaper closes a run whose lease expired.';
comment on column public.sync_execution_history.memory_usage_mb is 'Peak memory of the isolate in MiB: heap and external.';
comment on column public.sync_execution_history.database_connections_peak is 'The most database calls that were open at once.';
comment on column public.sync_execution_history.cpu_ms is 'Estimated CPU of the worker during the run.';
comment on column public.sync_execution_history.left_out is
  'The tournaments that the run did not sync: for each {reason} their {count} and the {nos} of the first 20.';
comment on column public.sync_execution_history.api_bytes_saved is
  'Bytes of full replies that VIS did not send, because a tournament was fresh, or its reply was unchanged or had changes only.';
comment on column public.sync_execution_history.api_full_reads is
  'Requests for a full reply of a tournament with a known version: VIS ignored the version, or the last full read was too long ago.';
comment on column public.sync_execution_history.api_xml_replies is 'Requests for JSON that VIS answered in XML.';
comment on column public.sync_execution_history.api_unchanged_replies is 'Requests that VIS answered with NoChanges or 204.';
comment on column public.sync_execution_history.api_fallbacks is
  'Requests that were a forced full read or a retry, or that VIS answered in XML; a request of several kinds counts once.';
comment on column public.sync_execution_history.success_weight is
  'The weight of the run in a success rate; stored, because computing it for every run of a day is slow.';
create index sync_execution_history_start_idx on public.sync_execution_history (execution_start);
create unique index sync_execution_history_one_live_run
  on public.sync_execution_history (entity_type, coalesce(tournament_no, '')) where status = 'RUNNING';
comment on index public.sync_execution_history_one_live_run is 'An entity has at most one live run of each target.';
create unique index sync_execution_history_one_run_per_call on public.sync_execution_history (entity_type, due_at, attempt);
comment on index public.sync_execution_history_one_run_per_call is 'A scheduled call that arrives twice starts one run.';
-- These two indexes serve lists that filter by a rare status or trigger; other lists use the index of the start time.
create index sync_execution_history_uncommon_idx on public.sync_execution_history (status, execution_start desc, id desc)
  where status in ('PARTIAL', 'FAILED', 'TIMED_OUT', 'CANCELLED', 'SKIPPED');
create index sync_execution_history_by_hand_idx on public.sync_execution_history (trigger, execution_start desc, id desc)
  where trigger in ('MANUAL', 'RETRY');
create index sync_execution_history_tournament_idx on public.sync_execution_history (tournament_no, execution_start desc, id desc)
  where tournament_no is not null;
create index idx_sync_execution_history_entity_time on public.sync_execution_history (entity_type, execution_start) include (id);
select private.secure_table('public.sync_execution_history');

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
  started_at timestamptz,
  reply_bytes integer,
  created_at timestamptz not null default now(),
  error_fingerprint varchar,
  warning_code varchar,
  attempts jsonb not null default '[]',
  ttl interval,
  constraint sync_tournament_results_one_a_run unique (sync_execution_id, tournament_no),
  constraint sync_tournament_results_error_iff_failed check (success = (error_type is null)),
  constraint sync_tournament_results_error_type_is_known
    check (error_type in ('NETWORK', 'AUTH', 'API', 'DATABASE', 'TIMEOUT', 'VALIDATION')),
  constraint sync_tournament_results_warning_is_of_a_success check (warning_code is null or success),
  constraint sync_tournament_results_retries_are_not_negative check (retry_attempt >= 0),
  constraint sync_tournament_results_attempts_is_a_bounded_list
    check (jsonb_typeof(attempts) = 'array' and pg_column_size(attempts) < 4096),
  constraint sync_tournament_results_recorded_after_it_started check (started_at <= created_at),
  constraint sync_tournament_results_reply_is_not_negative check (reply_bytes >= 0)
);
comment on table public.sync_tournament_results is 'The result of one tournament in one run; retry_attempt counts retried requests.';
comment on column public.sync_tournament_results.warning_code is
  'The reason why the reply of a success was held back for a second look, such as REPLY_SHRANK; null when the reply was written.';
comment on column public.sync_tournament_results.started_at is
  'The time at which the work on the tournament began; never before the start of the run.';
comment on column public.sync_tournament_results.reply_bytes is
  'Bytes of the reply of the tournament; null for a failure and for a row of the list of a season.';
comment on column public.sync_tournament_results.attempts is
  'The requests of a tournament with a retry: from_ms since started_at, and ms of the response; empty without a retry.';
comment on column public.sync_tournament_results.ttl is
  'The time for which the matches that the run read stay fresh; null for a failure, and for a sync that reads no matches.';
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
comment on table public.sync_error_log is 'One row per classified error; the row stays when retention deletes its run.';
comment on column public.sync_error_log.error_context is 'Stack and excerpts of request and response; redacted, at most 8 kB.';
comment on column public.sync_error_log.fingerprint is 'Groups errors that differ only in ids, numbers, dates, addresses and quoted parts.';
create index idx_sync_error_log_type_severity_time on public.sync_error_log (error_type, error_severity, occurred_at);
create index sync_error_log_execution_idx on public.sync_error_log (sync_execution_id);
create index sync_error_log_entity_time_idx on public.sync_error_log (entity_type, occurred_at);
create index sync_error_log_time_idx on public.sync_error_log (occurred_at, id);
create index sync_error_log_fingerprint_idx on public.sync_error_log (fingerprint, occurred_at, id);
create index sync_error_log_tournament_idx on public.sync_error_log (tournament_no, occurred_at, id);
-- These two indexes serve filters that match few rows; for other filters, a scan of the time index soon finds a page of rows.
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
comment on table private.call_log is 'One row per call of an edge function by the database; pg_net deletes its own rows after hours.';
create index call_log_time_idx on private.call_log (called_at);
alter table private.call_log enable row level security;

create function private.duration_bucket(duration interval) returns integer
language plpgsql immutable set search_path = '' as $$
begin
  return ceil(ln(greatest(date_part('epoch', duration) * 1000, 1)) / ln(1.1::double precision));
end
$$;
comment on function private.duration_bucket is 'The histogram bucket of a duration: more than 1.1^(b-1) and at most 1.1^b ms for bucket b.';

create function private.bucket_ms(bucket integer) returns double precision
language plpgsql immutable set search_path = '' as $$
begin
  return power(1.1::double precision, bucket) * 2 / 2.1;
end
$$;
comment on function private.bucket_ms(integer) is
  'The duration in ms that represents a histogram bucket: the harmonic mean of its edges, which errs by at most 4.8 % (0.1 / 2.1).';

create function private.histogram_percentile(histogram integer[], share numeric) returns double precision
language plpgsql immutable set search_path = '' as $$
declare
  needed constant bigint := ceil(share * (select sum(n) from unnest(histogram) n));
  reached bigint := 0;
begin
  for bucket in coalesce(array_lower(histogram, 1), 1) .. coalesce(array_upper(histogram, 1), 0) loop
    reached := reached + coalesce(histogram[bucket], 0);
    if reached >= needed then
      return private.bucket_ms(bucket);
    end if;
  end loop;
  return null;
end
$$;
comment on function private.histogram_percentile is
  'The percentile of the durations in a histogram, in ms and within 4.8 %; share 0.95 is p95. Null for an empty histogram.';

create function private.add_histograms(a integer[], b integer[]) returns integer[]
language plpgsql immutable set search_path = '' as $$
begin
  for bucket in coalesce(array_lower(b, 1), 1) .. coalesce(array_upper(b, 1), 0) loop
    if b[bucket] > 0 then
      a[bucket] := coalesce(a[bucket], 0) + b[bucket];
    end if;
  end loop;
  return a;
end
$$;
comment on function private.add_histograms is 'The sum of two histograms: the subscript is the bucket, and an empty bucket is null.';

create function private.histogram(buckets integer[], runs bigint[]) returns integer[]
language plpgsql immutable set search_path = '' as $$
declare
  histogram integer[] := array[]::integer[];
begin
  for i in 1 .. coalesce(cardinality(buckets), 0) loop
    if buckets[i] is not null then
      histogram[buckets[i]] := coalesce(histogram[buckets[i]], 0) + runs[i];
    end if;
  end loop;
  return histogram;
end
$$;
comment on function private.histogram(integer[], bigint[]) is
  'The histogram of pairs of a bucket and a number of runs; a bucket may occur several times, and a null bucket counts nowhere.';

create table public.sync_metrics (
  entity_type varchar not null references public.sync_status (entity_type) on update cascade on delete cascade,
  resolution interval not null,
  bucket timestamptz not null,
  runs_succeeded integer not null default 0,
  runs_partial integer not null default 0,
  runs_failed integer not null default 0,
  runs_timed_out integer not null default 0,
  runs_cancelled integer not null default 0,
  runs_skipped integer not null default 0,
  runs_cron integer not null default 0,
  runs_manual integer not null default 0,
  runs_retry integer not null default 0,
  run_ms_total bigint not null default 0,
  records_read bigint not null default 0,
  records_processed bigint not null default 0,
  records_rejected bigint not null default 0,
  api_calls bigint not null default 0,
  api_errors bigint not null default 0,
  api_retries bigint not null default 0,
  api_bytes bigint not null default 0,
  api_bytes_saved bigint not null default 0,
  api_full_reads bigint not null default 0,
  api_xml_replies bigint not null default 0,
  api_unchanged_replies bigint not null default 0,
  api_fallbacks bigint not null default 0,
  api_response_ms_total bigint not null default 0,
  cache_hits bigint not null default 0,
  cache_misses bigint not null default 0,
  database_calls bigint not null default 0,
  errors bigint not null default 0,
  memory_usage_mb_peak integer,
  counted_runs integer not null default 0,
  success_weight numeric not null default 0,
  duration_ms_total bigint not null default 0,
  durations integer[] not null default '{}',
  p50_ms double precision generated always as (private.histogram_percentile(durations, 0.5)) stored,
  p95_ms double precision generated always as (private.histogram_percentile(durations, 0.95)) stored,
  p99_ms double precision generated always as (private.histogram_percentile(durations, 0.99)) stored,
  primary key (entity_type, resolution, bucket),
  constraint sync_metrics_resolution_is_known check (resolution in ('15 minutes', '1 hour', '1 day')),
  constraint sync_metrics_bucket_is_aligned check (bucket = date_bin(resolution, bucket, '2000-01-01 00:00:00+00')),
  constraint sync_metrics_each_run_has_a_status_and_a_trigger check (
    runs_succeeded + runs_partial + runs_failed + runs_timed_out + runs_cancelled + runs_skipped = runs_cron + runs_manual + runs_retry
  ),
  constraint sync_metrics_counted_runs_are_not_negative check (counted_runs >= 0)
);
comment on table public.sync_metrics is
  'Rollup of finished runs by entity, resolution and bucket of their start; counted_runs and later columns count full runs only.';
comment on column public.sync_metrics.run_ms_total is 'Total duration in ms of runs with a success weight; the divisor of throughput.';
comment on column public.sync_metrics.counted_runs is 'Full runs with a success weight; rates and durations count these runs.';
comment on column public.sync_metrics.success_weight is 'Sum over counted runs; their success rate is success_weight / counted_runs.';
comment on column public.sync_metrics.durations is 'Duration histogram of counted runs; the subscript is private.duration_bucket().';
comment on column public.sync_metrics.p50_ms is 'p50_ms, p95_ms and p99_ms err by at most 4.8 %; they are null without a counted run.';
select private.secure_table('public.sync_metrics');

create view private.run_metrics with (security_invoker = true) as
select
  h.entity_type,
  null::interval as resolution,
  h.execution_start as bucket,
  (h.status = 'SUCCEEDED')::integer as runs_succeeded,
  (h.status = 'PARTIAL')::integer as runs_partial,
  (h.status = 'FAILED')::integer as runs_failed,
  (h.status = 'TIMED_OUT')::integer as runs_timed_out,
  (h.status = 'CANCELLED')::integer as runs_cancelled,
  (h.status = 'SKIPPED')::integer as runs_skipped,
  (h.trigger = 'CRON')::integer as runs_cron,
  (h.trigger = 'MANUAL')::integer as runs_manual,
  (h.trigger = 'RETRY')::integer as runs_retry,
  case when h.success_weight is not null then round(extract(epoch from h.duration) * 1000)::bigint else 0 end as run_ms_total,
  h.records_read::bigint, h.records_processed::bigint, h.records_rejected::bigint,
  h.api_calls::bigint, h.api_errors::bigint, h.api_retries::bigint, h.api_bytes, h.api_bytes_saved, h.api_full_reads::bigint,
  h.api_xml_replies::bigint, h.api_unchanged_replies::bigint, h.api_fallbacks::bigint, h.api_response_ms_total,
  h.cache_hits::bigint, h.cache_misses::bigint, h.database_calls::bigint, h.error_count::bigint as errors,
  h.memory_usage_mb as memory_usage_mb_peak,
  c.is_counted::integer as counted_runs,
  case when c.is_counted then h.success_weight else 0 end as success_weight,
  case when c.is_counted then round(extract(epoch from h.duration) * 1000)::bigint else 0 end as duration_ms_total,
  case when c.is_counted then array_fill(1, array[1], array[private.duration_bucket(h.duration)]) else '{}' end as durations,
  null::double precision as p50_ms, null::double precision as p95_ms, null::double precision as p99_ms,
  h.id as execution_id
from public.sync_execution_history h
cross join lateral (select h.tournament_no is null and h.success_weight is not null as is_counted) c
where h.status <> 'RUNNING';
comment on view private.run_metrics is 'One row per finished run: the columns of sync_metrics in their order, and the id of the run.';
grant select on private.run_metrics to service_role;

create table public.sync_objectives (
  id uuid primary key default gen_random_uuid(),
  name varchar not null unique,
  description text not null default '',
  entity_type varchar not null,
  indicator varchar not null,
  target numeric not null,
  rolling_window interval not null default '28 days',
  owner varchar not null default '',
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint sync_objectives_indicator_is_known
    check (indicator in ('sync_success', 'timeliness', 'freshness', 'detection', 'delivery')),
  constraint sync_objectives_target_leaves_a_budget check (target between 0.5 and 0.9999),
  constraint sync_objectives_window_is_known check (rolling_window in ('7 days', '28 days', '90 days')),
  constraint sync_objectives_has_a_name check (length(name) between 1 and 100),
  constraint sync_objectives_entity_type_is_not_system check (entity_type <> 'system')
);
comment on table public.sync_objectives is
  'One row per objective: the target share of good events of an indicator in a rolling window. The other events are the error budget.';
comment on column public.sync_objectives.entity_type is 'An entity type, or all for every event of the indicator.';
comment on column public.sync_objectives.indicator is
  'The kind of event: a result of a tournament, a due time, a minute of a tournament on its days, a failure, or a notification.';
comment on column public.sync_objectives.owner is 'The person or team that is responsible for the objective; empty when none is named.';
select private.secure_table('public.sync_objectives');

insert into public.sync_objectives (name, description, entity_type, indicator, target) values
  ('Tournament results', 'Results of tournaments that succeeded.', 'all', 'sync_success', 0.99),
  ('Match runs on time', 'Due times of the match schedule whose run started within 15 minutes.', 'matches_schedule', 'timeliness', 0.99),
  ('Match data fresh', 'Minutes of tournaments that play in which their matches are no older than interval and grace.',
    'matches_schedule', 'freshness', 0.99),
  ('Failures noticed', 'Failures that the alert processor evaluated within 5 minutes.', 'all', 'detection', 0.99),
  ('Notifications delivered', 'Notifications that were delivered within 5 minutes.', 'all', 'delivery', 0.99);

create table public.sync_indicators (
  indicator varchar not null,
  entity_type varchar not null,
  bucket timestamptz not null,
  events integer not null,
  bad_events integer not null,
  causes jsonb not null default '{}',
  primary key (indicator, entity_type, bucket),
  constraint sync_indicators_indicator_is_known
    check (indicator in ('sync_success', 'timeliness', 'freshness', 'detection', 'delivery')),
  constraint sync_indicators_bucket_is_an_hour check (bucket = date_bin('1 hour', bucket, '2000-01-01 00:00:00+00')),
  constraint sync_indicators_bad_are_some_of_the_events check (bad_events between 0 and events),
  constraint sync_indicators_causes_is_an_object check (jsonb_typeof(causes) = 'object')
);
comment on table public.sync_indicators is
  'Rollup of the events of each indicator by entity and hour, so that a window can be longer than the retention of the rows.';
comment on column public.sync_indicators.causes is
  'The number of bad events by cause: the fingerprint of a failure, or the channel of a delivery; the key is empty without a known cause.';
create index sync_indicators_time_idx on public.sync_indicators (bucket);
select private.secure_table('public.sync_indicators');

create table private.indicator_rollup (
  id boolean primary key default true,
  rolled_until timestamptz,
  constraint indicator_rollup_is_one_row check (id)
);
comment on table private.indicator_rollup is
  'One row with the time before which all events are in sync_indicators; null before the first rollup.';
alter table private.indicator_rollup enable row level security;
grant select, update on private.indicator_rollup to service_role;
insert into private.indicator_rollup default values;

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
comment on materialized view public.sync_health_summary is 'Runs of the last 24 hours by entity, for SQL clients; 5 minutes old at most.';
create unique index sync_health_summary_entity on public.sync_health_summary (entity_type);
revoke all on public.sync_health_summary from public, anon, authenticated, service_role;
grant select on public.sync_health_summary to service_role;
