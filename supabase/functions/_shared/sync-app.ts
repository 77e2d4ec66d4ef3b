import { type StartSyncRequest, StartSyncRequest as StartSync } from "../../../types/sync.ts";
import { startSync } from "../../../services/SyncRunner.ts";
import type { SyncDeps, SyncRun } from "../../../services/SyncRun.ts";
import { VisClient, type VisOptions } from "../../../services/VisClient.ts";
import type { Env } from "../../../services/env.ts";
import { AppError } from "../../../services/errors.ts";
import { createFunctionApp, type FunctionApp, readBody, requireSecret } from "./app.ts";

export interface SyncAppDeps extends SyncDeps {
  /** Keeps the worker alive until `work` settles. */
  waitUntil: (work: Promise<unknown>) => void;
}

/** A sync function: `POST /` starts a run, answers 202 at once and works in the background; a worker with too little CPU answers 503. */
export function createSyncApp(
  name: string,
  entityType: string,
  deps: SyncAppDeps,
  work: (run: SyncRun, request: StartSyncRequest) => Promise<void>,
): FunctionApp {
  const app = createFunctionApp(name, deps);
  app.post("/", requireSecret, async (c) => {
    const request = await readBody(c.req.raw, StartSync);
    if (!deps.cpu.canStartRun) await refuseRun(deps, request);
    const run = await startSync(deps, entityType, {
      ...request,
      correlation_id: request.correlation_id ?? c.get("correlationId") ?? c.get("requestId"),
    });
    deps.waitUntil(run.perform(() => work(run, request)));
    const { executionId, startedAt, deadline } = run.info;
    return c.json({ execution_id: executionId, status: "RUNNING", started_at: startedAt, deadline }, 202);
  });
  return app;
}

/** Refuses a run; its job, if any, waits for another worker without spending an attempt. @throws AppError WORKER_SPENT */
async function refuseRun(deps: SyncAppDeps, { sync_job_id, job_token }: StartSyncRequest): Promise<never> {
  const reason = "this worker has too little CPU time left for a run";
  if (sync_job_id && job_token) await deps.rpc("postpone_sync_job", { p: { sync_job_id, job_token, reason }, as_of: deps.clock.asOf() });
  throw new AppError("WORKER_SPENT", reason);
}

/** The options of the VIS client from the environment. */
export const visOptions = (env: Env): VisOptions => ({
  url: env.VIS_API_URL,
  appId: env.VIS_APP_ID,
  username: env.VIS_USERNAME,
  password: env.VIS_PASSWORD,
  timeoutMs: env.VIS_TIMEOUT_MS,
  retries: env.VIS_RETRIES,
  retryMinMs: env.VIS_RETRY_MIN_MS,
});

/** The VIS client of a run, which shares the clock and the CPU of its worker. */
export const createVisClient = (run: SyncRun, deps: SyncAppDeps & { env: Env; fetch?: typeof fetch }): VisClient =>
  new VisClient({
    options: visOptions(deps.env),
    rpc: run.rpc,
    clock: deps.clock,
    cpu: deps.cpu,
    metrics: run.metrics,
    shouldStop: () => run.shouldStop(),
    fetch: deps.fetch,
  });
