import { findParents } from "./alert-causes.ts";
import { isFiring, judge, missedRuns, nextStep, type Step } from "./alert-decision.ts";
import { type Context, decideFiring, type Decision, type Inherited } from "./alert-firing.ts";
import { destinationsOf } from "./alert-notifications.ts";
import { hasChanged, higher, rank, scopeOf, transitionTo } from "./alert-transition.ts";
import type { Measurement, Measurements, Transition } from "./contract/alerts.ts";

/** Decides all transitions of one evaluation, each parent before its children, and the closed incidents whose value has recovered. */
export function decideAll({ as_of, evaluated_since, recipients, measurements }: Omit<Measurements, "broken">): {
  transitions: Transition[];
  recovered: string[];
} {
  const now = Date.parse(as_of);
  const times = { now, evaluatedSince: evaluated_since === null ? now : Date.parse(evaluated_since) };
  const steps = new Map(measurements.map((m) => [m, nextStep(m, times)]));
  const parents = findParents(measurements.filter((m) => isFiring(steps.get(m) ?? null)));
  const decisions = new Map<Measurement, Decision>();
  const parentsFirst = [...measurements.filter((m) => !parents.has(m)), ...parents.keys()];
  const transitions = parentsFirst.flatMap((m) => {
    const parent = parents.get(m), decided = parent && decisions.get(parent);
    const context: Context = {
      ...times,
      recipients,
      parent: parent && decided ? { ...decided.states, scope: scopeOf(parent), is_silenced: decided.is_silenced } : null,
      inherited: inheritedFrom([...parents].flatMap(([child, itsParent]) => itsParent === m ? [child] : [])),
    };
    const decision = decide(m, steps.get(m) ?? null, context);
    decisions.set(m, decision);
    return [decision.transition, decideMissed(m, context)].filter((transition) => transition !== null);
  });
  const recovered = measurements.flatMap((m) =>
    m.closed_incident !== null && (judge(m) === "RECOVERED" || m.ended !== null) ? [m.closed_incident] : []
  );
  return { transitions, recovered };
}

/** The highest severity and the channels of the incidents that a parent inhibits, without the silenced ones. */
function inheritedFrom(children: Measurement[]): Inherited | null {
  const notSilenced = children.filter((child) => child.silenced_by === null && !child.is_paused);
  const worst =
    notSilenced.map(({ rule_name, severity, incident }) => ({ rule_name, severity: higher(incident?.severity ?? severity, severity) }))
      .toSorted((a, b) => rank(b.severity) - rank(a.severity))[0];
  return worst ? { ...worst, channels: notSilenced.flatMap(({ channels }) => channels) } : null;
}

/** The transition of one incident. */
function decide(m: Measurement, step: Step | null, context: Context): Decision {
  if (step !== null && isFiring(step)) return decideFiring(m, step, context);
  const transition = step && (step.kind === "RESOLVED" ? end(m, step, context) : changeSilently(m, step, context));
  return {
    transition: transition && hasChanged(m, transition) ? transition : null,
    states: { cause: null, known: new Map() },
    is_silenced: false,
  };
}

/** The end of an incident; each destination with a queued state of the incident receives it. */
function end(m: Measurement, step: Step, { now }: Context): Transition {
  const { reason } = step;
  const { evidence = {}, destinations = [] } = m.incident ?? {};
  const notifications = destinations.map(({ channel, recipient }) => ({ channel, recipient, kind: "RESOLVED" as const, reason }));
  return { ...transitionTo(step, m, now), evidence, notifications };
}

/** A change without a notification: of a pending incident, or of a recovering one. */
const changeSilently = (m: Measurement, step: Step, { now }: Context): Transition => ({
  ...transitionTo(step, m, now),
  muted_by: step.to_state === "PENDING" || step.to_state === "DISCARDED" ? null : m.incident?.muted_by ?? null,
});

/** One incident, already RESOLVED, for the runs that were missed in a gap of the evaluations; null when no run was missed. */
function decideMissed(m: Measurement, { recipients, now }: Context): Transition | null {
  const missed = missedRuns(m);
  if (!missed) return null;
  const { reason } = missed;
  const step: Step = { to_state: "RESOLVED", reason, kind: null, is_flapping: false, recovered_at: null, met_ms: 0, met_at: null };
  const isSilenced = m.silenced_by !== null || m.is_paused;
  const addresses = isSilenced ? [] : destinationsOf(m.channels, m.severity, new Map(), recipients);
  return {
    ...transitionTo(step, { ...m, incident: null }, now),
    ...missed,
    message: reason,
    notifications: addresses.map((address) => ({ ...address, kind: "MISSED", reason })),
  };
}
