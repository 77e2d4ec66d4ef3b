import type uPlot from "uplot";
import type { Band, Plot } from "./plot.ts";

/** A label needs this width in px; a narrower band has it only as its title. */
const LABEL_PX = 72;

function elementOf({ label, href }: Band): HTMLElement {
  const element = document.createElement(href ? "a" : "div");
  element.className = "band";
  if (href && element instanceof HTMLAnchorElement) element.href = href;
  if (label) {
    element.title = label;
    element.setAttribute("aria-label", label);
  }
  return element;
}

/** Shades the bands of a plot with elements over the canvas, so that a band can be a link. */
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
        bands.forEach(({ from, until, label }, index) => {
          const element = box.children[index];
          if (!(element instanceof HTMLElement)) return;
          const width = u.over.clientWidth;
          const left = Math.max(u.valToPos(from, "x"), 0), right = Math.min(u.valToPos(until, "x"), width);
          element.hidden = right < 0 || left > width;
          element.style.left = `${left}px`;
          element.style.width = `${Math.max(right - left, 3)}px`;
          element.textContent = label && right - left >= LABEL_PX ? label : "";
        });
      },
    },
  };
};
