-- Runs, errors, tournaments and the state of the parts, as the monitoring API reads them.
-- Past 300 lines, because each read is one function and they share their filters' spelling.

create function private.execution_json(run public.sync_execution_history) returns jsonb
language sql stable set search_path = ''
return to_jsonb(run) - 'lease_expires_at' - 'duration' - 'success_weight' || jsonb_build_object(
  'duration_ms', round(extract(epoch from run.duration) * 1000), 'success_weight', run.success_weight);
comment on function private.execution_json(public.sync_execution_history) is 'A run as answers show it; duration in ms.';

create function public.list_executions(p jsonb) returns jsonb
language sql stable set search_path = ''
begin atomic
  select coalesce(jsonb_agg(private.execution_json(h) order by h.execution_start desc, h.id desc), '[]') from (
    select * from public.sync_execution_history h
    where (p ->> 'entity_type' is null or h.entity_type = p ->> 'entity_type')
      and (p ->> 'status' is null or h.status = p ->> 'status')
      and (p ->> 'trigger' is null or h.trigger = p ->> 'trigger')
      and (p ->> 'tournament_no' is null or h.tournament_no = p ->> 'tournament_no')
      and (p ->> 'from' is null or h.execution_start >= (p ->> 'from')::timestamptz)
      and (p ->> 'to' is null or h.execution_start < (p ->> 'to')::timestamptz)
      and (p ->> 'before_at' is null or (h.execution_start, h.id) < ((p ->> 'before_at')::timestamptz, (p ->> 'before_id')::uuid))
    order by h.execution_start desc, h.id desc
    limit (p ->> 'limit')::integer
  ) h;
end;
comment on function public.list_executions(jsonb) is
  'Runs, newest first, by {entity_type?, status?, trigger?, tournament_no?, from?, to?}, after the cursor {before_at, before_id}, at most {limit}.';

create function private.error_json(error public.sync_error_log) returns jsonb
language sql immutable set search_path = ''
return to_jsonb(error);
comment on function private.error_json(public.sync_error_log) is 'An error as answers show it; its context was redacted when it was written.';

create function public.get_execution(p jsonb) returns jsonb
language sql stable set search_path = ''
begin atomic
  select private.execution_json(h) || jsonb_build_object(
    'tournaments', (
      select coalesce(jsonb_agg(jsonb_build_object('tournament_no', r.tournament_no, 'name', t.name, 'success', r.success,
        'records_processed', r.records_processed, 'duration_ms', round(extract(epoch from r.processing_duration) * 1000),
        'error_type', r.error_type, 'error_message', r.error_message, 'retry_attempt', r.retry_attempt) order by r.success, r.created_at, r.tournament_no), '[]')
      from public.sync_tournament_results r left join public.tournaments t on t.no = r.tournament_no where r.sync_execution_id = h.id),
    'errors', (
      select coalesce(jsonb_agg(private.error_json(l) order by l.occurred_at, l.id), '[]') from (
        select * from public.sync_error_log l where l.sync_execution_id = h.id order by l.occurred_at, l.id limit 200) l),
    'job', (
      select jsonb_build_object('id', j.id, 'status', j.status, 'priority', j.priority, 'triggered_by', j.triggered_by, 'reason', j.reason, 'attempts', j.attempts)
      from public.sync_jobs j where j.id = h.sync_job_id),
    'incidents', (
      select coalesce(jsonb_agg(jsonb_build_object('id', i.id, 'rule_name', i.rule_name, 'severity', i.severity, 'state', i.state, 'opened_at', i.opened_at)
        order by i.opened_at, i.id), '[]')
      from public.alert_incidents i
      where i.opened_at >= h.execution_start and i.opened_at < coalesce(h.execution_end, now()) + interval '1 day' and i.evidence ->> 'execution_id' = h.id::text)
  )
  from public.sync_execution_history h where h.id = (p ->> 'id')::uuid;
end;
comment on function public.get_execution(jsonb) is 'Run {id} with its tournaments, its first 200 errors, its job and the incidents it is the evidence of; null when there is none.';

create function public.list_errors(p jsonb) returns jsonb
language sql stable set search_path = ''
begin atomic
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
  ) l;
end;
comment on function public.list_errors(jsonb) is
  'Errors, newest first, by {entity_type?, error_type?, severity?, tournament_no?, fingerprint?, is_resolved?, from?, to?}, after the cursor {before_at, before_id}, at most {limit}.';

create function public.get_error_analytics(p jsonb, as_of timestamptz default now()) returns jsonb
language sql stable set search_path = ''
begin atomic
  with frame as (
    select (p ->> 'step')::interval as step, date_bin((p ->> 'step')::interval, as_of, '2000-01-01 00:00:00+00') + (p ->> 'step')::interval as until,
      date_bin((p ->> 'step')::interval, as_of, '2000-01-01 00:00:00+00') + (p ->> 'step')::interval - (p ->> 'span')::interval as began
  ),
  error as materialized (
    select l.entity_type, l.error_type, l.error_code, l.error_severity, l.tournament_no, l.fingerprint, l.error_message, l.occurred_at, l.resolved_at
    from frame f join public.sync_error_log l on l.occurred_at >= f.began and l.occurred_at < f.until
    where p ->> 'entity_type' is null or l.entity_type = p ->> 'entity_type'
  ),
  fault as (
    select e.fingerprint, count(*) as errors, min(e.occurred_at) as first_seen, max(e.occurred_at) as last_seen,
      (array_agg(e.error_message order by e.occurred_at desc))[1] as message, (array_agg(e.error_code order by e.occurred_at desc))[1] as error_code,
      (array_agg(e.error_type order by e.occurred_at desc))[1] as error_type, (array_agg(e.error_severity order by e.occurred_at desc))[1] as severity,
      count(distinct e.tournament_no) as tournaments, count(*) filter (where e.resolved_at is null) as open_errors, max(e.resolved_at) as last_resolved
    from error e group by e.fingerprint order by count(*) desc, e.fingerprint limit 50
  )
  select jsonb_build_object(
    'from', f.began, 'until', f.until, 'total', (select count(*) from error), 'open', (select count(*) from error where resolved_at is null),
    'by_type', (select coalesce(jsonb_object_agg(k, n), '{}') from (select error_type as k, count(*) as n from error group by 1) g),
    'by_severity', (select coalesce(jsonb_object_agg(k, n), '{}') from (select error_severity as k, count(*) as n from error group by 1) g),
    'by_entity', (select coalesce(jsonb_object_agg(k, n), '{}') from (select entity_type as k, count(*) as n from error group by 1) g),
    'by_tournament', (
      select coalesce(jsonb_agg(jsonb_build_object('tournament_no', k, 'count', n) order by n desc, k), '[]')
      from (select tournament_no as k, count(*) as n from error where tournament_no is not null group by 1 order by 2 desc, 1 limit 20) g),
    'trend', (
      select jsonb_agg(jsonb_build_object('timestamp', b.at, 'count', coalesce(n.errors, 0)) order by b.at)
      from generate_series(f.began, f.until - f.step, f.step) b (at)
      left join (select date_bin(f.step, occurred_at, '2000-01-01 00:00:00+00') as at, count(*) as errors from error group by 1) n on n.at = b.at),
    'groups', (
      select coalesce(jsonb_agg(jsonb_build_object('fingerprint', g.fingerprint, 'count', g.errors, 'first_seen', g.first_seen, 'last_seen', g.last_seen,
        'message', g.message, 'error_code', g.error_code, 'error_type', g.error_type, 'severity', g.severity, 'tournaments', g.tournaments,
        'open', g.open_errors, 'is_regression', coalesce(g.last_seen > g.last_resolved, false)) order by g.errors desc, g.fingerprint), '[]')
      from fault g),
    'resolution_ms', (
      select jsonb_build_object('count', count(*), 'average', round(avg(ms)), 'p50', round(percentile_disc(0.5) within group (order by ms)),
        'p95', round(percentile_disc(0.95) within group (order by ms)))
      from (select extract(epoch from resolved_at - occurred_at) * 1000 as ms from error where resolved_at is not null) r)
  )
  from frame f;
end;
comment on function public.get_error_analytics(jsonb, timestamptz) is
  'Errors of {span} in buckets of {step}, for {entity_type?} or all: totals, trend, the fifty most frequent groups by fingerprint, and how long resolving took.';

create function public.resolve_errors(p jsonb, as_of timestamptz default now()) returns jsonb
language plpgsql set search_path = '' as $$
declare
  error public.sync_error_log;
  resolved integer;
begin
  select * into error from public.sync_error_log where id = (p ->> 'id')::uuid;
  if not found then
    raise sqlstate 'PT404' using message = format('there is no error %s', p ->> 'id'), detail = 'NOT_FOUND';
  end if;
  update public.sync_error_log set resolved_at = greatest(as_of, occurred_at), resolution_notes = p ->> 'note'
  where resolved_at is null and case when (p ->> 'group')::boolean then fingerprint = error.fingerprint else id = error.id end;
  get diagnostics resolved = row_count;
  perform private.audit(p -> 'actor', 'resolve-error', 'error', error.id::text, jsonb_build_object('fingerprint', error.fingerprint),
    jsonb_build_object('resolved', resolved, 'group', coalesce((p ->> 'group')::boolean, false)), p ->> 'note', as_of);
  return jsonb_build_object('resolved', resolved);
end
$$;
comment on function public.resolve_errors(jsonb, timestamptz) is 'Marks error {id}, or with {group} every open one of its fingerprint, as resolved, with {note?}; how many. PT404 NOT_FOUND.';
create index sync_error_log_open_fingerprint_idx on public.sync_error_log (fingerprint) where resolved_at is null;

create function private.tournament_json(tournament public.tournaments, as_of timestamptz) returns jsonb
language sql stable set search_path = ''
begin atomic
  with latest as (
    select r.* from public.sync_tournament_results r
    where r.tournament_no = tournament.no and r.entity_type = 'matches_schedule' and r.created_at <= as_of order by r.created_at desc limit 50
  ),
  numbered as (
    select l.*, count(*) filter (where l.success) over (order by l.created_at desc) as successes_since from latest l
  ),
  figures as (
    select count(*) as results, avg(success::integer) as success_rate, count(*) filter (where successes_since = 0) as failing_streak,
      max(created_at) filter (where success) as last_success, max(created_at) as last_result,
      (array_agg(error_message order by created_at desc) filter (where not success))[1] as last_error,
      (array_agg(error_type order by created_at desc) filter (where not success))[1] as last_error_type
    from numbered
  )
  select jsonb_build_object('no', tournament.no, 'name', tournament.name, 'season', tournament.season, 'status', tournament.status,
    'start_date', tournament.start_date, 'end_date', tournament.end_date, 'is_vanished', tournament.vanished_at is not null,
    'synced_at', s.synced_at, 'age_ms', extract(epoch from as_of - s.synced_at) * 1000, 'ttl_ms', extract(epoch from s.ttl) * 1000,
    'ttl_left_ms', extract(epoch from s.synced_at + s.ttl - as_of) * 1000, 'match_count', s.match_count, 'live_count', s.live_count,
    'results', f.results, 'success_rate', round(f.success_rate, 6), 'failing_streak', f.failing_streak, 'last_success', f.last_success,
    'last_result', f.last_result, 'last_error', f.last_error, 'last_error_type', f.last_error_type)
  from figures f left join public.tournament_sync_state s on s.tournament_no = tournament.no;
end;
comment on function private.tournament_json(public.tournaments, timestamptz) is
  'A tournament''s state: how fresh its matches are, its last fifty results, its failing streak and last error.';

create function public.list_tournament_states(p jsonb, as_of timestamptz default now()) returns jsonb
language sql stable set search_path = ''
begin atomic
  -- Those with a result or a state come first by trouble; the page is cut before the figures of each are gathered.
  with page as (
    select t.no, coalesce(l.is_failing, false) as is_failing, s.synced_at
    from public.tournaments t
    left join public.tournament_sync_state s on s.tournament_no = t.no
    left join lateral (
      select not r.success as is_failing from public.sync_tournament_results r
      where r.tournament_no = t.no and r.entity_type = 'matches_schedule' and r.created_at <= as_of order by r.created_at desc limit 1
    ) l on true
    where (p ->> 'search' is null or t.name ilike '%' || (p ->> 'search') || '%' or t.no = p ->> 'search')
      and (p ->> 'season' is null or t.season = p ->> 'season')
      and (coalesce((p ->> 'failing')::boolean, false) is false or l.is_failing)
      and (p ->> 'season' is not null or p ->> 'search' is not null or s.synced_at is not null or l.is_failing is not null)
    order by 2 desc, s.synced_at desc nulls last, t.no
    offset coalesce((p ->> 'offset')::integer, 0) limit (p ->> 'limit')::integer
  )
  select coalesce(jsonb_agg(private.tournament_json(t, as_of) order by g.is_failing desc, g.synced_at desc nulls last, g.no), '[]')
  from page g join public.tournaments t on t.no = g.no;
end;
comment on function public.list_tournament_states(jsonb, timestamptz) is
  'Tournaments that are synced, or found by {search?, season?}, those in trouble first, {failing?} alone, from {offset} on, at most {limit}.';

create function public.get_tournament_state(p jsonb, as_of timestamptz default now()) returns jsonb
language sql stable set search_path = ''
begin atomic
  select private.tournament_json(t, as_of) || jsonb_build_object('history', (
    select coalesce(jsonb_agg(jsonb_build_object('execution_id', r.sync_execution_id, 'entity_type', r.entity_type, 'at', r.created_at, 'success', r.success,
      'records_processed', r.records_processed, 'duration_ms', round(extract(epoch from r.processing_duration) * 1000), 'error_type', r.error_type,
      'error_message', r.error_message, 'retry_attempt', r.retry_attempt) order by r.created_at desc), '[]')
    from (select * from public.sync_tournament_results r where r.tournament_no = t.no and r.created_at <= as_of order by r.created_at desc limit 100) r
  ))
  from public.tournaments t where t.no = p ->> 'no';
end;
comment on function public.get_tournament_state(jsonb, timestamptz) is 'Tournament {no} with its last hundred results; null when there is none.';

create function private.schedule_chain(as_of timestamptz) returns jsonb
language sql stable security definer set search_path = ''
begin atomic
  select coalesce(jsonb_agg(jsonb_build_object(
    'entity_type', s.entity_type, 'is_paused', s.paused_at is not null, 'schedule', j.schedule, 'is_scheduled', j.jobid is not null and j.active,
    'tick', (select jsonb_build_object('at', d.start_time, 'status', d.status, 'message', d.return_message)
      from cron.job_run_details d where d.jobid = j.jobid and d.start_time <= as_of order by d.start_time desc limit 1),
    'call', (select jsonb_build_object('id', c.id, 'at', c.called_at, 'outcome', c.outcome, 'status_code', n.status_code, 'error', n.error_msg,
        'is_answered', n.id is not null, 'is_timed_out', n.timed_out)
      from private.call_log c left join net._http_response n on n.id = c.net_request_id
      where c.path = s.function_name and c.called_at <= as_of order by c.called_at desc limit 1),
    'run', (select jsonb_build_object('id', h.id, 'status', h.status, 'at', h.execution_start, 'correlation_id', h.correlation_id)
      from public.sync_execution_history h where h.entity_type = s.entity_type and h.execution_start <= as_of
      order by h.execution_start desc limit 1)
  ) order by s.entity_type), '[]')
  from public.sync_status s left join cron.job j on j.jobname = 'sync-' || s.entity_type
  where s.is_active;
end;
comment on function private.schedule_chain(timestamptz) is
  'For each active entity its last tick, the call that went out, what came back and the last run. Definer: cron and net belong to the owner.';

create function public.get_system_facts(as_of timestamptz default now()) returns jsonb
language sql stable set search_path = ''
return jsonb_build_object(
  'as_of', as_of,
  'schema_version', public.schema_version(),
  'database', jsonb_build_object('size_bytes', pg_catalog.pg_database_size(pg_catalog.current_database()),
    'connections', (select count(*) from pg_catalog.pg_stat_activity where datname = pg_catalog.current_database())),
  'scheduler', private.check_scheduler(as_of),
  'schedules', private.schedule_chain(as_of),
  'alert_processor', (
    select jsonb_build_object('last_evaluation', max(e.evaluated_at), 'watched_since', (array_agg(e.watched_since order by e.id desc))[1])
    from (select * from public.alert_evaluations where evaluated_at <= as_of order by evaluated_at desc, id desc limit 1) e),
  'channels', (
    select coalesce(jsonb_agg(jsonb_build_object('name', c.name, 'kind', c.kind, 'is_active', c.is_active,
      'dead_24h', (select count(*) from public.alert_notifications n where n.channel = c.name and n.status = 'DEAD' and n.created_at > as_of - interval '1 day'),
      'waiting', (select count(*) from public.alert_notifications n where n.channel = c.name and n.status in ('PENDING', 'SENDING')),
      'last_error', (select n.last_error from public.alert_notifications n where n.channel = c.name and n.last_error is not null and n.created_at > as_of - interval '1 day'
        order by n.created_at desc limit 1),
      'last_sent', (select max(n.sent_at) from public.alert_notifications n where n.channel = c.name)) order by c.name), '[]')
    from public.notification_channels c),
  'upstream', (
    select jsonb_build_object('blocked_until', case when u.blocked_until > as_of then u.blocked_until end, 'reason', u.blocked_reason,
      'usual_response_ms', u.baseline_response_ms, 'in_flight_limit', u.in_flight_limit)
    from public.upstream_state u where u.upstream = 'vis'),
  'queue', public.get_queue_status(as_of),
  'audit', (select jsonb_build_object('rows_unsealed', count(*)) from public.audit_log a where a.id > coalesce((select max(s.audit_id) from public.audit_seals s), 0))
);
comment on function public.get_system_facts(timestamptz) is 'What is known of each part, for system-status to judge.';

create function public.get_metrics_facts(as_of timestamptz default now()) returns jsonb
language sql stable set search_path = ''
begin atomic
  select jsonb_build_object('as_of', as_of,
    'success_rates', (
      select coalesce(jsonb_object_agg(entity_type, rate), '{}') from (
        select h.entity_type, round(avg(h.success_weight), 6) as rate from public.sync_execution_history h
        where h.execution_start > as_of - interval '24 hours' and h.execution_start <= as_of and h.tournament_no is null group by 1) r),
    'totals', (
      select jsonb_build_object('runs', count(h.success_weight), 'success_rate', round(avg(h.success_weight), 6),
        'average_duration_ms', round(avg(extract(epoch from h.duration) * 1000) filter (where h.success_weight is not null), 1),
        'peak_memory_mb', max(h.memory_usage_mb), 'cache_hits', coalesce(sum(h.cache_hits), 0), 'cache_misses', coalesce(sum(h.cache_misses), 0),
        'api_calls', coalesce(sum(h.api_calls), 0), 'api_errors', coalesce(sum(h.api_errors), 0), 'api_response_ms', coalesce(sum(h.api_response_ms_total), 0))
      from public.sync_execution_history h
      where h.execution_start > as_of - interval '24 hours' and h.execution_start <= as_of and h.tournament_no is null),
    'errors_by_type', (
      select coalesce(jsonb_object_agg(error_type, n), '{}') from (
        select error_type, count(*) as n from public.sync_error_log where occurred_at > as_of - interval '24 hours' and occurred_at <= as_of group by 1) e),
    'critical_errors', (
      select count(*) from public.sync_error_log where occurred_at > as_of - interval '24 hours' and occurred_at <= as_of and error_severity = 'CRITICAL'),
    'consecutive_failures', (select coalesce(max(consecutive_failures), 0) from public.sync_status where is_active),
    'overdue', (select count(*) from public.sync_status s where s.is_active and s.paused_at is null and private.overdue_since(s, as_of) is not null),
    'entities', (select count(*) from public.sync_status s where s.is_active and s.paused_at is null),
    'active_alerts', (select count(*) from public.alert_incidents where state in ('FIRING', 'ACKNOWLEDGED')),
    'escalations', (select count(*) from public.alert_incidents where escalated_at > as_of - interval '24 hours'),
    'mean_resolution_ms', (
      select round(avg(extract(epoch from resolved_at - began_at) * 1000)) from public.alert_incidents
      where resolved_at > as_of - interval '30 days' and fired_at is not null)
  );
end;
comment on function public.get_metrics_facts(timestamptz) is 'The figures of the last 24 hours behind metrics; over full runs, errors over every run.';

revoke execute on function private.execution_json(public.sync_execution_history), public.list_executions(jsonb), private.error_json(public.sync_error_log),
  public.get_execution(jsonb), public.list_errors(jsonb), public.get_error_analytics(jsonb, timestamptz), public.resolve_errors(jsonb, timestamptz),
  private.tournament_json(public.tournaments, timestamptz), public.list_tournament_states(jsonb, timestamptz), public.get_tournament_state(jsonb, timestamptz),
  private.schedule_chain(timestamptz), public.get_system_facts(timestamptz), public.get_metrics_facts(timestamptz)
from public, anon, authenticated;
grant execute on function private.execution_json(public.sync_execution_history), public.list_executions(jsonb), private.error_json(public.sync_error_log),
  public.get_execution(jsonb), public.list_errors(jsonb), public.get_error_analytics(jsonb, timestamptz), public.resolve_errors(jsonb, timestamptz),
  private.tournament_json(public.tournaments, timestamptz), public.list_tournament_states(jsonb, timestamptz), public.get_tournament_state(jsonb, timestamptz),
  private.schedule_chain(timestamptz), public.get_system_facts(timestamptz), public.get_metrics_facts(timestamptz)
to service_role;
