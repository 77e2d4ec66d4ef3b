-- Quicker at ten million runs: runs by an uncommon status, histograms that begin where the runs do, and retention in smaller batches.

create index sync_execution_history_uncommon_idx on public.sync_execution_history (status, execution_start desc, id desc)
where status in ('PARTIAL', 'FAILED', 'TIMED_OUT', 'CANCELLED', 'SKIPPED');
comment on index public.sync_execution_history_uncommon_idx is 'What is seldom and looked for; what succeeded is found by its time.';

create index sync_execution_history_by_hand_idx on public.sync_execution_history (trigger, execution_start desc, id desc)
where trigger in ('MANUAL', 'RETRY');
comment on index public.sync_execution_history_by_hand_idx is 'The same for what the schedule did not start.';
create index sync_execution_history_tournament_idx on public.sync_execution_history (tournament_no, execution_start desc, id desc)
where tournament_no is not null;

-- With the id, so that an entity's runs of a time are found without looking at any other's.
drop index public.idx_sync_execution_history_entity_time;
create index idx_sync_execution_history_entity_time on public.sync_execution_history (entity_type, execution_start) include (id);

create or replace function public.list_executions(p jsonb) returns jsonb
-- Planned for the filters that are given, since they decide which index is of use.
language plpgsql stable set search_path = '' set plan_cache_mode = force_custom_plan as $$
begin
  return (
    select coalesce(jsonb_agg(private.execution_json(h) order by h.execution_start desc, h.id desc), '[]') from (
      select * from public.sync_execution_history h
      where (p ->> 'entity_type' is null or h.entity_type = p ->> 'entity_type')
        and (p ->> 'status' is null or h.status = p ->> 'status')
        and (p ->> 'trigger' is null or h.trigger = p ->> 'trigger')
        and (p ->> 'tournament_no' is null or h.tournament_no = p ->> 'tournament_no')
        and (p ->> 'from' is null or h.execution_start >= (p ->> 'from')::timestamptz)
        and (p ->> 'to' is null or h.execution_start < (p ->> 'to')::timestamptz)
        and (p ->> 'before_at' is null or (h.execution_start, h.id) < ((p ->> 'before_at')::timestamptz, (p ->> 'before_id')::uuid))
      order by h.execution_start desc, h.id desc
      limit (p ->> 'limit')::integer
    ) h
  );
end
$$;

create or replace function private.add_histograms(a integer[], b integer[]) returns integer[]
language plpgsql immutable set search_path = '' as $$
declare
  -- From the first bucket that has a run: what an entity does takes about as long each time, and what is empty would be read for nothing.
  summed integer[] := array[]::integer[];
  has_begun boolean := false;
begin
  for i in coalesce(least(array_lower(a, 1), array_lower(b, 1)), 1) .. coalesce(greatest(array_upper(a, 1), array_upper(b, 1)), 0) loop
    has_begun := has_begun or a[i] > 0 or b[i] > 0;
    if has_begun then
      summed[i] := coalesce(a[i], 0) + coalesce(b[i], 0);
    end if;
  end loop;
  return summed;
end
$$;
comment on function private.add_histograms(integer[], integer[]) is
  'Sum by bucket; a bucket''s number is its subscript, and the first subscript is that of the first bucket with a run.';
update public.sync_metrics_hourly set duration_histogram = private.add_histograms(duration_histogram, '{}');
update public.sync_metrics_daily set duration_histogram = private.add_histograms(duration_histogram, '{}');

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
  -- So many rows that a batch, with what goes with it, holds its locks for less than 100 ms at ten million runs. Each commits: a function could not, and a procedure only without the empty search_path that every routine here has.
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

select private.apply_schedules();

create or replace function public.schema_version() returns integer
language sql immutable set search_path = ''
return 29;
