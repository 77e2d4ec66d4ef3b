import { z } from "zod";
import { CHANNEL_KIND_NAMES } from "../../types/channel-kinds.ts";
import { AlertMetric, INCIDENT_STATES, NOTIFICATION_KINDS } from "../../types/alerts.ts";
import { CreateRuleRequest, RuleChanges } from "../../types/admin.ts";
import { SEVERITIES } from "../../types/sync.ts";
import { as_of } from "./fields.ts";

const moment = z.string().nullable();

/** The scope of an incident: a rule, and the entity or tournament that the rule evaluates. */
export const Scope = z.object({ rule_id: z.uuid(), rule_name: z.string(), entity_type: z.string(), tournament_no: z.string().nullable() });
export type Scope = z.infer<typeof Scope>;

/** The address of a message: a channel, and one of its recipients; the recipient is empty when the channel itself is the destination. */
const Address = z.object({ channel: z.string(), recipient: z.string() });
export type Address = z.infer<typeof Address>;

/** The full runs of an entity that show the condition, as the start of the first and of the last run. */
export const BadRuns = z.object({ entity_type: z.string(), first_run_at: z.string(), last_run_at: z.string() });
export type BadRun = z.infer<typeof BadRuns>;

/** The newest state of an incident that was queued for a destination; `cause` is the fingerprint that it reported. */
export const DestinationState = Address.extend({ severity: z.enum(SEVERITIES), cause: z.string().nullable(), is_dead: z.boolean() });
export type DestinationState = z.infer<typeof DestinationState>;

/** The causes that mute all notifications of a firing incident: a silence, a parent, or runs that other incidents cover. */
const MUTES = ["SILENCE", "PARENT", "COVERAGE"] as const;

/** A live incident with the fields that an evaluation needs. */
const LiveIncident = z.object({
  id: z.uuid(),
  version: z.number(),
  state: z.enum(INCIDENT_STATES),
  severity: z.enum(SEVERITIES),
  value: z.number().nullable(),
  message: z.string(),
  opened_at: z.string(),
  began_at: z.string(),
  fired_at: moment,
  escalation_step: z.number().int(),
  /** The start of the escalation clock; null while the clock does not run. */
  unacknowledged_since: moment,
  acknowledged_until: moment,
  notified_at: moment,
  last_notified_at: moment,
  /** The time in ms for which the condition of a pending incident has been met, and the evaluation that last added to it. */
  met_ms: z.number(),
  met_at: moment,
  muted_by: z.enum(MUTES).nullable(),
  /** The fingerprint of the failures behind the last breach. */
  cause: z.string().nullable(),
  destinations: z.array(DestinationState),
  /** The runs that the incident covers. */
  bad_runs: z.array(BadRuns),
  is_flapping: z.boolean(),
  recovered_at: moment,
  /** The facts of the last breach; `peak` is the worst value so far. */
  evidence: z.record(z.string(), z.unknown()),
  parent: Scope.nullable(),
});
export type LiveIncident = z.infer<typeof LiveIncident>;

/** The value of a rule in one scope, with the rule's settings and its live incident. */
export const Measurement = Scope.extend({
  metric: AlertMetric,
  severity: z.enum(SEVERITIES),
  threshold: z.number(),
  recovery_threshold: z.number().nullable(),
  minimum_runs: z.number(),
  no_data: z.enum(["KEEP", "OK", "ALERT"]),
  for_ms: z.number(),
  escalation_ms: z.number().nullable(),
  escalation_channels: z.array(z.array(z.string())),
  repeat_ms: z.number(),
  flap_ms: z.number(),
  channels: z.array(z.string()),
  value: z.number().nullable(),
  runs: z.number(),
  since: moment,
  execution_id: z.uuid().nullable(),
  fingerprint: z.string().nullable(),
  /** Whether every failure of the run has the fingerprint. */
  is_sole_cause: z.boolean(),
  evidence: z.record(z.string(), z.unknown()),
  /** Whether the value is from a run before the window; it then keeps the state, and neither escalates nor repeats. */
  is_stale: z.boolean(),
  /** Whether the entity is paused; the value is then unknown, and the pause counts as a silence. */
  is_paused: z.boolean(),
  /** The reason why the scope is no longer measured; null while it is. */
  ended: z.string().nullable(),
  bad_runs: z.array(BadRuns),
  /** For each destination with covered runs, the value without these runs; null when no other run exists. */
  uncovered: z.array(Address.extend({ value: z.number().nullable(), runs: z.number() })),
  silenced_by: z.uuid().nullable(),
  /** Whether the silence names this incident; it then also covers the incidents that this one inhibits. */
  is_silenced_by_name: z.boolean(),
  /** An incident that a person resolved while its condition was met; no new one opens until the value recovers. */
  closed_incident: z.uuid().nullable(),
  /** The number of incidents of this scope that resolved within `flap_ms`. */
  resolved_recently: z.number(),
  /** The missed runs in a gap of the evaluations; `started_at` is the start of the first run after the due time. */
  missed: z.array(z.object({ due_at: z.string(), overdue_at: z.string(), started_at: z.string() })),
  incident: LiveIncident.nullable(),
});
export type Measurement = z.infer<typeof Measurement>;

/** The recipients of each active channel by severity. */
export const Recipients = z.record(z.string(), z.record(z.enum(SEVERITIES), z.array(z.string())));
export type Recipients = z.infer<typeof Recipients>;

/** A rule that could not be measured or applied, with the error of the database. */
const BrokenRule = z.object({ rule_id: z.uuid(), reason: z.string() });

/** The answer of `measure_alert_rules` and `preview_alert_rule`. */
const Measurements = z.object({
  as_of: z.string(),
  evaluated_since: moment,
  recipients: Recipients,
  broken: z.array(BrokenRule),
  measurements: z.array(Measurement),
});
export type Measurements = z.infer<typeof Measurements>;

/** A notification to queue. */
const QueuedNotification = z.strictObject({ ...Address.shape, kind: z.enum(NOTIFICATION_KINDS), reason: z.string() });
export type QueuedNotification = z.infer<typeof QueuedNotification>;

/** A change of one incident; DISCARDED deletes an incident that never fired. */
const Transition = z.strictObject({
  incident_id: z.uuid().nullable(),
  version: z.number().nullable(),
  rule_id: z.uuid(),
  rule_name: z.string(),
  metric: AlertMetric,
  entity_type: z.string(),
  tournament_no: z.string().nullable(),
  from_state: z.enum(INCIDENT_STATES).nullable(),
  to_state: z.enum([...INCIDENT_STATES, "DISCARDED"]),
  severity: z.enum(SEVERITIES),
  value: z.number().nullable(),
  threshold: z.number(),
  message: z.string(),
  /** The reason in the timeline; empty for a change that the timeline does not show. */
  reason: z.string(),
  evidence: z.record(z.string(), z.unknown()),
  cause: z.string().nullable(),
  began_at: moment,
  resolved_at: z.string().optional(),
  missed_due_at: z.string().optional(),
  escalation_step: z.number().int(),
  unacknowledged_since: moment,
  met_ms: z.number(),
  met_at: moment,
  muted_by: z.enum(MUTES).nullable(),
  is_flapping: z.boolean(),
  recovered_at: moment,
  /** The incident that inhibits this one. */
  parent: Scope.nullable(),
  bad_runs: z.array(BadRuns),
  notifications: z.array(QueuedNotification),
});
export type Transition = z.infer<typeof Transition>;

/** The state of one incident, as a message reports it. */
const NotificationItem = z.object({
  incident_id: z.uuid(),
  kind: z.enum(NOTIFICATION_KINDS),
  rule_name: z.string(),
  metric: z.string(),
  entity_type: z.string(),
  tournament_no: z.string().nullable().default(null),
  severity: z.enum(SEVERITIES),
  /** The severity of the first state of the incident that was queued for the destination; absent in that first state. */
  first_severity: z.enum(SEVERITIES).optional(),
  message: z.string(),
  reason: z.string(),
  evidence: z.record(z.string(), z.unknown()).default({}),
  began_at: z.string().nullable().default(null),
  opened_at: z.string(),
  resolved_at: z.string().nullable(),
  runbook_url: z.string().nullable(),
});
export type NotificationItem = z.infer<typeof NotificationItem>;

/** A state of an incident in the outbox of a destination. */
const OutboxRow = z.object({
  id: z.uuid(),
  item: NotificationItem,
  /** Whether the destination received an earlier state of the incident; PERHAPS when the answer to an attempt was lost. */
  received: z.enum(["YES", "NO", "PERHAPS"]),
});
export type OutboxRow = z.infer<typeof OutboxRow>;

/** The channel of a message with its configuration, and one of its recipients. */
export const Destination = z.object({
  channel: z.string(),
  recipient: z.string().nullable(),
  kind: z.enum(CHANNEL_KIND_NAMES),
  config: z.record(z.string(), z.unknown()),
  secret: z.string().nullable(),
  previous_secret: z.string().nullable(),
  hourly_limit: z.number().int(),
});
export type Destination = z.infer<typeof Destination>;

/** A group is a rule and an entity type; one message reports the states of one group. */
const Group = z.object({ rule_name: z.string(), entity_type: z.string() });
export type Group = z.infer<typeof Group>;

/** A group with due notifications for one destination, from `claim_alert_notifications`. */
const ClaimedGroup = Destination.extend({
  token: z.uuid(),
  group: Group,
  /** The undelivered states, the oldest first. */
  rows: z.array(OutboxRow),
  /** The last delivered state of each other firing incident of the group. */
  firing: z.array(NotificationItem),
  /** The number of notifications that waited because of the hourly limit. */
  over_limit: z.number().int(),
});
export type ClaimedGroup = z.infer<typeof ClaimedGroup>;

/** The outcome of a delivery attempt: RETRY for a temporary failure, DEAD for a permanent one. */
export const Delivery = z.strictObject({
  outcome: z.enum(["SENT", "RETRY", "DEAD"]),
  /** Whether the receiver answered; without an answer, the receiver may have the message. */
  is_answered: z.boolean(),
  status_code: z.number().int().optional(),
  error: z.string().optional(),
  retry_after_ms: z.number().optional(),
});
export type Delivery = z.infer<typeof Delivery>;

export const ALERTS = {
  measure_alert_rules: { args: { as_of }, answer: Measurements },
  preview_alert_rule: {
    args: { p: z.strictObject({ id: z.uuid().optional(), rule: z.union([CreateRuleRequest, RuleChanges]) }), as_of },
    answer: Measurements,
  },
  apply_alert_transitions: {
    args: {
      p: z.strictObject({
        cause: z.string(),
        /** The number of measurements. */
        rules: z.number().int(),
        evaluated_since: moment,
        transitions: z.array(Transition),
        /** The incidents that a person resolved and whose value has recovered. */
        recovered: z.array(z.uuid()),
        broken: z.array(BrokenRule),
      }),
      as_of,
    },
    answer: z.number().int(),
  },
  get_alertmanager_alerts: { args: { as_of }, answer: z.object({ receivers: z.array(Destination), items: z.array(NotificationItem) }) },
  record_alertmanager_post: { args: { p: z.strictObject({ name: z.string(), error: z.string().nullable() }), as_of }, answer: z.null() },
  claim_alert_notifications: { args: { p: z.strictObject({ limit: z.number().int() }), as_of }, answer: z.array(ClaimedGroup) },
  record_alert_delivery: {
    args: {
      p: z.strictObject({
        token: z.uuid(),
        message_id: z.uuid(),
        /** The rows whose states the message reported. */
        reported: z.array(z.uuid()),
        ...Delivery.shape,
        duration_ms: z.number(),
      }),
      as_of,
    },
    answer: z.boolean(),
  },
};
