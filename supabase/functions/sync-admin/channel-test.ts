import type { Clock } from "../../../services/clock.ts";
import type { Delivery, Destination } from "../../../services/contract/alerts.ts";
import type { ChannelTestResponse } from "../../../types/admin.ts";
import type { Message, MessageItem } from "../sync-alert-processor/channels/channel.ts";
import { linksOf } from "../sync-alert-processor/links.ts";
import { type Channels, createChannels } from "../sync-alert-processor/notification-service.ts";
import type { AdminDeps } from "./acts.ts";

/** The time limit of a message, because a mail server that answers each command slowly can delay the response by minutes. */
const TIMEOUT_MS = 10_000;

type Result = ChannelTestResponse["results"][number];

/** The senders of the alert processor; the link of a test opens the channels on the page, because a test has no incident. */
export function createTestChannels({ env, clock, fetch }: Pick<AdminDeps, "env" | "clock" | "fetch">): Channels {
  const links = linksOf(env);
  const incident = () => links.page && new URL("#/alerts/channels", links.page).href;
  return createChannels(env, clock, { ...fetch && { fetch } }, { ...links, incident });
}

/** Sends an opening and its end to all destinations in parallel, outside the outbox: a failed test is no undelivered notification. */
export const testDestinations = (
  destinations: Destination[],
  { messages }: Pick<Channels, "messages">,
  clock: Clock,
  actor: string,
): Promise<Result[]> => Promise.all(destinations.map((destination) => testDestination(destination, messages, clock, actor)));

/** The error of a destination that did not accept both messages; null when it accepted them. */
export const errorOf = ({ opening, end }: Result): string | null => {
  const failed = [opening, end].find((attempt) => attempt && attempt.outcome !== "SENT");
  return failed ? failed.error ?? `answered with status ${failed.status_code ?? "unknown"}` : null;
};

const timeOf = (clock: Clock): string => new Date(clock.now()).toISOString();

async function testDestination(
  destination: Destination,
  senders: Channels["messages"],
  clock: Clock,
  actor: string,
): Promise<Result> {
  const attempt = async (message: Message) => {
    const startedAt = clock.monotonic();
    const delivery = await withinLimit(senders[destination.kind](message, destination));
    return { delivery, duration_ms: Math.round(clock.monotonic() - startedAt) };
  };
  const opening = openingOf(timeOf(clock), actor);
  const opened = await attempt(messageOf(opening));
  // After a lost answer the destination may have the opening, which must not stay an open incident there.
  const hasOpening = opened.delivery.outcome === "SENT" || !opened.delivery.is_answered;
  const end: MessageItem = { ...opening, kind: "RESOLVED", reason: "the test ended", resolved_at: timeOf(clock) };
  const ended = hasOpening ? await attempt(messageOf(end)) : null;
  return { recipient: destination.recipient, opening: attemptOf(opened), end: ended && attemptOf(ended) };
}

const attemptOf = ({ delivery, duration_ms }: { delivery: Delivery; duration_ms: number }): Result["opening"] => {
  const { outcome, status_code, error } = delivery;
  return { outcome, status_code, error, duration_ms };
};

function withinLimit(delivery: Promise<Delivery>): Promise<Delivery> {
  const { promise: limit, resolve } = Promise.withResolvers<Delivery>();
  const error = `no answer within ${TIMEOUT_MS / 1000} s`;
  AbortSignal.timeout(TIMEOUT_MS).addEventListener("abort", () => resolve({ outcome: "RETRY", is_answered: false, error }));
  return Promise.race([delivery, limit]);
}

const RULE_NAME = "Channel test", ENTITY_TYPE = "all";

const openingOf = (opened_at: string, actor: string): MessageItem => ({
  incident_id: crypto.randomUUID(),
  kind: "FIRING",
  rule_name: RULE_NAME,
  metric: "test",
  entity_type: ENTITY_TYPE,
  tournament_no: null,
  severity: "LOW",
  message: "This is a test; nothing is wrong.",
  reason: `sent by ${actor}`,
  evidence: {},
  began_at: null,
  opened_at,
  resolved_at: null,
  runbook_url: null,
  is_new: true,
});

const messageOf = (item: MessageItem): Message => ({
  id: crypto.randomUUID(),
  group: { rule_name: RULE_NAME, entity_type: ENTITY_TYPE },
  items: [item],
  over_limit: 0,
});
