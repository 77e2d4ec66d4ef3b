import { type AppErrorCode, ERRORS } from "./error-table.ts";

/** An expected failure with a code that has an HTTP status in {@link ERRORS}; its message is written for the caller. */
export class AppError extends Error {
  override name = "AppError";
  constructor(readonly code: AppErrorCode, message: string, readonly details?: unknown, options?: ErrorOptions) {
    super(message, options);
  }
  get status(): (typeof ERRORS)[AppErrorCode]["status"] {
    return ERRORS[this.code].status;
  }
}

/** A database call that failed unexpectedly; `sqlstate` is PostgREST's code or a Postgres SQLSTATE, empty without an answer. */
export class DatabaseError extends Error {
  override name = "DatabaseError";
  constructor(readonly fn: string, readonly sqlstate: string, message: string, options?: ErrorOptions) {
    super(`${fn}: ${message}`, options);
  }
}
