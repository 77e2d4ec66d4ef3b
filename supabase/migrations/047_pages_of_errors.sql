-- A page of errors is found along an index: the list was planned without its filters, and so each page looked through the errors there are.

drop index public.sync_error_log_time_idx;
create index sync_error_log_time_idx on public.sync_error_log (occurred_at, id);
drop index public.sync_error_log_open_fingerprint_idx;
create index sync_error_log_fingerprint_idx on public.sync_error_log (fingerprint, occurred_at, id);
create index sync_error_log_tournament_idx on public.sync_error_log (tournament_no, occurred_at, id);
-- Those that are few: the rest is met soon on the way back through time.
create index sync_error_log_resolved_idx on public.sync_error_log (occurred_at, id) where resolved_at is not null;
create index sync_error_log_critical_idx on public.sync_error_log (occurred_at, id) where error_severity = 'CRITICAL';

create or replace function public.list_errors(p jsonb) returns jsonb
-- Planned for the filters that are given, since they decide which index is of use.
language plpgsql stable set search_path = '' set plan_cache_mode = force_custom_plan as $$
begin
  return (
    select coalesce(jsonb_agg(private.error_json(l) order by l.occurred_at desc, l.id desc), '[]') from (
      select * from public.sync_error_log l
      where (p ->> 'entity_type' is null or l.entity_type = p ->> 'entity_type')
        and (p ->> 'error_type' is null or l.error_type = p ->> 'error_type')
        and (p ->> 'severity' is null or l.error_severity = p ->> 'severity')
        and (p ->> 'tournament_no' is null or l.tournament_no = p ->> 'tournament_no')
        and (p ->> 'fingerprint' is null or l.fingerprint = p ->> 'fingerprint')
        and (p ->> 'is_resolved' is null or (l.resolved_at is not null) = (p ->> 'is_resolved')::boolean)
        and (p ->> 'from' is null or l.occurred_at >= (p ->> 'from')::timestamptz)
        and (p ->> 'to' is null or l.occurred_at < (p ->> 'to')::timestamptz)
        and (p ->> 'before_at' is null or (l.occurred_at, l.id) < ((p ->> 'before_at')::timestamptz, (p ->> 'before_id')::uuid))
      order by l.occurred_at desc, l.id desc
      limit (p ->> 'limit')::integer
    ) l
  );
end
$$;

create or replace function public.schema_version() returns integer
language sql immutable set search_path = ''
return 47;
