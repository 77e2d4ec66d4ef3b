import { assertEquals, assertMatch } from "@std/assert";
import { createApp } from "../../supabase/functions/sync-admin/app.ts";
import { evaluateRules } from "../../supabase/functions/sync-alert-processor/alert-processor.ts";
import { createChannels, deliverDue } from "../../supabase/functions/sync-alert-processor/notification-service.ts";
import { type PostingKind, SETTINGS } from "../../testing/channel-examples.ts";
import { TestClock } from "../../testing/clock.ts";
import { openTestDatabase } from "../../testing/database.ts";
import { testEnv } from "../../testing/env.ts";
import { requester } from "../../testing/requests.ts";
import { startReceiver } from "../../testing/stand-in-receiver.ts";
import { CHANNEL_KINDS } from "../../types/channel-kinds.ts";

const db = await openTestDatabase();
const KINDS = Object.keys(SETTINGS) as PostingKind[];
const clock = new TestClock("2026-06-10T12:00:00Z");
const send = requester(createApp({ rpc: db.rpc, clock, log: () => {}, env: testEnv(), waitUntil: () => {} }), "/sync-admin");
const acknowledge = async (id: string, body: object = {}) =>
  await send("POST", `/alerts/${id}/acknowledge`, body, { authorization: `Bearer ${await db.token("operator")}` });
/** Creates a channel of each kind, and a rule that notifies some of them. */
async function setUp(notified = KINDS) {
  await db.reset();
  await db.query("truncate alert_incidents, alert_evaluations, alert_notifications cascade");
  await db.query("delete from notification_channels where name <> 'dashboard'");
  for (const kind of KINDS) {
    const { config, secret } = SETTINGS[kind];
    const row = [kind, config, secret];
    await db.query("insert into notification_channels (name, kind, config, secret, group_window) values ($1, $1, $2, $3, '0')", row);
  }
  await db.query(
    "update alert_rules set is_active = name = 'Match Schedule Consecutive Failures', notification_channels = $1::text::jsonb",
    [
      JSON.stringify(notified),
    ],
  );
}
/** Evaluates the rules a minute later with this number of consecutive failures, and delivers the due states. */
async function tick(failures: number, channels: ReturnType<typeof createChannels>) {
  clock.advance(60_000);
  await db.query("update sync_status set last_attempt = $1, consecutive_failures = $2", [clock.asOf(), failures]);
  await evaluateRules(db.rpc, clock, () => {}, "cron");
  await deliverDue(db.rpc, clock, () => {}, channels);
}
const firing = () => db.value<string>("select id from alert_incidents where state = 'FIRING'");
/** The actions of the events for PagerDuty. */
const actionsOf = ({ requests }: Pick<ReturnType<typeof startReceiver>, "requests">) =>
  requests.filter(({ url }) => url.includes("pagerduty")).map(({ body }) => JSON.parse(body).event_action);

Deno.test("PagerDuty receives an opening, its acknowledgement and its end as one incident, and no other kind an acknowledgement", async () => {
  await setUp();
  const pager = startReceiver(() => new Response(null, { status: 202 }));
  const channels = createChannels(testEnv({}), clock, pager.deps);
  await tick(3, channels);
  const id = await firing();
  assertEquals((await acknowledge(id, { note: "I look" })).status, 200);
  await tick(3, channels);
  await tick(0, channels);
  await pager.close();
  const events = pager.requests.filter(({ url }) => url.includes("pagerduty")).map(({ body }) => JSON.parse(body));
  assertEquals(actionsOf(pager), ["trigger", "acknowledge", "resolve"]);
  assertEquals(events.map(({ dedup_key }) => dedup_key), [id, id, id]);
  assertMatch(JSON.stringify(events[1]), /acknowledged by [^":]+: I look/);
  const acknowledged = await db.query<{ channel: string }>(
    "select distinct channel from alert_notifications where item ->> 'kind' = 'ACKNOWLEDGED'",
  );
  const kinds = KINDS.filter((kind) => CHANNEL_KINDS[kind].knows_acknowledgement);
  assertEquals(acknowledged.map(({ channel }) => channel), kinds);
});

Deno.test("an acknowledgement before PagerDuty received the opening is not queued: the opening is sent", async () => {
  await setUp();
  let status = 503;
  const pager = startReceiver(() => new Response(null, { status }));
  const channels = createChannels(testEnv({}), clock, pager.deps);
  await tick(3, channels);
  await acknowledge(await firing());
  status = 202;
  await tick(3, channels);
  await pager.close();
  assertEquals(actionsOf(pager), ["trigger", "trigger"]);
  assertEquals(await db.value("select count(*)::int from alert_notifications where item ->> 'kind' = 'ACKNOWLEDGED'"), 0);
});

Deno.test("an acknowledgement during an attempt that fails is sent as the opening that PagerDuty does not have", async () => {
  await setUp(["pagerduty"]);
  let status = 503, id = "";
  const pager = startReceiver(() => new Response(null, { status }));
  const acknowledging: typeof fetch = async (...request) => {
    if (id === "") {
      id = await firing();
      await acknowledge(id);
    }
    return await pager.deps.fetch(...request);
  };
  const channels = createChannels(testEnv({}), clock, { ...pager.deps, fetch: acknowledging });
  await tick(3, channels);
  status = 202;
  await tick(3, channels);
  await pager.close();
  const kinds = await db.query("select item ->> 'kind' as kind, status from alert_notifications where channel = 'pagerduty' order by seq");
  assertEquals(kinds, [{ kind: "FIRING", status: "SUPERSEDED" }, { kind: "ACKNOWLEDGED", status: "SENT" }]);
  assertEquals(actionsOf(pager), ["trigger", "trigger"]);
});

Deno.test.afterAll(() => db.close());
