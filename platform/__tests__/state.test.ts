import { assertEquals, assertRejects } from "@std/assert";
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
