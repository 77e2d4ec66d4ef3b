import type { NotificationItem } from "./contract/alerts.ts";

/** The facts behind the value of an incident, by name; the metric determines the names. */
export type Evidence = Record<string, unknown>;

/** The fields from which the words of an incident are made; a message also has its kind. */
export type IncidentFacts =
  & Pick<NotificationItem, "metric" | "entity_type" | "tournament_no" | "message" | "evidence" | "resolved_at">
  & Partial<Pick<NotificationItem, "kind">>
  & { recovered_at?: string | null };

export const isObject = (value: unknown): value is Evidence => typeof value === "object" && value !== null && !Array.isArray(value);
export const isNumber = (value: unknown): value is number => typeof value === "number" && Number.isFinite(value);
export const isText = (value: unknown): value is string => typeof value === "string" && value.trim() !== "";
export const textsOf = (value: unknown): string[] => Array.isArray(value) ? value.filter(isText) : [];

/** Whether the incident has ended. */
export const hasEnded = ({ kind, resolved_at }: Pick<IncidentFacts, "kind" | "resolved_at">): boolean =>
  kind === "RESOLVED" || kind === "MISSED" || resolved_at !== null;

/** Whether the condition is no longer met: the incident has ended, or it is flapping and waits for a longer recovery. */
export const isPast = (incident: Pick<IncidentFacts, "kind" | "resolved_at" | "recovered_at">): boolean =>
  hasEnded(incident) || Boolean(incident.recovered_at);

/** The evidence that explains an incident: of its newest breach while the condition is met, and of its worst value afterwards. */
export function explainingEvidence(incident: Pick<IncidentFacts, "kind" | "resolved_at" | "recovered_at" | "evidence">): Evidence {
  const { at_peak, ...newest } = incident.evidence;
  return isPast(incident) && isObject(at_peak) ? { ...at_peak, peak: newest.peak } : newest;
}

/** The time at which the worst value was measured; null when it is unknown. */
export const peakTimeOf = ({ at_peak }: Evidence): string | null => isObject(at_peak) && isText(at_peak.at) ? at_peak.at : null;
