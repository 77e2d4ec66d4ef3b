import { assert, assertEquals, assertMatch } from "@std/assert";
import { connect } from "../../platform/database.ts";
import { Started } from "../../testing/started.ts";
import { until } from "../../testing/wait.ts";

const isAlive = async (pid: number) => (await Deno.readTextFile(`/proc/${pid}/cmdline`).catch(() => "")).includes("edge-runtime");
const processesOf = async (folder: string) =>
  (JSON.parse(await Deno.readTextFile(`${folder}/run.json`)) as { processes: number[] }).processes;

/** Sends the request of the printed `curl` line. */
async function tryLine(output: string): Promise<Response> {
  const [, name, value, url] = /curl -s -H '(\w+): (\S+)' (\S+)/.exec(output) as unknown as [string, string, string, string];
  return await fetch(url, { headers: { [name]: value } });
}

Deno.test("the start program refuses a folder or a port in use, recovers from a kill, keeps its data and stops cleanly", async () => {
  const folder = await Deno.makeTempDir({ prefix: "sync-start-" });
  const first = new Started(["--port", "0", "--data", folder]);
  const base = await first.ready();
  assertEquals((await tryLine(first.output)).status, 200);
  assertMatch(first.output, /^Loading the packages .*\n(.*\n)*Creating the database in .*\/db …\n(.*\n)*Ready in /);
  assertMatch(first.output, /viewer@example\.com[^]*operator@example\.com[^]*admin@example\.com/);
  await until(
    "the first runs",
    async () => (await (await tryLine(first.output)).json()).sync_entities.matches_schedule.last_successful_sync,
  );

  const twice = await new Started(["--port", "0", "--data", folder]).end();
  assertEquals(twice.code, 1);
  assertMatch(
    twice.output.trim(),
    new RegExp(`\n${folder} is in use by process ${first.process.pid}; stop that process, or choose another folder with --data$`),
  );

  const elsewhere = await Deno.makeTempDir({ prefix: "sync-start-" });
  const portInUse = await new Started(["--port", new URL(base).port, "--data", elsewhere]).end();
  assertEquals(portInUse.code, 1);
  assertMatch(portInUse.output.trim(), /\nport \d+ is in use; stop the program that uses it, or choose another port with --port$/);

  const orphans = await processesOf(folder);
  assert(orphans.length > 0);
  // A frozen function does not exit with its platform.
  const [frozen = 0, ...others] = orphans;
  Deno.kill(frozen, "SIGSTOP");
  await first.end("SIGKILL");
  await until("the end of the functions of a killed platform", async () => !(await Promise.all(others.map(isAlive))).some(Boolean));
  assert(await isAlive(frozen));
  const second = new Started(["--port", "0", "--data", folder]);
  await second.ready();
  assert(!(await Promise.all(orphans.map(isAlive))).some(Boolean), "the next start ends the frozen function of a killed one");
  const overview = await (await tryLine(second.output)).json();
  assert(overview.sync_entities.tournaments.last_successful_sync, "the data survives a kill");

  const processes = await processesOf(folder);
  assert(processes.length > 0);
  assertEquals((await second.end("SIGTERM")).code, 0);
  assert(!(await Promise.all(processes.map(isAlive))).some(Boolean), "no process is left");

  await Deno.writeTextFile(`${folder}/db/PG_VERSION`, "nonsense");
  for await (const file of Deno.readDir(`${folder}/db/global`)) await Deno.truncate(`${folder}/db/global/${file.name}`, 10);
  const broken = await new Started(["--port", "0", "--data", folder]).end();
  assertEquals(broken.code, 1);
  assertMatch(
    broken.output,
    /the embedded database in .*\/db cannot be opened \(.*\); start with --fresh to delete the data and create it anew/,
  );

  const fresh = new Started(["--port", "0", "--data", folder, "--fresh"]);
  await fresh.ready();
  assertEquals((await fresh.end("SIGINT")).code, 0);
  await Promise.all([folder, elsewhere].map((path) => Deno.remove(path, { recursive: true })));
});

Deno.test("an invalid start prints one sentence that names the option, and exits with code 2, or with 1 where no option is at fault", async () => {
  const folder = await Deno.makeTempDir({ prefix: "sync-start-" });
  await Deno.writeTextFile(`${folder}/file`, "");
  const none = ["--port", "0", "--data", `${folder}/none`];
  const addresses = /^DATABASE_URL must be an address that begins with postgres:\/\/ or postgresql:\/\/$/;
  const invalidStarts: [string[], Record<string, string>, number, RegExp][] = [
    [["--prot", "3"], {}, 2, /^there is no option --prot\nusage: deno task start/],
    [["-x"], {}, 2, /^there is no option -x\n/],
    [["start"], {}, 2, /^start is not an option\n/],
    [["--fresh=yes"], {}, 2, /^--fresh takes no value\n/],
    [["--port"], {}, 2, /^--port needs a value\n/],
    [["--data", "--fresh"], {}, 2, /^--data needs a value\n/],
    [["--data", ""], {}, 2, /^--data needs a value\n/],
    ...["many", "1.5", "65536", "0x10", "=-1"].map((port): [string[], Record<string, string>, number, RegExp] => [
      [port.startsWith("=") ? `--port${port}` : "--port", ...port.startsWith("=") ? [] : [port]],
      {},
      2,
      new RegExp(`^--port must be a whole number from 0 to 65535, not ${port.replace("=", "")}$`),
    ]),
    [["--data", `${folder}/file`], {}, 2, /^--data must name a folder, but .*\/file is or leads through a file$/],
    [["--data", `${folder}/file/data`], {}, 2, /^--data must name a folder, but .*\/file\/data is or leads through a file$/],
    [["--data", folder], {}, 1, /^.* is not a data folder, because it contains file; choose a new folder with --data$/],
    [["--data", folder, "--fresh"], {}, 1, /^.* is not a data folder, because it contains file; choose a new folder with --data$/],
    [none, { DATABASE_URL: "nonsense:hunter2" }, 1, addresses],
    [none, { DATABASE_URL: "mysql://me:hunter2@h/x" }, 1, addresses],
    [none, { VIS_API_URL: "vis.example" }, 1, /^VIS_API_URL must be an address that begins with http:\/\/ or https:\/\/$/],
    [
      ["--port", "0", "--data", `${folder}/empty`],
      { DATABASE_URL: "postgres://me:hunter2@127.0.0.1:9/x" },
      1,
      /the database postgres:\/\/me:\*\*\*@127\.0\.0\.1:9\/x cannot be reached: /,
    ],
  ];
  for (const [args, env, expected, sentence] of invalidStarts) {
    const { code, output } = await new Started(args, env).end();
    assertEquals([code, expected], [expected, expected], output);
    assertMatch(output.trim(), sentence);
    assert(!output.includes("hunter2") && !/^\s+at /m.test(output), output);
  }
  assertEquals(await Deno.stat(`${folder}/none`).catch(() => null), null, "a refused start creates no folder");
  assertEquals(await Deno.stat(`${folder}/file`).then(({ isFile }) => isFile), true, "a folder of other files is not deleted");
  await Deno.remove(folder, { recursive: true });
});

Deno.test("a start says what it does before it downloads a package, and --version and --help need none", async () => {
  const folder = await Deno.makeTempDir({ prefix: "sync-start-" });
  // The program starts with an empty cache and without a network.
  const start = async (args: string[]) => {
    const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--no-check", "--cached-only", "platform/start.ts", "--data", `${folder}/data`, ...args],
      env: { NO_COLOR: "1", DATABASE_URL: "", DENO_DIR: `${folder}/cache` },
    }).output();
    const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes).trim();
    return [code, text(stdout), text(stderr).split(": ")[0]];
  };
  const { version } = JSON.parse(await Deno.readTextFile("deno.json"));
  assertMatch(version, /^\d+\.\d+\.\d+(-[a-z]+)?$/);
  assertEquals(await start(["--version"]), [0, version, ""]);
  assertEquals(await start([]), [
    1,
    "Loading the packages (the first start downloads them from npm) …",
    "the packages cannot be downloaded, which the first start needs",
  ]);
  await Deno.remove(folder, { recursive: true });
});

Deno.test("--help prints the options and starts nothing", async () => {
  const { code, output } = await new Started(["--help"]).end();
  assertEquals(code, 0);
  assertMatch(output, /^usage: deno task start/);
});

Deno.test("a data folder with another version of the schema is refused with one sentence that names --fresh, and is not changed", async () => {
  const ledger = (rows: string) =>
    `create schema supabase_migrations;
    create table supabase_migrations.schema_migrations (version text primary key, name text, digest text);
    insert into supabase_migrations.schema_migrations values ${rows};`;
  for (
    const [row, named] of [["('047', 'pages_of_errors', null)", "047_pages_of_errors"], ["('001', 'foundation', 'x')", "001_foundation"]]
  ) {
    const folder = await Deno.makeTempDir({ prefix: "sync-start-" });
    const old = await connect(`${folder}/db`);
    await old.exec(ledger(row as string));
    await old.close();
    const { code, output } = await new Started(["--port", "0", "--data", folder]).end();
    assertEquals(code, 1, output);
    assertEquals(
      output.trim().split("\n").at(-1),
      `the data in ${folder} was created with another version of the schema (${named}); start with --fresh to delete it and create it anew`,
    );
    const kept = await connect(`${folder}/db`);
    assertEquals((await kept.query("select version from supabase_migrations.schema_migrations")).length, 1);
    await kept.close();
    await Deno.remove(folder, { recursive: true });
  }
});
