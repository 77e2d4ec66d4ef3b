import { assertEquals } from "@std/assert";
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
