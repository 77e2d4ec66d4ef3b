// The parts of a hosted worker that plain Deno lacks: EdgeRuntime.waitUntil, and a wall clock limit that dispatches beforeunload.
// This file is the main module of the process of a function; it loads the unmodified file of the function.

const [entry, wallClockMs] = Deno.args;
if (!entry || !wallClockMs) throw new Error("usage: edge-runtime.ts ENTRY WALL_CLOCK_MS");

/** The time for handlers of `beforeunload` and for an answer in transit. */
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

/** Whether the gateway sends no more requests to this process, which then exits after its last background work. */
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
// SIGUSR1 is not used, because it opens the debugger of Deno on a port of this machine.
Deno.addSignalListener("SIGUSR2", () => {
  // The delay lets the caller receive the last answer.
  setTimeout(() => {
    isRetired = true;
    exitWhenIdle();
  }, SHUTDOWN_GRACE_MS);
});
// Ctrl-C signals the whole process group, but only the gateway ends its functions, with SIGTERM.
Deno.addSignalListener("SIGINT", () => {});

/** Ends this process when the standard input ends, because a killed platform sends no signal. */
async function shutDownWithPlatform(): Promise<void> {
  await Deno.stdin.readable.pipeTo(new WritableStream()).catch(() => {});
  shutDown();
}
void shutDownWithPlatform();

await import(entry);
