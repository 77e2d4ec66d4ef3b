// Past 300 lines, because the three contenders are measured by the same few steps, which are read side by side.
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
 * A queue as it is measured: jobs put in one at a time, then claimed and completed one at a time by `workers`, all over the same driver.
 * A worker has one connection: with more, graphile-worker, which does not wait for a completion, would do two things at a time.
 */
interface Contender {
  name: string;
  pool: pg.Pool;
  /** Into an empty queue. */
  enqueue(count: number): Promise<void>;
  /** The rest, from the number put in on, in whatever way is quick. */
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
  const take = async (name: keyof typeof calls, values: string[]): Promise<{ id: string; token: string } | null> => {
    const text = `select (job).id, (job).token from (select ${calls[name]} as job offset 0) called`;
    const { rows } = await pool.query({ name, text, values });
    return rows[0].id === null ? null : rows[0];
  };
  return {
    name: "this queue",
    pool,
    async enqueue(count) {
      await pool.query("truncate sync_jobs, manual_sync_audit cascade");
      // Paused, so that putting in does not hand out as well.
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
        // As in the product, what completes a job hands out the next in the same transaction; without one the line is looked at anew.
        for (
          let job = await take("claim", []);
          job;
          job = await take("complete", [job.id, job.token]) ?? await take("claim", [])
        ) { /* done at once */ }
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
  const begun = performance.now();
  await work();
  return (performance.now() - begun) / 1000;
};
const percentile = (values: number[], share: number): number =>
  values.toSorted((a, b) => a - b)[Math.min(Math.ceil(share * values.length) - 1, values.length - 1)] ?? NaN;

/** Lets a pool have so many connections; those it has beyond that are closed. */
async function limit(pool: pg.Pool, count: number): Promise<void> {
  const clients = await Promise.all(Array.from({ length: pool.totalCount }, () => pool.connect()));
  pool.options.max = count;
  clients.forEach((client, index) => client.release(index >= count));
}

/** Jobs a second of each contender, in turns on one server. */
async function throughput(url: string): Promise<Record<string, { enqueue: number; one: number; ten: number }>> {
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
  const rates = new Map(contenders.map(({ name }) => [name, { enqueue: [] as number[], one: [] as number[], ten: [] as number[] }]));
  for (let round = 0; round < ROUNDS; round++) {
    for (const { name, pool, enqueue, fill, work } of contenders) {
      for (const [workers, key] of [[1, "one"], [10, "ten"]] as const) {
        rates.get(name)?.enqueue.push(PUT_IN / await timed(() => enqueue(PUT_IN)));
        await fill(PUT_IN, JOBS);
        // Each from tables without what the rounds before left behind: autovacuum comes when it comes, and slows whoever it has not reached.
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
    [...rates].map(([name, { enqueue, one, ten }]) => [name, { enqueue: median(enqueue), one: median(one), ten: median(ten) }]),
  );
}

/** Milliseconds from putting a job into an idle queue until its work begins: the others with a resident worker, ours through HTTP without one. */
async function delays(url: string): Promise<Record<string, number[]>> {
  const pool = new pg.Pool({ connectionString: url, max: 12, idleTimeoutMillis: 0 });
  pool.on("error", () => {});
  const seen = new Map<string, PromiseWithResolvers<number>>();
  const measureOne = async (put: (key: string) => Promise<unknown>): Promise<number> => {
    const key = crypto.randomUUID();
    const waiting = Promise.withResolvers<number>();
    seen.set(key, waiting);
    await sleep(100 + Math.random() * 100);
    const begun = performance.now();
    await put(key);
    return await waiting.promise - begun;
  };
  const begins = (key: unknown) => seen.get(String(key))?.resolve(performance.now());
  const found: Record<string, number[]> = { "graphile-worker": [], "pg-boss": [], "this queue": [] };
  const runner = await runGraphile({
    pgPool: pool,
    concurrency: 1,
    noHandleSignals: true,
    logger: silent,
    taskList: { delay: (payload) => Promise.resolve(begins(Reflect.get(payload as object, "key"))) },
  });
  for (let index = 0; index < IDLE; index++) found["graphile-worker"]?.push(await measureOne((key) => runner.addJob("delay", { key })));
  await runner.stop();
  const { boss } = await pgBoss(pool);
  await boss.work<{ key: string }>("bench", { pollingIntervalSeconds: 0.5 }, (jobs) => {
    jobs.forEach((job) => begins(job.data.key));
    return Promise.resolve();
  });
  for (let index = 0; index < IDLE; index++) found["pg-boss"]?.push(await measureOne((key) => boss.send("bench", { key })));
  await boss.stop({ graceful: false });
  await pool.end();
  return found;
}

/** The same through HTTP on the running stack: from the trigger's request until the run has begun, by the database's clock on one machine. */
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
      const begun = Date.now(), clock = performance.now();
      const response = await fetch(`${base}/functions/v1/sync-admin/manual-trigger`, {
        method: "POST",
        headers: { apikey: state.keys.secret, "content-type": "application/json" },
        body: JSON.stringify({ entity_type: "matches_schedule", tournament_no: no, reason: "bench" }),
      });
      const { sync_job_id } = await response.json();
      const answered = performance.now() - clock;
      let run: { begun: string } | undefined;
      for (let waited = 0; waited < 200 && !run; waited++) {
        await sleep(20);
        [run] = await database.query<{ begun: string }>(
          "select execution_start as begun from sync_execution_history where sync_job_id = $1",
          [sync_job_id],
        );
      }
      for (let waited = 0; waited < 200; waited++) {
        const [job] = await database.query<{ status: string }>("select status from sync_jobs where id = $1", [sync_job_id]);
        if (job?.status === "COMPLETED") break;
        await sleep(50);
      }
      // The first ones start the functions' processes.
      if (index >= 3) {
        start.push(run ? Date.parse(run.begun) - begun : Infinity);
        answer.push(answered);
      }
    }
    return { start, answer };
  } finally {
    await stack.stop();
    await Deno.remove(folder, { recursive: true });
  }
}

/** Jobs a second and the delay from enqueue to start, beside pg-boss and graphile-worker on the same Postgres. */
export async function measure(): Promise<Report> {
  const server = await startBenchServer();
  const url = Deno.env.get("TEST_DATABASE_URL");
  if (!url) throw new Error("this benchmark needs Postgres 15 or newer on this machine");
  try {
    const rates = await throughput(url);
    const idle = await delays(url);
    const http = await httpDelays(url);
    const own = rates["this queue"], boss = rates["pg-boss"], worker = rates["graphile-worker"];
    if (!own || !boss || !worker) throw new Error("nothing measured");
    say(`${JOBS} jobs, medians of ${ROUNDS} rounds in turns`);
    table(
      ["queue", "enqueued/s", "done/s, 1 worker", "done/s, 10 workers"],
      Object.entries(rates).map(([name, { enqueue, one, ten }]) => [name, enqueue, one, ten]),
    );
    const rows = [
      ...Object.entries(idle).filter(([, values]) => values.length),
      ["this queue, HTTP", http.start] as const,
      ["its answer", http.answer] as const,
    ];
    say(`from enqueue to start, idle, ${IDLE} times; the others with a resident worker`);
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
        atLeast("done/s over pg-boss, 1 worker", own.one / boss.one, 2),
        atLeast("done/s over pg-boss, 10 workers", own.ten / boss.ten, 2),
        atLeast("done/s over graphile-worker, 1 worker", own.one / worker.one, 1),
        atLeast("done/s over graphile-worker, 10 workers", own.ten / worker.ten, 1),
        atMost("enqueue to start through HTTP, p95 ms", percentile(http.start, 0.95), 100),
        atMost("answer of manual-trigger, p95 ms", percentile(http.answer, 0.95), 200),
      ],
    };
  } finally {
    await server.stop();
  }
}
