import { assert, assertEquals, assertMatch } from "@std/assert";
import fc from "fast-check";
import { SETTINGS } from "../../../../testing/channel-examples.ts";
import { destinationOf, messageItem, messageOf, resolvedItem } from "../../../../testing/messages.ts";
import type { Links, Message, Send } from "../channels/channel.ts";
import { sendDiscord } from "../channels/discord.ts";
import type { HttpDeps } from "../channels/http.ts";
import { sendNtfy } from "../channels/ntfy.ts";
import { sendTeams } from "../channels/teams.ts";
import { sendTelegram } from "../channels/telegram.ts";
import { linksOf } from "../links.ts";

const LINKS = linksOf({ DASHBOARD_URL: "https://monitor.test/?a=1&b=2", RUNBOOK_URL: "https://git.test/main/" });
const SENDERS = { teams: sendTeams, discord: sendDiscord, telegram: sendTelegram, ntfy: sendNtfy };
type Kind = keyof typeof SENDERS;

/** The request that a channel sends about a message. */
async function sent(kind: Kind, message: Message, links: Links = LINKS) {
  const requests: RequestInit[] = [];
  const fetch = (_url: unknown, init: RequestInit = {}) => Promise.resolve(new Response(null, { status: requests.push(init) && 200 }));
  const deps: HttpDeps = { fetch, resolve: () => Promise.resolve([]), allowPrivate: false, now: () => 0 };
  const send: Send = SENDERS[kind](deps, links);
  assertEquals((await send(message, destinationOf({ kind, ...SETTINGS[kind] }))).outcome, "SENT");
  const text = String(requests[0]?.body);
  return { headers: new Headers(requests[0]?.headers), text, body: JSON.parse(text) };
}
const bytes = (text: string): number => new TextEncoder().encode(text).length;
const HOSTILE = 'x <b>&"</b> [y](https://evil.test) @everyone <@1> **z** `c` ||s||';

Deno.test("Teams receives an Adaptive Card of version 1.4 whose texts are plain, with a button for each link", async () => {
  const { body } = await sent("teams", messageOf([messageItem({ rule_name: HOSTILE }), resolvedItem()]));
  const [{ contentType, content }] = body.attachments;
  assertEquals([body.type, contentType, content.type, content.version], [
    "message",
    "application/vnd.microsoft.card.adaptive",
    "AdaptiveCard",
    "1.4",
  ]);
  const [, opening, end] = content.body;
  assertEquals([opening.style, end.style], ["attention", "good"]);
  const texts = opening.items.filter(({ type }: { type: string }) => type === "RichTextBlock");
  assertEquals(texts[1].inlines[0], { type: "TextRun", text: `Rule: ${HOSTILE}` });
  assertEquals(opening.items.at(-1).actions.map(({ type, url }: Record<string, string>) => [type, new URL(String(url)).host]), [
    ["Action.OpenUrl", "git.test"],
    ["Action.OpenUrl", "monitor.test"],
  ]);
});

Deno.test("Discord receives embeds in the color of their state, in which no text becomes a mention, a link or a format", async () => {
  const { body } = await sent("discord", messageOf([messageItem({ rule_name: HOSTILE, severity: "CRITICAL" }), resolvedItem()]));
  assertEquals(body.allowed_mentions, { parse: [] });
  assertMatch(body.content, /^\\\[CRITICAL\\\] Firing: VIS answered HTTP 500/);
  assertEquals(new Set(body.embeds.map(({ color }: { color: number }) => color)).size, 2);
  const line = body.embeds[0].description.split("\n").find((text: string) => text.startsWith("Rule: "));
  assertEquals(line.replace(/\\[^\w\s]/g, "").match(/[\\`*_~|>#[\]()<@]/g), null);
  assertMatch(body.embeds[0].description, /\nIncident: \[open on the page\]\(https:\/\/monitor\.test\/\?a=1&b=2#\/alerts\/[\w-]+\)$/);
});

Deno.test("Telegram receives escaped HTML for the chat, without a preview of its links", async () => {
  const { body } = await sent("telegram", messageOf([messageItem({ rule_name: HOSTILE })]));
  assertEquals([body.chat_id, body.parse_mode, body.link_preview_options], ["-100123", "HTML", { is_disabled: true }]);
  assertMatch(body.text, /^<b>\[HIGH\] Firing: VIS answered HTTP 500/);
  assertEquals(body.text.match(/<[^>]*>/g).map((tag: string) => tag.slice(0, 3)), ["<b>", "</b", "<a ", "</a", "<a ", "</a"]);
  assertMatch(body.text, /href="https:\/\/monitor\.test\/\?a=1&amp;b=2#/);
});

for (const [severity, priority] of [["LOW", 2], ["MEDIUM", 3], ["HIGH", 4], ["CRITICAL", 5]] as const) {
  Deno.test(`ntfy shows a ${severity} incident with priority ${priority}, and its end with priority 3`, async () => {
    const opening = await sent("ntfy", messageOf([messageItem({ severity })]));
    const end = await sent("ntfy", messageOf([resolvedItem({ severity })]));
    assertEquals([opening.body.priority, end.body.priority], [priority, 3]);
    assertEquals([opening.body.tags, end.body.tags], [["rotating_light", "all"], ["white_check_mark", "all"]]);
    assertMatch(opening.body.click, /#\/alerts\/00000000/);
    assertEquals([opening.body.topic, opening.headers.get("authorization")], ["sync-alerts-k3y", "Bearer tk_k3y4567890"]);
  });
}

const pieces = fc.constantFrom("a", " ", "&", "<", ">", '"', "*", "[", "\\", "👩‍👩‍👧", "e\u0301", "🏐", "@everyone");
const long = fc.tuple(fc.string({ unit: pieces, maxLength: 30 }), pieces, fc.integer({ min: 1, max: 3_000 }))
  .map(([before, piece, count]) => before + piece.repeat(count));

/** The documented limits of each receiver. */
const LIMITS: Record<Kind, (sent: { text: string; body: ReturnType<typeof JSON.parse> }) => void> = {
  teams: ({ text }) => assert(bytes(text) <= 28_000, `${bytes(text)} bytes`),
  discord: ({ body: { content, embeds } }) => {
    const lengths: number[] = embeds.map(({ description }: { description: string }) => description.length);
    assert(content.length <= 2_000 && lengths.length <= 10 && lengths.every((length) => length <= 4_096), String(lengths));
    assert(lengths.reduce((sum, length) => sum + length, 0) <= 6_000, String(lengths));
  },
  telegram: ({ body }) => assert(body.text.length <= 4_096, `${body.text.length} characters`),
  ntfy: ({ body }) => assert(bytes(body.message) <= 4_096, `${bytes(body.message)} bytes`),
};

for (const kind of Object.keys(LIMITS) as Kind[]) {
  Deno.test(`a message to ${kind} stays within the documented limits, whole in its characters, and says what it leaves out`, async () => {
    await fc.assert(
      fc.asyncProperty(long, fc.integer({ min: 1, max: 40 }), async (reason, count) => {
        const items = Array.from({ length: count }, () => messageItem({ reason, rule_name: reason.slice(0, 200).toWellFormed() }));
        const result = await sent(kind, messageOf(items, { over_limit: 3 }));
        LIMITS[kind](result);
        assert(result.text.isWellFormed());
        assertMatch(result.text, /combines 3 notifications/);
        const left = /… and (\d+) more incidents?/.exec(result.text)?.[1];
        const shown = result.text.split("Why:").length - 1;
        assertEquals(shown + Number(left ?? 0), count);
        assert(shown > 0);
      }),
      { numRuns: 60 },
    );
  });
}

for (const kind of ["telegram", "ntfy"] as const) {
  Deno.test(`the first incident is shown to ${kind} also beside the long address of a page`, async () => {
    const links = { ...LINKS, page: `https://monitor.test/${"x".repeat(950)}` };
    const items = [messageItem({ reason: "x ".repeat(3_000) }), messageItem()];
    const result = await sent(kind, messageOf(items, { over_limit: 3 }), links);
    LIMITS[kind](result);
    assertMatch(result.text, /Why:[^]*… and 1 more incident/);
  });
}
