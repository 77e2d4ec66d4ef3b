import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { document } from "../../testing/openapi.ts";

const guide = await Deno.readTextFile("docs/client/README.md");
const client = /```ts\n([^]*?)```/.exec(guide)?.[1] ?? "";
const [, generator = "", flags = ""] = /npx (openapi-typescript@[\d.]+) openapi\.json (.*) -o api\.d\.ts/.exec(guide) ?? [];
const [, library = ""] = /`openapi-fetch` \(([\d.]+)\)/.exec(guide) ?? [];
const folder = await Deno.makeTempDir();
addEventListener("unload", () => Deno.removeSync(folder, { recursive: true }));

async function deno(...args: string[]): Promise<{ success: boolean; text: string }> {
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), { args, cwd: folder, env: { NO_COLOR: "1" } }).output();
  return { success, text: [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes)).join("") };
}

Deno.test("openapi-typescript generates the types of the guide from the document", async () => {
  await Deno.writeTextFile(`${folder}/openapi.json`, JSON.stringify(document));
  const options = { compilerOptions: { strict: true, noUncheckedIndexedAccess: true, exactOptionalPropertyTypes: true } };
  await Deno.writeTextFile(
    `${folder}/deno.json`,
    JSON.stringify({ ...options, imports: { "openapi-fetch": `npm:openapi-fetch@${library}` } }),
  );
  const made = await deno("run", "-A", "--quiet", "--no-lock", `npm:${generator}`, "openapi.json", ...flags.split(" "), "-o", "api.d.ts");
  assert(made.success, made.text);
  const types = await Deno.readTextFile(`${folder}/api.d.ts`);
  for (const name of ["SyncHealthResponse", "EntityHealthStatus", "ManualSyncRequest", "ErrorResponse"]) {
    assertStringIncludes(types, `        ${name}: {`);
  }
});

/** Possible mistakes in the client of the guide, each with the word that the error of the compiler names. */
const MISTAKES: [right: string, wrong: string, named: string][] = [
  ["data.sync_entities", "data.sync_entitys", "sync_entitys"],
  ["{ status, because }", "{ statos, because }", "statos"],
  ["data.sync_job_id", "data.job_id", "job_id"],
  ["{ code, message }: ApiError", "{ cod, message }: ApiError", "cod"],
  ["entity_type:", "entity:", "entity"],
  ['"HIGH"', '"URGENT"', "URGENT"],
  [', reason: "the example of the documentation"', "", "reason"],
  ['"Idempotency-Key":', '"Idempotency-Ky":', "Idempotency-Ky"],
  ["/sync-admin/manual-trigger", "/sync-admin/manual-triger", "manual-triger"],
];

Deno.test("the client of the guide compiles strictly, and the compiler refuses what the API does not have", async () => {
  const programs = [client, ...MISTAKES.map(([right, wrong]) => client.replace(right, wrong))];
  const files = programs.map((_, index) => `client-${index}.ts`);
  await Promise.all(programs.map((program, index) => Deno.writeTextFile(`${folder}/client-${index}.ts`, program)));
  const { text } = await deno("check", "--quiet", ...files);
  // Each error begins with its code and has the file and line of its mistake.
  const errors = text.split(/(?=^TS\d+ \[ERROR\])/m);
  const errorsOf = (index: number) => errors.filter((error) => error.includes(`/client-${index}.ts:`));
  assertEquals(errorsOf(0), []);
  for (const [index, [right, wrong, named]] of MISTAKES.entries()) {
    assertStringIncludes(client, right);
    assert(errorsOf(index + 1).some((error) => error.includes(named)), `${wrong || right}: ${text}`);
  }
});
