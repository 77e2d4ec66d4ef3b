import { useEffect, useState } from "preact/hooks";
import { distance, inUtc, inZone, inZoneShort, UNKNOWN } from "../format.ts";

const listeners = new Set<() => void>();
setInterval(
  () =>
    document.visibilityState === "visible" &&
    listeners.forEach((tell) => tell()),
  1_000,
);

/** The time, once a second, for what counts down. */
export function useNow(): number {
  const [now, setNow] = useState(Date.now());
  useEffect(() => {
    const tell = () => setNow(Date.now());
    listeners.add(tell);
    return () => void listeners.delete(tell);
  }, []);
  return now;
}

/** A moment in the viewer's zone, with UTC on hover. */
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

/** How long ago, or how soon, going on by itself. */
export function Distance({ at }: { at: string | null | undefined }) {
  const now = useNow();
  if (!at) return <>{UNKNOWN}</>;
  return (
    <time dateTime={at} title={`${inZone(at)} · ${inUtc(at)}`}>
      {distance(at, now)}
    </time>
  );
}
