import { z } from "zod";
import type { ChannelField } from "./channel-field.ts";
import { CHANNEL_KIND_NAMES, CHANNEL_KINDS, channelFields, type ChannelKind } from "./channel-kinds.ts";
import { duration } from "./duration.ts";

const isNeeded = ({ is_optional, is_stored }: ChannelField): boolean => !is_optional && !is_stored;

/** The parts of a request that only some kinds have. */
function channelShape(kind: ChannelKind): { config?: z.ZodType; secret?: z.ZodType } {
  const fields = channelFields(kind).map(([path, field]) => [path.split("."), field] as const);
  const settings = fields.filter(([[place]]) => place === "config");
  const shape = Object.fromEntries(settings.map(([[, name], field]) => [name, isNeeded(field) ? field.schema : field.schema.optional()]));
  const config = z.strictObject(shape);
  const secret = fields.find(([[place]]) => place === "secret")?.[1];
  return {
    ...settings.length && { config: settings.some(([, field]) => isNeeded(field)) ? config : config.optional() },
    // Null removes a stored secret, when the secret is optional.
    ...secret && { secret: secret.is_optional ? secret.schema.nullable().optional() : secret.schema.optional() },
  };
}

const commonChannelFields = {
  /** Whether the channel is active; absent keeps the stored value, and a new channel is active. */
  is_active: z.boolean().optional(),
  /** The group window after a message; incidents that open in it are sent as one message at its end. */
  group_window: duration("group_window").optional(),
  /** The number of messages an hour; further messages are delivered later as one message with their number. */
  hourly_limit: z.number().int().min(1).max(10_000).optional(),
  /** Whether the channel receives the report of each week on Monday; absent keeps the stored value, and a new channel receives none. */
  weekly_report: z.boolean().optional(),
  /** The interval of the canaries; null for none. If absent, the stored interval stays, and a new channel gets the default of its kind. */
  canary_every: duration("canary_every").nullable().optional(),
};
type ChannelShape = typeof commonChannelFields & {
  kind: z.ZodLiteral<ChannelKind>;
  config: z.ZodOptional<z.ZodRecord<z.ZodString, z.ZodUnknown>>;
  secret: z.ZodOptional<z.ZodNullable<z.ZodString>>;
};

function channelRequest(kind: ChannelKind) {
  const noReport = { weekly_report: z.literal(false, "must be off for a channel of this kind, which sends no report").optional() };
  const report = CHANNEL_KINDS[kind].sends_report ? {} : noReport;
  const noCanary = { canary_every: z.null("must be null for a channel of this kind, which no test message proves").optional() };
  const canary = CHANNEL_KINDS[kind].canary ? {} : noCanary;
  // The cast is needed, because only the table of the kinds has the fields of a kind.
  return z.strictObject(
    { kind: z.literal(kind), ...channelShape(kind), ...commonChannelFields, ...report, ...canary } as unknown as ChannelShape,
  );
}
const channelRequests = CHANNEL_KIND_NAMES.map(channelRequest) as [ReturnType<typeof channelRequest>];

/**
 * `PUT sync-admin/channels/:name`; an absent address, headers or secret keeps the stored one. No response contains a secret, the value of a
 * header, or an address that can be the only key to its receiver. The database limits the number of all recipients of a channel.
 */
export const ChannelRequest = z.discriminatedUnion("kind", channelRequests);
