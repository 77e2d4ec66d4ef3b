import { createHash, timingSafeEqual } from "node:crypto";

/** Whether a token is the expected one, in a time that tells nothing of either. */
export function isToken(given: string | null | undefined, expected: string): boolean {
  // Digests have one length, whatever was given.
  const [a, b] = [given ?? "", expected].map((text) => createHash("sha256").update(text).digest());
  return a !== undefined && b !== undefined && timingSafeEqual(a, b);
}
