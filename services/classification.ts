import { type ErrorCode, ERRORS } from "./error-table.ts";
import { AppError, DatabaseError } from "./errors.ts";

/** One request of several for the same reply: its start on the monotonic clock, and its response time in ms. */
export interface Attempt {
  from: number;
  ms: number;
}

/**
 * A failure whose code is known where it occurs. `evidence` is added to the context of the error; `fingerprint` is the fingerprint of
 * another recorded error that caused this one.
 */
export class SyncError extends Error {
  override name = "SyncError";
  readonly fingerprint: string | null;
  readonly attempts: Attempt[];
  constructor(
    readonly code: ErrorCode,
    message: string,
    readonly evidence: Record<string, unknown> = {},
    options: ErrorOptions & { fingerprint?: string | null; attempts?: Attempt[] } = {},
  ) {
    super(message, options);
    this.fingerprint = options.fingerprint ?? null;
    this.attempts = options.attempts ?? [];
  }
}

/** The code of a VIS error id; the documentation of the FIVB lists the global ids 1 to 13 and the request ids 1000 to 1019. */
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
    301: "VIS_REDIRECTED",
    302: "VIS_REDIRECTED",
    303: "VIS_REDIRECTED",
    307: "VIS_REDIRECTED",
    308: "VIS_REDIRECTED",
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
  // For these errors Deno has only the number of the system (Linux, errno.h).
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

/** The error code of any error, and its row of the error table; the type and code of the error decide, never its message. */
export function classify(error: unknown): { code: ErrorCode } & (typeof ERRORS)[ErrorCode] {
  const code: ErrorCode = error instanceof SyncError
    ? error.code
    : error instanceof DatabaseError
    ? codeOfSqlstate(error.sqlstate)
    : error instanceof AppError
    ? (error.code === "LEASE_LOST" ? "LEASE_LOST" : "DATABASE_ERROR")
    : codeOfFetchFailure(error) ?? "UNEXPECTED";
  return { code, ...ERRORS[code] };
}
