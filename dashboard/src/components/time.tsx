import { useEffect, useState } from "preact/hooks";
import { codesOf, distance, inUtc, inZone, inZoneDay, inZoneShort, partsOf, span, unbroken, UNKNOWN } from "../format.ts";

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

const hoverOf = (at: string): string => `${inZone(at)} · ${inUtc(at)}`;

/** An unknown value, which the cards of a narrow screen omit. */
export const Unknown = () => <span class="unknown">{UNKNOWN}</span>;

/** A time in the browser's time zone, with date, seconds and UTC on hover; after `since` on the same day, only the time is shown. */
export function Moment({ at, since, hasSeconds = false }: { at: string | null | undefined; since?: string; hasSeconds?: boolean }) {
  if (!at) return <Unknown />;
  const isSameDay = since !== undefined && new Date(at).toDateString() === new Date(since).toDateString();
  const text = inZoneShort(at, { hasSeconds, ...isSameDay ? { now: Date.parse(at) } : {} });
  return <time dateTime={at} title={hoverOf(at)}>{text}</time>;
}

/** The day of a time in the browser's time zone, with its year. */
export const Day = ({ at }: { at: string }) => <time dateTime={at} title={hoverOf(at)}>{inZoneDay(at)}</time>;

const Prose = ({ of: text }: { of: string }) => (
  <>{codesOf(text).map((part, index) => index % 2 ? <code key={index} class="inline">{part}</code> : unbroken(part))}</>
);

/** A message of the API with times in the browser's time zone, and with statements and error codes as code. */
export const Message = ({ of: message }: { of: string }) => (
  <>{partsOf(message).map((part, index) => index % 2 ? <Moment key={index} at={part} /> : <Prose key={index} of={part} />)}</>
);

/** The distance of a time from now, updated every second. */
export function Distance({ at }: { at: string | null | undefined }) {
  const now = useNow();
  if (!at) return <Unknown />;
  return <time dateTime={at} title={hoverOf(at)}>{distance(at, now)}</time>;
}

/** The time since a moment, such as `32 min`, updated every second. */
export function Since({ at }: { at: string }) {
  const now = useNow();
  return <time dateTime={at} title={hoverOf(at)}>{span(Math.max(now - Date.parse(at), 0))}</time>;
}
