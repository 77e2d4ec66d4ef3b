import type { z } from "zod";
import type { ErrorAnalyticsResponse } from "../../../types/history.ts";
import { barsOf } from "../charts/bars.ts";

/** The colours of the most frequent codes, in their order; the other codes are one part. */
const COLOURS = ["--part-1", "--part-2", "--part-3", "--part-4", "--part-5"];

/** A part of the errors of a period. */
export interface Part {
  /** The code; null for the codes without their own part. */
  code: string | null;
  count: number;
  colour: string;
  /** The number of errors at each time of the trend. */
  values: number[];
}

const sumOf = (counts: number[]): number => counts.reduce((sum, count) => sum + count, 0);

/** The errors of a period by code: at most five codes, and the others together. */
export function errorParts({ by_code, trend }: Pick<z.infer<typeof ErrorAnalyticsResponse>, "by_code" | "trend">): Part[] {
  const codes = Object.entries(by_code).sort(([one, a], [other, b]) => b - a || one.localeCompare(other));
  const partOf = (code: string | null, colour: string, members: [string, number][]): Part => ({
    code,
    colour,
    count: sumOf(members.map(([, count]) => count)),
    values: trend.map(({ by_code: counts }) => sumOf(members.map(([name]) => counts[name] ?? 0))),
  });
  const others = codes.slice(COLOURS.length);
  return [
    ...codes.slice(0, COLOURS.length).map((entry, index) => partOf(entry[0], COLOURS[index] ?? "--part-rest", [entry])),
    ...others.length ? [partOf(null, "--part-rest", others)] : [],
  ];
}

/** The parts as stacked bars, the most frequent at the bottom; each bar is drawn over the bars that include it. */
export function stackOf(parts: Part[], times: number[], range: [number, number], most: number) {
  const bars = parts.map(({ values }) => barsOf(times, values, range, most));
  const series = parts.map(({ code, colour }, index) => ({
    name: code ?? "Other codes",
    colour,
    isBars: true,
    values: bars[index]?.values ?? [],
    heights: bars[index]?.values.map((_, place) => sumOf(bars.slice(0, index + 1).map(({ values }) => values[place] ?? 0))) ?? [],
  }));
  return { times: bars[0]?.times ?? [], series: series.reverse() };
}
