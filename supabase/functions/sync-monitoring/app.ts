import { createRoute, z } from "@hono/zod-openapi";
import type { Clock } from "../../../services/clock.ts";
import { AlertDetailResponse, AlertListResponse } from "../../../types/alerts.ts";
import { SyncHealthResponse } from "../../../types/monitoring.ts";
import { ErrorResponse } from "../../../types/sync.ts";
import { type AppDeps, createFunctionApp, type FunctionApp, requireRole } from "../_shared/app.ts";
import { AlertQuery, listAlerts, readAlert } from "./alerts.ts";
import { readHealthOverview } from "./dashboard-service.ts";

const json = <T>(description: string, schema: T) => ({ description, content: { "application/json": { schema } } });
const refusals = {
  401: json("No token and no key", ErrorResponse),
  403: json("The token has no role", ErrorResponse),
  503: json("The database cannot be read", ErrorResponse),
};

const healthOverview = createRoute({
  method: "get",
  path: "/health-overview",
  middleware: requireRole("viewer"),
  responses: { 200: json("Every active entity with its status and why", SyncHealthResponse), ...refusals },
});

const alerts = createRoute({
  method: "get",
  path: "/alerts",
  middleware: requireRole("viewer"),
  request: { query: AlertQuery },
  responses: { 200: json("Incidents, newest first", AlertListResponse), 400: json("A bad filter, by name", ErrorResponse), ...refusals },
});

const alert = createRoute({
  method: "get",
  path: "/alerts/{id}",
  middleware: requireRole("viewer"),
  request: { params: z.object({ id: z.uuid() }) },
  responses: { 200: json("One incident with its story", AlertDetailResponse), 404: json("No such incident", ErrorResponse), ...refusals },
});

/** The reads; a read never writes. */
export function createApp(deps: AppDeps & { clock: Clock }): FunctionApp {
  const app = createFunctionApp("sync-monitoring", deps);
  app.openapi(healthOverview, async (c) => c.json(await readHealthOverview(deps.rpc, deps.clock), 200));
  app.openapi(alerts, async (c) => c.json(await listAlerts(deps.rpc, deps.clock, c.req.valid("query")), 200));
  app.openapi(alert, async (c) => c.json(await readAlert(deps.rpc, c.req.valid("param").id), 200));
  return app;
}
