import { z } from "zod";
import type { Clock } from "../../../services/clock.ts";
import { type AppDeps, createFunctionApp, type FunctionApp, readBody, requireSecret } from "../_shared/app.ts";
import { postAlerts } from "./alertmanager-posts.ts";
import { evaluateRules } from "./alert-processor.ts";
import { type Channels, deliverDue } from "./notification-service.ts";
import { deliverReports } from "./weekly-reports.ts";

const ProcessRequest = z.object({ cause: z.enum(["cron", "run_ended", "resend"]).default("cron") });
type Deps = AppDeps & {
  clock: Clock;
  channels: Channels;
  heartbeat: () => Promise<void>;
  waitUntil: (work: Promise<unknown>) => void;
};

/**
 * `POST /` closes the runs of dead workers, evaluates all rules and delivers the due notifications and weekly reports. pg_cron calls it
 * each minute, and the database calls it after a failed run.
 */
export function createApp(deps: Deps): FunctionApp {
  const app = createFunctionApp("sync-alert-processor", deps);
  app.post("/", requireSecret, async (c) => {
    const { cause } = await readBody(c.req.raw, ProcessRequest);
    const work = processAlerts(deps, cause);
    // The response does not wait for the work, because pg_net ends a request after five seconds.
    deps.waitUntil(work.catch((error: unknown) => deps.log("error", "processing_failed", { cause, message: String(error) })));
    return c.json({ status: "ACCEPTED" }, 202);
  });
  return app;
}

async function processAlerts({ rpc, clock, log, channels, heartbeat }: Deps, cause: string): Promise<void> {
  const closed = await rpc("reap_sync_executions", { as_of: clock.asOf() });
  if (closed > 0) log("warn", "dead_runs_closed", { closed, cause });
  // A failed evaluation does not stop the delivery of due notifications.
  const isEvaluated = await evaluateRules(rpc, clock, log, cause).then(() => true, (error: unknown) => {
    log("error", "evaluation_failed", { cause, message: String(error) });
    return false;
  });
  // A slow Alertmanager delays no notification.
  const posts = postAlerts(rpc, clock, log, channels).catch((error: unknown) => {
    log("error", "alerts_not_posted", { cause, message: String(error) });
  });
  await deliverDue(rpc, clock, log, channels);
  await posts;
  if (isEvaluated) await heartbeat();
  // Reports are sent last, so that they cannot delay an alert.
  await deliverReports(rpc, clock, log, channels);
}
