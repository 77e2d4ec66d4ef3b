-- A job that completes is written before the next is looked for, and the next is taken by the lock of its target: what looks locks no row.

create or replace function private.complete_job(p_job_id uuid, p_token uuid, p_final text, p_records integer, p_details jsonb, as_of timestamptz)
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
    order by q.rank_at, q.id limit 1;
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

create or replace function public.schema_version() returns integer
language sql immutable set search_path = ''
return 42;
