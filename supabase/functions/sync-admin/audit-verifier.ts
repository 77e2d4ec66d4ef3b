import type { Seal, SealedRow } from "../../../services/contract/audit.ts";
import { AppError } from "../../../services/errors.ts";
import type { Clock } from "../../../services/clock.ts";
import type { Rpc } from "../../../services/rpc.ts";
import type { AuditVerifyResponse } from "../../../types/admin.ts";
import { createHmac, type Hmac, sealText, sha256 } from "./audit-hmac.ts";
import { judgeRow } from "./audit-logger.ts";

const PAGE = 1_000;
/** The largest number of rows of one call; they take about 0.3 s of CPU, a fifth of the budget of a worker. */
const MOST_ROWS = 2_000;
/** Retention keeps each row for at least this time after its seal; private.prune_audit_log has the same limit. */
const SHORTEST_RETENTION_MS = 90 * 86_400_000;

type Mismatch = NonNullable<AuditVerifyResponse["first_bad"]>;
/** An exported seal, from the log of the function or from an earlier verification. */
type ExportedHead = Pick<Seal, "id" | "mac">;

/** Checks the chain row by row and keeps the first mismatch. */
class Verifier {
  rows = 0;
  unvouched = 0;
  mismatch: Mismatch | null = null;
  /** The seal of the last row that retention deleted. */
  anchor: Seal | null = null;
  head: Seal | null = null;
  #isExportFound = false;

  /** `start` is the seal before the first row to check; null for a check from the first row of the log. */
  constructor(
    private readonly hmac: Hmac,
    private readonly now: number,
    private readonly exported: ExportedHead | null,
    private readonly start: Seal | null,
  ) {
    this.head = start;
  }

  async check({ id, seal, text }: SealedRow): Promise<void> {
    if (seal === null) return this.#fail(id, "INSERTED", `row ${id} has no seal, but a later row has one`);
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
    if (verdict !== await judgeRow(this.hmac, text)) return this.#fail(id, "CHANGED", `the seal of row ${id} has a wrong verdict`);
    this.rows++;
    if (verdict === "UNVOUCHED") this.unvouched++;
  }

  /** Checks the facts that need the whole part; `isEnd` when no sealed row follows. */
  end({ isEnd, isPruningRecorded }: { isEnd: boolean; isPruningRecorded: boolean }): void {
    const { anchor, exported } = this;
    if (anchor && !isPruningRecorded) {
      this.#fail(anchor.id, "MISSING", `the rows up to ${anchor.id} are missing, and no row records that retention deleted them`);
    } else if (anchor && Date.parse(anchor.sealed_at) > this.now - SHORTEST_RETENTION_MS) {
      this.#fail(anchor.id, "MISSING", `the rows up to ${anchor.id} are missing, although retention keeps rows for at least 90 days`);
    } else if (exported && !this.#isExportFound && exported.id > (this.start?.id ?? anchor?.id ?? 0)) {
      this.#endWithout(exported.id, isEnd);
    }
  }

  /** Reports an exported head that is not among the rows, because it is cut off, missing, or in a later part. */
  #endWithout(id: number, isEnd: boolean): void {
    const last = this.head?.id ?? 0;
    const why = `but the exported head is row ${id}`;
    if (id <= last) this.#fail(id, "MISSING", `the chain does not have row ${id}, ${why}`);
    else if (isEnd) this.#fail(id, "CUT", `the chain ends at row ${last}, ${why}`);
  }

  #fail(id: number, what: Mismatch["what"], message: string): void {
    this.mismatch ??= { id, what, message };
  }
}

type VerifierRpc = Rpc<"list_sealed_audit" | "list_audit_log">;

/** The seal of a cursor, which an earlier call verified. @throws AppError when the log no longer has that seal */
async function readStart(rpc: VerifierRpc, hmac: Hmac, { id, mac }: ExportedHead): Promise<Seal> {
  const { rows } = await rpc("list_sealed_audit", { p: { after: id - 1, limit: 1 } });
  const { seal, text } = rows[0] ?? {};
  if (!seal || !text || seal.id !== id || seal.mac !== mac || mac !== await hmac(sealText(seal))) {
    const message = "names a row that the chain does not have: verify from the start";
    throw new AppError("BAD_REQUEST", `cursor: ${message}`, [{ field: "cursor", message }]);
  }
  return seal;
}

/** Whether a row records that retention deleted the rows up to an anchor; the row can be unsealed for up to a minute. */
async function findPruning(rpc: VerifierRpc, anchor: Seal | null): Promise<boolean> {
  if (anchor === null) return false;
  const act = { action: "prune-audit", object_type: "audit-log", object_id: String(anchor.id) };
  return (await rpc("list_audit_log", { p: { ...act, limit: 1 } })).length > 0;
}

/**
 * Verifies the seals of up to MOST_ROWS rows, from the first row or after the seal of a cursor, and the chain against an exported head;
 * returns the first mismatch, and the cursor of the next part.
 * @throws DatabaseError
 * @throws AppError
 */
export async function verifyAudit(
  rpc: VerifierRpc,
  key: string,
  clock: Pick<Clock, "now">,
  { head: exported = null, cursor = null }: { head?: ExportedHead | null; cursor?: ExportedHead | null },
): Promise<AuditVerifyResponse> {
  const hmac = await createHmac(key);
  const verifier = new Verifier(hmac, clock.now(), exported, cursor && await readStart(rpc, hmac, cursor));
  let after = cursor?.id ?? 0, unsealed = 0, isEnd = false;
  for (let read = 0; read < MOST_ROWS && !isEnd && !verifier.mismatch; read += PAGE) {
    const page = await rpc("list_sealed_audit", { p: { after, limit: PAGE } });
    for (const row of page.rows) if (!verifier.mismatch) await verifier.check(row);
    after = page.rows.at(-1)?.id ?? after;
    unsealed = page.unsealed;
    isEnd = page.rows.length < PAGE;
  }
  verifier.end({ isEnd, isPruningRecorded: await findPruning(rpc, verifier.anchor) });
  const { rows, unvouched, mismatch, anchor } = verifier;
  const head = verifier.head && `${verifier.head.id}:${verifier.head.mac}`;
  return {
    status: mismatch ? "BROKEN" : anchor ? "PRUNED" : "INTACT",
    rows,
    unsealed,
    unvouched,
    head,
    pruned_to: anchor?.id ?? null,
    first_bad: mismatch,
    next_cursor: isEnd || mismatch ? null : head,
  };
}
