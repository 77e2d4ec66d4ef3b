import { assertEquals, assertMatch } from "@std/assert";
import { createDashboard } from "../dashboard.ts";

const folder = await Deno.makeTempDir({ prefix: "sync-page-" });
await Deno.mkdir(`${folder}/assets`);
for (const name of ["index.html", "favicon.svg", ".env.js", "notes.txt", "assets/page-1a2b.js", "assets/page-1a2b.css"]) {
  await Deno.writeTextFile(`${folder}/${name}`, name);
}
const config = { url: "http://127.0.0.1:1", publishable_key: "key" };
const serve = createDashboard(config, folder);

for (
  const [path, content, type, cache] of [
    ["/", "index.html", "text/html; charset=utf-8", "no-cache"],
    ["/index.html", "index.html", "text/html; charset=utf-8", "no-cache"],
    ["/favicon.svg", "favicon.svg", "image/svg+xml", "no-cache"],
    ["/config.json", JSON.stringify(config), "application/json", "no-cache"],
    ["/assets/page-1a2b.js", "assets/page-1a2b.js", "text/javascript; charset=utf-8", "public, max-age=31536000, immutable"],
    ["/assets/page-1a2b.css", "assets/page-1a2b.css", "text/css; charset=utf-8", "public, max-age=31536000, immutable"],
  ] as const
) {
  Deno.test(`the page's file ${path} has its type, its caching and the policy against other scripts`, async () => {
    const response = await serve(path);
    const { body, headers } = response ?? { body: null, headers: new Headers() };
    const text = await new Response(headers.get("content-encoding") ? body?.pipeThrough(new DecompressionStream("gzip")) : body).text();
    assertEquals([text, headers.get("content-type"), headers.get("cache-control")], [content, type, cache]);
    assertMatch(headers.get("content-security-policy") ?? "", /^default-src 'none'; script-src 'self';/);
    assertEquals(headers.get("x-content-type-options"), "nosniff");
  });
}

for (
  const path of [
    "/.env.js",
    "/notes.txt",
    "/missing.js",
    "/assets",
    "/assets/",
    "/assets/../index.html",
    "/sub/index.html",
    "/..%2findex.html",
  ]
) {
  Deno.test(`the page has no file ${path}`, async () => assertEquals(await serve(path), null));
}

Deno.test.afterAll(() => Deno.remove(folder, { recursive: true }));
