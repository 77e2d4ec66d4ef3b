import { run } from "graphile-worker";
import pg from "pg";
import { pgBoss, silent } from "./contenders.ts";

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** The milliseconds from the enqueueing of a job in an idle queue to the start of its work, for the queues with a resident worker. */
export async function measureDelays(url: string, samples: number): Promise<Record<string, number[]>> {
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
  const found: Record<string, number[]> = { "graphile-worker": [], "pg-boss": [] };
  const runner = await run({
    pgPool: pool,
    concurrency: 1,
    noHandleSignals: true,
    logger: silent,
    taskList: { delay: (payload) => Promise.resolve(started(Reflect.get(payload as object, "key"))) },
  });
  for (let index = 0; index < samples; index++) found["graphile-worker"]?.push(await measureOne((key) => runner.addJob("delay", { key })));
  await runner.stop();
  const { boss } = await pgBoss(pool);
  await boss.work<{ key: string }>("bench", { pollingIntervalSeconds: 0.5 }, (jobs) => {
    jobs.forEach((job) => started(job.data.key));
    return Promise.resolve();
  });
  for (let index = 0; index < samples; index++) found["pg-boss"]?.push(await measureOne((key) => boss.send("bench", { key })));
  await boss.stop({ graceful: false });
  await pool.end();
  return found;
}
