import { type z } from "zod";
import type { Database } from "../types/database.ts";
import { AppError, DatabaseError, HTTP_STATUS } from "./errors.ts";

/** The name of a SQL function of the API. */
export type FunctionName = keyof Database["public"]["Functions"];

/** Calls one SQL function and parses its answer; the services reach the database only through it. */
export interface Rpc {
  /** @throws AppError for an expected failure (SQLSTATE `PTxyz` with its code in `detail`), DatabaseError for any other. */
  <T>(fn: FunctionName, args: Record<string, unknown>, answer: z.ZodType<T>): Promise<T>;
}

/** The part of a supabase-js client that {@link createRpc} uses. */
interface RpcClient {
  rpc(fn: string, args: Record<string, unknown>): PromiseLike<{
    data: unknown;
    error: { code?: string; message: string; details?: string | null; hint?: string | null } | null;
  }>;
}

const isAppErrorCode = (code: unknown): code is keyof typeof HTTP_STATUS => typeof code === "string" && Object.hasOwn(HTTP_STATUS, code);

/** Wraps a supabase-js client; without `as_of` in `args` the database uses its own clock. */
export function createRpc(client: RpcClient): Rpc {
  return async (fn, args, answer) => {
    const { data, error } = await client.rpc(fn, args);
    if (error) {
      if (/^PT\d{3}$/.test(error.code ?? "") && isAppErrorCode(error.details)) {
        // The hint of a 429 is the number of seconds after which a retry can succeed.
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
