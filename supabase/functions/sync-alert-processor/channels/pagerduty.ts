import type { Delivery, Destination } from "../../../../services/contract/alerts.ts";
import { isCanary } from "../../../../services/canary-words.ts";
import { hasEnded } from "../../../../services/evidence.ts";
import { causeOf, scopeOf } from "../../../../services/incident-words.ts";
import { safeText } from "../../../../services/text.ts";
import { addressOf, limitNoteOf, paragraphOf, subjectOf } from "../message.ts";
import type { Links, Message, MessageItem, Send } from "./channel.ts";
import { type Answers, type HttpDeps, invalidSetting, postJson } from "./http.ts";

/** The documented limit of a summary. */
const SUMMARY = 1_024;
const LINE = 2_000;
/** The number of parallel requests, because PagerDuty limits the events of an integration per minute. */
const AT_ONCE = 5;

const ANSWERS: Answers = { causes: { 400: "the integration key is wrong, or the event is invalid" }, permanent: [400] };
const SEVERITIES = { CRITICAL: "critical", HIGH: "error", MEDIUM: "warning", LOW: "info" } as const;

type Action = "trigger" | "acknowledge" | "resolve";
/** The actions of an item; the incident of missed runs has ended when it opens. */
function actionsOf(item: MessageItem): Action[] {
  if (item.kind === "MISSED") return ["trigger", "resolve"];
  if (hasEnded(item)) return ["resolve"];
  return [item.kind === "ACKNOWLEDGED" ? "acknowledge" : "trigger"];
}

function eventOf(item: MessageItem, event_action: Action, note: string | null, destination: Destination, links: Links): object {
  const { title, lines } = paragraphOf(item, links), scope = scopeOf(item);
  return {
    routing_key: destination.secret,
    event_action,
    // PagerDuty has one incident for each key, so every event of an incident has the same key.
    dedup_key: item.incident_id,
    payload: {
      summary: safeText(scope === null ? causeOf(item) : `${causeOf(item)} (${scope})`, SUMMARY),
      source: item.entity_type,
      severity: SEVERITIES[item.severity],
      timestamp: item.opened_at,
      component: item.tournament_no === null ? item.entity_type : `tournament ${item.tournament_no}`,
      group: safeText(item.rule_name, LINE),
      class: item.metric,
      custom_details: {
        state: safeText(title, LINE),
        facts: lines.flatMap((line) => "text" in line ? [safeText(line.text, LINE)] : []),
        ...note && { note },
      },
    },
    links: lines.flatMap((line) => "url" in line ? [{ href: line.url, text: `${line.label}: ${line.name}` }] : []),
    client: "Beach volleyball sync",
    ...links.page && { client_url: links.page },
  };
}

/** The change event of a canary; PagerDuty shows change events beside incidents and notifies nobody of them. */
function changeOf(item: MessageItem, destination: Destination, links: Links): object {
  const { title, lines } = paragraphOf(item, links), page = addressOf(item, links);
  const facts = lines.flatMap((line) => "text" in line ? [safeText(line.text, LINE)] : []);
  return {
    routing_key: destination.secret,
    payload: {
      summary: safeText(subjectOf([item]), SUMMARY),
      timestamp: item.opened_at,
      source: item.entity_type,
      custom_details: { state: safeText(title, LINE), facts },
    },
    links: page ? [{ href: page, text: "Channels: open on the page" }] : [],
  };
}

/** The outcome of a message from the outcomes of its events; RETRY when one event can succeed later. */
function outcomeOf(deliveries: Delivery[]): Delivery {
  const failed = deliveries.filter(({ outcome }) => outcome !== "SENT");
  const first = failed.find(({ outcome }) => outcome === "RETRY") ?? failed[0] ?? deliveries[0];
  return { ...first ?? { outcome: "SENT" as const }, is_answered: deliveries.every(({ is_answered }) => is_answered) };
}

/** Sends the events of one incident in their order. */
async function sendEvents(
  deps: HttpDeps,
  item: MessageItem,
  note: string | null,
  destination: Destination,
  links: Links,
): Promise<Delivery> {
  const send = (path: string, event: object) =>
    postJson(`https://${destination.config.host}/v2/${path}`, JSON.stringify(event), {}, deps, ANSWERS);
  if (isCanary(item)) return await send("change/enqueue", changeOf(item, destination, links));
  const deliveries: Delivery[] = [];
  for (const action of actionsOf(item)) {
    const delivery = await send("enqueue", eventOf(item, action, note, destination, links));
    deliveries.push(delivery);
    if (delivery.outcome !== "SENT") break;
  }
  return outcomeOf(deliveries);
}

/** Sends an event for each new state of an incident (Events API v2); an unchanged firing incident was sent before. */
export const sendPagerduty = (deps: HttpDeps, links: Links): Send => async (message: Message, destination) => {
  const invalid = invalidSetting(destination);
  if (invalid) return invalid;
  const note = limitNoteOf({ ...message, hourly_limit: destination.hourly_limit });
  const items = message.items.filter(({ is_new }) => is_new), deliveries: Delivery[] = [];
  for (let start = 0; start < items.length; start += AT_ONCE) {
    const some = items.slice(start, start + AT_ONCE);
    deliveries.push(...await Promise.all(some.map((item) => sendEvents(deps, item, note, destination, links))));
    // After a 429 or a failure, further events fail alike. A repeated event has the same key.
    if (deliveries.some(({ outcome }) => outcome === "RETRY")) break;
  }
  return outcomeOf(deliveries);
};
