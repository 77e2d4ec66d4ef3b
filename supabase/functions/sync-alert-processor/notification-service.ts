import type { Clock } from "../../../services/clock.ts";
import type { ClaimedGroup } from "../../../services/contract/alerts.ts";
import type { Env } from "../../../services/env.ts";
import type { Log } from "../../../services/log.ts";
import { resolveHost } from "../../../services/outbound.ts";
import { messageId, planMessage } from "../../../services/outbox.ts";
import type { Rpc } from "../../../services/rpc.ts";
import { smtpOptionsOf } from "../../../services/smtp.ts";
import type { ChannelKind, ReportKind } from "../../../types/channel-kinds.ts";
import type { Links, Send, SendReport } from "./channels/channel.ts";
import { sendAlertmanager } from "./channels/alertmanager.ts";
import { sendDiscord, sendReportDiscord } from "./channels/discord.ts";
import { sendEmail, sendReportEmail } from "./channels/email.ts";
import type { HttpDeps } from "./channels/http.ts";
import { sendNtfy, sendReportNtfy } from "./channels/ntfy.ts";
import { sendPagerduty } from "./channels/pagerduty.ts";
import { sendReportSlack, sendSlack } from "./channels/slack.ts";
import { sendReportTeams, sendTeams } from "./channels/teams.ts";
import { sendReportTelegram, sendTelegram } from "./channels/telegram.ts";
import { sendReportWebhook, sendWebhook } from "./channels/webhook.ts";
import { linksOf } from "./links.ts";

const BATCH = 20;

/** The senders of each kind of channel. */
export interface Channels {
  messages: Record<ChannelKind, Send>;
  reports: Record<ReportKind, SendReport>;
}

/** Creates the senders of each kind of channel; a test replaces the network or the links. */
export function createChannels(
  env: Env,
  clock: Clock,
  network: Partial<Pick<HttpDeps, "fetch" | "resolve">> = {},
  links: Links = linksOf(env),
): Channels {
  const http: HttpDeps = {
    fetch,
    resolve: resolveHost,
    ...network,
    allowPrivate: env.ALERT_ALLOW_PRIVATE_URLS === "true",
    now: () => clock.now(),
  };
  const smtp = smtpOptionsOf(env);
  return {
    messages: {
      webhook: sendWebhook(http, links),
      slack: sendSlack(http, links),
      teams: sendTeams(http, links),
      discord: sendDiscord(http, links),
      telegram: sendTelegram(http, links),
      ntfy: sendNtfy(http, links),
      pagerduty: sendPagerduty(http, links),
      email: sendEmail(smtp, links),
      alertmanager: sendAlertmanager(http, links),
      // The page reads incidents from the database, so the channel sends no message.
      dashboard: () => Promise.resolve({ outcome: "SENT", is_answered: true }),
    },
    reports: {
      webhook: sendReportWebhook(http, links),
      slack: sendReportSlack(http, links),
      teams: sendReportTeams(http, links),
      discord: sendReportDiscord(http, links),
      telegram: sendReportTelegram(http, links),
      ntfy: sendReportNtfy(http, links),
      email: sendReportEmail(smtp, links),
    },
  };
}

/** Creates the call of the heartbeat URL after a successful evaluation; a missing URL or a failed call is no error. */
export function createHeartbeat(url: string | undefined, log: Log, send: typeof fetch = fetch): () => Promise<void> {
  return async () => {
    if (url === undefined) return;
    try {
      const response = await send(url, { method: "POST", signal: AbortSignal.timeout(5_000), redirect: "error" });
      await response.body?.cancel();
      if (!response.ok) log("warn", "heartbeat_refused", { status: response.status });
    } catch {
      // The message of the error is not logged, because it can contain the URL, whose path is usually a secret.
      log("warn", "heartbeat_not_answered");
    }
  };
}

/** Claims the due groups and sends a message for each, until none is due; returns the number of messages. @throws DatabaseError */
export async function deliverDue(rpc: Rpc, clock: Clock, log: Log, channels: Pick<Channels, "messages">): Promise<number> {
  let messages = 0;
  for (;;) {
    const claimed = await rpc("claim_alert_notifications", { p: { limit: BATCH }, as_of: clock.asOf() });
    await Promise.all(claimed.map((group) => deliver(rpc, clock, log, channels, group)));
    messages += claimed.length;
    if (claimed.length < BATCH) return messages;
  }
}

/** Sends the message of one group and records the outcome. */
async function deliver(rpc: Rpc, clock: Clock, log: Log, { messages }: Pick<Channels, "messages">, group: ClaimedGroup): Promise<void> {
  const plan = planMessage(group), id = await messageId(group, plan);
  const startedAt = clock.monotonic();
  const delivery = await messages[group.kind]({ id, group: group.group, items: plan.items, over_limit: group.over_limit }, group);
  const p = { token: group.token, message_id: id, reported: plan.reported, ...delivery, duration_ms: clock.monotonic() - startedAt };
  // If this call fails, the lease expires and the processor sends the states again; an unchanged message has the same id.
  await rpc("record_alert_delivery", { p, as_of: clock.asOf() });
  log(delivery.outcome === "SENT" ? "info" : "warn", "notification", { id, channel: group.channel, ...delivery });
}
