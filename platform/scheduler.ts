import { Cron } from "croner";
import type { Database } from "./database.ts";

interface Job {
  jobid: number;
  schedule: string;
  command: string;
  database: string;
  username: string;
}

interface QueuedRequest {
  id: number;
  method: string;
  url: string;
  headers: Record<string, string> | null;
  body: string | null;
  timeout_milliseconds: number;
}

const NET_BATCH = 200;
/** The default `pg_net.ttl`. */
const RESPONSE_TTL = "6 hours";

/** Returns a function that never runs `work` concurrently; any number of calls during a run cause exactly one further run. */
function coalesced(work: () => Promise<void>): () => Promise<void> {
  let isRequested = false;
  let running: Promise<void> | null = null;
  async function runWhileRequested(): Promise<void> {
    try {
      while (isRequested) {
        isRequested = false;
        await work();
      }
    } finally {
      running = null;
    }
  }
  return () => {
    isRequested = true;
    return running ??= runWhileRequested();
  };
}

/** Replaces the background worker of pg_cron for the tables of the stand-in; a job that is due while it runs starts again afterwards. */
export async function startCron(database: Database): Promise<() => void> {
  const timers = new Map<number, { text: string; stop: () => void }>();
  const waiting = new Map<number, number>();
  /** The runs of jobs in this program that have not ended. */
  const live = new Set<number>();

  async function runOnce(job: Job): Promise<void> {
    const [run] = await database.query<{ runid: number }>(
      "insert into cron.job_run_details (jobid, database, username, command, status, start_time) values ($1, $2, $3, $4, 'running', clock_timestamp()) returning runid",
      [job.jobid, job.database, job.username, job.command],
    );
    const runid = Number(run?.runid);
    live.add(runid);
    try {
      const failure = await database.exec(job.command).then(() => null, (error: Error) => error.message);
      await database.query(
        "update cron.job_run_details set status = $2, return_message = $3, end_time = clock_timestamp() where runid = $1",
        [runid, failure === null ? "succeeded" : "failed", failure === null ? "ok" : `ERROR: ${failure}`],
      );
    } finally {
      live.delete(runid);
    }
  }

  async function tick(job: Job): Promise<void> {
    const queued = waiting.get(job.jobid) ?? 0;
    waiting.set(job.jobid, queued + 1);
    if (queued > 0) return;
    while ((waiting.get(job.jobid) ?? 0) > 0) {
      // The database can be closed or unreachable. Its next connection marks the interrupted run as failed, and the next tick runs the job.
      await runOnce(job).catch(() => {});
      waiting.set(job.jobid, (waiting.get(job.jobid) ?? 1) - 1);
    }
  }

  function schedule(job: Job): () => void {
    const seconds = /^(\d+) seconds?$/.exec(job.schedule)?.[1];
    if (seconds) {
      const timer = setInterval(() => void tick(job), Number(seconds) * 1000);
      return () => clearInterval(timer);
    }
    if (job.schedule === "@reboot") {
      void tick(job);
      return () => {};
    }
    const cron = new Cron(job.schedule.replace("$", "L"), { timezone: "UTC", mode: "5-part" }, () => void tick(job));
    return () => cron.stop();
  }

  const reload = coalesced(async () => {
    await database.query(
      `update cron.job_run_details set status = 'failed', return_message = 'server restarted', end_time = clock_timestamp()
      where status in ('starting', 'running') and runid <> all ($1::bigint[])`,
      [`{${[...live].join(",")}}`],
    );
    const jobs = await database.query<Job>("select jobid::integer, schedule, command, database, username from cron.job where active");
    for (const job of jobs) {
      const text = `${job.schedule}\n${job.command}`;
      if (timers.get(job.jobid)?.text === text) continue;
      timers.get(job.jobid)?.stop();
      timers.set(job.jobid, { text, stop: schedule(job) });
    }
    const ids = new Set(jobs.map((job) => job.jobid));
    for (const [id, timer] of timers) {
      if (ids.has(id)) continue;
      timer.stop();
      timers.delete(id);
    }
  });

  await database.listen("cron_standin", () => void reload().catch(() => {}));
  await reload();
  return () => timers.forEach((timer) => timer.stop());
}

/** Replaces the background worker of pg_net: on a notification, removes requests from the queue, sends them and stores the answers. */
export async function startNet(database: Database): Promise<() => void> {
  let isStopped = false;

  async function send(request: QueuedRequest): Promise<void> {
    const signal = AbortSignal.timeout(request.timeout_milliseconds);
    const store = (columns: string, values: unknown[]) =>
      database.query(`insert into net._http_response (id, ${columns}) values (${values.map((_, index) => `$${index + 1}`)})`, values)
        // An answer that cannot be stored counts as lost, and the caller repeats its request when it must.
        .catch(() => {});
    try {
      const response = await fetch(request.url, { method: request.method, headers: request.headers ?? {}, body: request.body, signal });
      const content = await response.text();
      const headers = Object.fromEntries(response.headers);
      const type = response.headers.get("content-type");
      await store("status_code, content_type, headers, content, timed_out", [request.id, response.status, type, headers, content, false]);
    } catch (error) {
      const message = signal.aborted ? `Timeout of ${request.timeout_milliseconds} ms reached` : (error as Error).message;
      await store("timed_out, error_msg", [request.id, signal.aborted, message]);
    }
  }

  const drain = coalesced(async () => {
    for (let found = NET_BATCH; found > 0 && !isStopped;) {
      const requests = await database.query<QueuedRequest>(
        `delete from net.http_request_queue where id in (select id from net.http_request_queue order by id limit ${NET_BATCH})
        returning id::integer, method, url, headers, convert_from(body, 'UTF8') as body, timeout_milliseconds`,
      ).catch(() => []);
      requests.forEach((request) => void send(request));
      found = requests.length;
    }
  });

  await database.listen("net_standin", () => void drain());
  await drain();
  const sweep = setInterval(() => {
    void database.query(`delete from net._http_response where created < now() - interval '${RESPONSE_TTL}'`).catch(() => {});
  }, 60_000);
  return () => {
    isStopped = true;
    clearInterval(sweep);
  };
}
