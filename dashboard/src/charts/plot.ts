// Over 200 lines, because one library draws every chart.
import "uplot/dist/uPlot.min.css";
import uPlot from "uplot";
import { inZoneShort } from "../format.ts";
import { showBands } from "./bands.ts";
import { showValues } from "./tip.ts";

const DAY_S = 86_400;
const format = (options: Intl.DateTimeFormatOptions) => new Intl.DateTimeFormat(undefined, { hourCycle: "h23", ...options });
const clock = format({ hour: "2-digit", minute: "2-digit" });
const day = format({ day: "numeric", month: "short" });
const month = format({ month: "short", year: "numeric" });

interface Series {
  name: string;
  /** A custom property of the style sheet. */
  colour: string;
  values: (number | null)[];
  isBars?: boolean;
  isDashed?: boolean;
  /** The value is that of the last point before. */
  isStepped?: boolean;
}

/** A period shaded behind the lines, in seconds; with an address it is a link with a label. */
export interface Band {
  from: number;
  until: number;
  label?: string;
  href?: string;
}

export interface Plot {
  /** Seconds since the epoch. */
  times: number[];
  series: Series[];
  bands: Band[];
  /** Times marked at the bottom, in seconds. */
  marks: number[];
  range: [number, number];
  /** The scale reaches at least this value; 1 for a ratio. */
  top?: number;
  /** The height in px. */
  height?: number;
  format: (value: number) => string;
  /** The values of the axis; by default as `format`. */
  axisFormat?: (value: number) => string;
  /** The steps that the axis may have. */
  steps?: number[];
  /** Called with a selected range, in seconds. */
  onZoom?: (from: number, until: number) => void;
  /** Called with the bucket that was clicked, in seconds. */
  onOpen?: (from: number, until: number) => void;
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

/** Marks only the points that no line joins, because both neighbours are unknown. */
const lonePoints = (u: uPlot, series: number): number[] => {
  const values = u.data[series] ?? [];
  const isKnown = (index: number) => typeof values[index] === "number";
  return [...values.keys()].filter((index) => isKnown(index) && !isKnown(index - 1) && !isKnown(index + 1));
};

/** The room for the names of the lines at the right, in px. */
const LABELS = 64;

/** Draws a mark for each missed run. */
const missedRuns = (current: () => Plot): uPlot.Plugin => ({
  hooks: {
    draw: (u) => {
      const { ctx, bbox } = u;
      ctx.save();
      ctx.beginPath();
      ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
      ctx.clip();
      ctx.fillStyle = colourOf("--bad-fill");
      for (const mark of current().marks) ctx.fillRect(u.valToPos(mark, "x", true) - 1, bbox.top + bbox.height - 8, 3, 8);
      ctx.restore();
    },
  },
});

/** Writes the name of each line at its last point; a chart with one line is named by its title. */
const directLabels = (current: () => Plot): uPlot.Plugin => ({
  hooks: {
    draw: (u) => {
      const { ctx, bbox } = u, size = 11 * devicePixelRatio;
      const lasts = current().series.flatMap(({ name, colour, values }) => {
        const value = values.findLast((value) => value !== null);
        return value === null || value === undefined ? [] : [{ name, colour, y: u.valToPos(value, "y", true) + size / 3 }];
      }).sort((a, b) => b.y - a.y);
      if (current().series.length < 2) return;
      ctx.save();
      ctx.font = `600 ${size}px "Inter Variable", sans-serif`;
      ctx.textAlign = "left";
      // From the lowest line up, so that names of lines that end at the same height stand above each other inside the plot.
      let ceiling = bbox.top + bbox.height;
      for (const { name, colour, y } of lasts) {
        ceiling = Math.min(y, ceiling);
        ctx.fillStyle = colourOf(colour);
        ctx.fillText(name, bbox.left + bbox.width + 6 * devicePixelRatio, ceiling, (LABELS - 8) * devicePixelRatio);
        ceiling -= size * 1.1;
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

const HEIGHT = 180;

/** Draws a plot into an element. */
export function draw(box: HTMLElement, first: Plot): Drawing {
  let plot = first;
  const current = () => plot;
  const height = first.height ?? HEIGHT, isSmall = height < HEIGHT;
  const text = colourOf("--muted"), grid = colourOf("--line");
  const font = `11px "Inter Variable", sans-serif`;
  const axis = { stroke: text, font, grid: { stroke: grid, width: 1 }, ticks: { show: false } };
  const bars = uPlot.paths.bars?.({ size: [0.8, 40, 3], align: 1 });
  const steps = uPlot.paths.stepped?.({ align: 1 });
  const open = (u: uPlot) => {
    const index = u.cursor.idx, from = index === null || index === undefined ? undefined : plot.times[index];
    if (from === undefined || index === null || index === undefined) return;
    const step = (plot.times[1] ?? from) - (plot.times[0] ?? from);
    plot.onOpen?.(from, plot.times[index + 1] ?? from + step);
  };
  const chart = new uPlot(
    {
      width: box.clientWidth || 300,
      height,
      padding: [8, isSmall ? 20 : LABELS, 0, 0],
      legend: { show: false },
      cursor: {
        sync: { key: "history" },
        drag: { x: first.onZoom !== undefined, y: false, setScale: false },
        points: { size: 6 },
        y: false,
      },
      scales: {
        x: { time: true, range: () => plot.range },
        y: { range: (_, __, max) => [0, Math.max(max ?? 0, plot.top ?? 0) * 1.05 || 1] },
      },
      axes: [{ ...axis, size: 36, space: isSmall ? 90 : 60, values: (_, seconds, __, ___, step) => timeLabels(seconds, step) }, {
        ...axis,
        space: isSmall ? 36 : 44,
        // The same for every chart, so that the times of charts above each other line up.
        size: isSmall ? 60 : 72,
        ...first.steps ? { incrs: first.steps } : {},
        values: (_, values) => values.map((value) => (plot.axisFormat ?? plot.format)(value)),
      }],
      series: [
        {},
        ...plot.series.map(({ name, colour, isBars, isDashed, isStepped }) => ({
          label: name,
          stroke: colourOf(colour),
          width: 1.75,
          ...isDashed ? { dash: [5, 4] } : {},
          ...isStepped && steps ? { paths: steps } : {},
          ...isBars && bars
            ? { paths: bars, fill: colourOf(colour), width: 0, points: { show: false } }
            : { spanGaps: false, points: { show: true, size: 4, filter: lonePoints } },
        })),
      ],
      hooks: {
        ready: [(u) => {
          // A drag selects a range; only a click without one opens a bucket.
          let down = 0;
          u.over.addEventListener("mousedown", (event) => down = event.clientX);
          u.over.addEventListener("click", (event) => {
            const isLink = event.target instanceof Element && event.target.closest("a");
            if (!isLink && Math.abs(event.clientX - down) < 4) open(u);
          });
          if (plot.onOpen) u.over.classList.add("opens");
        }],
        setSelect: [(u) => {
          if (u.select.width > 4) plot.onZoom?.(u.posToVal(u.select.left, "x"), u.posToVal(u.select.left + u.select.width, "x"));
          u.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
        }],
      },
      plugins: [
        showBands(current),
        missedRuns(current),
        directLabels(current),
        showValues(current, (second) => inZoneShort(new Date(second * 1000).toISOString())),
      ],
    },
    [plot.times, ...plot.series.map((series) => series.values)],
    box,
  );
  const observer = new ResizeObserver(() => chart.setSize({ width: box.clientWidth, height }));
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
