import { z } from "zod";
import type { Delivery, Destination } from "../../../../services/contract/alerts.ts";
import { hasEnded } from "../../../../services/evidence.ts";
import { oneLine } from "../../../../services/text.ts";
import { limitNoteOf, subjectOf } from "../message.ts";
import type { Links, MessageItem, Send, SendReport } from "./channel.ts";
import { type Answers, type HttpDeps, invalidSetting, postJson } from "./http.ts";
import { charactersIn, encodeIn, fitEscaped, type Markup, reportSections, sectionsOf } from "./markup.ts";

/** Escapes the characters of Markdown; after a backslash, Discord shows a character that is neither a letter nor a digit. */
const escape = (text: string): string => text.replace(/[\\`*_~|>#[\]()<@]/g, "\\$&");

const MARKUP: Markup = {
  escape,
  link: (url, name) => `[${escape(name)}](${encodeIn(url, /[()<>\\\s]/g)})`,
  size: charactersIn,
  // The documented limits are 4,096 characters in an embed, 6,000 in all embeds of a message, and ten embeds.
  section: 4_000,
  message: 5_900,
  sections: 10,
};
/** The documented limit of the text above the embeds, in characters. */
const CONTENT = 2_000;

const ANSWERS: Answers = {
  causes: { 401: "the address has the wrong key", 404: "the webhook was deleted" },
  waits: z.object({ retry_after: z.number() }).transform(({ retry_after }) => retry_after),
};

const COLORS = { CRITICAL: 0xb3261e, HIGH: 0xd9480f, MEDIUM: 0xe0a800, LOW: 0x4c6ef5 };
const colorOf = (item: MessageItem | undefined): { color?: number } =>
  item ? { color: hasEnded(item) ? 0x2f9e44 : COLORS[item.severity] } : {};

/** Posts a text and embeds to a webhook, whose URL is the secret of the channel; with `wait`, Discord answers after storing the message. */
async function postEmbeds(deps: HttpDeps, content: string, embeds: object[], destination: Destination): Promise<Delivery> {
  const invalid = invalidSetting(destination);
  if (invalid) return invalid;
  const url = new URL(String(destination.secret));
  url.searchParams.set("wait", "true");
  const body = { content: fitEscaped(content, CONTENT, MARKUP), embeds, allowed_mentions: { parse: [] } };
  return await postJson(url.href, JSON.stringify(body), {}, deps, ANSWERS);
}

/** Posts a message about incidents. */
export const sendDiscord = (deps: HttpDeps, links: Links): Send => async (message, destination) => {
  const note = limitNoteOf({ ...message, hourly_limit: destination.hourly_limit });
  const content = [oneLine(subjectOf(message.items)), ...(note === null ? [] : [note])].join("\n");
  const embeds = sectionsOf(message, links, MARKUP, 0).map((description, index) => ({ description, ...colorOf(message.items[index]) }));
  return await postEmbeds(deps, content, embeds, destination);
};

/** Posts a weekly report. */
export const sendReportDiscord = (deps: HttpDeps, { page }: Links): SendReport => async (report, destination) => {
  const embeds = reportSections(report, page, MARKUP, (title) => `**${escape(title)}**`).map((description) => ({ description }));
  return await postEmbeds(deps, report.subject, embeds, destination);
};
