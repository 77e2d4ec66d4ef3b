import { assert, assertEquals } from "@std/assert";
import { run } from "../../testing/supabase-cli.ts";

const hasNpx = await run("npx", ["--version"]).then((output) => output.success, () => false);
const ignore = Deno.env.get("CI") !== "true" && !hasNpx;
const FOLDER = "supabase/functions";
const FUNCTIONS = [...Deno.readDirSync(FOLDER)].filter(({ name, isDirectory }) => isDirectory && !name.startsWith("_"))
  .map(({ name }) => `${FOLDER}/${name}/index.ts`);

const { npm, workspace } = JSON.parse(await Deno.readTextFile(`${FOLDER}/deno.lock`)) as {
  npm: Record<string, unknown>;
  workspace: { dependencies: string[] };
};
/** `name@version` of a package, without the versions of its peers. */
const plain = (key: string): string => /^@?[^@]+@[^_]+/.exec(key)?.[0] ?? key;
const locked = Object.keys(npm).map(plain).sort();

/** The packages that Deno finds for a file without a lock file. */
async function packagesOf(deno: string[], folder: string, file: string): Promise<string[]> {
  const [program = "", ...args] = [...deno, "info", "--no-lock", "--json", "--config", `${folder}/deno.json`, file];
  const { stdout } = await new Deno.Command(program, { args, stdin: "null", stderr: "null", env: { NO_COLOR: "1" } }).output();
  return Object.keys((JSON.parse(new TextDecoder().decode(stdout)) as { npmPackages: object }).npmPackages).map(plain);
}
/** This release, and the one that hosted functions resemble. */
const DENOS = [[Deno.execPath()], ["npx", "-y", "deno@2.1.14"]];

Deno.test("the lock file of the functions is complete: no function needs a package or a version that it lacks", async () => {
  const lock = ["--frozen", `--lock=${FOLDER}/deno.lock`, "--config", `${FOLDER}/deno.json`];
  const { success, text } = await run(Deno.execPath(), ["cache", ...lock, ...FUNCTIONS], { env: { NO_COLOR: "1" } });
  assert(success, text);
});

Deno.test("pinned-packages.ts imports each package that ours need, in the version of the lock file", async () => {
  const direct = workspace.dependencies.map((target) => target.replace(/^npm:/, ""));
  const pinned = [...(await Deno.readTextFile(`${FOLDER}/_shared/pinned-packages.ts`)).matchAll(/^import "npm:(@?[^@"]+@[^/"]+)/gm)];
  assertEquals(pinned.map(([, target]) => target), locked.filter((target) => !direct.includes(target)), `see ${FOLDER}/deno.lock`);
});

for (const deno of DENOS) {
  Deno.test({ name: `a deployment resolves the versions of the lock file, on ${deno.at(-1)?.replace(/^.*\//, "")}`, ignore }, async () => {
    const found = new Set<string>();
    for (const file of FUNCTIONS) for (const name of await packagesOf(deno, FOLDER, file)) found.add(name);
    assertEquals([...found].sort(), locked);
  });

  Deno.test(
    { name: `an imported version is taken before a newer one in a range, on ${deno.at(-1)?.replace(/^.*\//, "")}`, ignore },
    async () => {
      const folder = await Deno.makeTempDir({ prefix: "sync-pinned-" });
      await Deno.writeTextFile(`${folder}/deno.json`, "{}");
      await Deno.writeTextFile(`${folder}/free.ts`, 'import "npm:standardwebhooks@1.1.1";\n');
      await Deno.writeTextFile(`${folder}/pinned.ts`, 'import "./free.ts";\nimport "npm:@stablelib/base64@1.0.0";\n');
      const base64 = async (file: string) =>
        (await packagesOf(deno, folder, `${folder}/${file}`)).filter((name) => name.includes("base64"));
      assert((await base64("free.ts"))[0] !== "@stablelib/base64@1.0.0");
      assertEquals(await base64("pinned.ts"), ["@stablelib/base64@1.0.0"]);
      await Deno.remove(folder, { recursive: true });
    },
  );
}
