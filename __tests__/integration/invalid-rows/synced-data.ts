import { type DuplicateRows, type InvalidRows, STATES } from "../../../testing/rows.ts";

const { leased, synced } = STATES.tournament_sync_state;
const { dispatched } = STATES.sync_status;
const { backoff } = STATES.upstream_state;
const { held } = STATES.request_states;
const slot = STATES.upstream_slots.leased;

const invalidRows: InvalidRows = {
  tournaments: {
    tournaments_no_is_a_number: [{ no: "x1" }, { no: "" }, { no: "12345678901" }],
    tournaments_end_not_before_start: [{ end_date: "2026-06-08" }],
    tournaments_version_is_positive: [{ version: 0 }],
  },
  matches: {
    matches_no_is_a_number: [{ no: "x1" }, { no: "" }, { no: "12345678901" }],
    matches_version_is_positive: [{ version: 0 }],
  },
  sync_status: {
    sync_status_entity_type_is_a_name: [{ entity_type: "No Name" }, { entity_type: "x" }, { entity_type: "all" }],
    sync_status_entity_type_is_not_system: [{ entity_type: "system" }],
    sync_status_title_is_a_name: ["example", "An  Example", "Example ", "A-B", "A".repeat(61)].map((title) => ({ title })),
    sync_status_frequency_is_within_limits: [{ sync_frequency: "9 seconds" }, { sync_frequency: "31 days 1 second" }],
    sync_status_anchor_is_within_limits: [
      { schedule_anchor: "1999-12-31T23:59:59Z" },
      { schedule_anchor: "2100-01-01T00:00:01Z" },
      { schedule_anchor: "infinity" },
    ],
    sync_status_grace_is_within_limits: [{ grace: "-1 seconds" }, { grace: "7 days 1 second" }],
    sync_status_max_runtime_is_within_limits: [{ max_runtime: "9 seconds" }, { max_runtime: "61 minutes" }],
    sync_status_pause_has_an_author: [{ ...STATES.sync_status.paused, paused_by: null }],
    sync_status_idle_is_for_runs_during_play: [{ idle_since: "2026-06-10T09:00:00Z" }],
    sync_status_counters_are_not_negative: [
      { success_count: -1 },
      { error_count: -1 },
      { consecutive_failures: -1 },
      { records_processed_total: -1 },
    ],
    sync_status_alert_threshold_is_within_its_metric: [{ alert_threshold_failures: 0 }, { alert_threshold_failures: 101 }],
    sync_status_channels_are_a_list: [{ notification_channels: {} }],
    sync_status_channels_are_not_empty: [{ notification_channels: [] }],
    sync_status_active_has_a_function: [{ function_name: null }],
    sync_status_dispatch_is_whole: [
      { ...dispatched, dispatched_due_at: null },
      { ...dispatched, dispatched_at: null },
      { ...dispatched, dispatch_attempt: null },
    ],
    sync_status_dispatch_attempt_is_positive: [{ ...dispatched, dispatch_attempt: 0 }],
  },
  entity_pauses: {
    entity_pauses_resumed_not_before_the_pause: [{ resumed_at: "2026-06-10T08:59:59Z" }],
  },
  tournament_sync_state: {
    tournament_sync_state_streak_is_not_negative: [{ failing_streak: -1, last_error_type: "API" }],
    tournament_sync_state_failing_has_an_error: [{ failing_streak: 1 }],
    tournament_sync_state_lease_is_whole: [{ ...leased, lease_holder: null }, { ...leased, lease_expires_at: null }],
    tournament_sync_state_ttl_iff_synced: [{ ...synced, ttl: null }],
  },
  request_states: {
    request_states_held_is_whole: [
      { ...held, held_at: null },
      { ...held, look_at: null },
      { ...held, warning: null },
      { ...held, digest: null },
    ],
    request_states_warning_is_known: [{ ...held, warning: "REPLY_TOO_LARGE" }],
    request_states_digest_is_an_object: [{ ...held, digest: "[]" }],
    request_states_look_is_after_the_hold: [{ ...held, look_at: "2026-06-10T08:59:59Z" }],
  },
  upstream_state: {
    upstream_state_limit_is_polite: [{ in_flight_limit: 0 }, { in_flight_limit: 6 }],
    upstream_state_backoff_has_a_reason: [{ ...backoff, backoff_reason: null }, { ...backoff, backoff_until: null }],
    upstream_state_fingerprint_is_of_a_backoff: [{ backoff_fingerprint: "example" }],
  },
  upstream_slots: {
    upstream_slots_lease_is_whole: [{ ...slot, token: null }, { ...slot, expires_at: null }],
  },
};

const duplicateRows: DuplicateRows = {
  sync_status: { sync_status_title_is_unique: [[{}, { entity_type: "another" }]] },
  tournaments: { tournaments_no_key: [[{}, { name: "Another" }]] },
  matches: { matches_no_key: [[{}, { no_in_tournament: 2 }]] },
  entity_pauses: { entity_pauses_one_open: [[{}, { paused_at: "2026-06-10T09:30:00Z" }]] },
};

export const syncedData = { invalidRows, duplicateRows };
