import { z } from "zod";
import { startStack } from "../platform/stack.ts";
import { startBenchServer } from "./server.ts";
import { atLeast, atMost, type Report, say, table } from "./report.ts";

/** The number of jobs in a round; BENCH_JOBS=500 makes a short run. */
const JOBS = Number(Deno.env.get("BENCH_JOBS") ?? 10_000);
const ROUNDS = 5, IDLE = 40;
const PEERS = new URL("peers/", import.meta.url);
const Comparison = z.object({
  rates: z.record(z.string(), z.object({ enqueue: z.number(), oneWorker: z.number(), tenWorkers: z.number() })),
  idle: z.record(z.string(), z.array(z.number())),
});
const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
const percentile = (values: number[], share: number): number =>
  values.toSorted((a, b) => a - b)[Math.min(Math.ceil(share * values.length) - 1, values.length - 1)] ?? NaN;

/** Runs the comparison in a separate process, because the packages of the peers have a separate import map. */
async function comparePeers(url: string): Promise<z.infer<typeof Comparison>> {
  const { success, stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--frozen", "--config", new URL("deno.json", PEERS).pathname, new URL("compare.ts", PEERS).href]
      .concat([url, JOBS, ROUNDS, IDLE].map(String)),
    stdin: "null",
    stdout: "piped",
    stderr: "inherit",
  }).output();
  if (!success) throw new Error("the comparison with the peers failed");
  return Comparison.parse(JSON.parse(new TextDecoder().decode(stdout)));
}

/**
 * The milliseconds from the request of a trigger to the start of the run, and to the response, through HTTP on the running stack. The start
 * of the run is by the clock of the database, which is on the same machine.
 */
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
    const { rates, idle } = await comparePeers(url);
    const http = await httpDelays(url);
    const own = rates["this queue"], boss = rates["pg-boss"];
    if (!own || !boss) throw new Error("a queue was not measured");
    say(`${JOBS} jobs, medians of ${ROUNDS} alternating rounds`);
    table(
      ["queue", "enqueued/s", "done/s, 1 worker", "done/s, 10 workers"],
      Object.entries(rates).map(([name, { enqueue, oneWorker, tenWorkers }]) => [name, enqueue, oneWorker, tenWorkers]),
    );
    const rows = [
      ...Object.entries(idle),
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
        atLeast("done/s over pg-boss, 1 worker", own.oneWorker / boss.oneWorker, 1),
        atLeast("done/s over pg-boss, 10 workers", own.tenWorkers / boss.tenWorkers, 1),
        atMost("enqueue, ms", 1000 / own.enqueue, 3),
        atMost("enqueue to start through HTTP, p95 ms", percentile(http.start, 0.95), 100),
        atMost("response of manual-trigger, p95 ms", percentile(http.answer, 0.95), 200),
      ],
    };
  } finally {
    await server.stop();
  }
}
