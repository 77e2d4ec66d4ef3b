import type { Context } from "hono";
import { z } from "zod";
import { AppError } from "../../../services/errors.ts";
import type { Rpc } from "../../../services/rpc.ts";
import { type AppVariables, notModified } from "../_shared/app.ts";

const Answer = z.object({ etag: z.string(), is_same: z.boolean(), body: z.unknown().optional() });

/** The database for one read of one request: asks with the caller's tag and sets the answer's. @throws notModified when they are the same */
export function readerOf(c: Context<AppVariables>, rpc: Rpc): Rpc {
  return async (fn, { as_of, p = {} }, answer) => {
    const known = c.req.header("if-none-match");
    const { etag, is_same, body } = await rpc("read_with_etag", { p: { fn, p, known }, as_of }, Answer);
    c.header("etag", etag);
    if (is_same) throw notModified;
    c.header("cache-control", "private, no-cache");
    const parsed = answer.safeParse(body);
    if (!parsed.success) {
      throw new AppError("INTERNAL", "the database answered another shape than was written for", undefined, { cause: parsed.error });
    }
    return parsed.data;
  };
}
