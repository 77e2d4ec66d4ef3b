import { assertEquals, assertRejects } from "@std/assert";
import { DatabaseError } from "../errors.ts";
import { SecretKeys } from "../secret-keys.ts";

const key = (name: string) => ({ name, value: `sb_secret_${name}` });

/** A worker with the keys of its environment, and a database that accepts the keys of `valid`; `sent` has the name of each key it received. */
function setUp(environment: string[], valid: string[]) {
  const accepted = new Set(valid);
  const sent: string[] = [];
  let now = 0;
  const database: typeof fetch = (_input, init) => {
    const headers = new Headers(init?.headers);
    const name = headers.get("apikey")?.replace("sb_secret_", "") ?? "none";
    assertEquals(headers.get("authorization"), null);
    sent.push(name);
    return Promise.resolve(new Response("{}", { status: accepted.has(name) ? 200 : 401 }));
  };
  const keys = new SecretKeys(environment.map(key), { confirmUrl: "http://database.test/", fetch: database, now: () => now });
  return {
    keys,
    accepted,
    sent,
    call: async () => (await keys.fetch("http://database.test/rpc", { method: "POST", body: "{}" })).status,
    accept: (name: string) => keys.accept(`sb_secret_${name}`),
    pass: (ms: number) => void (now += ms),
  };
}

Deno.test("the database receives the key of the last caller", async () => {
  const { sent, call, accept } = setUp(["default", "cron"], ["default", "cron"]);
  assertEquals([await accept("default"), await call()], ["default", 200]);
  assertEquals([await accept("cron"), await call(), await call()], ["cron", 200, 200]);
  assertEquals(sent, ["default", "default", "cron", "cron", "cron"]);
});

Deno.test("the database is asked about a key again 10 seconds after it last accepted it", async () => {
  const { sent, call, accept, accepted, pass } = setUp(["default"], ["default"]);
  assertEquals(await accept("default"), "default");
  pass(6_000);
  assertEquals([await call(), sent.length], [200, 2]);
  accepted.delete("default");
  pass(9_999);
  assertEquals([await accept("default"), sent.length], ["default", 2]);
  pass(1);
  assertEquals([await accept("default"), sent.length], [null, 3]);
});

Deno.test("after a 401 each other key is sent, and the one that works is sent first from then on", async () => {
  const { sent, call } = setUp(["default", "second", "third"], ["third"]);
  assertEquals([await call(), await call()], [200, 200]);
  assertEquals(sent, ["default", "second", "third", "third"]);
});

Deno.test("a key that is younger than the worker is accepted after the database confirmed it, and is used for the database", async () => {
  const { sent, call, accept, accepted } = setUp(["default"], ["default", "younger"]);
  assertEquals(await accept("younger"), "unnamed");
  accepted.delete("default");
  assertEquals([await call(), await accept("younger"), await accept("default")], [200, "unnamed", null]);
  assertEquals(sent, ["younger", "younger", "default"]);
});

Deno.test("a deleted key is refused as soon as the database refused it, and accepted again when the database does", async () => {
  const { call, accept, accepted } = setUp(["default"], ["default"]);
  assertEquals([await accept("default"), await call()], ["default", 200]);
  accepted.delete("default");
  assertEquals([await call(), await accept("default")], [401, null]);
  accepted.add("default");
  assertEquals([await accept("default"), await call()], ["default", 200]);
});

Deno.test("a value that is no key is refused without a question to the database", async () => {
  const { keys, sent } = setUp(["default"], ["default"]);
  const values = ["", "sb_publishable_x", "sb_secret_", "sb_secret_with blank", `sb_secret_${"x".repeat(201)}`, "eyJhbGciOiJub25lIn0.e30."];
  for (const value of values) assertEquals(await keys.accept(value), null, value);
  assertEquals(await keys.accept("sb_secret_forged"), null);
  assertEquals(sent, ["forged"]);
});

Deno.test("a database that does not answer is an error of the database, and no refusal of the key", async () => {
  const answers = [() => Promise.reject(new TypeError("no connection")), () => Promise.resolve(new Response(null, { status: 503 }))];
  for (const answer of answers) {
    const keys = new SecretKeys([key("default")], { confirmUrl: "http://database.test/", fetch: answer });
    for (const name of ["default", "other"]) {
      assertEquals((await assertRejects(() => keys.accept(`sb_secret_${name}`), DatabaseError)).sqlstate, "", name);
    }
  }
});

Deno.test("an error of a server does not count as the acceptance of a key", async () => {
  const statuses = [503, 401];
  const keys = new SecretKeys([key("default")], {
    confirmUrl: "http://database.test/",
    fetch: () => Promise.resolve(new Response(null, { status: statuses.shift() })),
  });
  assertEquals([(await keys.fetch("http://database.test/rpc")).status, await keys.accept("sb_secret_default")], [503, null]);
});

Deno.test("a legacy key is sent as the token too, from which PostgREST reads the role", async () => {
  const received: (string | null)[] = [];
  const send: typeof fetch = (_input, init) => {
    received.push(new Headers(init?.headers).get("authorization"));
    return Promise.resolve(new Response());
  };
  const keys = new SecretKeys([{ name: "service_role", value: "eyJ.legacy.key" }], { confirmUrl: "http://database.test/", fetch: send });
  assertEquals(await keys.accept("eyJ.legacy.key"), "service_role");
  await keys.fetch("http://database.test/rpc");
  assertEquals(received, ["Bearer eyJ.legacy.key", "Bearer eyJ.legacy.key"]);
});
