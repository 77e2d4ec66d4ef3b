import { z } from "zod";
import type { Clock } from "../../../services/clock.ts";
import { adviceOf } from "../../../services/error-table.ts";
import { AppError } from "../../../services/errors.ts";
import { describeIncident, nameIn } from "../../../services/incident-view.ts";
import type { Rpc } from "../../../services/rpc.ts";
import {
  type ErrorAnalyticsResponse,
  type ErrorListResponse,
  ExecutionDetailResponse,
  type ExecutionListResponse,
  type PerformanceHistoryResponse,
  Period,
  PERIODS,
  type SyncErrorRecord,
  type SyncStatisticsResponse,
  type TournamentDetailResponse,
  type TournamentListResponse,
} from "../../../types/history.ts";
import { moment } from "../../../types/moment.ts";
import { ERROR_TYPES, SEVERITIES, TERMINAL_STATUSES, TournamentNo } from "../../../types/sync.ts";
import { cursor, nextCursor } from "../../../types/cursor.ts";

const entity = z.string().regex(/^[a-z][a-z0-9_]{1,62}$/, "must be an entity type").optional();
const limit = z.coerce.number().int().min(1).max(200).default(50);
const flag = z.enum(["true", "false"]).optional();
const fingerprint = z.string().min(1).max(200).optional();
const errorCode = z.string().regex(/^[A-Z][A-Z0-9_]{1,49}$/, "must be an error code, such as VIS_UNAVAILABLE").optional();

export const PeriodQuery = z.strictObject({ period: Period.default("24h"), entity });
export const ErrorAnalyticsQuery = PeriodQuery.extend({
  type: z.enum(ERROR_TYPES).optional(),
  code: errorCode,
  severity: z.enum(SEVERITIES).optional(),
  fingerprint,
  resolved: flag,
});
export const ExecutionQuery = z.strictObject({
  entity,
  status: z.enum(["RUNNING", ...TERMINAL_STATUSES]).optional(),
  trigger: z.enum(["CRON", "MANUAL", "RETRY"]).optional(),
  tournament_no: TournamentNo.optional(),
  from: moment.optional(),
  to: moment.optional(),
  limit,
  cursor: cursor.optional(),
});
export const ErrorQuery = z.strictObject({
  entity,
  type: z.enum(ERROR_TYPES).optional(),
  code: errorCode,
  severity: z.enum(SEVERITIES).optional(),
  tournament_no: TournamentNo.optional(),
  fingerprint,
  resolved: flag,
  from: moment.optional(),
  to: moment.optional(),
  limit,
  cursor: cursor.optional(),
});
export const TournamentQuery = z.strictObject({
  search: z.string().trim().min(1).max(100).optional(),
  season: z.string().regex(/^\d{4}$/, "must be a year with four digits").optional(),
  failing: flag,
  limit,
  cursor: z.string().regex(/^\d{1,6}$/, "must be a next_cursor of this list").optional(),
});

type Query = z.infer<typeof PeriodQuery>;
const withPeriod = ({ period, entity }: Query) => ({ ...PERIODS[period], entity_type: entity });

/** An error with the advice for its code, when the database has none. */
const withAdvice = <T extends z.infer<typeof SyncErrorRecord>>(error: T): T => ({
  ...error,
  recovery_suggestion: error.recovery_suggestion ?? adviceOf(error.error_code),
});

/** Every bucket of a period, with the empty ones. @throws DatabaseError */
export async function readHistory(
  rpc: Rpc<"get_performance_history">,
  clock: Clock,
  query: Query,
): Promise<z.infer<typeof PerformanceHistoryResponse>> {
  const answer = await rpc("get_performance_history", { p: withPeriod(query), as_of: clock.asOf() });
  return { entity_type: query.entity ?? "all", period: query.period, ...answer };
}

/** The statistics of the runs of a period and of the period before it. @throws DatabaseError */
export async function readStatistics(
  rpc: Rpc<"get_sync_statistics">,
  clock: Clock,
  query: Query,
): Promise<z.infer<typeof SyncStatisticsResponse>> {
  const answer = await rpc("get_sync_statistics", {
    p: { span: PERIODS[query.period].span, entity_type: query.entity },
    as_of: clock.asOf(),
  });
  return { period: query.period, ...answer };
}

/** The errors of a period that match the filters, by class, code, severity, entity and tournament, and grouped by fingerprint. @throws DatabaseError */
export async function readErrorAnalytics(
  rpc: Rpc<"get_error_analytics">,
  clock: Clock,
  query: z.infer<typeof ErrorAnalyticsQuery>,
): Promise<z.infer<typeof ErrorAnalyticsResponse>> {
  const { type, code, severity, fingerprint, resolved } = query;
  const p = { ...withPeriod(query), error_type: type, error_code: code, severity, fingerprint, is_resolved: resolved };
  const answer = await rpc("get_error_analytics", { p, as_of: clock.asOf() });
  return { period: query.period, ...answer };
}

/** A page of runs, newest first. @throws DatabaseError */
export async function listExecutions(
  rpc: Rpc<"list_executions">,
  query: z.infer<typeof ExecutionQuery>,
): Promise<z.infer<typeof ExecutionListResponse>> {
  const { entity, cursor: after, ...filters } = query;
  const p = { ...filters, ...after, entity_type: entity, limit: query.limit + 1 };
  const found = await rpc("list_executions", { p });
  const executions = found.slice(0, query.limit), last = executions.at(-1);
  return { executions, next_cursor: found.length > query.limit && last ? nextCursor(last.execution_start, last.id) : null };
}

/** A page of errors, newest first. @throws DatabaseError */
export async function listErrors(rpc: Rpc<"list_errors">, query: z.infer<typeof ErrorQuery>): Promise<z.infer<typeof ErrorListResponse>> {
  const { entity, type, code, resolved, cursor: after, ...filters } = query;
  const p = {
    ...filters,
    ...after,
    entity_type: entity,
    error_type: type,
    error_code: code,
    is_resolved: resolved,
    limit: query.limit + 1,
  };
  const found = await rpc("list_errors", { p });
  const errors = found.slice(0, query.limit).map(withAdvice), last = errors.at(-1);
  return { errors, next_cursor: found.length > query.limit && last ? nextCursor(last.occurred_at, last.id) : null };
}

/** A page of tournaments, the failing ones first; the cursor is an offset, because each sync changes their order. @throws DatabaseError */
export async function listTournaments(
  rpc: Rpc<"list_tournament_states">,
  clock: Clock,
  query: z.infer<typeof TournamentQuery>,
): Promise<z.infer<typeof TournamentListResponse>> {
  const { cursor: after, limit, ...filters } = query;
  const offset = Number(after ?? 0);
  const found = await rpc("list_tournament_states", { p: { ...filters, offset, limit: limit + 1 }, as_of: clock.asOf() });
  return { tournaments: found.slice(0, limit), next_cursor: found.length > limit ? String(offset + limit) : null };
}

/** One run with its tournaments, errors, job and incidents, and the runs for comparison. @throws AppError NOT_FOUND */
export async function readExecution(rpc: Rpc<"get_execution">, clock: Clock, id: string): Promise<z.infer<typeof ExecutionDetailResponse>> {
  const found = await rpc("get_execution", { p: { id }, as_of: clock.asOf() });
  if (!found) throw new AppError("NOT_FOUND", `there is no execution ${id}`);
  const error_groups = found.error_groups.map((group) => ({ ...group, suggestion: group.suggestion ?? adviceOf(group.error_code) }));
  const { titles, incidents, errors, ...run } = found;
  const described = incidents.map((row) => describeIncident(row, nameIn(titles)));
  return { ...run, errors: errors.map(withAdvice), error_groups, incidents: ExecutionDetailResponse.shape.incidents.parse(described) };
}

/** One tournament with its history. @throws AppError NOT_FOUND */
export async function readTournament(
  rpc: Rpc<"get_tournament_state">,
  clock: Clock,
  no: string,
): Promise<z.infer<typeof TournamentDetailResponse>> {
  const found = await rpc("get_tournament_state", { p: { no }, as_of: clock.asOf() });
  if (!found) throw new AppError("NOT_FOUND", `there is no tournament ${no}`);
  return found;
}
