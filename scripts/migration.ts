// Writes the next migration: the statements that change the schema of the migrations to the schema of supabase/schemas.
import { listMigrations, SUPABASE } from "../platform/migrate.ts";
import { SetupError } from "../platform/state.ts";
import { readReleases } from "../testing/releases.ts";
import { schemaDifference } from "../testing/schema-diff.ts";

const USAGE = `usage: deno task migration <name>

  Writes supabase/migrations/NNN_name.sql from the difference between the migrations and supabase/schemas, and sets the version of the
  schema. Edit supabase/schemas first. The name has lower-case letters, digits and hyphens.`;

const CODE = new URL("functions/_shared/schema-check.ts", SUPABASE);
const IN_CODE = /(?<=SCHEMA_VERSION = )\d+/;
const IN_SCHEMA = /(?<=jsonb_build_object\('version', )\d+/;

/** Replaces the first match in a file. @throws SetupError without a match */
async function setNumber(file: URL, pattern: RegExp, value: string): Promise<void> {
  const text = await Deno.readTextFile(file);
  if (!pattern.test(text)) throw new SetupError(`${file.pathname} has no version of the schema`);
  await Deno.writeTextFile(file, text.replace(pattern, value));
}

/** Sets the version of the schema, in its SQL and in the code, to the number of the newest migration. */
async function setVersion(version: number): Promise<void> {
  await setNumber(CODE, IN_CODE, String(version));
  for (const { url } of await listMigrations(SUPABASE, "schemas")) {
    if (IN_SCHEMA.test(await Deno.readTextFile(url))) await setNumber(url, IN_SCHEMA, String(version));
  }
}

/** Writes the migration and returns the next steps for a person. @throws SetupError with one sentence for a person */
async function writeMigration(name: string): Promise<string> {
  if (!/^[a-z][a-z0-9]*(-[a-z0-9]+)*$/.test(name)) throw new SetupError(USAGE);
  if (Object.keys(await readReleases()).length === 0) {
    throw new SetupError("nothing is released yet: edit the definition in its file in supabase/migrations (docs/decisions/0014)");
  }
  const before = await schemaDifference();
  if (!before.statements.length && !before.rows.length) {
    throw new SetupError("the migrations create what supabase/schemas declares: there is no difference");
  }
  const version = Number((await listMigrations()).at(-1)?.version) + 1;
  await setVersion(version);
  // The difference is computed again, because it includes the new version.
  const { statements, rows } = await schemaDifference();
  const byHand = rows.filter((row) => !/^. cron\.job /.test(row));
  const file = `${String(version).padStart(3, "0")}_${name.replaceAll("-", "_")}.sql`;
  // The body of a function can name an object that a later statement creates.
  const parts = [`-- ${name.replaceAll("-", " ")}`, "set local check_function_bodies = off;", ...statements];
  if (byHand.length) {
    parts.push(`-- Write the statements that add (+) and remove (-) these rows:\n${byHand.map((row) => `-- ${row}`).join("\n")}`);
  }
  await Deno.writeTextFile(new URL(`migrations/${file}`, SUPABASE), `${parts.join("\n\n")}\n`, { createNew: true });
  return `supabase/migrations/${file} is written, and the schema has version ${version}. Read it${
    byHand.length ? ", and write the statements for its rows" : ""
  }; then run deno task ok.`;
}

if (import.meta.main) {
  try {
    // deno-lint-ignore no-console -- a command-line program
    console.log(await writeMigration(Deno.args[0] ?? ""));
    Deno.exit(0);
  } catch (error) {
    // deno-lint-ignore no-console -- the reason of a failure belongs on stderr
    console.error(error instanceof SetupError ? error.message : error);
    Deno.exit(1);
  }
}
