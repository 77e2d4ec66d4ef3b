import type { ErrorType, Severity } from "../types/sync.ts";

/** The time at which a retry can succeed: now (with backoff), in the next run, or never without a change by a person. */
type Retry = "now" | "later" | "never";

/** An error that a caller receives: its HTTP status, and advice for the caller. */
const answered = <const S extends number>(status: S, advice: string) => ({ status, advice });

/** An error that a run records: its class, severity and retry, and advice for an operator. */
const recorded = (type: ErrorType, severity: Severity, retry: Retry, advice: string) => ({ type, severity, retry, advice });

/** Every error code; `docs/errors.md` is generated from this table, and a test compares it with the codes that SQL raises and records. */
export const ERRORS = {
  BAD_REQUEST: answered(400, "Correct each field that the details name."),
  UNAUTHORIZED: answered(401, "Sign in again, or send a secret key of the project in the header apikey."),
  TOKEN_EXPIRED: answered(401, "Sign in again, or refresh the session."),
  TOKEN_UNTRUSTED: answered(401, "Sign in at this project: the token is malformed, or none of the project's signing keys verifies it."),
  TOKEN_CLAIM_INVALID: answered(401, "Sign in at this project; where its issuer is not the project's address, set AUTH_ISSUER."),
  FORBIDDEN: answered(403, "Ask an administrator for the role that the message names."),
  NOT_FOUND: answered(404, "Check the path and the id. Retention may have deleted the object."),
  ENTITY_UNKNOWN: answered(404, "Use an entity type that `GET sync-admin/entities` lists."),
  METHOD_NOT_ALLOWED: answered(405, "Use a method that `GET sync-monitoring/openapi.json` lists for this path."),
  ALERT_STATE: answered(409, "Read the incident again: its state has changed."),
  ALREADY_RUN: answered(409, "No action is needed: another call has already started the run of this due time."),
  CHANNEL_IN_USE: answered(409, "Give each rule and entity that the message names another channel, then delete this one."),
  EMAIL_TAKEN: answered(409, "Change the user who has this email, or use another email."),
  ENTITY_INACTIVE: answered(409, "Activate the entity first, with is_active in `PATCH sync-admin/entities/:type`."),
  ENTITY_PAUSED: answered(409, "Resume the entity first, or wait until a person does."),
  FUNCTION_MISSING: answered(409, "Deploy a function that syncs the entity, and write its name into function_name of sync_status."),
  IDEMPOTENCY_KEY_REUSED: answered(409, "Send a new Idempotency-Key with a different request."),
  JOB_NOT_OVER: answered(409, "Wait until the job has finished, or cancel it."),
  JOB_OVER: answered(409, "No action is needed: the job has already finished. Requeue it to run it again."),
  LEASE_LOST: {
    status: 409 as const,
    ...recorded("DATABASE", "LOW", "later", "Another run claimed the tournament or the job and writes newer data. No action is needed."),
  },
  LAST_ADMIN: answered(409, "Give another confirmed user the role admin first."),
  LIMIT_REACHED: answered(409, "Delete or end what is no longer needed, or raise the maximum in the table limit_settings."),
  NAME_TAKEN: answered(409, "Choose another name."),
  NO_BACKOFF: answered(409, "No action is needed: the backoff has ended, and the syncs send requests."),
  NOTHING_FAILED: answered(409, "Requeue the whole job instead of its failed tournaments."),
  NOTIFICATION_OVER: answered(409, "No action is needed: a newer state of the incident was queued, or the notification ended."),
  NOT_REPLAYABLE: answered(409, "Read the preview without since: the past of this metric or scope is not kept."),
  NOT_DEAD: answered(409, "Wait until the delivery succeeds or the notification is DEAD."),
  OWN_ACCOUNT: answered(409, "Ask another administrator to disable your account."),
  PEOPLE_BUSY: answered(409, "Repeat the request: one change of a person is made at a time."),
  RUN_IN_PROGRESS: answered(409, "Wait until the run that the details name has ended. This request is recorded as SKIPPED."),
  RUNS_PRUNED: answered(409, "Rebuild the metrics from a later day: retention has deleted runs of this one."),
  SILENCE_OVER: answered(409, "No action is needed: the silence has ended. Create a new one to silence further."),
  PAYLOAD_TOO_LARGE: answered(413, "Send a smaller body."),
  TOO_MANY_MAILS: answered(429, "Wait until Auth sends mail again, configure a mail server in Auth, or create the user with a password."),
  TOO_SOON: answered(429, "Repeat the request after the seconds in the header Retry-After."),
  TOO_MANY_TRIGGERS: answered(429, "Repeat the request after the seconds in the header Retry-After."),
  INTERNAL: answered(500, "Search the log of the function for the x-request-id of the response and report it."),
  AUDIT_KEY_MISSING: answered(503, "Set AUDIT_KEY in the function secrets."),
  AUTH_UNAVAILABLE: answered(
    503,
    "Repeat the request; if it changed a person, read the person first. If the error lasts, read the log of Auth.",
  ),
  DATABASE_UNAVAILABLE: answered(503, "Repeat the request. If it lasts, check the status of the project."),
  SCHEMA_MISMATCH: answered(
    503,
    "Apply the migrations if the schema is older than the functions; deploy the functions if it requires newer ones.",
  ),
  WORKER_SPENT: answered(
    503,
    "Repeat the request after a minute: another worker answers it. Due runs are dispatched again without an action.",
  ),
  VIS_TOKEN: recorded(
    "AUTH",
    "HIGH",
    "never",
    "The VIS token expired or was revoked. Renew the VIS credentials in the function secrets.",
  ),
  VIS_CREDENTIALS: recorded(
    "AUTH",
    "CRITICAL",
    "never",
    "VIS refused the user. Check VIS_USERNAME and VIS_PASSWORD, or remove both for guest access.",
  ),
  VIS_APP_ID: recorded("AUTH", "HIGH", "never", "VIS requires an application id. Ask the FIVB for one and set VIS_APP_ID."),
  VIS_ACCESS_DENIED: recorded(
    "AUTH",
    "HIGH",
    "never",
    "The VIS user may not send this request. Ask the FIVB for access, or set the credentials of a user that has it.",
  ),
  VIS_BAD_REQUEST: recorded(
    "API",
    "HIGH",
    "never",
    "VIS refused the request as invalid. Compare the request in the context with the VIS documentation; the service may have changed.",
  ),
  VIS_NO_DATA: recorded("API", "LOW", "never", "VIS has no data for this number. Check that the tournament still exists."),
  VIS_INTERNAL: recorded("API", "MEDIUM", "now", "VIS reported an internal error. The error usually passes; if it lasts, ask the FIVB."),
  VIS_LATER: recorded(
    "API",
    "LOW",
    "now",
    "VIS answered 404, which means that the client should retry later. It usually passes within minutes.",
  ),
  VIS_THROTTLED: recorded(
    "API",
    "MEDIUM",
    "later",
    "VIS limits our rate of requests. All syncs wait for the time that VIS asked for (upstream backoff). If the error repeats, lower in_flight_limit.",
  ),
  VIS_FORBIDDEN: recorded(
    "API",
    "HIGH",
    "later",
    "VIS blocked us, usually after too many requests. All syncs wait until the upstream backoff ends. If the error repeats, lower in_flight_limit.",
  ),
  VIS_UNAVAILABLE: recorded(
    "API",
    "HIGH",
    "later",
    "VIS is down or throttles us. All syncs wait until the upstream backoff ends and then continue by themselves.",
  ),
  VIS_SERVER_ERROR: recorded(
    "API",
    "MEDIUM",
    "now",
    "VIS failed with a server error. The error usually passes; if it lasts, ask the FIVB.",
  ),
  VIS_REDIRECTED: recorded(
    "API",
    "HIGH",
    "never",
    "VIS moved, or a proxy redirects the request; no redirect is followed. Set VIS_API_URL to the address in the context if it belongs to the FIVB.",
  ),
  VIS_UNEXPECTED_STATUS: recorded(
    "API",
    "MEDIUM",
    "never",
    "VIS does not document this HTTP status. Check VIS_API_URL and the proxies in between.",
  ),
  UPSTREAM_BACKOFF: recorded(
    "API",
    "MEDIUM",
    "later",
    "No request is sent during the backoff after a refusal. Runs and jobs wait for its end; an operator can end it.",
  ),
  UPSTREAM_BUSY: recorded(
    "API",
    "LOW",
    "later",
    "Other runs held all request slots for a minute. If it repeats, check for a slow VIS or a stuck run.",
  ),
  REPLY_NOT_DATA: recorded(
    "VALIDATION",
    "MEDIUM",
    "now",
    "VIS answered 200 without data, often with an HTML error page. It usually passes; an excerpt is in the context.",
  ),
  REPLY_MALFORMED: recorded(
    "VALIDATION",
    "MEDIUM",
    "now",
    "The reply is truncated or not well-formed. It usually passes; nothing of the reply was written.",
  ),
  REPLY_COUNT_MISMATCH: recorded(
    "VALIDATION",
    "MEDIUM",
    "now",
    "NbItems differs from the number of rows, usually in a truncated reply. Nothing of the reply was written.",
  ),
  REPLY_WRONG_ROWS: recorded(
    "VALIDATION",
    "HIGH",
    "later",
    "VIS sent rows that were not requested, usually because it ignored a filter. Nothing was written; check the request in the context.",
  ),
  REPLY_IMPLAUSIBLE: recorded(
    "VALIDATION",
    "HIGH",
    "later",
    "The reply has far more rows than is plausible. Nothing was written; check the request and the history of the tournament.",
  ),
  REPLY_TOO_LARGE: recorded(
    "VALIDATION",
    "HIGH",
    "later",
    "The reply is larger than any valid one and was not read to its end. VIS may have ignored a filter.",
  ),
  REPLY_EMPTY: recorded(
    "VALIDATION",
    "HIGH",
    "later",
    "VIS has no matches of a tournament whose main draw is today. Nothing was written. If VIS is right, trigger a sync of the tournament with confirm_removal.",
  ),
  REPLY_SHRANK: recorded(
    "VALIDATION",
    "MEDIUM",
    "later",
    "The reply lacks many known rows. Nothing was removed. A reply at least 10 minutes later confirms the removal, or an operator does (confirm_removal).",
  ),
  REPLY_BLANKED: recorded(
    "VALIDATION",
    "MEDIUM",
    "later",
    "The reply blanks known values. Nothing was written. A reply at least 10 minutes later confirms it, or an operator does (confirm_removal).",
  ),
  REPLY_MOVED: recorded(
    "VALIDATION",
    "MEDIUM",
    "later",
    "The reply moves many dates. Nothing was written. A reply at least 10 minutes later confirms it, or an operator does (confirm_removal).",
  ),
  RECORD_INVALID: recorded(
    "VALIDATION",
    "LOW",
    "never",
    "One record was left out; the others were written. The field is in the message, the record in the context.",
  ),
  TOURNAMENT_BUSY: recorded("DATABASE", "LOW", "later", "Another run holds the lease of this tournament. A job retries by itself."),
  TOURNAMENT_UNKNOWN: recorded(
    "VALIDATION",
    "LOW",
    "never",
    "The database has no such tournament. Sync it with tournament-master-sync first.",
  ),
  NETWORK_DNS: recorded("NETWORK", "HIGH", "now", "The host name did not resolve. Check VIS_API_URL and DNS."),
  NETWORK_REFUSED: recorded("NETWORK", "HIGH", "now", "The connection was refused. Check VIS_API_URL and that the service is up."),
  NETWORK_RESET: recorded("NETWORK", "MEDIUM", "now", "The connection closed before the reply was complete. It usually passes."),
  NETWORK_TLS: recorded(
    "NETWORK",
    "HIGH",
    "never",
    "The certificate is not valid. Check VIS_API_URL and the clock; do not switch verification off.",
  ),
  NETWORK_FAILED: recorded(
    "NETWORK",
    "MEDIUM",
    "now",
    "The service could not be reached. If it lasts, check the network and VIS_API_URL.",
  ),
  REQUEST_TIMED_OUT: recorded(
    "TIMEOUT",
    "MEDIUM",
    "now",
    "VIS did not answer in time. If it repeats, VIS throttles us: lower in_flight_limit.",
  ),
  RUN_TIMED_OUT: recorded(
    "TIMEOUT",
    "HIGH",
    "later",
    "The run did not end by its deadline, or its lease expired. Read the log of the function at the last heartbeat; the next run starts with the stalest tournament.",
  ),
  DATABASE_UNREACHABLE: recorded(
    "DATABASE",
    "CRITICAL",
    "now",
    "The database did not answer. Check the status of the project and its connection limit.",
  ),
  DATABASE_BUSY: recorded(
    "DATABASE",
    "MEDIUM",
    "now",
    "A statement met a lock, a deadlock or its timeout. The error usually passes; if it lasts, check for long transactions.",
  ),
  DATABASE_FULL: recorded(
    "DATABASE",
    "CRITICAL",
    "later",
    "The database has no space or no connections left. Raise the limit or run retention.",
  ),
  DATABASE_DENIED: recorded(
    "AUTH",
    "CRITICAL",
    "never",
    "The database refused the key or the role. Check the secret key, and that every migration was applied.",
  ),
  DATABASE_CONSTRAINT: recorded(
    "DATABASE",
    "MEDIUM",
    "never",
    "A row violates a constraint and was refused. The message names the constraint, the context has the record.",
  ),
  DATABASE_VALUE: recorded(
    "DATABASE",
    "MEDIUM",
    "never",
    "A value does not fit its column. Compare the record in the context with the schema.",
  ),
  DATABASE_SCHEMA: recorded(
    "DATABASE",
    "CRITICAL",
    "never",
    "Code and schema do not match. Apply the migrations, then deploy the functions.",
  ),
  DATABASE_ERROR: recorded(
    "DATABASE",
    "HIGH",
    "later",
    "The SQLSTATE of the error has no code of its own. The context contains it.",
  ),
  UNEXPECTED: recorded(
    "VALIDATION",
    "HIGH",
    "never",
    "The code has a defect, probably with data of a new shape. The stack is in the context; report it.",
  ),
};

type CodeWith<Field extends string> = { [C in keyof typeof ERRORS]: (typeof ERRORS)[C] extends Record<Field, unknown> ? C : never }[
  keyof typeof ERRORS
];
/** The codes that a caller can receive. */
export type AppErrorCode = CodeWith<"status">;
/** The codes that a run can record. */
export type ErrorCode = CodeWith<"severity">;

export const isAppErrorCode = (code: unknown): code is AppErrorCode =>
  typeof code === "string" && Object.hasOwn(ERRORS, code) && "status" in ERRORS[code as keyof typeof ERRORS];

/** The advice for a code of the table; null for any other code. */
export const adviceOf = (code: string): string | null => Object.hasOwn(ERRORS, code) ? ERRORS[code as keyof typeof ERRORS].advice : null;
