import { assert, assertEquals, assertMatch } from "@std/assert";
import { VERSION } from "../../services/version.ts";
import { readSources } from "../../testing/sources.ts";

const importMap = async (path: string): Promise<Record<string, string>> => JSON.parse(await Deno.readTextFile(path)).imports;
const root = await importMap("deno.json");

Deno.test("each import map pins its packages to exact versions, and the root has none of the peers of the queue benchmark", async () => {
  const peers = await importMap("bench/peers/deno.json");
  const maps = [root, peers, await importMap("dashboard/deno.json"), await importMap("supabase/functions/deno.json")];
  const packages = maps.flatMap((map) => Object.values(map)).filter((target) => !target.startsWith("./"));
  assertEquals(packages.filter((target) => !/^npm:(@[^/]+\/)?[^@/]+@\d+\.\d+\.\d+(-[\w.]+)?(\/|$)/.test(target)), []);
  // The peers have the same driver as the platform.
  assertEquals(Object.keys(peers).filter((name) => name in root), ["pg"]);
  assertEquals(peers.pg, root.pg);
});

Deno.test("the functions have the version of the project", async () => {
  assertEquals(VERSION, JSON.parse(await Deno.readTextFile("deno.json")).version);
});

Deno.test("the functions have the versions of the root, and their import map names every package that deployed files import", async () => {
  const deployed = await importMap("supabase/functions/deno.json");
  for (const [name, target] of Object.entries(deployed)) assertEquals(target, root[name], name);
  const deployedFiles = (await readSources()).filter(({ path }) => /^(services|types|supabase\/functions)\/(?!.*__tests__)/.test(path));
  for (const { path, text } of deployedFiles) {
    for (const [, name] of text.matchAll(/^(?:import|export|\}) .*from "([^."][^"]*)"/gm)) {
      assert(name && (name in deployed || name.startsWith("node:")), `${path} imports ${name}, which is not deployed`);
    }
  }
});

Deno.test("config.toml lists each function with verify_jwt = false, because the functions check tokens themselves", async () => {
  const config = await Deno.readTextFile("supabase/config.toml");
  for await (const entry of Deno.readDir("supabase/functions")) {
    if (entry.isDirectory && !entry.name.startsWith("_")) {
      assertMatch(config, new RegExp(`\\[functions\\.${entry.name}\\]\\nverify_jwt = false\\nimport_map = "./functions/deno.json"`));
    }
  }
});

Deno.test("docs/errors.md is generated from the error table in the code", async () => {
  const { errorTable } = await import("../../scripts/errors.ts");
  assertEquals(await Deno.readTextFile("docs/errors.md"), errorTable(), "run deno task errors");
});

Deno.test("docs/notifications.md shows the messages as the code writes them", async () => {
  const { notificationsPage } = await import("../../scripts/notifications.ts");
  assertEquals(await Deno.readTextFile("docs/notifications.md"), await notificationsPage(), "run deno task notifications");
});
