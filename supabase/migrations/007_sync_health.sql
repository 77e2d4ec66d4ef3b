-- What is read: the 24 hour summary and the one snapshot behind health-overview. Numbers only; TypeScript judges them.

create materialized view public.sync_health_summary as
select
  entity_type,
  count(*) as total_executions,
  count(*) filter (where success) as successful_executions,
  avg(extract(epoch from duration)) as avg_duration_seconds,
  max(execution_start) as last_execution
from public.sync_execution_history
where execution_start > now() - interval '24 hours'
group by entity_type;
comment on materialized view public.sync_health_summary is 'Runs of the last 24 hours by entity; refreshed concurrently every 5 minutes.';
create unique index sync_health_summary_entity on public.sync_health_summary (entity_type);
revoke all on public.sync_health_summary from public, anon, authenticated;
grant select on public.sync_health_summary to service_role;

create function private.overdue_since(entity public.sync_status, as_of timestamptz) returns timestamptz
language sql immutable set search_path = ''
return case
  -- The latest due time whose grace is over: a run must have begun at or after it.
  when entity.last_attempt >= private.last_due(entity.schedule_anchor, entity.sync_frequency, as_of - entity.grace) then null
  when entity.last_attempt is null
    and entity.created_at > private.last_due(entity.schedule_anchor, entity.sync_frequency, as_of - entity.grace) then null
  else private.last_due(entity.schedule_anchor, entity.sync_frequency, coalesce(entity.last_attempt, entity.created_at))
    + entity.sync_frequency + entity.grace
end;
comment on function private.overdue_since(public.sync_status, timestamptz) is 'Since when an entity owes a run: due plus grace; null while it owes none.';

create function private.entity_health(entity public.sync_status, as_of timestamptz) returns jsonb
language sql stable set search_path = ''
begin atomic
  with day as (
    select h.*, private.success_weight(h.status, h.tournaments_failed, h.tournaments_processed) as weight
    from public.sync_execution_history h
    where h.entity_type = entity.entity_type and h.execution_start > as_of - interval '24 hours' and h.execution_start <= as_of
  ),
  figures as (
    select
      avg(weight) filter (where tournament_no is null) as success_rate,
      count(weight) filter (where tournament_no is null) as runs,
      avg(extract(epoch from duration) * 1000) filter (where tournament_no is null and weight is not null) as average_duration_ms,
      percentile_cont(0.95) within group (order by extract(epoch from duration) * 1000)
        filter (where tournament_no is null and weight is not null) as p95_duration_ms,
      sum(records_processed) filter (where execution_start >= date_trunc('day', as_of, 'UTC')) as records_processed_today,
      sum(cache_hits) as cache_hits,
      sum(cache_misses) as cache_misses,
      sum(api_calls) as api_calls,
      sum(api_response_ms_total) as api_response_ms_total,
      max(memory_usage_mb) as peak_memory_mb,
      sum(error_count) as errors
    from day
  ),
  latest as (
    select h.id, h.status, h.status_reason, h.execution_start, h.tournaments_failed, h.tournaments_processed, h.tournaments_total,
      extract(epoch from h.duration) * 1000 as duration_ms
    from public.sync_execution_history h
    where h.entity_type = entity.entity_type and h.tournament_no is null and h.status not in ('RUNNING', 'SKIPPED', 'CANCELLED')
      and h.execution_start <= as_of
    order by h.execution_start desc limit 1
  ),
  running as (
    select h.id, h.execution_start, h.deadline, h.lease_expires_at, h.current_stage, h.tournaments_processed, h.tournaments_total
    from public.sync_execution_history h
    where h.entity_type = entity.entity_type and h.tournament_no is null and h.status = 'RUNNING'
  )
  select jsonb_build_object(
    'entity_type', entity.entity_type,
    'is_paused', entity.paused_at is not null,
    'paused_by', entity.paused_by,
    'paused_at', entity.paused_at,
    'paused_reason', entity.paused_reason,
    'created_at', entity.created_at,
    'last_successful_sync', entity.last_sync,
    'last_attempt', entity.last_attempt,
    'next_sync', private.last_due(entity.schedule_anchor, entity.sync_frequency, as_of) + entity.sync_frequency,
    'overdue_since', private.overdue_since(entity, as_of),
    'max_runtime_ms', extract(epoch from entity.max_runtime) * 1000,
    'consecutive_failures', entity.consecutive_failures,
    'failure_threshold', entity.alert_threshold_failures,
    'runs_24h', figures.runs,
    'success_rate_24h', figures.success_rate,
    'average_duration_ms', figures.average_duration_ms,
    'p95_duration_ms', figures.p95_duration_ms,
    'records_processed_today', coalesce(figures.records_processed_today, 0),
    'cache_hits_24h', coalesce(figures.cache_hits, 0),
    'cache_misses_24h', coalesce(figures.cache_misses, 0),
    'api_calls_24h', coalesce(figures.api_calls, 0),
    'api_response_ms_24h', coalesce(figures.api_response_ms_total, 0),
    'peak_memory_mb_24h', figures.peak_memory_mb,
    'errors_24h', coalesce(figures.errors, 0),
    'latest_run', (select to_jsonb(latest) from latest),
    'running', (select to_jsonb(running) from running)
  )
  from figures;
end;
comment on function private.entity_health(public.sync_status, timestamptz) is
  'The facts of one entity: rate, durations and streak over full runs, records over all runs of the UTC day, and since when it is overdue.';

create function private.active_alerts() returns jsonb
language sql stable set search_path = ''
return '[]'::jsonb;
comment on function private.active_alerts() is 'Incidents that fire or are acknowledged, the oldest first; replaced where incidents exist.';

create function public.get_health_overview(as_of timestamptz default now()) returns jsonb
language sql stable set search_path = ''
begin atomic
  select jsonb_build_object(
    'as_of', as_of,
    'entities', (
      select coalesce(jsonb_agg(private.entity_health(s, as_of) order by s.entity_type), '[]') from public.sync_status s where s.is_active
    ),
    'upstream', (
      select jsonb_build_object(
        'blocked_until', case when u.blocked_until > as_of then u.blocked_until end,
        'blocked_reason', case when u.blocked_until > as_of then u.blocked_reason end
      )
      from public.upstream_state u where u.upstream = 'vis'
    ),
    'active_alerts', private.active_alerts()
  );
end;
comment on function public.get_health_overview(timestamptz) is 'One snapshot of every active entity, for health-overview.';

revoke execute on function private.overdue_since(public.sync_status, timestamptz),
  private.entity_health(public.sync_status, timestamptz), private.active_alerts(), public.get_health_overview(timestamptz)
from public, anon, authenticated;
grant execute on function private.overdue_since(public.sync_status, timestamptz),
  private.entity_health(public.sync_status, timestamptz), private.active_alerts(), public.get_health_overview(timestamptz) to service_role;
