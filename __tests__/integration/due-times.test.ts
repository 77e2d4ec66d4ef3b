import { assertEquals } from "@std/assert";
import { TestClock } from "../../testing/clock.ts";
import { openTestDatabase } from "../../testing/database.ts";

const db = await openTestDatabase();
const clock = new TestClock("2026-06-10T00:00:00Z");

interface Call {
  due_at: string;
  attempt: number;
}

/** Dispatches as the cron job does, and returns the calls of `tournaments`. */
async function tick(): Promise<Call[]> {
  await db.query("truncate private.call_log");
  await db.query("select private.dispatch_due_syncs($1)", [clock.asOf()]);
  const calls = await db.query<{ body: Call }>("select body from private.call_log where path = 'tournament-master-sync'");
  return calls.map(({ body: { due_at, attempt } }) => ({ due_at: new Date(due_at).toISOString(), attempt }));
}

/** The minutes from now at which `tournaments` is called, with the attempt number, during `minutes`. */
async function callsWithin(minutes: number): Promise<[number, number][]> {
  const start = clock.now(), calls: [number, number][] = [];
  for (; clock.now() < start + minutes * 60_000; clock.advance(60_000)) {
    for (const { attempt } of await tick()) calls.push([(clock.now() - start) / 60_000, attempt]);
  }
  return calls;
}

async function start(call: Call | null, entity = "tournaments"): Promise<{ id: string; outcome: string }> {
  const id = crypto.randomUUID();
  const p = { execution_id: id, entity_type: entity, trigger: call ? "CRON" : "MANUAL", wall_clock_ms: 600_000, ...call };
  const outcome = await db.value<{ outcome: string }>("select start_sync_execution($1, $2)", [p, clock.asOf()])
    .then((answer) => answer.outcome, (error: Error) => error.message);
  return { id, outcome };
}

const finish = (id: string, status: string, was_cut = false) =>
  db.query("select finish_sync_execution($1, $2)", [
    { execution_id: id, status, reason: "test", was_cut, counters: {}, results: [], errors: [] },
    clock.asOf(),
  ]);

/** Plays a day on which the daily run of `tournaments` succeeded, until the call at the next midnight. */
async function nextMidnight(interval = "1 day"): Promise<Call> {
  await db.reset();
  clock.moveTo("2026-06-10T00:00:00Z");
  await db.query("update sync_status set sync_frequency = $1, updated_at = '2026-06-01T00:00:00Z' where entity_type = 'tournaments'", [
    interval,
  ]);
  const { id } = await start({ due_at: clock.asOf(), attempt: 1 });
  await finish(id, "SUCCEEDED");
  clock.moveTo("2026-06-11T00:00:00Z");
  const [call] = await tick();
  assertEquals(call, { due_at: "2026-06-11T00:00:00.000Z", attempt: 1 });
  return call as Call;
}

Deno.test("a call that starts no run is repeated after 1, 2 and 4 minutes, then 10, 20 and 30 minutes, then hourly", async () => {
  await nextMidnight();
  assertEquals(await callsWithin(200), [[1, 2], [3, 3], [7, 4], [17, 5], [37, 6], [67, 7], [127, 8], [187, 9]]);
});

Deno.test("with an interval up to an hour a call is repeated after 1, 2 and 4 minutes, until the next due time", async () => {
  await nextMidnight("1 hour");
  assertEquals(await callsWithin(61), [[1, 2], [3, 3], [7, 4], [60, 1]]);
});

Deno.test("a failed run of a daily sync is repeated after 10, 20 and 30 minutes, then hourly; a success settles the due time", async () => {
  let call: Call | undefined = await nextMidnight();
  const delays: number[] = [];
  for (let failures = 1; failures <= 5; failures++) {
    const { id, outcome } = await start(call ?? null);
    assertEquals(outcome, "STARTED");
    await finish(id, "FAILED");
    const failedAt = clock.now();
    for (call = undefined; !call; [call] = await tick()) clock.advance(60_000);
    delays.push((clock.now() - failedAt) / 60_000);
  }
  assertEquals(delays, [10, 20, 30, 60, 60]);
  await finish((await start(call ?? null)).id, "SUCCEEDED");
  assertEquals(await callsWithin(120), []);
});

Deno.test("a failed run with an interval of an hour waits for the next due time", async () => {
  await finish((await start(await nextMidnight("1 hour"))).id, "FAILED");
  assertEquals(await callsWithin(61), [[60, 1]]);
});

Deno.test("a second run of a due time is refused while the first works and after it is settled, and no row is written", async () => {
  const call = await nextMidnight();
  const first = await start(call);
  const refusal = /the due time .* of tournaments already has its run/;
  for (const attempt of [1, 2]) assertEquals(refusal.test((await start({ ...call, attempt })).outcome), true);
  await finish(first.id, "SUCCEEDED");
  for (const attempt of [1, 2]) assertEquals(refusal.test((await start({ ...call, attempt })).outcome), true);
  assertEquals(await db.value("select count(*)::int from sync_execution_history where due_at = $1", [call.due_at]), 1);
});

Deno.test("a call that arrives after a run of a later due time is refused", async () => {
  const call = await nextMidnight("1 hour");
  clock.advance(3_600_000);
  const [next] = await tick();
  await finish((await start(next ?? null)).id, "FAILED");
  assertEquals(/already has its run/.test((await start(call)).outcome), true);
});

Deno.test("a run that meets a live run is recorded as SKIPPED and settles its due time", async () => {
  const call = await nextMidnight();
  const manual = await start(null);
  assertEquals((await start(call)).outcome, "SKIPPED");
  await finish(manual.id, "FAILED");
  assertEquals(await callsWithin(30), []);
});

Deno.test("a manual full run settles an open due time only when it succeeds", async () => {
  await nextMidnight();
  await finish((await start(null)).id, "FAILED");
  assertEquals(await callsWithin(2), [[1, 2]]);
  await finish((await start(null)).id, "SUCCEEDED");
  assertEquals(await callsWithin(120), []);
});

Deno.test("a run that was cut is followed by one run of the rest, however that run ends", async () => {
  for (const end of ["SUCCEEDED", "FAILED", "PARTIAL"]) {
    const call = await nextMidnight();
    await finish((await start(call)).id, "PARTIAL", true);
    const [followUp] = await tick();
    assertEquals(followUp, { ...call, attempt: 2 });
    await finish((await start(followUp ?? null)).id, end, end === "PARTIAL");
    assertEquals(await callsWithin(120), [], end);
  }
});

Deno.test("a run that started five seconds early counts for its due time; six seconds early does not", async () => {
  for (const [early, calls] of [[5, []], [6, [[0, 1]]]] as const) {
    await nextMidnight();
    clock.moveTo("2026-06-12T00:00:00Z");
    clock.advance(-early * 1000);
    await finish((await start(null)).id, "SUCCEEDED");
    clock.moveTo("2026-06-12T00:00:00Z");
    assertEquals(await callsWithin(1), calls.map((call) => [...call]), `${early} s`);
  }
});

Deno.test("a changed schedule counts at once, with its next due time, and any interval works", async () => {
  await finish((await start(await nextMidnight())).id, "SUCCEEDED");
  clock.moveTo("2026-06-11T10:00:30Z");
  await db.query("update sync_status set sync_frequency = '7 minutes', updated_at = $1 where entity_type = 'tournaments'", [clock.asOf()]);
  clock.moveTo("2026-06-11T10:01:00Z");
  const first = (await callsWithin(20))[0];
  const due = await db.value<string>("select private.last_due('2000-01-01T00:00:00Z', '7 minutes', '2026-06-11T10:07:30Z')");
  assertEquals(first, [(Date.parse(due) - Date.parse("2026-06-11T10:01:00Z")) / 60_000, 1]);
  await db.query("update sync_status set sync_frequency = '1 day' where entity_type = 'tournaments'");
});

Deno.test("the first run is due at once, after the first success of the entity that it depends on", async () => {
  await db.reset();
  clock.moveTo("2026-06-10T10:05:00Z");
  const paths = async () => {
    const calls = await db.query<{ path: string }>("select path from private.call_log where path like '%sync' and path not like '%admin%'");
    return calls.map(({ path }) => path);
  };
  assertEquals((await tick()).length, 1);
  assertEquals(await paths(), ["tournament-master-sync"]);
  const { id } = await start({ due_at: clock.asOf(), attempt: 1 });
  await finish(id, "SUCCEEDED");
  assertEquals(await paths(), ["tournament-master-sync", "match-schedule-sync"]);
});

Deno.test("below a minute an entity is due one interval after its last start, five seconds early at most", async () => {
  await db.reset();
  clock.moveTo("2026-06-10T10:00:00Z");
  await db.query(`update sync_status set is_active = true, function_name = 'tournament-master-sync', depends_on = null,
    sync_frequency = '40 seconds', updated_at = '2026-06-10T10:00:00Z' where entity_type = 'matches_live'`);
  const { id } = await start({ due_at: clock.asOf(), attempt: 1 }, "matches_live");
  await finish(id, "SUCCEEDED");
  const dueAfter = async (seconds: number) => {
    const at = new Date(Date.parse("2026-06-10T10:00:00Z") + seconds * 1000).toISOString();
    return await db.value("select (private.next_call(s, $1)).due_at is not null from sync_status s where entity_type = 'matches_live'", [
      at,
    ]);
  };
  assertEquals([await dueAfter(34), await dueAfter(35), await dueAfter(600)], [false, true, true]);
  await db.query(`update sync_status set is_active = false, function_name = null, depends_on = 'tournaments', sync_frequency = '30 seconds'
    where entity_type = 'matches_live'`);
});

Deno.test.afterAll(() => db.close());
