import type { Context } from "hono";
import type { Clock } from "../../../services/clock.ts";
import type { Read } from "../../../services/contract/reads.ts";
import { parseAnswer, type Rpc } from "../../../services/rpc.ts";
import { type AppVariables, NotModified } from "../_shared/app.ts";

/** The tags of an If-None-Match header, all as weak tags, because their comparison is weak (RFC 9110, 13.1.2); `*` stays `*`. */
function tagsOf(header: string | undefined): string[] {
  return (header ?? "").match(/\*|(?:W\/)?"[^"]*"/g)?.map((tag) => tag.startsWith('"') ? `W/${tag}` : tag) ?? [];
}

/** The `Rpc` of one request: sends the ETags of the caller and sets that of the response. @throws NotModified when the caller has it */
export function readerOf(c: Context<AppVariables>, rpc: Rpc<"read_with_etag">, clock: Clock): Rpc<Read> {
  return async (fn, args) => {
    const p = "p" in args ? args.p : {};
    const known = tagsOf(c.req.header("if-none-match"));
    const { etag, is_same, body } = await rpc("read_with_etag", { p: { fn, p, known }, as_of: clock.asOf() });
    c.header("etag", etag);
    // `*` matches every existing resource; the body of a missing resource is null.
    if (is_same || (known.includes("*") && body !== null)) throw new NotModified();
    c.header("cache-control", "private, no-cache");
    return parseAnswer(fn, body);
  };
}
