import type { AlertMetric } from "../types/alerts.ts";
import type { Address, Measurement, Recipients } from "./contract/alerts.ts";
import type { MeasuredValue, OtherIncident } from "./contract/replay.ts";

const at = (time: string): number => Date.parse(time);

/** The recorded incidents of other rules that were firing at a time. */
export const firingAt = (others: readonly OtherIncident[], now: number): OtherIncident[] =>
  others.filter(({ fired_at, resolved_at }) => at(fired_at) <= now && (resolved_at === null || at(resolved_at) > now));

/** Each time at which an incident of another rule, or a state at its destinations, changed. */
export const changesOf = (others: readonly OtherIncident[]): number[] =>
  others.flatMap(({ fired_at, resolved_at, states }) => [
    ...[fired_at, resolved_at, ...states.map((state) => state.at)].flatMap((time) => time === null ? [] : at(time)),
    // A delivery follows the evaluation at the same time.
    ...states.flatMap(({ dead_at }) => dead_at === null ? [] : at(dead_at) + 1),
  ]);

/** Every destination of every channel. */
export const everyoneOf = (recipients: Recipients): Address[] =>
  Object.entries(recipients).flatMap(([channel, bySeverity]) =>
    [...new Set(Object.values(bySeverity).flat())].map((recipient) => ({ channel, recipient }))
  );

/** The metrics whose incident reports the last failed run in the window and covers no run. */
const RATES: readonly AlertMetric[] = ["success_rate", "error_rate"];

/** Whether the incident reported the run of a value at that time; the stored evidence has only the last run of the incident. */
function isAboutRunOf(
  { metric, entity_type, tournament_no, window_ms, bad_runs }: OtherIncident,
  value: MeasuredValue,
  now: number,
): boolean {
  const { run_at, run_entity } = value;
  if (run_at === null || tournament_no !== null) return false;
  if (RATES.includes(metric)) return at(run_at) > now - window_ms && (entity_type === "all" || entity_type === run_entity);
  return bad_runs.some((range) =>
    range.entity_type === run_entity && at(range.first_run_at) <= at(run_at) && at(run_at) <= at(range.last_run_at)
  );
}

/**
 * A recorded incident of another rule as a measurement. The value is unknown, so that the incident keeps its state. The cause and the
 * states at the destinations of the incident decide which other incidents are inhibited.
 */
export function measuredAgain(other: OtherIncident, value: MeasuredValue, everyone: Address[], now: number): Measurement {
  const { evidence, bad_runs, fired_at, rule_id, rule_name, entity_type, tournament_no } = other;
  const text = (fact: unknown) => typeof fact === "string" ? fact : null;
  const destinations = other.states.filter((state) => at(state.at) <= now)
    .map(({ at: _, dead_at, ...state }) => ({ ...state, is_dead: dead_at !== null && at(dead_at) < now }));
  // The stored cause and severity are the last ones; the newest message has those of its time.
  const { severity, cause } = destinations.at(-1) ?? other;
  const fingerprint = other.cause === null ? text(evidence.fingerprint) : cause;
  // An evaluation measures an incident before it notifies it.
  const notified_at = other.notified_at !== null && at(other.notified_at) < now ? other.notified_at : null;
  const rule = { rule_id, rule_name, entity_type, tournament_no, metric: other.metric, severity, threshold: other.threshold };
  const clocks = { escalation_step: 0, unacknowledged_since: null, acknowledged_until: null, met_ms: 0, met_at: null, recovered_at: null };
  return {
    ...rule,
    ...{ recovery_threshold: null, minimum_runs: 0, no_data: "KEEP" as const, channels: other.channels },
    ...{ for_ms: 0, escalation_ms: null, escalation_channels: [], repeat_ms: Infinity, flap_ms: 0 },
    ...{ value: null, runs: 0, since: null, fingerprint, is_sole_cause: false, evidence, bad_runs },
    execution_id: isAboutRunOf(other, value, now) ? value.execution_id : text(evidence.execution_id),
    ...{ is_stale: false, is_paused: false, ended: null, missed: [], closed_incident: null, resolved_recently: 0 },
    ...{ silenced_by: null, is_silenced_by_name: false },
    // The destinations received only the recorded messages, none of the replay.
    uncovered: [...everyone, ...destinations].map(({ channel, recipient }) => ({ channel, recipient, value: null, runs: 0 })),
    incident: {
      ...{ id: rule_id, version: 1, state: "FIRING" as const, severity, value: null, message: "", muted_by: null, parent: null },
      ...{ opened_at: fired_at, began_at: fired_at, fired_at, notified_at, last_notified_at: notified_at, ...clocks },
      ...{ cause, destinations, bad_runs, is_flapping: false, evidence },
    },
  };
}
