import { z } from "zod";
import { SyncError } from "./classification.ts";
import type { MatchRecord, TournamentRecord } from "./contract/sync-writes.ts";
import type { VisRow } from "./vis-reply.ts";

const text = (max = 500) =>
  z.union([z.string(), z.number()]).transform((value) => String(value).trim().slice(0, max) || null).nullish().transform((v) => v ?? null);
const whole = (low: number, high: number) =>
  z.union([z.number(), z.string().regex(/^-?\d+$/, "must be a whole number").transform(Number)])
    .pipe(z.number().int().min(low).max(high)).nullish().transform((value) => value ?? null);
const date = z.string().regex(/^\d{4}-\d{2}-\d{2}$/).refine((value) => !Number.isNaN(Date.parse(value)), "is not a date").nullish()
  .transform((value) => value ?? null);
const time = z.string().regex(/^([01]\d|2[0-3]):[0-5]\d(:[0-5]\d)?$/, "must be hh:mm:ss").nullish().transform((value) => value ?? null);
const moment = z.string().regex(/^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z?$/).transform((value) => value.endsWith("Z") ? value : `${value}Z`)
  .refine((value) => !Number.isNaN(Date.parse(value)), "is not a time").nullish().transform((value) => value ?? null);
const no = z.union([z.string(), z.number()]).transform(String).pipe(z.string().regex(/^\d{1,10}$/, "must be one to ten digits"));
const noOrNull = no.nullish().transform((value) => value ?? null);
const small = whole(-32768, 32767);
const seconds = whole(0, 86_400);

/** The fields requested in `GetBeachTournamentList`; a guest may read them all. */
export const TOURNAMENT_FIELDS =
  "No Code Name Title Season Gender Type Status StartDate StartDateMainDraw EndDateMainDraw StartDateQualification DefaultCity DefaultVenue CountryCode CountryName NoEvent Version";

/** The first start that is not after the end, because some rows have a wrong qualification date (2 of 115 recorded rows: ten years late). */
function startOf(
  row: Record<"startDate" | "startDateQualification" | "startDateMainDraw" | "endDateMainDraw", string | null>,
): string | null {
  const starts = [row.startDate, row.startDateQualification, row.startDateMainDraw].filter((start) => start !== null);
  return starts.find((start) => row.endDateMainDraw === null || start <= row.endDateMainDraw) ?? starts[0] ?? null;
}

const Tournament = z.object({
  no,
  code: text(100),
  name: text(),
  title: text(),
  season: text(20),
  gender: small,
  type: small,
  status: small,
  startDate: date,
  startDateMainDraw: date,
  endDateMainDraw: date,
  startDateQualification: date,
  defaultCity: text(),
  defaultVenue: text(),
  countryCode: text(10),
  countryName: text(),
  noEvent: noOrNull,
  version: whole(0, Number.MAX_SAFE_INTEGER),
}).transform((row): TournamentRecord => ({
  no: row.no,
  code: row.code,
  name: row.name ?? row.title ?? row.code ?? row.no,
  title: row.title,
  season: row.season,
  gender: row.gender,
  type: row.type,
  status: row.status,
  start_date: startOf(row),
  end_date: row.endDateMainDraw,
  start_date_qualification: row.startDateQualification,
  start_date_main_draw: row.startDateMainDraw,
  location: [row.defaultCity ?? row.defaultVenue, row.countryName].filter(Boolean).join(", ") || null,
  city: row.defaultCity,
  venue: row.defaultVenue,
  country_code: row.countryCode,
  country_name: row.countryName,
  no_event: row.noEvent,
  vis_version: row.version,
})).refine((row) => !row.start_date || !row.end_date || row.start_date <= row.end_date, {
  path: ["endDateMainDraw"],
  message: "is before the start",
});

/** The fields requested in `GetBeachMatchList`. */
export const MATCH_FIELDS =
  "No NoTournament NoInTournament LocalDate LocalTime BeginDateTimeUtc EndDateTimeUtc Court Status ResultType RoundName RoundCode " +
  "RoundPhase TeamAName TeamBName TeamAFederationCode TeamBFederationCode MatchPointsA MatchPointsB PointsTeamASet1 PointsTeamBSet1 " +
  "PointsTeamASet2 PointsTeamBSet2 PointsTeamASet3 PointsTeamBSet3 DurationSet1 DurationSet2 DurationSet3 NoReferee1 NoReferee2 " +
  "Referee1Name Referee2Name Referee1FederationCode Referee2FederationCode Version";

const Match = z.object({
  no,
  noTournament: no,
  noInTournament: whole(-2147483648, 2147483647),
  localDate: date,
  localTime: time,
  beginDateTimeUtc: moment,
  endDateTimeUtc: moment,
  court: text(50),
  status: whole(0, 100),
  resultType: small,
  roundName: text(100),
  roundCode: text(50),
  roundPhase: small,
  teamAName: text(200),
  teamBName: text(200),
  teamAFederationCode: text(10),
  teamBFederationCode: text(10),
  matchPointsA: small,
  matchPointsB: small,
  pointsTeamASet1: small,
  pointsTeamBSet1: small,
  pointsTeamASet2: small,
  pointsTeamBSet2: small,
  pointsTeamASet3: small,
  pointsTeamBSet3: small,
  durationSet1: seconds,
  durationSet2: seconds,
  durationSet3: seconds,
  noReferee1: noOrNull,
  noReferee2: noOrNull,
  referee1Name: text(200),
  referee2Name: text(200),
  referee1FederationCode: text(10),
  referee2FederationCode: text(10),
  version: whole(0, Number.MAX_SAFE_INTEGER),
}).transform((row): MatchRecord => ({
  no: row.no,
  no_in_tournament: row.noInTournament,
  team_a_name: row.teamAName,
  team_b_name: row.teamBName,
  team_a_federation_code: row.teamAFederationCode,
  team_b_federation_code: row.teamBFederationCode,
  local_date: row.localDate,
  local_time: row.localTime,
  begin_date_time_utc: row.beginDateTimeUtc,
  end_date_time_utc: row.endDateTimeUtc,
  court: row.court,
  status: row.status,
  result_type: row.resultType,
  round: row.roundName,
  round_code: row.roundCode,
  round_phase: row.roundPhase,
  match_points_a: row.matchPointsA,
  match_points_b: row.matchPointsB,
  points_team_a_set1: row.pointsTeamASet1,
  points_team_b_set1: row.pointsTeamBSet1,
  points_team_a_set2: row.pointsTeamASet2,
  points_team_b_set2: row.pointsTeamBSet2,
  points_team_a_set3: row.pointsTeamASet3,
  points_team_b_set3: row.pointsTeamBSet3,
  duration_set1: row.durationSet1,
  duration_set2: row.durationSet2,
  duration_set3: row.durationSet3,
  no_referee1: row.noReferee1,
  no_referee2: row.noReferee2,
  referee1_name: row.referee1Name,
  referee2_name: row.referee2Name,
  referee1_federation_code: row.referee1FederationCode,
  referee2_federation_code: row.referee2FederationCode,
  vis_version: row.version,
}));

/** The valid records of a reply, and an error for each invalid one. */
export interface Records<T> {
  records: T[];
  rejected: SyncError[];
  /** The number of requests after the first one. */
  retries: number;
}

function readRows<T extends { no: string }>(schema: z.ZodType<T>, rows: VisRow[], retries: number): Records<T> {
  const records = new Map<string, T>();
  const rejected: SyncError[] = [];
  for (const row of rows) {
    const parsed = schema.safeParse(row);
    const fault = !parsed.success
      ? parsed.error.issues.map((issue) => `${issue.path.join(".")}: ${issue.message}`).join("; ")
      : records.has(parsed.data.no)
      ? "no: occurs twice in the reply"
      : null;
    if (parsed.success && fault === null) records.set(parsed.data.no, parsed.data);
    else rejected.push(new SyncError("RECORD_INVALID", `record ${row.no ?? "without a number"}: ${fault}`, { record: row }));
  }
  return { records: [...records.values()], rejected, retries };
}

export const readTournaments = (rows: VisRow[], retries = 0): Records<TournamentRecord> => readRows(Tournament, rows, retries);
export const readMatches = (rows: VisRow[], retries = 0): Records<MatchRecord> => readRows(Match, rows, retries);
