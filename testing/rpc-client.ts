/** A call of supabase-js that resolves to `response` at once. */
export function answeredCall<T>(response: T): Promise<T> & { abortSignal(): Promise<T> } {
  const call = Promise.resolve(response);
  return Object.assign(call, { abortSignal: () => call });
}
