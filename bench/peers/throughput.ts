import pg from "pg";
import { median } from "../report.ts";
import { graphile, ours, pgBoss } from "./contenders.ts";

/** The number of jobs that are enqueued one at a time in each round; the other jobs are added in the fastest way. */
const ENQUEUED = 400;
const CONNECTIONS = 12;

interface Rates {
  enqueue: number;
  oneWorker: number;
  tenWorkers: number;
}

const timed = async (work: () => Promise<unknown>): Promise<number> => {
  const startedAt = performance.now();
  await work();
  return (performance.now() - startedAt) / 1000;
};

/** Limits a pool to `count` connections and closes the others. */
async function limit(pool: pg.Pool, count: number): Promise<void> {
  const clients = await Promise.all(Array.from({ length: pool.totalCount }, () => pool.connect()));
  pool.options.max = count;
  clients.forEach((client, index) => client.release(index >= count));
}

/** The median jobs per second of each queue, in alternating rounds on one server. */
export async function measureThroughput(url: string, jobs: number, rounds: number): Promise<Record<string, Rates>> {
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
  const contenders = [await ours(first, jobs), boss, await graphile(third)];
  const rates = new Map(
    contenders.map(({ name }) => [name, { enqueue: [] as number[], oneWorker: [] as number[], tenWorkers: [] as number[] }]),
  );
  for (let round = 0; round < rounds; round++) {
    for (const { name, pool, enqueue, fill, work } of contenders) {
      for (const [workers, key] of [[1, "oneWorker"], [10, "tenWorkers"]] as const) {
        rates.get(name)?.enqueue.push(ENQUEUED / await timed(() => enqueue(ENQUEUED)));
        await fill(ENQUEUED, jobs);
        // Each round starts without the dead rows of the last one, because autovacuum runs at random times and favours one queue.
        await pool.query("vacuum analyze");
        await limit(pool, workers);
        rates.get(name)?.[key].push(jobs / await timed(() => work(workers)));
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
