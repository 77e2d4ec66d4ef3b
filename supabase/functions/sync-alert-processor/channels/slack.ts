import { CUT, limitNoteOf, type Line, paragraphOf, subjectOf } from "../message.ts";
import { charactersOf, oneLine } from "../../../../services/text.ts";
import type { Delivery, Destination } from "../../../../services/contract/alerts.ts";
import type { Links, Message, MessageItem, Send, SendReport } from "./channel.ts";
import { type HttpDeps, postJson } from "./http.ts";

/** Slack accepts 50 blocks in a message and 3,000 characters in the text of a section (Slack documentation, "Blocks"). */
const BLOCKS = 50;
const SECTION = 3_000;
/** Slack refuses a message (`msg_blocks_too_long`) from an undocumented sum of all texts on; users saw it above 11,000 characters. */
const MESSAGE = 10_000;
/** A longer URL would leave too little of a section to the text. */
const URL_LENGTH = 1_000;
/** The four sections of a report, its header and its link are shorter than {@link MESSAGE} together. */
const REPORT_SECTION = 2_000;
const REPORT_CUT = "… (cut; see the page)";

/** Slack requires that these three characters are escaped (Slack documentation, "Escaping text"). */
const escape = (text: string): string => text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");

/** The escaped text in at most `limit` characters; a cut is marked, and splits neither a character nor an escape. */
function fitEscaped(text: string, limit: number, mark = CUT): string {
  const whole = escape(text);
  if (whole.length <= limit) return whole;
  let cut = "";
  for (const character of charactersOf(text)) {
    const escaped = escape(character);
    if (cut.length + escaped.length + mark.length > limit) break;
    cut += escaped;
  }
  return cut.trimEnd() + mark;
}

/** A link in the markup of Slack, in which `|` and `>` end a URL. */
const linkTo = (url: string, name: string): string =>
  `<${escape(url.replace(/[|<>\s]/g, (char) => encodeURIComponent(char)))}|${escape(name)}>`;

function lineOf(line: Line): { text: string } | { markup: string } {
  if (!("url" in line)) return line;
  const link = linkTo(line.url, line.name);
  return link.length <= URL_LENGTH ? { markup: `${line.label}: ${link}` } : { text: `${line.label}: the address is too long for Slack` };
}

/** The text of one section: what has to be cut is cut before the links. */
function sectionOf(item: MessageItem, links: Links): string {
  const { title, lines } = paragraphOf(item, links);
  const parts = lines.map(lineOf);
  const texts = [title, ...parts.flatMap((part) => "text" in part ? [part.text] : [])].join("\n");
  const markup = parts.flatMap((part) => "markup" in part ? [part.markup] : []);
  const tail = markup.map((line) => `\n${line}`).join("");
  return fitEscaped(texts.toWellFormed(), SECTION - tail.length) + tail;
}

/** The sections of the items, and in place of those for which a message has no room the number of them. */
function sectionsOf({ items }: Message, links: Links, used: number): string[] {
  const sections: string[] = [];
  // A header, a note on the hourly limit, and a section about what is left out.
  let room = MESSAGE - used - 200 - (links.page?.length ?? 0);
  for (const item of items) {
    const section = sectionOf(item, links);
    room -= section.length;
    if (room < 0 || sections.length === BLOCKS - 3) break;
    sections.push(section);
  }
  const left = items.length - sections.length;
  if (left === 0) return sections;
  const where = links.page === null ? "the incidents on the page" : linkTo(links.page, "the incidents on the page");
  return [...sections, `… and ${left} more ${left === 1 ? "incident" : "incidents"} (cut; see ${where})`];
}

/** Posts a header and sections in the markup of Slack to an incoming webhook, whose URL is the secret of the channel. */
async function postBlocks(deps: HttpDeps, subject: string, texts: string[], { secret }: Destination): Promise<Delivery> {
  if (!secret) return { outcome: "RETRY", is_answered: true, error: "the channel has no URL" };
  const blocks = [
    // Without emoji false a text such as ":x:" would become a picture.
    { type: "header", text: { type: "plain_text", text: subject, emoji: false } },
    ...texts.map((text) => ({ type: "section", text: { type: "mrkdwn", text } })),
  ];
  return await postJson(secret, JSON.stringify({ text: escape(subject), blocks }), {}, deps);
}

/** Posts a message about incidents. */
export const sendSlack = (deps: HttpDeps, links: Links): Send => async (message, destination) => {
  const subject = oneLine(subjectOf(message.items));
  const note = limitNoteOf({ ...message, hourly_limit: destination.hourly_limit });
  const notes = note === null ? [] : [escape(note)];
  const texts = [...notes, ...sectionsOf(message, links, subject.length + notes.join("").length)];
  return await postBlocks(deps, subject, texts, destination);
};

/** Posts a weekly report. */
export const sendReportSlack = (deps: HttpDeps, { page }: Links): SendReport => async ({ subject, sections }, destination) => {
  const texts = sections.map(({ title, lines }) => `*${escape(title)}*\n${fitEscaped(lines.join("\n"), REPORT_SECTION, REPORT_CUT)}`);
  const links = page === null || page.length > URL_LENGTH ? [] : [linkTo(page, "Open the page")];
  return await postBlocks(deps, subject, [...texts, ...links], destination);
};
