import type { Env } from "../../../services/env.ts";
import { VisClient } from "../../../services/VisClient.ts";
import { createSyncApp, type SyncAppDeps, visOptions } from "../_shared/sync-app.ts";
import type { FunctionApp } from "../_shared/app.ts";
import { syncTournaments } from "./sync.ts";

type Deps = SyncAppDeps & { env: Env; fetch?: typeof fetch };

export const createApp = (deps: Deps): FunctionApp =>
  createSyncApp("tournament-master-sync", "tournaments", deps, (run, request) => {
    const vis = new VisClient({
      options: visOptions(deps.env),
      rpc: run.rpc,
      clock: deps.clock,
      cpu: deps.cpu,
      metrics: run.metrics,
      shouldStop: () => run.shouldStop(),
      fetch: deps.fetch,
    });
    return syncTournaments(run, vis, request.confirm_removal ?? false);
  });
