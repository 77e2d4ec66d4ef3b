import { openTestDatabase } from "../testing/database.ts";
import { seeded } from "../testing/random.ts";
import { type Fault, prepareSimulation, simulate, startOfFault } from "../testing/simulation.ts";
import { simulateScriptedMonth } from "./scripted-month.ts";
import { atLeast, atMost, median, type Report, say, table } from "./report.ts";
import { timeRules } from "./rules.ts";
import { startBenchServer } from "./server.ts";

const START = "2026-06-01T00:00:00.000Z";
const DAYS = 30;
const SEED = 20260601;

/** Each kind of fault with its share in percent, its length in ticks and the rule that must fire; null where none may fire. */
const KINDS: { kind: Fault["kind"]; share: number; ticks: [number, number]; rule: string | null }[] = [
  { kind: "failing", share: 20, ticks: [1, 2], rule: null },
  { kind: "late", share: 15, ticks: [1, 4], rule: null },
  { kind: "partial", share: 15, ticks: [1, 6], rule: null },
  { kind: "failing", share: 20, ticks: [3, 8], rule: "Match Schedule Consecutive Failures" },
  { kind: "missed", share: 12, ticks: [1, 4], rule: "Match Schedule Overdue" },
  { kind: "slow", share: 9, ticks: [1, 1], rule: "Match Schedule Duration Exceeded" },
  { kind: "heavy", share: 9, ticks: [1, 3], rule: "Memory Usage Exceeded" },
];

/** The faults of a month; the evaluator never sees their labels. */
function generate(random: () => number): Fault[] {
  const faults: Fault[] = [];
  for (let tick = 4; tick < DAYS * 96 - 20;) {
    let pick = random() * 100;
    const chosen = KINDS.find(({ share }) => (pick -= share) < 0) ?? KINDS[0];
    if (!chosen) break;
    const [least, most] = chosen.ticks;
    const ticks = least + Math.floor(random() * (most - least + 1));
    faults.push({ kind: chosen.kind, tick, ticks, rule: chosen.rule });
    // A quarter of the faults contain a second one; where no run starts, none can use too much memory.
    if (chosen.kind !== "missed" && chosen.kind !== "heavy" && random() < 0.25) {
      faults.push({ kind: "heavy", tick: tick + Math.floor(random() * ticks), ticks: 1, rule: "Memory Usage Exceeded" });
    }
    tick += ticks + 4 + Math.floor(random() * 20);
  }
  return faults;
}

/** Measures precision, recall, notifications per incident and detection delay over a simulated month with noise and near misses. */
export async function measure(): Promise<Report> {
  const server = await startBenchServer();
  const db = await openTestDatabase();
  try {
    await prepareSimulation(db);
    const random = seeded(SEED);
    const faults = generate(random);
    const startedAt = performance.now();
    const { incidents, notifications, evaluations, ends } = await simulate(db, { start: START, ticks: DAYS * 96, faults, random });
    const seconds = (performance.now() - startedAt) / 1000;
    const start = Date.parse(START);
    const unmatched = new Set(incidents);
    const delays: number[] = [];
    const missed: Fault[] = [];
    const labelled = faults.filter((fault) => fault.rule !== null);
    for (const fault of labelled) {
      const from = startOfFault(fault, start, ends), until = start + (fault.tick + fault.ticks + 2) * 15 * 60_000;
      const found = [...unmatched].find((incident) => incident.rule === fault.rule && incident.opened >= from && incident.opened <= until);
      if (found) {
        unmatched.delete(found);
        delays.push((found.opened - from) / 1000);
      } else missed.push(fault);
    }
    const recall = 1 - missed.length / labelled.length;
    const precision = incidents.length ? 1 - unmatched.size / incidents.length : 1;
    const perIncident = notifications.length / incidents.length;
    delays.sort((a, b) => a - b);
    const slowest = delays.at(-1) ?? NaN, p95 = delays[Math.floor(delays.length * 0.95)] ?? NaN;
    say(
      `${DAYS} simulated days, ${faults.length} faults of which ${labelled.length} must fire, ${evaluations} evaluations in ${
        seconds.toFixed(0)
      } s, on ${server.name}, seed ${SEED}`,
    );
    table(["incidents", "missed", "false", "recall", "precision", "notifications per incident", "delay p50 s", "p95 s", "worst s"], [
      [incidents.length, missed.length, unmatched.size, recall, precision, perIncident, median(delays), p95, slowest],
    ]);
    const scripted = await simulateScriptedMonth(db);
    say(
      `a scripted month: ${scripted.runs} runs, ${scripted.incidents} incidents, ${scripted.notifications} notifications; differences from the script:`,
    );
    scripted.differences.forEach(say);
    say(`${scripted.differences.length} differences`);
    const timed = await timeRules();
    const figures = {
      scripted,
      faults: faults.length,
      labelled: labelled.length,
      incidents: incidents.length,
      evaluations,
      seconds,
      recall,
      precision,
      false_positives: unmatched.size,
      notifications_per_incident: perIncident,
      measured: timed.figures,
      delay_s: { p50: median(delays), p95, worst: slowest },
    };
    return {
      figures,
      bars: [
        atLeast("recall", recall, 1),
        atLeast("precision", precision, 0.99),
        atMost("notifications per incident", perIncident, 2),
        atMost("differences in a scripted month", scripted.differences.length, 0),
        ...timed.bars,
      ],
    };
  } finally {
    await db.close();
    await server.stop();
  }
}
