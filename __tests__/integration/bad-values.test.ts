import { assertEquals, assertMatch, assertObjectMatch } from "@std/assert";
import { openTestDatabase } from "../../testing/database.ts";
import { aTournament } from "../../testing/factories.ts";
import { createSyncHarness } from "../../testing/sync-harness.ts";

const db = await openTestDatabase();
const TYPE = "application/xml; charset=utf-8";
const MATCH = { teamAName: "Red/White", localDate: "2026-06-14", localTime: "10:00:00" };

/** A reply in XML or JSON with sixty matches of tournament 9001, the last one with these values. */
function reply(last: Record<string, unknown>, format: "xml" | "json"): Response {
  const rows = Array.from({ length: 60 }, (_, index): Record<string, unknown> => ({
    ...{ no: 500_001 + index, noTournament: 9001, ...MATCH, utcDate: "2026-06-14", utcTime: "08:00:00", status: 1, version: 7 },
    ...(index === 59 ? last : {}),
  }));
  if (format === "json") return Response.json({ data: rows, nbItems: rows.length, version: 7 });
  const attributes = (row: Record<string, unknown>) =>
    Object.entries(row).map(([name, value]) => ` ${name.charAt(0).toUpperCase()}${name.slice(1)}="${value}"`).join("");
  const body = `<BeachMatches NbItems="60" Version="7">${rows.map((row) => `<BeachMatch${attributes(row)}/>`).join("")}</BeachMatches>`;
  return new Response(body, { headers: { "content-type": TYPE } });
}

async function sync(last: Record<string, unknown>, format: "xml" | "json") {
  await db.reset();
  await aTournament(db, { no: "9001", start_date: "2026-06-08", end_date: "2026-06-16" });
  let next: Record<string, unknown> = {};
  const fetch = () => Promise.resolve(reply(next, format));
  const harness = createSyncHarness(db, { deps: { fetch } });
  await harness.run("match-schedule-sync");
  harness.clock.advance(20 * 60_000);
  next = last;
  await harness.run("match-schedule-sync");
  const [run] = await db.query("select * from sync_execution_history order by execution_start desc limit 1");
  const [row] = await db.query("select to_jsonb(m) as row from matches m where no = '500060'");
  return { run, row: row?.row as Record<string, unknown>, errors: await db.query("select * from sync_error_log") };
}

for (const format of ["xml", "json"] as const) {
  for (
    const [name, last, expected] of [
      ["a NUL in a name", { teamAName: "Re\0d" }, { team_a_name: "Red" }],
      ["an emoji at the cut of a name", { teamAName: `${"x".repeat(199)}🏐🏐` }, { team_a_name: `${"x".repeat(199)}🏐` }],
      ["no referee", { noReferee1: -1 }, { no_referee1: null }],
      ["a count with decimals", { matchPointsA: "2.0" }, { match_points_a: 2 }],
      ["a time at the end of the day", { localTime: "24:00:00", utcTime: "24:00:00" }, { local_time: null, starts_at: null }],
      ["a negative duration", { durationSet1: -60 }, { duration_set1: null }],
      ["the date of .NET without a value", { localDate: "0001-01-01", utcDate: "0001-01-01" }, { local_date: null, starts_at: null }],
      ["a number that its column cannot hold", { pointsTeamASet1: "999999999999" }, { points_team_a_set1: null }],
      ["a fifth set", { pointsTeamASet5: 15, pointsTeamBSet4: 21, durationSet5: 600 }, { points_team_a_set5: 15, points_team_b_set4: 21 }],
      ["another instant", { utcDate: "2026-06-13", utcTime: "23:30:00" }, { starts_at: "2026-06-13T23:30:00+00:00" }],
    ] as const
  ) {
    Deno.test(`${name} in ${format} costs no row: ${JSON.stringify(expected).slice(0, 60)}`, async () => {
      const { run, row, errors } = await sync(last, format);
      assertObjectMatch(run as object, { status: "SUCCEEDED", records_read: 60, records_rejected: 0, records_removed: 0 });
      assertEquals(Number(run?.records_unchanged) + Number(run?.records_updated), 60);
      assertObjectMatch(row, expected);
      assertEquals(errors, []);
    });
  }

  for (const localDate of ["2026-02-30", "0000-05-05", "31/12/2026"]) {
    Deno.test(`the date ${localDate} in ${format} costs only its row, and the record is in the context of the error`, async () => {
      const { run, row, errors: [error] } = await sync({ localDate, teamAName: "New/Name" }, format);
      assertObjectMatch(run as object, { records_rejected: 1, records_removed: 0, records_unchanged: 59, error_count: 1 });
      assertObjectMatch(row, { local_date: "2026-06-14", team_a_name: "Red/White", vanished_at: null });
      assertObjectMatch(error?.error_context as object, { record: { localDate, teamAName: "New/Name" } });
    });
  }
}

Deno.test("a match that the database refuses costs only its row: it stands, and its record is in the context of the error", async () => {
  await db.query("alter table matches add constraint refused_here check (court <> 'Z')");
  const { run, row, errors: [error] } = await sync({ court: "Z" }, "json");
  await db.query("alter table matches drop constraint refused_here");
  assertObjectMatch(run as object, { status: "SUCCEEDED", records_rejected: 1, records_removed: 0, records_unchanged: 59, error_count: 1 });
  assertObjectMatch(row, { court: null, vanished_at: null });
  assertObjectMatch(error as object, { tournament_no: "9001", error_code: "DATABASE_CONSTRAINT" });
  assertMatch(String(error?.error_message), /record 500060: .*refused_here/);
  assertObjectMatch(error?.error_context as object, { record: { no: "500060", court: "Z" }, sqlstate: "23514" });
});

Deno.test("when the database refuses every match of a tournament, the tournament fails and nothing of it is marked as synced", async () => {
  await db.reset();
  await aTournament(db, { no: "9001", start_date: "2026-06-08", end_date: "2026-06-16" });
  const harness = createSyncHarness(db, { deps: { fetch: () => Promise.resolve(reply({}, "json")) } });
  await db.query("alter table matches add constraint refused_here check (team_a_name <> 'Red/White')");
  await harness.run("match-schedule-sync");
  await db.query("alter table matches drop constraint refused_here");
  const [run] = await db.query("select * from sync_execution_history");
  assertObjectMatch(run as object, { status: "FAILED", tournaments_failed: 1, error_count: 1 });
  const [error] = await db.query("select * from sync_error_log");
  assertObjectMatch(error?.error_context as object, { record: { no: "500001" }, function: "write_matches", sqlstate: "23514" });
  assertEquals(await db.query("select synced_at, lease_holder from tournament_sync_state"), [{ synced_at: null, lease_holder: null }]);
});

Deno.test.afterAll(() => db.close());
