import type { StoredIncident } from "../services/incident-state.ts";
import type { NotificationKind } from "../types/alerts.ts";
import type { Severity } from "../types/sync.ts";

/** An incident with the id of its parent. */
export interface Incident extends StoredIncident {
  parent_id: string | null;
}

/** A state in the outbox of a destination. */
export interface Queued {
  id: string;
  seq: number;
  incident_id: string;
  channel: string;
  recipient: string;
  kind: NotificationKind;
  severity: Severity;
  cause: string | null;
  status: "PENDING" | "SENDING" | "SENT" | "DEAD" | "SUPERSEDED";
}

/** The full runs of an entity that an incident reports. */
export interface Coverage {
  incident_id: string;
  entity_type: string;
  first_run_at: string;
  last_run_at: string;
}

/** The incidents, their outbox and the runs that they cover, at one time. */
export interface Snapshot {
  incidents: Incident[];
  rows: Queued[];
  coverage: Coverage[];
}

export const isLive = ({ state }: Incident): boolean => state !== "RESOLVED";
export const isNotified = ({ state }: Incident): boolean => state === "FIRING" || state === "ACKNOWLEDGED";
interface Scoped {
  rule_id: string | null;
  entity_type: string;
  tournament_no: string | null;
}
export const scopeKey = ({ rule_id, entity_type, tournament_no }: Scoped): string => `${rule_id} ${entity_type} ${tournament_no ?? ""}`;
export const destinationKey = ({ channel, recipient }: { channel: string; recipient: string }): string => `${channel} ${recipient}`;

/** The newest state that was queued for each destination of an incident. */
export function newestStates(rows: readonly Queued[], incident_id: string): Map<string, Queued> {
  const newest = new Map<string, Queued>();
  for (const row of rows) if (row.incident_id === incident_id) newest.set(destinationKey(row), row);
  return newest;
}
