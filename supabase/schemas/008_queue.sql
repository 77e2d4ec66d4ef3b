-- Jobs: enqueue, claim, dispatch, start, finish, cancel and requeue, and the JSON and the estimate of a job for the API.
-- Over 300 lines, because every change of the status of a job is in this file. The functions are in plpgsql, because Postgres plans a
-- SQL function at each call. Enqueueing, claiming and expiring hold the lock of the queue. The order of all locks is run, entity,
-- tournaments, running job, queue, waiting job, audit log.

create function private.job_rank(p_priority text, at_time timestamptz) returns timestamptz
language plpgsql stable set search_path = '' set timezone = 'UTC' as $$
begin
  return at_time + (
    select case p_priority when 'EMERGENCY' then interval '0' when 'HIGH' then q.high_after else q.normal_after end
    from public.sync_queue_settings q
  );
end
$$;
comment on function private.job_rank is 'The rank of a job with this priority that may start at this time.';

create function private.repeated_trigger(p jsonb, as_of timestamptz) returns uuid
language plpgsql set search_path = '' as $$
declare
  earlier public.manual_sync_audit;
begin
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
comment on function private.repeated_trigger is
  'The job that the actor triggered with the same Idempotency-Key within 24 hours, or null. PT409 IDEMPOTENCY_KEY_REUSED for a different '
  'request.';

create function private.refuse_too_many_triggers(actor_name text, as_of timestamptz) returns void
language plpgsql set search_path = '' as $$
declare
  recent record;
begin
  select count(*) as triggers, min(audit.trigger_timestamp) as first_trigger, max(settings.triggers_per_minute) as allowed into recent
  from public.manual_sync_audit audit cross join public.sync_queue_settings settings
  where audit.actor = actor_name and audit.trigger_timestamp > as_of - interval '1 minute';
  if recent.triggers >= recent.allowed then
    raise sqlstate 'PT429' using
      message = format('the limit of %s triggers per minute is reached', recent.allowed), detail = 'TOO_MANY_TRIGGERS',
      hint = ceil(extract(epoch from recent.first_trigger + interval '1 minute' - as_of))::text;
  end if;
end
$$;
comment on function private.refuse_too_many_triggers(text, timestamptz) is
  'Raises PT429 TOO_MANY_TRIGGERS, with the seconds to wait as hint, when the actor has reached the limit of triggers per minute.';

create function private.join_or_insert_job(p jsonb, as_of timestamptz) returns public.sync_jobs
language plpgsql set search_path = '' as $$
declare
  job public.sync_jobs;
  earliest_start constant timestamptz := greatest(coalesce((p ->> 'not_before')::timestamptz, as_of), as_of);
  new_rank constant timestamptz := private.job_rank(p ->> 'priority', earliest_start);
begin
  perform pg_advisory_xact_lock(hashtext('sync_queue'));
  if p -> 'tournament_nos' is null and earliest_start = as_of then
    -- The trigger joins a waiting job of the same target; a higher priority raises that job.
    update public.sync_jobs j set
      rank = least(j.rank, new_rank),
      confirm_removal = j.confirm_removal or coalesce((p ->> 'confirm_removal')::boolean, false),
      priority = case when new_rank < private.job_rank(j.priority, as_of) then p ->> 'priority' else j.priority end
    where j.id = (
      select waiting.id from public.sync_jobs waiting
      where waiting.status = 'QUEUED' and waiting.not_before <= as_of
        and waiting.entity_type = p ->> 'entity_type' and waiting.target = coalesce(p ->> 'tournament_no', '')
      order by waiting.rank limit 1
    ) and j.status = 'QUEUED'
    returning j.* into job;
  end if;
  if job.id is null then
    perform private.refuse_over_limit('waiting_jobs', as_of);
    insert into public.sync_jobs
      (entity_type, tournament_no, tournament_nos, priority, triggered_by, reason, retried_from, max_attempts, enqueued_at, rank,
       not_before, expires_at, confirm_removal)
    select p ->> 'entity_type', p ->> 'tournament_no', p -> 'tournament_nos', p ->> 'priority', p ->> 'triggered_by', p ->> 'reason',
      (p ->> 'retried_from')::uuid, settings.max_attempts, as_of, new_rank, earliest_start, (p ->> 'expires_at')::timestamptz,
      coalesce((p ->> 'confirm_removal')::boolean, false)
    from public.sync_queue_settings settings
    returning * into job;
  end if;
  insert into public.manual_sync_audit
    (id, sync_job_id, entity_type, tournament_no, priority, triggered_by, trigger_reason, trigger_timestamp,
     actor, idempotency_key, request_hash)
  values (coalesce((p ->> 'trigger_id')::uuid, gen_random_uuid()), job.id, job.entity_type, job.tournament_no, p ->> 'priority', p ->> 'triggered_by', p ->> 'reason', as_of,
    p -> 'actor' ->> 'name', p ->> 'idempotency_key', p ->> 'request_hash');
  return job;
end
$$;
comment on function private.join_or_insert_job is 'Joins a waiting job of the target or inserts one, and writes the audit row.';

create function public.enqueue_sync_job(p jsonb, as_of timestamptz default now()) returns jsonb
language plpgsql set search_path = '' as $$
declare
  job public.sync_jobs;
  job_id uuid;
begin
  perform private.refuse_unknown_fields(p,
    '{entity_type,tournament_no,priority,triggered_by,reason,not_before,expires_at,confirm_removal,idempotency_key,request_hash,trigger_id,actor}');
  job_id := private.repeated_trigger(p, as_of);
  if job_id is null then
    if not exists (select from public.sync_status where entity_type = p ->> 'entity_type' and is_active) then
      raise sqlstate 'PT400' using
        message = format('entity_type: %s cannot be triggered; the active entities are %s', p ->> 'entity_type', (
          select string_agg(s.entity_type, ', ' order by s.entity_type collate "C") from public.sync_status s where s.is_active)),
        detail = 'BAD_REQUEST';
    elsif p ->> 'tournament_no' is not null and not exists (select from public.tournaments where no = p ->> 'tournament_no') then
      raise sqlstate 'PT400' using message = 'tournament_no: there is no tournament ' || (p ->> 'tournament_no'), detail = 'BAD_REQUEST';
    end if;
    perform private.refuse_too_many_triggers(p -> 'actor' ->> 'name', as_of);
    job := private.join_or_insert_job(p, as_of);
    perform public.drain_sync_queue(as_of);
    perform private.audit(p -> 'actor', 'trigger-sync', 'job', job.id::text, null,
      jsonb_build_object('entity_type', job.entity_type, 'tournament_no', job.tournament_no, 'priority', p ->> 'priority',
        'triggered_by', p ->> 'triggered_by', 'joined', job.enqueued_at <> as_of, 'trigger_id', p ->> 'trigger_id')
        || case when (p ->> 'confirm_removal')::boolean then '{"confirm_removal": true}'::jsonb else '{}' end, p ->> 'reason', as_of);
    job_id := job.id;
  end if;
  return (select private.job_json(j, as_of) from public.sync_jobs j where j.id = job_id);
end
$$;
comment on function public.enqueue_sync_job is
  'Enqueues or joins a job, dispatches the jobs that may start and returns the job. PT400 BAD_REQUEST, PT409 IDEMPOTENCY_KEY_REUSED, '
  'PT409 LIMIT_REACHED, PT429 TOO_MANY_TRIGGERS with the seconds to wait as hint.';

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
    perform private.close_job(job.id, 'FAILED', null, format('the job expired at %s before it could start', job.expires_at), null, as_of);
  end loop;
  return expired_attempts;
end
$$;
comment on function private.requeue_expired_jobs is
  'Retries jobs whose run did not start in time, fails waiting jobs that expired, and returns the number of expired attempts.';

-- The cost makes Postgres check the cheaper conditions of a query first.
create function private.conflicting_run(p_entity_type text, p_tournament_no text, p_tournament_nos jsonb, as_of timestamptz) returns uuid
language plpgsql stable cost 10000 set search_path = '' as $$
begin
  return coalesce(
    (
      select h.id from public.sync_execution_history h
      where h.status = 'RUNNING' and h.entity_type = p_entity_type
        and coalesce(h.tournament_no, '') = case when p_tournament_nos is null then coalesce(p_tournament_no, '') else '*' end
    ),
    (
      select s.lease_holder from public.tournament_sync_state s
      where s.tournament_no = any (p_tournament_no || array(select jsonb_array_elements_text(p_tournament_nos)))
        and s.lease_expires_at > as_of
        and exists (select from public.sync_status e where e.entity_type = p_entity_type and e.leases_tournaments)
      limit 1
    )
  );
end
$$;
comment on function private.conflicting_run is
  'The run for which a run of this target must wait: the live run of the target, or the holder of a lease of its tournaments; else null.';

create function private.claim_sync_job(as_of timestamptz) returns public.sync_jobs
language plpgsql set search_path = '' as $$
declare
  claimed public.sync_jobs;
begin
  -- The caller holds the lock of the queue, so no other transaction claims a slot between the count and the claim.
  with free_slot as materialized (
    select e.entity_type, is_emergency
    from public.sync_queue_settings q cross join public.sync_status e cross join unnest(array[true, false]) is_emergency
    cross join lateral (
      select count(*) as jobs, count(*) filter (where r.priority <> 'EMERGENCY') as ordinary_jobs,
        count(*) filter (where r.entity_type = e.entity_type) as jobs_of_entity
      from public.sync_jobs r where r.status = 'RUNNING'
    ) running
    where e.is_active and e.paused_at is null and running.jobs < q.slots and (private.upstream_backoff(as_of)).upstream is null
      and running.jobs_of_entity < q.slots_per_entity + case when is_emergency then q.emergency_slots else 0 end
      and (is_emergency or running.ordinary_jobs < q.slots - q.emergency_slots)
  )
  update public.sync_jobs j set
    status = 'RUNNING', token = gen_random_uuid(), claimed_at = as_of, attempts = j.attempts + 1, execution_id = null,
    lease_expires_at = as_of + interval '30 seconds', started_at = coalesce(j.started_at, as_of)
  where j.id = (
    select w.id from public.sync_jobs w
    -- The CASE hides the conditions from the planner, so that it reads the index in the order of the rank and stops at the first job.
    where w.status = 'QUEUED' and case
      when w.not_before <= as_of and (w.expires_at is null or w.expires_at > as_of)
        and (select true from free_slot f where f.entity_type = w.entity_type and f.is_emergency = (w.priority = 'EMERGENCY'))
      then (select r.id from public.sync_jobs r where r.status = 'RUNNING' and r.entity_type = w.entity_type and r.target = w.target) is null
        and private.conflicting_run(w.entity_type, w.tournament_no, w.tournament_nos, as_of) is null
    end
    order by w.rank, w.id limit 1
    -- The claim waits for a cancellation and does not skip its job, so that no job overtakes another.
    for update
  )
  returning j.* into claimed;
  return claimed;
end
$$;
comment on function private.claim_sync_job is
  'Claims the first job that may start, with a token and 30 s to start its run; returns null without one and during an upstream backoff.';

create function public.drain_sync_queue(as_of timestamptz default now()) returns jsonb
language plpgsql set search_path = '' as $$
declare
  job public.sync_jobs;
  dispatched integer := 0;
  returned integer;
begin
  -- Each statement below has a snapshot from after the lock.
  perform pg_advisory_xact_lock(hashtext('sync_queue'));
  returned := private.requeue_expired_jobs(as_of);
  loop
    job := private.claim_sync_job(as_of);
    exit when job.id is null;
    -- pg_net sends the request on commit.
    perform private.call_function(
      (select s.function_name from public.sync_status s where s.entity_type = job.entity_type),
      jsonb_strip_nulls(jsonb_build_object(
        'trigger', case job.attempts when 1 then 'MANUAL' else 'RETRY' end, 'sync_job_id', job.id, 'job_token', job.token,
        'tournament_no', job.tournament_no, 'tournament_nos', job.tournament_nos,
        'confirm_removal', case when job.confirm_removal then true end
      ))
    );
    dispatched := dispatched + 1;
  end loop;
  return jsonb_build_object('dispatched', dispatched, 'returned', returned);
end
$$;
comment on function public.drain_sync_queue is
  'Ends expired attempts and dispatches every job that may start; returns the numbers of both.';

create function private.reserve_attempt(p jsonb) returns public.sync_jobs
language plpgsql set search_path = '' as $$
declare
  job public.sync_jobs;
begin
  -- The query filters by token, so that it does not lock the job of a late worker.
  select * into job from public.sync_jobs where id = (p ->> 'sync_job_id')::uuid and token = (p ->> 'job_token')::uuid for update;
  if not found or coalesce(job.execution_id, (p ->> 'execution_id')::uuid) <> (p ->> 'execution_id')::uuid then
    raise sqlstate 'PT409' using message = 'this attempt of the job is no longer current', detail = 'LEASE_LOST';
  end if;
  return job;
end
$$;
comment on function private.reserve_attempt is 'Locks and returns the job of an attempt. PT409 LEASE_LOST when the attempt is not current.';

create function private.postpone_attempt(job public.sync_jobs, reason text, as_of timestamptz) returns void
language plpgsql set search_path = '' as $$
begin
  perform private.finish_attempt(job, 'WAITED', reason, as_of);
  update public.sync_jobs set
    status = 'QUEUED', token = null, claimed_at = null, lease_expires_at = null, attempts = attempts - 1,
    not_before = as_of + interval '5 seconds'
  where id = job.id;
end
$$;
comment on function private.postpone_attempt is 'Ends an attempt that started no run; the job waits 5 s, and the attempt does not count.';

create function private.start_attempt(p jsonb, run public.sync_execution_history, as_of timestamptz) returns void
language plpgsql set search_path = '' as $$
declare
  job constant public.sync_jobs := private.reserve_attempt(p);
begin
  if run.status = 'SKIPPED' then
    perform private.postpone_attempt(job, run.status_reason, as_of);
  else
    update public.sync_jobs set execution_id = run.id, lease_expires_at = null where id = job.id;
  end if;
end
$$;
comment on function private.start_attempt is 'Stores a started run in its job; queues the job again after a SKIPPED run.';

create function public.postpone_sync_job(p jsonb, as_of timestamptz default now()) returns void
language plpgsql set search_path = '' as $$
begin
  perform private.refuse_unknown_fields(p, '{sync_job_id,job_token,reason}');
  perform private.postpone_attempt(private.reserve_attempt(p), p ->> 'reason', as_of);
end
$$;
comment on function public.postpone_sync_job is
  'Queues a job again whose worker cannot start a run. PT409 LEASE_LOST when the attempt is not current.';

create function private.finish_attempt(job public.sync_jobs, p_outcome text, p_error text, as_of timestamptz) returns void
language plpgsql set search_path = '' as $$
begin
  if job.token is not null then
    insert into public.sync_job_attempts (job_id, claimed_at, token, execution_id, ended_at, outcome, error)
    values (job.id, job.claimed_at, job.token, job.execution_id, as_of, p_outcome, left(p_error, 1000));
  end if;
end
$$;
comment on function private.finish_attempt is 'Records the end of the current attempt of a job; does nothing for a job without an attempt.';

create function private.close_job(
  p_job_id uuid, p_final_status text, p_records_processed integer, p_error text, p_error_details jsonb, as_of timestamptz
) returns void
language plpgsql set search_path = '' as $$
declare
  is_completed constant boolean := p_final_status in ('SUCCEEDED', 'PARTIAL');
begin
  update public.sync_jobs set
    status = case when is_completed then 'COMPLETED' else p_final_status end, claimed_at = case when is_completed then claimed_at end,
    token = null, lease_expires_at = null, finished_at = as_of, final_status = p_final_status,
    records_processed = p_records_processed, last_error = left(p_error, 1000)
  where id = p_job_id and status in ('QUEUED', 'RUNNING');
  update public.manual_sync_audit set
    completion_timestamp = as_of, final_status = p_final_status, records_processed = p_records_processed, error_details = p_error_details
  where sync_job_id = p_job_id and completion_timestamp is null;
end
$$;
comment on function private.close_job is 'Moves a job to a terminal state and closes the audit rows of its triggers.';

create function private.retry_job(job public.sync_jobs, p_error text, is_retryable boolean, as_of timestamptz) returns void
language plpgsql set search_path = '' as $$
begin
  if job.cancel_requested_at is not null then
    perform private.close_job(job.id, 'CANCELLED', null, p_error, null, as_of);
  elsif is_retryable and job.attempts < job.max_attempts then
    -- Delays of 30 s, 60 s, 120 s, …, each with 25 % jitter.
    update public.sync_jobs set
      status = 'QUEUED', token = null, claimed_at = null, lease_expires_at = null, execution_id = null, last_error = left(p_error, 1000),
      not_before = as_of + make_interval(secs => 30 * 2 ^ (job.attempts - 1) * (0.75 + random() / 2))
    where id = job.id;
  else
    perform private.close_job(job.id, 'FAILED', null, p_error, jsonb_build_object('error', p_error, 'attempts', job.attempts), as_of);
  end if;
end
$$;
comment on function private.retry_job is
  'Queues a job again after a failed attempt, or closes the job when it was cancelled, cannot be retried or has no attempt left.';

create function private.finish_job(run public.sync_execution_history, p jsonb, as_of timestamptz) returns void
language plpgsql set search_path = '' as $$
declare
  job public.sync_jobs;
begin
  select * into job from public.sync_jobs where id = run.sync_job_id and status = 'RUNNING' and execution_id = run.id for update;
  if not found then
    return;
  end if;
  if run.status in ('SUCCEEDED', 'PARTIAL') and job.cancel_requested_at is null then
    perform private.close_job(job.id, run.status, run.records_processed, null, run.error_details, as_of);
  elsif run.status = 'CANCELLED' or job.cancel_requested_at is not null then
    perform private.finish_attempt(job, 'CANCELLED', run.status_reason, as_of);
    perform private.close_job(job.id, 'CANCELLED', run.records_processed, 'the run ended as ' || run.status, run.error_details, as_of);
  else
    perform private.finish_attempt(job, 'FAILED', run.status_reason, as_of);
    perform private.retry_job(job, run.status_reason, coalesce((p ->> 'retryable')::boolean, true), as_of);
  end if;
end
$$;
comment on function private.finish_job is
  'Completes, cancels or retries the job of a closed run, when the run is the current attempt of the job.';

create function public.cancel_sync_job(p jsonb, as_of timestamptz default now()) returns jsonb
language plpgsql set search_path = '' as $$
declare
  job public.sync_jobs;
begin
  perform private.refuse_unknown_fields(p, '{id,reason,actor}');
  select * into job from public.sync_jobs where id = (p ->> 'id')::uuid for update;
  perform private.refuse_missing(found, 'job', p ->> 'id');
  if job.finished_at is not null then
    raise sqlstate 'PT409' using message = format('the job is already %s', job.status), detail = 'JOB_OVER';
  end if;
  -- The answer to the next heartbeat carries the request to the worker.
  update public.sync_jobs set
    cancel_requested_at = coalesce(cancel_requested_at, as_of),
    cancelled_by = coalesce(cancelled_by, p -> 'actor' ->> 'name')
  where id = job.id;
  if job.execution_id is null then
    -- The run has not started. Closing the job clears its token, so that the database refuses a late worker.
    perform private.finish_attempt(job, 'CANCELLED', 'cancelled before the run started', as_of);
    perform private.close_job(job.id, 'CANCELLED', null, 'cancelled before the run started', null, as_of);
  end if;
  perform private.audit(p -> 'actor', 'cancel-job', 'job', job.id::text, jsonb_build_object('status', job.status),
    (select jsonb_build_object('status', j.status, 'cancel_requested_at', j.cancel_requested_at)
      from public.sync_jobs j where j.id = job.id),
    p ->> 'reason', as_of);
  return (select private.job_json(j, as_of) from public.sync_jobs j where j.id = job.id);
end
$$;
comment on function public.cancel_sync_job is
  'Cancels a job and returns it: at once before its run starts, else before the next tournament of the run. PT404 NOT_FOUND, PT409 '
  'JOB_OVER.';

create function public.requeue_sync_job(p jsonb, as_of timestamptz default now()) returns jsonb
language plpgsql set search_path = '' as $$
declare
  job public.sync_jobs;
  new_job public.sync_jobs;
  failed_nos jsonb;
begin
  perform private.refuse_unknown_fields(p, '{id,only_failed,priority,reason,trigger_id,actor}');
  select * into job from public.sync_jobs where id = (p ->> 'id')::uuid;
  perform private.refuse_missing(found, 'job', p ->> 'id');
  if job.finished_at is null then
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
  perform private.refuse_too_many_triggers(p -> 'actor' ->> 'name', as_of);
  new_job := private.join_or_insert_job(
    jsonb_build_object(
      'entity_type', job.entity_type, 'retried_from', job.id, 'actor', p -> 'actor', 'triggered_by', p -> 'actor' ->> 'name',
      'priority', coalesce(p ->> 'priority', job.priority), 'reason', coalesce(p ->> 'reason', job.reason),
      'trigger_id', p ->> 'trigger_id'
    ) || jsonb_strip_nulls(jsonb_build_object(
      'tournament_no', case when failed_nos is null then job.tournament_no end,
      'tournament_nos', coalesce(failed_nos, job.tournament_nos)
    )),
    as_of
  );
  perform public.drain_sync_queue(as_of);
  perform private.audit(p -> 'actor', 'requeue-job', 'job', new_job.id::text, jsonb_build_object('job', job.id, 'status', job.status),
    jsonb_build_object('job', new_job.id, 'retried_from', job.id, 'tournament_nos', new_job.tournament_nos, 'trigger_id', p ->> 'trigger_id'),
    p ->> 'reason', as_of);
  return (select private.job_json(j, as_of) from public.sync_jobs j where j.id = new_job.id);
end
$$;
comment on function public.requeue_sync_job is
  'Enqueues the target of a finished job again, or only the tournaments that failed in its last attempt, and returns the new job. '
  'PT404 NOT_FOUND, PT409 JOB_NOT_OVER, NOTHING_FAILED or LIMIT_REACHED, PT429 TOO_MANY_TRIGGERS.';

create function private.attempts_of(job public.sync_jobs) returns setof public.sync_job_attempts
language plpgsql stable set search_path = '' as $$
begin
  return query
    select a.* from public.sync_job_attempts a where a.job_id = job.id
    union all
    select job.id, job.claimed_at, job.token, job.execution_id, job.finished_at, case job.status when 'COMPLETED' then 'COMPLETED' end, null
    where job.status in ('RUNNING', 'COMPLETED') and job.claimed_at is not null;
end
$$;
comment on function private.attempts_of is 'All attempts of a job; the current one has no end and no outcome.';

create function private.duration_samples(p_entity_type text, p_target text, p_tournament_nos jsonb, as_of timestamptz)
returns double precision[]
language plpgsql stable set search_path = '' as $$
declare
  nos constant text[] := array(
    select distinct jsonb_array_elements_text(case p_target when '*' then p_tournament_nos else jsonb_build_array(p_target) end)
  );
begin
  if p_target = '' or not (select e.leases_tournaments from public.sync_status e where e.entity_type = p_entity_type) then
    return array(
      select extract(epoch from h.duration) * 1000 from public.sync_execution_history h
      where h.entity_type = p_entity_type and h.execution_start <= as_of and h.tournament_no is null
        and h.status in ('SUCCEEDED', 'PARTIAL')
      order by h.execution_start desc limit 30
    );
  end if;
  return array(
    with result as (
      select newest.* from unnest(nos) as wanted (no) cross join lateral (
        select r.tournament_no, extract(epoch from r.processing_duration) * 1000 as ms,
          row_number() over (order by r.created_at desc) as age
        from public.sync_tournament_results r
        where r.tournament_no = wanted.no and r.entity_type = p_entity_type and r.success and r.created_at <= as_of
        order by r.created_at desc limit 30
      ) newest
    ),
    -- A run syncs tournaments in parallel. The share is the duration of the last full run divided by the sum over its tournaments.
    concurrency as (
      select least(extract(epoch from full_run.duration) / nullif(sum(extract(epoch from r.processing_duration)), 0), 1) as share_of_sum
      from (
        select h.id, h.duration from public.sync_execution_history h
        where h.entity_type = p_entity_type and h.execution_start <= as_of and h.tournament_no is null
          and h.status in ('SUCCEEDED', 'PARTIAL')
        order by h.execution_start desc limit 1
      ) full_run join public.sync_tournament_results r on r.sync_execution_id = full_run.id
      group by full_run.duration
    )
    -- The average of the other tournaments stands for a tournament without results.
    select greatest(max(r.ms), avg(r.ms) * cardinality(nos) * coalesce((select share_of_sum from concurrency), 1))
    from result r group by r.age having count(*) = (select count(distinct tournament_no) from result)
    order by r.age
  );
end
$$;
comment on function private.duration_samples is
  'At most 30 durations in ms, newest first: of full runs, or of the n-th newest results of the tournaments; empty without a result.';

create function private.estimate_facts(job public.sync_jobs, as_of timestamptz) returns jsonb
language plpgsql stable set search_path = '' as $$
begin
  return (
    with other (is_waiting, entity_type, target, tournament_nos, elapsed, rank, id) as (
      select false, j.entity_type, j.target, j.tournament_nos, as_of - coalesce(h.execution_start, as_of), j.rank, j.id
      from public.sync_jobs j left join public.sync_execution_history h on h.id = j.execution_id
      where j.status = 'RUNNING' and j.id <> job.id
      union all
      -- A scheduled run occupies no slot, but no job of its target may start beside it.
      select false, h.entity_type, job.target, null, as_of - h.execution_start, h.execution_start, h.id
      from public.sync_execution_history h
      where h.id = private.conflicting_run(job.entity_type, job.tournament_no, job.tournament_nos, as_of) and h.sync_job_id is null
      union all (
        select true, j.entity_type, j.target, j.tournament_nos, interval '0', j.rank, j.id from public.sync_jobs j
        where j.status = 'QUEUED' and j.id <> job.id and (j.rank, j.id) < (job.rank, job.id) and j.not_before <= as_of
        order by j.rank, j.id limit 50
      )
    ),
    with_duration as (
      select o.is_waiting, o.rank, o.id, jsonb_build_object(
        'entity_type', o.entity_type, 'target', o.target, 'elapsed_ms', extract(epoch from o.elapsed) * 1000,
        -- The entity and the tournament store an average; for several tournaments the average is computed.
        'duration_ms', case
          when o.target = '*' then (select avg(d) from unnest(private.duration_samples(o.entity_type, o.target, o.tournament_nos, as_of)) d)
          when o.target <> '' and e.leases_tournaments then extract(epoch from s.average_duration) * 1000
          else extract(epoch from e.average_duration) * 1000
        end
      ) as facts
      from other o join public.sync_status e using (entity_type) left join public.tournament_sync_state s on s.tournament_no = o.target
    )
    select jsonb_build_object(
      'samples', private.duration_samples(job.entity_type, job.target, job.tournament_nos, as_of),
      'entity_type', job.entity_type, 'target', job.target, 'status', job.status, 'is_emergency', job.priority = 'EMERGENCY',
      'starts_in_ms', greatest(extract(epoch from job.not_before - as_of) * 1000, 0),
      'backoff_ms', coalesce(extract(epoch from (private.upstream_backoff(as_of)).backoff_until - as_of) * 1000, 0),
      'elapsed_ms', (
        select extract(epoch from as_of - h.execution_start) * 1000 from public.sync_execution_history h
        where h.id = job.execution_id and h.status = 'RUNNING'
      ),
      'slots', q.slots, 'emergency_slots', q.emergency_slots, 'slots_per_entity', q.slots_per_entity,
      'running', (select coalesce(jsonb_agg(d.facts order by d.rank, d.id), '[]') from with_duration d where not d.is_waiting),
      'waiting', (select coalesce(jsonb_agg(d.facts order by d.rank, d.id), '[]') from with_duration d where d.is_waiting)
    )
    from public.sync_queue_settings q
  );
end
$$;
comment on function private.estimate_facts is
  'The facts for the estimate of a job: its own durations, the limits, the running jobs, and the first 50 waiting jobs before it.';

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
          when b.upstream is not null then format('the upstream backoff lasts until %s: %s', b.backoff_until, b.backoff_reason)
          else 'run ' || private.conflicting_run(job.entity_type, job.tournament_no, job.tournament_nos, as_of)
            || ' works on the same target'
        end
        from public.sync_status s cross join private.upstream_backoff(as_of) b where s.entity_type = job.entity_type) end,
      'progress', (
        select jsonb_build_object(
          'tournaments_processed', h.tournaments_processed, 'total_tournaments', h.tournaments_total, 'current_stage', h.current_stage,
          'tournaments_failed', h.tournaments_failed, 'records_processed', h.records_processed
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
comment on function private.job_json is
  'A job for the API, without its token, and with its queue position, progress, attempts and the facts for its estimate.';
