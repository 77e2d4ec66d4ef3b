import { assertEquals, assertObjectMatch } from "@std/assert";
import { connect } from "../database.ts";
import { createKeys } from "../keys.ts";
import { bootstrap } from "../migrate.ts";
import { createAccounts } from "../seed.ts";
import type { Mail } from "../auth.ts";
import { createSupabase } from "../supabase.ts";

const BASE = "http://127.0.0.1:54321";
const folder = await Deno.makeTempDir({ prefix: "auth-test-" });
const database = await connect(`${folder}/db`);
await bootstrap(database);
const keys = await createKeys();
const mails: Mail[] = [];
const supabase = await createSupabase(database, keys, BASE, (mail) => mails.push(mail));

async function ask(method: string, path: string, body?: object, apikey = keys.secret) {
  const headers = { apikey, "content-type": "application/json" };
  const response = await supabase(new Request(`${BASE}/auth/v1${path}`, { method, headers, body: body && JSON.stringify(body) }));
  return { status: response.status, body: await response.json(), headers: response.headers };
}

Deno.test("the admin API accepts only the secret key", async () => {
  for (
    const [method, path] of [["GET", "/admin/users"], ["POST", "/admin/users"], ["POST", "/invite"], ["PUT", `/admin/users/x`]] as const
  ) {
    for (const apikey of [keys.publishable, ""]) {
      assertEquals((await ask(method, path, method === "GET" ? undefined : {}, apikey)).status, 401, `${method} ${path}`);
    }
  }
});

Deno.test("a user is created, read, listed with the total, changed and banned, in the shapes of hosted Auth", async () => {
  const { body: created } = await ask("POST", "/admin/users", {
    email: "ada@example.com",
    password: "a good password",
    email_confirm: true,
    app_metadata: { role: "viewer" },
  });
  assertObjectMatch(created, {
    aud: "authenticated",
    role: "authenticated",
    email: "ada@example.com",
    banned_until: null,
    invited_at: null,
  });
  assertObjectMatch(created.app_metadata, { provider: "email", providers: ["email"], role: "viewer" });
  assertEquals((await ask("GET", `/admin/users/${created.id}`)).body, created);
  await ask("POST", "/admin/users", { email: "bob@example.com", password: "a good password" });
  const listed = await ask("GET", "/admin/users?page=2&per_page=1");
  assertEquals([listed.body.users[0].email, listed.headers.get("x-total-count")], ["ada@example.com", "2"]);
  const banned = await ask("PUT", `/admin/users/${created.id}`, { ban_duration: "24h" });
  assertEquals(Date.parse(banned.body.banned_until) > Date.now(), true);
  const changed = await ask("PUT", `/admin/users/${created.id}`, { ban_duration: "none", app_metadata: { role: null } });
  assertEquals([changed.body.banned_until, changed.body.app_metadata.role, changed.body.app_metadata.provider], [null, undefined, "email"]);
});

Deno.test("the admin API refuses as hosted Auth does", async () => {
  const id = crypto.randomUUID();
  const cases: [string, string, object | undefined, number, string][] = [
    ["POST", "/admin/users", { email: "ada@example.com", password: "a good password" }, 422, "email_exists"],
    ["POST", "/admin/users", { email: "eve@example.com", password: "abc" }, 422, "weak_password"],
    ["POST", "/invite", { email: "ada@example.com" }, 422, "email_exists"],
    ["POST", "/invite", { email: "eve" }, 400, "validation_failed"],
    ["GET", `/admin/users/${id}`, undefined, 404, "user_not_found"],
    ["PUT", `/admin/users/${id}`, { ban_duration: "1h" }, 404, "user_not_found"],
    ["GET", "/admin/users?page=0", undefined, 400, "validation_failed"],
  ];
  for (const [method, path, body, status, error_code] of cases) {
    assertObjectMatch(await ask(method, path, body), { status, body: { code: status, error_code } }, `${method} ${path}`);
  }
});

Deno.test("an invitation and a forgotten password print a mail with a link that works once", async () => {
  assertEquals(
    (await ask("POST", "/invite?redirect_to=http%3A%2F%2F127.0.0.1%3A54321%2Fpage", { email: "grace@example.com" })).status,
    200,
  );
  await ask("POST", "/recover", { email: "ada@example.com" }, keys.publishable);
  assertEquals(mails.map(({ to }) => to), ["grace@example.com", "ada@example.com"]);
  for (const [mail, type] of [[mails[0], "invite"], [mails[1], "recovery"]] as const) {
    const link = new URL(/http\S+/.exec(mail?.text ?? "")?.[0] ?? "");
    assertEquals([link.pathname, link.searchParams.get("type")], ["/auth/v1/verify", type]);
    const body = { type, token_hash: link.searchParams.get("token") };
    assertEquals((await ask("POST", "/verify", body, keys.publishable)).body.user.email, mail?.to);
    assertEquals((await ask("POST", "/verify", body, keys.publishable)).body.error_code, "otp_expired");
  }
  assertEquals((await ask("POST", "/recover", { email: "nobody@example.com" }, keys.publishable)).status, 200);
  assertEquals(mails.length, 2);
});

Deno.test("an account of the platform keeps the role that an admin gave it", async () => {
  const state = { keys, accounts: [{ email: "admin@example.com", password: "a good password", role: "admin" as const }] };
  await createAccounts(supabase, BASE, state);
  const { users } = (await ask("GET", "/admin/users")).body;
  const admin = users.find(({ email }: { email: string }) => email === "admin@example.com");
  assertEquals(admin.app_metadata.role, "admin");
  await ask("PUT", `/admin/users/${admin.id}`, { app_metadata: { role: "viewer" } });
  await createAccounts(supabase, BASE, state);
  assertEquals((await ask("GET", `/admin/users/${admin.id}`)).body.app_metadata.role, "viewer");
});

Deno.test.afterAll(async () => {
  await database.close();
  await Deno.remove(folder, { recursive: true });
});
