// The models that the integration suite compares with the database.
import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { histories, playHistory } from "../../testing/incident-model.ts";
import { MemoryStore } from "../../testing/incident-store.ts";
import { MemoryOutbox, outboxHistories, playHistory as playOutbox } from "../../testing/outbox-model.ts";

Deno.test("in 5,000 random histories each destination is notified of what fires, and nothing escalates, repeats, ends or opens wrongly", async () => {
  await fc.assert(
    fc.asyncProperty(histories(10, 45), async (steps) => assertEquals(await playHistory(new MemoryStore(), steps), [])),
    { numRuns: 5_000, seed: 1 },
  );
});

Deno.test("in 5,000 random histories each recipient's last message about an incident is its state, and none is early, lost or doubled", async () => {
  const start = Date.parse("2026-06-10T12:00:00Z");
  await fc.assert(
    fc.asyncProperty(outboxHistories(10, 60), async (steps) => assertEquals(await playOutbox(new MemoryOutbox(), steps, start), [])),
    { numRuns: 5_000, seed: 1 },
  );
});
