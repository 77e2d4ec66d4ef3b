import "uplot/dist/uPlot.min.css";
import uPlot from "uplot";
import { placeAfter } from "../arrow-keys.ts";
import { endDots } from "./ends.ts";
import { FLAGS_PX, showBands } from "./bands.ts";
import { colourOf, directLabels, gutterOf, hasLabels, limitLabels, missedRuns } from "./labels.ts";
import { highestShown, markPeaks } from "./peaks.ts";
import { HEIGHT, isSmall, ticksOf, timeLabels } from "./scale.ts";
import { showValues, wordsAt } from "./tip.ts";

interface Series {
  name: string;
  /** The custom property of the style sheet with the colour. */
  colour: string;
  values: (number | null)[];
  /** The heights of stacked bars; each height includes the heights of the series after it. */
  heights?: (number | null)[];
  isBars?: boolean;
  isDashed?: boolean;
  /** Whether the values are a limit with its name above the line; no other series then has a name in the plot. */
  isLimit?: boolean;
  /** Whether a dot marks the last point. */
  hasEnd?: boolean;
  /** Whether each value holds until the next point. */
  isStepped?: boolean;
  /** The custom property with the colour of the area down to the next series. */
  area?: string;
}

/** A shaded period behind the lines, in seconds; with an address, the band is a link with a label. */
export interface Band {
  from: number;
  until: number;
  label?: string;
  href?: string;
}

export interface Plot {
  /** The times in seconds since the epoch. */
  times: number[];
  series: Series[];
  bands: Band[];
  /** The times that are marked at the bottom, in seconds. */
  marks: number[];
  range: [number, number];
  /** The value that the scale reaches at least; 1 for a ratio. */
  top?: number;
  /** Whether the scale ends at the usual values, and peaks far above them are marked at the top edge. */
  cutsPeaks?: boolean;
  /** The height of the plot in px. */
  height?: number;
  format: (value: number) => string;
  /** The format of the values of the axis; by default `format`. */
  axisFormat?: (value: number) => string;
  /** The allowed steps of the axis; by default 1, 2, 5, 10 … */
  steps?: number[];
  /** The smallest step; 1 for a count. */
  least?: number;
  /** Whether no chart is above or below the plot, so that its axis can be as wide as its labels. */
  isAlone?: boolean;
  /** The ticks, when the values do not determine them; a negative first tick is the end of the scale. */
  ticks?: number[];
  /** Called with a selected range, in seconds. */
  onZoom?: (from: number, until: number) => void;
  /** Called with the bucket that was clicked, in seconds. */
  onOpen?: (from: number, until: number) => void;
}

/** The times and the drawn heights of each series. */
const dataOf = ({ times, series }: Plot): uPlot.AlignedData => [times, ...series.map(({ values, heights }) => heights ?? values)];

/** The points that no line joins, because both neighbours are unknown; only these are marked. */
const lonePoints = (u: uPlot, series: number): number[] => {
  const values = u.data[series] ?? [];
  const isKnown = (index: number) => typeof values[index] === "number";
  return [...values.keys()].filter((index) => isKnown(index) && !isKnown(index - 1) && !isKnown(index + 1));
};

/** The gap between a label of the axis and the plot, in px. */
const GAP_PX = 8;

/** The width in px of an axis with room for its widest label. */
function widthOf(ctx: CanvasRenderingContext2D, labels: string[], font: string): number {
  ctx.save();
  ctx.font = font;
  const widest = Math.max(0, ...labels.map((label) => ctx.measureText(label).width));
  ctx.restore();
  return Math.ceil(widest) + GAP_PX;
}

/** A drawn chart. */
export interface Drawing {
  /** Replaces the values of the series. */
  update: (plot: Plot) => void;
  /** Moves to another point, or opens the runs of the current one; returns the point in words, or null for any other key. */
  press: (key: string) => string | null;
  /** Hides the point to which `press` moved. */
  leave: () => void;
  remove: () => void;
}

/** Draws a plot into an element. */
export function draw(box: HTMLElement, first: Plot): Drawing {
  let plot = first;
  const current = () => plot;
  const height = first.height ?? HEIGHT, isShort = isSmall(height);
  const text = colourOf("--muted"), grid = colourOf("--line");
  const font = `11px "Inter Variable", sans-serif`;
  const axis = { stroke: text, font, grid: { stroke: grid, width: 1 }, ticks: { show: false } };
  const bars = uPlot.paths.bars?.({ size: [0.7, 40, 1], align: 1 });
  const steps = uPlot.paths.stepped?.({ align: 1 });
  const open = (index: number | null | undefined) => {
    const from = plot.times[index ?? -1];
    if (from === undefined) return;
    const step = (plot.times[1] ?? from) - (plot.times[0] ?? from);
    plot.onOpen?.(from, plot.times[(index ?? 0) + 1] ?? from + step);
  };
  let ticks = [0, 1];
  const chart = new uPlot(
    {
      width: box.clientWidth || 300,
      height,
      padding: [isShort ? 8 : FLAGS_PX, gutterOf(first), 0, 0],
      legend: { show: false },
      cursor: {
        sync: { key: "history" },
        drag: { x: first.onZoom !== undefined, y: false, setScale: false },
        points: { size: 6 },
        y: false,
      },
      scales: {
        x: { time: true, range: () => plot.range },
        y: {
          range: () => {
            ticks = plot.ticks ??
              ticksOf(Math.max(highestShown(plot), plot.top ?? 0), { most: isShort ? 2 : 4, steps: plot.steps, least: plot.least });
            // With this room, a line at the last tick of a fixed axis is not cut in half.
            return [Math.min(ticks[0] ?? 0, 0), Math.max(ticks.at(-1) ?? 1, plot.top ?? 0) * (plot.ticks ? 1.03 : 1)];
          },
        },
      },
      axes: [{
        ...axis,
        size: isShort ? 20 : 36,
        space: isShort ? 44 : 60,
        values: (_, seconds, __, ___, step) => timeLabels(seconds, step, isShort),
      }, {
        ...axis,
        // Every chart of a size has the same width, so that the times of charts above each other align.
        size: (u, labels) => first.isAlone ? widthOf(u.ctx, labels ?? [], font) : isShort ? 56 : 60,
        gap: first.isAlone ? GAP_PX : 5,
        splits: () => ticks,
        values: (_, values) => values.map((value) => (plot.axisFormat ?? plot.format)(value)),
      }],
      series: [
        {},
        ...plot.series.map(({ name, colour, isBars, isDashed, isStepped }) => ({
          label: name,
          stroke: colourOf(colour),
          // A dashed line is the less important line.
          width: isDashed ? 1.25 : 1.75,
          ...isDashed ? { dash: [5, 4] } : {},
          ...isStepped && steps ? { paths: steps } : {},
          ...isBars && bars
            ? { paths: bars, fill: colourOf(colour), width: 0, points: { show: false } }
            : { spanGaps: false, points: { show: true, size: 7, fill: colourOf(colour), filter: lonePoints } },
        })),
      ],
      bands: plot.series.flatMap(({ area }, index) => area ? [{ series: [index + 1, index + 2], fill: colourOf(area) }] : []),
      hooks: {
        ready: [(u) => {
          // A drag selects a range; only a click without a drag opens a bucket.
          let down = 0;
          u.over.addEventListener("mousedown", (event) => down = event.clientX);
          u.over.addEventListener("click", (event) => {
            const isLink = event.target instanceof Element && event.target.closest("a");
            if (!isLink && Math.abs(event.clientX - down) < 4) open(u.cursor.idx);
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
        endDots(current),
        missedRuns(current),
        ...hasLabels(first) ? [directLabels(current)] : [],
        limitLabels(current),
        ...first.cutsPeaks ? [markPeaks(current)] : [],
        showValues(current),
      ],
    },
    dataOf(plot),
    box,
  );
  const observer = new ResizeObserver(() => chart.setSize({ width: box.clientWidth, height }));
  observer.observe(box);
  let chosen: number | null = null;
  return {
    update: (next) => {
      plot = next;
      chart.setData(dataOf(plot));
    },
    press: (key) => {
      const [start, end] = plot.range;
      const known = plot.times.flatMap((time, index) =>
        time >= start && time <= end && plot.series.some(({ values }) => typeof values[index] === "number") ? [index] : []
      );
      if (key === "Enter" && chosen !== null) open(chosen);
      // The first key moves to the newest point.
      const place = placeAfter(key, chosen === null ? known.length : known.indexOf(chosen), known.length - 1);
      if (place === null) return null;
      chosen = known[place] ?? null;
      const time = plot.times[chosen ?? -1];
      if (chosen === null || time === undefined) return null;
      chart.setCursor({ left: chart.valToPos(time, "x"), top: 0 });
      return wordsAt(plot, chosen).join(", ");
    },
    leave: () => {
      chosen = null;
      chart.setCursor({ left: -10, top: -10 });
    },
    remove: () => {
      observer.disconnect();
      chart.destroy();
    },
  };
}
