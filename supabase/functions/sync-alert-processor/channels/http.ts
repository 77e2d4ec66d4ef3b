import type { z } from "zod";
import type { Delivery, Destination } from "../../../../services/contract/alerts.ts";
import { isRedirect, type OutboundDeps, refusal, retryAfterMs } from "../../../../services/outbound.ts";
import { channelFields } from "../../../../types/channel-kinds.ts";

const TIMEOUT_MS = 10_000;
/** The bytes of an answer that are read; an answer that asks for a delay has a few hundred. */
const MAX_ANSWER = 10_000;

export interface HttpDeps extends OutboundDeps {
  now: () => number;
}

/** The documented answers of a receiver. */
export interface Answers {
  /** The cause of each status, for the person who set the channel up. */
  causes?: Record<number, string>;
  /** The statuses besides 410 after which the receiver refuses the same message for good. */
  permanent?: number[];
  /** Reads the seconds to wait from the body of a 429. */
  waits?: z.ZodType<number>;
}

/** A failure before the request, whose cause a person can correct. */
export const refuse = (error: string): Delivery => ({ outcome: "RETRY", is_answered: true, error });

/** The failure for an invalid setting of a channel; null when all are valid. A person can store with SQL a setting that the API refuses. */
export function invalidSetting({ kind, config, secret }: Destination): Delivery | null {
  const invalid = channelFields(kind).find(([path, { schema, is_optional }]) => {
    const value = path === "secret" ? secret : config[path.replace("config.", "")];
    return !(is_optional && (value ?? null) === null) && !schema.safeParse(value).success;
  });
  if (!invalid) return null;
  const [, { label }] = invalid;
  return refuse(`the channel has no valid ${label.replace(/ \(.*\)$/, "").toLowerCase()}`);
}

/** Posts JSON without following redirects. 410 (Gone) is permanent; a person can correct the cause of any other failure. */
export async function postJson(
  target: string,
  body: string,
  headers: Record<string, string>,
  deps: HttpDeps,
  answers: Answers = {},
): Promise<Delivery> {
  const refused = await refusal(target, deps);
  if (refused) return refuse(refused);
  const signal = AbortSignal.timeout(TIMEOUT_MS);
  try {
    const response = await deps.fetch(target, {
      method: "POST",
      headers: { "content-type": "application/json", ...headers },
      body,
      // No redirect is followed, because it can lead to a private address and turns the POST into a GET.
      redirect: "manual",
      signal,
    });
    return await outcomeOf(response, answers, deps.now());
  } catch (error) {
    return { outcome: "RETRY", ...failureOf(error, signal) };
  }
}

async function outcomeOf(response: Response, { causes, permanent = [], waits }: Answers, now: number): Promise<Delivery> {
  const { status } = response;
  const wait = status === 429 && waits ? waits.safeParse(await jsonOf(response)).data : undefined;
  await response.body?.cancel();
  if (response.ok) return { outcome: "SENT", is_answered: true, status_code: status };
  const cause = causes?.[status] ? `: ${causes[status]}` : "";
  const note = isRedirect(status) ? "; redirects are not followed" : cause;
  return {
    outcome: status === 410 || permanent.includes(status) ? "DEAD" : "RETRY",
    is_answered: true,
    status_code: status,
    error: `the receiver answered ${status}${note}`,
    retry_after_ms: retryAfterMs(wait === undefined ? response.headers.get("retry-after") : String(Math.ceil(wait)), now),
  };
}

/** The JSON of a short answer; undefined for any other answer, also for an incomplete one. */
async function jsonOf(response: Response): Promise<unknown> {
  const chunks: Uint8Array<ArrayBuffer>[] = [];
  let length = 0;
  try {
    for await (const chunk of response.body ?? []) {
      length += chunk.length;
      if (length > MAX_ANSWER) return undefined;
      chunks.push(chunk);
    }
    return JSON.parse(await new Blob(chunks).text());
  } catch {
    return undefined;
  }
}

/** The cause of a missing response, without the message of the error, because it can contain a secret URL. */
function failureOf(error: unknown, signal: AbortSignal): Pick<Delivery, "is_answered" | "error"> {
  if (signal.aborted) return { is_answered: false, error: `no response within ${TIMEOUT_MS / 1000} s` };
  // The phase of the failure is in the message of the error up to Deno 2.1, and in its cause in later versions.
  const { message, cause } = error instanceof Error ? error : new Error(String(error));
  const isUnconnected = `${message} ${cause instanceof Error ? cause.message : ""}`.includes("client error (Connect)");
  return isUnconnected
    ? { is_answered: true, error: "no connection to the receiver" }
    : { is_answered: false, error: "the connection was lost before an answer" };
}
