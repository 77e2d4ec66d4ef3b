import { assert, assertEquals, assertMatch } from "@std/assert";
import type { Rpc } from "../../services/rpc.ts";
import { openTestDatabase } from "../../testing/database.ts";
import { type Arrival, setUpProcessor } from "../../testing/processor.ts";

const db = await openTestDatabase();
const linesOf = (arrivals: Arrival[]): string[][] => arrivals.map(({ lines }) => lines);
/** The statuses of each incident in the order of their arrival. */
const historyOf = (arrivals: Arrival[]): string[][] =>
  [...Map.groupBy(arrivals.flatMap(({ alerts }) => alerts), ({ fingerprint }) => fingerprint).values()]
    .map((alerts) => alerts.map(({ status }) => status));

Deno.test("a webhook that answers 503 around the recovery and a new failure receives the end and the new opening in one message", async () => {
  const { answers, arrivals, tick, fail, recover, waitForRetry, deliver, outbox } = await setUpProcessor(db);
  await fail();
  await tick();
  answers.set("hook", 503);
  await recover();
  await tick(60);
  await fail();
  await tick(60);
  await waitForRetry();
  await deliver();
  assertEquals(linesOf(arrivals), [["FIRING HIGH matches_schedule"]]);
  answers.set("hook", 200);
  await waitForRetry();
  await deliver();
  assertEquals(linesOf(arrivals).slice(1), [["FIRING HIGH matches_schedule", "RESOLVED HIGH matches_schedule"]]);
  assertEquals(historyOf(arrivals), [["firing", "resolved"], ["firing"]]);
  const last = arrivals.at(-1)?.alerts.map(({ fingerprint, status }) => `${fingerprint} ${status}`);
  const states = await db.query<{ line: string }>("select id || ' ' || lower(state) as line from alert_incidents order by opened_at desc");
  assertEquals(last, states.map(({ line }) => line), "the last message is the state of both incidents");
  assertEquals(await outbox(), ["FIRING SENT", "RESOLVED SENT", "FIRING SENT"]);
  assertEquals([await deliver(), arrivals.length], [0, 2], "nothing is sent twice");
});

for (const answer of [503, 410, "refused"] as const) {
  Deno.test(`an incident that ends after its opening failed with ${answer} sends nothing`, async () => {
    const { answers, arrivals, attempts, tick, fail, recover, waitForRetry, outbox } = await setUpProcessor(db);
    answers.set("hook", answer);
    await fail();
    await tick();
    answers.set("hook", 200);
    await recover();
    await waitForRetry();
    await tick(60);
    assertEquals([arrivals.length, attempts.length], [0, 1]);
    assertEquals(await outbox(), [answer === 410 ? "FIRING DEAD" : "FIRING SUPERSEDED", "RESOLVED SUPERSEDED"]);
  });
}

Deno.test("after an opening whose answer was lost the end is sent, and says when the incident opened", async () => {
  const { clock, answers, arrivals, tick, fail, recover, waitForRetry, outbox } = await setUpProcessor(db);
  const openedAt = clock.now();
  answers.set("hook", "lost");
  await fail();
  await tick();
  assertEquals(await outbox(), ["FIRING PENDING"]);
  answers.set("hook", 200);
  await recover();
  await waitForRetry();
  await tick(60);
  assertEquals(await outbox(), ["FIRING SUPERSEDED", "RESOLVED SENT"]);
  const [opening, end] = arrivals;
  assertEquals(linesOf(arrivals), [["FIRING HIGH matches_schedule"], ["RESOLVED HIGH matches_schedule"]]);
  assert(opening?.id !== end?.id);
  const [alert] = end?.alerts ?? [];
  assertEquals([Date.parse(String(alert?.startsAt)), Date.parse(String(alert?.endsAt))], [openedAt, clock.now()]);
  assertEquals(alert?.startsAt, opening?.alerts[0]?.startsAt);
  assertMatch(String(alert?.annotations.description), /^recovered to 0 runs after /);
});

Deno.test("when the processor dies between applying an opening and delivering it, an incident that has ended meanwhile sends nothing", async () => {
  const { clock, attempts, evaluate, deliver, fail, recover, outbox } = await setUpProcessor(db);
  await fail();
  await evaluate();
  clock.advance(60_000);
  await recover();
  await evaluate();
  assertEquals([await deliver(), attempts], [0, []]);
  assertEquals(await outbox(), ["FIRING SUPERSEDED", "RESOLVED SUPERSEDED"]);
  assertEquals(await db.value("select state from alert_incidents"), "RESOLVED");
});

/** Calls the database for a sender that dies before it records an outcome. */
const dying: Rpc = (fn, args) => fn === "record_alert_delivery" ? Promise.reject(new Error("died")) : db.rpc(fn, args);

Deno.test("a state that was sent and not recorded is sent again under the same id after its lease, and not before", async () => {
  const { clock, attempts, arrivals, evaluate, deliver, fail, outbox } = await setUpProcessor(db);
  await fail();
  await evaluate();
  assertEquals(await deliver(dying).catch(({ message }: Error) => message), "died");
  clock.advance(59_999);
  assertEquals([await deliver(), attempts.length], [0, 1]);
  clock.advance(1);
  assertEquals([await deliver(), attempts.length], [1, 2]);
  assertEquals(arrivals[0]?.id, arrivals[1]?.id);
  assertEquals(linesOf(arrivals), [["FIRING HIGH matches_schedule"], ["FIRING HIGH matches_schedule"]]);
  assertEquals(await outbox(), ["FIRING SENT"]);
});

Deno.test("when the state changed after a sending that was not recorded, the new state is sent under another id", async () => {
  const { clock, arrivals, evaluate, deliver, tick, fail, recover, outbox } = await setUpProcessor(db);
  await fail();
  await evaluate();
  await deliver(dying).catch(() => {});
  await recover();
  clock.advance(30_000);
  await evaluate();
  assertEquals(await deliver(), 0, "the end waits for the lease of the opening");
  await tick(30);
  assertEquals(linesOf(arrivals), [["FIRING HIGH matches_schedule"], ["RESOLVED HIGH matches_schedule"]]);
  assert(arrivals[0]?.id !== arrivals[1]?.id);
  assertEquals(await outbox(), ["FIRING SUPERSEDED", "RESOLVED SENT"]);
});

Deno.test("an escalation waits while the opening is in flight, and follows it", async () => {
  const { clock, answers, arrivals, attempts, evaluate, deliver, tick, fail } = await setUpProcessor(db);
  await db.query("update alert_rules set escalation_delay = '30 seconds' where is_active");
  await db.query("update notification_channels set group_window = '0'");
  await fail();
  await evaluate();
  const requested = Promise.withResolvers<void>(), answer = Promise.withResolvers<Response>();
  answers.set("hook", () => {
    requested.resolve();
    return answer.promise;
  });
  const opening = deliver();
  await Promise.race([requested.promise, opening]);
  clock.advance(31_000);
  await evaluate();
  assertEquals(await db.value("select max(item ->> 'kind') filter (where status = 'PENDING') from alert_notifications"), "ESCALATED");
  assertEquals([await deliver(), attempts.length], [0, 1]);
  answer.resolve(new Response());
  await opening;
  answers.set("hook", 200);
  await tick(1);
  assertEquals(linesOf(arrivals), [["FIRING HIGH matches_schedule"], ["ESCALATED CRITICAL matches_schedule"]]);
});

Deno.test("an opening that was not delivered before the escalation is delivered once, as an opening with the new severity", async () => {
  const { answers, arrivals, attempts, tick, fail, recover, wait, waitForRetry, outbox } = await setUpProcessor(db);
  await db.query("update alert_rules set escalation_delay = '30 minutes' where is_active");
  answers.set("hook", 503);
  await fail();
  await tick();
  answers.set("hook", 200);
  await waitForRetry();
  await wait(30);
  await tick(60);
  assertEquals(linesOf(arrivals), [["FIRING CRITICAL matches_schedule"]]);
  assertEquals(await outbox(), ["FIRING SUPERSEDED", "ESCALATED SENT"]);
  await recover();
  await tick(60);
  assertEquals(linesOf(arrivals).slice(1), [["RESOLVED CRITICAL matches_schedule"]]);
  assertEquals(attempts.length, 3);
});

Deno.test("the end says the worst value, and the timeline has no event for a mere change of the worst value", async () => {
  const { arrivals, tick, fail, recover } = await setUpProcessor(db);
  for (const failures of [3, 10, 5]) {
    await fail("matches_schedule", failures);
    await tick(60);
  }
  await recover();
  await tick(60);
  assertEquals(linesOf(arrivals), [["FIRING HIGH matches_schedule"], ["RESOLVED HIGH matches_schedule"]]);
  assertEquals(arrivals[1]?.alerts[0]?.annotations.summary, "10 runs failed in a row (matches_schedule)");
  const events = await db.query<{ line: string }>(
    "select concat(from_state, '>', to_state, ' ', reason) as line from alert_events order by id",
  );
  assertEquals(events.map(({ line }) => line.split(",")[0]), [
    ">FIRING consecutive failures of matches_schedule: 3 runs",
    "FIRING>RESOLVED recovered to 0 runs after 3 minutes",
  ]);
});

Deno.test.afterAll(() => db.close());
