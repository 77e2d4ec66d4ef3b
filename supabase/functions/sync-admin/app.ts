import { createFunctionApp, type FunctionApp } from "../_shared/app.ts";
import type { AdminDeps } from "./acts.ts";
import { addAlertRoutes } from "./alert-routes.ts";
import { sealAudit } from "./audit-logger.ts";
import { addAuditRoutes } from "./audit-routes.ts";
import { addJobRoutes } from "./job-routes.ts";
import { addObjectiveRoutes } from "./objective-routes.ts";
import { addSettingsRoutes } from "./settings-routes.ts";
import { addPeopleRoutes } from "./people-routes.ts";
import { addSetupRoutes } from "./setup-routes.ts";

/** The routes for the acts of people; each change writes its audit row in its transaction, and the row is sealed after the response. */
export function createApp(deps: AdminDeps): FunctionApp {
  const app = createFunctionApp("sync-admin", deps);
  app.use("*", async (c, next) => {
    await next();
    if (c.req.method === "GET" || c.req.method === "OPTIONS" || !c.res.ok) return;
    const sealing = sealAudit(deps.rpc, deps.env.AUDIT_KEY, deps.log, deps.clock);
    deps.waitUntil(sealing.catch((error: unknown) => deps.log("error", "audit_not_sealed", { message: String(error) })));
  });
  addAlertRoutes(app, deps);
  addJobRoutes(app, deps);
  addAuditRoutes(app, deps);
  addObjectiveRoutes(app, deps);
  addSettingsRoutes(app, deps);
  addPeopleRoutes(app, deps);
  addSetupRoutes(app, deps);
  return app;
}
