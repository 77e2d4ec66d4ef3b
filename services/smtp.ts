import type { Env } from "./env.ts";

/** The mail server, and the security of its connection. */
export interface SmtpOptions {
  url: string;
  from: string;
  /** The CA of the server's certificate, as PEM; undefined for a public CA. */
  ca?: string | undefined;
  /** "off" sends in plain text, which is only for a server on this machine. */
  tls: "required" | "off";
}

/** The mail server that the environment names; null without one. */
export function smtpOptionsOf(env: Pick<Env, "SMTP_URL" | "SMTP_FROM" | "SMTP_CA" | "SMTP_TLS">): SmtpOptions | null {
  const { SMTP_URL: url, SMTP_FROM: from, SMTP_CA: ca, SMTP_TLS: tls } = env;
  return url && from ? { url, from, ca, tls } : null;
}

/** The options of a nodemailer transport. `smtps:` begins with TLS, and `smtp:` must change to it with STARTTLS. */
export const transportOptions = ({ url, ca, tls }: SmtpOptions, timeoutMs: number) => ({
  url,
  ...(tls === "off" ? { ignoreTLS: true } : { requireTLS: true }),
  tls: ca ? { ca } : {},
  connectionTimeout: timeoutMs,
  greetingTimeout: timeoutMs,
  socketTimeout: timeoutMs,
});
