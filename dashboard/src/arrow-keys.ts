/** The position after a key that moves in a row of positions from 0 to `last`; null for any other key. */
export function placeAfter(key: string, place: number, last: number): number | null {
  switch (key) {
    case "ArrowLeft":
      return Math.max(place - 1, 0);
    case "ArrowRight":
      return Math.min(place + 1, last);
    case "Home":
      return 0;
    case "End":
      return last;
    default:
      return null;
  }
}

/** Moves the focus between the links of a list; the Tab key reaches only the last link. */
export function moveBetweenLinks(event: KeyboardEvent & { currentTarget: HTMLElement }): void {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const links = [...event.currentTarget.querySelectorAll("a")];
  const place = placeAfter(event.key, links.findIndex((link) => link === document.activeElement), links.length - 1);
  if (place === null) return;
  event.preventDefault();
  links[place]?.focus();
}
