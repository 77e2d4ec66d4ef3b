import { assertEquals, assertRejects } from "@std/assert";
import { DatabaseError } from "../errors.ts";
import { SecretKeys } from "../secret-keys.ts";

const key = (name: string) => ({ name, value: `sb_secret_${name}` });

/** A worker with the keys of its environment, and a database that accepts the keys of `valid`; `sent` has the name of each key it received. */
function setUp(environment: string[], valid: string[]) {
  const accepted = new Set(valid);
  const sent: string[] = [];
  const database: typeof fetch = (_input, init) => {
    const headers = new Headers(init?.headers);
    const name = headers.get("apikey")?.replace("sb_secret_", "") ?? "none";
    assertEquals(headers.get("authorization"), `Bearer sb_secret_${name}`);
    sent.push(name);
    return Promise.resolve(new Response("{}", { status: accepted.has(name) ? 200 : 401 }));
  };
  const keys = new SecretKeys(environment.map(key), { confirmUrl: "http://database.test/", fetch: database });
  const call = async () => (await keys.fetch("http://database.test/rpc", { method: "POST", body: "{}" })).status;
  return { keys, accepted, sent, call, accept: (name: string) => keys.accept(`sb_secret_${name}`) };
}

Deno.test("the database receives the key of the last caller, without a question about the first one", async () => {
  const { sent, call, accept } = setUp(["default", "cron"], ["default", "cron"]);
  assertEquals([await accept("default"), await call()], ["default", 200]);
  assertEquals(sent, ["default"]);
  assertEquals([await accept("cron"), await call(), await call()], ["cron", 200, 200]);
  assertEquals(sent, ["default", "cron", "cron", "cron"]);
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

Deno.test("a deleted key is refused as soon as the database refused it, although it is in the environment", async () => {
  const { call, accept, accepted } = setUp(["default"], ["default"]);
  accepted.delete("default");
  assertEquals(await call(), 401);
  assertEquals(await accept("default"), null);
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

Deno.test("a key is not refused because the database does not answer", async () => {
  for (const answer of [() => Promise.reject(new TypeError("no connection")), () => Promise.resolve(new Response(null, { status: 503 }))]) {
    const keys = new SecretKeys([key("default")], { confirmUrl: "http://database.test/", fetch: answer });
    assertEquals((await assertRejects(() => keys.accept("sb_secret_other"), DatabaseError)).sqlstate, "");
    assertEquals(await keys.accept("sb_secret_default"), "default");
  }
});
