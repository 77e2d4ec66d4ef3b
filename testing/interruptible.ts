/** The exit codes of a program that a signal ended. */
const SIGNALS = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;
const GRACE_MS = 5_000;

export interface Process {
  pid: number;
  parent: number;
  command: string;
}

/** The living processes of this machine. */
export function listProcesses(): Process[] {
  if (Deno.build.os === "linux") {
    return [...Deno.readDirSync("/proc")].filter(({ name }) => /^\d+$/.test(name)).flatMap(({ name }) => {
      try {
        // The second field is the program in parentheses, which can contain any character.
        const [state, parent] = Deno.readTextFileSync(`/proc/${name}/stat`).replace(/^.*\) /s, "").split(" ");
        const command = Deno.readTextFileSync(`/proc/${name}/cmdline`).replaceAll("\0", " ");
        return state === "Z" ? [] : [{ pid: Number(name), parent: Number(parent), command }];
      } catch {
        // The process has ended.
        return [];
      }
    });
  }
  const { stdout } = new Deno.Command("ps", { args: ["-A", "-o", "pid=,ppid=,command="] }).outputSync();
  return new TextDecoder().decode(stdout).split("\n").flatMap((line) => {
    const [, pid, parent, command = ""] = /^\s*(\d+)\s+(\d+)\s+(.*)$/.exec(line) ?? [];
    return pid && !command.includes("<defunct>") ? [{ pid: Number(pid), parent: Number(parent), command }] : [];
  });
}

/** The processes whose parents lead to one of `roots`, with the roots. */
export function withDescendants(all: Process[], roots: number[]): Set<number> {
  const found = new Set(roots);
  for (let size = 0; size < found.size;) {
    size = found.size;
    for (const { pid, parent } of all) if (found.has(parent)) found.add(pid);
  }
  return found;
}

/** The descendants of this process, and the processes that name the folder, because a Postgres server is no descendant. */
function ownProcesses(folder: string): Process[] {
  const all = listProcesses(), own = withDescendants(all, [Deno.pid]);
  return all.filter(({ pid, command }) => pid !== Deno.pid && (own.has(pid) || command.includes(folder)));
}

function tryKill({ pid }: Process, signal: Deno.Signal): void {
  try {
    Deno.kill(pid, signal);
  } catch {
    // The process has ended, or it belongs to the user of the server and ends with it.
  }
}

/** Ends the processes without returning to the event loop, so that the program cannot start others. */
function endProcesses(folder: string): void {
  const pause = (ms: number) => void Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
  const first = ownProcesses(folder);
  // A Postgres server receives SIGQUIT, because after SIGTERM it waits for its clients.
  for (const process of first) tryKill(process, /\bpostgres -D /.test(process.command) ? "SIGQUIT" : "SIGTERM");
  // A process whose parent has ended is no longer a descendant, so the first list is used.
  const left = () => listProcesses().filter(({ pid, command }) => first.some((known) => known.pid === pid && known.command === command));
  for (let waited = 0; waited < GRACE_MS && left().length > 0; waited += 100) pause(100);
  for (let round = 0; round < 20; round++) {
    const rest = [...left(), ...ownProcesses(folder)];
    if (rest.length === 0) return;
    for (const process of rest) tryKill(process, "SIGKILL");
    pause(100);
  }
}

/**
 * Runs a program whose temporary files are in one folder, and exits with its code. At its end, and at Ctrl-C, every process that it started
 * is ended and the folder is removed.
 */
export async function runInterruptible(main: () => Promise<number>): Promise<never> {
  const folder = await Deno.makeTempDir({ prefix: "sync-run-" });
  // A Postgres server of another user must enter the folder.
  await Deno.chmod(folder, 0o711);
  Deno.env.set("TMPDIR", folder);
  const exit = (code: number): never => {
    endProcesses(folder);
    Deno.removeSync(folder, { recursive: true });
    Deno.exit(code);
  };
  for (const [signal, code] of Object.entries(SIGNALS)) Deno.addSignalListener(signal as Deno.Signal, () => exit(code));
  try {
    return exit(await main());
  } catch (error) {
    // deno-lint-ignore no-console -- the reason of a failed program belongs on stderr
    console.error(error);
    return exit(1);
  }
}
