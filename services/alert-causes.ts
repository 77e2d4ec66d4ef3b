import type { AlertMetric } from "../types/alerts.ts";
import { SEVERITIES } from "../types/sync.ts";
import type { Measurement } from "./contract/alerts.ts";

/** The metrics of failing runs, the closest to the cause first; of a common run or fingerprint, an earlier metric inhibits a later one. */
const CAUSE_ORDER: readonly AlertMetric[] = [
  "shared_failure",
  "stuck_execution",
  "consecutive_failures",
  "error_rate",
  "success_rate",
  "burn_rate",
];

/** The metrics of one tournament in the same order; they follow the metrics of runs. */
const TOURNAMENT_ORDER: readonly AlertMetric[] = ["consecutive_failures", "success_rate", "tournament_staleness"];

const orderOf = (m: Measurement): number =>
  m.tournament_no !== null
    ? CAUSE_ORDER.length + 1 + TOURNAMENT_ORDER.indexOf(m.metric)
    : CAUSE_ORDER.includes(m.metric)
    ? CAUSE_ORDER.indexOf(m.metric)
    : CAUSE_ORDER.length;
const severityOf = (m: Measurement): number => SEVERITIES.indexOf(m.incident?.severity ?? m.severity);
const causeOf = (m: Measurement): string | null => m.fingerprint ?? m.incident?.cause ?? null;

/** Whether a pause, or a silence that does not name the incident, silences it; the incident then inhibits no other one. */
export const isSilencedOtherwise = (m: Measurement): boolean => m.is_paused || m.silenced_by !== null && !m.is_silenced_by_name;
const overlaps = (a: Measurement, b: Measurement): boolean =>
  a.entity_type === b.entity_type || a.entity_type === "all" || b.entity_type === "all";

/** Whether the first incident has the cause of the second, so that one message about both is enough. */
function hasCauseOf(parent: Measurement, m: Measurement): boolean {
  if (!overlaps(parent, m)) return false;
  const isSameFailure = causeOf(m) !== null && causeOf(m) === causeOf(parent);
  const isSameRun = m.execution_id !== null && m.execution_id === parent.execution_id;
  if (parent.tournament_no !== null) return parent.tournament_no === m.tournament_no && (isSameFailure || isSameRun);
  if (m.tournament_no !== null) {
    return isSameFailure && (parent.metric === "shared_failure" || parent.metric === "consecutive_failures" && parent.is_sole_cause);
  }
  // A run that no longer sends heartbeats is also slow, and the next run is overdue.
  if (m.metric === "duration_exceeded" || m.metric === "sync_overdue") {
    const isStuckHere = parent.metric === "stuck_execution" &&
      (parent.entity_type === m.entity_type || parent.bad_runs.some(({ entity_type }) => entity_type === m.entity_type));
    return isStuckHere || m.metric === "sync_overdue" && parent.metric === "shared_failure" && isSameFailure;
  }
  // Both rules are on the budget of one objective.
  if (m.metric === "burn_rate" && parent.metric === "burn_rate" && m.evidence.objective_id === parent.evidence.objective_id) return true;
  return orderOf(parent) < CAUSE_ORDER.length && orderOf(m) < CAUSE_ORDER.length && (isSameRun || isSameFailure);
}

/** Maps each inhibited incident to its parent; a parent has no parent. Every given incident is firing. */
export function findParents(firing: Measurement[]): Map<Measurement, Measurement> {
  const isNotified = ({ incident }: Measurement): boolean => Boolean(incident?.notified_at);
  // Among rules with the same metric a rule for all entities, a higher severity and an earlier notification come first.
  const ordered = firing.toSorted((a, b) =>
    orderOf(a) - orderOf(b) || Number(b.entity_type === "all") - Number(a.entity_type === "all") || severityOf(b) - severityOf(a) ||
    Number(isNotified(b)) - Number(isNotified(a)) || a.rule_name.localeCompare(b.rule_name)
  );
  const parents = new Map<Measurement, Measurement>();
  for (const [index, m] of ordered.entries()) {
    const parent = ordered.slice(0, index).find((other) => !isSilencedOtherwise(other) && hasCauseOf(other, m));
    if (parent) parents.set(m, parents.get(parent) ?? parent);
  }
  return parents;
}
