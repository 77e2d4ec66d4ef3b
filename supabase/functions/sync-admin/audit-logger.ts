import type { Head, Seal, SealedRow } from "../../../services/contract/audit.ts";
import type { Log } from "../../../services/log.ts";
import type { Rpc } from "../../../services/rpc.ts";
import type { AuditVerifyResponse } from "../../../types/admin.ts";

const BATCH = 500;
const PAGE = 1_000;
type SealRow = (previous: string, text: string) => Promise<string>;

/** Returns the function that seals a row: HMAC-SHA-256 over the previous seal and the row's text. */
async function createSeal(secret: string): Promise<SealRow> {
  const bytes = (text: string) => new TextEncoder().encode(text);
  const key = await crypto.subtle.importKey("raw", bytes(secret), { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
  return async (previous, text) => new Uint8Array(await crypto.subtle.sign("HMAC", key, bytes(`${previous}\n${text}`))).toHex();
}

/** Seals the rows after the newest seal, logs the new head as its copy outside the database, and returns the number of rows. @throws DatabaseError */
export async function sealAudit(rpc: Rpc<"list_unsealed_audit" | "seal_audit">, key: string | undefined, log: Log): Promise<number> {
  if (!key) return 0;
  const seal = await createSeal(key);
  let sealed = 0;
  for (;;) {
    const { head, entries } = await rpc("list_unsealed_audit", { p: { limit: BATCH } });
    const seals: Seal[] = [];
    let last: Head | null = head;
    for (const { id, text } of entries) {
      const mac = await seal(last?.mac ?? "", text);
      seals.push({ id, previous_id: last?.id ?? null, mac });
      last = { id, mac };
    }
    if (seals.length === 0 || last === null) return sealed;
    const added = await rpc("seal_audit", { p: { after: head?.id ?? null, seals } });
    if (added > 0) log("info", "audit_head", { id: last.id, mac: last.mac });
    sealed += added;
    if (added < BATCH) return sealed;
  }
}

type Mismatch = NonNullable<AuditVerifyResponse["first_bad"]>;

/** Checks the chain row by row and keeps the first mismatch. */
class Verifier {
  rows = 0;
  unsealed = 0;
  mismatch: Mismatch | null = null;
  /** The seal of the last row that retention deleted; confirmed when a sealed row records that deletion. */
  anchor: { id: number; isConfirmed: boolean } | null = null;
  head: Head | null = null;
  #firstUnsealed: number | null = null;

  constructor(private readonly seal: SealRow, private readonly exportedHead: Head | null) {}

  async check({ id, mac, text, previous_id }: SealedRow): Promise<void> {
    if (mac === null) {
      this.unsealed++;
      this.#firstUnsealed ??= id;
      return;
    }
    const inserted = this.#firstUnsealed;
    if (inserted !== null) return this.#fail(inserted, "INSERTED", `row ${inserted} has no seal, but a later row has one`);
    if (text === null && this.head === null) this.anchor = { id, isConfirmed: false };
    else if (text === null) return this.#fail(id, "MISSING", `row ${id} is missing, but its seal exists`);
    else if (previous_id !== (this.head?.id ?? null)) {
      return this.#fail(previous_id ?? id, "MISSING", `the seal before row ${id} is missing`);
    } else if (mac !== await this.seal(this.head?.mac ?? "", text)) return this.#fail(id, "CHANGED", `row ${id} does not match its seal`);
    if (this.exportedHead?.id === id && this.exportedHead.mac !== mac) {
      return this.#fail(id, "CHANGED", `the seal of row ${id} differs from the exported one`);
    }
    if (this.anchor && text?.includes(`"prune-audit", "audit-log", "${this.anchor.id}"`)) this.anchor.isConfirmed = true;
    this.head = { id, mac };
    this.rows += text === null ? 0 : 1;
  }

  end(): void {
    const last = this.head?.id ?? 0;
    if (this.anchor && !this.anchor.isConfirmed) {
      this.#fail(
        this.anchor.id,
        "MISSING",
        `the rows up to ${this.anchor.id} are missing, and no sealed row records that retention deleted them`,
      );
    } else if (this.exportedHead && this.exportedHead.id > last) {
      this.#fail(this.exportedHead.id, "CUT", `the chain ends at row ${last}, but the exported head is row ${this.exportedHead.id}`);
    }
  }

  #fail(id: number, what: Mismatch["what"], message: string): void {
    this.mismatch ??= { id, what, message };
  }
}

/** Verifies every seal from the first row on, and the end of the chain against an exported head; returns the first mismatch. @throws DatabaseError */
export async function verifyAudit(rpc: Rpc<"list_sealed_audit">, key: string, exportedHead: Head | null): Promise<AuditVerifyResponse> {
  const verifier = new Verifier(await createSeal(key), exportedHead);
  let after = 0;
  for (let hasMore = true; hasMore && !verifier.mismatch;) {
    const page = await rpc("list_sealed_audit", { p: { after, limit: PAGE } });
    for (const row of page) if (!verifier.mismatch) await verifier.check(row);
    after = page.at(-1)?.id ?? after;
    hasMore = page.length === PAGE;
  }
  verifier.end();
  const { rows, unsealed, mismatch, anchor, head } = verifier;
  return {
    status: mismatch ? "BROKEN" : "INTACT",
    rows,
    unsealed,
    head: head && `${head.id}:${head.mac}`,
    pruned_to: anchor?.id ?? null,
    first_bad: mismatch,
  };
}
