import { z } from "zod";
import { NOTIFICATION_KINDS } from "../../../../types/alerts.ts";
import { SEVERITIES } from "../../../../types/sync.ts";

/** One incident in a message. */
export const NotificationItem = z.object({
  incident_id: z.uuid(),
  kind: z.enum(NOTIFICATION_KINDS),
  rule_name: z.string(),
  metric: z.string(),
  entity_type: z.string(),
  tournament_no: z.string().nullable().default(null),
  severity: z.enum(SEVERITIES),
  message: z.string(),
  reason: z.string(),
  evidence: z.record(z.string(), z.unknown()).default({}),
  began_at: z.string().nullable().default(null),
  opened_at: z.string(),
  resolved_at: z.string().nullable(),
  runbook_url: z.string().nullable(),
});
export type NotificationItem = z.infer<typeof NotificationItem>;

/** A notification that `claim_alert_notifications` returns; `kind` is null when its channel no longer exists or is not active. */
export const ClaimedNotification = z.object({
  id: z.uuid(),
  token: z.uuid(),
  attempt: z.number().int(),
  channel: z.string(),
  items: z.array(NotificationItem).min(1),
  /** Notifications beyond `hourly_limit` that this message combines. */
  over_limit: z.number().int(),
  hourly_limit: z.number().int().nullable(),
  kind: z.enum(["email", "webhook", "slack", "dashboard"]).nullable(),
  config: z.record(z.string(), z.unknown()).nullable(),
  secret: z.string().nullable(),
  previous_secret: z.string().nullable(),
});
export type ClaimedNotification = z.infer<typeof ClaimedNotification>;

/** The outcome of an attempt: RETRY for a temporary failure, DEAD for a permanent one. */
export interface Delivery {
  outcome: "SENT" | "RETRY" | "DEAD";
  status_code?: number;
  error?: string;
  retry_after_ms?: number;
}

/** Returns the URL of an incident on the dashboard; null without a configured dashboard. */
export type LinkOf = (incidentId: string) => string | null;

/** Sends one message; a failure of the receiver is an outcome and not an exception. */
export type Send = (notification: ClaimedNotification) => Promise<Delivery>;
