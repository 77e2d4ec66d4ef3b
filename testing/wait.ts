/** Calls `look` every 100 ms until it returns a result, for at most `limitMs`; only for other processes, whose clock a test cannot move. */
export async function until<T>(what: string, look: () => Promise<T | null | undefined | false>, limitMs = 120_000): Promise<T> {
  const limit = AbortSignal.timeout(limitMs);
  let cause: unknown;
  while (!limit.aborted) {
    try {
      const found = await look();
      if (found) return found;
      cause = undefined;
    } catch (error) {
      cause = error;
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`${what}: not found within ${limitMs / 1000} s`, { cause });
}
