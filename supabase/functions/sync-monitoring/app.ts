import { createRoute, z } from "@hono/zod-openapi";
import type { Context } from "hono";
import type { Clock } from "../../../services/clock.ts";
import type { Env } from "../../../services/env.ts";
import { AppError } from "../../../services/errors.ts";
import { isToken } from "../../../services/tokens.ts";
import { AlertDetailResponse, AlertListResponse } from "../../../types/alerts.ts";
import {
  ErrorAnalyticsResponse,
  ErrorListResponse,
  ExecutionDetailResponse,
  ExecutionListResponse,
  MetricsResponse,
  PerformanceHistoryResponse,
  SyncStatisticsResponse,
  SystemStatusResponse,
  TournamentDetailResponse,
  TournamentListResponse,
} from "../../../types/history.ts";
import { SyncHealthResponse } from "../../../types/monitoring.ts";
import { ObjectiveDetailResponse, ObjectiveListResponse } from "../../../types/objectives.ts";
import { SearchQuery, SearchResponse } from "../../../types/search.ts";
import { TournamentNo } from "../../../types/sync.ts";
import { AlertQualityResponse, RuleSuggestionResponse } from "../../../types/alert-quality.ts";
import { WeeklyReportResponse } from "../../../types/weekly-report.ts";
import { type AppDeps, type AppVariables, createFunctionApp, type FunctionApp, refuseQuery, requireRole } from "../_shared/app.ts";
import { AlertQuery, listAlerts, readAlert } from "./alerts.ts";
import { badge } from "./badge.ts";
import { readHealthOverview } from "./dashboard-service.ts";
import { readerOf } from "./etag.ts";
import {
  ErrorAnalyticsQuery,
  ErrorQuery,
  ExecutionQuery,
  listErrors,
  listExecutions,
  listTournaments,
  PeriodQuery,
  readErrorAnalytics,
  readExecution,
  readHistory,
  readStatistics,
  readTournament,
  TournamentQuery,
} from "./history.ts";
import { readMetrics } from "./metrics.ts";
import { listObjectives, readObjective } from "./objectives.ts";
import { openApiDocument } from "./openapi.ts";
import { HEADERS, IF_NONE_MATCH, NOT_MODIFIED, operation, READ_HEADERS, refusals } from "./openapi-components.ts";
import { scrape } from "./prometheus.ts";
import { search } from "./search.ts";
import { readSystemStatus } from "./system-status.ts";
import { AlertQualityQuery, readAlertQuality, suggestChange } from "./alert-quality.ts";
import { readWeeklyReport } from "./weekly-report.ts";

const json = <T extends z.ZodType>(description: string, schema: T, headers: Record<string, { $ref: string }> = READ_HEADERS) => ({
  description,
  headers,
  content: { "application/json": { schema } },
});
const NoQuery = z.strictObject({});
const WithId = z.object({ id: z.uuid() });

/** A read with a query, for viewers and up. */
const read = <P extends string, Q extends z.ZodObject, R extends z.ZodType>(
  operationId: string,
  path: P,
  summary: string,
  query: Q,
  response: R,
) =>
  createRoute({
    method: "get",
    path,
    middleware: requireRole("viewer"),
    ...operation(operationId, path, "viewer", summary),
    parameters: [IF_NONE_MATCH],
    request: { query },
    responses: { 200: json(summary, response), 304: NOT_MODIFIED, ...refusals() },
  });

/** A read of one object by the key in its path, for viewers and up. */
const readOne = <P extends string, K extends z.ZodObject, R extends z.ZodType>(
  operationId: string,
  path: P,
  summary: string,
  params: K,
  response: R,
) =>
  createRoute({
    method: "get",
    path,
    middleware: requireRole("viewer"),
    ...operation(operationId, path, "viewer", summary),
    parameters: [IF_NONE_MATCH],
    request: { params, query: NoQuery },
    responses: { 200: json(summary, response), 304: NOT_MODIFIED, ...refusals(404) },
  });

/** The route of a suggested change; each request replays the rule, so the answer has no ETag. */
const suggestRuleChange = createRoute({
  method: "get",
  path: "/alert-quality/{id}",
  middleware: requireRole("viewer"),
  ...operation("suggestRuleChange", "/alert-quality/{id}", "viewer", "A threshold that would have spared incidents of the rule"),
  request: { params: WithId, query: AlertQualityQuery },
  responses: {
    200: json("A threshold, or the reason for none", RuleSuggestionResponse, HEADERS),
    ...refusals(404),
  },
});

/** The app of the reads; a read never writes. */
export function createApp({ rpc, log, access, clock, env }: AppDeps & { clock: Clock; env: Env }): FunctionApp {
  const app = createFunctionApp("sync-monitoring", { rpc, log, access });
  const reader = (c: Context<AppVariables>) => readerOf(c, rpc, clock);

  app.openapi(
    read(
      "getHealthOverview",
      "/health-overview",
      "Every active entity with its status and the reasons for it",
      NoQuery,
      SyncHealthResponse,
    ),
    async (c) => c.json(await readHealthOverview(reader(c), clock), 200),
  );
  app.openapi(
    read(
      "getPerformanceHistory",
      "/performance-history",
      "The buckets of a period, evenly spaced, and its totals",
      PeriodQuery,
      PerformanceHistoryResponse,
    ),
    async (c) => c.json(await readHistory(reader(c), clock, c.req.valid("query")), 200),
  );
  app.openapi(
    read(
      "getSyncStatistics",
      "/sync-statistics",
      "Counts, rates, durations and throughput, with the period before",
      PeriodQuery,
      SyncStatisticsResponse,
    ),
    async (c) => c.json(await readStatistics(reader(c), clock, c.req.valid("query")), 200),
  );
  app.openapi(
    read(
      "getErrorAnalytics",
      "/error-analytics",
      "The error counts of a period, and its groups by fingerprint",
      ErrorAnalyticsQuery,
      ErrorAnalyticsResponse,
    ),
    async (c) => c.json(await readErrorAnalytics(reader(c), clock, c.req.valid("query")), 200),
  );
  app.openapi(
    read("listErrors", "/errors", "Errors, newest first", ErrorQuery, ErrorListResponse),
    async (c) => c.json(await listErrors(reader(c), c.req.valid("query")), 200),
  );
  app.openapi(
    read("listExecutions", "/executions", "Runs, newest first", ExecutionQuery, ExecutionListResponse),
    async (c) => c.json(await listExecutions(reader(c), c.req.valid("query")), 200),
  );
  app.openapi(
    readOne(
      "getExecution",
      "/executions/{id}",
      "One run with its tournaments, omissions, errors, call, job and incidents, and the usual run",
      WithId,
      ExecutionDetailResponse,
    ),
    async (c) => c.json(await readExecution(reader(c), clock, c.req.valid("param").id), 200),
  );
  app.openapi(
    read("listTournaments", "/tournaments", "The synced tournaments, the failing ones first", TournamentQuery, TournamentListResponse),
    async (c) => c.json(await listTournaments(reader(c), clock, c.req.valid("query")), 200),
  );
  app.openapi(
    readOne(
      "getTournament",
      "/tournaments/{no}",
      "One tournament with its last 100 results",
      z.object({ no: TournamentNo }),
      TournamentDetailResponse,
    ),
    async (c) => c.json(await readTournament(reader(c), clock, c.req.valid("param").no), 200),
  );
  app.openapi(
    read("listAlerts", "/alerts", "Incidents, newest first, and the mean times of the last 30 days", AlertQuery, AlertListResponse),
    async (c) => c.json(await listAlerts(reader(c), clock, c.req.valid("query")), 200),
  );
  app.openapi(
    readOne("getAlert", "/alerts/{id}", "One incident with its timeline and notifications", WithId, AlertDetailResponse),
    async (c) => c.json(await readAlert(reader(c), clock, c.req.valid("param").id), 200),
  );
  app.openapi(
    read("listObjectives", "/objectives", "Each objective with its error budget and its causes", NoQuery, ObjectiveListResponse),
    async (c) => c.json(await listObjectives(reader(c), clock), 200),
  );
  app.openapi(
    readOne(
      "getObjective",
      "/objectives/{id}",
      "One objective with the course of its budget, its causes, rules and incidents",
      WithId,
      ObjectiveDetailResponse,
    ),
    async (c) => c.json(await readObjective(reader(c), clock, c.req.valid("param").id), 200),
  );
  app.openapi(
    read(
      "getAlertQuality",
      "/alert-quality",
      "The incidents and messages of each rule in a period, and how useful they were",
      AlertQualityQuery,
      AlertQualityResponse,
    ),
    async (c) => c.json(await readAlertQuality(reader(c), clock, c.req.valid("query")), 200),
  );
  app.openapi(
    suggestRuleChange,
    async (c) => c.json(await suggestChange(rpc, clock, c.req.valid("param").id, c.req.valid("query")), 200),
  );
  app.openapi(
    read(
      "getWeeklyReport",
      "/weekly-report",
      "The report of the last whole week, with the text that people receive",
      NoQuery,
      WeeklyReportResponse,
    ),
    async (c) => c.json(await readWeeklyReport(reader(c), clock, env), 200),
  );
  app.openapi(
    read("getMetrics", "/metrics", "The monitoring and performance metrics of the last 24 hours", NoQuery, MetricsResponse),
    async (c) => c.json(await readMetrics(reader(c), clock), 200),
  );
  app.openapi(
    read("getSystemStatus", "/system-status", "Each component with its status and evidence", NoQuery, SystemStatusResponse),
    async (c) => c.json(await readSystemStatus(reader(c), clock), 200),
  );
  app.openapi(
    read(
      "search",
      "/search",
      "The objects with a name, number or id, and the incidents with a cause, that match a text",
      SearchQuery,
      SearchResponse,
    ),
    async (c) => c.json(await search(reader(c), c.req.valid("query")), 200),
  );
  let document: ReturnType<typeof openApiDocument> | undefined;
  app.get("/openapi.json", ...requireRole("viewer"), refuseQuery, (c) => c.json(document ??= openApiDocument(app)));
  app.get("/prometheus", async (c) => {
    const given = /^Bearer (\S+)$/.exec(c.req.header("authorization") ?? "")?.[1];
    if (!env.PROMETHEUS_TOKEN || !isToken(given, env.PROMETHEUS_TOKEN)) {
      throw new AppError("UNAUTHORIZED", "send PROMETHEUS_TOKEN as the bearer token");
    }
    return c.text(await scrape(rpc, clock), 200, { "content-type": "text/plain; version=0.0.4; charset=utf-8" });
  });
  app.get("/badge/:badge", async (c) => {
    if (!env.BADGE_TOKEN || !isToken(c.req.query("token"), env.BADGE_TOKEN)) {
      throw new AppError("UNAUTHORIZED", "send BADGE_TOKEN as ?token=");
    }
    const entity = /^([a-z][a-z0-9_]{1,62})\.svg$/.exec(c.req.param("badge"))?.[1] ?? "";
    const overview = await readHealthOverview(rpc, clock);
    const status = entity === "all" ? overview.overall_status : overview.sync_entities[entity]?.status;
    if (!status) throw new AppError("ENTITY_UNKNOWN", `there is no badge ${c.req.param("badge")}`);
    return c.body(badge(entity, status), 200, { "content-type": "image/svg+xml", "cache-control": "max-age=60" });
  });
  return app;
}
