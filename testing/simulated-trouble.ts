import { labelsOf } from "./alert-labels.ts";
import { type Score, score } from "./alert-score.ts";
import type { TestDatabase } from "./database.ts";
import { RECIPIENTS } from "./simulated-receivers.ts";
import { type Fault, LONE, SHARED } from "./simulated-runs.ts";
import { type Act, type Outcome, pauseOf, prepareSimulation, simulate, TICK } from "./simulation.ts";

/** Faults, and the acts of people on them. */
export interface Trouble {
  faults: Fault[];
  /** The times in which the notifications of an entity are silenced. */
  quiet: { entity: string; from: number; until: number }[];
  /** The times at which a person acknowledges the firing incidents, with the end of each acknowledgement. */
  acknowledgements: { at: number; until: number }[];
}

const ACTOR = { name: "operator@example.com", role: "operator" };
const iso = (at: number) => new Date(at).toISOString();

/** Gives each shipped rule a dashboard, a webhook and an email channel with two recipients, and creates the tournaments. */
async function prepareTrouble(db: TestDatabase): Promise<void> {
  await prepareSimulation(db, { isQuiet: false });
  await db.query("delete from notification_channels where name <> 'dashboard'");
  await db.query(
    `insert into notification_channels (name, kind, config, secret) values
    ('hook', 'webhook', '{"url": "https://receiver.test/"}', 'whsec_bmV2ZXIgdXNlZCBhbnl3aGVyZSBlbHNl'), ('mail', 'email', $1, null)`,
    [{ to: RECIPIENTS }],
  );
  await db.query(`update alert_rules set notification_channels = '["dashboard", "hook", "mail"]'`);
  for (const no of [...SHARED, LONE]) {
    await db.query(
      "insert into tournaments (no, name, season, status, start_date, end_date) values ($1, 'Example', '2026', 6, '2026-06-01', '2026-08-01')",
      [no],
    );
  }
}

/** The acts of the trouble: pauses, silences, acknowledgements, and the end and the start of the season. */
function actsOf(db: TestDatabase, { faults, quiet, acknowledgements }: Trouble, start: number): Act[] {
  const pause = (entity_type: string, at: number, is_paused: boolean): Act => ({
    at,
    act: () =>
      db.query("select change_entity($1, $2)", [{ entity_type, changes: { is_paused }, reason: "simulated", actor: ACTOR }, iso(at)]),
  });
  const season = (tick: number, end_date: string): Act => ({
    at: start + tick * TICK - 1_000,
    act: () => db.query("update tournaments set start_date = $1::date - 90, end_date = $1", [end_date]),
  });
  return [
    ...faults.filter(({ kind }) => kind === "paused").flatMap((fault) => {
      const [from, until] = pauseOf(fault, start);
      return [pause("matches_schedule", from, true), pause("matches_schedule", until, false)];
    }),
    ...quiet.map(({ entity, from, until }): Act => ({
      at: from,
      act: () =>
        db.query("select save_alert_silence($1, $2)", [
          { entity_type: entity, ends_at: iso(until), reason: "simulated", actor: ACTOR },
          iso(from),
        ]),
    })),
    ...acknowledgements.map(({ at, until }): Act => ({
      at,
      act: () =>
        db.query(
          `select change_alert_incident(jsonb_build_object('id', id, 'action', 'acknowledge', 'until', $1::text, 'actor', $2::jsonb), $3)
          from alert_incidents where state = 'FIRING'`,
          [iso(until), ACTOR, iso(at)],
        ),
    })),
    ...faults.filter(({ kind }) => kind === "off_season").flatMap(({ tick, ticks }) => [
      season(tick, iso(start - 10 * 96 * TICK)),
      season(tick + ticks, "2026-08-01"),
    ]),
  ];
}

interface Span {
  start: number;
  ticks: number;
  random: () => number;
  hasObjectives?: boolean;
}

/** Simulates trouble with the shipped rules, after the statement `change` and with further acts. */
export async function playTrouble(
  db: TestDatabase,
  trouble: Trouble,
  { start, ticks, random, hasObjectives }: Span,
  { change, acts = [] }: { change?: string; acts?: Act[] } = {},
): Promise<Outcome> {
  await prepareTrouble(db);
  if (change) await db.query(change);
  const { faults } = trouble, all = [...actsOf(db, trouble, start), ...acts];
  return await simulate(db, { start: iso(start), ticks, faults, acts: all, random, hasResults: true, isDaily: true, hasObjectives });
}

/** Simulates trouble with the shipped rules, and compares the messages of each recipient with the labels of the faults. */
export async function simulateTrouble(
  db: TestDatabase,
  trouble: Trouble,
  span: Span,
): Promise<{ outcome: Outcome; result: Score }> {
  const outcome = await playTrouble(db, trouble, span), { start, ticks } = span;
  return { outcome, result: score(outcome, labelsOf(trouble, outcome, start), trouble, start, start + ticks * TICK) };
}
