import { assertEquals, assertObjectMatch } from "@std/assert";
import { readEnv } from "../../services/env.ts";
import { SecretKeys } from "../../services/secret-keys.ts";
import { createAccess } from "../../supabase/functions/_shared/access.ts";
import { createApp } from "../../supabase/functions/sync-admin/app.ts";
import { ROUTES } from "../../types/routes.ts";
import { AUDIT_KEY } from "../../testing/audit.ts";
import { TestClock } from "../../testing/clock.ts";
import { openTestDatabase, USER } from "../../testing/database.ts";
import { testEnv } from "../../testing/env.ts";
import { aNotification, aUser } from "../../testing/factories.ts";

const db = await openTestDatabase();
const NOW = "2026-06-10T12:00:00.000Z", EARLIER = "2026-06-10T11:00:00Z";
const env = testEnv({ SUPABASE_SERVICE_ROLE_KEY: db.keys.secret, AUDIT_KEY });
const access = createAccess(readEnv(), new SecretKeys(env.secretKeys, { fetch: db.fetch }));
const sealing: Promise<unknown>[] = [];
const waitUntil = (work: Promise<unknown>) => void sealing.push(work);
const app = createApp({ rpc: db.rpc, clock: new TestClock(NOW), log: () => {}, env, waitUntil, access });
const NOTE = "because the test says so";
const RULE = {
  name: "Test act",
  entity_type: "tournaments",
  metric: "memory_usage",
  threshold: 100,
  evaluation_window: "1 hour",
  severity: "LOW",
};
const OBJECTIVE = { name: "Test act", entity_type: "tournaments", indicator: "sync_success", target: 0.9 };
const HOOK = { kind: "webhook", config: { url: "https://receiver.test/" }, secret: `whsec_${btoa("a secret of twenty-four by")}` };

const idOf = async (sql: string, parameters: unknown[] = []) => String(await db.value(`${sql} returning id`, parameters));
const incident = (state: string) => () =>
  idOf(
    `insert into alert_incidents (rule_name, metric, entity_type, state, severity, threshold, message, began_at, opened_at, fired_at, updated_at, acknowledged_by)
    values ('R', 'error_rate', 'tournaments', $1::text, 'HIGH', 1, 'm', $2, $2, $2, $2, case when $1::text = 'ACKNOWLEDGED' then 'x' end)`,
    [state, EARLIER],
  );
const silence = () =>
  idOf(
    "insert into alert_silences (severity, starts_at, ends_at, created_by, reason) values ('LOW', $1, '2026-06-10T13:00:00Z', 'x', 'y')",
    [
      EARLIER,
    ],
  );
const rule = () =>
  idOf(
    "insert into alert_rules (name, entity_type, metric, threshold, evaluation_window, severity) values ('Test act', 'tournaments', 'memory_usage', 100, '1 hour', 'LOW')",
  );
const objective = () =>
  idOf("insert into sync_objectives (name, entity_type, indicator, target) values ('Test act', 'tournaments', 'sync_success', 0.9)");
const hook = () =>
  db.value<string>(
    "insert into notification_channels (name, kind, config, secret) values ('hook', 'webhook', '{\"url\": \"https://old.test/\"}', 'x') returning name",
  );
const canary = async () => {
  await db.query("delete from notification_channels where name = 'letters'");
  await db.query(`insert into notification_channels (name, kind, config) values ('letters', 'email', '{"to": ["a@example.com"]}')`);
  return await idOf("insert into channel_canaries (channel, opened_at, stage, stage_since) values ('letters', $1, 'READER', $1)", [
    EARLIER,
  ]);
};
const notification = (status: string) => async () => String((await aNotification(db, { status, created_at: EARLIER })).id);
const job = (status: string) => () =>
  idOf(
    `insert into sync_jobs (entity_type, priority, status, triggered_by, reason, max_attempts, enqueued_at, rank, not_before, finished_at)
    values ('tournaments', 'NORMAL', $1::text, 'x', 'y', 3, $2, $2, $2, case when $1::text = 'COMPLETED' then $2::timestamptz end)`,
    [status, EARLIER],
  );
const openError = () =>
  idOf(
    `insert into sync_error_log (entity_type, error_type, error_code, error_severity, retryable, error_message, fingerprint, occurred_at)
    values ('tournaments', 'API', 'VIS_UNAVAILABLE', 'LOW', true, 'm', 'f', $1)`,
    [EARLIER],
  );

const backoff = () =>
  db.value<string>(
    "update upstream_state set backoff_until = '2026-06-10T13:00:00Z', backoff_reason = 'VIS answered HTTP 503' returning upstream",
  );

await aUser(db, { ...USER, role: "admin" });

interface Act {
  route: string;
  /** Creates the object of the act and returns its key; absent when the act itself creates the object. */
  object?: () => Promise<string>;
  body?: object;
  audit: { action: string; object_type: string; before?: object | null; after?: object | null; reason?: string };
}
const ACTS: Act[] = [
  ...([["acknowledge", "FIRING", "ACKNOWLEDGED"], ["unacknowledge", "ACKNOWLEDGED", "FIRING"], ["resolve", "FIRING", "RESOLVED"]] as const)
    .map(([action, from, to]) => ({
      route: `post /alerts/{id}/${action}`,
      object: incident(from),
      body: { note: NOTE },
      audit: { action, object_type: "alert", before: { state: from }, after: { state: to }, reason: NOTE },
    })),
  {
    route: "put /alerts/{id}/label",
    object: incident("FIRING"),
    body: { label: "NOISE" },
    audit: { action: "label", object_type: "alert", before: { label: null }, after: { label: "NOISE" } },
  },
  {
    route: "post /silences",
    body: { severity: "LOW", ends_at: "2026-06-10T13:00:00Z", reason: NOTE },
    audit: { action: "create-silence", object_type: "silence", before: null, after: { severity: "LOW" }, reason: NOTE },
  },
  {
    route: "delete /silences/{id}",
    object: silence,
    audit: {
      action: "end-silence",
      object_type: "silence",
      before: { ends_at: "2026-06-10T13:00:00+00:00" },
      after: { ends_at: "2026-06-10T12:00:00+00:00" },
    },
  },
  {
    route: "post /alert-rules",
    body: RULE,
    audit: { action: "create-rule", object_type: "alert-rule", before: null, after: { name: "Test act", threshold: 100 } },
  },
  {
    route: "patch /alert-rules/{id}",
    object: rule,
    body: { metric: "memory_usage", threshold: 200 },
    audit: { action: "change-rule", object_type: "alert-rule", before: { threshold: 100 }, after: { threshold: 200 } },
  },
  {
    route: "delete /alert-rules/{id}",
    object: rule,
    audit: { action: "delete-rule", object_type: "alert-rule", before: { name: "Test act" }, after: null },
  },
  {
    route: "post /objectives",
    body: OBJECTIVE,
    audit: { action: "create-objective", object_type: "objective", before: null, after: { name: "Test act", target: 0.9 } },
  },
  {
    route: "patch /objectives/{id}",
    object: objective,
    body: { target: 0.95 },
    audit: { action: "change-objective", object_type: "objective", before: { target: 0.9 }, after: { target: 0.95 } },
  },
  {
    route: "delete /objectives/{id}",
    object: objective,
    audit: { action: "delete-objective", object_type: "objective", before: { name: "Test act" }, after: null },
  },
  {
    route: "put /channels/{name}",
    object: () => Promise.resolve("hook"),
    body: HOOK,
    audit: { action: "create-channel", object_type: "channel", before: null, after: { name: "hook", has_secret: true } },
  },
  {
    route: "put /channels/{name}",
    object: hook,
    body: HOOK,
    audit: {
      action: "change-channel",
      object_type: "channel",
      before: { config: { host: "old.test" } },
      after: { config: { host: "receiver.test" } },
    },
  },
  {
    route: "delete /channels/{name}",
    object: hook,
    audit: { action: "delete-channel", object_type: "channel", before: { name: "hook" }, after: null },
  },
  {
    route: "post /canaries/{id}/confirm",
    object: canary,
    audit: { action: "confirm-canary", object_type: "canary", before: null, after: { channel: "letters" } },
  },
  { route: "post /channels/{name}/test", object: hook, audit: { action: "test-channel", object_type: "channel", before: null } },
  {
    route: "post /notifications/{id}/resend",
    object: notification("DEAD"),
    audit: { action: "resend", object_type: "notification", before: { status: "DEAD" }, after: { status: "PENDING" } },
  },
  {
    route: "post /notifications/{id}/discard",
    object: notification("PENDING"),
    audit: { action: "discard", object_type: "notification", before: { status: "PENDING" }, after: { status: "DEAD" } },
  },
  {
    route: "post /manual-trigger",
    body: { entity_type: "tournaments", reason: NOTE },
    audit: { action: "trigger-sync", object_type: "job", before: null, after: { entity_type: "tournaments" }, reason: NOTE },
  },
  {
    route: "post /jobs/{id}/cancel",
    object: job("QUEUED"),
    body: { reason: NOTE },
    audit: { action: "cancel-job", object_type: "job", before: { status: "QUEUED" }, after: { status: "CANCELLED" }, reason: NOTE },
  },
  {
    route: "post /jobs/{id}/requeue",
    object: job("COMPLETED"),
    body: { reason: NOTE },
    audit: { action: "requeue-job", object_type: "job", before: { status: "COMPLETED" }, reason: NOTE },
  },
  {
    route: "post /test-connectivity",
    object: () => Promise.resolve("connectivity"),
    audit: { action: "test-connectivity", object_type: "system", before: null, after: {} },
  },
  {
    route: "post /errors/{id}/resolve",
    object: openError,
    body: { note: NOTE },
    audit: {
      action: "resolve-error",
      object_type: "error",
      before: { fingerprint: "f" },
      after: { resolved: 1, group: false },
      reason: NOTE,
    },
  },
  {
    route: "post /upstream/end-backoff",
    object: backoff,
    body: { reason: NOTE },
    audit: {
      action: "end-backoff",
      object_type: "upstream",
      before: { backoff_reason: "VIS answered HTTP 503" },
      after: { backoff_until: null },
      reason: NOTE,
    },
  },
  {
    route: "patch /entities/{type}",
    object: () => Promise.resolve("tournaments"),
    body: { is_paused: true, reason: NOTE },
    audit: {
      action: "change-entity",
      object_type: "entity",
      before: { paused_at: null },
      after: { paused_by: "user@example.com", paused_reason: NOTE },
      reason: NOTE,
    },
  },
  {
    route: "patch /retention/{subject}",
    object: () => Promise.resolve("jobs"),
    body: { keep: "100 days", reason: NOTE },
    audit: {
      action: "change-retention",
      object_type: "retention",
      before: { keep: "90 days" },
      after: { keep: "100 days" },
      reason: NOTE,
    },
  },
  {
    route: "post /people",
    body: { email: "created@example.com", password: "a good password", role: "viewer", reason: NOTE },
    audit: {
      action: "create-person",
      object_type: "person",
      before: null,
      after: { role: "viewer" },
      reason: NOTE,
    },
  },
  {
    route: "post /people",
    body: { email: "invited@example.com", role: "viewer", reason: NOTE },
    audit: {
      action: "invite-person",
      object_type: "person",
      before: null,
      after: { role: "viewer", confirmed: false },
      reason: NOTE,
    },
  },
  {
    route: "patch /people/{id}",
    object: async () => String((await aUser(db, { id: crypto.randomUUID(), email: "changed@example.com", role: "viewer" })).id),
    body: { role: "operator", disabled: true, reason: NOTE },
    audit: {
      action: "change-person",
      object_type: "person",
      before: { role: "viewer", disabled: false },
      after: { role: "operator", disabled: true },
      reason: NOTE,
    },
  },
];

Deno.test("the table of acts has every route that changes something", () => {
  // A preview only reads.
  const changes = ROUTES.filter((route) =>
    route.function === "sync-admin" && route.method !== "get" && route.access !== "secret" && !route.path.endsWith("/preview")
  );
  assertEquals([...new Set(ACTS.map((act) => act.route))].sort(), changes.map(({ method, path }) => `${method} ${path}`).sort());
});

for (const { route, object, body, audit } of ACTS) {
  const [method = "", path = ""] = route.split(" ");
  Deno.test(`${audit.action} writes one audit row with actor, object, both states and reason, and none when it is refused`, async () => {
    // No table is truncated between the acts, because that is slow; only the rows that a second act meets are deleted.
    await db.query("delete from sync_jobs");
    await db.query("delete from alert_rules where name = 'Test act'");
    await db.query("delete from sync_objectives where name = 'Test act'");
    await db.query("delete from notification_channels where name = 'hook'");
    const id = await object?.();
    const last = await db.value("select coalesce(max(id), 0) from audit_log");
    const written = () => db.query<{ object_id: string }>("select * from audit_log where id > $1", [last]);
    const isForViewers = ROUTES.find((known) => known.method === method && known.path === path)?.access === "viewer";
    const call = async (role: string | null) => {
      const headers = {
        authorization: `Bearer ${await db.token(role)}`,
        "x-correlation-id": "request-1",
        "x-forwarded-for": "203.0.113.9",
      };
      const url = `http://functions.test/sync-admin${path.replace(/\{\w+\}/, id ?? "")}`;
      return await app.fetch(new Request(url, { method: method.toUpperCase(), headers, body: body && JSON.stringify(body) }));
    };
    assertEquals((await call(isForViewers ? null : "viewer")).status, 403);
    assertEquals(await written(), []);
    const response = await call("admin");
    const text = await response.text();
    assertEquals(response.ok, true, text);
    const rows = await written();
    assertEquals(rows.length, 1);
    const expected = { actor: "user@example.com", actor_role: "admin", correlation_id: "request-1", reason: null };
    const claimed = { address: "203.0.113.9", address_is_claimed: true };
    assertObjectMatch(rows[0] as object, { ...expected, ...claimed, request_id: response.headers.get("x-request-id"), ...audit });
    // A requeue is an act on the new job.
    const isOfNew = id === undefined || audit.action === "requeue-job";
    const created = isOfNew ? JSON.parse(text) as { id?: string; sync_job_id?: string } : {};
    assertEquals(rows[0]?.object_id, isOfNew ? created.id ?? created.sync_job_id : id);
    await Promise.all(sealing);
    assertEquals(
      await db.query("select s.verdict from audit_log a join audit_seals s on s.audit_id = a.id where a.id > $1", [last]),
      [{ verdict: "VOUCHED" }],
      "sync-admin vouches for the act",
    );
  });
}

Deno.test.afterAll(() => db.close());
