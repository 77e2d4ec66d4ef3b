import { assert, assertEquals } from "@std/assert";
import { createChannels } from "../../supabase/functions/sync-alert-processor/notification-service.ts";
import { deliverReports } from "../../supabase/functions/sync-alert-processor/weekly-reports.ts";
import { TestClock } from "../../testing/clock.ts";
import { openTestDatabase } from "../../testing/database.ts";
import { testEnv } from "../../testing/env.ts";
import { insert } from "../../testing/factories.ts";
import { VALID_ROWS } from "../../testing/rows.ts";

const db = await openTestDatabase();
const SECRET = `whsec_${btoa("a secret of twenty-four by")}`;
const HOUR = 3_600_000, DAY = 24 * HOUR;
/** The Monday on which the report of the week from 1 June 2026 is due, at 07:00. */
const DUE = "2026-06-08T07:00:00.000Z";

/** Adds a webhook and a Slack channel with the report, and one of each without; each receiver gives the answer in `answers`. */
async function setUp(now = DUE) {
  await db.query("truncate weekly_reports, alert_incidents, notification_destinations cascade");
  await db.query("delete from notification_channels where name <> 'dashboard'");
  await db.query(
    `insert into notification_channels (name, kind, config, secret, weekly_report) values
      ('hook', 'webhook', '{"url": "https://hook.test/"}', $1, true), ('team', 'slack', '{}', 'https://team.test/', true),
      ('quiet', 'slack', '{}', 'https://quiet.test/', false)`,
    [SECRET],
  );
  const clock = new TestClock(now), answers = new Map<string, number | "lost">();
  const attempts: { at: number; host: string; id: string | null; body: string }[] = [];
  const fetch = async (input: string | URL | Request, init?: RequestInit) => {
    const request = new Request(input as string, init), host = new URL(request.url).host.replace(".test", "");
    attempts.push({ at: clock.now(), host, id: request.headers.get("webhook-id"), body: await request.text() });
    const answer = answers.get(host) ?? 200;
    if (answer === "lost") throw new TypeError("connection reset");
    return new Response(null, { status: answer });
  };
  const channels = createChannels(testEnv(), clock, {
    fetch: fetch as typeof globalThis.fetch,
    resolve: () => Promise.resolve(["93.184.216.34"]),
  });
  return { clock, answers, attempts, deliver: () => deliverReports(db.rpc, clock, () => {}, channels) };
}
const set = (channel: string, changes: string) => db.query(`update notification_channels set ${changes} where name = $1`, [channel]);
/** The channel, recipient and status of each delivery. */
const deliveries = async () =>
  (await db.query<{ line: string }>(
    `select concat_ws(' ', d.channel, nullif(d.recipient, ''), r.status) as line
    from weekly_report_deliveries r join notification_destinations d on d.id = r.destination_id order by r.week, 1`,
  )).map(({ line }) => line);
const weeks = async () => (await db.query<{ week: string }>("select week::text from weekly_reports order by week")).map(({ week }) => week);
const claim = (clock: TestClock) => db.rpc("claim_weekly_reports", { p: { limit: 20 }, as_of: clock.asOf() });

Deno.test("the report of a week is sent on Monday at 07:00 UTC, not before, once, and again a week later", async () => {
  const { clock, attempts, deliver } = await setUp("2026-06-07T07:00:00.000Z");
  await deliver();
  assertEquals(await weeks(), ["2026-05-25"]);
  clock.moveTo("2026-06-08T06:59:59.999Z");
  assertEquals(await deliver(), 0);
  clock.advance(1);
  assertEquals(await deliver(), 2);
  for (let step = 0; step < 7 * 6; step++, clock.advance(4 * HOUR)) assertEquals(await deliver(), 0);
  assertEquals(await deliver(), 2);
  assertEquals(await weeks(), ["2026-05-25", "2026-06-01", "2026-06-08"]);
  assertEquals(attempts.slice(2).map(({ host }) => host).toSorted(), ["hook", "hook", "team", "team"]);
});

for (const late of ["2026-06-08T11:00:00.000Z", "2026-06-09T07:00:00.000Z", "2026-06-14T23:59:00.000Z"]) {
  Deno.test(`a processor that runs again at ${late} sends the report of the last week once`, async () => {
    const { clock, attempts, deliver } = await setUp(late);
    assertEquals([await deliver(), await deliver()], [2, 0]);
    clock.advance(60_000);
    assertEquals([await deliver(), attempts.length, await weeks()], [0, 2, ["2026-06-01"]]);
  });
}

Deno.test("a clock that is set back sends neither the same report again nor one of an older week", async () => {
  const { attempts, deliver } = await setUp();
  await deliver();
  const before = await claim(new TestClock("2026-06-08T06:30:00.000Z"));
  assertEquals([before, await deliver(), attempts.length, await weeks()], [[], 0, 2, ["2026-06-01"]]);
});

Deno.test("the shortest retention keeps a report until the next one, so that it is not sent again", async () => {
  const { clock, deliver } = await setUp();
  await deliver();
  await db.query("update retention_settings set keep = private.shortest_retention(subject) where subject = 'weekly_reports'");
  clock.moveTo("2026-06-15T06:59:59.000Z");
  await db.value("select private.prune_batch('weekly_reports', $1, 100)", [clock.asOf()]);
  assertEquals([await deliver(), await weeks()], [0, ["2026-06-01"]]);
  clock.moveTo("2026-06-17T07:00:00.000Z");
  await deliver();
  await db.value("select private.prune_batch('weekly_reports', $1, 100)", [clock.asOf()]);
  assertEquals([await weeks(), await deliveries()], [["2026-06-08"], ["hook SENT", "team SENT"]]);
});

for (const [what, isQueued] of [["is due", false], ["is queued", true]] as const) {
  Deno.test(`ten processors at the same time send a report that ${what} once to each destination`, async () => {
    const { attempts, deliver } = await setUp();
    if (isQueued) await db.rpc("claim_weekly_reports", { p: { limit: 0 }, as_of: DUE });
    const sent = await Promise.all(Array.from({ length: 10 }, deliver));
    assertEquals([sent.reduce((a, b) => a + b), attempts.length, await weeks()], [2, 2, ["2026-06-01"]]);
  });
}

Deno.test("a claimed report is not claimed again, and a late outcome is refused after its lease", async () => {
  const { clock, attempts, deliver } = await setUp();
  const [hook] = await claim(clock);
  assert(hook);
  assertEquals(await deliver(), 0);
  clock.advance(60_000);
  assertEquals(await deliver(), 0);
  const p = { token: hook.token, outcome: "SENT" as const, is_answered: true };
  assertEquals(await db.rpc("record_weekly_report", { p, as_of: clock.asOf() }), false);
  assertEquals([await deliveries(), attempts], [["hook DEAD", "team DEAD"], []]);
  assertEquals(
    await db.query("select distinct is_perhaps_received, last_error from weekly_report_deliveries"),
    [{ is_perhaps_received: true, last_error: "the sender did not record the outcome" }],
  );
});

Deno.test("a report that a receiver refuses is sent again with the same id and body, although the data of the week changed", async () => {
  const { clock, answers, attempts, deliver } = await setUp();
  answers.set("hook", 500);
  await deliver();
  const [failed] = attempts.filter(({ host }) => host === "hook");
  assertEquals(await deliver(), 0, "the destination backs off");
  await insert(db, "alert_incidents", { ...VALID_ROWS.alert_incidents, rule_id: null, fired_at: "2026-06-03T12:00:00Z" });
  answers.delete("hook");
  clock.advance(12_501);
  await deliver();
  assertEquals(attempts.map(({ host }) => host).toSorted(), ["hook", "hook", "team"]);
  assertEquals({ ...attempts.at(-1), at: 0 }, { ...failed, at: 0 });
  assertEquals(await deliveries(), ["hook SENT", "team SENT"]);
});

Deno.test("a report that a receiver refuses is given up after a day, with the error and delays that grow to an hour", async () => {
  const { clock, answers, attempts, deliver } = await setUp();
  answers.set("hook", 500);
  const start = clock.now();
  while ((await deliver(), (await deliveries())[0] === "hook PENDING")) clock.advance(HOUR / 4);
  const times = attempts.filter(({ host }) => host === "hook").map(({ at }) => at);
  assertEquals(clock.now() - start, DAY);
  assert(times.length > 20 && times.length < 40, `${times.length} attempts`);
  assert((times.at(-1) ?? 0) - (times.at(-2) ?? 0) > HOUR / 2);
  assertEquals(await db.value("select last_error from weekly_report_deliveries where status = 'DEAD'"), "the receiver answered 500");
  clock.advance(2 * HOUR);
  assertEquals([await deliver(), await deliveries()], [0, ["hook DEAD", "team SENT"]]);
});

for (const [what, answer, expected] of [["whose answer is lost", "lost", true], ["that is refused for good", 410, false]] as const) {
  Deno.test(`a report ${what} is not sent again`, async () => {
    const { clock, answers, attempts, deliver } = await setUp();
    answers.set("hook", answer);
    for (let step = 0; step < 8; step++, clock.advance(HOUR / 4)) await deliver();
    assertEquals(attempts.filter(({ host }) => host === "hook").length, 1);
    const [row] = await db.query("select status, is_perhaps_received from weekly_report_deliveries where status <> 'SENT'");
    assertEquals(row, { status: "DEAD", is_perhaps_received: expected });
  });
}

for (
  const [what, change, undo] of [
    ["is off", "is_active = false", "is_active = true"],
    ["no longer wants it", "weekly_report = false", "weekly_report = true"],
  ] as const
) {
  Deno.test(`a channel that ${what} receives no report, until it does so again within the day`, async () => {
    const { clock, attempts, deliver } = await setUp();
    await set("hook", change);
    await set("team", change);
    await deliver();
    assertEquals([attempts, await deliveries()], [[], []], "nothing is queued for it");
    await set("hook", undo);
    clock.advance(7 * DAY);
    await db.rpc("claim_weekly_reports", { p: { limit: 0 }, as_of: clock.asOf() });
    await set("hook", change);
    await deliver();
    assertEquals([attempts, await deliveries()], [[], ["hook PENDING"]]);
    await set("hook", undo);
    clock.advance(HOUR);
    assertEquals([await deliver(), await deliveries()], [1, ["hook SENT"]]);
  });
}

Deno.test("a report that its channel did not want for a day is given up and says so", async () => {
  const { clock, deliver } = await setUp();
  await db.rpc("claim_weekly_reports", { p: { limit: 0 }, as_of: clock.asOf() });
  await set("hook", "is_active = false");
  clock.advance(DAY);
  await deliver();
  assertEquals(
    await db.query("select distinct status, attempts, last_error from weekly_report_deliveries"),
    [{ status: "DEAD", attempts: 0, last_error: "the channel was off or did not want the report" }],
  );
});

Deno.test("an email channel sends the report to its recipients, not to those of a severity and not to removed ones", async () => {
  const { clock } = await setUp();
  const to = (addresses: string[]) => ({ to: addresses, by_severity: { CRITICAL: ["chief@example.com"] } });
  await insert(db, "notification_channels", { name: "mail", kind: "email", config: to(["a@x.test", "b@x.test"]), weekly_report: true });
  await db.rpc("claim_weekly_reports", { p: { limit: 0 }, as_of: clock.asOf() });
  assertEquals((await deliveries()).filter((line) => line.startsWith("mail")), ["mail a@x.test PENDING", "mail b@x.test PENDING"]);
  await db.query("update notification_channels set config = $1 where name = 'mail'", [to(["b@x.test", "c@x.test"])]);
  assertEquals((await claim(clock)).map(({ channel, recipient }) => [channel, recipient]).toSorted(), [
    ["hook", null],
    ["mail", "b@x.test"],
    ["team", null],
  ]);
});

Deno.test("the report of a deleted channel is not sent, and the outcome of one in flight is refused", async () => {
  const { clock, attempts, deliver } = await setUp();
  const claimed = await claim(clock);
  await db.query("delete from notification_channels where name in ('hook', 'team')");
  const token = claimed[0]?.token ?? "";
  assertEquals(await db.rpc("record_weekly_report", { p: { token, outcome: "SENT", is_answered: true }, as_of: clock.asOf() }), false);
  assertEquals([await deliver(), attempts, await deliveries()], [0, [], []]);
});

Deno.test("the rows of reports have neither a secret nor an address", async () => {
  const { answers, deliver } = await setUp();
  answers.set("hook", 500);
  answers.set("team", "lost");
  await deliver();
  const rows = JSON.stringify(await db.query("select r.*, w.* from weekly_report_deliveries r join weekly_reports w using (week)"));
  for (const secret of [SECRET, "hook.test", "team.test"]) assert(!rows.includes(secret), secret);
  for (const error of ["the receiver answered 500", "the connection was lost before an answer"]) assert(rows.includes(error), error);
});

Deno.test.afterAll(() => db.close());
