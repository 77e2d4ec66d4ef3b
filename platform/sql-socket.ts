import type { PGlite } from "@electric-sql/pglite";
import { PGLiteSocketHandler } from "@electric-sql/pglite-socket";
import { createServer, type Server, type Socket } from "node:net";

/** The first bytes of two messages, and a state (https://www.postgresql.org/docs/current/protocol-message-formats.html). */
const TERMINATE = 0x58, READY_FOR_QUERY = 0x5a, IDLE = 0x49;
/** The longest time of an open transaction between two messages of a client, because the product waits for the session. */
const OPEN_LIMIT_MS = 10_000;
/** Removes the settings of a client after its transaction, because the product uses the same session. */
const RESET = "reset session authorization; reset role; reset all; deallocate all; close all";

interface SqlOptions {
  db: PGlite;
  /** Runs `work` with exclusive use of the session. */
  exclusively: <T>(work: () => Promise<T>) => Promise<T>;
  openLimitMs?: number;
}

/** The state of the transaction from the last message of an answer; undefined before the last message. */
function stateAfter(data: Uint8Array): number | undefined {
  const at = data.length - 6;
  return at >= 0 && data[at] === READY_FOR_QUERY && data[at + 4] === 5 ? data[at + 5] : undefined;
}

/**
 * Lends the one session of PGlite to the clients of a socket, with the methods that a handler of pglite-socket calls. A client has the
 * session alone from its first message until its transaction has ended.
 */
class SessionLender {
  readonly #options: SqlOptions;
  readonly #end: (client: number) => void;
  /** The last message of each client. */
  readonly #last = new Map<number, Promise<unknown>>();
  #holder: number | null = null;
  #giveBack = () => {};
  #limit: ReturnType<typeof setTimeout> | undefined;

  constructor(options: SqlOptions, end: (client: number) => void) {
    this.#options = options;
    this.#end = end;
  }

  getQueueLength = (): number => 0;

  /** Executes the messages of a client one after the other. */
  enqueue(client: number, message: Uint8Array, onData: (data: Uint8Array) => void): Promise<number> {
    const done = (this.#last.get(client) ?? Promise.resolve()).then(() => this.#execute(client, message, onData));
    this.#last.set(client, done.catch(() => {}));
    return done;
  }

  clearQueueForHandler(client: number): void {
    this.#last.delete(client);
  }

  /** Called when a client has disconnected; rolls its transaction back. */
  async clearTransactionIfNeeded(client: number): Promise<void> {
    if (this.#holder === client) await this.#release("rollback");
  }

  async #execute(client: number, message: Uint8Array, onData: (data: Uint8Array) => void): Promise<number> {
    if (message[0] === TERMINATE) return 0;
    clearTimeout(this.#limit);
    if (this.#holder !== client) await this.#take(client);
    let state: number | undefined, size = 0;
    const { db } = this.#options;
    const answer = (data: Uint8Array) => {
      state = stateAfter(data) ?? state;
      size += data.length;
      onData(data);
    };
    // A client can disconnect while it waits for the session.
    if (this.#last.has(client)) await db.runExclusive(() => db.execProtocolRawStream(message, { onRawData: answer }));
    if (!this.#last.has(client)) await this.clearTransactionIfNeeded(client);
    else if (state === IDLE) await this.#release();
    else this.#limit = setTimeout(() => this.#end(client), this.#options.openLimitMs ?? OPEN_LIMIT_MS);
    return size;
  }

  #take(client: number): Promise<void> {
    const taken = Promise.withResolvers<void>(), given = Promise.withResolvers<void>();
    void this.#options.exclusively(() => {
      this.#holder = client;
      this.#giveBack = given.resolve;
      taken.resolve();
      return given.promise;
    });
    return taken.promise;
  }

  async #release(first = ""): Promise<void> {
    const giveBack = this.#giveBack, { db } = this.#options;
    clearTimeout(this.#limit);
    this.#holder = null;
    try {
      // Without a transaction, Postgres only warns.
      if (first) await db.exec(first);
      await db.exec(RESET);
    } finally {
      giveBack();
    }
  }
}

const listening = (server: Server, where: string): Promise<void> =>
  new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(where, resolve);
  });

/** The name that libpq expects in the folder of a socket. */
const SOCKET = ".s.PGSQL.5432";

/** Serves the embedded database to Postgres clients on a Unix socket in a new folder. @throws the error of the listening socket */
export async function serveSql(folder: string, options: SqlOptions): Promise<{ url: string; stop: () => Promise<void> }> {
  await Deno.mkdir(folder, { recursive: true, mode: 0o700 });
  const absolute = await Deno.realPath(folder);
  const handlers = new Map<number, PGLiteSocketHandler>();
  const lender = new SessionLender(options, (client) => void handlers.get(client)?.detach(true));
  const server = createServer((socket: Socket) => {
    const handler = new PGLiteSocketHandler({ queryQueue: lender as never, closeOnDetach: true });
    handlers.set(handler.handlerId, handler);
    handler.addEventListener("close", () => handlers.delete(handler.handlerId));
    void handler.attach(socket as never);
  });
  // A killed product does not delete its socket.
  await Deno.remove(`${absolute}/${SOCKET}`).catch(() => {});
  await listening(server, `${absolute}/${SOCKET}`);
  await Deno.chmod(`${absolute}/${SOCKET}`, 0o600);
  return {
    url: `postgresql:///postgres?host=${encodeURIComponent(absolute)}&user=postgres`,
    async stop() {
      await Promise.all([...handlers.values()].map((handler) => handler.detach(true)));
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}
