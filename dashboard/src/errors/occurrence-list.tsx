import { useState } from "preact/hooks";
import { Link } from "wouter-preact";
import { ExecutionListResponse } from "../../../types/history.ts";
import { EntityName } from "../components/entity-name.tsx";
import { FoldedTime } from "../components/folded-time.tsx";
import { Status } from "../components/status.tsx";
import { type Column, Table } from "../components/table.tsx";
import { Moment } from "../components/time.tsx";
import { TournamentLinks } from "../components/tournament-links.tsx";
import { number } from "../format.ts";
import { pathOf, useRead } from "../queries.ts";
import { foldsBy } from "../tournament/folds.ts";
import type { ErrorOfGroup, Occurrence } from "./occurrences.ts";

/** The number of tournaments that a line names; the view of its run has all. */
const NAMED = 12;

/** One occurrence, or several occurrences in one line. */
interface Row {
  first: Occurrence;
  of: Occurrence[];
  isChild?: boolean;
}

const differ = (of: Occurrence[], valueOf: (one: Occurrence) => unknown): boolean => new Set(of.map(valueOf)).size > 1;

/** The longest time between the start of a run and its errors. */
const LONGEST_RUN_MS = 3_600_000;

/** The outcomes of the newest runs in which the errors occurred, by id. */
function useOutcomes(of: Occurrence[]): Map<string, string> {
  const ofRuns = of.filter(({ runId }) => runId !== null);
  const from = new Date(Date.parse(ofRuns.at(-1)?.at ?? "1970-01-01") - LONGEST_RUN_MS).toISOString();
  const path = pathOf("sync-monitoring/executions", { from, to: ofRuns[0]?.at, limit: 200 });
  const runs = useRead(path, ExecutionListResponse, { every: 60_000, isEnabled: ofRuns.length > 0 }).data?.executions;
  return new Map(runs?.map(({ id, status }) => [id, status]));
}

/** The columns after the run; the head of the view has the facts that all occurrences have in common. */
function columnsOf(of: Occurrence[], outcomeOf: (one: Occurrence) => string | undefined): Column<Row>[] {
  const hasState = differ(of, ({ open }) => open > 0) || of.some(({ open, errors }) => open > 0 && open < errors.length);
  const columns: [boolean, Column<Row>][] = [
    [of.some(outcomeOf), {
      name: "Outcome",
      card: "state",
      cell: ({ first }) => {
        const outcome = outcomeOf(first);
        return outcome && <Status of={outcome} />;
      },
    }],
    [differ(of, ({ entity }) => entity), { name: "Sync", card: "head", cell: ({ first }) => <EntityName of={first.entity} /> }],
    [of.some(({ tournaments, errors }) => tournaments.length || errors.some(({ error_context }) => error_context)), {
      name: "Tournaments",
      card: "wide",
      cell: ({ first: { tournaments, errors }, of }) => (
        <>
          <TournamentLinks of={tournaments.slice(0, NAMED)} others={Math.max(tournaments.length - NAMED, 0)} />
          {of.length === 1 && <Contexts of={errors} />}
        </>
      ),
    }],
    [of.some(({ errors }) => errors.length > 1), {
      name: "Errors",
      card: "head",
      isNumber: true,
      cell: ({ of }) => {
        const count = of.reduce((sum, { errors }) => sum + errors.length, 0);
        return (
          <>
            {number(count)} <span class="unit">{count === 1 ? "error" : "errors"}</span>
          </>
        );
      },
    }],
    [hasState, {
      name: "State",
      card: "head",
      cell: ({ first: { open } }) => <Status of={open ? "PENDING" : "RESOLVED"} label={open ? `${number(open)} open` : undefined} />,
    }],
  ];
  return columns.flatMap(([isShown, column]) => isShown ? [column] : []);
}

/** The run of an occurrence, or the times of the first and the last of several with a button that shows each occurrence. */
function Time({ row: { first, of, isChild }, isOpen, onFold }: { row: Row; isOpen: boolean; onFold: () => void }) {
  const oldest = of.at(-1) ?? first;
  if (oldest === first) {
    const time = first.runId
      ? (
        <Link href={`/runs/${first.runId}`}>
          <Moment at={first.at} />
        </Link>
      )
      : <Moment at={first.at} hasSeconds />;
    return isChild ? <div class="child">{time}</div> : time;
  }
  return (
    <FoldedTime
      oldest={oldest.at}
      newest={first.at}
      label={`${number(of.length)} ${first.runId ? "runs" : "errors"}`}
      isOpen={isOpen}
      onFold={onFold}
    />
  );
}

/** The key of a row; the oldest occurrence identifies it, because newer ones are added to a fold. */
const keyOf = ({ first, of }: Row): string => (of.at(-1) ?? first).key;

/** The runs in which the errors occurred, newest first; similar neighbours are one line with their number, which a person can open. */
export function OccurrenceList({ of }: { of: Occurrence[] }) {
  const [open, setOpen] = useState<readonly string[]>([]);
  const outcomes = useOutcomes(of);
  const outcomeOf = ({ runId }: Occurrence) => runId === null ? undefined : outcomes.get(runId);
  const folds = foldsBy(of, (one) => {
    const { entity, errors, tournaments, runId } = one;
    return JSON.stringify([entity, runId === null, outcomeOf(one), errors.length, one.open, tournaments.map(({ no }) => no)]);
  });
  const rows = folds.flatMap((fold): Row[] => {
    const first = fold[0];
    if (!first) return [];
    const row = { first, of: fold }, isOpen = fold.length > 1 && open.includes(keyOf(row));
    return [row, ...isOpen ? fold.map((one) => ({ first: one, of: [one], isChild: true })) : []];
  });
  const toggle = (key: string) => setOpen(open.includes(key) ? open.filter((other) => other !== key) : [...open, key]);
  const time: Column<Row> = {
    name: of.some(({ runId }) => runId) ? "Run" : "Time",
    isHead: true,
    cell: (row) => <Time row={row} isOpen={open.includes(keyOf(row))} onFold={() => toggle(keyOf(row))} />,
  };
  return (
    <Table
      caption="Errors with the same fingerprint, by run"
      columns={[time, ...columnsOf(of, outcomeOf)]}
      rows={rows}
      keyOf={(row) => `${keyOf(row)}${row.isChild ?? false}`}
    />
  );
}

/** The contexts of the errors, each with its tournament. */
function Contexts({ of: errors }: { of: ErrorOfGroup[] }) {
  const known = errors.filter(({ error_context }) => error_context !== null);
  if (!known.length) return null;
  return (
    <details>
      <summary>Context</summary>
      <div class="stack">
        {known.map(({ id, tournament_no, error_message, error_context }) => (
          <div key={id} class="context">
            {known.length > 1 && <p class="muted">{tournament_no ? `Tournament ${tournament_no}: ${error_message}` : error_message}</p>}
            <pre tabIndex={0}>{JSON.stringify(error_context, null, 2)}</pre>
          </div>
        ))}
      </div>
    </details>
  );
}
