import { listMigrations } from "../platform/migrate.ts";
import { run } from "./supabase-cli.ts";

/** A copy of this repository with a git history of its own, in which a release can be made. */
interface RepositoryCopy {
  root: string;
  /** The folder of the functions and the migrations. */
  supabase: URL;
  /** Runs a program in the copy and returns its output. @throws Error with the output when the program fails */
  must(command: string, ...args: string[]): Promise<string>;
  /** Runs a script of the copy. */
  task(name: string, ...args: string[]): Promise<{ success: boolean; text: string }>;
  /** Replaces a text in a file of the copy; the number in the name of a migration can be omitted. */
  edit(file: string, from: string | RegExp, to: string): Promise<void>;
  commit(message: string): Promise<void>;
}

/** Copies the repository in the state of a repository without a release, whose migrations are the only schema. */
export async function copyRepository(root: string): Promise<RepositoryCopy> {
  await Deno.mkdir(root);
  const must = async (command: string, ...args: string[]) => {
    const { success, text } = await run(command, args, { cwd: root });
    if (!success) throw new Error(`${command} ${args.join(" ")}: ${text}`);
    return text;
  };
  const edit = async (file: string, from: string | RegExp, to: string) => {
    const [, folder = "", name = ""] = /^(.*\/)([^/]+)$/.exec(`${root}/${file}`) ?? [];
    const path = folder +
      ([...Deno.readDirSync(folder)].find((entry) => entry.name === name || entry.name.endsWith(`_${name}`))?.name ?? name);
    const text = await Deno.readTextFile(path);
    if (!(typeof from === "string" ? text.includes(from) : from.test(text))) throw new Error(`${file} does not contain ${from}`);
    await Deno.writeTextFile(path, text.replace(from, to));
  };
  const commit = async (message: string) => {
    await must("git", "add", "--all");
    await must("git", "commit", "--quiet", "--message", message);
  };
  const left = [".git", ".local", ".cov", "node_modules", "dist"].map((name) => `--exclude=./**/${name} --exclude=./${name}`);
  await must("bash", "-c", `tar ${left.join(" ")} -C "${Deno.cwd()}" -cf - . | tar -xf -`);
  await must(
    "bash",
    "-c",
    "rm -f supabase/releases.json; if [ -d supabase/schemas ]; then rm -r supabase/migrations; mv supabase/schemas supabase/migrations; fi",
  );
  const supabase = new URL(`file://${root}/supabase/`);
  const newest = String(Number((await listMigrations(supabase)).at(-1)?.version));
  await edit("supabase/functions/_shared/schema-check.ts", /(?<=SCHEMA_VERSION = )\d+/, newest);
  await edit(
    "supabase/migrations/foundation.sql",
    /(?<='version', )\d+, 'min_code_version', \d+/,
    `${newest}, 'min_code_version', ${newest}`,
  );
  await edit("deno.json", /(?<="version": ")[^"]+/, "0.1.0-dev");
  await edit("services/version.ts", /(?<=VERSION = ")[^"]+/, "0.1.0-dev");
  await must("git", "init", "--quiet", "--initial-branch=main");
  await must("git", "config", "user.name", "Release");
  await must("git", "config", "user.email", "release@example.com");
  await commit("Begin");
  const task = (name: string, ...args: string[]) =>
    run(Deno.execPath(), ["run", "-A", "--no-check", `scripts/${name}.ts`, ...args], { cwd: root });
  return { root, supabase, must, task, edit, commit };
}
