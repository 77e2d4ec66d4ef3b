import { z } from "zod";
import { moment } from "./moment.ts";

export const ERROR_TYPES = ["NETWORK", "AUTH", "API", "DATABASE", "TIMEOUT", "VALIDATION"] as const;
export const SEVERITIES = ["LOW", "MEDIUM", "HIGH", "CRITICAL"] as const;
export const TERMINAL_STATUSES = ["SUCCEEDED", "PARTIAL", "FAILED", "TIMED_OUT", "CANCELLED", "SKIPPED"] as const;
/**
 * The priorities of tournaments, the highest first. LIVE: a match is live. TODAY: the tournament has matches within a day of today (UTC),
 * or no match is known. SOON: it starts within a day or has a break. LATER: it starts within 7 days or has ended.
 */
export const TOURNAMENT_PRIORITIES = ["LIVE", "TODAY", "SOON", "LATER"] as const;
/**
 * The reasons why a run did not sync a tournament. FRESH: its matches are younger than their TTL. LEASED: another run has its lease.
 * BUDGET, CPU: the time or the CPU of the worker was spent. UPSTREAM_BACKOFF, CANCELLED: these stopped the run. SHUTDOWN: the worker
 * ended. TIMED_OUT: the lease or the deadline of the run expired. FAILED: an error ended the run.
 */
export const LEFT_OUT_REASONS = [
  "FRESH",
  "LEASED",
  "BUDGET",
  "CPU",
  "UPSTREAM_BACKOFF",
  "CANCELLED",
  "SHUTDOWN",
  "TIMED_OUT",
  "FAILED",
] as const;
export type LeftOutReason = typeof LEFT_OUT_REASONS[number];
export type ErrorType = typeof ERROR_TYPES[number];
export type Severity = typeof SEVERITIES[number];

/** A VIS tournament number as text: one to ten digits. */
export const TournamentNo = z.string().regex(/^[0-9]{1,10}$/, "must be one to ten digits");

/** The body of `POST` to a sync function; an empty body is a manual full run. */
export const StartSyncRequest = z.strictObject({
  trigger: z.enum(["CRON", "MANUAL", "RETRY"]).default("MANUAL"),
  tournament_no: TournamentNo.optional(),
  tournament_nos: z.array(TournamentNo).min(1).max(1_000).optional(),
  sync_job_id: z.uuid().optional(),
  /** The fencing token of the attempt of the job; the database refuses a run with an older token. */
  job_token: z.uuid().optional(),
  correlation_id: z.string().min(1).max(100).optional(),
  /** The due time of a scheduled run, and the number of the call for it; the database refuses a second call for the same run. */
  due_at: moment.optional(),
  attempt: z.number().int().min(1).max(10_000).optional(),
  /** Whether the run accepts its replies at once; only for the run of a job, whose trigger is audited. */
  confirm_removal: z.boolean().optional(),
}).refine(({ due_at, attempt }) => !due_at === !attempt, {
  path: ["attempt"],
  message: "must be given with due_at, and only with it",
}).refine(({ due_at, tournament_no, tournament_nos }) => !due_at || !tournament_no && !tournament_nos, {
  path: ["due_at"],
  message: "can only be given for a full run",
}).refine((request) => !request.sync_job_id === !request.job_token, {
  path: ["job_token"],
  message: "must be given with sync_job_id, and only with it",
}).refine((request) => !request.confirm_removal || request.sync_job_id, {
  path: ["confirm_removal"],
  message: "can only be given for a job",
}).refine((request) => !request.tournament_no || !request.tournament_nos, {
  path: ["tournament_nos"],
  message: "cannot be given with tournament_no",
});
export type StartSyncRequest = z.infer<typeof StartSyncRequest>;

/** The 202 of a sync function: the run has started and works in the background. */
export const StartSyncResponse = z.object({
  execution_id: z.uuid(),
  status: z.literal("RUNNING"),
  started_at: z.string(),
  /** The time at which the reaper closes the run; null when its start could not be recorded. */
  deadline: z.string().nullable(),
});
export type StartSyncResponse = z.infer<typeof StartSyncResponse>;

/** A tournament with its gender and start, because a city can have several; these fields are null when the database no longer has it. */
export const NamedTournament = z.object({
  no: z.string(),
  name: z.string().nullable(),
  gender: z.enum(["MEN", "WOMEN", "MEN_AND_WOMEN", "MIXED"]).nullable(),
  start_date: z.string().nullable(),
});
export type NamedTournament = z.infer<typeof NamedTournament>;

/** The error response of every function. */
export const ErrorResponse = z.object({
  code: z.string(),
  message: z.string(),
  details: z.unknown().optional(),
});
export type ErrorResponse = z.infer<typeof ErrorResponse>;
