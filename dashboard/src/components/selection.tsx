import { X } from "lucide-preact";
import type { ComponentChildren } from "preact";
import { useRef, useState } from "preact/hooks";
import type { Column } from "./table.tsx";

export interface Selection<T> {
  /** The selectable rows. */
  all: T[];
  selected: T[];
  has: (row: T) => boolean;
  /** Selects or deselects a row; with `isRange`, also each row between it and the last changed row. */
  toggle: (row: T, isRange: boolean) => void;
  select: (rows: T[]) => void;
}

/** The rows of a table that a person selected, without those that can no longer be selected. */
export function useSelection<T>(rows: T[], keyOf: (row: T) => string, canSelect: (row: T) => boolean): Selection<T> {
  const [keys, setKeys] = useState<ReadonlySet<string>>(new Set());
  const last = useRef<string | null>(null);
  const all = rows.filter(canSelect);
  const has = (row: T) => keys.has(keyOf(row));
  return {
    all,
    selected: all.filter(has),
    has,
    toggle: (row, isRange) => {
      const at = all.indexOf(row), from = all.findIndex((other) => keyOf(other) === last.current);
      const changed = isRange && from >= 0 ? all.slice(Math.min(at, from), Math.max(at, from) + 1) : [row];
      const next = new Set(keys), isOn = !has(row);
      for (const key of changed.map(keyOf)) isOn ? next.add(key) : next.delete(key);
      last.current = keyOf(row);
      setKeys(next);
    },
    select: (rows) => setKeys(new Set(rows.map(keyOf))),
  };
}

/** The column with the check boxes of a selection, with a check box for all rows in its head. */
export function selectionColumn<T>({ all, selected, has, toggle, select }: Selection<T>, nameOf: (row: T) => string): Column<T> {
  const isAll = all.length > 0 && selected.length === all.length;
  return {
    name: "Select",
    card: "select",
    head: (
      <input
        type="checkbox"
        aria-label={`Select all ${all.length} that can be selected`}
        disabled={all.length === 0}
        checked={isAll}
        indeterminate={selected.length > 0 && !isAll}
        onChange={() => select(isAll ? [] : all)}
      />
    ),
    cell: (row) =>
      all.includes(row) && (
        <input
          type="checkbox"
          aria-label={`Select ${nameOf(row)}`}
          checked={has(row)}
          onClick={(event) => toggle(row, event.shiftKey)}
        />
      ),
  };
}

/** The acts on the selected rows, at the lower edge of the window. */
export function SelectionBar<T>({ of: { selected, select }, children }: { of: Selection<T>; children: ComponentChildren }) {
  if (!selected.length) return null;
  return (
    <div class="bulk" role="group" aria-label="Selected rows">
      <strong>{selected.length} selected</strong>
      {children}
      <button type="button" class="close" aria-label="Clear the selection" onClick={() => select([])}>
        <X aria-hidden="true" />
      </button>
    </div>
  );
}
