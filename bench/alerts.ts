import { openTestDatabase, type TestDatabase } from "../testing/database.ts";
import { seeded } from "../testing/random.ts";
import { simulateTrouble } from "../testing/simulated-trouble.ts";
import { simulateScriptedMonth } from "./scripted-month.ts";
import { playBurnRates } from "./burn-rates.ts";
import { atLeast, atMost, median, type Report, say, table } from "./report.ts";
import { timeRules } from "./rules.ts";
import { startBenchServer } from "./server.ts";
import { createTrouble } from "../testing/random-trouble.ts";

const START = "2026-06-01T00:00:00.000Z";
const DAYS = 30, SEED = 20260601;
const PRECISION = 0.99;
const DETECTION_S = 65;

/** Simulates a month of trouble and compares the messages of each recipient with the labels, which the evaluator never reads. */
async function playTrouble(db: TestDatabase): Promise<Report> {
  const random = seeded(SEED), start = Date.parse(START);
  const trouble = createTrouble(random, DAYS, start), startedAt = performance.now();
  const { outcome, result } = await simulateTrouble(db, trouble, { start, ticks: DAYS * 96, random });
  const seconds = Math.round((performance.now() - startedAt) / 1000);
  const { expected, lost, openings, false_openings, repeated, excess, endless, delays } = result;
  const recall = 1 - lost.length / expected, precision = 1 - false_openings.length / openings;
  const p95 = (delays[Math.floor(delays.length * 0.95)] ?? NaN) / 1000, worst = (delays.at(-1) ?? NaN) / 1000;
  say(
    `${DAYS} days with ${trouble.faults.length} faults, ${outcome.runs.length} runs and ${outcome.evaluations.length} evaluations in ${seconds} s, seed ${SEED}`,
  );
  table([
    "expected",
    "lost",
    "openings",
    "false",
    "repeated",
    "excess messages",
    "ends late or never",
    "missed run: p50 s",
    "p95 s",
    "worst s",
  ], [
    [
      expected,
      lost.length,
      openings,
      false_openings.length,
      repeated.length,
      excess.length,
      endless.length,
      median(delays) / 1000,
      p95,
      worst,
    ],
  ]);
  Object.entries({ lost, false_openings, repeated, excess, endless }).forEach(([what, lines]) =>
    lines.slice(0, 20).forEach((line) => say(`${what.replace("_", " ")}: ${line}`))
  );
  const messages = outcome.received.length;
  return {
    figures: {
      faults: trouble.faults.length,
      runs: outcome.runs.length,
      evaluations: outcome.evaluations.length,
      seconds,
      incidents: outcome.incidents.length,
      messages,
      expected,
      openings,
      recall,
      precision,
      repeated: repeated.length,
      missed_run_s: { p50: median(delays) / 1000, p95, worst },
    },
    bars: [
      atLeast("notified recall", recall, 1),
      atLeast("precision of openings", precision, PRECISION),
      atMost("second openings about one fault", repeated.length, 0),
      atMost("excess messages", excess.length, 0),
      atMost("ends late or never", endless.length, 0),
      atMost("missed run notified after due time and grace, p95 s", p95, DETECTION_S),
    ],
  };
}

/** Measures the messages to recipients in a month of trouble and in a scripted month, and times the evaluation. */
export async function measure(): Promise<Report> {
  const server = await startBenchServer();
  const db = await openTestDatabase();
  try {
    const trouble = await playTrouble(db);
    const scripted = await simulateScriptedMonth(db);
    say(
      `a scripted month: ${scripted.runs} runs, ${scripted.incidents} incidents, ${scripted.notifications} notifications; ${scripted.differences.length} differences from the script`,
    );
    scripted.differences.forEach(say);
    const burning = await playBurnRates(db);
    const timed = await timeRules();
    return {
      figures: { server: server.name, trouble: trouble.figures, scripted, burning, measured: timed.figures },
      bars: [...trouble.bars, atMost("differences in a scripted month", scripted.differences.length, 0), ...timed.bars],
    };
  } finally {
    await db.close();
    await server.stop();
  }
}
