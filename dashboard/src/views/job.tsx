import { useEffect, useRef, useState } from "preact/hooks";
import { Link, useParams } from "wouter-preact";
import { JobDetailResponse } from "../../../types/jobs.ts";
import { go } from "../address.ts";
import { announce } from "../announce.ts";
import { OverEstimate } from "../components/over-estimate.tsx";
import { Facts, Page, Section } from "../components/page.tsx";
import { Empty, Reading, Refusal } from "../components/states.tsx";
import { Status } from "../components/status.tsx";
import { Table } from "../components/table.tsx";
import { Distance, Moment } from "../components/time.tsx";
import { counted, number, title } from "../format.ts";
import { useNames } from "../names.ts";
import { useAct, useRead } from "../queries.ts";
import { useUser } from "../session.ts";

const isFinished = ({ status }: JobDetailResponse): boolean => ["COMPLETED", "FAILED", "CANCELLED"].includes(status);

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
  const job = useRead(`sync-admin/jobs/${id}`, JobDetailResponse, {
    isLive: (data) => !isFinished(data),
  });
  const nameOf = useNames();
  const name = job.data ? `Sync of ${nameOf(job.data.entity_type)}` : "Job";
  useAnnouncedState(job.data, name);
  return (
    <Page
      title={name}
      lead={job.data && (
        <>
          <Status of={job.data.status} /> {job.data.tournament_no
            ? `tournament ${job.data.tournament_no}`
            : job.data.tournament_nos
            ? counted(job.data.tournament_nos.length, "tournament")
            : "full run"}
        </>
      )}
      acts={job.data && <Acts job={job.data} />}
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

function Job({ job }: { job: JobDetailResponse }) {
  const { progress } = job;
  return (
    <>
      <div class="progress">
        {job.status === "QUEUED" && (
          <p>
            {job.waits_because ??
              `Position ${number(job.queue_position)} in the queue`}
          </p>
        )}
        {job.cancel_requested_at && !isFinished(job) && (
          <p>
            {job.cancelled_by} requested the cancellation. The run stops at the next tournament.
          </p>
        )}
        {progress && (
          <>
            <p>
              {progress.current_stage ?? (isFinished(job) ? "done" : "starting")}: {number(progress.tournaments_processed)} of{" "}
              {counted(progress.total_tournaments, "tournament")}, {number(progress.tournaments_failed)} failed,{" "}
              {counted(progress.records_processed, "record")}
            </p>
            <progress
              value={progress.tournaments_processed}
              max={progress.total_tournaments || 1}
              aria-label="Tournaments done"
            />{" "}
            <OverEstimate ms={job.over_estimate_ms} />
          </>
        )}
      </div>
      <Facts
        of={[
          ...isFinished(job) ? [] : [
            ["Estimated completion", <Distance at={job.estimated_completion} />],
            ["Estimated completion, p90", <Distance at={job.estimated_completion_p90} />],
          ] satisfies Parameters<typeof Facts>[0]["of"],
          ["Priority", title(job.priority)],
          ["Triggered by", job.triggered_by],
          ["Reason", job.reason],
          ["Queued", <Moment at={job.enqueued_at} />],
          ["Started", <Moment at={job.started_at} />],
          ["Finished", <Moment at={job.finished_at} />],
          [
            "Outcome",
            job.final_status ? <Status of={job.final_status} /> : "–",
          ],
        ]}
      />
      {job.last_error && (
        <p>
          <strong>
            {job.status === "CANCELLED" ? "Reason for the cancellation" : "Last error"}:
          </strong>{" "}
          {job.last_error}
        </p>
      )}
      {job.execution_id && (
        <p>
          <Link href={`/runs/${job.execution_id}`}>Run of this job</Link>
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
            columns={[
              {
                name: "Claimed",
                isHead: true,
                cell: (attempt) => <Moment at={attempt.claimed_at} />,
              },
              { name: "Ended", cell: (attempt) => <Moment at={attempt.ended_at} /> },
              {
                name: "Outcome",
                card: "state",
                cell: (attempt) => <Status of={attempt.outcome ?? "RUNNING"} />,
              },
              {
                name: "Run",
                cell: (attempt) => attempt.execution_id && <Link href={`/runs/${attempt.execution_id}`}>run</Link>,
              },
              { name: "Error", cell: (attempt) => attempt.error ?? "" },
            ]}
          />
        )}
      </Section>
    </>
  );
}
