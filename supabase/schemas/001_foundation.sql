-- The basis of the other files: extensions, the schema private, the caller's role, access rights, and helpers for ids and times.

-- Hosted Supabase has these extensions. On one machine the platform creates stand-ins with the same schemas and functions before
-- it applies the migrations.
do $$
begin
  if to_regnamespace('cron') is null then
    create extension if not exists pg_cron with schema pg_catalog;
  end if;
  if to_regnamespace('net') is null then
    create extension if not exists pg_net with schema extensions;
  end if;
  if to_regnamespace('vault') is null then
    create extension if not exists supabase_vault;
  end if;
end
$$;

create schema if not exists private;
comment on schema private is 'Tables and functions that the API does not expose.';
grant usage on schema private to authenticated, service_role;

create function private.app_role() returns text
language sql stable set search_path = '' as $$
  select nullif(current_setting('request.jwt.claims', true), '')::jsonb -> 'app_metadata' ->> 'role';
$$;
comment on function private.app_role is 'The role in the caller''s token: viewer, operator or admin; null without a token or a role.';

create function private.can_read_monitoring() returns boolean
language sql stable set search_path = '' as $$
  select coalesce(private.app_role() in ('viewer', 'operator', 'admin'), false);
$$;
comment on function private.can_read_monitoring is 'True when the caller is a viewer, operator or admin.';

create function private.secure_table(target regclass) returns void
language plpgsql set search_path = '' as $$
declare
  identity_sequence regclass;
begin
  execute format('alter table %s enable row level security', target);
  execute format('revoke all on %s from public, anon, authenticated', target);
  execute format('grant select on %s to authenticated', target);
  execute format('grant all on %s to service_role', target);
  execute format(
    'create policy "Allow monitoring read" on %s for select to authenticated using ((select private.can_read_monitoring()))', target
  );
  execute format('create policy "Allow service monitoring access" on %s for all to service_role using (true) with check (true)', target);
  for identity_sequence in
    select c.oid::regclass from pg_catalog.pg_depend d join pg_catalog.pg_class c on c.oid = d.objid
    where d.refobjid = target and d.classid = 'pg_catalog.pg_class'::regclass and d.deptype = 'i' and c.relkind = 'S'
  loop
    execute format('revoke all on sequence %s from public, anon, authenticated', identity_sequence);
  end loop;
end
$$;
comment on function private.secure_table is
  'Enables row level security on a monitoring table and sets its grants and policies: viewers and above read it, the service writes it.';

create function private.secure_functions(variadic public_functions regproc[]) returns void
language plpgsql set search_path = '' as $$
declare
  target regprocedure;
begin
  -- The caller names the functions of the schema public, because a project can have other functions there.
  for target in
    select p.oid from pg_catalog.pg_proc p
    where p.oid = any (public_functions) or p.pronamespace = 'private'::regnamespace
      and p.proname not in ('secure_table', 'secure_functions', 'app_role', 'can_read_monitoring')
  loop
    -- Each role is revoked by name, because a hosted project grants it execute on each new function of the schema public.
    execute format('revoke execute on function %s from public, anon, authenticated', target);
    -- Only the owner prunes the audit log.
    if target is distinct from to_regprocedure('private.prune_audit_log()') then
      execute format('grant execute on function %s to service_role', target);
    end if;
  end loop;
end
$$;
comment on function private.secure_functions is
  'Allows only the service to execute the functions of private and the named functions of public.';

create function private.refuse_unknown_fields(p jsonb, known text[]) returns void
language plpgsql stable set search_path = '' as $$
begin
  if jsonb_typeof(p) <> 'object' then
    raise sqlstate 'PT400' using message = 'p: must be an object', detail = 'BAD_REQUEST';
  elsif p - known <> '{}' then
    raise sqlstate 'PT400' using
      message = format('%s: is not a known field', (select field from jsonb_object_keys(p - known) field limit 1)),
      detail = 'BAD_REQUEST';
  end if;
end
$$;
comment on function private.refuse_unknown_fields is 'Refuses an argument p with a field outside the known ones. PT400 BAD_REQUEST.';

create function private.utc_date(at_time timestamptz) returns date
language sql immutable set search_path = '' as $$
  select (at_time at time zone 'UTC')::date;
$$;
comment on function private.utc_date is 'The UTC day of a time, independent of the session''s time zone.';

create function private.in_words(length interval) returns text
language sql immutable set search_path = '' as $$
  select concat(seconds / unit_seconds, ' ', unit, case when seconds / unit_seconds <> 1 then 's' end)
  -- The interval is added to a date, because Postgres extracts 365.25 days from an interval of one year.
  from (select extract(epoch from timestamp '2001-01-01' + length - timestamp '2001-01-01')::bigint as seconds) total
  cross join (values (86400, 'day'), (3600, 'hour'), (60, 'minute'), (1, 'second')) units (unit_seconds, unit)
  where seconds % unit_seconds = 0 and (seconds > 0 or unit_seconds = 1)
  order by unit_seconds desc
  limit 1;
$$;
comment on function private.in_words is 'An interval in its largest whole unit, such as 15 minutes; drops fractions of a second.';

create function private.lengths_in_words(row_json jsonb) returns jsonb
language sql immutable set search_path = '' as $$
  select row_json || (
    select coalesce(jsonb_object_agg(key, private.in_words(value::interval)), '{}')
    from jsonb_each_text(row_json)
    where value is not null and key in (
      'evaluation_window', 'for_duration', 'repeat_interval', 'escalation_delay', 'recurs_every', 'lasts', 'group_window', 'grace',
      'max_runtime', 'sync_frequency', 'rolling_window', 'canary_every'
    )
  );
$$;
comment on function private.lengths_in_words is 'The JSON of a row, with the intervals that a person can set written in words.';

create table public.limit_settings (
  subject varchar primary key,
  maximum integer not null,
  constraint limit_settings_maximum_is_positive check (maximum > 0)
);
comment on table public.limit_settings is
  'The maximum number of rows of each kind that people can create: rules, objectives, channels, silences that have not ended, waiting '
  'jobs, and recipients of a channel.';
select private.secure_table('public.limit_settings');

-- `deno task bench rules` measures the evaluation of 1,000 rules.
insert into public.limit_settings (subject, maximum) values
  ('alert_rules', 1000), ('objectives', 100), ('notification_channels', 100), ('recipients', 50), ('silences', 500), ('waiting_jobs', 1000);

create function public.schema_version() returns jsonb
language sql immutable set search_path = '' as $$
  -- A change that breaks edge functions of an older version, such as a renamed argument, must raise min_code_version.
  select jsonb_build_object('version', 15, 'min_code_version', 15);
$$;
comment on function public.schema_version is
  'The number of the newest migration, and the oldest version of the edge functions that works with it; older ones answer SCHEMA_MISMATCH.';

revoke execute on function private.secure_table, private.secure_functions, private.app_role, private.can_read_monitoring from public;
grant execute on function private.app_role, private.can_read_monitoring to authenticated, service_role;
