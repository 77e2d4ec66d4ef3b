/** A measured value and its limit. */
export interface Bar {
  name: string;
  value: number;
  limit: number;
  holds: boolean;
}
/** The result of a benchmark, which itself prints the tables for people. */
export interface Report {
  figures: Record<string, unknown>;
  bars: Bar[];
}

/** A bar that holds while the value is at most the limit. */
export const atMost = (name: string, value: number, limit: number): Bar => ({ name, value, limit, holds: value <= limit });

/** A bar that holds while the value is at least the limit. */
export const atLeast = (name: string, value: number, limit: number): Bar => ({ name, value, limit, holds: value >= limit });

// deno-lint-ignore no-console -- a command-line program
export const say = (line: string): void => console.log(line);

/** Prints a table with right-aligned columns. */
export function table(head: string[], rows: (string | number)[][]): void {
  const cells = [head, ...rows].map((row) => row.map((cell) => typeof cell === "number" ? String(Math.round(cell * 100) / 100) : cell));
  const widths = head.map((_, column) => Math.max(...cells.map((row) => row[column]?.length ?? 0)));
  for (const row of cells) say(row.map((cell, column) => cell.padStart(widths[column] ?? 0)).join("  "));
}

export const median = (values: number[]): number => {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle] as number : ((sorted[middle - 1] as number) + (sorted[middle] as number)) / 2;
};
