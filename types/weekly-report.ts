import { z } from "zod";
import { AlertIncident } from "./alerts.ts";
import { OBJECTIVE_STATUSES, ObjectiveBudget } from "./objectives.ts";
import { NamedTournament, SEVERITIES } from "./sync.ts";

export const RULE_CHANGES = ["CREATED", "CHANGED", "SWITCHED_OFF", "SWITCHED_ON", "DELETED"] as const;

/** The figures of an objective at the end of the week. */
export const ReportedBudget = ObjectiveBudget.omit({ causes: true, course: true });

/** A change of a rule in the audit log. */
export const RuleChange = z.object({
  at: z.string(),
  actor: z.string(),
  change: z.enum(RULE_CHANGES),
  rule_name: z.string(),
  /** The other changed fields of the rule. */
  fields: z.array(z.string()),
  reason: z.string().nullable(),
});

export const FailingTournament = NamedTournament.extend({ failed: z.number().int(), results: z.number().int() });

/** The figures of a week from the database, from which the words are made. */
export const WeekFigures = z.object({
  /** The week, from Monday 00:00 UTC until the next Monday. */
  from: z.string(),
  until: z.string(),
  incidents: z.object({
    /** The number of incidents that were firing in the week, with those that began before it. */
    total: z.number().int(),
    by_severity: z.record(z.enum(SEVERITIES), z.number().int()),
    /** The number of incidents that had not ended at the end of the week. */
    open: z.number().int(),
    /** Mean times in ms, from the first notification and from the start of the condition; null when no incident reached that state. */
    acknowledge_ms: z.number().nullable(),
    resolve_ms: z.number().nullable(),
  }),
  tournaments: z.object({ /** The number of tournaments with a failed result. */ failing: z.number().int() }),
  /** The newest ten of `total` changes. */
  rules: z.object({ total: z.number().int(), newest: z.array(RuleChange) }),
});

/** The report of a week at its end. */
export const WeeklyReport = WeekFigures.extend({
  /** The objectives: first the missed ones, then those at risk. */
  objectives: z.array(ReportedBudget.extend({ status: z.enum(OBJECTIVE_STATUSES) })),
  incidents: WeekFigures.shape.incidents.extend({
    /** The incident that fired longest; `resolved_at` is null when it was firing at the end of the week. */
    longest: AlertIncident.pick({ id: true, cause: true, scope: true, severity: true, resolved_at: true })
      .extend({ duration_ms: z.number() }).nullable(),
  }),
  tournaments: WeekFigures.shape.tournaments.extend({
    /** At most five tournaments, the most failed results first, with the most frequent error in words. */
    worst: z.array(FailingTournament.extend({ error: z.string().nullable() })),
  }),
});
export type WeeklyReport = z.infer<typeof WeeklyReport>;

/** `GET sync-monitoring/weekly-report`: the report of the last whole week, and the message that people receive. */
export const WeeklyReportResponse = WeeklyReport.extend({ subject: z.string(), text: z.string() });
export type WeeklyReportResponse = z.infer<typeof WeeklyReportResponse>;
