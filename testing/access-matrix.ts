// The matrix of routes and credentials, which compares the answer of each route with the access in the OpenAPI document.
import { z } from "zod";
import { ACCESS, type Access } from "../types/routes.ts";
import { ROLES } from "../types/people.ts";
import { createKeys } from "../platform/keys.ts";
import type { TestDatabase } from "./database.ts";

export const TOKENS = { PROMETHEUS_TOKEN: "prometheus-token-of-32-characters", BADGE_TOKEN: "a-badge-token-with-32-characters-" };

interface App {
  fetch(request: Request): Response | Promise<Response>;
  routes: { method: string; path: string }[];
}

interface Credential {
  headers: Record<string, string>;
  query?: string;
  /** The access that the credential proves: the index of its role in `ROLES`, -1 for a user without a role, another access, or null. */
  proves: number | "secret" | "prometheus_token" | "badge_token" | null;
}

/** Credentials of each kind, and credentials with one fault. */
export async function createCredentials(db: TestDatabase): Promise<Record<string, Credential>> {
  const bearer = (token: string) => ({ authorization: `Bearer ${token}` });
  const user = async (role: string | null, proves: number | null, options: Parameters<TestDatabase["token"]>[1] = {}) => ({
    headers: bearer(await db.token(role, options)),
    proves,
  });
  const { publishable, secret } = db.keys;
  return {
    "no credential": { headers: {}, proves: null },
    "the publishable key": { headers: { apikey: publishable }, proves: null },
    "the publishable key as key and token": { headers: { apikey: publishable, ...bearer(publishable) }, proves: null },
    "a user without a role": await user(null, -1),
    "a user with an unknown role": await user("owner", -1),
    "a user with a role in user_metadata": await user(null, -1, { claims: { user_metadata: { role: "admin" } } }),
    ...Object.fromEntries(await Promise.all(ROLES.map(async (role, rank) => [role, await user(role, rank)] as const))),
    "an admin with the publishable key": { headers: { apikey: publishable, ...bearer(await db.token("admin")) }, proves: 2 },
    "an admin whose token expired": await user("admin", null, { expires: "-1h" }),
    "an admin of another project": await user("admin", null, { keys: await createKeys() }),
    "the secret key": { headers: { apikey: secret }, proves: "secret" },
    "the secret key as a token": { headers: bearer(secret), proves: null },
    "a wrong secret key": { headers: { apikey: "sb_secret_wrong" }, proves: null },
    "the token of scrapers": { headers: bearer(TOKENS.PROMETHEUS_TOKEN), proves: "prometheus_token" },
    "the token of badges": { headers: {}, query: `token=${encodeURIComponent(TOKENS.BADGE_TOKEN)}`, proves: "badge_token" },
  };
}

/** The answer that a route with this access must give. */
function expected(access: Access, { proves }: Credential): "401" | "403" | "admitted" {
  const rank = (ROLES as readonly string[]).indexOf(access);
  if (rank < 0) return proves === access ? "admitted" : "401";
  if (proves === "secret") return "admitted";
  if (typeof proves !== "number") return "401";
  return proves >= rank ? "admitted" : "403";
}

const Operations = z.object({ paths: z.record(z.string(), z.record(z.string(), z.looseObject({ "x-access": z.unknown() }))) });

const PARAMETERS: Record<string, string> = {
  id: "00000000-0000-4000-8000-00000000000f",
  no: "8104",
  type: "tournaments",
  subject: "jobs",
  name: "all.svg",
};

async function answerOf(app: App, method: string, path: string, { headers, query = "" }: Credential): Promise<string> {
  const url = `http://functions.test${path.replace(/\{(\w+)\}/g, (_, name) => PARAMETERS[name] ?? name)}?${query}`;
  // The body is no JSON, so a route that admits the caller refuses the request with 400 and changes nothing.
  const response = await app.fetch(new Request(url, { method: method.toUpperCase(), headers, ...method === "get" ? {} : { body: "[" } }));
  await response.body?.cancel();
  const { status } = response;
  return status === 401 || status === 403 ? String(status) : status < 500 ? "admitted" : `an error ${status}`;
}

/** Each route that only the document or only a function has, that states no access, or whose answer differs from its access. */
export async function findRouteHoles(
  document: unknown,
  apps: Record<string, App>,
  credentials: Record<string, Credential>,
): Promise<string[]> {
  const holes: string[] = [], served = new Set<string>();
  const { paths } = Operations.parse(document);
  const operations = new Map<string, unknown>(
    Object.entries(paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, operation]) => [`${method} ${path}`, operation["x-access"]] as const)
    ),
  );
  for (const [name, app] of Object.entries(apps)) {
    const routes = app.routes.filter(({ method }) => method !== "ALL").map(({ method, path }) =>
      `${method.toLowerCase()} ${path.replace(/:(\w+)/g, "{$1}").replace(/(.)\/$/, "$1")}`
    );
    for (const route of new Set(routes)) {
      const [method = "", path = ""] = route.split(" ");
      const documented = operations.has(route) ? route : route.replace(`/${name}`, "/{function_name}");
      served.add(documented);
      const access = z.enum(ACCESS).safeParse(operations.get(documented)).data;
      if (!operations.has(documented)) holes.push(`${route} is not in the document`);
      else if (!access) holes.push(`${route} states no access`);
      else {
        for (const [who, credential] of Object.entries(credentials)) {
          const [is, should] = [await answerOf(app, method, path, credential), expected(access, credential)];
          if (is !== should) holes.push(`${route} (${access}) answers ${is} instead of ${should} to ${who}`);
        }
      }
    }
  }
  return [...holes, ...[...operations.keys()].filter((route) => !served.has(route)).map((route) => `${route} is served by no function`)];
}
