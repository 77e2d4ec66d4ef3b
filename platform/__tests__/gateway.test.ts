import { assertEquals, assertObjectMatch } from "@std/assert";
import { createGateway } from "../gateway.ts";
import { createVisStandIn } from "../vis/stand-in.ts";

/** A gateway whose parts answer with their name, and whose signer marks each token that it converts with `inward` or `outward`. */
function setUp(supabase: (request: Request) => Response = () => new Response("supabase")) {
  const requests: Request[] = [];
  const gateway = createGateway({
    base: "http://127.0.0.1:1",
    supabase: (request) => {
      requests.push(request);
      return Promise.resolve(supabase(request));
    },
    innerKey: (key) => key === "sb_secret_good" ? "sb_secret_inner" : null,
    signer: {
      jwks: { keys: [] },
      inward: (token) => token === "eygood" ? Promise.resolve(`inner-${token}`) : Promise.reject(new Error("bad")),
      outward: (token) => Promise.resolve(`outer-${token}`),
    },
    functions: {
      has: (name) => name === "sync-admin",
      serve: (name) => Promise.resolve(new Response(name)),
      stop: () => Promise.resolve(),
    },
    vis: createVisStandIn(),
    dashboard: ({ pathname }) => Promise.resolve(pathname === "/index.html" ? new Response("page") : null),
  });
  const ask = (path: string, init?: RequestInit, origin = "http://127.0.0.1:1") => gateway(new Request(`${origin}${path}`, init));
  return { ask, requests };
}

for (
  const [method, path, status, text] of [
    ["GET", "/functions/v1/sync-admin/jobs", 200, /^sync-admin$/],
    ["GET", "/functions/v1/ghost", 404, /the function ghost does not exist/],
    ["GET", "/auth/v1/.well-known/jwks.json", 200, /^\{"keys":\[\]\}$/],
    ["GET", "/rest/v1/matches", 200, /^supabase$/],
    ["GET", "/index.html", 200, /^page$/],
    ["POST", "/index.html", 404, /the path \/index.html does not exist/],
    ["GET", "/", 200, /The page is being built/],
    ["GET", "/nowhere", 404, /the path \/nowhere does not exist/],
  ] as const
) {
  Deno.test(`${method} ${path} is answered with ${status}`, async () => {
    const response = await setUp().ask(path, { method });
    assertEquals([response.status, text.test(await response.text())], [status, true]);
  });
}

for (
  const [origin, status] of [
    ["http://127.0.0.1:1", 200],
    ["http://localhost:1", 200],
    ["http://LOCALHOST:1", 200],
    ["http://[::1]:1", 200],
    ["http://127.0.0.1:2", 421],
    ["http://localhost", 421],
    ["http://rebound.example:1", 421],
    ["http://localhost.rebound.example:1", 421],
    ["http://127.0.0.2:1", 421],
  ] as const
) {
  Deno.test(`a request to ${origin} is answered with ${status}, whatever its path is`, async () => {
    const { ask, requests } = setUp();
    for (const path of ["/index.html", "/functions/v1/sync-admin/jobs", "/rest/v1/matches", "/auth/v1/.well-known/jwks.json"]) {
      assertEquals((await ask(path, {}, origin)).status, status, path);
    }
    const control = await ask("/vis/control", { headers: { apikey: "sb_secret_good" } }, origin);
    assertEquals([control.status, requests.length], [status, status === 200 ? 1 : 0]);
  });
}

Deno.test("only a program with a secret key sets the faults of the stand-in, and no page calls it", async () => {
  const { ask } = setUp();
  const body = JSON.stringify({ kind: "server_error" });
  const key = { apikey: "sb_secret_good" };
  const faults = async () => (await (await ask("/vis/control", { headers: key })).json()).faults.length;
  for (const headers of [{}, { apikey: "sb_publishable_x" }, { apikey: "sb_secret_bad" }]) {
    assertEquals((await ask("/vis/control", { method: "POST", body, headers: headers as HeadersInit })).status, 401);
  }
  // A page of any site can send such a request. Before a request with another header or method, the browser sends a preflight, which is
  // refused as well.
  const origin = "https://site.example";
  for (const path of ["/vis/control", "/vis/XmlRequest.asmx"]) {
    for (const method of ["POST", "OPTIONS"]) {
      const response = await ask(path, { method, body: method === "POST" ? body : null, headers: { origin, ...key } });
      assertEquals([response.status, response.headers.get("access-control-allow-headers")], [403, null]);
    }
  }
  assertEquals(await faults(), 0);
  assertEquals((await ask("/vis/control", { method: "POST", body, headers: key })).status, 200);
  assertEquals(await faults(), 1);
  assertEquals([(await ask("/vis/control", { method: "DELETE" })).status, await faults()], [401, 1]);
  assertEquals([(await ask("/vis/control", { method: "DELETE", headers: key })).status, await faults()], [200, 0]);
});

for (
  const [accepted, isGzip] of [
    [null, false],
    ["gzip", true],
    ["GZIP", true],
    ["br, gzip;q=0.5", true],
    ["*", true],
    ["br;q=1.0, *;q=0.1", true],
    ["gzip;q=0", false],
    ["gzip; q=0.000, *", false],
    ["identity", false],
    ["br", false],
    ["*;q=0", false],
    ["", false],
  ] as const
) {
  Deno.test(`with Accept-Encoding ${accepted ?? "missing"} an answer is ${isGzip ? "compressed" : "not compressed"}, and varies`, async () => {
    const answer = { rows: "x".repeat(2_000) };
    const { ask } = setUp(() => Response.json(answer, { headers: { etag: '"1"', vary: "origin" } }));
    const { headers, body } = await ask("/rest/v1/matches", { headers: accepted === null ? {} : { "accept-encoding": accepted } });
    assertEquals([headers.get("content-encoding"), headers.get("vary")], [isGzip ? "gzip" : null, "origin, accept-encoding"]);
    assertEquals(headers.get("etag"), isGzip ? 'W/"1"' : '"1"');
    assertEquals(await new Response(isGzip ? body?.pipeThrough(new DecompressionStream("gzip")) : body).json(), answer);
  });
}

Deno.test("an answer that is compressed already, an image and an answer without a body are left as they are", async () => {
  const send = async (response: Response) => {
    const { status, headers, body } = await setUp(() => response).ask("/rest/v1/matches", { headers: { "accept-encoding": "gzip" } });
    return [status, headers.get("content-encoding"), await new Response(body).text()];
  };
  const text = { "content-type": "text/plain" };
  assertEquals(await send(new Response("br", { headers: { ...text, "content-encoding": "br" } })), [200, "br", "br"]);
  assertEquals(await send(new Response("png", { headers: { "content-type": "image/png" } })), [200, null, "png"]);
  assertEquals(await send(new Response(null, { status: 304, headers: text })), [304, null, ""]);
});

Deno.test("a valid token is exchanged, an invalid one is refused before it reaches the database, and none is needed", async () => {
  const { ask, requests } = setUp();
  const withToken = (token: string) => ask("/rest/v1/matches", { headers: { authorization: `Bearer ${token}` } });
  assertEquals((await withToken("eygood")).status, 200);
  const refused = await withToken("eyforged");
  assertEquals(refused.status, 401);
  assertObjectMatch(await refused.json(), { code: "PGRST301", message: "the token is invalid or expired" });
  assertEquals((await ask("/rest/v1/matches")).status, 200);
  assertEquals(requests.map(({ headers }) => headers.get("authorization")), ["Bearer inner-eygood", null]);
});

Deno.test("the tokens in an answer of Auth are exchanged, and those in an answer of REST are not", async () => {
  const session = { access_token: "a", user: { app_metadata: { role: "viewer" } } };
  const { ask } = setUp(() => Response.json({ ...session, session }));
  const signedIn = await ask("/auth/v1/token", { method: "POST" });
  assertEquals(signedIn.headers.get("access-control-allow-origin"), "*");
  assertObjectMatch(await signedIn.json(), {
    access_token: "outer-a",
    session: { access_token: "outer-a" },
  });
  assertObjectMatch(await (await ask("/rest/v1/rows")).json(), { access_token: "a", session: { access_token: "a" } });
});

Deno.test("a secret key of the project is exchanged in both headers, and an unknown one is refused before it reaches the database", async () => {
  const { ask, requests } = setUp();
  const withKey = (key: string) => ask("/rest/v1/matches", { headers: { apikey: key, authorization: `Bearer ${key}` } });
  assertEquals((await withKey("sb_secret_good")).status, 200);
  assertEquals((await withKey("sb_publishable_x")).status, 200);
  // After its deletion, the key of lite is also no key of the project.
  assertEquals([(await withKey("sb_secret_deleted")).status, (await withKey("sb_secret_inner")).status], [401, 401]);
  const [secret, publishable] = requests.map(({ headers }) => [headers.get("apikey"), headers.get("authorization")]);
  assertEquals(secret, ["sb_secret_inner", "Bearer sb_secret_inner"]);
  assertEquals(publishable, ["sb_publishable_x", "Bearer sb_publishable_x"]);
  assertEquals(requests.length, 2);
});

Deno.test("a preflight of Auth and REST allows the requested headers, and does not reach lite", async () => {
  const { ask, requests } = setUp();
  for (const path of ["/auth/v1/token", "/rest/v1/matches"]) {
    const headers = { origin: "http://app.test", "access-control-request-headers": "apikey,x-client-info" };
    const response = await ask(path, { method: "OPTIONS", headers });
    assertEquals([response.status, response.headers.get("access-control-allow-headers")], [204, "apikey,x-client-info"]);
    assertEquals(response.headers.get("access-control-allow-origin"), "*");
  }
  assertEquals(requests.length, 0);
});

Deno.test("the link of a mail leads to the page with a session of exchanged tokens, or with the reason, and never to another site", async () => {
  const session = { access_token: "a", refresh_token: "r", expires_in: 3600, expires_at: 9, token_type: "bearer", user: {} };
  const follow = async (supabase: () => Response, to: string) => {
    const { ask, requests } = setUp(supabase);
    const response = await ask(`/auth/v1/verify?token=t&type=invite&redirect_to=${encodeURIComponent(to)}`);
    assertEquals(response.status, 303);
    assertEquals(await requests[0]?.json(), { token_hash: "t", type: "invite" });
    const { origin, pathname, hash } = new URL(response.headers.get("location") ?? "");
    return [origin + pathname, Object.fromEntries(new URLSearchParams(hash.slice(1)))];
  };
  const fragment = {
    access_token: "outer-a",
    refresh_token: "r",
    expires_in: "3600",
    expires_at: "9",
    token_type: "bearer",
    type: "invite",
  };
  assertEquals(await follow(() => Response.json(session), "http://127.0.0.1:1/page"), ["http://127.0.0.1:1/page", fragment]);
  assertEquals(await follow(() => Response.json(session), "https://elsewhere.test/"), ["http://127.0.0.1:1/", fragment]);
  const refused = () => Response.json({ code: 403, error_code: "otp_expired", msg: "expired" }, { status: 403 });
  const reason = { error: "access_denied", error_code: "otp_expired", error_description: "expired" };
  assertEquals(await follow(refused, "http://127.0.0.1:1/"), ["http://127.0.0.1:1/", reason]);
});
