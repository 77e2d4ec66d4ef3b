import { SEVERITIES } from "../types/sync.ts";
import { decide, decideMissed, type EvaluationContext, judge } from "./alert-decision.ts";
import type { Measurement, Scope, Transition } from "./contract/alerts.ts";

/** The metrics that one run can breach at the same time, the closest to the cause first; the first one inhibits the others. */
const CAUSE_ORDER: readonly string[] = [
  "stuck_execution",
  "duration_exceeded",
  "memory_usage",
  "consecutive_failures",
  "error_rate",
  "success_rate",
];

/** Whether the incident of this scope is firing or acknowledged, and not recovered, after this evaluation. */
function isActive(m: Measurement): boolean {
  const verdict = judge(m);
  if (m.incident === null) return verdict === "BREACH" && m.for_ms === 0;
  return m.incident.state !== "PENDING" && verdict !== "RECOVERED" && m.incident.recovered_at === null;
}

const scopeOf = ({ rule_id, rule_name, entity_type, tournament_no }: Measurement): Scope => ({
  rule_id,
  rule_name,
  entity_type,
  tournament_no,
});
const covers = (shared: Measurement, m: Measurement): boolean =>
  m.metric !== "shared_failure" && m.fingerprint !== null && m.fingerprint === shared.fingerprint &&
  (shared.entity_type === "all" || shared.entity_type === m.entity_type);

/** The incident of one run that inhibits the others: never a silenced one; a notified one if any, else the closest to the cause. */
function parentAmong(group: Measurement[]): Measurement | undefined {
  const isNotified = ({ incident }: Measurement): boolean => Boolean(incident?.notified_at && !incident.parent);
  return group.filter((m) => m.silenced_by === null).toSorted((a, b) =>
    Number(isNotified(b)) - Number(isNotified(a)) || CAUSE_ORDER.indexOf(a.metric) - CAUSE_ORDER.indexOf(b.metric) ||
    a.rule_name.localeCompare(b.rule_name)
  )[0];
}

/**
 * Maps each inhibited measurement to its parent. A shared failure, even a silenced one, inhibits the incidents with its fingerprint. Of the
 * other incidents of the same run, one inhibits the rest.
 */
function findParents(measurements: Measurement[]): Map<Measurement, Measurement> {
  const parents = new Map<Measurement, Measurement>();
  const active = measurements.filter(isActive);
  const sharedFailures = active.filter((m) => m.metric === "shared_failure").toSorted((a, b) =>
    Number(b.entity_type === "all") - Number(a.entity_type === "all") || a.rule_name.localeCompare(b.rule_name)
  );
  for (const m of active) {
    const parent = sharedFailures.find((shared) => covers(shared, m));
    if (parent) parents.set(m, parent);
  }
  const byRun = Map.groupBy(
    active.filter((m) => !parents.has(m) && m.execution_id !== null && CAUSE_ORDER.includes(m.metric) && m.tournament_no === null),
    (m) => m.execution_id,
  );
  for (const group of byRun.values()) {
    const parent = parentAmong(group);
    for (const m of group) if (parent && m !== parent) parents.set(m, parent);
  }
  return parents;
}

/** The highest severity of the children, and the channels of those that are not silenced. */
function inheritedFrom(children: Measurement[]): EvaluationContext["inherited"] {
  const worst = children.map(({ rule_name, severity, incident }) => ({ rule_name, severity: incident?.severity ?? severity }))
    .toSorted((a, b) => SEVERITIES.indexOf(b.severity) - SEVERITIES.indexOf(a.severity))[0];
  const channels = new Set(children.filter((child) => child.silenced_by === null).flatMap((child) => child.channels));
  return worst ? { ...worst, channels: [...channels] } : null;
}

/** Decides all transitions of one evaluation, each parent before its children. `now` and `evaluatedSince` in ms since the epoch. */
export function decideAll(measurements: Measurement[], now: number, evaluatedSince: number | null): Transition[] {
  const parents = findParents(measurements);
  const parentsFirst = [...measurements.filter((m) => !parents.has(m)), ...parents.keys()];
  return parentsFirst.flatMap((m) => {
    const parent = parents.get(m);
    const children = [...parents].flatMap(([child, itsParent]) => itsParent === m ? [child] : []);
    const context = { now, evaluatedSince, parent: parent ? scopeOf(parent) : null, inherited: inheritedFrom(children) };
    return [decide(m, context), decideMissed(m, context)].filter((transition) => transition !== null);
  });
}
