// The formats of hosted PostgREST; the drivers return a timestamptz without its T, and numbers as text.

export const asIso = (text: string): string => text.replace(" ", "T").replace(/([+-]\d\d)$/, "$1:00");

/** A bigint as a number, when a number is exact. */
function asNumber(text: string): number | bigint {
  const value = Number(text);
  return Number.isSafeInteger(value) ? value : BigInt(text);
}

const PARSERS = new Map<number, (text: string) => unknown>([
  ...[21, 23, 26, 700, 701, 1700].map((oid) => [oid, Number] as const),
  ...[114, 3802].map((oid) => [oid, JSON.parse] as const),
  [16, (text) => text === "t"],
  [20, asNumber],
  [1184, asIso],
]);

/** The parser of a type that is no array; without a parser, the text is the value. */
export const parserOfScalar = (oid: number): (text: string) => unknown => PARSERS.get(oid) ?? String;
