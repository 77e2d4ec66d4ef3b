import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { createApp } from "../../supabase/functions/sync-monitoring/app.ts";
import { TestClock } from "../../testing/clock.ts";
import { openTestDatabase } from "../../testing/database.ts";
import { testEnv } from "../../testing/env.ts";
import { NO_PROMTOOL, promtool } from "../../testing/promtool.ts";
import { PerformanceHistoryResponse } from "../../types/history.ts";

const db = await openTestDatabase();
const TOKEN = "a-token-for-scrapes-of-thirty-two-bytes";
const NOW = "2026-06-10T12:00:00.000Z";
const app = createApp({ rpc: db.rpc, clock: new TestClock(NOW), log: () => {}, env: testEnv({ PROMETHEUS_TOKEN: TOKEN }) });
const viewer = await db.token("viewer");
const get = (path: string, token: string) =>
  app.fetch(new Request(`http://functions.test/sync-monitoring${path}`, { headers: { authorization: `Bearer ${token}` } }));

type Buckets = [le: number, runs: number][];
/** What a history of runs looks like to Prometheus, and the p95 of the product, in seconds. */
interface Seen {
  buckets: Buckets;
  p95: number;
}

async function record(durations: number[]): Promise<Seen> {
  await db.query("truncate sync_execution_history, sync_metrics cascade");
  await db.query(
    `insert into sync_execution_history (entity_type, status, trigger, execution_start, execution_end)
    select 'matches_schedule', 'SUCCEEDED', 'CRON', '2026-06-09T00:00:00Z', '2026-06-09T00:00:00Z'::timestamptz + make_interval(secs => d)
    from unnest($1::double precision[]) d`,
    [durations],
  );
  await db.query("select private.roll_up(array(select id from sync_execution_history))");
  const text = await (await get("/prometheus", TOKEN)).text();
  const history = PerformanceHistoryResponse.parse(
    await (await get("/performance-history?period=7d&entity=matches_schedule", viewer)).json(),
  );
  return {
    buckets: [...text.matchAll(/^sync_run_duration_seconds_bucket\{entity_type="matches_schedule",le="([^"]+)"\} (\d+)$/gm)]
      .map(([, le, runs]) => [le === "+Inf" ? Infinity : Number(le), Number(runs)]),
    p95: Number(history.aggregated_metrics.p95_duration_ms) / 1000,
  };
}

/** `histogram_quantile`: linear between the bounds of the bucket that has the rank. */
function quantile(q: number, buckets: Buckets): number {
  const rank = q * Number(buckets.at(-1)?.[1]);
  const index = Math.min(buckets.findIndex(([, runs]) => runs >= rank), buckets.length - 2);
  const [[start, before], [end, runs]] = [buckets[index - 1] ?? [0, 0], buckets[index] ?? [NaN, NaN]];
  return start + (end - start) * (rank - before) / (runs - before);
}

const LOGARITHM = { noNaN: true, noDefaultInfinity: true };
/** Durations of the same order, or of every order from 0.1 s to an hour, which is the longest that a run may last. */
const HISTORY = fc.oneof(
  fc.array(fc.double({ min: Math.log(0.1), max: Math.log(3_600), ...LOGARITHM }), { minLength: 1, maxLength: 120 }),
  fc.tuple(
    fc.double({ min: Math.log(0.2), max: Math.log(1_800), ...LOGARITHM }),
    fc.array(fc.double({ min: -0.6, max: 0.6, ...LOGARITHM }), { minLength: 1, maxLength: 120 }),
  ).map(([centre, around]) => around.map((distance) => centre + distance)),
).map((logarithms) => logarithms.map((logarithm) => Math.min(Math.exp(logarithm), 3_600)));
const seen: Seen[] = [];

Deno.test("histogram_quantile over the exported buckets is within 10 % of the p95 of the product, for random histories", async () => {
  await fc.assert(
    fc.asyncProperty(HISTORY, async (durations) => {
      const found = await record(durations);
      const ratio = quantile(0.95, found.buckets) / found.p95;
      assert(ratio > 0.9 && ratio < 1.1, `${quantile(0.95, found.buckets)} s instead of ${found.p95} s`);
      seen.push(found);
    }),
    { numRuns: 40, seed: 95 },
  );
});

Deno.test("the buckets are the same for each history, and a scrape has less than 40 kB", async () => {
  const bounds = ({ buckets }: Seen) => buckets.map(([le]) => le).join();
  const shortest = await record([0.001]), longest = await record([7_200]);
  assertEquals(new Set([shortest, longest, ...seen].map(bounds)).size, 1);
  assertEquals([shortest.buckets[0], longest.buckets.at(-2), longest.buckets.at(-1)], [[0.097, 1], [3814.494, 0], [Infinity, 1]]);
  const { length } = await (await get("/prometheus", TOKEN)).text();
  assert(length < 40_000, `${length} characters`);
});

Deno.test({
  name: "Prometheus itself finds the same quantile, within 10 % of the product's",
  ignore: NO_PROMTOOL,
  async fn() {
    const cases = [...seen, await record([0.4, 2, 2, 31, 31, 32, 900])];
    const asked = (index: number) => `histogram_quantile(0.95, run_bucket{history="${index}"})`;
    const file = await Deno.makeTempFile({ suffix: ".yml" });
    const test = {
      input_series: cases.flatMap(({ buckets }, index) =>
        buckets.map(([le, runs]) => ({
          series: `run_bucket{history="${index}",le="${le === Infinity ? "+Inf" : le}"}`,
          values: String(runs),
        }))
      ),
      promql_expr_test: cases.flatMap(({ buckets, p95 }, index) => [
        `abs(${asked(index)} / ${quantile(0.95, buckets)} - 1) < bool 0.000001`,
        `abs(${asked(index)} / ${p95} - 1) < bool 0.1`,
      ]).map((expr) => ({ expr: `sum(${expr})`, eval_time: "0s", exp_samples: [{ labels: "{}", value: 1 }] })),
    };
    await Deno.writeTextFile(file, JSON.stringify({ rule_files: [], evaluation_interval: "1m", tests: [test] }));
    const { code, text } = await promtool(["test", "rules", file]);
    await Deno.remove(file);
    assertEquals([code, text], [0, text], text);
  },
});

Deno.test.afterAll(() => db.close());
