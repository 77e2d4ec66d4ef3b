import type { Env } from "../../../services/env.ts";
import { VisClient } from "../../../services/VisClient.ts";
import type { FunctionApp } from "../_shared/app.ts";
import { createSyncApp, type SyncAppDeps, visOptions } from "../_shared/sync-app.ts";
import { syncMatches } from "./sync.ts";

export type Deps = SyncAppDeps & { env: Env; fetch?: typeof fetch };

export const createApp = (deps: Deps): FunctionApp =>
  createSyncApp("match-schedule-sync", "matches_schedule", deps, (run, request) => {
    const vis = new VisClient({
      options: visOptions(deps.env),
      rpc: run.rpc,
      clock: deps.clock,
      cpu: deps.cpu,
      metrics: run.metrics,
      shouldStop: () => run.shouldStop(),
      fetch: deps.fetch,
    });
    const { trigger, confirm_removal: isConfirmed = false } = request;
    return syncMatches(run, vis, { concurrency: deps.env.SYNC_CONCURRENCY, ignoreTtl: trigger !== "CRON", isConfirmed });
  });
