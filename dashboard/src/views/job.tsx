import { useState } from "preact/hooks";
import { Link, useParams } from "wouter-preact";
import { JobDetailResponse } from "../../../types/jobs.ts";
import { go } from "../address.ts";
import { Facts, Page, Section } from "../components/page.tsx";
import { Empty, Reading, Refusal } from "../components/states.tsx";
import { Status } from "../components/status.tsx";
import { Table } from "../components/table.tsx";
import { Distance, Moment } from "../components/time.tsx";
import { number, title } from "../format.ts";
import { useAct, useRead } from "../queries.ts";
import { useUser } from "../session.ts";

const isOver = ({ status }: JobDetailResponse): boolean => ["COMPLETED", "FAILED", "CANCELLED"].includes(status);

export default function JobView() {
  const { id = "" } = useParams();
  const job = useRead(`sync-admin/jobs/${id}`, JobDetailResponse, {
    isLive: (data) => !isOver(data),
  });
  return (
    <Page
      title={job.data ? `Sync of ${title(job.data.entity_type)}` : "Job"}
      lead={job.data && (
        <>
          <Status of={job.data.status} /> {job.data.tournament_no
            ? `tournament ${job.data.tournament_no}`
            : job.data.tournament_nos
            ? `${job.data.tournament_nos.length} tournaments`
            : "everything"}
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
    (again) => go(`/jobs/${again.id}`),
  );
  const [isAsked, setAsked] = useState(false);
  if (!can("operator")) return null;
  return (
    <>
      {!isOver(job) && !job.cancel_requested_at && (isAsked
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
            class="secondary"
            onClick={() => setAsked(true)}
          >
            Cancel
          </button>
        ))}
      {isOver(job) && (
        <>
          <button
            type="button"
            class="secondary"
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
              Only what failed
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
      <div role="status" class="progress">
        {job.status === "QUEUED" && (
          <p>
            {job.waits_because ??
              `Number ${number(job.queue_position)} in the queue`}
          </p>
        )}
        {job.cancel_requested_at && !isOver(job) && (
          <p>
            Asked to stop by {job.cancelled_by}: it does at the next tournament.
          </p>
        )}
        {progress && (
          <>
            <p>
              {progress.current_stage ?? (isOver(job) ? "done" : "begins")}: {number(progress.tournaments_processed)} of{" "}
              {number(progress.total_tournaments)} tournaments, {number(progress.tournaments_failed)} failed,{" "}
              {number(progress.records_processed)} records
            </p>
            <progress
              value={progress.tournaments_processed}
              max={progress.total_tournaments || 1}
              aria-label="Tournaments done"
            />
          </>
        )}
      </div>
      <Facts
        of={[
          ["Done, probably", <Distance at={job.estimated_completion} />],
          [
            "at the latest, nine of ten",
            <Distance at={job.estimated_completion_p90} />,
          ],
          ["Priority", title(job.priority)],
          ["By", job.triggered_by],
          ["Reason", job.reason],
          ["Queued", <Moment at={job.enqueued_at} />],
          ["Began", <Moment at={job.started_at} />],
          ["Ended", <Moment at={job.finished_at} />],
          [
            "Outcome",
            job.final_status ? <Status of={job.final_status} /> : "–",
          ],
        ]}
      />
      {job.last_error && (
        <p>
          <strong>
            {job.status === "CANCELLED" ? "Why it ended" : "Last error"}:
          </strong>{" "}
          {job.last_error}
        </p>
      )}
      {job.execution_id && (
        <p>
          <Link href={`/runs/${job.execution_id}`}>Its run</Link>
        </p>
      )}
      {job.retried_from && (
        <p>
          Again for <Link href={`/jobs/${job.retried_from}`}>an earlier job</Link>
        </p>
      )}
      {job.requeued_as.map((again) => (
        <p key={again}>
          Done again as <Link href={`/jobs/${again}`}>another job</Link>
        </p>
      ))}
      <Section title="Its tries">
        {job.attempts_made.length === 0 ? <Empty>None yet.</Empty> : (
          <Table
            caption="Tries"
            rows={job.attempts_made}
            keyOf={(one) => one.claimed_at}
            columns={[
              {
                name: "Began",
                isHead: true,
                cell: (one) => <Moment at={one.claimed_at} />,
              },
              { name: "Ended", cell: (one) => <Moment at={one.ended_at} /> },
              {
                name: "Outcome",
                cell: (one) => <Status of={one.outcome ?? "RUNNING"} />,
              },
              {
                name: "Run",
                cell: (one) => one.execution_id && <Link href={`/runs/${one.execution_id}`}>its run</Link>,
              },
              { name: "Error", cell: (one) => one.error ?? "" },
            ]}
          />
        )}
      </Section>
    </>
  );
}
