import { timingSafeEqual } from "node:crypto";

/** Whether a token is the expected one, in a time that tells nothing of either. */
export async function isToken(given: string | null | undefined, expected: string): Promise<boolean> {
  // Digests have one length, whatever was given.
  const [a, b] = await Promise.all([given ?? "", expected].map((text) => crypto.subtle.digest("SHA-256", new TextEncoder().encode(text))));
  return a !== undefined && b !== undefined && timingSafeEqual(new Uint8Array(a), new Uint8Array(b));
}
