// The routes that their functions do not describe, for the OpenAPI document. Tests compare this table with what the functions serve and admit.
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

/** What a route needs: at least this role or a secret key, a secret key only, or a token that has no other use. */
export const ACCESS = ["viewer", "operator", "admin", "secret", "prometheus_token", "badge_token"] as const;
export type Access = (typeof ACCESS)[number];

export interface Route {
  /** `{function_name}` is the function of any entity. */
  function: string;
  method: "get" | "post" | "put" | "patch" | "delete";
  /** With parameters in braces. */
  path: string;
  description: string;
  access: Access;
  query?: z.ZodObject;
  body?: z.ZodType;
  status: 200 | 201 | 202 | 204;
  /** The body of the response; a media type where it is no JSON; null for 204. */
  answer: z.ZodType | string | null;
  /** The statuses of errors besides 400, 401, 403 and 503. */
  refusals: (404 | 409 | 429)[];
}

const Notification = AlertNotification.omit({ kind: true, recipient: true, deliveries: true });
/** The incident after an action, with the columns that the action returns. */
const Changed = IncidentRow.omit({ notified_at: true }).partial().extend({ id: z.uuid(), state: z.string() });
const Silenced = AlertSilence.omit({ is_silencing: true });
type Rest = Partial<Pick<Route, "query" | "body" | "status" | "refusals">>;
const admin = (
  method: Route["method"],
  path: string,
  access: Access,
  description: string,
  answer: Route["answer"],
  rest: Rest = {},
): Route => ({ function: "sync-admin", method, path, access, description, answer, status: 200, refusals: [], ...rest });

const monitoring = (path: string, access: Access, description: string, answer: Route["answer"], rest: Rest = {}): Route => ({
  function: "sync-monitoring",
  method: "get",
  path,
  access,
  description,
  answer,
  status: 200,
  refusals: [],
  ...rest,
});

export const ROUTES: readonly Route[] = [
  monitoring("/openapi.json", "viewer", "This document", z.record(z.string(), z.unknown())),
  monitoring("/prometheus", "prometheus_token", "The metrics for a scraper", "text/plain"),
  monitoring("/badge/{name}", "badge_token", "A badge with the status of an entity or of all, such as `all.svg`", "image/svg+xml", {
    query: z.object({ token: z.string() }),
    refusals: [404],
  }),
  ...(["acknowledge", "unacknowledge", "resolve"] as const).map((action) =>
    admin("post", `/alerts/{id}/${action}`, "operator", `A person ${action}s an incident`, Changed, {
      body: action === "acknowledge" ? AcknowledgeRequest : NoteRequest,
      refusals: [404, 409],
    })
  ),
  admin("put", "/alerts/{id}/label", "operator", "Labels an incident useful or noise", Changed, {
    body: LabelRequest,
    refusals: [404, 409],
  }),
  admin("get", "/silences", "viewer", "Silences that are active or start later, by their end", SilenceListResponse, {
    query: SilenceQuery,
  }),
  admin("post", "/silences", "operator", "Mutes the notifications of matching incidents", Silenced, {
    body: SilenceRequest,
    status: 201,
    refusals: [404, 409],
  }),
  admin("delete", "/silences/{id}", "operator", "Ends a silence", Silenced.partial().extend({ id: z.uuid() }), { refusals: [404, 409] }),
  admin("get", "/alert-rules", "viewer", "Every rule, ordered by name", RuleListResponse),
  admin("post", "/alert-rules", "admin", "Creates a rule", AlertRule, { body: CreateRuleRequest, status: 201, refusals: [404, 409] }),
  admin(
    "post",
    "/alert-rules/preview",
    "admin",
    "The transitions that a new rule would cause now, and would have caused",
    PreviewRuleResponse,
    {
      query: PreviewQuery,
      body: CreateRuleRequest,
      refusals: [404, 409],
    },
  ),
  admin("patch", "/alert-rules/{id}", "admin", "Changes a rule", AlertRule, { body: ChangeRuleRequest, refusals: [404, 409] }),
  admin(
    "post",
    "/alert-rules/{id}/preview",
    "admin",
    "The transitions that a changed rule would cause now, and would have caused",
    PreviewRuleResponse,
    {
      query: PreviewQuery,
      body: PreviewRuleRequest,
      refusals: [404, 409],
    },
  ),
  admin("delete", "/alert-rules/{id}", "admin", "Deletes a rule and resolves its incidents", null, { status: 204, refusals: [404] }),
  admin("post", "/objectives", "admin", "Creates an objective; one with enough events gets burn-rate rules", ObjectiveSettings, {
    body: CreateObjectiveRequest,
    status: 201,
    refusals: [404, 409],
  }),
  admin("patch", "/objectives/{id}", "admin", "Changes the name, description, target or owner of an objective", ObjectiveSettings, {
    body: ChangeObjectiveRequest,
    refusals: [404, 409],
  }),
  admin("delete", "/objectives/{id}", "admin", "Deletes an objective with its burn-rate rules", null, { status: 204, refusals: [404] }),
  admin("get", "/channels", "admin", "Every channel without its secrets", ChannelListResponse),
  admin("put", "/channels/{name}", "admin", "Creates or changes a channel", NotificationChannel, {
    body: ChannelRequest,
    refusals: [409],
  }),
  admin("delete", "/channels/{name}", "admin", "Deletes a channel", null, { status: 204, refusals: [404, 409] }),
  admin(
    "post",
    "/channels/{name}/test",
    "admin",
    "Sends a test message and its end to each destination of a channel",
    ChannelTestResponse,
    {
      refusals: [404, 429],
    },
  ),
  admin("post", "/canaries/{id}/confirm", "viewer", "Proves the channel whose test message linked here", ConfirmedCanary, {
    refusals: [404],
  }),
  admin("get", "/notifications/{id}", "viewer", "One notification with its delivery status", Notification, { refusals: [404] }),
  admin("post", "/notifications/{id}/resend", "operator", "Queues a dead notification again", Notification, {
    status: 202,
    refusals: [404, 409, 429],
  }),
  admin("post", "/notifications/{id}/discard", "operator", "Gives up a notification that waits or is dead", Notification, {
    refusals: [404, 409],
  }),
  admin("post", "/manual-trigger", "operator", "Enqueues a sync; a repeated Idempotency-Key returns the same job", ManualSyncResponse, {
    body: ManualSyncRequest,
    status: 202,
    refusals: [409, 429],
  }),
  admin("get", "/jobs", "viewer", "Jobs, newest first", JobListResponse, { query: JobQuery }),
  admin("get", "/jobs/{id}", "viewer", "One job with its position, progress, attempts and estimate", JobDetailResponse, {
    refusals: [404],
  }),
  admin("get", "/queue-status", "viewer", "The waiting and running jobs and the free slots", QueueStatusResponse),
  admin("post", "/jobs/{id}/cancel", "operator", "Cancels a job", JobDetailResponse, { body: CancelJobRequest, refusals: [404, 409] }),
  admin("post", "/jobs/{id}/requeue", "operator", "Creates a new job from a finished one", JobDetailResponse, {
    body: RequeueJobRequest,
    status: 202,
    refusals: [404, 409, 429],
  }),
  admin("post", "/process-queue", "secret", "Dispatches the jobs that may start", DrainResponse),
  admin("get", "/test-connectivity", "viewer", "The last connectivity test, and when the next one is possible", LastConnectivityResponse),
  admin("post", "/test-connectivity", "operator", "Tests the connection to every component, at most once a minute", ConnectivityResponse, {
    refusals: [429],
  }),
  admin("post", "/upstream/end-backoff", "operator", "Ends the upstream backoff and starts what waited for its end", EndBackoffResponse, {
    body: EndBackoffRequest,
    refusals: [409],
  }),
  admin(
    "post",
    "/errors/{id}/resolve",
    "operator",
    "Resolves an error, or every open error with its fingerprint",
    z.object({ resolved: z.number().int() }),
    {
      body: ResolveErrorRequest,
      refusals: [404, 409],
    },
  ),
  admin("get", "/entities", "viewer", "Every entity with its schedule, limits and pauses", EntityListResponse),
  admin("get", "/entities/{type}", "viewer", "One entity with its schedule, limits and pauses", EntityWithPauses, { refusals: [404] }),
  admin(
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
  admin("get", "/retention", "viewer", "How long each kind of data is kept, and the shortest time that is allowed", RetentionResponse),
  admin("patch", "/retention/{subject}", "admin", "Changes how long a kind of data is kept", RetentionSetting, {
    body: ChangeRetentionRequest,
    refusals: [404],
  }),
  admin("get", "/setup", "admin", "What must still be done before the installation can work unwatched", SetupResponse),
  admin("get", "/people", "admin", "Every user of Auth, newest first", PeopleResponse, { query: PeopleQuery }),
  admin("post", "/people", "admin", "Creates a user with a password, or invites one by email", Person, {
    body: CreatePersonRequest,
    status: 201,
    refusals: [409, 429],
  }),
  admin("patch", "/people/{id}", "admin", "Changes the role of a user, or disables or enables one", ChangePersonResponse, {
    body: ChangePersonRequest,
    refusals: [404, 409],
  }),
  admin("get", "/audit", "viewer", "The audit log, newest first", AuditResponse, { query: AuditQuery }),
  admin("get", "/audit/verify", "viewer", "Verifies the HMAC chain of the audit log", AuditVerifyResponse, { query: VerifyQuery }),
  {
    function: "sync-alert-processor",
    method: "post",
    path: "/",
    description: "Closes dead runs, evaluates every rule and delivers due notifications and weekly reports, in the background",
    access: "secret",
    body: z.object({ cause: z.enum(["cron", "run_ended", "resend"]).optional() }),
    status: 202,
    answer: z.object({ status: z.literal("ACCEPTED") }),
    refusals: [],
  },
  {
    function: "{function_name}",
    method: "post",
    path: "/",
    description: "Starts a run of the entity with this function_name and continues in the background",
    access: "secret",
    body: StartSyncRequest,
    status: 202,
    answer: StartSyncResponse,
    refusals: [409],
  },
];
