import { z } from "zod";
import { AppError } from "../../../services/errors.ts";
import { ChangeEntityRequest, ChangeRetentionRequest } from "../../../types/admin.ts";
import { type FunctionApp, parse, readBody, refuseQuery, requireRole } from "../_shared/app.ts";
import { actsOf, type AdminDeps } from "./acts.ts";

const NAME = /^[a-z][a-z0-9_]{1,62}$/;
const EntityParams = z.object({ type: z.string().regex(NAME, "must be an entity type") });
const RetentionParams = z.object({ subject: z.string().regex(NAME, "must be a subject of GET sync-admin/retention") });

/** Adds the routes that show and change the settings of entities and of retention. */
export function addSettingsRoutes(app: FunctionApp, deps: AdminDeps): void {
  const { by } = actsOf(deps);
  const { rpc } = deps;

  app.get(
    "/entities",
    ...requireRole("viewer"),
    refuseQuery,
    async (c) => c.json({ entities: await rpc("list_entities", {}) }),
  );
  app.get("/entities/:type", ...requireRole("viewer"), refuseQuery, async (c) => {
    const { type } = parse(EntityParams, c.req.param());
    const found = (await rpc("list_entities", {})).find((entity) => entity.entity_type === type);
    if (!found) throw new AppError("ENTITY_UNKNOWN", `no entity type ${type}`);
    return c.json(found);
  });
  app.patch("/entities/:type", ...requireRole("admin"), async (c) => {
    const { type } = parse(EntityParams, c.req.param());
    const { reason, ...changes } = await readBody(c.req.raw, ChangeEntityRequest);
    return c.json(await rpc("change_entity", await by(c, ["change-entity", "entity", type], { entity_type: type, changes, reason })));
  });

  app.get(
    "/retention",
    ...requireRole("viewer"),
    refuseQuery,
    async (c) => c.json({ settings: await rpc("list_retention_settings", {}) }),
  );
  app.patch("/retention/:subject", ...requireRole("admin"), async (c) => {
    const { subject } = parse(RetentionParams, c.req.param());
    const change = { subject, ...await readBody(c.req.raw, ChangeRetentionRequest) };
    return c.json(await rpc("change_retention_setting", await by(c, ["change-retention", "retention", subject], change)));
  });
}
