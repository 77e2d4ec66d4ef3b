import { SEVERITIES } from "../../../types/sync.ts";
import type { Notice } from "./channels/channel.ts";

const LEAD = { FIRING: "", ESCALATED: "escalated: ", REPEAT: "still: ", RESOLVED: "resolved: " } as const;
const worstOf = (items: Notice[]): Notice =>
  items.reduce((worst, item) => SEVERITIES.indexOf(item.severity) > SEVERITIES.indexOf(worst.severity) ? item : worst);

/** One line: how bad, what, and how many more. */
export function subjectOf(items: Notice[]): string {
  const worst = worstOf(items);
  const more = items.length > 1 ? ` and ${items.length - 1} more` : "";
  return `[${worst.severity}] ${LEAD[worst.kind]}${worst.rule_name} (${worst.entity_type})${more}`;
}

/** What a person needs to know of one incident, line by line. */
export function linesOf(notice: Notice): string[] {
  return [
    `${LEAD[notice.kind]}${notice.rule_name} [${notice.severity}]`,
    notice.message,
    notice.reason === notice.message ? null : `Why now: ${notice.reason}`,
    `Since ${notice.opened_at}${notice.resolved_at ? ` until ${notice.resolved_at}` : ""}`,
    notice.runbook_url ? `What to do: ${notice.runbook_url}` : null,
    `Incident ${notice.incident_id}`,
  ].filter((line) => line !== null);
}

/** The message as plain text. */
export const textOf = (items: Notice[]): string => items.map((item) => linesOf(item).join("\n")).join("\n\n") + "\n";

const escapeHtml = (text: string): string => text.replace(/[&<>"']/g, (char) => `&#${char.charCodeAt(0)};`);

/** The message as HTML, with nothing in it but text. */
export const htmlOf = (items: Notice[]): string =>
  items.map((item) => {
    const [head = "", ...rest] = linesOf(item).map(escapeHtml);
    return `<h3>${head}</h3><p>${rest.join("<br>")}</p>`;
  }).join("\n");
