import { assertEquals } from "@std/assert";
import type { ObjectiveBudget } from "../../types/objectives.ts";
import { statusOf } from "../objective-status.ts";

const UNTIL = "2026-06-10T12:00:00Z";

for (
  const [status, what, budget] of [
    ["NO_DATA", "no event", { events: 0 }],
    ["MET", "budget that lasts", { budget_left_events: 3 }],
    ["MET", "a budget that is spent exactly", { budget_left_events: 0 }],
    ["MET", "a budget that ends after more than three days", { runs_out_at: "2026-06-13T12:00:01Z" }],
    ["AT_RISK", "a budget that ends in three days", { runs_out_at: "2026-06-13T12:00:00Z" }],
    ["MISSED", "an overspent budget", { budget_left_events: -0.5 }],
  ] as const
) {
  Deno.test(`an objective with ${what} is ${status}`, () => {
    const objective = { events: 100, budget_left_events: 1, runs_out_at: null, until: UNTIL, ...budget } as ObjectiveBudget;
    assertEquals(statusOf(objective), status);
  });
}
