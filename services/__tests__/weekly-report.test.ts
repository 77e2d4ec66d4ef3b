import { assertEquals } from "@std/assert";
import { reportedObjective, weeklyReport } from "../../testing/weekly-report.ts";
import type { WeekFacts } from "../contract/weekly-report.ts";
import { weeklyReportOf } from "../weekly-report.ts";

const { incidents, ...figures } = weeklyReport();
const facts = (changes: Partial<WeekFacts>): WeekFacts => ({
  ...figures,
  incidents: { ...incidents, longest: null, titles: {} },
  tournaments: { failing: 0, worst: [] },
  ...changes,
});

Deno.test("the objectives that were missed come first, then those at risk, and those without data last", () => {
  const named = (name: string, changes: object) => reportedObjective({ name, ...changes });
  const { objectives } = weeklyReportOf(facts({
    objectives: [
      named("none", { events: 0, attainment: null }),
      named("met", {}),
      named("risk", { runs_out_at: "2026-06-09T00:00:00Z" }),
      named("missed", { budget_left_events: -1 }),
      named("met too", { runs_out_at: "2026-06-12T00:00:00Z" }),
    ],
  }));
  assertEquals(objectives.map(({ name, status }) => `${name} ${status}`), [
    "missed MISSED",
    "risk AT_RISK",
    "met MET",
    "met too MET",
    "none NO_DATA",
  ]);
});

for (
  const [fingerprint, error] of [
    ["VIS_NO_DATA:vis has no data", "VIS has no data"],
    ["SOMETHING_NEW:text", "SOMETHING_NEW"],
    ["no code", null],
    [null, null],
  ] as const
) {
  Deno.test(`the error of a tournament with the fingerprint ${fingerprint} is ${error}`, () => {
    const tournament = { no: "8104", name: "Gstaad", gender: null, start_date: null, failed: 1, results: 2 };
    const { tournaments } = weeklyReportOf(facts({ tournaments: { failing: 1, worst: [{ ...tournament, fingerprint }] } }));
    assertEquals(tournaments.worst, [{ ...tournament, error }]);
  });
}
