import { syncMatches } from "../../../services/match-sync.ts";
import type { Env } from "../../../services/env.ts";
import type { FunctionApp } from "../_shared/app.ts";
import { createSyncApp, createVisClient, type SyncAppDeps } from "../_shared/sync-app.ts";

export type Deps = SyncAppDeps & { env: Env; fetch?: typeof fetch };

export const createApp = (deps: Deps): FunctionApp =>
  createSyncApp("match-schedule-sync", "matches_schedule", deps, (run, request) => {
    const { trigger, confirm_removal: isConfirmed = false } = request;
    const options = { concurrency: deps.env.SYNC_CONCURRENCY, ignoreTtl: trigger !== "CRON", isLive: false, isConfirmed };
    return syncMatches(run, createVisClient(run, deps), options);
  });
