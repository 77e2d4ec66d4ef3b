import { type Role, ROLES } from "../types/people.ts";
import { secureFolder } from "./folder.ts";
import { createKeys, createSecretKeyStore, type Keys, randomText, type SecretKeyStore } from "./keys.ts";
import { SetupError } from "./setup-error.ts";

export { SetupError };

/** An account that the platform created. */
interface Account {
  email: string;
  password: string;
  role: Role;
}

/** The keys and accounts in a data folder. */
export interface State {
  keys: Keys;
  /** The secret keys by name; when absent, `keys.secret` is the only one. */
  secretKeys?: Record<string, string>;
  accounts: Account[];
}

async function readJson<T>(path: string): Promise<T | null> {
  try {
    return JSON.parse(await Deno.readTextFile(path)) as T;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    if (error instanceof SyntaxError) throw new SetupError(`${path} is damaged; start with --fresh to delete the data and create it anew`);
    throw error;
  }
}

async function save(path: string, state: State): Promise<State> {
  await Deno.writeTextFile(path, JSON.stringify(state, null, 2), { mode: 0o600 });
  return state;
}

/** Reads the keys and accounts of the folder, or creates them. @throws SetupError when the folder cannot be used */
export async function loadState(folder: string): Promise<State> {
  const path = `${folder}/state.json`;
  try {
    await secureFolder(folder);
    const known = await readJson<State>(path);
    // The state of a folder from an older version has no audit key.
    if (known?.keys.audit) return known;
    if (known) return await save(path, { ...known, keys: { ...known.keys, audit: randomText(32) } });
    const accounts = ROLES.map((role) => ({ email: `${role}@example.com`, password: randomText(12), role }));
    return await save(path, { keys: await createKeys(), accounts });
  } catch (error) {
    if (error instanceof SetupError) throw error;
    throw new SetupError(`the data folder ${folder} cannot be used: ${(error as Error).message}`);
  }
}

/** The secret keys of the folder; each change is saved. */
export const secretKeysOf = (folder: string, state: State): SecretKeyStore =>
  createSecretKeyStore(state.secretKeys ?? { default: state.keys.secret }, async (secretKeys) => {
    await save(`${folder}/state.json`, { ...state, secretKeys });
  });

interface RunFile {
  pid: number;
  /** The address of the platform; absent until it listens. */
  base?: string;
  /** The address of the database for Postgres clients. */
  database?: string;
  processes: number[];
}

/** The address and the secret key of the platform that runs on the folder. @throws SetupError when none runs */
export async function findRunning(folder: string): Promise<{ url: string; secretKey: string }> {
  const running = await readJson<RunFile>(`${folder}/run.json`), state = await readJson<State>(`${folder}/state.json`);
  if (!running?.base || !state || !await commandOf(running.pid)) {
    throw new SetupError(`nothing runs on the data folder ${folder}; run deno task start first, or set SUPABASE_URL and SECRET_KEY`);
  }
  return { url: running.base, secretKey: state.keys.secret };
}

/** The address of the running platform's database for Postgres clients. @throws SetupError when none runs, or it serves no client */
export async function findDatabase(folder: string): Promise<string> {
  const running = await readJson<RunFile>(`${folder}/run.json`);
  if (!running?.base || !await commandOf(running.pid)) {
    throw new SetupError(`nothing runs on the data folder ${folder}; run deno task start first, or name its folder with --data`);
  }
  if (!running.database) throw new SetupError("the product serves no SQL; the output of deno task start has the reason");
  return running.database;
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
 * Locks the folder for this process, and ends the function processes of a killed platform.
 * @throws SetupError when a live platform uses the folder, because two platforms on one embedded database lose data.
 */
export async function lockFolder(
  folder: string,
): Promise<
  { onProcess: (pid: number, isAlive: boolean) => void; onAddress: (base: string, database?: string) => void; release: () => void }
> {
  const path = `${folder}/run.json`;
  const previous = await readJson<RunFile>(path).catch(() => null);
  if (previous && previous.pid !== Deno.pid && (await commandOf(previous.pid))?.includes("deno")) {
    throw new SetupError(`${folder} is in use by process ${previous.pid}; stop that process, or choose another folder with --data`);
  }
  for (const pid of previous?.processes ?? []) {
    if ((await commandOf(pid))?.includes("edge-runtime.ts")) Deno.kill(pid, "SIGKILL");
  }
  const processes = new Set<number>();
  let base: string | undefined, database: string | undefined;
  const write = () =>
    // The address of a database can contain its password.
    Deno.writeTextFileSync(path, JSON.stringify({ pid: Deno.pid, base, database, processes: [...processes] } satisfies RunFile), {
      mode: 0o600,
    });
  // Writing does not change the mode of an existing file, such as that of a killed platform.
  if (previous) Deno.removeSync(path);
  write();
  return {
    onAddress(address, addressOfDatabase) {
      base = address;
      database = addressOfDatabase;
      write();
    },
    onProcess(pid, isAlive) {
      if (isAlive) processes.add(pid);
      else processes.delete(pid);
      write();
    },
    release: () => Deno.removeSync(path),
  };
}
