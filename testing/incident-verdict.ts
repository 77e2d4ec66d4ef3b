import type { Measurement } from "../services/contract/alerts.ts";
import { ALERT_METRICS } from "../types/alerts.ts";

type Verdict = "BREACH" | "RECOVERED" | "BETWEEN" | "UNKNOWN";
const FAILURES = ["shared_failure", "consecutive_failures", "error_rate", "success_rate"];

/** The expected verdict of `services/alert-decision.ts` on a value. */
export function verdictOf(m: Measurement, value = m.value, runs = m.runs, no_data = m.no_data): Verdict {
  const { direction, needs_runs } = ALERT_METRICS[m.metric];
  if (value === null || needs_runs && runs < m.minimum_runs) {
    return no_data === "KEEP" ? "UNKNOWN" : no_data === "OK" ? "RECOVERED" : "BREACH";
  }
  const recovery = m.recovery_threshold ?? m.threshold;
  if (direction === "above" ? value >= m.threshold : value < m.threshold) return "BREACH";
  return (direction === "above" ? value < recovery : value >= recovery) ? "RECOVERED" : "BETWEEN";
}
/** The verdict on a measurement, which is UNKNOWN for a paused entity. */
export const judge = (m: Measurement): Verdict => m.is_paused ? "UNKNOWN" : verdictOf(m);
const isSilencedOtherwise = (m: Measurement): boolean => m.is_paused || m.silenced_by !== null && !m.is_silenced_by_name;

/** The position in the order of causes; a smaller one is closer to the cause. */
export const causeOrder = (m: Measurement): number => m.tournament_no === null ? FAILURES.indexOf(m.metric) : FAILURES.length;

/** Whether a message about the first incident covers the second, because they have a run or a fingerprint in common. */
export function hasCause(parent: Measurement, m: Measurement): boolean {
  const cause = ({ fingerprint, incident }: Measurement) => fingerprint ?? incident?.cause ?? null;
  const isAlike = cause(m) !== null && cause(m) === cause(parent);
  const isSameRun = m.execution_id !== null && m.execution_id === parent.execution_id;
  const isOneEntity = parent.entity_type === m.entity_type,
    overlaps = isOneEntity || parent.entity_type === "all" || m.entity_type === "all";
  if (isSilencedOtherwise(parent) || !overlaps) return false;
  if (parent.tournament_no !== null) return parent.tournament_no === m.tournament_no && (isAlike || isSameRun);
  if (m.tournament_no !== null) {
    return isAlike && (parent.metric === "shared_failure" || parent.metric === "consecutive_failures" && parent.is_sole_cause);
  }
  return FAILURES.includes(parent.metric) && FAILURES.includes(m.metric) && (isAlike || isSameRun);
}
