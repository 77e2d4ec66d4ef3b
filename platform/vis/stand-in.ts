import { XMLParser, XMLValidator } from "fast-xml-parser";
import { z } from "zod";
import { Fault, FaultBox, replyOf, spoil } from "./faults.ts";
import { LIES } from "./lies.ts";
import { deletedMatchesOf, matchesOf, type Row, seasonsAround, tournamentsOf, versionAt } from "./season.ts";

const PROLOG = `<?xml version="1.0" encoding="utf-8" standalone="yes"?>`;
const parser = new XMLParser({
  ignoreAttributes: false,
  attributeNamePrefix: "",
  ignoreDeclaration: true,
  isArray: (name) => name === "Request",
});

const VisRequest = z.looseObject({
  Type: z.string().optional(),
  Fields: z.string().optional(),
  No: z.string().optional(),
  Version: z.string().regex(/^\d+$/).optional(),
  Filter: z.union([z.record(z.string(), z.string()), z.literal("")]).optional(),
});
type VisRequest = z.infer<typeof VisRequest>;
const RequestBody = z.union([
  z.object({ Requests: z.object({ Request: z.array(VisRequest) }) }).transform(({ Requests }) => ({
    requests: Requests.Request,
    isMultiple: true,
  })),
  z.object({ Request: z.array(VisRequest).length(1) }).transform(({ Request: requests }) => ({ requests, isMultiple: false })),
]);

interface Answer {
  list: string | null;
  row: string;
  rows: Row[];
  version: number;
  isUnchanged?: boolean;
  error?: { name: string; id: number; detail: string };
}
const refuse = (name: string, id: number, detail = ""): Answer => ({
  list: null,
  row: "",
  rows: [],
  version: 0,
  error: { name, id, detail },
});

/** Parses a set of numbers as VIS does, such as "1-5 8"; null when it is invalid. */
function numberSet(text: string): Set<number> | null {
  if (!/^\d+(-\d+)?( \d+(-\d+)?)*$/.test(text)) return null;
  return new Set(
    text.split(" ").flatMap((part) => {
      const [low, high] = part.split("-").map(Number) as [number, number?];
      return Array.from({ length: Math.min(10_000, (high ?? low) - low + 1) }, (_, index) => low + index);
    }),
  );
}

/** The rows with only the requested fields; as in VIS, unknown names are ignored, and XML rows always have the number and the version. */
const onlyFields = (rows: Row[], fields: string, isJson: boolean): Row[] => {
  const names = new Set([...fields.split(/\s+/), "No", ...isJson ? [] : ["Version"]]);
  return rows.map((row) => Object.fromEntries(Object.entries(row).filter(([name]) => names.has(name))));
};

/** All matches of tournaments, or with `since` the matches that changed after that version, with the deleted ones. */
function matchList(tournaments: number[], fields: string, since: number | null, now: number, isJson: boolean): Answer {
  const list = { list: "BeachMatches", row: "BeachMatch", version: versionAt(now) };
  const rows = tournaments.flatMap((no) => matchesOf(no, now));
  if (since === null) return { ...list, rows: onlyFields(rows, fields, isJson) };
  const changed = [...rows, ...tournaments.flatMap((no) => deletedMatchesOf(no, now))].filter((row) => Number(row.Version) > since);
  return { ...list, rows: onlyFields(changed, fields, isJson), isUnchanged: changed.length === 0 };
}

function answer(request: VisRequest, now: number, fault: Fault["kind"] | undefined, isJson: boolean): Answer {
  const filter = fault === "whole_table" || typeof request.Filter !== "object" ? {} : request.Filter;
  const since = request.Version === undefined || fault === "version_ignored" ? null : Number(request.Version);
  const seasons = seasonsAround(now);
  switch (request.Type) {
    case "GetBeachTournamentList": {
      if (!request.Fields) return refuse("ParameterMissing", 1009, "Fields");
      const rows = seasons.filter((season) => filter.Season === undefined || filter.Season === String(season)).flatMap((season) =>
        tournamentsOf(season, now)
      );
      return { list: "BeachTournaments", row: "BeachTournament", rows: onlyFields(rows, request.Fields, isJson), version: 103_897 };
    }
    case "GetBeachTournament": {
      if (!/^\d+$/.test(request.No ?? "")) return refuse("BadParameter", 1002, "No");
      const found = seasons.flatMap((season) => tournamentsOf(season, now)).filter((row) => row.No === Number(request.No));
      if (found.length === 0) return refuse("NoData", 1005);
      return { list: null, row: "BeachTournament", rows: onlyFields(found, request.Fields ?? "", isJson), version: 103_897 };
    }
    case "GetBeachMatchList": {
      if (!request.Fields) return refuse("ParameterMissing", 1009, "Fields");
      const filterText = filter.NoTournament ?? filter.NoTournaments;
      const numbers = filterText === undefined ? null : numberSet(filterText);
      if (filterText !== undefined && numbers === null) return refuse("BadFilterParameter", 1001, "NoTournament");
      const found = seasons.flatMap((season) => tournamentsOf(season, now)).map((row) => Number(row.No));
      return matchList(found.filter((no) => numbers === null || numbers.has(no)), request.Fields, since, now, isJson);
    }
    default:
      return refuse("BadParameter", 1002, "Type");
  }
}

const escapeXml = (value: string): string =>
  value.replace(/[&<>"]/g, (char) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" })[char] as string);
const attributesOf = (row: Row): string =>
  Object.entries(row).map(([name, value]) => ` ${name}="${value === null ? "" : escapeXml(String(value))}"`).join("");
const elementOf = (name: string, row: Row): string => `<${name}${attributesOf(row)}/>`;

function toXml({ list, row, rows, version, isUnchanged, error }: Answer): string {
  if (isUnchanged) return "<NoChanges />";
  if (error) return error.detail ? `<${error.name} id="${error.id}">${error.detail}</${error.name}>` : `<${error.name} id="${error.id}" />`;
  if (list === null) return elementOf(row, rows[0] ?? {});
  const head = `<${list} NbItems="${rows.length}" Version="${version}"`;
  return rows.length === 0 ? `${head} />` : `${head}>${rows.map((values) => elementOf(row, values)).join("")}</${list}>`;
}

const camelCase = (name: string): string => name.charAt(0).toLowerCase() + name.slice(1);
function toJson({ list, rows, version, isUnchanged, error }: Answer): unknown {
  if (isUnchanged) return { data: { noChanges: null } };
  if (error) return { errors: { code: camelCase(error.name), message: error.detail } };
  const data = rows.map((row) => Object.fromEntries(Object.entries(row).map(([name, value]) => [camelCase(name), value])));
  return list === null ? { data: data[0] } : { data, nbItems: data.length, version };
}

export interface VisStandIn {
  fetch(request: Request): Promise<Response>;
  faults: FaultBox;
  /** The number of requests, and the largest number in flight at the same time. */
  seen: { requests: number; most_in_flight: number };
}

/** A stand-in for VIS: its protocol, a generated season around `now`, and faults that `<path>/control` sets. */
export function createVisStandIn(options: { now?: () => number; sleep?: (ms: number) => Promise<void> } = {}): VisStandIn {
  const now = options.now ?? Date.now;
  const sleep = options.sleep ?? ((ms) => new Promise<void>((resolve) => setTimeout(resolve, ms)));
  const faults = new FaultBox();
  const seen = { requests: 0, most_in_flight: 0 };
  let inFlight = 0;

  async function control(request: Request): Promise<Response> {
    if (request.method === "DELETE") faults.clear();
    if (request.method === "POST") {
      const fault = Fault.safeParse(await request.json().catch(() => null));
      if (!fault.success) return Response.json({ code: "BAD_REQUEST", message: z.prettifyError(fault.error) }, { status: 400 });
      faults.add(fault.data);
    }
    return Response.json({ faults: faults.list(), ...seen });
  }

  async function serve(request: Request): Promise<Response> {
    const body = await request.text();
    const parsed = XMLValidator.validate(body) === true ? RequestBody.safeParse(parser.parse(body)) : null;
    const first = parsed?.data?.requests[0];
    const filter = typeof first?.Filter === "object" ? first.Filter : {};
    const fault = faults.next(filter.NoTournament ?? first?.No ?? null, filter.Season ?? null);
    if (fault?.ms) await sleep(fault.ms);
    if (fault?.kind === "hang_up") return new Response(new ReadableStream({ start: (stream) => stream.error(new Error("hung up")) }));
    // VIS answers in JSON only to the format of a single request.
    const isJson = parsed?.data?.isMultiple === false && request.headers.get("accept") === "application/json";
    const faultReply = replyOf(fault, isJson);
    if (faultReply) return faultReply;
    const headers = { "content-type": isJson ? "application/json; charset=utf-8" : "application/xml; charset=utf-8" };
    if (!parsed?.success) return new Response(`<BadRequestSyntax id="4" />`, { status: 400, headers });
    const { requests, isMultiple } = parsed.data;
    const answers = requests.map((request) => answer(request, now(), fault?.kind, isJson));
    // A service that does not raise versions reports no change of any row.
    if (fault?.kind === "version_unraised") answers.forEach((only, index) => only.isUnchanged = requests[index]?.Version !== undefined);
    if (fault?.kind === "deleted") answers.forEach((only) => only.rows.forEach((row) => row.DeletedDT = "2026-01-01T00:00:00Z"));
    if (fault?.kind === "other_rows") answers[0]?.rows.forEach((row) => row.NoTournament = 502);
    if (fault?.kind === "implausible" && answers[0]) {
      const { rows } = answers[0];
      answers[0].rows = Array.from({ length: 3_000 }, (_, index) => ({ ...rows[index % rows.length], No: 900_000 + index }));
    }
    const lie = fault && LIES.get(fault.kind);
    if (lie) answers.forEach((only) => only.rows = lie(only.rows));
    if (isMultiple) return new Response(spoil(fault, `${PROLOG}<Responses>${answers.map(toXml).join("")}</Responses>`), { headers });
    const [only] = answers as [Answer];
    if (only.error?.name === "NoData") return new Response(null, { status: 204 });
    const whole = isJson ? JSON.stringify(toJson(only)) : `${PROLOG}${toXml(only)}`;
    return new Response(spoil(fault, whole), { status: only.error ? 400 : 200, headers });
  }

  return {
    faults,
    seen,
    async fetch(request) {
      if (new URL(request.url).pathname.endsWith("/control")) return await control(request);
      seen.requests++;
      seen.most_in_flight = Math.max(seen.most_in_flight, ++inFlight);
      try {
        return await serve(request);
      } finally {
        inFlight--;
      }
    },
  };
}
