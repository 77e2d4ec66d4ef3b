import type { Destination } from "../services/contract/alerts.ts";
import type { ChannelKind } from "../types/channel-kinds.ts";

/** A kind of channel that posts to a web server. */
export type PostingKind = Exclude<ChannelKind, "email" | "dashboard">;

/** The settings of a channel of each kind, with `k3y` in each secret part. */
export const SETTINGS: Record<PostingKind, Pick<Destination, "config" | "secret">> = {
  webhook: {
    config: { url: "https://receiver.example/k3y", headers: { "x-key": "k3y" } },
    secret: `whsec_${btoa("a secret of twenty-four by")}`,
  },
  slack: { config: {}, secret: "https://hooks.slack.example/services/T0/B0/k3y" },
  teams: { config: {}, secret: "https://prod-1.westeurope.logic.example/workflows/1/paths/invoke?sig=k3y" },
  discord: { config: {}, secret: "https://discord.example/api/webhooks/1/k3y?thread_id=7" },
  telegram: { config: { chat_id: "-100123" }, secret: `123456789:k3y${"A".repeat(32)}` },
  ntfy: { config: { url: "https://ntfy.example/sync-alerts-k3y" }, secret: "tk_k3y4567890" },
  alertmanager: { config: { url: "https://alertmanager.example/k3y", headers: { authorization: "Bearer k3y" } }, secret: null },
  pagerduty: { config: { host: "events.eu.pagerduty.com" }, secret: "k3y4567890abcdef1234567890abcdef" },
};
