import { assert, assertEquals, assertMatch, assertObjectMatch } from "@std/assert";
import { createApp } from "../../supabase/functions/sync-admin/app.ts";
import { TestClock } from "../../testing/clock.ts";
import { openTestDatabase } from "../../testing/database.ts";
import { testEnv } from "../../testing/env.ts";
import { documented } from "../../testing/openapi.ts";
import { requester } from "../../testing/requests.ts";

const db = await openTestDatabase();
const clock = new TestClock("2026-06-10T12:00:00Z");
const lines: string[] = [];
const log = (...line: unknown[]) => void lines.push(JSON.stringify(line));
const fetch = () => Promise.resolve(new Response(null, { status: 500 }));
const app = documented(createApp({ rpc: db.rpc, clock, log, env: testEnv(), waitUntil: () => {}, fetch }));
const send = requester(app, "/sync-admin");
const call = async (method: string, path: string, body?: unknown, role = "admin") =>
  await send(method, path, body, { authorization: `Bearer ${await db.token(role)}` });

const secretOf = (words: string) => `whsec_${btoa(words)}`;
const SECRET = secretOf("a secret of twenty-four by"), NEW_SECRET = secretOf("another one of thirty bytes...");
const HOOK = "https://user:p4ss@93.184.216.34/path-k3y?query=k3y", SLACK = "https://hooks.slack.test/services/T0/B0/k3y";
/** Parts of addresses and secrets that no answer and no log may contain. */
const MARKERS = ["k3y", "p4ss", "user:", "whsec_", "ops.team", "on.call"];
const none = (text: string, what: string) => {
  for (const marker of MARKERS) assert(!text.includes(marker), `${what} contains ${marker}: ${text}`);
};
const differ = (one: unknown, other: unknown) => assert(JSON.stringify(one) !== JSON.stringify(other), "a change is visible");
const auditOf = (object_id: string) =>
  db.query<{ action: string; before: Config | null; after: Config | null }>(
    "select action, before, after from audit_log where object_id = $1 order by id",
    [object_id],
  );
interface Config {
  config: { host?: string; digest?: string; to?: string[]; by_severity?: Record<string, string[]> };
}
const inVault = () => db.query<{ name: string }>("select name from vault.secrets where name like 'notification channel %' order by 1");

Deno.test("no viewer reads an address, a recipient or a secret of a channel through the audit log, and no admin reads an address again", async () => {
  const answers = [
    await call("PUT", "/channels/hook", { kind: "webhook", config: { url: HOOK }, secret: SECRET }),
    await call("PUT", "/channels/hook", { kind: "webhook", secret: NEW_SECRET }),
    await call("PUT", "/channels/hook", { kind: "webhook", config: { url: HOOK.replace("path", "other") } }),
    await call("PUT", "/channels/team", { kind: "slack", secret: SLACK }),
    await call("PUT", "/channels/team", { kind: "slack", secret: `${SLACK}2` }),
    await call("POST", "/channels/hook/test"),
    await call("POST", "/channels/team/test"),
    await call("GET", "/channels"),
  ];
  for (const { status, body } of answers) {
    assertEquals(status, 200);
    none(JSON.stringify(body), "an answer");
  }
  const email = { kind: "email", config: { to: ["ops.team@example.com"], by_severity: { CRITICAL: ["on.call@example.com"] } } };
  assertEquals((await call("PUT", "/channels/mail", email)).body.config, email.config, "an admin edits the recipients");
  await call("PUT", "/channels/mail", { ...email, config: { to: ["ops.team2@example.com"] } });
  for (const name of ["hook", "team", "mail"]) assertEquals((await call("DELETE", `/channels/${name}`)).status, 204);

  const viewer = await db.client("viewer");
  none(JSON.stringify((await call("GET", "/audit?limit=200", undefined, "viewer")).body), "GET /audit");
  none(JSON.stringify((await viewer.from("audit_log").select("*")).data), "the table");
  none(lines.join("\n"), "the log");

  const [created, rotated, moved] = await auditOf("hook");
  assertEquals(created?.after?.config.host, "93.184.216.34");
  assertEquals(rotated?.after?.config.digest, created?.after?.config.digest);
  differ(moved?.after?.config.digest, created?.after?.config.digest);
  const [slack, otherSlack, deleted] = (await auditOf("team")).filter(({ action }) => action !== "test-channel");
  assertEquals(slack?.after?.config.host, "hooks.slack.test");
  differ(slack?.after?.config.digest, otherSlack?.after?.config.digest);
  assertEquals(deleted?.before?.config, otherSlack?.after?.config);
  const [mail, otherMail] = await auditOf("mail");
  assertMatch(String(mail?.after?.config.to?.[0]), /^o\*\*\*@example\.com \([0-9a-f]{16}\)$/);
  assertMatch(String(mail?.after?.config.by_severity?.CRITICAL?.[0]), /^o\*\*\*@example\.com \([0-9a-f]{16}\)$/);
  differ(mail?.after?.config.to, otherMail?.after?.config.to);
});

Deno.test("the address and the secrets of a channel are in Vault only, are read by the sender, and are deleted with the channel", async () => {
  await call("PUT", "/channels/hook", { kind: "webhook", config: { url: HOOK }, secret: SECRET });
  await call("PUT", "/channels/hook", { kind: "webhook", secret: NEW_SECRET });
  none(JSON.stringify(await db.query("select * from notification_channels")), "the table");
  const destination = await db.value("select private.channel_with_secrets(c) from notification_channels c where name = 'hook'");
  const stored = { config: { url: HOOK }, secret: NEW_SECRET };
  assertObjectMatch(destination as object, { ...stored, previous_secret: SECRET });
  clock.advance(86_400_000);
  await db.query("select claim_alert_notifications('{\"limit\": 1}', $1)", [clock.asOf()]);
  const later = await db.value("select private.channel_with_secrets(c) from notification_channels c where name = 'hook'");
  assertObjectMatch(later as object, { ...stored, previous_secret: null });
  assertEquals(
    (await call("GET", "/channels")).body.channels.find(({ name }: { name: string }) => name === "hook").has_previous_secret,
    false,
  );

  assertEquals((await inVault()).length, 1);
  await call("PUT", "/channels/hook", { kind: "dashboard" });
  assertEquals(await inVault(), [], "a channel without an address");
  const refused = await call("PUT", "/channels/hook", { kind: "webhook", secret: SECRET });
  assertEquals([refused.status, refused.body.message], [400, "config.url: is required"]);
  assertEquals(refused.body.details, [{ field: "config.url", message: "is required" }]);
  await call("PUT", "/channels/hook", { kind: "webhook", config: { url: HOOK }, secret: SECRET });
  assertEquals((await inVault()).length, 1);
  await db.query("delete from notification_channels where name = 'hook'");
  assertEquals(await inVault(), [], "a deleted channel");
});

Deno.test("a channel that SQL inserted keeps its secrets in the table until a person saves it", async () => {
  await db.query("insert into notification_channels (name, kind, config, secret) values ('hook', 'webhook', $1, $2)", [
    { url: HOOK },
    SECRET,
  ]);
  none(JSON.stringify((await call("GET", "/channels")).body), "GET /channels");
  await call("PUT", "/channels/hook", { kind: "webhook", is_active: false });
  none(JSON.stringify(await db.query("select * from notification_channels")), "the table");
  none(JSON.stringify(await auditOf("hook")), "the audit log");
  const destination = await db.value("select private.channel_with_secrets(c) from notification_channels c where name = 'hook'");
  assertObjectMatch(destination as object, { config: { url: HOOK }, secret: SECRET });
});

Deno.test("neither a viewer nor the secret key reads the secrets in Vault or the key of the digests", async () => {
  for (const who of ["viewer", "service"] as const) {
    const client = await db.client(who);
    assertEquals((await client.rpc("channel_secrets", {})).error?.code, "PGRST202");
  }
  const asService = (sql: string) =>
    db.database.transaction(`set local role service_role; ${sql}`).then(() => "done", (e: Error) => e.message);
  assertMatch(await asService("select * from vault.decrypted_secrets"), /permission denied/);
  assertMatch(await asService("select * from private.digest_key"), /permission denied/);
});

Deno.test("an address is claimed unless a trusted header has it, and the id of a request is not the caller's to choose", async () => {
  const silence = { severity: "LOW", ends_at: "2026-07-01T00:00:00Z", reason: "an example" };
  const lastRow = async (headers: Record<string, string>, env: Record<string, string> = {}) => {
    const own = createApp({ rpc: db.rpc, clock, log, env: testEnv(env), waitUntil: () => {} });
    const sent = { authorization: `Bearer ${await db.token("operator")}`, "x-correlation-id": "mine", "x-request-id": "mine", ...headers };
    const { body } = await requester(documented(own), "/sync-admin")("POST", "/silences", silence, sent);
    const { entries } = (await call("GET", `/audit?object_id=${body.id}`, undefined, "viewer")).body;
    assertMatch(entries[0].request_id, /^[0-9a-f-]{36}$/);
    assertEquals(entries[0].correlation_id, "mine");
    return [entries[0].address, entries[0].address_is_claimed];
  };
  const forged = { "x-forwarded-for": "198.51.100.1, 203.0.113.9" };
  assertEquals(await lastRow({}), [null, true]);
  assertEquals(await lastRow(forged), ["198.51.100.1", true]);
  assertEquals(await lastRow({ ...forged, "cf-connecting-ip": "203.0.113.9" }, { CLIENT_ADDRESS_HEADER: "CF-Connecting-IP" }), [
    "203.0.113.9",
    false,
  ]);
  assertEquals(await lastRow(forged, { CLIENT_ADDRESS_HEADER: "x-forwarded-for" }), ["203.0.113.9", false], "the last proxy appends it");
  assertEquals(await lastRow(forged, { CLIENT_ADDRESS_HEADER: "cf-connecting-ip" }), ["198.51.100.1", true]);
});

Deno.test.afterAll(() => db.close());
