import { useEffect, useState } from "preact/hooks";

/** The pause in typing before a request is sent. */
const PAUSE_MS = 400;

/** The last value that did not change for a moment. */
export function useSettled(value: string, pauseMs = PAUSE_MS): string {
  const [settled, setSettled] = useState(value);
  useEffect(() => {
    const timer = setTimeout(() => setSettled(value), pauseMs);
    return () => clearTimeout(timer);
  }, [value, pauseMs]);
  return settled;
}
