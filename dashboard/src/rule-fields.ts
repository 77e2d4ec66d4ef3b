import type { AlertMetric, AlertRule } from "../../types/alerts.ts";

/** The form's fields for a rule, as text; the defaults for a new rule. */
export const fieldsOf = (rule: AlertRule | null) => ({
  name: rule?.name ?? "",
  description: rule?.description ?? "",
  entity_type: rule?.entity_type ?? "all",
  scope: rule?.scope ?? "ENTITY",
  lowest_priority: rule?.lowest_priority ?? "",
  metric: rule?.metric ?? "consecutive_failures" as AlertMetric,
  threshold: String(rule?.threshold ?? 3),
  recovery_threshold: String(rule?.recovery_threshold ?? ""),
  evaluation_window: rule?.evaluation_window ?? "1 hour",
  for_duration: rule?.for_duration ?? "0 seconds",
  minimum_runs: String(rule?.minimum_runs ?? 1),
  no_data: rule?.no_data ?? "KEEP",
  error_type: rule?.error_type ?? "",
  severity: rule?.severity ?? "MEDIUM",
  notification_channels: rule?.notification_channels ?? ["dashboard"],
  repeat_interval: rule?.repeat_interval ?? "4 hours",
  escalation_delay: rule?.escalation_delay ?? "",
  escalation_channels: (rule?.escalation_channels ?? []).map((step) => step.join(", ")).join("\n"),
  runbook_url: rule?.runbook_url ?? "",
  is_active: rule?.is_active ?? true,
});
export type Fields = ReturnType<typeof fieldsOf>;

// An invalid number is sent as text, so that the server reports it together with the other invalid fields.
const numeric = (text: string): number | string | null => text.trim() === "" ? null : Number.isNaN(Number(text)) ? text : Number(text);

/** The request body: all fields of a new rule; of a stored rule the changed fields, with the metric that the server's checks need. */
export function requestOf(
  fields: Fields,
  rule: AlertRule | null,
): Record<string, unknown> {
  const body: Record<string, unknown> = {
    ...fields,
    threshold: numeric(fields.threshold),
    recovery_threshold: numeric(fields.recovery_threshold),
    minimum_runs: numeric(fields.minimum_runs),
    // Only a rule about tournaments has a priority.
    lowest_priority: fields.scope === "TOURNAMENT" ? fields.lowest_priority || null : null,
    error_type: fields.error_type || null,
    escalation_delay: fields.escalation_delay.trim() || null,
    escalation_channels: fields.escalation_channels.split("\n").map((line) => line.split(",").map((name) => name.trim()).filter(Boolean))
      .filter((step) => step.length),
    runbook_url: fields.runbook_url.trim() || null,
  };
  if (!rule) return body;
  const before = requestOf(fieldsOf(rule), null);
  const changes = Object.entries(body).filter(([name, value]) => JSON.stringify(value) !== JSON.stringify(before[name]));
  const needsMetric = changes.some(([name]) => ["threshold", "recovery_threshold", "error_type", "scope"].includes(name));
  return {
    ...Object.fromEntries(changes),
    ...needsMetric ? { metric: fields.metric } : {},
  };
}
