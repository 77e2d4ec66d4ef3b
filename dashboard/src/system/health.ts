import type { SystemStatusResponse } from "../../../types/history.ts";
import type { EntityHealthStatus } from "../../../types/monitoring.ts";
import { type Health, healthOfSync } from "../health.ts";

export type Component = SystemStatusResponse["components"][number];

const OF_STATE: Record<Component["status"], Health> = { FAILED: "CRITICAL", DEGRADED: "WARNING", UNKNOWN: "UNKNOWN", OK: "HEALTHY" };

/** The health of a component. The API accepts a few failed runs, but nobody should read a mark of success beside them. */
export function healthOf({ kind, name, status, message }: Component, syncs: Record<string, Pick<EntityHealthStatus, "status">>): Health {
  const sync = kind === "schedule" ? syncs[name] : undefined;
  if (sync) return healthOfSync(sync, OF_STATE[status]);
  return status === "OK" && kind === "runs" && /^\d+ of \d+ /.test(message) ? "WARNING" : OF_STATE[status];
}
