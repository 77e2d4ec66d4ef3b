import { z } from "zod";
import type { Log } from "../../../services/log.ts";
import type { Rpc } from "../../../services/rpc.ts";
import type { AuditVerifyResponse } from "../../../types/admin.ts";

const BATCH = 500;
const PAGE = 1_000;
const Head = z.object({ id: z.number(), mac: z.string() });
const Unsealed = z.object({ head: Head.nullable(), entries: z.array(z.object({ id: z.number(), text: z.string() })) });
const Sealed = z.array(z.object({
  id: z.number(),
  previous_id: z.number().nullable(),
  /** Null where the seal is missing. */
  mac: z.string().nullable(),
  /** Null where the row is missing. */
  text: z.string().nullable(),
}));
type Head = z.infer<typeof Head>;
type Seal = (previous: string, text: string) => Promise<string>;

/** The seal of a row: HMAC-SHA-256 over the seal before it and the row's text. */
async function sealer(secret: string): Promise<Seal> {
  const bytes = (text: string) => new TextEncoder().encode(text);
  const key = await crypto.subtle.importKey("raw", bytes(secret), { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
  return async (previous, text) => new Uint8Array(await crypto.subtle.sign("HMAC", key, bytes(`${previous}\n${text}`))).toHex();
}

/** Seals what was audited since the last seal and logs the new head, which is its copy outside the database; returns how many rows. @throws DatabaseError */
export async function sealAudit(rpc: Rpc, key: string | undefined, log: Log): Promise<number> {
  if (!key) return 0;
  const seal = await sealer(key);
  let sealed = 0;
  for (;;) {
    const { head, entries } = await rpc("list_unsealed_audit", { p: { limit: BATCH } }, Unsealed);
    const seals: { id: number; previous_id: number | null; mac: string }[] = [];
    let last: Head | null = head;
    for (const { id, text } of entries) {
      const mac = await seal(last?.mac ?? "", text);
      seals.push({ id, previous_id: last?.id ?? null, mac });
      last = { id, mac };
    }
    if (seals.length === 0 || last === null) return sealed;
    const added = await rpc("seal_audit", { p: { after: head?.id ?? null, seals } }, z.number());
    if (added > 0) log("info", "audit_head", { id: last.id, mac: last.mac });
    sealed += added;
    if (added < BATCH) return sealed;
  }
}

type Bad = NonNullable<AuditVerifyResponse["first_bad"]>;
type Row = z.infer<typeof Sealed>[number];

/** Walks the chain row by row and keeps the first that does not fit. */
class Verifier {
  rows = 0;
  unsealed = 0;
  bad: Bad | null = null;
  /** The last seal before what retention deleted; confirmed when a sealed row of the chain says so. */
  anchor: { id: number; isConfirmed: boolean } | null = null;
  head: Head | null = null;
  #firstUnsealed: number | null = null;

  constructor(private readonly seal: Seal, private readonly known: Head | null) {}

  async take({ id, mac, text, previous_id }: Row): Promise<void> {
    if (mac === null) {
      this.unsealed++;
      this.#firstUnsealed ??= id;
      return;
    }
    if (this.#firstUnsealed !== null) return this.#fail(this.#firstUnsealed, "INSERTED", "it stands before a sealed row and has no seal");
    if (text === null && this.head === null) this.anchor = { id, isConfirmed: false };
    else if (text === null) return this.#fail(id, "MISSING", "its seal is there and the row is not");
    else if (previous_id !== (this.head?.id ?? null)) {
      return this.#fail(previous_id ?? id, "MISSING", `the seal of row ${id} follows one that is not there`);
    } else if (mac !== await this.seal(this.head?.mac ?? "", text)) return this.#fail(id, "CHANGED", "the row is not what was sealed");
    if (this.known?.id === id && this.known.mac !== mac) return this.#fail(id, "CHANGED", "its seal is not the one that was exported");
    if (this.anchor && text?.includes(`"prune-audit", "audit-log", "${this.anchor.id}"`)) this.anchor.isConfirmed = true;
    this.head = { id, mac };
    this.rows += text === null ? 0 : 1;
  }

  end(): void {
    const last = this.head?.id ?? 0;
    if (this.anchor && !this.anchor.isConfirmed) this.#fail(this.anchor.id, "MISSING", "no sealed act of retention deleted it");
    else if (this.known && this.known.id > last) {
      this.#fail(this.known.id, "CUT", `the chain ends at row ${last}, before the exported head`);
    }
  }

  #fail(id: number, what: Bad["what"], message: string): void {
    this.bad ??= { id, what, message };
  }
}

/** Checks every seal from the first row on, and the end of the chain against an exported head; names the first row that does not fit. @throws DatabaseError */
export async function verifyAudit(rpc: Rpc, key: string, known: Head | null): Promise<AuditVerifyResponse> {
  const verifier = new Verifier(await sealer(key), known);
  let after = 0;
  for (let isMore = true; isMore && !verifier.bad;) {
    const page = await rpc("list_sealed_audit", { p: { after, limit: PAGE } }, Sealed);
    for (const row of page) if (!verifier.bad) await verifier.take(row);
    after = page.at(-1)?.id ?? after;
    isMore = page.length === PAGE;
  }
  verifier.end();
  const { rows, unsealed, bad, anchor, head } = verifier;
  return {
    status: bad ? "BROKEN" : "INTACT",
    rows,
    unsealed,
    head: head && `${head.id}:${head.mac}`,
    pruned_to: anchor?.id ?? null,
    first_bad: bad,
  };
}
