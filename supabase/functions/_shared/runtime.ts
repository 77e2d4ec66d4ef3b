import { PostgrestClient } from "@supabase/postgrest-js";
import { systemClock } from "../../../services/clock.ts";
import { type Env, readEnv } from "../../../services/env.ts";
import { createLog } from "../../../services/log.ts";
import { createRpc } from "../../../services/rpc.ts";
import { SecretKeys } from "../../../services/secret-keys.ts";
import { workerCpu } from "../../../services/worker-cpu.ts";
import { type Access, createAccess } from "./access.ts";
import type { SyncAppDeps } from "./sync-app.ts";

declare const EdgeRuntime: { waitUntil(work: Promise<unknown>): void };

/** The dependencies of a deployed function: environment, database, clock, log and background work. */
export function productionDeps(name: string): SyncAppDeps & { env: Env; access: Access } {
  const env = readEnv();
  const rest = `${env.SUPABASE_URL}/rest/v1`;
  const keys = new SecretKeys(env.secretKeys, { confirmUrl: `${rest}/rpc/schema_version` });
  const client = new PostgrestClient(rest, { fetch: keys.fetch });
  return {
    env,
    access: createAccess(env, keys),
    rpc: createRpc(client, { cpu: workerCpu }),
    clock: systemClock,
    cpu: workerCpu,
    log: createLog({ function: name }),
    // performance.now() and the wall clock limit both count from the start of the isolate.
    wallClockLeft: () => env.SYNC_WALL_CLOCK_MS - performance.now(),
    waitUntil: (work) => EdgeRuntime.waitUntil(work),
  };
}
