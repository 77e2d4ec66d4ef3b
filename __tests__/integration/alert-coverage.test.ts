import { assertEquals } from "@std/assert";
import { aRun } from "../../testing/factories.ts";
import { setUpProcessor } from "../../testing/processor.ts";
import { openTestDatabase } from "../../testing/database.ts";

const db = await openTestDatabase();

Deno.test("a rate whose runs were all notified by an incident has no other value there, and is not notified", async () => {
  const { evaluate, fail, outbox } = await setUpProcessor(db);
  await db.query("update alert_rules set is_active = true, minimum_runs = 2 where name = 'Overall Sync Success Rate Drop'");
  for (const minute of ["50", "55"]) await aRun(db, { execution_start: `2026-06-10T11:${minute}:00Z`, status: "FAILED" });
  await fail("matches_schedule", 4);
  await evaluate();
  await evaluate();
  assertEquals(await outbox(), ["FIRING PENDING"]);
  const rate = await db.value(
    "select measure_alert_rules('2026-06-10T12:03:00Z') -> 'measurements' @? '$[*].uncovered[*].value ? (@ == null)'",
  );
  assertEquals(rate, true);
});

Deno.test.afterAll(() => db.close());
