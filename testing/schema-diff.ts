// @ts-types="npm:@types/pg@8.23.1"
import type { Pool } from "pg";
import { extract, type Plan, plan, type Policy } from "@supabase/pg-delta";
import { connect, type Database } from "../platform/database.ts";
import { createKeys } from "../platform/keys.ts";
import { listMigrations, type SchemaFolder, SUPABASE } from "../platform/migrate.ts";
import { prepare } from "./database.ts";

/** The content of a migration that changes one schema to another. */
interface SchemaDifference {
  /** The statements in an order that runs without a check of function bodies; empty for equal schemas. */
  statements: string[];
  /** The rows that only one of the schemas inserts, each with its table. */
  rows: string[];
}

const OWNER = "postgres";
/** The schemas that hosted Supabase manages, and for which the platform has stand-ins. */
const SCHEMAS_OF_OTHERS = ["auth", "cron", "extensions", "net", "supabase_migrations", "vault"];
const POLICY: Policy = {
  id: "beach-volleyball-sync",
  assumedRoles: ["anon", "authenticated", "service_role", OWNER],
  assumedSchemas: SCHEMAS_OF_OTHERS,
  filter: [
    { match: { schema: SCHEMAS_OF_OTHERS }, action: "exclude" },
    // The owner has all rights, and the name of the owner differs between servers.
    { match: { all: [{ kind: "acl" }, { idField: { field: "grantee", glob: OWNER } }] }, action: "exclude" },
  ],
};

/** Creates an embedded database from the files of `supabase/migrations` or `supabase/schemas`. */
async function buildSchema(folder: SchemaFolder): Promise<Database> {
  const database = await connect("memory://");
  await prepare(database, await createKeys(), folder);
  return database;
}

/** The one session of the embedded database as the pool that the library expects. */
function poolOf({ connection: { driver } }: Database): Pool {
  const query = async (text: string, values: unknown[] = []) => {
    const { rows } = values.length ? await driver.query(text, values) : (await driver.exec(text)).at(-1) ?? { rows: [] };
    return { rows, rowCount: rows.length };
  };
  return { connect: () => Promise.resolve({ query, release() {} }) } as unknown as Pool;
}

/** A statement that every server accepts; null for a statement that sets the owner, because the executing role owns its objects. */
function portable(sql: string): string | null {
  if (sql.endsWith(` OWNER TO "${OWNER}"`)) return null;
  // Postgres 15 lacks MAINTAIN, and has all other privileges of this list.
  return sql.replace("GRANT DELETE, INSERT, MAINTAIN, REFERENCES, SELECT, TRIGGER, TRUNCATE, UPDATE ON", "GRANT ALL ON");
}

function statementsOf({ actions }: Plan): string[] {
  const special = actions.filter(({ transactionality }) => transactionality !== "transactional");
  if (special.length) {
    throw new Error(`needs a transaction of its own; write its migration by hand first: ${special.map(({ sql }) => sql).join("; ")}`);
  }
  return actions.flatMap(({ sql, dataLoss }) => {
    const statement = portable(sql);
    const warning = dataLoss === "destructive" ? "-- This statement deletes data. Replace it where the object has only a new name.\n" : "";
    return statement === null ? [] : [`${warning}${statement};`];
  });
}

/** The access rights of the sequences of identity columns, which the library does not compare. */
const SEQUENCES = `select c.oid::regclass::text as name, coalesce(c.relacl::text, '') as rights from pg_class c
  where c.relkind = 'S' and c.relnamespace in ('public'::regnamespace, 'private'::regnamespace) order by 1`;

async function revokesOfSequences(source: Database, desired: Database): Promise<string[]> {
  const known = new Set((await source.query<{ name: string; rights: string }>(SEQUENCES)).map(({ name, rights }) => `${name} ${rights}`));
  const wanted = await desired.query<{ name: string; rights: string }>(SEQUENCES);
  return wanted.filter(({ name, rights }) => !known.has(`${name} ${rights}`))
    .map(({ name }) => `revoke all on sequence public.${name.replace(/^public\./, "")} from public, anon, authenticated;`);
}

/**
 * The rows of each table that the files insert, without the values that differ between databases. The versions of the rules are omitted,
 * because a trigger writes them with such values.
 */
async function rowsOf(database: Database): Promise<Set<string>> {
  const tables = await database.query<{ name: string; volatile: string[] }>(`
    select c.oid::regclass::text as name, coalesce(array_agg(a.attname) filter (
      where a.atttypid = 'uuid'::regtype or a.attidentity <> '' or pg_get_expr(d.adbin, d.adrelid) ~ 'now\\(|clock_timestamp|random'
    ), '{}')::text[] as volatile
    from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
    left join pg_attrdef d on d.adrelid = c.oid and d.adnum = a.attnum
    where c.relkind = 'r' and c.relname <> 'alert_rule_versions' and (c.relnamespace in ('public'::regnamespace, 'private'::regnamespace) or c.oid = 'cron.job'::regclass)
    group by c.oid`);
  const rows = new Set<string>();
  for (const { name, volatile } of tables) {
    const found = await database.query<{ row: unknown }>(`select to_jsonb(t) - $1::text[] as row from ${name} t`, [volatile]);
    for (const { row } of found) rows.add(`${name} ${JSON.stringify(row)}`);
  }
  return rows;
}

/** The difference that changes the schema of `source` to the schema of `desired`. */
async function compare(source: Database, desired: Database): Promise<SchemaDifference> {
  const [from, to] = [await extract(poolOf(source)), await extract(poolOf(desired))];
  const statements = statementsOf(plan(from.factBase, to.factBase, { policy: POLICY }));
  const revokes = await revokesOfSequences(source, desired);
  const [before, after] = [await rowsOf(source), await rowsOf(desired)];
  const rows = [...[...after.difference(before)].map((row) => `+ ${row}`), ...[...before.difference(after)].map((row) => `- ${row}`)]
    .sort();
  const schedules = rows.some((row) => row.startsWith("+ cron.job ")) ? ["select private.apply_schedules();"] : [];
  return { statements: [...statements, ...revokes, ...schedules], rows };
}

/** The difference between the schema that the migrations create and the schema that `supabase/schemas` declares. */
export async function schemaDifference(): Promise<SchemaDifference> {
  // Equal files create equal schemas; the files are equal from a release until the next change.
  const texts = async (kind: SchemaFolder) => Promise.all((await listMigrations(SUPABASE, kind)).map(({ url }) => Deno.readTextFile(url)));
  if ((await texts("migrations")).join("\0") === (await texts("schemas")).join("\0")) return { statements: [], rows: [] };
  const [migrations, schemas] = [await buildSchema("migrations"), await buildSchema("schemas")];
  try {
    return await compare(migrations, schemas);
  } finally {
    await Promise.all([migrations.close(), schemas.close()]);
  }
}
