/** Asks again and again until `look` finds something; gives up after `limitMs`. For what another process does, whose time is not ours to move. */
export async function until<T>(what: string, look: () => Promise<T | null | undefined | false>, limitMs = 120_000): Promise<T> {
  const limit = AbortSignal.timeout(limitMs);
  while (!limit.aborted) {
    const found = await look().catch(() => null);
    if (found) return found;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`waited ${limitMs / 1000} s in vain: ${what}`);
}
