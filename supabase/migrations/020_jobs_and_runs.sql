-- Where jobs meet runs, schedules, retention and alerts.
-- Past 300 lines, because what runs and schedules had already is written anew as a whole.

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
  perform from public.sync_jobs where id = (p ->> 'sync_job_id')::uuid for update;
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
comment on function public.start_sync_execution(jsonb, timestamptz) is
  'Opens a run {execution_id, entity_type, trigger, tournament_no? or tournament_nos?, sync_job_id? with job_token, correlation_id?, wall_clock_ms}; SKIPPED when one of the same scope lives. PT404 ENTITY_UNKNOWN, PT409 ENTITY_INACTIVE, ENTITY_PAUSED or LEASE_LOST.';

create or replace function private.close_run(p jsonb, as_of timestamptz) returns public.sync_execution_history
language plpgsql set search_path = '' as $$
declare
  run public.sync_execution_history;
begin
  update public.sync_execution_history h set
    status = p ->> 'status',
    status_reason = left(p ->> 'reason', 1000),
    error_details = nullif(p -> 'error_details', 'null'),
    execution_end = greatest(as_of, h.execution_start),
    current_stage = null
  where h.id = (p ->> 'execution_id')::uuid and h.status = 'RUNNING'
  returning h.* into run;
  if not found then
    return run;
  end if;
  perform private.count_run(run, as_of);
  perform private.roll_up(run);
  update public.tournament_sync_state set lease_holder = null, lease_expires_at = null where lease_holder = run.id;
  if run.sync_job_id is not null then
    perform private.settle_job(run, p, as_of);
  end if;
  if run.status = 'SUCCEEDED' and run.tournament_no is null then
    perform private.start_entities_never_synced();
  end if;
  -- A failure is looked at at once, and so is what may end an incident.
  if run.status in ('FAILED', 'TIMED_OUT', 'PARTIAL') or exists (
    select from public.alert_incidents i where i.state <> 'RESOLVED' and i.entity_type in (run.entity_type, 'all')
  ) then
    perform private.call_function('sync-alert-processor', jsonb_build_object('cause', 'run_ended', 'execution_id', run.id));
  end if;
  return run;
end
$$;
comment on function private.close_run(jsonb, timestamptz) is
  'The one way from RUNNING to a terminal state: history, counters, rollup, leases, job, and the call to the alert processor. Null when it was not RUNNING.';

create or replace function private.reap_dead_runs(as_of timestamptz default now(), only_entity text default null) returns integer
language plpgsql set search_path = '' as $$
declare
  dead record;
  closed public.sync_execution_history;
  reaped integer := 0;
begin
  for dead in
    select id, entity_type, deadline, heartbeat_at, lease_expires_at
    from public.sync_execution_history
    where status = 'RUNNING' and least(deadline, lease_expires_at) <= as_of
      and (only_entity is null or entity_type = only_entity)
    for update skip locked
  loop
    closed := private.close_run(jsonb_build_object(
      'execution_id', dead.id,
      'status', 'TIMED_OUT',
      'reason', case when dead.deadline <= as_of
        then format('no end was recorded by its deadline of %s; last heartbeat %s', dead.deadline, dead.heartbeat_at)
        else format('no heartbeat since %s: the worker is gone', dead.heartbeat_at)
      end
    ), least(as_of, greatest(dead.deadline, dead.heartbeat_at)));
    if closed.id is not null then
      reaped := reaped + 1;
      insert into public.sync_error_log
        (sync_execution_id, entity_type, error_type, error_code, error_severity, retryable, error_message, recovery_suggestion,
         fingerprint, occurred_at)
      values (closed.id, closed.entity_type, 'TIMEOUT', 'RUN_TIMED_OUT', 'HIGH', true, closed.status_reason,
        'The next tick starts again with the stalest tournament. If it repeats, read the function''s log at the last heartbeat.',
        'TIMEOUT:RUN_TIMED_OUT:' || closed.entity_type, closed.execution_end);
    end if;
  end loop;
  -- Slots may be free now. Who starts a run holds an entity and must not wait for the queue: the next tick does it.
  if reaped > 0 and only_entity is null then
    perform public.drain_sync_queue(as_of);
  end if;
  return reaped;
end
$$;

create or replace function public.heartbeat_sync_execution(p jsonb, as_of timestamptz default now()) returns jsonb
language plpgsql set search_path = '' as $$
declare
  run public.sync_execution_history := private.save_progress(p, as_of);
begin
  return jsonb_build_object('live', run.id is not null, 'cancel_requested', run.cancel_requested_at is not null or exists (
    select from public.sync_jobs j where j.id = run.sync_job_id and j.cancel_requested_at is not null));
end
$$;

create or replace function public.finish_sync_execution(p jsonb, as_of timestamptz default now()) returns jsonb
language plpgsql set search_path = '' as $$
declare
  run public.sync_execution_history;
begin
  perform private.save_progress(p, as_of);
  run := private.close_run(p, as_of);
  if run.id is not null then
    -- A slot, or the way for a job of the same target, is free now.
    if exists (select from public.sync_jobs where status = 'QUEUED') then
      perform public.drain_sync_queue(as_of);
    end if;
    return jsonb_build_object('recorded', true, 'status', run.status);
  end if;
  return jsonb_build_object('recorded', false, 'status',
    (select h.status from public.sync_execution_history h where h.id = (p ->> 'execution_id')::uuid));
end
$$;

-- Without jit: compiling it took 0.8 s for 25 ms of work at 9,000 tournaments and 210,000 matches.
create or replace function public.list_due_tournaments(p jsonb, as_of timestamptz default now()) returns jsonb
language sql stable set search_path = '' set jit = off
begin atomic
  with today as (
    select private.utc_date(as_of) as d
  ),
  candidate as (
    select t.no, t.start_date, t.end_date, s.synced_at, s.ttl, coalesce(s.match_count, 0) as match_count,
      case when s.lease_expires_at > as_of then s.lease_holder end as lease_holder
    from public.tournaments t
    left join public.tournament_sync_state s on s.tournament_no = t.no
    cross join today
    where case
      when p ->> 'tournament_no' is not null then t.no = p ->> 'tournament_no'
      when p -> 'tournament_nos' is not null then p -> 'tournament_nos' ? t.no
      -- By date as well as by status: a test tournament has been Running (6) for years, and past ones stay Open.
      else t.vanished_at is null and coalesce(t.status, 0) not in (10, 11)
        and t.end_date >= today.d - 2 and t.start_date <= today.d + 7
    end
  ),
  ranked as (
    select c.*, case
      when exists (
        select from public.matches m
        where m.tournament_no = c.no and m.vanished_at is null and m.status between 3 and 11
          and m.local_date between today.d - 1 and today.d + 1
      ) then 1
      when today.d between c.start_date - 1 and c.end_date + 1 and (c.match_count = 0 or exists (
        select from public.matches m
        where m.tournament_no = c.no and m.vanished_at is null and m.local_date between today.d - 1 and today.d + 1
      )) then 2
      when c.start_date <= today.d + 1 then 3
      else 4
    end as rank
    from candidate c cross join today
  )
  select coalesce(jsonb_agg(jsonb_build_object(
    'no', r.no,
    'rank', r.rank,
    'match_count', r.match_count,
    'is_leased', r.lease_holder is not null,
    -- A minute of tolerance, so that 15 minutes means every tick of a 15 minute schedule.
    'is_fresh', r.synced_at is not null and r.synced_at + r.ttl > as_of + interval '60 seconds'
  ) order by
    case when (p ->> 'stalest_first')::boolean then r.synced_at end nulls first,
    r.rank, r.synced_at nulls first, r.no), '[]')
  from ranked r;
end;
comment on function public.list_due_tournaments(jsonb, timestamptz) is
  'The tournaments whose matches are kept up to date, in order of work: live, today, within a day, within a week; or {tournament_no} alone, or {tournament_nos}; or {stalest_first}.';

create or replace function private.apply_schedules() returns void
language plpgsql security definer set search_path = '' as $schedules$
declare
  entity record;
begin
  for entity in select s.*, private.cron_text(s.sync_frequency, s.schedule_anchor) as schedule from public.sync_status s loop
    if not entity.is_active then
      perform cron.unschedule(j.jobid) from cron.job j where j.jobname = 'sync-' || entity.entity_type;
    elsif entity.schedule is null then
      raise sqlstate 'PT400' using
        message = format('sync_frequency %s of %s cannot be scheduled', entity.sync_frequency, entity.entity_type),
        detail = 'FREQUENCY_NOT_SCHEDULABLE',
        hint = 'Use a divisor of an hour, whole hours that divide a day, or a day.';
    else
      perform cron.schedule('sync-' || entity.entity_type, entity.schedule, format('select private.dispatch_sync(%L)', entity.entity_type));
    end if;
  end loop;
  perform cron.schedule('alert-processor', '* * * * *', 'select private.call_function(''sync-alert-processor'', ''{"cause": "cron"}'')');
  perform cron.schedule('reap-dead-runs', '* * * * *', 'select private.reap_dead_runs()');
  perform cron.schedule('process-queue', '* * * * *', 'select private.process_queue()');
  perform cron.schedule('watch-alert-processor', '* * * * *', 'select private.watch_processor()');
  perform cron.schedule('refresh-health-summary', '*/5 * * * *', 'select private.refresh_health_summary()');
  -- Each batch commits: a function could not, and a procedure only without the empty search_path that every routine here has.
  perform cron.schedule('retention', '17 3 * * *', $retention$
do $$
declare
  target text;
begin
  for target in select subject from public.retention_settings order by subject loop
    while private.prune_batch(target, now(), 5000) > 0 loop
      commit;
    end loop;
  end loop;
end
$$
$retention$);
end
$schedules$;

create or replace function private.prune_batch(p_subject text, as_of timestamptz, batch integer) returns integer
language plpgsql set search_path = '' as $$
declare
  before constant timestamptz := as_of - (select keep from public.retention_settings where subject = p_subject);
  pruned integer;
begin
  case p_subject
    when 'executions' then  -- results go with their run; errors outlive it
      delete from public.sync_execution_history where id in (
        select id from public.sync_execution_history where execution_start < before and status <> 'RUNNING'
        order by execution_start limit batch);
    when 'resolved_errors' then
      delete from public.sync_error_log where id in (
        select id from public.sync_error_log where occurred_at < before and resolved_at < before order by occurred_at limit batch);
    when 'open_errors' then
      delete from public.sync_error_log where id in (
        select id from public.sync_error_log where occurred_at < before and resolved_at is null order by occurred_at limit batch);
    when 'hourly_metrics' then
      delete from public.sync_metrics_hourly m using (
        select entity_type, hour from public.sync_metrics_hourly where hour < before group by 1, 2 limit batch) old
      where m.entity_type = old.entity_type and m.hour = old.hour;
    when 'audit' then
      delete from public.manual_sync_audit where id in (
        select id from public.manual_sync_audit where completion_timestamp < before limit batch);
    when 'jobs' then  -- attempts go with their job
      delete from public.sync_jobs where id in (select id from public.sync_jobs where finished_at < before limit batch);
    when 'daily_metrics' then
      delete from public.sync_metrics_daily m using (
        select entity_type, day from public.sync_metrics_daily where day < before group by 1, 2 limit batch) old
      where m.entity_type = old.entity_type and m.day = old.day;
    when 'audit_log' then
      return private.prune_audit_log(as_of);
    when 'function_calls' then
      delete from private.call_log where id in (select id from private.call_log where called_at < before order by called_at limit batch);
    when 'alert_incidents' then
      delete from public.alert_incidents where id in (select id from public.alert_incidents where resolved_at < before limit batch);
    when 'alert_notifications' then
      delete from public.alert_notifications where id in (
        select id from public.alert_notifications where created_at < before and status in ('SENT', 'DEAD') order by created_at limit batch);
    when 'alert_evaluations' then
      delete from public.alert_evaluations where id in (
        select id from public.alert_evaluations where evaluated_at < before order by evaluated_at limit batch);
    when 'cron_details' then
      delete from cron.job_run_details where runid in (
        select runid from cron.job_run_details where end_time < before limit batch);
  end case;
  get diagnostics pruned = row_count;
  return pruned;
end
$$;

insert into public.retention_settings (subject, keep) values ('jobs', '90 days') on conflict (subject) do nothing;

create or replace function private.measure_system(rules public.alert_rules[], as_of timestamptz) returns setof private.alert_value
language sql stable set search_path = ''
begin atomic
  with rule as (
    select r.* from unnest(rules) r where r.entity_type = 'system'
  ),
  evaluation as (
    select max(evaluated_at) as last_at from public.alert_evaluations where evaluated_at <= as_of
  ),
  queue as (
    select min(greatest(j.enqueued_at, j.not_before)) as waits_since, count(*) as jobs
    from public.sync_jobs j join public.sync_status e on e.entity_type = j.entity_type and e.paused_at is null
    where j.status = 'QUEUED' and j.not_before <= as_of
  ),
  undelivered as (
    select r.id as rule_id, n.channel, count(*) as notifications, min(n.created_at) as since
    from rule r join public.alert_notifications n
      on n.created_at > as_of - r.evaluation_window and (n.status = 'DEAD' or (n.status <> 'SENT' and n.attempts >= 4))
    where r.metric = 'dead_notifications' and n.items -> 0 ->> 'metric' is distinct from 'test'
    group by r.id, n.channel
  ),
  undelivered_total as (
    select rule_id, sum(notifications) as notifications, min(since) as since, jsonb_object_agg(channel, notifications) as channels
    from undelivered group by rule_id
  )
  select r.id, r.entity_type, null::varchar,
    case r.metric
      when 'processor_late' then extract(epoch from as_of - e.last_at)
      when 'dead_notifications' then coalesce(u.notifications, 0)
      when 'queue_age' then coalesce(extract(epoch from as_of - q.waits_since), 0)
    end,
    0::bigint, r.threshold,
    -- A channel that keeps failing is reported on the others.
    case when u.rule_id is null then r.notification_channels else (
      select coalesce(jsonb_agg(c.name order by c.name), r.notification_channels) from public.notification_channels c
      where c.is_active and not u.channels ? c.name
    ) end,
    case r.metric
      when 'processor_late' then e.last_at + make_interval(secs => r.threshold::double precision)
      when 'queue_age' then q.waits_since + make_interval(secs => r.threshold::double precision)
      else u.since
    end,
    null::uuid, null::varchar,
    case
      when u.rule_id is not null then jsonb_build_object('channels', u.channels)
      when r.metric = 'queue_age' then jsonb_build_object('waiting', q.jobs)
      else '{}'
    end
  from rule r cross join evaluation e cross join queue q left join undelivered_total u on u.rule_id = r.id;
end;
comment on function private.measure_system(public.alert_rules[], timestamptz) is
  'The rules on the monitoring itself: seconds between the last evaluation and this one, the longest wait in the queue, notifications that died or keep failing.';

insert into public.alert_rules
  (name, description, entity_type, metric, threshold, evaluation_window, severity, minimum_runs, no_data, recovery_threshold, runbook_url)
values
  ('Sync Queue Waiting', 'A job that may begin waits too long.', 'system', 'queue_age', 1800, '1 hour', 'HIGH', 0, 'OK', 900, 'docs/runbook.md#sync-queue-waiting')
on conflict (name) do nothing;

create or replace function public.schema_version() returns integer
language sql immutable set search_path = ''
return 20;
