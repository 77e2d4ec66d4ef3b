/**
 * Divides every `AbortSignal.timeout` by 10,000 while `work` runs, and returns the requested limits in milliseconds. The runtime measures
 * these limits, so a test cannot move them with its clock.
 */
export async function withShortTimeouts(work: () => Promise<unknown>): Promise<number[]> {
  const limits: number[] = [];
  const timeout = AbortSignal.timeout;
  AbortSignal.timeout = (ms) => {
    limits.push(ms);
    return timeout(ms / 10_000);
  };
  try {
    await work();
  } finally {
    AbortSignal.timeout = timeout;
  }
  return limits;
}

/** Never resolves, and rejects only when `signal` aborts. */
export const silence = (signal: AbortSignal | null | undefined): Promise<never> =>
  new Promise((_resolve, reject) => signal?.addEventListener("abort", () => reject(signal.reason)));
