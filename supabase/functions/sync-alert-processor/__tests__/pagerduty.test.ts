import { assertEquals, assertObjectMatch } from "@std/assert";
import { SETTINGS } from "../../../../testing/channel-examples.ts";
import { destinationOf, messageItem, messageOf, resolvedItem } from "../../../../testing/messages.ts";
import { startReceiver } from "../../../../testing/stand-in-receiver.ts";
import type { MessageItem } from "../channels/channel.ts";
import { sendPagerduty } from "../channels/pagerduty.ts";
import { linksOf } from "../links.ts";

const LINKS = linksOf({ DASHBOARD_URL: "https://monitor.test/", RUNBOOK_URL: "https://git.test/main/" });
const idOf = (last: number) => `00000000-0000-4000-8000-${String(last).padStart(12, "0")}`;

/** Sends the items; the stand-in answers each event with the next status of `statuses`, and then with 202. */
async function send(items: MessageItem[], statuses: number[] = [], changes = {}) {
  const receiver = startReceiver(() => new Response(null, { status: statuses.shift() ?? 202 }));
  const destination = destinationOf({ kind: "pagerduty", ...SETTINGS.pagerduty, ...changes });
  const delivery = await sendPagerduty(receiver.deps, LINKS)(messageOf(items), destination);
  await receiver.close();
  const events = receiver.requests.map(({ body }) => JSON.parse(body));
  return { delivery, urls: receiver.requests.map(({ url }) => url), events, actions: events.map(({ event_action }) => event_action) };
}

Deno.test("an event has the documented fields: key, action, incident, payload and links", async () => {
  const { events: [event] } = await send([messageItem()]);
  assertObjectMatch(event, {
    routing_key: SETTINGS.pagerduty.secret,
    event_action: "trigger",
    dedup_key: idOf(1),
    payload: {
      summary: "VIS answered HTTP 500: 10 of 10 tournaments (all syncs)",
      source: "all",
      severity: "error",
      timestamp: "2026-06-10T12:00:30Z",
    },
    client_url: "https://monitor.test/",
  });
  assertEquals(event.links, [
    { href: "https://git.test/main/docs/runbook.md#tournaments-failing-alike", text: "What to do: runbook" },
    { href: `https://monitor.test/#/alerts/${idOf(1)}`, text: "Incident: open on the page" },
  ]);
});

for (
  const [what, item, actions] of [
    ["an opening", messageItem(), ["trigger"]],
    ["an escalation", messageItem({ kind: "ESCALATED" }), ["trigger"]],
    ["an acknowledgement", messageItem({ kind: "ACKNOWLEDGED" }), ["acknowledge"]],
    ["an end", resolvedItem(), ["resolve"]],
    ["missed runs", resolvedItem({ kind: "MISSED" }), ["trigger", "resolve"]],
    ["an incident that fires as before", messageItem({ is_new: false }), []],
  ] as const
) {
  Deno.test(`${what} is ${actions.join(" and ") || "no event"}`, async () => {
    const { actions: sent, events } = await send([item]);
    assertEquals<unknown>(sent, actions);
    assertEquals(events.map(({ dedup_key }) => dedup_key), actions.map(() => idOf(1)));
  });
}

Deno.test("each severity has its name in PagerDuty", async () => {
  const severities = ["CRITICAL", "HIGH", "MEDIUM", "LOW"] as const;
  const { events } = await send(severities.map((severity) => messageItem({ severity })));
  assertEquals(new Set(events.map(({ payload }) => payload.severity)), new Set(["critical", "error", "warning", "info"]));
});

Deno.test("a summary has at most 1,024 code points and splits none", async () => {
  const { events: [{ payload }] } = await send([messageItem({ metric: "other", message: "🏐".repeat(2_000) })]);
  assertEquals([Array.from(payload.summary).length, payload.summary.isWellFormed()], [1_024, true]);
});

Deno.test("of several incidents the failed event decides: it is tried again, and the rest is not sent", async () => {
  const items = Array.from({ length: 12 }, (_, index) => messageItem({ incident_id: idOf(index + 1) }));
  const limited = await send(items, [202, 429]);
  assertObjectMatch(limited.delivery, { outcome: "RETRY", status_code: 429 });
  assertEquals(limited.events.length, 5);
  const invalid = await send(items, [202, 400]);
  assertEquals([invalid.delivery.outcome, invalid.events.length], ["DEAD", 12]);
  assertEquals((await send(items, [400, 503])).delivery.status_code, 503);
  assertEquals((await send(items)).delivery, { outcome: "SENT", is_answered: true, status_code: 202 });
});

Deno.test("only the two documented hosts are used", async () => {
  assertEquals((await send([messageItem()], [], { config: { host: "events.pagerduty.com" } })).urls, [
    "https://events.pagerduty.com/v2/enqueue",
  ]);
  const { delivery, urls } = await send([messageItem()], [], { config: { host: "evil.example" } });
  assertEquals([delivery.error, urls], ["the channel has no valid service region", []]);
});

Deno.test("a canary is a change event, which a refusal of the key gives up and a failure of PagerDuty does not", async () => {
  const canary = messageItem({ metric: "canary", rule_name: "Channel Canary", resolved_at: "2026-06-10T12:00:30Z", evidence: {} });
  const { delivery, urls, events: [event] } = await send([canary]);
  assertEquals([delivery.outcome, urls.map((url) => new URL(url).pathname)], ["SENT", ["/v2/change/enqueue"]]);
  assertObjectMatch(event, {
    routing_key: SETTINGS.pagerduty.secret,
    payload: { summary: "Test of this channel: nothing must be done", timestamp: "2026-06-10T12:00:30Z", source: "all" },
    links: [{ href: "https://monitor.test/#/alerts/channels", text: "Channels: open on the page" }],
  });
  assertEquals(["event_action", "dedup_key"].filter((field) => field in event), []);
  for (const [status, outcome] of [[400, "DEAD"], [500, "RETRY"]] as const) {
    assertEquals((await send([canary], [status])).delivery.outcome, outcome);
  }
});
