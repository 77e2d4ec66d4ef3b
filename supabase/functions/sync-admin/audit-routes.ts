import { AppError } from "../../../services/errors.ts";
import { AuditQuery, VerifyQuery } from "../../../types/admin.ts";
import { type FunctionApp, parse, requireRole } from "../_shared/app.ts";
import type { AdminDeps } from "./acts.ts";
import { verifyAudit } from "./audit-verifier.ts";

/** The seal of a text `id:mac`; null for any other text. */
function sealOf(text: string | undefined): { id: number; mac: string } | null {
  const [id, mac] = text?.split(":") ?? [];
  return id && mac ? { id: Number(id), mac } : null;
}

/** Routes that list the audit log and verify its seals. */
export function addAuditRoutes(app: FunctionApp, { rpc, env, clock }: AdminDeps): void {
  app.get("/audit", ...requireRole("viewer"), async (c) => {
    const { cursor, limit, ...filters } = parse(AuditQuery, c.req.query());
    const rows = await rpc("list_audit_log", { p: { ...filters, before_id: cursor, limit: limit + 1 } });
    const entries = rows.slice(0, limit);
    return c.json({ entries, next_cursor: rows.length > limit ? String(entries.at(-1)?.id) : null });
  });
  app.get("/audit/verify", ...requireRole("viewer"), async (c) => {
    const { head, cursor } = parse(VerifyQuery, c.req.query());
    if (!env.AUDIT_KEY) {
      throw new AppError("AUDIT_KEY_MISSING", "the audit log is neither vouched for nor sealed, because AUDIT_KEY is not set");
    }
    return c.json(await verifyAudit(rpc, env.AUDIT_KEY, clock, { head: sealOf(head), cursor: sealOf(cursor) }));
  });
}
