import { z } from "zod";
import { AppError } from "../../../services/errors.ts";
import { AuditEntry, AuditQuery, VerifyQuery } from "../../../types/admin.ts";
import { type FunctionApp, parse, requireRole } from "../_shared/app.ts";
import type { AdminDeps } from "./acts.ts";
import { verifyAudit } from "./audit-logger.ts";

/** Who did what, and whether the record of it was touched. */
export function addAuditRoutes(app: FunctionApp, { rpc, env }: AdminDeps): void {
  app.get("/audit", ...requireRole("viewer"), async (c) => {
    const { cursor, limit, ...filters } = parse(AuditQuery, c.req.query());
    const found = await rpc("list_audit_log", { p: { ...filters, before_id: cursor, limit: limit + 1 } }, z.array(AuditEntry));
    const entries = found.slice(0, limit);
    return c.json({ entries, next_cursor: found.length > limit ? String(entries.at(-1)?.id) : null });
  });
  app.get("/audit/verify", ...requireRole("viewer"), async (c) => {
    const { head } = parse(VerifyQuery, c.req.query());
    if (!env.AUDIT_KEY) throw new AppError("AUDIT_KEY_MISSING", "the audit is not sealed: AUDIT_KEY is not set");
    const [id, mac] = head?.split(":") ?? [];
    return c.json(await verifyAudit(rpc, env.AUDIT_KEY, id && mac ? { id: Number(id), mac } : null));
  });
}
