import { type z } from "zod";
import type { Database } from "../types/database.ts";
import { isAppErrorCode } from "./error-table.ts";
import { AppError, DatabaseError } from "./errors.ts";

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

/** The details of an expected failure: the wait of a 429, which is its hint, or the field of a 400, which its message begins with. */
function detailsOf({ code, message, hint }: { code?: string; message: string; hint?: string | null }): unknown {
  if (code === "PT429") return { retry_after_s: Number(hint) };
  const [, field, problem] = (code === "PT400" && /^([a-z_]+): (.+)$/s.exec(message)) || [];
  return field ? [{ field, message: problem }] : undefined;
}

/** Wraps a supabase-js client; without `as_of` in `args` the database uses its own clock. */
export function createRpc(client: RpcClient): Rpc {
  return async (fn, args, answer) => {
    const { data, error } = await client.rpc(fn, args);
    if (error) {
      if (/^PT\d{3}$/.test(error.code ?? "") && isAppErrorCode(error.details)) {
        throw new AppError(error.details, error.message, detailsOf(error));
      }
      throw new DatabaseError(fn, error.code ?? "", error.message);
    }
    const parsed = answer.safeParse(data);
    if (!parsed.success) throw new DatabaseError(fn, "ANSWER", `unexpected answer: ${parsed.error.message}`);
    return parsed.data;
  };
}
