import type { Channels } from "../supabase/functions/sync-alert-processor/notification-service.ts";
import type { Clock } from "../services/clock.ts";
import type { PlannedItem } from "../services/outbox.ts";
import { everyKind } from "./senders.ts";
import type { FaultKind } from "./simulated-runs.ts";

/** The recipients of the simulated email channel; faults of the kind `refused` refuse the second one. */
export const RECIPIENTS = ["first@example.com", "second@example.com"] as const;

/** The states in one message to a recipient, which can have arrived or not. */
export interface Attempt {
  at: number;
  /** The address of an email, else the name of the channel. */
  recipient: string;
  items: PlannedItem[];
}
export interface Received extends Attempt {
  id: string;
}

/** Receivers of each kind of channel; a recipient stores one message for each id, as a receiver of webhooks does. */
export function createReceivers(clock: Clock, kinds: () => ReadonlySet<FaultKind>) {
  const received: Received[] = [], unconfirmed: Attempt[] = [], ids = new Set<string>();
  type Send = Channels["messages"]["dashboard"];
  type Message = Parameters<Send>[0];
  const attemptOf = ({ items }: Message, { channel, recipient }: Parameters<Send>[1]): Attempt => ({
    at: clock.now(),
    recipient: recipient ?? channel,
    items: items.filter(({ is_new }) => is_new),
  });
  const receive: Send = (message, destination) => {
    const attempt = attemptOf(message, destination), key = `${attempt.recipient} ${message.id}`;
    if (!ids.has(key)) received.push({ ...attempt, id: message.id });
    ids.add(key);
    return Promise.resolve({ outcome: "SENT", is_answered: true });
  };
  const refuse = (outcome: "RETRY" | "DEAD", status_code: number): Send => (message, destination) => {
    unconfirmed.push(attemptOf(message, destination));
    return Promise.resolve({ outcome, is_answered: true, status_code, error: `the receiver answered ${status_code}` });
  };
  const lose: Send = async (message, destination) => {
    await receive(message, destination);
    unconfirmed.push(attemptOf(message, destination));
    return { outcome: "RETRY", is_answered: false, error: "no answer" };
  };
  const messages: Channels["messages"] = {
    ...everyKind(receive),
    webhook: (message, destination) => {
      const now = kinds();
      const send = now.has("gone")
        ? refuse("DEAD", 410)
        : now.has("unavailable")
        ? refuse("RETRY", 503)
        : now.has("lossy")
        ? lose
        : receive;
      return send(message, destination);
    },
    slack: refuse("DEAD", 410),
    email: (message, destination) =>
      (kinds().has("refused") && destination.recipient === RECIPIENTS[1] ? refuse("DEAD", 550) : receive)(message, destination),
  };
  return { channels: { messages }, received, unconfirmed };
}
