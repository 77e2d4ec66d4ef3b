import { type FunctionApp, refuseQuery, requireRole } from "../_shared/app.ts";
import { AppError } from "../../../services/errors.ts";
import type { AdminDeps } from "./acts.ts";
import { createAuthAdmin } from "./auth-admin.ts";
import { countPeople } from "./people.ts";
import { judgeSetup } from "./setup.ts";

/** The time limit of all requests to Auth for one request. */
const TIMEOUT_MS = 5_000;

/** Adds the route that lists the missing steps of the setup; it only reads, and without an answer of Auth one step stays open. */
export function addSetupRoutes(app: FunctionApp, { rpc, clock, env }: AdminDeps): void {
  app.get("/setup", ...requireRole("admin"), refuseQuery, async (c) => {
    const signal = AbortSignal.timeout(TIMEOUT_MS);
    const auth = createAuthAdmin({ env, fetch: c.get("access").keys.fetch, now: () => clock.now(), signal });
    const [facts, people] = await Promise.all([
      rpc("get_setup_facts", { as_of: clock.asOf() }),
      countPeople(auth).catch((error: unknown) => {
        if (error instanceof AppError) return null;
        throw error;
      }),
    ]);
    return c.json(judgeSetup(facts, people, { hasAuditKey: Boolean(env.AUDIT_KEY), hasHeartbeatUrl: Boolean(env.ALERT_HEARTBEAT_URL) }));
  });
}
