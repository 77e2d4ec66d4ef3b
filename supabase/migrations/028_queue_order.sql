-- The order of jobs, with several at work: a job is passed over only while somebody else is taking it.

-- Closing the row of a trigger changes no index; with room on its page it stays there.
alter table public.manual_sync_audit set (fillfactor = 80);

-- What a row must be is one function a table: Postgres reads the whole tree of each check anew for every statement that writes, which took
-- a sixth of the time of handing a job out.
create function private.is_job(
  status text, priority text, attempts integer, max_attempts integer, tournament_no text, tournament_nos jsonb, token uuid,
  claimed_at timestamptz, lease_expires_at timestamptz, execution_id uuid, cancel_requested_at timestamptz, finished_at timestamptz
) returns boolean
language plpgsql immutable set search_path = '' as $$
begin
  return priority in ('NORMAL', 'HIGH', 'EMERGENCY')
    and attempts between 0 and max_attempts
    and case
      when tournament_nos is not null then
        tournament_no is null and jsonb_typeof(tournament_nos) = 'array' and jsonb_array_length(tournament_nos) > 0
      else true
    end
    and (token is not null) = (status = 'RUNNING')
    and case status
      when 'QUEUED' then finished_at is null
      when 'RUNNING' then finished_at is null and claimed_at is not null and (lease_expires_at is not null or execution_id is not null)
      when 'COMPLETED' then finished_at is not null and cancel_requested_at is null
      when 'FAILED' then finished_at is not null
      when 'CANCELLED' then finished_at is not null
      else false
    end;
end
$$;
comment on function private.is_job(text, text, integer, integer, text, jsonb, uuid, timestamptz, timestamptz, uuid, timestamptz, timestamptz) is
  'Whether a job is one: a token while it runs and only then, over when it has ended, within its attempts, of one target; cancelled is never completed.';
create function private.is_trigger(priority text, completion_timestamp timestamptz, final_status text) returns boolean
language plpgsql immutable set search_path = '' as $$
begin
  return priority in ('NORMAL', 'HIGH', 'EMERGENCY') and (completion_timestamp is null) = (final_status is null);
end
$$;
comment on function private.is_trigger(text, timestamptz, text) is 'Whether the row of a trigger is one: of a known priority, closed with a status.';

alter table public.sync_jobs
  drop constraint sync_jobs_status_is_known,
  drop constraint sync_jobs_priority_is_known,
  drop constraint sync_jobs_finished_iff_terminal,
  drop constraint sync_jobs_token_iff_running,
  drop constraint sync_jobs_running_has_a_lease_or_a_run,
  drop constraint sync_jobs_running_is_claimed,
  drop constraint sync_jobs_attempts_are_within_limit,
  drop constraint sync_jobs_cancelled_is_never_completed,
  drop constraint sync_jobs_target_is_one,
  drop constraint sync_jobs_tournaments_are_a_list,
  add constraint sync_jobs_is_a_job check (private.is_job(
    status, priority, attempts, max_attempts, tournament_no, tournament_nos, token,
    claimed_at, lease_expires_at, execution_id, cancel_requested_at, finished_at
  ));
alter table public.manual_sync_audit
  drop constraint manual_sync_audit_priority_is_known,
  drop constraint manual_sync_audit_finished_iff_terminal,
  add constraint manual_sync_audit_is_a_trigger check (private.is_trigger(priority, completion_timestamp, final_status));

create or replace function private.complete_job(p_job_id uuid, p_token uuid, p_final text, p_records integer, p_details jsonb, as_of timestamptz)
returns public.sync_jobs
-- Planned once: planning takes longer than the work, and no parameter changes the plan.
language plpgsql set search_path = '' set plan_cache_mode = force_generic_plan set jit = off as $$
declare
  hands_to text;
  next_id uuid;
  successor public.sync_jobs;
begin
  -- The next in order takes the place as it is when it is of the same entity: what is counted stays the same, so nobody need count.
  -- The place of an EMERGENCY may be the one kept for them, and an entity that may not go on hands nothing over.
  select case when d.priority <> 'EMERGENCY' and exists (
      select from public.sync_status s where s.entity_type = d.entity_type and s.is_active and s.paused_at is null) then d.entity_type end
  into hands_to
  from public.sync_jobs d where d.id = p_job_id and d.token = p_token for update;
  if not found then
    return null;
  end if;
  if hands_to is not null then
    -- A statement of its own: where somebody was faster, Postgres sets up the whole of it again to look at the row once more.
    select f.id into next_id from (
      select q.id, q.target from (
        -- In order, until it is another entity's turn. Nothing is locked by looking at it, so looking keeps nobody from it.
        select w.id, w.rank_at, bool_and(w.entity_type = hands_to) over (order by w.rank_at, w.id rows unbounded preceding) as is_its_turn
        from public.sync_jobs w
        where w.status = 'QUEUED' and w.not_before <= as_of and (w.expires_at is null or w.expires_at > as_of)
        order by w.rank_at, w.id limit 50
      ) w
      join public.sync_jobs q on q.id = w.id
      where w.is_its_turn and q.status = 'QUEUED'
        -- By a limit, so that these look for this one target and do not gather all that run.
        and (select true from public.sync_jobs o
          where o.status = 'RUNNING' and o.entity_type = q.entity_type and o.target = q.target and o.id <> p_job_id limit 1) is null
        and (select true from public.sync_execution_history h
          where h.status = 'RUNNING' and h.entity_type = q.entity_type and coalesce(h.tournament_no, '') = q.target limit 1) is null
      order by w.rank_at, w.id
      -- Keeps the condition below from being looked at before the row is locked.
      offset 0
      for update of q skip locked
    ) f
    -- Whoever else is taking this target, unseen yet, keeps it; nobody waits for that.
    where pg_try_advisory_xact_lock(hashtext('sync_target:' || hands_to || ':' || f.target))
    limit 1;
  end if;
  with closed as (
    update public.manual_sync_audit set completion_timestamp = as_of, final_status = p_final, records_processed = p_records, error_details = p_details
    where sync_job_id = p_job_id and completion_timestamp is null
  ),
  -- Both in one update, the finished one first, so that its target is free.
  moved as (
    update public.sync_jobs j set
      status = case when m.is_done then 'COMPLETED' else 'RUNNING' end,
      token = case when not m.is_done then gen_random_uuid() end,
      claimed_at = case when m.is_done then j.claimed_at else as_of end,
      lease_expires_at = case when not m.is_done then as_of + interval '30 seconds' end,
      execution_id = case when m.is_done then j.execution_id end,
      attempts = j.attempts + (not m.is_done)::integer,
      started_at = coalesce(j.started_at, as_of),
      finished_at = case when m.is_done then as_of end,
      final_status = case when m.is_done then p_final end,
      records_processed = case when m.is_done then p_records end,
      last_error = case when not m.is_done then j.last_error end
    from (select p_job_id as id, true as is_done union all select next_id, false where next_id is not null) m
    where j.id = m.id
    returning j.*
  )
  select * into successor from moved m where m.status = 'RUNNING';
  return successor;
exception
  -- Somebody began the same target between the look and the write: it ends without handing over, and the queue is drained as ever.
  when unique_violation then
    perform private.finish_job(p_job_id, 'COMPLETED', p_final, p_records, null, p_details, as_of);
    return null;
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
      order by q.rank_at, q.id
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

create function private.hold_attempt(p jsonb) returns public.sync_jobs
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
comment on function private.hold_attempt(jsonb) is
  'Locks the job of {sync_job_id, job_token, execution_id} while that attempt is the one under way. PT409 LEASE_LOST for a late one.';

create or replace function public.start_sync_execution(p jsonb, as_of timestamptz default now()) returns jsonb
language plpgsql set search_path = '' as $$
declare
  entity public.sync_status;
  live public.sync_execution_history;
  run public.sync_execution_history;
  previous public.sync_execution_history;
  -- A run for several tournaments, which its job names, is no full run either.
  scope constant text := case when p -> 'tournament_nos' is not null then '*' else p ->> 'tournament_no' end;
begin
  -- Locks come in one order everywhere: entity, run, job, audit, and last the queue's own. Jobs refer to the entity's key, which stays.
  select * into entity from public.sync_status where entity_type = p ->> 'entity_type' for no key update;
  if not found then
    raise sqlstate 'PT404' using message = format('no entity type %L', p ->> 'entity_type'), detail = 'ENTITY_UNKNOWN';
  elsif not entity.is_active then
    raise sqlstate 'PT409' using message = format('%s is not active', entity.entity_type), detail = 'ENTITY_INACTIVE';
  elsif entity.paused_at is not null then
    raise sqlstate 'PT409' using
      message = format('%s is paused by %s since %s', entity.entity_type, entity.paused_by, entity.paused_at),
      detail = 'ENTITY_PAUSED';
  end if;
  if p ->> 'sync_job_id' is not null then
    perform private.hold_attempt(p);
  end if;
  perform private.reap_dead_runs(as_of, entity.entity_type);
  select * into live from public.sync_execution_history
  where entity_type = entity.entity_type and coalesce(tournament_no, '') = coalesce(scope, '') and status = 'RUNNING';
  select * into previous from public.sync_execution_history
  where entity_type = entity.entity_type and tournament_no is null and status not in ('RUNNING', 'SKIPPED')
  order by execution_start desc limit 1;
  if live.id is null then
    insert into public.sync_execution_history
      (id, entity_type, tournament_no, trigger, sync_job_id, correlation_id, execution_start, heartbeat_at, lease_expires_at, deadline)
    values ((p ->> 'execution_id')::uuid, entity.entity_type, scope, p ->> 'trigger', (p ->> 'sync_job_id')::uuid,
      p ->> 'correlation_id', as_of, as_of, as_of + interval '60 seconds',
      as_of + least(entity.max_runtime, make_interval(secs => (p ->> 'wall_clock_ms')::numeric::double precision / 1000)))
    returning * into run;
  elsif live.id = (p ->> 'execution_id')::uuid then
    run := live;  -- the worker asks again because the first answer got lost
  else
    insert into public.sync_execution_history
      (id, entity_type, tournament_no, status, status_reason, trigger, sync_job_id, correlation_id, execution_start, execution_end)
    values ((p ->> 'execution_id')::uuid, entity.entity_type, scope, 'SKIPPED',
      format('run %s of the same scope is still going', live.id), p ->> 'trigger', (p ->> 'sync_job_id')::uuid,
      p ->> 'correlation_id', as_of, as_of)
    returning * into run;
    perform private.roll_up(run);
  end if;
  if p ->> 'sync_job_id' is not null then
    perform private.begin_job(p, run, as_of);
  end if;
  if run.tournament_no is null then
    update public.sync_status s set
      last_attempt = as_of,
      next_sync = private.last_due(s.schedule_anchor, s.sync_frequency, as_of) + s.sync_frequency,
      updated_at = as_of
    where s.entity_type = entity.entity_type;
  end if;
  return jsonb_build_object(
    'outcome', case run.status when 'RUNNING' then 'STARTED' else 'SKIPPED' end,
    'execution_id', run.id,
    'live_execution_id', live.id,
    'started_at', run.execution_start,
    'deadline', run.deadline,
    'previous_was_cut', coalesce(previous.status in ('TIMED_OUT', 'PARTIAL')
      and previous.tournaments_processed < previous.tournaments_total, false)
  );
end
$$;

create or replace function private.begin_job(p jsonb, run public.sync_execution_history, as_of timestamptz) returns void
language plpgsql set search_path = '' as $$
declare
  job constant public.sync_jobs := private.hold_attempt(p);
begin
  if run.status = 'SKIPPED' then
    -- It met a live run: it waits, and the attempt does not count.
    perform private.end_attempt(job, 'WAITED', run.status_reason, as_of);
    update public.sync_jobs set status = 'QUEUED', token = null, claimed_at = null, lease_expires_at = null, attempts = attempts - 1,
      not_before = as_of + interval '5 seconds'
    where id = job.id;
  else
    update public.sync_jobs set execution_id = run.id, lease_expires_at = null where id = job.id;
  end if;
end
$$;

create or replace function public.schema_version() returns integer
language sql immutable set search_path = ''
return 28;

revoke execute on function private.is_job(text, text, integer, integer, text, jsonb, uuid, timestamptz, timestamptz, uuid, timestamptz, timestamptz),
  private.is_trigger(text, timestamptz, text), private.hold_attempt(jsonb) from public, anon, authenticated;
grant execute on function private.is_job(text, text, integer, integer, text, jsonb, uuid, timestamptz, timestamptz, uuid, timestamptz, timestamptz),
  private.is_trigger(text, timestamptz, text) to service_role;
grant execute on function private.hold_attempt(jsonb) to service_role;
