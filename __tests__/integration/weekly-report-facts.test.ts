import { assert, assertEquals, assertObjectMatch } from "@std/assert";
import { createApp as createAdmin } from "../../supabase/functions/sync-admin/app.ts";
import { createApp as createProcessor } from "../../supabase/functions/sync-alert-processor/app.ts";
import { createChannels } from "../../supabase/functions/sync-alert-processor/notification-service.ts";
import { createApp as createMonitoring } from "../../supabase/functions/sync-monitoring/app.ts";
import type { Rpc } from "../../services/rpc.ts";
import { TestClock } from "../../testing/clock.ts";
import { openTestDatabase } from "../../testing/database.ts";
import { testEnv } from "../../testing/env.ts";
import { aResult, aRun, aTournament, insert } from "../../testing/factories.ts";
import { documented } from "../../testing/openapi.ts";
import { requester } from "../../testing/requests.ts";
import { STATES, VALID_ROWS } from "../../testing/rows.ts";

const db = await openTestDatabase();
const PAGE = "https://monitor.test/";
const env = testEnv({ DASHBOARD_URL: PAGE });
/** A time in June 2026; the week begins on Monday, 1 June. */
const june = (day: number, time = "00:00"): string => `2026-06-${String(day).padStart(2, "0")}T${time}:00.000Z`;
const MAY_31 = "2026-05-31T23:59:59.999Z";

async function setUp(now = june(10, "12:00")) {
  await db.reset();
  await db.query("truncate alert_incidents, weekly_reports, notification_destinations cascade");
  await db.query("delete from notification_channels where name <> 'dashboard'");
  const clock = new TestClock(now);
  const token = await db.token("admin"), deps = { rpc: db.rpc, clock, log: () => {}, env };
  const headers = { authorization: `Bearer ${token}` };
  const admin = requester(documented(createAdmin({ ...deps, waitUntil: () => {} })), "/sync-admin");
  const monitoring = requester(documented(createMonitoring(deps)), "/sync-monitoring");
  return {
    clock,
    act: (method: string, path: string, body?: unknown) => admin(method, path, body, headers),
    report: async () => (await monitoring("GET", "/weekly-report", undefined, headers)).body,
  };
}
const { resolved, acknowledged, pending } = STATES.alert_incidents;
const anIncident = (opened_at: string, resolved_at: string | null, row: object = {}) =>
  insert(db, "alert_incidents", {
    ...VALID_ROWS.alert_incidents,
    rule_id: null,
    opened_at,
    began_at: opened_at,
    fired_at: opened_at,
    ...resolved_at ? { ...resolved, resolved_at } : {},
    ...row,
  });

for (
  const [what, opened, ended, changes, expected] of [
    ["ended before the week", "2026-05-30T10:00:00Z", MAY_31, {}, null],
    ["began before the week and ended in it", "2026-05-30T10:00:00Z", june(1, "10:00"), {}, { open: 0, hours: 48 }],
    ["began and ended in the week", june(2), june(2, "03:00"), {}, { open: 0, hours: 3 }],
    ["has not ended", june(7, "22:00"), null, {}, { open: 1, hours: 2 }],
    ["ended after the week", june(7, "22:00"), june(8, "03:00"), {}, { open: 1, hours: 2 }],
    ["began after the week", june(8), null, {}, null],
    ["never fired", june(3), null, pending, null],
    ["is of missed runs and was recorded in the week", "2026-05-31T20:00:00Z", MAY_31, { fired_at: june(1, "05:00") }, {
      open: 0,
      hours: 4,
    }],
  ] as const
) {
  Deno.test(`an incident that ${what} is ${expected ? "in" : "not in"} the report`, async () => {
    const { report } = await setUp();
    await anIncident(opened, ended, changes);
    const { incidents } = await report();
    const hours = incidents.longest && Math.round(incidents.longest.duration_ms / 3_600_000);
    assertEquals([incidents.total, incidents.open, hours], expected ? [1, expected.open, expected.hours] : [0, 0, null]);
    assertEquals(incidents.by_severity, { LOW: 0, MEDIUM: 0, HIGH: expected ? 1 : 0, CRITICAL: 0 });
  });
}

Deno.test("the mean times count the incidents that were acknowledged or resolved by the end of the week, and the longest incident is named", async () => {
  const { report } = await setUp();
  const acknowledgedAt = (acknowledged_at: string) => ({ ...acknowledged, notified_at: june(2, "01:00"), acknowledged_at });
  await anIncident(june(1), null, { ...acknowledgedAt(june(2, "01:10")), entity_type: "matches_schedule" });
  await anIncident(june(2), null, acknowledgedAt(june(8, "01:00")));
  await anIncident(june(3), june(3, "02:00"), { severity: "CRITICAL" });
  await anIncident(june(3), june(9), { severity: "LOW" });
  const { incidents } = await report();
  assertObjectMatch(incidents, { total: 4, open: 3, acknowledge_ms: 600_000, resolve_ms: 7_200_000 });
  assertEquals(incidents.by_severity, { LOW: 1, MEDIUM: 0, HIGH: 2, CRITICAL: 1 });
  assertObjectMatch(incidents.longest, { scope: "Match Schedule", resolved_at: null, duration_ms: 7 * 86_400_000 });
});

Deno.test("the five tournaments with the most failed results of the week are named with their most frequent error", async () => {
  const { report } = await setUp();
  for (let no = 1; no <= 7; no++) await aTournament(db, { no: String(no), name: `Open <${no}>` });
  const fail = { error_type: "API", error_message: "x", error_fingerprint: "VIS_NO_DATA:x" };
  const other = { error_type: "API", error_message: "y", error_fingerprint: "VIS_LATER:y" };
  for (const [day, nos] of [[1, 7], [2, 7], [3, 4], [7, 2]] as const) {
    const run = await aRun(db, { execution_start: june(day) });
    for (let no = 1; no <= 7; no++) {
      await aResult(db, run, { tournament_no: String(no), ...(no > nos ? {} : day === 1 ? other : fail) });
    }
  }
  for (const execution_start of [MAY_31, june(8)]) await aResult(db, await aRun(db, { execution_start }), { tournament_no: "7", ...fail });
  const { tournaments } = await report();
  assertEquals(tournaments.failing, 7);
  assertEquals(tournaments.worst.map(({ no, failed }: { no: string; failed: number }) => `${no}: ${failed}`), [
    "1: 4",
    "2: 4",
    "3: 3",
    "4: 3",
    "5: 2",
  ]);
  assertObjectMatch(tournaments.worst[0], { name: "Open <1>", results: 4, error: "VIS has no data" });
});

Deno.test("the report has who created, changed, switched off and deleted rules in the week, with the reasons", async () => {
  const { report } = await setUp();
  const rule = {
    entity_type: "matches_schedule",
    metric: "success_rate",
    threshold: 0.9,
    evaluation_window: "1 hour",
    severity: "LOW",
  } as const;
  const act = (fn: string, name: string, p: object, as_of: string) =>
    db.value<{ id: string }>(`select ${fn}($1, $2)`, [{ ...p, actor: { name, role: "admin" } }, as_of]);
  const create = (name: string, as_of: string) => act("save_alert_rule", "anna", { rule: { ...rule, name } }, as_of);
  await create("Before the week", MAY_31);
  const { id } = await create("Weekly", june(1));
  const change = (p: { rule: object; reason?: string }) => act("save_alert_rule", "ben", { id, ...p }, june(2));
  await change({ rule: { threshold: 0.8, description: "new" } });
  await change({ rule: { is_active: false }, reason: "too noisy" });
  await change({ rule: { is_active: true, severity: "HIGH" } });
  await act("delete_alert_rule", "anna", { id, reason: "not used" }, "2026-06-07T23:59:59.999Z");
  await create("After the week", june(8));
  const { rules } = await report();
  const lines = rules.newest.map((c: Record<string, unknown>) => [c.actor, c.change, c.rule_name, c.fields, c.reason]);
  assertEquals([rules.total, lines], [5, [
    ["anna", "DELETED", "Weekly", [], "not used"],
    ["ben", "SWITCHED_ON", "Weekly", ["severity"], null],
    ["ben", "SWITCHED_OFF", "Weekly", [], "too noisy"],
    ["ben", "CHANGED", "Weekly", ["description", "threshold"], null],
    ["anna", "CREATED", "Weekly", [], null],
  ]]);
});

Deno.test("the objectives are those at the end of the week, with a status each", async () => {
  const { report } = await setUp();
  const atEnd = await db.rpc("list_objectives", { as_of: june(8) });
  const { objectives } = await report();
  const names = (list: { name: string }[]) => list.map(({ name }) => name).toSorted();
  assertEquals(names(objectives), names(atEnd));
  assert(objectives.length > 0);
  assertEquals(new Set(objectives.map(({ until }: { until: string }) => Date.parse(until))), new Set([Date.parse(june(8))]));
});

Deno.test("the attainment and the burn rate of an objective are fractions", async () => {
  const { report } = await setUp();
  const run = await aRun(db, { execution_start: june(7, "12:00") });
  const fail = { error_type: "API", error_message: "x", error_fingerprint: "VIS_NO_DATA:x" };
  for (const [no, failure] of [["1", {}], ["2", {}], ["3", fail]] as const) {
    await aTournament(db, { no });
    await aResult(db, run, { tournament_no: no, ...failure });
  }
  await db.query("select private.roll_up_indicators($1)", [june(8, "03:00")]);
  const { objectives } = await report();
  const { events, bad_events, attainment, burn_rate } = objectives.find(({ name }: { name: string }) => name === "Tournament results");
  assertEquals([events, bad_events, attainment.toFixed(4), burn_rate.toFixed(2)], [3, 1, "0.6667", "33.33"]);
});

Deno.test("the report of the API has the text that a channel receives, and no secret of it", async () => {
  const { clock, act, report } = await setUp(june(8, "07:00"));
  await anIncident(june(2), june(2, "03:00"));
  const secret = `whsec_${btoa("a secret of twenty-four by")}`;
  await act("PUT", "/channels/hook", { kind: "webhook", config: { url: "https://hook.test/path" }, secret, weekly_report: true });
  const bodies: string[] = [];
  const fetch = (_url: unknown, init?: RequestInit) => {
    bodies.push(String(init?.body));
    return Promise.resolve(new Response());
  };
  const background: Promise<unknown>[] = [];
  const channels = createChannels(env, clock, {
    fetch: fetch as typeof globalThis.fetch,
    resolve: () => Promise.resolve(["93.184.216.34"]),
  });
  const waitUntil = (work: Promise<unknown>) => background.push(work);
  const processor = createProcessor({ rpc: db.rpc, clock, log: () => {}, channels, heartbeat: () => Promise.resolve(), waitUntil });
  const tick = () => requester(processor, "/sync-alert-processor")("POST", "", { cause: "cron" }, { apikey: db.keys.secret });
  assertEquals((await tick()).status, 202);
  await Promise.all(background);
  const seen = await report(), sent = bodies.map((body) => JSON.parse(body)).find(({ type }) => type === "weekly_report");
  const { type: _, receiver, page_url, ...rest } = sent;
  assertEquals([receiver, page_url, rest], ["hook", PAGE, seen]);
  assert(seen.text.includes("1 incident: 1 HIGH") && seen.text.endsWith(`The page: ${PAGE}\n`));
  for (const hidden of [secret, "hook.test"]) assert(!JSON.stringify(seen).includes(hidden));
});

Deno.test("a report that cannot be made delays neither the evaluation nor the heartbeat", async () => {
  const { clock } = await setUp();
  const events: string[] = [], background: Promise<unknown>[] = [];
  const rpc =
    ((fn, args) => fn === "claim_weekly_reports" ? Promise.reject(new Error("broken")) : (db.rpc as Rpc)(fn, args as never)) as Rpc;
  const processor = createProcessor({
    rpc,
    clock,
    log: (_level, event) => events.push(event),
    channels: createChannels(env, clock),
    heartbeat: () => Promise.resolve(void events.push("heartbeat")),
    waitUntil: (work) => background.push(work),
  });
  await requester(processor, "/sync-alert-processor")("POST", "", { cause: "cron" }, { apikey: db.keys.secret });
  await Promise.all(background);
  assertEquals(events.filter((event) => ["heartbeat", "evaluation_failed", "processing_failed"].includes(event)), [
    "heartbeat",
    "processing_failed",
  ]);
});

Deno.test("whether a channel receives the report is set, kept, audited and shown; the dashboard and its kind cannot receive it", async () => {
  const { act } = await setUp();
  const put = async (body: object) => (await act("PUT", "/channels/team", body)).body;
  const team = { kind: "slack", secret: "https://hooks.slack.test/x" };
  assertEquals((await put(team)).weekly_report, false);
  assertEquals((await put({ ...team, weekly_report: true })).weekly_report, true);
  assertEquals((await put(team)).weekly_report, true);
  const [, change] = (await act("GET", "/audit?object_type=channel&object_id=team")).body.entries;
  assertEquals([change.before.weekly_report, change.after.weekly_report], [false, true]);
  const listed = (await act("GET", "/channels")).body.channels;
  assertEquals(listed.map(({ name, weekly_report }: Record<string, unknown>) => [name, weekly_report]), [["dashboard", false], [
    "team",
    true,
  ]]);
  const refused = await act("PUT", "/channels/dashboard", { kind: "dashboard", weekly_report: true });
  const message = "must be off for a channel of this kind, which sends no report";
  assertEquals([refused.status, refused.body.details], [400, [{ field: "weekly_report", message }]]);
  assertEquals((await put({ kind: "dashboard" })).weekly_report, false);
});

Deno.test.afterAll(() => db.close());
