import { assert, assertEquals } from "@std/assert";
import { createHostedProject } from "../../testing/hosted-project.ts";
import { PROJECT_CHECKS } from "../../testing/project-checks.ts";
import { run, supabase } from "../../testing/supabase-cli.ts";
import { startManagementApi } from "../../testing/management-api.ts";

const server = Deno.env.get("TEST_SERVER_URL");
const hasNpx = await run("npx", ["--version"]).then((output) => output.success, () => false);
// In CI no test is skipped, because scripts/test.ts provides the server, and npx must be installed.
const ignore = Deno.env.get("CI") !== "true" && (!server || !hasNpx);
const FUNCTIONS = [...Deno.readDirSync("supabase/functions")].filter(({ name, isDirectory }) => isDirectory && !name.startsWith("_"))
  .map(({ name }) => name).sort();

for (const grantsByDefault of [true, false]) {
  const age = grantsByDefault ? "an older project, which grants rights by default" : "a new project";
  Deno.test({ name: `the official CLI migrates ${age}, as an owner who is no superuser, and finds nothing wrong`, ignore }, async () => {
    const url = await createHostedProject(String(server), `cli_${crypto.randomUUID().slice(0, 8)}`, { grantsByDefault });
    for (const { name, find } of PROJECT_CHECKS) assertEquals(await find(url), null, name);
  });
}

/** The binary of the Deno release that hosted functions resemble; the launcher of npm is not used, because it survives a kill. */
async function olderDeno(): Promise<string> {
  const found = await run("npx", ["-y", "-p", "deno@2.1.14", "-c", "command -v deno"]);
  const path = /^\/.*deno$/m.exec(found.text)?.[0];
  assert(path, found.text);
  const launcher = await Deno.realPath(path);
  await run(launcher, ["--version"]); // downloads the binary
  return launcher.replace(/[^/]+$/, "deno");
}

// The older release does not support DENO_SERVE_ADDRESS.
const ON_A_FREE_PORT = `const serve = Deno.serve;
Deno.serve = (handler) => serve({ hostname: "127.0.0.1", port: 0 }, handler);
await import(Deno.args[0]);`;

/** Starts an uploaded function with the environment of a hosted one, and returns the status of a request without other services. */
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
    try {
      const deployed = await supabase(
        ["functions", "deploy", "--use-api", "--remote=abcdefghijklmnopqrst", "--yes"],
        { env: await api.env(folder) },
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
