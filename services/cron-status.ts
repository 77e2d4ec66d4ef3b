import type { CronJobFacts, SystemFacts } from "./contract/system.ts";
import { counted, instant, MINUTE, type Verdict, verdict } from "./verdict.ts";

/** The longest delay of a tick; pg_cron starts a job only after its previous run has ended. */
const TOLERANCE_MS = 3 * MINUTE;

type SchedulerFacts = Pick<SystemFacts, "as_of" | "scheduler" | "cron_jobs">;

/** The difference between a cron job and its required settings, with the statement that repairs it; null without a difference. */
function drift({ name, job_id, is_active, schedule, required_schedule, has_required_command, tick }: CronJobFacts): string | null {
  const last = tick ? `its last run started at ${instant(tick.at)}` : "it has never run";
  const repair = "run select private.apply_schedules();";
  if (job_id === null) return `the cron job ${name} is missing; ${last}: ${repair}`;
  if (!is_active) return `the cron job ${name} is inactive; ${last}: run select cron.alter_job(${job_id}, active := true);`;
  if (schedule !== required_schedule) {
    return `the cron job ${name} has the schedule "${schedule}" instead of "${required_schedule}"; ${last}: ${repair}`;
  }
  return has_required_command ? null : `the command of the cron job ${name} was changed; ${last}: ${repair}`;
}

function tickProblem({ name, period_ms, tick }: CronJobFacts, now: number): string | null {
  if (tick && now - Date.parse(tick.at) > period_ms + TOLERANCE_MS) {
    return `the cron job ${name} has not run since ${instant(tick.at)}: read cron.job_run_details and the log of the database`;
  }
  if (tick?.status !== "failed") return null;
  const message = (tick.message ?? "no message").replace(/^ERROR:\s*/, "");
  return `the cron job ${name} failed at ${instant(tick.at)} (${message}): run its command by hand and remove the cause`;
}

function stopProblem({ last_tick, is_late }: SchedulerFacts["scheduler"]): string | null {
  if (!is_late) return null;
  const since = last_tick ? `has started no job since ${instant(last_tick)}` : "has never started a job";
  return `pg_cron ${since}: check show cron.launch_active_jobs; and show cron.log_run; (both on), then restart the database`;
}

/** The problems of the named cron jobs: first wrong settings, then a stopped pg_cron, then failed ticks. */
export function cronProblems({ as_of, scheduler, cron_jobs }: SchedulerFacts, only?: string): string[] {
  const jobs = cron_jobs.filter(({ name }) => only === undefined || name === only);
  const drifts = jobs.flatMap((job) => drift(job) ?? []);
  const stop = stopProblem(scheduler);
  if (stop) return [...drifts, stop];
  const sound = jobs.filter((job) => drift(job) === null);
  return [...drifts, ...sound.flatMap((job) => tickProblem(job, Date.parse(as_of)) ?? [])];
}

/** Judges each required cron job. */
export function judgeScheduler(facts: SchedulerFacts): Verdict {
  const problems = cronProblems(facts);
  return problems.length > 0 ? verdict("FAILED", problems.join(" ")) : verdict("OK", counted(facts.scheduler.jobs, "active cron job"));
}
