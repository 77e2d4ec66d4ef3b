import { SyncError } from "./classification.ts";
import type { MatchRecord, TournamentRecord } from "./contract/sync-writes.ts";
import { safeText } from "./text.ts";
import type { VisRow } from "./vis-reply.ts";

// The readers are plain functions, because a schema of 35 fields takes 3 ms of CPU for 80 matches, more than all other work together.

type Value = string | number | boolean;
/** Reads the value of a filled field; returns null for a value that means none, and undefined for an unreadable value. */
type Reader<T> = (value: Value, row: VisRow) => T | null | undefined;

const text = (max = 500): Reader<string> => (value) => typeof value === "boolean" ? undefined : safeText(String(value).trim(), max) || null;

/** Reads a whole number, also one with decimals, such as "2.0". */
const whole = (low: number, high: number): Reader<number> => (value) => {
  const number = typeof value === "number" ? value : typeof value === "string" && /^-?\d+(?:\.0+)?$/.test(value) ? Number(value) : NaN;
  return Number.isInteger(number) && number >= low && number <= high ? number : undefined;
};

/** Reads a day of the calendar; `0001-01-01` is the .NET date without a value. */
const date: Reader<string> = (value) => {
  if (value === "0001-01-01") return null;
  const [, year, month, day] = /^(\d{4})-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])$/.exec(String(value)) ?? [];
  if (!year || year === "0000") return undefined;
  const daysOfMonth = new Date(Date.UTC(Number(year), Number(month), 0)).getUTCDate();
  return Number(day) <= daysOfMonth ? String(value) : undefined;
};
const time: Reader<string> = (value) => /^([01]\d|2[0-3]):[0-5]\d(:[0-5]\d)?$/.test(String(value)) ? String(value) : undefined;
const momentOf = (day: Value, clock: Value, row: VisRow): string | null | undefined => {
  const [foundDay, foundTime] = [date(day, row), time(clock, row)];
  return foundDay && foundTime ? `${foundDay}T${foundTime}Z` : foundDay === null ? null : undefined;
};
const moment: Reader<string> = (value, row) => {
  const [, day, clock] = /^(.{10})T(.{8})Z?$/.exec(String(value)) ?? [];
  return day && clock ? momentOf(day, clock, row) : undefined;
};
/** The instant of a date in UTC with the time of another field; null until the time is published. */
const instantWith = (timeField: string): Reader<string> => (day, row) => momentOf(day, row[timeField] ?? "", row);
const no: Reader<string> = (value) => /^\d{1,10}$/.test(String(value)) ? String(value) : undefined;
const small = whole(-32768, 32767);
const seconds = whole(0, 86_400);
const version = whole(0, Number.MAX_SAFE_INTEGER);

const IS_NUMBER = "must be one to ten digits";
const IS_DATE = "must be a day of the calendar, yyyy-mm-dd";

/**
 * For each column of a record, its field of VIS and its reader. An unreadable value becomes null; only a field with a `rule` rejects the
 * record: the key, the status, and the dates by which the schedule selects tournaments.
 */
type Columns<T> = { [Column in keyof T]: [field: string, read: Reader<NonNullable<T[Column]>>, rule?: string] };

const fieldsOf = (columns: Record<string, [string, unknown, string?]>): string => Object.values(columns).map(([field]) => field).join(" ");
const camelCase = (name: string): string => name.charAt(0).toLowerCase() + name.slice(1);

/** Makes a function that reads a row and returns its faults, such as "localDate: must be a date". */
function rowReader<T>(columns: Columns<T>): (row: VisRow) => { record: T; faults: string[] } {
  const entries = Object.entries<[string, Reader<unknown>, string?]>(columns).map(([column, [field, read, rule]]) =>
    [column, camelCase(field), read, rule] as const
  );
  // A copy keeps the layout of V8 objects; `JSON.stringify` takes seven times as long for an object whose columns are added one by one.
  const empty = Object.fromEntries(entries.map(([column]) => [column, null]));
  return (row) => {
    const record: Record<string, unknown> = { ...empty };
    const faults: string[] = [];
    for (const [column, field, read, rule] of entries) {
      const value = row[field];
      const found = value === undefined || value === null || value === "" ? null : read(value, row);
      if (found === undefined && rule !== undefined) faults.push(`${field}: ${rule}`);
      record[column] = found ?? null;
    }
    if (record.no === null && faults.length === 0) faults.push(`no: ${IS_NUMBER}`);
    return { record: record as T, faults };
  };
}

const TOURNAMENT = {
  no: ["No", no, IS_NUMBER],
  code: ["Code", text(100)],
  name: ["Name", text()],
  title: ["Title", text()],
  season: ["Season", text(20)],
  gender: ["Gender", small],
  type: ["Type", small],
  status: ["Status", small, "must be a whole number"],
  start_date: ["StartDate", date],
  start_date_main_draw: ["StartDateMainDraw", date, IS_DATE],
  end_date: ["EndDateMainDraw", date, IS_DATE],
  start_date_qualification: ["StartDateQualification", date],
  city: ["DefaultCity", text()],
  venue: ["DefaultVenue", text()],
  country_code: ["CountryCode", text(10)],
  country_name: ["CountryName", text()],
  no_event: ["NoEvent", no],
  vis_version: ["Version", version],
} satisfies Columns<Omit<TournamentRecord, "name" | "location"> & { name: string | null }>;

const MATCH: Columns<MatchRecord> = {
  no: ["No", no, IS_NUMBER],
  no_in_tournament: ["NoInTournament", whole(-2147483648, 2147483647)],
  local_date: ["LocalDate", date, IS_DATE],
  local_time: ["LocalTime", time],
  starts_at: ["UtcDate", instantWith("utcTime")],
  begin_date_time_utc: ["BeginDateTimeUtc", moment],
  end_date_time_utc: ["EndDateTimeUtc", moment],
  court: ["Court", text(50)],
  status: ["Status", whole(0, 100), "must be a whole number from 0 to 100"],
  result_type: ["ResultType", small],
  round: ["RoundName", text(100)],
  round_code: ["RoundCode", text(50)],
  round_phase: ["RoundPhase", small],
  team_a_name: ["TeamAName", text(200)],
  team_b_name: ["TeamBName", text(200)],
  team_a_federation_code: ["TeamAFederationCode", text(10)],
  team_b_federation_code: ["TeamBFederationCode", text(10)],
  match_points_a: ["MatchPointsA", small],
  match_points_b: ["MatchPointsB", small],
  points_team_a_set1: ["PointsTeamASet1", small],
  points_team_b_set1: ["PointsTeamBSet1", small],
  points_team_a_set2: ["PointsTeamASet2", small],
  points_team_b_set2: ["PointsTeamBSet2", small],
  points_team_a_set3: ["PointsTeamASet3", small],
  points_team_b_set3: ["PointsTeamBSet3", small],
  points_team_a_set4: ["PointsTeamASet4", small],
  points_team_b_set4: ["PointsTeamBSet4", small],
  points_team_a_set5: ["PointsTeamASet5", small],
  points_team_b_set5: ["PointsTeamBSet5", small],
  duration_set1: ["DurationSet1", seconds],
  duration_set2: ["DurationSet2", seconds],
  duration_set3: ["DurationSet3", seconds],
  duration_set4: ["DurationSet4", seconds],
  duration_set5: ["DurationSet5", seconds],
  no_referee1: ["NoReferee1", no],
  no_referee2: ["NoReferee2", no],
  referee1_name: ["Referee1Name", text(200)],
  referee2_name: ["Referee2Name", text(200)],
  referee1_federation_code: ["Referee1FederationCode", text(10)],
  referee2_federation_code: ["Referee2FederationCode", text(10)],
  vis_version: ["Version", version],
};

/** The fields requested in `GetBeachTournamentList`; a guest may read them all. */
export const TOURNAMENT_FIELDS = fieldsOf(TOURNAMENT);
/** The fields requested in `GetBeachMatchList`; the client compares the tournament with the requested one. */
export const MATCH_FIELDS = `${fieldsOf(MATCH)} UtcTime NoTournament DeletedDT`;

const readMatch = rowReader(MATCH);
const readTournament = rowReader<Omit<TournamentRecord, "name" | "location"> & { name: string | null }>(TOURNAMENT);

/** The first start that is not after the end, because some rows have a wrong qualification date (2 of 115 recorded rows: ten years late). */
function startOf(row: Pick<TournamentRecord, "start_date" | "start_date_qualification" | "start_date_main_draw" | "end_date">) {
  const starts = [row.start_date, row.start_date_qualification, row.start_date_main_draw].filter((start) => start !== null);
  return starts.find((start) => row.end_date === null || start <= row.end_date) ?? starts[0] ?? null;
}

function tournamentOf(row: VisRow): { record: TournamentRecord; faults: string[] } {
  const { record, faults } = readTournament(row);
  const { no, code, name, title, end_date, city, venue, country_name } = record;
  const start_date = startOf(record);
  if (start_date && end_date && start_date > end_date) faults.push("endDateMainDraw: is before the start");
  const location = [city ?? venue, country_name].filter(Boolean).join(", ") || null;
  return { record: { ...record, name: name ?? title ?? code ?? no, start_date, location }, faults };
}

/** The valid records of a reply, and an error for each invalid one. */
export interface Records<T> {
  records: T[];
  rejected: SyncError[];
  /** The number of requests after the first one. */
  retries: number;
}

function readRows<T extends { no: string }>(
  read: (row: VisRow) => { record: T; faults: string[] },
  rows: VisRow[],
  retries: number,
): Records<T> {
  const records = new Map<string, T>();
  const rejected: SyncError[] = [];
  for (const row of rows) {
    const { record, faults } = read(row);
    if (faults.length === 0 && records.has(record.no)) faults.push("no: occurs twice in the reply");
    if (faults.length === 0) records.set(record.no, record);
    else {rejected.push(
        new SyncError("RECORD_INVALID", `record ${safeText(String(row.no ?? "without a number"), 20)}: ${faults.join("; ")}`, {
          record: row,
        }),
      );}
  }
  return { records: [...records.values()], rejected, retries };
}

export const readTournaments = (rows: VisRow[], retries = 0): Records<TournamentRecord> => readRows(tournamentOf, rows, retries);
/** The matches of a reply, and the numbers of those that VIS marks as deleted. */
export function readMatches(rows: VisRow[], retries = 0): Records<MatchRecord> & { deleted: string[] } {
  const isDeleted = (row: VisRow): boolean => (row.deletedDT ?? null) !== null;
  return {
    ...readRows(readMatch, rows.filter((row) => !isDeleted(row)), retries),
    deleted: rows.filter(isDeleted).map((row) => String(row.no)),
  };
}
