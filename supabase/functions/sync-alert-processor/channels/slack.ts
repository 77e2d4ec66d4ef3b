import { limitNoteOf, linesOf, subjectOf } from "../message.ts";
import type { LinkOf, Send } from "./channel.ts";
import { type HttpDeps, postJson } from "./http.ts";

/** Slack requires that these three characters are escaped (Slack documentation, "Escaping text"). */
const escape = (text: string): string => text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");

/** Posts a message of blocks to an incoming webhook, whose URL is the secret of the channel. */
export const sendSlack = (deps: HttpDeps, linkOf: LinkOf): Send => async (notification) => {
  const { items, secret } = notification;
  if (!secret) return { outcome: "DEAD", error: "the channel has no URL" };
  const subject = subjectOf(items);
  // Slack accepts 50 blocks in a message, 150 characters in a header and 3,000 in a section.
  const limitNote = limitNoteOf(notification);
  const texts = [...(limitNote ? [limitNote] : []), ...items.map((item) => linesOf(item, linkOf).join("\n"))];
  const sections = texts.slice(0, 48).map((text) => ({ type: "section", text: { type: "mrkdwn", text: escape(text).slice(0, 3000) } }));
  const blocks = [{ type: "header", text: { type: "plain_text", text: subject.slice(0, 150) } }, ...sections];
  return await postJson(secret, JSON.stringify({ text: escape(subject), blocks }), {}, deps);
};
