import { createHash, timingSafeEqual } from "node:crypto";

/** Compares a token with the expected one, in a time that depends on neither. */
export function isToken(given: string | null | undefined, expected: string): boolean {
  // `timingSafeEqual` needs inputs of equal length; all digests have the same length.
  const [a, b] = [given ?? "", expected].map((text) => createHash("sha256").update(text).digest());
  return a !== undefined && b !== undefined && timingSafeEqual(a, b);
}
