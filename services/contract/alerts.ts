import { z } from "zod";
import { AlertMetric, INCIDENT_STATES, NOTIFICATION_KINDS } from "../../types/alerts.ts";
import { ChangeRuleRequest, CreateRuleRequest } from "../../types/admin.ts";
import { SEVERITIES } from "../../types/sync.ts";
import { as_of } from "./fields.ts";

const moment = z.string().nullable();

/** The scope of an incident: a rule, and the entity or tournament that the rule evaluates. */
const Scope = z.object({ rule_id: z.uuid(), rule_name: z.string(), entity_type: z.string(), tournament_no: z.string().nullable() });
export type Scope = z.infer<typeof Scope>;

/** The value of a rule in one scope, with the rule's settings and its live incident. */
const Measurement = Scope.extend({
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
  /** Without inactive channels, as in `escalation_channels`. */
  channels: z.array(z.string()),
  runbook_url: z.string().nullable(),
  value: z.number().nullable(),
  runs: z.number(),
  since: moment,
  execution_id: z.uuid().nullable(),
  fingerprint: z.string().nullable(),
  evidence: z.record(z.string(), z.unknown()),
  silenced_by: z.uuid().nullable(),
  /** Incidents of this scope that resolved within `flap_ms`. */
  resolved_recently: z.number(),
  /** Runs that did not start when due while no rules were evaluated; `started_at` is the start of the first run after the due time. */
  missed: z.array(z.object({ due_at: z.string(), overdue_at: z.string(), started_at: z.string() })),
  incident: z.object({
    id: z.uuid(),
    version: z.number(),
    state: z.enum(INCIDENT_STATES),
    severity: z.enum(SEVERITIES),
    opened_at: z.string(),
    began_at: z.string(),
    fired_at: moment,
    escalated_at: moment,
    escalation_step: z.number().int(),
    acknowledged_until: moment,
    notified_at: moment,
    last_notified_at: moment,
    /** The channels for which a state of the incident was queued. */
    attempted_channels: z.array(z.string()),
    is_flapping: z.boolean(),
    recovered_at: moment,
    /** Of the worst measurement so far, whose value is `peak`. */
    evidence: z.record(z.string(), z.unknown()),
    parent: Scope.nullable(),
  }).nullable(),
});
export type Measurement = z.infer<typeof Measurement>;

/** The answer of `measure_alert_rules` and `preview_alert_rule`. */
const Measurements = z.object({ as_of: z.string(), evaluated_since: z.string().nullable(), measurements: z.array(Measurement) });

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
  began_at: moment,
  resolved_at: z.string().optional(),
  missed_due_at: z.string().optional(),
  escalation_step: z.number().int(),
  is_flapping: z.boolean(),
  recovered_at: moment,
  /** The incident that inhibits this one. */
  parent: Scope.nullable(),
  /** The kind of the notification; null sends none. */
  notify: z.enum(NOTIFICATION_KINDS).nullable(),
  /** The channels to notify; a RESOLVED notification instead goes to the channels that received the opening notification. */
  channels: z.array(z.string()),
  runbook_url: z.string().nullable(),
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
  kind: z.enum(["email", "webhook", "slack", "dashboard"]),
  config: z.record(z.string(), z.unknown()),
  secret: z.string().nullable(),
  previous_secret: z.string().nullable(),
  hourly_limit: z.number().int(),
});
export type Destination = z.infer<typeof Destination>;

/** A group is a rule and an entity type; one message reports the states of one group. */
const Group = z.object({ rule_name: z.string(), entity_type: z.string() });
export type Group = z.infer<typeof Group>;

/** What `claim_alert_notifications` returns for each group of a destination that is due. */
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
const Delivery = z.strictObject({
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
    args: { p: z.strictObject({ id: z.uuid().optional(), rule: z.union([CreateRuleRequest, ChangeRuleRequest]) }), as_of },
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
      }),
      as_of,
    },
    answer: z.number().int(),
  },
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
