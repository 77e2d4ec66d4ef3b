import type { Inherited } from "./alert-firing.ts";
import { isKnownAt, type KnownStates } from "./alert-notifications.ts";
import { rank } from "./alert-transition.ts";
import type { Address, LiveIncident, Measurement, Transition } from "./contract/alerts.ts";

/** The cause that mutes a transition, as the end of its reason; empty when the transition is not muted. */
export function mutedText({ muted_by, parent }: Transition): string {
  if (muted_by === null) return "";
  return muted_by === "SILENCE" ? " (silenced)" : ` (inhibited by ${parent?.rule_name ?? "incidents about the same runs"})`;
}

/** The reason for the first notification of an incident that fired before. */
function reasonOfFirst({ muted_by, parent }: LiveIncident): string {
  if (muted_by === "PARENT") return `${parent?.rule_name ?? "its parent"} no longer inhibits this incident`;
  return muted_by === "COVERAGE" ? "runs that no other incident notified meet the condition" : "the silence ended";
}

/** The reason for a higher severity without an escalation. */
function reasonOfSeverity({ severity }: Measurement, incident: LiveIncident, inherited: Inherited | null): string[] {
  if (rank(severity) > rank(incident.severity)) return [`the rule now has the severity ${severity}`];
  return inherited ? [`${inherited.rule_name} has the same cause and the severity ${inherited.severity}`] : [];
}

/** The reasons to notify destinations that have another state of a live incident, or none. */
export function reasonsToNotify(
  m: Measurement,
  incident: LiveIncident,
  transition: Transition,
  inherited: Inherited | null,
  queued: Address[],
  known: KnownStates,
): string[] {
  const reasons: string[] = [];
  const escalates = transition.escalation_step > incident.escalation_step;
  if (!escalates && rank(transition.severity) > rank(incident.severity)) reasons.push(...reasonOfSeverity(m, incident, inherited));
  if (incident.cause !== null && transition.cause !== incident.cause) {
    reasons.push(`the cause changed${typeof m.evidence.error === "string" ? `: ${m.evidence.error}` : ""}`);
  }
  if (queued.length === 0 || incident.state === "PENDING") return reasons;
  if (incident.notified_at === null) return [...reasons, `${reasonOfFirst(incident)} and the incident is still firing`];
  if (escalates) return reasons;
  const knownChannels = [...known.values()].map(({ channel }) => channel);
  const newChannels = [...new Set(queued.map(({ channel }) => channel))].filter((channel) => !knownChannels.includes(channel));
  if (newChannels.length > 0) {
    const isInherited = newChannels.every((channel) => inherited?.channels.includes(channel));
    const names = newChannels.join(", ");
    return [
      ...reasons,
      isInherited ? "an incident that this one inhibits has other channels" : `${names} was added, enabled or not notified yet`,
    ];
  }
  const hasNewRecipient = queued.some((address) => !isKnownAt(address, known));
  return hasNewRecipient && reasons.length === 0 ? ["other recipients are notified of this incident"] : reasons;
}

/** The reasons in the timeline when a parent begins or ceases to inhibit an incident. */
export function reasonsOfParent(incident: LiveIncident, { parent, muted_by }: Transition): string[] {
  const before = incident.parent?.rule_name ?? null, after = parent?.rule_name ?? null;
  if (incident.state === "PENDING" || before === after) return [];
  if (after !== null) return muted_by === "PARENT" && incident.muted_by === "PARENT" ? [`inhibited by ${after}: same cause`] : [];
  return incident.notified_at === null ? [] : [`no longer inhibited by ${before}`];
}
