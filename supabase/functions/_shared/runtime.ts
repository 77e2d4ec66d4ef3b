import { createClient } from "@supabase/supabase-js";
import { systemClock } from "../../../services/clock.ts";
import { type Env, readEnv } from "../../../services/env.ts";
import { createLog } from "../../../services/log.ts";
import { createRpc } from "../../../services/rpc.ts";
import { workerCpu } from "../../../services/worker-cpu.ts";
import type { SyncAppDeps } from "./sync-app.ts";

declare const EdgeRuntime: { waitUntil(work: Promise<unknown>): void };

/** The dependencies of a deployed function: environment, database, clock, log and background work. */
export function productionDeps(name: string): SyncAppDeps & { env: Env } {
  const env = readEnv();
  const client = createClient(env.SUPABASE_URL, env.secretKey, { auth: { persistSession: false, autoRefreshToken: false } });
  return {
    env,
    rpc: createRpc(client, { cpu: workerCpu }),
    clock: systemClock,
    cpu: workerCpu,
    log: createLog({ function: name }),
    // performance.now() and the wall clock limit both count from the start of the isolate.
    wallClockLeft: () => env.SYNC_WALL_CLOCK_MS - performance.now(),
    waitUntil: (work) => EdgeRuntime.waitUntil(work),
  };
}
