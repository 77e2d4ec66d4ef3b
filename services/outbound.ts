import ipaddr from "ipaddr.js";

/** What fetching an address that a person typed needs. */
export interface OutboundDeps {
  fetch: typeof fetch;
  /** Every address of a host name. */
  resolve: (host: string) => Promise<string[]>;
  /** Only on one's own machine: http and private addresses. */
  allowPrivate: boolean;
}

/** The addresses of a host by the runtime's resolver; none where it has no answer. */
export async function resolveHost(host: string): Promise<string[]> {
  const found = await Promise.allSettled([Deno.resolveDns(host, "A"), Deno.resolveDns(host, "AAAA")]);
  return found.flatMap((answer) => answer.status === "fulfilled" ? answer.value : []);
}

/** Why an address somebody typed may not be fetched; null when it may. A name that resolves differently the next moment is not caught. */
export async function refusal(target: string, { allowPrivate, resolve }: OutboundDeps): Promise<string | null> {
  const url = URL.parse(target);
  if (!url) return "the URL is malformed";
  if (allowPrivate) return null;
  if (url.protocol !== "https:") return "the URL is not https";
  const host = url.hostname.replace(/^\[|\]$/g, "");
  const addresses = ipaddr.isValid(host) ? [host] : await resolve(host);
  if (addresses.length === 0) return null;
  // ipaddr.js calls what is neither private, loopback, link-local, reserved nor otherwise special "unicast".
  const isPublic = addresses.every((address) => ipaddr.process(address).range() === "unicast");
  return isPublic ? null : "the URL leads to a private address";
}
