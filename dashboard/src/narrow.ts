import { useSyncExternalStore } from "preact/compat";

const narrow = matchMedia("(max-width: 48rem)");

/** Whether the screen is narrow, so that rows are cards. */
export const useNarrow = (): boolean =>
  useSyncExternalStore((onChange) => {
    narrow.addEventListener("change", onChange);
    return () => narrow.removeEventListener("change", onChange);
  }, () => narrow.matches);
