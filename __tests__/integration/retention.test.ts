import { assertEquals } from "@std/assert";
import { openTestDatabase } from "../../testing/database.ts";
import { insert } from "../../testing/factories.ts";
import { type Row, STATES, VALID_ROWS } from "../../testing/rows.ts";

const db = await openTestDatabase();
const AS_OF = "2026-06-10T12:00:00.000Z";
const before = (days: number): string => new Date(Date.parse(AS_OF) - days * 86_400_000).toISOString();
const aMonday = (week: number): string => new Date(Date.UTC(2020, 0, 6 + 7 * week)).toISOString();
/** For each subject: its table, its age in days, a row of this age, and old rows that stay. */
const RETENTION: Record<string, [table: string, days: number, row: (at: string) => Row, ...kept: Row[]]> = {
  executions: [
    "sync_execution_history",
    90,
    (at) => ({ ...VALID_ROWS.sync_execution_history, execution_start: at, execution_end: at }),
    { ...VALID_ROWS.sync_execution_history, ...STATES.sync_execution_history.running, execution_start: before(1_000) },
  ],
  resolved_errors: [
    "sync_error_log",
    90,
    (at) => ({ ...VALID_ROWS.sync_error_log, occurred_at: at, resolved_at: at }),
    { ...VALID_ROWS.sync_error_log, occurred_at: before(1_000) },
    { ...VALID_ROWS.sync_error_log, occurred_at: before(1_000), resolved_at: before(1) },
  ],
  open_errors: [
    "sync_error_log",
    365,
    (at) => ({ ...VALID_ROWS.sync_error_log, occurred_at: at }),
    { ...VALID_ROWS.sync_error_log, occurred_at: before(1_000), resolved_at: before(1) },
  ],
  quarter_hourly_metrics: [
    "sync_metrics",
    90,
    (bucket) => ({ ...VALID_ROWS.sync_metrics, resolution: "15 minutes", bucket }),
    { ...VALID_ROWS.sync_metrics, resolution: "1 hour", bucket: before(100) },
  ],
  indicators: [
    "sync_indicators",
    365,
    (at) => ({ ...VALID_ROWS.sync_indicators, bucket: `${at.slice(0, 13)}:00:00Z` }),
  ],
  hourly_metrics: [
    "sync_metrics",
    730,
    (bucket) => ({ ...VALID_ROWS.sync_metrics, resolution: "1 hour", bucket }),
    { ...VALID_ROWS.sync_metrics, resolution: "15 minutes", bucket: before(1_000) },
  ],
  audit: [
    "manual_sync_audit",
    730,
    (at) => ({ ...VALID_ROWS.manual_sync_audit, trigger_timestamp: at, completion_timestamp: at, final_status: "SUCCEEDED" }),
    { ...VALID_ROWS.manual_sync_audit, trigger_timestamp: before(1_000) },
  ],
  jobs: [
    "sync_jobs",
    90,
    (at) => ({ ...VALID_ROWS.sync_jobs, ...STATES.sync_jobs.completed, enqueued_at: before(1_000), finished_at: at }),
    { ...VALID_ROWS.sync_jobs, enqueued_at: before(1_000) },
  ],
  function_calls: ["private.call_log", 7, (at) => ({ ...VALID_ROWS["private.call_log"], called_at: at })],
  // A tick that the server did not finish has no end.
  cron_details: ["cron.job_run_details", 7, (at) => ({ jobid: 1, status: "running", start_time: at }), {
    jobid: 1,
    status: "running",
    start_time: before(1),
  }],
  alert_incidents: [
    "alert_incidents",
    365,
    (at) => ({
      ...VALID_ROWS.alert_incidents,
      ...STATES.alert_incidents.resolved,
      rule_id: null,
      opened_at: before(1_000),
      resolved_at: at,
    }),
    { ...VALID_ROWS.alert_incidents, rule_id: null, opened_at: before(1_000) },
  ],
  entity_pauses: [
    "entity_pauses",
    365,
    (at) => ({ ...VALID_ROWS.entity_pauses, paused_at: before(1_000), resumed_at: at }),
    { ...VALID_ROWS.entity_pauses, paused_at: before(1_000), resumed_at: null },
  ],
  silences: [
    "alert_silences",
    90,
    (at) => ({ ...VALID_ROWS.alert_silences, starts_at: at, ends_at: at }),
    { ...VALID_ROWS.alert_silences, ...STATES.alert_silences.recurring, starts_at: before(100), ends_at: before(1) },
  ],
  alert_rule_versions: [
    "alert_rule_versions",
    365,
    (at) => ({ ...VALID_ROWS.alert_rule_versions, valid_from: before(1_000), valid_until: at }),
    { ...VALID_ROWS.alert_rule_versions, valid_from: before(1_000) },
  ],
  alert_notifications: [
    "alert_notifications",
    90,
    (at) => ({ ...VALID_ROWS.alert_notifications, ...STATES.alert_notifications.dead, created_at: at }),
    { ...VALID_ROWS.alert_notifications, created_at: before(1_000) },
  ],
  weekly_reports: [
    "weekly_reports",
    365,
    (at) => ({ ...VALID_ROWS.weekly_reports, week: aMonday(Math.floor(Date.parse(at) / 86_400_000) % 100), created_at: at }),
  ],
  channel_canaries: [
    "channel_canaries",
    365,
    (at) => ({ ...VALID_ROWS.channel_canaries, ...STATES.channel_canaries.failed, opened_at: at, stage_since: at, failed_at: at }),
    { ...VALID_ROWS.channel_canaries, opened_at: before(1_000), stage_since: before(1_000) },
  ],
  alert_evaluations: ["alert_evaluations", 7, (at) => ({ evaluated_at: at, cause: "cron", rules: 0, applied: 0 })],
};

Deno.test("the table of retention has every subject, besides the audit log, whose tests are elsewhere", async () => {
  const subjects = (await db.query<{ subject: string }>("select subject from retention_settings")).map(({ subject }) => subject);
  assertEquals([...Object.keys(RETENTION), "audit_log"].sort(), subjects.sort());
});

for (const [subject, [table, days, row, ...kept]] of Object.entries(RETENTION)) {
  Deno.test(`retention deletes the ${subject} of more than ${days} days, and neither younger ones nor live ones`, async () => {
    await db.reset();
    await db.query(`truncate ${table} cascade`);
    if (table === "alert_notifications") {
      await insert(db, "alert_incidents", {
        ...VALID_ROWS.alert_incidents,
        ...STATES.alert_incidents.resolved,
        id: VALID_ROWS.alert_notifications.incident_id,
        rule_id: null,
        resolved_at: before(900),
      });
    }
    for (const values of [row(before(days + 1)), row(before(days)), ...kept]) await insert(db, table, values);
    const prune = () => db.value("select private.prune_batch($1, $2, 100)", [subject, AS_OF]);
    assertEquals([await prune(), await prune()], [1, 0]);
    assertEquals(await db.value(`select count(*)::int from ${table}`), 1 + kept.length);
  });
}

Deno.test("retention keeps the notifications of an incident until 90 days after its end", async () => {
  await db.query("truncate alert_incidents cascade");
  const sent = { ...VALID_ROWS.alert_notifications, ...STATES.alert_notifications.sent, created_at: before(1_000) };
  for (const ended of [null, before(89), before(91)]) {
    const state = ended ? { ...STATES.alert_incidents.resolved, resolved_at: ended } : {};
    const { id } = await insert(db, "alert_incidents", { ...VALID_ROWS.alert_incidents, rule_id: null, ...state });
    await insert(db, "alert_notifications", { ...sent, incident_id: id });
  }
  assertEquals(await db.value("select private.prune_batch('alert_notifications', $1, 100)", [AS_OF]), 1);
  const kept = "select state from alert_notifications n join alert_incidents i on i.id = n.incident_id order by 1";
  assertEquals((await db.query(kept)).map(({ state }) => state), ["FIRING", "RESOLVED"]);
});

Deno.test.afterAll(() => db.close());
