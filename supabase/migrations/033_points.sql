-- The points of performance-history are kept as they are drawn, for each entity and for all of them, so that a period costs what its points cost.

create table public.sync_metrics_points (
  entity_type varchar references public.sync_status (entity_type) on update cascade on delete cascade,
  step interval not null,
  at timestamptz not null,
  runs bigint not null default 0,
  runs_by_schedule bigint not null default 0,
  runs_counted bigint not null default 0,
  success_weight numeric not null default 0,
  duration_ms_total bigint not null default 0,
  runs_upto integer[] not null default '{}',
  records_processed bigint not null default 0,
  api_calls bigint not null default 0,
  api_response_ms_total bigint not null default 0,
  cache_hits bigint not null default 0,
  cache_misses bigint not null default 0,
  errors bigint not null default 0,
  memory_usage_mb_peak integer,
  constraint sync_metrics_points_are_one_a_step unique nulls not distinct (entity_type, step, at),
  constraint sync_metrics_points_step_is_one_of_those_kept check (step in ('15 minutes', '1 hour', '2 hours', '1 day', '30 days'))
);
comment on table public.sync_metrics_points is
  'What began in a step of time: all runs'' counts, and of full runs (runs_by_schedule, runs_counted, weight and durations) what rates are made of.';
comment on column public.sync_metrics_points.entity_type is 'Null: all of them.';
comment on column public.sync_metrics_points.runs_upto is
  'By bucket of private.duration_bucket(), its subscript: the counted full runs that took at most as long; the last is all of them.';
create index sync_metrics_points_step_idx on public.sync_metrics_points (step, at);
alter table public.sync_metrics_points enable row level security;
revoke all on public.sync_metrics_points from public, anon, authenticated;
grant select on public.sync_metrics_points to authenticated;
grant all on public.sync_metrics_points to service_role;
create policy "Allow monitoring read" on public.sync_metrics_points for select to authenticated using ((select private.can_read_monitoring()));
create policy "Allow service monitoring access" on public.sync_metrics_points for all to service_role using (true) with check (true);

create function private.count_duration(runs_upto integer[], bucket integer) returns integer[]
language plpgsql immutable set search_path = '' as $$
declare
  first constant integer := array_lower(runs_upto, 1);
  last constant integer := array_upper(runs_upto, 1);
begin
  if bucket is null then
    return runs_upto;
  elsif first is null then
    return array_fill(1, array[1], array[bucket]);
  end if;
  for b in reverse first - 1 .. bucket loop
    runs_upto[b] := 0;
  end loop;
  for b in last + 1 .. bucket loop
    runs_upto[b] := runs_upto[last];
  end loop;
  for b in bucket .. greatest(bucket, last) loop
    runs_upto[b] := runs_upto[b] + 1;
  end loop;
  return runs_upto;
end
$$;
comment on function private.count_duration(integer[], integer) is 'One run more in sync_metrics_points.runs_upto, from its bucket on; none for null.';

create function private.add_to_points() returns trigger
language plpgsql set search_path = '' set plan_cache_mode = force_generic_plan as $$
declare
  is_counted constant boolean := new.tournament_no is null and new.success_weight is not null;
  bucket constant integer := case when is_counted then private.duration_bucket(new.duration) end;
begin
  -- What every run of every entity adds to is taken last of all, at the commit, so that nobody who holds it waits for anything else.
  perform pg_advisory_xact_lock(hashtext('private.add_to_points'));
  insert into public.sync_metrics_points as m (entity_type, step, at, runs, runs_by_schedule, runs_counted, success_weight, duration_ms_total,
    runs_upto, records_processed, api_calls, api_response_ms_total, cache_hits, cache_misses, errors, memory_usage_mb_peak)
  select e.entity_type, s.step, date_bin(s.step, new.execution_start, '2000-01-01 00:00:00+00'), 1,
    (new.tournament_no is null and new.trigger = 'CRON')::integer, is_counted::integer, case when is_counted then new.success_weight else 0 end,
    case when is_counted then round(extract(epoch from new.duration) * 1000) else 0 end, private.count_duration('{}', bucket),
    new.records_processed, new.api_calls, new.api_response_ms_total, new.cache_hits, new.cache_misses, new.error_count, new.memory_usage_mb
  from unnest(array['15 minutes', '1 hour', '2 hours', '1 day', '30 days']::interval[]) s (step) cross join (values (new.entity_type), (null)) e (entity_type)
  on conflict on constraint sync_metrics_points_are_one_a_step do update set
    runs = m.runs + 1,
    runs_by_schedule = m.runs_by_schedule + excluded.runs_by_schedule,
    runs_counted = m.runs_counted + excluded.runs_counted,
    success_weight = m.success_weight + excluded.success_weight,
    duration_ms_total = m.duration_ms_total + excluded.duration_ms_total,
    runs_upto = private.count_duration(m.runs_upto, bucket),
    records_processed = m.records_processed + excluded.records_processed,
    api_calls = m.api_calls + excluded.api_calls,
    api_response_ms_total = m.api_response_ms_total + excluded.api_response_ms_total,
    cache_hits = m.cache_hits + excluded.cache_hits,
    cache_misses = m.cache_misses + excluded.cache_misses,
    errors = m.errors + excluded.errors,
    memory_usage_mb_peak = greatest(m.memory_usage_mb_peak, excluded.memory_usage_mb_peak);
  return null;
end
$$;
comment on function private.add_to_points() is 'Adds a run that ended, or never began, to the points of its time, in the transaction that wrote its end.';

create constraint trigger add_ended_to_points after update on public.sync_execution_history deferrable initially deferred
for each row when (old.status = 'RUNNING' and new.status <> 'RUNNING') execute function private.add_to_points();
create constraint trigger add_skipped_to_points after insert on public.sync_execution_history deferrable initially deferred
for each row when (new.status <> 'RUNNING') execute function private.add_to_points();

insert into public.retention_settings (subject, keep) values ('quarter_hour_points', '2 days'), ('hour_points', '2 years'), ('day_points', '5 years')
on conflict (subject) do nothing;
alter table public.retention_settings add constraint retention_settings_points_are_kept_for_their_period
  check (keep >= case subject when 'quarter_hour_points' then interval '2 days' when 'hour_points' then interval '32 days' else '0' end);

-- What was before: days and hours from their rollups, a quarter of an hour from the runs of two days.
with part as (
  select '15 minutes'::interval as step, h.execution_start as at, h.entity_type, h.trigger, h.tournament_no is null as is_full_run, 1::bigint as runs,
    (h.success_weight is not null)::integer as runs_counted, coalesce(h.success_weight, 0) as success_weight,
    case when h.success_weight is null then 0 else round(extract(epoch from h.duration) * 1000) end as duration_ms_total,
    case when h.success_weight is null then '{}' else array_fill(1, array[1], array[private.duration_bucket(h.duration)]) end as duration_histogram,
    h.records_processed, h.api_calls, h.api_response_ms_total, h.cache_hits, h.cache_misses, h.error_count as errors,
    h.memory_usage_mb as memory_usage_mb_peak
  from public.sync_execution_history h where h.execution_start > now() - interval '2 days' and h.status <> 'RUNNING'
  union all
  select s.step, m.hour, m.entity_type, m.trigger, m.is_full_run,
    m.runs_succeeded + m.runs_partial + m.runs_failed + m.runs_timed_out + m.runs_cancelled + m.runs_skipped, m.runs_counted, m.success_weight,
    m.duration_ms_total, m.duration_histogram, m.records_processed, m.api_calls, m.api_response_ms_total, m.cache_hits, m.cache_misses, m.errors,
    m.memory_usage_mb_peak
  from public.sync_metrics_hourly m cross join unnest(array['1 hour', '2 hours']::interval[]) s (step)
  union all
  select s.step, m.day, m.entity_type, m.trigger, m.is_full_run,
    m.runs_succeeded + m.runs_partial + m.runs_failed + m.runs_timed_out + m.runs_cancelled + m.runs_skipped, m.runs_counted, m.success_weight,
    m.duration_ms_total, m.duration_histogram, m.records_processed, m.api_calls, m.api_response_ms_total, m.cache_hits, m.cache_misses, m.errors,
    m.memory_usage_mb_peak
  from public.sync_metrics_daily m cross join unnest(array['1 day', '30 days']::interval[]) s (step)
),
placed as (
  select e.entity_type as whose, date_bin(p.step, p.at, '2000-01-01 00:00:00+00') as point, p.* from part p
  cross join lateral (values (p.entity_type), (null)) e (entity_type)
),
durations as (
  select b.whose, b.step, b.point, format('[%s:%s]=%s', min(b.bucket), max(b.bucket), array_agg(b.runs order by b.bucket))::integer[] as runs_upto
  from (
    select g.whose, g.step, g.point, b.bucket, sum(coalesce(d.runs, 0)) over (partition by g.whose, g.step, g.point order by b.bucket)::integer as runs
    from (
      select whose, step, point, min(array_lower(duration_histogram, 1)) as first, max(array_upper(duration_histogram, 1)) as last
      from placed where is_full_run group by 1, 2, 3
    ) g
    cross join lateral generate_series(g.first, g.last) b (bucket)
    left join (
      select p.whose, p.step, p.point, array_lower(p.duration_histogram, 1) - 1 + h.position as bucket, sum(h.runs) as runs
      from placed p cross join unnest(p.duration_histogram) with ordinality h (runs, position) where p.is_full_run group by 1, 2, 3, 4
    ) d on d.whose is not distinct from g.whose and d.step = g.step and d.point = g.point and d.bucket = b.bucket
  ) b group by 1, 2, 3
)
insert into public.sync_metrics_points
select p.whose, p.step, p.point, sum(p.runs), coalesce(sum(p.runs) filter (where p.is_full_run and p.trigger = 'CRON'), 0),
  coalesce(sum(p.runs_counted) filter (where p.is_full_run), 0), coalesce(sum(p.success_weight) filter (where p.is_full_run), 0),
  coalesce(sum(p.duration_ms_total) filter (where p.is_full_run), 0), coalesce(min(d.runs_upto), '{}'), sum(p.records_processed), sum(p.api_calls),
  sum(p.api_response_ms_total), sum(p.cache_hits), sum(p.cache_misses), sum(p.errors), max(p.memory_usage_mb_peak)
from placed p left join durations d on d.whose is not distinct from p.whose and d.step = p.step and d.point = p.point
group by p.whose, p.step, p.point;

create or replace function public.schema_version() returns integer
language sql immutable set search_path = ''
return 33;

revoke execute on function private.count_duration(integer[], integer), private.add_to_points() from public, anon, authenticated;
grant execute on function private.count_duration(integer[], integer), private.add_to_points() to service_role;
