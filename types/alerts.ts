import { z } from "zod";
import { ERROR_TYPES, SEVERITIES, TOURNAMENT_PRIORITIES } from "./sync.ts";

export const INCIDENT_STATES = ["PENDING", "FIRING", "ACKNOWLEDGED", "RESOLVED"] as const;
export type IncidentState = typeof INCIDENT_STATES[number];

/** A metric of rules; value, threshold and recovery threshold have its unit. */
interface Metric {
  /** The side of the threshold that is a breach. */
  direction: "above" | "below";
  unit: string;
  /** The name in messages. */
  label: string;
  /** The thresholds that a value can reach and recover from; the table of rules checks the same range. */
  min: number;
  max: number;
  /** Why no value exceeds `max`, for a person who chose a higher threshold. */
  limit?: string;
  /** With fewer runs in the window than `minimum_runs` the value is unknown. Other metrics ignore `minimum_runs`. */
  needs_runs: boolean;
  /** The value is of the window. Other metrics ignore the window. */
  uses_window: boolean;
}
const OF_WINDOW = { needs_runs: false, uses_window: true };
const OF_RUNS = { needs_runs: true, uses_window: true };
const OF_STATE = { needs_runs: false, uses_window: false };
const RATIO = { unit: "ratio", min: 0.01, max: 1 };
const DAY_S = 86_400;
/** The evaluations, from which the oldest of these states is measured, are kept for a week. */
const WEEK = { unit: "s", min: 1, max: 7 * DAY_S };

export const ALERT_METRICS = {
  success_rate: { direction: "below", label: "success rate", ...RATIO, ...OF_RUNS },
  consecutive_failures: {
    direction: "above",
    unit: "runs",
    label: "consecutive failures",
    min: 1,
    max: 100,
    limit: "the failures of a tournament are counted up to 100",
    ...OF_STATE,
  },
  duration_exceeded: {
    direction: "above",
    unit: "s",
    label: "longest run",
    min: 1,
    max: 3_600,
    limit: "a run ends after an hour at most",
    ...OF_WINDOW,
  },
  memory_usage: { direction: "above", unit: "MiB", label: "memory usage", min: 1, max: 16_384, ...OF_WINDOW },
  sync_overdue: { direction: "above", unit: "s", label: "overdue time", min: 1, max: 30 * DAY_S, ...OF_STATE },
  error_rate: { direction: "above", unit: "errors per run", label: "error rate", min: 0.01, max: 10_000, ...OF_RUNS },
  records_collapse: { direction: "above", label: "drop in records per request", ...RATIO, ...OF_STATE },
  cache_hit_ratio: { direction: "below", label: "cache hit ratio", ...RATIO, ...OF_RUNS },
  api_response_time: { direction: "above", unit: "ms", label: "mean API response time", min: 1, max: 120_000, ...OF_RUNS },
  stuck_execution: {
    direction: "above",
    unit: "s",
    label: "time since the last heartbeat",
    min: 1,
    max: 60,
    limit: "a run without a heartbeat is closed after 60 s",
    ...OF_STATE,
  },
  shared_failure: { direction: "above", unit: "tournaments", label: "shared failure", min: 1, max: 1_000, ...OF_WINDOW },
  unconfirmed_replies: {
    direction: "above",
    unit: "replies",
    label: "held-back replies that no later reply confirmed",
    min: 1,
    max: 1_000,
    ...OF_WINDOW,
  },
  api_fallback_ratio: { direction: "above", label: "share of API fallbacks in requests", ...RATIO, ...OF_RUNS },
  tournament_staleness: {
    direction: "above",
    unit: "s",
    label: "staleness",
    min: 1,
    max: 7 * DAY_S,
    limit: "a tournament is synced for little longer",
    ...OF_STATE,
  },
  undelivered_age: { direction: "above", label: "age of the oldest undelivered notification", ...WEEK, ...OF_STATE },
  processor_late: { direction: "above", label: "time since the last evaluation", ...WEEK, ...OF_STATE },
  queue_age: { direction: "above", label: "longest wait in the queue", ...WEEK, ...OF_STATE },
  broken_rules: { direction: "above", unit: "rules", label: "rules that cannot be measured", min: 1, max: 1_000, ...OF_STATE },
} as const satisfies Record<string, Metric>;
export type AlertMetric = keyof typeof ALERT_METRICS;
export const AlertMetric = z.enum(Object.keys(ALERT_METRICS) as [AlertMetric, ...AlertMetric[]]);

/** The thresholds that a rule can have, in words that follow the name of the field. */
export function thresholdsOf(metric: AlertMetric): string {
  const { unit, min, max, limit }: Metric = ALERT_METRICS[metric];
  const because = limit ? `, because ${limit}` : "";
  return `must be between ${min} and ${max}${unit === "ratio" ? "" : ` ${unit}`} for the metric ${metric}${because}`;
}

/** The metrics of the monitoring system; their rules have the entity type `system`. */
export const SYSTEM_METRICS: readonly AlertMetric[] = ["undelivered_age", "processor_late", "queue_age", "broken_rules"];
/** The metrics that a rule with the scope `TOURNAMENT` can use. */
export const TOURNAMENT_METRICS: readonly AlertMetric[] = ["success_rate", "consecutive_failures", "tournament_staleness"];

/** `REPEAT`: still firing after the repeat interval; `MISSED`: runs that did not start when due while no rules were evaluated. */
export const NOTIFICATION_KINDS = ["FIRING", "ESCALATED", "REPEAT", "RESOLVED", "FLAPPING", "MISSED"] as const;
export type NotificationKind = typeof NOTIFICATION_KINDS[number];

/** An incident; times are ISO 8601, value and threshold are in the unit of the metric. */
export const AlertIncident = z.object({
  id: z.uuid(),
  rule_id: z.uuid().nullable(),
  rule_name: z.string(),
  metric: AlertMetric,
  entity_type: z.string(),
  tournament_no: z.string().nullable(),
  parent_id: z.uuid().nullable(),
  state: z.enum(INCIDENT_STATES),
  severity: z.enum(SEVERITIES),
  value: z.number().nullable(),
  threshold: z.number(),
  message: z.string(),
  evidence: z.record(z.string(), z.unknown()),
  /** When the condition came to be met, by the time of the run or due time; `opened_at` is when an evaluation found it. */
  began_at: z.string(),
  opened_at: z.string(),
  fired_at: z.string().nullable(),
  notified_at: z.string().nullable(),
  /**
   * What keeps every destination from being notified at present: a silence, the parent, or COVERAGE by incidents that were notified about
   * the same runs; null when nothing does.
   */
  muted_by: z.enum(["SILENCE", "PARENT", "COVERAGE"]).nullable(),
  is_flapping: z.boolean(),
  escalation_step: z.number().int(),
  escalated_at: z.string().nullable(),
  acknowledged_at: z.string().nullable(),
  acknowledged_by: z.string().nullable(),
  acknowledged_until: z.string().nullable(),
  resolved_at: z.string().nullable(),
});
export type AlertIncident = z.infer<typeof AlertIncident>;

/** Mean times in ms over the incidents that fired in the last 30 days; null where no incident reached that state. */
export const AlertTimes = z.object({
  incidents: z.number().int(),
  /** From `began_at` to the first notification. */
  detect_ms: z.number().nullable(),
  /** From the first notification to the acknowledgement, of the incidents that were acknowledged after it. */
  acknowledge_ms: z.number().nullable(),
  /** From `began_at` to the resolution. */
  resolve_ms: z.number().nullable(),
});

/** `GET sync-monitoring/alerts`: newest first; `next_cursor` requests the next page and is null on the last. */
export const AlertListResponse = z.object({ alerts: z.array(AlertIncident), mean_times: AlertTimes, next_cursor: z.string().nullable() });

/** A change of an incident, with its reason. */
export const AlertEvent = z.object({
  at: z.string(),
  from_state: z.enum(INCIDENT_STATES).nullable(),
  to_state: z.enum(INCIDENT_STATES),
  severity: z.enum(SEVERITIES),
  reason: z.string(),
});

/** A notification of one channel about the incident, with each delivery attempt. */
export const AlertNotification = z.object({
  id: z.uuid(),
  channel: z.string(),
  /** The recipient of an email, with only the first letter and the domain of the address. */
  recipient: z.string().nullable(),
  kind: z.enum(NOTIFICATION_KINDS),
  /** SUPERSEDED: a newer state replaced this one before it was delivered, or it is an end that the channel has no beginning of. */
  status: z.enum(["PENDING", "SENDING", "SENT", "DEAD", "SUPERSEDED"]),
  attempts: z.number().int(),
  created_at: z.string(),
  sent_at: z.string().nullable(),
  last_error: z.string().nullable(),
  deliveries: z.array(z.object({
    attempt: z.number().int(),
    at: z.string(),
    outcome: z.enum(["SENT", "RETRY", "DEAD"]),
    status_code: z.number().int().nullable(),
    error: z.string().nullable(),
    duration_ms: z.number().int(),
  })),
});

/** `GET sync-monitoring/alerts/:id`: the incident with its timeline, its notifications and the incidents it inhibits. */
export const AlertDetailResponse = AlertIncident.extend({
  events: z.array(AlertEvent),
  notifications: z.array(AlertNotification),
  /** The incidents that this one inhibits because they have the same cause. */
  children: z.array(z.object({
    id: z.uuid(),
    rule_name: z.string(),
    entity_type: z.string(),
    tournament_no: z.string().nullable(),
    state: z.enum(INCIDENT_STATES),
  })),
  downtime_ms: z.number(),
});

/** A rule; durations are in words, such as `15 minutes`. */
export const AlertRule = z.object({
  id: z.uuid(),
  name: z.string(),
  description: z.string(),
  entity_type: z.string(),
  scope: z.enum(["ENTITY", "TOURNAMENT"]),
  /** The lowest priority of the tournaments that the rule measures; null: each tournament. */
  lowest_priority: z.enum(TOURNAMENT_PRIORITIES).nullable(),
  metric: AlertMetric,
  threshold: z.number(),
  recovery_threshold: z.number().nullable(),
  evaluation_window: z.string(),
  for_duration: z.string(),
  minimum_runs: z.number().int(),
  no_data: z.enum(["KEEP", "OK", "ALERT"]),
  error_type: z.enum(ERROR_TYPES).nullable(),
  severity: z.enum(SEVERITIES),
  notification_channels: z.array(z.string()),
  repeat_interval: z.string(),
  escalation_delay: z.string().nullable(),
  escalation_channels: z.array(z.array(z.string())),
  runbook_url: z.string().nullable(),
  is_active: z.boolean(),
  /** Since when evaluations cannot measure the rule; null while they can. */
  broken_since: z.string().nullable(),
  broken_reason: z.string().nullable(),
  created_at: z.string(),
  updated_at: z.string(),
});
export type AlertRule = z.infer<typeof AlertRule>;
/** `GET sync-admin/alert-rules`. */
export const RuleListResponse = z.object({ rules: z.array(AlertRule) });

/** A silence; a null field matches every value. */
export const AlertSilence = z.object({
  id: z.uuid(),
  entity_type: z.string().nullable(),
  rule_id: z.uuid().nullable(),
  severity: z.enum(SEVERITIES).nullable(),
  tournament_no: z.string().nullable(),
  incident_id: z.uuid().nullable(),
  starts_at: z.string(),
  ends_at: z.string(),
  recurs_every: z.string().nullable(),
  lasts: z.string().nullable(),
  created_by: z.string(),
  created_at: z.string(),
  reason: z.string(),
  /** Whether it mutes notifications now; a recurring silence does so only in its windows. */
  is_silencing: z.boolean(),
});
export type AlertSilence = z.infer<typeof AlertSilence>;
/** `GET sync-admin/silences`: active and future silences. */
export const SilenceListResponse = z.object({ silences: z.array(AlertSilence) });

/** A channel without its secrets. */
export const NotificationChannel = z.object({
  name: z.string(),
  kind: z.enum(["email", "webhook", "slack", "dashboard"]),
  is_active: z.boolean(),
  config: z.record(z.string(), z.unknown()),
  group_window: z.string(),
  hourly_limit: z.number().int(),
  has_secret: z.boolean(),
  has_previous_secret: z.boolean(),
  /** The time until which the previous secret signs too. */
  previous_secret_until: z.iso.datetime({ offset: true }).nullable(),
  created_at: z.string(),
  updated_at: z.string(),
});
export type NotificationChannel = z.infer<typeof NotificationChannel>;
/** Whether a channel delivers. */
export const ChannelProof = z.object({
  /** When it last delivered a notification; a test does not count. */
  last_delivery_at: z.string().nullable(),
  /** Since when each of its recipients has accepted a notification or a test; null while one has not. A later change needs a new proof. */
  proven_at: z.string().nullable(),
  /** The error of the last notification or test of a recipient; null after a success. */
  last_error: z.string().nullable(),
});
/** A channel in the list. */
export const ChannelState = NotificationChannel.extend(ChannelProof.shape);
/** `GET sync-admin/channels`. */
export const ChannelListResponse = z.object({ channels: z.array(ChannelState) });
