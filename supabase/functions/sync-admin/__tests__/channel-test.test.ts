import { assertEquals, assertObjectMatch } from "@std/assert";
import type { Delivery, Destination } from "../../../../services/contract/alerts.ts";
import { TestClock } from "../../../../testing/clock.ts";
import { everyKind } from "../../../../testing/senders.ts";
import { silence, withShortTimeouts } from "../../../../testing/timeouts.ts";
import type { Message, Send } from "../../sync-alert-processor/channels/channel.ts";
import { testDestinations } from "../channel-test.ts";

const NOW = "2026-06-10T12:00:00.000Z";
const destination = (recipient: string): Destination => ({
  channel: "mail",
  recipient,
  kind: "email",
  config: {},
  secret: null,
  previous_secret: null,
  hourly_limit: 60,
});

async function run(send: Send, recipients: string[] = ["a@example.com"]) {
  const sent: { recipient: string | null; message: Message }[] = [];
  const email: Send = (message, destination) => {
    sent.push({ recipient: destination.recipient, message });
    return send(message, destination);
  };
  const channels = { messages: everyKind(email) };
  const results = await testDestinations(recipients.map(destination), channels, new TestClock(NOW), "admin@example.com");
  return { sent, results };
}
const SENT: Delivery = { outcome: "SENT", is_answered: true };

Deno.test("an end reports the incident of its opening, in a message of its own", async () => {
  const { sent: [opening, end] } = await run(() => Promise.resolve(SENT));
  const item = { rule_name: "Channel test", severity: "LOW", opened_at: NOW, reason: "sent by admin@example.com" };
  assertObjectMatch(opening?.message.items[0] ?? {}, { ...item, kind: "FIRING", resolved_at: null });
  assertObjectMatch(end?.message.items[0] ?? {}, { kind: "RESOLVED", opened_at: NOW, resolved_at: NOW, reason: "the test ended" });
  assertEquals(end?.message.items[0]?.incident_id, opening?.message.items[0]?.incident_id);
  assertEquals([end?.message.id === opening?.message.id, end?.message.group], [false, opening?.message.group]);
});

for (
  const [what, delivery, isEnded] of [
    ["was refused for ever", { outcome: "DEAD", is_answered: true }, false],
    ["was refused", { outcome: "RETRY", is_answered: true }, false],
    ["was perhaps received", { outcome: "RETRY", is_answered: false }, true],
    ["was sent", SENT, true],
  ] as const
) {
  Deno.test(`an opening that ${what} is ${isEnded ? "followed by its end" : "not followed by an end"}`, async () => {
    const { sent, results } = await run(() => Promise.resolve(delivery));
    assertEquals([sent.length, results[0]?.end !== null], [isEnded ? 2 : 1, isEnded]);
  });
}

Deno.test("all recipients are tested at the same time, each with its own outcome", async () => {
  const both = Promise.withResolvers<void>();
  const started = new Set<string | null>();
  const { results } = await run(async (_message, { recipient }) => {
    if (started.add(recipient).size === 2) both.resolve();
    await both.promise;
    return recipient === "a@example.com" ? SENT : { outcome: "DEAD", is_answered: true, status_code: 550, error: "no such mailbox" };
  }, ["a@example.com", "b@example.com"]);
  assertObjectMatch(results[0] ?? {}, { recipient: "a@example.com", opening: { outcome: "SENT" }, end: { outcome: "SENT" } });
  const refused = { outcome: "DEAD", status_code: 550, error: "no such mailbox" };
  assertObjectMatch(results[1] ?? {}, { recipient: "b@example.com", opening: refused, end: null });
});

Deno.test("opening and end each wait 10 seconds at most, whatever the sender does", async () => {
  const released = new AbortController();
  let results: Awaited<ReturnType<typeof run>>["results"] = [];
  const limits = await withShortTimeouts(async () => {
    ({ results } = await run(() => silence(released.signal).catch(() => SENT)));
  });
  released.abort();
  assertEquals(limits, [10_000, 10_000]);
  const noAnswer = { outcome: "RETRY" as const, status_code: undefined, error: "no answer within 10 s", duration_ms: 0 };
  assertEquals(results, [{ recipient: "a@example.com", opening: noAnswer, end: noAnswer }]);
});
