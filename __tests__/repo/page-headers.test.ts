import { assertEquals, assertMatch } from "@std/assert";
import { ASSETS, headersFile, metaPolicy, pageHeaders } from "../../dashboard/headers.ts";
import { headersOf } from "../../platform/dashboard.ts";

const PROJECT = "https://abcdefghijklmnopqrst.supabase.co";
const guide = await Deno.readTextFile("docs/deploy.md");
const block = (language: string): string => new RegExp(`\`\`\`${language}\n([^]*?)\`\`\``).exec(guide)?.[1] ?? "";
const pairs = (text: string, pattern: RegExp): Record<string, string> =>
  Object.fromEntries([...text.matchAll(pattern)].map(([, name = "", value = ""]) => [name, value]));

Deno.test("the nginx example of docs/deploy.md sends each header of the page and no other, also with errors", () => {
  const example = block("nginx");
  assertEquals(pairs(example, /^ {2}add_header ([\w-]+) "(.*)" always;$/gm), pageHeaders(PROJECT));
  // An `add_header` of a location replaces the headers of the server, so no location has one.
  assertEquals(example.match(/add_header/g)?.length, Object.keys(pageHeaders()).length);
});

Deno.test("the Caddy example of docs/deploy.md sends each header of the page and no other", () => {
  const example = block("caddy");
  assertEquals(pairs(example, /^ {4}([\w-]+) "(.*)"$/gm), pageHeaders(PROJECT));
  assertEquals(example.includes(`header ${ASSETS.path} Cache-Control "${ASSETS.headers["Cache-Control"]}"`), true);
});

Deno.test("a _headers file has the headers for every path, within the limits of Cloudflare Pages", () => {
  const file = headersFile(PROJECT);
  for (const path of ["/", "/index.html", "/assets/page-1a2b.js", "/config.json"]) {
    const found = headersOf(file, path);
    for (const [name, value] of Object.entries(pageHeaders(PROJECT))) assertEquals(found.get(name), value, path);
    assertEquals(found.get("cache-control"), path.startsWith("/assets/") ? ASSETS.headers["Cache-Control"] : null);
  }
  assertEquals(file.split("\n").filter((line) => line.length > 2_000), []);
});

Deno.test("the policy names only the own origin and that of the project, without a wildcard or an unsafe source", () => {
  const { "Content-Security-Policy": policy = "" } = pageHeaders(PROJECT);
  assertMatch(policy, /^default-src 'none'; .*connect-src 'self' https:\/\/abcdefghijklmnopqrst\.supabase\.co;.*; frame-ancestors 'none'$/);
  assertEquals(/\*|unsafe|https?:(?!\/\/abcdefghijklmnopqrst\.supabase\.co;)/.test(policy), false);
  assertEquals(metaPolicy(PROJECT), policy.replace("; frame-ancestors 'none'", ""));
  assertMatch(metaPolicy(), /connect-src 'self';/);
});
