import { assertEquals } from "@std/assert";
import { TestClock } from "../../testing/clock.ts";
import { openTestDatabase } from "../../testing/database.ts";
import { aRun } from "../../testing/factories.ts";

const db = await openTestDatabase();
const clock = new TestClock("2026-06-10T00:00:00Z");
const ENTITY = "matches_schedule";

const change = (changes: object) =>
  db.query("select change_entity($1, $2)", [
    { entity_type: ENTITY, changes, reason: "the service is moved", actor: { name: "admin@example.com", role: "admin" } },
    clock.asOf(),
  ]);
const overdue = async (at: string) => {
  const since = await db.value<string | null>(
    "select private.overdue_since(s, $2) from sync_status s where entity_type = $1",
    [ENTITY, at],
  );
  return since && new Date(since).toISOString().slice(11, 16);
};
const due = async (at: string) => {
  const found = await db.value<string | null>("select private.current_due(s, $2) from sync_status s where entity_type = $1", [ENTITY, at]);
  return found && new Date(found).toISOString().slice(11, 16);
};
const missed = (from: string, until: string, as_of: string) =>
  db.value<string[]>(
    `select coalesce(jsonb_agg(to_char(due at time zone 'UTC', 'HH24:MI') order by due), '[]')
    from sync_status s cross join lateral private.missed_due_times(s, $2, $3, $4) due where entity_type = $1`,
    [ENTITY, from, until, as_of],
  );

/** Adds a run of the matches for each quarter of an hour until `last`, a time of 10 June. */
async function setUp(last: string): Promise<void> {
  await db.reset();
  for (let at = Date.parse("2026-06-10T08:00:00Z"); at <= Date.parse(`2026-06-10T${last}:00Z`); at += 900_000) {
    await aRun(db, { execution_start: new Date(at + 800).toISOString() });
  }
  await db.query("update sync_status set last_attempt = $1, last_sync = $1, updated_at = $1", [`2026-06-10T${last}:00.800Z`]);
}

Deno.test("nothing falls due in a pause: after it the next due time counts, and no alert, chart or report counts the pause", async () => {
  await setUp("10:00");
  clock.moveTo("2026-06-10T10:05:00Z");
  await change({ is_paused: true });
  assertEquals([await due("2026-06-10T11:00:00Z"), await overdue("2026-06-10T11:00:00Z")], [null, null]);
  clock.moveTo("2026-06-10T14:07:00Z");
  await change({ is_paused: false });
  assertEquals([await due("2026-06-10T14:08:00Z"), await due("2026-06-10T14:15:00Z")], [null, "14:15"]);
  assertEquals(await overdue("2026-06-10T14:19:59Z"), null);
  assertEquals(await overdue("2026-06-10T14:20:00Z"), "14:20");
  assertEquals(await missed("2026-06-10T08:00:00Z", "2026-06-10T15:00:00Z", "2026-06-10T14:40:00Z"), ["14:15", "14:30"]);
  const reported = await db.value(
    "select private.missed_runs($1, '2026-06-10T09:00:00Z', null, '2026-06-10T14:15:30Z')",
    [ENTITY],
  );
  assertEquals(reported, []);
  const [pause] = await db.query("select paused_by, reason, resumed_at - paused_at = '04:02'::interval as is_whole from entity_pauses");
  assertEquals(pause, { paused_by: "admin@example.com", reason: "the service is moved", is_whole: true });
});

Deno.test("a due time before a pause is still open after it, unless a later one fell in the pause; its grace begins again", async () => {
  await setUp("09:45");
  clock.moveTo("2026-06-10T10:01:00Z");
  await change({ is_paused: true });
  clock.moveTo("2026-06-10T10:08:00Z");
  await change({ is_paused: false });
  assertEquals([await due("2026-06-10T10:09:00Z"), await overdue("2026-06-10T10:12:59Z"), await overdue("2026-06-10T10:13:00Z")], [
    "10:00",
    null,
    "10:13",
  ]);
  clock.moveTo("2026-06-10T10:10:00Z");
  await change({ is_paused: true });
  clock.moveTo("2026-06-10T12:40:00Z");
  await change({ is_paused: false });
  assertEquals([await due("2026-06-10T12:41:00Z"), await overdue("2026-06-10T12:49:59Z"), await overdue("2026-06-10T12:50:00Z")], [
    null,
    null,
    "12:50",
  ]);
});

Deno.test("a pause by SQL counts from the clock, and a time without activity counts as a pause", async () => {
  await setUp("10:00");
  await db.query("update sync_status set is_active = false, updated_at = '2026-06-10T10:05:00Z' where entity_type = $1", [ENTITY]);
  assertEquals([await due("2026-06-10T11:00:00Z"), await overdue("2026-06-10T11:00:00Z")], [null, null]);
  await db.query("update sync_status set is_active = true, updated_at = '2026-06-10T12:05:00Z' where entity_type = $1", [ENTITY]);
  assertEquals([await due("2026-06-10T12:10:00Z"), await overdue("2026-06-10T12:19:00Z")], [null, null]);
  assertEquals(await missed("2026-06-10T08:00:00Z", "2026-06-10T12:30:00Z", "2026-06-10T12:30:00Z"), ["12:15"]);
  await db.query("update sync_status set paused_at = clock_timestamp(), paused_by = 'admin@example.com' where entity_type = $1", [ENTITY]);
  await db.query("update sync_status set paused_at = null, paused_by = null where entity_type = $1", [ENTITY]);
  assertEquals(
    await db.value("select max(clock_timestamp() - resumed_at) between '0' and '1 minute' from entity_pauses where paused_by is not null"),
    true,
  );
});

Deno.test("a run that starts up to five seconds early is neither missed nor overdue, and the due time after it counts", async () => {
  for (const [early, isMissed] of [[0.5, false], [5, false], [6, true]] as const) {
    await setUp("10:00");
    const start = new Date(Date.parse("2026-06-10T10:15:00Z") - early * 1000).toISOString();
    await aRun(db, { execution_start: start });
    await db.query("update sync_status set last_attempt = $1", [start]);
    assertEquals(await missed("2026-06-10T10:00:00Z", "2026-06-10T10:30:00Z", "2026-06-10T10:25:00Z"), isMissed ? ["10:15"] : []);
    assertEquals(await overdue("2026-06-10T10:29:00Z"), isMissed ? "10:20" : null, `${early} s`);
    for (const [span, step] of [["1 hour", "1 minute"], ["6 hours", "5 minutes"], ["24 hours", "15 minutes"]]) {
      const chart = await db.value<{ data_points: { timestamp: string; runs_missed: number }[] }>(
        "select get_performance_history($1, '2026-06-10T10:29:00Z')",
        [{ span, step, entity_type: ENTITY }],
      );
      const points = chart.data_points.filter(({ timestamp, runs_missed }) =>
        runs_missed && Date.parse(timestamp) >= Date.parse("2026-06-10T10:00:00Z")
      );
      assertEquals(points.map(({ timestamp }) => new Date(timestamp).toISOString().slice(11, 16)), isMissed ? ["10:15"] : [], step);
    }
  }
});

Deno.test("a daily due time and its overdue do not move with the clocks of the session's time zone", async () => {
  await db.reset();
  // Summer time begins in Berlin on 29 March 2026 at 01:00 UTC.
  const [row] = await db.query<{ since: string; due: string; missed: string[] }>(`
    select set_config('timezone', 'Europe/Berlin', true),
      to_char(private.overdue_since(s, '2026-04-02') at time zone 'UTC', 'DD HH24:MI') as since,
      to_char(private.next_due(s, '2026-03-28 12:00Z') at time zone 'UTC', 'DD HH24:MI') as due,
      (select array_agg(to_char(due at time zone 'UTC', 'DD HH24:MI') order by due)
        from private.missed_due_times(s, '2026-03-28 12:00Z', '2026-03-31 12:00Z', '2026-04-02') due) as missed
    from sync_status e
    cross join lateral jsonb_populate_record(e, '{"created_at": "2026-03-01T00:00:00Z", "last_attempt": "2026-03-28T00:00:00Z"}') s
    where e.entity_type = 'tournaments'`);
  assertEquals([row?.since, row?.due, row?.missed], ["29 00:15", "29 00:00", ["29 00:00", "30 00:00", "31 00:00"]]);
});

Deno.test.afterAll(() => db.close());
