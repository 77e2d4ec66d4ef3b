import { supabase } from "./supabase-cli.ts";

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
