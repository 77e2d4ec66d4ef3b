// Over 300 lines, because each route is tested with accepted and refused requests.
import { assert, assertEquals, assertMatch, assertObjectMatch } from "@std/assert";
import { createApp } from "../../supabase/functions/sync-admin/app.ts";
import type { AdminDeps } from "../../supabase/functions/sync-admin/acts.ts";
import { TestClock } from "../../testing/clock.ts";
import { openTestDatabase } from "../../testing/database.ts";
import { documented } from "../../testing/openapi.ts";
import { testEnv } from "../../testing/env.ts";
import { aNotification } from "../../testing/factories.ts";
import { requester } from "../../testing/requests.ts";
import { STATES } from "../../testing/rows.ts";

const db = await openTestDatabase();
const NOW = "2026-06-10T12:00:00.000Z";
const tokens = Object.fromEntries(
  await Promise.all(["viewer", "operator", "admin"].map(async (role) => [role, await db.token(role)] as const)),
);

async function setUp(deps: Partial<AdminDeps> = {}) {
  await db.query("truncate alert_incidents, alert_notifications, alert_silences cascade");
  await db.query("delete from alert_rules where name like 'Test%'");
  const app = documented(
    createApp({ rpc: db.rpc, clock: new TestClock(NOW), log: () => {}, env: testEnv(), waitUntil: () => {}, ...deps }),
  );
  const send = requester(app, "/sync-admin");
  const call = async (method: string, path: string, body?: unknown, caller: string = "operator") => {
    const headers: Record<string, string> = { "x-correlation-id": "request-1", "x-forwarded-for": "203.0.113.9, 10.0.0.1" };
    if (caller === "service") headers.apikey = db.keys.secret;
    else if (caller !== "anonymous") headers.authorization = `Bearer ${tokens[caller] ?? await db.token(null)}`;
    return await send(method, path, body, headers);
  };
  return { call };
}
async function createIncident(state = "FIRING"): Promise<string> {
  const [row] = await db.query<{ id: string }>(
    `insert into alert_incidents (rule_id, rule_name, metric, entity_type, state, severity, threshold, message, began_at, opened_at, fired_at, notified_at, last_notified_at, updated_at, acknowledged_by)
    select id, name, metric, entity_type, $1::text, 'HIGH', 3, 'm', $2, $2, $2, $2, $2, $2, case when $1::text = 'ACKNOWLEDGED' then 'x' end
    from alert_rules where name = 'Match Schedule Consecutive Failures' returning id`,
    [state, "2026-06-10T11:00:00Z"],
  );
  return String(row?.id);
}
const lastAuditEntry = async () => (await db.query("select * from audit_log order by id desc limit 1"))[0] as Record<string, unknown>;
const RULE = {
  name: "Test slow answers",
  entity_type: "matches_schedule",
  metric: "api_response_time",
  threshold: 2000,
  evaluation_window: "1 hour",
  severity: "LOW",
};

Deno.test("an operator acknowledges an incident until a time, unacknowledges and resolves it; the timeline and the audit log show each action", async () => {
  const { call } = await setUp();
  const id = await createIncident();
  await aNotification(db, { incident_id: id, ...STATES.alert_notifications.sent });
  const acknowledged = await call("POST", `/alerts/${id}/acknowledge`, { note: "looking into it", until: "2026-06-10T13:00:00Z" });
  assertEquals(acknowledged.status, 200);
  assertObjectMatch(acknowledged.body, { state: "ACKNOWLEDGED", acknowledged_by: "user@example.com" });
  assertObjectMatch(await lastAuditEntry(), {
    actor: "user@example.com",
    actor_role: "operator",
    action: "acknowledge",
    object_type: "alert",
    object_id: id,
    before: { state: "FIRING" },
    after: { state: "ACKNOWLEDGED" },
    reason: "looking into it",
    correlation_id: "request-1",
    address: "203.0.113.9",
    address_is_claimed: true,
  });
  const withdrawn = (await call("POST", `/alerts/${id}/unacknowledge`)).body;
  assertObjectMatch(withdrawn, { state: "FIRING", acknowledged_by: null, acknowledged_at: null, acknowledged_until: null });
  assertEquals(
    await db.value("select unacknowledged_since from alert_incidents where id = $1", [id]),
    null,
    "the next evaluation starts the clock",
  );
  assertEquals(await db.value("select awaits_recovery from alert_incidents where id = $1", [id]), false);
  assertObjectMatch((await call("POST", `/alerts/${id}/resolve`, { note: "fixed by hand" })).body, { state: "RESOLVED" });
  const timeline = await db.query<{ reason: string }>("select reason from alert_events where incident_id = $1 order by id", [id]);
  assertEquals(timeline.map((event) => event.reason), [
    "acknowledged by user@example.com: looking into it",
    "unacknowledged by user@example.com",
    "resolved by user@example.com: fixed by hand",
  ]);
  const queued = await db.query("select channel, item from alert_notifications where status = 'PENDING'");
  assertEquals(queued.length, 1);
  assertObjectMatch(queued[0] as object, { channel: "dashboard", item: { kind: "RESOLVED", reason: "resolved by user@example.com" } });
  const again = await call("POST", `/alerts/${id}/acknowledge`);
  assertEquals([again.status, again.body.code], [409, "ALERT_STATE"]);
});

Deno.test("silences are created, listed and ended; a refusal names every bad field", async () => {
  const { call } = await setUp();
  const made = await call("POST", "/silences", {
    entity_type: "tournaments",
    ends_at: "2026-06-10T13:00:00Z",
    reason: "maintenance of the court",
  });
  assertEquals(made.status, 201);
  assertObjectMatch(made.body, { created_by: "user@example.com", entity_type: "tournaments" });
  assertEquals((await call("GET", "/silences", undefined, "viewer")).body.silences.length, 1);
  assertEquals((await call("DELETE", `/silences/${made.body.id}`)).status, 200);
  assertObjectMatch(await lastAuditEntry(), { action: "end-silence", object_id: made.body.id });
  assertEquals((await call("GET", "/silences")).body.silences, []);
  assertEquals((await call("DELETE", `/silences/${made.body.id}`)).body.code, "SILENCE_OVER");
  const bad = await call("POST", "/silences", { entity_type: "A B", severity: "MILD", ends_at: "tomorrow", reason: "x", colour: 1 });
  assertEquals(bad.status, 400);
  assertEquals(bad.body.details.map((issue: { field: string }) => issue.field).sort(), [
    "colour",
    "ends_at",
    "entity_type",
    "reason",
    "severity",
  ]);
  assertEquals(
    (await call("POST", "/silences", { ends_at: "2026-06-10T13:00:00Z", reason: "everything" })).body.details[0].field,
    "entity_type",
  );
  assertEquals(
    (await call("POST", "/silences", {
      severity: "LOW",
      starts_at: "2026-06-10T14:00:00Z",
      ends_at: "2026-06-10T13:00:00Z",
      reason: "backwards",
    })).body.details[0].field,
    "ends_at",
  );
  assertEquals(
    (await call("POST", "/silences", { rule_id: crypto.randomUUID(), ends_at: "2026-06-10T13:00:00Z", reason: "no such rule" })).status,
    404,
  );
});

Deno.test("a recurring silence has its lengths in words, must end before it recurs, and ends at its start when it is ended earlier", async () => {
  const { call } = await setUp();
  const silence = { severity: "LOW", starts_at: "2026-06-11T10:00:00Z", ends_at: "2026-06-20T00:00:00Z", reason: "each night" };
  for (
    const [lasts, recurs_every, field] of [
      ["25 hours", "2 days", null],
      ["90 minutes", "1 day", null],
      ["59 seconds", "1 minute", null],
      ["1 day", "1 day", "lasts"],
      ["61 minutes", "1 hour", "lasts"],
      ["1 hour", undefined, "lasts"],
      [undefined, "1 day", "lasts"],
      ["0 hours", "1 day", "lasts"],
      ["1 night", "1 day", "lasts"],
    ] as const
  ) {
    const { status, body } = await call("POST", "/silences", { ...silence, lasts, recurs_every });
    assertEquals(status, field ? 400 : 201, `${lasts} every ${recurs_every}`);
    if (field) assertEquals(body.details[0].field, field);
    else assertObjectMatch(body, { lasts, recurs_every });
  }
  const { silences } = (await call("GET", "/silences")).body;
  assertEquals(silences.map(({ lasts }: { lasts: string }) => lasts).sort(), ["25 hours", "59 seconds", "90 minutes"]);
  assertEquals((await call("DELETE", `/silences/${silences[0].id}`)).body.ends_at, "2026-06-11T10:00:00+00:00");
});

Deno.test("an admin creates, changes and deletes rules, and the audit log has both states; a deletion resolves the incidents of the rule", async () => {
  const { call } = await setUp();
  const made = await call("POST", "/alert-rules", RULE, "admin");
  assertEquals(made.status, 201);
  assertObjectMatch(made.body, {
    ...RULE,
    evaluation_window: "1 hour",
    is_active: true,
    notification_channels: ["dashboard"],
    minimum_runs: 1,
  });
  assertObjectMatch(await lastAuditEntry(), { action: "create-rule", before: null, after: { name: RULE.name } });
  assertEquals((await call("POST", "/alert-rules", RULE, "admin")).body.code, "NAME_TAKEN");
  const changed = await call("PATCH", `/alert-rules/${made.body.id}`, {
    is_active: false,
    escalation_channels: [["dashboard"]],
    escalation_delay: "30 minutes",
  }, "admin");
  const unknown = await call("PATCH", `/alert-rules/${made.body.id}`, { notification_channels: ["pigeon"] }, "admin");
  assertEquals([unknown.status, unknown.body.message], [400, "notification_channels: there is no channel pigeon"]);
  assertObjectMatch(changed.body, { is_active: false, threshold: 2000, escalation_delay: "30 minutes" });
  assertObjectMatch(await lastAuditEntry(), { action: "change-rule", before: { is_active: true }, after: { is_active: false } });
  assert((await call("GET", "/alert-rules", undefined, "viewer")).body.rules.some((rule: { name: string }) => rule.name === RULE.name));
  const [incident] = await db.query<{ id: string }>(
    "insert into alert_incidents (rule_id, rule_name, metric, entity_type, state, severity, threshold, message, began_at, opened_at, fired_at, updated_at) values ($1, 'R', 'api_response_time', 'matches_schedule', 'FIRING', 'LOW', 1, 'm', $2, $2, $2, $2) returning id",
    [made.body.id, "2026-06-10T11:00:00Z"],
  );
  assertEquals((await call("DELETE", `/alert-rules/${made.body.id}`, undefined, "admin")).status, 204);
  assertObjectMatch((await db.query("select state, rule_id, rule_name from alert_incidents where id = $1", [incident?.id]))[0] as object, {
    state: "RESOLVED",
    rule_id: null,
    rule_name: "R",
  });
  assertEquals((await call("DELETE", `/alert-rules/${made.body.id}`, undefined, "admin")).status, 404);
});

for (
  const [description, rule, fields] of [
    ["an unknown metric and channel", { ...RULE, metric: "luck", notification_channels: ["Not a name"] }, [
      "metric",
      "notification_channels.0",
    ]],
    ["a negative window and threshold", { ...RULE, evaluation_window: "-1 hour", threshold: -1 }, ["evaluation_window", "threshold"]],
    ["an empty window", { ...RULE, evaluation_window: "0 hours" }, ["evaluation_window"]],
    ["a ratio over one", { ...RULE, metric: "success_rate", threshold: 95 }, ["threshold"]],
    ["recovery threshold on the wrong side of the threshold", { ...RULE, recovery_threshold: 3000 }, ["recovery_threshold"]],
    ["a tournament scope for a metric without one", { ...RULE, scope: "TOURNAMENT" }, ["scope"]],
    ["a metric of the monitoring itself for an entity", { ...RULE, metric: "processor_late" }, ["entity_type"]],
    ["an error type for another metric", { ...RULE, error_type: "API" }, ["error_type"]],
    ["a script as runbook", { ...RULE, runbook_url: "javascript:alert(1)" }, ["runbook_url"]],
    ["an unknown field", { ...RULE, colour: "red" }, ["colour"]],
    ["no fields", {}, ["entity_type", "evaluation_window", "metric", "name", "severity", "threshold"]],
  ] as const
) {
  Deno.test(`a rule with ${description} is refused, and the refusal names every bad field`, async () => {
    const { call } = await setUp();
    const { status, body } = await call("POST", "/alert-rules", rule, "admin");
    assertEquals(status, 400);
    assertEquals(body.details.map((issue: { field: string }) => issue.field).sort(), [...fields]);
  });
}

Deno.test("a changed threshold needs the metric; a rule of an unknown entity is refused with ENTITY_UNKNOWN", async () => {
  const { call } = await setUp();
  const { body } = await call("POST", "/alert-rules", RULE, "admin");
  assertEquals((await call("PATCH", `/alert-rules/${body.id}`, { threshold: 1 }, "admin")).body.details[0].field, "metric");
  assertEquals((await call("PATCH", `/alert-rules/${body.id}`, {}, "admin")).status, 400);
  assertObjectMatch((await call("PATCH", `/alert-rules/${body.id}`, { metric: "api_response_time", threshold: 1 }, "admin")).body, {
    threshold: 1,
  });
  assertEquals(
    (await call("POST", "/alert-rules", { ...RULE, name: "Test other", entity_type: "ghosts" }, "admin")).body.code,
    "ENTITY_UNKNOWN",
  );
});

const SECRET = `whsec_${btoa("a secret of twenty-four by")}`;

Deno.test("an admin creates, changes and deletes channels; no response and no audit row contains a secret", async () => {
  const { call } = await setUp();
  await db.query("delete from notification_channels where name <> 'dashboard'");
  const hook = { kind: "webhook", config: { url: "https://receiver.test/x" } };
  const missing = await call("PUT", "/channels/hook", { kind: "webhook", secret: SECRET }, "admin");
  assertEquals([missing.status, missing.body.message], [400, "config.url: is required"]);
  const made = await call("PUT", "/channels/hook", { ...hook, secret: SECRET }, "admin");
  assertObjectMatch(made.body, {
    name: "hook",
    kind: "webhook",
    is_active: true,
    config: { host: "receiver.test" },
    has_secret: true,
    has_previous_secret: false,
  });
  assertObjectMatch((await call("PUT", "/channels/hook", { ...hook, is_active: false }, "admin")).body, {
    is_active: false,
    has_secret: true,
    has_previous_secret: false,
  });
  const other = `whsec_${btoa("another one of thirty bytes...")}`;
  assertObjectMatch((await call("PUT", "/channels/hook", { ...hook, secret: other }, "admin")).body, { has_previous_secret: true });
  const overlap = `select private.channel_secrets(c) as secrets, previous_secret_until - updated_at = '24 hours' as for_a_day
    from notification_channels c where name = 'hook'`;
  const secrets = { url: hook.config.url, secret: other, previous_secret: SECRET };
  assertEquals(await db.query(overlap), [{ secrets, for_a_day: true }]);
  const seen = JSON.stringify([await call("GET", "/channels", undefined, "admin"), await db.query("select * from audit_log")]);
  assert(!seen.includes("whsec_"));
  assertEquals((await call("DELETE", "/channels/hook", undefined, "admin")).status, 204);
  assertObjectMatch(await lastAuditEntry(), { action: "delete-channel", object_id: "hook", after: null });
  for (
    const [channel, field] of [
      [{ kind: "pigeon" }, "kind"],
      [{ kind: "webhook", config: { url: "ftp://x" }, secret: SECRET }, "config.url"],
      [{ kind: "webhook", config: { url: "https://x.test" }, secret: "short" }, "secret"],
      [{ kind: "email", config: { to: ["nobody"] } }, "config.to.0"],
      [{ kind: "email", config: { to: [] } }, "config.to"],
      [{ kind: "slack", secret: "not a url" }, "secret"],
      [{ kind: "dashboard", colour: 1 }, "colour"],
    ] as const
  ) {
    const { status, body } = await call("PUT", "/channels/x", channel, "admin");
    assertEquals([status, body.details[0].field], [400, field]);
  }
});

/** Answers each request with the next status of `statuses`, and stores its body. */
function createReceiver(statuses: number[]) {
  const bodies: ReturnType<typeof JSON.parse>[] = [];
  const fetch = async (input: string | URL | Request, init?: RequestInit) => {
    bodies.push(await new Request(input, init).json());
    return new Response(null, { status: statuses.shift() });
  };
  return { bodies, fetch };
}
const createHook = () =>
  db.query(
    "insert into notification_channels (name, kind, config, secret) values ('hook', 'webhook', $1, $2) on conflict (name) do nothing",
    [{ url: "https://93.184.216.34/" }, SECRET],
  );

Deno.test("a test of a channel sends an opening and its end, links to the channels on the page, and returns both outcomes", async () => {
  const receiver = createReceiver([200, 503]);
  const { call } = await setUp({ fetch: receiver.fetch, env: testEnv({ DASHBOARD_URL: "https://page.test/" }) });
  await createHook();
  const { status, body } = await call("POST", "/channels/hook/test", undefined, "admin");
  assertEquals([status, body], [200, {
    results: [{
      recipient: null,
      opening: { outcome: "SENT", status_code: 200, duration_ms: 0 },
      end: { outcome: "RETRY", status_code: 503, error: "the receiver answered 503", duration_ms: 0 },
    }],
  }]);
  const [opening, end] = receiver.bodies;
  assertEquals([opening.status, end.status, opening.receiver], ["firing", "resolved", "hook"]);
  assertEquals([opening.alerts[0].fingerprint, opening.groupKey], [end.alerts[0].fingerprint, end.groupKey]);
  for (const { alerts: [alert] } of [opening, end]) assertEquals(alert.generatorURL, "https://page.test/#/alerts/channels");
  assertObjectMatch(await lastAuditEntry(), { action: "test-channel", object_id: "hook", after: { destinations: 1 } });
});

Deno.test("a test that fails is no undelivered notification, and after a refused opening no end is sent", async () => {
  const receiver = createReceiver([410]);
  const { call } = await setUp({ fetch: receiver.fetch, clock: new TestClock("2026-06-10T12:05:00Z") });
  await createHook();
  const { body } = await call("POST", "/channels/hook/test", undefined, "admin");
  assertEquals([body.results[0].opening.outcome, body.results[0].end, receiver.bodies.length], ["DEAD", null, 1]);
  assertEquals(await db.value("select count(*)::int from alert_notifications"), 0);
  assertEquals((await db.rpc("get_prometheus_facts", { as_of: NOW })).dead_notifications, 0);
  const { measurements } = await db.rpc("measure_alert_rules", { as_of: NOW });
  const undelivered = measurements.find(({ metric }) => metric === "undelivered_age");
  assert(undelivered && !undelivered.value, "the rule about undelivered notifications counts no test");
});

Deno.test("a test reaches each recipient of an email channel once, and a channel that is missing or off is refused", async () => {
  const { call } = await setUp();
  await db.query("delete from notification_channels where name in ('mail', 'off')");
  await db.query("insert into notification_channels (name, kind, config) values ('mail', 'email', $1)", [
    { to: ["b@example.com", "a@example.com"], by_severity: { CRITICAL: ["chief@example.com", "a@example.com"], LOW: ["b@example.com"] } },
  ]);
  await db.query("insert into notification_channels (name, kind, is_active) values ('off', 'dashboard', false)");
  const { body } = await call("POST", "/channels/mail/test", undefined, "admin");
  const recipients = body.results.map(({ recipient }: { recipient: string }) => recipient);
  assertEquals(recipients, ["a@example.com", "b@example.com", "chief@example.com"]);
  for (const name of ["off", "pigeon"]) assertEquals((await call("POST", `/channels/${name}/test`, undefined, "admin")).status, 404);
});

Deno.test("only a DEAD notification can be sent again", async () => {
  const { call } = await setUp();
  const { id } = await aNotification(db, { created_at: NOW });
  const path = `/notifications/${id}`;
  assertObjectMatch((await call("GET", path, undefined, "viewer")).body, { channel: "dashboard", status: "PENDING", attempts: 0 });
  assertEquals((await call("POST", `${path}/resend`)).body.code, "NOT_DEAD");
  await db.query("update alert_notifications set status = 'DEAD', settled_at = now(), attempts = 8");
  assertObjectMatch((await call("POST", `${path}/resend`)).body, { status: "PENDING", attempts: 0 });
  assertObjectMatch(await lastAuditEntry(), { action: "resend", before: { status: "DEAD" } });
  assertEquals((await call("GET", `/notifications/${crypto.randomUUID()}`)).status, 404);
});

Deno.test("the audit log is listed, filtered and paged; no role changes or deletes its rows, the owner included", async () => {
  const { call } = await setUp();
  for (let index = 0; index < 5; index++) {
    await call(
      "POST",
      "/silences",
      { severity: "LOW", ends_at: "2026-06-10T13:00:00Z", reason: `reason ${index}` },
      index % 2 ? "service" : "operator",
    );
  }
  const first = (await call("GET", "/audit?action=create-silence&actor=secret%20key%20default&limit=1", undefined, "viewer")).body;
  assertObjectMatch(first.entries[0], { actor: "secret key default", actor_role: "service", reason: "reason 3" });
  assertEquals(
    (await call(
      "GET",
      `/audit?action=create-silence&actor=secret%20key%20default&limit=1&cursor=${first.next_cursor}`,
      undefined,
      "viewer",
    )).body
      .entries[0].reason,
    "reason 1",
  );
  assertEquals((await call("GET", "/audit?limit=0&cursor=x", undefined, "viewer")).body.details.length, 2);
  for (const sql of ["update audit_log set actor = 'x'", "delete from audit_log", "truncate audit_log"]) {
    assertMatch(await db.query(sql).then(() => "done", (error: Error) => error.message), /append-only/, sql);
  }
  const service = await db.client("service");
  assertEquals((await service.from("audit_log").update({ actor: "x" }).gt("id", 0)).error?.code, "42501");
  assertEquals((await service.from("audit_log").delete().gt("id", 0)).error?.code, "42501");
});

Deno.test("a wrong method on a known path gets 405, an unknown path 404, a bad id 400", async () => {
  const { call } = await setUp();
  assertEquals((await call("GET", `/alerts/${crypto.randomUUID()}/acknowledge`)).status, 405);
  assertEquals((await call("GET", "/nowhere")).status, 404);
  assertEquals((await call("POST", "/alerts/nine/acknowledge")).body.details[0].field, "id");
  assertEquals((await call("POST", `/alerts/${crypto.randomUUID()}/acknowledge`)).body.code, "NOT_FOUND");
});

Deno.test.afterAll(() => db.close());
