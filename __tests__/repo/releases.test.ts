import { assertEquals } from "@std/assert";
import { brokenReleases, readReleases } from "../../testing/releases.ts";
import { schemaDifference } from "../../testing/schema-diff.ts";

const isReleased = Object.keys(await readReleases()).length > 0;
const isDeclared = await Deno.stat("supabase/schemas").then(() => true, () => false);

Deno.test("supabase/schemas exists from the first release on", () => {
  assertEquals(isDeclared, isReleased);
});

Deno.test("no released migration has changed, and a new one follows them", async () => {
  assertEquals(await brokenReleases(), []);
});

Deno.test("the migrations create what supabase/schemas declares", async () => {
  if (!isDeclared) return;
  assertEquals(await schemaDifference(), { statements: [], rows: [] }, "write the difference with deno task migration");
});
