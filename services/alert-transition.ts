import { ALERT_METRICS } from "../types/alerts.ts";
import { SEVERITIES, type Severity } from "../types/sync.ts";
import { judge, type Step } from "./alert-decision.ts";
import { describe } from "./alert-words.ts";
import { failedStages } from "./canary-words.ts";
import type { Measurement, Scope, Transition } from "./contract/alerts.ts";

export const rank = (severity: Severity): number => SEVERITIES.indexOf(severity);
export const higher = (a: Severity, b: Severity): Severity => rank(a) >= rank(b) ? a : b;

/** The scope of a measurement, which names its incident. */
export const scopeOf = ({ rule_id, rule_name, entity_type, tournament_no }: Measurement): Scope => ({
  rule_id,
  rule_name,
  entity_type,
  tournament_no,
});

/** Whether the value is the worst of the incident so far. */
function isPeak({ value, metric, incident }: Measurement): boolean {
  const peak = incident?.evidence.peak;
  if (value === null) return false;
  return typeof peak !== "number" || (ALERT_METRICS[metric].direction === "above" ? value > peak : value < peak);
}

/** The facts of a breach, with the worst value so far as `peak`, and the facts of that value as `at_peak`. */
function evidenceOf(m: Measurement, now: number): Record<string, unknown> {
  const facts = {
    runs: m.runs,
    execution_id: m.execution_id,
    ...(m.fingerprint ? { fingerprint: m.fingerprint } : {}),
    ...m.evidence,
  };
  if (isPeak(m)) return { ...facts, peak: m.value, at_peak: { at: new Date(now).toISOString(), ...facts } };
  const { peak, at_peak } = m.incident?.evidence ?? {};
  return { ...facts, ...(typeof peak === "number" ? { peak } : {}), ...(at_peak === undefined ? {} : { at_peak }) };
}

/** The fingerprint of the incident, or its failed channels with their stages; null for a rate, whose failures can have several causes. */
function currentCause(m: Measurement): string | null {
  if (m.metric === "canary_failed" && judge(m) === "BREACH") {
    return failedStages(m.evidence).map(({ channel, stage }) => `${channel} ${stage}`).join(", ");
  }
  if (m.metric !== "shared_failure" && m.metric !== "consecutive_failures") return null;
  const before = m.incident?.cause ?? null;
  return judge(m) === "BREACH" ? m.fingerprint ?? before : before;
}

/** The transition of an incident to its next state, without parent, escalation and notifications. */
export function transitionTo(step: Step, m: Measurement, now: number): Transition {
  const { incident } = m;
  const verdict = judge(m);
  const isMeasured = incident === null || verdict !== "UNKNOWN";
  return {
    incident_id: incident?.id ?? null,
    version: incident?.version ?? null,
    ...scopeOf(m),
    metric: m.metric,
    from_state: incident?.state ?? null,
    to_state: step.to_state,
    severity: higher(incident?.severity ?? m.severity, m.severity),
    value: isMeasured ? m.value : incident.value,
    threshold: m.threshold,
    message: isMeasured ? describe(m) : incident.message,
    reason: step.reason,
    evidence: incident && verdict !== "BREACH" ? incident.evidence : evidenceOf(m, now),
    cause: currentCause(m),
    began_at: m.since,
    escalation_step: incident?.escalation_step ?? 0,
    unacknowledged_since: null,
    met_ms: step.met_ms,
    met_at: step.met_at,
    muted_by: null,
    is_flapping: step.is_flapping,
    recovered_at: step.recovered_at,
    parent: null,
    bad_runs: step.to_state === "PENDING" ? [] : m.bad_runs,
    notifications: [],
  };
}

/** The JSON of a value with the keys of each object in order, and each time as milliseconds. */
const canonical = (value: unknown): string =>
  JSON.stringify(value, (key, part) => {
    if (key.endsWith("_at") || key.endsWith("_since")) return part === null ? null : Date.parse(part);
    if (typeof part !== "object" || part === null || Array.isArray(part)) return part;
    return Object.fromEntries(Object.entries(part).sort(([a], [b]) => a < b ? -1 : 1));
  });

/** Whether a transition has an event or a notification, or changes a stored field of the incident. */
export function hasChanged({ incident }: Measurement, transition: Transition): boolean {
  if (!incident || transition.reason !== "" || transition.notifications.length > 0) return true;
  const kept = ({ severity, value, message, evidence, cause, muted_by, met_ms, met_at, unacknowledged_since, parent }: Kept) =>
    canonical({ severity, value, message, evidence, cause, muted_by, met_ms, met_at, unacknowledged_since, parent });
  return incident.state !== transition.to_state || kept(incident) !== kept(transition) ||
    !coversRuns(incident.bad_runs, transition.bad_runs);
}

/** Whether the covered runs of each entity include the others. */
const coversRuns = (covered: Transition["bad_runs"], runs: Transition["bad_runs"]): boolean =>
  runs.every(({ entity_type, first_run_at, last_run_at }) =>
    covered.some((range) =>
      range.entity_type === entity_type && Date.parse(range.first_run_at) <= Date.parse(first_run_at) &&
      Date.parse(range.last_run_at) >= Date.parse(last_run_at)
    )
  );

type Kept = Pick<
  Transition,
  "severity" | "value" | "message" | "evidence" | "cause" | "muted_by" | "met_ms" | "met_at" | "unacknowledged_since" | "parent"
>;
