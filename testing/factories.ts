import type { TestDatabase } from "./database.ts";
import { VALID_ROWS } from "./rows.ts";

let next = 1;
/** Inserts a row and returns it with its defaults. */
export const insert = async (db: TestDatabase, table: string, row: Record<string, unknown>): Promise<Record<string, unknown>> => {
  const names = Object.keys(row);
  const values = names.map((_, index) => `$${index + 1}`);
  const [written] = await db.query(
    `insert into ${table} (${names.join(", ")}) values (${values.join(", ")}) returning *`,
    Object.values(row),
  );
  return written as Record<string, unknown>;
};

/** A confirmed user of Auth with a role, or without one. */
export function aUser(
  db: TestDatabase,
  { id, email, role, created_at = new Date().toISOString() }: { id: string; email: string; role: string | null; created_at?: string },
): Promise<Record<string, unknown>> {
  return insert(db, "auth.users", {
    id,
    email,
    aud: "authenticated",
    role: "authenticated",
    email_confirmed_at: created_at,
    raw_app_meta_data: { provider: "email", ...role ? { role } : {} },
    raw_user_meta_data: {},
    created_at,
  });
}

/** A tournament in play on 10 June 2026. */
export function aTournament(db: TestDatabase, row: Record<string, unknown> = {}): Promise<Record<string, unknown>> {
  return insert(db, "tournaments", {
    no: String(70_000 + next++),
    name: "Example",
    season: "2026",
    status: 6,
    start_date: "2026-06-09",
    end_date: "2026-06-12",
    ...row,
  });
}

/** A match of a tournament, scheduled for 10 June 2026. */
export function aMatch(db: TestDatabase, tournamentNo: unknown, row: Record<string, unknown> = {}): Promise<Record<string, unknown>> {
  return insert(db, "matches", { no: String(600_000 + next++), tournament_no: tournamentNo, status: 1, local_date: "2026-06-10", ...row });
}

/** A full run of `matches_schedule` that succeeded after one minute, with its rollup. */
export async function aRun(db: TestDatabase, row: Record<string, unknown> = {}): Promise<Record<string, unknown>> {
  const start = String(row.execution_start ?? "2026-06-10T09:00:00Z");
  const end = row.status === "RUNNING" ? null : new Date(Date.parse(start) + 60_000).toISOString();
  const run = await insert(db, "sync_execution_history", {
    entity_type: "matches_schedule",
    status: "SUCCEEDED",
    trigger: "CRON",
    execution_start: start,
    execution_end: end,
    ...row,
  });
  await db.query("select private.roll_up(array[$1::uuid])", [run.id]);
  return run;
}

/** The result of a tournament at the start of a run, recorded by the function of the product; a success unless it has an `error_type`. */
export async function aResult(db: TestDatabase, run: Record<string, unknown>, result: Record<string, unknown>): Promise<void> {
  await db.query("select private.record_run_items(h, $2, h.execution_start) from sync_execution_history h where h.id = $1", [
    run.id,
    { results: [{ duration_ms: 1_000, ...result }] },
  ]);
}

/** A state of an incident for the dashboard or another channel; without an `incident_id`, of a new firing incident. */
export async function aNotification(db: TestDatabase, row: Record<string, unknown> = {}): Promise<Record<string, unknown>> {
  const incident_id = row.incident_id ?? (await insert(db, "alert_incidents", { ...VALID_ROWS.alert_incidents, rule_id: null })).id;
  const channel = row.channel ?? VALID_ROWS.alert_notifications.channel;
  await db.query("insert into notification_destinations (channel) values ($1) on conflict do nothing", [channel]);
  const destination_id = await db.value("select id from notification_destinations where channel = $1 and recipient = ''", [channel]);
  const settled_at = ["SENT", "DEAD", "SUPERSEDED"].includes(String(row.status))
    ? row.sent_at ?? row.created_at ?? VALID_ROWS.alert_notifications.created_at
    : null;
  const defaults = { ...VALID_ROWS.alert_notifications, incident_id, destination_id, settled_at };
  const state = await insert(db, "alert_notifications", { ...defaults, ...row });
  if (row.status === "DEAD") {
    const delivery = { ...VALID_ROWS.alert_deliveries, notification_id: state.id, outcome: "DEAD", at: state.created_at };
    await insert(db, "alert_deliveries", delivery);
  }
  return state;
}
