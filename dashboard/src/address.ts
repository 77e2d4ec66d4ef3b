import { useMemo, useSyncExternalStore } from "preact/compat";

// The view and its filters are in the hash, so that any static web host can serve the page.
const read = (): string => location.hash.slice(1) || "/";
function subscribe(onChange: () => void): () => void {
  addEventListener("hashchange", onChange);
  addEventListener("popstate", onChange);
  return () => {
    removeEventListener("hashchange", onChange);
    removeEventListener("popstate", onChange);
  };
}
const useHash = (): string => useSyncExternalStore(subscribe, read);

const pathOf = (hash: string): string => hash.split("?")[0] ?? "";
/** Called before another view opens; false keeps the current view. */
type Guard = (to: string) => boolean;
let guard: Guard | null = null;
let shown = read();
const mayOpen = (to: string): boolean => !guard || pathOf(to) === pathOf(shown) || guard(to);

/** Sets the guard that is called before another view opens; returns a function that removes it. */
export function guardView(next: Guard): () => void {
  guard = next;
  return () => {
    if (guard === next) guard = null;
  };
}

/** Restores the old address when a link or a button of the browser has changed it and the guard refuses the change. */
function keepGuarded(event: Event): void {
  const to = read();
  if (mayOpen(to)) {
    shown = to;
    return;
  }
  event.stopImmediatePropagation();
  history.pushState(null, "", `#${shown}`);
}
addEventListener("popstate", keepGuarded);
addEventListener("hashchange", keepGuarded);

/** Navigates inside the page; with `replace`, the new address replaces the current one in the history of the browser. */
export function go(to: string, { replace = false } = {}): void {
  if (!mayOpen(to)) return;
  shown = to;
  history[replace ? "replaceState" : "pushState"](null, "", `#${to}`);
  dispatchEvent(new HashChangeEvent("hashchange"));
}

/** The location for the router: the hash up to its question mark. */
export const useHashPath = (): [
  string,
  typeof go,
] => [pathOf(useHash()) || "/", go];
Object.assign(useHashPath, { hrefs: (href: string) => `#${href}` });

/** The filters of the address and a function that changes them; the back button undoes a change. */
export function useFilters<K extends string>(
  names: readonly K[],
): [Record<K, string>, (changes: Partial<Record<K, string>>) => void] {
  const hash = useHash();
  const filters = useMemo(() => {
    const search = new URLSearchParams(hash.split("?")[1]);
    return Object.fromEntries(
      names.map((name) => [name, search.get(name) ?? ""]),
    ) as Record<K, string>;
  }, [hash]);
  const change = (changes: Partial<Record<K, string>>) => {
    const search = new URLSearchParams(hash.split("?")[1]);
    for (const [name, value] of Object.entries<string | undefined>(changes)) {
      if (value) search.set(name, value);
      else search.delete(name);
    }
    const query = search.toString();
    go(`${pathOf(hash)}${query ? `?${query}` : ""}`);
  };
  return [filters, change];
}
