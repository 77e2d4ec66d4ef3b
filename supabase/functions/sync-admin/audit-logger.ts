import { AuditText, type NewSeal, type Seal } from "../../../services/contract/audit.ts";
import { z } from "zod";
import type { Clock } from "../../../services/clock.ts";
import type { Log } from "../../../services/log.ts";
import type { Rpc } from "../../../services/rpc.ts";
import { createHmac, type Hmac, sealText, sha256, voucherText } from "./audit-hmac.ts";

const BATCH = 500;

const Trigger = z.object({ trigger_id: z.string() });

/** Whether sync-admin vouched for a row; only private.prune_audit_log writes rows of its action, so that no caller can claim one. */
export async function judgeRow(hmac: Hmac, text: string): Promise<Seal["verdict"]> {
  const row = AuditText.parse(JSON.parse(text));
  if (row.action === "prune-audit" && row.object_type === "audit-log") return "DATABASE";
  // The database selects the job of a trigger, so sync-admin vouches for the trigger and not for the job.
  const object_id = Trigger.safeParse(row.after).data?.trigger_id ?? row.object_id;
  return row.voucher !== null && row.voucher === await hmac(voucherText({ ...row, object_id })) ? "VOUCHED" : "UNVOUCHED";
}

/** Seals the rows after the newest seal, logs the new head as its copy outside the database, and returns the number of rows. @throws DatabaseError */
export async function sealAudit(
  rpc: Rpc<"list_unsealed_audit" | "seal_audit">,
  key: string | undefined,
  log: Log,
  clock: Pick<Clock, "now">,
): Promise<number> {
  if (!key) return 0;
  const hmac = await createHmac(key);
  let sealed = 0;
  for (;;) {
    const { head, entries } = await rpc("list_unsealed_audit", { p: { limit: BATCH } });
    // Sealing continues, because an unsealed row can be changed without a trace; verification names the wrong seal.
    if (head && entries.length && head.mac !== await hmac(sealText(head))) log("error", "audit_seal_wrong", { id: head.id });
    const seals: NewSeal[] = [];
    let last: Seal | null = head;
    for (const { id, text } of entries) {
      const seal: NewSeal = {
        digest: await sha256(text),
        verdict: await judgeRow(hmac, text),
        sealed_at: new Date(clock.now()).toISOString(),
        mac: "",
      };
      const place = { id, previous_id: last?.id ?? null, previous_mac: last?.mac ?? "" };
      seal.mac = await hmac(sealText({ ...seal, ...place }));
      seals.push(seal);
      last = { ...seal, ...place };
    }
    if (last === null || seals.length === 0) return sealed;
    const added = await rpc("seal_audit", { p: { after: head?.id ?? null, seals } });
    if (added > 0) log("info", "audit_head", { id: last.id, mac: last.mac });
    sealed += added;
    if (added < BATCH) return sealed;
  }
}
