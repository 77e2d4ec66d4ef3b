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
const ROUNDS = 400, WARM = 100;
const Explained = z.array(z.object({ Plan: z.object({ "Shared Hit Blocks": z.number(), "Shared Read Blocks": z.number() }) }));

const percentile = (sorted: number[], share: number): number =>
  sorted[Math.min(Math.ceil(share * sorted.length) - 1, sorted.length - 1)] ?? NaN;

interface Times {
  p50: number;
  p95: number;
  p99: number;
  /** A second. */
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
  items.map((item) => ({ item, place: Math.random() })).sort((a, b) => a.place - b.place).map(({ item }) => item);

/**
 * The times `took` gives for each, null for one that does not count; in turns, so that what else the machine does meets all alike, and each turn
 * in another order, since what follows a long read begins on a processor that is awake.
 */
async function timeInTurns<Item>(items: Item[], took: (item: Item) => Promise<number | null>): Promise<(Item & { figures: Times })[]> {
  const timed = items.map((item) => ({ item, times: [] as number[] }));
  for (let round = 0; round < ROUNDS; round++) {
    for (const { item, times } of shuffled(timed)) {
      const time = await took(item);
      if (time !== null) times.push(time);
    }
  }
  return timed.map(({ item, times }) => ({ ...item, figures: figuresOf(times) }));
}

async function timeAtOnce(work: () => Promise<unknown>, concurrency: number): Promise<Times> {
  const times: number[] = [];
  const begun = performance.now();
  await Promise.all(Array.from({ length: concurrency }, async () => {
    for (let round = 0; round < Math.ceil(ROUNDS / concurrency); round++) times.push(await ms(work));
  }));
  return figuresOf(times, times.length / (performance.now() - begun) * 1000);
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

type Site = Awaited<ReturnType<typeof openSite>>;

/** A database with so many runs, and the functions that read it. */
async function openSite(size: number, keys: Keys) {
  const db = await openTestDatabase(keys);
  const begun = performance.now();
  await seedYear(db, size);
  say(`${size} runs seeded in ${Math.round((performance.now() - begun) / 1000)} s`);
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
  const constant = () => db.rpc("schema_version", {}, z.number());
  let tag = "none";
  /** A 304 to the tag of the answer before; null where that, which holds for a step of five seconds, was over. */
  const same = async (): Promise<number | null> => {
    let status = 0;
    const took = await ms(async () => {
      const response = await get("/performance-history?period=30d", tag);
      [status, tag] = [response.status, String(response.headers.get("etag"))];
    });
    return status === 304 ? took : null;
  };
  return { size, get, cost, same, constant, writes: () => writes(db), close: () => db.close() };
}

/** Reads at each size, all sizes in turns, beside an rpc that returns one constant and a handler that does. */
export async function measure(): Promise<Report> {
  const server = await startBenchServer();
  const keys = await createKeys();
  const sites: Site[] = [];
  try {
    for (const size of SIZES) sites.push(await openSite(size, keys));
    // As servers that have run for a while: the first requests of a kind wait for the compiler.
    for (const path of Object.values(READS)) {
      for (let round = 0; round < WARM; round++) for (const { get } of sites) await get(path);
    }
    const handler = new Hono().get("/constant", (c) => c.json({ is: "constant" }));
    const read = (path: string) => ({ get }: Site) => ms(() => get(path));
    const { "health-overview": overview, ...others } = READS;
    const turns: Record<string, (site: Site) => Promise<number | null>>[] = [
      { "a constant handler": () => ms(() => Promise.resolve(handler.request("/constant"))) },
      // In the same turns, since they are held against each other.
      {
        "a constant rpc": ({ constant }) => ms(constant),
        "health-overview": read(overview),
        "304": ({ same }) => same(),
      },
      ...Object.entries(others).map(([name, path]) => ({ [name]: read(path) })),
    ];
    const paths = new Map(Object.entries(READS));
    const rows: (string | number)[][] = [];
    const measured = new Map<string, Times>();
    for (const works of turns) {
      const items = Object.entries(works).flatMap(([name, work]) => sites.map((site) => ({ name, site, work })));
      // What a request takes depends on what the machine did just before, since a processor that slept longer wakes later: each follows the same.
      const took = async ({ site, work }: (typeof items)[number]) => (await site.constant(), await work(site));
      for (const { name, site, figures } of await timeInTurns(items, took)) {
        measured.set(`${name} ${site.size}`, figures);
        const note = (atOnce: number, { p50, p95, p99, rate }: Times, ...more: number[]) =>
          rows.push([name, site.size, atOnce, p50, p95, p99, rate, ...more]);
        const path = paths.get(name);
        if (path) {
          const { calls, buffers } = await site.cost(path);
          note(1, figures, calls, buffers);
          note(16, await timeAtOnce(() => site.get(path), 16), calls, buffers);
        } else note(1, figures);
      }
    }
    const biggest = sites.at(-1);
    const written = biggest ? await biggest.writes() : { close: NaN, batch: NaN };
    say(
      `at ${SIZES.at(-1)} runs closing one takes ${written.close.toFixed(1)} ms (p95), the longest batch of retention ${
        written.batch.toFixed(0)
      } ms`,
    );
    table(["read", "runs", "at once", "p50 ms", "p95 ms", "p99 ms", "a second", "sql calls", "buffers"], rows);
    const [least, most] = [SIZES[0], SIZES.at(-1)];
    const growth = Object.keys(READS).map((name) =>
      atMost(
        `${name}: p95 at ${most} over ${least} runs`,
        (measured.get(`${name} ${most}`)?.p95 ?? NaN) / (measured.get(`${name} ${least}`)?.p95 ?? NaN),
        1.3,
      )
    );
    const overConstant = (name: string, limit: number): Bar =>
      atMost(
        `${name} over a constant rpc`,
        (measured.get(`${name} ${most}`)?.p50 ?? NaN) / (measured.get(`a constant rpc ${most}`)?.p50 ?? NaN),
        limit,
      );
    return {
      figures: { sizes: SIZES, server: server.name, rows, written },
      bars: [
        ...growth,
        overConstant("health-overview", 2),
        overConstant("304", 1.2),
        atMost("closing a run, p95 ms", written.close, 5),
        atMost("longest batch of retention, ms", written.batch, 100),
      ],
    };
  } finally {
    for (const { close } of sites) await close();
    await server.stop();
  }
}
