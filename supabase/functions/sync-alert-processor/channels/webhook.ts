import { Webhook } from "standardwebhooks";
import { subjectOf, withheldOf } from "../message.ts";
import type { Claimed, LinkOf, Notice, Send } from "./channel.ts";
import { type HttpDeps, postJson } from "./http.ts";

const alertOf = (notice: Notice, linkOf: LinkOf) => ({
  status: notice.resolved_at === null ? "firing" : "resolved",
  labels: {
    alertname: notice.rule_name,
    severity: notice.severity.toLowerCase(),
    entity_type: notice.entity_type,
    metric: notice.metric,
    ...(notice.tournament_no === null ? {} : { tournament_no: notice.tournament_no }),
  },
  annotations: {
    summary: notice.message,
    description: notice.reason,
    kind: notice.kind,
    evidence: JSON.stringify(notice.evidence),
    ...(notice.runbook_url ? { runbook_url: notice.runbook_url } : {}),
  },
  startsAt: notice.began_at ?? notice.opened_at,
  endsAt: notice.resolved_at ?? "0001-01-01T00:00:00Z",
  generatorURL: linkOf(notice.incident_id) ?? "",
  fingerprint: notice.incident_id,
});

/** The body in Alertmanager's version 4 shape, so that every receiver of that understands it. */
function webhookBody(notification: Claimed, linkOf: LinkOf): string {
  const { items, channel } = notification;
  const alerts = items.map((notice) => alertOf(notice, linkOf));
  const withheld = withheldOf(notification);
  return JSON.stringify({
    version: "4",
    groupKey: `{}:{receiver="${channel}"}`,
    truncatedAlerts: 0,
    status: alerts.every((alert) => alert.status === "resolved") ? "resolved" : "firing",
    receiver: channel,
    groupLabels: {},
    commonLabels: {},
    commonAnnotations: { summary: subjectOf(items), ...(withheld ? { withheld } : {}) },
    externalURL: "",
    alerts,
  });
}

/** Posts to a webhook, signed by Standard Webhooks; `webhook-id` is the notification's id, the same for every try. */
export const sendWebhook = (deps: HttpDeps, linkOf: LinkOf): Send => async (notification) => {
  const { id, config, secret, previous_secret } = notification;
  const url = config?.url;
  if (typeof url !== "string" || !secret) return { outcome: "DEAD", error: "the channel has no URL or no secret" };
  const body = webhookBody(notification, linkOf);
  const now = new Date(deps.now());
  let signatures: string[];
  try {
    // While receivers change over, both keys sign.
    signatures = [secret, previous_secret].filter((key) => key !== null).map((key) => new Webhook(key).sign(id, now, body));
  } catch {
    return { outcome: "DEAD", error: "the channel's secret is not one of Standard Webhooks (whsec_ and base64)" };
  }
  return await postJson(url, body, {
    "webhook-id": id,
    "webhook-timestamp": String(Math.floor(now.getTime() / 1000)),
    "webhook-signature": signatures.join(" "),
  }, deps);
};
