-- A job that completes hands its place to the next in one statement, so that places are counted only when one is taken anew.

-- The last attempt of a completed job is the job's own row; the others are written when they end otherwise.
alter table public.sync_jobs
  drop constraint sync_jobs_token_iff_running,
  add constraint sync_jobs_token_iff_running check ((status = 'RUNNING') = (token is not null)),
  add constraint sync_jobs_running_is_claimed check (claimed_at is not null or status <> 'RUNNING');
comment on table public.sync_job_attempts is
  'Tries of a job that ended otherwise than by completing it; that one, and the one under way, are in the job itself. WAITED met a live run and did not count, LAPSED never began.';
comment on column public.sync_jobs.claimed_at is 'When the attempt under way began, or the one that completed it.';

create function private.attempts_of(job public.sync_jobs) returns setof public.sync_job_attempts
language sql stable set search_path = ''
begin atomic
  select a.* from public.sync_job_attempts a where a.job_id = job.id
  union all
  select job.id, job.claimed_at, job.token, job.execution_id, job.finished_at, case job.status when 'COMPLETED' then 'COMPLETED' end, null
  where job.status in ('RUNNING', 'COMPLETED') and job.claimed_at is not null;
end;
comment on function private.attempts_of(public.sync_jobs) is 'Every try of a job, the one under way without an end and an outcome.';

create function private.complete_job(p_job_id uuid, p_token uuid, p_final text, p_records integer, p_details jsonb, as_of timestamptz)
returns public.sync_jobs
-- Planned once: planning takes longer than the work, and no parameter changes the plan.
language plpgsql set search_path = '' set plan_cache_mode = force_generic_plan set jit = off as $$
declare
  successor public.sync_jobs;
begin
  -- The next in order takes the place as it is when it is of the same entity: what is counted stays the same, so nobody need count.
  with done as (
    update public.sync_jobs set status = 'COMPLETED', token = null, lease_expires_at = null, finished_at = as_of, final_status = p_final,
      records_processed = p_records, last_error = null
    where id = p_job_id and token = p_token
    returning entity_type, priority
  ),
  closed as (
    update public.manual_sync_audit set completion_timestamp = as_of, final_status = p_final, records_processed = p_records, error_details = p_details
    where sync_job_id = p_job_id and completion_timestamp is null and exists (select from done)
  ),
  next as (
    select q.id, q.entity_type, q.priority from public.sync_jobs q
    where q.status = 'QUEUED' and q.not_before <= as_of and (q.expires_at is null or q.expires_at > as_of)
      and case
        when not exists (select from public.sync_status s where s.entity_type = q.entity_type and s.is_active and s.paused_at is null) then false
        -- Whoever else is about to begin this target, unseen yet, keeps it until its transaction ends; nobody waits for that.
        when not pg_try_advisory_xact_lock(hashtext('sync_target:' || q.entity_type || ':' || q.target)) then false
        -- By a limit, so that these look for this one target and do not gather all that run.
        else (select true from public.sync_jobs o
            where o.status = 'RUNNING' and o.entity_type = q.entity_type and o.target = q.target and o.id <> p_job_id limit 1) is null
          and (select true from public.sync_execution_history h
            where h.status = 'RUNNING' and h.entity_type = q.entity_type and coalesce(h.tournament_no, '') = q.target limit 1) is null
      end
    order by q.rank_at, q.id
    limit 1
    for update skip locked
  )
  update public.sync_jobs j set
    status = 'RUNNING', token = gen_random_uuid(), claimed_at = as_of, attempts = j.attempts + 1, execution_id = null,
    lease_expires_at = as_of + interval '30 seconds', started_at = coalesce(j.started_at, as_of)
  from next n, done d
  where j.id = n.id and n.entity_type = d.entity_type and (d.priority <> 'EMERGENCY' or n.priority = 'EMERGENCY')
  returning j.* into successor;
  return successor;
exception
  -- Somebody began the same target between the look and the write: it ends without handing over, and the queue is drained as ever.
  when unique_violation then
    perform private.finish_job(p_job_id, 'COMPLETED', p_final, p_records, null, p_details, as_of);
    return null;
end
$$;
comment on function private.complete_job(uuid, uuid, text, integer, jsonb, timestamptz) is
  'Completes a job by its token, closes its audit rows, and claims the next in order for its place if that is of the same entity; null when it is not.';

create or replace function private.finish_job(p_job_id uuid, p_status text, p_final text, p_records integer, p_error text, p_details jsonb, as_of timestamptz)
returns void
language plpgsql set search_path = '' as $$
begin
  update public.sync_jobs set status = p_status, token = null, claimed_at = case p_status when 'COMPLETED' then claimed_at end,
    lease_expires_at = null, finished_at = as_of, final_status = p_final, records_processed = p_records, last_error = left(p_error, 1000)
  where id = p_job_id and status in ('QUEUED', 'RUNNING');
  update public.manual_sync_audit set completion_timestamp = as_of, final_status = coalesce(p_final, p_status), records_processed = p_records,
    error_details = p_details
  where sync_job_id = p_job_id and completion_timestamp is null;
end
$$;

create function private.dispatch_job(job public.sync_jobs) returns void
language plpgsql set search_path = '' as $$
begin
  perform private.call_function(
    (select e.function_name from public.sync_status e where e.entity_type = job.entity_type),
    jsonb_strip_nulls(jsonb_build_object('trigger', case job.attempts when 1 then 'MANUAL' else 'RETRY' end, 'sync_job_id', job.id,
      'job_token', job.token, 'tournament_no', job.tournament_no, 'tournament_nos', job.tournament_nos))
  );
end
$$;
comment on function private.dispatch_job(public.sync_jobs) is 'Calls the function of a claimed job with its token, when the transaction commits.';

create or replace function private.settle_job(run public.sync_execution_history, p jsonb, as_of timestamptz) returns void
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
    perform private.end_attempt(job, 'CANCELLED', run.status_reason, as_of);
    perform private.finish_job(job.id, 'CANCELLED', 'CANCELLED', run.records_processed, 'its run ended ' || run.status, run.error_details, as_of);
  else
    perform private.end_attempt(job, 'FAILED', run.status_reason, as_of);
    perform private.retry_job(job, run.status_reason, coalesce((p ->> 'retryable')::boolean, true), as_of);
  end if;
end
$$;

create or replace function private.claim_sync_job(as_of timestamptz) returns public.sync_jobs
language plpgsql set search_path = '' set plan_cache_mode = force_generic_plan set jit = off as $$
declare
  claimed public.sync_jobs;
  limits public.sync_queue_settings;
  running integer;
  ordinary integer;
  open_to_all text[];
  open_to_emergency text[];
begin
  -- Places are counted and taken under one lock; whoever holds it never waits for a row.
  perform pg_advisory_xact_lock(hashtext('private.claim_sync_job'));
  select * into limits from public.sync_queue_settings;
  select count(*), count(*) filter (where priority <> 'EMERGENCY') into running, ordinary from public.sync_jobs where status = 'RUNNING';
  if running >= limits.slots then
    return null;
  end if;
  select array_agg(e.entity_type) filter (where e.jobs < limits.slots_per_entity and ordinary < limits.slots - limits.emergency_slots),
    array_agg(e.entity_type) filter (where e.jobs < limits.slots_per_entity + limits.emergency_slots)
  into open_to_all, open_to_emergency
  from (
    select s.entity_type, (select count(*) from public.sync_jobs o where o.status = 'RUNNING' and o.entity_type = s.entity_type) as jobs
    from public.sync_status s where s.is_active and s.paused_at is null
  ) e;
  -- One table and one order, so that the first that may begin is found along the index however many wait.
  update public.sync_jobs j set
    status = 'RUNNING', token = gen_random_uuid(), claimed_at = as_of, attempts = j.attempts + 1, execution_id = null,
    lease_expires_at = as_of + interval '30 seconds', started_at = coalesce(j.started_at, as_of)
  where j.id = (
    select q.id from public.sync_jobs q
    where q.status = 'QUEUED' and q.not_before <= as_of and (q.expires_at is null or q.expires_at > as_of)
      and case
        when (q.entity_type = any (case q.priority when 'EMERGENCY' then open_to_emergency else open_to_all end)) is not true then false
        -- Whoever else is about to begin this target, unseen yet, keeps it until its transaction ends; nobody waits for that.
        when not pg_try_advisory_xact_lock(hashtext('sync_target:' || q.entity_type || ':' || q.target)) then false
        -- By a limit, so that these look for this one target and do not gather all that run.
        else (select true from public.sync_jobs o
            where o.status = 'RUNNING' and o.entity_type = q.entity_type and o.target = q.target limit 1) is null
          and (select true from public.sync_execution_history h
            where h.status = 'RUNNING' and h.entity_type = q.entity_type and coalesce(h.tournament_no, '') = q.target limit 1) is null
      end
    order by q.rank_at, q.id
    limit 1
    for update skip locked
  )
  returning j.* into claimed;
  return claimed;
exception
  -- Somebody began the same target between the look and the write; the next call sees it.
  when unique_violation then
    return private.claim_sync_job(as_of);
end
$$;

create or replace function public.drain_sync_queue(as_of timestamptz default now()) returns jsonb
language plpgsql set search_path = '' as $$
declare
  job public.sync_jobs;
  dispatched integer := 0;
  returned constant integer := private.return_lapsed_jobs(as_of);
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

create or replace function private.job_view(job public.sync_jobs, as_of timestamptz) returns jsonb
language sql stable set search_path = ''
begin atomic
  select to_jsonb(job) - 'token' - 'claimed_at' - 'lease_expires_at' - 'target' || jsonb_build_object(
    'as_of', as_of,
    'queue_position', case when job.status = 'QUEUED' then 1 + (
      select count(*) from public.sync_jobs o where o.status = 'QUEUED' and (o.rank_at, o.id) < (job.rank_at, job.id)) end,
    'waits_because', case when job.status = 'QUEUED' then (
      select case
        when e.paused_at is not null then format('%s is paused by %s', e.entity_type, e.paused_by)
        when job.not_before > as_of then format('not before %s', job.not_before)
      end from public.sync_status e where e.entity_type = job.entity_type) end,
    'progress', (
      select jsonb_build_object('tournaments_processed', h.tournaments_processed, 'total_tournaments', h.tournaments_total,
        'current_stage', h.current_stage, 'tournaments_failed', h.tournaments_failed, 'records_processed', h.records_processed)
      from public.sync_execution_history h where h.id = job.execution_id),
    'attempts_made', (
      select coalesce(jsonb_agg(to_jsonb(a) - 'token' - 'job_id' order by a.claimed_at), '[]') from private.attempts_of(job) a),
    'requeued_as', (select coalesce(jsonb_agg(o.id order by o.enqueued_at), '[]') from public.sync_jobs o where o.retried_from = job.id),
    'estimate', case when job.status in ('QUEUED', 'RUNNING') then private.job_estimate(job, as_of) end
  );
end;

create or replace function public.requeue_sync_job(p jsonb, as_of timestamptz default now()) returns jsonb
language plpgsql set search_path = '' as $$
declare
  job public.sync_jobs;
  again public.sync_jobs;
  failed jsonb;
begin
  select * into job from public.sync_jobs where id = (p ->> 'id')::uuid;
  if not found then
    raise sqlstate 'PT404' using message = format('there is no job %s', p ->> 'id'), detail = 'NOT_FOUND';
  elsif job.finished_at is null then
    raise sqlstate 'PT409' using message = format('the job is %s still', job.status), detail = 'JOB_NOT_OVER';
  end if;
  if (p ->> 'only_failed')::boolean then
    select jsonb_agg(distinct r.tournament_no) into failed from public.sync_tournament_results r
    where r.sync_execution_id in (select a.execution_id from private.attempts_of(job) a order by a.claimed_at desc limit 1)
      and not r.success;
    if failed is null then
      raise sqlstate 'PT409' using message = 'no tournament failed in the last attempt of this job', detail = 'NOTHING_FAILED';
    end if;
  end if;
  again := private.join_or_insert_job(jsonb_build_object('entity_type', job.entity_type, 'priority', coalesce(p ->> 'priority', job.priority),
    'triggered_by', p -> 'actor' ->> 'name', 'reason', coalesce(p ->> 'reason', job.reason), 'retried_from', job.id, 'actor', p -> 'actor')
    || jsonb_strip_nulls(jsonb_build_object('tournament_no', case when failed is null then job.tournament_no end,
      'tournament_nos', coalesce(failed, job.tournament_nos))), as_of);
  perform private.audit(p -> 'actor', 'requeue-job', 'job', again.id::text, jsonb_build_object('job', job.id, 'status', job.status),
    jsonb_build_object('job', again.id, 'retried_from', job.id, 'tournament_nos', again.tournament_nos), p ->> 'reason', as_of);
  perform public.drain_sync_queue(as_of);
  return (select private.job_view(j, as_of) from public.sync_jobs j where j.id = again.id);
end
$$;

create or replace function public.schema_version() returns integer
language sql immutable set search_path = ''
return 27;

revoke execute on function private.attempts_of(public.sync_jobs), private.complete_job(uuid, uuid, text, integer, jsonb, timestamptz), private.dispatch_job(public.sync_jobs) from public, anon, authenticated;
grant execute on function private.attempts_of(public.sync_jobs), private.complete_job(uuid, uuid, text, integer, jsonb, timestamptz), private.dispatch_job(public.sync_jobs) to service_role;
