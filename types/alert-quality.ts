import { z } from "zod";
import { AlertMetric } from "./alerts.ts";
import { SEVERITIES } from "./sync.ts";

export const QUALITY_PERIODS = ["7d", "30d", "90d"] as const;

/** The incidents and notifications of a rule in a period; the fields of the rule are null for a deleted rule. */
export const RuleQuality = z.object({
  rule_id: z.uuid().nullable(),
  rule_name: z.string(),
  entity_type: z.string().nullable(),
  metric: AlertMetric.nullable(),
  threshold: z.number().nullable(),
  severity: z.enum(SEVERITIES).nullable(),
  is_active: z.boolean(),
  /** The number of incidents that opened in the period and fired. */
  incidents: z.number().int(),
  /** The number of delivered notifications, without those of the dashboard, which interrupt nobody. */
  notifications: z.number().int(),
  acknowledged: z.number().int(),
  /** The number of incidents that resolved within five minutes without an act of a person or a silence. */
  brief: z.number().int(),
  flapping: z.number().int(),
  useful: z.number().int(),
  noise: z.number().int(),
  /** The median time in ms from the first notification to the acknowledgement; null without an acknowledgement. */
  acknowledge_ms: z.number().nullable(),
  /** The median time in ms from the start of the firing to the end; null when no incident ended. */
  resolve_ms: z.number().nullable(),
});
export type RuleQuality = z.infer<typeof RuleQuality>;

/** The bad events of an objective in the period; unnoticed events are in an hour without a firing incident of their sync. */
export const UnnoticedEvents = z.object({
  id: z.uuid(),
  name: z.string(),
  events: z.number().int(),
  bad_events: z.number().int(),
  unnoticed_events: z.number().int(),
  /** The number of bad events that the target allows among `events`. */
  budget_events: z.number(),
});

/** `GET sync-monitoring/alert-quality`: the rules with the most notifications first. */
export const AlertQualityResponse = z.object({
  period: z.enum(QUALITY_PERIODS),
  from: z.string(),
  until: z.string(),
  rules: z.array(RuleQuality),
  objectives: z.array(UnnoticedEvents),
});
export type AlertQualityResponse = z.infer<typeof AlertQualityResponse>;

/** A threshold that avoids incidents in a replay of the period. */
export const RuleSuggestion = z.object({
  threshold: z.number(),
  /** The start of the replay: the start of the period, or the oldest stored run. */
  from: z.string(),
  /** The number of incidents in the replay with the current threshold, and with the suggested one. */
  incidents: z.number().int(),
  incidents_then: z.number().int(),
  messages: z.number().int(),
  messages_then: z.number().int(),
  /** The number of incidents that a person acknowledged or labelled useful; each of them opens in the replay. */
  kept: z.number().int(),
});
export type RuleSuggestion = z.infer<typeof RuleSuggestion>;

/** `GET sync-monitoring/alert-quality/:id`: a suggested change of a rule, which only a person can apply. */
export const RuleSuggestionResponse = z.object({
  rule_id: z.uuid(),
  period: z.enum(QUALITY_PERIODS),
  /** The suggestion; null when no threshold is clearly better, or the rule cannot be replayed. */
  suggestion: RuleSuggestion.nullable(),
  /** The reason why the rule cannot be replayed; null when it can be. */
  reason: z.string().nullable(),
});
export type RuleSuggestionResponse = z.infer<typeof RuleSuggestionResponse>;
