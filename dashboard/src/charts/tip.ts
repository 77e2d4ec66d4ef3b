import type uPlot from "uplot";
import type { Plot } from "./plot.ts";

/** Shows the time and the values under the cursor in a box beside it. */
export const showValues = (current: () => Plot, timeOf: (second: number) => string): uPlot.Plugin => {
  const box = document.createElement("div");
  box.className = "tip";
  box.hidden = true;
  return {
    hooks: {
      ready: (u) => void u.over.appendChild(box),
      setCursor: (u) => {
        const index = u.cursor.idx, left = u.cursor.left ?? -1;
        const { series, times, format } = current();
        const time = index === null || index === undefined ? undefined : times[index];
        // The charts of a view share the cursor; only the one under the pointer shows its values.
        box.hidden = time === undefined || left < 0 || !u.over.matches(":hover");
        if (box.hidden || index === null || index === undefined || time === undefined) return;
        const lines = series.map(({ name, values }) => {
          const value = values[index];
          return `${name}: ${value === null || value === undefined ? "–" : format(value)}`;
        });
        box.textContent = [timeOf(time), ...lines].join("\n");
        box.style.left = `${Math.min(left + 12, Math.max(u.over.clientWidth - box.offsetWidth, 0))}px`;
      },
    },
  };
};
