import type { Context } from "hono";
import { z } from "zod";
import type { Clock } from "../../../services/clock.ts";
import type { Actor } from "../../../services/contract/fields.ts";
import type { Env } from "../../../services/env.ts";
import { actorOf, type AppDeps, type AppVariables, parse } from "../_shared/app.ts";
import { createHmac, voucherText } from "./audit-hmac.ts";

export interface AdminDeps extends AppDeps {
  clock: Clock;
  env: Env;
  fetch?: typeof fetch;
  waitUntil: (work: Promise<unknown>) => void;
}

const Id = z.object({ id: z.uuid() });

/** The id of the path. @throws AppError BAD_REQUEST */
export const idOf = (c: Context<AppVariables>): string => parse(Id, c.req.param()).id;

/** An act with the names of its audit row; it has several actions when the database selects one. */
type Act = [actions: string | string[], object_type: string, object_id: string];

/** The actor and the time for SQL functions that write a change and its audit row. */
export function actsOf({ clock, env }: Pick<AdminDeps, "clock" | "env">) {
  const as_of = () => clock.asOf();
  const hmac = env.AUDIT_KEY ? createHmac(env.AUDIT_KEY) : null;

  /** The caller as the actor of an act, with the vouchers of its audit row. */
  const actor = async (c: Context<AppVariables>, [actions, object_type, object_id]: Act): Promise<Actor> => {
    const caller = actorOf(c, env);
    const vouch = await hmac;
    if (!vouch) return caller;
    const row = { request_id: caller.request_id, actor: caller.name, actor_role: caller.role, object_type, object_id };
    const vouchers = [actions].flat().map(async (action) => [action, await vouch(voucherText({ ...row, action }))] as const);
    return { ...caller, vouchers: Object.fromEntries(await Promise.all(vouchers)) };
  };
  const by = async <P extends object>(c: Context<AppVariables>, act: Act, p: P) => ({
    p: { ...p, actor: await actor(c, act) },
    as_of: as_of(),
  });
  return { actor, by, as_of };
}
