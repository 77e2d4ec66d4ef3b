const DAY_S = 86_400;
const format = (options: Intl.DateTimeFormatOptions) => new Intl.DateTimeFormat(undefined, { hourCycle: "h23", ...options });
const clock = format({ hour: "2-digit", minute: "2-digit" });
const day = format({ day: "numeric", month: "short" });
const month = format({ month: "short", year: "numeric" });

/** The round steps of an axis of durations, in ms. */
export const DURATION_STEPS = [100, 200, 500, ...[1, 2, 5, 10, 15, 20, 30, 60, 120, 300, 600, 1_200, 1_800, 3_600].map((s) => s * 1_000)];

/** The default height of a plot in px. */
export const HEIGHT = 180;

/** Whether a plot has the short form: fewer ticks, and no labels of lines. */
export const isSmall = (height = HEIGHT): boolean => height < HEIGHT;

/** The share of the axis above the highest value. */
const HEADROOM = 0.05;

/** The first number of 1, 2, 5, 10, 20 … that is at least `least`. */
function roundStep(least: number): number {
  const power = 10 ** Math.floor(Math.log10(least));
  return [1, 2, 5, 10].map((factor) => factor * power).find((step) => step >= least * 0.999) ?? least;
}

/** The ticks of an axis from 0 to a round value above `max`, at most `most` above 0; with `steps`, their distance is one of these. */
export function ticksOf(max: number, { most, steps, least = 0 }: { most: number; steps?: number[]; least?: number }): number[] {
  const needed = max * (1 + HEADROOM) / most;
  const step = steps?.find((step) => step >= needed) ?? Math.max(needed > 0 ? roundStep(needed) : 1, least);
  const count = Math.max(Math.ceil(max * (1 + HEADROOM) / step), 1);
  return Array.from({ length: count + 1 }, (_, index) => index * step);
}

/** The labels of a time axis in the language of the browser; the first tick of a day has the date below the time, or in place of it. */
export const timeLabels = (seconds: number[], step: number, isOneLine: boolean): string[] =>
  seconds.map((second, index) => {
    const time = new Date(second * 1000);
    if (step >= DAY_S) return (step >= 28 * DAY_S ? month : day).format(time);
    const previous = seconds[index - 1];
    const isFirst = previous === undefined;
    const isNewDay = !isFirst && new Date(previous * 1000).getDate() !== time.getDate();
    if (isOneLine) return isNewDay ? day.format(time) : clock.format(time);
    return `${clock.format(time)}${isFirst || isNewDay ? `\n${day.format(time)}` : ""}`;
  });

/** The factor of the p95 of the values above which a value is a peak. */
const PEAK = 4;

/** The highest value that is no peak. */
export function usualMax(values: number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const p95 = sorted[Math.ceil((sorted.length - 1) * 0.95)] ?? 0;
  return sorted.findLast((value) => value <= p95 * PEAK) ?? 0;
}
