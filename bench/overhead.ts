import { openTestDatabase, type TestDatabase } from "../testing/database.ts";
import { systemClock } from "../services/clock.ts";
import { parseAnswer, type Rpc } from "../services/rpc.ts";
import { startSync } from "../services/SyncRunner.ts";
import type { SyncDeps } from "../services/SyncRun.ts";
import { VisClient } from "../services/VisClient.ts";
import { syncMatches } from "../supabase/functions/match-schedule-sync/sync.ts";
import { atMost, median, type Report, say, table } from "./report.ts";
import { startBenchServer } from "./server.ts";

/** Response time of VIS, as in `docs/architecture.md`; the median tournament of 2026 has 40 matches. */
const ANSWER_MS = 300;
const MATCHES = 40;
const CONCURRENCY = 4;
const SIZES = [1, 50, 500];
const ROUNDS: Record<number, number> = { 1: 9, 50: 5, 500: 1 };
const RECORDING = /_sync_execution$/;

function upstream(): typeof fetch {
  return async (_input, init) => {
    const no = /NoTournament="(\d+)"/.exec(String(init?.body))?.[1] ?? "";
    await systemClock.sleep(ANSWER_MS);
    const rows = Array.from(
      { length: MATCHES },
      (_, index) =>
        `<BeachMatch No="${
          Number(no) * 100 + index
        }" NoTournament="${no}" Status="1" LocalDate="2026-06-10" TeamAName="A/B" TeamBName="C/D" Version="1"/>`,
    );
    return new Response(`<BeachMatches NbItems="${MATCHES}" Version="1">${rows.join("")}</BeachMatches>`, {
      headers: { "content-type": "application/xml" },
    });
  };
}

interface Sample {
  ms: number;
  recordingCalls: number;
  heartbeats: number;
}

/** One run of the match sync; without monitoring, its recording calls return at once and do not reach the database. */
async function sample(db: TestDatabase, tournaments: number, isMonitored: boolean, failing: number): Promise<Sample> {
  await db.reset();
  await db.query(
    `insert into tournaments (no, name, season, status, start_date, end_date)
    select (80000 + i)::text, 'T', '2026', 6, current_date, current_date from generate_series(1, $1) i`,
    [tournaments],
  );
  let recordingCalls = 0, heartbeats = 0;
  const rpc: Rpc = (fn, args) => {
    if (!RECORDING.test(fn)) return db.rpc(fn, args);
    if (!isMonitored) return Promise.resolve(parseAnswer(fn, UNMONITORED[fn]));
    if (fn.startsWith("heartbeat")) heartbeats++;
    else recordingCalls++;
    return db.rpc(fn, args);
  };
  const fetchGood = upstream();
  const flaky: typeof fetch = (input, init) => {
    const no = Number(/NoTournament="(\d+)"/.exec(String(init?.body))?.[1]) - 80_000;
    return no <= failing ? Promise.resolve(new Response("", { status: 418 })) : fetchGood(input, init);
  };
  const deps: SyncDeps = { rpc, clock: systemClock, log: () => {}, wallClockLeft: () => 3_600_000 };
  const startedAt = performance.now();
  const run = await startSync(deps, "matches_schedule", { trigger: "CRON" });
  await run.perform((open) => {
    const options = { url: "http://vis.test/", timeoutMs: 30_000, retries: 0, retryMinMs: 0 };
    return syncMatches(open, new VisClient({ options, rpc: open.rpc, clock: systemClock, metrics: open.metrics, fetch: flaky }), {
      ignoreTtl: false,
      concurrency: CONCURRENCY,
    });
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

/** Measures the time that recording adds to a sync: runs with and without it alternate, and their medians are compared. */
export async function measure(): Promise<Report> {
  const server = await startBenchServer();
  const db = await openTestDatabase();
  try {
    await sample(db, 4, true, 0);
    const rows: (string | number)[][] = [];
    const figures: Record<string, unknown> = { database: server.name, answer_ms: ANSWER_MS };
    const calls: number[] = [];
    let addedAt50 = 0;
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
      if (size === 50) addedAt50 = share;
      rows.push([size, median(plain), median(monitored), added, share, last.recordingCalls, last.heartbeats]);
      figures[size] = {
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
    rows.push(["50, all failing", "", failing.ms, "", "", failing.recordingCalls, failing.heartbeats]);
    say(
      `Match sync, ${MATCHES} matches a tournament, VIS answers in ${ANSWER_MS} ms, ${CONCURRENCY} in flight, on ${figures.database}`,
    );
    table(["tournaments", "plain ms", "monitored ms", "added ms", "added %", "round trips", "heartbeats"], rows);
    return {
      figures,
      bars: [atMost("added % at 50 tournaments", addedAt50, 2), atMost("round trips of a run, without heartbeats", Math.max(...calls), 2)],
    };
  } finally {
    await db.close();
    await server.stop();
  }
}
