import type { Objective } from "../../types/objectives.ts";
import { ALERT_METRICS, type AlertMetric, type AlertRule, SYSTEM_METRICS, TOURNAMENT_METRICS } from "../../types/alerts.ts";

/** Whether the metric is a ratio, which the form shows as a percentage. */
export const isShare = (metric: AlertMetric): boolean => ALERT_METRICS[metric].unit === "ratio";
/** A value in a field of the form. */
export const shown = (value: number | null | undefined, metric: AlertMetric): string =>
  value === null || value === undefined ? "" : String(isShare(metric) ? Number((value * 100).toFixed(6)) : value);
const DEFAULT_METRIC: AlertMetric = "consecutive_failures";

/** The fields of the form for a rule, as text; the defaults for a new rule. */
export const fieldsOf = (rule: AlertRule | null) => ({
  name: rule?.name ?? "",
  description: rule?.description ?? "",
  entity_type: rule?.entity_type ?? "all",
  scope: rule?.scope ?? "ENTITY",
  lowest_priority: rule?.lowest_priority ?? "" as const,
  metric: rule?.metric ?? DEFAULT_METRIC,
  threshold: rule ? shown(rule.threshold, rule.metric) : "3",
  recovery_threshold: rule ? shown(rule.recovery_threshold, rule.metric) : "",
  evaluation_window: rule?.evaluation_window ?? "1 hour",
  for_duration: rule?.for_duration ?? "0 seconds",
  minimum_runs: String(rule?.minimum_runs ?? 1),
  no_data: rule?.no_data ?? "KEEP",
  error_type: rule?.error_type ?? "",
  objective_id: rule?.objective_id ?? "",
  severity: rule?.severity ?? "MEDIUM",
  notification_channels: rule?.notification_channels ?? ["dashboard"],
  repeat_interval: rule?.repeat_interval ?? "4 hours",
  escalation_delay: rule?.escalation_delay ?? "",
  escalation_channels: rule?.escalation_channels ?? [],
  runbook_url: rule?.runbook_url ?? "",
  is_active: rule?.is_active ?? true,
});
export type Fields = ReturnType<typeof fieldsOf>;

/** The syncs for which a rule can be: the monitoring for its own metrics, and one sync for a rule about tournaments. */
export function entityChoices({ metric, scope }: Pick<Fields, "metric" | "scope">, entities: string[]): string[] {
  if (SYSTEM_METRICS.includes(metric)) return ["system"];
  return scope === "TOURNAMENT" ? entities : ["all", ...entities];
}

/** The scopes that a metric allows. */
export function scopeChoices(metric: AlertMetric): Fields["scope"][] {
  if (metric === "tournament_staleness") return ["TOURNAMENT"];
  return TOURNAMENT_METRICS.includes(metric) ? ["ENTITY", "TOURNAMENT"] : ["ENTITY"];
}

/**
 * The fields after a change: a sync or a scope that the metric does not allow is replaced by an allowed one, and a burn-rate rule has the
 * sync of its objective.
 */
export function settle(fields: Fields, entities: string[], objectives: Pick<Objective, "id" | "entity_type">[] = []): Fields {
  const objective = fields.metric === "burn_rate" ? objectives.find(({ id }) => id === fields.objective_id) ?? objectives[0] : undefined;
  const scopes = scopeChoices(fields.metric);
  const scope = scopes.includes(fields.scope) ? fields.scope : scopes[0] ?? fields.scope;
  const choices = entityChoices({ ...fields, scope }, entities);
  const entity_type = choices.includes(fields.entity_type) ? fields.entity_type : choices[0] ?? fields.entity_type;
  return {
    ...fields,
    scope,
    entity_type: objective?.entity_type ?? entity_type,
    objective_id: objective?.id ?? (fields.metric === "burn_rate" ? fields.objective_id : ""),
    error_type: fields.metric === "error_rate" ? fields.error_type : "",
  };
}

// An invalid number is sent as text, so that the server reports it together with the other invalid fields.
const numeric = (text: string): number | string | null => text.trim() === "" ? null : Number.isNaN(Number(text)) ? text : Number(text);
/** A threshold of the form in the unit of the server. */
export function thresholdIn(text: string, metric: AlertMetric): number | string | null {
  const value = numeric(text);
  return typeof value === "number" && isShare(metric) ? Number((value / 100).toFixed(8)) : value;
}

/** The request body: all fields of a new rule, or the changed fields of a stored rule with the metric, which the checks need. */
export function requestOf(
  fields: Fields,
  rule: AlertRule | null,
): Record<string, unknown> {
  const body: Record<string, unknown> = {
    ...fields,
    threshold: thresholdIn(fields.threshold, fields.metric),
    recovery_threshold: thresholdIn(fields.recovery_threshold, fields.metric),
    minimum_runs: numeric(fields.minimum_runs),
    // Only a rule about tournaments has a priority.
    lowest_priority: fields.scope === "TOURNAMENT" ? fields.lowest_priority || null : null,
    error_type: fields.error_type || null,
    objective_id: fields.objective_id || null,
    escalation_delay: fields.escalation_delay.trim() || null,
    escalation_channels: fields.escalation_channels.filter((step) => step.length),
    runbook_url: fields.runbook_url.trim() || null,
  };
  if (!rule) return body;
  const before = requestOf(fieldsOf(rule), null);
  const changes = Object.entries(body).filter(([name, value]) => JSON.stringify(value) !== JSON.stringify(before[name]));
  const needsMetric = changes.some(([name]) => ["threshold", "recovery_threshold", "error_type", "scope", "objective_id"].includes(name));
  return {
    ...Object.fromEntries(changes),
    ...needsMetric ? { metric: fields.metric } : {},
  };
}
