import { hasEnded } from "../../../../services/evidence.ts";
import { SentHeaders } from "../../../../types/extra-headers.ts";
import { annotationsOf, labelsOf } from "./alert-format.ts";
import type { Links, MessageItem, Send } from "./channel.ts";
import { type HttpDeps, invalidSetting, postJson } from "./http.ts";

/** Alertmanager ends an alert at this time after its last post: a processor that is away for less loses none. */
const ENDS_AFTER_MS = 15 * 60_000;

interface Alert {
  labels: Record<string, string>;
  annotations: Record<string, string>;
  startsAt: string;
  endsAt: string;
  generatorURL: string;
}

const alertOf = (item: MessageItem, links: Links, now: number): Alert => ({
  labels: labelsOf(item),
  annotations: annotationsOf(item, links, null),
  startsAt: item.began_at ?? item.opened_at,
  endsAt: hasEnded(item) && item.resolved_at !== null ? item.resolved_at : new Date(now + ENDS_AFTER_MS).toISOString(),
  generatorURL: links.incident(item.incident_id) ?? "",
});

/**
 * Posts each item as an alert (API v2). Alertmanager identifies an alert by its labels: of items with the same labels only the last is
 * posted.
 */
export const sendAlertmanager = (deps: HttpDeps, links: Links): Send => async ({ items }, destination) => {
  const invalid = invalidSetting(destination);
  if (invalid) return invalid;
  const alerts = items.map((item) => alertOf(item, links, deps.now()));
  const latest = new Map(alerts.map((alert) => [JSON.stringify(alert.labels), alert]));
  const target = `${String(destination.config.url).replace(/\/$/, "")}/api/v2/alerts`;
  const headers = SentHeaders.parse(destination.config.headers ?? {});
  return await postJson(target, JSON.stringify([...latest.values()]), headers, deps);
};
