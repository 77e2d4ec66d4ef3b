import { z } from "zod";
import { webUrl } from "./address.ts";
import { type ChannelField, EXTRA_HEADERS, SECRET_ADDRESS, TopicUrl } from "./channel-field.ts";
import { SEVERITIES } from "./sync.ts";

/** The fields and abilities of a kind of channel. */
interface Kind {
  title: string;
  /** Whether a channel can receive the report of each week. */
  sends_report: boolean;
  /** The interval of the canaries of a new channel; null for the page, and for Alertmanager, because each accepted post proves it. */
  canary: string | null;
  /** Whether rules name the channel; a channel that rules do not name receives every incident each minute. */
  is_for_rules: boolean;
  /** Whether the receiver has its own acknowledgements, so that the processor sends it the acknowledgements of people here. */
  knows_acknowledgement: boolean;
  /** The fields by their path in a request, in the order of the form. */
  fields: Record<string, ChannelField>;
}

const recipients = z.array(z.email()).min(1);
const MESSENGER = { sends_report: true, canary: "1 day", is_for_rules: true, knows_acknowledgement: false } as const;

const PAGERDUTY_HOSTS = ["events.pagerduty.com", "events.eu.pagerduty.com"] as const;

/** Each kind of channel; the requests of the API, the form of the page and docs/notifications.md are made from this table. */
export const CHANNEL_KINDS = {
  webhook: {
    title: "Webhook",
    ...MESSENGER,
    fields: {
      "config.url": {
        label: "Address",
        help: "It receives messages in the format of Alertmanager.",
        control: "address",
        schema: webUrl.max(2000),
        placeholder: "https://",
        is_stored: true,
      },
      secret: {
        label: "Signing secret (optional)",
        help:
          "whsec_ and 24 to 64 bytes of base64. Without one the messages are not signed, and anyone who knows the address can forge them.",
        control: "secret",
        schema: z.string().regex(/^whsec_[A-Za-z0-9+/]{32,88}={0,2}$/, "must be whsec_ and 24 to 64 bytes of base64"),
        is_optional: true,
        is_stored: true,
      },
      "config.headers": EXTRA_HEADERS,
    },
  },
  slack: {
    title: "Slack",
    ...MESSENGER,
    fields: { secret: { label: "Incoming webhook address", help: "The address that Slack shows for the webhook.", ...SECRET_ADDRESS } },
  },
  teams: {
    title: "Microsoft Teams",
    ...MESSENGER,
    fields: {
      secret: {
        label: "Workflow address",
        help: "The address of the workflow “Send webhook alerts to a channel” in Teams.",
        ...SECRET_ADDRESS,
      },
    },
  },
  discord: {
    title: "Discord",
    ...MESSENGER,
    fields: {
      secret: { label: "Webhook address", help: "In Discord: Edit channel, Integrations, Webhooks, Copy webhook URL.", ...SECRET_ADDRESS },
    },
  },
  telegram: {
    title: "Telegram",
    ...MESSENGER,
    fields: {
      secret: {
        label: "Bot token",
        help: "The token that @BotFather shows for the bot.",
        control: "secret",
        schema: z.string().regex(/^\d{6,12}:[\w-]{30,60}$/, "must be a number, a colon and the key of the bot, as @BotFather shows it"),
        is_stored: true,
      },
      "config.chat_id": {
        label: "Chat",
        help: "The number of the chat, which is negative for a group, or @name of a public channel. The bot must be a member.",
        control: "text",
        schema: z.string().regex(
          /^(?:-?\d{1,16}|@[A-Za-z]\w{3,31})$/,
          "must be the number of a chat, or @ and the name of a public channel",
        ),
      },
    },
  },
  ntfy: {
    title: "ntfy",
    ...MESSENGER,
    fields: {
      "config.url": {
        label: "Topic address",
        help: "The server and the topic. On a public server anybody who knows the topic can read it.",
        control: "address",
        schema: TopicUrl,
        placeholder: "https://ntfy.sh/",
        is_stored: true,
      },
      secret: {
        label: "Access token (optional)",
        help: "tk_ and letters and digits; for a topic that is not public.",
        control: "secret",
        schema: z.string().regex(/^tk_[A-Za-z0-9]{10,100}$/, "must be tk_ and 10 to 100 letters and digits"),
        is_optional: true,
        is_stored: true,
      },
    },
  },
  pagerduty: {
    title: "PagerDuty",
    sends_report: false,
    canary: "1 day",
    is_for_rules: true,
    knows_acknowledgement: true,
    fields: {
      secret: {
        label: "Integration key",
        help: "The key of the integration “Events API V2” of a service in PagerDuty.",
        control: "secret",
        schema: z.string().regex(/^[A-Za-z0-9]{32}$/, "must have 32 letters and digits"),
        is_stored: true,
      },
      "config.host": {
        label: "Service region",
        help: "Where the account is: an account of the EU has eu in the address of its pages.",
        control: "choice",
        schema: z.enum(PAGERDUTY_HOSTS),
        options: [["events.pagerduty.com", "United States"], ["events.eu.pagerduty.com", "Europe"]],
      },
    },
  },
  email: {
    title: "Email",
    ...MESSENGER,
    // An email needs a person who follows its link, so its canaries are less frequent.
    canary: "7 days",
    fields: {
      "config.to": { label: "Recipients", help: "Email addresses, separated by commas.", control: "recipients", schema: recipients },
      "config.by_severity": {
        label: "Other recipients for a severity",
        help: "",
        control: "recipients_by_severity",
        schema: z.partialRecord(z.enum(SEVERITIES), recipients),
        is_optional: true,
      },
    },
  },
  alertmanager: {
    title: "Alertmanager",
    sends_report: false,
    canary: null,
    is_for_rules: false,
    knows_acknowledgement: false,
    fields: {
      "config.url": {
        label: "Address",
        help: "The address of its page, without /api/v2. It receives every incident each minute, whatever the rules name.",
        control: "address",
        schema: webUrl.max(2000),
        placeholder: "https://",
        is_stored: true,
      },
      "config.headers": EXTRA_HEADERS,
    },
  },
  dashboard: { title: "This page", sends_report: false, canary: null, is_for_rules: true, knows_acknowledgement: false, fields: {} },
} as const satisfies Record<string, Kind>;

export type ChannelKind = keyof typeof CHANNEL_KINDS;
export const CHANNEL_KIND_NAMES = Object.keys(CHANNEL_KINDS) as [ChannelKind, ...ChannelKind[]];
/** A kind that can receive the report of each week. */
export type ReportKind = { [K in ChannelKind]: (typeof CHANNEL_KINDS)[K]["sends_report"] extends true ? K : never }[ChannelKind];
export const REPORT_KINDS = CHANNEL_KIND_NAMES.filter((kind) => CHANNEL_KINDS[kind].sends_report) as [ReportKind, ...ReportKind[]];

/** The fields of a kind by their path. */
export function channelFields(kind: ChannelKind): [path: string, field: ChannelField][] {
  const { fields }: Kind = CHANNEL_KINDS[kind];
  return Object.entries(fields);
}
