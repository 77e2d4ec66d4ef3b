import { SEVERITIES } from "../types/sync.ts";
import { decide, decideMissed, type EvaluationContext, judge, type Measurement, type Scope, type Transition } from "./alert-decision.ts";

/** The more specific a metric, the nearer it is to the cause: of what begins together, the first of these speaks. */
const SPECIFIC_FIRST: readonly string[] = [
  "stuck_execution",
  "duration_exceeded",
  "memory_usage",
  "consecutive_failures",
  "error_rate",
  "success_rate",
];

/** Whether an incident of this scope fires, or is acknowledged, once this evaluation is applied. */
function holds(m: Measurement): boolean {
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

/** Of the incidents that one run shows, who speaks: what was told already, else the most specific. A silenced one speaks for nobody. */
function speakerOf(group: Measurement[]): Measurement | undefined {
  const wasTold = ({ incident }: Measurement): number => incident?.notified_at && !incident.parent ? 0 : 1;
  return group.filter((m) => m.silenced_by === null).toSorted((a, b) =>
    wasTold(a) - wasTold(b) || SPECIFIC_FIRST.indexOf(a.metric) - SPECIFIC_FIRST.indexOf(b.metric) ||
    a.rule_name.localeCompare(b.rule_name)
  )[0];
}

/**
 * Who speaks for whom: under a failure that many tournaments share hangs whatever fails by the same fingerprint, silenced or not, and of the rules
 * that one and the same run breaks, one speaks. What fails for its own reason speaks for itself.
 */
function findParents(measurements: Measurement[]): Map<Measurement, Measurement> {
  const parents = new Map<Measurement, Measurement>();
  const live = measurements.filter(holds);
  const shared = live.filter((m) => m.metric === "shared_failure").toSorted((a, b) =>
    Number(b.entity_type === "all") - Number(a.entity_type === "all") || a.rule_name.localeCompare(b.rule_name)
  );
  for (const m of live) {
    const speaker = shared.find((one) => covers(one, m));
    if (speaker) parents.set(m, speaker);
  }
  const byRun = Map.groupBy(
    live.filter((m) => !parents.has(m) && m.execution_id !== null && SPECIFIC_FIRST.includes(m.metric) && m.tournament_no === null),
    (m) => m.execution_id,
  );
  for (const group of byRun.values()) {
    const speaker = speakerOf(group);
    for (const m of group) if (speaker && m !== speaker) parents.set(m, speaker);
  }
  return parents;
}

/** What children ask of who speaks for them: the severity of the worst, and the channels of those that are not silenced. */
function inheritedFrom(children: Measurement[]): EvaluationContext["inherited"] {
  const worst = children.map(({ rule_name, severity, incident }) => ({ rule_name, severity: incident?.severity ?? severity }))
    .toSorted((a, b) => SEVERITIES.indexOf(b.severity) - SEVERITIES.indexOf(a.severity))[0];
  const channels = new Set(children.filter((child) => child.silenced_by === null).flatMap((child) => child.channels));
  return worst ? { ...worst, channels: [...channels] } : null;
}

/** Decides every step of one evaluation, parents before what hangs under them. `now` in ms since the epoch. */
export function decideAll(measurements: Measurement[], now: number, watchedSince: number | null): Transition[] {
  const parents = findParents(measurements);
  const order = [...measurements.filter((m) => !parents.has(m)), ...parents.keys()];
  return order.flatMap((m) => {
    const parent = parents.get(m);
    const children = [...parents].flatMap(([child, speaker]) => speaker === m ? [child] : []);
    const context = { now, watchedSince, parent: parent ? scopeOf(parent) : null, inherited: inheritedFrom(children) };
    return [decide(m, context), decideMissed(m, context)].filter((step) => step !== null);
  });
}
