// Over 300 lines, because each valid but untrue reply has a case: the stored rows, the status, the code, the health, the incident and the
// recovery.
import { assert, assertEquals, assertMatch, assertObjectMatch } from "@std/assert";
import { createApp as createProcessor } from "../../supabase/functions/sync-alert-processor/app.ts";
import { createChannels, createHeartbeat } from "../../supabase/functions/sync-alert-processor/notification-service.ts";
import { createApp as createMonitoring } from "../../supabase/functions/sync-monitoring/app.ts";
import type { Fault } from "../../platform/vis/faults.ts";
import { matchesOf } from "../../platform/vis/season.ts";
import { aTournament } from "../../testing/factories.ts";
import { openTestDatabase } from "../../testing/database.ts";
import { testEnv } from "../../testing/env.ts";
import { createSyncHarness } from "../../testing/sync-harness.ts";

const db = await openTestDatabase();
const MINUTE = 60_000;
/** A tournament of the stand-in with its main draw from 10 to 12 June. */
const NO = "8106";
const MATCHES = { sync: "match-schedule-sync", entity: "matches_schedule", table: "matches", request: `tournament ${NO}` } as const;
const SEASON = { sync: "tournament-master-sync", entity: "tournaments", table: "tournaments", request: "season 2026" } as const;
/** The evening before the main draw, and the evening of its first day. */
const BEFORE = "2026-06-09T18:00:00.000Z", ON_MAIN_DRAW = "2026-06-10T18:00:00.000Z";

/** A database with the rows of the stand-in for the tournament or its season, and both functions that report on them. */
async function known(subject: typeof MATCHES | typeof SEASON, start = BEFORE) {
  await db.reset();
  await db.query("truncate alert_incidents, alert_evaluations, alert_notifications cascade");
  await db.query("update alert_rules set is_active = name = 'Replies Unconfirmed'");
  const harness = createSyncHarness(db, { start });
  if (subject === MATCHES) {
    const main_draw = { start_date_main_draw: "2026-06-10", end_date: "2026-06-12" };
    await aTournament(db, { no: NO, start_date: "2026-06-09", ...main_draw, last_synced: start });
  }
  let background: Promise<unknown>[] = [];
  const deps = {
    ...harness.deps,
    channels: createChannels(testEnv(), harness.clock),
    heartbeat: createHeartbeat(undefined, () => {}),
    waitUntil: (work: Promise<unknown>) => background.push(work),
  };
  const call = async (app: { fetch(request: Request): Response | Promise<Response> }, path: string, body?: string) => {
    const headers = { apikey: db.keys.secret };
    const response = await app.fetch(new Request(`http://functions.test/${path}`, { method: body ? "POST" : "GET", headers, body }));
    await Promise.all(background);
    background = [];
    return await response.json();
  };
  const sync = async (body: object = { trigger: "CRON" }) => {
    assertEquals((await harness.run(subject.sync, body)).status, 202);
    const [run] = await db.query(
      "select * from sync_execution_history where entity_type = $1 order by execution_start desc, created_at desc limit 1",
      [subject.entity],
    );
    return run as Record<string, unknown> & { id: string };
  };
  const first = await sync();
  assertEquals(first.status, "SUCCEEDED", String(first.status_reason));
  return {
    ...harness,
    sync,
    /** The rows without the columns that every sync changes. */
    rows: () =>
      db.query(
        `select to_jsonb(t) - '{last_synced,updated_at}'::text[] as row from ${subject.table} t where vanished_at is null order by no`,
      ),
    codes: async (run: { id: string }) =>
      (await db.query("select distinct error_code from sync_error_log where sync_execution_id = $1", [run.id])).map((row) =>
        row.error_code
      ),
    health: async () => {
      const overview = await call(createMonitoring(deps), "sync-monitoring/health-overview");
      return overview.sync_entities[subject.entity].because as { code: string; message: string }[];
    },
    incidents: async () => {
      await call(createProcessor(deps), "sync-alert-processor", `{"cause":"cron"}`);
      const sql =
        "select i.state, i.evidence -> 'requests' as requests, n.channel from alert_incidents i join alert_notifications n on n.incident_id = i.id order by n.seq";
      return (await db.query(sql)).map(({ state, requests, channel }) => `${state} ${channel} ${JSON.stringify(requests)}`);
    },
  };
}

type Kind = Fault["kind"];
const HELD: [kind: Kind, code: string][] = [
  ["empty", "REPLY_SHRANK"],
  ["short", "REPLY_SHRANK"],
  ["half", "REPLY_SHRANK"],
  ["last_rows_missing", "REPLY_SHRANK"],
  ["renumbered", "REPLY_SHRANK"],
  ["short_and_blank", "REPLY_SHRANK"],
  ["blank_names", "REPLY_BLANKED"],
  ["blank_status", "REPLY_BLANKED"],
  ["blank_dates", "REPLY_BLANKED"],
  ["blank_rows", "REPLY_BLANKED"],
  ["other_year", "REPLY_MOVED"],
  ["eight_days_later", "REPLY_MOVED"],
];
const OF_MATCHES: [Kind, string][] = [["blank_points", "REPLY_BLANKED"], ["blank_times", "REPLY_BLANKED"]];

for (const subject of [MATCHES, SEASON]) {
  for (const [kind, code] of subject === MATCHES ? [...HELD, ...OF_MATCHES] : HELD) {
    Deno.test(`${subject.request}: ${kind} is held back as ${code}, contradicted by a good reply, and written when it comes twice`, async () => {
      const { clock, vis, sync, rows, codes, health, incidents } = await known(subject);
      const old = await rows();
      const lie = { kind, ...(subject === SEASON ? { season: "2026" } : {}) };
      clock.advance(15 * MINUTE);
      vis.faults.add(lie);
      const held = await sync();
      assertEquals(await rows(), old);
      assertObjectMatch(held, { status: "PARTIAL", success_weight: 1, tournaments_failed: 0, records_removed: 0 });
      assertEquals(held.status_reason, `1 reply held back for a second look: ${code}`);
      assertEquals(await codes(held), [code]);
      assertEquals((await health()).map((reason) => reason.code).sort(), ["PARTIAL", "REPLY_HELD_BACK"]);
      assertMatch(JSON.stringify(await health()), new RegExp(`the reply for ${subject.request} is held back .*${code}`));
      const results = await db.query("select success, warning_code from sync_tournament_results where sync_execution_id = $1", [held.id]);
      if (subject === MATCHES) assertEquals(results, [{ success: true, warning_code: code }]);
      assertEquals(await incidents(), []);

      vis.faults.clear();
      clock.advance(10 * MINUTE);
      assertObjectMatch(await sync(), { status: "SUCCEEDED", records_removed: 0 });
      assertEquals(await rows(), old);
      assertEquals((await health()).map((reason) => reason.code), ["OK"]);
      const fired = `FIRING dashboard ["${subject.request}"]`;
      assertEquals(await incidents(), [fired]);
      clock.advance(61 * MINUTE);
      assertMatch((await incidents()).join(), /^RESOLVED dashboard .*RESOLVED dashboard/);

      vis.faults.add(lie);
      assertEquals((await sync()).status, "PARTIAL");
      clock.advance(10 * MINUTE);
      const confirmed = await sync();
      assertEquals(confirmed.status, "SUCCEEDED", String(confirmed.status_reason));
      assert(JSON.stringify(await rows()) !== JSON.stringify(old), "a true change of the same size is written");
      assertEquals((await incidents()).length, 2);
      assertEquals((await health()).map((reason) => reason.code), ["OK"]);
    });
  }
}

for (const subject of [MATCHES, SEASON]) {
  for (const kind of ["no_changes", "no_content"] as const) {
    Deno.test(`${subject.request}: ${kind} changes nothing and is a success each time`, async () => {
      const { clock, vis, sync, rows, health } = await known(subject, ON_MAIN_DRAW);
      const old = await rows();
      vis.faults.add({ kind });
      for (let time = 0; time < 2; time++) {
        clock.advance(15 * MINUTE);
        const run = await sync();
        assertObjectMatch(run, { status: "SUCCEEDED", error_count: 0, records_removed: 0, records_updated: 0 });
        assertEquals(await rows(), old);
        assertEquals((await health()).map((reason) => reason.code), ["OK"]);
      }
    });
  }
  for (const kind of ["duplicate", "one_number", "no_numbers"] as const) {
    Deno.test(`${subject.request}: ${kind} removes nothing, because the list is incomplete`, async () => {
      const { clock, vis, sync, rows, codes } = await known(subject);
      const numbers = (list: Record<string, unknown>[]) => list.map(({ row }) => (row as { no: string }).no);
      const old = numbers(await rows());
      vis.faults.add({ kind });
      for (let time = 0; time < 2; time++) {
        clock.advance(15 * MINUTE);
        const run = await sync();
        assertObjectMatch(run, { records_removed: 0 });
        assert(Number(run.records_rejected) > 0 || run.status === "FAILED");
        assertEquals((await codes(run)).length, 1);
        assertEquals(numbers(await rows()), old);
      }
    });
  }
}

/** The replies that a run refuses as a whole, with the code of the error. */
const REFUSED: [kind: Kind, code: string][] = [
  ["count_mismatch", "REPLY_COUNT_MISMATCH"],
  ["truncated", "REPLY_MALFORMED"],
  ["html", "REPLY_NOT_DATA"],
  ["other_rows", "REPLY_WRONG_ROWS"],
  ["implausible", "REPLY_IMPLAUSIBLE"],
  ["whole_table", "REPLY_TOO_LARGE"],
  ["bad_parameter", "VIS_BAD_REQUEST"],
];
for (const [kind, code] of REFUSED) {
  Deno.test(`${MATCHES.request}: ${kind} is ${code} and writes nothing, and the next reply recovers`, async () => {
    const { clock, vis, sync, rows, codes, health } = await known(MATCHES);
    const old = await rows();
    clock.advance(15 * MINUTE);
    vis.faults.add({ kind, tournament_no: NO });
    const run = await sync();
    assertEquals([run.status, run.status_reason], ["FAILED", `1 of 1 tournament failed: ${code}`]);
    assertEquals(await codes(run), [code]);
    assertEquals(await rows(), old);
    assertEquals((await health()).map((reason) => reason.code), ["FAILING"]);
    vis.faults.clear();
    clock.advance(15 * MINUTE);
    assertEquals((await sync()).status, "SUCCEEDED");
    assertEquals(await rows(), old);
  });
}

Deno.test("an empty list of other elements is no more believed than an empty list", async () => {
  const events = () => Promise.resolve(new Response(`<Events NbItems="0"/>`, { headers: { "content-type": "application/xml" } }));
  const { clock, deps, sync, rows } = await known(MATCHES);
  const old = await rows();
  clock.advance(15 * MINUTE);
  deps.fetch = events;
  await sync();
  assertEquals(await rows(), old);
});

Deno.test("no rows on a day of the main draw fail with the calendar in the evidence, at each look", async () => {
  const { clock, vis, sync, rows, codes } = await known(MATCHES, ON_MAIN_DRAW);
  const old = await rows();
  vis.faults.add({ kind: "empty" });
  for (let time = 0; time < 2; time++) {
    clock.advance(15 * MINUTE);
    const run = await sync();
    assertObjectMatch(run, { status: "FAILED", status_reason: "1 of 1 tournament failed: REPLY_EMPTY" });
    assertEquals(await codes(run), ["REPLY_EMPTY"]);
    assertEquals(await rows(), old);
  }
  const context = await db.value("select error_context from sync_error_log limit 1");
  assertObjectMatch(context as object, { main_draw_from: "2026-06-10", main_draw_until: "2026-06-12" });
});

Deno.test("no rows outside the main draw, where none are known, are a success whose reason says so", async () => {
  const { clock, vis, sync } = await known(MATCHES);
  await db.query("delete from matches");
  vis.faults.add({ kind: "empty" });
  clock.advance(15 * MINUTE);
  assertObjectMatch(await sync(), { status: "SUCCEEDED", error_count: 0, status_reason: "1 tournament done, no main draw today" });
  clock.moveTo("2026-12-01T00:00:00Z");
  assertObjectMatch(await sync(), { status: "SUCCEEDED", status_reason: "no tournament was due" });
});

Deno.test("a list that shrinks in steps, 44, 33, 22, is followed in steps of two looks", async () => {
  const { clock, vis, sync, rows } = await known(MATCHES);
  const look = async (kind: Kind) => {
    vis.faults.clear();
    vis.faults.add({ kind });
    clock.advance(10 * MINUTE);
    return [(await sync({ trigger: "MANUAL" })).status, (await rows()).length];
  };
  assertEquals(await look("last_rows_missing"), ["PARTIAL", 44]);
  assertEquals(await look("half"), ["PARTIAL", 33]);
  assertEquals(await look("half"), ["SUCCEEDED", 22]);
});

Deno.test("in the life of a tournament only its second draw is held back, once, and its matches end as VIS has them", async () => {
  const { clock, sync, rows } = await known(MATCHES, "2026-06-07T00:00:00.000Z");
  while (clock.now() < Date.parse("2026-06-14T00:00:00Z")) {
    clock.advance(120 * MINUTE);
    await sync();
  }
  const reasons =
    "select status_reason as reason, count(*)::int as runs from sync_execution_history where status <> 'SUCCEEDED' group by 1";
  assertEquals(await db.query(reasons), [{ reason: "1 reply held back for a second look: REPLY_SHRANK", runs: 1 }]);
  const expected = matchesOf(Number(NO), clock.now()).map(({ No, Status, TeamAName }) => `${No} ${Status} ${TeamAName}`);
  const stored = (await rows()).map(({ row }) => row as Record<string, unknown>);
  assertEquals(stored.map(({ no, status, team_a_name }) => `${no} ${status} ${team_a_name}`).sort(), expected.sort());
});

Deno.test("looks within ten minutes do not postpone the second look", async () => {
  const { clock, vis, sync, rows } = await known(MATCHES);
  vis.faults.add({ kind: "short" });
  for (const [minutes, status] of [[1, "PARTIAL"], [4, "PARTIAL"], [4, "PARTIAL"], [2, "SUCCEEDED"]] as const) {
    clock.advance(minutes * MINUTE);
    assertEquals((await sync({ trigger: "MANUAL" })).status, status);
  }
  assertEquals((await rows()).length, 4);
});

for (const subject of [MATCHES, SEASON]) {
  Deno.test(`${subject.request}: the second look is dispatched after 10 minutes and again until a reply settles it; after an hour its rule fires`, async () => {
    const { clock, vis, sync, incidents } = await known(subject);
    clock.advance(15 * MINUTE);
    vis.faults.add({ kind: "empty", ...(subject === SEASON ? { season: "2026" } : {}) });
    await sync();
    // After a change of the schedule no due time is open.
    const frequencies = await db.query("select entity_type, sync_frequency::text as is from sync_status");
    await db.query("update sync_status set sync_frequency = '1 day 1 hour'");
    const calls = async (minutes: number) => {
      clock.advance(minutes * MINUTE);
      await db.query("truncate private.call_log");
      await db.query("select private.dispatch_due_syncs($1)", [clock.asOf()]);
      return (await db.query<{ body: Record<string, unknown> }>("select body - 'correlation_id' as body from private.call_log")).map((
        row,
      ) => row.body);
    };
    const call = subject === MATCHES ? { trigger: "RETRY", tournament_nos: [NO] } : { trigger: "RETRY" };
    assertEquals(await calls(9), []);
    assertEquals(await calls(1), [call]);
    assertEquals(await calls(9), []);
    assertEquals(await calls(1), [call]);
    assertEquals(await incidents(), []);
    clock.advance(40 * MINUTE);
    assertEquals(await incidents(), [`FIRING dashboard ["${subject.request}"]`]);
    vis.faults.clear();
    assertEquals((await sync(call)).status, "SUCCEEDED");
    assertEquals(await calls(60), []);
    for (const { entity_type, is } of frequencies) {
      await db.query("update sync_status set sync_frequency = $2::text::interval where entity_type = $1", [entity_type, is]);
    }
  });
}

Deno.test("an operator confirms a removal at once with confirm_removal, which the audit log has", async () => {
  const { clock, vis, sync, rows } = await known(MATCHES, ON_MAIN_DRAW);
  vis.faults.add({ kind: "short" });
  clock.advance(15 * MINUTE);
  assertEquals((await sync()).status, "PARTIAL");
  const actor = { name: "operator@example.com", role: "operator", id: "x" };
  const p = { entity_type: "matches_schedule", tournament_no: NO, priority: "HIGH", triggered_by: actor.name, reason: "remade", actor };
  await db.query("select enqueue_sync_job($1, $2)", [{ ...p, confirm_removal: true, request_hash: "x" }, clock.asOf()]);
  const body = await db.value<Record<string, unknown>>(
    "select body - 'correlation_id' from private.call_log where path = 'match-schedule-sync'",
  );
  assertEquals(body.confirm_removal, true);
  assertEquals((await sync(body)).status, "SUCCEEDED");
  assertEquals((await rows()).length, 4);
  assertEquals(
    await db.value("select after ->> 'confirm_removal' from audit_log where action = 'trigger-sync' order by id desc limit 1"),
    "true",
  );
  assertEquals(await db.value("select held_at from request_states"), null);
});

Deno.test("confirm_removal without a job is refused", async () => {
  const { deps: _, ...harness } = await known(MATCHES);
  const response = await harness.run("match-schedule-sync", { confirm_removal: true });
  assertEquals([response.status, (await response.json()).details[0].field], [400, "confirm_removal"]);
});

Deno.test.afterAll(() => db.close());
