import { z } from "zod";
import { INCIDENT_LABELS, NOTIFICATION_KINDS } from "./alerts.ts";
import { SEVERITIES } from "./sync.ts";

/** An incident that a rule had, or would have had. */
export const PastIncident = z.object({
  entity_type: z.string(),
  tournament_no: z.string().nullable(),
  opened_at: z.string(),
  /** Null while it is live at the end of the replay. */
  resolved_at: z.string().nullable(),
  severity: z.enum(SEVERITIES),
  /** The worst value. */
  peak: z.number().nullable(),
  /** The time at which a person acknowledged it; the real acts of people are replayed too. */
  acknowledged_at: z.string().nullable(),
});
export type PastIncident = z.infer<typeof PastIncident>;

/** An incident of a rule, with the verdict of a person. */
export const RecordedIncident = PastIncident.extend({ label: z.enum(INCIDENT_LABELS).nullable() });

/** A rule replayed on the past through the code that evaluates rules, beside the real incidents of the stored rule. */
export const Backtest = z.object({
  /** `since`, or later where the oldest run that is kept, or the most values that are measured, begin. */
  from: z.string(),
  until: z.string(),
  /** The evaluations that found another value than the one before. */
  instants: z.number().int(),
  /** The value over time, for a chart: at most 500, with every extreme among them. Null: unknown. */
  values: z.array(z.object({ at: z.string(), value: z.number().nullable() })),
  incidents: z.array(PastIncident),
  notifications: z.object({
    /** States of incidents that would have been queued, one for each destination. */
    total: z.number().int(),
    by_kind: z.partialRecord(z.enum(NOTIFICATION_KINDS), z.number().int()),
    by_channel: z.record(z.string(), z.number().int()),
    /** The messages that report these states, by the group window and hourly limit of each channel. */
    messages: z.number().int(),
  }),
  /** The incidents and notifications of the stored rule in that time, with its settings of then; null for a new rule. */
  actual: z.object({ incidents: z.array(RecordedIncident), notifications: z.number().int(), messages: z.number().int() }).nullable(),
});
export type Backtest = z.infer<typeof Backtest>;
