-- The life of a job: enqueue, claim, dispatch, finish, cancel, requeue, and the facts its estimate is made of.

create function private.job_rank(p_priority text, at_time timestamptz) returns timestamptz
language sql stable set search_path = '' as $$
  select at_time + (select case p_priority when 'EMERGENCY' then interval '0' when 'HIGH' then s.high_after else s.normal_after end
    from public.sync_queue_settings s);
$$;
comment on function private.job_rank(text, timestamptz) is 'The order of work of what comes at a time with a priority.';

create function private.finish_attempt(job public.sync_jobs, p_outcome text, p_error text, as_of timestamptz) returns void
language plpgsql set search_path = '' as $$
begin
  if job.token is not null then
    insert into public.sync_job_attempts (job_id, claimed_at, token, execution_id, ended_at, outcome, error)
    values (job.id, job.claimed_at, job.token, job.execution_id, as_of, p_outcome, left(p_error, 1000));
  end if;
end
$$;
comment on function private.finish_attempt(public.sync_jobs, text, text, timestamptz) is 'Writes down the attempt under way, if there is one, as over.';

create function private.close_job(p_job_id uuid, p_status text, p_final text, p_records integer, p_error text, p_details jsonb, as_of timestamptz)
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
comment on function private.close_job(uuid, text, text, integer, text, jsonb, timestamptz) is
  'The one way of a job into a terminal state, with the audit rows of its triggers.';

create function private.retry_job(job public.sync_jobs, p_error text, is_retryable boolean, as_of timestamptz) returns void
language plpgsql set search_path = '' as $$
begin
  if job.cancel_requested_at is not null then
    perform private.close_job(job.id, 'CANCELLED', 'CANCELLED', null, p_error, null, as_of);
  elsif is_retryable and job.attempts < job.max_attempts then
    -- 30 s, 60 s, 120 s …, a quarter of it jitter either way.
    update public.sync_jobs set status = 'QUEUED', token = null, claimed_at = null, lease_expires_at = null, execution_id = null, last_error = left(p_error, 1000),
      not_before = as_of + make_interval(secs => 30 * 2 ^ (job.attempts - 1) * (0.75 + random() / 2))
    where id = job.id;
  else
    perform private.close_job(job.id, 'FAILED', 'FAILED', null, p_error, jsonb_build_object('error', p_error, 'attempts', job.attempts), as_of);
  end if;
end
$$;
comment on function private.retry_job(public.sync_jobs, text, boolean, timestamptz) is
  'What follows a failed attempt: the queue again after a pause, or FAILED when it cannot pass or was the last.';

create function private.return_lapsed_jobs(as_of timestamptz) returns integer
language plpgsql set search_path = '' as $$
declare
  job public.sync_jobs;
  returned integer := 0;
begin
  for job in
    select * from public.sync_jobs where status = 'RUNNING' and execution_id is null and lease_expires_at <= as_of for update skip locked
  loop
    perform private.finish_attempt(job, 'LAPSED', 'its run did not begin in time', as_of);
    perform private.retry_job(job, 'its run did not begin in time', true, as_of);
    returned := returned + 1;
  end loop;
  for job in
    select * from public.sync_jobs where status = 'QUEUED' and expires_at <= as_of for update skip locked
  loop
    perform private.close_job(job.id, 'FAILED', 'FAILED', null, format('it expired at %s before it could begin', job.expires_at), null, as_of);
  end loop;
  return returned;
end
$$;
comment on function private.return_lapsed_jobs(timestamptz) is 'Takes back what was handed out and never began, and ends what expired waiting; how many came back.';

create function private.claim_sync_job(as_of timestamptz) returns public.sync_jobs
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
    select f.id from (
      select q.id, q.entity_type, q.target from public.sync_jobs q
      where q.status = 'QUEUED' and q.not_before <= as_of and (q.expires_at is null or q.expires_at > as_of)
        and case
          when (q.entity_type = any (case q.priority when 'EMERGENCY' then open_to_emergency else open_to_all end)) is not true then false
          else (select true from public.sync_jobs o
              where o.status = 'RUNNING' and o.entity_type = q.entity_type and o.target = q.target limit 1) is null
            and (select true from public.sync_execution_history h
              where h.status = 'RUNNING' and h.entity_type = q.entity_type and coalesce(h.tournament_no, '') = q.target limit 1) is null
        end
      order by q.rank, q.id
      offset 0
      for update skip locked
    ) f
    -- As in complete_job: only what is taken is locked, its row first.
    where pg_try_advisory_xact_lock(hashtext('sync_target:' || f.entity_type || ':' || f.target))
    limit 1
  )
  returning j.* into claimed;
  return claimed;
exception
  -- Somebody began the same target between the look and the write; the next call sees it.
  when unique_violation then
    return private.claim_sync_job(as_of);
end
$$;
comment on function private.claim_sync_job(timestamptz) is
  'The next job that may begin now, with a token and 30 s to begin; null when none may. In the order of rank, within the limits, never beside a live run of its target.';

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

create function public.drain_sync_queue(as_of timestamptz default now()) returns jsonb
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
comment on function public.drain_sync_queue(timestamptz) is
  'Takes back what lapsed and hands out all that may begin: {dispatched, returned}. Called when a job comes, when a run ends, and by cron.';

create function private.reserve_attempt(p jsonb) returns public.sync_jobs
language plpgsql set search_path = '' as $$
declare
  job public.sync_jobs;
begin
  -- By its token: a late worker is refused before it has locked or changed anything, least of all a job that waits again.
  select * into job from public.sync_jobs where id = (p ->> 'sync_job_id')::uuid and token = (p ->> 'job_token')::uuid for update;
  if not found or coalesce(job.execution_id, (p ->> 'execution_id')::uuid) <> (p ->> 'execution_id')::uuid then
    raise sqlstate 'PT409' using message = format('the attempt at job %s is no longer the one', p ->> 'sync_job_id'), detail = 'LEASE_LOST';
  end if;
  return job;
end
$$;
comment on function private.reserve_attempt(jsonb) is
  'Locks the job of {sync_job_id, job_token, execution_id} while that attempt is the one under way. PT409 LEASE_LOST for a late one.';

create function private.start_attempt(p jsonb, run public.sync_execution_history, as_of timestamptz) returns void
language plpgsql set search_path = '' as $$
declare
  job constant public.sync_jobs := private.reserve_attempt(p);
begin
  if run.status = 'SKIPPED' then
    -- It met a live run: it waits, and the attempt does not count.
    perform private.finish_attempt(job, 'WAITED', run.status_reason, as_of);
    update public.sync_jobs set status = 'QUEUED', token = null, claimed_at = null, lease_expires_at = null, attempts = attempts - 1,
      not_before = as_of + interval '5 seconds'
    where id = job.id;
  else
    update public.sync_jobs set execution_id = run.id, lease_expires_at = null where id = job.id;
  end if;
end
$$;
comment on function private.start_attempt(jsonb, public.sync_execution_history, timestamptz) is
  'Ties a run that just opened to the attempt of {sync_job_id, job_token}, or puts the job back when the run was SKIPPED. PT409 LEASE_LOST for a late one.';

create function private.complete_job(p_job_id uuid, p_token uuid, p_final text, p_records integer, p_details jsonb, as_of timestamptz)
returns public.sync_jobs
-- Planned once: planning takes longer than the work, and no parameter changes the plan.
language plpgsql set search_path = '' set plan_cache_mode = force_generic_plan as $$
declare
  hands_to text;
  next_id uuid;
  next_target text;
  is_its_turn boolean;
  successor public.sync_jobs;
begin
  -- The next in order takes the place as it is when it is of the same entity: what is counted stays the same, so nobody need count.
  -- The place of an EMERGENCY may be the one kept for them, and an entity that may not go on hands nothing over.
  update public.sync_jobs d set
    status = 'COMPLETED', token = null, lease_expires_at = null, finished_at = as_of, final_status = p_final, records_processed = p_records, last_error = null
  where d.id = p_job_id and d.token = p_token
  returning case when d.priority <> 'EMERGENCY' and exists (
    select from public.sync_status s where s.entity_type = d.entity_type and s.is_active and s.paused_at is null) then d.entity_type end
  into hands_to;
  if not found then
    return null;
  end if;
  update public.manual_sync_audit set completion_timestamp = as_of, final_status = p_final, records_processed = p_records, error_details = p_details
  where sync_job_id = p_job_id and completion_timestamp is null;
  if hands_to is null then
    return null;
  end if;
  -- Each turn sees what the one before could not; whoever is unlucky so often drains the queue.
  for turn in 1..5 loop
    -- In order, until one may be taken or it is another entity's turn.
    select q.id, q.target, q.entity_type = hands_to into next_id, next_target, is_its_turn
    from public.sync_jobs q
    where q.status = 'QUEUED' and q.not_before <= as_of and (q.expires_at is null or q.expires_at > as_of)
      and case when q.entity_type = hands_to then
        -- By a limit, so that these look for this one target and do not gather all that run.
        (select true from public.sync_jobs o
          where o.status = 'RUNNING' and o.entity_type = q.entity_type and o.target = q.target limit 1) is null
        and (select true from public.sync_execution_history h
          where h.status = 'RUNNING' and h.entity_type = q.entity_type and coalesce(h.tournament_no, '') = q.target limit 1) is null
        -- Whoever else is taking this target, unseen yet, keeps it; nobody waits for that.
        and pg_try_advisory_xact_lock(hashtext('sync_target:' || hands_to || ':' || q.target))
      else true end
    order by q.rank, q.id limit 1;
    exit when is_its_turn is not true;
    -- Who had taken it before the lock was ours has committed, and is seen by now; nobody can begin this target from here on.
    update public.sync_jobs j set
      status = 'RUNNING', token = gen_random_uuid(), claimed_at = as_of, attempts = j.attempts + 1, execution_id = null,
      lease_expires_at = as_of + interval '30 seconds', started_at = coalesce(j.started_at, as_of)
    where j.id = (select q.id from public.sync_jobs q where q.id = next_id and q.status = 'QUEUED' for update skip locked)
      and not exists (select from public.sync_jobs o where o.status = 'RUNNING' and o.entity_type = hands_to and o.target = next_target)
    returning j.* into successor;
    exit when found;
  end loop;
  return successor;
end
$$;
comment on function private.complete_job(uuid, uuid, text, integer, jsonb, timestamptz) is
  'Completes a job by its token, closes its audit rows, and claims the next in order for its place if that is of the same entity; null when it is not.';

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
    perform private.close_job(job.id, 'CANCELLED', 'CANCELLED', run.records_processed, 'its run ended ' || run.status, run.error_details, as_of);
  else
    perform private.finish_attempt(job, 'FAILED', run.status_reason, as_of);
    perform private.retry_job(job, run.status_reason, coalesce((p ->> 'retryable')::boolean, true), as_of);
  end if;
end
$$;
comment on function private.finish_job(public.sync_execution_history, jsonb, timestamptz) is
  'What the end of a run means for the job it was for, if that is still its run.';

create function private.duration_samples(p_entity_type text, p_target text, p_nos jsonb, as_of timestamptz) returns double precision[]
language plpgsql stable set search_path = '' set plan_cache_mode = force_generic_plan as $$
begin
  return (
    -- The last thirty of the same kind, in ms: what drifts is followed. A tournament's own come first, then what full runs took for it, which
    -- is all there is of several.
    with own as (
      -- A run of everything and one of a tournament are found by different indexes; only one of these two is looked for.
      (select extract(epoch from h.duration) * 1000 as ms from public.sync_execution_history h
        -- As a range of entity and time, which only the index of both can go through: an entity that never ran is not looked for among all runs.
        where p_target = '' and (h.entity_type, h.execution_start) <= (p_entity_type, as_of) and h.entity_type >= p_entity_type
          and h.tournament_no is null and h.status in ('SUCCEEDED', 'PARTIAL')
        order by h.entity_type desc, h.execution_start desc limit 30)
      union all
      (select extract(epoch from h.duration) * 1000 from public.sync_execution_history h
        where p_target not in ('', '*') and h.tournament_no = p_target and h.entity_type = p_entity_type and h.status in ('SUCCEEDED', 'PARTIAL')
          and h.execution_start <= as_of
        order by h.execution_start desc limit 30)
    ),
    within_full_runs as (
      select n.no, r.ms, r.age
      from (select p_target as no where p_target not in ('', '*') union select jsonb_array_elements_text(p_nos)) n
      cross join lateral (
        select extract(epoch from l.processing_duration) * 1000 as ms, row_number() over (order by l.created_at desc) as age
        from public.sync_tournament_results l
        where l.tournament_no = n.no and l.entity_type = p_entity_type and l.success and l.created_at <= as_of
        order by l.created_at desc limit 30
      ) r
    ),
    known as (
      select count(distinct w.no) as tournaments from within_full_runs w
    ),
    -- A run does several at a time: how much of their time together the last full run took.
    share as (
      select extract(epoch from h.duration) * 1000 / nullif(sum(extract(epoch from r.processing_duration)) * 1000, 0) as of_sum
      from (
        select l.id, l.duration from public.sync_execution_history l
        where p_target = '*' and (l.entity_type, l.execution_start) <= (p_entity_type, as_of) and l.entity_type >= p_entity_type
          and l.tournament_no is null and l.status in ('SUCCEEDED', 'PARTIAL')
        order by l.entity_type desc, l.execution_start desc limit 1
      ) h join public.sync_tournament_results r on r.sync_execution_id = h.id
      group by h.id, h.duration
    ),
    together as (
      -- Those of which nothing is known take as long as the others do.
      select w.age, greatest(max(w.ms), sum(w.ms) * jsonb_array_length(p_nos) / k.tournaments * coalesce((select of_sum from share), 1)) as ms
      from within_full_runs w cross join known k group by w.age, k.tournaments having count(*) = k.tournaments
    )
    select case
      when p_target = '*' then (select array_agg(ms order by age) from together)
      when (select count(*) from own) >= 5 or p_target = '' then (select array_agg(ms) from own)
      else (select array_agg(ms order by age) from within_full_runs)
    end
  );
end
$$;
comment on function private.duration_samples(text, text, jsonb, timestamptz) is
  'Durations in ms of the last thirty runs like this one, or of what these tournaments would have taken then, the newest first; null without any.';

create function private.queue_position(entity text, target text, nos jsonb, elapsed_ms numeric, as_of timestamptz) returns jsonb
language plpgsql stable set search_path = '' set plan_cache_mode = force_generic_plan as $$
begin
  return (
    -- The mean is that of the last ten, which follows a drift sooner; of one that runs, what is left by those that took longer than it has.
    select jsonb_build_object('entity_type', entity, 'target', target,
      'left_ms', case
        when elapsed_ms is null then avg(ms) filter (where age <= 10)
        else coalesce(avg(ms - elapsed_ms::double precision) filter (where ms > elapsed_ms), avg(ms) / 4)
      end,
      'variance', coalesce(case
        when elapsed_ms is null then var_samp(ms) else var_samp(ms - elapsed_ms::double precision) filter (where ms > elapsed_ms) end, 0))
    from unnest(private.duration_samples(entity, target, nos, as_of)) with ordinality s (ms, age)
  );
end
$$;
comment on function private.queue_position(text, text, jsonb, numeric, timestamptz) is
  'What is known of the time a job takes that runs or waits before another.';

create function private.job_estimate(job public.sync_jobs, as_of timestamptz) returns jsonb
language plpgsql stable set search_path = '' set plan_cache_mode = force_generic_plan as $$
begin
  return (
    select jsonb_build_object(
      'samples', private.duration_samples(job.entity_type, job.target, job.tournament_nos, as_of),
      'entity_type', job.entity_type, 'target', job.target, 'status', job.status, 'is_emergency', job.priority = 'EMERGENCY',
      'starts_in_ms', greatest(extract(epoch from job.not_before - as_of) * 1000, 0),
      'elapsed_ms', (
        select extract(epoch from as_of - h.execution_start) * 1000 from public.sync_execution_history h
        where h.id = job.execution_id and h.status = 'RUNNING'),
      'slots', s.slots, 'emergency_slots', s.emergency_slots, 'slots_per_entity', s.slots_per_entity,
      'running', (
        select coalesce(jsonb_agg(private.queue_position(r.entity_type, r.target, r.nos, extract(epoch from as_of - r.began) * 1000, as_of) order by r.began), '[]')
        from (
          select o.entity_type, o.target, o.tournament_nos as nos, coalesce(h.execution_start, as_of) as began
          from public.sync_jobs o left join public.sync_execution_history h on h.id = o.execution_id
          where o.status = 'RUNNING' and o.id <> job.id
          union all
          -- A run of the schedule takes no slot, but nothing of its target begins beside it.
          select h.entity_type, coalesce(h.tournament_no, ''), null, h.execution_start from public.sync_execution_history h
          where h.status = 'RUNNING' and h.sync_job_id is null and h.entity_type = job.entity_type and coalesce(h.tournament_no, '') = job.target
        ) r
      ),
      'waiting', (
        select coalesce(jsonb_agg(private.queue_position(w.entity_type, w.target, w.tournament_nos, null, as_of) order by w.rank, w.id), '[]')
        from (
          select o.* from public.sync_jobs o
          where o.status = 'QUEUED' and o.id <> job.id and (o.rank, o.id) < (job.rank, job.id) and o.not_before <= as_of
          order by o.rank, o.id limit 50
        ) w
      )
    )
    from public.sync_queue_settings s
  );
end
$$;
comment on function private.job_estimate(public.sync_jobs, timestamptz) is
  'The facts an estimate is made of: its own durations, what runs, and what waits before it (the first fifty).';

create function private.job_json(job public.sync_jobs, as_of timestamptz) returns jsonb
language plpgsql stable set search_path = '' set plan_cache_mode = force_generic_plan as $$
begin
  return (
    select to_jsonb(job) - 'token' - 'claimed_at' - 'lease_expires_at' - 'target' || jsonb_build_object(
      'as_of', as_of,
      'queue_position', case when job.status = 'QUEUED' then 1 + (
        select count(*) from public.sync_jobs o where o.status = 'QUEUED' and (o.rank, o.id) < (job.rank, job.id)) end,
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
    )
  );
end
$$;
comment on function private.job_json(public.sync_jobs, timestamptz) is 'A job as people see it, without its token, with its place, progress and attempts.';

create function private.attempts_of(job public.sync_jobs) returns setof public.sync_job_attempts
language sql stable set search_path = '' as $$
  select a.* from public.sync_job_attempts a where a.job_id = job.id
  union all
  select job.id, job.claimed_at, job.token, job.execution_id, job.finished_at, case job.status when 'COMPLETED' then 'COMPLETED' end, null
  where job.status in ('RUNNING', 'COMPLETED') and job.claimed_at is not null;
$$;
comment on function private.attempts_of(public.sync_jobs) is 'Every try of a job, the one under way without an end and an outcome.';

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
    raise sqlstate 'PT409' using message = 'this Idempotency-Key was used for another request', detail = 'IDEMPOTENCY_KEY_REUSED';
  end if;
  return earlier.sync_job_id;
end
$$;
comment on function private.repeated_trigger(jsonb, timestamptz) is
  'The job an actor''s Idempotency-Key made within 24 hours; null for a new one. PT409 IDEMPOTENCY_KEY_REUSED for another body.';

create function private.join_or_insert_job(p jsonb, as_of timestamptz) returns public.sync_jobs
language plpgsql set search_path = '' as $$
declare
  job public.sync_jobs;
  wanted_rank constant timestamptz := private.job_rank(p ->> 'priority', as_of);
  begins constant timestamptz := greatest(coalesce((p ->> 'not_before')::timestamptz, as_of), as_of);
begin
  perform pg_advisory_xact_lock(hashtext('sync_jobs:' || (p ->> 'entity_type') || ':' || coalesce(p ->> 'tournament_no', '')));
  if p -> 'tournament_nos' is null and begins = as_of then
    -- A waiting job for the same target is joined; a higher priority raises it.
    update public.sync_jobs j set
      rank = least(j.rank, wanted_rank),
      priority = case when wanted_rank < private.job_rank(j.priority, as_of) then p ->> 'priority' else j.priority end
    where j.id = (
      select w.id from public.sync_jobs w
      where w.status = 'QUEUED' and w.entity_type = p ->> 'entity_type' and w.target = coalesce(p ->> 'tournament_no', '') and w.not_before <= as_of
      order by w.rank limit 1 for update
    ) and j.status = 'QUEUED'
    returning j.* into job;
  end if;
  if job.id is null then
    insert into public.sync_jobs (entity_type, tournament_no, tournament_nos, priority, triggered_by, reason, retried_from, max_attempts,
      enqueued_at, rank, not_before, expires_at)
    select p ->> 'entity_type', p ->> 'tournament_no', p -> 'tournament_nos', p ->> 'priority', p ->> 'triggered_by', p ->> 'reason',
      (p ->> 'retried_from')::uuid, s.max_attempts, as_of, private.job_rank(p ->> 'priority', begins), begins, (p ->> 'expires_at')::timestamptz
    from public.sync_queue_settings s
    returning * into job;
  end if;
  insert into public.manual_sync_audit
    (sync_job_id, entity_type, tournament_no, priority, triggered_by, trigger_reason, trigger_timestamp, actor, idempotency_key, request_hash)
  values (job.id, job.entity_type, job.tournament_no, p ->> 'priority', p ->> 'triggered_by', p ->> 'reason', as_of, p -> 'actor' ->> 'name',
    p ->> 'idempotency_key', p ->> 'request_hash');
  return job;
end
$$;
comment on function private.join_or_insert_job(jsonb, timestamptz) is 'The job a trigger means, new or waiting already, with the trigger''s audit row.';

create function public.enqueue_sync_job(p jsonb, as_of timestamptz default now()) returns jsonb
language plpgsql set search_path = '' as $$
declare
  job public.sync_jobs;
  repeated uuid := private.repeated_trigger(p, as_of);
  recent record;
begin
  if repeated is null then
    if not exists (select from public.sync_status where entity_type = p ->> 'entity_type' and is_active) then
      raise sqlstate 'PT400' using message = format('entity_type: %s cannot be triggered', p ->> 'entity_type'), detail = 'BAD_REQUEST';
    elsif p ->> 'tournament_no' is not null and not exists (select from public.tournaments where no = p ->> 'tournament_no') then
      raise sqlstate 'PT400' using message = format('tournament_no: there is no tournament %s', p ->> 'tournament_no'), detail = 'BAD_REQUEST';
    end if;
    select count(*) as triggers, min(a.trigger_timestamp) as first, max(s.triggers_per_minute) as allowed into recent
    from public.manual_sync_audit a cross join public.sync_queue_settings s
    where a.actor = p -> 'actor' ->> 'name' and a.trigger_timestamp > as_of - interval '1 minute';
    if recent.triggers >= recent.allowed then
      raise sqlstate 'PT429' using message = format('%s triggers within a minute are enough', recent.triggers), detail = 'TOO_MANY_TRIGGERS',
        hint = ceil(extract(epoch from recent.first + interval '1 minute' - as_of))::text;
    end if;
    job := private.join_or_insert_job(p, as_of);
    perform private.audit(p -> 'actor', 'trigger-sync', 'job', job.id::text, null,
      jsonb_build_object('entity_type', job.entity_type, 'tournament_no', job.tournament_no, 'priority', p ->> 'priority',
        'triggered_by', p ->> 'triggered_by', 'joined', job.enqueued_at <> as_of), p ->> 'reason', as_of);
    perform public.drain_sync_queue(as_of);
    repeated := job.id;
  end if;
  return (select private.job_json(j, as_of) from public.sync_jobs j where j.id = repeated);
end
$$;
comment on function public.enqueue_sync_job(jsonb, timestamptz) is
  'Queues {entity_type, tournament_no?, priority, triggered_by, reason, not_before?, expires_at?, idempotency_key?, request_hash?, actor} and hands out what may begin. PT400 BAD_REQUEST, PT409 IDEMPOTENCY_KEY_REUSED, PT429 TOO_MANY_TRIGGERS with seconds in the hint.';

create function public.cancel_sync_job(p jsonb, as_of timestamptz default now()) returns jsonb
language plpgsql set search_path = '' as $$
declare
  job public.sync_jobs;
begin
  select * into job from public.sync_jobs where id = (p ->> 'id')::uuid for update;
  if not found then
    raise sqlstate 'PT404' using message = format('there is no job %s', p ->> 'id'), detail = 'NOT_FOUND';
  elsif job.finished_at is not null then
    raise sqlstate 'PT409' using message = format('the job is %s already', job.status), detail = 'JOB_OVER';
  end if;
  update public.sync_jobs set cancel_requested_at = coalesce(cancel_requested_at, as_of), cancelled_by = coalesce(cancelled_by, p -> 'actor' ->> 'name')
  where id = job.id;
  -- The next heartbeat of a run brings the request to it.
  if job.execution_id is null then
    -- It waits, or was handed out and has not begun: whoever comes with its token now is late.
    perform private.finish_attempt(job, 'CANCELLED', 'cancelled before it began', as_of);
    perform private.close_job(job.id, 'CANCELLED', 'CANCELLED', null, 'cancelled before it began', null, as_of);
  end if;
  perform private.audit(p -> 'actor', 'cancel-job', 'job', job.id::text, jsonb_build_object('status', job.status),
    (select jsonb_build_object('status', j.status, 'cancel_requested_at', j.cancel_requested_at) from public.sync_jobs j where j.id = job.id),
    p ->> 'reason', as_of);
  return (select private.job_json(j, as_of) from public.sync_jobs j where j.id = job.id);
end
$$;
comment on function public.cancel_sync_job(jsonb, timestamptz) is
  'Cancels job {id}: at once while it waits, at the next tournament while it runs. PT404 NOT_FOUND, PT409 JOB_OVER.';

create function public.requeue_sync_job(p jsonb, as_of timestamptz default now()) returns jsonb
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
  return (select private.job_json(j, as_of) from public.sync_jobs j where j.id = again.id);
end
$$;
comment on function public.requeue_sync_job(jsonb, timestamptz) is
  'Makes a new job out of ended job {id}, whole or {only_failed} tournaments of its last attempt. PT404 NOT_FOUND, PT409 JOB_NOT_OVER or NOTHING_FAILED.';

select private.secure_functions(
  'private.job_rank', 'private.finish_attempt', 'private.close_job', 'private.retry_job', 'private.return_lapsed_jobs',
  'private.claim_sync_job', 'private.dispatch_job', 'public.drain_sync_queue', 'private.reserve_attempt', 'private.start_attempt',
  'private.complete_job', 'private.finish_job', 'private.duration_samples', 'private.queue_position', 'private.job_estimate',
  'private.job_json', 'private.attempts_of', 'private.repeated_trigger', 'private.join_or_insert_job', 'public.enqueue_sync_job',
  'public.cancel_sync_job', 'public.requeue_sync_job'
);
