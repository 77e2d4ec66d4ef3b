import { parseAnswer, type Rpc } from "../services/rpc.ts";
import { evaluateRules } from "../supabase/functions/sync-alert-processor/alert-processor.ts";
import { type Channels, deliverDue } from "../supabase/functions/sync-alert-processor/notification-service.ts";
import { TestClock } from "./clock.ts";
import type { TestDatabase } from "./database.ts";

const MINUTE = 60_000;

/** A fault of `matches_schedule` that lasts some ticks, and the rule that must fire for it; null where none may fire. */
export interface Fault {
  kind: "failing" | "missed" | "slow" | "heavy" | "late" | "partial" | "shared" | "lone" | "no_evaluation" | "undelivered";
  /** The first tick of the fault, and its length in ticks. */
  tick: number;
  ticks: number;
  rule: string | null;
}

/** Tournaments of every simulated run: a shared fault fails `SHARED` with one fingerprint, a lone fault fails `LONE` with another. */
export const SHARED = ["8101", "8102", "8103"], LONE = "8104";

/** An act of a person during a simulation. */
export interface Act {
  /** Milliseconds since the epoch. */
  at: number;
  act: () => Promise<unknown>;
}

/** The incidents and notifications that a simulation produced. */
interface Outcome {
  incidents: { rule: string; opened: number; resolved: number | null; severity: string; parent: string | null }[];
  /** Notifications in the order in which the channels received them; `rule` ends with the tournament where the incident has one. */
  notifications: { kind: string; rule: string; channel: string; at: number }[];
  evaluations: number;
  /** End of the run of each tick, milliseconds since the epoch. */
  ends: Map<number, number>;
}

/**
 * The moment from which the rule must fire: the end of the third failed run, the due time plus grace, the duration limit, or the end of the run that
 * used too much memory.
 */
export function startOfFault(fault: Fault, start: number, ends: Outcome["ends"]): number {
  const due = start + fault.tick * 15 * MINUTE;
  switch (fault.kind) {
    case "failing":
      return ends.get(fault.tick + 2) ?? NaN;
    case "missed":
      return due + 5 * MINUTE;
    case "slow":
      return due + 100_000;
    default:
      return ends.get(fault.tick) ?? NaN;
  }
}

/**
 * Simulates `ticks` quarter hours of match syncs with the real functions on a virtual clock. The faults of a tick decide how its run ends. Two
 * evaluators evaluate the rules every five minutes, and at once after a failed run.
 */
export async function simulate(
  db: Pick<TestDatabase, "query" | "value">,
  options: {
    start: string;
    ticks: number;
    faults: Fault[];
    random: () => number;
    evaluateAt?: number[];
    isPunctual?: boolean;
    acts?: Act[];
  },
): Promise<Outcome> {
  const clock = new TestClock(options.start);
  const start = clock.now();
  const notifications: Outcome["notifications"] = [];
  const ends: Outcome["ends"] = new Map();
  let isUndelivered = false;
  const deliver: Channels["dashboard"] = ({ items }, { channel }) => {
    const nameOf = (item: (typeof items)[number]) => [item.rule_name, ...item.tournament_no ? [item.tournament_no] : []].join(" ");
    const reported = items.filter(({ is_new }) => is_new);
    reported.forEach((item) => notifications.push({ kind: item.kind, rule: nameOf(item), channel, at: clock.now() }));
    return Promise.resolve({ outcome: "SENT", is_answered: true });
  };
  const refuse: Channels["dashboard"] = () => Promise.resolve({ outcome: "DEAD", is_answered: true, error: "410 Gone" });
  const channels: Channels = {
    dashboard: deliver,
    webhook: (message, destination) => (isUndelivered ? refuse : deliver)(message, destination),
    slack: refuse,
    email: refuse,
  };
  // SQL without REST: other tests cover REST, and a simulated month makes many calls.
  const rpc: Rpc = async (fn, args) => {
    const names = Object.keys(args);
    const sql = `select ${fn}(${names.map((name, index) => `${name} => $${index + 1}`).join(", ")})`;
    return parseAnswer(fn, await db.value(sql, Object.values(args)));
  };
  let evaluations = 0;
  const evaluate = async () => {
    evaluations += 2;
    await Promise.all([1, 2].map(() => evaluateRules(rpc, clock, () => {}, "cron")));
    await deliverDue(rpc, clock, () => {}, channels);
  };
  const at = async <T>(ms: number, sql: string, p: object): Promise<T> => await db.value<T>(sql, [p, new Date(ms).toISOString()]);

  for (let tick = 0; tick < options.ticks; tick++) {
    const due = start + tick * 15 * MINUTE;
    // Faults may overlap: a run can be slow, use too much memory and fail.
    const kinds = new Set(
      options.faults.filter((fault) => tick >= fault.tick && tick < fault.tick + fault.ticks).map((fault) => fault.kind),
    );
    const late = kinds.has("late") ? 4 * MINUTE : Math.floor(options.random() * 2_000);
    const seconds = kinds.has("slow") ? 420 : 20 + options.random() * 40;
    const failed = kinds.has("failing");
    const started = due + late, ended = Math.round(started + seconds * 1000);
    const execution_id = crypto.randomUUID();
    // Unless `isPunctual`, 5 % of the evaluations do not run and 10 % run late.
    const events: Act[] = (options.evaluateAt ?? [0, 5, 10]).flatMap((minutes) => {
      const chance = options.isPunctual ? 1 : options.random();
      const delay = chance < 0.15 ? options.random() * MINUTE : 0;
      return chance < 0.05 || kinds.has("no_evaluation")
        ? []
        : [{ at: Math.round(due + minutes * MINUTE + 20_000 + delay * 0.6), act: evaluate }];
    });
    isUndelivered = kinds.has("undelivered");
    events.push(...(options.acts ?? []).filter((act) => act.at >= due && act.at < due + 15 * MINUTE));
    if (!kinds.has("missed")) {
      ends.set(tick, ended);
      const beat = (ms: number) => ({
        at: ms,
        act: () => at(ms, "select heartbeat_sync_execution($1, $2)", { execution_id, counters: {} }),
      });
      events.push({
        at: started,
        act: () =>
          at(started, "select start_sync_execution($1, $2)", {
            execution_id,
            entity_type: "matches_schedule",
            trigger: "CRON",
            due_at: new Date(due).toISOString(),
            attempt: 1,
            wall_clock_ms: 600_000,
          }),
      });
      for (let ms = started + 50_000; ms < ended; ms += 50_000) events.push(beat(ms));
      const results = options.acts && (!failed || kinds.has("shared")) ? resultsOf(kinds) : [];
      const memory_usage_mb = kinds.has("heavy") ? 220 : Math.round(40 + options.random() * 120);
      const counters = {
        tournaments_processed: 10,
        tournaments_failed: failed ? 10 : kinds.has("partial") ? 1 : results.filter((result) => !result.success).length,
        memory_usage_mb,
        records_read: 400,
        api_calls: 10,
      };
      const isPartial = kinds.has("partial") || results.some((result) => !result.success);
      const status = failed ? "FAILED" : isPartial ? "PARTIAL" : "SUCCEEDED";
      events.push({
        at: ended,
        act: async () => {
          await at(ended, "select finish_sync_execution($1, $2)", { execution_id, status, reason: "simulated", counters, results });
          if (failed) await evaluate();
        },
      });
    }
    for (const event of events.sort((a, b) => a.at - b.at)) {
      clock.advance(Math.max(0, event.at - clock.now()));
      await event.act();
    }
  }
  const incidents = await db.query<{ rule: string; opened: string; resolved: string | null; severity: string; parent: string | null }>(
    `select concat_ws(' ', i.rule_name, i.tournament_no) as rule, i.opened_at as opened, i.resolved_at as resolved, i.severity, p.rule_name as parent
    from alert_incidents i left join alert_incidents p on p.id = i.parent_id where i.state <> 'PENDING' order by i.opened_at, 1`,
  );
  return {
    ends,
    evaluations,
    notifications,
    incidents: incidents.map(({ rule, opened, resolved, severity, parent }) => ({
      rule,
      severity,
      parent,
      opened: Date.parse(opened),
      resolved: resolved === null ? null : Date.parse(resolved),
    })),
  };
}

/** The result of each tournament of a run with these faults. */
function resultsOf(kinds: ReadonlySet<Fault["kind"]>) {
  const failed = (no: string): string | null =>
    kinds.has("shared") && SHARED.includes(no) ? "service unavailable" : kinds.has("lone") && no === LONE ? "bad data" : null;
  return [...SHARED, LONE].map((tournament_no) => {
    const error_message = failed(tournament_no);
    return {
      tournament_no,
      success: error_message === null,
      error_message,
      error_fingerprint: error_message,
      error_type: error_message && "API",
    };
  });
}

/** Prepares a database for a simulation: only the rules of `matches_schedule` are active, and their only channel is the dashboard. */
export async function prepareSimulation(db: TestDatabase): Promise<void> {
  await db.reset();
  await db.query("truncate alert_incidents, alert_evaluations, alert_notifications, alert_silences cascade");
  await db.query(
    "update alert_rules set is_active = entity_type = 'matches_schedule' or metric = 'memory_usage', escalation_delay = null, notification_channels = '[\"dashboard\"]'",
  );
  await db.query("update sync_status set paused_at = now(), paused_by = 'simulation' where entity_type = 'tournaments'");
}
