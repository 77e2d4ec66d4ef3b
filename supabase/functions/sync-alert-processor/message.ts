import { inUtc } from "../../../services/alert-decision.ts";
import type { ClaimedNotification, NotificationItem } from "../../../services/contract/alerts.ts";
import { SEVERITIES } from "../../../types/sync.ts";
import type { LinkOf } from "./channels/channel.ts";

const HEADINGS = {
  FIRING: "Firing",
  ESCALATED: "Escalated",
  REPEAT: "Still firing",
  RESOLVED: "Resolved",
  FLAPPING: "Flapping",
  MISSED: "Missed",
} as const;
const worstOf = (items: NotificationItem[]): NotificationItem =>
  items.reduce((worst, item) => SEVERITIES.indexOf(item.severity) > SEVERITIES.indexOf(worst.severity) ? item : worst);
const scopeOf = ({ entity_type, tournament_no }: NotificationItem): string =>
  tournament_no === null ? entity_type : `${entity_type}, tournament ${tournament_no}`;

/** The highest severity of the items; it selects the recipients of an email. */
export const severityOf = (items: NotificationItem[]): NotificationItem["severity"] => worstOf(items).severity;

/** One line with the most severe incident and the number of other incidents. */
export function subjectOf(items: NotificationItem[]): string {
  const worst = worstOf(items);
  const more = items.length > 1 ? ` and ${items.length - 1} more` : "";
  return `[${worst.severity}] ${HEADINGS[worst.kind]}: ${worst.rule_name} (${scopeOf(worst)})${more}`;
}

/** States how many notifications over the hourly limit the message combines; null when there are none. */
export function limitNoteOf({ over_limit, hourly_limit }: Pick<ClaimedNotification, "over_limit" | "hourly_limit">): string | null {
  if (over_limit === 0) return null;
  const limit = hourly_limit === null ? "the hourly limit of this channel" : `this channel's limit of ${hourly_limit} per hour`;
  return `This message combines ${over_limit} ${
    over_limit === 1 ? "notification" : "notifications"
  } over ${limit}, with the latest state of each incident.`;
}

const inWords = (value: unknown): string => typeof value === "string" ? value : JSON.stringify(value);

/** The lines about one incident: its state, message, reason, time, evidence, runbook and link. */
export function linesOf(item: NotificationItem, linkOf: LinkOf): string[] {
  const evidence = Object.entries(item.evidence).filter(([, value]) => value !== null).map(([name, value]) => `${name} ${inWords(value)}`);
  const since = inUtc(item.began_at ?? item.opened_at);
  const heading = item.kind === "ESCALATED" ? `Escalated to ${item.severity}` : `${HEADINGS[item.kind]} (${item.severity})`;
  return [
    `${heading}: ${item.rule_name}`,
    item.message,
    item.reason === item.message ? null : `Why: ${item.reason}`,
    item.resolved_at ? `From ${since} until ${inUtc(item.resolved_at)}` : `Since ${since}`,
    evidence.length ? `Evidence: ${evidence.join("; ").slice(0, 1000)}` : null,
    item.runbook_url ? `What to do: ${item.runbook_url}` : null,
    `Incident: ${linkOf(item.incident_id) ?? item.incident_id}`,
  ].filter((line) => line !== null);
}

type Message = Pick<ClaimedNotification, "items" | "over_limit" | "hourly_limit">;
const paragraphs = (message: Message, linkOf: LinkOf): string[][] => {
  const limitNote = limitNoteOf(message);
  return [...(limitNote ? [[limitNote]] : []), ...message.items.map((item) => linesOf(item, linkOf))];
};

/** The message as plain text. */
export const textOf = (message: Message, linkOf: LinkOf): string =>
  paragraphs(message, linkOf).map((lines) => lines.join("\n")).join("\n\n") + "\n";

const escapeHtml = (text: string): string => text.replace(/[&<>"']/g, (char) => `&#${char.charCodeAt(0)};`);

/** The message as HTML, with every text escaped. */
export const htmlOf = (message: Message, linkOf: LinkOf): string =>
  paragraphs(message, linkOf).map((lines) => {
    const [head = "", ...rest] = lines.map(escapeHtml);
    return `<h3>${head}</h3><p>${rest.join("<br>")}</p>`;
  }).join("\n");
