// The clock has 24 hours in every language, because operators compare these times with logs.
const format = (options: Intl.DateTimeFormatOptions) => new Intl.DateTimeFormat(undefined, { hourCycle: "h23", ...options });
const zone = format({ dateStyle: "medium", timeStyle: "medium" });
const CLOCK = { hour: "2-digit", minute: "2-digit" } as const;
const clock = format(CLOCK);
const clockWithSeconds = format({ ...CLOCK, second: "2-digit" });
const weekday = format({ weekday: "short" });
const day = format({ day: "numeric", month: "short" });
const dayOfYear = format({ day: "numeric", month: "short", year: "numeric" });
const count = new Intl.NumberFormat();
export const UNKNOWN = "–";

/** A time in the browser's time zone, to the second. */
export const inZone = (moment: string): string => zone.format(new Date(moment));

/** The day of a time in the browser's time zone, such as `24 Nov 2026`. */
export const inZoneDay = (moment: string): string => dayOfYear.format(new Date(moment));

/** A short time in the browser's time zone: `19:20` on the day of `now`, `Thu 19:20` within a week, `21 Nov, 19:20` before that. */
export function inZoneShort(moment: string, { now = Date.now(), hasSeconds = false } = {}): string {
  const at = new Date(moment), today = new Date(now);
  const time = (hasSeconds ? clockWithSeconds : clock).format(at);
  if (at.toDateString() === today.toDateString()) return time;
  if (Math.abs(now - at.getTime()) < 6 * 86_400_000) return `${weekday.format(at)} ${time}`;
  return `${(at.getFullYear() === today.getFullYear() ? day : dayOfYear).format(at)}, ${time}`;
}

// A date has no time zone.
const dateOf = (options: Intl.DateTimeFormatOptions) => format({ ...options, timeZone: "UTC" });
const date = dateOf({ day: "numeric", month: "short" });
const dateOfYear = dateOf({ day: "numeric", month: "short", year: "numeric" });
const dateFormat = (dates: string[]) => dates.every((text) => text.startsWith(`${new Date().getFullYear()}-`)) ? date : dateOfYear;

/** Formats a date such as `2026-11-24` as `24 Nov`, and adds the year if it is not the current year. */
export const dayOf = (text: string): string => dateFormat([text]).format(new Date(text));

/** The days from one date to another, such as `24–27 Nov`. */
export const daysOf = (from: string | null, until: string | null): string =>
  from === null ? UNKNOWN : until === null ? dayOf(from) : dateFormat([from, until]).formatRange(new Date(from), new Date(until));

/** The name of the browser's time zone with its current offset, such as `Europe/Rome (UTC+1)`. */
export function zoneName(): string {
  const { timeZone } = zone.resolvedOptions();
  const offset = new Intl.DateTimeFormat("en", { timeZone, timeZoneName: "shortOffset" }).formatToParts().find(({ type }) =>
    type === "timeZoneName"
  );
  return `${timeZone} (${offset?.value.replace("GMT", "UTC") ?? "UTC"})`;
}

/** A time in UTC, to the second. */
export const inUtc = (moment: string): string => `${new Date(moment).toISOString().slice(0, 19).replace("T", " ")} UTC`;

export const number = (value: number | null | undefined): string => value === null || value === undefined ? UNKNOWN : count.format(value);
/** A ratio as a percentage; only a ratio of 1 is shown as 100 %. */
export const percent = (share: number | null | undefined): string => {
  if (share === null || share === undefined) return UNKNOWN;
  // 0.9999 must not round up to 100 %.
  const rounded = share < 1 ? Math.min(Math.round(share * 1000) / 10, 99.9) : 100;
  return `${count.format(rounded)} %`;
};

/** A text without line breaks between the number and the sign of a percentage. */
export const unbroken = (text: string): string => text.replace(/(\d) %/g, "$1\u00a0%");

/** A count with its noun: `1 tournament`, `3 tournaments`. */
export const counted = (value: number | null | undefined, noun: string): string => `${number(value)} ${noun}${value === 1 ? "" : "s"}`;

/** Milliseconds in their two largest units. */
export function duration(ms: number | null | undefined): string {
  if (ms === null || ms === undefined) return UNKNOWN;
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  const seconds = Math.round(ms / 1000);
  if (seconds < 60) {
    return `${ms < 10_000 ? (ms / 1000).toFixed(1) : seconds} s`;
  }
  const units: [number, string][] = [[86_400, "d"], [3_600, "h"], [60, "min"], [
    1,
    "s",
  ]];
  const largest = units.findIndex(([size]) => seconds >= size);
  const [first, second] = units.slice(largest, largest + 2);
  if (!first) return UNKNOWN;
  const rest = second ? Math.floor((seconds % first[0]) / second[0]) : 0;
  return `${Math.floor(seconds / first[0])} ${first[1]}${second && rest ? ` ${rest} ${second[1]}` : ""}`;
}

/** Milliseconds in their largest unit, such as `23 h`. */
export const largestUnit = (ms: number): string => duration(ms).split(" ").slice(0, 2).join(" ");

/** A changing time span in whole seconds below a minute, else in whole minutes. */
export const span = (ms: number): string => {
  const unit = ms < 60_000 ? 1_000 : 60_000;
  return ms < 1_000 ? "0 s" : duration(Math.floor(ms / unit) * unit).replace(/\.0 s$/, " s");
};

/** The distance of a time from now: `in 4 min`, `3 h 20 min ago`. */
export function distance(moment: string, now: number): string {
  const ms = Date.parse(moment) - now;
  if (Math.abs(ms) < 1_000) return "now";
  return ms > 0 ? `in ${span(ms)}` : `${span(-ms)} ago`;
}

/** The name of a code or an entity, such as `CONSECUTIVE_FAILURES`, as words. */
export const words = (name: string): string => name.toLowerCase().replaceAll("_", " ");
/** A text with a capital first letter; a name with an underscore, such as `pg_cron`, is not changed. */
export const capitalised = (text: string): string => /^\w+_/.test(text) ? text : text.charAt(0).toUpperCase() + text.slice(1);
export const title = (name: string): string => name === "API" || name === "OK" ? name : capitalised(words(name));
/** A time in a message of the API: ISO 8601, or with a space and `UTC`. */
const TIME = /(\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?:Z|[+-]\d{2}(?::?\d{2})?| UTC))/;
/** A SQL statement, or a name in capitals, such as an error code. */
const CODE = /((?:select|show) [\w.]+(?: [^;]*)?;|\b[A-Z]+(?:_[A-Z0-9]+)+\b)/;
/** The parts of a text: prose and code alternate, and prose is first. */
export const codesOf = (text: string): string[] => text.split(CODE);
/** The parts of a message: text and times alternate, and text is first. */
export const partsOf = (message: string): string[] => message.split(TIME);
/** A message as a sentence. */
export const sentence = (message: string): string => capitalised(message.replace(/(?<![.!?])$/, "."));

/** A duration in words, such as `15 minutes`, in ms; null for any other text. */
export function msOf(length: string): number | null {
  const [, number, unit = ""] = /^(\d+) (second|minute|hour|day)s?$/.exec(length) ?? [];
  const sizes: Record<string, number> = {
    second: 1_000,
    minute: 60_000,
    hour: 3_600_000,
    day: 86_400_000,
  };
  return number === undefined ? null : Number(number) * (sizes[unit] ?? 0);
}
