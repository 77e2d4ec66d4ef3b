-- The analysis of errors adds up those there are and those that retention took each by itself, answers its groups by column, and says of a group
-- where it was last, not in how many tournaments: to count those alone took a quarter of it, and the errors of the group show them.

create or replace function public.get_error_analytics(p jsonb, as_of timestamptz default now()) returns json
language plpgsql stable set search_path = '' set plan_cache_mode = force_generic_plan set jit = off as $$
declare
  entity constant text := p ->> 'entity_type';
  step constant interval := (p ->> 'step')::interval;
  until constant timestamptz := date_bin(step, as_of, '2000-01-01 00:00:00+00') + step;
  began constant timestamptz := until - (p ->> 'span')::interval;
begin
  return (
    with tally as materialized (
      select l.fingerprint, l.error_type, l.error_severity, l.entity_type, date_bin(step, l.occurred_at, '2000-01-01 00:00:00+00') as at,
        count(*) as errors, min(l.occurred_at) as first_seen, max(l.occurred_at) as last_seen, count(l.resolved_at) as resolved,
        max(l.resolved_at) as last_resolved, grouping(date_bin(step, l.occurred_at, '2000-01-01 00:00:00+00')) as by
      from public.sync_error_log l
      where l.occurred_at >= began and l.occurred_at < until and (entity is null or l.entity_type = entity)
      group by grouping sets ((1, 2, 3, 4), (5))
      union all
      select m.fingerprint, m.error_type, m.error_severity, m.entity_type, date_bin(step, m.first_seen, '2000-01-01 00:00:00+00'),
        sum(m.errors), min(m.first_seen), max(m.last_seen), sum(m.resolved),
        max(m.last_resolved), grouping(date_bin(step, m.first_seen, '2000-01-01 00:00:00+00'))
      from public.sync_errors_hourly m
      where m.hour >= began and m.hour < until and (entity is null or m.entity_type = entity)
      group by grouping sets ((1, 2, 3, 4), (5))
    ),
    hit as (
      select l.tournament_no, 1 as errors from public.sync_error_log l
      where l.occurred_at >= began and l.occurred_at < until and (entity is null or l.entity_type = entity) and l.tournament_no is not null
      union all
      select m.tournament_no, m.errors from public.sync_errors_hourly m
      where m.hour >= began and m.hour < until and (entity is null or m.entity_type = entity) and m.tournament_no <> ''
    ),
    cause as materialized (select * from tally t where t.by = 1),
    fault as materialized (
      select c.fingerprint, sum(c.errors) as errors, min(c.first_seen) as first_seen, max(c.last_seen) as last_seen,
        sum(c.errors - c.resolved) as open_errors, max(c.last_resolved) as last_resolved
      from cause c group by 1 order by 2 desc, 1 limit 50
    ),
    -- How long resolving took: each there is, and the buckets of those that retention took, the exact sum beside the first of them.
    resolved as materialized (
      select extract(epoch from l.resolved_at - l.occurred_at) * 1000 as ms, 1::bigint as n, extract(epoch from l.resolved_at - l.occurred_at) * 1000 as total_ms
      from public.sync_error_log l
      where l.occurred_at >= began and l.occurred_at < until and (entity is null or l.entity_type = entity) and l.resolved_at is not null
        and exists (select from cause c where c.resolved > 0)
      union all
      select private.bucket_ms(array_lower(m.resolution_histogram, 1) - 1 + h.position)::numeric, h.n, case h.position when 1 then m.resolution_ms_total end
      from public.sync_errors_hourly m cross join unnest(m.resolution_histogram) with ordinality h (n, position)
      where m.hour >= began and m.hour < until and (entity is null or m.entity_type = entity)
    ),
    resolution as (
      select r.ms, sum(r.n) over (order by r.ms) as upto, sum(r.n) over () as total from resolved r where r.n > 0
    )
    select json_build_object('from', began, 'until', until,
      'total', (select coalesce(sum(errors), 0) from cause),
      'open', (select coalesce(sum(errors - resolved), 0) from cause),
      'by_type', (select coalesce(json_object_agg(g.error_type, g.errors), '{}') from (select error_type, sum(errors) as errors from cause group by 1) g),
      'by_severity', (select coalesce(json_object_agg(g.error_severity, g.errors), '{}') from (select error_severity, sum(errors) as errors from cause group by 1) g),
      'by_entity', (select coalesce(json_object_agg(g.entity_type, g.errors), '{}') from (select entity_type, sum(errors) as errors from cause group by 1) g),
      'by_tournament', (
        select coalesce(json_agg(json_build_object('tournament_no', g.tournament_no, 'count', g.errors) order by g.errors desc, g.tournament_no), '[]')
        from (select tournament_no, sum(errors) as errors from hit group by 1 order by 2 desc, 1 limit 20) g),
      'trend', (
        select json_agg(json_build_object('timestamp', b.at, 'count', coalesce(n.errors, 0)) order by b.at)
        from generate_series(began, until - step, step) b (at)
        left join (select t.at, sum(t.errors) as errors from tally t where t.by = 0 group by 1) n on n.at = b.at),
      'groups', (
        -- As columns, which name each field once.
        select case count(*) when 0 then '{}' else json_build_object('fingerprint', json_agg(g.fingerprint), 'count', json_agg(g.errors),
          'first_seen', json_agg(g.first_seen), 'last_seen', json_agg(g.last_seen), 'message', json_agg(g.message), 'error_code', json_agg(g.error_code),
          'error_type', json_agg(g.error_type), 'severity', json_agg(g.severity), 'tournament_no', json_agg(g.tournament_no), 'open', json_agg(g.open_errors),
          'is_regression', json_agg(coalesce(g.last_seen > g.last_resolved, false))) end
        from (
          select f.*, n.* from fault f cross join lateral (
            select min(l.error_message) as message, min(l.error_code) as error_code, min(l.error_type) as error_type, min(l.error_severity) as severity,
              min(l.tournament_no) as tournament_no
            from (
              select error_message, error_code, error_type, error_severity, tournament_no from public.sync_error_log
              where occurred_at = f.last_seen and fingerprint = f.fingerprint and (entity is null or entity_type = entity)
              union all
              select error_message, error_code, error_type, error_severity, nullif(tournament_no, '') from public.sync_errors_hourly
              where hour = date_trunc('hour', f.last_seen, 'UTC') and last_seen = f.last_seen and fingerprint = f.fingerprint
                and (entity is null or entity_type = entity)
            ) l
          ) n order by f.errors desc, f.fingerprint
        ) g),
      'resolution_ms', (
        select json_build_object('count', coalesce(sum(r.n), 0), 'average', round(sum(r.total_ms) / nullif(sum(r.n), 0)),
          'p50', (select round(min(r.ms)) from resolution r where r.upto >= 0.5 * r.total),
          'p95', (select round(min(r.ms)) from resolution r where r.upto >= 0.95 * r.total))
        from resolved r))
  );
end
$$;
comment on function public.get_error_analytics(jsonb, timestamptz) is
  'Errors of {span} in buckets of {step}, for {entity_type?} or all, those that retention took too: totals, trend, the fifty most frequent groups by fingerprint, and how long resolving took.';

create or replace function public.schema_version() returns integer
language sql immutable set search_path = ''
return 43;
