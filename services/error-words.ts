import type { ErrorCode } from "./error-table.ts";

/** The event in words, for each error code that a run can record. */
const ERROR_WORDS: Record<ErrorCode, string> = {
  LEASE_LOST: "another run claimed the same work",
  VIS_TOKEN: "VIS refused the token",
  VIS_CREDENTIALS: "VIS refused the user",
  VIS_APP_ID: "VIS requires an application id",
  VIS_ACCESS_DENIED: "VIS denied the user access",
  VIS_BAD_REQUEST: "VIS refused the request as invalid",
  VIS_NO_DATA: "VIS has no data",
  VIS_INTERNAL: "VIS reported an internal error",
  VIS_LATER: "VIS answered that the client should retry later",
  VIS_THROTTLED: "VIS limits our requests",
  VIS_FORBIDDEN: "VIS blocked us",
  VIS_UNAVAILABLE: "VIS is unavailable",
  VIS_SERVER_ERROR: "VIS failed with a server error",
  VIS_REDIRECTED: "VIS answered with a redirect",
  VIS_UNEXPECTED_STATUS: "VIS answered with an unexpected HTTP status",
  UPSTREAM_BACKOFF: "no request is sent during the upstream backoff",
  UPSTREAM_BUSY: "no request slot was free",
  REPLY_NOT_DATA: "VIS answered without data",
  REPLY_MALFORMED: "the reply of VIS was not well-formed",
  REPLY_COUNT_MISMATCH: "the reply of VIS was truncated",
  REPLY_WRONG_ROWS: "VIS sent rows that were not requested",
  REPLY_IMPLAUSIBLE: "the reply of VIS had too many rows",
  REPLY_TOO_LARGE: "the reply of VIS was too large",
  REPLY_EMPTY: "VIS has no matches on a day of the main draw",
  REPLY_SHRANK: "the reply of VIS lacks many known rows",
  REPLY_BLANKED: "the reply of VIS blanks known values",
  REPLY_MOVED: "the reply of VIS moves many dates",
  RECORD_INVALID: "a record was invalid",
  TOURNAMENT_BUSY: "another run held the tournament",
  TOURNAMENT_UNKNOWN: "the database has no such tournament",
  NETWORK_DNS: "the host name of VIS did not resolve",
  NETWORK_REFUSED: "VIS refused the connection",
  NETWORK_RESET: "the connection to VIS was reset",
  NETWORK_TLS: "the certificate of VIS is not valid",
  NETWORK_FAILED: "VIS could not be reached",
  REQUEST_TIMED_OUT: "VIS did not answer in time",
  RUN_TIMED_OUT: "the run did not end in time",
  DATABASE_UNREACHABLE: "the database did not answer",
  DATABASE_BUSY: "the database was busy",
  DATABASE_FULL: "the database has no space or connections left",
  DATABASE_DENIED: "the database refused the key or the role",
  DATABASE_CONSTRAINT: "a row violated a constraint",
  DATABASE_VALUE: "a value did not fit its column",
  DATABASE_SCHEMA: "code and schema do not match",
  DATABASE_ERROR: "the database reported an error",
  UNEXPECTED: "the code failed unexpectedly",
};

/** The code of a fingerprint (`VIS_UNAVAILABLE:vis answered http #`); null for a text without one. */
export const codeOf = (fingerprint: string): string | null => /^[A-Z][A-Z0-9_]*(?=:|$)/.exec(fingerprint)?.[0] ?? null;

/** The meaning of an error code in words; null for an unknown code. */
export const wordsOf = (code: string): string | null => Object.hasOwn(ERROR_WORDS, code) ? ERROR_WORDS[code as ErrorCode] : null;

/** The error codes whose words contain each of these, in lower case. */
export const codesAbout = (words: string[]): string[] =>
  Object.entries(ERROR_WORDS).filter(([, text]) => words.every((word) => text.toLowerCase().includes(word))).map(([code]) => code);
