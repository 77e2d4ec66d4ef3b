import { findParents, isSilencedOtherwise } from "./alert-causes.ts";
import { type EvaluationTimes, isFiring, judge, missedRuns, nextStep, sinceMs, type Step } from "./alert-decision.ts";
import {
  destinationsOf,
  isKnownAt,
  kindFor,
  type KnownStates,
  knownStates,
  muteAt,
  type ParentStates,
  rank,
  statesAfter,
  type Wanted,
} from "./alert-notifications.ts";
import { ALERT_METRICS } from "../types/alerts.ts";
import { SEVERITIES, type Severity } from "../types/sync.ts";
import { describe, inWords } from "./alert-words.ts";
import type { Address, Measurement, Measurements, Recipients, Scope, Transition } from "./contract/alerts.ts";

/** What an incident takes from the incidents that it inhibits: their highest severity, and their channels. */
interface Inherited {
  severity: Severity;
  rule_name: string;
  channels: string[];
}

/** The inputs of a transition besides the measurement and its step. */
interface Context extends EvaluationTimes {
  recipients: Recipients;
  parent: (ParentStates & { scope: Scope; is_silenced: boolean }) | null;
  inherited: Inherited | null;
}

/** The transition of an incident, and the states that its destinations know after it. */
interface Decision {
  transition: Transition | null;
  states: ParentStates;
  is_silenced: boolean;
}

const higher = (a: Severity, b: Severity): Severity => rank(a) >= rank(b) ? a : b;
const scopeOf = ({ rule_id, rule_name, entity_type, tournament_no }: Measurement): Scope => ({
  rule_id,
  rule_name,
  entity_type,
  tournament_no,
});

/** The value is the worst of the incident so far. */
function isPeak({ value, metric, incident }: Measurement): boolean {
  const peak = incident?.evidence.peak;
  if (value === null) return false;
  return typeof peak !== "number" || (ALERT_METRICS[metric].direction === "above" ? value > peak : value < peak);
}

/** The facts behind a breach, with the worst value so far as `peak`. */
function evidenceOf(m: Measurement): Record<string, unknown> {
  const peak = isPeak(m) ? m.value : m.incident?.evidence.peak;
  return {
    runs: m.runs,
    execution_id: m.execution_id,
    ...(m.fingerprint ? { fingerprint: m.fingerprint } : {}),
    ...m.evidence,
    ...(typeof peak === "number" ? { peak } : {}),
  };
}

/** The fingerprint that the incident reports; null for a rate, whose failures can have several causes. */
function currentCause(m: Measurement): string | null {
  if (m.metric !== "shared_failure" && m.metric !== "consecutive_failures") return null;
  return judge(m) === "BREACH" ? m.fingerprint ?? m.incident?.cause ?? null : m.incident?.cause ?? null;
}

/** The transition without a change: the measurement, and the incident as it is after its step. */
function baseTransition(m: Measurement, step: Step): Transition {
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
    evidence: incident && verdict !== "BREACH" ? incident.evidence : evidenceOf(m),
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

/** The transition of a firing incident: severity, escalation, repetition, and what each destination has to learn. */
function whileFiring(m: Measurement, step: Step, context: Context): Decision {
  const { now, evaluatedSince, parent, inherited, recipients } = context;
  const { incident } = m;
  const base = baseTransition(m, step);
  const known = knownStates(incident?.destinations ?? []);
  const isSilenced = isSilencedOtherwise(m) || m.silenced_by !== null || Boolean(parent?.is_silenced);
  const severity = inherited ? higher(base.severity, inherited.severity) : base.severity;
  const channelsAt = (steps: number) => [...m.channels, ...m.escalation_channels.slice(0, steps).flat(), ...inherited?.channels ?? []];
  const destinations = destinationsOf(channelsAt(base.escalation_step), severity, known, recipients);
  const mutes = new Set(destinations.map((address) => muteAt(address, m, severity, parent)));
  const isInhibited = destinations.length > 0 && !mutes.has(null);
  const muted_by = isSilenced ? "SILENCE" : isInhibited ? (parent ? "PARENT" : "COVERAGE") : null;

  const isRunning = step.to_state === "FIRING" && Boolean(incident?.notified_at) && muted_by === null;
  const clock = isRunning
    ? Math.max(incident?.unacknowledged_since ? Date.parse(incident.unacknowledged_since) : now, evaluatedSince)
    : null;
  const isCurrent = judge(m) !== "UNKNOWN" && !m.is_stale;
  const canEscalate = severity !== "CRITICAL" || base.escalation_step < m.escalation_channels.length;
  const escalates = clock !== null && isCurrent && canEscalate && m.escalation_ms !== null && now - clock >= m.escalation_ms;
  const sinceNotified = sinceMs(incident?.last_notified_at ?? null, now);
  const repeats = isRunning && isCurrent && !escalates && step.kind === null && sinceNotified >= m.repeat_ms;

  const transition: Transition = {
    ...base,
    severity: escalates ? SEVERITIES[Math.min(rank(severity) + 1, SEVERITIES.length - 1)] ?? severity : severity,
    escalation_step: base.escalation_step + Number(escalates),
    parent: parent?.scope ?? null,
    muted_by,
  };
  const wanted: Wanted = {
    severity: transition.severity,
    cause: transition.cause,
    opening: step.is_flapping ? "FLAPPING" : "FIRING",
    kind: escalates ? "ESCALATED" : repeats ? "REPEAT" : incident ? step.kind : null,
  };
  const queued = isSilenced ? [] : destinationsOf(channelsAt(transition.escalation_step), transition.severity, known, recipients)
    .flatMap((address) => {
      const kind = muteAt(address, m, transition.severity, parent) === null ? kindFor(address, wanted, known) : null;
      return kind === null ? [] : [{ ...address, kind, reason: "" }];
    });
  const reasons = [
    step.reason,
    ...(escalates ? [`not acknowledged for ${inWords(now - (clock ?? now))}`] : []),
    ...(incident && step.reason === "" ? reasonsToNotify(m, transition, inherited, queued, known) : []),
    ...(repeats ? [`still firing ${inWords(sinceNotified)} after the last notification`] : []),
    ...(incident ? reasonsOfParent(m, parent, muted_by) : []),
  ].filter(Boolean);
  transition.reason = reasons.join("; ") + (incident?.muted_by === muted_by || !reasons.length ? "" : mutedText(muted_by, parent));
  transition.notifications = queued.map((notification) => ({ ...notification, reason: transition.reason }));
  const startsClock = escalates || queued.length > 0 && incident?.unacknowledged_since == null;
  const unacknowledged = startsClock && step.to_state === "FIRING" ? now : clock;
  transition.unacknowledged_since = unacknowledged === null ? null : new Date(unacknowledged).toISOString();
  return {
    transition: hasChanged(m, transition) ? transition : null,
    states: { cause: transition.cause, known: statesAfter(known, transition.notifications, wanted) },
    is_silenced: isSilenced,
  };
}

const mutedText = (mutedBy: Transition["muted_by"], parent: Context["parent"]): string =>
  mutedBy === null
    ? ""
    : mutedBy === "SILENCE"
    ? " (silenced)"
    : ` (inhibited by ${parent?.scope.rule_name ?? "incidents about the same runs"})`;

/** Why destinations that know another state of the incident, or none, are notified. */
function reasonsToNotify(
  { incident, severity, evidence }: Measurement,
  transition: Transition,
  inherited: Inherited | null,
  queued: Address[],
  known: KnownStates,
): string[] {
  const reasons: string[] = [];
  const isRaised = incident !== null && rank(transition.severity) > rank(incident.severity) &&
    transition.escalation_step === incident.escalation_step;
  if (isRaised && rank(severity) > rank(incident.severity)) reasons.push(`the rule now has the severity ${severity}`);
  else if (isRaised && inherited) reasons.push(`${inherited.rule_name} has the same cause and the severity ${inherited.severity}`);
  if (incident?.cause && transition.cause !== incident.cause) {
    reasons.push(`the cause changed${typeof evidence.error === "string" ? `: ${evidence.error}` : ""}`);
  }
  const isFirst = incident?.state !== "PENDING" && incident?.notified_at === null;
  const strangers = queued.filter(({ channel }) => ![...known.values()].some((state) => state.channel === channel));
  if (isFirst && queued.length > 0) {
    const ended = incident.muted_by === "PARENT"
      ? `${incident.parent?.rule_name ?? "its parent"} no longer inhibits this incident`
      : incident.muted_by === "COVERAGE"
      ? "runs that no other incident notified meet the condition"
      : "the silence ended";
    reasons.push(`${ended} and the incident is still firing`);
  } else if (incident?.state !== "PENDING" && strangers.length > 0 && transition.escalation_step === incident?.escalation_step) {
    const names = [...new Set(strangers.map(({ channel }) => channel))];
    const isInherited = names.every((channel) => inherited?.channels.includes(channel));
    reasons.push(
      isInherited ? "an incident that this one inhibits has other channels" : `${names.join(", ")} was added, enabled or not notified yet`,
    );
  } else if (
    queued.some((address) => !isKnownAt(address, known)) && reasons.length === 0 && transition.escalation_step === incident?.escalation_step
  ) {
    reasons.push("other recipients are notified of this incident");
  }
  return reasons;
}

/** What the timeline shows of a parent that began or ceased to inhibit an incident. */
function reasonsOfParent({ incident }: Measurement, parent: Context["parent"], mutedBy: Transition["muted_by"]): string[] {
  const before = incident?.parent?.rule_name ?? null, after = parent?.scope.rule_name ?? null;
  if (incident?.state === "PENDING" || before === after) return [];
  if (after !== null) return mutedBy === "PARENT" && incident?.muted_by === "PARENT" ? [`inhibited by ${after}: same cause`] : [];
  return incident?.notified_at ? [`no longer inhibited by ${before}`] : [];
}

const canonical = (value: unknown): string =>
  JSON.stringify(
    value,
    (_, part) =>
      typeof part === "object" && part !== null && !Array.isArray(part)
        ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => a < b ? -1 : 1))
        : part,
  );
const time = (at: string | null): number | null => at === null ? null : Date.parse(at);

/** Whether the transition changes anything that the incident keeps. */
function hasChanged({ incident }: Measurement, t: Transition): boolean {
  if (!incident || t.reason !== "" || t.notifications.length > 0) return true;
  const kept = [incident.state, incident.severity, incident.value, incident.message, canonical(incident.evidence), incident.cause];
  const next = [t.to_state, t.severity, t.value, t.message, canonical(t.evidence), t.cause];
  const isSame = kept.every((value, index) => value === next[index]) &&
    incident.muted_by === t.muted_by && incident.met_ms === t.met_ms && time(incident.met_at) === time(t.met_at) &&
    time(incident.unacknowledged_since) === time(t.unacknowledged_since) && canonical(incident.parent) === canonical(t.parent);
  return !isSame;
}

/** The transition of one incident; a parent is decided before its children. */
function decide(m: Measurement, step: Step | null, context: Context): Decision {
  const nothing: Decision = { transition: null, states: { cause: null, known: new Map() }, is_silenced: false };
  if (step === null) return nothing;
  if (isFiring(step)) return whileFiring(m, step, context);
  const transition = baseTransition(m, step);
  if (step.kind === "RESOLVED") {
    transition.evidence = m.incident?.evidence ?? {};
    transition.notifications = (m.incident?.destinations ?? []).map(({ channel, recipient }) => ({
      channel,
      recipient,
      kind: "RESOLVED",
      reason: step.reason,
    }));
  } else if (step.to_state !== "PENDING" && step.to_state !== "DISCARDED") {
    transition.muted_by = m.incident?.muted_by ?? null;
  }
  return { ...nothing, transition: hasChanged(m, transition) ? transition : null };
}

/** One incident, already RESOLVED, for the runs that were missed while no rules were evaluated; null when no run was missed. */
function decideMissed(m: Measurement, { recipients }: Context): Transition | null {
  const missed = missedRuns(m);
  if (!missed) return null;
  const step: Step = { to_state: "RESOLVED", reason: "", kind: null, is_flapping: false, recovered_at: null, met_ms: 0, met_at: null };
  const isSilenced = m.silenced_by !== null || m.is_paused;
  const addresses = isSilenced ? [] : destinationsOf(m.channels, m.severity, new Map(), recipients);
  return {
    ...baseTransition({ ...m, incident: null }, step),
    ...missed,
    message: missed.reason,
    notifications: addresses.map((address) => ({ ...address, kind: "MISSED", reason: missed.reason })),
  };
}

/** The highest severity and the channels of the incidents that a parent inhibits, without silenced ones. */
function inheritedFrom(children: Measurement[]): Inherited | null {
  const heard = children.filter((child) => child.silenced_by === null && !child.is_paused);
  const worst =
    heard.map(({ rule_name, severity, incident }) => ({ rule_name, severity: higher(incident?.severity ?? severity, severity) }))
      .toSorted((a, b) => rank(b.severity) - rank(a.severity))[0];
  return worst ? { ...worst, channels: heard.flatMap(({ channels }) => channels) } : null;
}

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
  const recovered = measurements.flatMap((m) => m.closed_incident !== null && judge(m) === "RECOVERED" ? [m.closed_incident] : []);
  return { transitions, recovered };
}
