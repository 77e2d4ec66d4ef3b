import { z } from "zod";
import type { NotificationChannel } from "../../types/alerts.ts";
import { SEVERITIES } from "../../types/sync.ts";

/** The name of each kind of channel. */
export const KIND_NAMES: Record<NotificationChannel["kind"], string> = {
  webhook: "Webhook",
  slack: "Slack",
  email: "Email",
  dashboard: "This page",
};

type Severity = typeof SEVERITIES[number];

const Config = z.object({
  host: z.string().optional(),
  to: z.array(z.string()).default([]),
  by_severity: z.partialRecord(z.enum(SEVERITIES), z.array(z.string())).default({}),
}).catch({ to: [], by_severity: {} });

/** The address of a channel as far as it is shown: a host, or the recipients, also those of one severity. */
export const targetOf = ({ config }: Pick<NotificationChannel, "config">): z.infer<typeof Config> => Config.parse(config);

/** The form's fields for a channel, as text; the defaults for a new one. */
export function fieldsOf(channel: NotificationChannel | null) {
  const { to, by_severity } = channel ? targetOf(channel) : Config.parse({});
  return {
    name: channel?.name ?? "",
    kind: channel?.kind ?? "webhook" as NotificationChannel["kind"],
    url: "",
    to: to.join(", "),
    by_severity: Object.fromEntries(SEVERITIES.map((severity) => [severity, by_severity[severity]?.join(", ") ?? ""])) as Record<
      Severity,
      string
    >,
    secret: "",
    group_window: channel?.group_window ?? "30 seconds",
    hourly_limit: String(channel?.hourly_limit ?? 60),
    is_active: channel?.is_active ?? true,
    weekly_report: channel?.weekly_report ?? false,
  };
}
export type Fields = ReturnType<typeof fieldsOf>;

const listOf = (text: string): string[] => text.split(",").map((address) => address.trim()).filter(Boolean);

/** The request body. An empty address or secret is not sent, so that the stored one stays. */
export function requestOf(fields: Fields): Record<string, unknown> {
  const { kind, url, secret } = fields;
  const limit = fields.hourly_limit.trim();
  const bySeverity = SEVERITIES.map((severity) => [severity, listOf(fields.by_severity[severity])] as const).filter(([, to]) => to.length);
  return {
    kind,
    ...kind === "webhook" && url.trim() ? { config: { url: url.trim() } } : {},
    ...kind === "email"
      ? { config: { to: listOf(fields.to), ...bySeverity.length ? { by_severity: Object.fromEntries(bySeverity) } : {} } }
      : {},
    ...secret && (kind === "webhook" || kind === "slack") ? { secret } : {},
    group_window: fields.group_window,
    // An invalid number is sent as text, so that the server reports it together with the other invalid fields.
    hourly_limit: limit === "" || Number.isNaN(Number(limit)) ? limit : Number(limit),
    is_active: fields.is_active,
    weekly_report: fields.weekly_report && kind !== "dashboard",
  };
}
