import { z } from "zod";
import { EndBackoffRequest, ResolveErrorRequest } from "../../../types/admin.ts";
import { CancelJobRequest, IdempotencyKey, JobQuery, ManualSyncRequest, RequeueJobRequest } from "../../../types/jobs.ts";
import { type FunctionApp, parse, readBody, refuseQuery, requireRole, requireSecret } from "../_shared/app.ts";
import { nextCursor } from "../../../types/cursor.ts";
import { actsOf, type AdminDeps, idOf } from "./acts.ts";
import { testConnectivity } from "./connectivity.ts";
import { listJobs, readJob, triggerSync, withEstimate } from "./sync-queue-manager.ts";

const Headers = z.object({ "idempotency-key": IdempotencyKey });

/** Adds the routes that trigger, show, cancel and requeue jobs, and those of connectivity, the upstream and errors. */
export function addJobRoutes(app: FunctionApp, deps: AdminDeps): void {
  const { actor, by, as_of } = actsOf(deps);
  const { rpc } = deps;

  app.post("/manual-trigger", ...requireRole("operator"), async (c) => {
    const key = parse(Headers, { "idempotency-key": c.req.header("idempotency-key") })["idempotency-key"];
    const request = await readBody(c.req.raw, ManualSyncRequest);
    const trigger_id = crypto.randomUUID();
    const caller = await actor(c, ["trigger-sync", "job", trigger_id]);
    return c.json(await triggerSync(rpc, as_of(), caller, request, { trigger_id, idempotency_key: key }), 202);
  });
  app.get("/jobs", ...requireRole("viewer"), async (c) => {
    const { entity, cursor: after, ...filters } = parse(JobQuery, c.req.query());
    const { jobs, last } = await listJobs(rpc, { ...filters, entity_type: entity, ...after });
    return c.json({ jobs, next_cursor: last && nextCursor(last.enqueued_at, last.id) });
  });
  app.get("/jobs/:id", ...requireRole("viewer"), refuseQuery, async (c) => c.json(await readJob(rpc, as_of(), idOf(c))));
  app.get("/queue-status", ...requireRole("viewer"), refuseQuery, async (c) => {
    return c.json(await rpc("get_queue_status", { as_of: as_of() }));
  });
  app.post("/jobs/:id/cancel", ...requireRole("operator"), async (c) => {
    const request = await readBody(c.req.raw, CancelJobRequest);
    return c.json(withEstimate(await rpc("cancel_sync_job", await by(c, ["cancel-job", "job", idOf(c)], { ...request, id: idOf(c) }))));
  });
  app.post("/jobs/:id/requeue", ...requireRole("operator"), async (c) => {
    const request = await readBody(c.req.raw, RequeueJobRequest);
    const trigger_id = crypto.randomUUID();
    const requeue = await by(c, ["requeue-job", "job", trigger_id], { ...request, id: idOf(c), trigger_id });
    return c.json(withEstimate(await rpc("requeue_sync_job", requeue)), 202);
  });
  app.post("/process-queue", requireSecret, async (c) => c.json(await rpc("drain_sync_queue", { as_of: as_of() })));
  app.get("/test-connectivity", ...requireRole("viewer"), refuseQuery, async (c) => {
    return c.json(await rpc("get_connectivity_test", { as_of: as_of() }));
  });
  app.post("/test-connectivity", ...requireRole("operator"), async (c) => {
    const result = await testConnectivity(
      deps,
      await rpc("start_connectivity_test", await by(c, ["test-connectivity", "system", "connectivity"], {})),
    );
    await rpc("record_connectivity_test", { p: { result }, as_of: as_of() });
    return c.json(result);
  });

  app.post("/upstream/end-backoff", ...requireRole("operator"), async (c) => {
    const request = await readBody(c.req.raw, EndBackoffRequest);
    return c.json(await rpc("end_upstream_backoff", await by(c, ["end-backoff", "upstream", "vis"], request)));
  });
  app.post("/errors/:id/resolve", ...requireRole("operator"), async (c) => {
    const request = { id: idOf(c), ...await readBody(c.req.raw, ResolveErrorRequest) };
    return c.json(await rpc("resolve_errors", await by(c, ["resolve-error", "error", request.id], request)));
  });
}
