import { z } from "zod";
import { AuditEntry } from "../../types/admin.ts";

/** A seal and its row. */
const Head = z.object({ id: z.number(), mac: z.string() });
export type Head = z.infer<typeof Head>;

const SealedRow = z.object({
  id: z.number(),
  previous_id: z.number().nullable(),
  /** Null when the seal is missing. */
  mac: z.string().nullable(),
  /** Null when the row is missing. */
  text: z.string().nullable(),
});
export type SealedRow = z.infer<typeof SealedRow>;

const Seal = z.strictObject({ id: z.number(), previous_id: z.number().nullable(), mac: z.string() });
export type Seal = z.infer<typeof Seal>;

export const AUDIT = {
  list_unsealed_audit: {
    args: { p: z.strictObject({ limit: z.number().int() }) },
    answer: z.object({ head: Head.nullable(), entries: z.array(z.object({ id: z.number(), text: z.string() })) }),
  },
  list_sealed_audit: { args: { p: z.strictObject({ after: z.number(), limit: z.number().int() }) }, answer: z.array(SealedRow) },
  seal_audit: { args: { p: z.strictObject({ after: z.number().nullable(), seals: z.array(Seal) }) }, answer: z.number() },
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
