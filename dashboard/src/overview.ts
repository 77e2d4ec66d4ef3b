import { SyncHealthResponse } from "../../types/monitoring.ts";
import { useRead } from "./queries.ts";

/** Reads the health overview, which the navigation of every view shows; live while a sync runs or an incident fires. */
export const useOverview = () =>
  useRead("sync-monitoring/health-overview", SyncHealthResponse, {
    isLive: ({ active_alerts, sync_entities }) =>
      active_alerts.length > 0 ||
      Object.values(sync_entities).some((entity) => entity.running),
  });
