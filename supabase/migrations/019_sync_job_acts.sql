-- What people do to the queue, each act audited, and what they see of it.
-- Past 300 lines, because a job is made, joined, shown, cancelled and made again by the same few columns.

create function private.duration_samples(p_entity_type text, p_target text, as_of timestamptz) returns double precision[]
language sql stable set search_path = ''
begin atomic
  -- The last thirty of the same kind, in ms: what drifts is followed. A tournament's own come first, then what full runs took for it.
  with own as (
    select extract(epoch from h.duration) * 1000 as ms from public.sync_execution_history h
    where h.entity_type = p_entity_type and coalesce(h.tournament_no, '') = p_target and h.status in ('SUCCEEDED', 'PARTIAL')
      and h.execution_start <= as_of and p_target <> '*'
    order by h.execution_start desc limit 30
  ),
  within_full_runs as (
    select extract(epoch from r.processing_duration) * 1000 as ms from public.sync_tournament_results r
    where p_target not in ('', '*') and r.tournament_no = p_target and r.entity_type = p_entity_type and r.success and r.created_at <= as_of
    order by r.created_at desc limit 30
  )
  select case
    when (select count(*) from own) >= 5 or p_target in ('', '*') then (select array_agg(ms) from own)
    else (select array_agg(ms) from within_full_runs)
  end;
end;
comment on function private.duration_samples(text, text, timestamptz) is 'Durations in ms of the last thirty runs like this one, the newest first; null without any.';

create function private.job_ahead(entity text, target text, elapsed_ms numeric, as_of timestamptz) returns jsonb
language sql stable set search_path = ''
return (
  -- The mean is that of the last ten, which follows a drift sooner; of one that runs, what is left by those that took longer than it has.
  select jsonb_build_object('entity_type', entity, 'target', target,
    'left_ms', case
      when elapsed_ms is null then avg(ms) filter (where age <= 10)
      else coalesce(avg(ms - elapsed_ms::double precision) filter (where ms > elapsed_ms), avg(ms) / 4)
    end,
    'variance', coalesce(case
      when elapsed_ms is null then var_samp(ms) else var_samp(ms - elapsed_ms::double precision) filter (where ms > elapsed_ms) end, 0))
  from unnest(private.duration_samples(entity, target, as_of)) with ordinality s (ms, age)
);
comment on function private.job_ahead(text, text, numeric, timestamptz) is 'What is known of the time a job takes that runs or waits before another.';

create function private.job_estimate(job public.sync_jobs, as_of timestamptz) returns jsonb
language sql stable set search_path = ''
begin atomic
  select jsonb_build_object(
    'samples', private.duration_samples(job.entity_type, job.target, as_of),
    'entity_type', job.entity_type, 'target', job.target, 'status', job.status, 'is_emergency', job.priority = 'EMERGENCY',
    'starts_in_ms', greatest(extract(epoch from job.not_before - as_of) * 1000, 0),
    'elapsed_ms', (
      select extract(epoch from as_of - h.execution_start) * 1000 from public.sync_execution_history h
      where h.id = job.execution_id and h.status = 'RUNNING'),
    'slots', s.slots, 'emergency_slots', s.emergency_slots, 'slots_per_entity', s.slots_per_entity,
    'running', (
      select coalesce(jsonb_agg(private.job_ahead(r.entity_type, r.target, extract(epoch from as_of - r.began) * 1000, as_of) order by r.began), '[]')
      from (
        select o.entity_type, o.target, coalesce(h.execution_start, as_of) as began
        from public.sync_jobs o left join public.sync_execution_history h on h.id = o.execution_id
        where o.status = 'RUNNING' and o.id <> job.id
        union all
        -- A run of the schedule takes no slot, but nothing of its target begins beside it.
        select h.entity_type, coalesce(h.tournament_no, ''), h.execution_start from public.sync_execution_history h
        where h.status = 'RUNNING' and h.sync_job_id is null and h.entity_type = job.entity_type and coalesce(h.tournament_no, '') = job.target
      ) r
    ),
    'waiting', (
      select coalesce(jsonb_agg(private.job_ahead(w.entity_type, w.target, null, as_of) order by w.rank_at, w.id), '[]')
      from (
        select o.* from public.sync_jobs o
        where o.status = 'QUEUED' and o.id <> job.id and (o.rank_at, o.id) < (job.rank_at, job.id) and o.not_before <= as_of
        order by o.rank_at, o.id limit 50
      ) w
    )
  )
  from public.sync_queue_settings s;
end;
comment on function private.job_estimate(public.sync_jobs, timestamptz) is
  'The facts an estimate is made of: its own durations, what runs, and what waits before it (the first fifty).';

create function private.job_view(job public.sync_jobs, as_of timestamptz) returns jsonb
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
      select coalesce(jsonb_agg(to_jsonb(a) - 'token' - 'job_id' order by a.claimed_at), '[]') from (
        select * from public.sync_job_attempts a where a.job_id = job.id
        union all
        select job.id, job.claimed_at, job.token, job.execution_id, null, null, null where job.token is not null
      ) a),
    'requeued_as', (select coalesce(jsonb_agg(o.id order by o.enqueued_at), '[]') from public.sync_jobs o where o.retried_from = job.id),
    'estimate', case when job.status in ('QUEUED', 'RUNNING') then private.job_estimate(job, as_of) end
  );
end;
comment on function private.job_view(public.sync_jobs, timestamptz) is 'A job as people see it, without its token, with its place, progress and attempts.';

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
      rank_at = least(j.rank_at, wanted_rank),
      priority = case when wanted_rank < private.job_rank(j.priority, as_of) then p ->> 'priority' else j.priority end
    where j.id = (
      select w.id from public.sync_jobs w
      where w.status = 'QUEUED' and w.entity_type = p ->> 'entity_type' and w.target = coalesce(p ->> 'tournament_no', '') and w.not_before <= as_of
      order by w.rank_at limit 1 for update
    ) and j.status = 'QUEUED'
    returning j.* into job;
  end if;
  if job.id is null then
    insert into public.sync_jobs (entity_type, tournament_no, tournament_nos, priority, triggered_by, reason, retried_from, max_attempts,
      enqueued_at, rank_at, not_before, expires_at)
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
  return (select private.job_view(j, as_of) from public.sync_jobs j where j.id = repeated);
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
    perform private.end_attempt(job, 'CANCELLED', 'cancelled before it began', as_of);
    perform private.finish_job(job.id, 'CANCELLED', 'CANCELLED', null, 'cancelled before it began', null, as_of);
  end if;
  perform private.audit(p -> 'actor', 'cancel-job', 'job', job.id::text, jsonb_build_object('status', job.status),
    (select jsonb_build_object('status', j.status, 'cancel_requested_at', j.cancel_requested_at) from public.sync_jobs j where j.id = job.id),
    p ->> 'reason', as_of);
  return (select private.job_view(j, as_of) from public.sync_jobs j where j.id = job.id);
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
    where r.sync_execution_id in (select a.execution_id from public.sync_job_attempts a where a.job_id = job.id order by a.claimed_at desc limit 1)
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
comment on function public.requeue_sync_job(jsonb, timestamptz) is
  'Makes a new job out of ended job {id}, whole or {only_failed} tournaments of its last attempt. PT404 NOT_FOUND, PT409 JOB_NOT_OVER or NOTHING_FAILED.';

create function public.get_sync_job(p jsonb, as_of timestamptz default now()) returns jsonb
language sql stable set search_path = ''
return (select private.job_view(j, as_of) from public.sync_jobs j where j.id = (p ->> 'id')::uuid);
comment on function public.get_sync_job(jsonb, timestamptz) is 'Job {id} with its place, progress, attempts and what an estimate is made of; null when there is none.';

create function public.list_sync_jobs(p jsonb) returns jsonb
language sql stable set search_path = ''
return (
  select coalesce(jsonb_agg(to_jsonb(j) - 'token' - 'claimed_at' - 'lease_expires_at' - 'target' order by j.enqueued_at desc, j.id desc), '[]') from (
    select * from public.sync_jobs
    where (p ->> 'status' is null or status = p ->> 'status') and (p ->> 'entity_type' is null or entity_type = p ->> 'entity_type')
      and (p ->> 'tournament_no' is null or tournament_no = p ->> 'tournament_no' or tournament_nos ? (p ->> 'tournament_no'))
      and (p ->> 'before_at' is null or (enqueued_at, id) < ((p ->> 'before_at')::timestamptz, (p ->> 'before_id')::uuid))
    order by enqueued_at desc, id desc limit (p ->> 'limit')::integer
  ) j
);
comment on function public.list_sync_jobs(jsonb) is
  'Jobs, newest first, by {status?, entity_type?, tournament_no?}, after the cursor {before_at, before_id}, at most {limit}.';

create function public.get_queue_status(as_of timestamptz default now()) returns jsonb
language sql stable set search_path = ''
return (
  select jsonb_build_object(
    'as_of', as_of,
    'waiting', (
      select jsonb_object_agg(p.priority, (select count(*) from public.sync_jobs j where j.status = 'QUEUED' and j.priority = p.priority))
      from unnest(array['EMERGENCY', 'HIGH', 'NORMAL']) p (priority)),
    'oldest_wait_ms', (
      select extract(epoch from as_of - min(greatest(j.enqueued_at, j.not_before))) * 1000 from public.sync_jobs j
      where j.status = 'QUEUED' and j.not_before <= as_of),
    'running', (
      select coalesce(jsonb_agg(jsonb_build_object('id', j.id, 'entity_type', j.entity_type, 'tournament_no', j.tournament_no,
        'priority', j.priority, 'started_at', j.started_at, 'execution_id', j.execution_id) order by j.started_at, j.id), '[]')
      from public.sync_jobs j where j.status = 'RUNNING'),
    'slots', jsonb_build_object('total', s.slots, 'for_emergency', s.emergency_slots, 'per_entity', s.slots_per_entity,
      'free', greatest(s.slots - (select count(*) from public.sync_jobs j where j.status = 'RUNNING'), 0)),
    'paused', (
      select coalesce(jsonb_agg(jsonb_build_object('entity_type', e.entity_type, 'paused_by', e.paused_by, 'since', e.paused_at) order by e.entity_type), '[]')
      from public.sync_status e where e.paused_at is not null)
  )
  from public.sync_queue_settings s
);
comment on function public.get_queue_status(timestamptz) is 'How many wait by priority, the longest wait in ms, what runs, and the slots.';

create function public.change_entity(p jsonb, as_of timestamptz default now()) returns jsonb
language plpgsql set search_path = '' as $$
declare
  before public.sync_status;
  after public.sync_status;
  wanted public.sync_status;
  changes constant jsonb := p -> 'changes';
begin
  select * into before from public.sync_status where entity_type = p ->> 'entity_type' for no key update;
  if not found then
    raise sqlstate 'PT404' using message = format('no entity type %L', p ->> 'entity_type'), detail = 'ENTITY_UNKNOWN';
  end if;
  wanted := jsonb_populate_record(before, changes - 'is_paused');
  update public.sync_status s set
    paused_at = case (changes ->> 'is_paused')::boolean when true then coalesce(s.paused_at, as_of) when false then null else s.paused_at end,
    paused_by = case (changes ->> 'is_paused')::boolean when true then coalesce(s.paused_by, p -> 'actor' ->> 'name') when false then null else s.paused_by end,
    paused_reason = case (changes ->> 'is_paused')::boolean when true then p ->> 'reason' when false then null else s.paused_reason end,
    grace = wanted.grace,
    max_runtime = wanted.max_runtime,
    alert_threshold_failures = wanted.alert_threshold_failures,
    notification_channels = nullif(wanted.notification_channels, 'null'),
    updated_at = as_of
  where s.entity_type = before.entity_type returning s.* into after;
  perform private.audit(p -> 'actor', 'change-entity', 'entity', after.entity_type, to_jsonb(before), to_jsonb(after), p ->> 'reason', as_of);
  perform public.drain_sync_queue(as_of);
  return to_jsonb(after);
end
$$;
comment on function public.change_entity(jsonb, timestamptz) is
  'Pauses or resumes {entity_type}, and its jobs with it, or changes grace, max_runtime, alert_threshold_failures or notification_channels, by {changes}. PT404 ENTITY_UNKNOWN.';

create function public.list_entities() returns jsonb
language sql stable set search_path = ''
return (select coalesce(jsonb_agg(to_jsonb(s) order by s.entity_type), '[]') from public.sync_status s);
comment on function public.list_entities() is 'Every entity type with its schedule, limits and counters.';

create function private.check_scheduler(as_of timestamptz) returns jsonb
language plpgsql security definer set search_path = '' as $$
declare
  jobs integer;
  last_tick timestamptz;
begin
  select count(*) into jobs from cron.job where active;
  select max(start_time) into last_tick from cron.job_run_details;
  -- Right after set-up none was due yet.
  return jsonb_build_object('jobs', jobs, 'last_tick', last_tick,
    'is_late', coalesce(last_tick, (select min(s.created_at) from public.sync_status s)) < as_of - interval '3 minutes');
end
$$;
comment on function private.check_scheduler(timestamptz) is 'How many jobs are scheduled and when one last ran. Definer: cron belongs to the owner.';

create function public.get_connectivity_facts(as_of timestamptz default now()) returns jsonb
language sql stable set search_path = ''
return jsonb_build_object(
  'scheduler', private.check_scheduler(as_of),
  'functions', (select coalesce(jsonb_agg(distinct s.function_name), '[]') from public.sync_status s where s.is_active),
  'blocked_until', (select u.blocked_until from public.upstream_state u where u.upstream = 'vis' and u.blocked_until > as_of),
  'channels', (
    select coalesce(jsonb_agg(jsonb_build_object('name', c.name, 'kind', c.kind, 'url', coalesce(c.config ->> 'url',
      case c.kind when 'slack' then c.secret end)) order by c.name), '[]')
    from public.notification_channels c where c.is_active)
);
comment on function public.get_connectivity_facts(timestamptz) is
  'The scheduler, and what a test of connectivity has to reach: the functions, the upstream unless it is blocked, each active channel with its address.';

revoke execute on function private.duration_samples(text, text, timestamptz), private.job_ahead(text, text, numeric, timestamptz),
  private.job_estimate(public.sync_jobs, timestamptz), private.job_view(public.sync_jobs, timestamptz),
  private.join_or_insert_job(jsonb, timestamptz), private.repeated_trigger(jsonb, timestamptz), public.enqueue_sync_job(jsonb, timestamptz),
  public.cancel_sync_job(jsonb, timestamptz), public.requeue_sync_job(jsonb, timestamptz), public.get_sync_job(jsonb, timestamptz),
  public.list_sync_jobs(jsonb), public.get_queue_status(timestamptz), public.change_entity(jsonb, timestamptz), public.list_entities(),
  public.get_connectivity_facts(timestamptz), private.check_scheduler(timestamptz)
from public, anon, authenticated;
grant execute on function private.duration_samples(text, text, timestamptz), private.job_ahead(text, text, numeric, timestamptz),
  private.job_estimate(public.sync_jobs, timestamptz), private.job_view(public.sync_jobs, timestamptz),
  private.join_or_insert_job(jsonb, timestamptz), private.repeated_trigger(jsonb, timestamptz), public.enqueue_sync_job(jsonb, timestamptz),
  public.cancel_sync_job(jsonb, timestamptz), public.requeue_sync_job(jsonb, timestamptz), public.get_sync_job(jsonb, timestamptz),
  public.list_sync_jobs(jsonb), public.get_queue_status(timestamptz), public.change_entity(jsonb, timestamptz), public.list_entities(),
  public.get_connectivity_facts(timestamptz), private.check_scheduler(timestamptz)
to service_role;
