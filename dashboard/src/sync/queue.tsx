import { Link } from "wouter-preact";
import type { z } from "zod";
import { type Job, JobDetailResponse, PRIORITIES, type QueueStatusResponse } from "../../../types/jobs.ts";
import { EntityName } from "../components/entity-name.tsx";
import { OverEstimate } from "../components/over-estimate.tsx";
import { Facts } from "../components/page.tsx";
import { Status } from "../components/status.tsx";
import { Distance, Moment, Since } from "../components/time.tsx";
import { counted, duration, number, words } from "../format.ts";
import { useNames } from "../names.ts";
import { useRead } from "../queries.ts";

type Queue = z.infer<typeof QueueStatusResponse>;

const waitingOf = ({ waiting }: Queue): string =>
  PRIORITIES.toReversed().flatMap((name) => waiting[name] ? [`${number(waiting[name])} ${words(name)}`] : []).join(", ") || "none";

/** The slots, the waiting and the running jobs, and the paused syncs. */
export function QueueState({ queue }: { queue: Queue }) {
  const { running, paused, slots, oldest_wait_ms } = queue;
  const nameOf = useNames();
  return (
    <section class="card pad">
      <h2>Queue</h2>
      <p class="state-figure">
        {number(running.length)} of {counted(slots.total, "slot")} <small>in use</small>
      </p>
      <ul class="slots" aria-hidden="true">
        {Array.from({ length: slots.total }, (_, slot) => <li key={slot} class={slot < running.length ? "used" : undefined} />)}
      </ul>
      <Facts
        class="pairs"
        of={[
          ["Waiting", waitingOf(queue)],
          ...oldest_wait_ms === null ? [] : [["Longest wait", duration(oldest_wait_ms)] as [string, string]],
        ]}
      />
      {running.length > 0 && (
        <ul class="links" aria-label="Running jobs">
          {running.map(({ id, started_at }) => <RunningJob key={id} id={id} startedAt={started_at} />)}
        </ul>
      )}
      {paused.map((entity) => (
        <p key={entity.entity_type}>
          <Status of="WARNING" label={`${nameOf(entity.entity_type)} is paused`} />{" "}
          <span class="muted">
            by {entity.paused_by} since <Moment at={entity.since} />
          </span>
        </p>
      ))}
    </section>
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

export const targetOf = (
  { entity_type, tournament_no, tournament_nos }: z.infer<typeof Job>,
) => (
  <>
    <EntityName of={entity_type} />
    {tournament_no ? `, tournament ${tournament_no}` : tournament_nos ? `, ${counted(tournament_nos.length, "tournament")}` : ""}
  </>
);
