-- The events of each indicator, their rollup by hour, and the burn rates of the objectives. An event has the time at which it happened,
-- and counts from the time at which it is decided to be good or bad. Over 300 lines, because each indicator has a function for its events.

create function private.run_fingerprint(p_execution_id uuid) returns table (fingerprint varchar, is_sole boolean)
language plpgsql stable rows 1 set search_path = '' as $$
#variable_conflict use_column
begin
  return query
  with failure as (
    select r.error_fingerprint as fingerprint, 1 as source from public.sync_tournament_results r
    where r.sync_execution_id = p_execution_id and r.error_fingerprint is not null
    union all
    select l.fingerprint, 2 from public.sync_error_log l where l.sync_execution_id = p_execution_id
  )
  select f.fingerprint, count(*) over () = 1
  from failure f where f.source = (select min(source) from failure)
  group by f.fingerprint order by count(*) desc, f.fingerprint limit 1;
end
$$;
comment on function private.run_fingerprint(uuid) is
  'The most frequent fingerprint among the failures of a run, and whether all failures have it; no row without a failure.';

create function private.indicator_limit(indicator text) returns interval
language sql immutable set search_path = '' as $$
  select case indicator when 'timeliness' then interval '15 minutes' when 'detection' then interval '5 minutes'
    when 'delivery' then interval '5 minutes' end;
$$;
comment on function private.indicator_limit(text) is
  'The longest delay of a good event: of a start after its due time, of the evaluation of a failure, and of a delivery.';

create type private.indicator_event as (indicator varchar, entity_type varchar, at timestamptz, is_bad boolean, cause varchar);

create function private.result_events(p_from timestamptz, p_until timestamptz, as_of timestamptz) returns setof private.indicator_event
language sql stable rows 1000 set search_path = '' as $$
  with run as materialized (
    select h.id, h.entity_type, h.execution_start, h.status from public.sync_execution_history h
    where h.tournament_no is null and h.success_weight is not null
      and h.execution_start >= p_from and h.execution_start < p_until and h.execution_end <= as_of
  )
  select 'sync_success', h.entity_type, h.execution_start, not r.success, r.error_fingerprint
  from run h join public.sync_tournament_results r on r.sync_execution_id = h.id
  union all
  -- A run that failed before its first tournament is one bad event.
  select 'sync_success', h.entity_type, h.execution_start, true, f.fingerprint
  from run h left join lateral private.run_fingerprint(h.id) f on true
  where h.status in ('FAILED', 'TIMED_OUT')
    and not exists (select from public.sync_tournament_results r where r.sync_execution_id = h.id);
$$;
comment on function private.result_events(timestamptz, timestamptz, timestamptz) is
  'The results of tournaments in the full runs that started in the range; each has the time of the start of its run.';

create function private.due_times(entity public.sync_status, p_from timestamptz, p_until timestamptz) returns setof timestamptz
language sql stable rows 10 set search_path = '' set timezone = 'UTC' as $$
  select due.at
  from generate_series(
    private.next_due(entity, greatest(p_from, entity.created_at, entity.schedule_changed_at) - interval '5.000001 seconds'),
    p_until - interval '1 microsecond', entity.sync_frequency
  ) due (at)
  -- An interval under a minute has no due times, only a last start. An inactive entity without a pause was never active.
  where entity.sync_frequency >= interval '1 minute' and not private.was_paused(entity.entity_type, due.at)
    and (entity.is_active or exists (select from public.entity_pauses p where p.entity_type = entity.entity_type));
$$;
comment on function private.due_times(public.sync_status, timestamptz, timestamptz) is
  'The due times of an entity in a range, since the last change of its schedule and outside its pauses.';

create function private.started_within(entity public.sync_status, due_at timestamptz, delay interval) returns boolean
language sql stable set search_path = '' as $$
  select exists (
    select from public.sync_execution_history h
    where h.entity_type = entity.entity_type and h.tournament_no is null and h.status <> 'SKIPPED'
      and h.execution_start >= started_within.due_at - interval '5 seconds' and h.execution_start <= started_within.due_at + delay
      and coalesce(h.due_at, private.last_due(entity.schedule_anchor, entity.sync_frequency, h.execution_start + interval '5 seconds'))
        = started_within.due_at
  );
$$;
comment on function private.started_within(public.sync_status, timestamptz, interval) is
  'Whether a full run for the due time started within the delay; a manual run counts for the due time before it.';

create function private.timeliness_events(p_from timestamptz, p_until timestamptz, as_of timestamptz) returns setof private.indicator_event
language sql stable rows 100 set search_path = '' set timezone = 'UTC' as $$
  select 'timeliness', e.entity_type, d.due_at, not s.is_started, case when not s.is_started then (
    -- The failure of the run before the due time can have started an upstream backoff, in which no run starts.
    select f.fingerprint
    from (
      select h.id from public.sync_execution_history h
      where h.entity_type = e.entity_type and h.tournament_no is null and h.execution_start < d.due_at
      order by h.execution_start desc limit 1
    ) h cross join lateral private.run_fingerprint(h.id) f
  ) end
  from public.sync_status e
  cross join lateral private.due_times(e, p_from, least(p_until, as_of - private.indicator_limit('timeliness') + interval '1 microsecond'))
    d (due_at)
  cross join lateral (select private.started_within(e, d.due_at, private.indicator_limit('timeliness')) as is_started) s;
$$;
comment on function private.timeliness_events(timestamptz, timestamptz, timestamptz) is
  'The due times in the range that are older than the limit; bad without a start, with the failure of the run before it as the cause.';

create function private.freshness_events(p_from timestamptz, p_until timestamptz, as_of timestamptz) returns setof private.indicator_event
language sql stable rows 1000 set search_path = '' set timezone = 'UTC' as $$
  -- A sync that runs at any time keeps every tournament fresh; a sync that runs during play reads only some of them.
  with minute as materialized (
    select e.entity_type, e.sync_frequency + e.grace as limit_age, m.at
    from public.sync_status e cross join generate_series(
      date_bin('1 minute', greatest(p_from, e.created_at) + interval '59.999999 seconds', '2000-01-01 00:00:00+00'),
      least(p_until - interval '1 microsecond', as_of), '1 minute'
    ) m (at)
    where e.leases_tournaments and not e.runs_during_play and not private.was_paused(e.entity_type, m.at)
      and (e.is_active or exists (select from public.entity_pauses p where p.entity_type = e.entity_type))
  ),
  tournament as materialized (
    select t.no, t.start_date, t.end_date, t.created_at from public.tournaments t
    where t.end_date >= private.utc_date(p_from) and t.start_date <= private.utc_date(p_until)
      and private.is_synced(t, private.utc_date(as_of))
  )
  select 'freshness', m.entity_type, m.at, b.is_bad, case when b.is_bad then (
    select r.error_fingerprint from public.sync_tournament_results r
    where r.tournament_no = t.no and r.created_at <= m.at order by r.created_at desc limit 1
  ) end
  from minute m join tournament t
    on t.created_at <= m.at and private.utc_date(m.at) between t.start_date and t.end_date
  left join lateral (
    -- A reply that was held back for a second look is not written.
    select r.created_at, r.ttl from public.sync_tournament_results r join public.sync_status s on s.entity_type = r.entity_type
    where r.tournament_no = t.no and r.created_at <= m.at and r.success and r.warning_code is null and s.leases_tournaments
    order by r.created_at desc limit 1
  ) last_read on true
  -- The sync reads finished matches once a day, so their data stays fresh for their ttl.
  cross join lateral (
    select m.at > coalesce(last_read.created_at + greatest(last_read.ttl, m.limit_age), t.created_at + m.limit_age) as is_bad
  ) b;
$$;
comment on function private.freshness_events(timestamptz, timestamptz, timestamptz) is
  'The minutes of the range on the days of each tournament; bad when its matches are older than their ttl and than interval plus grace.';

create function private.detection_events(p_from timestamptz, p_until timestamptz, as_of timestamptz) returns setof private.indicator_event
language sql stable rows 10 set search_path = '' set timezone = 'UTC' as $$
  with failure as (
    select h.entity_type, f.failed_at, h.execution_end as recorded_at
    from public.sync_execution_history h
    -- A run whose lease expired failed at its last heartbeat, before the reaper closed it.
    cross join lateral (
      select case when h.status = 'TIMED_OUT' and h.lease_expires_at < h.deadline then h.heartbeat_at else h.execution_end end as failed_at
    ) f
    -- A run lasts an hour at most.
    where h.tournament_no is null and h.success_weight < 1 and h.execution_start >= p_from - interval '2 hours'
      and h.execution_start < p_until and h.execution_end <= as_of
    union all
    select e.entity_type, d.due_at + e.grace, d.due_at + e.grace
    from public.sync_status e cross join lateral private.due_times(e, p_from - e.grace, p_until - e.grace) d (due_at)
    where not private.started_within(e, d.due_at, e.grace)
  )
  select 'detection', f.entity_type, f.failed_at, not exists (
    select from public.alert_evaluations v
    where v.evaluated_at >= f.recorded_at and v.evaluated_at <= f.failed_at + private.indicator_limit('detection')
  ), null::varchar
  from failure f
  where f.failed_at >= p_from and f.failed_at < p_until and f.failed_at + private.indicator_limit('detection') <= as_of;
$$;
comment on function private.detection_events(timestamptz, timestamptz, timestamptz) is
  'The failures in the range: full runs with a failure, and due times without a start within the grace; bad without an '
  'evaluation within the limit.';

create function private.delivery_events(p_from timestamptz, p_until timestamptz, as_of timestamptz) returns setof private.indicator_event
language sql stable rows 10 set search_path = '' as $$
  select 'delivery', i.entity_type, n.created_at, d.is_late, case when d.is_late then n.channel end
  from public.alert_notifications n
  join public.alert_incidents i on i.id = n.incident_id and not i.is_test
  -- A superseded state is an event only when a newer state replaced it after the limit.
  left join lateral (
    select min(o.created_at) as at from public.alert_notifications o
    where n.status = 'SUPERSEDED' and o.incident_id = n.incident_id and o.destination_id = n.destination_id and o.seq > n.seq
  ) replaced on true
  cross join lateral (select n.created_at + private.indicator_limit('delivery') as until) deadline
  cross join lateral (select n.sent_at is null or n.sent_at > deadline.until as is_late) d
  where n.created_at >= p_from and n.created_at < p_until and deadline.until <= as_of
    and (n.status <> 'SUPERSEDED' or replaced.at > deadline.until);
$$;
comment on function private.delivery_events(timestamptz, timestamptz, timestamptz) is
  'The notifications that were queued in the range; bad when they were not delivered within the limit, with their channel as the cause.';

create function private.indicator_events(p_indicators text[], p_from timestamptz, p_until timestamptz, as_of timestamptz)
returns setof private.indicator_event
language sql stable rows 1000 set search_path = '' as $$
  select * from private.result_events(p_from, p_until, as_of) where 'sync_success' = any (p_indicators)
  union all select * from private.timeliness_events(p_from, p_until, as_of) where 'timeliness' = any (p_indicators)
  union all select * from private.freshness_events(p_from, p_until, as_of) where 'freshness' = any (p_indicators)
  union all select * from private.detection_events(p_from, p_until, as_of) where 'detection' = any (p_indicators)
  union all select * from private.delivery_events(p_from, p_until, as_of) where 'delivery' = any (p_indicators);
$$;
comment on function private.indicator_events(text[], timestamptz, timestamptz, timestamptz) is
  'The events of the indicators from p_from until before p_until that are decided at as_of.';

create function private.indicator_hours(p_indicators text[], p_from timestamptz, p_until timestamptz, as_of timestamptz)
returns setof public.sync_indicators
language sql stable rows 100 set search_path = '' as $$
  with cause as (
    select e.indicator, e.entity_type, date_bin('1 hour', e.at, '2000-01-01 00:00:00+00') as bucket, coalesce(e.cause, '') as cause,
      count(*) as events, count(*) filter (where e.is_bad) as bad_events
    from private.indicator_events(p_indicators, p_from, p_until, as_of) e
    group by e.indicator, e.entity_type, date_bin('1 hour', e.at, '2000-01-01 00:00:00+00'), coalesce(e.cause, '')
  )
  select c.indicator, c.entity_type, c.bucket, sum(c.events)::integer, sum(c.bad_events)::integer,
    coalesce(jsonb_object_agg(c.cause, c.bad_events) filter (where c.bad_events > 0), '{}')
  from cause c group by c.indicator, c.entity_type, c.bucket;
$$;
comment on function private.indicator_hours(text[], timestamptz, timestamptz, timestamptz) is
  'The events of a range as rows of the rollup.';

create function private.decided_until(as_of timestamptz) returns timestamptz
language sql immutable set search_path = '' as $$
  -- A run ends within an hour, and the longest limit is 15 minutes.
  select date_bin('1 hour', as_of - interval '2 hours', '2000-01-01 00:00:00+00');
$$;
comment on function private.decided_until(timestamptz) is 'The end of the hours whose events are all decided at as_of.';

create function private.roll_up_indicators(as_of timestamptz default now()) returns integer
language plpgsql set search_path = '' set timezone = 'UTC' as $$
declare
  since timestamptz;
  until_hour timestamptz := private.decided_until(as_of);
  rolled integer;
begin
  select coalesce(r.rolled_until, date_bin('1 hour', (select min(h.execution_start) from public.sync_execution_history h), '2000-01-01 00:00:00+00'))
  into since from private.indicator_rollup r for update of r;
  -- One call rolls up a day at most, so that a long history does not keep the locks for long.
  until_hour := least(until_hour, since + interval '1 day');
  if since is null or until_hour <= since then
    return 0;
  end if;
  insert into public.sync_indicators
  select * from private.indicator_hours(array['sync_success', 'timeliness', 'freshness', 'detection', 'delivery'],
    since, until_hour, until_hour + interval '2 hours');
  get diagnostics rolled = row_count;
  update private.indicator_rollup set rolled_until = until_hour;
  return rolled;
end
$$;
comment on function private.roll_up_indicators(timestamptz) is
  'Rolls up the next hours whose events are decided, at most a day, and returns the number of rows that it wrote.';

create function private.rolled_until(p_from timestamptz, as_of timestamptz) returns timestamptz
language sql stable set search_path = '' as $$
  -- Before the first rollup a read has the events of the last hours only, because scanning the rows of weeks is slow.
  select greatest(p_from, least(r.rolled_until, private.decided_until(as_of))) from private.indicator_rollup r;
$$;
comment on function private.rolled_until(timestamptz, timestamptz) is
  'The time before which the rollup has the events of a range that begins at p_from; later events are computed from the rows.';

create function private.indicators_between(p_indicator text, p_from timestamptz, as_of timestamptz) returns setof public.sync_indicators
language sql stable rows 1000 set search_path = '' as $$
  with boundary as materialized (select private.rolled_until(p_from, as_of) as at)
  select i.* from boundary b join public.sync_indicators i on i.indicator = p_indicator and i.bucket >= p_from and i.bucket < b.at
  union all
  select h.* from boundary b
  cross join lateral private.indicator_hours(array[p_indicator], b.at, as_of + interval '1 microsecond', as_of) h;
$$;
comment on function private.indicators_between(text, timestamptz, timestamptz) is
  'The events of an indicator since the start of an hour, by hour.';

create function private.burn_windows(long_window interval, events_per_hour numeric, out long_burn interval, out short_burn interval)
language sql immutable set search_path = '' as $$
  select greatest(long_window, 12 / nullif(events_per_hour, 0) * interval '1 hour'),
    greatest(long_window / 12, 4 / nullif(events_per_hour, 0) * interval '1 hour');
$$;
comment on function private.burn_windows(interval, numeric) is
  'The long window of a burn rate, and the short window, a twelfth of it (Google, SRE Workbook, chapter 5). They are widened until they '
  'have 12 and 4 expected events.';

create function private.burn_rates(objective_ids uuid[], long_windows interval[], as_of timestamptz) returns table (
  objective_id uuid, long_window interval, long_burn interval, short_burn interval, long_rate numeric, short_rate numeric,
  events bigint, bad_events bigint, window_events bigint, cause varchar
)
language sql stable rows 10 set search_path = '' set timezone = 'UTC' as $$
  with wanted as (
    select o.*, w.long_window, date_bin('1 hour', as_of - o.rolling_window, '2000-01-01 00:00:00+00') as from_at
    from unnest(objective_ids, long_windows) w (objective_id, long_window) join public.sync_objectives o on o.id = w.objective_id
  ),
  boundary as materialized (select private.rolled_until(min(w.from_at), as_of) as at, array_agg(w.indicator::text) as indicators from wanted w),
  -- The events of the last hours have their own times, because a short window is shorter than an hour.
  point as materialized (
    select i.indicator, i.entity_type, i.bucket as at, i.events, i.bad_events, i.causes
    from boundary b join public.sync_indicators i on i.bucket < b.at and i.bucket >= (select min(w.from_at) from wanted w)
      and i.indicator = any (b.indicators)
    union all
    select e.indicator, e.entity_type, e.at, count(*), count(*) filter (where e.is_bad), jsonb_build_object(coalesce(e.cause, ''),
      count(*) filter (where e.is_bad))
    from boundary b cross join lateral private.indicator_events(b.indicators, b.at, as_of + interval '1 microsecond', as_of) e
    group by e.indicator, e.entity_type, e.at, coalesce(e.cause, '')
  )
  select w.id, w.long_window, u.long_burn, u.short_burn,
    f.bad_events / nullif(f.events, 0) / (1 - w.target), f.short_bad / nullif(f.short_events, 0) / (1 - w.target),
    f.events::bigint, f.bad_events::bigint, mean.events::bigint, f.cause
  from wanted w
  cross join lateral (
    select sum(p.events) as events, sum(p.events) / nullif(extract(epoch from as_of - greatest(w.from_at, min(p.at))) / 3600, 0) as events_per_hour
    from point p where p.indicator = w.indicator and w.entity_type in ('all', p.entity_type) and p.at >= w.from_at
  ) mean
  cross join lateral private.burn_windows(w.long_window, mean.events_per_hour) u
  cross join lateral (
    select sum(p.events) as events, sum(p.bad_events) as bad_events,
      sum(p.events) filter (where p.at > as_of - u.short_burn) as short_events,
      sum(p.bad_events) filter (where p.at > as_of - u.short_burn) as short_bad,
      (select c.key from point q cross join lateral jsonb_each_text(q.causes) c
        where q.indicator = w.indicator and w.entity_type in ('all', q.entity_type) and q.at > as_of - u.long_burn and q.bad_events > 0
          and c.key <> ''
        group by c.key order by sum(c.value::integer) desc, c.key limit 1) as cause
    from point p where p.indicator = w.indicator and w.entity_type in ('all', p.entity_type) and p.at > as_of - u.long_burn
  ) f;
$$;
comment on function private.burn_rates(uuid[], interval[], timestamptz) is
  'The burn rate of each objective in its long and short window: the share of bad events divided by the share that the target allows. The '
  'cause is the most frequent one of the long window.';
