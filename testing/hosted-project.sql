-- The roles and rights of a new hosted project; project_owner stands for its `postgres`, which is no superuser. A superuser runs this file.
-- Source of the rights: the init scripts and migrations of github.com/supabase/postgres.
do $$
begin
  if not exists (select from pg_roles where rolname = 'project_owner') then
    create role project_owner login createdb createrole replication bypassrls;
  end if;
end
$$;
alter role project_owner set search_path = "$user", public, extensions;
alter role anon inherit;
alter role authenticated inherit;
alter role service_role inherit;
grant anon, authenticated, service_role to project_owner;
grant pg_monitor, pg_read_all_data, pg_signal_backend to project_owner;
grant usage, create on schema public to project_owner;
grant all on schema extensions to project_owner;

grant usage on schema cron to project_owner with grant option;
grant all on all functions in schema cron to project_owner with grant option;
grant all on all tables in schema cron to project_owner with grant option;
do $$
begin
  -- The functions of pg_cron write with their own rights, and those of the stand-in with the rights of the caller.
  if exists (select from pg_extension where extname = 'pg_cron') then
    revoke all on cron.job from project_owner;
    grant select on cron.job to project_owner with grant option;
  end if;
end
$$;

grant usage on schema net to project_owner, anon, authenticated, service_role;
alter function net.http_get(text, jsonb, jsonb, integer) security definer;
alter function net.http_post(text, jsonb, jsonb, jsonb, integer) security definer;
grant execute on all functions in schema net to project_owner, service_role;
-- pg_net grants its tables to every role.
grant all on all tables in schema net to public;

grant usage on schema vault to project_owner with grant option;
grant select, delete on vault.secrets, vault.decrypted_secrets to project_owner with grant option;
alter function vault.create_secret(text, text, text, uuid) security definer;
alter function vault.update_secret(uuid, text, text, text, uuid) security definer;
grant execute on all functions in schema vault to project_owner with grant option;

-- A hosted owner can create this extension for the linter; on other servers only a superuser can.
do $$
begin
  if exists (select from pg_available_extensions where name = 'plpgsql_check') then
    create extension plpgsql_check with schema extensions;
  end if;
end
$$;
