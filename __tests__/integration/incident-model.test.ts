import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { histories, playHistory } from "../../testing/incident-model.ts";
import { playHistories } from "../../testing/incident-postgres.ts";
import { MemoryStore } from "../../testing/incident-store.ts";

Deno.test("in 5,000 random histories each destination is notified of what fires, and nothing escalates, repeats, ends or opens wrongly", async () => {
  await fc.assert(
    fc.asyncProperty(histories(10, 45), async (steps) => assertEquals(await playHistory(new MemoryStore(), steps), [])),
    { numRuns: 5_000, seed: 1 },
  );
});

Deno.test("150 random histories in the database keep the same rules, and the database measures what the model measures", async () => {
  assertEquals(await playHistories(150, 2), { histories: 150, violations: [] });
});
