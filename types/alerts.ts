import { z } from "zod";
import { CHANNEL_KIND_NAMES } from "./channel-kinds.ts";
import { ERROR_TYPES, NamedTournament, SEVERITIES, TOURNAMENT_PRIORITIES } from "./sync.ts";

export const INCIDENT_STATES = ["PENDING", "FIRING", "ACKNOWLEDGED", "RESOLVED"] as const;
export type IncidentState = typeof INCIDENT_STATES[number];
/** The labels that a person gives an incident: worth a notification, or not. */
export const INCIDENT_LABELS = ["USEFUL", "NOISE"] as const;

/** A metric of rules; value, threshold and recovery threshold have its unit. */
export interface Metric {
  /** The side of the threshold on which a value is a breach. */
  direction: "above" | "below";
  unit: string;
  /** The name of the metric in messages. */
  label: string;
  /** The range of thresholds that a value can reach and recover from; the table of rules checks the same range. */
  min: number;
  max: number;
  /** The reason why no value exceeds `max`, for a person who entered a higher threshold. */
  limit?: string;
  /** Whether the value is unknown with fewer runs in the window than `minimum_runs`; other metrics ignore `minimum_runs`. */
  needs_runs: boolean;
  /** Whether the value depends on the window; other metrics ignore the window. */
  uses_window: boolean;
  /** The reason why a rule cannot be replayed; absent for a metric whose past values can be measured from stored rows. */
  lost_past?: string;
}
const OF_WINDOW = { needs_runs: false, uses_window: true };
const OF_RUNS = { needs_runs: true, uses_window: true };
const OF_STATE = { needs_runs: false, uses_window: false };
const RATIO = { unit: "ratio", min: 0.01, max: 1 };
const DAY_S = 86_400;
/** The reason why the past of single tournaments cannot be replayed. */
export const TOURNAMENTS_OF_NOW = "the database does not keep which tournaments were synced at a past time";
/** The range of a time in seconds; retention keeps evaluations for a week, so that no measured age is longer. */
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
    lost_past: "only the last heartbeat of a run is kept",
    ...OF_STATE,
  },
  shared_failure: { direction: "above", unit: "tournaments", label: "shared failure", min: 1, max: 1_000, ...OF_WINDOW },
  unconfirmed_replies: {
    direction: "above",
    unit: "replies",
    label: "held-back replies that no later reply confirmed",
    min: 1,
    max: 1_000,
    lost_past: "only the newest reply of each request is kept",
    ...OF_WINDOW,
  },
  api_fallback_ratio: { direction: "above", label: "share of API fallbacks in requests", ...RATIO, ...OF_RUNS },
  tournament_staleness: {
    direction: "above",
    unit: "s",
    label: "staleness",
    min: 1,
    max: 7 * DAY_S,
    limit: "a tournament is synced only a little longer than that",
    lost_past: TOURNAMENTS_OF_NOW,
    ...OF_STATE,
  },
  undelivered_age: {
    direction: "above",
    label: "age of the oldest undelivered notification",
    lost_past: "the database does not keep which notifications waited at a past time",
    ...WEEK,
    ...OF_STATE,
  },
  processor_late: {
    direction: "above",
    label: "time since the last evaluation",
    lost_past: "evaluations are kept for only a week",
    ...WEEK,
    ...OF_STATE,
  },
  queue_age: {
    direction: "above",
    label: "longest wait in the queue",
    lost_past: "the database does not keep which jobs could start at a past time",
    ...WEEK,
    ...OF_STATE,
  },
  burn_rate: {
    direction: "above",
    unit: "×",
    label: "burn rate",
    min: 0.1,
    max: 1_000,
    lost_past: "the events of an objective are kept by hour, and a short window can be shorter than an hour",
    ...OF_WINDOW,
  },
  broken_rules: {
    direction: "above",
    unit: "rules",
    label: "rules that cannot be measured",
    min: 1,
    max: 1_000,
    lost_past: "the database does not keep which rules were broken at a past time",
    ...OF_STATE,
  },
  canary: {
    direction: "above",
    unit: "channels",
    label: "channels whose test is due",
    min: 1,
    max: 1,
    lost_past: "a test message is sent once",
    ...OF_STATE,
  },
  canary_failed: {
    direction: "above",
    unit: "channels",
    label: "channels that are not proven",
    min: 1,
    max: 100,
    lost_past: "which channels were active at a past time is not kept",
    ...OF_STATE,
  },
} as const satisfies Record<string, Metric>;
export type AlertMetric = keyof typeof ALERT_METRICS;
export const AlertMetric = z.enum(Object.keys(ALERT_METRICS) as [AlertMetric, ...AlertMetric[]]);

/** The thresholds that a rule can have, in words that follow the name of the field. */
export function thresholdsOf(metric: AlertMetric): string {
  const { unit, min, max, limit }: Metric = ALERT_METRICS[metric];
  const because = limit ? `, because ${limit}` : "";
  const range = min === max ? `must be ${min}` : `must be between ${min} and ${max}`;
  return `${range}${unit === "ratio" ? "" : ` ${unit}`} for the metric ${metric}${because}`;
}

/** The metrics of the monitoring system; their rules have the entity type `system`. */
export const SYSTEM_METRICS: readonly AlertMetric[] = [
  "undelivered_age",
  "processor_late",
  "queue_age",
  "broken_rules",
  "canary",
  "canary_failed",
];
/** The metrics that a rule with the scope `TOURNAMENT` can use. */
export const TOURNAMENT_METRICS: readonly AlertMetric[] = ["success_rate", "consecutive_failures", "tournament_staleness"];

/**
 * `REPEAT`: the incident is firing after the repeat interval. `ACKNOWLEDGED`: only for receivers with their own acknowledgements. `MISSED`:
 * runs were missed in a gap of the evaluations.
 */
export const NOTIFICATION_KINDS = ["FIRING", "ESCALATED", "REPEAT", "ACKNOWLEDGED", "RESOLVED", "FLAPPING", "MISSED"] as const;
export type NotificationKind = typeof NOTIFICATION_KINDS[number];

/** The columns of an incident; times are ISO 8601, value and threshold are in the unit of the metric. */
export const IncidentRow = z.object({
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
  /** The facts of the newest breach; `at_peak` has the facts of the worst value, which explain an ended incident. */
  evidence: z.record(z.string(), z.unknown()),
  /** The time since which the condition is met, by the run or due time; `opened_at` is the evaluation that found it. */
  began_at: z.string(),
  opened_at: z.string(),
  fired_at: z.string().nullable(),
  notified_at: z.string().nullable(),
  /**
   * The cause that mutes every destination: a silence, the parent, or COVERAGE by notified incidents about the same runs; null when a
   * destination is not muted.
   */
  muted_by: z.enum(["SILENCE", "PARENT", "COVERAGE"]).nullable(),
  is_flapping: z.boolean(),
  /** The time at which a flapping incident began to recover; it resolves after a long recovery. */
  recovered_at: z.string().nullable(),
  escalation_step: z.number().int(),
  escalated_at: z.string().nullable(),
  acknowledged_at: z.string().nullable(),
  acknowledged_by: z.string().nullable(),
  acknowledged_until: z.string().nullable(),
  resolved_at: z.string().nullable(),
  label: z.enum(INCIDENT_LABELS).nullable(),
  labelled_by: z.string().nullable(),
});
export type IncidentRow = z.infer<typeof IncidentRow>;

/** The objects that an incident affects, such as 10 of 10 tournaments; `of` is null when only the affected ones are counted. */
export const Affected = z.object({
  count: z.number().int(),
  of: z.number().int().nullable(),
  unit: z.enum(["tournaments", "runs", "replies", "notifications", "jobs", "rules", "channels"]),
});

/** An incident with its evidence in words. */
export const AlertIncident = IncidentRow.extend({
  /** The cause as a title, in the past tense after the end: `VIS answered HTTP 500: 10 of 10 tournaments`. */
  cause: z.string(),
  /** The scope of the incident: the title of an entity, a tournament of it with its name, `All syncs` or `Monitoring`. */
  scope: z.string(),
  /** The affected objects; null for a metric that counts none, such as a duration. */
  affected: Affected.nullable(),
  /** The worst value, in the unit of the metric, and the time of the evaluation that first found it. */
  peak: z.number().nullable(),
  peak_at: z.string().nullable(),
  /** The run and the error code that explain the incident: of the newest breach, or of the worst value of an ended incident. */
  execution_id: z.uuid().nullable(),
  error_code: z.string().nullable(),
});
export type AlertIncident = z.infer<typeof AlertIncident>;

/** Another incident with the same cause. */
export const IncidentReference = AlertIncident.pick({
  id: true,
  cause: true,
  scope: true,
  rule_name: true,
  entity_type: true,
  tournament_no: true,
  severity: true,
  state: true,
  began_at: true,
});

/** Mean times in ms over the incidents that fired in the last 30 days; null when no incident reached that state. */
export const AlertTimes = z.object({
  incidents: z.number().int(),
  /** The time from `began_at` to the first notification. */
  detect_ms: z.number().nullable(),
  /** The time from the first notification to the acknowledgement, of the incidents that were acknowledged after it. */
  acknowledge_ms: z.number().nullable(),
  /** The time from `began_at` to the resolution. */
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
  /** SUPERSEDED: a newer state replaced the state before its delivery, or the state is an end without a delivered opening. */
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

/** A rule; durations are in words, such as `15 minutes`. */
export const AlertRule = z.object({
  id: z.uuid(),
  name: z.string(),
  description: z.string(),
  entity_type: z.string(),
  scope: z.enum(["ENTITY", "TOURNAMENT"]),
  /** The lowest priority of the tournaments that the rule measures; null measures every tournament. */
  lowest_priority: z.enum(TOURNAMENT_PRIORITIES).nullable(),
  metric: AlertMetric,
  threshold: z.number(),
  recovery_threshold: z.number().nullable(),
  evaluation_window: z.string(),
  for_duration: z.string(),
  minimum_runs: z.number().int(),
  no_data: z.enum(["KEEP", "OK", "ALERT"]),
  error_type: z.enum(ERROR_TYPES).nullable(),
  /** The objective whose error budget a burn_rate rule measures. */
  objective_id: z.uuid().nullable(),
  severity: z.enum(SEVERITIES),
  notification_channels: z.array(z.string()),
  repeat_interval: z.string(),
  escalation_delay: z.string().nullable(),
  escalation_channels: z.array(z.array(z.string())),
  runbook_url: z.string().nullable(),
  is_active: z.boolean(),
  /** The time since which evaluations cannot measure the rule; null while they can. */
  broken_since: z.string().nullable(),
  broken_reason: z.string().nullable(),
  created_at: z.string(),
  updated_at: z.string(),
});
export type AlertRule = z.infer<typeof AlertRule>;
/** The delivery of the opening of an incident on one channel. */
export const OpeningDelivery = z.object({
  channel: z.string(),
  /** The kind of the channel; null for a deleted channel. */
  kind: z.enum(CHANNEL_KIND_NAMES).nullable(),
  /** SENT to every recipient; PENDING or DEAD for at least one of them; SUPERSEDED by the end before any delivery. */
  status: z.enum(["PENDING", "SENT", "DEAD", "SUPERSEDED"]),
  sent_at: z.string().nullable(),
  recipients_sent: z.number().int(),
  recipients_total: z.number().int(),
  /** The time of the longest successful delivery. */
  duration_ms: z.number().int().nullable(),
});

/** A full run while an incident was open, or the last run before it. */
export const IncidentRun = z.object({
  id: z.uuid(),
  entity_type: z.string(),
  status: z.string(),
  status_reason: z.string().nullable(),
  execution_start: z.string(),
  duration_ms: z.number().nullable(),
  tournaments_failed: z.number().int(),
  tournaments_total: z.number().int().nullable(),
});

/**
 * `GET sync-monitoring/alerts/:id`: the incident with its timeline, its notifications and the incidents that it inhibits. The runs, the
 * freshness and the next run are those of its entity; an incident of all syncs has those of the entity of the run that explains it.
 */
export const AlertDetailResponse = AlertIncident.extend({
  events: z.array(AlertEvent),
  notifications: z.array(AlertNotification),
  /** The incidents with the same cause that this incident inhibits. */
  children: z.array(IncidentReference),
  /** The incident that inhibits this one. */
  parent: IncidentReference.nullable(),
  downtime_ms: z.number(),
  /** At most 20 tournaments that fail with the fingerprint of the incident, or failed with it until its end. */
  affected_tournaments: z.array(NamedTournament),
  /** The last full run that SUCCEEDED before the first bad run; of a tournament, the last run before it that read the tournament. */
  last_good_run: z.object({ id: z.uuid(), execution_end: z.string().nullable(), records_processed: z.number().int().nullable() })
    .nullable(),
  /** The current age of the data; null for a tournament that was never read, and for the monitoring system. */
  freshness: z.object({
    last_successful_sync: z.string().nullable(),
    age_ms: z.number().nullable(),
    expected_within_ms: z.number(),
  }).nullable(),
  next_run_at: z.string().nullable(),
  /** The current rule, with the channels that it notifies for this entity; null after its deletion. */
  rule: AlertRule.extend({ channels: z.array(z.string()) }).nullable(),
  /** The time and the step of the next escalation without an acknowledgement; null without one. `channels` are those of that step. */
  escalates_at: z.string().nullable(),
  escalates_to: z.object({ severity: z.enum(SEVERITIES), channels: z.array(z.string()) }).nullable(),
  notified: z.array(OpeningDelivery),
  /** The silence that mutes the incident now; a pause of the entity has neither id nor end. */
  silence: z.object({ id: z.uuid().nullable(), until: z.string().nullable(), by: z.string(), reason: z.string().nullable() }).nullable(),
  /** The section of docs/runbook.md; null when no section is about the metric. */
  runbook_anchor: z.string().nullable(),
  /**
   * The value after each full run from 2 hours before the incident until its end: the newest 200, or the newest 50 of a success rate. For
   * `duration_exceeded` and `memory_usage`, the figure of each run. Null for a metric whose past values cannot be measured.
   */
  value_history: z.array(z.object({ at: z.string(), value: z.number() })).nullable(),
  /** The newest runs of the incident and the last run before it, at most 30, the oldest first; `runs_total` counts all its runs. */
  runs: z.array(IncidentRun),
  runs_total: z.number().int(),
});

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
  /** Whether the silence mutes notifications now; a recurring silence mutes only in its windows. */
  is_silencing: z.boolean(),
});
export type AlertSilence = z.infer<typeof AlertSilence>;
/** `GET sync-admin/silences`: active and future silences, by their end; `next_cursor` requests the next page and is null on the last. */
export const SilenceListResponse = z.object({ silences: z.array(AlertSilence), next_cursor: z.string().nullable() });

/** A channel without its secrets. */
export const NotificationChannel = z.object({
  name: z.string(),
  kind: z.enum(CHANNEL_KIND_NAMES),
  is_active: z.boolean(),
  /**
   * The `host` of the address, and a `digest` that changes with the address or the key. A webhook also has the `header_digests` by the
   * names of its headers, Telegram the `chat_id`, and email the recipients `to` and `by_severity`.
   */
  config: z.record(z.string(), z.unknown()),
  group_window: z.string(),
  hourly_limit: z.number().int(),
  /** Whether the channel receives the report of each week. */
  weekly_report: z.boolean(),
  /** The interval of the canaries; null for a channel without canaries. */
  canary_every: z.string().nullable(),
  has_secret: z.boolean(),
  has_previous_secret: z.boolean(),
  /** The time until which the previous secret also signs. */
  previous_secret_until: z.iso.datetime({ offset: true }).nullable(),
  created_at: z.string(),
  updated_at: z.string(),
});
export type NotificationChannel = z.infer<typeof NotificationChannel>;
/** The evidence of whether a channel delivers. */
export const ChannelProof = z.object({
  /** The time of the last delivered notification; a test does not count. */
  last_delivery_at: z.string().nullable(),
  /** The time since which each recipient has accepted a notification or a test; null while one has not, or after a later change. */
  proven_at: z.string().nullable(),
  /** The error of the last notification or test of a recipient; null after a success. */
  last_error: z.string().nullable(),
});
/**
 * The stages of a canary, which is the test message that proves a channel. RULE: a rule can send the message. EVALUATION: the rules were
 * evaluated. OUTBOX: the message was queued. CHANNEL: the channel accepted the message. READER: a person followed the link in an email.
 */
export const CANARY_STAGES = ["RULE", "EVALUATION", "OUTBOX", "CHANNEL", "READER"] as const;
/** The last proof of a channel, and the failure of its last canary. */
const CanaryState = z.object({
  /** The time of the last proof; a canary proves a channel, and each accepted post proves an Alertmanager. */
  proven_at: z.string().nullable(),
  proven_by: z.enum(CANARY_STAGES).nullable(),
  /** The time at which the last canary failed; null when it did not fail. */
  failed_at: z.string().nullable(),
  failed_stage: z.enum(CANARY_STAGES).nullable(),
  error: z.string().nullable(),
});
/** `POST sync-admin/canaries/:id/confirm`: the canary as the first person who followed its link confirmed it. */
export const ConfirmedCanary = z.object({
  id: z.uuid(),
  channel: z.string(),
  opened_at: z.string(),
  proven_at: z.string(),
  confirmed_by: z.string(),
});
/** A channel in the list. */
export const ChannelState = NotificationChannel.extend(ChannelProof.shape).extend({ canary: CanaryState });
/** `GET sync-admin/channels`. */
export const ChannelListResponse = z.object({ channels: z.array(ChannelState) });
