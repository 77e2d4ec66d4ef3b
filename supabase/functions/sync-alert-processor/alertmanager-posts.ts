import type { Clock } from "../../../services/clock.ts";
import type { Log } from "../../../services/log.ts";
import type { Rpc } from "../../../services/rpc.ts";
import type { Channels } from "./notification-service.ts";

/**
 * Posts every incident that fires, or ended within 15 minutes, to each Alertmanager, and returns the number of posts. The posts are outside
 * the outbox, because Alertmanager groups, inhibits, limits and repeats its notifications. @throws DatabaseError
 */
export async function postAlerts(rpc: Rpc, clock: Clock, log: Log, { messages }: Pick<Channels, "messages">): Promise<number> {
  const { receivers, items } = await rpc("get_alertmanager_alerts", { as_of: clock.asOf() });
  await Promise.all(receivers.map(async (receiver) => {
    const id = crypto.randomUUID(), group = { rule_name: "all", entity_type: "all" };
    const message = { id, group, items: items.map((item) => ({ ...item, is_new: true })), over_limit: 0 };
    const { outcome, error, status_code } = await messages.alertmanager(message, receiver);
    const failure = outcome === "SENT" ? null : error ?? outcome;
    await rpc("record_alertmanager_post", { p: { name: receiver.channel, error: failure }, as_of: clock.asOf() });
    log(failure === null ? "info" : "warn", "alerts_posted", {
      channel: receiver.channel,
      alerts: items.length,
      outcome,
      status_code,
      error,
    });
  }));
  return receivers.length;
}
