import type { LiveIncident, Scope, Transition } from "./contract/alerts.ts";

/** The columns of `alert_incidents` that evaluations read; times are ISO 8601. */
export interface StoredIncident extends Omit<LiveIncident, "destinations" | "bad_runs" | "parent"> {
  rule_id: string | null;
  rule_name: string;
  entity_type: string;
  tournament_no: string | null;
  resolved_at: string | null;
  missed_due_at: string | null;
  awaits_recovery: boolean;
}

const isoOf = (ms: number): string => new Date(ms).toISOString();

/** The fields that an incident receives from every transition. */
const takenFrom = (
  { severity, value, message, evidence, cause, escalation_step, is_flapping, unacknowledged_since, met_ms, met_at }: Transition,
) => ({ severity, value, message, evidence, cause, escalation_step, is_flapping, unacknowledged_since, met_ms, met_at });

/** The new incident of a transition, as `private.apply_alert_transition` inserts it. */
export function openIncident(t: Transition, id: string, now: number): StoredIncident {
  const at = isoOf(now), notified_at = t.notifications.length > 0 ? at : null;
  const { rule_id, rule_name, entity_type, tournament_no } = t satisfies Scope;
  return {
    ...takenFrom(t),
    ...{ id, rule_id, rule_name, entity_type, tournament_no, notified_at, muted_by: t.muted_by },
    state: t.to_state === "DISCARDED" ? "RESOLVED" : t.to_state,
    version: 1,
    escalation_step: 0,
    opened_at: at,
    began_at: t.began_at !== null && Date.parse(t.began_at) < now ? t.began_at : at,
    fired_at: t.to_state === "PENDING" ? null : at,
    acknowledged_until: null,
    last_notified_at: notified_at,
    recovered_at: null,
    resolved_at: t.resolved_at ?? null,
    missed_due_at: t.missed_due_at ?? null,
    awaits_recovery: false,
  };
}

/** The incident after a transition, as `private.apply_alert_transition` updates it. */
export function changeIncident(incident: StoredIncident, t: Transition, now: number): StoredIncident {
  const at = isoOf(now), notifiedNow = t.notifications.length > 0 ? at : null, isOver = t.to_state === "RESOLVED";
  return {
    ...incident,
    ...takenFrom(t),
    state: t.to_state === "DISCARDED" ? "RESOLVED" : t.to_state,
    muted_by: isOver ? incident.muted_by : t.muted_by,
    recovered_at: isOver ? incident.recovered_at : t.recovered_at,
    fired_at: t.to_state === "PENDING" ? null : incident.fired_at ?? at,
    acknowledged_until: t.to_state === "ACKNOWLEDGED" ? incident.acknowledged_until : null,
    notified_at: incident.notified_at ?? notifiedNow,
    last_notified_at: notifiedNow ?? incident.last_notified_at,
    resolved_at: isOver ? at : null,
    version: incident.version + 1,
  };
}

/** A firing or acknowledged incident after an act of a person, as `change_alert_incident` updates it. */
export function actOn(
  incident: StoredIncident,
  action: "acknowledge" | "unacknowledge" | "resolve",
  until: string | null,
  now: number,
): StoredIncident {
  const changed = { ...incident, unacknowledged_since: null, version: incident.version + 1 };
  if (action === "resolve") return { ...changed, state: "RESOLVED", resolved_at: isoOf(now), awaits_recovery: true };
  return { ...changed, state: action === "acknowledge" ? "ACKNOWLEDGED" : "FIRING", acknowledged_until: until };
}
