import { assertEquals, assertMatch } from "@std/assert";
import * as jose from "jose";
import { createKeys } from "../../../../platform/keys.ts";
import { readEnv } from "../../../../services/env.ts";
import { createAccess } from "../access.ts";
import { createFunctionApp, requireRole } from "../app.ts";
import { SCHEMA_VERSION } from "../schema-check.ts";

const URL_OF_PROJECT = "https://project.test";
const ISSUER = `${URL_OF_PROJECT}/auth/v1`;
const [{ signing }, { signing: foreign }] = await Promise.all([createKeys(), createKeys()]);
const { d: _private, ...publicKey } = signing;
const NOW = Math.floor(Date.now() / 1000);
const CLAIMS = { sub: "u", aud: "authenticated", iss: ISSUER, exp: NOW + 3600, email: "ada@example.com", app_metadata: { role: "admin" } };

const env = (overrides: Record<string, string> = {}) =>
  readEnv({
    SUPABASE_URL: URL_OF_PROJECT,
    SUPABASE_SECRET_KEYS: '{"default":"sb_secret_x"}',
    SUPABASE_JWKS: JSON.stringify({ keys: [publicKey] }),
    ...overrides,
  });

async function sign(claims: Record<string, unknown>, key: jose.JWK = signing, header: Partial<jose.JWTHeaderParameters> = {}) {
  return await new jose.SignJWT(claims)
    .setProtectedHeader({ alg: "ES256", typ: "JWT", kid: signing.kid, ...header })
    .sign(await jose.importJWK(key, "ES256"));
}
const without = (claim: string) => Object.fromEntries(Object.entries(CLAIMS).filter(([name]) => name !== claim));
const part = (value: object) => jose.base64url.encode(JSON.stringify(value));

/** The status and the code of the answer of a route for admins. */
async function answerTo(token: string, overrides: Record<string, string> = {}) {
  const rpc = () => Promise.resolve({ version: SCHEMA_VERSION, min_code_version: SCHEMA_VERSION } as never);
  const app = createFunctionApp("probe", { rpc, log: () => {}, access: createAccess(env(overrides)) });
  app.get("/", ...requireRole("admin"), (c) => c.json({ code: "OK", message: "" }));
  const response = await app.fetch(new Request("http://functions.test/probe", { headers: { authorization: `Bearer ${token}` } }));
  const { code, message } = await response.json();
  return { status: response.status, code, message };
}

Deno.test("a token of the project is accepted, also with a list of audiences", async () => {
  assertEquals((await answerTo(await sign(CLAIMS))).code, "OK");
  assertEquals((await answerTo(await sign({ ...CLAIMS, aud: ["other", "authenticated"] }))).code, "OK");
});

const hs256 = async () =>
  await new jose.SignJWT(CLAIMS).setProtectedHeader({ alg: "HS256", kid: signing.kid })
    .sign(new TextEncoder().encode(await jose.exportSPKI(await jose.importJWK(publicKey, "ES256") as CryptoKey)));
const hs256OfCoordinate = async () =>
  await new jose.SignJWT(CLAIMS).setProtectedHeader({ alg: "HS256", kid: signing.kid }).sign(jose.base64url.decode(`${publicKey.x}`));

for (
  const [name, token, code] of [
    ["another audience", () => sign({ ...CLAIMS, aud: "anon" }), "TOKEN_CLAIM_INVALID"],
    ["no audience", () => sign(without("aud")), "TOKEN_CLAIM_INVALID"],
    ["another issuer", () => sign({ ...CLAIMS, iss: "https://other.test/auth/v1" }), "TOKEN_CLAIM_INVALID"],
    ["no issuer", () => sign(without("iss")), "TOKEN_CLAIM_INVALID"],
    ["no expiry", () => sign(without("exp")), "TOKEN_CLAIM_INVALID"],
    ["an expiry that is text", () => sign({ ...CLAIMS, exp: "never" }), "TOKEN_CLAIM_INVALID"],
    ["no subject", () => sign(without("sub")), "TOKEN_CLAIM_INVALID"],
    ["a subject that is a number", () => sign({ ...CLAIMS, sub: 7 }), "TOKEN_CLAIM_INVALID"],
    ["a start in the future", () => sign({ ...CLAIMS, nbf: NOW + 600 }), "TOKEN_CLAIM_INVALID"],
    ["a past expiry", () => sign({ ...CLAIMS, exp: NOW - 1 }), "TOKEN_EXPIRED"],
    ["the algorithm none", () => Promise.resolve(`${part({ alg: "none", kid: signing.kid })}.${part(CLAIMS)}.`), "TOKEN_UNTRUSTED"],
    ["HS256 with the public key as the secret", hs256, "TOKEN_UNTRUSTED"],
    ["HS256 with a coordinate of the public key as the secret", hs256OfCoordinate, "TOKEN_UNTRUSTED"],
    ["an unknown kid", () => sign(CLAIMS, signing, { kid: "unknown" }), "TOKEN_UNTRUSTED"],
    ["the key of another project under our kid", () => sign(CLAIMS, foreign), "TOKEN_UNTRUSTED"],
    [
      "the key, kid and issuer of another project",
      () => sign({ ...CLAIMS, iss: "https://o.test" }, foreign, { kid: foreign.kid }),
      "TOKEN_UNTRUSTED",
    ],
    ["a forged signature and a past expiry", () => sign({ ...CLAIMS, exp: NOW - 1 }, foreign), "TOKEN_UNTRUSTED"],
    ["changed claims", async () => (await sign(CLAIMS)).replace(/\.[^.]+\./, `.${part({ ...CLAIMS, sub: "v" })}.`), "TOKEN_UNTRUSTED"],
    ["one part", () => Promise.resolve("nonsense"), "TOKEN_UNTRUSTED"],
  ] as [string, () => Promise<string>, string][]
) {
  Deno.test(`a token with ${name} is refused with 401 ${code}`, async () => {
    const answer = await answerTo(await token());
    assertEquals([answer.status, answer.code], [401, code]);
    // The message names no accepted value and no key, so that an attacker learns none.
    assertEquals(/project\.test|authenticated|kid|signature|ES256/.test(answer.message), false, answer.message);
  });
}

Deno.test("SUPABASE_JWKS can be a list of keys", async () => {
  assertEquals((await answerTo(await sign(CLAIMS), { SUPABASE_JWKS: JSON.stringify([publicKey]) })).code, "OK");
});

Deno.test("the issuer is the public address of the project, or AUTH_ISSUER", async () => {
  const issuer = "https://auth.example.com/auth/v1";
  const token = await sign({ ...CLAIMS, iss: issuer });
  assertEquals((await answerTo(token, { AUTH_ISSUER: issuer })).code, "OK");
  assertEquals((await answerTo(token, { SUPABASE_PUBLIC_URL: "https://auth.example.com" })).code, "OK");
  assertMatch((await answerTo(await sign(CLAIMS), { AUTH_ISSUER: issuer })).message, /the claim iss/);
});

Deno.test("without SUPABASE_JWKS the signing keys are those that the project serves, and their absence is a 503", async () => {
  let isUp = true;
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, (request) => {
    assertEquals(new URL(request.url).pathname, "/auth/v1/.well-known/jwks.json");
    return isUp ? Response.json({ keys: [publicKey] }) : new Response(null, { status: 500 });
  });
  const project = { SUPABASE_URL: `http://127.0.0.1:${server.addr.port}`, SUPABASE_JWKS: "", AUTH_ISSUER: ISSUER };
  assertEquals((await answerTo(await sign(CLAIMS), project)).code, "OK");
  isUp = false;
  const { status, code } = await answerTo(await sign(CLAIMS), project);
  assertEquals([status, code], [503, "AUTH_UNAVAILABLE"]);
  await server.shutdown();
});
