import { assert, assertEquals, assertRejects } from "@std/assert";
import { findPostgres, startPostgres } from "../../testing/postgres.ts";
import { connect } from "../database.ts";
import { createKeys } from "../keys.ts";
import { ConnectionLost, createPool } from "../pool.ts";
import { createSupabase } from "../supabase.ts";

const bin = await findPostgres();
const server = bin ? await startPostgres(bin) : null;
const ignore = !server;
const url = server?.url ?? "";
const LIMITS = { connect: 300, statement: 500, heartbeat: 100, silence: 200 };
const database = server ? await connect(url, LIMITS) : null;
if (database) {
  await database.exec(`create role anon nologin; create role service_role nologin bypassrls; create role authenticated nologin;
    grant usage on schema public to service_role;
    create table notes (id integer primary key, tags jsonb, words text[]);
    grant select, insert on notes to service_role;
    create function public.sleep(seconds float8) returns void language sql as 'select pg_sleep(seconds)'`);
}
const keys = await createKeys();
const supabase = database ? await createSupabase(database, keys, "http://127.0.0.1:1") : null;
const call = async (path: string, body: unknown): Promise<[number, { code?: string } | null]> => {
  const headers = { apikey: keys.secret, "content-type": "application/json" };
  const request = new Request(`http://127.0.0.1:1/rest/v1/${path}`, { method: "POST", headers, body: JSON.stringify(body) });
  const response = await supabase?.(request);
  return [response?.status ?? 0, await response?.json().catch(() => null)];
};
const loopTurn = () => new Promise((resolve) => setTimeout(resolve));

Deno.test({
  name: "while the server does not answer, requests get 503 and statements fail; when it answers again, the same database works",
  ignore,
  async fn() {
    const slow = database?.query("select pg_sleep(60)");
    const failed = assertRejects(() => slow as Promise<unknown>, ConnectionLost);
    const frozen = await server?.freeze();
    const answers = await Promise.all(Array.from({ length: 12 }, () => call("rpc/sleep", { seconds: 0 }))).finally(async () => {
      await failed;
      frozen?.thaw();
    });
    assertEquals(answers.map(([status, body]) => [status, body?.code]), Array(12).fill([503, "PGRST001"]));
    while ((await call("rpc/sleep", { seconds: 0 }))[0] !== 204) await loopTurn();
    assertEquals(await database?.query("select 1 as one"), [{ one: 1 }]);
    const heard = Promise.withResolvers<void>();
    await database?.listen("again", heard.resolve);
    await database?.query("select pg_notify('again', '')");
    await heard.promise;
  },
});

Deno.test({
  name: "a request over the limit of a statement is cancelled by the server; a statement of the platform may take longer",
  ignore,
  async fn() {
    const sleep = database?.query("select pg_sleep(1)");
    const [status, body] = await call("rpc/sleep", { seconds: 30 });
    assertEquals([status, body?.code], [500, "57014"]);
    await sleep;
    assertEquals((await call("rpc/sleep", { seconds: 0 }))[0], 204);
  },
});

Deno.test({
  name: "a connection that is given back inside a transaction, or after a lost answer, is never used again",
  ignore,
  async fn() {
    const pool = createPool({ connectionString: url, max: 1 });
    const pid = async (spoil?: string) => {
      const connection = await pool.connect();
      const { rows: [backend] } = await connection.query("select pg_backend_pid() as pid");
      if (spoil) await connection.query(spoil).catch(() => {});
      connection.release();
      return backend.pid;
    };
    const first = await pid();
    assertEquals(await pid("begin"), first);
    const second = await pid("select pg_terminate_backend(pg_backend_pid())");
    assert(second !== first);
    const third = await pid("select no_such_column");
    assert(third !== second);
    assertEquals(await pid(), third, "an ordinary error keeps the connection");
    await pool.end();
  },
});

Deno.test({
  name: "values come and go as over hosted PostgREST, and an array for a JSON parameter is JSON",
  ignore,
  async fn() {
    const [row] = await database?.query(
      `select 1::smallint as int2, 9007199254740993::bigint as big, 12::bigint as small, 1.50::numeric as numeric, 1.5::float8 as float,
      true as flag, null::text as nothing, '{"a": [1]}'::jsonb as json, timestamptz '2026-06-01 10:00:00.5+00' as at, date '2026-06-01' as day,
      timestamp '2026-06-01 10:00' as local, interval '1 day 2 hours' as span, array[1, null, 3] as ints, array['a,"b', null] as texts,
      array[[1, 2], [3, 4]] as nested, array['{"a": 1}'::jsonb] as jsons, array['x'::name] as names, '{}'::text[] as empty,
      array[timestamptz '2026-06-01 10:00+00'] as times, $1::jsonb as p1, $2::text[] as p2, $3::jsonb as p3, $4::integer as p4, $5::jsonb as p5`,
      [[1, { a: "x" }], ["a", 'b"c', null], { b: ["c"] }, 5, '"text"'],
    ) ?? [];
    assertEquals(row, {
      int2: 1,
      big: 9007199254740993n,
      small: 12,
      numeric: 1.5,
      float: 1.5,
      flag: true,
      nothing: null,
      json: { a: [1] },
      at: "2026-06-01T10:00:00.5+00:00",
      day: "2026-06-01",
      local: "2026-06-01 10:00:00",
      span: "1 day 02:00:00",
      ints: [1, null, 3],
      texts: ['a,"b', null],
      nested: [[1, 2], [3, 4]],
      jsons: [{ a: 1 }],
      names: ["x"],
      empty: [],
      times: ["2026-06-01T10:00:00+00:00"],
      p1: [1, { a: "x" }],
      p2: ["a", 'b"c', null],
      p3: { b: ["c"] },
      p4: 5,
      p5: "text",
    });
    assertEquals((await call("notes", { id: 1, tags: ["a", { b: 1 }], words: ["c", "d"] }))[0], 201);
    assertEquals(await database?.query("select tags, words from notes"), [{ tags: ["a", { b: 1 }], words: ["c", "d"] }]);
  },
});

Deno.test({
  name: "one program claims a database; it keeps the claim over a restart, its end frees it, and a program that took it is named",
  ignore,
  async fn() {
    const taken: string[] = [];
    const [first, second] = await Promise.all([connect(url, LIMITS), connect(url, LIMITS)]);
    assertEquals(await first.claim((holder) => taken.push(holder)), null);
    const holder = await second.claim(() => {});
    assert(
      new RegExp(`^process ${Deno.pid} on \\S+ \\(since \\d{4}-\\d\\d-\\d\\d \\d\\d:\\d\\d UTC\\)$`).test(String(holder)),
      String(holder),
    );
    // The session calls the listener again after each new connection.
    const reconnected = Promise.withResolvers<void>();
    await first.listen("x", reconnected.resolve);
    await server?.restart("immediate");
    await reconnected.promise;
    while (!(await second.claim(() => {}).catch(() => null))) await loopTurn();
    await first.close();
    const again = await connect(url, LIMITS);
    while (await again.claim(() => {})) await loopTurn();
    assertEquals(taken, []);
    await Promise.all([second.close(), again.close()]);
  },
});

Deno.test({
  name: "a database is closed in bounded time while the server does not answer",
  ignore,
  async fn() {
    const other = await connect(url, LIMITS);
    const slow = other.query("select pg_sleep(60)").catch(() => "failed");
    await other.query("select 1");
    const frozen = await server?.freeze();
    const opening = other.query("select 1").catch(() => {});
    await other.close();
    assertEquals(await slow, "failed");
    frozen?.thaw();
    await opening;
  },
});

Deno.test.afterAll(async () => {
  await database?.close();
  await server?.stop();
});
