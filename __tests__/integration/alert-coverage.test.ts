import { assertEquals } from "@std/assert";
import { aNotification, aRun } from "../../testing/factories.ts";
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
    "select measure_alert_rules('2026-06-10T12:04:00Z') -> 'measurements' @? '$[*].uncovered[*].value ? (@ == null)'",
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
        array(select e from sync_status e), '2026-06-10T12:04:00Z')
      from alert_rules r where name = 'Overall Sync Success Rate Drop'`,
      [severity],
    );
  assertEquals((await covered("HIGH")).length, 1);
  assertEquals(await covered("CRITICAL"), []);
});

const discard = (id: string, at: string) =>
  db.value("select change_alert_notification($1, $2)", [{ id, action: "discard", actor: { name: "a", role: "operator" } }, at]);

/** The acts after which a destination no longer has the message about an incident, each at 12:05. */
const LOSSES: Record<string, (notification: { id: string; incident_id: string; destination_id: number }) => Promise<unknown>> = {
  "the incident ended before its delivery": async ({ incident_id, destination_id }) => {
    await aNotification(db, { incident_id, destination_id, item: { kind: "RESOLVED" }, created_at: "2026-06-10T12:04:30Z" });
    return db.value("select claim_alert_notifications('{\"limit\": 10}', '2026-06-10T12:05:00Z')");
  },
  "its delivery failed for good": async () => {
    const [group] = await db.value<{ token: string; items: { id: string }[] }[]>(
      "select claim_alert_notifications('{\"limit\": 10}', '2026-06-10T12:05:00Z')",
    );
    const reported = (await db.query<{ id: string }>("select id from alert_notifications where status = 'SENDING'")).map(({ id }) => id);
    const outcome = { token: group?.token, message_id: crypto.randomUUID(), reported, outcome: "DEAD", is_answered: true, duration_ms: 1 };
    return db.value("select record_alert_delivery($1, '2026-06-10T12:05:00Z')", [outcome]);
  },
  "a person discarded it": ({ id }) => discard(id, "2026-06-10T12:05:00Z"),
  "its delivery failed for good and a person discarded it later": async (notification) => {
    await LOSSES["its delivery failed for good"]?.(notification);
    return discard(notification.id, "2026-06-10T12:07:00Z");
  },
};

for (const [loss, lose] of Object.entries(LOSSES)) {
  Deno.test(`the runs that a notification covered at a past time are also covered after ${loss}`, async () => {
    const { evaluate, fail } = await setUpProcessor(db);
    await aRun(db, { execution_start: "2026-06-10T11:55:00Z", status: "FAILED" });
    await fail("matches_schedule", 4);
    await evaluate();
    const uncovered = (at: string) =>
      db.value<unknown[]>(
        `select private.uncovered_rates(r, array(select e from sync_status e), $1) from alert_rules r
        where name = 'Overall Sync Success Rate Drop'`,
        [`2026-06-10T12:${at}:00Z`],
      );
    const before = await uncovered("04");
    assertEquals(before.length, 1);
    const [notification] = await db.query<{ id: string; incident_id: string; destination_id: number }>("select * from alert_notifications");
    if (notification) await lose(notification);
    assertEquals(await uncovered("06"), []);
    assertEquals(await uncovered("04"), before);
    assertEquals(await uncovered("03"), [], "the evaluation measured the value before it queued the notification");
    await db.query("update alert_incidents set state = 'RESOLVED', resolved_at = '2026-06-10T12:05:30Z'");
    const changes = await db.value<string[]>(
      `select array_agg(to_char(c.at at time zone 'UTC', 'HH24:MI:SS.US')) from alert_rules r
      cross join private.value_changes(r, '2026-06-10T12:00:00Z', '2026-06-10T12:06:00Z') c (at)
      where r.name = 'Overall Sync Success Rate Drop'`,
    );
    const expected = ["12:03:00.000001", "12:05:00.000001", "12:05:30.000000"];
    assertEquals(expected.filter((change) => changes.includes(change)), expected);
  });
}

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
