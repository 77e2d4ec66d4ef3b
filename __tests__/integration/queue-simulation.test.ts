import { assert, assertEquals } from "@std/assert";
import { openTestDatabase } from "../../testing/database.ts";
import { aResult, aRun, aTournament } from "../../testing/factories.ts";
import { simulateQueue } from "../../testing/queue-simulation.ts";
import { seeded } from "../../testing/random.ts";

const db = await openTestDatabase();
const START = Date.parse("2026-06-10T00:00:00Z"), MINUTE = 60_000;

async function setUp(tournaments: number): Promise<string[]> {
  await db.reset();
  await db.query("truncate sync_jobs, manual_sync_audit cascade");
  await db.query("update sync_queue_settings set triggers_per_minute = 100000, slots = 4, emergency_slots = 1, slots_per_entity = 3");
  return await Promise.all(Array.from({ length: tournaments }, async () => String((await aTournament(db)).no)));
}

Deno.test("under a load that is 90 % HIGH and EMERGENCY, every NORMAL job starts within its bound and every EMERGENCY job within the duration of one job", async () => {
  const nos = await setUp(400);
  const random = seeded(11);
  let next = 0;
  const JOB = 2 * MINUTE;
  // Three ordinary slots process 1.5 jobs a minute; 1.4 jobs a minute are enqueued, some of them for the reserved slot.
  const jobs = await simulateQueue(db, {
    start: START,
    minutes: 240,
    stepMs: 20_000,
    arrivals: () => {
      const count = random() < 1.4 / 3 ? 1 : 0;
      return Array.from({ length: count }, () => {
        const pick = random();
        return { tournament_no: String(nos[next++ % nos.length]), priority: pick < 0.1 ? "NORMAL" : pick < 0.85 ? "HIGH" : "EMERGENCY" };
      });
    },
    duration: () => JOB,
  });
  const waits = (priority: string) => jobs.filter((job) => job.priority === priority).map((job) => job.started - job.enqueued);
  for (const priority of ["NORMAL", "HIGH", "EMERGENCY"]) {
    assert(waits(priority).length > 20 && waits(priority).every(Number.isFinite), priority);
  }
  // A job that overtakes a NORMAL job is enqueued at most normal_after later, so the work before a NORMAL job is bounded.
  assert(Math.max(...waits("NORMAL")) <= 45 * MINUTE, `NORMAL ${Math.max(...waits("NORMAL")) / MINUTE} min`);
  assert(Math.max(...waits("EMERGENCY")) <= JOB, `EMERGENCY ${Math.max(...waits("EMERGENCY")) / 1000} s`);
});

Deno.test("between 85 % and 95 % of jobs of all durations, under drift and with waits, finish before their estimated 90th percentile", async () => {
  const nos = await setUp(12);
  const random = seeded(12);
  const normal = () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
  const baseDuration = new Map(nos.map((no, index) => [no, (10 + index * 8) * 1_000]));
  // Every duration grows by a third during the day, and varies at random.
  const duration = (no: string, now: number) =>
    Number(baseDuration.get(no)) * (1 + (now - START) / (72 * 60 * MINUTE)) * Math.exp(0.25 * normal());
  for (const no of nos) {
    for (let run = 30; run >= 1; run--) {
      const startedAt = START - run * 20 * MINUTE, ms = duration(no, START);
      const times = { execution_start: new Date(startedAt).toISOString(), execution_end: new Date(startedAt + ms).toISOString() };
      await aResult(db, await aRun(db, { ...times, tournament_no: no }), { tournament_no: no, duration_ms: ms });
    }
  }
  const jobs = await simulateQueue(db, {
    start: START,
    minutes: 24 * 60,
    stepMs: 30_000,
    // The jobs arrive in bursts, so that some wait.
    arrivals: () =>
      random() < 0.03
        ? Array.from(
          { length: 1 + Math.floor(random() * 6) },
          () => ({ tournament_no: String(nos[Math.floor(random() * nos.length)]), priority: "HIGH" }),
        )
        : [],
    duration,
  });
  const estimated = jobs.filter((job) => job.p90 !== null);
  assertEquals(estimated.length, jobs.length);
  assert(jobs.length > 200, `${jobs.length} jobs`);
  assert(jobs.filter((job) => job.started > job.enqueued).length > jobs.length / 10, "too few jobs waited");
  const onTime = estimated.filter((job) => job.finished <= (job.p90 ?? 0)).length / estimated.length;
  assert(onTime >= 0.85 && onTime <= 0.95, `${Math.round(onTime * 1000) / 10} % of ${jobs.length}`);
});

Deno.test.afterAll(() => db.close());
