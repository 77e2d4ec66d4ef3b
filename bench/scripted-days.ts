import type { TestDatabase } from "../testing/database.ts";
import { type Fault, LONE, SHARED } from "../testing/simulated-runs.ts";

const MINUTE = 60_000;
const ACTOR = { name: "operator@example.com", role: "operator" };
export const FAILURES = "Match Schedule Consecutive Failures";
export const OVERDUE = "Match Schedule Overdue";
export const DURATION = "Match Schedule Duration Exceeded";
const MEMORY = "Memory Usage Exceeded";
const RATE = "Overall Sync Success Rate Drop";
export const ALIKE = "Tournaments Failing Alike";
const FAILING = "Match Schedule Tournament Failing";
/** The simulated tournaments have the priority TODAY, so an incident opens after two failures and inhibits the one after the third. */
const LIVE = "Live Tournament Failing";
const ONE = `${LIVE} ${LONE}`, ONE_AGAIN = `${FAILING} ${LONE} < ${LIVE}`;
/** The incidents of tournaments that a shared failure inhibits. */
const ofShared = (rule: string) => SHARED.map((no) => `${rule} ${no} < ${ALIKE}`);
const LATE = "Alert Processor Late";
const QUEUE = "Sync Queue Waiting";
const DEAD = "Notifications Undelivered";

/** One day: its faults from 02:00 on, the acts of people, and the exact notifications on the dashboard and incidents that must follow. */
interface Day {
  name: string;
  faults: Pick<Fault, "kind" | "tick" | "ticks">[];
  /** The acts of people, each with its minute after 02:00 and its SQL call. */
  acts?: { minute: number; call: (db: TestDatabase, as_of: string) => Promise<unknown> }[];
  notifications: string[];
  /** The incidents, each as the name of its rule and, after ` < `, the rule of its parent. */
  incidents: string[];
}

const FIRING = (...rules: string[]) => rules.map((rule) => `FIRING ${rule}`);
const ESCALATED = (rule: string) => `ESCALATED ${rule}`;
const RESOLVED = (...rules: string[]) => rules.map((rule) => `RESOLVED ${rule}`);
const firingAndResolved = (rule: string) => [...FIRING(rule), ...RESOLVED(rule)];
const fault = (kind: Fault["kind"], ticks: number, tick = 0) => ({ kind, tick, ticks });
const change = (action: string, until?: number) => (db: TestDatabase, as_of: string) =>
  db.query(
    `select change_alert_incident(jsonb_build_object('id', id, 'action', $1::text, 'note', 'scripted', 'until', $2::text, 'actor', $3::jsonb), $4)
    from alert_incidents where state in ('FIRING', 'ACKNOWLEDGED') and rule_name = $5`,
    [action, until === undefined ? null : new Date(Date.parse(as_of) + until * MINUTE).toISOString(), ACTOR, as_of, FAILURES],
  );
const silence = (minutes: number, row: Record<string, string | null> = {}) => (db: TestDatabase, as_of: string) =>
  db.query(
    `insert into alert_silences (starts_at, ends_at, entity_type, tournament_no, recurs_every, lasts, created_by, reason)
    values ($1, $1::timestamptz + $2 * interval '1 minute', $3, $4, $5, $6, 'operator@example.com', 'scripted')`,
    [as_of, minutes, row.entity_type ?? null, row.tournament_no ?? null, row.recurs_every ?? null, row.lasts ?? null],
  );
/** Two jobs use both slots of the entity, and a third waits. */
const trigger = async (db: TestDatabase, as_of: string) => {
  for (const tournament_no of SHARED) {
    const p = {
      entity_type: "matches_schedule",
      tournament_no,
      priority: "NORMAL",
      triggered_by: ACTOR.name,
      reason: "scripted",
      actor: ACTOR,
    };
    await db.query("select enqueue_sync_job($1, $2)", [p, as_of]);
  }
  await db.query("update sync_jobs set lease_expires_at = lease_expires_at + interval '2 hours' where status = 'RUNNING'");
};
const cancel = (db: TestDatabase, as_of: string) =>
  db.query(
    `select cancel_sync_job(jsonb_build_object('id', id, 'reason', 'scripted', 'actor', $1::jsonb), $2) from sync_jobs
    where status in ('QUEUED', 'RUNNING') order by status`,
    [ACTOR, as_of],
  );

export const DAYS: Day[] = [
  { name: "no faults", faults: [], notifications: [], incidents: [] },
  { name: "two failed runs", faults: [fault("failing", 2)], notifications: [], incidents: [] },
  { name: "three failed runs", faults: [fault("failing", 3)], notifications: firingAndResolved(FAILURES), incidents: [FAILURES] },
  {
    name: "no acknowledgement: escalated",
    faults: [fault("failing", 4)],
    notifications: [...FIRING(FAILURES), ESCALATED(FAILURES), ...RESOLVED(FAILURES)],
    incidents: [FAILURES],
  },
  {
    name: "acknowledged",
    faults: [fault("failing", 4)],
    acts: [{ minute: 35, call: change("acknowledge") }],
    notifications: firingAndResolved(FAILURES),
    incidents: [FAILURES],
  },
  {
    name: "the acknowledgement expires",
    faults: [fault("failing", 4)],
    acts: [{ minute: 33, call: change("acknowledge", 7) }],
    notifications: [...FIRING(FAILURES, FAILURES), ESCALATED(FAILURES), ...RESOLVED(FAILURES)],
    incidents: [FAILURES],
  },
  {
    name: "acknowledged, then unacknowledged",
    faults: [fault("failing", 4)],
    acts: [{ minute: 33, call: change("acknowledge") }, { minute: 40, call: change("unacknowledge") }],
    notifications: [...FIRING(FAILURES), ESCALATED(FAILURES), ...RESOLVED(FAILURES)],
    incidents: [FAILURES],
  },
  {
    name: "resolved by hand while the condition is met",
    faults: [fault("failing", 4)],
    acts: [{ minute: 44, call: change("resolve") }],
    notifications: firingAndResolved(FAILURES),
    incidents: [FAILURES],
  },
  {
    name: "silenced",
    faults: [fault("failing", 4)],
    acts: [{ minute: -30, call: silence(180, { entity_type: "matches_schedule" }) }],
    notifications: [],
    incidents: [FAILURES],
  },
  {
    name: "a silence ends while the incident fires",
    faults: [fault("failing", 4)],
    acts: [{ minute: -30, call: silence(80, { entity_type: "matches_schedule" }) }],
    notifications: firingAndResolved(FAILURES),
    incidents: [FAILURES],
  },
  { name: "late starts", faults: [fault("late", 4)], notifications: [], incidents: [] },
  { name: "one missed run", faults: [fault("missed", 1)], notifications: firingAndResolved(OVERDUE), incidents: [OVERDUE] },
  {
    name: "two missed runs",
    faults: [fault("missed", 2)],
    notifications: [...FIRING(OVERDUE), ESCALATED(OVERDUE), ...RESOLVED(OVERDUE)],
    incidents: [OVERDUE],
  },
  { name: "slow", faults: [fault("slow", 1)], notifications: firingAndResolved(DURATION), incidents: [DURATION] },
  { name: "too much memory", faults: [fault("heavy", 2)], notifications: firingAndResolved(MEMORY), incidents: [MEMORY] },
  {
    name: "slow, heavy and failing at once",
    faults: [fault("slow", 1), fault("heavy", 1), fault("failing", 1)],
    notifications: [...firingAndResolved(DURATION), ...firingAndResolved(MEMORY)],
    incidents: [DURATION, MEMORY],
  },
  { name: "partial", faults: [fault("partial", 8)], notifications: [], incidents: [] },
  {
    name: "tournaments share a fingerprint",
    faults: [fault("shared", 2)],
    notifications: firingAndResolved(ALIKE),
    incidents: [ALIKE, ...ofShared(LIVE)],
  },
  {
    name: "a shared failure and a tournament with its own fingerprint",
    faults: [fault("shared", 4), fault("lone", 4)],
    notifications: [...FIRING(ALIKE, ONE), ESCALATED(ALIKE), ...RESOLVED(ONE, ALIKE)],
    incidents: [ALIKE, ...ofShared(LIVE), ONE, ...ofShared(FAILING), ONE_AGAIN],
  },
  {
    name: "the shared failure also fails whole runs",
    faults: [fault("shared", 4), fault("failing", 4)],
    notifications: [...FIRING(ALIKE), ESCALATED(ALIKE), ...RESOLVED(ALIKE)],
    incidents: [ALIKE, ...ofShared(LIVE), `${FAILURES} < ${ALIKE}`, ...ofShared(FAILING)],
  },
  {
    name: "a silenced tournament",
    faults: [fault("lone", 3)],
    acts: [{ minute: -5, call: silence(180, { tournament_no: LONE }) }],
    notifications: [],
    incidents: [ONE, `${FAILING} ${LONE}`],
  },
  {
    name: "a recurring silence covers the second of two",
    faults: [fault("failing", 3), fault("heavy", 1, 24)],
    acts: [{ minute: -24 * 60 + 350, call: silence(60 * 48, { entity_type: "all", recurs_every: "24:00:00", lasts: "01:00:00" }) }],
    notifications: firingAndResolved(FAILURES),
    incidents: [FAILURES, MEMORY],
  },
  { name: "no evaluation", faults: [fault("no_evaluation", 3)], notifications: firingAndResolved(LATE), incidents: [LATE] },
  {
    name: "a missed run while nothing evaluates",
    faults: [fault("no_evaluation", 4), fault("missed", 1, 1)],
    notifications: [...FIRING(LATE), `MISSED ${OVERDUE}`, ...RESOLVED(LATE)],
    incidents: [LATE, OVERDUE],
  },
  {
    name: "a job waits",
    faults: [],
    acts: [{ minute: 3, call: trigger }, { minute: 45, call: cancel }],
    notifications: firingAndResolved(QUEUE),
    incidents: [QUEUE],
  },
  {
    name: "a channel refuses",
    faults: [fault("slow", 1), fault("gone", 2)],
    notifications: [...firingAndResolved(DURATION), ...firingAndResolved(DEAD)],
    incidents: [DURATION, DEAD],
  },
  {
    name: "a tournament flaps",
    faults: [0, 1, 2, 3].map((round) => fault("lone", 3, round * 4)),
    notifications: [...[1, 2, 3].flatMap(() => firingAndResolved(ONE)), `FLAPPING ${ONE}`, ...RESOLVED(ONE)],
    incidents: [1, 2, 3, 4].flatMap(() => [ONE, ONE_AGAIN]),
  },
  {
    name: "failures, never three in a row",
    faults: [0, 4, 8].map((tick) => fault("failing", 2, tick)),
    notifications: [...FIRING(RATE), ...Array.from({ length: 4 }, () => `REPEAT ${RATE}`)],
    incidents: [RATE],
  },
  { name: "these failures leave the window", faults: [], notifications: [`REPEAT ${RATE}`, ...RESOLVED(RATE)], incidents: [] },
  { name: "no fault", faults: [], notifications: [], incidents: [] },
];
