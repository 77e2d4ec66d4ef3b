import type { EntityHealthStatus, HealthStatus } from "../../types/monitoring.ts";

export type Health = HealthStatus | "UNKNOWN";

/** The health of a sync or of a component of the system, the worst first. */
export const HEALTH: readonly Health[] = ["CRITICAL", "WARNING", "UNKNOWN", "HEALTHY"];

/** The order of two healths, the worst first. */
export const byHealth = (one: Health, other: Health): number => HEALTH.indexOf(one) - HEALTH.indexOf(other);

/** Whether a person should look at it now. */
export const isInTrouble = (health: Health): boolean => HEALTH.indexOf(health) < 2;

/** The health of a sync in every view: that of its runs, or a warning where its schedule does not work before a run is overdue. */
export const healthOfSync = ({ status }: Pick<EntityHealthStatus, "status">, ofSchedule: Health = "HEALTHY"): Health =>
  status === "HEALTHY" && isInTrouble(ofSchedule) ? "WARNING" : status;
