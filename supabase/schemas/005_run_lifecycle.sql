-- Runs: start, heartbeat, finish, close, reap and roll up.
-- Over 300 lines, because every change of the status of a run is in this file.

create function private.call_function(path text, body jsonb default '{}') returns uuid
language plpgsql security definer set search_path = '' as $$
declare
  call_id uuid := gen_random_uuid();
  base text;
  api_key text;
  request_id bigint;
begin
  select decrypted_secret into base from vault.decrypted_secrets where name = 'project_url';
  select decrypted_secret into api_key from vault.decrypted_secrets where name = 'secret_key';
  body := body || jsonb_build_object('correlation_id', call_id);
  if base is not null and api_key is not null then
    request_id := net.http_post(
      url := base || '/functions/v1/' || path,
      body := body,
      headers := jsonb_build_object('Content-Type', 'application/json', 'apikey', api_key, 'x-correlation-id', call_id::text)
    );
  end if;
  insert into private.call_log (id, path, body, net_request_id, outcome)
  values (call_id, path, body, request_id, case when request_id is null then 'NOT_CONFIGURED' else 'SENT' end);
  return call_id;
end
$$;
comment on function private.call_function is
  'Posts a body to an edge function with the URL and the key from Vault, logs the call and returns its correlation id. '
  'Security definer, because the caller has no access to Vault.';

create function private.record_run_items(run public.sync_execution_history, p jsonb, as_of timestamptz) returns void
language plpgsql set search_path = '' as $$
begin
  -- A worker sends results again after a lost response: the conflict clause ignores them. A person can delete a tournament during the
  -- run: the join ignores its result.
  with recorded as (
    insert into public.sync_tournament_results
      (sync_execution_id, tournament_no, entity_type, success, records_processed, processing_duration, error_message, error_type,
       error_fingerprint, warning_code, retry_attempt, attempts, reply_bytes, started_at, ttl, created_at)
    select run.id, r.tournament_no, run.entity_type, r.error_type is null, r.records_processed,
      make_interval(secs => r.duration_ms / 1000.0), r.error_message, r.error_type, r.error_fingerprint, r.warning_code,
      coalesce(r.retry_attempt, 0), coalesce(r.attempts, '[]'), r.reply_bytes,
      -- The worker measured the offset, and its clock can run faster than the clock of the database.
      case when r.started_ms >= 0 then least(run.execution_start + make_interval(secs => r.started_ms / 1000.0), as_of) end,
      (select s.ttl from public.tournament_sync_state s join public.sync_status e on e.entity_type = run.entity_type
      where s.tournament_no = r.tournament_no and e.leases_tournaments and r.error_type is null), as_of
    from jsonb_to_recordset(coalesce(p -> 'results', '[]')) as r (
      tournament_no text, records_processed integer, duration_ms numeric, error_message text, error_type text, error_fingerprint text,
      warning_code text, retry_attempt integer, attempts jsonb, reply_bytes integer, started_ms numeric
    )
    join public.tournaments t on t.no = r.tournament_no
    on conflict (sync_execution_id, tournament_no) do nothing
    returning *
  )
  insert into public.tournament_sync_state as s
    (tournament_no, last_result_at, last_success_at, failing_streak, last_error, last_error_type, average_duration)
  select r.tournament_no, r.created_at, case when r.success then r.created_at end, (not r.success)::integer, r.error_message, r.error_type,
    case when r.success and e.leases_tournaments then r.processing_duration end
  from recorded r join public.sync_status e using (entity_type)
  -- The order prevents a deadlock between two runs that report at the same time.
  order by r.tournament_no
  on conflict (tournament_no) do update set
    last_result_at = excluded.last_result_at,
    last_success_at = coalesce(excluded.last_success_at, s.last_success_at),
    failing_streak = case when excluded.failing_streak = 0 then 0 else s.failing_streak + 1 end,
    last_error = case when excluded.last_error_type is null then s.last_error else excluded.last_error end,
    last_error_type = coalesce(excluded.last_error_type, s.last_error_type),
    average_duration = coalesce(s.average_duration * 0.8 + excluded.average_duration * 0.2, excluded.average_duration, s.average_duration);

  insert into public.sync_error_log
  select e.*
  from jsonb_array_elements(p -> 'errors') sent cross join lateral jsonb_populate_record(null::public.sync_error_log,
    sent || jsonb_build_object('sync_execution_id', run.id, 'entity_type', run.entity_type,
      'occurred_at', least((sent ->> 'occurred_at')::timestamptz, as_of))) e
  on conflict (id) do nothing;
end
$$;
comment on function private.record_run_items is
  'Inserts the {results, errors} of a run, updates the state of its tournaments, and ignores items that are already recorded.';

create function private.save_progress(p jsonb, as_of timestamptz) returns public.sync_execution_history
language plpgsql set search_path = '' as $$
declare
  run public.sync_execution_history;
begin
  select * into run from public.sync_execution_history where id = (p ->> 'execution_id')::uuid and status = 'RUNNING' for no key update;
  if not found then
    return null;
  end if;
  -- A counter that the worker does not send keeps its value.
  update public.sync_execution_history h set
    heartbeat_at = as_of,
    lease_expires_at = as_of + interval '60 seconds',
    memory_usage_mb = greatest(c.memory_usage_mb, h.memory_usage_mb),
    database_connections_peak = greatest(c.database_connections_peak, h.database_connections_peak),
    (current_stage, tournaments_total, tournaments_processed, tournaments_failed, records_read, records_inserted, records_updated,
     records_unchanged, records_removed, records_rejected, api_calls, api_errors, api_retries, api_bytes, api_bytes_saved, api_full_reads,
     api_xml_replies, api_unchanged_replies, api_fallbacks, api_response_ms_total, api_response_ms_max, cache_hits, cache_misses,
     database_calls, cpu_ms, left_out, error_count)
    = (c.current_stage, c.tournaments_total, c.tournaments_processed, c.tournaments_failed, c.records_read, c.records_inserted,
       c.records_updated, c.records_unchanged, c.records_removed, c.records_rejected, c.api_calls, c.api_errors, c.api_retries,
       c.api_bytes, c.api_bytes_saved, c.api_full_reads, c.api_xml_replies, c.api_unchanged_replies, c.api_fallbacks,
       c.api_response_ms_total, c.api_response_ms_max, c.cache_hits, c.cache_misses, c.database_calls, c.cpu_ms,
       c.left_out, c.error_count)
  from jsonb_populate_record(run, jsonb_strip_nulls(p -> 'counters')) as c
  where h.id = run.id
  returning h.* into run;
  perform private.record_run_items(run, p, as_of);
  return run;
end
$$;
comment on function private.save_progress is
  'Saves the counters, results and errors that a RUNNING run sent and renews its lease; returns the run, or null when it is closed.';

create function private.update_entity_counters(run public.sync_execution_history, as_of timestamptz) returns void
language plpgsql set search_path = '' as $$
declare
  is_full constant boolean := run.tournament_no is null;
begin
  update public.sync_status s set
    success_count = s.success_count + (run.success is true)::integer,
    error_count = s.error_count + (run.success is false)::integer,
    records_processed_last = run.records_processed,
    records_processed_total = s.records_processed_total + run.records_processed,
    last_memory_usage = coalesce(run.memory_usage_mb, s.last_memory_usage),
    last_error = case when run.success is false then run.status_reason else s.last_error end,
    last_error_time = case when run.success is false then as_of else s.last_error_time end,
    -- The columns below describe full runs only.
    consecutive_failures = case
      when is_full and run.status in ('FAILED', 'TIMED_OUT') then s.consecutive_failures + 1
      when is_full and run.status in ('SUCCEEDED', 'PARTIAL') then 0
      else s.consecutive_failures
    end,
    last_sync = case when is_full and run.status = 'SUCCEEDED' then greatest(s.last_sync, run.execution_start) else s.last_sync end,
    last_duration = case when is_full then run.duration else s.last_duration end,
    average_duration = case
      when is_full and run.status in ('SUCCEEDED', 'PARTIAL') then coalesce(s.average_duration * 0.8 + run.duration * 0.2, run.duration)
      else s.average_duration
    end,
    updated_at = as_of
  where s.entity_type = run.entity_type;
end
$$;
comment on function private.update_entity_counters is 'Adds a closed run to the counters of its entity.';

create function private.roll_up(execution_ids uuid[]) returns void
language plpgsql set search_path = '' as $$
begin
  insert into public.sync_metrics as m (
    entity_type, resolution, bucket, runs_succeeded, runs_partial, runs_failed, runs_timed_out, runs_cancelled, runs_skipped,
    runs_cron, runs_manual, runs_retry, run_ms_total, records_read, records_processed, records_rejected,
    api_calls, api_errors, api_retries, api_bytes, api_bytes_saved, api_full_reads, api_xml_replies, api_unchanged_replies, api_fallbacks,
    api_response_ms_total, cache_hits, cache_misses, database_calls, errors, memory_usage_mb_peak,
    counted_runs, success_weight, duration_ms_total, durations
  )
  select r.entity_type, s.resolution, date_bin(s.resolution, r.bucket, '2000-01-01 00:00:00+00'), sum(r.runs_succeeded),
    sum(r.runs_partial), sum(r.runs_failed), sum(r.runs_timed_out), sum(r.runs_cancelled), sum(r.runs_skipped), sum(r.runs_cron),
    sum(r.runs_manual), sum(r.runs_retry), sum(r.run_ms_total), sum(r.records_read), sum(r.records_processed), sum(r.records_rejected),
    sum(r.api_calls), sum(r.api_errors), sum(r.api_retries), sum(r.api_bytes), sum(r.api_bytes_saved), sum(r.api_full_reads),
    sum(r.api_xml_replies), sum(r.api_unchanged_replies), sum(r.api_fallbacks), sum(r.api_response_ms_total), sum(r.cache_hits),
    sum(r.cache_misses), sum(r.database_calls), sum(r.errors), max(r.memory_usage_mb_peak), sum(r.counted_runs), sum(r.success_weight),
    sum(r.duration_ms_total), private.histogram(array_agg(array_lower(r.durations, 1)), array_agg(1::bigint))
  from private.run_metrics r cross join unnest(array['15 minutes', '1 hour', '1 day']::interval[]) s (resolution)
  where r.execution_id = any (execution_ids)
  group by 1, 2, 3
  on conflict (entity_type, resolution, bucket) do update set
    (runs_succeeded, runs_partial, runs_failed, runs_timed_out, runs_cancelled, runs_skipped, runs_cron, runs_manual, runs_retry,
     run_ms_total, records_read, records_processed, records_rejected, api_calls, api_errors, api_retries, api_bytes, api_bytes_saved,
     api_full_reads, api_xml_replies, api_unchanged_replies, api_fallbacks, api_response_ms_total, cache_hits, cache_misses,
     database_calls, errors, counted_runs, success_weight, duration_ms_total, memory_usage_mb_peak, durations)
    = (m.runs_succeeded + excluded.runs_succeeded, m.runs_partial + excluded.runs_partial, m.runs_failed + excluded.runs_failed,
       m.runs_timed_out + excluded.runs_timed_out, m.runs_cancelled + excluded.runs_cancelled, m.runs_skipped + excluded.runs_skipped,
       m.runs_cron + excluded.runs_cron, m.runs_manual + excluded.runs_manual, m.runs_retry + excluded.runs_retry,
       m.run_ms_total + excluded.run_ms_total, m.records_read + excluded.records_read, m.records_processed + excluded.records_processed,
       m.records_rejected + excluded.records_rejected, m.api_calls + excluded.api_calls, m.api_errors + excluded.api_errors,
       m.api_retries + excluded.api_retries, m.api_bytes + excluded.api_bytes,
       m.api_bytes_saved + excluded.api_bytes_saved, m.api_full_reads + excluded.api_full_reads,
       m.api_xml_replies + excluded.api_xml_replies, m.api_unchanged_replies + excluded.api_unchanged_replies,
       m.api_fallbacks + excluded.api_fallbacks, m.api_response_ms_total + excluded.api_response_ms_total,
       m.cache_hits + excluded.cache_hits, m.cache_misses + excluded.cache_misses,
       m.database_calls + excluded.database_calls, m.errors + excluded.errors,
       m.counted_runs + excluded.counted_runs, m.success_weight + excluded.success_weight,
       m.duration_ms_total + excluded.duration_ms_total, greatest(m.memory_usage_mb_peak, excluded.memory_usage_mb_peak),
       private.add_histograms(m.durations, excluded.durations));
end
$$;
comment on function private.roll_up is 'Adds finished runs to the bucket of their start in each resolution.';

create function private.rebuild_metrics(p_from timestamptz, p_until timestamptz) returns integer
language plpgsql set search_path = '' set timezone = 'UTC' as $$
declare
  first_day constant timestamptz := date_trunc('day', p_from, 'UTC');
  oldest_run constant timestamptz := (select min(execution_start) from public.sync_execution_history);
  day timestamptz;
  days integer := 0;
begin
  -- The day of the oldest run is incomplete when retention deleted earlier runs of that day.
  if first_day < oldest_run or oldest_run is null then
    raise sqlstate 'PT409' using
      message = coalesce('the oldest run that is kept started at ' || oldest_run || ': rebuild from a later day', 'no run is kept'),
      detail = 'RUNS_PRUNED';
  end if;
  -- Without the lock, a run that finishes while its day is rebuilt counts twice or not at all.
  lock table public.sync_metrics in share row exclusive mode;
  for day in select generate_series(first_day, p_until - interval '1 microsecond', '1 day') loop
    delete from public.sync_metrics m where m.bucket >= day and m.bucket < day + interval '1 day';
    perform private.roll_up(array(
      select h.id from public.sync_execution_history h
      where h.execution_start >= day and h.execution_start < day + interval '1 day' and h.status <> 'RUNNING'
    ));
    days := days + 1;
  end loop;
  return days;
end
$$;
comment on function private.rebuild_metrics is
  'Rebuilds the metrics of the UTC days in a range from the runs and returns their number; PT409 RUNS_PRUNED before the oldest run.';

create function private.close_run(p jsonb, as_of timestamptz) returns public.sync_execution_history
language plpgsql set search_path = '' as $$
declare
  run public.sync_execution_history;
begin
  update public.sync_execution_history h set
    status = p ->> 'status',
    status_reason = left(p ->> 'reason', 1000),
    error_details = nullif(p -> 'error_details', 'null'),
    execution_end = greatest(coalesce((p ->> 'execution_end')::timestamptz, as_of), h.execution_start),
    was_cut = coalesce((p ->> 'was_cut')::boolean, false),
    left_out = h.left_out || coalesce(nullif(p -> 'left_out', 'null'), '[]'),
    current_stage = null
  where h.id = (p ->> 'execution_id')::uuid and h.status = 'RUNNING'
  returning h.* into run;
  if not found then
    return run;
  end if;
  perform private.update_entity_counters(run, as_of);
  perform private.roll_up(array[run.id]);
  update public.tournament_sync_state set lease_holder = null, lease_expires_at = null where lease_holder = run.id;
  if run.sync_job_id is not null then
    perform private.finish_job(run, p, as_of);
  end if;
  -- After the first success of an entity, the first runs of the entities that depend on it are due.
  if run.status = 'SUCCEEDED' and exists (
    select from public.sync_status s where s.depends_on = run.entity_type and s.last_attempt is null
  ) then
    perform private.dispatch_due_syncs(as_of);
  end if;
  -- A run that failed at least in part, or that can resolve a live incident, is evaluated at once.
  if run.status in ('FAILED', 'TIMED_OUT', 'PARTIAL') or exists (
    select from public.alert_incidents i where i.state <> 'RESOLVED' and i.entity_type in (run.entity_type, 'all')
  ) then
    perform private.call_function('sync-alert-processor', jsonb_build_object('cause', 'run_ended', 'execution_id', run.id));
  end if;
  return run;
end
$$;
comment on function private.close_run is
  'Closes a RUNNING run at {execution_end} or as_of, updates its counters, rollup, leases and job, and returns the run or null. No other '
  'function closes a run.';

create function private.reap_dead_runs(as_of timestamptz default now(), only_entity text default null) returns integer
language plpgsql set search_path = '' as $$
declare
  dead_run record;
  closed_run public.sync_execution_history;
  reaped integer := 0;
begin
  for dead_run in
    select id, entity_type, deadline, heartbeat_at, lease_expires_at, tournaments_total - tournaments_processed as waiting
    from public.sync_execution_history
    where status = 'RUNNING' and least(deadline, lease_expires_at) <= as_of
      and (only_entity is null or entity_type = only_entity)
    for update skip locked
  loop
    closed_run := private.close_run(jsonb_build_object(
      'execution_id', dead_run.id,
      'status', 'TIMED_OUT',
      'left_out', case when dead_run.waiting > 0 then jsonb_build_array(jsonb_build_object('reason', 'TIMED_OUT', 'count', dead_run.waiting)) end,
      -- The run was alive until its last heartbeat, so its duration excludes the time until the reaper closes it.
      'execution_end', dead_run.heartbeat_at,
      'reason', case when dead_run.deadline <= as_of
        then format('the run did not finish before its deadline %s; last heartbeat %s; closed at %s',
          dead_run.deadline, dead_run.heartbeat_at, as_of)
        else format('no heartbeat since %s: the lease of the worker expired; closed at %s', dead_run.heartbeat_at, as_of)
      end
    ), as_of);
    if closed_run.id is not null then
      reaped := reaped + 1;
      -- The API adds the recovery suggestion, which is the advice of the error table for this code.
      insert into public.sync_error_log
        (sync_execution_id, entity_type, error_type, error_code, error_severity, retryable, error_message, fingerprint, occurred_at)
      values (closed_run.id, closed_run.entity_type, 'TIMEOUT', 'RUN_TIMED_OUT', 'HIGH', true, closed_run.status_reason,
        'TIMEOUT:RUN_TIMED_OUT:' || closed_run.entity_type, closed_run.execution_end);
    end if;
  end loop;
  -- A closed run frees a slot. With only_entity the caller holds the lock of an entity and must not wait for the lock of the queue;
  -- pg_cron then dispatches the waiting jobs.
  if reaped > 0 and only_entity is null then
    perform public.drain_sync_queue(as_of);
  end if;
  return reaped;
end
$$;
comment on function private.reap_dead_runs is
  'Closes every run past its lease or deadline as TIMED_OUT, with its last heartbeat as its end; returns the number of closed runs.';

create function private.lock_entity(p_entity_type text) returns public.sync_status
language plpgsql set search_path = '' as $$
declare
  entity public.sync_status;
begin
  -- The order of locks is in 008_queue.sql. A transaction that has an entity lock locks runs with SKIP LOCKED only.
  -- FOR NO KEY UPDATE does not block the insert of a job, which references the entity.
  select * into entity from public.sync_status where entity_type = p_entity_type for no key update;
  if not found then
    raise sqlstate 'PT404' using message = format('there is no entity %L', p_entity_type), detail = 'ENTITY_UNKNOWN';
  elsif not entity.is_active then
    raise sqlstate 'PT409' using message = format('%s is not active', entity.entity_type), detail = 'ENTITY_INACTIVE';
  elsif entity.paused_at is not null then
    raise sqlstate 'PT409' using
      message = format('%s is paused by %s since %s', entity.entity_type, entity.paused_by, entity.paused_at),
      detail = 'ENTITY_PAUSED';
  end if;
  return entity;
end
$$;
comment on function private.lock_entity is
  'Locks an active entity that is not paused and returns it. PT404 ENTITY_UNKNOWN, PT409 ENTITY_INACTIVE or ENTITY_PAUSED.';

create function private.open_run(p jsonb, entity public.sync_status, scope text, conflict uuid, as_of timestamptz)
returns public.sync_execution_history
language plpgsql set search_path = '' set timezone = 'UTC' as $$
declare
  run public.sync_execution_history;
begin
  if conflict is null then
    insert into public.sync_execution_history
      (id, entity_type, tournament_no, trigger, sync_job_id, correlation_id, due_at, attempt, execution_start, heartbeat_at,
       lease_expires_at, deadline)
    values ((p ->> 'execution_id')::uuid, entity.entity_type, scope, p ->> 'trigger', (p ->> 'sync_job_id')::uuid,
      p ->> 'correlation_id', (p ->> 'due_at')::timestamptz, (p ->> 'attempt')::integer, as_of, as_of, as_of + interval '60 seconds',
      as_of + least(entity.max_runtime, make_interval(secs => (p ->> 'wall_clock_ms')::numeric::double precision / 1000)))
    returning * into run;
  else
    insert into public.sync_execution_history
      (id, entity_type, tournament_no, status, status_reason, trigger, sync_job_id, correlation_id, due_at, attempt, execution_start,
       execution_end)
    values ((p ->> 'execution_id')::uuid, entity.entity_type, scope, 'SKIPPED',
      format('run %s of the same target is still running', conflict), p ->> 'trigger', (p ->> 'sync_job_id')::uuid,
      p ->> 'correlation_id', (p ->> 'due_at')::timestamptz, (p ->> 'attempt')::integer, as_of, as_of)
    returning * into run;
    perform private.roll_up(array[run.id]);
  end if;
  return run;
end
$$;
comment on function private.open_run is 'Inserts a run as RUNNING, or as SKIPPED when a conflicting run is live, and returns it.';

create function private.due_progress(
  p_entity_type text, p_due_at timestamptz,
  out last_attempt integer, out failures bigint, out last_end timestamptz, out was_cut boolean, out may_run boolean
)
language plpgsql stable set search_path = '' as $$
begin
  -- A success without a due time is a manual run.
  select coalesce(max(h.attempt), 0), count(*) filter (where h.status in ('FAILED', 'TIMED_OUT')), max(h.execution_end),
    coalesce((array_agg(h.was_cut order by h.attempt desc))[1] and count(*) filter (where h.was_cut) = 1, false),
    coalesce(bool_and(h.status in ('FAILED', 'TIMED_OUT')), true)
  into last_attempt, failures, last_end, was_cut, may_run
  from public.sync_execution_history h where h.entity_type = p_entity_type and h.due_at = p_due_at;
  may_run := (may_run or was_cut) and not exists (
    select from public.sync_execution_history h
    where h.entity_type = p_entity_type and h.tournament_no is null and h.due_at is null and h.status = 'SUCCEEDED'
      -- Without an upper bound, Postgres estimates that a ninth of all runs match, and reads the whole table.
      and h.execution_start between p_due_at - interval '5 seconds'
        and (select max(l.execution_start) from public.sync_execution_history l where l.entity_type = p_entity_type)
  );
end
$$;
comment on function private.due_progress is
  'The runs of a due time: last attempt, number of failures, last end, and was_cut, true when only the last run was cut. may_run is true '
  'when each run failed or was_cut is true, and no manual run has succeeded.';

create function private.refuse_repeated_run(p jsonb) returns void
language plpgsql set search_path = '' as $$
declare
  due constant timestamptz := (p ->> 'due_at')::timestamptz;
  progress constant record := private.due_progress(p ->> 'entity_type', due);
begin
  -- max() reads one entry of the index; EXISTS reads every run when none is later.
  if not progress.may_run or progress.last_attempt >= (p ->> 'attempt')::integer or due < (
    select max(h.due_at) from public.sync_execution_history h where h.entity_type = p ->> 'entity_type'
  ) then
    raise sqlstate 'PT409' using
      message = format('the due time %s of %s already has its run', due, p ->> 'entity_type'), detail = 'ALREADY_RUN';
  end if;
end
$$;
comment on function private.refuse_repeated_run is
  'Refuses a scheduled call that arrives twice, after its due time is settled, or after a run of a later due time. PT409 ALREADY_RUN.';

create function public.start_sync_execution(p jsonb, as_of timestamptz default now()) returns jsonb
language plpgsql set search_path = '' as $$
declare
  entity public.sync_status;
  conflict uuid;
  run public.sync_execution_history;
  previous_run public.sync_execution_history;
  -- Null is a full run, '*' several tournaments, and another value the number of a tournament.
  scope constant text := case when p -> 'tournament_nos' is not null then '*' else p ->> 'tournament_no' end;
begin
  perform private.refuse_unknown_fields(p,
    '{execution_id,entity_type,trigger,tournament_no,tournament_nos,sync_job_id,job_token,correlation_id,wall_clock_ms,due_at,attempt,confirm_removal}');
  entity := private.lock_entity(p ->> 'entity_type');
  if p ->> 'sync_job_id' is not null then
    perform private.reserve_attempt(p);
  end if;
  perform private.reap_dead_runs(as_of, entity.entity_type);
  select * into previous_run from public.sync_execution_history
  where entity_type = entity.entity_type and tournament_no is null and status not in ('RUNNING', 'SKIPPED')
  order by execution_start desc limit 1;
  select * into run from public.sync_execution_history where id = (p ->> 'execution_id')::uuid;
  -- The run exists when the worker repeats the call after a lost response.
  if not found then
    if p ->> 'due_at' is not null then
      perform private.refuse_repeated_run(p);
    end if;
    conflict := private.conflicting_run(entity.entity_type, p ->> 'tournament_no', p -> 'tournament_nos', as_of);
    if conflict is null and scope is not null and entity.leases_tournaments then
      conflict := private.claim_tournaments(p, as_of);
    end if;
    run := private.open_run(p, entity, scope, conflict, as_of);
  end if;
  if p ->> 'sync_job_id' is not null then
    perform private.start_attempt(p, run, as_of);
  end if;
  if run.tournament_no is null then
    update public.sync_status s set
      last_attempt = as_of,
      next_sync = private.next_due(s, as_of),
      updated_at = as_of
    where s.entity_type = entity.entity_type;
  end if;
  return jsonb_build_object(
    'outcome', case run.status when 'SKIPPED' then 'SKIPPED' else 'STARTED' end,
    'execution_id', run.id, 'live_execution_id', conflict, 'started_at', run.execution_start, 'deadline', run.deadline,
    'previous_was_cut', coalesce(previous_run.status in ('TIMED_OUT', 'PARTIAL')
      and previous_run.tournaments_processed < previous_run.tournaments_total, false)
  );
end
$$;
comment on function public.start_sync_execution is
  'Starts a run and claims the leases of its named tournaments, or records it as SKIPPED while another run works on its target; returns '
  '{outcome, execution_id, live_execution_id, started_at, deadline, previous_was_cut}. PT404 ENTITY_UNKNOWN, PT409 ENTITY_INACTIVE, '
  'ENTITY_PAUSED, LEASE_LOST or ALREADY_RUN.';

create function public.heartbeat_sync_execution(p jsonb, as_of timestamptz default now()) returns jsonb
language plpgsql set search_path = '' as $$
declare
  run public.sync_execution_history;
begin
  perform private.refuse_unknown_fields(p, '{execution_id,counters,results,errors}');
  run := private.save_progress(p, as_of);
  return jsonb_build_object('live', run.id is not null, 'cancel_requested', run.cancel_requested_at is not null or exists (
    select from public.sync_jobs j where j.id = run.sync_job_id and j.cancel_requested_at is not null));
end
$$;
comment on function public.heartbeat_sync_execution is
  'Saves the progress of a RUNNING run and returns {live, cancel_requested}; live is false when the run is already closed.';

create function public.finish_sync_execution(p jsonb, as_of timestamptz default now()) returns jsonb
language plpgsql set search_path = '' as $$
declare
  run public.sync_execution_history;
begin
  perform private.refuse_unknown_fields(p, '{execution_id,status,reason,was_cut,error_details,retryable,counters,results,errors}');
  perform private.save_progress(p, as_of);
  run := private.close_run(p, as_of);
  if run.id is not null then
    -- The closed run frees a slot, and waiting jobs of the same target can start.
    if exists (select from public.sync_jobs where status = 'QUEUED') then
      perform public.drain_sync_queue(as_of);
    end if;
    return jsonb_build_object('recorded', true, 'status', run.status);
  end if;
  return jsonb_build_object('recorded', false, 'status',
    (select h.status from public.sync_execution_history h where h.id = (p ->> 'execution_id')::uuid));
end
$$;
comment on function public.finish_sync_execution is
  'Closes a RUNNING run, dispatches waiting jobs and returns {recorded, status}; recorded is false when the run was already closed.';

create function public.reap_sync_executions(as_of timestamptz default now()) returns integer
language sql set search_path = '' as $$
  select private.reap_dead_runs(as_of);
$$;
comment on function public.reap_sync_executions is
  'Closes the dead runs of all entities, as private.reap_dead_runs does, and returns their number.';
