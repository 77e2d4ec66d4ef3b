// Over 300 lines, because the requests and responses of every act are in this file.
import { z } from "zod";
import { webUrl } from "./address.ts";
import { ALERT_METRICS, AlertMetric, INCIDENT_LABELS, SYSTEM_METRICS, thresholdsOf, TOURNAMENT_METRICS } from "./alerts.ts";
import { Backtest } from "./backtest.ts";
import { cursor } from "./cursor.ts";
import { duration, durationMs } from "./duration.ts";
import { moment } from "./moment.ts";
import { reason } from "./reason.ts";
import { ERROR_TYPES, SEVERITIES, TOURNAMENT_PRIORITIES } from "./sync.ts";

export const entityScope = z.string().regex(/^[a-z][a-z0-9_]{1,62}$/, "must be an entity type, all or system");
const tournamentNo = z.string().regex(/^\d{1,10}$/, "must be a tournament number of at most 10 digits");
const channelName = z.string().regex(
  /^[a-z][a-z0-9_-]{0,62}$/,
  "must have only a-z, 0-9, - and _, and begin with a letter",
);

/** `POST sync-admin/alerts/:id/acknowledge`; at `until` the acknowledgement expires, and the incident fires again if it is not resolved. */
export const AcknowledgeRequest = z.strictObject({ note: reason.optional(), until: moment.optional() });
/** `POST sync-admin/alerts/:id/unacknowledge` and `/resolve`. */
export const NoteRequest = z.strictObject({ note: reason.optional() });

/** `PUT sync-admin/alerts/:id/label`; null removes the label. */
export const LabelRequest = z.strictObject({ label: z.enum(INCIDENT_LABELS).nullable() });

/** Names of channels, at least one; only a pause, a silence or an inactive rule may mute notifications, because these are visible. */
const channelNames = (advice: string) => z.array(channelName).min(1, `must name at least one channel; ${advice}`).max(10);

/** The query of `GET sync-admin/silences`. */
export const SilenceQuery = z.strictObject({ limit: z.coerce.number().int().min(1).max(200).default(50), cursor: cursor.optional() });

/**
 * `POST sync-admin/silences`: a silence by at least one of entity type, rule, severity, tournament and incident. A recurring silence is
 * active for `lasts` every `recurs_every` from `starts_at` on, in UTC. A silence is at most 31 days long, a recurring one 366 days.
 */
export const SilenceRequest = z.strictObject({
  entity_type: entityScope.optional(),
  rule_id: z.uuid().optional(),
  severity: z.enum(SEVERITIES).optional(),
  tournament_no: tournamentNo.optional(),
  incident_id: z.uuid().optional(),
  starts_at: moment.optional(),
  ends_at: moment,
  recurs_every: duration("recurs_every").optional(),
  lasts: duration("lasts").optional(),
  reason,
}).refine((silence) => silence.entity_type ?? silence.rule_id ?? silence.severity ?? silence.tournament_no ?? silence.incident_id, {
  path: ["entity_type"],
  message: "name at least one of entity_type, rule_id, severity, tournament_no and incident_id",
}).refine((silence) => !silence.recurs_every === !silence.lasts, {
  path: ["lasts"],
  message: "must be given with recurs_every, and only with it",
}).refine(
  (silence) => !silence.recurs_every || !silence.lasts || Number(durationMs(silence.lasts)) < Number(durationMs(silence.recurs_every)),
  {
    path: ["lasts"],
    message: "must be shorter than recurs_every",
  },
).refine((silence) => !silence.starts_at || Date.parse(silence.starts_at) < Date.parse(silence.ends_at), {
  path: ["ends_at"],
  message: "must be after starts_at",
});

const ruleFields = {
  name: z.string().trim().min(3).max(200),
  description: z.string().max(2000),
  entity_type: entityScope,
  scope: z.enum(["ENTITY", "TOURNAMENT"]),
  /** The lowest priority of the tournaments that the rule measures; null measures every tournament. */
  lowest_priority: z.enum(TOURNAMENT_PRIORITIES).nullable(),
  metric: AlertMetric,
  threshold: z.number(),
  /** The window; required also for a metric without `uses_window` in `ALERT_METRICS`, whose value does not depend on it. */
  evaluation_window: duration("evaluation_window").describe(
    `The period of the value. It has no effect on the value of ${
      Object.entries(ALERT_METRICS).filter(([, metric]) => !metric.uses_window).map(([name]) => name).join(", ")
    }.`,
  ),
  severity: z.enum(SEVERITIES),
  notification_channels: channelNames("to mute the rule, switch it off or create a silence"),
  escalation_delay: duration("escalation_delay").nullable(),
  /** The channels that each escalation step adds. */
  escalation_channels: z.array(z.array(channelName).max(10)).max(10),
  is_active: z.boolean(),
  minimum_runs: z.number().int().min(0).max(10_000).describe(
    `With fewer finished full runs in the window the value is unknown. Only ${
      Object.entries(ALERT_METRICS).filter(([, metric]) => metric.needs_runs).map(([name]) => name).join(", ")
    } need runs; the other metrics ignore it.`,
  ),
  for_duration: duration("for_duration"),
  recovery_threshold: z.number().nullable(),
  error_type: z.enum(ERROR_TYPES).nullable(),
  /** The objective whose error budget a rule with the metric burn_rate measures. */
  objective_id: z.uuid().nullable(),
  no_data: z.enum(["KEEP", "OK", "ALERT"]),
  runbook_url: webUrl.nullable(),
  repeat_interval: duration("repeat_interval"),
};

interface CheckedFields {
  metric?: AlertMetric;
  threshold?: number;
  recovery_threshold?: number | null;
  error_type?: string | null;
  objective_id?: string | null;
  entity_type?: string;
  scope?: string;
  lowest_priority?: string | null;
}

/** Checks the fields that depend on each other: the metric, its range, thresholds, entity type, scope and error type. */
function checkRule(rule: CheckedFields, ctx: z.RefinementCtx): void {
  const { metric, threshold, recovery_threshold: recovery, error_type } = rule;
  if (metric === undefined) return;
  const { direction, min, max } = ALERT_METRICS[metric];
  const refuse = (field: string, message: string) => ctx.addIssue({ code: "custom", path: [field], message });
  const isReached = (value: number | null | undefined) => value === null || value === undefined || (value >= min && value <= max);
  if (!isReached(threshold)) refuse("threshold", thresholdsOf(metric));
  if (!isReached(recovery)) refuse("recovery_threshold", thresholdsOf(metric));
  const isWrongSide = direction === "above" ? (recovery ?? 0) > (threshold ?? Infinity) : (recovery ?? Infinity) < (threshold ?? 0);
  if (recovery !== null && recovery !== undefined && isWrongSide && isReached(recovery)) {
    refuse("recovery_threshold", `must be ${direction === "above" ? "at most" : "at least"} the threshold`);
  }
  if (error_type && metric !== "error_rate") refuse("error_type", "can be set only for the metric error_rate");
  if (rule.objective_id && metric !== "burn_rate") refuse("objective_id", "can be set only for the metric burn_rate");
  const isSystem = SYSTEM_METRICS.includes(metric);
  if (rule.entity_type !== undefined && isSystem !== (rule.entity_type === "system")) {
    refuse("entity_type", isSystem ? "must be system for this metric" : `can be system only for ${SYSTEM_METRICS.join(", ")}`);
  }
  if (rule.scope === "TOURNAMENT" && (!TOURNAMENT_METRICS.includes(metric) || rule.entity_type === "all")) {
    const metrics = `${TOURNAMENT_METRICS.slice(0, -1).join(", ")} and ${TOURNAMENT_METRICS.at(-1)}`;
    refuse("scope", `can be TOURNAMENT only for ${metrics}, and not for the entity type all`);
  }
  if (rule.scope === "ENTITY" && metric === "tournament_staleness") {
    refuse("scope", "must be TOURNAMENT for the metric tournament_staleness");
  }
  if (rule.scope === "ENTITY" && rule.lowest_priority) refuse("lowest_priority", "can be set only for the scope TOURNAMENT");
}

const { name, entity_type, metric, threshold, evaluation_window, severity, ...optionalFields } = ruleFields;

/** `POST sync-admin/alert-rules`; the database has a default for each absent field. */
export const CreateRuleRequest = z.strictObject({
  name,
  entity_type,
  metric,
  threshold,
  evaluation_window,
  severity,
  ...z.object(optionalFields).partial().shape,
})
  .superRefine(checkRule);

const changes = z.object(ruleFields).partial().shape;
const namesItsMetric = (rule: CheckedFields): boolean =>
  rule.metric !== undefined || (rule.threshold ?? rule.recovery_threshold ?? rule.error_type ?? rule.scope) === undefined;
const METRIC_MISSING = { path: ["metric"], message: "must be given with threshold, recovery_threshold, error_type or scope" };

/** The changed fields of a rule; a changed threshold needs the metric, which determines its range. */
export const RuleChanges = z.strictObject(changes).refine(namesItsMetric, METRIC_MISSING).superRefine(checkRule);

/** `PATCH sync-admin/alert-rules/:id`; the reason is stored in the audit log. */
export const ChangeRuleRequest = z.strictObject({ ...changes, reason: reason.optional() })
  .refine(namesItsMetric, METRIC_MISSING)
  .superRefine(checkRule)
  .refine(({ reason: _, ...rule }) => Object.keys(rule).length > 0, "must change at least one field");

/** `POST sync-admin/alert-rules/:id/preview`: the changes to evaluate; without any, the stored rule is evaluated. */
export const PreviewRuleRequest = RuleChanges;

/** The query of a preview; `since` also replays the rule from that time, at most 90 days ago. */
export const PreviewQuery = z.strictObject({ since: moment.optional() });

/** The current value of a rule in each of its scopes, and the transition of an evaluation, which is not applied. */
export const PreviewRuleResponse = z.object({
  as_of: z.string(),
  scopes: z.array(z.object({
    entity_type: z.string(),
    tournament_no: z.string().nullable(),
    value: z.number().nullable(),
    runs: z.number(),
    threshold: z.number(),
    verdict: z.enum(["BREACH", "RECOVERED", "BETWEEN", "UNKNOWN"]),
    evidence: z.record(z.string(), z.unknown()),
    /** The transition; null when an evaluation changes nothing. */
    would: z.object({
      to_state: z.string(),
      severity: z.enum(SEVERITIES),
      reason: z.string(),
      notify: z.string().nullable(),
      channels: z.array(z.string()),
    }).nullable(),
  })),
  /** The replay; present only with `since`. */
  backtest: Backtest.optional(),
});
export type PreviewRuleResponse = z.infer<typeof PreviewRuleResponse>;

export const ChannelName = channelName;

/** An attempt to send a message of a test; RETRY is a failure after which a later attempt can succeed. */
export const ChannelAttempt = z.object({
  outcome: z.enum(["SENT", "RETRY", "DEAD"]),
  status_code: z.number().int().optional(),
  error: z.string().optional(),
  duration_ms: z.number().int(),
});
/**
 * `POST sync-admin/channels/:name/test`: the outcome of an opening message and of its end for each destination of the channel; an email
 * channel has one destination for each recipient. `end` is null when the opening certainly did not arrive.
 */
export const ChannelTestResponse = z.object({
  results: z.array(z.object({ recipient: z.string().nullable(), opening: ChannelAttempt, end: ChannelAttempt.nullable() })),
});
export type ChannelTestResponse = z.infer<typeof ChannelTestResponse>;

/**
 * The verdict of a seal on its row. VOUCHED: the act has a valid voucher of sync-admin. DATABASE: the database itself acted. UNVOUCHED: the
 * row has no valid voucher, so the act did not come through sync-admin.
 */
export const VERDICTS = ["VOUCHED", "DATABASE", "UNVOUCHED"] as const;
export const SETUP_CODES = [
  "FUNCTION_CALLS",
  "SCHEDULES",
  "ALERT_PROCESSOR",
  "UPSTREAM",
  "CHANNEL",
  "CHANNEL_PROVEN",
  "RULES",
  "ADMIN",
  "OPERATOR",
  "WATCHDOG",
  "HEARTBEAT",
  "AUDIT_KEY",
] as const;
/** A step of the setup, with a message about its state and a link to a view of the page. */
export const SetupStep = z.object({ code: z.enum(SETUP_CODES), is_done: z.boolean(), message: z.string(), link: z.string() });
export type SetupStep = z.infer<typeof SetupStep>;
/** `GET sync-admin/setup`: the steps before the installation can run unattended, in their order. */
export const SetupResponse = z.object({ as_of: z.string(), is_ready: z.boolean(), steps: z.array(SetupStep) });
export type SetupResponse = z.infer<typeof SetupResponse>;

/** A row of the audit log in `GET sync-admin/audit`. */
export const AuditEntry = z.object({
  id: z.number().int(),
  at: z.string(),
  /** The time of the database. */
  recorded_at: z.string(),
  actor: z.string(),
  actor_role: z.string(),
  action: z.string(),
  object_type: z.string(),
  object_id: z.string(),
  before: z.unknown(),
  after: z.unknown(),
  reason: z.string().nullable(),
  request_id: z.string().nullable(),
  /** The correlation id that the caller sent. */
  correlation_id: z.string().nullable(),
  address: z.string().nullable(),
  /** Whether the address is from a header that callers can set, and not from the trusted header. */
  address_is_claimed: z.boolean(),
  /** The verdict of the seal; null while the row is not sealed. */
  verdict: z.enum(VERDICTS).nullable(),
});
export const AuditResponse = z.object({ entries: z.array(AuditEntry), next_cursor: z.string().nullable() });

/** The result of `GET sync-admin/audit/verify`; `first_bad` is the first row that was changed, deleted, inserted, or cut off the end. */
export const AuditVerifyResponse = z.object({
  /** PRUNED means intact except for rows that retention deleted. */
  status: z.enum(["INTACT", "PRUNED", "BROKEN"]),
  /** The number of sealed rows that this call verified. */
  rows: z.number().int(),
  /** The number of rows after the newest seal. */
  unsealed: z.number().int(),
  /** The number of sealed rows of acts that did not come through sync-admin. */
  unvouched: z.number().int(),
  /**
   * The last verified seal as `id:mac`; it is the newest one when `next_cursor` is null. A copy outside the database, sent later as `head`,
   * shows whether rows were cut off the end.
   */
  head: z.string().nullable(),
  /** The last row that retention deleted. */
  pruned_to: z.number().int().nullable(),
  first_bad: z.object({ id: z.number().int(), what: z.enum(["CHANGED", "MISSING", "INSERTED", "CUT"]), message: z.string() }).nullable(),
  /** The `cursor` that verifies the rows after these; null at the end of the log, and with a `first_bad`. */
  next_cursor: z.string().nullable(),
});
export type AuditVerifyResponse = z.infer<typeof AuditVerifyResponse>;

/** An entity with its schedule, settings and counters; durations that a person sets are in words. */
export const Entity = z.looseObject({
  entity_type: z.string(),
  title: z.string(),
  /** The edge function of the entity; null while it has none, and the entity then cannot be activated. */
  function_name: z.string().nullable(),
  is_active: z.boolean(),
  sync_frequency: z.string(),
  schedule_anchor: z.string(),
  schedule_changed_at: z.string().nullable(),
  grace: z.string(),
  max_runtime: z.string(),
  depends_on: z.string().nullable(),
  last_attempt: z.string().nullable(),
  last_sync: z.string().nullable(),
  next_sync: z.string().nullable(),
  consecutive_failures: z.number().int(),
  success_count: z.number().int(),
  error_count: z.number().int(),
  last_error: z.string().nullable(),
  last_error_time: z.string().nullable(),
  alert_threshold_failures: z.number().int().nullable(),
  notification_channels: z.array(z.string()).nullable(),
  paused_at: z.string().nullable(),
  paused_by: z.string().nullable(),
  paused_reason: z.string().nullable(),
  idle_since: z.string().nullable(),
});
export type Entity = z.infer<typeof Entity>;
/** An entity with its last pauses, in which no run fell due. */
export const EntityWithPauses = Entity.extend({
  pauses: z.array(z.object({ paused_at: z.string(), resumed_at: z.string().nullable() })),
});
export type EntityWithPauses = z.infer<typeof EntityWithPauses>;
/** `GET sync-admin/entities`. */
export const EntityListResponse = z.object({ entities: z.array(EntityWithPauses) });

const EARLIEST_ANCHOR = "2000-01-01T00:00:00Z", LATEST_ANCHOR = "2100-01-01T00:00:00Z";
/** A due time of a schedule; the table checks the same range. */
const anchor = moment.refine(
  (text) => !(Date.parse(text) < Date.parse(EARLIEST_ANCHOR) || Date.parse(text) > Date.parse(LATEST_ANCHOR)),
  `must be between ${EARLIEST_ANCHOR} and ${LATEST_ANCHOR}`,
);

/** `PATCH sync-admin/entities/:type`. */
export const ChangeEntityRequest = z.strictObject({
  /** Whether runs of the entity are dispatched and its rules are measured. */
  is_active: z.boolean().optional(),
  is_paused: z.boolean().optional(),
  sync_frequency: duration("sync_frequency").optional(),
  schedule_anchor: anchor.optional(),
  grace: duration("grace").optional(),
  max_runtime: duration("max_runtime").optional(),
  alert_threshold_failures: z.number().int().min(ALERT_METRICS.consecutive_failures.min).max(ALERT_METRICS.consecutive_failures.max)
    .nullable().optional(),
  /** The channels of the entity's incidents; null uses the channels of each rule. */
  notification_channels: channelNames("to mute the sync, pause it or create a silence; null uses the channels of each rule")
    .nullable().optional(),
  reason,
}).refine((changes) => Object.keys(changes).length > 1, "must change at least one field");

/** The time for which retention keeps the data of a subject, and the shortest allowed time, in words. */
export const RetentionSetting = z.object({ subject: z.string(), keep: z.string(), shortest: z.string() });
export type RetentionSetting = z.infer<typeof RetentionSetting>;
/** `GET sync-admin/retention`. */
export const RetentionResponse = z.object({ settings: z.array(RetentionSetting) });
/** `PATCH sync-admin/retention/:subject`. */
export const ChangeRetentionRequest = z.strictObject({ keep: duration("keep"), reason: reason.optional() });

/** The result of the check that a component can be reached. */
export const ConnectivityCheck = z.object({
  name: z.string(),
  kind: z.enum(["database", "scheduler", "function", "upstream", "channel"]),
  status: z.enum(["OK", "FAILED", "SKIPPED"]),
  response_time_ms: z.number(),
  message: z.string(),
});
/** `POST sync-admin/test-connectivity`: the check of each component; it starts no run and sends no notification. */
export const ConnectivityResponse = z.object({ status: z.enum(["OK", "FAILED"]), checks: z.array(ConnectivityCheck) });
export type ConnectivityResponse = z.infer<typeof ConnectivityResponse>;
/** `GET sync-admin/test-connectivity`: the last test, null without one, and the time of the next possible test, null when it is now. */
export const LastConnectivityResponse = z.object({
  last: ConnectivityResponse.extend({ tested_at: z.string() }).nullable(),
  next_test_at: z.string().nullable(),
});

/** `POST sync-admin/upstream/end-backoff`: ends the upstream backoff, so that syncs send requests again. */
export const EndBackoffRequest = z.strictObject({ reason: reason.optional() });
/** The ended backoff, and the number of runs and jobs that started at its end. */
export const EndBackoffResponse = z.object({
  upstream: z.string(),
  backoff_until: z.string(),
  backoff_reason: z.string(),
  dispatched: z.number().int(),
});

/** `POST sync-admin/errors/:id/resolve`: resolves the error, or with `group` every open error of its fingerprint. */
export const ResolveErrorRequest = z.strictObject({ group: z.boolean().default(false), note: reason.optional() });

/** The query of `GET sync-admin/audit`. */
export const AuditQuery = z.strictObject({
  actor: z.string().min(1).max(200).optional(),
  action: z.string().min(1).max(50).optional(),
  object_type: z.string().min(1).max(50).optional(),
  object_id: z.string().min(1).max(100).optional(),
  from: moment.optional(),
  to: moment.optional(),
  limit: z.coerce.number().int().min(1).max(200).default(50),
  cursor: z.string().regex(/^\d{1,18}$/, "is not a cursor of this list").optional(),
});
const seal = z.string().regex(/^\d{1,15}:[0-9a-f]{64}$/, "must be id:mac, copied from a verification or from the log").optional();
/**
 * The query of `GET sync-admin/audit/verify`, which verifies up to 2,000 rows. With an exported `head`, the call also detects rows cut off
 * the end, and a chain that was created again. With the `next_cursor` of the last answer as `cursor`, the call verifies the next rows.
 */
export const VerifyQuery = z.strictObject({ head: seal, cursor: seal });
