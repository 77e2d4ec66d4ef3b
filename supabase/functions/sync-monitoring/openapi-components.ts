import { ACCESS, type Access } from "../../../types/routes.ts";

const ref = (kind: "responses" | "headers" | "parameters", name: string) => ({ $ref: `#/components/${kind}/${name}` });
const REQUEST_ID = { "X-Request-Id": ref("headers", "RequestId") };
/** The headers of a successful response, and the headers of a read that can answer 304. */
export const HEADERS = REQUEST_ID, READ_HEADERS = { ETag: ref("headers", "ETag"), ...REQUEST_ID };
/** The parameter of a read that can answer 304. */
export const IF_NONE_MATCH = ref("parameters", "IfNoneMatch");

const REFUSALS = {
  400: ["Invalid", "The request is invalid; details name each field"],
  401: ["Unauthorized", "The token or key is missing or invalid"],
  403: ["Forbidden", "The role of the token does not permit it"],
  404: ["NotFound", "No such object exists"],
  409: ["Conflict", "The current state does not permit it"],
  413: ["TooLarge", "The body is too large"],
  429: ["TooManyRequests", "Too many requests; Retry-After says when to try again"],
  500: ["Failed", "An internal error occurred; the log has it under the id of the request"],
  503: ["Unavailable", "The database is not available"],
} as const;
type Refusal = keyof typeof REFUSALS;

/** The error responses of an operation: the responses that every operation has, and the given ones. */
export function refusals(...statuses: Refusal[]): object {
  return Object.fromEntries(
    ([400, 401, 403, ...statuses, 500, 503] as const).map((status) => [status, ref("responses", REFUSALS[status][0])]),
  );
}

/** The 304 response of a read. */
export const NOT_MODIFIED = ref("responses", "NotModified");

const ERROR = { "application/json": { schema: { $ref: "#/components/schemas/ErrorResponse" } } };
const refusal = (status: string, description: string) => ({
  description,
  headers: { ...(status === "429" ? { "Retry-After": ref("headers", "RetryAfter") } : {}), ...REQUEST_ID },
  content: ERROR,
});

/** The components of the document except its schemas. */
export const COMPONENTS = {
  responses: {
    NotModified: { description: "The caller has the current answer: If-None-Match names its ETag", headers: READ_HEADERS },
    ...Object.fromEntries(Object.entries(REFUSALS).map(([status, [name, description]]) => [name, refusal(status, description)])),
  },
  headers: {
    ETag: { description: "The tag of the answer, for If-None-Match.", schema: { type: "string" } },
    RequestId: { description: "The id of the request in logs and in the audit log.", schema: { type: "string", format: "uuid" } },
    RetryAfter: { description: "The seconds after which the request can be repeated.", schema: { type: "integer" } },
  },
  parameters: {
    IfNoneMatch: {
      name: "If-None-Match",
      in: "header",
      description: "The ETag of an earlier answer, or several: the response is 304 while it is the current one.",
      schema: { type: "string" },
    },
  },
  securitySchemes: {
    user_token: { type: "http", scheme: "bearer", description: "The access token of a user; its app_metadata.role is the role." },
    secret_key: { type: "apiKey", in: "header", name: "apikey", description: "A secret key of the project." },
    prometheus_token: { type: "http", scheme: "bearer", description: "PROMETHEUS_TOKEN." },
    badge_token: { type: "apiKey", in: "query", name: "token", description: "BADGE_TOKEN." },
  },
} as const;

/** The tags of the operations; each has the first segments of the paths of its operations. */
const TAGS: Record<string, [description: string, segments: string[]]> = {
  Health: ["The status of the syncs and of the monitoring", ["health-overview", "system-status", "setup", "test-connectivity", "badge"]],
  Runs: ["Runs and their figures", ["executions", "performance-history", "sync-statistics", "metrics", "prometheus", ""]],
  Errors: ["Classified errors and their groups", ["errors", "error-analytics"]],
  Tournaments: ["The synced tournaments", ["tournaments"]],
  Alerts: ["Incidents, silences, and the messages about them", ["alerts", "silences", "notifications", "alert-quality"]],
  Rules: ["The rules that open incidents", ["alert-rules"]],
  Channels: ["The destinations of notifications, and their canaries", ["channels", "canaries"]],
  Objectives: ["Error budgets, and the report of each week", ["objectives", "weekly-report"]],
  Queue: ["The jobs of syncs that people start", ["manual-trigger", "jobs", "queue-status", "process-queue", "upstream"]],
  Settings: ["Entities, retention and people", ["entities", "retention", "people"]],
  Audit: ["The acts of people", ["audit"]],
  Document: ["This document, and the search over all objects", ["openapi.json", "search"]],
};
export const TAG_LIST = Object.entries(TAGS).map(([name, [description]]) => ({ name, description }));

const NEEDS: Record<Access, string> = {
  viewer: "the role viewer or higher, or a secret key",
  operator: "the role operator or higher, or a secret key",
  admin: "the role admin, or a secret key",
  secret: "a secret key",
  prometheus_token: "the token of scrapers",
  badge_token: "the token of badges",
};
const OWN_SCHEME = ACCESS.filter((access) => access.endsWith("_token"));

/** The fields of an operation except its request and responses; programs read its access from `x-access`. */
export function operation(operationId: string, path: string, access: Access, summary: string) {
  const segment = path.split("/")[1] ?? "";
  const schemes = access === "secret" ? ["secret_key"] : OWN_SCHEME.includes(access) ? [access] : ["user_token", "secret_key"];
  return {
    operationId,
    summary,
    description: `Needs ${NEEDS[access]}.`,
    tags: Object.keys(TAGS).filter((tag) => TAGS[tag]?.[1].includes(segment)),
    "x-access": access,
    security: schemes.map((scheme) => ({ [scheme]: [] })),
  };
}
