import "uplot/dist/uPlot.min.css";
import uPlot from "uplot";
import { inZoneShort } from "../format.ts";

const DAY_S = 86_400;
const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });
const day = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short" });
const month = new Intl.DateTimeFormat(undefined, { month: "short", year: "numeric" });

interface Series {
  name: string;
  /** A custom property of the style sheet. */
  colour: string;
  values: (number | null)[];
  isBars?: boolean;
  isDashed?: boolean;
}

export interface Plot {
  /** Seconds since the epoch. */
  times: number[];
  series: Series[];
  /** Periods shaded behind the lines, in seconds. */
  bands: { from: number; until: number }[];
  /** Times marked at the bottom, in seconds. */
  marks: number[];
  range: [number, number];
  /** The scale reaches at least this value; 1 for a ratio. */
  top?: number;
  format: (value: number) => string;
  onZoom: (from: number, until: number) => void;
}

const colourOf = (name: string): string => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

/** The labels of a time axis in the browser's language; a time has its day below it where the day begins. */
const timeLabels = (seconds: number[], step: number): string[] =>
  seconds.map((second, index) => {
    const time = new Date(second * 1000);
    if (step >= DAY_S) return (step >= 28 * DAY_S ? month : day).format(time);
    const previous = seconds[index - 1];
    const isNewDay = previous === undefined || new Date(previous * 1000).getDate() !== time.getDate();
    return `${clock.format(time)}${isNewDay ? `\n${day.format(time)}` : ""}`;
  });

/** Marks every point while there is room for the marks, else only those that no line joins, because both neighbours are unknown. */
const markedPoints = (u: uPlot, series: number): number[] => {
  const values = u.data[series] ?? [];
  const isDense = values.length * 6 > u.width;
  const isKnown = (index: number) => typeof values[index] === "number";
  return [...values.keys()].filter((index) => isKnown(index) && !(isDense && (isKnown(index - 1) || isKnown(index + 1))));
};

/** Draws the bands behind the lines and a mark for each missed run. */
const background = (current: () => Plot): uPlot.Plugin => ({
  hooks: {
    drawClear: (u) => {
      const { bands, marks } = current();
      const { ctx, bbox } = u;
      ctx.save();
      ctx.beginPath();
      ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
      ctx.clip();
      ctx.fillStyle = colourOf("--bad-soft");
      for (const { from, until } of bands) {
        const left = u.valToPos(from, "x", true),
          right = u.valToPos(until, "x", true);
        ctx.fillRect(left, bbox.top, Math.max(right - left, 2), bbox.height);
      }
      ctx.fillStyle = colourOf("--bad-fill");
      for (const mark of marks) {
        ctx.fillRect(
          u.valToPos(mark, "x", true) - 1,
          bbox.top + bbox.height - 8,
          3,
          8,
        );
      }
      ctx.restore();
    },
  },
});

/** A drawn chart; `update` replaces the values of its series. */
export interface Drawing {
  update: (plot: Plot) => void;
  remove: () => void;
}

/** Draws a plot into an element. */
export function draw(box: HTMLElement, first: Plot): Drawing {
  let plot = first;
  const text = colourOf("--muted"), grid = colourOf("--line");
  const axis = {
    stroke: text,
    grid: { stroke: grid, width: 1 },
    ticks: { stroke: grid, width: 1 },
  };
  const bars = uPlot.paths.bars?.({ size: [0.8, 40], align: 1 });
  const chart = new uPlot(
    {
      width: box.clientWidth || 300,
      height: 180,
      legend: { show: true, live: true },
      cursor: {
        sync: { key: "history" },
        drag: { x: true, y: false, setScale: false },
      },
      scales: {
        x: { time: true, range: () => plot.range },
        y: {
          range: (
            _,
            __,
            max,
          ) => [0, Math.max(max ?? 0, plot.top ?? 0) * 1.05 || 1],
        },
      },
      axes: [{ ...axis, values: (_, seconds, __, ___, step) => timeLabels(seconds, step) }, {
        ...axis,
        size: 88,
        values: (_, values) => values.map((value) => plot.format(value)),
      }],
      series: [
        { value: (_: uPlot, second: number | null) => second === null ? "–" : inZoneShort(new Date(second * 1000).toISOString()) },
        ...plot.series.map(({ name, colour, isBars, isDashed }) => ({
          label: name,
          stroke: colourOf(colour),
          width: 1.5,
          ...isDashed ? { dash: [6, 4] } : {},
          ...isBars && bars
            ? { paths: bars, fill: colourOf(colour), points: { show: false } }
            : { spanGaps: false, points: { show: true, size: 3, filter: markedPoints } },
          value: (_: uPlot, value: number | null) => value === null ? "–" : plot.format(value),
        })),
      ],
      hooks: {
        setSelect: [(u) => {
          if (u.select.width > 4) {
            plot.onZoom(
              u.posToVal(u.select.left, "x"),
              u.posToVal(u.select.left + u.select.width, "x"),
            );
          }
          u.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
        }],
      },
      plugins: [background(() => plot)],
    },
    [plot.times, ...plot.series.map((series) => series.values)],
    box,
  );
  const observer = new ResizeObserver(() => chart.setSize({ width: box.clientWidth, height: 180 }));
  observer.observe(box);
  return {
    update: (next) => {
      plot = next;
      chart.setData([plot.times, ...plot.series.map((series) => series.values)]);
    },
    remove: () => {
      observer.disconnect();
      chart.destroy();
    },
  };
}
