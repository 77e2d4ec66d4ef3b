import { labelsOf } from "../testing/alert-labels.ts";
import type { TestDatabase } from "../testing/database.ts";
import { seeded } from "../testing/random.ts";
import { MINUTE, type Outcome } from "../testing/simulation.ts";
import { simulateTrouble } from "../testing/simulated-trouble.ts";
import { median, say, table } from "./report.ts";
import { createTrouble } from "../testing/random-trouble.ts";

const START = Date.parse("2026-06-01T00:00:00.000Z"), DAYS = 14, SEED = 20260615;
/** The time at the start in which incidents are not judged, because an indicator has no burn rate in its first day. */
const WARM_UP = 26 * 60 * MINUTE;
/** The time after the end of a fault in which an opening counts as right: the short window of a burn rate, also for thresholds. */
const AFTERWARDS = 60 * MINUTE;
/** The faults that spend a budget: runs that fail or do not start. */
const COSTLY: ReadonlySet<string> = new Set(["failing", "outage", "database", "shared", "lone", "stuck", "hung", "missed"]);

interface BurnRateFigures {
  [rules: string]: { faults: number; detected: number; delay_min: number; incidents: number; right: number; precision: number };
}

function judge(incidents: Outcome["incidents"], faults: { from: number; until: number }[]) {
  const during = ({ from, until }: { from: number; until: number }, opened: number) => opened >= from && opened <= until + AFTERWARDS;
  const delays = faults.flatMap((fault) => {
    const first = incidents.map(({ opened }) => opened).filter((opened) => during(fault, opened)).sort((a, b) => a - b)[0];
    return first === undefined ? [] : [(first - fault.from) / MINUTE];
  });
  const right = incidents.filter(({ opened }) => faults.some((fault) => during(fault, opened))).length;
  return {
    faults: faults.length,
    detected: delays.length,
    delay_min: delays.length ? median(delays) : NaN,
    incidents: incidents.length,
    right,
    precision: incidents.length ? right / incidents.length : NaN,
  };
}

/** Simulates labelled weeks in which burn-rate and threshold rules evaluate the same runs, and compares the incidents of both. */
export async function playBurnRates(db: TestDatabase): Promise<BurnRateFigures> {
  const random = seeded(SEED), trouble = createTrouble(random, DAYS, START);
  const { outcome } = await simulateTrouble(db, trouble, { start: START, ticks: DAYS * 96, random, hasObjectives: true });
  const faults = labelsOf(trouble, outcome, START).filter(({ kind, from, until }) =>
    COSTLY.has(kind) && from >= START + WARM_UP && Number.isFinite(until)
  );
  const counted = outcome.incidents.filter(({ opened, rule }) =>
    opened >= START + WARM_UP && !/Duration|Memory|Undelivered|Processor/.test(rule)
  );
  const isBurn = ({ rule }: { rule: string }) => / Burn( Fast| Slow)?$/.test(rule);
  const figures: BurnRateFigures = {
    "thresholds": judge(counted.filter((incident) => !isBurn(incident)), faults),
    "burn rates": judge(counted.filter(isBurn), faults),
    "burn fast": judge(counted.filter(({ rule }) => / Burn Fast$/.test(rule)), faults),
    "burn": judge(counted.filter(({ rule }) => / Burn$/.test(rule)), faults),
    "burn slow": judge(counted.filter(({ rule }) => / Burn Slow$/.test(rule)), faults),
  };
  say(`${DAYS} days with ${faults.length} faults that cost a budget, seed ${SEED}`);
  table(
    ["rules", "faults", "detected", "delay min", "incidents", "during a fault", "precision"],
    Object.entries(figures).map(([rules, figure]) => [rules, ...Object.values(figure)]),
  );
  return figures;
}
