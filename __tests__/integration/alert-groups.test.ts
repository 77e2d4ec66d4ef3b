import { assertEquals, assertMatch, assertObjectMatch } from "@std/assert";
import { evaluateRules } from "../../supabase/functions/sync-alert-processor/alert-processor.ts";
import { sendEmail } from "../../supabase/functions/sync-alert-processor/channels/email.ts";
import { postJson } from "../../supabase/functions/sync-alert-processor/channels/http.ts";
import { sendSlack } from "../../supabase/functions/sync-alert-processor/channels/slack.ts";
import { sendWebhook } from "../../supabase/functions/sync-alert-processor/channels/webhook.ts";
import { subjectOf, textOf } from "../../supabase/functions/sync-alert-processor/message.ts";
import { createChannels, deliverDue } from "../../supabase/functions/sync-alert-processor/notification-service.ts";
import { TestClock } from "../../testing/clock.ts";
import { openTestDatabase } from "../../testing/database.ts";
import { testEnv } from "../../testing/env.ts";

const db = await openTestDatabase();
const SECRET = `whsec_${btoa("a secret of twenty-four by")}`;

/** A channel `hook` with one rule per entity; `fail` sets the consecutive failures of an entity. */
async function setUp(answer: () => Response = () => new Response()) {
  await db.reset();
  await db.query("truncate alert_incidents, alert_evaluations, alert_notifications, alert_silences cascade");
  await db.query("delete from notification_channels where name <> 'dashboard'");
  await db.query("delete from alert_rules where name like 'Test%'");
  await db.query(
    "insert into notification_channels (name, kind, config, secret) values ('hook', 'webhook', '{\"url\": \"https://receiver.test/\"}', $1)",
    [SECRET],
  );
  await db.query(
    "update alert_rules set is_active = metric = 'consecutive_failures' and scope = 'ENTITY', notification_channels = '[\"hook\"]', evaluation_window = '1 hour', escalation_delay = null",
  );
  const clock = new TestClock("2026-06-10T12:03:00.000Z");
  await db.query("update sync_status set last_attempt = $1", [clock.asOf()]);
  const bodies: {
    alerts: { labels: { entity_type: string }; annotations: { kind: string } }[];
    commonAnnotations: Record<string, string>;
  }[] = [];
  const channels = createChannels(testEnv({ DASHBOARD_URL: "https://monitor.test/page/" }), clock, {
    fetch: (async (input: Request | string, init?: RequestInit) => {
      bodies.push(await new Request(input, init).json());
      return answer();
    }) as typeof fetch,
    resolve: () => Promise.resolve(["93.184.216.34"]),
  });
  const tick = async (seconds = 0) => {
    clock.advance(seconds * 1000);
    await evaluateRules(db.rpc, clock, () => {}, "cron");
    await deliverDue(db.rpc, clock, () => {}, channels);
  };
  const fail = (entity: string, count = 3) =>
    db.query("update sync_status set consecutive_failures = $2 where entity_type = $1", [entity, count]);
  const notified = () => bodies.map((body) => body.alerts.map((alert) => `${alert.annotations.kind} ${alert.labels.entity_type}`));
  return { clock, bodies, tick, fail, notified };
}

Deno.test("the first notification is sent at once, and those within the group window are combined at its end", async () => {
  const { bodies, tick, fail, notified } = await setUp();
  await fail("tournaments");
  await tick();
  assertEquals(notified(), [["FIRING tournaments"]]);
  await fail("matches_schedule");
  await tick(10);
  await fail("tournaments", 0);
  await tick(10);
  assertEquals(notified().length, 1, "within the window");
  await tick(10);
  assertEquals(notified()[1], ["FIRING matches_schedule", "RESOLVED tournaments"]);
  assertMatch(
    String(Reflect.get(bodies[0]?.alerts[0] as object, "generatorURL")),
    /^https:\/\/monitor\.test\/page\/#\/alerts\/[0-9a-f-]{36}$/,
  );
});

Deno.test("a channel over its hourly limit receives one message with the latest state of each incident and the number of notifications", async () => {
  const { bodies, tick, fail, notified } = await setUp();
  await db.query("update notification_channels set hourly_limit = 3, group_window = '0' where name = 'hook'");
  await db.query("update alert_rules set evaluation_window = '1 minute' where is_active");
  for (let round = 0; round < 4; round++) {
    await fail("matches_schedule", round % 2 ? 0 : 3);
    await tick(60);
  }
  await fail("tournaments");
  await tick(60);
  assertEquals(notified().map((message) => message.join()), [
    "FIRING matches_schedule",
    "RESOLVED matches_schedule",
    "FIRING matches_schedule",
  ]);
  for (let minutes = 0; minutes < 56; minutes++) await tick(60);
  assertEquals(notified().length, 4);
  assertEquals(notified()[3]?.sort(), ["FIRING tournaments", "RESOLVED matches_schedule"]);
  assertMatch(
    String(bodies[3]?.commonAnnotations.over_limit),
    /^This message combines 2 notifications over this channel's limit of 3 per hour/,
  );
});

Deno.test("a failing channel is notified once on another channel, and resolves when it delivers again", async () => {
  let isDown = true;
  const { tick, fail } = await setUp(() => new Response("", { status: isDown ? 500 : 200 }));
  await db.query("update alert_rules set is_active = true where name = 'Notifications Undelivered'");
  await fail("tournaments");
  for (let minute = 0; minute < 10; minute++) await tick(60);
  const notified = () =>
    db.query(
      "select channel, items -> 0 ->> 'kind' as kind, items -> 0 ->> 'rule_name' as rule from alert_notifications where channel = 'dashboard' order by created_at",
    );
  assertEquals(await notified(), [{ channel: "dashboard", kind: "FIRING", rule: "Notifications Undelivered" }]);
  assertObjectMatch(
    (await db.query("select evidence from alert_incidents where rule_name = 'Notifications Undelivered'"))[0] as object,
    { evidence: { channels: { hook: 1 } } },
  );
  isDown = false;
  for (let minute = 0; minute < 10; minute++) await tick(60);
  assertEquals((await notified()).map(({ kind }) => kind), ["FIRING", "RESOLVED"]);
});

Deno.test("an escalation step notifies its own channels too, and each notified channel receives the resolution", async () => {
  const { tick, fail } = await setUp();
  await db.query(
    `update alert_rules set escalation_delay = '30 minutes', escalation_channels = '[["dashboard"]]', severity = 'HIGH', repeat_interval = '1 day' where is_active`,
  );
  await fail("tournaments");
  for (let minute = 0; minute < 40; minute++) await tick(60);
  await fail("tournaments", 0);
  await tick(60);
  const sent = await db.query(
    "select channel || ' ' || (items -> 0 ->> 'kind') as line from alert_notifications order by created_at, channel",
  );
  assertEquals(sent.map(({ line }) => line), [
    "hook FIRING",
    "dashboard ESCALATED",
    "hook ESCALATED",
    "dashboard RESOLVED",
    "hook RESOLVED",
  ]);
  await db.query("update alert_rules set escalation_channels = '[]', repeat_interval = '4 hours'");
});

const ITEM = {
  incident_id: "00000000-0000-4000-8000-000000000001",
  kind: "FIRING",
  rule_name: "Rule",
  metric: "memory_usage",
  entity_type: "matches_schedule",
  tournament_no: "8104",
  severity: "HIGH",
  message: "memory usage of matches_schedule: 220 MiB, at or above the threshold of 200 MiB",
  reason: "memory usage of matches_schedule: 220 MiB, at or above the threshold of 200 MiB",
  evidence: { runs: 3, execution_id: null, error: "<b>bad</b>" },
  began_at: "2026-06-10T11:59:00Z",
  opened_at: "2026-06-10T12:00:00Z",
  resolved_at: null,
  runbook_url: "docs/runbook.md#rule",
} as const;

const MESSAGE = {
  id: ITEM.incident_id,
  token: ITEM.incident_id,
  attempt: 1,
  channel: "channel",
  over_limit: 0,
  hourly_limit: 60,
  config: {},
  secret: null,
  previous_secret: null,
};

const NETWORK = { resolve: () => Promise.resolve([]), allowPrivate: false, now: () => 0 };

Deno.test("a subject names the most severe incident, its state and scope, and the number of the others", () => {
  const low = { ...ITEM, severity: "LOW", rule_name: "Low", kind: "RESOLVED" } as const;
  const whole = { ...ITEM, tournament_no: null, kind: "REPEAT" } as const;
  assertEquals([[ITEM], [low, ITEM], [low, whole, low], [low]].map(subjectOf), [
    "[HIGH] Firing: Rule (matches_schedule, tournament 8104)",
    "[HIGH] Firing: Rule (matches_schedule, tournament 8104) and 1 more",
    "[HIGH] Still firing: Rule (matches_schedule) and 2 more",
    "[LOW] Resolved: Low (matches_schedule, tournament 8104)",
  ]);
});

Deno.test("a text names the state, the severity, the value, the time, the evidence, the runbook and the incident", () => {
  const text = textOf({ items: [ITEM], over_limit: 0, hourly_limit: 60 }, (id) => `https://monitor.test/#/alerts/${id}`);
  assertEquals(text.trimEnd().split("\n"), [
    "Firing (HIGH): Rule",
    "memory usage of matches_schedule: 220 MiB, at or above the threshold of 200 MiB",
    "Since 2026-06-10 11:59:00 UTC",
    "Evidence: runs 3; error <b>bad</b>",
    "What to do: docs/runbook.md#rule",
    "Incident: https://monitor.test/#/alerts/00000000-0000-4000-8000-000000000001",
  ]);
});

for (
  const [outcome, statuses] of [
    ["SENT", [200, 201, 204, 299]],
    ["RETRY", [408, 425, 429, 500, 502, 503, 504]],
    ["DEAD", [301, 302, 400, 401, 403, 404, 410, 413, 422]],
  ] as const
) {
  Deno.test(`a receiver's answer with status ${statuses.join(", ")} is ${outcome}`, async () => {
    for (const status of statuses) {
      const fetch = () => Promise.resolve(new Response(null, { status }));
      const delivery = await postJson("https://receiver.test/", "{}", {}, { ...NETWORK, fetch });
      assertEquals([delivery.outcome, delivery.status_code], [outcome, status]);
    }
  });
}

Deno.test("a webhook message is resolved only when each of its incidents is", async () => {
  const posted: { status: string; alerts: { status: string; endsAt: string }[] }[] = [];
  const fetch = ((_url: unknown, init?: RequestInit) => {
    posted.push(JSON.parse(String(init?.body)));
    return Promise.resolve(new Response());
  }) as typeof globalThis.fetch;
  const message = { ...MESSAGE, kind: "webhook", secret: SECRET, config: { url: "https://receiver.test/" } } as const;
  const resolved = { ...ITEM, kind: "RESOLVED", resolved_at: "2026-06-10T12:30:00Z" } as const;
  for (const items of [[ITEM, resolved], [resolved, resolved]]) await sendWebhook({ ...NETWORK, fetch }, () => null)({ ...message, items });
  assertEquals(posted.map(({ status, alerts }) => [status, ...alerts.map((alert) => alert.status)]), [
    ["firing", "firing", "resolved"],
    ["resolved", "resolved", "resolved"],
  ]);
  assertEquals(posted[0]?.alerts.map(({ endsAt }) => endsAt), ["0001-01-01T00:00:00Z", "2026-06-10T12:30:00Z"]);
});

Deno.test("a Slack message of many long incidents stays within 50 blocks, 150 characters of the header and 3,000 of a section", async () => {
  const posted: { blocks: { type: string; text: { text: string } }[] }[] = [];
  const fetch = ((_url: unknown, init?: RequestInit) => {
    posted.push(JSON.parse(String(init?.body)));
    return Promise.resolve(new Response());
  }) as typeof globalThis.fetch;
  const send = sendSlack({ ...NETWORK, fetch }, () => null);
  const long = { ...ITEM, rule_name: "R".repeat(200), message: "&".repeat(2_000), incident_id: crypto.randomUUID() };
  const message = { ...MESSAGE, kind: "slack", secret: "https://hooks.slack.test/x", over_limit: 2 } as const;
  assertEquals((await send({ ...message, items: Array.from({ length: 60 }, () => long) })).outcome, "SENT");
  const { blocks: [header, ...sections] } = posted[0] ?? { blocks: [] };
  assertEquals([header?.type, header?.text.text.length, sections.length], ["header", 150, 48]);
  assertEquals(sections.map(({ text }) => text.text.length <= 3_000), sections.map(() => true));
  assertMatch(String(sections[0]?.text.text), /^This message combines 2 notifications/);
});

Deno.test("an email goes to the recipients of its highest severity", async () => {
  const { SMTPServer } = await import("smtp-server");
  const recipients: string[] = [];
  const server = new SMTPServer({
    authOptional: true,
    disabledCommands: ["STARTTLS", "AUTH"],
    onRcptTo: ({ address }, _session, done) => {
      recipients.push(address);
      done();
    },
    onData: (stream, _session, done) => {
      stream.resume();
      stream.on("end", () => done());
    },
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", () => resolve()));
  const { port } = server.server.address() as { port: number };
  const send = sendEmail({ url: `smtp://127.0.0.1:${port}`, from: "alerts@example.com" }, () => null);
  const mail = (severity: "LOW" | "CRITICAL") =>
    send({
      ...MESSAGE,
      items: [ITEM, { ...ITEM, severity }],
      kind: "email",
      config: { to: ["all@example.com"], by_severity: { CRITICAL: ["chief@example.com", "all@example.com"] } },
    });
  assertEquals([(await mail("LOW")).outcome, (await mail("CRITICAL")).outcome], ["SENT", "SENT"]);
  await new Promise<void>((resolve) => server.close(() => resolve()));
  assertEquals(recipients, ["all@example.com", "chief@example.com", "all@example.com"]);
});

Deno.test.afterAll(() => db.close());
