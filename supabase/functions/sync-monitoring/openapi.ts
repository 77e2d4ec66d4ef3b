import { OpenAPIHono, z } from "@hono/zod-openapi";
import { type Route, ROUTES } from "../../../types/routes.ts";
import { ErrorResponse } from "../../../types/sync.ts";
import { type FunctionApp, SCHEMA_VERSION } from "../_shared/app.ts";

const INFO = {
  openapi: "3.1.0",
  info: {
    title: "Beach volleyball sync",
    version: String(SCHEMA_VERSION),
    description: "What is looked at (sync-monitoring), what people do (sync-admin), and what machines start.",
  },
  servers: [{ url: "/functions/v1" }],
};
const MEANING: Record<number, string> = {
  400: "What was sent is wrong, each bad field by name",
  401: "No token and no key",
  403: "The token's role may not do this",
  404: "There is none",
  409: "Not as things stand",
  429: "Too often; Retry-After says when",
  503: "The database cannot be read",
};
const json = (schema: z.ZodType) => ({ "application/json": { schema } });

function describe(route: Route) {
  const params = [...route.path.matchAll(/\{(\w+)\}/g)].map(([, name = ""]) => [name, z.string()] as const);
  const refusals = [400, 401, 403, ...route.refusals, 503].map((status) =>
    [status, { description: MEANING[status] ?? "", content: json(ErrorResponse) }] as const
  );
  return {
    method: route.method,
    path: `/${route.function}${route.path === "/" ? "" : route.path}`,
    description: `${route.description}. ${route.least === "secret" ? "The secret key only." : `From ${route.least} up.`}`,
    request: {
      ...params.length ? { params: z.object(Object.fromEntries(params)) } : {},
      ...route.query ? { query: route.query } : {},
      ...route.body ? { body: { content: json(route.body) } } : {},
    },
    responses: {
      [route.status]: { description: route.description, ...route.answer ? { content: json(route.answer) } : {} },
      ...Object.fromEntries(refusals),
    },
  };
}

/** The API of all functions as OpenAPI 3.1: this one's routes describe themselves, the others are in `types/routes.ts`. */
export function openApiDocument(app: FunctionApp) {
  const others = new OpenAPIHono();
  for (const route of ROUTES) others.openAPIRegistry.registerPath(describe(route));
  const own = app.getOpenAPI31Document(INFO);
  return { ...own, paths: { ...own.paths, ...others.getOpenAPI31Document(INFO).paths } };
}
