import { z } from "zod";

const EARLIEST = Date.parse("0001-01-01T00:00:00Z");
const LATEST = Date.parse("9999-12-31T23:59:59.999Z");

/** The largest offset in hours; Postgres refuses 16 or more. */
const LARGEST_OFFSET_H = 15;

/** A time with its offset, and with a year from 1 to 9999 in UTC, because Postgres writes other years in a form outside ISO 8601. */
export const moment = z.iso.datetime({ offset: true }).refine((text) => {
  const ms = Date.parse(text);
  // A text of another form has its own message.
  return Number.isNaN(ms) || ms >= EARLIEST && ms <= LATEST;
}, "must have a year from 1 to 9999 in UTC").refine(
  (text) => Number(/[+-](\d\d):?\d\d$/.exec(text)?.[1] ?? 0) <= LARGEST_OFFSET_H,
  "must have an offset below 16 hours",
);
