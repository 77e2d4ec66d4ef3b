import { z } from "zod";
import type { Clock } from "../../../services/clock.ts";
import { type AppDeps, createFunctionApp, type FunctionApp, readBody, requireSecret } from "../_shared/app.ts";

const Wake = z.object({ cause: z.enum(["cron", "run_failed"]).default("cron") });

/** `POST /` closes runs whose worker died; cron calls it every minute and the database at once when a run fails. */
export function createApp(deps: AppDeps & { clock: Clock; waitUntil: (work: Promise<unknown>) => void }): FunctionApp {
  const app = createFunctionApp("sync-alert-processor", deps);
  app.post("/", requireSecret, async (c) => {
    const { cause } = await readBody(c.req.raw, Wake);
    const closing = deps.rpc("reap_sync_executions", { as_of: deps.clock.asOf() }, z.number()).then(
      (closed) => {
        if (closed > 0) deps.log("warn", "dead_runs_closed", { closed, cause });
      },
      (error: unknown) => deps.log("error", "reaping_failed", { message: String(error) }),
    );
    deps.waitUntil(closing);
    return c.json({ status: "ACCEPTED" }, 202);
  });
  return app;
}
