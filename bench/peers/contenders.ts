import { type Logger, makeWorkerUtils, runOnce } from "graphile-worker";
import type pg from "pg";
import { PgBoss } from "pg-boss";

export const silent = { error() {}, warn() {}, info() {}, debug() {}, scope: () => silent } as unknown as Logger;

/**
 * A queue to measure. Jobs are enqueued one at a time, and `workers` then claim and complete them one at a time, all with the same driver.
 * Each worker has one connection, because graphile-worker, which does not wait for a completion, uses a second one for a second job.
 */
interface Contender {
  name: string;
  pool: pg.Pool;
  /** Enqueues `count` jobs one at a time in an empty queue. */
  enqueue(count: number): Promise<void>;
  /** Adds the jobs from number `from` to `count` in the fastest way. */
  fill(from: number, count: number): Promise<void>;
  work(workers: number): Promise<void>;
}

const inParallel = async (count: number, work: (index: number) => Promise<unknown>): Promise<void> => {
  let next = 0;
  await Promise.all(Array.from({ length: 10 }, async () => {
    while (next < count) await work(next++);
  }));
};

export async function ours(pool: pg.Pool, tournaments: number): Promise<Contender> {
  await pool.query("update sync_queue_settings set slots = 50, slots_per_entity = 50, triggers_per_minute = 1000000");
  await pool.query(
    "insert into tournaments (no, name, season, status, start_date, end_date) select (70000 + i)::text, 'Example', '2026', 6, now()::date, now()::date from generate_series(1, $1::int) i",
    [tournaments],
  );
  const actor = { name: "operator@example.com", role: "operator" };
  const claim = "(select private.claim_sync_job(now()) as job from pg_advisory_xact_lock(hashtext('sync_queue')) offset 0)";
  const next = async (name: string, text: string, values: string[]): Promise<{ id: string; token: string } | null> => {
    const { rows } = await pool.query({ name, text, values });
    return rows[0]?.id ? rows[0] : null;
  };
  return {
    name: "this queue",
    pool,
    async enqueue(count) {
      await pool.query("truncate sync_jobs, manual_sync_audit cascade");
      // The entities are paused, so that an enqueued job is not dispatched.
      await pool.query("update sync_status set paused_at = now(), paused_by = 'bench'");
      await inParallel(count, (index) => {
        const p = {
          entity_type: "matches_schedule",
          tournament_no: String(70_001 + index),
          priority: "NORMAL",
          triggered_by: "bench",
          reason: "bench",
          actor,
        };
        return pool.query("select enqueue_sync_job($1)", [p]);
      });
      await pool.query("update sync_status set paused_at = null, paused_by = null");
    },
    async fill(from, count) {
      await pool.query(
        `with job as (
          insert into sync_jobs (entity_type, tournament_no, priority, triggered_by, reason, max_attempts, enqueued_at, rank, not_before)
          select 'matches_schedule', (70000 + i)::text, 'NORMAL', 'bench', 'bench', 3, now(), now() + i * interval '1 ms', now()
          from generate_series($1::int + 1, $2::int) i returning id, entity_type, priority
        )
        insert into manual_sync_audit (sync_job_id, entity_type, priority, triggered_by, trigger_reason)
        select id, entity_type, priority, 'bench', 'bench' from job`,
        [from, count],
      );
    },
    async work(workers) {
      await Promise.all(Array.from({ length: workers }, async () => {
        // As in the product, the transaction that completes a job claims the next one.
        const first = `select (job).id, (job).token from ${claim} claimed`;
        const completed = "(select private.close_job($1, 'SUCCEEDED', 1, null, null, now()) offset 0) closed";
        for (let job = await next("claim", first, []); job;) {
          job = await next("complete", `select (job).id, (job).token from ${completed} cross join lateral ${claim} claimed`, [job.id]);
        }
      }));
    },
  };
}

export async function pgBoss(pool: pg.Pool): Promise<Contender & { boss: PgBoss }> {
  const boss = new PgBoss({
    db: { executeSql: async (text: string, values?: unknown[]) => await pool.query(text, values) as never },
    supervise: false,
    schedule: false,
  });
  await boss.start();
  await boss.createQueue("bench");
  return {
    name: "pg-boss",
    pool,
    boss,
    async enqueue(count) {
      await pool.query("delete from pgboss.job");
      await inParallel(count, () => boss.send("bench", { n: 1 }));
    },
    fill: (from, count) => inParallel(count - from, () => boss.send("bench", { n: 1 })),
    async work(workers) {
      await Promise.all(Array.from({ length: workers }, async () => {
        for (;;) {
          const [job] = await boss.fetch("bench", { batchSize: 1 });
          if (!job) return;
          await boss.complete("bench", job.id);
        }
      }));
    },
  };
}

export async function graphile(pool: pg.Pool): Promise<Contender> {
  const utils = await makeWorkerUtils({ pgPool: pool, logger: silent });
  await utils.migrate();
  return {
    name: "graphile-worker",
    pool,
    enqueue: (count) => inParallel(count, () => utils.addJob("bench", { n: 1 })),
    fill: (from, count) => inParallel(count - from, () => utils.addJob("bench", { n: 1 })),
    work: (workers) =>
      runOnce({ pgPool: pool, concurrency: workers, noHandleSignals: true, logger: silent, taskList: { bench: async () => {} } }),
  };
}
