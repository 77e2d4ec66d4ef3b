import ipaddr from "ipaddr.js";
import type { Delivery } from "./channel.ts";

/** A receiver has this long to answer. */
const TIMEOUT_MS = 10_000;

export interface HttpDeps {
  fetch: typeof fetch;
  /** Every address of a host name. */
  resolve: (host: string) => Promise<string[]>;
  /** Only on one's own machine: http and private addresses. */
  allowPrivate: boolean;
  now: () => number;
}

/** The addresses of a host by the runtime's resolver; none where it has no answer. */
export async function resolveHost(host: string): Promise<string[]> {
  const found = await Promise.allSettled([Deno.resolveDns(host, "A"), Deno.resolveDns(host, "AAAA")]);
  return found.flatMap((answer) => answer.status === "fulfilled" ? answer.value : []);
}

/** Why an address somebody typed may not be fetched; null when it may. A name that resolves differently the next moment is not caught. */
async function refusal(target: string, { allowPrivate, resolve }: HttpDeps): Promise<string | null> {
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

/** Milliseconds of a Retry-After header, seconds or a date; undefined without one. */
function retryAfter(header: string | null, now: number): number | undefined {
  if (header === null) return undefined;
  const ms = /^\d+$/.test(header) ? Number(header) * 1000 : Date.parse(header) - now;
  return Number.isFinite(ms) ? Math.min(Math.max(ms, 0), 3_600_000) : undefined;
}

/** Posts JSON without following redirects; 408, 425, 429, 5xx and no answer may pass, every other refusal is permanent. */
export async function postJson(target: string, body: string, headers: Record<string, string>, deps: HttpDeps): Promise<Delivery> {
  const refused = await refusal(target, deps);
  if (refused) return { outcome: "DEAD", error: refused };
  const signal = AbortSignal.timeout(TIMEOUT_MS);
  try {
    const response = await deps.fetch(target, {
      method: "POST",
      headers: { "content-type": "application/json", ...headers },
      body,
      redirect: "manual",
      signal,
    });
    await response.body?.cancel();
    const { status } = response;
    if (response.ok) return { outcome: "SENT", status_code: status };
    const mayPass = [408, 425, 429].includes(status) || status >= 500;
    return {
      outcome: mayPass ? "RETRY" : "DEAD",
      status_code: status,
      error: `the receiver answered ${status}`,
      retry_after_ms: retryAfter(response.headers.get("retry-after"), deps.now()),
    };
  } catch {
    // The error's words could hold the address, which for Slack is the secret.
    return { outcome: "RETRY", error: signal.aborted ? `no answer within ${TIMEOUT_MS / 1000} s` : "the receiver could not be reached" };
  }
}
