// @ts-types="npm:@types/pg@8.23.1"
import { Client } from "pg";
import { openTestDatabase, type TestDatabase } from "../testing/database.ts";
import { atMost, median, type Report, say, table } from "./report.ts";
import { startBenchServer } from "./server.ts";

const SESSIONS = 5, CALLS = 10;

/** A history for `measure_alert_rules` with a run of each entity every 15 minutes; feeds with ten rules each replace the entities. */
interface History {
  name: string;
  days: number;
  feeds: number;
  tournamentsPerRun: number;
  /** The limit of a call, in ms. */
  limit: number;
}
const HISTORIES: History[] = [
  { name: "default rules at 90 days", days: 90, feeds: 0, tournamentsPerRun: 10, limit: 60 },
  { name: "default rules at 365 days", days: 365, feeds: 0, tournamentsPerRun: 10, limit: 60 },
  { name: "1000 rules over 100 entities", days: 10, feeds: 100, tournamentsPerRun: 4, limit: 1000 },
];
/** The rules of each feed: metric, scope, threshold, window. */
const RULES_OF_A_FEED = `('success_rate', 'ENTITY', 0.9, interval '1 day'), ('consecutive_failures', 'ENTITY', 3, '1 hour'),
  ('duration_exceeded', 'ENTITY', 120, '15 minutes'), ('memory_usage', 'ENTITY', 150, '15 minutes'),
  ('sync_overdue', 'ENTITY', 1, '15 minutes'),
  ('error_rate', 'ENTITY', 0.5, '1 day'), ('records_collapse', 'ENTITY', 0.5, '1 day'), ('api_response_time', 'ENTITY', 200, '1 hour'),
  ('stuck_execution', 'ENTITY', 60, '15 minutes'), ('consecutive_failures', 'TOURNAMENT', 3, '6 hours')`;
/** The statements that replace the default entities and rules by the feeds and their rules. */
const FEEDS = [
  `insert into sync_status (entity_type, title, function_name, sync_frequency, grace, max_runtime)
  select 'feed_' || i, 'Feed ' || i, 'feed-sync', '15 minutes', '5 minutes', '5 minutes' from generate_series(1, $1::int) i`,
  "update sync_status set is_active = false where $1::int > 0 and entity_type not like 'feed_%'",
  "update alert_rules set is_active = false where $1::int > 0",
  `insert into alert_rules (name, entity_type, metric, scope, threshold, evaluation_window, severity)
  select concat_ws(' ', e.entity_type, m.metric, m.scope), e.entity_type, m.*, 'HIGH'
  from sync_status e cross join (values ${RULES_OF_A_FEED}) m (metric, scope, threshold, evaluation_window)
  where $1::int > 0 and e.entity_type like 'feed_%'`,
];
/** The history: a tenth of the runs is PARTIAL or FAILED, each failed result has an error, and each rule has 40 incidents, one live. */
const RUNS = [
  `insert into tournaments (no, name, season, status, start_date, end_date)
  select (70000 + i)::text, 'Example', '2026', 6, now()::date, now()::date from generate_series(1, 600) i`,
  `insert into sync_execution_history
    (entity_type, trigger, status, execution_start, execution_end, tournaments_processed, tournaments_failed,
     memory_usage_mb, api_calls, api_response_ms_total, records_read)
  select e.entity_type, 'CRON', s.status, s.at, s.at + (5 + i % 100) * interval '1 second', 20,
    case s.status when 'SUCCEEDED' then 0 else 3 end, 50 + i % 100, 20, 1000, 400
  from generate_series(1, $1::int * 96) i cross join sync_status e cross join lateral (
    select now() - i * interval '15 minutes' as at, case i % 20 when 7 then 'FAILED' when 11 then 'PARTIAL' else 'SUCCEEDED' end as status
  ) s where e.is_active and (e.entity_type <> 'tournaments' or i % 96 = 0)`,
  `insert into sync_tournament_results
    (sync_execution_id, tournament_no, entity_type, success, error_type, error_message, error_fingerprint, created_at)
  select h.id, (70001 + (extract(epoch from h.execution_start)::bigint / 86400 * 7 + n) % 600)::text, h.entity_type, not f.failed,
    case when f.failed then 'API' end, case when f.failed then 'no answer' end, case when f.failed then 'f' || n % 5 end,
    h.execution_start + n * interval '200 milliseconds'
  from sync_execution_history h cross join generate_series(1, $1::int) n
  cross join lateral (select h.status = 'FAILED' or h.status = 'PARTIAL' and n <= 3 as failed) f where h.entity_type <> 'tournaments'`,
  `insert into sync_error_log
    (sync_execution_id, entity_type, tournament_no, error_type, error_code, error_severity, retryable, error_message,
     fingerprint, occurred_at)
  select sync_execution_id, entity_type, tournament_no, 'API', 'X', 'LOW', true, 'm', error_fingerprint, created_at
  from sync_tournament_results where not success`,
  `insert into alert_incidents
    (rule_id, rule_name, metric, entity_type, tournament_no, state, severity, threshold, message, opened_at, began_at, fired_at,
     resolved_at, updated_at)
  select r.id, r.name, r.metric, r.entity_type, case r.scope when 'TOURNAMENT' then (70000 + i)::text end,
    case i when 1 then 'FIRING' else 'RESOLVED' end, r.severity, r.threshold, 'm', s.at, s.at, s.at,
    case when i > 1 then s.at + interval '20 minutes' end, s.at
  from alert_rules r cross join generate_series(1, 40) i
  cross join lateral (select now() - i * interval '3 hours' as at) s where r.is_active`,
  `insert into alert_evaluations (evaluated_at, evaluated_since, cause, rules, applied)
  select now() - i * interval '1 minute', now(), 'cron', 13, 0 from generate_series(1, 20000) i`,
];

async function seed(db: TestDatabase, { days, feeds, tournamentsPerRun }: History): Promise<void> {
  await db.reset();
  await db.query("truncate alert_incidents, alert_evaluations cascade");
  for (const sql of FEEDS) await db.query(sql, [feeds]);
  await db.query("update sync_status set last_attempt = now(), last_sync = now()");
  for (const sql of RUNS) {
    await db.query(sql, sql.includes("$1") ? [sql.includes("generate_series(1, $1::int) n") ? tournamentsPerRun : days] : []);
  }
}

/** The medians of the first and of the last call of new sessions, in ms; after a restart, PostgREST opens new sessions. */
async function timeCalls(db: TestDatabase, server: string | undefined): Promise<{ first: number; last: number }> {
  const first: number[] = [], last: number[] = [];
  for (let session = 0; session < SESSIONS; session++) {
    const name = await db.value<string>("select current_database()");
    const connection = server ? new Client(server.replace(/\/[^/]*$/, `/${name}`)) : null;
    await connection?.connect();
    // A named statement is prepared once per session.
    const query = async (sql: string) => connection ? await connection.query({ name: sql, text: sql }) : await db.query(sql);
    await query("select 1");
    const times: number[] = [];
    for (let call = 0; call < CALLS; call++) {
      const startedAt = performance.now();
      await query("select measure_alert_rules()");
      times.push(performance.now() - startedAt);
    }
    await connection?.end();
    first.push(times[0] ?? NaN);
    last.push(times.at(-1) ?? NaN);
  }
  return { first: median(first), last: median(last) };
}

/** Times measure_alert_rules without planner statistics, as after a restore, and with them. */
export async function timeRules(): Promise<Report> {
  const rows: (string | number)[][] = [], bars: Report["bars"] = [];
  const server = Deno.env.get("TEST_DATABASE_URL");
  const db = await openTestDatabase();
  try {
    for (const history of HISTORIES) {
      await seed(db, history);
      const fresh = await timeCalls(db, server);
      await db.query("vacuum analyze");
      const analyzed = await timeCalls(db, server);
      const times = [fresh.first, fresh.last, analyzed.first, analyzed.last];
      rows.push([history.name, ...times]);
      bars.push(atMost(`measure_alert_rules, ${history.name}, ms`, Math.max(...times), history.limit));
    }
  } finally {
    await db.close();
  }
  say(`measure_alert_rules in ms, the median of ${SESSIONS} new sessions`);
  table(["", "no statistics: first call", `call ${CALLS}`, "analyzed: first call", `call ${CALLS}`], rows);
  return { figures: { rows }, bars };
}

export async function measure(): Promise<Report> {
  const server = await startBenchServer();
  try {
    return await timeRules();
  } finally {
    await server.stop();
  }
}
