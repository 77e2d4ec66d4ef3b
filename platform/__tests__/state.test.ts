import { assertEquals, assertRejects } from "@std/assert";
import { until } from "../../testing/wait.ts";
import { removeFolder, secureFolder } from "../folder.ts";
import { startStack } from "../stack.ts";
import { loadState, secretKeysOf, SetupError } from "../state.ts";

async function withFolder(act: (folder: string) => Promise<void>): Promise<void> {
  const parent = await Deno.makeTempDir({ prefix: "sync-state-" });
  try {
    await act(`${parent}/data`);
  } finally {
    await Deno.remove(parent, { recursive: true });
  }
}

Deno.test("the keys and the passwords of a data folder are created once, and only their owner reads them", () =>
  withFolder(async (folder) => {
    const created = await loadState(folder);
    assertEquals(created.accounts.map(({ role }) => role), ["viewer", "operator", "admin"]);
    assertEquals(new Set(created.accounts.map(({ password }) => password)).size, 3);
    assertEquals(await loadState(folder), created);
    const modes = [folder, `${folder}/state.json`].map((path) => (Deno.statSync(path).mode ?? 0) & 0o777);
    assertEquals(modes, [0o700, 0o600]);
  }));

Deno.test("a data folder without an audit key gets one, and keeps its other keys", () =>
  withFolder(async (folder) => {
    const { keys: { audit: _, ...keys }, accounts } = await loadState(folder);
    await Deno.writeTextFile(`${folder}/state.json`, JSON.stringify({ keys, accounts }));
    const loaded = await loadState(folder);
    assertEquals(loaded, { keys: { ...keys, audit: loaded.keys.audit }, accounts });
    assertEquals(await loadState(folder), loaded);
    assertEquals(loaded.keys.audit.length >= 32, true);
  }));

Deno.test("a damaged state is refused with a sentence that names --fresh", () =>
  withFolder(async (folder) => {
    await Deno.mkdir(folder);
    await Deno.writeTextFile(`${folder}/state.json`, '{"keys": ');
    await assertRejects(() => loadState(folder), SetupError, "state.json is damaged; start with --fresh to delete the data");
  }));

Deno.test("secret keys are created and deleted by name, are kept with the folder, and the last one stays", () =>
  withFolder(async (folder) => {
    const state = await loadState(folder);
    const store = secretKeysOf(folder, state);
    assertEquals(store.all(), { default: state.keys.secret });
    await assertRejects(() => store.delete("default"), Error, "default is the only secret key");
    const second = await store.create("second");
    await assertRejects(() => store.create("second"), Error, "a secret key second exists");
    await store.delete("default");
    await assertRejects(() => store.delete("default"), Error, "there is no secret key default");
    assertEquals(secretKeysOf(folder, await loadState(folder)).all(), { second });
  }));

const modesIn = async (folder: string): Promise<string[]> => {
  const entries = await Array.fromAsync(Deno.readDir(folder));
  const inner = await Promise.all(entries.filter(({ isDirectory }) => isDirectory).map(({ name }) => modesIn(`${folder}/${name}`)));
  const own = entries.map(({ name, isDirectory }) => `${isDirectory ? "folder" : "file"} ${octal(`${folder}/${name}`)}`);
  return [...new Set([`folder ${octal(folder)}`, ...own, ...inner.flat()])].sort();
};
const octal = (path: string): string => ((Deno.lstatSync(path).mode ?? 0) & 0o777).toString(8);

Deno.test("a data folder that others can read is made private with all that is in it, also behind a link", () =>
  withFolder(async (folder) => {
    await loadState(folder);
    await Deno.mkdir(`${folder}/db/base`, { recursive: true });
    for (const name of ["run.json", "db/PG_VERSION", "db/base/1"]) await Deno.writeTextFile(`${folder}/${name}`, "");
    const open = async () => {
      for (const name of ["db/base", "db"]) await Deno.chmod(`${folder}/${name}`, 0o755);
      for (const name of ["state.json", "run.json", "db/PG_VERSION", "db/base/1"]) await Deno.chmod(`${folder}/${name}`, 0o666);
      await Deno.chmod(folder, 0o777);
    };
    await open();
    assertEquals(await secureFolder(folder), true);
    assertEquals([await modesIn(folder), await secureFolder(folder)], [["file 600", "folder 700"], false]);
    await open();
    await Deno.symlink(folder, `${folder}-link`);
    assertEquals(await secureFolder(`${folder}-link`), true);
    assertEquals(await modesIn(folder), ["file 600", "folder 700"]);
  }));

Deno.test("under a permissive umask the platform creates a folder for its owner, and files that only the owner reads", () =>
  withFolder(async (folder) => {
    const before = Deno.umask(0);
    try {
      const stack = await startStack({ port: 0, folder, write: () => {} });
      try {
        await until("a run", async () => (await stack.database.query("select 1 from sync_status where last_sync is not null")).length);
        await stack.database.exec("checkpoint");
        assertEquals(await modesIn(folder), ["file 600", "folder 700"]);
      } finally {
        await stack.stop();
      }
      assertEquals(await modesIn(folder), ["file 600", "folder 700"]);
    } finally {
      Deno.umask(before);
    }
  }));

Deno.test("a link in a data folder is refused, and what it names is not changed", () =>
  withFolder(async (folder) => {
    await loadState(folder);
    const target = `${folder}-other`;
    await Deno.writeTextFile(target, "", { mode: 0o644 });
    await Deno.chmod(target, 0o644);
    await Deno.symlink(target, `${folder}/run.json`);
    await assertRejects(() => secureFolder(folder), SetupError, "run.json is a link; a data folder may not contain links");
    assertEquals(octal(target), "644");
  }));

Deno.test("a folder of other files is neither changed nor deleted, and a data folder behind a link is deleted with its link's target", () =>
  withFolder(async (folder) => {
    await Deno.mkdir(folder, { mode: 0o755 });
    await Deno.chmod(folder, 0o755);
    await Deno.writeTextFile(`${folder}/thesis.txt`, "");
    for (const act of [secureFolder, removeFolder]) {
      await assertRejects(() => act(folder), SetupError, "is not a data folder, because it contains thesis.txt");
    }
    assertEquals([octal(folder), octal(`${folder}/thesis.txt`)], ["755", "644"]);
    await Deno.remove(`${folder}/thesis.txt`);
    await loadState(folder);
    await Deno.symlink(folder, `${folder}-link`);
    await removeFolder(`${folder}-link`);
    await removeFolder(folder);
    assertEquals(await Deno.stat(folder).catch(() => null), null);
  }));

Deno.test(
  { name: "a data folder of another user, and a link of another user, are refused", ignore: Deno.uid() !== 0 },
  () =>
    withFolder(async (folder) => {
      const sentence = "belongs to another user of this machine; choose another folder with --data";
      await loadState(folder);
      await Deno.chown(`${folder}/state.json`, 65534, 65534);
      await assertRejects(() => secureFolder(folder), SetupError, sentence);
      await Deno.chown(`${folder}/state.json`, 0, 0);
      await Deno.chown(folder, 65534, 65534);
      await assertRejects(() => loadState(folder), SetupError, sentence);
      await Deno.chown(folder, 0, 0);
      await Deno.symlink(folder, `${folder}-link`);
      const { success } = await new Deno.Command("chown", { args: ["-h", "65534", `${folder}-link`] }).output();
      assertEquals(success, true);
      await assertRejects(() => secureFolder(`${folder}-link`), SetupError, sentence);
    }),
);

Deno.test(
  { name: "a folder in which this user may not write is refused with a sentence that says so", ignore: Deno.build.os !== "linux" },
  async () => {
    // No user can create a folder in /sys, not even root.
    await assertRejects(
      () => loadState("/sys/sync"),
      SetupError,
      "this user may not write in /sys/sync; choose another folder with --data",
    );
  },
);
