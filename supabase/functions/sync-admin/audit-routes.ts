import { z } from "zod";
import { AppError } from "../../../services/errors.ts";
import { AuditEntry } from "../../../types/admin.ts";
import { type FunctionApp, parse, requireRole } from "../_shared/app.ts";
import type { AdminDeps } from "./acts.ts";
import { verifyAudit } from "./audit-logger.ts";

const moment = z.iso.datetime({ offset: true });
const AuditQuery = z.strictObject({
  actor: z.string().max(200).optional(),
  action: z.string().max(50).optional(),
  object_type: z.string().max(50).optional(),
  object_id: z.string().max(100).optional(),
  from: moment.optional(),
  to: moment.optional(),
  limit: z.coerce.number().int().min(1).max(200).default(50),
  cursor: z.string().regex(/^\d{1,18}$/, "is not a cursor of this list").optional(),
});
const VerifyQuery = z.strictObject({
  head: z.string().regex(/^\d{1,15}:[0-9a-f]{64}$/, "must be id:mac, as a verification or the log gave it").optional(),
});

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
