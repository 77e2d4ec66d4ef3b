import { useEffect, useState } from "preact/hooks";
import { distance, inUtc, inZone, inZoneShort, UNKNOWN } from "../format.ts";

const listeners = new Set<() => void>();
setInterval(
  () =>
    document.visibilityState === "visible" &&
    listeners.forEach((listener) => listener()),
  1_000,
);

/** The current time, updated every second. */
export function useNow(): number {
  const [now, setNow] = useState(Date.now());
  useEffect(() => {
    const listener = () => setNow(Date.now());
    listeners.add(listener);
    return () => void listeners.delete(listener);
  }, []);
  return now;
}

/** A time in the browser's time zone, with UTC on hover. */
export function Moment(
  { at, isShort = false }: { at: string | null | undefined; isShort?: boolean },
) {
  if (!at) return <>{UNKNOWN}</>;
  return (
    <time dateTime={at} title={inUtc(at)}>
      {isShort ? inZoneShort(at) : inZone(at)}
    </time>
  );
}

/** The distance of a time from now, updated every second. */
export function Distance({ at }: { at: string | null | undefined }) {
  const now = useNow();
  if (!at) return <>{UNKNOWN}</>;
  return (
    <time dateTime={at} title={`${inZone(at)} · ${inUtc(at)}`}>
      {distance(at, now)}
    </time>
  );
}
