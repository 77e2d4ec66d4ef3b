import { assert, assertEquals, assertRejects } from "@std/assert";
import type { z } from "zod";
import { CONTRACT } from "../../services/contract/index.ts";
import { Counters, ErrorRecord } from "../../services/contract/runs.ts";
import { MatchRecord, TournamentRecord } from "../../services/contract/sync-writes.ts";
import { AppError } from "../../services/errors.ts";
import { openTestDatabase } from "../../testing/database.ts";

const db = await openTestDatabase();

/** The arguments of each function of the contract; "?" marks an optional one. */
const contract: Record<string, string[]> = {};
/** The fields of `p` of each function that has one. */
const fieldsOf: Record<string, string[]> = {};
for (const [fn, { args }] of Object.entries(CONTRACT)) {
  const named: [string, z.ZodType][] = Object.entries(args);
  contract[fn] = named.map(([name, schema]) => schema.safeParse(undefined).success ? `${name}?` : name);
  if ("p" in args) fieldsOf[fn] = Object.keys(args.p.shape).sort();
}
const sourceOf = (fn: string) => db.value<string>("select prosrc from pg_proc where oid = $1::regproc", [`public.${fn}`]);

Deno.test("the contract has each function of the schema public that the service may execute, with its arguments, and no other", async () => {
  const functions = await db.query<{ name: string; args: string[] }>(`
    select p.proname as name, array(
      select a.name || case when a.position > p.pronargs - p.pronargdefaults then '?' else '' end
      from unnest(p.proargnames) with ordinality as a (name, position) order by a.position
    ) as args
    from pg_proc p
    where p.pronamespace = 'public'::regnamespace and has_function_privilege('service_role', p.oid, 'execute')
      and not exists (select from pg_depend d where d.objid = p.oid and d.deptype = 'e')`);
  assertEquals(contract, Object.fromEntries(functions.map(({ name, args }) => [name, args])));
});

Deno.test("a function knows the fields of p that the contract has, and reads no other", async () => {
  for (const [fn, fields] of Object.entries(fieldsOf)) {
    const source = await sourceOf(fn);
    const known = /private\.refuse_unknown_fields\(p,\s*'\{([^}]*)\}'\)/.exec(source)?.[1]?.split(",").sort();
    assertEquals(known, fields, fn);
    const read = [...source.matchAll(/\bp ->>? '(\w+)'/g)].map(([, field = ""]) => field);
    assertEquals(read.filter((field) => !fields.includes(field)), [], fn);
  }
});

Deno.test("a function refuses an unknown field of p and names it", async () => {
  const call = db.rpc as (fn: string, args: object) => Promise<unknown>;
  assert(Object.keys(fieldsOf).length > 40);
  for (const fn of Object.keys(fieldsOf)) {
    const error = await assertRejects(() => call(fn, { p: { misspelt: 1 } }), AppError);
    assertEquals([error.status, error.details], [400, [{ field: "misspelt", message: "is not a known field" }]], `${fn}: ${error.message}`);
  }
});

Deno.test("read_with_etag calls the reads of the contract", async () => {
  const called = [...(await sourceOf("read_with_etag")).matchAll(/when '(\w+)' then body := public\.(\w+)\(/g)];
  assertEquals(called.map(([, fn]) => fn), CONTRACT.read_with_etag.args.p.shape.fn.options);
  assertEquals(called.map(([, , callee]) => callee), called.map(([, fn]) => fn));
});

Deno.test("each field of a row in the arguments is a column of its table", async () => {
  const rows = { tournaments: TournamentRecord, matches: MatchRecord, sync_execution_history: Counters, sync_error_log: ErrorRecord };
  for (const [table, { shape }] of Object.entries(rows)) {
    const columns = await db.query<{ name: string }>("select attname as name from pg_attribute where attrelid = $1::regclass", [table]);
    const names = columns.map(({ name }) => name);
    assertEquals(Object.keys(shape).filter((field) => !names.includes(field)), [], table);
  }
});

Deno.test.afterAll(() => db.close());
