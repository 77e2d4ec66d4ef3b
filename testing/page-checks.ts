import type { Page } from "playwright-core";

/** The script for the page that finds pairs of texts on one line without a visible space between them. */
const MISSING_SPACES = `(() => {
  const found = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const isShown = (element) => element.checkVisibility({ opacityProperty: true, visibilityProperty: true }) && !element.closest(".unseen, .skip, pre");
  let last = null;
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const text = node.textContent ?? "";
    if (!text.trim() || !node.parentElement || !isShown(node.parentElement)) continue;
    const range = document.createRange();
    range.selectNodeContents(node);
    const boxes = [...range.getClientRects()].filter(({ width }) => width > 0);
    const first = boxes[0], end = boxes[boxes.length - 1];
    if (!first || !end) continue;
    if (last) {
      const isSameLine = Math.abs(first.bottom - last.box.bottom) < last.box.height / 2;
      const gap = first.left - last.box.right;
      if (isSameLine && gap > -1 && gap < 2 && /[\\p{L}\\p{N}]$/u.test(last.text) && /^[\\p{L}\\p{N}]/u.test(text)) {
        found.push(last.text.slice(-30) + "|" + text.slice(0, 30));
      }
    }
    last = { text, box: end };
  }
  return found;
})()`;

/** The pairs of texts on one line without a space between them, such as `500|20 s`. */
export const missingSpaces = (page: Page): Promise<string[]> => page.evaluate<string[]>(MISSING_SPACES);

/** The script for the page that finds elements whose content is wider than their box, and that neither scroll nor shorten it. */
const OVERFLOWS = `(() => {
  const found = [];
  if (document.documentElement.scrollWidth > innerWidth) found.push("the page is " + document.documentElement.scrollWidth + " px wide");
  for (const element of document.querySelectorAll("main *, header *")) {
    if (element.closest("svg, .unseen, .skip, .u-wrap") || !element.checkVisibility()) continue;
    const { overflowX, textOverflow } = getComputedStyle(element);
    if (overflowX !== "visible" || textOverflow === "ellipsis") continue;
    if (element.clientWidth > 0 && element.scrollWidth > element.clientWidth + 1 && !element.closest(".scroll")) {
      found.push(element.tagName.toLowerCase() + "." + element.className + " has " + element.scrollWidth + " of " + element.clientWidth + " px");
    }
  }
  return found;
})()`;

/** The elements that are wider than their box, in words; empty for a view that fits. */
export const overflows = (page: Page): Promise<string[]> => page.evaluate<string[]>(OVERFLOWS);

/** The script for the page that finds controls that the Tab key reaches after a lower control in the same column. */
const FOCUS_ORDER = `(() => {
  // A bar at the edge of the window covers the content, so it can have any position in the order.
  const isPinned = (element) => element !== null && (["sticky", "fixed"].includes(getComputedStyle(element).position) || isPinned(element.parentElement));
  const controls = [...document.querySelectorAll("main a[href], main button, main input, main select, main textarea, main summary, main [tabindex='0']")]
    .filter((element) => element.tabIndex >= 0 && element.checkVisibility() && !element.closest(".plot") && !isPinned(element));
  const found = [];
  if (controls.some((element) => element.tabIndex > 0)) found.push("a control has a positive tabindex");
  for (let index = 1; index < controls.length; index++) {
    const [a, b] = [controls[index - 1].getBoundingClientRect(), controls[index].getBoundingClientRect()];
    const shareColumn = a.left < b.right && b.left < a.right;
    if (shareColumn && b.bottom <= a.top) found.push(controls[index - 1].textContent + " comes before " + controls[index].textContent);
  }
  return found;
})()`;

/** The controls whose order in the document contradicts their order on the screen. */
export const focusOrder = (page: Page): Promise<string[]> => page.evaluate<string[]>(FOCUS_ORDER);
