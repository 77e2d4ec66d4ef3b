import type { ErrorType, Severity } from "../types/sync.ts";
import { AppError, DatabaseError } from "./errors.ts";

/** When a retry can succeed: now (with backoff), in the next run, or never without a change by a person. */
type RetryAdvice = "now" | "later" | "never";

/** The class of an error code: how the error is grouped, retried and resolved. */
interface ErrorClass {
  type: ErrorType;
  severity: Severity;
  retry: RetryAdvice;
  suggestion: string;
}

const errorClass = (type: ErrorType, severity: Severity, retry: RetryAdvice, suggestion: string): ErrorClass => ({
  type,
  severity,
  retry,
  suggestion,
});

/** The class of each error code; `docs/errors.md` is generated from it. */
export const ERROR_CLASSES = {
  VIS_TOKEN: errorClass(
    "AUTH",
    "HIGH",
    "never",
    "The VIS token expired or was revoked. Renew the VIS credentials in the function secrets.",
  ),
  VIS_CREDENTIALS: errorClass(
    "AUTH",
    "CRITICAL",
    "never",
    "VIS refused the user. Check VIS_USERNAME and VIS_PASSWORD, or remove both for guest access.",
  ),
  VIS_APP_ID: errorClass("AUTH", "HIGH", "never", "VIS requires an application id. Ask the FIVB for one and set VIS_APP_ID."),
  VIS_ACCESS_DENIED: errorClass(
    "AUTH",
    "HIGH",
    "never",
    "The VIS user may not send this request. Ask the FIVB for access, or set the credentials of a user that has it.",
  ),
  VIS_BAD_REQUEST: errorClass(
    "API",
    "HIGH",
    "never",
    "VIS refused the request as invalid. Compare the request in the context with the VIS documentation; the service may have changed.",
  ),
  VIS_NO_DATA: errorClass("API", "LOW", "never", "VIS has no data for this number. Check that the tournament still exists."),
  VIS_INTERNAL: errorClass("API", "MEDIUM", "now", "VIS reported an internal error. It usually passes; if it lasts, ask the FIVB."),
  VIS_LATER: errorClass(
    "API",
    "LOW",
    "now",
    "VIS answered 404, which means that the client should retry later. It usually passes within minutes.",
  ),
  VIS_THROTTLED: errorClass(
    "API",
    "MEDIUM",
    "now",
    "VIS limits our rate of requests. If it repeats, lower in_flight_limit in upstream_state.",
  ),
  VIS_FORBIDDEN: errorClass(
    "API",
    "HIGH",
    "later",
    "VIS blocked us, usually after too many requests. All syncs wait until backoff_until; if it repeats, lower in_flight_limit.",
  ),
  VIS_UNAVAILABLE: errorClass(
    "API",
    "HIGH",
    "later",
    "VIS is down or throttles us. All syncs wait until backoff_until and then continue by themselves.",
  ),
  VIS_SERVER_ERROR: errorClass("API", "MEDIUM", "now", "VIS failed with a server error. It usually passes; if it lasts, ask the FIVB."),
  VIS_UNEXPECTED_STATUS: errorClass(
    "API",
    "MEDIUM",
    "never",
    "VIS does not document this HTTP status. Check VIS_API_URL and the proxies in between.",
  ),
  UPSTREAM_BACKOFF: errorClass(
    "API",
    "MEDIUM",
    "later",
    "No request is sent during the backoff after a refusal. The first run after backoff_until tries again.",
  ),
  UPSTREAM_BUSY: errorClass(
    "API",
    "LOW",
    "later",
    "Other runs held all request slots for a minute. If it repeats, check for a slow VIS or a stuck run.",
  ),
  REPLY_NOT_DATA: errorClass(
    "VALIDATION",
    "MEDIUM",
    "now",
    "VIS answered 200 without data, often with an HTML error page. It usually passes; an excerpt is in the context.",
  ),
  REPLY_MALFORMED: errorClass(
    "VALIDATION",
    "MEDIUM",
    "now",
    "The reply is truncated or not well-formed. It usually passes; nothing of the reply was written.",
  ),
  REPLY_COUNT_MISMATCH: errorClass(
    "VALIDATION",
    "MEDIUM",
    "now",
    "NbItems differs from the number of rows, usually in a truncated reply. Nothing of the reply was written.",
  ),
  REPLY_WRONG_ROWS: errorClass(
    "VALIDATION",
    "HIGH",
    "later",
    "VIS sent rows that were not requested, usually because it ignored a filter. Nothing was written; check the request in the context.",
  ),
  REPLY_IMPLAUSIBLE: errorClass(
    "VALIDATION",
    "HIGH",
    "later",
    "The reply has far more rows than is plausible. Nothing was written; check the request and the history of the tournament.",
  ),
  REPLY_TOO_LARGE: errorClass(
    "VALIDATION",
    "HIGH",
    "later",
    "The reply is larger than any valid one and was not read to its end. VIS may have ignored a filter.",
  ),
  RECORD_INVALID: errorClass(
    "VALIDATION",
    "LOW",
    "never",
    "One record was left out; the others were written. The field is in the message, the record in the context.",
  ),
  TOURNAMENT_BUSY: errorClass("DATABASE", "LOW", "later", "Another run holds the lease of this tournament. A job retries by itself."),
  TOURNAMENT_UNKNOWN: errorClass(
    "VALIDATION",
    "LOW",
    "never",
    "The database has no such tournament. Sync it with tournament-master-sync first.",
  ),
  NETWORK_DNS: errorClass("NETWORK", "HIGH", "now", "The host name did not resolve. Check VIS_API_URL and DNS."),
  NETWORK_REFUSED: errorClass("NETWORK", "HIGH", "now", "The connection was refused. Check VIS_API_URL and that the service is up."),
  NETWORK_RESET: errorClass("NETWORK", "MEDIUM", "now", "The connection closed before the reply was complete. It usually passes."),
  NETWORK_TLS: errorClass(
    "NETWORK",
    "HIGH",
    "never",
    "The certificate is not valid. Check VIS_API_URL and the clock; do not switch verification off.",
  ),
  NETWORK_FAILED: errorClass(
    "NETWORK",
    "MEDIUM",
    "now",
    "The service could not be reached. If it lasts, check the network and VIS_API_URL.",
  ),
  REQUEST_TIMED_OUT: errorClass(
    "TIMEOUT",
    "MEDIUM",
    "now",
    "VIS did not answer in time. If it repeats, VIS throttles us: lower in_flight_limit.",
  ),
  RUN_TIMED_OUT: errorClass(
    "TIMEOUT",
    "HIGH",
    "later",
    "The run did not end by its deadline, or its lease expired. Read the log of the function at the last heartbeat; the next run starts with the stalest tournament.",
  ),
  DATABASE_UNREACHABLE: errorClass(
    "DATABASE",
    "CRITICAL",
    "now",
    "The database did not answer. Check the status of the project and its connection limit.",
  ),
  DATABASE_BUSY: errorClass(
    "DATABASE",
    "MEDIUM",
    "now",
    "A statement met a lock, a deadlock or its timeout. It usually passes; if it lasts, check for long transactions.",
  ),
  DATABASE_FULL: errorClass(
    "DATABASE",
    "CRITICAL",
    "later",
    "The database has no space or no connections left. Raise the limit or run retention.",
  ),
  DATABASE_DENIED: errorClass(
    "AUTH",
    "CRITICAL",
    "never",
    "The database refused the key or the role. Check the secret key, and that every migration was applied.",
  ),
  DATABASE_CONSTRAINT: errorClass(
    "DATABASE",
    "MEDIUM",
    "never",
    "A row violates a constraint and was refused. The message names the constraint.",
  ),
  DATABASE_VALUE: errorClass(
    "DATABASE",
    "MEDIUM",
    "never",
    "A value does not fit its column. Compare the record in the context with the schema.",
  ),
  DATABASE_SCHEMA: errorClass(
    "DATABASE",
    "CRITICAL",
    "never",
    "Code and schema do not match. Apply the migrations, then deploy the functions.",
  ),
  DATABASE_ERROR: errorClass(
    "DATABASE",
    "HIGH",
    "later",
    "The SQLSTATE has no class of its own; it is in the context.",
  ),
  LEASE_LOST: errorClass("DATABASE", "LOW", "later", "Another run claimed the tournament and writes newer data. No action is needed."),
  UNEXPECTED: errorClass(
    "VALIDATION",
    "HIGH",
    "never",
    "The code has a defect, probably with data of a new shape. The stack is in the context; report it.",
  ),
} satisfies Record<string, ErrorClass>;
export type ErrorCode = keyof typeof ERROR_CLASSES;

/** A failure whose code is known where it occurs; `evidence` is added to the context of the error. */
export class SyncError extends Error {
  override name = "SyncError";
  constructor(readonly code: ErrorCode, message: string, readonly evidence: Record<string, unknown> = {}, options?: ErrorOptions) {
    super(message, options);
  }
}

/** The code of a VIS error id, as the FIVB documents them (global ids 1 to 13, request ids 1000 to 1019). */
export function codeOfVisId(id: number | null): ErrorCode {
  if (id === null || id === 5 || id === 1004) return "VIS_INTERNAL";
  if ([1, 2, 3, 7, 8, 9].includes(id)) return "VIS_TOKEN";
  if ([6, 10, 12, 13].includes(id)) return "VIS_CREDENTIALS";
  if (id === 11) return "VIS_APP_ID";
  if (id === 1000) return "VIS_ACCESS_DENIED";
  if (id === 1005) return "VIS_NO_DATA";
  return id === 4 || (id >= 1001 && id <= 1019) ? "VIS_BAD_REQUEST" : "VIS_INTERNAL";
}

/** The code of an HTTP status of VIS other than 200, for a reply without an error element. */
export function codeOfHttpStatus(status: number): ErrorCode {
  const known: Record<number, ErrorCode> = {
    400: "VIS_BAD_REQUEST",
    401: "VIS_CREDENTIALS",
    403: "VIS_FORBIDDEN",
    404: "VIS_LATER",
    408: "VIS_SERVER_ERROR",
    429: "VIS_THROTTLED",
    503: "VIS_UNAVAILABLE",
  };
  return known[status] ?? (status >= 500 ? "VIS_SERVER_ERROR" : "VIS_UNEXPECTED_STATUS");
}

/** The code of a SQLSTATE (its first two characters are its class, Postgres appendix A) or of a PGRST code of PostgREST. */
export function codeOfSqlstate(sqlstate: string): ErrorCode {
  const exact: Record<string, ErrorCode> = {
    "": "DATABASE_UNREACHABLE",
    "42501": "DATABASE_DENIED",
    "57014": "DATABASE_BUSY",
    PGRST000: "DATABASE_UNREACHABLE",
    PGRST001: "DATABASE_UNREACHABLE",
    PGRST002: "DATABASE_UNREACHABLE",
    PGRST003: "DATABASE_BUSY",
  };
  const byClass: Record<string, ErrorCode> = {
    "08": "DATABASE_UNREACHABLE",
    "22": "DATABASE_VALUE",
    "23": "DATABASE_CONSTRAINT",
    "28": "DATABASE_DENIED",
    "40": "DATABASE_BUSY",
    "42": "DATABASE_SCHEMA",
    "53": "DATABASE_FULL",
    "54": "DATABASE_FULL",
    "55": "DATABASE_BUSY",
    "57": "DATABASE_UNREACHABLE",
  };
  if (exact[sqlstate]) return exact[sqlstate];
  if (/^PGRST3/.test(sqlstate)) return "DATABASE_DENIED";
  if (/^PGRST[12]|^ANSWER$/.test(sqlstate)) return "DATABASE_SCHEMA";
  return byClass[sqlstate.slice(0, 2)] ?? "DATABASE_ERROR";
}

const NETWORK_CODES: Record<string, ErrorCode> = {
  ENOTFOUND: "NETWORK_DNS",
  EAI_AGAIN: "NETWORK_DNS",
  ECONNREFUSED: "NETWORK_REFUSED",
  ECONNRESET: "NETWORK_RESET",
  EPIPE: "NETWORK_RESET",
  ETIMEDOUT: "REQUEST_TIMED_OUT",
  // Deno gives only the error number of the system (Linux, errno.h).
  "104": "NETWORK_RESET",
  "110": "REQUEST_TIMED_OUT",
  "111": "NETWORK_REFUSED",
};

/** The code of an error of `fetch`, from the names and codes of its chain of causes; null when none is known. */
export function codeOfFetchFailure(error: unknown): ErrorCode | null {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    if (cause.name === "TimeoutError") return "REQUEST_TIMED_OUT";
    const code = (cause as { code?: unknown }).code ?? /\(os error (\d+)\)/.exec(cause.message)?.[1];
    if (typeof code === "string" && NETWORK_CODES[code]) return NETWORK_CODES[code];
    if (typeof code === "string" && /CERT|SSL|TLS/.test(code)) return "NETWORK_TLS";
  }
  return null;
}

/** The class of any error, from its type and code; never from the words of its message. */
export function classify(error: unknown): { code: ErrorCode } & ErrorClass {
  const code: ErrorCode = error instanceof SyncError
    ? error.code
    : error instanceof DatabaseError
    ? codeOfSqlstate(error.sqlstate)
    : error instanceof AppError
    ? (error.code === "LEASE_LOST" ? "LEASE_LOST" : "DATABASE_ERROR")
    : codeOfFetchFailure(error) ?? "UNEXPECTED";
  return { code, ...ERROR_CLASSES[code] };
}
