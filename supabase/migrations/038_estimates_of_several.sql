-- A job for several tournaments is estimated too: from what each of them took.

create function private.duration_samples(p_entity_type text, p_target text, p_nos jsonb, as_of timestamptz) returns double precision[]
language plpgsql stable set search_path = '' set plan_cache_mode = force_generic_plan as $$
begin
  return (
    -- The last thirty of the same kind, in ms: what drifts is followed. A tournament's own come first, then what full runs took for it, which
    -- is all there is of several.
    with own as (
      -- A run of everything and one of a tournament are found by different indexes; only one of these two is looked for.
      (select extract(epoch from h.duration) * 1000 as ms from public.sync_execution_history h
        -- As a range of entity and time, which only the index of both can go through: an entity that never ran is not looked for among all runs.
        where p_target = '' and (h.entity_type, h.execution_start) <= (p_entity_type, as_of) and h.entity_type >= p_entity_type
          and h.tournament_no is null and h.status in ('SUCCEEDED', 'PARTIAL')
        order by h.entity_type desc, h.execution_start desc limit 30)
      union all
      (select extract(epoch from h.duration) * 1000 from public.sync_execution_history h
        where p_target not in ('', '*') and h.tournament_no = p_target and h.entity_type = p_entity_type and h.status in ('SUCCEEDED', 'PARTIAL')
          and h.execution_start <= as_of
        order by h.execution_start desc limit 30)
    ),
    within_full_runs as (
      select n.no, r.ms, r.age
      from (select p_target as no where p_target not in ('', '*') union select jsonb_array_elements_text(p_nos)) n
      cross join lateral (
        select extract(epoch from l.processing_duration) * 1000 as ms, row_number() over (order by l.created_at desc) as age
        from public.sync_tournament_results l
        where l.tournament_no = n.no and l.entity_type = p_entity_type and l.success and l.created_at <= as_of
        order by l.created_at desc limit 30
      ) r
    ),
    known as (
      select count(distinct w.no) as tournaments from within_full_runs w
    ),
    -- A run does several at a time: how much of their time together the last full run took.
    share as (
      select extract(epoch from h.duration) * 1000 / nullif(sum(extract(epoch from r.processing_duration)) * 1000, 0) as of_sum
      from (
        select l.id, l.duration from public.sync_execution_history l
        where p_target = '*' and (l.entity_type, l.execution_start) <= (p_entity_type, as_of) and l.entity_type >= p_entity_type
          and l.tournament_no is null and l.status in ('SUCCEEDED', 'PARTIAL')
        order by l.entity_type desc, l.execution_start desc limit 1
      ) h join public.sync_tournament_results r on r.sync_execution_id = h.id
      group by h.id, h.duration
    ),
    together as (
      -- Those of which nothing is known take as long as the others do.
      select w.age, greatest(max(w.ms), sum(w.ms) * jsonb_array_length(p_nos) / k.tournaments * coalesce((select of_sum from share), 1)) as ms
      from within_full_runs w cross join known k group by w.age, k.tournaments having count(*) = k.tournaments
    )
    select case
      when p_target = '*' then (select array_agg(ms order by age) from together)
      when (select count(*) from own) >= 5 or p_target = '' then (select array_agg(ms) from own)
      else (select array_agg(ms order by age) from within_full_runs)
    end
  );
end
$$;

create function private.job_ahead(entity text, target text, nos jsonb, elapsed_ms numeric, as_of timestamptz) returns jsonb
language plpgsql stable set search_path = '' set plan_cache_mode = force_generic_plan as $$
begin
  return (
    -- The mean is that of the last ten, which follows a drift sooner; of one that runs, what is left by those that took longer than it has.
    select jsonb_build_object('entity_type', entity, 'target', target,
      'left_ms', case
        when elapsed_ms is null then avg(ms) filter (where age <= 10)
        else coalesce(avg(ms - elapsed_ms::double precision) filter (where ms > elapsed_ms), avg(ms) / 4)
      end,
      'variance', coalesce(case
        when elapsed_ms is null then var_samp(ms) else var_samp(ms - elapsed_ms::double precision) filter (where ms > elapsed_ms) end, 0))
    from unnest(private.duration_samples(entity, target, nos, as_of)) with ordinality s (ms, age)
  );
end
$$;

create or replace function private.job_estimate(job public.sync_jobs, as_of timestamptz) returns jsonb
language plpgsql stable set search_path = '' set plan_cache_mode = force_generic_plan as $$
begin
  return (
    select jsonb_build_object(
      'samples', private.duration_samples(job.entity_type, job.target, job.tournament_nos, as_of),
      'entity_type', job.entity_type, 'target', job.target, 'status', job.status, 'is_emergency', job.priority = 'EMERGENCY',
      'starts_in_ms', greatest(extract(epoch from job.not_before - as_of) * 1000, 0),
      'elapsed_ms', (
        select extract(epoch from as_of - h.execution_start) * 1000 from public.sync_execution_history h
        where h.id = job.execution_id and h.status = 'RUNNING'),
      'slots', s.slots, 'emergency_slots', s.emergency_slots, 'slots_per_entity', s.slots_per_entity,
      'running', (
        select coalesce(jsonb_agg(private.job_ahead(r.entity_type, r.target, r.nos, extract(epoch from as_of - r.began) * 1000, as_of) order by r.began), '[]')
        from (
          select o.entity_type, o.target, o.tournament_nos as nos, coalesce(h.execution_start, as_of) as began
          from public.sync_jobs o left join public.sync_execution_history h on h.id = o.execution_id
          where o.status = 'RUNNING' and o.id <> job.id
          union all
          -- A run of the schedule takes no slot, but nothing of its target begins beside it.
          select h.entity_type, coalesce(h.tournament_no, ''), null, h.execution_start from public.sync_execution_history h
          where h.status = 'RUNNING' and h.sync_job_id is null and h.entity_type = job.entity_type and coalesce(h.tournament_no, '') = job.target
        ) r
      ),
      'waiting', (
        select coalesce(jsonb_agg(private.job_ahead(w.entity_type, w.target, w.tournament_nos, null, as_of) order by w.rank_at, w.id), '[]')
        from (
          select o.* from public.sync_jobs o
          where o.status = 'QUEUED' and o.id <> job.id and (o.rank_at, o.id) < (job.rank_at, job.id) and o.not_before <= as_of
          order by o.rank_at, o.id limit 50
        ) w
      )
    )
    from public.sync_queue_settings s
  );
end
$$;

drop function private.duration_samples(text, text, timestamptz);
drop function private.job_ahead(text, text, numeric, timestamptz);
comment on function private.duration_samples(text, text, jsonb, timestamptz) is
  'Durations in ms of the last thirty runs like this one, or of what these tournaments would have taken then, the newest first; null without any.';
comment on function private.job_ahead(text, text, jsonb, numeric, timestamptz) is
  'What is known of the time a job takes that runs or waits before another.';

create or replace function public.schema_version() returns integer
language sql immutable set search_path = ''
return 38;

revoke execute on function private.duration_samples(text, text, jsonb, timestamptz), private.job_ahead(text, text, jsonb, numeric, timestamptz)
from public, anon, authenticated;
grant execute on function private.duration_samples(text, text, jsonb, timestamptz), private.job_ahead(text, text, jsonb, numeric, timestamptz)
to service_role;
