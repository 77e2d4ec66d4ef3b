import { assert, assertEquals, assertMatch, assertObjectMatch } from "@std/assert";
import { reportWords } from "../../../../services/weekly-report-words.ts";
import { type PostingKind, SETTINGS } from "../../../../testing/channel-examples.ts";
import { TestClock } from "../../../../testing/clock.ts";
import { testEnv } from "../../../../testing/env.ts";
import { destinationOf, messageItem, messageOf, resolvedItem } from "../../../../testing/messages.ts";
import { type ReceivedRequest, startReceiver } from "../../../../testing/stand-in-receiver.ts";
import { withShortTimeouts } from "../../../../testing/timeouts.ts";
import { eventfulWeek } from "../../../../testing/weekly-report.ts";
import { CHANNEL_KIND_NAMES, REPORT_KINDS } from "../../../../types/channel-kinds.ts";
import type { MessageItem } from "../channels/channel.ts";
import { createChannels } from "../notification-service.ts";

const PAGE = "https://monitor.test/";

interface Case {
  /** The documented address for a message. */
  url: string;
  /** The documented answer to an accepted message. */
  accepted: number;
  /** The documented answer to too many requests, which asks for 3 s. */
  tooMany: () => Response;
  /** The outcome of an answer 400. */
  invalid: "RETRY" | "DEAD";
}
const retryAfter = () => new Response(null, { status: 429, headers: { "retry-after": "3" } });

const CASES: Record<PostingKind, Case> = {
  webhook: { url: "https://receiver.example/k3y", accepted: 200, tooMany: retryAfter, invalid: "RETRY" },
  slack: { url: String(SETTINGS.slack.secret), accepted: 200, tooMany: retryAfter, invalid: "RETRY" },
  teams: { url: String(SETTINGS.teams.secret), accepted: 202, tooMany: retryAfter, invalid: "RETRY" },
  discord: {
    url: `${SETTINGS.discord.secret}&wait=true`,
    accepted: 200,
    tooMany: () => Response.json({ message: "limited", retry_after: 2.4, global: false }, { status: 429, headers: { "retry-after": "9" } }),
    invalid: "RETRY",
  },
  telegram: {
    url: `https://api.telegram.org/bot${SETTINGS.telegram.secret}/sendMessage`,
    accepted: 200,
    tooMany: () => Response.json({ ok: false, error_code: 429, parameters: { retry_after: 3 } }, { status: 429 }),
    invalid: "RETRY",
  },
  ntfy: { url: "https://ntfy.example/", accepted: 200, tooMany: retryAfter, invalid: "RETRY" },
  alertmanager: { url: "https://alertmanager.example/k3y/api/v2/alerts", accepted: 200, tooMany: retryAfter, invalid: "RETRY" },
  pagerduty: { url: "https://events.eu.pagerduty.com/v2/enqueue", accepted: 202, tooMany: retryAfter, invalid: "DEAD" },
};
const KINDS = Object.keys(CASES) as PostingKind[];

/** Sends the items to a stand-in of the kind; returns the outcome and the request that the stand-in received. */
async function deliver(kind: PostingKind, items: MessageItem[], answer: (request: ReceivedRequest) => Response | null) {
  const receiver = startReceiver(answer);
  const env = testEnv({ DASHBOARD_URL: PAGE, RUNBOOK_URL: "https://git.test/main/" });
  const { messages } = createChannels(env, new TestClock("2026-06-10T12:00:00Z"), receiver.deps);
  const delivery = await messages[kind](messageOf(items), destinationOf({ kind, ...SETTINGS[kind] }));
  await receiver.close();
  assert(!JSON.stringify(delivery).includes("k3y"), "an outcome is logged and stored, and has no secret");
  return { delivery, requests: receiver.requests };
}
/** The texts of a body, without the escapes of its markup. */
const textOf = (body: string): string => {
  const texts: string[] = [];
  JSON.parse(body, (_name, value) => (typeof value === "string" && texts.push(value), value));
  return texts.join("\n").replace(/\\([^\w\s])/g, "$1").replace(/&(amp|lt|gt|quot);/g, "&");
};

Deno.test("each kind of channel that posts has a case, and no other", () => {
  assertEquals(KINDS.toSorted(), CHANNEL_KIND_NAMES.filter((kind) => kind !== "email" && kind !== "dashboard").toSorted());
});

for (const kind of KINDS) {
  const { url, accepted, tooMany, invalid } = CASES[kind];
  const answering = (status: number) => deliver(kind, [messageItem()], () => new Response(null, { status }));

  Deno.test(`${kind} posts an opening with its cause, rule, time, runbook and incident to the documented address`, async () => {
    const { delivery, requests } = await deliver(kind, [messageItem()], () => new Response(null, { status: accepted }));
    assertEquals([delivery.outcome, delivery.status_code, requests.map(({ url }) => url)], ["SENT", accepted, [url]]);
    const text = textOf(requests[0]?.body ?? "");
    const incident = "https://monitor.test/#/alerts/00000000-0000-4000-8000-000000000001";
    for (const part of ["VIS answered HTTP 500: 10 of 10 tournaments (all syncs)", "Tournaments Failing Alike", incident, "2026-06-10"]) {
      assert(text.includes(part), `${kind} has ${part}: ${text}`);
    }
    assert(text.includes("https://git.test/main/docs/runbook.md#tournaments-failing-alike"), text);
  });

  Deno.test(`${kind} says at the end of an incident when it opened`, async () => {
    const { requests } = await deliver(kind, [resolvedItem()], () => new Response(null, { status: accepted }));
    // The format of Alertmanager has the time in startsAt.
    const isAlert = kind === "webhook" || kind === "alertmanager";
    assertMatch(textOf(requests[0]?.body ?? ""), isAlert ? /2026-06-10T12:00:00Z/ : /opened at 2026-06-10 12:00:30 UTC/i);
  });

  Deno.test(`${kind} waits as long as an answer of 429 asks for`, async () => {
    const { delivery } = await deliver(kind, [messageItem()], tooMany);
    assertObjectMatch(delivery, { outcome: "RETRY", is_answered: true, status_code: 429, retry_after_ms: 3_000 });
  });

  Deno.test(`${kind} is retried after 500 and 503, is refused for good by 410, and ${invalid} by 400`, async () => {
    for (const [status, outcome] of [[500, "RETRY"], [503, "RETRY"], [410, "DEAD"], [400, invalid]] as const) {
      assertObjectMatch((await answering(status)).delivery, { outcome, is_answered: true, status_code: status });
    }
  });

  Deno.test(`${kind} has perhaps received a message that is not answered`, async () => {
    let result: Awaited<ReturnType<typeof deliver>> | undefined;
    await withShortTimeouts(async () => result = await deliver(kind, [messageItem()], () => null));
    assertEquals(result?.delivery, { outcome: "RETRY", is_answered: false, error: "no response within 10 s" });
  });

  Deno.test(`${kind} is not reached at a private address, nor with settings that the API refuses`, async () => {
    const env = testEnv({}), clock = new TestClock("2026-06-10T12:00:00Z"), requests: unknown[] = [];
    const send = (...request: unknown[]) => Promise.resolve(new Response(null, { status: requests.push(request) ? 200 : 200 }));
    const { messages } = createChannels(env, clock, { fetch: send, resolve: () => Promise.resolve(["10.0.0.7"]) });
    const inside = await messages[kind](messageOf([messageItem()]), destinationOf({ kind, ...SETTINGS[kind] }));
    assertEquals(inside, { outcome: "RETRY", is_answered: true, error: "the URL leads to a private address" });
    const invalid = await messages[kind](messageOf([messageItem()]), destinationOf({ kind }));
    assertMatch(String(invalid.error), /^the channel has no (valid )?/);
    assertEquals([invalid.outcome, requests.length], ["RETRY", 0]);
  });
}

for (const kind of REPORT_KINDS) {
  if (kind === "email") continue;
  Deno.test(`${kind} receives each section of the weekly report`, async () => {
    const receiver = startReceiver(() => new Response(null, { status: CASES[kind].accepted }));
    const env = testEnv({ DASHBOARD_URL: PAGE });
    const { reports } = createChannels(env, new TestClock("2026-06-10T12:00:00Z"), receiver.deps);
    const report = eventfulWeek(), words = reportWords(report);
    const delivery = await reports[kind]({ id: crypto.randomUUID(), report, ...words }, destinationOf({ kind, ...SETTINGS[kind] }));
    await receiver.close();
    const text = textOf(receiver.requests[0]?.body ?? "");
    assertEquals([delivery.outcome, receiver.requests.length], ["SENT", 1]);
    for (const { title } of words.sections) assert(text.includes(title), `${kind} has ${title}: ${text}`);
  });
}

Deno.test("of two incidents with the same labels Alertmanager receives the one that fires", async () => {
  const ended = resolvedItem({ incident_id: "00000000-0000-4000-8000-000000000002" });
  const { requests } = await deliver("alertmanager", [ended, messageItem()], () => new Response());
  const [alert, ...others] = JSON.parse(requests[0]?.body ?? "[]");
  assertEquals([others, alert.endsAt], [[], "2026-06-10T12:15:00.000Z"]);
  assertMatch(alert.generatorURL, /0001$/);
});
