-- The ground the other migrations stand on: extensions, the unexposed schema, the caller's role, the schema version.

-- Hosted Supabase has the extensions; elsewhere the platform has put stand-ins with the same schemas and functions in place before this runs.
do $$
begin
  if to_regnamespace('cron') is null then
    create extension if not exists pg_cron;
  end if;
  if to_regnamespace('net') is null then
    create extension if not exists pg_net with schema extensions;
  end if;
  if to_regnamespace('vault') is null then
    create extension if not exists supabase_vault with schema vault;
  end if;
end
$$;

create schema if not exists private;
comment on schema private is 'Helpers that no API schema exposes.';
grant usage on schema private to authenticated, service_role;

create function private.app_role() returns text
language sql stable set search_path = ''
return nullif(current_setting('request.jwt.claims', true), '')::jsonb -> 'app_metadata' ->> 'role';
comment on function private.app_role() is 'The role in the caller''s token (viewer, operator or admin); null without one.';

create function private.can_read_monitoring() returns boolean
language sql stable set search_path = ''
return coalesce(private.app_role() in ('viewer', 'operator', 'admin'), false);
comment on function private.can_read_monitoring() is 'True for a signed-in viewer and up; what every read policy of the monitoring tables asks.';

revoke execute on function private.app_role(), private.can_read_monitoring() from public, anon, authenticated;
grant execute on function private.app_role(), private.can_read_monitoring() to authenticated, service_role;

create function private.utc_date(at_time timestamptz) returns date
language sql immutable set search_path = ''
return (at_time at time zone 'UTC')::date;
comment on function private.utc_date(timestamptz) is 'The calendar day in UTC, whatever the session''s time zone.';
revoke execute on function private.utc_date(timestamptz) from public, anon, authenticated;
grant execute on function private.utc_date(timestamptz) to service_role;
