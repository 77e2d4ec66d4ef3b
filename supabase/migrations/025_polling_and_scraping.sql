-- For whoever asks again and again: an answer that says "the same" without being made, and the figures of a scrape.

create function public.get_prometheus_facts(as_of timestamptz default now()) returns jsonb
language sql stable set search_path = ''
return jsonb_build_object(
  'entities', (
    select coalesce(jsonb_agg(coalesce(to_jsonb(t), '{}') || jsonb_build_object('entity_type', s.entity_type, 'consecutive_failures', s.consecutive_failures,
      'is_paused', s.paused_at is not null, 'last_success_s', extract(epoch from s.last_sync), 'last_memory_mb', s.last_memory_usage,
      'overdue_s', coalesce(extract(epoch from as_of - private.overdue_since(s, as_of)), 0),
      'running', (select count(*) from public.sync_execution_history h where h.status = 'RUNNING' and h.entity_type = s.entity_type)) order by s.entity_type), '[]')
    from public.sync_status s left join public.sync_totals t on t.entity_type = s.entity_type where s.is_active),
  'incidents', (
    select coalesce(jsonb_agg(jsonb_build_object('severity', severity, 'state', state, 'count', n)), '[]')
    from (select severity, state, count(*) as n from public.alert_incidents where state in ('FIRING', 'ACKNOWLEDGED') group by 1, 2) i),
  'evaluated_s', (select extract(epoch from max(evaluated_at)) from public.alert_evaluations),
  'dead_notifications', (select count(*) from public.alert_notifications where status = 'DEAD' and created_at > as_of - interval '1 day'),
  'upstream_blocked', (select coalesce(max((u.blocked_until > as_of)::integer), 0) from public.upstream_state u),
  'queue', public.get_queue_status(as_of)
);
comment on function public.get_prometheus_facts(timestamptz) is 'Counters since the beginning and gauges of now, for a scrape.';

create function private.data_version() returns text
language sql stable set search_path = ''
return concat_ws('.',
  (select max(s.updated_at) from public.sync_status s),
  (select max(h.heartbeat_at) from public.sync_execution_history h where h.status = 'RUNNING'),
  (select max(e.id) from public.alert_events e),
  (select max(d.id) from public.alert_deliveries d),
  (select max(a.id) from public.audit_log a)
);
comment on function private.data_version() is 'Changes with every run''s heartbeat and end, every step of an incident, every delivery and every act of a person.';

create function public.read_monitoring(p jsonb, as_of timestamptz default now()) returns jsonb
language plpgsql stable set search_path = '' as $$
declare
  fn constant text := p ->> 'fn';
  args constant jsonb := p -> 'p';
  -- Health ages by itself: an answer is good for five seconds at most.
  etag constant text := format('W/"%s"', md5(concat_ws('|', private.data_version(), floor(extract(epoch from as_of) / 5), fn, args)));
begin
  if p ->> 'known' = etag then
    return jsonb_build_object('etag', etag, 'is_same', true);
  end if;
  return jsonb_build_object('etag', etag, 'is_same', false, 'body', case fn
    when 'get_health_overview' then public.get_health_overview(as_of)
    when 'get_performance_history' then public.get_performance_history(args, as_of)
    when 'get_sync_statistics' then public.get_sync_statistics(args, as_of)
    when 'get_error_analytics' then public.get_error_analytics(args, as_of)
    when 'list_errors' then public.list_errors(args)
    when 'list_executions' then public.list_executions(args)
    when 'get_execution' then public.get_execution(args)
    when 'list_tournament_states' then public.list_tournament_states(args, as_of)
    when 'get_tournament_state' then public.get_tournament_state(args, as_of)
    when 'list_alert_incidents' then public.list_alert_incidents(args)
    when 'get_alert_incident' then public.get_alert_incident(args)
    when 'get_metrics_facts' then public.get_metrics_facts(as_of)
    when 'get_system_facts' then public.get_system_facts(as_of)
  end);
end
$$;
comment on function public.read_monitoring(jsonb, timestamptz) is
  'The read {fn} with {p} and its ETag; without the body when {known} is that tag, so that nothing big is read for it.';

create or replace function public.schema_version() returns integer
language sql immutable set search_path = ''
return 25;

revoke execute on function public.get_prometheus_facts(timestamptz),
  private.data_version(), public.read_monitoring(jsonb, timestamptz) from public, anon, authenticated;
grant execute on function public.get_prometheus_facts(timestamptz),
  private.data_version(), public.read_monitoring(jsonb, timestamptz) to service_role;
