export type Row = Record<string, unknown>;
export type Table = keyof typeof VALID_ROWS;
/** For each check of a table: changes of its valid row, each of which breaks this check and no other. */
export type InvalidRows = { [T in Table]?: Record<string, Row[]> };
/** For each unique index of a table: pairs of changes that make two valid rows, of which the index refuses the second. */
export type DuplicateRows = { [T in Table]?: Record<string, [Row, Row][]> };

const id = (last: number): string => `00000000-0000-4000-8000-00000000000${last}`;
const RUN = id(1), JOB = id(2), RULE = id(3), NOTIFICATION = id(4), TOKEN = id(5), INCIDENT = id(6), OBJECTIVE = id(7);
const TOURNAMENT = "70001";
const EARLY = "2026-06-10T09:00:00Z", LATE = "2026-06-10T10:00:00Z";

/** A valid row of each table with a check. A column with a default is set only where a case needs its value. */
export const VALID_ROWS = {
  tournaments: { no: "70002", name: "Example", start_date: "2026-06-09", end_date: "2026-06-12" },
  matches: { no: "600001", tournament_no: TOURNAMENT },
  sync_status: {
    entity_type: "example",
    title: "Example",
    function_name: "example-sync",
    sync_frequency: "1 day",
    grace: "15 minutes",
    max_runtime: "5 minutes",
  },
  entity_pauses: { entity_type: "tournaments", paused_at: EARLY },
  tournament_sync_state: { tournament_no: TOURNAMENT },
  request_states: { request: "season 2026", entity_type: "tournaments" },
  upstream_state: { upstream: "example", in_flight_limit: 4 },
  upstream_slots: { upstream: "vis", slot: 6 },
  sync_execution_history: {
    entity_type: "tournaments",
    status: "SUCCEEDED",
    trigger: "CRON",
    execution_start: EARLY,
    execution_end: LATE,
    tournaments_processed: 1,
  },
  sync_tournament_results: { sync_execution_id: RUN, tournament_no: TOURNAMENT, entity_type: "matches_schedule", success: true },
  sync_error_log: {
    entity_type: "tournaments",
    error_type: "API",
    error_code: "VIS_UNAVAILABLE",
    error_severity: "LOW",
    retryable: true,
    error_message: "example",
    fingerprint: "example",
    occurred_at: LATE,
  },
  sync_metrics: { entity_type: "tournaments", resolution: "1 day", bucket: "2026-06-10T00:00:00Z" },
  sync_objectives: { name: "Example", entity_type: "all", indicator: "sync_success", target: 0.99 },
  sync_indicators: { indicator: "sync_success", entity_type: "tournaments", bucket: EARLY, events: 2, bad_events: 1, causes: {} },
  "private.indicator_rollup": { id: true },
  "private.call_log": { path: "tournament-master-sync", body: {}, outcome: "SENT" },
  retention_settings: { subject: "example", keep: "1 day" },
  limit_settings: { subject: "example", maximum: 1 },
  sync_queue_settings: { id: true },
  sync_jobs: {
    entity_type: "tournaments",
    priority: "NORMAL",
    triggered_by: "operator@example.com",
    reason: "example",
    max_attempts: 3,
    enqueued_at: EARLY,
    rank: EARLY,
    not_before: EARLY,
  },
  sync_job_attempts: { job_id: JOB, claimed_at: EARLY, token: TOKEN, ended_at: LATE, outcome: "FAILED" },
  manual_sync_audit: {
    sync_job_id: JOB,
    entity_type: "tournaments",
    priority: "NORMAL",
    triggered_by: "operator@example.com",
    trigger_reason: "example",
  },
  alert_rules: {
    name: "Example",
    entity_type: "tournaments",
    metric: "consecutive_failures",
    threshold: 3,
    evaluation_window: "1 hour",
    severity: "HIGH",
  },
  alert_rule_versions: { rule_id: RULE, valid_from: EARLY, rule: {}, changed_by: "admin@example.com" },
  alert_coverage: { incident_id: INCIDENT, entity_type: "tournaments", first_run_at: EARLY, last_run_at: LATE },
  alert_incidents: {
    rule_id: RULE,
    rule_name: "Example",
    metric: "consecutive_failures",
    entity_type: "tournaments",
    state: "FIRING",
    severity: "HIGH",
    threshold: 3,
    message: "example",
    opened_at: EARLY,
    fired_at: EARLY,
    began_at: EARLY,
    updated_at: EARLY,
  },
  alert_silences: { entity_type: "tournaments", starts_at: EARLY, ends_at: LATE, created_by: "operator@example.com", reason: "example" },
  notification_channels: { name: "example", kind: "dashboard" },
  notification_destinations: { channel: "dashboard" },
  alert_notifications: { channel: "dashboard", incident_id: INCIDENT, group_key: "Example/tournaments", item: {}, created_at: EARLY },
  alert_deliveries: { notification_id: NOTIFICATION, attempt: 1, at: LATE, outcome: "SENT", duration_ms: 5 },
  weekly_reports: { week: "2026-06-01", facts: {}, created_at: "2026-06-08T07:00:00Z" },
  // The first destination has the id 1.
  weekly_report_deliveries: { week: "2026-05-25", destination_id: 1 },
  "private.watchdog": { id: true },
  audit_log: {
    at: EARLY,
    actor: "admin@example.com",
    actor_role: "admin",
    action: "edit-rule",
    object_type: "alert_rule",
    object_id: RULE,
    before: {},
    after: {},
  },
  audit_seals: {
    audit_id: 2,
    previous_id: 1,
    previous_mac: "0".repeat(64),
    digest: "0".repeat(64),
    verdict: "VOUCHED",
    sealed_at: LATE,
    mac: "0".repeat(64),
  },
  "private.digest_key": { id: true },
  "private.people_claim": { id: true },
  "private.connectivity_test": { id: true },
} satisfies Record<string, Row>;

/** The rows that valid rows refer to, as changes of the valid row of their table. */
export const REFERENCED_ROWS: [Table, Row][] = [
  ["tournaments", { no: TOURNAMENT }],
  ["sync_execution_history", { id: RUN }],
  ["sync_jobs", { id: JOB }],
  ["sync_objectives", { id: OBJECTIVE, name: "Referenced" }],
  ["alert_rules", { id: RULE, name: "Referenced" }],
  ["alert_incidents", { id: INCIDENT, rule_id: null, state: "RESOLVED", resolved_at: LATE }],
  ["alert_notifications", { id: NOTIFICATION }],
  ["notification_destinations", { recipient: "reader@example.com" }],
  ["weekly_reports", { week: "2026-05-25" }],
];

/** What a valid row changes in its other states. */
export const STATES = {
  tournament_sync_state: {
    leased: { lease_holder: TOKEN, lease_expires_at: LATE },
    synced: { synced_at: EARLY, ttl: "15 minutes" },
    failing: { failing_streak: 1, last_error_type: "API" },
  },
  request_states: { held: { held_at: EARLY, look_at: LATE, warning: "REPLY_SHRANK", digest: {} } },
  upstream_state: { backoff: { backoff_until: LATE, backoff_reason: "example", backoff_fingerprint: "example" } },
  upstream_slots: { leased: { token: TOKEN, expires_at: LATE } },
  sync_status: {
    paused: { paused_at: EARLY, paused_by: "admin@example.com" },
    unavailable: { is_active: false, function_name: null },
    dispatched: { dispatched_due_at: EARLY, dispatched_at: EARLY, dispatch_attempt: 1 },
  },
  entity_pauses: { over: { resumed_at: LATE } },
  sync_execution_history: {
    running: { status: "RUNNING", execution_end: null, heartbeat_at: EARLY, lease_expires_at: LATE, deadline: LATE },
    scheduled: { trigger: "CRON", due_at: EARLY, attempt: 1 },
    cut: { status: "PARTIAL", was_cut: true },
  },
  sync_tournament_results: { failed: { success: false, error_type: "API" } },
  sync_error_log: { resolved: { resolved_at: LATE } },
  sync_jobs: {
    running: { status: "RUNNING", token: TOKEN, claimed_at: EARLY, lease_expires_at: LATE },
    started: { status: "RUNNING", token: TOKEN, claimed_at: EARLY, execution_id: RUN },
    completed: { status: "COMPLETED", finished_at: LATE },
    cancelled: { status: "CANCELLED", cancel_requested_at: EARLY, finished_at: LATE },
    one_tournament: { tournament_no: TOURNAMENT },
    several_tournaments: { tournament_nos: [TOURNAMENT] },
  },
  manual_sync_audit: { finished: { completion_timestamp: LATE, final_status: "SUCCEEDED" } },
  alert_rules: {
    of_error_type: { metric: "error_rate", error_type: "API" },
    of_system: { metric: "queue_age", entity_type: "system" },
    of_tournament: { scope: "TOURNAMENT" },
    of_objective: { metric: "burn_rate", objective_id: OBJECTIVE },
    broken: { broken_since: EARLY, broken_reason: "example" },
  },
  alert_rule_versions: { ended: { valid_until: LATE } },
  alert_incidents: {
    pending: { state: "PENDING", fired_at: null },
    acknowledged: { state: "ACKNOWLEDGED", acknowledged_by: "operator@example.com" },
    resolved: { state: "RESOLVED", resolved_at: LATE },
  },
  alert_silences: { recurring: { recurs_every: "1 day", lasts: "1 hour" }, of_incident: { entity_type: null, incident_id: INCIDENT } },
  notification_channels: {
    email: { kind: "email", config: { to: ["operator@example.com"] } },
    slack: { kind: "slack", secret: "https://slack.example/hook" },
    webhook: { kind: "webhook", config: { url: "https://example.com" }, secret: "example" },
    in_vault: { kind: "webhook", vault_id: RUN, previous_secret_until: LATE },
  },
  notification_destinations: {
    recipient: { recipient: "operator@example.com" },
    failing: { failures: 1, retry_at: LATE },
  },
  alert_notifications: {
    sending: { status: "SENDING", token: TOKEN, lease_expires_at: LATE },
    sent: { status: "SENT", sent_at: LATE },
    dead: { status: "DEAD" },
    discarded: { status: "DEAD", discarded_by: "operator@example.com" },
    superseded: { status: "SUPERSEDED" },
  },
  weekly_report_deliveries: {
    sending: { status: "SENDING", token: TOKEN, lease_expires_at: LATE },
    sent: { status: "SENT", sent_at: LATE },
    lost: { status: "DEAD", is_perhaps_received: true },
  },
  audit_log: { created: { before: null }, deleted: { after: null }, vouched: { voucher: "0".repeat(64) } },
  audit_seals: { first: { previous_id: null, previous_mac: "" } },
} satisfies { [T in Table]?: Record<string, Row> };
