import { z } from "zod";

/** The shortest and the longest duration of each field; the tables check the same ranges. */
export const DURATIONS = {
  evaluation_window: ["1 minute", "31 days"],
  for_duration: ["0 seconds", "7 days"],
  escalation_delay: ["1 second", "7 days"],
  repeat_interval: ["1 second", "31 days"],
  recurs_every: ["1 minute", "366 days"],
  lasts: ["1 second", "31 days"],
  group_window: ["0 seconds", "1 hour"],
  canary_every: ["1 hour", "31 days"],
  sync_frequency: ["10 seconds", "31 days"],
  grace: ["0 seconds", "7 days"],
  max_runtime: ["10 seconds", "1 hour"],
  keep: ["1 day", "3650 days"],
} as const;

const UNIT_MS = { second: 1_000, minute: 60_000, hour: 3_600_000, day: 86_400_000, week: 604_800_000 };
type Unit = keyof typeof UNIT_MS;
const sum = (parts: [count: string | undefined, unit: Unit][]): number =>
  parts.reduce((ms, [count = "0", unit]) => ms + Number(count) * UNIT_MS[unit], 0);

/** ISO 8601, such as `P1DT12H` and `PT15M`. */
const ISO = /^P(?=.)(?:(\d{1,9})W)?(?:(\d{1,9})D)?(?:T(?=\d)(?:(\d{1,9})H)?(?:(\d{1,9})M)?(?:(\d{1,9})S)?)?$/;
/** A Postgres interval, such as `15 minutes` and `1 day 12 hours`, also with a time: `1 day 12:00:00`. */
const POSTGRES =
  /^(?=.)(?:(\d{1,9}) weeks?)?(?:(?:^| )(\d{1,9}) days?)?(?:(?:^| )(\d{1,9}) hours?)?(?:(?:^| )(\d{1,9}) min(?:ute)?s?)?(?:(?:^| )(\d{1,9}) sec(?:ond)?s?)?(?:(?:^| )(\d{1,6}):([0-5]\d):([0-5]\d))?$/;

/** A duration in ISO 8601 or as a Postgres interval, in ms; null for any other text. Months and years have no fixed length. */
export function durationMs(text: string): number | null {
  const [found, weeks, days, hours, minutes, seconds, ...clock] = ISO.exec(text) ?? POSTGRES.exec(text) ?? [];
  if (found === undefined) return null;
  return sum([
    [weeks, "week"],
    [days, "day"],
    [hours, "hour"],
    [minutes, "minute"],
    [seconds, "second"],
    [clock[0], "hour"],
    [clock[1], "minute"],
    [clock[2], "second"],
  ]);
}

/** The duration of a field, in ISO 8601 (`PT15M`) or as a Postgres interval (`15 minutes`); responses have it in words. */
export function duration(field: keyof typeof DURATIONS) {
  const [shortest, longest] = DURATIONS[field];
  const isAllowed = (ms: number | null) => ms === null || (ms >= Number(durationMs(shortest)) && ms <= Number(durationMs(longest)));
  return z.string().refine((text) => durationMs(text) !== null, "must be a duration, such as 15 minutes, 1 hour or 2 days")
    .refine((text) => isAllowed(durationMs(text)), `must be between ${shortest} and ${longest}`);
}
