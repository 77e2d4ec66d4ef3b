import { capitalised } from "../format.ts";
import { type Indicator, INDICATORS, type Objective, OBJECTIVE_WINDOWS } from "../../../types/objectives.ts";

/** The meaning of each indicator in the form. */
export const INDICATOR_HELP: Record<Indicator, string> = {
  sync_success: "Each tournament of a full run is a result; it is good when its sync succeeded.",
  timeliness: "Each time at which a sync is due; it is good when a run starts within 15 minutes.",
  freshness: "Each minute of a tournament that plays; it is good while its matches are no older than the interval and the grace.",
  detection: "Each failed run and each run that did not start; it is good when the alert rules were evaluated within 5 minutes.",
  delivery: "Each notification; it is good when its channel received it within 5 minutes.",
};
export const INDICATOR_OPTIONS = Object.entries(INDICATORS).map(([name, { label }]) => [name, capitalised(label)] as const);
export const WINDOW_OPTIONS = OBJECTIVE_WINDOWS.map((name) => [name, name] as const);

const TARGET_RANGE = "50 to 99.99 %";
export const TARGET_HELP = `The share of good events, ${TARGET_RANGE}; the other events are the error budget.`;
/** Replaces the range in a message of the API, whose target is a share. */
export const targetRefusal = (message: string): string => message.startsWith("must be between") ? `must be ${TARGET_RANGE}` : message;

/** The fields of the form for an objective, as text; the defaults for a new objective. */
export const fieldsOf = (objective: Objective | null) => ({
  name: objective?.name ?? "",
  indicator: objective?.indicator ?? "sync_success" as Indicator,
  entity_type: objective?.entity_type ?? "all",
  target: objective ? String(Number((objective.target * 100).toFixed(6))) : "99",
  rolling_window: objective?.rolling_window ?? "28 days" as const,
  owner: objective?.owner ?? "",
  description: objective?.description ?? "",
});
export type Fields = ReturnType<typeof fieldsOf>;

/** A percentage of the form as a share; an invalid number stays a text, so that the server reports it with the other invalid fields. */
const shareIn = (text: string): number | string =>
  text.trim() === "" || Number.isNaN(Number(text)) ? text : Number((Number(text) / 100).toFixed(8));

/** The request body: all fields of a new objective, or the changed fields of a stored one. */
export function requestOf(fields: Fields, objective: Objective | null): Record<string, unknown> {
  const body = { ...fields, target: shareIn(fields.target) };
  if (!objective) return body;
  const before: Record<string, unknown> = requestOf(fieldsOf(objective), null);
  return Object.fromEntries(Object.entries(body).filter(([name, value]) => value !== before[name]));
}
