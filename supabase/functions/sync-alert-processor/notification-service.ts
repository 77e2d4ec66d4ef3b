import { z } from "zod";
import type { Clock } from "../../../services/clock.ts";
import type { Env } from "../../../services/env.ts";
import type { Log } from "../../../services/log.ts";
import { resolveHost } from "../../../services/outbound.ts";
import type { Rpc } from "../../../services/rpc.ts";
import { Claimed, type Delivery, type Send } from "./channels/channel.ts";
import { sendEmail } from "./channels/email.ts";
import type { HttpDeps } from "./channels/http.ts";
import { sendSlack } from "./channels/slack.ts";
import { sendWebhook } from "./channels/webhook.ts";

const BATCH = 20;

export type Channels = Record<NonNullable<Claimed["kind"]>, Send>;

/** The channels by kind, over the real world or what a test puts in its place. */
export function createChannels(env: Env, clock: Clock, world: Partial<Pick<HttpDeps, "fetch" | "resolve">> = {}): Channels {
  const http: HttpDeps = {
    fetch,
    resolve: resolveHost,
    ...world,
    allowPrivate: env.ALERT_ALLOW_PRIVATE_URLS === "true",
    now: () => clock.now(),
  };
  // The page keeps its views behind the hash, so that any host of static files can serve it.
  const linkOf = (id: string) => env.DASHBOARD_URL ? new URL(`#/alerts/${id}`, env.DASHBOARD_URL).href : null;
  return {
    webhook: sendWebhook(http, linkOf),
    slack: sendSlack(http, linkOf),
    email: sendEmail(env.SMTP_URL && env.SMTP_FROM ? { url: env.SMTP_URL, from: env.SMTP_FROM } : null, linkOf),
    // The page reads the incident itself: that it can is all there is to deliver.
    dashboard: () => Promise.resolve({ outcome: "SENT" }),
  };
}

/** Tells a dead man's switch that an evaluation went well; without a URL nobody, and its failing is never ours. */
export function createHeartbeat(url: string | undefined, log: Log, send: typeof fetch = fetch): () => Promise<void> {
  return async () => {
    if (url === undefined) return;
    try {
      const response = await send(url, { method: "POST", signal: AbortSignal.timeout(5_000), redirect: "error" });
      await response.body?.cancel();
      if (!response.ok) log("warn", "heartbeat_refused", { status: response.status });
    } catch {
      // Its words may hold the URL, whose path is usually the secret.
      log("warn", "heartbeat_not_answered");
    }
  };
}

/** Delivers what is due until nothing is, each message under its lease; returns how many were tried. @throws DatabaseError */
export async function deliverDue(rpc: Rpc, clock: Clock, log: Log, channels: Channels): Promise<number> {
  let tried = 0;
  for (;;) {
    const claimed = await rpc("claim_alert_notifications", { p: { limit: BATCH }, as_of: clock.asOf() }, z.array(Claimed));
    await Promise.all(claimed.map(async (notification) => {
      const begun = clock.monotonic();
      const delivery = await send(notification, channels);
      const p = { id: notification.id, token: notification.token, ...delivery, duration_ms: clock.monotonic() - begun };
      // If this fails the lease lapses and the message goes out again under the same id.
      await rpc("record_alert_delivery", { p, as_of: clock.asOf() }, z.boolean());
      log(delivery.outcome === "SENT" ? "info" : "warn", "notification", {
        id: notification.id,
        channel: notification.channel,
        attempt: notification.attempt,
        ...delivery,
      });
    }));
    tried += claimed.length;
    if (claimed.length < BATCH) return tried;
  }
}

const send = (notification: Claimed, channels: Channels): Promise<Delivery> =>
  notification.kind === null
    ? Promise.resolve({ outcome: "DEAD", error: "the channel is not set up or not active" })
    : channels[notification.kind](notification);
