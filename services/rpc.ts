import { type z } from "zod";
import type { Database } from "../types/database.ts";
import { AppError, DatabaseError, HTTP_STATUS } from "./errors.ts";

/** A SQL function of the API, by the generated types. */
export type FunctionName = keyof Database["public"]["Functions"];

/** Calls one SQL function with one jsonb argument and parses its answer; the only way the services reach the database. */
export interface Rpc {
  /** @throws AppError for a failure the SQL raised on purpose (`PTxyz` with its code in `detail`), DatabaseError for any other. */
  <T>(fn: FunctionName, args: Record<string, unknown>, answer: z.ZodType<T>): Promise<T>;
}

/** What `Rpc` needs of a supabase-js client. */
interface RpcClient {
  rpc(fn: string, args: Record<string, unknown>): PromiseLike<{
    data: unknown;
    error: { code?: string; message: string; details?: string | null; hint?: string | null } | null;
  }>;
}

const isAppErrorCode = (code: unknown): code is keyof typeof HTTP_STATUS => typeof code === "string" && Object.hasOwn(HTTP_STATUS, code);

/** Wraps a supabase-js client; `as_of` is left out of `args` where it is undefined, and the database's clock counts. */
export function createRpc(client: RpcClient): Rpc {
  return async (fn, args, answer) => {
    const { data, error } = await client.rpc(fn, args);
    if (error) {
      if (/^PT\d{3}$/.test(error.code ?? "") && isAppErrorCode(error.details)) {
        // A refusal for now says in its hint after how many seconds to ask again.
        const wait = error.code === "PT429" ? { retry_after_s: Number(error.hint) } : undefined;
        throw new AppError(error.details, error.message, wait);
      }
      throw new DatabaseError(fn, error.code ?? "", error.message);
    }
    const parsed = answer.safeParse(data);
    if (!parsed.success) throw new DatabaseError(fn, "ANSWER", `unexpected answer: ${parsed.error.message}`);
    return parsed.data;
  };
}
