import { prepare } from "../testing/database.ts";
import { connect } from "../platform/database.ts";
import { createKeys } from "../platform/keys.ts";
import { runInterruptible } from "../testing/interruptible.ts";
import { findPostgres, startPostgres, type TemporaryPostgres } from "../testing/postgres.ts";

// deno-lint-ignore no-console -- a command-line program
const say = (line: string): void => console.log(line);
const isCi = Deno.env.get("CI") === "true";
const COVERAGE = ".cov";
/** These files test locks between sessions. The embedded database has one session, so that they run on a server only. */
const RACES = ["races.test.ts", "queue-model.test.ts"];
const only = Deno.args;

async function deno(args: string[], env: Record<string, string> = {}): Promise<boolean> {
  const { success } = await new Deno.Command(Deno.execPath(), {
    args,
    env: { NO_COLOR: "1", ...env },
    stdin: "null",
    stdout: "inherit",
    stderr: "inherit",
  }).spawn().status;
  return success;
}

const test = (paths: string[], env: Record<string, string> = {}): Promise<boolean> =>
  deno(["test", "-A", "--no-check", `--coverage=${COVERAGE}`, "--coverage-raw-data-only", ...paths], env);

/** Creates the folder of a migrated embedded database, which the test files copy. */
async function embeddedTemplate(): Promise<string> {
  const folder = await Deno.makeTempDir({ prefix: "sync-template-" });
  const database = await connect(`${folder}/db`);
  await prepare(database, await createKeys());
  await database.close();
  return `${folder}/db`;
}

async function serverTemplate(server: TemporaryPostgres): Promise<void> {
  const admin = await connect(server.url);
  // Autovacuum analyzes at random times. Each of its transactions changes the snapshot of the whole server, and with it every ETag.
  await admin.exec("alter system set autovacuum = off");
  await admin.exec("select pg_reload_conf()");
  await admin.exec("create database sync_template");
  await admin.close();
  const database = await connect(server.url.replace(/\/postgres$/, "/sync_template"));
  await prepare(database, await createKeys());
  await database.close();
}

async function main(): Promise<boolean> {
  await Deno.remove(COVERAGE, { recursive: true }).catch(() => {});
  const bin = await findPostgres();
  if (!bin && isCi) throw new Error("CI=true runs everything: install Postgres 15 or newer with pg_cron first (.ci/run does)");
  const server = bin ? await startPostgres(bin) : null;
  const template = await embeddedTemplate();
  try {
    if (server) await serverTemplate(server);
    if (server && !server.hasCron && isCi) throw new Error("CI=true runs everything: pg_cron is not installed");
    const where: Record<string, string> = server
      ? { TEST_SERVER_URL: server.url, ...(server.hasCron ? { TEST_SERVER_CRON: "true" } : {}) }
      : {};
    const integration = only.length ? only : ["__tests__/integration"];
    say("\n== Unit tests, and the integration suite on the embedded database");
    // Files by name, because `deno test` applies --ignore only when it is given a single folder.
    const files = [...Deno.readDirSync("__tests__/integration")].map(({ name }) => name).filter((name) => name.endsWith(".test.ts"));
    const embedded = files.filter((name) => !RACES.includes(name)).sort().map((name) => `__tests__/integration/${name}`);
    const folders = ["services", "supabase/functions", "platform", "testing", "__tests__/browser", "__tests__/fuzz", "__tests__/repo"];
    const everything = [...folders, ...embedded];
    let isGood = await test(only.length ? only : everything, {
      TEST_TEMPLATE: template,
      ...where,
    });
    if (server) {
      say("\n== The integration suite on a real Postgres");
      isGood = await test(integration, { TEST_DATABASE_URL: server.url, ...where }) && isGood;
    } else say("\n== No Postgres 15 or newer is installed: the integration suite does not run on a server");
    if (only.length) return isGood;
    say("\n== Line coverage of services/ and supabase/functions/");
    const report = ["coverage", COVERAGE, "--include=/(services|supabase/functions)/", "--exclude=__tests__"];
    return await deno(report) && isGood;
  } finally {
    await server?.stop();
    await Deno.remove(template.replace(/\/db$/, ""), { recursive: true });
  }
}

await runInterruptible(async () => {
  try {
    return await main() ? 0 : 1;
  } catch (error) {
    say((error as Error).message);
    return 1;
  }
});
