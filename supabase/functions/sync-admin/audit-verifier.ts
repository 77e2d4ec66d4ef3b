import { AuditText, type Seal, type SealedRow } from "../../../services/contract/audit.ts";
import type { Clock } from "../../../services/clock.ts";
import type { Rpc } from "../../../services/rpc.ts";
import type { AuditVerifyResponse } from "../../../types/admin.ts";
import { createHmac, type Hmac, sealText, sha256 } from "./audit-hmac.ts";
import { judgeRow } from "./audit-logger.ts";

const PAGE = 1_000;
/** Retention keeps each row for at least this time after its seal; private.prune_audit_log has the same limit. */
const SHORTEST_RETENTION_MS = 90 * 86_400_000;

type Mismatch = NonNullable<AuditVerifyResponse["first_bad"]>;
/** A seal that was exported: from the log of the function, or from an earlier verification. */
type ExportedHead = Pick<Seal, "id" | "mac">;

/** Checks the chain row by row and keeps the first mismatch. */
class Verifier {
  rows = 0;
  unsealed = 0;
  unvouched = 0;
  mismatch: Mismatch | null = null;
  /** The seal of the last row that retention deleted. */
  anchor: Seal | null = null;
  head: Seal | null = null;
  #isPruningRecorded = false;
  #firstUnsealed: number | null = null;
  #isExportFound = false;

  constructor(private readonly hmac: Hmac, private readonly now: number, private readonly exported: ExportedHead | null) {}

  async check({ id, seal, text }: SealedRow): Promise<void> {
    if (text !== null) this.#noteAnchor(text);
    if (seal === null) {
      this.unsealed++;
      this.#firstUnsealed ??= id;
      return;
    }
    const inserted = this.#firstUnsealed;
    if (inserted !== null) return this.#fail(inserted, "INSERTED", `row ${inserted} has no seal, but a later row has one`);
    if (text === null && this.head !== null) return this.#fail(id, "MISSING", `row ${id} is missing, but its seal exists`);
    if (seal.mac !== await this.hmac(sealText(seal))) return this.#fail(id, "CHANGED", `the seal of row ${id} is wrong`);
    if (text !== null && seal.previous_id !== (this.head?.id ?? null)) {
      return this.#fail(seal.previous_id ?? id, "MISSING", `the seal before row ${id} is missing`);
    }
    if (text === null) this.anchor = seal;
    else if (seal.previous_mac !== (this.head?.mac ?? "") || seal.digest !== await sha256(text)) {
      return this.#fail(id, "CHANGED", `row ${id} does not match its seal`);
    } else await this.#count(seal, text);
    if (this.exported?.id === id) {
      this.#isExportFound = true;
      if (this.exported.mac !== seal.mac) return this.#fail(id, "CHANGED", `the seal of row ${id} differs from the exported one`);
    }
    this.head = seal;
  }

  async #count({ id, verdict }: Seal, text: string): Promise<void> {
    this.rows++;
    if (verdict !== await judgeRow(this.hmac, text)) this.#fail(id, "CHANGED", `the seal of row ${id} has a wrong verdict`);
    if (verdict === "UNVOUCHED") this.unvouched++;
  }

  /** Pruning is recorded by a later row, which can be unsealed for a minute. */
  #noteAnchor(text: string): void {
    if (this.anchor === null || !text.includes("prune-audit")) return;
    const { action, object_type, object_id } = AuditText.parse(JSON.parse(text));
    if (action === "prune-audit" && object_type === "audit-log" && object_id === String(this.anchor.id)) this.#isPruningRecorded = true;
  }

  end(): void {
    const { anchor, exported } = this;
    if (anchor && !this.#isPruningRecorded) {
      this.#fail(anchor.id, "MISSING", `the rows up to ${anchor.id} are missing, and no row records that retention deleted them`);
    } else if (anchor && Date.parse(anchor.sealed_at) > this.now - SHORTEST_RETENTION_MS) {
      this.#fail(anchor.id, "MISSING", `the rows up to ${anchor.id} are missing, although retention keeps rows for at least 90 days`);
    } else if (exported && !this.#isExportFound && exported.id > (anchor?.id ?? 0)) {
      const last = this.head?.id ?? 0;
      const isCut = exported.id > last;
      const why = isCut ? `the chain ends at row ${last}` : `the chain does not have row ${exported.id}`;
      this.#fail(exported.id, isCut ? "CUT" : "MISSING", `${why}, but the exported head is row ${exported.id}`);
    }
  }

  #fail(id: number, what: Mismatch["what"], message: string): void {
    this.mismatch ??= { id, what, message };
  }
}

/** Verifies every seal from the first row on, and the chain against an exported head; returns the first mismatch. @throws DatabaseError */
export async function verifyAudit(
  rpc: Rpc<"list_sealed_audit">,
  key: string,
  clock: Pick<Clock, "now">,
  exported: ExportedHead | null,
): Promise<AuditVerifyResponse> {
  const verifier = new Verifier(await createHmac(key), clock.now(), exported);
  let after = 0;
  for (let hasMore = true; hasMore && !verifier.mismatch;) {
    const page = await rpc("list_sealed_audit", { p: { after, limit: PAGE } });
    for (const row of page) if (!verifier.mismatch) await verifier.check(row);
    after = page.at(-1)?.id ?? after;
    hasMore = page.length === PAGE;
  }
  verifier.end();
  const { rows, unsealed, unvouched, mismatch, anchor, head } = verifier;
  return {
    status: mismatch ? "BROKEN" : anchor ? "PRUNED" : "INTACT",
    rows,
    unsealed,
    unvouched,
    head: head && `${head.id}:${head.mac}`,
    pruned_to: anchor?.id ?? null,
    first_bad: mismatch,
  };
}
