import type { z } from "zod";
import { type Answer, type Arguments, CONTRACT, type FunctionName } from "./contract/index.ts";
import { isAppErrorCode } from "./error-table.ts";
import { AppError, DatabaseError } from "./errors.ts";
import { WorkerCpu } from "./worker-cpu.ts";

/** Makes each field of `Given` that `Known` does not have a type error. */
type Only<Known, Given> = { [K in keyof Given]: K extends keyof Known ? unknown : never };
/** Arguments without unknown fields, also in `p`; TypeScript itself refuses them in a literal, but not in a variable or a spread. */
type Exact<Known, Given> =
  & Given
  & { [K in keyof Given]: K extends keyof Known ? K extends "p" ? Only<Known[K], Given[K]> : unknown : never };

/** Calls one SQL function of the contract and parses its answer; the services reach the database only through it. */
export interface Rpc<Name extends FunctionName = FunctionName> {
  /** @throws AppError for an expected failure (SQLSTATE `PTxyz` with its code in `detail`), DatabaseError for any other. */
  <F extends Name, A extends Arguments<F>>(fn: F, args: Exact<Arguments<F>, A>): Promise<Answer<F>>;
}

/** Hosted Postgres cancels a statement of the API after 8 s; the client also has a limit, because a lost connection never answers. */
const TIMEOUT_MS = 10_000;

interface RpcResponse {
  data: unknown;
  error: { code?: string; message: string; details?: string | null; hint?: string | null } | null;
}

/** The part of a supabase-js client that {@link createRpc} uses. */
interface RpcClient {
  rpc(fn: string, args: Record<string, unknown>): PromiseLike<RpcResponse> & { abortSignal(signal: AbortSignal): PromiseLike<RpcResponse> };
}

/** The details of an expected failure: the wait of a 429, from its hint, or the field of a 400, from the begin of its message. */
function detailsOf({ code, message, hint }: { code?: string; message: string; hint?: string | null }): unknown {
  if (code === "PT429") return { retry_after_s: Number(hint) };
  const [, field, problem] = (code === "PT400" && /^([a-z_]+(?:\.[a-z_]+)*): (.+)$/s.exec(message)) || [];
  return field ? [{ field, message: problem }] : undefined;
}

interface RpcOptions {
  cpu?: WorkerCpu;
  /** The time limit in ms; null sets none. */
  timeoutMs?: number | null;
}

/** Wraps a supabase-js client; without `as_of` in `args` the database uses its own clock. */
export function createRpc(client: RpcClient, { cpu = new WorkerCpu(), timeoutMs = TIMEOUT_MS }: RpcOptions = {}): Rpc {
  return async (fn, args) => {
    cpu.countRequest();
    // supabase-js serialises the arguments in `then`, so the measured part calls `then`.
    const { data, error } = await cpu.measure(() => {
      const call = client.rpc(fn, args);
      return (timeoutMs === null ? call : call.abortSignal(AbortSignal.timeout(timeoutMs))).then((response) => response);
    });
    if (error) {
      if (/^PT\d{3}$/.test(error.code ?? "") && isAppErrorCode(error.details)) {
        throw new AppError(error.details, error.message, detailsOf(error));
      }
      throw new DatabaseError(fn, error.code ?? "", error.message);
    }
    return cpu.measure(() => parseAnswer(fn, data));
  };
}

/** Parses the answer of a SQL function. @throws DatabaseError with the SQLSTATE "ANSWER" */
export function parseAnswer<F extends FunctionName>(fn: F, data: unknown): Answer<F> {
  const { answer }: { answer: z.ZodType } = CONTRACT[fn];
  const parsed = answer.safeParse(data);
  if (!parsed.success) throw new DatabaseError(fn, "ANSWER", `unexpected answer: ${parsed.error.message}`);
  return parsed.data as Answer<F>;
}
