import { z } from "zod";
import { ALERT_METRICS, AlertMetric, INCIDENT_STATES, type IncidentState } from "../../../types/alerts.ts";
import { SEVERITIES, type Severity } from "../../../types/sync.ts";

const moment = z.string().nullable();

/** What `measure_alert_rules` says of one rule. */
export const Measurement = z.object({
  rule_id: z.uuid(),
  rule_name: z.string(),
  metric: AlertMetric,
  entity_type: z.string(),
  severity: z.enum(SEVERITIES),
  threshold: z.number(),
  recovery_threshold: z.number().nullable(),
  minimum_runs: z.number(),
  no_data: z.enum(["KEEP", "OK", "ALERT"]),
  for_ms: z.number(),
  escalation_ms: z.number().nullable(),
  value: z.number().nullable(),
  runs: z.number(),
  execution_id: z.uuid().nullable(),
  repeat_ms: z.number(),
  channels: z.array(z.string()),
  runbook_url: z.string().nullable(),
  silenced_by: z.uuid().nullable(),
  incident: z.object({
    id: z.uuid(),
    version: z.number(),
    state: z.enum(INCIDENT_STATES),
    severity: z.enum(SEVERITIES),
    opened_at: z.string(),
    fired_at: moment,
    escalated_at: moment,
    acknowledged_until: moment,
    told_at: moment,
    last_told_at: moment,
  }).nullable(),
});
export type Measurement = z.infer<typeof Measurement>;

/** What a message is about: it fires, rose in severity, still holds, or is over. */
export const NOTICE_KINDS = ["FIRING", "ESCALATED", "REPEAT", "RESOLVED"] as const;
export type NoticeKind = typeof NOTICE_KINDS[number];

/** A step to apply; GONE removes an incident that never fired. */
export interface Transition {
  incident_id: string | null;
  version: number | null;
  rule_id: string;
  rule_name: string;
  metric: AlertMetric;
  entity_type: string;
  from_state: IncidentState | null;
  to_state: IncidentState | "GONE";
  severity: Severity;
  value: number | null;
  threshold: number;
  message: string;
  reason: string;
  evidence: { runs: number; execution_id: string | null };
  /** Whom to tell what; null is telling nobody. */
  notify: NoticeKind | null;
  channels: string[];
  runbook_url: string | null;
}

export type Verdict = "BREACH" | "RECOVERED" | "BETWEEN" | "UNKNOWN";

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

/** What holds, in words: the metric, its value, and the limit it is held against. */
export function describe(m: Measurement): string {
  const scope = m.entity_type === "all" ? "all syncs" : m.entity_type;
  const side = ALERT_METRICS[m.metric].direction === "above" ? "at or above" : "below";
  return `${m.metric.replaceAll("_", " ")} of ${scope} is ${figure(m.value, m.metric)}, ${side} ${figure(m.threshold, m.metric)}`;
}

const sinceMs = (then: string | null, now: number): number => then === null ? 0 : now - Date.parse(then);
const minutes = (ms: number): string => `${Math.round(ms / 6_000) / 10} minutes`;
const nextSeverity = (severity: Severity): Severity =>
  SEVERITIES[Math.min(SEVERITIES.indexOf(severity) + 1, SEVERITIES.length - 1)] as Severity;

/** Decides the one step a rule takes at `now` (ms since the epoch), with its reason and what is told; null when it stays as it is. */
export function decide(m: Measurement, now: number): Transition | null {
  const { incident } = m;
  const verdict = judge(m);
  const step = (
    to_state: Transition["to_state"],
    reason: string,
    notify: NoticeKind | null = null,
    severity = incident?.severity ?? m.severity,
  ): Transition => {
    // A silence keeps everything but the end from being told; the end is told to whoever heard of the beginning.
    const isMuted = notify === "RESOLVED" ? !incident?.told_at : m.silenced_by !== null;
    return {
      incident_id: incident?.id ?? null,
      version: incident?.version ?? null,
      rule_id: m.rule_id,
      rule_name: m.rule_name,
      metric: m.metric,
      entity_type: m.entity_type,
      from_state: incident?.state ?? null,
      to_state,
      severity,
      value: m.value,
      threshold: m.threshold,
      message: describe(m),
      reason: notify && notify !== "RESOLVED" && isMuted ? `${reason} (silenced)` : reason,
      evidence: { runs: m.runs, execution_id: m.execution_id },
      notify: isMuted ? null : notify,
      channels: m.channels,
      runbook_url: m.runbook_url,
    };
  };
  if (!incident) {
    if (verdict !== "BREACH") return null;
    return m.for_ms > 0 ? step("PENDING", `${describe(m)}; it must hold for ${minutes(m.for_ms)}`) : step("FIRING", describe(m), "FIRING");
  }
  if (incident.state === "PENDING") {
    if (verdict === "RECOVERED") return step("GONE", "it did not hold");
    const held = sinceMs(incident.opened_at, now);
    return verdict === "BREACH" && held >= m.for_ms ? step("FIRING", `${describe(m)} for ${minutes(held)}`, "FIRING") : null;
  }
  if (verdict === "RECOVERED") {
    return step("RESOLVED", `it is ${figure(m.value, m.metric)} again, after ${minutes(sinceMs(incident.opened_at, now))}`, "RESOLVED");
  }
  if (incident.state === "ACKNOWLEDGED") {
    const isOver = incident.acknowledged_until !== null && sinceMs(incident.acknowledged_until, now) >= 0;
    return isOver ? step("FIRING", "the acknowledgement ran out and it still holds", "FIRING") : null;
  }
  const unheard = sinceMs(incident.escalated_at ?? incident.fired_at, now);
  if (m.escalation_ms !== null && incident.severity !== "CRITICAL" && unheard >= m.escalation_ms) {
    return step("FIRING", `nobody acknowledged it for ${minutes(unheard)}`, "ESCALATED", nextSeverity(incident.severity));
  }
  if (m.silenced_by !== null) return null;
  if (incident.told_at === null) return step("FIRING", "the silence is over and it still holds", "FIRING");
  const quiet = sinceMs(incident.last_told_at, now);
  return quiet >= m.repeat_ms ? step("FIRING", `it still holds, ${minutes(quiet)} after it was last told`, "REPEAT") : null;
}
