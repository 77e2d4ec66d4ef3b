import type { SystemStatusResponse } from "../../types/history.ts";
import type { EntityHealthStatus, HealthStatus } from "../../types/monitoring.ts";

export type Component = SystemStatusResponse["components"][number];
export type Health = HealthStatus | "UNKNOWN";
type Sync = Pick<EntityHealthStatus, "status">;

/** The values of the health of a component, the worst first. */
export const HEALTH: readonly Health[] = ["CRITICAL", "WARNING", "UNKNOWN", "HEALTHY"];
const OF_STATE: Record<Component["status"], Health> = { FAILED: "CRITICAL", DEGRADED: "WARNING", UNKNOWN: "UNKNOWN", OK: "HEALTHY" };

/** Whether a component with this health needs a person now. */
export const isInTrouble = (health: Health): boolean => health === "CRITICAL" || health === "WARNING";

/** The health of a sync in every view: the health of its runs, but a warning for healthy runs while its schedule does not work. */
export function healthOfSync(sync: Sync | undefined, schedule?: Component): Health {
  const ofSchedule = OF_STATE[schedule?.status ?? "OK"];
  if (!sync) return ofSchedule;
  return sync.status === "HEALTHY" && isInTrouble(ofSchedule) ? "WARNING" : sync.status;
}

/** The health of a component. The API has the status OK for a few failed runs, and the page shows them as a warning. */
export function healthOf(component: Component, syncs: Record<string, Sync>): Health {
  const { kind, name, status, message } = component;
  if (kind === "schedule") return healthOfSync(syncs[name], component);
  return status === "OK" && kind === "runs" && /^\d+ of \d+ /.test(message) ? "WARNING" : OF_STATE[status];
}
