// @ts-types="npm:@types/pg@8.23.1"
import { Client, type ClientConfig } from "pg";
import { ConnectionLost, type Limits } from "./pool.ts";

const RECONNECT_MS = [50, 100, 200, 500, 1_000];

interface SessionOptions {
  config: ClientConfig;
  limits: Limits;
  /** Called when the server does not answer, because open connections can be lost. */
  onSilence: () => void;
}

/** One permanent connection, which listens, has locks, and detects a server that does not answer. */
export class Session {
  readonly #options: SessionOptions;
  readonly #listeners = new Map<string, (() => void)[]>();
  /** The functions that are called on each new connection, before its listeners. */
  readonly #onConnect: ((client: Client) => Promise<void>)[] = [];
  #client: Client | null = null;
  #isClosed = false;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(options: SessionOptions) {
    this.#options = options;
  }

  /** Opens the first connection. @throws the error of the driver */
  async open(): Promise<Client> {
    return await this.#connect();
  }

  /** Calls `onNotify` on each notification, and after each new connection, because notifications before it are lost. */
  async listen(channel: string, onNotify: () => void): Promise<void> {
    this.#listeners.set(channel, [...this.#listeners.get(channel) ?? [], onNotify]);
    // Without a connection, the next connection listens.
    await this.#client?.query(`listen "${channel}"`).catch(() => {});
  }

  /** Calls `work` with the current connection. @throws ConnectionLost without one, and the error of `work` */
  async run<T>(work: (client: Client) => Promise<T>): Promise<T> {
    if (!this.#client) throw new ConnectionLost("the server does not answer");
    return await work(this.#client);
  }

  /** Calls `work` on each new connection, before any other statement. */
  onConnect(work: (client: Client) => Promise<void>): void {
    this.#onConnect.push(work);
  }

  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    // The end is not awaited, because a server that does not answer must not delay the shutdown.
    void this.#client?.end();
  }

  async #connect(): Promise<Client> {
    const { config, limits } = this.#options;
    const client = new Client({
      ...config,
      keepAlive: true,
      connectionTimeoutMillis: limits.connect,
      query_timeout: limits.silence + 1_000,
    });
    client.on("error", () => {});
    client.on("notification", ({ channel }) => this.#listeners.get(channel)?.forEach((onNotify) => onNotify()));
    await client.connect();
    try {
      // With these settings the server ends the session of a disconnected machine, and its locks, within a minute.
      await client.query("set tcp_keepalives_idle = 30; set tcp_keepalives_interval = 10; set tcp_keepalives_count = 3");
      for (const channel of this.#listeners.keys()) await client.query(`listen "${channel}"`);
      for (const work of this.#onConnect) await work(client);
    } catch (error) {
      void client.end();
      throw error;
    }
    this.#client = client;
    if (this.#isClosed) this.close();
    client.once("end", () => this.#replace(client));
    this.#beat(client);
    return client;
  }

  #replace(lost: Client): void {
    if (this.#isClosed || this.#client !== lost) return;
    this.#client = null;
    this.#reconnect(0);
  }

  #reconnect(attempt: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(async () => {
      try {
        await this.#connect();
        for (const onNotify of [...this.#listeners.values()].flat()) onNotify();
      } catch {
        if (!this.#isClosed) this.#reconnect(attempt + 1);
      }
    }, RECONNECT_MS[Math.min(attempt, RECONNECT_MS.length - 1)]);
  }

  #beat(client: Client): void {
    const { limits, onSilence } = this.#options;
    if (this.#isClosed) return;
    this.#timer = setTimeout(async () => {
      const silence = setTimeout(() => {
        onSilence();
        this.#replace(client);
        void client.end();
      }, limits.silence);
      const isAlive = await client.query("select 1").then(() => true, () => false);
      clearTimeout(silence);
      if (!isAlive) this.#replace(client);
      else if (this.#client === client) this.#beat(client);
    }, limits.heartbeat);
  }
}
