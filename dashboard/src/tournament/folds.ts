import type { z } from "zod";
import type { TournamentDetailResponse } from "../../../types/history.ts";

export type Result = z.infer<typeof TournamentDetailResponse>["history"][number];

/** Fewer lines than these are shown as they are. */
const FEWEST = 3;

const endOf = ({ entity_type, success, error_message, warning_code }: Result): string =>
  JSON.stringify([entity_type, success, error_message, warning_code]);

/** Groups results, newest first: neighbours of one sync that ended alike are one group, from three of them on. */
export function foldsOf(results: Result[]): Result[][] {
  const groups: Result[][] = [];
  for (const result of results) {
    const last = groups.at(-1);
    if (last?.[0] && endOf(last[0]) === endOf(result)) last.push(result);
    else groups.push([result]);
  }
  return groups.flatMap((group) => group.length < FEWEST ? group.map((result) => [result]) : [group]);
}

/** The lowest and the highest of the known values; null without one. */
export function rangeOf(values: (number | null)[]): [least: number, most: number] | null {
  const known = values.filter((value) => value !== null);
  return known.length ? [Math.min(...known), Math.max(...known)] : null;
}
