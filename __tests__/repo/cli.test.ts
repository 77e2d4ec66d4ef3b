import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { connect } from "../../platform/database.ts";
import { listMigrations } from "../../platform/migrate.ts";
import { run, supabase } from "../../testing/supabase-cli.ts";
import { generateTypes } from "../../scripts/types.ts";
import { startManagementApi } from "../../testing/management-api.ts";

const server = Deno.env.get("TEST_SERVER_URL");
const hasNpx = await run("npx", ["--version"]).then((output) => output.success, () => false);
// In CI no test is skipped: scripts/test.ts provides the server, and npx must be installed.
const ignore = Deno.env.get("CI") !== "true" && (!server || !hasNpx);
const FUNCTIONS = [...Deno.readDirSync("supabase/functions")].filter(({ name, isDirectory }) => isDirectory && !name.startsWith("_"))
  .map(({ name }) => name).sort();

async function bareDatabase(): Promise<string> {
  const name = `cli_${crypto.randomUUID().slice(0, 8)}`;
  const admin = await connect(String(server));
  await admin.exec(`create database ${name}`);
  await admin.close();
  const url = new URL(String(server));
  url.pathname = `/${name}`;
  const database = await connect(url.href);
  // The state of a new hosted project, with stand-ins for the extensions and no migration.
  await database.exec(await Deno.readTextFile("platform/bootstrap.sql"));
  for (const schema of ["cron", "net", "vault"]) await database.exec(await Deno.readTextFile(`platform/standins/${schema}.sql`));
  await database.close();
  return url.href;
}

Deno.test(
  {
    name: "the official CLI pushes the migrations onto a bare Postgres, finds them current afterwards, and lint and advisors find nothing",
    ignore,
  },
  async () => {
    const url = await bareDatabase();
    const remote = `--remote=${url}?sslmode=disable`;
    const pushed = await supabase(["db", "push", remote, "--yes"]);
    assert(pushed.success, pushed.text);
    for (const { version, name } of await listMigrations()) {
      assertStringIncludes(pushed.text, `Applying migration ${version}_${name}.sql`);
    }
    const again = await supabase(["db", "push", remote, "--yes"]);
    assert(again.success, again.text);
    assertMatch(again.text, /up to date/i);
    const lint = await supabase(["db", "lint", remote, "--level", "warning", "--fail-on", "warning"]);
    assert(lint.success, lint.text);
    assertStringIncludes(lint.text, "No schema errors found");
    const advice = await supabase(["db", "advisors", remote, "--fail-on", "warn"]);
    assert(advice.success, advice.text);
    assertEquals(
      await generateTypes(url),
      await Deno.readTextFile("types/database.ts"),
      "types/database.ts is not current: run deno task types",
    );
  },
);

/** The binary of the Deno release that hosted functions resemble; the launcher of npm in front of it would survive a kill. */
async function olderDeno(): Promise<string> {
  const found = await run("npx", ["-y", "-p", "deno@2.1.14", "-c", "command -v deno"]);
  const path = /^\/.*deno$/m.exec(found.text)?.[0];
  assert(path, found.text);
  const launcher = await Deno.realPath(path);
  await run(launcher, ["--version"]); // downloads the binary beside it
  return launcher.replace(/[^/]+$/, "deno");
}

// The older release does not support DENO_SERVE_ADDRESS.
const ON_A_FREE_PORT = `const serve = Deno.serve;
Deno.serve = (handler) => serve({ hostname: "127.0.0.1", port: 0 }, handler);
await import(Deno.args[0]);`;

/** Starts an uploaded function with the environment of a hosted one, and returns the status of a request that needs no other service. */
async function boot(deno: string, root: string, name: string): Promise<number> {
  await Deno.writeTextFile(`${root}/boot.js`, ON_A_FREE_PORT);
  const process = new Deno.Command(deno, {
    args: ["run", "-A", "--no-check", "--no-lock", "--config", `${root}/supabase/functions/deno.json`, `${root}/boot.js`]
      .concat(`file://${root}/supabase/functions/${name}/index.ts`),
    cwd: root,
    env: {
      NO_COLOR: "1",
      SUPABASE_URL: "http://127.0.0.1:9",
      SUPABASE_SECRET_KEYS: '{"default":"sb_secret_test"}',
      SUPABASE_PUBLISHABLE_KEYS: '{"default":"sb_publishable_test"}',
      SUPABASE_JWKS: '{"keys":[]}',
    },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  let text = "";
  const address = Promise.withResolvers<string>();
  const read = async (stream: ReadableStream<Uint8Array<ArrayBuffer>>) => {
    for await (const chunk of stream.pipeThrough(new TextDecoderStream())) {
      text += chunk;
      const found = /Listening on (http:\/\/127\.0\.0\.1:\d+)/.exec(text)?.[1];
      if (found) address.resolve(found);
    }
  };
  const reading = Promise.all([read(process.stdout), read(process.stderr)]);
  void process.status.then(() => address.reject(new Error(`${name} did not start: ${text}`)));
  try {
    const response = await fetch(`${await address.promise}/${name}`, { method: "OPTIONS" });
    await response.body?.cancel();
    return response.status;
  } finally {
    process.kill("SIGKILL");
    await reading;
  }
}

Deno.test(
  { name: "each function that the CLI deploys starts on this Deno and on the release that hosted functions resemble", ignore },
  async () => {
    const older = await olderDeno();
    const api = startManagementApi();
    const folder = await Deno.makeTempDir({ prefix: "sync-deploy-" });
    const profile = `${folder}/profile.yaml`;
    await Deno.writeTextFile(
      profile,
      `name: mock\napi_url: ${api.url}\ndashboard_url: ${api.url}\nproject_host: supabase.co\npooler_host: supabase.com\n`,
    );
    try {
      const deployed = await supabase(
        ["functions", "deploy", "--use-api", "--remote=abcdefghijklmnopqrst", "--profile", profile, "--yes"],
        { env: { SUPABASE_ACCESS_TOKEN: `sbp_${"0".repeat(40)}` } },
      );
      assert(deployed.success, deployed.text);
      assertEquals([...api.deployed.keys()].sort(), FUNCTIONS);
      for (const [name, { files, metadata }] of api.deployed) {
        assertEquals(metadata.verify_jwt, false, name);
        assert(![...files.keys()].some((path) => /__tests__|platform|bench/.test(path)), `${name} uploads ${[...files.keys()]}`);
        const root = `${folder}/${name}`;
        for (const [path, content] of files) {
          await Deno.mkdir(`${root}/${path}`.replace(/\/[^/]+$/, ""), { recursive: true });
          await Deno.writeTextFile(`${root}/${path}`, content);
        }
        for (const deno of [Deno.execPath(), older]) assertEquals(await boot(deno, root, name), 204, `${name} on ${deno}`);
      }
    } finally {
      await api.stop();
      await Deno.remove(folder, { recursive: true });
    }
  },
);
