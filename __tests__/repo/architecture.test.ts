import { assertEquals } from "@std/assert";

const FOLDERS = ["", "supabase/migrations/", "supabase/functions/"];

const read = async (path: string): Promise<string | undefined> => {
  for (const folder of FOLDERS) {
    const text = await Deno.readTextFile(`${folder}${path}`).catch(() => undefined);
    if (text !== undefined) return text;
  }
  return undefined;
};

Deno.test("each file and each name of the map in docs/architecture.md exists", async () => {
  const map = await Deno.readTextFile("docs/architecture.md");
  const missing: string[] = [];
  for (const [, path = "", name] of map.matchAll(/`((?:[\w.-]+\/[\w/.-]+|\d{3}_\w+)\.(?:ts|tsx|sql))(?:: ([\w.]+))?`/g)) {
    const text = await read(path);
    if (text === undefined || (name && !new RegExp(`\\b${name.replace(".", "\\.")}\\b`).test(text))) missing.push(`${path}: ${name ?? ""}`);
  }
  for (const [, path = ""] of map.matchAll(/\]\(([\w/.-]+\.md)/g)) if (!await read(`docs/${path}`)) missing.push(path);
  assertEquals(missing, []);
});
