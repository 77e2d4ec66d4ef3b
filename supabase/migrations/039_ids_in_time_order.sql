-- Ids of results begin with the time, so that those of one run stand together in the index: random ones touched a page of it each, which took
-- more than all else of closing a run once there were millions.

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

alter table public.sync_tournament_results alter column id set default private.uuid_v7();

create or replace function public.schema_version() returns integer
language sql immutable set search_path = ''
return 39;

revoke execute on function private.uuid_v7() from public, anon, authenticated;
grant execute on function private.uuid_v7() to service_role;
