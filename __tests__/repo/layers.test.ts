import { assertEquals } from "@std/assert";
import { hasComputedImport, importsOf, readSources } from "../../testing/sources.ts";

/** The files of each layer and the files that they may import, in import order; `$1` is the first group of the path of the file. */
const LAYERS: [files: RegExp, mayImport: string][] = [
  [/^(.+\/)?__tests__\//, "(types|services|supabase/functions|platform|testing|scripts|dashboard/src|$1__tests__)/|dashboard/headers.ts"],
  [/^types\//, "types/"],
  [/^services\//, "(types|services)/"],
  [/^supabase\/functions\/_shared\//, "(types|services|supabase/functions/_shared)/"],
  // sync-admin tests a channel with the senders of the alert processor.
  [/^supabase\/functions\/sync-admin\//, "(types|services|supabase/functions/(_shared|sync-admin|sync-alert-processor))/"],
  [/^supabase\/functions\/([^/]+)\//, "(types|services|supabase/functions/_shared|supabase/functions/$1)/"],
  // deno.json has the version of the project.
  [/^platform\//, "(types|services|supabase/functions|platform)/|deno.json"],
  [/^testing\//, "(types|services|supabase/functions|platform|testing)/"],
  [/^bench\//, "(types|services|supabase/functions|platform|testing|bench)/"],
  [/^scripts\//, "(types|services|supabase/functions|platform|testing|scripts)/"],
  [/^dashboard\//, "(types|dashboard)/"],
  [/^docs\//, "types/"],
];

/**
 * The files with a dynamic import of a computed path: of a benchmark by name, of a served function, of the platform after the first printed
 * line, and of a program that a test writes to a file.
 */
const COMPUTED = ["__tests__/repo/cli.test.ts", "bench/bench.ts", "platform/edge-runtime.ts", "platform/start.ts"];

const isTest = (path: string): boolean => /(^|\/)__tests__\//.test(path);
const folderOfTests = (path: string): string => path.replace(/(__tests__\/).*/, "$1");
const sources = await readSources();
const imports = sources.flatMap((source) => importsOf(source).map((target) => ({ path: source.path, target })));

Deno.test("each source file belongs to a layer", () => {
  assertEquals(sources.map(({ path }) => path).filter((path) => !LAYERS.some(([files]) => files.test(path))), []);
});

Deno.test("each file imports only from its own layer and the layers before it", () => {
  const refused = imports.filter(({ path, target }) => {
    const [files, mayImport = ""] = LAYERS.find(([pattern]) => pattern.test(path)) ?? [];
    const own = files?.exec(path)?.[1] ?? "";
    return !new RegExp(`^(${mayImport.replace("$1", () => own)})`).test(target);
  });
  assertEquals(refused, []);
});

Deno.test("a __tests__ folder is imported only from inside it", () => {
  assertEquals(imports.filter(({ path, target }) => isTest(target) && folderOfTests(path) !== folderOfTests(target)), []);
});

Deno.test("only the listed dynamic imports compute their path", () => {
  assertEquals(sources.filter(hasComputedImport).map(({ path }) => path), COMPUTED);
});

Deno.test("services, types and functions read the environment in one file", () => {
  const deployed = sources.filter(({ path }) => /^(services|types|supabase)\//.test(path) && !isTest(path));
  assertEquals(deployed.filter(({ text }) => text.includes("Deno.env")).map(({ path }) => path), ["services/env.ts"]);
});
