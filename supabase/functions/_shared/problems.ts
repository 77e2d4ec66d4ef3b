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

/** The values as an enumeration: "A", "A or B", "A, B or C". */
const anyOf = (values: unknown[]): string => values.map(String).join(", ").replace(/, ([^,]*)$/, " or $1");

const oneOf = (values: unknown[], given: unknown): string => `${given === undefined ? "is required and " : ""}must be ${anyOf(values)}`;

interface Bounds {
  min?: number;
  max?: number;
}

/** The lengths or values that a schema allows, with both bounds, also when only one of them is the problem. */
function boundsOf(schema: Issue["schema"]): Bounds {
  const bounds: Bounds = {};
  for (const check of schema?._zod.def.checks ?? []) {
    const { minimum, maximum, value, inclusive, check: kind } = check._zod.def as Limit;
    if (kind === "min_length") bounds.min = minimum;
    if (kind === "max_length") bounds.max = maximum;
    if (kind === "greater_than" && inclusive) bounds.min = value;
    if (kind === "less_than" && inclusive) bounds.max = value;
  }
  return bounds;
}
interface Limit {
  check: string;
  minimum?: number;
  maximum?: number;
  value?: number;
  inclusive?: boolean;
}

type LimitIssue = Extract<Issue, { code: "too_small" | "too_big" }>;

/** The sentence of a limit: the length of a text or a list, or the value of a number. */
function limit({ origin, exact: isExact, inclusive: isInclusive = true, schema, ...issue }: LimitIssue): string {
  const isLow = issue.code === "too_small";
  const value = isLow ? issue.minimum : issue.maximum;
  const { min, max } = boundsOf(schema);
  const unit = UNITS[origin];
  if (unit) {
    const [count, last] = isExact
      ? [`exactly ${value}`, value]
      : min !== undefined && max !== undefined
      ? [`${min} to ${max}`, max]
      : [`${isLow ? "at least" : "at most"} ${value}`, value];
    return `must have ${count} ${unit}${Number(last) === 1 ? "" : "s"}`;
  }
  if (min !== undefined && max !== undefined) return `must be between ${min} and ${max}`;
  return `must be ${isInclusive ? isLow ? "at least" : "at most" : isLow ? "more than" : "less than"} ${value}`;
}

/** The problem of a field of a request and its allowed values, in words that follow the name of the field. */
export function problemOf(issue: Issue): string {
  switch (issue.code) {
    case "invalid_type":
      return issue.input === undefined ? "is required" : TYPES[issue.expected] ?? "has the wrong type";
    case "invalid_value":
      return oneOf(issue.values, issue.input);
    case "too_small":
    case "too_big":
      return limit(issue);
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
