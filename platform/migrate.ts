import type { Database } from "./database.ts";

const here = (path: string): URL => new URL(path, import.meta.url);
/** The folder of the functions and the migrations. */
export const SUPABASE = here("../supabase/");

/** Creates in a bare database the roles and schemas of a new hosted project, with stand-ins for the missing extensions. */
export async function bootstrap(database: Database): Promise<{ standIns: string[] }> {
  await database.exec(await Deno.readTextFile(here("bootstrap.sql")));
  const standIns: string[] = [];
  for (const [schema, extension] of [["cron", "pg_cron"], ["net", "pg_net"], ["vault", "supabase_vault"]] as const) {
    const [found] = await database.query<{ has: boolean }>("select to_regnamespace($1) is not null as has", [schema]);
    if (!found?.has) {
      // A server can have the files of the extension and refuse it, because it is not preloaded or is limited to another database. The
      // stand-in is then used as well.
      const isReal = !database.isEmbedded && await database.exec(`create extension ${extension}`).then(() => true, () => false);
      if (!isReal) await database.transaction(await Deno.readTextFile(here(`standins/${schema}.sql`)));
    }
    const [real] = await database.query<{ has: boolean }>("select exists (select from pg_extension where extname = $1) as has", [
      extension,
    ]);
    if (!real?.has) standIns.push(schema);
  }
  return { standIns };
}

/** The error when a recorded migration of the database differs from the files. */
export class OtherSchemaError extends Error {
  override name = "OtherSchemaError";
}

/** The error when the schema of the database is newer and excludes this code. */
export class NewerSchemaError extends Error {
  override name = "NewerSchemaError";
}

/** A folder of `supabase`: `schemas` exists after the first release and declares the schema that the migrations create. */
export type SchemaFolder = "migrations" | "schemas";

/** The migrations in the order of the official CLI. */
export async function listMigrations(
  supabase = SUPABASE,
  kind: SchemaFolder = "migrations",
): Promise<{ version: string; name: string; url: URL }[]> {
  const folder = new URL(`${kind}/`, supabase);
  const files = await Array.fromAsync(Deno.readDir(folder));
  return files.flatMap((file) => {
    const [, version, name] = /^(\d+)_(.*)\.sql$/.exec(file.name) ?? [];
    return version && name ? [{ version, name, url: new URL(file.name, folder) }] : [];
  }).sort((a, b) => a.version.localeCompare(b.version));
}

/** The SHA-256 of a text in hexadecimal digits. */
export async function sha256(text: string): Promise<string> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text))).toHex();
}

/**
 * Applies the missing migrations, each in its own transaction, records them in the table of the official CLI, and returns their number.
 * A database with migrations of a newer release is accepted unless its schema excludes this code, so that an older release can start again.
 * @throws OtherSchemaError when the file of a recorded migration has changed, or is missing and is not newer than all files.
 * @throws NewerSchemaError when the schema is newer and excludes this code.
 */
export async function migrate(database: Database, supabase = SUPABASE, kind: SchemaFolder = "migrations"): Promise<number> {
  // The digest detects a file that changed in place, which is allowed before the first release. The CLI writes no digest.
  await database.exec(`
    create schema if not exists supabase_migrations;
    create table if not exists supabase_migrations.schema_migrations (version text primary key);
    alter table supabase_migrations.schema_migrations
      add column if not exists statements text[], add column if not exists name text, add column if not exists digest text;
  `);
  const files = await Promise.all((await listMigrations(supabase, kind)).map(async (file) => {
    const sql = await Deno.readTextFile(file.url);
    return { ...file, sql, digest: await sha256(sql) };
  }));
  const applied = await database.query<{ version: string; name: string | null; digest: string | null }>(
    "select version, name, digest from supabase_migrations.schema_migrations order by version",
  );
  const missing = files.filter((file) => !applied.some(({ version }) => version === file.version));
  const newest = files.at(-1)?.version ?? "";
  for (const { version, name, digest } of applied) {
    const file = files.find((candidate) => candidate.version === version && candidate.name === name);
    const isNewer = missing.length === 0 && version > newest;
    if (file ? digest !== null && digest !== file.digest : !isNewer) throw new OtherSchemaError(`${version}_${name}`);
  }
  if (applied.some(({ version }) => version > newest)) await refuseExcluded(database, Number(newest));
  for (const { version, name, sql, digest } of missing) {
    const record =
      `insert into supabase_migrations.schema_migrations (version, name, digest) values ('${version}', '${name}', '${digest}');`;
    try {
      await database.transaction(`${sql}; ${record}`);
    } catch (cause) {
      throw new Error(`migration ${version}_${name} failed: ${(cause as Error).message}`, { cause });
    }
  }
  if (missing.length) await database.exec("notify pgrst, 'reload schema'");
  return missing.length;
}

async function refuseExcluded(database: Database, codeVersion: number): Promise<void> {
  const [schema] = await database.query<{ version: number; oldest: number }>(
    "select (v ->> 'version')::integer as version, (v ->> 'min_code_version')::integer as oldest from schema_version() v",
  );
  if (schema && schema.oldest > codeVersion) {
    throw new NewerSchemaError(
      `has schema ${schema.version}, which needs code of version ${schema.oldest} or newer; this code has ${codeVersion}`,
    );
  }
}
