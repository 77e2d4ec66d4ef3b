import type { Delivery, Destination } from "../../../../services/contract/alerts.ts";
import { hasEnded } from "../../../../services/evidence.ts";
import { fit, oneLine } from "../../../../services/text.ts";
import { CUT, limitNoteOf, paragraphOf, subjectOf } from "../message.ts";
import type { Links, MessageItem, Send, SendReport } from "./channel.ts";
import { type Answers, type HttpDeps, invalidSetting, postJson } from "./http.ts";
import { bytesIn } from "./markup.ts";

/** The largest card in bytes; Teams accepts 28 kB, and the body around the card has less than 1 kB. */
const CARD = 27_000;
const LINE = 1_000;
/** The longest address of a button. */
const URL_LENGTH = 1_000;

const ANSWERS: Answers = {
  causes: { 401: "the workflow accepts only signed-in callers: it must accept anyone", 404: "the workflow does not exist or is off" },
};

type Element = Record<string, unknown>;

/** A line of plain text; a text run has no Markdown, so that a text from a person cannot become a link or a mention. */
const line = (text: string, look: Element = {}): Element => ({
  type: "RichTextBlock",
  spacing: "None",
  inlines: [{ type: "TextRun", text: fit(oneLine(text), LINE, CUT), ...look }],
});
const strong = (text: string): Element => line(text, { weight: "Bolder" });
const buttons = (links: { title: string; url: string }[]): Element[] =>
  links.length === 0 ? [] : [{ type: "ActionSet", actions: links.map((link) => ({ type: "Action.OpenUrl", ...link })) }];

/** Whether a link fits; a longer address is omitted, because a part of an address is useless. */
const isShort = ({ url }: { url: string }): boolean => url.length <= URL_LENGTH;

function containerOf(item: MessageItem, links: Links): Element {
  const { title, lines } = paragraphOf(item, links);
  const actions = lines.flatMap((part) => "url" in part ? [{ title: `${part.label}: ${part.name}`, url: part.url }] : []);
  return {
    type: "Container",
    separator: true,
    style: hasEnded(item) ? "good" : item.severity === "CRITICAL" || item.severity === "HIGH" ? "attention" : "warning",
    items: [strong(title), ...lines.flatMap((part) => "text" in part ? [line(part.text)] : []), ...buttons(actions.filter(isShort))],
  };
}

/** The first elements for which the card has room after `used` bytes. */
function fitting(elements: Element[], used: number): Element[] {
  let room = CARD - used;
  const end = elements.findIndex((element) => (room -= bytesIn(JSON.stringify(element)) + 1) < 0);
  return end === -1 ? elements : elements.slice(0, end);
}

async function postCard(deps: HttpDeps, subject: string, body: Element[], destination: Destination): Promise<Delivery> {
  const invalid = invalidSetting(destination);
  if (invalid) return invalid;
  const content = {
    $schema: "http://adaptivecards.io/schemas/adaptive-card.json",
    type: "AdaptiveCard",
    version: "1.4",
    fallbackText: subject,
    body: [line(subject, { weight: "Bolder", size: "Large" }), ...body],
    msteams: { width: "Full" },
  };
  const attachment = { contentType: "application/vnd.microsoft.card.adaptive", contentUrl: null, content };
  return await postJson(String(destination.secret), JSON.stringify({ type: "message", attachments: [attachment] }), {}, deps, ANSWERS);
}

/** Posts an Adaptive Card about incidents to a workflow, whose URL is the secret of the channel. */
export const sendTeams = (deps: HttpDeps, links: Links): Send => async (message, destination) => {
  const subject = oneLine(subjectOf(message.items)), note = limitNoteOf({ ...message, hourly_limit: destination.hourly_limit });
  const notes = note === null ? [] : [line(note)];
  // The reserve is for the header, the note, and a line about omitted incidents.
  const shown = fitting(message.items.map((item) => containerOf(item, links)), 2_500 + (links.page?.length ?? 0));
  const left = message.items.length - shown.length;
  const rest = left === 0 ? [] : [
    line(`… and ${left} more ${left === 1 ? "incident" : "incidents"} (cut; see the incidents on the page)`),
    ...buttons(links.page === null ? [] : [{ title: "Incidents", url: links.page }].filter(isShort)),
  ];
  return await postCard(deps, subject, [...notes, ...shown, ...rest], destination);
};

/** Posts a weekly report. */
export const sendReportTeams = (deps: HttpDeps, { page }: Links): SendReport => async ({ subject, sections }, destination) => {
  const containers = sections.map(({ title, lines }) => ({
    type: "Container",
    separator: true,
    items: [strong(title), ...lines.map((text) => line(text))],
  }));
  const link = page === null ? [] : [{ title: "Open the page", url: page }].filter(isShort);
  return await postCard(deps, subject, [...fitting(containers, 2_500), ...buttons(link)], destination);
};
