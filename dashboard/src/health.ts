import type { EntityHealthStatus, HealthStatus } from "../../types/monitoring.ts";

export type Health = HealthStatus | "UNKNOWN";

/** The values of the health of a sync or of a component, the worst first. */
export const HEALTH: readonly Health[] = ["CRITICAL", "WARNING", "UNKNOWN", "HEALTHY"];

/** The order of two healths, the worst first. */
export const byHealth = (one: Health, other: Health): number => HEALTH.indexOf(one) - HEALTH.indexOf(other);

/** Whether a sync or a component with this health needs a person now. */
export const isInTrouble = (health: Health): boolean => HEALTH.indexOf(health) < 2;

/** The health of a sync in every view: the health of its runs, but a warning for healthy runs while its schedule does not work. */
export const healthOfSync = ({ status }: Pick<EntityHealthStatus, "status">, ofSchedule: Health = "HEALTHY"): Health =>
  status === "HEALTHY" && isInTrouble(ofSchedule) ? "WARNING" : status;
