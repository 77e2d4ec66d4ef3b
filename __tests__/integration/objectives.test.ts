import { assert, assertEquals, assertMatch, assertObjectMatch } from "@std/assert";
import { createApp as createAdmin } from "../../supabase/functions/sync-admin/app.ts";
import { createApp as createMonitoring } from "../../supabase/functions/sync-monitoring/app.ts";
import { TestClock } from "../../testing/clock.ts";
import { openTestDatabase } from "../../testing/database.ts";
import { testEnv } from "../../testing/env.ts";
import { aResult, aRun, aTournament, insert } from "../../testing/factories.ts";
import { documented } from "../../testing/openapi.ts";
import { requester } from "../../testing/requests.ts";
import { VALID_ROWS } from "../../testing/rows.ts";

const db = await openTestDatabase();
const NOW = "2026-06-10T12:03:00.000Z";
const deps = { rpc: db.rpc, clock: new TestClock(NOW), log: () => {}, env: testEnv(), waitUntil: () => {} };
const admin = requester(documented(createAdmin(deps)), "/sync-admin");
const monitoring = requester(documented(createMonitoring(deps)), "/sync-monitoring");
const as = async (role: string) => ({ authorization: `Bearer ${await db.token(role)}` });
const call = async (method: string, path: string, body?: unknown, role = "admin") => await admin(method, path, body, await as(role));
const read = async (path: string) => await monitoring("GET", path, undefined, await as("viewer"));

/** An empty history whose events before 10:00 come from the rollup. */
async function setUp(): Promise<void> {
  await db.reset();
  await db.query("truncate alert_incidents, alert_evaluations, alert_notifications cascade");
  await db.query("delete from alert_rules where objective_id in (select id from sync_objectives where name like 'Test%')");
  await db.query("delete from sync_objectives where name like 'Test%'");
  await db.query("update private.indicator_rollup set rolled_until = '2026-06-10T10:00:00Z'");
}

/** Rolled-up hours of matches_schedule, each with the same events, from 28 days ago until before 10:00. */
const hours = (indicator: string, events: number) =>
  db.query(
    `insert into sync_indicators (indicator, entity_type, bucket, events, bad_events)
    select $1, 'matches_schedule', hour, $2, 0
    from generate_series(timestamptz '2026-05-13T12:00:00Z', '2026-06-10T09:00:00Z', '1 hour') hour`,
    [indicator, events],
  );

/** Adds a run at a time of 10 June with ten results, of which some failed with one fingerprint. */
async function tenResults(time: string, failed: number): Promise<void> {
  const run = await aRun(db, { execution_start: `2026-06-10T${time}:00Z`, status: failed ? "PARTIAL" : "SUCCEEDED" });
  for (let index = 0; index < 10; index++) {
    const { no } = await aTournament(db);
    await aResult(db, run, {
      tournament_no: no,
      ...index < failed ? { error_type: "NETWORK", error_fingerprint: "VIS_UNAVAILABLE:x" } : {},
    });
  }
}
const burnOf = async (rule: string, as_of = NOW) =>
  (await db.rpc("measure_alert_rules", { as_of })).measurements.find(({ rule_name }) => rule_name === rule);

Deno.test("the burn rate of an outage is that of the hand calculation, in both windows, and falls with the short one", async () => {
  await setUp();
  await hours("sync_success", 20);
  for (const time of ["11:15", "11:30", "11:45", "12:00"]) await tenResults(time, 5);
  // In the hour 20 of 40 results failed, and in the last 12 minutes 5 of 10, so the burn rate is 0.5 / 0.01 = 50.
  const firing = await burnOf("Tournament results Burn Fast");
  assertEquals([firing?.value, firing?.fingerprint, firing?.threshold], [50, "VIS_UNAVAILABLE:x", 13.44]);
  assertObjectMatch(firing?.evidence ?? {}, { events: 40, bad_events: 20, long_rate: 50, short_rate: 50, long_window: "1 hour" });
  // The six hours have 3 rolled-up hours and the four runs: 20 / (3 * 20 + 40) / 0.01.
  assertEquals((await burnOf("Tournament results Burn"))?.value, 20);
  // The three days have 69 rolled-up hours and the four runs: 20 / (69 * 20 + 40) / 0.01.
  assertEquals((await burnOf("Tournament results Burn Slow"))?.value, Number((2000 / (69 * 20 + 40)).toFixed(4)));
  await tenResults("12:15", 0);
  const over = await burnOf("Tournament results Burn Fast", "2026-06-10T12:20:00.000Z");
  // In the hour 15 of 40 results failed, and in the last 12 minutes none of 10.
  assertObjectMatch(over ?? {}, { value: 0, evidence: { long_rate: 37.5, short_rate: 0 } });
});

Deno.test("windows widen until they hold 12 and 4 events, and their rate then counts for the window of the rule", async () => {
  await setUp();
  await hours("timeliness", 4);
  // No run started since 10:00, so 8 due times until 11:45 are bad.
  const burn = await burnOf("Match runs on time Burn Fast");
  const { long_rate, events, bad_events } = burn?.evidence as Record<string, number>;
  assertEquals([long_rate, events, bad_events], [100, 8, 8]);
  assertMatch(String(burn?.evidence.long_window), /^(3 hours|1(79|8[0-9]) minutes|10\d{3} seconds)$/);
  // A burn rate of 100 over three hours spends as much as 300 over the hour of the rule.
  assert(Math.abs((burn?.value ?? 0) - 300) < 6, String(burn?.value));
});

Deno.test("two bad events burn nothing for a rule that wakes people, and an objective with few events has no burn rate", async () => {
  await setUp();
  await hours("sync_success", 20);
  await tenResults("12:00", 2);
  assertEquals([(await burnOf("Tournament results Burn Fast"))?.value, (await burnOf("Tournament results Burn"))?.value], [0, 0]);
  assert((await burnOf("Tournament results Burn Slow"))?.value);
  await db.query("delete from sync_indicators where bucket < '2026-06-10T08:00:00Z' and bucket > '2026-05-13T12:00:00Z'");
  assertEquals((await burnOf("Tournament results Burn Slow"))?.value, null);
});

Deno.test("a budget that is spent exactly is neither negative nor missed, and one event more misses the objective", async () => {
  await setUp();
  const week = "2026-06-05T00:00:00Z";
  const { body: created } = await call("POST", "/objectives", {
    name: "Test exact",
    entity_type: "tournaments",
    indicator: "sync_success",
    target: 0.99,
    rolling_window: "7 days",
  });
  await insert(db, "sync_indicators", { ...VALID_ROWS.sync_indicators, bucket: week, events: 700, bad_events: 7, causes: { x: 7 } });
  const objective = async () => (await read("/objectives")).body.objectives.find(({ id }: { id: string }) => id === created.id);
  assertObjectMatch(await objective(), { budget_events: 7, budget_left_events: 0, budget_left: 0, status: "MET", runs_out_at: null });
  await db.query("update sync_indicators set bad_events = 8, causes = '{\"x\": 8}'");
  assertObjectMatch(await objective(), { budget_left_events: -1, status: "MISSED", attainment: 692 / 700 });
});

Deno.test("the budget runs out at the rate of the last day; within three days the objective is at risk", async () => {
  await setUp();
  const { body: created } = await call("POST", "/objectives", {
    name: "Test rate",
    entity_type: "tournaments",
    indicator: "sync_success",
    target: 0.9,
    rolling_window: "28 days",
  });
  const bucket = (at: string, events: number, bad_events: number) =>
    insert(db, "sync_indicators", { ...VALID_ROWS.sync_indicators, bucket: at, events, bad_events, causes: { x: bad_events } });
  await bucket("2026-05-20T00:00:00Z", 900, 0);
  await bucket("2026-06-10T08:00:00Z", 100, 20);
  // The budget is 100 results; 20 failed, all in the last day, so the other 80 last four days.
  const objective = async () => (await read(`/objectives/${created.id}`)).body;
  assertObjectMatch(await objective(), { budget_left: 0.8, burn_rate: 2, runs_out_at: "2026-06-14T12:03:00+00:00", status: "MET" });
  await db.query("update sync_indicators set bad_events = 40, causes = '{\"x\": 40}' where bad_events = 20");
  assertObjectMatch(await objective(), { runs_out_at: "2026-06-12T00:03:00+00:00", status: "AT_RISK" });
  const [cause] = (await objective()).causes;
  assertEquals([cause.fingerprint, cause.bad_events], ["x", 40]);
});

Deno.test("a run that ends after its hour is counted, because the hours of the last two hours are not rolled up", async () => {
  await setUp();
  await db.query("update private.indicator_rollup set rolled_until = '2026-06-10T09:00:00Z'");
  const run = await aRun(db, { ...RUNNING, execution_start: "2026-06-10T09:50:00Z" });
  const rollUp = (as_of: string) => db.query("select private.roll_up_indicators($1)", [as_of]);
  await rollUp("2026-06-10T10:35:00Z");
  await db.query("update sync_execution_history set status = 'FAILED', execution_end = '2026-06-10T10:40:00Z' where id = $1", [run.id]);
  await rollUp("2026-06-10T12:03:00Z");
  const rolled = "select sum(bad_events)::int from sync_indicators where indicator = 'sync_success'";
  assertEquals(await db.value(rolled), 1);
});

const RUNNING = {
  status: "RUNNING",
  execution_end: null,
  heartbeat_at: "2026-06-10T09:51:00Z",
  lease_expires_at: "2026-06-10T09:52:00Z",
  deadline: "2026-06-10T10:00:00Z",
};

Deno.test("an objective is created, changed and deleted by admins only, with an audit row each and burn-rate rules where events are enough", async () => {
  await setUp();
  await hours("freshness", 1);
  const body = { name: "Test fresh", entity_type: "matches_schedule", indicator: "freshness", target: 0.95, owner: "Operations" };
  assertEquals((await call("POST", "/objectives", body, "operator")).status, 403);
  const { status, body: created } = await call("POST", "/objectives", { ...body, reason: "agreed" });
  assertEquals([status, created.rolling_window, created.owner], [201, "28 days", "Operations"]);
  const rules = async () =>
    (await db.query<{ name: string }>("select name from alert_rules where objective_id = $1 order by 1", [created.id])).map(({ name }) =>
      name
    );
  assertEquals(await rules(), ["Test fresh Burn", "Test fresh Burn Fast", "Test fresh Burn Slow"]);
  assertEquals((await call("PATCH", `/objectives/${created.id}`, { target: 0.97 })).body.target, 0.97);
  const taken = await call("POST", "/objectives", body);
  assertEquals([taken.status, taken.body.code], [409, "NAME_TAKEN"]);
  await anOpenIncident(created.id);
  assertEquals((await call("DELETE", `/objectives/${created.id}`)).status, 204);
  assertEquals(await rules(), []);
  assertEquals(await db.value("select state from alert_incidents"), "RESOLVED");
  assertEquals((await read(`/objectives/${created.id}`)).status, 404);
  const acts = await db.query<{ action: string }>("select action from audit_log where object_id = $1 order by id", [created.id]);
  assertEquals(acts.map(({ action }) => action), ["create-objective", "change-objective", "delete-objective"]);
});

const anOpenIncident = async (objective: string) =>
  await insert(db, "alert_incidents", {
    ...VALID_ROWS.alert_incidents,
    rule_id: await db.value("select id from alert_rules where objective_id = $1 limit 1", [objective]),
    metric: "burn_rate",
    entity_type: "matches_schedule",
  });

for (
  const [what, body, field, message] of [
    ["a target of 1", { target: 1 }, "target", /0\.9999/],
    ["a window of 8 days", { rolling_window: "8 days" }, "rolling_window", /7 days/],
    ["an unknown indicator", { indicator: "uptime" }, "indicator", /sync_success/],
    ["the monitoring system", { entity_type: "system" }, "entity_type", /cannot be system/],
    ["an unknown field", { window: "7 days" }, "window", /not a known field/],
  ] as const
) {
  Deno.test(`an objective with ${what} is refused by its field`, async () => {
    await setUp();
    const { status, body: refusal } = await call("POST", "/objectives", {
      name: "Test refused",
      entity_type: "all",
      indicator: "sync_success",
      target: 0.9,
      ...body,
    });
    assertEquals(status, 400);
    const [detail] = refusal.details ?? [];
    assertEquals(detail?.field, field);
    assertMatch(detail?.message, message);
  });
}

Deno.test("what an objective counts cannot change, and an unknown one cannot change at all", async () => {
  await setUp();
  const id = await db.value("select id from sync_objectives where name = 'Failures noticed'");
  const refused = await call("PATCH", `/objectives/${id}`, { indicator: "delivery" });
  assertEquals([refused.status, refused.body.details[0].field], [400, "indicator"]);
  assertEquals((await call("PATCH", `/objectives/${crypto.randomUUID()}`, { target: 0.9 })).status, 404);
  assertEquals((await call("PATCH", `/objectives/${id}`, { reason: "none" })).status, 400);
});

Deno.test("a burn-rate rule needs an objective of its entity, and no other rule has one", async () => {
  await setUp();
  const id = await db.value("select id from sync_objectives where name = 'Match runs on time'");
  const rule = { name: "Test burn", metric: "burn_rate", threshold: 2, evaluation_window: "1 hour", severity: "LOW", entity_type: "all" };
  const fieldOf = async (body: object) => (await call("POST", "/alert-rules", body)).body.details?.[0]?.field;
  assertEquals(await fieldOf(rule), "objective_id");
  assertEquals(await fieldOf({ ...rule, objective_id: id }), "objective_id");
  assertEquals(await fieldOf({ ...rule, metric: "memory_usage", objective_id: id }), "objective_id");
  assertEquals((await call("POST", "/alert-rules", { ...rule, entity_type: "matches_schedule", objective_id: id })).status, 201);
  await db.query("delete from alert_rules where name = 'Test burn'");
});

Deno.test.afterAll(() => db.close());
