import { assertEquals, assertMatch } from "@std/assert";
import { openTestDatabase } from "../../testing/database.ts";
import { type Arrival, setUpProcessor } from "../../testing/processor.ts";

const db = await openTestDatabase();
const linesOf = (arrivals: Arrival[]): string[][] => arrivals.map(({ lines }) => lines);
const setLimit = (hourly_limit: number) =>
  db.query("update notification_channels set hourly_limit = $1, group_window = '0'", [hourly_limit]);

/** A processor with a rule on the tournaments "1" and "2" of matches_schedule, which are one group. */
async function setUpTournaments(severity?: string) {
  const processor = await setUpProcessor(db, { env: { DASHBOARD_URL: "https://monitor.test/page/" } });
  await processor.useTournamentRule(["1", "2"], severity);
  return processor;
}

Deno.test("one message per group holds what fires and what resolved since the last message, with the status of the group", async () => {
  const { arrivals, tick, syncTournament } = await setUpTournaments();
  await syncTournament("1", false);
  await syncTournament("2", false);
  await tick();
  assertEquals(arrivals.map(({ status, lines }) => [status, ...lines.toSorted()]), [["firing", "FIRING HIGH 1", "FIRING HIGH 2"]]);
  await syncTournament("1", true);
  await tick(60);
  assertEquals([arrivals[1]?.status, arrivals[1]?.lines], ["firing", ["RESOLVED HIGH 1", "FIRING HIGH 2"]]);
  assertEquals(arrivals[1]?.alerts.map(({ status }) => status), ["resolved", "firing"]);
  await syncTournament("2", true);
  await tick(60);
  assertEquals([arrivals[2]?.status, arrivals[2]?.lines], ["resolved", ["RESOLVED HIGH 2"]]);
  assertEquals(arrivals.length, 3);
  assertEquals(await db.value("select count(distinct message_id)::int from alert_notifications where status = 'SENT'"), 3);
});

Deno.test("incidents of two entities or of two rules are messages of their own", async () => {
  const { arrivals, tick, fail, syncTournament, useTournamentRule } = await setUpProcessor(db);
  await useTournamentRule(["1"]);
  await db.query("update alert_rules set is_active = true where metric = 'consecutive_failures' and scope = 'ENTITY'");
  await fail("tournaments");
  await fail("matches_schedule");
  await syncTournament("1", false);
  await tick();
  assertEquals(linesOf(arrivals).toSorted(), [["FIRING HIGH 1"], ["FIRING HIGH matches_schedule"], ["FIRING HIGH tournaments"]]);
});

Deno.test("the first message of a group is sent at once, and states within the group window are combined at its end", async () => {
  const { arrivals, tick, syncTournament } = await setUpTournaments();
  await syncTournament("1", false);
  await tick();
  assertEquals(linesOf(arrivals), [["FIRING HIGH 1"]]);
  await syncTournament("2", false);
  await tick(10);
  await syncTournament("1", true);
  await tick(19);
  assertEquals(arrivals.length, 1, "within the window");
  await tick(1);
  assertEquals(linesOf(arrivals).slice(1), [["FIRING HIGH 2", "RESOLVED HIGH 1"]]);
  assertMatch(
    String(Reflect.get(arrivals[0]?.alerts[0] as object, "generatorURL")),
    /^https:\/\/monitor\.test\/page\/#\/alerts\/[0-9a-f-]{36}$/,
  );
});

Deno.test("the window of a group delays no other group", async () => {
  const { arrivals, tick, fail } = await setUpProcessor(db);
  await fail("tournaments");
  await tick();
  await fail("matches_schedule");
  await tick(10);
  assertEquals(linesOf(arrivals), [["FIRING HIGH tournaments"], ["FIRING HIGH matches_schedule"]]);
});

Deno.test("a group over its hourly limit receives one message with the latest state of each incident and the number of states", async () => {
  const { arrivals, tick, syncTournament } = await setUpTournaments("LOW");
  await setLimit(3);
  for (const success of [false, true, false, true]) {
    await syncTournament("1", success);
    await tick(60);
  }
  await syncTournament("2", false);
  await tick(60);
  assertEquals(linesOf(arrivals), [["FIRING LOW 1"], ["RESOLVED LOW 1"], ["FIRING LOW 1"]]);
  await tick(56 * 60 - 1);
  assertEquals(arrivals.length, 3, "an hour after the first of the three messages has not passed");
  await tick(1);
  assertEquals(linesOf(arrivals).slice(3), [["FIRING LOW 2", "RESOLVED LOW 1"]]);
  assertEquals(
    arrivals[3]?.alerts.map(({ annotations }) => annotations.over_limit),
    [1, 2].map(() =>
      "This message combines 2 notifications over this channel's limit of 3 per hour, with the latest state of each incident."
    ),
  );
});

Deno.test("a message of several incidents counts once for the hourly limit", async () => {
  const { arrivals, tick, syncTournament } = await setUpTournaments("LOW");
  await setLimit(2);
  await syncTournament("1", false);
  await syncTournament("2", false);
  await tick();
  await syncTournament("1", true);
  await tick(60);
  assertEquals(linesOf(arrivals).map((lines) => lines.toSorted()), [["FIRING LOW 1", "FIRING LOW 2"], ["FIRING LOW 2", "RESOLVED LOW 1"]]);
});

Deno.test("a message does not repeat an incident whose opening a person discarded", async () => {
  const { answers, arrivals, clock, tick, syncTournament, states } = await setUpTournaments();
  answers.set("hook", 410);
  await syncTournament("1", false);
  await tick();
  const actor = { name: "operator@example.com", role: "operator" };
  await db.query("select change_alert_notification($1, $2)", [{ id: (await states())[0]?.id, action: "discard", actor }, clock.asOf()]);
  answers.set("hook", 200);
  await syncTournament("2", false);
  await tick(60);
  assertEquals(linesOf(arrivals), [["FIRING HIGH 2"]]);
});

Deno.test("the hourly limit holds back the LOW repeats of a group, and neither delays another group nor counts its messages", async () => {
  const { arrivals, tick, fail } = await setUpProcessor(db);
  await setLimit(2);
  await db.query("update alert_rules set severity = 'LOW', repeat_interval = '10 minutes' where is_active");
  await fail("tournaments");
  for (let minute = 0; minute <= 50; minute++) await tick(60);
  assertEquals(linesOf(arrivals), [["FIRING LOW tournaments"], ["REPEAT LOW tournaments"]]);
  await fail("matches_schedule");
  await tick(60);
  assertEquals(linesOf(arrivals).slice(2), [["FIRING LOW matches_schedule"]]);
  for (let minute = 0; minute < 9; minute++) await tick(60);
  assertEquals(linesOf(arrivals).slice(3), [["REPEAT LOW tournaments"]], "the first message is an hour old");
});

Deno.test("a CRITICAL and its end pass the hourly limit, and so does the escalation of an incident that the limit held back", async () => {
  const { arrivals, tick, wait, fail, recover } = await setUpProcessor(db);
  await setLimit(1);
  await db.query("update alert_rules set escalation_delay = '10 minutes' where is_active");
  await fail();
  await tick();
  await recover();
  await tick(60);
  await fail();
  await tick(60);
  assertEquals(linesOf(arrivals), [["FIRING HIGH matches_schedule"]], "a HIGH waits");
  await wait(9);
  await tick(60);
  await recover();
  await tick(60);
  assertEquals(linesOf(arrivals).slice(1), [
    ["FIRING CRITICAL matches_schedule", "RESOLVED HIGH matches_schedule"],
    ["RESOLVED CRITICAL matches_schedule"],
  ]);
});

Deno.test("an escalation step notifies its own channels too, and each notified channel receives the end", async () => {
  const { tick, fail, recover, states } = await setUpProcessor(db);
  await db.query(
    `update alert_rules set escalation_delay = '30 minutes', escalation_channels = '[["dashboard"]]', repeat_interval = '1 day' where is_active`,
  );
  await fail();
  for (let minute = 0; minute < 40; minute++) await tick(60);
  await recover();
  await tick(60);
  assertEquals((await states()).map(({ channel, kind, status }) => `${channel} ${kind} ${status}`), [
    "hook FIRING SENT",
    "dashboard FIRING SENT",
    "hook ESCALATED SENT",
    "dashboard RESOLVED SENT",
    "hook RESOLVED SENT",
  ]);
});

Deno.test.afterAll(() => db.close());
