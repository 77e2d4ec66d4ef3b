// Over 300 lines, because each route is tested with accepted and refused requests.
import { assert, assertEquals, assertMatch, assertObjectMatch } from "@std/assert";
import { readEnv } from "../../services/env.ts";
import { SecretKeys } from "../../services/secret-keys.ts";
import { createAccess } from "../../supabase/functions/_shared/access.ts";
import { createApp } from "../../supabase/functions/sync-admin/app.ts";
import { anAuditLog, AUDIT_KEY } from "../../testing/audit.ts";
import { TestClock } from "../../testing/clock.ts";
import { openTestDatabase, USER } from "../../testing/database.ts";
import { testEnv } from "../../testing/env.ts";
import { aUser } from "../../testing/factories.ts";
import { documented } from "../../testing/openapi.ts";
import { requester } from "../../testing/requests.ts";

const db = await openTestDatabase();
const NOW = new Date(Date.now()).toISOString();
const OTHER = { id: "00000000-0000-4000-8000-000000000002", email: "other@example.com" };
const VIEWER = { id: "00000000-0000-4000-8000-000000000003", email: "viewer@example.com" };
const PASSWORD = "a good password";

interface Options {
  /** Called with each request to Auth before it is sent; a returned response replaces the answer of Auth. */
  before?: (request: Request) => Promise<Response | void> | Response | void;
  clock?: TestClock;
}

function aCaller({ before, clock = new TestClock(NOW) }: Options = {}) {
  const lines: string[] = [];
  const send: typeof fetch = async (input, init) => {
    const request = new Request(input as Request, init);
    return await before?.(request.clone()) ?? await db.fetch(request);
  };
  const env = testEnv({ SUPABASE_SERVICE_ROLE_KEY: db.keys.secret, AUDIT_KEY });
  const app = createApp({
    rpc: db.rpc,
    clock,
    log: (...line) => lines.push(JSON.stringify(line)),
    env,
    waitUntil: () => {},
    access: createAccess(readEnv(), new SecretKeys(env.secretKeys, { fetch: send })),
  });
  const request = requester(documented(app), "/sync-admin");
  const call = async (method: string, path: string, body?: unknown, who: { id: string; email: string } | "service" = USER) => {
    const headers: Record<string, string> = who === "service"
      ? { apikey: db.keys.secret }
      : { authorization: `Bearer ${await db.token("admin", { user: who })}` };
    return await request(method, path, body, headers);
  };
  return { call, lines };
}

/** Empties Auth and creates the users: two admins and a viewer, or those given with their roles. */
async function people(users: [typeof USER, string | null][] = [[USER, "admin"], [OTHER, "admin"], [VIEWER, "viewer"]]): Promise<void> {
  await db.query("delete from auth.users");
  await db.query("update private.people_claim set token = null, expires_at = null, act = null");
  for (const [index, [user, role]] of users.entries()) {
    await aUser(db, { ...user, role, created_at: `2026-01-0${index + 1}T00:00:00Z` });
  }
}
const roleOf = ({ id }: { id: string }) => db.value("select raw_app_meta_data ->> 'role' from auth.users where id = $1", [id]);
const lastAudit = async () =>
  (await db.query<Record<string, unknown>>("select * from audit_log where object_type = 'person' order by id desc limit 1"))[0];
const audits = async () => await db.value<number>("select count(*)::integer from audit_log where object_type = 'person'");
async function auth(path: string, body: object) {
  const headers = { apikey: db.keys.publishable, "content-type": "application/json" };
  const response = await db.fetch(`http://127.0.0.1:54321/auth/v1${path}`, { method: "POST", headers, body: JSON.stringify(body) });
  return { status: response.status, body: await response.json() };
}
const signIn = (email: string, password: string) => auth("/token?grant_type=password", { email, password });

Deno.test("every user is listed newest first, page by page, with and without a role", async () => {
  await people([[USER, "admin"], [OTHER, null], [VIEWER, "viewer"]]);
  const { call } = aCaller();
  const first = await call("GET", "/people?limit=2");
  assertEquals(first.status, 200);
  assertEquals(first.body.people.map((person: { email: string; role: string }) => [person.email, person.role]), [
    [VIEWER.email, "viewer"],
    [OTHER.email, null],
  ]);
  assertObjectMatch(first.body.people[0], { id: VIEWER.id, disabled: false, confirmed: true, last_sign_in_at: null });
  const last = await call("GET", `/people?limit=2&cursor=${first.body.next_cursor}`);
  assertEquals([last.body.people.map((person: { id: string }) => person.id), last.body.next_cursor], [[USER.id], null]);
  assertEquals((await call("GET", "/people?cursor=0&limit=900")).body.details.length, 2);
});

Deno.test("a person created with a password signs in with the role, and no password is stored, audited or logged", async () => {
  await people();
  const { call, lines } = aCaller();
  const created = await call("POST", "/people", {
    email: "Ada@Example.com",
    password: PASSWORD,
    role: "operator",
    reason: "new colleague",
  });
  assertEquals(created.status, 201);
  assertObjectMatch(created.body, { email: "ada@example.com", role: "operator", confirmed: true, disabled: false });
  assertObjectMatch(await lastAudit() ?? {}, {
    actor: USER.email,
    action: "create-person",
    object_id: created.body.id,
    before: null,
    after: { role: "operator" },
    reason: "new colleague",
  });
  const { body } = await signIn("ada@example.com", PASSWORD);
  assertEquals(body.user.app_metadata.role, "operator");
  assertEquals(await db.value("select count(*)::integer from audit_log a where a::text like $1", [`%${PASSWORD}%`]), 0);
  assertEquals(lines.filter((line) => line.includes(PASSWORD)), []);
});

Deno.test("an invited person has the role at once, can be invited again, and signs in with the link of the last invitation", async () => {
  await people();
  const { call } = aCaller();
  const invited = await call("POST", "/people", { email: "ada@example.com", role: "viewer" });
  assertEquals([invited.status, invited.body.role, invited.body.confirmed], [201, "viewer", false]);
  assertEquals((await lastAudit())?.action, "invite-person");
  const token = () => db.value<string>("select confirmation_token from auth.users where email = 'ada@example.com'");
  const firstToken = await token();
  const again = await call("POST", "/people", { email: "ada@example.com", role: "operator" });
  assertEquals([again.status, again.body.id, again.body.role], [201, invited.body.id, "operator"]);
  assert(await token() !== firstToken, "the second invitation replaces the first");
  assertObjectMatch(await lastAudit() ?? {}, { before: { role: "viewer" }, after: { role: "operator" } });
  assertEquals(await db.value("select count(*)::integer from audit_log a where a::text like $1", [`%${await token()}%`]), 0);
  const follow = async (token_hash: string) => await auth("/verify", { type: "invite", token_hash });
  assertEquals((await follow(firstToken)).status, 403);
  const { status, body } = await follow(await token());
  assertEquals([status, body.user.app_metadata.role], [200, "operator"]);
  assertEquals((await call("POST", "/people", { email: "ada@example.com" })).body.code, "EMAIL_TAKEN", "the invitation was accepted");
});

Deno.test("an email that is taken is 409, a bad email and a weak password are 400 at their field, an unknown id is 404", async () => {
  await people();
  const { call } = aCaller();
  const before = await audits();
  for (const password of [PASSWORD, undefined]) {
    assertObjectMatch(await call("POST", "/people", { email: OTHER.email, password }), { status: 409, body: { code: "EMAIL_TAKEN" } });
  }
  assertObjectMatch((await call("POST", "/people", { email: "ada" })).body.details[0], { field: "email" });
  assertObjectMatch((await call("POST", "/people", { email: "ada@example.com", password: "short" })).body.details[0], {
    field: "password",
  });
  const weak = aCaller({
    before: ({ method }) =>
      method === "POST"
        ? Response.json({ code: 422, error_code: "weak_password", msg: "Password is known to be weak" }, { status: 422 })
        : undefined,
  });
  assertEquals((await weak.call("POST", "/people", { email: "ada@example.com", password: PASSWORD })).body.details, [
    { field: "password", message: "is too weak: Password is known to be weak" },
  ]);
  assertEquals((await call("PATCH", `/people/${crypto.randomUUID()}`, { role: "viewer" })).status, 404);
  assertEquals((await call("PATCH", `/people/${VIEWER.id}`, {})).status, 400);
  assertEquals((await call("PATCH", `/people/${VIEWER.id}`, { role: "owner" })).body.details[0].field, "role");
  assertEquals(await audits(), before, "a refused request is no act");
  assertEquals((await call("PATCH", `/people/${VIEWER.id}`, { role: "operator" })).status, 200, "a refusal frees the claim");
});

Deno.test("a role is changed and taken away, and the answer says until when tokens with the old role are valid", async () => {
  await people();
  const { call } = aCaller();
  const changed = await call("PATCH", `/people/${VIEWER.id}`, { role: "operator", reason: "on call" });
  assertObjectMatch(changed, { status: 200, body: { id: VIEWER.id, role: "operator" } });
  // The token of the caller is valid for an hour and a second.
  assertEquals(changed.body.old_tokens_expire_by, new Date(Date.parse(NOW) + 3_601_000).toISOString());
  assertObjectMatch(await lastAudit() ?? {}, {
    action: "change-person",
    object_id: VIEWER.id,
    before: { role: "viewer" },
    after: { role: "operator" },
    reason: "on call",
  });
  const count = await audits();
  assertEquals((await call("PATCH", `/people/${VIEWER.id}`, { role: "operator" })).body.role, "operator");
  assertEquals(await audits(), count, "a repeated request changes nothing");
  const removed = await call("PATCH", `/people/${VIEWER.id}`, { role: null }, "service");
  assertEquals([removed.body.role, removed.body.old_tokens_expire_by, await roleOf(VIEWER)], [null, null, null]);
  assertEquals((await lastAudit())?.actor, "secret key service_role");
});

Deno.test("a disabled person cannot sign in or renew a session, and an enabled one can", async () => {
  await people();
  const { call } = aCaller();
  const { body: ada } = await call("POST", "/people", { email: "ada@example.com", password: PASSWORD, role: "viewer" });
  const { body: session } = await signIn("ada@example.com", PASSWORD);
  assertEquals((await call("PATCH", `/people/${ada.id}`, { disabled: true })).body.disabled, true);
  assertObjectMatch(await signIn("ada@example.com", PASSWORD), { status: 400, body: { error_code: "user_banned" } });
  assertEquals((await auth("/token?grant_type=refresh_token", { refresh_token: session.refresh_token })).status, 400);
  assertEquals((await call("PATCH", `/people/${ada.id}`, { disabled: false })).body.disabled, false);
  assertEquals((await signIn("ada@example.com", PASSWORD)).status, 200);
});

Deno.test("the last admin is neither demoted nor disabled, also by a service and while other admins are disabled or unconfirmed", async () => {
  await people([[USER, "admin"], [OTHER, "admin"], [VIEWER, "admin"]]);
  await db.query("update auth.users set banned_until = now() + interval '1 day' where id = $1", [OTHER.id]);
  await db.query("update auth.users set email_confirmed_at = null where id = $1", [VIEWER.id]);
  const { call } = aCaller();
  for (const changes of [{ role: "viewer" }, { role: null }]) {
    assertObjectMatch(await call("PATCH", `/people/${USER.id}`, changes), { status: 409, body: { code: "LAST_ADMIN" } });
  }
  assertEquals((await call("PATCH", `/people/${USER.id}`, { disabled: true }, "service")).body.code, "LAST_ADMIN");
  assertEquals((await call("PATCH", `/people/${USER.id}`, { disabled: true })).body.code, "OWN_ACCOUNT");
  assertEquals((await call("PATCH", `/people/${VIEWER.id}`, { role: "viewer" })).status, 200, "an unconfirmed admin can be demoted");
  assertEquals(await roleOf(USER), "admin");
  await db.query("update auth.users set banned_until = null where id = $1", [OTHER.id]);
  assertEquals((await call("PATCH", `/people/${USER.id}`, { role: "viewer" })).status, 200);
});

Deno.test("another admin is found behind many pages of users", async () => {
  await people([[OTHER, "admin"], [USER, "admin"]]);
  await db.query(`insert into auth.users (id, aud, role, email, email_confirmed_at, raw_app_meta_data, raw_user_meta_data, created_at)
    select gen_random_uuid(), 'authenticated', 'authenticated', n || '@example.com', now(), '{"role": "viewer"}', '{}', now()
    from generate_series(1, 401) n`);
  assertEquals((await aCaller().call("PATCH", `/people/${USER.id}`, { role: "viewer" })).status, 200);
});

Deno.test("of two admins who demote each other, the second is refused while the first change is under way in Auth", async () => {
  await people();
  const second = aCaller();
  let refused: { status: number; body: { code: string } } | undefined;
  const first = aCaller({
    // The first admin has passed every check when the second sends a request.
    before: async ({ method }) => {
      if (method === "PUT") refused = await second.call("PATCH", `/people/${USER.id}`, { role: "viewer" }, OTHER);
    },
  });
  assertEquals((await first.call("PATCH", `/people/${OTHER.id}`, { role: "viewer" }, USER)).status, 200);
  assertObjectMatch(refused ?? {}, { status: 409, body: { code: "PEOPLE_BUSY" } });
  assertEquals([await roleOf(USER), await roleOf(OTHER)], ["admin", "viewer"]);
});

Deno.test("of two admins who demote each other at once, one remains", async () => {
  const { call } = aCaller();
  for (let round = 0; round < 8; round++) {
    await people();
    const answers = await Promise.all([
      call("PATCH", `/people/${OTHER.id}`, { role: "viewer" }, USER),
      call("PATCH", `/people/${USER.id}`, { role: "viewer" }, OTHER),
    ]);
    const codes = answers.map(({ status, body }) => status === 200 ? "changed" : body.code);
    assertEquals(codes.filter((code) => code === "changed").length, 1, codes.join());
    // The later request met the claim, or its caller was no longer an admin when it got the claim.
    assertMatch(String(codes.find((code) => code !== "changed")), /^(PEOPLE_BUSY|FORBIDDEN)$/);
    assertEquals([await roleOf(USER), await roleOf(OTHER)].filter((role) => role === "admin").length, 1);
  }
});

Deno.test("a former admin whose token still says admin changes nobody", async () => {
  await people([[USER, "viewer"], [OTHER, "admin"]]);
  const { call } = aCaller();
  assertEquals((await call("PATCH", `/people/${USER.id}`, { role: "admin" })).status, 403);
  assertEquals((await call("POST", "/people", { email: "ada@example.com", role: "admin" })).status, 403);
  await people([[OTHER, "admin"]]);
  assertEquals((await call("PATCH", `/people/${OTHER.id}`, { role: "viewer" })).status, 403, "a deleted admin");
  await people([[OTHER, "admin"], [USER, "admin"]]);
  await db.query("update auth.users set banned_until = now() + interval '1 day' where id = $1", [USER.id]);
  assertEquals((await call("PATCH", `/people/${OTHER.id}`, { role: "viewer" })).status, 403, "a disabled admin");
  assertEquals(await roleOf(OTHER), "admin");
});

Deno.test("a change whose answer was lost keeps its claim for a minute, and is audited with the outcome unknown", async () => {
  await people();
  const clock = new TestClock(NOW);
  const { call } = aCaller({
    clock,
    before: ({ method }) => {
      if (method === "PUT") throw new TypeError("connection reset");
    },
  });
  assertObjectMatch(await call("PATCH", `/people/${VIEWER.id}`, { role: null, reason: "left the team" }), {
    status: 503,
    body: { code: "AUTH_UNAVAILABLE" },
  });
  const next = aCaller({ clock }).call;
  assertEquals((await next("PATCH", `/people/${VIEWER.id}`, { role: "operator" })).body.code, "PEOPLE_BUSY");
  clock.advance(60_000);
  await db.query("select private.expire_people_claim($1)", [clock.asOf()]);
  assertObjectMatch(await lastAudit() ?? {}, {
    actor: USER.email,
    action: "change-person",
    object_id: VIEWER.id,
    before: null,
    after: { role: null, outcome: "unknown" },
    reason: "left the team",
  });
  assertEquals((await next("PATCH", `/people/${VIEWER.id}`, { role: "operator" })).status, 200);
});

Deno.test("the audit log has no email address of a person, also of a new one whose answer was lost, and sync-admin vouches for both acts", async () => {
  await people();
  const clock = new TestClock(NOW);
  const { call } = aCaller({
    clock,
    before: ({ method, url }) => {
      if (method === "POST" && url.endsWith("/admin/users")) throw new TypeError("connection reset");
    },
  });
  const last = await db.value("select coalesce(max(id), 0) from audit_log");
  assertEquals((await call("POST", "/people", { email: "lovelace@example.com", password: PASSWORD, role: "viewer" })).status, 503);
  clock.advance(60_000);
  await db.query("select private.expire_people_claim($1)", [clock.asOf()]);
  assertObjectMatch(await lastAudit() ?? {}, { action: "create-person", object_id: "l***@example.com", after: { outcome: "unknown" } });
  assertEquals((await call("POST", "/people", { email: "lovelace@example.com", role: "viewer" })).status, 201);
  assertEquals(await db.value("select count(*)::integer from audit_log a where a.id > $1 and a::text like '%lovelace%'", [last]), 0);
  await anAuditLog(db).seal();
  assertEquals(await db.query("select distinct verdict from audit_seals where audit_id > $1", [last]), [{ verdict: "VOUCHED" }]);
});

Deno.test("an Auth that fails or answers nonsense is a 503, and a read of people leaves no claim", async () => {
  await people();
  for (
    const response of [() => new Response("<html>", { status: 502 }), () => Response.json({}), () => Response.json({}, { status: 401 })]
  ) {
    const { call } = aCaller({ before: response });
    assertObjectMatch(await call("GET", "/people"), { status: 503, body: { code: "AUTH_UNAVAILABLE" } });
  }
  assertEquals((await aCaller().call("PATCH", `/people/${VIEWER.id}`, { role: "operator" })).status, 200);
});

Deno.test("mail that Auth does not send now is a 429 that advises what to do", async () => {
  await people();
  const limited = Response.json({ code: 429, error_code: "over_email_send_rate_limit", msg: "email rate limit exceeded" }, { status: 429 });
  const { call } = aCaller({ before: ({ method }) => method === "POST" ? limited : undefined });
  assertObjectMatch(await call("POST", "/people", { email: "ada@example.com" }), {
    status: 429,
    body: { code: "TOO_MANY_MAILS", details: { retry_after_s: 3600 } },
  });
});

Deno.test("only an admin and the service read and change people", async () => {
  await people();
  const { call } = aCaller();
  assertEquals((await call("GET", "/people", undefined, "service")).status, 200);
  const app = requester(
    createApp({ rpc: db.rpc, clock: new TestClock(NOW), log: () => {}, env: testEnv(), waitUntil: () => {} }),
    "/sync-admin",
  );
  for (const role of ["viewer", "operator", null]) {
    const headers = { authorization: `Bearer ${await db.token(role)}` };
    for (const [method, path] of [["GET", "/people"], ["POST", "/people"], ["PATCH", `/people/${USER.id}`]] as const) {
      assertEquals((await app(method, path, undefined, headers)).status, 403, `${method} ${path} as ${role}`);
    }
  }
});

Deno.test.afterAll(() => db.close());
