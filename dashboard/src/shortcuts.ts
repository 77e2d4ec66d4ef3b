import { useEffect, useRef } from "preact/hooks";
import { go } from "./address.ts";
import { VIEWS } from "./navigation.ts";
import { useUser } from "./session.ts";

/** The dialogs that a shortcut opens. */
export type Opened = "palette" | "shortcuts";

interface Shortcut {
  /** The keys in their order; `mod` is Command on a Mac and Control elsewhere, pressed with the next key. */
  keys: readonly string[];
  name: string;
  group: "Everywhere" | "Go to";
  least?: "admin";
  does: { opens: Opened } | { goes: string } | { filters: true };
}

/** Every shortcut of the page, for the handler and for the list of shortcuts. */
export const SHORTCUTS: readonly Shortcut[] = [
  { keys: ["mod", "k"], name: "Search, or run a command", group: "Everywhere", does: { opens: "palette" } },
  { keys: ["/"], name: "Filter the list; search where there is no filter", group: "Everywhere", does: { filters: true } },
  { keys: ["?"], name: "Show the keyboard shortcuts", group: "Everywhere", does: { opens: "shortcuts" } },
  ...VIEWS.map(({ href, name, key, least }) => ({
    keys: ["g", key],
    name,
    group: "Go to" as const,
    does: { goes: href },
    ...least ? { least } : {},
  })),
];

const IS_MAC = /Mac|iPhone|iPad/.test(navigator.platform);
/** The label of a key on a keyboard. */
export const capOf = (key: string): string => key === "mod" ? IS_MAC ? "⌘" : "Ctrl" : key.toUpperCase();
/** The keys of the palette for `aria-keyshortcuts`. */
export const PALETTE_KEYS = IS_MAC ? "Meta+K" : "Control+K";
export const isPaletteKey = (event: KeyboardEvent): boolean =>
  (IS_MAC ? event.metaKey : event.ctrlKey) && !event.altKey && !event.shiftKey && event.key.toLowerCase() === "k";

const STORED = "beach-volleyball-sync-single-keys";
/** Whether shortcuts without a modifier are on; speech input and unsteady hands can press them by accident (WCAG 2.1.4). */
export const hasSingleKeys = (): boolean => localStorage.getItem(STORED) !== "off";
export const setSingleKeys = (isOn: boolean): void => isOn ? localStorage.removeItem(STORED) : localStorage.setItem(STORED, "off");

/** The longest time between the first and the second key. */
const SEQUENCE_MS = 1_500;
/** The elements that use letter keys. */
const TYPES = "input:not([type=checkbox], [type=radio]), textarea, select, [contenteditable], [role=menu], [role=listbox], dialog";
const FILTER = "main .filters input:not([type=checkbox])";

/** Handles the shortcuts of the page; while a person types in a field, only those with a modifier. */
export function useShortcuts(open: (what: Opened) => void): void {
  const { can } = useUser();
  const started = useRef({ key: "", at: 0 });
  useEffect(() => {
    const act = ({ does }: Shortcut) => {
      if ("goes" in does) return go(does.goes);
      if ("opens" in does) return open(does.opens);
      const filter = document.querySelector<HTMLInputElement>(FILTER);
      if (!filter) return open("palette");
      filter.focus();
      filter.select();
    };
    const onKey = (event: KeyboardEvent) => {
      const { target, key, altKey, ctrlKey, metaKey, timeStamp } = event;
      if (event.defaultPrevented || event.isComposing || document.querySelector("dialog[open]")) return;
      const { key: first, at } = started.current;
      started.current = { key: "", at: 0 };
      let keys = [key.toLowerCase()];
      if (isPaletteKey(event)) keys = ["mod", "k"];
      else if (altKey || ctrlKey || metaKey || !hasSingleKeys() || (target instanceof Element && target.closest(TYPES))) return;
      else if (first && timeStamp - at < SEQUENCE_MS) keys = [first, ...keys];
      const allowed = SHORTCUTS.filter(({ least }) => !least || can(least));
      const shortcut = allowed.find((candidate) => candidate.keys.join(" ") === keys.join(" "));
      if (shortcut) {
        event.preventDefault();
        act(shortcut);
      } else if (keys.length === 1 && allowed.some((candidate) => candidate.keys.length > 1 && candidate.keys[0] === keys[0])) {
        started.current = { key: keys[0] ?? "", at: timeStamp };
      }
    };
    addEventListener("keydown", onKey);
    return () => removeEventListener("keydown", onKey);
  }, [can, open]);
}
