// Past 300 lines, because the three queues are measured by the same steps, which are compared side by side.
import { type Logger, makeWorkerUtils, run as runGraphile, runOnce } from "graphile-worker";
import pg from "pg";
import { PgBoss } from "pg-boss";
import { startStack } from "../platform/stack.ts";
import { startBenchServer } from "./server.ts";
import { atLeast, atMost, median, type Report, say, table } from "./report.ts";

const JOBS = 10_000, PUT_IN = 400;
const ROUNDS = 5, CONNECTIONS = 12;
const IDLE = 40;
const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
const silent = { error() {}, warn() {}, info() {}, debug() {}, scope: () => silent } as unknown as Logger;

/**
 * A queue to measure. Jobs are enqueued one at a time, then claimed and completed one at a time by `workers`, all with the same driver.
 * Each worker has one connection: with more, graphile-worker, which does not wait for a completion, would work on two jobs at once.
 */
interface Contender {
  name: string;
  pool: pg.Pool;
  /** Enqueues `count` jobs in an empty queue. */
  enqueue(count: number): Promise<void>;
  /** Adds the jobs from number `from` to `count` in the fastest way. */
  fill(from: number, count: number): Promise<void>;
  work(workers: number): Promise<void>;
}

const inParallel = async (count: number, work: (index: number) => Promise<unknown>): Promise<void> => {
  let next = 0;
  await Promise.all(Array.from({ length: 10 }, async () => {
    while (next < count) await work(next++);
  }));
};

async function ours(pool: pg.Pool): Promise<Contender> {
  await pool.query("update sync_queue_settings set slots = 50, slots_per_entity = 50, triggers_per_minute = 1000000");
  await pool.query(
    "insert into tournaments (no, name, season, status, start_date, end_date) select (70000 + i)::text, 'Example', '2026', 6, now()::date, now()::date from generate_series(1, $1::int) i",
    [JOBS],
  );
  const actor = { name: "operator@example.com", role: "operator" };
  const calls = { claim: "private.claim_sync_job(now())", complete: "private.complete_job($1, $2, 'SUCCEEDED', 1, null, now())" };
  const call = async (name: keyof typeof calls, values: string[]): Promise<{ id: string; token: string } | null> => {
    const text = `select (job).id, (job).token from (select ${calls[name]} as job offset 0) called`;
    const { rows } = await pool.query({ name, text, values });
    return rows[0].id === null ? null : rows[0];
  };
  return {
    name: "this queue",
    pool,
    async enqueue(count) {
      await pool.query("truncate sync_jobs, manual_sync_audit cascade");
      // Paused, so that enqueueing does not dispatch.
      await pool.query("update sync_status set paused_at = now(), paused_by = 'bench'");
      await inParallel(count, (index) => {
        const p = {
          entity_type: "matches_schedule",
          tournament_no: String(70_001 + index),
          priority: "NORMAL",
          triggered_by: "bench",
          reason: "bench",
          actor,
        };
        return pool.query("select enqueue_sync_job($1)", [p]);
      });
      await pool.query("update sync_status set paused_at = null, paused_by = null");
    },
    async fill(from, count) {
      await pool.query(
        `with job as (
          insert into sync_jobs (entity_type, tournament_no, priority, triggered_by, reason, max_attempts, enqueued_at, rank_at, not_before)
          select 'matches_schedule', (70000 + i)::text, 'NORMAL', 'bench', 'bench', 3, now(), now() + i * interval '1 ms', now()
          from generate_series($1::int + 1, $2::int) i returning id, entity_type, priority
        )
        insert into manual_sync_audit (sync_job_id, entity_type, priority, triggered_by, trigger_reason)
        select id, entity_type, priority, 'bench', 'bench' from job`,
        [from, count],
      );
    },
    async work(workers) {
      await Promise.all(Array.from({ length: workers }, async () => {
        // As in the product, the transaction that completes a job claims the next one; where it found none, the queue is polled again.
        for (
          let job = await call("claim", []);
          job;
          job = await call("complete", [job.id, job.token]) ?? await call("claim", [])
        ) { /* a job has no work here */ }
      }));
    },
  };
}

async function pgBoss(pool: pg.Pool): Promise<Contender & { boss: PgBoss }> {
  const boss = new PgBoss({
    db: { executeSql: async (text: string, values?: unknown[]) => await pool.query(text, values) as never },
    supervise: false,
    schedule: false,
  });
  await boss.start();
  await boss.createQueue("bench");
  return {
    name: "pg-boss",
    pool,
    boss,
    async enqueue(count) {
      await pool.query("delete from pgboss.job");
      await inParallel(count, () => boss.send("bench", { n: 1 }));
    },
    fill: (from, count) => inParallel(count - from, () => boss.send("bench", { n: 1 })),
    async work(workers) {
      await Promise.all(Array.from({ length: workers }, async () => {
        for (;;) {
          const [job] = await boss.fetch("bench", { batchSize: 1 });
          if (!job) return;
          await boss.complete("bench", job.id);
        }
      }));
    },
  };
}

async function graphile(pool: pg.Pool): Promise<Contender> {
  const utils = await makeWorkerUtils({ pgPool: pool, logger: silent });
  await utils.migrate();
  return {
    name: "graphile-worker",
    pool,
    enqueue: (count) => inParallel(count, () => utils.addJob("bench", { n: 1 })),
    fill: (from, count) => inParallel(count - from, () => utils.addJob("bench", { n: 1 })),
    work: (workers) =>
      runOnce({ pgPool: pool, concurrency: workers, noHandleSignals: true, logger: silent, taskList: { bench: async () => {} } }),
  };
}

const timed = async (work: () => Promise<unknown>): Promise<number> => {
  const startedAt = performance.now();
  await work();
  return (performance.now() - startedAt) / 1000;
};
const percentile = (values: number[], share: number): number =>
  values.toSorted((a, b) => a - b)[Math.min(Math.ceil(share * values.length) - 1, values.length - 1)] ?? NaN;

/** Limits a pool to `count` connections and closes the others. */
async function limit(pool: pg.Pool, count: number): Promise<void> {
  const clients = await Promise.all(Array.from({ length: pool.totalCount }, () => pool.connect()));
  pool.options.max = count;
  clients.forEach((client, index) => client.release(index >= count));
}

/** Jobs per second of each queue, in alternating rounds on one server. */
async function throughput(url: string): Promise<Record<string, { enqueue: number; oneWorker: number; tenWorkers: number }>> {
  const pools = await Promise.all(["ours", "boss", "graphile"].map(async (name) => {
    const admin = new pg.Client(url);
    await admin.connect();
    await admin.query(`create database q_${name}${name === "ours" ? " template sync_template" : ""}`);
    await admin.end();
    const target = new URL(url);
    target.pathname = `/q_${name}`;
    const pool = new pg.Pool({ connectionString: target.href, max: CONNECTIONS, idleTimeoutMillis: 0 });
    pool.on("error", () => {});
    return pool;
  }));
  const [first, second, third] = pools;
  if (!first || !second || !third) throw new Error("no pools");
  const boss = await pgBoss(second);
  const contenders = [await ours(first), boss, await graphile(third)];
  const rates = new Map(
    contenders.map(({ name }) => [name, { enqueue: [] as number[], oneWorker: [] as number[], tenWorkers: [] as number[] }]),
  );
  for (let round = 0; round < ROUNDS; round++) {
    for (const { name, pool, enqueue, fill, work } of contenders) {
      for (const [workers, key] of [[1, "oneWorker"], [10, "tenWorkers"]] as const) {
        rates.get(name)?.enqueue.push(PUT_IN / await timed(() => enqueue(PUT_IN)));
        await fill(PUT_IN, JOBS);
        // Every round starts without the dead rows of the previous one: autovacuum would run at random times and favour one queue.
        await pool.query("vacuum analyze");
        await limit(pool, workers);
        rates.get(name)?.[key].push(JOBS / await timed(() => work(workers)));
        await limit(pool, CONNECTIONS);
      }
    }
  }
  await boss.boss.stop({ graceful: false });
  await Promise.all(pools.map((pool) => pool.end()));
  return Object.fromEntries(
    [...rates].map((
      [name, { enqueue, oneWorker, tenWorkers }],
    ) => [name, { enqueue: median(enqueue), oneWorker: median(oneWorker), tenWorkers: median(tenWorkers) }]),
  );
}

/** Milliseconds from the enqueueing of a job in an idle queue to the start of its work, for the queues with a resident worker. */
async function delays(url: string): Promise<Record<string, number[]>> {
  const pool = new pg.Pool({ connectionString: url, max: 12, idleTimeoutMillis: 0 });
  pool.on("error", () => {});
  const seen = new Map<string, PromiseWithResolvers<number>>();
  const measureOne = async (put: (key: string) => Promise<unknown>): Promise<number> => {
    const key = crypto.randomUUID();
    const waiting = Promise.withResolvers<number>();
    seen.set(key, waiting);
    await sleep(100 + Math.random() * 100);
    const startedAt = performance.now();
    await put(key);
    return await waiting.promise - startedAt;
  };
  const started = (key: unknown) => seen.get(String(key))?.resolve(performance.now());
  const found: Record<string, number[]> = { "graphile-worker": [], "pg-boss": [], "this queue": [] };
  const runner = await runGraphile({
    pgPool: pool,
    concurrency: 1,
    noHandleSignals: true,
    logger: silent,
    taskList: { delay: (payload) => Promise.resolve(started(Reflect.get(payload as object, "key"))) },
  });
  for (let index = 0; index < IDLE; index++) found["graphile-worker"]?.push(await measureOne((key) => runner.addJob("delay", { key })));
  await runner.stop();
  const { boss } = await pgBoss(pool);
  await boss.work<{ key: string }>("bench", { pollingIntervalSeconds: 0.5 }, (jobs) => {
    jobs.forEach((job) => started(job.data.key));
    return Promise.resolve();
  });
  for (let index = 0; index < IDLE; index++) found["pg-boss"]?.push(await measureOne((key) => boss.send("bench", { key })));
  await boss.stop({ graceful: false });
  await pool.end();
  return found;
}

/** The same for this queue through HTTP: from the request of the trigger to the start of the run on the running stack, by the clock of the database. */
async function httpDelays(databaseUrl: string): Promise<{ start: number[]; answer: number[] }> {
  const folder = await Deno.makeTempDir({ prefix: "sync-bench-" });
  const stack = await startStack({ port: 0, folder, databaseUrl, write: () => {} });
  try {
    const { database, base, state } = stack;
    await database.query("update sync_queue_settings set triggers_per_minute = 100000");
    const start: number[] = [], answer: number[] = [];
    let no: string | undefined;
    for (let waited = 0; waited < 600 && no === undefined; waited++) {
      await sleep(100);
      no = (await database.query<{ no: string }>("select no from tournaments where season = '2026' limit 1"))[0]?.no;
    }
    for (let index = 0; index < IDLE + 3; index++) {
      await sleep(400);
      const requestedAt = Date.now(), clock = performance.now();
      const response = await fetch(`${base}/functions/v1/sync-admin/manual-trigger`, {
        method: "POST",
        headers: { apikey: state.keys.secret, "content-type": "application/json" },
        body: JSON.stringify({ entity_type: "matches_schedule", tournament_no: no, reason: "bench" }),
      });
      const { sync_job_id } = await response.json();
      const answered = performance.now() - clock;
      let run: { start: string } | undefined;
      for (let waited = 0; waited < 200 && !run; waited++) {
        await sleep(20);
        [run] = await database.query<{ start: string }>(
          "select execution_start as start from sync_execution_history where sync_job_id = $1",
          [sync_job_id],
        );
      }
      for (let waited = 0; waited < 200; waited++) {
        const [job] = await database.query<{ status: string }>("select status from sync_jobs where id = $1", [sync_job_id]);
        if (job?.status === "COMPLETED") break;
        await sleep(50);
      }
      // The first requests start the processes of the functions.
      if (index >= 3) {
        start.push(run ? Date.parse(run.start) - requestedAt : Infinity);
        answer.push(answered);
      }
    }
    return { start, answer };
  } finally {
    await stack.stop();
    await Deno.remove(folder, { recursive: true });
  }
}

/** Compares the throughput and the delay from enqueueing to start with pg-boss and graphile-worker on the same Postgres. */
export async function measure(): Promise<Report> {
  const server = await startBenchServer();
  const url = Deno.env.get("TEST_DATABASE_URL");
  if (!url) throw new Error("this benchmark needs Postgres 15 or newer on this machine");
  try {
    const rates = await throughput(url);
    const idle = await delays(url);
    const http = await httpDelays(url);
    const own = rates["this queue"], boss = rates["pg-boss"], worker = rates["graphile-worker"];
    if (!own || !boss || !worker) throw new Error("a queue was not measured");
    say(`${JOBS} jobs, medians of ${ROUNDS} alternating rounds`);
    table(
      ["queue", "enqueued/s", "done/s, 1 worker", "done/s, 10 workers"],
      Object.entries(rates).map(([name, { enqueue, oneWorker, tenWorkers }]) => [name, enqueue, oneWorker, tenWorkers]),
    );
    const rows = [
      ...Object.entries(idle).filter(([, values]) => values.length),
      ["this queue, HTTP", http.start] as const,
      ["this queue, response", http.answer] as const,
    ];
    say(`from enqueue to start, idle, ${IDLE} times; pg-boss and graphile-worker with a resident worker`);
    table(
      ["queue", "p50 ms", "p95 ms", "worst ms"],
      rows.map(([name, values]) => [name, percentile(values, 0.5), percentile(values, 0.95), Math.max(...values)]),
    );
    const figures = {
      jobs: JOBS,
      rates,
      delay_ms: Object.fromEntries(rows.map(([name, values]) => [name, { p50: percentile(values, 0.5), p95: percentile(values, 0.95) }])),
    };
    return {
      figures,
      bars: [
        atLeast("done/s over pg-boss, 1 worker", own.oneWorker / boss.oneWorker, 2),
        atLeast("done/s over pg-boss, 10 workers", own.tenWorkers / boss.tenWorkers, 2),
        atLeast("done/s over graphile-worker, 1 worker", own.oneWorker / worker.oneWorker, 1),
        atLeast("done/s over graphile-worker, 10 workers", own.tenWorkers / worker.tenWorkers, 1),
        atMost("enqueue to start through HTTP, p95 ms", percentile(http.start, 0.95), 100),
        atMost("response of manual-trigger, p95 ms", percentile(http.answer, 0.95), 200),
      ],
    };
  } finally {
    await server.stop();
  }
}
