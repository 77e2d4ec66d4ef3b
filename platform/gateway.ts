import { compress } from "./compression.ts";
import type { FunctionHost } from "./functions.ts";
import type { TokenSigner } from "./keys.ts";
import type { VisStandIn } from "./vis/stand-in.ts";

interface GatewayParts {
  /** The address, such as `http://127.0.0.1:54321`. */
  base: string;
  supabase: (request: Request) => Promise<Response>;
  /** The secret key of lite in place of a key of the project; null for an unknown key. */
  innerKey: (key: string) => string | null;
  signer: TokenSigner;
  functions: FunctionHost;
  vis: VisStandIn;
  /** Serves a file of the page; null when the path is no file. */
  dashboard: (url: URL) => Promise<Response | null>;
}

const ANY_ORIGIN = { "access-control-allow-origin": "*" };
const answer = (status: number, code: string, message: string): Response =>
  Response.json({ code, message }, { status, headers: ANY_ORIGIN });

/** The answer to a preflight of REST and Auth, as in a hosted project: it allows every requested header. */
const preflight = (request: Request): Response =>
  new Response(null, {
    status: 204,
    headers: {
      ...ANY_ORIGIN,
      "access-control-allow-methods": "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS",
      "access-control-allow-headers": request.headers.get("access-control-request-headers") ?? "",
      "access-control-max-age": "3600",
    },
  });

/**
 * Serves every part on one address with the paths of a hosted project; `/vis` is the stand-in for VIS. Another host name is refused,
 * because a site can resolve its own name to this address and then read the answers (DNS rebinding).
 */
export function createGateway(parts: GatewayParts): (request: Request) => Promise<Response> {
  const answerTo = createRoutes(parts);
  const hosts = ["127.0.0.1", "localhost", "[::1]"].map((name) => Object.assign(new URL(parts.base), { hostname: name }).host);
  return async (request) => {
    const { host, pathname } = new URL(request.url);
    if (!hosts.includes(host)) {
      return answer(
        421,
        "MISDIRECTED_REQUEST",
        `the host ${host} is not an address of this platform; its addresses are ${hosts.join(", ")}`,
      );
    }
    const response = await answerTo(request);
    return pathname.startsWith("/vis/") ? response : compress(request, response);
  };
}

function createRoutes({ supabase, innerKey, signer, functions, vis, dashboard }: GatewayParts): (request: Request) => Promise<Response> {
  return async (request) => {
    const url = new URL(request.url);
    const { pathname } = url;
    if (pathname === "/auth/v1/.well-known/jwks.json") return Response.json(signer.jwks, { headers: ANY_ORIGIN });
    const name = /^\/functions\/v1\/([^/]+)/.exec(pathname)?.[1];
    if (name !== undefined) {
      return functions.has(name) ? await functions.serve(name, request) : answer(404, "NOT_FOUND", `the function ${name} does not exist`);
    }
    if (pathname === "/auth/v1/verify" && request.method === "GET") return await followLink(request, { supabase, innerKey, signer });
    if (pathname.startsWith("/vis/")) {
      // Programs call VIS, and no page does. Without these checks, a page of any site can send a request with an effect.
      if (request.headers.has("origin")) return answer(403, "FORBIDDEN", "a page may not call the stand-in for VIS");
      if (pathname.endsWith("/control") && !innerKey(request.headers.get("apikey") ?? "")) {
        return answer(401, "UNAUTHORIZED", "send a secret key of this project in the header apikey");
      }
      return await vis.fetch(request);
    }
    if (/^\/(rest|auth)\/v1(\/|$)/.test(pathname)) {
      return request.method === "OPTIONS" ? preflight(request) : await withTokens(request, { supabase, innerKey, signer });
    }
    const file = ["GET", "HEAD"].includes(request.method) ? await dashboard(url) : null;
    if (file) return file;
    if (pathname === "/") {
      return new Response("The page is being built; the API is under /functions/v1, /rest/v1 and /auth/v1.\n", {
        headers: { refresh: "2" },
      });
    }
    return answer(404, "NOT_FOUND", `the path ${pathname} does not exist`);
  };
}

/** Converts the keys and tokens of a request and the tokens of its answer, so that clients have only ES256 tokens. */
async function withTokens(
  request: Request,
  { supabase, innerKey, signer }: Pick<GatewayParts, "supabase" | "innerKey" | "signer">,
): Promise<Response> {
  const headers = new Headers(request.headers);
  const apikey = headers.get("apikey");
  if (apikey?.startsWith("sb_secret_")) {
    const key = innerKey(apikey);
    if (!key) return answer(401, "UNAUTHORIZED_INVALID_API_KEY", "Unregistered API key");
    headers.set("apikey", key);
  }
  const token = /^Bearer (.+)$/.exec(headers.get("authorization") ?? "")?.[1];
  if (token && token === apikey) headers.set("authorization", `Bearer ${headers.get("apikey")}`);
  else if (token?.startsWith("ey")) {
    try {
      headers.set("authorization", `Bearer ${await signer.inward(token)}`);
    } catch {
      return answer(401, "PGRST301", "the token is invalid or expired");
    }
  }
  const inner = new Request(request, { headers });
  const response = await supabase(inner);
  // lite sends no CORS header with the answers of Auth.
  const outer = new Headers({ ...Object.fromEntries(response.headers), ...ANY_ORIGIN });
  const isAuth = new URL(request.url).pathname.startsWith("/auth/v1");
  if (!isAuth || !response.headers.get("content-type")?.includes("json")) {
    return new Response(response.body, { status: response.status, headers: outer });
  }
  const body = await response.json();
  for (const session of [body, body?.session]) {
    if (typeof session?.access_token !== "string") continue;
    const { app_metadata, user_metadata } = session.user ?? {};
    session.access_token = await signer.outward(session.access_token, { app_metadata, user_metadata, aal: "aal1", is_anonymous: false });
  }
  outer.delete("content-length");
  return new Response(JSON.stringify(body), { status: response.status, headers: outer });
}

/** Answers the link of a mail as hosted Auth does: a redirect to the page, with a session or an error in the fragment. */
async function followLink(request: Request, parts: Pick<GatewayParts, "supabase" | "innerKey" | "signer">): Promise<Response> {
  const { origin, searchParams } = new URL(request.url);
  const type = searchParams.get("type") ?? "";
  const wanted = URL.parse(searchParams.get("redirect_to") ?? "");
  // A link must not send a session to another site.
  const target = wanted?.origin === origin ? wanted : new URL(origin);
  const body = JSON.stringify({ token_hash: searchParams.get("token"), type });
  const response = await withTokens(new Request(`${origin}/auth/v1/verify`, { method: "POST", body }), parts);
  const answer = await response.json();
  const fragment: Record<string, string> = response.ok
    ? {
      access_token: answer.access_token,
      expires_at: answer.expires_at,
      expires_in: answer.expires_in,
      refresh_token: answer.refresh_token,
      token_type: answer.token_type,
      type,
    }
    : { error: "access_denied", error_code: answer.error_code, error_description: answer.msg };
  target.hash = new URLSearchParams(fragment).toString();
  return new Response(null, { status: 303, headers: { location: target.href } });
}
