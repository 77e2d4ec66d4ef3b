import type { Clock } from "../../../services/clock.ts";
import type { ClaimedNotification, Delivery } from "../../../services/contract/alerts.ts";
import type { Env } from "../../../services/env.ts";
import type { Log } from "../../../services/log.ts";
import { resolveHost } from "../../../services/outbound.ts";
import type { Rpc } from "../../../services/rpc.ts";
import type { Send } from "./channels/channel.ts";
import { sendEmail } from "./channels/email.ts";
import type { HttpDeps } from "./channels/http.ts";
import { sendSlack } from "./channels/slack.ts";
import { sendWebhook } from "./channels/webhook.ts";

const BATCH = 20;

export type Channels = Record<NonNullable<ClaimedNotification["kind"]>, Send>;

/** Creates the sender of each kind of channel; a test replaces the network. */
export function createChannels(env: Env, clock: Clock, network: Partial<Pick<HttpDeps, "fetch" | "resolve">> = {}): Channels {
  const http: HttpDeps = {
    fetch,
    resolve: resolveHost,
    ...network,
    allowPrivate: env.ALERT_ALLOW_PRIVATE_URLS === "true",
    now: () => clock.now(),
  };
  // The dashboard routes by the URL's hash, so that any static file host can serve it.
  const linkOf = (id: string) => env.DASHBOARD_URL ? new URL(`#/alerts/${id}`, env.DASHBOARD_URL).href : null;
  return {
    webhook: sendWebhook(http, linkOf),
    slack: sendSlack(http, linkOf),
    email: sendEmail(env.SMTP_URL && env.SMTP_FROM ? { url: env.SMTP_URL, from: env.SMTP_FROM } : null, linkOf),
    // The dashboard reads incidents from the database, so there is nothing to send.
    dashboard: () => Promise.resolve({ outcome: "SENT" }),
  };
}

/** Creates the call to the heartbeat URL after a successful evaluation; a missing URL or a failed call is no error. */
export function createHeartbeat(url: string | undefined, log: Log, send: typeof fetch = fetch): () => Promise<void> {
  return async () => {
    if (url === undefined) return;
    try {
      const response = await send(url, { method: "POST", signal: AbortSignal.timeout(5_000), redirect: "error" });
      await response.body?.cancel();
      if (!response.ok) log("warn", "heartbeat_refused", { status: response.status });
    } catch {
      // The error's message may contain the URL, and its path is usually a secret.
      log("warn", "heartbeat_not_answered");
    }
  };
}

/** Claims and sends due notifications until none is due; returns the number of attempts. @throws DatabaseError */
export async function deliverDue(rpc: Rpc, clock: Clock, log: Log, channels: Channels): Promise<number> {
  let attempts = 0;
  for (;;) {
    const claimed = await rpc("claim_alert_notifications", { p: { limit: BATCH }, as_of: clock.asOf() });
    await Promise.all(claimed.map(async (notification) => {
      const startedAt = clock.monotonic();
      const delivery = await send(notification, channels);
      const p = { id: notification.id, token: notification.token, ...delivery, duration_ms: clock.monotonic() - startedAt };
      // If this call fails, the lease expires and the notification is sent again with the same id.
      await rpc("record_alert_delivery", { p, as_of: clock.asOf() });
      log(delivery.outcome === "SENT" ? "info" : "warn", "notification", {
        id: notification.id,
        channel: notification.channel,
        attempt: notification.attempt,
        ...delivery,
      });
    }));
    attempts += claimed.length;
    if (claimed.length < BATCH) return attempts;
  }
}

const send = (notification: ClaimedNotification, channels: Channels): Promise<Delivery> =>
  notification.kind === null
    ? Promise.resolve({ outcome: "DEAD", error: "the channel does not exist or is not active" })
    : channels[notification.kind](notification);
