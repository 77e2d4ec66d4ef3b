import { parseAnswer, type Rpc } from "../services/rpc.ts";
import type { TestDatabase } from "./database.ts";

/**
 * Calls SQL functions without REST, because the stand-in for PostgREST is JavaScript and uses the one thread of this process, which also
 * does the work of the run.
 */
export const directRpc = (db: TestDatabase): Rpc => async (fn, args) => {
  const given = Object.entries<unknown>({ ...args }).filter(([, value]) => value !== undefined);
  const named = given.map(([name], index) => `${name} => $${index + 1}`).join(", ");
  return parseAnswer(fn, await db.value(`select to_jsonb(public.${fn}(${named}))`, given.map(([, value]) => value)));
};
