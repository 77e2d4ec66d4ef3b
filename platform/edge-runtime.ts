// What hosted workers have and plain Deno has not: EdgeRuntime.waitUntil, and a wall clock that ends the worker with beforeunload first.
// Runs as the main module of a function's process, and then loads the function, unmodified, from its own file.

const [entry, wallClockMs] = Deno.args;
if (!entry || !wallClockMs) throw new Error("usage: edge-runtime.ts ENTRY WALL_CLOCK_MS");

/** How long what `beforeunload` began, or an answer under way, may take. */
const LAST_WORDS_MS = 2_000;
const pending = new Set<Promise<unknown>>();

Object.assign(globalThis, {
  EdgeRuntime: {
    waitUntil(work: Promise<unknown>) {
      pending.add(work);
      work.catch(() => {}).finally(() => {
        pending.delete(work);
        leaveWhenDone();
      });
    },
  },
});

/** Set once the gateway sends nothing more here: the process ends with its last background work. */
let isRetired = false;
function leaveWhenDone(): void {
  if (isRetired && pending.size === 0) Deno.exit(0);
}

let isEnding = false;
function end(): void {
  if (isEnding) return;
  isEnding = true;
  const isWorking = pending.size > 0;
  dispatchEvent(new Event("beforeunload"));
  setTimeout(() => Deno.exit(0), isWorking ? LAST_WORDS_MS : 0);
}

setTimeout(end, Number(wallClockMs));
Deno.addSignalListener("SIGTERM", end);
Deno.addSignalListener("SIGUSR1", () => {
  // The last answer may still be on its way to the caller.
  setTimeout(() => {
    isRetired = true;
    leaveWhenDone();
  }, LAST_WORDS_MS);
});
// Ctrl-C reaches the whole process group; the gateway decides when its functions end.
Deno.addSignalListener("SIGINT", () => {});

await import(entry);
