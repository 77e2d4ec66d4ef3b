import type { ComponentChildren } from "preact";
import { useNarrow } from "../narrow.ts";

/** The filters of a list; a narrow screen shows the first filter, and on demand the others with the number of those that are set. */
export function Filters({ first, set, onClear, children }: {
  first: ComponentChildren;
  /** The number of the other filters that are set. */
  set: number;
  onClear: () => void;
  children: ComponentChildren;
}) {
  const isNarrow = useNarrow();
  const others = (
    <>
      {children}
      {set > 0 && <button type="button" class="plain" onClick={onClear}>Clear the filters</button>}
    </>
  );
  return (
    <div class="filters">
      {first}
      {isNarrow
        ? (
          <details class="more-filters">
            <summary>Filters{set > 0 && `: ${set} set`}</summary>
            <div class="filters">{others}</div>
          </details>
        )
        : others}
    </div>
  );
}
