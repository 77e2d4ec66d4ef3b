/** The HTTP status of each error code that a caller can receive. */
export const HTTP_STATUS = {
  BAD_REQUEST: 400,
  UNAUTHORIZED: 401,
  FORBIDDEN: 403,
  NOT_FOUND: 404,
  ENTITY_UNKNOWN: 404,
  METHOD_NOT_ALLOWED: 405,
  ALERT_STATE: 409,
  ENTITY_INACTIVE: 409,
  ENTITY_PAUSED: 409,
  IDEMPOTENCY_KEY_REUSED: 409,
  JOB_NOT_OVER: 409,
  JOB_OVER: 409,
  LEASE_LOST: 409,
  NAME_TAKEN: 409,
  NOTHING_FAILED: 409,
  NOT_DEAD: 409,
  RUN_IN_PROGRESS: 409,
  SILENCE_OVER: 409,
  PAYLOAD_TOO_LARGE: 413,
  TOO_MANY_TRIGGERS: 429,
  INTERNAL: 500,
  AUDIT_KEY_MISSING: 503,
  DATABASE_UNAVAILABLE: 503,
  SCHEMA_MISMATCH: 503,
} as const;
export type AppErrorCode = keyof typeof HTTP_STATUS;

/** An expected failure with a code of {@link HTTP_STATUS}; its message is written for the caller. */
export class AppError extends Error {
  override name = "AppError";
  constructor(readonly code: AppErrorCode, message: string, readonly details?: unknown, options?: ErrorOptions) {
    super(message, options);
  }
  get status(): (typeof HTTP_STATUS)[AppErrorCode] {
    return HTTP_STATUS[this.code];
  }
}

/** A database call that failed unexpectedly; `sqlstate` is PostgREST's code or a Postgres SQLSTATE, empty without an answer. */
export class DatabaseError extends Error {
  override name = "DatabaseError";
  constructor(readonly fn: string, readonly sqlstate: string, message: string, options?: ErrorOptions) {
    super(`${fn}: ${message}`, options);
  }
}
