import { assert, assertEquals, assertMatch } from "@std/assert";
import { readSources } from "../../testing/sources.ts";

Deno.test("the import map of the functions pins the versions of the root and names every package that deployed files import", async () => {
  const [root, deployed] = await Promise.all(
    ["deno.json", "supabase/functions/deno.json"].map(async (path) =>
      JSON.parse(await Deno.readTextFile(path)).imports as Record<string, string>
    ),
  );
  for (const [name, target] of Object.entries(deployed ?? {})) {
    assertEquals(target, root?.[name], name);
    assertMatch(target, /^npm:(@[^/]+\/)?[^@/]+@\d+\.\d+\.\d+(\/|$)/);
  }
  const deployedFiles = (await readSources()).filter(({ path }) => /^(services|types|supabase\/functions)\/(?!.*__tests__)/.test(path));
  for (const { path, text } of deployedFiles) {
    for (const [, name] of text.matchAll(/^(?:import|export|\}) .*from "([^."][^"]*)"/gm)) {
      assert(name && (name in (deployed ?? {}) || name.startsWith("node:")), `${path} imports ${name}, which is not deployed`);
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
