import { assertEquals } from "@std/assert";
import { readSources, resolveImport } from "../../testing/sources.ts";

/** The exempt exports: those of the public contract in `types/`, and `measure`, which `bench/bench.ts` imports by a computed path. */
const EXEMPT = /^types\/|^bench\/[\w-]+\.ts: measure$/;
const DECLARATION = /^export (?:async )?(?:abstract )?(?:function\*?|const|let|class|interface|type|enum) (\w+)/gm;
const IMPORTS = [
  /\b(?:import|export) (?:type )?(?:\w+, )?\{(?<names>[^{}]*)\} from "(?<from>[^"]+)"/g,
  /\{(?<names>[^{}]*)\} = await import\("(?<from>[^"]+)"\)/g,
  /\bimport\("(?<from>[^"]+)"\)\.then\(\(\{(?<names>[^{}]*)\}/g,
];

Deno.test("another file imports each exported name", async () => {
  const sources = await readSources();
  const imported = new Set(
    sources.flatMap(({ path, text }) =>
      IMPORTS.flatMap((pattern) => [...text.matchAll(pattern)]).flatMap(({ groups = {} }) => {
        const names = groups.names?.split(",").map((name) => name.trim().replace(/^type /, "").replace(/[ :].*/, "")) ?? [];
        return names.map((name) => `${resolveImport(path, groups.from ?? "")}: ${name}`);
      })
    ),
  );
  const exported = sources.flatMap(({ path, text }) => [...text.matchAll(DECLARATION)].map(([, name]) => `${path}: ${name}`));
  assertEquals(exported.filter((name) => !imported.has(name) && !EXEMPT.test(name)), []);
});
