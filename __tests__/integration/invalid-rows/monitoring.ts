import { type DuplicateRows, type InvalidRows, STATES } from "../../../testing/rows.ts";

const { running, scheduled } = STATES.sync_execution_history;
const { failed } = STATES.sync_tournament_results;
const FINAL_STATUSES = ["SUCCEEDED", "PARTIAL", "FAILED", "TIMED_OUT", "CANCELLED", "SKIPPED"];
const RUN_COUNTERS = [
  "records_read",
  "records_inserted",
  "records_updated",
  "records_unchanged",
  "records_removed",
  "records_rejected",
  "api_calls",
  "api_errors",
  "api_retries",
  "api_bytes",
  "api_bytes_saved",
  "api_full_reads",
  "api_xml_replies",
  "api_unchanged_replies",
  "api_fallbacks",
  "cache_hits",
  "cache_misses",
  "database_calls",
  "cpu_ms",
  "error_count",
];
const ROLLUP_COUNTERS = [...FINAL_STATUSES.map((status) => status.toLowerCase()), "cron", "manual", "retry"].map((name) => `runs_${name}`);

const invalidRows: InvalidRows = {
  sync_execution_history: {
    sync_execution_history_status_is_known: [{ status: "DONE" }],
    sync_execution_history_trigger_is_known: [{ trigger: "WEBHOOK" }],
    sync_execution_history_finished_iff_terminal: [
      { ...running, execution_end: "2026-06-10T10:00:00Z" },
      ...FINAL_STATUSES.map((status) => ({ status, execution_end: null })),
    ],
    sync_execution_history_end_not_before_start: [{ execution_end: "2026-06-10T08:59:59Z" }],
    sync_execution_history_running_has_a_lease: [
      { ...running, heartbeat_at: null },
      { ...running, lease_expires_at: null },
      { ...running, deadline: null },
    ],
    sync_execution_history_due_time_has_an_attempt: [
      { ...scheduled, attempt: null },
      { ...scheduled, due_at: null },
      { ...scheduled, attempt: 0 },
    ],
    sync_execution_history_due_is_a_full_run: [{ ...scheduled, tournament_no: "8001" }],
    sync_execution_history_cut_is_partial: [{ was_cut: true }],
    sync_execution_history_left_out_is_a_bounded_list: [{ left_out: {} }, { left_out: ["x".repeat(8_192)] }],
    sync_execution_history_failed_share_is_a_share: [{ tournaments_failed: -1 }, { tournaments_failed: 2 }],
    sync_execution_history_counters_are_not_negative: [
      // The check of the share also refuses this row; Postgres names the first check in alphabetical order.
      { tournaments_processed: -1 },
      ...RUN_COUNTERS.map((column) => ({ [column]: -1 })),
    ],
  },
  sync_tournament_results: {
    sync_tournament_results_error_iff_failed: [{ ...failed, success: true }, { ...failed, error_type: null }],
    sync_tournament_results_error_type_is_known: [{ ...failed, error_type: "OTHER" }],
    sync_tournament_results_warning_is_of_a_success: [{ ...failed, warning_code: "REPLY_SHRANK" }],
    sync_tournament_results_retries_are_not_negative: [{ retry_attempt: -1 }],
    sync_tournament_results_attempts_is_a_bounded_list: [{ attempts: {} }, { attempts: ["x".repeat(4_096)] }],
    sync_tournament_results_recorded_after_it_started: [{ started_at: "2026-06-10T10:00:01Z", created_at: "2026-06-10T10:00:00Z" }],
    sync_tournament_results_reply_is_not_negative: [{ reply_bytes: -1 }],
  },
  sync_error_log: {
    sync_error_log_type_is_known: [{ error_type: "OTHER" }],
    sync_error_log_severity_is_known: [{ error_severity: "FATAL" }],
    sync_error_log_context_is_bounded: [{ error_context: { excerpt: "x".repeat(16_384) } }],
    sync_error_log_resolved_after_it_occurred: [{ resolved_at: "2026-06-10T09:59:59Z" }],
  },
  sync_metrics: {
    sync_metrics_resolution_is_known: [{ resolution: "2 days", bucket: "2000-01-03T00:00:00Z" }],
    sync_metrics_bucket_is_aligned: [
      { resolution: "15 minutes", bucket: "2026-06-10T00:10:00Z" },
      { resolution: "1 hour", bucket: "2026-06-10T00:15:00Z" },
      { resolution: "1 day", bucket: "2026-06-10T01:00:00Z" },
    ],
    sync_metrics_each_run_has_a_status_and_a_trigger: ROLLUP_COUNTERS.map((column) => ({ [column]: 1 })),
    sync_metrics_counted_runs_are_not_negative: [{ counted_runs: -1 }],
  },
  sync_objectives: {
    sync_objectives_indicator_is_known: [{ indicator: "uptime" }],
    sync_objectives_target_leaves_a_budget: [{ target: 0.49 }, { target: 1 }],
    sync_objectives_window_is_known: [{ rolling_window: "8 days" }],
    sync_objectives_has_a_name: [{ name: "" }, { name: "x".repeat(101) }],
    sync_objectives_entity_type_is_not_system: [{ entity_type: "system" }],
  },
  sync_indicators: {
    sync_indicators_indicator_is_known: [{ indicator: "uptime" }],
    sync_indicators_bucket_is_an_hour: [{ bucket: "2026-06-10T09:30:00Z" }],
    sync_indicators_bad_are_some_of_the_events: [{ bad_events: -1 }, { bad_events: 3 }],
    sync_indicators_causes_is_an_object: [{ causes: [] }],
  },
  "private.indicator_rollup": { indicator_rollup_is_one_row: [{ id: false }] },
  "private.call_log": {
    call_log_outcome_is_known: [{ outcome: "LOST" }],
  },
  retention_settings: {
    retention_settings_keep_is_within_limits: [
      { keep: "23 hours" },
      { keep: "3651 days" },
      { subject: "quarter_hourly_metrics", keep: "47 hours" },
      { subject: "hourly_metrics", keep: "30 days" },
      { subject: "resolved_errors", keep: "47 hours" },
      { subject: "open_errors", keep: "47 hours" },
      { subject: "indicators", keep: "90 days" },
      { subject: "audit", keep: "89 days" },
      { subject: "audit_log", keep: "89 days" },
    ],
  },
};

const duplicateRows: DuplicateRows = {
  sync_execution_history: {
    sync_execution_history_one_live_run: [
      [running, { ...running, trigger: "MANUAL" }],
      [{ ...running, tournament_no: "70001" }, { ...running, tournament_no: "70001", trigger: "MANUAL" }],
    ],
    sync_execution_history_one_run_per_call: [[scheduled, { ...scheduled, status: "FAILED" }]],
  },
  sync_tournament_results: { sync_tournament_results_one_a_run: [[{}, failed]] },
  sync_objectives: { sync_objectives_name_key: [[{}, { entity_type: "tournaments" }]] },
};

export const monitoring = { invalidRows, duplicateRows };
