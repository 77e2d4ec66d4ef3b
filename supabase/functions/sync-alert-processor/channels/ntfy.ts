import type { Delivery, Destination } from "../../../../services/contract/alerts.ts";
import { hasEnded } from "../../../../services/evidence.ts";
import { oneLine } from "../../../../services/text.ts";
import { reportText } from "../../../../services/weekly-report-words.ts";
import { SEVERITIES } from "../../../../types/sync.ts";
import { addressOf, limitNoteOf, subjectOf } from "../message.ts";
import type { Links, MessageItem, Send, SendReport } from "./channel.ts";
import { type Answers, type HttpDeps, invalidSetting, postJson } from "./http.ts";
import { bytesIn, fitEscaped, type Markup, sectionsOf } from "./markup.ts";

/** The longest text in bytes, below the documented limit of 4,096; the server stores a longer text as a file, which no phone shows. */
const MESSAGE = 4_000;
const MARKUP: Markup = {
  escape: (text) => text,
  link: (url) => url,
  size: bytesIn,
  section: 3_000,
  message: MESSAGE,
  sections: 20,
};

const ANSWERS: Answers = {
  causes: { 401: "the access token is wrong", 403: "the access token may not publish to the topic", 404: "the server has no such topic" },
};

/** The ntfy priorities, from 1 to 5; the end of an incident has the default 3. */
const PRIORITIES = { LOW: 2, MEDIUM: 3, HIGH: 4, CRITICAL: 5 };
function priorityOf(items: MessageItem[]): number {
  const firing = items.filter((item) => !hasEnded(item)).map(({ severity }) => severity);
  const worst = SEVERITIES.findLast((severity) => firing.includes(severity));
  return worst ? PRIORITIES[worst] : 3;
}

interface Publication {
  title: string;
  message: string;
  priority?: number;
  tags: string[];
  click: string | null;
  actions?: object[];
}

/** Publishes JSON to the root of the server, with the topic in the body. */
async function publish(deps: HttpDeps, { click, ...publication }: Publication, destination: Destination): Promise<Delivery> {
  const invalid = invalidSetting(destination);
  if (invalid) return invalid;
  const { origin, pathname } = new URL(String(destination.config.url));
  const body = { topic: pathname.slice(1), ...publication, ...click && { click } };
  const headers: Record<string, string> = destination.secret ? { authorization: `Bearer ${destination.secret}` } : {};
  return await postJson(`${origin}/`, JSON.stringify(body), headers, deps, ANSWERS);
}

/** Publishes a message about incidents. */
export const sendNtfy = (deps: HttpDeps, links: Links): Send => async (message, destination) => {
  const { items, group } = message, [item] = items;
  const note = limitNoteOf({ ...message, hourly_limit: destination.hourly_limit });
  const notes = note === null ? [] : [note];
  const incident = item && addressOf(item, links), runbook = item && links.runbook(item.runbook_url);
  return await publish(deps, {
    title: oneLine(subjectOf(items)),
    message: [...notes, ...sectionsOf(message, links, MARKUP, bytesIn(notes.join("")))].join("\n\n"),
    priority: priorityOf(items),
    tags: [items.every(hasEnded) ? "white_check_mark" : "rotating_light", group.entity_type],
    click: (items.length === 1 ? incident : null) ?? links.page,
    actions: runbook ? [{ action: "view", label: "What to do", url: runbook }] : [],
  }, destination);
};

/** Publishes a weekly report. */
export const sendReportNtfy = (deps: HttpDeps, { page }: Links): SendReport => async (report, destination) => {
  const message = fitEscaped(reportText(report, page), MESSAGE, MARKUP, "… (cut; see the page)");
  return await publish(deps, { title: report.subject, message, tags: ["calendar"], click: page }, destination);
};
