import { z } from "zod";
import { LIES } from "./lies.ts";

/** A fault of the stand-in; `tournament_no` and `season` limit it to requests for them, `times` to a number of requests. */
export const Fault = z.strictObject({
  kind: z.enum([
    "latency",
    "unavailable",
    "forbidden",
    "later",
    "server_error",
    "throttled",
    "html",
    "truncated",
    "malformed",
    "count_mismatch",
    "whole_table",
    "other_rows",
    "implausible",
    "access_denied",
    "token_expired",
    "bad_parameter",
    "bad_record",
    "hang_up",
    "no_changes",
    "no_content",
    "version_ignored",
    "version_unraised",
    "deleted",
    ...LIES.keys(),
  ]),
  tournament_no: z.string().optional(),
  season: z.string().optional(),
  times: z.number().int().min(1).optional(),
  ms: z.number().int().min(0).max(600_000).optional(),
});
export type Fault = z.infer<typeof Fault>;

const HTML =
  "<!DOCTYPE html><html><head><title>Runtime Error</title></head><body><h1>Server Error in '/Vis2009' Application.</h1></body></html>";
const html = (status: number): Response => new Response(HTML, { status, headers: { "content-type": "text/html; charset=utf-8" } });
const XML = { "content-type": "application/xml; charset=utf-8" };
const PROLOG = `<?xml version="1.0" encoding="utf-8" standalone="yes"?>`;

/** An error of VIS in the format of the reply; JSON has its name and no id. */
function refusal(name: string, id: number, detail: string, status: number, isJson: boolean): Response {
  if (isJson) return Response.json({ errors: { code: name.charAt(0).toLowerCase() + name.slice(1), message: detail } }, { status });
  const element = `<${name} id="${id}"${detail ? `>${detail}</${name}>` : " />"}`;
  return new Response(status === 200 ? `${PROLOG}<Responses>${element}</Responses>` : element, { status, headers: XML });
}

/** The reply of a fault that replaces the whole reply; null for any other fault. */
export function replyOf(fault: Fault | undefined, isJson: boolean): Response | null {
  switch (fault?.kind) {
    case "unavailable":
      return html(503);
    case "forbidden":
      return html(403);
    case "later":
      return html(404);
    case "server_error":
      return html(500);
    case "throttled":
      return html(429);
    case "html":
      return html(200);
    case "access_denied":
      return refusal("AccessDenied", 1000, "", 200, isJson);
    case "token_expired":
      return refusal("AccessTokenExpired", 1, "", 401, isJson);
    case "bad_parameter":
      return refusal("BadParameter", 1002, "NoTournament", 200, isJson);
    case "no_changes":
      return isJson ? Response.json({ data: { noChanges: null } }) : new Response(`${PROLOG}<NoChanges />`, { headers: XML });
    case "no_content":
      return new Response(null, { status: 204 });
    default:
      return null;
  }
}

/** The body after a fault that damages a valid body. */
export function spoil(fault: Fault | undefined, body: string): string {
  switch (fault?.kind) {
    case "truncated":
      return body.slice(0, Math.floor(body.length * 0.6));
    case "malformed":
      return body.replace(/(No=)|("no":)/, "$&=");
    case "count_mismatch":
      return body.replace(/(NbItems="|"nbItems":)(\d+)/, (_, name: string, count: string) => `${name}${Number(count) + 30}`);
    case "bad_record":
      return body.replace(/( LocalDate| StartDateMainDraw)="[^"]*"/, '$1="31/12/2026"')
        .replace(/("localDate"|"startDateMainDraw"):"[^"]*"/, '$1:"31/12/2026"');
    default:
      return body;
  }
}

/** The active faults. */
export class FaultBox {
  #faults: Fault[] = [];

  list(): Fault[] {
    return this.#faults;
  }
  add(fault: Fault): void {
    this.#faults.push({ ...fault });
  }
  clear(): void {
    this.#faults = [];
  }
  /** The first fault for a request for this tournament or season; each call counts against its `times`. */
  next(tournamentNo: string | null, season: string | null = null): Fault | undefined {
    const fault = this.#faults.find((candidate) =>
      (candidate.tournament_no === undefined || candidate.tournament_no === tournamentNo) &&
      (candidate.season === undefined || candidate.season === season)
    );
    if (fault?.times !== undefined && --fault.times === 0) this.#faults = this.#faults.filter((other) => other !== fault);
    return fault;
  }
}
