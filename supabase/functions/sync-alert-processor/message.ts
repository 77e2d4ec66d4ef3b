import { SEVERITIES } from "../../../types/sync.ts";
import type { Claimed, LinkOf, Notice } from "./channels/channel.ts";

const LEAD = {
  FIRING: "",
  ESCALATED: "escalated: ",
  REPEAT: "still: ",
  RESOLVED: "resolved: ",
  FLAPPING: "flapping: ",
  MISSED: "missed: ",
} as const;
const worstOf = (items: Notice[]): Notice =>
  items.reduce((worst, item) => SEVERITIES.indexOf(item.severity) > SEVERITIES.indexOf(worst.severity) ? item : worst);
const scopeOf = ({ entity_type, tournament_no }: Notice): string =>
  tournament_no === null ? entity_type : `${entity_type} ${tournament_no}`;

/** The severity of the worst of them, by which a message's recipients are chosen. */
export const severityOf = (items: Notice[]): Notice["severity"] => worstOf(items).severity;

/** One line: how bad, what, and how many more. */
export function subjectOf(items: Notice[]): string {
  const worst = worstOf(items);
  const more = items.length > 1 ? ` and ${items.length - 1} more` : "";
  return `[${worst.severity}] ${LEAD[worst.kind]}${worst.rule_name} (${scopeOf(worst)})${more}`;
}

/** How many messages did not go out because the channel had its share of the hour; null when none. */
export function withheldOf({ withheld, hourly_cap }: Pick<Claimed, "withheld" | "hourly_cap">): string | null {
  if (withheld === 0) return null;
  return `${withheld} more ${withheld === 1 ? "message was" : "messages were"} withheld: this channel takes ${
    hourly_cap ?? "no more"
  } an hour. Here is the last word on each.`;
}

const plain = (value: unknown): string => typeof value === "string" ? value : JSON.stringify(value);

/** What a person needs to know of one incident, line by line. */
export function linesOf(notice: Notice, linkOf: LinkOf): string[] {
  const evidence = Object.entries(notice.evidence).filter(([, value]) => value !== null).map(([name, value]) => `${name} ${plain(value)}`);
  const link = linkOf(notice.incident_id);
  return [
    `${LEAD[notice.kind]}${notice.rule_name} [${notice.severity}]`,
    notice.message,
    notice.reason === notice.message ? null : `Why now: ${notice.reason}`,
    `Since ${notice.began_at ?? notice.opened_at}${notice.resolved_at ? ` until ${notice.resolved_at}` : ""}`,
    evidence.length ? `Evidence: ${evidence.join("; ").slice(0, 1000)}` : null,
    notice.runbook_url ? `What to do: ${notice.runbook_url}` : null,
    link ? `Incident ${link}` : `Incident ${notice.incident_id}`,
  ].filter((line) => line !== null);
}

type Message = Pick<Claimed, "items" | "withheld" | "hourly_cap">;
const paragraphs = (message: Message, linkOf: LinkOf): string[][] => {
  const withheld = withheldOf(message);
  return [...(withheld ? [[withheld]] : []), ...message.items.map((item) => linesOf(item, linkOf))];
};

/** The message as plain text. */
export const textOf = (message: Message, linkOf: LinkOf): string =>
  paragraphs(message, linkOf).map((lines) => lines.join("\n")).join("\n\n") + "\n";

const escapeHtml = (text: string): string => text.replace(/[&<>"']/g, (char) => `&#${char.charCodeAt(0)};`);

/** The message as HTML, with nothing in it but text. */
export const htmlOf = (message: Message, linkOf: LinkOf): string =>
  paragraphs(message, linkOf).map((lines) => {
    const [head = "", ...rest] = lines.map(escapeHtml);
    return `<h3>${head}</h3><p>${rest.join("<br>")}</p>`;
  }).join("\n");
