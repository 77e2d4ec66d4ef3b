import type { Context } from "hono";
import { z } from "zod";
import type { Clock } from "../../../services/clock.ts";
import { AppError } from "../../../services/errors.ts";
import type { Rpc } from "../../../services/rpc.ts";
import { type AppVariables, NotModified } from "../_shared/app.ts";

const Answer = z.object({ etag: z.string(), is_same: z.boolean(), body: z.unknown().optional() });

/** The tags of an If-None-Match header, all as weak tags, because their comparison is weak (RFC 9110, 13.1.2); `*` stays `*`. */
function tagsOf(header: string | undefined): string[] {
  return (header ?? "").match(/\*|(?:W\/)?"[^"]*"/g)?.map((tag) => tag.startsWith('"') ? `W/${tag}` : tag) ?? [];
}

/** An `Rpc` for one request: sends the ETags of the caller and the time, and sets the ETag of the response. @throws NotModified when the caller has it */
export function readerOf(c: Context<AppVariables>, rpc: Rpc, clock: Clock): Rpc {
  return async (fn, { p = {} }, answer) => {
    const known = tagsOf(c.req.header("if-none-match"));
    const { etag, is_same, body } = await rpc("read_with_etag", { p: { fn, p, known }, as_of: clock.asOf() }, Answer);
    c.header("etag", etag);
    // `*` matches every resource that exists; the body of a missing one is null.
    if (is_same || (known.includes("*") && body !== null)) throw new NotModified();
    c.header("cache-control", "private, no-cache");
    const parsed = answer.safeParse(body);
    if (!parsed.success) {
      throw new AppError("INTERNAL", "the answer of the database does not match its schema", undefined, { cause: parsed.error });
    }
    return parsed.data;
  };
}
