-- Closing a run: what it writes is planned once a session, for the same reason as the reads.

create or replace function private.record_run_items(run public.sync_execution_history, p jsonb, as_of timestamptz) returns void
language plpgsql set search_path = '' set plan_cache_mode = force_generic_plan as $$
begin
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
end
$$;

create or replace function private.count_run(run public.sync_execution_history, as_of timestamptz) returns void
language plpgsql set search_path = '' set plan_cache_mode = force_generic_plan as $$
begin
  update public.sync_status s set
    success_count = s.success_count + (run.success is true)::integer,
    error_count = s.error_count + (run.success is false)::integer,
    records_processed_last = run.records_processed,
    records_processed_total = s.records_processed_total + run.records_processed,
    last_memory_usage = coalesce(run.memory_usage_mb, s.last_memory_usage),
    last_error = case when run.success is false then run.status_reason else s.last_error end,
    last_error_time = case when run.success is false then as_of else s.last_error_time end,
    -- A single tournament's run says nothing about the schedule: neither its success nor its failure may touch these.
    consecutive_failures = case
      when run.tournament_no is not null then s.consecutive_failures
      when run.status in ('FAILED', 'TIMED_OUT') then s.consecutive_failures + 1
      when run.status = 'SUCCEEDED' then 0
      else s.consecutive_failures
    end,
    last_sync = case
      when run.tournament_no is null and run.status = 'SUCCEEDED' then greatest(s.last_sync, run.execution_start) else s.last_sync
    end,
    last_duration = case when run.tournament_no is null then run.duration else s.last_duration end,
    average_duration = case
      when run.tournament_no is not null or run.status not in ('SUCCEEDED', 'PARTIAL') then s.average_duration
      else coalesce(s.average_duration * 0.8 + run.duration * 0.2, run.duration)
    end,
    updated_at = as_of
  where s.entity_type = run.entity_type;
end
$$;

create or replace function private.roll_up(run public.sync_execution_history) returns void
language plpgsql set search_path = '' set plan_cache_mode = force_generic_plan as $$
begin
  insert into public.sync_metrics_hourly as m (
    entity_type, hour, trigger, is_full_run, runs_succeeded, runs_partial, runs_failed, runs_timed_out, runs_cancelled, runs_skipped,
    runs_counted, success_weight, duration_ms_total, duration_runs, duration_histogram, records_read, records_processed,
    records_rejected, api_calls, api_errors, api_retries, api_bytes, api_response_ms_total, cache_hits, cache_misses, errors,
    memory_usage_mb_peak
  )
  select run.entity_type, date_trunc('hour', run.execution_start, 'UTC'), run.trigger, run.tournament_no is null,
    (run.status = 'SUCCEEDED')::integer, (run.status = 'PARTIAL')::integer, (run.status = 'FAILED')::integer,
    (run.status = 'TIMED_OUT')::integer, (run.status = 'CANCELLED')::integer, (run.status = 'SKIPPED')::integer,
    (w.weight is not null)::integer, coalesce(w.weight, 0),
    case when w.weight is null then 0 else round(extract(epoch from run.duration) * 1000) end, (w.weight is not null)::integer,
    case when w.weight is null then '{}' else
      array_fill(1, array[1], array[private.duration_bucket(run.duration)])
    end,
    run.records_read, run.records_processed, run.records_rejected, run.api_calls, run.api_errors, run.api_retries, run.api_bytes,
    run.api_response_ms_total, run.cache_hits, run.cache_misses, run.error_count, run.memory_usage_mb
  from (select private.success_weight(run.status, run.tournaments_failed, run.tournaments_processed) as weight) w
  on conflict (entity_type, hour, trigger, is_full_run) do update set
    runs_succeeded = m.runs_succeeded + excluded.runs_succeeded,
    runs_partial = m.runs_partial + excluded.runs_partial,
    runs_failed = m.runs_failed + excluded.runs_failed,
    runs_timed_out = m.runs_timed_out + excluded.runs_timed_out,
    runs_cancelled = m.runs_cancelled + excluded.runs_cancelled,
    runs_skipped = m.runs_skipped + excluded.runs_skipped,
    runs_counted = m.runs_counted + excluded.runs_counted,
    success_weight = m.success_weight + excluded.success_weight,
    duration_ms_total = m.duration_ms_total + excluded.duration_ms_total,
    duration_runs = m.duration_runs + excluded.duration_runs,
    duration_histogram = private.add_histograms(m.duration_histogram, excluded.duration_histogram),
    records_read = m.records_read + excluded.records_read,
    records_processed = m.records_processed + excluded.records_processed,
    records_rejected = m.records_rejected + excluded.records_rejected,
    api_calls = m.api_calls + excluded.api_calls,
    api_errors = m.api_errors + excluded.api_errors,
    api_retries = m.api_retries + excluded.api_retries,
    api_bytes = m.api_bytes + excluded.api_bytes,
    api_response_ms_total = m.api_response_ms_total + excluded.api_response_ms_total,
    cache_hits = m.cache_hits + excluded.cache_hits,
    cache_misses = m.cache_misses + excluded.cache_misses,
    errors = m.errors + excluded.errors,
    memory_usage_mb_peak = greatest(m.memory_usage_mb_peak, excluded.memory_usage_mb_peak);

  insert into public.sync_metrics_daily as m (
    entity_type, day, trigger, is_full_run, runs_succeeded, runs_partial, runs_failed, runs_timed_out, runs_cancelled, runs_skipped,
    runs_counted, success_weight, duration_ms_total, duration_runs, duration_histogram, records_read, records_processed,
    records_rejected, api_calls, api_errors, api_retries, api_bytes, api_response_ms_total, cache_hits, cache_misses, errors,
    memory_usage_mb_peak
  )
  select run.entity_type, date_trunc('day', run.execution_start, 'UTC'), run.trigger, run.tournament_no is null,
    (run.status = 'SUCCEEDED')::integer, (run.status = 'PARTIAL')::integer, (run.status = 'FAILED')::integer,
    (run.status = 'TIMED_OUT')::integer, (run.status = 'CANCELLED')::integer, (run.status = 'SKIPPED')::integer,
    (w.weight is not null)::integer, coalesce(w.weight, 0),
    case when w.weight is null then 0 else round(extract(epoch from run.duration) * 1000) end, (w.weight is not null)::integer,
    case when w.weight is null then '{}' else
      array_fill(1, array[1], array[private.duration_bucket(run.duration)])
    end,
    run.records_read, run.records_processed, run.records_rejected, run.api_calls, run.api_errors, run.api_retries, run.api_bytes,
    run.api_response_ms_total, run.cache_hits, run.cache_misses, run.error_count, run.memory_usage_mb
  from (select private.success_weight(run.status, run.tournaments_failed, run.tournaments_processed) as weight) w
  on conflict (entity_type, day, trigger, is_full_run) do update set
    runs_succeeded = m.runs_succeeded + excluded.runs_succeeded,
    runs_partial = m.runs_partial + excluded.runs_partial,
    runs_failed = m.runs_failed + excluded.runs_failed,
    runs_timed_out = m.runs_timed_out + excluded.runs_timed_out,
    runs_cancelled = m.runs_cancelled + excluded.runs_cancelled,
    runs_skipped = m.runs_skipped + excluded.runs_skipped,
    runs_counted = m.runs_counted + excluded.runs_counted,
    success_weight = m.success_weight + excluded.success_weight,
    duration_ms_total = m.duration_ms_total + excluded.duration_ms_total,
    duration_runs = m.duration_runs + excluded.duration_runs,
    duration_histogram = private.add_histograms(m.duration_histogram, excluded.duration_histogram),
    records_read = m.records_read + excluded.records_read,
    records_processed = m.records_processed + excluded.records_processed,
    records_rejected = m.records_rejected + excluded.records_rejected,
    api_calls = m.api_calls + excluded.api_calls,
    api_errors = m.api_errors + excluded.api_errors,
    api_retries = m.api_retries + excluded.api_retries,
    api_bytes = m.api_bytes + excluded.api_bytes,
    api_response_ms_total = m.api_response_ms_total + excluded.api_response_ms_total,
    cache_hits = m.cache_hits + excluded.cache_hits,
    cache_misses = m.cache_misses + excluded.cache_misses,
    errors = m.errors + excluded.errors,
    memory_usage_mb_peak = greatest(m.memory_usage_mb_peak, excluded.memory_usage_mb_peak);

  insert into public.sync_totals as t (entity_type, runs_succeeded, runs_partial, runs_failed, runs_timed_out, runs_cancelled, runs_skipped,
    duration_ms, duration_runs, duration_counts, records_processed, records_rejected, api_calls, api_errors, errors)
  select run.entity_type, (run.status = 'SUCCEEDED')::integer, (run.status = 'PARTIAL')::integer, (run.status = 'FAILED')::integer,
    (run.status = 'TIMED_OUT')::integer, (run.status = 'CANCELLED')::integer, (run.status = 'SKIPPED')::integer,
    case when run.success_weight is null then 0 else round(extract(epoch from run.duration) * 1000) end, (run.success_weight is not null)::integer,
    private.duration_counts(case when run.success_weight is not null then run.duration end),
    run.records_processed, run.records_rejected, run.api_calls, run.api_errors, run.error_count
  on conflict (entity_type) do update set
    runs_succeeded = t.runs_succeeded + excluded.runs_succeeded,
    runs_partial = t.runs_partial + excluded.runs_partial,
    runs_failed = t.runs_failed + excluded.runs_failed,
    runs_timed_out = t.runs_timed_out + excluded.runs_timed_out,
    runs_cancelled = t.runs_cancelled + excluded.runs_cancelled,
    runs_skipped = t.runs_skipped + excluded.runs_skipped,
    duration_ms = t.duration_ms + excluded.duration_ms,
    duration_runs = t.duration_runs + excluded.duration_runs,
    duration_counts = private.add_counts(t.duration_counts, excluded.duration_counts),
    records_processed = t.records_processed + excluded.records_processed,
    records_rejected = t.records_rejected + excluded.records_rejected,
    api_calls = t.api_calls + excluded.api_calls,
    api_errors = t.api_errors + excluded.api_errors,
    errors = t.errors + excluded.errors;
end
$$;

create or replace function public.schema_version() returns integer
language sql immutable set search_path = ''
return 32;
