/** Calls `look` every 100 ms until it finds something, for at most `limitMs`. For the work of another process, whose clock a test cannot move. */
export async function until<T>(what: string, look: () => Promise<T | null | undefined | false>, limitMs = 120_000): Promise<T> {
  const limit = AbortSignal.timeout(limitMs);
  while (!limit.aborted) {
    const found = await look().catch(() => null);
    if (found) return found;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`${what}: not found within ${limitMs / 1000} s`);
}
