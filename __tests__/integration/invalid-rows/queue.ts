import { type DuplicateRows, type InvalidRows, STATES } from "../../../testing/rows.ts";

const { running, completed, cancelled, one_tournament, several_tournaments } = STATES.sync_jobs;
const { finished } = STATES.manual_sync_audit;
const { token } = running;
const { finished_at } = completed;

const invalidRows: InvalidRows = {
  limit_settings: { limit_settings_maximum_is_positive: [{ maximum: 0 }] },
  sync_queue_settings: {
    sync_queue_settings_is_one_row: [{ id: false }],
    sync_queue_settings_slots_are_positive: [{ slots: 1, emergency_slots: 1 }, { emergency_slots: -1 }, { slots_per_entity: 0 }],
    sync_queue_settings_limits_are_positive: [{ max_attempts: 0 }, { triggers_per_minute: 0 }],
    sync_queue_settings_delays_are_ordered: [{ high_after: "-1 seconds" }, { high_after: "31 minutes" }],
  },
  sync_jobs: {
    sync_jobs_status_is_known: [{ status: "PAUSED" }],
    sync_jobs_priority_is_known: [{ priority: "URGENT" }],
    sync_jobs_finished_iff_terminal: [
      { finished_at },
      { ...running, finished_at },
      { ...completed, finished_at: null },
      { ...completed, status: "FAILED", finished_at: null },
      { ...cancelled, finished_at: null },
    ],
    sync_jobs_token_iff_running: [
      { token },
      { ...running, token: null },
      { ...completed, token },
      { ...completed, status: "FAILED", token },
      { ...cancelled, token },
    ],
    sync_jobs_running_is_claimed: [{ ...running, claimed_at: null }],
    sync_jobs_running_has_a_lease_or_a_run: [{ ...running, lease_expires_at: null }],
    sync_jobs_attempts_are_within_limit: [{ attempts: -1 }, { attempts: 4 }],
    sync_jobs_cancelled_is_never_completed: [{ ...completed, cancel_requested_at: finished_at }],
    sync_jobs_target_is_one: [{ ...one_tournament, ...several_tournaments }],
    sync_jobs_tournaments_are_a_list: [{ tournament_nos: [] }, { tournament_nos: { no: "70001" } }],
  },
  sync_job_attempts: {
    sync_job_attempts_outcome_is_known: [{ outcome: "LOST" }],
  },
  manual_sync_audit: {
    manual_sync_audit_priority_is_known: [{ priority: "URGENT" }],
    manual_sync_audit_finished_iff_terminal: [{ ...finished, completion_timestamp: null }, { ...finished, final_status: null }],
  },
};

const duplicateRows: DuplicateRows = {
  sync_jobs: {
    sync_jobs_one_running_per_target: [
      [running, { ...running, priority: "HIGH" }],
      [{ ...running, ...one_tournament }, { ...running, ...one_tournament, priority: "HIGH" }],
      [{ ...running, ...several_tournaments }, { ...running, tournament_nos: ["70002", "70003"] }],
    ],
  },
};

export const queue = { invalidRows, duplicateRows };
