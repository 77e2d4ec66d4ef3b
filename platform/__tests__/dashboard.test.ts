import { assertEquals, assertMatch } from "@std/assert";
import { headersFile, pageHeaders } from "../../dashboard/headers.ts";
import { createDashboard, headersOf } from "../dashboard.ts";

const folder = await Deno.makeTempDir({ prefix: "sync-page-" });
await Deno.mkdir(`${folder}/assets`);
for (const name of ["index.html", "favicon.svg", ".env.js", "notes.txt", "assets/page-1a2b.js", "assets/page-1a2b.css"]) {
  await Deno.writeTextFile(`${folder}/${name}`, name);
}
await Deno.writeTextFile(`${folder}/_headers`, headersFile());
const config = { url: "http://127.0.0.1:1", publishable_key: "key" };
const serve = createDashboard("key", folder);
const ask = (path: string, origin = config.url) => serve(new URL(`${origin}${path}`));

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
  Deno.test(`the page's file ${path} has its type, its caching and the headers of the build`, async () => {
    const response = await ask(path);
    const headers = response?.headers ?? new Headers();
    assertEquals([await response?.text(), headers.get("content-type"), headers.get("cache-control")], [content, type, cache]);
    assertMatch(headers.get("content-security-policy") ?? "", /^default-src 'none'; script-src 'self';.* frame-ancestors 'none'$/);
    for (const [name, value] of Object.entries(pageHeaders())) assertEquals(headers.get(name), value);
  });
}

Deno.test("config.json names the address that the page came from, so that its policy allows the requests", async () => {
  const read = async (origin: string) => (await (await ask("/config.json", origin))?.json()).url;
  assertEquals([await read("http://localhost:1"), await read("http://[::1]:1")], ["http://localhost:1", "http://[::1]:1"]);
});

Deno.test("without the headers of a build no file of the page is served", async () => {
  await Deno.rename(`${folder}/_headers`, `${folder}/_moved`);
  assertEquals([await ask("/"), await ask("/config.json")], [null, null]);
  await Deno.rename(`${folder}/_moved`, `${folder}/_headers`);
  assertEquals(await ask("/_headers"), null);
});

Deno.test("the headers of each section of a _headers file count for its own paths", () => {
  const file = "/*\n  A: 1\n  B: 2\n/assets/*\n  B: 3\n/index.html\n  C: x: y\n";
  const found = (path: string) => Object.fromEntries(headersOf(file, path));
  assertEquals(found("/index.html"), { a: "1", b: "2", c: "x: y" });
  assertEquals(found("/assets/page.js"), { a: "1", b: "2, 3" });
});

for (
  const path of [
    "/.env.js",
    "/notes.txt",
    "/missing.js",
    "/assets",
    "/assets/",
    "/sub/index.html",
    "/..%2findex.html",
  ]
) {
  Deno.test(`the page has no file ${path}`, async () => assertEquals(await ask(path), null));
}

Deno.test.afterAll(() => Deno.remove(folder, { recursive: true }));
