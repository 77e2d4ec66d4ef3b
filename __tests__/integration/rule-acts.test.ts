import { assert, assertEquals, assertMatch, assertObjectMatch } from "@std/assert";
import { createApp } from "../../supabase/functions/sync-admin/app.ts";
import { TestClock } from "../../testing/clock.ts";
import { openTestDatabase } from "../../testing/database.ts";
import { testEnv } from "../../testing/env.ts";
import { insert } from "../../testing/factories.ts";
import { documented } from "../../testing/openapi.ts";
import { requester } from "../../testing/requests.ts";
import { STATES, VALID_ROWS } from "../../testing/rows.ts";

const db = await openTestDatabase();
const token = await db.token("admin");

async function setUp() {
  await db.query("truncate alert_incidents, alert_notifications, alert_silences cascade");
  await db.query("delete from alert_rules where name like 'Test%'");
  await db.query("delete from notification_channels where name <> 'dashboard'");
  await db.query("update sync_status set notification_channels = null");
  const clock = new TestClock("2026-06-10T12:00:00.000Z");
  const app = documented(createApp({ rpc: db.rpc, clock, log: () => {}, env: testEnv(), waitUntil: () => {} }));
  const send = requester(app, "/sync-admin");
  const call = (method: string, path: string, body?: unknown) => send(method, path, body, { authorization: `Bearer ${token}` });
  return { call, clock };
}
const RULE = {
  name: "Test acts",
  entity_type: "matches_schedule",
  metric: "success_rate",
  threshold: 0.9,
  evaluation_window: "1 hour",
  severity: "LOW",
};
const anIncident = (rule_id: unknown, row: object = {}) =>
  insert(db, "alert_incidents", {
    ...VALID_ROWS.alert_incidents,
    rule_id,
    metric: RULE.metric,
    entity_type: RULE.entity_type,
    ...row,
  });
const states = async () =>
  (await db.query<{ state: string }>("select state from alert_incidents order by state")).map(({ state }) => state);

for (
  const [path, method, body] of [
    ["/alert-rules", "POST", RULE],
    ["/entities/matches_schedule", "PATCH", { reason: "because" }],
  ] as const
) {
  Deno.test(`${method} ${path} refuses an unknown channel by field and name, and a list without channels with what to do instead`, async () => {
    const { call } = await setUp();
    const unknown = await call(method, path, { ...body, notification_channels: ["dashboard", "pagr"] });
    assertEquals([unknown.status, unknown.body.details], [400, [{ field: "notification_channels", message: "there is no channel pagr" }]]);
    const none = await call(method, path, { ...body, notification_channels: [] });
    assertEquals([none.status, none.body.details[0].field], [400, "notification_channels"]);
    assertMatch(none.body.details[0].message, /^must name at least one channel; to mute .* create a silence/);
  });
}

Deno.test("an unknown channel of an escalation step is refused with the field of the steps; null gives an entity the channels of the rules", async () => {
  const { call } = await setUp();
  const { body } = await call("POST", "/alert-rules", { ...RULE, escalation_channels: [["dashboard"], ["dashboard", "pagr"]] });
  assertEquals(body.details, [{ field: "escalation_channels", message: "there is no channel pagr" }]);
  const entity = (notification_channels: unknown) =>
    call("PATCH", "/entities/matches_schedule", { reason: "because", notification_channels });
  assertEquals((await entity(["dashboard"])).body.notification_channels, ["dashboard"]);
  assertEquals((await entity(null)).body.notification_channels, null);
});

for (
  const [change, isDiscarded] of [
    [{ description: "New words" }, false],
    [{ severity: "HIGH", for_duration: "10 minutes", repeat_interval: "1 hour", escalation_delay: "1 hour" }, false],
    [{ metric: "success_rate", threshold: 0.9 }, false],
    [{ metric: "success_rate", threshold: 0.8 }, true],
    [{ metric: "success_rate", recovery_threshold: 0.95 }, true],
    [{ metric: "cache_hit_ratio", threshold: 0.9 }, true],
    [{ metric: "error_rate", threshold: 1, error_type: "API" }, true],
    [{ entity_type: "tournaments" }, true],
    [{ metric: "success_rate", scope: "TOURNAMENT" }, true],
    [{ evaluation_window: "2 hours" }, true],
    [{ is_active: false }, true],
  ] as [object, boolean][]
) {
  Deno.test(`a change of a rule to ${JSON.stringify(change)} ${isDiscarded ? "discards" : "keeps"} its pending incident`, async () => {
    const { call } = await setUp();
    const { body: { id } } = await call("POST", "/alert-rules", RULE);
    const { id: pending } = await anIncident(id, STATES.alert_incidents.pending);
    assertEquals((await call("PATCH", `/alert-rules/${id}`, change)).status, 200);
    assertEquals(await db.value("select count(*)::int from alert_incidents where id = $1", [pending]), isDiscarded ? 0 : 1);
  });
}

for (const act of ["switched off", "deleted"]) {
  Deno.test(`a rule that is ${act} discards its pending incident, which never fired, and resolves the firing one`, async () => {
    const { call } = await setUp();
    const { body: { id } } = await call("POST", "/alert-rules", RULE);
    await anIncident(id, STATES.alert_incidents.pending);
    await anIncident(id, { tournament_no: "70001" });
    const { status } =
      await (act === "deleted" ? call("DELETE", `/alert-rules/${id}`) : call("PATCH", `/alert-rules/${id}`, { is_active: false }));
    assert(status < 300);
    assertEquals(await states(), ["RESOLVED"]);
  });
}

Deno.test("the lowest priority of a rule is saved, shown, versioned and audited, and null removes it", async () => {
  const { call } = await setUp();
  const rule = { ...RULE, metric: "tournament_staleness", threshold: 600, scope: "TOURNAMENT", lowest_priority: "LIVE" };
  const { status, body: { id } } = await call("POST", "/alert-rules", rule);
  assertEquals(status, 201);
  const shown = async () => (await call("GET", "/alert-rules")).body.rules.find((one: { id: string }) => one.id === id).lowest_priority;
  const stored = "select rule ->> 'lowest_priority' from alert_rule_versions where rule_id = $1 order by id desc limit 1";
  assertEquals([await shown(), await db.value(stored, [id])], ["LIVE", "LIVE"]);
  assertEquals((await call("PATCH", `/alert-rules/${id}`, { lowest_priority: null })).status, 200);
  assertEquals([await shown(), await db.value(stored, [id])], [null, null]);
  const audit = `select jsonb_build_array(before -> 'lowest_priority', after -> 'lowest_priority') from audit_log
    where object_id = $1 order by id desc limit 1`;
  assertEquals(await db.value(audit, [id]), ["LIVE", null]);
  const unknown = await call("POST", "/alert-rules", { ...rule, name: "Test other", lowest_priority: "NEVER" });
  assertEquals([unknown.status, unknown.body.details[0].field], [400, "lowest_priority"]);
});

Deno.test("each version of a rule is kept with its times and author, also after its deletion", async () => {
  const { call, clock } = await setUp();
  const { body: { id } } = await call("POST", "/alert-rules", RULE);
  clock.advance(60_000);
  await call("PATCH", `/alert-rules/${id}`, { metric: "success_rate", threshold: 0.8 });
  const versions = () =>
    db.query(
      `select to_char(valid_from at time zone 'UTC', 'HH24:MI') as since, to_char(valid_until at time zone 'UTC', 'HH24:MI') as until,
        (rule ->> 'threshold')::float as threshold, changed_by from alert_rule_versions where rule_id = $1 order by id`,
      [id],
    );
  const changed_by = "user@example.com";
  assertEquals(await versions(), [
    { since: "12:00", until: "12:01", threshold: 0.9, changed_by },
    { since: "12:01", until: null, threshold: 0.8, changed_by },
  ]);
  clock.advance(60_000);
  await call("DELETE", `/alert-rules/${id}`);
  assertObjectMatch((await versions())[1] as object, { since: "12:01", until: "12:02", threshold: 0.8 });
});

Deno.test("the shipped rules have a current version from the start, equal to the rule", async () => {
  const missing = `select r.name from alert_rules r left join alert_rule_versions v on v.rule_id = r.id and v.valid_until is null
    and v.valid_from = r.created_at and v.rule = to_jsonb(r) - '{broken_since,broken_reason}'::text[]
    where r.name not like 'Test%' and v.id is null`;
  assertEquals(await db.query(missing), []);
});

Deno.test("a rule that cannot be measured is listed with the time and the reason", async () => {
  const { call } = await setUp();
  const { body } = await call("POST", "/alert-rules", RULE);
  assertObjectMatch(body, { broken_since: null, broken_reason: null });
  await db.query("update alert_rules set broken_since = $2, broken_reason = 'interval out of range' where id = $1", [
    body.id,
    "2026-06-10T12:00:00Z",
  ]);
  const { rules } = (await call("GET", "/alert-rules")).body;
  const listed = rules.find(({ id }: { id: string }) => id === body.id);
  assertObjectMatch(listed, { broken_since: "2026-06-10T12:00:00+00:00", broken_reason: "interval out of range" });
});

Deno.test("a silence of one incident is created, listed and deleted with it; an unknown incident is refused", async () => {
  const { call } = await setUp();
  const { id: incident_id } = await anIncident(null);
  const silence = { ends_at: "2026-06-10T13:00:00Z", reason: "known and harmless" };
  assertObjectMatch((await call("POST", "/silences", { ...silence, incident_id })).body, { incident_id, entity_type: null });
  assertEquals((await call("GET", "/silences")).body.silences.map((listed: { incident_id: string }) => listed.incident_id), [incident_id]);
  const unknown = await call("POST", "/silences", { ...silence, incident_id: crypto.randomUUID() });
  assertEquals([unknown.status, unknown.body.code], [404, "NOT_FOUND"]);
  await db.query("delete from alert_incidents where id = $1", [incident_id]);
  assertEquals((await call("GET", "/silences")).body.silences, []);
});

Deno.test("a silence that has ended, or of an unknown entity, is refused", async () => {
  const { call } = await setUp();
  const silence = { severity: "LOW", starts_at: "2026-06-10T10:00:00Z", reason: "too late" };
  const past = await call("POST", "/silences", { ...silence, ends_at: "2026-06-10T12:00:00Z" });
  assertEquals([past.status, past.body.details], [400, [{ field: "ends_at", message: "must be in the future" }]]);
  assertEquals((await call("POST", "/silences", { ...silence, ends_at: "2026-06-10T12:00:01Z" })).status, 201);
  const ghosts = await call("POST", "/silences", { ...silence, entity_type: "ghosts", ends_at: "2026-06-10T13:00:00Z" });
  assertEquals([ghosts.status, ghosts.body.code], [404, "ENTITY_UNKNOWN"]);
});

for (const [ends_at, status] of [["2026-06-11T10:00:00Z", 400], ["2026-06-11T10:00:01Z", 201]] as const) {
  Deno.test(`a recurring silence of 10:00 that ends at ${ends_at} is answered ${status} after its window of today`, async () => {
    const { call } = await setUp();
    const silence = { severity: "LOW", starts_at: "2026-06-09T10:00:00Z", recurs_every: "1 day", lasts: "1 hour", reason: "each morning" };
    const { status: answered, body } = await call("POST", "/silences", { ...silence, ends_at });
    assertEquals(answered, status);
    assertEquals(body.details, status === 400 ? [{ field: "ends_at", message: "must be after the next recurrence" }] : undefined);
    assertEquals(await db.value("select count(*)::int from alert_silences"), status === 400 ? 0 : 1);
  });
}

Deno.test("the only channel of a rule or an entity is not deleted, and the refusal names them", async () => {
  const { call } = await setUp();
  for (const name of ["hook", "pager"]) await call("PUT", `/channels/${name}`, { kind: "dashboard" });
  const { body: { id } } = await call("POST", "/alert-rules", { ...RULE, notification_channels: ["hook"] });
  await call("PATCH", "/entities/matches_schedule", { reason: "because", notification_channels: ["hook"] });
  const refused = await call("DELETE", "/channels/hook");
  assertEquals([refused.status, refused.body.code], [409, "CHANNEL_IN_USE"]);
  assertEquals(refused.body.message, "hook is the only channel of Test acts, matches_schedule");
  await call("PATCH", `/alert-rules/${id}`, { notification_channels: ["hook", "pager"] });
  await call("PATCH", "/entities/matches_schedule", { reason: "because", notification_channels: null });
  assertEquals((await call("DELETE", "/channels/hook")).status, 204);
  assertEquals((await call("DELETE", "/channels/pager")).body.code, "CHANNEL_IN_USE");
});

Deno.test("a channel keeps each field that a request does not have, and its secret only within its kind", async () => {
  const { call } = await setUp();
  const hook = { kind: "webhook", config: { url: "https://receiver.test/" } };
  const secret = `whsec_${btoa("a secret of twenty-four by")}`;
  const put = (body: object) => call("PUT", "/channels/hook", body);
  assertEquals((await put({ ...hook, secret })).body.is_active, true);
  await put({ ...hook, is_active: false, group_window: "5 minutes", hourly_limit: 7 });
  assertObjectMatch((await put(hook)).body, { is_active: false, group_window: "5 minutes", hourly_limit: 7, has_secret: true });
  const slack = await put({ kind: "slack" });
  assertEquals([slack.status, slack.body.details?.[0]?.field], [400, "secret"]);
  assertObjectMatch((await put({ kind: "slack", secret: "https://slack.test/" })).body, { has_secret: true, has_previous_secret: false });
});

Deno.test("an incident that was acknowledged before its first notification does not count in the mean time to acknowledge", async () => {
  await setUp();
  const of = (notified_at: string | null, acknowledged_at: string) =>
    anIncident(null, { ...STATES.alert_incidents.acknowledged, notified_at, acknowledged_at });
  await of("2026-06-10T10:00:00Z", "2026-06-10T10:10:00Z");
  await of("2026-06-10T11:00:00Z", "2026-06-10T10:00:00Z");
  await of(null, "2026-06-10T10:00:00Z");
  const { mean_times } = await db.rpc("list_alert_incidents", { p: { limit: 1 }, as_of: "2026-06-10T12:00:00Z" });
  assertEquals(mean_times.acknowledge_ms, 600_000);
});

Deno.test.afterAll(() => db.close());
