import type { ObjectiveBudget, ObjectiveStatus } from "../types/objectives.ts";

/** A budget that ends within this time is at risk. */
const AT_RISK_MS = 3 * 86_400_000;

type Budget = Pick<ObjectiveBudget, "events" | "budget_left_events" | "runs_out_at" | "until">;

/** The status of an objective from its budget. */
export function statusOf({ events, budget_left_events: left, runs_out_at, until }: Budget): ObjectiveStatus {
  if (events === 0) return "NO_DATA";
  if (left < 0) return "MISSED";
  return runs_out_at !== null && Date.parse(runs_out_at) - Date.parse(until) <= AT_RISK_MS ? "AT_RISK" : "MET";
}
