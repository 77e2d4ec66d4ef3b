-- The pg_cron jobs, the dispatch of due syncs, and retention.

create function private.shortest_retention(p_subject varchar) returns interval
language sql immutable set search_path = '' as $$
  select case
    when p_subject in ('audit', 'audit_log') then interval '90 days'
    -- The longest window of an objective begins up to an hour before its 90 days.
    when p_subject = 'indicators' then interval '91 days'
    -- The charts of 24 hours and 30 days read the buckets; error-analytics covers 24 hours by default.
    when p_subject = 'hourly_metrics' then interval '31 days'
    -- The report of a week must stay until the next one, because the processor creates and sends a missing report.
    when p_subject = 'weekly_reports' then interval '8 days'
    -- The time of the last canary determines the due time of the next canary, at most 31 days later.
    when p_subject = 'channel_canaries' then interval '32 days'
    when p_subject in ('quarter_hourly_metrics', 'resolved_errors', 'open_errors') then interval '2 days'
    else interval '1 day'
  end;
$$;
comment on function private.shortest_retention(varchar) is 'The shortest allowed time for which retention keeps a kind of data.';

create table public.retention_settings (
  subject varchar primary key,
  keep interval not null,
  constraint retention_settings_keep_is_within_limits
    check (keep between private.shortest_retention(subject) and interval '3650 days')
);
comment on table public.retention_settings is 'One row per kind of data, with the time for which retention keeps it.';
select private.secure_table('public.retention_settings');
-- A change of retention is an audited act.
revoke insert, update, delete, truncate on public.retention_settings from service_role;

insert into public.retention_settings (subject, keep) values
  ('executions', '90 days'),
  ('resolved_errors', '90 days'),
  ('open_errors', '1 year'),
  ('quarter_hourly_metrics', '90 days'),
  ('hourly_metrics', '2 years'),
  ('indicators', '1 year'),
  ('audit', '2 years'),
  ('function_calls', '7 days'),
  ('cron_details', '7 days'),
  ('alert_incidents', '1 year'),
  ('alert_rule_versions', '1 year'),
  ('entity_pauses', '1 year'),
  ('alert_notifications', '90 days'),
  ('weekly_reports', '1 year'),
  ('channel_canaries', '1 year'),
  ('alert_evaluations', '7 days'),
  ('jobs', '90 days'),
  ('silences', '90 days'),
  ('audit_log', '2 years');

create function private.retention_json(setting public.retention_settings) returns jsonb
language sql immutable set search_path = '' as $$
  select jsonb_build_object('subject', setting.subject, 'keep', private.in_words(setting.keep),
    'shortest', private.in_words(private.shortest_retention(setting.subject)));
$$;
comment on function private.retention_json(public.retention_settings) is
  'The subject of a retention setting with its time and the shortest allowed time, in words.';

create function public.list_retention_settings() returns jsonb
language sql stable set search_path = '' as $$
  select coalesce(jsonb_agg(private.retention_json(r) order by r.subject), '[]') from public.retention_settings r;
$$;
comment on function public.list_retention_settings() is
  'Returns every retention setting with its shortest allowed time, ordered by subject.';

create function private.set_retention(p_subject text, p_keep interval)
returns table (before public.retention_settings, after public.retention_settings)
language sql security definer set search_path = '' as $$
  with old as (select * from public.retention_settings where subject = p_subject for update)
  update public.retention_settings r set keep = p_keep from old where r.subject = old.subject
  returning row(old.*)::public.retention_settings, r;
$$;
comment on function private.set_retention(text, interval) is
  'Changes a retention setting and returns it before and after. Security definer, because the service changes it only with '
  'public.change_retention_setting.';

create function public.change_retention_setting(p jsonb, as_of timestamptz default now()) returns jsonb
language plpgsql set search_path = '' as $$
declare
  shortest constant interval := private.shortest_retention(p ->> 'subject');
  change record;
begin
  perform private.refuse_unknown_fields(p, '{subject,keep,reason,actor}');
  perform from public.retention_settings where subject = p ->> 'subject';
  perform private.refuse_missing(found, 'retention setting', p ->> 'subject');
  if (p ->> 'keep')::interval < shortest then
    raise sqlstate 'PT400' using
      message = format('keep: must be between %s and 3650 days for %s', private.in_words(shortest), p ->> 'subject'),
      detail = 'BAD_REQUEST';
  end if;
  select * into change from private.set_retention(p ->> 'subject', (p ->> 'keep')::interval);
  perform private.audit(p -> 'actor', 'change-retention', 'retention', p ->> 'subject',
    private.retention_json(change.before), private.retention_json(change.after), p ->> 'reason', as_of);
  return private.retention_json(change.after);
end
$$;
comment on function public.change_retention_setting(jsonb, timestamptz) is
  'Sets the time for which retention keeps data of {subject}, with {reason?}, and returns the setting; PT404 NOT_FOUND, PT400 BAD_REQUEST.';

create function private.process_queue() returns void
language sql set search_path = '' as $$
  select public.drain_sync_queue();
  -- Only the edge function sync-admin has the sealing key; the database calls it while an unsealed row exists.
  select private.call_function('sync-admin/process-queue')
  where exists (select from public.audit_log where id > coalesce((select max(audit_id) from public.audit_seals), 0));
$$;
comment on function private.process_queue() is 'Dispatches waiting jobs, and calls sync-admin to seal new rows of the audit log.';

create function private.prune_batch(p_subject text, as_of timestamptz, batch integer) returns integer
language plpgsql set search_path = '' set timezone = 'UTC' as $$
declare
  before constant timestamptz := as_of - (select keep from public.retention_settings where subject = p_subject);
  old_rows record;
  pruned integer;
begin
  if p_subject = 'audit_log' then
    return private.prune_audit_log();
  end if;
  -- The old rows of a subject are the rows of its table whose time is before $1 and that meet the condition. Foreign keys delete the
  -- results of a run and the attempts of a job; the errors of a run stay.
  select * into strict old_rows from (values
    ('executions', 'public.sync_execution_history', 'execution_start', $c$status <> 'RUNNING'$c$),
    ('resolved_errors', 'public.sync_error_log', 'occurred_at', 'resolved_at < $1'),
    ('open_errors', 'public.sync_error_log', 'occurred_at', 'resolved_at is null'),
    ('quarter_hourly_metrics', 'public.sync_metrics', 'bucket', $c$resolution = '15 minutes'$c$),
    ('hourly_metrics', 'public.sync_metrics', 'bucket', $c$resolution = '1 hour'$c$),
    ('indicators', 'public.sync_indicators', 'bucket', 'true'),
    ('audit', 'public.manual_sync_audit', 'completion_timestamp', 'true'),
    ('jobs', 'public.sync_jobs', 'finished_at', 'true'),
    ('function_calls', 'private.call_log', 'called_at', 'true'),
    ('alert_incidents', 'public.alert_incidents', 'resolved_at', 'true'),
    -- The notifications of a live incident stay, because the end of the incident goes to the destinations of its earlier notifications.
    ('alert_notifications', 'public.alert_notifications', 'created_at', $c$status in ('SENT', 'DEAD', 'SUPERSEDED')
      and exists (select from public.alert_incidents i where i.id = incident_id and i.resolved_at < $1)$c$),
    ('weekly_reports', 'public.weekly_reports', 'created_at', 'true'),
    ('channel_canaries', 'public.channel_canaries', 'opened_at', 'coalesce(proven_at, failed_at) is not null'),
    ('alert_rule_versions', 'public.alert_rule_versions', 'valid_until', 'true'),
    ('silences', 'public.alert_silences', 'ends_at', 'true'),
    ('entity_pauses', 'public.entity_pauses', 'resumed_at', 'true'),
    ('alert_evaluations', 'public.alert_evaluations', 'evaluated_at', 'true'),
    -- The time of a tick is its start, because a tick that a restart of the server ended has no end time.
    ('cron_details', 'cron.job_run_details', 'start_time', 'true')
  ) s (subject, relation, time_column, condition) where s.subject = p_subject;
  execute format('delete from %1$s where ctid = any (array(select ctid from %1$s where %2$s < $1 and %3$s order by %2$s limit $2))',
    old_rows.relation, old_rows.time_column, old_rows.condition) using before, batch;
  get diagnostics pruned = row_count;
  return pruned;
end
$$;
comment on function private.prune_batch(text, timestamptz, integer) is
  'Deletes at most batch rows of a subject that are older than its setting, and returns their number. The audit log has no batches and '
  'uses its own clock.';

create function private.refresh_health_summary() returns void
language plpgsql security definer set search_path = '' as $$
begin
  refresh materialized view concurrently public.sync_health_summary;
end
$$;
comment on function private.refresh_health_summary() is
  'Refreshes sync_health_summary. Security definer, because only the owner of a materialized view can refresh it.';

create function private.retry_delay(has_failed boolean, retry bigint, frequency interval) returns interval
language plpgsql immutable set search_path = '' as $$
begin
  return case
    when not has_failed and retry <= 3 then (array['1 minute', '2 minutes', '4 minutes']::interval[])[retry]
    when not has_failed then private.retry_delay(true, retry - 3, frequency)
    when frequency > interval '1 hour' then least(case when retry <= 3 then retry * interval '10 minutes' end, interval '1 hour')
  end;
end
$$;
comment on function private.retry_delay(boolean, bigint, interval) is
  'The delay until a due time is dispatched again: 1, 2 and 4 minutes after calls that started no run. For an interval over an hour, the '
  'next delays are 10, 20 and 30 minutes and then an hour, also after failed runs. Null when no call follows before the next due time.';

create function private.next_call(
  entity public.sync_status, as_of timestamptz, out due_at timestamptz, out attempt integer, out call_at timestamptz
)
language plpgsql stable set search_path = '' as $$
declare
  progress record;
  -- The number of calls since the last run of the due time; none of them started a run.
  calls integer := 0;
begin
  due_at := private.current_due(entity, as_of);
  progress := private.due_progress(entity.entity_type, due_at);
  if due_at is null or not progress.may_run or entity.last_attempt is null and exists (
    select from public.sync_status d where d.entity_type = entity.depends_on and d.last_sync is null
  ) then
    return;
  end if;
  if entity.dispatched_due_at = due_at then
    calls := greatest(entity.dispatch_attempt - progress.last_attempt, 0);
  end if;
  attempt := progress.last_attempt + calls + 1;
  call_at := case
    when calls > 0 then entity.dispatched_at + private.retry_delay(false, calls, entity.sync_frequency)
    when progress.was_cut then progress.last_end
    when progress.failures > 0 then progress.last_end + private.retry_delay(true, progress.failures, entity.sync_frequency)
    else due_at
  end;
end
$$;
comment on function private.next_call(public.sync_status, timestamptz) is
  'The next call for the current due time: its attempt number and its time, which can be past. Nulls while a run of the due time is live, '
  'when the due time is settled, and before the first success of the entity on which the entity depends.';

create function private.next_run(entity public.sync_status, as_of timestamptz) returns timestamptz
language plpgsql stable set search_path = '' as $$
begin
  if private.cause_of_pause(entity) = 'IDLE' then
    return private.next_play(as_of);
  end if;
  return greatest(
    least((private.next_call(entity, as_of)).call_at, private.next_due(entity, as_of)), (private.upstream_backoff(as_of)).backoff_until, as_of
  );
end
$$;
comment on function private.next_run(public.sync_status, timestamptz) is
  'The time of the next dispatch of the entity: for its open due time or the next one, after the end of an upstream backoff. For an idle '
  'entity, the time 15 minutes before the next match, or null.';

create function private.set_idle(as_of timestamptz) returns void
language plpgsql set search_path = '' as $$
begin
  -- SKIP LOCKED, because another transaction can have the lock of an entity; the next tick then changes it.
  with entity as (
    select s.entity_type, p.plays
    from public.sync_status s cross join (select exists (select private.playing_tournaments(as_of)) as plays) p
    where s.is_active and s.runs_during_play and (s.idle_since is null) <> p.plays
    for no key update of s skip locked
  )
  update public.sync_status s set idle_since = case when not e.plays then as_of end, updated_at = as_of
  from entity e where s.entity_type = e.entity_type;
end
$$;
comment on function private.set_idle(timestamptz) is
  'Makes the active entities that run during play idle when no tournament plays, and ends their idle time when a tournament plays.';

create function private.dispatch_second_looks(entity public.sync_status, as_of timestamptz) returns integer
language plpgsql set search_path = '' as $$
declare
  looks record;
begin
  with dispatched as (
    update public.request_states s set look_at = as_of + private.second_look_after()
    where s.entity_type = entity.entity_type and s.held_at is not null and s.look_at <= as_of
    returning s.tournament_no
  )
  select jsonb_agg(d.tournament_no order by d.tournament_no) filter (where d.tournament_no is not null) as tournament_nos,
    count(*) filter (where d.tournament_no is null) as seasons
  into looks from dispatched d;
  if looks.tournament_nos is not null then
    perform private.call_function(
      entity.function_name, jsonb_build_object('trigger', 'RETRY', 'tournament_nos', looks.tournament_nos)
    );
  end if;
  -- A full run is called, because only a full run lists the seasons.
  if looks.seasons > 0 then
    perform private.call_function(entity.function_name, jsonb_build_object('trigger', 'RETRY'));
  end if;
  return (looks.tournament_nos is not null)::integer + (looks.seasons > 0)::integer;
end
$$;
comment on function private.dispatch_second_looks(public.sync_status, timestamptz) is
  'Calls the function of an entity for the tournaments and seasons whose second look is due, and returns the number of calls.';

create function private.dispatch_due_syncs(as_of timestamptz default now()) returns integer
language plpgsql set search_path = '' as $$
declare
  entity public.sync_status;
  call record;
  dispatched integer := 0;
begin
  perform private.set_idle(as_of);
  if (private.upstream_backoff(as_of)).upstream is not null then
    return 0;
  end if;
  -- SKIP LOCKED, because waiting for a transaction that starts or closes a run of the entity can deadlock.
  for entity in select * from public.sync_status s where private.cause_of_pause(s) is null for no key update skip locked loop
    call := private.next_call(entity, as_of);
    -- A tick can be early by a few milliseconds.
    if call.call_at <= as_of + interval '5 seconds' then
      perform private.call_function(
        entity.function_name, jsonb_build_object('trigger', 'CRON', 'due_at', call.due_at, 'attempt', call.attempt)
      );
      update public.sync_status s set dispatched_due_at = call.due_at, dispatched_at = as_of, dispatch_attempt = call.attempt
      where s.entity_type = entity.entity_type;
      dispatched := dispatched + 1;
    else
      dispatched := dispatched + private.dispatch_second_looks(entity, as_of);
    end if;
  end loop;
  return dispatched;
end
$$;
comment on function private.dispatch_due_syncs(timestamptz) is
  'Calls the function of each active entity with an open due time or a due second look, and returns the number of calls; calls none during '
  'an upstream backoff.';

create function private.dispatch_schedule() returns text
language plpgsql stable set search_path = '' as $$
declare
  shortest constant interval := (select min(s.sync_frequency) from public.sync_status s where s.is_active);
begin
  -- pg_cron has seconds since version 1.5; with an older version, an interval under a minute runs each minute.
  if shortest < interval '1 minute'
    and coalesce((select string_to_array(x.extversion, '.')::integer[] >= array[1, 5] from pg_catalog.pg_extension x where x.extname = 'pg_cron'), true)
  then
    return greatest(floor(extract(epoch from shortest)), 1) || ' seconds';
  end if;
  return '* * * * *';
end
$$;
comment on function private.dispatch_schedule() is
  'The schedule of the cron job that dispatches: each minute, or as often as the shortest interval under a minute.';

create function private.cron_jobs() returns table (name text, schedule text, command text, period interval)
language sql stable set search_path = '' as $jobs$
  values
    ('dispatch-due-syncs', private.dispatch_schedule(), 'select private.dispatch_due_syncs()', interval '1 minute'),
    ('alert-processor', '* * * * *', 'select private.call_function(''sync-alert-processor'', ''{"cause": "cron"}'')', '1 minute'),
    ('reap-dead-runs', '* * * * *', 'select private.reap_dead_runs(), private.expire_people_claim()', '1 minute'),
    ('process-queue', '* * * * *', 'select private.process_queue()', '1 minute'),
    -- A job apart from the alert processor, because a canary can fail at the stage EVALUATION without an evaluation.
    ('run-canaries', '* * * * *', 'select private.run_canaries()', '1 minute'),
    ('watch-alert-processor', '* * * * *', 'select private.watch_processor()', '1 minute'),
    ('roll-up-indicators', '*/5 * * * *', 'select private.roll_up_indicators()', '5 minutes'),
    ('refresh-health-summary', '*/5 * * * *', 'select private.refresh_health_summary()', '5 minutes'),
    -- A batch of 100 rows, with the rows that cascade from them, keeps its locks for less than 100 ms. The job is a DO block, because each
    -- batch must commit, and neither a function nor a procedure that sets a search_path can commit.
    ('retention', '17 3 * * *', $retention$
do $$
declare
  target text;
begin
  for target in select subject from public.retention_settings order by subject loop
    while private.prune_batch(target, now(), 100) > 0 loop
      commit;
    end loop;
  end loop;
end
$$
$retention$, '1 day');
$jobs$;
comment on function private.cron_jobs() is
  'The required pg_cron jobs, with the longest time between two ticks; apply_schedules creates them, and system-status checks them.';

create function private.apply_schedules() returns void
language plpgsql security definer set search_path = '' as $$
begin
  perform cron.schedule(j.name, j.schedule, j.command) from private.cron_jobs() j;
end
$$;
comment on function private.apply_schedules() is
  'Creates the pg_cron jobs, or replaces their schedule and command; an inactive job stays inactive. Security definer, because the jobs '
  'belong to the owner.';

create function private.reschedule_dispatch() returns trigger
language plpgsql set search_path = '' as $$
begin
  if least(old.sync_frequency, new.sync_frequency) < interval '1 minute' then
    perform private.apply_schedules();
  end if;
  return null;
end
$$;
comment on function private.reschedule_dispatch() is
  'Applies the schedule of the dispatching cron job, which depends on the shortest interval under a minute of an active entity.';
create trigger reschedule_dispatch after insert or delete or update of sync_frequency, is_active on public.sync_status
  for each row execute function private.reschedule_dispatch();

select private.apply_schedules();

select private.secure_functions(
  'public.schema_version', 'public.start_sync_execution', 'public.heartbeat_sync_execution', 'public.finish_sync_execution',
  'public.reap_sync_executions', 'public.claim_upstream_slot', 'public.release_upstream_slot', 'public.list_due_tournaments',
  'public.claim_tournament', 'public.release_tournament', 'public.write_matches', 'public.upsert_tournaments',
  'public.get_known_season', 'public.complete_season', 'public.enqueue_sync_job', 'public.drain_sync_queue',
  'public.cancel_sync_job', 'public.requeue_sync_job', 'public.postpone_sync_job', 'public.measure_alert_rules', 'public.apply_alert_transitions',
  'public.claim_alert_notifications', 'public.record_alert_delivery', 'public.list_unsealed_audit', 'public.list_sealed_audit',
  'public.seal_audit', 'public.change_alert_incident', 'public.save_alert_silence', 'public.end_alert_silence', 'public.save_alert_rule',
  'public.delete_alert_rule', 'public.preview_alert_rule', 'public.replay_alert_rule', 'public.save_notification_channel', 'public.delete_notification_channel',
  'public.test_notification_channel', 'public.get_alert_notification', 'public.change_alert_notification', 'public.change_entity', 'public.end_upstream_backoff',
  'public.resolve_errors', 'public.claim_people_change', 'public.finish_people_change', 'public.read_with_etag', 'public.get_health_overview', 'public.get_performance_history',
  'public.get_sync_statistics', 'public.get_error_analytics', 'public.list_errors', 'public.get_execution', 'public.list_executions',
  'public.get_tournament_state', 'public.list_tournament_states', 'public.list_entities', 'public.list_sync_jobs', 'public.get_sync_job',
  'public.get_queue_status', 'public.get_system_facts', 'public.get_metrics_facts', 'public.get_prometheus_facts',
  'public.start_connectivity_test', 'public.record_connectivity_test', 'public.get_connectivity_test',
  'public.list_alert_incidents', 'public.get_alert_incident', 'public.list_alert_rules',
  'public.list_alert_silences', 'public.list_notification_channels', 'public.record_channel_test', 'public.get_alertmanager_alerts',
  'public.record_alertmanager_post',
  'public.get_setup_facts', 'public.list_audit_log', 'public.list_search_results',
  'public.list_retention_settings', 'public.change_retention_setting',
  'public.list_objectives', 'public.get_objective', 'public.save_objective', 'public.delete_objective',
  'public.get_weekly_report', 'public.claim_weekly_reports', 'public.record_weekly_report',
  'public.get_alert_quality', 'public.label_alert_incident', 'public.confirm_canary'
);
