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

/** Where a message goes: a channel, and one of its recipients where it has several; else the recipient is empty. */
const Address = z.object({ channel: z.string(), recipient: z.string() });
export type Address = z.infer<typeof Address>;

/** The full runs of an entity that show the condition, by the start of the first and the last one. */
export const BadRuns = z.object({ entity_type: z.string(), first_run_at: z.string(), last_run_at: z.string() });
export type BadRun = z.infer<typeof BadRuns>;

/** The newest state of an incident that was queued for a destination; `cause` is the fingerprint that it reported. */
export const DestinationState = Address.extend({ severity: z.enum(SEVERITIES), cause: z.string().nullable(), is_dead: z.boolean() });
export type DestinationState = z.infer<typeof DestinationState>;

/** The mute of all notifications of a firing incident: a silence, a parent, or runs that other incidents notified. */
const MUTES = ["SILENCE", "PARENT", "COVERAGE"] as const;

/** A live incident, as the evaluator reads it. */
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
  /** Since when the escalation clock runs; null while it does not. */
  unacknowledged_since: moment,
  acknowledged_until: moment,
  notified_at: moment,
  last_notified_at: moment,
  /** How long a pending incident has met its condition, in ms, and when an evaluation last added to it. */
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
  /** The evidence of the last breach; `peak` is the worst value so far. */
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
  /** Every failure of the run has the fingerprint. */
  is_sole_cause: z.boolean(),
  evidence: z.record(z.string(), z.unknown()),
  /** The value is that of a run before the window: it keeps the state, and neither escalates nor repeats. */
  is_stale: z.boolean(),
  /** The entity is paused: the value is unknown, and the pause counts as a silence. */
  is_paused: z.boolean(),
  /** Why the scope is no longer measured; null while it is. */
  ended: z.string().nullable(),
  bad_runs: z.array(BadRuns),
  /** The value without the runs that incidents notified there, for each destination with such runs; null without another run. */
  uncovered: z.array(Address.extend({ value: z.number().nullable(), runs: z.number() })),
  silenced_by: z.uuid().nullable(),
  /** The silence names this incident, so it also covers the incidents that this one inhibits. */
  is_silenced_by_name: z.boolean(),
  /** An incident that a person resolved while its condition was met: none opens until the value recovers. */
  closed_incident: z.uuid().nullable(),
  /** Incidents of this scope that resolved within `flap_ms`. */
  resolved_recently: z.number(),
  /** Runs that did not start when due while no rules were evaluated; `started_at` is the start of the first run after the due time. */
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
  /** Empty for a change that the timeline does not show. */
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
  /** The severity of the first state of the incident that was queued for the destination; absent when this is that state. */
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
  /** The destination received an earlier state of the incident: yes, no, or perhaps, because the answer to an attempt was lost. */
  received: z.enum(["YES", "NO", "PERHAPS"]),
});
export type OutboxRow = z.infer<typeof OutboxRow>;

/** The channel of a message, and one of its recipients where it has several. */
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

/** The answer of `claim_alert_notifications` for each due group of a destination. */
const ClaimedGroup = Destination.extend({
  token: z.uuid(),
  group: Group,
  /** The states that were not delivered, in the order in which they came about. */
  rows: z.array(OutboxRow),
  /** The last delivered state of each other incident of the group that still fires. */
  firing: z.array(NotificationItem),
  /** The number of notifications that waited because of the hourly limit. */
  over_limit: z.number().int(),
});
export type ClaimedGroup = z.infer<typeof ClaimedGroup>;

/** The outcome of a delivery attempt: RETRY for a temporary failure, DEAD for a permanent one. */
export const Delivery = z.strictObject({
  outcome: z.enum(["SENT", "RETRY", "DEAD"]),
  /** False when the request may have been received although no answer came. */
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
        /** The incidents that a person resolved and whose value has recovered since. */
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
