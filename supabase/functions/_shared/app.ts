import { OpenAPIHono } from "@hono/zod-openapi";
import { bodyLimit } from "hono/body-limit";
import { cors } from "hono/cors";
import type { Context, MiddlewareHandler } from "hono";
import { HTTPException } from "hono/http-exception";
import { z } from "zod";
import type { AppErrorCode, ErrorCode } from "../../../services/error-table.ts";
import { AppError, DatabaseError } from "../../../services/errors.ts";
import type { Log } from "../../../services/log.ts";
import type { Rpc } from "../../../services/rpc.ts";
import { classify } from "../../../services/classification.ts";
import type { Actor } from "../../../services/contract/fields.ts";
import { type Env, readEnv } from "../../../services/env.ts";
import { isStorable, safeText } from "../../../services/text.ts";
import { type Access, createAccess, type User } from "./access.ts";
import { type Role, ROLES } from "../../../types/people.ts";
import "./pinned-packages.ts";
import { problemOf } from "./problems.ts";
import { schemaCheck } from "./schema-check.ts";

/**
 * The headers that supabase-js sends. A test compares them with `@supabase/supabase-js/cors`, which is not imported, because an import
 * deploys the whole client with each function.
 */
export const CLIENT_HEADERS = [
  "authorization",
  "x-client-info",
  "apikey",
  "content-type",
  "x-retry-count",
  "traceparent",
  "tracestate",
  "baggage",
];
/** The cache time of a preflight, which is a billed invocation; Chromium caches it for at most two hours. */
const PREFLIGHT_MAX_AGE_S = 7_200;
const MAX_BODY_BYTES = 64 * 1024;
const tooLarge = new AppError("PAYLOAD_TOO_LARGE", `the body may have at most ${MAX_BODY_BYTES} bytes`);

// Schemas without their own message have these messages, also in the middleware that validates a route.
z.config({ localeError: problemOf });

/** The caller of a request: a signed-in user, or a service with the secret key of this name. */
type Caller = { user: User } | { keyName: string };
export type AppVariables = {
  Variables: { caller: Caller; keyName: string | null; access: Access; requestId: string; correlationId: string | null };
};
export type FunctionApp = OpenAPIHono<AppVariables>;
/** The error for a 304, when the caller has the current answer. */
export class NotModified extends Error {
  override name = "NotModified";
}

export interface AppDeps {
  rpc: Rpc;
  log: Log;
  /** The means to identify callers; by default, those of the environment. */
  access?: Access;
}

/** An app under `/<name>` with CORS, request ids, error responses and the schema check; each route adds its authentication. */
export function createFunctionApp(name: string, deps: AppDeps): FunctionApp {
  const app = new OpenAPIHono<AppVariables>({
    strict: false,
    defaultHook: (result) => {
      if (!result.success) throw invalid(result.error);
    },
  }).basePath(`/${name}`);
  app.use(
    "*",
    cors({
      allowHeaders: [...CLIENT_HEADERS, "if-none-match", "idempotency-key", "x-correlation-id"],
      exposeHeaders: ["etag", "retry-after", "x-request-id"],
      maxAge: PREFLIGHT_MAX_AGE_S,
    }),
  );
  app.use("*", async (c, next) => {
    // Audit rows and vouchers have this request id, because the caller cannot choose it.
    c.set("requestId", crypto.randomUUID());
    c.set("correlationId", safeText(c.req.header("x-correlation-id") ?? "", 100) || null);
    c.header("x-request-id", c.get("requestId"));
    await next();
  });
  app.use("*", bodyLimit({ maxSize: MAX_BODY_BYTES, onError: (c) => answerError(c, tooLarge) }));
  app.use("*", async (c, next) => {
    refuseUnstorable(Object.fromEntries(Object.entries(c.req.queries()).map(([name, values]) => [name, values.join(" ")])));
    await next();
  });
  let access = deps.access;
  app.use("*", async (c, next) => {
    c.set("access", access ??= createAccess(readEnv()));
    // The key is checked before the first call of the database, which uses the key of the caller.
    const apikey = c.req.header("apikey");
    c.set("keyName", apikey ? await access.keys.accept(apikey) : null);
    await next();
  });
  app.use("*", schemaCheck(deps.rpc));
  app.notFound((c) => {
    const hasPath = app.routes.some((route) =>
      route.method !== "ALL" && new URLPattern({ pathname: route.path }).test({ pathname: c.req.path })
    );
    const [code, message]: [AppErrorCode, string] = hasPath
      ? ["METHOD_NOT_ALLOWED", `${c.req.method} is not allowed for ${c.req.path}`]
      : ["NOT_FOUND", `the path ${c.req.path} does not exist`];
    return answerError(c, new AppError(code, message));
  });
  app.onError((error, c) => {
    if (error instanceof NotModified) return c.body(null, 304);
    const answer = toAppError(error);
    if (answer.status >= 500) {
      deps.log("error", "request_failed", {
        request_id: c.get("requestId"),
        correlation_id: c.get("correlationId"),
        path: c.req.path,
        message: String(error),
      });
    }
    return answerError(c, answer);
  });
  return app;
}

/** The token of a user in the headers; a bearer token that repeats the key is no token of a user. */
function tokenOf(authorization: string | undefined, apikey: string | undefined): string | null {
  const token = /^Bearer +(\S+)$/i.exec(authorization ?? "")?.[1];
  return !token || token === apikey || token.startsWith("sb_") ? null : token;
}

/** The fault of the credentials in the headers of a request. */
function whyNoAccess({ authorization, apikey }: Partial<Record<"authorization" | "apikey", string>>): string {
  if (apikey && !apikey.startsWith("sb_publishable_")) return "the key in the header apikey is not a secret key of this project";
  if (authorization && !apikey) {
    return "the header authorization must be Bearer and an access token; a secret key is sent in the header apikey";
  }
  return "sign in, or send a secret key of this project in the header apikey";
}

function authenticate(...modes: ("user" | "secret")[]): MiddlewareHandler<AppVariables> {
  return async (c, next) => {
    const { authorization, apikey } = c.req.header();
    const keyName = c.get("keyName");
    const token = modes.includes("user") ? tokenOf(authorization, apikey) : null;
    if (token) c.set("caller", { user: await c.get("access").verify(token) });
    else if (keyName !== null) c.set("caller", { keyName });
    else throw new AppError("UNAUTHORIZED", whyNoAccess(c.req.header()));
    await next();
  };
}

/** Admits only requests with a secret key of the project in `apikey`, such as those of pg_cron and of other edge functions. */
export const requireSecret: MiddlewareHandler<AppVariables> = authenticate("secret");

/** Admits any secret key of the project, and a signed-in user with the role `least` or a higher role; any other user gets 403. */
export function requireRole(least: Role): [MiddlewareHandler<AppVariables>, MiddlewareHandler<AppVariables>] {
  return [
    authenticate("user", "secret"),
    async (c, next) => {
      const caller = c.get("caller");
      if ("user" in caller) {
        const role = z.enum(ROLES).safeParse(caller.user.app_metadata?.role).data;
        if (!role || ROLES.indexOf(role) < ROLES.indexOf(least)) {
          throw new AppError("FORBIDDEN", `this requires the role ${least}; your role is ${role ?? "none"}`);
        }
      }
      await next();
    },
  ];
}

/** Refuses every query parameter, for routes without one, because an ignored filter looks like a filter that matched every row. */
export const refuseQuery: MiddlewareHandler<AppVariables> = async (c, next) => {
  parse(z.strictObject({}), c.req.query());
  await next();
};

/** The address of the client from the header that the platform sets, else from a header that the caller can set. */
function addressOf(c: Context<AppVariables>, trusted: string | undefined): { address: string | null; address_is_claimed: boolean } {
  const first = (name: string, position: number) => safeText(c.req.header(name)?.split(",").at(position)?.trim() ?? "", 100) || null;
  // A proxy appends the address of its client to the list that the client sent, so the last address is the trusted one.
  const known = trusted ? first(trusted, -1) : null;
  return known === null
    ? { address: first("x-forwarded-for", 0), address_is_claimed: true }
    : { address: known, address_is_claimed: false };
}

/** The actor of a request: the signed-in user by email or id, or the service by the name of its key; with the request's ids and address. */
export function actorOf(c: Context<AppVariables>, { CLIENT_ADDRESS_HEADER }: Pick<Env, "CLIENT_ADDRESS_HEADER"> = {}): Actor {
  const caller = c.get("caller");
  const who = "user" in caller
    ? {
      name: caller.user.email ?? caller.user.sub,
      id: caller.user.sub,
      role: z.string().safeParse(caller.user.app_metadata?.role).data ?? "none",
    }
    : { name: `secret key ${caller.keyName}`, id: null, role: "service" };
  return {
    ...who,
    request_id: c.get("requestId"),
    correlation_id: c.get("correlationId"),
    ...addressOf(c, CLIENT_ADDRESS_HEADER),
  };
}

/** Reads a JSON body; an empty body counts as `{}`. @throws AppError BAD_REQUEST that names each invalid field */
export async function readBody<T>(request: Request, schema: z.ZodType<T>): Promise<T> {
  const body = await request.text();
  let value: unknown;
  try {
    value = body.trim() === "" ? {} : JSON.parse(body);
  } catch {
    throw new AppError("BAD_REQUEST", "the body is not valid JSON");
  }
  refuseUnstorable(value);
  return parse(schema, value);
}

/** Refuses a value with a text or a name that Postgres cannot store. @throws AppError BAD_REQUEST that names the field */
function refuseUnstorable(value: unknown): void {
  // The walk uses a list and not recursion, because a body of 64 kB can be nested deeper than the stack.
  const open: { field: string; value: unknown }[] = [{ field: "", value }];
  for (let next = open.pop(); next; next = open.pop()) {
    const entries = typeof next.value === "object" && next.value !== null ? Object.entries(next.value) : [];
    const isBad = typeof next.value === "string" ? !isStorable(next.value) : entries.some(([name]) => !isStorable(name));
    if (isBad) {
      const [field, message] = [next.field || "body", "must be text without NUL characters and halves of surrogate pairs"];
      throw new AppError("BAD_REQUEST", `${field}: ${message}`, [{ field, message }]);
    }
    for (const [name, item] of entries) open.push({ field: next.field ? `${next.field}.${name}` : name, value: item });
  }
}

/** Parses a value from the caller. @throws AppError BAD_REQUEST that names each invalid field */
export function parse<T>(schema: z.ZodType<T>, value: unknown): T {
  const parsed = schema.safeParse(value);
  if (!parsed.success) throw invalid(parsed.error);
  return parsed.data;
}

function invalid(error: z.ZodError): AppError {
  const issues = error.issues.flatMap((issue) =>
    issue.code === "unrecognized_keys"
      ? issue.keys.map((field) => ({ field: [...issue.path, field].join("."), message: issue.message }))
      : [{ field: issue.path.join(".") || "body", message: issue.message }]
  );
  return new AppError("BAD_REQUEST", issues.map((issue) => `${issue.field}: ${issue.message}`).join("; "), issues);
}

/** The failures of the database that pass without a change of the request, the code or the schema. */
const TRANSIENT: ErrorCode[] = ["DATABASE_UNREACHABLE", "DATABASE_BUSY", "DATABASE_FULL"];

function toAppError(error: unknown): AppError {
  if (error instanceof AppError) return error;
  if (error instanceof HTTPException) {
    if (error.status === 403) return new AppError("FORBIDDEN", error.message);
    if (error.status < 500) return new AppError("BAD_REQUEST", error.message);
  }
  if (error instanceof DatabaseError && TRANSIENT.includes(classify(error).code)) {
    return new AppError("DATABASE_UNAVAILABLE", "the database did not answer, or is too busy to answer");
  }
  return new AppError("INTERNAL", "an internal error occurred; the log has it under this request id");
}

const RetryAfter = z.object({ retry_after_s: z.number() });

const answerError = (c: Context, error: AppError): Response => {
  const retryAfter = error.status === 429 ? RetryAfter.safeParse(error.details).data : undefined;
  return c.json(
    { code: error.code, message: error.message, ...(error.details === undefined ? {} : { details: error.details }) },
    error.status,
    retryAfter ? { "retry-after": String(retryAfter.retry_after_s) } : {},
  );
};
