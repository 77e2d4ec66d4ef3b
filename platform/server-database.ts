import { createPostgresConnection } from "@supabase/lite/postgres";
import { Kysely, PostgresDialect } from "kysely";
import { hostname } from "node:os";
// @ts-types="npm:@types/pg@8.23.1"
import { type Client, type ClientConfig, types } from "pg";
import type {} from "postgres";
import type { Database, LiteConnection } from "./database.ts";
import { type Checkout, ConnectionLost, createPool, type GuardedPool, type Limits } from "./pool.ts";
import { Session } from "./session.ts";
import { parserOfScalar } from "./values.ts";

const LIMITS: Limits = { connect: 5_000, statement: 8_000, heartbeat: 10_000, silence: 5_000 };
/** The limit of a statement of the platform, which can wait behind long statements. */
const TURN_MS = 30_000;
/** The key of the advisory lock of the running product. */
const LOCK = "hashtextextended('deno task start', 0)";

const BYTEA = 17;

/** Parses an array of any type into texts, nested like its dimensions. */
const asTexts: (text: string) => unknown = types.getTypeParser(1009 as never);

/** Parsers with the results of hosted PostgREST; `elements` has the element type of each array type. */
function parsersOf(elements: Map<number, number>): ClientConfig["types"] {
  const parserOf = (oid: number): (text: string) => unknown => {
    const element = elements.get(oid);
    if (element === undefined) return oid === BYTEA ? types.getTypeParser(BYTEA) : parserOfScalar(oid);
    const parse = parserOf(element);
    const parseElements = (value: unknown): unknown =>
      Array.isArray(value) ? value.map(parseElements) : value === null ? null : parse(String(value));
    return (text) => parseElements(asTexts(text));
  };
  return { getTypeParser: parserOf } as ClientConfig["types"];
}

function configOf(url: string, name: string): ClientConfig {
  const address = new URL(url);
  // As in libpq and other drivers, the sslmode `require` encrypts and does not verify the certificate.
  if (address.searchParams.has("sslmode")) address.searchParams.set("uselibpqcompat", "true");
  return { connectionString: address.href, fallback_application_name: name } as ClientConfig;
}

async function withConnection<T>(pool: GuardedPool, work: (connection: Checkout) => Promise<T>): Promise<T> {
  const connection = await pool.connect();
  try {
    return await work(connection);
  } finally {
    connection.release();
  }
}

/** A connection of lite over the pool, because postgres.js 3.4.9, the driver of lite, can hang for ever after a lost connection. */
function createLiteConnection(url: string, pool: GuardedPool): LiteConnection {
  const connection: LiteConnection = createPostgresConnection({ url });
  connection.kysely = new Kysely({ dialect: new PostgresDialect({ pool: pool as never }) });
  const introspect = connection.introspect.bind(connection);
  let reading: Promise<{ timezones?: unknown }> | null = null;
  connection.introspect = async (options: unknown) => {
    // Concurrent requests share one read of the schema after a restart.
    const schema = await (reading ??= introspect(options).finally(() => reading = null));
    // lite returns an empty schema when it cannot read the schema, and then answers 404; a real schema has the time zones. This file
    // reports the error, because not every route of lite passes it on.
    if (!schema.timezones) throw connection.normalizeDbError(new ConnectionLost("the schema cannot be read"));
    return schema;
  };
  return connection;
}

/** Opens a database on a server. @throws the error of the driver when it cannot be reached */
export async function connectServer(url: string, limits: Limits = LIMITS): Promise<Database> {
  const name = `deno task start ${Deno.pid}@${hostname()}`.slice(0, 50);
  const config = configOf(url, name);
  const session = new Session({
    config: { ...config, fallback_application_name: `${name} ${crypto.randomUUID().slice(0, 8)}` },
    limits,
    onSilence: () => [requests, statements].forEach((pool) => pool.cut()),
  });
  const first = await session.open();
  const { rows } = await first.query<{ array: string; element: string }>(
    "select typarray::text as array, oid::text as element from pg_type where typarray <> 0",
  );
  const parsers = parsersOf(new Map(rows.map(({ array, element }) => [Number(array), Number(element)])));
  const requests = createPool({ ...config, types: parsers, connectionTimeoutMillis: limits.connect }, limits.statement);
  const statements = createPool({ ...config, types: parsers, connectionTimeoutMillis: Math.max(limits.connect, TURN_MS) });
  return {
    isEmbedded: false,
    connection: createLiteConnection(url, requests),
    query: (sql, parameters) => withConnection(statements, async (open) => (await open.query(sql, parameters)).rows ?? []),
    exec: (sql) => withConnection(statements, async (open) => void await open.query(sql)),
    transaction: (sql) =>
      withConnection(statements, async (open) => {
        await open.query("begin");
        try {
          await open.query(sql);
          await open.query("commit");
        } catch (error) {
          await open.query("rollback").catch(() => {});
          throw error;
        }
      }),
    listen: (channel, onNotify) => session.listen(channel, onNotify),
    exclusively: (work) => work(),
    answer: (work) => withinLimit(work(), limits.statement + 1_000),
    claim: (onTaken) => claim(session, onTaken),
    serveSql: () => Promise.resolve({ url, stop: () => Promise.resolve() }),
    async close() {
      session.close();
      await Promise.all([requests.end(), statements.end()]);
    },
  };
}

/** The result of `work`; its statement ends by its own limit. @throws ConnectionLost after the limit */
async function withinLimit<T>(work: Promise<T>, limitMs: number): Promise<T> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(new ConnectionLost(`the database did not answer within ${limitMs / 1000} s`)), limitMs);
  try {
    return await Promise.race([work, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}

/** The session that has the lock, or null when this session has it; ends an earlier connection of this session that the server keeps. */
async function holderOf(client: Client): Promise<string | null> {
  const { rows: [own] } = await client.query(`select pg_try_advisory_lock(${LOCK}) as has`);
  if (own.has) return null;
  const { rows: [holder] } = await client.query(
    `select a.pid, a.application_name as name, a.application_name = current_setting('application_name') as own,
      to_char(a.backend_start at time zone 'UTC', 'YYYY-MM-DD HH24:MI') as since
    from pg_locks l join pg_stat_activity a using (pid) join pg_database d on d.oid = l.database
    where l.locktype = 'advisory' and l.granted and d.datname = current_database()
      and (l.classid::bigint << 32 | l.objid::bigint) = ${LOCK}`,
  );
  if (!holder) throw new ConnectionLost("the lock of the database was released just now");
  if (holder.own) {
    await client.query("select pg_terminate_backend($1)", [holder.pid]);
    throw new ConnectionLost("the lock of the database is still that of a lost connection");
  }
  const process = /(\d+)@([^ ]+)/.exec(holder.name);
  return `${process ? `process ${process[1]} on ${process[2]}` : holder.name || `backend ${holder.pid}`} (since ${holder.since} UTC)`;
}

/** Claims the database for this program, again on each new connection. */
async function claim(session: Session, onTaken: (holder: string) => void): Promise<string | null> {
  const first = await session.run(holderOf);
  if (first) return first;
  session.onConnect(async (client) => {
    const holder = await holderOf(client);
    if (holder) onTaken(holder);
  });
  return null;
}
