import type { AlertRule } from "../../types/alerts.ts";
import type { AlertSummary } from "../../types/monitoring.ts";
import { counted, number } from "./format.ts";

/** The states of a rule, each with its name and its verbs for one rule and for several. */
export const RULE_STATES = {
  FIRING: { name: "Firing", verbs: ["fires", "fire"] },
  BROKEN: { name: "Broken", verbs: ["is broken", "are broken"] },
  PENDING: { name: "Pending or acknowledged", verbs: null },
  OFF: { name: "Off", verbs: ["is off", "are off"] },
  QUIET: { name: "Without an incident", verbs: null },
} as const;
type RuleState = keyof typeof RULE_STATES;

export function ruleStateOf({ is_active, broken_since }: AlertRule, incidents: AlertSummary[]): RuleState {
  if (!is_active) return "OFF";
  if (broken_since !== null) return "BROKEN";
  if (incidents.some(({ state, muted_by }) => state === "FIRING" && muted_by !== "PARENT")) return "FIRING";
  return incidents.length ? "PENDING" : "QUIET";
}

/** A sentence with the numbers of rules that fire, are broken or are off. */
export function summaryOf(states: RuleState[]): string {
  const named = Object.entries(RULE_STATES).flatMap(([state, { verbs }]) => {
    const count = states.filter((other) => other === state).length;
    return verbs && count ? [`${number(count)} ${verbs[count === 1 ? 0 : 1]}`] : [];
  });
  return `${counted(states.length, "rule")}${named.length ? `: ${named.join(", ")}.` : ", and none fires."}`;
}

/** Whether a rule notifies a channel, at once or on escalation. */
export const isNotifying = ({ notification_channels, escalation_channels }: AlertRule, channel: string): boolean =>
  [notification_channels, ...escalation_channels].some((names) => names.includes(channel));
