import type uPlot from "uplot";
import { colourOf } from "./labels.ts";
import type { Plot } from "./plot.ts";

/** Draws a dot at the last point of each line with `hasEnd`. */
export const endDots = (current: () => Plot): uPlot.Plugin => ({
  hooks: {
    draw: (u) => {
      const { times, series } = current();
      for (const { hasEnd, colour, values } of series) {
        const end = values.findLastIndex((value) => value !== null);
        const time = times[end], value = values[end];
        if (!hasEnd || time === undefined || typeof value !== "number") continue;
        u.ctx.save();
        u.ctx.beginPath();
        u.ctx.arc(u.valToPos(time, "x", true), u.valToPos(value, "y", true), 4 * devicePixelRatio, 0, 2 * Math.PI);
        u.ctx.fillStyle = colourOf(colour);
        u.ctx.fill();
        u.ctx.restore();
      }
    },
  },
});
