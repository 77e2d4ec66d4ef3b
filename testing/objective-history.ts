import type { TestDatabase } from "./database.ts";
import { seeded } from "./random.ts";
import { VALID_ROWS } from "./rows.ts";

const MINUTE = 60_000, HOUR = 60 * MINUTE, DAY = 24 * HOUR;
const iso = (ms: number): string => new Date(ms).toISOString();
const PLAYING = ["81001", "81002", "81003"];

/** Seeds eight days of every kind of event with faults of every kind, and returns the random numbers for the next steps. */
export async function seedObjectiveHistory(db: TestDatabase, now: string, seed: number): Promise<() => number> {
  await db.reset();
  await db.query("truncate alert_incidents, alert_evaluations, alert_notifications cascade");
  const random = seeded(seed), end = Date.parse(now), start = Math.floor((end - 8 * DAY) / HOUR) * HOUR;
  await db.query("update sync_objectives set rolling_window = '7 days'");
  await db.query("update sync_status set created_at = $1, is_active = entity_type <> 'matches_live'", [iso(start)]);
  await db.query("truncate entity_pauses");
  for (const no of PLAYING) {
    const first = start + Math.floor(random() * 4) * DAY;
    await db.query(
      `insert into tournaments (no, name, status, start_date, end_date, created_at)
      values ($1, 'Example', 6, ($2::timestamptz at time zone 'UTC')::date, ($3::timestamptz at time zone 'UTC')::date, $4)`,
      [no, iso(first), iso(end + DAY), iso(start - DAY + random() * 3 * DAY)],
    );
  }
  await db.query(
    "insert into entity_pauses (entity_type, paused_at, resumed_at, paused_by) select 'matches_schedule', $1, $2, 'admin@example.com'",
    [iso(start + 3 * DAY + 7 * MINUTE), iso(start + 3 * DAY + 3 * HOUR)],
  );
  const runs: Record<string, unknown>[] = [], results: Record<string, unknown>[] = [], errors: Record<string, unknown>[] = [];
  const add = (entity_type: string, due: number, hasDue: boolean) => {
    const pick = random(), id = crypto.randomUUID();
    // The start is early, prompt, late, too late for the limit, or missing.
    const delay = pick < 0.1 ? -4_000 : pick < 0.85 ? random() * 40_000 : pick < 0.95 ? random() * 20 * MINUTE : null;
    if (delay === null) return;
    const began = due + delay, fate = random();
    const status = (["FAILED", "PARTIAL", "TIMED_OUT", "CANCELLED", "SKIPPED"] as const)[Math.floor(fate / 0.05)] ?? "SUCCEEDED";
    const ended = began + (status === "SKIPPED" ? 0 : 1_000 + random() * 5 * MINUTE);
    const isDead = status === "TIMED_OUT" && random() < 0.5;
    const isLate = ended >= end;
    if (began >= end) return;
    runs.push({
      id,
      entity_type,
      trigger: hasDue ? "CRON" : "MANUAL",
      status: isLate ? "RUNNING" : status,
      due_at: hasDue ? iso(due) : null,
      attempt: hasDue ? 1 : null,
      execution_start: iso(began),
      execution_end: isLate ? null : iso(ended),
      heartbeat_at: iso(began + 500),
      lease_expires_at: iso(isDead || isLate ? began + MINUTE : ended + 10 * MINUTE),
      deadline: iso(began + 10 * MINUTE),
      tournaments_processed: 3,
      tournaments_failed: status === "PARTIAL" ? 1 : 0,
    });
    if (isLate) return;
    const hasResults = ["SUCCEEDED", "PARTIAL", "CANCELLED"].includes(status) || random() < 0.3;
    for (const [index, no] of hasResults ? PLAYING.entries() : []) {
      const isFailed = status === "PARTIAL" ? index === 0 : !["SUCCEEDED", "CANCELLED"].includes(status);
      results.push({
        sync_execution_id: id,
        tournament_no: no,
        entity_type,
        success: !isFailed,
        error_type: isFailed ? "NETWORK" : null,
        error_fingerprint: isFailed ? `CODE:${Math.floor(random() * 3)}` : null,
        warning_code: !isFailed && random() < 0.05 ? "REPLY_SHRANK" : null,
        ttl: isFailed || entity_type === "tournaments" ? null : random() < 0.02 ? "2 hours" : "15 minutes",
        created_at: iso(ended),
      });
    }
    if (status === "FAILED" && !hasResults) {
      errors.push({ ...VALID_ROWS.sync_error_log, sync_execution_id: id, entity_type, fingerprint: "CODE:whole", occurred_at: iso(ended) });
    }
  };
  for (let due = Math.ceil(start / DAY) * DAY; due < end; due += DAY) add("tournaments", due, true);
  for (let due = start; due < end; due += 15 * MINUTE) {
    add("matches_schedule", due, true);
    if (random() < 0.02) add("matches_schedule", due + 6 * MINUTE, false);
  }
  const write = (table: string, rows: Record<string, unknown>[]) =>
    db.query(
      `insert into ${table} (${Object.keys(rows[0] ?? {}).join(", ")})
      select ${Object.keys(rows[0] ?? {}).join(", ")} from jsonb_populate_recordset(null::${table}, $1)`,
      [rows],
    );
  await write("sync_execution_history", runs);
  await write("sync_tournament_results", results);
  await write("sync_error_log", errors);
  const evaluations: Record<string, unknown>[] = [];
  for (let at = start; at < end; at += MINUTE) {
    if (random() < 0.002) at += Math.floor(random() * 40) * MINUTE;
    evaluations.push({ evaluated_at: iso(at + random() * 2_000), cause: "cron", rules: 1, applied: 0 });
  }
  await write("alert_evaluations", evaluations);
  await seedNotifications(db, { start, end, random });
  return random;
}

/** Notifications of every outcome, for a channel with one destination and incidents of two entities. */
async function seedNotifications(
  db: TestDatabase,
  { start, end, random }: { start: number; end: number; random: () => number },
): Promise<void> {
  await db.query("insert into notification_destinations (channel) values ('dashboard') on conflict do nothing");
  const destination = await db.value("select id from notification_destinations where channel = 'dashboard'");
  for (let at = start; at < end; at += random() * 6 * HOUR) {
    const [incident] = await db.query<{ id: string }>(
      `insert into alert_incidents (rule_name, metric, entity_type, state, severity, threshold, message, opened_at, fired_at, began_at, updated_at, resolved_at)
      values ('Example', 'consecutive_failures', $1, 'RESOLVED', 'HIGH', 3, 'example', $2, $2, $2, $2, $2) returning id`,
      [random() < 0.5 ? "tournaments" : "system", iso(at)],
    );
    for (let state = 0, created = at; state < 3 && created < end; state++, created += random() * 8 * MINUTE) {
      const sent = created + random() ** 2 * 8 * MINUTE;
      const status = random() < 0.25 ? "SUPERSEDED" : random() < 0.1 ? "DEAD" : sent < end ? "SENT" : "PENDING";
      await db.query(
        `insert into alert_notifications (channel, destination_id, incident_id, group_key, item, status, created_at, sent_at, settled_at)
        values ('dashboard', $1, $2, 'Example', '{}', $3, $4, $5, $6)`,
        [destination, incident?.id, status, iso(created), status === "SENT" ? iso(sent) : null, status === "PENDING" ? null : iso(sent)],
      );
    }
  }
}
