// @ts-types="npm:@types/pg@8.23.1"
import { DatabaseError, Pool, type PoolClient, type PoolConfig, type QueryConfig, type QueryResult } from "pg";

/** The limits of a connection in milliseconds. */
export interface Limits {
  /** The time until a connection is open, or a connection of the pool is free. */
  connect: number;
  /** The time of a statement of REST and Auth, as in a hosted project. */
  statement: number;
  /** The time between two checks that the server answers. */
  heartbeat: number;
  /** The time until the server has answered such a check. */
  silence: number;
}

/** The error when the database cannot be reached, or a connection to it was lost. */
export class ConnectionLost extends Error {
  override name = "ConnectionLost";
  readonly code = "CONNECTION_LOST";

  constructor(message: string) {
    super(message);
    // lite prints the stack of each failed request in an outage, so the stack is one line.
    this.stack = `${this.name}: ${message}`;
  }
}

/** SQLSTATEs after which a session ends, or that refuse a new one: connection errors, a shutdown, a start, no free connection. */
const ENDS_SESSION = /^(08|57P0|53300)/;

/** The error of the driver, or `ConnectionLost` when Postgres did not answer the statement. */
function classify(error: unknown): unknown {
  if (error instanceof ConnectionLost) return error;
  if (error instanceof DatabaseError && !ENDS_SESSION.test(error.code ?? "")) return error;
  return new ConnectionLost((error as Error).message);
}

/** A connection of the pool for one statement or transaction. */
export interface Checkout {
  query(sql: string, parameters?: readonly unknown[]): Promise<QueryResult>;
  release(): void;
}

/** A pool that closes a returned connection after a lost answer or inside a transaction, and reuses every other one. */
export interface GuardedPool {
  connect(): Promise<Checkout>;
  /** Closes the connections in use, so that their statements fail; the next statements open new connections. */
  cut(): void;
  /** Closes the idle connections at once, and those in use or still opening after a second. */
  end(): Promise<void>;
}

const GRACE_MS = 1_000;

/** The JSON types, for which pg writes an array as a Postgres array. */
const JSON_TYPES = new Set([114, 3802]);

/** Writes arrays for JSON parameters as JSON: pg does not ask the server for the types of the parameters. */
async function withJsonArrays(client: PoolClient, sql: string, parameters: readonly unknown[]): Promise<unknown[]> {
  await client.query(`prepare parameter_types as ${sql}`);
  const { rows } = await client.query(
    "select array_to_json(parameter_types::oid[]::bigint[]) as types from pg_prepared_statements where name = 'parameter_types'",
  );
  await client.query("deallocate parameter_types");
  const types: number[] = rows[0]?.types ?? [];
  return parameters.map((value, index) => Array.isArray(value) && JSON_TYPES.has(types[index] ?? 0) ? JSON.stringify(value) : value);
}

/** Opens a pool; with `statementMs` each statement has that limit. */
export function createPool(config: PoolConfig, statementMs?: number): GuardedPool {
  const settings = `set timezone = 'UTC'${statementMs ? `; set statement_timeout = ${statementMs}` : ""}`;
  const pool = new Pool({
    max: 10,
    keepAlive: true,
    ...config,
    // The server cancels a slow statement; the limit of the driver ends the wait for a lost answer.
    ...(statementMs && { query_timeout: statementMs + 1_000 }),
    onConnect: (client) => client.query({ text: settings, query_timeout: config.connectionTimeoutMillis } as QueryConfig),
  });
  // A lost connection emits an error without a listener; its statements fail on their own.
  pool.on("error", () => {});
  pool.on("connect", (client) => client.on("error", () => {}));
  const inUse = new Set<PoolClient>();
  const closed = Promise.withResolvers<never>();
  closed.promise.catch(() => {});

  /** A connection of the pool; rejects when the pool ends, because pg never answers a waiting call after the end. */
  async function take(): Promise<PoolClient> {
    const taken = pool.connect();
    try {
      return await Promise.race([taken, closed.promise]);
    } catch (error) {
      taken.then((client) => client.release(true), () => {});
      throw classify(error);
    }
  }

  return {
    async connect() {
      const client = await take();
      inUse.add(client);
      let isLost = false;
      return {
        async query(sql, parameters) {
          try {
            const values = parameters?.some(Array.isArray) ? await withJsonArrays(client, sql, parameters) : [...parameters ?? []];
            return await client.query(sql, values);
          } catch (cause) {
            const error = classify(cause);
            isLost ||= error instanceof ConnectionLost;
            throw error;
          }
        },
        release() {
          inUse.delete(client);
          client.release(isLost || client.getTransactionStatus() !== "I");
        },
      };
    },
    cut() {
      for (const client of inUse) void client.end();
    },
    async end() {
      const timers: ReturnType<typeof setTimeout>[] = [];
      const after = (ms: number) => new Promise<void>((resolve) => timers.push(setTimeout(resolve, ms)));
      closed.reject(new ConnectionLost("the database is being closed"));
      const isEnded = pool.end();
      await Promise.race([isEnded, after(GRACE_MS)]);
      this.cut();
      await Promise.race([isEnded, after(GRACE_MS)]);
      timers.forEach(clearTimeout);
    },
  };
}
