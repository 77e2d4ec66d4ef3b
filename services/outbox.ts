import { SEVERITIES } from "../types/sync.ts";
import type { ClaimedGroup, NotificationItem, OutboxRow } from "./contract/alerts.ts";

/** A state in a message; `is_new` when the message reports it, else an incident of the group that still fires. */
export type PlannedItem = NotificationItem & { is_new: boolean };

/** The content of a message, and the rows whose states the message reports; every other claimed row is superseded. */
interface Plan {
  items: PlannedItem[];
  reported: string[];
}

const isEnd = ({ kind }: NotificationItem): boolean => kind === "RESOLVED";
const rank = (item: NotificationItem): number => SEVERITIES.indexOf(item.severity);

/** Turns the first state that a destination receives into an opening. */
const asOpening = ({ item, received }: OutboxRow): NotificationItem =>
  received === "NO" && ["ESCALATED", "REPEAT", "ACKNOWLEDGED"].includes(item.kind) ? { ...item, kind: "FIRING" } : item;

/** Plans the message of a claimed group: the newest undelivered state of each incident, then the other firing incidents. */
export function planMessage({ rows, firing }: Pick<ClaimedGroup, "rows" | "firing">): Plan {
  const newest = [...new Map(rows.map((row) => [row.item.incident_id, row])).values()]
    .toSorted((a, b) => Number(isEnd(a.item)) - Number(isEnd(b.item)) || rank(b.item) - rank(a.item));
  return {
    items: [
      ...newest.map((row) => ({ ...asOpening(row), is_new: true })),
      ...firing.map((item) => ({ ...item, is_new: false })),
    ],
    reported: newest.map(({ id }) => id),
  };
}

/** The id of a message, a version 8 UUID (RFC 9562) of its destination, rows and content; an unchanged message keeps its id. */
export async function messageId({ channel, recipient }: Pick<ClaimedGroup, "channel" | "recipient">, plan: Plan): Promise<string> {
  const text = JSON.stringify([channel, recipient, plan]);
  const bytes = new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text))).slice(0, 16);
  bytes[6] = (bytes[6] ?? 0) & 0x0f | 0x80;
  bytes[8] = (bytes[8] ?? 0) & 0x3f | 0x80;
  return bytes.toHex().replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}
