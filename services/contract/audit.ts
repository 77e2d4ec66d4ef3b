import { z } from "zod";
import { AuditEntry, VERDICTS } from "../../types/admin.ts";

/** The fields that the seal of a row adds to the chain. */
const NewSeal = z.strictObject({
  /** The SHA-256 of the text of the row. */
  digest: z.string(),
  verdict: z.enum(VERDICTS),
  sealed_at: z.string(),
  /** The HMAC over the other fields of the seal. */
  mac: z.string(),
});
export type NewSeal = z.infer<typeof NewSeal>;

/** A stored seal; `id` is that of its row. */
const Seal = NewSeal.extend({ id: z.number(), previous_id: z.number().nullable(), previous_mac: z.string() });
export type Seal = z.infer<typeof Seal>;

/** A row of the log with its seal; one of the two can be missing. */
const SealedRow = z.object({ id: z.number(), seal: Seal.nullable(), text: z.string().nullable() });
export type SealedRow = z.infer<typeof SealedRow>;

/** The fields of a row's text that a voucher covers, or that verification reads. */
export const AuditText = z.object({
  actor: z.string(),
  actor_role: z.string(),
  action: z.string(),
  object_type: z.string(),
  object_id: z.string(),
  after: z.unknown(),
  request_id: z.string().nullable(),
  voucher: z.string().nullable(),
});
export type AuditText = z.infer<typeof AuditText>;

export const AUDIT = {
  list_unsealed_audit: {
    args: { p: z.strictObject({ limit: z.number().int() }) },
    answer: z.object({ head: Seal.nullable(), entries: z.array(z.object({ id: z.number(), text: z.string() })) }),
  },
  list_sealed_audit: {
    args: { p: z.strictObject({ after: z.number(), limit: z.number().int() }) },
    answer: z.object({ rows: z.array(SealedRow), unsealed: z.number().int() }),
  },
  seal_audit: { args: { p: z.strictObject({ after: z.number().nullable(), seals: z.array(NewSeal) }) }, answer: z.number() },
  list_audit_log: {
    args: {
      p: z.strictObject({
        actor: z.string().optional(),
        action: z.string().optional(),
        object_type: z.string().optional(),
        object_id: z.string().optional(),
        from: z.string().optional(),
        to: z.string().optional(),
        before_id: z.string().optional(),
        limit: z.number().int(),
      }),
    },
    answer: z.array(AuditEntry),
  },
};
