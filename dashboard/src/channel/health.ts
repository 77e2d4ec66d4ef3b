import type { z } from "zod";
import type { ChannelState } from "../../../types/alerts.ts";

export type Channel = z.infer<typeof ChannelState>;

/** The states of delivery of a channel: the status with the icon, the name, and the name for several channels. */
export const HEALTH = {
  FAILS: { of: "FAILED", name: "Fails", plural: "Failing" },
  UNPROVEN: { of: "PENDING", name: "Not proven", plural: "Unproven" },
  DELIVERS: { of: "OK", name: "Delivers", plural: "Delivering" },
  OFF: { of: "IDLE", name: "Off", plural: "Off" },
} as const;
export type Health = keyof typeof HEALTH;

/** Whether the channel is proven to deliver; a delivery before the last change proves nothing about the current settings. */
export const isProven = ({ proven_at, updated_at }: Channel): boolean =>
  proven_at !== null && Date.parse(proven_at) >= Date.parse(updated_at);

export function healthOf(channel: Channel): Health {
  if (!channel.is_active) return "OFF";
  if (channel.last_error !== null || channel.canary.failed_at !== null) return "FAILS";
  return isProven(channel) ? "DELIVERS" : "UNPROVEN";
}
