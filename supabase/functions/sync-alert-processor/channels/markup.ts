import type { ReportWords } from "../../../../services/weekly-report-words.ts";
import { charactersOf } from "../../../../services/text.ts";
import { CUT, type Line, paragraphOf } from "../message.ts";
import type { Links, Message, MessageItem } from "./channel.ts";

/** The markup of a receiver for text and links, and its limits. */
export interface Markup {
  escape: (text: string) => string;
  link: (url: string, name: string) => string;
  /** The length as the receiver counts it. */
  size: (text: string) => number;
  /** The longest section, the largest sum of all texts, and the largest number of sections. */
  section: number;
  message: number;
  sections: number;
}

/** The longest URL of a link, so that the text has enough room in its section. */
const URL_LENGTH = 1_000;
const REPORT_CUT = "… (cut; see the page)";

export const charactersIn = (text: string): number => text.length;
const encoder = new TextEncoder();
export const bytesIn = (text: string): number => encoder.encode(text).length;

/** Percent-encodes the matches of `characters`, so that they cannot end a link in the markup. */
export const encodeIn = (url: string, characters: RegExp): string =>
  url.replace(characters, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase().padStart(2, "0")}`);

/** The escaped text within `limit`; a cut text has a mark, and no character or escape is split. */
export function fitEscaped(text: string, limit: number, { escape, size }: Markup, mark = CUT): string {
  const whole = escape(text);
  if (size(whole) <= limit) return whole;
  const kept: string[] = [];
  let room = limit - size(mark);
  for (const character of charactersOf(text)) {
    const escaped = escape(character);
    room -= size(escaped);
    if (room < 0) break;
    kept.push(escaped);
  }
  return kept.join("").trimEnd() + mark;
}

function lineOf(line: Line, markup: Markup): { text: string } | { link: string } {
  if (!("url" in line)) return line;
  const link = markup.link(line.url, line.name);
  return link.length <= URL_LENGTH
    ? { link: `\n${line.label}: ${link}` }
    : { text: `${line.label}: the address is too long for this channel` };
}

/** The text of one section; a long text is cut before its links. */
function sectionOf(item: MessageItem, links: Links, markup: Markup, limit: number): string {
  const { title, lines } = paragraphOf(item, links);
  const parts = lines.map((line) => lineOf(line, markup));
  const texts = [title, ...parts.flatMap((part) => "text" in part ? [part.text] : [])].join("\n");
  const tail = parts.flatMap((part) => "link" in part ? [part.link] : []).join("");
  return fitEscaped(texts.toWellFormed(), limit - markup.size(tail), markup) + tail;
}

/** The sections of the items, with the number of items for which the message has no room; `used` is the length of the other texts. */
export function sectionsOf({ items }: Message, links: Links, markup: Markup, used: number): string[] {
  const sections: string[] = [];
  // The reserve is for the section about omitted items, and for the separators of sections.
  let room = markup.message - used - 200 - (links.page?.length ?? 0);
  for (const item of items) {
    const limit = sections.length === 0 ? Math.min(markup.section, room) : markup.section;
    const section = sectionOf(item, links, markup, limit);
    room -= markup.size(section);
    if (room < 0 || sections.length === markup.sections - 1) break;
    sections.push(section);
  }
  const left = items.length - sections.length;
  if (left === 0) return sections;
  const where = links.page === null ? markup.escape("the incidents on the page") : markup.link(links.page, "the incidents on the page");
  return [
    ...sections,
    `${markup.escape(`… and ${left} more ${left === 1 ? "incident" : "incidents"} (cut; see `)}${where}${markup.escape(")")}`,
  ];
}

/** The sections of a weekly report, each under its title, and a link to the page. */
export function reportSections({ sections }: ReportWords, page: string | null, markup: Markup, strong = markup.escape): string[] {
  const link = page === null || page.length > URL_LENGTH ? [] : [markup.link(page, "Open the page")];
  // The sections share the room that is left by the subject, their titles and the link.
  const room = markup.message - 500 - markup.size(link.join(""));
  const limit = Math.min(markup.section - 100, Math.floor(room / Math.max(sections.length, 1)));
  const texts = sections.map(({ title, lines }) => `${strong(title)}\n${fitEscaped(lines.join("\n"), limit, markup, REPORT_CUT)}`);
  return [...texts, ...link];
}
