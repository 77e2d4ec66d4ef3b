import { createKeys, type Keys, randomText } from "./keys.ts";

/** A sign-in the platform made. */
export interface Account {
  email: string;
  password: string;
  role: "viewer" | "operator" | "admin";
}

/** What one data folder remembers beside the database. */
export interface State {
  keys: Keys;
  accounts: Account[];
}

/** A mistake a person can mend; its message is the one sentence to print. */
export class SetupError extends Error {
  override name = "SetupError";
}

const ROLES = ["viewer", "operator", "admin"] as const;

async function readJson<T>(path: string): Promise<T | null> {
  try {
    return JSON.parse(await Deno.readTextFile(path)) as T;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    if (error instanceof SyntaxError) throw new SetupError(`${path} is damaged; start with --fresh to begin anew`);
    throw error;
  }
}

async function keep(path: string, state: State): Promise<State> {
  await Deno.writeTextFile(path, JSON.stringify(state, null, 2), { mode: 0o600 });
  return state;
}

/** Reads the folder's keys and accounts, or makes them. @throws SetupError when the folder cannot be used. */
export async function loadState(folder: string): Promise<State> {
  const path = `${folder}/state.json`;
  try {
    await Deno.mkdir(folder, { recursive: true, mode: 0o700 });
    const known = await readJson<State>(path);
    // A folder from before the audit was sealed has no key for it.
    if (known?.keys.audit) return known;
    if (known) return await keep(path, { ...known, keys: { ...known.keys, audit: randomText(32) } });
    const accounts = ROLES.map((role) => ({ email: `${role}@example.com`, password: randomText(12), role }));
    return await keep(path, { keys: await createKeys(), accounts });
  } catch (error) {
    if (error instanceof SetupError) throw error;
    throw new SetupError(`the data folder ${folder} cannot be used: ${(error as Error).message}`);
  }
}

interface RunFile {
  pid: number;
  processes: number[];
}

/** The command line of a live process; null when there is none. */
async function commandOf(pid: number): Promise<string | null> {
  try {
    return (await Deno.readTextFile(`/proc/${pid}/cmdline`)).replaceAll("\0", " ");
  } catch {
    const ps = await new Deno.Command("ps", { args: ["-o", "command=", "-p", String(pid)], stderr: "null" }).output().catch(() => null);
    return ps?.success ? new TextDecoder().decode(ps.stdout) : null;
  }
}

/**
 * Marks the folder as in use by this process, after ending what a killed one left behind.
 * @throws SetupError when a live platform uses it: the embedded database does not notice a second one and would lose data.
 */
export async function occupy(folder: string): Promise<{ onProcess: (pid: number, isAlive: boolean) => void; leave: () => void }> {
  const path = `${folder}/run.json`;
  const before = await readJson<RunFile>(path).catch(() => null);
  if (before && before.pid !== Deno.pid && (await commandOf(before.pid))?.includes("deno")) {
    throw new SetupError(`${folder} is in use by process ${before.pid}; stop that first, or choose another folder with --data`);
  }
  for (const pid of before?.processes ?? []) {
    if ((await commandOf(pid))?.includes("edge-runtime.ts")) Deno.kill(pid, "SIGKILL");
  }
  const processes = new Set<number>();
  const write = () => Deno.writeTextFileSync(path, JSON.stringify({ pid: Deno.pid, processes: [...processes] }));
  write();
  return {
    onProcess(pid, isAlive) {
      if (isAlive) processes.add(pid);
      else processes.delete(pid);
      write();
    },
    leave: () => Deno.removeSync(path),
  };
}
