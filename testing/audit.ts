import { sealAudit } from "../supabase/functions/sync-admin/audit-logger.ts";
import { verifyAudit } from "../supabase/functions/sync-admin/audit-verifier.ts";
import type { AuditVerifyResponse } from "../types/admin.ts";
import { TestClock } from "./clock.ts";
import type { TestDatabase } from "./database.ts";

export const AUDIT_KEY = "a key of thirty-two bytes or more";

/** Changes the tables like an attacker with the owner's rights: disables the triggers, and enables them again. */
export async function tamper({ database }: TestDatabase, ...statements: string[]): Promise<void> {
  const setTriggers = (state: string) =>
    ["audit_log", "audit_seals"].map((table) => `alter table ${table} ${state} trigger all`).join("; ");
  await database.exec(setTriggers("disable"));
  for (const statement of statements) await database.exec(statement);
  await database.exec(setTriggers("enable"));
}

/** An audit log that is sealed with AUDIT_KEY. */
export function anAuditLog(db: TestDatabase, clock = new TestClock("2026-06-10T12:00:00Z")) {
  const lines: Record<string, unknown>[] = [];
  const log = (_level: string, event: string, fields?: object) => lines.push({ event, ...fields });
  const seal = (at = clock, key: string | undefined = AUDIT_KEY) => sealAudit(db.rpc, key, log, at);
  /** Writes rows in the form of the functions of the database, with ids from 1 in an empty log. */
  const add = (ids: number[], at = "2026-06-10T12:00:00Z") =>
    db.query(
      `select private.audit('{"name": "operator@example.com", "role": "operator"}', 'test-act', 'thing', id::text, null, '{"a": 1}', 'because', $2)
      from unnest($1::integer[]) id`,
      [ids, at],
    );
  return {
    clock,
    lines,
    log,
    seal,
    add,
    /** Fills the empty log with `count` sealed rows, which the database recorded and the sealer sealed at `since`. */
    async fill(count: number, since?: string): Promise<void> {
      await tamper(db, "truncate audit_log, audit_seals restart identity");
      await add(Array.from({ length: count }, (_, index) => index + 1), since);
      if (since) await tamper(db, `update audit_log set recorded_at = '${since}'`);
      await seal(since ? new TestClock(since) : clock);
    },
    /** Verifies the log, and with `head` that it continues an exported seal `id:mac`. */
    async verify(head?: string | null): Promise<AuditVerifyResponse> {
      const [id, mac] = head?.split(":") ?? [];
      return await verifyAudit(db.rpc, AUDIT_KEY, clock, { head: id && mac ? { id: Number(id), mac } : null });
    },
  };
}
