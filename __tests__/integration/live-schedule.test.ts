import { assertEquals, assertObjectMatch } from "@std/assert";
import { createApp as createMonitoring } from "../../supabase/functions/sync-monitoring/app.ts";
import { TestClock } from "../../testing/clock.ts";
import { openTestDatabase } from "../../testing/database.ts";
import { aMatch, aTournament } from "../../testing/factories.ts";
import { createSyncHarness } from "../../testing/sync-harness.ts";

const db = await openTestDatabase();
const clock = new TestClock("2026-06-10T06:00:00Z");
const ENTITY = "matches_live";

/** Activates the live sync at six o'clock on a day whose only match starts at nine. */
async function atSix(): Promise<void> {
  await db.reset();
  clock.moveTo("2026-06-10T06:00:00Z");
  await db.query("update sync_status set last_sync = $1, last_attempt = $1, updated_at = $1", ["2026-06-10T06:00:00Z"]);
  await db.query("update sync_status set is_active = true, last_attempt = null where entity_type = $1", [ENTITY]);
  await db.query("truncate entity_pauses");
  const { no } = await aTournament(db);
  await aMatch(db, no, { no: "1", starts_at: "2026-06-10T09:00:00Z" });
}

const setMatch = (status: number) => db.query("update matches set status = $1 where no = '1'", [status]);

/** Dispatches as the cron job does at a time of 10 June, and returns the calls of the live sync. */
async function tickAt(time: string): Promise<{ due_at: string; attempt: number }[]> {
  clock.moveTo(`2026-06-10T${time}Z`);
  await db.query("truncate private.call_log");
  await db.query("select private.dispatch_due_syncs($1)", [clock.asOf()]);
  const calls = await db.query<{ body: { due_at: string; attempt: number } }>(
    "select body from private.call_log where path = 'match-live-sync'",
  );
  return calls.map(({ body }) => body);
}

async function start(call: object = {}): Promise<string> {
  const id = crypto.randomUUID();
  const p = { execution_id: id, entity_type: ENTITY, trigger: "CRON", wall_clock_ms: 400_000, ...call };
  return await db.value<{ outcome: string }>("select start_sync_execution($1, $2)", [p, clock.asOf()]).then(async ({ outcome }) => {
    await db.query("select finish_sync_execution($1, $2)", [
      { execution_id: id, status: "SUCCEEDED", reason: "test", counters: {}, results: [], errors: [] },
      clock.asOf(),
    ]);
    return outcome;
  });
}

const overdue = async (time: string) => {
  const at = await db.value<string | null>("select private.overdue_since(s, $2) from sync_status s where entity_type = $1", [
    ENTITY,
    `2026-06-10T${time}Z`,
  ]);
  return at && new Date(at).toISOString().slice(11, 19);
};
const pauses = async () =>
  (await db.query("select * from entity_pauses where entity_type = $1 order by id", [ENTITY])).map((row) =>
    [row.paused_at, row.resumed_at].map((at) => at && new Date(String(at)).toISOString().slice(11, 19)).join(" ") +
    ` ${row.paused_by ?? "idle"}`
  );
async function health(): Promise<Record<string, unknown> & { because: { code: string; message: string }[] }> {
  const app = createMonitoring({ ...createSyncHarness(db).deps, clock });
  const response = await app.fetch(
    new Request("http://functions.test/sync-monitoring/health-overview", { headers: { apikey: db.keys.secret } }),
  );
  return (await response.json()).sync_entities[ENTITY];
}
const codes = async () => (await health()).because.map(({ code }) => code);

Deno.test("while no match is live or near, the live sync is not called, and it is called 15 minutes before the first start", async () => {
  await atSix();
  for (const time of ["06:00:30", "07:00:00", "08:44:30"]) assertEquals(await tickAt(time), [], time);
  const [call] = await tickAt("08:45:00");
  assertEquals([call?.attempt, new Date(call?.due_at ?? 0).toISOString()], [1, "2026-06-10T08:45:00.000Z"]);
  assertEquals(await pauses(), ["06:00:30 08:45:00 idle"]);
});

Deno.test("during play the live sync is called every 30 seconds, and not after the last match has ended", async () => {
  await atSix();
  await tickAt("06:01:00");
  const called: string[] = [];
  for (const time of ["08:45:00", "08:45:30", "08:46:00", "08:46:30"]) {
    const [call] = await tickAt(time);
    if (!call) continue;
    called.push(time);
    clock.advance(300);
    assertEquals(await start(call), "STARTED");
  }
  assertEquals(called, ["08:45:00", "08:45:30", "08:46:00", "08:46:30"]);
  await setMatch(15);
  assertEquals([await tickAt("08:47:00"), await tickAt("08:47:30")], [[], []]);
});

Deno.test("an idle entity is neither overdue nor due, and its next run is 15 minutes before the next start", async () => {
  await atSix();
  await tickAt("06:01:00");
  const [row] = await db.query(
    "select private.current_due(s, $2) as due, to_char(private.next_run(s, $2) at time zone 'UTC', 'HH24:MI') as next from sync_status s where entity_type = $1",
    [ENTITY, "2026-06-10T07:00:00Z"],
  );
  assertEquals([row, await overdue("08:44:59")], [{ due: null, next: "08:45" }, null]);
});

Deno.test("an entity that does not start during play is overdue after its grace, counted from the end of its idle time", async () => {
  await atSix();
  clock.moveTo("2026-06-10T06:00:10Z");
  await start();
  await tickAt("06:01:00");
  await tickAt("08:45:00");
  assertEquals([await overdue("08:45:59"), await overdue("08:46:00")], [null, "08:46:00"]);
  clock.moveTo("2026-06-10T08:50:00Z");
  await start();
  assertEquals([await overdue("08:51:29"), await overdue("08:51:30")], [null, "08:51:30"]);
});

Deno.test("an upstream backoff stops calls, but not the end of the idle time, so that play without a sync is overdue", async () => {
  await atSix();
  await tickAt("06:01:00");
  await db.query("update upstream_state set backoff_until = '2026-06-10T09:00:00Z', backoff_reason = 'example'");
  assertEquals([await tickAt("08:45:00"), await tickAt("08:47:00")], [[], []]);
  assertEquals(await overdue("08:47:00"), "08:46:00");
});

Deno.test("health says that the entity is idle, also when it never ran", async () => {
  await atSix();
  await tickAt("06:01:00");
  const idle = await health();
  assertObjectMatch(idle, { status: "HEALTHY", is_paused: false, overdue_since: null });
  assertEquals(idle.because.map(({ code, message }) => `${code} ${message.replace(/since [^ ]+: /, "since …: ")}`), [
    "IDLE idle since …: no match is live or starts within 15 minutes",
  ]);
  await tickAt("08:45:00");
  assertEquals([(await health()).idle_since, await codes()], [null, ["NEVER_RAN"]]);
});

Deno.test("a pause of an idle entity follows its idle time in the record, and play does not end the pause", async () => {
  await atSix();
  await tickAt("06:01:00");
  const change = (is_paused: boolean) =>
    db.query("select change_entity($1, $2)", [
      { entity_type: ENTITY, changes: { is_paused }, reason: "test", actor: { name: "admin@example.com", role: "admin" } },
      clock.asOf(),
    ]);
  clock.moveTo("2026-06-10T07:00:00Z");
  await change(true);
  assertEquals(await tickAt("08:45:00"), []);
  assertEquals(await codes(), ["PAUSED"]);
  clock.moveTo("2026-06-10T08:50:00Z");
  await change(false);
  assertEquals((await tickAt("08:50:30")).length, 1);
  assertEquals(await pauses(), ["06:01:00 07:00:00 idle", "07:00:00 08:50:00 admin@example.com"]);
});

Deno.test("a run of over 30 seconds makes the next one SKIPPED, which is neither missed nor overdue", async () => {
  await atSix();
  const [call] = await tickAt("08:45:00");
  const long = { execution_id: crypto.randomUUID(), entity_type: ENTITY, trigger: "CRON", wall_clock_ms: 400_000, ...call };
  await db.query("select start_sync_execution($1, $2)", [long, clock.asOf()]);
  const [next] = await tickAt("08:45:30");
  assertEquals(await start(next), "SKIPPED");
  assertEquals(await overdue("08:46:30"), null);
  assertEquals(await codes(), ["OK"]);
});

Deno.test.afterAll(() => db.close());
