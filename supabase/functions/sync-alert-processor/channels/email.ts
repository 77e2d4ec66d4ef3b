import nodemailer from "nodemailer";
import { z } from "zod";
import { htmlOf, subjectOf, textOf } from "../message.ts";
import type { Send } from "./channel.ts";

const Config = z.object({ to: z.array(z.email()).min(1).max(50) });
/** Of nodemailer's errors: the server's answer code, where it gave one. */
const Refusal = z.object({ responseCode: z.number().int() });

/** Sends plain text and HTML by SMTP; a 5xx answer is permanent, anything else may pass. Without SMTP settings nothing is sent. */
export const sendEmail = (smtp: { url: string; from: string } | null): Send => async ({ id, items, config }) => {
  if (!smtp) return { outcome: "DEAD", error: "email is not set up: SMTP_URL and SMTP_FROM are missing" };
  const parsed = Config.safeParse(config);
  if (!parsed.success) return { outcome: "DEAD", error: "the channel's recipients are not email addresses" };
  const transport = nodemailer.createTransport({
    url: smtp.url,
    connectionTimeout: 10_000,
    greetingTimeout: 10_000,
    socketTimeout: 10_000,
  });
  try {
    await transport.sendMail({
      from: smtp.from,
      to: parsed.data.to,
      subject: subjectOf(items),
      text: textOf(items),
      html: htmlOf(items),
      messageId: `<${id}@sync-alerts>`,
    });
    return { outcome: "SENT" };
  } catch (error) {
    const code = Refusal.safeParse(error).data?.responseCode;
    const error_text = code === undefined ? "the mail server could not be reached" : `the mail server answered ${code}`;
    return { outcome: code !== undefined && code >= 500 ? "DEAD" : "RETRY", status_code: code, error: error_text };
  } finally {
    transport.close();
  }
};
