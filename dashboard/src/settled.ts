import { useEffect, useState } from "preact/hooks";

/** A pause in typing, after which a request is worth it. */
const PAUSE_MS = 400;

/** A value, once it has not changed for a moment. */
export function useSettled(value: string, pauseMs = PAUSE_MS): string {
  const [settled, setSettled] = useState(value);
  useEffect(() => {
    const timer = setTimeout(() => setSettled(value), pauseMs);
    return () => clearTimeout(timer);
  }, [value, pauseMs]);
  return settled;
}
