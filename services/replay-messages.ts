import type { NotificationKind } from "../types/alerts.ts";
import type { Severity } from "../types/sync.ts";
import type { Address } from "./contract/alerts.ts";
import type { ReplayFacts } from "./contract/replay.ts";

const HOUR = 3_600_000;

/** A state that was queued for a destination, in ms since the epoch. */
export interface QueuedState extends Address {
  at: number;
  kind: NotificationKind;
  severity: Severity;
}

/** The number of messages that report the states of one group, if each message is delivered at once. */
export function countMessages(states: readonly QueuedState[], channels: ReplayFacts["channels"]): number {
  const byDestination = Map.groupBy(states, ({ channel, recipient }) => JSON.stringify([channel, recipient]));
  return [...byDestination.values()].reduce((sum, own) => sum + messagesOf(own, channels[own[0]?.channel ?? ""]), 0);
}

function messagesOf(states: QueuedState[], limits: ReplayFacts["channels"][string] | undefined): number {
  const { group_window_ms = 0, hourly_limit = Infinity } = limits ?? {};
  const sent: number[] = [];
  for (let index = 0; index < states.length;) {
    const at = states[index]?.at ?? 0;
    let next = Math.max(at, (sent.at(-1) ?? -Infinity) + group_window_ms);
    const isCritical = states.slice(index).some((state) => state.at <= next && state.severity === "CRITICAL");
    const lastHour = sent.filter((time) => time > next - HOUR);
    if (!isCritical && lastHour.length >= hourly_limit) next = (lastHour.at(-hourly_limit) ?? next) + HOUR;
    // A waiting message reports every state that is queued before it is sent.
    while ((states[index]?.at ?? Infinity) <= next) index++;
    sent.push(next);
  }
  return sent.length;
}
