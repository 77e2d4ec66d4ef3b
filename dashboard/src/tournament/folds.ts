import type { z } from "zod";
import type { TournamentDetailResponse } from "../../../types/history.ts";

export type Result = z.infer<typeof TournamentDetailResponse>["history"][number];

/** The number of similar lines from which they are folded. */
const FEWEST = 3;

const endOf = ({ entity_type, success, error_message, warning_code }: Result): string =>
  JSON.stringify([entity_type, success, error_message, warning_code]);

/** Groups rows; three or more neighbours with the same key are one group. */
export function foldsBy<T>(rows: T[], keyOf: (row: T) => string): T[][] {
  const groups: T[][] = [];
  for (const row of rows) {
    const last = groups.at(-1);
    if (last?.[0] && keyOf(last[0]) === keyOf(row)) last.push(row);
    else groups.push([row]);
  }
  return groups.flatMap((group) => group.length < FEWEST ? group.map((row) => [row]) : [group]);
}

/** Groups the results of one sync with the same outcome, newest first. */
export const foldsOf = (results: Result[]): Result[][] => foldsBy(results, endOf);

/** The lowest and the highest known value; null without one. */
export function rangeOf(values: (number | null)[]): [least: number, most: number] | null {
  const known = values.filter((value) => value !== null);
  return known.length ? [Math.min(...known), Math.max(...known)] : null;
}
