import { createPgliteConnection } from "@supabase/lite/pglite";
import { createPostgresConnection } from "@supabase/lite/postgres";
import type {} from "postgres";

/** What lite needs to know of a connection beside its own methods; both of its drivers have these public fields. */
// deno-lint-ignore no-explicit-any -- the two connection classes share no exported type
type LiteConnection = any;

/** A database the platform owns: the embedded one, or the server of a `postgres://` address. */
export interface Database {
  isEmbedded: boolean;
  connection: LiteConnection;
  /** Runs one statement with parameters. */
  query<T = Record<string, unknown>>(sql: string, parameters?: unknown[]): Promise<T[]>;
  /** Runs a script as one simple query, so that procedures in it may commit. */
  exec(sql: string): Promise<void>;
  /** Runs a script whole or not at all. */
  transaction(sql: string): Promise<void>;
  listen(channel: string, hear: () => void): Promise<void>;
  /** Runs `work` while nobody else uses the embedded session; on a server it runs at once. */
  exclusively<T>(work: () => Promise<T>): Promise<T>;
  close(): Promise<void>;
}

/** PGlite is one session and lite's driver has no lock: concurrent requests would share a transaction and its role. */
class Mutex {
  #last: Promise<unknown> = Promise.resolve();
  run<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#last.then(work, work).finally(() => {
      // PGlite's runtime leaves an exit code behind when a statement fails; it is not this process's.
      Deno.exitCode = 0;
    });
    this.#last = result.catch(() => {});
    return result;
  }
}

// As hosted PostgREST writes them; both drivers would give a blank instead of the T, and numerics as text.
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
    listen: async (channel, hear) => void await driver.listen(channel, hear),
    exclusively: (work) => mutex.run(work),
    close: () => connection.close(),
  };
}

/** postgres.js writes on a socket that closed a moment before, in a callback nobody can catch; the query it was for fails by itself. */
function surviveLostSockets(): void {
  const handler = (event: ErrorEvent) => {
    const stack = event.error instanceof TypeError ? event.error.stack ?? "" : "";
    if (/nextWrite .*postgres\/[\d.]+\/src\/connection\.js/.test(stack)) event.preventDefault();
  };
  globalThis.addEventListener("error", handler);
}
let isSurviving = false;

async function connectServer(url: string): Promise<Database> {
  if (!isSurviving) surviveLostSockets();
  isSurviving = true;
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
    listen: async (channel, hear) => void await driver.listen(channel, hear),
    exclusively: (work) => work(),
    close: () => connection.close(),
  };
}

/** Opens `postgres://…`, a folder for the embedded database, or `memory://`. @throws the driver's error when it cannot. */
export async function connect(url: string): Promise<Database> {
  const database = await (/^postgres(ql)?:/.test(url) ? connectServer(url) : connectEmbedded(url));
  // Else lite runs anon as the superuser until it sees a table with RLS, and grants everything back after.
  database.connection.rlsState = "active";
  await database.listen("pgrst", () => database.connection.clearSchemaCache());
  return database;
}
