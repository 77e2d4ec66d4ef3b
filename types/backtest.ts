import { z } from "zod";
import { INCIDENT_LABELS, NOTIFICATION_KINDS } from "./alerts.ts";
import { SEVERITIES } from "./sync.ts";

/** An incident of a rule in the past, recorded or replayed. */
export const PastIncident = z.object({
  entity_type: z.string(),
  tournament_no: z.string().nullable(),
  opened_at: z.string(),
  /** The end of the incident; null when it is live at the end of the replay. */
  resolved_at: z.string().nullable(),
  severity: z.enum(SEVERITIES),
  /** The worst value of the incident. */
  peak: z.number().nullable(),
  /** The time at which a person acknowledged the incident; a replay repeats the recorded acts. */
  acknowledged_at: z.string().nullable(),
});
export type PastIncident = z.infer<typeof PastIncident>;

/** A recorded incident of a rule, with the label of a person. */
export const RecordedIncident = PastIncident.extend({ label: z.enum(INCIDENT_LABELS).nullable() });

/** A replay of a rule on the past with the code that evaluates rules, and the recorded incidents of the stored rule. */
export const Backtest = z.object({
  /** The start of the replay: `since`, or later because of the oldest stored run or the largest number of values. */
  from: z.string(),
  until: z.string(),
  /** The number of evaluations whose value differs from that of the evaluation before. */
  instants: z.number().int(),
  /** The value over time for a chart: at most 500 points, with every extreme; a null value is unknown. */
  values: z.array(z.object({ at: z.string(), value: z.number().nullable() })),
  incidents: z.array(PastIncident),
  notifications: z.object({
    /** The number of states that the replay queued, one for each destination. */
    total: z.number().int(),
    by_kind: z.partialRecord(z.enum(NOTIFICATION_KINDS), z.number().int()),
    by_channel: z.record(z.string(), z.number().int()),
    /** The number of messages that report these states, by the group window and hourly limit of each channel. */
    messages: z.number().int(),
  }),
  /** The recorded incidents and notifications of the stored rule in that time, with its settings of that time; null for a new rule. */
  actual: z.object({ incidents: z.array(RecordedIncident), notifications: z.number().int(), messages: z.number().int() }).nullable(),
});
export type Backtest = z.infer<typeof Backtest>;
