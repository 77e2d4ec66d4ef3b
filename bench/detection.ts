import { startStack } from "../platform/stack.ts";
import { findPostgres, startPostgres } from "../testing/postgres.ts";
import { atMost, type Report, say, table } from "./report.ts";

const SAMPLES = 30;
const MINUTE = 60_000;
const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

interface Arrival {
  entity: string;
  rule: string;
  at: number;
}

/**
 * Measures the time from a fault to the request at a webhook receiver on the running stack. The faults are a failed run, a failed run whose
 * call of the processor is lost, and a missed run.
 */
export async function measure(): Promise<Report> {
  const bin = await findPostgres();
  const server = bin ? await startPostgres(bin) : null;
  const folder = await Deno.makeTempDir({ prefix: "sync-bench-" });
  const arrivals: Arrival[] = [];
  const receiver = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, async (request) => {
    const at = Date.now();
    const { alerts } = await request.json() as { alerts: { labels: { entity_type: string; alertname: string } }[] };
    for (const { labels } of alerts) arrivals.push({ entity: labels.entity_type, rule: labels.alertname, at });
    return new Response();
  });
  const stack = await startStack({ port: 0, folder, databaseUrl: server?.url, write: () => {} });
  try {
    const { database } = stack;
    await database.query(
      "insert into notification_channels (name, kind, config, secret, group_window, hourly_limit) values ('hook', 'webhook', $1, $2, '0', 10000)",
      [{ url: `http://127.0.0.1:${receiver.addr.port}/` }, `whsec_${btoa("a secret of twenty-four by")}`],
    );
    await database.query("update alert_rules set is_active = false");
    // No cron job dispatches these entities; the due time of the missed ones is random within the next four minutes.
    const entities = Array.from({ length: SAMPLES }, (_, index) => index);
    const watch = async (kind: string, metric: string, threshold: number) => {
      for (const index of entities) {
        const name = `${kind}_${index}`;
        await database.query(
          `insert into sync_status (entity_type, title, function_name, sync_frequency, grace, max_runtime, last_attempt, created_at)
          values ($1, initcap(replace($1, '_', ' ')), 'match-schedule-sync', '1 day', '0', '5 minutes', now(), now() - interval '2 days')`,
          [name],
        );
        await database.query("delete from alert_rules where entity_type = $1", [name]);
        await database.query(
          `insert into alert_rules (name, entity_type, metric, threshold, evaluation_window, severity, notification_channels, minimum_runs)
          values ($1, $2, $3, $4, '1 hour', 'HIGH', '["hook"]', 0)`,
          [`${kind} ${index}`, name, metric, threshold],
        );
      }
    };
    await watch("event", "consecutive_failures", 1);
    await watch("cut", "consecutive_failures", 1);
    await watch("missed", "sync_overdue", 1);
    const faults = new Map<string, number>();
    const missed = entities.map(async (index) => {
      const due = new Date(Date.now() + 5_000 + Math.random() * 4 * MINUTE);
      faults.set(`missed_${index}`, due.getTime());
      await database.query("update sync_status set schedule_anchor = $2 where entity_type = $1", [`missed_${index}`, due.toISOString()]);
    });
    await Promise.all(missed);
    const cut = entities.map(async (index) => {
      await sleep(Math.random() * 4 * MINUTE);
      const at = Date.now();
      // This is the update of close_run without its call of the alert processor.
      await database.query("update sync_status set consecutive_failures = 1 where entity_type = $1", [`cut_${index}`]);
      faults.set(`cut_${index}`, at);
    });
    for (const index of entities) {
      await sleep(2_000 + Math.random() * 4_000);
      const execution_id = crypto.randomUUID();
      const run = { execution_id, entity_type: `event_${index}`, trigger: "CRON", wall_clock_ms: 60_000 };
      await database.query("select start_sync_execution($1)", [run]);
      const at = Date.now();
      await database.query("select finish_sync_execution($1)", [{ execution_id, status: "FAILED", reason: "bench", counters: {} }]);
      faults.set(`event_${index}`, at);
    }
    await Promise.all(cut);
    for (let waited = 0; waited < 90 && faults.size > new Set(arrivals.map(({ entity }) => entity)).size; waited++) await sleep(1_000);
    const figures: Record<string, unknown> = { samples: SAMPLES, database: server ? "postgres" : "embedded" };
    const p95: Record<string, number> = {};
    const rows = ["event", "cut", "missed"].map((kind) => {
      const seconds = entities.map((index) => {
        const arrival = arrivals.find(({ entity }) => entity === `${kind}_${index}`);
        return arrival ? (arrival.at - (faults.get(`${kind}_${index}`) ?? NaN)) / 1000 : Infinity;
      }).sort((a, b) => a - b);
      const at = (share: number) => seconds[Math.min(Math.ceil(share * seconds.length) - 1, seconds.length - 1)] ?? Infinity;
      p95[kind] = at(0.95);
      figures[kind] = { p50_s: at(0.5), p95_s: at(0.95), worst_s: seconds.at(-1) };
      return [kind, at(0.5), at(0.95), seconds.at(-1) ?? Infinity];
    });
    const repeated = arrivals.length - new Set(arrivals.map(({ entity }) => entity)).size;
    say(`${SAMPLES} of each, from fault to webhook, on ${figures.database}; notified more than once: ${repeated}`);
    table(["path", "p50 s", "p95 s", "worst s"], rows);
    return {
      figures: { ...figures, notified_twice: repeated },
      bars: [
        atMost("event p95 s", p95.event ?? Infinity, 2),
        atMost("event cut p95 s", p95.cut ?? Infinity, 65),
        atMost("missed p95 s", p95.missed ?? Infinity, 65),
        atMost("notified twice", repeated, 0),
      ],
    };
  } finally {
    await stack.stop();
    await receiver.shutdown();
    await server?.stop();
    await Deno.remove(folder, { recursive: true });
  }
}
