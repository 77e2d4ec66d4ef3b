import { Webhook } from "standardwebhooks";
import { limitNoteOf, subjectOf } from "../message.ts";
import type { ClaimedNotification, NotificationItem } from "../../../../services/contract/alerts.ts";
import type { LinkOf, Send } from "./channel.ts";
import { type HttpDeps, postJson } from "./http.ts";

const alertOf = (item: NotificationItem, linkOf: LinkOf) => ({
  status: item.resolved_at === null ? "firing" : "resolved",
  labels: {
    alertname: item.rule_name,
    severity: item.severity.toLowerCase(),
    entity_type: item.entity_type,
    metric: item.metric,
    ...(item.tournament_no === null ? {} : { tournament_no: item.tournament_no }),
  },
  annotations: {
    summary: item.message,
    description: item.reason,
    kind: item.kind,
    evidence: JSON.stringify(item.evidence),
    ...(item.runbook_url ? { runbook_url: item.runbook_url } : {}),
  },
  startsAt: item.began_at ?? item.opened_at,
  endsAt: item.resolved_at ?? "0001-01-01T00:00:00Z",
  generatorURL: linkOf(item.incident_id) ?? "",
  fingerprint: item.incident_id,
});

/** The body in version 4 of Alertmanager's webhook format, which many receivers read. */
function webhookBody(notification: ClaimedNotification, linkOf: LinkOf): string {
  const { items, channel } = notification;
  const alerts = items.map((item) => alertOf(item, linkOf));
  const over_limit = limitNoteOf(notification);
  return JSON.stringify({
    version: "4",
    groupKey: `{}:{receiver="${channel}"}`,
    truncatedAlerts: 0,
    status: alerts.every((alert) => alert.status === "resolved") ? "resolved" : "firing",
    receiver: channel,
    groupLabels: {},
    commonLabels: {},
    commonAnnotations: { summary: subjectOf(items), ...(over_limit ? { over_limit } : {}) },
    externalURL: "",
    alerts,
  });
}

/** Posts to a webhook and signs by Standard Webhooks; `webhook-id` is the id of the notification in every attempt. */
export const sendWebhook = (deps: HttpDeps, linkOf: LinkOf): Send => async (notification) => {
  const { id, config, secret, previous_secret } = notification;
  const url = config?.url;
  if (typeof url !== "string" || !secret) return { outcome: "DEAD", error: "the channel has no URL or no secret" };
  const body = webhookBody(notification, linkOf);
  const now = new Date(deps.now());
  let signatures: string[];
  try {
    // During a key rotation both keys sign.
    signatures = [secret, previous_secret].filter((key) => key !== null).map((key) => new Webhook(key).sign(id, now, body));
  } catch {
    return { outcome: "DEAD", error: "the secret of the channel is not a Standard Webhooks secret (whsec_ and base64)" };
  }
  return await postJson(url, body, {
    "webhook-id": id,
    "webhook-timestamp": String(Math.floor(now.getTime() / 1000)),
    "webhook-signature": signatures.join(" "),
  }, deps);
};
