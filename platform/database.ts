import { createPgliteConnection } from "@supabase/lite/pglite";
import { connectServer } from "./server-database.ts";
import type { Limits } from "./pool.ts";
import { serveSql } from "./sql-socket.ts";
import { asIso } from "./values.ts";

/** A connection of lite, whose drivers share public fields but no exported type. */
// deno-lint-ignore no-explicit-any -- see above
export type LiteConnection = any;

/** The database of the platform: embedded, or on the server of a `postgres://` address. */
export interface Database {
  isEmbedded: boolean;
  connection: LiteConnection;
  /** Runs one statement with parameters. */
  query<T = Record<string, unknown>>(sql: string, parameters?: unknown[]): Promise<T[]>;
  /** Runs a script as one simple query, so that its blocks and procedures can commit. */
  exec(sql: string): Promise<void>;
  /** Runs a script in one transaction. */
  transaction(sql: string): Promise<void>;
  /** Calls `onNotify` on each notification; on a server also after each new connection, because notifications before it are lost. */
  listen(channel: string, onNotify: () => void): Promise<void>;
  /** Runs `work` with exclusive use of the embedded session; on a server it runs at once. */
  exclusively<T>(work: () => Promise<T>): Promise<T>;
  /** The result of `work`; on a server within the limit of a request. @throws ConnectionLost after the limit */
  answer<T>(work: () => Promise<T>): Promise<T>;
  /**
   * Claims the database for this program until it ends; returns the other program that has it, or null. After a restart of the server the
   * claim is repeated, and `onTaken` is called when another program has the database. An embedded database is locked by its folder.
   */
  claim(onTaken: (holder: string) => void): Promise<string | null>;
  /** Serves Postgres clients on a Unix socket in the folder, and returns their address; a server has its own address. */
  serveSql(folder: string): Promise<{ url: string; stop: () => Promise<void> }>;
  close(): Promise<void>;
}

/** A lock on the one session of PGlite; without it, concurrent requests share a transaction and its role, because lite has no lock. */
class Mutex {
  #last: Promise<unknown> = Promise.resolve();
  run<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#last.then(work, work).finally(() => {
      // PGlite sets the exit code of this process when a statement fails.
      Deno.exitCode = 0;
    });
    this.#last = result.catch(() => {});
    return result;
  }
}

async function connectEmbedded(url: string, loadDataDir?: Blob): Promise<Database> {
  const connection: LiteConnection = await createPgliteConnection({
    url,
    pgliteOptions: { parsers: { 1184: asIso, 1700: Number }, ...loadDataDir && { loadDataDir } } as never,
  });
  const { driver } = connection;
  const mutex = new Mutex();
  return {
    isEmbedded: true,
    connection,
    query: (sql, parameters) => mutex.run(async () => (await driver.query(sql, parameters)).rows),
    exec: (sql) => mutex.run(async () => void await driver.exec(sql)),
    transaction: (sql) => mutex.run(() => driver.transaction((open: LiteConnection) => open.exec(sql))),
    listen: async (channel, onNotify) => void await driver.listen(channel, onNotify),
    exclusively: (work) => mutex.run(work),
    answer: (work) => work(),
    claim: () => Promise.resolve(null),
    serveSql: (folder) => serveSql(folder, { db: driver, exclusively: (work) => mutex.run(work) }),
    close: () => connection.close(),
  };
}

/** Opens a `postgres://` address, a folder with the embedded database, or `memory://`. @throws the error of the driver */
export const connect = async (url: string, limits?: Limits): Promise<Database> =>
  await prepare(/^postgres(ql)?:/.test(url) ? await connectServer(url, limits) : await connectEmbedded(url));

/** Creates an embedded database, by default in memory, as a copy of the dump of another one. @throws the error of the driver */
export const connectCopy = async (dump: Blob, url = "memory://"): Promise<Database> => await prepare(await connectEmbedded(url, dump));

async function prepare(database: Database): Promise<Database> {
  // Without this state, lite runs anon as the superuser until it finds a table with row level security, and then restores all grants.
  database.connection.rlsState = "active";
  await database.listen("pgrst", () => database.connection.clearSchemaCache());
  return database;
}
