// The tests compare the events of every indicator with a count in TypeScript that reads the rows one by one.
import { assert, assertEquals } from "@std/assert";
import { openTestDatabase } from "../../testing/database.ts";
import { seedObjectiveHistory } from "../../testing/objective-history.ts";
import { countEvents, readObjectiveRows } from "../../testing/objective-events.ts";
import type { ObjectiveBudget } from "../../types/objectives.ts";

const db = await openTestDatabase();
const HOUR = 3_600_000;
// The times are between two minutes and off the hour. The clocks of other time zones change within the windows, because the zone of the
// session must not matter.
const NOWS = ["2026-06-10T12:37:30.500Z", "2026-03-30T00:01:00.000Z", "2026-10-26T07:59:59.999Z"];

/** The objectives, each with all of its causes. */
const objectives = async (now: string): Promise<ObjectiveBudget[]> => {
  const ids = await db.query<{ id: string }>("select id from sync_objectives order by name");
  return await Promise.all(ids.map(async ({ id }) => await db.rpc("get_objective", { p: { id }, as_of: now }) ?? assert(false) as never));
};
const rollUp = (at: string) => db.query("select private.roll_up_indicators($1)", [at]);

/** Rolls up as the cron job does, with gaps of up to a day, until the hours that are decided are rolled up. */
async function rollUpUntil(now: string, from: number, random: () => number): Promise<void> {
  for (let at = from; at < Date.parse(now); at += random() * 20 * HOUR) await rollUp(new Date(at).toISOString());
  for (let day = 0; day < 12; day++) await rollUp(now);
}

async function checkObjectives(now: string, expected: Map<string, { events: number; bad_events: number; causes: Record<string, number> }>) {
  for (const objective of await objectives(now)) {
    const subject = `${objective.name} at ${now}`;
    const { events, bad_events, causes } = expected.get(objective.name) ?? assert(false, subject) as never;
    assertEquals([objective.events, objective.bad_events], [events, bad_events], subject);
    assertEquals(
      Object.fromEntries(objective.causes.map((cause) => [cause.fingerprint ?? cause.channel ?? "", cause.bad_events])),
      causes,
      subject,
    );
    const budget = (events * Math.round((1 - objective.target) * 1e4)) / 1e4;
    assertEquals([objective.budget_events, objective.budget_left_events], [budget, Math.round((budget - bad_events) * 1e4) / 1e4], subject);
    assertEquals(objective.course.reduce((sum, day) => sum + day.bad_events, 0), bad_events, subject);
  }
}

for (const [seed, now] of NOWS.entries()) {
  Deno.test(`objectives at ${now} count the events of the rows, before and after their rollup and after retention`, async () => {
    await db.query("set timezone = 'America/New_York'");
    const random = await seedObjectiveHistory(db, now, seed + 1);
    const rows = await readObjectiveRows(db);
    const names = await db.query<{ name: string; indicator: string; entity_type: string; days: number }>(
      "select name, indicator, entity_type, extract(day from rolling_window)::int as days from sync_objectives",
    );
    const expected = new Map(names.map(({ name, indicator, entity_type, days }) => {
      const from = Math.floor((Date.parse(now) - days * 24 * HOUR) / HOUR) * HOUR;
      return [name, countEvents(rows, indicator, entity_type, from, Date.parse(now))];
    }));
    const bad = [...expected.values()].map(({ bad_events }) => bad_events);
    assert(bad.every((count) => count > 3), `a history without bad events proves nothing: ${bad}`);
    // The events then come from the rows of the whole history.
    await db.query("update private.indicator_rollup set rolled_until = '2000-01-01T00:00:00Z'");
    await checkObjectives(now, expected);
    const past = new Date(Date.parse(now) - 26 * HOUR - 90_000).toISOString(), asItWas = await objectives(past);
    await db.query("update private.indicator_rollup set rolled_until = null");
    await rollUpUntil(now, Date.parse(now) - 8 * 24 * HOUR, random);
    await checkObjectives(now, expected);
    assertEquals(await objectives(past), asItWas, "a rollup that is newer than the time of a read");
    // The rollup has the events of the rows that retention deletes.
    const kept = await db.value<string>("select rolled_until - interval '3 hours' from private.indicator_rollup");
    await db.query("delete from sync_execution_history where execution_end < $1", [kept]);
    await db.query("delete from alert_notifications where created_at < $1", [kept]);
    await db.query("delete from alert_evaluations where evaluated_at < $1", [kept]);
    await checkObjectives(now, expected);
  });
}

Deno.test.afterAll(() => db.close());
