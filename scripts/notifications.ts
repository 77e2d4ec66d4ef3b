import { Webhook } from "standardwebhooks";
import { reportText, reportWords } from "../services/weekly-report-words.ts";
import { destinationOf, messageItem, messageOf, resolvedItem } from "../testing/messages.ts";
import { eventfulWeek } from "../testing/weekly-report.ts";
import type { Message } from "../supabase/functions/sync-alert-processor/channels/channel.ts";
import type { HttpDeps } from "../supabase/functions/sync-alert-processor/channels/http.ts";
import { sendReportSlack, sendSlack } from "../supabase/functions/sync-alert-processor/channels/slack.ts";
import { sendReportWebhook, sendWebhook } from "../supabase/functions/sync-alert-processor/channels/webhook.ts";
import { block, channelSections, json } from "./channel-sections.ts";
import { linksOf } from "../supabase/functions/sync-alert-processor/links.ts";
import { subjectOf, textOf } from "../supabase/functions/sync-alert-processor/message.ts";

const LINKS = linksOf({ DASHBOARD_URL: "https://monitor.example.com/", RUNBOOK_URL: "https://git.example.com/sync/blob/main/" });
const SENT_AT = "2026-06-10T12:01:00Z";

const escalated = messageItem({
  kind: "ESCALATED",
  severity: "CRITICAL",
  first_severity: "HIGH",
  reason: "not acknowledged for 30 minutes",
});
const tournament = (tournament_no: string, name: string) =>
  ({
    rule_name: "Match Schedule Tournament Failing",
    metric: "consecutive_failures",
    entity_type: "matches_schedule",
    tournament_no,
    severity: "MEDIUM",
    message: `consecutive failures of tournament ${tournament_no} in matches_schedule: 3 runs, at or above the threshold of 3 runs`,
    reason: `consecutive failures of tournament ${tournament_no} in matches_schedule: 3 runs, at or above the threshold of 3 runs`,
    evidence: { runs: 6, tournament: name, error: `VIS has no tournament ${tournament_no}` },
    runbook_url: "docs/runbook.md#match-schedule-tournament-failing",
  }) as const;
const group = [
  messageItem({ ...tournament("8104", "Gstaad"), incident_id: "00000000-0000-4000-8000-000000000002" }),
  resolvedItem({
    ...tournament("8110", "Doha"),
    incident_id: "00000000-0000-4000-8000-000000000003",
    reason: "recovered to 0 runs after 25 minutes",
    evidence: { runs: 6, tournament: "Doha", peak: 4 },
  }),
  messageItem({ ...tournament("8097", "Vienna"), incident_id: "00000000-0000-4000-8000-000000000004", is_new: false }),
];

const EXAMPLES: [title: string, about: string, message: Message][] = [
  ["An opening", "Ten of ten tournaments fail with the same error.", messageOf([messageItem()])],
  ["An escalation", "Nobody acknowledged the incident within the escalation delay of its rule.", messageOf([escalated], { id: uuid(2) })],
  ["An end", "The next run succeeded.", messageOf([resolvedItem()], { id: uuid(3) })],
  [
    "A group",
    "One tournament began to fail, another recovered, and a third still fails: the message reports it as context.",
    messageOf(group, { id: uuid(4) }),
  ],
];

function uuid(last: number): string {
  return `00000000-0000-4000-8000-0000000000b${last}`;
}

/** The request of a channel on a network that accepts every request. */
async function posted(send: (deps: HttpDeps) => Promise<unknown>): Promise<{ headers: Headers; body: string }> {
  const requests: RequestInit[] = [];
  await send({
    fetch: (_url, init) => {
      requests.push(init ?? {});
      return Promise.resolve(new Response("ok"));
    },
    resolve: () => Promise.resolve(["93.184.216.34"]),
    allowPrivate: false,
    now: () => Date.parse(SENT_AT),
  });
  const [request] = requests;
  if (!request) throw new Error("the channel posted nothing");
  return { headers: new Headers(request.headers), body: String(request.body) };
}

const SECRET = `whsec_${btoa("a secret of an example bytes")}`;
const HOOK = destinationOf({ channel: "ops-hook", config: { url: "https://receiver.example.com/alerts" }, secret: SECRET });
const TEAM = destinationOf({ channel: "team", kind: "slack", secret: "https://hooks.slack.com/services/T000/B000/XXXX" });

/** The three forms of a message. */
interface Forms {
  mail: string;
  slack: string;
  webhook: Awaited<ReturnType<typeof posted>>;
}

function section(title: string, about: string, id: string, { mail, slack, webhook }: Forms): string[] {
  const signature = new Webhook(SECRET).sign(id, new Date(SENT_AT), webhook.body);
  const isSigned = webhook.headers.get("webhook-signature") === signature && webhook.headers.get("webhook-id") === id;
  if (!isSigned) throw new Error("the webhook is not signed by Standard Webhooks");
  return [
    `## ${title}`,
    "",
    about,
    "",
    "Email, whose HTML part has the same content with links:",
    "",
    ...block("text", mail),
    "Slack:",
    "",
    ...block("json", json(slack)),
    "Webhook:",
    "",
    ...block("json", json(webhook.body)),
  ];
}

async function example([title, about, message]: (typeof EXAMPLES)[number]): Promise<string[]> {
  const webhook = await posted((deps) => sendWebhook(deps, LINKS)(message, HOOK));
  const { body: slack } = await posted((deps) => sendSlack(deps, LINKS)(message, TEAM));
  const mail = `Subject: ${subjectOf(message.items)}\n\n${textOf({ ...message, hourly_limit: 60 }, LINKS)}`;
  return section(title, about, message.id, { mail, slack, webhook });
}

async function reportExample(): Promise<string[]> {
  const report = eventfulWeek(), words = reportWords(report), id = uuid(5);
  const webhook = await posted((deps) => sendReportWebhook(deps, LINKS)({ id, report, ...words }, HOOK));
  const { body: slack } = await posted((deps) => sendReportSlack(deps, LINKS)({ id, report, ...words }, TEAM));
  const mail = `Subject: ${words.subject}\n\n${reportText(words, LINKS.page)}`;
  return section("A weekly report", "One of two objectives was missed, and an admin switched a rule off.", id, { mail, slack, webhook });
}

async function canaryExample(): Promise<string[]> {
  const item = messageItem({
    rule_name: "Channel Canary",
    metric: "canary",
    entity_type: "system",
    severity: "LOW",
    message: "channels whose test is due: 1 channel, at or above the threshold of 1 channel",
    reason: "channels whose test is due: 1 channel, at or above the threshold of 1 channel",
    evidence: {},
    began_at: "2026-06-10T12:00:00Z",
    opened_at: "2026-06-10T12:00:30Z",
    resolved_at: "2026-06-10T12:00:30Z",
    runbook_url: "docs/runbook.md#channel-canary",
  });
  const message = { ...messageOf([item], { id: uuid(6) }), group: { rule_name: item.rule_name, entity_type: item.entity_type } };
  const webhook = await posted((deps) => sendWebhook(deps, LINKS)(message, HOOK));
  const { body: slack } = await posted((deps) => sendSlack(deps, LINKS)(message, TEAM));
  const letter = messageOf([{ ...item, evidence: { canary_id: uuid(7) } }]);
  const mail = `Subject: ${subjectOf(letter.items)}\n\n${textOf({ ...letter, hourly_limit: 60 }, LINKS)}`;
  return section("A canary", "The test message of each channel. Only an email has a link to follow.", message.id, { mail, slack, webhook });
}

const WORDS = `# Notifications

Generated from the code by \`deno task notifications\`.

## What is sent, when and to whom

An incident is notified when it fires, when it escalates, after each repeat interval while it fires, when it flaps, and when it ends. Runs
that were missed while no rules were evaluated are notified afterwards, each once. A rule names the channels; an entity can name its own. An
email channel has recipients, and can have other recipients for a severity; each recipient receives a message of its own. A recipient of the
opening of an incident also receives its end, and every end says when the incident opened. PagerDuty has acknowledgements too, so it also
receives the acknowledgements of people here.

- **Groups.** One message reports all incidents of a rule and an entity: the changed ones, and as context the ones that still fire. The
  subject names the worst incident that fires and counts the others. It says "Resolved" only when every incident in the message has ended.
- **Undelivered states.** A channel sends only the newest of several undelivered states of an incident. An incident that ends before its
  first message was sent causes no message.
- **Retries.** A failed delivery is retried with growing delays, at most an hour apart; \`Retry-After\` of the receiver takes precedence. A
  message is DEAD three days after its first failed attempt, at 410 (Gone) of any receiver, at 400 of PagerDuty, or when the mail server
  refuses the recipient for good (5xx to RCPT). An attempt with an unchanged body has the same id (\`webhook-id\`, \`Message-ID\`), so that a
  receiver can discard a duplicate.
- **Hourly limit.** A channel receives at most its limit of messages per hour. The messages above the limit are combined into one message,
  which says so. CRITICAL incidents and their ends pass the limit.
- **Silences.** A silence mutes notifications and records everything. An end is delivered during a silence to each recipient of the opening.
  Incidents that still fire when the silence ends are notified then.
- **Inhibition.** An incident with the same cause as a notified one is recorded and not notified.

## The weekly report

A channel with "Weekly report" on (\`"weekly_report": true\` in \`PUT sync-admin/channels/<name>\`) receives one message on Monday after 07:00
UTC about the week from Monday to Monday, 00:00 UTC. The message has the objectives with the rest of their error budgets (missed ones and
those at risk first), the incidents that fired, the tournaments with the most failed results, and the changes of rules with their authors.
The figures are those at the end of the week, and each channel receives the same report. \`GET sync-monitoring/weekly-report\` returns the
last one, so that an operator can read it before a channel receives it.

An email channel sends the report to its recipients, not to the recipients of a severity. PagerDuty, Alertmanager and the dashboard receive
no report. A processor that did not run on Monday sends the report when it runs again. A refused report is retried for a day, with the
delays of the channel. A report is not sent again after a lost answer, so that nobody receives it twice. \`weekly_report_deliveries\` has the
status of each delivery. A webhook receives the report with \`"type": "weekly_report"\`, signed like each other message of the channel. The
hourly limit, silences and maintenance windows do not apply to reports.

## The canaries

A canary proves that a channel delivers: a test message that goes through rule, evaluation, outbox and channel like an incident. Its
interval is \`canary_every\` in \`PUT sync-admin/channels/<name>\`, from 1 hour to 31 days, and null sends none. It is a day for a new channel,
and 7 days for email. The first one is sent one interval after the channel was created. The message says that it is a test, that nothing is
wrong and that it has ended; no end follows. Its group is its own: the hourly limit, the group window, silences and maintenance windows of
incidents neither mute nor delay it. No list, count or report has it.

- **Webhook, Slack, Teams, Discord, Telegram and ntfy** are proven by their answer (2xx). A webhook has the labels
  \`alertname="Channel Canary"\`, \`metric="canary"\` and \`severity="low"\`, and the status \`resolved\`.
- **PagerDuty** is proven by a change event, which notifies nobody.
- **Email** is proven when somebody follows the link in it to the page and is signed in, in whichever role
  (\`POST sync-admin/canaries/<id>/confirm\`). Without \`DASHBOARD_URL\` the message names this request in place of a link.
- **Alertmanager** needs none: each post that its API accepts proves it, and 10 minutes without one are a failure. To the page nothing is
  sent.

\`GET sync-admin/channels\` has when a canary last proved each channel and by which stage, and the stage and the error of one that failed.
Each stage has 10 minutes, and the reader of an email has until the next canary. The rule "Channel Not Proven" notifies the other channels.

## The kinds of channels

An admin creates a channel on the page or by \`PUT sync-admin/channels/<name>\` with \`kind\` and the fields of the kind. Vault stores tokens,
the values of headers, and addresses that contain a key. No answer, log line or audit row contains them. A request without such a value
keeps the stored one. An address must be \`https\` and must not lead to a private address. Each failure is retried as above; the section of a
kind names its permanent failures. "Test" on the page sends an opening and its end.

KINDS

## Examples

The examples use the addresses of \`DASHBOARD_URL\` and \`RUNBOOK_URL\` (see [deploy.md](deploy.md)). Without \`DASHBOARD_URL\` a message has the
id of the incident instead of its address. Without \`RUNBOOK_URL\` a message links to the runbook on the page. Without both settings it has no
link to the runbook.
`;

/** The text of `docs/notifications.md`: the events, and the messages of each channel about an incident, a group, a week and a canary. */
export async function notificationsPage(): Promise<string> {
  const examples = await Promise.all(EXAMPLES.map(example));
  const kinds = await channelSections(LINKS);
  return [WORDS.replace("KINDS", () => kinds.join("\n").trimEnd()), ...examples.flat(), ...await reportExample(), ...await canaryExample()]
    .join("\n").trimEnd() +
    "\n";
}

if (import.meta.main) await Deno.writeTextFile(new URL("../docs/notifications.md", import.meta.url), await notificationsPage());
