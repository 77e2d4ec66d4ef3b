import { assert, assertEquals, assertMatch } from "@std/assert";

async function* sources(folder: string): AsyncGenerator<string> {
  for await (const entry of Deno.readDir(folder)) {
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory && !["node_modules", ".git", ".local", ".cov"].includes(entry.name)) yield* sources(path);
    else if (/\.tsx?$/.test(entry.name)) yield path.replace(/^\.\//, "");
  }
}
const files = await Array.fromAsync(sources("."));

/** The room a file is in, and the rooms each may import from. */
const ROOMS: [room: RegExp, mayImport: RegExp][] = [
  [/^types\//, /^types\//],
  [/^services\//, /^(types|services)\//],
  [/^supabase\/functions\/_shared\//, /^(types|services|supabase\/functions\/_shared)\//],
  [/^supabase\/functions\/([^/]+)\//, /^(types|services|supabase\/functions\/(_shared|$1))\//],
  [/^platform\//, /^(types|services|platform|supabase\/functions)\//],
  [/^dashboard\//, /^(types|dashboard)\//],
];

Deno.test("every room imports only what it may: types, services, shared, functions, platform", async () => {
  const broken: string[] = [];
  for (const file of files.filter((path) => !path.includes("__tests__"))) {
    const [room, mayImport] = ROOMS.find(([pattern]) => pattern.test(file)) ?? [];
    if (!room || !mayImport) continue;
    const own = room.exec(file)?.[1] ?? "";
    const allowed = new RegExp(mayImport.source.replace("$1", own));
    for (const [, target] of (await Deno.readTextFile(file)).matchAll(/(?:from|import)\s*\(?"(\.[^"]+)"/g)) {
      const path = new URL(target as string, `file:///${file}`).pathname.slice(1);
      if (!allowed.test(path)) broken.push(`${file} imports ${path}`);
    }
  }
  assertEquals(broken, []);
});

Deno.test("the environment is read in one file of the services, and functions read it through that", async () => {
  const readers: string[] = [];
  for (const file of files.filter((path) => /^(services|types|supabase)\//.test(path) && !path.includes("__tests__"))) {
    if ((await Deno.readTextFile(file)).includes("Deno.env")) readers.push(file);
  }
  assertEquals(readers, ["services/env.ts"]);
});

Deno.test("the deployed import map names the same versions as the root's, pinned, and nothing only tests need", async () => {
  const [root, deployed] = await Promise.all(
    ["deno.json", "supabase/functions/deno.json"].map(async (path) =>
      JSON.parse(await Deno.readTextFile(path)).imports as Record<string, string>
    ),
  );
  for (const [name, target] of Object.entries(deployed ?? {})) {
    assertEquals(target, root?.[name], name);
    assertMatch(target, /^npm:(@[^/]+\/)?[^@/]+@\d+\.\d+\.\d+(\/|$)/);
  }
  for (const file of files.filter((path) => /^(services|types|supabase\/functions)\//.test(path) && !path.includes("__tests__"))) {
    for (const [, name] of (await Deno.readTextFile(file)).matchAll(/^(?:import|export) .*from "([^."][^"]*)"/gm)) {
      assert(name && (name in (deployed ?? {}) || name.startsWith("node:")), `${file} imports ${name}, which is not deployed`);
    }
  }
});

Deno.test("every function of the folder is in config.toml, without the platform's own token check", async () => {
  const config = await Deno.readTextFile("supabase/config.toml");
  for await (const entry of Deno.readDir("supabase/functions")) {
    if (entry.isDirectory && !entry.name.startsWith("_")) {
      assertMatch(config, new RegExp(`\\[functions\\.${entry.name}\\]\\nverify_jwt = false\\nimport_map = "./functions/deno.json"`));
    }
  }
});

Deno.test("the published table of errors is the one in the code", async () => {
  const { errorTable } = await import("../../scripts/errors.ts");
  assertEquals(await Deno.readTextFile("docs/errors.md"), errorTable(), "run deno task errors");
});
