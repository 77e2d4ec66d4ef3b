import { assert, assertEquals, assertRejects } from "@std/assert";
// @ts-types="npm:@types/pg@8.23.1"
import { Client, type ClientConfig } from "pg";
import { sql } from "../../scripts/sql.ts";
import { until } from "../../testing/wait.ts";
import { connect } from "../database.ts";
import { serveSql } from "../sql-socket.ts";
import { lockFolder, SetupError } from "../state.ts";

const folder = await Deno.makeTempDir({ prefix: "sync-sql-" });
const database = await connect("memory://");
await database.exec("create role anon; create table counted (n integer)");
const { driver } = database.connection;
const served = await serveSql(`${folder}/sql`, { db: driver, exclusively: database.exclusively, openLimitMs: 500 });
const lock = await lockFolder(folder);
lock.onAddress("http://127.0.0.1:1", served.url);

async function client(): Promise<Client> {
  const opened = new Client({ connectionString: served.url, types: { getTypeParser: () => String } as ClientConfig["types"] });
  opened.on("error", () => {});
  await opened.connect();
  return opened;
}
const run = async (...args: string[]): Promise<string> => {
  const lines: string[] = [];
  await sql([...args, "--data", folder], {
    readInput: () => Promise.resolve("select 'from stdin' as text"),
    write: (line) => lines.push(line),
  });
  return lines.join("\n");
};

Deno.test("only the owner of the data folder reaches the socket", async () => {
  assertEquals([`${folder}/sql`, `${folder}/run.json`].map((path) => (Deno.statSync(path).mode ?? 0) & 0o777), [0o700, 0o600]);
  await Promise.resolve();
});

Deno.test("a transaction of a client is not mixed with statements of the product or of another client", async () => {
  const [first, second] = await Promise.all([client(), client()]);
  await first.query("begin");
  await first.query("insert into counted values (1)");
  const order: string[] = [];
  const product = database.query("select count(*)::integer as count from counted").then(([row]) => {
    order.push("product");
    return row;
  });
  const other = second.query("select count(*) as count from counted").then(({ rows: [row] }) => {
    order.push("second client");
    return row;
  });
  await first.query("select $1::integer as one", [1]);
  order.push("first client");
  await first.query("rollback");
  assertEquals([await product, await other], [{ count: 0 }, { count: "0" }]);
  assertEquals(order, ["first client", "product", "second client"]);
  await Promise.all([first.end(), second.end()]);
});

Deno.test("a setting of a client ends with its transaction", async () => {
  const set = await client();
  await set.query("set role anon");
  await set.query("set timezone = 'Asia/Tokyo'");
  assertEquals(await database.query("select current_user::text as role, current_setting('timezone') <> 'Asia/Tokyo' as own"), [
    { role: "postgres", own: true },
  ]);
  await set.end();
});

Deno.test("a transaction that a client leaves open, or that ends with its connection, is rolled back, and the product continues", async () => {
  const idle = await client();
  const closed = Promise.withResolvers<void>();
  idle.on("end", closed.resolve);
  await idle.query("begin; insert into counted values (1)");
  assertEquals(await database.query("select from counted"), []);
  await closed.promise;
  const gone = await client();
  await gone.query("begin; insert into counted values (1)");
  await gone.end();
  assertEquals(await database.query("select from counted"), []);
  await Promise.all(Array.from({ length: 20 }, async () => {
    const brief = await client();
    void brief.query("insert into counted values (2)").catch(() => {});
    await brief.end();
  }));
  await until("the session", async () => (await database.query("select 1")).length);
});

Deno.test("deno task sql prints a table, what a change did, or JSON", async () => {
  assertEquals(
    await run("select n, case n when 2 then 'two' || chr(10) || 'lines' end as text from generate_series(1, 2) n"),
    "n | text\n--+-----------\n1 | null\n2 | two↵ lines\n(2 rows)",
  );
  assertEquals(await run("create table made (n integer); insert into made values (1), (2)"), "CREATE\nINSERT 2");
  assertEquals(
    await run("--json", `select 1 as n, 'x' as text, true as flag, null as nothing, '{"a": 1}'::jsonb as json, 9007199254740993 as big`),
    '[{"n":1,"text":"x","flag":true,"nothing":null,"json":{"a":1},"big":"9007199254740993"}]',
  );
  assertEquals(await run(), "text\n----------\nfrom stdin\n(1 row)");
});

Deno.test("deno task sql says in one sentence what is wrong", async () => {
  await assertRejects(
    () => run("select 1,\n  nope"),
    SetupError,
    'Postgres refused the statement: column "nope" does not exist at line 2, column 3',
  );
  await assertRejects(() => run("select", "1"), SetupError, "the statement is one argument: put it in quotes\nusage: deno task sql");
  await assertRejects(
    () => sql(["select 1", "--data", `${folder}/none`], { readInput: () => Promise.resolve(""), write: () => {} }),
    SetupError,
    "nothing runs on the data folder",
  );
  assert((await run("--help")).startsWith("usage: deno task sql"));
});

Deno.test.afterAll(async () => {
  await served.stop();
  await database.close();
  lock.release();
  await Deno.remove(folder, { recursive: true });
});
