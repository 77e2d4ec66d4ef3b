// Over 300 lines, because each stage of a canary fails in a test of its own.
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { setUpCanaries } from "../../testing/canaries.ts";
import { openTestDatabase, USER } from "../../testing/database.ts";

const db = await openTestDatabase();
const HOUR_MS = 3_600_000;
/** A webhook with a daily canary, and a Slack channel without one. */
const setUp = () => setUpCanaries(db, [["hook", "webhook", "1 day"], ["team", "slack", null]]);
const setUpEmail = () => setUpCanaries(db, [["mail", "email", "1 day"], ["team", "slack", null]]);
const set = (channel: string, changes: string) => db.query(`update notification_channels set ${changes} where name = $1`, [channel]);
const setRule = (changes: string) => db.query(`update alert_rules set ${changes} where metric = 'canary'`);
const checks = () =>
  db.query(`select channel, stage, proven_at is not null as is_proven, failed_at is not null as has_failed
    from channel_canaries order by opened_at, channel`);
const canaryId = () => db.value<string>("select id from channel_canaries order by opened_at desc limit 1");
const states = async () =>
  (await db.query<{ line: string }>(
    `select n.channel || ' ' || n.status as line from alert_notifications n join alert_incidents i on i.id = n.incident_id
    where i.is_test order by n.seq`,
  )).map(({ line }) => line);
/** Waits up to 40 minutes, and returns the number of minutes until the canary of the channel failed; null without a failure. */
async function minutesUntilFailure({ wait, canaryOf }: Awaited<ReturnType<typeof setUp>>, working = {}, channel = "hook") {
  for (let minute = 1; minute <= 40; minute++) {
    await wait(1, working);
    if ((await canaryOf(channel)).failed_at) return minute;
  }
  return null;
}

Deno.test("once a day a test message proves each channel that wants it by its answer, and no end follows", async () => {
  const { wait, requests, canaryOf, cron, clock } = await setUpCanaries(db, [
    ["hook", "webhook", "1 day"],
    ["team", "slack", "1 day"],
    ["quiet", "slack", null],
  ]);
  await wait(2);
  const { proven_at, ...canary } = await canaryOf("hook");
  assertEquals(canary, { proven_by: "CHANNEL", failed_at: null, failed_stage: null, error: null });
  assertEquals(Date.parse(proven_at ?? ""), Date.parse("2026-06-10T12:01:00Z"));
  const hosts = () => requests.map(({ url, at }) => `${new URL(url).host} ${at.slice(8, 16)}`).toSorted();
  assertEquals(hosts(), ["hook.test 10T12:01", "team.test 10T12:01"]);
  await wait(60);
  clock.moveTo("2026-06-11T12:00:59.000Z");
  await cron();
  assertEquals([hosts().length, (await checks()).length], [2, 2]);
  await wait(3);
  assertEquals(hosts().slice(1, 2).concat(hosts().slice(3)), ["hook.test 11T12:01", "team.test 11T12:01"]);
  assertEquals(await db.query("select state, is_flapping, count(*)::int as n from alert_incidents group by 1, 2"), [
    { state: "RESOLVED", is_flapping: false, n: 2 },
  ]);
});

Deno.test("hourly canaries neither flap nor wait for the window or the limit of the channel", async () => {
  const { wait, requests } = await setUpCanaries(db, [["hook", "webhook", "1 hour"]]);
  await set("hook", "hourly_limit = 1, group_window = '1 hour'");
  await wait(6 * 60);
  assertEquals(requests.length, 6);
  assertEquals(await db.value("select bool_or(is_flapping) from alert_incidents"), false);
  assertEquals((await checks()).map(({ stage, is_proven }) => `${stage} ${is_proven}`), Array(6).fill("CHANNEL true"));
});

Deno.test("a new channel has its first canary after one interval, and one that is switched on again at once", async () => {
  const { wait, clock } = await setUp();
  await set("hook", `created_at = '${clock.asOf()}'`);
  await wait(3);
  assertEquals(await checks(), []);
  await set("team", "canary_every = '1 hour'");
  await wait(2);
  assertEquals((await checks()).map(({ channel }) => channel), ["team"]);
});

Deno.test("the message says that it is a test about which nothing must be done, has ended, and links to the channels", async () => {
  const { wait, requests } = await setUpCanaries(db, [["hook", "webhook", "1 day"], ["team", "slack", "1 day"]]);
  await wait(1);
  const [hook, team] = ["hook", "team"].map((name) => requests.find(({ url }) => url.includes(name))?.body ?? "");
  const { status, alerts: [alert] } = JSON.parse(hook ?? "");
  assertEquals([status, alert.status, alert.endsAt, alert.labels.severity], ["resolved", "resolved", alert.startsAt, "low"]);
  assertEquals(alert.annotations.summary, "this is a test of the channel: nothing is wrong, and nothing must be done");
  assertEquals(alert.generatorURL, "https://page.test/#/alerts/channels");
  assertStringIncludes(team ?? "", "Test of this channel: nothing must be done");
  assert(!team?.includes("#/alerts/0"), "no link to an incident that no page shows");
});

Deno.test("PagerDuty is proven by a change event, and receives no alert", async () => {
  const { wait, requests, canaryOf } = await setUpCanaries(db, [["pager", "pagerduty", "1 day"]]);
  await wait(3);
  assertEquals(requests.map(({ url }) => url), ["https://events.pagerduty.com/v2/change/enqueue"]);
  const { routing_key, payload, ...rest } = JSON.parse(requests[0]?.body ?? "");
  assertEquals([routing_key, payload.summary], ["k".repeat(32), "Test of this channel: nothing must be done"]);
  assertEquals(Object.keys(rest), ["links"]);
  assertEquals((await canaryOf("pager")).proven_by, "CHANNEL");
  const pager = (await db.rpc("list_notification_channels", {})).find(({ name }) => name === "pager");
  assertEquals([pager?.last_delivery_at, pager?.proven_at === null], [null, false], "a test is no delivery, and proves");
});

/** For each fault, the change that causes it, the parts that do not work, the minutes until the canary fails, its stage and its error. */
const BROKEN: Record<string, [broken: () => Promise<unknown>, working: object, minutes: number, stage: string, error: RegExp]> = {
  "the rule is switched off": [() => setRule("is_active = false"), {}, 11, "RULE", /no active rule with the metric canary/],
  "the rule waits before it fires": [() => setRule("for_duration = '1 hour'"), {}, 11, "RULE", /fires at once/],
  "the rule measures something else": [() => setRule("metric = 'queue_age'"), {}, 11, "RULE", /no active rule/],
  "no evaluation runs": [() => Promise.resolve(), { evaluates: false }, 11, "EVALUATION", /were not evaluated/],
  "the outbox refuses the message": [
    () => db.query("alter table alert_notifications add constraint full_outbox check (channel <> 'hook') not valid"),
    {},
    13,
    "OUTBOX",
    /full_outbox/,
  ],
  "the outbox loses the message": [
    async () => {
      await db.query("create function private.lose() returns trigger language plpgsql as 'begin return null; end'");
      await db.query(
        "create trigger lose before insert on alert_notifications for each row when (new.channel = 'hook') execute function private.lose()",
      );
    },
    {},
    13,
    "OUTBOX",
    /queued no message/,
  ],
  "the processor sends nothing": [() => Promise.resolve(), { delivers: false }, 12, "CHANNEL", /made no attempt/],
};
async function mend() {
  await db.query("alter table alert_notifications drop constraint if exists full_outbox");
  await db.query("drop trigger if exists lose on alert_notifications");
  await db.query("drop function if exists private.lose()");
  await db.query(
    "update alert_rules set metric = 'canary', threshold = 1, is_active = true, for_duration = '0' where name = 'Channel Canary'",
  );
}

for (const [what, [breakIt, working, minutes, stage, error]] of Object.entries(BROKEN)) {
  Deno.test(`when ${what}, the stage ${stage} is named and the other channels are notified, until the channel is proven`, async () => {
    await mend();
    const test = await setUp();
    try {
      await breakIt();
      assertEquals(await minutesUntilFailure(test, working), minutes);
      const { failed_stage, error: why } = await test.canaryOf("hook");
      assertEquals(failed_stage, stage);
      assertMatch(why ?? "", error);
      assertEquals((await checks()).length, 1);
    } finally {
      await mend();
    }
    await test.wait(2);
    assertEquals(await test.notified(), ["dashboard FIRING", "team FIRING"]);
    assertEquals(
      await db.query(
        "select state, severity, evidence -> 'failed' -> 'hook' ->> 'stage' as stage from alert_incidents where metric = 'canary_failed'",
      ),
      [
        { state: "FIRING", severity: "HIGH", stage },
      ],
    );
    await test.wait(60);
    assertEquals((await test.canaryOf("hook")).failed_stage, null);
    assertEquals(await test.notified(), ["dashboard FIRING", "team FIRING", "dashboard RESOLVED", "team RESOLVED"]);
  });
}

Deno.test("a channel that refuses each attempt fails after 10 minutes with its error, which its retries no longer follow", async () => {
  const test = await setUpCanaries(db, [["hook", "webhook", "1 day"], ["team", "slack", "1 day"]]);
  test.answers.set("hook", 500);
  assertEquals(await minutesUntilFailure(test), 12);
  const { failed_stage, error } = await test.canaryOf("hook");
  assertEquals([failed_stage, error], ["CHANNEL", "the receiver answered 500"]);
  assertEquals((await test.canaryOf("team")).proven_by, "CHANNEL", "the refusal of one channel is not that of another");
  await test.wait(1);
  assertEquals([await states(), await test.notified()], [["hook SUPERSEDED", "team SENT"], ["dashboard FIRING", "team FIRING"]]);
  const attempts = test.requests.length;
  await test.wait(20);
  assertEquals(test.requests.length, attempts);
  assertEquals(await db.value("select count(*)::int from alert_incidents where metric = 'undelivered_age'"), 0);
});

Deno.test("a channel that is gone fails at once, and each further channel is named to the others", async () => {
  const test = await setUpCanaries(db, [["hook", "webhook", "1 day"], ["team", "slack", "1 day"], ["quiet", "slack", null]]);
  await set("team", "created_at = '2026-06-09T12:05:30Z'");
  test.answers.set("hook", 410).set("team", 410);
  await test.wait(3);
  assertEquals(await test.notified(), ["dashboard FIRING", "quiet FIRING", "team FIRING"]);
  await test.wait(6);
  assertEquals((await test.notified()).slice(3), ["dashboard FIRING", "quiet FIRING"]);
  assertEquals(await db.query("select evidence -> 'failed' as failed, cause from alert_incidents where metric = 'canary_failed'"), [{
    failed: {
      hook: { stage: "CHANNEL", error: "the receiver answered 410" },
      team: { stage: "CHANNEL", error: "the receiver answered 410" },
    },
    cause: "hook CHANNEL, team CHANNEL",
  }]);
});

Deno.test("a failed channel is tried each hour, and at once after it was changed", async () => {
  const test = await setUp();
  test.answers.set("hook", 410);
  await test.wait(2);
  await test.wait(57);
  assertEquals((await checks()).length, 1);
  await test.wait(4);
  assertEquals((await checks()).map(({ has_failed }) => has_failed), [true, true]);
  test.answers.delete("hook");
  const saved = await test.call("PUT", "/channels/hook", "admin", { kind: "webhook", config: { url: "https://hook.test/" } });
  assertEquals(saved.status, 200);
  await test.wait(2);
  assertEquals((await test.canaryOf("hook")).failed_at, null);
  assertEquals((await test.notified()).slice(-2), ["dashboard RESOLVED", "team RESOLVED"]);
});

for (
  const [what, change] of [["switched off", "is_active = false"], ["without a canary", "canary_every = null"]] as const
) {
  Deno.test(`a channel that is ${what} has no check, loses its open one, and is not reported any more`, async () => {
    const test = await setUp();
    await set("hook", change);
    await test.wait(3);
    assertEquals([await checks(), await states()], [[], []]);
    await set("hook", "is_active = true, canary_every = '1 day'");
    await test.wait(1, { delivers: false });
    await set("hook", change);
    await test.wait(1);
    assertEquals([await checks(), await states(), test.requests], [[], ["hook SUPERSEDED"], []]);
    await set("hook", "is_active = true, canary_every = '1 day'");
    test.answers.set("hook", 410);
    await test.wait(3);
    await set("hook", change);
    await test.wait(2);
    assertEquals((await test.notified()).slice(-2), ["dashboard RESOLVED", "team RESOLVED"]);
  });
}

Deno.test("neither a silence nor a maintenance window mutes a canary", async () => {
  const { wait, canaryOf } = await setUp();
  await db.query(
    `insert into alert_silences (entity_type, rule_id, severity, starts_at, ends_at, created_by, reason)
    select s.entity_type, s.rule_id, s.severity, '2026-06-10T00:00:00Z', '2026-06-11T00:00:00Z', 'operator', 'test'
    from (values ('system', null::uuid, null), (null, (select id from alert_rules where metric = 'canary'), null), (null, null, 'LOW'))
      s (entity_type, rule_id, severity)`,
  );
  await wait(2);
  assertEquals((await canaryOf("hook")).proven_by, "CHANNEL");
});

Deno.test("a canary spends nothing of the hourly limit of incidents, and waits for none of their messages", async () => {
  const { wait, requests, canaryOf } = await setUp();
  await set("hook", "hourly_limit = 1, group_window = '1 hour'");
  await db.query(
    "update alert_rules set is_active = true, notification_channels = '[\"hook\"]' where metric = 'consecutive_failures' and entity_type = 'tournaments'",
  );
  await db.query("update sync_status set consecutive_failures = 9 where entity_type = 'tournaments'");
  await wait(2);
  assertEquals(requests.map(({ body }) => JSON.parse(body).groupLabels.alertname).toSorted(), [
    "Channel Canary",
    "Tournament Sync Consecutive Failures",
  ]);
  assertEquals((await canaryOf("hook")).proven_by, "CHANNEL");
});

Deno.test("ten cron jobs and ten processors at the same time send a canary once", async () => {
  const { cron, evaluate, deliver, clock, requests } = await setUp();
  await Promise.all(Array.from({ length: 10 }, cron));
  clock.advance(1_000);
  await Promise.all(Array.from({ length: 10 }, evaluate));
  await Promise.all(Array.from({ length: 10 }, deliver));
  assertEquals([(await checks()).length, requests.length], [1, 1]);
});

Deno.test("the first person who follows the link of an email proves its channel; the answer of the mail server does not", async () => {
  const { wait, mails, canaryOf, call } = await setUpEmail();
  await wait(60);
  assertEquals([(await canaryOf("mail")).proven_at, await checks()], [
    null,
    [{ channel: "mail", stage: "READER", is_proven: false, has_failed: false }],
  ]);
  const id = await canaryId();
  assertStringIncludes(mails[0] ?? "", `https://page.test/#/canaries/${id}\n`);
  assertStringIncludes(mails[0] ?? "", "Please follow the link");
  assertEquals((await call("POST", `/canaries/${id}/confirm`, null)).status, 403);
  const first = await call("POST", `/canaries/${id}/confirm`, "viewer");
  const confirmed = await first.json();
  assertEquals([first.status, confirmed.channel, confirmed.confirmed_by], [200, "mail", USER.email]);
  await wait(5);
  const another = { id: "00000000-0000-4000-8000-000000000002", email: "another@example.com" };
  for (const user of [USER, another]) {
    assertEquals(await (await call("POST", `/canaries/${id}/confirm`, "operator", undefined, user)).json(), confirmed);
  }
  assertEquals([(await canaryOf("mail")).proven_by, (await canaryOf("mail")).proven_at], ["READER", confirmed.proven_at]);
  assertEquals(await db.query("select actor, action, object_id from audit_log where action = 'confirm-canary'"), [
    { actor: USER.email, action: "confirm-canary", object_id: id },
  ]);
});

Deno.test("a link that nobody followed until the next canary fails the reader, and proves the channel when it is followed late", async () => {
  const test = await setUpCanaries(db, [["mail", "email", "1 hour"], ["team", "slack", null]]);
  await test.wait(60);
  const first = await canaryId();
  assertEquals((await test.canaryOf("mail")).failed_at, null);
  await test.wait(2);
  const { failed_stage, error } = await test.canaryOf("mail");
  assertEquals([failed_stage, error], ["READER", "nobody followed the link of the email"]);
  assertEquals(await test.notified(), ["dashboard FIRING", "team FIRING"]);
  assertEquals((await test.call("POST", `/canaries/${first}/confirm`, "viewer")).status, 200);
  await test.wait(1);
  assertEquals((await test.notified()).slice(2), ["dashboard RESOLVED", "team RESOLVED"]);
});

Deno.test("an email that waits for its reader keeps no canary of another channel from being sent", async () => {
  const { wait, mails, requests } = await setUpCanaries(db, [["mail", "email", "1 day"], ["hook", "webhook", "1 hour"]]);
  await wait(130);
  assertEquals([mails.length, requests.length], [1, 3]);
  assertEquals(await db.query("select state, count(*)::int as n from alert_incidents group by 1"), [{ state: "RESOLVED", n: 3 }]);
});

Deno.test("each recipient of an email receives the link, and the follow-up of one is enough", async () => {
  const { wait, mails, canaryOf, call } = await setUpEmail();
  await set("mail", `config = '{"to": ["a@example.com", "b@example.com"]}'`);
  await wait(2);
  assertEquals(mails.map((mail) => mail.includes(`/canaries/`)), [true, true]);
  await call("POST", `/canaries/${await canaryId()}/confirm`, "viewer");
  assertEquals((await canaryOf("mail")).proven_by, "READER");
});

Deno.test("no link exists for an unknown canary, nor for one of another kind of channel", async () => {
  const { wait, call } = await setUp();
  await wait(2);
  for (const id of [crypto.randomUUID(), await canaryId()]) {
    assertEquals((await call("POST", `/canaries/${id}/confirm`, "viewer")).status, 404);
  }
  assertEquals((await call("POST", "/canaries/1/confirm", "viewer")).status, 400);
});

Deno.test("an Alertmanager has no canary, and is proven by its last post that was accepted", async () => {
  const { wait, canaryOf, clock } = await setUp();
  await db.query(`insert into notification_channels (name, kind, config) values ('am', 'alertmanager', '{"url": "https://am.test"}')`);
  const at = clock.asOf();
  await db.rpc("record_alertmanager_post", { p: { name: "am", error: null }, as_of: at });
  await db.rpc("record_alertmanager_post", { p: { name: "am", error: "no answer" }, as_of: new Date(clock.now() + HOUR_MS).toISOString() });
  await wait(2);
  const { proven_at, proven_by } = await canaryOf("am");
  assertEquals([Date.parse(proven_at ?? ""), proven_by], [Date.parse(at), "CHANNEL"]);
  assertEquals((await checks()).map(({ channel }) => channel), ["hook"]);
});

Deno.test("an Alertmanager that accepted no post for 10 minutes is named to the others, until it accepts one", async () => {
  const { wait, notified, clock } = await setUpCanaries(db, [["team", "slack", null]]);
  await db.query(
    `insert into notification_channels (name, kind, config, created_at) values ('am', 'alertmanager', '{"url": "https://am.test"}', $1)`,
    [clock.asOf()],
  );
  const post = (error: string | null) => db.rpc("record_alertmanager_post", { p: { name: "am", error }, as_of: clock.asOf() });
  await post(null);
  await post("the receiver answered 500");
  await wait(9);
  assertEquals(await notified(), []);
  await wait(1);
  assertEquals(await notified(), ["dashboard FIRING", "team FIRING"]);
  assertEquals(await db.value("select evidence -> 'failed' from alert_incidents where metric = 'canary_failed'"), {
    am: { stage: "CHANNEL", error: "the receiver answered 500" },
  });
  await post(null);
  await wait(1);
  assertEquals((await notified()).slice(2), ["dashboard RESOLVED", "team RESOLVED"]);
});

Deno.test("the API sets the interval: a day for a new channel, a week for email, none for the kinds that nothing proves", async () => {
  const { call } = await setUp();
  const everyOf = async (name: string, body: object) => (await (await call("PUT", `/channels/${name}`, "admin", body)).json()).canary_every;
  const slack = { kind: "slack", secret: "https://slack.test/" }, mail = { kind: "email", config: { to: ["a@example.com"] } };
  assertEquals(await everyOf("new", slack), "1 day");
  assertEquals(await everyOf("letters", mail), "7 days");
  assertEquals(await everyOf("am", { kind: "alertmanager", config: { url: "https://am.test" } }), null);
  assertEquals(await everyOf("new", { ...slack, canary_every: null }), null);
  assertEquals(await everyOf("new", slack), null);
  assertEquals(await everyOf("new", { ...slack, canary_every: "PT6H" }), "6 hours");
  assertEquals(await everyOf("new", slack), "6 hours");
  assertEquals(await everyOf("new", { kind: "dashboard" }), null);
  for (
    const body of [{ ...slack, canary_every: "59 minutes" }, { ...slack, canary_every: "32 days" }, {
      kind: "dashboard",
      canary_every: "1 day",
    }]
  ) {
    const refused = await call("PUT", "/channels/new", "admin", body);
    assertEquals([refused.status, (await refused.json()).details?.[0]?.field ?? "canary_every"], [400, "canary_every"]);
  }
});
