import { createPgliteConnection } from "@supabase/lite/pglite";
import { createPostgresConnection } from "@supabase/lite/postgres";
import type {} from "postgres";

/** A connection of lite, whose drivers share public fields but no exported type. */
// deno-lint-ignore no-explicit-any -- see above
type LiteConnection = any;

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
  listen(channel: string, onNotify: () => void): Promise<void>;
  /** Runs `work` with exclusive use of the embedded session; on a server it runs at once. */
  exclusively<T>(work: () => Promise<T>): Promise<T>;
  close(): Promise<void>;
}

/** PGlite has one session and lite's driver has no lock, so that concurrent requests would share a transaction and its role. */
class Mutex {
  #last: Promise<unknown> = Promise.resolve();
  run<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#last.then(work, work).finally(() => {
      // The runtime of PGlite sets the exit code of this process when a statement fails.
      Deno.exitCode = 0;
    });
    this.#last = result.catch(() => {});
    return result;
  }
}

// The formats of hosted PostgREST: the drivers return a timestamptz without its T, and a numeric as text.
const timestamptz = (text: string): string => text.replace(" ", "T").replace(/([+-]\d\d)$/, "$1:00");
const asText = (value: unknown): string => typeof value === "string" ? value : JSON.stringify(value);

async function connectEmbedded(url: string): Promise<Database> {
  const connection: LiteConnection = await createPgliteConnection({
    url,
    pgliteOptions: { parsers: { 1184: timestamptz, 1700: Number } } as never,
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
    close: () => connection.close(),
  };
}

/** postgres.js can write to a closed socket in a callback whose error cannot be caught; the query itself fails with its own error. */
function ignoreLostSocketErrors(): void {
  const handler = (event: ErrorEvent) => {
    const stack = event.error instanceof TypeError ? event.error.stack ?? "" : "";
    if (/nextWrite .*postgres\/[\d.]+\/src\/connection\.js/.test(stack)) event.preventDefault();
  };
  globalThis.addEventListener("error", handler);
}
let ignoresLostSockets = false;

async function connectServer(url: string): Promise<Database> {
  if (!ignoresLostSockets) ignoreLostSocketErrors();
  ignoresLostSockets = true;
  const json = (oid: number) => ({ to: oid, from: [oid], serialize: asText, parse: JSON.parse });
  const connection: LiteConnection = createPostgresConnection({
    url,
    postgresOptions: {
      max: 10,
      onnotice: () => {},
      types: {
        json: json(114),
        jsonb: json(3802),
        timestamptz: { to: 1184, from: [1184], serialize: String, parse: timestamptz },
        numeric: { to: 1700, from: [1700], serialize: String, parse: Number },
      },
    } as never,
  });
  const { driver } = connection;
  await driver`select 1`;
  return {
    isEmbedded: false,
    connection,
    query: async (sql, parameters) => [...await driver.unsafe(sql, parameters)] as never,
    exec: async (sql) => void await driver.unsafe(sql).simple(),
    transaction: (sql) => driver.begin(async (open: LiteConnection) => void await open.unsafe(sql).simple()),
    listen: async (channel, onNotify) => void await driver.listen(channel, onNotify),
    exclusively: (work) => work(),
    close: () => connection.close(),
  };
}

/** Opens a `postgres://` address, a folder with the embedded database, or `memory://`. @throws the error of the driver */
export async function connect(url: string): Promise<Database> {
  const database = await (/^postgres(ql)?:/.test(url) ? connectServer(url) : connectEmbedded(url));
  // Otherwise lite runs anon as the superuser until it finds a table with row level security, and then restores all grants.
  database.connection.rlsState = "active";
  await database.listen("pgrst", () => database.connection.clearSchemaCache());
  return database;
}
