import type { Context } from "hono";
import { z } from "zod";
import type { Clock } from "../../../services/clock.ts";
import type { Env } from "../../../services/env.ts";
import type { FunctionName } from "../../../services/rpc.ts";
import { actorOf, type AppDeps, type AppVariables, parse } from "../_shared/app.ts";

export interface AdminDeps extends AppDeps {
  clock: Clock;
  env: Env;
  fetch?: typeof fetch;
  waitUntil: (work: Promise<unknown>) => void;
}

export const Row = z.record(z.string(), z.unknown());
const Id = z.object({ id: z.uuid() });

/** The id of the path. @throws AppError BAD_REQUEST */
export const idOf = (c: Context<AppVariables>): string => parse(Id, c.req.param()).id;

/** `act` calls a SQL function that writes a change and its audit row in one transaction, with the caller as actor. */
export function actsOf({ rpc, clock }: AdminDeps) {
  const as_of = () => clock.asOf();
  const act = async (c: Context<AppVariables>, fn: FunctionName, p: Record<string, unknown>) =>
    await rpc(fn, { p: { ...p, actor: actorOf(c) }, as_of: as_of() }, z.union([Row, z.boolean()]));
  return { act, as_of };
}
