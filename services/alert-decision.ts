import { ALERT_METRICS, type AlertMetric, type NotificationKind } from "../types/alerts.ts";
import { SEVERITIES, type Severity } from "../types/sync.ts";
import type { Measurement, Scope, Transition } from "./contract/alerts.ts";

/** An incident is flapping when this many incidents of its scope resolved within `flap_ms` before it. */
const FLAPPING_AFTER = 3;

/** The inputs of a decision besides the measurement. */
export interface EvaluationContext {
  /** Milliseconds since the epoch. */
  now: number;
  /** The time since which evaluations have run without a gap, in milliseconds since the epoch; null before the first evaluation. */
  evaluatedSince: number | null;
  /** The incident that inhibits this one. */
  parent: Scope | null;
  /** The highest severity of the incidents that this one inhibits, and the channels of those that are not silenced. */
  inherited: { severity: Severity; rule_name: string; channels: string[] } | null;
}

type Verdict = "BREACH" | "RECOVERED" | "BETWEEN" | "UNKNOWN";

/** Compares a value with its thresholds; a value equal to the threshold is a breach if the direction of the metric is `above`. */
export function judge(m: Measurement): Verdict {
  if (m.value === null || m.runs < m.minimum_runs) return ({ KEEP: "UNKNOWN", OK: "RECOVERED", ALERT: "BREACH" } as const)[m.no_data];
  const { direction } = ALERT_METRICS[m.metric];
  const recovery = m.recovery_threshold ?? m.threshold;
  if (direction === "above") return m.value >= m.threshold ? "BREACH" : m.value < recovery ? "RECOVERED" : "BETWEEN";
  return m.value < m.threshold ? "BREACH" : m.value >= recovery ? "RECOVERED" : "BETWEEN";
}

const DURATION_UNITS = [[86_400_000, "day"], [3_600_000, "hour"], [60_000, "minute"], [1_000, "second"]] as const;
const oneDecimal = (value: number): number => Math.round(value * 10) / 10;

/** A duration in its largest unit: `1 minute`, `1.5 hours`. */
export function inWords(ms: number): string {
  // Rounding to one decimal can complete the next larger unit: 59.98 minutes are 1 hour.
  const [size, unit] = DURATION_UNITS.find(([size], index) => {
    const smaller = DURATION_UNITS[index + 1]?.[0] ?? size;
    return oneDecimal(ms / smaller) * smaller >= size;
  }) ?? [1_000, "second"];
  const count = oneDecimal(ms / size);
  return `${count} ${unit}${count === 1 ? "" : "s"}`;
}

/** A time as people read it: `2026-06-10 12:00:00 UTC`. */
export const inUtc = (time: string): string => `${new Date(time).toISOString().slice(0, 19).replace("T", " ")} UTC`;

/** A value of a metric with its unit: `95 %`, `26 hours`, `3 runs`. */
export function withUnit(value: number, metric: AlertMetric): string {
  const { unit } = ALERT_METRICS[metric];
  if (unit === "ratio") return `${oneDecimal(value * 100)} %`;
  if (unit === "s") return inWords(value * 1_000);
  const count = oneDecimal(value);
  // "errors per run" becomes "error per run", and "ms" stays.
  return `${count} ${count === 1 ? unit.replace(/(\w\w)s\b/, "$1") : unit}`;
}

const scopeText = ({ entity_type, tournament_no }: Scope): string =>
  tournament_no !== null
    ? ` of tournament ${tournament_no} in ${entity_type}`
    : entity_type === "all"
    ? " of all syncs"
    : entity_type === "system"
    ? ""
    : ` of ${entity_type}`;

/** The metric, its value and the threshold in words. */
function describe(m: Measurement): string {
  const metric = `${ALERT_METRICS[m.metric].label}${scopeText(m)}`;
  if (m.value === null) return `${metric}: unknown (no data)`;
  const side = m.value >= m.threshold ? "at or above" : "below";
  return `${metric}: ${withUnit(m.value, m.metric)}, ${side} the threshold of ${withUnit(m.threshold, m.metric)}`;
}

const sinceMs = (then: string | null, now: number): number => then === null ? 0 : now - Date.parse(then);
const rank = (severity: Severity): number => SEVERITIES.indexOf(severity);
const higher = (a: Severity, b: Severity): Severity => rank(a) >= rank(b) ? a : b;
const nextSeverity = (severity: Severity): Severity => SEVERITIES[Math.min(rank(severity) + 1, SEVERITIES.length - 1)] as Severity;
const isSame = (a: Scope | null, b: Scope | null): boolean =>
  a?.rule_id === b?.rule_id && a?.entity_type === b?.entity_type && a?.tournament_no === b?.tournament_no;

/** The channels of the rule, of the escalation steps so far and of the incidents that this one inhibits. */
const channelsOf = (m: Measurement, step: number, inherited: EvaluationContext["inherited"]): string[] => [
  ...new Set([...m.channels, ...m.escalation_channels.slice(0, step).flat(), ...inherited?.channels ?? []]),
];

/** The facts behind a value; `peak` is the worst value so far. The incident keeps those of its worst value. */
function evidenceOf(m: Measurement): Record<string, unknown> {
  const peak = isWorse(m) ? m.value : m.incident?.evidence.peak;
  return {
    runs: m.runs,
    execution_id: m.execution_id,
    ...(m.fingerprint ? { fingerprint: m.fingerprint } : {}),
    ...m.evidence,
    ...(typeof peak === "number" ? { peak } : {}),
  };
}

/** The value is worse than every earlier one of the incident. */
function isWorse({ value, metric, incident }: Measurement): boolean {
  const peak = incident?.evidence.peak;
  if (value === null) return false;
  return typeof peak !== "number" || (ALERT_METRICS[metric].direction === "above" ? value > peak : value < peak);
}

type Change = Partial<Pick<Transition, "channels" | "severity" | "escalation_step" | "is_flapping" | "recovered_at">>;
type CreateTransition = (to: Transition["to_state"], reason: string, notify?: NotificationKind | null, change?: Change) => Transition;

/** Returns a function that creates transitions of one incident, and mutes the notifications of a silenced or inhibited one. */
function transitionsOf(m: Measurement, { now, parent, inherited }: EvaluationContext): CreateTransition {
  const { incident } = m;
  return (to_state, reason, notify = null, change = {}) => {
    // A silence or a parent never mutes a RESOLVED notification: each channel that received the opening notification receives it.
    const isMuted = notify === "RESOLVED" ? !incident?.notified_at : m.silenced_by !== null || parent !== null;
    const muted = notify && notify !== "RESOLVED" && isMuted ? parent ? ` (inhibited by ${parent.rule_name})` : " (silenced)" : "";
    const step = change.escalation_step ?? incident?.escalation_step ?? 0;
    return {
      incident_id: incident?.id ?? null,
      version: incident?.version ?? null,
      rule_id: m.rule_id,
      rule_name: m.rule_name,
      metric: m.metric,
      entity_type: m.entity_type,
      tournament_no: m.tournament_no,
      from_state: incident?.state ?? null,
      to_state,
      severity: incident?.severity ?? m.severity,
      value: m.value,
      threshold: m.threshold,
      message: describe(m),
      reason: `${reason}${muted}`,
      evidence: to_state === "RESOLVED" && incident ? incident.evidence : evidenceOf(m),
      began_at: m.since !== null && Date.parse(m.since) < now ? m.since : null,
      escalation_step: step,
      is_flapping: incident?.is_flapping ?? false,
      recovered_at: incident?.recovered_at ?? null,
      parent,
      notify: isMuted ? null : notify,
      channels: channelsOf(m, step, inherited),
      runbook_url: m.runbook_url,
      ...change,
    };
  };
}

/** Decides the next transition of a rule in one scope, with its reason and its notification; null when nothing changes. */
export function decide(m: Measurement, context: EvaluationContext): Transition | null {
  const verdict = judge(m);
  const transition = transitionsOf(m, context);
  if (!m.incident) return verdict === "BREACH" ? open(m, context, transition) : null;
  if (m.incident.state === "PENDING") {
    if (verdict === "RECOVERED") return transition("DISCARDED", `recovered before the condition was met for ${inWords(m.for_ms)}`);
    const met = metMs(m.incident.opened_at, context);
    return verdict === "BREACH" && met >= m.for_ms ? transition("FIRING", `${describe(m)} for ${inWords(met)}`, "FIRING") : null;
  }
  if (verdict === "RECOVERED") return recover(m, context, transition);
  // The incident keeps its worst value, for the message about its end.
  const keepPeak = () => verdict === "BREACH" && isWorse(m) ? transition(m.incident?.state ?? "FIRING", "") : null;
  return whileFiring(m, verdict, context, transition) ?? keepPeak();
}

/** How long evaluations found the condition met; the time before a gap in the evaluations does not count. */
const metMs = (openedAt: string, { now, evaluatedSince }: EvaluationContext): number =>
  now - Math.max(Date.parse(openedAt), evaluatedSince ?? 0);

function open(m: Measurement, { inherited }: EvaluationContext, transition: CreateTransition): Transition {
  if (m.for_ms > 0) return transition("PENDING", `${describe(m)}; fires when the condition is met for ${inWords(m.for_ms)}`);
  const change = { severity: inherited ? higher(m.severity, inherited.severity) : m.severity };
  if (m.resolved_recently < FLAPPING_AFTER) return transition("FIRING", describe(m), "FIRING", change);
  const reason = `${describe(m)}; flapping: ${m.resolved_recently} incidents resolved within ${
    inWords(m.flap_ms)
  }, so this one resolves only after a recovery of ${inWords(m.flap_ms / 2)}`;
  return transition("FIRING", reason, "FLAPPING", { ...change, is_flapping: true });
}

function recover(m: Measurement, { now }: EvaluationContext, transition: CreateTransition): Transition | null {
  const { incident } = m;
  if (!incident) return null;
  const resolve = () => {
    const recovery = m.value === null ? "no data, which counts as recovered," : `recovered to ${withUnit(m.value, m.metric)}`;
    return transition("RESOLVED", `${recovery} after ${inWords(sinceMs(incident.opened_at, now))}`, "RESOLVED");
  };
  if (!incident.is_flapping) return resolve();
  if (incident.recovered_at === null) {
    const reason = `recovered; a flapping incident resolves after a recovery of ${inWords(m.flap_ms / 2)}`;
    return transition(incident.state, reason, null, { recovered_at: new Date(now).toISOString() });
  }
  return sinceMs(incident.recovered_at, now) >= m.flap_ms / 2 ? resolve() : null;
}

function whileFiring(
  m: Measurement,
  verdict: Verdict,
  { now, parent, inherited }: EvaluationContext,
  transition: CreateTransition,
): Transition | null {
  const { incident } = m;
  if (!incident) return null;
  const { state, severity } = incident;
  if (incident.recovered_at !== null) {
    return verdict === "BREACH"
      ? transition(state, "the condition is met again before the recovery was long enough", null, { recovered_at: null })
      : null;
  }
  if (state === "ACKNOWLEDGED") {
    const isExpired = incident.acknowledged_until !== null && sinceMs(incident.acknowledged_until, now) >= 0;
    return isExpired ? transition("FIRING", "the acknowledgement expired before the incident recovered", "FIRING") : null;
  }
  if (parent) return isSame(parent, incident.parent) ? null : transition("FIRING", `inhibited by ${parent.rule_name}: same cause`);
  if (m.silenced_by !== null) return null;
  if (incident.notified_at === null) {
    const ended = incident.parent ? `${incident.parent.rule_name} no longer inhibits this incident` : "the silence ended";
    return transition("FIRING", `${ended} and the incident is still firing`, "FIRING");
  }
  if (incident.parent) return transition("FIRING", `no longer inhibited by ${incident.parent.rule_name}`);
  if (inherited && rank(inherited.severity) > rank(severity)) {
    return transition("FIRING", `${inherited.rule_name} has the same cause and the severity ${inherited.severity}`, "ESCALATED", {
      severity: inherited.severity,
    });
  }
  const newChannels = channelsOf(m, incident.escalation_step, inherited).filter((channel) =>
    !incident.attempted_channels.includes(channel)
  );
  if (newChannels.length) {
    const isInherited = newChannels.every((channel) => inherited?.channels.includes(channel));
    const reason = isInherited ? "an incident that this one inhibits has other channels" : `${newChannels.join(", ")} was added or enabled`;
    return transition("FIRING", reason, "FIRING", { channels: newChannels });
  }
  const unacknowledged = sinceMs(incident.escalated_at ?? incident.notified_at, now);
  const canEscalate = severity !== "CRITICAL" || incident.escalation_step < m.escalation_channels.length;
  if (m.escalation_ms !== null && canEscalate && unacknowledged >= m.escalation_ms) {
    const change = { severity: nextSeverity(severity), escalation_step: incident.escalation_step + 1 };
    return transition("FIRING", `not acknowledged for ${inWords(unacknowledged)}`, "ESCALATED", change);
  }
  const sinceNotified = sinceMs(incident.last_notified_at, now);
  return sinceNotified >= m.repeat_ms
    ? transition("FIRING", `still firing ${inWords(sinceNotified)} after the last notification`, "REPEAT")
    : null;
}

/** Creates one incident, already RESOLVED, for the runs that were missed while no rules were evaluated; null when no run was missed. */
export function decideMissed(m: Measurement, context: EvaluationContext): Transition | null {
  const [first] = m.missed, last = m.missed.at(-1);
  if (!first || !last) return null;
  const dueTimes = m.missed.map(({ due_at }) => due_at);
  const runs = dueTimes.length === 1 ? "1 run" : `${dueTimes.length} runs`;
  const reason = `${runs} of ${m.entity_type} did not start when due (${
    dueTimes.map(inUtc).join(", ")
  }) while no rules were evaluated; the next run started at ${inUtc(last.started_at)}`;
  return {
    ...transitionsOf({ ...m, incident: null }, { ...context, parent: null })("RESOLVED", reason),
    message: reason,
    evidence: { missed: dueTimes },
    began_at: first.overdue_at,
    resolved_at: last.started_at,
    missed_due_at: first.due_at,
    notify: m.silenced_by === null ? "MISSED" : null,
  };
}
