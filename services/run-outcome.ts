/** Why a run ended before its work did. */
export type StopReason = "BUDGET" | "CANCELLED" | "FENCED" | "UPSTREAM_BACKOFF" | "SHUTDOWN";

/** What is known when the work has ended. */
export interface RunFacts {
  stop: StopReason | null;
  /** The message of the error that ended the whole work, if one did. */
  fatal: string | null;
  /** Steps of the work that are not a tournament, such as reading a season's list. */
  steps: number;
  steps_failed: number;
  total: number | null;
  processed: number;
  failed: number;
  rejected: number;
  /** The codes of the errors so far, most frequent first. */
  codes: string[];
}

export interface RunOutcome {
  status: "SUCCEEDED" | "PARTIAL" | "FAILED" | "CANCELLED" | "TIMED_OUT";
  reason: string;
}

/** Decides how a run ended and says why. */
export function judgeRun(facts: RunFacts): RunOutcome {
  const { stop, fatal, steps, steps_failed, total, processed, failed, rejected, codes } = facts;
  const causes = codes.length ? `: ${codes.slice(0, 3).join(", ")}` : "";
  const left = total === null ? "" : `, ${total - processed} of ${total} tournaments left`;
  if (stop === "CANCELLED") return { status: "CANCELLED", reason: `cancelled by request${left}` };
  if (stop === "SHUTDOWN") return { status: "TIMED_OUT", reason: `the worker was shut down${left}` };
  if (fatal !== null) return { status: "FAILED", reason: fatal };
  const nothing = processed === failed && steps === steps_failed;
  if (failed + steps_failed > 0 && nothing) {
    const what = processed > 0 ? `all ${processed} tournaments failed` : `all ${steps} steps failed`;
    return { status: "FAILED", reason: `${what}${causes}` };
  }
  if (stop === "UPSTREAM_BACKOFF") return { status: nothing ? "FAILED" : "PARTIAL", reason: `the upstream is blocked${left}${causes}` };
  if (failed > 0) return { status: "PARTIAL", reason: `${failed} of ${processed} tournaments failed${causes}` };
  if (steps_failed > 0) return { status: "PARTIAL", reason: `${steps_failed} of ${steps} steps failed${causes}` };
  if (stop === "BUDGET") return { status: "PARTIAL", reason: `stopped at the end of its time budget${left}` };
  if (stop === "FENCED") return { status: "PARTIAL", reason: `the run had been closed from outside${left}` };
  const noted = rejected > 0 ? `, ${rejected} records rejected` : "";
  return { status: "SUCCEEDED", reason: processed > 0 ? `${processed} tournaments done${noted}` : `nothing was due${noted}` };
}
