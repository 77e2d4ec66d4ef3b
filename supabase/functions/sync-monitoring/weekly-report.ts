import type { Clock } from "../../../services/clock.ts";
import type { Env } from "../../../services/env.ts";
import type { Rpc } from "../../../services/rpc.ts";
import { weeklyReportOf } from "../../../services/weekly-report.ts";
import { reportText, reportWords } from "../../../services/weekly-report-words.ts";
import type { WeeklyReportResponse } from "../../../types/weekly-report.ts";

/** The report of the last whole week, as the channels receive it. @throws DatabaseError */
export async function readWeeklyReport(
  rpc: Rpc<"get_weekly_report">,
  clock: Clock,
  { DASHBOARD_URL: page }: Pick<Env, "DASHBOARD_URL">,
): Promise<WeeklyReportResponse> {
  const report = weeklyReportOf(await rpc("get_weekly_report", { as_of: clock.asOf() }));
  const words = reportWords(report);
  return { ...report, subject: words.subject, text: reportText(words, page ?? null) };
}
