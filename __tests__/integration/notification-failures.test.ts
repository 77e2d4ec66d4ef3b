// Over 300 lines, because the failures of a receiver, the acts of a person on them, and the rule about them have cases.
import { assert, assertEquals, assertObjectMatch } from "@std/assert";
import { createApp } from "../../supabase/functions/sync-admin/app.ts";
import { openTestDatabase } from "../../testing/database.ts";
import { testEnv } from "../../testing/env.ts";
import { setUpProcessor } from "../../testing/processor.ts";

const db = await openTestDatabase();
const HOUR = 3_600_000, DAY = 24 * HOUR;
const token = await db.token("operator");
type Processor = Awaited<ReturnType<typeof setUpProcessor>>;

/** The answer of sync-admin to an act of an operator on a notification, and the audit rows that it wrote. */
async function act({ clock }: Processor, action: "resend" | "discard", id: string) {
  const app = createApp({ rpc: db.rpc, clock, log: () => {}, env: testEnv(), waitUntil: () => {} });
  const last = await db.value("select coalesce(max(id), 0) from audit_log");
  const response = await app.fetch(
    new Request(`http://functions.test/sync-admin/notifications/${id}/${action}`, {
      method: "POST",
      headers: { authorization: `Bearer ${token}` },
    }),
  );
  const audited = await db.query(
    "select actor, action, object_type, object_id, before ->> 'status' as before, after ->> 'status' as after from audit_log where id > $1",
    [last],
  );
  return { status: response.status, body: await response.json(), audited };
}
const auditOf = (action: string, object_id: string, before: string, after: string) => [
  { actor: "user@example.com", action, object_type: "notification", object_id, before, after },
];

Deno.test("a 404 of 71 hours is still retried, and after 72 hours the state is DEAD", async () => {
  const { clock, answers, attempts, tick, fail, deliver, states } = await setUpProcessor(db);
  answers.set("hook", 404);
  await fail();
  await tick();
  for (const [hours, status] of [[71, "PENDING"], [1, "DEAD"], [100, "DEAD"]] as const) {
    clock.advance(hours * HOUR);
    await deliver();
    assertObjectMatch((await states())[0] as object, { status, last_error: "the receiver answered 404" });
  }
  assertEquals(attempts.length, 3);
});

Deno.test("a 410 is DEAD at once, and is not sent again", async () => {
  const { clock, answers, attempts, tick, fail, deliver, states } = await setUpProcessor(db);
  answers.set("hook", 410);
  await fail();
  await tick();
  assertObjectMatch((await states())[0] as object, { status: "DEAD", attempts: 1, last_error: "the receiver answered 410" });
  clock.advance(DAY);
  assertEquals([await deliver(), attempts.length], [0, 1]);
});

Deno.test("the three days count from the first failure of an incident, also when newer states replace the failed one", async () => {
  const { answers, tick, fail, outbox } = await setUpProcessor(db);
  await db.query("update alert_rules set repeat_interval = '30 hours' where is_active");
  answers.set("hook", 503);
  await fail();
  await tick();
  await tick(31 * 3_600);
  assertEquals(await outbox(), ["FIRING SUPERSEDED", "REPEAT PENDING"]);
  await tick(31 * 3_600);
  assertEquals(await outbox(), ["FIRING SUPERSEDED", "REPEAT SUPERSEDED", "REPEAT PENDING"]);
  await tick(10 * 3_600);
  assertEquals((await outbox()).at(-1), "REPEAT DEAD");
});

Deno.test("after a delivery the three days of the next failure count from that failure", async () => {
  const { answers, tick, fail, waitForRetry, outbox } = await setUpProcessor(db);
  await db.query("update alert_rules set repeat_interval = '80 hours' where is_active");
  answers.set("hook", 503);
  await fail();
  await tick();
  answers.set("hook", 200);
  await waitForRetry();
  await tick();
  answers.set("hook", 503);
  await tick(80 * 3_600);
  assertEquals(await outbox(), ["FIRING SENT", "REPEAT PENDING"]);
});

Deno.test("while a destination backs off, messages of other incidents to it wait too, and another channel is not delayed", async () => {
  const { clock, answers, attempts, arrivals, tick, fail, deliver, waitForRetry } = await setUpProcessor(db, { hooks: ["hook", "other"] });
  answers.set("hook", 503);
  await fail("matches_schedule");
  await tick();
  assertEquals([...attempts].sort(), ["hook", "other"]);
  attempts.length = 0;
  await fail("tournaments");
  await tick(7);
  assertEquals([attempts, arrivals.at(-1)?.lines], [["other"], ["FIRING HIGH tournaments"]]);
  answers.set("hook", 200);
  const retryAt = Date.parse(await db.value("select retry_at from notification_destinations where channel = 'hook'"));
  clock.advance(retryAt - 1 - clock.now());
  assertEquals(await deliver(), 0);
  await waitForRetry();
  assertEquals(await deliver(), 2);
  assertEquals(attempts, ["other", "hook", "hook"]);
});

Deno.test("a delivery ends the backoff, and the next failure begins with the shortest delay", async () => {
  const { clock, answers, tick, fail, deliver, waitForRetry } = await setUpProcessor(db);
  answers.set("hook", 503);
  await fail();
  await tick();
  for (let attempt = 0; attempt < 4; attempt++) {
    await waitForRetry();
    await deliver();
  }
  const destination = async () => (await db.query("select failures, retry_at from notification_destinations"))[0];
  assertObjectMatch(await destination() as object, { failures: 5 });
  answers.set("hook", 200);
  await waitForRetry();
  await deliver();
  assertEquals(await destination(), { failures: 0, retry_at: null });
  answers.set("hook", 503);
  await fail("tournaments");
  await tick(60);
  const wait = Date.parse(String((await destination())?.retry_at)) - clock.now();
  assert(wait >= 7_499 && wait <= 12_501, `${wait}`);
});

Deno.test("a Retry-After beats the backoff, in both directions", async () => {
  const { clock, answers, attempts, tick, fail, deliver } = await setUpProcessor(db);
  const busy = (seconds: number) => new Response(null, { status: 503, headers: { "retry-after": String(seconds) } });
  answers.set("hook", busy(600));
  await fail();
  await tick();
  clock.advance(599_000);
  assertEquals([await deliver(), attempts.length], [0, 1]);
  clock.advance(1_000);
  answers.set("hook", busy(1));
  assertEquals([await deliver(), attempts.length], [1, 2]);
  clock.advance(1_000);
  assertEquals([await deliver(), attempts.length], [1, 3]);
});

Deno.test("a DEAD opening is refused for a resend after the end, and its end is not sent", async () => {
  const processor = await setUpProcessor(db);
  const { answers, attempts, tick, fail, recover, states, outbox } = processor;
  answers.set("hook", 410);
  await fail();
  await tick();
  const opening = String((await states())[0]?.id);
  answers.set("hook", 200);
  await recover();
  await tick(60);
  const { status, body, audited } = await act(processor, "resend", opening);
  assertEquals([status, body.code, audited], [409, "NOTIFICATION_OVER", []]);
  await tick(60);
  assertEquals([await outbox(), attempts.length], [["FIRING DEAD", "RESOLVED SUPERSEDED"], 1]);
});

Deno.test("a DEAD opening of a live incident is sent again at once after a resend, which is audited", async () => {
  const processor = await setUpProcessor(db);
  const { answers, arrivals, tick, fail, deliver, states, outbox } = processor;
  answers.set("hook", 410);
  await fail();
  await tick();
  answers.set("hook", 200);
  const opening = String((await states())[0]?.id);
  const { status, body, audited } = await act(processor, "resend", opening);
  assertEquals([status, body.status, body.attempts], [202, "PENDING", 0]);
  assertEquals(audited, auditOf("resend", opening, "DEAD", "PENDING"));
  assertEquals([await deliver(), await outbox()], [1, ["FIRING SENT"]]);
  assertEquals(arrivals.map(({ lines }) => lines), [["FIRING HIGH matches_schedule"]]);
});

Deno.test("a discarded state is never sent, and neither is an older one; the discard is audited", async () => {
  const processor = await setUpProcessor(db);
  const { answers, attempts, tick, fail, waitForRetry, wait, deliver, states, outbox } = processor;
  await db.query("update alert_rules set escalation_delay = '30 minutes' where is_active");
  answers.set("hook", 503);
  await fail();
  await tick();
  await wait(31);
  assertEquals(await outbox(), ["FIRING PENDING", "ESCALATED PENDING"]);
  const escalation = String((await states())[1]?.id);
  const { status, body, audited } = await act(processor, "discard", escalation);
  assertEquals([status, body.status], [200, "DEAD"]);
  assertEquals(audited, auditOf("discard", escalation, "PENDING", "DEAD"));
  assertEquals(await db.value("select discarded_by from alert_notifications where id = $1", [escalation]), "user@example.com");
  answers.set("hook", 200);
  await waitForRetry();
  await tick(60);
  assertEquals([await deliver(), attempts.length], [0, 1]);
  assertEquals(await outbox(), ["FIRING SUPERSEDED", "ESCALATED DEAD"]);
  const again = await act(processor, "discard", escalation);
  assertEquals([again.status, again.body.code, again.audited], [409, "NOTIFICATION_OVER", []]);
});

for (
  const [name, before, after] of [
    [
      "that was off",
      "update notification_channels set is_active = false where name = 'hook'",
      "update notification_channels set is_active = true where name = 'hook'",
    ],
    [
      "that is added to the rule",
      "update alert_rules set notification_channels = '[\"dashboard\"]' where is_active",
      'update alert_rules set notification_channels = \'["dashboard", "hook"]\' where is_active',
    ],
  ] as const
) {
  Deno.test(`a channel ${name} is notified of what fires at the next evaluation, once, and of its end`, async () => {
    const { arrivals, tick, fail, recover } = await setUpProcessor(db);
    await db.query(before);
    await fail();
    await tick();
    await tick(60);
    assertEquals(arrivals, []);
    await db.query(after);
    await tick(60);
    await tick(60);
    assertEquals(arrivals.map(({ lines }) => lines), [["FIRING HIGH matches_schedule"]]);
    await recover();
    await tick(60);
    assertEquals(arrivals.map(({ lines }) => lines).slice(1), [["RESOLVED HIGH matches_schedule"]]);
  });
}

Deno.test("a channel that was off when an incident fired and ended is not notified of it", async () => {
  const { attempts, tick, fail, recover } = await setUpProcessor(db);
  await db.query("update notification_channels set is_active = false where name = 'hook'");
  await fail();
  await tick();
  await recover();
  await tick(60);
  await db.query("update notification_channels set is_active = true where name = 'hook'");
  await tick(60);
  assertEquals(attempts, []);
});

Deno.test("a channel that is deleted and created again is notified of what fires, and its old states are discarded", async () => {
  // The only channel of a rule cannot be deleted.
  const { answers, arrivals, attempts, tick, fail, outbox } = await setUpProcessor(db, { hooks: ["hook", "off"] });
  await db.query("update notification_channels set is_active = false where name = 'off'");
  answers.set("hook", 503);
  await fail();
  await tick();
  const actor = { name: "admin@example.com", role: "admin" };
  const [{ config, secret } = {}] = await db.query("select config, secret from notification_channels where name = 'hook'");
  await db.query("select delete_notification_channel($1)", [{ name: "hook", actor }]);
  assertEquals(await outbox(), ["FIRING DEAD"]);
  answers.set("hook", 200);
  await tick(60);
  assertEquals(attempts.length, 1);
  await db.query("select save_notification_channel($1)", [{ name: "hook", kind: "webhook", config, secret, actor }]);
  await tick(60);
  await tick(60);
  assertEquals(arrivals.map(({ lines }) => lines), [["FIRING HIGH matches_schedule"]]);
  assertEquals(await outbox(), ["FIRING DEAD", "FIRING SENT"]);
});

/** A processor whose rule about undelivered notifications is active and notifies the dashboard. */
async function watchDelivery(hooks = ["hook"]) {
  const processor = await setUpProcessor(db, { hooks });
  await db.query(
    "update alert_rules set is_active = true, notification_channels = '[\"dashboard\"]' where name = 'Notifications Undelivered'",
  );
  const undelivered = async () =>
    (await db.query<{ line: string }>(
      "select (item ->> 'kind') || ' ' || channel as line from alert_notifications where item ->> 'metric' = 'undelivered_age' order by seq",
    )).map(({ line }) => line);
  const minutes = async (count: number) => {
    for (let minute = 0; minute < count; minute++) await processor.tick(60);
  };
  return { ...processor, undelivered, minutes };
}

Deno.test("undelivered notifications fire 15 minutes after the first failed attempt, stay while nothing is repaired, and resolve when delivered", async () => {
  const { answers, tick, fail, undelivered, minutes } = await watchDelivery();
  answers.set("hook", 503);
  await fail();
  await tick();
  await minutes(14);
  assertEquals(await undelivered(), []);
  await minutes(1);
  assertEquals(await undelivered(), ["FIRING dashboard"]);
  assertObjectMatch(await db.value<object>("select evidence from alert_incidents where metric = 'undelivered_age'"), {
    channels: { hook: 1 },
  });
  await minutes(105);
  assertEquals(await undelivered(), ["FIRING dashboard"]);
  assertEquals(await db.value("select state from alert_incidents where metric = 'undelivered_age'"), "FIRING");
  answers.set("hook", 200);
  await tick(3_600);
  await tick(60);
  assertEquals(await undelivered(), ["FIRING dashboard", "RESOLVED dashboard"]);
});

Deno.test("a DEAD message of a live incident is undelivered until the incident ends, and a discarded one or one of an inactive channel is not", async () => {
  for (const repair of ["end", "discard", "disable"] as const) {
    const processor = await watchDelivery();
    const { answers, tick, fail, recover, states, undelivered, minutes } = processor;
    answers.set("hook", 410);
    await fail();
    await tick();
    await minutes(15);
    assertEquals(await undelivered(), ["FIRING dashboard"], repair);
    await minutes(75);
    assertEquals(await undelivered(), ["FIRING dashboard"], repair);
    if (repair === "end") await recover();
    else if (repair === "discard") await act(processor, "discard", String((await states())[0]?.id));
    else await db.query("update notification_channels set is_active = false where name = 'hook'");
    await minutes(2);
    assertEquals(await undelivered(), ["FIRING dashboard", "RESOLVED dashboard"], repair);
  }
});

Deno.test("a limit that holds states back does not raise undelivered notifications", async () => {
  const { attempts, tick, fail, undelivered, minutes } = await watchDelivery();
  await db.query("update notification_channels set hourly_limit = 1, group_window = '1 hour' where name = 'hook'");
  await db.query("update alert_rules set repeat_interval = '5 minutes' where metric = 'consecutive_failures'");
  await fail();
  await tick();
  await minutes(50);
  assertEquals(await db.value("select count(*)::int from alert_notifications where status = 'PENDING'"), 10);
  assertEquals([attempts.length, await undelivered()], [1, []]);
});

Deno.test.afterAll(() => db.close());
