import type { Row } from "./season.ts";

const NAMES = ["TeamAName", "TeamBName", "Title", "DefaultCity"];
const DATES = ["LocalDate", "StartDate", "StartDateMainDraw", "EndDateMainDraw", "StartDateQualification", "EndDateQualification"];

/** The row without a value in the fields that `isBlanked` names. */
const without = (row: Row, isBlanked: (name: string) => boolean): Row =>
  Object.fromEntries(Object.entries(row).map(([name, value]) => [name, isBlanked(name) ? null : value]));
const renumbered = (row: Row, by: number): Row => ({ ...row, No: Number(row.No) + by });

/** The row with each of its dates moved by a number of days. */
function moved(row: Row, days: number): Row {
  const dates = DATES.filter((name) => typeof row[name] === "string").map((name) =>
    [name, new Date(Date.parse(`${row[name]}T00:00:00Z`) + days * 86_400_000).toISOString().slice(0, 10)] as const
  );
  return { ...row, ...Object.fromEntries(dates) };
}

/** Rows that VIS could send in a reply that is valid and untrue, by the kind of the fault. */
export const LIES: ReadonlyMap<string, (rows: Row[]) => Row[]> = new Map([
  ["empty", () => []],
  ["short", (rows) => rows.slice(0, Math.ceil(rows.length / 12))],
  ["half", (rows) => rows.slice(0, Math.ceil(rows.length / 2))],
  ["last_rows_missing", (rows) => rows.slice(0, Math.floor(rows.length * 0.75))],
  ["renumbered", (rows) => rows.map((row) => renumbered(row, 100_000_000))],
  ["blank_names", (rows) => rows.map((row) => without(row, (name) => NAMES.includes(name)))],
  ["blank_points", (rows) => rows.map((row) => without(row, (name) => /Points/.test(name)))],
  ["blank_status", (rows) => rows.map((row) => without(row, (name) => name === "Status"))],
  ["blank_times", (rows) => rows.map((row) => without(row, (name) => ["LocalTime", "Court"].includes(name)))],
  ["blank_dates", (rows) => rows.map((row) => without(row, (name) => DATES.includes(name)))],
  [
    "blank_rows",
    (rows) => rows.map((row) => without(row, (name) => !["No", "NoTournament", "Season", "Status", "Version"].includes(name))),
  ],
  ["other_year", (rows) => rows.map((row) => moved(row, -7 * 365))],
  ["eight_days_later", (rows) => rows.map((row) => moved(row, 8))],
  ["duplicate", (rows) => rows.map((row, index) => index === 1 ? { ...row, No: Number(row.No) - 1 } : row)],
  ["one_number", (rows) => rows.map((row) => ({ ...row, No: rows[0]?.No ?? null }))],
  ["no_numbers", (rows) => rows.map((row, index) => index < rows.length / 2 ? { ...row, No: null } : row)],
  ["short_and_blank", (rows) => rows.slice(0, 5).map((row) => without(row, (name) => NAMES.includes(name)))],
] as [string, (rows: Row[]) => Row[]][]);
