import { type OutboundDeps, refusal } from "../../../../services/outbound.ts";
import type { Delivery } from "../../../../services/contract/alerts.ts";

const TIMEOUT_MS = 10_000;

export interface HttpDeps extends OutboundDeps {
  now: () => number;
}

/** The delay of a Retry-After header (seconds or a date) in milliseconds, an hour at most; undefined without a valid header. */
function retryAfter(header: string | null, now: number): number | undefined {
  if (header === null) return undefined;
  const ms = /^\d+$/.test(header) ? Number(header) * 1000 : Date.parse(header) - now;
  return Number.isFinite(ms) ? Math.min(Math.max(ms, 0), 3_600_000) : undefined;
}

/** Posts JSON without following redirects; 408, 425, 429, 5xx and a missing response are temporary, any other failure is permanent. */
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
    const isTemporary = [408, 425, 429].includes(status) || status >= 500;
    return {
      outcome: isTemporary ? "RETRY" : "DEAD",
      status_code: status,
      error: `the receiver answered ${status}`,
      retry_after_ms: retryAfter(response.headers.get("retry-after"), deps.now()),
    };
  } catch {
    // The error's message may contain the URL, which is the secret of a Slack channel.
    return { outcome: "RETRY", error: signal.aborted ? `no response within ${TIMEOUT_MS / 1000} s` : "the receiver could not be reached" };
  }
}
