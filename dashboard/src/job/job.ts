import type { JobDetailResponse } from "../../../types/jobs.ts";
import { capitalised, counted, number, words } from "../format.ts";

export type Job = JobDetailResponse;

export const isFinished = ({ status }: Job): boolean => ["COMPLETED", "FAILED", "CANCELLED"].includes(status);

/** The outcome of the run of a completed job, else the state of the job. */
export const outcomeOf = ({ status, final_status }: Pick<Job, "status" | "final_status">): string =>
  status === "COMPLETED" ? final_status ?? status : status;

/** The target of the job: one tournament, several tournaments, or a full run. */
export const targetOf = ({ tournament_no, tournament_nos }: Job): string =>
  capitalised(tournament_no ? `tournament ${tournament_no}` : tournament_nos ? counted(tournament_nos.length, "tournament") : "full run");

/** The number of failed tournaments: `1 of 12 tournaments failed`; empty when none failed. */
export const failuresOf = ({ progress }: Job): string =>
  progress?.tournaments_failed
    ? `${number(progress.tournaments_failed)} of ${counted(progress.total_tournaments, "tournament")} failed`
    : "";

/** The sync of the job with its outcome or progress: `Sync of Match Schedule: 1 of 12 tournaments failed`. */
export function titleOf(job: Job, name: string): string {
  const sync = `Sync of ${name}`;
  switch (outcomeOf(job)) {
    case "QUEUED":
      return `${sync} waits in the queue`;
    case "RUNNING":
      return `${sync} is running`;
    case "CANCELLED":
      return `${sync} was cancelled`;
    case "PARTIAL":
      return `${sync}: ${failuresOf(job) || "partial"}`;
    default:
      return `${sync} ${words(outcomeOf(job))}`;
  }
}
