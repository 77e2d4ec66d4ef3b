import type uPlot from "uplot";
import type { Plot } from "./plot.ts";
import { isSmall } from "./scale.ts";

const LABEL_PX = 11, EDGE_PX = 16, MOST_PX = 72;

/** Whether the lines have names at their ends; only in a plot of several lines, without bars and without a limit. */
export const hasLabels = ({ series, height }: Plot): boolean =>
  series.length > 1 && !isSmall(height) && !series.some(({ isBars, isLimit }) => isBars || isLimit);

/** The room in px at the right of a plot for the names of its lines. */
export const gutterOf = (plot: Plot): number =>
  !hasLabels(plot) ? EDGE_PX : Math.min(EDGE_PX + Math.max(...plot.series.map(({ name }) => name.length)) * LABEL_PX * 0.65, MOST_PX);

export const colourOf = (name: string): string => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

/** Draws a mark for each missed run. */
export const missedRuns = (current: () => Plot): uPlot.Plugin => ({
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

/** Labels each of several lines with its name at its last point. */
export const directLabels = (current: () => Plot): uPlot.Plugin => ({
  hooks: {
    draw: (u) => {
      const { ctx, bbox } = u, size = LABEL_PX * devicePixelRatio, { series } = current();
      const lasts = series.toReversed().flatMap(({ name, colour, values }) => {
        const value = values.findLast((value) => value !== null);
        if (value === null || value === undefined) return [];
        return [{ text: name, colour, y: u.valToPos(value, "y", true) + size / 3 }];
      }).sort((a, b) => b.y - a.y);
      ctx.save();
      ctx.font = `600 ${size}px "Inter Variable", sans-serif`;
      ctx.textAlign = "left";
      // The labels are placed from the lowest line up, so that the labels of lines with equal ends are above each other inside the plot.
      let ceiling = bbox.top + bbox.height;
      for (const { text, colour, y } of lasts) {
        ceiling = Math.min(y, ceiling);
        ctx.fillStyle = colourOf(colour);
        ctx.fillText(text, bbox.left + bbox.width + 6 * devicePixelRatio, ceiling, (gutterOf(current()) - 6) * devicePixelRatio);
        ceiling -= size * 1.4;
      }
      ctx.restore();
    },
  },
});

/** Writes the name of a limit above its line, or below a line at the top. */
export const limitLabels = (current: () => Plot): uPlot.Plugin => ({
  hooks: {
    draw: (u) => {
      const { ctx, bbox } = u, size = LABEL_PX * devicePixelRatio;
      for (const { name, colour, values, isLimit } of current().series) {
        const limit = values.find((value) => value !== null);
        if (!isLimit || typeof limit !== "number") continue;
        const line = u.valToPos(limit, "y", true);
        ctx.save();
        ctx.font = `600 ${size}px "Inter Variable", sans-serif`;
        ctx.textAlign = "left";
        ctx.fillStyle = colourOf(colour);
        ctx.fillText(name, bbox.left + size / 2, line - size * 1.5 < bbox.top ? line + size * 1.4 : line - size / 2);
        ctx.restore();
      }
    },
  },
});
