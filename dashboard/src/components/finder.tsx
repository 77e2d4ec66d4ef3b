import { Search } from "lucide-preact";
import { lazy, Suspense } from "preact/compat";
import { useState } from "preact/hooks";
import { type Opened, PALETTE_KEYS, SHORTCUTS, useShortcuts } from "../shortcuts.ts";
import { Keys } from "./keys.tsx";

const Palette = lazy(() => import("../palette/palette.tsx"));
const Shortcuts = lazy(() => import("../palette/shortcut-list.tsx"));

/** The button of the command palette, and the dialogs that shortcuts open. */
export function Finder() {
  const [opened, setOpened] = useState<Opened | null>(null);
  // A dialog closes a moment after Escape, when another dialog can already be open.
  const close = (closed: Opened) => () => setOpened((current) => current === closed ? null : current);
  useShortcuts(setOpened);
  return (
    <>
      <button
        type="button"
        class="finder"
        aria-haspopup="dialog"
        aria-keyshortcuts={PALETTE_KEYS}
        onClick={() => setOpened("palette")}
      >
        <Search aria-hidden="true" />
        <span>Search</span> <Keys of={SHORTCUTS[0]?.keys ?? []} />
      </button>
      <Suspense fallback={null}>
        {opened === "palette" && <Palette onClose={close("palette")} onShortcuts={() => setOpened("shortcuts")} />}
        {opened === "shortcuts" && <Shortcuts onClose={close("shortcuts")} />}
      </Suspense>
    </>
  );
}
