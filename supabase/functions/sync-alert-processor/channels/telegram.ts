import { z } from "zod";
import type { Delivery, Destination } from "../../../../services/contract/alerts.ts";
import { oneLine } from "../../../../services/text.ts";
import { limitNoteOf, subjectOf } from "../message.ts";
import type { Links, Send, SendReport } from "./channel.ts";
import { type Answers, type HttpDeps, invalidSetting, postJson } from "./http.ts";
import { charactersIn, type Markup, reportSections, sectionsOf } from "./markup.ts";

const escape = (text: string): string => text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;").replace(/"/g, "&quot;");

const MARKUP: Markup = {
  escape,
  link: (url, name) => `<a href="${escape(url)}">${escape(name)}</a>`,
  size: charactersIn,
  // The documented limit is 4,096 characters without HTML tags; here the tags count too.
  section: 3_500,
  message: 4_000,
  sections: 20,
};

const ANSWERS: Answers = {
  causes: {
    400: "the chat does not exist, or the bot is no member",
    401: "the bot token is wrong",
    403: "the bot was removed from the chat",
    404: "the bot token is wrong",
  },
  waits: z.object({ parameters: z.object({ retry_after: z.number() }) }).transform(({ parameters }) => parameters.retry_after),
};

/** Sends paragraphs of HTML to the chat of the channel. The path contains the token of the bot, which is the secret of the channel. */
async function sendHtml(deps: HttpDeps, paragraphs: string[], destination: Destination): Promise<Delivery> {
  const invalid = invalidSetting(destination);
  if (invalid) return invalid;
  const body = {
    chat_id: destination.config.chat_id,
    text: paragraphs.join("\n\n"),
    parse_mode: "HTML",
    link_preview_options: { is_disabled: true },
  };
  return await postJson(`https://api.telegram.org/bot${destination.secret}/sendMessage`, JSON.stringify(body), {}, deps, ANSWERS);
}

const strong = (text: string): string => `<b>${escape(text)}</b>`;

/** Sends a message about incidents. */
export const sendTelegram = (deps: HttpDeps, links: Links): Send => async (message, destination) => {
  const note = limitNoteOf({ ...message, hourly_limit: destination.hourly_limit });
  const head = [strong(oneLine(subjectOf(message.items))), ...(note === null ? [] : [escape(note)])];
  return await sendHtml(deps, [...head, ...sectionsOf(message, links, MARKUP, head.join("").length)], destination);
};

/** Sends a weekly report. */
export const sendReportTelegram = (deps: HttpDeps, { page }: Links): SendReport => async (report, destination) =>
  await sendHtml(deps, [strong(report.subject), ...reportSections(report, page, MARKUP, strong)], destination);
