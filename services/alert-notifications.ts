import type { NotificationKind } from "../types/alerts.ts";
import type { Severity } from "../types/sync.ts";
import { judgeValue } from "./alert-decision.ts";
import { rank } from "./alert-transition.ts";
import type { Address, DestinationState, Measurement, Recipients } from "./contract/alerts.ts";

const keyOf = ({ channel, recipient }: Address): string => JSON.stringify([channel, recipient]);

/** The newest state of an incident that was queued for each destination, by {@link keyOf}. */
export type KnownStates = ReadonlyMap<string, DestinationState>;
/** Whether a state of the incident was queued for the destination. */
export const isKnownAt = (address: Address, known: KnownStates): boolean => known.has(keyOf(address));
export const knownStates = (states: DestinationState[]): KnownStates => new Map(states.map((state) => [keyOf(state), state]));

/** The destinations of an incident on active channels: the recipients at its severity, and those with an earlier state of the incident. */
export function destinationsOf(channels: Iterable<string>, severity: Severity, known: KnownStates, recipients: Recipients): Address[] {
  const names = [...new Set(channels)].filter((channel) => recipients[channel]).sort();
  return names.flatMap((channel) => {
    const there = [...known.values()].filter((state) => state.channel === channel).map(({ recipient }) => recipient);
    return [...new Set([...recipients[channel]?.[severity] ?? [], ...there])].map((recipient) => ({ channel, recipient }));
  });
}

/** The incident that inhibits another one, with its states after this evaluation. */
export interface ParentStates {
  cause: string | null;
  known: KnownStates;
}

/** The reason why a destination is muted: the state of the parent there covers the incident, or other incidents there cover its runs. */
export function muteAt(address: Address, m: Measurement, severity: Severity, parent: ParentStates | null): "PARENT" | "COVERAGE" | null {
  const state = parent?.known.get(keyOf(address));
  if (parent && state && !state.is_dead && state.cause === parent.cause && rank(state.severity) >= rank(severity)) return "PARENT";
  const rest = m.uncovered.find((entry) => keyOf(entry) === keyOf(address));
  return rest && judgeValue({ ...m, no_data: "KEEP" }, rest.value, rest.runs) !== "BREACH" ? "COVERAGE" : null;
}

/** The current state of a firing incident, which each destination should have. */
export interface Wanted {
  severity: Severity;
  cause: string | null;
  /** The kind for a destination without an earlier state of the incident. */
  opening: "FIRING" | "FLAPPING";
  /** The kind for a destination that has the current state; null when it needs no message. */
  kind: NotificationKind | null;
}

/** The notification with which a destination receives the current state; null when it has that state, or when its message is DEAD. */
export function kindFor(address: Address, { severity, cause, opening, kind }: Wanted, known: KnownStates): NotificationKind | null {
  const state = known.get(keyOf(address));
  if (!state) return opening;
  if (rank(state.severity) < rank(severity)) return "ESCALATED";
  return state.cause === cause ? kind : kind ?? "FIRING";
}

/** The states after these notifications are queued. */
export function statesAfter(known: KnownStates, queued: Address[], { severity, cause }: Wanted): KnownStates {
  const after = new Map(known);
  for (const { channel, recipient } of queued) {
    after.set(keyOf({ channel, recipient }), { channel, recipient, severity, cause, is_dead: false });
  }
  return after;
}
