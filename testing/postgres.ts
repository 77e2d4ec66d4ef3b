/** A Postgres server in a temporary folder, with pg_cron preloaded if it is installed. */
export interface TemporaryPostgres {
  url: string;
  hasCron: boolean;
  /** Restarts the server: `fast` ends its sessions in order, `immediate` is a crash. */
  restart(mode: "fast" | "immediate"): Promise<void>;
  /** Suspends each process of the server until `thaw` is called, so that the server is silent as on a broken network. */
  freeze(): Promise<{ thaw: () => void }>;
  stop(): Promise<void>;
}

async function run(command: string, args: string[]): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(command, { args, stdin: "null", env: { LC_ALL: "C" } }).output();
  if (!success) throw new Error(`${command} ${args.join(" ")}: ${new TextDecoder().decode(stderr)}`);
  return new TextDecoder().decode(stdout).trim();
}

/** The folder of the newest Debian Postgres of at least version 15; null when none is installed. */
export async function findPostgres(): Promise<string | null> {
  try {
    const versions = [...Deno.readDirSync("/usr/lib/postgresql")].map((entry) => Number(entry.name)).filter((version) => version >= 15);
    for (const version of versions.sort((a, b) => b - a)) {
      const folder = `/usr/lib/postgresql/${version}/bin`;
      if ((await Deno.stat(`${folder}/initdb`).catch(() => null))?.isFile) return folder;
    }
  } catch {
    // The folder is missing, because the system is not Debian or no server is installed.
  }
  return null;
}

/**
 * Starts a server with trust authentication on a free loopback port. Tests switch `fsync` off; `isDurable` keeps it on, as in production.
 * @throws Error when the server does not start.
 */
export async function startPostgres(bin: string, { isDurable = false } = {}): Promise<TemporaryPostgres> {
  const folder = await Deno.makeTempDir({ prefix: "sync-postgres-" });
  const isRoot = Deno.uid() === 0;
  // Postgres refuses to run as root; the Debian package creates the user `postgres`.
  const asServer = (command: string, args: string[]) =>
    isRoot ? run("runuser", ["-u", "postgres", "--", command, ...args]) : run(command, args);
  if (isRoot) await run("chown", ["postgres", folder]);
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  listener.close();
  const library = bin.replace(/bin$/, "lib/pg_cron.so");
  const hasCron = (await Deno.stat(library).catch(() => null)) !== null;
  await asServer(`${bin}/initdb`, ["-D", `${folder}/data`, "-A", "trust", "-U", "postgres", "--no-sync", "-E", "UTF8", "--locale=C"]);
  const settings = ["-c", "listen_addresses=127.0.0.1", "-c", "max_connections=200", "-c", "max_wal_size=4GB"].concat(
    isDurable ? [] : ["-c", "fsync=off"],
    hasCron ? ["-c", "shared_preload_libraries=pg_cron", "-c", "cron.database_name=postgres", "-c", "cron.host=127.0.0.1"] : [],
  );
  const options = `-p ${port} -k ${folder} ${settings.join(" ")}`;
  await asServer(`${bin}/pg_ctl`, ["-D", `${folder}/data`, "-l", `${folder}/log`, "-o", options, "-w", "start"]);
  return {
    url: `postgres://postgres@127.0.0.1:${port}/postgres`,
    hasCron,
    async restart(mode) {
      await asServer(`${bin}/pg_ctl`, ["-D", `${folder}/data`, "-l", `${folder}/log`, "-m", mode, "-w", "-s", "restart"]);
    },
    async freeze() {
      const [postmaster = ""] = (await Deno.readTextFile(`${folder}/data/postmaster.pid`)).split("\n");
      Deno.kill(Number(postmaster), "SIGSTOP");
      const children = (await Deno.readTextFile(`/proc/${postmaster}/task/${postmaster}/children`)).trim().split(" ").map(Number);
      // Only the postmaster removes an ended child, so it stops first and continues last, and each process exists at each signal.
      const signal = (pids: number[], name: Deno.Signal) => pids.forEach((pid) => Deno.kill(pid, name));
      signal(children, "SIGSTOP");
      return { thaw: () => signal([...children, Number(postmaster)], "SIGCONT") };
    },
    async stop() {
      await asServer(`${bin}/pg_ctl`, ["-D", `${folder}/data`, "-m", "immediate", "stop"]);
      await Deno.remove(folder, { recursive: true });
    },
  };
}
