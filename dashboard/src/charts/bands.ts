import type uPlot from "uplot";
import { gutterOf } from "./labels.ts";
import type { Band, Plot } from "./plot.ts";

/** The height above the plot for the labels of bands. */
export const FLAGS_PX = 20;

/** The width of a plot in px below which its bands have no labels, because the labels of two incidents can touch. */
const LABELLED_PX = 320;

function elementOf({ label, href }: Band): HTMLElement {
  const element = document.createElement(href ? "a" : "div");
  element.className = "band";
  if (href && element instanceof HTMLAnchorElement) element.href = href;
  if (label) {
    element.title = label;
    // The text of the flag can be shorter than the label when it has no room.
    element.setAttribute("aria-label", `Incident: ${label}`);
    const flag = document.createElement("span");
    flag.textContent = label;
    element.append(flag);
  }
  return element;
}

/** Shades the bands of a plot with elements over the canvas, so that a band can be a link; the label is above the band. */
export const showBands = (current: () => Plot): uPlot.Plugin => {
  const box = document.createElement("div");
  box.className = "bands";
  let shown: Band[] = [];
  return {
    hooks: {
      ready: (u) => void u.over.appendChild(box),
      draw: (u) => {
        const { bands } = current();
        if (bands !== shown) box.replaceChildren(...bands.map(elementOf));
        shown = bands;
        const width = u.over.clientWidth;
        const gutter = gutterOf(current());
        box.style.right = `${-gutter}px`;
        // The labels are placed from the right, because a label can be wider than its band, up to the next label.
        let next = width + gutter;
        const order = [...bands.keys()].sort((a, b) => (bands[b]?.from ?? 0) - (bands[a]?.from ?? 0));
        for (const index of order) {
          const { from, until, label = "" } = bands[index] ?? { from: 0, until: 0 }, element = box.children[index];
          if (!(element instanceof HTMLElement)) continue;
          const start = u.valToPos(from, "x"), end = u.valToPos(until, "x"), left = Math.max(start, 0);
          element.hidden = start > width || end < 0;
          element.style.left = `${left}px`;
          element.style.width = `${Math.max(Math.min(end, width) - left, 4)}px`;
          const flag = element.firstElementChild;
          if (element.hidden || !(flag instanceof HTMLElement)) continue;
          // A label without room is shortened, is at the left of its band at the right edge of the plot, or is omitted.
          const isRoomFor = (text: string): boolean => {
            flag.textContent = text;
            return flag.offsetWidth <= next - left - 4;
          };
          flag.hidden = false;
          flag.classList.remove("before");
          const isRoom = isRoomFor(label) || isRoomFor("Incident"), isBefore = !isRoom && next > width && left > flag.offsetWidth;
          flag.classList.toggle("before", isBefore);
          flag.hidden = !isRoom && !isBefore || width < LABELLED_PX;
          if (!flag.hidden) next = isBefore ? left - flag.offsetWidth : left;
        }
      },
    },
  };
};
