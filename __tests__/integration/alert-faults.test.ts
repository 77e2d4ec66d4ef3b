import { assertEquals } from "@std/assert";
import type { Rpc } from "../../services/rpc.ts";
import { evaluateRules } from "../../supabase/functions/sync-alert-processor/alert-processor.ts";
import { createChannels, deliverDue } from "../../supabase/functions/sync-alert-processor/notification-service.ts";
import { TestClock } from "../../testing/clock.ts";
import { openTestDatabase } from "../../testing/database.ts";
import { testEnv } from "../../testing/env.ts";

const db = await openTestDatabase();

class Killed extends Error {}

/** Calls the database for a worker that is killed at its call number `step`, before the call, or between the call and its answer. */
function dyingRpc(step: number, isAfter: boolean): Rpc {
  let calls = 0;
  return async (fn, args) => {
    const isLast = ++calls >= step;
    if (isLast && (!isAfter || calls > step)) throw new Killed();
    const result = await db.rpc(fn, args);
    if (isLast) throw new Killed();
    return result;
  };
}

async function play(step: number, isAfter: boolean): Promise<{ ids: string[]; lines: string[] }> {
  await db.reset();
  await db.query("truncate alert_incidents, alert_evaluations, alert_notifications, alert_silences cascade");
  await db.query("delete from notification_channels where name <> 'dashboard'");
  await db.query(
    "insert into notification_channels (name, kind, config, secret) values ('hook', 'webhook', '{\"url\": \"https://receiver.test/\"}', $1)",
    [`whsec_${btoa("a secret of twenty-four by")}`],
  );
  await db.query("update alert_rules set is_active = name = 'Match Schedule Consecutive Failures', notification_channels = '[\"hook\"]'");
  const clock = new TestClock("2026-06-10T12:03:00.000Z");
  await db.query("update sync_status set last_attempt = $1, consecutive_failures = 3", [clock.asOf()]);
  const received: { id: string; line: string }[] = [];
  const channels = createChannels(testEnv(), clock, {
    fetch: (async (input: Request | string, init?: RequestInit) => {
      const request = new Request(input, init);
      const { alerts } = await request.json();
      received.push({ id: String(request.headers.get("webhook-id")), line: `${alerts[0].annotations.kind} ${alerts[0].fingerprint}` });
      return new Response();
    }) as typeof fetch,
    resolve: () => Promise.resolve(["93.184.216.34"]),
  });
  const tick = async (rpc: Rpc) => {
    try {
      await evaluateRules(rpc, clock, () => {}, "cron");
      await deliverDue(rpc, clock, () => {}, channels);
    } catch (error) {
      if (!(error instanceof Killed)) throw error;
    }
    clock.advance(61_000);
  };
  await tick(dyingRpc(step, isAfter));
  for (let minute = 0; minute < 3; minute++) await tick(db.rpc);
  await db.query("update sync_status set consecutive_failures = 0");
  await tick(dyingRpc(step, isAfter));
  for (let minute = 0; minute < 3; minute++) await tick(db.rpc);
  const byId = new Map(received.map(({ id, line }) => [id, line]));
  return { ids: [...byId.keys()], lines: [...byId.values()].map((line) => line.split(" ")[0] ?? "") };
}

for (const step of [1, 2, 3, 4, 5]) {
  for (const isAfter of [false, true]) {
    Deno.test(`a processor killed ${isAfter ? "after" : "before"} its call ${step} loses no notification and sends none with a second id`, async () => {
      const { ids, lines } = await play(step, isAfter);
      assertEquals([ids.length, ...lines], [2, "FIRING", "RESOLVED"]);
      assertEquals(await db.value("select count(*)::int from alert_incidents"), 1);
      assertEquals(await db.value("select count(*)::int from alert_notifications where status = 'SENT'"), 2);
    });
  }
}

Deno.test.afterAll(() => db.close());
