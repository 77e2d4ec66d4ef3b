import { AppWindow, Hash, Mail, Webhook } from "lucide-preact";
import type { NotificationChannel } from "../../../types/alerts.ts";
import { SEVERITIES } from "../../../types/sync.ts";
import { KIND_NAMES, targetOf } from "../channel-fields.ts";
import { title } from "../format.ts";

const ICONS = { webhook: Webhook, slack: Hash, email: Mail, dashboard: AppWindow };

/** The name of a channel, its kind, and where it sends; recipients of one severity are a small table. */
export function ChannelTarget({ channel }: { channel: NotificationChannel }) {
  const { host, to, by_severity } = targetOf(channel);
  const others = SEVERITIES.filter((severity) => by_severity[severity]?.length);
  const address = host ?? to.join(", ");
  const Icon = ICONS[channel.kind];
  return (
    <div class="channel">
      <Icon aria-hidden="true" />
      <h2>{channel.name}</h2>
      <p class="under">
        {channel.kind === "dashboard" ? "Shown on this page" : KIND_NAMES[channel.kind]}
        {address && ` · ${address}`}
      </p>
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
