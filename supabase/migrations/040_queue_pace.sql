-- What a job costs on its way: each change of its state writes the row anew into every index, reads what is computed of it, and checks it.

-- Written when a job comes, and held by the check: a computed column is looked into by every statement that changes a job.
alter table public.sync_jobs alter column target drop expression, alter column target set not null;
create function private.set_target() returns trigger
language plpgsql set search_path = '' as $$
begin
  new.target := case when new.tournament_nos is not null then '*' else coalesce(new.tournament_no, '') end;
  return new;
end
$$;
comment on function private.set_target() is 'Fills in sync_jobs.target of a job that comes.';
create trigger set_target before insert on public.sync_jobs for each row execute function private.set_target();

alter table public.sync_jobs drop constraint sync_jobs_is_a_job;
drop function private.is_job(text, text, integer, integer, text, jsonb, uuid, timestamptz, timestamptz, uuid, timestamptz, timestamptz);
create function private.is_job(
  status text, priority text, attempts integer, max_attempts integer, tournament_no text, tournament_nos jsonb, target text, token uuid,
  claimed_at timestamptz, lease_expires_at timestamptz, execution_id uuid, cancel_requested_at timestamptz, finished_at timestamptz
) returns boolean
language plpgsql immutable set search_path = '' as $$
begin
  return priority in ('NORMAL', 'HIGH', 'EMERGENCY')
    and attempts between 0 and max_attempts
    and case
      when tournament_nos is not null then
        tournament_no is null and target = '*' and jsonb_typeof(tournament_nos) = 'array' and jsonb_array_length(tournament_nos) > 0
      else target = coalesce(tournament_no, '')
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
comment on function private.is_job(text, text, integer, integer, text, jsonb, text, uuid, timestamptz, timestamptz, uuid, timestamptz, timestamptz) is
  'Whether a job is one: a token while it runs and only then, over when it has ended, within its attempts, of one target; cancelled is never completed.';
alter table public.sync_jobs add constraint sync_jobs_is_a_job check (private.is_job(
  status, priority, attempts, max_attempts, tournament_no, tournament_nos, target, token,
  claimed_at, lease_expires_at, execution_id, cancel_requested_at, finished_at
));

-- The new form of a changed row finds room on its own page.
alter table public.sync_jobs set (fillfactor = 70);

-- A job's place in time is indexed once, when it is over; the others are few and have indexes of their own.
drop index public.sync_jobs_time_idx;
create index sync_jobs_time_idx on public.sync_jobs (enqueued_at, id) where finished_at is not null;

create or replace function public.list_sync_jobs(p jsonb) returns jsonb
language sql stable set search_path = ''
return (
  with asked as (
    select p ->> 'status' as status, p ->> 'entity_type' as entity_type, p ->> 'tournament_no' as tournament_no, (p ->> 'limit')::integer as most,
      -- As a bound that is always there, so that a page is found along the index.
      coalesce((p ->> 'before_at')::timestamptz, 'infinity') as before_at,
      coalesce((p ->> 'before_id')::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff') as before_id
  )
  select coalesce(jsonb_agg(to_jsonb(j) - 'token' - 'claimed_at' - 'lease_expires_at' - 'target' order by j.enqueued_at desc, j.id desc), '[]')
  from asked q cross join lateral (
    select a.* from (
      select * from public.sync_jobs where status = 'QUEUED'
      union all
      select * from public.sync_jobs where status = 'RUNNING'
      union all
      (
        -- As many as a page has, with the same filters.
        select * from public.sync_jobs o
        where o.finished_at is not null and (o.enqueued_at, o.id) < (q.before_at, q.before_id)
          and (q.status is null or q.status not in ('QUEUED', 'RUNNING')) and (q.status is null or o.status = q.status)
          and (q.entity_type is null or o.entity_type = q.entity_type)
          and (q.tournament_no is null or o.tournament_no = q.tournament_no or o.tournament_nos ? q.tournament_no)
        order by o.enqueued_at desc, o.id desc limit q.most
      )
    ) a
    where (a.enqueued_at, a.id) < (q.before_at, q.before_id) and (q.status is null or a.status = q.status)
      and (q.entity_type is null or a.entity_type = q.entity_type)
      and (q.tournament_no is null or a.tournament_no = q.tournament_no or a.tournament_nos ? q.tournament_no)
    order by a.enqueued_at desc, a.id desc limit q.most
  ) j
);

create or replace function private.complete_job(p_job_id uuid, p_token uuid, p_final text, p_records integer, p_details jsonb, as_of timestamptz)
returns public.sync_jobs
-- Planned once: planning takes longer than the work, and no parameter changes the plan.
language plpgsql set search_path = '' set plan_cache_mode = force_generic_plan as $$
declare
  hands_to text;
  next_id uuid;
  next_target text;
  successor public.sync_jobs;
begin
  -- The next in order takes the place as it is when it is of the same entity: what is counted stays the same, so nobody need count.
  -- The place of an EMERGENCY may be the one kept for them, and an entity that may not go on hands nothing over.
  -- Its own row is locked before any other: two that look might else wait for each other's.
  select case when d.priority <> 'EMERGENCY' and exists (
      select from public.sync_status s where s.entity_type = d.entity_type and s.is_active and s.paused_at is null) then d.entity_type end
  into hands_to
  from public.sync_jobs d where d.id = p_job_id and d.token = p_token for update;
  if not found then
    return null;
  end if;
  if hands_to is not null then
    -- A statement of its own: where somebody was faster, Postgres sets up the whole of it again to look at the row once more.
    select f.id, f.target into next_id, next_target from (
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
  -- Both in one update, in whatever order.
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
    from (
      select p_job_id as id, true as is_done
      union all
      -- Who began this target between the look and its lock has committed, and is seen by now; nobody can begin it from here on. Then, or where
      -- the target is this job's own and not free before the statement ends, nothing is handed over, and the queue is drained as ever.
      select next_id, false where next_id is not null and not exists (
        select from public.sync_jobs o where o.status = 'RUNNING' and o.entity_type = hands_to and o.target = next_target)
    ) m
    where j.id = m.id
    returning j.*
  )
  select * into successor from moved m where m.status = 'RUNNING';
  return successor;
end
$$;

create or replace function public.schema_version() returns integer
language sql immutable set search_path = ''
return 40;

revoke execute on function private.set_target(),
  private.is_job(text, text, integer, integer, text, jsonb, text, uuid, timestamptz, timestamptz, uuid, timestamptz, timestamptz)
from public, anon, authenticated;
grant execute on function private.set_target(),
  private.is_job(text, text, integer, integer, text, jsonb, text, uuid, timestamptz, timestamptz, uuid, timestamptz, timestamptz)
to service_role;
