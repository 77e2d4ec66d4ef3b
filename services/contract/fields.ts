// The fields that the arguments of several functions have.
import { z } from "zod";

/** The time of a call; without it the database uses its own clock. */
export const as_of = z.string().optional();

/** The person or service that acts, for the audit log. */
export const Actor = z.strictObject({
  name: z.string(),
  id: z.string().nullable(),
  role: z.string(),
  request_id: z.string(),
  address: z.string().nullable(),
});
export type Actor = z.infer<typeof Actor>;

/** A page of a list whose newest row is first: its length, and the row before it. */
export const page = { before_at: z.string().optional(), before_id: z.string().optional(), limit: z.number().int() };
