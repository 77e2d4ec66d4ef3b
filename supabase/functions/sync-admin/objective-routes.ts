import { ChangeObjectiveRequest, CreateObjectiveRequest } from "../../../types/objectives.ts";
import { type FunctionApp, readBody, requireRole } from "../_shared/app.ts";
import { actsOf, type AdminDeps, idOf } from "./acts.ts";

/** Adds the routes that create, change and delete objectives. */
export function addObjectiveRoutes(app: FunctionApp, deps: AdminDeps): void {
  const { by } = actsOf(deps);
  const { rpc } = deps;

  app.post("/objectives", ...requireRole("admin"), async (c) => {
    const new_id = crypto.randomUUID();
    const { reason, ...objective } = await readBody(c.req.raw, CreateObjectiveRequest);
    return c.json(await rpc("save_objective", await by(c, ["create-objective", "objective", new_id], { new_id, objective, reason })), 201);
  });
  app.patch("/objectives/:id", ...requireRole("admin"), async (c) => {
    const id = idOf(c);
    const { reason, ...objective } = await readBody(c.req.raw, ChangeObjectiveRequest);
    return c.json(await rpc("save_objective", await by(c, ["change-objective", "objective", id], { id, objective, reason })));
  });
  app.delete("/objectives/:id", ...requireRole("admin"), async (c) => {
    await rpc("delete_objective", await by(c, ["delete-objective", "objective", idOf(c)], { id: idOf(c) }));
    return c.body(null, 204);
  });
}
