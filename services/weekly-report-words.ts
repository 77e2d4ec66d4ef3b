import { INDICATORS } from "../types/objectives.ts";
import { SEVERITIES } from "../types/sync.ts";
import type { WeeklyReport } from "../types/weekly-report.ts";
import { inWords } from "./alert-words.ts";
import { fit, oneLine } from "./text.ts";

/** The number of objectives in a message; the report of the API has all. */
const OBJECTIVES = 10;
/** The longest name, cause or reason in a line. */
const TEXT = 120;

type Objective = WeeklyReport["objectives"][number];
type Change = WeeklyReport["rules"]["newest"][number];

/** A part of the message: its title, and its lines as plain text. */
interface Section {
  title: string;
  lines: string[];
}
export interface ReportWords {
  subject: string;
  sections: Section[];
}

const short = (text: string): string => fit(oneLine(text), TEXT);
const counted = (count: number, unit: string): string => `${count.toLocaleString("en")} ${unit}${count === 1 ? "" : "s"}`;
/** A ratio as a percentage, rounded down, so that a share just below its target is not shown as the target; no decimals from 200 %. */
function percent(ratio: number): string {
  const steps = ratio >= 2 ? 1 : 100;
  return `${(Math.floor(Number((ratio * 100 * steps).toFixed(6))) / steps).toLocaleString("en")} %`;
}
/** The line about the rows that a section does not show. */
const rest = (count: number, words: string): string[] => count > 0 ? [`… and ${count.toLocaleString("en")} more ${words}`] : [];

const day = (time: number): string => {
  const format = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "long", year: "numeric", timeZone: "UTC" });
  return format.format(time);
};
/** The days of a report: `1 June 2026 to 7 June 2026`. */
const daysOf = ({ from, until }: WeeklyReport): string => `${day(Date.parse(from))} to ${day(Date.parse(until) - 1)}`;

const STATUS = { MISSED: "Missed", AT_RISK: "At risk", MET: "Met", NO_DATA: "No data" } as const;

function budgetOf({ budget_left, runs_out_at, status }: Objective): string {
  if (budget_left === null) return "";
  if (budget_left < 0) return `; the error budget is overspent by ${percent(-budget_left)}`;
  const end = status === "AT_RISK" && runs_out_at !== null
    ? `, and at the rate of the last day it ends on ${day(Date.parse(runs_out_at))}`
    : "";
  return `; ${percent(budget_left)} of the error budget is left${end}`;
}

function objectiveLine(objective: Objective): string {
  const { name, status, attainment, events, indicator, target, rolling_window } = objective;
  const head = `${STATUS[status]}: ${short(name)}`;
  if (attainment === null) return `${head}: no ${INDICATORS[indicator].events} in ${rolling_window}`;
  const unit = INDICATORS[indicator][events === 1 ? "event" : "events"];
  return `${head}: ${percent(attainment)} of ${events.toLocaleString("en")} ${unit} in ${rolling_window} ${
    events === 1 ? "was" : "were"
  } good, the target is ${percent(target)}${budgetOf(objective)}`;
}

function objectiveLines({ objectives }: WeeklyReport): string[] {
  if (objectives.length === 0) return ["No objectives."];
  const left = objectives.length - OBJECTIVES;
  return [...objectives.slice(0, OBJECTIVES).map(objectiveLine), ...rest(left, left === 1 ? "objective" : "objectives")];
}

function incidentLines({ incidents: { total, by_severity, open, longest, acknowledge_ms, resolve_ms } }: WeeklyReport): string[] {
  if (total === 0) return ["No incidents."];
  const severities = SEVERITIES.toReversed().filter((severity) => by_severity[severity] > 0);
  const means = [
    acknowledge_ms === null ? null : `to acknowledge ${inWords(acknowledge_ms)}`,
    resolve_ms === null ? null : `to resolve ${inWords(resolve_ms)}`,
  ].filter((mean) => mean !== null);
  return [
    `${counted(total, "incident")}: ${severities.map((severity) => `${by_severity[severity]} ${severity}`).join(", ")}`,
    ...(open > 0 ? [`${open} of them ${open === 1 ? "was" : "were"} still open at the end of the week`] : []),
    ...(longest
      ? [
        `The longest${longest.resolved_at === null ? ", still open" : ""}: ${inWords(longest.duration_ms)}, ${longest.severity}, ${
          short(longest.cause)
        } (${short(longest.scope)})`,
      ]
      : []),
    ...(means.length ? [`Mean time ${means.join(", ")}`] : []),
  ];
}

function tournamentLines({ tournaments: { failing, worst } }: WeeklyReport): string[] {
  if (failing === 0) return ["No failed results."];
  const left = failing - worst.length;
  return [
    ...worst.map(({ no, name, failed, results, error }) =>
      `Tournament ${no}${name === null ? "" : ` ${short(name)}`}: ${failed.toLocaleString("en")} of ${counted(results, "result")} failed${
        error === null ? "" : `, most often because ${error}`
      }`
    ),
    ...rest(left, `${left === 1 ? "tournament" : "tournaments"} with failed results`),
  ];
}

const VERBS = {
  CREATED: "created",
  CHANGED: "changed",
  SWITCHED_OFF: "switched off",
  SWITCHED_ON: "switched on",
  DELETED: "deleted",
} as const;

function changeLine({ actor, change, rule_name, fields, reason }: Change): string {
  const names = short(fields.map((field) => field.replaceAll("_", " ")).join(", "));
  const also = names && (change === "CHANGED" ? ` (${names})` : ` and changed ${names}`);
  return `${short(actor)} ${VERBS[change]} the rule “${short(rule_name)}”${also}${reason === null ? "" : `: ${short(reason)}`}`;
}

function ruleLines({ rules: { total, newest } }: WeeklyReport): string[] {
  if (total === 0) return ["No changes."];
  const left = total - newest.length;
  return [...newest.map(changeLine), ...rest(left, left === 1 ? "change" : "changes")];
}

/** The words of a report, the same for each channel; the subject counts the objectives that are missed or at risk. */
export function reportWords(report: WeeklyReport): ReportWords {
  const missed = report.objectives.filter(({ status }) => status === "MISSED").length;
  const atRisk = report.objectives.filter(({ status }) => status === "AT_RISK").length;
  const news = [
    missed > 0 ? `${counted(missed, "objective")} missed` : null,
    atRisk > 0 ? `${missed > 0 ? atRisk : counted(atRisk, "objective")} at risk` : null,
    report.incidents.total === 0 ? "no incidents" : counted(report.incidents.total, "incident"),
  ];
  return {
    subject: `Weekly report, ${daysOf(report)}: ${news.filter((part) => part !== null).join(", ")}`,
    sections: [
      { title: "Objectives", lines: objectiveLines(report) },
      { title: "Incidents", lines: incidentLines(report) },
      { title: "Tournaments with the most failed results", lines: tournamentLines(report) },
      { title: "Changes of rules", lines: ruleLines(report) },
    ],
  };
}

/** The report as plain text, with the address of the page when it is configured. */
export function reportText({ sections }: ReportWords, page: string | null): string {
  const paragraphs = sections.map(({ title, lines }) => [title, ...lines].join("\n"));
  return [...paragraphs, ...(page === null ? [] : [`The page: ${page}`])].join("\n\n") + "\n";
}
