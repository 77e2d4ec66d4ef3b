import type { ComponentChildren } from "preact";
import { Link } from "wouter-preact";
import { CopyMenu } from "../components/copy-menu.tsx";
import { EntityName } from "../components/entity-name.tsx";
import { OverEstimate } from "../components/over-estimate.tsx";
import { Facts, Figure } from "../components/page.tsx";
import { Distance, Moment, Since } from "../components/time.tsx";
import { duration, number, title } from "../format.ts";
import { isFinished, type Job } from "./job.ts";

type Fact = [name: string, value: ComponentChildren];

/** The duration between two moments. */
const between = (from: string, until: string): string => duration(Math.max(Date.parse(until) - Date.parse(from), 0));

/** The wait of a job in the queue, in words. */
const waitOf = (from: string, until: string): string =>
  Date.parse(until) - Date.parse(from) < 1_000 ? "started at once" : `after ${between(from, until)} in the queue`;

/** The progress of the run of a job. */
function workOf({ progress, records_processed }: Job): Fact[] {
  if (!progress) return [];
  const { tournaments_processed: done, tournaments_failed: failed, total_tournaments: total } = progress;
  return [
    [
      "Tournaments synced",
      <Figure
        is={`${number(done - failed)} of ${number(total ?? done)}`}
        more={<span class={failed ? "bad" : undefined}>{failed ? `${number(failed)} failed` : "none failed"}</span>}
      />,
    ],
    ["Records", <Figure is={number(records_processed ?? progress.records_processed)} more="processed" />],
  ];
}

/** The wait and the duration of a job, or its estimated end. */
function timesOf(job: Job): Fact[] {
  const { enqueued_at, started_at, finished_at } = job;
  if (isFinished(job)) {
    return [
      [
        "Duration",
        started_at && finished_at
          ? <Figure is={between(started_at, finished_at)} more={waitOf(enqueued_at, started_at)} />
          : <Figure is="–" more="it never started" />,
      ],
      ["Finished", <Figure is={<Moment at={finished_at} />} more={<Distance at={finished_at} />} />],
    ];
  }
  const latest = job.estimated_completion_p90;
  return [
    [
      started_at ? "Running for" : "Waiting for",
      <Figure is={<Since at={started_at ?? enqueued_at} />} more={<OverEstimate ms={job.over_estimate_ms} />} />,
    ],
    [
      "Estimated completion",
      <Figure
        is={<Distance at={job.estimated_completion} />}
        more={latest && (
          <>
            p90 <Distance at={latest} />
          </>
        )}
      />,
    ],
  ];
}

/** The figures that show whether the job succeeded. */
export const Summary = ({ job }: { job: Job }) => (
  <div class="card pad now">
    <Facts class="facts" of={[...workOf(job), ...timesOf(job)]} />
  </div>
);

/** The reason of the trigger, and the jobs before and after this one; the timeline has the times. */
export function Details({ job }: { job: Job }) {
  const rows: Fact[] = [
    [
      "Sync",
      <Link href={`/entities/${job.entity_type}`}>
        <EntityName of={job.entity_type} />
      </Link>,
    ],
    ["Priority", title(job.priority)],
    ["Reason", job.reason],
  ];
  if (job.started_at) rows.push(["Started", <Moment at={job.started_at} hasSeconds />]);
  if (job.retried_from) rows.push(["Requeued from", <JobLink id={job.retried_from} />]);
  if (job.requeued_as.length) rows.push(["Requeued as", job.requeued_as.map((id) => <JobLink key={id} id={id} />)]);
  rows.push(["Job", <code>{job.id.slice(0, 8)}</code>]);
  return (
    <section class="card pad">
      <header class="section">
        <h2>Details</h2>
        <CopyMenu id={job.id} path={`sync-admin/jobs/${job.id}`} />
      </header>
      <Facts class="pairs" of={rows} />
    </section>
  );
}

const JobLink = ({ id }: { id: string }) => (
  <>
    <Link href={`/jobs/${id}`}>Job {id.slice(0, 8)}</Link>
    {" "}
  </>
);
