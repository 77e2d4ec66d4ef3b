// The routes whose functions do not describe themselves, for the API's description; a test holds this table against the functions.
import { z } from "zod";
import {
  AcknowledgeRequest,
  AuditQuery,
  AuditResponse,
  AuditVerifyResponse,
  ChangeEntityRequest,
  ChangeRuleRequest,
  ChannelRequest,
  ConnectivityResponse,
  CreateRuleRequest,
  Entity,
  EntityListResponse,
  NoteRequest,
  PreviewRuleRequest,
  PreviewRuleResponse,
  ResolveErrorRequest,
  SilenceRequest,
  VerifyQuery,
} from "./admin.ts";
import {
  AlertIncident,
  AlertNotification,
  AlertRule,
  AlertSilence,
  ChannelListResponse,
  NotificationChannel,
  RuleListResponse,
  SilenceListResponse,
} from "./alerts.ts";
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
import { StartSyncRequest, StartSyncResponse } from "./sync.ts";

export interface Route {
  function: string;
  method: "get" | "post" | "put" | "patch" | "delete";
  /** With parameters in braces. */
  path: string;
  description: string;
  /** The least role, or the secret key alone. */
  least: "viewer" | "operator" | "admin" | "secret";
  query?: z.ZodObject;
  body?: z.ZodType;
  status: 200 | 201 | 202 | 204;
  /** Null for 204. */
  answer: z.ZodType | null;
  /** What may be refused besides 400, 401, 403 and 503. */
  refusals: (404 | 409 | 429)[];
}

const Notification = AlertNotification.omit({ kind: true, deliveries: true });
/** What an act changed, as its table has it. */
const Changed = AlertIncident.omit({ notified_at: true }).partial().extend({ id: z.uuid(), state: z.string() });
const Silenced = AlertSilence.omit({ is_silencing: true });
type Rest = Partial<Pick<Route, "query" | "body" | "status" | "refusals">>;
const admin = (
  method: Route["method"],
  path: string,
  least: Route["least"],
  description: string,
  answer: Route["answer"],
  rest: Rest = {},
): Route => ({ function: "sync-admin", method, path, least, description, answer, status: 200, refusals: [], ...rest });

export const ROUTES: readonly Route[] = [
  ...(["acknowledge", "unacknowledge", "resolve"] as const).map((action) =>
    admin("post", `/alerts/{id}/${action}`, "operator", `A person ${action}s an incident`, Changed, {
      body: action === "acknowledge" ? AcknowledgeRequest : NoteRequest,
      refusals: [404, 409],
    })
  ),
  admin("get", "/silences", "viewer", "Silences that last or are to come", SilenceListResponse),
  admin("post", "/silences", "operator", "Keeps matching incidents from being told", Silenced, {
    body: SilenceRequest,
    status: 201,
    refusals: [404],
  }),
  admin("delete", "/silences/{id}", "operator", "Ends a silence", Silenced.partial().extend({ id: z.uuid() }), { refusals: [404, 409] }),
  admin("get", "/alert-rules", "viewer", "Every rule by name", RuleListResponse),
  admin("post", "/alert-rules", "admin", "Makes a rule", AlertRule, { body: CreateRuleRequest, status: 201, refusals: [404, 409] }),
  admin("post", "/alert-rules/preview", "admin", "What a rule would do now, were there one", PreviewRuleResponse, {
    body: CreateRuleRequest,
    refusals: [404],
  }),
  admin("patch", "/alert-rules/{id}", "admin", "Changes a rule", AlertRule, { body: ChangeRuleRequest, refusals: [404, 409] }),
  admin("post", "/alert-rules/{id}/preview", "admin", "What a rule, or a change of it, would do now", PreviewRuleResponse, {
    body: PreviewRuleRequest,
    refusals: [404],
  }),
  admin("delete", "/alert-rules/{id}", "admin", "Deletes a rule and resolves its incidents", null, { status: 204, refusals: [404] }),
  admin("get", "/channels", "admin", "Every channel, without its secrets", ChannelListResponse),
  admin("put", "/channels/{name}", "admin", "Sets up a channel, or changes it", NotificationChannel, { body: ChannelRequest }),
  admin("delete", "/channels/{name}", "admin", "Deletes a channel", null, { status: 204, refusals: [404, 409] }),
  admin("post", "/channels/{name}/test", "admin", "Sends a test message", z.object({ notification_id: z.uuid() }), {
    status: 202,
    refusals: [404],
  }),
  admin("get", "/notifications/{id}", "viewer", "Where a message stands", Notification, { refusals: [404] }),
  admin("post", "/notifications/{id}/resend", "operator", "Sends a dead message again", Notification, {
    status: 202,
    refusals: [404, 409],
  }),
  admin("post", "/manual-trigger", "operator", "Queues a sync; an Idempotency-Key makes a repeat the same job", ManualSyncResponse, {
    body: ManualSyncRequest,
    status: 202,
    refusals: [409, 429],
  }),
  admin("get", "/jobs", "viewer", "Jobs, newest first", JobListResponse, { query: JobQuery }),
  admin("get", "/jobs/{id}", "viewer", "One job with its place, progress, attempts and estimate", JobDetailResponse, { refusals: [404] }),
  admin("get", "/queue-status", "viewer", "How many wait and run", QueueStatusResponse),
  admin("post", "/jobs/{id}/cancel", "operator", "Cancels a job", JobDetailResponse, { body: CancelJobRequest, refusals: [404, 409] }),
  admin("post", "/jobs/{id}/requeue", "operator", "Makes a new job out of one that is over", JobDetailResponse, {
    body: RequeueJobRequest,
    status: 202,
    refusals: [404, 409],
  }),
  admin("post", "/process-queue", "secret", "Hands out what may begin", DrainResponse),
  admin("get", "/test-connectivity", "viewer", "Reaches for every part, without any effect", ConnectivityResponse),
  admin(
    "post",
    "/errors/{id}/resolve",
    "operator",
    "Settles an error, or every open one like it",
    z.object({ resolved: z.number().int() }),
    {
      body: ResolveErrorRequest,
      refusals: [404, 409],
    },
  ),
  admin("get", "/entities", "viewer", "Every entity type with its schedule and limits", EntityListResponse),
  admin("get", "/entities/{type}", "viewer", "One entity type", Entity, { refusals: [404] }),
  admin("patch", "/entities/{type}", "admin", "Pauses an entity, or changes its limits", Entity, {
    body: ChangeEntityRequest,
    refusals: [404],
  }),
  admin("get", "/audit", "viewer", "Acts, newest first", AuditResponse, { query: AuditQuery }),
  admin("get", "/audit/verify", "viewer", "Whether the record of acts was touched", AuditVerifyResponse, { query: VerifyQuery }),
  {
    function: "sync-alert-processor",
    method: "post",
    path: "/",
    description: "Closes dead runs, evaluates every rule and delivers what is due, in the background",
    least: "secret",
    body: z.object({ cause: z.enum(["cron", "run_ended", "test", "resend"]).optional() }),
    status: 202,
    answer: z.object({ status: z.literal("ACCEPTED") }),
    refusals: [],
  },
  ...["tournament-master-sync", "match-schedule-sync"].map((name): Route => ({
    function: name,
    method: "post",
    path: "/",
    description: "Opens a run and works on in the background",
    least: "secret",
    body: StartSyncRequest,
    status: 202,
    answer: StartSyncResponse,
    refusals: [409],
  })),
];
