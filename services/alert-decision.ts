import { ALERT_METRICS, type NotificationKind } from "../types/alerts.ts";
import { describe, inUtc, inWords, withUnit } from "./alert-words.ts";
import type { LiveIncident, Measurement, Transition } from "./contract/alerts.ts";

/** An incident is flapping when this many incidents of its scope resolved within `flap_ms` before it. */
const FLAPPING_AFTER = 3;

type Verdict = "BREACH" | "RECOVERED" | "BETWEEN" | "UNKNOWN";

/** Compares a value with its thresholds; a value equal to the threshold is a breach if the direction of the metric is `above`. */
export function judge(m: Measurement): Verdict {
  if (m.is_paused) return "UNKNOWN";
  return judgeValue(m, m.value, m.runs);
}

/** Compares another value of the same rule with its thresholds. */
export function judgeValue(m: Measurement, value: number | null, runs: number): Verdict {
  const { direction, needs_runs } = ALERT_METRICS[m.metric];
  if (value === null || needs_runs && runs < m.minimum_runs) {
    return ({ KEEP: "UNKNOWN", OK: "RECOVERED", ALERT: "BREACH" } as const)[m.no_data];
  }
  const recovery = m.recovery_threshold ?? m.threshold;
  if (direction === "above") return value >= m.threshold ? "BREACH" : value < recovery ? "RECOVERED" : "BETWEEN";
  return value < m.threshold ? "BREACH" : value >= recovery ? "RECOVERED" : "BETWEEN";
}

/** The times of an evaluation, in ms since the epoch. */
export interface EvaluationTimes {
  now: number;
  /** The start of the evaluations without a gap; the clocks of incidents do not count the time before it. */
  evaluatedSince: number;
}

/** The next state of an incident, before its causes and notifications are known. */
export interface Step extends Pick<LiveIncident, "is_flapping" | "recovered_at" | "met_ms" | "met_at"> {
  to_state: Transition["to_state"];
  /** The reason in the timeline; empty for a change that the timeline does not show. */
  reason: string;
  /** The kind of the notification for each destination; null when the state at the destination decides. */
  kind: NotificationKind | null;
}

/** Whether the incident is firing or acknowledged, and has not begun to recover. */
export const isFiring = (step: Step | null): boolean =>
  step !== null && (step.to_state === "FIRING" || step.to_state === "ACKNOWLEDGED") && step.recovered_at === null;

const NEW = { is_flapping: false, recovered_at: null, met_ms: 0, met_at: null };
export const sinceMs = (then: string | null, now: number): number => then === null ? 0 : now - Date.parse(then);
const toIso = (ms: number): string => new Date(ms).toISOString();

/** The next state of the incident of a measurement; null when the measurement has no incident and opens none. */
export function nextStep(m: Measurement, times: EvaluationTimes): Step | null {
  const verdict = judge(m);
  const { incident } = m;
  if (incident === null) return verdict === "BREACH" && m.closed_incident === null && m.ended === null ? open(m, times) : null;
  const step = (to_state: Step["to_state"], reason: string, kind: Step["kind"] = null, change: Partial<Step> = {}): Step => ({
    to_state,
    reason,
    kind,
    is_flapping: incident.is_flapping,
    recovered_at: incident.recovered_at,
    met_ms: incident.met_ms,
    met_at: incident.met_at,
    ...change,
  });
  if (m.ended !== null) return incident.state === "PENDING" ? step("DISCARDED", m.ended) : step("RESOLVED", m.ended, "RESOLVED");
  if (incident.state === "PENDING") return whilePending(m, verdict, incident, times, step);
  if (verdict === "RECOVERED") return recover(m, incident, times.now, step);
  if (incident.recovered_at !== null && verdict === "BREACH") {
    return step(incident.state, "the condition is met again before the recovery was long enough", null, { recovered_at: null });
  }
  if (incident.state === "ACKNOWLEDGED" && incident.acknowledged_until !== null && sinceMs(incident.acknowledged_until, times.now) >= 0) {
    return step("FIRING", "the acknowledgement expired before the incident recovered", "FIRING");
  }
  return step(incident.state, "");
}

type CreateStep = (to: Step["to_state"], reason: string, kind?: Step["kind"], change?: Partial<Step>) => Step;

function open(m: Measurement, { now }: EvaluationTimes): Step {
  if (m.for_ms === 0) return fire(m, describe(m), NEW);
  const reason = `${describe(m)}; fires when the condition is met for ${inWords(m.for_ms)}`;
  return { to_state: "PENDING", reason, kind: null, ...NEW, met_at: toIso(now) };
}

function fire(m: Measurement, reason: string, state: typeof NEW | LiveIncident): Step {
  const { met_ms, met_at } = state;
  if (m.resolved_recently < FLAPPING_AFTER) return { ...NEW, met_ms, met_at, to_state: "FIRING", reason, kind: "FIRING" };
  const flapping = `flapping: ${m.resolved_recently} incidents resolved within ${inWords(m.flap_ms)}, so this one resolves only after a ` +
    `recovery of ${inWords(m.flap_ms / 2)}`;
  return { ...NEW, met_ms, met_at, is_flapping: true, to_state: "FIRING", reason: `${reason}; ${flapping}`, kind: "FLAPPING" };
}

/** The next state of a pending incident; `for` counts only the time between two evaluations at which the condition was met. */
function whilePending(m: Measurement, verdict: Verdict, incident: LiveIncident, times: EvaluationTimes, step: CreateStep): Step {
  const { now, evaluatedSince } = times;
  if (verdict === "UNKNOWN") return step("PENDING", "", null, { met_at: null });
  if (verdict !== "BREACH") return step("DISCARDED", `recovered before the condition was met for ${inWords(m.for_ms)}`);
  const wasMet = incident.met_at !== null && Date.parse(incident.met_at) >= evaluatedSince;
  const met_ms = incident.met_ms + (wasMet ? Math.max(sinceMs(incident.met_at, now), 0) : 0);
  if (met_ms < m.for_ms) return step("PENDING", "", null, { met_ms, met_at: toIso(now) });
  return fire(m, `${describe(m)} for ${inWords(met_ms)}`, { ...incident, met_ms });
}

function recover(m: Measurement, incident: LiveIncident, now: number, step: CreateStep): Step {
  const resolve = (): Step => {
    const isKnown = m.value !== null && judgeValue({ ...m, no_data: "KEEP" }, m.value, m.runs) === "RECOVERED";
    const recovery = isKnown ? `recovered to ${withUnit(m.value ?? 0, m.metric)}` : "no data, which counts as recovered,";
    return step("RESOLVED", `${recovery} after ${inWords(sinceMs(incident.opened_at, now))}`, "RESOLVED");
  };
  if (!incident.is_flapping) return resolve();
  if (incident.recovered_at === null) {
    const reason = `recovered; a flapping incident resolves after a recovery of ${inWords(m.flap_ms / 2)}`;
    return step(incident.state, reason, null, { recovered_at: toIso(now) });
  }
  return sinceMs(incident.recovered_at, now) >= m.flap_ms / 2 ? resolve() : step(incident.state, "");
}

/** The runs that were missed in a gap of the evaluations, as the reason, evidence and times of an incident; null without a missed run. */
export function missedRuns(m: Measurement): Pick<Transition, "reason" | "evidence" | "began_at" | "resolved_at" | "missed_due_at"> | null {
  const [first] = m.missed, last = m.missed.at(-1);
  if (!first || !last) return null;
  const dueTimes = m.missed.map(({ due_at }) => due_at);
  const runs = dueTimes.length === 1 ? "1 run" : `${dueTimes.length} runs`;
  return {
    reason: `${runs} of ${m.entity_type} did not start when due (${dueTimes.map(inUtc).join(", ")}) while no rules were evaluated; ` +
      `the next run started at ${inUtc(last.started_at)}`,
    evidence: { missed: dueTimes },
    began_at: first.overdue_at,
    resolved_at: last.started_at,
    missed_due_at: first.due_at,
  };
}
