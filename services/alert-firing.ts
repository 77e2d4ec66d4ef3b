import { SEVERITIES, type Severity } from "../types/sync.ts";
import { isSilencedOtherwise } from "./alert-causes.ts";
import { type EvaluationTimes, judge, sinceMs, type Step } from "./alert-decision.ts";
import {
  destinationsOf,
  kindFor,
  type KnownStates,
  knownStates,
  muteAt,
  type ParentStates,
  statesAfter,
  type Wanted,
} from "./alert-notifications.ts";
import { mutedText, reasonsOfParent, reasonsToNotify } from "./alert-reasons.ts";
import { hasChanged, higher, rank, transitionTo } from "./alert-transition.ts";
import { inWords } from "./alert-words.ts";
import type { Measurement, Recipients, Scope, Transition } from "./contract/alerts.ts";

/** The highest severity and the channels of the incidents that an incident inhibits; the incident inherits both. */
export interface Inherited {
  severity: Severity;
  rule_name: string;
  channels: string[];
}

/** The inputs of a transition besides the measurement and its step. */
export interface Context extends EvaluationTimes {
  recipients: Recipients;
  parent: (ParentStates & { scope: Scope; is_silenced: boolean }) | null;
  inherited: Inherited | null;
}

/** The transition of an incident, and the newest state of each destination after it. */
export interface Decision {
  transition: Transition | null;
  states: ParentStates;
  is_silenced: boolean;
}

/** The channels of the rule, of the first escalation steps, and of the incidents that this one inhibits. */
const channelsAfter = (steps: number, m: Measurement, inherited: Inherited | null): string[] => [
  ...m.channels,
  ...m.escalation_channels.slice(0, steps).flat(),
  ...inherited?.channels ?? [],
];

/** The cause that mutes every destination of an incident; null when one destination is not muted. */
function muteOf(m: Measurement, severity: Severity, known: KnownStates, context: Context): Transition["muted_by"] {
  const { parent, inherited, recipients } = context;
  if (isSilencedOtherwise(m) || m.silenced_by !== null || parent?.is_silenced) return "SILENCE";
  const destinations = destinationsOf(channelsAfter(m.incident?.escalation_step ?? 0, m, inherited), severity, known, recipients);
  const isInhibited = destinations.length > 0 && destinations.every((address) => muteAt(address, m, severity, parent) !== null);
  return isInhibited ? (parent ? "PARENT" : "COVERAGE") : null;
}

/** The escalation clock of an incident, and whether it escalates or is repeated now. */
interface Clocks {
  /** The start of the escalation clock in ms since the epoch; null while the clock does not run. */
  unacknowledgedSince: number | null;
  escalates: boolean;
  repeats: boolean;
}

/** The clock runs while the incident is notified, not acknowledged, not muted, and evaluated; it restarts from zero. */
function clocksOf(m: Measurement, step: Step, severity: Severity, isMuted: boolean, { now, evaluatedSince }: EvaluationTimes): Clocks {
  const { incident } = m;
  const isRunning = step.to_state === "FIRING" && Boolean(incident?.notified_at) && !isMuted;
  if (!incident || !isRunning) return { unacknowledgedSince: null, escalates: false, repeats: false };
  const startedAt = incident.unacknowledged_since === null ? now : Date.parse(incident.unacknowledged_since);
  const unacknowledgedSince = Math.max(startedAt, evaluatedSince);
  const isCurrent = judge(m) !== "UNKNOWN" && !m.is_stale;
  const canEscalate = severity !== "CRITICAL" || incident.escalation_step < m.escalation_channels.length;
  const escalates = isCurrent && canEscalate && m.escalation_ms !== null && now - unacknowledgedSince >= m.escalation_ms;
  const repeats = isCurrent && !escalates && step.kind === null && sinceMs(incident.last_notified_at, now) >= m.repeat_ms;
  return { unacknowledgedSince, escalates, repeats };
}

/** Decides on a firing or acknowledged incident: severity, escalation, repetition, and the notification of each destination. */
export function decideFiring(m: Measurement, step: Step, context: Context): Decision {
  const { now, parent, inherited, recipients } = context;
  const { incident } = m;
  const known = knownStates(incident?.destinations ?? []);
  const transition = transitionTo(step, m, now);
  transition.parent = parent?.scope ?? null;
  if (inherited) transition.severity = higher(transition.severity, inherited.severity);
  transition.muted_by = muteOf(m, transition.severity, known, context);
  const isSilenced = transition.muted_by === "SILENCE";
  const clocks = clocksOf(m, step, transition.severity, transition.muted_by !== null, context);
  if (clocks.escalates) {
    transition.severity = SEVERITIES[Math.min(rank(transition.severity) + 1, SEVERITIES.length - 1)] ?? transition.severity;
    transition.escalation_step += 1;
  }
  const wanted: Wanted = {
    severity: transition.severity,
    cause: transition.cause,
    opening: step.is_flapping ? "FLAPPING" : "FIRING",
    kind: clocks.escalates ? "ESCALATED" : clocks.repeats ? "REPEAT" : incident ? step.kind : null,
  };
  const channels = channelsAfter(transition.escalation_step, m, inherited);
  const destinations = isSilenced ? [] : destinationsOf(channels, transition.severity, known, recipients);
  const queued = destinations.flatMap((address) => {
    const kind = muteAt(address, m, transition.severity, parent) === null ? kindFor(address, wanted, known) : null;
    return kind === null ? [] : [{ ...address, kind }];
  });
  const reasons = [
    step.reason,
    clocks.escalates ? `not acknowledged for ${inWords(now - (clocks.unacknowledgedSince ?? now))}` : "",
    ...(incident && step.reason === "" ? reasonsToNotify(m, incident, transition, inherited, queued, known) : []),
    clocks.repeats ? `still firing ${inWords(sinceMs(incident?.last_notified_at ?? null, now))} after the last notification` : "",
    ...(incident ? reasonsOfParent(incident, transition) : []),
  ].filter((reason) => reason !== "");
  const isMuteNew = incident?.muted_by !== transition.muted_by;
  transition.reason = reasons.join("; ") + (isMuteNew && reasons.length > 0 ? mutedText(transition) : "");
  transition.notifications = queued.map((notification) => ({ ...notification, reason: transition.reason }));
  const startsNow = step.to_state === "FIRING" &&
    (clocks.escalates || queued.length > 0 && (incident?.unacknowledged_since ?? null) === null);
  const since = startsNow ? now : clocks.unacknowledgedSince;
  transition.unacknowledged_since = since === null ? null : new Date(since).toISOString();
  return {
    transition: hasChanged(m, transition) ? transition : null,
    states: { cause: transition.cause, known: statesAfter(known, queued, wanted) },
    is_silenced: isSilenced,
  };
}
