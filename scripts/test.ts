import { prepare } from "../testing/database.ts";
import { buildDashboard } from "../platform/dashboard.ts";
import { connect, connectCopy } from "../platform/database.ts";
import { createKeys } from "../platform/keys.ts";
import { runInterruptible } from "../testing/interruptible.ts";
import { findPostgres, startPostgres, type TemporaryPostgres } from "../testing/postgres.ts";

// deno-lint-ignore no-console -- a command-line program
const say = (line: string): void => console.log(line);
const isCi = Deno.env.get("CI") === "true";
const COVERAGE = ".cov";
/** The files that test locks between sessions; they run only on a server, because the embedded database has one session. */
const RACES = ["races.test.ts", "queue-model.test.ts"];
const only = Deno.args;

/** The test files of one process; parts run in parallel. */
interface Part {
  title: string;
  paths: string[];
  /** The Postgres of the tests: a migrated `database`, or a `server` on which they create their databases. */
  postgres?: "database" | "server";
  /** Whether the part records line coverage, which makes tests slower. A part without coverage runs the same lines or other processes. */
  hasCoverage?: boolean;
}

/** Runs `deno`, and shows its output at once or returns it. */
async function deno(args: string[], env: Record<string, string> = {}, isShown = true): Promise<{ success: boolean; output: string }> {
  const stdio = isShown ? "inherit" : "piped";
  const process = new Deno.Command(Deno.execPath(), { args, env: { NO_COLOR: "1", ...env }, stdin: "null", stdout: stdio, stderr: stdio })
    .spawn();
  if (isShown) return { success: (await process.status).success, output: "" };
  const pieces: string[] = [];
  const read = async (stream: ReadableStream<Uint8Array<ArrayBuffer>>) => {
    for await (const piece of stream.pipeThrough(new TextDecoderStream())) pieces.push(piece);
  };
  await Promise.all([read(process.stdout), read(process.stderr)]);
  return { success: (await process.status).success, output: pieces.join("") };
}

/** The errors of the failed tests and their names in the output of `deno test`; the end of the output when the tests did not run. */
function failuresIn(output: string): string {
  const from = output.lastIndexOf("\n ERRORS \n");
  return from < 0 ? output.slice(-4_000) : output.slice(from).replace("\n ERRORS \n", "");
}

/** Runs the tests of a part, with a separate Postgres server if it needs one, and returns the failures. */
async function test(part: Part, template: string, bin: string | null, isShown: boolean): Promise<string | null> {
  const startedAt = performance.now();
  // Each part has a separate server, because a transaction in a database changes the ETags of all databases of its server.
  const server = bin && part.postgres ? await startPostgres(bin) : null;
  try {
    const env: Record<string, string> = { TEST_TEMPLATE: template };
    if (server) env.TEST_SERVER_URL = server.url;
    if (server && part.postgres === "database") {
      await serverTemplate(server);
      env.TEST_DATABASE_URL = server.url;
    }
    if (isShown) say(`\n== ${part.title}`);
    const coverage = part.hasCoverage ? [`--coverage=${COVERAGE}`, "--coverage-raw-data-only"] : [];
    const args = ["test", "-A", "--no-check", ...coverage, ...part.paths];
    const { success, output } = await deno(args, env, isShown);
    if (!isShown) say(`\n== ${part.title}\n${output}`);
    say(`== ${part.title}: ${success ? "passed" : "FAILED"} in ${Math.round((performance.now() - startedAt) / 1000)} s`);
    return success ? null : `\n== ${part.title}: what failed\n${failuresIn(output)}`;
  } finally {
    await server?.stop();
  }
}

/** Writes a migrated embedded database as a dump for databases in memory and as a folder for a stack, and returns the path of both. */
async function embeddedTemplate(): Promise<string> {
  const folder = await Deno.makeTempDir({ prefix: "sync-template-" });
  const database = await connect("memory://");
  await prepare(database, await createKeys());
  const dump: Blob = await database.connection.driver.dumpDataDir("none");
  await Deno.writeFile(`${folder}/dump`, dump.stream());
  await database.close();
  await (await connectCopy(dump, `${folder}/db`)).close();
  return folder;
}

async function serverTemplate(server: TemporaryPostgres): Promise<void> {
  const admin = await connect(server.url);
  // Autovacuum runs at random times, and each of its transactions changes the snapshot of the whole server, and with it every ETag.
  await admin.exec("alter system set autovacuum = off");
  await admin.exec("select pg_reload_conf()");
  await admin.exec("create database sync_template");
  await admin.close();
  const database = await connect(server.url.replace(/\/postgres$/, "/sync_template"));
  await prepare(database, await createKeys());
  await database.close();
}

/**
 * The integration suite on the embedded database, in three processes. A process never releases its modules, so in one long process each
 * file starts more slowly than the file before.
 */
function embeddedParts(folder: string): Part[] {
  // The files are listed by name, because `deno test` applies --ignore only to a single folder.
  const names = [...Deno.readDirSync(folder)].map(({ name }) => name).filter((name) => name.endsWith(".test.ts")).sort();
  const paths = names.filter((name) => !RACES.includes(name)).map((name) => `${folder}/${name}`);
  return [0, 1, 2].map((part) => ({
    title: `The integration suite on the embedded database, part ${part + 1} of 3`,
    paths: paths.filter((_, index) => index % 3 === part),
    hasCoverage: true,
  }));
}

/** The whole suite, the longest parts first. */
function wholeSuite(): Part[] {
  const folder = "__tests__/integration";
  return [
    { title: "The page in a browser", paths: ["__tests__/browser"] },
    { title: "The integration suite on a real Postgres", paths: [folder], postgres: "database" },
    { title: "The repository and its commands", paths: ["__tests__/repo"], postgres: "server" },
    ...embeddedParts(folder),
    {
      title: "Unit tests and arbitrary input",
      paths: ["services", "supabase/functions", "platform", "testing", "__tests__/fuzz"],
      hasCoverage: true,
    },
  ];
}

async function main(): Promise<boolean> {
  await Deno.remove(COVERAGE, { recursive: true }).catch(() => {});
  const bin = await findPostgres();
  const hasCron = bin && await Deno.stat(bin.replace(/bin$/, "lib/pg_cron.so")).catch(() => null);
  if (!hasCron && isCi) throw new Error("CI=true runs everything: install Postgres 15 or newer with pg_cron first (.ci/run does)");
  const template = await embeddedTemplate();
  // The page is built first, because two parts that build it at the same time write the same files.
  if (!only.length) await buildDashboard(() => say("Building the page …"));
  try {
    const parts: Part[] = only.length
      ? [{ title: "On the embedded database", paths: only, postgres: "server" }, {
        title: "On a real Postgres",
        paths: only,
        postgres: "database",
      }]
      : wholeSuite();
    const waiting = parts.filter(({ postgres }) => bin || postgres !== "database");
    if (waiting.length < parts.length) say("\n== No Postgres 15 or newer is installed: the integration suite does not run on a server");
    // Two parallel parts are faster than one after the other, because each often waits for its browser, server or functions. With three
    // parts on two cores, a page can take longer than the patience of its test.
    const laneCount = only.length ? 1 : 2;
    const failures: string[] = [];
    const lane = async () => {
      for (let part = waiting.shift(); part; part = waiting.shift()) {
        const failure = await test(part, template, bin, laneCount === 1);
        if (failure !== null) failures.push(failure);
      }
    };
    await Promise.all(Array.from({ length: laneCount }, lane));
    if (only.length) return !failures.length;
    say("\n== Line coverage of services/ and supabase/functions/");
    const report = ["coverage", COVERAGE, "--include=/(services|supabase/functions)/", "--exclude=__tests__"];
    const { success } = await deno(report);
    // The failures are printed last, because often only the end of a long output is kept.
    for (const failure of failures) say(failure);
    return success && !failures.length;
  } finally {
    await Deno.remove(template, { recursive: true });
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
