import nodemailer from "nodemailer";
import { z } from "zod";
import { refusal, resolveHost } from "../../../services/outbound.ts";
import type { ConnectivityResponse } from "../../../types/admin.ts";
import type { AdminDeps } from "./acts.ts";

/** Each check has this long. */
const TIMEOUT_MS = 5_000;

const Facts = z.object({
  scheduler: z.object({ jobs: z.number(), last_tick: z.string().nullable(), is_late: z.boolean() }),
  functions: z.array(z.string()),
  backoff_until: z.string().nullable(),
  channels: z.array(z.object({ name: z.string(), kind: z.enum(["email", "webhook", "slack", "dashboard"]), url: z.string().nullable() })),
});
type Check = ConnectivityResponse["checks"][number];
type Finding = Pick<Check, "status" | "message">;
const ok = (message: string): Finding => ({ status: "OK", message });
const failed = (message: string): Finding => ({ status: "FAILED", message });

/** Reaches for every part at once, each within its own time, without any effect: no sync starts and no message goes out. */
export async function testConnectivity(deps: AdminDeps): Promise<ConnectivityResponse> {
  const { rpc, clock, env } = deps;
  const run = async (name: string, kind: Check["kind"], check: () => Promise<Finding>): Promise<Check> => {
    const begun = clock.monotonic();
    const { promise: late, resolve } = Promise.withResolvers<Finding>();
    const timer = setTimeout(() => resolve(failed(`no answer within ${TIMEOUT_MS / 1000} s`)), TIMEOUT_MS);
    // What an error says may hold an address, which can be a secret.
    const finding = await Promise.race([check().catch(() => failed("it could not be reached")), late]);
    clearTimeout(timer);
    return { name, kind, ...finding, response_time_ms: Math.round(clock.monotonic() - begun) };
  };
  const facts = await rpc("get_connectivity_facts", { as_of: clock.asOf() }, Facts);
  const checks = await Promise.all([
    run("database", "database", async () => ok(`schema ${await rpc("schema_version", {}, z.number())}`)),
    run("scheduler", "scheduler", () => Promise.resolve(checkScheduler(facts.scheduler))),
    ...facts.functions.map((name) => run(name, "function", () => checkFunction(deps, name))),
    run("vis", "upstream", () => checkUpstream(deps, facts.backoff_until)),
    ...facts.channels.map(({ name, kind, url }) =>
      run(name, "channel", async () => {
        if (kind === "dashboard") return ok("the page reads the incidents itself");
        return kind === "email" ? await checkMail(env.SMTP_URL) : await checkReceiver(deps, url);
      })
    ),
  ]);
  return { status: checks.some((check) => check.status === "FAILED") ? "FAILED" : "OK", checks };
}

function checkScheduler({ jobs, last_tick, is_late }: z.infer<typeof Facts>["scheduler"]): Finding {
  const words = `${jobs} jobs, last tick ${last_tick ?? "never"}`;
  return is_late ? failed(words) : ok(words);
}

const reach = async ({ fetch: send = fetch }: AdminDeps, url: string, init: RequestInit): Promise<number> => {
  const response = await send(url, { ...init, redirect: "manual", signal: AbortSignal.timeout(TIMEOUT_MS) });
  await response.body?.cancel();
  return response.status;
};

/** A sync function refuses GET with 405, after it has checked the schema: nothing starts. */
async function checkFunction(deps: AdminDeps, name: string): Promise<Finding> {
  const { SUPABASE_URL, secretKey } = deps.env;
  const status = await reach(deps, `${SUPABASE_URL}/functions/v1/${name}`, { headers: { apikey: secretKey } });
  return status === 405 ? ok("it is deployed and knows this schema") : failed(`it answered ${status} instead of 405`);
}

/** VIS is asked for nothing: any answer but a server's error says that it is there. */
async function checkUpstream(deps: AdminDeps, blockedUntil: string | null): Promise<Finding> {
  if (blockedUntil !== null) return { status: "SKIPPED", message: `we stay away from it until ${blockedUntil}` };
  const status = await reach(deps, deps.env.VIS_API_URL, { method: "HEAD" });
  return status < 500 && ![403, 429].includes(status) ? ok(`it answered ${status}`) : failed(`it answered ${status}`);
}

/** A receiver is asked with OPTIONS, which delivers nothing. */
async function checkReceiver(deps: AdminDeps, url: string | null): Promise<Finding> {
  if (url === null) return failed("the channel has no URL");
  const refused = await refusal(url, { fetch, resolve: resolveHost, allowPrivate: deps.env.ALERT_ALLOW_PRIVATE_URLS === "true" });
  if (refused) return failed(refused);
  const status = await reach(deps, url, { method: "OPTIONS" });
  return status < 500 ? ok(`it answered ${status}`) : failed(`it answered ${status}`);
}

async function checkMail(url: string | undefined): Promise<Finding> {
  if (!url) return failed("SMTP_URL and SMTP_FROM are not set");
  const transport = nodemailer.createTransport({
    url,
    connectionTimeout: TIMEOUT_MS,
    greetingTimeout: TIMEOUT_MS,
    socketTimeout: TIMEOUT_MS,
  });
  try {
    await transport.verify();
    return ok("the mail server takes our sign-in");
  } finally {
    transport.close();
  }
}
