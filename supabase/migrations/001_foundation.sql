-- What every other file needs: the extensions, the unexposed schema, the caller's role, and helpers of time and identity.

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
language sql stable set search_path = '' as $$
  select nullif(current_setting('request.jwt.claims', true), '')::jsonb -> 'app_metadata' ->> 'role';
$$;
comment on function private.app_role() is 'The role in the caller''s token (viewer, operator or admin); null without one.';

create function private.can_read_monitoring() returns boolean
language sql stable set search_path = '' as $$
  select coalesce(private.app_role() in ('viewer', 'operator', 'admin'), false);
$$;
comment on function private.can_read_monitoring() is 'True for a signed-in viewer and up; what every read policy of the monitoring tables asks.';

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
comment on function private.secure_table(regclass) is
  'Gives a monitoring table row level security, the grants and the two policies: viewers and up read it, the service does the rest.';

create function private.secure_functions(variadic functions regproc[]) returns void
language plpgsql set search_path = '' as $$
declare
  target regproc;
begin
  foreach target in array functions loop
    -- Revoked by name: a hosted project grants every new function of public to these roles.
    execute format('revoke execute on function %s from public, anon, authenticated', target::regprocedure);
    execute format('grant execute on function %s to service_role', target::regprocedure);
  end loop;
end
$$;
comment on function private.secure_functions(regproc[]) is
  'Lets the service alone execute the functions; takes names that are not overloaded.';

create function private.utc_date(at_time timestamptz) returns date
language sql immutable set search_path = '' as $$
  select (at_time at time zone 'UTC')::date;
$$;
comment on function private.utc_date(timestamptz) is 'The calendar day in UTC, whatever the session''s time zone.';

create function private.uuid_v7() returns uuid
language plpgsql volatile set search_path = '' as $$
begin
  -- The time in ms, the version, and 74 random bits (RFC 9562, 5.7): bits 52 and 53 make the random version 4 a 7.
  return encode(
    set_bit(set_bit(
      overlay(uuid_send(gen_random_uuid()) placing substring(int8send(floor(extract(epoch from clock_timestamp()) * 1000)::bigint) from 3)
        from 1 for 6),
      52, 1), 53, 1), 'hex')::uuid;
end
$$;
comment on function private.uuid_v7() is 'A new UUID of version 7: the later, the greater, by the millisecond.';

create function private.in_words(length interval) returns text
language sql immutable set search_path = '' as $$
  select case when count % per = 0 then concat(count / per, ' ', unit, case when count / per <> 1 then 's' end) end
  from (select extract(epoch from length)::bigint as count) l
  cross join (values (86400, 'day'), (3600, 'hour'), (60, 'minute'), (1, 'second')) u (per, unit)
  where count % per = 0 and (count > 0 or per = 1) order by per desc limit 1;
$$;
comment on function private.in_words(interval) is 'A length of time in its largest whole unit; parts of a second are dropped.';

create function private.lengths_in_words(shown jsonb) returns jsonb
language sql immutable set search_path = '' as $$
  select shown || (
    select coalesce(jsonb_object_agg(key, private.in_words(value::interval)), '{}') from jsonb_each_text(shown)
    where value is not null and key in ('evaluation_window', 'for_duration', 'repeat_interval', 'escalation_delay', 'recurs_every', 'lasts',
      'group_window', 'grace', 'max_runtime', 'sync_frequency')
  );
$$;
comment on function private.lengths_in_words(jsonb) is 'A row as it is shown, with the lengths of time that a person set in words.';

create function public.schema_version() returns integer
language sql immutable set search_path = '' as $$
  select 14;
$$;
comment on function public.schema_version() is 'The number of the newest migration; functions refuse to work against another than they were written for.';

select private.secure_functions(
  'private.app_role', 'private.can_read_monitoring', 'private.utc_date',
  'private.uuid_v7', 'private.in_words', 'private.lengths_in_words', 'public.schema_version'
);
revoke execute on function private.secure_table, private.secure_functions from public;
grant execute on function private.app_role, private.can_read_monitoring to authenticated;
