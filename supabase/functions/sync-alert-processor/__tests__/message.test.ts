import { assert, assertEquals, assertMatch } from "@std/assert";
import fc from "fast-check";
import { messageItem, messageOf, NO_LINKS, resolvedItem } from "../../../../testing/messages.ts";
import { SEVERITIES } from "../../../../types/sync.ts";
import type { MessageItem } from "../channels/channel.ts";
import { linksOf } from "../links.ts";
import { htmlOf, limitNoteOf, subjectOf, textOf } from "../message.ts";
import { charactersOf, fit, oneLine } from "../../../../services/text.ts";

const LINKS = linksOf({ DASHBOARD_URL: "https://monitor.test/", RUNBOOK_URL: "https://git.test/main/" });
const failing = (changes: Partial<MessageItem> = {}) =>
  messageItem({
    rule_name: "Match Schedule Tournament Failing",
    metric: "consecutive_failures",
    entity_type: "matches_schedule",
    tournament_no: "8104",
    severity: "MEDIUM",
    message: "consecutive failures of tournament 8104 in matches_schedule: 3 runs, at or above the threshold of 3 runs",
    evidence: { tournament: "Gstaad", error: "VIS has no data" },
    ...changes,
  });
const ended = (changes: Partial<MessageItem> = {}) =>
  failing({ kind: "RESOLVED", severity: "CRITICAL", resolved_at: "2026-06-10T12:25:30Z", ...changes });

for (
  const [name, items, subject] of [
    ["an opening", [messageItem()], "[HIGH] Firing: VIS answered HTTP 500: 10 of 10 tournaments (all syncs)"],
    [
      "an escalation",
      [messageItem({ kind: "ESCALATED", severity: "CRITICAL" })],
      "[CRITICAL] Escalated: VIS answered HTTP 500: 10 of 10 tournaments (all syncs)",
    ],
    ["an end", [resolvedItem()], "Resolved: VIS answered HTTP 500: 10 of 10 tournaments (all syncs) after 25 minutes"],
    [
      "two ends",
      [ended({ severity: "LOW" }), ended({ tournament_no: "8105", evidence: {} })],
      "Resolved: several runs failed in a row (matches_schedule, tournament 8105) after 25 minutes; 2 resolved",
    ],
    [
      "a new incident of a lower severity than the end before it",
      [failing(), ended({ tournament_no: "8105" })],
      "[MEDIUM] Firing: VIS has no data: 3 runs failed in a row (matches_schedule, tournament 8104 Gstaad); 1 firing, 1 resolved",
    ],
    [
      "an end, with an incident that still fires as context",
      [ended({ tournament_no: "8105" }), failing({ is_new: false })],
      "[MEDIUM] Still firing: VIS has no data: 3 runs failed in a row (matches_schedule, tournament 8104 Gstaad); 1 firing, 1 resolved",
    ],
    [
      "a new incident, with a worse one as context",
      [failing(), failing({ severity: "CRITICAL", is_new: false, tournament_no: "8105" })],
      "[MEDIUM] Firing: VIS has no data: 3 runs failed in a row (matches_schedule, tournament 8104 Gstaad); 2 firing",
    ],
    [
      "missed runs",
      [messageItem({
        kind: "MISSED",
        metric: "sync_overdue",
        entity_type: "tournaments",
        evidence: { missed: ["a"] },
        resolved_at: "2026-06-10T12:25:30Z",
      })],
      "[HIGH] Missed: 1 run did not start when due (tournaments)",
    ],
    [
      "an incident of the monitoring system",
      [messageItem({
        metric: "processor_late",
        entity_type: "system",
        message: "x: 10 minutes, at or above the threshold of 5 minutes",
        evidence: {},
      })],
      "[HIGH] Firing: no rules were evaluated for 10 minutes",
    ],
  ] as const
) {
  Deno.test(`the subject of ${name} is "${subject}"`, () => assertEquals(subjectOf([...items]), subject));
}

const anyItem = fc.record({
  kind: fc.constantFrom("FIRING", "ESCALATED", "REPEAT", "RESOLVED", "FLAPPING"),
  severity: fc.constantFrom(...SEVERITIES),
  is_new: fc.boolean(),
  error: fc.string({ unit: "grapheme", maxLength: 400, size: "max" }),
  entity_type: fc.string({ unit: "grapheme", maxLength: 200, size: "max" }),
}).map(({ kind, error, ...item }) =>
  messageItem({
    ...item,
    kind: kind as MessageItem["kind"],
    resolved_at: kind === "RESOLVED" ? "2026-06-10T12:25:30Z" : null,
    evidence: { error, tournaments: 10, of: 10, peak: 10 },
  })
);

Deno.test("a subject is one line below 150 characters that names a firing incident whenever one fires", () => {
  fc.assert(fc.property(fc.array(anyItem, { minLength: 1, maxLength: 60 }), (items) => {
    const subject = subjectOf(items);
    assert(subject.length < 150, `${subject.length} characters`);
    assert(subject.isWellFormed() && !/[\n\r]/.test(subject));
    const firing = items.filter(({ kind }) => kind !== "RESOLVED").length;
    assertEquals(/^\[[A-Z]+\] (Firing|Escalated|Still firing|Flapping): /.test(subject), firing > 0);
    if (firing > 0 && items.length > 1) assert(subject.includes(`; ${firing} firing`), subject);
    assertEquals(/; \d+ (firing|resolved)/.test(subject.slice(-30)), items.length > 1);
  }));
});

Deno.test("a text that is cut keeps whole words, and whole characters of a single word", () => {
  assertEquals(fit("one two three", 9), "one two…");
  assertEquals(fit("one two three", 8), "one two…");
  assertEquals(fit("one two three", 13), "one two three");
  assertEquals(fit("👩‍👩‍👧👩‍👩‍👧", 10), "👩‍👩‍👧…");
  assertEquals(fit("e\u0301e\u0301e\u0301", 4), "e\u0301…");
  fc.assert(fc.property(fc.string({ unit: "grapheme" }), fc.integer({ min: 3, max: 40 }), (text, limit) => {
    const cut = fit(text, limit);
    assert(cut.length <= limit);
    if (cut !== text) {
      assert(cut.endsWith("…"));
      const kept = charactersOf(cut.slice(0, -1));
      assertEquals(charactersOf(text).slice(0, kept.length), kept);
    }
  }));
});

Deno.test("one line has no line breaks, control characters or halves of surrogate pairs", () => {
  assertEquals(oneLine(" a\r\nb\u0000c\u2028d \ud83d"), "a b c d \ufffd");
});

Deno.test("a firing incident says its cause, rule, start, reason, evidence, runbook and address", () => {
  assertEquals(textOf({ ...messageOf([messageItem()]), hourly_limit: 60 }, LINKS).split("\n"), [
    "Firing (HIGH): VIS answered HTTP 500: 10 of 10 tournaments (all syncs)",
    "Rule: Tournaments Failing Alike",
    "Since 2026-06-10 12:00:00 UTC",
    "Why: shared failure of all syncs: 10 tournaments, at or above the threshold of 3 tournaments",
    "Evidence: run 00000000-0000-4000-8000-0000000000a1; error code VIS_SERVER_ERROR",
    "What to do: https://git.test/main/docs/runbook.md#tournaments-failing-alike",
    "Incident: https://monitor.test/#/alerts/00000000-0000-4000-8000-000000000001",
    "",
  ]);
});

Deno.test("an escalation states the new severity, its reason and the value", () => {
  const item = messageItem({ kind: "ESCALATED", severity: "CRITICAL", reason: "not acknowledged for 30 minutes" });
  const lines = textOf({ ...messageOf([item]), hourly_limit: 60 }, LINKS).split("\n");
  assertMatch(String(lines[0]), /^Escalated to CRITICAL: VIS answered HTTP 500: 10 of 10 tournaments/);
  assertEquals(lines.slice(3, 5), [
    "Why: not acknowledged for 30 minutes",
    "Measured: shared failure of all syncs: 10 tournaments, at or above the threshold of 3 tournaments",
  ]);
});

Deno.test("an end says how long the incident lasted, its peak, when it opened and that it recovered, and nothing of the threshold", () => {
  const text = textOf({ ...messageOf([resolvedItem()]), hourly_limit: 60 }, NO_LINKS);
  assertEquals(text.split("\n").slice(0, 5), [
    "Resolved (HIGH): VIS answered HTTP 500: 10 of 10 tournaments (all syncs)",
    "Rule: Tournaments Failing Alike",
    "Resolved after 25 minutes; at worst 10 of 10 tournaments",
    "Opened at 2026-06-10 12:00:30 UTC, resolved at 2026-06-10 12:25:30 UTC",
    "Why: recovered to 0 tournaments after 25 minutes",
  ]);
  assert(!/threshold/.test(text));
});

Deno.test("an end without a peak leaves it out, and says when an incident began long before it opened", () => {
  const item = resolvedItem({ began_at: "2026-06-10T11:00:00Z", evidence: {} });
  const lines = textOf({ ...messageOf([item]), hourly_limit: 60 }, NO_LINKS).split("\n");
  assertEquals(lines.slice(2, 4), [
    "Resolved after 25 minutes",
    "Began at 2026-06-10 11:00:00 UTC, opened at 2026-06-10 12:00:30 UTC, resolved at 2026-06-10 12:25:30 UTC",
  ]);
});

Deno.test("missed runs, which were recorded afterwards, have a start and an end and no length", () => {
  const item = messageItem({
    kind: "MISSED",
    metric: "sync_overdue",
    entity_type: "tournaments",
    evidence: { missed: ["2026-06-10T06:00:00Z"] },
    began_at: "2026-06-10T06:05:00Z",
    opened_at: "2026-06-10T12:00:00Z",
    resolved_at: "2026-06-10T10:00:00Z",
  });
  const text = textOf({ ...messageOf([item]), hourly_limit: 60 }, NO_LINKS);
  assertMatch(text, /^Missed \(HIGH\): 1 run did not start when due \(tournaments\)$/m);
  assertMatch(text, /^From 2026-06-10 06:05:00 UTC until 2026-06-10 10:00:00 UTC$/m);
  assert(!/ after /.test(text));
});

Deno.test("without addresses a message has the id of the incident and no runbook", () => {
  const text = textOf({ ...messageOf([messageItem()]), hourly_limit: 60 }, NO_LINKS);
  assertMatch(text, /^Incident: 00000000-0000-4000-8000-000000000001$/m);
  assert(!/What to do|docs\/runbook/.test(text));
});

Deno.test("the message of a channel test says once that it is a test", () => {
  const item = messageItem({
    metric: "test",
    message: "This is a test; nothing is wrong.",
    reason: "sent by admin@example.com",
    evidence: {},
  });
  const text = textOf({ ...messageOf([item]), hourly_limit: 60 }, NO_LINKS);
  assertEquals(text.split("This is a test").length, 2);
});

Deno.test("a note counts what the hourly limit combined", () => {
  assertEquals(limitNoteOf({ over_limit: 0, hourly_limit: 60 }), null);
  assertEquals(
    limitNoteOf({ over_limit: 1, hourly_limit: 60 }),
    "This message combines 1 notification over this channel's limit of 60 per hour, with the latest state of each incident.",
  );
});

/** The text that a browser shows for the HTML. */
const shown = (html: string): string =>
  html.replace(/<br>\n/g, "\n").replace(/<\/h3>\n<p>/g, "\n").replace(/<\/p>\n<h3>/g, "\n\n").replace(/<[^>]*>/g, "")
    .replace(/&#(\d+);/g, (_, code) => String.fromCharCode(Number(code)));

Deno.test("the HTML shows the text part, with real links", () => {
  const sent = { ...messageOf([messageItem(), resolvedItem()], { over_limit: 2 }), hourly_limit: 60 };
  const html = htmlOf(sent, LINKS);
  assertEquals(shown(html) + "\n", textOf(sent, LINKS));
  assert(html.includes('<a href="https://monitor.test/#/alerts/00000000-0000-4000-8000-000000000001">'));
  assert(html.includes('<a href="https://git.test/main/docs/runbook.md#tournaments-failing-alike">'));
});

Deno.test("the HTML escapes every text", () => {
  const evil = `<img src=x onerror="alert(1)">&'`;
  const text = fc.constantFrom(evil, "<script>", "a & b", '"><b>');
  fc.assert(
    fc.property(fc.record({ rule_name: text, message: text, reason: text, error: text, entity_type: text }), ({ error, ...fields }) => {
      const item = messageItem({ ...fields, evidence: { error }, runbook_url: `https://wiki.test/?q="><script>` });
      const html = htmlOf({ ...messageOf([item]), hourly_limit: 60 }, LINKS);
      const tags = html.match(/<[^>]*>/g) ?? [];
      assertEquals(tags.filter((tag) => !/^<(\/?(h3|p|a)|br|a href="https:\/\/[^"<>]*")>$/.test(tag)), []);
    }),
  );
});
