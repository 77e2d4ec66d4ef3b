// Makes a release: checks, version, changelog, declared schema, digests of the migrations, commit and tag. It pushes nothing.
import { parseArgs } from "node:util";
import { fileURLToPath } from "node:url";
import { listMigrations, SUPABASE } from "../platform/migrate.ts";
import { SetupError } from "../platform/state.ts";
import { brokenReleases, digestsOfMigrations, readReleases, RELEASES } from "../testing/releases.ts";
import { schemaDifference } from "../testing/schema-diff.ts";
import { run } from "../testing/supabase-cli.ts";

const USAGE = `usage: deno task release <version> [--skip-checks]

  Checks the tree, sets the version, dates the changelog, records the migrations, commits and tags. It pushes nothing.
  --skip-checks  does not run deno task ok first`;

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const CHANGELOG = `${ROOT}CHANGELOG.md`;
/** The files with the version of the product, and the pattern of the version in each. */
const VERSIONS: [file: string, pattern: RegExp][] = [
  ["deno.json", /(?<="version": ")[^"]+/],
  ["services/version.ts", /(?<=VERSION = ")[^"]+/],
];
const UNRELEASED = /^## Unreleased\n([^]*?)(?=^## |$(?![^]))/m;

// deno-lint-ignore no-console -- a command-line program
const say = (line: string): void => console.log(line);

/** Runs git and returns its output. @throws SetupError with its message */
async function git(...args: string[]): Promise<string> {
  const { success, text } = await run("git", args, { cwd: ROOT });
  if (!success) throw new SetupError(`git ${args[0]} failed: ${text.trim()}`);
  return text.trim();
}

const isGreater = (version: string, than: string): boolean =>
  version.localeCompare(than, "en", { numeric: true }) > 0 || (than.startsWith(`${version}-`));

async function versionNow(): Promise<string> {
  return (JSON.parse(await Deno.readTextFile(`${ROOT}deno.json`)) as { version: string }).version;
}

async function checkTree(version: string): Promise<void> {
  const branch = await git("rev-parse", "--abbrev-ref", "HEAD");
  if (branch !== "main") throw new SetupError(`a release is made on the branch main, and this is ${branch}`);
  const changes = await git("status", "--porcelain");
  if (changes) throw new SetupError(`commit these changes first, or remove them:\n${changes}`);
  if (await git("tag", "--list", `v${version}`)) throw new SetupError(`the tag v${version} exists already`);
  const now = await versionNow();
  if (!isGreater(version, now)) throw new SetupError(`the version must be greater than ${now}`);
  const [, text = ""] = UNRELEASED.exec(await Deno.readTextFile(CHANGELOG)) ?? [];
  if (!/^- /m.test(text)) throw new SetupError("CHANGELOG.md has no entry under ## Unreleased");
}

/** Copies the migrations to `schemas` at the first release; at a later one, checks that the migrations create the declared schema. */
async function declareSchema(isFirst: boolean): Promise<void> {
  const broken = await brokenReleases();
  if (broken.length) throw new SetupError(broken.join("\n"));
  if (isFirst) {
    await Deno.mkdir(new URL("schemas", SUPABASE), { recursive: true });
    for (const { version, name, url } of await listMigrations()) {
      await Deno.copyFile(url, new URL(`schemas/${version}_${name}.sql`, SUPABASE));
    }
    return;
  }
  const { statements, rows } = await schemaDifference();
  if (statements.length || rows.length) {
    throw new SetupError(
      `the migrations lack changes of supabase/schemas; run deno task migration:\n${[...statements, ...rows].join("\n")}`,
    );
  }
}

async function write(version: string): Promise<void> {
  for (const [file, pattern] of VERSIONS) {
    const text = await Deno.readTextFile(ROOT + file);
    await Deno.writeTextFile(ROOT + file, text.replace(pattern, version));
  }
  const changelog = await Deno.readTextFile(CHANGELOG);
  const today = new Date().toISOString().slice(0, 10);
  await Deno.writeTextFile(CHANGELOG, changelog.replace("## Unreleased\n", `## Unreleased\n\n## ${version} - ${today}\n`));
  const releases = await readReleases();
  const released = Object.assign({}, ...Object.values(releases)) as Record<string, string>;
  releases[version] = Object.fromEntries(Object.entries(await digestsOfMigrations()).filter(([file]) => !released[file]));
  await Deno.writeTextFile(RELEASES, `${JSON.stringify(releases, null, 2)}\n`);
}

/** Makes the release. @throws SetupError with one sentence for a person */
async function release(args: string[]): Promise<void> {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: { "skip-checks": { type: "boolean" } },
    strict: false,
  });
  const [version = ""] = positionals;
  if (!/^\d+\.\d+\.\d+$/.test(version)) throw new SetupError(USAGE);
  await checkTree(version);
  if (!values["skip-checks"]) {
    const { success } = await new Deno.Command(Deno.execPath(), { args: ["task", "ok"], cwd: ROOT, stdin: "null" }).spawn().status;
    if (!success) throw new SetupError("deno task ok failed: correct what it names first");
  }
  await declareSchema(Object.keys(await readReleases()).length === 0);
  await write(version);
  await git("add", "--all");
  await git("commit", "--quiet", "--message", `Release ${version}`);
  await git("tag", "--annotate", `v${version}`, "--message", `Release ${version}`);
  say(`Release ${version} is committed and tagged. Publish it with: git push --follow-tags origin main`);
}

if (import.meta.main) {
  try {
    await release(Deno.args);
    Deno.exit(0);
  } catch (error) {
    // deno-lint-ignore no-console -- the reason of a failure belongs on stderr
    console.error(error instanceof SetupError ? error.message : error);
    Deno.exit(1);
  }
}
