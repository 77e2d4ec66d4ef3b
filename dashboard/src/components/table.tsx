import type { ComponentChildren } from "preact";
import { memo } from "preact/compat";
import { elementScroll, observeElementOffset, observeElementRect, Virtualizer } from "@tanstack/virtual-core";
import { useEffect, useReducer, useRef, useState } from "preact/hooks";
import { number } from "../format.ts";
import { useNarrow } from "../narrow.ts";

export interface Column<T> {
  name: string;
  cell: (row: T) => ComponentChildren;
  /** The content of the head in place of the name. */
  head?: ComponentChildren;
  isNumber?: boolean;
  /** Whether a table without room for all columns omits the column. */
  isMinor?: boolean;
  /** Whether the cell is the header of the row. */
  isHead?: boolean;
  /**
   * The position of the cell in the card of a row on a narrow screen: before the header, to its right, below it, on a separate line, at the
   * lower left, at the lower right, or nowhere. By default, the cell is a line with its name.
   */
  card?: "select" | "state" | "head" | "wide" | "start" | "end" | "none";
  sort?: { isDescending: boolean } | undefined;
  onSort?: () => void;
}

const classOf = ({ isNumber, isMinor, card }: Pick<Column<unknown>, "isNumber" | "isMinor" | "card">): string | undefined =>
  [isNumber && "number", isMinor && "minor", card && `at-${card}`].filter(Boolean).join(" ") || undefined;

function Head<T>({ columns }: { columns: Column<T>[] }) {
  return (
    <thead>
      <tr>
        {columns.map(({ name, head, isNumber, isMinor, card, sort, onSort }) => (
          <th
            key={name}
            scope="col"
            class={classOf({ isNumber, isMinor, card })}
            aria-sort={sort && (sort.isDescending ? "descending" : "ascending")}
          >
            {onSort
              ? (
                <button type="button" class="sort" onClick={onSort}>
                  {name}
                  {sort && (
                    <span aria-hidden="true">
                      {sort.isDescending ? " ▼" : " ▲"}
                    </span>
                  )}
                </button>
              )
              : head ?? name}
          </th>
        ))}
      </tr>
    </thead>
  );
}

function PlainRow<T>(
  { columns, row, index }: { columns: Column<T>[]; row: T; index?: number },
) {
  return (
    <tr aria-rowindex={index}>
      {columns.map(({ name, cell, isNumber, isMinor, isHead, card }) =>
        isHead ? <th key={name} scope="row">{cell(row)}</th> : (
          <td
            key={name}
            class={classOf({ isNumber, isMinor, card })}
            data-name={card ? undefined : name}
          >
            {cell(row)}
          </td>
        )
      )}
    </tr>
  );
}

// With `memo`, a scroll does not render a visible row again.
const Row = memo(PlainRow) as typeof PlainRow;

/** A table of few rows, which scrolls sideways when the screen is too narrow. */
export function Table<T>(
  { caption, columns, rows, keyOf, groupOf = () => "", groupHead = (group) => group }: {
    caption: string;
    columns: Column<T>[];
    rows: T[];
    keyOf: (row: T) => string;
    /** The name of the group of a row; the rows of an empty name have no heading. */
    groupOf?: (row: T) => string;
    /** The content of the heading in place of the name. */
    groupHead?: (group: string, rows: T[]) => ComponentChildren;
  },
) {
  return (
    <div class="scroll" role="region" aria-label={caption} tabIndex={0}>
      <table class="cards">
        <caption class="unseen">{caption}</caption>
        <Head columns={columns} />
        {[...Map.groupBy(rows, groupOf)].map(([group, rows]) => (
          <tbody key={group}>
            {group && (
              <tr class="group">
                <th colSpan={columns.length} scope="rowgroup">{groupHead(group, rows)}</th>
              </tr>
            )}
            {rows.map((row) => <Row key={keyOf(row)} columns={columns} row={row} />)}
          </tbody>
        ))}
      </table>
    </div>
  );
}

const ROW_PX = 38;
/** The number of rows that a scrolled table shows below its head. */
const rowsIn = (box: HTMLElement | null): number => Math.round((box?.clientHeight ?? 0) / ROW_PX) - 1;
/** The default number of rows that a narrow screen shows at first. */
const CARDS = 20;
const Space = ({ height, columns }: { height: number; columns: number }) =>
  height > 0
    ? (
      <tr aria-hidden="true">
        <td colSpan={columns} class="space" style={{ height: `${height}px` }} />
      </tr>
    )
    : null;

/** The range of the visible rows of a list; empty when all are visible. */
function Position({ from, count, loaded, hasMore }: { from: number; count: number; loaded: number; hasMore: boolean }) {
  if (count <= 0 || (count >= loaded && !hasMore)) return null;
  return (
    <p class="muted position">
      Rows {number(from + 1)} to {number(Math.min(from + count, loaded))} of {hasMore && "more than "}
      {number(loaded)}
    </p>
  );
}

/**
 * A table of many rows that renders only the visible rows and loads more near its end. On a narrow screen, the page scrolls and not the
 * table, and a button shows more rows.
 */
export function LongTable<T>(
  { caption, columns, rows, keyOf, hasMore, onMore, isLoading, first = CARDS }: {
    caption: string;
    columns: Column<T>[];
    rows: T[];
    keyOf: (row: T) => string;
    hasMore: boolean;
    onMore: () => void;
    isLoading: boolean;
    /** The number of rows that a narrow screen shows at first. */
    first?: number;
  },
) {
  const box = useRef<HTMLDivElement>(null);
  const isNarrow = useNarrow();
  const [cards, setCards] = useState(first);
  const [, rerender] = useReducer((count: number) => count + 1, 0);
  const options = {
    count: rows.length,
    getScrollElement: () => box.current,
    estimateSize: () => ROW_PX,
    overscan: 4,
    scrollToFn: elementScroll,
    observeElementRect,
    observeElementOffset,
    onChange: () => rerender(0),
  };
  const [virtual] = useState(() => new Virtualizer<HTMLDivElement, HTMLTableRowElement>(options));
  virtual.setOptions(options);
  useEffect(() => virtual._didMount(), []);
  useEffect(() => virtual._willUpdate());
  const items = virtual.getVirtualItems();
  const last = items.at(-1);
  // A row that becomes visible reuses the elements of a row that scrolled out, because garbage collection else delays fast scrolling.
  const slots = useRef(0);
  slots.current = Math.max(slots.current, items.length);
  const shown = isNarrow ? [...rows.keys()].slice(0, cards) : items.map(({ index }) => index);
  const isNearEnd = !isNarrow && (last?.index ?? 0) >= rows.length - 30;
  useEffect(() => {
    if (isNearEnd && hasMore && !isLoading) onMore();
  }, [isNearEnd, hasMore, isLoading, rows.length]);
  const showMore = () => {
    setCards(cards + CARDS);
    if (cards + CARDS > rows.length && hasMore) onMore();
  };
  return (
    <>
      <div class="scroll long" role="region" aria-label={caption} tabIndex={0} ref={box} aria-busy={isLoading}>
        <table class="cards" aria-rowcount={hasMore ? -1 : rows.length + 1}>
          <caption class="unseen">{caption}</caption>
          <Head columns={columns} />
          <tbody>
            <Space height={isNarrow ? 0 : items[0]?.start ?? 0} columns={columns.length} />
            {shown.map((index) => {
              const row = rows[index];
              return row && <Row key={isNarrow ? keyOf(row) : index % slots.current} columns={columns} row={row} index={index + 2} />;
            })}
            <Space height={isNarrow ? 0 : virtual.getTotalSize() - (last?.end ?? 0)} columns={columns.length} />
          </tbody>
        </table>
      </div>
      <Position
        from={isNarrow ? 0 : virtual.range?.startIndex ?? 0}
        count={isNarrow ? shown.length : rowsIn(box.current)}
        loaded={rows.length}
        hasMore={hasMore}
      />
      {isNarrow && (cards < rows.length || hasMore) && (
        <button type="button" aria-busy={isLoading} onClick={showMore}>Show {CARDS} more</button>
      )}
    </>
  );
}
