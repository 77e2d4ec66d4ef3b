// The routes of the functions without their own descriptions, for the OpenAPI document. Tests compare each route with its function and with
// its access. Over 300 lines, because the routes are one table.
import { z } from "zod";
import {
  AcknowledgeRequest,
  AuditQuery,
  AuditResponse,
  AuditVerifyResponse,
  ChangeEntityRequest,
  ChangeRetentionRequest,
  ChangeRuleRequest,
  ChannelTestResponse,
  ConnectivityResponse,
  CreateRuleRequest,
  EndBackoffRequest,
  EndBackoffResponse,
  Entity,
  EntityListResponse,
  EntityWithPauses,
  LabelRequest,
  LastConnectivityResponse,
  NoteRequest,
  PreviewQuery,
  PreviewRuleRequest,
  PreviewRuleResponse,
  ResolveErrorRequest,
  RetentionResponse,
  RetentionSetting,
  SetupResponse,
  SilenceQuery,
  SilenceRequest,
  VerifyQuery,
} from "./admin.ts";
import {
  AlertNotification,
  AlertRule,
  AlertSilence,
  ChannelListResponse,
  ConfirmedCanary,
  IncidentRow,
  NotificationChannel,
  RuleListResponse,
  SilenceListResponse,
} from "./alerts.ts";
import { ChannelRequest } from "./channel-request.ts";
import {
  CancelJobRequest,
  DrainResponse,
  IdempotencyKey,
  JobDetailResponse,
  JobListResponse,
  JobQuery,
  ManualSyncRequest,
  ManualSyncResponse,
  QueueStatusResponse,
  RequeueJobRequest,
} from "./jobs.ts";
import { ChangeObjectiveRequest, CreateObjectiveRequest, ObjectiveSettings } from "./objectives.ts";
import { ChangePersonRequest, ChangePersonResponse, CreatePersonRequest, PeopleQuery, PeopleResponse, Person } from "./people.ts";
import { StartSyncRequest, StartSyncResponse } from "./sync.ts";

/** The access to a route: with at least this role or a secret key, with a secret key only, or with a token for this route only. */
export const ACCESS = ["viewer", "operator", "admin", "secret", "prometheus_token", "badge_token"] as const;
export type Access = (typeof ACCESS)[number];

export interface Route {
  /** The `operationId` in the document: generated clients have a function or a type of this name. */
  operation: string;
  /** `{function_name}` is the function of any entity. */
  function: string;
  method: "get" | "post" | "put" | "patch" | "delete";
  /** The path, with parameters in braces. */
  path: string;
  summary: string;
  access: Access;
  headers?: z.ZodObject;
  query?: z.ZodObject;
  body?: z.ZodType;
  status: 200 | 201 | 202 | 204;
  /** The schema of the response; a media type when the response is no JSON, and null for 204. */
  answer: z.ZodType | string | null;
  /** The statuses of errors besides 400, 401, 403 and 503. */
  refusals: (404 | 409 | 429)[];
}

/** A notification with its delivery status. */
export const Notification = AlertNotification.omit({ kind: true, recipient: true, deliveries: true });
/** The incident after an action, with the columns that the action returns. */
export const ChangedIncident = IncidentRow.omit({ notified_at: true }).partial().extend({ id: z.uuid(), state: z.string() });
export const StoredSilence = AlertSilence.omit({ is_silencing: true });
export const EndedSilence = StoredSilence.partial().extend({ id: z.uuid() });
export const ResolveErrorResponse = z.object({ resolved: z.number().int() });
/** The body of `POST sync-alert-processor`. */
export const EvaluationRequest = z.object({ cause: z.enum(["cron", "run_ended", "resend"]).optional() });
export const EvaluationResponse = z.object({ status: z.literal("ACCEPTED") });
const TriggerHeaders = z.object({
  "Idempotency-Key": IdempotencyKey.describe("Chosen by the caller: for 24 hours a request with the same key returns the same job."),
});
type Rest = Partial<Pick<Route, "headers" | "query" | "body" | "status" | "refusals">>;
const admin = (
  operation: string,
  method: Route["method"],
  path: string,
  access: Access,
  summary: string,
  answer: Route["answer"],
  rest: Rest = {},
): Route => ({ operation, function: "sync-admin", method, path, access, summary, answer, status: 200, refusals: [], ...rest });

const monitoring = (
  operation: string,
  path: string,
  access: Access,
  summary: string,
  answer: Route["answer"],
  rest: Rest = {},
): Route => ({ operation, function: "sync-monitoring", method: "get", path, access, summary, answer, status: 200, refusals: [], ...rest });

export const ROUTES: readonly Route[] = [
  monitoring("getOpenApiDocument", "/openapi.json", "viewer", "This document", z.record(z.string(), z.unknown())),
  monitoring("scrapeMetrics", "/prometheus", "prometheus_token", "The metrics for a scraper", "text/plain"),
  monitoring(
    "getBadge",
    "/badge/{badge}",
    "badge_token",
    "A badge with the status of an entity or of all, such as `all.svg`",
    "image/svg+xml",
    {
      query: z.object({ token: z.string() }),
      refusals: [404],
    },
  ),
  ...(["acknowledge", "unacknowledge", "resolve"] as const).map((action) =>
    admin(`${action}Alert`, "post", `/alerts/{id}/${action}`, "operator", `A person ${action}s an incident`, ChangedIncident, {
      body: action === "acknowledge" ? AcknowledgeRequest : NoteRequest,
      refusals: [404, 409],
    })
  ),
  admin("labelAlert", "put", "/alerts/{id}/label", "operator", "Labels an incident useful or noise", ChangedIncident, {
    body: LabelRequest,
    refusals: [404, 409],
  }),
  admin("listSilences", "get", "/silences", "viewer", "Silences that are active or start later, by their end", SilenceListResponse, {
    query: SilenceQuery,
  }),
  admin("createSilence", "post", "/silences", "operator", "Mutes the notifications of matching incidents", StoredSilence, {
    body: SilenceRequest,
    status: 201,
    refusals: [404, 409],
  }),
  admin("endSilence", "delete", "/silences/{id}", "operator", "Ends a silence", EndedSilence, { refusals: [404, 409] }),
  admin("listRules", "get", "/alert-rules", "viewer", "Every rule, ordered by name", RuleListResponse),
  admin("createRule", "post", "/alert-rules", "admin", "Creates a rule", AlertRule, {
    body: CreateRuleRequest,
    status: 201,
    refusals: [404, 409],
  }),
  admin(
    "previewNewRule",
    "post",
    "/alert-rules/preview",
    "admin",
    "The transitions that a new rule would cause now and, with since, in the past",
    PreviewRuleResponse,
    {
      query: PreviewQuery,
      body: CreateRuleRequest,
      refusals: [404, 409],
    },
  ),
  admin("changeRule", "patch", "/alert-rules/{id}", "admin", "Changes a rule", AlertRule, {
    body: ChangeRuleRequest,
    refusals: [404, 409],
  }),
  admin(
    "previewRule",
    "post",
    "/alert-rules/{id}/preview",
    "admin",
    "The transitions that a changed rule would cause now and, with since, in the past",
    PreviewRuleResponse,
    {
      query: PreviewQuery,
      body: PreviewRuleRequest,
      refusals: [404, 409],
    },
  ),
  admin("deleteRule", "delete", "/alert-rules/{id}", "admin", "Deletes a rule and resolves its incidents", null, {
    status: 204,
    refusals: [404],
  }),
  admin(
    "createObjective",
    "post",
    "/objectives",
    "admin",
    "Creates an objective; one with enough events gets burn-rate rules",
    ObjectiveSettings,
    {
      body: CreateObjectiveRequest,
      status: 201,
      refusals: [404, 409],
    },
  ),
  admin(
    "changeObjective",
    "patch",
    "/objectives/{id}",
    "admin",
    "Changes the name, description, target or owner of an objective",
    ObjectiveSettings,
    {
      body: ChangeObjectiveRequest,
      refusals: [404, 409],
    },
  ),
  admin("deleteObjective", "delete", "/objectives/{id}", "admin", "Deletes an objective with its burn-rate rules", null, {
    status: 204,
    refusals: [404],
  }),
  admin("listChannels", "get", "/channels", "admin", "Every channel without its secrets", ChannelListResponse),
  admin("putChannel", "put", "/channels/{name}", "admin", "Creates or changes a channel", NotificationChannel, {
    body: ChannelRequest,
    refusals: [409],
  }),
  admin("deleteChannel", "delete", "/channels/{name}", "admin", "Deletes a channel", null, { status: 204, refusals: [404, 409] }),
  admin(
    "testChannel",
    "post",
    "/channels/{name}/test",
    "admin",
    "Sends a test message and its end to each destination of a channel",
    ChannelTestResponse,
    {
      refusals: [404, 429],
    },
  ),
  admin(
    "confirmCanary",
    "post",
    "/canaries/{id}/confirm",
    "viewer",
    "Proves the channel whose test message has this link",
    ConfirmedCanary,
    {
      refusals: [404],
    },
  ),
  admin("getNotification", "get", "/notifications/{id}", "viewer", "One notification with its delivery status", Notification, {
    refusals: [404],
  }),
  admin("resendNotification", "post", "/notifications/{id}/resend", "operator", "Queues a dead notification again", Notification, {
    status: 202,
    refusals: [404, 409, 429],
  }),
  admin(
    "discardNotification",
    "post",
    "/notifications/{id}/discard",
    "operator",
    "Discards a notification that waits or is dead",
    Notification,
    {
      refusals: [404, 409],
    },
  ),
  admin(
    "triggerSync",
    "post",
    "/manual-trigger",
    "operator",
    "Enqueues a sync; a repeated Idempotency-Key returns the same job",
    ManualSyncResponse,
    {
      headers: TriggerHeaders,
      body: ManualSyncRequest,
      status: 202,
      refusals: [409, 429],
    },
  ),
  admin("listJobs", "get", "/jobs", "viewer", "Jobs, newest first", JobListResponse, { query: JobQuery }),
  admin("getJob", "get", "/jobs/{id}", "viewer", "One job with its position, progress, attempts and estimate", JobDetailResponse, {
    refusals: [404],
  }),
  admin("getQueueStatus", "get", "/queue-status", "viewer", "The waiting and running jobs and the free slots", QueueStatusResponse),
  admin("cancelJob", "post", "/jobs/{id}/cancel", "operator", "Cancels a job", JobDetailResponse, {
    body: CancelJobRequest,
    refusals: [404, 409],
  }),
  admin("requeueJob", "post", "/jobs/{id}/requeue", "operator", "Creates a new job from a finished one", JobDetailResponse, {
    body: RequeueJobRequest,
    status: 202,
    refusals: [404, 409, 429],
  }),
  admin("processQueue", "post", "/process-queue", "secret", "Dispatches the jobs that may start", DrainResponse),
  admin(
    "getConnectivityTest",
    "get",
    "/test-connectivity",
    "viewer",
    "The last connectivity test, and when the next one is possible",
    LastConnectivityResponse,
  ),
  admin(
    "testConnectivity",
    "post",
    "/test-connectivity",
    "operator",
    "Tests the connection to every component, at most once a minute",
    ConnectivityResponse,
    {
      refusals: [429],
    },
  ),
  admin(
    "endUpstreamBackoff",
    "post",
    "/upstream/end-backoff",
    "operator",
    "Ends the upstream backoff and starts the runs and jobs that waited for it",
    EndBackoffResponse,
    {
      body: EndBackoffRequest,
      refusals: [409],
    },
  ),
  admin(
    "resolveError",
    "post",
    "/errors/{id}/resolve",
    "operator",
    "Resolves an error, or every open error with its fingerprint",
    ResolveErrorResponse,
    {
      body: ResolveErrorRequest,
      refusals: [404, 409],
    },
  ),
  admin("listEntities", "get", "/entities", "viewer", "Every entity with its schedule, limits and pauses", EntityListResponse),
  admin("getEntity", "get", "/entities/{type}", "viewer", "One entity with its schedule, limits and pauses", EntityWithPauses, {
    refusals: [404],
  }),
  admin(
    "changeEntity",
    "patch",
    "/entities/{type}",
    "admin",
    "Activates, pauses or resumes an entity, or changes its schedule, limits and channels",
    Entity,
    {
      body: ChangeEntityRequest,
      refusals: [404, 409],
    },
  ),
  admin(
    "getRetention",
    "get",
    "/retention",
    "viewer",
    "How long each kind of data is kept, and the shortest time that is allowed",
    RetentionResponse,
  ),
  admin("changeRetention", "patch", "/retention/{subject}", "admin", "Changes how long a kind of data is kept", RetentionSetting, {
    body: ChangeRetentionRequest,
    refusals: [404],
  }),
  admin("getSetup", "get", "/setup", "admin", "The steps of the setup, and which of them are open", SetupResponse),
  admin("listPeople", "get", "/people", "admin", "Every user of Auth, newest first", PeopleResponse, { query: PeopleQuery }),
  admin("createPerson", "post", "/people", "admin", "Creates a user with a password, or invites one by email", Person, {
    body: CreatePersonRequest,
    status: 201,
    refusals: [409, 429],
  }),
  admin("changePerson", "patch", "/people/{id}", "admin", "Changes the role of a user, or disables or enables one", ChangePersonResponse, {
    body: ChangePersonRequest,
    refusals: [404, 409],
  }),
  admin("listAuditEntries", "get", "/audit", "viewer", "The audit log, newest first", AuditResponse, { query: AuditQuery }),
  admin("verifyAuditLog", "get", "/audit/verify", "viewer", "Verifies the HMAC chain of the audit log", AuditVerifyResponse, {
    query: VerifyQuery,
  }),
  {
    operation: "evaluateAlerts",
    function: "sync-alert-processor",
    method: "post",
    path: "/",
    summary: "Closes dead runs, evaluates every rule and delivers due notifications and weekly reports, in the background",
    access: "secret",
    body: EvaluationRequest,
    status: 202,
    answer: EvaluationResponse,
    refusals: [],
  },
  {
    operation: "startRun",
    function: "{function_name}",
    method: "post",
    path: "/",
    summary: "Starts a run of the entity with this function_name and continues in the background",
    access: "secret",
    body: StartSyncRequest,
    status: 202,
    answer: StartSyncResponse,
    refusals: [409],
  },
];
