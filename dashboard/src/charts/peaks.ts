import type uPlot from "uplot";
import type { Plot } from "./plot.ts";
import { usualMax } from "./scale.ts";

/** The highest value of the series at each time of the range. */
const highestAt = ({ times, series, range: [start, end] }: Plot): { time: number; value: number }[] =>
  times.flatMap((time, index) => {
    const values = series.map(({ values, heights }) => (heights ?? values)[index]).filter((value) => typeof value === "number");
    return time >= start && time <= end && values.length ? [{ time, value: Math.max(...values) }] : [];
  });

/** The highest value that the scale of a plot shows. */
export function highestShown(plot: Plot): number {
  const values = highestAt(plot).map(({ value }) => value);
  return plot.cutsPeaks ? usualMax(values) : Math.max(0, ...values);
}

/** The peaks above the scale; neighbouring points are one peak with their highest value. */
function peaksOf(plot: Plot): { time: number; value: number }[] {
  const points = highestAt(plot), top = highestShown(plot);
  return points.filter(({ value }, index) =>
    value > top && value > (points[index - 1]?.value ?? 0) && value >= (points[index + 1]?.value ?? 0)
  );
}

/** Marks each peak above the scale at the top edge of a plot with an arrow and its value. */
export const markPeaks = (current: () => Plot): uPlot.Plugin => {
  const box = document.createElement("div");
  box.className = "peaks";
  return {
    hooks: {
      ready: (u) => void u.over.appendChild(box),
      draw: (u) => {
        const plot = current(), width = u.over.clientWidth;
        box.replaceChildren(
          ...peaksOf(plot).map(({ time, value }) => {
            const mark = document.createElement("span"), left = u.valToPos(time, "x");
            mark.className = left > width / 2 ? "peak before" : "peak";
            mark.textContent = `↑ ${plot.format(value)}`;
            mark.style.left = `${left}px`;
            return mark;
          }),
        );
      },
    },
  };
};
