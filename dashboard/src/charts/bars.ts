/** The sum of the known values; null without a known value. */
const sumOf = (values: (number | null)[]): number | null => values.reduce((sum, value) => value === null ? sum : (sum ?? 0) + value, null);

/** The values as bars; neighbouring buckets are summed, so that at most `most` bars are in the range. */
export function barsOf(times: number[], values: (number | null)[], [start, end]: [number, number], most = 48) {
  const size = Math.max(Math.ceil(times.filter((time) => time >= start && time <= end).length / most), 1);
  const firsts = [...times.keys()].filter((index) => index % size === 0);
  return {
    times: firsts.flatMap((index) => times[index] ?? []),
    values: firsts.map((index) => sumOf(values.slice(index, index + size))),
  };
}
