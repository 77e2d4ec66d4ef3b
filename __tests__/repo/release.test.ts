import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { listMigrations } from "../../platform/migrate.ts";
import { type Stack, startStack } from "../../platform/stack.ts";
import { SetupError } from "../../platform/state.ts";
import { copyRepository } from "../../testing/repository-copy.ts";
import { connect } from "../../platform/database.ts";
import { createHostedProject } from "../../testing/hosted-project.ts";
import { run, supabase } from "../../testing/supabase-cli.ts";

const server = Deno.env.get("TEST_SERVER_URL");
// In CI no test is skipped: scripts/test.ts provides the server.
const ignore = Deno.env.get("CI") !== "true" && !server;

const folder = await Deno.makeTempDir({ prefix: "sync-release-" });
const copy = await copyRepository(`${folder}/new`);
const FIRST = Number((await listMigrations(copy.supabase)).at(-1)?.version);
const OLD = new URL(`file://${folder}/old/supabase/`);
const A_TOURNAMENT = "insert into tournaments (no, name, status) values ('99999', 'Kept', 1)";

async function succeeds(name: string, ...args: string[]): Promise<string> {
  const { success, text } = await copy.task(name, ...args);
  assert(success, text);
  return text;
}
async function refuses(expected: RegExp, name: string, ...args: string[]): Promise<void> {
  const { success, text } = await copy.task(name, ...args);
  assertEquals(success, false, text);
  assertMatch(text, expected);
}
/** Runs the tests of the migrations in the copy; they must pass or, with `failure`, fail with that text. */
async function gate(failure?: RegExp): Promise<void> {
  const args = ["test", "-A", "--no-check", "--fail-fast", "__tests__/repo/releases.test.ts", "__tests__/repo/schema-files.test.ts"];
  const { success, text } = await run(Deno.execPath(), args, { cwd: copy.root });
  assertEquals(success, !failure, text);
  if (failure) assertMatch(text, failure);
}
/** Starts a release on the data folder of the test, runs `work` with its stack, and stops the stack. */
async function on<T>(supabase: URL, work: (stack: Stack) => Promise<T>): Promise<T> {
  const stack = await startStack({ port: 0, folder: `${folder}/data`, supabase, write: () => {} });
  try {
    return await work(stack);
  } finally {
    await stack.stop();
  }
}
async function health({ base, state }: Stack): Promise<number> {
  const response = await fetch(`${base}/functions/v1/sync-monitoring/health-overview`, { headers: { apikey: state.keys.secret } });
  await response.body?.cancel();
  return response.status;
}

Deno.test("a release and a migration are refused with one sentence that names what is wrong", async () => {
  await gate();
  for (const args of [["one"], ["1.0.0", "--skip"], []]) await refuses(/^usage: deno task release/, "release", ...args);
  await refuses(/^nothing is released yet/, "migration", "add-column");
  await refuses(/^the version must be greater than 0\.1\.0-dev/, "release", "0.0.1", "--skip-checks");
  await Deno.writeTextFile(`${copy.root}/new.txt`, "");
  await refuses(/^commit these changes first[^]*new\.txt/, "release", "1.0.0", "--skip-checks");
  await Deno.remove(`${copy.root}/new.txt`);
  await copy.must("git", "switch", "--quiet", "--create", "other");
  await refuses(/^a release is made on the branch main, and this is other/, "release", "1.0.0", "--skip-checks");
  await copy.must("git", "switch", "--quiet", "main");
  await copy.edit("CHANGELOG.md", "## Unreleased\n", "## Unreleased\n\n- Everything.\n");
  await copy.edit("deno.json", /(?<="ok": \{[^}]*"command": )"[^"]+"/, '"false"');
  await copy.commit("Fail each check");
  await refuses(/deno task ok failed: correct what it names first\s*$/, "release", "1.0.0");
  await copy.edit("CHANGELOG.md", /## Unreleased[^]*/, "## Unreleased\n");
  await copy.commit("Empty the changelog");
  await refuses(/^CHANGELOG\.md has no entry under ## Unreleased/, "release", "1.0.0", "--skip-checks");
});

Deno.test("the first release sets the version, dates the changelog, freezes the migrations, commits and tags", async () => {
  await copy.edit("CHANGELOG.md", "## Unreleased\n", "## Unreleased\n\n### Added\n\n- Everything.\n");
  await copy.commit("Describe the release");
  await succeeds("release", "1.0.0", "--skip-checks");
  const text = (file: string) => copy.must("git", "show", `v1.0.0:${file}`);
  assertEquals(JSON.parse(await text("deno.json")).version, "1.0.0");
  assertMatch(await text("services/version.ts"), /"1\.0\.0"/);
  assertMatch(await text("CHANGELOG.md"), /## Unreleased\n\n## 1\.0\.0 - \d{4}-\d\d-\d\d\n\n### Added\n\n- Everything/);
  assertEquals(await copy.must("git", "diff", "--no-index", "--stat", "supabase/migrations", "supabase/schemas"), "");
  assertEquals(await copy.must("git", "status", "--porcelain"), "");
  await refuses(/^the tag v1\.0\.0 exists already/, "release", "1.0.0", "--skip-checks");
  await copy.must("git", "worktree", "add", "--quiet", `${folder}/old`, "v1.0.0");
  await gate();
});

Deno.test("a change of the declared schema needs a migration, and a released migration never changes", async () => {
  await refuses(/^the migrations create what supabase\/schemas declares/, "migration", "nothing");
  await copy.edit("supabase/schemas/synced_data.sql", "  title varchar,\n", "  title varchar,\n  nickname varchar,\n");
  await copy.edit(
    "supabase/schemas/foundation.sql",
    "select (at_time at time zone 'UTC')::date",
    "select (timezone('UTC', at_time))::date",
  );
  await copy.edit("supabase/schemas/foundation.sql", "('recipients', 50)", "('recipients', 60)");
  await gate(/write the difference with deno task migration[^]*nickname/);
  assertMatch(await succeeds("migration", "add-column"), /write the statements for its rows/);
  await gate(/limit_settings/);
  const file = `supabase/migrations/${String(FIRST + 1).padStart(3, "0")}_add_column.sql`;
  await copy.edit(file, /-- Write the statements[^]*/, "update public.limit_settings set maximum = 60 where subject = 'recipients';\n");
  await gate();
  await copy.edit("supabase/migrations/synced_data.sql", "Beach tournaments", "All tournaments");
  await gate(/synced_data\.sql is released and has changed/);
  await copy.must("git", "checkout", "--quiet", "supabase/migrations/*_synced_data.sql");
  await copy.edit("CHANGELOG.md", "## Unreleased\n", "## Unreleased\n\n### Added\n\n- A nickname.\n");
  await copy.commit("Add the nickname");
  await succeeds("release", "1.0.1", "--skip-checks");
});

Deno.test(
  { name: "the official CLI upgrades a hosted project from the first release, as an owner who is no superuser", ignore },
  async () => {
    const url = await createHostedProject(String(server), `release_${crypto.randomUUID().slice(0, 8)}`, { grantsByDefault: true });
    for (const cwd of [`${folder}/old`, copy.root]) {
      const { success, text } = await supabase(["db", "push", `--remote=${url}?sslmode=disable`, "--yes"], { cwd });
      assert(success, text);
    }
    const again = await supabase(["db", "push", `--remote=${url}?sslmode=disable`, "--yes"], { cwd: `${folder}/old` });
    assertEquals(again.success, false, again.text);
    const owner = await connect(url);
    assertEquals(
      await owner.query(
        "select schema_version() -> 'version' as version, has_column_privilege('anon', 'tournaments', 'nickname', 'select') as is_public",
      ),
      [{ version: FIRST + 1, is_public: true }],
    );
    await owner.close();
  },
);

Deno.test("a database of the first release is upgraded with its data, and works with the older code until the schema excludes that", async () => {
  await on(OLD, ({ database }) => database.exec(A_TOURNAMENT));
  await on(copy.supabase, async (stack) => {
    assertEquals(stack.migrationsApplied, 1);
    assertEquals(await stack.database.query("select name, nickname, status from tournaments where no = '99999'"), [
      { name: "Kept", nickname: null, status: 1 },
    ]);
    assertEquals(await health(stack), 200);
  });
  await on(OLD, async (stack) => {
    assertEquals(await health(stack), 200);
    assertEquals((await stack.database.query("select schema_version() -> 'version' as version"))[0], { version: FIRST + 1 });
  });
  await copy.edit("supabase/schemas/foundation.sql", /(?<='min_code_version', )\d+/, String(FIRST + 2));
  await succeeds("migration", "exclude-older-code");
  await on(copy.supabase, async (stack) => assertEquals(await health(stack), 200));
  await assertRejects(
    () => on(OLD, health),
    SetupError,
    `has schema ${FIRST + 2}, which needs code of version ${FIRST + 2} or newer; this code has ${FIRST}: start a newer release`,
  );
  await Deno.remove(folder, { recursive: true });
});
