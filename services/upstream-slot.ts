import { codeOfHttpStatus } from "./classification.ts";
import type { AnsweredSlot } from "./contract/sync-writes.ts";
import { fingerprint } from "./ErrorLogger.ts";
import { retryAfterMs } from "./outbound.ts";

/** The slot of a request to VIS before its answer. */
export const slotOf = (token: string): AnsweredSlot => ({
  upstream: "vis",
  token,
  response_ms: null,
  backoff_reason: null,
  backoff_ms: null,
  backoff_fingerprint: null,
});

/** The fields of a slot after a refusal with this status; the release of the slot then starts the upstream backoff. */
export function backoffOf(
  status: number,
  retryAfter: string | null,
  now: number,
): Pick<AnsweredSlot, "backoff_reason" | "backoff_ms" | "backoff_fingerprint"> {
  const backoff_reason = `VIS answered HTTP ${status}`;
  return {
    backoff_reason,
    // A delay of zero means the default of the upstream.
    backoff_ms: retryAfterMs(retryAfter, now) || null,
    // The error of the refusal has the same code and message, so it has the same fingerprint.
    backoff_fingerprint: fingerprint(codeOfHttpStatus(status), backoff_reason),
  };
}
