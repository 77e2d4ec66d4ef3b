import type uPlot from "uplot";
import type { Plot } from "./plot.ts";

/** The room for the labels of the lines at the right, in px. */
export const LABELS_PX = 64;

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

/** Labels each line at its last point: several lines by their names, a single one by its last value. */
export const directLabels = (current: () => Plot): uPlot.Plugin => ({
  hooks: {
    draw: (u) => {
      const { ctx, bbox } = u, size = 11 * devicePixelRatio, { series, format } = current();
      const lasts = series.flatMap(({ name, colour, values }) => {
        const value = values.findLast((value) => value !== null);
        if (value === null || value === undefined) return [];
        return [{ text: series.length > 1 ? name : format(value), colour, y: u.valToPos(value, "y", true) + size / 3 }];
      }).sort((a, b) => b.y - a.y);
      ctx.save();
      ctx.font = `600 ${size}px "Inter Variable", sans-serif`;
      ctx.textAlign = "left";
      // From the lowest line up, so that labels of lines that end at the same height stand above each other inside the plot.
      let ceiling = bbox.top + bbox.height;
      for (const { text, colour, y } of lasts) {
        ceiling = Math.min(y, ceiling);
        ctx.fillStyle = colourOf(colour);
        ctx.fillText(text, bbox.left + bbox.width + 6 * devicePixelRatio, ceiling, (LABELS_PX - 8) * devicePixelRatio);
        ceiling -= size * 1.1;
      }
      ctx.restore();
    },
  },
});
