import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { openTestDatabase } from "../../testing/database.ts";

// The tests play months of a sync on virtual time and compare the calls and runs of the database with a model of the due times. The tests
// of the exact retry delays are in due-times.test.ts.
const db = await openTestDatabase();
const MINUTE = 60_000, DAY = 86_400_000, START = Date.parse("2026-06-01T00:00:00Z"), DAYS = 30;
/** The duration of a run, which ends before the next tick. */
const RUN_MS = 40_000;
const iso = (ms: number): string => new Date(ms).toISOString();

/** The fate of a call: the end of its run, or that the call is lost, arrives twice, or arrives 90 seconds late. */
const FATES = ["SUCCEEDED", "PARTIAL", "CUT", "CANCELLED", "FAILED", "FAILED", "LOST", "LOST", "DOUBLED", "LATE"] as const;
const ACTS = ["MANUAL_SUCCESS", "MANUAL_FAILURE", "PAUSE", "BACKOFF", "SCHEDULE"] as const;
const month = fc.record({
  fates: fc.array(fc.constantFrom(...FATES), { minLength: 30, maxLength: 60 }),
  // Each act is near a due time: a day, the minutes from midnight, and the length of a pause or a backoff.
  acts: fc.array(
    fc.record({
      day: fc.integer({ min: 1, max: DAYS - 1 }),
      minute: fc.integer({ min: -60, max: 120 }),
      act: fc.constantFrom(...ACTS),
      minutes: fc.integer({ min: 1, max: 150 }),
    }),
    { minLength: 10, maxLength: 20 },
  ),
});
type Month = typeof month extends fc.Arbitrary<infer T> ? T : never;

/** The rules of due times for one entity. */
class Model {
  interval = DAY;
  scheduleSince = START;
  pauses: [number, number][] = [];
  backoffUntil = 0;
  settled = new Set<number>();
  cut = new Set<number>();
  /** The last time at which the open due time was called, failed, or was no longer blocked. */
  last = START;

  isPaused = (at: number): boolean => this.pauses.some(([from, until]) => from <= at && at < until);
  /** The due time that must be settled now; null without one. */
  open(now: number): number | null {
    const due = Math.floor((now + 5_000) / this.interval) * this.interval;
    return due >= this.scheduleSince && !this.isPaused(due) && !this.isPaused(now) && !this.settled.has(due) ? due : null;
  }
  end(due: number, fate: string): void {
    if (fate === "FAILED" ? this.cut.has(due) : fate !== "CUT" || this.cut.has(due)) this.settled.add(due);
    if (fate === "CUT") this.cut.add(due);
  }
}

async function simulate({ fates, acts }: Month): Promise<number> {
  await db.reset();
  await db.query("update sync_status set is_active = entity_type = 'tournaments', sync_frequency = '1 day', updated_at = $1", [iso(START)]);
  await db.query("update sync_status set schedule_changed_at = null");
  await db.query("truncate entity_pauses");
  const model = new Model();
  const events: { at: number; run: () => Promise<void> }[] = [];
  let next = 0, runs = 0;
  const later = (at: number, run: () => Promise<void>) => void events.push({ at, run });

  /** Starts a run and plans its end; a scheduled run has a due time. */
  async function start(at: number, fate: string, call: { due_at: string; attempt: number } | null): Promise<void> {
    const p = { execution_id: crypto.randomUUID(), entity_type: "tournaments", trigger: call ? "CRON" : "MANUAL", wall_clock_ms: 600_000 };
    const outcome = await db.value<{ outcome: string }>("select start_sync_execution($1, $2)", [{ ...p, ...call }, iso(at)])
      .then(({ outcome }) => outcome, (error: Error) => error.message);
    const due = call && Date.parse(call.due_at);
    if (outcome === "STARTED") {
      if (due !== null) assert(!model.settled.has(due), `${iso(due)} runs after it was settled`);
      later(at + RUN_MS, async () => {
        const status = fate === "CUT" ? "PARTIAL" : fate;
        const end = { execution_id: p.execution_id, status, reason: "simulated", was_cut: fate === "CUT" };
        await db.query("select finish_sync_execution($1, $2)", [end, iso(at + RUN_MS)]);
        if (due !== null) model.end(due, fate);
        else if (fate === "SUCCEEDED") model.settled.add(Math.floor((at + 5_000) / model.interval) * model.interval);
        model.last = at + RUN_MS;
      });
      runs++;
    } else if (outcome === "SKIPPED") {
      if (due !== null) model.settled.add(due);
    } else assert(/already has its run|is paused/.test(outcome), outcome);
  }

  async function tick(now: number): Promise<void> {
    if (await db.value("select private.dispatch_due_syncs($1)", [iso(now)]) === 0) return;
    const [found] = await db.query<{ body: { due_at: string; attempt: number } }>(
      "with c as (delete from private.call_log returning path, body) select body from c where path = 'tournament-master-sync'",
    );
    const { due_at, attempt } = found?.body ?? { due_at: "", attempt: 0 };
    assertEquals(iso(Date.parse(due_at)), iso(model.open(now) ?? NaN), `called at ${iso(now)}`);
    assert(now >= model.backoffUntil, `called in a backoff at ${iso(now)}`);
    model.last = now;
    const fate = fates[next++ % fates.length] ?? "SUCCEEDED";
    const call = { due_at, attempt };
    if (fate === "LATE") later(now + 90_000, () => start(now + 90_000, "SUCCEEDED", call));
    else if (fate === "DOUBLED") {
      for (const ms of [200, 300]) later(now + ms, () => start(now + ms, "SUCCEEDED", call));
    } else if (fate !== "LOST") later(now + 200, () => start(now + 200, fate, call));
  }

  for (const { day, minute, act, minutes } of acts) {
    const at = START + day * DAY + minute * MINUTE + 20_000, until = at + minutes * MINUTE;
    later(at, async () => {
      if (act === "PAUSE" && !model.isPaused(at)) {
        await db.query("update sync_status set paused_at = $1, paused_by = 'a person', updated_at = $1 where is_active", [iso(at)]);
        model.pauses.push([at, until]);
        later(until, async () => {
          await db.query("update sync_status set paused_at = null, paused_by = null, updated_at = $1 where is_active", [iso(until)]);
          model.last = until;
        });
      } else if (act === "BACKOFF") {
        await db.query("update upstream_state set backoff_until = $1, backoff_reason = 'simulated'", [iso(until)]);
        model.backoffUntil = until;
      } else if (act === "SCHEDULE") {
        model.interval = model.interval === DAY ? DAY / 2 : DAY;
        model.scheduleSince = at;
        const hours = `${model.interval / 3_600_000} hours`;
        await db.query("update sync_status set sync_frequency = $1, updated_at = $2 where is_active", [hours, iso(at)]);
      } else if (act.startsWith("MANUAL")) await start(at, act === "MANUAL_SUCCESS" ? "SUCCEEDED" : "FAILED", null);
    });
  }

  for (let now = START; now < START + DAYS * DAY; now += MINUTE) {
    const due = model.open(now);
    if (due === null || now < model.backoffUntil) model.last = now;
    // While a due time is open, a tick comes each minute; at other times, some ticks show that no function is called.
    if (due !== null || now % (DAY / 8) < 2 * MINUTE) await tick(now);
    const open = model.open(now);
    if (open !== null) assert(now - model.last <= 61 * MINUTE, `${iso(open)} is open and not called since ${iso(model.last)}`);
    for (;;) {
      events.sort((a, b) => a.at - b.at);
      if (!events[0] || events[0].at >= now + MINUTE) break;
      await events.shift()?.run();
    }
  }
  const twice = await db.query(`select due_at from sync_execution_history where status in ('SUCCEEDED', 'PARTIAL', 'CANCELLED')
    group by due_at having due_at is not null and count(*) > 1 + count(*) filter (where was_cut)`);
  assertEquals(twice, [], "settled twice");
  return runs;
}

Deno.test("in a month of lost, failed, late and doubled calls each due time is settled, none twice", async () => {
  await fc.assert(
    fc.asyncProperty(month, async (month) => {
      assert(await simulate(month) > 20);
    }),
    { numRuns: 5, seed: 20260601, endOnFailure: true },
  );
});

Deno.test.afterAll(() => db.close());
