// The parts of a hosted worker that plain Deno lacks: EdgeRuntime.waitUntil, and a wall clock limit that dispatches beforeunload.
// This is the main module of a function's process; it loads the unmodified function from its own file.

const [entry, wallClockMs] = Deno.args;
if (!entry || !wallClockMs) throw new Error("usage: edge-runtime.ts ENTRY WALL_CLOCK_MS");

/** The time that handlers of `beforeunload`, or an answer in transit, have left. */
const SHUTDOWN_GRACE_MS = 2_000;
const pending = new Set<Promise<unknown>>();

Object.assign(globalThis, {
  EdgeRuntime: {
    waitUntil(work: Promise<unknown>) {
      pending.add(work);
      work.catch(() => {}).finally(() => {
        pending.delete(work);
        exitWhenIdle();
      });
    },
  },
});

/** True when the gateway sends no more requests to this process, which then exits after its last background work. */
let isRetired = false;
function exitWhenIdle(): void {
  if (isRetired && pending.size === 0) Deno.exit(0);
}

let isShuttingDown = false;
function shutDown(): void {
  if (isShuttingDown) return;
  isShuttingDown = true;
  const isWorking = pending.size > 0;
  dispatchEvent(new Event("beforeunload"));
  setTimeout(() => Deno.exit(0), isWorking ? SHUTDOWN_GRACE_MS : 0);
}

setTimeout(shutDown, Number(wallClockMs));
Deno.addSignalListener("SIGTERM", shutDown);
// SIGUSR1 would open the debugger of Deno on a port of this machine.
Deno.addSignalListener("SIGUSR2", () => {
  // The caller may not have received the last answer yet.
  setTimeout(() => {
    isRetired = true;
    exitWhenIdle();
  }, SHUTDOWN_GRACE_MS);
});
// Ctrl-C reaches the whole process group, but the gateway ends its functions with SIGTERM.
Deno.addSignalListener("SIGINT", () => {});

/** A killed platform sends no signal, but the standard input ends. */
async function shutDownWithPlatform(): Promise<void> {
  await Deno.stdin.readable.pipeTo(new WritableStream()).catch(() => {});
  shutDown();
}
void shutDownWithPlatform();

await import(entry);
