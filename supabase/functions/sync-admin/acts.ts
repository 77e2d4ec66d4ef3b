import type { Context } from "hono";
import { z } from "zod";
import type { Clock } from "../../../services/clock.ts";
import type { Env } from "../../../services/env.ts";
import { actorOf, type AppDeps, type AppVariables, parse } from "../_shared/app.ts";

export interface AdminDeps extends AppDeps {
  clock: Clock;
  env: Env;
  fetch?: typeof fetch;
  waitUntil: (work: Promise<unknown>) => void;
}

const Id = z.object({ id: z.uuid() });

/** The id of the path. @throws AppError BAD_REQUEST */
export const idOf = (c: Context<AppVariables>): string => parse(Id, c.req.param()).id;

/** `by` adds the caller as the actor, and the time, to the arguments of a SQL function that writes a change and its audit row. */
export function actsOf({ clock }: Pick<AdminDeps, "clock">) {
  const as_of = () => clock.asOf();
  const by = <P extends object>(c: Context<AppVariables>, p: P) => ({ p: { ...p, actor: actorOf(c) }, as_of: as_of() });
  return { by, as_of };
}
