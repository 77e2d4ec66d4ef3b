import { assert, assertEquals, assertMatch, assertObjectMatch } from "@std/assert";
import { createApp } from "../../supabase/functions/tournament-master-sync/app.ts";
import { aMatch, aTournament } from "../../testing/factories.ts";
import { openTestDatabase } from "../../testing/database.ts";
import { createSyncHarness, type SyncHarness } from "../../testing/sync-harness.ts";

const db = await openTestDatabase();
const SYNC = "tournament-master-sync";
const lastRun = async () =>
  (await db.query("select * from sync_execution_history order by execution_start desc, created_at desc limit 1"))[0] as Record<
    string,
    unknown
  >;
const fresh = async (options?: Parameters<typeof createSyncHarness>[1]): Promise<SyncHarness> => {
  await db.reset();
  return createSyncHarness(db, options);
};

Deno.test("a run writes this season and the next, and a second run changes nothing", async () => {
  const harness = await fresh();
  await harness.run(SYNC);
  assertObjectMatch(await lastRun(), { status: "SUCCEEDED", records_inserted: 484, api_calls: 2, tournaments_processed: 484 });
  assertEquals((await db.query("select season from tournaments group by 1 order by 1")).map((row) => row.season), ["2026", "2027"]);
  const rows = () => db.query("select no, version, created_at, updated_at from tournaments order by no");
  const before = await rows();
  harness.clock.advance(60_000);
  await harness.run(SYNC);
  assertObjectMatch(await lastRun(), { status: "SUCCEEDED", records_inserted: 0, records_updated: 0, records_unchanged: 484 });
  assertEquals(await rows(), before);
});

Deno.test("only changed tournaments are counted as updated and get a higher version", async () => {
  const harness = await fresh();
  await harness.run(SYNC);
  await db.query("update tournaments set name = 'Old name' where no in ('8100', '8101')");
  harness.clock.advance(86_400_000);
  await harness.run(SYNC);
  const { records_updated } = await lastRun();
  const raised = Number(await db.value("select count(*) from tournaments where version > 1"));
  assertEquals(Number(records_updated), raised);
  assertEquals(await db.value("select name from tournaments where no = '8100'") === "Old name", false);
});

Deno.test("updated_at is the time of the last sync that changed a row, and last_synced that of the last sync", async () => {
  const { no } = await aTournament(db, { last_synced: "2026-06-01T00:00:00Z", updated_at: "2026-06-01T00:00:00Z" });
  const { no: match } = await aMatch(db, no, { last_synced: "2026-06-01T00:00:00Z", updated_at: "2026-06-01T00:00:00Z" });
  for (const [table, key, column] of [["tournaments", no, "name"], ["matches", match, "court"]]) {
    const write = async (value: string, at: string) => {
      const [row] = await db.query(
        `update ${table} set ${column} = $2, last_synced = $3, vis_version = coalesce(vis_version, 0) + 1 where no = $1
        returning version, updated_at = $3 as is_new, last_synced = $3 as is_synced`,
        [key, value, at],
      );
      return row;
    };
    assertEquals(await write("changed", "2026-06-02T00:00:00Z"), { version: 2, is_new: true, is_synced: true });
    assertEquals(await write("changed", "2026-06-03T00:00:00Z"), { version: 2, is_new: false, is_synced: true });
    assertEquals(await write("changed again", "2026-06-04T00:00:00Z"), { version: 3, is_new: true, is_synced: true });
  }
});

Deno.test("a tournament missing from its season's list is marked as vanished, until the list has it again", async () => {
  const harness = await fresh();
  await aTournament(db, { no: "7777777", last_synced: "2026-06-01T00:00:00Z" });
  await harness.run(SYNC);
  assertObjectMatch(await lastRun(), { records_removed: 1 });
  assert(await db.value("select vanished_at is not null from tournaments where no = '7777777'"));
  await db.query("update tournaments set vanished_at = now(), last_synced = '2026-06-01T00:00:00Z' where no = '8100'");
  harness.clock.advance(60_000);
  await harness.run(SYNC);
  assertEquals(await db.value("select vanished_at from tournaments where no = '8100'"), null);
});

Deno.test("a run is PARTIAL when one season fails, and writes the other; it is FAILED when both fail", async () => {
  const harness = await fresh();
  harness.vis.faults.add({ kind: "truncated", times: 2 });
  await harness.run(SYNC);
  assertObjectMatch(await lastRun(), { status: "PARTIAL", records_inserted: 242, error_count: 1 });
  assertMatch(String((await lastRun()).status_reason), /1 of 2 steps failed: REPLY_MALFORMED/);
  harness.vis.faults.add({ kind: "access_denied" });
  harness.clock.advance(60_000);
  await harness.run(SYNC);
  assertObjectMatch(await lastRun(), { status: "FAILED", status_reason: "all 2 steps failed: VIS_ACCESS_DENIED" });
});

Deno.test("authentication errors are not retried, errors that can pass are", async () => {
  const harness = await fresh({ env: { VIS_RETRIES: "3" } });
  harness.vis.faults.add({ kind: "token_expired", times: 1 });
  harness.vis.faults.add({ kind: "later", times: 3 });
  await harness.run(SYNC);
  // The only call for the first season is refused; the fourth call for the second season succeeds.
  assertObjectMatch(await lastRun(), { status: "PARTIAL", api_calls: 5, api_errors: 4, api_retries: 3, records_inserted: 242 });
});

Deno.test("a single tournament is read by its own request, and from the season's list when VIS denies that request", async () => {
  const harness = await fresh();
  await harness.run(SYNC, { tournament_no: "8100" });
  assertObjectMatch(await lastRun(), { status: "SUCCEEDED", tournament_no: "8100", api_calls: 1, records_inserted: 1 });
  harness.vis.faults.add({ kind: "access_denied", tournament_no: "8101" });
  harness.clock.advance(1000);
  await harness.run(SYNC, { tournament_no: "8101" });
  assertObjectMatch(await lastRun(), { status: "SUCCEEDED", api_calls: 2, records_inserted: 1 });
  harness.clock.advance(1000);
  await harness.run(SYNC, { tournament_no: "1" });
  assertObjectMatch(await lastRun(), { status: "FAILED", status_reason: "1 of 1 step failed: VIS_NO_DATA" });
});

Deno.test("an invalid record is left out and reported, the others are written", async () => {
  const harness = await fresh();
  harness.vis.faults.add({ kind: "bad_record", times: 1 });
  await harness.run(SYNC);
  assertObjectMatch(await lastRun(), { status: "SUCCEEDED", records_rejected: 1, records_inserted: 483 });
  const [error] = await db.query<{ error_message: string; error_context: { record: object } }>("select * from sync_error_log");
  assertMatch(String(error?.error_message), /^record \d+: startDateMainDraw: /);
  assert(error?.error_context.record);
});

Deno.test("a list with an invalid record marks no tournament of its season as vanished", async () => {
  const harness = await fresh();
  await aTournament(db, { no: "7777777", last_synced: "2026-06-01T00:00:00Z" });
  harness.vis.faults.add({ kind: "bad_record", times: 1 });
  await harness.run(SYNC);
  assertObjectMatch(await lastRun(), { records_rejected: 1, records_removed: 0 });
  assertEquals(await db.value("select vanished_at from tournaments where no = '7777777'"), null);
});

Deno.test("a full run does not overwrite a tournament that was written after the run started", async () => {
  const harness = await fresh();
  await harness.run(SYNC);
  await db.query("update tournaments set name = 'Fresher', last_synced = '2026-06-10T10:00:30Z' where no = '8100'");
  const p = { tick_at: "2026-06-10T10:00:00Z", tournaments: [{ no: "8100", name: "Stale" }] };
  const written = await db.value("select upsert_tournaments($1, $2)", [p, harness.clock.asOf()]);
  assertEquals(written, { inserted: 0, updated: 0, unchanged: 1, refused: [] });
  assertEquals(await db.value("select name from tournaments where no = '8100'"), "Fresher");
});

Deno.test("a record that the database refuses fails its tournament with the record in its error, and the rest of its batch is written", async () => {
  const harness = await fresh();
  await db.query("alter table tournaments add constraint refused_here check (no <> '8160')");
  await harness.run(SYNC);
  const run = await lastRun();
  assertObjectMatch(run, { status: "PARTIAL", tournaments_failed: 1, records_inserted: 483, records_rejected: 1, error_count: 1 });
  const [error] = await db.query("select * from sync_error_log");
  assertObjectMatch(error as object, { tournament_no: "8160", error_code: "DATABASE_CONSTRAINT", error_type: "DATABASE" });
  assertObjectMatch(error?.error_context as object, { record: { no: "8160", season: "2026" }, sqlstate: "23514" });
  assertEquals(await db.value("select count(*)::int from tournaments where no = '8160' or vanished_at is not null"), 0);
  await db.query("alter table tournaments drop constraint refused_here");
});

Deno.test("a batch of which the database refuses every record fails each of its tournaments, and the other batches are written", async () => {
  const harness = await fresh();
  await db.query("alter table tournaments add constraint refused_here check (season <> '2027')");
  await harness.run(SYNC);
  const run = await lastRun();
  const refused = 484 - Number(run.records_inserted);
  assert(refused > 0);
  assertObjectMatch(run, { status: "PARTIAL", tournaments_failed: refused, error_count: Math.ceil(refused / 50) });
  const [error] = await db.query("select * from sync_error_log");
  assertObjectMatch(error?.error_context as object, { record: { season: "2027" }, sqlstate: "23514", function: "upsert_tournaments" });
  await db.query("alter table tournaments drop constraint refused_here");
});

for (
  const [name, body, field] of [
    ["an unknown field", { tournament: "1" }, "tournament"],
    ["an invalid number", { tournament_no: "1; drop table" }, "tournament_no"],
    ["an invalid trigger", { trigger: "WIND" }, "trigger"],
    ["an invalid job id", { sync_job_id: "x" }, "sync_job_id"],
    ["a job without its token", { sync_job_id: "00000000-0000-4000-8000-000000000001" }, "job_token"],
    ["a token without its job", { job_token: "00000000-0000-4000-8000-000000000001" }, "job_token"],
    ["an empty list of tournaments", { tournament_nos: [] }, "tournament_nos"],
    ["a list of tournaments beside one tournament", { tournament_no: "8100", tournament_nos: ["8101"] }, "tournament_nos"],
  ] as const
) {
  Deno.test(`${name} is refused with the name of its field, and starts no run`, async () => {
    const harness = await fresh();
    const response = await harness.run(SYNC, body);
    assertEquals(response.status, 400);
    const answer = await response.json();
    assertEquals(answer.code, "BAD_REQUEST");
    assertEquals(answer.details[0].field, field);
    assertEquals(Number(await db.value("select count(*) from sync_execution_history")), 0);
  });
}

Deno.test("a body that is too large is refused, with or without its length in the header", async () => {
  const harness = await fresh();
  const app = createApp(harness.deps);
  const post = (body: BodyInit, headers: Record<string, string> = {}) =>
    app.fetch(
      new Request("http://functions.test/tournament-master-sync", {
        method: "POST",
        headers: { apikey: db.keys.secret, ...headers },
        body,
      }),
    );
  const large = JSON.stringify({ correlation_id: "x".repeat(70_000) });
  const streamed = new ReadableStream({ pull: (stream) => stream.enqueue(new Uint8Array(4096)) });
  for (const response of [await post(large, { "content-length": String(large.length) }), await post(streamed)]) {
    assertEquals(response.status, 413);
    assertObjectMatch(await response.json(), { code: "PAYLOAD_TOO_LARGE", message: "the body may have at most 65536 bytes" });
  }
});

Deno.test("a sync starts only with the secret key", async () => {
  const harness = await fresh();
  assertEquals((await harness.run(SYNC, {}, db.keys.publishable)).status, 401);
  assertEquals((await harness.run(SYNC, {}, "")).status, 401);
});

Deno.test.afterAll(() => db.close());
