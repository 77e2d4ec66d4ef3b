import { z } from "zod";
import { ERROR_TYPES, SEVERITIES } from "./sync.ts";

export const INCIDENT_STATES = ["PENDING", "FIRING", "ACKNOWLEDGED", "RESOLVED"] as const;
export type IncidentState = typeof INCIDENT_STATES[number];

/** What can be watched: which way is bad, and the unit of value and threshold; the one place that says so. */
export const ALERT_METRICS = {
  success_rate: { direction: "below", unit: "ratio" },
  consecutive_failures: { direction: "above", unit: "runs" },
  duration_exceeded: { direction: "above", unit: "s" },
  memory_usage: { direction: "above", unit: "MiB" },
  sync_overdue: { direction: "above", unit: "s" },
  error_rate: { direction: "above", unit: "errors a run" },
  records_collapse: { direction: "above", unit: "ratio" },
  cache_hit_ratio: { direction: "below", unit: "ratio" },
  api_response_time: { direction: "above", unit: "ms" },
  stuck_execution: { direction: "above", unit: "s" },
  shared_failure: { direction: "above", unit: "tournaments" },
  dead_notifications: { direction: "above", unit: "notifications" },
  processor_late: { direction: "above", unit: "s" },
  queue_age: { direction: "above", unit: "s" },
} as const satisfies Record<string, { direction: "above" | "below"; unit: string }>;
export type AlertMetric = keyof typeof ALERT_METRICS;
export const AlertMetric = z.enum(Object.keys(ALERT_METRICS) as [AlertMetric, ...AlertMetric[]]);

/** The metrics of the monitoring itself; their rules have the entity type `system`. */
export const SYSTEM_METRICS: readonly AlertMetric[] = ["dead_notifications", "processor_late", "queue_age"];
/** What can be measured of each single tournament. */
export const TOURNAMENT_METRICS: readonly AlertMetric[] = ["success_rate", "consecutive_failures"];

/** What a message is about: it fires, rose in severity, still holds, is over, comes and goes, or was over before anybody looked. */
export const NOTICE_KINDS = ["FIRING", "ESCALATED", "REPEAT", "RESOLVED", "FLAPPING", "MISSED"] as const;
export type NoticeKind = typeof NOTICE_KINDS[number];

/** An incident as it is read; times are ISO 8601, value and threshold in the unit of the metric. */
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
  began_at: z.string(),
  opened_at: z.string(),
  fired_at: z.string().nullable(),
  notified_at: z.string().nullable(),
  is_flapping: z.boolean(),
  escalation_step: z.number().int(),
  escalated_at: z.string().nullable(),
  acknowledged_at: z.string().nullable(),
  acknowledged_by: z.string().nullable(),
  acknowledged_until: z.string().nullable(),
  resolved_at: z.string().nullable(),
});
export type AlertIncident = z.infer<typeof AlertIncident>;

/** Means over the incidents that fired in the last 30 days, in ms; null where none got so far. */
export const AlertTimes = z.object({
  incidents: z.number().int(),
  /** From what holds coming to hold until it was told. */
  detect_ms: z.number().nullable(),
  /** From telling until somebody acknowledged. */
  acknowledge_ms: z.number().nullable(),
  /** From coming to hold until it was over. */
  resolve_ms: z.number().nullable(),
});

/** `GET sync-monitoring/alerts`: newest first; `next_cursor` asks for the page after, null on the last. */
export const AlertListResponse = z.object({ alerts: z.array(AlertIncident), mean_times: AlertTimes, next_cursor: z.string().nullable() });

/** One step in an incident's life, with its reason. */
export const AlertEvent = z.object({
  at: z.string(),
  from_state: z.enum(INCIDENT_STATES).nullable(),
  to_state: z.enum(INCIDENT_STATES),
  severity: z.enum(SEVERITIES),
  reason: z.string(),
});

/** One message to one channel about the incident, with each try. */
export const AlertNotification = z.object({
  id: z.uuid(),
  channel: z.string(),
  kind: z.enum(NOTICE_KINDS),
  status: z.enum(["PENDING", "SENDING", "SENT", "DEAD"]),
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

/** `GET sync-monitoring/alerts/:id`: the incident with its story, and whom it was told. */
export const AlertDetailResponse = AlertIncident.extend({
  events: z.array(AlertEvent),
  notifications: z.array(AlertNotification),
  /** What hangs under it because it has the same cause. */
  children: z.array(z.object({
    id: z.uuid(),
    rule_name: z.string(),
    entity_type: z.string(),
    tournament_no: z.string().nullable(),
    state: z.enum(INCIDENT_STATES),
  })),
  downtime_ms: z.number(),
});

/** A rule as it is read; lengths of time in words, such as `15 minutes`. */
export const AlertRule = z.object({
  id: z.uuid(),
  name: z.string(),
  description: z.string(),
  entity_type: z.string(),
  scope: z.enum(["ENTITY", "TOURNAMENT"]),
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
  created_at: z.string(),
  updated_at: z.string(),
});
export type AlertRule = z.infer<typeof AlertRule>;
/** `GET sync-admin/alert-rules`. */
export const RuleListResponse = z.object({ rules: z.array(AlertRule) });

/** A silence as it is read; what it does not name it matches all of. */
export const AlertSilence = z.object({
  id: z.uuid(),
  entity_type: z.string().nullable(),
  rule_id: z.uuid().nullable(),
  severity: z.enum(SEVERITIES).nullable(),
  tournament_no: z.string().nullable(),
  starts_at: z.string(),
  ends_at: z.string(),
  recurs_every: z.string().nullable(),
  lasts: z.string().nullable(),
  created_by: z.string(),
  created_at: z.string(),
  reason: z.string(),
  /** Whether it holds now; a recurring one does so in its windows only. */
  is_silencing: z.boolean(),
});
export type AlertSilence = z.infer<typeof AlertSilence>;
/** `GET sync-admin/silences`: those that last or are to come. */
export const SilenceListResponse = z.object({ silences: z.array(AlertSilence) });

/** A channel as it is read; its secrets never are. */
export const NotificationChannel = z.object({
  name: z.string(),
  kind: z.enum(["email", "webhook", "slack", "dashboard"]),
  is_active: z.boolean(),
  config: z.record(z.string(), z.unknown()),
  group_window: z.string(),
  hourly_cap: z.number().int(),
  has_secret: z.boolean(),
  has_previous_secret: z.boolean(),
  created_at: z.string(),
  updated_at: z.string(),
});
export type NotificationChannel = z.infer<typeof NotificationChannel>;
/** `GET sync-admin/channels`. */
export const ChannelListResponse = z.object({ channels: z.array(NotificationChannel) });
