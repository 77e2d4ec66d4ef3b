import { assert, assertEquals, assertMatch, assertObjectMatch } from "@std/assert";
import { createApp } from "../../supabase/functions/sync-alert-processor/app.ts";
import { createChannels } from "../../supabase/functions/sync-alert-processor/notification-service.ts";
import { readSystemStatus } from "../../supabase/functions/sync-monitoring/system-status.ts";
import { TestClock } from "../../testing/clock.ts";
import { openTestDatabase } from "../../testing/database.ts";
import { testEnv } from "../../testing/env.ts";
import { until } from "../../testing/wait.ts";

const db = await openTestDatabase();
const MINUTE = 60_000;
const RULE = "Match Schedule Consecutive Failures";

interface Alert {
  labels: Record<string, string>;
  annotations: Record<string, string>;
  startsAt: string;
  endsAt: string;
  generatorURL: string;
}

/** An Alertmanager without a configured receiver; a new one has no alerts. */
async function startAlertmanager(port: number) {
  const folder = await Deno.makeTempDir();
  await Deno.writeTextFile(`${folder}/config.yml`, "route:\n  receiver: none\nreceivers:\n  - name: none\n");
  const address = `127.0.0.1:${port}`;
  const args = [
    `--config.file=${folder}/config.yml`,
    `--storage.path=${folder}/data`,
    `--web.listen-address=${address}`,
    "--cluster.listen-address=",
  ];
  const process = new Deno.Command("prometheus-alertmanager", { args, stdout: "null", stderr: "null" }).spawn();
  const read = async (path: string) => await (await fetch(`http://${address}${path}`)).text();
  await until("Alertmanager", () => read("/-/ready").then(() => true, () => false));
  return {
    alerts: async (): Promise<Alert[]> => JSON.parse(await read("/api/v2/alerts")),
    /** The number of resolved alerts that Alertmanager received. */
    resolved: async () => Number(/alerts_received_total\{status="resolved",version="v2"\} (\d+)/.exec(await read("/metrics"))?.[1]),
    stop: async () => {
      process.kill("SIGKILL");
      await process.status;
      await Deno.remove(folder, { recursive: true });
    },
  };
}

function freePort(): number {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  listener.close();
  return listener.addr.port;
}

/** The processor with a channel to an Alertmanager at the port; both use the time of the machine. */
async function setUp(port: number) {
  await db.reset();
  await db.query("truncate alert_incidents, alert_evaluations, alert_notifications cascade");
  await db.query("delete from notification_channels where name <> 'dashboard'");
  await db.query("insert into notification_channels (name, kind, config) values ('manager', 'alertmanager', $1)", [{
    url: `http://127.0.0.1:${port}/`,
  }]);
  await db.query("update alert_rules set is_active = name = $1, notification_channels = '[\"dashboard\"]'", [RULE]);
  const clock = new TestClock(new Date(Date.now() - 20 * MINUTE).toISOString());
  const env = testEnv({ ALERT_ALLOW_PRIVATE_URLS: "true", DASHBOARD_URL: "https://monitor.test/", RUNBOOK_URL: "https://git.test/main/" });
  const work: Promise<unknown>[] = [];
  const start = () =>
    createApp({
      ...{ rpc: db.rpc, clock, env, log: () => {}, channels: createChannels(env, clock), heartbeat: () => Promise.resolve() },
      waitUntil: (task) => work.push(task),
    });
  let app = start();
  /** Evaluates the rules with this number of consecutive failures, as a call of pg_cron does. */
  const tick = async (failures: number, advanceMs = MINUTE) => {
    clock.advance(advanceMs);
    await db.query("update sync_status set last_attempt = $1, consecutive_failures = $2", [clock.asOf(), failures]);
    const request = new Request("http://x/sync-alert-processor", { method: "POST", headers: { apikey: db.keys.secret }, body: "{}" });
    assertEquals((await app.fetch(request)).status, 202);
    await Promise.all(work);
  };
  return { clock, tick, restart: () => void (app = start()) };
}

async function isInstalled(): Promise<boolean> {
  const { success } = await new Deno.Command("which", { args: ["prometheus-alertmanager"], stdout: "null" }).output();
  assert(success || Deno.env.get("CI") !== "true", "CI has prometheus-alertmanager");
  return success;
}

Deno.test("Alertmanager has our alerts while they fire and until they end, also after a restart of either side", async () => {
  if (!await isInstalled()) return;
  const port = freePort();
  let manager = await startAlertmanager(port);
  const { clock, tick, restart } = await setUp(port);
  // Alertmanager uses the time of the machine, and ends an alert only when the end of the alert is in the past.
  clock.moveTo(new Date(Date.now() - 12 * MINUTE).toISOString());
  await tick(3);
  const [alert] = await manager.alerts();
  assertObjectMatch(alert ?? {}, {
    labels: { alertname: RULE, severity: "high", entity_type: "matches_schedule", metric: "consecutive_failures" },
    annotations: { runbook_url: "https://git.test/main/docs/runbook.md#consecutive-failures" },
  });
  assertMatch(String(alert?.annotations.summary), /3 runs failed in a row/);
  assertMatch(String(alert?.generatorURL), /^https:\/\/monitor\.test\/#\/alerts\/[0-9a-f-]{36}$/);
  assertEquals(Date.parse(String(alert?.endsAt)), clock.now() + 15 * MINUTE, "a processor that is away for less loses none");
  restart();
  clock.advance(8 * MINUTE);
  assertEquals(await manager.alerts(), [alert], "it keeps them while the processor is away");
  await tick(3);
  const [kept, ...others] = await manager.alerts();
  assertEquals([kept?.startsAt, others], [alert?.startsAt, []], "a restarted processor posts the same alert");
  assertEquals(Date.parse(String(kept?.endsAt)), clock.now() + 15 * MINUTE);
  await manager.stop();
  await tick(3, 1_000);
  const failed = await db.query("select last_error, failures from notification_destinations where channel = 'manager'");
  assertEquals(failed, [{ last_error: "no connection to the receiver", failures: 0 }]);
  manager = await startAlertmanager(port);
  assertEquals(await manager.alerts(), []);
  await tick(3, 1_000);
  assertEquals((await manager.alerts()).map(({ labels }) => labels.alertname), [RULE], "an empty one has them after the next post");
  await tick(0, 1_000);
  assertEquals([await manager.alerts(), await manager.resolved()], [[], 1]);
  await manager.stop();
});

Deno.test("the outbox, the undelivered states and the channels that a rule can name have no Alertmanager", async () => {
  const { clock, tick } = await setUp(freePort());
  await db.query('update alert_rules set notification_channels = \'["dashboard", "manager"]\' where name = $1', [RULE]);
  for (let minute = 0; minute < 20; minute++) await tick(3);
  assertEquals(await db.query("select distinct channel from alert_notifications"), [{ channel: "dashboard" }]);
  assertEquals(await db.value("select count(*)::int from alert_incidents where rule_name = 'Notifications Undelivered'"), 0);
  const { components } = await readSystemStatus(db.rpc, clock);
  const message = "the last post of all alerts failed: no connection to the receiver";
  assertObjectMatch(components.find(({ name }) => name === "manager") ?? {}, { status: "FAILED", message });
  const actor = { name: "admin@example.com", id: null, role: "admin", request_id: crypto.randomUUID(), correlation_id: null };
  const rule = { notification_channels: ["manager"] };
  const id = await db.value<string>("select id from alert_rules where name = $1", [RULE]);
  const p = { id, rule, actor: { ...actor, address: null, address_is_claimed: false } };
  const refused = await db.rpc("save_alert_rule", { p }).catch((error: Error) => error.message);
  assertEquals(refused, "notification_channels: must not name manager, which receives every incident");
});

Deno.test.afterAll(() => db.close());
