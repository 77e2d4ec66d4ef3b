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

Deno.test("an incident covers its runs for a rate of no higher severity", async () => {
  const { evaluate, fail } = await setUpProcessor(db);
  await aRun(db, { execution_start: "2026-06-10T11:55:00Z", status: "FAILED" });
  await fail("matches_schedule", 4);
  await evaluate();
  const covered = (severity: string) =>
    db.value<unknown[]>(
      `select private.uncovered_rates(jsonb_populate_record(r, jsonb_build_object('severity', $1::text)),
        array(select e from sync_status e), '2026-06-10T12:03:00Z')
      from alert_rules r where name = 'Overall Sync Success Rate Drop'`,
      [severity],
    );
  assertEquals((await covered("HIGH")).length, 1);
  assertEquals(await covered("CRITICAL"), []);
});

Deno.test("the success rate of all syncs is the lowest of those with enough runs", async () => {
  await setUpProcessor(db);
  await db.query("update alert_rules set is_active = name = 'Overall Sync Success Rate Drop', minimum_runs = 4");
  const measure = async () => {
    const { measurements: [rate] } = await db.value<{ measurements: { value: number; runs: number; evidence: { lowest: string } }[] }>(
      "select measure_alert_rules('2026-06-10T12:03:00Z')",
    );
    return [rate?.value, rate?.runs, rate?.evidence.lowest];
  };
  const runs = async (entity_type: string, status: string, hours: number[]) => {
    for (const hour of hours) {
      await aRun(db, { entity_type, status, execution_start: `2026-06-10T${String(hour).padStart(2, "0")}:00:00Z` });
    }
  };
  await runs("matches_schedule", "SUCCEEDED", [1, 2, 3, 4, 5]);
  await runs("tournaments", "FAILED", [1, 2, 3]);
  assertEquals(await measure(), [1, 5, "matches_schedule"]);
  await runs("tournaments", "FAILED", [4]);
  assertEquals(await measure(), [0, 4, "tournaments"]);
});

Deno.test.afterAll(() => db.close());
