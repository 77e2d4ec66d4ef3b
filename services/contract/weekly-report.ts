import { z } from "zod";
import { IncidentRow } from "../../types/alerts.ts";
import { REPORT_KINDS } from "../../types/channel-kinds.ts";
import { NamedTournament } from "../../types/sync.ts";
import { ReportedBudget, WeekFigures } from "../../types/weekly-report.ts";
import { Delivery, Destination } from "./alerts.ts";
import { as_of } from "./fields.ts";
import { Titles } from "./incidents.ts";

/** The facts of a week from which the report is made. */
const WeekFacts = WeekFigures.extend({
  objectives: z.array(ReportedBudget),
  incidents: WeekFigures.shape.incidents.extend({
    /** The longest incident; its duration ends at the end of the week at the latest. */
    longest: IncidentRow.extend({ duration_ms: z.number() }).nullable(),
    titles: Titles,
  }),
  tournaments: WeekFigures.shape.tournaments.extend({
    worst: z.array(NamedTournament.extend({ failed: z.number().int(), results: z.number().int(), fingerprint: z.string().nullable() })),
  }),
});
export type WeekFacts = z.infer<typeof WeekFacts>;

/** A report for one destination. */
const ClaimedReport = Destination.extend({
  kind: z.enum(REPORT_KINDS),
  /** The id of the message, the same for each attempt to deliver the report. */
  id: z.uuid(),
  token: z.uuid(),
  facts: WeekFacts,
});
export type ClaimedReport = z.infer<typeof ClaimedReport>;

export const WEEKLY_REPORT = {
  get_weekly_report: { args: { as_of }, answer: WeekFacts },
  claim_weekly_reports: { args: { p: z.strictObject({ limit: z.number().int() }), as_of }, answer: z.array(ClaimedReport) },
  record_weekly_report: { args: { p: z.strictObject({ token: z.uuid(), ...Delivery.shape }), as_of }, answer: z.boolean() },
};
