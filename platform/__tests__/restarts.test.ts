import { assert, assertEquals } from "@std/assert";
import { findPostgres, startPostgres, type TemporaryPostgres } from "../../testing/postgres.ts";
import { connect, type Database } from "../database.ts";
import { createKeys } from "../keys.ts";
import { createSupabase } from "../supabase.ts";

/** The number of restarts of each kind; `RESTARTS=50` makes a long run. */
const RESTARTS = Number(Deno.env.get("RESTARTS") ?? 3);
const RECOVERY_MS = 10_000, ANSWER_MS = 10_000;

const SCHEMA = `
  create role anon nologin; create role service_role nologin bypassrls; create role authenticated nologin;
  grant usage on schema public to anon, service_role;
  create table counted (n integer not null); insert into counted values (0);
  create table steps (id bigint generated always as identity);
  create function public.whoami() returns text language sql as 'select current_user::text';`;

const bin = await findPostgres();

async function withServer(work: (server: TemporaryPostgres, database: Database) => Promise<void>) {
  const server = await startPostgres(bin ?? "");
  const database = await connect(server.url);
  try {
    await work(server, database);
  } finally {
    await database.close();
    await server.stop();
  }
}

/** A loop of calls of one kind without a pause, with the times of their answers. */
class Loop {
  /** The time at which the last successful call was sent. */
  goodSince = 0;
  slowest = 0;
  failures = 0;
  #isStopped = false;
  readonly #running: Promise<void>;

  constructor(readonly name: string, call: () => Promise<boolean>) {
    this.#running = this.#run(call);
  }
  async #run(call: () => Promise<boolean>): Promise<void> {
    while (!this.#isStopped) {
      const sent = performance.now();
      if (await call()) this.goodSince = sent;
      else this.failures++;
      this.slowest = Math.max(this.slowest, performance.now() - sent);
      // The pause lets the other loops run after a call that fails at once.
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
  }
  stop(): Promise<void> {
    this.#isStopped = true;
    return this.#running;
  }
}

/** Resolves when each loop has sent a successful call after `since`. @throws Error after the limit */
async function recovered(loops: Loop[], since: number): Promise<number> {
  while (!loops.every(({ goodSince }) => goodSince > since)) {
    const late = loops.filter(({ goodSince }) => goodSince <= since).map(({ name }) => name);
    assert(performance.now() - since < RECOVERY_MS, `no good answer for ${RECOVERY_MS} ms: ${late.join(", ")}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  return performance.now() - since;
}

Deno.test({
  name: `after each of ${RESTARTS} crashes, restarts and ended sessions under eight loops of calls every loop recovers, and none waits`,
  ignore: !bin,
  fn: () =>
    withServer(async (server, database) => {
      await database.exec(SCHEMA);
      const keys = await createKeys();
      const supabase = await createSupabase(database, keys, "http://127.0.0.1:1");
      const statuses = new Map<number, number>();
      const wrong: unknown[] = [];
      const headers = { apikey: keys.publishable, "content-type": "application/json" };
      const read = async () => {
        const response = await supabase(
          new Request("http://127.0.0.1:1/rest/v1/rpc/whoami", { method: "POST", headers, body: "{}" }),
        );
        statuses.set(response.status, (statuses.get(response.status) ?? 0) + 1);
        const answer = await response.json();
        if (response.status === 200 ? answer !== "anon" : response.status !== 503 || answer.code !== "PGRST001") wrong.push(answer);
        return response.ok;
      };
      const isGood = (work: Promise<unknown>) => work.then(() => true, () => false);
      const step = () => isGood(database.transaction("update counted set n = n + 1; insert into steps default values"));
      let notified = 0;
      await database.listen("steps", () => void notified++);
      const loops = [
        ...Array.from({ length: 5 }, (_, index) => new Loop(`REST ${index}`, read)),
        new Loop("query", () => isGood(database.query("select $1::integer", [1]))),
        new Loop("transaction", step),
        new Loop("notification", async () => {
          const before = notified;
          return await isGood(database.query("select pg_notify('steps', '')")) && notified > before;
        }),
      ];
      const figures: Record<string, { slowest: number }> = {};
      const endSessions = () =>
        database.query(
          "select pg_terminate_backend(pid) from pg_stat_activity where pid <> pg_backend_pid() and backend_type = 'client backend'",
        );
      for (
        const [kind, restart] of Object.entries({
          immediate: () => server.restart("immediate"),
          fast: () => server.restart("fast"),
          terminate: endSessions,
        })
      ) {
        const times: number[] = [];
        for (let count = 0; count < RESTARTS; count++) {
          await recovered(loops, performance.now());
          await restart().catch(() => {});
          times.push(await recovered(loops, performance.now()));
        }
        figures[kind] = { slowest: Math.round(Math.max(...times)) };
      }
      await Promise.all(loops.map((loop) => loop.stop()));
      const slowest = Math.round(Math.max(...loops.map((loop) => loop.slowest)));
      if (Deno.env.has("RESTARTS")) {
        // deno-lint-ignore no-console -- the figures of the long run
        console.log(JSON.stringify({ figures, slowest, statuses: Object.fromEntries(statuses) }));
      }
      assertEquals(wrong, []);
      assert(slowest < ANSWER_MS, `a call waited for ${slowest} ms`);
      assert((statuses.get(503) ?? 0) > 0, "the restarts met no call");
      const [rows] = await database.query("select (select n from counted) = (select count(*) from steps) as equal");
      assertEquals(rows, { equal: true }, "a transaction was cut in half");
    }),
});
