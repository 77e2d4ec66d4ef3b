import { linesOf, subjectOf } from "../message.ts";
import type { Send } from "./channel.ts";
import { type HttpDeps, postJson } from "./http.ts";

/** Slack reads these three as markup (Slack documentation, "Escaping text"). */
const escape = (text: string): string => text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");

/** Posts blocks to an incoming webhook; its URL is the secret. */
export const sendSlack = (deps: HttpDeps): Send => async ({ items, secret }) => {
  if (!secret) return { outcome: "DEAD", error: "the channel has no URL" };
  const subject = subjectOf(items);
  // A message may have 50 blocks, a header 150 characters, a section 3,000.
  const sections = items.slice(0, 48).map((notice) => ({
    type: "section",
    text: { type: "mrkdwn", text: escape(linesOf(notice).join("\n")).slice(0, 3000) },
  }));
  const blocks = [{ type: "header", text: { type: "plain_text", text: subject.slice(0, 150) } }, ...sections];
  return await postJson(secret, JSON.stringify({ text: escape(subject), blocks }), {}, deps);
};
