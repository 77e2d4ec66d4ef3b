-- The queue of manual syncs: settings, jobs, attempts, and one audit row for each trigger.

create table public.sync_queue_settings (
  id boolean primary key default true,
  slots integer not null default 4,
  emergency_slots integer not null default 1,
  slots_per_entity integer not null default 2,
  max_attempts integer not null default 3,
  high_after interval not null default '10 minutes',
  normal_after interval not null default '30 minutes',
  triggers_per_minute integer not null default 10,
  constraint sync_queue_settings_is_one_row check (id),
  constraint sync_queue_settings_slots_are_positive check (slots > emergency_slots and emergency_slots >= 0 and slots_per_entity > 0),
  constraint sync_queue_settings_limits_are_positive check (max_attempts > 0 and triggers_per_minute > 0),
  constraint sync_queue_settings_delays_are_ordered check (high_after >= interval '0' and normal_after >= high_after)
);
comment on table public.sync_queue_settings is 'The limits of the queue, in one row.';
comment on column public.sync_queue_settings.slots is
  'The number of jobs that may run at once; emergency_slots of them are for EMERGENCY jobs only.';
comment on column public.sync_queue_settings.slots_per_entity is
  'The number of slots of one entity; EMERGENCY jobs may exceed it by emergency_slots.';
comment on column public.sync_queue_settings.normal_after is
  'The delay from the start time of a NORMAL job to its rank. No job that is enqueued after its rank overtakes it, so its wait is bounded.';
select private.secure_table('public.sync_queue_settings');

insert into public.sync_queue_settings default values;

create table public.sync_jobs (
  id uuid primary key default gen_random_uuid(),
  entity_type varchar not null references public.sync_status (entity_type) on update cascade on delete restrict,
  tournament_no varchar,
  tournament_nos jsonb,
  target varchar not null generated always as (case when tournament_nos is not null then '*' else coalesce(tournament_no, '') end) stored,
  priority varchar not null,
  status varchar not null default 'QUEUED',
  triggered_by varchar not null,
  reason text not null,
  retried_from uuid references public.sync_jobs (id) on delete set null,
  attempts integer not null default 0,
  max_attempts integer not null,
  enqueued_at timestamptz not null,
  rank timestamptz not null,
  not_before timestamptz not null,
  expires_at timestamptz,
  confirm_removal boolean not null default false,
  token uuid,
  claimed_at timestamptz,
  lease_expires_at timestamptz,
  execution_id uuid,
  cancel_requested_at timestamptz,
  cancelled_by varchar,
  started_at timestamptz,
  finished_at timestamptz,
  final_status varchar,
  records_processed integer,
  last_error text,
  constraint sync_jobs_status_is_known check (status in ('QUEUED', 'RUNNING', 'COMPLETED', 'FAILED', 'CANCELLED')),
  constraint sync_jobs_priority_is_known check (priority in ('NORMAL', 'HIGH', 'EMERGENCY')),
  constraint sync_jobs_finished_iff_terminal check ((status in ('COMPLETED', 'FAILED', 'CANCELLED')) = (finished_at is not null)),
  constraint sync_jobs_token_iff_running check ((status = 'RUNNING') = (token is not null)),
  constraint sync_jobs_running_is_claimed check (status <> 'RUNNING' or claimed_at is not null),
  constraint sync_jobs_running_has_a_lease_or_a_run check (status <> 'RUNNING' or lease_expires_at is not null or execution_id is not null),
  constraint sync_jobs_attempts_are_within_limit check (attempts between 0 and max_attempts),
  constraint sync_jobs_cancelled_is_never_completed check (status <> 'COMPLETED' or cancel_requested_at is null),
  constraint sync_jobs_target_is_one check (num_nonnulls(tournament_no, tournament_nos) <= 1),
  constraint sync_jobs_tournaments_are_a_list check (jsonb_typeof(tournament_nos) = 'array' and jsonb_array_length(tournament_nos) > 0)
) with (fillfactor = 70);
comment on table public.sync_jobs is 'A request for a full run, or for a run of one or several tournaments.';
comment on column public.sync_jobs.target is 'Empty for a full run, the tournament number, or * for several tournaments.';
comment on column public.sync_jobs.rank is
  'The order in which jobs start: the time from which a job may start, plus the delay of its priority.';
comment on column public.sync_jobs.confirm_removal is
  'Whether an operator confirmed the reply of the job, so that the run holds none of it back for a second look.';
comment on column public.sync_jobs.token is 'The fencing token of the current attempt; the database refuses a worker with another token.';
comment on column public.sync_jobs.claimed_at is
  'The time at which the current attempt, or the attempt that completed the job, was claimed.';
comment on column public.sync_jobs.lease_expires_at is
  'The time before which an attempt must start its run; after the start, the lease of the run applies.';
create index sync_jobs_waiting_idx on public.sync_jobs (rank, id) where status = 'QUEUED';
create index sync_jobs_retried_idx on public.sync_jobs (retried_from) where retried_from is not null;
create unique index sync_jobs_one_running_per_target on public.sync_jobs (entity_type, target) where status = 'RUNNING';
create index sync_jobs_time_idx on public.sync_jobs (enqueued_at, id);
select private.secure_table('public.sync_jobs');
-- The REST API must not return the tokens.
revoke select on public.sync_jobs from authenticated;
grant select (id, entity_type, tournament_no, tournament_nos, target, priority, status, triggered_by, reason, retried_from, attempts,
  max_attempts, enqueued_at, rank, not_before, expires_at, confirm_removal, claimed_at, lease_expires_at, execution_id,
  cancel_requested_at, cancelled_by, started_at, finished_at, final_status, records_processed, last_error)
  on public.sync_jobs to authenticated;

create table public.sync_job_attempts (
  job_id uuid not null references public.sync_jobs (id) on delete cascade,
  claimed_at timestamptz not null,
  token uuid not null,
  execution_id uuid,
  ended_at timestamptz not null,
  outcome varchar not null,
  error text,
  primary key (job_id, claimed_at, token),
  constraint sync_job_attempts_outcome_is_known check (outcome in ('COMPLETED', 'FAILED', 'CANCELLED', 'EXPIRED', 'WAITED'))
);
comment on table public.sync_job_attempts is
  'The attempts that ended without completing the job; sync_jobs holds the current and the completing attempt. '
  'A WAITED attempt started no run and does not count. An EXPIRED attempt did not start its run within its lease.';
select private.secure_table('public.sync_job_attempts');
revoke select on public.sync_job_attempts from authenticated;
grant select (job_id, claimed_at, execution_id, ended_at, outcome, error) on public.sync_job_attempts to authenticated;

create table public.manual_sync_audit (
  id uuid primary key default gen_random_uuid(),
  sync_job_id uuid not null,
  entity_type varchar not null,
  tournament_no varchar,
  priority varchar not null,
  triggered_by varchar not null,
  trigger_reason text not null,
  trigger_timestamp timestamptz not null default now(),
  completion_timestamp timestamptz,
  final_status varchar,
  records_processed integer,
  error_details jsonb,
  idempotency_key varchar,
  request_hash varchar,
  actor varchar,
  constraint manual_sync_audit_priority_is_known check (priority in ('NORMAL', 'HIGH', 'EMERGENCY')),
  constraint manual_sync_audit_finished_iff_terminal check ((completion_timestamp is null) = (final_status is null))
) with (fillfactor = 80);
comment on table public.manual_sync_audit is 'One row for each manual trigger: the person, the target, the reason and the result.';
comment on column public.manual_sync_audit.triggered_by is
  'The person who asked for the sync; actor is the caller, which can be a service.';
create index manual_sync_audit_job_idx on public.manual_sync_audit (sync_job_id);
create index manual_sync_audit_actor_idx on public.manual_sync_audit (actor, trigger_timestamp);
select private.secure_table('public.manual_sync_audit');
-- Only retention, which runs as the owner, deletes rows.
revoke delete, truncate on public.manual_sync_audit from service_role;
-- The contract fixes the name of this policy.
alter policy "Allow service monitoring access" on public.manual_sync_audit rename to "Allow admin manual sync";
