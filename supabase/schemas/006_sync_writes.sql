-- The functions that the syncs call: upstream slots, due tournaments and their leases, and the upserts.
-- Over 300 lines, because the upserts name every column of the two synced tables.

create function public.claim_upstream_slot(p_upstream text, as_of timestamptz default now()) returns jsonb
language sql set search_path = '' as $$
  with state as (
    select upstream, in_flight_limit, backoff_reason, backoff_fingerprint,
      case when backoff_until > as_of then backoff_until end as backoff_until
    from public.upstream_state
    where upstream = p_upstream
  ),
  free_slot as (
    select s.upstream, s.slot
    from public.upstream_slots s join state using (upstream)
    where s.slot <= state.in_flight_limit and state.backoff_until is null and (s.token is null or s.expires_at <= as_of)
    order by s.slot
    limit 1
    for update of s skip locked
  ),
  claimed_slot as (
    update public.upstream_slots s set token = gen_random_uuid(), expires_at = as_of + interval '90 seconds'
    from free_slot f
    where s.upstream = f.upstream and s.slot = f.slot
    returning s.token
  )
  select jsonb_build_object(
    'token', (select token from claimed_slot),
    'backoff_until', state.backoff_until,
    'backoff_reason', case when state.backoff_until is not null then state.backoff_reason end,
    'backoff_fingerprint', case when state.backoff_until is not null then state.backoff_fingerprint end
  )
  from state;
$$;
comment on function public.claim_upstream_slot is 'Claims a slot for one request; no token during a backoff or without a free slot.';

create function public.release_upstream_slot(p jsonb, as_of timestamptz default now()) returns void
language plpgsql set search_path = '' set timezone = 'UTC' as $$
declare
  ms constant numeric := (p ->> 'response_ms')::numeric;
begin
  perform private.refuse_unknown_fields(p, '{upstream,token,response_ms,backoff_reason,backoff_ms,backoff_fingerprint}');
  update public.upstream_slots set token = null, expires_at = null where token = (p ->> 'token')::uuid;
  update public.upstream_state s set
    backoff_until = case
      when v.reason is not null then as_of + coalesce((p ->> 'backoff_ms')::numeric * interval '1 millisecond', s.backoff_for)
      when s.backoff_until > as_of then s.backoff_until
    end,
    backoff_reason = case when v.reason is not null then v.reason when s.backoff_until > as_of then s.backoff_reason end,
    backoff_fingerprint = coalesce(p ->> 'backoff_fingerprint', case when s.backoff_until > as_of then s.backoff_fingerprint end),
    baseline_response_ms = case
      when ms is null or v.reason is not null then s.baseline_response_ms
      else coalesce(s.baseline_response_ms * 0.95 + ms * 0.05, ms)
    end,
    updated_at = as_of
  from (
    -- Only a reply over 5 seconds is too slow: when replies are usually fast, ordinary jitter exceeds ten times the baseline.
    select u.upstream, coalesce(p ->> 'backoff_reason', case when ms > greatest(10 * u.baseline_response_ms, 5000) then
      format('a reply took %s ms, over ten times the usual %s ms', round(ms), round(u.baseline_response_ms)) end) as reason
    from public.upstream_state u
  ) v
  where s.upstream = p ->> 'upstream' and v.upstream = s.upstream;
end
$$;
comment on function public.release_upstream_slot is
  'Releases the slot of {upstream, token}; starts a backoff for {backoff_reason?, backoff_ms?, backoff_fingerprint?}, or for a '
  '{response_ms} over ten times the baseline.';

create function private.matches_ttl(p_tournament_no text, as_of timestamptz)
  returns table (ttl interval, match_count integer, live_count integer)
language sql stable set search_path = '' as $$
  select case when m.live_count > 0 then interval '30 seconds' when m.are_all_finished then interval '24 hours' else '15 minutes' end,
    m.match_count, m.live_count
  from (
    select
      count(*)::integer as match_count,
      -- The date is limited, because old matches can keep a live status for years.
      (count(*) filter (
        where status between 3 and 11 and local_date between today.utc_day - 1 and today.utc_day + 1
      ))::integer as live_count,
      bool_and(coalesce(status between 12 and 15, false)) as are_all_finished
    from public.matches cross join (select private.utc_date(as_of) as utc_day) today
    where tournament_no = p_tournament_no and vanished_at is null
  ) m;
$$;
comment on function private.matches_ttl is
  'The time for which the matches of a tournament stay fresh, their number, and the number of live matches.';

create function private.is_synced(tournament public.tournaments, utc_day date) returns boolean
language sql immutable set search_path = '' as $$
  -- The status is not sufficient: VIS keeps a test tournament Running (6) and past tournaments Open for years.
  select tournament.vanished_at is null and coalesce(tournament.status, 0) not in (10, 11)
    and tournament.end_date >= utc_day - 2 and tournament.start_date <= utc_day + 7;
$$;
comment on function private.is_synced is 'Whether the schedule syncs the matches of a tournament on this UTC day.';

create function private.playing_tournaments(as_of timestamptz) returns setof text
language sql stable set search_path = '' set timezone = 'UTC' as $$
  select t.no
  from public.tournaments t
  cross join (select private.utc_date(as_of) as utc_day) today
  where private.is_synced(t, today.utc_day) and exists (
    select from public.matches m
    where m.tournament_no = t.no and m.vanished_at is null and (
      m.status between 3 and 11 and m.local_date between today.utc_day - 1 and today.utc_day + 1
      -- A match that has not begun three hours after its time waits for a new time, which a run of the schedule reads.
      or coalesce(m.status, 1) < 3 and m.starts_at between as_of - interval '3 hours' and as_of + interval '15 minutes'
    )
  );
$$;
comment on function private.playing_tournaments is
  'The synced tournaments with a live match, or with a match that has not begun and whose time is at most 3 hours ago or in 15 minutes.';

create function private.next_play(as_of timestamptz) returns timestamptz
language sql stable set search_path = '' set timezone = 'UTC' as $$
  select min(m.starts_at) - interval '15 minutes'
  from public.tournaments t join public.matches m on m.tournament_no = t.no and m.vanished_at is null and coalesce(m.status, 1) < 3
  where private.is_synced(t, private.utc_date(as_of)) and m.starts_at > as_of + interval '15 minutes';
$$;
comment on function private.next_play is 'The time 15 minutes before the start of the next match; null when VIS publishes no time.';

create function private.priority_rank(priority text) returns integer
language sql immutable set search_path = '' as $$
  select array_position(array['LIVE', 'TODAY', 'SOON', 'LATER'], priority);
$$;
comment on function private.priority_rank(text) is 'The rank of a priority of tournaments, from 1 for LIVE to 4 for LATER.';

create function private.tournament_priority(tournament public.tournaments, as_of timestamptz) returns text
language plpgsql stable set search_path = '' as $$
declare
  utc_day constant date := private.utc_date(as_of);
  is_live boolean;
  has_matches_today boolean;
  has_matches boolean;
begin
  if private.is_synced(tournament, utc_day) is not true then
    return null;
  end if;
  -- The date is limited, because old matches can keep a live status for years.
  select coalesce(bool_or(m.status between 3 and 11 and d.is_today), false), coalesce(bool_or(d.is_today), false), count(*) > 0
  into is_live, has_matches_today, has_matches
  from public.matches m cross join lateral (select m.local_date between utc_day - 1 and utc_day + 1 as is_today) d
  where m.tournament_no = tournament.no and m.vanished_at is null;
  return case
    when is_live then 'LIVE'
    when utc_day between tournament.start_date - 1 and tournament.end_date + 1 and (has_matches_today or not has_matches) then 'TODAY'
    when tournament.start_date <= utc_day + 1 and tournament.end_date >= utc_day then 'SOON'
    else 'LATER'
  end;
end
$$;
comment on function private.tournament_priority(public.tournaments, timestamptz) is
  'LIVE: a match is live. TODAY: the tournament has matches within a day of today (UTC), or no match is known. SOON: the tournament starts '
  'within a day or has a break. LATER: the tournament starts within 7 days or has ended. Null when the schedule does not sync it.';

create function public.list_due_tournaments(p jsonb, as_of timestamptz default now()) returns jsonb
language sql stable set search_path = '' as $$
  select private.refuse_unknown_fields(p, '{tournament_nos,stalest_first,playing}');
  -- Materialized, so that the priority is not computed a second time for the sort.
  with candidate as materialized (
    select t.no, s.synced_at, s.ttl, coalesce(s.match_count, 0) as match_count, s.reply_bytes,
      coalesce(s.lease_expires_at > as_of, false) as is_leased, private.tournament_priority(t, as_of) as priority
    from public.tournaments t
    left join public.tournament_sync_state s on s.tournament_no = t.no
    cross join (select private.utc_date(as_of) as utc_day) today
    -- OR joins the alternatives, because Postgres estimates that a CASE condition selects half of all tournaments.
    where p -> 'tournament_nos' ? t.no
      or p -> 'tournament_nos' is null and private.is_synced(t, today.utc_day)
        and (not coalesce((p ->> 'playing')::boolean, false) or t.no in (select private.playing_tournaments(as_of)))
  )
  select coalesce(jsonb_agg(jsonb_build_object(
    'no', c.no, 'priority', c.priority, 'match_count', c.match_count, 'reply_bytes', c.reply_bytes, 'is_leased', c.is_leased,
    -- The tolerance of 60 s ensures that a ttl of 15 minutes has expired at the next due time of a 15-minute schedule.
    'is_fresh', c.synced_at is not null and c.synced_at + c.ttl > as_of + interval '60 seconds'
  ) order by
    case when (p ->> 'stalest_first')::boolean then c.synced_at end nulls first,
    private.priority_rank(c.priority), c.synced_at nulls first, c.no), '[]')
  from candidate c;
$$;
comment on function public.list_due_tournaments is
  'The named tournaments or all that are synced, with {playing} only those that play now; ordered by priority, or with {stalest_first} by '
  'their last sync.';

create function private.known_json(p_request text, known_rows jsonb[], date_column text) returns jsonb
language sql stable set search_path = '' as $$
  select jsonb_build_object(
    'dates', (select coalesce(jsonb_object_agg(r ->> 'no', r -> date_column), '{}') from unnest(known_rows) r),
    'filled', (
      select coalesce(jsonb_object_agg(c.key, c.filled), '{}')
      from (select f.key, count(*) as filled from unnest(known_rows) r, jsonb_each(jsonb_strip_nulls(r)) f group by f.key) c),
    'held', (
      select jsonb_build_object('confirmed_from', s.held_at + private.second_look_after()) || s.digest
      from public.request_states s where s.request = p_request and s.held_at is not null)
  );
$$;
comment on function private.known_json is
  'The known rows of a request: their dates by number, the number of rows with a value in each column, and the held-back reply.';

create function private.known_matches(p_tournament_no text, as_of timestamptz) returns jsonb
language sql stable set search_path = '' set timezone = 'UTC' as $$
  select k.known || jsonb_build_object(
    'main_draw_from', t.start_date_main_draw, 'main_draw_until', t.end_date,
    'are_rows_due', coalesce(
      private.is_synced(t, private.utc_date(as_of)) and private.utc_date(as_of) between t.start_date_main_draw and t.end_date, false),
    -- The second look needs a full reply.
    'version', case
      when k.known -> 'held' = 'null' and s.full_read_at > as_of - interval '15 minutes'
        and (s.version_missed_at is null or s.version_missed_at <= as_of - interval '1 day') then s.vis_version
    end
  )
  from public.tournaments t
  left join public.tournament_sync_state s on s.tournament_no = t.no
  cross join lateral private.known_json(
    'tournament ' || t.no, array(select to_jsonb(m) from public.matches m where m.tournament_no = t.no and m.vanished_at is null), 'local_date'
  ) k (known)
  where t.no = p_tournament_no;
$$;
comment on function private.known_matches is
  'The known matches of a tournament; are_rows_due, true while its main draw is played (UTC); and the version from which an incremental '
  'reply continues. The version is null without a full read in the last 15 minutes, and for a day after an incremental reply omitted a '
  'change.';

create function public.get_known_season(p jsonb, as_of timestamptz default now()) returns jsonb
language sql stable set search_path = '' as $$
  select private.refuse_unknown_fields(p, '{season}');
  -- Before the first list of a season, the table has only the tournaments that a sync requested by number.
  select private.known_json(
    'season ' || (p ->> 'season'),
    array(
      select to_jsonb(t) from public.tournaments t
      where t.season = p ->> 'season' and t.vanished_at is null and exists (
        select from public.request_states s where s.request = 'season ' || (p ->> 'season') and s.confirmed_at is not null
      )
    ),
    'start_date'
  );
$$;
comment on function public.get_known_season is
  'The known tournaments of {season} and the held-back list; no tournaments before the first accepted list.';

create function private.record_look(p_request text, p_tournament_no text, look jsonb, as_of timestamptz) returns void
language sql set search_path = '' as $$
  insert into public.request_states as s
    (request, entity_type, tournament_no, execution_id, confirmed_at, held_at, look_at, warning, digest, contradicted_at)
  select p_request, look ->> 'entity_type', p_tournament_no, (look ->> 'execution_id')::uuid,
    case when not h.is_held then as_of end,
    case when h.is_held then as_of end,
    case when h.is_held then as_of + private.second_look_after() end,
    look -> 'held' ->> 'warning',
    case when h.is_held then (look -> 'held') - 'warning' end,
    case when (look ->> 'is_contradicted')::boolean then as_of end
  from (select jsonb_typeof(look -> 'held') = 'object' as is_held) h
  on conflict (request) do update set
    entity_type = excluded.entity_type, execution_id = excluded.execution_id,
    confirmed_at = coalesce(excluded.confirmed_at, s.confirmed_at), held_at = excluded.held_at, look_at = excluded.look_at,
    warning = excluded.warning, digest = excluded.digest, contradicted_at = coalesce(excluded.contradicted_at, s.contradicted_at);
$$;
comment on function private.record_look is
  'Stores a look at a reply: the digest in {held} when the reply was held back, else its acceptance; and whether the reply contradicts an '
  'earlier one, {is_contradicted}.';

create function private.claim_tournaments(p jsonb, as_of timestamptz) returns uuid
language plpgsql set search_path = '' as $$
declare
  run_id constant uuid := (p ->> 'execution_id')::uuid;
  nos constant text[] := (p ->> 'tournament_no') || array(select jsonb_array_elements_text(p -> 'tournament_nos'));
  holder uuid;
begin
  -- The lease of five minutes is longer than four requests with the longest timeout and the pauses between them.
  insert into public.tournament_sync_state as s (tournament_no, lease_holder, lease_expires_at)
  select t.no, run_id, as_of + interval '5 minutes' from public.tournaments t where t.no = any (nos)
  -- The order prevents a deadlock between two runs that claim at the same time.
  order by t.no
  on conflict (tournament_no) do update set lease_holder = excluded.lease_holder, lease_expires_at = excluded.lease_expires_at
  where s.lease_holder is null or s.lease_expires_at <= as_of or s.lease_holder = excluded.lease_holder;
  select lease_holder into holder from public.tournament_sync_state where tournament_no = any (nos) and lease_holder <> run_id limit 1;
  if found then
    update public.tournament_sync_state set lease_holder = null, lease_expires_at = null
    where tournament_no = any (nos) and lease_holder = run_id;
  end if;
  return holder;
end
$$;
comment on function private.claim_tournaments is
  'Claims the leases of the named tournaments and returns null; claims none while another run holds one, and returns that run.';

create function public.claim_tournament(p jsonb, as_of timestamptz default now()) returns jsonb
language plpgsql set search_path = '' as $$
declare
  -- The slot is claimed first, so that a run that waits for a slot holds no lease that it did not claim at its start.
  claimed jsonb;
  holder uuid;
begin
  perform private.refuse_unknown_fields(p, '{upstream,tournament_no,execution_id}');
  claimed := public.claim_upstream_slot(p ->> 'upstream', as_of);
  if claimed ->> 'token' is not null then
    holder := private.claim_tournaments(p, as_of);
  end if;
  if holder is not null then
    update public.upstream_slots set token = null, expires_at = null where token = (claimed ->> 'token')::uuid;
    claimed := jsonb_set(claimed, '{token}', 'null');
  end if;
  return claimed || jsonb_build_object('is_busy', holder is not null, 'known',
    case when claimed ->> 'token' is not null then private.known_matches(p ->> 'tournament_no', as_of) end);
end
$$;
comment on function public.claim_tournament is
  'Claims a slot for one request and the lease of a tournament for a run, and returns the known matches. Without a free slot, or while '
  'another run holds the lease (is_busy), it claims neither.';

create function private.lock_lease(p jsonb, as_of timestamptz) returns void
language plpgsql set search_path = '' as $$
begin
  perform from public.tournament_sync_state
  where tournament_no = p ->> 'tournament_no' and lease_holder = (p ->> 'execution_id')::uuid and lease_expires_at > as_of
  for no key update;
  if not found then
    raise sqlstate 'PT409' using
      message = format('this run does not hold the lease of tournament %s', p ->> 'tournament_no'),
      detail = 'LEASE_LOST';
  end if;
end
$$;
comment on function private.lock_lease is 'Locks the lease that a run holds on a tournament. PT409 LEASE_LOST when the run holds none.';

create function private.start_waiting_job(p_tournament_no text, as_of timestamptz) returns void
language plpgsql set search_path = '' as $$
begin
  if exists (select from public.sync_jobs where status = 'QUEUED' and tournament_no = p_tournament_no) then
    perform public.drain_sync_queue(as_of);
  end if;
end
$$;
comment on function private.start_waiting_job is
  'Drains the queue when a job waits for the tournament; called after a release of its lease.';

create function public.release_tournament(p jsonb, as_of timestamptz default now()) returns void
language plpgsql set search_path = '' as $$
begin
  perform private.refuse_unknown_fields(p, '{tournament_no,execution_id,slot}');
  update public.tournament_sync_state set lease_holder = null, lease_expires_at = null
  where tournament_no = p ->> 'tournament_no' and lease_holder = (p ->> 'execution_id')::uuid;
  if p ? 'slot' then
    perform public.release_upstream_slot(p -> 'slot', as_of);
  end if;
  perform private.start_waiting_job(p ->> 'tournament_no', as_of);
end
$$;
comment on function public.release_tournament is
  'Releases the lease of a run and the {slot} of its request, keeps the freshness, and drains the queue when a job waits.';

create function private.complete_tournament(p jsonb, written jsonb, as_of timestamptz) returns integer
language plpgsql set search_path = '' as $$
declare
  removed integer;
begin
  update public.matches m set vanished_at = as_of, last_synced = as_of
  where m.tournament_no = p ->> 'tournament_no' and m.vanished_at is null
    and m.no not in (select jsonb_array_elements_text(p -> 'present'));
  get diagnostics removed = row_count;
  update public.tournament_sync_state s set
    lease_holder = null, lease_expires_at = null, synced_at = (p ->> 'tick_at')::timestamptz,
    ttl = case when exists (
      select from public.request_states r where r.request = 'tournament ' || s.tournament_no and r.held_at is not null
    ) then private.second_look_after() else f.ttl end,
    match_count = f.match_count, live_count = f.live_count,
    -- A later incremental reply repeats the rows that were refused.
    vis_version = case when written -> 'refused' = '[]' then coalesce((p ->> 'version')::bigint, s.vis_version) else s.vis_version end,
    full_read_at = case when (p ->> 'is_full')::boolean then as_of else s.full_read_at end,
    version_missed_at = case when (written ->> 'unannounced')::integer > 0 then as_of else s.version_missed_at end,
    reply_bytes = coalesce((p ->> 'reply_bytes')::integer, s.reply_bytes)
  from private.matches_ttl(p ->> 'tournament_no', as_of) f
  where s.tournament_no = p ->> 'tournament_no';
  return removed;
end
$$;
comment on function private.complete_tournament is
  'Marks the matches outside {present} as vanished, sets the freshness and the {version}, releases the lease, and returns the number of '
  'vanished matches.';

create function private.upsert_tournaments(p jsonb, as_of timestamptz) returns jsonb
language sql set search_path = '' as $$
  with incoming as (
    select r.*
    from jsonb_array_elements(p -> 'tournaments') as e,
      jsonb_populate_record(null::public.tournaments, e || jsonb_build_object(
        'id', gen_random_uuid(), 'version', 1, 'last_synced', as_of, 'created_at', as_of, 'updated_at', as_of
      )) as r
  ),
  before as (
    select t.no, t.version, t.status from public.tournaments t join incoming using (no)
  ),
  written as (
    insert into public.tournaments as t select * from incoming
    on conflict (no) do update set
      (code, name, title, season, gender, type, status, start_date, end_date, start_date_qualification, start_date_main_draw, location,
       city, venue, country_code, country_name, no_event, vis_version, last_synced, vanished_at)
      = (excluded.code, excluded.name, excluded.title, excluded.season, excluded.gender, excluded.type, excluded.status,
         excluded.start_date, excluded.end_date, excluded.start_date_qualification, excluded.start_date_main_draw, excluded.location,
         excluded.city, excluded.venue, excluded.country_code, excluded.country_name, excluded.no_event, excluded.vis_version,
         excluded.last_synced, excluded.vanished_at)
    -- A run does not overwrite a row that another run wrote after this run started.
    where t.last_synced <= coalesce((p ->> 'tick_at')::timestamptz, as_of)
    returning t.no, t.version, t.status
  ),
  -- After a change of the status of a tournament, its matches are due at once.
  expired_ttls as (
    update public.tournament_sync_state s set synced_at = null, ttl = null
    from written w join before b using (no)
    where s.tournament_no = w.no and w.status is distinct from b.status
  )
  select jsonb_build_object(
    'inserted', count(*) filter (where b.no is null),
    'updated', count(*) filter (where w.version > b.version),
    'unchanged', jsonb_array_length(p -> 'tournaments') - count(*) filter (where b.no is null or w.version > b.version)
  )
  from written w left join before b using (no);
$$;
comment on function private.upsert_tournaments is
  'Upserts {tournaments} by no, except rows that were synced after {tick_at}, and returns {inserted, updated, unchanged}.';

create function public.complete_season(p jsonb, as_of timestamptz default now()) returns integer
language plpgsql set search_path = '' as $$
declare
  removed integer;
begin
  perform private.refuse_unknown_fields(p, '{season,present,look,tick_at}');
  update public.tournaments t set vanished_at = as_of, last_synced = as_of
  where t.season = p ->> 'season' and t.vanished_at is null and t.last_synced <= (p ->> 'tick_at')::timestamptz
    and p ->> 'present' is not null and t.no not in (select jsonb_array_elements_text(nullif(p -> 'present', 'null')));
  get diagnostics removed = row_count;
  if p ? 'look' then
    perform private.record_look('season ' || (p ->> 'season'), null, p -> 'look', as_of);
  end if;
  return removed;
end
$$;
comment on function public.complete_season is
  'Marks the tournaments of {season} outside {present} as vanished, except rows synced after {tick_at}, and returns their number; marks '
  'none when {present} is null. Records the {look} at the list.';

create function private.upsert_matches(p jsonb, as_of timestamptz) returns jsonb
language plpgsql set search_path = '' as $$
declare
  counts jsonb;
begin
  with incoming as (
    select r.*
    from jsonb_array_elements(p -> 'matches') as e,
      jsonb_populate_record(null::public.matches, e || jsonb_build_object(
        'id', gen_random_uuid(), 'tournament_no', p ->> 'tournament_no', 'version', 1, 'last_synced', as_of, 'created_at', as_of,
        'updated_at', as_of
      )) as r
  ),
  before as (
    select m.no, m.version from public.matches m join incoming using (no)
  ),
  written as (
    insert into public.matches as m select * from incoming
    on conflict (no) do update set
      (tournament_no, no_in_tournament, team_a_name, team_b_name, team_a_federation_code, team_b_federation_code, local_date, local_time,
       starts_at, begin_date_time_utc, end_date_time_utc, court, status, result_type, round, round_code, round_phase, match_points_a, match_points_b,
       points_team_a_set1, points_team_b_set1, points_team_a_set2, points_team_b_set2, points_team_a_set3, points_team_b_set3,
       points_team_a_set4, points_team_b_set4, points_team_a_set5, points_team_b_set5,
       duration_set1, duration_set2, duration_set3, duration_set4, duration_set5, no_referee1, no_referee2, referee1_name, referee2_name, referee1_federation_code,
       referee2_federation_code, vis_version, last_synced, vanished_at)
      = (excluded.tournament_no, excluded.no_in_tournament, excluded.team_a_name, excluded.team_b_name, excluded.team_a_federation_code,
         excluded.team_b_federation_code, excluded.local_date, excluded.local_time, excluded.starts_at, excluded.begin_date_time_utc,
         excluded.end_date_time_utc, excluded.court, excluded.status, excluded.result_type, excluded.round, excluded.round_code,
         excluded.round_phase, excluded.match_points_a, excluded.match_points_b, excluded.points_team_a_set1, excluded.points_team_b_set1,
         excluded.points_team_a_set2, excluded.points_team_b_set2, excluded.points_team_a_set3, excluded.points_team_b_set3,
         excluded.points_team_a_set4, excluded.points_team_b_set4, excluded.points_team_a_set5, excluded.points_team_b_set5,
         excluded.duration_set1, excluded.duration_set2, excluded.duration_set3, excluded.duration_set4, excluded.duration_set5,
         excluded.no_referee1, excluded.no_referee2,
         excluded.referee1_name, excluded.referee2_name, excluded.referee1_federation_code, excluded.referee2_federation_code,
         excluded.vis_version, excluded.last_synced, excluded.vanished_at)
    returning m.no, m.version, m.vis_version
  )
  select jsonb_build_object(
    'inserted', count(*) filter (where b.no is null),
    'updated', count(*) filter (where w.version > b.version),
    'unchanged', count(*) filter (where w.version = b.version),
    'unannounced', count(*) filter (where w.version is distinct from b.version and coalesce(w.vis_version, 0) <= (
      select s.vis_version from public.tournament_sync_state s where s.tournament_no = p ->> 'tournament_no'))
  ) into counts
  from written w left join before b using (no);
  return counts;
end
$$;
comment on function private.upsert_matches is
  'Upserts {matches} by no and returns {inserted, updated, unchanged, unannounced}; unannounced counts changes whose version is not above '
  'that of the last reply, so that an incremental reply omits them.';

create function private.upsert_rows(list text, p jsonb, as_of timestamptz) returns jsonb
language sql set search_path = '' as $$
  select case list when 'matches' then private.upsert_matches(p, as_of) else private.upsert_tournaments(p, as_of) end;
$$;
comment on function private.upsert_rows is 'Upserts the rows of p under the name of the list: matches or tournaments.';

create function private.write_rows(list text, p jsonb, as_of timestamptz) returns jsonb
language plpgsql set search_path = '' as $$
declare
  record jsonb;
  refused jsonb := '[]'::jsonb;
  total jsonb := '{}'::jsonb;
begin
  begin
    return private.upsert_rows(list, p, as_of) || '{"refused": []}';
  exception when data_exception or integrity_constraint_violation then
    -- Postgres refuses the whole batch for one bad value, so the loop below writes the rows one by one.
  end;
  for record in select jsonb_array_elements(p -> list) loop
    begin
      select jsonb_object_agg(key, value::integer + coalesce((total ->> key)::integer, 0)) into total
      from jsonb_each_text(private.upsert_rows(list, p || jsonb_build_object(list, jsonb_build_array(record)), as_of));
    exception when data_exception or integrity_constraint_violation then
      refused := refused || jsonb_build_object('no', record ->> 'no', 'sqlstate', sqlstate, 'message', sqlerrm);
    end;
  end loop;
  if jsonb_array_length(refused) = jsonb_array_length(p -> list) then
    -- The cause lies outside the rows, such as a deleted tournament, so the error rolls back the transaction of the caller.
    raise exception using errcode = refused -> 0 ->> 'sqlstate', message = refused -> 0 ->> 'message';
  end if;
  return total || jsonb_build_object('refused', refused);
end
$$;
comment on function private.write_rows is
  'Upserts a list, or its rows one by one when Postgres refuses the list, and returns {inserted, updated, unchanged, refused}; refused has '
  '{no, sqlstate, message} of each row that Postgres refused. Raises the first error when Postgres refuses every row.';

create function public.upsert_tournaments(p jsonb, as_of timestamptz default now()) returns jsonb
language plpgsql set search_path = '' as $$
begin
  perform private.refuse_unknown_fields(p, '{tournaments,tick_at}');
  return private.write_rows('tournaments', p, as_of);
end
$$;
comment on function public.upsert_tournaments is
  'Writes {tournaments}, except rows that were synced after {tick_at}, and returns {inserted, updated, unchanged, refused}.';

create function public.write_matches(p jsonb, as_of timestamptz default now()) returns jsonb
language plpgsql set search_path = '' as $$
declare
  written jsonb;
  removed integer;
begin
  perform private.refuse_unknown_fields(p,
    '{tournament_no,execution_id,matches,present,look,tick_at,slot,version,is_full,reply_bytes}');
  perform private.lock_lease(p, as_of);
  written := private.write_rows('matches', p, as_of);
  if p ? 'look' then
    perform private.record_look('tournament ' || (p ->> 'tournament_no'), p ->> 'tournament_no', p -> 'look', as_of);
  end if;
  removed := private.complete_tournament(p, written, as_of);
  -- The slot is released before the queue is drained, because a transaction with the lock of the queue must not wait for a slot.
  if p ? 'slot' then
    perform public.release_upstream_slot(p -> 'slot', as_of);
  end if;
  perform private.start_waiting_job(p ->> 'tournament_no', as_of);
  return written - 'unannounced' || jsonb_build_object('removed', removed);
end
$$;
comment on function public.write_matches is
  'Writes the matches of a reply under the lease of the run, records its {version?} and the {look} at it, and releases the lease and the '
  '{slot} of its request. {is_full} means that the reply has every match. Returns {inserted, updated, unchanged, refused, removed}. PT409 '
  'LEASE_LOST.';
