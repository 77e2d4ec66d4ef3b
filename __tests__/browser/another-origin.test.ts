import { assert, assertEquals } from "@std/assert";
import type { createClient, FunctionsHttpError, SupabaseClient } from "@supabase/supabase-js";
import type { Page } from "playwright-core";
import { startStack } from "../../platform/stack.ts";
import { findChromium, launch } from "../../testing/browser.ts";
import { until } from "../../testing/wait.ts";

// A page of another origin uses the project with the unmodified client library, as the program of a third party does.
const executable = await findChromium();
if (!executable && Deno.env.get("CI") === "true") throw new Error("CI=true needs Chromium: install it first (.ci/run does)");
const folder = await Deno.makeTempDir({ prefix: "sync-origin-" });
const stack = executable ? await startStack({ port: 0, folder, write: () => {} }) : null;
const browser = executable ? await launch(executable) : null;
const script = executable ? await bundle() : "";
const site = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, (request) => {
  const isScript = new URL(request.url).pathname === "/client.js";
  const [type, body] = isScript ? ["text/javascript", script] : ["text/html", '<script type="module" src="/client.js"></script>'];
  return new Response(body, { headers: { "content-type": type } });
});

async function bundle(): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["bundle", "--quiet", "--platform", "browser", new URL("client-of-another-origin.ts", import.meta.url).pathname],
  }).output();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
  return new TextDecoder().decode(stdout);
}

/** The values that the page keeps between two evaluations. */
declare global {
  var client: SupabaseClient;
}
type PageScope = { createClient: typeof createClient };

/** The page of the other origin, after the user of the role has signed in; null does not sign in. */
async function openPage(role: string | null): Promise<Page> {
  if (!stack || !browser) throw new Error("this test needs Chromium");
  const page = await (await browser.newContext()).newPage();
  await page.goto(`http://127.0.0.1:${site.addr.port}/`);
  await page.waitForFunction("typeof createClient === 'function'");
  const { base, state } = stack;
  const account = state.accounts.find((candidate) => candidate.role === role) ?? null;
  const refused = await page.evaluate(async ([url, key, account]) => {
    globalThis.client = (globalThis as unknown as PageScope).createClient(url, key);
    return account && (await client.auth.signInWithPassword(account)).error?.message;
  }, [base, state.keys.publishable, account && { email: account.email, password: account.password }] as const);
  assertEquals(refused ?? null, null);
  return page;
}

interface Invocation {
  method?: "GET" | "POST";
  headers?: Record<string, string>;
  body?: Record<string, unknown>;
}
/** The status of an invocation and the code of a refusal, as the page reads them. */
const invoke = (page: Page, name: string, options: Invocation = {}): Promise<[number, string?]> =>
  page.evaluate(async ([name, options]) => {
    const { error, response } = await client.functions.invoke(name, options);
    if (!error) return [response?.status ?? 0];
    const answer = (error as FunctionsHttpError).context;
    return [answer.status, (await answer.json()).code];
  }, [name, options] as const);

/** The rows that a select finds, or the code of its refusal. */
const select = (page: Page, table: string, columns: string): Promise<number | string> =>
  page.evaluate(async ([table, columns]) => {
    const { data, error } = await client.from(table).select(columns).limit(3);
    return error ? error.code : data.length;
  }, [table, columns] as const);

const functions = [...Deno.readDirSync("supabase/functions")].filter(({ name, isDirectory }) => isDirectory && !name.startsWith("_"))
  .map(({ name }) => name);
const forPeople = { "sync-monitoring": "health-overview", "sync-admin": "jobs" };
const trigger = { entity_type: "matches_schedule", reason: "from another origin" };

function test(name: string, act: () => Promise<void>): void {
  Deno.test({
    name,
    ignore: executable === null,
    fn: async () => {
      await until(
        "the first runs",
        async () => (await stack?.database.query("select 1 from sync_status where last_sync is not null"))?.length === 2,
      );
      await act();
    },
  });
}

for (const role of ["viewer", "operator", "admin"]) {
  test(`on a page of another origin the ${role} signs in, invokes each function and selects, as far as the role may`, async () => {
    const page = await openPage(role);
    for (const [name, path] of Object.entries(forPeople)) {
      assertEquals(await invoke(page, `${name}/${path}`, { method: "GET" }), [200], name);
    }
    const internal = functions.filter((name) => !(name in forPeople));
    assert(internal.length >= 3);
    for (const name of internal) assertEquals(await invoke(page, name, { body: {} }), [401, "UNAUTHORIZED"], name);
    assertEquals(
      await invoke(page, "sync-admin/manual-trigger", { body: trigger, headers: { "idempotency-key": crypto.randomUUID() } }),
      role === "viewer" ? [403, "FORBIDDEN"] : [202],
    );
    const rule = { name: "x" };
    assertEquals(
      await invoke(page, "sync-admin/alert-rules", { body: rule }),
      role === "admin" ? [400, "BAD_REQUEST"] : [403, "FORBIDDEN"],
    );
    assertEquals([await select(page, "tournaments", "no, name"), await select(page, "sync_status", "*")], [3, 3]);
    assertEquals([await select(page, "sync_jobs", "token"), await select(page, "notification_channels", "secret")], ["42501", "42501"]);
    await page.context().close();
  });
}

test("a page of another origin that is signed out reads the tournaments and nothing else", async () => {
  const page = await openPage(null);
  assertEquals([await select(page, "tournaments", "no"), await select(page, "sync_status", "*")], [3, "42501"]);
  assertEquals(await invoke(page, "sync-monitoring/health-overview", { method: "GET" }), [401, "UNAUTHORIZED"]);
  await page.context().close();
});

test("a page of another origin reads the ETag and repeats its request with it", async () => {
  const page = await openPage("viewer");
  const statuses = await page.evaluate(async (url) => {
    const { data } = await client.auth.getSession();
    const authorization = `Bearer ${data.session?.access_token}`;
    const send = (headers: Record<string, string> = {}) =>
      fetch(`${url}/functions/v1/sync-monitoring/alerts`, { headers: { authorization, ...headers }, cache: "no-store" });
    const first = await send();
    const again = await send({ "if-none-match": first.headers.get("etag") ?? "" });
    return [first.status, again.status, first.headers.get("x-request-id") !== null];
  }, stack?.base ?? "");
  assertEquals(statuses, [200, 304, true]);
  await page.context().close();
});

Deno.test.afterAll(async () => {
  await site.shutdown();
  await browser?.close();
  await stack?.stop();
  await Deno.remove(folder, { recursive: true });
});
