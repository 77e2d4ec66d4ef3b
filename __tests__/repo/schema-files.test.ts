import { assert, assertEquals } from "@std/assert";
import { listMigrations, SUPABASE } from "../../platform/migrate.ts";

// After the first release, a migration changes objects of earlier ones, so only supabase/schemas defines each object once.
const isReleased = await Deno.stat("supabase/schemas").then(() => true, () => false);
const files = await Promise.all(
  (await listMigrations(SUPABASE, isReleased ? "schemas" : "migrations")).map(async ({ version, name, url }) => ({
    name: `${version}_${name}`,
    sql: await Deno.readTextFile(url),
  })),
);

/** Every object that a file defines, as `kind name`; a policy belongs to its table. */
function definitions(sql: string): string[] {
  const code = sql.replace(/--.*$/gm, "");
  const plain =
    /^create (?:or replace )?(function|table|materialized view|view|type|index|unique index|trigger|constraint trigger)\s+(?:if not exists )?([\w.]+)/gim;
  const owned = /^create (policy)\s+("[^"]+"|\w+)[^;]*?\son ([\w.]+)/gim;
  return [
    ...[...code.matchAll(plain)].map(([, kind, name]) => `${kind} ${name}`),
    ...[...code.matchAll(owned)].map(([, kind, name, table]) => `${kind} ${name} on ${table}`),
  ].map((text) => text.toLowerCase());
}

Deno.test("each function, table, view, type, index, trigger and policy is defined once", () => {
  const seen = new Map<string, string>();
  for (const { name, sql } of files) {
    for (const definition of definitions(sql)) {
      assert(!seen.has(definition), `${definition} is defined in ${seen.get(definition)} and in ${name}`);
      seen.set(definition, name);
    }
  }
  assert(seen.size > 200, `${seen.size} definitions were found`);
});

Deno.test("no file changes an object that another one defines", () => {
  for (const { name, sql } of files) {
    const changes = sql.match(/^(create or replace|drop|alter (table|function|view|type|index)) .*/gim);
    assertEquals(changes?.filter((line) => !/^alter table \S+ enable row level security/.test(line)) ?? [], [], name);
  }
});

Deno.test("a SQL function is under 100 lines", () => {
  for (const { sql } of files) {
    for (const [text, name] of sql.matchAll(/^create function ([\w.]+)[^]*?\n(?:end\n)?\$\$;$/gm)) {
      const lines = text.split("\n").length;
      assert(lines <= 100, `${name} has ${lines} lines`);
    }
  }
});
