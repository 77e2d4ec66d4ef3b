import { type DuplicateRows, type InvalidRows, STATES } from "../../../testing/rows.ts";

const rule = STATES.alert_rules;
const { pending, acknowledged, resolved } = STATES.alert_incidents;
const { recurring } = STATES.alert_silences;
const { email, slack, webhook, teams, discord, telegram, ntfy, pagerduty, alertmanager, with_headers } = STATES.notification_channels;
const { sending, sent, dead, discarded, superseded } = STATES.alert_notifications;
const { failing } = STATES.notification_destinations;
const report = STATES.weekly_report_deliveries;
const canary = STATES.channel_canaries;
const { resolved_at } = resolved;
const { sent_at } = sent;
const { discarded_by } = discarded;
const { lease_expires_at, token } = sending;
const ID = "00000000-0000-4000-8000-000000000009";
const SYSTEM_METRICS = ["undelivered_age", "processor_late", "queue_age", "broken_rules", "canary", "canary_failed"];

const invalidRows: InvalidRows = {
  alert_rules: {
    alert_rules_severity_is_known: [{ severity: "FATAL" }],
    alert_rules_window_is_within_limits: [{ evaluation_window: "59 seconds" }, { evaluation_window: "31 days 1 second" }],
    alert_rules_channels_are_a_list: [{ notification_channels: {} }],
    alert_rules_channels_are_not_empty: [{ notification_channels: [] }],
    alert_rules_threshold_is_within_its_metric: [{ threshold: 0 }, { threshold: 101 }, { metric: "success_rate", threshold: 1.01 }],
    alert_rules_recovery_is_within_its_metric: [
      { recovery_threshold: 0 },
      { metric: "success_rate", threshold: 0.9, recovery_threshold: 1.01 },
    ],
    alert_rules_recovery_is_not_beyond_the_threshold: [
      { recovery_threshold: 4 },
      ...["success_rate", "cache_hit_ratio"].map((metric) => ({ metric, threshold: 0.9, recovery_threshold: 0.8 })),
    ],
    alert_rules_minimum_runs_is_not_negative: [{ minimum_runs: -1 }],
    alert_rules_for_is_within_limits: [{ for_duration: "-1 seconds" }, { for_duration: "8 days" }],
    alert_rules_escalation_is_within_limits: [{ escalation_delay: "0" }, { escalation_delay: "8 days" }],
    alert_rules_repeat_is_within_limits: [{ repeat_interval: "0" }, { repeat_interval: "32 days" }],
    alert_rules_no_data_is_known: [{ no_data: "IGNORE" }],
    alert_rules_error_type_is_known: [{ ...rule.of_error_type, error_type: "OTHER" }],
    alert_rules_error_type_has_its_metric: [{ error_type: "API" }],
    alert_rules_metric_is_known: [{ metric: "temperature" }],
    alert_rules_scope_is_known: [{ scope: "MATCH" }],
    alert_rules_tournament_scope_has_its_metric: [
      { ...rule.of_tournament, metric: "sync_overdue" },
      { ...rule.of_tournament, entity_type: "all" },
      { metric: "tournament_staleness" },
    ],
    alert_rules_priority_is_known: [{ ...rule.of_tournament, lowest_priority: "NEVER" }],
    alert_rules_priority_is_of_a_tournament: [{ lowest_priority: "LIVE" }],
    alert_rules_system_metric_iff_system: [
      { entity_type: "system" },
      ...SYSTEM_METRICS.map((metric) => ({ metric })),
    ],
    alert_rules_escalation_channels_are_a_list: [{ escalation_channels: {} }],
    alert_rules_burn_rate_iff_objective: [{ ...rule.of_objective, objective_id: null }, {
      ...rule.of_objective,
      metric: "consecutive_failures",
    }],
    alert_rules_broken_iff_a_reason_is_known: [{ broken_since: "2026-06-10T09:00:00Z" }, { broken_reason: "example" }],
  },
  alert_rule_versions: {
    alert_rule_versions_end_is_not_before_start: [{ valid_until: "2026-06-10T08:59:59Z" }],
    alert_rule_versions_rule_is_an_object: [{ rule: [] }],
  },
  alert_incidents: {
    alert_incidents_state_is_known: [{ state: "OPEN" }],
    alert_incidents_severity_is_known: [{ severity: "FATAL" }],
    alert_incidents_fired_iff_not_pending: [
      { state: "PENDING" },
      { fired_at: null },
      { ...acknowledged, fired_at: null },
      { ...resolved, fired_at: null },
    ],
    alert_incidents_resolved_iff_terminal: [
      { ...pending, resolved_at },
      { resolved_at },
      { ...acknowledged, resolved_at },
      { ...resolved, resolved_at: null },
    ],
    alert_incidents_acknowledged_has_an_author: [{ ...acknowledged, acknowledged_by: null }],
    alert_incidents_parent_is_another: [{ id: ID, parent_id: ID }],
    alert_incidents_step_is_not_negative: [{ escalation_step: -1 }],
    alert_incidents_mute_is_known: [{ muted_by: "NIGHT" }],
    alert_incidents_met_is_not_negative: [{ met_ms: -1 }],
    alert_incidents_clock_is_stopped_unless_firing: [pending, acknowledged].map((state) => ({
      ...state,
      unacknowledged_since: "2026-06-10T09:00:00Z",
    })),
    alert_incidents_label_is_known: [{ label: "GOOD", labelled_by: "operator@example.com" }],
    alert_incidents_label_has_an_author: [{ label: "NOISE" }, { labelled_by: "operator@example.com" }],
    alert_incidents_awaits_recovery_is_resolved: [pending, {}, acknowledged].map((state) => ({ ...state, awaits_recovery: true })),
  },
  alert_coverage: {
    alert_coverage_first_run_is_not_later: [{ last_run_at: "2026-06-10T08:59:59Z" }],
  },
  alert_silences: {
    alert_silences_end_not_before_start: [{ ends_at: "2026-06-10T08:59:59Z" }],
    alert_silences_severity_is_known: [{ severity: "FATAL" }],
    alert_silences_has_a_matcher: [{ entity_type: null }],
    alert_silences_recurs_iff_lasts: [{ ...recurring, lasts: null }, { ...recurring, recurs_every: null }],
    alert_silences_recurrence_is_within_limits: [
      { recurs_every: "59 seconds", lasts: "1 second" },
      { ...recurring, recurs_every: "367 days" },
    ],
    alert_silences_lasts_is_within_limits: [
      { ...recurring, lasts: "0" },
      { recurs_every: "40 days", lasts: "31 days 1 second" },
    ],
    alert_silences_start_is_within_limits: [
      { starts_at: "2027-06-11T09:00:01Z", ends_at: "2027-06-11T10:00:00Z", created_at: "2026-06-10T09:00:00Z" },
    ],
    alert_silences_length_is_within_limits: [
      { ends_at: "2026-07-11T09:00:01Z" },
      { ...recurring, ends_at: "2027-06-11T09:00:01Z" },
    ],
    alert_silences_lasts_is_within_recurrence: [{ ...recurring, lasts: recurring.recurs_every }],
  },
  notification_channels: {
    notification_channels_kind_is_known: [{ kind: "pager" }],
    notification_channels_webhook_has_its_url: [{ ...webhook, config: { url: 1 } }, { ...webhook, config: {} }],
    notification_channels_headers_have_a_kind_that_sends_them: [
      { ...with_headers, config: { ...with_headers.config, headers: [] } },
      { ...ntfy, config: { ...ntfy.config, headers: {} } },
    ],
    notification_channels_teams_has_its_url: [{ ...teams, secret: null }],
    notification_channels_discord_has_its_url: [{ ...discord, secret: null }],
    notification_channels_telegram_has_its_bot_token: [{ ...telegram, secret: null }],
    notification_channels_telegram_has_a_chat: [{ ...telegram, config: {} }, { ...telegram, config: { chat_id: 1 } }],
    notification_channels_ntfy_has_its_url: [{ ...ntfy, config: {} }, { ...ntfy, config: { url: 1 } }],
    notification_channels_pagerduty_has_its_key: [{ ...pagerduty, secret: null }],
    notification_channels_pagerduty_host_is_known: [{ ...pagerduty, config: {} }, { ...pagerduty, config: { host: "pagerduty.example" } }],
    notification_channels_alertmanager_has_its_url: [{ ...alertmanager, config: {} }, { ...alertmanager, config: { url: 1 } }],
    notification_channels_canary_is_within_limits: [{ ...slack, canary_every: "59 minutes" }, { ...slack, canary_every: "32 days" }],
    notification_channels_canary_is_not_for_the_dashboard: [{ canary_every: "1 day" }],
    notification_channels_canary_is_not_for_alertmanager: [{ ...alertmanager, canary_every: "1 day" }],
    notification_channels_weekly_report_is_not_for_alertmanager: [{ ...alertmanager, weekly_report: true }],
    notification_channels_weekly_report_is_not_for_pagerduty: [{ ...pagerduty, weekly_report: true }],
    notification_channels_slack_has_its_url: [{ ...slack, secret: null }],
    notification_channels_email_has_recipients: [{ ...email, config: { to: "operator@example.com" } }, { ...email, config: {} }],
    notification_channels_group_window_is_short: [{ group_window: "-1 seconds" }, { group_window: "61 minutes" }],
    notification_channels_hourly_limit_is_positive: [{ hourly_limit: 0 }],
    notification_channels_weekly_report_is_not_for_the_dashboard: [{ weekly_report: true }],
    notification_channels_previous_secret_has_an_end: [{ previous_secret: "whsec_x" }, { previous_secret_until: sent_at }],
  },
  notification_destinations: {
    notification_destinations_failures_are_not_negative: [{ failures: -1 }],
    notification_destinations_retry_only_after_a_failure: [{ ...failing, failures: 0 }],
  },
  alert_notifications: {
    alert_notifications_status_is_known: [{ status: "LOST" }],
    alert_notifications_item_is_an_object: [{ item: [] }],
    alert_notifications_sent_at_iff_sent: [
      { sent_at },
      { ...sending, sent_at },
      { ...sent, sent_at: null },
      { ...dead, sent_at },
      { ...superseded, sent_at },
    ],
    alert_notifications_settled_at_iff_settled: [
      { settled_at: sent_at },
      { ...sending, settled_at: sent_at },
      ...[sent, dead, discarded, superseded].map((row) => ({ ...row, settled_at: null })),
    ],
    alert_notifications_discarded_is_dead: [
      { discarded_by },
      { ...sending, discarded_by },
      { ...sent, discarded_by },
      { ...superseded, discarded_by },
    ],
    alert_notifications_sending_has_a_lease: [
      { ...sending, token: null },
      { ...sending, lease_expires_at: null },
      { token, lease_expires_at },
      { ...sent, token, lease_expires_at },
      { ...dead, token, lease_expires_at },
      { ...superseded, token, lease_expires_at },
    ],
  },
  alert_deliveries: {
    alert_deliveries_outcome_is_known: [{ outcome: "LOST" }],
  },
  channel_canaries: {
    channel_canaries_stage_is_known: [{ stage: "SENDER" }],
    channel_canaries_stage_is_not_before_the_opening: [{ stage_since: "2026-06-10T08:59:59Z" }],
    channel_canaries_is_proven_or_failed: [{ ...canary.failed, stage: "CHANNEL", proven_at: canary.proven.proven_at }],
    channel_canaries_error_iff_failed: [{ ...canary.failed, error: null }, { error: "example" }, { ...canary.proven, error: "example" }],
    channel_canaries_proven_is_at_a_last_stage: ["RULE", "EVALUATION", "OUTBOX"].map((stage) => ({ ...canary.proven, stage })),
    channel_canaries_confirmed_iff_proven_by_a_reader: [
      { ...canary.confirmed, confirmed_by: null },
      { ...canary.proven, confirmed_by: "viewer@example.com" },
      { ...canary.failed, confirmed_by: "viewer@example.com" },
    ],
  },
  weekly_reports: {
    weekly_reports_week_begins_on_a_monday: [{ week: "2026-05-31" }],
    weekly_reports_facts_are_an_object: [{ facts: [] }],
    weekly_reports_is_after_its_week: [{ created_at: "2026-06-07T23:59:59Z" }],
  },
  weekly_report_deliveries: {
    weekly_report_deliveries_status_is_known: [{ status: "SUPERSEDED" }],
    weekly_report_deliveries_sent_at_iff_sent: [{ sent_at }, { ...report.sending, sent_at }, { ...report.sent, sent_at: null }, {
      ...report.lost,
      sent_at,
    }],
    weekly_report_deliveries_sending_has_a_lease: [
      { ...report.sending, token: null },
      { ...report.sending, lease_expires_at: null },
      { token, lease_expires_at },
      { ...report.sent, token, lease_expires_at },
    ],
    weekly_report_deliveries_perhaps_received_is_dead: [report.sending, report.sent].map((state) => ({
      ...state,
      is_perhaps_received: true,
    })),
  },
  "private.watchdog": {
    watchdog_is_one_row: [{ id: false }],
  },
};

const duplicateRows: DuplicateRows = {
  alert_rules: {
    alert_rules_name_key: [[{}, { severity: "LOW" }]],
    alert_rules_one_canary: [[rule.canary, { ...rule.canary, name: "Another" }]],
  },
  channel_canaries: { channel_canaries_one_open_per_channel: [[{}, { opened_at: "2026-06-10T08:00:00Z" }]] },
  alert_rule_versions: { alert_rule_versions_one_current_per_rule: [[{}, { valid_from: "2026-06-10T10:00:00Z" }]] },
  notification_destinations: {
    notification_destinations_is_one_row_each: [
      [{}, failing],
      [{ recipient: "operator@example.com" }, { recipient: "operator@example.com", ...failing }],
    ],
  },
  weekly_report_deliveries: { weekly_report_deliveries_is_one_row_each: [[{}, report.sent]] },
  alert_incidents: {
    alert_incidents_one_live_per_scope: [
      [{}, pending],
      [{}, acknowledged],
      [{ tournament_no: "70001" }, { tournament_no: "70001", ...pending }],
    ],
    alert_incidents_one_per_missed_run: [
      [{ ...resolved, missed_due_at: "2026-06-10T08:00:00Z" }, { ...resolved, missed_due_at: "2026-06-10T08:00:00Z", severity: "LOW" }],
    ],
  },
};

export const alerting = { invalidRows, duplicateRows };
