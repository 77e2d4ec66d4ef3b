import type { AuditText, Seal } from "../../../services/contract/audit.ts";

const bytes = (text: string) => new TextEncoder().encode(text);

/** An HMAC-SHA-256 in hex. */
export type Hmac = (text: string) => Promise<string>;

export async function createHmac(secret: string): Promise<Hmac> {
  const key = await crypto.subtle.importKey("raw", bytes(secret), { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
  return async (text) => new Uint8Array(await crypto.subtle.sign("HMAC", key, bytes(text))).toHex();
}

export const sha256 = async (text: string): Promise<string> => new Uint8Array(await crypto.subtle.digest("SHA-256", bytes(text))).toHex();

type Vouched = Pick<AuditText, "request_id" | "actor" | "actor_role" | "action" | "object_type" | "object_id">;

/** The text that a voucher covers; it begins with other words than the text of a seal, so that no seal is a voucher. */
export const voucherText = ({ request_id, actor, actor_role, action, object_type, object_id }: Vouched): string =>
  `voucher\n${JSON.stringify([request_id, actor, actor_role, action, object_type, object_id])}`;

/** The text that the HMAC of a seal covers: every stored field, so that a seal can be verified without its row. */
export const sealText = ({ id, previous_id, previous_mac, digest, verdict, sealed_at }: Omit<Seal, "mac">): string =>
  `seal\n${JSON.stringify([id, previous_id, previous_mac, digest, verdict, new Date(sealed_at).toISOString()])}`;
