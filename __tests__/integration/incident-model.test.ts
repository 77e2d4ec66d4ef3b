import { assertEquals } from "@std/assert";
import { playHistories } from "../../testing/incident-postgres.ts";

Deno.test("150 random histories in the database keep the same rules, and the database measures what the model measures", async () => {
  assertEquals(await playHistories(150, 2), { histories: 150, violations: [] });
});
