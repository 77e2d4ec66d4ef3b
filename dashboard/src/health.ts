import type { SystemStatusResponse } from "../../types/history.ts";
import type { EntityHealthStatus, HealthStatus } from "../../types/monitoring.ts";

export type Component = SystemStatusResponse["components"][number];
export type Health = HealthStatus | "UNKNOWN";
type Sync = Pick<EntityHealthStatus, "status">;

/** The health of a sync or of another component, the worst first. */
export const HEALTH: readonly Health[] = ["CRITICAL", "WARNING", "UNKNOWN", "HEALTHY"];
const OF_STATE: Record<Component["status"], Health> = { FAILED: "CRITICAL", DEGRADED: "WARNING", UNKNOWN: "UNKNOWN", OK: "HEALTHY" };

/** Whether a person should look at it now. */
export const isInTrouble = (health: Health): boolean => health === "CRITICAL" || health === "WARNING";

/** The health of a sync in every view: that of its runs, or a warning where its schedule does not work before a run is overdue. */
export function healthOfSync(sync: Sync | undefined, schedule?: Component): Health {
  const ofSchedule = OF_STATE[schedule?.status ?? "OK"];
  if (!sync) return ofSchedule;
  return sync.status === "HEALTHY" && isInTrouble(ofSchedule) ? "WARNING" : sync.status;
}

/** The health of a component. The API accepts a few failed runs, but nobody should read a mark of success beside them. */
export function healthOf(component: Component, syncs: Record<string, Sync>): Health {
  const { kind, name, status, message } = component;
  if (kind === "schedule") return healthOfSync(syncs[name], component);
  return status === "OK" && kind === "runs" && /^\d+ of \d+ /.test(message) ? "WARNING" : OF_STATE[status];
}
