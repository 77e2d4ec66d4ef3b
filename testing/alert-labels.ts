import { CAUSES, endOf, type Fault, type FaultKind, LONE, type SimulatedRun } from "./simulated-runs.ts";
import type { Trouble } from "./simulated-trouble.ts";
import { MINUTE, type Outcome, pauseOf, spanOf, TICK } from "./simulation.ts";

const WINDOW = 24 * 60 * MINUTE, GRACE: Record<string, number> = { tournaments: 15 * MINUTE };

/** The duration from which a rule reports a run. */
const LONG = 100_000;

/** The truth about a fault, derived from the simulated runs and never read by the evaluator; times are in ms since the epoch. */
export interface Label {
  kind: FaultKind | "rate" | "late_processor";
  entity: string;
  tournament: string | null;
  /** The metrics of the rules that may report the fault. */
  metrics: readonly string[];
  /** The fingerprint that a message about the fault must name. */
  cause: string | null;
  /** The start of the fault, the time by which a recipient must be notified (null when not required), and the end. */
  from: number;
  detectable: number | null;
  until: number;
}

const METRICS: Partial<Record<FaultKind, string[]>> = {
  failing: ["consecutive_failures"],
  outage: ["shared_failure", "consecutive_failures"],
  database: ["shared_failure", "consecutive_failures"],
  shared: ["shared_failure", "consecutive_failures"],
  lone: ["consecutive_failures"],
  slow: ["duration_exceeded"],
  hung: ["duration_exceeded", "consecutive_failures", "stuck_execution"],
  stuck: ["consecutive_failures", "stuck_execution"],
  heavy: ["memory_usage"],
  missed: ["sync_overdue"],
};

/** The time at which failing runs of this kind are detectable, before the delay of an evaluation; null when no message is required. */
function detectableAt(kind: FaultKind, entity: string, runs: SimulatedRun[]): number | null {
  const endOfRun = (index: number) => runs[index] ? endOf(runs[index]) : null;
  if (kind === "slow" || kind === "hung") return runs[0] ? runs[0].started + LONG : null;
  if (kind === "heavy") return endOfRun(0);
  const isShared = (kind === "outage" || kind === "database" || kind === "shared") && entity !== "tournaments";
  // The tournaments of a simulation have the priority TODAY, whose rule needs two consecutive failures.
  return endOfRun(isShared ? 0 : kind === "lone" ? 1 : 2);
}

function labelOf(fault: Fault, entity: string, { runs }: Outcome, start: number): Label[] {
  const { kind } = fault, metrics = METRICS[kind], [first, last] = spanOf(fault, start);
  const own = runs.filter((run) => run.entity === entity);
  const base = { kind, entity, tournament: kind === "lone" ? LONE : null, metrics: metrics ?? [], cause: CAUSES[kind] ?? null };
  if (kind === "missed") {
    const until = own.find(({ due }) => due >= last)?.started ?? Infinity;
    return [{ ...base, from: first, detectable: first + (GRACE[entity] ?? 5 * MINUTE), until }];
  }
  const affected = own.filter((run) => run.kinds.has(kind) && run.due >= first && run.due < last);
  const firstRun = affected[0], lastRun = affected.at(-1);
  if (!metrics || !firstRun || !lastRun) return [];
  const next = own.find((run) => run.due > lastRun.due && !run.kinds.has(kind) && run.ended !== null);
  const isPeak = kind === "slow" || kind === "hung" || kind === "heavy";
  // A value over 15 minutes lasts 15 minutes. A failure of tournaments that are no longer due lasts 30 minutes.
  const isOutOfSeason = next?.kinds.has("off_season") && metrics.includes("shared_failure");
  const rest = isPeak ? endOf(lastRun) + TICK : isOutOfSeason ? lastRun.started + 2 * TICK : 0;
  const until = Math.max(next ? endOf(next) : Infinity, rest);
  return [{ ...base, from: firstRun.started, detectable: detectableAt(kind, entity, affected), until }];
}

/** Whether messages of another rule cover the runs of the fault, so that the success rate of a day does not report them again. */
const COVERED: ReadonlySet<Label["kind"]> = new Set(["failing", "outage", "database", "shared", "stuck"]);

/** The lowest success rate in the window among syncs with four runs: of all runs, and without the runs that messages cover at the time. */
function ratesAt(at: number, runs: SimulatedRun[], failures: Label[]): { uncovered: number; total: number } {
  const counted = runs.filter((run) => run.started > at - WINDOW && endOf(run) <= at);
  const isCovered = (run: SimulatedRun) =>
    run.weight < 1 &&
    failures.some(({ kind, entity, from, until, detectable }) =>
      detectable !== null && detectable <= at && run.started >= from && run.started < until &&
      (entity === run.entity || (run.kinds as ReadonlySet<string>).has(kind))
    );
  const lowest = (list: SimulatedRun[]) =>
    Math.min(
      ...["matches_schedule", "tournaments"].map((entity) => list.filter((run) => run.entity === entity))
        .filter(({ length }) => length >= 4).map((own) => own.reduce((sum, { weight }) => sum + weight, 0) / own.length),
    );
  return { uncovered: lowest(counted.filter((run) => !isCovered(run))), total: lowest(counted) };
}

/** The first time at which a message about a failure can be sent; a silence delays it, unless an earlier failure continues in this one. */
function notifiedAt(label: Label, failures: Label[], quiet: Trouble["quiet"]): number {
  const detectable = label.detectable ?? Infinity;
  const silence = quiet.find(({ entity, from, until }) => entity === label.entity && detectable >= from && detectable < until);
  if (!silence) return detectable;
  const before = failures.find(({ entity, from, until }) => entity === label.entity && from < label.from && until >= label.from);
  return before && notifiedAt(before, failures, quiet) < label.from ? detectable : silence.until;
}

/** The times in which the success rate is too low because of runs that no message covers. */
function rateLabels({ runs, evaluations }: Outcome, labels: Label[], { faults, quiet }: Trouble, start: number): Label[] {
  const candidates = labels.filter(({ kind, detectable }) => COVERED.has(kind) && detectable !== null);
  const failures = candidates.map((label) => ({ ...label, detectable: notifiedAt(label, candidates, quiet) }))
    .filter(({ detectable, until }) => detectable < until);
  // A paused sync has no rate, so no failure ends in a pause.
  const pauses = faults.filter(({ kind }) => kind === "paused").map((fault) => pauseOf(fault, start));
  const found: Label[] = [];
  let open: Label | undefined;
  for (const at of evaluations.filter((each) => !pauses.some(([from, until]) => each >= from && each < until))) {
    const { uncovered, total } = ratesAt(at, runs, failures);
    // The message of a live shared failure or streak replaces that of the rate.
    const isInhibited = failures.some(({ from, until }) => at >= from && at <= until + MINUTE);
    if (open && total >= 0.97) {
      open.until = at;
      open = undefined;
    } else if (uncovered < 0.95 && !open) {
      open = {
        kind: "rate",
        entity: "all",
        tournament: null,
        metrics: ["success_rate"],
        cause: null,
        from: at,
        detectable: null,
        until: Infinity,
      };
      found.push(open);
    }
    // A later message can cover the newest runs, so only a rate that stays low needs a message.
    if (open && open.detectable === null && uncovered < 0.95 && !isInhibited && at - open.from > 2 * TICK) open.detectable = at;
  }
  return found;
}

/** The evaluations five minutes or more after the one before. */
const lateLabels = ({ evaluations }: Outcome): Label[] =>
  evaluations.flatMap((at, index) => {
    const previous = evaluations[index - 1];
    if (previous === undefined || at - previous < 5 * MINUTE) return [];
    const base = { kind: "late_processor" as const, entity: "system", tournament: null, metrics: ["processor_late"], cause: null };
    return [{ ...base, from: previous, detectable: at, until: evaluations[index + 1] ?? Infinity }];
  });

/** The labels of the faults of a simulation that started at `start`. */
export function labelsOf(trouble: Trouble, outcome: Outcome, start: number): Label[] {
  const labels = trouble.faults.flatMap((fault) =>
    (fault.entity === "all" ? ["matches_schedule", "tournaments"] : [fault.entity ?? "matches_schedule"])
      .flatMap((entity) => labelOf(fault, entity, outcome, start))
  );
  return [...labels, ...rateLabels(outcome, labels, trouble, start), ...lateLabels(outcome)].sort((a, b) => a.from - b.from);
}
