import { assert, assertEquals, assertMatch } from "@std/assert";
import fc from "fast-check";
import { destinationOf, messageItem, messageOf, NO_LINKS, resolvedItem } from "../../../../testing/messages.ts";
import type { Links, Message } from "../channels/channel.ts";
import { sendSlack } from "../channels/slack.ts";
import { linksOf } from "../links.ts";

const HOOK = "https://hooks.slack.test/services/T000/B000/secret";
const LINKS = linksOf({ DASHBOARD_URL: "https://monitor.test/?a=1&b=2", RUNBOOK_URL: "https://git.test/main/" });
const CUT = "… (cut; see the incident)";

interface Block {
  type: string;
  text: { type: string; text: string; emoji?: boolean };
}

async function send(message: Message, links: Links = LINKS, hourly_limit = 60): Promise<{ text: string; blocks: Block[] }> {
  let body = "";
  const fetch = (_url: unknown, init?: RequestInit) => {
    body = String(init?.body);
    return Promise.resolve(new Response("ok"));
  };
  const deps = {
    fetch: fetch as typeof globalThis.fetch,
    resolve: () => Promise.resolve(["93.184.216.34"]),
    allowPrivate: false,
    now: () => 0,
  };
  const delivery = await sendSlack(deps, links)(message, destinationOf({ kind: "slack", secret: HOOK, hourly_limit }));
  assertEquals(delivery.outcome, "SENT");
  return JSON.parse(body);
}

Deno.test("Slack receives the subject as header and fallback text, and a section for each incident with links", async () => {
  const { text, blocks } = await send(messageOf([messageItem(), resolvedItem()]));
  const [header, opening, end] = blocks;
  assertEquals(header, {
    type: "header",
    text: {
      type: "plain_text",
      text: "[HIGH] Firing: VIS answered HTTP 500: 10 of 10 tournaments (all syncs); 1 firing, 1 resolved",
      emoji: false,
    },
  });
  assertEquals(text, header?.text.text);
  const id = "00000000-0000-4000-8000-000000000001";
  assertEquals(String(opening?.text.text).split("\n").slice(-2), [
    "What to do: <https://git.test/main/docs/runbook.md#tournaments-failing-alike|runbook>",
    `Incident: <https://monitor.test/?a=1&amp;b=2#/alerts/${id}|open on the page>`,
  ]);
  assertMatch(String(end?.text.text), /^Resolved after 25 minutes; at worst 10 of 10 tournaments$/m);
});

Deno.test("a URL in Slack's markup is escaped and cannot end its link", async () => {
  const links = { ...NO_LINKS, runbook: () => "https://wiki.test/?a=1&b=<x>|y" };
  const { blocks } = await send(messageOf([messageItem()]), links);
  assertMatch(String(blocks[1]?.text.text), /^What to do: <https:\/\/wiki\.test\/\?a=1&amp;b=%3Cx%3E%7Cy\|runbook>$/m);
});

Deno.test("a text of a person cannot become a mention or a link", async () => {
  const { blocks } = await send(messageOf([messageItem({ rule_name: "<!channel> & <https://evil.test|here>" })]), NO_LINKS);
  assertMatch(String(blocks[1]?.text.text), /^Rule: &lt;!channel&gt; &amp; &lt;https:\/\/evil\.test\|here&gt;$/m);
});

Deno.test("the note on the hourly limit is a section of its own before the incidents", async () => {
  const { blocks } = await send(messageOf([messageItem()], { over_limit: 3 }), LINKS, 5);
  assertMatch(String(blocks[1]?.text.text), /combines 3 notifications over this channel's limit of 5 per hour/);
});

const pieces = fc.constantFrom("a", " ", "&", "<", ">", "👩‍👩‍👧", "e\u0301", "🏐", "<!channel>", "&amp;");
const long = fc.record({
  before: fc.string({ unit: pieces, maxLength: 40 }),
  piece: pieces,
  count: fc.integer({ min: 400, max: 4_000 }),
}).map(({ before, piece, count }) => `${before}${piece.repeat(count)}`);
/** The text behind the escapes. */
const unescape = (text: string): string => text.replace(/&lt;/g, "<").replace(/&gt;/g, ">").replace(/&amp;/g, "&");

Deno.test("a section has at most 3,000 characters; a cut is marked, keeps the links and splits neither a character nor an escape", async () => {
  await fc.assert(
    fc.asyncProperty(long, fc.boolean(), async (reason, hasLinks) => {
      const { blocks } = await send(messageOf([messageItem({ reason })]), hasLinks ? LINKS : NO_LINKS);
      const text = String(blocks[1]?.text.text);
      assert(text.length <= 3_000, `${text.length} characters`);
      assert(text.isWellFormed());
      assertEquals(text.replace(/&(amp|lt|gt);/g, "").replace(/<[^<>|]+\|[^<>|]+>/g, "").match(/[&<>]/g), null);
      if (hasLinks) assertMatch(text, /\|runbook>\nIncident: <[^|]+\|open on the page>$/);
      const [kept = "", tail] = text.split(CUT);
      if (tail === undefined) return;
      // The kept text ends where a character of the whole text ends.
      const why = unescape(kept.slice(kept.indexOf("\nWhy: ") + 6));
      const rest = `${reason.replace(/\s+/g, " ").trim()}\n`.slice(why.length);
      assert(!/^[\u0300-\u036f\u200d\udc00-\udfff]/.test(rest), JSON.stringify(rest.slice(0, 4)));
    }),
    { numRuns: 150 },
  );
});

Deno.test("a message has at most 50 blocks and 10,000 characters, and says how many incidents it leaves out", async () => {
  for (const [count, reason] of [[60, "short"], [47, "short"], [20, "x ".repeat(800)], [4, "x ".repeat(1_500)]] as const) {
    const evidence = {};
    const items = Array.from({ length: count }, () => messageItem({ reason, message: "m", evidence, runbook_url: null }));
    const { blocks } = await send(messageOf(items, { over_limit: 2 }), { ...NO_LINKS, page: "https://monitor.test/" });
    assert(blocks.length <= 50, `${blocks.length} blocks`);
    const size = blocks.reduce((sum, { text }) => sum + text.text.length, 0);
    assert(size <= 10_000, `${size} characters`);
    const last = String(blocks.at(-1)?.text.text);
    const shown = blocks.filter(({ text }) => text.text.startsWith("Firing")).length;
    assert(shown > 2);
    if (shown < count) {
      assertEquals(
        last,
        `… and ${count - shown} more ${
          count - shown === 1 ? "incident" : "incidents"
        } (cut; see <https://monitor.test/|the incidents on the page>)`,
      );
    }
  }
});

Deno.test("a channel without its URL is retried with the cause", async () => {
  const deps = { fetch, resolve: () => Promise.resolve([]), allowPrivate: false, now: () => 0 };
  const delivery = await sendSlack(deps, LINKS)(messageOf([messageItem()]), destinationOf({ kind: "slack" }));
  assertEquals(delivery, { outcome: "RETRY", is_answered: true, error: "the channel has no URL" });
});
