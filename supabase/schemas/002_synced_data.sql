-- The synced data: tournaments and matches. Anyone reads them without signing in; only the service writes them.

create table public.tournaments (
  id uuid primary key default gen_random_uuid(),
  no varchar not null unique,
  code varchar,
  name varchar not null,
  title varchar,
  season varchar,
  gender smallint,
  type smallint,
  status smallint,
  start_date date,
  end_date date,
  start_date_qualification date,
  start_date_main_draw date,
  location varchar,
  city varchar,
  venue varchar,
  country_code varchar,
  country_name varchar,
  no_event varchar,
  vis_version bigint,
  vanished_at timestamptz,
  last_synced timestamptz not null default now(),
  version integer not null default 1,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint tournaments_no_is_a_number check (no ~ '^[0-9]{1,10}$'),
  constraint tournaments_end_not_before_start check (end_date >= start_date),
  constraint tournaments_version_is_positive check (version >= 1)
);
comment on table public.tournaments is 'Beach tournaments as VIS lists them; status, gender and type are the codes of VIS.';
comment on column public.tournaments.vis_version is 'The change counter of the row in VIS.';
comment on column public.tournaments.vanished_at is
  'The time at which a sync found the tournament missing from the list of its season; null while it is listed.';
comment on column public.tournaments.version is 'Our own change counter: an update that changes a synced column raises it by one.';
create index tournaments_dates_idx on public.tournaments (end_date, start_date);
create index tournaments_season_idx on public.tournaments (season);
alter table public.tournaments enable row level security;
revoke all on public.tournaments from public, anon, authenticated;
grant select on public.tournaments to anon, authenticated;
grant all on public.tournaments to service_role;
create policy "Allow service access" on public.tournaments for all to service_role using (true) with check (true);
create policy "Anyone reads tournaments" on public.tournaments for select to anon, authenticated using (true);

create table public.matches (
  id uuid primary key default gen_random_uuid(),
  no varchar not null unique,
  tournament_no varchar not null references public.tournaments (no) on delete cascade,
  no_in_tournament integer,
  team_a_name varchar,
  team_b_name varchar,
  team_a_federation_code varchar,
  team_b_federation_code varchar,
  local_date date,
  local_time time,
  starts_at timestamptz,
  begin_date_time_utc timestamptz,
  end_date_time_utc timestamptz,
  court varchar,
  status smallint,
  result_type smallint,
  round varchar,
  round_code varchar,
  round_phase smallint,
  match_points_a smallint,
  match_points_b smallint,
  points_team_a_set1 smallint,
  points_team_b_set1 smallint,
  points_team_a_set2 smallint,
  points_team_b_set2 smallint,
  points_team_a_set3 smallint,
  points_team_b_set3 smallint,
  points_team_a_set4 smallint,
  points_team_b_set4 smallint,
  points_team_a_set5 smallint,
  points_team_b_set5 smallint,
  duration_set1 integer,
  duration_set2 integer,
  duration_set3 integer,
  duration_set4 integer,
  duration_set5 integer,
  no_referee1 varchar,
  no_referee2 varchar,
  referee1_name varchar,
  referee2_name varchar,
  referee1_federation_code varchar,
  referee2_federation_code varchar,
  vis_version bigint,
  vanished_at timestamptz,
  last_synced timestamptz not null default now(),
  version integer not null default 1,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint matches_no_is_a_number check (no ~ '^[0-9]{1,10}$'),
  constraint matches_version_is_positive check (version >= 1)
);
comment on table public.matches is 'Matches, keyed on VIS No because NoInTournament repeats in a tournament; durations are in seconds.';
comment on column public.matches.starts_at is 'The scheduled start as an instant; null until VIS publishes the time.';
comment on column public.matches.begin_date_time_utc is 'The actual start; VIS fills it for few matches.';
comment on column public.matches.vanished_at is
  'The time at which a sync found the match missing from its tournament, as after a new draw; null while it is listed.';
create index matches_tournament_idx on public.matches (tournament_no);
alter table public.matches enable row level security;
revoke all on public.matches from public, anon, authenticated;
grant select on public.matches to anon, authenticated;
grant all on public.matches to service_role;
create policy "Allow service access" on public.matches for all to service_role using (true) with check (true);
create policy "Anyone reads matches" on public.matches for select to anon, authenticated using (true);

create function private.raise_version() returns trigger
language plpgsql set search_path = '' as $$
declare
  bookkeeping constant text[] := array['id', 'vis_version', 'last_synced', 'version', 'created_at', 'updated_at'];
begin
  new.id := old.id;
  new.created_at := old.created_at;
  if to_jsonb(new) - bookkeeping is distinct from to_jsonb(old) - bookkeeping then
    new.version := old.version + 1;
    new.updated_at := new.last_synced;
  else
    new.version := old.version;
    new.updated_at := old.updated_at;
  end if;
  return new;
end
$$;
comment on function private.raise_version is 'Keeps id and created_at, and raises version only when a synced column changes.';

create trigger tournaments_raise_version before update on public.tournaments
  for each row execute function private.raise_version();
create trigger matches_raise_version before update on public.matches
  for each row execute function private.raise_version();
