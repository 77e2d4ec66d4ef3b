import { z } from "zod";
import { AlertIncident } from "./alerts.ts";
import { OBJECTIVE_STATUSES, ObjectiveBudget } from "./objectives.ts";
import { NamedTournament, SEVERITIES } from "./sync.ts";

export const RULE_CHANGES = ["CREATED", "CHANGED", "SWITCHED_OFF", "SWITCHED_ON", "DELETED"] as const;

/** The figures of an objective at the end of the week. */
export const ReportedBudget = ObjectiveBudget.omit({ causes: true, course: true });

/** A change of a rule, by the audit log. */
export const RuleChange = z.object({
  at: z.string(),
  actor: z.string(),
  change: z.enum(RULE_CHANGES),
  rule_name: z.string(),
  /** The other fields that a change of the rule changed. */
  fields: z.array(z.string()),
  reason: z.string().nullable(),
});

export const FailingTournament = NamedTournament.extend({ failed: z.number().int(), results: z.number().int() });

/** What the database knows of a week, and what words are made of. */
export const WeekFigures = z.object({
  /** Monday 00:00 UTC, and the Monday after it. */
  from: z.string(),
  until: z.string(),
  incidents: z.object({
    /** The incidents that were firing in the week; those that began before it count too. */
    total: z.number().int(),
    by_severity: z.record(z.enum(SEVERITIES), z.number().int()),
    /** Those that had not ended at the end of the week. */
    open: z.number().int(),
    /** Mean times in ms, from the first notification and from the beginning of the condition; null where no incident came so far. */
    acknowledge_ms: z.number().nullable(),
    resolve_ms: z.number().nullable(),
  }),
  tournaments: z.object({ /** Those with a failed result. */ failing: z.number().int() }),
  /** The newest ten of `total` changes. */
  rules: z.object({ total: z.number().int(), newest: z.array(RuleChange) }),
});

/** The report of a week as it was at its end. */
export const WeeklyReport = WeekFigures.extend({
  /** Missed and endangered ones first. */
  objectives: z.array(ReportedBudget.extend({ status: z.enum(OBJECTIVE_STATUSES) })),
  incidents: WeekFigures.shape.incidents.extend({
    /** The one that fired longest; `resolved_at` is null when it fired at the end of the week. */
    longest: AlertIncident.pick({ id: true, cause: true, scope: true, severity: true, resolved_at: true })
      .extend({ duration_ms: z.number() }).nullable(),
  }),
  tournaments: WeekFigures.shape.tournaments.extend({
    /** At most five, the most failed results first, with the most frequent error in words. */
    worst: z.array(FailingTournament.extend({ error: z.string().nullable() })),
  }),
});
export type WeeklyReport = z.infer<typeof WeeklyReport>;

/** `GET sync-monitoring/weekly-report`: the report of the last whole week, and the message that people receive. */
export const WeeklyReportResponse = WeeklyReport.extend({ subject: z.string(), text: z.string() });
export type WeeklyReportResponse = z.infer<typeof WeeklyReportResponse>;
