import { assert, assertEquals } from "@std/assert";
import { until } from "../../testing/wait.ts";
import { createFunctionHost } from "../functions.ts";

Deno.test("a function receives the settings of every part and no other variable of the platform", async () => {
  const folder = await Deno.makeTempDir({ prefix: "sync-functions-" });
  await Deno.writeTextFile(`${folder}/deno.json`, "{}");
  await Deno.mkdir(`${folder}/echo`);
  await Deno.writeTextFile(`${folder}/echo/index.ts`, "Deno.serve(() => Response.json(Deno.env.toObject()));");
  const settings = {
    VIS_USERNAME: "vis",
    SYNC_CONCURRENCY: "2",
    SMTP_URL: "smtps://mail.test:465",
    ALERT_HEARTBEAT_URL: "https://heartbeat.test/",
    PROMETHEUS_TOKEN: "a",
    BADGE_TOKEN: "b",
  };
  const set = { ...settings, A_SECRET_OF_THE_SHELL: "c" };
  for (const [name, value] of Object.entries(set)) Deno.env.set(name, value);
  const alive = new Set<number>();
  const host = createFunctionHost({
    folder,
    env: () => ({ SUPABASE_URL: "http://127.0.0.1:1" }),
    write: () => {},
    onProcess: (_name, pid, isAlive) => void (isAlive ? alive.add(pid) : alive.delete(pid)),
  });
  try {
    const response = await host.serve("echo", new Request("http://127.0.0.1/functions/v1/echo"));
    const received = await response.json() as Record<string, string>;
    const found = Object.fromEntries(Object.entries(received).filter(([name]) => name in set || name === "SUPABASE_URL"));
    assertEquals(found, { ...settings, SUPABASE_URL: "http://127.0.0.1:1" });
    assertEquals([host.has("echo"), host.has("deno.json"), alive.size], [true, false, 1]);
  } finally {
    await host.stop();
    for (const name of Object.keys(set)) Deno.env.delete(name);
    await Deno.remove(folder, { recursive: true });
  }
  assertEquals(alive.size, 0);
});

/** A host of one function that answers its process id. */
async function hostOf(source: string, options: { maxWorkerAgeMs?: number; frozenAfterMs?: number }) {
  const folder = await Deno.makeTempDir({ prefix: "sync-functions-" });
  await Deno.writeTextFile(`${folder}/deno.json`, "{}");
  await Deno.mkdir(`${folder}/echo`);
  await Deno.writeTextFile(`${folder}/echo/index.ts`, source);
  const alive = new Set<number>();
  const onProcess = (_name: string, pid: number, isAlive: boolean) => void (isAlive ? alive.add(pid) : alive.delete(pid));
  const host = createFunctionHost({ folder, env: () => ({}), write: () => {}, onProcess, ...options });
  const ask = async () => Number(await (await host.serve("echo", new Request("http://127.0.0.1/functions/v1/echo"))).text());
  return { ask, isAlive: (pid: number) => alive.has(pid), stop: () => host.stop().then(() => Deno.remove(folder, { recursive: true })) };
}

/** The ports on which a process listens. */
async function portsOf(pid: number): Promise<number[]> {
  const sockets = new Set<string>();
  for await (const { name } of Deno.readDir(`/proc/${pid}/fd`)) {
    sockets.add(await Deno.readLink(`/proc/${pid}/fd/${name}`).catch(() => ""));
  }
  const rows = (await Deno.readTextFile(`/proc/${pid}/net/tcp`)).trim().split("\n").slice(1).map((row) => row.trim().split(/\s+/));
  return rows.filter(([, , , state, , , , , , inode]) => state === "0A" && sockets.has(`socket:[${inode}]`))
    .map(([, address]) => Number.parseInt(String(address).split(":")[1] ?? "", 16));
}

Deno.test("a worker that is retired opens no further port until it exits, and its successor answers", async () => {
  const { ask, isAlive, stop } = await hostOf(`Deno.serve(() => new Response(String(Deno.pid)));`, { maxWorkerAgeMs: 2_000 });
  try {
    const retired = await ask();
    const opened = new Set(await portsOf(retired));
    assertEquals(opened.size, 1);
    // A young process ignores the signals of the debugger.
    await until("a successor", async () => await ask() !== retired);
    await until("the exit of the retired worker", async () => {
      (await portsOf(retired).catch(() => [])).forEach((port) => opened.add(port));
      return !isAlive(retired);
    });
    assertEquals(opened.size, 1, `it listened on ${[...opened]}`);
  } finally {
    await stop();
  }
});

Deno.test("a worker with a request that it does not answer receives no new request", async () => {
  const { ask, stop } = await hostOf(`Deno.serve(() => new Response(String(Deno.pid)));`, { frozenAfterMs: 0 });
  try {
    const frozen = await ask();
    Deno.kill(frozen, "SIGSTOP");
    const unanswered = ask();
    // The request is sent in one turn of the event loop.
    await new Promise((resolve) => setTimeout(resolve, 0));
    const other = await ask();
    assert(other !== frozen && !Number.isNaN(other));
    Deno.kill(frozen, "SIGKILL");
    assert(Number.isNaN(await unanswered));
    assertEquals(await ask(), other);
  } finally {
    await stop();
  }
});
