import type { Stack } from "../platform/stack.ts";
import { seeded } from "./random.ts";
import { type Fault, LONE, SHARED } from "./simulated-runs.ts";
import { simulate } from "./simulation.ts";
import { until } from "./wait.ts";

const HOUR = 3_600_000, TICK = HOUR / 4, OUTAGE_HOURS_AGO = 9, OUTAGE_TICKS = 6;

const fault = (kind: Fault["kind"], ticks: number, hoursAgo: number, last: number): Fault => ({
  kind,
  ticks,
  tick: last - hoursAgo * 4,
});

const IS_QUIET = `select 1 where not exists (select from sync_execution_history where status = 'RUNNING') and not exists (
  select from private.call_log c where c.net_request_id is not null
    and not exists (select from net._http_response r where r.id = c.net_request_id)
)`;

const ACKNOWLEDGE =
  `select change_alert_incident(jsonb_build_object('id', id, 'action', 'acknowledge', 'note', $1::text, 'actor', $2::jsonb), $3)
  from alert_incidents where state = 'FIRING' and metric = 'shared_failure'`;
const OPERATOR = { name: "operator@example.com", role: "operator" };

/**
 * Gives a new stack two days of typical match syncs: a slow run, a tournament that fails once, an outage of VIS that a person
 * acknowledges, and a tournament that still fails.
 */
export async function seedStackHistory({ database, base, state }: Stack): Promise<void> {
  await until("the first runs", async () => (await database.query("select 1 from sync_status where last_sync is not null")).length === 2);
  // No function is called during the simulation, because the database refuses simulated runs and evaluations after later ones of the stack.
  await database.query("select cron.unschedule(jobid) from cron.job");
  await database.query("update vault.secrets set name = 'off ' || name");
  await until("the end of each call", async () => (await database.query(IS_QUIET)).length);
  const now = Date.now(), start = Math.floor((now - 48 * HOUR) / TICK) * TICK;
  // The running stack starts a run that is due within the last two minutes, because it cannot start beside a simulated one.
  const ticks = Math.ceil((now - HOUR / 30 - start) / TICK);
  // The shared failure of all tournaments fires during the second failed run.
  const acknowledgedAt = start + (ticks - OUTAGE_HOURS_AGO * 4 + 3) * TICK;
  // The runs of the start are later than the simulated runs, so they are removed.
  await database.query("delete from sync_execution_history where entity_type = 'matches_schedule'");
  await database.query("truncate alert_incidents, alert_evaluations, alert_notifications cascade");
  await database.query(
    "update sync_status set last_attempt = null, last_sync = null, created_at = $1 where entity_type = 'matches_schedule'",
    [
      new Date(start).toISOString(),
    ],
  );
  for (const no of [...SHARED, LONE]) {
    await database.query(
      `insert into tournaments (no, name, season, status, start_date, end_date) values ($1, 'Example', '2026', 6, now()::date - 2, now()::date)
      on conflict (no) do update set status = 6, start_date = excluded.start_date, end_date = excluded.end_date, start_date_main_draw = null, vanished_at = null`,
      [no],
    );
  }
  const query = database.query;
  const value = async <T>(sql: string, p?: unknown[]) => Object.values((await query(sql, p))[0] ?? {})[0] as T;
  for (const day of [2, 1]) {
    const midnight = Math.floor(now / (24 * HOUR)) * 24 * HOUR - (day - 1) * 24 * HOUR;
    const p = { execution_id: crypto.randomUUID(), entity_type: "tournaments", trigger: "CRON", wall_clock_ms: 600_000 };
    if (midnight > start) await query("select start_sync_execution($1, $2)", [p, new Date(midnight).toISOString()]);
    const counters = { tournaments_processed: 484, tournaments_failed: 0, memory_usage_mb: 61, records_read: 484, api_calls: 2 };
    const end = { execution_id: p.execution_id, status: "SUCCEEDED", reason: "484 tournaments done", counters };
    await query("select finish_sync_execution($1, $2)", [end, new Date(midnight + 4_200).toISOString()]);
  }
  await simulate({ query, value }, {
    start: new Date(start).toISOString(),
    ticks,
    until: now,
    faults: [
      fault("partial", 1, 38, ticks),
      fault("slow", 1, 21, ticks),
      fault("outage", OUTAGE_TICKS, OUTAGE_HOURS_AGO, ticks),
      fault("lone", 4, 1, ticks),
    ],
    acts: [{
      at: acknowledgedAt,
      act: () => query(ACKNOWLEDGE, ["the FIVB knows and works on it", OPERATOR, new Date(acknowledgedAt).toISOString()]),
    }],
    random: seeded(7),
    evaluateAt: () => [1, 4, 7, 10, 13],
    hasResults: true,
  });
  await database.query("update vault.secrets set name = substr(name, 5)");
  await database.query("delete from private.call_log where net_request_id is null");
  // Requests to the running stack add an error context, a job and acts of people, which the simulation does not have.
  const headers = { apikey: state.keys.secret, "content-type": "application/json" };
  const post = (path: string, body: object) =>
    fetch(`${base}${path}`, { method: "POST", headers, body: JSON.stringify(body) }).then((response) => response.json());
  await post("/vis/control", { kind: "other_rows", tournament_no: LONE });
  const { sync_job_id } = await post("/functions/v1/sync-admin/manual-trigger", {
    entity_type: "matches_schedule",
    priority: "HIGH",
    triggered_by: "operator@example.com",
    reason: "the schedule of the final day changed",
  });
  await post("/functions/v1/sync-admin/silences", {
    entity_type: "tournaments",
    starts_at: new Date(now + 20 * HOUR).toISOString(),
    ends_at: new Date(now + 22 * HOUR).toISOString(),
    reason: "VIS announced maintenance",
  });
  await until(
    "the job",
    async () => (await query("select 1 from sync_jobs where id = $1 and finished_at is not null", [sync_job_id])).length,
  );
  await query("select private.apply_schedules()");
}
