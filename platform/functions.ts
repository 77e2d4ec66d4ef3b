import { pathToFileURL } from "node:url";

/** The wall clock limit of a hosted worker on a paid plan. */
export const WALL_CLOCK_MS = 400_000;
/** The age from which a worker receives no new request, so that each request has at least the rest of the wall clock limit. */
const MAX_WORKER_AGE_MS = 120_000;
/** The time without an answer after which a worker receives no new request, because it can be frozen. */
const FROZEN_AFTER_MS = 10_000;
/** The request idle timeout of hosted functions, after which the gateway answers 504. */
const IDLE_TIMEOUT_MS = 150_000;
const START_TIMEOUT_MS = 60_000;

interface Worker {
  process: Deno.ChildProcess;
  address: Promise<string>;
  startedAt: number;
  /** The requests without an answer. */
  requests: Set<{ startedAt: number }>;
  isRetired: boolean;
}

export interface FunctionHost {
  has(name: string): boolean;
  /** Forwards a request to the function, and starts a process unless a young one runs. */
  serve(name: string, request: Request): Promise<Response>;
  stop(): Promise<void>;
}

/** Called for each process of a function: at its start, before it executes code, and after its exit. */
export type OnProcess = (name: string, pid: number, isAlive: boolean) => void;

interface FunctionHostOptions {
  folder: string;
  /** The variables of a worker that starts now. */
  env: () => Record<string, string>;
  write: (line: string) => void;
  onProcess: OnProcess;
  maxWorkerAgeMs?: number;
  frozenAfterMs?: number;
}

/** Serves each function of a folder from its own process, which starts at the first request. */
export function createFunctionHost(options: FunctionHostOptions): FunctionHost {
  const { folder, env, write, onProcess, maxWorkerAgeMs = MAX_WORKER_AGE_MS, frozenAfterMs = FROZEN_AFTER_MS } = options;
  const names = new Set(
    [...Deno.readDirSync(folder)].filter((entry) => entry.isDirectory && !entry.name.startsWith("_")).map((entry) => entry.name),
  );
  const workers = new Map<string, Worker>();
  const processes = new Set<Deno.ChildProcess>();

  function spawn(name: string): Worker {
    const process = new Deno.Command(Deno.execPath(), {
      // With --frozen the functions run with the versions of their lock file.
      args: ["run", "-A", "--no-check", "--frozen", "--config", `${folder}/deno.json`, new URL("edge-runtime.ts", import.meta.url).href]
        .concat(pathToFileURL(`${folder}/${name}/index.ts`).href, String(WALL_CLOCK_MS)),
      clearEnv: true,
      env: { ...inherited(), ...env(), DENO_SERVE_ADDRESS: "tcp:127.0.0.1:0", NO_COLOR: "1" },
      // The other end of the pipe closes with this process, also when it is killed.
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    processes.add(process);
    onProcess(name, process.pid, true);
    const started = Promise.withResolvers<string>();
    const timeout = setTimeout(
      () => started.reject(new Error(`${name} did not start within ${START_TIMEOUT_MS / 1000} s`)),
      START_TIMEOUT_MS,
    );
    const read = async (stream: ReadableStream<Uint8Array<ArrayBuffer>>) => {
      for await (const line of lines(stream)) {
        const found = /Listening on (http:\/\/127\.0\.0\.1:\d+)/.exec(line)?.[1];
        if (found) {
          clearTimeout(timeout);
          started.resolve(found);
        } else if (line.trim() && !line.startsWith("Download ")) write(`[${name}] ${line}`);
      }
    };
    void read(process.stdout);
    void read(process.stderr);
    void process.status.then((status) => {
      clearTimeout(timeout);
      processes.delete(process);
      onProcess(name, process.pid, false);
      if (workers.get(name)?.process === process) workers.delete(name);
      started.reject(new Error(`${name} exited with code ${status.code} before it listened`));
    });
    started.promise.catch(() => {});
    return { process, address: started.promise, startedAt: performance.now(), requests: new Set(), isRetired: false };
  }

  function workerOf(name: string): Worker {
    const current = workers.get(name);
    const now = performance.now();
    if (
      current && now - current.startedAt < maxWorkerAgeMs && [...current.requests].every(({ startedAt }) => now - startedAt < frozenAfterMs)
    ) {
      return current;
    }
    const worker = spawn(name);
    workers.set(name, worker);
    if (current) retire(current);
    return worker;
  }

  /** Asks a worker to exit after its background work, when it has answered its last request. */
  function retire(worker: Worker): void {
    worker.isRetired = true;
    if (worker.requests.size === 0) tryKill(worker.process, "SIGUSR2");
  }

  return {
    has: (name) => names.has(name),
    async serve(name, request) {
      const url = new URL(request.url);
      const headers = new Headers(request.headers);
      headers.delete("host");
      headers.set("x-forwarded-host", url.host);
      headers.set("x-forwarded-proto", "http");
      const worker = workerOf(name);
      const sent = { startedAt: Infinity };
      worker.requests.add(sent);
      let address: string;
      try {
        address = await worker.address;
      } catch (error) {
        worker.requests.delete(sent);
        write(`[${name}] ${(error as Error).message}`);
        return Response.json({ code: "BOOT_ERROR", message: "the function failed to start; its output has the reason" }, { status: 503 });
      }
      const target = `${address}${url.pathname.replace(/^\/functions\/v1/, "")}${url.search}`;
      const idle = AbortSignal.timeout(IDLE_TIMEOUT_MS);
      const signal = AbortSignal.any([request.signal, idle]);
      try {
        sent.startedAt = performance.now();
        return await fetch(target, { method: request.method, headers, body: request.body, redirect: "manual", signal });
      } catch {
        if (idle.aborted) {
          tryKill(worker.process, "SIGKILL");
          return Response.json({ code: "IDLE_TIMEOUT", message: "the worker of the function did not answer in time" }, { status: 504 });
        }
        return Response.json({ code: "WORKER_ERROR", message: "the worker of the function ended before it answered" }, { status: 502 });
      } finally {
        worker.requests.delete(sent);
        if (worker.isRetired) retire(worker);
      }
    },
    async stop() {
      const ending = [...processes];
      ending.forEach((process) => tryKill(process, "SIGTERM"));
      const allExited = Promise.all(ending.map((process) => process.status));
      const timer = setTimeout(() => ending.forEach((process) => tryKill(process, "SIGKILL")), 4_000);
      await allExited;
      clearTimeout(timer);
    },
  };
}

/** The variables of this environment that a function receives: those that each process needs, and the settings of the functions. */
function inherited(): Record<string, string> {
  const names = ["PATH", "HOME", "DENO_DIR", "TMPDIR", "XDG_CACHE_HOME", "NPM_CONFIG_REGISTRY", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"];
  const settings = Object.keys(Deno.env.toObject()).filter((name) => /^(VIS|SYNC|SMTP|ALERT|RUNBOOK|PROMETHEUS|BADGE)_/.test(name));
  return Object.fromEntries([...names, ...settings].flatMap((name) => {
    const value = Deno.env.get(name);
    return value === undefined ? [] : [[name, value]];
  }));
}

function tryKill(process: Deno.ChildProcess, signal: Deno.Signal): void {
  try {
    process.kill(signal);
  } catch {
    // The process has already exited.
  }
}

async function* lines(stream: ReadableStream<Uint8Array<ArrayBuffer>>): AsyncGenerator<string> {
  let rest = "";
  for await (const text of stream.pipeThrough(new TextDecoderStream())) {
    const parts = (rest + text).split("\n");
    rest = parts.pop() ?? "";
    yield* parts;
  }
  if (rest) yield rest;
}
