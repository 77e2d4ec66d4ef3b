import { createRoute } from "@hono/zod-openapi";
import type { Clock } from "../../../services/clock.ts";
import { SyncHealthResponse } from "../../../types/monitoring.ts";
import { ErrorResponse } from "../../../types/sync.ts";
import { type AppDeps, createFunctionApp, type FunctionApp, requireRole } from "../_shared/app.ts";
import { readHealthOverview } from "./dashboard-service.ts";

const json = <T>(description: string, schema: T) => ({ description, content: { "application/json": { schema } } });

const healthOverview = createRoute({
  method: "get",
  path: "/health-overview",
  middleware: requireRole("viewer"),
  responses: {
    200: json("Every active entity with its status and why", SyncHealthResponse),
    401: json("No token and no key", ErrorResponse),
    403: json("The token has no role", ErrorResponse),
    503: json("The database cannot be read", ErrorResponse),
  },
});

/** The reads; a read never writes. */
export function createApp(deps: AppDeps & { clock: Clock }): FunctionApp {
  const app = createFunctionApp("sync-monitoring", deps);
  app.openapi(healthOverview, async (c) => c.json(await readHealthOverview(deps.rpc, deps.clock), 200));
  return app;
}
