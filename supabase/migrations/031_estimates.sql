-- Estimates find a tournament's runs by their index, and are planned once a session: each trigger makes one for itself and for what waits
-- before it.

create or replace function private.duration_samples(p_entity_type text, p_target text, as_of timestamptz) returns double precision[]
language plpgsql stable set search_path = '' set plan_cache_mode = force_generic_plan as $$
begin
  return (
    -- The last thirty of the same kind, in ms: what drifts is followed. A tournament's own come first, then what full runs took for it.
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
      select extract(epoch from r.processing_duration) * 1000 as ms from public.sync_tournament_results r
      where p_target not in ('', '*') and r.tournament_no = p_target and r.entity_type = p_entity_type and r.success and r.created_at <= as_of
      order by r.created_at desc limit 30
    )
    select case
      when (select count(*) from own) >= 5 or p_target in ('', '*') then (select array_agg(ms) from own)
      else (select array_agg(ms) from within_full_runs)
    end
  );
end
$$;

create or replace function private.job_ahead(entity text, target text, elapsed_ms numeric, as_of timestamptz) returns jsonb
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
    from unnest(private.duration_samples(entity, target, as_of)) with ordinality s (ms, age)
  );
end
$$;

create or replace function private.job_estimate(job public.sync_jobs, as_of timestamptz) returns jsonb
language plpgsql stable set search_path = '' set plan_cache_mode = force_generic_plan as $$
begin
  return (
    select jsonb_build_object(
      'samples', private.duration_samples(job.entity_type, job.target, as_of),
      'entity_type', job.entity_type, 'target', job.target, 'status', job.status, 'is_emergency', job.priority = 'EMERGENCY',
      'starts_in_ms', greatest(extract(epoch from job.not_before - as_of) * 1000, 0),
      'elapsed_ms', (
        select extract(epoch from as_of - h.execution_start) * 1000 from public.sync_execution_history h
        where h.id = job.execution_id and h.status = 'RUNNING'),
      'slots', s.slots, 'emergency_slots', s.emergency_slots, 'slots_per_entity', s.slots_per_entity,
      'running', (
        select coalesce(jsonb_agg(private.job_ahead(r.entity_type, r.target, extract(epoch from as_of - r.began) * 1000, as_of) order by r.began), '[]')
        from (
          select o.entity_type, o.target, coalesce(h.execution_start, as_of) as began
          from public.sync_jobs o left join public.sync_execution_history h on h.id = o.execution_id
          where o.status = 'RUNNING' and o.id <> job.id
          union all
          -- A run of the schedule takes no slot, but nothing of its target begins beside it.
          select h.entity_type, coalesce(h.tournament_no, ''), h.execution_start from public.sync_execution_history h
          where h.status = 'RUNNING' and h.sync_job_id is null and h.entity_type = job.entity_type and coalesce(h.tournament_no, '') = job.target
        ) r
      ),
      'waiting', (
        select coalesce(jsonb_agg(private.job_ahead(w.entity_type, w.target, null, as_of) order by w.rank_at, w.id), '[]')
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

create or replace function private.job_view(job public.sync_jobs, as_of timestamptz) returns jsonb
language plpgsql stable set search_path = '' set plan_cache_mode = force_generic_plan as $$
begin
  return (
    select to_jsonb(job) - 'token' - 'claimed_at' - 'lease_expires_at' - 'target' || jsonb_build_object(
      'as_of', as_of,
      'queue_position', case when job.status = 'QUEUED' then 1 + (
        select count(*) from public.sync_jobs o where o.status = 'QUEUED' and (o.rank_at, o.id) < (job.rank_at, job.id)) end,
      'waits_because', case when job.status = 'QUEUED' then (
        select case
          when e.paused_at is not null then format('%s is paused by %s', e.entity_type, e.paused_by)
          when job.not_before > as_of then format('not before %s', job.not_before)
        end from public.sync_status e where e.entity_type = job.entity_type) end,
      'progress', (
        select jsonb_build_object('tournaments_processed', h.tournaments_processed, 'total_tournaments', h.tournaments_total,
          'current_stage', h.current_stage, 'tournaments_failed', h.tournaments_failed, 'records_processed', h.records_processed)
        from public.sync_execution_history h where h.id = job.execution_id),
      'attempts_made', (
        select coalesce(jsonb_agg(to_jsonb(a) - 'token' - 'job_id' order by a.claimed_at), '[]') from private.attempts_of(job) a),
      'requeued_as', (select coalesce(jsonb_agg(o.id order by o.enqueued_at), '[]') from public.sync_jobs o where o.retried_from = job.id),
      'estimate', case when job.status in ('QUEUED', 'RUNNING') then private.job_estimate(job, as_of) end
    )
  );
end
$$;

create or replace function public.schema_version() returns integer
language sql immutable set search_path = ''
return 31;
