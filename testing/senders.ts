import { CHANNEL_KIND_NAMES, type ChannelKind } from "../types/channel-kinds.ts";

/** The same sender for each kind of channel. */
export const everyKind = <Sender>(send: Sender): Record<ChannelKind, Sender> =>
  Object.fromEntries(CHANNEL_KIND_NAMES.map((kind) => [kind, send])) as Record<ChannelKind, Sender>;
