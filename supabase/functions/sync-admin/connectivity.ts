import nodemailer from "nodemailer";
import type { ConnectivityFacts } from "../../../services/contract/system.ts";
import { isRedirect, refusal, resolveHost } from "../../../services/outbound.ts";
import { type SmtpOptions, smtpOptionsOf, transportOptions } from "../../../services/smtp.ts";
import { backoffOf, slotOf } from "../../../services/upstream-slot.ts";
import type { ConnectivityResponse } from "../../../types/admin.ts";
import type { AdminDeps } from "./acts.ts";

/** The time limit of each check. */
const TIMEOUT_MS = 5_000;

type Check = ConnectivityResponse["checks"][number];
type Finding = Pick<Check, "status" | "message">;
const ok = (message: string): Finding => ({ status: "OK", message });
const failed = (message: string): Finding => ({ status: "FAILED", message });

/** Checks all parts in parallel, each with its own time limit; starts no sync and sends no message. */
export async function testConnectivity(deps: AdminDeps, facts: ConnectivityFacts): Promise<ConnectivityResponse> {
  const { rpc, clock, env } = deps;
  const run = async (name: string, kind: Check["kind"], check: () => Promise<Finding>): Promise<Check> => {
    const startedAt = clock.monotonic();
    const { promise: timeout, resolve } = Promise.withResolvers<Finding>();
    const timer = setTimeout(() => resolve(failed(`no answer within ${TIMEOUT_MS / 1000} s`)), TIMEOUT_MS);
    // The message of an error can contain a URL, and a URL can be a secret.
    const finding = await Promise.race([check().catch(() => failed("not reachable")), timeout]);
    clearTimeout(timer);
    return { name, kind, ...finding, response_time_ms: Math.round(clock.monotonic() - startedAt) };
  };
  const checks = await Promise.all([
    run("database", "database", async () => ok(`schema ${(await rpc("schema_version", {})).version}`)),
    run("scheduler", "scheduler", () => Promise.resolve(checkScheduler(facts.scheduler))),
    ...facts.functions.map((name) => run(name, "function", () => checkFunction(deps, name))),
    run("vis", "upstream", () => checkUpstream(deps)),
    ...facts.channels.map(({ name, kind, url, last_delivery }) =>
      run(name, "channel", async () => {
        if (kind === "dashboard") return ok("no delivery needed: the page reads the incidents");
        return kind === "email" ? await checkMail(smtpOptionsOf(env)) : await checkReceiver(deps, url, last_delivery);
      })
    ),
  ]);
  return { status: checks.some((check) => check.status === "FAILED") ? "FAILED" : "OK", checks };
}

function checkScheduler({ jobs, last_tick, is_late }: ConnectivityFacts["scheduler"]): Finding {
  const message = `${jobs} cron ${jobs === 1 ? "job" : "jobs"}, last run ${last_tick ?? "never"}`;
  return is_late ? failed(message) : ok(message);
}

async function request({ fetch: send = fetch }: AdminDeps, url: string, init: RequestInit): Promise<Response> {
  const response = await send(url, { ...init, redirect: "manual", signal: AbortSignal.timeout(TIMEOUT_MS) });
  await response.body?.cancel();
  return response;
}

/** Checks a function with a GET, which it refuses with 405 after its schema check, so that no run starts. */
async function checkFunction(deps: AdminDeps, name: string): Promise<Finding> {
  const { status } = await request(deps, `${deps.env.SUPABASE_URL}/functions/v1/${name}`, {});
  return status === 405 ? ok("deployed, and compatible with the schema") : failed(`answered with status ${status} instead of 405`);
}

const skipped = (message: string): Finding => ({ status: "SKIPPED", message });

/** Checks the upstream with a request in a slot, as a sync does; a 429 or 503 starts the upstream backoff. */
async function checkUpstream(deps: AdminDeps): Promise<Finding> {
  const { rpc, clock } = deps;
  const { token, backoff_until } = await rpc("claim_upstream_slot", { p_upstream: "vis", as_of: clock.asOf() });
  if (backoff_until) return skipped(`upstream backoff until ${backoff_until}`);
  if (!token) return skipped("every request slot is in use: syncs send requests now");
  const slot = slotOf(token);
  try {
    const { status, headers } = await request(deps, deps.env.VIS_API_URL, { method: "HEAD" });
    // A 403 to a request without credentials does not prove that syncs are refused.
    if ([429, 503].includes(status)) Object.assign(slot, backoffOf(status, headers.get("retry-after"), clock.now()));
    return judgeUpstream(status, headers);
  } finally {
    // A failed release does not fail the check, because the slot is free again when its lease expires.
    await rpc("release_upstream_slot", { p: slot, as_of: clock.asOf() }).catch(() => {});
  }
}

/** Judges the answer of VIS to a HEAD request, which reads no data; any answer but a server error or a refusal is good. */
function judgeUpstream(status: number, headers: Headers): Finding {
  if (isRedirect(status)) {
    const host = URL.parse(headers.get("location") ?? "")?.host ?? "an unnamed address";
    return failed(`answered with status ${status}, a redirect to ${host}; set VIS_API_URL to the address that answers`);
  }
  return status < 500 && ![403, 429].includes(status) ? ok(`answered with status ${status}`) : failed(`answered with status ${status}`);
}

type Delivery = ConnectivityFacts["channels"][number]["last_delivery"];

/**
 * Checks a receiver with an OPTIONS request, which delivers no message. Many receivers refuse OPTIONS, so the last delivery decides
 * whether a refusal is a fault; without a delivery, a refusal for another reason than the method leaves the check open.
 */
async function checkReceiver(deps: AdminDeps, url: string | null, last: Delivery): Promise<Finding> {
  if (url === null) return failed("the channel has no URL");
  const refused = await refusal(url, { fetch, resolve: resolveHost, allowPrivate: deps.env.ALERT_ALLOW_PRIVATE_URLS === "true" });
  if (refused) return failed(refused);
  const { status } = await request(deps, url, { method: "OPTIONS" });
  if (last && last.outcome !== "SENT") return failed(`refused the last delivery, at ${last.at}: ${last.error ?? "without a reason"}`);
  const isOfMethod = [405, 501].includes(status);
  if (status >= 500 && !isOfMethod) return failed(`answered with status ${status}`);
  const isProbeRefused = status >= 300;
  if (last) {
    return ok(`accepted the last delivery, at ${last.at}${isProbeRefused ? `; refuses only the probe, with status ${status}` : ""}`);
  }
  if (!isProbeRefused) return ok(`answered with status ${status}`);
  if (isOfMethod) return ok(`reachable; refuses the probe with status ${status}, and received no delivery yet`);
  if (isRedirect(status)) return failed(`answered with status ${status}, a redirect; deliveries do not follow redirects`);
  return { status: "SKIPPED", message: `refuses the probe with status ${status}, and received no delivery yet: send a test message` };
}

async function checkMail(smtp: SmtpOptions | null): Promise<Finding> {
  if (!smtp) return failed("SMTP_URL and SMTP_FROM are not set");
  const transport = nodemailer.createTransport(transportOptions(smtp, TIMEOUT_MS));
  try {
    await transport.verify();
    return ok("the mail server accepted the sign-in");
  } finally {
    transport.close();
  }
}
