import { isRedirect, type OutboundDeps, refusal, retryAfterMs } from "../../../../services/outbound.ts";
import type { Delivery } from "../../../../services/contract/alerts.ts";

const TIMEOUT_MS = 10_000;

export interface HttpDeps extends OutboundDeps {
  now: () => number;
}

/** Posts JSON without following redirects. 410 (Gone) is permanent; a person can correct the cause of any other failure. */
export async function postJson(target: string, body: string, headers: Record<string, string>, deps: HttpDeps): Promise<Delivery> {
  const refused = await refusal(target, deps);
  if (refused) return { outcome: "RETRY", is_answered: true, error: refused };
  const signal = AbortSignal.timeout(TIMEOUT_MS);
  try {
    const response = await deps.fetch(target, {
      method: "POST",
      headers: { "content-type": "application/json", ...headers },
      body,
      // A redirect could lead to a private address, and would turn the POST into a GET.
      redirect: "manual",
      signal,
    });
    await response.body?.cancel();
    const { status } = response;
    if (response.ok) return { outcome: "SENT", is_answered: true, status_code: status };
    const note = isRedirect(status) ? "; redirects are not followed" : "";
    return {
      outcome: status === 410 ? "DEAD" : "RETRY",
      is_answered: true,
      status_code: status,
      error: `the receiver answered ${status}${note}`,
      retry_after_ms: retryAfterMs(response.headers.get("retry-after"), deps.now()),
    };
  } catch (error) {
    return { outcome: "RETRY", ...failureOf(error, signal) };
  }
}

/** The cause of a missing response. The error's own message may contain the URL, which is the secret of a Slack channel. */
function failureOf(error: unknown, signal: AbortSignal): Pick<Delivery, "is_answered" | "error"> {
  if (signal.aborted) return { is_answered: false, error: `no response within ${TIMEOUT_MS / 1000} s` };
  // Deno names the phase of the failure: in the message of the error up to version 2.1, in its cause since then.
  const { message, cause } = error instanceof Error ? error : new Error(String(error));
  const isUnconnected = `${message} ${cause instanceof Error ? cause.message : ""}`.includes("client error (Connect)");
  return isUnconnected
    ? { is_answered: true, error: "no connection to the receiver" }
    : { is_answered: false, error: "the connection was lost before an answer" };
}
