import type { Arguments } from "../services/contract/index.ts";
import { parseAnswer, type Rpc } from "../services/rpc.ts";
import { evaluateRules } from "../supabase/functions/sync-alert-processor/alert-processor.ts";
import { deliverDue } from "../supabase/functions/sync-alert-processor/notification-service.ts";
import { TestClock } from "./clock.ts";
import type { TestDatabase } from "./database.ts";
import { type Attempt, createReceivers, type Received } from "./simulated-receivers.ts";
import { endOf, type Fault, type FaultKind, planRun, reportOf, type SimulatedRun } from "./simulated-runs.ts";

export const MINUTE = 60_000, TICK = 15 * MINUTE;
const DAY = 96 * TICK, WALL_CLOCK = 10 * MINUTE;
/** The minutes of a tick with an evaluation while no state changes; two are at the end of a grace, and 5 minutes without one are a gap. */
const IDLE_MINUTES = [0, 3, 5, 9, 12];

/** An act of a person during a simulation, at a time in ms since the epoch. */
export interface Act {
  at: number;
  act: () => unknown;
}

interface Simulation {
  start: string;
  ticks: number;
  /** The end of the simulation in ms since the epoch; by default the end of the last tick. */
  until?: number;
  faults: Fault[];
  random: () => number;
  acts?: Act[];
  /** The minutes of a tick with an evaluation, the first one by two evaluators; by default as in production, with late and lost ones. */
  evaluateAt?: (tick: number) => number[];
  /** Whether runs of matches report the result of each tournament, and whether the daily sync of tournaments also runs. */
  hasResults?: boolean;
  isDaily?: boolean;
  /** Whether the events of the objectives are rolled up each hour, so that burn rates have a history. */
  hasObjectives?: boolean;
}

interface Incident {
  id: string;
  rule: string;
  opened: number;
  resolved: number | null;
  severity: string;
  parent: string | null;
}

/** The outcome of a simulation. */
export interface Outcome {
  runs: SimulatedRun[];
  incidents: Incident[];
  /** The messages in the order of their arrival, and the attempts that a recipient did not confirm. */
  received: Received[];
  unconfirmed: Attempt[];
  /** The times of the evaluations. */
  evaluations: number[];
}

/** The start and end of a fault, as due times. */
export const spanOf = ({ tick, ticks }: Fault, start: number): [number, number] => [start + tick * TICK, start + (tick + ticks) * TICK];

/** The start and end of the pause of a sync, which begins between two runs and ends before the next due time. */
export const pauseOf = (fault: Fault, start: number): [number, number] => {
  const [from, until] = spanOf(fault, start);
  return [from - 5 * MINUTE, until - 1_000];
};

/** Whether a state changes or a notification is queued. */
const hasChange = ({ p }: Arguments<"apply_alert_transitions">): boolean =>
  p.transitions.some((transition) => transition.from_state !== transition.to_state || transition.notifications.length > 0);

/** Runs the real functions on a virtual clock: the syncs under faults, the evaluator, the deliveries, and the acts of people. */
export async function simulate(db: Pick<TestDatabase, "query" | "value">, options: Simulation): Promise<Outcome> {
  const { faults, random } = options;
  const clock = new TestClock(options.start), start = clock.now(), end = start + options.ticks * TICK;
  const runs: SimulatedRun[] = [], evaluations: number[] = [];
  const kindsAt = (at: number, entity?: string): Set<FaultKind> =>
    new Set(
      faults.filter((fault) => {
        const [from, until] = spanOf(fault, start);
        const concerned = fault.entity ?? "matches_schedule";
        return at >= from && at < until && (entity === undefined || concerned === entity || concerned === "all");
      }).map(({ kind }) => kind),
    );
  const { channels, received, unconfirmed } = createReceivers(clock, () => kindsAt(clock.now()));

  let busyUntil = 0;
  // The calls are SQL without REST, because other tests cover REST and a simulated month makes many calls.
  const rpc: Rpc = async (fn, args) => {
    const names = Object.keys(args);
    const sql = `select ${fn}(${names.map((name, index) => `${name} => $${index + 1}`).join(", ")})`;
    const answer = await db.value(sql, Object.values(args));
    // Production evaluates each minute; the simulation evaluates each minute only for some minutes after a change.
    if (fn === "apply_alert_transitions" && hasChange(args as Arguments<"apply_alert_transitions">)) busyUntil = clock.now() + 3 * MINUTE;
    return parseAnswer(fn, answer);
  };
  const evaluate = async (evaluators = 1) => {
    if (kindsAt(clock.now()).has("no_evaluation")) return;
    evaluations.push(clock.now());
    await Promise.all(Array.from({ length: evaluators }, () => evaluateRules(rpc, clock, () => {}, "cron")));
    await deliverDue(rpc, clock, () => {}, channels);
  };
  const call = (fn: string, p: object) => db.query(`select ${fn}($1, $2)`, [p, clock.asOf()]);

  const agenda: Act[] = [];
  const plan = (at: number, act: Act["act"]) => {
    const index = agenda.findIndex((other) => other.at > at);
    agenda.splice(index < 0 ? agenda.length : index, 0, { at, act });
  };
  /** Starts the run of a due time, unless it is missed; starts a missed or failed daily run again. */
  const startRun = (entity: string, due: number, attempt = 1): void => {
    const kinds = kindsAt(clock.now(), entity), isDaily = entity === "tournaments";
    const again = (delay: number) => isDaily && plan(clock.now() + delay, () => startRun(entity, due, attempt + 1));
    if (kinds.has("paused")) return;
    if (kinds.has("missed")) return void again(TICK);
    const run = planRun(entity, clock.now(), kinds, random), closed = endOf(run), execution_id = crypto.randomUUID();
    const id = { execution_id }, of = { due_at: new Date(due).toISOString(), attempt };
    runs.push(run);
    plan(
      run.started,
      () => call("start_sync_execution", { ...id, ...of, entity_type: entity, trigger: "CRON", wall_clock_ms: WALL_CLOCK }),
    );
    for (let beat = run.started + 50_000; beat < closed && !kinds.has("stuck"); beat += 50_000) {
      plan(beat, () => call("heartbeat_sync_execution", { ...id, counters: {} }));
    }
    plan(closed, async () => {
      if (run.ended === null) await db.query("select reap_sync_executions($1)", [clock.asOf()]);
      else await call("finish_sync_execution", { ...id, ...reportOf(run, options.hasResults ?? false, random) });
      // The database calls the evaluator after a failed run, and after each run while an incident is live.
      if (run.weight < 1 || clock.now() < busyUntil) await evaluate();
      if (run.weight === 0) again(([10, 20, 30][attempt - 1] ?? 60) * MINUTE);
    });
  };
  const evaluateInTick = (due: number) => {
    const { evaluateAt } = options;
    const minutes = evaluateAt ? evaluateAt((due - start) / TICK) : Array.from({ length: 15 }, (_, index) => index);
    for (const minute of minutes) {
      // After a change, 3 % of the calls are lost, 10 % are late, and 10 % run at the same time as a second evaluator.
      const chance = evaluateAt ? 0.5 : random(), isLate = chance < 0.1;
      plan(due + minute * MINUTE + 20_000 + (isLate ? Math.floor(random() * 30_000) : 0), async () => {
        const isDue = evaluateAt || IDLE_MINUTES.includes(minute) || clock.now() < busyUntil && chance < 0.97;
        const isDouble = evaluateAt ? minute === minutes[0] : chance >= 0.1 && chance < 0.2;
        if (isDue) await evaluate(isDouble ? 2 : 1);
      });
    }
  };
  for (let due = start; due < end; due += TICK) {
    plan(due, () => {
      startRun("matches_schedule", due);
      if (options.hasObjectives && due % (4 * TICK) === 0) {
        plan(due + 7 * MINUTE, () => db.query("select private.roll_up_indicators($1)", [clock.asOf()]));
      }
      if (options.isDaily && due % DAY === 0) startRun("tournaments", due);
      evaluateInTick(due);
    });
  }
  for (const { at, act } of options.acts ?? []) plan(at, act);
  const until = options.until ?? end;
  for (let next = agenda.shift(); next && next.at < until; next = agenda.shift()) {
    clock.advance(Math.max(0, next.at - clock.now()));
    await next.act();
  }
  return { runs, evaluations, received, unconfirmed, incidents: await incidentsOf(db) };
}

async function incidentsOf(db: Pick<TestDatabase, "query">): Promise<Incident[]> {
  const incidents = await db.query<
    { opened_at: string; resolved_at: string | null } & Pick<Incident, "id" | "rule" | "severity" | "parent">
  >(
    `select i.id, concat_ws(' ', i.rule_name, i.tournament_no) as rule, i.opened_at, i.resolved_at, i.severity, p.rule_name as parent
    from alert_incidents i left join alert_incidents p on p.id = i.parent_id where i.state <> 'PENDING' order by i.opened_at, 2`,
  );
  return incidents.map(({ opened_at, resolved_at, ...rest }) => ({
    ...rest,
    opened: Date.parse(opened_at),
    resolved: resolved_at === null ? null : Date.parse(resolved_at),
  }));
}

/** Empties a database for a simulation with the shipped rules; with `isQuiet`, no rule escalates or notifies more than the dashboard. */
export async function prepareSimulation(db: TestDatabase, { isQuiet = true } = {}): Promise<void> {
  await db.reset();
  await db.query("truncate alert_incidents, alert_evaluations, alert_notifications, alert_silences, notification_destinations cascade");
  if (!isQuiet) return;
  await db.query(
    "update alert_rules set is_active = entity_type = 'matches_schedule' or metric = 'memory_usage', escalation_delay = null, notification_channels = '[\"dashboard\"]'",
  );
  await db.query("update sync_status set paused_at = now(), paused_by = 'simulation' where entity_type = 'tournaments'");
}
