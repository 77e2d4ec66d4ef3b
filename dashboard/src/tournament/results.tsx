import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { Link } from "wouter-preact";
import { EntityName } from "../components/entity-name.tsx";
import { FoldedTime } from "../components/folded-time.tsx";
import { Status } from "../components/status.tsx";
import { type Column, Table } from "../components/table.tsx";
import { Moment, Unknown } from "../components/time.tsx";
import { capitalised, duration, number } from "../format.ts";
import { foldsOf, rangeOf, type Result } from "./folds.ts";

/** One result, or several results in one line. */
interface Row {
  first: Result;
  results: Result[];
  isChild?: boolean;
}

/** The key of a row; its oldest result identifies it, because newer ones are added to a fold. */
const keyOf = ({ first, results }: Row): string => {
  const { execution_id, entity_type } = results.at(-1) ?? first;
  return `${execution_id}${entity_type}`;
};

/** The value of a row, or the range of the values of its results. */
function Range({ of: values, format, unit }: { of: (number | null)[]; format: (value: number) => string; unit?: ComponentChildren }) {
  const range = rangeOf(values);
  if (!range) return <Unknown />;
  return (
    <>
      {[...new Set(range.map(format))].join(" – ")} {unit}
    </>
  );
}

const hasTextOf = ({ error_message, warning_code }: Result): boolean => (error_message ?? warning_code) !== null;

/** The columns after the time; columns without a value are omitted, and an error has the room before the counts. */
const columnsOf = (results: Result[], hasText: boolean): Column<Row>[] => [
  { name: "Outcome", card: "state", cell: ({ first }) => <Status of={first.success ? "SUCCEEDED" : "FAILED"} isCalm={first.success} /> },
  {
    name: "Sync",
    card: "head",
    cell: ({ first }) => (
      <span class="unbroken">
        <EntityName of={first.entity_type} />
      </span>
    ),
  },
  ...results.some(({ records_processed }) => records_processed !== null)
    ? [{
      name: "Records",
      card: "head" as const,
      isNumber: true,
      isMinor: hasText,
      cell: ({ results }: Row) => (
        <Range
          of={results.map(({ records_processed }) => records_processed)}
          format={number}
          unit={<span class="unit">{results.length === 1 && results[0]?.records_processed === 1 ? "record" : "records"}</span>}
        />
      ),
    }]
    : [],
  ...results.some(({ duration_ms }) => duration_ms !== null)
    ? [{
      name: "Duration",
      card: "head" as const,
      isNumber: true,
      isMinor: hasText,
      cell: ({ results }: Row) => <Range of={results.map(({ duration_ms }) => duration_ms)} format={duration} />,
    }]
    : [],
  ...hasText
    ? [{
      name: "Error or warning",
      card: "wide" as const,
      cell: ({ first }: Row) => capitalised(first.error_message ?? first.warning_code ?? ""),
    }]
    : [],
];

/** The time of a result with a link to its run, or the times of the first and the last of several with a button that shows each result. */
function Time({ row: { results, first, isChild }, isOpen, onFold }: { row: Row; isOpen: boolean; onFold: () => void }) {
  const oldest = results.at(-1) ?? first;
  if (oldest === first) {
    const time = (
      <Link href={`/runs/${first.execution_id}`}>
        <Moment at={first.at} />
      </Link>
    );
    return isChild ? <div class="child">{time}</div> : time;
  }
  return <FoldedTime oldest={oldest.at} newest={first.at} label={`${number(results.length)} results`} isOpen={isOpen} onFold={onFold} />;
}

/** The results of a tournament, newest first; similar neighbours are one line with their number, which a person can open. */
export function Results({ of }: { of: Result[] }) {
  const [open, setOpen] = useState<readonly string[]>([]);
  const rows = foldsOf(of).flatMap((results): Row[] => {
    const first = results[0];
    if (!first) return [];
    const fold = { first, results }, isOpen = results.length > 1 && open.includes(keyOf(fold));
    return [fold, ...isOpen ? results.map((result) => ({ first: result, results: [result], isChild: true })) : []];
  });
  const toggle = (key: string) => setOpen(open.includes(key) ? open.filter((other) => other !== key) : [...open, key]);
  const time: Column<Row> = {
    name: "Time",
    isHead: true,
    cell: (row) => <Time row={row} isOpen={open.includes(keyOf(row))} onFold={() => toggle(keyOf(row))} />,
  };
  return (
    <Table
      caption="Results"
      columns={[time, ...columnsOf(of, of.some(hasTextOf))]}
      rows={rows}
      keyOf={(row) => `${keyOf(row)}${row.isChild ?? false}`}
    />
  );
}
