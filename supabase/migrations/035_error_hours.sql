-- What retention takes from the errors is added up by the hour first, so that their analysis says the same afterwards.

create table public.sync_errors_hourly (
  hour timestamptz not null,
  entity_type varchar not null,
  fingerprint varchar not null,
  tournament_no varchar not null default '',
  error_type varchar not null,
  error_code varchar not null,
  error_severity varchar not null,
  error_message text not null,
  errors integer not null,
  first_seen timestamptz not null,
  last_seen timestamptz not null,
  resolved integer not null,
  last_resolved timestamptz,
  resolution_ms_total bigint not null,
  resolution_histogram integer[] not null,
  primary key (hour, entity_type, fingerprint, tournament_no, error_type, error_code, error_severity),
  constraint sync_errors_hourly_hour_is_whole check (extract(epoch from hour)::bigint % 3600 = 0),
  constraint sync_errors_hourly_resolved_are_errors check (resolved between 0 and errors and (resolved = 0) = (last_resolved is null))
);
comment on table public.sync_errors_hourly is 'Errors that retention took, by UTC hour and group; those still in sync_error_log are not in it.';
comment on column public.sync_errors_hourly.tournament_no is 'Empty for none.';
comment on column public.sync_errors_hourly.error_message is 'Of the latest of them.';
comment on column public.sync_errors_hourly.resolution_histogram is 'How long resolving took, by private.duration_bucket().';
alter table public.sync_errors_hourly enable row level security;
revoke all on public.sync_errors_hourly from public, anon, authenticated;
grant select on public.sync_errors_hourly to authenticated;
grant all on public.sync_errors_hourly to service_role;
create policy "Allow monitoring read" on public.sync_errors_hourly for select to authenticated using ((select private.can_read_monitoring()));
create policy "Allow service monitoring access" on public.sync_errors_hourly for all to service_role using (true) with check (true);

insert into public.retention_settings (subject, keep) values ('error_metrics', '2 years') on conflict (subject) do nothing;
alter table public.retention_settings add constraint retention_settings_errors_are_kept_for_days
check (subject not in ('resolved_errors', 'open_errors') or keep >= interval '2 days');
comment on constraint retention_settings_errors_are_kept_for_days on public.retention_settings is
  'The last day is analysed by the quarter of an hour, and what is older by the hour at the finest.';

create function private.fold_errors(ids uuid[]) returns integer
language plpgsql set search_path = '' set plan_cache_mode = force_generic_plan as $$
declare
  gone public.sync_error_log;
  folded integer := 0;
begin
  for gone in delete from public.sync_error_log where id = any (ids) returning * loop
    folded := folded + 1;
    insert into public.sync_errors_hourly as m (hour, entity_type, fingerprint, tournament_no, error_type, error_code, error_severity, error_message,
      errors, first_seen, last_seen, resolved, last_resolved, resolution_ms_total, resolution_histogram)
    values (date_trunc('hour', gone.occurred_at, 'UTC'), gone.entity_type, gone.fingerprint, coalesce(gone.tournament_no, ''), gone.error_type, gone.error_code,
      gone.error_severity, gone.error_message, 1, gone.occurred_at, gone.occurred_at, (gone.resolved_at is not null)::integer, gone.resolved_at,
      coalesce(round(extract(epoch from gone.resolved_at - gone.occurred_at) * 1000), 0),
      case when gone.resolved_at is null then '{}' else
        array_fill(1, array[1], array[private.duration_bucket(gone.resolved_at - gone.occurred_at)])
      end)
    on conflict (hour, entity_type, fingerprint, tournament_no, error_type, error_code, error_severity) do update set
      error_message = case when excluded.last_seen >= m.last_seen then excluded.error_message else m.error_message end,
      errors = m.errors + 1,
      first_seen = least(m.first_seen, excluded.first_seen),
      last_seen = greatest(m.last_seen, excluded.last_seen),
      resolved = m.resolved + excluded.resolved,
      last_resolved = greatest(m.last_resolved, excluded.last_resolved),
      resolution_ms_total = m.resolution_ms_total + excluded.resolution_ms_total,
      resolution_histogram = private.add_histograms(m.resolution_histogram, excluded.resolution_histogram);
  end loop;
  return folded;
end
$$;
comment on function private.fold_errors(uuid[]) is 'Moves errors into the hours they occurred in; how many.';

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
      return private.fold_errors(array(
        select id from public.sync_error_log where occurred_at < before and resolved_at < before order by occurred_at limit batch));
    when 'open_errors' then
      return private.fold_errors(array(
        select id from public.sync_error_log where occurred_at < before and resolved_at is null order by occurred_at limit batch));
    when 'error_metrics' then
      delete from public.sync_errors_hourly where ctid = any (array(
        select ctid from public.sync_errors_hourly where hour < before order by hour limit batch));
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
    when 'quarter_hour_points', 'hour_points', 'day_points' then
      delete from public.sync_metrics_points where ctid = any (array(
        select ctid from public.sync_metrics_points
        where step = any (case p_subject when 'quarter_hour_points' then array['15 minutes'] when 'day_points' then array['1 day', '30 days'] else array['1 hour', '2 hours'] end::interval[])
          and at < before order by at limit batch));
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

create or replace function public.get_error_analytics(p jsonb, as_of timestamptz default now()) returns jsonb
language plpgsql stable set search_path = '' set plan_cache_mode = force_generic_plan set jit = off as $$
begin
  return (
    with frame as (
      select (p ->> 'step')::interval as step, date_bin((p ->> 'step')::interval, as_of, '2000-01-01 00:00:00+00') + (p ->> 'step')::interval as until,
        date_bin((p ->> 'step')::interval, as_of, '2000-01-01 00:00:00+00') + (p ->> 'step')::interval - (p ->> 'span')::interval as began
    ),
    -- Each error there is, and an hour of a group of those that retention took.
    part as materialized (
      select l.entity_type, l.error_type, l.error_code, l.error_severity, l.tournament_no, l.fingerprint, l.error_message, 1 as errors,
        l.occurred_at as first_seen, l.occurred_at as last_seen, (l.resolved_at is not null)::integer as resolved, l.resolved_at as last_resolved,
        extract(epoch from l.resolved_at - l.occurred_at) * 1000 as resolution_ms, null::integer[] as resolution_histogram
      from frame f join public.sync_error_log l on l.occurred_at >= f.began and l.occurred_at < f.until
      where p ->> 'entity_type' is null or l.entity_type = p ->> 'entity_type'
      union all
      select m.entity_type, m.error_type, m.error_code, m.error_severity, nullif(m.tournament_no, ''), m.fingerprint, m.error_message, m.errors,
        m.first_seen, m.last_seen, m.resolved, m.last_resolved, m.resolution_ms_total, m.resolution_histogram
      from frame f join public.sync_errors_hourly m on m.hour >= f.began and m.hour < f.until
      where p ->> 'entity_type' is null or m.entity_type = p ->> 'entity_type'
    ),
    -- One pass for every way of counting; grouping() says which: a bit for each of type, severity, entity, tournament and step.
    tally as materialized (
      select e.error_type, e.error_severity, e.entity_type, e.tournament_no, t.at, sum(e.errors) as errors, sum(e.resolved) as resolved,
        sum(e.resolution_ms) as resolution_ms, grouping(e.error_type, e.error_severity, e.entity_type, e.tournament_no, t.at) as by
      from frame f cross join part e cross join lateral (select date_bin(f.step, e.first_seen, '2000-01-01 00:00:00+00') as at) t
      group by grouping sets ((e.error_type), (e.error_severity), (e.entity_type), (e.tournament_no), (t.at))
    ),
    fault as materialized (
      select e.fingerprint, sum(e.errors) as errors, min(e.first_seen) as first_seen, max(e.last_seen) as last_seen,
        count(distinct e.tournament_no) as tournaments, sum(e.errors - e.resolved) as open_errors, max(e.last_resolved) as last_resolved
      from part e group by e.fingerprint order by sum(e.errors) desc, e.fingerprint limit 50
    ),
    newest as (
      select e.fingerprint, min(e.error_message) as message, min(e.error_code) as error_code, min(e.error_type) as error_type,
        min(e.error_severity) as severity
      from fault f join part e on e.fingerprint = f.fingerprint and e.last_seen = f.last_seen group by e.fingerprint
    ),
    resolution as (
      select ms, sum(n) over (order by ms) as upto, sum(n) over () as total from (
        select resolution_ms::double precision as ms, 1::bigint as n from part where resolved = 1 and resolution_histogram is null
        union all
        select private.bucket_ms(array_lower(e.resolution_histogram, 1) - 1 + h.position), h.n
        from part e cross join unnest(e.resolution_histogram) with ordinality h (n, position)
        where e.resolution_histogram is not null and h.n > 0
      ) points
    )
    select jsonb_build_object(
      'from', f.began, 'until', f.until, 'total', (select coalesce(sum(errors), 0) from tally where by = 15),
      'open', (select coalesce(sum(errors - resolved), 0) from tally where by = 15),
      'by_type', (select coalesce(jsonb_object_agg(error_type, errors), '{}') from tally where by = 15),
      'by_severity', (select coalesce(jsonb_object_agg(error_severity, errors), '{}') from tally where by = 23),
      'by_entity', (select coalesce(jsonb_object_agg(entity_type, errors), '{}') from tally where by = 27),
      'by_tournament', (
        select coalesce(jsonb_agg(jsonb_build_object('tournament_no', g.tournament_no, 'count', g.errors) order by g.errors desc, g.tournament_no), '[]')
        from (select tournament_no, errors from tally where by = 29 and tournament_no is not null order by 2 desc, 1 limit 20) g),
      'trend', (
        select jsonb_agg(jsonb_build_object('timestamp', b.at, 'count', coalesce(n.errors, 0)) order by b.at)
        from generate_series(f.began, f.until - f.step, f.step) b (at) left join tally n on n.by = 30 and n.at = b.at),
      'groups', (
        select coalesce(jsonb_agg(jsonb_build_object('fingerprint', g.fingerprint, 'count', g.errors, 'first_seen', g.first_seen, 'last_seen', g.last_seen,
          'message', n.message, 'error_code', n.error_code, 'error_type', n.error_type, 'severity', n.severity, 'tournaments', g.tournaments,
          'open', g.open_errors, 'is_regression', coalesce(g.last_seen > g.last_resolved, false)) order by g.errors desc, g.fingerprint), '[]')
        from fault g join newest n on n.fingerprint = g.fingerprint),
      'resolution_ms', (
        select jsonb_build_object('count', coalesce(sum(resolved), 0), 'average', round(sum(resolution_ms) / nullif(sum(resolved), 0)),
          'p50', (select round(min(ms)::numeric) from resolution where upto >= 0.5 * total),
          'p95', (select round(min(ms)::numeric) from resolution where upto >= 0.95 * total))
        from tally where by = 15)
    )
    from frame f
  );
end
$$;
comment on function public.get_error_analytics(jsonb, timestamptz) is
  'Errors of {span} in buckets of {step}, for {entity_type?} or all, those that retention took too: totals, trend, the fifty most frequent groups by fingerprint, and how long resolving took.';

create or replace function public.schema_version() returns integer
language sql immutable set search_path = ''
return 35;

revoke execute on function private.fold_errors(uuid[]) from public, anon, authenticated;
grant execute on function private.fold_errors(uuid[]) to service_role;
