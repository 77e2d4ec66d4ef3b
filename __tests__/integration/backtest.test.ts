import { assert, assertEquals, assertMatch, assertObjectMatch } from "@std/assert";
import { ALERT_METRICS, type AlertMetric } from "../../types/alerts.ts";
import { REPLAYABLE, replayRule } from "../../services/alert-replay.ts";
import { TestClock } from "../../testing/clock.ts";
import { openTestDatabase } from "../../testing/database.ts";
import { testEnv } from "../../testing/env.ts";
import { aDay, compareReplays, recordHistory, replayFacts } from "../../testing/replayed-history.ts";

const db = await openTestDatabase();
const START = Date.parse("2026-06-01T00:00:00Z"), DAY = 86_400_000;
const until = await recordHistory(db, { seed: 5, start: START, days: 1, trouble: aDay(START) });
const iso = (at: number): string => new Date(at).toISOString();
const idOf = (name: string) => db.value<string>("select id from alert_rules where name = $1", [name]);

const clock = new TestClock(iso(until));
const { createApp } = await import("../../supabase/functions/sync-admin/app.ts");
const app = createApp({ rpc: db.rpc, clock, log: () => {}, env: testEnv(), waitUntil: () => {} });
async function preview(path: string, body: object, since?: string) {
  const query = since === undefined ? "" : `?since=${encodeURIComponent(since)}`;
  const request = { method: "POST", headers: { authorization: `Bearer ${await db.token("admin")}` }, body: JSON.stringify(body) };
  const response = await app.fetch(new Request(`http://functions.test/sync-admin/alert-rules/${path}${query}`, request));
  return { status: response.status, body: await response.json() };
}

Deno.test("each stored rule that is replayed on its past has the incidents and notifications that it really had", async () => {
  const found = await compareReplays(db, START, until);
  assertEquals(found.differences, []);
  assert(found.rules >= 18 && found.incidents >= 30 && found.notifications >= 80, JSON.stringify(found));
});

Deno.test("a replay writes nothing", async () => {
  const tables = await db.query<{ name: string }>(
    "select format('%I.%I', schemaname, tablename) as name from pg_tables where schemaname in ('public', 'private', 'net', 'vault')",
  );
  const state = () =>
    Promise.all(
      tables.map(({ name }) => db.value(`select format('${name} %s %s', count(*), coalesce(max(xmin::text::bigint), 0)) from ${name}`)),
    );
  const before = await state();
  const { body } = await preview(`${await idOf("Failed once")}/preview`, {}, iso(START));
  assert(body.backtest.incidents.length > 0);
  assertEquals(await state(), before);
});

Deno.test("a lower threshold would have had more incidents, beside those that were real", async () => {
  const id = await idOf("Match Schedule Duration Exceeded");
  const of = async (threshold: number) =>
    (await preview(`${id}/preview`, { metric: "duration_exceeded", threshold }, iso(START))).body.backtest;
  const [strict, stored] = [await of(50), await of(100)];
  assert(strict.incidents.length > stored.incidents.length, `${strict.incidents.length} ${stored.incidents.length}`);
  assertEquals(strict.actual, stored.actual);
  assertEquals(stored.incidents.length, stored.actual.incidents.length);
  assertEquals(stored.values.length, stored.instants);
  assertEquals(Math.max(...stored.values.map(({ value }: { value: number }) => value)), 420);
});

Deno.test("a new rule is replayed without a real one beside it, from the oldest run that is kept on", async () => {
  const rule = {
    name: "Test new",
    entity_type: "matches_schedule",
    metric: "duration_exceeded",
    threshold: 300,
    evaluation_window: "1 hour",
    severity: "LOW",
  };
  const { body: { backtest } } = await preview("preview", rule, iso(START - 40 * DAY));
  assertEquals(backtest.actual, null);
  assertEquals(Date.parse(backtest.from), Date.parse(await db.value("select min(execution_start) from sync_execution_history")));
  assert(backtest.incidents.length > 0 && backtest.notifications.by_channel.dashboard === backtest.notifications.total);
  assert(backtest.notifications.messages > 0 && backtest.notifications.messages <= backtest.notifications.total);
});

Deno.test("what a preview cannot replay is refused with the reason", async () => {
  const idle = await preview(`${await idOf("Match Schedule Tournament Failing")}/preview`, {}, iso(START));
  assertEquals([idle.status, idle.body.code], [409, "NOT_REPLAYABLE"]);
  assertMatch(idle.body.message, /the database does not keep which tournaments were synced at a past time/);
  for (const metric of (Object.keys(ALERT_METRICS) as AlertMetric[]).filter((name) => !REPLAYABLE.includes(name))) {
    const [stored] = await db.query<{ id: string }>("select id from alert_rules where metric = $1 and scope = 'ENTITY' limit 1", [metric]);
    if (stored) assertObjectMatch(await preview(`${stored.id}/preview`, {}, iso(START)), { status: 409, body: { code: "NOT_REPLAYABLE" } });
  }
  const old = await preview(`${await idOf("Failed once")}/preview`, {}, iso(until - 91 * DAY));
  assertObjectMatch(old, { status: 400, body: { details: [{ field: "since", message: "must be within the last 90 days" }] } });
  assertEquals((await preview(`${await idOf("Failed once")}/preview`, {}, "soon")).status, 400);
  assertEquals((await preview(`${await idOf("Failed once")}/preview`, {})).body.backtest, undefined);
});

Deno.test("before the first evaluation that is kept, a replay assumes one each minute", async () => {
  const id = await idOf("Match Schedule Consecutive Failures");
  const before = replayRule(await replayFacts(db, { id }, START, until)).incidents;
  await db.query("delete from alert_evaluations where evaluated_at < $1", [iso(until - DAY / 2)]);
  const after = replayRule(await replayFacts(db, { id }, START, until)).incidents;
  const delays = after.map(({ opened_at }, index) => Math.abs(Date.parse(opened_at) - Date.parse(before[index]?.opened_at ?? "")));
  // In the time without stored evaluations a replay assumes one each minute, so incidents open without the recorded delays.
  assert(after.length >= before.length, `${after.length} of ${before.length}`);
  assert(delays.slice(0, 3).every((delay) => delay <= 5 * 60_000), delays.join(" "));
});

Deno.test.afterAll(() => db.close());
