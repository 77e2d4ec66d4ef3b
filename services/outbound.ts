import ipaddr from "ipaddr.js";

/** The dependencies of a request to a URL that a person entered. */
export interface OutboundDeps {
  fetch: typeof fetch;
  /** All addresses of a host name. */
  resolve: (host: string) => Promise<string[]>;
  /** Allows http and private addresses; only for local use. */
  allowPrivate: boolean;
}

/** The addresses of a host from the resolver of the runtime; empty when the resolver has no answer. */
export async function resolveHost(host: string): Promise<string[]> {
  const found = await Promise.allSettled([Deno.resolveDns(host, "A"), Deno.resolveDns(host, "AAAA")]);
  return found.flatMap((answer) => answer.status === "fulfilled" ? answer.value : []);
}

/** The reason to refuse a request to `target`; null when it is allowed. DNS rebinding after this check is not detected. */
export async function refusal(target: string, { allowPrivate, resolve }: OutboundDeps): Promise<string | null> {
  const url = URL.parse(target);
  if (!url) return "the URL is malformed";
  if (allowPrivate) return null;
  if (url.protocol !== "https:") return "the URL is not https";
  const host = url.hostname.replace(/^\[|\]$/g, "");
  const addresses = ipaddr.isValid(host) ? [host] : await resolve(host);
  if (addresses.length === 0) return null;
  // The range "unicast" of ipaddr.js excludes private, loopback, link-local, reserved and other special addresses.
  const isPublic = addresses.every((address) => ipaddr.process(address).range() === "unicast");
  return isPublic ? null : "the URL leads to a private address";
}

/** The longest delay is a day, because a server that sends a longer delay by mistake must not stop the requests for good. */
const MAX_RETRY_AFTER_MS = 86_400_000;

/** The delay of a Retry-After header (seconds or a date) in milliseconds; undefined without a valid header. */
export function retryAfterMs(header: string | null, now: number): number | undefined {
  if (header === null) return undefined;
  const ms = /^\d+$/.test(header) ? Number(header) * 1000 : Date.parse(header) - now;
  return Number.isFinite(ms) ? Math.min(Math.max(ms, 0), MAX_RETRY_AFTER_MS) : undefined;
}

/** Whether a response is a redirect; no request follows it, because the new address was not checked. */
export const isRedirect = (status: number): boolean => [301, 302, 303, 307, 308].includes(status);
