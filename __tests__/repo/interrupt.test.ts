import { assertEquals } from "@std/assert";
import { listProcesses, type Process, withDescendants } from "../../testing/interruptible.ts";
import { until } from "../../testing/wait.ts";

// The test finds the processes of a program by their environment, which only Linux shows.
const ignore = Deno.build.os !== "linux";

/**
 * The processes that a program with this TMPDIR started. Each inherits the variable; a process of Chromium overwrites its environment,
 * and is found by its parent.
 */
function processesIn(folder: string): Process[] {
  const all = listProcesses();
  const roots = all.map(({ pid }) => pid).filter((pid) => {
    try {
      return Deno.readTextFileSync(`/proc/${pid}/environ`).includes(`TMPDIR=${folder}`);
    } catch {
      return false;
    }
  });
  const own = withDescendants(all, roots);
  return all.filter(({ pid }) => own.has(pid));
}

/** Starts a program, interrupts it when one of its processes matches, and returns its exit code and its remaining processes and files. */
async function interrupt(args: string[], signal: Deno.Signal, when: RegExp) {
  // The path is short, because the path of a Postgres socket has at most 107 characters.
  const folder = await Deno.makeTempDir({ dir: "/tmp", prefix: "s-" });
  await Deno.chmod(folder, 0o711);
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", ...args],
    env: { TMPDIR: folder, NO_COLOR: "1" },
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).spawn();
  const moment = until("the moment to interrupt", () => {
    const processes = processesIn(folder);
    return Promise.resolve(processes.some(({ command }) => when.test(command)) && processes);
  }, 300_000);
  const started = await moment.finally(() => child.kill(signal));
  const { code } = await child.status;
  // A process whose parent has ended is found only in the list from before the signal.
  const isLeft = ({ pid, command }: Process) => started.some((known) => known.pid === pid && known.command === command);
  const left = {
    processes: [...listProcesses().filter(isLeft), ...processesIn(folder)].map(({ command }) => command),
    files: [...Deno.readDirSync(folder)].map(({ name }) => name),
  };
  await Deno.remove(folder, { recursive: true });
  return { code, ...left };
}

for (
  const [moment, args, signal, code, when] of [
    ["while the Postgres server is created", ["scripts/test.ts", "__tests__/repo/cli.test.ts"], "SIGINT", 130, /initdb -D/],
    ["while tests run", ["scripts/test.ts", "__tests__/repo/start.test.ts"], "SIGINT", 130, /edge-runtime\.ts/],
    ["while the pictures are taken", ["scripts/screens.ts"], "SIGTERM", 143, /chrom.* --type=/],
    ["while a benchmark runs", ["bench/bench.ts", "detection"], "SIGHUP", 129, /postgres -D/],
  ] as const
) {
  Deno.test({ name: `${args[0]} that is interrupted ${moment} leaves no process and no file`, ignore }, async () => {
    const found = await interrupt([...args], signal, when);
    assertEquals(found, { code, processes: [], files: [] });
  });
}

Deno.test({ name: "a run of test files keeps the coverage that the suites record", ignore }, async () => {
  await Deno.mkdir(".cov", { recursive: true });
  await Deno.writeTextFile(".cov/kept", "");
  await interrupt(["scripts/test.ts", "__tests__/repo/cli.test.ts"], "SIGINT", /initdb -D/);
  // Throws when the run removed the folder.
  await Deno.remove(".cov/kept");
});

Deno.test({ name: "a platform that is killed leaves no process", ignore }, async () => {
  const folder = await Deno.makeTempDir({ prefix: "sync-killed-" });
  const platform = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", "platform/start.ts", "--port", "0", "--data", `${folder}/data`],
    env: { TMPDIR: folder, NO_COLOR: "1", DATABASE_URL: "" },
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).spawn();
  const isRunning = () => processesIn(folder).some(({ command }) => command.includes("edge-runtime.ts"));
  await until("a function", () => Promise.resolve(isRunning()), 300_000);
  platform.kill("SIGKILL");
  await platform.status;
  await until("the end of its functions", () => Promise.resolve(!isRunning()));
  await Deno.remove(folder, { recursive: true });
});
