import { Hono } from "hono";
import { z } from "zod";
import { openTestDatabase, type TestDatabase } from "../__tests__/helpers/database.ts";
import { testEnv } from "../__tests__/helpers/world.ts";
import { systemClock } from "../services/clock.ts";
import { createApp } from "../supabase/functions/sync-monitoring/app.ts";
import { atMost, type Report, say, table } from "./report.ts";
import { startBenchServer } from "./server.ts";
import { seedYear } from "./year.ts";

/** Runs over one calendar year; denser and not longer. Other sizes: BENCH_RUNS=10000,1000000. */
const SIZES = (Deno.env.get("BENCH_RUNS") ?? "10000,1000000,10000000").split(",").map(Number);
const READS = {
  "health-overview": "/health-overview",
  "performance-history 24h": "/performance-history?period=24h",
  "performance-history 30d": "/performance-history?period=30d",
  "performance-history 1y": "/performance-history?period=1y",
  "error-analytics 24h": "/error-analytics?period=24h",
  executions: "/executions",
  tournaments: "/tournaments",
};
const ROUNDS = 60;
const Explained = z.array(z.object({ Plan: z.object({ "Shared Hit Blocks": z.number(), "Shared Read Blocks": z.number() }) }));

const percentile = (sorted: number[], share: number): number =>
  sorted[Math.min(Math.ceil(share * sorted.length) - 1, sorted.length - 1)] ?? NaN;

async function time(work: () => Promise<unknown>, concurrency: number): Promise<{ p50: number; p95: number; p99: number; rate: number }> {
  // As a server that has run for a while: the first requests of a kind wait for the compiler.
  for (let round = 0; round < ROUNDS; round++) await work();
  const times: number[] = [];
  const begun = performance.now();
  await Promise.all(Array.from({ length: concurrency }, async () => {
    for (let round = 0; round < Math.ceil(ROUNDS / concurrency); round++) {
      const start = performance.now();
      await work();
      times.push(performance.now() - start);
    }
  }));
  const rate = times.length / (performance.now() - begun) * 1000;
  times.sort((a, b) => a - b);
  return { p50: percentile(times, 0.5), p95: percentile(times, 0.95), p99: percentile(times, 0.99), rate };
}

/** Database time in ms of closing a run with its results, and of the longest batch of retention, while everything else is there. */
async function writes(db: TestDatabase): Promise<{ close: number; batch: number }> {
  const closes: number[] = [], batches: number[] = [];
  for (let run = 0; run < 60; run++) {
    const execution_id = crypto.randomUUID();
    const start = { execution_id, entity_type: "matches_schedule", trigger: "CRON", wall_clock_ms: 600_000 };
    await db.query("select start_sync_execution($1)", [start]);
    const results = Array.from(
      { length: 10 },
      (_, index) => ({ tournament_no: String(70_001 + index), records_processed: 40, duration_ms: 900 }),
    );
    const end = {
      execution_id,
      status: "SUCCEEDED",
      reason: "measured",
      results,
      counters: { tournaments_processed: 10, records_read: 400 },
    };
    const begun = performance.now();
    await db.query("select finish_sync_execution($1)", [end]);
    if (run >= 10) closes.push(performance.now() - begun);
  }
  await db.query("update retention_settings set keep = '300 days' where subject = 'executions'");
  for (let batch = 0; batch < 60; batch++) {
    const begun = performance.now();
    const pruned = await db.value<number>("select private.prune_batch('executions', now(), 100)");
    if (pruned === 0) break;
    batches.push(performance.now() - begun);
  }
  closes.sort((a, b) => a - b);
  return { close: percentile(closes, 0.95), batch: Math.max(...batches) };
}

/** Reads at each size, beside an rpc that returns one constant and a handler that does. */
export async function measure(): Promise<Report> {
  const server = await startBenchServer();
  const db = await openTestDatabase();
  try {
    // Each call is noted, so that what a request asks of the database can be counted and explained.
    const asked: { fn: string; args: Record<string, unknown> }[] = [];
    const rpc: typeof db.rpc = (fn, args, schema) => {
      asked.push({ fn, args });
      return db.rpc(fn, args, schema);
    };
    const app = createApp({ rpc, clock: systemClock, log: () => {}, env: testEnv() });
    const get = async (path: string, tag?: string) => {
      const headers = { apikey: db.keys.secret, ...(tag ? { "if-none-match": tag } : {}) };
      const response = await app.fetch(new Request(`http://functions.test/sync-monitoring${path}`, { headers }));
      await response.arrayBuffer();
      return response;
    };
    const handler = new Hono().get("/constant", (c) => c.json({ is: "constant" }));
    /** SQL calls of a request, and the pages of 8 kB they look at. */
    const cost = async (path: string): Promise<{ calls: number; buffers: number }> => {
      // The first request of all asks for the schema's version too.
      await get(path);
      asked.length = 0;
      await get(path);
      let buffers = 0;
      for (const { fn, args } of asked) {
        const given = Object.entries(args).filter(([, value]) => value !== undefined);
        const named = given.map(([name], index) => `${name} => $${index + 1}`).join(", ");
        const [row] = await db.query<Record<string, unknown>>(
          `explain (analyze, buffers, format json) select public.${fn}(${named})`,
          given.map(([, value]) => value),
        );
        const plan = Explained.parse(row?.["QUERY PLAN"])[0]?.Plan;
        buffers += (plan?.["Shared Hit Blocks"] ?? NaN) + (plan?.["Shared Read Blocks"] ?? NaN);
      }
      return { calls: asked.length, buffers };
    };
    const p95 = new Map<string, Map<number, number>>();
    const rows: (string | number)[][] = [];
    let overview = NaN, constant = NaN, same = NaN;
    for (const size of SIZES) {
      const begun = performance.now();
      await seedYear(db, size);
      say(`${size} runs seeded in ${Math.round((performance.now() - begun) / 1000)} s`);
      for (const [name, path] of Object.entries(READS)) {
        const { calls, buffers } = await cost(path);
        for (const concurrency of [1, 16]) {
          const figures = await time(() => get(path), concurrency);
          rows.push([name, size, concurrency, figures.p50, figures.p95, figures.p99, figures.rate, calls, buffers]);
          if (concurrency === 1) p95.set(name, (p95.get(name) ?? new Map()).set(size, figures.p95));
          if (concurrency === 1 && name === "health-overview") overview = figures.p50;
        }
      }
      const limits = {
        "a constant rpc": () => db.rpc("schema_version", {}, z.number()),
        "a constant handler": () => Promise.resolve(handler.request("/constant")),
      };
      for (const [name, work] of Object.entries(limits)) {
        const figures = await time(work, 1);
        rows.push([name, size, 1, figures.p50, figures.p95, figures.p99, figures.rate]);
        if (name === "a constant rpc") constant = figures.p50;
      }
      // The tag holds for a step of five seconds: what came back as 200 is not counted.
      const times: number[] = [];
      for (let round = 0; times.length < ROUNDS && round < 20 * ROUNDS; round++) {
        const tag = round % 5 === 0 ? (await get("/performance-history?period=30d")).headers.get("etag") : null;
        const known = tag ?? (await get("/performance-history?period=30d", "x")).headers.get("etag");
        const start = performance.now();
        const { status } = await get("/performance-history?period=30d", String(known));
        if (status === 304) times.push(performance.now() - start);
      }
      times.sort((a, b) => a - b);
      same = percentile(times, 0.5);
      rows.push(["304", size, 1, same, percentile(times, 0.95), percentile(times, 0.99), 1000 / same]);
    }
    const written = await writes(db);
    say(
      `at ${SIZES.at(-1)} runs closing one takes ${written.close.toFixed(1)} ms (p95), the longest batch of retention ${
        written.batch.toFixed(0)
      } ms`,
    );
    table(["read", "runs", "at once", "p50 ms", "p95 ms", "p99 ms", "a second", "sql calls", "buffers"], rows);
    const least = Math.min(...SIZES), most = Math.max(...SIZES);
    const growth = [...p95].map(([name, sizes]) =>
      atMost(`${name}: p95 at ${most} over ${least} runs`, (sizes.get(most) ?? NaN) / (sizes.get(least) ?? NaN), 1.3)
    );
    return {
      figures: { sizes: SIZES, server: server.name, rows, written },
      bars: [
        ...growth,
        atMost("health-overview over a constant rpc", overview / constant, 2),
        atMost("304 over a constant rpc", same / constant, 1.2),
        atMost("closing a run, p95 ms", written.close, 5),
        atMost("longest batch of retention, ms", written.batch, 100),
      ],
    };
  } finally {
    await db.close();
    await server.stop();
  }
}
