import { z } from "zod";

const MOST = 10;
const NAME = /^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/;
/** A value of visible ASCII characters, with blanks only inside. */
const VALUE = /^(?=.{1,1000}$)[\x21-\x7e](?:[\x20-\x7e\t]*[\x21-\x7e])?$/;

/** The headers that the sender sets, and the headers of one connection (RFC 9110, section 7.6.1). */
const REFUSED = new Set([
  ...["content-type", "content-length", "content-encoding", "host", "webhook-id", "webhook-timestamp", "webhook-signature"],
  ...["connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "proxy-connection", "te", "trailer", "transfer-encoding"],
  ...["upgrade", "expect"],
]);

/** The reason why a header cannot be sent, without its value, which is a secret; null when it can be sent. */
function problemOf(name: string, value: string | null): string | null {
  if (!NAME.test(name)) return "must have names of 1 to 64 letters, digits, - and _, each followed by : and a value";
  if (REFUSED.has(name.toLowerCase())) return `must not have ${name}, which the sender or the connection sets`;
  return value === null || VALUE.test(value) ? null : `must have 1 to 1000 visible ASCII characters as the value of ${name}`;
}

function check(headers: Record<string, string | null>, ctx: z.RefinementCtx): void {
  const names = Object.keys(headers);
  const problems = [
    names.length > MOST ? `must have at most ${MOST} headers` : null,
    new Set(names.map((name) => name.toLowerCase())).size < names.length ? "must have each name once, in upper or lower case" : null,
    ...Object.entries(headers).map(([name, value]) => problemOf(name, value)),
  ];
  const message = problems.find((problem) => problem !== null);
  if (message) ctx.addIssue({ code: "custom", path: [], message });
}

/** The additional headers of a webhook in a request; null keeps the stored value of a name. */
export const ExtraHeaders = z.record(z.string(), z.string().nullable()).superRefine(check);
/** The additional headers of a webhook with their values, as they are sent. */
export const SentHeaders = z.record(z.string(), z.string()).superRefine(check);
