-- For whoever asks again and again: an answer that says "the same" without being made, and counters that never fall.

create table public.sync_totals (
  entity_type varchar primary key references public.sync_status (entity_type) on update cascade on delete cascade,
  runs_succeeded bigint not null default 0,
  runs_partial bigint not null default 0,
  runs_failed bigint not null default 0,
  runs_timed_out bigint not null default 0,
  runs_cancelled bigint not null default 0,
  runs_skipped bigint not null default 0,
  duration_ms bigint not null default 0,
  duration_runs bigint not null default 0,
  duration_counts bigint[] not null default '{0,0,0,0,0,0,0,0,0}',
  records_processed bigint not null default 0,
  records_rejected bigint not null default 0,
  api_calls bigint not null default 0,
  api_errors bigint not null default 0,
  errors bigint not null default 0
);
comment on table public.sync_totals is 'What an entity''s runs add up to since the beginning; retention takes nothing from it.';
comment on column public.sync_totals.duration_counts is 'Counted runs that took at most 1, 5, 10, 30, 60, 120, 300, 600 s, and all; cumulative, as Prometheus has it.';
alter table public.sync_totals enable row level security;
revoke all on public.sync_totals from public, anon, authenticated;
grant select on public.sync_totals to authenticated;
grant all on public.sync_totals to service_role;
create policy "Allow monitoring read" on public.sync_totals for select to authenticated using ((select private.can_read_monitoring()));
create policy "Allow service monitoring access" on public.sync_totals for all to service_role using (true) with check (true);

create function private.duration_counts(duration interval) returns bigint[]
language sql immutable set search_path = ''
return array(
  select (duration is not null and (edge is null or duration <= make_interval(secs => edge)))::integer::bigint
  from unnest(array[1, 5, 10, 30, 60, 120, 300, 600, null]::integer[]) with ordinality e (edge, position) order by position
);
comment on function private.duration_counts(interval) is 'One run in the buckets of sync_totals.duration_counts; zeros for none.';

create function private.add_counts(a bigint[], b bigint[]) returns bigint[]
language sql immutable set search_path = ''
return array(select x + y from unnest(a, b) with ordinality u (x, y, position) order by position);
comment on function private.add_counts(bigint[], bigint[]) is 'Element-wise sum of two lists of the same length.';

create or replace function private.roll_up(run public.sync_execution_history) returns void
language sql set search_path = ''
begin atomic
  insert into public.sync_metrics_hourly as m (
    entity_type, hour, trigger, is_full_run, runs_succeeded, runs_partial, runs_failed, runs_timed_out, runs_cancelled, runs_skipped,
    runs_counted, success_weight, duration_ms_total, duration_runs, duration_histogram, records_read, records_processed,
    records_rejected, api_calls, api_errors, api_retries, api_bytes, api_response_ms_total, cache_hits, cache_misses, errors,
    memory_usage_mb_peak
  )
  select run.entity_type, date_trunc('hour', run.execution_start, 'UTC'), run.trigger, run.tournament_no is null,
    (run.status = 'SUCCEEDED')::integer, (run.status = 'PARTIAL')::integer, (run.status = 'FAILED')::integer,
    (run.status = 'TIMED_OUT')::integer, (run.status = 'CANCELLED')::integer, (run.status = 'SKIPPED')::integer,
    (w.weight is not null)::integer, coalesce(w.weight, 0),
    case when w.weight is null then 0 else round(extract(epoch from run.duration) * 1000) end, (w.weight is not null)::integer,
    case when w.weight is null then '{}' else
      array_fill(0, array[private.duration_bucket(run.duration) - 1]) || 1
    end,
    run.records_read, run.records_processed, run.records_rejected, run.api_calls, run.api_errors, run.api_retries, run.api_bytes,
    run.api_response_ms_total, run.cache_hits, run.cache_misses, run.error_count, run.memory_usage_mb
  from (select private.success_weight(run.status, run.tournaments_failed, run.tournaments_processed) as weight) w
  on conflict (entity_type, hour, trigger, is_full_run) do update set
    runs_succeeded = m.runs_succeeded + excluded.runs_succeeded,
    runs_partial = m.runs_partial + excluded.runs_partial,
    runs_failed = m.runs_failed + excluded.runs_failed,
    runs_timed_out = m.runs_timed_out + excluded.runs_timed_out,
    runs_cancelled = m.runs_cancelled + excluded.runs_cancelled,
    runs_skipped = m.runs_skipped + excluded.runs_skipped,
    runs_counted = m.runs_counted + excluded.runs_counted,
    success_weight = m.success_weight + excluded.success_weight,
    duration_ms_total = m.duration_ms_total + excluded.duration_ms_total,
    duration_runs = m.duration_runs + excluded.duration_runs,
    duration_histogram = private.add_histograms(m.duration_histogram, excluded.duration_histogram),
    records_read = m.records_read + excluded.records_read,
    records_processed = m.records_processed + excluded.records_processed,
    records_rejected = m.records_rejected + excluded.records_rejected,
    api_calls = m.api_calls + excluded.api_calls,
    api_errors = m.api_errors + excluded.api_errors,
    api_retries = m.api_retries + excluded.api_retries,
    api_bytes = m.api_bytes + excluded.api_bytes,
    api_response_ms_total = m.api_response_ms_total + excluded.api_response_ms_total,
    cache_hits = m.cache_hits + excluded.cache_hits,
    cache_misses = m.cache_misses + excluded.cache_misses,
    errors = m.errors + excluded.errors,
    memory_usage_mb_peak = greatest(m.memory_usage_mb_peak, excluded.memory_usage_mb_peak);

  insert into public.sync_totals as t (entity_type, runs_succeeded, runs_partial, runs_failed, runs_timed_out, runs_cancelled, runs_skipped,
    duration_ms, duration_runs, duration_counts, records_processed, records_rejected, api_calls, api_errors, errors)
  select run.entity_type, (run.status = 'SUCCEEDED')::integer, (run.status = 'PARTIAL')::integer, (run.status = 'FAILED')::integer,
    (run.status = 'TIMED_OUT')::integer, (run.status = 'CANCELLED')::integer, (run.status = 'SKIPPED')::integer,
    case when run.success_weight is null then 0 else round(extract(epoch from run.duration) * 1000) end, (run.success_weight is not null)::integer,
    private.duration_counts(case when run.success_weight is not null then run.duration end),
    run.records_processed, run.records_rejected, run.api_calls, run.api_errors, run.error_count
  on conflict (entity_type) do update set
    runs_succeeded = t.runs_succeeded + excluded.runs_succeeded,
    runs_partial = t.runs_partial + excluded.runs_partial,
    runs_failed = t.runs_failed + excluded.runs_failed,
    runs_timed_out = t.runs_timed_out + excluded.runs_timed_out,
    runs_cancelled = t.runs_cancelled + excluded.runs_cancelled,
    runs_skipped = t.runs_skipped + excluded.runs_skipped,
    duration_ms = t.duration_ms + excluded.duration_ms,
    duration_runs = t.duration_runs + excluded.duration_runs,
    duration_counts = private.add_counts(t.duration_counts, excluded.duration_counts),
    records_processed = t.records_processed + excluded.records_processed,
    records_rejected = t.records_rejected + excluded.records_rejected,
    api_calls = t.api_calls + excluded.api_calls,
    api_errors = t.api_errors + excluded.api_errors,
    errors = t.errors + excluded.errors;
end;

insert into public.sync_totals (entity_type, runs_succeeded, runs_partial, runs_failed, runs_timed_out, runs_cancelled, runs_skipped, duration_ms,
  duration_runs, duration_counts, records_processed, records_rejected, api_calls, api_errors, errors)
select m.entity_type, sum(m.runs_succeeded), sum(m.runs_partial), sum(m.runs_failed), sum(m.runs_timed_out), sum(m.runs_cancelled), sum(m.runs_skipped),
  sum(m.duration_ms_total), sum(m.duration_runs),
  -- From the histogram, whose edges are not those of the counters: off by a bucket at most.
  array(
    select (select coalesce(sum(h.runs), 0) from public.sync_metrics_hourly o cross join unnest(o.duration_histogram) with ordinality h (runs, bucket)
      where o.entity_type = m.entity_type and (e.edge is null or private.bucket_ms(h.bucket) <= e.edge * 1000))::bigint
    from unnest(array[1, 5, 10, 30, 60, 120, 300, 600, null]::integer[]) with ordinality e (edge, position) order by e.position),
  sum(m.records_processed), sum(m.records_rejected), sum(m.api_calls), sum(m.api_errors), sum(m.errors)
from public.sync_metrics_hourly m group by m.entity_type;

create function public.get_prometheus_facts(as_of timestamptz default now()) returns jsonb
language sql stable set search_path = ''
return jsonb_build_object(
  'entities', (
    select coalesce(jsonb_agg(coalesce(to_jsonb(t), '{}') || jsonb_build_object('entity_type', s.entity_type, 'consecutive_failures', s.consecutive_failures,
      'is_paused', s.paused_at is not null, 'last_success_s', extract(epoch from s.last_sync), 'last_memory_mb', s.last_memory_usage,
      'overdue_s', coalesce(extract(epoch from as_of - private.overdue_since(s, as_of)), 0),
      'running', (select count(*) from public.sync_execution_history h where h.status = 'RUNNING' and h.entity_type = s.entity_type)) order by s.entity_type), '[]')
    from public.sync_status s left join public.sync_totals t on t.entity_type = s.entity_type where s.is_active),
  'incidents', (
    select coalesce(jsonb_agg(jsonb_build_object('severity', severity, 'state', state, 'count', n)), '[]')
    from (select severity, state, count(*) as n from public.alert_incidents where state in ('FIRING', 'ACKNOWLEDGED') group by 1, 2) i),
  'evaluated_s', (select extract(epoch from max(evaluated_at)) from public.alert_evaluations),
  'dead_notifications', (select count(*) from public.alert_notifications where status = 'DEAD' and created_at > as_of - interval '1 day'),
  'upstream_blocked', (select coalesce(max((u.blocked_until > as_of)::integer), 0) from public.upstream_state u),
  'queue', public.get_queue_status(as_of)
);
comment on function public.get_prometheus_facts(timestamptz) is 'Counters since the beginning and gauges of now, for a scrape.';

create function private.data_version() returns text
language sql stable set search_path = ''
return concat_ws('.',
  (select max(s.updated_at) from public.sync_status s),
  (select max(h.heartbeat_at) from public.sync_execution_history h where h.status = 'RUNNING'),
  (select max(e.id) from public.alert_events e),
  (select max(d.id) from public.alert_deliveries d),
  (select max(a.id) from public.audit_log a)
);
comment on function private.data_version() is 'Changes with every run''s heartbeat and end, every step of an incident, every delivery and every act of a person.';

create function public.read_monitoring(p jsonb, as_of timestamptz default now()) returns jsonb
language plpgsql stable set search_path = '' as $$
declare
  fn constant text := p ->> 'fn';
  args constant jsonb := p -> 'p';
  -- Health ages by itself: an answer is good for five seconds at most.
  etag constant text := format('W/"%s"', md5(concat_ws('|', private.data_version(), floor(extract(epoch from as_of) / 5), fn, args)));
begin
  if p ->> 'known' = etag then
    return jsonb_build_object('etag', etag, 'is_same', true);
  end if;
  return jsonb_build_object('etag', etag, 'is_same', false, 'body', case fn
    when 'get_health_overview' then public.get_health_overview(as_of)
    when 'get_performance_history' then public.get_performance_history(args, as_of)
    when 'get_sync_statistics' then public.get_sync_statistics(args, as_of)
    when 'get_error_analytics' then public.get_error_analytics(args, as_of)
    when 'list_errors' then public.list_errors(args)
    when 'list_executions' then public.list_executions(args)
    when 'get_execution' then public.get_execution(args)
    when 'list_tournament_states' then public.list_tournament_states(args, as_of)
    when 'get_tournament_state' then public.get_tournament_state(args, as_of)
    when 'list_alert_incidents' then public.list_alert_incidents(args)
    when 'get_alert_incident' then public.get_alert_incident(args)
    when 'get_metrics_facts' then public.get_metrics_facts(as_of)
    when 'get_system_facts' then public.get_system_facts(as_of)
  end);
end
$$;
comment on function public.read_monitoring(jsonb, timestamptz) is
  'The read {fn} with {p} and its ETag; without the body when {known} is that tag, so that nothing big is read for it.';

create or replace function public.schema_version() returns integer
language sql immutable set search_path = ''
return 24;

revoke execute on function private.duration_counts(interval), private.add_counts(bigint[], bigint[]), public.get_prometheus_facts(timestamptz),
  private.data_version(), public.read_monitoring(jsonb, timestamptz) from public, anon, authenticated;
grant execute on function private.duration_counts(interval), private.add_counts(bigint[], bigint[]), public.get_prometheus_facts(timestamptz),
  private.data_version(), public.read_monitoring(jsonb, timestamptz) to service_role;
