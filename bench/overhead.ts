import { openTestDatabase, type TestDatabase } from "../testing/database.ts";
import { directRpc } from "../testing/direct-rpc.ts";
import { systemClock } from "../services/clock.ts";
import { parseAnswer, type Rpc } from "../services/rpc.ts";
import { startSync } from "../services/SyncRunner.ts";
import type { SyncDeps } from "../services/SyncRun.ts";
import { VisClient } from "../services/VisClient.ts";
import { WorkerCpu } from "../services/worker-cpu.ts";
import { syncMatches } from "../services/match-sync.ts";
import { atMost, median, type Report, say, table } from "./report.ts";
import { startBenchServer } from "./server.ts";
import { type Cpu, matchList, runWorkers } from "./sync-workers.ts";

/** The response time of VIS, as in `docs/architecture.md`, and the matches of a tournament, the median of 2026. */
const ANSWER_MS = 300;
const MATCHES = 40;
const CONCURRENCY = 4;
const SIZES = [1, 50, 500];
const ROUNDS: Record<number, number> = { 1: 9, 50: 5, 500: 1 };
const RECORDING = /_sync_execution$/;

const upstream: typeof fetch = async (_input, init) => {
  const no = /NoTournament="(\d+)"/.exec(String(init?.body))?.[1] ?? "";
  await systemClock.sleep(ANSWER_MS);
  return matchList(no, MATCHES, "json");
};

async function insertTournaments(db: TestDatabase, count: number): Promise<void> {
  await db.reset();
  await db.query(
    `insert into tournaments (no, name, season, status, start_date, end_date)
    select (80000 + i)::text, 'T', '2026', 6, current_date, current_date from generate_series(1, $1) i`,
    [count],
  );
}

interface Sample {
  ms: number;
  recordingCalls: number;
  heartbeats: number;
}

/** One run of the match sync; without monitoring, its recording calls return at once and do not reach the database. */
async function sample(db: TestDatabase, tournaments: number, isMonitored: boolean, failing: number): Promise<Sample> {
  await insertTournaments(db, tournaments);
  let recordingCalls = 0, heartbeats = 0;
  const direct = directRpc(db);
  const rpc: Rpc = (fn, args) => {
    if (!RECORDING.test(fn)) return direct(fn, args);
    if (!isMonitored) return Promise.resolve(parseAnswer(fn, UNMONITORED[fn]));
    if (fn.startsWith("heartbeat")) heartbeats++;
    else recordingCalls++;
    return direct(fn, args);
  };
  const flaky: typeof fetch = (input, init) => {
    const no = Number(/NoTournament="(\d+)"/.exec(String(init?.body))?.[1]) - 80_000;
    return no <= failing ? Promise.resolve(new Response("", { status: 418 })) : upstream(input, init);
  };
  const deps: SyncDeps = {
    rpc,
    clock: systemClock,
    log: () => {},
    wallClockLeft: () => 3_600_000,
    cpu: new WorkerCpu({ budgetMs: Infinity }),
  };
  const startedAt = performance.now();
  const run = await startSync(deps, "matches_schedule", { trigger: "CRON" });
  await run.perform((open) => {
    const options = { url: "http://vis.test/", timeoutMs: 30_000, retries: 0, retryMinMs: 0 };
    return syncMatches(
      open,
      new VisClient({
        options,
        rpc: open.rpc,
        clock: systemClock,
        cpu: deps.cpu,
        shouldStop: () => null,
        metrics: open.metrics,
        fetch: flaky,
      }),
      {
        ignoreTtl: false,
        concurrency: CONCURRENCY,
        isLive: false,
        isConfirmed: false,
      },
    );
  });
  return { ms: performance.now() - startedAt, recordingCalls, heartbeats };
}

const UNMONITORED: Record<string, unknown> = {
  start_sync_execution: {
    outcome: "STARTED",
    execution_id: crypto.randomUUID(),
    live_execution_id: null,
    started_at: new Date().toISOString(),
    deadline: null,
    previous_was_cut: false,
  },
  heartbeat_sync_execution: { live: true, cancel_requested: false },
  finish_sync_execution: { recorded: true, status: "SUCCEEDED" },
};

interface FormatCost {
  /** The CPU of one more tournament, measured by the operating system for the main thread, which runs all JavaScript. */
  measured_ms: number;
  estimated_ms: number;
  /** The CPU of a first run of the smaller number of tournaments, with the start of its worker. */
  run_ms: number;
}

/**
 * The CPU of a tournament of 80 matches: the difference of two runs in new workers, which excludes the start and the first compilation. The
 * least of three rounds counts, because other programs on the machine can only increase it.
 */
async function costOf(db: TestDatabase, format: "json" | "xml"): Promise<FormatCost> {
  const [few, many] = [50, 150];
  const cpuOf = async (count: number): Promise<Cpu> => {
    await insertTournaments(db, count);
    const [worker, ...others] = await runWorkers(db, 80, format);
    if (!worker || others.length > 0) throw new Error(`one worker did not suffice for ${count} tournaments`);
    return worker;
  };
  const rounds: FormatCost[] = [];
  while (rounds.length < 3) {
    const [small, large] = [await cpuOf(few), await cpuOf(many)];
    const perTournament = (name: keyof Cpu) => (large[name] - small[name]) / (many - few);
    rounds.push({
      measured_ms: perTournament("main_thread_ms"),
      estimated_ms: perTournament("estimated_ms"),
      run_ms: small.main_thread_ms,
    });
  }
  return rounds.sort((a, b) => a.measured_ms - b.measured_ms)[0] as FormatCost;
}

/** Measures the CPU of a tournament, and of the workers that sync a new season of 500 tournaments with 28,000 matches. */
async function measureCpu(db: TestDatabase): Promise<Report> {
  const json = await costOf(db, "json"), xml = await costOf(db, "xml");
  say("\nCPU of a tournament of 80 new matches, and of a first run of 50 in a new worker");
  table(
    ["format", "estimated ms", "measured ms", "run, measured ms"],
    Object.entries({ json, xml }).map(([name, cost]) => [name, cost.estimated_ms, cost.measured_ms, cost.run_ms]),
  );
  await insertTournaments(db, 500);
  const workers = await runWorkers(db, 56, "json");
  say("\nWorkers that sync 500 tournaments with 28,000 new matches");
  table(
    ["worker", "estimated ms", "main thread ms", "process ms"],
    workers.map((cpu, index) => [index + 1, cpu.estimated_ms, cpu.main_thread_ms, cpu.process_ms]),
  );
  const longest = Math.max(...workers.map((cpu) => cpu.estimated_ms));
  const most = Math.max(...workers.map((cpu) => cpu.process_ms));
  return {
    figures: { cpu: { json, xml, workers } },
    bars: [
      atMost("CPU ms of a tournament of 80 matches in JSON", json.measured_ms, 2),
      atMost("estimated CPU ms of a worker", longest, 1_500),
      atMost("CPU ms of the process of a worker", most, 2_000),
    ],
  };
}

/** Measures the time that recording adds to a sync; runs with and without recording alternate, and their medians are compared. */
export async function measure(): Promise<Report> {
  const server = await startBenchServer();
  const db = await openTestDatabase();
  try {
    await sample(db, 4, true, 0);
    const rows: (string | number)[][] = [];
    const figures: Record<string, unknown> = { database: server.name, answer_ms: ANSWER_MS };
    const calls: number[] = [];
    let addedAt50 = 0, timesFloor = 0;
    for (const size of SIZES) {
      const plain: number[] = [], monitored: number[] = [];
      let last: Sample = { ms: 0, recordingCalls: 0, heartbeats: 0 };
      for (let round = 0; round < (ROUNDS[size] ?? 1); round++) {
        plain.push((await sample(db, size, false, 0)).ms);
        last = await sample(db, size, true, 0);
        monitored.push(last.ms);
      }
      calls.push(last.recordingCalls);
      const added = median(monitored) - median(plain), share = 100 * added / median(plain);
      // The least time of VIS alone: its response time for each group of parallel requests.
      const floor = ANSWER_MS * Math.ceil(size / CONCURRENCY);
      if (size === 50) [addedAt50, timesFloor] = [share, median(monitored) / floor];
      rows.push([size, floor, median(plain), median(monitored), added, share, last.recordingCalls, last.heartbeats]);
      figures[size] = {
        floor_ms: floor,
        plain_ms: median(plain),
        monitored_ms: median(monitored),
        added_ms: added,
        added_percent: share,
        round_trips: last.recordingCalls,
        heartbeats: last.heartbeats,
      };
    }
    const failing = await sample(db, 50, true, 50);
    calls.push(failing.recordingCalls);
    rows.push(["50, all failing", "", "", failing.ms, "", "", failing.recordingCalls, failing.heartbeats]);
    say(
      `Match sync, ${MATCHES} matches a tournament, VIS answers in ${ANSWER_MS} ms, ${CONCURRENCY} in flight, on ${figures.database}`,
    );
    table(["tournaments", "VIS alone ms", "plain ms", "monitored ms", "added ms", "added %", "round trips", "heartbeats"], rows);
    const cpu = await measureCpu(db);
    return {
      figures: { ...figures, ...cpu.figures },
      bars: [
        atMost("added % at 50 tournaments", addedAt50, 2),
        atMost("round trips of a run, without heartbeats", Math.max(...calls), 2),
        atMost("time of 50 tournaments divided by that of VIS alone", timesFloor, 1.1),
        ...cpu.bars,
      ],
    };
  } finally {
    await db.close();
    await server.stop();
  }
}
