import { assert, assertEquals, assertObjectMatch, assertThrows } from "@std/assert";
import { Webhook, WebhookVerificationError } from "standardwebhooks";
import type { Destination } from "../../../../services/contract/alerts.ts";
import { messageOf } from "../../../../testing/messages.ts";
import type { Links, Message } from "../channels/channel.ts";
import { sendWebhook } from "../channels/webhook.ts";
import { limitNoteOf } from "../message.ts";
import { firing, hook, LINKS, OLD_SECRET, resolved, SECRET } from "./webhook-messages.ts";

/** Sends a message to a receiver that accepts it; returns the request of the receiver. */
async function receive(message: Message, changes: Partial<Destination> = {}, links: Links = LINKS) {
  const received: { headers: Record<string, string>; body: string }[] = [];
  const accept = async (input: string | URL | Request, init?: RequestInit) => {
    const request = new Request(input, init);
    received.push({ headers: Object.fromEntries(request.headers), body: await request.text() });
    return new Response();
  };
  // The verifier compares the time of the signature with its own clock.
  const deps = { fetch: accept, resolve: () => Promise.resolve(["93.184.216.34"]), allowPrivate: false, now: Date.now };
  const delivery = await sendWebhook(deps, links)(message, hook(changes));
  return { delivery, received, body: JSON.parse(received[0]?.body ?? "null") };
}
const bodyOf = async (...[message, changes, links]: Parameters<typeof receive>) => (await receive(message, changes, links)).body;

Deno.test("a body has the fields of Alertmanager's webhook format, and no others", async () => {
  assertEquals(await bodyOf(messageOf([firing("4711")])), {
    version: "4",
    groupKey: '{}:{alertname="Match Schedule Consecutive Failures", entity_type="matches_schedule"}',
    truncatedAlerts: 0,
    status: "firing",
    receiver: "hook",
    groupLabels: { alertname: "Match Schedule Consecutive Failures", entity_type: "matches_schedule" },
    commonLabels: {
      alertname: "Match Schedule Consecutive Failures",
      severity: "high",
      entity_type: "matches_schedule",
      metric: "consecutive_failures",
      tournament_no: "4711",
    },
    commonAnnotations: {
      summary: "VIS is unavailable: 3 runs failed in a row (matches_schedule, tournament 4711)",
      description: "the condition is met for 5 minutes",
      kind: "FIRING",
      severity: "high",
      value: "consecutive failures of tournament 4711: 3 runs, at or above the threshold of 3 runs",
      evidence: "3 runs in the window; error code VIS_UNAVAILABLE",
      runbook_url: "https://docs.test/docs/runbook.md#tournaments-failing-alike",
    },
    externalURL: "https://page.test",
    alerts: [{
      status: "firing",
      labels: {
        alertname: "Match Schedule Consecutive Failures",
        severity: "high",
        entity_type: "matches_schedule",
        metric: "consecutive_failures",
        tournament_no: "4711",
      },
      annotations: {
        summary: "VIS is unavailable: 3 runs failed in a row (matches_schedule, tournament 4711)",
        description: "the condition is met for 5 minutes",
        kind: "FIRING",
        severity: "high",
        value: "consecutive failures of tournament 4711: 3 runs, at or above the threshold of 3 runs",
        evidence: "3 runs in the window; error code VIS_UNAVAILABLE",
        runbook_url: "https://docs.test/docs/runbook.md#tournaments-failing-alike",
      },
      startsAt: "2026-06-10T12:00:00Z",
      endsAt: "0001-01-01T00:00:00Z",
      generatorURL: "https://page.test/#/alerts/00000000-0000-4000-8000-000000004711",
      fingerprint: "00000000-0000-4000-8000-000000004711",
    }],
  });
});

Deno.test("a group fires while one of its incidents fires, also one that the message only repeats", async () => {
  const mixed = await bodyOf(messageOf([resolved("4711"), firing("4712", { is_new: false })]));
  assertEquals([mixed.status, mixed.alerts.map(({ status }: { status: string }) => status)], ["firing", ["resolved", "firing"]]);
  const ended = await bodyOf(messageOf([resolved("4711"), resolved("4712")]));
  assertEquals([ended.status, ended.alerts[0].endsAt], ["resolved", "2026-06-10T12:30:00Z"]);
});

Deno.test("the common labels and annotations are those that all alerts of the message share", async () => {
  const { commonLabels, commonAnnotations } = await bodyOf(
    messageOf([firing("4711"), firing("4712", { severity: "LOW" }), resolved("4713")]),
  );
  assertEquals(commonLabels, {
    alertname: "Match Schedule Consecutive Failures",
    entity_type: "matches_schedule",
    metric: "consecutive_failures",
  });
  assertEquals(Object.keys(commonAnnotations), ["description", "evidence", "runbook_url"]);
});

Deno.test("each group has a key of its own, the same in each message and whatever its names contain", async () => {
  const keyOf = async (rule_name: string, entity_type: string, items = [firing("1")]) =>
    (await bodyOf(messageOf(items, { group: { rule_name, entity_type } }))).groupKey;
  const quoted = [await keyOf('A", entity_type="b', "c"), await keyOf("A", 'b", entity_type="c')];
  const keys = [await keyOf("A", "b"), await keyOf("A", "c"), await keyOf("B", "b"), ...quoted];
  assertEquals(new Set(keys).size, keys.length);
  assertEquals(await keyOf("A", "b", [resolved("2")]), keys[0]);
});

Deno.test("an incident keeps labels and fingerprint from its first message to its end, and an escalation is an annotation", async () => {
  const opening = await bodyOf(messageOf([firing("4711", { severity: "MEDIUM" })]));
  const later = { severity: "CRITICAL", first_severity: "MEDIUM" } as const;
  const escalated = await bodyOf(messageOf([firing("4711", { ...later, kind: "ESCALATED" })]));
  const end = await bodyOf(messageOf([resolved("4711", later)]));
  const identityOf = ({ alerts: [{ labels, fingerprint, startsAt }] }: typeof opening) => ({ labels, fingerprint, startsAt });
  assertEquals([identityOf(escalated), identityOf(end)], [identityOf(opening), identityOf(opening)]);
  assertEquals(opening.alerts[0].labels.severity, "medium");
  assertEquals([escalated.alerts[0].annotations.severity, end.alerts[0].annotations.severity], ["critical", "critical"]);
});

Deno.test("a message over the hourly limit says so in each alert", async () => {
  const { commonAnnotations } = await bodyOf(messageOf([firing("1"), resolved("2")], { over_limit: 3 }), { hourly_limit: 5 });
  assertEquals(commonAnnotations.over_limit, limitNoteOf({ over_limit: 3, hourly_limit: 5 }));
});

Deno.test("every value of labels and annotations is a text, also without a page, a runbook, evidence or a tournament", async () => {
  const bare = firing("1", { tournament_no: null, runbook_url: null, evidence: { hosts: ["a", 2], nested: { a: 1 } }, began_at: null });
  const links = { page: null, incident: () => null, canary: () => null, runbook: () => null };
  const { alerts: [alert], externalURL } = await bodyOf(messageOf([bare]), {}, links);
  for (const value of Object.values({ ...alert.labels, ...alert.annotations })) assertEquals(typeof value, "string");
  assertEquals(alert.annotations.evidence, "hosts: a, 2; nested: a 1");
  assertEquals(["tournament_no" in alert.labels, "runbook_url" in alert.annotations], [false, false]);
  assertEquals([externalURL, alert.generatorURL, alert.startsAt], ["", "", bare.opened_at]);
});

Deno.test("a verifier with either secret accepts a message during a rotation, and refuses a changed body or another secret", async () => {
  const message = messageOf([firing("4711")]);
  const { received: [{ headers, body } = { headers: {}, body: "" }] } = await receive(message, { previous_secret: OLD_SECRET });
  for (const secret of [SECRET, OLD_SECRET]) {
    assertObjectMatch(new Webhook(secret).verify(body, headers) as object, { version: "4" });
    assertThrows(() => new Webhook(secret).verify(body.replace("firing", "resolved"), headers), WebhookVerificationError);
    assertThrows(() => new Webhook(secret).verify(body, { ...headers, "webhook-id": crypto.randomUUID() }), WebhookVerificationError);
  }
  assertThrows(() => new Webhook(`whsec_${btoa("a third secret of some bytes")}`).verify(body, headers), WebhookVerificationError);
  assertEquals([headers["webhook-id"], headers["content-type"]], [message.id, "application/json"]);
  const after = await receive(message);
  assertThrows(() => new Webhook(OLD_SECRET).verify(body, after.received[0]?.headers ?? {}), WebhookVerificationError);
});

Deno.test("a webhook without a secret is not signed, and keeps the id of the message", async () => {
  const message = messageOf([firing("4711")]);
  const { delivery, received } = await receive(message, { secret: null, previous_secret: OLD_SECRET });
  const headers = received[0]?.headers ?? {};
  assertEquals([delivery.outcome, headers["webhook-id"]], ["SENT", message.id]);
  assertEquals(Object.keys(headers).filter((name) => /signature|timestamp/.test(name)), []);
});

Deno.test("a webhook receives the extra headers of its channel beside those of the sender", async () => {
  const headers = { Authorization: "Bearer k3y", "X-Team": "ops" };
  const { received } = await receive(messageOf([firing("4711")]), { config: { url: "https://receiver.test/", headers } });
  const got = received[0]?.headers ?? {};
  assertEquals([got.authorization, got["x-team"], got["content-type"]], ["Bearer k3y", "ops", "application/json"]);
  assertObjectMatch(new Webhook(SECRET).verify(received[0]?.body ?? "", got) as object, { version: "4" });
});

for (
  const [destination, error] of [
    [{ config: {} }, "the channel has no URL"],
    [{ config: { url: "https://receiver.test/", headers: { "x key": "v" } } }, "the channel has no valid extra headers"],
    [{ config: { url: "https://receiver.test/", headers: { "x-key": null } } }, "the channel has no valid extra headers"],
    [{ secret: "whsec_?" }, "the secret of the channel is not a Standard Webhooks secret (whsec_ and base64)"],
  ] as const
) {
  Deno.test(`a destination is tried again when ${error}`, async () => {
    const { delivery, received } = await receive(messageOf([firing("1")]), destination);
    assertEquals(delivery, { outcome: "RETRY", is_answered: true, error });
    assert(received.length === 0);
  });
}
