import { z } from "zod";
import { moment } from "./moment.ts";

const Position = z.object({ before_at: moment, before_id: z.uuid() });

/** The cursor of the page after the row with this time and id, in a list whose newest row is first. */
export const nextCursor = (at: string, id: string): string => btoa(JSON.stringify({ before_at: at, before_id: id }));

/** Parses a cursor into `{ before_at, before_id }`. */
export const cursor = z.string().max(300).transform((text, ctx) => {
  try {
    return Position.parse(JSON.parse(atob(text)));
  } catch {
    ctx.addIssue({ code: "custom", message: "must be a next_cursor of this list" });
    return z.NEVER;
  }
});
