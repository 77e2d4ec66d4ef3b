import { z } from "zod";
import {
  ChangeEntityRequest,
  ChangeRetentionRequest,
  CreateRuleRequest,
  EndBackoffRequest,
  EndBackoffResponse,
  Entity,
  LabelRequest,
  RetentionSetting,
  RuleChanges,
  SilenceRequest,
} from "../../types/admin.ts";
import { AlertNotification, AlertRule, AlertSilence, ConfirmedCanary, IncidentRow, NotificationChannel } from "../../types/alerts.ts";
import { ChangeObjectiveRequest, CreateObjectiveRequest, ObjectiveSettings } from "../../types/objectives.ts";
import { Person } from "../../types/people.ts";
import { Destination } from "./alerts.ts";
import { Actor, as_of } from "./fields.ts";

const { reason, ...changes } = ChangeEntityRequest.shape;
const createdObjective = CreateObjectiveRequest.omit({ reason: true });
const { reason: _, ...objectiveChanges } = ChangeObjectiveRequest.shape;
const changedObjective = z.strictObject(objectiveChanges);
const Silence = AlertSilence.omit({ is_silencing: true });
const Notification = AlertNotification.omit({ kind: true, recipient: true, deliveries: true });

// The acts of people; each act writes its change and its audit row in one transaction.
export const ACTS = {
  change_alert_incident: {
    args: {
      p: z.strictObject({
        id: z.uuid(),
        action: z.enum(["acknowledge", "unacknowledge", "resolve"]),
        note: z.string().optional(),
        until: z.string().optional(),
        actor: Actor,
      }),
      as_of,
    },
    answer: IncidentRow,
  },
  label_alert_incident: {
    args: { p: z.strictObject({ id: z.uuid(), ...LabelRequest.shape, actor: Actor }), as_of },
    answer: IncidentRow,
  },
  save_alert_silence: { args: { p: z.strictObject({ id: z.uuid(), ...SilenceRequest.shape, actor: Actor }), as_of }, answer: Silence },
  end_alert_silence: { args: { p: z.strictObject({ id: z.uuid(), reason: z.string().optional(), actor: Actor }), as_of }, answer: Silence },
  save_alert_rule: {
    args: {
      p: z.strictObject({
        id: z.uuid().optional(),
        /** The id of a new rule. */
        new_id: z.uuid().optional(),
        rule: z.union([CreateRuleRequest, RuleChanges]),
        reason: z.string().optional(),
        actor: Actor,
      }),
      as_of,
    },
    answer: AlertRule,
  },
  delete_alert_rule: {
    args: { p: z.strictObject({ id: z.uuid(), reason: z.string().optional(), actor: Actor }), as_of },
    answer: z.boolean(),
  },
  save_objective: {
    args: {
      p: z.strictObject({
        id: z.uuid().optional(),
        /** The id of a new objective. */
        new_id: z.uuid().optional(),
        objective: z.union([createdObjective, changedObjective]),
        reason: z.string().optional(),
        actor: Actor,
      }),
      as_of,
    },
    answer: ObjectiveSettings,
  },
  delete_objective: {
    args: { p: z.strictObject({ id: z.uuid(), reason: z.string().optional(), actor: Actor }), as_of },
    answer: z.boolean(),
  },
  save_notification_channel: {
    args: {
      p: z.strictObject({
        name: z.string(),
        kind: NotificationChannel.shape.kind,
        is_active: z.boolean().optional(),
        config: z.record(z.string(), z.unknown()).optional(),
        secret: z.string().nullable().optional(),
        group_window: z.string().optional(),
        hourly_limit: z.number().int().optional(),
        weekly_report: z.boolean().optional(),
        canary_every: z.string().nullable().optional(),
        actor: Actor,
      }),
      as_of,
    },
    answer: NotificationChannel,
  },
  delete_notification_channel: { args: { p: z.strictObject({ name: z.string(), actor: Actor }), as_of }, answer: z.boolean() },
  test_notification_channel: {
    args: { p: z.strictObject({ name: z.string(), actor: Actor }), as_of },
    answer: z.array(Destination),
  },
  confirm_canary: { args: { p: z.strictObject({ id: z.uuid(), actor: Actor }), as_of }, answer: ConfirmedCanary },
  record_channel_test: {
    args: {
      p: z.strictObject({
        name: z.string(),
        /** The error is null when the recipient accepted the messages; the recipient is null for a channel without recipients. */
        results: z.array(z.strictObject({ recipient: z.string().nullable(), error: z.string().nullable() })),
      }),
      as_of,
    },
    answer: z.null(),
  },
  get_alert_notification: { args: { p: z.strictObject({ id: z.uuid() }) }, answer: Notification.nullable() },
  change_alert_notification: {
    args: { p: z.strictObject({ id: z.uuid(), action: z.enum(["resend", "discard"]), actor: Actor }), as_of },
    answer: Notification,
  },
  change_entity: {
    args: { p: z.strictObject({ entity_type: z.string(), changes: z.strictObject(changes), reason, actor: Actor }), as_of },
    answer: Entity,
  },
  change_retention_setting: {
    args: { p: z.strictObject({ subject: z.string(), ...ChangeRetentionRequest.shape, actor: Actor }), as_of },
    answer: RetentionSetting,
  },
  end_upstream_backoff: { args: { p: z.strictObject({ ...EndBackoffRequest.shape, actor: Actor }), as_of }, answer: EndBackoffResponse },
  resolve_errors: {
    args: { p: z.strictObject({ id: z.uuid(), group: z.boolean(), note: z.string().optional(), actor: Actor }), as_of },
    answer: z.object({ resolved: z.number().int() }),
  },
  claim_people_change: {
    args: {
      p: z.strictObject({
        action: z.enum(["create-person", "invite-person", "change-person"]),
        object_id: z.string(),
        changes: z.record(z.string(), z.unknown()),
        reason: z.string().optional(),
        actor: Actor,
      }),
      as_of,
    },
    answer: z.object({ token: z.uuid() }),
  },
  finish_people_change: {
    args: {
      p: z.strictObject({
        token: z.uuid(),
        object_id: z.string().optional(),
        before: Person.nullable().optional(),
        after: Person.optional(),
        voucher: z.string().optional(),
      }),
      as_of,
    },
    answer: z.boolean(),
  },
};
