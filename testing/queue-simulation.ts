import { z } from "zod";
import { EstimateFacts } from "../services/contract/queue.ts";
import { estimate } from "../services/job-estimate.ts";
import type { TestDatabase } from "./database.ts";

/** A job of the simulation, with times in ms since the epoch and the estimate from its trigger. */
interface SimulatedJob {
  priority: string;
  enqueued: number;
  started: number;
  finished: number;
  p90: number | null;
}

interface QueueLoad {
  start: number;
  minutes: number;
  /** The step at whose multiples jobs are enqueued and finish. */
  stepMs: number;
  /** The jobs to enqueue at one step. */
  arrivals: (now: number) => { tournament_no: string; priority: string }[];
  /** The duration of a job in milliseconds. */
  duration: (tournamentNo: string, now: number) => number;
}

const JobWithFacts = z.object({ id: z.uuid(), estimate: EstimateFacts.nullable() });
const Dispatched = z.object({ sync_job_id: z.uuid(), job_token: z.uuid(), tournament_no: z.string() });

/** Simulates a load on the real queue in virtual time; each dispatched job runs for its duration, and its end dispatches the next job. */
export async function simulateQueue(db: TestDatabase, load: QueueLoad): Promise<SimulatedJob[]> {
  const jobs = new Map<string, SimulatedJob>();
  let running: { execution_id: string; job: string; tournament_no: string; duration: number; ends: number }[] = [];
  const actor = { name: "operator@example.com", role: "operator" };
  const call = (fn: string, p: object, now: number) => db.value(`select ${fn}($1, $2)`, [p, new Date(now).toISOString()]);
  const startDispatched = async (now: number) => {
    const calls = await db.query<{ body: unknown }>("delete from private.call_log where path like '%-sync' returning body");
    for (const { body } of calls) {
      const dispatched = Dispatched.parse(body);
      const execution_id = crypto.randomUUID();
      const { tournament_no } = dispatched, duration = load.duration(tournament_no, now);
      await call("start_sync_execution", {
        ...dispatched,
        execution_id,
        entity_type: "matches_schedule",
        trigger: "MANUAL",
        wall_clock_ms: 3_600_000,
      }, now);
      // The simulation sends no heartbeats, so the lease lasts until the deadline.
      await db.query("update sync_execution_history set lease_expires_at = deadline where id = $1", [execution_id]);
      running.push({ execution_id, job: dispatched.sync_job_id, tournament_no, duration, ends: now + duration });
      const job = jobs.get(dispatched.sync_job_id);
      if (job) job.started = now;
    }
  };
  const endOfAll = load.start + load.minutes * 60_000;
  for (let now = load.start; now < endOfAll || running.length > 0; now += load.stepMs) {
    for (const run of running.filter(({ ends }) => ends <= now).sort((a, b) => a.ends - b.ends)) {
      running = running.filter((other) => other !== run);
      const { execution_id, tournament_no, duration } = run;
      const results = [{ tournament_no, duration_ms: Math.round(duration) }];
      await call("finish_sync_execution", { execution_id, status: "SUCCEEDED", reason: "simulated", counters: {}, results }, run.ends);
      const job = jobs.get(run.job);
      if (job) job.finished = run.ends;
      await startDispatched(run.ends);
    }
    if (now >= endOfAll) continue;
    for (const [index, { tournament_no, priority }] of load.arrivals(now).entries()) {
      const enqueuedAt = now + index;
      const p = { entity_type: "matches_schedule", tournament_no, priority, triggered_by: actor.name, reason: "simulated", actor };
      const { id, estimate: facts } = JobWithFacts.parse(await call("enqueue_sync_job", p, enqueuedAt));
      const estimated = facts && estimate(facts);
      if (!jobs.has(id)) {
        jobs.set(id, {
          priority,
          enqueued: enqueuedAt,
          started: NaN,
          finished: NaN,
          p90: estimated ? enqueuedAt + estimated.p90_ms : null,
        });
      }
      await startDispatched(enqueuedAt);
    }
  }
  return [...jobs.values()];
}
