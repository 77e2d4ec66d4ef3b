import { replayRule } from "../services/alert-replay.ts";
import { openTestDatabase, type TestDatabase } from "../testing/database.ts";
import { compareReplays, recordHistory, replayFacts } from "../testing/replayed-history.ts";
import { atLeast, atMost, type Report, say, table } from "./report.ts";
import { startBenchServer } from "./server.ts";

const START = Date.parse("2026-06-01T00:00:00Z"), DAY = 86_400_000;
/** The histories and the days of each; the simulation of one takes 15 to 30 seconds. */
const HISTORIES = 200, DAYS = 1;
/** The time limit of a replay of 30 days in seconds; hosted Postgres cancels a statement after 8 s. */
const LIMIT_S = 5;

/** Seeds 30 days of three entities with 100 runs a day, of which 1 in 60 fails. */
async function seedMonth(db: TestDatabase): Promise<void> {
  await db.reset();
  await db.query("truncate alert_incidents, alert_evaluations cascade");
  await db.query("update sync_status set is_active = true where entity_type = 'matches_live'");
  await db.query("truncate entity_pauses");
  await db.query(
    `insert into sync_execution_history (entity_type, status, trigger, due_at, attempt, execution_start, execution_end,
      tournaments_processed, tournaments_failed, records_read, api_calls, memory_usage_mb)
    select e.entity_type, case when n % 60 = 0 then 'FAILED' else 'SUCCEEDED' end, 'CRON', due, 1, due + make_interval(secs => n % 3),
      due + make_interval(secs => 20 + n % 37), 10, case when n % 60 = 0 then 10 else 0 end, 400, 10, 60 + n % 50
    from (values ('tournaments', interval '1 day', 40), ('matches_schedule', interval '15 minutes', 2976), ('matches_live', interval '6 hours', 124))
      e (entity_type, every, runs)
    cross join generate_series(1, e.runs) n cross join lateral (select $1::timestamptz - n * e.every as due) d`,
    [new Date(START + 30 * DAY).toISOString()],
  );
  await db.query(
    "insert into alert_evaluations (evaluated_at, cause, rules, applied, evaluated_since) select at, 'cron', 1, 0, $1::timestamptz - interval '7 days' from generate_series($1::timestamptz - interval '7 days', $1, '1 minute') at",
    [new Date(START + 30 * DAY).toISOString()],
  );
  await db.query("vacuum analyze");
}

interface Timing {
  rule: string;
  seconds: number;
  decide_ms: number;
  values: number;
  incidents: number;
}

async function timeReplays(db: TestDatabase): Promise<Timing[]> {
  await seedMonth(db);
  const names = ["Overall Sync Success Rate Drop", "Match Schedule Consecutive Failures", "Match Schedule Duration Exceeded"];
  const rules = await db.query<{ id: string; name: string }>(
    "select id, name from alert_rules where name = any (array(select jsonb_array_elements_text($1))) or metric in ('shared_failure', 'memory_usage') or name = 'Match Schedule Overdue' order by name",
    [names],
  );
  const timings: Timing[] = [];
  for (const { id, name } of rules) {
    const begin = performance.now(), facts = await replayFacts(db, { id }, START, START + 30 * DAY);
    const decided = performance.now(), { incidents } = replayRule(facts), end = performance.now();
    timings.push({
      rule: name,
      seconds: (end - begin) / 1000,
      decide_ms: end - decided,
      values: facts.values.length,
      incidents: incidents.length,
    });
  }
  return timings;
}

/** Replays the rules of random histories, compares each replay with the recorded incidents, and times a replay of 30 days. */
export async function measure(): Promise<Report> {
  const server = await startBenchServer();
  const db = await openTestDatabase();
  try {
    const timings = await timeReplays(db);
    say(`30 days of one rule, 3 entities, 100 runs a day (${server.name})`);
    table(["rule", "s", "decide ms", "values", "incidents"], timings.map((timing) => Object.values(timing)));
    const total = { incidents: 0, notifications: 0, differences: 0 };
    for (let seed = 1; seed <= HISTORIES; seed++) {
      const found = await compareReplays(db, START, await recordHistory(db, { seed, start: START, days: DAYS }));
      for (const line of found.differences) say(`seed ${seed}: ${line}`);
      total.incidents += found.incidents;
      total.notifications += found.notifications;
      total.differences += found.differences.length;
    }
    say(`${HISTORIES} histories of a day: ${total.incidents} incidents, ${total.differences} differences`);
    return {
      figures: { timings, histories: HISTORIES, ...total },
      bars: [
        atMost("seconds of the slowest rule", Math.max(...timings.map(({ seconds }) => seconds)), LIMIT_S),
        atMost("differences from what happened", total.differences, 0),
        atLeast("incidents compared", total.incidents, 5_000),
      ],
    };
  } finally {
    await db.close();
    await server.stop();
  }
}
