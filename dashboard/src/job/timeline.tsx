import { Ban, Clock, RefreshCw } from "lucide-preact";
import { Link } from "wouter-preact";
import { toneOf } from "../components/status.tsx";
import { Message, Moment } from "../components/time.tsx";
import { counted, title, words } from "../format.ts";
import { failuresOf, isFinished, type Job } from "./job.ts";

interface Entry {
  at: string;
  /** The status that determines the colour of the icon. */
  status: string;
  icon: typeof Clock;
  text: string;
  runId?: string | null;
}

type Attempt = Job["attempts_made"][number];

const withReason = (text: string, reason: string | null): string => reason ? `${text}: ${reason}` : text;

/** The end of an attempt with the outcome of its run; an attempt that completed the job has the final status of the job. */
function endOf({ outcome, error }: Attempt, job: Job): [status: string, text: string] {
  switch (outcome) {
    case null:
      return ["RUNNING", "Run started"];
    case "COMPLETED": {
      const status = job.final_status ?? outcome;
      return [status, withReason(`Run ${words(status)}`, failuresOf(job) || counted(job.records_processed, "record"))];
    }
    case "EXPIRED":
      return ["FAILED", withReason("The run did not start in time", error)];
    case "WAITED":
      return ["QUEUED", withReason("Waited for another run", error)];
    default:
      return [outcome, withReason(`Run ${words(outcome)}`, error)];
  }
}

/** The attempts with their numbers; a WAITED attempt has no number. */
function attemptsOf(job: Job): Entry[] {
  let made = 0;
  return job.attempts_made.map((attempt) => {
    const [status, text] = endOf(attempt, job);
    const isCounted = attempt.outcome !== "WAITED";
    if (isCounted) made += 1;
    const isOnly = job.attempts_made.length === 1;
    const { execution_id: runId, claimed_at, ended_at } = attempt;
    return {
      at: ended_at ?? claimed_at,
      status,
      icon: RefreshCw,
      runId,
      text: isOnly || !isCounted ? text : `Attempt ${made}: ${text.charAt(0).toLowerCase()}${text.slice(1)}`,
    };
  });
}

/** The timeline of the job, oldest first. */
function timelineOf(job: Job): Entry[] {
  const attempts = attemptsOf(job);
  const ending = job.attempts_made.at(-1)?.outcome;
  // A job that ends without an attempt, because it was cancelled or expired in the queue, has the reason in its own fields.
  const hasOwnEnd = isFinished(job) && job.status !== "COMPLETED" && ending !== job.status && ending !== "EXPIRED";
  return [
    { at: job.enqueued_at, status: "QUEUED", icon: Clock, text: `Queued with priority ${title(job.priority)}` },
    ...attempts,
    ...job.cancel_requested_at
      ? [{ at: job.cancel_requested_at, status: "QUEUED", icon: Ban, text: `Cancellation requested by ${job.cancelled_by}` }]
      : [],
    ...hasOwnEnd && job.finished_at
      ? [{ at: job.finished_at, status: job.status, icon: Ban, text: withReason(title(job.status), job.last_error) }]
      : [],
  ].sort((a, b) => Date.parse(a.at) - Date.parse(b.at));
}

export const Timeline = ({ job }: { job: Job }) => (
  <section class="card pad">
    <h2>Timeline</h2>
    <ol class="timeline">
      {timelineOf(job).map(({ at, status, icon: Shape, text, runId }) => (
        <li key={`${at} ${text}`}>
          <span class="when">
            <Moment at={at} hasSeconds />
          </span>{" "}
          <span class={`point ${toneOf(status)}`}>
            <Shape aria-hidden="true" />
          </span>{" "}
          <p>{runId ? <Link href={`/runs/${runId}`}>{text}</Link> : <Message of={text} />}</p>
        </li>
      ))}
    </ol>
  </section>
);
