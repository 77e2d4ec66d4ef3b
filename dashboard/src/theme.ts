import { useSyncExternalStore } from "preact/compat";

export const THEMES = ["auto", "light", "dark"] as const;
type Theme = typeof THEMES[number];

const KEY = "beach-volleyball-sync-theme";
const system = matchMedia("(prefers-color-scheme: dark)");
const listeners = new Set<() => void>();
const read = (): Theme => THEMES.find((theme) => theme === localStorage.getItem(KEY)) ?? "auto";

function apply(): void {
  const theme = read();
  document.documentElement.dataset.theme = theme === "auto" ? system.matches ? "dark" : "light" : theme;
  listeners.forEach((listener) => listener());
}
system.addEventListener("change", apply);
apply();

function subscribe(onChange: () => void): () => void {
  listeners.add(onChange);
  return () => void listeners.delete(onChange);
}

/** The visible theme, the choice of the user, and a function that stores a choice. */
export function useTheme(): [
  shown: string,
  chosen: Theme,
  choose: (theme: Theme) => void,
] {
  const key = useSyncExternalStore(
    subscribe,
    () => `${document.documentElement.dataset.theme} ${read()}`,
  );
  const [shown = "light", chosen] = key.split(" ");
  const choose = (theme: Theme) => {
    localStorage.setItem(KEY, theme);
    apply();
  };
  return [shown, chosen as Theme, choose];
}
