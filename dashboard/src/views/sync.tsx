import { useNames } from "../names.ts";
import { EntityName } from "../components/entity-name.tsx";
import { useEffect, useState } from "preact/hooks";
import { Link } from "wouter-preact";
import type { z } from "zod";
import { EntityListResponse } from "../../../types/admin.ts";
import { TournamentListResponse } from "../../../types/history.ts";
import {
  type Job,
  JOB_STATUSES,
  JobDetailResponse,
  JobListResponse,
  ManualSyncResponse,
  PRIORITIES,
  QueueStatusResponse,
} from "../../../types/jobs.ts";
import { go, useFilters } from "../address.ts";
import { useBulk } from "../bulk.ts";
import { Refused } from "../components/bulk-dialog.tsx";
import { JobActs } from "../components/bulk-jobs.tsx";
import { Export } from "../components/export.tsx";
import { ConfirmDialog } from "../components/confirm.tsx";
import { CheckField, LongTextField, SelectField, TextField } from "../components/fields.tsx";
import { Form } from "../components/form.tsx";
import { OverEstimate } from "../components/over-estimate.tsx";
import { Page, Section } from "../components/page.tsx";
import { selectionColumn, useSelection } from "../components/selection.tsx";
import { Empty, Reading } from "../components/states.tsx";
import { Status } from "../components/status.tsx";
import { type Column, Table } from "../components/table.tsx";
import { Distance, Moment, Since } from "../components/time.tsx";
import { counted, duration, number, title, words } from "../format.ts";
import { pathOf, useAct, usePages, useRead } from "../queries.ts";
import { useUser } from "../session.ts";

export default function Sync() {
  const { can } = useUser();
  const entities = useRead("sync-admin/entities", EntityListResponse, { every: 60_000 });
  const queue = useRead("sync-admin/queue-status", QueueStatusResponse, { isLive: ({ running }) => running.length > 0 });
  return (
    <Page title="Sync now" lead={queue.data && describeQueue(queue.data)}>
      {can("operator")
        ? (
          <Reading of={entities}>
            {({ entities }) => <Trigger types={entities.filter(({ is_active }) => is_active).map(({ entity_type }) => entity_type)} />}
          </Reading>
        )
        : <p>Only an operator can start a sync.</p>}
      {queue.data && <Queue queue={queue.data} />}
      <Section title="Jobs">
        <Jobs />
      </Section>
    </Page>
  );
}

const PRIORITY_LABELS = {
  NORMAL: "normal",
  HIGH: "high: before normal jobs",
  EMERGENCY: "emergency: before all jobs, with its own slot",
} as const;

/** The waiting and the running jobs in words. */
function describeQueue({ waiting, oldest_wait_ms, running, slots }: z.infer<typeof QueueStatusResponse>): string {
  const counts = PRIORITIES.toReversed().flatMap((name) => waiting[name] ? [`${number(waiting[name])} ${words(name)}`] : []);
  const wait = oldest_wait_ms === null ? "" : `, the first for ${duration(oldest_wait_ms)}`;
  return `${number(running.length)} of ${counted(slots.total, "slot")} running · ${
    counts.length ? `${counts.join(", ")} waiting${wait}` : "none waiting"
  }`;
}

function Trigger({ types }: { types: string[] }) {
  const [preset] = useFilters(["entity", "tournament"]);
  const [initial] = useState({
    entity_type: preset.entity || types[0] || "",
    tournament_no: preset.tournament,
    priority: "NORMAL",
    reason: "",
  });
  const [fields, setFields] = useState(initial);
  const [isConfirmed, setConfirmed] = useState(false);
  // A request that is repeated after a lost response has the same key and creates no second job.
  const [key, setKey] = useState(() => crypto.randomUUID());
  const act = useAct(
    () => ({
      method: "POST",
      path: "sync-admin/manual-trigger",
      key,
      body: {
        ...fields,
        tournament_no: fields.tournament_no.trim() || undefined,
        confirm_removal: isConfirmed || undefined,
      },
    }),
    ManualSyncResponse,
  );
  // The form is left once it has no unsaved changes.
  useEffect(() => {
    if (act.data) go(`/jobs/${act.data.sync_job_id}`);
  }, [act.data]);
  const nameOf = useNames();
  const [isAsking, setAsking] = useState(false);
  // It delays every other job for the length of a full run.
  const needsQuestion = fields.priority === "EMERGENCY" && fields.tournament_no.trim() === "";
  const set = (name: keyof typeof fields) => (value: string) => {
    setFields((before) => ({ ...before, [name]: value }));
    setKey(crypto.randomUUID());
  };
  return (
    <>
      <Form
        class="columns"
        // The dialog shows its own refusal.
        of={isAsking ? { ...act, error: null } : act}
        isChanged={isConfirmed || JSON.stringify(fields) !== JSON.stringify(initial)}
        onSubmit={() => needsQuestion ? setAsking(true) : act.mutate()}
        submit="Start the sync"
      >
        <SelectField
          name="entity_type"
          label="Sync"
          value={fields.entity_type}
          options={types.map((type) => [type, nameOf(type)] as const)}
          onChange={set("entity_type")}
        />
        <TournamentField value={fields.tournament_no} onChange={set("tournament_no")} />
        <SelectField
          name="priority"
          label="Priority"
          value={fields.priority}
          options={PRIORITIES.map((name) => [name, PRIORITY_LABELS[name]] as const)}
          onChange={set("priority")}
        />
        <LongTextField
          name="reason"
          label="Reason"
          help="At least 3 characters; it is written to the audit log."
          required
          value={fields.reason}
          onChange={set("reason")}
        />
        <div class="notice wide">
          <CheckField
            label="Confirm a removal"
            help="Writes replies that lack, blank or move much at once, instead of holding them back for a second look."
            value={isConfirmed}
            onChange={(value) => {
              setConfirmed(value);
              setKey(crypto.randomUUID());
            }}
          />
        </div>
      </Form>
      {isAsking && (
        <ConfirmDialog
          title={`Start an emergency run of everything in ${nameOf(fields.entity_type)}?`}
          confirm="Start the emergency run"
          act={act}
          onConfirm={() => act.mutate()}
          onClose={() => setAsking(false)}
        >
          It starts before every other job and syncs everything that is due.
        </ConfirmDialog>
      )}
    </>
  );
}

/** A tournament number, with suggestions by name. */
function TournamentField(
  { value, onChange }: {
    value: string;
    onChange: (value: string) => void;
  },
) {
  const found = useRead(
    pathOf("sync-monitoring/tournaments", { search: value.trim(), limit: 20 }),
    TournamentListResponse,
    {
      isEnabled: value.trim().length > 1,
      every: 60_000,
    },
  );
  return (
    <>
      <TextField
        name="tournament_no"
        label="Tournament"
        help="A number, or part of a name to search for; empty starts a full run."
        list="tournaments-found"
        autocomplete="off"
        value={value}
        onChange={onChange}
      />
      <datalist id="tournaments-found">
        {found.data?.tournaments.map(({ no, name, season }) => <option key={no} value={no}>{`${name ?? ""} ${season ?? ""}`}</option>)}
      </datalist>
    </>
  );
}

/** The running jobs and the paused syncs. */
function Queue({ queue: { running, paused } }: { queue: z.infer<typeof QueueStatusResponse> }) {
  const nameOf = useNames();
  if (running.length + paused.length === 0) return null;
  return (
    <Section title="Queue">
      {running.length > 0 && (
        <ul class="card pad links" aria-label="Running jobs">
          {running.map(({ id, started_at }) => <RunningJob key={id} id={id} startedAt={started_at} />)}
        </ul>
      )}
      {paused.map((entity) => (
        <p key={entity.entity_type}>
          <Status
            of="WARNING"
            label={`${nameOf(entity.entity_type)} is paused`}
          />{" "}
          by {entity.paused_by} since <Moment at={entity.since} />
        </p>
      ))}
    </Section>
  );
}

/** A running job with its progress and its estimate. */
function RunningJob({ id, startedAt }: { id: string; startedAt: string }) {
  const job = useRead(`sync-admin/jobs/${id}`, JobDetailResponse, { isLive: () => true }).data;
  return (
    <li class="running">
      <Status of="RUNNING" /> <Link href={`/jobs/${id}`}>{job ? targetOf(job) : "Job"}</Link>{" "}
      <span class="muted">
        for <Since at={startedAt} />
        {job?.progress && `, ${number(job.progress.tournaments_processed)} of ${counted(job.progress.total_tournaments, "tournament")}`}
        {job?.estimated_completion && job.over_estimate_ms === null && (
          <>
            , ends <Distance at={job.estimated_completion} />
          </>
        )}
      </span>{" "}
      <OverEstimate ms={job?.over_estimate_ms ?? null} />
    </li>
  );
}

const targetOf = (
  { entity_type, tournament_no, tournament_nos }: z.infer<typeof Job>,
) => (
  <>
    <EntityName of={entity_type} />
    {tournament_no ? `, tournament ${tournament_no}` : tournament_nos ? `, ${counted(tournament_nos.length, "tournament")}` : ""}
  </>
);

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
        <Status of={job.status} />
        {job.last_error && <p class="under cut" title={job.last_error}>{job.last_error}</p>}
      </>
    ),
  },
  { name: "Priority", cell: (job) => title(job.priority) },
  { name: "Queued", cell: (job) => <Distance at={job.enqueued_at} /> },
  { name: "Triggered by", cell: (job) => job.triggered_by },
  {
    name: "Reason",
    cell: (job) => <span class="cut" title={job.reason}>{job.reason}</span>,
  },
  {
    name: "Attempts",
    isNumber: true,
    cell: (job) => `${job.attempts} of ${job.max_attempts}`,
  },
];

function Jobs() {
  const [filters, change] = useFilters(["status"]);
  const jobs = usePages(
    "sync-admin/jobs",
    { ...filters, limit: 50 },
    JobListResponse,
  );
  return (
    <>
      <div class="filters">
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
    </>
  );
}

/** The jobs; an operator can select those that failed. */
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
        columns={can("operator") ? [selectionColumn(selection, labelOf), ...COLUMNS] : COLUMNS}
        rows={rows}
        keyOf={({ id }) => id}
      />
      <JobActs selection={selection} bulk={bulk} nameOf={labelOf} />
    </>
  );
}
