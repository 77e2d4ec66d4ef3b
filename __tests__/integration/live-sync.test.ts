import { assert, assertEquals, assertMatch, assertObjectMatch } from "@std/assert";
import { matchesOf } from "../../platform/vis/season.ts";
import { openTestDatabase } from "../../testing/database.ts";
import { aMatch, aTournament } from "../../testing/factories.ts";
import { createSyncHarness } from "../../testing/sync-harness.ts";

const db = await openTestDatabase();
const LIVE = "match-live-sync", SCHEDULE = "match-schedule-sync";
const SECOND = 1_000, MINUTE = 60_000;
/** A tournament of the stand-in, with two matches each hour from 08:00 to 14:00 UTC on 10 June. */
const NO = "8106";

/** A database with the matches of the tournament at noon; `requests` are the bodies of the requests to VIS. */
async function atNoon(isJson = true) {
  await db.reset();
  await db.query("update sync_status set is_active = true where entity_type = 'matches_live'");
  const requests: string[] = [];
  const meanwhile: (() => Promise<unknown>)[] = [];
  const harness = createSyncHarness(db, {
    start: "2026-06-10T12:00:00.000Z",
    deps: {
      fetch: async (input, init) => {
        requests.push(String(init?.body));
        await meanwhile.pop()?.();
        const request = new Request(input as string, init);
        if (!isJson) request.headers.set("accept", "application/xml");
        return await harness.vis.fetch(request);
      },
    },
  });
  await aTournament(db, { no: NO, start_date_main_draw: "2026-06-10", last_synced: harness.clock.asOf() });
  await harness.run(SCHEDULE);
  requests.length = 0;
  const sync = async (name: typeof LIVE | typeof SCHEDULE = LIVE, body: object = { trigger: "CRON" }) => {
    assertEquals((await harness.run(name, body)).status, 202);
    const [run] = await db.query("select * from sync_execution_history order by created_at desc, execution_start desc limit 1");
    return run as Record<string, unknown> & { id: string };
  };
  const state = async () => (await db.query("select * from tournament_sync_state where tournament_no = $1", [NO]))[0] ?? {};
  return { ...harness, requests, meanwhile, sync, state };
}

/** The number of matches whose status or durations differ from those in VIS. */
async function differing(now: number): Promise<number> {
  const rows = await db.query(
    "select no, status, duration_set1 as d1, duration_set2 as d2 from matches where vanished_at is null",
  );
  const stored = new Map(rows.map((row) => [row.no, `${row.status} ${row.d1} ${row.d2}`]));
  return matchesOf(Number(NO), now).filter((row) => stored.get(String(row.No)) !== `${row.Status} ${row.DurationSet1} ${row.DurationSet2}`)
    .length;
}
const since = (request: string | undefined): string | undefined => /Version="(\d+)"/.exec(request ?? "")?.[1];
const vanished = async () => Number(await db.value("select count(*) from matches where vanished_at is not null"));

Deno.test("a tournament plays while a match is live, or from 15 minutes before a start until three hours after it", async () => {
  await db.reset();
  const plays = async (match: Record<string, unknown>, tournament: Record<string, unknown> = {}) => {
    const { no } = await aTournament(db, tournament);
    await aMatch(db, no, match);
    return Number(await db.value("select count(*) from private.playing_tournaments('2026-06-10T12:00:00Z') no where no = $1", [no])) > 0;
  };
  assertEquals(
    await Promise.all([
      plays({ status: 3 }),
      plays({ status: 11, local_date: "2026-06-11" }),
      plays({ starts_at: "2026-06-10T12:15:00Z" }),
      plays({ status: 2, starts_at: "2026-06-10T09:00:00Z" }),
      plays({ status: null, starts_at: "2026-06-10T12:00:00Z" }),
    ]),
    [true, true, true, true, true],
  );
  assertEquals(
    await Promise.all([
      plays({ status: 1 }),
      plays({ status: 12, starts_at: "2026-06-10T12:00:00Z" }),
      plays({ starts_at: "2026-06-10T12:15:01Z" }),
      plays({ starts_at: "2026-06-10T08:59:59Z" }),
      plays({ status: 5, local_date: "2026-06-08" }),
      plays({ status: 5, vanished_at: "2026-06-10T11:00:00Z" }),
      plays({ status: 5 }, { status: 10 }),
    ]),
    [false, false, false, false, false, false, false],
  );
});

Deno.test("a live run reads only the tournaments that play, also those that are fresh", async () => {
  const { sync, clock } = await atNoon();
  await aTournament(db, { no: "8108" });
  const run = await sync();
  assertObjectMatch(run, { entity_type: "matches_live", status: "SUCCEEDED", tournaments_total: 1, cache_hits: 0, cache_misses: 0 });
  const results = await db.query("select tournament_no from sync_tournament_results where sync_execution_id = $1", [run.id]);
  assertEquals(results.map(({ tournament_no }) => tournament_no), [NO]);
  clock.moveTo("2026-06-10T21:00:00Z");
  // The live matches of the afternoon end, so that no match is played.
  await sync();
  assertObjectMatch(await sync(), { status: "SUCCEEDED", status_reason: "no tournament was due", api_calls: 0 });
});

for (const isJson of [true, false]) {
  Deno.test(`a live run asks for what changed since the last reply, and writes it (${isJson ? "JSON" : "XML"})`, async () => {
    const { sync, state, clock, requests } = await atNoon(isJson);
    const before = await state();
    clock.advance(30 * SECOND);
    const run = await sync();
    assertEquals(since(requests[0]), String(before.vis_version));
    assertEquals(await differing(clock.now()), 0);
    assertObjectMatch(run, { status: "SUCCEEDED", records_read: 2, records_updated: 2, records_removed: 0 });
    const after = await state();
    assert(Number(after.vis_version) > Number(before.vis_version));
    assertEquals(after.full_read_at, before.full_read_at);
  });
}

Deno.test("a reply without changes changes nothing, counts as a read, and is no cache hit", async () => {
  const { sync, state, clock } = await atNoon();
  const before = await state();
  clock.advance(10 * SECOND);
  assertObjectMatch(await sync(), { status: "SUCCEEDED", records_read: 0, records_processed: 0, records_removed: 0, cache_hits: 0 });
  const after = await state();
  assertEquals(after.vis_version, before.vis_version);
  assertEquals(new Date(String(after.synced_at)).getTime(), clock.now());
});

Deno.test("where VIS ignores the version, its full reply is judged and written as such", async () => {
  const { sync, state, clock, vis } = await atNoon();
  vis.faults.add({ kind: "version_ignored" });
  clock.advance(30 * SECOND);
  const run = await sync();
  assertObjectMatch(run, { status: "SUCCEEDED", records_updated: 2, records_removed: 0 });
  assert(Number(run.records_read) > 40);
  assertEquals(await differing(clock.now()), 0);
  assertEquals(new Date(String((await state()).full_read_at)).getTime(), clock.now());
  vis.faults.clear();
  vis.faults.add({ kind: "last_rows_missing" });
  await db.query("update tournament_sync_state set vis_version = null");
  clock.advance(30 * SECOND);
  assertObjectMatch(await sync(), { status: "PARTIAL", records_updated: 0, records_removed: 0 });
});

Deno.test("15 minutes after the last full read, by either sync, a live run asks for all matches", async () => {
  const { sync, clock, requests } = await atNoon();
  clock.advance(15 * MINUTE - SECOND);
  await sync();
  clock.advance(SECOND);
  await sync();
  assertEquals(requests.map((request) => since(request) === undefined), [false, true]);
  clock.advance(14 * MINUTE);
  await sync(SCHEDULE);
  clock.advance(14 * MINUTE);
  await sync();
  assertEquals(requests.slice(2).map((request) => since(request) === undefined), [true, false]);
});

Deno.test("a run for named tournaments asks for all matches, also of one that does not play", async () => {
  const { sync, clock, requests } = await atNoon();
  clock.moveTo("2026-06-10T12:05:00Z");
  await sync(LIVE, { trigger: "MANUAL", tournament_no: NO });
  assertEquals(requests.map(since), [undefined]);
});

Deno.test("matches that VIS marks as deleted vanish, and the others of an incremental reply stay", async () => {
  const { sync, clock, vis } = await atNoon();
  vis.faults.add({ kind: "deleted", times: 1 });
  clock.advance(30 * SECOND);
  assertObjectMatch(await sync(), { status: "SUCCEEDED", records_read: 2, records_removed: 2 });
  assertEquals(await vanished(), 2);
});

Deno.test("an incremental reply that deletes most matches is held back, and full replies follow until the second look", async () => {
  const { sync, clock, vis, requests } = await atNoon();
  await db.query("update tournament_sync_state set vis_version = 1");
  vis.faults.add({ kind: "deleted", times: 1 });
  const held = await sync();
  assertObjectMatch(held, { status: "PARTIAL", records_removed: 0 });
  assertEquals(await db.value("select warning_code from sync_tournament_results where sync_execution_id = $1", [held.id]), "REPLY_SHRANK");
  clock.advance(30 * SECOND);
  assertObjectMatch(await sync(), { status: "SUCCEEDED", records_removed: 0 });
  assertEquals(requests.map(since), ["1", undefined]);
  assertEquals(await vanished(), 0);
});

Deno.test("an incremental reply that blanks a column of more than five matches is held back; of up to five it is believed", async () => {
  for (const isMany of [true, false]) {
    const { sync, clock, vis } = await atNoon();
    if (isMany) await db.query("update tournament_sync_state set vis_version = 1");
    vis.faults.add({ kind: "blank_names", times: 1 });
    clock.advance(30 * SECOND);
    assertObjectMatch(await sync(), { status: isMany ? "PARTIAL" : "SUCCEEDED", records_updated: isMany ? 0 : 2 });
  }
});

Deno.test("after a reply with an invalid record the next one repeats what changed since the last complete one", async () => {
  const { sync, state, clock, vis } = await atNoon();
  const before = await state();
  vis.faults.add({ kind: "bad_record", times: 1 });
  clock.advance(30 * SECOND);
  assertObjectMatch(await sync(), { status: "SUCCEEDED", records_rejected: 1, records_updated: 1, records_removed: 0 });
  assertEquals((await state()).vis_version, before.vis_version);
  clock.advance(5 * SECOND);
  assertObjectMatch(await sync(), { records_rejected: 0, records_read: 2, records_updated: 1 });
  assertEquals(await differing(clock.now()), 0);
});

Deno.test("where VIS does not raise versions, a full read notices it, and live runs ask for all matches for a day", async () => {
  const { sync, clock, vis, requests } = await atNoon();
  vis.faults.add({ kind: "version_unraised" });
  clock.advance(30 * SECOND);
  await sync();
  assertEquals(await differing(clock.now()), 2, "the reply without changes conceals them");
  // The rows keep their old versions.
  await db.query("update tournament_sync_state set full_read_at = null, vis_version = 60000000");
  clock.advance(30 * SECOND);
  await sync();
  clock.advance(30 * SECOND);
  await sync();
  assertEquals(await differing(clock.now()), 0);
  assertEquals(requests.slice(1).map(since), [undefined, undefined]);
  await db.query("update tournament_sync_state set version_missed_at = $1::timestamptz - interval '1 day'", [clock.asOf()]);
  await sync();
  assertMatch(requests.at(-1) ?? "", /Version=/);
});

Deno.test("while one sync works on a tournament, a run of the other leaves it and succeeds", async () => {
  for (const [first, second] of [[SCHEDULE, LIVE], [LIVE, SCHEDULE]] as const) {
    const { sync, clock, meanwhile, requests } = await atNoon();
    clock.advance(30 * SECOND);
    let other: Record<string, unknown> = {};
    meanwhile.push(async () => other = await sync(second));
    await sync(first);
    assertObjectMatch(other, { status: "SUCCEEDED", tournaments_total: 0, tournaments_failed: 0 });
    assertEquals(requests.length, 1);
    assertEquals(await differing(clock.now()), 0);
  }
});

Deno.test.afterAll(() => db.close());
