// The fields that several functions have in their arguments.
import { z } from "zod";

/** The time of a call; without it the database uses its own clock. */
export const as_of = z.string().optional();

/** The person or service that acts, for the audit log. */
export const Actor = z.strictObject({
  name: z.string(),
  id: z.string().nullable(),
  role: z.string(),
  /** The id that the edge function created for the request. */
  request_id: z.string(),
  /** The correlation id that the caller sent. */
  correlation_id: z.string().nullable(),
  address: z.string().nullable(),
  /** Whether the address is from a header that callers can set, and not from the trusted header. */
  address_is_claimed: z.boolean(),
  /** The voucher of each action that the call can make; none without AUDIT_KEY. */
  vouchers: z.record(z.string(), z.string()).optional(),
});
export type Actor = z.infer<typeof Actor>;

/** A page of a list whose newest row is first: its length, and the row before it. */
export const page = { before_at: z.string().optional(), before_id: z.string().optional(), limit: z.number().int() };
