import type { Database } from "./database.ts";

const here = (path: string): URL => new URL(path, import.meta.url);
const MIGRATIONS = here("../supabase/migrations/");

/** Gives a bare database what a hosted project has at birth, with stand-ins for the extensions that are missing. */
export async function bootstrap(database: Database): Promise<{ standIns: string[] }> {
  await database.exec(await Deno.readTextFile(here("bootstrap.sql")));
  const standIns: string[] = [];
  for (const [schema, extension] of [["cron", "pg_cron"], ["net", "pg_net"], ["vault", "supabase_vault"]] as const) {
    const [found] = await database.query<{ has: boolean }>("select to_regnamespace($1) is not null as has", [schema]);
    if (!found?.has) {
      // A server that has the files may still refuse (not preloaded, another database): then the stand-in serves as well.
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

/** The migrations by number, as the official CLI names and orders them. */
export async function listMigrations(): Promise<{ version: string; name: string; url: URL }[]> {
  const files = await Array.fromAsync(Deno.readDir(MIGRATIONS));
  return files.flatMap((file) => {
    const [, version, name] = /^(\d+)_(.*)\.sql$/.exec(file.name) ?? [];
    return version && name ? [{ version, name, url: new URL(file.name, MIGRATIONS) }] : [];
  }).sort((a, b) => a.version.localeCompare(b.version));
}

/** Applies what is missing, each file in its own transaction, and keeps the CLI's own ledger; returns how many. */
export async function migrate(database: Database): Promise<number> {
  await database.exec(`
    create schema if not exists supabase_migrations;
    create table if not exists supabase_migrations.schema_migrations (version text primary key);
    alter table supabase_migrations.schema_migrations add column if not exists statements text[], add column if not exists name text;
  `);
  const done = new Set(
    (await database.query<{ version: string }>("select version from supabase_migrations.schema_migrations")).map((row) => row.version),
  );
  const missing = (await listMigrations()).filter((migration) => !done.has(migration.version));
  for (const { version, name, url } of missing) {
    const record = `insert into supabase_migrations.schema_migrations (version, name) values ('${version}', '${name}');`;
    try {
      await database.transaction(`${await Deno.readTextFile(url)}; ${record}`);
    } catch (cause) {
      throw new Error(`migration ${version}_${name} failed: ${(cause as Error).message}`, { cause });
    }
  }
  if (missing.length) await database.exec("notify pgrst, 'reload schema'");
  return missing.length;
}
