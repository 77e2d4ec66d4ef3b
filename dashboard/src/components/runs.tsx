import { Link } from "wouter-preact";
import type { z } from "zod";
import { type Execution, ExecutionListResponse } from "../../../types/history.ts";
import { TERMINAL_STATUSES } from "../../../types/sync.ts";
import { useFilters } from "../address.ts";
import { duration, number, title } from "../format.ts";
import { usePages } from "../queries.ts";
import { TRIGGERS } from "../run/run.ts";
import { Export } from "./export.tsx";
import { SelectField } from "./fields.tsx";
import { Empty, Reading } from "./states.tsx";
import { Status } from "./status.tsx";
import { type Column, LongTable } from "./table.tsx";
import { Moment, Unknown } from "./time.tsx";

type Run = z.infer<typeof Execution>;
const COLUMNS: Column<Run>[] = [
  {
    name: "Started",
    isHead: true,
    cell: (run) => (
      <Link href={`/runs/${run.id}`}>
        <Moment at={run.execution_start} />
      </Link>
    ),
  },
  { name: "Outcome", card: "state", cell: (run) => <Status of={run.status} isCalm={run.status === "SUCCEEDED"} /> },
  {
    name: "Scope",
    card: "head",
    cell: (run) =>
      run.tournament_no === null
        ? <span class="muted">full run</span>
        : run.tournament_no === "*"
        ? "several tournaments"
        : `tournament ${run.tournament_no}`,
  },
  {
    name: "Trigger",
    card: "head",
    cell: (run) => run.trigger === "CRON" ? <span class="muted">{TRIGGERS[run.trigger]}</span> : TRIGGERS[run.trigger],
  },
  {
    name: "Duration",
    card: "head",
    isNumber: true,
    cell: (run) => run.duration_ms === null ? <Unknown /> : duration(run.duration_ms),
  },
  {
    name: "Records",
    card: "none",
    isNumber: true,
    cell: (run) => number(run.records_processed),
  },
  {
    name: "Tournaments",
    card: "head",
    isNumber: true,
    cell: ({ tournaments_failed: failed, tournaments_processed: done, tournaments_total: total }) =>
      failed > 0 ? `${number(failed)} of ${number(done)} failed` : done === 0 && total === null ? <Unknown /> : (
        <>
          {number(done)} of {number(total ?? done)} <span class="unit">tournaments</span>
        </>
      ),
  },
  { name: "Errors", card: "none", isNumber: true, cell: (run) => run.error_count ? number(run.error_count) : <span class="muted">0</span> },
];

/** Runs, newest first; scrolling loads older ones. */
export function Runs(
  { query, caption }: { query: Record<string, string>; caption: string },
) {
  const [filters, change] = useFilters(["status", "trigger"]);
  const list = { path: "sync-monitoring/executions", query: { ...query, ...filters }, schema: ExecutionListResponse };
  const pages = usePages(list.path, { ...list.query, limit: 200 }, list.schema);
  return (
    <>
      <div class="filters">
        <h2>Runs</h2>
        <SelectField
          label="Outcome"
          value={filters.status}
          options={[
            ["", "any"],
            ...["RUNNING", ...TERMINAL_STATUSES].map((status) => [status, title(status)] as const),
          ]}
          onChange={(status) => change({ status })}
        />
        <SelectField
          label="Trigger"
          value={filters.trigger}
          options={[["", "any"], ...Object.entries(TRIGGERS)]}
          onChange={(trigger) => change({ trigger })}
        />
        <Export name={`runs-${query.entity}`} {...list} rowsOf={({ executions }) => executions} />
      </div>
      <Reading of={pages}>
        {({ pages: read }) => {
          const rows = read.flatMap((page) => page.executions);
          if (!rows.length) return <Empty>No run matches the filters.</Empty>;
          return (
            <LongTable
              caption={caption}
              columns={COLUMNS}
              rows={rows}
              keyOf={(run) => run.id}
              first={10}
              hasMore={pages.hasNextPage}
              onMore={() => void pages.fetchNextPage()}
              isLoading={pages.isFetchingNextPage}
            />
          );
        }}
      </Reading>
    </>
  );
}
