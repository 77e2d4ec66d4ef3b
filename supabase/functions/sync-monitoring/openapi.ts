import { z } from "@hono/zod-openapi";
import { ChannelName } from "../../../types/admin.ts";
import { type Route, ROUTES } from "../../../types/routes.ts";
import { VERSION } from "../../../services/version.ts";
import { ErrorResponse } from "../../../types/sync.ts";
import type { FunctionApp } from "../_shared/app.ts";
import { COMPONENTS, HEADERS, operation, refusals, TAG_LIST } from "./openapi-components.ts";
import { createSchemaWriter } from "./openapi-schemas.ts";

const INFO = {
  openapi: "3.1.0",
  info: {
    title: "Beach volleyball sync",
    version: VERSION,
    description: "The reads (sync-monitoring), the actions of people (sync-admin) and the functions that machines call.",
    license: { name: "MIT", identifier: "MIT" },
  },
  servers: [{ url: "/functions/v1" }],
  tags: TAG_LIST,
};
type Definition = FunctionApp["openAPIRegistry"]["definitions"][number];
/** The description of a route with its schemas, from an app or from the table of routes. */
type Described = Extract<Definition, { type: "route" }>["route"];
type Write = (schema: z.ZodType) => object;

/** The schemas of the path parameters; `name` is the name of a channel. */
const PARAMETERS: Record<string, z.ZodType> = {
  id: z.uuid(),
  name: ChannelName,
  type: z.string().describe("The type of an entity, of GET sync-admin/entities"),
  subject: z.string().describe("A subject of GET sync-admin/retention"),
  badge: z.string().describe("The type of an entity or `all`, followed by `.svg`"),
  function_name: z.string().describe("The function_name of an entity, of GET sync-admin/entities"),
};

/** The description of a route of the table in the form of an app. */
function describe(route: Route): Described {
  const { method, status, summary, body, answer } = route;
  const path = `/${route.function}${route.path === "/" ? "" : route.path}`;
  const params = [...path.matchAll(/\{(\w+)\}/g)].map(([, name = ""]) => [name, PARAMETERS[name] ?? z.string()] as const);
  const media = typeof answer === "string" ? { [answer]: { schema: z.string() } } : answer && { "application/json": { schema: answer } };
  return {
    method,
    path,
    ...operation(route.operation, route.path, route.access, summary),
    request: {
      params: z.object(Object.fromEntries(params)),
      ...route.headers && { headers: route.headers },
      ...route.query && { query: route.query },
      // An absent body counts as {}.
      ...body && { body: { content: { "application/json": { schema: body } }, required: !body.safeParse({}).success } },
    },
    responses: {
      [status]: { description: summary, headers: HEADERS, ...media && { content: media } },
      ...refusals(...route.refusals, ...body ? [413 as const] : []),
    },
  };
}

function parametersOf(place: "path" | "header" | "query", schemas: unknown, write: Write): object[] {
  if (!(schemas instanceof z.ZodObject)) return [];
  return Object.entries(schemas.shape as Record<string, z.ZodType>).map(([name, schema]) => ({
    name,
    in: place,
    required: !schema.safeParse(undefined).success,
    ...schema.description && { description: schema.description },
    schema: write(schema),
  }));
}

/** A request body or a response with JSON Schema in place of its Zod schemas. */
function withContent(part: object, write: Write): object {
  if (!("content" in part)) return part;
  const content = Object.entries(part.content as Record<string, { schema: z.ZodType }>);
  return { ...part, content: Object.fromEntries(content.map(([type, { schema }]) => [type, { schema: write(schema) }])) };
}

function operationOf({ request = {}, responses, parameters = [], ...described }: Described, write: Write): object {
  const { operationId, summary, description, tags, security, "x-access": access } = described;
  return {
    ...{ operationId, summary, description, tags, security, "x-access": access },
    parameters: [
      ...parameters,
      ...parametersOf("path", request.params, write),
      ...parametersOf("header", request.headers, write),
      ...parametersOf("query", request.query, write),
    ],
    ...request.body && { requestBody: withContent(request.body, write) },
    responses: Object.fromEntries(Object.entries(responses).map(([status, response]) => [status, withContent(response, write)])),
  };
}

/** The API of all functions as OpenAPI 3.1: `app` describes its own routes, `types/routes.ts` those of the other functions. */
export function openApiDocument(app: FunctionApp): object {
  const { components, write } = createSchemaWriter();
  write(ErrorResponse);
  const own = app.openAPIRegistry.definitions.flatMap((definition) =>
    definition.type === "route" ? [{ ...definition.route, path: `/sync-monitoring${definition.route.path}` }] : []
  );
  const paths: Record<string, Record<string, object>> = {};
  for (const route of [...own, ...ROUTES.map(describe)]) {
    (paths[route.path] ??= {})[route.method] = operationOf(route, write);
  }
  const document = JSON.stringify({ ...INFO, paths, components: { ...COMPONENTS, schemas: components } });
  return JSON.parse(document.replaceAll('"#/$defs/', '"#/components/schemas/'));
}
