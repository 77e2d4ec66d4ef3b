import { AppWindow, BellRing, Flame, Hash, Mail, MessageSquareText, MessagesSquare, Send, Siren, Webhook } from "lucide-preact";
import type { NotificationChannel } from "../../../types/alerts.ts";
import { CHANNEL_KINDS, type ChannelKind } from "../../../types/channel-kinds.ts";
import { SEVERITIES } from "../../../types/sync.ts";
import { targetOf } from "../channel-fields.ts";
import { counted, title } from "../format.ts";

const ICONS: Record<ChannelKind, typeof Webhook> = {
  webhook: Webhook,
  slack: Hash,
  teams: MessageSquareText,
  discord: MessagesSquare,
  telegram: Send,
  ntfy: BellRing,
  pagerduty: Siren,
  email: Mail,
  alertmanager: Flame,
  dashboard: AppWindow,
};

/** The kind of a channel, its address without secrets, and facts about its messages. */
function factsOf(channel: NotificationChannel): string[] {
  const { host, chat_id, to, header_digests } = targetOf(channel);
  const headers = Object.keys(header_digests).length;
  return [
    channel.kind === "dashboard" ? "Shown on this page" : CHANNEL_KINDS[channel.kind].title,
    chat_id ?? host ?? to.join(", "),
    channel.kind === "webhook" && !channel.has_secret ? "not signed" : "",
    headers ? counted(headers, "extra header") : "",
  ].filter(Boolean);
}

/** The name of a channel, its kind and its address; the recipients by severity are a small table. */
export function ChannelTarget({ channel }: { channel: NotificationChannel }) {
  const { by_severity } = targetOf(channel);
  const others = SEVERITIES.filter((severity) => by_severity[severity]?.length);
  const Icon = ICONS[channel.kind];
  return (
    <div class="channel">
      <Icon aria-hidden="true" />
      <h2>{channel.name}</h2>
      <p class="under">{factsOf(channel).join(" · ")}</p>
      {others.length > 0 && (
        <table class="recipients">
          <caption class="unseen">Recipients of {channel.name} by severity</caption>
          <tbody>
            {others.map((severity) => (
              <tr key={severity}>
                <th scope="row">{title(severity)}</th>
                <td>{by_severity[severity]?.join(", ")}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </div>
  );
}
