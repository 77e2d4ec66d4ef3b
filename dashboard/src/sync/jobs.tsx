import { Link } from "wouter-preact";
import type { z } from "zod";
import { type Job, JOB_STATUSES, JobListResponse } from "../../../types/jobs.ts";
import { useFilters } from "../address.ts";
import { useBulk } from "../bulk.ts";
import { Refused } from "../components/bulk-dialog.tsx";
import { JobActs } from "../components/bulk-jobs.tsx";
import { Export } from "../components/export.tsx";
import { SelectField } from "../components/fields.tsx";
import { selectionColumn, useSelection } from "../components/selection.tsx";
import { Empty, Reading } from "../components/states.tsx";
import { Status } from "../components/status.tsx";
import { type Column, Table } from "../components/table.tsx";
import { Distance } from "../components/time.tsx";
import { title } from "../format.ts";
import { outcomeOf } from "../job/job.ts";
import { useNames } from "../names.ts";
import { usePages } from "../queries.ts";
import { useUser } from "../session.ts";
import { targetOf } from "./queue.tsx";

const COLUMNS: Column<z.infer<typeof Job>>[] = [
  {
    name: "Job",
    isHead: true,
    cell: (job) => <Link href={`/jobs/${job.id}`}>{targetOf(job)}</Link>,
  },
  {
    name: "State",
    card: "state",
    cell: (job) => (
      <>
        <Status of={outcomeOf(job)} />
        {job.last_error && <p class="under cut" title={job.last_error}>{job.last_error}</p>}
      </>
    ),
  },
  { name: "Priority", card: "head", cell: (job) => title(job.priority) },
  { name: "Queued", card: "head", cell: (job) => <Distance at={job.enqueued_at} /> },
  { name: "Triggered by", card: "head", cell: (job) => job.triggered_by },
  {
    name: "Reason",
    card: "wide",
    cell: (job) => <span class="cut" title={job.reason}>{job.reason}</span>,
  },
  {
    name: "Attempts",
    card: "none",
    isNumber: true,
    cell: (job) => `${job.attempts} of ${job.max_attempts}`,
  },
];

/** The jobs, newest first. */
export function Jobs() {
  const [filters, change] = useFilters(["status"]);
  const jobs = usePages(
    "sync-admin/jobs",
    { ...filters, limit: 50 },
    JobListResponse,
  );
  return (
    <section class="jobs" aria-label="Jobs">
      <div class="filters">
        <h2>Jobs</h2>
        <SelectField
          label="State"
          value={filters.status}
          options={[
            ["", "any"],
            ...JOB_STATUSES.map((status) => [status, title(status)] as const),
          ]}
          onChange={(status) => change({ status })}
        />
        <Export name="jobs" path="sync-admin/jobs" query={filters} schema={JobListResponse} rowsOf={({ jobs }) => jobs} />
      </div>
      <Reading of={jobs}>
        {({ pages }) => {
          const rows = pages.flatMap((page) => page.jobs);
          return (
            <>
              {rows.length ? <JobTable rows={rows} /> : <Empty>No job matches the filters.</Empty>}
              {jobs.hasNextPage && (
                <button
                  type="button"
                  aria-busy={jobs.isFetchingNextPage}
                  onClick={() => void jobs.fetchNextPage()}
                >
                  Load older jobs
                </button>
              )}
            </>
          );
        }}
      </Reading>
    </section>
  );
}

/** The table of the jobs; an operator can select the failed ones. */
function JobTable({ rows }: { rows: z.infer<typeof Job>[] }) {
  const { can } = useUser();
  const nameOf = useNames();
  const selection = useSelection(rows, ({ id }) => id, ({ status }) => can("operator") && status === "FAILED");
  const bulk = useBulk<z.infer<typeof Job>>();
  const labelOf = ({ entity_type, tournament_no, reason }: z.infer<typeof Job>) =>
    `${nameOf(entity_type)}${tournament_no ? `, tournament ${tournament_no}` : ""}: ${reason}`;
  return (
    <>
      <Refused of={bulk.refused} nameOf={(job) => <Link href={`/jobs/${job.id}`}>{targetOf(job)}</Link>} onForget={bulk.forget} />
      <Table
        caption="Jobs, newest first"
        columns={selection.all.length > 0 ? [selectionColumn(selection, labelOf), ...COLUMNS] : COLUMNS}
        rows={rows}
        keyOf={({ id }) => id}
      />
      <JobActs selection={selection} bulk={bulk} nameOf={labelOf} />
    </>
  );
}
