import { OpenAPIHono, z } from "@hono/zod-openapi";
import { type Access, type Route, ROUTES } from "../../../types/routes.ts";
import { ErrorResponse } from "../../../types/sync.ts";
import type { FunctionApp } from "../_shared/app.ts";
import { VERSION } from "../../../services/version.ts";

const INFO = {
  openapi: "3.1.0",
  info: {
    title: "Beach volleyball sync",
    version: VERSION,
    description: "The reads (sync-monitoring), the actions of people (sync-admin) and the functions that machines call.",
  },
  servers: [{ url: "/functions/v1" }],
};
const MEANING: Record<number, string> = {
  400: "The request is invalid; details name each field",
  401: "The token or key is missing or invalid",
  403: "The role of the token does not permit it",
  404: "No such object exists",
  409: "The current state does not permit it",
  429: "Too many requests; Retry-After says when to try again",
  503: "The database is not available",
};
const json = (schema: z.ZodType) => ({ "application/json": { schema } });
const SECURITY_SCHEMES = {
  user_token: { type: "http", scheme: "bearer", description: "The access token of a user; its app_metadata.role is the role." },
  secret_key: { type: "apiKey", in: "header", name: "apikey", description: "A secret key of the project." },
  prometheus_token: { type: "http", scheme: "bearer", description: "PROMETHEUS_TOKEN." },
  badge_token: { type: "apiKey", in: "query", name: "token", description: "BADGE_TOKEN." },
} as const;
const NEEDS: Record<Access, string> = {
  viewer: "the role viewer or higher",
  operator: "the role operator or higher",
  admin: "the role admin",
  secret: "a secret key",
  prometheus_token: "the token of scrapers",
  badge_token: "the token of badges",
};

/** The access of an operation in the document: `x-access` for machines, and the `security` of OpenAPI. */
export function statedAccess(access: Access) {
  const schemes: (keyof typeof SECURITY_SCHEMES)[] = access === "secret"
    ? ["secret_key"]
    : access === "prometheus_token" || access === "badge_token"
    ? [access]
    : ["user_token", "secret_key"];
  return { "x-access": access, security: schemes.map((scheme) => ({ [scheme]: [] })) };
}

function contentOf(answer: Route["answer"]) {
  if (answer === null) return {};
  return { content: typeof answer === "string" ? { [answer]: { schema: z.string() } } : json(answer) };
}

function describe(route: Route) {
  const path = `/${route.function}${route.path === "/" ? "" : route.path}`;
  const params = [...path.matchAll(/\{(\w+)\}/g)].map(([, name = ""]) => [name, z.string()] as const);
  const refusals = [400, 401, 403, ...route.refusals, 503].map((status) =>
    [status, { description: MEANING[status] ?? "", content: json(ErrorResponse) }] as const
  );
  return {
    method: route.method,
    path,
    description: `${route.description}. Needs ${NEEDS[route.access]}.`,
    ...statedAccess(route.access),
    request: {
      ...params.length ? { params: z.object(Object.fromEntries(params)) } : {},
      ...route.query ? { query: route.query } : {},
      ...route.body ? { body: { content: json(route.body) } } : {},
    },
    responses: {
      [route.status]: { description: route.description, ...contentOf(route.answer) },
      ...Object.fromEntries(refusals),
    },
  };
}

/** The API of all functions as OpenAPI 3.1: `app` describes its own routes, `types/routes.ts` those of the other functions. */
export function openApiDocument(app: FunctionApp) {
  const others = new OpenAPIHono();
  for (const route of ROUTES) others.openAPIRegistry.registerPath(describe(route));
  const own = app.getOpenAPI31Document(INFO);
  const paths = { ...own.paths, ...others.getOpenAPI31Document(INFO).paths };
  return { ...own, components: { ...own.components, securitySchemes: SECURITY_SCHEMES }, paths };
}
