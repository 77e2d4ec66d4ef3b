-- What a run adds to when it ends, beside its hour: its day, so that a year is quick to read, and the totals since the beginning, that never fall.

create function private.bucket_ms(bucket bigint) returns double precision
language sql immutable set search_path = ''
return power(1.1, bucket - 2) * 2.2 / 2.1;
comment on function private.bucket_ms(bigint) is
  'The duration in ms that stands for a bucket of private.duration_bucket(): the harmonic mean of its edges, off by 4.8 % at either.';

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

create table public.sync_metrics_daily (
  entity_type varchar not null references public.sync_status (entity_type) on update cascade on delete cascade,
  day timestamptz not null,
  trigger varchar not null,
  is_full_run boolean not null,
  runs_succeeded integer not null default 0,
  runs_partial integer not null default 0,
  runs_failed integer not null default 0,
  runs_timed_out integer not null default 0,
  runs_cancelled integer not null default 0,
  runs_skipped integer not null default 0,
  runs_counted integer not null default 0,
  success_weight numeric not null default 0,
  duration_ms_total bigint not null default 0,
  duration_runs integer not null default 0,
  duration_histogram integer[] not null default '{}',
  records_read bigint not null default 0,
  records_processed bigint not null default 0,
  records_rejected bigint not null default 0,
  api_calls bigint not null default 0,
  api_errors bigint not null default 0,
  api_retries bigint not null default 0,
  api_bytes bigint not null default 0,
  api_response_ms_total bigint not null default 0,
  cache_hits bigint not null default 0,
  cache_misses bigint not null default 0,
  errors bigint not null default 0,
  memory_usage_mb_peak integer,
  primary key (entity_type, day, trigger, is_full_run),
  constraint sync_metrics_daily_day_is_whole check (extract(epoch from day)::bigint % 86400 = 0)
);
comment on table public.sync_metrics_daily is 'The same by UTC day, so that a year is 365 rows and not 8,760.';
alter table public.sync_metrics_daily enable row level security;
revoke all on public.sync_metrics_daily from public, anon, authenticated;
grant select on public.sync_metrics_daily to authenticated;
grant all on public.sync_metrics_daily to service_role;
create policy "Allow monitoring read" on public.sync_metrics_daily for select to authenticated using ((select private.can_read_monitoring()));
create policy "Allow service monitoring access" on public.sync_metrics_daily for all to service_role using (true) with check (true);

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

  insert into public.sync_metrics_daily as m (
    entity_type, day, trigger, is_full_run, runs_succeeded, runs_partial, runs_failed, runs_timed_out, runs_cancelled, runs_skipped,
    runs_counted, success_weight, duration_ms_total, duration_runs, duration_histogram, records_read, records_processed,
    records_rejected, api_calls, api_errors, api_retries, api_bytes, api_response_ms_total, cache_hits, cache_misses, errors,
    memory_usage_mb_peak
  )
  select run.entity_type, date_trunc('day', run.execution_start, 'UTC'), run.trigger, run.tournament_no is null,
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
  on conflict (entity_type, day, trigger, is_full_run) do update set
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

insert into public.sync_metrics_daily (entity_type, day, trigger, is_full_run, runs_succeeded, runs_partial, runs_failed, runs_timed_out, runs_cancelled,
  runs_skipped, runs_counted, success_weight, duration_ms_total, duration_runs, duration_histogram, records_read, records_processed, records_rejected,
  api_calls, api_errors, api_retries, api_bytes, api_response_ms_total, cache_hits, cache_misses, errors, memory_usage_mb_peak)
select m.entity_type, m.day, m.trigger, m.is_full_run, sum(m.runs_succeeded), sum(m.runs_partial), sum(m.runs_failed),
  sum(m.runs_timed_out), sum(m.runs_cancelled), sum(m.runs_skipped), sum(m.runs_counted), sum(m.success_weight), sum(m.duration_ms_total), sum(m.duration_runs),
  array(
    select coalesce(sum(h.runs), 0)::integer
    from generate_series(1, max(cardinality(m.duration_histogram))) b (bucket)
    left join (
      select u.bucket, u.runs from public.sync_metrics_hourly o cross join unnest(o.duration_histogram) with ordinality u (runs, bucket)
      where o.entity_type = m.entity_type and o.trigger = m.trigger and o.is_full_run = m.is_full_run
        and date_trunc('day', o.hour, 'UTC') = m.day
    ) h on h.bucket = b.bucket
    group by b.bucket order by b.bucket),
  sum(m.records_read), sum(m.records_processed), sum(m.records_rejected), sum(m.api_calls), sum(m.api_errors), sum(m.api_retries), sum(m.api_bytes),
  sum(m.api_response_ms_total), sum(m.cache_hits), sum(m.cache_misses), sum(m.errors), max(m.memory_usage_mb_peak)
from (select h.*, date_trunc('day', h.hour, 'UTC') as day from public.sync_metrics_hourly h) m group by m.entity_type, m.day, m.trigger, m.is_full_run;
insert into public.retention_settings (subject, keep) values ('daily_metrics', '5 years') on conflict (subject) do nothing;

revoke execute on function private.bucket_ms(bigint), private.duration_counts(interval), private.add_counts(bigint[], bigint[])
from public, anon, authenticated;
grant execute on function private.bucket_ms(bigint), private.duration_counts(interval), private.add_counts(bigint[], bigint[]) to service_role;
