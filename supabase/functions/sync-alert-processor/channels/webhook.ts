import { Webhook } from "standardwebhooks";
import type { Delivery, Destination } from "../../../../services/contract/alerts.ts";
import { hasEnded } from "../../../../services/evidence.ts";
import { SentHeaders } from "../../../../types/extra-headers.ts";
import { reportText } from "../../../../services/weekly-report-words.ts";
import { addressOf, limitNoteOf } from "../message.ts";
import { annotationsOf, labelsOf, type Texts } from "./alert-format.ts";
import type { Links, Message, Send, SendReport } from "./channel.ts";
import { type HttpDeps, postJson, refuse } from "./http.ts";

/** The end of a firing alert in the format of Alertmanager: the zero time of Go. */
const NO_END = "0001-01-01T00:00:00Z";

/** The names and values that all `texts` have in common. */
const commonOf = ([first = {}, ...rest]: Texts[]): Texts =>
  Object.fromEntries(Object.entries(first).filter(([name, value]) => rest.every((texts) => texts[name] === value)));

/** Labels in the form of the group keys of Alertmanager. */
const inBraces = (labels: Texts): string =>
  `{${Object.keys(labels).sort().map((name) => `${name}=${JSON.stringify(labels[name])}`).join(", ")}}`;

/** The body in version 4 of Alertmanager's webhook format, which many receivers read. */
function webhookBody({ group, items, over_limit }: Message, { channel, hourly_limit }: Destination, links: Links): string {
  const limitNote = limitNoteOf({ over_limit, hourly_limit });
  const alerts = items.map((item) => ({
    status: hasEnded(item) ? "resolved" : "firing",
    labels: labelsOf(item),
    annotations: annotationsOf(item, links, limitNote),
    startsAt: item.began_at ?? item.opened_at,
    endsAt: item.resolved_at ?? NO_END,
    generatorURL: addressOf(item, links) ?? "",
    fingerprint: item.incident_id,
  }));
  const groupLabels = { alertname: group.rule_name, entity_type: group.entity_type };
  return JSON.stringify({
    version: "4",
    // The key has the route of Alertmanager, which is always the root, and the labels of the group.
    groupKey: `{}:${inBraces(groupLabels)}`,
    // The body has every alert of the message.
    truncatedAlerts: 0,
    status: alerts.some(({ status }) => status === "firing") ? "firing" : "resolved",
    receiver: channel,
    groupLabels,
    commonLabels: commonOf(alerts.map(({ labels }) => labels)),
    commonAnnotations: commonOf(alerts.map(({ annotations }) => annotations)),
    // The templates of Alertmanager append /#/alerts, which is also the path of the incidents on the page.
    externalURL: links.page?.replace(/\/$/, "") ?? "",
    alerts,
  });
}

/** The headers that sign a body by Standard Webhooks; null when a secret has another form. */
function signatureOf(id: string, now: Date, body: string, secrets: string[]): Texts | null {
  try {
    return {
      "webhook-id": id,
      "webhook-timestamp": String(Math.floor(now.getTime() / 1000)),
      "webhook-signature": secrets.map((secret) => new Webhook(secret).sign(id, now, body)).join(" "),
    };
  } catch {
    return null;
  }
}

/** Posts a body to a webhook with the extra headers of the channel, and signs it when the channel has a secret. */
async function postSigned(deps: HttpDeps, id: string, body: string, destination: Destination): Promise<Delivery> {
  const { config: { url, headers }, secret, previous_secret } = destination;
  if (typeof url !== "string") return refuse("the channel has no URL");
  const extra = SentHeaders.safeParse(headers ?? {}).data;
  if (!extra) return refuse("the channel has no valid extra headers");
  // During the rotation of a secret, a receiver has the old one or the new one.
  const secrets = [secret, previous_secret].filter((key) => key !== null);
  const signature = secret ? signatureOf(id, new Date(deps.now()), body, secrets) : { "webhook-id": id };
  if (!signature) return refuse("the secret of the channel is not a Standard Webhooks secret (whsec_ and base64)");
  return await postJson(url, body, { ...extra, ...signature }, deps);
}

/** Posts a message about incidents. */
export const sendWebhook = (deps: HttpDeps, links: Links): Send => (message, destination) =>
  postSigned(deps, message.id, webhookBody(message, destination, links), destination);

/** Posts a weekly report: its type, its figures, its words, and the address of the page. */
export const sendReportWebhook = (deps: HttpDeps, { page }: Links): SendReport => ({ id, report, subject, sections }, destination) => {
  const text = reportText({ subject, sections }, page);
  const body = { type: "weekly_report", receiver: destination.channel, subject, text, page_url: page, ...report };
  return postSigned(deps, id, JSON.stringify(body), destination);
};
