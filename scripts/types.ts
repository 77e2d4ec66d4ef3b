import { connect } from "../platform/database.ts";
import { createKeys } from "../platform/keys.ts";
import { prepare } from "../testing/database.ts";
import { supabase } from "../testing/supabase-cli.ts";
import { findPostgres, startPostgres } from "../testing/postgres.ts";

// deno-lint-ignore no-console -- a command-line program
const say = (line: string): void => console.log(line);
const TARGET = new URL("../types/database.ts", import.meta.url);

/** Generates the types of a migrated schema with the official CLI. @throws Error with its output when it fails. */
export async function generateTypes(url: string): Promise<string> {
  const { success, text } = await supabase([
    "gen",
    "types",
    `--remote=${url}?sslmode=disable`,
    "--lang",
    "typescript",
    "--schema",
    "public",
  ]);
  const from = text.indexOf("export type Json");
  if (!success || from < 0) throw new Error(text);
  const end = text.lastIndexOf("as const");
  return await format(
    `// Generated from the migrations by \`deno task types\`; not edited by hand.\n${text.slice(from, text.indexOf("\n", end) + 1)}`,
  );
}

async function format(source: string): Promise<string> {
  const process = new Deno.Command(Deno.execPath(), { args: ["fmt", "--ext", "ts", "-"], stdin: "piped", stdout: "piped" }).spawn();
  const writer = process.stdin.getWriter();
  await writer.write(new TextEncoder().encode(source));
  await writer.close();
  return new TextDecoder().decode((await process.output()).stdout);
}

async function fresh(): Promise<string> {
  const bin = await findPostgres();
  if (!bin) throw new Error("generating types needs Postgres 15 or newer on this machine");
  const server = await startPostgres(bin);
  try {
    const database = await connect(server.url);
    await prepare(database, await createKeys());
    await database.close();
    return await generateTypes(server.url);
  } finally {
    await server.stop();
  }
}

if (import.meta.main) {
  try {
    const types = await fresh();
    if (!Deno.args.includes("--check")) await Deno.writeTextFile(TARGET, types);
    else if (types !== await Deno.readTextFile(TARGET)) throw new Error("types/database.ts is not current: run deno task types");
    say("types/database.ts is current");
  } catch (error) {
    say((error as Error).message);
    Deno.exit(1);
  }
}
