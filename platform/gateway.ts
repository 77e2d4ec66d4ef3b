import type { FunctionHost } from "./functions.ts";
import type { TokenSigner } from "./keys.ts";
import type { VisStandIn } from "./vis/stand-in.ts";

interface GatewayParts {
  supabase: (request: Request) => Promise<Response>;
  signer: TokenSigner;
  functions: FunctionHost;
  vis: VisStandIn;
  /** Serves a file of the page; null when the path has none. */
  dashboard: (pathname: string) => Promise<Response | null>;
}

const ANY_ORIGIN = { "access-control-allow-origin": "*" };
const answer = (status: number, code: string, message: string): Response =>
  Response.json({ code, message }, { status, headers: ANY_ORIGIN });

/** Serves everything on one address with the paths of a hosted project; `/vis` is the stand-in service. */
export function createGateway({ supabase, signer, functions, vis, dashboard }: GatewayParts): (request: Request) => Promise<Response> {
  return async (request) => {
    const { pathname } = new URL(request.url);
    if (pathname === "/auth/v1/.well-known/jwks.json") return Response.json(signer.jwks, { headers: ANY_ORIGIN });
    const name = /^\/functions\/v1\/([^/]+)/.exec(pathname)?.[1];
    if (name !== undefined) {
      return functions.has(name) ? await functions.serve(name, request) : answer(404, "NOT_FOUND", `the function ${name} does not exist`);
    }
    if (pathname === "/auth/v1/verify" && request.method === "GET") return await followLink(request, supabase, signer);
    if (pathname.startsWith("/vis/")) return await vis.fetch(request);
    if (pathname.startsWith("/rest/v1") || pathname.startsWith("/auth/v1")) return await withTokens(request, supabase, signer);
    const file = ["GET", "HEAD"].includes(request.method) ? await dashboard(pathname) : null;
    if (file) return file;
    if (pathname === "/") {
      return new Response("The page is being built; the API is under /functions/v1, /rest/v1 and /auth/v1.\n", {
        headers: { refresh: "2" },
      });
    }
    return answer(404, "NOT_FOUND", `the path ${pathname} does not exist`);
  };
}

/** Exchanges the tokens of requests and answers, so that clients see only ES256 tokens. */
async function withTokens(request: Request, supabase: GatewayParts["supabase"], signer: TokenSigner): Promise<Response> {
  const token = /^Bearer (ey.+)$/.exec(request.headers.get("authorization") ?? "")?.[1];
  let inner = request;
  if (token) {
    const headers = new Headers(request.headers);
    try {
      headers.set("authorization", `Bearer ${await signer.inward(token)}`);
    } catch {
      return answer(401, "PGRST301", "the token is invalid or expired");
    }
    inner = new Request(request, { headers });
  }
  const response = await supabase(inner);
  const isAuth = new URL(request.url).pathname.startsWith("/auth/v1");
  if (!isAuth || !response.headers.get("content-type")?.includes("json")) return response;
  const body = await response.json();
  for (const session of [body, body?.session]) {
    if (typeof session?.access_token !== "string") continue;
    const { app_metadata, user_metadata } = session.user ?? {};
    session.access_token = await signer.outward(session.access_token, { app_metadata, user_metadata, aal: "aal1", is_anonymous: false });
  }
  const headers = new Headers(response.headers);
  headers.delete("content-length");
  return new Response(JSON.stringify(body), { status: response.status, headers });
}

/** Answers the link of a mail as hosted Auth does: it leads to the page, with a session or an error in the fragment. */
async function followLink(request: Request, supabase: GatewayParts["supabase"], signer: TokenSigner): Promise<Response> {
  const { origin, searchParams } = new URL(request.url);
  const type = searchParams.get("type") ?? "";
  const wanted = URL.parse(searchParams.get("redirect_to") ?? "");
  // A link may not carry a session to another site.
  const target = wanted?.origin === origin ? wanted : new URL(origin);
  const body = JSON.stringify({ token_hash: searchParams.get("token"), type });
  const response = await withTokens(new Request(`${origin}/auth/v1/verify`, { method: "POST", body }), supabase, signer);
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
