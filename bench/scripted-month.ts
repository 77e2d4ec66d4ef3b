import type { TestDatabase } from "../testing/database.ts";
import { seeded } from "../testing/random.ts";
import { type Act, ALONE, prepareSimulation, simulate, TOGETHER, type Trouble } from "../testing/simulation.ts";

const START = Date.parse("2026-06-01T00:00:00.000Z");
const MINUTE = 60_000, TICKS_A_DAY = 96;
const ACTOR = { name: "operator@example.com", role: "operator" };
const FAILURES = "Match Schedule Consecutive Failures",
  OVERDUE = "Match Schedule Overdue",
  DURATION = "Match Schedule Duration Exceeded",
  MEMORY = "Memory Usage Exceeded",
  RATE = "Overall Sync Success Rate Drop",
  ALIKE = "Tournaments Failing Alike",
  ONE = `Match Schedule Tournament Failing ${ALONE}`,
  LATE = "Alert Processor Late",
  QUEUE = "Sync Queue Waiting",
  DEAD = "Notifications Undelivered";

/** A day's story: what goes wrong from 02:00 on, what a person does, and exactly what is told on the dashboard and which incidents there are. */
interface Day {
  name: string;
  troubles: Pick<Trouble, "kind" | "tick" | "ticks">[];
  /** Minutes after 02:00 and the SQL that a person's act comes down to; `$1` its moment. */
  acts?: { minute: number; does: (db: TestDatabase, as_of: string) => Promise<unknown> }[];
  told: string[];
  /** A rule, and after ` < ` the one that spoke for it. */
  incidents: string[];
}

const FIRING = (...rules: string[]) => rules.map((rule) => `FIRING ${rule}`);
const ESCALATED = (rule: string) => `ESCALATED ${rule}`;
const RESOLVED = (...rules: string[]) => rules.map((rule) => `RESOLVED ${rule}`);
const once = (rule: string) => [...FIRING(rule), ...RESOLVED(rule)];
const trouble = (kind: Trouble["kind"], ticks: number, tick = 0) => ({ kind, tick, ticks });
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
/** Two jobs take the places an entity has, and a third waits. */
const trigger = async (db: TestDatabase, as_of: string) => {
  for (const tournament_no of TOGETHER) {
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

const DAYS: Day[] = [
  { name: "nothing", troubles: [], told: [], incidents: [] },
  { name: "two failures", troubles: [trouble("failing", 2)], told: [], incidents: [] },
  { name: "three failures", troubles: [trouble("failing", 3)], told: once(FAILURES), incidents: [FAILURES] },
  {
    name: "nobody acknowledges",
    troubles: [trouble("failing", 4)],
    told: [...FIRING(FAILURES), ESCALATED(FAILURES), ...RESOLVED(FAILURES)],
    incidents: [FAILURES],
  },
  {
    name: "acknowledged",
    troubles: [trouble("failing", 4)],
    acts: [{ minute: 35, does: change("acknowledge") }],
    told: once(FAILURES),
    incidents: [FAILURES],
  },
  {
    name: "the acknowledgement runs out",
    troubles: [trouble("failing", 4)],
    acts: [{ minute: 33, does: change("acknowledge", 7) }],
    told: [...FIRING(FAILURES, FAILURES), ESCALATED(FAILURES), ...RESOLVED(FAILURES)],
    incidents: [FAILURES],
  },
  {
    name: "acknowledged and let go",
    troubles: [trouble("failing", 4)],
    acts: [{ minute: 33, does: change("acknowledge") }, { minute: 40, does: change("unacknowledge") }],
    told: [...FIRING(FAILURES), ESCALATED(FAILURES), ...RESOLVED(FAILURES)],
    incidents: [FAILURES],
  },
  {
    name: "resolved by hand while it holds",
    troubles: [trouble("failing", 4)],
    acts: [{ minute: 44, does: change("resolve") }],
    told: [...FIRING(FAILURES), ...RESOLVED(FAILURES), ...once(FAILURES)],
    incidents: [FAILURES, FAILURES],
  },
  {
    name: "silenced",
    troubles: [trouble("failing", 4)],
    acts: [{ minute: -30, does: silence(180, { entity_type: "matches_schedule" }) }],
    told: [],
    incidents: [FAILURES],
  },
  {
    name: "a silence ends in the middle",
    troubles: [trouble("failing", 4)],
    acts: [{ minute: -30, does: silence(80, { entity_type: "matches_schedule" }) }],
    told: once(FAILURES),
    incidents: [FAILURES],
  },
  { name: "cut short", troubles: [trouble("late", 4)], told: [], incidents: [] },
  { name: "one run missing", troubles: [trouble("silent", 1)], told: once(OVERDUE), incidents: [OVERDUE] },
  {
    name: "two runs missing",
    troubles: [trouble("silent", 2)],
    told: [...FIRING(OVERDUE), ESCALATED(OVERDUE), ...RESOLVED(OVERDUE)],
    incidents: [OVERDUE],
  },
  { name: "slow", troubles: [trouble("slow", 1)], told: once(DURATION), incidents: [DURATION] },
  { name: "heavy", troubles: [trouble("heavy", 2)], told: once(MEMORY), incidents: [MEMORY] },
  {
    name: "slow, heavy and failing at once",
    troubles: [trouble("slow", 1), trouble("heavy", 1), trouble("failing", 1)],
    told: once(DURATION),
    incidents: [DURATION, `${MEMORY} < ${DURATION}`],
  },
  { name: "partial", troubles: [trouble("partial", 8)], told: [], incidents: [] },
  { name: "many tournaments fail alike", troubles: [trouble("shared", 2)], told: once(ALIKE), incidents: [ALIKE] },
  {
    name: "they go on, and one fails for its own reason",
    troubles: [trouble("shared", 4), trouble("lone", 4)],
    told: [...FIRING(ALIKE, ONE), ESCALATED(ALIKE), ...RESOLVED(ONE, ALIKE)],
    incidents: [ALIKE, ...TOGETHER.map((no) => `Match Schedule Tournament Failing ${no} < ${ALIKE}`), ONE],
  },
  {
    name: "upstream fails whole runs",
    troubles: [trouble("shared", 4), trouble("failing", 4)],
    told: [...FIRING(ALIKE), ESCALATED(ALIKE), ...RESOLVED(ALIKE)],
    incidents: [
      ALIKE,
      ...[FAILURES, ...TOGETHER.map((no) => `Match Schedule Tournament Failing ${no}`)].map((rule) => `${rule} < ${ALIKE}`),
    ],
  },
  {
    name: "one tournament, silenced",
    troubles: [trouble("lone", 3)],
    acts: [{ minute: -5, does: silence(180, { tournament_no: ALONE }) }],
    told: [],
    incidents: [ONE],
  },
  {
    name: "a recurring silence covers the second of two",
    troubles: [trouble("failing", 3), trouble("heavy", 1, 24)],
    acts: [{ minute: -24 * 60 + 350, does: silence(60 * 48, { entity_type: "all", recurs_every: "24:00:00", lasts: "01:00:00" }) }],
    told: once(FAILURES),
    incidents: [FAILURES, MEMORY],
  },
  { name: "nobody evaluates", troubles: [trouble("unwatched", 3)], told: once(LATE), incidents: [LATE] },
  {
    name: "nobody evaluates and a run is missing meanwhile",
    troubles: [trouble("unwatched", 4), trouble("silent", 1, 1)],
    told: [...FIRING(LATE), `MISSED ${OVERDUE}`, ...RESOLVED(LATE)],
    incidents: [LATE, OVERDUE],
  },
  {
    name: "a job waits",
    troubles: [],
    acts: [{ minute: 3, does: trigger }, { minute: 45, does: cancel }],
    told: once(QUEUE),
    incidents: [QUEUE],
  },
  {
    name: "a channel refuses",
    troubles: [trouble("slow", 1), trouble("undelivered", 2)],
    told: [...once(DURATION), ...once(DEAD)],
    incidents: [DURATION, DEAD],
  },
  {
    name: "a tournament comes and goes",
    troubles: [0, 1, 2, 3].map((round) => trouble("lone", 3, round * 4)),
    told: [...[1, 2, 3].flatMap(() => once(ONE)), `FLAPPING ${ONE}`, ...RESOLVED(ONE)],
    incidents: [ONE, ONE, ONE, ONE],
  },
  {
    name: "failures that are never three in a row",
    troubles: [0, 4, 8].map((tick) => trouble("failing", 2, tick)),
    told: [...FIRING(RATE), ...Array.from({ length: 4 }, () => `REPEAT ${RATE}`)],
    incidents: [RATE],
  },
  { name: "the day those leave the window", troubles: [], told: [`REPEAT ${RATE}`, ...RESOLVED(RATE)], incidents: [] },
  { name: "all well", troubles: [], told: [], incidents: [] },
];

/** Plays a month as it is written down, a story a day, through two evaluators, and holds every message and incident against what it says. */
export async function scriptedMonth(
  db: TestDatabase,
): Promise<{ runs: number; incidents: number; messages: number; differences: string[] }> {
  await prepareSimulation(db);
  await db.query("update alert_rules set is_active = entity_type in ('matches_schedule', 'all', 'system')");
  // Evaluated every quarter of an hour here, so what speaks of minutes is set apart from that; everything else is as it ships.
  await db.query("update alert_rules set threshold = 1200 where metric = 'processor_late'");
  await db.query("update alert_rules set escalation_delay = '12 minutes' where name = $1", [FAILURES]);
  await db.query("update alert_rules set escalation_delay = '14 minutes' where name = $1", [OVERDUE]);
  await db.query("update alert_rules set escalation_delay = '30 minutes' where name = $1", [ALIKE]);
  await db.query(
    "insert into notification_channels (name, kind, config, secret) values ('hook', 'webhook', '{\"url\": \"https://receiver.test/\"}', 'whsec_bmV2ZXIgdXNlZCBhbnl3aGVyZSBlbHNl') on conflict do nothing",
  );
  await db.query('update alert_rules set notification_channels = \'["dashboard", "hook"]\' where name = $1', [DURATION]);
  for (const no of [...TOGETHER, ALONE]) {
    await db.query(
      "insert into tournaments (no, name, season, status, start_date, end_date) values ($1, 'Example', '2026', 6, '2026-06-01', '2026-07-01')",
      [no],
    );
  }
  const beginning = (day: number) => START + day * TICKS_A_DAY * 15 * MINUTE;
  const troubles = DAYS.flatMap((day, index) =>
    day.troubles.map((one) => ({ ...one, tick: index * TICKS_A_DAY + 8 + one.tick, rule: null }))
  );
  const acts: Act[] = DAYS.flatMap((day, index) =>
    (day.acts ?? []).map(({ minute, does }) => {
      const at = beginning(index) + (120 + minute) * MINUTE;
      return { at, act: () => does(db, new Date(at).toISOString()) };
    })
  );
  const ticks = DAYS.length * TICKS_A_DAY;
  const { incidents, told, ends } = await simulate(db, {
    start: new Date(START).toISOString(),
    ticks,
    troubles,
    acts,
    random: seeded(30),
    evaluateAt: [8],
    isPunctual: true,
  });
  const within = (day: number) => (at: number) => at >= beginning(day) && at < beginning(day + 1);
  const differences = DAYS.flatMap((day, index) => {
    const isToday = within(index);
    const heard = told.filter(({ channel, at }) => channel === "dashboard" && isToday(at)).map(({ kind, rule }) => `${kind} ${rule}`);
    const opened = incidents.filter((one) => isToday(one.opened)).map(({ rule, parent }) => parent === null ? rule : `${rule} < ${parent}`);
    const differ = (found: string[], wanted: string[], what: string) =>
      found.join("; ") === wanted.join("; ") ? [] : [`${day.name}: ${what} were [${found.join("; ")}], not [${wanted.join("; ")}]`];
    return [...differ(heard, day.told, "messages"), ...differ(opened, day.incidents, "incidents")];
  });
  const open = incidents.filter((one) => one.resolved === null).map((one) => `${one.rule} was not resolved`);
  return { runs: ends.size, incidents: incidents.length, messages: told.length, differences: [...differences, ...open] };
}
