// The formats of hosted PostgREST: the drivers return a timestamptz without its T, and numbers as text.

export const asIso = (text: string): string => text.replace(" ", "T").replace(/([+-]\d\d)$/, "$1:00");

/** A bigint as a number, where a number can hold it. */
export function asNumber(text: string): number | bigint {
  const value = Number(text);
  return Number.isSafeInteger(value) ? value : BigInt(text);
}
