-- What the list of tournaments shows of each: kept as results come in, so that a page costs its tournaments and not their histories.

create table public.tournament_outcomes (
  tournament_no varchar primary key references public.tournaments (no) on delete cascade,
  outcomes varbit not null,
  last_result timestamptz not null,
  last_success timestamptz,
  last_error varchar,
  last_error_type varchar,
  constraint tournament_outcomes_are_fifty_at_most check (length(outcomes) between 1 and 50)
);
comment on table public.tournament_outcomes is
  'What the last fifty results of a tournament''s matches were; those that retention took from sync_tournament_results still count.';
comment on column public.tournament_outcomes.outcomes is 'A bit a result, newest first: 1 is a success. In the order they were recorded in.';
comment on column public.tournament_outcomes.last_error is 'Message of the newest failure, however old.';
alter table public.tournament_outcomes enable row level security;
revoke all on public.tournament_outcomes from public, anon, authenticated;
grant select on public.tournament_outcomes to authenticated;
grant all on public.tournament_outcomes to service_role;
create policy "Allow monitoring read" on public.tournament_outcomes for select to authenticated using ((select private.can_read_monitoring()));
create policy "Allow service monitoring access" on public.tournament_outcomes for all to service_role using (true) with check (true);

create function private.keep_outcomes() returns trigger
language plpgsql set search_path = '' set plan_cache_mode = force_generic_plan as $$
begin
  insert into public.tournament_outcomes as o (tournament_no, outcomes, last_result, last_success, last_error, last_error_type)
  select f.tournament_no, left(string_agg(f.success::integer::text, '' order by f.created_at desc), 50)::varbit, max(f.created_at),
    max(f.created_at) filter (where f.success),
    (array_agg(f.error_message order by f.created_at desc) filter (where not f.success))[1],
    (array_agg(f.error_type order by f.created_at desc) filter (where not f.success))[1]
  from fresh f where f.entity_type = 'matches_schedule'
  -- By number, so that two runs that end at once wait for each other and not around in a circle.
  group by f.tournament_no order by f.tournament_no
  on conflict (tournament_no) do update set
    outcomes = substring(excluded.outcomes || o.outcomes for 50),
    last_result = greatest(o.last_result, excluded.last_result),
    last_success = greatest(o.last_success, excluded.last_success),
    last_error = case when excluded.last_error_type is null then o.last_error else excluded.last_error end,
    last_error_type = coalesce(excluded.last_error_type, o.last_error_type);
  return null;
end
$$;
comment on function private.keep_outcomes() is 'Adds the results that came in to what is kept of their tournaments.';
create trigger keep_outcomes after insert on public.sync_tournament_results
referencing new table as fresh for each statement execute function private.keep_outcomes();

insert into public.tournament_outcomes (tournament_no, outcomes, last_result, last_success, last_error, last_error_type)
select t.no, string_agg(r.success::integer::text, '' order by r.created_at desc)::varbit, max(r.created_at), max(r.created_at) filter (where r.success),
  (array_agg(r.error_message order by r.created_at desc) filter (where not r.success))[1],
  (array_agg(r.error_type order by r.created_at desc) filter (where not r.success))[1]
from public.tournaments t cross join lateral (
  select * from public.sync_tournament_results l
  where l.tournament_no = t.no and l.entity_type = 'matches_schedule' order by l.created_at desc limit 50
) r group by t.no;

create function private.tournament_json(
  tournament public.tournaments, state public.tournament_sync_state, kept public.tournament_outcomes, as_of timestamptz
) returns jsonb
language plpgsql stable set search_path = '' as $$
declare
  -- Failures since the newest success, which is one of the fifty; else all of them.
  streak constant integer := coalesce(nullif(position(B'1' in kept.outcomes), 0) - 1, length(kept.outcomes), 0);
  has_success constant boolean := streak < length(kept.outcomes);
  has_failure constant boolean := bit_count(kept.outcomes) < length(kept.outcomes);
begin
  return jsonb_build_object('no', tournament.no, 'name', tournament.name, 'season', tournament.season, 'status', tournament.status,
    'start_date', tournament.start_date, 'end_date', tournament.end_date, 'is_vanished', tournament.vanished_at is not null,
    'synced_at', state.synced_at, 'age_ms', extract(epoch from as_of - state.synced_at) * 1000, 'ttl_ms', extract(epoch from state.ttl) * 1000,
    'ttl_left_ms', extract(epoch from state.synced_at + state.ttl - as_of) * 1000, 'match_count', state.match_count,
    'live_count', state.live_count, 'results', coalesce(length(kept.outcomes), 0),
    'success_rate', round(bit_count(kept.outcomes)::numeric / length(kept.outcomes), 6), 'failing_streak', streak,
    'last_success', case when has_success then kept.last_success end, 'last_result', kept.last_result,
    'last_error', case when has_failure then kept.last_error end, 'last_error_type', case when has_failure then kept.last_error_type end);
end
$$;
comment on function private.tournament_json(public.tournaments, public.tournament_sync_state, public.tournament_outcomes, timestamptz) is
  'A tournament''s state: how fresh its matches are, and of its last fifty results how many were well, the failing streak and the last error.';

create or replace function public.list_tournament_states(p jsonb, as_of timestamptz default now()) returns jsonb
language plpgsql stable set search_path = '' set plan_cache_mode = force_generic_plan set jit = off as $$
begin
  return (
    -- Those with a result or a state come first by trouble; the page is cut before the figures of each are put together.
    with page as (
      select t, s, o, coalesce(get_bit(o.outcomes, 0) = 0, false) as is_failing, s.synced_at, t.no
      from public.tournaments t
      left join public.tournament_sync_state s on s.tournament_no = t.no
      left join public.tournament_outcomes o on o.tournament_no = t.no
      where (p ->> 'search' is null or t.name ilike '%' || (p ->> 'search') || '%' or t.no = p ->> 'search')
        and (p ->> 'season' is null or t.season = p ->> 'season')
        and (coalesce((p ->> 'failing')::boolean, false) is false or get_bit(o.outcomes, 0) = 0)
        and (p ->> 'season' is not null or p ->> 'search' is not null or s.synced_at is not null or o.tournament_no is not null)
      order by 4 desc, s.synced_at desc nulls last, t.no
      offset coalesce((p ->> 'offset')::integer, 0) limit (p ->> 'limit')::integer
    )
    select coalesce(jsonb_agg(private.tournament_json(g.t, g.s, g.o, as_of) order by g.is_failing desc, g.synced_at desc nulls last, g.no), '[]')
    from page g
  );
end
$$;

create or replace function public.get_tournament_state(p jsonb, as_of timestamptz default now()) returns jsonb
language plpgsql stable set search_path = '' set plan_cache_mode = force_generic_plan as $$
begin
  return (
    select private.tournament_json(t, s, o, as_of) || jsonb_build_object('history', (
      select coalesce(jsonb_agg(jsonb_build_object('execution_id', r.sync_execution_id, 'entity_type', r.entity_type, 'at', r.created_at, 'success', r.success,
        'records_processed', r.records_processed, 'duration_ms', round(extract(epoch from r.processing_duration) * 1000), 'error_type', r.error_type,
        'error_message', r.error_message, 'retry_attempt', r.retry_attempt) order by r.created_at desc), '[]')
      from (select * from public.sync_tournament_results r where r.tournament_no = t.no and r.created_at <= as_of order by r.created_at desc limit 100) r
    ))
    from public.tournaments t
    left join public.tournament_sync_state s on s.tournament_no = t.no
    left join public.tournament_outcomes o on o.tournament_no = t.no
    where t.no = p ->> 'no'
  );
end
$$;

drop function private.tournament_json(public.tournaments, timestamptz);

create or replace function public.schema_version() returns integer
language sql immutable set search_path = ''
return 36;

revoke execute on function
  private.keep_outcomes(), private.tournament_json(public.tournaments, public.tournament_sync_state, public.tournament_outcomes, timestamptz)
from public, anon, authenticated;
grant execute on function
  private.keep_outcomes(), private.tournament_json(public.tournaments, public.tournament_sync_state, public.tournament_outcomes, timestamptz)
to service_role;
