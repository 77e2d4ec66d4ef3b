import { assertEquals, assertMatch } from "@std/assert";
import type { Page } from "playwright-core";
import { headersOf } from "../../platform/dashboard.ts";
import { startStack } from "../../platform/stack.ts";
import { findChromium, launch } from "../../testing/browser.ts";
import { run } from "../../testing/supabase-cli.ts";

// The tests open the page of the platform, and a build for another origin on a host that reads `_headers`, such as Netlify.
const executable = await findChromium();
if (!executable && Deno.env.get("CI") === "true") throw new Error("CI=true needs Chromium: install it first (.ci/run does)");
const ignore = executable === null;
const folder = await Deno.makeTempDir({ prefix: "sync-headers-" });
const stack = executable ? await startStack({ port: 0, folder: `${folder}/data`, write: () => {} }) : null;
const browser = executable ? await launch(executable) : null;
const account = stack?.state.accounts.find(({ role }) => role === "viewer");
/** The requests to a site of a third party, which answers every origin. */
const visits: string[] = [];
const site = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, (request) => {
  const { pathname, searchParams } = new URL(request.url);
  visits.push(pathname);
  const frame = `<iframe src="${searchParams.get("frame")}"></iframe>`;
  return new Response(frame, { headers: { "content-type": "text/html", "access-control-allow-origin": "*" } });
});
const elsewhere = `http://127.0.0.1:${site.addr.port}`;
const host = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, async (request) => {
  const path = new URL(request.url).pathname.replace(/\/$/, "/index.html");
  const file = await Deno.readFile(`${folder}/dist${path}`).catch(() => null);
  if (!file) return new Response(null, { status: 404 });
  const headers = headersOf(await Deno.readTextFile(`${folder}/dist/_headers`), path);
  const types: Record<string, string> = { html: "text/html", js: "text/javascript", css: "text/css", svg: "image/svg+xml" };
  headers.set("content-type", types[path.split(".").at(-1) ?? ""] ?? "application/json");
  return new Response(file, { headers });
});
const addresses: Record<string, () => Promise<string>> = {
  "on one machine": async () => {
    await stack?.pageReady;
    return String(stack?.base);
  },
  "on a static host": async () => {
    const env = { SUPABASE_URL: String(stack?.base), SUPABASE_PUBLISHABLE_KEY: String(stack?.state.keys.publishable) };
    const built = await run(Deno.execPath(), ["task", "build", "--outDir", `${folder}/dist`, "--emptyOutDir"], { cwd: "dashboard", env });
    assertEquals([built.success, built.text], [true, built.text]);
    return `http://127.0.0.1:${host.addr.port}`;
  },
};

async function newPage(): Promise<{ page: Page; messages: string[] }> {
  if (!browser) throw new Error("this test needs Chromium");
  const page = await (await browser.newContext()).newPage();
  const messages: string[] = [];
  page.on("console", (message) => messages.push(message.text()));
  return { page, messages };
}

/** The result of a fetch from the page, or the directive that refused it. */
const fetchFrom = (page: Page, url: string): Promise<string> =>
  page.evaluate(async (url) => {
    const refused = new Promise<string>((resolve) =>
      addEventListener("securitypolicyviolation", (event) =>
        resolve((event as unknown as { effectiveDirective: string }).effectiveDirective), {
        once: true,
      })
    );
    return await fetch(url).then((response) =>
      String(response.status), () =>
      refused);
  }, url);

for (const [where, start] of Object.entries(addresses)) {
  Deno.test({ name: `${where} the page signs in, no other site can frame it, and it can call no other origin`, ignore }, async () => {
    const address = await start();
    const { page, messages } = await newPage();
    await page.goto(`${address}/`);
    await page.getByLabel("Email").fill(String(account?.email));
    await page.getByLabel("Password").fill(String(account?.password));
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.getByRole("heading", { name: "Overview" }).waitFor();
    assertEquals(messages.filter((text) => text.includes("Content Security Policy")), []);
    visits.length = 0;
    for (const url of [elsewhere, "https://zyxwvutsrqponmlkjihg.supabase.co/rest/v1/"]) {
      assertEquals(await fetchFrom(page, url), "connect-src", url);
    }
    assertEquals(visits, [], "the request was not sent");
    await page.context().close();

    const other = await newPage();
    await other.page.goto(`${elsewhere}/?frame=${encodeURIComponent(`${address}/`)}`);
    assertMatch(String(other.page.frames()[1]?.url()), /^chrome-error:/);
    assertMatch(other.messages.join("\n"), /Framing '.*' violates .*frame-ancestors 'none'/);
    await other.page.context().close();
  });
}

Deno.test({ name: "a page under another host name of this machine cannot read the platform", ignore }, async () => {
  const { page } = await newPage();
  const { port } = new URL(String(stack?.base));
  const response = await page.goto(`http://rebound.localhost:${port}/config.json`);
  assertEquals([response?.status(), (await response?.text())?.includes("sb_publishable")], [421, false]);
  await page.context().close();
});

Deno.test.afterAll(async () => {
  await Promise.all([site.shutdown(), host.shutdown()]);
  await browser?.close();
  await stack?.stop();
  await Deno.remove(folder, { recursive: true });
});
