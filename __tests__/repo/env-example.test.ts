import { assertEquals } from "@std/assert";
import { readEnv } from "../../services/env.ts";
import { readSources } from "../../testing/sources.ts";

const example = await Deno.readTextFile(".env.example");
const listed = new Map([...example.matchAll(/^#?([A-Z][A-Z0-9_]*)=(.*)$/gm)].map(([, name = "", value = ""]) => [name, value]));
/** The ways in which files read a variable: by name, by a list of names, by destructuring, and as a field of the schema of services/env.ts. */
const READS = [
  /Deno\.env\.(?:get|has)\("(\w+)"\)/g,
  /\breadUrl\("(\w+)"/g,
  /"(\w+)"(?=[^\n]*\]\.map\(\(name\) => Deno\.env)/g,
  /\b([A-Z][A-Z0-9_]*):(?=[^\n;]*\} = env\b)/g,
];
const IN_SCHEMA = /^ {2}([A-Z][A-Z0-9_]*): /gm;
const REACHES = /^(platform|services|supabase\/functions|scripts|dashboard\/vite\.config)/;

Deno.test(".env.example names each variable that the product reads, and no other", async () => {
  const sources = (await readSources()).filter(({ path }) => REACHES.test(path) && !path.includes("__tests__"));
  const read = sources.flatMap(({ path, text }) =>
    [...READS, ...path === "services/env.ts" ? [IN_SCHEMA] : []].flatMap((pattern) =>
      [...text.matchAll(pattern)].map(([, name = ""]) => name)
    )
  );
  assertEquals([...listed.keys()].sort(), [...new Set(read)].sort());
});

Deno.test("the values of .env.example are the defaults, and none is a secret", () => {
  const required = { SUPABASE_URL: "https://example.com", SUPABASE_SECRET_KEY: "sb_secret_x" };
  const values = Object.fromEntries([...listed].filter(([, value]) => value));
  assertEquals(readEnv({ ...required, ...values }), readEnv(required));
  assertEquals(Object.keys(values).filter((name) => /KEY|TOKEN|PASSWORD|SECRET/.test(name)), []);
});

Deno.test("each variable of .env.example has a comment", () => {
  const bare = [...example.matchAll(/^(.*)\n#?([A-Z][A-Z0-9_]*)=/gm)].filter(([, before = ""]) => !/^# \S/.test(before));
  assertEquals(bare.map(([, , name]) => name), []);
});
