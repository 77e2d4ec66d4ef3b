import { createLog } from "../services/log.ts";
import { createVisStandIn, type VisStandIn } from "../platform/vis/stand-in.ts";
import { createApp as createLiveSync } from "../supabase/functions/match-live-sync/app.ts";
import { createApp as createMatchSync, type Deps } from "../supabase/functions/match-schedule-sync/app.ts";
import { createApp as createTournamentSync } from "../supabase/functions/tournament-master-sync/app.ts";
import { WorkerCpu } from "../services/worker-cpu.ts";
import { TestClock } from "./clock.ts";
import type { TestDatabase } from "./database.ts";
import { testEnv } from "./env.ts";

/** The sync functions with a test database, the stand-in VIS service and one clock. */
export interface SyncHarness {
  clock: TestClock;
  vis: VisStandIn;
  /** The parsed log lines of the functions. */
  lines: Record<string, unknown>[];
  deps: Deps;
  /** Starts a sync as pg_cron does, waits for its background work and returns its response. */
  run(name: "tournament-master-sync" | "match-schedule-sync" | "match-live-sync", body?: object, key?: string): Promise<Response>;
}

export function createSyncHarness(
  db: TestDatabase,
  options: { start?: string; env?: Record<string, string>; deps?: Partial<Deps> } = {},
): SyncHarness {
  const clock = new TestClock(options.start ?? "2026-06-10T10:00:00.000Z");
  const vis = createVisStandIn({ now: () => clock.now(), sleep: (ms) => clock.sleep(ms) });
  const lines: Record<string, unknown>[] = [];
  let background: Promise<unknown>[] = [];
  const deps: Deps = {
    env: testEnv(options.env),
    rpc: db.rpc,
    clock,
    log: createLog({}, (line) => lines.push(JSON.parse(line))),
    wallClockLeft: () => 400_000,
    cpu: new WorkerCpu({ budgetMs: Infinity }),
    waitUntil: (work) => background.push(work),
    fetch: (input, init) => vis.fetch(new Request(input as string, init)),
    ...options.deps,
  };
  const apps = {
    "tournament-master-sync": createTournamentSync(deps),
    "match-schedule-sync": createMatchSync(deps),
    "match-live-sync": createLiveSync(deps),
  };
  return {
    clock,
    vis,
    lines,
    deps,
    async run(name, body = { trigger: "CRON" }, key = db.keys.secret) {
      const response = await apps[name].fetch(
        new Request(`http://functions.test/${name}`, {
          method: "POST",
          headers: { apikey: key, "content-type": "application/json" },
          body: JSON.stringify(body),
        }),
      );
      const work = background;
      background = [];
      await Promise.all(work);
      return response;
    },
  };
}
