import nodemailer, { type SendMailOptions } from "nodemailer";
import { z } from "zod";
import type { Delivery, Destination, Group } from "../../../../services/contract/alerts.ts";
import { type SmtpOptions, transportOptions } from "../../../../services/smtp.ts";
import { reportText } from "../../../../services/weekly-report-words.ts";
import { htmlOf, reportHtml, subjectOf, textOf } from "../message.ts";
import type { Links, Send, SendReport } from "./channel.ts";

const TIMEOUT_MS = 10_000;
/** An error of nodemailer: its code, the command that failed, and the response code of the server. */
const Failure = z.object({
  message: z.string(),
  code: z.string().optional(),
  command: z.string().optional(),
  responseCode: z.number().int().optional(),
});
const retry = (error: string, status_code?: number): Delivery => ({ outcome: "RETRY", is_answered: true, status_code, error });

/** The outcome of a failed attempt; `isSent` when the server received the whole text, so that a lost answer leaves the outcome unknown. */
function outcomeOf(error: unknown, isSent: boolean): Delivery {
  const { message = "", code, command, responseCode } = Failure.safeParse(error).data ?? {};
  if (/STARTTLS/.test(message) && responseCode !== undefined) {
    return retry("the mail server does not offer TLS (STARTTLS); SMTP_TLS=off allows plain text, for a local server only", responseCode);
  }
  if (responseCode === undefined && /certificate|altname/i.test(message)) {
    return retry("the certificate of the mail server is not trusted, or is for another host; SMTP_CA can name a private CA");
  }
  if (code === "ETLS") return retry("the TLS connection to the mail server failed");
  if (command === "RCPT TO" && responseCode !== undefined) {
    const outcome = responseCode >= 500 ? "DEAD" : "RETRY";
    return { outcome, is_answered: true, status_code: responseCode, error: `the mail server answered ${responseCode} to the recipient` };
  }
  if (code === "EAUTH") return retry("the mail server refused the sign-in", responseCode);
  if (responseCode !== undefined) return retry(`the mail server answered ${responseCode}`, responseCode);
  if (isSent) return { outcome: "RETRY", is_answered: false, error: "the mail server did not answer after it had received the message" };
  return retry(code === "EENVELOPE" ? "the sender or the recipient is not an email address" : "the mail server could not be reached");
}

/** Detects from the log of nodemailer that a text was sent completely, because no other interface reports it. */
function observer() {
  const seen = { isSent: false };
  const info = (entry: { tnx?: string }) => {
    if (entry.tnx === "message") seen.isSent = true;
  };
  const ignore = () => {};
  return { seen, logger: { level: ignore, trace: ignore, debug: ignore, info, warn: ignore, error: ignore, fatal: ignore } };
}

/** The id of the thread of a group in a mail client; each message about the group refers to it. */
async function threadOf({ rule_name, entity_type }: Group, domain: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(JSON.stringify([rule_name, entity_type])));
  return `<group-${new Uint8Array(digest, 0, 16).toHex()}@${domain}>`;
}

/** The domain of the ids of messages, from the address of the sender. */
const domainOf = ({ from }: SmtpOptions): string => /@([a-z0-9.-]+)/i.exec(from)?.[1] ?? "sync-alerts";

type Mail = Pick<SendMailOptions, "subject" | "text" | "html" | "inReplyTo" | "references"> & { id: string };

/** Sends a mail to the recipient of a destination. Only a 5xx response to the recipient is permanent. */
async function sendMail(smtp: SmtpOptions, { id, ...mail }: Mail, { recipient }: Destination): Promise<Delivery> {
  if (!z.email().safeParse(recipient).success || recipient === null) return retry("the recipient of the channel is not an email address");
  const { seen, logger } = observer();
  const transport = nodemailer.createTransport({ ...transportOptions(smtp, TIMEOUT_MS), logger });
  try {
    await transport.sendMail({
      ...mail,
      from: smtp.from,
      to: recipient,
      messageId: `<${id}@${domainOf(smtp)}>`,
      // With this header, no mailbox sends an automatic reply (RFC 3834).
      headers: { "Auto-Submitted": "auto-generated" },
    });
    return { outcome: "SENT", is_answered: true };
  } catch (error) {
    return outcomeOf(error, seen.isSent);
  } finally {
    transport.close();
  }
}

const UNCONFIGURED = retry("email is not configured: SMTP_URL and SMTP_FROM are missing");

/** Sends a message as text and HTML, in the thread of its group. */
export const sendEmail = (smtp: SmtpOptions | null, links: Links): Send => async (message, destination) => {
  if (!smtp) return UNCONFIGURED;
  const thread = await threadOf(message.group, domainOf(smtp));
  const sent = { ...message, hourly_limit: destination.hourly_limit };
  const mail = { subject: subjectOf(message.items), text: textOf(sent, links), html: htmlOf(sent, links) };
  return await sendMail(smtp, { ...mail, id: message.id, inReplyTo: thread, references: thread }, destination);
};

/** Sends a weekly report as text and HTML. */
export const sendReportEmail = (smtp: SmtpOptions | null, { page }: Links): SendReport => async ({ id, ...words }, destination) =>
  smtp
    ? await sendMail(smtp, { id, subject: words.subject, text: reportText(words, page), html: reportHtml(words, page) }, destination)
    : UNCONFIGURED;
