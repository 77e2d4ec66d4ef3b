import { XMLParser, XMLValidator } from "fast-xml-parser";
import { z } from "zod";
import { Fault, FaultBox, replyOf, spoil } from "./faults.ts";
import { matchesOf, type Row, seasonsAround, tournamentsOf } from "./season.ts";

const PROLOG = `<?xml version="1.0" encoding="utf-8" standalone="yes"?>`;
const parser = new XMLParser({
  ignoreAttributes: false,
  attributeNamePrefix: "",
  ignoreDeclaration: true,
  isArray: (name) => name === "Request",
});

const AskedRequest = z.looseObject({
  Type: z.string().optional(),
  Fields: z.string().optional(),
  No: z.string().optional(),
  Filter: z.union([z.record(z.string(), z.string()), z.literal("")]).optional(),
});
type AskedRequest = z.infer<typeof AskedRequest>;
const Asked = z.union([
  z.object({ Requests: z.object({ Request: z.array(AskedRequest) }) }).transform(({ Requests }) => ({
    requests: Requests.Request,
    isMultiple: true,
  })),
  z.object({ Request: z.array(AskedRequest).length(1) }).transform(({ Request: requests }) => ({ requests, isMultiple: false })),
]);

interface Answer {
  list: string | null;
  row: string;
  rows: Row[];
  version: number;
  error?: { name: string; id: number; detail: string };
}
const refuse = (name: string, id: number, detail = ""): Answer => ({
  list: null,
  row: "",
  rows: [],
  version: 0,
  error: { name, id, detail },
});

/** "1-5 8" as VIS reads a set of numbers; null when it is none. */
function numberSet(text: string): Set<number> | null {
  if (!/^\d+(-\d+)?( \d+(-\d+)?)*$/.test(text)) return null;
  return new Set(
    text.split(" ").flatMap((part) => {
      const [low, high] = part.split("-").map(Number) as [number, number?];
      return Array.from({ length: Math.min(10_000, (high ?? low) - low + 1) }, (_, index) => low + index);
    }),
  );
}

/** The rows of a table with only the fields asked for; names nobody knows are dropped without a word, as VIS does. */
const onlyFields = (rows: Row[], fields: string): Row[] => {
  const names = new Set([...fields.split(/\s+/), "No", "Version"]);
  return rows.map((row) => Object.fromEntries(Object.entries(row).filter(([name]) => names.has(name))));
};

function answer(request: AskedRequest, now: number, isWholeTable: boolean): Answer {
  const filter = isWholeTable || typeof request.Filter !== "object" ? {} : request.Filter;
  const seasons = seasonsAround(now);
  switch (request.Type) {
    case "GetBeachTournamentList": {
      if (!request.Fields) return refuse("ParameterMissing", 1009, "Fields");
      const rows = seasons.filter((season) => filter.Season === undefined || filter.Season === String(season)).flatMap((season) =>
        tournamentsOf(season, now)
      );
      return { list: "BeachTournaments", row: "BeachTournament", rows: onlyFields(rows, request.Fields), version: 103_897 };
    }
    case "GetBeachTournament": {
      if (!/^\d+$/.test(request.No ?? "")) return refuse("BadParameter", 1002, "No");
      const found = seasons.flatMap((season) => tournamentsOf(season, now)).filter((row) => row.No === Number(request.No));
      if (found.length === 0) return refuse("NoData", 1005);
      return { list: null, row: "BeachTournament", rows: onlyFields(found, request.Fields ?? ""), version: 103_897 };
    }
    case "GetBeachMatchList": {
      if (!request.Fields) return refuse("ParameterMissing", 1009, "Fields");
      const asked = filter.NoTournament ?? filter.NoTournaments;
      const wanted = asked === undefined ? null : numberSet(asked);
      if (asked !== undefined && wanted === null) return refuse("BadFilterParameter", 1001, "NoTournament");
      const rows = seasons.flatMap((season) => tournamentsOf(season, now)).filter((row) => wanted === null || wanted.has(Number(row.No)))
        .flatMap((row) => matchesOf(Number(row.No), now));
      return { list: "BeachMatches", row: "BeachMatch", rows: onlyFields(rows, request.Fields), version: 57_446_011 };
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

function toXml({ list, row, rows, version, error }: Answer): string {
  if (error) return error.detail ? `<${error.name} id="${error.id}">${error.detail}</${error.name}>` : `<${error.name} id="${error.id}" />`;
  if (list === null) return elementOf(row, rows[0] ?? {});
  const head = `<${list} NbItems="${rows.length}" Version="${version}"`;
  return rows.length === 0 ? `${head} />` : `${head}>${rows.map((values) => elementOf(row, values)).join("")}</${list}>`;
}

const camelCase = (name: string): string => name.charAt(0).toLowerCase() + name.slice(1);
function toJson({ list, rows, version, error }: Answer): unknown {
  if (error) return { errors: { code: camelCase(error.name), message: error.detail } };
  // JSON rows do not add a version nobody asked for; ours is asked for whenever it is there.
  const data = rows.map((row) => Object.fromEntries(Object.entries(row).map(([name, value]) => [camelCase(name), value])));
  return list === null ? { data: data[0] } : { data, nbItems: data.length, version };
}

export interface VisStandIn {
  fetch(request: Request): Promise<Response>;
  faults: FaultBox;
  /** How many requests came, and the most of them at once. */
  seen: { requests: number; most_in_flight: number };
}

/** A VIS service of our own: the real protocol, a made-up season around `now`, and faults to order over `<path>/control`. */
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
    const asked = XMLValidator.validate(body) === true ? Asked.safeParse(parser.parse(body)) : null;
    const first = asked?.data?.requests[0];
    const filter = typeof first?.Filter === "object" ? first.Filter : {};
    const fault = faults.take(filter.NoTournament ?? first?.No ?? null);
    if (fault?.ms) await sleep(fault.ms);
    if (fault?.kind === "hang_up") return new Response(new ReadableStream({ start: (stream) => stream.error(new Error("hung up")) }));
    const instead = replyOf(fault);
    if (instead) return instead;
    const headers = { "content-type": "application/xml; charset=utf-8" };
    if (!asked?.success) return new Response(`<BadRequestSyntax id="4" />`, { status: 400, headers });
    const { requests, isMultiple } = asked.data;
    const answers = requests.map((one) => answer(one, now(), fault?.kind === "whole_table"));
    if (fault?.kind === "other_rows") answers[0]?.rows.forEach((row) => row.NoTournament = 502);
    if (fault?.kind === "implausible" && answers[0]) {
      const { rows } = answers[0];
      answers[0].rows = Array.from({ length: 3_000 }, (_, index) => ({ ...rows[index % rows.length], No: 900_000 + index }));
    }
    if (!isMultiple && request.headers.get("accept")?.includes("application/json")) return Response.json(toJson(answers[0] as Answer));
    const elements = answers.map(toXml).join("");
    const whole = isMultiple ? `${PROLOG}<Responses>${elements}</Responses>` : `${PROLOG}${elements}`;
    return new Response(spoil(fault, whole), { headers });
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
