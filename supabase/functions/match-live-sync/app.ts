import { syncMatches } from "../../../services/match-sync.ts";
import type { Env } from "../../../services/env.ts";
import type { FunctionApp } from "../_shared/app.ts";
import { createSyncApp, createVisClient, type SyncAppDeps } from "../_shared/sync-app.ts";

type Deps = SyncAppDeps & { env: Env; fetch?: typeof fetch };

export const createApp = (deps: Deps): FunctionApp =>
  createSyncApp("match-live-sync", "matches_live", deps, (run, { confirm_removal: isConfirmed = false }) => {
    const options = { concurrency: deps.env.SYNC_CONCURRENCY, ignoreTtl: true, isLive: true, isConfirmed };
    return syncMatches(run, createVisClient(run, deps), options);
  });
