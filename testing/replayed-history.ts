import { lostPastOf, REPLAYABLE, replayRule } from "../services/alert-replay.ts";
import type { ReplayFacts } from "../services/contract/replay.ts";
import { parseAnswer } from "../services/rpc.ts";
import type { Backtest, PastIncident } from "../types/backtest.ts";
import type { TestDatabase } from "./database.ts";
import { createTrouble } from "./random-trouble.ts";
import { seeded } from "./random.ts";
import type { Fault, FaultKind } from "./simulated-runs.ts";
import { playTrouble, type Trouble } from "./simulated-trouble.ts";
import { type Act, TICK } from "./simulation.ts";

const DAY = 96 * TICK;
const ACTOR = { name: "operator@example.com", role: "operator" };
const iso = (at: number): string => new Date(at).toISOString();

/** The rules with settings that the shipped rules do not have: `for`, recovery thresholds, unknown values, flapping and repetition. */
const CHANGE = `with further as (
  insert into alert_rules (name, entity_type, metric, threshold, recovery_threshold, evaluation_window, for_duration, minimum_runs, no_data,
    severity, repeat_interval, escalation_delay, notification_channels)
  values
    ('Slow for a while', 'matches_schedule', 'duration_exceeded', 45, 35, '20 minutes', '20 minutes', 0, 'KEEP', 'LOW', '4 hours', null, '["hook"]'),
    ('Slow at once', 'matches_schedule', 'duration_exceeded', 200, null, '1 hour', '0', 0, 'KEEP', 'LOW', '1 hour', '40 minutes', '["hook"]'),
    ('Rate of an hour', 'matches_schedule', 'success_rate', 0.8, 0.95, '1 hour', '6 minutes', 3, 'ALERT', 'MEDIUM', '2 hours', null, '["mail"]'),
    ('Rate of a day', 'all', 'success_rate', 0.97, 0.98, '12 hours', '0', 2, 'OK', 'LOW', '6 hours', null, '["hook", "mail"]'),
    ('Errors', 'matches_schedule', 'error_rate', 0.5, 0.2, '2 hours', '0', 1, 'KEEP', 'LOW', '4 hours', null, '["hook"]'),
    ('Failed once', 'matches_schedule', 'consecutive_failures', 1, null, '1 hour', '10 minutes', 0, 'KEEP', 'HIGH', '30 minutes', '10 minutes', '["hook"]'),
    ('Late for long', 'matches_schedule', 'sync_overdue', 600, null, '15 minutes', '5 minutes', 0, 'KEEP', 'LOW', '4 hours', null, '["hook"]'),
    ('Two alike', 'matches_schedule', 'shared_failure', 2, null, '30 minutes', '0', 0, 'KEEP', 'MEDIUM', '4 hours', null, '["hook"]'),
    ('Large', 'matches_schedule', 'memory_usage', 155, 130, '30 minutes', '0', 0, 'KEEP', 'LOW', '4 hours', null, '["hook"]')
  on conflict (name) do nothing
)
update alert_rules set is_active = false where metric = 'burn_rate'`;

/** A day with each fault, act and time that a replay repeats: gaps, silences, pauses, flapping, and runs that were missed in a gap. */
export function aDay(start: number): Trouble {
  const fault = (kind: FaultKind, tick: number, ticks: number, entity?: string): Fault => ({
    kind,
    tick,
    ticks,
    ...entity ? { entity } : {},
  });
  const at = (tick: number, minutes = 0) => start + tick * TICK + minutes * 60_000;
  return {
    faults: [
      fault("failing", 3, 4),
      fault("missed", 10, 1),
      fault("missed", 14, 3),
      fault("no_evaluation", 16, 1),
      ...[20, 25, 30, 35, 40].map((tick) => fault("slow", tick, 1)),
      fault("paused", 47, 3),
      fault("outage", 54, 4, "all"),
      fault("no_evaluation", 62, 4),
      fault("missed", 63, 2),
      fault("failing", 69, 1),
      fault("no_evaluation", 70, 1),
      fault("missed", 73, 2),
      fault("failing", 77, 4),
      fault("shared", 84, 3),
      fault("partial", 88, 3),
      fault("heavy", 91, 1),
    ],
    quiet: [{ entity: "matches_schedule", from: at(76), until: at(79, 7) }],
    acknowledgements: [{ at: at(56, 5), until: at(57, 5) }],
  };
}

/** The acts of a person who resolves firing incidents or removes acknowledgements at some times. */
function actsOf(db: TestDatabase, random: () => number, start: number, days: number): Act[] {
  return Array.from({ length: days * 3 }, (_, index): Act => {
    const at = start + Math.floor(random() * days * DAY), action = ["acknowledge", "unacknowledge", "resolve"][index % 3];
    const states = action === "unacknowledge" ? ["ACKNOWLEDGED"] : ["FIRING", "ACKNOWLEDGED"];
    return {
      at,
      act: () =>
        db.query(
          `select change_alert_incident(jsonb_build_object('id', id, 'action', $1::text, 'actor', $2::jsonb), $3)
          from alert_incidents where state = any (array(select jsonb_array_elements_text($4)))`,
          [action, ACTOR, iso(at), states],
        ),
    };
  });
}

/** The faults whose run the reaper closes; its end is the last heartbeat, so a replay finds it up to two minutes too early. */
const CLOSED_LATE: ReadonlySet<FaultKind> = new Set(["stuck", "hung"]);

/** Records a history of some days with random trouble and acts, and returns its end. */
export async function recordHistory(
  db: TestDatabase,
  { seed, start, days, trouble }: { seed: number; start: number; days: number; trouble?: Trouble },
): Promise<number> {
  const random = seeded(seed);
  if (!trouble) {
    const created = createTrouble(random, days, start);
    trouble = { ...created, faults: created.faults.filter(({ kind }) => !CLOSED_LATE.has(kind)) };
  }
  await playTrouble(db, trouble, { start, ticks: days * 96, random }, { change: CHANGE, acts: actsOf(db, random, start, days) });
  return start + days * DAY;
}

/** Reads the facts for the replay of a rule as the preview does. */
export async function replayFacts(db: TestDatabase, p: object, since: number, until: number): Promise<ReplayFacts> {
  const sql = "select replay_alert_rule($1, $2)", args = { rule: {}, since: iso(since), metrics: REPLAYABLE, ...p };
  return parseAnswer("replay_alert_rule", await db.value(sql, [args, iso(until)]));
}

const lineOf = ({ opened_at, resolved_at, severity, acknowledged_at }: PastIncident): string =>
  [opened_at, resolved_at, acknowledged_at].map((at) => at === null ? "-" : iso(Date.parse(at)).slice(5, 19)).join(" ") + ` ${severity}`;

/** The differences between the incidents of a replay and the recorded ones. */
function differencesOf({ incidents, actual, notifications }: Backtest): string[] {
  const replayed = incidents.map(lineOf).sort(), real = (actual?.incidents ?? []).map(lineOf).sort();
  return [
    ...replayed.filter((line) => !real.includes(line)).map((line) => `only replayed: ${line}`),
    ...real.filter((line) => !replayed.includes(line)).map((line) => `only real: ${line}`),
    ...notifications.total === actual?.notifications ? [] : [`${notifications.total} notifications, really ${actual?.notifications}`],
  ];
}

/** Replays each rule of a recorded history, and compares the replay with the recorded incidents. */
export async function compareReplays(
  db: TestDatabase,
  since: number,
  until: number,
): Promise<{ rules: number; incidents: number; notifications: number; differences: string[] }> {
  const rules = await db.query<{ id: string; name: string }>(
    "select id, name from alert_rules where is_active and scope = 'ENTITY' order by name",
  );
  const found = { rules: 0, incidents: 0, notifications: 0, differences: [] as string[] };
  for (const { id, name } of rules) {
    const facts = await replayFacts(db, { id }, since, until);
    if (lostPastOf(facts) !== null) continue;
    const backtest = replayRule(facts);
    found.rules++;
    found.incidents += backtest.incidents.length;
    found.notifications += backtest.notifications.total;
    found.differences.push(...differencesOf(backtest).map((text) => `${name}: ${text}`));
  }
  return found;
}
