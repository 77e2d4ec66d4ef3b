import { linesOf, subjectOf, withheldOf } from "../message.ts";
import type { LinkOf, Send } from "./channel.ts";
import { type HttpDeps, postJson } from "./http.ts";

/** Slack reads these three as markup (Slack documentation, "Escaping text"). */
const escape = (text: string): string => text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");

/** Posts blocks to an incoming webhook; its URL is the secret. */
export const sendSlack = (deps: HttpDeps, linkOf: LinkOf): Send => async (notification) => {
  const { items, secret } = notification;
  if (!secret) return { outcome: "DEAD", error: "the channel has no URL" };
  const subject = subjectOf(items);
  // A message may have 50 blocks, a header 150 characters, a section 3,000.
  const withheld = withheldOf(notification);
  const texts = [...(withheld ? [withheld] : []), ...items.map((notice) => linesOf(notice, linkOf).join("\n"))];
  const sections = texts.slice(0, 48).map((text) => ({ type: "section", text: { type: "mrkdwn", text: escape(text).slice(0, 3000) } }));
  const blocks = [{ type: "header", text: { type: "plain_text", text: subject.slice(0, 150) } }, ...sections];
  return await postJson(secret, JSON.stringify({ text: escape(subject), blocks }), {}, deps);
};
