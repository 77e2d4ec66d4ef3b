import type { Links } from "../supabase/functions/sync-alert-processor/channels/channel.ts";
import { createChannels } from "../supabase/functions/sync-alert-processor/notification-service.ts";
import { type PostingKind, SETTINGS } from "../testing/channel-examples.ts";
import { TestClock } from "../testing/clock.ts";
import { testEnv } from "../testing/env.ts";
import { destinationOf, messageItem, messageOf } from "../testing/messages.ts";
import { CHANNEL_KIND_NAMES, CHANNEL_KINDS, channelFields, type ChannelKind } from "../types/channel-kinds.ts";

/** The text of docs/notifications.md about each kind of channel, before its fields. */
const CHANNEL_WORDS: Record<ChannelKind, string> = {
  webhook:
    `Any web server of your own. It receives the format of Alertmanager (version 4). With a signing secret each message is signed by [Standard
Webhooks](https://www.standardwebhooks.com); a replaced secret still signs for 24 hours. Without a secret the messages are not signed, and the
receiver cannot verify the sender: then set an extra header that the receiver checks. The values of headers are stored like a secret and never
shown again. Names that concern the connection (such as \`Connection\`) or that the sender sets (such as \`Content-Type\` and
\`webhook-id\`) are refused. \`"secret": null\` removes the secret, \`"headers": {}\` removes the headers, and null as a value keeps the stored
one.`,
  slack:
    `In Slack open Apps, Incoming Webhooks, Add to Slack, choose the channel, and copy the webhook URL. A text that exceeds a limit of Slack is cut,
and the message says so.`,
  teams:
    `In Teams open the menu of the channel, Workflows, "Send webhook alerts to a channel". Copy the address that Teams shows, and let anyone trigger
the workflow. The message is an Adaptive Card of version 1.4 of at most 28 kB; it counts the incidents beyond this size. An answer of 202 means
that the workflow has started, and not that it has posted.`,
  discord:
    `In Discord open Edit channel, Integrations, Webhooks, New webhook, Copy webhook URL. To post to a thread add \`?thread_id=…\` to the URL. The
message has an embed for each incident, red to blue by severity and green for an end. It mentions nobody. After 429 the next attempt waits as
long as Discord asks for (\`retry_after\`).`,
  telegram:
    `Create a bot with @BotFather, copy its token, and add the bot to the group or make it an administrator of the channel. Send a message to the chat and call
\`https://api.telegram.org/bot<token>/getUpdates\`: the answer has the number of the chat. Links have no preview. After 429 the next attempt waits
as long as Telegram asks for (\`parameters.retry_after\`).`,
  ntfy:
    `Choose a topic on ntfy.sh or on your own server, and subscribe to it in the app. Anybody who knows the name of a topic without access control
can read the topic and publish to it. Neither the page nor the API shows the name. Choose a long name, or create an access token. The priority follows the severity (LOW 2, MEDIUM
3, HIGH 4, CRITICAL 5; an end 3), a tap opens the incident, and a button opens the runbook.`,
  pagerduty:
    `In PagerDuty open Service directory, the service, Integrations, Add an integration, "Events API V2", and copy the integration key. Each
incident here is one incident there (\`dedup_key\` is its id): an opening, an escalation and a repeat are \`trigger\`, an acknowledgement here is
\`acknowledge\`, an end is \`resolve\`. CRITICAL is \`critical\`, HIGH \`error\`, MEDIUM \`warning\`, LOW \`info\`. An answer of 400 means that the
event can never be accepted: the notification is DEAD at once. After the key is corrected, an operator resends the notification. An acknowledgement
in PagerDuty does not acknowledge the incident here. PagerDuty receives no weekly report.`,
  alertmanager:
    `An Alertmanager of your own, which groups, inhibits, silences, limits and repeats by its own configuration. Rules do not name it. Each
minute it receives every incident that fires, also inhibited and silenced ones, and the incidents that ended within 15 minutes
(\`/api/v2/alerts\`). Each alert ends 15 minutes after its last post, so that a shorter absence of the processor ends no alert. An Alertmanager
that starts empty has all alerts after the next post. The labels are those of the webhook and stay the same until the end. A failed post is not
retried, because the next post has the same alerts; \`system-status\` is FAILED until a post is accepted. Groups, the hourly limit, escalation
channels and the weekly report do not apply to it.`,
  email:
    `Clients that follow \`References\` show one thread per rule and entity. \`Auto-Submitted: auto-generated\` asks for no automatic reply. The
mail server is \`SMTP_URL\` (see [deploy.md](deploy.md)). Only a 5xx response to a recipient is permanent.`,
  dashboard:
    `The dashboard sends no message: the page shows each incident with its timeline, its notifications and every delivery attempt.`,
};

export const block = (language: string, text: string): string[] => ["```" + language, text.trimEnd(), "```", ""];
export const json = (text: string): string => JSON.stringify(JSON.parse(text), null, 2);

/** A word with its links and code, which is not broken across lines. */
const TOKEN = /(?:\[[^\]]*\]\([^)]*\)|`[^`]*`|\S)+/g;

/** A paragraph in lines of at most 140 characters, as deno fmt wraps it; each line after the first begins with the indent. */
function wrap(text: string, indent = ""): string[] {
  const lines: string[] = [];
  for (const word of text.replaceAll("\n", " ").match(TOKEN) ?? []) {
    const line = lines.at(-1);
    if (line !== undefined && `${line} ${word}`.length <= 140) lines[lines.length - 1] = `${line} ${word}`;
    else lines.push(line === undefined ? word : `${indent}${word}`);
  }
  return lines;
}

/** The body that a channel of the kind posts for an opening. */
async function postedBy(kind: PostingKind, links: Links): Promise<string> {
  const bodies: string[] = [];
  const fetch = (_url: unknown, init: RequestInit = {}) =>
    Promise.resolve(new Response(null, { status: bodies.push(String(init.body)) && 200 }));
  const network = { fetch, resolve: () => Promise.resolve(["93.184.216.34"]) };
  const { messages } = createChannels(testEnv({}), new TestClock("2026-06-10T12:01:00Z"), network, links);
  await messages[kind](messageOf([messageItem()]), destinationOf({ channel: "team", kind, ...SETTINGS[kind] }));
  return json(bodies[0] ?? "");
}

/** The fields of a kind as a list. */
const fieldList = (kind: ChannelKind): string[] =>
  channelFields(kind).flatMap(([path, { label, help, options = [] }]) => {
    const words = [help, ...options.map(([value, name]) => `\`${value}\`: ${name}.`)].filter(Boolean).join(" ");
    return wrap(`- **${label}**: \`${path}\`. ${words}`.trimEnd(), "  ");
  });

/** The section of a kind; the examples below have the messages of webhook, Slack and email. */
async function kindSection(kind: ChannelKind, links: Links): Promise<string[]> {
  const head = [
    `### ${CHANNEL_KINDS[kind].title}`,
    "",
    ...wrap(CHANNEL_WORDS[kind]),
    "",
    ...fieldList(kind),
    ...channelFields(kind).length ? [""] : [],
  ];
  if (kind === "webhook" || kind === "slack" || kind === "email" || kind === "dashboard") return head;
  return [...head, "An opening:", "", ...block("json", await postedBy(kind, links))];
}

/** A section for each kind of channel: the source of its settings, its fields, and a message. */
export const channelSections = async (links: Links): Promise<string[]> =>
  (await Promise.all(CHANNEL_KIND_NAMES.map((kind) => kindSection(kind, links)))).flat();
