import { z } from "zod";
import type { NotificationChannel } from "../../types/alerts.ts";
import type { ChannelField } from "../../types/channel-field.ts";
import { CHANNEL_KINDS, channelFields } from "../../types/channel-kinds.ts";
import { SEVERITIES } from "../../types/sync.ts";

type Severity = typeof SEVERITIES[number];

const Config = z.object({
  host: z.string().optional(),
  chat_id: z.string().optional(),
  header_digests: z.record(z.string(), z.string()).default({}),
  to: z.array(z.string()).default([]),
  by_severity: z.partialRecord(z.enum(SEVERITIES), z.array(z.string())).default({}),
}).catch({ header_digests: {}, to: [], by_severity: {} });

/** The visible part of the address of a channel: a host, a chat, the names of headers, or the recipients, also by severity. */
export const targetOf = ({ config }: Pick<NotificationChannel, "config">): z.infer<typeof Config> => Config.parse(config);

/** The text of a field of a channel; undefined for a field without a value. */
function textOf(channel: NotificationChannel, path: string, { control }: ChannelField): string | undefined {
  const target = targetOf(channel), value = channel.config[path.replace("config.", "")];
  if (control === "recipients") return target.to.join(", ");
  // No answer has the values of headers; a line without a value keeps the stored one.
  if (control === "headers") return Object.keys(target.header_digests).map((name) => `${name}:`).join("\n") || undefined;
  return typeof value === "string" ? value : undefined;
}

/** The texts of the fields of a channel by their path. */
function valuesOf(channel: NotificationChannel | null): Record<string, string> {
  if (!channel) return {};
  const texts = channelFields(channel.kind).map(([path, field]) => [path, textOf(channel, path, field)] as const);
  return Object.fromEntries(texts.filter((entry): entry is readonly [string, string] => entry[1] !== undefined));
}

/** The fields of the form for a channel, as text; the defaults for a new channel. */
export function fieldsOf(channel: NotificationChannel | null) {
  const { by_severity } = channel ? targetOf(channel) : Config.parse({});
  return {
    name: channel?.name ?? "",
    kind: channel?.kind ?? "webhook" as NotificationChannel["kind"],
    /** The texts of the fields of the kind by their path in a request. */
    values: valuesOf(channel),
    removes_secret: false,
    by_severity: Object.fromEntries(SEVERITIES.map((severity) => [severity, by_severity[severity]?.join(", ") ?? ""])) as Record<
      Severity,
      string
    >,
    group_window: channel?.group_window ?? "30 seconds",
    hourly_limit: String(channel?.hourly_limit ?? 60),
    is_active: channel?.is_active ?? true,
    weekly_report: channel?.weekly_report ?? false,
    /** Null for the interval of the kind. */
    canary_every: channel ? channel.canary_every ?? "" : null,
  };
}
export type Fields = ReturnType<typeof fieldsOf>;

const listOf = (text: string): string[] => text.split(",").map((address) => address.trim()).filter(Boolean);

/** The headers of lines such as `Name: value`; a line without a value keeps the stored one. */
function headersOf(text: string): Record<string, string | null> {
  const lines = text.split("\n").map((line) => line.trim()).filter(Boolean);
  return Object.fromEntries(lines.map((line) => {
    const [name = "", ...value] = line.split(":");
    return [name.trim(), value.join(":").trim() || null];
  }));
}

/** The recipients of each severity with its own recipients. */
function bySeverity(fields: Fields): Record<string, string[]> | undefined {
  const lists = SEVERITIES.map((severity) => [severity, listOf(fields.by_severity[severity])] as const).filter(([, to]) => to.length);
  return lists.length ? Object.fromEntries(lists) : undefined;
}

/** The value of a field in a request; undefined omits the field, so that a stored value stays. */
function valueOf(fields: Fields, path: string, { control, options, is_optional, is_stored }: ChannelField): unknown {
  const text = fields.values[path]?.trim();
  if (control === "recipients_by_severity") return bySeverity(fields);
  if (control === "recipients") return listOf(text ?? "");
  if (control === "headers") return text === undefined ? undefined : headersOf(text);
  if (path === "secret" && fields.removes_secret) return null;
  return text || (is_optional || is_stored ? undefined : options?.[0]?.[0] ?? "");
}

/** The interval of the canaries as text; empty for a channel without canaries. */
export const canaryOf = ({ canary_every, kind }: Fields): string => canary_every ?? CHANNEL_KINDS[kind].canary ?? "";

/** The request body; an empty address or secret is omitted, so that the stored one stays. */
export function requestOf(fields: Fields): Record<string, unknown> {
  const { kind } = fields, limit = fields.hourly_limit.trim();
  const values = channelFields(kind).map(([path, field]) => [path, valueOf(fields, path, field)] as const)
    .filter(([, value]) => value !== undefined);
  const config = values.filter(([path]) => path !== "secret").map(([path, value]) => [path.replace("config.", ""), value]);
  return {
    kind,
    ...config.length ? { config: Object.fromEntries(config) } : {},
    ...Object.fromEntries(values.filter(([path]) => path === "secret")),
    group_window: fields.group_window,
    // An invalid number is sent as text, so that the server reports it together with the other invalid fields.
    hourly_limit: limit === "" || Number.isNaN(Number(limit)) ? limit : Number(limit),
    is_active: fields.is_active,
    weekly_report: fields.weekly_report && CHANNEL_KINDS[kind].sends_report,
    ...CHANNEL_KINDS[kind].canary && { canary_every: canaryOf(fields).trim() || null },
  };
}
