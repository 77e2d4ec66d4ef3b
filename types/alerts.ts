import { z } from "zod";
import { SEVERITIES } from "./sync.ts";

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
} as const satisfies Record<string, { direction: "above" | "below"; unit: string }>;
export type AlertMetric = keyof typeof ALERT_METRICS;
export const AlertMetric = z.enum(Object.keys(ALERT_METRICS) as [AlertMetric, ...AlertMetric[]]);

/** An incident as it is read; times are ISO 8601, value and threshold in the unit of the metric. */
export const AlertIncident = z.object({
  id: z.uuid(),
  rule_id: z.uuid().nullable(),
  rule_name: z.string(),
  metric: AlertMetric,
  entity_type: z.string(),
  state: z.enum(INCIDENT_STATES),
  severity: z.enum(SEVERITIES),
  value: z.number().nullable(),
  threshold: z.number(),
  message: z.string(),
  evidence: z.record(z.string(), z.unknown()),
  opened_at: z.string(),
  fired_at: z.string().nullable(),
  escalated_at: z.string().nullable(),
  acknowledged_at: z.string().nullable(),
  acknowledged_by: z.string().nullable(),
  acknowledged_until: z.string().nullable(),
  resolved_at: z.string().nullable(),
});
export type AlertIncident = z.infer<typeof AlertIncident>;

/** `GET sync-monitoring/alerts`: newest first; `next_cursor` asks for the page after, null on the last. */
export const AlertListResponse = z.object({ alerts: z.array(AlertIncident), next_cursor: z.string().nullable() });

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
  kind: z.enum(["FIRING", "ESCALATED", "REPEAT", "RESOLVED"]),
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
  downtime_ms: z.number(),
});
