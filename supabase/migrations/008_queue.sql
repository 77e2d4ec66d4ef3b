-- Jobs in the order of their life: enqueue, claim, dispatch, start, finish, cancel, requeue; then how the API shows and estimates them.
-- Past 300 lines, because every way into and out of the state of a job is in one file.

create function private.job_rank(p_priority text, at_time timestamptz) returns timestamptz
language sql stable set search_path = '' as $$
  select at_time + case p_priority
    when 'EMERGENCY' then interval '0'
    when 'HIGH' then settings.high_after
    else settings.normal_after
  end
  from public.sync_queue_settings settings;
$$;
comment on function private.job_rank(text, timestamptz) is 'The rank of a job with this priority that may start at this time.';

create function private.repeated_trigger(p jsonb, as_of timestamptz) returns uuid
language plpgsql set search_path = '' as $$
declare
  earlier public.manual_sync_audit;
begin
  if p ->> 'idempotency_key' is null then
    return null;
  end if;
  perform pg_advisory_xact_lock(hashtext('sync_trigger:' || (p -> 'actor' ->> 'name') || ':' || (p ->> 'idempotency_key')));
  select * into earlier from public.manual_sync_audit
  where actor = p -> 'actor' ->> 'name' and idempotency_key = p ->> 'idempotency_key' and trigger_timestamp > as_of - interval '24 hours'
  order by trigger_timestamp desc limit 1;
  if earlier.id is not null and earlier.request_hash <> p ->> 'request_hash' then
    raise sqlstate 'PT409' using message = 'this Idempotency-Key was used for a different request', detail = 'IDEMPOTENCY_KEY_REUSED';
  end if;
  return earlier.sync_job_id;
end
$$;
comment on function private.repeated_trigger(jsonb, timestamptz) is
  'Returns the job that {actor} triggered with {idempotency_key} within the last 24 hours, or null. '
  'PT409 IDEMPOTENCY_KEY_REUSED for another {request_hash}.';

create function private.join_or_insert_job(p jsonb, as_of timestamptz) returns public.sync_jobs
language plpgsql set search_path = '' as $$
declare
  job public.sync_jobs;
  earliest_start constant timestamptz := greatest(coalesce((p ->> 'not_before')::timestamptz, as_of), as_of);
  new_rank constant timestamptz := private.job_rank(p ->> 'priority', earliest_start);
begin
  perform pg_advisory_xact_lock(hashtext('sync_jobs:' || (p ->> 'entity_type') || ':' || coalesce(p ->> 'tournament_no', '')));
  if p -> 'tournament_nos' is null and earliest_start = as_of then
    -- The trigger joins a waiting job of the same target; a higher priority raises that job.
    update public.sync_jobs j set
      rank = least(j.rank, new_rank),
      priority = case when new_rank < private.job_rank(j.priority, as_of) then p ->> 'priority' else j.priority end
    where j.id = (
      select waiting.id from public.sync_jobs waiting
      where waiting.status = 'QUEUED' and waiting.not_before <= as_of
        and waiting.entity_type = p ->> 'entity_type' and waiting.target = coalesce(p ->> 'tournament_no', '')
      order by waiting.rank limit 1 for update
    ) and j.status = 'QUEUED'
    returning j.* into job;
  end if;
  if job.id is null then
    insert into public.sync_jobs
      (entity_type, tournament_no, tournament_nos, priority, triggered_by, reason, retried_from, max_attempts, enqueued_at, rank,
       not_before, expires_at)
    select p ->> 'entity_type', p ->> 'tournament_no', p -> 'tournament_nos', p ->> 'priority', p ->> 'triggered_by', p ->> 'reason',
      (p ->> 'retried_from')::uuid, settings.max_attempts, as_of, new_rank, earliest_start, (p ->> 'expires_at')::timestamptz
    from public.sync_queue_settings settings
    returning * into job;
  end if;
  insert into public.manual_sync_audit
    (sync_job_id, entity_type, tournament_no, priority, triggered_by, trigger_reason, trigger_timestamp,
     actor, idempotency_key, request_hash)
  values (job.id, job.entity_type, job.tournament_no, p ->> 'priority', p ->> 'triggered_by', p ->> 'reason', as_of,
    p -> 'actor' ->> 'name', p ->> 'idempotency_key', p ->> 'request_hash');
  return job;
end
$$;
comment on function private.join_or_insert_job(jsonb, timestamptz) is
  'Inserts a job, or joins a waiting job of the same target, adds the audit row of the trigger and returns the job.';

create function public.enqueue_sync_job(p jsonb, as_of timestamptz default now()) returns jsonb
language plpgsql set search_path = '' as $$
declare
  job public.sync_jobs;
  job_id uuid := private.repeated_trigger(p, as_of);
  recent record;
begin
  if job_id is null then
    if not exists (select from public.sync_status where entity_type = p ->> 'entity_type' and is_active) then
      raise sqlstate 'PT400' using message = format('entity_type: %s cannot be triggered', p ->> 'entity_type'), detail = 'BAD_REQUEST';
    elsif p ->> 'tournament_no' is not null and not exists (select from public.tournaments where no = p ->> 'tournament_no') then
      raise sqlstate 'PT400' using
        message = format('tournament_no: there is no tournament %s', p ->> 'tournament_no'),
        detail = 'BAD_REQUEST';
    end if;
    select count(*) as triggers, min(audit.trigger_timestamp) as first_trigger, max(settings.triggers_per_minute) as allowed into recent
    from public.manual_sync_audit audit cross join public.sync_queue_settings settings
    where audit.actor = p -> 'actor' ->> 'name' and audit.trigger_timestamp > as_of - interval '1 minute';
    if recent.triggers >= recent.allowed then
      raise sqlstate 'PT429' using
        message = format('the limit of %s triggers per minute is reached', recent.allowed),
        detail = 'TOO_MANY_TRIGGERS',
        hint = ceil(extract(epoch from recent.first_trigger + interval '1 minute' - as_of))::text;
    end if;
    job := private.join_or_insert_job(p, as_of);
    perform private.audit(p -> 'actor', 'trigger-sync', 'job', job.id::text, null,
      jsonb_build_object('entity_type', job.entity_type, 'tournament_no', job.tournament_no, 'priority', p ->> 'priority',
        'triggered_by', p ->> 'triggered_by', 'joined', job.enqueued_at <> as_of), p ->> 'reason', as_of);
    perform public.drain_sync_queue(as_of);
    job_id := job.id;
  end if;
  return (select private.job_json(j, as_of) from public.sync_jobs j where j.id = job_id);
end
$$;
comment on function public.enqueue_sync_job(jsonb, timestamptz) is
  'Enqueues {entity_type, tournament_no?, priority, triggered_by, reason, not_before?, expires_at?, idempotency_key?, request_hash?, '
  'actor}, dispatches the jobs that may start and returns the job. '
  'PT400 BAD_REQUEST, PT409 IDEMPOTENCY_KEY_REUSED, PT429 TOO_MANY_TRIGGERS with the seconds to wait as hint.';

create function private.requeue_expired_jobs(as_of timestamptz) returns integer
language plpgsql set search_path = '' as $$
declare
  job public.sync_jobs;
  expired_attempts integer := 0;
begin
  for job in
    select * from public.sync_jobs where status = 'RUNNING' and execution_id is null and lease_expires_at <= as_of for update skip locked
  loop
    perform private.finish_attempt(job, 'EXPIRED', 'the run did not start in time', as_of);
    perform private.retry_job(job, 'the run did not start in time', true, as_of);
    expired_attempts := expired_attempts + 1;
  end loop;
  for job in
    select * from public.sync_jobs where status = 'QUEUED' and expires_at <= as_of for update skip locked
  loop
    perform private.close_job(job.id, 'FAILED', 'FAILED', null,
      format('the job expired at %s before it could start', job.expires_at), null, as_of);
  end loop;
  return expired_attempts;
end
$$;
comment on function private.requeue_expired_jobs(timestamptz) is
  'Retries every job whose attempt did not start its run within the lease, closes every job that expired while it waited, and returns the '
  'number of expired attempts.';

create function private.claim_sync_job(as_of timestamptz) returns public.sync_jobs
language plpgsql set search_path = '' as $$
declare
  claimed public.sync_jobs;
  settings public.sync_queue_settings;
  running_jobs integer;
  running_ordinary_jobs integer;
  entities_with_a_slot text[];
  entities_with_an_emergency_slot text[];
begin
  -- With this lock, counting the slots and claiming a slot are one atomic step. Its holder skips locked rows, so it never waits for a row.
  perform pg_advisory_xact_lock(hashtext('private.claim_sync_job'));
  select * into settings from public.sync_queue_settings;
  select count(*), count(*) filter (where priority <> 'EMERGENCY') into running_jobs, running_ordinary_jobs
  from public.sync_jobs where status = 'RUNNING';
  if running_jobs >= settings.slots then
    return null;
  end if;
  select
    array_agg(entity.entity_type) filter (where entity.running_jobs < settings.slots_per_entity
      and running_ordinary_jobs < settings.slots - settings.emergency_slots),
    array_agg(entity.entity_type) filter (where entity.running_jobs < settings.slots_per_entity + settings.emergency_slots)
  into entities_with_a_slot, entities_with_an_emergency_slot
  from (
    select s.entity_type, (
      select count(*) from public.sync_jobs running where running.status = 'RUNNING' and running.entity_type = s.entity_type
    ) as running_jobs
    from public.sync_status s where s.is_active and s.paused_at is null
  ) entity;
  update public.sync_jobs j set
    status = 'RUNNING', token = gen_random_uuid(), claimed_at = as_of, attempts = j.attempts + 1, execution_id = null,
    lease_expires_at = as_of + interval '30 seconds', started_at = coalesce(j.started_at, as_of)
  where j.id = (
    select candidate.id from (
      -- One table in the order of one index: the scan stops at the first job that may start, however many jobs wait.
      select waiting.id, waiting.entity_type, waiting.target from public.sync_jobs waiting
      where waiting.status = 'QUEUED' and waiting.not_before <= as_of and (waiting.expires_at is null or waiting.expires_at > as_of)
        and case
          when (waiting.entity_type = any (
            case waiting.priority when 'EMERGENCY' then entities_with_an_emergency_slot else entities_with_a_slot end
          )) is not true then false
          else (select true from public.sync_jobs running
              where running.status = 'RUNNING' and running.entity_type = waiting.entity_type and running.target = waiting.target
              limit 1) is null
            and (select true from public.sync_execution_history live_run
              where live_run.status = 'RUNNING' and live_run.entity_type = waiting.entity_type
                and coalesce(live_run.tournament_no, '') = waiting.target
              limit 1) is null
        end
      order by waiting.rank, waiting.id
      offset 0
      for update skip locked
    ) candidate
    -- complete_job locks the target too, so that both cannot claim one target. Because of `offset 0` Postgres locks first the row of a
    -- candidate, then its target; it locks no target that this call does not claim.
    where pg_try_advisory_xact_lock(hashtext('sync_target:' || candidate.entity_type || ':' || candidate.target))
    limit 1
  )
  returning j.* into claimed;
  return claimed;
exception
  -- Another transaction started a job of the same target after the subquery read the table; the next call sees that job.
  when unique_violation then
    return private.claim_sync_job(as_of);
end
$$;
comment on function private.claim_sync_job(timestamptz) is
  'Claims the first job by rank that may start within the limits and beside the live runs, gives it a token and 30 s to start its run, and '
  'returns it; null when no job may start.';

create function private.dispatch_job(job public.sync_jobs) returns void
language plpgsql set search_path = '' as $$
begin
  perform private.call_function(
    (select s.function_name from public.sync_status s where s.entity_type = job.entity_type),
    jsonb_strip_nulls(jsonb_build_object(
      'trigger', case job.attempts when 1 then 'MANUAL' else 'RETRY' end,
      'sync_job_id', job.id,
      'job_token', job.token,
      'tournament_no', job.tournament_no,
      'tournament_nos', job.tournament_nos
    ))
  );
end
$$;
comment on function private.dispatch_job(public.sync_jobs) is
  'Calls the edge function of a claimed job with the token of the attempt; pg_net sends the request on commit.';

create function public.drain_sync_queue(as_of timestamptz default now()) returns jsonb
language plpgsql set search_path = '' as $$
declare
  job public.sync_jobs;
  dispatched integer := 0;
  returned constant integer := private.requeue_expired_jobs(as_of);
begin
  loop
    job := private.claim_sync_job(as_of);
    exit when job.id is null;
    perform private.dispatch_job(job);
    dispatched := dispatched + 1;
  end loop;
  return jsonb_build_object('dispatched', dispatched, 'returned', returned);
end
$$;
comment on function public.drain_sync_queue(timestamptz) is
  'Ends expired attempts, claims and dispatches every job that may start, and returns {dispatched, returned}, where returned counts the '
  'expired attempts.';

create function private.reserve_attempt(p jsonb) returns public.sync_jobs
language plpgsql set search_path = '' as $$
declare
  job public.sync_jobs;
begin
  -- The query filters by token, so that it does not lock the job of a late worker.
  select * into job from public.sync_jobs where id = (p ->> 'sync_job_id')::uuid and token = (p ->> 'job_token')::uuid for update;
  if not found or coalesce(job.execution_id, (p ->> 'execution_id')::uuid) <> (p ->> 'execution_id')::uuid then
    raise sqlstate 'PT409' using
      message = format('this attempt of job %s is no longer current', p ->> 'sync_job_id'),
      detail = 'LEASE_LOST';
  end if;
  return job;
end
$$;
comment on function private.reserve_attempt(jsonb) is
  'Locks and returns the job of {sync_job_id, job_token, execution_id} while that attempt is current. PT409 LEASE_LOST when it is not.';

create function private.start_attempt(p jsonb, run public.sync_execution_history, as_of timestamptz) returns void
language plpgsql set search_path = '' as $$
declare
  job constant public.sync_jobs := private.reserve_attempt(p);
begin
  if run.status = 'SKIPPED' then
    -- The attempt met a live run of its target: the job waits 5 s, and the attempt does not count.
    perform private.finish_attempt(job, 'WAITED', run.status_reason, as_of);
    update public.sync_jobs set
      status = 'QUEUED', token = null, claimed_at = null, lease_expires_at = null, attempts = attempts - 1,
      not_before = as_of + interval '5 seconds'
    where id = job.id;
  else
    update public.sync_jobs set execution_id = run.id, lease_expires_at = null where id = job.id;
  end if;
end
$$;
comment on function private.start_attempt(jsonb, public.sync_execution_history, timestamptz) is
  'Attaches a started run to the attempt of {sync_job_id, job_token, execution_id}, or queues the job again when the run was SKIPPED. '
  'PT409 LEASE_LOST when the attempt is not current.';

create function private.finish_attempt(job public.sync_jobs, p_outcome text, p_error text, as_of timestamptz) returns void
language plpgsql set search_path = '' as $$
begin
  if job.token is not null then
    insert into public.sync_job_attempts (job_id, claimed_at, token, execution_id, ended_at, outcome, error)
    values (job.id, job.claimed_at, job.token, job.execution_id, as_of, p_outcome, left(p_error, 1000));
  end if;
end
$$;
comment on function private.finish_attempt(public.sync_jobs, text, text, timestamptz) is
  'Records the end of the current attempt of a job; does nothing for a job without one.';

create function private.close_job(
  p_job_id uuid, p_status text, p_final_status text, p_records_processed integer, p_error text, p_error_details jsonb, as_of timestamptz
) returns void
language plpgsql set search_path = '' as $$
begin
  update public.sync_jobs set
    status = p_status, token = null, claimed_at = case p_status when 'COMPLETED' then claimed_at end, lease_expires_at = null,
    finished_at = as_of, final_status = p_final_status, records_processed = p_records_processed, last_error = left(p_error, 1000)
  where id = p_job_id and status in ('QUEUED', 'RUNNING');
  update public.manual_sync_audit set
    completion_timestamp = as_of, final_status = coalesce(p_final_status, p_status), records_processed = p_records_processed,
    error_details = p_error_details
  where sync_job_id = p_job_id and completion_timestamp is null;
end
$$;
comment on function private.close_job(uuid, text, text, integer, text, jsonb, timestamptz) is
  'Moves a job to a terminal state and closes the audit rows of its triggers; complete_job does this for a completed job.';

create function private.retry_job(job public.sync_jobs, p_error text, is_retryable boolean, as_of timestamptz) returns void
language plpgsql set search_path = '' as $$
begin
  if job.cancel_requested_at is not null then
    perform private.close_job(job.id, 'CANCELLED', 'CANCELLED', null, p_error, null, as_of);
  elsif is_retryable and job.attempts < job.max_attempts then
    -- Delays of 30 s, 60 s, 120 s, …, each with 25 % jitter.
    update public.sync_jobs set
      status = 'QUEUED', token = null, claimed_at = null, lease_expires_at = null, execution_id = null, last_error = left(p_error, 1000),
      not_before = as_of + make_interval(secs => 30 * 2 ^ (job.attempts - 1) * (0.75 + random() / 2))
    where id = job.id;
  else
    perform private.close_job(job.id, 'FAILED', 'FAILED', null, p_error,
      jsonb_build_object('error', p_error, 'attempts', job.attempts), as_of);
  end if;
end
$$;
comment on function private.retry_job(public.sync_jobs, text, boolean, timestamptz) is
  'Queues a job again with a growing delay after a failed attempt, or closes it: as CANCELLED on request, as FAILED when the error is not '
  'retryable or no attempt is left.';

create function private.complete_job(
  p_job_id uuid, p_token uuid, p_final_status text, p_records_processed integer, p_error_details jsonb, as_of timestamptz
) returns public.sync_jobs
language plpgsql set search_path = '' as $$
declare
  slot_entity text;
  candidate_id uuid;
  candidate_target text;
  candidate_fits_slot boolean;
  successor public.sync_jobs;
begin
  -- The slot passes to the next job of the same entity. The number of running jobs does not change, so no limit is counted and no lock
  -- of the queue is needed. The slot of an EMERGENCY job does not pass, because it can be a reserved one; neither does the slot of an
  -- inactive or paused entity.
  update public.sync_jobs j set
    status = 'COMPLETED', token = null, lease_expires_at = null, finished_at = as_of, final_status = p_final_status,
    records_processed = p_records_processed, last_error = null
  where j.id = p_job_id and j.token = p_token
  returning case when j.priority <> 'EMERGENCY' and exists (
    select from public.sync_status s where s.entity_type = j.entity_type and s.is_active and s.paused_at is null
  ) then j.entity_type end
  into slot_entity;
  if not found then
    return null;
  end if;
  update public.manual_sync_audit set
    completion_timestamp = as_of, final_status = p_final_status, records_processed = p_records_processed, error_details = p_error_details
  where sync_job_id = p_job_id and completion_timestamp is null;
  if slot_entity is null then
    return null;
  end if;
  -- Each pass sees what other transactions committed during the pass before. After five passes drain_sync_queue fills the slot.
  for pass in 1..5 loop
    -- The first job by rank that may start. A job of another entity is not checked: if it is first, the slot does not pass.
    select waiting.id, waiting.target, waiting.entity_type = slot_entity into candidate_id, candidate_target, candidate_fits_slot
    from public.sync_jobs waiting
    where waiting.status = 'QUEUED' and waiting.not_before <= as_of and (waiting.expires_at is null or waiting.expires_at > as_of)
      and case when waiting.entity_type = slot_entity then
        -- With `limit 1` Postgres reads the index for one target; with `not exists` it would collect all running jobs.
        (select true from public.sync_jobs running
          where running.status = 'RUNNING' and running.entity_type = waiting.entity_type and running.target = waiting.target
          limit 1) is null
        and (select true from public.sync_execution_history live_run
          where live_run.status = 'RUNNING' and live_run.entity_type = waiting.entity_type
            and coalesce(live_run.tournament_no, '') = waiting.target
          limit 1) is null
        -- If another transaction is claiming this target at this moment, it holds this lock, and its claim is not visible yet. Do not
        -- wait; try the next job.
        and pg_try_advisory_xact_lock(hashtext('sync_target:' || slot_entity || ':' || waiting.target))
      else true end
    order by waiting.rank, waiting.id limit 1;
    exit when candidate_fits_slot is not true;
    -- While this lock is held, no new claim of this target can start. Every earlier claim is already committed, so this statement sees it.
    update public.sync_jobs j set
      status = 'RUNNING', token = gen_random_uuid(), claimed_at = as_of, attempts = j.attempts + 1, execution_id = null,
      lease_expires_at = as_of + interval '30 seconds', started_at = coalesce(j.started_at, as_of)
    where j.id = (
        select waiting.id from public.sync_jobs waiting where waiting.id = candidate_id and waiting.status = 'QUEUED' for update skip locked
      )
      and not exists (
        select from public.sync_jobs running
        where running.status = 'RUNNING' and running.entity_type = slot_entity and running.target = candidate_target
      )
    returning j.* into successor;
    exit when found;
  end loop;
  return successor;
end
$$;
comment on function private.complete_job(uuid, uuid, text, integer, jsonb, timestamptz) is
  'Completes a job by its token, closes the audit rows of its triggers, and claims the next job for the slot if it is of the same entity; '
  'returns the claimed job or null.';

create function private.finish_job(run public.sync_execution_history, p jsonb, as_of timestamptz) returns void
language plpgsql set search_path = '' as $$
declare
  job public.sync_jobs;
  successor public.sync_jobs;
begin
  select * into job from public.sync_jobs where id = run.sync_job_id and status = 'RUNNING' and execution_id = run.id for update;
  if not found then
    return;
  end if;
  if run.status in ('SUCCEEDED', 'PARTIAL') and job.cancel_requested_at is null then
    successor := private.complete_job(job.id, job.token, run.status, run.records_processed, run.error_details, as_of);
    if successor.id is not null then
      perform private.dispatch_job(successor);
    end if;
  elsif run.status = 'CANCELLED' or job.cancel_requested_at is not null then
    perform private.finish_attempt(job, 'CANCELLED', run.status_reason, as_of);
    perform private.close_job(job.id, 'CANCELLED', 'CANCELLED', run.records_processed,
      'the run ended as ' || run.status, run.error_details, as_of);
  else
    perform private.finish_attempt(job, 'FAILED', run.status_reason, as_of);
    perform private.retry_job(job, run.status_reason, coalesce((p ->> 'retryable')::boolean, true), as_of);
  end if;
end
$$;
comment on function private.finish_job(public.sync_execution_history, jsonb, timestamptz) is
  'Completes, cancels or retries the job of a closed run, if the run is that of the current attempt.';

create function public.cancel_sync_job(p jsonb, as_of timestamptz default now()) returns jsonb
language plpgsql set search_path = '' as $$
declare
  job public.sync_jobs;
begin
  select * into job from public.sync_jobs where id = (p ->> 'id')::uuid for update;
  if not found then
    raise sqlstate 'PT404' using message = format('there is no job %s', p ->> 'id'), detail = 'NOT_FOUND';
  elsif job.finished_at is not null then
    raise sqlstate 'PT409' using message = format('the job is already %s', job.status), detail = 'JOB_OVER';
  end if;
  -- A worker reads the request in the answer to its next heartbeat.
  update public.sync_jobs set
    cancel_requested_at = coalesce(cancel_requested_at, as_of),
    cancelled_by = coalesce(cancelled_by, p -> 'actor' ->> 'name')
  where id = job.id;
  if job.execution_id is null then
    -- The job waits, or its run has not started: closing the job clears its token, so that a late worker is refused.
    perform private.finish_attempt(job, 'CANCELLED', 'cancelled before the run started', as_of);
    perform private.close_job(job.id, 'CANCELLED', 'CANCELLED', null, 'cancelled before the run started', null, as_of);
  end if;
  perform private.audit(p -> 'actor', 'cancel-job', 'job', job.id::text, jsonb_build_object('status', job.status),
    (select jsonb_build_object('status', j.status, 'cancel_requested_at', j.cancel_requested_at)
      from public.sync_jobs j where j.id = job.id),
    p ->> 'reason', as_of);
  return (select private.job_json(j, as_of) from public.sync_jobs j where j.id = job.id);
end
$$;
comment on function public.cancel_sync_job(jsonb, timestamptz) is
  'Cancels job {id, reason?, actor} at once before its run starts, else at the next tournament, and returns the job. '
  'PT404 NOT_FOUND, PT409 JOB_OVER.';

create function public.requeue_sync_job(p jsonb, as_of timestamptz default now()) returns jsonb
language plpgsql set search_path = '' as $$
declare
  job public.sync_jobs;
  new_job public.sync_jobs;
  failed_nos jsonb;
begin
  select * into job from public.sync_jobs where id = (p ->> 'id')::uuid;
  if not found then
    raise sqlstate 'PT404' using message = format('there is no job %s', p ->> 'id'), detail = 'NOT_FOUND';
  elsif job.finished_at is null then
    raise sqlstate 'PT409' using message = format('the job is still %s', job.status), detail = 'JOB_NOT_OVER';
  end if;
  if (p ->> 'only_failed')::boolean then
    select jsonb_agg(distinct result.tournament_no) into failed_nos from public.sync_tournament_results result
    where result.sync_execution_id in (select a.execution_id from private.attempts_of(job) a order by a.claimed_at desc limit 1)
      and not result.success;
    if failed_nos is null then
      raise sqlstate 'PT409' using message = 'no tournament failed in the last attempt of this job', detail = 'NOTHING_FAILED';
    end if;
  end if;
  new_job := private.join_or_insert_job(
    jsonb_build_object(
      'entity_type', job.entity_type,
      'priority', coalesce(p ->> 'priority', job.priority),
      'triggered_by', p -> 'actor' ->> 'name',
      'reason', coalesce(p ->> 'reason', job.reason),
      'retried_from', job.id,
      'actor', p -> 'actor'
    ) || jsonb_strip_nulls(jsonb_build_object(
      'tournament_no', case when failed_nos is null then job.tournament_no end,
      'tournament_nos', coalesce(failed_nos, job.tournament_nos)
    )),
    as_of
  );
  perform private.audit(p -> 'actor', 'requeue-job', 'job', new_job.id::text, jsonb_build_object('job', job.id, 'status', job.status),
    jsonb_build_object('job', new_job.id, 'retried_from', job.id, 'tournament_nos', new_job.tournament_nos), p ->> 'reason', as_of);
  perform public.drain_sync_queue(as_of);
  return (select private.job_json(j, as_of) from public.sync_jobs j where j.id = new_job.id);
end
$$;
comment on function public.requeue_sync_job(jsonb, timestamptz) is
  'Enqueues the target of finished job {id, only_failed?, priority?, reason?, actor} again, or with only_failed the tournaments that '
  'failed in its last attempt, and returns the new job. PT404 NOT_FOUND, PT409 JOB_NOT_OVER or NOTHING_FAILED.';

create function private.attempts_of(job public.sync_jobs) returns setof public.sync_job_attempts
language sql stable set search_path = '' as $$
  select a.* from public.sync_job_attempts a where a.job_id = job.id
  union all
  select job.id, job.claimed_at, job.token, job.execution_id, job.finished_at, case job.status when 'COMPLETED' then 'COMPLETED' end, null
  where job.status in ('RUNNING', 'COMPLETED') and job.claimed_at is not null;
$$;
comment on function private.attempts_of(public.sync_jobs) is 'All attempts of a job; the current one has no end and no outcome.';

create function private.full_run_durations(p_entity_type text, as_of timestamptz) returns double precision[]
language plpgsql stable set search_path = '' as $$
begin
  return (
    select array_agg(run.ms order by run.execution_start desc)
    from (
      select extract(epoch from h.duration) * 1000 as ms, h.execution_start from public.sync_execution_history h
      -- A range of (entity, time) fits only the index on both, so that an entity without runs does not scan the runs of others.
      where (h.entity_type, h.execution_start) <= (p_entity_type, as_of) and h.entity_type >= p_entity_type
        and h.tournament_no is null and h.status in ('SUCCEEDED', 'PARTIAL')
      order by h.entity_type desc, h.execution_start desc
      limit 30
    ) run
  );
end
$$;
comment on function private.full_run_durations(text, timestamptz) is
  'Durations in ms of the last 30 full runs of an entity, newest first; null without any.';

create function private.durations_of_several(p_entity_type text, p_tournament_nos jsonb, as_of timestamptz) returns double precision[]
language plpgsql stable set search_path = '' as $$
begin
  return (
    with tournament_results as (
      select tournament.no, result.ms, result.age
      from (select distinct jsonb_array_elements_text(p_tournament_nos) as no) tournament
      cross join lateral (
        select extract(epoch from r.processing_duration) * 1000 as ms, row_number() over (order by r.created_at desc) as age
        from public.sync_tournament_results r
        where r.tournament_no = tournament.no and r.entity_type = p_entity_type and r.success and r.created_at <= as_of
        order by r.created_at desc
        limit 30
      ) result
    ),
    measured as (
      select count(distinct no) as tournaments from tournament_results
    ),
    -- Tournaments run in parallel. This is the duration of the last full run divided by the sum of the durations of its tournaments.
    concurrency as (
      select extract(epoch from full_run.duration) * 1000 / nullif(sum(extract(epoch from r.processing_duration)) * 1000, 0) as share_of_sum
      from (
        select h.id, h.duration from public.sync_execution_history h
        where (h.entity_type, h.execution_start) <= (p_entity_type, as_of) and h.entity_type >= p_entity_type
          and h.tournament_no is null and h.status in ('SUCCEEDED', 'PARTIAL')
        order by h.entity_type desc, h.execution_start desc
        limit 1
      ) full_run join public.sync_tournament_results r on r.sync_execution_id = full_run.id
      group by full_run.id, full_run.duration
    ),
    combined_results as (
      -- A tournament without results counts with the average of the others.
      select r.age, greatest(
        max(r.ms),
        sum(r.ms) * jsonb_array_length(p_tournament_nos) / m.tournaments * coalesce((select share_of_sum from concurrency), 1)
      ) as ms
      from tournament_results r cross join measured m group by r.age, m.tournaments having count(*) = m.tournaments
    )
    select array_agg(ms order by age) from combined_results
  );
end
$$;
comment on function private.durations_of_several(text, jsonb, timestamptz) is
  'Durations in ms, newest first, at most 30: the n-th combines the n-th newest result of each tournament; null without history.';

create function private.duration_samples(p_entity_type text, p_target text, p_tournament_nos jsonb, as_of timestamptz)
returns double precision[]
language plpgsql stable set search_path = '' as $$
declare
  single_runs double precision[];
begin
  -- One statement for each kind of run, so that one plan is good for all parameters and Postgres reuses it.
  if p_target = '' then
    return private.full_run_durations(p_entity_type, as_of);
  elsif p_target = '*' then
    return private.durations_of_several(p_entity_type, p_tournament_nos, as_of);
  end if;
  single_runs := array(
    select extract(epoch from h.duration) * 1000 from public.sync_execution_history h
    where h.tournament_no = p_target and h.entity_type = p_entity_type and h.status in ('SUCCEEDED', 'PARTIAL')
      and h.execution_start <= as_of
    order by h.execution_start desc
    limit 30
  );
  -- With fewer than five single runs, the results of the tournament in all runs are the better sample.
  if cardinality(single_runs) >= 5 then
    return single_runs;
  end if;
  return (
    select array_agg(extract(epoch from result.processing_duration) * 1000 order by result.created_at desc)
    from (
      select r.processing_duration, r.created_at from public.sync_tournament_results r
      where r.tournament_no = p_target and r.entity_type = p_entity_type and r.success and r.created_at <= as_of
      order by r.created_at desc
      limit 30
    ) result
  );
end
$$;
comment on function private.duration_samples(text, text, jsonb, timestamptz) is
  'Durations in ms, newest first, of the last thirty runs of this target, or calculated from the results of its tournaments within other '
  'runs; null without history. Thirty are few enough to follow a drift.';

create function private.remaining_time(entity text, target text, nos jsonb, elapsed_ms numeric, as_of timestamptz) returns jsonb
language plpgsql stable set search_path = '' as $$
begin
  return (
    -- Waiting job: the average of its last ten samples, which follows a drift faster. Running job: the samples longer than its time so far,
    -- and the average of (sample − time so far). Without a longer sample, a quarter of the average.
    select jsonb_build_object('entity_type', entity, 'target', target,
      'left_ms', case
        when elapsed_ms is null then avg(ms) filter (where age <= 10)
        else coalesce(avg(ms - elapsed_ms::double precision) filter (where ms > elapsed_ms), avg(ms) / 4)
      end,
      'variance', coalesce(case
        when elapsed_ms is null then var_samp(ms)
        else var_samp(ms - elapsed_ms::double precision) filter (where ms > elapsed_ms)
      end, 0))
    from unnest(private.duration_samples(entity, target, nos, as_of)) with ordinality sample (ms, age)
  );
end
$$;
comment on function private.remaining_time(text, text, jsonb, numeric, timestamptz) is
  'The expected remaining time of a waiting or running job as {entity_type, target, left_ms, variance}; a waiting job has no elapsed_ms.';

create function private.estimate_facts(job public.sync_jobs, as_of timestamptz) returns jsonb
language plpgsql stable set search_path = '' as $$
begin
  return (
    select jsonb_build_object(
      'samples', private.duration_samples(job.entity_type, job.target, job.tournament_nos, as_of),
      'entity_type', job.entity_type,
      'target', job.target,
      'status', job.status,
      'is_emergency', job.priority = 'EMERGENCY',
      'starts_in_ms', greatest(extract(epoch from job.not_before - as_of) * 1000, 0),
      'elapsed_ms', (
        select extract(epoch from as_of - h.execution_start) * 1000 from public.sync_execution_history h
        where h.id = job.execution_id and h.status = 'RUNNING'
      ),
      'slots', settings.slots,
      'emergency_slots', settings.emergency_slots,
      'slots_per_entity', settings.slots_per_entity,
      'running', (
        select coalesce(jsonb_agg(private.remaining_time(running.entity_type, running.target, running.tournament_nos,
          extract(epoch from as_of - running.started_at) * 1000, as_of) order by running.started_at), '[]')
        from (
          select j.entity_type, j.target, j.tournament_nos, coalesce(h.execution_start, as_of) as started_at
          from public.sync_jobs j left join public.sync_execution_history h on h.id = j.execution_id
          where j.status = 'RUNNING' and j.id <> job.id
          union all
          -- A scheduled run has no slot, but no job of its target may start beside it.
          select h.entity_type, coalesce(h.tournament_no, ''), null, h.execution_start from public.sync_execution_history h
          where h.status = 'RUNNING' and h.sync_job_id is null and h.entity_type = job.entity_type
            and coalesce(h.tournament_no, '') = job.target
        ) running
      ),
      'waiting', (
        select coalesce(jsonb_agg(private.remaining_time(waiting.entity_type, waiting.target, waiting.tournament_nos, null, as_of)
          order by waiting.rank, waiting.id), '[]')
        from (
          select j.* from public.sync_jobs j
          where j.status = 'QUEUED' and j.id <> job.id and (j.rank, j.id) < (job.rank, job.id) and j.not_before <= as_of
          order by j.rank, j.id limit 50
        ) waiting
      )
    )
    from public.sync_queue_settings settings
  );
end
$$;
comment on function private.estimate_facts(public.sync_jobs, timestamptz) is
  'The facts for the estimate of a job: its own durations, the limits, the running jobs, and the first fifty waiting jobs before it.';

create function private.job_json(job public.sync_jobs, as_of timestamptz) returns jsonb
language plpgsql stable set search_path = '' as $$
begin
  return (
    select to_jsonb(job) - 'token' - 'claimed_at' - 'lease_expires_at' - 'target' || jsonb_build_object(
      'as_of', as_of,
      'queue_position', case when job.status = 'QUEUED' then 1 + (
        select count(*) from public.sync_jobs earlier
        where earlier.status = 'QUEUED' and (earlier.rank, earlier.id) < (job.rank, job.id)) end,
      'waits_because', case when job.status = 'QUEUED' then (
        select case
          when s.paused_at is not null then format('%s is paused by %s', s.entity_type, s.paused_by)
          when job.not_before > as_of then format('the job may not start before %s', job.not_before)
        end from public.sync_status s where s.entity_type = job.entity_type) end,
      'progress', (
        select jsonb_build_object(
          'tournaments_processed', h.tournaments_processed,
          'total_tournaments', h.tournaments_total,
          'current_stage', h.current_stage,
          'tournaments_failed', h.tournaments_failed,
          'records_processed', h.records_processed
        )
        from public.sync_execution_history h where h.id = job.execution_id),
      'attempts_made', (
        select coalesce(jsonb_agg(to_jsonb(a) - 'token' - 'job_id' order by a.claimed_at), '[]') from private.attempts_of(job) a),
      'requeued_as', (
        select coalesce(jsonb_agg(later.id order by later.enqueued_at), '[]')
        from public.sync_jobs later where later.retried_from = job.id),
      'estimate', case when job.status in ('QUEUED', 'RUNNING') then private.estimate_facts(job, as_of) end
    )
  );
end
$$;
comment on function private.job_json(public.sync_jobs, timestamptz) is
  'A job for the API: without its token, with queue position, progress, attempts and the facts for its estimate.';
