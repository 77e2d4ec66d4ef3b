-- The queue of manual syncs: what waits, who may begin, each attempt with its token, and every way a job ends.
-- Past 300 lines, because every way into and out of a state is in one place.

create table public.sync_queue_settings (
  id boolean primary key default true,
  slots integer not null default 4,
  emergency_slots integer not null default 1,
  slots_per_entity integer not null default 2,
  max_attempts integer not null default 3,
  high_after interval not null default '10 minutes',
  normal_after interval not null default '30 minutes',
  triggers_per_minute integer not null default 10,
  constraint sync_queue_settings_is_one_row check (id),
  constraint sync_queue_settings_slots_are_positive check (slots > emergency_slots and emergency_slots >= 0 and slots_per_entity > 0),
  constraint sync_queue_settings_limits_are_positive check (max_attempts > 0 and triggers_per_minute > 0),
  constraint sync_queue_settings_order_is_one check (high_after >= interval '0' and normal_after >= high_after)
);
comment on table public.sync_queue_settings is 'Limits of the queue.';
comment on column public.sync_queue_settings.slots is 'Jobs running at once; emergency_slots of them are for EMERGENCY alone.';
comment on column public.sync_queue_settings.slots_per_entity is 'Of one entity at once; EMERGENCY may use emergency_slots more.';
comment on column public.sync_queue_settings.normal_after is
  'A NORMAL job ranks as if it had come so much later. What comes more than normal_after later never overtakes it, so its wait is bounded by that and the work then before it.';
insert into public.sync_queue_settings default values;

create table public.sync_jobs (
  id uuid primary key default gen_random_uuid(),
  entity_type varchar not null references public.sync_status (entity_type) on update cascade on delete restrict,
  tournament_no varchar,
  tournament_nos jsonb,
  target varchar generated always as (case when tournament_nos is not null then '*' else coalesce(tournament_no, '') end) stored,
  priority varchar not null,
  status varchar not null default 'QUEUED',
  triggered_by varchar not null,
  reason text not null,
  retried_from uuid references public.sync_jobs (id) on delete set null,
  attempts integer not null default 0,
  max_attempts integer not null,
  enqueued_at timestamptz not null,
  rank_at timestamptz not null,
  not_before timestamptz not null,
  expires_at timestamptz,
  token uuid,
  claimed_at timestamptz,
  lease_expires_at timestamptz,
  execution_id uuid,
  cancel_requested_at timestamptz,
  cancelled_by varchar,
  started_at timestamptz,
  finished_at timestamptz,
  final_status varchar,
  records_processed integer,
  last_error text,
  constraint sync_jobs_status_is_known check (status in ('QUEUED', 'RUNNING', 'COMPLETED', 'FAILED', 'CANCELLED')),
  constraint sync_jobs_priority_is_known check (priority in ('NORMAL', 'HIGH', 'EMERGENCY')),
  constraint sync_jobs_finished_iff_terminal check ((status in ('COMPLETED', 'FAILED', 'CANCELLED')) = (finished_at is not null)),
  constraint sync_jobs_token_iff_running check ((status = 'RUNNING') = (token is not null and claimed_at is not null)),
  constraint sync_jobs_running_has_a_lease_or_a_run check (status <> 'RUNNING' or lease_expires_at is not null or execution_id is not null),
  constraint sync_jobs_attempts_are_within_limit check (attempts between 0 and max_attempts),
  constraint sync_jobs_cancelled_is_never_completed check (status <> 'COMPLETED' or cancel_requested_at is null),
  constraint sync_jobs_target_is_one check (num_nonnulls(tournament_no, tournament_nos) <= 1),
  constraint sync_jobs_tournaments_are_a_list check (jsonb_typeof(tournament_nos) = 'array' and jsonb_array_length(tournament_nos) > 0)
);
comment on table public.sync_jobs is 'A queued request for a run of everything, of one tournament, or of several.';
comment on column public.sync_jobs.target is 'Empty for everything, a tournament, or * for several.';
comment on column public.sync_jobs.rank_at is 'The order of work: when it came, later by high_after or normal_after.';
comment on column public.sync_jobs.token is 'The fencing token of the attempt under way; whoever comes with another is late.';
comment on column public.sync_jobs.lease_expires_at is 'Until when the attempt must have begun its run; from then on the run''s own lease counts.';
create index sync_jobs_waiting_idx on public.sync_jobs (rank_at, id) where status = 'QUEUED';
create index sync_jobs_time_idx on public.sync_jobs (enqueued_at, id);
create index sync_jobs_retried_idx on public.sync_jobs (retried_from) where retried_from is not null;
create unique index sync_jobs_one_running_a_target on public.sync_jobs (entity_type, target) where status = 'RUNNING';
comment on index public.sync_jobs_one_running_a_target is 'Two running jobs of one entity and target cannot be written.';

create table public.sync_job_attempts (
  job_id uuid not null references public.sync_jobs (id) on delete cascade,
  claimed_at timestamptz not null,
  token uuid not null,
  execution_id uuid,
  ended_at timestamptz not null,
  outcome varchar not null,
  error text,
  primary key (job_id, claimed_at, token),
  constraint sync_job_attempts_outcome_is_known check (outcome in ('COMPLETED', 'FAILED', 'CANCELLED', 'LAPSED', 'WAITED'))
);
comment on table public.sync_job_attempts is
  'Each try of a job that is over; the one under way is in the job itself. WAITED met a live run and did not count, LAPSED never began.';

alter table public.manual_sync_audit
  add column idempotency_key varchar,
  add column request_hash varchar,
  add column actor varchar;
comment on column public.manual_sync_audit.triggered_by is 'The person it was done for; actor is who called, the same or the service.';
create index manual_sync_audit_actor_idx on public.manual_sync_audit (actor, trigger_timestamp);

do $$
declare
  monitored text;
begin
  foreach monitored in array array['sync_queue_settings', 'sync_jobs', 'sync_job_attempts'] loop
    execute format('alter table public.%I enable row level security', monitored);
    execute format('revoke all on public.%I from public, anon, authenticated', monitored);
    execute format('grant select on public.%I to authenticated', monitored);
    execute format('grant all on public.%I to service_role', monitored);
    execute format(
      'create policy "Allow monitoring read" on public.%I for select to authenticated using ((select private.can_read_monitoring()))',
      monitored
    );
    execute format(
      'create policy "Allow service monitoring access" on public.%I for all to service_role using (true) with check (true)', monitored
    );
  end loop;
end
$$;

create function private.job_rank(p_priority text, at_time timestamptz) returns timestamptz
language sql stable set search_path = ''
return at_time + (select case p_priority when 'EMERGENCY' then interval '0' when 'HIGH' then s.high_after else s.normal_after end
  from public.sync_queue_settings s);
comment on function private.job_rank(text, timestamptz) is 'The order of work of what comes at a time with a priority.';

create function private.end_attempt(job public.sync_jobs, p_outcome text, p_error text, as_of timestamptz) returns void
language plpgsql set search_path = '' as $$
begin
  if job.token is not null then
    insert into public.sync_job_attempts (job_id, claimed_at, token, execution_id, ended_at, outcome, error)
    values (job.id, job.claimed_at, job.token, job.execution_id, as_of, p_outcome, left(p_error, 1000));
  end if;
end
$$;
comment on function private.end_attempt(public.sync_jobs, text, text, timestamptz) is 'Writes down the attempt under way, if there is one, as over.';

create function private.finish_job(p_job_id uuid, p_status text, p_final text, p_records integer, p_error text, p_details jsonb, as_of timestamptz)
returns void
language plpgsql set search_path = '' as $$
begin
  update public.sync_jobs set status = p_status, token = null, claimed_at = null, lease_expires_at = null, finished_at = as_of,
    final_status = p_final, records_processed = p_records, last_error = left(p_error, 1000)
  where id = p_job_id and status in ('QUEUED', 'RUNNING');
  update public.manual_sync_audit set completion_timestamp = as_of, final_status = coalesce(p_final, p_status), records_processed = p_records,
    error_details = p_details
  where sync_job_id = p_job_id and completion_timestamp is null;
end
$$;
comment on function private.finish_job(uuid, text, text, integer, text, jsonb, timestamptz) is
  'The one way of a job into a terminal state, with the audit rows of its triggers.';

create function private.retry_job(job public.sync_jobs, p_error text, is_retryable boolean, as_of timestamptz) returns void
language plpgsql set search_path = '' as $$
begin
  if job.cancel_requested_at is not null then
    perform private.finish_job(job.id, 'CANCELLED', 'CANCELLED', null, p_error, null, as_of);
  elsif is_retryable and job.attempts < job.max_attempts then
    -- 30 s, 60 s, 120 s …, a quarter of it jitter either way.
    update public.sync_jobs set status = 'QUEUED', token = null, claimed_at = null, lease_expires_at = null, execution_id = null, last_error = left(p_error, 1000),
      not_before = as_of + make_interval(secs => 30 * 2 ^ (job.attempts - 1) * (0.75 + random() / 2))
    where id = job.id;
  else
    perform private.finish_job(job.id, 'FAILED', 'FAILED', null, p_error, jsonb_build_object('error', p_error, 'attempts', job.attempts), as_of);
  end if;
end
$$;
comment on function private.retry_job(public.sync_jobs, text, boolean, timestamptz) is
  'What follows a failed attempt: the queue again after a pause, or FAILED when it cannot pass or was the last.';

create function private.settle_job(run public.sync_execution_history, p jsonb, as_of timestamptz) returns void
language plpgsql set search_path = '' as $$
declare
  job public.sync_jobs;
begin
  select * into job from public.sync_jobs where id = run.sync_job_id and status = 'RUNNING' and execution_id = run.id for update;
  if not found then
    return;
  end if;
  if run.status in ('SUCCEEDED', 'PARTIAL') and job.cancel_requested_at is null then
    perform private.end_attempt(job, 'COMPLETED', null, as_of);
    perform private.finish_job(job.id, 'COMPLETED', run.status, run.records_processed, null, run.error_details, as_of);
  elsif run.status = 'CANCELLED' or job.cancel_requested_at is not null then
    perform private.end_attempt(job, 'CANCELLED', run.status_reason, as_of);
    perform private.finish_job(job.id, 'CANCELLED', 'CANCELLED', run.records_processed, 'its run ended ' || run.status, run.error_details, as_of);
  else
    perform private.end_attempt(job, 'FAILED', run.status_reason, as_of);
    perform private.retry_job(job, run.status_reason, coalesce((p ->> 'retryable')::boolean, true), as_of);
  end if;
end
$$;
comment on function private.settle_job(public.sync_execution_history, jsonb, timestamptz) is
  'What the end of a run means for the job it was for, if that is still its run.';

create function private.return_lapsed_jobs(as_of timestamptz) returns integer
language plpgsql set search_path = '' as $$
declare
  job public.sync_jobs;
  returned integer := 0;
begin
  for job in
    select * from public.sync_jobs where status = 'RUNNING' and execution_id is null and lease_expires_at <= as_of for update skip locked
  loop
    perform private.end_attempt(job, 'LAPSED', 'its run did not begin in time', as_of);
    perform private.retry_job(job, 'its run did not begin in time', true, as_of);
    returned := returned + 1;
  end loop;
  for job in
    select * from public.sync_jobs where status = 'QUEUED' and expires_at <= as_of for update skip locked
  loop
    perform private.finish_job(job.id, 'FAILED', 'FAILED', null, format('it expired at %s before it could begin', job.expires_at), null, as_of);
  end loop;
  return returned;
end
$$;
comment on function private.return_lapsed_jobs(timestamptz) is 'Takes back what was handed out and never began, and ends what expired waiting; how many came back.';

create function private.claim_sync_job(as_of timestamptz) returns public.sync_jobs
language plpgsql set search_path = '' as $$
declare
  claimed public.sync_jobs;
  limits public.sync_queue_settings;
  running integer;
  ordinary integer;
  open_to_all text[];
  open_to_emergency text[];
  busy text[];
begin
  -- Limits are counted and taken under one lock; whoever holds it never waits for a row.
  perform pg_advisory_xact_lock(hashtext('private.claim_sync_job'));
  select * into limits from public.sync_queue_settings;
  select count(*), count(*) filter (where priority <> 'EMERGENCY'), coalesce(array_agg(entity_type || ':' || target), '{}')
  into running, ordinary, busy
  from public.sync_jobs where status = 'RUNNING';
  if running >= limits.slots then
    return null;
  end if;
  busy := busy || array(
    select h.entity_type || ':' || coalesce(h.tournament_no, '') from public.sync_execution_history h where h.status = 'RUNNING');
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
      and q.entity_type = any (case q.priority when 'EMERGENCY' then open_to_emergency else open_to_all end)
      and (q.entity_type || ':' || q.target) <> all (busy)
    order by q.rank_at, q.id
    limit 1
    for update skip locked
  )
  returning j.* into claimed;
  return claimed;
end
$$;
comment on function private.claim_sync_job(timestamptz) is
  'The next job that may begin now, with a token and 30 s to begin; null when none may. In the order of rank_at, within the limits, never beside a live run of its target.';

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
    perform private.call_function(
      (select e.function_name from public.sync_status e where e.entity_type = job.entity_type),
      jsonb_strip_nulls(jsonb_build_object('trigger', case job.attempts when 1 then 'MANUAL' else 'RETRY' end, 'sync_job_id', job.id,
        'job_token', job.token, 'tournament_no', job.tournament_no, 'tournament_nos', job.tournament_nos))
    );
    dispatched := dispatched + 1;
  end loop;
  return jsonb_build_object('dispatched', dispatched, 'returned', returned);
end
$$;
comment on function public.drain_sync_queue(timestamptz) is
  'Takes back what lapsed and hands out all that may begin: {dispatched, returned}. Called when a job comes, when a run ends, and by cron.';

create function private.begin_job(p jsonb, run public.sync_execution_history, as_of timestamptz) returns void
language plpgsql set search_path = '' as $$
declare
  job public.sync_jobs;
begin
  select * into job from public.sync_jobs where id = (p ->> 'sync_job_id')::uuid for update;
  if job.status is distinct from 'RUNNING' or job.token is distinct from (p ->> 'job_token')::uuid
    or coalesce(job.execution_id, run.id) <> run.id then
    raise sqlstate 'PT409' using message = format('the attempt at job %s is no longer the one', p ->> 'sync_job_id'), detail = 'LEASE_LOST';
  end if;
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
comment on function private.begin_job(jsonb, public.sync_execution_history, timestamptz) is
  'Ties a run that just opened to the attempt of {sync_job_id, job_token}, or puts the job back when the run was SKIPPED. PT409 LEASE_LOST for a late one.';

revoke execute on function private.job_rank(text, timestamptz), private.end_attempt(public.sync_jobs, text, text, timestamptz),
  private.finish_job(uuid, text, text, integer, text, jsonb, timestamptz), private.retry_job(public.sync_jobs, text, boolean, timestamptz),
  private.settle_job(public.sync_execution_history, jsonb, timestamptz), private.return_lapsed_jobs(timestamptz),
  private.claim_sync_job(timestamptz), public.drain_sync_queue(timestamptz),
  private.begin_job(jsonb, public.sync_execution_history, timestamptz)
from public, anon, authenticated;
grant execute on function private.job_rank(text, timestamptz), private.end_attempt(public.sync_jobs, text, text, timestamptz),
  private.finish_job(uuid, text, text, integer, text, jsonb, timestamptz), private.retry_job(public.sync_jobs, text, boolean, timestamptz),
  private.settle_job(public.sync_execution_history, jsonb, timestamptz), private.return_lapsed_jobs(timestamptz),
  private.claim_sync_job(timestamptz), public.drain_sync_queue(timestamptz),
  private.begin_job(jsonb, public.sync_execution_history, timestamptz)
to service_role;
