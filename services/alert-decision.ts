import { z } from "zod";
import { ALERT_METRICS, AlertMetric, INCIDENT_STATES, type IncidentState, type NoticeKind } from "../types/alerts.ts";
import { SEVERITIES, type Severity } from "../types/sync.ts";

/** So many incidents of one scope resolved within `flap_ms`, and the next one is flapping. */
const FLAPPING_AFTER = 3;

const moment = z.string().nullable();

/** Where an incident stands: a rule and the entity or tournament it is about. */
export const Scope = z.object({ rule_id: z.uuid(), rule_name: z.string(), entity_type: z.string(), tournament_no: z.string().nullable() });
export type Scope = z.infer<typeof Scope>;

/** What `measure_alert_rules` says of one rule and scope. */
export const Measurement = Scope.extend({
  metric: AlertMetric,
  severity: z.enum(SEVERITIES),
  threshold: z.number(),
  recovery_threshold: z.number().nullable(),
  minimum_runs: z.number(),
  no_data: z.enum(["KEEP", "OK", "ALERT"]),
  for_ms: z.number(),
  escalation_ms: z.number().nullable(),
  escalation_channels: z.array(z.array(z.string())),
  repeat_ms: z.number(),
  flap_ms: z.number(),
  channels: z.array(z.string()),
  runbook_url: z.string().nullable(),
  value: z.number().nullable(),
  runs: z.number(),
  since: moment,
  execution_id: z.uuid().nullable(),
  fingerprint: z.string().nullable(),
  evidence: z.record(z.string(), z.unknown()),
  silenced_by: z.uuid().nullable(),
  /** Incidents of this scope that resolved within `flap_ms`. */
  resolved_recently: z.number(),
  /** Runs that were due while nobody evaluated, did not begin, and were made good by a later one. */
  missed: z.array(z.object({ due_at: z.string(), overdue_at: z.string(), made_good_at: z.string() })),
  incident: z.object({
    id: z.uuid(),
    version: z.number(),
    state: z.enum(INCIDENT_STATES),
    severity: z.enum(SEVERITIES),
    opened_at: z.string(),
    began_at: z.string(),
    fired_at: moment,
    escalated_at: moment,
    escalation_step: z.number().int(),
    acknowledged_until: moment,
    notified_at: moment,
    last_notified_at: moment,
    notified_channels: z.array(z.string()),
    is_flapping: z.boolean(),
    recovered_at: moment,
    parent: Scope.nullable(),
  }).nullable(),
});
export type Measurement = z.infer<typeof Measurement>;

/** A step to apply; DISCARDED removes an incident that never fired. */
export interface Transition {
  incident_id: string | null;
  version: number | null;
  rule_id: string;
  rule_name: string;
  metric: AlertMetric;
  entity_type: string;
  tournament_no: string | null;
  from_state: IncidentState | null;
  to_state: IncidentState | "DISCARDED";
  severity: Severity;
  value: number | null;
  threshold: number;
  message: string;
  reason: string;
  evidence: Record<string, unknown>;
  began_at: string | null;
  resolved_at?: string;
  missed_due_at?: string;
  escalation_step: number;
  is_flapping: boolean;
  recovered_at: string | null;
  /** The incident that speaks for the same cause. */
  parent: Scope | null;
  /** Whom to tell what; null is telling nobody. */
  notify: NoticeKind | null;
  /** Where it is told; the end goes to whoever heard of the beginning instead. */
  channels: string[];
  runbook_url: string | null;
}

/** What else a decision takes in: the time, since when somebody looked without a gap, and what the same cause did elsewhere. */
export interface EvaluationContext {
  /** Milliseconds since the epoch. */
  now: number;
  watchedSince: number | null;
  /** The incident that already speaks for this cause. */
  parent: Scope | null;
  /** The most severe of what hangs under this one, and where all of that would be told. */
  inherited: { severity: Severity; rule_name: string; channels: string[] } | null;
}

type Verdict = "BREACH" | "RECOVERED" | "BETWEEN" | "UNKNOWN";

/** Holds a value against its limits: at the threshold it is a breach, and only past the recovery threshold it is well again. */
export function judge(m: Measurement): Verdict {
  if (m.value === null || m.runs < m.minimum_runs) return ({ KEEP: "UNKNOWN", OK: "RECOVERED", ALERT: "BREACH" } as const)[m.no_data];
  const { direction } = ALERT_METRICS[m.metric];
  const recovery = m.recovery_threshold ?? m.threshold;
  if (direction === "above") return m.value >= m.threshold ? "BREACH" : m.value < recovery ? "RECOVERED" : "BETWEEN";
  return m.value < m.threshold ? "BREACH" : m.value >= recovery ? "RECOVERED" : "BETWEEN";
}

const figure = (value: number | null, metric: AlertMetric): string => {
  if (value === null) return "unknown";
  const { unit } = ALERT_METRICS[metric];
  return unit === "ratio" ? `${Math.round(value * 1000) / 10} %` : `${Math.round(value * 10) / 10} ${unit}`;
};

const nameOf = ({ entity_type, tournament_no }: { entity_type: string; tournament_no: string | null }): string =>
  tournament_no !== null
    ? `tournament ${tournament_no} of ${entity_type}`
    : entity_type === "all"
    ? "all syncs"
    : entity_type === "system"
    ? "the monitoring itself"
    : entity_type;

/** What holds, in words: the metric, its value, and the limit it is held against. */
function describe(m: Measurement): string {
  const side = ALERT_METRICS[m.metric].direction === "above" ? "at or above" : "below";
  return `${m.metric.replaceAll("_", " ")} of ${nameOf(m)} is ${figure(m.value, m.metric)}, ${side} ${figure(m.threshold, m.metric)}`;
}

const sinceMs = (then: string | null, now: number): number => then === null ? 0 : now - Date.parse(then);
const minutes = (ms: number): string => `${Math.round(ms / 6_000) / 10} minutes`;
const rank = (severity: Severity): number => SEVERITIES.indexOf(severity);
const higher = (a: Severity, b: Severity): Severity => rank(a) >= rank(b) ? a : b;
const nextSeverity = (severity: Severity): Severity => SEVERITIES[Math.min(rank(severity) + 1, SEVERITIES.length - 1)] as Severity;
const isSame = (a: Scope | null, b: Scope | null): boolean =>
  a?.rule_id === b?.rule_id && a?.entity_type === b?.entity_type && a?.tournament_no === b?.tournament_no;

type Change = Partial<Pick<Transition, "channels" | "severity" | "escalation_step" | "is_flapping" | "recovered_at">>;
type Step = (to: Transition["to_state"], reason: string, notify?: NoticeKind | null, change?: Change) => Transition;

/** Builds steps of one incident: what they carry unless a step changes it, and whether anybody hears of them. */
function stepsOf(m: Measurement, { now, parent, inherited }: EvaluationContext): Step {
  const { incident } = m;
  return (to_state, reason, notify = null, change = {}) => {
    // A silence, or another incident that speaks, keeps everything but the end from being told; the end is told to whoever heard of the beginning.
    const isMuted = notify === "RESOLVED" ? !incident?.notified_at : m.silenced_by !== null || parent !== null;
    const why = notify && notify !== "RESOLVED" && isMuted ? parent ? ` (hangs under ${parent.rule_name})` : " (silenced)" : "";
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
      reason: `${reason}${why}`,
      evidence: { runs: m.runs, execution_id: m.execution_id, ...(m.fingerprint ? { fingerprint: m.fingerprint } : {}), ...m.evidence },
      began_at: m.since !== null && Date.parse(m.since) < now ? m.since : null,
      escalation_step: step,
      is_flapping: incident?.is_flapping ?? false,
      recovered_at: incident?.recovered_at ?? null,
      parent,
      notify: isMuted ? null : notify,
      channels: [...new Set([...m.channels, ...m.escalation_channels.slice(0, step).flat(), ...inherited?.channels ?? []])],
      runbook_url: m.runbook_url,
      ...change,
    };
  };
}

/** Decides the one step a rule takes in one scope, with its reason and what is told; null when it stays as it is. */
export function decide(m: Measurement, context: EvaluationContext): Transition | null {
  const verdict = judge(m);
  const step = stepsOf(m, context);
  if (!m.incident) return verdict === "BREACH" ? open(m, context, step) : null;
  if (m.incident.state === "PENDING") {
    if (verdict === "RECOVERED") return step("DISCARDED", "it did not hold");
    const held = heldMs(m.incident.opened_at, context);
    return verdict === "BREACH" && held >= m.for_ms ? step("FIRING", `${describe(m)} for ${minutes(held)}`, "FIRING") : null;
  }
  if (verdict === "RECOVERED") return recover(m, context, step);
  return whileFiring(m, verdict, context, step);
}

/** How long something was seen to hold: a stretch in which nobody looked does not count. */
const heldMs = (openedAt: string, { now, watchedSince }: EvaluationContext): number =>
  now - Math.max(Date.parse(openedAt), watchedSince ?? 0);

function open(m: Measurement, { inherited }: EvaluationContext, step: Step): Transition {
  if (m.for_ms > 0) return step("PENDING", `${describe(m)}; it must hold for ${minutes(m.for_ms)}`);
  const change = { severity: inherited ? higher(m.severity, inherited.severity) : m.severity };
  if (m.resolved_recently < FLAPPING_AFTER) return step("FIRING", describe(m), "FIRING", change);
  const reason = `${describe(m)}; it came back ${m.resolved_recently} times within ${
    minutes(m.flap_ms)
  }, so it is told again only when it stayed well for ${minutes(m.flap_ms / 2)}`;
  return step("FIRING", reason, "FLAPPING", { ...change, is_flapping: true });
}

function recover(m: Measurement, { now }: EvaluationContext, step: Step): Transition | null {
  const { incident } = m;
  if (!incident) return null;
  const resolved = () =>
    step("RESOLVED", `it is ${figure(m.value, m.metric)} again, after ${minutes(sinceMs(incident.opened_at, now))}`, "RESOLVED");
  if (!incident.is_flapping) return resolved();
  if (incident.recovered_at === null) {
    return step(incident.state, `well again; it flaps, so it must stay well for ${minutes(m.flap_ms / 2)}`, null, {
      recovered_at: new Date(now).toISOString(),
    });
  }
  return sinceMs(incident.recovered_at, now) >= m.flap_ms / 2 ? resolved() : null;
}

function whileFiring(m: Measurement, verdict: Verdict, { now, parent, inherited }: EvaluationContext, step: Step): Transition | null {
  const { incident } = m;
  if (!incident) return null;
  const { state, severity } = incident;
  if (incident.recovered_at !== null) {
    return verdict === "BREACH" ? step(state, "it came back while it was to stay well", null, { recovered_at: null }) : null;
  }
  if (state === "ACKNOWLEDGED") {
    const isOver = incident.acknowledged_until !== null && sinceMs(incident.acknowledged_until, now) >= 0;
    return isOver ? step("FIRING", "the acknowledgement ran out and it still holds", "FIRING") : null;
  }
  if (parent) return isSame(parent, incident.parent) ? null : step("FIRING", `the cause is that of ${parent.rule_name}: hangs under it`);
  if (m.silenced_by !== null) return null;
  if (incident.notified_at === null) {
    const over = incident.parent ? `${incident.parent.rule_name}, which spoke for it, does so no longer` : "the silence is over";
    return step("FIRING", `${over} and it still holds`, "FIRING");
  }
  if (incident.parent) return step("FIRING", `hangs under ${incident.parent.rule_name} no longer`);
  if (inherited && rank(inherited.severity) > rank(severity)) {
    return step("FIRING", `${inherited.rule_name} has the same cause and is ${inherited.severity}`, "ESCALATED", {
      severity: inherited.severity,
    });
  }
  const unaware = inherited?.channels.filter((channel) => !incident.notified_channels.includes(channel)) ?? [];
  if (unaware.length) return step("FIRING", "what hangs under it is to be told here too", "FIRING", { channels: unaware });
  const unheard = sinceMs(incident.escalated_at ?? incident.notified_at, now);
  const canRise = severity !== "CRITICAL" || incident.escalation_step < m.escalation_channels.length;
  if (m.escalation_ms !== null && canRise && unheard >= m.escalation_ms) {
    const change = { severity: nextSeverity(severity), escalation_step: incident.escalation_step + 1 };
    return step("FIRING", `nobody acknowledged it for ${minutes(unheard)}`, "ESCALATED", change);
  }
  const quiet = sinceMs(incident.last_notified_at, now);
  return quiet >= m.repeat_ms ? step("FIRING", `it still holds, ${minutes(quiet)} after it was last told`, "REPEAT") : null;
}

/** An incident that began and ended while nobody evaluated: runs that were due, did not begin, and were made good later; null when there are none. */
export function decideMissed(m: Measurement, context: EvaluationContext): Transition | null {
  const [first] = m.missed, last = m.missed.at(-1);
  if (!first || !last) return null;
  const dues = m.missed.map(({ due_at }) => due_at);
  const runs = dues.length === 1 ? "a run" : `${dues.length} runs`;
  const reason = `${runs} of ${m.entity_type} did not begin when due (${
    dues.join(", ")
  }) while nobody evaluated; one began at ${last.made_good_at}`;
  return {
    ...stepsOf({ ...m, incident: null }, { ...context, parent: null })("RESOLVED", reason),
    message: reason,
    evidence: { missed: dues },
    began_at: first.overdue_at,
    resolved_at: last.made_good_at,
    missed_due_at: first.due_at,
    notify: m.silenced_by === null ? "MISSED" : null,
  };
}
