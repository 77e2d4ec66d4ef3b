import { z } from "zod";
import { NOTICE_KINDS } from "../../../../types/alerts.ts";
import { SEVERITIES } from "../../../../types/sync.ts";

/** One incident in a message. */
export const Notice = z.object({
  incident_id: z.uuid(),
  kind: z.enum(NOTICE_KINDS),
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
export type Notice = z.infer<typeof Notice>;

/** What `claim_alert_notifications` hands out; `kind` is null when the channel went away meanwhile. */
export const Claimed = z.object({
  id: z.uuid(),
  token: z.uuid(),
  attempt: z.number().int(),
  channel: z.string(),
  items: z.array(Notice).min(1),
  /** Messages this one stands for beyond `hourly_cap`. */
  withheld: z.number().int(),
  hourly_cap: z.number().int().nullable(),
  kind: z.enum(["email", "webhook", "slack", "dashboard"]).nullable(),
  config: z.record(z.string(), z.unknown()).nullable(),
  secret: z.string().nullable(),
  previous_secret: z.string().nullable(),
});
export type Claimed = z.infer<typeof Claimed>;

/** What came of a try: RETRY may pass, DEAD cannot. */
export interface Delivery {
  outcome: "SENT" | "RETRY" | "DEAD";
  status_code?: number;
  error?: string;
  retry_after_ms?: number;
}

/** Where a person reads more of an incident; null where no page is configured. */
export type LinkOf = (incidentId: string) => string | null;

/** Sends one message; never throws what a receiver did, but says whether it is permanent. */
export type Send = (notification: Claimed) => Promise<Delivery>;
