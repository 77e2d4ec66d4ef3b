/** A value of a VIS field; null is an empty attribute. */
type Field = string | number | null;
export type Row = Record<string, Field>;

const DAY = 86_400_000;
const MINUTE = 60_000;
const CITIES = [
  ["Doha", "QA", "Qatar", 3],
  ["Saquarema", "BR", "Brazil", -3],
  ["Gstaad", "CH", "Switzerland", 1],
  ["Ostrava", "CZ", "Czechia", 1],
  ["Brisbane", "AU", "Australia", 10],
  ["João Pessoa", "BR", "Brazil", -3],
  ["Montréal", "CA", "Canada", -5],
  ["Espinho", "PT", "Portugal", 0],
  ["Haikou", "CN", "China", 8],
  ["Tlaxcala", "MX", "Mexico", -6],
] as const;
const TEAMS = [
  "Ana Patrícia/Carol Horta",
  "Mol/Sørum",
  "van der Loo/Sengers",
  "Perušič/Schweiner",
  "Åhman/Hellvig",
  "Nicolai/Cottafava",
  "Carol /Rebecca",
  "Cherif/Ahmed",
  "Sagstetter, J./Sagstetter, B.",
  "Hüberli/Brunner",
  "Clancy/Mariafe",
  "Tina/Anastasija",
  "Diaz/Alayo",
  "Evans/Budinger",
  "Kōno/Satō",
  "Ehlers/Wickler",
] as const;
const FEDERATIONS = [
  "BRA",
  "NOR",
  "NED",
  "CZE",
  "SWE",
  "ITA",
  "BRA",
  "QAT",
  "GER",
  "SUI",
  "AUS",
  "LAT",
  "CUB",
  "USA",
  "JPN",
  "GER",
] as const;

/** A reproducible number in [0, 1) from integers (mulberry32). */
function noise(...parts: number[]): number {
  let seed = parts.reduce((hash, part) => Math.imul(hash ^ part, 0x9e3779b1), 0x6d2b79f5);
  seed = Math.imul(seed ^ (seed >>> 15), seed | 1);
  seed ^= seed + Math.imul(seed ^ (seed >>> 7), seed | 61);
  return ((seed ^ (seed >>> 14)) >>> 0) / 4294967296;
}
const pick = <T>(list: readonly T[], ...parts: number[]): T => list[Math.floor(noise(...parts) * list.length)] as T;
const isoDate = (ms: number): string => new Date(ms).toISOString().slice(0, 10);
const isoTime = (ms: number): string => new Date(ms).toISOString().slice(11, 19);

/** Two tournaments, of men and of women, start every third day of a year; the numbers continue in the next year. */
const PER_SEASON = 2 * 121;
const firstNo = (season: number): number => 8_000 + (season - 2026) * PER_SEASON;

/** The tournaments of a season, with their state at `now` (ms since the epoch). */
export function tournamentsOf(season: number, now: number): Row[] {
  return Array.from({ length: PER_SEASON }, (_, index) => tournament(firstNo(season) + index, now));
}

/** The seasons of the stand-in: last year, this year and the next. */
export function seasonsAround(now: number): number[] {
  const year = new Date(now).getUTCFullYear();
  return [year - 1, year, year + 1];
}

/** A tournament with its state at `now`, which depends only on the calendar. */
function tournament(no: number, now: number): Row {
  const season = 2026 + Math.floor((no - 8_000) / PER_SEASON);
  const index = no - firstNo(season);
  const start = Date.UTC(season, 0, 1) + Math.floor(index / 2) * 3 * DAY;
  const end = start + 3 * DAY;
  const [city, countryCode, countryName] = CITIES[Math.floor(index / 2) % CITIES.length] as typeof CITIES[number];
  const status = now < start - 14 * DAY ? 0 : now < start ? 1 : now < end + DAY ? 6 : now < end + 9 * DAY ? 7 : 9;
  return {
    No: no,
    Code: `${index % 2 ? "W" : "M"}${city.slice(0, 3).toUpperCase()}${season}`,
    Name: city,
    Title: `Beach Pro Tour ${city}`,
    Season: String(season),
    Gender: index % 2,
    Type: pick([51, 52, 53], no),
    Status: status,
    StartDate: isoDate(start),
    StartDateMainDraw: isoDate(start + DAY),
    EndDateMainDraw: isoDate(end),
    StartDateQualification: isoDate(start),
    EndDateQualification: isoDate(start),
    DefaultCity: city,
    DefaultVenue: "",
    CountryCode: countryCode,
    CountryName: countryName,
    NoEvent: 400 + Math.floor(index / 2),
    NbTeamsMainDraw: 24,
    NbTeamsQualification: 16,
    NbTeamsFromQualification: 4,
    Version: 100_000 + no * 10 + [0, 1, 6, 7, 9].indexOf(status),
  };
}

/** A live match changes every 15 seconds, and the version of VIS counts these steps. */
const STEP = 15_000;
const EPOCH = Date.UTC(2026, 0, 1);
/** The version of the whole table at a time; a row has the version of its last change. */
export const versionAt = (at: number): number => 57_446_011 + Math.floor((at - EPOCH) / STEP);

const createdAt = (start: number): number => start - 10 * DAY;
/** The time at which a second draw replaces the first, 18 hours before the start. */
const remadeAt = (start: number): number => start - DAY / 4 * 3;
const publishedAt = (start: number): number => start - DAY;

/** The matches of a tournament with their state at `now`. */
export function matchesOf(tournamentNo: number, now: number): Row[] {
  const { StartDate } = tournament(tournamentNo, now);
  const start = Date.parse(String(StartDate));
  if (now < createdAt(start)) return [];
  const isRemade = now >= remadeAt(start);
  const count = isRemade ? 44 : 48;
  return Array.from({ length: count }, (_, index) => match(tournamentNo, index, isRemade, start, now));
}

/** The matches of the first draw after the second one replaced it. */
export function deletedMatchesOf(tournamentNo: number, now: number): Row[] {
  const { StartDate } = tournament(tournamentNo, now);
  const start = Date.parse(String(StartDate));
  const at = remadeAt(start);
  if (now < at) return [];
  return Array.from({ length: 40 }, (_, index) => ({
    ...match(tournamentNo, index + 8, false, start, at - STEP),
    DeletedDT: `${new Date(at).toISOString().slice(0, 19)}Z`,
    Version: versionAt(at),
  }));
}

function match(tournamentNo: number, index: number, isRemade: boolean, start: number, now: number): Row {
  const { Code: code = null, Name: name = null } = tournament(tournamentNo, now);
  const city = Math.floor((tournamentNo - 8_000) / 2) % CITIES.length;
  const offset = (CITIES[(city + CITIES.length) % CITIES.length] as typeof CITIES[number])[3] * 60 * MINUTE;
  const isQualification = index < 8;
  const day = isQualification ? 0 : 1 + Math.floor((index - 8) / 14);
  const slot = isQualification ? index : (index - 8) % 14;
  const local = start + day * DAY + 9 * 60 * MINUTE + Math.floor(slot / 2) * 60 * MINUTE;
  const a = Math.floor(noise(tournamentNo, index, 1) * TEAMS.length);
  const b = (a + 1 + Math.floor(noise(tournamentNo, index, 2) * (TEAMS.length - 1))) % TEAMS.length;
  const isBye = index % 16 === 9;
  const play = isBye ? byePlay() : played(tournamentNo, index, local - offset, now - now % STEP);
  const isPublished = now >= publishedAt(start);
  const changes = [
    createdAt(start),
    ...isRemade ? [remadeAt(start)] : [],
    publishedAt(start),
    ...isBye ? [] : changesOf(local - offset, now),
  ];
  return {
    No: 500_000 + (tournamentNo % 20_000) * 100 + index + (isRemade && !isQualification ? 50 : 0),
    NoTournament: tournamentNo,
    NoInTournament: isQualification ? index + 1 : index - 7,
    LocalDate: isoDate(local),
    LocalTime: isPublished && !isBye ? isoTime(local) : null,
    UtcDate: isPublished && !isBye ? isoDate(local - offset) : null,
    UtcTime: isPublished && !isBye ? isoTime(local - offset) : null,
    BeginDateTimeUtc: play.Status >= 3 && !isBye ? `${new Date(local - offset).toISOString().slice(0, 19)}Z` : null,
    EndDateTimeUtc: play.Status >= 12 && !isBye ? `${new Date(local - offset + 50 * MINUTE).toISOString().slice(0, 19)}Z` : null,
    Court: isPublished && !isBye ? pick(["CC", "1", "2"], tournamentNo, index, 3) : null,
    ResultType: 0,
    RoundName: isQualification ? "Qualification" : index < 32 ? "Pool play" : "Round of 12",
    RoundCode: isQualification ? "Q" : index < 32 ? "P" : "R",
    RoundPhase: isQualification ? 3 : 4,
    TeamAName: TEAMS[a] as string,
    TeamBName: isBye ? null : TEAMS[b] as string,
    TeamAFederationCode: FEDERATIONS[a] as string,
    TeamBFederationCode: isBye ? null : FEDERATIONS[b] as string,
    NoRound: tournamentNo * 10 + (isQualification ? 1 : index < 32 ? 2 : 3),
    NoTeamA: 800_000 + a,
    NoTeamB: isBye ? null : 800_000 + b,
    NoPlayerA1: 100_000 + 2 * a,
    NoPlayerA2: 100_001 + 2 * a,
    NoPlayerB1: isBye ? null : 100_000 + 2 * b,
    NoPlayerB2: isBye ? null : 100_001 + 2 * b,
    TournamentCode: code,
    TournamentName: name,
    WinnerRank: 0,
    LoserRank: 0,
    NoReferee1: 1_000 + index,
    NoReferee2: 2_000 + index,
    Referee1Name: "Example First",
    Referee2Name: "Example Second",
    Referee1FederationCode: pick(FEDERATIONS, index, 4),
    Referee2FederationCode: pick(FEDERATIONS, index, 5),
    DeletedDT: null,
    Version: versionAt(Math.max(...changes.filter((at) => at <= now))),
    ...play,
  };
}

interface Play extends Row {
  Status: number;
}

const NO_SETS = {
  PointsTeamASet1: null,
  PointsTeamBSet1: null,
  PointsTeamASet2: null,
  PointsTeamBSet2: null,
  PointsTeamASet3: null,
  PointsTeamBSet3: null,
  PointsTeamASet4: null,
  PointsTeamBSet4: null,
  PointsTeamASet5: null,
  PointsTeamBSet5: null,
  DurationSet1: null,
  DurationSet2: null,
  DurationSet3: null,
  DurationSet4: null,
  DurationSet5: null,
};

/** A bye, closed without play: 0:0 and no sets; only a new draw changes it. */
const byePlay = (): Play => ({ ...NO_SETS, Status: 15, MatchPointsA: 0, MatchPointsB: 0 });

/** The state at `now` of a match that starts at `start`: ready 10 minutes earlier, two sets of about 20 minutes, closed after an hour. */
function played(tournamentNo: number, index: number, start: number, now: number): Play {
  const minutes = (now - start) / MINUTE;
  const status = minutes < -10
    ? 1
    : minutes < 0
    ? 2
    : minutes < 20
    ? 3
    : minutes < 22
    ? 4
    : minutes < 45
    ? 5
    : minutes < 47
    ? 12
    : minutes < 60
    ? 13
    : 15;
  const isAWinning = noise(tournamentNo, index, 6) < 0.5;
  const [winner, loser] = isAWinning ? ["A", "B"] : ["B", "A"];
  const sets = { ...NO_SETS } as Row;
  const set = (number: number, progress: number) => {
    const points = 12 + Math.floor(noise(tournamentNo, index, 7 + number) * 8);
    sets[`PointsTeam${winner}Set${number}`] = Math.round(21 * progress);
    sets[`PointsTeam${loser}Set${number}`] = Math.round(points * progress);
    sets[`DurationSet${number}`] = Math.round(1_200 * progress);
  };
  if (status >= 2) set(1, status === 2 ? 0 : Math.min(1, minutes / 20));
  if (status >= 5) set(2, Math.min(1, (minutes - 22) / 23));
  const won = status >= 12 ? 2 : status >= 4 ? 1 : status >= 3 ? 0 : null;
  return {
    ...sets,
    Status: status,
    MatchPointsA: won === null ? null : isAWinning ? won : 0,
    MatchPointsB: won === null ? null : isAWinning ? 0 : won,
  };
}

/** The times until `now` at which a match that starts at `start` last changes in each part of its play. */
const changesOf = (start: number, now: number): number[] =>
  [[-10, -10], [0, 20], [22, 45], [47, 47], [60, 60]].map(([from, until]) =>
    Math.max(start + (from as number) * MINUTE, Math.min(now, start + (until as number) * MINUTE))
  );
