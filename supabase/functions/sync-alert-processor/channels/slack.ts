import type { Delivery, Destination } from "../../../../services/contract/alerts.ts";
import { oneLine } from "../../../../services/text.ts";
import { limitNoteOf, subjectOf } from "../message.ts";
import type { Links, Send, SendReport } from "./channel.ts";
import { type HttpDeps, postJson } from "./http.ts";
import { charactersIn, encodeIn, type Markup, reportSections, sectionsOf } from "./markup.ts";

/** Escapes the three special characters of Slack (Slack documentation, "Escaping text"). */
const escape = (text: string): string => text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");

const MARKUP: Markup = {
  escape,
  // In the markup of Slack `|` and `>` end a URL.
  link: (url, name) => `<${escape(encodeIn(url, /[|<>\s]/g))}|${escape(name)}>`,
  size: charactersIn,
  // Slack accepts 3,000 characters in a section, and 50 blocks, of which one is the header and one a note (Slack documentation, "Blocks").
  section: 3_000,
  sections: 48,
  // Slack refuses a message above an undocumented sum of all texts (`msg_blocks_too_long`); users report it above 11,000 characters.
  message: 10_000,
};

/** Posts a header and sections in the markup of Slack to an incoming webhook, whose URL is the secret of the channel. */
async function postBlocks(deps: HttpDeps, subject: string, texts: string[], { secret }: Destination): Promise<Delivery> {
  if (!secret) return { outcome: "RETRY", is_answered: true, error: "the channel has no URL" };
  const blocks = [
    // Without `emoji: false`, Slack shows a text such as ":x:" as a picture.
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
  const texts = [...notes, ...sectionsOf(message, links, MARKUP, subject.length + notes.join("").length)];
  return await postBlocks(deps, subject, texts, destination);
};

/** Posts a weekly report. */
export const sendReportSlack = (deps: HttpDeps, { page }: Links): SendReport => async (report, destination) =>
  await postBlocks(deps, report.subject, reportSections(report, page, MARKUP, (title) => `*${escape(title)}*`), destination);
