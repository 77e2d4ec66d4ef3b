import ipaddr from "ipaddr.js";

/** What a request to a URL that a person entered needs. */
export interface OutboundDeps {
  fetch: typeof fetch;
  /** All addresses of a host name. */
  resolve: (host: string) => Promise<string[]>;
  /** Allows http and private addresses; only for local use. */
  allowPrivate: boolean;
}

/** The addresses of a host from the resolver of the runtime; empty when it has no answer. */
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
  // In ipaddr.js "unicast" is an address that is neither private, loopback, link-local, reserved nor otherwise special.
  const isPublic = addresses.every((address) => ipaddr.process(address).range() === "unicast");
  return isPublic ? null : "the URL leads to a private address";
}
