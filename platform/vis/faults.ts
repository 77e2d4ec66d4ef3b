import { z } from "zod";

/** A fault of the stand-in; `tournament_no` limits it to requests for that tournament, `times` to a number of requests. */
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
  ]),
  tournament_no: z.string().optional(),
  times: z.number().int().min(1).optional(),
  ms: z.number().int().min(0).max(600_000).optional(),
});
export type Fault = z.infer<typeof Fault>;

const HTML =
  "<!DOCTYPE html><html><head><title>Runtime Error</title></head><body><h1>Server Error in '/Vis2009' Application.</h1></body></html>";
const html = (status: number): Response => new Response(HTML, { status, headers: { "content-type": "text/html; charset=utf-8" } });
const xml = (body: string): Response => new Response(body, { headers: { "content-type": "application/xml; charset=utf-8" } });
const PROLOG = `<?xml version="1.0" encoding="utf-8" standalone="yes"?>`;

/** The reply of a fault that replaces the whole reply; null for any other fault. */
export function replyOf(fault: Fault | undefined): Response | null {
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
      return xml(`${PROLOG}<Responses><AccessDenied id="1000" /></Responses>`);
    case "token_expired":
      return new Response(`<AccessTokenExpired id="1" />`, { status: 401, headers: { "content-type": "application/xml; charset=utf-8" } });
    case "bad_parameter":
      return xml(`${PROLOG}<Responses><BadParameter id="1002">NoTournament</BadParameter></Responses>`);
    default:
      return null;
  }
}

/** The body as changed by a fault that damages a valid body. */
export function spoil(fault: Fault | undefined, body: string): string {
  switch (fault?.kind) {
    case "truncated":
      return body.slice(0, Math.floor(body.length * 0.6));
    case "malformed":
      return body.replace("No=", "No==");
    case "count_mismatch":
      return body.replace(/NbItems="(\d+)"/, (_, count: string) => `NbItems="${Number(count) + 30}"`);
    case "bad_record":
      return body.replace(/ LocalDate="[^"]*"| StartDate="[^"]*"/, ' LocalDate="31/12/2026" StartDate="31/12/2026"');
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
  /** The first fault that applies to a request for this tournament; each call uses up one of its `times`. */
  next(tournamentNo: string | null): Fault | undefined {
    const fault = this.#faults.find((candidate) => candidate.tournament_no === undefined || candidate.tournament_no === tournamentNo);
    if (fault?.times !== undefined && --fault.times === 0) this.#faults = this.#faults.filter((other) => other !== fault);
    return fault;
  }
}
