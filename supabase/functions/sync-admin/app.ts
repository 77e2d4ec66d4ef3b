import { createFunctionApp, type FunctionApp } from "../_shared/app.ts";
import type { AdminDeps } from "./acts.ts";
import { addAlertRoutes } from "./alert-routes.ts";
import { sealAudit } from "./audit-logger.ts";
import { addAuditRoutes } from "./audit-routes.ts";
import { addJobRoutes } from "./job-routes.ts";

/** What people do, and what it is done to; every change is audited in the transaction that makes it, and sealed right after. */
export function createApp(deps: AdminDeps): FunctionApp {
  const app = createFunctionApp("sync-admin", deps);
  app.use("*", async (c, next) => {
    await next();
    if (c.req.method === "GET" || c.req.method === "OPTIONS" || !c.res.ok) return;
    const sealing = sealAudit(deps.rpc, deps.env.AUDIT_KEY, deps.log);
    deps.waitUntil(sealing.catch((error: unknown) => deps.log("error", "audit_not_sealed", { message: String(error) })));
  });
  addAlertRoutes(app, deps);
  addJobRoutes(app, deps);
  addAuditRoutes(app, deps);
  return app;
}
