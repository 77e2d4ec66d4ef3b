import { startStack } from "../platform/stack.ts";
import { findChromium, launch, visit, type Visitor } from "./browser.ts";
import { copyFolder } from "./database.ts";
import { until } from "./wait.ts";

type Role = "viewer" | "operator" | "admin";

/**
 * A stack and a browser for the tests of one file: `test` signs in with a role, `query` is SQL, `service` a request with the secret key,
 * and `upstream` sets or clears a fault of the stand-in for VIS. Without Chromium, the tests are ignored, and in CI they fail. After the
 * first runs no cron job runs and no run is due: a sync runs when a test triggers it, and rules are evaluated after a failed run.
 */
export async function browserStack() {
  const executable = await findChromium();
  if (!executable && Deno.env.get("CI") === "true") throw new Error("CI=true needs Chromium: install it first (.ci/run does)");
  const folder = await Deno.makeTempDir({ prefix: "sync-browser-" });
  // The stack opens a migrated database, so that no file waits for the migrations.
  const template = Deno.env.get("TEST_TEMPLATE");
  if (template) await copyFolder(`${template}/db`, `${folder}/db`);
  // The short delay keeps a run with a failure of each tournament below a minute, most of which is the wait between attempts.
  Deno.env.set("VIS_RETRY_MIN_MS", "100");
  const stack = executable ? await startStack({ port: 0, folder, write: () => {} }) : null;
  // An evaluation would end an incident that a test adds, because its condition is not met.
  await stack?.database.query("select cron.unschedule(jobid) from cron.job where jobname <> 'dispatch-due-syncs'");
  const browser = executable ? await launch(executable) : null;

  function running() {
    if (!stack || !browser) throw new Error("this test needs Chromium");
    return { stack, browser };
  }
  const query = <T>(sql: string, p: unknown[] = []) => running().stack.database.query<T>(sql, p);
  const service = (path: string, method = "GET", body?: object) => {
    const { base, state } = running().stack;
    return fetch(`${base}${path}`, { method, headers: { apikey: state.keys.secret }, body: body && JSON.stringify(body) });
  };
  const upstream = async (fault: object | null) => {
    const response = await service("/vis/control", fault ? "POST" : "DELETE", fault ?? undefined);
    await response.body?.cancel();
  };
  async function settle(): Promise<void> {
    // The schedule repeats a first call that was not answered in time.
    await until(
      "the first runs to finish",
      async () => (await query("select 1 from sync_status where last_sync is not null")).length === 2,
    );
    await query("select cron.unschedule(jobid) from cron.job");
    // The next runs are due one interval from now.
    await query("update sync_status set schedule_anchor = date_trunc('minute', now())");
  }
  let settled: Promise<void> | undefined;

  function test(name: string, role: Role, act: (visitor: Visitor) => Promise<void>, settings = {}): void {
    Deno.test({
      name,
      ignore: executable === null,
      fn: async () => {
        await (settled ??= settle());
        const visitor = await visit(running().browser, running().stack, role, settings);
        try {
          await act(visitor);
        } finally {
          await visitor.leave();
        }
      },
    });
  }
  Deno.test.afterAll(async () => {
    await browser?.close();
    await stack?.stop();
    await Deno.remove(folder, { recursive: true });
  });
  return { test, query, service, upstream };
}
