import { assert, assertEquals } from "@std/assert";
import { eventfulWeek, reportedObjective, weeklyReport } from "../../testing/weekly-report.ts";
import type { WeeklyReport } from "../../types/weekly-report.ts";
import { reportText, reportWords } from "../weekly-report-words.ts";

const linesOf = (report: WeeklyReport, title: string): string[] =>
  reportWords(report).sections.find((section) => section.title === title)?.lines ?? [];
const incidents = (changes: Partial<WeeklyReport["incidents"]>) => weeklyReport({ incidents: { ...weeklyReport().incidents, ...changes } });
const severities = (changes: object) => ({ ...weeklyReport().incidents.by_severity, ...changes });
const longest = eventfulWeek().incidents.longest;
const tournament = eventfulWeek().tournaments.worst[0];
const change = eventfulWeek().rules.newest[0];
assert(longest && tournament && change);

Deno.test("the message of a week has its sections in words, and the address of the page", () => {
  assertEquals(
    reportText(reportWords(eventfulWeek()), "https://monitor.example.com/"),
    `Objectives
Missed: Fresh matches: 98.5 % of 40,000 minutes in 28 days were good, the target is 99 %; the error budget is overspent by 50 %
Met: Match results: 99.5 % of 2,000 results in 28 days were good, the target is 99 %; 50 % of the error budget is left

Incidents
3 incidents: 1 CRITICAL, 2 HIGH
1 of them was still open at the end of the week
The longest: 5 hours, CRITICAL, VIS answered HTTP 500: 10 of 10 tournaments (All syncs)
Mean time to acknowledge 12 minutes, to resolve 1.5 hours

Tournaments with the most failed results
Tournament 8104 Gstaad: 12 of 96 results failed, most often because VIS has no data
Tournament 8110 Doha: 1 of 1 result failed

Changes of rules
admin@example.com switched off the rule “Match Schedule Overdue”: maintenance of VIS

The page: https://monitor.example.com/
`,
  );
});

Deno.test("a week without events says so in each section, and a report without a page has no address", () => {
  assertEquals(
    reportText(reportWords(weeklyReport()), null),
    `Objectives
No objectives.

Incidents
No incidents.

Tournaments with the most failed results
No failed results.

Changes of rules
No changes.
`,
  );
});

for (
  const [what, objectives, total, subject] of [
    ["no incident", [], 0, "no incidents"],
    ["one incident", [], 1, "1 incident"],
    ["a missed objective", ["MISSED"], 2, "1 objective missed, 2 incidents"],
    ["objectives at risk", ["AT_RISK", "AT_RISK", "MET"], 0, "2 objectives at risk, no incidents"],
    ["both", ["MISSED", "MISSED", "AT_RISK"], 0, "2 objectives missed, 1 at risk, no incidents"],
    ["an objective without data", ["NO_DATA"], 0, "no incidents"],
  ] as const
) {
  Deno.test(`the subject of a week with ${what}`, () => {
    const report = { ...incidents({ total }), objectives: objectives.map((status) => reportedObjective({ status })) };
    assertEquals(reportWords(report).subject, `Weekly report, 1 June 2026 to 7 June 2026: ${subject}`);
  });
}

const RISK = { status: "AT_RISK", budget_left: 0.025, runs_out_at: "2026-06-10T05:00:00Z" } as const;
for (
  const [what, objective, line] of [
    [
      "at risk",
      RISK,
      "At risk: Match results: 99.5 % of 2,000 results in 28 days were good, the target is 99 %; 2.5 % of the error budget is left, and at the rate of the last day it ends on 10 June 2026",
    ],
    [
      "with one event",
      { indicator: "delivery", events: 1, attainment: 1, budget_left: 1 },
      "Met: Match results: 100 % of 1 notification in 28 days was good, the target is 99 %; 100 % of the error budget is left",
    ],
    [
      "just below its target",
      { status: "MISSED", target: 0.9999, attainment: 0.999899, budget_left: -0.01 },
      "Missed: Match results: 99.98 % of 2,000 results in 28 days were good, the target is 99.99 %; the error budget is overspent by 1 %",
    ],
    [
      "whose budget is overspent many times",
      { status: "MISSED", attainment: 0.066, budget_left: -93.8837 },
      "Missed: Match results: 6.6 % of 2,000 results in 28 days were good, the target is 99 %; the error budget is overspent by 9,388 %",
    ],
    [
      "without data",
      { status: "NO_DATA", indicator: "timeliness", events: 0, attainment: null, budget_left: null },
      "No data: Match results: no due times in 28 days",
    ],
  ] as const
) {
  Deno.test(`the line of an objective ${what}`, () => {
    assertEquals(linesOf(weeklyReport({ objectives: [reportedObjective(objective)] }), "Objectives"), [line]);
  });
}

for (
  const [what, changes, lines] of [
    ["one incident", { total: 1, by_severity: severities({ LOW: 1 }) }, ["1 incident: 1 LOW"]],
    ["open ones", { total: 2, open: 2, by_severity: severities({ HIGH: 2 }) }, [
      "2 incidents: 2 HIGH",
      "2 of them were still open at the end of the week",
    ]],
    ["an open longest one", { total: 1, by_severity: severities({ HIGH: 1 }), longest: { ...longest, resolved_at: null } }, [
      "1 incident: 1 HIGH",
      "The longest, still open: 5 hours, CRITICAL, VIS answered HTTP 500: 10 of 10 tournaments (All syncs)",
    ]],
    ["one mean time", { total: 1, by_severity: severities({ HIGH: 1 }), resolve_ms: 60_000 }, [
      "1 incident: 1 HIGH",
      "Mean time to resolve 1 minute",
    ]],
  ] as const
) {
  Deno.test(`the lines of a week with ${what}`, () => assertEquals(linesOf(incidents(changes), "Incidents"), [...lines]));
}

for (
  const [what, fields, reason, line] of [
    ["CREATED", [], null, "admin@example.com created the rule “Match Schedule Overdue”"],
    ["DELETED", [], "not used", "admin@example.com deleted the rule “Match Schedule Overdue”: not used"],
    [
      "CHANGED",
      ["evaluation_window", "threshold"],
      null,
      "admin@example.com changed the rule “Match Schedule Overdue” (evaluation window, threshold)",
    ],
    ["SWITCHED_ON", ["threshold"], null, "admin@example.com switched on the rule “Match Schedule Overdue” and changed threshold"],
  ] as const
) {
  Deno.test(`the line of a rule that was ${what}`, () => {
    const newest = [{ ...change, change: what, fields: [...fields], reason }];
    assertEquals(linesOf(weeklyReport({ rules: { total: 1, newest } }), "Changes of rules"), [line]);
  });
}

for (
  const [more, objectives, tournaments, changes] of [
    [1, "… and 1 more objective", "… and 1 more tournament with failed results", "… and 1 more change"],
    [1_200, "… and 1,200 more objectives", "… and 1,200 more tournaments with failed results", "… and 1,200 more changes"],
  ] as const
) {
  Deno.test(`a section counts the ${more} that it has no room for`, () => {
    const report = weeklyReport({
      objectives: Array.from({ length: 10 + more }, () => reportedObjective()),
      tournaments: { failing: 1 + more, worst: [tournament] },
      rules: { total: 1 + more, newest: [change] },
    });
    const [first, , third, fourth] = reportWords(report).sections;
    assertEquals([first, third, fourth].map((section) => section?.lines.at(-1)), [objectives, tournaments, changes]);
    assertEquals([first, third, fourth].map((section) => section?.lines.length), [11, 2, 2]);
  });
}

Deno.test("a text from outside stays on its line and is cut", () => {
  const text = `first\nsecond\u0007 ${"x".repeat(500)}`;
  const report = weeklyReport({
    objectives: [reportedObjective({ name: text })],
    incidents: { ...incidents({ total: 1 }).incidents, longest: { ...longest, cause: text, scope: text } },
    tournaments: { failing: 1, worst: [{ ...tournament, name: text }] },
    rules: { total: 1, newest: [{ ...change, rule_name: text, actor: text, reason: text, fields: [text] }] },
  });
  const { sections } = reportWords(report);
  for (const line of sections.flatMap(({ lines }) => lines)) {
    assert(!["\n", "\u0007"].some((mark) => line.includes(mark)) && line.length < 700, line);
  }
  assertEquals(sections.map(({ lines }) => lines.length), [1, 2, 1, 1]);
});
