import { useEffect, useRef } from "preact/hooks";
import { Link, useParams } from "wouter-preact";
import { ExecutionDetailResponse } from "../../../types/history.ts";
import { JobDetailResponse } from "../../../types/jobs.ts";
import { announce } from "../announce.ts";
import { Page } from "../components/page.tsx";
import { Reading } from "../components/states.tsx";
import { Pill } from "../components/status.tsx";
import { Message } from "../components/time.tsx";
import { capitalised, counted, number, sentence, title } from "../format.ts";
import { Acts } from "../job/acts.tsx";
import { Details, Summary } from "../job/facts.tsx";
import { isFinished, type Job, outcomeOf, targetOf, titleOf } from "../job/job.ts";
import { Timeline } from "../job/timeline.tsx";
import { useNames } from "../names.ts";
import { useRead } from "../queries.ts";
import { ErrorGroups } from "../run/error-groups.tsx";

/** Announces each new state of a job while it is shown. */
function useAnnouncedState(job: Job | undefined, name: string): void {
  const previous = useRef<Job["status"] | null>(null);
  useEffect(() => {
    if (!job) return;
    if (previous.current && previous.current !== job.status) announce(`${name}: ${title(job.status)}`);
    previous.current = job.status;
  }, [job?.status]);
}

export default function JobView() {
  const { id = "" } = useParams();
  const job = useRead(`sync-admin/jobs/${id}`, JobDetailResponse, { isLive: (data) => !isFinished(data) });
  const nameOf = useNames();
  const name = job.data ? nameOf(job.data.entity_type) : "";
  useAnnouncedState(job.data, `Sync of ${name}`);
  return (
    <Page
      title={job.data ? titleOf(job.data, name) : "Job"}
      crumb={<Link href="/sync">Jobs</Link>}
      lead={job.data && <Lead job={job.data} />}
      acts={job.data && <Acts job={job.data} />}
    >
      <Reading of={job}>{(data) => <Body job={data} />}</Reading>
    </Page>
  );
}

const Lead = ({ job }: { job: Job }) => (
  <>
    <Pill of={outcomeOf(job)} />{" "}
    <span>
      {targetOf(job)}, triggered by {job.triggered_by}
    </span>
  </>
);

function Body({ job }: { job: Job }) {
  return (
    <>
      <Summary job={job} />
      <div class="split incident">
        <div class="stack">
          {!isFinished(job) && <Progress job={job} />}
          <Errors job={job} />
          <Timeline job={job} />
        </div>
        <aside class="stack">
          <Details job={job} />
        </aside>
      </div>
    </>
  );
}

/** The progress of a run, with the failed share in red. */
function ProgressBar({ progress: { total_tournaments, tournaments_processed, tournaments_failed } }: {
  progress: NonNullable<Job["progress"]>;
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

/** The reason why the job waits, or the progress of its run. */
function Progress({ job }: { job: Job }) {
  const { progress } = job;
  return (
    <div class="card pad progress">
      {job.status === "QUEUED" && (
        <p>
          {job.waits_because ? <Message of={sentence(job.waits_because)} /> : `Position ${number(job.queue_position)} in the queue.`}
        </p>
      )}
      {job.cancel_requested_at && <p>{job.cancelled_by} requested the cancellation. The run stops at the next tournament.</p>}
      {progress && (
        <>
          <p>
            {capitalised(progress.current_stage ?? "starting")}: {number(progress.tournaments_processed)} of{" "}
            {counted(progress.total_tournaments, "tournament")}, {number(progress.tournaments_failed)} failed,{" "}
            {counted(progress.records_processed, "record")}
          </p>
          <ProgressBar progress={progress} />
        </>
      )}
    </div>
  );
}

/** The errors of the run of the job by fingerprint, with the advice and the tournaments of each. */
function Errors({ job: { execution_id, final_status } }: { job: Job }) {
  const run = useRead(`sync-monitoring/executions/${execution_id}`, ExecutionDetailResponse, {
    isEnabled: execution_id !== null && final_status !== null && final_status !== "SUCCEEDED",
    every: 300_000,
  }).data;
  if (!run?.error_groups.length) return null;
  return (
    <section class="card headed">
      <h2>Errors ({number(run.error_count)})</h2>
      <ErrorGroups run={run} />
    </section>
  );
}
