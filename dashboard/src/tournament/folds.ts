import type { z } from "zod";
import type { TournamentDetailResponse } from "../../../types/history.ts";

export type Result = z.infer<typeof TournamentDetailResponse>["history"][number];

/** Fewer lines than these are shown as they are. */
const FEWEST = 3;

const endOf = ({ entity_type, success, error_message, warning_code }: Result): string =>
  JSON.stringify([entity_type, success, error_message, warning_code]);

/** Groups rows: neighbours with the same key are one group, from three of them on. */
export function foldsBy<T>(rows: T[], keyOf: (row: T) => string): T[][] {
  const groups: T[][] = [];
  for (const row of rows) {
    const last = groups.at(-1);
    if (last?.[0] && keyOf(last[0]) === keyOf(row)) last.push(row);
    else groups.push([row]);
  }
  return groups.flatMap((group) => group.length < FEWEST ? group.map((row) => [row]) : [group]);
}

/** Groups results, newest first, of one sync that ended alike. */
export const foldsOf = (results: Result[]): Result[][] => foldsBy(results, endOf);

/** The lowest and the highest of the known values; null without one. */
export function rangeOf(values: (number | null)[]): [least: number, most: number] | null {
  const known = values.filter((value) => value !== null);
  return known.length ? [Math.min(...known), Math.max(...known)] : null;
}
