import type { z } from "zod";

type Issue = z.core.$ZodRawIssue;

const TYPES: Record<string, string> = {
  string: "must be text",
  number: "must be a number",
  int: "must be a whole number",
  boolean: "must be true or false",
  array: "must be a list",
  object: "must be an object",
  record: "must be an object",
  null: "must be null",
};

const FORMATS: Record<string, string> = {
  email: "must be an email address",
  url: "must be a URL",
  uuid: "must be a UUID",
  datetime: "must be a time with its offset from UTC, such as 2026-06-10T12:00:00Z",
  date: "must be a date, such as 2026-06-10",
};

const UNITS: Record<string, string> = { string: "character", array: "item" };

/** "A", "A or B", "A, B or C". */
const anyOf = (values: unknown[]): string => values.map(String).join(", ").replace(/, ([^,]*)$/, " or $1");

const oneOf = (values: unknown[], given: unknown): string => `${given === undefined ? "is required and " : ""}must be ${anyOf(values)}`;

/** The sentence of a limit: the length of a text or a list, or the value of a number. */
function limit(origin: string, bound: "at least" | "at most", value: number | bigint, isExact = false, isInclusive = true): string {
  const unit = UNITS[origin];
  if (unit) return `must have ${isExact ? "exactly" : bound} ${value} ${unit}${Number(value) === 1 ? "" : "s"}`;
  return `must be ${isInclusive ? bound : bound === "at least" ? "more than" : "less than"} ${value}`;
}

/** The problem of a field of a request and its allowed values, in words that follow the name of the field. */
export function problemOf(issue: Issue): string {
  switch (issue.code) {
    case "invalid_type":
      return issue.input === undefined ? "is required" : TYPES[issue.expected] ?? "has the wrong type";
    case "invalid_value":
      return oneOf(issue.values, issue.input);
    case "too_small":
      return limit(issue.origin, "at least", issue.minimum, issue.exact, issue.inclusive);
    case "too_big":
      return limit(issue.origin, "at most", issue.maximum, issue.exact, issue.inclusive);
    case "not_multiple_of":
      return `must be a multiple of ${issue.divisor}`;
    case "invalid_format":
      return FORMATS[issue.format] ?? "has the wrong format";
    case "unrecognized_keys":
      return "is not a known field";
    case "invalid_key":
      return `has a name that ${issue.issues[0]?.message ?? "is not allowed"}`;
    case "invalid_union": {
      const { discriminator, options, errors } = issue;
      if (discriminator) return oneOf(Array.isArray(options) ? options : [], (issue.input as Record<string, unknown>)[discriminator]);
      return [...new Set(errors.flat().map(({ message }) => message))].join(", or ") || "matches more than one of the allowed forms";
    }
    default:
      return "is not allowed";
  }
}
