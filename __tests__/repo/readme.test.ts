import { assertEquals, assertStringIncludes } from "@std/assert";
import { z } from "zod";
import { document } from "../../testing/openapi.ts";
import { PERIODS } from "../../types/history.ts";

const readme = await Deno.readTextFile("README.md");
const ACCESS: Record<string, string> = { secret: "secret key", prometheus_token: "own token", badge_token: "own token" };
const Paths = z.record(z.string(), z.record(z.string(), z.object({ "x-access": z.string() })));

/** Each route with its access in the words of the page; the functions of the entities by name. */
async function servedRoutes(): Promise<string[]> {
  const syncs: string[] = [];
  for await (const { name } of Deno.readDir("supabase/functions")) if (name.endsWith("-sync")) syncs.push(`/${name}`);
  return Object.entries(Paths.parse(document.paths)).flatMap(([path, methods]) =>
    Object.entries(methods).flatMap(([method, { "x-access": access }]) =>
      (path === "/{function_name}" ? syncs : [path]).map((served) =>
        `${method.toUpperCase()} ${served.replace(/\{(\w+)\}/g, ":$1")}: ${ACCESS[access] ?? access}`
      )
    )
  ).sort();
}

/** Each route of the tables with its role. The paragraph before a table names the function of its paths. */
function writtenRoutes(): string[] {
  let prefix = "";
  return readme.split("\n").flatMap((line) => {
    const paragraph = /^(?:`(sync-\w+)`|The other functions)/.exec(line);
    if (paragraph) prefix = paragraph[1] ? `/${paragraph[1]}` : "/";
    const [, routes = "", role = ""] = line.split("|").map((cell) => cell.trim());
    return [...routes.matchAll(/`([A-Z]+) (\S+)`/g)].map(([, method, path]) => `${method} ${prefix}${path}: ${role}`);
  }).sort();
}

Deno.test("the tables of the README have every route with its role, and no cell over 80 characters", async () => {
  assertEquals(writtenRoutes(), await servedRoutes());
  const rows = readme.split("\n").filter((line) => line.startsWith("|"));
  assertEquals(rows.flatMap((row) => row.split("|")).filter((cell) => cell.trim().length > 80), []);
});

Deno.test("the README has the values of period, the test command and files that exist", async () => {
  const [last, ...others] = Object.keys(PERIODS).map((period) => `\`${period}\``).reverse();
  assertStringIncludes(readme.replaceAll("\n", " "), `${others.reverse().join(", ")} or ${last}`);
  assertStringIncludes(readme, "\nnpx -y deno@2.9.6 task test ");
  for (const [, path = ""] of readme.matchAll(/\]\((?!https)([\w/.-]+)\)/g)) await Deno.stat(path);
});
