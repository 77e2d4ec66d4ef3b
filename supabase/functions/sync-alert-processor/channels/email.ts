import nodemailer from "nodemailer";
import { z } from "zod";
import { SEVERITIES } from "../../../../types/sync.ts";
import { htmlOf, severityOf, subjectOf, textOf } from "../message.ts";
import type { LinkOf, Send } from "./channel.ts";

const Recipients = z.array(z.email()).min(1).max(50);
const Config = z.object({ to: Recipients, by_severity: z.partialRecord(z.enum(SEVERITIES), Recipients).default({}) });
/** An error of nodemailer with the server's response code. */
const Refusal = z.object({ responseCode: z.number().int() });

/** Sends plain text and HTML by SMTP to the recipients of the severity; a 5xx response is permanent, any other failure is temporary. */
export const sendEmail = (smtp: { url: string; from: string } | null, linkOf: LinkOf): Send => async (notification) => {
  const { id, items, config } = notification;
  if (!smtp) return { outcome: "DEAD", error: "email is not configured: SMTP_URL and SMTP_FROM are missing" };
  const parsed = Config.safeParse(config);
  if (!parsed.success) return { outcome: "DEAD", error: "the recipients of the channel are not email addresses" };
  const transport = nodemailer.createTransport({
    url: smtp.url,
    connectionTimeout: 10_000,
    greetingTimeout: 10_000,
    socketTimeout: 10_000,
  });
  try {
    await transport.sendMail({
      from: smtp.from,
      to: parsed.data.by_severity[severityOf(items)] ?? parsed.data.to,
      subject: subjectOf(items),
      text: textOf(notification, linkOf),
      html: htmlOf(notification, linkOf),
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
