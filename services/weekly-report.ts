import { OBJECTIVE_STATUSES } from "../types/objectives.ts";
import type { WeeklyReport } from "../types/weekly-report.ts";
import type { WeekFacts } from "./contract/weekly-report.ts";
import { codeOf, wordsOf } from "./error-words.ts";
import { describeIncident, nameIn } from "./incident-view.ts";
import { statusOf } from "./objective-status.ts";

/** The order of the objectives in a report. */
const URGENCY = ["MISSED", "AT_RISK", "MET", "NO_DATA"] as const satisfies typeof OBJECTIVE_STATUSES[number][];

/** The error of a fingerprint in words, else its code; null without one. */
function errorOf(fingerprint: string | null): string | null {
  const code = fingerprint === null ? null : codeOf(fingerprint);
  return code && (wordsOf(code) ?? code);
}

/** The report of a week from its facts: judged objectives, the longest incident and the errors of tournaments in words. */
export function weeklyReportOf({ objectives, incidents, tournaments, ...figures }: WeekFacts): WeeklyReport {
  const { longest, titles, ...counts } = incidents;
  const described = longest && describeIncident(longest, nameIn(titles));
  return {
    ...figures,
    objectives: objectives.map((budget) => ({ ...budget, status: statusOf(budget) }))
      .toSorted((a, b) => URGENCY.indexOf(a.status) - URGENCY.indexOf(b.status)),
    incidents: {
      ...counts,
      longest: described && longest && {
        id: described.id,
        cause: described.cause,
        scope: described.scope,
        severity: described.severity,
        resolved_at: described.resolved_at,
        duration_ms: longest.duration_ms,
      },
    },
    tournaments: {
      ...tournaments,
      worst: tournaments.worst.map(({ fingerprint, ...tournament }) => ({ ...tournament, error: errorOf(fingerprint) })),
    },
  };
}
