import type { Env } from "../../../services/env.ts";
import { createSyncApp, createVisClient, type SyncAppDeps } from "../_shared/sync-app.ts";
import type { FunctionApp } from "../_shared/app.ts";
import { syncTournaments } from "./sync.ts";

type Deps = SyncAppDeps & { env: Env; fetch?: typeof fetch };

export const createApp = (deps: Deps): FunctionApp =>
  createSyncApp("tournament-master-sync", "tournaments", deps, (run, request) => {
    return syncTournaments(run, createVisClient(run, deps), request.confirm_removal ?? false);
  });
