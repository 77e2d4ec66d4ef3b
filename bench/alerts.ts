import { openTestDatabase } from "../testing/database.ts";
import { seeded } from "../testing/random.ts";
import { begins, prepareSimulation, simulate, type Trouble } from "../testing/simulation.ts";
import { scriptedMonth } from "./scripted-month.ts";
import { atLeast, atMost, median, type Report, say, table } from "./report.ts";
import { startBenchServer } from "./server.ts";

const START = "2026-06-01T00:00:00.000Z";
const DAYS = 30;
const SEED = 20260601;

/** What goes wrong, how often of a hundred, for how many ticks, and which rule must notice; the near misses name none. */
const KINDS: { kind: Trouble["kind"]; share: number; ticks: [number, number]; rule: string | null }[] = [
  { kind: "failing", share: 20, ticks: [1, 2], rule: null },
  { kind: "late", share: 15, ticks: [1, 4], rule: null },
  { kind: "partial", share: 15, ticks: [1, 6], rule: null },
  { kind: "failing", share: 20, ticks: [3, 8], rule: "Match Schedule Consecutive Failures" },
  { kind: "silent", share: 12, ticks: [1, 4], rule: "Match Schedule Overdue" },
  { kind: "slow", share: 9, ticks: [1, 1], rule: "Match Schedule Duration Exceeded" },
  { kind: "heavy", share: 9, ticks: [1, 3], rule: "Memory Usage Exceeded" },
];

/** A month of troubles; the evaluator never sees these labels. */
function generate(random: () => number): Trouble[] {
  const troubles: Trouble[] = [];
  for (let tick = 4; tick < DAYS * 96 - 20;) {
    let pick = random() * 100;
    const chosen = KINDS.find(({ share }) => (pick -= share) < 0) ?? KINDS[0];
    if (!chosen) break;
    const [least, most] = chosen.ticks;
    const ticks = least + Math.floor(random() * (most - least + 1));
    troubles.push({ kind: chosen.kind, tick, ticks, rule: chosen.rule });
    // One in four has a second cause in the middle of it; where no run begins there is none to be heavy.
    if (chosen.kind !== "silent" && chosen.kind !== "heavy" && random() < 0.25) {
      troubles.push({ kind: "heavy", tick: tick + Math.floor(random() * ticks), ticks: 1, rule: "Memory Usage Exceeded" });
    }
    tick += ticks + 4 + Math.floor(random() * 20);
  }
  return troubles;
}

/** Precision, recall, messages an incident and detection delay over a simulated month with noise and near misses. */
export async function measure(): Promise<Report> {
  const server = await startBenchServer();
  const db = await openTestDatabase();
  try {
    await prepareSimulation(db);
    const random = seeded(SEED);
    const troubles = generate(random);
    const begun = performance.now();
    const { incidents, told, evaluations, ends } = await simulate(db, { start: START, ticks: DAYS * 96, troubles, random });
    const seconds = (performance.now() - begun) / 1000;
    const start = Date.parse(START);
    const unmatched = new Set(incidents);
    const delays: number[] = [];
    const missed: Trouble[] = [];
    const labelled = troubles.filter((trouble) => trouble.rule !== null);
    for (const trouble of labelled) {
      const from = begins(trouble, start, ends), until = start + (trouble.tick + trouble.ticks + 2) * 15 * 60_000;
      const found = [...unmatched].find((incident) =>
        incident.rule === trouble.rule && incident.opened >= from && incident.opened <= until
      );
      if (found) {
        unmatched.delete(found);
        delays.push((found.opened - from) / 1000);
      } else missed.push(trouble);
    }
    const recall = 1 - missed.length / labelled.length;
    const precision = incidents.length ? 1 - unmatched.size / incidents.length : 1;
    const perIncident = told.length / incidents.length;
    delays.sort((a, b) => a - b);
    const slowest = delays.at(-1) ?? NaN, p95 = delays[Math.floor(delays.length * 0.95)] ?? NaN;
    say(
      `${DAYS} simulated days, ${troubles.length} troubles of which ${labelled.length} must be noticed, ${evaluations} evaluations in ${
        seconds.toFixed(0)
      } s, on ${server.name}, seed ${SEED}`,
    );
    table(["incidents", "missed", "false", "recall", "precision", "messages an incident", "delay p50 s", "p95 s", "worst s"], [
      [incidents.length, missed.length, unmatched.size, recall, precision, perIncident, median(delays), p95, slowest],
    ]);
    const scripted = await scriptedMonth(db);
    say(
      `a scripted month: ${scripted.runs} runs, ${scripted.incidents} incidents, ${scripted.messages} messages, and what is not as written down:`,
    );
    scripted.differences.forEach(say);
    say(`${scripted.differences.length} differences`);
    const figures = {
      scripted,
      troubles: troubles.length,
      labelled: labelled.length,
      incidents: incidents.length,
      evaluations,
      seconds,
      recall,
      precision,
      false_positives: unmatched.size,
      messages_per_incident: perIncident,
      delay_s: { p50: median(delays), p95, worst: slowest },
    };
    return {
      figures,
      bars: [
        atLeast("recall", recall, 1),
        atLeast("precision", precision, 0.99),
        atMost("messages an incident", perIncident, 2),
        atMost("differences in a scripted month", scripted.differences.length, 0),
      ],
    };
  } finally {
    await db.close();
    await server.stop();
  }
}
