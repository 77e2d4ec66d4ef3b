import type { ErrorType, Severity } from "../types/sync.ts";
import { AppError, DatabaseError } from "./errors.ts";

/** When a retry can help: at once (with backoff), at the next run, or not before somebody did something. */
type RetryAdvice = "now" | "later" | "never";

/** What a kind of failure means to whoever is called by it. */
interface ErrorClass {
  type: ErrorType;
  severity: Severity;
  retry: RetryAdvice;
  suggestion: string;
}

const kind = (type: ErrorType, severity: Severity, retry: RetryAdvice, suggestion: string): ErrorClass => ({
  type,
  severity,
  retry,
  suggestion,
});

/** The published table of failures, by code; `docs/errors.md` is printed from it. */
export const ERROR_CLASSES = {
  VIS_TOKEN: kind("AUTH", "HIGH", "never", "The VIS token expired or was revoked. Renew the VIS credentials in the function secrets."),
  VIS_CREDENTIALS: kind(
    "AUTH",
    "CRITICAL",
    "never",
    "VIS refused the user. Check VIS_USERNAME and VIS_PASSWORD, or unset both for guest access.",
  ),
  VIS_APP_ID: kind("AUTH", "HIGH", "never", "VIS wants an application id. Ask the FIVB for one and set VIS_APP_ID."),
  VIS_ACCESS_DENIED: kind(
    "AUTH",
    "HIGH",
    "never",
    "VIS denies this request to our user. Ask the FIVB for access, or set VIS credentials that have it.",
  ),
  VIS_BAD_REQUEST: kind(
    "API",
    "HIGH",
    "never",
    "VIS says our request is wrong. Compare the request in the context with the VIS documentation; the service may have changed.",
  ),
  VIS_NO_DATA: kind("API", "LOW", "never", "VIS has nothing under this number. Check that the tournament still exists."),
  VIS_INTERNAL: kind("API", "MEDIUM", "now", "VIS failed inside. It usually passes; if it lasts, ask the FIVB."),
  VIS_LATER: kind("API", "LOW", "now", "VIS answered 404, by which it means later. It usually passes within minutes."),
  VIS_THROTTLED: kind("API", "MEDIUM", "now", "VIS asks us to slow down. If it repeats, lower in_flight_limit in upstream_state."),
  VIS_FORBIDDEN: kind(
    "API",
    "HIGH",
    "later",
    "VIS shut us out, as it does after too many requests. All syncs stay away until backoff_until; lower in_flight_limit if it repeats.",
  ),
  VIS_UNAVAILABLE: kind(
    "API",
    "HIGH",
    "later",
    "VIS is down or throttles us. All syncs stay away until backoff_until and go on by themselves.",
  ),
  VIS_SERVER_ERROR: kind("API", "MEDIUM", "now", "VIS failed with a server error. It usually passes; if it lasts, ask the FIVB."),
  VIS_UNEXPECTED_STATUS: kind(
    "API",
    "MEDIUM",
    "never",
    "VIS answered with a status it never sends. Check VIS_API_URL and whatever stands between.",
  ),
  UPSTREAM_BACKOFF: kind("API", "MEDIUM", "later", "We stay away from VIS after a refusal. The first run after backoff_until tries again."),
  UPSTREAM_BUSY: kind(
    "API",
    "LOW",
    "later",
    "Other runs used every place in flight for too long. If it repeats, look for a slow VIS or a run that hangs.",
  ),
  REPLY_NOT_DATA: kind(
    "VALIDATION",
    "MEDIUM",
    "now",
    "VIS answered 200 without data, often an HTML error page. It usually passes; the excerpt is in the context.",
  ),
  REPLY_MALFORMED: kind(
    "VALIDATION",
    "MEDIUM",
    "now",
    "The reply was cut off or is not well-formed. It usually passes; nothing was written for it.",
  ),
  REPLY_COUNT_MISMATCH: kind(
    "VALIDATION",
    "MEDIUM",
    "now",
    "NbItems and the rows disagree, as in a truncated reply. Nothing was written for it.",
  ),
  REPLY_WRONG_ROWS: kind(
    "VALIDATION",
    "HIGH",
    "later",
    "VIS sent rows nobody asked for, as it does when it ignores a filter. Nothing was written; check the request in the context.",
  ),
  REPLY_IMPLAUSIBLE: kind(
    "VALIDATION",
    "HIGH",
    "later",
    "Far more rows came than is plausible. Nothing was written; check the request and the tournament's history.",
  ),
  REPLY_TOO_LARGE: kind(
    "VALIDATION",
    "HIGH",
    "later",
    "The reply was larger than any true one and was not read to the end. VIS may be ignoring a filter.",
  ),
  RECORD_INVALID: kind(
    "VALIDATION",
    "LOW",
    "never",
    "One record was left out, the rest was written. The field and its value are in the context.",
  ),
  TOURNAMENT_BUSY: kind("DATABASE", "LOW", "later", "Another run writes this tournament right now. A job tries again by itself."),
  TOURNAMENT_UNKNOWN: kind("VALIDATION", "LOW", "never", "No such tournament here. Sync it with tournament-master-sync first."),
  NETWORK_DNS: kind("NETWORK", "HIGH", "now", "The host name did not resolve. Check VIS_API_URL and DNS."),
  NETWORK_REFUSED: kind("NETWORK", "HIGH", "now", "Nobody listens there. Check VIS_API_URL and that the service is up."),
  NETWORK_RESET: kind("NETWORK", "MEDIUM", "now", "The connection broke in the middle. It usually passes."),
  NETWORK_TLS: kind(
    "NETWORK",
    "HIGH",
    "never",
    "The certificate was not accepted. Check the address and the clock; do not switch verification off.",
  ),
  NETWORK_FAILED: kind("NETWORK", "MEDIUM", "now", "The service could not be reached. If it lasts, check the network and VIS_API_URL."),
  REQUEST_TIMED_OUT: kind("TIMEOUT", "MEDIUM", "now", "No answer in time. If it repeats, VIS is throttling: lower in_flight_limit."),
  RUN_TIMED_OUT: kind(
    "TIMEOUT",
    "HIGH",
    "later",
    "The run did not end by its deadline. Read the function's log at its last heartbeat; the next tick begins with the stalest tournament.",
  ),
  DATABASE_UNREACHABLE: kind(
    "DATABASE",
    "CRITICAL",
    "now",
    "The database did not answer. Check the project's status and its connection limit.",
  ),
  DATABASE_BUSY: kind(
    "DATABASE",
    "MEDIUM",
    "now",
    "A lock, deadlock or statement timeout. It usually passes; if it lasts, look for long transactions.",
  ),
  DATABASE_FULL: kind("DATABASE", "CRITICAL", "later", "The database is out of room or connections. Raise the limit or run retention."),
  DATABASE_DENIED: kind(
    "AUTH",
    "CRITICAL",
    "never",
    "The database refused our key or role. Check the secret key and that every migration ran.",
  ),
  DATABASE_CONSTRAINT: kind(
    "DATABASE",
    "MEDIUM",
    "never",
    "A row broke a rule of the schema and was refused. The name of the rule is in the message.",
  ),
  DATABASE_VALUE: kind("DATABASE", "MEDIUM", "never", "A value did not fit its column. Compare the record in the context with the schema."),
  DATABASE_SCHEMA: kind("DATABASE", "CRITICAL", "never", "Code and schema do not fit. Run the migrations, then deploy the functions."),
  DATABASE_ERROR: kind(
    "DATABASE",
    "HIGH",
    "later",
    "The database failed in a way this table does not know. The SQLSTATE is in the context.",
  ),
  LEASE_LOST: kind("DATABASE", "LOW", "later", "Another run took the tournament over; its data is the newer. Nothing needs doing."),
  UNEXPECTED: kind(
    "VALIDATION",
    "HIGH",
    "never",
    "An error of our own, probably met by data of a new shape. The stack is in the context; report it.",
  ),
} satisfies Record<string, ErrorClass>;
export type ErrorCode = keyof typeof ERROR_CLASSES;

/** A failure whose code is known where it happens; `evidence` goes into the error's context. */
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

/** The code of a VIS HTTP status that is not 200 and carried no error element. */
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

/** The code of a SQLSTATE (its class is its first two characters, Postgres appendix A) or of PostgREST's own PGRST codes. */
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
  // Deno gives no code, but the system's error number (Linux, errno.h).
  "104": "NETWORK_RESET",
  "110": "REQUEST_TIMED_OUT",
  "111": "NETWORK_REFUSED",
};

/** The code of what `fetch` threw, from the names and codes along its causes; null when they say nothing. */
export function codeOfFetchFailure(error: unknown): ErrorCode | null {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    if (cause.name === "TimeoutError") return "REQUEST_TIMED_OUT";
    const code = (cause as { code?: unknown }).code ?? /\(os error (\d+)\)/.exec(cause.message)?.[1];
    if (typeof code === "string" && NETWORK_CODES[code]) return NETWORK_CODES[code];
    if (typeof code === "string" && /CERT|SSL|TLS/.test(code)) return "NETWORK_TLS";
  }
  return null;
}

/** The class of any failure, from its type and code and never from words in its message. */
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
