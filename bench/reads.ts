import { Hono } from "hono";
import { z } from "zod";
import { openTestDatabase, type TestDatabase } from "../testing/database.ts";
import { testEnv } from "../testing/env.ts";
import { createKeys, type Keys } from "../platform/keys.ts";
import { systemClock } from "../services/clock.ts";
import { createApp } from "../supabase/functions/sync-monitoring/app.ts";
import { atMost, type Bar, type Report, say, table } from "./report.ts";
import { startBenchServer } from "./server.ts";
import { seedYear } from "./seed-year.ts";

/** The measured numbers of runs in a year; BENCH_RUNS=10000,1000000 replaces them. */
const SIZES = (Deno.env.get("BENCH_RUNS") ?? "10000,1000000,10000000").split(",").map(Number);
/** The reads, each with its limit as a multiple of the time of a constant rpc. */
const READS: Record<string, { path: string; limit: number }> = {
  "health-overview": { path: "/health-overview", limit: 4 },
  ...Object.fromEntries(
    ["1h", "6h", "24h", "7d", "30d", "90d", "1y"].flatMap((period) =>
      ["", "matches_schedule"].map((entity) => [
        `performance-history ${period} ${entity || "all"}`,
        { path: `/performance-history?period=${period}${entity && `&entity=${entity}`}`, limit: 10 },
      ])
    ),
  ),
  "sync-statistics 24h": { path: "/sync-statistics?period=24h", limit: 10 },
  "sync-statistics 30d": { path: "/sync-statistics?period=30d", limit: 10 },
  "error-analytics 24h": { path: "/error-analytics?period=24h", limit: 10 },
  metrics: { path: "/metrics", limit: 10 },
  executions: { path: "/executions", limit: 5 },
  errors: { path: "/errors", limit: 5 },
  tournaments: { path: "/tournaments", limit: 5 },
};
const ROUNDS = 200, WARM_UP_ROUNDS = 30;
const Explained = z.array(z.object({ Plan: z.object({ "Shared Hit Blocks": z.number(), "Shared Read Blocks": z.number() }) }));

const percentile = (sorted: number[], share: number): number =>
  sorted[Math.min(Math.ceil(share * sorted.length) - 1, sorted.length - 1)] ?? NaN;

interface Times {
  p50: number;
  p95: number;
  p99: number;
  /** The requests per second. */
  rate: number;
}

function figuresOf(times: number[], rate = 1000 * times.length / times.reduce((sum, ms) => sum + ms, 0)): Times {
  times.sort((a, b) => a - b);
  return { p50: percentile(times, 0.5), p95: percentile(times, 0.95), p99: percentile(times, 0.99), rate };
}

async function ms(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work();
  return performance.now() - start;
}

const shuffled = <T>(items: T[]): T[] =>
  items.map((item) => ({ item, order: Math.random() })).sort((a, b) => a.order - b.order).map(({ item }) => item);

/**
 * Times each item once a round with `timeOf`, and does not count a null. Rounds spread the other load of the machine evenly over the items.
 * Each round has a random order, because after a long request the processor has a higher clock rate.
 */
async function timeInRounds<Item>(items: Item[], timeOf: (item: Item) => Promise<number | null>): Promise<(Item & { figures: Times })[]> {
  const timed = items.map((item) => ({ item, times: [] as number[] }));
  for (let round = 0; round < ROUNDS; round++) {
    for (const { item, times } of shuffled(timed)) {
      const time = await timeOf(item);
      if (time !== null) times.push(time);
    }
  }
  return timed.map(({ item, times }) => ({ ...item, figures: figuresOf(times) }));
}

async function timeConcurrently(work: () => Promise<unknown>, concurrency: number): Promise<Times> {
  const times: number[] = [];
  const startedAt = performance.now();
  await Promise.all(Array.from({ length: concurrency }, async () => {
    for (let round = 0; round < Math.ceil(ROUNDS / concurrency); round++) times.push(await ms(work));
  }));
  return figuresOf(times, times.length / (performance.now() - startedAt) * 1000);
}

/** The time in ms of closing a run with ten results (median), and of the longest batch of retention. */
async function timeWrites(db: TestDatabase): Promise<{ close: number; batch: number }> {
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
      reason: "finished",
      results,
      counters: { tournaments_processed: 10, records_read: 400 },
    };
    const startedAt = performance.now();
    await db.query("select finish_sync_execution($1)", [end]);
    if (run >= 10) closes.push(performance.now() - startedAt);
  }
  await db.query("update retention_settings set keep = '300 days' where subject = 'executions'");
  for (let batch = 0; batch < 60; batch++) {
    const startedAt = performance.now();
    const pruned = await db.value<number>("select private.prune_batch('executions', now(), 100)");
    if (pruned === 0) break;
    batches.push(performance.now() - startedAt);
  }
  closes.sort((a, b) => a - b);
  return { close: percentile(closes, 0.5), batch: Math.max(...batches) };
}

type Site = Awaited<ReturnType<typeof openSite>>;

/** Opens a database with `size` runs and the sync-monitoring function that reads it. */
async function openSite(size: number, keys: Keys) {
  const db = await openTestDatabase(keys);
  const startedAt = performance.now();
  await seedYear(db, size);
  say(`${size} runs seeded in ${Math.round((performance.now() - startedAt) / 1000)} s`);
  // cost() counts and explains the recorded calls of one request.
  const calls: { fn: string; args: Record<string, unknown> }[] = [];
  const rpc: typeof db.rpc = (fn, args) => {
    calls.push({ fn, args });
    return db.rpc(fn, args);
  };
  const app = createApp({ rpc, clock: systemClock, log: () => {}, env: testEnv() });
  const get = async (path: string, etag?: string) => {
    const headers = { apikey: db.keys.secret, ...(etag ? { "if-none-match": etag } : {}) };
    const response = await app.fetch(new Request(`http://functions.test/sync-monitoring${path}`, { headers }));
    await response.arrayBuffer();
    return response;
  };
  /** The number of SQL calls of a request, and the number of 8 kB pages that they read. */
  const cost = async (path: string): Promise<{ calls: number; buffers: number }> => {
    // The first request also reads the schema version.
    await get(path);
    calls.length = 0;
    await get(path);
    let buffers = 0;
    for (const { fn, args } of calls) {
      const given = Object.entries(args).filter(([, value]) => value !== undefined);
      const named = given.map(([name], index) => `${name} => $${index + 1}`).join(", ");
      const [row] = await db.query<Record<string, unknown>>(
        `explain (analyze, buffers, format json) select public.${fn}(${named})`,
        given.map(([, value]) => value),
      );
      const plan = Explained.parse(row?.["QUERY PLAN"])[0]?.Plan;
      buffers += (plan?.["Shared Hit Blocks"] ?? NaN) + (plan?.["Shared Read Blocks"] ?? NaN);
    }
    return { calls: calls.length, buffers };
  };
  const constant = () => db.rpc("schema_version", {});
  let etag = "none";
  /** The time of a 304 for the previous ETag; null when the ETag has changed, as it does at least every five seconds. */
  const timeNotModified = async (): Promise<number | null> => {
    let status = 0;
    const time = await ms(async () => {
      const response = await get("/performance-history?period=30d", etag);
      [status, etag] = [response.status, String(response.headers.get("etag"))];
    });
    return status === 304 ? time : null;
  };
  return { size, get, cost, timeNotModified, constant, timeWrites: () => timeWrites(db), close: () => db.close() };
}

/** Measures the reads at each size and compares them with an rpc and a handler that return a constant. */
export async function measure(): Promise<Report> {
  const server = await startBenchServer();
  const keys = await createKeys();
  const sites: Site[] = [];
  try {
    for (const size of SIZES) sites.push(await openSite(size, keys));
    // The first requests of each kind wait for the compiler.
    for (const { path } of Object.values(READS)) {
      for (let round = 0; round < WARM_UP_ROUNDS; round++) for (const { get } of sites) await get(path);
    }
    const handler = new Hono().get("/constant", (c) => c.json({ value: "constant" }));
    const read = (path: string) => ({ get }: Site) => ms(() => get(path));
    const groups: Record<string, (site: Site) => Promise<number | null>>[] = [
      { "a constant handler": () => ms(() => Promise.resolve(handler.request("/constant"))) },
      // These items are in one group, because they are compared with each other.
      {
        "a constant rpc": ({ constant }) => ms(constant),
        "304": ({ timeNotModified }) => timeNotModified(),
      },
      ...Object.entries(READS).map(([name, { path }]) => ({ [name]: read(path) })),
    ];
    const rows: (string | number)[][] = [];
    const measured = new Map<string, Times>();
    for (const group of groups) {
      const items = Object.entries(group).flatMap(([name, time]) => sites.map((site) => ({ name, site, time })));
      // The state of the processor before a request changes its time, so each request follows the same constant rpc.
      const timeOf = async ({ site, time }: (typeof items)[number]) => (await site.constant(), await time(site));
      for (const { name, site, figures } of await timeInRounds(items, timeOf)) {
        measured.set(`${name} ${site.size}`, figures);
        const addRow = (concurrency: number, { p50, p95, p99, rate }: Times, ...costs: number[]) =>
          rows.push([name, site.size, concurrency, p50, p95, p99, rate, ...costs]);
        const path = READS[name]?.path;
        if (path) {
          const { calls, buffers } = await site.cost(path);
          addRow(1, figures, calls, buffers);
          addRow(16, await timeConcurrently(() => site.get(path), 16), calls, buffers);
        } else addRow(1, figures);
      }
    }
    const largest = sites.at(-1);
    const written = largest ? await largest.timeWrites() : { close: NaN, batch: NaN };
    say(
      `at ${SIZES.at(-1)} runs, closing a run takes ${written.close.toFixed(1)} ms (median) and the longest batch of retention ${
        written.batch.toFixed(0)
      } ms`,
    );
    table(["read", "runs", "concurrency", "p50 ms", "p95 ms", "p99 ms", "requests/s", "sql calls", "buffers"], rows);
    const median = (name: string, size: number | undefined) => measured.get(`${name} ${size}`)?.p50 ?? NaN;
    const [least, ...others] = SIZES;
    // The growth is of medians, because a p95 on a shared machine measures the other programs.
    const growth = Object.keys(READS).flatMap((name) =>
      others.map((size) =>
        atMost(`${name}: median at ${size} over ${least} runs`, median(name, size) / median(name, least), size > 1_000_000 ? 2 : 1.5)
      )
    );
    const most = SIZES.at(-1);
    const overConstant = (name: string, limit: number): Bar =>
      atMost(`${name} over a constant rpc`, median(name, most) / median("a constant rpc", most), limit);
    return {
      figures: { sizes: SIZES, server: server.name, rows, written },
      bars: [
        ...growth,
        ...Object.entries(READS).map(([name, { limit }]) => overConstant(name, limit)),
        overConstant("304", 1.2),
        atMost("closing a run, median ms", written.close, 5),
        atMost("longest batch of retention, ms", written.batch, 100),
      ],
    };
  } finally {
    for (const { close } of sites) await close();
    await server.stop();
  }
}
