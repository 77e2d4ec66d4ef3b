const listeners = new Set<(text: string) => void>();

/** Shows the result of an act for a few seconds and announces it to screen readers. */
export function announce(text: string): void {
  listeners.forEach((listener) => listener(text));
}

/** Calls a listener with each result. */
export function onAnnouncement(listener: (text: string) => void): () => void {
  listeners.add(listener);
  return () => void listeners.delete(listener);
}
