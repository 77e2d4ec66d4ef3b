import { hasEnded } from "../../../../services/evidence.ts";
import { SentHeaders } from "../../../../types/extra-headers.ts";
import { annotationsOf, labelsOf } from "./alert-format.ts";
import type { Links, MessageItem, Send } from "./channel.ts";
import { type HttpDeps, invalidSetting, postJson } from "./http.ts";

/** The time after its last post at which Alertmanager ends an alert, so that a shorter outage of the processor ends none. */
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

/** Posts each item as an alert (API v2); of items with equal labels, which are one alert to Alertmanager, posts the last. */
export const sendAlertmanager = (deps: HttpDeps, links: Links): Send => async ({ items }, destination) => {
  const invalid = invalidSetting(destination);
  if (invalid) return invalid;
  const alerts = items.map((item) => alertOf(item, links, deps.now()));
  const latest = new Map(alerts.map((alert) => [JSON.stringify(alert.labels), alert]));
  const target = `${String(destination.config.url).replace(/\/$/, "")}/api/v2/alerts`;
  const headers = SentHeaders.parse(destination.config.headers ?? {});
  return await postJson(target, JSON.stringify([...latest.values()]), headers, deps);
};
