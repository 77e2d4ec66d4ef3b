import type { Rpc } from "../services/rpc.ts";
import { evaluateRules } from "../supabase/functions/sync-alert-processor/alert-processor.ts";
import { type Channels, deliverDue } from "../supabase/functions/sync-alert-processor/notification-service.ts";
import { TestClock } from "./clock.ts";
import type { TestDatabase } from "./database.ts";

const MINUTE = 60_000;

/** Something wrong with `matches_schedule` for a while, and the rule that must notice it; near misses name none. */
export interface Trouble {
  kind: "failing" | "silent" | "slow" | "heavy" | "late" | "partial" | "shared" | "lone" | "unwatched" | "undelivered";
  /** The first tick it concerns, and how many in a row. */
  tick: number;
  ticks: number;
  rule: string | null;
}

/** Tournaments of every simulated run: those that fail together in a shared trouble, and the one that fails for its own reason in a lone one. */
export const TOGETHER = ["8101", "8102", "8103"], ALONE = "8104";

/** What a person does in a simulated stretch, ms since the epoch. */
export interface Act {
  at: number;
  act: () => Promise<unknown>;
}

/** What a simulated stretch left behind. */
export interface Outcome {
  incidents: { rule: string; opened: number; resolved: number | null; severity: string; parent: string | null }[];
  /** Messages by incident's rule and kind, as the channels got them; `rule` names the tournament too where there is one. */
  told: { kind: string; rule: string; channel: string; at: number }[];
  evaluations: number;
  /** When the run of each tick ended, ms since the epoch. */
  ends: Map<number, number>;
}

/** The moment a trouble has become one, by its own nature: the third failed run's end, the due time plus grace, the limit passed, the heavy run's end. */
export function begins(trouble: Trouble, start: number, ends: Outcome["ends"]): number {
  const due = start + trouble.tick * 15 * MINUTE;
  switch (trouble.kind) {
    case "failing":
      return ends.get(trouble.tick + 2) ?? NaN;
    case "silent":
    case "slow":
      return due + 5 * MINUTE;
    default:
      return ends.get(trouble.tick) ?? NaN;
  }
}

/**
 * Plays `ticks` quarter hours of match syncs through the real functions on a virtual clock: each run as the troubles of its tick have it, the rules
 * evaluated every five minutes by two evaluators, and at once when a run failed.
 */
export async function simulate(
  db: Pick<TestDatabase, "query" | "value">,
  options: {
    start: string;
    ticks: number;
    troubles: Trouble[];
    random: () => number;
    evaluateAt?: number[];
    isPunctual?: boolean;
    acts?: Act[];
  },
): Promise<Outcome> {
  const clock = new TestClock(options.start);
  const start = clock.now();
  const told: Outcome["told"] = [];
  const ends: Outcome["ends"] = new Map();
  let isUndelivered = false;
  const hear: Channels["dashboard"] = ({ channel, items }) => {
    const nameOf = (item: (typeof items)[number]) => [item.rule_name, ...item.tournament_no ? [item.tournament_no] : []].join(" ");
    items.forEach((item) => told.push({ kind: item.kind, rule: nameOf(item), channel, at: clock.now() }));
    return Promise.resolve({ outcome: "SENT" });
  };
  const channels: Channels = {
    dashboard: hear,
    webhook: (message) => isUndelivered ? Promise.resolve({ outcome: "DEAD", error: "410 Gone" }) : hear(message),
    slack: () => Promise.resolve({ outcome: "DEAD" }),
    email: () => Promise.resolve({ outcome: "DEAD" }),
  };
  // Straight to SQL: what REST adds is tested elsewhere, and a month is long.
  const rpc: Rpc = async (fn, args, answer) => {
    const names = Object.keys(args);
    const sql = `select ${fn}(${names.map((name, index) => `${name} => $${index + 1}`).join(", ")})`;
    return answer.parse(await db.value(sql, Object.values(args)));
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
    // Troubles may overlap: a run can be slow, heavy and fail all at once.
    const kinds = new Set(options.troubles.filter((one) => tick >= one.tick && tick < one.tick + one.ticks).map((one) => one.kind));
    const late = kinds.has("late") ? 4 * MINUTE : Math.floor(options.random() * 2_000);
    const seconds = kinds.has("slow") ? 420 : 20 + options.random() * 40;
    const failed = kinds.has("failing");
    const begun = due + late, ended = Math.round(begun + seconds * 1000);
    const execution_id = crypto.randomUUID();
    // Unless they are punctual, one evaluation in twenty never comes, and one in ten comes late.
    const events: Act[] = (options.evaluateAt ?? [0, 5, 10]).flatMap((minutes) => {
      const chance = options.isPunctual ? 1 : options.random();
      const delay = chance < 0.15 ? options.random() * MINUTE : 0;
      return chance < 0.05 || kinds.has("unwatched")
        ? []
        : [{ at: Math.round(due + minutes * MINUTE + 20_000 + delay * 0.6), act: evaluate }];
    });
    isUndelivered = kinds.has("undelivered");
    events.push(...(options.acts ?? []).filter((one) => one.at >= due && one.at < due + 15 * MINUTE));
    if (!kinds.has("silent")) {
      ends.set(tick, ended);
      const beat = (ms: number) => ({
        at: ms,
        act: () => at(ms, "select heartbeat_sync_execution($1, $2)", { execution_id, counters: {} }),
      });
      events.push({
        at: begun,
        act: () =>
          at(begun, "select start_sync_execution($1, $2)", {
            execution_id,
            entity_type: "matches_schedule",
            trigger: "CRON",
            wall_clock_ms: 600_000,
          }),
      });
      for (let ms = begun + 50_000; ms < ended; ms += 50_000) events.push(beat(ms));
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
    told,
    incidents: incidents.map(({ rule, opened, resolved, severity, parent }) => ({
      rule,
      severity,
      parent,
      opened: Date.parse(opened),
      resolved: resolved === null ? null : Date.parse(resolved),
    })),
  };
}

/** The outcome for each tournament of a run in which these troubles hold. */
function resultsOf(kinds: ReadonlySet<Trouble["kind"]>) {
  const failed = (no: string): string | null =>
    kinds.has("shared") && TOGETHER.includes(no) ? "service unavailable" : kinds.has("lone") && no === ALONE ? "bad data" : null;
  return [...TOGETHER, ALONE].map((tournament_no) => {
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

/** Readies a database for a simulation: only the rules on `matches_schedule`, all told on the dashboard. */
export async function prepareSimulation(db: TestDatabase): Promise<void> {
  await db.reset();
  await db.query("truncate alert_incidents, alert_evaluations, alert_notifications, alert_silences cascade");
  await db.query(
    "update alert_rules set is_active = entity_type = 'matches_schedule' or metric = 'memory_usage', escalation_delay = null, notification_channels = '[\"dashboard\"]'",
  );
  await db.query("update sync_status set paused_at = now(), paused_by = 'simulation' where entity_type = 'tournaments'");
}
