import { z } from "zod";

const Position = z.object({ before_at: z.iso.datetime({ offset: true }), before_id: z.uuid() });

/** The cursor after the row of a time and an id, in a list that goes from new to old. */
export const nextCursor = (at: string, id: string): string => btoa(JSON.stringify({ before_at: at, before_id: id }));

/** Reads a cursor back into `{ before_at, before_id }`. */
export const cursor = z.string().max(300).transform((text, ctx) => {
  try {
    return Position.parse(JSON.parse(atob(text)));
  } catch {
    ctx.addIssue({ code: "custom", message: "is not a cursor of this list" });
    return z.NEVER;
  }
});
