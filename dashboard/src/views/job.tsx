import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { Link, useParams } from "wouter-preact";
import { JobDetailResponse } from "../../../types/jobs.ts";
import { go } from "../address.ts";
import { announce } from "../announce.ts";
import { CopyMenu } from "../components/copy-menu.tsx";
import { OverEstimate } from "../components/over-estimate.tsx";
import { Facts, Page, Section } from "../components/page.tsx";
import { Empty, Reading, Refusal } from "../components/states.tsx";
import { Status } from "../components/status.tsx";
import { type Column, Table } from "../components/table.tsx";
import { Distance, Moment } from "../components/time.tsx";
import { counted, duration, number, title } from "../format.ts";
import { useNames } from "../names.ts";
import { useAct, useRead } from "../queries.ts";
import { useUser } from "../session.ts";

const isFinished = ({ status }: JobDetailResponse): boolean => ["COMPLETED", "FAILED", "CANCELLED"].includes(status);

/** The target of the job: a tournament, several of them, or everything that is due. */
const targetOf = ({ tournament_no, tournament_nos }: JobDetailResponse): string =>
  tournament_no ? `tournament ${tournament_no}` : tournament_nos ? counted(tournament_nos.length, "tournament") : "full run";

/** The outcome of the run once the job has completed, before it the state of the job. */
function Outcome({ job: { status, final_status, progress } }: { job: JobDetailResponse }) {
  const outcome = status === "COMPLETED" ? final_status ?? status : status;
  const failed = status === "COMPLETED" && progress?.tournaments_failed
    ? `: ${number(progress.tournaments_failed)} of ${counted(progress.total_tournaments, "tournament")} failed`
    : "";
  return <Status of={outcome} label={title(outcome) + failed} />;
}

/** Announces each new state of a job while it is shown. */
function useAnnouncedState(job: JobDetailResponse | undefined, name: string): void {
  const previous = useRef<JobDetailResponse["status"] | null>(null);
  useEffect(() => {
    if (!job) return;
    if (previous.current && previous.current !== job.status) announce(`${name}: ${title(job.status)}`);
    previous.current = job.status;
  }, [job?.status]);
}

export default function JobView() {
  const { id = "" } = useParams();
  const path = `sync-admin/jobs/${id}`;
  const job = useRead(path, JobDetailResponse, {
    isLive: (data) => !isFinished(data),
  });
  const nameOf = useNames();
  const name = job.data ? `Sync of ${nameOf(job.data.entity_type)}` : "Job";
  useAnnouncedState(job.data, name);
  return (
    <Page
      title={name}
      crumb={<Link href="/sync">Jobs</Link>}
      lead={job.data && (
        <>
          <Outcome job={job.data} /> {targetOf(job.data)}
        </>
      )}
      acts={
        <>
          <CopyMenu id={id} path={path} />
          {job.data?.execution_id && <Link href={`/runs/${job.data.execution_id}`} role="button">Open the run</Link>}
          {job.data && <Acts job={job.data} />}
        </>
      }
    >
      <Reading of={job}>{(data) => <Job job={data} />}</Reading>
    </Page>
  );
}

function Acts({ job }: { job: JobDetailResponse }) {
  const { can } = useUser();
  const cancel = useAct(
    () => ({
      method: "POST",
      path: `sync-admin/jobs/${job.id}/cancel`,
      body: {},
    }),
    JobDetailResponse,
  );
  const requeue = useAct(
    (only_failed: boolean) => ({
      method: "POST",
      path: `sync-admin/jobs/${job.id}/requeue`,
      body: { only_failed },
    }),
    JobDetailResponse,
    (requeued) => go(`/jobs/${requeued.id}`),
  );
  const [isConfirming, setConfirming] = useState(false);
  if (!can("operator")) return null;
  return (
    <>
      {!isFinished(job) && !job.cancel_requested_at && (isConfirming
        ? (
          <button
            type="button"
            class="danger"
            aria-busy={cancel.isPending}
            onClick={() => cancel.mutate()}
          >
            Yes, cancel it
          </button>
        )
        : (
          <button
            type="button"
            onClick={() => setConfirming(true)}
          >
            Cancel
          </button>
        ))}
      {isFinished(job) && (
        <>
          <button
            type="button"
            aria-busy={requeue.isPending}
            onClick={() => requeue.mutate(false)}
          >
            Sync again
          </button>
          {(job.progress?.tournaments_failed ?? 0) > 0 && (
            <button
              type="button"
              class="primary"
              onClick={() => requeue.mutate(true)}
            >
              Sync failed tournaments again
            </button>
          )}
        </>
      )}
      <Refusal error={cancel.error ?? requeue.error} />
    </>
  );
}

/** How far a run has come, with the share that failed in red. */
function ProgressBar({ progress: { total_tournaments, tournaments_processed, tournaments_failed } }: {
  progress: NonNullable<JobDetailResponse["progress"]>;
}) {
  const total = total_tournaments || 1;
  return (
    <svg
      class="progress-bar"
      viewBox={`0 0 ${total} 1`}
      preserveAspectRatio="none"
      role="progressbar"
      aria-label="Tournaments done"
      aria-valuemin={0}
      aria-valuemax={total}
      aria-valuenow={tournaments_processed}
    >
      <rect width={tournaments_processed} height={1} />
      <rect class="failed" x={tournaments_processed - tournaments_failed} width={tournaments_failed} height={1} />
    </svg>
  );
}

/** Why the job waits, or how far its run has come. */
function Progress({ job }: { job: JobDetailResponse }) {
  const { progress } = job;
  return (
    <div class="card pad progress">
      {job.status === "QUEUED" && <p>{job.waits_because ?? `Position ${number(job.queue_position)} in the queue`}</p>}
      {job.cancel_requested_at && <p>{job.cancelled_by} requested the cancellation. The run stops at the next tournament.</p>}
      {progress && (
        <>
          <p>
            {progress.current_stage ?? "starting"}: {number(progress.tournaments_processed)} of{" "}
            {counted(progress.total_tournaments, "tournament")}, {number(progress.tournaments_failed)} failed,{" "}
            {counted(progress.records_processed, "record")}
          </p>
          <ProgressBar progress={progress} />
        </>
      )}
      <OverEstimate ms={job.over_estimate_ms} />
    </div>
  );
}

/** What is known of the job; a fact that it has not is left out. */
function factsOf(job: JobDetailResponse): [name: string, value: ComponentChildren][] {
  const { progress, started_at, finished_at } = job;
  const facts: [name: string, value: ComponentChildren][] = [
    [
      "Processed",
      isFinished(job) && progress &&
      `${number(progress.tournaments_processed)} of ${counted(progress.total_tournaments, "tournament")}, ${
        number(progress.tournaments_failed)
      } failed`,
    ],
    ["Records", job.records_processed !== null && number(job.records_processed)],
    ["Estimated completion", !isFinished(job) && <Distance at={job.estimated_completion} />],
    ["Estimated completion, p90", !isFinished(job) && <Distance at={job.estimated_completion_p90} />],
    ["Duration", started_at && finished_at && duration(Date.parse(finished_at) - Date.parse(started_at))],
    ["Queued", <Moment at={job.enqueued_at} hasSeconds />],
    ["Started", started_at && <Moment at={started_at} hasSeconds />],
    ["Finished", finished_at && <Moment at={finished_at} hasSeconds />],
    ["Priority", title(job.priority)],
    ["Triggered by", job.triggered_by],
    ["Reason", job.reason],
  ];
  return facts.filter(([, value]) => value);
}

type Attempt = JobDetailResponse["attempts_made"][number];

const ATTEMPT_COLUMNS: Column<Attempt>[] = [
  { name: "Claimed", isHead: true, cell: (attempt) => <Moment at={attempt.claimed_at} hasSeconds /> },
  { name: "Ended", cell: (attempt) => <Moment at={attempt.ended_at} hasSeconds /> },
  { name: "Outcome", card: "state", cell: (attempt) => <Status of={attempt.outcome ?? "RUNNING"} /> },
  { name: "Run", cell: (attempt) => attempt.execution_id && <Link href={`/runs/${attempt.execution_id}`}>Open the run</Link> },
];
const ERROR_COLUMN: Column<Attempt> = { name: "Error", cell: (attempt) => attempt.error };

function Job({ job }: { job: JobDetailResponse }) {
  const hasErrors = job.attempts_made.some(({ error }) => error);
  return (
    <>
      {!isFinished(job) && <Progress job={job} />}
      <Facts of={factsOf(job)} />
      {job.last_error && (
        <p>
          <strong>
            {job.status === "CANCELLED" ? "Reason for the cancellation" : "Last error"}:
          </strong>{" "}
          {job.last_error}
        </p>
      )}
      {job.retried_from && (
        <p>
          Requeued from <Link href={`/jobs/${job.retried_from}`}>an earlier job</Link>
        </p>
      )}
      {job.requeued_as.map((id) => (
        <p key={id}>
          Requeued as <Link href={`/jobs/${id}`}>another job</Link>
        </p>
      ))}
      <Section title="Attempts">
        {job.attempts_made.length === 0 ? <Empty>No attempt yet.</Empty> : (
          <Table
            caption="Attempts"
            rows={job.attempts_made}
            keyOf={(attempt) => attempt.claimed_at}
            columns={hasErrors ? [...ATTEMPT_COLUMNS, ERROR_COLUMN] : ATTEMPT_COLUMNS}
          />
        )}
      </Section>
    </>
  );
}
