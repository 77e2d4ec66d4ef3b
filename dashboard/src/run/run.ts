import type { z } from "zod";
import type { ExecutionDetailResponse } from "../../../types/history.ts";
import type { LeftOutReason } from "../../../types/sync.ts";

export type Run = z.infer<typeof ExecutionDetailResponse>;

/** The triggers of a run in words. */
export const TRIGGERS = { CRON: "schedule", MANUAL: "manual", RETRY: "retry" } as const;

/** The reasons why a run did not sync a tournament, in words. */
export const LEFT_OUT: Record<LeftOutReason, string> = {
  FRESH: "their data was fresh enough",
  LEASED: "another run was syncing them",
  BUDGET: "the run reached its time limit; the next run continues with them",
  CPU: "the worker had no CPU time left; the next run continues with them",
  UPSTREAM_BACKOFF: "no request was sent during the upstream backoff",
  CANCELLED: "the run was cancelled",
  SHUTDOWN: "the worker was shut down",
  TIMED_OUT: "the run was closed without a heartbeat",
  FAILED: "the run failed before it reached them",
};
