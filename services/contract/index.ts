import type { z } from "zod";
import type { Database } from "../../types/database.ts";
import { ACTS } from "./acts.ts";
import { ALERTS } from "./alerts.ts";
import { AUDIT } from "./audit.ts";
import { HEALTH } from "./health.ts";
import { METRICS } from "./metrics.ts";
import { QUEUE } from "./queue.ts";
import { READING } from "./reads.ts";
import { REPLAY } from "./replay.ts";
import { RUNS } from "./runs.ts";
import { SYNC_WRITES } from "./sync-writes.ts";
import { SYSTEM } from "./system.ts";
import { WEEKLY_REPORT } from "./weekly-report.ts";

/** The schemas of one SQL function: its arguments by name, and its answer. */
interface Signature {
  args: Record<string, z.ZodType>;
  answer: z.ZodType;
}

/** Every SQL function of the API; `Rpc` checks the arguments at compile time and parses the answer. A test compares it with the catalog. */
export const CONTRACT = {
  ...ACTS,
  ...ALERTS,
  ...AUDIT,
  ...HEALTH,
  ...METRICS,
  ...QUEUE,
  ...READING,
  ...REPLAY,
  ...RUNS,
  ...SYNC_WRITES,
  ...SYSTEM,
  ...WEEKLY_REPORT,
} satisfies Record<keyof Database["public"]["Functions"], Signature>;

export type FunctionName = keyof typeof CONTRACT;
export type Arguments<F extends FunctionName> = z.output<z.ZodObject<(typeof CONTRACT)[F]["args"]>>;
export type Answer<F extends FunctionName> = z.output<(typeof CONTRACT)[F]["answer"]>;
