import { assertEquals, assertMatch, assertObjectMatch } from "@std/assert";
import { readEnv } from "../../services/env.ts";
import { SecretKeys } from "../../services/secret-keys.ts";
import { createAccess } from "../../supabase/functions/_shared/access.ts";
import { createApp } from "../../supabase/functions/sync-admin/app.ts";
import { SetupResponse } from "../../types/admin.ts";
import { ChannelListResponse } from "../../types/alerts.ts";
import { TestClock } from "../../testing/clock.ts";
import { openTestDatabase, USER } from "../../testing/database.ts";
import { testEnv } from "../../testing/env.ts";
import { aNotification, aRun, aUser } from "../../testing/factories.ts";

const db = await openTestDatabase();
const NOW = "2026-06-10T12:00:00.000Z";
const HOOK = { kind: "webhook", config: { url: "https://receiver.test/" }, secret: `whsec_${btoa("a secret of twenty-four by")}` };
await aUser(db, { ...USER, role: "admin" });

interface Options {
  env?: Record<string, string>;
  /** The answers of Auth. */
  auth?: typeof fetch;
}

async function setUp({ env: variables = {}, auth = db.fetch }: Options = {}) {
  await db.query("delete from notification_channels where name <> 'dashboard'");
  await db.query(`update alert_rules set notification_channels = '["dashboard"]', escalation_channels = '[]'`);
  await db.query("update sync_status set notification_channels = null");
  const clock = new TestClock(NOW);
  const env = testEnv({ SUPABASE_SERVICE_ROLE_KEY: db.keys.secret, ALERT_ALLOW_PRIVATE_URLS: "true", ...variables });
  const access = createAccess(readEnv(), new SecretKeys(env.secretKeys, { fetch: auth }));
  let status = 200;
  const app = createApp({
    rpc: db.rpc,
    clock,
    log: () => {},
    env,
    waitUntil: () => {},
    access,
    fetch: () => Promise.resolve(new Response(null, { status })),
  });
  const call = async (method: string, path: string, body?: object) => {
    const init = { method, headers: { apikey: db.keys.secret, "content-type": "application/json" }, body: body && JSON.stringify(body) };
    const response = await app.fetch(new Request(`http://functions.test/sync-admin${path}`, init));
    return { status: response.status, body: await response.json() };
  };
  return {
    clock,
    call,
    answerWith: (code: number) => status = code,
    setup: async () => {
      const { steps } = SetupResponse.parse((await call("GET", "/setup")).body);
      return Object.fromEntries(steps.map((step) => [step.code, step]));
    },
    hook: async () => ChannelListResponse.parse((await call("GET", "/channels")).body).channels.find(({ name }) => name === "hook"),
  };
}
const isDone = (steps: Record<string, { is_done: boolean }>, ...codes: string[]) => codes.map((code) => steps[code]?.is_done);

Deno.test("only an admin reads the setup", async () => {
  const env = testEnv({ SUPABASE_SERVICE_ROLE_KEY: db.keys.secret });
  const access = createAccess(readEnv(), new SecretKeys(env.secretKeys, { fetch: db.fetch }));
  const app = createApp({ rpc: db.rpc, clock: new TestClock(NOW), log: () => {}, env, waitUntil: () => {}, access });
  for (const [role, status] of [["viewer", 403], ["operator", 403], ["admin", 200]] as const) {
    const headers = { authorization: `Bearer ${await db.token(role)}` };
    assertEquals((await app.fetch(new Request("http://functions.test/sync-admin/setup", { headers }))).status, status, role);
  }
});

Deno.test("a channel is proven by a test that its receiver accepts, until it is changed or refuses a message", async () => {
  const { call, setup, hook, answerWith, clock } = await setUp();
  assertEquals(isDone(await setup(), "CHANNEL", "CHANNEL_PROVEN"), [false, false]);
  await call("PUT", "/channels/hook", HOOK);
  assertObjectMatch(await hook() ?? {}, { proven_at: null, last_error: null, last_delivery_at: null });
  assertEquals(isDone(await setup(), "CHANNEL", "CHANNEL_PROVEN"), [true, false]);
  answerWith(500);
  await call("POST", "/channels/hook/test");
  assertMatch(String((await hook())?.last_error), /500/);
  assertEquals([(await hook())?.proven_at, ...isDone(await setup(), "CHANNEL_PROVEN")], [null, false]);
  answerWith(204);
  clock.advance(60_000);
  await call("POST", "/channels/hook/test");
  const proven = await hook();
  assertEquals([Date.parse(String(proven?.proven_at)), proven?.last_error, proven?.last_delivery_at], [clock.now(), null, null]);
  assertEquals(isDone(await setup(), "CHANNEL", "CHANNEL_PROVEN"), [true, true]);
  clock.advance(1_000);
  await call("PUT", "/channels/hook", { ...HOOK, config: { url: "https://other.test/" } });
  assertMatch(String((await setup()).CHANNEL_PROVEN?.message), /hook was changed after its last delivery/);
});

Deno.test("a delivered notification proves its channel, and a refused one leaves its error", async () => {
  const { call, setup, hook, clock } = await setUp();
  await call("PUT", "/channels/hook", HOOK);
  for (const [outcome, error, isProven] of [["SENT", undefined, true], ["RETRY", "HTTP 503", false]] as const) {
    clock.advance(60_000);
    const token = crypto.randomUUID();
    const { id } = await aNotification(db, {
      channel: "hook",
      status: "SENDING",
      token,
      lease_expires_at: new Date(clock.now() + 60_000).toISOString(),
    });
    const p = { token, message_id: crypto.randomUUID(), reported: [String(id)], outcome, is_answered: true, error, duration_ms: 5 };
    await db.rpc("record_alert_delivery", { p, as_of: clock.asOf() });
    assertEquals((await hook())?.last_error ?? undefined, error);
    assertEquals(Date.parse(String((await hook())?.proven_at)), Date.parse(NOW) + 60_000, "the last success");
    assertEquals(Date.parse(String((await hook())?.last_delivery_at)), Date.parse(NOW) + 60_000);
    assertEquals(isDone(await setup(), "CHANNEL_PROVEN"), [isProven]);
  }
});

Deno.test("an email channel is proven when each of its recipients is", async () => {
  const { call } = await setUp();
  await call("PUT", "/channels/mail", { kind: "email", config: { to: ["a@example.com", "b@example.com"] } });
  const proof = async () => {
    const { channels } = ChannelListResponse.parse((await call("GET", "/channels")).body);
    const mail = channels.find(({ name }) => name === "mail");
    return [mail?.proven_at && Date.parse(mail.proven_at), mail?.last_error];
  };
  const record = (at: string, results: { recipient: string; error: string | null }[]) =>
    db.rpc("record_channel_test", { p: { name: "mail", results }, as_of: at });
  await record("2026-06-10T12:01:00Z", [{ recipient: "a@example.com", error: null }, {
    recipient: "b@example.com",
    error: "no such mailbox",
  }]);
  assertEquals(await proof(), [null, "no such mailbox"]);
  await record("2026-06-10T12:02:00Z", [{ recipient: "a@example.com", error: null }, { recipient: "b@example.com", error: null }]);
  await record("2026-06-10T12:03:00Z", [{ recipient: "a@example.com", error: null }]);
  assertEquals(await proof(), [Date.parse("2026-06-10T12:02:00Z"), null]);
  await record("2026-06-10T12:04:00Z", [{ recipient: "gone@example.com", error: "no such mailbox" }]);
  assertEquals(await proof(), [Date.parse("2026-06-10T12:02:00Z"), null], "a recipient of an earlier configuration says nothing");
  assertEquals(await db.rpc("record_channel_test", { p: { name: "deleted", results: [{ recipient: null, error: null }] } }), null);
});

Deno.test("the rules that notify only the dashboard are counted until each has another channel", async () => {
  const { call, setup } = await setUp();
  const rules = async () => String((await setup()).RULES?.message);
  const active = await db.value<number>(
    "select count(*)::int from alert_rules r left join sync_status s using (entity_type) where r.is_active and coalesce(s.is_active, true)",
  );
  assertMatch(await rules(), new RegExp(`^${active} of ${active} active rules notify only the dashboard$`));
  await call("PUT", "/channels/hook", HOOK);
  // Each of the three rules about channels can notify every channel.
  assertMatch(await rules(), new RegExp(`^${active - 3} of ${active} active rules`));
  await db.query(`update alert_rules set notification_channels = '["dashboard", "hook"]' where entity_type <> 'tournaments'`);
  const ofTournaments = await db.value<number>("select count(*)::int from alert_rules where is_active and entity_type = 'tournaments'");
  assertMatch(await rules(), new RegExp(`^${ofTournaments} of ${active} active rules`));
  await db.query(`update sync_status set notification_channels = '["hook"]' where entity_type = 'tournaments'`);
  assertEquals(isDone(await setup(), "RULES"), [true]);
  await db.query("update notification_channels set is_active = false where name = 'hook'");
  assertMatch(await rules(), new RegExp(`^${active} of ${active} active rules`), "a disabled channel reaches nobody");
});

Deno.test("a rule reaches people by an escalation step, and one without escalation does not", async () => {
  const { call } = await setUp();
  await call("PUT", "/channels/hook", HOOK);
  await db.query(`update alert_rules set escalation_channels = '[["dashboard"], ["hook"]]', escalation_delay = '10 minutes'`);
  assertEquals(await db.value("select private.reaching_rules() -> 'dashboard_only'"), 0);
  await db.query(`update alert_rules set escalation_channels = '[]', escalation_delay = null`);
  assertEquals(await db.value("select (private.reaching_rules() -> 'dashboard_only')::int > 0"), true);
});

Deno.test("people, Vault, VIS, cron and settings are read where they are, and Auth that is away leaves only its steps open", async () => {
  await db.reset();
  await db.query("delete from alert_evaluations");
  const auth: typeof fetch = () => Promise.reject(new TypeError("connection refused"));
  const away = await setUp({ auth });
  assertEquals(isDone(await away.setup(), "ADMIN", "OPERATOR", "FUNCTION_CALLS", "WATCHDOG"), [false, false, true, false]);
  const { setup } = await setUp({ env: { AUDIT_KEY: "k".repeat(32), ALERT_HEARTBEAT_URL: "https://heartbeat.test/" } });
  const before = await setup();
  assertEquals(isDone(before, "ADMIN", "OPERATOR", "UPSTREAM", "ALERT_PROCESSOR"), [true, false, false, false]);
  assertEquals(isDone(before, "HEARTBEAT", "AUDIT_KEY"), [true, true]);
  await aUser(db, { id: crypto.randomUUID(), email: "operator@example.com", role: "operator" });
  await db.query("insert into alert_evaluations (evaluated_at, cause, rules, applied, evaluated_since) values ($1, 'cron', 1, 0, $1)", [
    NOW,
  ]);
  await db.query(
    "select vault.create_secret('https://watchdog.test/', 'watchdog_url'), vault.create_secret('whsec_eA==', 'watchdog_secret')",
  );
  await db.query(
    "insert into cron.job_run_details (jobid, command, status, start_time) select jobid, command, 'succeeded', $1 from cron.job",
    [
      NOW,
    ],
  );
  for (const [hours, answered] of [[27, false], [25, true]] as const) {
    await aRun(db, { execution_start: new Date(Date.parse(NOW) - hours * 3_600_000).toISOString(), api_calls: 3, api_errors: 2 });
    assertEquals(isDone(await setup(), "UPSTREAM"), [answered]);
  }
  assertEquals(isDone(await setup(), "OPERATOR", "ALERT_PROCESSOR", "WATCHDOG", "SCHEDULES"), [true, true, true, true]);
});

Deno.test.afterAll(() => db.close());
