import type uPlot from "uplot";
import { inZoneShort } from "../format.ts";
import type { Plot } from "./plot.ts";

/** The time of a point and the values of the lines at that time, in words. */
export function wordsAt({ times, series, format }: Plot, index: number): string[] {
  const time = times[index];
  if (time === undefined) return [];
  const lines = series.flatMap(({ name, values, heights }) => {
    const value = values[index];
    // A part of a stacked bar without a value is omitted.
    if (heights && !value) return [];
    return `${name}: ${value === null || value === undefined ? "–" : format(value)}`;
  });
  return [inZoneShort(new Date(time * 1000).toISOString()), ...lines];
}

/** Shows the time and the values under the cursor in a box beside it. */
export const showValues = (current: () => Plot): uPlot.Plugin => {
  const box = document.createElement("div");
  box.className = "tip";
  box.hidden = true;
  return {
    hooks: {
      ready: (u) => void u.over.appendChild(box),
      setCursor: (u) => {
        const index = u.cursor.idx, left = u.cursor.left ?? -1;
        const words = index === null || index === undefined ? [] : wordsAt(current(), index);
        // The charts of a view share the cursor; only the chart under the pointer, or with the focus, shows its values.
        const isUsed = u.over.matches(":hover") || u.root.parentElement === document.activeElement;
        box.hidden = words.length === 0 || left < 0 || !isUsed;
        if (box.hidden) return;
        box.textContent = words.join("\n");
        box.style.left = `${Math.min(left + 12, Math.max(u.over.clientWidth - box.offsetWidth, 0))}px`;
      },
    },
  };
};
