import { inUtc, inWords } from "../../../services/alert-words.ts";
import { canaryIdOf, isCanary } from "../../../services/canary-words.ts";
import type { Destination } from "../../../services/contract/alerts.ts";
import { hasEnded } from "../../../services/evidence.ts";
import { causeOf, peakOf, scopeOf } from "../../../services/incident-words.ts";
import { fit, oneLine } from "../../../services/text.ts";
import type { ReportWords } from "../../../services/weekly-report-words.ts";
import { SEVERITIES } from "../../../types/sync.ts";
import type { Links, Message, MessageItem } from "./channels/channel.ts";
import { evidenceOf } from "./evidence.ts";

const HEADINGS = {
  FIRING: "Firing",
  ESCALATED: "Escalated",
  REPEAT: "Still firing",
  ACKNOWLEDGED: "Acknowledged",
  RESOLVED: "Resolved",
  FLAPPING: "Flapping",
  MISSED: "Missed",
} as const;

/** The length below which a headline stays, because the header of a Slack message has 150 characters at most. */
const HEADLINE = 150;

/** The mark at the end of a cut text. */
export const CUT = "… (cut; see the incident)";

const rank = ({ severity }: MessageItem): number => SEVERITIES.indexOf(severity);
/** The most severe item; the first one of several. */
const worstOf = (items: MessageItem[]): MessageItem | undefined =>
  items.reduce<MessageItem | undefined>((worst, item) => worst && rank(worst) >= rank(item) ? worst : item, undefined);

/** The state of an incident in one or two words. */
function headingOf(item: MessageItem): string {
  if (hasEnded(item)) return item.kind === "MISSED" ? "Missed" : "Resolved";
  return item.is_new ? HEADINGS[item.kind] : "Still firing";
}

/** The duration of an ended incident; null for a firing one, and for missed runs, whose incident has ended when it opens. */
function lengthOf({ kind, opened_at, resolved_at }: MessageItem): string | null {
  if (resolved_at === null || kind === "MISSED") return null;
  return inWords(Math.max(Date.parse(resolved_at) - Date.parse(opened_at), 0));
}

/** `2 firing, 1 resolved`; null for a single item. */
function countsOf(items: MessageItem[]): string | null {
  if (items.length < 2) return null;
  const numbers = { firing: 0, resolved: 0, missed: 0 };
  for (const item of items) numbers[hasEnded(item) ? item.kind === "MISSED" ? "missed" : "resolved" : "firing"]++;
  return Object.entries(numbers).filter(([, count]) => count > 0).map(([state, count]) => `${count} ${state}`).join(", ");
}

/**
 * The subject and the header of a message: the worst firing incident, a new one first, and the number of incidents in each state. The worst
 * incident is a resolved one only when every incident of the message has ended.
 */
export function subjectOf(items: MessageItem[]): string {
  const canary = items.find(isCanary);
  if (canary) return canaryIdOf(canary.evidence) ? "Test of this channel: follow the link" : "Test of this channel: nothing must be done";
  const firing = items.filter((item) => !hasEnded(item));
  const first = worstOf(firing.filter(({ is_new }) => is_new)) ?? worstOf(firing) ?? worstOf(items);
  if (!first) return "No incidents";
  const length = lengthOf(first), scope = scopeOf(first), counts = countsOf(items);
  const head = length === null ? `[${first.severity}] ${headingOf(first)}: ` : `${headingOf(first)}: `;
  const tail = `${length === null ? "" : ` after ${length}`}${counts === null ? "" : `; ${counts}`}`;
  const room = HEADLINE - 1 - head.length - tail.length;
  const place = scope === null ? "" : ` (${fit(scope, 50)})`;
  return `${head}${fit(causeOf(first), room - place.length)}${place}${tail}`;
}

/** The note with the number of notifications over the hourly limit that the message combines; null without one. */
export function limitNoteOf({ over_limit, hourly_limit }: Pick<Message, "over_limit"> & Pick<Destination, "hourly_limit">): string | null {
  if (over_limit === 0) return null;
  return `This message combines ${over_limit} ${
    over_limit === 1 ? "notification" : "notifications"
  } over this channel's limit of ${hourly_limit} per hour, with the latest state of each incident.`;
}

/** A line of a paragraph: text, or a labelled link. */
export type Line = { text: string } | { label: string; name: string; url: string };

/** The text of a message about one incident. */
interface Paragraph {
  title: string;
  lines: Line[];
}

/** The times at which the incident began, opened and ended. */
function timesOf({ kind, began_at, opened_at, resolved_at }: MessageItem): string {
  if (resolved_at === null) return `Since ${inUtc(began_at ?? opened_at)}`;
  if (kind === "MISSED") return `From ${inUtc(began_at ?? opened_at)} until ${inUtc(resolved_at)}`;
  const hasBegunBefore = began_at !== null && Date.parse(opened_at) - Date.parse(began_at) >= 60_000;
  const times = [
    hasBegunBefore ? `began at ${inUtc(began_at)}` : null,
    `opened at ${inUtc(opened_at)}`,
    `resolved at ${inUtc(resolved_at)}`,
  ];
  const words = times.filter((time) => time !== null).join(", ");
  return words.charAt(0).toUpperCase() + words.slice(1);
}

/** The line of the end, `Resolved after 25 minutes; at worst 10 of 10 tournaments`; null for a firing incident. */
function endOf(item: MessageItem): string | null {
  const length = lengthOf(item), worst = peakOf(item);
  const peak = worst !== null && item.metric === "consecutive_failures" ? `${worst} in a row` : worst;
  return length === null ? null : `Resolved after ${length}${peak === null ? "" : `; at worst ${peak}`}`;
}

/** The address of an incident on the page; the list of channels for a canary, because the page has no view of a test incident. */
export const addressOf = (item: MessageItem, links: Links): string | null =>
  isCanary(item) ? links.page && new URL("#/alerts/channels", links.page).href : links.incident(item.incident_id);

/** The paragraph of a canary; only an email asks its recipient for an act. */
function canaryParagraph({ rule_name, opened_at, evidence }: MessageItem, links: Links): Paragraph {
  const id = canaryIdOf(evidence), url = id && links.canary(id);
  const texts = [
    "This message proves that incidents reach this channel. Nothing is wrong.",
    id ? "Please follow the link: it proves that somebody reads the messages of this channel." : "Nothing must be done.",
    `Rule: ${oneLine(rule_name)}`,
    `Sent at ${inUtc(opened_at)}`,
    ...id && !url ? [`Without an address of the page, confirm it with POST sync-admin/canaries/${id}/confirm.`] : [],
  ];
  return {
    title: "Test of this channel",
    lines: [...texts.map((text) => ({ text })), ...url ? [{ label: "Confirm", name: "I read this message", url }] : []],
  };
}

/** The lines about one incident: state and cause, rule, end, times, reason, evidence, runbook and incident. */
export function paragraphOf(item: MessageItem, links: Links): Paragraph {
  if (isCanary(item)) return canaryParagraph(item, links);
  const isOver = hasEnded(item);
  const scope = scopeOf(item);
  const heading = item.kind === "ESCALATED" && item.is_new ? `Escalated to ${item.severity}` : `${headingOf(item)} (${item.severity})`;
  const message = oneLine(item.message), reason = oneLine(item.reason);
  const cause = causeOf(item), evidence = evidenceOf(item);
  const runbook = links.runbook(item.runbook_url), incident = links.incident(item.incident_id);
  const texts = [
    `Rule: ${oneLine(item.rule_name)}`,
    endOf(item),
    timesOf(item),
    `Why: ${reason}`,
    // The message of an ended incident has the recovered value, which its reason also has.
    isOver || reason.includes(message) || cause === message ? null : `Measured: ${message}`,
    evidence.length ? `Evidence: ${fit(evidence.join("; "), 1_000, CUT)}` : null,
    incident ? null : `Incident: ${item.incident_id}`,
  ];
  return {
    title: `${heading}: ${cause}${scope === null ? "" : ` (${scope})`}`,
    lines: [
      ...texts.filter((text) => text !== null).map((text) => ({ text })),
      ...(runbook ? [{ label: "What to do", name: "runbook", url: runbook }] : []),
      ...(incident ? [{ label: "Incident", name: "open on the page", url: incident }] : []),
    ],
  };
}

type Sent = Message & Pick<Destination, "hourly_limit">;

/** The message as plain text. */
export function textOf(message: Sent, links: Links): string {
  const note = limitNoteOf(message);
  const paragraphs = message.items.map((item) => {
    const { title, lines } = paragraphOf(item, links);
    return [title, ...lines.map((line) => "url" in line ? `${line.label}: ${line.url}` : line.text)].join("\n");
  });
  return [...(note ? [note] : []), ...paragraphs].join("\n\n") + "\n";
}

const escapeHtml = (text: string): string => text.replace(/[&<>"']/g, (char) => `&#${char.charCodeAt(0)};`);

/** The same content as {@link textOf} in HTML, with links and with every text escaped. */
export function htmlOf(message: Sent, links: Links): string {
  const note = limitNoteOf(message);
  const htmlLine = (line: Line): string =>
    "url" in line ? `${escapeHtml(line.label)}: <a href="${escapeHtml(line.url)}">${escapeHtml(line.url)}</a>` : escapeHtml(line.text);
  const paragraphs = message.items.map((item) => {
    const { title, lines } = paragraphOf(item, links);
    return `<h3>${escapeHtml(title)}</h3>\n<p>${lines.map(htmlLine).join("<br>\n")}</p>`;
  });
  return [...(note ? [`<p>${escapeHtml(note)}</p>`] : []), ...paragraphs].join("\n");
}

/** The content of a weekly report in HTML, with every text escaped. */
export function reportHtml({ sections }: ReportWords, page: string | null): string {
  const paragraphs = sections.map(({ title, lines }) => `<h3>${escapeHtml(title)}</h3>\n<p>${lines.map(escapeHtml).join("<br>\n")}</p>`);
  const link = page === null ? [] : [`<p>The page: <a href="${escapeHtml(page)}">${escapeHtml(page)}</a></p>`];
  return [...paragraphs, ...link].join("\n");
}
