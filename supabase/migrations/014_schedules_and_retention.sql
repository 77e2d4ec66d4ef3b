-- The pg_cron jobs, the dispatch of due syncs, and retention.

create table public.retention_settings (
  subject varchar primary key,
  keep interval not null,
  constraint retention_settings_keep_is_positive check (keep > interval '0'),
  constraint retention_settings_metrics_are_kept_for_their_charts
    check (keep >= case subject
      when 'quarter_hourly_metrics' then interval '2 days' when 'hourly_metrics' then interval '31 days' else '0' end),
  constraint retention_settings_errors_are_kept_for_days
    check (subject not in ('resolved_errors', 'open_errors') or keep >= interval '2 days')
);
comment on table public.retention_settings is 'One row per kind of data, with the time for which retention keeps it.';
comment on constraint retention_settings_errors_are_kept_for_days on public.retention_settings is
  'error-analytics covers 24 hours by default, so errors are kept for at least 2 days.';
select private.secure_table('public.retention_settings');

insert into public.retention_settings (subject, keep) values
  ('executions', '90 days'),
  ('resolved_errors', '90 days'),
  ('open_errors', '1 year'),
  ('quarter_hourly_metrics', '90 days'),
  ('hourly_metrics', '2 years'),
  ('audit', '2 years'),
  ('function_calls', '7 days'),
  ('cron_details', '7 days'),
  ('alert_incidents', '1 year'),
  ('alert_notifications', '90 days'),
  ('alert_evaluations', '7 days'),
  ('jobs', '90 days'),
  ('audit_log', '2 years');

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
    return private.prune_audit_log(as_of);
  end if;
  -- The rows of each subject are those of a table whose time is before $1 and that meet a condition. The results of a run and the
  -- attempts of a job are deleted with it by their foreign keys; the errors of a run stay.
  select * into strict old_rows from (values
    ('executions', 'public.sync_execution_history', 'execution_start', $c$status <> 'RUNNING'$c$),
    ('resolved_errors', 'public.sync_error_log', 'occurred_at', 'resolved_at < $1'),
    ('open_errors', 'public.sync_error_log', 'occurred_at', 'resolved_at is null'),
    ('quarter_hourly_metrics', 'public.sync_metrics', 'bucket', $c$resolution = '15 minutes'$c$),
    ('hourly_metrics', 'public.sync_metrics', 'bucket', $c$resolution = '1 hour'$c$),
    ('audit', 'public.manual_sync_audit', 'completion_timestamp', 'true'),
    ('jobs', 'public.sync_jobs', 'finished_at', 'true'),
    ('function_calls', 'private.call_log', 'called_at', 'true'),
    ('alert_incidents', 'public.alert_incidents', 'resolved_at', 'true'),
    ('alert_notifications', 'public.alert_notifications', 'created_at', $c$status in ('SENT', 'DEAD', 'SUPERSEDED')$c$),
    ('alert_evaluations', 'public.alert_evaluations', 'evaluated_at', 'true'),
    ('cron_details', 'cron.job_run_details', 'end_time', 'true')
  ) s (subject, relation, time_column, condition) where s.subject = p_subject;
  execute format('delete from %1$s where ctid = any (array(select ctid from %1$s where %2$s < $1 and %3$s order by %2$s limit $2))',
    old_rows.relation, old_rows.time_column, old_rows.condition) using before, batch;
  get diagnostics pruned = row_count;
  return pruned;
end
$$;
comment on function private.prune_batch(text, timestamptz, integer) is
  'Deletes at most batch rows of a subject that are older than its setting, and returns their number; the audit log has no batches.';

create function private.refresh_health_summary() returns void
language plpgsql security definer set search_path = '' as $$
begin
  refresh materialized view concurrently public.sync_health_summary;
end
$$;
comment on function private.refresh_health_summary() is
  'Refreshes sync_health_summary. Security definer, because only the owner of a materialized view may refresh it.';

create function private.cron_expression(frequency interval, anchor timestamptz) returns text
language plpgsql immutable set search_path = '' as $$
declare
  minutes constant numeric := extract(epoch from frequency) / 60;
  at_minute constant integer := extract(minute from anchor at time zone 'UTC');
  at_hour constant integer := extract(hour from anchor at time zone 'UTC');
begin
  return case
    when minutes <= 1 then '* * * * *'
    when minutes < 60 and 60 % minutes = 0 then
      case when at_minute % minutes = 0 then format('*/%s * * * *', minutes::integer)
      else format('%s-59/%s * * * *', at_minute % minutes::integer, minutes::integer) end
    when minutes < 1440 and 1440 % minutes = 0 and minutes % 60 = 0 then
      format('%s %s-23/%s * * *', at_minute, at_hour % (minutes / 60)::integer, (minutes / 60)::integer)
    when minutes = 1440 then format('%s %s * * *', at_minute, at_hour)
  end;
end
$$;
comment on function private.cron_expression(interval, timestamptz) is
  'The UTC cron expression of an interval and its anchor, at most once a minute; null when cron cannot express the interval.';

create function private.dispatch_sync(p_entity_type text) returns uuid
language sql set search_path = '' as $$
  select private.call_function(s.function_name, jsonb_build_object('trigger', 'CRON'))
  from public.sync_status s
  where s.entity_type = p_entity_type and s.is_active and s.paused_at is null;
$$;
comment on function private.dispatch_sync(text) is 'Starts a scheduled run of an entity, unless it is paused or inactive.';

create function private.start_entities_never_synced() returns integer
language sql set search_path = '' as $$
  select count(private.dispatch_sync(s.entity_type))::integer
  from public.sync_status s left join public.sync_status d on d.entity_type = s.depends_on
  where s.is_active and s.last_attempt is null and (s.depends_on is null or d.last_sync is not null);
$$;
comment on function private.start_entities_never_synced() is
  'Dispatches the first run of each active entity that never ran and whose dependency has succeeded, without waiting for its due time.';

create function private.apply_schedules() returns void
language plpgsql security definer set search_path = '' as $schedules$
declare
  entity record;
begin
  for entity in select s.*, private.cron_expression(s.sync_frequency, s.schedule_anchor) as schedule from public.sync_status s loop
    if not entity.is_active then
      perform cron.unschedule(j.jobid) from cron.job j where j.jobname = 'sync-' || entity.entity_type;
    elsif entity.schedule is null then
      raise sqlstate 'PT400' using
        message = format('sync_frequency %s of %s cannot be scheduled', entity.sync_frequency, entity.entity_type),
        detail = 'FREQUENCY_NOT_SCHEDULABLE',
        hint = 'Use minutes that divide an hour, hours that divide a day, or one day.';
    else
      perform cron.schedule('sync-' || entity.entity_type, entity.schedule, format('select private.dispatch_sync(%L)', entity.entity_type));
    end if;
  end loop;
  perform cron.schedule('alert-processor', '* * * * *', 'select private.call_function(''sync-alert-processor'', ''{"cause": "cron"}'')');
  perform cron.schedule('reap-dead-runs', '* * * * *', 'select private.reap_dead_runs()');
  perform cron.schedule('process-queue', '* * * * *', 'select private.process_queue()');
  perform cron.schedule('watch-alert-processor', '* * * * *', 'select private.watch_processor()');
  perform cron.schedule('refresh-health-summary', '*/5 * * * *', 'select private.refresh_health_summary()');
  -- A batch of 100 rows and the rows that cascade from them keeps its locks for less than 100 ms. The job is a DO block, because each
  -- batch must commit: a function cannot commit, and neither can a procedure that sets a search_path, as every routine here does.
  perform cron.schedule('retention', '17 3 * * *', $retention$
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
$retention$);
end
$schedules$;
comment on function private.apply_schedules() is
  'Makes the pg_cron jobs match sync_status; PT400 FREQUENCY_NOT_SCHEDULABLE. Security definer: the jobs belong to the owner.';

select private.apply_schedules();

select private.secure_functions(
  'public.schema_version', 'public.start_sync_execution', 'public.heartbeat_sync_execution', 'public.finish_sync_execution',
  'public.reap_sync_executions', 'public.claim_upstream_slot', 'public.release_upstream_slot', 'public.list_due_tournaments',
  'public.claim_tournament', 'public.release_tournament', 'public.write_matches', 'public.upsert_tournaments',
  'public.mark_vanished_tournaments', 'public.enqueue_sync_job', 'public.drain_sync_queue',
  'public.cancel_sync_job', 'public.requeue_sync_job', 'public.measure_alert_rules', 'public.apply_alert_transitions',
  'public.claim_alert_notifications', 'public.record_alert_delivery', 'public.list_unsealed_audit', 'public.list_sealed_audit',
  'public.seal_audit', 'public.change_alert_incident', 'public.save_alert_silence', 'public.end_alert_silence', 'public.save_alert_rule',
  'public.delete_alert_rule', 'public.preview_alert_rule', 'public.save_notification_channel', 'public.delete_notification_channel',
  'public.test_notification_channel', 'public.get_alert_notification', 'public.change_alert_notification', 'public.change_entity',
  'public.resolve_errors', 'public.read_with_etag', 'public.get_health_overview', 'public.get_performance_history',
  'public.get_sync_statistics', 'public.get_error_analytics', 'public.list_errors', 'public.get_execution', 'public.list_executions',
  'public.get_tournament_state', 'public.list_tournament_states', 'public.list_entities', 'public.list_sync_jobs', 'public.get_sync_job',
  'public.get_queue_status', 'public.get_system_facts', 'public.get_metrics_facts', 'public.get_prometheus_facts',
  'public.get_connectivity_facts', 'public.list_alert_incidents', 'public.get_alert_incident', 'public.list_alert_rules',
  'public.list_alert_silences', 'public.list_notification_channels', 'public.list_audit_log'
);
