/** The reason why a run stopped before its work was complete. */
export type StopReason = "BUDGET" | "CPU" | "CANCELLED" | "FENCED" | "UPSTREAM_BACKOFF" | "SHUTDOWN";

/** The facts of a run when its work has ended. */
export interface RunFacts {
  stop: StopReason | null;
  /** The message of the error that ended the work. */
  fatal: string | null;
  /** The number of steps besides the work on tournaments, such as reading the list of a season. */
  steps: number;
  steps_failed: number;
  total: number | null;
  processed: number;
  failed: number;
  rejected: number;
  /** The number of replies that were held back for a second look. */
  held: number;
  /** The number of tournaments whose main draw is today; null for a run that reads no matches. */
  in_main_draw: number | null;
  /** The codes of the errors so far, most frequent first. */
  codes: string[];
}

export interface RunOutcome {
  status: "SUCCEEDED" | "PARTIAL" | "FAILED" | "CANCELLED" | "TIMED_OUT";
  reason: string;
}

const counted = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? "" : "s"}`;
const allFailed = (count: number, noun: string): string => count === 1 ? `1 of 1 ${noun} failed` : `all ${counted(count, noun)} failed`;

/** Decides the status of a run that has ended, with its reason. */
export function judgeRun(facts: RunFacts): RunOutcome {
  const { stop, fatal, steps, steps_failed, total, processed, failed, rejected, held, in_main_draw, codes } = facts;
  const causes = codes.length ? `: ${codes.slice(0, 3).join(", ")}` : "";
  const waiting = held > 0 ? `, ${held} held back for a second look` : "";
  const remaining = total === null ? "" : `, ${total - processed} of ${counted(total, "tournament")} left`;
  if (stop === "CANCELLED") return { status: "CANCELLED", reason: `cancelled by request${remaining}` };
  if (stop === "SHUTDOWN") return { status: "TIMED_OUT", reason: `the worker was shut down${remaining}` };
  if (fatal !== null) return { status: "FAILED", reason: fatal };
  const nothingSucceeded = processed === failed && steps === steps_failed;
  if (failed + steps_failed > 0 && nothingSucceeded) {
    const failure = processed > 0 ? allFailed(processed, "tournament") : allFailed(steps, "step");
    return { status: "FAILED", reason: `${failure}${causes}` };
  }
  if (stop === "UPSTREAM_BACKOFF") {
    return { status: nothingSucceeded ? "FAILED" : "PARTIAL", reason: `stopped by the upstream backoff${remaining}${waiting}${causes}` };
  }
  if (failed > 0) {
    const cut = stop === null ? "" : remaining;
    return { status: "PARTIAL", reason: `${failed} of ${counted(processed, "tournament")} failed${cut}${waiting}${causes}` };
  }
  if (steps_failed > 0) return { status: "PARTIAL", reason: `${steps_failed} of ${counted(steps, "step")} failed${waiting}${causes}` };
  if (stop === "BUDGET") return { status: "PARTIAL", reason: `stopped at the end of its time budget${remaining}${waiting}` };
  if (stop === "CPU") return { status: "PARTIAL", reason: `stopped at the end of the CPU budget of its worker${remaining}${waiting}` };
  if (stop === "FENCED") return { status: "PARTIAL", reason: `the run was already closed in the database${remaining}${waiting}` };
  if (held > 0) {
    const replies = counted(held, "reply").replace("replys", "replies");
    return { status: "PARTIAL", reason: `${replies} held back for a second look${causes}` };
  }
  const calendar = in_main_draw === null
    ? ""
    : `, ${in_main_draw === 0 ? "no" : in_main_draw} main draw${in_main_draw > 1 ? "s" : ""} today`;
  const rejections = rejected > 0 ? `, ${counted(rejected, "record")} rejected` : "";
  return {
    status: "SUCCEEDED",
    reason: processed > 0
      ? `${counted(processed, "tournament")} done${calendar}${rejections}`
      : `no tournament was due${calendar}${rejections}`,
  };
}
