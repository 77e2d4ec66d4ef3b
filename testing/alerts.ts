import type { LiveIncident, Measurement, Measurements, Recipients, Transition } from "../services/contract/alerts.ts";

export const RULE_ID = "00000000-0000-4000-8000-000000000001";
export const EVALUATED_AT = Date.parse("2026-06-10T12:00:00Z");
/** The time some minutes before the evaluation. */
export const ago = (minutes: number): string => new Date(EVALUATED_AT - minutes * 60_000).toISOString();

/** The recipients of channels that each have one destination, the channel itself. */
export const anyone = (...channels: string[]): Recipients =>
  Object.fromEntries(channels.map((channel) => [channel, { LOW: [""], MEDIUM: [""], HIGH: [""], CRITICAL: [""] }]));

/** A measurement of three consecutive failures of `matches_schedule`, the threshold of its rule. */
export const aMeasurement = (changes: Partial<Measurement> = {}): Measurement => ({
  rule_id: RULE_ID,
  rule_name: "Rule",
  metric: "consecutive_failures",
  entity_type: "matches_schedule",
  tournament_no: null,
  severity: "HIGH",
  threshold: 3,
  recovery_threshold: null,
  minimum_runs: 0,
  no_data: "KEEP",
  for_ms: 0,
  escalation_ms: 1_800_000,
  escalation_channels: [],
  repeat_ms: 4 * 3_600_000,
  flap_ms: 3_600_000,
  channels: ["dashboard"],
  value: 3,
  runs: 10,
  since: null,
  execution_id: null,
  fingerprint: null,
  is_sole_cause: false,
  evidence: {},
  is_stale: false,
  is_paused: false,
  ended: null,
  bad_runs: [],
  uncovered: [],
  silenced_by: null,
  is_silenced_by_name: false,
  closed_incident: null,
  resolved_recently: 0,
  missed: [],
  incident: null,
  ...changes,
});

/** The state of a destination that received the opening of an incident. */
export const known = (channel: string, changes: Partial<LiveIncident["destinations"][number]> = {}) => ({
  channel,
  recipient: "",
  severity: "HIGH" as const,
  cause: null,
  is_dead: false,
  ...changes,
});

/** An incident of {@link aMeasurement} that fired ten minutes ago and was notified then. */
export const aLiveIncident = (changes: Partial<LiveIncident> = {}): LiveIncident => ({
  id: RULE_ID,
  version: 4,
  state: "FIRING",
  severity: "HIGH",
  value: 3,
  message: "consecutive failures of matches_schedule: 3 runs, at or above the threshold of 3 runs",
  opened_at: ago(10),
  began_at: ago(10),
  fired_at: ago(10),
  escalation_step: 0,
  unacknowledged_since: ago(10),
  acknowledged_until: null,
  notified_at: ago(10),
  last_notified_at: ago(10),
  met_ms: 0,
  met_at: null,
  muted_by: null,
  cause: null,
  destinations: [known("dashboard")],
  bad_runs: [],
  is_flapping: false,
  recovered_at: null,
  evidence: { runs: 10, execution_id: null, peak: 3 },
  parent: null,
  ...changes,
});

/** An evaluation of these measurements, after days of evaluations without a gap. */
export const anEvaluation = (measurements: Measurement[], changes: Partial<Omit<Measurements, "measurements">> = {}): Measurements => ({
  as_of: new Date(EVALUATED_AT).toISOString(),
  evaluated_since: ago(7 * 24 * 60),
  recipients: anyone("dashboard"),
  broken: [],
  measurements,
  ...changes,
});

/** A transition without a change; a test sets the fields that it needs. */
export const aTransition = (changes: Partial<Transition> = {}): Transition => ({
  incident_id: null,
  version: null,
  rule_id: RULE_ID,
  rule_name: "Rule",
  metric: "consecutive_failures",
  entity_type: "matches_schedule",
  tournament_no: null,
  from_state: null,
  to_state: "FIRING",
  severity: "HIGH",
  value: 3,
  threshold: 3,
  message: "m",
  reason: "r",
  evidence: {},
  cause: null,
  began_at: null,
  escalation_step: 0,
  unacknowledged_since: null,
  met_ms: 0,
  met_at: null,
  muted_by: null,
  is_flapping: false,
  recovered_at: null,
  parent: null,
  bad_runs: [],
  notifications: [],
  ...changes,
});
