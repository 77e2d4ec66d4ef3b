import { existsSync } from "node:fs";
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
const bin = await findPostgres();
/** The files that test locks between sessions; they run only on a server, because the embedded database has one session. */
const RACES = ["races.test.ts", "queue-model.test.ts"];

/** The test files of one process; parts run in parallel. */
interface Part {
  title: string;
  paths: string[];
  /** The Postgres of the tests: a migrated `database`, or a `server` on which they create their databases. */
  postgres?: "database" | "server";
  /** Whether the part records line coverage, which makes tests slower. */
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
async function test(part: Part, template: string, isShown: boolean): Promise<string | null> {
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
 * The test files of a folder in several processes. They run in parallel, and a process never releases its modules, so in one long process
 * each file starts more slowly than the file before.
 */
function split(folder: string, count: number, part: Omit<Part, "paths">): Part[] {
  // The files are listed by name, because `deno test` applies --ignore only to a single folder.
  const names = [...Deno.readDirSync(folder)].map(({ name }) => name).filter((name) => name.endsWith(".test.ts")).sort();
  const paths = names.filter((name) => part.postgres || !RACES.includes(name)).map((name) => `${folder}/${name}`);
  return Array.from({ length: count }, (_, number) => ({
    ...part,
    title: `${part.title}, part ${number + 1} of ${count}`,
    paths: paths.filter((_, index) => index % count === number),
  }));
}

/** Without a server these parts record the coverage; with one, the suite of the server runs the same lines faster. */
const onEmbedded = () => split("__tests__/integration", 4, { title: "The integration suite on the embedded database", hasCoverage: !bin });

/** The suites by name, the longest first. A job of `.github/workflows/test.yml` runs one of them; without a name all run. */
const SUITES: Record<string, () => Part[]> = {
  page: () => split("__tests__/browser", 2, { title: "The page in a browser" }),
  server: () => [
    ...split("__tests__/integration", 3, { title: "The integration suite on a real Postgres", postgres: "database", hasCoverage: true }),
    {
      title: "Unit tests and arbitrary input",
      paths: ["services", "supabase/functions", "platform", "testing", "__tests__/fuzz"],
      hasCoverage: true,
    },
  ],
  "embedded-1": () => onEmbedded().slice(0, 2),
  "embedded-2": () => onEmbedded().slice(2),
  repository: () => [{ title: "The repository and its commands", paths: ["__tests__/repo"], postgres: "server" }],
};

/** Prints the line coverage, and compares it with the threshold of `deno.json`. */
async function isCoverageEnough(): Promise<boolean> {
  say("\n== Line coverage of services/ and supabase/functions/");
  return (await deno(["coverage", COVERAGE, "--include=/(services|supabase/functions)/", "--exclude=__tests__"])).success;
}

/** The parts that the arguments name: suites, or test files on both databases. @throws Error for a name that is neither */
function readArguments(names: string[]): { parts: Part[]; isSuite: boolean } {
  const isSuite = (name: string) => Object.hasOwn(SUITES, name);
  if (names.every(isSuite)) {
    return {
      parts: Object.entries(SUITES).flatMap(([name, parts]) => !names.length || names.includes(name) ? parts() : []),
      isSuite: true,
    };
  }
  // After the files, options of `deno test` can follow.
  const unknown = names.find(isSuite) ?? names.slice(0, 1).find((name) => !existsSync(name));
  if (unknown !== undefined) throw new Error(`name only test files, or only suites (${Object.keys(SUITES).join(", ")}): ${unknown}`);
  return {
    parts: [
      { title: "On the embedded database", paths: names, postgres: "server" },
      { title: "On a real Postgres", paths: names, postgres: "database" },
    ],
    isSuite: false,
  };
}

async function main(): Promise<boolean> {
  const { parts, isSuite } = readArguments(Deno.args);
  // Without a server, only all suites together record the coverage.
  const isMeasured = bin ? parts.some(({ hasCoverage }) => hasCoverage) : Deno.args.length === 0;
  // The tests of this program run it for single files, while the suites record the coverage.
  if (isMeasured) await Deno.remove(COVERAGE, { recursive: true }).catch(() => {});
  const hasCron = bin && await Deno.stat(bin.replace(/bin$/, "lib/pg_cron.so")).catch(() => null);
  if (!hasCron && isCi) throw new Error("CI=true runs everything: install Postgres 15 or newer with pg_cron first (.ci/run does)");
  const template = await embeddedTemplate();
  // The page is built first, because two parts that build it at the same time write the same files.
  if (isSuite) await buildDashboard(() => say("Building the page …"));
  try {
    const waiting = parts.filter(({ postgres }) => bin || postgres !== "database");
    if (waiting.length < parts.length) say("\n== No Postgres 15 or newer is installed: the integration suite does not run on a server");
    // Two parallel parts are faster than one after the other, because each often waits for its browser, server or functions. With three
    // parts on two cores, a page can take longer than the patience of its test.
    const laneCount = isSuite ? 2 : 1;
    const failures: string[] = [];
    const lane = async () => {
      for (let part = waiting.shift(); part; part = waiting.shift()) {
        const failure = await test(part, template, laneCount === 1);
        if (failure !== null) failures.push(failure);
      }
    };
    await Promise.all(Array.from({ length: laneCount }, lane));
    if (isMeasured && !await isCoverageEnough()) failures.push("\n== Line coverage: too low, or not recorded");
    // The failures are printed last, because often only the end of a long output is kept.
    for (const failure of isSuite ? failures : []) say(failure);
    return !failures.length;
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
